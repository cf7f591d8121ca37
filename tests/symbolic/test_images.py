"""Images of features: unit vectors in the complement of what is free, the simplest of those that are equal."""

import numpy as np
import pytest
import sympy
import torch

from kansym.symbolic.arrays import fetched
from kansym.symbolic.enumeration import enumerate_features
from kansym.symbolic.images import images_of

SYMBOLS = sympy.symbols("a b", real=True)
COLUMNS = np.random.default_rng(0).uniform(-1.0, 2.0, (80, 2))
WEIGHTS = np.random.default_rng(1).uniform(0.5, 1.0, 80)
EVERY = np.ones(80, dtype=bool)
DEVICES = [None, torch.device("cpu")]


@pytest.fixture(scope="module")
def dictionary():
    return enumerate_features(COLUMNS, SYMBOLS, size=400)


def free_set(logarithmic, good=EVERY):
    free = np.column_stack([np.ones(80), *(np.log(np.abs(COLUMNS.T)) if logarithmic else [])])[good]
    return np.linalg.qr(free * WEIGHTS[good, None])[0]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("logarithmic", [False, True])
def test_images_are_unit_vectors_beside_what_is_free(dictionary, logarithmic, device):
    basis = free_set(logarithmic)
    images = images_of(dictionary, EVERY, WEIGHTS, basis, logarithmic=logarithmic, device=device)
    directions = fetched(images.directions)
    assert len(images) == len(directions) > 100
    np.testing.assert_allclose((directions**2).sum(axis=1), 1.0, rtol=1e-12)
    assert np.abs(directions @ basis).max() < 1e-8
    assert np.all(np.diff(images.costs) >= 0)
    parallel = np.abs(directions @ directions.T) - np.eye(len(directions))
    # Equal images are told by eight digits of two marks, which rounding may carry over the edge of a digit.
    assert np.count_nonzero(np.triu(parallel) > 1 - 1e-15) <= len(images) // 200
    for place in range(0, len(images), 37):
        ((index, logarithm),) = images.features([place])
        values = dictionary.values[index]
        values = WEIGHTS * (np.log(np.abs(values)) if logarithm else values)
        values = values - basis @ (basis.T @ values)
        np.testing.assert_allclose(directions[place], values / np.linalg.norm(values), atol=1e-9)


@pytest.mark.parametrize("device", DEVICES)
def test_logarithms_of_zero_are_no_images(dictionary, device):
    columns = COLUMNS.copy()
    columns[3, 0] = 0.0
    zero = enumerate_features(columns, SYMBOLS, size=100)
    images = images_of(zero, EVERY, WEIGHTS, free_set(False), logarithmic=True, device=device)
    used = set(images.index[images.logarithm].tolist())
    assert used
    assert not used & set(np.flatnonzero((zero.values == 0).any(axis=1)).tolist())
    assert np.isfinite(fetched(images.directions)).all()


@pytest.mark.parametrize("device", DEVICES)
def test_only_good_rows_count(dictionary, device):
    good = np.arange(80) % 5 > 0
    images = images_of(dictionary, good, WEIGHTS[good], free_set(False, good), logarithmic=False, device=device)
    few = enumerate_features(COLUMNS, SYMBOLS, size=400)
    few.values = few.values[:, good]
    expected = images_of(few, good[good], WEIGHTS[good], free_set(False, good), logarithmic=False)
    assert images.index.tolist() == expected.index.tolist()
    np.testing.assert_allclose(fetched(images.directions), expected.directions, atol=1e-12)


@pytest.mark.parametrize("logarithmic", [False, True])
def test_an_empty_dictionary_has_no_images(logarithmic):
    empty = enumerate_features(np.ones((80, 2)), SYMBOLS, size=50)
    images = images_of(empty, EVERY, WEIGHTS, free_set(False), logarithmic=logarithmic)
    assert len(images) == 0
    assert images.directions.shape == (0, 80)
