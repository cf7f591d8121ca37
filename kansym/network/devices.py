"""Where networks are trained: on the CPU, or on a GPU where that pays."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from kansym.errors import ParameterError
from kansym.network.checks import check_choice, check_kind, check_table
from kansym.network.history import TrainingResult
from kansym.network.kan import KAN
from kansym.network.stopping import stopping
from kansym.network.training import train

__all__ = ["DEVICES", "check_device", "choose_device", "train_on"]

DEVICES = ("auto", "cpu", "cuda", "mps")

# A step costs 2·rows·numbers² operations for JᵀJ: at this many some 0.1 s on a CPU core. A GPU spends some milliseconds
# a step on its hundred launches alone, so that below it has little to win. Reasoned, not measured on a GPU.
_WORTH_A_GPU = 2e9


def check_device(device: object) -> str:
    """Return the name of a device, or raise ``ParameterError`` if torch does not find it.

    Examples
    --------
    >>> check_device("cpu")
    'cpu'
    """
    name = check_choice("device", device, DEVICES)
    there = {"cuda": torch.cuda.is_available, "mps": torch.backends.mps.is_available}
    if name in there and not there[name]():
        raise ParameterError(f"device must be one that torch finds, got {name!r}, which is not; use 'auto' or 'cpu'")
    return name


def choose_device(device: str, n_rows: int, n_parameters: int) -> torch.device:
    """Return the device of a training; ``"auto"`` is a CUDA device where there is one and the problem is worth it.

    Parameters
    ----------
    device : {"auto", "cpu", "cuda", "mps"}
    n_rows, n_parameters : int
        Size of the Jacobian; 2·rows·numbers² >= 2e9 is worth a GPU. ``"auto"`` never takes mps, which has no float64.

    Raises
    ------
    ParameterError
        If torch does not find the device.

    Examples
    --------
    >>> choose_device("auto", n_rows=2000, n_parameters=200)
    device(type='cpu')
    """
    name = check_device(device)
    if name != "auto":
        return torch.device(name)
    pays = 2.0 * n_rows * float(n_parameters) ** 2 >= _WORTH_A_GPU
    return torch.device("cuda" if pays and torch.cuda.is_available() else "cpu")


def train_on(device: str, network: KAN, X: Tensor, y: Tensor, **options: Any) -> TrainingResult:
    """Train a network as :func:`train` does, on a device, and return it on the CPU.

    An mps device has no float64: there L-BFGS goes first, in float32, and Levenberg-Marquardt follows on the CPU.

    Parameters
    ----------
    device : {"auto", "cpu", "cuda", "mps"}
        See :func:`choose_device`.
    network, X, y, **options
        See :func:`train`.

    Examples
    --------
    >>> x = torch.linspace(-1, 1, 99).unsqueeze(-1)
    >>> train_on("auto", KAN((1, 1)), x, x**2).network.layer(0).coef.device
    device(type='cpu')
    """
    check_kind("network", network, KAN)
    check_table("X", X, network.widths[0])
    place = choose_device(device, len(X), network.n_parameters)
    if place.type == "cpu":
        return train(network, X, y, **options)
    if place.type == "mps":
        # One limit for both.
        options["should_stop"] = stopping(options.pop("should_stop", None), options.pop("time_limit", None))
        rough = train(network.copy().float().to(place), X.float(), y.float(), **{**options, "method": "lbfgs"})
        return train(rough.network.cpu().to(network.input_shift.dtype), X, y, **options)
    result = train(network.copy().to(place), X, y, **options)
    return TrainingResult(result.network.cpu(), result.loss, result.history, result.reason)
