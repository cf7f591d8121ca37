"""The permutation test for columns: true ones are never lost, noise is (A10)."""

import numpy as np
import pytest

from kansym.structure.relevance import relevant_columns


def noisy_columns(n_rows, n_columns, seed, low=-1.0):
    return np.random.default_rng(seed).uniform(low, 1, (n_rows, n_columns))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    ("target", "true"),
    [
        (lambda x: np.exp(np.sin(np.pi * x[:, 3]) + x[:, 11] ** 2), {3, 11}),
        (lambda x: x[:, 0] + 2 * x[:, 21], {0, 21}),
        (lambda x: x[:, 5] ** 2, {5}),
    ],
    ids=["article", "line", "square"],
)
def test_twenty_columns_of_noise_are_dropped(target, true, seed):
    x = noisy_columns(1000, 22, seed)
    kept = set(relevant_columns(x, target(x), seed=seed))
    assert true <= kept
    assert len(kept - true) <= 1


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("noise", [0.01, 0.1])
def test_noise_in_the_target_loses_no_true_column(noise, seed):
    x = noisy_columns(600, 8, seed)
    y = x[:, 1] * x[:, 4] + x[:, 6]
    y = y + noise * y.std() * np.random.default_rng(seed + 100).normal(size=600)
    assert {1, 4, 6} <= set(relevant_columns(x, y, seed=seed))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "target",
    [lambda u, v: np.cos(3 * u * v), lambda u, v: u * v, lambda u, v: np.sign(u) * np.sign(v)],
    ids=["cos", "product", "exclusive or"],
)
def test_columns_that_matter_only_together_are_kept(target, seed):
    x = noisy_columns(1000, 6, seed)
    assert set(relevant_columns(x, target(x[:, 1], x[:, 4]), seed=seed)) >= {1, 4}


@pytest.mark.parametrize("n_rows", [1, 5, 29])
def test_few_rows_keep_everything(n_rows):
    x = noisy_columns(n_rows, 7, 0)
    assert relevant_columns(x, x[:, 0]) == list(range(7))


def test_a_single_column_is_kept():
    x = noisy_columns(100, 1, 0)
    assert relevant_columns(x, np.random.default_rng(1).normal(size=100)) == [0]


def test_without_evidence_no_column_is_dropped():
    x = noisy_columns(300, 5, 0)
    kept = relevant_columns(x, np.random.default_rng(7).normal(size=300))
    assert len(kept) >= 1


def test_more_columns_than_the_rows_can_bear():
    x = noisy_columns(60, 40, 1)
    kept = relevant_columns(x, 3 * x[:, 7] + x[:, 8])
    assert 7 in kept
    assert len(kept) < 15


@pytest.mark.parametrize("n_columns", [6, 40])
def test_poor_columns_do_not_break_it(n_columns):
    x = noisy_columns(200, n_columns, 2)
    x[:, 1] = 3.0  # constant
    x[:, 3] = np.arange(200) % 2  # binary
    x[:, 4] = np.round(x[:, 4])  # ties
    x[:, 5] = -1e9 * x[:, 2]  # duplicate of a column of noise
    kept = relevant_columns(x, np.exp(x[:, 0]) + x[:, 3])
    assert {0, 3} <= set(kept)
    assert 1 not in kept


def test_the_same_seed_gives_the_same_columns():
    x = noisy_columns(4000, 6, 3)  # more rows than are looked at
    y = x[:, 1] * x[:, 2] + 0.1 * np.random.default_rng(0).normal(size=4000)
    before = np.random.get_state(legacy=False)["state"]["key"].tolist()  # noqa: NPY002  (the global state is what must not change)
    assert relevant_columns(x, y, seed=5) == relevant_columns(x.copy(), y.copy(), seed=5)
    assert np.random.get_state(legacy=False)["state"]["key"].tolist() == before  # noqa: NPY002


@pytest.mark.parametrize("unit", [1e-9, 1e9])
def test_units_do_not_matter(unit):
    x = noisy_columns(500, 6, 4)
    y = np.sin(3 * x[:, 2]) + x[:, 5]
    assert relevant_columns(x * unit, y / unit) == relevant_columns(x, y)


def test_rows_without_weight_do_not_count():
    x = noisy_columns(800, 5, 5)
    y = np.where(np.arange(800) < 400, 2 * x[:, 1], 30 * x[:, 3])
    weights = np.where(np.arange(800) < 400, 1.0, 1e-9)
    kept = relevant_columns(x, y, weights)
    assert 1 in kept
    assert 3 not in kept


@pytest.mark.parametrize(("scale", "shift"), [(1.0, 0.0), (1.0, 273.15), (-1e9, 0.0)])
def test_one_of_two_equal_columns_stays(scale, shift):
    x = np.random.default_rng(0).uniform(-1, 1, (500, 4))
    x[:, 1] = scale * x[:, 0] + shift
    assert relevant_columns(x, np.exp(x[:, 0]) + x[:, 3]) == [0, 3]


@pytest.mark.parametrize("noise", [0.0, 0.01, 0.05])
def test_columns_that_act_only_together_are_seen_beside_what_others_do_together(noise):
    generator = np.random.default_rng(0)
    sides = 10.0 ** generator.uniform(-1, 1, (1000, 2))
    angles = generator.uniform(0, 2 * np.pi, (1000, 2))
    others = generator.uniform(0, 1, (1000, 4))
    cosine = np.cos(angles[:, 0] - angles[:, 1])
    law = np.sqrt(sides[:, 0] ** 2 + 2 * sides[:, 0] * sides[:, 1] * cosine + sides[:, 1] ** 2)
    target = law + noise * np.std(law) * generator.standard_normal(1000)
    assert relevant_columns(np.column_stack([others, angles, sides]), target) == [4, 5, 6, 7]


def test_the_size_of_the_target_hides_nothing():
    generator = np.random.default_rng(1)
    columns = 10.0 ** generator.uniform(-1, 1, (1000, 4))
    law = columns[:, 0] ** 2 * columns[:, 1] ** 2 / (1 - np.cos(columns[:, 2])) ** 2
    for unit in (1e-15, 1.0, 1e15):
        assert {0, 1, 2} <= set(relevant_columns(columns, unit * law))


@pytest.mark.parametrize("n_rows", [700, 1300])
@pytest.mark.parametrize(
    ("target", "true"),
    [
        (lambda x: x[:, 17] * np.exp(-x[:, 43]) + x[:, 200] * x[:, 133], {17, 43, 200, 133}),
        (lambda x: x[:, 17] + np.cos(3 * x[:, 200] * x[:, 133]), {17, 200, 133}),
        (lambda x: x[:, 200] * x[:, 133], {200, 133}),
    ],
    ids=["sum", "cosine", "product"],
)
def test_pairs_among_many_columns(target, true, n_rows):
    x = noisy_columns(n_rows, 210, 3)
    kept = set(relevant_columns(x, target(x)))
    assert true <= kept
    assert len(kept - true) <= 2
