"""Products of factors, and of all but one."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["product_of_others"]


def product_of_others(factors: Tensor) -> Tensor:
    """For each entry of the last dimension, the product of all others; exact where factors are zero.

    Examples
    --------
    >>> product_of_others(torch.tensor([2.0, 0.0, 5.0]))
    tensor([ 0., 10.,  0.])
    """
    one = torch.ones_like(factors[..., :1])
    before = torch.cumprod(torch.cat([one, factors[..., :-1]], dim=-1), dim=-1)
    after = torch.cumprod(torch.cat([one, factors[..., 1:].flip(-1)], dim=-1), dim=-1).flip(-1)
    return before * after
