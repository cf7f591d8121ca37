"""B-splines on equally spaced knots, written out as sums of powers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from kansym.network.power_splines import PowerSplines

__all__ = ["CardinalSplines"]


@dataclass(frozen=True)
class CardinalSplines:
    """The B-splines of degree p on equally spaced knots, which are copies of one function.

    With knots at the integers, or half-way between them where p is even, the copy around 0 is

        B(t) = 1/p! · Σ_i (−1)^i · C(p + 1, i) · max((p + 1)/2 − i − |t|, 0)^p,   0 <= i < (p + 1)/2.

    A whole table takes nine operations for p = 3, each over contiguous memory, where the recurrence takes more than
    twenty. The p-th root of 1/p! goes into the maxima, so that no factor is left in front.

    Parameters
    ----------
    order, grid_size : int
        Degree of the pieces, one of ``ORDERS``, and number of intervals.
    origin, scale : Tensor of shape (in, 1, 1)
        Lower end of the range of each input, and intervals per unit of it.
    centres : Tensor of shape (1, grid_size + order, 1)
        Where the functions have their maximum, in intervals from the lower end; exact, as halves are.
    reach : Tensor of shape (1, 1, 1)
        The first maximum at 0.

    References
    ----------
    I. J. Schoenberg, *Contributions to the problem of approximation of equidistant data by analytic functions*, Quart.
    Appl. Math. 4 (1946), section 3.

    Examples
    --------
    >>> splines = CardinalSplines.of(torch.tensor([[-1.0, 0.0, 1.0]]), order=2)
    >>> functions = torch.empty(1, 4, 1)
    >>> splines.fill(torch.tensor([[[1.0]]]), None, 0, functions, None)
    >>> functions.flatten()
    tensor([0.0000, 0.5000, 0.5000, 0.0000])
    """

    # Below 2 the slope jumps; above 5 the alternating sum loses more than a digit.
    ORDERS = range(2, 6)

    order: int
    grid_size: int
    origin: Tensor
    scale: Tensor
    centres: Tensor
    reach: Tensor

    @classmethod
    def of(cls, points: Tensor, order: int) -> CardinalSplines:
        """Return the splines between equally spaced breakpoints (in, grid_size + 1)."""
        grid_size = points.shape[1] - 1
        low, high = points[:, :1, None], points[:, -1:, None]
        numbers = torch.arange(grid_size + order, dtype=points.dtype, device=points.device)
        centres = (numbers - (order - 1) / 2).view(1, -1, 1)
        reach = points.new_full((1, 1, 1), (order + 1) / 2 * math.factorial(order) ** (-1.0 / order))
        return cls(order, grid_size, low, grid_size / (high - low), centres, reach)

    @cached_property
    def slope_scale(self) -> Tensor:
        """By what the slopes of :meth:`fill` are to be multiplied, (in, 1, 1)."""
        return self.scale * (self.order * self._root)

    def fill(
        self, inside: Tensor, excess: Tensor | None, first: int, functions: Tensor, slopes: Tensor | None
    ) -> None:
        """Write the functions of the inputs from ``first`` on, continued linearly beyond the range.

        Parameters
        ----------
        inside : Tensor of shape (m, 1, n)
            The points, in intervals from the lower end, from 0 to ``grid_size``.
        excess : Tensor of shape (m, 1, n), or None
            How far they are beyond that, in intervals.
        first : int
            All inputs have the same functions.
        functions, slopes : Tensor of shape (m, n_basis, n)
            Written to; slopes are before :attr:`slope_scale`.
        """
        if slopes is None and excess is None:
            return self._fill_values(inside, functions)
        slopes = functions.new_empty(functions.shape) if slopes is None else slopes
        self._fill_both(inside, functions, slopes)
        if excess is not None:
            functions.addcmul_(slopes, excess, value=self.order * self._root)
        return None

    @cached_property
    def powers(self) -> PowerSplines | None:
        """The same splines expanded in powers; None where too many digits would be lost."""
        if self.order not in PowerSplines.ORDERS or self.grid_size > PowerSplines.MOST_INTERVALS:
            return None
        return PowerSplines.of(self.origin, self.scale, self.grid_size, self.order)

    @cached_property
    def _root(self) -> float:
        return math.factorial(self.order) ** (-1.0 / self.order)

    @cached_property
    def _terms(self) -> tuple[tuple[float, int], ...]:
        """Distance from the first term and factor of each other term of the sum."""
        order = self.order
        return tuple((i * self._root, (-1) ** i * math.comb(order + 1, i)) for i in range(1, order // 2 + 1))

    def _first(self, distance: Tensor) -> Tensor:
        """Return the maximum of the first term, written over ``|t|``."""
        return torch.sub(self.reach, distance, alpha=self._root, out=distance).relu_()

    @staticmethod
    def _beyond(first: Tensor, distance: float) -> Tensor:
        """Return ``max(first − distance, 0)``."""
        least = first.clamp(max=distance)
        return torch.sub(first, least, out=least)

    def _fill_values(self, inside: Tensor, functions: Tensor) -> None:
        first = self._first(torch.sub(self.centres, inside, out=functions).abs_())
        others = [(self._beyond(first, distance).pow_(self.order), factor) for distance, factor in self._terms]
        first.pow_(self.order)
        for power, factor in others:
            first.add_(power, alpha=factor)

    def _fill_both(self, inside: Tensor, functions: Tensor, slopes: Tensor) -> None:
        offset = torch.sub(self.centres, inside)
        first = self._first(torch.abs(offset, out=functions))
        bases = [(self._beyond(first, distance), factor) for distance, factor in self._terms]
        torch.pow(first, self.order - 1, out=slopes)
        first.mul_(slopes)
        for base, factor in bases:
            lower = base.pow(self.order - 1)
            first.addcmul_(base, lower, value=factor)
            slopes.add_(lower, alpha=factor)
        slopes.copysign_(offset)

