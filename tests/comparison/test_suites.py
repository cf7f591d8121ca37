import numpy as np
import pytest

from kansym.comparison.problems import LawProblem
from kansym.comparison.suites import list_suites, load_suite, suite_names
from kansym.errors import ParameterError


def test_every_suite_has_as_many_problems_as_it_says():
    suites = {suite.name: suite for suite in list_suites()}
    assert tuple(suites) == suite_names()
    for name, suite in suites.items():
        problems = load_suite(name)
        assert suite.problems == len(problems)
        assert len({problem.name for problem in problems}) == len(problems)
        assert {problem.suite for problem in problems} == {name}
        assert suite.what
        assert suite.source
    assert sum(suite.problems for suite in suites.values()) == 358 + 120 + 42 + 9


def test_the_alias():
    assert [problem.name for problem in load_suite("empiricalbench")] == [
        problem.name for problem in load_suite("historical")
    ]


@pytest.mark.parametrize(("name", "hint"), [("Nguyen", "did you mean 'nguyen'"), ("?", "there are 'feynman100'")])
def test_unknown_suite(name, hint):
    with pytest.raises(ParameterError, match=rf"unknown suite .*; {hint}"):
        load_suite(name)


@pytest.mark.parametrize("plain", ["srsd_easy", "srsd_medium", "srsd_hard"])
def test_dummy_columns_of_srsd_belong_to_the_problem(plain):
    numbers = set()
    for problem, original in zip(load_suite(f"{plain}_dummy"), load_suite(plain), strict=True):
        assert isinstance(problem, LawProblem)
        assert isinstance(original, LawProblem)
        assert problem.expression == original.expression
        numbers.add(len(problem.dummies))
        for dummy in problem.dummies:
            assert dummy.high / dummy.low == pytest.approx(100)
    assert numbers == {1, 2, 3}
    first = load_suite(f"{plain}_dummy")[0]
    names = {name for name in first.draw(rows=5, seed=0).names if name.startswith("dummy")}
    assert names == {name for name in first.draw(rows=5, seed=9).names if name.startswith("dummy")}
    assert len(first.draw(rows=5, dummies=2).names) == len(first.draw(rows=5).names) + 2


def test_historical_laws_are_found_in_their_rows():
    expected = {"hubble": 0.6, "leavitt": 0.07, "newton": 0.03, "schechter": 0.02, "ideal_gas": 0.02, "bode": 0.05}
    for problem in load_suite("historical"):
        sample = problem.draw(seed=0)
        assert sample.truth is not None
        assert sample.sigma > 0
        share = sample.sigma / np.sqrt(np.mean(sample.y**2))
        assert share < expected.get(problem.name, 1e-3)


def test_noise_adds_to_that_of_the_problem():
    leavitt = next(problem for problem in load_suite("historical") if problem.name == "leavitt")
    own, more = leavitt.draw(rows=50).sigma, leavitt.draw(rows=50, noise=0.12).sigma
    assert more / own == pytest.approx(0.13 / 0.05)
