"""Errors of constants and of predictions: certified ones, textbook ones, and how often they hold the truth."""

import json
import math
from typing import Any

import numpy as np
import pytest
import sympy
from scipy import stats

from kansym.datasets import data_path, load_dataset
from kansym.errors import ParameterError
from kansym.symbolic.constants import refit
from kansym.symbolic.evaluation import constants_of
from kansym.symbolic.front import Formula
from kansym.symbolic.normal_form import rebuild, replace_constants
from kansym.symbolic.parsing import parse_expression
from kansym.symbolic.prediction import predict_with_deviation
from kansym.symbolic.rows import Rows
from kansym.symbolic.uncertainty import Uncertainty, round_to_uncertainty

X = sympy.Symbol("x", real=True)

# ------------------------------------------------------------------------------------------------- certified deviations

CERTIFIED = json.loads(data_path("real/nist_certified.json").read_text(encoding="utf-8"))
# Each constant of ours has its own place: NIST's forms that name a parameter twice, in others with the same parameters.
FORMS = {
    "Misra1d": "b1*x/(x + 1/b2)",
    "ENSO": "b1 + b2*cos(pi*x/6) + b3*sin(pi*x/6) + sqrt(b5**2 + b6**2)*cos(2*pi*x/b4 - atan2(b6, b5))"
    " + sqrt(b8**2 + b9**2)*cos(2*pi*x/b7 - atan2(b9, b8))",
    "Eckerle4": "(b1/b2)*exp(-((x - b3)/b2)**2/2)",
    "Misra1c": "b1*(1 - (1 + 2*b2*x)**(-1/2))",
}


def with_parameters(law, parameters):
    """The law with numbers for its parameters, products kept as they are."""
    numbers = {symbol: sympy.Float(value) for symbol, value in parameters.items()}

    def visit(node):
        if node in numbers:
            return numbers[node]
        return rebuild(node, [visit(argument) for argument in node.args]) if node.args else node

    return visit(law)


def constants_near(expression, reference):
    """Constants of an expression in the order of almost equal ones: sympy sorts terms by their numbers."""
    constants = np.array(constants_of(expression))
    return constants[np.abs(constants / reference[:, None] - 1).argmin(axis=1)]


@pytest.mark.parametrize("name", CERTIFIED)
def test_standard_errors_are_those_that_nist_certifies(name):
    facts = CERTIFIED[name]
    frame = load_dataset(f"nist_{name.lower()}").frame
    names = [column for column in frame.columns if column != "y"]
    y = frame["y"].to_numpy(float)
    rows = Rows.from_arrays(frame[names].to_numpy(float), np.log(y) if facts["lhs"] == "log(y)" else y, names=names)
    symbols = {parameter: sympy.Symbol(parameter, real=True) for parameter in facts["certified"]}
    variables = {symbol.name: symbol for symbol in rows.variables}
    law = parse_expression(FORMS.get(name) or facts["expression"], {**symbols, **variables})
    certified = {symbols[parameter]: value for parameter, value in facts["certified"].items()}
    fit = refit(with_parameters(law, certified), rows)
    assert len(fit.constants) == len(certified)
    # NIST's parameters are functions of our constants; their gradients carry the errors over.
    slopes = []
    for symbol, value in certified.items():
        step = 1e-6 * value
        sides = [with_parameters(law, {**certified, symbol: value + sign * step}) for sign in (1, -1)]
        upper, lower = (constants_near(side, fit.constants) for side in sides)
        slopes.append((upper - lower) / (2 * step))
    errors = fit.uncertainty.standard_deviation(np.linalg.inv(np.transpose(slopes)))
    # Lanczos1 has its 14 digits rounded to doubles: its residuals, of 1e-13, are known to three digits.
    tolerance = 1e-2 if name == "Lanczos1" else 1e-8
    np.testing.assert_allclose(errors, list(facts["standard_deviations"].values()), rtol=tolerance)


# --------------------------------------------------------------------------------------------- how often they are right


def simulated(seed, n_rows, noise, weights=None):
    generator = np.random.default_rng(seed)
    x = np.linspace(0.0, 3.0, n_rows)
    deviation = noise / np.sqrt(np.ones(n_rows) if weights is None else weights)
    return Rows.from_arrays(x[:, None], truth(x) + deviation * generator.normal(size=n_rows), weights, names=["x"])


def truth(x):
    return 2.5 * np.exp(-0.7 * x) + 0.5


LAW = 2.5 * sympy.exp(-0.7 * X) + 0.5


