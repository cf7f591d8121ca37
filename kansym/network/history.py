"""What a training leaves beside its network: the iterations, the reason for the end, and which state was best."""

from __future__ import annotations

import math
from dataclasses import dataclass

from kansym.network.kan import KAN

__all__ = ["History", "TrainingResult", "TrainingStep"]

_PATIENCE = 25


@dataclass(frozen=True)
class TrainingStep:
    """One iteration of training.

    Parameters
    ----------
    iteration : int
        Number from 0, which is the state before training.
    loss : float
        Weighted mean squared error on the training rows, in y units squared.
    validation_loss : float or None
        Mean squared error on the validation rows.
    damping : float or None
        Damping of Levenberg-Marquardt after the step.

    Examples
    --------
    >>> TrainingStep(0, 1.0).validation_loss is None
    True
    """

    iteration: int
    loss: float
    validation_loss: float | None = None
    damping: float | None = None


@dataclass(frozen=True)
class TrainingResult:
    """The outcome of :func:`train`.

    Parameters
    ----------
    network : KAN
        The best state: by validation loss if there are validation rows, else the last accepted one.
    loss : float
        Its weighted mean squared error on the training rows, in y units squared.
    history : tuple of TrainingStep
        Every iteration.
    reason : str
        Why training ended.

    Examples
    --------
    >>> TrainingResult(KAN((1, 1)), 0.5, (), "stopped on request").reason
    'stopped on request'
    """

    network: KAN
    loss: float
    history: tuple[TrainingStep, ...]
    reason: str

    @property
    def validation_loss(self) -> float | None:
        """The lowest mean squared error on the validation rows, that of the network."""
        losses = [step.validation_loss for step in self.history if step.validation_loss is not None]
        return min((loss for loss in losses if math.isfinite(loss)), default=math.inf) if losses else None


class History:
    """The iterations of one training as they come, and which of them was best.

    Parameters
    ----------
    max_iterations : int
        Accepted steps after which the training ends.

    Examples
    --------
    >>> history = History(max_iterations=1)
    >>> history.add(2.0), history.ending(), history.add(1.0), history.ending()
    (True, None, True, 'reached max_iterations')
    """

    def __init__(self, max_iterations: int) -> None:
        self.max_iterations = max_iterations
        self.steps: list[TrainingStep] = []
        self.best_loss, self.best_iteration = math.inf, 0

    def add(self, loss: float, validation_loss: float | None = None, damping: float | None = None) -> bool:
        """Take an iteration; return whether it is the best: without validation rows every step that is finite.

        Penalties may raise the loss, so that the last accepted state need not have the lowest one.
        """
        iteration = len(self.steps)
        self.steps.append(TrainingStep(iteration, loss, validation_loss, damping))
        better = math.isfinite(loss) and (validation_loss is None or validation_loss < self.best_loss)
        if better:
            self.best_loss, self.best_iteration = loss if validation_loss is None else validation_loss, iteration
        return better

    def ending(self) -> str | None:
        """Return why the training is over, or None."""
        iteration = len(self.steps) - 1
        if iteration >= self.max_iterations:
            return "reached max_iterations"
        if iteration - self.best_iteration >= _PATIENCE:
            return "stopped early: the validation loss has its minimum behind it"
        return None
