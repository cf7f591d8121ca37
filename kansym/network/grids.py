"""Where grids lie: breakpoints of each input from data."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["breakpoints"]

# Narrowest interval of a grid, as a share of the uniform spacing: ties in the data must not make knots coincide.
_MINIMUM_SPACING = 0.05
# A column that varies by less than so many roundings of its magnitude is constant.
_ROUNDING = 1e3


def breakpoints(x: Tensor, grid_size: int, adaptivity: float = 0.0) -> Tensor:
    """Breakpoints of each column from data, between uniform (``adaptivity`` 0) and quantiles (1).

    Parameters
    ----------
    x : Tensor of shape (n, in)
        Finite data; constants, ties and few rows are allowed.
    grid_size : int
        Number of intervals.
    adaptivity : float
        Weight of the quantiles, in [0, 1].

    Returns
    -------
    Tensor of shape (in, grid_size + 1)
        From each column's minimum to its maximum; no interval is narrower than 1/20 of the uniform spacing, or than
        the type of ``x`` can tell apart. A constant column gets a range of at least 1 around it.

    Examples
    --------
    >>> breakpoints(torch.tensor([[0.0], [1.0], [4.0]]), 2, adaptivity=1.0)
    tensor([[0., 1., 4.]])
    """
    kept, rounding = x.dtype, 2.0 * torch.finfo(x.dtype).eps
    if kept.itemsize < 4:
        x = x.float()
    low, high = x.amin(0), x.amax(0)
    magnitude = torch.maximum(low.abs(), high.abs())
    constant = high - low <= max(_ROUNDING * torch.finfo(x.dtype).eps, grid_size * rounding) * magnitude
    half = 0.5 * torch.clamp(max(1e-3, 2 * grid_size * rounding) * magnitude, min=1.0)
    low, high = torch.where(constant, low - half, low), torch.where(constant, high + half, high)
    share = torch.linspace(0.0, 1.0, grid_size + 1, dtype=x.dtype, device=x.device)
    width = (high - low).unsqueeze(-1)
    mixed = share.expand(x.shape[1], -1)
    if adaptivity > 0.0:
        ordered = torch.sort(x, dim=0).values
        quantiles = ordered[torch.round(share * (x.shape[0] - 1)).long()].T
        relative = ((quantiles - low.unsqueeze(-1)) / width).clamp(0.0, 1.0)
        mixed = torch.where(constant.unsqueeze(-1), mixed, (1.0 - adaptivity) * mixed + adaptivity * relative)
    least = (rounding * magnitude.unsqueeze(-1) / width).clamp(min=_MINIMUM_SPACING / grid_size)
    gaps = torch.maximum(torch.diff(mixed, dim=1), least)
    ends = torch.cumsum(gaps / gaps.sum(1, keepdim=True), dim=1)[:, :-1]
    return torch.cat([low.unsqueeze(-1), low.unsqueeze(-1) + width * ends, high.unsqueeze(-1)], dim=1).to(kept)
