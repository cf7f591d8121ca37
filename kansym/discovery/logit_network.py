"""The spline network of a logit: trained on labels by Fisher scoring, pruned by the log-loss of held-out rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kansym.discovery.budget import Budget
from kansym.discovery.networks import NetworkSettings
from kansym.network import KAN, train_on
from kansym.network.pruning import Elimination
from kansym.network.surgery import compacted
from kansym.symbolic.labels import LabelledRows

__all__ = ["LogitStations", "build_logit_network", "logits_of"]

_LARGEST_SAMPLE = 2000
_HELD_SHARE = 0.25
_FEWEST_FOR_HELD = 40
_FEWEST_FOR_HIDDEN = 100
_MOST_PARAMETERS_PER_ROW = 0.5
_MOST_PARAMETERS = 600
_AUTO_WIDTH = 5
# From stiff to soft curves, each the start of the next.
_SMOOTHINGS = (1.0, 0.1, 1e-2, 1e-3, 1e-4)
_CLEARLY_WORSE = 1.02
_STIFF = 0.1
_ROUNDS, _PRUNING_ROUNDS = 10, 4
_ITERATIONS = 2
_PATIENCE = 2
# Rows that are all but certain count as if they were not quite: a larger Hessian than the true one keeps steps short.
_LEAST_INFORMATION = 0.02
_PRUNING_NATS = 0.25
_CLEARLY_BETTER = 0.98


@dataclass(frozen=True)
class LogitStations:
    """A network before and after pruning.

    Attributes
    ----------
    network, pruned : KAN
        Of one output, the logit without the offset of the rows.
    loss : float
        Mean log-loss of the pruned network on all rows, in nats.
    """

    network: KAN
    pruned: KAN
    loss: float


def logits_of(network: KAN, rows: LabelledRows) -> NDArray[np.float64]:
    """The network's output on the rows (n_rows,), without their offset."""
    return network.evaluate(torch.tensor(rows.columns)).numpy()[:, 0]


def build_logit_network(
    rows: LabelledRows, settings: NetworkSettings, seed: int, budget: Budget
) -> LogitStations:
    """Train networks of rising freedom, keep the one that predicts held-out labels best, prune it.

    Without hidden nodes the logit is a sum of curves, whose fit is convex (Hastie & Tibshirani 1986, "Generalized
    additive models", Statist. Sci. 1). With ``hidden_widths="auto"`` five hidden nodes are taken where they predict
    held-out labels clearly better.

    Parameters
    ----------
    rows : LabelledRows
    settings : NetworkSettings
    seed : int
    budget : Budget
        Each network trained is a step.
    """
    generator = np.random.default_rng(seed)
    device = "cpu" if settings.device == "auto" else settings.device  # it is small
    sample = rows.sample(_LARGEST_SAMPLE, generator)
    held = generator.permutation(len(sample)) < _HELD_SHARE * len(sample)
    if len(sample) < _FEWEST_FOR_HELD:
        used = judged = sample
        smoothings: tuple[float, ...] = (_STIFF,)
    else:
        used, judged = sample.take(np.flatnonzero(~held)), sample.take(np.flatnonzero(held))
        smoothings = _SMOOTHINGS
    best: tuple[float, KAN, float] | None = None
    for widths in _choices_of_widths(settings, used):
        network, lowest = _start(used, widths, settings, seed), np.inf
        for smoothing in smoothings:
            network, loss = _scored(network, used, judged, smoothing, _ROUNDS, budget, device)
            if best is None or loss < best[0] * (_CLEARLY_BETTER if len(widths) else 1.0):
                best = loss, network, smoothing
            lowest = min(lowest, loss)
            if budget.exhausted() or loss > _CLEARLY_WORSE * lowest:
                break
        if budget.exhausted():
            break
    assert best is not None
    loss, network, smoothing = best
    pruned = _pruned(network, used, judged, smoothing, loss, budget, device)
    if used is not sample and not budget.exhausted():
        network, pruned = (
            _scored(one, sample, sample, smoothing, _ROUNDS, budget, device)[0] for one in (network, pruned)
        )
    return LogitStations(network, pruned, rows.loss(logits_of(pruned, rows)))


def _choices_of_widths(settings: NetworkSettings, rows: LabelledRows) -> list[tuple[int, ...]]:
    if not isinstance(settings.hidden_widths, str):
        return [tuple(settings.hidden_widths)]
    parameters = _AUTO_WIDTH * (rows.n_variables + 1) * (settings.grid_size + settings.spline_order + 1)
    few = parameters <= min(_MOST_PARAMETERS, _MOST_PARAMETERS_PER_ROW * len(rows))
    return [(), (_AUTO_WIDTH,)] if rows.n_variables > 1 and len(rows) >= _FEWEST_FOR_HIDDEN and few else [()]


def _start(rows: LabelledRows, widths: tuple[int, ...], settings: NetworkSettings, seed: int) -> KAN:
    network = KAN(
        (rows.n_variables, *widths, 1),
        basis=settings.basis,
        grid_size=settings.grid_size,
        spline_order=settings.spline_order,
        generator=torch.Generator().manual_seed(seed),
        dtype=torch.float64,
    )
    X, response, _ = _working_rows(rows, np.full(len(rows), rows.mean))
    return network.fitted_to(X, response)


def _working_rows(rows: LabelledRows, logits: NDArray[np.float64]) -> tuple[Tensor, Tensor, Tensor]:
    """Columns, working response and weights of one step of Fisher scoring (McCullagh & Nelder 1989, section 2.5)."""
    p = rows.probability(logits)
    information = np.maximum(p * (1.0 - p), _LEAST_INFORMATION)
    response = logits + (rows.goal - p) / information
    arrays = (rows.columns, response[:, None], rows.weights * information)
    X, y, weights = (torch.tensor(array) for array in arrays)
    return X, y, weights


def _scored(
    network: KAN,
    used: LabelledRows,
    judged: LabelledRows,
    smoothing: float,
    rounds: int,
    budget: Budget,
    device: str,
) -> tuple[KAN, float]:
    """Fisher scoring: each round a least-squares fit to the working response; the state that judges best is kept."""
    budget.spend()
    best, loss, waited = network, judged.misfit(logits_of(network, judged)), 0
    for _ in range(rounds):
        X, response, weights = _working_rows(used, logits_of(network, used))
        network = train_on(
            device,
            network,
            X,
            response,
            sample_weight=weights,
            max_iterations=_ITERATIONS,
            smoothing=smoothing,
            should_stop=budget.exhausted,
        ).network
        reached = judged.misfit(logits_of(network, judged))
        waited = 0 if reached < loss * (1.0 - 1e-3) else waited + 1
        if reached < loss:
            best, loss = network, reached
        if waited >= _PATIENCE or budget.exhausted():
            break
    return best, loss


def _pruned(
    network: KAN,
    used: LabelledRows,
    judged: LabelledRows,
    smoothing: float,
    loss: float,
    budget: Budget,
    device: str,
) -> KAN:
    """Backward elimination; all removals together may cost a quarter of a nat of the held-out labels."""
    lowest = loss

    def refit(smaller: KAN, limit: float) -> tuple[KAN, float]:
        return _scored(smaller, used, judged, smoothing, _PRUNING_ROUNDS, budget, device)

    def limit(before: float) -> float:
        nonlocal lowest
        lowest = min(lowest, before)
        return lowest + _PRUNING_NATS / len(judged)

    trials = Elimination(torch.tensor(used.columns), refit, limit, budget.exhausted)
    current, _ = compacted(network.copy())
    while (accepted := trials.first_accepted(current, loss)) is not None:
        current, _, loss = accepted
    return current
