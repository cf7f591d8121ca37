"""Checks of parameters, with messages that say parameter, expected, received."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from numbers import Integral
from typing import Any, TypeVar

import torch

from kansym.errors import DataError, ParameterError
from kansym.hints import brief
from kansym.library import SymbolicFunction, default_library

__all__: list[str] = []

_Kind = TypeVar("_Kind")


def check_integer(name: str, value: object, minimum: int) -> int:
    """Return ``value`` as int, or raise ``ParameterError`` if it is not an integer >= ``minimum``."""
    if isinstance(value, bool) or not isinstance(value, Integral) or int(value) < minimum:
        raise ParameterError(f"{name} must be an integer >= {minimum}, got {brief(value)}")
    return int(value)


def check_choice(name: str, value: object, choices: Sequence[str]) -> str:
    """Return ``value``, or raise ``ParameterError`` if it is not one of ``choices``."""
    if not isinstance(value, str) or value not in choices:
        raise ParameterError(f"{name} must be one of {', '.join(choices)}, got {brief(value)}")
    return str(value)


def check_tuple(name: str, value: object, wanted: str) -> tuple[Any, ...]:
    """Return a sequence as a tuple, or raise ``ParameterError`` that says what is wanted."""
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        raise ParameterError(f"{name} must be {wanted}, got {brief(value)}")
    return tuple(value)


def check_kind(name: str, value: object, kind: type[_Kind]) -> _Kind:
    """Return ``value`` if it is of that class, or raise ``ParameterError``, which tells where a model has its own."""
    if isinstance(value, kind):
        return value
    own = "; that of a fitted model is model.network_" if kind.__name__ == "KAN" and hasattr(value, "network_") else ""
    raise ParameterError(f"{name} must be a {kind.__name__}, got {_kind_of(value)}{own}")


def check_kinds(name: str, values: object, kind: type[_Kind]) -> tuple[_Kind, ...]:
    """Return a sequence of at least one value of that class as a tuple, or raise ``ParameterError``."""
    what = name.removesuffix("s")
    found = check_tuple(name, values, f"a sequence of {kind.__name__}")
    if not found:
        raise ParameterError(f"{name} must hold at least one {what}, got none")
    return tuple(check_kind(f"each of {name}", value, kind) for value in found)


def check_function(name: str, value: object) -> SymbolicFunction:
    """Return a function, or that of the default library with this name, or raise ``ParameterError``."""
    if isinstance(value, SymbolicFunction):
        return value
    known = default_library()
    if not isinstance(value, str) or value not in known:
        names = ", ".join(known.names)
        raise ParameterError(f"{name} must be a SymbolicFunction or one of {names}, got {brief(value)}")
    return known[value]


def check_callable(name: str, value: Callable[..., Any] | None) -> None:
    """Raise ``ParameterError`` unless ``value`` is a function or None."""
    if value is not None and not callable(value):
        raise ParameterError(f"{name} must be a function or None, got {brief(value)}")


def check_pair(name: str, value: object) -> tuple[Any, Any]:
    """Return ``(X, y)``, whatever they are, or raise ``ParameterError`` if it is no pair."""
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        received = f"{len(value)} of them" if isinstance(value, (tuple, list)) else _kind_of(value)
        raise ParameterError(f"{name} must be a pair of tensors (X, y), got {received}")
    return value[0], value[1]


def check_range(name: str, value: object) -> tuple[float, float]:
    """Return ``(low, high)`` as finite floats with low < high, or raise ``ParameterError``."""
    wanted = "(low, high) with low < high"
    low_high = check_tuple(name, value, wanted)
    try:
        low, high = map(float, low_high)
    except (TypeError, ValueError):
        low, high = 0.0, 0.0
    if not -math.inf < low < high < math.inf:
        raise ParameterError(f"{name} must be {wanted}, got {brief(value)}")
    return low, high


def check_dtype(dtype: object) -> torch.dtype:
    """Return a floating dtype, torch's default for None, or raise ``ParameterError``."""
    if dtype is None:
        return torch.get_default_dtype()
    if not isinstance(dtype, torch.dtype) or not dtype.is_floating_point:
        raise ParameterError(f"dtype must be a floating torch.dtype or None, got {brief(dtype)}")
    return dtype


