"""Scaling laws: test error against parameters and against time, splines refined and MLPs of growing size.

    python case_studies/scaling_laws/run.py            # five functions, grids as far as the time of each reaches
    python case_studies/scaling_laws/run.py --quick    # two functions, few grids, one MLP each

Writes ``runs.csv``, ``exponents.csv``, ``parameters.svg`` and ``time.svg`` into ``results/`` or the folder of
``--out``. Functions and seeds that are in ``runs.csv`` are not run again.
"""

from __future__ import annotations

import argparse
import math
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from kansym.network import KAN, Stage, train_schedule

FOLDER = Path(__file__).parent
sys.path.insert(0, str(FOLDER.parent))

from common.figures import plain_ticks  # noqa: E402
from common.least_squares import Perceptron  # noqa: E402
from common.toy_functions import FUNCTIONS, Function  # noqa: E402

TEST_ROWS = 2000
PREDICTED = -4.0  # of cubic splines: minus the order k + 1
TITLE = 34  # letters over a panel
MARKERS = "o^sDv"
MOST_STARTS, NUMBERS_AT_ONCE = 8, 400  # starts that are trained together; of large networks fewer
CURVE_POINTS = 12  # of an MLP's error against time
SLOW, SLOW_STEPS = 1e-3, 10  # an MLP starts anew when so many steps in a row have gained less of the loss than this


@dataclass(frozen=True)
class Setting:
    """How large the study is."""

    rows: int = 3000
    grids: tuple[int, ...] = (3, 5, 10, 20, 50, 100, 200, 500, 1000)
    seconds: float = 6.0  # of one processor at most for all grids of a function
    least: float = 2.0  # seconds that each MLP gets where the splines took fewer
    depths: tuple[int, ...] = (2, 3, 4, 5)  # layers of weights
    widths: tuple[int, ...] = (5, 10, 20)
    seeds: tuple[int, ...] = (0,)


@dataclass(frozen=True)
class Rows:
    """Training rows, of which a fifth chooses among networks, and fresh ones."""

    fit: tuple[Tensor, Tensor]
    held: tuple[Tensor, Tensor]
    test: tuple[Tensor, Tensor]

    @classmethod
    def draw(cls, function: Function, rows: int, seed: int) -> Rows:
        """Draw them from one stream."""
        generator = torch.Generator().manual_seed(seed)
        x, y = function.draw(rows, generator)
        held = rows // 5
        return cls((x[held:], y[held:]), (x[:held], y[:held]), function.draw(TEST_ROWS, generator))


class Clock:
    """Processor seconds, without those spent on measuring."""

    def __init__(self, limit: float) -> None:
        self.limit, self._start, self._excluded = limit, time.process_time(), 0.0

    @property
    def seconds(self) -> float:
        """So far."""
        return time.process_time() - self._start - self._excluded

    def is_over(self) -> bool:
        """Whether the limit is reached."""
        return self.seconds > self.limit

    def error(self, network: Callable[[Tensor], Tensor], rows: tuple[Tensor, Tensor]) -> float:
        """Root mean square error on rows, which takes no time on this clock."""
        began = time.process_time()
        with torch.no_grad():
            error = float((network(rows[0]) - rows[1]).square().mean().sqrt())
        self._excluded += time.process_time() - began
        return error


# ------------------------------------------------------------------------------------------------------------- splines


