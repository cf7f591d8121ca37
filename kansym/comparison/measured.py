"""Problems of measured rows: the data sets that come with kansym, and a user's own table."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kansym.comparison.accuracy import root_mean_square
from kansym.comparison.evaluation import evaluate
from kansym.comparison.laws import Law, fit_law, read_law
from kansym.comparison.problems import (
    Problem,
    Sample,
    add_dummies,
    add_noise,
    check_draw,
    dummy_variables,
    fingerprint_of,
)
from kansym.comparison.sampling import Variable, draw_rows, stream, stream_key
from kansym.datasets import data_path, list_datasets, load_dataset
from kansym.errors import DataError
from kansym.tables import read_table, select_columns

__all__ = ["TableProblem", "dataset_problem", "measured_problems", "table_problem"]

Array = NDArray[np.float64]

_TEST_SHARE = 0.25
_LEAST_ROWS = 4
_WIDE_ROWS = 1000
_DECADES = 100.0  # a positive column that spans more is taken as spread evenly in the logarithm


@dataclass(frozen=True, eq=False, repr=False)
class TableProblem(Problem):
    """Measured rows, split into training and test rows, with or without a law.

    With a law, the truth is the law with its constants fitted to the training rows, and the noise is what it leaves
    unexplained there; so measured data are judged as drawn ones are.

    Attributes
    ----------
    suite, name : str
    names : tuple of str
        Of the columns.
    X, y : ndarray of shape (n_rows, n_columns) and (n_rows,)
    law : Law or None
    source : str
    """

    suite: str
    name: str
    names: tuple[str, ...]
    X: Array
    y: Array
    law: Law | None = None
    source: str = ""

    def __repr__(self) -> str:
        """Show the size and the columns, not the rows."""
        law = "none" if self.law is None else self.law.expression
        return f"TableProblem {self.suite}/{self.name}: {len(self.y)} rows of {', '.join(self.names)}; law {law}"

    @property
    def fingerprint(self) -> str:
        """Of the columns, their names, and the law."""
        law = "" if self.law is None else str(self.law.expression)
        columns = np.column_stack([self.X, self.y])
        return fingerprint_of(repr(self.names), law, repr(columns.shape), np.ascontiguousarray(columns).tobytes())

    @property
    def variables(self) -> tuple[Variable, ...]:
        """The columns with the ranges of their values."""
        return tuple(_column_range(name, column) for name, column in zip(self.names, self.X.T, strict=True))

    def draw(self, rows: int | None = None, noise: float = 0.0, dummies: int = 0, seed: int = 0) -> Sample:
        """Draw a sample, see :meth:`Problem.draw`; a random quarter of the rows is held out for the test."""
        check_draw(rows, noise, dummies, seed)
        key = stream_key(self.suite, self.name)
        order = stream(key, seed, "rows").permutation(len(self.y))
        held_out = max(1, round(_TEST_SHARE * len(order)))
        test, train = order[:held_out], order[held_out:][:rows]
        X, y = self.X[train], self.y[train]
        truth, residual, wide = None, 0.0, (None, None)
        variables = self.variables
        symbols = tuple(variable.symbol for variable in variables)
        if self.law is not None:
            law, residual = fit_law(self.law, X, y, stream(key, seed, "law"))
            widened = [variable.widened() for variable in variables]
            generator = stream(key, seed, "wide")
            wide = draw_rows(widened, _WIDE_ROWS, generator, lambda rows: evaluate(law, symbols, rows))
            truth = law
        added = noise * root_mean_square(y)
        sample = Sample(
            names=self.names,
            variables=symbols,
            X=X,
            y=add_noise(y, added, key, seed),
            X_test=self.X[test],
            y_test=self.y[test],
            X_wide=wide[0],
            y_wide=wide[1],
            truth=truth,
            sigma=math.hypot(residual, added),
        )
        return add_dummies(sample, dummy_variables(variables, dummies, key, seed), key, seed)


def table_problem(
    path: str | PathLike[str], target: str, features: Sequence[str] | None = None, law: str | None = None
) -> TableProblem:
    """Make a problem of a user's own table.

    Parameters
    ----------
    path : str or path-like
        A text file, see :func:`kansym.tables.read_table`.
    target : str
        The column to predict.
    features : sequence of str, optional
        The columns to predict from; all other columns of numbers if left out.
    law : str, optional
        The law that methods are to find, if it is known, such as ``"k*a**(3/2)"``; names that are not columns are
        constants, which are fitted.

    Returns
    -------
    TableProblem
        Of the suite "table", named as the file without its suffix.

    Raises
    ------
    FileFormatError, DataError
        If the file is no table, or lacks a column, or a cell is not a finite number.
    ParameterError
        If the law is no formula of the columns.
    """
    path = Path(path)
    selection = select_columns(read_table(path), target, features)
    X, y = selection.features.to_numpy(float), selection.target.to_numpy(float)
    if len(y) < _LEAST_ROWS:
        raise DataError(f"{path}: the table must have at least {_LEAST_ROWS} rows, got {len(y)}")
    names = tuple(selection.features.columns)
    read = None if law is None else read_law(law, names)
    return TableProblem("table", path.stem, names, X, y, read, str(path))


def dataset_problem(
    suite: str,
    name: str,
    dataset: str,
    target: str,
    features: Sequence[str] | None = None,
    law: str | None = None,
    starts: Mapping[str, float] | None = None,
) -> TableProblem:
    """Make a problem of a data set that comes with kansym; the arguments are those of :func:`table_problem`."""
    data = load_dataset(dataset)
    selection = select_columns(data.frame, target, features)
    names = tuple(selection.features.columns)
    read = None if law is None else read_law(law, names, starts)
    X, y = selection.features.to_numpy(float), selection.target.to_numpy(float)
    return TableProblem(suite, name, names, X, y, read, data.source)


def measured_problems() -> tuple[TableProblem, ...]:
    """Every data set that comes with kansym, with its law where one is known in closed form."""
    problems = []
    for name, target in list_datasets()["target"].items():
        features, law, starts = _KNOWN_LAWS.get(str(name), (None, None, None))
        if str(name) in _certified():
            law, starts = _certified()[str(name)]
        problems.append(dataset_problem("measured", str(name), str(name), str(target), features, law, starts))
    return tuple(problems)


# From a data set to its features, law and starts. Features are named where other columns are residuals or errors of the
# same measurement, or what the target was computed from: a method could read the target from them.
_KNOWN_LAWS: dict[str, tuple[tuple[str, ...] | None, str | None, dict[str, float] | None]] = {
    "firas_cmb": (
        ("wavenumber_cm1",),
        "b1*wavenumber_cm1**3/(exp(b2*wavenumber_cm1) - 1)",
        {"b1": 39.73, "b2": 0.528},
    ),
    "cornish_1928_duct": (("Reynolds_number",), None, None),
    "stanton_pannell_1914_pipe": (("Reynolds_number",), None, None),
    "hubble_1929": (None, "b1*r_Mpc", {"b1": 424.0}),
    "planets": (None, "b1*a_AU**(3/2)", {"b1": 365.256}),
    "hydrogen_lines": (None, "b1/(1/n1**2 - 1/n2**2)", {"b1": 91.18}),
    "sparc_rar": (
        ("log10_gbar",),
        "log10_gbar - log(1 - exp(-sqrt(10**log10_gbar/b1)))/log(10)",
        {"b1": 1.2e-10},
    ),
}


@functools.cache
def _certified() -> dict[str, tuple[str, dict[str, float]]]:
    """Laws of the NIST sets with their certified constants, by the name of the data set."""
    records: dict[str, Any] = json.loads(data_path("real/nist_certified.json").read_text(encoding="utf-8"))
    laws = {}
    for name, record in records.items():
        expression = record["expression"]
        # Nelson's model is one of log(y); its constants are fitted to y here, as every method's are.
        laws[f"nist_{name.lower()}"] = (
            f"exp({expression})" if record["lhs"] == "log(y)" else expression,
            record["certified"],
        )
    return laws


def _column_range(name: str, column: Array) -> Variable:
    low, high = float(column.min()), float(column.max())
    whole = bool(np.all(column == np.rint(column)))
    variable = Variable(name, low, high, integer=whole)
    return replace(variable, distribution="loguniform") if low > 0 and not whole and high > _DECADES * low else variable
