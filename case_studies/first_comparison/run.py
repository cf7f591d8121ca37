"""The first comparison: the same problems, operators, time and judge for kansym, Operon, gplearn and pykan.

``python case_studies/first_comparison/run.py`` makes the records, the summary and the report from which the README's
table comes; ``--quick`` does one problem in three seconds. What is done is not done again.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from kansym import compare
from kansym.comparison.suites import load_suite
from kansym.comparison.summary import summarise

FOLDER = Path(__file__).parent
RESULTS = FOLDER / "results"
sys.path.insert(0, str(FOLDER.parent))

from common.figures import draw_rates  # noqa: E402

SUITES = ("nguyen", "strogatz", "feynman100")
SLOW_SUBSET = 20


def slow_subset() -> list[str]:
    """Twenty problems of the Feynman suite, drawn once, for methods that are too slow for all."""
    names = [problem.name for problem in load_suite("feynman100")]
    drawn = np.random.default_rng(2024).choice(len(names), SLOW_SUBSET, replace=False)
    return [names[i] for i in sorted(drawn)]


def main() -> None:
    """Run, and print the summary."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one problem, three seconds")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of records, summary and report")
    arguments = parser.parse_args()
    if arguments.quick:
        methods = ["kansym", "operon", "gplearn"]
        found = compare("nguyen", methods, problems="Nguyen-1", time_limit=3, out=arguments.out)
    else:
        settings = {"time_limit": 10, "n_jobs": 2, "threads": 1, "resume": True, "out": arguments.out}
        compare(SUITES, ["kansym", "operon", "gplearn"], **settings)
        found = compare("feynman100", ["pykan"], problems=slow_subset(), **settings)
    summary = found.summary()
    draw_rates(summary[summary["rated"] > 0], "suite", arguments.out / "rates.svg")
    print(summary.to_string())
    subset = [run for run in found.runs if run.suite == "feynman100" and run.problem in slow_subset()]
    if subset:
        print(f"\nthe {SLOW_SUBSET} problems that all methods tried", summarise(subset).to_string(), sep="\n")


if __name__ == "__main__":
    main()
