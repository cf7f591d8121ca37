"""Several networks of one topology, evaluated and differentiated together: one call where there would be one for each.

Their bases become one basis of ``count·inputs`` columns, and their weights one tensor with the networks as its first
dimension, so that every step is a batched product. The formulas are those of :mod:`kansym.network.jacobian`.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from kansym.errors import ParameterError
from kansym.network.bases import Basis
from kansym.network.kan import KAN
from kansym.network.layer import KANLayer, product_of_others
from kansym.network.parameters import FreeParameters

__all__ = ["LayerStack", "NetworkStack"]


@dataclass(frozen=True)
class LayerStack:
    """The layers of one place in every network.

    Parameters
    ----------
    first : KANLayer
        Of the first network: its masks are those of all.
    basis : Basis
        Of ``count·in`` columns.
    count : int
        How many networks.
    start : int
        Where the layer's numbers start in a network's flat vector, see :class:`FreeParameters`.

    Examples
    --------
    >>> layers = KANLayer(2, 3), KANLayer(2, 3)
    >>> LayerStack.of(layers, start=0).features(torch.zeros(2, 7, 2)).shape
    torch.Size([2, 7, 2, 9])
    """

    first: KANLayer
    basis: Basis
    count: int
    start: int

    @classmethod
    def of(cls, layers: Sequence[KANLayer], start: int) -> LayerStack:
        """Stack layers of the same sizes and masks."""
        basis = copy.deepcopy(layers[0].basis)
        basis.grid = torch.cat([layer.basis.grid for layer in layers])
        return cls(layers[0], basis, len(layers), start)

    @property
    def ends(self) -> tuple[Tensor, Tensor]:
        """Outputs and inputs of the spline edges, each (m,)."""
        outputs, inputs = self.first.spline_mask.nonzero().unbind(-1)
        return outputs, inputs

    @property
    def n_features(self) -> int:
        """Free numbers of an edge."""
        return self.basis.n_basis + (self.first.base_function != "none")

    def features(self, z: Tensor) -> Tensor:
        """Return what the edges are linear in at ``z`` (count, n, in): (count, n, in, n_features)."""
        return self._with_base(z, self._apart(self.basis.values(self._abreast(z))), order=0)

    def slopes(self, z: Tensor) -> Tensor:
        """Return the derivatives of :meth:`features` in ``z``."""
        return self._with_base(z, self._apart(self.basis.derivatives(self._abreast(z))), order=1)

    def weights(self, theta: Tensor) -> Tensor:
        """Return weights (count, out, in, n_features) from flat vectors (count, p), zero where an edge is pruned."""
        outputs, inputs = self.ends
        shape = (len(theta), self.first.out_features, self.first.in_features, self.n_features)
        numbers = theta[:, self.start : self.start + len(outputs) * self.n_features]
        weights = theta.new_zeros(shape)
        weights[:, outputs, inputs] = numbers.view(len(theta), len(outputs), self.n_features)
        return weights

    def combine(self, features: Tensor, weights: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return node values (count, n, out), and the factors (count, n, out, in) of edges where a node multiplies."""
        total = features.flatten(2) @ weights.flatten(2).mT
        multiplying = self.first.product_mask.nonzero().flatten()
        if not len(multiplying):
            return total, None
        edges = torch.einsum("rnik,roik->rnoi", features, weights[:, multiplying])
        edges = edges + ~self.first.spline_mask[multiplying]  # a pruned edge is the factor 1
        factors = features.new_ones((*total.shape, self.first.in_features))
        factors = factors.index_copy(2, multiplying, product_of_others(edges))
        return total.index_copy(2, multiplying, edges.prod(-1)), factors

    def _abreast(self, z: Tensor) -> Tensor:
        return z.transpose(0, 1).flatten(1)

    def _apart(self, values: Tensor) -> Tensor:
        return values.unflatten(1, (self.count, -1)).transpose(0, 1)

    def _with_base(self, z: Tensor, values: Tensor, order: int) -> Tensor:
        if self.first.base_function == "none":
            return values.contiguous()
        if self.first.base_function == "identity":
            base = torch.ones_like(z) if order else z
        else:
            gate = torch.sigmoid(z)
            base = gate * (1.0 + z * (1.0 - gate)) if order else z * gate
        return torch.cat([base.unsqueeze(-1), values], dim=-1)


