"""The sum of spline edges with its derivative written by hand: basis over rows, then one matrix product each way."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch._functorch.utils import unwrap_dead_wrappers
from torch.autograd import Function

from kansym.network.base_functions import base_slopes, base_values
from kansym.network.basis_products import Tables, gradients_by_basis, sum_by_basis
from kansym.network.cardinal_splines import CardinalSplines
from kansym.network.power_products import gradients_by_powers, sum_by_powers
from kansym.network.power_splines import PowerSplines
from kansym.network.spline_tables import BSplines

if TYPE_CHECKING:
    from kansym.network.bases import BSplineBasis

__all__ = ["edge_sum", "edge_sum_by_operations"]

# Numbers of a table of the basis: beyond the first it is made in parts of the second and made again, see _EdgeSum.
_NUMBERS_SAVED = 16_000_000
_NUMBERS_PER_PART = 1_000_000
_FEWEST_NUMBERS_IN_POWERS = 2**16


def edge_sum(
    x: Tensor, coef: Tensor, base_weight: Tensor | None, base_function: str, basis: BSplineBasis
) -> Tensor:
    """Return ``Σ_i (base_weight_oi·base(x_i) + Σ_k coef_oik·B_k(x_i))``, the sum of spline edges at each output.

    The basis lies as (in, n_basis, n), so that it is made over contiguous rows and the coefficients enter the matrix
    products as they are stored. Where the rows need a gradient the slopes of the basis are made beside it. Of many rows
    the table is one of powers, see :class:`kansym.network.power_splines.PowerSplines`.

    Parameters
    ----------
    x : Tensor of shape (n, in)
    coef : Tensor of shape (out, in, n_basis)
    base_weight : Tensor of shape (out, in), or None
        Weights of the base function; None without one.
    base_function : {"silu", "identity", "none"}
    basis : BSplineBasis
        Derivatives of the derivative take its own values, by :func:`edge_sum_by_operations`.

    Returns
    -------
    Tensor of shape (n, out)

    Examples
    --------
    >>> from kansym.network.bases import BSplineBasis
    >>> basis = BSplineBasis(torch.tensor([[0.0, 1.0, 2.0]]), spline_order=1)
    >>> edge_sum(torch.tensor([[0.5]]), torch.tensor([[[0.0, 4.0, 0.0]]]), None, "none", basis)
    tensor([[2.]])
    """
    splines = basis.splines()
    powers = splines.powers if isinstance(splines, CardinalSplines) and _suits_powers(x, coef) else None
    wanted = x.requires_grad and torch.is_grad_enabled()
    passing = _Pass(base_function if base_weight is not None else "none", basis, basis.grid, splines, powers, wanted)
    return _EdgeSum.apply(x, coef.contiguous(), base_weight, passing)  # type: ignore[return-value]


def edge_sum_by_operations(
    x: Tensor, coef: Tensor, base_weight: Tensor | None, base_function: str, basis: BSplineBasis
) -> Tensor:
    """Return the same by differentiable operations of torch.

    Examples
    --------
    >>> from kansym.network.bases import BSplineBasis
    >>> basis = BSplineBasis(torch.tensor([[0.0, 1.0, 2.0]]), spline_order=1)
    >>> edge_sum_by_operations(torch.tensor([[0.5]]), torch.tensor([[[0.0, 4.0, 0.0]]]), None, "none", basis)
    tensor([[2.]])
    """
    total = basis.values(x).flatten(-2) @ coef.flatten(1).T
    return total if base_weight is None else total + base_values(x, base_function) @ base_weight.T


def _suits_powers(x: Tensor, coef: Tensor) -> bool:
    """Whether the table is so much larger than the coefficients that to change their basis pays, and can be kept.

    Only on a CPU is it known without a wait whether rows are far beyond the range, where powers lose digits.
    """
    (outputs, inputs, n_basis), rows = coef.shape, x.shape[0]
    pays = 4 * outputs <= rows and _FEWEST_NUMBERS_IN_POWERS <= rows * inputs * n_basis <= _NUMBERS_SAVED
    return pays and x.device.type == "cpu"


@dataclass(slots=True)
class _Pass:
    """What one pass through the edges takes beside tensors, and the tables that it leaves for the derivative.

    There are none where they would be too large. The grid is that of the pass: when the derivative is taken, the basis
    may have another.
    """

    base_function: str
    basis: BSplineBasis
    grid: Tensor
    splines: BSplines
    powers: PowerSplines | None
    with_slopes: bool
    tables: Tables = ()

    def sum(self, x: Tensor, coef: Tensor, base_weight: Tensor | None) -> tuple[Tensor, Tables]:
        """Return the sum of edges, and tables for its derivative; by powers, unless rows forbid it."""
        arguments = x, coef, base_weight, self.base_function
        if self.powers is not None:
            found = sum_by_powers(*arguments, self.powers, self.with_slopes)
            if found is not None:
                return found
            self.powers = None
        return sum_by_basis(*arguments, self.splines, self.with_slopes)

    def gradients(
        self, gradient: Tensor, tensors: tuple[Tensor, Tensor, Tensor | None], tables: Tables, needed: tuple[bool, ...]
    ) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        """Return those in x, coef and base_weight where they are needed; tables that there are not are made again."""
        arguments = gradient, *tensors, self.base_function
        if self.powers is not None and tables and (len(tables) > 1 or not needed[0]):
            return gradients_by_powers(*arguments, self.powers, tables, needed)
        if self.powers is not None:
            tables = ()
        return gradients_by_basis(*arguments, self.splines, tables, needed)


def _parts(x: Tensor, coef: Tensor) -> tuple[Tensor, ...]:
    """Rows whose tables are made at a time."""
    numbers = coef.shape[1] * coef.shape[2]
    return (x,) if len(x) * numbers <= _NUMBERS_SAVED else x.split(max(1, _NUMBERS_PER_PART // numbers))


def _sum(parts: list[Tensor]) -> Tensor | None:
    """Sum of what there is."""
    return sum(parts[1:], parts[0]) if parts else None


def _derivative_by_operations(
    gradient: Tensor, x: Tensor, coef: Tensor, base_weight: Tensor | None, base_function: str, basis: BSplineBasis
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Gradients in x, coef and base_weight, themselves differentiable."""
    slopes = basis.derivatives(x)
    of_x = (slopes * (gradient @ coef.flatten(1)).view_as(slopes)).sum(-1)
    of_coef = (gradient.T @ basis.values(x).flatten(1)).view_as(coef)
    if base_weight is None:
        return of_x, of_coef, None
    of_x = of_x + (gradient @ base_weight) * base_slopes(x, base_function)
    return of_x, of_coef, gradient.T @ base_values(x, base_function)


