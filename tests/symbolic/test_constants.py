"""The joint fit of constants: it comes back to the truth, never gets worse, and knows its errors."""

import math

import numpy as np
import pytest
import scipy.special
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from kansym.library import Library, SymbolicFunction
from kansym.symbolic.constants import assess, refit
from kansym.symbolic.evaluation import compile_expression
from kansym.symbolic.normal_form import replace_constants
from kansym.symbolic.rows import Rows

X, Y = sympy.symbols("x0 x1", real=True)
COLUMNS = np.random.default_rng(0).uniform(0.5, 2.5, (60, 2))
FORMS = [
    2.5 * X + 0.75,
    1.5 * X**2 - 0.25 * Y + 3.5,
    2.5 * sympy.exp(-0.75 * X),
    0.5 * sympy.exp(1.25 * X * Y) + 2.5,
    1.5 * sympy.sin(3.25 * X + 0.35) + 0.15 * Y,
    2.5 * sympy.tanh(0.75 * X - 0.5 * Y),
    1.75 * X ** sympy.Float(1.45) * Y ** sympy.Float(-0.65),
    2.5 * sympy.log(X + 1.25) + 0.35,
    3.5 * X / (Y + 1.75),
    1.25 / (X**2 + 0.65) + 0.45 * Y,
    1.5 * sympy.atan(2.5 * X - 1.75),
    0.85 * sympy.Abs(X - 1.35) + 0.4,
    2.25 * sympy.sqrt(X + 0.35 * Y),
    1e-9 * sympy.exp(0.75 * X),
    1e12 * X**2 + 3e11 * Y,
]


def rows_of(expression, noise=0.0, weights=None, seed=1):
    target = compile_expression(expression, (X, Y))(COLUMNS)
    generator = np.random.default_rng(seed)
    return Rows.from_arrays(COLUMNS, target + noise * target.std() * generator.normal(size=len(target)), weights)


def perturbed(expression, relative, seed=0):
    constants = compile_expression(expression, (X, Y)).constants
    factors = 1 + relative * np.random.default_rng(seed).uniform(-1, 1, len(constants))
    return replace_constants(expression, (constants * factors).tolist())


@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize("seed", [0, 1])
def test_known_constants_are_recovered_from_perturbed_starts(form, seed):
    rows = rows_of(form)
    fit = refit(perturbed(form, 0.1, seed), rows)
    assert fit.loss <= 1e-20 * rows.variance
    truth = sorted(compile_expression(form, (X, Y)).constants)
    np.testing.assert_allclose(sorted(fit.constants), truth, rtol=1e-6)
    assert sorted(fit.constants) == sorted(compile_expression(fit.expression, (X, Y)).constants)


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_the_result_is_never_worse_than_the_start(form):
    rows = rows_of(form, noise=0.1)
    for relative, seed in ((0.5, 0), (2.0, 1), (5.0, 2)):
        start = perturbed(form, relative, seed)
        with np.errstate(all="ignore"):
            before = rows.loss(compile_expression(start, rows.variables)(rows.columns))
        for max_evaluations in (1, 3, 100):
            assert refit(start, rows, max_evaluations=max_evaluations).loss <= before


@pytest.mark.parametrize("start", [2.5 * sympy.log(X - 1.0), sympy.sqrt(Y - 2.0) + 1.5, X ** sympy.Float(800.0)])
def test_a_start_that_is_undefined_on_a_row_has_infinite_loss(start):
    rows = rows_of(FORMS[0])
    fit = refit(start, rows)
    assert fit.loss == math.inf
    assert fit.bits == math.inf
    assert fit.expression == start
    assert np.isinf(fit.standard_errors).all()


@pytest.mark.parametrize("nonsense", [sympy.zoo, sympy.nan, sympy.oo * sympy.Abs(X), sympy.I * X])
def test_what_rounding_made_meaningless_has_infinite_loss(nonsense):
    fit = refit(nonsense, rows_of(FORMS[0]))
    assert fit.loss == math.inf
    assert len(fit.constants) == 0


def test_undefined_steps_are_rejected():
    # The full step to the best shift leads below −0.5, where the logarithm ends.
    rows = Rows.from_arrays(COLUMNS, np.log(COLUMNS[:, 0] - 0.49))
    fit = refit(1.0 * sympy.log(X + 2.5), rows)
    assert math.isfinite(fit.loss)
    assert fit.loss < 0.01 * rows.variance


