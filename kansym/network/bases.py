"""Univariate bases in which an edge is expanded: B-spline, Gaussian RBF, reflectional switch, Chebyshev.

Every basis keeps one buffer ``grid`` of shape ``(in, m)``, a row for each input, and evaluates all inputs at once.

Neither a Fourier nor a rational basis is among them. Errors of least squares with singular values down to 1e-6, 1,000
rows of [-1, 1], 33 functions, by Chebyshev's polynomials, by waves of twice the range's period, and by poles on an
ellipse around the range: J₀(20x) 3.5e-7, 1.2e-8, 9e-4; sin(15x) 2e-9, 3e-8, 2e-3; 1/(x + 1.05) 1.4e-4, 6e-3, 3e-4.
Waves are well ahead only in between (sin(15x) by 23 functions: 6e-4, 3.5e-6); with 8 no basis resolves the first two.
"""

from __future__ import annotations

import copy
from abc import abstractmethod
from functools import partial
from typing import Any, final

import torch
from torch import Tensor, nn

from kansym.network.checks import check_choice
from kansym.network.remembered import Remembered
from kansym.network.spline_tables import BSplines, splines_on

__all__ = [
    "BASES",
    "BSplineBasis",
    "Basis",
    "ChebyshevBasis",
    "RadialBasis",
    "SwitchBasis",
    "make_basis",
]


class Basis(nn.Module):
    """A family of ``n_basis = grid_size + spline_order`` functions for each of several inputs.

    Parameters
    ----------
    points : Tensor of shape (in, grid_size + 1)
        Increasing breakpoints of each input; all but the B-spline use only the first and the last.
    spline_order : int
        Polynomial degree of the B-spline; elsewhere it only counts towards ``n_basis``.

    Examples
    --------
    >>> basis = BSplineBasis(torch.tensor([[-1.0, 0.0, 1.0]]), spline_order=3)
    >>> basis.n_basis, basis.values(torch.zeros(7, 1)).shape
    (5, torch.Size([7, 1, 5]))
    """

    grid: Tensor

    def __init__(self, points: Tensor, spline_order: int) -> None:
        super().__init__()
        self.spline_order = spline_order
        self.grid_size = points.shape[1] - 1
        self.register_buffer("grid", self._grid(points))

    @property
    def n_basis(self) -> int:
        """Number of functions of each input."""
        return self.grid_size + self.spline_order

    @property
    def points(self) -> Tensor:
        """Breakpoints, shape (in, grid_size + 1)."""
        share = torch.linspace(0.0, 1.0, self.grid_size + 1, dtype=self.grid.dtype, device=self.grid.device)
        low, high = self.grid[:, :1], self.grid[:, -1:]
        return low + (high - low) * share

    @abstractmethod
    def values(self, x: Tensor) -> Tensor:
        """Values at ``x`` of shape (..., in), as (..., in, n_basis)."""

    @abstractmethod
    def derivatives(self, x: Tensor) -> Tensor:
        """First derivatives at ``x``, shaped as :meth:`values`."""

    @abstractmethod
    def second_derivatives(self, x: Tensor) -> Tensor:
        """Second derivatives at ``x``, shaped as :meth:`values`."""

    def constant(self) -> Tensor | None:
        """Coefficients (n_basis,) of the constant 1, or None if the basis cannot express it."""
        return None

    def roughness(self) -> Tensor:
        """Return a positive matrix (n_basis, n_basis) whose quadratic form penalises unneeded coefficients."""
        return torch.eye(self.n_basis, dtype=self.grid.dtype, device=self.grid.device)

    def extra_repr(self) -> str:
        """Show the sizes."""
        return f"inputs={self.grid.shape[0]}, grid_size={self.grid_size}, spline_order={self.spline_order}"

    def _grid(self, points: Tensor) -> Tensor:
        return points.clone()


