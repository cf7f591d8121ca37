"""What runs in the child process of the judge: it reads a formula and the rows, and leaves its judgement in a folder.

A formula may be such that judging it takes for ever, or all memory. So its judge has a process, too, that can be ended.
What the numbers say is written first, and stays if it is sympy that has to be ended.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from kansym.comparison.exchange import CASE, NUMERIC, PREDICTIONS, ROWS, SYMBOLIC, read_json, write_json
from kansym.comparison.problems import Sample

__all__ = ["main", "write_case"]

_ARRAYS = ("X", "y", "X_test", "y_test", "X_wide", "y_wide")


def write_case(folder: Path, answer: dict[str, Any], sample: Sample) -> None:
    """Write what the judge is to judge.

    Parameters
    ----------
    folder : Path
        Where the predictions of a method without a formula lie already.
    answer : dict
        With ``expression``, text in x0, x1, … or None, and ``front``, a list of such texts.
    sample : Sample
    """
    from kansym.symbolic.parsing import expression_text

    case = {
        "expression": answer["expression"],
        "front": answer["front"],
        "names": sample.names,
        "truth": None if sample.truth is None else expression_text(sample.truth),
        "sigma": sample.sigma,
    }
    arrays = {name: values for name in _ARRAYS if (values := getattr(sample, name)) is not None}
    np.savez(folder / ROWS, **arrays)
    write_json(folder / CASE, case)


def main(place: str) -> None:
    """Judge the case of a folder and write the judgement there."""
    import sympy

    from kansym.comparison.judge import is_on_front, judge_numerically, judge_predictions, judge_symbolically
    from kansym.symbolic.parsing import expression_text, parse_expression

    folder = Path(place)
    case = read_json(folder / CASE)
    sample = _sample(case, folder)
    if case["expression"] is None:
        predictions = _arrays(folder / PREDICTIONS)
        judgement = judge_predictions(predictions["X_test"], predictions.get("X_wide"), sample)
        write_json(folder / NUMERIC, asdict(judgement))
        return
    plain = {f"x{i}": sympy.Symbol(f"x{i}", real=True) for i in range(len(sample.variables))}
    named = dict(zip(plain.values(), sample.variables, strict=True))

    def read(text: str) -> Any:
        return parse_expression(text, plain).xreplace(named)

    expression, front = read(case["expression"]), case["front"]
    found = asdict(judge_numerically(expression, [], sample))
    found |= {"expression": expression_text(expression), "front_size": max(len(front), 1)}
    write_json(folder / NUMERIC, found)
    # The front comes after: however long it takes, what is selected has been judged.
    if not found["on_front"] and is_on_front((read(text) for text in front), sample):
        write_json(folder / NUMERIC, found | {"on_front": True})
    write_json(folder / SYMBOLIC, judge_symbolically(expression, sample))


def _sample(case: dict[str, Any], folder: Path) -> Sample:
    import sympy

    from kansym.symbolic.parsing import parse_expression

    variables = tuple(sympy.Symbol(name, real=True) for name in case["names"])
    truth = None if case["truth"] is None else parse_expression(case["truth"], variables)
    arrays: dict[str, Any] = {**dict.fromkeys(_ARRAYS), **_arrays(folder / ROWS)}
    return Sample(tuple(case["names"]), variables, **arrays, truth=truth, sigma=case["sigma"])


def _arrays(path: Path) -> dict[str, Any]:
    with np.load(path, allow_pickle=False) as arrays:
        return dict(arrays)
