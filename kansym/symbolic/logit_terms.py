"""Sums of a few features that tell labels best: what stepwise logistic regression finds, one sum for each length."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import log, log2

import numpy as np
from numpy.typing import NDArray

from kansym.symbolic.description import constant_bits
from kansym.symbolic.label_fit import damped_step
from kansym.symbolic.labels import LabelledRows

__all__ = ["LogitSum", "sums_of_terms"]

Array = NDArray[np.float64]

_TRIED = 8
_PATIENCE = 2
_ROUNDS = 12
_DAMPING = 1e-8
_CONVERGED = 1e-7
_LEAST_INFORMATION = 1e-6
_LEAST_LEFT = 1e-6

# Chosen features, constants of the scaled ones, misfit.
Fitted = tuple[tuple[int, ...], Array, float]


@dataclass(frozen=True, eq=False)
class LogitSum:
    """The logit ``constants[0] + Σ constants[1:]·features[chosen]``.

    Attributes
    ----------
    chosen : tuple of int
        Features in the order in which they entered.
    constants : ndarray of shape (n_chosen + 1,)
    misfit : float
        Mean log-loss of the smoothed labels, in nats.
    bits : float
        What it takes to name the sum: how many features there are, and which.
    """

    chosen: tuple[int, ...]
    constants: Array
    misfit: float
    bits: float


def sums_of_terms(
    rows: LabelledRows, features: Array, costs: Array, most: int, should_stop: Callable[[], bool] = lambda: False
) -> Iterator[LogitSum]:
    """Sums of one, two, … features, each from the last by the feature that saves the labels most bits for its own.

    They end where two features in a row did not pay.

    All features are ranked by Rao's score statistic, which needs no fit of any of them: of ``½·s²/v`` nats that a
    feature may gain, ``s`` is the slope of the log-likelihood in its constant and ``v`` the information about it that
    is not about the constants so far (Rao 1948, Proc. Camb. Phil. Soc. 44). The best few are fitted, since the
    statistic is exact for small gains only. Then each earlier feature is exchanged where another one has become better.

    Parameters
    ----------
    rows : LabelledRows
    features : ndarray of shape (n_rows, n_features)
        Finite.
    costs : ndarray of shape (n_features,)
        Bits that name each.
    most : int
        Features of the longest sum.
    should_stop : callable
        Asked before each sum.

    Examples
    --------
    >>> import sympy
    >>> X = np.random.default_rng(0).uniform(-1, 1, (500, 4))
    >>> codes = (X[:, 2] - 2 * X[:, 1] > 0).astype(int)
    >>> rows = LabelledRows.binary(X, codes, np.ones(500), sympy.symbols("a b c d"))
    >>> [found.chosen for found in sums_of_terms(rows, X, np.full(4, 2.0), 2)]
    [(1,), (1, 2)]
    """
    scaled = _Scaled.of(features, (costs + constant_bits(len(rows))) * log(2) / len(rows))
    chosen: tuple[int, ...] = ()
    constants = np.array([rows.mean])
    least, in_vain = rows.misfit(np.full(len(rows), rows.mean)), 0
    while len(chosen) < min(most, features.shape[1], len(rows) - 1) and in_vain < _PATIENCE and not should_stop():
        longer = _extended(rows, scaled, chosen, constants)
        if longer is None:
            return
        found = _with_swaps(rows, scaled, longer, should_stop)
        least, in_vain = (scaled.price(found), 0) if scaled.price(found) < least else (least, in_vain + 1)
        chosen, constants, misfit = found
        bits = log2(most) + float(costs[list(chosen)].sum())
        yield LogitSum(chosen, scaled.unscaled(chosen, constants), misfit, bits)


@dataclass(frozen=True, eq=False)
class _Scaled:
    """Features of mean zero and spread one, and what each costs, in nats a row."""

    values: Array
    costs: Array
    centre: Array
    spread: Array

    @classmethod
    def of(cls, features: Array, costs: Array) -> _Scaled:
        centre, spread = features.mean(axis=0), features.std(axis=0)
        spread = np.where(spread > 0, spread, 1.0)
        return cls((features - centre) / spread, costs, centre, spread)

    def design(self, chosen: tuple[int, ...]) -> Array:
        return np.column_stack([np.ones(len(self.values)), self.values[:, list(chosen)]])

    def price(self, fitted: Fitted) -> float:
        """Misfit and costs together."""
        chosen, _, misfit = fitted
        return misfit + float(self.costs[list(chosen)].sum())

    def unscaled(self, chosen: tuple[int, ...], constants: Array) -> Array:
        slopes = constants[1:] / self.spread[list(chosen)]
        return np.concatenate([[constants[0] - slopes @ self.centre[list(chosen)]], slopes])


def _extended(rows: LabelledRows, scaled: _Scaled, chosen: tuple[int, ...], constants: Array) -> Fitted | None:
    """The sum with the best further feature; None where all others are sums of the chosen ones."""
    gains = _possible_gains(rows, scaled, chosen, constants)
    order = np.argsort(scaled.costs - 0.5 * gains / len(rows), kind="stable")[:_TRIED]
    trials = [
        _fitted(rows, scaled, (*chosen, int(feature)), np.append(constants, 0.0))
        for feature in order
        if gains[feature] > 0
    ]
    return min(trials, key=scaled.price) if trials else None


def _with_swaps(rows: LabelledRows, scaled: _Scaled, fitted: Fitted, should_stop: Callable[[], bool]) -> Fitted:
    """Exchange features, the oldest first, where that pays."""
    for leaving in fitted[0][:-1]:
        if should_stop():
            break
        chosen, constants, _ = fitted
        place = chosen.index(leaving)
        shorter = _fitted(rows, scaled, (*chosen[:place], *chosen[place + 1 :]), np.delete(constants, place + 1))
        exchanged = _extended(rows, scaled, *shorter[:2])
        if exchanged is not None and scaled.price(exchanged) < scaled.price(fitted) * (1.0 - _CONVERGED):
            fitted = exchanged
    return fitted


def _possible_gains(rows: LabelledRows, scaled: _Scaled, chosen: tuple[int, ...], constants: Array) -> Array:
    """Rao's score statistic of every feature; zero for those that say nothing new."""
    design = scaled.design(chosen)
    logits = design @ constants
    score = rows.weights * (rows.goal - rows.probability(logits))
    root = np.sqrt(np.maximum(rows.information(logits), _LEAST_INFORMATION * rows.weights))[:, None]
    known = np.linalg.qr(design * root)[0]
    weighted = scaled.values * root
    left = np.sum((weighted - known @ (known.T @ weighted)) ** 2, axis=0)
    new = left > _LEAST_LEFT * np.sum(weighted**2, axis=0)
    return np.where(new, (scaled.values.T @ score) ** 2 / np.where(new, left, 1.0), 0.0)


def _fitted(rows: LabelledRows, scaled: _Scaled, chosen: tuple[int, ...], constants: Array) -> Fitted:
    """Newton's method on the smoothed log-loss, which is convex; a step that raises it is halved."""
    design = scaled.design(chosen)
    misfit = rows.misfit(design @ constants)
    for _ in range(_ROUNDS):
        logits = design @ constants
        gradient = design.T @ (rows.weights * (rows.goal - rows.probability(logits)))
        information = np.maximum(rows.information(logits), _LEAST_INFORMATION * rows.weights)
        step = damped_step(design.T @ (design * information[:, None]), gradient, _DAMPING)
        before = misfit
        for share in (1.0, 0.5, 0.25, 0.0625):
            reached = rows.misfit(design @ (constants + share * step))
            if reached < misfit:
                constants, misfit = constants + share * step, reached
                break
        if before - misfit <= _CONVERGED * misfit:
            break
    return chosen, constants, misfit
