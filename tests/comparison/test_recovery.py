from dataclasses import replace

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from kansym.comparison.evaluation import constants_of, evaluate
from kansym.comparison.problems import LawProblem
from kansym.comparison.recovery import Reference, recovery_rule
from kansym.comparison.sampling import Variable
from kansym.comparison.suites import load_suite, suite_names
from kansym.symbolic.normal_form import replace_constants
from kansym.symbolic.parsing import expression_text, parse_expression

U, V = Variable("x", 1.0, 3.0), Variable("y", 0.5, 2.0)
X, Y = U.symbol, V.symbol


def reference_of(law, noise=0.0, rows=100, seed=0, variables=(U, V)):
    text = law if isinstance(law, str) else expression_text(law)
    expression = parse_expression(text, [variable.symbol for variable in variables])
    reference = Reference.of(LawProblem("mine", text, expression, variables).draw(rows=rows, noise=noise, seed=seed))
    assert reference is not None
    return reference


def standard_errors(reference, expression):
    """From central differences and a plain inverse: a second, independent computation."""
    sample, constants = reference.sample, constants_of(expression)
    slopes = []
    for position, constant in enumerate(constants):
        step = np.zeros(len(constants))
        step[position] = 1e-5 * max(abs(constant), 1e-3)
        up, down = (evaluate(expression, sample.variables, sample.X, constants + s * step) for s in (1, -1))
        slopes.append((up - down) / (2 * step[position]))
    jacobian = np.column_stack(slopes)
    return sample.sigma * np.sqrt(np.diag(np.linalg.inv(jacobian.T @ jacobian)))


def recovers_all(suite, every, noise):
    for problem in load_suite(suite)[::every]:
        sample = problem.draw(rows=100, noise=noise, seed=0)
        reference = Reference.of(sample)
        if reference is not None:
            assert sample.truth is not None
            assert recovery_rule(sample.truth, reference) == "exact", problem.name
            written = parse_expression(expression_text(sample.truth), sample.variables)
            assert recovery_rule(written, reference) == "exact", problem.name


@pytest.mark.parametrize("suite", suite_names())
def test_the_truth_is_recovered(suite):
    recovers_all(suite, every=6, noise=0.0)


@pytest.mark.slow
@pytest.mark.parametrize("suite", suite_names())
@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_every_truth_is_recovered(suite, noise):
    recovers_all(suite, every=1, noise=noise)


@pytest.mark.parametrize("suite", ["nguyen", "feynman100", "jin", "livermore"])
def test_the_truth_multiplied_out_is_recovered(suite):
    for problem in load_suite(suite)[::5]:
        sample = problem.draw(rows=50)
        reference = Reference.of(sample)
        assert reference is not None
        assert sample.truth is not None
        expanded = sympy.expand(sample.truth)
        if len(list(sympy.preorder_traversal(expanded))) <= 3 * reference.complexity + 10:
            assert recovery_rule(expanded, reference) == "exact", problem.name


def test_the_truth_in_other_words_is_recovered():
    reference = reference_of("sin(x)**2 + x*y + x**2")
    assert recovery_rule(1 - sympy.cos(X) ** 2 + X * (X + Y), reference) == "exact"
    assert recovery_rule((1 - sympy.cos(2 * X)) / 2 + X * (X + 1.0 * Y), reference) == "exact"


@pytest.mark.parametrize("change", [1e-4, -1e-4, 3e-6])
def test_a_constant_that_is_off_is_not_the_law(change):
    reference = reference_of("2.5*exp(-0.7*x) + y")
    assert recovery_rule(2.5 * (1 + change) * sympy.exp(-0.7 * X) + Y * (1 + change), reference) is None


def test_right_on_the_ranges_and_wrong_beyond_is_not_the_law():
    reference = reference_of("Abs(x - 3) + y")
    near = Y + 3 - X
    errors = reference.errors(near)
    assert errors[0] < 1e-12
    assert errors[1] > 0.01
    assert recovery_rule(near, reference) is None


