"""The dictionary: distinct features, each with the values of its expression."""

import itertools

import numpy as np
import pytest
import sympy

from kansym.library import Library
from kansym.symbolic.complexity import complexity
from kansym.symbolic.enumeration import _monomials, enumerate_features
from kansym.symbolic.evaluation import compile_expression

VARIABLES = sympy.symbols("x y", real=True)
X, Y = VARIABLES
TRANSCENDENTAL = (sympy.exp, sympy.log, sympy.sin, sympy.cos, sympy.tanh)


def columns_of(low, high, n_rows=60, n_columns=2, seed=0):
    return np.random.default_rng(seed).uniform(low, high, (n_rows, n_columns))


@pytest.fixture(scope="module", params=[(0.5, 1.8), (-1.5, 1.2)], ids=["positive", "mixed"])
def case(request):
    columns = columns_of(*request.param)
    return columns, enumerate_features(columns, VARIABLES, size=1500)


def test_values_are_those_of_the_expressions(case):
    columns, found = case
    for index in range(0, len(found), 3):
        expression, values = found.expression(index), found.values[index]
        waves = expression.atoms(sympy.sin, sympy.cos)
        arguments = [np.abs(compile_expression(wave.args[0], VARIABLES)(columns)).max() for wave in waves]
        if max(arguments, default=0.0) < 1e4:  # beyond that rounding of the argument moves the wave
            computed = compile_expression(expression, VARIABLES)(columns)
            np.testing.assert_allclose(computed, values, rtol=1e-9, atol=1e-9 * np.abs(values).max())


def test_no_two_features_are_proportional(case):
    _, found = case
    unit = found.values / np.linalg.norm(found.values, axis=1)[:, None]
    for index in range(len(found)):
        cosines = unit[:index] @ unit[index]
        for near in np.flatnonzero(np.abs(cosines) > 1 - 1e-9):
            assert np.linalg.norm(unit[near] - np.sign(cosines[near]) * unit[index]) > 1e-9


def test_features_are_finite_and_vary(case):
    _, found = case
    assert np.all(np.isfinite(found.values))
    assert np.all(np.ptp(found.values, axis=1) > 0)


def test_shapes_agree_and_size_is_kept(case):
    columns, found = case
    assert len(found) == len(found.recipes) == len(found.cost) == len(found.transcendental) == 1500
    assert found.values.shape == (1500, len(columns))


def test_recipes_use_earlier_features_only(case):
    _, found = case
    for index, (name, *inputs) in enumerate(found.recipes):
        if name not in ("variable", "power", "monomial"):
            assert all(source < index for source in inputs)


def test_what_is_built_comes_in_order_of_complexity(case):
    _, found = case
    leaves = ("variable", "power", "monomial")
    kinds = [name if name in leaves else "built" for name, *_ in found.recipes]

    def is_early(name, inputs):  # a function of one column, also times a monomial
        below = [found.recipes[i] for i in inputs]
        function = name in ("exp", "exp minus", "log", "sin", "cos", "tanh") and below[0][0] == "variable"
        return function or (name == "times" and below[0][0] in leaves and is_early(*(below[1][0], below[1][1:])))

    built = [
        cost
        for cost, kind, (name, *inputs) in zip(found.cost, kinds, found.recipes, strict=True)
        if kind == "built" and not is_early(name, inputs)
    ]
    # Sums of equal powers stand among the leaves; the levels begin after them.
    levels = built[built.index(min(built)) :]
    assert levels == sorted(levels)
    sizes = np.array([complexity(found.expression(index)) for index in range(0, 1500, 5)])
    assert np.corrcoef(sizes, found.cost[::5])[0, 1] > 0.5


def test_transcendental_functions_are_never_nested(case):
    _, found = case
    for index in range(len(found)):
        expression = found.expression(index)
        assert bool(expression.atoms(*TRANSCENDENTAL)) <= bool(found.transcendental[index])
        for outer in expression.atoms(*TRANSCENDENTAL):
            assert not outer.args[0].has(*TRANSCENDENTAL)


def test_it_is_reproducible_and_touches_no_global_state(case):
    columns, found = case
    before = np.random.get_state(legacy=False)["state"]["key"].tolist()  # noqa: NPY002  (the global state is what must not change)
    again = enumerate_features(columns.copy(), VARIABLES, size=1500)
    assert again.recipes == found.recipes
    np.testing.assert_array_equal(again.values, found.values)
    assert np.random.get_state(legacy=False)["state"]["key"].tolist() == before  # noqa: NPY002


@pytest.mark.parametrize("size", [1, 10, 100, 1000])
def test_the_size_is_a_bound_and_smaller_ones_are_bounded_too(size):
    assert len(enumerate_features(columns_of(0.5, 2), VARIABLES, size=size)) <= size


@pytest.mark.parametrize(
    "feature",
    [X * Y, X / Y, sympy.sqrt(X), X + Y, sympy.exp(-X), sympy.sin(X * Y), X**-6, 1 + X**2, sympy.log(X + Y), X**2 / Y],
    ids=str,
)
def test_common_features_are_in_it(feature):
    columns = columns_of(0.5, 1.8)
    found = enumerate_features(columns, VARIABLES, size=4000)
    wanted = compile_expression(feature, VARIABLES)(columns)
    cosines = (found.values @ wanted) / np.linalg.norm(found.values, axis=1) / np.linalg.norm(wanted)
    assert np.abs(cosines).max() > 1 - 1e-12