def spline_stages(function: Function, rows: Rows, seed: int, setting: Setting) -> list[dict[str, object]]:
    """Train on growing grids: a line, with all seconds up to then, for the first and for each that ended in time."""
    clock, lines = Clock(setting.seconds), []

    def on_stage(stage: Stage) -> None:
        network = stage.best.network
        seconds, error = clock.seconds, clock.error(network, rows.test)
        if seconds <= clock.limit or not lines:
            size = f"grid {stage.grid_size}"
            lines.append({"size": size, "parameters": network.n_parameters, "seconds": seconds, "rmse": error})

    generator = torch.Generator().manual_seed(seed)
    options = {"base_function": "none", "generator": generator, "dtype": torch.float64}
    first = KAN(function.shape, grid_size=setting.grids[0], **options)
    count = max(1, min(MOST_STARTS, NUMBERS_AT_ONCE // first.n_parameters))
    starts = [first, *(KAN(function.shape, grid_size=setting.grids[0], **options) for _ in range(count - 1))]
    # The domain is known, as it is to the article's grids from -1 to 1.
    corners = torch.ones(1, function.shape[0], dtype=torch.float64)
    domain = torch.cat([rows.fit[0], corners, -corners])
    starts = [network.fitted_to(*rows.fit).update_grids(domain) for network in starts]
    train_schedule(
        starts,
        *rows.fit,
        validation=rows.held,
        grid_sizes=setting.grids,
        domain=domain,
        should_stop=clock.is_over,
        on_stage=on_stage,
    )
    return lines


# ---------------------------------------------------------------------------------------------------------------- MLPs


def perceptron_points(widths: tuple[int, ...], rows: Rows, seed: int, seconds: float) -> list[dict[str, object]]:
    """Train an MLP for so long, from new random weights whenever it has converged; the best on held-out rows counts."""
    clock, generator, network = Clock(seconds), torch.Generator().manual_seed(seed), Perceptron(widths)
    times = list(np.geomspace(seconds / 100, seconds, CURVE_POINTS)[:-1])
    best, lines = (math.inf, math.inf), []

    def line() -> dict[str, object]:
        about = {"size": f"width {widths[1]}", "parameters": network.size}
        return {**about, "seconds": clock.seconds, "rmse": best[1]}

    while not clock.is_over():
        before, slow = math.inf, 0
        for theta, loss in network.steps(network.start(generator), *rows.fit, clock.is_over):
            outputs = partial(network.values, theta)
            held = clock.error(outputs, rows.held)
            if held < best[0]:
                best = held, clock.error(outputs, rows.test)
            if times and clock.seconds > times[0]:
                lines.append(line())
                times = [moment for moment in times if moment > clock.seconds]
            before, slow = loss, slow + 1 if loss > (1 - SLOW) * before else 0
            if slow == SLOW_STEPS:
                break
    return [*lines, line()]


# ------------------------------------------------------------------------------------------------------------- results


def runs(function: Function, seed: int, setting: Setting) -> Iterator[dict[str, object]]:
    """Splines first, then every MLP with as many seconds as they took, or more; in double precision, on one thread."""
    rows = Rows.draw(function, setting.rows, seed)
    about = {"function": function.name, "seed": seed}
    stages = spline_stages(function, rows, seed, setting)
    for stage in stages:
        yield {**about, "network": "KAN", **stage, "last": True}
    seconds = max(setting.least, float(stages[-1]["seconds"]))  # type: ignore[arg-type]
    for depth in setting.depths:
        for width in setting.widths:
            shape = (function.shape[0], *[width] * (depth - 1), 1)
            points = perceptron_points(shape, rows, seed, seconds)
            for point in points:
                yield {**about, "network": f"MLP, {depth} layers", **point, "last": point is points[-1]}


def all_runs(functions: tuple[Function, ...], setting: Setting, path: Path) -> pd.DataFrame:
    """Make the runs of functions and seeds that are not in the table of that path yet."""
    table = pd.read_csv(path) if path.exists() else pd.DataFrame(columns=["function", "seed"])
    for seed in setting.seeds:
        for function in functions:
            if not ((table["function"] == function.name) & (table["seed"] == seed)).any():
                found = pd.DataFrame(runs(function, seed, setting))
                table = pd.concat([table, found], ignore_index=True) if len(table) else found
                table.to_csv(path, index=False, float_format="%.4g")
                print(function.name, seed, found.groupby("network")["rmse"].min().to_dict(), flush=True)
    return table


def exponents(table: pd.DataFrame) -> pd.DataFrame:
    """Slopes of log error over log parameters and over log seconds, for splines and for the MLPs.

    Splines count up to the grid of the least error. MLPs count with their last errors, and only those that are better
    than all smaller ones; in time, only the points that are better than all earlier ones of any MLP, as if they had
    been trained one beside the other.
    """
    lines = []
    for (function, seed), group in table.groupby(["function", "seed"], sort=False):
        kan, mlp = group[group["network"] == "KAN"], group[group["network"] != "KAN"]
        falling = kan.loc[: kan["rmse"].idxmin()]
        last = mlp[mlp["last"].astype(bool)]
        of_size, of_time = front(last, "parameters"), front(mlp, "seconds")
        lines.append(
            {
                "function": function, "seed": seed, "predicted": PREDICTED,
                "kan_parameters": slope(falling["parameters"], falling["rmse"]),
                "mlp_parameters": slope(of_size["parameters"], of_size["rmse"]),
                "kan_seconds": slope(falling["seconds"], falling["rmse"]),
                "mlp_seconds": slope(of_time["seconds"], of_time["rmse"]),
                "grid": str(falling["size"].iloc[-1]).removeprefix("grid "),
                "kan_numbers": falling["parameters"].iloc[-1], "kan_rmse": kan["rmse"].min(),
                "mlp": last.loc[last["rmse"].idxmin(), ["network", "size"]].str.cat(sep=", ").removeprefix("MLP, "),
                "mlp_numbers": last.loc[last["rmse"].idxmin(), "parameters"], "mlp_rmse": last["rmse"].min(),
                "kan_total_seconds": kan["seconds"].max(),
                "mlp_rmse_by_then": mlp.loc[mlp["seconds"] <= kan["seconds"].max(), "rmse"].min(),
                "kan_seconds_to_mlp_rmse": kan.loc[kan["rmse"] <= last["rmse"].min(), "seconds"].min(),
            }
        )  # fmt: skip
    return pd.DataFrame(lines)


def front(points: pd.DataFrame, cost: str) -> pd.DataFrame:
    """Points whose error is lower than that of all cheaper ones."""
    ordered = points.sort_values([cost, "rmse"])
    return ordered[ordered["rmse"] < ordered["rmse"].cummin().shift(fill_value=math.inf)]


def slope(cost: pd.Series, error: pd.Series) -> float:
    """Least-squares slope of log error over log cost; NaN where the costs span less than a factor of three."""
    if cost.max() < 3 * cost.min():
        return math.nan
    return float(np.polyfit(np.log(cost.to_numpy(float)), np.log(error.to_numpy(float)), 1)[0])


def draw(table: pd.DataFrame, cost: str, path: Path) -> None:
    """Error against a cost, a panel for each function; the dotted line falls as predicted."""
    from matplotlib import style
    from matplotlib.figure import Figure

    functions = list(dict.fromkeys(table["function"]))
    with style.context(FOLDER.parent / "paper.mplstyle"):
        columns = min(3, len(functions))
        rows = -(-len(functions) // columns)
        figure = Figure(figsize=(2.4 * columns, 2.1 * rows + 0.5))
        panels = figure.subplots(rows, columns, squeeze=False)
        networks = sorted(set(table["network"]))
        for axes, name in zip(panels.flat, functions, strict=False):
            for color, (network, marker) in enumerate(zip(networks, MARKERS, strict=False)):
                group = table[(table["function"] == name) & (table["network"] == network)]
                for _, of_seed in group.groupby("seed"):
                    ends = of_seed["last"].astype(bool)
                    points = of_seed[ends] if cost == "parameters" else front(of_seed, cost)
                    look = {"marker": marker, "markersize": 3, "color": f"C{color}", "linewidth": 1}
                    axes.plot(points[cost], points["rmse"], label=network, **look)
            if cost == "parameters":
                kan = table[(table["function"] == name) & (table["network"] == "KAN")]
                numbers = np.array([kan[cost].min(), kan[cost].max()], float)
                line = kan["rmse"].iloc[0] * (numbers / numbers[0]) ** PREDICTED
                axes.plot(numbers, line, ":", color="0.5", linewidth=1, label="predicted, −4")
            axes.set(xscale="log", yscale="log")
            plain_ticks(axes.xaxis)
            axes.set_title(textwrap.fill(name, TITLE), fontsize=7)
        for axes in panels.flat[len(functions) :]:
            axes.remove()
        figure.supxlabel({"seconds": "seconds of one processor"}.get(cost, cost), fontsize=9)
        figure.supylabel("error on fresh rows (root mean square)", fontsize=9)
        handles = dict(zip(*reversed(panels[0, 0].get_legend_handles_labels()), strict=True))
        figure.legend(handles.values(), handles.keys(), loc="outside upper center", ncols=3)
        figure.savefig(path, metadata={"Date": None, "Creator": None})


def main() -> None:
    """Run, write the tables and the figures, and print the exponents."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="two functions, grids to 50, one MLP each")
    numbers = ",".join(map(str, range(len(FUNCTIONS))))
    parser.add_argument("--functions", default=numbers, help="numbers from 0")
    parser.add_argument("--seconds", type=float, default=Setting().seconds, help="for all grids of a function")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--out", type=Path, default=FOLDER / "results", help="folder of the tables and the figures")
    arguments = parser.parse_args()
    setting = Setting(seconds=arguments.seconds, seeds=tuple(range(arguments.seeds)))
    functions = tuple(FUNCTIONS[int(number)] for number in arguments.functions.split(","))
    if arguments.quick:
        setting = replace(setting, rows=1000, grids=(5, 10, 20, 50), seconds=4.0, least=1.0)
        setting = replace(setting, depths=(2,), widths=(5, 10))
        functions = FUNCTIONS[:2]
    torch.set_num_threads(1)
    arguments.out.mkdir(parents=True, exist_ok=True)
    table = all_runs(functions, setting, arguments.out / "runs.csv")
    summary = exponents(table)
    summary.to_csv(arguments.out / "exponents.csv", index=False, float_format="%.3g")
    draw(table, "parameters", arguments.out / "parameters.svg")
    draw(table, "seconds", arguments.out / "time.svg")
    print(summary.to_string(float_format="%.3g"))


if __name__ == "__main__":
    main()
