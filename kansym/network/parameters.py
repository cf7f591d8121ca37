"""The free numbers of a network as one flat vector: the order in which Levenberg-Marquardt sees them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import torch
from torch import Tensor

from kansym.network.kan import KAN
from kansym.network.layer import KANLayer
from kansym.network.records import EdgeIndex
from kansym.network.symbolic_edges import SymbolicGroup

__all__ = ["FreeParameters", "LayerParameters"]

NO_PARAMETERS = "converged: no free parameters"


@dataclass(frozen=True)
class LayerParameters:
    """Where the free numbers of one layer stand in the flat vector.

    Parameters
    ----------
    layer : KANLayer
        The layer.
    start : int
        Position of the first number.
    outputs, inputs : Tensor of shape (m,), integer
        Ends of the spline edges; each has ``n_features`` numbers in a row, in the order of ``KANLayer.weights``.
    groups : tuple of SymbolicGroup
        Symbolic edges; each has ``n_affine`` numbers in a row, after all spline edges.

    Examples
    --------
    >>> LayerParameters.of(KANLayer(2, 1, grid_size=4, spline_order=3, base_function="none"), start=0).count
    14
    """

    layer: KANLayer
    start: int
    outputs: Tensor
    inputs: Tensor
    groups: tuple[SymbolicGroup, ...]

    @classmethod
    def of(cls, layer: KANLayer, start: int, fixed: Collection[tuple[int, int]] = ()) -> LayerParameters:
        """Return the places of a layer's numbers from ``start`` on.

        ``fixed`` edges, as (output, input), have none, nor have edges whose parameters require no gradient.
        """
        free = torch.ones_like(layer.spline_mask)
        for edge in fixed:
            free[edge] = False
        trained = layer.coef.requires_grad or (layer.base_function != "none" and layer.base_weight.requires_grad)
        outputs, inputs = (layer.spline_mask & free & trained).nonzero().unbind(-1)
        groups = [
            group.of(kept)
            for group in layer.symbolic_groups()
            if layer.affine.requires_grad and bool((kept := free[group.outputs, group.inputs]).any())
        ]
        return cls(layer, start, outputs, inputs, tuple(groups))

    @property
    def n_features(self) -> int:
        """Free numbers of a spline edge."""
        return self.layer.basis.n_basis + (self.layer.base_function != "none")

    @property
    def n_spline(self) -> int:
        """Free numbers of all spline edges."""
        return len(self.outputs) * self.n_features

    @property
    def count(self) -> int:
        """Free numbers of the layer."""
        return self.n_spline + sum(len(group.inputs) * group.n_affine for group in self.groups)

    def read(self) -> list[Tensor]:
        """Return the present numbers, in order."""
        layer = self.layer
        parts = [layer.weights()[self.outputs, self.inputs]]
        parts += [layer.affine[group.outputs, group.inputs, : group.n_affine] for group in self.groups]
        return [part.flatten() for part in parts]

    def write(self, numbers: Tensor) -> None:
        """Set the numbers of the layer, which the caller owns."""
        layer, based = self.layer, self.layer.base_function != "none"
        weights = numbers[: self.n_spline].view(-1, self.n_features)
        layer.coef[self.outputs, self.inputs] = weights[:, int(based) :]
        if based:
            layer.base_weight[self.outputs, self.inputs] = weights[:, 0]
        place = self.n_spline
        for group in self.groups:
            size = len(group.inputs) * group.n_affine
            affine = numbers[place : place + size].view(-1, group.n_affine)
            layer.affine[group.outputs, group.inputs, : group.n_affine] = affine
            place += size


@dataclass(frozen=True)
class FreeParameters:
    """All free numbers of a network: those of spline and symbolic edges, layer by layer.

    Parameters
    ----------
    layers : tuple of LayerParameters
        One for each layer.

    Examples
    --------
    >>> network = KAN((2, 3, 1))
    >>> FreeParameters.of(network).count == network.n_parameters
    True
    """

    layers: tuple[LayerParameters, ...]

    @classmethod
    def of(cls, network: KAN, fixed: Collection[EdgeIndex] = ()) -> FreeParameters:
        """Return the places of a network's numbers, ``fixed`` edges left out; valid until an edge changes its kind.

        Examples
        --------
        >>> FreeParameters.of(KAN((2, 1)), fixed=[(0, 0, 1)]).count == KAN((1, 1)).n_parameters
        True
        """
        layers: list[LayerParameters] = []
        start = 0
        for number in range(len(network.layers)):
            edges = [(output, source) for layer, output, source in fixed if layer == number]
            layers.append(LayerParameters.of(network.layer(number), start, edges))
            start += layers[-1].count
        return cls(tuple(layers))

    @property
    def count(self) -> int:
        """Length of the vector."""
        return sum(layer.count for layer in self.layers)

    def read(self) -> Tensor:
        """Return the numbers as a vector (count,), a copy."""
        with torch.no_grad():
            return torch.cat([part for layer in self.layers for part in layer.read()])

    def write(self, vector: Tensor) -> None:
        """Set the numbers in place: only for a network that the caller owns."""
        with torch.no_grad():
            for layer in self.layers:
                layer.write(vector[layer.start : layer.start + layer.count])
