"""The exact Jacobian of a network in its free numbers, written out instead of taken by automatic differentiation.

For output q, an edge's number θ enters through one node o of its layer, so ∂y_q/∂θ = S_qo · F_oi · ∂e_oi/∂θ: the
sensitivity S of the output to the node, passed backwards layer by layer, times the factor F of the edge in its node
(1 in a sum, the other edges' product in a product), times the derivative of the edge itself, which for a spline edge
is just the value of its feature.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from kansym.network.kan import KAN
from kansym.network.parameters import FreeParameters, LayerParameters

__all__ = ["ForwardRecord", "forward_record", "jacobian"]


@dataclass(frozen=True)
class ForwardRecord:
    """What one pass through a network leaves for its Jacobian.

    Parameters
    ----------
    nodes : tuple of Tensor of shape (n, in)
        Inputs of each layer.
    features : tuple of Tensor of shape (n, in, n_features)
        What the spline edges of each layer are linear in.
    outputs : Tensor of shape (n, n_out)
        In y units.

    Examples
    --------
    >>> len(forward_record(KAN((2, 3, 1)), torch.rand(5, 2)).nodes)
    2
    """

    nodes: tuple[Tensor, ...]
    features: tuple[Tensor, ...]
    outputs: Tensor


def forward_record(network: KAN, x: Tensor, first_features: Tensor | None = None) -> ForwardRecord:
    """Evaluate a network on rows (n, n_in) and keep what its Jacobian needs.

    Parameters
    ----------
    network : KAN
        The network.
    x : Tensor of shape (n, n_in)
        Rows.
    first_features : Tensor of shape (n, n_in, n_features), optional
        Features of the first layer, if known: they stay the same while the rows and grids do.

    Examples
    --------
    >>> network, x = KAN((2, 3, 1)), torch.rand(5, 2)
    >>> torch.allclose(forward_record(network, x).outputs, network(x), atol=1e-5)
    True
    """
    nodes, features = [network.standardise(x)], []
    for number in range(len(network.layers)):
        layer, known = network.layer(number), first_features if number == 0 else None
        features.append(layer.features(nodes[-1]) if known is None else known)
        nodes.append(layer.combine(features[-1], nodes[-1]))
    outputs = nodes.pop() * network.output_scale + network.output_shift
    return ForwardRecord(tuple(nodes), tuple(features), outputs)


def jacobian(network: KAN, record: ForwardRecord, parameters: FreeParameters) -> Tensor:
    """Return the derivatives of the outputs in the free numbers, (n, n_out, count), in y units.

    Parameters
    ----------
    network : KAN
        The network.
    record : ForwardRecord
        Of :func:`forward_record` on the same network.
    parameters : FreeParameters
        Order of the columns.

    Examples
    --------
    >>> network = KAN((2, 3, 1))
    >>> record = forward_record(network, torch.rand(5, 2))
    >>> jacobian(network, record, FreeParameters.of(network)).shape == (5, 1, network.n_parameters)
    True
    """
    with torch.no_grad():
        sensitivity = torch.diag(network.output_scale).expand(len(record.outputs), -1, -1)
        columns: list[Tensor] = []
        for place, z, features in reversed(list(zip(parameters.layers, record.nodes, record.features, strict=True))):
            factors = place.layer.edge_factors(features, z)
            columns[:0] = _layer_columns(place, z, features, factors, sensitivity)
            if place is not parameters.layers[0]:
                slopes = place.layer.edge_slopes(z)
                sensitivity = sensitivity @ (slopes if factors is None else slopes * factors)
        return torch.cat(columns, dim=-1)


def _layer_columns(
    place: LayerParameters, z: Tensor, features: Tensor, factors: Tensor | None, sensitivity: Tensor
) -> list[Tensor]:
    """Columns of one layer in the order of its numbers, each (n, n_out, ·)."""

    def reach(outputs: Tensor, inputs: Tensor) -> Tensor:
        """Return the derivative of each output in each edge value, (n, n_out, m, 1)."""
        reach = sensitivity[:, :, outputs]
        return (reach if factors is None else reach * factors[:, None, outputs, inputs]).unsqueeze(-1)

    columns = []
    if len(place.outputs):
        columns.append(reach(place.outputs, place.inputs) * features[:, None, place.inputs])
    for group in place.groups:
        columns.append(reach(group.outputs, group.inputs) * group.number_slopes(place.layer.affine, z).unsqueeze(1))
    return [column.flatten(2) for column in columns]
