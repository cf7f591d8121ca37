"""What a report says in words and tables: of the formulas and the data, and how to make the model again."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import kansym
from kansym import KANClassifier
from kansym.discovery import REFERENCE
from kansym.report.wording import number, r_squared

if TYPE_CHECKING:
    from kansym.estimator import FormulaEstimator
    from kansym.report.rows import Data
    from kansym.symbolic.front import Formula

__all__ = [
    "Column", "Fact", "columns_of", "constants_of", "left_of", "meaning_of", "measures_of", "python_call",
    "reference_of", "settings_of", "versions",
]  # fmt: skip

_PACKAGES = ("numpy", "scipy", "sympy", "scikit-learn", "torch")


@dataclass(frozen=True)
class Fact:
    """A figure with its name, and what the name means where that is not plain."""

    name: str
    value: str
    about: str = ""


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


def columns_of(model: FormulaEstimator, data: Data | None, units: Mapping[str, str]) -> list[Column]:
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
    if isinstance(model, KANClassifier):
        nothing = number(None)
        return [*rows, Column(model.target_name_, "", "classes", nothing, nothing, nothing, str(len(model.classes_)))]
    for place, name in enumerate(model.output_names_):
        values = data.targets[:, place] if data is not None else np.array([np.nan])
        rows.append(_column(name, units, "target", values, data is not None))
    return rows


def _column(name: str, units: Mapping[str, str], role: str, values: NDArray[np.float64], whole: bool) -> Column:
    low, high = number(float(values.min()), 4), number(float(values.max()), 4)
    median = number(float(np.median(values)), 4) if whole else number(None)
    distinct = f"{len(np.unique(values)):,}" if whole else number(None)
    return Column(name, units.get(name, ""), role, low, median, high, distinct)


def measures_of(model: FormulaEstimator, formula: Formula) -> list[Fact]:
    """Say how well a formula fitted."""
    share, loss = r_squared(formula.r2), number(formula.loss, 4)
    if isinstance(model, KANClassifier):
        about = "share of the log-loss of the classes' frequencies that is explained (McFadden's R²)"
        return [Fact("D²", share, about), Fact("log-loss", loss, "mean, in nats, of all classes together")]
    residual = number(math.sqrt(formula.loss), 4)
    return [Fact("R²", share), Fact("mean squared error", loss), Fact("RMS residual", residual)]


def meaning_of(model: FormulaEstimator) -> str:
    """Say what the formulas of a classifier are; nothing for numbers, which they are equal to."""
    if not isinstance(model, KANClassifier):
        return ""
    reference = reference_of(model)
    if reference is None:
        return f"Natural logarithm: with f for the right side, P({model.classes_[1]}) = 1/(1 + exp(−f))."
    return (
        "Natural logarithms: with f for the right sides, the probability of each class is its exp(f) over the sum of"
        f" all of them, where f = 0 for {model.output_names_[reference]}, the reference."
    )


def reference_of(model: FormulaEstimator) -> int | None:
    """Position of the output whose formula is 0 by convention, if there is one."""
    places = (place for place, front in enumerate(model.fronts_) if front[0].origin == REFERENCE)
    return next(places, None)


def left_of(model: FormulaEstimator, place: int) -> str | tuple[str, str]:
    """What the formulas of an output are equal to: a name, or the log-odds of two classes."""
    if not isinstance(model, KANClassifier):
        return model.output_names_[place]
    reference = reference_of(model)
    return model.output_names_[place], str(model.classes_[0]) if reference is None else model.output_names_[reference]


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


def settings_of(model: FormulaEstimator) -> list[tuple[str, str, bool]]:
    """Every parameter, what it was, and whether that is the default."""
    usual = type(model)().get_params(deep=False)
    given = model.get_params(deep=False)
    return [(name, _written(value), _written(value) == _written(usual[name])) for name, value in given.items()]


def python_call(model: FormulaEstimator) -> str:
    """Python code that makes such a model from a table ``data.csv``."""
    options = [f"{name}={value}" for name, value, is_default in settings_of(model) if not is_default]
    names = getattr(model, "feature_names_in_", None)
    inputs = f"table[{[str(name) for name in names]!r}]" if names is not None else "table.iloc[:, :-1].to_numpy()"
    outputs = [model.target_name_] if isinstance(model, KANClassifier) else list(model.output_names_)
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
