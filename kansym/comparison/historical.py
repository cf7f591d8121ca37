"""Nine laws from the history of physics and astronomy, as in EmpiricalBench (Cranmer 2023, arXiv 2305.01582).

Where the rows of a discovery come with kansym, they are the problem; the others are drawn from the law with noise of a
realistic size, over the ranges of the experiments of their time.
"""

from __future__ import annotations

from kansym.comparison.measured import TableProblem, dataset_problem
from kansym.comparison.problems import LawProblem, Problem
from kansym.comparison.sampling import Variable
from kansym.symbolic.parsing import parse_expression

__all__ = ["historical_problems"]

_SUITE = "historical"
_LAST_BODY_OF_BODE = 8  # Neptune and Pluto, unknown to Bode, do not follow his law
_SOURCE = "arXiv 2305.01582 (EmpiricalBench); drawn from the law"


def historical_problems() -> tuple[Problem, ...]:
    """The nine problems.

    Examples
    --------
    >>> [problem.name for problem in historical_problems()]
    ['hubble', 'kepler', 'newton', 'planck', 'leavitt', 'schechter', 'bode', 'ideal_gas', 'rydberg']
    """
    return (
        _measured("hubble", "hubble_1929", "v_kms", ["r_Mpc"], "b1*r_Mpc", {"b1": 424.0}),
        _measured("kepler", "planets", "T_days", ["a_AU"], "b1*a_AU**(3/2)", {"b1": 365.256}),
        # Masses in kg, the distance in m and the force in N, as in Cavendish's balance of 1798.
        _drawn(
            "newton",
            "6.6743e-11*m1*m2/r**2",
            Variable("m1", 50.0, 200.0),
            Variable("m2", 0.2, 2.0),
            Variable("r", 0.15, 0.5),
            noise=0.02,
        ),
        _measured(
            "planck",
            "firas_cmb",
            "I_MJy_sr",
            ["wavenumber_cm1"],
            "b1*wavenumber_cm1**3/(exp(b2*wavenumber_cm1) - 1)",
            {"b1": 39.73, "b2": 0.528},
        ),
        # The period of a Cepheid in days, and its absolute visual magnitude.
        _drawn("leavitt", "-1.62 - 2.43*log(P)/log(10)", Variable("P", 1.0, 100.0, "loguniform"), noise=0.05),
        # The luminosity in 10^10 suns, and galaxies for each cubic megaparsec and unit of luminosity.
        _drawn("schechter", "0.0134*(L/1.2)**(-1.21)*exp(-L/1.2)", Variable("L", 0.1, 6.0, "loguniform"), noise=0.01),
        _bode(),
        # The amount in mol, the temperature in K, the volume in m^3 and the pressure in Pa.
        _drawn(
            "ideal_gas",
            "8.314*n*T/V",
            Variable("n", 0.5, 5.0),
            Variable("T", 250.0, 400.0),
            Variable("V", 0.01, 0.1),
            noise=0.01,
        ),
        _measured(
            "rydberg",
            "hydrogen_lines",
            "wavelength_vac_nm",
            ["n1", "n2"],
            "b1/(1/n1**2 - 1/n2**2)",
            {"b1": 91.18},
        ),
    )


def _measured(
    name: str, dataset: str, target: str, features: list[str], law: str, starts: dict[str, float]
) -> TableProblem:
    return dataset_problem(_SUITE, name, dataset, target, features, law, starts)


def _bode() -> TableProblem:
    planets = _measured("bode", "planets", "a_AU", ["bode_index"], "b1 + b2*2**bode_index", {"b1": 0.4, "b2": 0.075})
    known = planets.X[:, 0] <= _LAST_BODY_OF_BODE
    return TableProblem(
        planets.suite, planets.name, planets.names, planets.X[known], planets.y[known], planets.law, planets.source
    )


def _drawn(name: str, law: str, *variables: Variable, noise: float) -> LawProblem:
    expression = parse_expression(law, [variable.symbol for variable in variables])
    return LawProblem(_SUITE, name, expression, variables, noise=noise, source=_SOURCE)