@pytest.mark.parametrize(("n_rows", "noise", "weighted"), [(30, 0.05, False), (6, 0.01, False), (30, 0.05, True)])
def test_intervals_hold_the_truth_as_often_as_they_say(n_rows, noise, weighted):
    # How many of 300 intervals hold the truth is binomial, and within these bounds with a probability of 99.95 %. At
    # three degrees of freedom, intervals of the normal distribution would hold it in 86 % of the cases only.
    low, high = stats.binom.ppf([0.00025, 0.99975], 300, 0.95)
    weights = np.where(np.arange(n_rows) % 2, 4.0, 0.25) if weighted else None
    constants = np.array(constants_of(LAW))
    points = np.array([[0.3], [1.7], [4.0]])
    held = {"constants": np.zeros(3), "mean": np.zeros(3), "observation": np.zeros(3)}
    generator = np.random.default_rng(99)
    for seed in range(300):
        rows = simulated(seed, n_rows, noise, weights)
        formula = Formula.from_fit(refit(LAW, rows), rows.variance)
        reach = formula.uncertainty.quantile(0.95)
        found = constants_near(formula.expression, constants)
        errors = formula.standard_errors[[formula.constants.tolist().index(value) for value in found]]
        held["constants"] += np.abs(found - constants) <= reach * errors
        scale = 1.0 if weights is None else 1.0 / math.sqrt(weights.mean())
        fresh = truth(points[:, 0]) + scale * noise * generator.normal(size=3)
        for of, reference in (("mean", truth(points[:, 0])), ("observation", fresh)):
            values, deviations = predict_with_deviation(formula, points, rows.variables, of=of)
            held[of] += np.abs(values - reference) <= reach * deviations
    for counts in held.values():
        assert np.all((counts >= low) & (counts <= high)), held


def test_errors_of_a_polynomial_are_those_of_linear_regression():
    rows = simulated(1, 20, 0.1)
    fit = refit(1.5 * X**2 - 0.3 * X + sympy.Float(0.2), rows)
    x = rows.columns[:, 0]
    terms: Any = fit.expression.args
    powers = [int(term.as_coeff_exponent(X)[1]) for term in terms]
    design = np.column_stack([x**power for power in powers])
    residual = rows.target - design @ np.linalg.lstsq(design, rows.target, rcond=None)[0]
    covariance = np.linalg.inv(design.T @ design) * (residual @ residual) / 17
    np.testing.assert_allclose(fit.uncertainty.covariance, covariance, rtol=1e-7)
    new = np.array([[5.0, 7.0]]).T
    at = np.column_stack([new[:, 0] ** power for power in powers])
    expected = np.sqrt(np.einsum("ij,jk,ik->i", at, covariance, at))
    formula = Formula.from_fit(fit, rows.variance)
    deviations = predict_with_deviation(formula, new, rows.variables)[1]
    np.testing.assert_allclose(deviations, expected, rtol=1e-7)
    np.testing.assert_allclose(
        predict_with_deviation(formula, new, rows.variables, of="observation")[1] ** 2,
        expected**2 + (residual @ residual) / 17,
        rtol=1e-7,
    )


# -------------------------------------------------------------------------------------------------------- awkward cases


def test_exact_data_leave_errors_of_rounding():
    rows = Rows.from_arrays(np.linspace(0, 3, 30)[:, None], truth(np.linspace(0, 3, 30)), names=["x"])
    errors = refit(1.01 * LAW, rows).uncertainty.standard_errors
    assert np.all((errors > 0) & (errors < 1e-14))


@pytest.mark.parametrize("n_rows", [1, 2, 3])
def test_no_more_rows_than_constants_say_nothing(n_rows):
    rows = simulated(0, n_rows, 0.1)
    formula = Formula.from_fit(refit(LAW, rows), 1.0)
    assert np.isnan(formula.standard_errors).all()
    assert np.isnan(predict_with_deviation(formula, rows.columns, rows.variables)[1]).all()
    assert math.isnan(formula.uncertainty.quantile(0.95))


def test_exact_constants_have_no_error():
    rows = simulated(0, 20, 0.1)
    formula = Formula.from_fit(refit(sympy.exp(-X / 2) + sympy.pi / 8, rows), rows.variance)
    assert formula.standard_errors.shape == (0,)
    values, deviations = predict_with_deviation(formula, rows.columns, rows.variables)
    assert np.all(deviations == 0)
    noise = predict_with_deviation(formula, rows.columns, rows.variables, of="observation")[1]
    np.testing.assert_allclose(noise, math.sqrt(np.mean((rows.target - values) ** 2)))


def test_what_is_not_determined_is_infinite_and_the_rest_is_not():
    # log(a·x) + b says the same thing twice; only what both say together is known, and so is the curve.
    columns = np.linspace(1, 3, 20)[:, None]
    noise = 0.1 * np.random.default_rng(0).normal(size=20)
    rows = Rows.from_arrays(columns, np.log(2 * columns[:, 0]) + noise, names=["x"])
    formula = Formula.from_fit(refit(sympy.log(1.5 * X) + 0.25, rows), rows.variance)
    assert np.isinf(formula.standard_errors).all()
    assert np.isnan(formula.uncertainty.covariance[0, 1])
    once = Formula.from_fit(refit(sympy.log(X) + 0.25, rows), rows.variance)
    deviations = [predict_with_deviation(f, rows.columns, rows.variables)[1] for f in (formula, once)]
    np.testing.assert_allclose(deviations[0], deviations[1] * math.sqrt(19 / 18), rtol=1e-6)


