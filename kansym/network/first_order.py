"""L-BFGS and Adam: for networks or data on which a Jacobian is too large."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from kansym.network.checks import local_generator
from kansym.network.kan import KAN
from kansym.network.objective import Objective
from kansym.network.parameters import NO_PARAMETERS, FreeParameters

__all__ = ["minimise_adam", "minimise_lbfgs"]

_BATCH = 1024
_LEARNING_RATE = 1e-2
_HISTORY = 20
_SLOW_STEPS = 5


def minimise_lbfgs(network: KAN, objective: Objective, tolerance: float, report: Callable[[float], str | None]) -> str:
    """Improve a network in place by L-BFGS with a strong Wolfe line search; return the reason why it ended.

    Parameters
    ----------
    network : KAN
        Owned by the caller and changed in place.
    objective : Objective
        What to minimise.
    tolerance : float
        Stop when five iterations in a row decrease the objective by less than this share.
    report : callable
        ``report(loss)`` after every iteration; text that it returns ends the training.

    References
    ----------
    J. Nocedal, S. Wright, *Numerical Optimization*, 2nd ed. 2006, algorithms 7.5, 3.5.

    Examples
    --------
    >>> x = torch.linspace(-1, 1, 50).unsqueeze(-1)
    >>> minimise_lbfgs(KAN((1, 1)), Objective.of(x, x, None), 1e-9, lambda loss: "enough")
    'enough'
    """
    if not _trainable(network):
        return NO_PARAMETERS
    parameters = FreeParameters.of(network)
    optimiser = _new_lbfgs(network)

    def closure() -> float:
        optimiser.zero_grad()
        total = _total(network, objective, parameters, slice(None))
        total.backward()
        return float(total.detach())

    previous, slow = math.inf, 0
    while True:
        before = parameters.read()
        value = float(optimiser.step(closure))  # of the numbers before this step
        loss = objective.loss(network)
        if not math.isfinite(loss):
            parameters.write(before)
            return "failed: a step left the domain of a function"
        stop = report(loss)
        if stop is not None:
            return stop
        slow = slow + 1 if previous - value <= tolerance * value else 0
        if slow >= _SLOW_STEPS:
            return "converged: the loss decreases by less than the tolerance"
        if slow:  # torch's line search may end at step 0 and would then stay there; a fresh memory frees it
            optimiser = _new_lbfgs(network)
        previous = value


def _new_lbfgs(network: KAN) -> torch.optim.LBFGS:
    return torch.optim.LBFGS(_trainable(network), max_iter=1, history_size=_HISTORY, line_search_fn="strong_wolfe")


def minimise_adam(
    network: KAN,
    objective: Objective,
    report: Callable[[float], str | None],
    generator: torch.Generator | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> str:
    """Improve a network in place by Adam on minibatches, one report a pass; return the reason why it ended.

    Parameters
    ----------
    network : KAN
        Owned by the caller and changed in place.
    objective : Objective
        What to minimise.
    report : callable
        ``report(loss)`` after every pass; text that it returns ends the training.
    generator : torch.Generator, optional
        Order of the rows; by default one with torch's seed.
    should_stop : callable
        Asked after every batch; True ends the pass.

    References
    ----------
    D. Kingma, J. Ba, arXiv:1412.6980, algorithm 1.

    Examples
    --------
    >>> x = torch.linspace(-1, 1, 50).unsqueeze(-1)
    >>> minimise_adam(KAN((1, 1)), Objective.of(x, x, None), lambda loss: "enough")
    'enough'
    """
    if not _trainable(network):
        return NO_PARAMETERS
    parameters, generator = FreeParameters.of(network), local_generator(generator)
    optimiser = torch.optim.Adam(_trainable(network), lr=_LEARNING_RATE)
    while True:
        before = parameters.read()
        order = torch.randperm(len(objective.x), generator=generator, device=generator.device).to(objective.x.device)
        for rows in order.split(_BATCH):
            optimiser.zero_grad()
            _total(network, objective, parameters, rows).backward()
            optimiser.step()
            if should_stop():
                break
        loss = objective.loss(network)
        if not math.isfinite(loss):
            parameters.write(before)
            return "failed: a step left the domain of a function"
        stop = report(loss)
        if stop is not None:
            return stop


def _trainable(network: KAN) -> list[torch.nn.Parameter]:
    return [parameter for parameter in network.parameters() if parameter.requires_grad]


def _total(network: KAN, objective: Objective, parameters: FreeParameters, rows: slice | Tensor) -> Tensor:
    """Loss on some rows, scaled as if they were all, plus penalties, in units of the variance of y."""
    weight = objective.weight[rows]
    error = (network(objective.x[rows]) - objective.y[rows]).square().mean(1)
    loss = (weight @ error) / weight.sum().clamp(min=torch.finfo(weight.dtype).tiny)
    return (loss + objective.penalty(network, parameters)) / objective.scale
