"""The formula is the network: both give the same numbers, for every topology."""

import re

import numpy as np
import pytest
import sympy
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kansym.errors import ParameterError
from kansym.library import Library, default_library
from kansym.network import KAN
from kansym.symbolic.evaluation import compile_expression
from kansym.symbolic.expression import network_expressions
from kansym.symbolic.normal_form import normal_form

FUNCTIONS = list(default_library())
N_ROWS = 12
# Where arguments are kept: inside the domain, away from poles, and small enough for exp and its kin.
INTERVALS = {
    "tan": (-1.2, 1.2),
    "exp": (-2.0, 1.5),
    "sinh": (-1.5, 1.5),
    "cosh": (-1.5, 1.5),
    "arcsin": (-0.95, 0.95),
    "arccos": (-0.95, 0.95),
    "1/x": (-3.0, -0.4),
    "1/x^2": (0.4, 3.0),
}


def interval(function):
    default = (0.3, 2.5) if function.domain.low == 0 else (-2.0, 2.0)
    return INTERVALS.get(function.name, default)


def symbols(count):
    return sympy.symbols(f"x:{count}", real=True)


@st.composite
def symbolic_networks(draw):
    """A symbolic network of any topology and rows for it; the arguments of all edges lie inside the domains."""
    depth = draw(st.integers(1, 3))
    widths = [draw(st.integers(1, 3)) for _ in range(depth + 1)]
    products = [draw(st.integers(0, width)) for width in widths[1:]]
    generator = np.random.default_rng(draw(st.integers(0, 10_000)))
    prune_share = draw(st.sampled_from([0.0, 0.2, 0.5]))
    network = KAN(widths, product_nodes=products, dtype=torch.float64)
    shift, scale = generator.normal(size=widths[0]) * 3, 10.0 ** generator.uniform(-2, 2, widths[0])
    ends = generator.normal(size=widths[-1]), 10.0 ** generator.uniform(-2, 2, widths[-1])
    if draw(st.booleans()):
        network = network.with_scaling(shift, scale, *ends)
    rows = torch.tensor(shift + scale * generator.uniform(-2, 2, (N_ROWS, widths[0])))
    for layer in range(depth):
        nodes = network.node_values(rows)[layer].numpy()
        for output in range(widths[layer + 1]):
            for source in range(widths[layer]):
                index = (layer, output, source)
                if generator.uniform() < prune_share:
                    network = network.prune_edge(index)
                    continue
                function = draw(st.sampled_from(FUNCTIONS))
                values = nodes[:, source]
                low, high = interval(function)
                # a·range + b fills some part of the interval; a constant node gets its middle.
                spread = np.ptp(values) or 1.0
                a = generator.uniform(0.2, 0.9) * (high - low) / spread * generator.choice([-1, 1])
                inside = a * (values.max() + values.min()) / 2
                c, d = generator.choice([-1, 1]) * generator.uniform(0.5, 1.5), generator.uniform(-0.5, 0.5)
                exponent = generator.uniform(-2, 3) if function.has_exponent else None
                network = network.snap(index, function, a, (low + high) / 2 - inside, c, d, exponent)
    return network, rows


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(symbolic_networks())
def test_the_formula_is_the_network(case):
    network, rows = case
    variables = symbols(rows.shape[1])
    outputs = network.evaluate(rows).numpy()
    formulas = network_expressions(network, variables)
    assert len(formulas) == outputs.shape[1]
    for formula, expected in zip(formulas, outputs.T, strict=True):
        assert np.all(np.isfinite(expected))
        computed, jacobian = (tape := compile_expression(formula, variables)).value_and_jacobian(rows.numpy())
        with np.errstate(all="ignore"):
            # Constants are merged on the way: one more rounding of each, weighted by what it does to the value.
            felt = np.nan_to_num(np.abs(jacobian * tape.constants)).sum(axis=1)
        assert np.all(np.abs(computed - expected) <= 1e-10 * np.abs(expected) + 1e-13 * (felt + np.abs(expected).max()))
        again = compile_expression(normal_form(formula), variables)(rows.numpy())
        assert np.all(np.abs(again - expected) <= 1e-9 * np.abs(expected) + 1e-12 * (felt + np.abs(expected).max()))


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.name)
def test_every_function_on_one_edge(function):
    low, high = interval(function)
    rows = torch.linspace(low, high, 9, dtype=torch.float64).unsqueeze(-1)
    exponent = 1.7 if function.has_exponent else None
    network = KAN((1, 1), dtype=torch.float64).snap((0, 0, 0), function, 0.9, 0.05 * (low + high), -1.5, 0.25, exponent)
    (formula,) = network_expressions(network, symbols(1))
    computed = compile_expression(formula, symbols(1))(rows.numpy())
    np.testing.assert_allclose(computed, network.evaluate(rows)[:, 0].numpy(), rtol=1e-13, atol=1e-15)