def test_undefined_values_have_no_deviation():
    rows = Rows.from_arrays(np.linspace(1, 3, 20)[:, None], np.log(np.linspace(1, 3, 20)) + 0.01, names=["x"])
    formula = Formula.from_fit(refit(1.1 * sympy.log(X), rows), rows.variance)
    for of in ("mean", "observation"):
        values, deviations = predict_with_deviation(formula, np.array([[-1.0], [2.0]]), rows.variables, of=of)
        assert np.isnan(values).tolist() == np.isnan(deviations).tolist() == [True, False]


def test_the_unit_of_the_weights_does_not_matter():
    rows = simulated(0, 30, 0.1, np.linspace(1, 2, 30))
    fit = refit(LAW, rows)
    heavy = refit(LAW, Rows(rows.columns, rows.target, 50 * rows.weights, rows.variables))
    np.testing.assert_allclose(fit.uncertainty.standard_errors, heavy.uncertainty.standard_errors, rtol=1e-6)


def test_of_is_checked():
    rows = simulated(0, 20, 0.1)
    formula = Formula.from_fit(refit(LAW, rows), rows.variance)
    with pytest.raises(ParameterError, match="of must be one of 'mean', 'observation', got 'noise'"):
        predict_with_deviation(formula, rows.columns, rows.variables, of="noise")


# ------------------------------------------------------------------------------------------------------------- rounding


def only(error):
    return Uncertainty(np.array([[1.0]]), np.empty((1, 0)), error, 50)


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (365.0364218, 0.0123, "365.036(12)"),
        (-365.0364218, 0.0123, "-365.036(12)"),
        (0.000123456, 4.4e-7, "0.00012346(44)"),
        (1.38064852e-23, 7.9e-29, "1.3806485(79)e-23"),
        (2.0, 0.3, "2.00(30)"),
        (0.2, 3.0, "0.2(30)"),
        (0.0, 0.5, "0.00(50)"),
        (365036.4, 1200.0, "3.650(12)e5"),
        (12.0, 400.0, "1(40)e1"),
        (9.9999, 0.01, "10.000(10)"),
        (2.5, math.nan, "2.5"),
        (2.5, math.inf, "2.5"),
        (2.5, 1e-30, "2.5"),
    ],
)
def test_rounding_examples(value, error, text):
    rounded = round_to_uncertainty([value], only(error))
    assert rounded.texts == (text,)
    assert rounded.values[0] == pytest.approx(value, abs=error / 20 if math.isfinite(error) else 0)


def test_the_stated_loss_is_the_measured_one():
    rows = simulated(3, 40, 0.1)
    fit = refit(LAW, rows)
    moved = fit.constants + 0.5 * fit.uncertainty.standard_errors * np.array([1, -1, 1])
    loss = refit(replace_constants(fit.expression, moved.tolist()), rows, should_stop=lambda: True).loss
    stated = fit.uncertainty.loss_rise(moved - fit.constants)
    assert loss / fit.loss - 1 == pytest.approx(stated, rel=0.2)
    assert stated > 0.01


def test_correlated_constants_get_more_digits():
    x = np.linspace(100, 101, 50)
    rows = Rows.from_arrays(x[:, None], 3 * x - 250 + 0.1 * np.random.default_rng(0).normal(size=50), names=["x"])
    fit = refit(3.1 * X - 251.0, rows)
    rounded = round_to_uncertainty(fit.constants, fit.uncertainty)
    assert rounded.guard_digits > 1
    assert rounded.loss_rise <= 0.01
    written = refit(replace_constants(fit.expression, rounded.values), rows, should_stop=lambda: True)
    assert written.loss <= 1.011 * fit.loss


def test_information_is_free_of_the_units_of_the_constants():
    generator = np.random.default_rng(0)
    jacobian, constants = generator.normal(size=(50, 3)), np.array([2.0, -0.3, 70.0])
    units = np.array([1e6, 1e-3, 7.0])
    plain = Uncertainty.from_jacobian(jacobian, np.ones(50), np.ones(50)).information(constants)
    other = Uncertainty.from_jacobian(jacobian * units, np.ones(50), np.ones(50)).information(constants / units)
    assert np.sort(other) == pytest.approx(np.sort(plain), rel=1e-9)
    scaled = jacobian * np.abs(constants)
    assert np.sort(plain) == pytest.approx(np.linalg.eigvalsh(scaled.T @ scaled), rel=1e-9)
