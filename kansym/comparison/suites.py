"""The suites at hand: published benchmark equations, measured data sets and historical laws."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass, replace

import numpy as np

from kansym.comparison.historical import historical_problems
from kansym.comparison.measured import measured_problems
from kansym.comparison.problems import LawProblem, Problem
from kansym.comparison.sampling import Variable, stream_key
from kansym.datasets import data_path
from kansym.errors import ParameterError
from kansym.hints import name_hint, quote
from kansym.symbolic.parsing import parse_expression
from kansym.tables import read_table

__all__ = ["Suite", "list_suites", "load_suite", "suite_names"]


@dataclass(frozen=True)
class Suite:
    """What is known about a suite.

    Attributes
    ----------
    name : str
        What :func:`load_suite` takes.
    problems : int
        How many there are.
    what : str
        What they are, in one line.
    source : str
    """

    name: str
    problems: int
    what: str
    source: str


_DSO = "github dso-org/deep-symbolic-optimization (BSD-3-Clause)"
_SRSD = "Matsubara et al. 2022, arXiv 2206.10540; github omron-sinicx/srsd-benchmark (MIT)"
_EQUATIONS = {
    "feynman100": ("equations of the Feynman Lectures", "Udrescu & Tegmark 2020, AI Feynman"),
    "feynman_bonus20": ("harder equations of physics", "Udrescu & Tegmark 2020, AI Feynman"),
    "srsd_easy": ("Feynman equations with realistic constants and ranges", _SRSD),
    "srsd_medium": ("Feynman equations with realistic constants and ranges", _SRSD),
    "srsd_hard": ("Feynman equations with realistic constants and ranges", _SRSD),
    "strogatz": ("right-hand sides of nonlinear differential equations", "github lacava/ode-strogatz"),
    "nguyen": ("short polynomials and functions", _DSO),
    "livermore": ("short polynomials and functions", _DSO),
    "keijzer": ("functions on grids", _DSO),
    "korns": ("functions of one to five among five variables", _DSO),
    "vladislavleva": ("rational and wavy functions", _DSO),
    "neat": ("functions of one to three variables", _DSO),
    "constant": ("functions with constants to find", _DSO),
    "jin": ("functions of two variables with constants", _DSO),
    "dso_extra": ("functions with constants", _DSO),
    "rational": ("rational functions", _DSO),
    "koza": ("polynomials", _DSO),
    "meier": ("functions of two variables", _DSO),
    "pagie": ("one rational function", _DSO),
    "poly10": ("one polynomial of ten variables", _DSO),
}
_WITH_DUMMIES = {f"{name}_dummy": name for name in ("srsd_easy", "srsd_medium", "srsd_hard")}
_ALIASES = {"empiricalbench": "historical"}
_DUMMY_NUMBERS = (1, 2, 3)
_DUMMY_DECADES = 32


def suite_names() -> tuple[str, ...]:
    """Names of all suites.

    Examples
    --------
    >>> "nguyen" in suite_names(), "srsd_hard_dummy" in suite_names()
    (True, True)
    """
    return (*_EQUATIONS, *_WITH_DUMMIES, "measured", "historical")


def list_suites() -> tuple[Suite, ...]:
    """Facts about every suite.

    Examples
    --------
    >>> suite = list_suites()[6]
    >>> suite.name, suite.problems
    ('nguyen', 12)
    """
    equations = _equations()
    facts = [Suite(name, len(equations[name]), *told) for name, told in _EQUATIONS.items()]
    facts += [
        Suite(name, len(equations[plain]), f"{plain} with one to three columns without effect", _SRSD)
        for name, plain in _WITH_DUMMIES.items()
    ]
    measured, historical = measured_problems(), historical_problems()
    return (
        *facts,
        Suite("measured", len(measured), "data sets of measured rows, three quarters for training", "data/README.md"),
        Suite("historical", len(historical), "laws of EmpiricalBench, measured or drawn", "arXiv 2305.01582"),
    )


def load_suite(name: str) -> tuple[Problem, ...]:
    """All problems of a suite.

    Parameters
    ----------
    name : str
        One of :func:`suite_names`, or "empiricalbench" for "historical".

    Raises
    ------
    ParameterError
        If there is no such suite; the message names the closest.

    Examples
    --------
    >>> load_suite("nguyen")[0].expression
    x1**3 + x1**2 + x1
    >>> load_suite("nguyn")
    Traceback (most recent call last):
        ...
    kansym.errors.ParameterError: unknown suite 'nguyn'; did you mean 'nguyen'?
    """
    name = _ALIASES.get(name, name)
    if name == "measured":
        return measured_problems()
    if name == "historical":
        return historical_problems()
    if name in _WITH_DUMMIES:
        return tuple(_with_dummies(problem, name) for problem in _equations()[_WITH_DUMMIES[name]])
    if name in _EQUATIONS:
        return _equations()[name]
    raise ParameterError(f"unknown suite {quote(name)}; {name_hint(name, [*suite_names(), *_ALIASES])}")


@functools.cache
def _equations() -> dict[str, tuple[LawProblem, ...]]:
    suites: dict[str, list[LawProblem]] = {}
    for row in read_table(data_path("suites.csv")).to_dict("records"):
        variables = tuple(_variable(entry) for entry in json.loads(row["variables"]))
        expression = parse_expression(row["expression"], [variable.symbol for variable in variables])
        problem = LawProblem(row["suite"], row["name"], expression, variables, source=row["source"])
        suites.setdefault(problem.suite, []).append(problem)
    return {name: tuple(problems) for name, problems in suites.items()}


def _variable(entry: dict) -> Variable:
    return Variable(
        name=entry["name"],
        low=float(entry["low"]),
        high=float(entry["high"]),
        distribution=entry["dist"],
        integer=entry.get("integer", False),
        sign=entry.get("sign", "plain"),
        count=entry.get("n"),
        grid=entry.get("grid"),
    )


def _with_dummies(problem: LawProblem, suite: str) -> LawProblem:
    """Add columns as SRSD does: one to three, each over two decades somewhere, half of them of both signs.

    SRSD draws them once and for all (``dummy_column_mixer.py`` there); here too they belong to the problem and do not
    depend on the seed.
    """
    generator = np.random.default_rng(np.random.SeedSequence(stream_key(suite, problem.name)))
    dummies = []
    for number in range(1, generator.choice(_DUMMY_NUMBERS) + 1):
        decade = int(generator.integers(-_DUMMY_DECADES, _DUMMY_DECADES, endpoint=True))
        sign = "both" if generator.random() < 0.5 else "plain"
        dummies.append(Variable(f"dummy{number}", 10.0 ** (decade - 1), 10.0 ** (decade + 1), "loguniform", sign=sign))
    return replace(problem, suite=suite, dummies=tuple(dummies))