@pytest.fixture
def identity():
    return default_library()["x"]


def snapped_everywhere(widths, function, **options):
    network = KAN(widths, dtype=torch.float64, **options)
    for index in network.edges():
        network = network.snap(index, function)
    return network


def test_sums_and_products(identity):
    x, y, z = variables = symbols(3)
    network = snapped_everywhere((3, 2), identity, product_nodes=(1,))
    assert network_expressions(network, variables) == (x + y + z, x * y * z)
    pruned = network.prune_edge((0, 0, 1)).prune_edge((0, 1, 2))
    assert network_expressions(pruned, variables) == (x + z, x * y)


def test_nodes_without_edges_are_neutral(identity):
    network = snapped_everywhere((2, 2), identity, product_nodes=(1,))
    for index in network.edges():
        network = network.prune_edge(index)
    formulas = network_expressions(network, symbols(2))
    assert formulas == (0, 1)
    rows = torch.ones(3, 2, dtype=torch.float64)
    for formula, expected in zip(formulas, network.evaluate(rows).T, strict=True):
        np.testing.assert_array_equal(compile_expression(formula, symbols(2))(rows.numpy()), expected.numpy())


def test_scaling_becomes_part_of_the_formula(identity):
    (x,) = symbols(1)
    network = snapped_everywhere((1, 1), identity).with_scaling(3.0, 2.0, 10.0, 4.0)
    (formula,) = network_expressions(network, (x,))
    assert float(sympy.N(formula.subs(x, 7))) == 4 * (7 - 3) / 2 + 10


def test_trivial_scales_leave_no_constants(identity):
    (formula,) = network_expressions(snapped_everywhere((1, 1), identity), symbols(1))
    assert formula == symbols(1)[0]


@pytest.mark.parametrize("index", [(0, 1, 0), (1, 0, 1)])
def test_a_spline_edge_is_named(identity, index):
    network = snapped_everywhere((2, 2, 1), identity)
    rows = torch.linspace(-1, 1, 40, dtype=torch.float64).unsqueeze(-1).expand(-1, 2)
    network = network.unsnap(index, rows)
    with pytest.raises(ParameterError, match=rf"edge {re.escape(str(index))} is a spline; snap or prune it"):
        network_expressions(network, symbols(2))


@pytest.mark.parametrize("count", [1, 3])
def test_as_many_variables_as_inputs(identity, count):
    with pytest.raises(ParameterError, match=f"variables must be 2 symbols, one an input, got {count}"):
        network_expressions(snapped_everywhere((2, 1), identity), symbols(count))


@pytest.mark.parametrize("name", ["lambda", "S", "I", "flow rate", "beta", "x^2"])
def test_any_name_will_do(name):
    variable = sympy.Symbol(name, real=True)
    network = snapped_everywhere((1, 1), Library(["sin"])["sin"])
    assert network_expressions(network, (variable,)) == (sympy.sin(variable),)


def test_the_network_is_left_alone(identity):
    network = snapped_everywhere((2, 1), identity).with_scaling(1.0, 2.0, 3.0, 4.0)
    description, arrays = network.to_state()
    network_expressions(network, symbols(2))
    again, same = network.to_state()
    assert again == description
    assert all(np.array_equal(arrays[name], same[name]) for name in arrays)


def test_splines_are_named_on_request():
    network = KAN((2, 1, 1), dtype=torch.float64).with_scaling([3.0, 0.0], [2.0, 1.0], 0.0, 1.0)
    network = network.snap((0, 0, 0), default_library()["x"])
    x, y = symbols(2)
    (expression,) = network_expressions(network, (x, y), name_splines=True)
    outer, inner = (sympy.Function(name, real=True) for name in ("f_1_0_0", "f_0_0_1"))
    assert sympy.expand(expression - outer(sympy.Float(0.5) * x - 1.5 + inner(y))) == 0
    with pytest.raises(ParameterError, match=r"edge \(0, 0, 1\) is a spline"):
        network_expressions(network, (x, y))
