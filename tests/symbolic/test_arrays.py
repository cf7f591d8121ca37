"""Arrays and tensors: the same places from both, blocks that cover, and devices that are taken where they pay."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kansym.errors import ParameterError
from kansym.symbolic.arrays import beside, blocks, empty, fetched, leading, namespace, span_device


@given(st.lists(st.sampled_from([-np.inf, -1.5, 0.0, 2.0, 3.0, np.inf]), min_size=1, max_size=40), st.integers(1, 50))
def test_leading_is_the_head_of_a_stable_sort(values, count):
    array = np.array(values)
    expected = np.argsort(array, kind="stable")[:count].tolist()
    assert leading(array, count).tolist() == expected
    assert leading(torch.tensor(values, dtype=torch.float64), count).tolist() == expected


@given(st.integers(0, 300), st.integers(0, 50), st.integers(1, 400))
def test_blocks_cover_everything_once_and_are_bounded(count, width, numbers):
    slices = list(blocks(count, width, numbers))
    assert [i for block in slices for i in range(count)[block]] == list(range(count))
    assert all(block.stop - block.start == 1 or (block.stop - block.start) * width <= numbers for block in slices)


@pytest.mark.parametrize("device", [None, torch.device("cpu"), torch.device("meta")])
def test_arrays_go_where_others_are(device):
    there = empty((3, 2), device)
    assert namespace(there) is (np if device is None else torch)
    moved = beside(np.arange(3), there)
    assert type(moved) is type(there)
    if device is not None:
        assert there.dtype == torch.float64
        assert moved.device == device


def test_what_is_fetched_is_numpy_s():
    for array in (np.arange(3), torch.arange(3)):
        assert isinstance(fetched(array), np.ndarray)
        assert fetched(array).tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("device", "n_features", "there", "expected"),
    [
        ("auto", 30_000, True, None),
        ("auto", 100_000, True, "cuda"),
        ("auto", 10**6, False, None),
        ("cpu", 10**6, True, None),
        ("cuda", 10, True, "cuda"),
        ("mps", 10**6, True, None),
    ],
)
def test_a_device_is_taken_where_it_pays_and_has_float64(monkeypatch, device, n_features, there, expected):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: there)
    found = span_device(device, n_features, 200)
    assert found is None if expected is None else found == torch.device(expected)


def test_a_device_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ParameterError, match="device must be one that torch finds, got 'cuda'"):
        span_device("cuda", 10, 10)
