"""Other grids for a network: over data, finer with the same curves, coarser with the least change."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from kansym.errors import ParameterError
from kansym.network.bases import Basis, BSplineBasis, make_basis
from kansym.network.checks import check_integer, check_number, check_rows
from kansym.network.chunks import in_chunks
from kansym.network.grids import breakpoints
from kansym.network.layer import KANLayer

if TYPE_CHECKING:
    from kansym.network.kan import KAN

__all__: list[str] = []

_FIT_ROWS = 2000


def refine(network: KAN, grid_size: int, x: Tensor) -> KAN:
    """See :meth:`KAN.refine`."""
    present = max(_grid_sizes(network))
    if check_integer("grid_size", grid_size, 1) < present:
        raise ParameterError(f"grid_size must be at least the present {present} to refine, got {grid_size}")
    nodes = network.node_values(check_rows("x", x, network.widths[0]))
    result = network.copy()
    for number, z in enumerate(nodes):
        layer = result.layer(number)
        if layer.basis.grid_size == grid_size:
            continue
        points = _with_more_points(layer.basis.points, grid_size)
        exact = isinstance(layer.basis, BSplineBasis)
        _regrid(layer, points, z[:0] if exact else z)
    return result


def update_grids(network: KAN, x: Tensor, adaptivity: float) -> KAN:
    """See :meth:`KAN.update_grids`."""
    check_number("adaptivity", adaptivity, 0.0, 1.0)
    result = network.copy()
    z = network.standardise(check_rows("x", x, network.widths[0]))
    for number in range(len(result.layers)):
        layer = result.layer(number)
        finite = z[torch.isfinite(z).all(dim=1)]
        if len(finite):
            _regrid(layer, breakpoints(finite, layer.basis.grid_size, adaptivity), finite)
        with torch.no_grad():
            z = in_chunks(layer, z)
    return result


def coarsen(network: KAN, grid_size: int, x: Tensor) -> KAN:
    """See :meth:`KAN.coarsen`."""
    present = min(_grid_sizes(network))
    if check_integer("grid_size", grid_size, 1) > present:
        raise ParameterError(f"grid_size must be at most the present {present} to coarsen, got {grid_size}")
    nodes = network.node_values(check_rows("x", x, network.widths[0]))
    result = network.copy()
    for number, z in enumerate(nodes):
        layer, thinned = result.layer(number), copy.deepcopy(network.layer(number))
        if layer.basis.grid_size == grid_size:
            continue
        finest = layer.basis.points
        while isinstance(thinned.basis, BSplineBasis) and thinned.basis.grid_size > grid_size:
            _regrid(thinned, _without_one_point(thinned), z, finest)
        points = thinned.basis.points if isinstance(thinned.basis, BSplineBasis) else finest[:, : grid_size + 1].clone()
        points[:, -1] = finest[:, -1]
        _regrid(layer, points, z, finest)
    return result


def _grid_sizes(network: KAN) -> list[int]:
    return [network.layer(number).basis.grid_size for number in range(len(network.layers))]


def _without_one_point(layer: KANLayer) -> Tensor:
    """Breakpoints less the one of each input whose absence its edges would notice least.

    A breakpoint can go without a change where the highest derivative does not jump; otherwise the curve moves by about
    the jump times the width of the gap to the power of the order.
    """
    points, order = layer.basis.points.double(), layer.basis.spline_order
    knots, slopes = layer.basis.grid.double(), layer.coef.detach().double() * layer.spline_mask.unsqueeze(-1)
    for degree in range(order, 0, -1):  # de Boor, chapter X, eq. (12)
        first = order - degree + 1
        widths = knots[:, first + degree : -first] - knots[:, first : -first - degree]
        slopes = torch.diff(slopes, dim=-1) * degree / widths
    widths = torch.diff(points, dim=1)
    gap = widths[:, :-1] * widths[:, 1:] / (widths[:, :-1] + widths[:, 1:])
    change = torch.diff(slopes, dim=-1).square().sum(0) * gap ** (2 * order + 1)
    kept = torch.ones_like(points, dtype=torch.bool)
    kept[torch.arange(len(points)), change.argmin(1) + 1] = False
    return layer.basis.points[kept].view(len(points), -1)


def _regrid(layer: KANLayer, points: Tensor, z: Tensor, between: Tensor | None = None) -> None:
    """Put a layer on other breakpoints, its curves kept on rows ``z`` and on a few points of every interval.

    The intervals are the new ones, or those of the breakpoints ``between``.
    """
    basis = make_basis(layer.basis_name, points, layer.basis.spline_order)
    old, new = double(layer.basis), double(basis)
    rows = z[:: max(1, len(z) // _FIT_ROWS)].double()
    between = new.points if between is None else between.double()
    rows = torch.cat([rows, _interval_points(between, basis.spline_order + 2)])
    curves = torch.einsum("nik,oik->nio", old.values(rows), layer.coef.detach().double())
    values = new.values(rows)
    # Points in every interval reach every coefficient, so that nothing needs regularising here.
    fitted = torch.linalg.lstsq(values.transpose(0, 1), curves.transpose(0, 1)).solution
    fitted = fitted.permute(2, 0, 1).to(layer.coef)
    layer.basis = basis
    layer.coef = torch.nn.Parameter(fitted.contiguous(), requires_grad=layer.coef.requires_grad)


def _interval_points(points: Tensor, count: int) -> Tensor:
    """Return ``count`` points inside each interval of each input, shape (intervals·count, in)."""
    share = (torch.arange(count, dtype=points.dtype, device=points.device) + 0.5) / count
    inside = points[:, :-1, None] + torch.diff(points, dim=1).unsqueeze(-1) * share
    return inside.flatten(1).T


def _with_more_points(points: Tensor, grid_size: int) -> Tensor:
    """Breakpoints with ``grid_size`` intervals that contain the given ones: each interval is cut into equal parts.

    An interval gets the next cut while its parts are the widest; so multiples of a uniform grid are uniform again.
    """
    rows = []
    for row in points:
        widths = torch.diff(row)
        cuts = torch.ones_like(widths)
        for _ in range(grid_size - len(widths)):
            cuts[torch.argmax(widths / cuts)] += 1
        parts = [
            row[j] + widths[j] * torch.arange(int(count), dtype=row.dtype, device=row.device) / count
            for j, count in enumerate(cuts)
        ]
        rows.append(torch.cat([*parts, row[-1:]]))
    return torch.stack(rows)


def double(basis: Basis) -> Basis:
    """Return a copy in float64."""
    return copy.deepcopy(basis).double()
