"""The sum of spline edges with its derivative written by hand: basis over rows, then one matrix product each way."""

from __future__ import annotations

import inspect
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


def base_slopes(x: Tensor, base_function: str) -> Tensor:
    """Return the derivative of the base function at ``x``.

    Examples
    --------
    >>> base_slopes(torch.tensor(0.0), "silu")
    tensor(0.5000)
    """
    gate = torch.sigmoid(x)
    return gate * (1.0 + x * (1.0 - gate)) if base_function == "silu" else torch.ones_like(x)


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
    """See :func:`edge_sum`; the functions of the basis come out as well, to be saved, and take no gradient."""

    @staticmethod
    def forward(
        x: Tensor, coef: Tensor, base_weight: Tensor | None, base_function: str, basis: Any, recurrence: Recurrence
    ) -> tuple[Tensor, Tensor, Tensor]:
        functions, lower = recurrence.functions(x)
        total = x.new_zeros(1)
        # The transposed product takes a fifth of the time for few outputs, and as long for many.
        if base_weight is not None:
            total = torch.mm(base_weight, base_values(x, base_function).T)
        total = torch.addmm(total, coef.flatten(1), functions.flatten(0, 1), alpha=recurrence.factor).T.contiguous()
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
            found = _derivative_by_operations(gradient, x, coef, base_weight, ctx.base_function, ctx.basis)
            return *found, None, None, None
        of_x = of_coef = of_base = None
        recurrence: Recurrence = ctx.recurrence
        if ctx.needs_input_grad[1]:
            of_coef = torch.mm((gradient * recurrence.factor).T, functions.flatten(0, 1).T).view_as(coef)
        if ctx.needs_input_grad[2]:
            of_base = torch.mm(gradient.T, base_values(x, ctx.base_function))
        if ctx.needs_input_grad[0]:
            slopes = torch.mm(recurrence.differences(coef).flatten(1).T, gradient.T).view_as(lower)
            of_x = slopes.mul_(lower).sum(1).mul_(recurrence.slope_scale).T
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


# torch binds the arguments of `forward` at every call; with the signature at hand this takes no time.
_EdgeSum.forward.__signature__ = inspect.signature(_EdgeSum.forward)  # type: ignore[attr-defined]
