"""Checks of parameters, with messages that say parameter, expected, received."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from numbers import Integral
from typing import Any

import torch

from kansym.errors import DataError, ParameterError
from kansym.hints import brief

__all__: list[str] = []


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
    except (RuntimeError, TypeError, ValueError) as error:
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


def check_rows(name: str, x: torch.Tensor, columns: int) -> torch.Tensor:
    """Return a floating tensor of shape ``(n >= 1, columns)``, or raise ``DataError``."""
    if not isinstance(x, torch.Tensor) or x.ndim != 2 or x.shape[1] != columns or x.shape[0] == 0:
        received = tuple(x.shape) if isinstance(x, torch.Tensor) else type(x).__name__
        raise DataError(f"{name} must be a tensor of shape (n >= 1, {columns}), got {received}")
    if not bool(torch.isfinite(x).all()):
        row, column = (int(k) for k in (~torch.isfinite(x)).nonzero()[0])
        raise DataError(f"{name} must be finite, got {x[row, column].item()} in row {row}, column {column}")
    return x if x.is_floating_point() else x.to(torch.get_default_dtype())


def check_columns(x: torch.Tensor, columns: int) -> torch.Tensor:
    """Return ``x`` if its last dimension has ``columns`` entries, else raise ``DataError``."""
    if x.ndim == 0 or x.shape[-1] != columns:
        raise DataError(f"x must have shape (..., {columns}), got {tuple(x.shape)}")
    return x


def local_generator(generator: torch.Generator | None) -> torch.Generator:
    """Return the generator given, or a fresh one with torch's seed, which is read and never advanced."""
    if generator is None:
        return torch.Generator().manual_seed(torch.initial_seed())
    if not isinstance(generator, torch.Generator):
        raise ParameterError(f"generator must be a torch.Generator or None, got {brief(generator)}")
    return generator
