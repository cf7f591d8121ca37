"""The files through which a run and its child processes talk: plain JSON and arrays, each there whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

__all__ = ["ANSWER", "CASE", "LOADED", "NUMERIC", "PREDICTIONS", "ROWS", "SYMBOLIC", "TASK", "read_json", "write_json"]

TASK, ROWS = "task.json", "rows.npz"
"""For the method: what to do, and the rows."""

LOADED, ANSWER, PREDICTIONS = "loaded.json", "answer.json", "predictions.npz"
"""From the method: its versions when loading is done, then what it found."""

CASE = "case.json"
"""For the judge, beside the rows."""

NUMERIC, SYMBOLIC = "numeric.json", "symbolic.json"
"""From the judge: what the numbers say, then what sympy says."""


def write_json(path: Path, value: Any) -> None:
    """Write a value so that no reader ever sees half of it.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "a.json"
    >>> read_json(path)
    >>> write_json(path, [1, None])
    >>> read_json(path)
    [1, None]
    """
    partial = path.with_name(f"{path.name}.partial")
    partial.write_text(json.dumps(value), encoding="utf-8")
    partial.replace(path)


def read_json(path: Path) -> Any:
    """Read a value; None if there is none, or it is no JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
