"""Checks of what the user hands in: one clear sentence for each mistake, with column, row and remedy."""

from __future__ import annotations

import logging
import numbers
import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_random_state

from kansym.errors import DataError, ExtrapolationWarning, FitWarning, ParameterError

if TYPE_CHECKING:
    import sympy

    from kansym.discovery import Progress

__all__: list[str] = []

_logger = logging.getLogger("kansym")


def check_integer(name: str, value: Any, minimum: int) -> None:
    """Raise unless ``value`` is an integer of at least ``minimum``."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < minimum:
        raise ParameterError(f"{name} must be an integer >= {minimum}, got {value!r}")


def check_positive(name: str, value: Any) -> None:
    """Raise unless ``value`` is None or a positive number."""
    number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if value is not None and not (number and float(value) > 0):
        raise ParameterError(f"{name} must be a number > 0 or None, got {value!r}")


def check_choice(name: str, value: Any, choices: Sequence[str]) -> None:
    """Raise unless ``value`` is one of the choices."""
    if not isinstance(value, str) or value not in choices:
        raise ParameterError(f"{name} must be one of {', '.join(map(repr, choices))}, got {value!r}")


def check_share(name: str, value: Any) -> None:
    """Raise unless ``value`` is a number between 0 and 1."""
    number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not (number and 0 < float(value) < 1):
        raise ParameterError(f"{name} must be a number between 0 and 1, such as 0.95, got {value!r}")


def check_precision(value: Any) -> None:
    """Raise unless ``value`` says how many digits of a constant to write."""
    whole = isinstance(value, numbers.Integral) and not isinstance(value, bool) and int(value) >= 1
    if not (value is None or value == "uncertainty" or whole):
        raise ParameterError(f"precision must be an integer >= 1, 'uncertainty' or None, got {value!r}")


def checked_widths(value: Any) -> tuple[int, ...] | str:
    """Return hidden widths as a tuple, or ``"auto"``."""
    if isinstance(value, str) and value == "auto":
        return value
    if isinstance(value, (str, bytes)) or not isinstance(value, (Sequence, np.ndarray)):
        raise ParameterError(f"hidden_widths must be 'auto' or a tuple of integers such as (5,), got {value!r}")
    for width in value:
        check_integer("each of hidden_widths", width, 1)
    return tuple(int(width) for width in value)


def check_table(table: Any, name: str) -> None:
    """Raise if a table holds NaN, infinity or text, naming the first such column and row (counted from 0)."""
    if not hasattr(table, "iloc"):
        table = _as_array(table)
        if table is None:
            return
    if name == "X" and table.ndim == 1:
        raise DataError("X must be a table of rows and columns, got one dimension. Reshape your data: X.reshape(-1, 1)")
    labels = _labels(table, name)
    columns = _columns(table)
    for label, column in zip(labels, columns, strict=True):
        _check_column(np.asarray(column), label)


def _as_array(table: Any) -> NDArray[Any] | None:
    """The table as an array; None where scikit-learn shall say what is wrong with it."""
    if hasattr(table, "tocsr"):
        return None
    try:
        array = np.asarray(table)
    except (ValueError, TypeError):
        return None
    return array if array.ndim in (1, 2) else None


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
    if column.dtype.kind in "biu":
        return
    if column.dtype.kind == "c":
        raise DataError(f"Complex data not supported: {label} must hold real numbers, got complex ones")
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


def _as_numbers(column: NDArray[Any], label: str) -> NDArray[np.float64]:
    numbers_ = np.empty(len(column))
    for row, entry in enumerate(column):
        try:
            numbers_[row] = np.nan if entry is None else float(entry)
        except (TypeError, ValueError):
            if not isinstance(entry, (str, bytes)):
                kind = type(entry).__name__
                raise TypeError(f"argument must be a string or a number: {label} has a {kind} in row {row}") from None
            raise DataError(
                f"{label} must hold numbers, could not convert string to float in row {row}: {str(entry)[:40]!r};"
                " leave the column out or encode it"
            ) from None
    return numbers_


def checked_weights(weights: Any, n_rows: int) -> NDArray[np.float64]:
    """Sample weights as an array; ones by default."""
    if weights is None:
        return np.ones(n_rows)
    array = np.array(weights, dtype=float)
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
    return array


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
            f"random_state must be an integer from 0 to {2**32 - 1}, a RandomState or None, got {random_state!r}"
        ) from error
    return state.randint(2**31 - 1, size=count).tolist()


def positions(index: Any, selected: tuple[int, ...], sizes: list[int]) -> list[int]:
    """Positions on the fronts: the selected ones, or those the user asks for."""
    if index is None:
        return list(selected)
    wanted = [index] * len(sizes) if isinstance(index, numbers.Integral) else list(index)
    if len(wanted) != len(sizes):
        raise ParameterError(f"index must be one integer or {len(sizes)}, one for each output, got {index!r}")
    for position, size in zip(wanted, sizes, strict=True):
        if not isinstance(position, numbers.Integral) or not -size <= int(position) < size:
            raise ParameterError(f"index must be a row of equations_, 0 to {size - 1}, got {position!r}")
    return [int(position) for position in wanted]


def reporter(verbose: int, callback: Callable[[Progress], None] | None) -> Callable[[Progress], None] | None:
    """What is told of the search: log lines, the user's callback, both or nothing."""
    if not verbose:
        return callback

    def report(progress: Progress) -> None:
        formula = f": {progress.best.expression}" if verbose > 1 and progress.best is not None else ""
        _logger.info("%.1f s, %s%s", progress.elapsed, progress.stage, formula)
        if callback is not None:
            callback(progress)

    return report


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
