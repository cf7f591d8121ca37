import numpy as np
import pytest
import sympy

from kansym.comparison.evaluation import evaluate
from kansym.comparison.laws import fit_law, read_law
from kansym.comparison.measured import measured_problems, table_problem
from kansym.datasets import load_dataset
from kansym.errors import DataError, ParameterError

MEASURED = {problem.name: problem for problem in measured_problems()}


@pytest.fixture
def table(tmp_path):
    x = np.linspace(1.0, 9.0, 40)
    path = tmp_path / "falling.csv"
    lines = ["time s,who,height"] + [f"{t!r},me,{3.5 * t**2 - 1.25!r}" for t in x.tolist()]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def rows_of(X):
    return {tuple(row) for row in X.tolist()}


@pytest.mark.parametrize("name", MEASURED)
def test_rows_are_split_into_three_quarters_and_one(name):
    problem = MEASURED[name]
    sample = problem.draw(seed=0)
    total = len(load_dataset(name).frame)
    assert len(sample.X) + len(sample.X_test) == total
    assert len(sample.X_test) == max(1, round(total / 4))
    assert sorted([*sample.y, *sample.y_test]) == sorted(problem.y)
    assert rows_of(sample.X) | rows_of(sample.X_test) == rows_of(problem.X)


@pytest.mark.parametrize("name", ["nist_misra1a", "nist_thurber", "nist_rat43", "nist_roszman1", "nist_kirby2"])
def test_fits_of_all_rows_give_the_certified_residuals(name):
    problem = MEASURED[name]
    assert problem.law is not None
    truth, residual = fit_law(problem.law, problem.X, problem.y, np.random.default_rng(0))
    certified = {
        "nist_misra1a": 1.2455138894e-01,
        "nist_thurber": 5.6427082397e03,
        "nist_rat43": 8.7864049080e03,
        "nist_roszman1": 4.9484847331e-04,
        "nist_kirby2": 3.9050739624e00,
    }
    assert len(problem.y) * residual**2 == pytest.approx(certified[name], rel=1e-8)
    values = evaluate(truth, [variable.symbol for variable in problem.variables], problem.X)
    assert np.sqrt(np.mean((values - problem.y) ** 2)) == pytest.approx(residual)


def test_the_truth_knows_nothing_of_the_test_rows():
    problem = MEASURED["nist_misra1a"]
    sample = problem.draw(seed=0)
    assert problem.law is not None
    truth, residual = fit_law(problem.law, sample.X, sample.y, np.random.default_rng(0))
    assert residual == pytest.approx(sample.sigma, rel=1e-6)
    assert sample.truth is not None
    expected = evaluate(truth, sample.variables, sample.X_test)
    assert evaluate(sample.truth, sample.variables, sample.X_test) == pytest.approx(expected, rel=1e-6)


def test_other_seeds_hold_out_other_rows():
    problem = MEASURED["nist_gauss1"]
    assert rows_of(problem.draw(seed=0).X_test) != rows_of(problem.draw(seed=1).X_test)
    assert rows_of(problem.draw(seed=0).X_test) == rows_of(problem.draw(seed=0, noise=0.1, rows=50).X_test)


def test_residuals_of_the_same_measurement_are_no_features():
    assert MEASURED["firas_cmb"].names == ("wavenumber_cm1",)
    assert MEASURED["sparc_rar"].names == ("log10_gbar",)


def test_a_users_table_with_a_law(table):
    problem = table_problem(table, "height", law="k*`time s`**2 + d")
    assert problem.names == ("time s",)
    assert problem.suite, problem.name == ("table", "falling")
    sample = problem.draw(seed=0)
    assert sample.truth is not None
    assert sorted(float(number) for number in sample.truth.atoms(sympy.Float)) == pytest.approx([-1.25, 3.5])
    assert sample.sigma < 1e-9
    assert sample.X_wide is not None
    assert sample.X_wide.min() < 1 < 9 < sample.X_wide.max()


def test_a_users_table_without_a_law(table):
    sample = table_problem(table, "height").draw(rows=10, noise=0.5, dummies=1)
    assert sample.truth is sample.X_wide is sample.y_wide is None
    assert sample.X.shape == (10, 2)
    assert len(sample.X_test) == 10
    assert sample.sigma > 0


def test_noise_on_measured_rows_adds_to_what_the_law_leaves():
    problem = MEASURED["nist_misra1a"]
    plain, noisy = problem.draw(seed=0), problem.draw(seed=0, noise=0.1)
    assert noisy.truth == plain.truth
    added = 0.1 * np.sqrt(np.mean(plain.y**2))
    assert noisy.sigma == pytest.approx(np.hypot(plain.sigma, added))
    assert not np.array_equal(noisy.y, plain.y)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"target": "hight"}, DataError, "no column 'hight' for the target; did you mean 'height'"),
        ({"target": "height", "law": "k*time"}, ParameterError, "must be a formula of the columns 'time s'"),
        ({"target": "height", "law": "k*"}, ParameterError, "well formed"),
        ({"target": "height", "features": ["who"]}, DataError, "must hold numbers"),
    ],
)
def test_bad_tables(table, options, error, message):
    with pytest.raises(error, match=message):
        table_problem(table, **options)


def test_too_few_rows(tmp_path):
    path = tmp_path / "short.csv"
    path.write_text("x,y\n1,2\n2,3\n", encoding="utf-8")
    with pytest.raises(DataError, match="at least 4 rows, got 2"):
        table_problem(path, "y")


def test_a_law_that_is_nowhere_finite():
    law = read_law("b*log(-x)", ["x"])
    with pytest.raises(DataError, match="finite on every row for some constants"):
        fit_law(law, np.array([[1.0], [2.0]]), np.array([1.0, 2.0]), np.random.default_rng(0))


def test_unknown_constants_are_found_from_far_starts():
    x = np.linspace(0.5, 4.0, 30)
    law = read_law("amplitude*exp(-rate*x) + floor_", ["x"])
    truth, residual = fit_law(law, x[:, None], 12.0 * np.exp(-0.8 * x) + 3.0, np.random.default_rng(1))
    assert residual < 1e-9
    assert evaluate(truth, law.variables, np.array([[1.0]]))[0] == pytest.approx(12 * np.exp(-0.8) + 3)
