"""De Boor's recurrence over whole rows: every step runs over contiguous memory of shape (in, functions, n)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

__all__ = ["Recurrence"]


@dataclass(frozen=True)
class Recurrence:
    """What evaluating the B-splines on any knots needs beside the points, in units of the mean interval.

    Parameters
    ----------
    order, grid_size : int
        Degree of the pieces and number of intervals.
    origin, scale : Tensor of shape (in, 1, 1)
        Lower end of the range of each input, and mean intervals per unit of it.
    knots : Tensor of shape (in, grid_size + 2·order + 1, 1)

    References
    ----------
    C. de Boor, *A Practical Guide to Splines*, rev. ed. 2001, chapter IX, eq. (14); chapter X, eq. (12).

    Examples
    --------
    >>> recurrence = Recurrence.of(torch.tensor([[-1.0, 0.0, 1.0, 3.0]]), order=1)
    >>> functions = torch.empty(1, 2, 1)
    >>> recurrence.fill(torch.tensor([[[0.25]]]), None, 0, functions, None)
    >>> functions.flatten()
    tensor([0.7500, 0.2500])
    """

    order: int
    grid_size: int
    origin: Tensor
    scale: Tensor
    knots: Tensor

    @classmethod
    def of(cls, grid: Tensor, order: int) -> Recurrence:
        """Return the recurrence of knots (in, grid_size + 2·order + 1)."""
        grid_size = grid.shape[1] - 2 * order - 1
        low, high = grid[:, order : order + 1], grid[:, order + grid_size : order + grid_size + 1]
        scale = grid_size / (high - low)
        knots = (grid - low) * scale
        return cls(order, grid_size, low.unsqueeze(1), scale.unsqueeze(1), knots.unsqueeze(-1))

    @cached_property
    def slope_scale(self) -> Tensor:
        """By what the slopes of :meth:`fill` are to be multiplied, (in, 1, 1)."""
        return self.scale * self.order

    def fill(
        self, inside: Tensor, excess: Tensor | None, first: int, functions: Tensor, slopes: Tensor | None
    ) -> None:
        """Write the functions of the inputs from ``first`` on, continued linearly beyond the range.

        Parameters
        ----------
        inside : Tensor of shape (m, 1, n)
            The points, in mean intervals from the lower end, from 0 to ``grid_size``.
        excess : Tensor of shape (m, 1, n), or None
            How far they are beyond that, in mean intervals.
        first : int
        functions, slopes : Tensor of shape (m, n_basis, n)
            Written to; slopes are before :attr:`slope_scale`.
        """
        inputs = slice(first, first + len(inside))
        lower = self._hats(inside, inputs) if self.order > 1 else self._pieces(inside, inputs)
        for degree in range(2, self.order):
            higher = lower.new_empty((len(inside), lower.shape[1] + 1, lower.shape[2]))
            lower = self._raise(lower, inside, degree, inputs, higher)
        # The last step is linear in the point; going `order` times the excess beyond the end, it continues linearly.
        point = inside if excess is None else torch.add(inside, excess, alpha=self.order)
        self._raise(lower, point, self.order, inputs, functions)
        if slopes is not None:
            ratio = lower.mul_(self._inverse_widths[self.order][inputs])
            slopes[:, :1] = 0.0
            slopes[:, 1:] = ratio
            slopes[:, :-1] -= ratio

    @cached_property
    def _starts(self) -> dict[int, Tensor]:
        """Where the functions of degree ``degree − 1`` begin that are not zero all over the range."""
        return {
            degree: self.knots.narrow(1, self.order - degree + 1, self.grid_size + degree - 1)
            for degree in range(1, self.order + 1)
        }

    @cached_property
    def _inverse_widths(self) -> dict[int, Tensor]:
        """One over the widths of the supports of those functions."""
        return {
            degree: 1.0 / (self.knots.narrow(1, self.order + 1, starts.shape[1]) - starts)
            for degree, starts in self._starts.items()
        }

    def _pieces(self, inside: Tensor, inputs: slice) -> Tensor:
        """Which interval holds the point of (m, 1, n), as 0 and 1: (m, grid_size, n)."""
        starts = self._starts[1][inputs].clone()
        starts[:, 0] = -1.0
        passed = (inside >= starts).to(inside.dtype)
        passed[:, :-1] -= passed[:, 1:].clone()
        return passed

    def _hats(self, inside: Tensor, inputs: slice) -> Tensor:
        """Hats around the breakpoints, (m, grid_size + 1, n); unlike jumps they need no care at the breakpoints."""
        knots, count = self.knots[inputs], self.grid_size + 1
        before, centre, after = (knots.narrow(1, self.order + shift, count) for shift in (-1, 0, 1))
        offset = inside - centre
        return torch.minimum(1.0 + offset / (centre - before), 1.0 - offset / (after - centre)).clamp_(min=0.0)

    def _raise(self, lower: Tensor, point: Tensor, degree: int, inputs: slice, higher: Tensor) -> Tensor:
        """One step of the recurrence at points (m, 1, n): from (m, count, n) to (m, count + 1, n) of that degree."""
        count = lower.shape[1]
        rising = higher.narrow(1, 1, count)
        torch.sub(point, self._starts[degree][inputs], out=rising)
        rising.mul_(lower).mul_(self._inverse_widths[degree][inputs])
        falling = rising - lower
        higher.select(1, 0).zero_()
        higher.narrow(1, 0, count).sub_(falling)
        return higher
