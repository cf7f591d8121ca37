"""Scaling laws: test error against parameters and against time, splines refined and MLPs of growing size.

    python case_studies/scaling_laws/run.py            # five functions, grids as far as the time of each reaches
    python case_studies/scaling_laws/run.py --quick    # two functions, few grids, one MLP each

Writes ``runs.csv``, ``exponents.csv``, ``parameters.svg`` and ``time.svg`` into ``results/`` or the folder of
``--out``. Functions and seeds that are in ``runs.csv`` are not run again.
"""

from __future__ import annotations

import argparse
import math
import textwrap
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from kansym.network import KAN, Stage, train_schedule

FOLDER = Path(__file__).parent
TEST_ROWS = 2000
PREDICTED = -4.0  # of cubic splines: minus the order k + 1
_TITLE = 34  # letters over a panel
MOST_STARTS, NUMBERS_AT_ONCE = 8, 400  # starts that are trained together; of large networks fewer
CURVE_POINTS = 12  # of an MLP's error against time
SLOW = 1e-3  # share of the loss; an MLP starts anew when ten steps in a row have gained less


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
class Function:
    """A toy function of the article on [-1, 1]^n, with the shape that it gives."""

    name: str
    shape: tuple[int, ...]
    values: Callable[[Tensor], Tensor]

    def draw(self, rows: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Draw uniform rows, and the values on them."""
        x = 2.0 * torch.rand(rows, self.shape[0], generator=generator, dtype=torch.float64) - 1.0
        return x, self.values(x)


FUNCTIONS = (
    Function("J0(20x)", (1, 1), lambda x: torch.special.bessel_j0(20.0 * x)),
    Function("exp(sin(pi x) + y^2)", (2, 1, 1), lambda x: torch.exp(torch.sin(math.pi * x[:, :1]) + x[:, 1:] ** 2)),
    Function("x y", (2, 2, 1), lambda x: x[:, :1] * x[:, 1:]),
    Function(
        "exp((sin(pi(x1^2 + x2^2)) + sin(pi(x3^2 + x4^2)))/2)",
        (4, 4, 2, 1),
        lambda x: torch.exp(0.5 * torch.sin(math.pi * (x**2).unflatten(1, (2, 2)).sum(2)).sum(1, keepdim=True)),
    ),
    Function(
        "exp(mean sin^2(pi x_i/2)), 100 columns",
        (100, 1, 1),
        lambda x: torch.exp((torch.sin(0.5 * math.pi * x) ** 2).mean(1, keepdim=True)),
    ),
)


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


class Perceptron:
    """Layers of tanh nodes and one linear node, all numbers in one vector; its Jacobian is written out."""

    def __init__(self, widths: tuple[int, ...], generator: torch.Generator) -> None:
        self.shapes = [(fan_out, fan_in + 1) for fan_in, fan_out in pairwise(widths)]
        parts = [(2 * torch.rand(*shape, generator=generator, dtype=torch.float64) - 1) for shape in self.shapes]
        scaled = [part / (shape[1] - 1) ** 0.5 for part, shape in zip(parts, self.shapes, strict=True)]
        self.theta = torch.cat([part.flatten() for part in scaled])

    @property
    def layers(self) -> list[Tensor]:
        """Weights of each layer with its biases as the last column."""
        parts = self.theta.split([fan_out * columns for fan_out, columns in self.shapes])
        return [part.view(shape) for part, shape in zip(parts, self.shapes, strict=True)]

    def activations(self, x: Tensor) -> list[Tensor]:
        """Input, hidden nodes and output, layer by layer."""
        values = [x]
        for number, layer in enumerate(self.layers):
            sums = torch.addmm(layer[:, -1], values[-1], layer[:, :-1].T)
            values.append(sums if number == len(self.shapes) - 1 else torch.tanh(sums))
        return values

    def __call__(self, x: Tensor) -> Tensor:
        """Outputs (n, 1)."""
        return self.activations(x)[-1]

    def jacobian(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Outputs (n, 1), and their derivatives (n, count) by back-propagation of every row."""
        *inputs, outputs = self.activations(x)
        slope, columns = torch.ones_like(outputs), []
        for values, layer in zip(reversed(inputs), reversed(self.layers), strict=True):
            with_bias = torch.cat([values, torch.ones_like(values[:, :1])], 1)
            columns.append((slope.unsqueeze(2) * with_bias.unsqueeze(1)).flatten(1))
            slope = slope @ layer[:, :-1] * (1 - values**2)
        return outputs, torch.cat(columns[::-1], 1)


def levenberg_marquardt(network: Perceptron, rows: tuple[Tensor, Tensor], clock: Clock) -> Iterator[float]:
    """Improve in place with what the splines are trained with, and yield the loss after every accepted step."""
    x, y = rows
    damping, slow = 1e-3, 0
    loss = float((network(x) - y).square().mean())
    while slow < 10:
        outputs, slopes = network.jacobian(x)
        normal, gradient = slopes.T @ slopes, slopes.T @ (outputs - y)
        scale = normal.diagonal().clamp(min=1e-12 * float(normal.diagonal().max()))
        theta, found = network.theta, math.inf
        while found >= loss:
            if damping > 1e10 or clock.is_over():
                network.theta = theta
                return
            factor, info = torch.linalg.cholesky_ex(normal + torch.diag(damping * scale))
            if int(info) == 0:
                network.theta = theta - torch.cholesky_solve(gradient, factor).squeeze(1)
                found = float((network(x) - y).square().mean())
            damping *= 4 if not found < loss else 0.2
            found = math.inf if math.isnan(found) else found
        damping = max(damping, 1e-14)
        slow = slow + 1 if found > (1 - SLOW) * loss else 0
        loss = found
        yield loss


def perceptron_points(widths: tuple[int, ...], rows: Rows, seed: int, seconds: float) -> list[dict[str, object]]:
    """Train an MLP for so long, from new random weights whenever it has converged; the best on held-out rows counts."""
    clock, generator = Clock(seconds), torch.Generator().manual_seed(seed)
    times = list(np.geomspace(seconds / 100, seconds, CURVE_POINTS)[:-1])
    best, lines, size = (math.inf, math.inf), [], 0

    def line() -> dict[str, object]:
        return {"size": f"width {widths[1]}", "parameters": size, "seconds": clock.seconds, "rmse": best[1]}

    while not clock.is_over():
        network = Perceptron(widths, generator)
        size = len(network.theta)
        for _ in levenberg_marquardt(network, rows.fit, clock):
            held = clock.error(network, rows.held)
            if held < best[0]:
                best = held, clock.error(network, rows.test)
            if times and clock.seconds > times[0]:
                lines.append(line())
                times = [moment for moment in times if moment > clock.seconds]
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
    import matplotlib as mpl
    from matplotlib import style
    from matplotlib.figure import Figure
    from matplotlib.ticker import NullFormatter

    functions = list(dict.fromkeys(table["function"]))
    with style.context(FOLDER.parent / "paper.mplstyle"), mpl.rc_context({"svg.hashsalt": "kansym"}):
        columns = min(3, len(functions))
        rows = -(-len(functions) // columns)
        figure = Figure(figsize=(2.4 * columns, 2.1 * rows + 0.5))
        panels = figure.subplots(rows, columns, squeeze=False)
        networks = sorted(set(table["network"]))
        for axes, name in zip(panels.flat, functions, strict=False):
            for color, network in enumerate(networks):
                group = table[(table["function"] == name) & (table["network"] == network)]
                ends = group[group["last"].astype(bool)] if cost == "parameters" else front(group, cost)
                for _, points in ends.groupby("seed"):
                    axes.plot(points[cost], points["rmse"], "o-", markersize=3, color=f"C{color}", label=network)
            if cost == "parameters":
                kan = table[(table["function"] == name) & (table["network"] == "KAN")]
                numbers = np.array([kan[cost].min(), kan[cost].max()], float)
                line = kan["rmse"].iloc[0] * (numbers / numbers[0]) ** PREDICTED
                axes.plot(numbers, line, ":", color="0.5", linewidth=1, label="predicted, −4")
            axes.set(xscale="log", yscale="log")
            axes.xaxis.set_minor_formatter(NullFormatter())
            axes.set_title(textwrap.fill(name, _TITLE), fontsize=7)
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
