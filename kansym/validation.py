"""Checks of what the user hands in: one clear sentence for each mistake, with column, row and remedy."""

from __future__ import annotations

import contextlib
import logging
import math
import numbers
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from kansym.errors import DataError, ExtrapolationWarning, FitWarning, KansymError, ParameterError
from kansym.hints import brief, quote
from kansym.tables import first_rounded

if TYPE_CHECKING:
    import sympy

    from kansym.discovery import Progress
    from kansym.symbolic.front import Formula

__all__: list[str] = []

_LONGEST_REASON = 400
_SMALLEST_SPREAD = 1e-150  # squares of less are not told from zero

validated: Callable[..., Any] = validate_data
"""scikit-learn's check of tables, whose own annotations are wrong."""
_logger = logging.getLogger("kansym")


class _KindError(DataError, TypeError):
    """An entry is of a kind that is no number; a TypeError as well, as scikit-learn has it."""


@contextlib.contextmanager
def as_data_error(what: str) -> Iterator[None]:
    """Turn whatever is said about a user's table into one sentence of a ``DataError``."""
    try:
        yield
    except KansymError:
        raise
    except (ValueError, TypeError, RuntimeError, OverflowError) as error:
        reason = " ".join(str(error).split())
        cut = reason if len(reason) <= _LONGEST_REASON else f"{reason[:_LONGEST_REASON]}…"
        raise DataError(f"{what}: {cut}") from error


def check_table(table: Any, name: str) -> None:
    """Raise if a table holds NaN, infinity or text, naming the first such column and row (counted from 0)."""
    if hasattr(table, "tocsr"):
        raise DataError(f"{name} must be a dense table, got sparse data; convert it with {name}.toarray()")
    if hasattr(table, "sparse"):  # of pandas: a frame or series of sparse columns only
        raise DataError(f"{name} must be a dense table, got sparse data; convert it with {name}.sparse.to_dense()")
    if not hasattr(table, "iloc"):
        table = _as_array(table)
        if table is None:
            return
    if name == "X" and table.ndim == 1:
        if len(table) == 0:
            raise DataError("X must have rows, got none: a minimum of 1 is required")
        raise DataError("X must be a table of rows and columns, got one dimension. Reshape your data: X.reshape(-1, 1)")
    _check_names(table, name)
    labels = _labels(table, name)
    columns = _columns(table)
    for label, column in zip(labels, columns, strict=True):
        _check_column(np.asarray(column), label)


