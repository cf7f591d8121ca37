"""The spline networks of a search: started from the spectral solution, trained, pruned, snapped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from kansym.library import Library
from kansym.network import KAN, prune, train
from kansym.structure.spectral import OneNode, one_node
from kansym.symbolic.in_context import SnappedNetwork, snap_network
from kansym.symbolic.rows import Rows

__all__ = ["NetworkSettings", "Stations", "build_network", "snapped"]

Array = NDArray[np.float64]

_LARGEST_SAMPLE = 2000
_SNAPPING_ROWS = 500
_VALIDATION_SHARE = 0.2
_FEWEST_FOR_VALIDATION = 50
_ITERATIONS = 60
_AUTO_WIDTH = 5
_GOOD_ENOUGH = 1e-3  # unexplained share below which one hidden node is the structure
_CURVE_POINTS = 300


@dataclass(frozen=True)
class NetworkSettings:
    """What the user says about the network; see :class:`kansym.KANRegressor`."""

    hidden_widths: tuple[int, ...] | str = "auto"
    basis: str = "bspline"
    grid_size: int = 5
    spline_order: int = 3


@dataclass(frozen=True)
class Stations:
    """A network before and after pruning, with the rows it was trained on."""

    network: KAN
    pruned: KAN
    loss: float


def build_network(
    rows: Rows, settings: NetworkSettings, seed: int, should_stop: Callable[[], bool]
) -> Stations:
    """Start a network from the spectral solution, train it by Levenberg–Marquardt, prune it.

    The spectral solution becomes the first node of the first hidden layer; all other nodes start small and random. With
    ``hidden_widths="auto"`` one hidden node is used where it explains the target, else five.
    """
    generator = np.random.default_rng(seed)
    sample = rows.sample(_LARGEST_SAMPLE, generator)
    X, y, weights = _tensors(sample)
    pairs = one_node(sample.columns, sample.target, sample.weights, seed=seed)
    start = _spectral_network(sample, pairs, settings, seed)
    widths = _hidden_widths(settings, start, X, y)
    network = start if start is not None and widths == (1,) else _random_network(sample, widths, settings, seed)
    if start is not None and len(widths) == 1 and widths != (1,):
        network = _planted(network, start)
    held = generator.permutation(len(sample)) < _VALIDATION_SHARE * len(sample)
    if len(sample) < _FEWEST_FOR_VALIDATION:
        held[:] = False
    held_rows = torch.from_numpy(held)
    validation = (X[held_rows], y[held_rows]) if held.any() else None
    X, y, weights = X[~held_rows], y[~held_rows], weights[~held_rows]
    trained = train(
        network,
        X,
        y,
        sample_weight=weights,
        validation=validation,
        max_iterations=_ITERATIONS,
        smoothing=1e-8,
        should_stop=should_stop,
    )
    pruned = prune(
        trained.network, X, y, sample_weight=weights, validation=validation, smoothing=1e-8, should_stop=should_stop
    )
    return Stations(trained.network, pruned.network, trained.loss)


def snapped(
    network: KAN, rows: Rows, library: Library, seed: int, should_stop: Callable[[], bool]
) -> tuple[SnappedNetwork, ...]:
    """Snap a pruned network in context, on a few hundred rows."""
    X, y, weights = _tensors(rows.sample(_SNAPPING_ROWS, np.random.default_rng(seed)))
    return snap_network(network, X, y, library, sample_weight=weights, should_stop=should_stop)


def _tensors(rows: Rows) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    arrays = (rows.columns, rows.target[:, None], rows.weights)
    X, y, weights = (torch.from_numpy(np.ascontiguousarray(array)) for array in arrays)
    return X, y, weights


def _hidden_widths(
    settings: NetworkSettings, start: KAN | None, X: torch.Tensor, y: torch.Tensor
) -> tuple[int, ...]:
    if not isinstance(settings.hidden_widths, str):
        return tuple(settings.hidden_widths)
    if start is None:
        return (1,) if len(y) < _FEWEST_FOR_VALIDATION else (_AUTO_WIDTH,)
    with torch.no_grad():
        unexplained = float(((start(X) - y) ** 2).mean() / y.var(unbiased=False).clamp(min=1e-300))
    return (1,) if unexplained < _GOOD_ENOUGH or X.shape[1] == 1 else (_AUTO_WIDTH,)


def _random_network(rows: Rows, widths: tuple[int, ...], settings: NetworkSettings, seed: int) -> KAN:
    X, y, _ = _tensors(rows)
    network = KAN(
        (rows.n_variables, *widths, 1),
        basis=settings.basis,
        grid_size=settings.grid_size,
        spline_order=settings.spline_order,
        generator=torch.Generator().manual_seed(seed),
        dtype=torch.float64,
    )
    return network.fitted_to(X, y)


def _spectral_network(rows: Rows, pairs: tuple[OneNode, ...], settings: NetworkSettings, seed: int) -> KAN | None:
    """The one-hidden-node network whose curves are the canonical pair that predicts y best."""
    X, y, _ = _tensors(rows)
    best, best_loss = None, np.inf
    for pair in pairs:
        spread = pair.node.std()
        if not np.isfinite(spread) or spread < 1e-9:
            continue
        network = _random_network(rows, (1,), settings, seed)
        for i in range(rows.n_variables):
            order = np.argsort(rows.columns[:, i], kind="stable")
            z = network.standardise(X)[:, i].numpy()
            network = network.with_edge_curve((0, 0, i), z[order], pair.curves[order, i] / spread)
        network = network.update_grids(X)
        node = network.node_values(X)[1][:, 0].detach().numpy()
        target = ((y[:, 0] - network.output_shift[0]) / network.output_scale[0]).numpy()
        order = np.argsort(node, kind="stable")
        network = network.with_edge_curve((1, 0, 0), node[order], target[order])
        with torch.no_grad():
            loss = float(((network(X) - y) ** 2).mean())
        if loss < best_loss:
            best, best_loss = network, loss
    return best


def _planted(network: KAN, start: KAN) -> KAN:
    """Put the spectral network's curves into the first hidden node, and start all others near zero."""
    hidden = network.widths[1]
    points = np.linspace(-1.8, 1.8, _CURVE_POINTS)
    generator = np.random.default_rng(network.widths[1])
    for i in range(network.widths[0]):
        curve = _curve(start, (0, 0, i), points)
        network = network.with_edge_curve((0, 0, i), points, curve)
    h = np.linspace(-3.0, 3.0, _CURVE_POINTS)
    for node in range(hidden):
        outer = _curve(start, (1, 0, 0), h) if node == 0 else 1e-3 * generator.normal() * h
        network = network.with_edge_curve((1, 0, node), h, outer)
    return network


def _curve(network: KAN, index: tuple[int, int, int], points: Array) -> Array:
    layer, output, source = index
    with torch.no_grad():
        grid = torch.zeros(len(points), network.widths[layer], dtype=torch.float64)
        grid[:, source] = torch.from_numpy(points)
        return network.layer(layer).edge_values(grid)[:, output, source].numpy()
