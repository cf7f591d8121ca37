"""The spline networks of a search: started from the spectral solution, trained, pruned, snapped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from kansym.library import Library
from kansym.network import KAN, prune, train, train_on
from kansym.structure.spectral import OneNode, one_node
from kansym.symbolic.in_context import Snapping
from kansym.symbolic.rows import Rows

__all__ = ["NetworkSettings", "Stations", "build_network", "snapping_of", "splines_of"]

Array = NDArray[np.float64]

_LARGEST_SAMPLE = 2000
_SNAPPING_ROWS = 500
_VALIDATION_SHARE = 0.2
_FEWEST_FOR_VALIDATION = 50
_ITERATIONS = 60
_POLISHING_ITERATIONS = 12  # the spectral solution is at its optimum but for the spline grid
_SPARSITY = 1e-5
_AUTO_WIDTH = 5
_COLUMNS_OF_ONE_NODE = 100  # a step of five nodes of more takes longer than a second, and gigabytes
_GOOD_ENOUGH = 1e-3  # unexplained share below which one hidden node is the structure
_CURVE_POINTS = 300
_UNSNAPPED_GRID = 10
_ROWS_PER_INTERVAL = 4


@dataclass(frozen=True)
class NetworkSettings:
    """What the user says about the network; see :class:`kansym.KANRegressor`."""

    hidden_widths: tuple[int, ...] | str = "auto"
    basis: str = "bspline"
    grid_size: int = 5
    spline_order: int = 3
    device: str = "auto"


@dataclass(frozen=True)
class Stations:
    """A network before and after pruning, with the rows it was trained on."""

    network: KAN
    pruned: KAN
    loss: float


def build_network(rows: Rows, settings: NetworkSettings, seed: int, should_stop: Callable[[], bool]) -> Stations:
    """Start a network from the spectral solution, train it by Levenberg–Marquardt, prune it.

    The spectral solution becomes the first node of the first hidden layer; all other nodes start small and random. With
    ``hidden_widths="auto"`` one hidden node is used where it explains the target, else five, or one for more than 100
    columns.
    """
    generator = np.random.default_rng(seed)
    sample = rows.sample(_LARGEST_SAMPLE, generator)
    X, y, weights = _tensors(sample)
    start, unexplained = _spectral_network(sample, settings, seed)
    widths = _hidden_widths(settings, unexplained, rows)
    network = _random_network(sample, widths, settings, seed)
    planted = start is not None and len(widths) == 1
    if start is not None and planted:
        network = start if widths == (1,) else _planted(network, start, X)
    held = generator.permutation(len(sample)) < _VALIDATION_SHARE * len(sample)
    if len(sample) < _FEWEST_FOR_VALIDATION:
        held[:] = False
    held_rows = torch.from_numpy(held)
    validation = (X[held_rows], y[held_rows]) if held.any() else None
    X, y, weights = X[~held_rows], y[~held_rows], weights[~held_rows]
    trained = train_on(
        settings.device,
        network,
        X,
        y,
        sample_weight=weights,
        validation=validation,
        max_iterations=_POLISHING_ITERATIONS if planted and unexplained < _GOOD_ENOUGH else _ITERATIONS,
        smoothing=1e-8,
        sparsity=_SPARSITY if widths != (1,) else 0.0,
        should_stop=should_stop,
    )
    # What one node leaves unexplained on this grid means nothing; nodes that only mend that go.
    floor = unexplained if unexplained < _GOOD_ENOUGH else 1e-6
    pruned = prune(
        trained.network,
        X,
        y,
        sample_weight=weights,
        validation=validation,
        floor=max(floor, 1e-6),
        smoothing=1e-8,
        should_stop=should_stop,
    )
    return Stations(trained.network, pruned.network, trained.loss)


def splines_of(network: KAN, rows: Rows, seed: int, should_stop: Callable[[], bool]) -> KAN:
    """Return the spline network of a symbolic one: the same topology, every edge the spline nearest to its curve.

    Knots lie at quantiles: the argument of a power or a pole is seldom spread evenly, and between even knots its curve
    is lost where the rows are. Where there is time the splines are trained further, which must not make them worse.
    """
    X, y, weights = _tensors(rows.sample(_LARGEST_SAMPLE, np.random.default_rng(seed)))
    grid_size = network.layer(0).basis.grid_size
    finer = min(max(_UNSNAPPED_GRID, grid_size), len(X) // _ROWS_PER_INTERVAL)
    splines = network.update_grids(X)
    if finer >= grid_size:  # few rows have no quantiles to speak of
        splines = splines.refine(finer, X).update_grids(X, adaptivity=1.0)
    for index in splines.edges():
        splines = splines.unsnap(index, X)
    polished = train(
        splines,
        X,
        y,
        sample_weight=weights,
        max_iterations=_POLISHING_ITERATIONS,
        smoothing=1e-8,
        should_stop=should_stop,
    )
    return min(splines, polished.network, key=lambda one: _loss(one, X, y, weights))


def _loss(network: KAN, X: torch.Tensor, y: torch.Tensor, weights: torch.Tensor) -> float:
    loss = float((weights[:, None] * (network.evaluate(X) - y) ** 2).mean())
    return loss if np.isfinite(loss) else np.inf


def snapping_of(network: KAN, rows: Rows, library: Library, seed: int, should_stop: Callable[[], bool]) -> Snapping:
    """Prepare the snapping of a pruned network on a few hundred rows."""
    X, y, weights = _tensors(rows.sample(_SNAPPING_ROWS, np.random.default_rng(seed)))
    return Snapping(network, X, y, library, weights, should_stop=should_stop)


def _tensors(rows: Rows) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    arrays = (rows.columns, rows.target[:, None], rows.weights)
    X, y, weights = (torch.tensor(array) for array in arrays)  # a copy: a user's array may be read-only
    return X, y, weights


def _hidden_widths(settings: NetworkSettings, unexplained: float, rows: Rows) -> tuple[int, ...]:
    if not isinstance(settings.hidden_widths, str):
        return tuple(settings.hidden_widths)
    if rows.n_variables == 1:
        return ()
    few = len(rows) < _FEWEST_FOR_VALIDATION or rows.n_variables > _COLUMNS_OF_ONE_NODE
    return (1,) if few or unexplained < _GOOD_ENOUGH else (_AUTO_WIDTH,)


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


def _spectral_network(rows: Rows, settings: NetworkSettings, seed: int) -> tuple[KAN | None, float]:
    """The one-hidden-node network whose curves are the canonical pair that predicts y best, and what it leaves."""
    X, y, _ = _tensors(rows)
    best, best_loss = None, np.inf
    # With one variable any transformation of y is a function of x: there is nothing to be found.
    pairs = one_node(rows.columns, rows.target, rows.weights, seed=seed) if rows.n_variables > 1 else ()
    for pair in pairs:
        if np.isfinite(pair.correlation) and pair.node.std() > 1e-9:
            network = _network_of(pair, rows, settings, seed)
            with torch.no_grad():
                loss = float(((network(X) - y) ** 2).mean())
            if loss < best_loss:
                best, best_loss = network, loss
    return best, best_loss / max(rows.variance, 1e-300)


def _network_of(pair: OneNode, rows: Rows, settings: NetworkSettings, seed: int) -> KAN:
    X, y, _ = _tensors(rows)
    network = _random_network(rows, (1,), settings, seed)
    z = network.standardise(X).numpy()
    for i, curve in enumerate(pair.curves.T):
        network = network.with_edge_curve((0, 0, i), z[:, i], curve / pair.node.std())
    network = network.update_grids(X)
    node = network.node_values(X)[1][:, 0].detach().numpy()
    target = (y[:, 0] - network.output_shift[0]) / network.output_scale[0]
    return network.with_edge_curve((1, 0, 0), node, target.numpy())


def _planted(network: KAN, start: KAN, X: torch.Tensor) -> KAN:
    """Put the spectral network's curves into the first hidden node, and start all others near zero."""
    hidden = network.widths[1]
    z, node = (values.detach().numpy() for values in start.node_values(X))
    generator = np.random.default_rng(network.widths[1])
    for i in range(network.widths[0]):
        points = np.linspace(z[:, i].min(), z[:, i].max(), _CURVE_POINTS)
        network = network.with_edge_curve((0, 0, i), points, _curve(start, (0, 0, i), points))
    network = network.update_grids(X)
    h = np.linspace(node.min(), node.max(), _CURVE_POINTS)
    for place in range(hidden):
        outer = _curve(start, (1, 0, 0), h) if place == 0 else 1e-3 * generator.normal() * h
        network = network.with_edge_curve((1, 0, place), h, outer)
    return network


def _curve(network: KAN, index: tuple[int, int, int], points: Array) -> Array:
    layer, output, source = index
    with torch.no_grad():
        grid = torch.zeros(len(points), network.widths[layer], dtype=torch.float64)
        grid[:, source] = torch.from_numpy(points)
        return network.layer(layer).edge_values(grid)[:, output, source].numpy()
