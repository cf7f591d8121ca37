"""Levenberg-Marquardt and Gauss-Newton on all free numbers of a network, from an exact Jacobian summed over rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass

import torch
from torch import Tensor

from kansym.network.jacobian import forward_record, jacobian
from kansym.network.kan import KAN
from kansym.network.objective import Objective, places_of
from kansym.network.parameters import NO_PARAMETERS, FreeParameters
from kansym.network.records import EdgeIndex

__all__ = ["NormalEquations", "minimise"]

FIRST_DAMPING = 1e-3
FIRST_GROWTH = 4.0
LEAST_DAMPING = 1e-14
GREATEST_DAMPING = 1e12
NO_STEP = "converged: no step decreases the loss"
_SLOW_STEPS = 3


def rounding_level(y: Tensor) -> float:
    """Loss below which only rounding is left of targets ``y``.

    Examples
    --------
    >>> rounding_level(torch.ones(3, 1)) < 1e-29
    True
    """
    return (8.0 * torch.finfo(torch.float64).eps) ** 2 * float(y.square().mean())


def convergence(loss: float, rounding: float, slow_steps: int) -> str | None:
    """Return why a descent has converged at a loss after so many steps in a row below the tolerance, or None.

    Examples
    --------
    >>> convergence(0.1, rounding=0.0, slow_steps=3)
    'converged: the loss decreases by less than the tolerance'
    """
    if loss <= rounding:
        return "converged: the loss is at rounding level"
    return "converged: the loss decreases by less than the tolerance" if slow_steps >= _SLOW_STEPS else None


@dataclass(frozen=True)
class NormalEquations:
    """Quadratic model of the objective around the present numbers θ: ``value + 2·gᵀδ + δᵀAδ``.

    Parameters
    ----------
    matrix : Tensor of shape (count, count)
        A = JᵀWJ + penalty forms.
    gradient : Tensor of shape (count,)
        g = JᵀWr + penalty forms times θ.
    value : float
        Loss plus quadratic penalties at θ.

    Examples
    --------
    >>> NormalEquations(torch.eye(1), torch.ones(1), 1.0).step(damping=0.0)
    tensor([-1.])
    """

    matrix: Tensor
    gradient: Tensor
    value: float

    def step(self, damping: float) -> Tensor | None:
        """Return the step of (D⁻¹AD⁻¹ + damping)·Dδ = −D⁻¹g with Marquardt's D² = diag A; None if not definite.

        References
        ----------
        D. W. Marquardt, J. SIAM 11 (1963) 431, eqs. (26)-(30).
        """
        diagonal = self.matrix.diagonal()
        scale = diagonal.clamp(min=float(diagonal.max()) * 1e-20 or 1.0).sqrt()
        scaled = self.matrix / scale / scale.unsqueeze(-1)
        scaled.diagonal().add_(damping)
        factor, info = torch.linalg.cholesky_ex(scaled)
        if int(info) != 0:
            return None
        return -torch.cholesky_solve((self.gradient / scale).unsqueeze(-1), factor).squeeze(-1) / scale

    def decrease(self, step: Tensor) -> float:
        """Decrease of the quadratic model along a step."""
        return -float(2.0 * self.gradient @ step + step @ self.matrix @ step)


def minimise(
    network: KAN,
    objective: Objective,
    tolerance: float,
    report: Callable[[float, float], str | None],
    should_stop: Callable[[], bool] = lambda: False,
    fixed: Collection[EdgeIndex] = (),
    damped: bool = True,
) -> str:
    """Improve a float64 network in place until it stops; return the reason.

    Parameters
    ----------
    network : KAN
        Owned by the caller and changed in place.
    objective : Objective
        What to minimise, float64.
    tolerance : float
        Stop when three steps in a row decrease the objective by less than this share.
    report : callable
        ``report(loss, damping)`` after every accepted step; text that it returns ends the training and is the reason.
    should_stop : callable
        Asked after every rejected step and every chunk of rows.
    fixed : collection of EdgeIndex
        Edges whose numbers stay as they are.
    damped : bool
        A step that does not decrease the objective is tried again with more damping; if False, which is the method of
        Gauss and Newton, with half its length.

    Examples
    --------
    >>> network, x = KAN((1, 1), dtype=torch.float64), torch.linspace(-1, 1, 99, dtype=torch.float64).unsqueeze(-1)
    >>> minimise(network, Objective.of(x, x**2, None), 1e-9, lambda loss, damping: None)
    'converged: the loss is at rounding level'
    """
    parameters = FreeParameters.of(network, fixed)
    if parameters.count == 0:
        return NO_PARAMETERS
    rounding = rounding_level(objective.y)
    accumulate = _Accumulator(network, objective, parameters, should_stop)
    damping, growth, slow, length = FIRST_DAMPING if damped else LEAST_DAMPING, FIRST_GROWTH, 0, 1.0
    theta = parameters.read()
    equations = accumulate()
    if equations is not None and not math.isfinite(equations.value):
        return "failed: the loss is not finite at the start"
    while equations is not None:
        step = equations.step(damping)
        step = None if step is None else length * step
        promised = 0.0 if step is None else equations.decrease(step)
        loss, value = (math.nan, math.nan) if step is None else accumulate.objective_at(theta + step)
        gained = equations.value - value
        if step is None or not gained > 0.0:  # so for NaN: a step out of the domain of a function is rejected
            parameters.write(theta)
            if damped or step is None:
                damping, growth = damping * growth, 2.0 * growth
            else:
                length *= 0.5
            if damping > GREATEST_DAMPING or (step is not None and promised <= 1e-15 * equations.value):
                return NO_STEP
            if should_stop():
                return "stopped on request"
            continue
        theta, length = theta + step, 1.0
        slow = slow + 1 if gained <= tolerance * equations.value else 0
        damping, growth = max(LEAST_DAMPING, damping * (0.1 if gained > 0.5 * promised else 0.5)), FIRST_GROWTH
        stop = report(loss, damping) or convergence(loss, rounding, slow)
        if stop is not None:
            return stop
        equations = accumulate()
    return "stopped on request"


class _Accumulator:
    """Builds the normal equations at the present numbers, chunk by chunk, so that only JᵀJ is kept."""

    def __init__(
        self, network: KAN, objective: Objective, parameters: FreeParameters, should_stop: Callable[[], bool]
    ) -> None:
        self.network, self.objective, self.parameters = network, objective, parameters
        self.should_stop = should_stop
        n_features = max(layer.n_features for layer in parameters.layers)
        per_row = parameters.count * network.widths[-1] + sum(network.widths) * n_features
        self.chunks = list(objective.chunks(per_row))
        self.first_features: Tensor | None = None
        self.forms: list[Tensor] = []

    @torch.no_grad()
    def __call__(self) -> NormalEquations | None:
        """Return the equations, or None if there was no time to sum over all rows."""
        count = self.parameters.count
        matrix = self.objective.y.new_zeros(count, count)
        gradient, value = self.objective.y.new_zeros(count), 0.0
        for rows in self.chunks:
            if rows.start > 0 and self.should_stop():
                return None
            record = forward_record(self.network, self.objective.x[rows], self.first_features)
            if len(self.chunks) == 1:
                self.first_features = record.features[0]
            root = (self.objective.weight[rows] / record.outputs.shape[1]).sqrt().unsqueeze(-1)
            residual = ((record.outputs - self.objective.y[rows]) * root).flatten()
            slopes = (jacobian(self.network, record, self.parameters) * root.unsqueeze(-1)).flatten(0, 1)
            matrix.addmm_(slopes.T, slopes)
            gradient.addmv_(slopes.T, residual)
            value += float(residual @ residual)
        theta = self.parameters.read()
        self.forms = self.objective.quadratic(self.network, self.parameters)
        for place, form in zip(self.parameters.layers, self.forms, strict=True):
            if len(form):
                span = places_of(place)
                edges = torch.arange(len(form), device=form.device)
                blocks = matrix[span, span].view(len(form), place.n_features, len(form), place.n_features)
                blocks[edges, :, edges] += form
                gradient[span] += torch.einsum("mkl,ml->mk", form, theta[span].view(form.shape[:2])).flatten()
        return NormalEquations(matrix, gradient, value + self.penalty(theta))

    def objective_at(self, theta: Tensor) -> tuple[float, float]:
        """Loss, and loss with penalties, at other numbers, which stay written in the network."""
        self.parameters.write(theta)
        loss = self.objective.loss(self.network, self.first_features)
        return loss, loss + self.penalty(theta)

    def penalty(self, theta: Tensor) -> float:
        """Sum of the quadratic penalties at other numbers, with the forms of the last call."""
        total = 0.0
        for place, form in zip(self.parameters.layers, self.forms, strict=True):
            weights = theta[places_of(place)].view(form.shape[:2])
            total += float(torch.einsum("mk,mkl,ml->", weights, form, weights))
        return total
