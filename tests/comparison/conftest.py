import tempfile
from pathlib import Path

import psutil
import pytest

from kansym.comparison import process
from kansym.comparison.problems import LawProblem
from kansym.comparison.sampling import Variable

MARK = "KANSYM_TEST"
FAKES = Path(__file__).parent / "fake_methods"


@pytest.fixture
def law():
    """Return the problem that the fake methods know: the sum of two columns."""
    a, b = Variable("a", 1.0, 2.0), Variable("b", -1.0, 1.0)
    return LawProblem("mine", "sum", a.symbol + b.symbol, (a, b))


@pytest.fixture
def fakes(monkeypatch, tmp_path):
    """Let child processes find the fake methods and be killed soon; nothing may be left of them.

    Gives a function that returns the processes of this test's runs that are still there.
    """
    monkeypatch.setenv("PYTHONPATH", str(FAKES))
    monkeypatch.setenv(MARK, str(tmp_path))
    monkeypatch.syspath_prepend(str(FAKES))
    monkeypatch.setattr(process, "_GRACE_SECONDS", 1.0)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    monkeypatch.setenv("TMPDIR", str(temporary))
    yield lambda: marked_processes(tmp_path)
    assert list(temporary.iterdir()) == []
    assert not marked_processes(tmp_path)


def marked_processes(mark):
    """Return processes that the runs of a test have started and that are still there."""
    found = []
    for one in psutil.process_iter():
        try:
            environment = one.environ()
            ours = environment.get(MARK) == str(mark) and "KANSYM_RUN" in environment
            if ours and one.status() != psutil.STATUS_ZOMBIE:
                found.append(one)
        except psutil.Error:
            continue
    return found
