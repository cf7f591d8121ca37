from __future__ import annotations

import random

import numpy as np
import pytest
import torch

from kansym.comparison.methods.global_state import seeded


def state():
    kind, keys, *place = np.random.get_state()  # noqa: NPY002
    return (
        random.getstate(),
        kind,
        np.asarray(keys).tolist(),
        place,
        torch.get_rng_state().tolist(),
        torch.get_default_dtype(),
    )


def draw():
    return random.random(), float(np.random.random()), float(torch.rand(1))  # noqa: NPY002


def test_seeded_draws_repeat_and_leave_no_trace():
    before = state()
    with seeded(7, dtype=torch.float64):
        first = draw()
        assert torch.get_default_dtype() == torch.float64
    with seeded(7):
        assert torch.get_default_dtype() == torch.float32
        second = draw()
    with seeded(8):
        other = draw()
    assert state() == before
    assert first[:2] == second[:2]
    assert all(a != b for a, b in zip(second, other, strict=True))


def test_the_state_comes_back_after_an_error():
    before = state()

    def fail():
        with seeded(2**40, dtype=torch.float64):
            draw()
            raise RuntimeError("the rival crashed")

    with pytest.raises(RuntimeError, match="the rival crashed"):
        fail()
    assert state() == before