def test_formulas_without_constants_are_only_judged():
    rows = rows_of(sympy.sin(X))
    fit = refit(sympy.sin(X), rows)
    assert fit.expression == sympy.sin(X)
    assert fit.loss == 0
    assert fit.constants.shape == fit.standard_errors.shape == (0,)


def test_a_stop_keeps_the_constants():
    start = perturbed(FORMS[2], 0.3)
    rows = rows_of(FORMS[2])
    fit = refit(start, rows, should_stop=lambda: True)
    assert fit.expression == start
    assert math.isfinite(fit.loss)


def test_a_start_at_zero_can_leave_it():
    zero = sympy.Mul(sympy.Float(0.0), X, evaluate=False)
    fit = refit(sympy.Add(zero, sympy.Float(1.0), evaluate=False), rows_of(FORMS[0]))
    assert fit.loss < 1e-20
    assert sorted(fit.constants) == pytest.approx([0.75, 2.5])


def test_constants_of_the_users_own_functions_are_fitted():
    erf = SymbolicFunction(
        "erf",
        lambda xp, x: scipy.special.erf(x) if xp is np else xp.erf(x),
        lambda xp, x: 2 / math.sqrt(math.pi) * xp.exp(-x * x),
        sympy.erf,
    )
    rows = Rows.from_arrays(COLUMNS, 2.5 * scipy.special.erf(0.75 * COLUMNS[:, 0] - 1))
    fit = refit(2.0 * sympy.erf(0.9 * X - 0.8), rows, library=Library([erf]))
    assert fit.loss < 1e-20


@settings(max_examples=40, deadline=None)
@given(st.floats(-5, 5), st.floats(-5, 5), st.integers(0, 100), st.floats(1e-4, 1))
def test_a_linear_model_and_its_standard_errors_are_the_textbook_s(slope, level, seed, noise):
    generator = np.random.default_rng(seed)
    weights = generator.uniform(0.2, 3.0, len(COLUMNS))
    weights = weights / weights.mean()
    design = np.column_stack([np.ones(len(COLUMNS)), np.sin(COLUMNS[:, 0])])
    target = design @ [level, slope] + noise * generator.normal(size=len(COLUMNS)) / np.sqrt(weights)
    rows = Rows.from_arrays(COLUMNS, target, weights)
    fit = refit(0.77 + 1.33 * sympy.sin(X), rows)
    gram = design.T @ (weights[:, None] * design)
    solution = np.linalg.solve(gram, design.T @ (weights * target))
    residual = target - design @ solution
    covariance = np.linalg.inv(gram) * (weights @ residual**2) / (len(target) - 2)
    assert fit.loss == pytest.approx(float(weights @ residual**2) / len(target), rel=1e-6)
    fitted = dict(zip(fit.constants, fit.standard_errors, strict=True))
    for value, error in zip(solution, np.sqrt(np.diag(covariance)), strict=True):
        nearest = min(fitted, key=lambda constant: abs(constant - value))
        assert nearest == pytest.approx(value, rel=1e-6, abs=1e-7)
        assert fitted[nearest] == pytest.approx(error, rel=1e-5)


def test_standard_errors_cover_the_truth():
    distances = []
    for seed in range(40):
        form = 2.5 * sympy.exp(-0.75 * X)
        fit = refit(form, rows_of(form, noise=0.05, seed=seed))
        truth = compile_expression(form, (X, Y)).constants
        distances += ((fit.constants - truth) / fit.standard_errors).tolist()
    assert np.mean(np.abs(distances) < 2) > 0.85
    assert 0.7 < np.std(distances) < 1.4


def test_redundant_constants_have_infinite_errors():
    # c·(a·x + b)^n: the scale of the bracket is said twice, the exponent once.
    form = 2.5 * (1.5 * X + 0.5) ** sympy.Float(1.7)
    fit = assess(form, rows_of(form, noise=0.01))
    errors = dict(zip(fit.constants.tolist(), fit.standard_errors.tolist(), strict=True))
    assert math.isfinite(errors.pop(1.7))
    assert len(errors) == 3
    assert all(error > 1e3 for error in errors.values())


