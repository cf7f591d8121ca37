"""Evaluation in chunks of rows, which bounds the memory."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["in_chunks"]


def in_chunks(module: nn.Module, x: Tensor, size: int = 16_384) -> Tensor:
    """Evaluate a module on rows (n, ·) chunk by chunk, as its features need many times the memory of the rows.

    Examples
    --------
    >>> in_chunks(nn.Linear(2, 3), torch.zeros(10, 2), size=4).shape
    torch.Size([10, 3])
    """
    return torch.cat([module(part) for part in x.split(size)])
