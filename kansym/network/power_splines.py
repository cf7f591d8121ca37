"""Splines on few equally spaced knots, expanded in powers: quicker to tabulate than B-splines."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

__all__ = ["PowerSplines"]


@dataclass(frozen=True)
class PowerSplines:
    """Another basis of the splines of degree p on equally spaced knots, and the change to it.

    A spline is a polynomial on the middle of the range and gains a power at every knot on the way to either end. With v
    the position from the middle, in intervals, and κ the inner knots, the functions are

        1,   (p/j)·v^j for 0 < j < p,   v^p,   max(v − κ, 0)^p for κ >= 0,   min(v − κ, 0)^p for κ < 0,

    as many as there are B-splines. Their slopes, divided by p, are v^(j − 1) and the (p − 1)-th powers, of which most
    are needed for the functions anyway: a table and its slopes take nine operations for p = 3, on five rows of eight,
    where B-splines take thirteen on all. The change of basis multiplies the coefficients, which are few beside the
    table wherever there are more rows than outputs.

    What is lost are digits: at the ends of the range the powers are large and cancel. For p = 3 the magnitudes of what
    is added come to 20 on five intervals, where the rounding is up to 50 units of the type, but 56 on six and 260 on
    ten; for higher degrees the rounding on five is 400 units and more.

    Parameters
    ----------
    order, grid_size : int
        Degree of the pieces, one of ``ORDERS``, and number of intervals, at most ``MOST_INTERVALS``.
    origin, scale : Tensor of shape (in, 1, 1)
        Middle of the range of each input, and intervals per unit of it.
    to_powers : Tensor of shape (n_basis, n_basis)
        A row for each B-spline: what it is made of, the constant first.

    References
    ----------
    I. J. Schoenberg, *Contributions to the problem of approximation of equidistant data by analytic functions*, Quart.
    Appl. Math. 4 (1946), section 3.

    Examples
    --------
    >>> splines = PowerSplines.of(torch.tensor([[[-1.0]]]), torch.tensor([[[1.0]]]), grid_size=2, order=2)
    >>> functions = torch.ones(1, 4, 2)
    >>> splines.fill(torch.tensor([[[-1.0, 0.5]]]), None, 0, functions, None)
    >>> functions[0].T
    tensor([[ 1.0000, -2.0000,  1.0000,  0.0000],
            [ 1.0000,  1.0000,  0.2500,  0.2500]])
    >>> (splines.to_powers @ functions[0]).T
    tensor([[0.5000, 0.5000, 0.0000, 0.0000],
            [0.0000, 0.1250, 0.7500, 0.1250]])
    """

    ORDERS = (2, 3)
    MOST_INTERVALS = 5

    order: int
    grid_size: int
    origin: Tensor
    scale: Tensor
    to_powers: Tensor

    @classmethod
    def of(cls, low: Tensor, scale: Tensor, grid_size: int, order: int) -> PowerSplines:
        """Return the splines of ranges that begin at ``low`` (in, 1, 1), with ``scale`` intervals per unit."""
        matrix = torch.tensor(_powers_of_b_splines(grid_size, order), dtype=scale.dtype, device=scale.device)
        return cls(order, grid_size, low + grid_size / 2 / scale, scale, matrix)

    @property
    def shapes(self) -> tuple[int, int]:
        """Numbers of functions and of slopes in a table; see :meth:`fill`."""
        return self.grid_size + self.order, self.grid_size + self.order - 2

    @property
    def ends(self) -> tuple[float, float]:
        """Ends of the range in intervals from :attr:`origin`."""
        return -self.grid_size / 2, self.grid_size / 2

    def fill(
        self, inside: Tensor, excess: Tensor | None, first: int, functions: Tensor, slopes: Tensor | None
    ) -> None:
        """Write the functions but the constant, continued linearly beyond the range.

        Parameters
        ----------
        inside : Tensor of shape (m, 1, n)
            The points, in intervals from the middle, within :attr:`ends`.
        excess : Tensor of shape (m, 1, n), or None
            How far they are beyond that, in intervals.
        first : int
            All inputs have the same functions.
        functions : Tensor of shape (m, n_basis, n)
            Written to, but for the row of the constant: it is for that, or for what else is to be summed.
        slopes : Tensor of shape (m, n_basis - 2, n), or None
            Of the functions from the third on, before :attr:`slope_scale`; those of the second are 1.
        """
        order, first_right = self.order, 1 + (self.grid_size - 1) // 2
        pieces, powers = functions[:, order:], functions[:, 1:order]
        torch.sub(inside, self._places, out=pieces)
        pieces[:, 1:first_right].clamp_(max=0.0)
        pieces[:, first_right:].relu_()
        if excess is None and slopes is None:
            for power in range(1, order):
                torch.pow(inside, power, out=powers[:, power - 1 : power])
            powers.mul_(self._factors)
            pieces.pow_(order)
            return
        if slopes is None:
            slopes = functions.new_empty(functions[:, 2:].shape)
        slopes[:, : order - 2] = inside
        torch.pow(pieces, order - 1, out=slopes[:, order - 2 :])
        pieces.mul_(slopes[:, order - 2 :])
        torch.mul(slopes[:, : order - 1], self._factors, out=powers)
        if excess is not None:
            functions[:, 2:].addcmul_(slopes, excess, value=order)
            functions[:, 1:2].add_(excess, alpha=order)

    @cached_property
    def slope_scale(self) -> Tensor:
        """By what the slopes are to be multiplied, (in, 1)."""
        return self.scale.squeeze(-1) * self.order

    @cached_property
    def _factors(self) -> Tensor:
        """The numbers p/j, (1, p − 1, 1)."""
        return self._numbers([self.order / power for power in range(1, self.order)])

    @cached_property
    def _places(self) -> Tensor:
        """Where v^p and the powers at the knots are 0, (1, grid_size, 1)."""
        return self._numbers([0.0, *_inner_knots(self.grid_size)])

    def _numbers(self, values: list[float]) -> Tensor:
        return torch.tensor(values, dtype=self.scale.dtype, device=self.scale.device).view(1, -1, 1)


def _inner_knots(grid_size: int) -> list[float]:
    """From the middle of the range, in intervals."""
    return [number - grid_size / 2 for number in range(1, grid_size)]


def _powers_of_b_splines(grid_size: int, order: int) -> list[list[float]]:
    """What each B-spline is made of.

    A B-spline is 1/p! · Σ_i (−1)^i · C(p + 1, i) · max(v − κ_i, 0)^p over its knots. Of a knot left of the middle the
    power is (v − κ)^p − min(v − κ, 0)^p, of which the first is multiplied out.
    """
    inner, rows = _inner_knots(grid_size), []
    for first in range(grid_size + order):
        row = [0.0] * (grid_size + order)
        for i in range(order + 2):
            knot = first + i - order - grid_size / 2
            weight = (-1) ** i * math.comb(order + 1, i) / math.factorial(order)
            if knot < 0:
                for power in range(order + 1):
                    share = power / order if 0 < power < order else 1.0
                    row[power] += weight * math.comb(order, power) * (-knot) ** (order - power) * share
            if knot in inner:
                row[order + 1 + inner.index(knot)] += weight if knot >= 0 else -weight
        rows.append(row)
    return rows
