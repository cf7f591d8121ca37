"""The sum of spline edges with its derivative written by hand: basis over rows, then one matrix product each way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.autograd import Function

from kansym.network.recurrence import Recurrence

if TYPE_CHECKING:
    from kansym.network.bases import BSplineBasis

__all__ = ["edge_sum", "edge_sum_by_operations"]


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
    return _EdgeSum.apply(x, coef, base_weight, base_function, basis, basis.recurrence())[0]  # type: ignore[index]


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


def base_values(x: Tensor, base_function: str) -> Tensor:
    """Return the base function at ``x``.

    Examples
    --------
    >>> base_values(torch.tensor(2.0), "identity")
    tensor(2.)
    """
    return torch.nn.functional.silu(x) if base_function == "silu" else x


class _EdgeSum(Function):
    """See :func:`edge_sum`; the functions of the basis come out as well, to be saved, and take no gradient."""

    @staticmethod
    def forward(
        x: Tensor, coef: Tensor, base_weight: Tensor | None, base_function: str, basis: Any, recurrence: Recurrence
    ) -> tuple[Tensor, Tensor, Tensor]:
        functions, lower = recurrence.functions(x)
        total = torch.mm(functions.flatten(0, 1).T, coef.flatten(1).T)
        if recurrence.factor != 1.0:
            total.mul_(recurrence.factor)
        if base_weight is not None:
            total.addmm_(base_values(x, base_function), base_weight.T)
        return total, functions, lower

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor, Tensor]) -> None:
        x, coef, base_weight, ctx.base_function, ctx.basis, ctx.recurrence = inputs
        ctx.mark_non_differentiable(*output[1:])
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(x, coef, base_weight, *output[1:])

    @staticmethod
    def backward(ctx: Any, gradient: Tensor | None, *_: Any) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        if gradient is None:
            return (None,) * 6
        x, coef, base_weight, functions, lower = ctx.saved_tensors
        if torch.is_grad_enabled():  # someone will differentiate the derivative
            inputs = (x, coef, base_weight)
            wanted = [part for part, needed in zip(inputs, ctx.needs_input_grad, strict=False) if needed]
            total = edge_sum_by_operations(x, coef, base_weight, ctx.base_function, ctx.basis)
            found = iter(torch.autograd.grad(total, wanted, gradient, create_graph=True))
            return *(next(found) if needed else None for needed in ctx.needs_input_grad[:3]), None, None, None
        of_x = of_coef = of_base = None
        recurrence: Recurrence = ctx.recurrence
        if ctx.needs_input_grad[1]:
            of_coef = torch.mm((gradient * recurrence.factor).T, functions.flatten(0, 1).T).view_as(coef)
        if ctx.needs_input_grad[2]:
            of_base = torch.mm(gradient.T, base_values(x, ctx.base_function))
        if ctx.needs_input_grad[0]:
            slopes = torch.mm(recurrence.slopes(coef).flatten(1).T, gradient.T).view_as(lower)
            of_x = slopes.mul_(lower).sum(1).T
            if base_weight is not None:
                of_base_values = torch.mm(gradient, base_weight)
                if ctx.base_function == "silu":
                    of_base_values = torch.ops.aten.silu_backward(of_base_values, x)
                of_x = of_base_values.add_(of_x)
        return of_x, of_coef, of_base, None, None, None

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], *inputs: Any) -> tuple[tuple[Tensor, ...], tuple[int | None, ...]]:
        *tensors, base_function, basis, _ = inputs

        def by_operations(x: Tensor, coef: Tensor, base_weight: Tensor | None) -> Tensor:
            return edge_sum_by_operations(x, coef, base_weight, base_function, basis)

        total = torch.vmap(by_operations, in_dims[:3])(*tensors)
        nothing = total.new_empty(0)  # derivatives under vmap are taken by operations and need no functions
        return (total, nothing, nothing.clone()), (0, None, None)
