"""How fast and how far networks train on the KAN article's toy functions: kansym beside pykan.

    python case_studies/training_speed/run.py            # two seeds of kansym, one of pykan; half an hour
    python case_studies/training_speed/run.py --resume   # only the runs that are not complete in results/stages.csv
    python case_studies/training_speed/run.py --quick    # kansym alone, three functions, grids to 10; seconds

Both get the same rows, the article's shapes, cubic splines, float64 and one thread; time is the processor time of the
process, which other work on the machine does not lengthen much. Every stage on a grid is a line of
``results/stages.csv`` (``quick_stages.csv``); ``--summary`` makes ``summary.csv`` and ``training_speed.png`` of them.
"""

from __future__ import annotations

import argparse
import math
import os
import platform
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor

from kansym.network import KAN, Stage, train_schedule

FOLDER = Path(__file__).parent
sys.path.insert(0, str(FOLDER.parent))

from common.figures import plain_ticks  # noqa: E402
from common.toy_functions import FUNCTIONS, Function  # noqa: E402

RESULTS = FOLDER / "results"
ROWS, HELD_OUT, TEST_ROWS = 1000, 200, 1000
GRIDS = (3, 5, 10, 20, 50, 100)
TITLE = 34  # letters over a panel
PYKAN_STEPS = 200  # of L-BFGS on each grid, as in the article
MOST_STARTS, NUMBERS_AT_ONCE = 8, 1500  # starts that are trained together; of large networks fewer


QUICK = (0, 1, 2)


def draw(function: Function, seed: int) -> tuple[Tensor, Tensor]:
    """Rows for training and testing, one after the other."""
    return function.draw(ROWS + TEST_ROWS, torch.Generator().manual_seed(seed))


def root_mean_square(values: Tensor) -> float:
    """Root mean square of a tensor."""
    return float(values.detach().square().mean().sqrt())


