"""Which of a handful of well-known laws are recovered, how often, and how fast.

    python case_studies/first_laws/run.py            # ten seeds, all hidden widths, all of NIST's sets
    python case_studies/first_laws/run.py --quick    # one seed, one width, two of NIST's sets, 120 steps a set

Writes ``results/laws.csv`` and ``results/measured.csv`` (``quick_…`` with ``--quick``).
"""

from __future__ import annotations

import argparse
import platform
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import sympy

from kansym import KANRegressor
from kansym.datasets import data_path, load_dataset

RESULTS = Path(__file__).parent / "results"
EXACT = 1e-6
MEASURED_LIMIT = 20.0
QUICK_STEPS = 120
WIDTHS = ("auto", (1,), (2,), (3,), (5,), (6,), (8,))


@dataclass(frozen=True)
class Law:
    """A law with the box its rows are drawn from and the wider box it is judged on."""

    name: str
    truth: Callable[..., np.ndarray]
    box: tuple[tuple[float, float], ...]
    wide: tuple[tuple[float, float], ...]


ARTICLE = Law(
    "exp(sin(πx) + y²)", lambda x, y: np.exp(np.sin(np.pi * x) + y**2), ((-1, 1),) * 2, ((-1.5, 1.5),) * 2
)
LAWS = (
    Law("x·y", lambda x, y: x * y, ((-1, 1),) * 2, ((-1.5, 1.5),) * 2),
    Law("x/y", lambda x, y: x / y, ((1, 2),) * 2, ((0.75, 2.25),) * 2),
    Law("(x − 1)²", lambda x: (x - 1) ** 2, ((-1, 1),), ((-1.5, 1.5),)),
    Law("√(x² + y²)", lambda x, y: np.hypot(x, y), ((-1, 1),) * 2, ((-1.5, 1.5),) * 2),
    Law("4(r⁻¹² − r⁻⁶)", lambda r: 4 * (r**-12 - r**-6), ((0.9, 2.5),), ((0.8, 3.0),)),
    Law(
        "4ε((σ/r)¹² − (σ/r)⁶)",
        lambda e, s, r: 4 * e * ((s / r) ** 12 - (s / r) ** 6),
        ((0.5, 2), (0.8, 1.2), (0.9, 2.5)),
        ((0.5, 2.5), (0.7, 1.3), (0.8, 2.8)),
    ),
    Law("sin(15x)", lambda x: np.sin(15 * x), ((-1, 1),), ((-1.5, 1.5),)),
    Law("exp(−x/2000)", lambda x: np.exp(-x / 2000), ((1e3, 5e3),), ((500, 6000),)),
    Law("Gaussian", lambda x: 2.5 * np.exp(-((x - 1.3) ** 2) / (2 * 0.7**2)), ((-2, 4),), ((-3, 5),)),
)


def draw(box: tuple[tuple[float, float], ...], seed: int, n_rows: int = 1000) -> np.ndarray:
    """Uniform rows in a box."""
    generator = np.random.default_rng(seed)
    return np.column_stack([generator.uniform(low, high, n_rows) for low, high in box])


def attempt(law: Law, seed: int, hidden_widths: object) -> dict[str, object]:
    """Fit one law with one seed and judge the formula on fresh rows of the wider box."""
    X = draw(law.box, seed)
    start = time.perf_counter()
    model = KANRegressor(hidden_widths=hidden_widths, random_state=seed).fit(X, law.truth(*X.T))
    seconds = time.perf_counter() - start
    fresh = draw(law.wide, seed + 1000)
    expected = law.truth(*fresh.T)
    error = np.sqrt(np.mean((model.predict(fresh) - expected) ** 2) / np.mean(expected**2))
    return {
        "law": law.name,
        "hidden_widths": str(hidden_widths),
        "seed": seed,
        "relative_error": error,
        "recovered": bool(error < EXACT),
        "seconds": round(seconds, 3),
        "formula": model.get_best()["equation"],
    }


def simulated(quick: bool) -> Iterator[dict[str, object]]:
    """The article's example at every hidden width, then the simple laws."""
    seeds = range(1 if quick else 10)
    for hidden_widths in WIDTHS[3:4] if quick else WIDTHS:
        for seed in seeds:
            yield attempt(ARTICLE, seed, hidden_widths)
    for law in LAWS:
        for seed in seeds:
            yield attempt(law, seed, "auto")


