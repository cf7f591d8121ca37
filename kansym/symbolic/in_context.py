"""Snap a whole network, edge after edge, judging every choice on the whole model.

For each edge the best functions for its curve alone are tried in place, with all other edges still free; a short joint
refit follows, and a beam of the shortest descriptions goes on to the next edge. A function that fits its own edge a
little better but the data worse so loses, which choosing by the R² of the edge cannot achieve.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from torch import Tensor

from kansym.library import Library
from kansym.network import KAN, train
from kansym.symbolic.snapping import Snap, snap_curve

__all__ = ["SnappedNetwork", "Snapping", "function_bits", "likely_snaps", "snap_network", "snapped"]

_CURVE_POINTS = 200
_LEAST_R2 = 0.5
_LARGEST_CONSTANT = 1e6
_TRIAL_ITERATIONS = 8
_DIRECT_ITERATIONS = 30
_DIRECT_EXACT = 1e-16  # relative loss that settles the choice of all functions at once
_DIRECT_TRIALS = 8
_MOST_EDGES = 12  # beyond that the choices are too many to be judged one by one
_FINAL_ITERATIONS = 60
# A snap may raise the loss by what a spline's error on clean data means, not by more.
_WORSE = 4.0
_FLOOR = 1e-4


@dataclass(frozen=True)
class SnappedNetwork:
    """A network after snapping.

    Attributes
    ----------
    network : KAN
    loss : float
        Mean squared error in y units squared.
    bits : float
        Residuals and functions together; the smaller the better.
    splines : tuple
        Edges that fit no function of the library well and stay splines.
    """

    network: KAN
    loss: float
    bits: float
    splines: tuple[tuple[int, int, int], ...] = ()


def snap_network(
    network: KAN,
    X: Tensor,
    y: Tensor,
    library: Library,
    *,
    sample_weight: Tensor | None = None,
    beam_width: int = 3,
    candidates: int = 5,
    should_stop: Callable[[], bool] | None = None,
) -> tuple[SnappedNetwork, ...]:
    """Replace every spline edge by a function of the library, if one fits.

    Parameters
    ----------
    network : KAN
        Trained and pruned, in float64.
    X : Tensor of shape (n_rows, n_inputs)
    y : Tensor of shape (n_rows, 1)
    library : Library
    sample_weight : Tensor of shape (n_rows,), optional
    beam_width : int
        Networks that are kept after each edge.
    candidates : int
        Functions tried for each edge.
    should_stop : callable, optional
        Asked between trials; the edges left are then splines.

    Returns
    -------
    tuple of SnappedNetwork
        At most ``beam_width``, the shortest description first.
    """
    snapping = Snapping(network, X, y, library, sample_weight, candidates, should_stop)
    direct = snapping.directly()
    return (direct,) if direct is not None else snapping.in_context(beam_width)


class Snapping:
    """The snapping of one network: the functions worth trying on each edge, and the two ways to choose among them.

    Parameters are those of :func:`snap_network`.
    """

    def __init__(
        self,
        network: KAN,
        X: Tensor,
        y: Tensor,
        library: Library,
        sample_weight: Tensor | None = None,
        candidates: int = 5,
        should_stop: Callable[[], bool] | None = None,
    ) -> None:
        self.network, self.X, self.y, self.sample_weight = network, X, y, sample_weight
        self.stopped = should_stop or (lambda: False)
        self.variance = float(y.var(unbiased=False).clamp(min=1e-300))
        # No edge is known better than the network fits the data.
        noise = train(network, X, y, sample_weight=sample_weight, max_iterations=0).loss / self.variance
        edges = _spline_edges(network)
        self.left = tuple(edges) if len(edges) > _MOST_EDGES else ()
        edges = [] if self.left else edges
        rankings = [(index, likely_snaps(network, index, X, library, candidates, noise)) for index in edges]
        # The most certain edges first: they narrow what the others can be.
        self.rankings = sorted(rankings, key=lambda entry: entry[1][0].unexplained if entry[1] else math.inf)

    def directly(self) -> SnappedNetwork | None:
        """Snap all edges at once; None if no such choice is exact.

        On clean data the functions that fit best are mostly right, and then nothing has to be searched.
        """
        for choice in _likely_choices([ranking for _, ranking in self.rankings]):
            if self.stopped() or self.left:
                return None
            network = self.network
            for (index, _), snap in zip(self.rankings, choice, strict=True):
                network = snapped(network, index, snap)
            cost = sum(function_bits(snap, len(self.y)) for snap in choice)
            trial = self._judged(network, _DIRECT_ITERATIONS, cost, ())
            if trial.loss <= _DIRECT_EXACT * self.variance:
                return trial
        return None

    def in_context(self, beam_width: int = 3) -> tuple[SnappedNetwork, ...]:
        """Snap edge after edge with a beam; a network of very many edges keeps its splines."""
        beam = [(self._judged(self.network, 0, 0.0, ()), 0.0)]
        if self.left:
            return (SnappedNetwork(self.network, beam[0][0].loss, math.inf, self.left),)
        for index, ranking in self.rankings:
            grown = [entry for state, cost in beam for entry in self._one_more(state, cost, index, ranking)]
            grown.sort(key=lambda entry: (len(entry[0].splines), entry[0].bits))
            beam = grown[:beam_width]
        finished = [self._judged(state.network, _FINAL_ITERATIONS, cost, state.splines) for state, cost in beam]
        return tuple(sorted(finished, key=lambda state: (len(state.splines), state.bits)))

    def _one_more(
        self, state: SnappedNetwork, cost: float, index: tuple[int, int, int], ranking: list[Snap]
    ) -> list[tuple[SnappedNetwork, float]]:
        """The networks with one edge more snapped; if no function is acceptable, the edge stays a spline."""
        grown = []
        for snap in ranking:
            if self.stopped():
                break
            extra = cost + function_bits(snap, len(self.y))
            trial = self._judged(snapped(state.network, index, snap), _TRIAL_ITERATIONS, extra, state.splines)
            if trial.loss <= _WORSE * state.loss + _FLOOR * self.variance:
                grown.append((trial, extra))
        if not grown:
            grown.append((SnappedNetwork(state.network, state.loss, state.bits, (*state.splines, index)), cost))
        return grown

    def _judged(self, network: KAN, iterations: int, extra: float, splines: tuple) -> SnappedNetwork:
        result = train(
            network,
            self.X,
            self.y,
            sample_weight=self.sample_weight,
            max_iterations=iterations,
            tolerance=1e-3,
            should_stop=self.stopped,
        )
        if not math.isfinite(result.loss):
            return SnappedNetwork(result.network, math.inf, math.inf, splines)
        bits = 0.5 * len(self.y) * math.log2(max(result.loss / self.variance, 1e-20)) + extra
        return SnappedNetwork(result.network, result.loss, bits, splines)


def _likely_choices(rankings: list[list[Snap]]) -> Iterator[list[Snap]]:
    """The first choices of all edges, then those with one second or third choice; none if an edge fits nothing."""
    if not all(rankings):
        return
    first = [ranking[0] for ranking in rankings]
    yield first
    others = [(k, j) for j in (1, 2) for k, ranking in enumerate(rankings) if len(ranking) > j]
    for k, j in others[:_DIRECT_TRIALS]:
        yield [*first[:k], rankings[k][j], *first[k + 1 :]]


def _spline_edges(network: KAN) -> list[tuple[int, int, int]]:
    return [index for index in network.edges() if network.edge_state(index).kind == "spline"]


def likely_snaps(
    network: KAN, index: tuple[int, int, int], X: Tensor, library: Library, count: int, noise: float
) -> list[Snap]:
    """The functions worth trying on an edge: those that fit it, simple ones before those that fit a hair better."""
    curve = network.edge_curve(index, X, n_points=_CURVE_POINTS)
    snaps = snap_curve(curve.x, curve.y, library=library)
    sane = [
        snap
        for snap in snaps
        if snap.r2 > _LEAST_R2 and max(abs(snap.a), abs(snap.b), abs(snap.c), abs(snap.d)) < _LARGEST_CONSTANT
    ]

    def unlikely(snap: Snap) -> float:
        return math.log10(snap.unexplained + noise + 1e-14) + 0.5 * snap.n_constants + 0.1 * snap.function.complexity

    return sorted(sane, key=unlikely)[:count]


def snapped(network: KAN, index: tuple[int, int, int], snap: Snap) -> KAN:
    """Return a copy of the network whose edge is the snap."""
    return network.snap(index, snap.function, snap.a, snap.b, snap.c, snap.d, snap.exponent)


def function_bits(snap: Snap, n_rows: int) -> float:
    """Bits that name a function on an edge, its inner constants included."""
    return 0.5 * math.log2(max(n_rows, 2)) * (0.3 * snap.function.complexity + snap.n_constants)
