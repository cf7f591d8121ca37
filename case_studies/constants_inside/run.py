"""Laws of science with the constants that stand inside them: which are found, by kansym and by Operon.

``python case_studies/constants_inside/run.py`` makes records, summary, the list of misses and the figure under
``results/``; ``--quick`` does two laws. What is done is not done again. The laws are in ``laws.csv``. With ``--noise``,
the standard deviation of normal noise relative to the root mean square of the target, they go to ``results/noisy``.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pandas as pd
import sympy

from kansym import compare
from kansym.comparison.intervals import wilson_interval
from kansym.comparison.problems import LawProblem
from kansym.comparison.sampling import Variable

FOLDER = Path(__file__).parent
sys.path.insert(0, str(FOLDER.parent))

from common.figures import draw_rates  # noqa: E402

ON_THE_RANGES = 1e-6  # the judge's limit, there and on the wider ranges
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
    """How many laws of each group each method recovered, with Wilson's interval, and what was near.

    Near is right on the ranges only without noise, and on the front only with noise.
    """
    lines = []
    for (group, method), part in records.groupby(["group", "method"], sort=False):
        found, count = int(part["recovered"].sum()), len(part)
        low, high = wilson_interval(found, count)
        line = {"group": group, "method": method, "laws": count, "recovered": found, "rate": found / count}
        line |= {"rate_low": low, "rate_high": high}
        if (part["noise"] > 0).any():
            line["on_front_only"] = int((~part["recovered"] & part["on_front"]).sum())
        else:
            near = ~part["recovered"] & (part["error_test"] < ON_THE_RANGES)
            line["right_on_the_ranges_only"] = int(near.sum())
        lines.append({**line, "median_seconds": part["seconds"].median()})
    return pd.DataFrame(lines)


def main() -> None:
    """Run, and print the summary."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="two laws")
    parser.add_argument("--methods", default="kansym,operon", help="separated by commas")
    groups = "development,checked,fresh,later,unseen,newest"
    parser.add_argument("--groups", default=groups, help="of laws, separated by commas")
    parser.add_argument("--time-limit", type=float, default=20.0, help="seconds a fit")
    parser.add_argument("--noise", type=float, default=0.0, help="relative to the root mean square of the target")
    parser.add_argument("--out", type=Path, help="folder of records, tables and figure")
    arguments = parser.parse_args()
    arguments.out = arguments.out or FOLDER / "results" / ("noisy" if arguments.noise > 0 else "")
    laws = pd.read_csv(FOLDER / "laws.csv")
    chosen = laws["name"].isin(QUICK) if arguments.quick else laws["group"].isin(arguments.groups.split(","))
    compare(
        problems(laws[chosen]),
        ["kansym"] if arguments.quick else arguments.methods.split(","),
        time_limit=arguments.time_limit,
        noise=arguments.noise,
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
    draw_rates(summary, "group", arguments.out / "rates.svg")
    print(summary.to_string(index=False, float_format="%.2f"))


if __name__ == "__main__":
    main()