def measured(quick: bool) -> Iterator[dict[str, object]]:
    """Measured data: the selected formula, and for NIST's sets the front against the certified fit."""
    for name, features in (("planets", ["a_AU"]), ("hydrogen_lines", None), ("firas_cmb", ["wavenumber_cm1"])):
        data = load_dataset(name)
        columns = features or [column for column in data.frame.columns if column != data.target]
        model = fitted(data.frame[columns], data.frame[data.target], quick)
        best = model.get_best()
        yield {"data": name, "formula": f"{data.target} = {best['equation']}", "r2": best["r2"]}
    certified = pd.read_json(data_path("real/nist_certified.json"), orient="index")
    for name in ("Eckerle4", "Hahn1") if quick else certified.index:
        data = load_dataset(f"nist_{name.lower()}")
        columns = [column for column in data.frame.columns if column != data.target]
        logarithm = certified.loc[name, "lhs"] == "log(y)"  # the target of NIST's own model
        y = np.log(data.frame[data.target]) if logarithm else data.frame[data.target]
        model = fitted(data.frame[columns], y, quick)
        table = model.equations_
        n_certified = len(certified.loc[name, "certified"])
        table["constants"] = [number_of_constants(expression) for expression in table["sympy_format"]]
        predictions = [model.predict(data.frame[columns], index=index) for index in table.index]
        squares = [np.sum((predicted - y) ** 2) for predicted in predictions]
        table["ratio"] = np.nan_to_num(squares, nan=np.inf) / certified.loc[name, "rss"]
        as_short = table[table["constants"] <= n_certified]
        best = model.get_best()
        selected = table.loc[best.name]
        reaching = as_short.loc[as_short["ratio"].idxmin()]
        yield {
            "data": f"nist_{name.lower()}",
            "formula": f"{'log(y)' if logarithm else data.target} = {best['equation']}",
            "r2": best["r2"],
            "certified_constants": n_certified,
            "selected_constants": selected["constants"],
            "selected_rss_over_certified": selected["ratio"],
            "front_constants": reaching["constants"],
            "front_rss_over_certified": reaching["ratio"],
            "as_good_as_certified": bool(
                selected["ratio"] <= 1.01 and selected["constants"] <= n_certified
            ),
        }


def fitted(X: pd.DataFrame, y: pd.Series, quick: bool) -> KANRegressor:
    """The model of a data set."""
    budget = {"max_steps": QUICK_STEPS, "time_limit": None} if quick else {"time_limit": MEASURED_LIMIT}
    return KANRegressor(random_state=0, **budget).fit(X, y)


def number_of_constants(expression: sympy.Expr) -> int:
    """Constants of a formula that the data determined: every number but 1 and −1, and exact exponents.

    A fitted constant that was rounded to an integer counts, too: 24 in ``sqrt(x + 574.5) − 24`` was read off the data.
    """
    if isinstance(expression, sympy.Pow) and not isinstance(expression.exp, sympy.Float):
        return number_of_constants(expression.base)
    if expression.is_Number:
        return int(abs(expression) != 1)
    return sum(number_of_constants(argument) for argument in expression.args)


def main() -> None:
    """Run, write the tables, and print their summary."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one seed, one width, two of NIST's sets, fewer steps")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the tables")
    arguments = parser.parse_args()
    prefix = "quick_" if arguments.quick else ""
    arguments.out.mkdir(parents=True, exist_ok=True)
    laws = pd.DataFrame(simulated(arguments.quick))
    laws.to_csv(arguments.out / f"{prefix}laws.csv", index=False)
    summary = laws.groupby(["law", "hidden_widths"], sort=False).agg(
        runs=("recovered", "size"), recovered=("recovered", "sum"), median_seconds=("seconds", "median")
    )
    print(summary.to_string())
    article = laws[laws["law"] == ARTICLE.name]
    print(f"{ARTICLE.name}: {article['recovered'].sum()} of {len(article)}, median {article['seconds'].median():.2f} s")
    real = pd.DataFrame(measured(arguments.quick))
    real.to_csv(arguments.out / f"{prefix}measured.csv", index=False)
    print(real.to_string())
    print(f"as good as certified: {real['as_good_as_certified'].eq(True).sum()} of NIST's")
    print(f"Python {platform.python_version()}, {platform.machine()}")


if __name__ == "__main__":
    main()
