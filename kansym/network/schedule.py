"""From coarse to fine: many starts on a small grid, then fewer on finer ones, until held-out rows stop gaining.

A coarse grid is quick to train and hard to trap; refining keeps the curves, so each stage starts where the last one
ended. Smoothing goes down as the grid grows: it holds the coarse stages to curves that generalise, and the fine ones
are near enough to the answer to do without.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from kansym.errors import ParameterError
from kansym.network.checks import (
    check_callable,
    check_integer,
    check_kinds,
    check_number,
    check_pair,
    check_rows,
    check_tuple,
)
from kansym.network.history import TrainingResult
from kansym.network.kan import KAN
from kansym.network.stopping import stopping
from kansym.network.training import train_restarts

__all__ = ["ScheduleResult", "Stage", "train_schedule"]

_LEAST_SMOOTHING = 1e-16
_SMOOTHING_FACTOR = 1e-2
_WORTHWHILE = 0.9  # a stage that leaves more than this share of the held-out loss gains nothing
_IDLE_STAGES = 2
_INTERPOLATED = 1e-6
_LAST_ITERATIONS = 10  # the rows that were held out move the answer a little; nothing guards against more


@dataclass(frozen=True)
class Stage:
    """What one stage of :func:`train_schedule` did.

    Parameters
    ----------
    grid_size : int
    smoothing : float
        See :func:`train`.
    results : tuple of TrainingResult
        Of the starts that came so far, the best on the held-out rows first.

    Examples
    --------
    >>> Stage(3, 1e-6, (TrainingResult(KAN((1, 1)), 0.5, (), "stopped on request"),)).best.loss
    0.5
    """

    grid_size: int
    smoothing: float
    results: tuple[TrainingResult, ...]

    @property
    def best(self) -> TrainingResult:
        """The best start on the held-out rows."""
        return self.results[0]


@dataclass(frozen=True)
class ScheduleResult:
    """The outcome of :func:`train_schedule`.

    Parameters
    ----------
    network : KAN
        That of the best stage on the held-out rows, trained on all rows in the end.
    loss : float
        Mean squared error on all rows, in y units squared.
    stages : tuple of Stage
    reason : str
        Why there was no further stage.

    Examples
    --------
    >>> ScheduleResult(KAN((1, 1)), 0.5, (), "every grid was tried").reason
    'every grid was tried'
    """

    network: KAN
    loss: float
    stages: tuple[Stage, ...]
    reason: str


def train_schedule(
    networks: Sequence[KAN],
    X: Tensor,
    y: Tensor,
    *,
    validation: tuple[Tensor, Tensor],
    grid_sizes: Sequence[int] = (3, 5, 10, 20, 50, 100),
    first_smoothing: float = 1e-6,
    max_iterations: int = 60,
    tolerance: float = 1e-3,
    domain: Tensor | None = None,
    time_limit: float | None = None,
    should_stop: Callable[[], bool] | None = None,
    on_stage: Callable[[Stage], None] | None = None,
) -> ScheduleResult:
    """Train starts of one topology by Levenberg-Marquardt on growing grids; each stage drops the worse half of them.

    Parameters
    ----------
    networks : sequence of KAN
        Starts whose grids have ``grid_sizes[0]`` intervals at most; they are not changed. Networks without a base
        function (``base_function="none"``) have nothing beside the splines to unlearn and converge fastest.
    X : Tensor of shape (n, n_in)
    y : Tensor of shape (n, n_out)
    validation : tuple of Tensor
        Held-out rows ``(X, y)``: they choose among the starts and the iterations, and end the schedule when two stages
        in a row have lowered their loss by less than a tenth, or the loss of the training rows is a millionth of
        theirs. The last training sees them too.
    grid_sizes : sequence of int
        Increasing; equal ones in a row only lower the smoothing.
    first_smoothing : float
        Smoothing of the first stage, relative to the variance of y; each stage has a hundredth of the last one's.
    max_iterations : int
        Accepted steps of each start in each stage.
    tolerance : float
        See :func:`train`.
    domain : Tensor of shape (m, n_in), optional
        Rows without targets that the grids shall span beside X: curves go on as straight lines off their grid.
    time_limit : float, optional
        Seconds of wall clock, after which the schedule ends with the best network so far.
    should_stop : callable, optional
        Asked in every iteration; True ends the schedule, too.
    on_stage : callable, optional
        Told of each stage.

    Raises
    ------
    ParameterError
        If a number is not as stated, the topologies differ, or a grid is larger than the first one asked for.
    DataError
        If shapes disagree with the networks or an entry is not finite.

    References
    ----------
    Z. Liu et al., *KAN: Kolmogorov-Arnold Networks*, arXiv:2404.19756, section 2.4 (grid extension); K. Jamieson,
    A. Talwalkar, AISTATS 2016 (halving).

    Examples
    --------
    >>> x = torch.linspace(-1, 1, 200, dtype=torch.float64).unsqueeze(-1)
    >>> y, held = torch.sin(3 * x), torch.arange(200) % 5 == 0
    >>> starts = [KAN((1, 1), grid_size=3, base_function="none", dtype=torch.float64)]
    >>> result = train_schedule(starts, x[~held], y[~held], validation=(x[held], y[held]))
    >>> result.loss < 1e-10
    True
    """
    networks = check_kinds("networks", networks, KAN)
    ending = stopping(should_stop, time_limit)
    check_callable("on_stage", on_stage)
    X = check_rows("X", X, networks[0].widths[0])
    held_out = check_pair("validation", validation)
    sizes = [check_integer("grid_sizes", size, 1) for size in check_tuple("grid_sizes", grid_sizes, "integers")]
    if not sizes or sizes != sorted(sizes):
        raise ParameterError(f"grid_sizes must hold increasing integers, such as (3, 5, 10), got {tuple(grid_sizes)}")
    check_number("first_smoothing", first_smoothing, 0.0, math.inf)
    spanned = X if domain is None else torch.cat([X, check_rows("domain", domain, X.shape[1]).to(X)])
    stages: list[Stage] = []
    present, best, idle, reason = list(networks), None, 0, "every grid was tried"
    for number, size in enumerate(sizes):
        smoothing = max(_LEAST_SMOOTHING, first_smoothing * _SMOOTHING_FACTOR**number)
        present = [_on_grid(network, size, spanned) for network in present]
        results = train_restarts(
            present,
            X,
            y,
            validation=held_out,
            smoothing=smoothing,
            max_iterations=max_iterations,
            tolerance=tolerance,
            should_stop=ending,
            anchored=number > 0,
        )
        stage = Stage(size, smoothing, tuple(sorted(results, key=_held_out_loss)))
        stages.append(stage)
        if on_stage is not None:
            on_stage(stage)
        gained = best is None or _held_out_loss(stage.best) < _WORTHWHILE * _held_out_loss(best.best)
        idle = 0 if gained else idle + 1
        best = stage if gained else best
        if ending():
            reason = "stopped on request"
            break
        if stage.best.loss < _INTERPOLATED * _held_out_loss(stage.best):
            reason = "stopped early: the training rows are interpolated, and finer grids could only do so otherwise"
            break
        if idle == _IDLE_STAGES:
            reason = "stopped early: finer grids gain nothing on the held-out rows"
            break
        present = [result.network for result in stage.results[: (len(present) + 1) // 2]]
    assert best is not None
    everything = (torch.cat([X, held_out[0].to(X)]), torch.cat([y, held_out[1].to(y)]))
    (last,) = train_restarts(
        [best.best.network],
        *everything,
        smoothing=best.smoothing,
        max_iterations=min(_LAST_ITERATIONS, max_iterations),
        tolerance=tolerance,
        should_stop=ending,
        anchored=True,
    )
    return ScheduleResult(last.network, last.loss, tuple(stages), reason)


def _on_grid(network: KAN, size: int, rows: Tensor) -> KAN:
    """Return the network on a grid of that size, laid over its present node values."""
    return network if network.layer(0).basis.grid_size == size else network.refine(size, rows).update_grids(rows)


def _held_out_loss(result: TrainingResult) -> float:
    return math.inf if result.validation_loss is None else result.validation_loss
