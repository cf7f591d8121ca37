"""The sum of spline edges with its derivative written by hand: basis over rows, then one matrix product each way."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.autograd import Function

from kansym.network.base_functions import base_slopes, base_values
from kansym.network.matrix_product import add_product, product
from kansym.network.spline_tables import Splines, spline_tables

if TYPE_CHECKING:
    from kansym.network.bases import BSplineBasis

__all__ = ["edge_sum", "edge_sum_by_operations"]

# Numbers of a table of the basis: beyond the first it is made in parts of the second and made again, see _EdgeSum.
# The third is that of a product's part, see _through_splines.
_NUMBERS_SAVED = 16_000_000
_NUMBERS_PER_PART = 1_000_000
_NUMBERS_PER_SUM = 500_000


def edge_sum(
    x: Tensor, coef: Tensor, base_weight: Tensor | None, base_function: str, basis: BSplineBasis
) -> Tensor:
    """Return ``Σ_i (base_weight_oi·base(x_i) + Σ_k coef_oik·B_k(x_i))``, the sum of spline edges at each output.

    The basis lies as (in, n_basis, n), so that it is made over contiguous rows and the coefficients enter the matrix
    products as they are stored. Where the rows need a gradient the slopes of the basis are made beside it.

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
    with_slopes = x.requires_grad and torch.is_grad_enabled()
    return _EdgeSum.apply(x, coef.contiguous(), base_weight, base_function, basis, basis.splines(), with_slopes)[0]  # type: ignore[index]


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


def _parts(x: Tensor, coef: Tensor) -> tuple[Tensor, ...]:
    """Rows whose tables are made at a time."""
    numbers = coef.shape[1] * coef.shape[2]
    return (x,) if len(x) * numbers <= _NUMBERS_SAVED else x.split(max(1, _NUMBERS_PER_PART // numbers))


def _derivative(ctx: Any, gradient: Tensor, x: Tensor, *saved: Tensor | None) -> tuple[Tensor | None, ...]:
    """Gradients in x, coef and base_weight where they are needed; tables that were not saved are made again."""
    coef, base_weight, functions, slopes, base = saved
    assert coef is not None
    needs_x, needs_coef, needs_base = ctx.needs_input_grad[:3]
    columns = x.T.contiguous() if needs_x or functions is None else None
    if columns is not None and (functions is None or (needs_x and slopes is None)):
        functions, slopes = spline_tables(ctx.splines, columns, needs_x)
        base = base_values(columns, ctx.base_function) if needs_base else None
    of_coef = product(gradient.T, functions.flatten(0, 1).T).view_as(coef) if needs_coef else None
    of_base = product(gradient.T, base.T) if needs_base else None
    if not needs_x:
        return None, of_coef, of_base
    of_columns = _through_splines(gradient, coef, slopes).mul_(ctx.splines.slope_scale.squeeze(-1))
    if base_weight is not None:
        of_base_values = product(base_weight.T, gradient.T)
        if ctx.base_function == "silu":
            of_base_values = torch.ops.aten.silu_backward(of_base_values, columns)
        of_columns.add_(of_base_values)
    return of_columns.T, of_coef, of_base


def _through_splines(gradient: Tensor, coef: Tensor, slopes: Tensor) -> Tensor:
    """Gradient in the values of each input that arrives by the splines, (in, n), before the factor of the slopes.

    The product, as large as the tables, is made for some inputs at a time and summed while the caches hold it.
    """
    inputs, n_basis, rows = slopes.shape
    width = max(1, _NUMBERS_PER_SUM // (n_basis * max(1, rows)))
    sums = []
    for some, part in zip(coef.split(width, dim=1), slopes.split(width), strict=True):
        sums.append(product(some.flatten(1).T, gradient.T).view_as(part).mul_(part).sum(1))
    return sums[0] if len(sums) == 1 else torch.cat(sums)


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

    The tables come out beside the sum, to be saved for the derivative. Were they large, they would be made for some
    rows at a time and made again for the derivative: that takes an eighth more time, and nothing but the rows is kept.
    """

    @staticmethod
    def forward(
        x: Tensor,
        coef: Tensor,
        base_weight: Tensor | None,
        base_function: str,
        basis: Any,
        splines: Splines,
        with_slopes: bool,
    ) -> tuple[Tensor, ...]:
        parts = _parts(x, coef)
        if len(parts) > 1:
            forward = _EdgeSum.forward
            totals = [forward(part, coef, base_weight, base_function, basis, splines, False)[0] for part in parts]
            return torch.cat(totals), None, None, None  # type: ignore[return-value]
        columns = x.T.contiguous()
        functions, slopes = spline_tables(splines, columns, with_slopes)
        # Transposed, the product takes a fifth of the time for few outputs, and as long for many.
        total, base = product(coef.flatten(1), functions.flatten(0, 1)), None
        if base_weight is not None:
            base = base_values(columns, base_function)
            add_product(total, base_weight, base)
        return total.T.contiguous(), functions, slopes, base

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        x, coef, base_weight, ctx.base_function, ctx.basis, ctx.splines, _ = inputs
        ctx.mark_non_differentiable(*(table for table in output[1:] if table is not None))
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(x, coef, base_weight, *output[1:])
        ctx.save_for_forward(x, coef, base_weight)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor | None, *_: Any) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        if gradient is None:
            return (None,) * 7
        x, coef, base_weight, *tables = ctx.saved_tensors
        if torch.is_grad_enabled():  # someone will differentiate the derivative
            found = _derivative_by_operations(gradient, x, coef, base_weight, ctx.base_function, ctx.basis)
            return *found, None, None, None, None
        needs_x, parts = ctx.needs_input_grad[0], _parts(x, coef)
        if len(parts) == 1:
            return *_derivative(ctx, gradient, x, coef, base_weight, *tables), None, None, None, None
        of_x, of_coef, of_base = [], None, None
        for part, of_part in zip(parts, gradient.split(len(parts[0])), strict=True):
            found = _derivative(ctx, of_part, part, coef, base_weight, None, None, None)
            of_x.append(found[0])
            of_coef = found[1] if of_coef is None else of_coef.add_(found[1])
            of_base = found[2] if of_base is None else of_base.add_(found[2])
        return torch.cat(of_x) if needs_x else None, of_coef, of_base, None, None, None, None

    @staticmethod
    def jvp(ctx: Any, *directions: Any) -> tuple[Tensor | None, None, None, None]:  # type: ignore[override]
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
        return (sum(parts[1:], parts[0]) if parts else None), None, None, None

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], *inputs: Any) -> tuple[tuple[Any, ...], tuple[int | None, ...]]:
        base_function, basis = inputs[3:5]

        def by_operations(x: Tensor, coef: Tensor, base_weight: Tensor | None) -> Tensor:
            return edge_sum_by_operations(x, coef, base_weight, base_function, basis)

        total = torch.vmap(by_operations, in_dims[:3])(*inputs[:3])
        return (total, None, None, None), (0, None, None, None)  # derivatives under vmap are taken by operations


# torch binds the arguments of `forward` at every call; with the signature at hand this takes no time.
_EdgeSum.forward.__signature__ = inspect.signature(_EdgeSum.forward)  # type: ignore[attr-defined]
