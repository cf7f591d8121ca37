import math
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from kansym.comparison.evaluation import evaluate
from kansym.comparison.problems import LawProblem
from kansym.comparison.sampling import Variable, draw_rows
from kansym.comparison.suites import load_suite, suite_names
from kansym.errors import DataError, ParameterError

A, B = Variable("a", 1.0, 3.0), Variable("b", 0.001, 0.1, "loguniform", sign="both")
PROBLEM = LawProblem("mine", "product", A.symbol * B.symbol, (A, B))


@given(st.floats(-1e3, 1e3), st.floats(0, 1e3), st.integers(0, 99))
def test_uniform_ranges_are_half_as_wide_again(low, width, seed):
    plain = Variable("x", low, low + width)
    wide = plain.widened()
    assert wide.high - wide.low == pytest.approx(1.5 * width, abs=1e-9)
    assert wide.low + wide.high == pytest.approx(2 * low + width, abs=1e-9)
    values = plain.draw(50, np.random.default_rng(seed))
    assert low <= values.min() <= values.max() <= low + width


@given(st.floats(-200, 200), st.floats(0, 10), st.sampled_from(["plain", "neg", "both"]))
def test_loguniform_ranges_are_widened_in_the_logarithm(exponent, decades, sign):
    plain = Variable("x", 10.0**exponent, 10.0 ** (exponent + decades), "loguniform", sign=sign)
    wide = plain.widened()
    assert math.log10(wide.high) - math.log10(wide.low) == pytest.approx(1.5 * decades, abs=1e-9)
    values = plain.draw(200, np.random.default_rng(0))
    assert plain.low * (1 - 1e-12) <= np.abs(values).min() <= np.abs(values).max() <= plain.high * (1 + 1e-12)
    negative = np.mean(values < 0)
    assert {"plain": negative == 0, "neg": negative == 1, "both": 0.3 < negative < 0.7}[sign]


def test_whole_numbers_include_both_ends():
    variable = Variable("n", 1, 4, integer=True)
    assert set(variable.draw(500, np.random.default_rng(0))) == {1, 2, 3, 4}
    assert set(variable.widened().draw(500, np.random.default_rng(0))) <= set(range(0, 6))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("x", 2.0, 1.0), "range of 'x' must be finite"),
        (("x", 0.0, 1.0, "loguniform"), "above 0"),
        (("x", 0.0, math.inf), "must be finite"),
        (("x", 0.0, 1.0, "unifrom"), "distribution must be known, got 'unifrom'; did you mean 'uniform'"),
        (("x", 0.0, 1.0, "uniform", False, "minus"), "sign must be known"),
    ],
)
def test_bad_ranges(arguments, message):
    with pytest.raises(ParameterError, match=message):
        Variable(*arguments)


@pytest.mark.parametrize("suite", suite_names())
def test_every_problem_draws_finite_rows_of_its_truth(suite):
    for problem in load_suite(suite)[::3]:
        sample = problem.draw(rows=40, seed=0)
        assert len(sample.names) == len(sample.variables) == sample.X.shape[1] == sample.X_test.shape[1]
        assert [symbol.name for symbol in sample.variables] == list(sample.names)
        for array in (sample.X, sample.y, sample.X_test, sample.y_test):
            assert np.isfinite(array).all()
        assert len(sample.X) == len(sample.y) <= 40
        assert len(sample.X_test) == len(sample.y_test)
        if sample.truth is not None:
            assert sample.X_wide is not None
            assert sample.y_wide is not None
            assert len(sample.X_wide) == len(sample.y_wide) == 1000
            assert np.array_equal(evaluate(sample.truth, sample.variables, sample.X_wide), sample.y_wide)
            assert np.isfinite(sample.y_wide).all()


def test_rows_are_those_of_the_law_within_the_ranges():
    sample = PROBLEM.draw(rows=200, seed=3)
    a, b = sample.X.T
    assert np.array_equal(sample.y, a * b)
    assert sample.sigma == 0
    assert 1 <= a.min() < a.max() <= 3
    assert sample.X_wide is not None
    assert sample.X_wide[:, 0].min() < 1
    assert sample.X_wide[:, 0].max() > 3
    assert np.abs(sample.X_wide[:, 1]).max() > 0.1


