"""Checks of parameters, with messages that say parameter, expected, received."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral

import torch

from kansym.errors import DataError, ParameterError

__all__: list[str] = []


def check_integer(name: str, value: object, minimum: int) -> int:
    """Return ``value`` as int, or raise ``ParameterError`` if it is not an integer >= ``minimum``."""
    if isinstance(value, bool) or not isinstance(value, Integral) or int(value) < minimum:
        raise ParameterError(f"{name} must be an integer >= {minimum}, got {value!r}")
    return int(value)


def check_choice(name: str, value: object, choices: Sequence[str]) -> str:
    """Return ``value``, or raise ``ParameterError`` if it is not one of ``choices``."""
    if value not in choices:
        raise ParameterError(f"{name} must be one of {', '.join(choices)}, got {value!r}")
    return str(value)


def check_number(name: str, value: float, low: float, high: float) -> float:
    """Return ``value`` as float, or raise ``ParameterError`` if it is not within ``[low, high]``."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise ParameterError(f"{name} must be a number in [{low:g}, {high:g}], got {value!r}") from None
    if not low <= number <= high:
        raise ParameterError(f"{name} must be a number in [{low:g}, {high:g}], got {value!r}")
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
    return torch.Generator().manual_seed(torch.initial_seed()) if generator is None else generator
