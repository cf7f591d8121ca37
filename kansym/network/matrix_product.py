"""Products of large matrices in single precision by the faster of torch's two libraries."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["add_product", "product", "suits_onednn"]

_BY_ONEDNN = getattr(torch.ops.mkldnn, "_linear_pointwise", None) if torch.backends.mkldnn.is_available() else None
_FEWEST_MULTIPLICATIONS = 2**23
_SHORTEST_SIDE = 8


def product(first: Tensor, second: Tensor) -> Tensor:
    """Return ``first @ second``, through which no gradient passes.

    On a CPU torch takes MKL, which leaves half of the registers' width unused on AMD's processors; oneDNN, which comes
    with torch for convolutions, does not. Measured on one thread of an EPYC with AVX-512, (256, 2048) by (2048, 1024)
    takes 10.0 ms by MKL and 5.0 ms by oneDNN, (64, 512) by (512, 1024) 0.63 and 0.30 ms; of small or thin matrices MKL
    is the faster. On another EPYC it was 11.7 and 10.5, 0.75 and 0.69 ms. oneDNN compiles a kernel for each new shape,
    in 1 to 5 ms, and keeps the last thousand.

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
    if suits_onednn(first.shape[0], first.shape[1], second.shape[1], first):
        return _BY_ONEDNN(_laid_out(first), _laid_out(second).T, None, "none", [], "")  # type: ignore[misc]
    return torch.mm(first, second)


def _laid_out(matrix: Tensor) -> Tensor:
    """Return the matrix by rows or by columns.

    Of others, such as the one number that is the gradient of a sum, oneDNN makes the product a number at a time, a
    thousand times slower.
    """
    (height, width), (down, across) = matrix.shape, matrix.stride()
    in_order = (across == 1 and down >= width) or (down == 1 and across >= height)
    return matrix if in_order else matrix.contiguous()


def add_product(total: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """Add ``first @ second`` to ``total`` (m, n) in place, and return it.

    Examples
    --------
    >>> add_product(torch.ones(1, 1), torch.ones(1, 3), torch.ones(3, 1))
    tensor([[4.]])
    """
    if suits_onednn(first.shape[0], first.shape[1], second.shape[1], first):
        return total.add_(product(first, second))
    return total.addmm_(first, second)


def suits_onednn(height: int, shared: int, width: int, like: Tensor) -> bool:
    """Whether oneDNN is the faster for matrices of these sides, of the type and at the place of a tensor.

    Examples
    --------
    >>> suits_onednn(4, 4, 4, torch.ones(1))
    False
    """
    if height * shared * width < _FEWEST_MULTIPLICATIONS or min(height, shared, width) < _SHORTEST_SIDE:
        return False  # asked first: small layers ask often
    return _BY_ONEDNN is not None and like.dtype == torch.float32 and like.device.type == "cpu"