def test_constants_that_no_row_feels_have_infinite_errors():
    form = 2.5 * X + sympy.exp(-sympy.Float(900.0) * X)
    fit = assess(form, rows_of(2.5 * X, noise=0.01))
    errors = dict(zip(fit.constants.tolist(), fit.standard_errors.tolist(), strict=True))
    assert errors[-900.0] > 1e3
    assert errors[2.5] < 0.1


@pytest.mark.parametrize("form", FORMS[2:8], ids=str)
def test_integer_weights_are_repeated_rows(form):
    counts = np.random.default_rng(3).integers(1, 5, len(COLUMNS))
    plain = rows_of(form, noise=0.05)
    weighted = Rows.from_arrays(plain.columns, plain.target, counts.astype(float))
    repeated = Rows.from_arrays(np.repeat(plain.columns, counts, axis=0), np.repeat(plain.target, counts))
    first, second = refit(perturbed(form, 0.05), weighted), refit(perturbed(form, 0.05), repeated)
    assert first.loss == pytest.approx(second.loss, rel=1e-9)
    # The order of a sum is that of its constants, which differ by rounding.
    np.testing.assert_allclose(sorted(first.constants), sorted(second.constants), rtol=1e-5)


@pytest.mark.parametrize("scale", [1e-9, 1e-3, 1e6, 1e12])
def test_the_unit_of_the_target_does_not_matter(scale):
    form = 2.5 * sympy.exp(-0.75 * X) + 0.35
    rows = rows_of(form, noise=0.05)
    scaled = Rows.from_arrays(rows.columns, rows.target * scale)
    constants = compile_expression(form, (X, Y)).constants
    factors = [1.1 if value == -0.75 else 1.1 * scale for value in constants]
    first = refit(replace_constants(form, (constants * 1.1).tolist()), rows)
    second = refit(replace_constants(form, (constants * factors).tolist()), scaled)
    assert second.loss / scale**2 == pytest.approx(first.loss, rel=1e-6)
    assert second.bits == pytest.approx(first.bits, rel=1e-6)


def test_fewer_rows_than_constants_still_give_a_fit():
    rows = Rows.from_arrays(COLUMNS[:2], np.array([1.0, 2.0]))
    fit = refit(2.5 * X**2 + 0.5 * X + 0.3 * Y, rows)
    assert math.isfinite(fit.loss)
    assert fit.bits == math.inf


def test_the_left_out_loss_is_that_of_refits_without_each_row():
    generator = np.random.default_rng(5)
    columns, weights = generator.uniform(0.5, 3.0, (12, 1)), generator.uniform(0.5, 2.0, 12)
    target = 2.0 * columns[:, 0] + 1.0 + 0.1 * generator.normal(size=12)
    rows = Rows.from_arrays(columns, target, weights)
    x = rows.variables[0]
    fit = refit(1.5 * x + sympy.Float(0.5), rows)
    errors = []
    for left_out in range(12):
        others = np.delete(np.arange(12), left_out)
        design = np.column_stack([columns[others, 0], np.ones(11)]) * np.sqrt(rows.weights[others, None])
        slope, offset = np.linalg.lstsq(design, target[others] * np.sqrt(rows.weights[others]), rcond=None)[0]
        errors.append(target[left_out] - slope * columns[left_out, 0] - offset)
    assert fit.left_out_loss == pytest.approx(np.average(np.square(errors), weights=rows.weights), rel=1e-9)
    assert assess(x, rows).left_out_loss == assess(x, rows).loss


def test_a_row_that_a_constant_has_for_itself_counts_as_not_predicted():
    columns = np.array([[0.0], [0.0], [0.0], [1.0]])
    rows = Rows.from_arrays(columns, np.array([1.1, 0.9, 1.0, 5.0]))
    x = rows.variables[0]
    fit = refit(sympy.Float(3.5) * x + sympy.Float(0.5), rows)
    assert fit.loss < 0.01
    assert fit.left_out_loss > 0.1 * 5.0**2 / 4


def test_a_constant_that_is_no_double_has_infinite_loss():
    fit = refit(2.0 * X / sympy.sqrt(sympy.cosh(X) + sympy.Float("1.2e316")), rows_of(FORMS[0]))
    assert fit.loss == math.inf
