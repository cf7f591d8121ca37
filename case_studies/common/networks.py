"""MLPs and sizes of networks, as several studies need them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import nn


def drawn(layer: nn.Linear | nn.Conv2d, generator: torch.Generator) -> nn.Module:
    """Draw torch's usual initial weights from the generator: uniform, up to the root of the inputs' inverse."""
    bound = 1 / math.sqrt(layer.weight[0].numel())
    for parameter in layer.parameters():
        nn.init.uniform_(parameter, -bound, bound, generator=generator)
    return layer


def mlp(
    widths: Sequence[int],
    generator: torch.Generator,
    activation: type[nn.Module] = nn.Tanh,
    dtype: torch.dtype = torch.float64,
) -> nn.Module:
    """An MLP of these widths, inputs and outputs included, that is linear in its last hidden nodes."""
    layers = [
        layer
        for n_in, n_out in pairwise(widths)
        for layer in (drawn(nn.Linear(n_in, n_out, dtype=dtype), generator), activation())
    ]
    return nn.Sequential(*layers[:-1])


def free(network: nn.Module) -> dict[str, nn.Parameter]:
    """The parameters that an output depends on: all but those that lie ready in KAN layers for symbolic edges."""
    return {name: parameter for name, parameter in network.named_parameters() if not name.endswith("affine")}


def size(network: nn.Module) -> int:
    """The number of free parameters."""
    return sum(parameter.numel() for parameter in free(network).values())
