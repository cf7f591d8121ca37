"""Snapping a whole network: judged on the model, honest about what does not fit."""

import numpy as np
import pytest
import sympy
import torch

from kansym.library import Library, default_library
from kansym.network import KAN, train
from kansym.symbolic.constants import refit
from kansym.symbolic.evaluation import compile_expression
from kansym.symbolic.expression import network_expressions
from kansym.symbolic.in_context import snap_network
from kansym.symbolic.normal_form import normal_form
from kansym.symbolic.rounding import round_constants
from kansym.symbolic.rows import Rows

VARIABLES = sympy.symbols("x0 x1", real=True)


def rows_of(function, n_rows=400, seed=0):
    x = torch.tensor(np.random.default_rng(seed).uniform(-1, 1, (n_rows, 2)))
    return x, function(x[:, 0], x[:, 1]).unsqueeze(-1)


def trained(x, y, widths, grid_size=8, **options):
    generator = torch.Generator().manual_seed(0)
    network = KAN(widths, grid_size=grid_size, generator=generator, dtype=torch.float64, **options).fitted_to(x, y)
    return train(network, x, y, max_iterations=150).network


@pytest.fixture(scope="module")
def article():
    """The example of the KAN article and a network of splines fitted to it."""
    x, y = rows_of(lambda u, v: torch.exp(torch.sin(torch.pi * u) + v**2))
    return x, y, trained(x, y, (2, 1, 1))


@pytest.fixture(scope="module")
def snapped(article):
    x, y, network = article
    return snap_network(network, x, y, default_library())


def test_the_example_of_the_article_snaps_to_its_functions(article, snapped):
    x, y, _ = article
    best = snapped[0]
    assert best.splines == ()
    assert best.loss < 1e-16 * float(y.var())
    states = {index: best.network.edge_state(index) for index in best.network.edges()}
    names = {index: state.function.name for index, state in states.items() if state.function is not None}
    assert names[0, 0, 0] in ("sin", "cos")
    assert names[0, 0, 1] == "x^2"
    assert names[1, 0, 0] == "exp"
    rows = Rows.from_arrays(x.numpy(), y[:, 0].numpy())
    (formula,) = network_expressions(best.network, rows.variables)
    exact = round_constants(refit(normal_form(formula), rows), rows)
    a, b = rows.variables
    assert sympy.simplify(exact.expression - sympy.exp(sympy.sin(sympy.pi * a) + b**2)) == 0


def test_the_loss_is_that_of_the_network_and_of_its_formula(article, snapped):
    x, y, _ = article
    for outcome in snapped:
        predicted = outcome.network.evaluate(x)
        assert float(((predicted - y) ** 2).mean()) == pytest.approx(outcome.loss, rel=1e-6, abs=1e-24)
    (formula,) = network_expressions(snapped[0].network, VARIABLES)
    computed = compile_expression(formula, VARIABLES)(x.numpy())
    np.testing.assert_allclose(computed, snapped[0].network.evaluate(x)[:, 0].numpy(), rtol=1e-9, atol=1e-12)


def test_the_given_network_is_left_alone(article):
    x, y, network = article
    before = network.to_state()[1]
    snap_network(network, x[:60], y[:60], Library(["x", "x^2"]), candidates=2, beam_width=1)
    after = network.to_state()[1]
    assert all(np.array_equal(before[name], after[name]) for name in before)


def test_the_best_comes_first_and_no_more_than_the_beam():
    x, y = rows_of(lambda u, v: torch.sin(2 * u) + 0.3 * v + 0.05 * torch.sin(9 * u * v))
    network = trained(x, y, (2, 1), grid_size=5)
    outcomes = snap_network(network, x, y, default_library(), beam_width=2, candidates=3)
    assert 1 <= len(outcomes) <= 2
    ranks = [(len(outcome.splines), outcome.bits) for outcome in outcomes]
    assert ranks == sorted(ranks)


def test_an_edge_that_fits_nothing_stays_a_spline_and_is_named():
    x, y = rows_of(lambda u, v: torch.sin(4 * u) + 2 * v)
    network = trained(x, y, (2, 1))
    best = snap_network(network, x, y, Library(["x"]))[0]
    assert best.splines == ((0, 0, 0),)
    assert best.network.edge_state((0, 0, 0)).kind == "spline"
    state = best.network.edge_state((0, 0, 1))
    assert state.function is not None
    assert state.function.name == "x"
    assert best.loss < 1e-3 * float(y.var())


def test_product_nodes_are_snapped():
    x, y = rows_of(lambda u, v: torch.sin(2 * u) * torch.exp(v))
    generator = torch.Generator().manual_seed(0)
    network = KAN((2, 1), product_nodes=(1,), grid_size=8, generator=generator, dtype=torch.float64).fitted_to(x, y)
    # Less its mean the target is no product any more.
    network = network.with_scaling(network.input_shift, network.input_scale, 0.0, network.output_scale)
    network = train(network, x, y, max_iterations=150).network
    best = snap_network(network, x, y, default_library())[0]
    assert best.splines == ()
    assert best.loss < 1e-14 * float(y.var())


def test_a_symbolic_network_stays_as_it_is():
    x, y = rows_of(lambda u, v: u + v**2)
    library = Library(["x", "x^2"])
    network = KAN((2, 1), dtype=torch.float64).snap((0, 0, 0), library["x"]).snap((0, 0, 1), library["x^2"])
    best = snap_network(network, x, y, library)[0]
    assert best.splines == ()
    assert best.loss < 1e-20
    assert [best.network.edge_state(index).kind for index in best.network.edges()] == ["symbolic"] * 2


def test_a_stop_leaves_splines():
    x, y = rows_of(lambda u, v: torch.sin(4 * u) + 2 * v + 0.1 * torch.sin(9 * u * v))
    network = trained(x, y, (2, 1), grid_size=5)
    best = snap_network(network, x, y, default_library(), should_stop=lambda: True)[0]
    assert set(best.splines) == {(0, 0, 0), (0, 0, 1)}


def test_weights_decide_which_rows_count():
    x, y = rows_of(lambda u, v: u**2 + 2 * v)
    spoiled = y.clone()
    spoiled[:40] += 30.0
    weights = torch.ones(len(y), dtype=torch.float64)
    weights[:40] = 0.0
    network = trained(x, y, (2, 1))
    best = snap_network(network, x, spoiled, default_library(), sample_weight=weights)[0]
    assert best.splines == ()
    (formula,) = network_expressions(best.network, VARIABLES)
    np.testing.assert_allclose(compile_expression(formula, VARIABLES)(x.numpy()), y[:, 0].numpy(), atol=1e-6)
