"""Checks of the estimators' parameters: one clear sentence for each wrong value."""

from __future__ import annotations

import itertools
import numbers
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from kansym.errors import ParameterError
from kansym.hints import brief

if TYPE_CHECKING:
    from kansym.discovery import NetworkSettings

__all__: list[str] = []

_MOST_COEFFICIENTS = 1_000_000  # of a network: 8 MB, and a Jacobian of 8 MB for each row


def check_integer(name: str, value: Any, minimum: int) -> None:
    """Raise unless ``value`` is an integer of at least ``minimum``."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < minimum:
        raise ParameterError(f"{name} must be an integer >= {minimum}, got {brief(value)}")


def check_positive(name: str, value: Any) -> None:
    """Raise unless ``value`` is None or a positive number."""
    number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if value is not None and not (number and float(value) > 0):
        raise ParameterError(f"{name} must be a number > 0 or None, got {brief(value)}")


def check_jobs(value: Any) -> None:
    """Raise unless ``value`` is a number of processes: an integer other than zero, or None."""
    whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if value is not None and not (whole and value != 0):
        raise ParameterError(f"n_jobs must be an integer other than 0, or None, got {brief(value)}")


def check_network_size(network: NetworkSettings, n_features: int) -> None:
    """Raise if a network would take more memory than its training could ever use."""
    hidden = () if isinstance(network.hidden_widths, str) else tuple(network.hidden_widths)
    widths = (n_features, *hidden, 1)
    edges = sum(before * after for before, after in itertools.pairwise(widths))
    size = edges * (network.grid_size + network.spline_order)
    if size > _MOST_COEFFICIENTS:
        raise ParameterError(
            f"hidden_widths, grid_size and spline_order must give a network of at most {_MOST_COEFFICIENTS:,}"
            f" coefficients, got {size:,} with widths {widths}; choose smaller ones"
        )


def check_callable(name: str, value: Any) -> None:
    """Raise unless ``value`` can be called, or is None."""
    if value is not None and not callable(value):
        raise ParameterError(f"{name} must be a function or None, got {brief(value)}")


def check_choice(name: str, value: Any, choices: Sequence[str]) -> None:
    """Raise unless ``value`` is one of the choices."""
    if not isinstance(value, str) or value not in choices:
        raise ParameterError(f"{name} must be one of {', '.join(map(repr, choices))}, got {brief(value)}")


def check_share(name: str, value: Any) -> None:
    """Raise unless ``value`` is a number between 0 and 1."""
    number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not (number and 0 < float(value) < 1):
        raise ParameterError(f"{name} must be a number between 0 and 1, such as 0.95, got {brief(value)}")


def check_precision(value: Any) -> None:
    """Raise unless ``value`` says how many digits of a constant to write."""
    whole = isinstance(value, numbers.Integral) and not isinstance(value, bool) and int(value) >= 1
    if not (value is None or (isinstance(value, str) and value == "uncertainty") or whole):
        raise ParameterError(f"precision must be an integer >= 1, 'uncertainty' or None, got {brief(value)}")


def checked_widths(value: Any) -> tuple[int, ...] | str:
    """Return hidden widths as a tuple, or ``"auto"``."""
    if isinstance(value, str) and value == "auto":
        return value
    if isinstance(value, (str, bytes)) or not isinstance(value, (Sequence, np.ndarray)):
        raise ParameterError(f"hidden_widths must be 'auto' or a tuple of integers such as (5,), got {brief(value)}")
    for width in value:
        check_integer("each of hidden_widths", width, 1)
    return tuple(int(width) for width in value)