def test_an_equal_formula_that_is_too_complex_is_not_the_law():
    reference = reference_of("x*y")
    bloated = sympy.Add(X * Y, *[sympy.sin(k * X) ** 2 + sympy.cos(k * X) ** 2 - 1 for k in range(2, 5)])
    assert reference.is_exact(bloated)
    assert recovery_rule(bloated, reference) is None


def test_with_noise_the_limit_of_complexity_is_lower():
    reference = reference_of("2.5*x + y", noise=0.2, rows=50)
    near = sympy.Float(2.51) * X + Y
    assert recovery_rule(near, reference) == "constants"
    assert recovery_rule(near + sympy.sin(X) ** 2 + sympy.cos(X) ** 2 - 1, reference) is None


def test_a_formula_that_is_not_finite_on_one_row_is_not_the_law():
    reference = reference_of("x*y")
    row = reference.sample.X_test[17, 0]
    pole = sympy.Piecewise((sympy.nan, sympy.Abs(X - row) < 1e-9), (X * Y, True))
    assert reference.errors(pole)[0] == np.inf
    assert recovery_rule(pole, reference) is None


@pytest.mark.parametrize(
    "law",
    [
        "2.5*x + 0.75*y + 1.5",
        "2.5*exp(-0.7*x) + 0.3*y**2",
        "1.7*sin(2.2*x + 0.4) + y",
        "0.8*x**1.3/(y + 0.25)",
        "sqrt(3.1*x + 0.6*y)",
    ],
)
@pytest.mark.parametrize("position", [0, 1])
def test_constants_within_five_standard_errors(law, position):
    reference = reference_of(law, noise=0.1, rows=30)
    truth = reference.sample.truth
    assert truth is not None
    errors, constants = standard_errors(reference, truth), constants_of(truth)
    for shift, expected in ((2.0, "constants"), (-4.5, "constants"), (5.5, None), (10.0, None)):
        moved = constants.copy()
        moved[position] += shift * errors[position]
        assert recovery_rule(replace_constants(truth, moved.tolist()), reference) == expected, shift


@given(st.integers(0, 1000))
@settings(max_examples=15)
def test_least_squares_on_the_noisy_rows_is_recovered(seed):
    reference = reference_of("2.5*x*y + 0.75*y**2 - 1.5", noise=0.2, rows=60, seed=seed)
    sample = reference.sample
    x, y = sample.X.T
    found, *_ = np.linalg.lstsq(np.column_stack([x * y, y**2, np.ones(60)]), sample.y, rcond=None)
    a, b, c = (sympy.Float(value) for value in found.tolist())
    assert recovery_rule(a * X * Y + b * Y**2 + c, reference) == "constants"
    missing, *_ = np.linalg.lstsq(np.column_stack([x * y, np.ones(60)]), sample.y, rcond=None)
    assert recovery_rule(missing[0] * X * Y + missing[1], reference) is None


def test_redundant_constants_are_no_obstacle():
    reference = reference_of("2.5*x + y", noise=0.2, rows=50)
    error = standard_errors(reference, 2.5 * X + Y)[0]
    c = sympy.Float
    right = sympy.Mul(c(1.25), c(2.0) * X + c(2 * error) * X, evaluate=False) + Y
    assert recovery_rule(right, reference) == "constants"


def test_redundant_constants_do_not_hide_wrong_ones():
    # The sum of the two is what the rows see; singly, each has an infinite standard error.
    reference = reference_of("2.5*x + y", noise=0.2, rows=50)
    error = standard_errors(reference, 2.5 * X + Y)[0]
    for shift, expected in ((2.0, "constants"), (12.0, None)):
        parts = sympy.Add(sympy.Float(7.0) * X, sympy.Float(-4.5 + shift * error) * X, Y, evaluate=False)
        assert len(constants_of(parts)) == 2
        assert recovery_rule(parts, reference) == expected


def test_a_constant_that_only_matters_beyond_the_training_rows_must_be_right():
    # Below 3 the Piecewise is not reached: the training rows say nothing about its constant.
    law = "Piecewise((1.5*x + y, x < 3), (4.5 + 0.5*(x - 3) + y, True))"
    reference = reference_of(law, noise=0.05, rows=50)
    variables = reference.sample.variables
    right = law.replace("1.5*x", "1.501*x")
    wrong = law.replace("0.5*(x", "2.5*(x")
    assert reference.sample.X[:, 0].max() < 3
    assert recovery_rule(parse_expression(right, variables), reference) == "constants"
    assert recovery_rule(parse_expression(wrong, variables), reference) is None


