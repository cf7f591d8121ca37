"""A value computed from tensors, and computed again only when one of them was replaced or written to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor

__all__ = ["Remembered"]

Value = TypeVar("Value")


class Remembered(Generic[Value]):
    """What a function makes of some tensors, remembered until one of them changes.

    A layer asks at every pass whether all its edges are splines and its knots equally spaced. To look would cost a
    small layer as much as its basis, and on a GPU it would stop the queue. torch counts the writes to a tensor, and
    that number is read in no time. Copies and pickles of a memory are empty: their tensors are others.

    Parameters
    ----------
    function : callable
        From tensors to the value; its result must depend on nothing else.

    Examples
    --------
    >>> total, ones = Remembered(lambda tensor: float(tensor.sum())), torch.ones(3)
    >>> total(ones), total(ones), total(ones.mul_(2))
    (3.0, 3.0, 6.0)
    """

    def __init__(self, function: Callable[..., Value]) -> None:
        self._function = function
        self._tensors: tuple[Tensor, ...] = ()
        self._versions: tuple[int, ...] = ()
        self._value: Value | None = None

    def __call__(self, *tensors: Tensor) -> Value:
        """Return the value for these tensors."""
        if self._value is not None and len(tensors) == len(self._tensors):
            for tensor, known, version in zip(tensors, self._tensors, self._versions, strict=True):
                if tensor is not known or tensor._version != version:
                    break
            else:
                return self._value
        # Writes to tensors of inference are not counted, and what a transform makes ends with it.
        if torch._C._are_functorch_transforms_active() or any(tensor.is_inference() for tensor in tensors):
            return self._function(*tensors)
        with torch.no_grad():
            self._value = self._function(*tensors)
        self._tensors, self._versions = tensors, tuple(tensor._version for tensor in tensors)
        return self._value

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy and pickle without what is remembered."""
        return type(self), (self._function,)