@dataclass(frozen=True)
class TrainingRows:
    """Checked rows of positive weight, with what y says about itself."""

    columns: NDArray[np.float64]
    targets: NDArray[np.float64]
    weights: NDArray[np.float64]
    names: tuple[str, ...]
    y_ndim: int

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of columns and of outputs."""
        return self.columns.shape[1], self.targets.shape[1]


def training_rows(estimator: Any, X: Any, y: Any, sample_weight: Any, reset: bool) -> TrainingRows:
    """Check a table and its targets; with ``reset`` the estimator learns the columns, else they must be the same."""
    check_table(X, "X")
    check_table(y, "y")
    names = output_names(y)
    with as_data_error("X and y must be tables of numbers with the same rows"):
        table, target = validated(estimator, X, y, dtype=np.float64, multi_output=True, y_numeric=True, reset=reset)
    weights = checked_weights(sample_weight, len(target))
    kept = weights > 0
    targets = target.reshape(len(target), -1).astype(float)
    check_spread(targets)
    return TrainingRows(table[kept], targets[kept], weights[kept], names, target.ndim)


def _as_array(table: Any) -> NDArray[Any] | None:
    """The table as an array, masked entries as NaN; None where scikit-learn shall say what is wrong with it."""
    try:
        masked = np.ma.isMaskedArray(table) and bool(np.ma.getmaskarray(table).any())
        array = np.ma.filled(table.astype(float), np.nan) if masked else np.asarray(table)
    except (ValueError, TypeError, RuntimeError):
        return None
    return array if array.ndim in (1, 2) else None


def _check_names(table: Any, name: str) -> None:
    names = list(getattr(table, "columns", ()))
    kinds = {isinstance(label, str) for label in names}
    if len(kinds) > 1:
        raise DataError(
            f"columns of {name} must all have texts as names, or none of them, got"
            f" {next(label for label in names if not isinstance(label, str))!r};"
            f" rename them: {name}.columns = {name}.columns.astype(str)"
        )
    if kinds == {True} and len(set(names)) < len(names):
        twice = next(label for label in names if names.count(label) > 1)
        raise DataError(f"columns of {name} must have different names, got {quote(twice)} twice; rename one of them")


def _labels(table: Any, name: str) -> list[str]:
    if hasattr(table, "columns"):
        return [f"column {str(label)!r} of {name}" for label in table.columns]
    if table.ndim == 1:
        return [f"column {table.name!r} of {name}" if getattr(table, "name", None) is not None else name]
    return [f"column {i} of {name}" for i in range(table.shape[1])]


def _columns(table: Any) -> list[Any]:
    if hasattr(table, "iloc") and table.ndim == 2:
        return [table.iloc[:, i] for i in range(table.shape[1])]
    return [table] if table.ndim == 1 else list(np.asarray(table).T)


def _check_column(column: NDArray[Any], label: str) -> None:
    if column.dtype.kind in "iu":
        _warn_if_rounded(column, label)
    if column.dtype.kind in "biu":
        return
    if column.dtype.kind == "c":
        raise DataError(f"Complex data not supported: {label} must hold real numbers, got complex ones")
    if column.dtype.kind in "mM":
        dates = "dates", "the days since the first: (column - column.min()) / numpy.timedelta64(1, 'D')"
        durations = "durations", "their seconds: column / numpy.timedelta64(1, 's')"
        kind, remedy = dates if column.dtype.kind == "M" else durations
        raise _KindError(
            f"argument must be a string or a number: {label} must hold numbers, got {kind}; make numbers of them,"
            f" such as {remedy}"
        )
    if column.dtype.kind != "f":
        column = _as_numbers(column, label)
    with np.errstate(over="ignore"):
        # Squares of the values must be numbers, too.
        huge = np.flatnonzero(np.isfinite(column) & ~np.isfinite(column * column * len(column)))
    if len(huge):
        row = int(huge[0])
        size = f"{column[row]:g}"
        raise DataError(f"{label} must hold numbers below 1e150 in size, got {size} in row {row}; change its units")
    bad = np.flatnonzero(~np.isfinite(column))
    if len(bad):
        row = int(bad[0])
        what = "NaN" if np.isnan(column[row]) else "infinity (inf)"
        raise DataError(
            f"{label} must hold finite numbers, got {what} in row {row}; drop or fill such rows before fitting"
        )


def _warn_if_rounded(column: NDArray[Any], label: str) -> None:
    row = first_rounded(column)
    if row is not None:
        message = f"{label} holds integers beyond 2^53, the first in row {row}, which are rounded; subtract one of them"
        warnings.warn(f"{message} from all", FitWarning, stacklevel=2)


def _as_numbers(column: NDArray[Any], label: str) -> NDArray[np.float64]:
    values = np.empty(len(column))
    for row, entry in enumerate(column):
        if entry is None or type(entry).__name__ == "NAType":
            values[row] = np.nan
            continue
        try:
            values[row] = float(entry)
        except OverflowError:  # an integer beyond the largest float
            values[row] = math.inf
        except (TypeError, ValueError):
            if not isinstance(entry, (str, bytes)):
                kind = type(entry).__name__
                raise _KindError(
                    f"argument must be a string or a number: {label} must hold numbers, got a {kind} in row {row};"
                    " leave the column out or make numbers of it"
                ) from None
            raise DataError(
                f"{label} must hold numbers, could not convert string to float in row {row}: {quote(str(entry))};"
                " leave the column out or encode it"
            ) from None
    _warn_if_rounded(np.array([entry if isinstance(entry, numbers.Integral) else 0 for entry in column], object), label)
    return values


def check_spread(target: NDArray[np.float64]) -> None:
    """Raise if a target varies by so little that its squared errors are no numbers; names the output."""
    for position, column in enumerate(target.T):
        spread = float(np.ptp(column))
        if 0 < spread < _SMALLEST_SPREAD and spread > 4 * np.finfo(float).eps * float(np.abs(column).max()):
            name = "y" if target.shape[1] == 1 else f"column {position} of y"
            raise DataError(f"{name} must vary by more than {_SMALLEST_SPREAD:g}, got {spread:g}; change its units")


def checked_weights(weights: Any, n_rows: int) -> NDArray[np.float64]:
    """Sample weights as an array; ones by default."""
    if weights is None:
        return np.ones(n_rows)
    given = np.asarray(weights)
    if given.dtype.kind in "cmM":
        raise DataError(f"sample_weight must hold real numbers, got {given.dtype}")
    with as_data_error("sample_weight must hold numbers >= 0"):
        array = np.array(given, dtype=float)
    if array.ndim == 0:
        array = np.full(n_rows, float(array))
    if array.ndim != 1:
        raise DataError("Sample weights must be 1D array or scalar")
    if len(array) != n_rows:
        raise DataError(f"sample_weight.shape == {array.shape}, expected {(n_rows,)}!")
    if not np.all(np.isfinite(array)) or np.any(array < 0):
        raise DataError("sample_weight must hold finite numbers >= 0; leave it out to weight all rows alike")
    if not np.any(array > 0):
        raise DataError("sample_weight must hold a number > 0, got only zeros: a weight of zero leaves a row out")
    return array / array.max()  # only ratios count, and the sum of very large ones is no number


def checked_classes(labels: NDArray[Any], weights: NDArray[np.float64]) -> None:
    """Raise unless the rows that count hold at least two classes."""
    present = np.unique(labels[weights > 0])
    if len(present) < 2:
        where = " in the rows of positive weight" if len(np.unique(labels)) > 1 else ""
        raise DataError(f"y must hold at least two classes, got only one class{where}: {present[0]!s:.40}")


def output_names(y: Any) -> tuple[str, ...]:
    """Names of the outputs, as far as y tells."""
    if hasattr(y, "columns"):
        return tuple(str(name) for name in y.columns)
    if getattr(y, "name", None) is not None:
        return (str(y.name),)
    shape = np.asarray(y).shape
    return ("y",) if len(shape) < 2 or shape[1] == 1 else tuple(f"y{i}" for i in range(shape[1]))


def symbols(estimator: Any) -> tuple[sympy.Symbol, ...]:
    """One real symbol for each column, named as the column."""
    import sympy

    names = getattr(estimator, "feature_names_in_", [f"x{i}" for i in range(estimator.n_features_in_)])
    if len(set(names)) < len(names):
        twice = next(name for name in names if list(names).count(name) > 1)
        raise DataError(f"columns of X must have different names, got {twice!r} twice; rename one of them")
    return tuple(sympy.Symbol(str(name), real=True) for name in names)


def known_formulas(start: Any, variables: Sequence[sympy.Symbol], outputs: Sequence[str]) -> list[tuple[Formula, ...]]:
    """Formulas of an earlier model for each output; raise unless it has the same columns and outputs."""
    if not hasattr(start, "fronts_"):
        raise ParameterError(f"start must be a fitted model, got {brief(start)}")
    for what, before, now in (
        ("columns", [symbol.name for symbol in start.variables_], [symbol.name for symbol in variables]),
        ("outputs", list(start.output_names_), list(outputs)),
    ):
        if before != now:
            earlier, later = (", ".join(map(quote, names[:8])) for names in (before, now))
            raise DataError(f"start must be a model of the same {what}, got one of {earlier} for {later}")
    return [tuple(front) for front in start.fronts_]


def seeds(random_state: Any, count: int) -> list[int]:
    """One seed for each output; None draws fresh ones without touching numpy's global state."""
    if random_state is None:
        return [int(seed) for seed in np.random.SeedSequence().generate_state(count)]
    if isinstance(random_state, np.random.Generator):
        return random_state.integers(2**31 - 1, size=count).tolist()
    try:
        state = check_random_state(random_state)
    except ValueError as error:
        raise ParameterError(
            f"random_state must be an integer from 0 to {2**32 - 1}, a RandomState or None, got {brief(random_state)}"
        ) from error
    return state.randint(2**31 - 1, size=count).tolist()