@given(st.integers(0, 50), st.floats(0, 1), st.integers(0, 3))
@settings(max_examples=25)
def test_noise_and_dummy_columns_leave_the_rows_as_they_were(seed, noise, dummies):
    plain = PROBLEM.draw(rows=30, seed=seed)
    other = PROBLEM.draw(rows=30, noise=noise, dummies=dummies, seed=seed)
    own = [other.names.index(name) for name in plain.names]
    assert own == sorted(own)
    for name in ("X", "X_test", "X_wide"):
        assert np.array_equal(getattr(other, name)[:, own], getattr(plain, name))
    assert np.array_equal(other.y_test, plain.y_test)
    assert len(other.names) == 2 + dummies
    assert set(other.names) == {"a", "b", *(f"dummy{number}" for number in range(1, dummies + 1))}
    assert other.truth == plain.truth
    assert (other.sigma > 0) == (noise * np.abs(plain.y).max() > 0)


def test_noise_has_the_stated_size():
    clean, noisy = PROBLEM.draw(rows=4000, seed=0), PROBLEM.draw(rows=4000, noise=0.1, seed=0)
    assert noisy.sigma == pytest.approx(0.1 * np.sqrt(np.mean(clean.y**2)))
    assert np.std(noisy.y - clean.y) == pytest.approx(noisy.sigma, rel=0.05)


def test_seeds_problems_and_parts_share_no_rows():
    samples = [PROBLEM.draw(rows=50, seed=seed) for seed in (0, 1)]
    samples.append(LawProblem("mine", "other", PROBLEM.expression, PROBLEM.variables).draw(rows=50, seed=0))
    columns = [part[:, 0] for sample in samples for part in (sample.X, sample.X_test)]
    assert len(np.unique(np.concatenate(columns))) == sum(len(column) for column in columns)


def test_the_same_rows_in_another_process():
    code = (
        "from kansym.comparison.suites import load_suite\n"
        "print(float(load_suite('nguyen')[8].draw(rows=5, noise=0.1, dummies=1, seed=4).y.sum()).hex(), end='')"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    expected = load_suite("nguyen")[8].draw(rows=5, noise=0.1, dummies=1, seed=4).y.sum()
    assert float.fromhex(done.stdout) == expected


def test_the_rows_that_the_source_prescribes():
    keijzer = {problem.name: problem for problem in load_suite("keijzer")}
    grid = keijzer["Keijzer-6"].draw()
    assert grid.X[:, 0].tolist() == list(range(1, 51))
    assert len(keijzer["Keijzer-11"].draw().X) == 20
    assert len(load_suite("pagie")[0].draw().X) == 26 * 26
    assert len(load_suite("feynman100")[0].draw().X) == 1000
    assert len(keijzer["Keijzer-6"].draw(rows=7).X) == 7


def test_rows_where_the_law_is_not_finite_are_drawn_again():
    x = Variable("x", -1.0, 1.0)
    sample = LawProblem("mine", "root", sympy.sqrt(x.symbol), (x,)).draw(rows=300)
    assert sample.X.min() >= 0
    assert sample.X.shape == (300, 1)


def test_a_law_that_is_hardly_ever_finite():
    x = Variable("x", -1.0, 1.0)
    with pytest.raises(DataError, match=r"finite on most of its range, got 0 finite values in 6000 draws"):
        draw_rows([x], 30, np.random.default_rng(0), lambda rows: np.full(len(rows), np.nan))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rows": 0}, "rows must be an integer >= 1, or None for what the problem prescribes, got 0"),
        ({"rows": 2.5}, "rows must be"),
        ({"rows": True}, "rows must be"),
        ({"noise": -0.1}, "noise must be a finite number >= 0"),
        ({"noise": math.nan}, "noise must be"),
        ({"dummies": -1}, "dummies must be an integer >= 0, got -1"),
        ({"seed": "0"}, "seed must be an integer >= 0, got '0'"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ParameterError, match=message):
        PROBLEM.draw(**options)


def test_dummy_names_give_way_to_columns_of_that_name():
    x = Variable("dummy1", 0.0, 1.0)
    sample = LawProblem("mine", "taken", x.symbol**2, (x,)).draw(rows=5, dummies=1)
    assert sorted(sample.names) == ["dummy1", "dummy2"]


def test_a_sample_shows_its_sizes_and_no_rows():
    assert repr(PROBLEM.draw(rows=5)) == (
        "Sample of 5 training, 1000 test and 1000 wide rows of a, b; truth a*b, sigma 0"
    )


@pytest.mark.parametrize("suite", suite_names())
def test_problems_are_the_same_in_another_process(suite):
    for problem in load_suite(suite):
        again = pickle.loads(pickle.dumps(problem))
        assert (again.suite, again.name) == (problem.suite, problem.name)
        assert again.fingerprint == problem.fingerprint, problem.name