class _LinearlyContinued(Basis):
    """A polynomial basis on ``[low, high]``, continued outside with the value and the slope of the boundary."""

    @property
    @abstractmethod
    def low(self) -> Tensor:
        """Lower end of each input's range, shape (in,)."""

    @property
    @abstractmethod
    def high(self) -> Tensor:
        """Upper end of each input's range, shape (in,)."""

    @abstractmethod
    def _continued(self, x: Tensor, excess: Tensor, order: int) -> Tensor:
        """Return derivatives of order 0 to 2 at points ``x`` of the range, values continued by ``excess`` beyond."""

    def values(self, x: Tensor) -> Tensor:
        """Return values, shape (..., in, n_basis)."""
        # relu and not a difference of clamps: its gradient at 0 is 0, so a boundary point counts its slope once.
        excess = torch.relu(x - self.high) - torch.relu(self.low - x)
        return self._continued(torch.clamp(x, self.low, self.high), excess, 0)

    def derivatives(self, x: Tensor) -> Tensor:
        """Return first derivatives, shape (..., in, n_basis)."""
        return self._continued(torch.clamp(x, self.low, self.high), torch.zeros_like(x), 1)

    def second_derivatives(self, x: Tensor) -> Tensor:
        """Return second derivatives, shape (..., in, n_basis)."""
        within = (x >= self.low) & (x <= self.high)
        second = self._continued(torch.clamp(x, self.low, self.high), torch.zeros_like(x), 2)
        return second * within.unsqueeze(-1)


@final
class BSplineBasis(_LinearlyContinued):
    """B-splines of any order on each input's own knots, continued linearly outside the grid.

    ``grid`` holds the knots, shape (in, grid_size + 2·spline_order + 1): the breakpoints, extended on each side by
    ``spline_order`` knots at the spacing of the outermost interval. The functions sum to one everywhere.

    References
    ----------
    C. de Boor, *A Practical Guide to Splines*, rev. ed. 2001, chapter IX, eq. (14) (recurrence), chapter X, eq. (12)
    (derivative).

    Examples
    --------
    >>> basis = BSplineBasis(torch.tensor([[0.0, 1.0, 3.0]]), spline_order=2)
    >>> basis.values(torch.tensor([[0.5], [5.0]])).sum(-1).flatten()
    tensor([1., 1.])
    """

    def __init__(self, points: Tensor, spline_order: int) -> None:
        super().__init__(points, spline_order)
        self._remembered = Remembered(partial(splines_on, order=spline_order))

    def splines(self) -> BSplines:
        """Return what evaluates rows on the present knots, fast and without a graph."""
        return self._remembered(self.grid)

    def on(self, grid: Tensor) -> BSplineBasis:
        """Return the same family on other knots, which are not copied.

        Examples
        --------
        >>> basis = BSplineBasis(torch.tensor([[0.0, 1.0, 3.0]]), spline_order=1)
        >>> basis.on(2 * basis.grid).points
        tensor([[0., 2., 6.]])
        """
        other = copy.copy(self)
        other._buffers = {**self._buffers, "grid": grid}
        return other

    def _grid(self, points: Tensor) -> Tensor:
        steps = torch.arange(1, self.spline_order + 1, dtype=points.dtype, device=points.device)
        left = points[:, :1] - (points[:, 1:2] - points[:, :1]) * steps.flip(0)
        right = points[:, -1:] + (points[:, -1:] - points[:, -2:-1]) * steps
        return torch.cat([left, points, right], dim=1)

    @property
    def points(self) -> Tensor:
        """Breakpoints, shape (in, grid_size + 1)."""
        return self.grid[:, self.spline_order : self.spline_order + self.grid_size + 1]

    @property
    def low(self) -> Tensor:
        """Lower end of each range, shape (in,)."""
        return self.grid[:, self.spline_order]

    @property
    def high(self) -> Tensor:
        """Upper end of each range, shape (in,)."""
        return self.grid[:, self.spline_order + self.grid_size]

    def constant(self) -> Tensor:
        """Return coefficients (n_basis,) of the constant 1."""
        return torch.ones(self.n_basis, dtype=self.grid.dtype, device=self.grid.device)

    def roughness(self) -> Tensor:
        """Squared second differences of the coefficients (the P-splines of Eilers and Marx, 1996)."""
        if self.n_basis < 3:
            return super().roughness()
        difference = torch.diff(super().roughness(), n=2, dim=0)
        return difference.T @ difference

    def _continued(self, x: Tensor, excess: Tensor, order: int) -> Tensor:
        dense = x.new_zeros((*x.shape, self.n_basis))
        if order > self.spline_order:
            return dense
        interval = (x.unsqueeze(-1) >= self.points[:, 1:-1]).sum(-1)
        support = interval.unsqueeze(-1) + torch.arange(self.spline_order + 1, device=x.device)
        return dense.scatter(-1, support, self._local(x, excess, interval, order).movedim(0, -1))

    def _local(self, x: Tensor, excess: Tensor, interval: Tensor, order: int) -> Tensor:
        """Return derivatives of the functions that live on each point's interval, (spline_order + 1, ..., in).

        The functions come first in memory, so that every operation runs over long contiguous rows.
        """
        degree = self.spline_order
        steps = torch.arange(1, 2 * degree + 1, device=x.device).view(-1, *(1 for _ in x.shape))
        knots = self.grid[torch.arange(self.grid.shape[0], device=x.device), interval + steps]
        local = torch.ones_like(x).unsqueeze(0)
        for step in range(1, degree + 1):
            lower, upper = knots[degree - step : degree], knots[degree : degree + step]
            ratio = local / (upper - lower)
            if step == degree:
                # The slope is −degree·ratio and degree·ratio, so this one shift continues the values linearly.
                x = x + degree * excess
            if step <= degree - order:
                falling, rising = (upper - x) * ratio, (x - lower) * ratio
            else:
                falling, rising = -step * ratio, step * ratio
            local = torch.cat([falling[:1], falling[1:] + rising[:-1], rising[-1:]])
        return local


