"""What training minimises: the weighted mean squared error, a little smoothing, and a group penalty on edges."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from kansym.errors import DataError
from kansym.network.checks import check_equal_rows, check_rows
from kansym.network.jacobian import forward_record
from kansym.network.kan import KAN
from kansym.network.layer import KANLayer
from kansym.network.parameters import FreeParameters, LayerParameters

__all__ = ["Objective"]

# Beside the second differences, a share of plain ridge: it settles what they leave open, lines and base weights.
_RIDGE_SHARE = 1e-2
_NUMBERS_PER_CHUNK = 4_000_000


@dataclass(frozen=True)
class Objective:
    """Rows, weights and penalties; every term is in y units squared.

    Parameters
    ----------
    x : Tensor of shape (n, n_in)
    y : Tensor of shape (n, n_out)
    weight : Tensor of shape (n,)
        Non-negative, sum 1.
    scale : float
        Weighted variance of y, by which penalties on hidden layers are multiplied so that they do not depend on units.
    sparsity : float
        Weight of the group penalty ``Σ_edges RMS(edge curve − its mean)``.
    smoothing : float
        Weight of the squared second differences of spline coefficients.

    Examples
    --------
    >>> rows = torch.rand(9, 2), torch.rand(9, 1)
    >>> bool(Objective.of(*rows, None).loss(KAN((2, 1))) > 0)
    True
    """

    x: Tensor
    y: Tensor
    weight: Tensor
    scale: float
    sparsity: float = 0.0
    smoothing: float = 0.0

    @classmethod
    def of(
        cls, x: Tensor, y: Tensor, sample_weight: Tensor | None, sparsity: float = 0.0, smoothing: float = 0.0
    ) -> Objective:
        """Check the rows and return their objective.

        Raises
        ------
        DataError
            If shapes disagree, an entry is not finite, or a weight is negative or all are zero.
        """
        y = check_rows("y", y, y.shape[-1] if isinstance(y, Tensor) and y.ndim == 2 else 1)
        x = check_rows("X", x, x.shape[-1])
        check_equal_rows("X and y", x, y)
        if sample_weight is not None and not isinstance(sample_weight, Tensor):
            raise DataError(f"sample_weight must be a tensor of shape ({len(y)},), got {type(sample_weight).__name__}")
        weight = y.new_ones(len(y)) if sample_weight is None else sample_weight.to(y)
        if weight.shape != (len(y),) or not bool((weight >= 0).all()) or not 0 < float(weight.sum()) < torch.inf:
            raise DataError(f"sample_weight must be {len(y)} finite non-negative numbers, not all zero")
        weight = weight / weight.sum()
        variance = float((weight @ (y - weight @ y) ** 2).mean())
        scale = variance or float(y.square().mean()) or 1.0
        return cls(x, y, weight, scale, sparsity, smoothing)

    def take(self, rows: Tensor) -> Objective:
        """Return the objective of some rows, by place, not all of weight zero; penalties keep their scale."""
        weight = self.weight[rows]
        return replace(self, x=self.x[rows], y=self.y[rows], weight=weight / weight.sum())

    def chunks(self, numbers_per_row: int) -> Iterator[slice]:
        """Slices of rows such that ``numbers_per_row`` times their length stays within a few million numbers."""
        size = max(64, _NUMBERS_PER_CHUNK // max(1, numbers_per_row))
        return (slice(start, start + size) for start in range(0, len(self.x), size))

    def loss(self, network: KAN, first_features: Tensor | None = None) -> float:
        """Weighted mean squared error, in y units squared; NaN or infinite where the network is.

        ``first_features``, if known, are those of the first layer on all rows.
        """
        width = sum(network.widths) * (network.layer(0).basis.n_basis + 2)
        total = 0.0
        with torch.no_grad():
            for rows in self.chunks(width):
                known = None if first_features is None else first_features[rows]
                y = forward_record(network, self.x[rows], known).outputs
                total += float(self.weight[rows] @ (y - self.y[rows]).square().mean(1))
        return total

    def quadratic(self, network: KAN, parameters: FreeParameters) -> list[Tensor]:
        """Quadratic forms (m, n_features, n_features) of the penalties, for the spline edges of each layer.

        The group penalty enters by its quadratic majoriser at the present curves, ``RMS <= (RMS²/r + r)/2`` with the
        present RMS as r (iteratively reweighted least squares; Hunter and Li, Ann. Statist. 33 (2005) 1617, eq. (3.1)).
        """
        nodes = network.node_values(self._thinned[0]) if self.sparsity > 0 else [None] * len(parameters.layers)
        forms = []
        for place, z, unit in zip(parameters.layers, nodes, self._units(network), strict=True):
            unit = unit[place.outputs, None, None]
            form = self.smoothing * unit * smoothing_form(place.layer)
            if z is not None:
                gram = _centred_gram(place.layer, z, self._thinned[1])[place.inputs]
                weights = place.layer.weights().detach()[place.outputs, place.inputs]
                spread = torch.einsum("mk,mkl,ml->m", weights, gram, weights).clamp(min=0.0).sqrt()
                majoriser = gram / (2.0 * (spread + 1e-6)[:, None, None])
                form = form + self.sparsity * (unit * self.scale).sqrt() * majoriser
            forms.append(form)
        return forms

    def penalty(self, network: KAN, parameters: FreeParameters) -> Tensor:
        """Smoothing and group penalty as one differentiable number."""
        total = network.input_shift.new_zeros(())
        z = network.standardise(self._thinned[0]) if self.sparsity > 0 else None
        for place, unit in zip(parameters.layers, self._units(network), strict=True):
            weights = place.layer.weights()[place.outputs, place.inputs]
            unit = unit[place.outputs]
            form = smoothing_form(place.layer)
            total = total + self.smoothing * (unit * torch.einsum("mk,kl,ml->m", weights, form, weights)).sum()
            if z is not None:
                gram = _centred_gram(place.layer, z, self._thinned[1])[place.inputs]
                spread = torch.einsum("mk,mkl,ml->m", weights, gram, weights).clamp(min=0.0)
                total = total + self.sparsity * ((unit * self.scale).sqrt() * (spread + 1e-12).sqrt()).sum()
                z = place.layer(z)
        return total

    def _units(self, network: KAN) -> list[Tensor]:
        """Squared y unit of each node: the variance of y for hidden ones, the squared output scale for outputs."""
        counts = network.widths[1:-1]
        return [network.output_scale.new_full((count,), self.scale) for count in counts] + [network.output_scale**2]

    @cached_property
    def _thinned(self) -> tuple[Tensor, Tensor]:
        """Some 2,000 rows of those that count, and their weights, of sum 1."""
        places = self.weight.nonzero().flatten()
        places = places[:: max(1, len(places) // 2000)]
        return self.x[places], self.weight[places] / self.weight[places].sum()


def smoothing_form(layer: KANLayer) -> Tensor:
    """Quadratic form (n_features, n_features) of second differences and a little ridge.

    Examples
    --------
    >>> smoothing_form(KANLayer(1, 1, grid_size=2, spline_order=1, base_function="none")).diagonal()
    tensor([1.0100, 4.0100, 1.0100])
    """
    features = layer.basis.n_basis + (layer.base_function != "none")
    form = _RIDGE_SHARE * torch.eye(features, dtype=layer.coef.dtype, device=layer.coef.device)
    first = features - layer.basis.n_basis
    form[first:, first:] += layer.basis.roughness()
    return form


def _centred_gram(layer: KANLayer, z: Tensor, weight: Tensor) -> Tensor:
    """Covariances of the features of each input over rows ``z`` with weights of sum 1: (in, n_features, n_features)."""
    features = layer.features(z)
    features = features - torch.einsum("n,nik->ik", weight, features)
    return torch.einsum("n,nik,nil->ikl", weight, features, features)


def places_of(place: LayerParameters) -> slice:
    """Where the spline numbers of a layer stand in the flat vector."""
    return slice(place.start, place.start + place.n_spline)
