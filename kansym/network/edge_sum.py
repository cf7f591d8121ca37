"""The sum of spline edges with its derivative written by hand: basis over rows, then one matrix product each way."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.autograd import Function

from kansym.network.base_functions import base_slopes, base_values
from kansym.network.recurrence import Recurrence

if TYPE_CHECKING:
    from kansym.network.bases import BSplineBasis

__all__ = ["edge_sum", "edge_sum_by_operations"]

# Numbers of a table of the basis: beyond the first it is made in parts of the second and made again, see _EdgeSum.
_NUMBERS_SAVED = 16_000_000
_NUMBERS_PER_BLOCK = 1_000_000


def edge_sum(
    x: Tensor, coef: Tensor, base_weight: Tensor | None, base_function: str, basis: BSplineBasis
) -> Tensor:
    """Return ``Σ_i (base_weight_oi·base(x_i) + Σ_k coef_oik·B_k(x_i))``, the sum of spline edges at each output.

    The basis lies as (in, n_basis, n), so that its recurrence runs over contiguous rows and the coefficients enter the
    matrix products as they are stored. The slope of a spline is a spline of one order less, whose functions are at
    hand; so the gradient in x needs no derivative of the basis.

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
    return _EdgeSum.apply(x, coef.contiguous(), base_weight, base_function, basis, basis.recurrence())[0]  # type: ignore[index]


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


def _blocks(x: Tensor, coef: Tensor) -> list[tuple[int, int]]:
    """First and count of the inputs whose tables are made at a time."""
    inputs, numbers = x.shape[1], coef.shape[2] * len(x)
    if inputs * numbers <= _NUMBERS_SAVED:
        return [(0, inputs)]
    step = max(1, _NUMBERS_PER_BLOCK // numbers)
    return [(first, min(step, inputs - first)) for first in range(0, inputs, step)]


def _block(coef: Tensor, first: int, count: int) -> Tensor:
    """Coefficients of some inputs as a matrix (out, count·n_basis), not copied."""
    return coef.view(len(coef), -1).narrow(1, first * coef.shape[2], count * coef.shape[2])


def _through_base(gradient: Tensor, x: Tensor, base_weight: Tensor | None, base_function: str) -> Tensor:
    """Gradient in x that arrives by the base function, not shared."""
    if base_weight is None:
        return torch.zeros_like(x)
    of_values = torch.mm(gradient, base_weight)
    return torch.ops.aten.silu_backward(of_values, x) if base_function == "silu" else of_values


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

    The tables of the basis come out beside the sum, to be saved for the derivative. Were they large, they would be
    made for some inputs at a time and made again for the derivative: that takes an eighth more time, and nothing but
    the rows is kept.
    """

    @staticmethod
    def forward(
        x: Tensor, coef: Tensor, base_weight: Tensor | None, base_function: str, basis: Any, recurrence: Recurrence
    ) -> tuple[Tensor, Tensor, Tensor]:
        # Transposed, the product takes a fifth of the time for few outputs, and as long for many.
        if base_weight is None:
            total = x.new_zeros((len(coef), len(x)))
        else:
            total = torch.mm(base_weight, base_values(x, base_function).T)
        functions = lower = x.new_empty(0)
        blocks = _blocks(x, coef)
        for first, count in blocks:
            functions, lower = recurrence.of_inputs(first, count).functions(x.narrow(1, first, count))
            total.addmm_(_block(coef, first, count), functions.flatten(0, 1), alpha=recurrence.factor)
        if len(blocks) > 1:
            functions = lower = x.new_empty(0)
        return total.T.contiguous(), functions, lower

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor, Tensor]) -> None:
        x, coef, base_weight, ctx.base_function, ctx.basis, ctx.recurrence = inputs
        ctx.mark_non_differentiable(*output[1:])
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(x, coef, base_weight, *output[1:])
        ctx.save_for_forward(x, coef, base_weight)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor | None, *_: Any) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        if gradient is None:
            return (None,) * 6
        x, coef, base_weight, functions, lower = ctx.saved_tensors
        if torch.is_grad_enabled():  # someone will differentiate the derivative
            found = _derivative_by_operations(gradient, x, coef, base_weight, ctx.base_function, ctx.basis)
            return *found, None, None, None
        needs_x, needs_coef, needs_base = ctx.needs_input_grad[:3]
        of_base = torch.mm(gradient.T, base_values(x, ctx.base_function)) if needs_base else None
        of_coef = torch.empty_like(coef, memory_format=torch.contiguous_format) if needs_coef else None
        of_x = _through_base(gradient, x, base_weight, ctx.base_function) if needs_x else None
        blocks = _blocks(x, coef) if needs_x or needs_coef else []
        scaled = (gradient * ctx.recurrence.factor).T
        for first, count in blocks:
            recurrence: Recurrence = ctx.recurrence.of_inputs(first, count)
            if len(blocks) > 1:
                functions, lower = recurrence.functions(x.narrow(1, first, count))
            if of_coef is not None:
                torch.mm(scaled, functions.flatten(0, 1).T, out=_block(of_coef, first, count))
            if of_x is not None:
                differences = recurrence.differences(coef.narrow(1, first, count)).flatten(1)
                slopes = torch.mm(differences.T, gradient.T).view_as(lower).mul_(lower).sum(1)
                of_x.narrow(1, first, count).add_(slopes.mul_(recurrence.slope_scale).T)
        return of_x, of_coef, of_base, None, None, None

    @staticmethod
    def jvp(ctx: Any, *directions: Any) -> tuple[Tensor | None, None, None]:  # type: ignore[override]
        x, coef, base_weight = ctx.saved_tensors[:3]
        along_x, along_coef, along_base = directions[:3]
        parts = []
        if along_x is not None:
            slopes = (ctx.basis.derivatives(x) * along_x.unsqueeze(-1)).flatten(1)
            parts.append(slopes @ coef.flatten(1).T)
            if base_weight is not None:
                parts.append((base_slopes(x, ctx.base_function) * along_x) @ base_weight.T)
        if along_coef is not None:
            parts.append(ctx.basis.values(x).flatten(1) @ along_coef.flatten(1).T)
        if along_base is not None:
            parts.append(base_values(x, ctx.base_function) @ along_base.T)
        return (sum(parts[1:], parts[0]) if parts else None), None, None

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], *inputs: Any) -> tuple[tuple[Tensor, ...], tuple[int | None, ...]]:
        base_function, basis = inputs[3:5]

        def by_operations(x: Tensor, coef: Tensor, base_weight: Tensor | None) -> Tensor:
            return edge_sum_by_operations(x, coef, base_weight, base_function, basis)

        total = torch.vmap(by_operations, in_dims[:3])(*inputs[:3])
        nothing = total.new_empty(0)  # derivatives under vmap are taken by operations and need no functions
        return (total, nothing, nothing.clone()), (0, None, None)


# torch binds the arguments of `forward` at every call; with the signature at hand this takes no time.
_EdgeSum.forward.__signature__ = inspect.signature(_EdgeSum.forward)  # type: ignore[attr-defined]
