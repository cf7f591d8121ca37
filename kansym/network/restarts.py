"""Levenberg-Marquardt and Gauss-Newton on several starts at once: one batched Jacobian and one Cholesky a step.

Networks of a few hundred numbers cost more in calls than in arithmetic, so that many together take little longer than
one. Every start has its own damping and ends by itself; the numbers are those of training each alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from kansym.network.history import History, TrainingResult
from kansym.network.kan import KAN
from kansym.network.levenberg_marquardt import (
    FIRST_DAMPING,
    FIRST_GROWTH,
    GREATEST_DAMPING,
    LEAST_DAMPING,
    NO_STEP,
    convergence,
    rounding_level,
)
from kansym.network.network_stack import NetworkStack
from kansym.network.objective import Objective, places_of
from kansym.network.parameters import FreeParameters

__all__ = ["minimise_together"]


@dataclass(frozen=True)
class _Equations:
    """Quadratic models of the objectives of several networks: see :class:`NormalEquations`."""

    matrix: Tensor  # (count, p, p)
    gradient: Tensor  # (count, p)
    value: Tensor  # (count,)

    def steps(self, damping: Tensor) -> tuple[Tensor, Tensor]:
        """Steps (count, p) at each network's damping, and which of them exist."""
        diagonal = self.matrix.diagonal(dim1=1, dim2=2)
        scale = torch.maximum(diagonal, diagonal.amax(1, keepdim=True) * 1e-20).sqrt()
        scale = torch.where(scale > 0, scale, 1.0)
        scaled = self.matrix / scale.unsqueeze(1) / scale.unsqueeze(2)
        scaled.diagonal(dim1=1, dim2=2).add_(damping.unsqueeze(1))
        factors, info = torch.linalg.cholesky_ex(scaled)
        exists = info == 0
        # Where a factorisation failed its entries are arbitrary: the identity stands in, and the step is not used.
        factors[~exists] = torch.eye(scale.shape[1], dtype=scale.dtype, device=scale.device)
        return -torch.cholesky_solve((self.gradient / scale).unsqueeze(2), factors).squeeze(2) / scale, exists

    def decrease(self, steps: Tensor) -> Tensor:
        """Decrease of the quadratic models along the steps."""
        return -(2.0 * self.gradient * steps).sum(1) - torch.einsum("rp,rpq,rq->r", steps, self.matrix, steps)

    def of(self, places: Tensor) -> _Equations:
        """Return the equations of some networks."""
        return _Equations(self.matrix[places], self.gradient[places], self.value[places])

    def put(self, places: Tensor, other: _Equations) -> None:
        """Replace the equations of some networks."""
        self.matrix[places], self.gradient[places], self.value[places] = other.matrix, other.gradient, other.value


class _Stopped(Exception):
    """There is no time for the rest of the rows."""


