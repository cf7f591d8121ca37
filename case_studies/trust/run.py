"""Trust: is the time limit kept, does a killed search lose anything, does memory grow.

``python case_studies/trust/run.py`` makes the tables and their figure under ``results/``; ``--only deadlines``,
``kills`` or ``leaks`` makes one table, ``--quick`` a few rows of each. Wall clock on a machine that does nothing
else is what is meant.
"""

from __future__ import annotations

import argparse
import itertools
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
import psutil

from kansym import KANRegressor

FOLDER = Path(__file__).parent
RESULTS = FOLDER / "results"
WORDS = [sys.executable, "-m", "kansym", "fit"]


def table(law: str, n_rows: int, n_columns: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Rows whose law is hard, so that the search goes on to its limit, or no law at all."""
    generator = np.random.default_rng(seed)
    X = generator.uniform(1, 3, (n_rows, n_columns))
    if law == "noise":
        return X, generator.normal(size=n_rows)
    waves = [np.cos((j + 1) * X[:, j]) * X[:, (3 * j) % n_columns] for j in range(n_columns)]
    return X, np.sum(waves, axis=0) + 0.05 * generator.normal(size=n_rows)


def deadlines(quick: bool) -> pd.DataFrame:
    """Seconds over the limit, for laws, limits, rows and columns; at most half a second or a tenth is allowed."""
    KANRegressor(max_steps=5).fit(*table("noise", 50, 2))  # imports do not count
    found = []
    for limit, law, n_rows, n_columns in QUICK_RUNS if quick else RUNS:
        data = table(law, n_rows, n_columns)
        start, used = time.perf_counter(), time.process_time()
        model = KANRegressor(time_limit=limit, random_state=0).fit(*data)
        seconds = time.perf_counter() - start
        found.append(
            {
                "law": law,
                "rows": n_rows,
                "columns": n_columns,
                "limit": limit,
                "seconds": round(seconds, 3),
                "processor_seconds": round(time.process_time() - used, 3),
                "kept": seconds <= limit + max(0.5, 0.1 * limit),
                "ended": model.discoveries_[0].reason,
            }
        )
        print(found[-1], flush=True)
    return pd.DataFrame(found)


def kills(quick: bool) -> pd.DataFrame:
    """``kill -9`` at random moments of ``kansym fit --out``; each time ``--resume`` goes on with what is there."""
    found = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        X, y = table("waves", 300, 3)
        pd.DataFrame(X, columns=list("abc")).assign(y=y).to_csv(folder / "data.csv", index=False)
        words = [*WORDS, str(folder / "data.csv"), "--target", "y", "--out", name, "--time-limit", "60", "--resume"]
        model, seed = folder / "model.kansym", 0
        for moment in np.random.default_rng(0).uniform(0, 8, 3 if quick else 20):
            seed += 1
            with subprocess.Popen([*words, "--seed", str(seed)], stdout=subprocess.PIPE) as process:
                process.stdout.readline()  # the line about the data comes before the search
                time.sleep(moment)
                while not model.exists() and process.poll() is None:
                    time.sleep(0.01)
                process.send_signal(signal.SIGKILL)
            loaded = KANRegressor.load(model)
            best = loaded.get_best()
            found.append(
                {
                    "moment": round(float(moment), 3),
                    "complexity": int(best["complexity"]),
                    "loss": float(best["loss"]),
                    "lowest_loss": float(loaded.equations_["loss"].min()),
                    "formulas": len(loaded.equations_),
                }
            )
            print(found[-1], flush=True)
    return pd.DataFrame(found)


def leaks(quick: bool) -> pd.DataFrame:
    """Memory, open files, threads and child processes after each of many fits in one process."""
    process, found = psutil.Process(), []
    for number in range(10 if quick else 60):
        KANRegressor(max_steps=12, random_state=number).fit(*table("waves", 100, 2, seed=number))
        found.append(
            {
                "fit": number,
                "mebibytes": round(process.memory_info().rss / 2**20, 1),
                "files": len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else process.num_fds(),
                "threads": threading.active_count(),
                "processes": len(process.children(recursive=True)),
            }
        )
        print(found[-1], flush=True)
    return pd.DataFrame(found)


LAWS, ROWS, COLUMNS = ("waves", "noise"), (20, 1000, 10**5), (1, 10, 100)
# Short limits are the hard ones; the long ones take what they say, so they get the largest tables only.
RUNS = (
    *itertools.product((1.0, 5.0, 10.0), LAWS, ROWS, COLUMNS),
    *itertools.product((60.0,), LAWS, ROWS[1:], COLUMNS[1:]),
    (600.0, "waves", 10**5, 100),
)
QUICK_RUNS = tuple(itertools.product((1.0,), LAWS, ROWS[:2], (1, 100)))
STUDIES = {"deadlines": deadlines, "kills": kills, "leaks": leaks}


def draw(folder: Path) -> None:
    """Seconds of fits over their limits, and memory from fit to fit, of the tables that are there."""
    from matplotlib import style
    from matplotlib.figure import Figure

    with style.context(FOLDER.parent / "paper.mplstyle"):
        figure = Figure(figsize=(7.0, 2.6))
        left, right = figure.subplots(1, 2)
        if (folder / "deadlines.csv").exists():
            runs = pd.read_csv(folder / "deadlines.csv")
            limits = np.geomspace(runs["limit"].min(), runs["limit"].max())
            left.plot(limits, np.maximum(limits + 0.5, 1.1 * limits), color="0.4", label="latest end allowed")
            for law, marker in (("waves", "o"), ("noise", "^")):
                part = runs[runs["law"] == law]
                left.plot(part["limit"], part["seconds"], marker, markersize=4, fillstyle="none", label=law)
            left.legend()
        left.set(xlabel="limit, s", ylabel="end of the fit, s", xscale="log", yscale="log")
        for axis in (left.xaxis, left.yaxis):
            axis.set_major_formatter("{x:g}")
        if (folder / "leaks.csv").exists():
            fits = pd.read_csv(folder / "leaks.csv")
            right.plot(fits["fit"] + 1, fits["mebibytes"])
        right.set(xlabel="fits in one process", ylabel="memory, MiB", ylim=(0, None))
        figure.savefig(folder / "trust.svg", metadata={"Date": None, "Creator": None})


def main() -> None:
    """Make the tables that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=STUDIES, action="append", help="may be repeated (default: all)")
    parser.add_argument("--quick", action="store_true", help="a few rows of each")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the tables and the figure")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name in arguments.only or STUDIES:
        STUDIES[name](arguments.quick).to_csv(arguments.out / f"{name}.csv", index=False)
    draw(arguments.out)


if __name__ == "__main__":
    main()
