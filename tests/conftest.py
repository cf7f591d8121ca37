"""Property tests draw the same examples on every run: a failure is a change of the code, not of the dice.

``HYPOTHESIS_PROFILE=random`` draws new ones, and more of them where a test leaves the number to the profile.
"""

import contextlib
import os
import subprocess

import pytest
from hypothesis import settings

# Tests run in as many processes as there are cores. With threads beside, these wait for each other most of the time,
# and the whole takes several times as long. What starts later inherits it; torch and numpy look when they are loaded.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.register_profile("random", max_examples=1000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))


@pytest.fixture
def start():
    """Start processes that end with the test, even one that fails; ``with subprocess.Popen(...)`` waits for them."""
    with contextlib.ExitStack() as started:

        def start(*arguments, **options):
            process = started.enter_context(subprocess.Popen(*arguments, **options))
            started.callback(process.kill)
            return process

        yield start
