"""A formula as a network: the same values, and back to the same formula's values."""

import numpy as np
import pytest
import sympy
import torch

from kansym.errors import ParameterError
from kansym.symbolic.evaluation import compile_expression
from kansym.symbolic.expression import network_expressions
from kansym.symbolic.topology import network_of

x, y, z = VARIABLES = sympy.symbols("x y z", real=True)
ROWS = np.random.default_rng(0).uniform(0.5, 1.5, (60, 3))

FORMULAS = {
    "variable": (x, (3, 1)),
    "constant": (sympy.Float(2.5), (3, 1)),
    "product": (2.5 * x * y, (3, 1)),
    "two functions of one variable": (x + sympy.sin(3.0 * x), (3, 2, 1)),
    "article": (sympy.exp(sympy.sin(sympy.pi * x) + y**2), (3, 1, 1)),
    "Lennard-Jones": (4.0 / x**12 - 4.0 / x**6, (3, 2, 1)),
    "Rydberg": (91.1 / (x**-2 - 4 * y**-2), (3, 1, 1)),
    "Planck": (39.7 * x**3 / (sympy.exp(0.5 * x) - 1), (3, 2, 1)),
    "normal": (sympy.exp(-(x**2) / (2 * y**2)) / (sympy.sqrt(2 * sympy.pi) * y), (3, 2, 1)),
    "Lorentz factor": (x / sympy.sqrt(1 - y**2 / (9 * z**2)), (3, 2, 1)),
    "nested": (sympy.log(x + y * sympy.exp(z)), (3, 2, 1, 1)),
    "reused": (x * sympy.tanh(x * y / z) + z, None),
    "real exponent": ((x + 2.5 * y) ** 1.7 - 3.0, (3, 1, 1)),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_the_network_computes_the_formula(name):
    expression, widths = FORMULAS[name]
    network = network_of(expression, VARIABLES)
    if widths is not None:
        assert network.widths == widths
    values = network.evaluate(torch.from_numpy(ROWS)).numpy()[:, 0]
    np.testing.assert_allclose(values, compile_expression(expression, VARIABLES)(ROWS), rtol=1e-10)
    back = network_expressions(network, VARIABLES)[0]
    np.testing.assert_allclose(compile_expression(back, VARIABLES)(ROWS), values, rtol=1e-10)


def test_products_are_product_nodes():
    network = network_of(x * sympy.sin(y) * z, VARIABLES)
    assert network.layer(0).product_mask.tolist() == [True]
    assert len(network.edges()) == 3


def test_what_no_edge_can_be_is_refused():
    with pytest.raises(ParameterError, match="numbers as exponents"):
        network_of(x**y, VARIABLES)
    with pytest.raises(ParameterError, match="library functions"):
        network_of(sympy.gamma(x), VARIABLES)
