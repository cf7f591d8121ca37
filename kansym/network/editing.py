"""Edits of a network, each a function from network to new network: snap, prune an edge, scale."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kansym.errors import DataError, ParameterError
from kansym.hints import brief
from kansym.library import SymbolicFunction
from kansym.network.bases import Basis
from kansym.network.checks import check_equal_rows, check_finite, check_function, check_rows
from kansym.network.edges import check_edge, edge_function
from kansym.network.layer import KANLayer
from kansym.network.regridding import double, update_grids

if TYPE_CHECKING:
    from kansym.network.kan import KAN
    from kansym.network.records import EdgeIndex

__all__: list[str] = []

_RIDGE = 1e-12
_BETWEEN = 4
"""Points of a curve for each basis function, beside those of the rows."""


def set_kind(layer: KANLayer, edge: tuple[int, int], kind: str, function: SymbolicFunction | None = None) -> None:
    """Mark an edge of a layer that the caller owns as spline, symbolic with its function, or pruned."""
    layer.spline_mask[edge] = kind == "spline"
    layer.symbolic_mask[edge] = kind == "symbolic"
    layer.functions.pop(edge, None)
    if function is not None:
        layer.functions[edge] = function
    layer.note_edges()


def prune_edge(network: KAN, index: EdgeIndex) -> KAN:
    """See :meth:`KAN.prune_edge`."""
    number, output, source = check_edge(network, index)
    result = network.copy()
    set_kind(result.layer(number), (output, source), "pruned")
    return result


def snap(
    network: KAN,
    index: EdgeIndex,
    function: SymbolicFunction | str,
    affine: tuple[float, float, float, float],
    exponent: float | None,
) -> KAN:
    """See :meth:`KAN.snap`."""
    number, output, source = check_edge(network, index)
    function = check_function("function", function)
    if exponent is not None and not function.has_exponent:
        raise ParameterError(f"exponent must be None for {function.name!r}, got {brief(exponent)}")
    given = dict(zip(("a", "b", "c", "d", "exponent"), (*affine, 1.0 if exponent is None else exponent), strict=True))
    numbers = [check_finite(name, value) for name, value in given.items()]
    result = network.copy()
    layer = result.layer(number)
    set_kind(layer, (output, source), "symbolic", function)
    with torch.no_grad():
        layer.affine[output, source] = torch.tensor(numbers, dtype=torch.float64).to(layer.affine)
    return result


def with_edge_curve(network: KAN, index: EdgeIndex, x: NDArray[np.float64], y: NDArray[np.float64]) -> KAN:
    """See :meth:`KAN.with_edge_curve`."""
    number, output, source = check_edge(network, index)
    try:
        points, targets = (torch.as_tensor(np.asarray(values, dtype=float).ravel()) for values in (x, y))
    except (TypeError, ValueError) as error:
        raise DataError(f"x and y of an edge curve must hold numbers: {error}") from error
    if len(points) != len(targets) or not len(points):
        raise DataError(f"x and y must have equal lengths >= 1, got {len(points)} and {len(targets)}")
    if not bool(torch.isfinite(points).all() and torch.isfinite(targets).all()):
        raise DataError("x and y of an edge curve must be finite")
    result = network.copy()
    layer = result.layer(number)
    set_kind(layer, (output, source), "spline")
    values = double(layer.basis).values(points.to(layer.coef.device).unsqueeze(-1).expand(-1, layer.in_features))
    fitted = fit_coefficients(values[:, source], targets.to(layer.coef.device).unsqueeze(-1), layer.basis)
    with torch.no_grad():
        layer.coef[output, source] = fitted[:, 0].to(layer.coef)
        layer.base_weight[output, source] = 0.0
    return result


def unsnap(network: KAN, index: EdgeIndex, x: Tensor) -> KAN:
    """See :meth:`KAN.unsnap`."""
    curve = network.edge_curve(index, x)
    finite = np.isfinite(curve.x) & np.isfinite(curve.y)
    t, y = curve.x[finite], curve.y[finite]
    if len(t):  # the rows of a column with few values say nothing of the curve between these
        number, output, source = index
        layer = network.layer(number)
        between = np.linspace(t.min(), t.max(), _BETWEEN * layer.basis.n_basis)
        values = edge_function(layer, output, source, torch.from_numpy(between).to(layer.coef)).double().cpu().numpy()
        # Near a pole between the rows the values are of no use; NaN is not inside either.
        inside = np.abs(values - y.mean()) <= 2 * np.ptp(y)
        t, y = np.append(t, between[inside]), np.append(y, values[inside])
    return with_edge_curve(network, index, t, y)


def fit_coefficients(values: Tensor, targets: Tensor, basis: Basis) -> Tensor:
    """Coefficients (n_basis, m) of targets (n, m) from basis values (n, n_basis), by regularised least squares.

    The quadratic form of the basis, at 1e-12 of the data's weight, settles coefficients that no point reaches. It is
    stacked below the values and solved by QR, so that no normal equations square the condition number.
    """
    values, targets = values.double(), targets.double()
    identity = torch.eye(basis.n_basis, dtype=torch.float64, device=values.device)
    form = basis.roughness().double() + 1e-3 * identity
    weight = _RIDGE * values.square().sum().clamp(min=1.0) / basis.n_basis
    root = torch.linalg.cholesky(form).T * weight.sqrt()
    padding = targets.new_zeros(basis.n_basis, targets.shape[1])
    return torch.linalg.lstsq(torch.cat([values, root]), torch.cat([targets, padding])).solution


def with_scaling(network: KAN, input_shift: Any, input_scale: Any, output_shift: Any, output_scale: Any) -> KAN:
    """See :meth:`KAN.with_scaling`."""
    result = network.copy()
    given = dict(input_shift=input_shift, input_scale=input_scale, output_shift=output_shift, output_scale=output_scale)
    for name, value in given.items():
        buffer = getattr(result, name)
        try:
            new = torch.as_tensor(value, dtype=torch.float64, device=buffer.device)
        except (TypeError, ValueError, RuntimeError):
            new = buffer.new_full((), torch.nan)
        valid = new.ndim == 0 or new.shape == buffer.shape
        if not (valid and bool(torch.isfinite(new).all()) and (name.endswith("shift") or bool((new > 0).all()))):
            kind = "finite" if name.endswith("shift") else "finite and positive"
            shape = tuple(buffer.shape)
            raise ParameterError(f"{name} must be {kind}, a number or of shape {shape}, got {brief(value)}")
        buffer.copy_(new)
    return result


def fitted_to(network: KAN, x: Tensor, y: Tensor, adaptivity: float) -> KAN:
    """See :meth:`KAN.fitted_to`."""
    x, y = check_rows("x", x, network.widths[0]), check_rows("y", y, network.widths[-1])
    check_equal_rows("x and y", x, y)
    scaling = []
    for table in (x.double(), y.double()):
        shift, scale = table.mean(0), table.std(0, correction=0)
        constant = scale <= 1e-12 * shift.abs()
        scaling += [shift, torch.where(constant, shift.abs().clamp(min=1.0), scale)]
    return update_grids(with_scaling(network, *scaling), x, adaptivity)
