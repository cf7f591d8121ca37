"""What a reader of a report should look at twice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from kansym import KANClassifier
from kansym.report.wording import counted, number

if TYPE_CHECKING:
    from kansym.estimator import FormulaEstimator
    from kansym.report.rows import Data
    from kansym.symbolic.front import Formula

__all__ = ["cautions_of"]

_FEW_ROWS, _FEW_OF_A_CLASS = 20, 10
_SURE = 0.6
_OTHER_ROWS = 0.02
_LEAST_SHARE, _LEAST_CLASS_SHARE = 0.5, 0.1  # labels are noisy even where the probabilities are known exactly
_NAMED = 12


def cautions_of(model: FormulaEstimator, data: Data | None) -> list[str]:
    """One sentence for each doubt: of the search, of the formulas on the rows, of the rows themselves."""
    found = _of_search(model)
    if data is not None:
        found += _of_classes(model, data) if isinstance(model, KANClassifier) else _of_predictions(model, data)
    n_rows = model.fronts_[0].n_rows
    if n_rows < _FEW_ROWS:
        found.append(f"The fit had {counted(n_rows, 'row')} only: several laws may agree with so few.")
    return found + (_of_rows(model, data) if data is not None else [])


def _of_search(model: FormulaEstimator) -> list[str]:
    found = []
    least = _LEAST_CLASS_SHARE if isinstance(model, KANClassifier) else _LEAST_SHARE
    what = "a tenth of the log-loss" if isinstance(model, KANClassifier) else "half of the variance"
    for place, selected in enumerate(model.selected()):
        of, discovery = _of(model, place), model.discoveries_[place]
        confidence = discovery.confidence
        if confidence.resamples and confidence.agreement < _SURE:
            found.append(f"The choice of the formula{of} is not sure: other rows would often have led to another one.")
        if discovery.reason == "interrupted":
            found.append(f"The search{of} was interrupted; a longer one may find a better formula.")
        if discovery.front[selected].r2 < least:
            found.append(f"The selected formula{of} explains less than {what}.")
    return found


def _of_predictions(model: FormulaEstimator, data: Data) -> list[str]:
    found = []
    for place, selected in enumerate(model.selected()):
        of, formula = _of(model, place), model.fronts_[place][selected]
        target, values = data.targets[:, place], data.predictions(model, place, selected)
        defined = np.isfinite(values)
        found += _undefined(f"The selected formula{of} is", int((~defined).sum()))
        loss = float(np.mean((target[defined] - values[defined]) ** 2)) if defined.any() else np.nan
        found += _other_rows(f"mean squared error{of}", loss, formula, 1e-20 * float(np.var(target)))
    return found


def _of_classes(model: KANClassifier, data: Data) -> list[str]:
    rows = data.class_rows(model, 0, model.selected()[0])
    known = int(rows.defined.sum())
    found = _undefined("The probabilities are", len(rows.codes) - known)
    selected = [front[row] for front, row in zip(model.fronts_, model.selected(), strict=True)]
    found += _other_rows("log-loss", rows.loss, max(selected, key=lambda formula: formula.loss), 1e-9)
    if known and rows.right == known:
        found.append(
            "No row shown is of another class than the likeliest: how steep the formulas are is then not told by the"
            " rows, but by their number, which limits how sure a probability may be."
        )
    counts = np.bincount(rows.codes, minlength=len(model.classes_))
    rare = [f"{model.classes_[code]} ({counts[code]})" for code in np.flatnonzero(counts < _FEW_OF_A_CLASS)]
    if rare:
        found.append(f"Classes of fewer than {_FEW_OF_A_CLASS} of the rows shown: {_listed(rare)}.")
    return found


def _undefined(what: str, count: int) -> list[str]:
    return [f"{what} not defined on {counted(count, 'row')} of those shown."] if count else []


def _other_rows(what: str, loss: float, formula: Formula, floor: float) -> list[str]:
    if not np.isfinite(loss) or np.isclose(max(loss, floor), max(formula.loss, floor), rtol=_OTHER_ROWS, atol=0):
        return []
    return [
        f"The {what} is {number(loss)} on the rows shown, and was {number(formula.loss)} at the fit: these are other"
        " rows, or rows had weights."
    ]


def _of_rows(model: FormulaEstimator, data: Data) -> list[str]:
    found = []
    names = [variable.name for variable in model.variables_]
    constant = [name for name, values in zip(names, data.columns.T, strict=True) if np.ptp(values) == 0]
    if constant:
        found.append(f"Constant, so without any effect that could be seen: {_listed(constant)}.")
    whole = np.column_stack([data.columns, data.targets])
    copies = len(whole) - len(np.unique(whole, axis=0))
    if copies:
        found.append("1 row repeats another exactly." if copies == 1 else f"{copies:,} rows repeat others exactly.")
    outside = int(np.any((data.columns < model._low) | (data.columns > model._high), axis=1).sum())
    if outside:
        lie = "lies" if outside == 1 else "lie"
        found.append(f"{counted(outside, 'row')} of those shown {lie} outside the ranges of the fit.")
    return found


def _of(model: FormulaEstimator, place: int) -> str:
    return f" for {model.output_names_[place]}" if len(model.fronts_) > 1 else ""


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
