"""What runs in the child process of a run: it loads the method, lets it fit, and leaves its answer in a folder.

The folder holds the task; the answer and the moment at which loading was done are written beside it. Whatever the
method prints goes where its parent says, and whatever files it writes go to its working directory; neither can be taken
for the answer.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kansym.comparison.exchange import ANSWER, LOADED, PREDICTIONS, ROWS, TASK, read_json, write_json
from kansym.comparison.machine import source_fingerprint

if TYPE_CHECKING:
    from kansym.comparison.methods.base import Answer, Method, Task

__all__ = ["main"]

_MAX_MESSAGE = 300


def main(folder: str) -> None:
    """Run the task of a folder and write the answer there, then leave at once: nothing of the method can stay us."""
    write_json(Path(folder, ANSWER), _answer(Path(folder)))
    os._exit(0)


def _answer(folder: Path) -> dict[str, Any]:
    from kansym.comparison.methods import find_method
    from kansym.comparison.methods.base import MissingMethod, Task

    given = read_json(folder / TASK)
    with np.load(folder / ROWS, allow_pickle=False) as arrays:
        rows = dict(arrays)
    task = Task(rows["X"], rows["y"], given["time_limit"], given["seed"], given["threads"], tuple(given["operators"]))
    method = find_method(given["method"])
    about: dict[str, Any] = {"versions": _versions(method)}
    try:
        if remedy := method.missing():
            return about | {"status": "missing", "error": _one_line(remedy)}
        method.load()
        method.warm_up(_tiny(task))
    except MissingMethod as error:
        return about | {"status": "missing", "error": _one_line(error)}
    except Exception as error:
        return about | {"status": "error", "error": f"loading failed: {_described(error)}"}
    write_json(folder / LOADED, about)
    start = time.perf_counter()
    try:
        answer = method.fit(task)
    except Exception as error:
        return about | {"status": "error", "error": _described(error), "seconds": time.perf_counter() - start}
    about["seconds"] = time.perf_counter() - start
    try:
        return about | {"status": "ok", **_exported(answer, task, folder, rows)}
    except Exception as error:
        return about | {"status": "error", "error": f"no usable answer: {_described(error)}"}


def _tiny(task: Task) -> Task:
    from kansym.comparison.methods.base import Task

    x = np.linspace(1.0, 2.0, 20).reshape(-1, 1)
    return Task(x, x[:, 0] ** 2, 1.0, 0, task.threads, task.operators)


def _exported(answer: Answer, task: Task, folder: Path, rows: dict[str, Any]) -> dict[str, Any]:
    """Return the formulas as text, or leave the predictions of a method without one in a file."""
    from kansym.comparison.methods.base import Answer

    if not isinstance(answer, Answer):
        raise TypeError(f"fit must return an Answer, got {type(answer).__name__}")
    if answer.expression is not None:
        front = [text for formula in answer.front if (text := _text_or_none(formula, task)) is not None]
        return {"expression": _text(answer.expression, task), "front": front}
    if answer.predict is None:
        raise TypeError("fit must return an Answer with an expression or a predict function, got neither")
    predictions = {}
    for name in ("X_test", "X_wide"):
        if name in rows:
            values = np.asarray(answer.predict(rows[name]), dtype=float).reshape(-1)
            if len(values) != len(rows[name]):
                raise ValueError(f"predict must return {len(rows[name])} numbers, got {len(values)}")
            predictions[name] = values
    if not np.all(np.isfinite(predictions["X_test"])):
        raise ValueError("predict must return finite numbers, got NaN or infinity")
    np.savez(folder / PREDICTIONS, **predictions)
    return {"expression": None, "front": []}


def _text(formula: Any, task: Task) -> str:
    import sympy

    from kansym.symbolic.parsing import expression_text

    if not isinstance(formula, sympy.Expr):
        raise TypeError(f"a formula must be a sympy expression, got {type(formula).__name__}")
    if unknown := sorted(map(str, formula.free_symbols - set(task.variables))):
        raise ValueError(f"a formula must be in x0, x1, …, got the symbol {unknown[0]!r}")
    return expression_text(formula)


def _text_or_none(formula: Any, task: Task) -> str | None:
    """Text of a formula of the front; one that cannot be written costs itself only."""
    from kansym.errors import KansymError

    try:
        return _text(formula, task)
    except (KansymError, TypeError, ValueError, RecursionError):
        return None


def _versions(method: Method) -> dict[str, str]:
    versions = {"python": platform.python_version(), "kansym source": source_fingerprint()}
    for package in dict.fromkeys(("kansym", *method.packages)):
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def _described(error: Exception) -> str:
    return _one_line(f"{type(error).__name__}: {error}")


def _one_line(message: object) -> str:
    return " ".join(str(message).split())[:_MAX_MESSAGE]
