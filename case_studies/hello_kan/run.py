"""The KAN article's first example, exp(sin(πx) + y²): which method finds it at which hidden width and with which seed.

    python case_studies/hello_kan/run.py            # everything; goes on where it was
    python case_studies/hello_kan/run.py --quick    # kansym at one width, and Operon, with one seed; no pykan

Writes ``runs.csv``, ``summary.csv``, ``formulas.csv`` and ``rates.svg`` into ``results/`` or the folder of ``--out``.
What is in ``runs.csv`` is not run again.
"""

from __future__ import annotations

import argparse
import functools
import re
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import sympy
import torch

from kansym import KANRegressor, compare
from kansym.comparison.intervals import wilson_interval
from kansym.comparison.judge import judge_numerically
from kansym.comparison.problems import LawProblem, Sample
from kansym.comparison.sampling import Variable
from kansym.errors import KansymError
from kansym.network import KAN
from kansym.workbench import Workbench

FOLDER = Path(__file__).parent
AUTOMATIC, MANUAL, SCRATCH = "kansym", "kansym, manual", "kansym, manual from random splines"
NEAR = 1e-2  # relative error on the wide ranges below which a formula has the law's form to the eye
LONG = 3600.0  # seconds that end only what hangs, where a method ends by itself
COLUMNS = ["method", "width", "seed", "status", "recovered", "error_wide", "seconds", "formula", "note"]


@dataclass(frozen=True)
class SameRows(LawProblem):
    """A law whose rows are those of seed 0 for every seed, which is then the method's alone."""

    def draw(self, rows: int | None = None, noise: float = 0.0, dummies: int = 0, seed: int = 0) -> Sample:
        """Draw the sample of seed 0."""
        return super().draw(rows, noise, dummies, 0)


x, y = Variable("x", -1.0, 1.0), Variable("y", -1.0, 1.0)
LAW = sympy.exp(sympy.sin(sympy.pi * x.symbol) + y.symbol**2)
NEW_ROWS, SAME_ROWS = (kind("hello_kan", kind.__name__, LAW, (x, y)) for kind in (LawProblem, SameRows))


# ---------------------------------------------------------------------------------------------------------------- runs


@dataclass(frozen=True)
class Run:
    """A method at a hidden width with a seed; without a width the method chooses, on rows that are always the same."""

    method: str
    width: int | None
    seed: int


def plan(arguments: argparse.Namespace) -> list[Run]:
    """List the runs, seed by seed, so that an interrupted study still compares."""
    if arguments.quick:
        runs = [Run(method, 5, 0) for method in (AUTOMATIC, MANUAL, SCRATCH)]
        return [*runs, Run("operon", None, 0), Run("pysr", None, 0)]
    runs, widths = [], [int(width) for width in arguments.widths.split(",")]
    for seed in range(max(arguments.seeds, arguments.pykan_seeds)):
        if seed < arguments.seeds:
            runs += [Run(method, width, seed) for width in widths for method in (AUTOMATIC, MANUAL, SCRATCH)]
            runs += [Run(method, None, seed) for method in (AUTOMATIC, "operon", "pysr")]
        if seed < arguments.pykan_seeds:
            runs += [Run("pykan", width, seed) for width in widths]
    return runs


def attempt(run: Run, time_limit: float) -> dict[str, object]:
    """Make one run and have its formula judged; every method has the same judge."""
    if run.width is not None and run.method in (AUTOMATIC, MANUAL, SCRATCH):
        return kansym_attempt(run.method, run.width, run.seed)
    problem = SAME_ROWS if run.width is None else NEW_ROWS
    method = run.method if run.width is None else f"pykan_script:Width{run.width}"
    limit = time_limit if run.method in ("operon", "pysr") else LONG
    (record,) = compare(problem, method, seeds=[run.seed], time_limit=limit, threads=1, n_jobs=1).runs
    return {
        "status": record.status,
        "recovered": record.recovered,
        "error_wide": record.error_wide,
        "seconds": record.seconds,
        "formula": record.expression,
        "note": record.error,
    }


