import json
import math
from dataclasses import asdict, fields, replace

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from kansym.comparison.judge import Judgement, judge, judge_numerically, judge_predictions, judge_symbolically
from kansym.comparison.problems import LawProblem
from kansym.comparison.records import Record
from kansym.comparison.sampling import Variable
from kansym.comparison.suites import load_suite
from kansym.errors import ParameterError

U, V = Variable("x", 1.0, 3.0), Variable("y", 0.5, 2.0)
X, Y = U.symbol, V.symbol
LAW = 2.5 * sympy.exp(-0.7 * X) + Y
SAMPLE = LawProblem("mine", "law", LAW, (U, V)).draw(rows=60)


def test_the_fields_are_those_of_a_record():
    assert {field.name for field in fields(Judgement)} <= {field.name for field in fields(Record)}


def test_the_truth():
    assert judge(LAW, [], SAMPLE, symbolic_seconds=60) == Judgement(
        complexity=8,
        truth_complexity=8,
        r2_test=1.0,
        error_test=0.0,
        error_wide=0.0,
        recovered=True,
        recovered_by="exact",
        symbolic=True,
        on_front=True,
        edit_distance=0.0,
    )


@pytest.mark.parametrize("expression", [3 * LAW, LAW + 5])
def test_a_factor_or_a_shift_is_symbolic_but_not_exact(expression):
    judgement = judge(expression, [], SAMPLE, symbolic_seconds=60)
    assert judgement.symbolic is True
    assert not judgement.recovered
    assert judge_symbolically(expression, SAMPLE) is True


def test_a_wrong_formula():
    judgement = judge(X * Y, [X + Y, Y], SAMPLE, symbolic_seconds=60)
    assert (judgement.recovered, judgement.symbolic, judgement.on_front) == (False, False, False)
    assert judgement.r2_test is not None
    assert judgement.r2_test < 0.9
    assert judgement.edit_distance is not None
    assert 0 < judgement.edit_distance <= 1


def test_a_right_formula_that_was_not_selected():
    judgement = judge_numerically(X * Y, [Y, X * Y, LAW, sympy.sin(X)], SAMPLE)
    assert not judgement.recovered
    assert judgement.on_front


def test_a_front_is_looked_at_while_there_is_time(monkeypatch):
    crowd = [X + number for number in range(150)]
    assert judge_numerically(X, [*crowd, LAW], SAMPLE).on_front
    monkeypatch.setattr("kansym.comparison.judge.FRONT_SECONDS", 0.0)
    assert not judge_numerically(X, [*crowd, LAW], SAMPLE).on_front
    assert judge_numerically(X, [LAW], SAMPLE).on_front


@pytest.mark.parametrize("expression", [sympy.log(X - 2), sympy.zoo, sympy.nan, sympy.sqrt(-X), 1 / (X - X + 0.0)])
def test_a_formula_that_is_not_finite(expression):
    judgement = judge_numerically(expression, [], SAMPLE)
    assert judgement.r2_test is judgement.error_test is judgement.error_wide is None
    assert not judgement.recovered
    json.dumps(asdict(judgement), allow_nan=False)


def test_a_constant_formula():
    judgement = judge_numerically(sympy.Float(2.0), [], SAMPLE)
    assert judgement.complexity == 1
    assert judgement.r2_test is not None
    assert judgement.r2_test <= 0


def test_a_formula_in_other_variables():
    with pytest.raises(ParameterError, match="made of its variables"):
        judge_numerically(sympy.Symbol("z", real=True), [], SAMPLE)


def test_measured_rows_without_a_law():
    concrete = next(problem for problem in load_suite("measured") if problem.name == "yacht_hydrodynamics")
    sample = concrete.draw(seed=0)
    froude = sample.variables[sample.names.index("Fr")]
    judgement = judge(sympy.exp(19 * froude - 4.2), [], sample)
    assert judgement.truth_complexity is judgement.symbolic is judgement.edit_distance is judgement.error_wide is None
    assert judgement.r2_test is not None
    assert judgement.r2_test > 0.5
    assert not judgement.recovered
    assert judge_symbolically(froude, sample) is None


def test_the_law_of_measured_rows_is_found_from_the_training_rows():
    kepler = next(problem for problem in load_suite("historical") if problem.name == "kepler")
    sample = kepler.draw(seed=0)
    (a,) = sample.variables
    found, *_ = np.linalg.lstsq(sample.X**1.5, sample.y, rcond=None)
    assert judge_numerically(float(found[0]) * a**1.5, [], sample).recovered
    assert judge_numerically(float(found[0]) * a ** sympy.Rational(3, 2), [], sample).recovered
    assert not judge_numerically(365.256 * a ** sympy.Rational(14, 10), [], sample).recovered


def test_predictions_have_accuracy_only():
    judgement = judge_predictions(SAMPLE.y_test + 0.01, SAMPLE.y_wide, SAMPLE)
    assert judgement.r2_test is not None
    assert judgement.r2_test > 0.99
    assert judgement.error_wide == 0
    assert judgement.complexity is judgement.recovered_by is None
    assert not judgement.recovered
    assert judge_predictions(SAMPLE.y_test * np.nan, None, SAMPLE).error_test is None


def test_predictions_are_judged_as_formulas_are():
    formula = judge_numerically(X * Y, [], SAMPLE)
    assert SAMPLE.X_wide is not None
    predicted = judge_predictions(np.prod(SAMPLE.X_test, axis=1), np.prod(SAMPLE.X_wide, axis=1), SAMPLE)
    for name in ("r2_test", "error_test", "error_wide"):
        assert getattr(predicted, name) == pytest.approx(getattr(formula, name))


@given(st.integers(-6, 6), st.sampled_from([LAW, LAW * 1.00001, X * Y, 2.5 * sympy.exp(-0.7 * X) + 1.1 * Y]))
@settings(max_examples=20)
def test_nothing_depends_on_the_unit_of_y(exponent, expression):
    unit = 10.0**exponent
    assert SAMPLE.y_wide is not None
    scaled = replace(
        SAMPLE,
        y=SAMPLE.y * unit,
        y_test=SAMPLE.y_test * unit,
        y_wide=SAMPLE.y_wide * unit,
        truth=sympy.expand(LAW * unit),
    )
    plain = judge_numerically(expression, [], SAMPLE)
    other = judge_numerically(sympy.expand(expression * unit), [], scaled)
    assert (other.recovered, other.recovered_by) == (plain.recovered, plain.recovered_by)
    for name in ("r2_test", "error_test", "error_wide"):
        assert getattr(other, name) == pytest.approx(getattr(plain, name), abs=1e-12), name
    assert plain.error_test is not None
    assert math.isfinite(plain.error_test)
