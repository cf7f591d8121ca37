"""The toy functions of the KAN article (arXiv:2404.19756, section 3.1), for the studies that train on them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Function:
    """A function on [-1, 1]^n, with the shape of network that the article gives it."""

    name: str
    shape: tuple[int, ...]
    values: Callable[[Tensor], Tensor]

    def draw(self, rows: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Draw uniform rows (rows, n), and the values (rows, 1) on them."""
        x = 2.0 * torch.rand(rows, self.shape[0], generator=generator, dtype=torch.float64) - 1.0
        return x, self.values(x)


FUNCTIONS = (
    Function("J0(20x)", (1, 1), lambda x: torch.special.bessel_j0(20.0 * x)),
    Function("exp(sin(pi x) + y^2)", (2, 1, 1), lambda x: torch.exp(torch.sin(math.pi * x[:, :1]) + x[:, 1:] ** 2)),
    Function("x y", (2, 2, 1), lambda x: x[:, :1] * x[:, 1:]),
    Function(
        "exp((sin(pi(x1^2 + x2^2)) + sin(pi(x3^2 + x4^2)))/2)",
        (4, 4, 2, 1),
        lambda x: torch.exp(0.5 * torch.sin(math.pi * (x**2).unflatten(1, (2, 2)).sum(2)).sum(1, keepdim=True)),
    ),
    Function(
        "exp(mean sin^2(pi x_i/2)), 100 columns",
        (100, 1, 1),
        lambda x: torch.exp((torch.sin(0.5 * math.pi * x) ** 2).mean(1, keepdim=True)),
    ),
)