def kansym_attempt(mode: str, width: int, seed: int) -> dict[str, object]:
    """Fit in one of three modes; the judge is that of ``compare``, called without a process of its own.

    The seconds are those of the processor; ``compare`` knows the wall clock's only.
    """
    sample = NEW_ROWS.draw(rows=1000, seed=seed)
    model, before = (None, 0.0) if mode == SCRATCH else fitted(width, seed)
    start = time.process_time()
    try:
        formula = formula_of(mode, model, width, seed)
    except (KansymError, ValueError) as error:
        seconds = before + time.process_time() - start
        return {"status": "error", "recovered": False, "seconds": seconds, "note": str(error)}
    seconds = before + time.process_time() - start
    judgement = judge_numerically(formula, [], sample)
    facts = {"status": "ok", "recovered": judgement.recovered, "error_wide": judgement.error_wide}
    return {**facts, "seconds": seconds, "formula": str(formula)}


@functools.lru_cache(maxsize=1)
def fitted(width: int, seed: int) -> tuple[KANRegressor, float]:
    """Return the model from which both modes start, and the processor seconds of its fit."""
    X, target = rows(seed)
    start = time.process_time()
    model = KANRegressor(hidden_widths=(width,), time_limit=LONG, random_state=seed).fit(X, target)
    return model, time.process_time() - start


def rows(seed: int) -> tuple[pd.DataFrame, pd.Series]:
    """Return the training rows of a seed, with the names of their columns."""
    sample = NEW_ROWS.draw(rows=1000, seed=seed)
    return pd.DataFrame(sample.X, columns=list(sample.names)), pd.Series(sample.y, name="z")


def formula_of(mode: str, model: KANRegressor | None, width: int, seed: int) -> sympy.Expr:
    """Return what kansym finds by itself, or what is left when three edges have been fixed by hand."""
    if model is None:
        network = KAN((2, width, 1), generator=torch.Generator().manual_seed(seed))
        return fixed_by_hand(Workbench.from_network(network, *rows(seed)))
    return model.sympy() if mode == AUTOMATIC else fixed_by_hand(model.workbench())


def fixed_by_hand(bench: Workbench) -> sympy.Expr:
    """Train with sparsity, prune, and fix sine, square and exponential as the article does, if three edges are left."""
    bench = bench.refit(30, sparsity=1e-3).prune()
    if bench.network.widths != (2, 1, 1) or len(bench.network.edges()) != 3:
        raise ValueError(f"the network was pruned to {bench.network.widths}, {len(bench.network.edges())} edges")
    return bench.snap((0, 0, 0), "sin").snap((0, 0, 1), "x^2").snap((1, 0, 0), "exp").refit().formula(rounded=True)


def all_runs(runs: list[Run], time_limit: float, path: Path) -> pd.DataFrame:
    """Make the runs that are not yet in the table of that path, which grows with every one.

    A method that is not installed is asked once, and again when the study goes on.
    """
    found = pd.read_csv(path, dtype={"width": str}).to_dict("records") if path.exists() else []
    table = [line for line in found if line["status"] != "missing"]
    done, absent = {(line["method"], line["width"], line["seed"]) for line in table}, set()
    for run in runs:
        width = "free" if run.width is None else str(run.width)
        if run.method in absent or (run.method, width, run.seed) in done:
            continue
        line = {"method": run.method, "width": width, "seed": run.seed, **attempt(run, time_limit)}
        print(", ".join(str(line.get(name)) for name in COLUMNS), flush=True)
        absent |= {run.method} if line["status"] == "missing" else set()
        table.append(line)
        pd.DataFrame(table, columns=COLUMNS).to_csv(path, index=False, float_format="%.4g")
    return pd.DataFrame(table, columns=COLUMNS)


# ------------------------------------------------------------------------------------------------------------- results


def summarise(table: pd.DataFrame) -> pd.DataFrame:
    """Rates with Wilson's intervals for each method and width, and over all widths; no rate without a run."""
    return pd.DataFrame(_rates(table[table["status"] != "missing"]))


def _rates(table: pd.DataFrame) -> Iterator[dict[str, object]]:
    for method, of_method in table.groupby("method", sort=False):
        fixed = of_method[of_method["width"] != "free"]
        groups = [("all", fixed)] if len(fixed) else []
        groups += of_method.groupby("width", sort=False)
        for width, group in groups:
            found, count = int(group["recovered"].astype(bool).sum()), len(group)
            low, high = wilson_interval(found, count)
            yield {
                "method": method, "width": width, "runs": count, "recovered": found,
                "rate": found / count, "rate_low": low, "rate_high": high,
                "near": int((group["error_wide"] < NEAR).sum()),
                "failed": int((group["status"] != "ok").sum()),
                "median_seconds": group["seconds"].median(),
            }  # fmt: skip


