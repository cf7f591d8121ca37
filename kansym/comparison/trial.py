"""Whether a method of the user's own can be loaded: tried in a process that may crash, hang or leave."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from kansym.comparison.exchange import ANSWER, TASK, read_json, write_json
from kansym.comparison.methods import find_method, is_built_in
from kansym.comparison.process import Limits, run_process
from kansym.errors import ParameterError
from kansym.hints import quote

__all__ = ["check_method", "main"]

_SECONDS, _MEMORY = 120.0, 16_384.0


def check_method(name: str) -> None:
    """Raise a ParameterError unless a name is that of a method.

    A typing error is worth one sentence now rather than a record of each run. Modules of the user's are imported by
    another process, since they may do anything: a crash there is no crash here.

    Parameters
    ----------
    name : str
        As :func:`kansym.comparison.methods.find_method` takes it.
    """
    if is_built_in(name):
        return
    with tempfile.TemporaryDirectory(prefix="kansym-", ignore_cleanup_errors=True) as place:
        folder = Path(place)
        write_json(folder / TASK, name)
        outcome = run_process(__name__, folder, folder, Limits(_SECONDS, _SECONDS, _MEMORY, 1), lambda: True)
        found = read_json(folder / ANSWER)
    if found is None:
        reasons = {"time": f"one that takes more than {_SECONDS:g} s", "memory": "one that needs too much memory"}
        reason = reasons.get(outcome.ended, f"one whose import {outcome.exit}{outcome.last_words}")
        raise ParameterError(f"method {quote(name)} must name a module that can be imported, got {reason}")
    if found["error"] is not None:
        raise ParameterError(found["error"])


def main(place: str) -> None:
    """Load the method that a folder names and write there what is wrong with it."""
    folder, error = Path(place), None
    try:
        find_method(read_json(folder / TASK))
    except ParameterError as wrong:
        error = str(wrong)
    write_json(folder / ANSWER, {"error": error})
    os._exit(0)  # whatever the module has started does not keep anyone waiting