class _Problem:
    """Loss and normal equations of several networks on the same rows."""

    def __init__(
        self, networks: Sequence[KAN], objective: Objective, anchored: bool, should_stop: Callable[[], bool]
    ) -> None:
        self.objective, self.should_stop = objective, should_stop
        self.stack = NetworkStack.of(networks)
        self.parameters = [FreeParameters.of(network) for network in networks]
        self.theta = torch.stack([parameters.read() for parameters in self.parameters])
        self.anchor = self.theta.clone() if anchored else torch.zeros_like(self.theta)
        pairs = zip(networks, self.parameters, strict=True)
        forms = [objective.quadratic(network, parameters) for network, parameters in pairs]
        self.forms = [torch.stack(layer) for layer in zip(*forms, strict=True)]
        self.places = self.parameters[0].layers
        self.per_row = self.theta.shape[1] * networks[0].widths[-1] * 2

    def equations(self, theta: Tensor, members: Tensor) -> _Equations:
        """Normal equations of some networks at flat vectors (k, p), summed over chunks of rows.

        Raises ``_Stopped`` where there is no time for all of them, as :meth:`losses` does.
        """
        stack, objective = self.stack.select(members), self.objective
        count, size = theta.shape
        matrix, gradient, value = theta.new_zeros(count, size, size), torch.zeros_like(theta), theta.new_zeros(count)
        for rows in objective.chunks(self.per_row * count):
            self._ask(rows)
            outputs, slopes = stack.outputs_and_jacobian(theta, objective.x[rows])
            root = (objective.weight[rows] / outputs.shape[2]).sqrt().unsqueeze(-1)
            residual = ((outputs - objective.y[rows]) * root).flatten(1)
            slopes = (slopes * root.unsqueeze(-1)).flatten(1, 2)
            matrix.baddbmm_(slopes.mT, slopes)
            gradient.add_(torch.einsum("rnp,rn->rp", slopes, residual))
            value.add_(residual.square().sum(1))
        for place, form in zip(self.places, self.forms, strict=True):
            span, form = places_of(place), form[members]
            edges = torch.arange(form.shape[1], device=form.device)
            blocks = matrix[:, span, span].unflatten(2, form.shape[1:3]).unflatten(1, form.shape[1:3])
            blocks[:, edges, :, edges] += form.transpose(0, 1)
            matrix[:, span, span] = blocks.flatten(3).flatten(1, 2)
            weights = (theta - self.anchor[members])[:, span].unflatten(1, form.shape[1:3])
            gradient[:, span] += torch.einsum("rmkl,rml->rmk", form, weights).flatten(1)
        return _Equations(matrix, gradient, value + self.penalty(theta, members))

    def losses(self, theta: Tensor, members: Tensor) -> Tensor:
        """Weighted mean squared errors (k,) at flat vectors (k, p)."""
        return mean_squared_errors(self.stack.select(members), theta, self.objective, self._ask)

    def _ask(self, rows: slice) -> None:
        if rows.start > 0 and self.should_stop():
            raise _Stopped

    def penalty(self, theta: Tensor, members: Tensor) -> Tensor:
        """Quadratic penalties (k,)."""
        total = theta.new_zeros(len(theta))
        for place, form in zip(self.places, self.forms, strict=True):
            weights = (theta - self.anchor[members])[:, places_of(place)].unflatten(1, form.shape[1:3])
            total = total + torch.einsum("rmk,rmkl,rml->r", weights, form[members], weights)
        return total


def mean_squared_errors(
    stack: NetworkStack, theta: Tensor, objective: Objective, ask: Callable[[slice], None] = lambda rows: None
) -> Tensor:
    """Weighted mean squared errors (count,) of stacked networks, in y units squared; ``ask`` is told of each chunk."""
    total = theta.new_zeros(len(theta))
    widest = max(layer.first.in_features * layer.n_features for layer in stack.layers)
    for rows in objective.chunks(2 * widest * len(theta)):
        ask(rows)
        errors = (stack.outputs(theta, objective.x[rows]) - objective.y[rows]).square().mean(2)
        total += errors @ objective.weight[rows]
    return total