def test_only_functions_of_the_library_are_used():
    found = enumerate_features(columns_of(0.5, 2), VARIABLES, size=1500, library=Library(["x", "x^2", "exp"]))
    for index in range(len(found)):
        assert not found.expression(index).atoms(*TRANSCENDENTAL) - found.expression(index).atoms(sympy.exp)


def test_a_stop_returns_what_was_found():
    found = enumerate_features(columns_of(0.5, 2), VARIABLES, size=10_000, should_stop=lambda: True)
    assert 2 <= len(found) < 10_000
    assert len(found.values) == len(found.recipes)


def test_constant_duplicate_and_zero_columns_do_not_break_it():
    columns = columns_of(0.5, 2, n_columns=5)
    columns[:, 1] = 3.0
    columns[:, 2] = -2 * columns[:, 0]
    columns[:, 3] = 0.0
    columns[:, 4] = np.arange(60) % 2
    found = enumerate_features(columns, sympy.symbols("a:5", real=True), size=500)
    names = {str(symbol) for index in range(len(found)) for symbol in found.expression(index).free_symbols}
    assert names <= {"a0", "a2", "a4", "a1"}
    assert "a0" in names
    assert np.all(np.isfinite(found.values))


def test_nothing_that_varies_gives_an_empty_dictionary():
    found = enumerate_features(np.ones((10, 1)), VARIABLES[:1], size=50)
    assert len(found) == 0
    assert found.values.shape == (0, 10)


@pytest.mark.parametrize("scale", [1e-9, 1e9])
def test_the_unit_of_a_column_does_not_matter_to_products(scale):
    columns = columns_of(0.5, 2)
    names = {str(enumerate_features(columns * [scale, 1.0], VARIABLES, size=300).expression(i)) for i in range(2)}
    assert names == {"x", "y"}


def test_no_wave_that_the_rows_do_not_resolve():
    temperatures = np.repeat([180.0, 225.0, 250.0, 275.0], 10)
    found = enumerate_features(temperatures[:, None], (X,), size=200)
    waves = [found.expression(i) for i in range(len(found)) if found.expression(i).has(sympy.sin, sympy.cos)]
    assert sympy.cos(sympy.sqrt(X)) in waves
    assert sympy.cos(X) not in waves
    few = enumerate_features(np.linspace(0.0, 25.0, 20)[:, None], (X,), size=200)
    assert sympy.sin(X) in [few.expression(i) for i in range(len(few))]


@pytest.mark.parametrize("n_variables", [1, 2, 5, 8])
def test_monomials_come_cheapest_first_and_each_once(n_variables):
    together, largest = (3 if n_variables > 6 else n_variables), (2 if n_variables <= 4 else 1)
    exponents = [k for k in range(-largest, largest + 1) if k]
    known = [
        (2 * count - 1 + 2 * sum(power != 1 for power in powers), tuple(zip(chosen, powers, strict=True)))
        for count in range(2, together + 1)
        for chosen in itertools.combinations(range(n_variables), count)
        for powers in itertools.product(exponents, repeat=count)
    ]
    assert list(_monomials(n_variables)) == sorted(known, key=lambda entry: entry[0])


def test_the_first_monomials_of_many_columns_do_not_wait_for_all_of_them():
    assert list(itertools.islice(_monomials(10**5), 3)) == [(3, ((0, 1), (i, 1))) for i in (1, 2, 3)]


@pytest.mark.parametrize("exponent", [-9, 0, 9])
def test_algebraic_features_of_columns_in_any_unit_are_there(exponent):
    unit = 10.0**exponent
    found = enumerate_features(unit * columns_of(0.5, 1.8), VARIABLES, size=1500)
    expressions = [found.expression(index) for index in range(len(found))]
    assert {X / Y, X**2 + Y**2, X**2 * Y**2, (X + Y) ** 2} <= set(expressions)


def test_sums_of_squares_of_many_columns_come_first():
    variables = sympy.symbols("a b c d e f", real=True)
    found = enumerate_features(columns_of(0.5, 1.8, n_columns=6), variables, size=8000)
    expressions = {found.expression(index): index for index in range(len(found))}
    for first, second, third in itertools.combinations(variables, 3):
        sums = (first**2 + second**2, first**2 - second**2, first**2 + second**2 + third**2)
        assert max(expressions[expression] for expression in sums) < 4000


def test_products_of_columns_and_a_function_of_one_come_first():
    variables = sympy.symbols("a b c d e", real=True)
    found = enumerate_features(columns_of(0.5, 1.8, n_columns=5), variables, size=16000)
    expressions = {found.expression(index): index for index in range(len(found))}
    a, b, c, d, e = variables
    for expression in (a * b * c * sympy.sin(d), a * b / c * sympy.cos(e), a * sympy.exp(-a), sympy.log(b) / d):
        assert expressions[expression] < 4000
    only = enumerate_features(columns_of(0.5, 1.8), VARIABLES, size=800, library=Library(["x", "x^2", "sin"]))
    used = set().union(*(only.expression(i).atoms(*TRANSCENDENTAL) for i in range(len(only))))
    assert {type(function) for function in used} == {sympy.sin}
