"""Five regression tasks in float32: what KANs and MLPs of equal loss cost in parameters, operations, seconds, memory.

    python case_studies/parameter_efficiency/run.py            # three seeds
    python case_studies/parameter_efficiency/run.py --quick    # one seed, two tasks, two sizes of each kind

Writes ``runs.csv``, ``networks.csv``, ``ratios.csv`` and ``costs.svg`` into ``results/`` or the folder of ``--out``.
What is in ``runs.csv`` is not trained again.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from sklearn.datasets import make_friedman1
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from kansym.datasets import load_dataset
from kansym.network import KAN

FOLDER = Path(__file__).parent
sys.path.insert(0, str(FOLDER.parent))

from common.memory import peak_bytes  # noqa: E402
from common.networks import mlp, size  # noqa: E402

COSTS = {  # with the names on the axes
    "parameters": "parameters",
    "operations": "operations a row",
    "seconds": "seconds of training",
    "bytes": "bytes in training",
}
# A level of loss that both kinds reach, as a multiple of the least one that both reach.
LEVELS = {"least": 1.0, "half as much again": 1.5}
MATRIX_PRODUCTS = (torch.ops.aten.mm, torch.ops.aten.addmm, torch.ops.aten.addmm_)


@dataclass(frozen=True)
class Setting:
    """How large the study is."""

    seeds: int = 3
    lengths: tuple[int, ...] = (300, 1200)  # steps of a training
    rates: tuple[float, ...] = (1e-2, 3e-2)  # of which validation chooses for each network and length
    batch: int = 256
    kan_widths: tuple[int, ...] = (0, 1, 2, 4, 8, 16)  # hidden nodes; 0 for a sum of one spline a column
    mlp_widths: tuple[int, ...] = (4, 8, 16, 32, 64, 128)  # nodes of each of two hidden layers


# ------------------------------------------------------------------------------------------------------------ the tasks


def nested(seed: int) -> tuple[Tensor, Tensor]:
    """The KAN article's function of four variables, 3,000 rows without noise."""
    x = 2 * torch.rand(3000, 4, generator=torch.Generator().manual_seed(seed)) - 1
    pairs = torch.sin(math.pi * (x[:, [0, 2]].square() + x[:, [1, 3]].square()))
    return x, torch.exp(pairs.sum(1) / 2)


def friedman(seed: int) -> tuple[Tensor, Tensor]:
    """Friedman's first function, whose five columns are followed by five that do not matter; 3,000 rows, no noise."""
    x, y = make_friedman1(3000, n_features=10, noise=0.0, random_state=seed)
    return torch.from_numpy(x).float(), torch.from_numpy(y).float()


def measured(name: str) -> Callable[[int], tuple[Tensor, Tensor]]:
    """A data set that comes with kansym; the order of its rows is the seed's."""

    def rows(seed: int) -> tuple[Tensor, Tensor]:
        data = load_dataset(name)
        order = torch.randperm(len(data.frame), generator=torch.Generator().manual_seed(seed))
        x = torch.tensor(data.frame.drop(columns=data.target).to_numpy("float32"))
        return x[order], torch.tensor(data.frame[data.target].to_numpy("float32"))[order]

    return rows


TASKS: dict[str, Callable[[int], tuple[Tensor, Tensor]]] = {
    "nested sines, 4 columns": nested,
    "Friedman 1, 10 columns": friedman,
    "airfoil noise, 5 columns": measured("airfoil_self_noise"),
    "concrete, 8 columns": measured("concrete_strength"),
    "power plant, 4 columns": measured("combined_cycle_power_plant"),
}


