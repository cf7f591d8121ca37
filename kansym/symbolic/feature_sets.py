"""Small sets of features that explain a direction: pairs and triples exactly, more by matching pursuit.

Features and goal are unit vectors in the complement of what is free; what a set leaves unexplained is the squared sine
of the angle between the goal and its span.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

__all__ = ["EXACT_ANGLE", "pairs", "pursue", "ranking_bits", "triples"]

Array = NDArray[np.float64]
Places = NDArray[np.intp]

EXACT_ANGLE = 1e-12
"""1 − cos² of a goal that only rounding separates from the span."""

_PARALLEL = 1e-7
_COLLISIONS = 200
_PURSUIT_WIDTH = 48
_PURSUIT_BEAM = 24
_PURSUIT_BRANCHES = 12
_PURSUIT_DEPTH = 4
_SIMPLE_FEATURES = 400
_SIMPLE_THIRDS = 60
_EXACT = 1e-16
_NODE_BITS = 3.0


def ranking_bits(unexplained: Array, cost: Array, n_rows: int) -> Array:
    """Rough description length by which sets are ranked: residuals, and the complexity of the features."""
    return 0.5 * n_rows * np.log2(np.maximum(unexplained, _EXACT)) + _NODE_BITS * cost


def pairs(directions: Array, goal: Array, cosines: Array) -> dict[tuple[int, int], float]:
    """Pairs of features and what they leave unexplained: exact ones, all simple ones, and those of a pursuit."""
    parallel = _parallel_pairs(directions, goal, cosines)
    found = dict(zip(map(tuple, parallel.tolist()), _unexplained(directions, parallel, goal).tolist(), strict=True))
    strongest = np.argsort(-np.abs(cosines), kind="stable")[:_PURSUIT_WIDTH]
    for first, count in ((np.arange(min(_SIMPLE_FEATURES, len(cosines))), _SIMPLE_FEATURES), (strongest, None)):
        second = slice(0, count)
        overlap = directions[second] @ directions[first].T
        with np.errstate(all="ignore"):
            gained = (cosines[second, None] - overlap * cosines[first]) ** 2 / (1.0 - overlap**2)
        gained[overlap**2 > 1.0 - 1e-8] = 0.0
        unexplained = np.maximum(1.0 - gained - cosines[first] ** 2, 0.0)
        for column, i in enumerate(first):
            for j in np.argpartition(unexplained[:, column], min(3, len(unexplained) - 1))[:3]:
                pair = (min(int(i), int(j)), max(int(i), int(j)))
                found.setdefault(pair, float(unexplained[j, column]))
    return found


def _parallel_pairs(directions: Array, goal: Array, cosines: Array) -> Places:
    """Pairs (n_pairs, 2) whose images coincide up to sign once the target's direction is taken out, too."""
    size = np.sqrt(np.maximum(1.0 - cosines**2, 0.0))
    usable = np.flatnonzero((size > 1e-4) & (np.abs(cosines) > 1e-6))
    images = (directions[usable] - cosines[usable, None] * goal) / size[usable, None]
    generator = np.random.default_rng(54321)
    marks = images @ generator.normal(size=(images.shape[1], 3))
    marks *= np.sign(marks[:, :1])
    order = np.argsort(marks[:, 0], kind="stable")
    found = [np.empty((0, 2), dtype=np.intp)]
    for step in (1, 2, 3):
        near = np.all(np.abs(marks[order[step:]] - marks[order[:-step]]) < _PARALLEL, axis=1)
        places = np.flatnonzero(near)[:_COLLISIONS]
        found.append(np.column_stack([order[places], order[places + step]]))
    return np.sort(usable[np.concatenate(found)], axis=1)


def _unexplained(directions: Array, pairs: Places, goal: Array) -> Array:
    """What each pair leaves of the goal, (n_pairs,); from the vector that is left, so that 1e-30 is seen as that."""
    first, second = directions[pairs[:, 0]], directions[pairs[:, 1]]
    second = second - np.sum(first * second, axis=1, keepdims=True) * first
    size = np.linalg.norm(second, axis=1, keepdims=True)
    second = second / np.where(size > _PARALLEL, size, np.inf)  # of two that are one, what is left is rounding
    rest = np.broadcast_to(goal, first.shape)
    for axis in (first, second, first):  # the second time for what rounding left of the first
        rest = rest - np.sum(rest * axis, axis=1, keepdims=True) * axis
    return np.sum(rest**2, axis=1)


def triples(directions: Array, goal: Array, should_stop: Callable[[], bool]) -> dict[tuple[int, ...], float]:
    """Exact sets of three, one of them simple: with that one among the free features, two are a parallel pair."""
    found: dict[tuple[int, ...], float] = {}
    for first in range(min(_SIMPLE_THIRDS, len(directions))):
        if should_stop():
            break
        axis = directions[first]
        others = directions - np.outer(directions @ axis, axis)
        sizes = np.linalg.norm(others, axis=1)
        rest = goal - (goal @ axis) * axis
        size = np.linalg.norm(rest)
        usable = np.flatnonzero(sizes > 1e-3)
        if size == 0 or len(usable) < 2:
            continue
        images = others[usable] / sizes[usable, None]
        aim = rest / size
        parallel = _parallel_pairs(images, aim, images @ aim)
        unexplained = _unexplained(images, parallel, aim) * size**2
        for k in np.flatnonzero(unexplained < EXACT_ANGLE):
            found[tuple(sorted((first, *usable[parallel[k]].tolist())))] = float(unexplained[k])
        if found:
            break
    return found


def pursue(
    directions: Array, goal: Array, costs: Array, should_stop: Callable[[], bool]
) -> dict[tuple[int, ...], float]:
    """Sets of up to four features by orthogonal matching pursuit with a beam, each with what it leaves unexplained.

    A set is extended by the features that shorten the description most; the gain of each is exact, since what the set
    already spans is projected out (Rebollo-Neira & Lowe 2002, IEEE Signal Process. Lett. 9, 137, eq. 8).
    """
    found: dict[tuple[int, ...], float] = {}
    beam: list[tuple[tuple[int, ...], Array]] = [((), np.empty((0, len(goal))))]
    for _ in range(_PURSUIT_DEPTH):
        extended: dict[tuple[int, ...], float] = {}
        for chosen, basis in beam:
            if should_stop():
                return found
            residual = goal - basis.T @ (basis @ goal)
            overlap = directions @ np.vstack([residual, basis]).T
            left = 1.0 - np.sum(overlap[:, 1:] ** 2, axis=1)
            with np.errstate(all="ignore"):
                gain = np.where(left > 1e-7, overlap[:, 0] ** 2 / left, 0.0)
            rest = np.maximum(residual @ residual - gain, 0.0)
            length = ranking_bits(rest, costs, len(goal))
            for i in np.argpartition(length, min(_PURSUIT_BRANCHES, len(length) - 1))[:_PURSUIT_BRANCHES]:
                if i not in chosen:
                    extended[tuple(sorted((*chosen, int(i))))] = float(rest[i])
        lengths = {
            places: float(ranking_bits(np.array(rest), costs[list(places)].sum(), len(goal)))
            for places, rest in extended.items()
        }
        kept = sorted(extended, key=lambda places: (lengths[places], places))[:_PURSUIT_BEAM]
        found |= {places: extended[places] for places in kept}
        if not kept or min(extended[places] for places in kept) < EXACT_ANGLE:
            break
        beam = [(places, np.linalg.qr(directions[list(places)].T)[0].T) for places in kept]
    return found
