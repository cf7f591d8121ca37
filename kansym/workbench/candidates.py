"""What an edge may become: the functions that fit its curve, each tried in place with all other edges free."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import torch

from kansym.library import Library
from kansym.network import KAN, EdgeIndex, train
from kansym.symbolic.in_context import function_bits, likely_snaps, snapped
from kansym.symbolic.rows import Rows
from kansym.symbolic.snapping import Snap

__all__ = ["Candidate", "candidates"]

_TRIAL_ROWS = 500
_TRIAL_ITERATIONS = 8
_EXACT = 1e-20  # of the variance: below is rounding only


@dataclass(frozen=True)
class Candidate:
    """A function on an edge, judged on the whole model.

    Attributes
    ----------
    snap : Snap
        The function with the constants that fit the edge's curve.
    loss : float
        Mean squared error of the model in y units squared, after a short refit with the function in place.
    r2 : float
        The model's share of explained variance.
    bits : float
        Bits for the residuals and the function together; the smaller the better, zero for the best constant.
    """

    snap: Snap
    loss: float
    r2: float
    bits: float


def candidates(
    network: KAN, edge: EdgeIndex, rows: Rows, library: Library, count: int, fixed: Collection[EdgeIndex] = ()
) -> tuple[Candidate, ...]:
    """Try the likeliest functions on an edge, the shortest description of model and data first.

    The trials see at most 500 rows and refit for a few iterations: enough to tell the functions apart.
    """
    sample = rows.sample(_TRIAL_ROWS, np.random.default_rng(0))
    X, y, weights = (torch.tensor(array) for array in (sample.columns, sample.target[:, None], sample.weights))
    variance = max(rows.variance, np.finfo(float).tiny)
    # No edge is known better than the network fits the data.
    noise = sample.loss(network.evaluate(X)[:, 0].numpy()) / variance
    tried = []
    for snap in likely_snaps(network, edge, X, library, count, noise):
        trial = train(
            snapped(network, edge, snap),
            X,
            y,
            sample_weight=weights,
            max_iterations=_TRIAL_ITERATIONS,
            tolerance=1e-3,
            fixed=fixed,
        )
        if math.isfinite(trial.loss):
            share = trial.loss / variance
            bits = 0.5 * len(sample) * math.log2(max(share, _EXACT)) + function_bits(snap, len(sample))
            tried.append(Candidate(snap, trial.loss, 1.0 - share, bits))
    # A sine and a cosine draw the same curve: the one of smaller phase comes first.
    return tuple(sorted(tried, key=lambda candidate: (round(candidate.bits, 2), abs(candidate.snap.b))))