def check_torch_device(device: Any) -> None:
    """Raise ``ParameterError`` unless torch can put a tensor there; None is torch's default."""
    try:
        torch.empty(0, device=device)
    except (AssertionError, RuntimeError, TypeError, ValueError) as error:
        raise ParameterError(f"device must be one that torch finds, or None, got {brief(device)}") from error


def check_number(name: str, value: float, low: float, high: float) -> float:
    """Return ``value`` as float, or raise ``ParameterError`` if it is not within ``[low, high]``."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise ParameterError(f"{name} must be a number in [{low:g}, {high:g}], got {brief(value)}") from None
    if not low <= number <= high:
        raise ParameterError(f"{name} must be a number in [{low:g}, {high:g}], got {brief(value)}")
    return number


def check_table(name: str, x: object, columns: int) -> torch.Tensor:
    """Return a tensor of shape ``(n, columns)``, or raise ``DataError``; its entries are not looked at."""
    if not isinstance(x, torch.Tensor) or x.ndim != 2 or x.shape[1] != columns:
        raise DataError(f"{name} must be a tensor of shape (n, {columns}), got {_shape_of(x)}")
    return x


def check_finite(name: str, value: Any) -> float:
    """Return ``value`` as float, or raise ``ParameterError`` if it is no finite number."""
    try:
        number = math.nan if isinstance(value, str) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise ParameterError(f"{name} must be a finite number, got {brief(value)}")
    return number


def check_rows(name: str, x: torch.Tensor, columns: int) -> torch.Tensor:
    """Return a floating tensor of shape ``(n >= 1, columns)``, or raise ``DataError``."""
    if not isinstance(x, torch.Tensor) or x.ndim != 2 or x.shape[1] != columns or x.shape[0] == 0:
        raise DataError(f"{name} must be a tensor of shape (n >= 1, {columns}), got {_shape_of(x)}")
    if not bool(torch.isfinite(x).all()):
        row, column = (int(k) for k in (~torch.isfinite(x)).nonzero()[0])
        raise DataError(f"{name} must be finite, got {x[row, column].item()} in row {row}, column {column}")
    return x if x.is_floating_point() else x.to(torch.get_default_dtype())


def check_equal_rows(names: str, x: torch.Tensor, y: torch.Tensor) -> None:
    """Raise ``DataError`` unless two tables have equally many rows."""
    if len(x) != len(y):
        raise DataError(f"{names} must have equal numbers of rows, got {len(x)} and {len(y)}")


def check_columns(x: torch.Tensor, columns: int) -> torch.Tensor:
    """Return ``x`` if it is a tensor whose last dimension has ``columns`` entries, else raise ``DataError``."""
    if not isinstance(x, torch.Tensor) or x.ndim == 0 or x.shape[-1] != columns:
        raise DataError(f"x must be a tensor of shape (..., {columns}), got {_shape_of(x)}")
    return x


def local_generator(generator: torch.Generator | None) -> torch.Generator:
    """Return the generator given, or a fresh one with torch's seed, which is read and never advanced."""
    if generator is None:
        return torch.Generator().manual_seed(torch.initial_seed())
    if not isinstance(generator, torch.Generator):
        raise ParameterError(f"generator must be a torch.Generator or None, got {brief(generator)}")
    return generator


def _kind_of(value: object) -> str:
    return brief(value) if value is None or isinstance(value, (str, int, float)) else type(value).__name__


def _shape_of(value: object) -> str:
    return str(tuple(value.shape)) if isinstance(value, torch.Tensor) else _kind_of(value)