def kansym_stages(function: Function, seed: int, grids: tuple[int, ...]) -> Iterator[dict[str, object]]:
    """Train with the schedule: a fifth of the training rows are held out, and join for the last training."""
    x, y = draw(function, seed)
    fit, held, test = slice(0, ROWS - HELD_OUT), slice(ROWS - HELD_OUT, ROWS), slice(ROWS, None)
    lines: list[dict[str, object]] = []
    start, excluded = time.process_time(), 0.0

    def line(grid_size: int, network: KAN, loss: float, step: str) -> dict[str, object]:
        nonlocal excluded
        now = time.process_time()
        error = root_mean_square(network(x[test]) - y[test])
        seconds = now - start - excluded
        excluded += time.process_time() - now  # the test rows are no part of the training
        return {"grid_size": grid_size, "step": step, "seconds": seconds, "train_rmse": loss**0.5, "test_rmse": error}

    def on_stage(stage: Stage) -> None:
        lines.append(line(stage.grid_size, stage.best.network, stage.best.loss, "stage"))

    generator = torch.Generator().manual_seed(seed)
    options = {"grid_size": grids[0], "base_function": "none", "generator": generator, "dtype": torch.float64}
    first = KAN(function.shape, **options)
    count = max(1, min(MOST_STARTS, NUMBERS_AT_ONCE // first.n_parameters))
    starts = [first, *(KAN(function.shape, **options) for _ in range(count - 1))]
    # Where the function lives is no secret, as pykan's grids from -1 to 1 are told, too: random rows and two corners.
    domain = 2.0 * torch.rand(1000, function.shape[0], generator=generator, dtype=torch.float64) - 1.0
    domain = torch.cat([domain, torch.ones_like(domain[:1]), -torch.ones_like(domain[:1])])
    starts = [network.fitted_to(x[fit], y[fit]).update_grids(domain) for network in starts]
    result = train_schedule(
        starts, x[fit], y[fit], validation=(x[held], y[held]), grid_sizes=grids, domain=domain, on_stage=on_stage
    )
    size = result.network.layer(0).basis.grid_size
    yield from [*lines, line(size, result.network, result.loss, "all rows")]


def pykan_stages(
    function: Function, seed: int, grids: tuple[int, ...], limit: float
) -> Iterator[dict[str, object]]:
    """Train with pykan as its examples do: L-BFGS on each grid, then refine; no new grid after the time limit."""
    import kan

    torch.set_default_dtype(torch.float64)
    x, y = draw(function, seed)
    data = {
        "train_input": x[:ROWS], "train_label": y[:ROWS], "test_input": x[ROWS:], "test_label": y[ROWS:]
    }
    os.chdir(tempfile.mkdtemp())  # pykan writes files where it stands
    model, spent = None, 0.0
    for grid_size in grids:
        start = time.process_time()
        if model is None:
            model = kan.KAN(width=list(function.shape), grid=grid_size, k=3, seed=seed)
        else:
            model = model.refine(grid_size)
        history = model.fit(data, opt="LBFGS", steps=PYKAN_STEPS, log=PYKAN_STEPS)
        took = time.process_time() - start
        errors = [float(error) for error in history["test_loss"]]
        best = min(range(len(errors)), key=lambda step: errors[step] if math.isfinite(errors[step]) else math.inf)
        # Its best step counts, though nothing but the test rows tells which that is, and the time up to there.
        yield {
            "grid_size": grid_size, "step": f"{best + 1} of {PYKAN_STEPS}", "test_rmse": errors[best],
            "seconds": spent + took * (best + 1) / len(errors), "train_rmse": float(history["train_loss"][best]),
        }
        spent += took
        if spent > limit:
            break


def record(path: Path, lines: list[dict[str, object]]) -> None:
    """Write the table in one move, so that an interruption leaves the one before."""
    part = path.with_suffix(".part")
    pd.DataFrame(lines).to_csv(part, index=False, float_format="%.6g")
    part.replace(path)


def summarise(stages: pd.DataFrame) -> pd.DataFrame:
    """For each function and seed, that is on the same rows: kansym's last error, pykan's best, and their times."""
    lines = []
    for (function, seed), group in stages.groupby(["function", "seed"], sort=False):
        own, other = group[group["method"] == "kansym"], group[group["method"] == "pykan"]
        line: dict[str, object] = {"function": function, "seed": seed}
        if len(own):
            line |= {"kansym_rmse": own["test_rmse"].iloc[-1], "kansym_seconds": own["seconds"].iloc[-1]}
        if len(other):
            best = other.loc[other["test_rmse"].idxmin()]
            line |= {"pykan_rmse": best["test_rmse"], "pykan_seconds": best["seconds"], "pykan_grid": best["grid_size"],
                     "pykan_last_grid": other["grid_size"].max()}
            reached = own[own["test_rmse"] <= best["test_rmse"]]
            if len(own):
                line["kansym_seconds_to_pykan_rmse"] = reached["seconds"].min() if len(reached) else math.inf
        lines.append(line)
    return pd.DataFrame(lines)


def draw_figure(stages: pd.DataFrame, path: Path) -> None:
    """Test error against processor time, one panel a function."""
    from matplotlib import style
    from matplotlib.figure import Figure

    functions = [function.name for function in FUNCTIONS if function.name in set(stages["function"])]
    looks = {"kansym": {"color": "C0", "marker": "o"}, "pykan": {"color": "C1", "marker": "^"}}
    with style.context(FOLDER.parent / "paper.mplstyle"):
        columns = min(3, len(functions))
        rows = -(-len(functions) // columns)
        figure = Figure(figsize=(2.4 * columns, 2.1 * rows + 0.5))
        panels = figure.subplots(rows, columns, squeeze=False)
        handles = {}
        for axes, function in zip(panels.flat, functions, strict=False):
            for (method, _), run in stages[stages["function"] == function].groupby(["method", "seed"]):
                style_of = {**looks[str(method)], "markersize": 3.5, "linewidth": 1}
                handles[method] = axes.loglog(run["seconds"], run["test_rmse"], **style_of)[0]
            axes.set_title(textwrap.fill(function, TITLE), fontsize=7)
            plain_ticks(axes.xaxis)
            axes.yaxis.set_minor_formatter("")
        for axes in panels.flat[len(functions) :]:
            axes.remove()
        figure.supxlabel("seconds of one processor", fontsize=9)
        figure.supylabel("error on fresh rows (root mean square)", fontsize=9)
        figure.legend(handles.values(), handles.keys(), loc="outside upper center", ncols=2)
        figure.savefig(path)


def main() -> None:
    """Run, write each stage as soon as it is there, and summarise."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="kansym alone on three functions, grids to 10")
    parser.add_argument("--summary", action="store_true", help="run nothing; summary and figure of the stages there")
    parser.add_argument("--resume", action="store_true", help="keep the runs that are complete in the table")
    parser.add_argument("--methods", default="kansym,pykan")
    parser.add_argument("--functions", default=",".join(map(str, range(len(FUNCTIONS)))), help="numbers from 0")
    parser.add_argument("--seeds", default="0,1", help="of kansym; pykan gets all but the last")
    parser.add_argument("--limit", type=float, default=120.0, help="processor seconds after which pykan gets no grid")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the tables")
    arguments = parser.parse_args()
    out = arguments.out.absolute()
    out.mkdir(parents=True, exist_ok=True)
    path = out / ("quick_stages.csv" if arguments.quick else "stages.csv")
    torch.set_num_threads(1)
    seeds = [0] if arguments.quick else [int(seed) for seed in arguments.seeds.split(",")]
    numbers = QUICK if arguments.quick else [int(number) for number in arguments.functions.split(",")]
    lines = pd.read_csv(path).to_dict("records") if path.exists() and not arguments.quick else []
    runs = [
        (method, FUNCTIONS[number], seed)
        for method in (["kansym"] if arguments.quick else arguments.methods.split(","))
        for number in numbers
        for seed in (seeds if method == "kansym" else seeds[:-1] or seeds)
    ]
    for method, function, seed in [] if arguments.summary else runs:
        grids = GRIDS[:3] if arguments.quick else GRIDS
        if method == "kansym":
            stages = kansym_stages(function, seed, grids)
        else:
            stages = pykan_stages(function, seed, grids, arguments.limit)
        identity = {"function": function.name, "method": method, "seed": seed}
        own = [line for line in lines if all(line[key] == value for key, value in identity.items())]
        if arguments.resume and own and all(line.get("complete") is True for line in own):
            continue
        lines = [line for line in lines if line not in own]
        own = []
        for stage in stages:
            own.append(identity | stage | {"complete": False})
            print("{function} {method} {seed}: grid {grid_size}, {seconds:.2f} s, {test_rmse:.2e}".format(**own[-1]))
            record(path, [*lines, *own])
        lines += [line | {"complete": True} for line in own]
        record(path, lines)
    table = pd.DataFrame(lines)
    if not arguments.quick:
        summary = summarise(table)
        summary.to_csv(out / "summary.csv", index=False, float_format="%.4g")
        print(summary.to_string())
        draw_figure(table, out / "training_speed.png")
    print(f"Python {platform.python_version()}, torch {torch.__version__}, {platform.machine()}")


if __name__ == "__main__":
    main()