class _Descent:
    """The state of a descent: everything has the networks as its first dimension."""

    def __init__(
        self,
        problem: _Problem,
        validation: Objective | None,
        tolerance: float,
        histories: Sequence[History],
        damped: bool,
    ) -> None:
        self.problem, self.validation = problem, validation
        self.tolerance, self.histories, self.damped = tolerance, histories, damped
        self.reasons: list[str | None] = [None] * len(histories)
        self.theta, self.best = problem.theta, problem.theta.clone()
        self.damping = self.theta.new_full((len(histories),), FIRST_DAMPING if damped else LEAST_DAMPING)
        self.growth, self.slow = torch.full_like(self.damping, FIRST_GROWTH), torch.zeros_like(self.damping)
        self.length = torch.ones_like(self.damping)
        self.rounding = rounding_level(problem.objective.y)
        everyone = torch.arange(len(histories), device=self.theta.device)
        self.losses = mean_squared_errors(problem.stack, self.theta, problem.objective)  # an answer, whatever the time
        self.record(everyone, self.losses.clone())

    def begin(self) -> None:
        """Make the first equations."""
        everyone = torch.arange(len(self.histories), device=self.theta.device)
        self.equations = self.problem.equations(self.theta, everyone)
        for member, value in enumerate(self.equations.value.tolist()):
            if not math.isfinite(value):
                self.reasons[member] = "failed: the loss is not finite at the start"

    def alive(self) -> Tensor:
        """Places of the networks that still descend."""
        members = [member for member, reason in enumerate(self.reasons) if reason is None]
        return torch.tensor(members, dtype=torch.long, device=self.theta.device)

    def record(self, members: Tensor, losses: Tensor) -> None:
        """Take the present states of some networks into their histories."""
        judged: list[float | None] = [None] * len(members)
        if self.validation is not None:
            stack = self.problem.stack.select(members)
            judged = [*mean_squared_errors(stack, self.theta[members], self.validation).tolist()]
        for member, loss, checked in zip(members.tolist(), losses.tolist(), judged, strict=True):
            history = self.histories[member]
            if history.add(loss, checked, float(self.damping[member]) if history.steps else None):
                self.best[member], self.losses[member] = self.theta[member], loss
            self.reasons[member] = history.ending()

    def advance(self, members: Tensor) -> None:
        """Try one step of each of some networks."""
        equations = self.equations.of(members)
        steps, exists = equations.steps(self.damping[members])
        steps = steps * self.length[members].unsqueeze(1)
        promised = equations.decrease(steps)
        trial = self.theta[members] + steps
        losses = self.problem.losses(trial, members)
        gained = equations.value - (losses + self.problem.penalty(trial, members))
        accepted = exists & (gained > 0.0)  # not so for NaN: a step out of the domain of a function is rejected
        hopeless = exists & (promised <= 1e-15 * equations.value)
        self._reject(members[~accepted], exists[~accepted], hopeless[~accepted])
        moved = members[accepted]
        if len(moved):
            self.theta[moved] = trial[accepted]
            faster = torch.where(gained > 0.5 * promised, 0.1, 0.5)[accepted]
            self.damping[moved] = (self.damping[moved] * faster).clamp(min=LEAST_DAMPING)
            self.growth[moved], self.length[moved] = FIRST_GROWTH, 1.0
            little = (gained <= self.tolerance * equations.value)[accepted]
            self.slow[moved] = torch.where(little, self.slow[moved] + 1, 0.0)
            self._accept(moved, losses[accepted])

    def _reject(self, members: Tensor, exists: Tensor, hopeless: Tensor) -> None:
        shorter = members[exists & (not self.damped)]
        self.length[shorter] *= 0.5
        heavier = members[~exists | self.damped]
        self.damping[heavier] *= self.growth[heavier]
        self.growth[heavier] *= 2.0
        for member, last in zip(members.tolist(), hopeless.tolist(), strict=True):
            if last or float(self.damping[member]) > GREATEST_DAMPING:
                self.reasons[member] = NO_STEP

    def _accept(self, moved: Tensor, losses: Tensor) -> None:
        self.record(moved, losses)
        for member, loss in zip(moved.tolist(), losses.tolist(), strict=True):
            self.reasons[member] = self.reasons[member] or convergence(loss, self.rounding, int(self.slow[member]))
        going = moved[[self.reasons[member] is None for member in moved.tolist()]]
        if len(going):
            self.equations.put(going, self.problem.equations(self.theta[going], going))


@torch.no_grad()
def minimise_together(
    networks: Sequence[KAN],
    objective: Objective,
    validation: Objective | None,
    tolerance: float,
    max_iterations: int,
    should_stop: Callable[[], bool] = lambda: False,
    anchored: bool = False,
    damped: bool = True,
) -> list[TrainingResult]:
    """Improve float64 networks of one topology in place and return their best states with their histories.

    Parameters
    ----------
    networks : sequence of KAN
        Owned by the caller and changed in place.
    objective, validation : Objective
        What to minimise, without sparsity, and by what the best states are chosen.
    tolerance, max_iterations, should_stop
        As for one network, see :func:`kansym.network.train`.
    anchored : bool
        Smooth what is added to the curves of the starts, not the curves.
    damped : bool
        As for one network, see :func:`kansym.network.levenberg_marquardt.minimise`.

    Examples
    --------
    >>> x = torch.linspace(-1, 1, 99, dtype=torch.float64).unsqueeze(-1)
    >>> networks = [KAN((1, 1), dtype=torch.float64), KAN((1, 1), dtype=torch.float64)]
    >>> [result.reason for result in minimise_together(networks, Objective.of(x, x**2, None), None, 1e-9, 50)]
    ['converged: the loss is at rounding level', 'converged: the loss is at rounding level']
    """
    problem = _Problem(networks, objective, anchored, should_stop)
    descent = _Descent(problem, validation, tolerance, [History(max_iterations) for _ in networks], damped)
    try:
        descent.begin()
        while len(alive := descent.alive()):
            if should_stop():
                raise _Stopped
            descent.advance(alive)
    except _Stopped:
        descent.reasons = [reason or "stopped on request" for reason in descent.reasons]
    losses, results = descent.losses.tolist(), []
    for member, (network, parameters) in enumerate(zip(networks, problem.parameters, strict=True)):
        parameters.write(descent.best[member])
        history, reason = tuple(descent.histories[member].steps), str(descent.reasons[member])
        results.append(TrainingResult(network, losses[member], history, reason))
    return results
