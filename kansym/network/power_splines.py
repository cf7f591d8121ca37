"""Splines on few equally spaced knots, expanded in powers: quicker to tabulate than B-splines."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import torch
from torch import Tensor

__all__ = ["PowerSplines"]

_FEW_ROWS = 64


@dataclass(frozen=True)
class PowerSplines:
    """Another basis of the splines of degree p, 2 or 3, on equally spaced knots, and the change to it.

    A spline is a polynomial on the middle of the range and gains a power at every knot on the way to either end. With v
    the position from the middle, in intervals, and κ the inner knots, the functions are

        1,   (p/j)·v^j for 0 < j < p,   v^p,   max(v − κ, 0)^p for κ >= 0,   min(v − κ, 0)^p for κ < 0,

    as many as there are B-splines. Their slopes, divided by p, are v^(j − 1) and the (p − 1)-th powers, of which most
    are needed for the functions anyway: a table and its slopes take seven operations for p = 3, most on five rows of
    eight, where B-splines take twelve on all. The change of basis multiplies the coefficients, which are few beside the
    table wherever there are more rows than outputs.

    What is lost are digits: at the ends of the range and beyond, the powers are large and cancel. On
    ``MOST_INTERVALS`` of 5 the magnitudes of what is added to a B-spline come to 20 (56 on six, 260 on ten), its
    rounding to 18 units of the type, and gradients of coefficients are 7 to 25 times as far off as by B-splines.

    Parameters
    ----------
    order, grid_size : int
        Degree of the pieces, one of ``ORDERS``, and number of intervals, at most ``MOST_INTERVALS``.
    origin, scale : Tensor of shape (in, 1, 1)
        Lower end of the range of each input, and intervals per unit of it.
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
    >>> splines.fill(torch.tensor([[[0.0, 1.5]]]), None, 0, functions, None)
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
        matrix = [[float(share) for share in row] for row in _powers_of_b_splines(grid_size, order)]
        return cls(order, grid_size, low, scale, torch.tensor(matrix, dtype=scale.dtype, device=scale.device))

    def fill(
        self, inside: Tensor, excess: Tensor | None, first: int, functions: Tensor, slopes: Tensor | None
    ) -> None:
        """Write the functions but the constant, continued linearly beyond the range.

        Parameters
        ----------
        inside : Tensor of shape (m, 1, n)
            The points, in intervals from the lower end, from 0 to ``grid_size``.
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
        powers, pieces = functions[:, 1:order], functions[:, order:]
        torch.sub(inside, self._places, out=pieces)
        pieces[:, 1:first_right].clamp_(max=0.0)
        pieces[:, first_right:].relu_()
        if excess is None and slopes is None:
            for power in range(1, order):
                torch.pow(pieces[:, :1], power, out=powers[:, power - 1 : power])
            powers.mul_(self._factors)
            pieces.pow_(order)
            return
        if slopes is None:
            slopes = functions.new_empty(functions[:, 2:].shape)
        slopes[:, : order - 2] = pieces[:, :1]  # v, of which the slope of the square is made
        torch.pow(pieces, order - 1, out=slopes[:, order - 2 :])
        pieces.mul_(slopes[:, order - 2 :])
        torch.mul(slopes[:, : order - 1], self._factors, out=powers)
        if excess is not None:
            functions[:, 2:].addcmul_(slopes, excess, value=order)
            functions[:, 1:2].add_(excess, alpha=order)

    def change(self, coef: Tensor) -> Tensor:
        """Return the coefficients of the powers for those of the B-splines, (out, in, n_basis)."""
        return _times(coef, self.to_powers, self._twice)

    def change_back(self, gradient: Tensor) -> Tensor:
        """Return the gradient in the coefficients of the B-splines for that in those of the powers."""
        return _times(gradient, self.to_powers.T, self._twice_back)

    def supported(self, functions: Tensor) -> Tensor | None:
        """Return which B-splines are not 0 at all rows, (in, n_basis) of 0 and 1; None where it is all of them.

        Of the others a gradient must be 0 exactly: of what rounding leaves, optimisers that scale each number by itself
        make steps like any other.

        Parameters
        ----------
        functions : Tensor of shape (in, n_basis, n)
            As :meth:`fill` leaves it.
        """
        for rows in (_FEW_ROWS, functions.shape[2]):  # mostly a few rows are everywhere
            position = functions[:, 1, :rows] / self.order + self.grid_size / 2
            interval = position.nan_to_num_(0.0).clamp_(0.0, self.grid_size - 1).long()
            visited = position.new_zeros((len(functions), self.grid_size)).scatter_(1, interval, 1.0)
            if bool(visited.all()):
                return None
        return (visited @ self._supports).clamp_(max=1.0)

    @cached_property
    def slope_scale(self) -> Tensor:
        """By what the slopes are to be multiplied, (in, 1)."""
        return self.scale.squeeze(-1) * self.order

    @cached_property
    def _twice(self) -> Tensor:
        return torch.block_diag(self.to_powers, self.to_powers)

    @cached_property
    def _twice_back(self) -> Tensor:
        return self._twice.T.contiguous()

    @cached_property
    def _supports(self) -> Tensor:
        """Whether an interval is in the support of a B-spline, (grid_size, n_basis)."""
        behind = torch.arange(self.grid_size + self.order) - torch.arange(self.grid_size).unsqueeze(-1)
        return ((behind >= 0) & (behind <= self.order)).to(self.scale)

    @cached_property
    def _factors(self) -> Tensor:
        """The numbers p/j, (1, p − 1, 1)."""
        return self._numbers([self.order / power for power in range(1, self.order)])

    @cached_property
    def _places(self) -> Tensor:
        """Where v^p and the powers at the knots are 0, (1, grid_size, 1)."""
        return self._numbers([self.grid_size / 2, *range(1, self.grid_size)])

    def _numbers(self, values: list[float]) -> Tensor:
        return torch.tensor(values, dtype=self.scale.dtype, device=self.scale.device).view(1, -1, 1)


def _times(rows: Tensor, matrix: Tensor, twice: Tensor) -> Tensor:
    """Return rows (…, k) times a matrix (k, k); two rows at a time, by it twice on a diagonal, take half the time."""
    two_rows = 2 * matrix.shape[0]
    matrix = twice if rows.numel() % two_rows == 0 else matrix
    return torch.mm(rows.view(-1, matrix.shape[0]), matrix).view(rows.shape)


def _powers_of_b_splines(grid_size: int, order: int) -> list[list[Fraction]]:
    """What each B-spline is made of, exactly.

    A B-spline is 1/p! · Σ_i (−1)^i · C(p + 1, i) · max(v − κ_i, 0)^p over its knots. Of a knot left of the middle the
    power is (v − κ)^p − min(v − κ, 0)^p, of which the first is multiplied out.
    """
    rows = []
    for first in range(-order, grid_size):
        row = [Fraction(0)] * (grid_size + order)
        for i in range(order + 2):
            number = first + i
            knot = number - Fraction(grid_size, 2)
            weight = Fraction((-1) ** i * math.comb(order + 1, i), math.factorial(order))
            if knot < 0:
                for power in range(order + 1):
                    share = Fraction(power, order) if 0 < power < order else 1
                    row[power] += weight * math.comb(order, power) * (-knot) ** (order - power) * share
            if 0 < number < grid_size:
                row[order + number] += weight if knot >= 0 else -weight
        rows.append(row)
    return rows
