"""Laws of science with the constants that stand inside them: which are found, by kansym and by Operon.

``python case_studies/constants_inside/run.py`` makes records, summary, the list of misses and the figure under
``results/``; ``--quick`` does two laws. What is done is not done again. The laws are in ``laws.csv``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd
import sympy

from kansym import compare
from kansym.comparison.intervals import wilson_interval
from kansym.comparison.problems import LawProblem
from kansym.comparison.sampling import Variable

FOLDER = Path(__file__).parent
QUICK = ["competitive", "yukawa"]
MISS_COLUMNS = ["group", "method", "problem", "status", "seconds", "error_test", "error_wide", "expression", "truth"]


def variables(ranges: str) -> tuple[Variable, ...]:
    """Read ``name low high`` and, where values are drawn from decades, ``log``; separated by semicolons."""
    parts = [part.split() for part in ranges.split(";")]
    return tuple(
        Variable(name, float(low), float(high), "loguniform" if scale else "uniform")
        for name, low, high, *scale in parts
    )


def problems(table: pd.DataFrame) -> list[LawProblem]:
    """The laws of the table; the file is the study's own, so that reading it as formulas is safe."""
    return [
        LawProblem("constants_inside", row.name, sympy.sympify(row.law, {v.name: v.symbol for v in found}), found)
        for row in table.itertuples(index=False)
        for found in [variables(row.ranges)]
    ]


def summarise(records: pd.DataFrame) -> pd.DataFrame:
    """How many laws of each group each method recovered, with Wilson's interval."""
    lines = []
    for (group, method), part in records.groupby(["group", "method"], sort=False):
        found, count = int(part["recovered"].sum()), len(part)
        low, high = wilson_interval(found, count)
        line = {"group": group, "method": method, "laws": count, "recovered": found, "rate_low": low, "rate_high": high}
        lines.append({**line, "median_seconds": part["seconds"].median()})
    return pd.DataFrame(lines)


def draw(summary: pd.DataFrame, path: Path) -> None:
    """Share of the laws recovered, with 95 % intervals."""
    from matplotlib import style
    from matplotlib.figure import Figure

    with style.context(FOLDER.parent / "paper.mplstyle"):
        figure = Figure(figsize=(5.6, 1.9))
        axes = figure.add_subplot()
        names = list(dict.fromkeys(summary["group"]))[::-1]
        methods = list(dict.fromkeys(summary["method"]))
        for place, (method, marker) in enumerate(zip(methods, "os^D", strict=False)):
            part = summary[summary["method"] == method]
            rate = 100 * part["recovered"] / part["laws"]
            ends = [rate - 100 * part["rate_low"], 100 * part["rate_high"] - rate]
            where = [names.index(group) + 0.15 * (len(methods) - 1 - 2 * place) for group in part["group"]]
            axes.errorbar(rate, where, xerr=ends, fmt=marker, elinewidth=0.8, markersize=4, label=method)
        axes.set_yticks(range(len(names)), names)
        axes.set(xlabel="% of the laws recovered, with 95 % intervals", xlim=(0, 103), ylim=(-0.6, len(names) - 0.4))
        figure.legend(loc="outside upper center", ncols=4)
        figure.savefig(path, metadata={"Date": None, "Creator": None})


def main() -> None:
    """Run, and print the summary."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="two laws")
    parser.add_argument("--methods", default="kansym,operon", help="separated by commas")
    parser.add_argument("--groups", default="development,checked,fresh", help="of laws, separated by commas")
    parser.add_argument("--time-limit", type=float, default=20.0, help="seconds a fit")
    parser.add_argument("--out", type=Path, default=FOLDER / "results", help="folder of records, tables and figure")
    arguments = parser.parse_args()
    laws = pd.read_csv(FOLDER / "laws.csv")
    chosen = laws["name"].isin(QUICK) if arguments.quick else laws["group"].isin(arguments.groups.split(","))
    compare(
        problems(laws[chosen]),
        ["kansym"] if arguments.quick else arguments.methods.split(","),
        time_limit=arguments.time_limit,
        n_jobs=2,
        threads=1,
        out=arguments.out,
        resume=True,
    )
    records = pd.read_json(arguments.out / "records.jsonl", lines=True)
    records["group"] = records["problem"].map(laws.set_index("name")["group"])
    summary = summarise(records)
    summary.to_csv(arguments.out / "rates.csv", index=False, float_format="%.3g")
    records[~records["recovered"]][MISS_COLUMNS].to_csv(arguments.out / "misses.csv", index=False, float_format="%.3g")
    draw(summary, arguments.out / "rates.svg")
    print(summary.to_string(index=False, float_format="%.2f"))


if __name__ == "__main__":
    main()
