"""Products of large matrices in single precision by the faster of torch's two libraries."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["add_product", "product"]

_BY_ONEDNN = getattr(torch.ops.mkldnn, "_linear_pointwise", None) if torch.backends.mkldnn.is_available() else None
_FEWEST_MULTIPLICATIONS = 2**22
_SHORTEST_SIDE = 8


def product(first: Tensor, second: Tensor) -> Tensor:
    """Return ``first @ second``, through which no gradient passes.

    On a CPU torch takes MKL, which leaves half of the registers' width unused on AMD's processors; oneDNN, which comes
    with torch for convolutions, does not. Measured on one thread of an EPYC with AVX-512, (256, 2048) by (2048, 1024)
    takes 10.0 ms by MKL and 5.0 ms by oneDNN, (64, 512) by (512, 1024) 0.63 and 0.30 ms; of small or thin matrices MKL
    is the faster. oneDNN compiles a kernel for each new shape, in 1 to 5 ms, and keeps the last thousand.

    Parameters
    ----------
    first : Tensor of shape (m, k)
    second : Tensor of shape (k, n)

    Examples
    --------
    >>> product(torch.ones(2, 3), torch.ones(3, 1))
    tensor([[3.],
            [3.]])
    """
    if _suits_onednn(first, second):
        return _BY_ONEDNN(first, second.T, None, "none", [], "")  # type: ignore[misc]
    return torch.mm(first, second)


def add_product(total: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """Add ``first @ second`` to ``total`` (m, n) in place, and return it.

    Examples
    --------
    >>> add_product(torch.ones(1, 1), torch.ones(1, 3), torch.ones(3, 1))
    tensor([[4.]])
    """
    if _suits_onednn(first, second):
        return total.add_(product(first, second))
    return total.addmm_(first, second)


def _suits_onednn(first: Tensor, second: Tensor) -> bool:
    if _BY_ONEDNN is None or first.dtype != torch.float32 or first.device.type != "cpu":
        return False
    (height, shared), width = first.shape, second.shape[1]
    return height * shared * width >= _FEWEST_MULTIPLICATIONS and min(height, shared, width) >= _SHORTEST_SIDE
