"""The sum of spline edges and its derivative by matrix products with a table of powers."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from kansym.network.base_functions import write_base_values
from kansym.network.basis_products import Tables
from kansym.network.matrix_product import product
from kansym.network.power_splines import PowerSplines
from kansym.network.spline_tables import positions, spline_tables

__all__ = ["gradients_by_powers", "sum_by_powers"]

# Intervals beyond the range. All but a row in a million of a normal distribution, in a range of twice its deviation, is
# nearer; gradients of coefficients lose half a digit, and with a row hundreds of times as far several.
_FARTHEST = 10.0


def sum_by_powers(
    x: Tensor, coef: Tensor, base_weight: Tensor | None, base_function: str, splines: PowerSplines, with_slopes: bool
) -> tuple[Tensor, Tables] | None:
    """Return the sum of spline edges at each output and what :func:`gradients_by_powers` needs of the pass.

    The coefficients are changed to those of the powers. The constants of all edges are added to the outputs, and their
    row of the table is that of the base function, so that one product does all; without one it is a row of ones.

    Parameters
    ----------
    x, coef, base_weight, base_function, with_slopes
        As in :func:`kansym.network.basis_products.sum_by_basis`.
    splines : PowerSplines

    Returns
    -------
    total : Tensor of shape (n, out)
    tables : Tensors of shapes (in, n_basis, n), (in, n_basis - 2, n), (out, in, n_basis) and (in, n)
        Functions, and for the gradient in the rows slopes, coefficients of the powers, and the rows across, since
        operations on transposed memory are slow.

    None stands for both where a row is so far beyond the range that digits of all gradients would be lost.

    Examples
    --------
    >>> one = torch.ones(1, 1, 1)
    >>> splines = PowerSplines.of(0 * one, one, grid_size=1, order=2)
    >>> sum_by_powers(torch.tensor([[0.5]]), torch.tensor([[[0.0, 4.0, 0.0]]]), None, "none", splines, False)[0]
    tensor([[3.]])
    """
    outputs, inputs, n_basis = coef.shape
    columns = x.T.contiguous()
    at = positions(splines, columns)
    if at[1] is not None and not bool((at[1].abs() <= _FARTHEST).all()):
        return None
    functions, slopes = spline_tables(splines, columns, with_slopes, at)
    weights, constants = splines.change(coef), None
    if base_weight is None:
        functions[:, 0] = 1.0
    else:
        write_base_values(columns, base_function, functions.select(1, 0))
        first = weights.select(2, 0)
        constants = first.sum(1, keepdim=True)
        first.copy_(base_weight)
    total = product(weights.view(outputs, -1), functions.view(inputs * n_basis, -1))
    total = total if constants is None else total.add_(constants)
    return total.T.contiguous(), (functions, slopes, weights, columns) if with_slopes else (functions,)


def gradients_by_powers(
    gradient: Tensor,
    x: Tensor,
    coef: Tensor,
    base_weight: Tensor | None,
    base_function: str,
    splines: PowerSplines,
    tables: Tables,
    needed: Sequence[bool],
) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    """Return the gradients in rows, coefficients and base weights, None where they are not needed.

    Parameters
    ----------
    gradient, x, coef, base_weight, base_function, needed
        As in :func:`kansym.network.basis_products.gradients_by_basis`.
    splines : PowerSplines
    tables : tuple
        What :func:`sum_by_powers` returned, with slopes where the gradient in the rows is needed.

    Examples
    --------
    >>> one, x, coef = torch.ones(1, 1, 1), torch.tensor([[0.25]]), torch.tensor([[[0.0, 4.0, 0.0]]])
    >>> splines = PowerSplines.of(0 * one, one, grid_size=1, order=2)
    >>> _, tables = sum_by_powers(x, coef, None, "none", splines, True)
    >>> gradients_by_powers(torch.ones(1, 1), x, coef, None, "none", splines, tables, (True, True, False))
    (tensor([[2.]]), tensor([[[0.2812, 0.6875, 0.0312]]]), None)
    """
    functions, *others = tables
    assert functions is not None
    of_x = of_coef = of_base = None
    if needed[1] or needed[2]:
        of_weights = product(gradient.T, functions.flatten(0, 1).T).view(coef.shape)
        if base_weight is not None:
            first = of_weights.select(2, 0)
            of_base = first.clone() if needed[2] else None
            first.copy_(gradient.sum(0).unsqueeze(1))
        if needed[1]:
            of_coef = splines.change_back(of_weights)
            supported = splines.supported(functions)
            of_coef = of_coef if supported is None else of_coef.mul_(supported)
    if needed[0]:
        slopes, weights, columns = others
        assert slopes is not None
        assert weights is not None
        assert columns is not None
        of_functions = product(weights.flatten(1).T, gradient.T).view_as(functions)
        of_x = of_functions[:, 2:].mul_(slopes).sum(1).add_(of_functions.select(1, 1)).mul_(splines.slope_scale)
        if base_function == "silu":
            of_x.add_(torch.ops.aten.silu_backward(of_functions.select(1, 0), columns))
        elif base_function == "identity":
            of_x.add_(of_functions.select(1, 0))
        of_x = of_x.T.contiguous()
    return of_x, of_coef, of_base