@dataclass(frozen=True)
class NetworkStack:
    """Networks of the same widths, bases, masks and without symbolic edges.

    Parameters
    ----------
    layers : tuple of LayerStack
    input_shift, input_scale : Tensor of shape (count, 1, n_in)
    output_shift, output_scale : Tensor of shape (count, 1, n_out)

    Examples
    --------
    >>> networks = [KAN((2, 3, 1)), KAN((2, 3, 1))]
    >>> theta = torch.stack([FreeParameters.of(network).read() for network in networks])
    >>> outputs, slopes = NetworkStack.of(networks).outputs_and_jacobian(theta, torch.zeros(5, 2))
    >>> outputs.shape, slopes.shape
    (torch.Size([2, 5, 1]), torch.Size([2, 5, 1, 81]))
    """

    layers: tuple[LayerStack, ...]
    input_shift: Tensor
    input_scale: Tensor
    output_shift: Tensor
    output_scale: Tensor

    @classmethod
    def of(cls, networks: Sequence[KAN]) -> NetworkStack:
        """Stack networks.

        Raises
        ------
        ParameterError
            If there is none, one has a symbolic edge, or their topologies differ.
        """
        if not networks:
            raise ParameterError("networks must hold at least one network, got none")
        for network in networks:
            if any(network.layer(number).functions for number in range(len(network.layers))):
                raise ParameterError("networks must have spline and pruned edges only to be trained together")
            if _topology(network) != _topology(networks[0]):
                raise ParameterError("networks must have equal widths, bases, product nodes and pruned edges")
        starts = [place.start for place in FreeParameters.of(networks[0]).layers]
        layers = tuple(
            LayerStack.of([network.layer(number) for network in networks], start) for number, start in enumerate(starts)
        )
        names = ("input_shift", "input_scale", "output_shift", "output_scale")
        scaling = (torch.stack([getattr(network, name) for network in networks]).unsqueeze(1) for name in names)
        return cls(layers, *scaling)

    def standardise(self, x: Tensor) -> Tensor:
        """Return rows (n, n_in) in the units of every network: (count, n, n_in)."""
        return (x - self.input_shift) / self.input_scale

    def outputs(self, theta: Tensor, x: Tensor) -> Tensor:
        """Return the outputs (count, n, n_out) at flat vectors (count, p) on rows (n, n_in)."""
        z = self.standardise(x)
        for layer in self.layers:
            z, _ = layer.combine(layer.features(z), layer.weights(theta))
        return z * self.output_scale + self.output_shift

    def outputs_and_jacobian(self, theta: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the outputs and their derivatives (count, n, n_out, p) in the numbers."""
        nodes, features, factors = [self.standardise(x)], [], []
        for layer in self.layers:
            features.append(layer.features(nodes[-1]))
            node, factor = layer.combine(features[-1], layer.weights(theta))
            nodes.append(node)
            factors.append(factor)
        outputs = nodes.pop() * self.output_scale + self.output_shift
        sensitivity = torch.diag_embed(self.output_scale).expand(-1, len(x), -1, -1)
        columns: list[Tensor] = []
        for layer, z, values, factor in reversed(list(zip(self.layers, nodes, features, factors, strict=True))):
            sources = layer.ends
            reach = sensitivity[..., sources[0]]
            reach = reach if factor is None else reach * factor[:, :, None, sources[0], sources[1]]
            columns.insert(0, (reach.unsqueeze(-1) * values[:, :, None, sources[1]]).flatten(3))
            if layer is not self.layers[0]:
                slopes = torch.einsum("rnik,roik->rnoi", layer.slopes(z), layer.weights(theta))
                sensitivity = sensitivity @ (slopes if factor is None else slopes * factor)
        return outputs, torch.cat(columns, dim=-1)

    def select(self, keep: Tensor) -> NetworkStack:
        """Return the stack of some of the networks, given by their places (k,)."""
        layers = []
        for layer in self.layers:
            basis = copy.deepcopy(layer.basis)
            basis.grid = layer.basis.grid.unflatten(0, (layer.count, -1))[keep].flatten(0, 1)
            layers.append(LayerStack(layer.first, basis, len(keep), layer.start))
        scaling = (self.input_shift, self.input_scale, self.output_shift, self.output_scale)
        return NetworkStack(tuple(layers), *(part[keep] for part in scaling))


def _topology(network: KAN) -> list[object]:
    parts: list[object] = [network.widths]
    for number in range(len(network.layers)):
        layer = network.layer(number)
        parts += [layer.basis_name, layer.basis.grid_size, layer.basis.spline_order, layer.base_function]
        parts += [layer.spline_mask.tolist(), layer.product_mask.tolist()]
    return parts
