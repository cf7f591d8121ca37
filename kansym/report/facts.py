"""What a report says in words and tables: the data, what to look at twice, and how to make the model again."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import kansym
from kansym.report.wording import counted, number

if TYPE_CHECKING:
    from kansym.regressor import KANRegressor
    from kansym.symbolic.front import Formula

__all__ = ["Column", "Data", "columns_of", "constants_of", "python_call", "settings_of", "versions", "warnings_of"]

_PACKAGES = ("numpy", "scipy", "sympy", "scikit-learn", "torch")
_FEW_ROWS = 20
_SURE = 0.6
_OTHER_ROWS = 0.02
_NAMED = 12


@dataclass(frozen=True, eq=False)
class Data:
    """The rows a report is given, checked.

    Parameters
    ----------
    columns : ndarray of shape (n_rows, n_features)
    targets : ndarray of shape (n_rows, n_outputs)
    """

    columns: NDArray[np.float64]
    targets: NDArray[np.float64]

    def fingerprint(self) -> str:
        """SHA-256 of the numbers, by which two people can see that they have the same rows."""
        digest = hashlib.sha256()
        for array in (self.columns, self.targets):
            digest.update(np.ascontiguousarray(array, dtype="<f8").tobytes())
        return digest.hexdigest()


@dataclass(frozen=True)
class Column:
    """One line of the table of the data; without rows only the ends are known."""

    name: str
    unit: str
    role: str
    low: str
    median: str
    high: str
    distinct: str


def columns_of(model: KANRegressor, data: Data | None, units: Mapping[str, str]) -> list[Column]:
    """Describe every column and target."""
    used = [
        {str(symbol) for symbol in front[selected].expression.free_symbols}
        for front, selected in zip(model.fronts_, model.selected(), strict=True)
    ]
    names = [variable.name for variable in model.variables_]
    rows = []
    for place, name in enumerate(names):
        role = "in the formula" if any(name in symbols for symbols in used) else "not used"
        values = data.columns[:, place] if data is not None else np.array([model._low[place], model._high[place]])
        rows.append(_column(name, units, role, values, data is not None))
    for place, name in enumerate(model.output_names_):
        values = data.targets[:, place] if data is not None else np.array([np.nan])
        rows.append(_column(name, units, "target", values, data is not None))
    return rows


def _column(name: str, units: Mapping[str, str], role: str, values: NDArray[np.float64], whole: bool) -> Column:
    low, high = number(float(values.min()), 4), number(float(values.max()), 4)
    median = number(float(np.median(values)), 4) if whole else number(None)
    distinct = f"{len(np.unique(values)):,}" if whole else number(None)
    return Column(name, units.get(name, ""), role, low, median, high, distinct)


def warnings_of(model: KANRegressor, data: Data | None, predictions: Sequence[NDArray[np.float64]]) -> list[str]:
    """Say what a reader should look at twice; ``predictions`` are those of the selected formulas on the rows."""
    found = []
    several = len(model.output_names_) > 1
    for place, (name, discovery, selected) in enumerate(
        zip(model.output_names_, model.discoveries_, model.selected(), strict=True)
    ):
        of = f" for {name}" if several else ""
        formula, confidence = discovery.front[selected], discovery.confidence
        if confidence.resamples and confidence.agreement < _SURE:
            found.append(f"The choice of the formula{of} is not sure: other rows would often have led to another one.")
        if discovery.reason in ("interrupted",):
            found.append(f"The search{of} was interrupted; a longer one may find a better formula.")
        if formula.r2 < 0.5:
            found.append(f"The selected formula{of} explains less than half of the variance.")
        if data is not None:
            found += _of_predictions(of, data.targets[:, place], predictions[place], formula)
    n_rows = model.fronts_[0].n_rows
    if n_rows < _FEW_ROWS:
        found.append(f"The fit had {counted(n_rows, 'row')} only: several laws may agree with so few.")
    return found + (_of_rows(model, data) if data is not None else [])


def _of_predictions(of: str, target: NDArray[np.float64], values: NDArray[np.float64], formula: Formula) -> list[str]:
    found = []
    defined = np.isfinite(values)
    if not defined.all():
        rows = counted(int((~defined).sum()), "row")
        found.append(f"The selected formula{of} is not defined on {rows} of those shown.")
    loss = float(np.mean((target[defined] - values[defined]) ** 2)) if defined.any() else np.nan
    floor = 1e-20 * float(np.var(target))
    if np.isfinite(loss) and not np.isclose(max(loss, floor), max(formula.loss, floor), rtol=_OTHER_ROWS, atol=0):
        found.append(
            f"The mean squared error{of} is {number(loss)} on the rows shown, and was {number(formula.loss)} at the"
            " fit: these are other rows, or rows had weights."
        )
    return found


def _of_rows(model: KANRegressor, data: Data) -> list[str]:
    found = []
    names = [variable.name for variable in model.variables_]
    constant = [name for name, values in zip(names, data.columns.T, strict=True) if np.ptp(values) == 0]
    if constant:
        found.append(f"Constant, so without any effect that could be seen: {_listed(constant)}.")
    whole = np.column_stack([data.columns, data.targets])
    copies = len(whole) - len(np.unique(whole, axis=0))
    if copies:
        found.append(f"{counted(copies, 'row')} repeat others exactly.")
    outside = int(np.any((data.columns < model._low) | (data.columns > model._high), axis=1).sum())
    if outside:
        found.append(f"{counted(outside, 'row')} of those shown lie outside the ranges of the fit.")
    return found


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def constants_of(formula: Formula) -> list[tuple[str, str]]:
    """Each fitted constant with its standard error, in the order of evaluation, as far as the error lets it be read.

    The error is empty where it is not known.
    """
    written = []
    for value, error in zip(formula.constants, formula.standard_errors, strict=True):
        digits = max(formula.digits, 6)
        if 0 < error < abs(value):
            digits = min(max(math.floor(math.log10(abs(value))) - math.floor(math.log10(error)) + 2, 2), 15)
        written.append((number(value, digits), "" if math.isnan(error) else number(error, 2)))
    return written


def settings_of(model: KANRegressor) -> list[tuple[str, str, bool]]:
    """Every parameter, what it was, and whether that is the default."""
    usual = type(model)().get_params(deep=False)
    given = model.get_params(deep=False)
    return [(name, _written(value), _written(value) == _written(usual[name])) for name, value in given.items()]


def python_call(model: KANRegressor) -> str:
    """Python code that makes such a model from a table ``data.csv``."""
    options = [f"{name}={value}" for name, value, is_default in settings_of(model) if not is_default]
    names = getattr(model, "feature_names_in_", None)
    inputs = f"table[{[str(name) for name in names]!r}]" if names is not None else "table.iloc[:, :-1].to_numpy()"
    outputs = list(model.output_names_)
    target = f"table[{outputs[0]!r}]" if len(outputs) == 1 else f"table[{outputs!r}]"
    if names is None:
        target = "table.iloc[:, -1]" if len(outputs) == 1 else f"table.iloc[:, -{len(outputs)}:].to_numpy()"
        inputs = inputs.replace(":-1]", f":-{len(outputs)}]")
    kind = type(model).__name__
    return "\n".join(
        [
            "import pandas as pd",
            f"from kansym import {kind}",
            "",
            'table = pd.read_csv("data.csv")',
            f"model = {kind}({', '.join(options)})",
            f"model.fit({inputs}, {target})",
        ]
    )


def _written(value: Any) -> str:
    from kansym.library import Library

    return repr(list(value.names)) if isinstance(value, Library) else repr(value)


def versions() -> dict[str, str]:
    """Versions of kansym, Python and what the numbers depend on."""
    import platform

    found = {"kansym": kansym.__version__, "Python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
