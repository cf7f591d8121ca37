"""Recovery: which published laws kansym finds, noise-free, under noise, from few rows and among columns of noise.

``python case_studies/recovery/run.py`` makes the records, the summary and the list of misses under ``results/``;
``--quick`` does three problems. What is done is not done again. Noise-free Feynman, Strogatz and Nguyen problems are
in the first comparison.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pandas as pd

from kansym import compare
from kansym.comparison.suites import load_suite

RESULTS = Path(__file__).parent / "results"
TIME_LIMIT = 20.0
SETTINGS: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
    (("feynman_bonus20", "livermore"), {}),
    (("feynman100",), {"dummies": 10}),
    (("feynman100",), {"rows": 200}),
    (("feynman100",), {"noise": 0.01}),
    (("srsd_easy", "srsd_medium", "srsd_hard"), {}),
    (("feynman100",), {"noise": 0.1}),
)
MISS_COLUMNS = (
    *("suite", "noise", "rows", "dummies", "problem", "status", "seconds", "on_front"),
    *("error_test", "error_wide", "expression", "truth"),
)


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
    by = ["suite", "noise", "rows", "dummies"]
    table = records.groupby(by, sort=False).agg(
        problems=("problem", "size"), recovered=("recovered", "sum"), median_seconds=("seconds", "median")
    )
    table["on_front_only"] = (records["on_front"] & ~records["recovered"]).groupby([records[name] for name in by]).sum()
    pd.set_option("display.width", 120)
    print(table.to_string(float_format="%.2f"))


if __name__ == "__main__":
    main()