def test_a_term_that_could_as_well_be_missing_does_not_count_as_the_skeleton():
    reference = reference_of("2.5*x + y", noise=0.2, rows=50)
    error = standard_errors(reference, 2.5 * X + Y)[0]
    extra = (2.5 + error) * X + Y + sympy.Float(0.3 * error) * Y**2
    assert recovery_rule(extra, reference) != "constants"


def test_an_offset_that_is_zero_but_for_noise_is_none():
    reference = reference_of("2.5*x + y", noise=0.2, rows=50)
    sigma = reference.sample.sigma
    slope = standard_errors(reference, 2.5 * X + Y)[0]
    for shift, expected in ((0.3, "constants"), (-0.3, "constants"), (12.0, None)):
        assert recovery_rule((2.5 + slope) * X + Y + sympy.Float(shift * sigma), reference) == expected


def test_a_close_formula_of_another_form_is_recovered_by_its_error():
    reference = reference_of("sin(x) + y", noise=0.1, variables=(Variable("x", -0.4, 0.4), V))
    assert recovery_rule(X - X**3 / 6 + Y, reference) == "error"
    assert recovery_rule(X + Y - X**2 / 5, reference) is None


def test_the_error_counts_in_units_of_the_noise_wherever_the_truth_goes():
    # On the widened ranges exp(4 x) is several times larger: what is right to a twentieth of the noise within is not so
    # beyond. As a constant, which has a standard error, the same factor is good enough; a ratio of integers has none.
    reference = reference_of("exp(4*x)", noise=0.01, variables=(Variable("x", 1.0, 3.0), V))
    assert recovery_rule(sympy.exp(4 * X) * sympy.Rational(10001, 10000), reference) == "error"
    assert recovery_rule(sympy.exp(4 * X) * sympy.Rational(10005, 10000), reference) is None
    assert recovery_rule(sympy.exp(4 * X) * sympy.Float(1.0005), reference) == "constants"


def test_with_noise_an_exact_formula_may_not_be_longer_than_others():
    reference = reference_of("2.5*x + y", noise=0.2, rows=50)
    bloated = sympy.Float(2.5) * X + Y + sympy.sin(X) ** 2 + sympy.cos(X) ** 2 - 1
    assert reference.is_exact(bloated)
    assert recovery_rule(bloated, reference) is None


def test_without_noise_only_the_exact_rule_counts():
    reference = reference_of("2.5*x + y", noise=0.0)
    assert recovery_rule(2.5001 * X + Y, reference) is None
    noisy = replace(reference, sample=replace(reference.sample, sigma=0.5))
    assert recovery_rule(2.5001 * X + Y, noisy) == "constants"


@given(st.integers(-6, 6), st.sampled_from([0.0, 0.1]), st.sampled_from([0.0, 1e-3, 0.3]))
@settings(max_examples=30)
def test_rules_do_not_depend_on_the_unit_of_y(exponent, noise, shift):
    unit = 10.0**exponent
    plain = reference_of("2.5*exp(-0.7*x) + 0.5*y", noise=noise, rows=50)
    scaled = reference_of(f"{2.5 * unit!r}*exp(-0.7*x) + {0.5 * unit!r}*y", noise=noise, rows=50)
    # The problems have different streams of numbers; the rows of one are given to the other.
    sample = replace(scaled.sample, X=plain.sample.X, X_test=plain.sample.X_test, X_wide=plain.sample.X_wide)
    sample = replace(sample, sigma=plain.sample.sigma * unit)
    scaled = Reference.of(sample)
    assert scaled is not None
    found = (2.5 + shift) * sympy.exp(-0.7 * X) + 0.5 * Y
    scaled_found = unit * (2.5 + shift) * sympy.exp(-0.7 * X) + 0.5 * unit * Y
    assert recovery_rule(found, plain) == recovery_rule(scaled_found, scaled)
