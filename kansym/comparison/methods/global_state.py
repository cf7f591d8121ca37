"""Global state that some rivals can only be steered by, set for the time of a fit and put back."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

__all__ = ["seeded"]


@contextmanager
def seeded(seed: int, *, dtype: Any = None) -> Iterator[None]:
    """Seed the global generators of random, numpy and torch, and set torch's default dtype if one is given.

    Runs of a comparison have a process of their own, where none of this matters. Whoever calls an adapter directly gets
    the state back as it was.

    Examples
    --------
    >>> import random
    >>> with seeded(0):
    ...     first = random.random()
    >>> with seeded(0):
    ...     first == random.random()
    True
    """
    import torch

    before = random.getstate(), np.random.get_state(), torch.get_rng_state(), torch.get_default_dtype()  # noqa: NPY002
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002  (the generator that the rivals draw from)
    torch.manual_seed(seed)
    if dtype is not None:
        torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])  # noqa: NPY002
        torch.set_rng_state(before[2])
        torch.set_default_dtype(before[3])
