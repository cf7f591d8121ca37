"""What a fit, a training step and a span search cost in time and memory, against the sizes of the problem.

    python case_studies/cost_curves/run.py                  # some minutes
    python case_studies/cost_curves/run.py --resume         # only the points that results/costs.csv lacks
    python case_studies/cost_curves/run.py --quick          # the smallest of some; run by the tests
    python case_studies/cost_curves/run.py --device cuda    # steps and span searches on a GPU, beside the CPU

Every point is a process of its own with one thread: seconds are processor time, on a GPU wall-clock time, and memory is
what the process needs at its peak beside the data and the libraries. Writes ``results/costs.csv`` and
``results/cost_curves.png``.
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import sympy
import torch

from kansym import KANRegressor
from kansym.network import KAN, train
from kansym.symbolic.dictionary import Dictionary
from kansym.symbolic.span import TEMPLATES, search_span

FOLDER = Path(__file__).parent
sys.path.insert(0, str(FOLDER.parent))

from common.figures import plain_ticks  # noqa: E402

RESULTS = FOLDER / "results"
ROWS = (1_000, 10_000, 100_000, 1_000_000)
COLUMNS = (5, 20, 100, 500)
GRIDS = (3, 10, 30, 100)
WIDTHS = (1, 4, 16, 48)
FEATURES = (10_000, 100_000, 1_000_000)
FIT_LIMIT = 120.0
STEPS = 3
SEARCHES = 3


def settings(quick: bool) -> Iterator[dict[str, object]]:
    """Every point: what is measured, against what, and the sizes."""
    fit = {"what": "fit", "rows": 10_000, "columns": 10, "grid": 5, "width": 5}
    for rows in ROWS[: 1 if quick else None]:
        yield fit | {"against": "rows", "rows": rows}
    for columns in COLUMNS[: 0 if quick else None]:
        yield fit | {"against": "columns", "columns": columns, "rows": 3_000}
    step = {"what": "step", "rows": 10_000, "columns": 5, "grid": 5, "width": 5}
    for name, sizes in (("rows", ROWS), ("columns", COLUMNS[:3]), ("grid", GRIDS), ("width", WIDTHS)):
        for size in sizes[: 1 if quick else None]:
            if not quick or name == "rows":
                yield step | {"against": name, name: size}
    for what in ("span", "deep span"):
        for features in FEATURES[: 1 if quick else None]:
            yield {"what": what, "against": "features", "features": features, "rows": 200}


def law(X: np.ndarray) -> np.ndarray:
    """A law of five columns of any table: a sum of a product, a wave and a decay."""
    n = X.shape[1]
    a, b, c, d, e = (X[:, place] for place in np.linspace(0, n - 1, 5).round().astype(int))
    return a * np.exp(-b) + c * d + np.sin(2 * e)


def measure(point: dict[str, int | str]) -> dict[str, object]:
    """Run one point in this process."""
    torch.set_num_threads(1)
    if "features" in point:
        return {**point, **span_cost(point)}
    n_rows, n_columns = int(point["rows"]), int(point["columns"])
    generator = np.random.default_rng(0)
    X = generator.uniform(-1, 2, (n_rows, n_columns))
    y = law(X)
    fresh = generator.uniform(-1.5, 2.5, (1000, n_columns))
    few = X[:200, :3].copy()  # a first fit loads the libraries, which are not counted
    KANRegressor(max_steps=20, time_limit=None, random_state=0).fit(few, few[:, 0] * few[:, 1])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if point["what"] == "fit":
        start, wall = time.process_time(), time.perf_counter()
        model = KANRegressor(time_limit=FIT_LIMIT, random_state=0).fit(X, y)
        spent, wall = time.process_time() - start, time.perf_counter() - wall
        error = math.sqrt(np.mean((model.predict(fresh) - law(fresh)) ** 2) / np.mean(law(fresh) ** 2))
        found: dict[str, object] = {"error_on_wider_box": error, "formula": model.get_best()["equation"]}
    else:
        spent, wall = step_seconds(torch.tensor(X), torch.tensor(y)[:, None], point)
        found = {}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return {**point, "seconds": spent, "wall_seconds": wall, "peak_mb": peak / 1024, **found}


def step_seconds(X: torch.Tensor, y: torch.Tensor, point: dict[str, int | str]) -> tuple[float, float]:
    """Processor and wall-clock seconds of one step of Levenberg-Marquardt."""
    device, width = str(point["device"]), int(point["width"])
    network = KAN(
        (X.shape[1], width, 1),
        grid_size=int(point["grid"]),
        generator=torch.Generator().manual_seed(0),
        dtype=torch.float64,
    )
    network = network.fitted_to(X[:2000], y[:2000]).to(device)
    X, y = X.to(device), y.to(device)
    train(network, X[:100], y[:100], max_iterations=1)  # what a device loads at its first call is not counted
    start, wall = time.process_time(), time.perf_counter()
    result = train(network, X, y, max_iterations=STEPS, tolerance=0.0)  # its loss is read back: the device is done
    steps = max(1, len(result.history) - 1)
    return (time.process_time() - start) / steps, (time.perf_counter() - wall) / steps


def span_cost(point: dict[str, int | str]) -> dict[str, object]:
    """Seconds and memory of the best of some span searches of a noisy target in a dictionary of random features."""
    n_features, n_rows = int(point["features"]), int(point["rows"])
    device = None if point["device"] == "cpu" else torch.device(str(point["device"]))
    generator = np.random.default_rng(0)
    values = generator.standard_normal((n_features, n_rows))
    cost = np.repeat(np.arange(1, 11), n_features // 10)
    recipes: list[tuple] = [("variable", 0)] * n_features
    dictionary = Dictionary((sympy.Symbol("x"),), values, recipes, cost, np.zeros(n_features, dtype=bool))
    target = values[:3].sum(axis=0) + 0.1 * generator.standard_normal(n_rows)
    few = Dictionary((sympy.Symbol("x"),), values[:100], recipes[:100], cost[:100], np.zeros(100, dtype=bool))
    options = {"device": device, "deep": point["what"] == "deep span"}
    search_span(few, np.empty((n_rows, 0)), target, TEMPLATES["y"], **options)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    costs = []
    for _ in range(SEARCHES):
        start, wall = time.process_time(), time.perf_counter()
        search_span(dictionary, np.empty((n_rows, 0)), target, TEMPLATES["y"], **options)
        costs.append((time.process_time() - start, time.perf_counter() - wall))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return {"seconds": min(costs)[0], "wall_seconds": min(wall for _, wall in costs), "peak_mb": peak / 1024}


def in_a_process(point: dict[str, object]) -> dict[str, object]:
    """Measure one point in a new process, so that its peak memory is its own."""
    command = [sys.executable, __file__, "--point", json.dumps(point)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{point} failed:\n{done.stderr}")
    return dict(json.loads(done.stdout))


def draw(table: pd.DataFrame, path: Path) -> None:
    """Seconds above memory, one column for each size that varies."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    kinds = list(dict.fromkeys(zip(table["what"], table["against"], strict=True)))
    # Seconds of fits and of steps have one scale, so that what grows faster looks it.
    figure, axes = plt.subplots(2, len(kinds), figsize=(2.2 * len(kinds), 4.6), squeeze=False, sharey="row")
    for (what, against), column in zip(kinds, axes.T, strict=True):
        for device, part in table[(table["what"] == what) & (table["against"] == against)].groupby("device"):
            seconds = "seconds" if device == "cpu" else "wall_seconds"
            column[0].loglog(part[against], part[seconds], "o-", markersize=3, label=device)
            column[1].loglog(part[against], part["peak_mb"].clip(lower=1), "o-", markersize=3, label=device)
        column[0].set_title("one training step" if what == "step" else what, fontsize=8)
        column[1].set_xlabel(against, fontsize=8)
        for axis in column:
            axis.tick_params(labelsize=7)
            axis.grid(alpha=0.3)
    for axis in (axes[0][0].yaxis, axes[1][0].yaxis):
        plain_ticks(axis)
    axes[0][0].set_ylabel("seconds", fontsize=8)
    axes[1][0].set_ylabel("peak memory beside the data, MB", fontsize=8)
    if table["device"].nunique() > 1:
        axes[0][-1].legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(path, dpi=130)


