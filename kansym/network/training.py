"""Training: from a network and rows to a better network, with its history and the reason why it ended."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Collection
from dataclasses import dataclass

import torch
from torch import Tensor

from kansym.errors import DataError, ParameterError
from kansym.network import first_order, levenberg_marquardt
from kansym.network.checks import check_choice, check_integer, check_number
from kansym.network.kan import KAN
from kansym.network.objective import Objective
from kansym.network.records import EdgeIndex

__all__ = ["TrainingResult", "TrainingStep", "train"]

METHODS = ("levenberg-marquardt", "lbfgs", "adam")
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


def train(
    network: KAN,
    X: Tensor,
    y: Tensor,
    *,
    sample_weight: Tensor | None = None,
    method: str = "levenberg-marquardt",
    max_iterations: int = 100,
    sparsity: float = 0.0,
    smoothing: float = 1e-10,
    validation: tuple[Tensor, Tensor] | None = None,
    tolerance: float = 1e-6,
    fixed: Collection[EdgeIndex] = (),
    should_stop: Callable[[], bool] | None = None,
    generator: torch.Generator | None = None,
) -> TrainingResult:
    """Fit a network to rows by least squares and return the fitted copy.

    Parameters
    ----------
    network : KAN
        Where to start; it is not changed.
    X : Tensor of shape (n, n_in)
        Inputs, in the user's units.
    y : Tensor of shape (n, n_out)
        Targets.
    sample_weight : Tensor of shape (n,), optional
        Non-negative weights of the rows, of any sum.
    method : {"levenberg-marquardt", "lbfgs", "adam"}
        Levenberg-Marquardt computes in float64 whatever the network's type; "adam" draws minibatches of 1024 rows.
    max_iterations : int
        Accepted steps, >= 0; for "adam" passes over the rows.
    sparsity : float
        Weight of the group penalty ``Σ RMS(edge curve − its mean)`` over spline edges, relative to the variance of y.
    smoothing : float
        Weight of the squared second differences of spline coefficients, relative to the variance of y.
    validation : tuple of Tensor, optional
        ``(X, y)`` by which the best state is chosen; training ends 25 iterations after it.
    tolerance : float
        Levenberg-Marquardt ends when three steps in a row decrease the objective by less than this share.
    fixed : collection of EdgeIndex
        Edges whose numbers stay as they are; for Levenberg-Marquardt only.
    should_stop : callable, optional
        Asked after each iteration; True ends the training.
    generator : torch.Generator, optional
        Order of the minibatches of "adam".

    Returns
    -------
    TrainingResult
        With the same dtype and device as ``network``.

    Raises
    ------
    DataError
        If shapes disagree with the network or an entry is not finite.
    ParameterError
        If a number or the method is not as stated.

    References
    ----------
    K. Levenberg, Q. Appl. Math. 2 (1944) 164; D. W. Marquardt, J. SIAM 11 (1963) 431; J. J. Moré, *The
    Levenberg-Marquardt algorithm*, 1978.

    Examples
    --------
    >>> x = torch.linspace(-1, 1, 200).unsqueeze(-1)
    >>> result = train(KAN((1, 1)), x, torch.sin(3 * x))
    >>> result.loss < 1e-5
    True
    """
    check_choice("method", method, METHODS)
    check_integer("max_iterations", max_iterations, 0)
    check_number("tolerance", tolerance, 0.0, 1.0)
    check_number("sparsity", sparsity, 0.0, math.inf)
    check_number("smoothing", smoothing, 0.0, math.inf)
    if fixed and method != "levenberg-marquardt":
        raise ParameterError(f"fixed edges must be trained around by 'levenberg-marquardt', got method={method!r}")
    dtype = network.layer(0).coef.dtype
    computing = torch.float64 if method == "levenberg-marquardt" else dtype
    objective = _objective(network, X, y, sample_weight, computing, sparsity, smoothing)
    checked = None if validation is None else _objective(network, *validation, None, computing)
    working = copy.deepcopy(network).to(computing)
    stopping = (lambda: False) if should_stop is None else should_stop
    watch = _Watch(working, checked, max_iterations, stopping)
    watch(objective.loss(working))
    if max_iterations == 0:
        reason = "reached max_iterations"
    elif method == "levenberg-marquardt":
        reason = levenberg_marquardt.minimise(working, objective, tolerance, watch, stopping, fixed)
    elif method == "lbfgs":
        reason = first_order.minimise_lbfgs(working, objective, tolerance, watch)
    else:
        reason = first_order.minimise_adam(working, objective, watch, generator)
    best = watch.best()
    loss = objective.loss(best)
    return TrainingResult(best.to(dtype), loss, tuple(watch.history), reason)


def _objective(
    network: KAN,
    X: Tensor,
    y: Tensor,
    sample_weight: Tensor | None,
    dtype: torch.dtype,
    sparsity: float = 0.0,
    smoothing: float = 0.0,
) -> Objective:
    """Rows as an objective of the computing type, their columns checked against the network."""
    for name, table, columns in (("X", X, network.widths[0]), ("y", y, network.widths[-1])):
        if not isinstance(table, Tensor) or table.ndim != 2 or table.shape[1] != columns:
            received = tuple(table.shape) if isinstance(table, Tensor) else type(table).__name__
            raise DataError(f"{name} must be a tensor of shape (n, {columns}), got {received}")
    return Objective.of(X.to(dtype), y.to(dtype), sample_weight, sparsity, smoothing)


class _Watch:
    """Keeps the history and the best state, and says when to end."""

    def __init__(
        self, network: KAN, validation: Objective | None, max_iterations: int, should_stop: Callable[[], bool]
    ) -> None:
        self.network, self.validation = network, validation
        self.max_iterations, self.should_stop = max_iterations, should_stop
        self.history: list[TrainingStep] = []
        self.best_loss, self.best_iteration = math.inf, 0
        self.best_state = copy.deepcopy(network.state_dict())

    def __call__(self, loss: float, damping: float | None = None) -> str | None:
        iteration = len(self.history)
        judged = validation_loss = None
        if self.validation is not None:
            judged = validation_loss = self.validation.loss(self.network)
        self.history.append(TrainingStep(iteration, loss, validation_loss, damping))
        # Without validation rows every accepted step is the best, the last included: penalties may raise the loss.
        if math.isfinite(loss) and (judged is None or judged < self.best_loss):
            self.best_loss, self.best_iteration = loss if judged is None else judged, iteration
            if judged is not None:
                self.best_state = copy.deepcopy(self.network.state_dict())
        if self.should_stop():
            return "stopped on request"
        if iteration >= self.max_iterations:
            return "reached max_iterations"
        if iteration - self.best_iteration >= _PATIENCE:
            return "stopped early: the validation loss has its minimum behind it"
        return None

    def best(self) -> KAN:
        """Return the network in its best state."""
        if self.validation is not None:
            self.network.load_state_dict(self.best_state)
        return self.network
