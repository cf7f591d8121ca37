"""Sets of features: what they leave unexplained is that of least squares, and exact ones are found among many."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kansym.symbolic.feature_sets import EXACT_ANGLE, pairs, pursue, simple_triples, triples


def directions(n_features, n_rows, seed=0):
    drawn = np.random.default_rng(seed).standard_normal((n_features, n_rows))
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


def unit(vector):
    return vector / np.linalg.norm(vector)


def least_squares(features, goal):
    rest = goal - features.T @ np.linalg.lstsq(features.T, goal, rcond=None)[0]
    return float(rest @ rest)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(4, 200), st.integers(6, 40))
def test_pairs_leave_what_least_squares_leaves(seed, n_features, n_rows):
    features, goal = directions(n_features, n_rows, seed), directions(1, n_rows, seed + 1)[0]
    found = pairs(features, goal, features @ goal)
    assert found
    for places, unexplained in found.items():
        assert unexplained == pytest.approx(least_squares(features[list(places)], goal), abs=1e-9)


@pytest.mark.parametrize("weights", [(1.0, 1.0), (1.0, -1e-3), (-2.0, 5.0)])
def test_an_exact_pair_is_found_among_a_thousand(weights):
    features = directions(1000, 40)
    goal = unit(weights[0] * features[500] + weights[1] * features[903])
    found = pairs(features, goal, features @ goal)
    exact = [places for places, unexplained in found.items() if unexplained < EXACT_ANGLE]
    assert exact == [(500, 903)]
    assert found[500, 903] < 1e-28


def test_an_exact_pair_of_nearly_parallel_features_is_found():
    features = directions(200, 40)
    features[150] = unit(features[149] + 1e-2 * features[10])
    goal = unit(1.001 * features[149] - features[150])
    found = pairs(features, goal, features @ goal)
    assert found[149, 150] < EXACT_ANGLE


def test_an_exact_triple_has_a_simple_feature():
    features = directions(500, 40)
    goal = unit(features[3] - 0.5 * features[100] + 2.0 * features[400])
    assert list(triples(features, goal, lambda: False)) == [(3, 100, 400)]
    assert triples(features, goal, lambda: True) == {}
    far = unit(features[300] - 0.5 * features[100] + 2.0 * features[400])
    assert triples(features, far, lambda: False) == {}  # none of the sixty simplest is in it


def test_features_that_are_one_explain_no_more_than_one():
    features = directions(50, 20)
    features[7] = features[6]
    goal = directions(1, 20, seed=9)[0]
    found = pairs(features, goal, features @ goal)
    one = least_squares(features[6:7], goal)
    assert found.get((6, 7), one) == pytest.approx(one, abs=1e-9)


def test_a_pursuit_finds_four_and_its_gains_are_those_of_least_squares():
    features = directions(300, 60)
    goal = unit(features[[5, 80, 160, 240]].T @ np.array([1.0, -2.0, 1.5, 0.7]))
    found = pursue(features, goal, np.ones(300), lambda: False)
    assert min(found, key=found.__getitem__) == (5, 80, 160, 240)
    for places, unexplained in found.items():
        assert unexplained == pytest.approx(least_squares(features[list(places)], goal), abs=1e-9)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.integers(3, 12), st.integers(6, 40))
def test_simple_triples_have_the_best_third_of_each_pair(seed, n_features, n_rows):
    features, goal = directions(n_features, n_rows, seed), directions(1, n_rows, seed + 1)[0]
    if n_features > 4:
        features[4] = -features[1]  # two that are one make no triple
    found = simple_triples(features, goal, features @ goal)
    assert len({places[:2] for places in found}) == len(found)
    for (i, j, k), left in found.items():
        assert not {1, 4} <= {i, j, k}
        thirds = [m for m in range(j + 1, n_features) if not {1, 4} <= {i, j, m}]
        best = min(least_squares(features[[i, j, m]], goal) for m in thirds)
        assert left == pytest.approx(best, abs=1e-9)


def test_a_sum_of_products_is_a_simple_triple_of_which_a_pursuit_sees_nothing():
    x = np.random.default_rng(0).uniform(1, 5, (6, 400))
    products = [x[i] * x[j] for i in range(6) for j in range(i)]
    sums = [x[i] + x[j] + x[k] for i in range(6) for j in range(i) for k in range(j)]
    features = np.array([unit(values) for values in (*products, *sums)])
    goal = unit(x[1] * x[0] + x[3] * x[2] + x[5] * x[4])
    best = min(found := simple_triples(features, goal, features @ goal), key=lambda places: found[places])
    assert best == (0, 5, 14)
    assert found[best] < 1e-12