def positions(index: Any, selected: tuple[int, ...], sizes: list[int]) -> list[int]:
    """Positions on the fronts: the selected ones, or those the user asks for."""
    if index is None:
        return list(selected)
    if isinstance(index, bool) or not isinstance(index, (numbers.Integral, Sequence, np.ndarray)):
        raise ParameterError(f"index must be a row of equations_, 0 to {sizes[0] - 1}, got {brief(index)}")
    wanted = [index] * len(sizes) if isinstance(index, numbers.Integral) else list(index)
    if len(wanted) != len(sizes):
        raise ParameterError(f"index must be one integer or {len(sizes)}, one for each output, got {brief(index)}")
    for position, size in zip(wanted, sizes, strict=True):
        if not isinstance(position, numbers.Integral) or not -size <= int(position) < size:
            raise ParameterError(f"index must be a row of equations_, 0 to {size - 1}, got {brief(position)}")
    return [int(position) for position in wanted]


def reporter(verbose: int, callback: Callable[[Progress], object] | None) -> Callable[[Progress], None] | None:
    """What is told of the search: log lines, the user's callback, both or nothing; a callback may end the search."""
    if not verbose and callback is None:
        return None

    def report(progress: Progress) -> None:
        if verbose:
            formula = f": {_text(progress.best)}" if verbose > 1 and progress.best is not None else ""
            _logger.info("%.1f s, %s%s", progress.elapsed, progress.stage, formula)
        if callback is not None and callback(progress):
            raise KeyboardInterrupt  # the way in which a search ends when it is told to

    return report


