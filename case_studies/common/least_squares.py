"""How the studies train the MLPs that networks of splines are compared with: by the optimiser of the splines."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice, pairwise

import torch
from torch import Tensor

LEAST_DAMPING, MOST_DAMPING = 1e-15, 1e10


def levenberg_marquardt(
    theta: Tensor,
    residual: Callable[[Tensor], Tensor],
    jacobian: Callable[[Tensor], Tensor],
    should_stop: Callable[[], bool] = lambda: False,
) -> Iterator[tuple[Tensor, float]]:
    """Minimise a sum of squares by damped Gauss-Newton steps with Marquardt's scaling.

    Yields the numbers (p,) and the sum of squares after every step that lowers it, and ends where none does. The
    residual is (n,), its derivatives are (n, p).
    """
    damping, errors = 1e-3, residual(theta)
    loss = float(errors @ errors)
    while True:
        slopes = jacobian(theta)
        normal, gradient = slopes.T @ slopes, slopes.T @ errors.unsqueeze(1)
        scale = normal.diagonal().clamp(min=1e-12 * float(normal.diagonal().max()))
        moved, found = theta, math.inf
        while not found < loss:
            if damping > MOST_DAMPING or should_stop():
                return
            factor, info = torch.linalg.cholesky_ex(normal + torch.diag(damping * scale))
            if int(info) == 0:
                moved = theta - torch.cholesky_solve(gradient, factor).squeeze(1)
                errors = residual(moved)
                found = float(errors @ errors)
            damping = max(damping / 5, LEAST_DAMPING) if found < loss else 4 * damping
        theta, loss = moved, found
        yield theta, loss


def after(count: int, theta: Tensor, steps: Iterator[tuple[Tensor, float]]) -> Tensor:
    """The numbers after at most ``count`` steps that began with theta."""
    return [theta, *(moved for moved, _ in islice(steps, count))][-1]


@dataclass(frozen=True)
class Perceptron:
    """Layers of tanh nodes and a linear output, all numbers in one vector theta; its Jacobian is written out."""

    widths: tuple[int, ...]

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """Of the weights of each layer, its biases as the last column."""
        return [(fan_out, fan_in + 1) for fan_in, fan_out in pairwise(self.widths)]

    @property
    def size(self) -> int:
        """The count of numbers."""
        return sum(fan_out * columns for fan_out, columns in self.shapes)

    def start(self, generator: torch.Generator) -> Tensor:
        """Random numbers as torch draws them for linear layers: uniform, up to the root of the inputs' inverse."""
        parts = [(2 * torch.rand(*shape, generator=generator, dtype=torch.float64) - 1) for shape in self.shapes]
        return torch.cat([(part / (part.shape[1] - 1) ** 0.5).flatten() for part in parts])

    def values(self, theta: Tensor, x: Tensor) -> Tensor:
        """Outputs (n, 1)."""
        return self._activations(theta, x)[-1]

    def jacobian(self, theta: Tensor, x: Tensor) -> Tensor:
        """Derivatives of the output in all numbers, (n, size), by back-propagation of every row."""
        *inputs, outputs = self._activations(theta, x)
        slope, columns = torch.ones_like(outputs), []
        for values, layer in zip(reversed(inputs), reversed(self._layers(theta)), strict=True):
            with_bias = torch.cat([values, torch.ones_like(values[:, :1])], 1)
            columns.append((slope.unsqueeze(2) * with_bias.unsqueeze(1)).flatten(1))
            slope = slope @ layer[:, :-1] * (1 - values**2)
        return torch.cat(columns[::-1], 1)

    def steps(
        self, theta: Tensor, x: Tensor, y: Tensor, should_stop: Callable[[], bool] = lambda: False
    ) -> Iterator[tuple[Tensor, float]]:
        """Fit rows by Levenberg-Marquardt: the numbers and the mean squared error after every step."""
        root = len(x) ** 0.5
        return levenberg_marquardt(
            theta,
            lambda numbers: (self.values(numbers, x) - y).squeeze(1) / root,
            lambda numbers: self.jacobian(numbers, x) / root,
            should_stop,
        )

    def _layers(self, theta: Tensor) -> list[Tensor]:
        parts = theta.split([fan_out * columns for fan_out, columns in self.shapes])
        return [part.view(shape) for part, shape in zip(parts, self.shapes, strict=True)]

    def _activations(self, theta: Tensor, x: Tensor) -> list[Tensor]:
        """Input, hidden nodes and output, layer by layer."""
        values, last = [x], len(self.shapes) - 1
        for number, layer in enumerate(self._layers(theta)):
            sums = torch.addmm(layer[:, -1], values[-1], layer[:, :-1].T)
            values.append(sums if number == last else torch.tanh(sums))
        return values
