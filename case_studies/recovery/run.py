"""Recovery: which published laws kansym finds, noise-free, under noise, from few rows and among columns of noise.

``python case_studies/recovery/run.py`` makes the records, the summary, the list of misses and the figure under
``results/``; ``--quick`` does three problems. What is done is not done again. Noise-free Feynman, Strogatz and Nguyen
problems are in the first comparison.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pandas as pd

from kansym import compare
from kansym.comparison.suites import load_suite

FOLDER = Path(__file__).parent
RESULTS = FOLDER / "results"
TIME_LIMIT = 20.0
SETTINGS: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
    (("feynman_bonus20", "livermore"), {}),
    (("feynman100",), {"dummies": 10}),
    (("feynman100",), {"rows": 200}),
    (("feynman100",), {"noise": 0.01}),
    (("srsd_easy", "srsd_medium", "srsd_hard"), {}),
    (("feynman100",), {"noise": 0.1}),
)
NAMES = {
    "feynman100": "Feynman",
    "feynman_bonus20": "Feynman bonus",
    "livermore": "Livermore",
    "srsd_easy": "SRSD easy",
    "srsd_medium": "SRSD medium",
    "srsd_hard": "SRSD hard",
}
MISS_COLUMNS = (
    *("suite", "noise", "rows", "dummies", "problem", "status", "seconds", "on_front"),
    *("error_test", "error_wide", "expression", "truth"),
)


def draw(summary: pd.DataFrame, path: Path) -> None:
    """Share of the laws recovered in each setting, with Wilson's 95 % intervals."""
    from matplotlib import style
    from matplotlib.figure import Figure

    with style.context(FOLDER.parent / "paper.mplstyle"):
        figure = Figure(figsize=(5.6, 0.28 * len(summary) + 0.7))
        axes = figure.add_subplot()
        rates = summary[["rate", "rate_low", "rate_high"]].iloc[::-1].to_numpy() * 100
        axes.errorbar(rates[:, 0], range(len(rates)), xerr=abs(rates[:, 1:] - rates[:, :1]).T, fmt="o", elinewidth=0.8)
        axes.set_yticks(range(len(rates)), [_label(setting) for setting in summary.iloc[::-1].itertuples()])
        axes.set(xlabel="% of the laws recovered, with 95 % intervals", xlim=(0, 103))
        figure.savefig(path, metadata={"Date": None, "Creator": None})


def _label(setting: Any) -> str:
    """A line of the summary in words: what differs from 1,000 rows without noise."""
    facts = [f"{NAMES[setting.suite]}, {setting.runs}"]
    facts += [f"{setting.noise:.0%} noise"] if setting.noise else []
    facts += [f"{setting.dummies} columns more"] if setting.dummies else []
    facts += [f"{setting.rows} rows"] if setting.rows != 1000 else []
    return ", ".join(facts)


def main() -> None:
    """Run, and print how many of how many laws were recovered in each setting."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="three problems")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of records, summary and misses")
    arguments = parser.parse_args()
    found = None
    for suites, setting in SETTINGS[:1] if arguments.quick else SETTINGS:
        chosen = [problem.name for suite in suites for problem in load_suite(suite)]
        found = compare(
            suites,
            "kansym",
            problems=["test_3", "Livermore-1", "Livermore-2"] if arguments.quick else chosen,
            time_limit=TIME_LIMIT,
            n_jobs=2,
            threads=1,
            out=arguments.out,
            resume=True,
            **setting,
        )
    assert found is not None
    records = found.records
    misses = records[~records["recovered"]][list(MISS_COLUMNS)]
    misses.to_csv(arguments.out / "misses.csv", index=False, float_format="%.3g")
    draw(found.summary(), arguments.out / "rates.svg")
    by = ["suite", "noise", "rows", "dummies"]
    table = records.groupby(by, sort=False).agg(
        problems=("problem", "size"), recovered=("recovered", "sum"), median_seconds=("seconds", "median")
    )
    table["on_front_only"] = (records["on_front"] & ~records["recovered"]).groupby([records[name] for name in by]).sum()
    pd.set_option("display.width", 120)
    print(table.to_string(float_format="%.2f"))


if __name__ == "__main__":
    main()
