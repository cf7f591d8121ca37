"""Laws in which every column appears once: the tree is found, and its curves are those of the law."""

import numpy as np
import pytest

from kansym.structure.read_once import read_once, two_blocks
from kansym.structure.trees import Node, trees

A, B, C = 0, 1, 2
LAWS = {
    "sum": (lambda x, y: np.exp(-0.7 * x) + np.sin(3 * y), Node(False, (A, B))),
    "product of both signs": (lambda x, y: np.exp(-0.7 * x) * np.sin(3 * y), Node(True, (A, B))),
    "product and a constant": (lambda x, y: 2 + x * np.sin(3 * y), Node(True, (A, B), constant=True)),
    "product and a curve": (lambda x, y, z: x * np.exp(-y) + z**2, Node(False, (Node(True, (A, B)), C))),
    "product with a sum": (lambda x, y, z: np.cos(z) * (x**2 + np.exp(-y)), Node(True, (Node(False, (A, B)), C))),
    "product of three": (lambda x, y, z: (1 + x) * np.exp(-y) * np.sin(2 * z), Node(True, (A, B, C))),
}


def draw(law, n_rows=600, noise=0.0, seed=0):
    generator = np.random.default_rng(seed)
    function, tree = LAWS[law]
    columns = generator.uniform(0.1, 2.5, (n_rows, function.__code__.co_argcount))
    target = function(*columns.T)
    return columns, target + noise * np.sqrt(np.mean(target**2)) * generator.normal(size=n_rows), tree


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_the_tree_of_a_law_is_found(law, noise):
    columns, target, tree = draw(law, noise=noise)
    best = read_once(columns, target)[0]
    assert best.tree == tree
    assert best.unexplained < (1e-5 if noise == 0 else 2e-3)


def test_the_curves_of_a_product_are_those_of_the_law_up_to_a_factor():
    columns, target, _ = draw("product of both signs")
    curves = read_once(columns, target)[0].curves
    for curve, law in zip(curves.T, (np.exp(-0.7 * columns[:, 0]), np.sin(3 * columns[:, 1])), strict=True):
        assert abs(np.corrcoef(curve, law)[0, 1]) > 1 - 1e-6
        factor = curve @ law / (law @ law)
        assert np.allclose(curve, factor * law, atol=3e-3 * abs(factor))


def test_the_slopes_are_the_derivatives_in_the_curves():
    generator = np.random.default_rng(0)
    tree = Node(False, (Node(True, (0, 1)), Node(True, (2, Node(False, (3, 4))))))
    leaves = [generator.normal(size=5) for _ in range(5)]
    value, slopes = tree.combine(leaves)
    step = 1e-6
    for k, slope in enumerate(slopes):
        moved = [leaf + step * (k == at) for at, leaf in enumerate(leaves)]
        assert np.allclose((tree.combine(moved)[0] - value) / step, slope, atol=1e-5)


@pytest.mark.parametrize(("n_columns", "number"), [(2, 2), (3, 8), (4, 52)])
def test_the_trees_without_constants_are_the_series_parallel_networks(n_columns, number):
    plain = [tree for tree in trees(n_columns) if not tree.constant]
    assert len(plain) == len(set(plain)) == number


def test_a_law_that_is_no_such_tree_is_not_explained():
    generator = np.random.default_rng(1)
    columns = generator.uniform(-2, 2, (600, 2))
    assert read_once(columns, np.sin(3 * columns[:, 0] * columns[:, 1]))[0].unexplained > 0.1


def test_weights_count():
    columns, target, tree = draw("product of both signs")
    spoilt, weights = target.copy(), np.ones(len(target))
    spoilt[::2] += 5.0 * columns[::2, 0] * columns[::2, 1]
    weights[::2] = 1e-9
    best = read_once(columns, spoilt, weights)[0]
    assert best.tree == tree
    assert best.unexplained < 1e-4


@pytest.mark.parametrize("shape", [(600, 1), (600, 5), (20, 2), (0, 2)])
def test_other_numbers_of_columns_and_too_few_rows_have_none(shape):
    assert read_once(np.random.default_rng(0).normal(size=shape), np.zeros(shape[0])) == ()


def test_it_stops_when_it_is_told_to():
    columns, target, _ = draw("sum")
    assert read_once(columns, target, should_stop=lambda: True) == ()


def test_constant_columns_and_targets_do_not_break_it():
    columns, target, _ = draw("product and a curve")
    columns[:, 1] = 1.0
    assert all(np.all(np.isfinite(model.curves)) for model in read_once(columns, target))
    assert read_once(columns, np.ones(len(target))) == ()


def test_a_law_of_two_blocks_falls_apart_where_it_does():
    generator = np.random.default_rng(0)
    columns = generator.uniform(0.3, 2.0, (600, 4))
    a, b, c, d = columns.T
    for law, is_product in ((np.sqrt(a * d + 1) + b**2 / (b + c), False), (np.sqrt(a * d + 1) * (b + c**2), True)):
        best = two_blocks(columns, law)[0]
        assert best.groups == ((0, 3), (1, 2))
        assert best.tree.is_product == is_product
        assert best.unexplained < 1e-6


@pytest.mark.parametrize("n_columns", [2, 7])
def test_two_columns_are_no_two_blocks_and_many_are_too_many(n_columns):
    assert two_blocks(np.random.default_rng(0).normal(size=(600, n_columns)), np.zeros(600)) == ()