def split(x: Tensor, y: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Rows to learn from, to choose by and to judge by, 3 : 1 : 1, in units of the first part's deviations."""
    learnt = 3 * len(x) // 5
    x = (x - x[:learnt].mean(0)) / x[:learnt].std(0)
    y = ((y - y[:learnt].mean()) / y[:learnt].std()).unsqueeze(-1)
    sizes = [learnt, len(x) // 5, len(x) - learnt - len(x) // 5]
    return list(zip(x.split(sizes), y.split(sizes), strict=True))


# --------------------------------------------------------------------------------------------------------- the networks


def build(kind: str, width: int, x: Tensor, y: Tensor, seed: int) -> nn.Module:
    """A new network: a KAN of cubic B-splines with its grids laid over the rows, or an MLP of SiLU nodes."""
    generator = torch.Generator().manual_seed(seed)
    if kind == "KAN":
        widths = (x.shape[1], width, 1) if width else (x.shape[1], 1)
        return KAN(widths, generator=generator).fitted_to(x, y)
    return mlp((x.shape[1], width, width, 1), generator, nn.SiLU, torch.float32)


def train(network: nn.Module, x: Tensor, y: Tensor, steps: int, rate: float, batch: int, seed: int) -> None:
    """Fit in place by Adam on batches of the rows, its rate falling along half a cosine."""
    generator = torch.Generator().manual_seed(1000 + seed)
    optimiser = torch.optim.Adam(network.parameters(), lr=rate)
    falling = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(steps):
        rows = torch.randint(len(x), (batch,), generator=generator)
        optimiser.zero_grad()
        (network(x[rows]) - y[rows]).square().mean().backward()
        optimiser.step()
        falling.step()


def root_mean_square(network: nn.Module, x: Tensor, y: Tensor) -> float:
    """Error in deviations of the target."""
    with torch.no_grad():
        return float((network(x) - y).square().mean().sqrt())


# ------------------------------------------------------------------------------------------------------------ the costs





class _Operations(TorchDispatchMode):
    """Counts two for every product of a matrix product, and one for every number that another operation writes."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if func.overloadpacket in MATRIX_PRODUCTS:
            left, right = args[-2:]
            self.count += 2 * left.shape[0] * left.shape[1] * right.shape[1]
        elif not (func.is_view or func.overloadpacket is torch.ops.aten.empty) and isinstance(result, Tensor):
            self.count += result.numel()
        return result


def operations_of(network: nn.Module, x: Tensor) -> float:
    """Operations of a prediction, a row; those that do not grow with the rows are left out."""
    counts = []
    for rows in (x[:100], x[:200]):
        with torch.no_grad(), _Operations() as operations:
            network(rows)
        counts.append(operations.count)
    return (counts[1] - counts[0]) / 100


# ------------------------------------------------------------------------------------------------------------ measuring


def networks(setting: Setting) -> list[tuple[str, int]]:
    """Kind and width of what is compared, small and large, KANs and MLPs in turn."""
    pairs = zip(setting.kan_widths, setting.mlp_widths, strict=True)
    return [one for kan, mlp in pairs for one in (("KAN", kan), ("MLP", mlp))]


def static_costs(tasks: list[str], setting: Setting) -> pd.DataFrame:
    """Parameters, operations of a prediction, and bytes while two steps are trained, of every network."""
    rows = []
    for task, (kind, width) in product(tasks, networks(setting)):
        x, y = split(*TASKS[task](0))[0]
        network = build(kind, width, x, y, 0)
        rows.append(
            {
                "task": task,
                "kind": kind,
                "width": width,
                "parameters": size(network),
                "operations": operations_of(network, x),
                "bytes": peak_bytes(network, partial(train, network, x, y, 2, 1e-3, setting.batch, 0)),
            }
        )
    return pd.DataFrame(rows)


def fits(task: str, seed: int, setting: Setting) -> list[dict[str, object]]:
    """Train every network on one task; seconds are those that one thread spent on a core."""
    learnt, chosen_by, judged_by = split(*TASKS[task](seed))
    rows = []
    for steps, rate, (kind, width) in product(setting.lengths, setting.rates, networks(setting)):
        network = build(kind, width, *learnt, seed)
        start = time.thread_time()
        train(network, *learnt, steps, rate, setting.batch, seed)
        seconds = time.thread_time() - start
        errors = {"validation": root_mean_square(network, *chosen_by), "rmse": root_mean_square(network, *judged_by)}
        facts = {"task": task, "seed": seed, "kind": kind, "width": width, "steps": steps, "rate": rate}
        rows.append({**facts, "seconds": seconds, **errors})
    return rows


def all_fits(tasks: list[str], setting: Setting, path: Path) -> pd.DataFrame:
    """Make the fits that are not yet in the table of that path, which grows with each task and seed."""
    table = pd.read_csv(path) if path.exists() else pd.DataFrame(columns=["task", "seed"])
    done = set(zip(table["task"], table["seed"], strict=True))
    for seed, task in product(range(setting.seeds), tasks):
        if (task, seed) not in done:
            rows = pd.DataFrame(fits(task, seed, setting))
            table = pd.concat([table, rows], ignore_index=True) if len(table) else rows
            table.to_csv(path, index=False, float_format="%.4g")
    return table


# --------------------------------------------------------------------------------------------------------- the findings


def summarise(runs: pd.DataFrame, costs: pd.DataFrame) -> pd.DataFrame:
    """Of every network and length the rate of the least median validation error, with medians over the seeds."""
    network = ["task", "kind", "width", "steps"]
    medians = runs.groupby([*network, "rate"], sort=False)[["seconds", "validation", "rmse"]].median().reset_index()
    best = medians.loc[medians.groupby(network, sort=False)["validation"].idxmin()]
    return best.merge(costs, on=["task", "kind", "width"])


def ratios(summary: pd.DataFrame) -> pd.DataFrame:
    """At each level of loss: what the cheapest MLP that reaches it costs over what the cheapest KAN does."""
    rows = []
    for task, group in summary.groupby("task", sort=False):
        best = group.groupby("kind")["rmse"].min()
        for level, factor in LEVELS.items():
            target = factor * best.max()
            least = group[group["rmse"] <= target].groupby("kind")[list(COSTS)].min()
            row = {"task": task, "KAN_best": best["KAN"], "MLP_best": best["MLP"], "level": level, "rmse": target}
            rows.append({**row, **(least.loc["MLP"] / least.loc["KAN"]).to_dict()})
    return pd.DataFrame(rows)


def draw(summary: pd.DataFrame, path: Path) -> None:
    """Error against every cost, a row for each task; the line joins what no cheaper network of the kind betters."""
    from matplotlib import style
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, NullFormatter

    tasks = list(dict.fromkeys(summary["task"]))
    with style.context(FOLDER.parent / "paper.mplstyle"):
        figure = Figure(figsize=(7.4, 1.55 * len(tasks) + 0.7))
        panels = figure.subplots(len(tasks), len(COSTS), sharex="col", sharey="row", squeeze=False)
        for row, task in zip(panels, tasks, strict=True):
            of_task = summary[summary["task"] == task]
            for axes, cost in zip(row, COSTS, strict=True):
                for kind, color, marker in (("KAN", "C0", "o"), ("MLP", "C1", "^")):
                    group = of_task[of_task["kind"] == kind].sort_values(cost)
                    front = group[group["rmse"] <= group["rmse"].cummin()]
                    axes.plot(group[cost], group["rmse"], marker, color=color, markersize=3, alpha=0.4)
                    axes.step(front[cost], front["rmse"], where="post", color=color, label=kind)
                axes.set(xscale="log", yscale="log" if of_task["rmse"].max() > 10 * of_task["rmse"].min() else "linear")
                axes.xaxis.set_minor_formatter(NullFormatter())
            row[0].set_ylabel(task.replace(", ", "\n"), fontsize=8)
        for axes, (cost, label) in zip(panels[-1], COSTS.items(), strict=True):
            axes.set_xlabel(label)
            if cost == "seconds":
                axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
                axes.xaxis.set_major_formatter("{x:g}")
        figure.supylabel("error on the judging rows, in deviations", fontsize=9)
        figure.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
        figure.savefig(path, metadata={"Date": None})


def main() -> None:
    """Run, write the tables and the figure, and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one seed, two tasks, two sizes of each kind")
    parser.add_argument("--out", type=Path, default=FOLDER / "results", help="folder of the tables and the figure")
    arguments = parser.parse_args()
    setting, tasks = Setting(), list(TASKS)
    if arguments.quick:
        setting = Setting(seeds=1, lengths=(200,), rates=(1e-2,), kan_widths=(0, 4), mlp_widths=(4, 16))
        tasks = [tasks[1], tasks[2]]
    torch.set_num_threads(1)
    arguments.out.mkdir(parents=True, exist_ok=True)
    costs = static_costs(tasks, setting)
    summary = summarise(all_fits(tasks, setting, arguments.out / "runs.csv"), costs)
    summary.to_csv(arguments.out / "networks.csv", index=False, float_format="%.4g")
    found = ratios(summary)
    found.to_csv(arguments.out / "ratios.csv", index=False, float_format="%.3g")
    draw(summary, arguments.out / "costs.svg")
    print(found.to_string(float_format="%.3g"))


if __name__ == "__main__":
    main()