@final
class ChebyshevBasis(_LinearlyContinued):
    """Chebyshev polynomials on each input's range, continued linearly outside it (no squashing of the input).

    References
    ----------
    J. C. Mason, D. C. Handscomb, *Chebyshev Polynomials*, 2003, eq. (1.3) (recurrence).

    Examples
    --------
    >>> ChebyshevBasis(torch.tensor([[0.0, 2.0]]), spline_order=2).values(torch.tensor([[2.0]]))
    tensor([[[1., 1., 1.]]])
    """

    def _grid(self, points: Tensor) -> Tensor:
        return points[:, [0, -1]]

    @property
    def low(self) -> Tensor:
        """Lower end of each range, shape (in,)."""
        return self.grid[:, 0]

    @property
    def high(self) -> Tensor:
        """Upper end of each range, shape (in,)."""
        return self.grid[:, 1]

    def constant(self) -> Tensor:
        """Return coefficients (n_basis,) of the constant 1."""
        return super().roughness()[0]

    def _continued(self, x: Tensor, excess: Tensor, order: int) -> Tensor:
        stretch = 2.0 / (self.high - self.low)
        u = (x - self.low) * stretch - 1.0
        one, zero = torch.ones_like(u), torch.zeros_like(u)
        # rows[d] lists the d-th derivatives of T_0, T_1, ...; the recurrence is differentiated d times.
        rows = [[one, u], [zero, one], [zero, zero]]
        for _ in range(2, self.n_basis):
            grown = [2 * u * row[-1] - row[-2] + (2 * d * rows[d - 1][-1] if d else 0.0) for d, row in enumerate(rows)]
            for row, term in zip(rows, grown, strict=True):
                row.append(term)
        derivative = torch.stack(rows[order], dim=-1) * (stretch**order).unsqueeze(-1)
        if order > 0:
            return derivative
        return derivative + torch.stack(rows[1], dim=-1) * (stretch * excess).unsqueeze(-1)


