"""The sum of spline edges and its derivative by matrix products with a table of the basis."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from kansym.network.base_functions import base_values
from kansym.network.matrix_product import add_product, product
from kansym.network.spline_tables import BSplines, spline_tables

__all__ = ["Tables", "gradients_by_basis", "sum_by_basis"]

Tables = tuple[Tensor | None, ...]  # what a pass leaves for its derivative


def sum_by_basis(
    x: Tensor, coef: Tensor, base_weight: Tensor | None, base_function: str, splines: BSplines, with_slopes: bool
) -> tuple[Tensor, Tables]:
    """Return the sum of spline edges at each output and what :func:`gradients_by_basis` needs of the pass.

    Parameters
    ----------
    x : Tensor of shape (n, in)
    coef : Tensor of shape (out, in, n_basis)
    base_weight : Tensor of shape (out, in), or None
    base_function : {"silu", "identity", "none"}
        "none" goes with None.
    splines : CardinalSplines or Recurrence
    with_slopes : bool
        Whether the gradient in the rows will be asked for.

    Returns
    -------
    total : Tensor of shape (n, out)
    tables : Tensors of shapes (in, n_basis, n), the same, and (n, in)
        Functions, slopes or None, values of the base function or None.

    Examples
    --------
    >>> from kansym.network.spline_tables import splines_on
    >>> splines = splines_on(torch.tensor([[-1.0, 0.0, 1.0, 2.0]]), order=1)
    >>> sum_by_basis(torch.tensor([[0.25]]), torch.tensor([[[0.0, 4.0]]]), None, "none", splines, False)[0]
    tensor([[1.]])
    """
    functions, slopes = spline_tables(splines, x.T, with_slopes)
    # Transposed, the product takes a fifth of the time for few outputs, and as long for many.
    total, base = product(coef.flatten(1), functions.flatten(0, 1)), None
    if base_weight is not None:
        base = base_values(x, base_function)
        add_product(total, base_weight, base.T)
    return total.T.contiguous(), (functions, slopes, base)


def gradients_by_basis(
    gradient: Tensor,
    x: Tensor,
    coef: Tensor,
    base_weight: Tensor | None,
    base_function: str,
    splines: BSplines,
    tables: Tables,
    needed: Sequence[bool],
) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    """Return the gradients in rows, coefficients and base weights, None where they are not needed.

    Parameters
    ----------
    gradient : Tensor of shape (n, out)
        That of the sum.
    x, coef, base_weight, base_function, splines
        As in :func:`sum_by_basis`.
    tables : tuple
        What it returned, or empty: then they are made again.
    needed : three of bool

    Examples
    --------
    >>> from kansym.network.spline_tables import splines_on
    >>> splines = splines_on(torch.tensor([[-1.0, 0.0, 1.0, 2.0]]), order=1)
    >>> one, x, coef = torch.ones(1, 1), torch.tensor([[0.25]]), torch.tensor([[[0.0, 4.0]]])
    >>> gradients_by_basis(one, x, coef, None, "none", splines, (), (True, True, False))
    (tensor([[4.]]), tensor([[[0.7500, 0.2500]]]), None)
    """
    functions, slopes, base = tables or (None, None, None)
    if functions is None or (needed[0] and slopes is None):
        functions, slopes = spline_tables(splines, x.T, needed[0])
        base = base_values(x, base_function) if needed[2] else None
    of_coef = product(gradient.T, functions.flatten(0, 1).T).view_as(coef) if needed[1] else None
    of_base = product(gradient.T, base) if needed[2] and base is not None else None
    if not needed[0] or slopes is None:
        return None, of_coef, of_base
    of_functions = product(coef.flatten(1).T, gradient.T).view_as(slopes)
    of_x = of_functions.mul_(slopes).sum(1).mul_(splines.slope_scale.squeeze(-1)).T
    if base_weight is None:
        return of_x, of_coef, of_base
    of_values = product(gradient, base_weight)
    if base_function == "silu":
        of_values = torch.ops.aten.silu_backward(of_values, x)
    return of_values.add_(of_x), of_coef, of_base