class _EdgeSum(Function):
    """See :func:`edge_sum`.

    The tables are saved for the derivative. Were they large, they would be made for some rows at a time and made again
    for the derivative: that takes little more time, and nothing but the rows is kept.
    """

    @classmethod
    def apply(cls, *inputs: Any) -> Any:
        """As torch's own, but for a binding of the arguments to names, a twentieth of a small layer's time."""
        if torch._C._are_functorch_transforms_active():
            return super().apply(*inputs)
        return super(Function, cls).apply(*unwrap_dead_wrappers(inputs))  # pyright: ignore[reportAttributeAccessIssue]

    @staticmethod
    def forward(*inputs: Any) -> Tensor:
        x, coef, base_weight, passing = inputs
        parts = _parts(x, coef)
        if len(parts) > 1:
            made_again = replace(passing, with_slopes=False)
            return torch.cat([made_again.sum(part, coef, base_weight)[0] for part in parts])
        total, passing.tables = passing.sum(x, coef, base_weight)
        return total

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        x, coef, base_weight, ctx.passing = inputs
        ctx.set_materialize_grads(False)
        grid = ctx.passing.grid
        ctx.save_for_backward(x, coef, base_weight, grid, *ctx.passing.tables)
        ctx.save_for_forward(x, coef, base_weight, grid)
        ctx.passing.tables = ()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor | None) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        if gradient is None:
            return (None,) * 4
        x, coef, base_weight, grid, *tables = ctx.saved_tensors
        if torch.is_grad_enabled():  # someone will differentiate the derivative
            basis, base_function = ctx.passing.basis.on(grid), ctx.passing.base_function
            found = _derivative_by_operations(gradient, x, coef, base_weight, base_function, basis)
            return *found, None
        parts, needed = _parts(x, coef), ctx.needs_input_grad[:3]
        if len(parts) == 1:
            return *ctx.passing.gradients(gradient, (x, coef, base_weight), tuple(tables), needed), None
        found = [
            ctx.passing.gradients(of_part, (part, coef, base_weight), (), needed)
            for part, of_part in zip(parts, gradient.split(len(parts[0])), strict=True)
        ]
        of_x, of_coef, of_base = (
            [one for one in some if one is not None] for some in zip(*found, strict=True)
        )
        return torch.cat(of_x) if of_x else None, _sum(of_coef), _sum(of_base), None

    @staticmethod
    def jvp(ctx: Any, *directions: Any) -> Tensor | None:  # type: ignore[override]
        x, coef, base_weight, grid = ctx.saved_tensors[:4]
        basis = ctx.passing.basis.on(grid)
        along_x, along_coef, along_base = directions[:3]
        parts = []
        if along_x is not None:
            slopes = (basis.derivatives(x) * along_x.unsqueeze(-1)).flatten(1)
            parts.append(slopes @ coef.flatten(1).T)
            if base_weight is not None:
                parts.append((base_slopes(x, ctx.passing.base_function) * along_x) @ base_weight.T)
        if along_coef is not None:
            parts.append(basis.values(x).flatten(1) @ along_coef.flatten(1).T)
        if along_base is not None:
            parts.append(base_values(x, ctx.passing.base_function) @ along_base.T)
        return _sum(parts)

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], *inputs: Any) -> tuple[Tensor, int]:
        passing: _Pass = inputs[3]

        def by_operations(x: Tensor, coef: Tensor, base_weight: Tensor | None) -> Tensor:
            return edge_sum_by_operations(x, coef, base_weight, passing.base_function, passing.basis.on(passing.grid))

        return torch.vmap(by_operations, in_dims[:3])(*inputs[:3]), 0


