"""De Boor's recurrence over whole rows: every step runs over contiguous memory of shape (in, functions, n)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

__all__ = ["Recurrence"]


@dataclass(frozen=True)
class Recurrence:
    """What evaluating the B-splines of one grid needs beside the points, in units of the mean interval.

    On uniform knots the divisions of the recurrence are by the same integers everywhere; they are left out, so that
    the functions come out times ``order!`` and one factor in the end mends it.

    Parameters
    ----------
    order, grid_size : int
        Degree of the pieces and number of intervals.
    low, scale : Tensor of shape (in, 1, 1)
        Lower end of the range of each input, and intervals per unit of it.
    knots : Tensor of shape (in or 1, grid_size + 2·order + 1, 1)
        From ``−order`` to ``grid_size + order`` on a uniform grid.
    uniform : bool
        Whether the knots of every input are equally spaced, up to rounding.

    References
    ----------
    C. de Boor, *A Practical Guide to Splines*, rev. ed. 2001, chapter IX, eq. (14); chapter X, eq. (12).

    Examples
    --------
    >>> recurrence = Recurrence.of(torch.tensor([[-1.0, 0.0, 1.0, 2.0]]), order=1)
    >>> recurrence.uniform, recurrence.values(torch.tensor([[0.25]])).flatten()
    (True, tensor([0.7500, 0.2500]))
    """

    order: int
    grid_size: int
    low: Tensor
    scale: Tensor
    knots: Tensor
    uniform: bool

    @classmethod
    def of(cls, grid: Tensor, order: int) -> Recurrence:
        """Return the recurrence of knots (in, grid_size + 2·order + 1)."""
        grid_size = grid.shape[1] - 2 * order - 1
        low, high = grid[:, order : order + 1], grid[:, order + grid_size : order + grid_size + 1]
        scale = grid_size / (high - low)
        knots = (grid - low) * scale
        even = torch.arange(-order, grid_size + order + 1, dtype=grid.dtype, device=grid.device)
        # A knot is known to within the rounding of its magnitude, which in units of the interval is this:
        rounding = 8 * torch.finfo(grid.dtype).eps * (grid.abs().amax(1, keepdim=True) * scale + grid_size)
        uniform = bool(((knots - even).abs() <= rounding).all())
        knots = even.unsqueeze(0) if uniform else knots
        return cls(order, grid_size, low.unsqueeze(1), scale.unsqueeze(1), knots.unsqueeze(-1), uniform)

    @property
    def factor(self) -> float:
        """By what the functions of :meth:`functions` are to be multiplied."""
        return 1.0 / math.factorial(self.order) if self.uniform else 1.0

    def values(self, x: Tensor) -> Tensor:
        """Return the functions at rows ``x`` (n, in), continued linearly outside the range: (in, n_basis, n)."""
        return self.functions(x)[0] * self.factor

    def functions(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the functions at rows ``x`` (n, in) and those of one order less, both before their factors.

        The functions are (in, n_basis, n), those of one order less (in, n_basis − 1, n), taken at the nearest point of
        the range: a spline's slope is the latter times the differences of its coefficients, see :meth:`differences`.
        """
        position = (x.T.contiguous().unsqueeze(1) - self.low).mul_(self.scale)
        inside = position.clamp(0.0, self.grid_size)
        lower = self._of_first_order(inside) if self.order > 1 else self._of_order_zero(inside)
        for degree in range(2, self.order):
            lower = self._raised(lower, inside, degree)
        # The last step is linear in the point; going `order` times the excess beyond the end, it continues linearly.
        return self._raised(lower, torch.lerp(inside, position, self.order), self.order), lower

    def of_inputs(self, first: int, count: int) -> Recurrence:
        """Return the recurrence of some of the inputs."""
        if count == len(self.low):
            return self
        low, scale = self.low.narrow(0, first, count), self.scale.narrow(0, first, count)
        knots = self.knots if self.uniform else self.knots.narrow(0, first, count)
        return Recurrence(self.order, self.grid_size, low, scale, knots, self.uniform)

    def differences(self, coef: Tensor) -> Tensor:
        """Return coefficients (out, in, n_basis − 1) by which the functions of one order less make up the slopes.

        The slopes are in units of the mean interval: to be multiplied by :attr:`slope_scale`.
        """
        differences = coef.narrow(-1, 1, coef.shape[-1] - 1) - coef.narrow(-1, 0, coef.shape[-1] - 1)
        return differences if self.uniform else differences.mul_(self._inverse_widths[self.order].squeeze(-1))

    @cached_property
    def slope_scale(self) -> Tensor:
        """From differences of coefficients to slopes, (in, 1)."""
        return self.scale.squeeze(1) * (self.order * self.factor)

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

    def _of_order_zero(self, inside: Tensor) -> Tensor:
        """Which interval holds the point of (in, 1, n), as 0 and 1: (in, grid_size, n)."""
        starts = self._starts[1].clone()
        starts[:, 0] = -1.0
        passed = (inside >= starts).to(inside.dtype)
        passed[:, :-1] -= passed[:, 1:].clone()
        return passed

    def _of_first_order(self, inside: Tensor) -> Tensor:
        """Hats around the breakpoints, (in, grid_size + 1, n); unlike jumps they need no care at the breakpoints."""
        first, count = self.order, self.grid_size + 1
        centre = self.knots.narrow(1, first, count)
        offset = inside - centre
        if self.uniform:
            return offset.abs_().neg_().add_(1.0).clamp_(min=0.0)
        before, after = self.knots.narrow(1, first - 1, count), self.knots.narrow(1, first + 1, count)
        return torch.minimum(1.0 + offset / (centre - before), 1.0 - offset / (after - centre)).clamp_(min=0.0)

    def _raised(self, lower: Tensor, point: Tensor, degree: int) -> Tensor:
        """One step of the recurrence at points (in, 1, n): from (in, m, n) to (in, m + 1, n) of that degree."""
        inputs, count, rows = lower.shape
        higher = torch.empty((inputs, count + 1, rows), dtype=lower.dtype, device=lower.device)
        rising = higher.narrow(1, 1, count)
        torch.sub(point, self._starts[degree], out=rising).mul_(lower)
        if not self.uniform:
            rising.mul_(self._inverse_widths[degree])
        falling = torch.sub(rising, lower, alpha=degree if self.uniform else 1)
        higher.select(1, 0).zero_()
        higher.narrow(1, 0, count).sub_(falling)
        return higher