def _text(formula: Formula) -> str:
    from kansym.symbolic.printing import to_text

    return to_text(formula.expression, formula.digits)


def require_formulas(estimator: Any) -> None:
    """Raise unless a search has left formulas; say what to do where there is a network but no formula yet."""
    name = type(estimator).__name__
    message = f"this {name} is not fitted yet: call fit"
    if hasattr(estimator, "network_"):
        message = f"this {name} holds no formulas yet, only a network: call search(), which partial_fit leaves to you"
    check_is_fitted(estimator, "fronts_", msg=message)


def require_station(network: Any, name: str) -> Any:
    """Return the network, or raise if the search had no time for it."""
    if network is None:
        raise ParameterError(f"{name} is not there: the budget ended before a network was trained; raise time_limit")
    return network


def _rows(index: NDArray[np.intp]) -> str:
    return f"{len(index)} {'row' if len(index) == 1 else 'rows'}, the first at position {index[0]}"


def warn_if_undefined(columns: list[NDArray[np.float64]]) -> None:
    """Warn once about rows where a formula has no value."""
    undefined = np.flatnonzero(~np.all(np.isfinite(np.column_stack(columns)), axis=1))
    if len(undefined):
        message = f"the formula is not defined on {_rows(undefined)}"
        warnings.warn(message, FitWarning, stacklevel=3)


def warn_if_outside(X: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64]) -> None:
    """Warn once about rows outside the range of the training data."""
    outside = np.flatnonzero(np.any((X < low) | (X > high), axis=1))
    if len(outside):
        message = f"{_rows(outside)} outside the training data: curves go on as straight lines there"
        warnings.warn(message, ExtrapolationWarning, stacklevel=3)
