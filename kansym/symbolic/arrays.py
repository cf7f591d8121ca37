"""One arithmetic for numpy's arrays and torch's tensors, so that large products may run on a device.

Functions written with it take either: what they compute stays where their arrays are, and what is sorted or returned is
fetched. On the CPU they are numpy's: with torch's a span search took an eighth to a half longer there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch

__all__ = ["beside", "blocks", "empty", "fetched", "leading", "namespace", "span_device"]

# For a dictionary of 6e6 values the ten templates take 1 to 2 s on a CPU core. Of that sorts stay there in any case,
# and a GPU needs up to a second to be ready: with fewer than some times as many it has little to win. Reasoned, not
# measured on a GPU.
_WORTH_A_GPU = 20_000_000


def span_device(device: str, n_features: int, n_rows: int) -> torch.device | None:
    """Return the device of a span search, or None where numpy does it on the CPU.

    Parameters
    ----------
    device : {"auto", "cpu", "cuda", "mps"}
        ``"auto"`` is a CUDA device where there is one and the dictionary holds at least 2e7 values. An mps device has
        no float64, and the search goes by angles of 1e-7: with ``"mps"`` it stays on the CPU.
    n_features, n_rows : int
        Size of the dictionary.

    Raises
    ------
    ParameterError
        If torch does not find the device.

    Examples
    --------
    >>> span_device("auto", n_features=30_000, n_rows=200) is None
    True
    """
    import torch

    from kansym.network import check_device

    name = check_device(device)
    pays = name == "auto" and n_features * n_rows >= _WORTH_A_GPU and torch.cuda.is_available()
    return torch.device("cuda") if pays or name == "cuda" else None


def namespace(array: Any) -> Any:
    """Return numpy for its arrays and torch for its tensors.

    Examples
    --------
    >>> namespace(np.ones(2)).__name__
    'numpy'
    """
    if isinstance(array, np.ndarray):
        return np
    import torch

    return torch


def empty(shape: tuple[int, ...], device: torch.device | None) -> Any:
    """Return an array of undefined float64: torch's on a device, numpy's where there is none.

    Examples
    --------
    >>> empty((2, 3), None).shape
    (2, 3)
    """
    if device is None:
        return np.empty(shape)
    import torch

    return torch.empty(shape, dtype=torch.float64, device=device)


def beside(array: NDArray[Any], other: Any) -> Any:
    """Return the array where the other one lives.

    Examples
    --------
    >>> beside(np.ones(2), np.zeros(3))
    array([1., 1.])
    """
    return array if isinstance(other, np.ndarray) else namespace(other).as_tensor(array, device=other.device)


def fetched(array: Any) -> NDArray[Any]:
    """Return an array or a tensor as numpy's array.

    Examples
    --------
    >>> import torch
    >>> fetched(torch.ones(2))
    array([1., 1.], dtype=float32)
    """
    return array if isinstance(array, np.ndarray) else array.cpu().numpy()


def blocks(count: int, width: int, numbers: int) -> Iterator[slice]:
    """Yield slices of ``count`` items of ``width`` numbers each: at most ``numbers`` together, one item at least.

    Examples
    --------
    >>> list(blocks(5, width=100, numbers=250))
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    step = max(1, numbers // max(width, 1))
    return (slice(start, min(start + step, count)) for start in range(0, count, step))


def leading(values: Any, count: int) -> NDArray[np.intp]:
    """Return the places of the smallest values, in order; of equal ones those that come first.

    Examples
    --------
    >>> leading(np.array([3.0, 1.0, 2.0, 1.0, 2.0]), 3)
    array([1, 3, 2])
    """
    if count >= len(values):
        return np.argsort(fetched(values), kind="stable")
    if isinstance(values, np.ndarray):
        places = np.flatnonzero(values <= np.partition(values, count - 1)[count - 1])
        return places[np.argsort(values[places], kind="stable")][:count]
    bound = values.topk(count, largest=False).values[-1]
    places = (values <= bound).nonzero()[:, 0]
    return fetched(places)[np.argsort(fetched(values[places]), kind="stable")][:count]
