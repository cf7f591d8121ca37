"""The spline network that stands for a symbolic one."""

import numpy as np
import pytest
import sympy
import torch

from kansym.discovery.networks import splines_of
from kansym.library import default_library
from kansym.symbolic.evaluation import compile_expression
from kansym.symbolic.rows import Rows
from kansym.symbolic.topology import network_of

A, B = sympy.symbols("a b", real=True)
LAWS = {
    "a pole beside the rows": 2.0 * A ** sympy.Float(-0.8) * B,
    "a power of a product and a logarithm": (A * B + sympy.log(A + 1.5)) ** sympy.Float(-0.55) * sympy.sqrt(B),
    "a quotient": (1.0 + 2.0 * A) / (3.0 + A**2),
}


def uneven(law):
    """Rows over two powers of ten, as frequencies and sizes are measured."""
    columns = 10.0 ** np.random.default_rng(0).uniform(-1, 1, (400, 2))
    return Rows.from_arrays(columns, compile_expression(law, [A, B])(columns), names=["a", "b"])


@pytest.mark.parametrize("name", LAWS)
@pytest.mark.parametrize("trained", [False, True])
def test_it_predicts_nearly_the_same_with_and_without_training(name, trained):
    rows = uneven(LAWS[name])
    network = splines_of(network_of(LAWS[name], [A, B], default_library()), rows, 0, lambda: not trained)
    assert all(network.edge_state(index).kind == "spline" for index in network.edges())
    values = network.evaluate(torch.tensor(rows.columns)).numpy()[:, 0]
    assert np.mean((values - rows.target) ** 2) < 1e-3 * rows.variance  # with even knots 0.04 to 0.27 without training


def test_between_the_few_values_of_a_column_its_curve_goes_on():
    rng = np.random.default_rng(0)
    columns = np.column_stack([rng.choice([1.0, 2.0, 7.0, 8.0], 300), rng.uniform(1, 2, 300)])
    law = 2.5 * A * B
    rows = Rows.from_arrays(columns, compile_expression(law, [A, B])(columns), names=["a", "b"])
    network = splines_of(network_of(law, [A, B], default_library()), rows, 0, lambda: True)
    between = np.column_stack([np.linspace(1, 8, 50), np.full(50, 1.5)])
    values = network.evaluate(torch.tensor(between)).numpy()[:, 0]
    assert values == pytest.approx(compile_expression(law, [A, B])(between), rel=1e-3)
