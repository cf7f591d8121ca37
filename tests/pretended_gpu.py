"""A pytest plugin: a device that is none, so that the tests marked ``gpu`` run without a GPU.

    python -m pytest -m gpu -p tests.pretended_gpu

Its tensors hold their numbers on the CPU and claim to live elsewhere; as on a GPU, an operation on tensors of both
places is an error, and so is a look at the numbers without ``.cpu()``. What it cannot show is what CUDA's kernels do:
their speed, their rounding, and the order in which they end. It stands behind torch's interface for devices of other
makers, which a process keeps to its end: for processes of their own.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing
from torch.utils._pytree import tree_leaves, tree_map
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

NAME = "pretended"
PLACE = torch.device("cpu")
aten = torch.ops.aten

# CUDA takes the tensors of a CPU in these: copies between devices, and indices.
MIXED = {aten.copy_, aten._to_copy, aten.index, aten.index_put, aten.index_put_}


class PretendedTensor(Tensor):
    """A tensor that says it lives on the device, with its numbers in ``here``."""

    here: Tensor

    @staticmethod
    def __new__(cls, here: Tensor) -> PretendedTensor:
        made = Tensor._make_wrapper_subclass(
            cls,
            here.shape,
            strides=here.stride(),
            storage_offset=here.storage_offset(),
            dtype=here.dtype,
            device=torch.device(NAME, 0),
        )
        made.here = here
        return made

    def __repr__(self, *, tensor_contents: Any = None) -> str:
        return f"{self.here!r} on {NAME}"

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return on_the_device(func, args, kwargs or {})


def on_the_device(func: Any, args: Any, kwargs: Any) -> Any:
    """Run an operation on the CPU; its result lives where the arguments do, or where it is sent."""
    tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
    there = [tensor for tensor in tensors if isinstance(tensor, PretendedTensor)]
    packet = func._overloadpacket
    if there and packet not in MIXED and any(t.ndim and not isinstance(t, PretendedTensor) for t in tensors):
        raise RuntimeError(f"Expected all tensors to be on the same device, but {func} was given some of each")
    sent = kwargs.get("device")
    if sent is not None:
        kwargs = {**kwargs, "device": PLACE}
    plain = tree_map(lambda one: one.here if isinstance(one, PretendedTensor) else one, (args, kwargs))
    found = func(*plain[0], **plain[1])
    if packet is aten.copy_:
        lives_there = isinstance(args[0], PretendedTensor)
    else:
        lives_there = bool(there) if sent is None else torch.device(sent).type == NAME
    if not lives_there:
        return found
    found = tree_map(lambda one: PretendedTensor(one) if isinstance(one, Tensor) else one, found)
    return return_and_correct_aliasing(func, args, kwargs, found) if there else found


class Factories(TorchDispatchMode):
    """Tensors made on the device, which no tensor among the arguments tells of."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return on_the_device(func, args, kwargs or {})


class NamedCuda(TorchFunctionMode):
    """The device under the name of CUDA."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is Tensor.cuda:
            return args[0].to(torch.device(NAME, 0))
        if func == Tensor.is_cuda.__get__:  # type: ignore[attr-defined]
            return isinstance(args[0], PretendedTensor)
        if func is Tensor.tolist:
            return args[0].detach().cpu().tolist()
        if func in (torch.tensor, torch.as_tensor) and (kwargs or {}).get("device") is not None:
            made = func(*args, **{**kwargs, "device": PLACE})
            return made.to(renamed(kwargs["device"]))
        if func in (Tensor.__getitem__, Tensor.__setitem__) and isinstance(args[1], list):
            args = (args[0], torch.tensor(args[1], device=PLACE), *args[2:])
        return func(*tree_map(renamed, args), **tree_map(renamed, kwargs or {}))


def renamed(value: Any) -> Any:
    """Return the device for CUDA's name."""
    is_device = isinstance(value, torch.device) or (isinstance(value, str) and value == "cuda")
    return torch.device(NAME, 0) if is_device and torch.device(value).type == "cuda" else value


def pytest_configure(config: pytest.Config) -> None:
    """Register the device before any test asks whether there is one."""
    _setup_privateuseone_for_python_backend(NAME)
    torch.cuda.is_available = lambda: True


@pytest.fixture(autouse=True)
def the_device():
    """Let every test see the device."""
    with Factories(), NamedCuda():
        yield