def main() -> None:
    """Measure every point, and write the table after each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="the smallest point of some kinds")
    parser.add_argument("--resume", action="store_true", help="keep the points of the table that is there")
    parser.add_argument("--device", default="cpu", help="where all but fits is repeated: cpu, cuda")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the table")
    parser.add_argument("--point", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.point:
        print(json.dumps(measure(json.loads(arguments.point))))
        return
    prefix = "quick_" if arguments.quick else ""
    arguments.out.mkdir(parents=True, exist_ok=True)
    path = arguments.out / f"{prefix}costs.csv"
    lines = pd.read_csv(path).to_dict("records") if arguments.resume and path.exists() else []
    for device in dict.fromkeys(("cpu", arguments.device)):
        for point in settings(arguments.quick):
            wanted = point | {"device": device}
            known = any(all(line.get(key) == value for key, value in wanted.items()) for line in lines)
            if (device == "cpu" or point["what"] != "fit") and not known:
                lines.append(in_a_process(wanted))
                pd.DataFrame(lines).to_csv(path, index=False, float_format="%.4g")
                sizes = "features" if "features" in point else "columns}, grid {grid}, width {width"
                print(f"{{what}} {{rows}} x {{{sizes}}}, {{device}}:".format(**lines[-1]), end=" ")
                print("{seconds:.3f} s, {wall_seconds:.3f} s by the clock, {peak_mb:.0f} MB".format(**lines[-1]))
    if not arguments.quick:
        draw(pd.DataFrame(lines), arguments.out / "cost_curves.png")
    print(f"Python {platform.python_version()}, torch {torch.__version__}, {platform.machine()}")


if __name__ == "__main__":
    main()