def formulas(table: pd.DataFrame) -> pd.DataFrame:
    """How many formulas a method selects on the same rows with other seeds, numbers rounded to three digits."""
    same = table[(table["width"] == "free") & table["formula"].notna()].copy()
    same["rounded"] = [_rounded(formula) for formula in same["formula"]]
    same["form"] = [re.sub(r"-?\d+\.?\d*(e-?\d+)?", "c", formula) for formula in same["rounded"]]
    counts = same.groupby("method", sort=False).agg(
        seeds=("seed", "size"),
        recovered=("recovered", "sum"),
        formulas=("rounded", "nunique"),
        forms=("form", "nunique"),
    )
    return counts.reset_index()


def _rounded(formula: str) -> str:
    return re.sub(r"\d+\.\d+(e-?\d+)?", lambda number: f"{float(number.group()):.3g}", formula)


def draw(summary: pd.DataFrame, path: Path) -> None:
    """Rates over hidden widths with their intervals."""
    from matplotlib import style
    from matplotlib.figure import Figure

    with style.context(FOLDER.parent / "paper.mplstyle"):
        figure = Figure(figsize=(6.5, 3.2))
        axes = figure.add_subplot()
        of_width = summary[~summary["width"].isin(["all", "free"])]
        methods = list(dict.fromkeys(of_width["method"]))
        for place, (method, marker) in enumerate(zip(methods, "osD^", strict=False)):
            group = of_width[of_width["method"] == method]
            rate = group["rate"].to_numpy()
            ends = np.abs(group[["rate_low", "rate_high"]].to_numpy().T - rate)
            shift = 0.14 * (place - (len(methods) - 1) / 2)
            where = group["width"].astype(int) + shift
            label = f"{method} (n = {group['runs'].min()} each)"
            axes.errorbar(where, rate, yerr=ends, fmt=marker, elinewidth=0.8, markersize=4, label=label)
        axes.set(xlabel="hidden width", ylabel="share of runs that find the law", ylim=(-0.03, 1.03))
        axes.set_xticks(sorted(of_width["width"].astype(int).unique()))
        if methods:
            figure.legend(loc="outside upper center", ncols=2)
        figure.savefig(path, metadata={"Date": None, "Creator": None})


def main() -> None:
    """Run, write the tables and the figure, and print the summary."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one width, one seed; no pykan")
    parser.add_argument("--widths", default="1,2,3,4,5,6,7,8,9,10", help="hidden widths, in the order of the runs")
    parser.add_argument("--seeds", type=int, default=20, help="of kansym, Operon and PySR")
    parser.add_argument("--pykan-seeds", type=int, default=2, help="of pykan, which takes a minute a fit")
    parser.add_argument("--time-limit", type=float, default=10.0, help="seconds of Operon and PySR")
    parser.add_argument("--methods", help="only these, separated by semicolons, and the tables of all that is there")
    parser.add_argument("--out", type=Path, default=FOLDER / "results", help="folder of the tables and the figure")
    arguments = parser.parse_args()
    sys.path.insert(0, str(FOLDER))  # the processes of the runs look for pykan_script there
    torch.set_num_threads(1)
    arguments.out.mkdir(parents=True, exist_ok=True)
    wanted = None if arguments.methods is None else arguments.methods.split(";")
    runs = [run for run in plan(arguments) if wanted is None or run.method in wanted]
    time_limit = 3.0 if arguments.quick else arguments.time_limit
    table = all_runs(runs, time_limit, arguments.out / "runs.csv")
    summary, seeds = summarise(table), formulas(table)
    summary.to_csv(arguments.out / "summary.csv", index=False, float_format="%.3g")
    seeds.to_csv(arguments.out / "formulas.csv", index=False)
    draw(summary, arguments.out / "rates.svg")
    print(summary.to_string(float_format="%.2f"), seeds.to_string(), sep="\n")


if __name__ == "__main__":
    main()