class _Bumps(Basis):
    """One bump at each of ``n_basis`` equally spaced centres, as wide as their distance."""

    def _grid(self, points: Tensor) -> Tensor:
        share = torch.linspace(0.0, 1.0, self.n_basis, dtype=points.dtype, device=points.device)
        return points[:, :1] + (points[:, -1:] - points[:, :1]) * share

    def _inverse_width(self) -> Tensor:
        return (self.n_basis - 1) / (self.grid[:, -1:] - self.grid[:, :1])

    def _scaled(self, x: Tensor) -> Tensor:
        return (x.unsqueeze(-1) - self.grid) * self._inverse_width()


@final
class RadialBasis(_Bumps):
    """Gaussian bumps ``exp(−((x − centre)/width)²)``; they vanish far outside the grid.

    References
    ----------
    Z. Li, *Kolmogorov-Arnold Networks are Radial Basis Function Networks*, arXiv:2405.06721 (FastKAN).

    Examples
    --------
    >>> RadialBasis(torch.tensor([[0.0, 1.0]]), spline_order=1).values(torch.tensor([[0.0]]))
    tensor([[[1.0000, 0.3679]]])
    """

    def values(self, x: Tensor) -> Tensor:
        """Return values, shape (..., in, n_basis)."""
        return torch.exp(-(self._scaled(x) ** 2))

    def derivatives(self, x: Tensor) -> Tensor:
        """Return first derivatives, shape (..., in, n_basis)."""
        u = self._scaled(x)
        return -2.0 * u * torch.exp(-u * u) * self._inverse_width()

    def second_derivatives(self, x: Tensor) -> Tensor:
        """Return second derivatives, shape (..., in, n_basis)."""
        u = self._scaled(x)
        return (4.0 * u * u - 2.0) * torch.exp(-u * u) * self._inverse_width() ** 2


@final
class SwitchBasis(_Bumps):
    """Reflectional switches ``1 − tanh²((x − centre)/width)``; they vanish far outside the grid.

    References
    ----------
    A. A. Delis, *FasterKAN*, 2024, https://github.com/AthanasiosDelis/faster-kan.

    Examples
    --------
    >>> SwitchBasis(torch.tensor([[0.0, 1.0]]), spline_order=1).values(torch.tensor([[0.0]]))
    tensor([[[1.0000, 0.4200]]])
    """

    def values(self, x: Tensor) -> Tensor:
        """Return values, shape (..., in, n_basis)."""
        return 1.0 - torch.tanh(self._scaled(x)) ** 2

    def derivatives(self, x: Tensor) -> Tensor:
        """Return first derivatives, shape (..., in, n_basis)."""
        t = torch.tanh(self._scaled(x))
        return -2.0 * t * (1.0 - t * t) * self._inverse_width()

    def second_derivatives(self, x: Tensor) -> Tensor:
        """Return second derivatives, shape (..., in, n_basis)."""
        t = torch.tanh(self._scaled(x))
        return (1.0 - t * t) * (6.0 * t * t - 2.0) * self._inverse_width() ** 2


BASES: dict[str, type[Basis]] = {
    "bspline": BSplineBasis,
    "rbf": RadialBasis,
    "rswaf": SwitchBasis,
    "chebyshev": ChebyshevBasis,
}


def make_basis(name: str, points: Tensor, spline_order: int) -> Basis:
    """Return the basis of that name on the given breakpoints.

    Raises
    ------
    ParameterError
        If the name is not one of ``BASES``.

    Examples
    --------
    >>> make_basis("rbf", torch.tensor([[0.0, 1.0]]), 3).n_basis
    4
    """
    kind: Any = BASES[check_choice("basis", name, tuple(BASES))]
    return kind(points, spline_order)
