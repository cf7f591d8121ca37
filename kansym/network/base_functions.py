"""What a spline edge adds to its basis: one fixed function with a weight."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["BASE_FUNCTIONS", "base_slopes", "base_values", "write_base_values"]

BASE_FUNCTIONS = ("silu", "identity", "none")


def base_values(x: Tensor, base_function: str) -> Tensor:
    """Return the base function at ``x``.

    Examples
    --------
    >>> base_values(torch.tensor(2.0), "identity")
    tensor(2.)
    """
    return torch.nn.functional.silu(x) if base_function == "silu" else x


def write_base_values(x: Tensor, base_function: str, out: Tensor) -> None:
    """Write the base function at ``x`` to a tensor of its shape.

    Examples
    --------
    >>> out = torch.empty(1)
    >>> write_base_values(torch.tensor([2.0]), "identity", out)
    >>> out
    tensor([2.])
    """
    if base_function == "silu":
        torch.ops.aten.silu.out(x, out=out)
    else:
        out.copy_(x)


def base_slopes(x: Tensor, base_function: str) -> Tensor:
    """Return the derivative of the base function at ``x``.

    Examples
    --------
    >>> base_slopes(torch.tensor(0.0), "silu")
    tensor(0.5000)
    """
    gate = torch.sigmoid(x)
    return gate * (1.0 + x * (1.0 - gate)) if base_function == "silu" else torch.ones_like(x)
