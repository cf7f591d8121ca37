"""One edge of a network, looked at: whether there is one, what it is, and its curve."""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from kansym.display import html_table
from kansym.errors import ParameterError
from kansym.hints import brief
from kansym.network.checks import check_integer, check_rows
from kansym.network.layer import KANLayer
from kansym.network.records import EdgeCurve, EdgeIndex, EdgeState

if TYPE_CHECKING:
    from kansym.network.kan import KAN

__all__: list[str] = []

_MOST_EDGES_SHOWN = 30


def check_edge(network: KAN, index: object) -> EdgeIndex:
    """Return the index as a tuple of int if the network has such an edge, else raise ``ParameterError``."""
    widths = network.widths
    if isinstance(index, (tuple, list)) and len(index) == 3 and all(isinstance(part, Integral) for part in index):
        layer, output, source = map(int, index)
        if 0 <= layer < len(widths) - 1 and 0 <= output < widths[layer + 1] and 0 <= source < widths[layer]:
            return layer, output, source
    raise ParameterError(f"index must be (layer, output, input) of an edge of widths {widths}, got {brief(index)}")


def edge_function(layer: KANLayer, output: int, source: int, z: Tensor) -> Tensor:
    """Values of one edge at points ``z`` (n,) of its input; pruned edges give 0 in sums and 1 in products."""
    with torch.no_grad():
        row = z.new_zeros(len(z), layer.in_features)
        row[:, source] = z
        return layer.edge_values(row, torch.tensor([output], device=z.device))[:, 0, source]


def edge_state(network: KAN, index: EdgeIndex) -> EdgeState:
    """See :meth:`KAN.edge_state`."""
    number, *place = check_edge(network, index)
    layer, edge = network.layer(number), (place[0], place[1])
    if bool(layer.spline_mask[edge]):
        return EdgeState("spline")
    if not bool(layer.symbolic_mask[edge]):
        return EdgeState("pruned")
    function = layer.functions[edge]
    a, b, c, d, exponent = layer.affine.detach()[edge].tolist()
    return EdgeState("symbolic", function, a, b, c, d, exponent if function.has_exponent else None)


def edge_curve(network: KAN, index: EdgeIndex, x: Tensor, n_points: int | None) -> EdgeCurve:
    """See :meth:`KAN.edge_curve`."""
    number, output, source = check_edge(network, index)
    z = network.node_values(check_rows("x", x, network.widths[0]))[number][:, source].sort().values
    if n_points is not None and check_integer("n_points", n_points, 1) < len(z):
        z = z[torch.linspace(0, len(z) - 1, n_points).round().long()]
    values = edge_function(network.layer(number), output, source, z)
    return EdgeCurve(z.double().cpu().numpy(), values.double().cpu().numpy())


def edge_table(network: KAN) -> str:
    """Return a table in HTML of what the edges are, the first thirty of them."""
    edges = network.edges()
    states = [edge_state(network, index) for index in edges[:_MOST_EDGES_SHOWN]]
    kinds = [state.kind if state.function is None else state.function.name for state in states]
    more = f", of which {_MOST_EDGES_SHOWN} are shown" if len(edges) > _MOST_EDGES_SHOWN else ""
    caption = f"KAN of widths {network.widths}, {network.n_parameters:,} parameters, {len(edges):,} edges{more}"
    rows = [(str(index), kind) for index, kind in zip(edges, kinds, strict=False)]
    return html_table(("edge (layer, output, input)", "function"), rows, caption=caption)
