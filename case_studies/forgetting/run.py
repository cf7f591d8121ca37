"""Forgetting: five peaks learnt one after another, by KANs and MLPs, where locality helps and where it should not.

    python case_studies/forgetting/run.py            # five seeds
    python case_studies/forgetting/run.py --quick    # one seed, short phases
    python case_studies/forgetting/run.py --large    # twenty seeds, phases five times as long

Writes ``phases.csv``, ``summary.csv`` and ``peaks.png`` into ``results/`` or the folder of ``--out``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor, nn

from kansym.network import KAN

FOLDER = Path(__file__).parent
sys.path.insert(0, str(FOLDER.parent))

from common.networks import free, mlp  # noqa: E402

PHASES = 5
WIDTH = 0.05  # of a peak; the inputs lie in [-1, 1]
SHORT = {
    "KAN without hidden layer": "KAN, no\nhidden layer",
    "the same with silu": "the same\nwith silu",
    "KAN with 5 hidden nodes": "KAN, 5\nhidden nodes",
    "MLP with 2 × 50 nodes": "MLP,\n2 × 50 nodes",
}


@dataclass(frozen=True)
class Setting:
    """How large the study is."""

    seeds: int = 5
    steps: int = 200
    rows: int = 500


@dataclass(frozen=True)
class Task:
    """Five peaks, and the region of each, from which its phase draws its rows."""

    name: str
    centres: Tensor  # (5, d)
    width: float

    def draw(self, phase: int, rows: int, generator: torch.Generator) -> Tensor:
        """Draw rows of a phase: around its centre, half-way to the neighbours on all sides."""
        reach = 1.0 / PHASES
        uniform = 2 * torch.rand(rows, self.centres.shape[1], generator=generator, dtype=torch.float64) - 1
        return self.centres[phase] + reach * uniform

    def target(self, x: Tensor) -> Tensor:
        """The sum of the peaks, (n, 1)."""
        squares = (x.unsqueeze(1) - self.centres).square().sum(-1)
        return torch.exp(-squares / (2 * self.width**2)).sum(-1, keepdim=True)


def tasks() -> tuple[Task, ...]:
    """The article's task, then peaks of two dimensions that share coordinates, and five dimensions that they do not.

    In higher dimension the peaks are wider, so that rows of the region see them.
    """
    line = torch.linspace(-0.8, 0.8, PHASES, dtype=torch.float64)
    cross = torch.tensor([[0, 0], [0.6, 0], [-0.6, 0], [0, 0.6], [0, -0.6]], dtype=torch.float64)
    return (
        Task("line", line.unsqueeze(-1), WIDTH),
        Task("cross in 2 dimensions", cross, 2 * WIDTH),
        Task("diagonal in 5 dimensions", line.unsqueeze(-1).expand(-1, 5).contiguous(), 3 * WIDTH),
    )


def networks(n_in: int, generator: torch.Generator) -> Iterator[tuple[str, nn.Module]]:
    """What is compared: KANs without and with a hidden layer, without and with a global base function, and an MLP."""
    options = {"grid_size": 50, "generator": generator, "dtype": torch.float64}
    yield "KAN without hidden layer", KAN((n_in, 1), base_function="none", **options)
    yield "the same with silu", KAN((n_in, 1), **options)
    yield "KAN with 5 hidden nodes", KAN((n_in, 5, 1), base_function="none", **options)
    yield "MLP with 2 × 50 nodes", mlp((n_in, 50, 50, 1), generator)


def learn(network: nn.Module, x: Tensor, y: Tensor, steps: int) -> None:
    """Fit the rows of a phase by L-BFGS, which starts anew in each phase."""
    optimiser = torch.optim.LBFGS(
        free(network).values(), max_iter=steps, history_size=20, line_search_fn="strong_wolfe", tolerance_change=1e-12
    )

    def closure() -> Tensor:
        optimiser.zero_grad()
        loss = (network(x) - y).square().mean()
        loss.backward()
        return loss

    optimiser.step(closure)


def runs(setting: Setting, curves: dict[tuple[str, int], Tensor]) -> Iterator[dict[str, object]]:
    """Errors on the rows of every phase after every phase; predictions of seed 0 on the line go into ``curves``."""
    grid = torch.linspace(-1, 1, 801, dtype=torch.float64).unsqueeze(-1)
    for task in tasks():
        for seed in range(setting.seeds):
            generator = torch.Generator().manual_seed(seed)
            tests = [task.draw(phase, 1000, generator) for phase in range(PHASES)]
            for name, network in networks(task.centres.shape[1], generator):
                for phase in range(PHASES):
                    x = task.draw(phase, setting.rows, generator)
                    learn(network, x, task.target(x), setting.steps)
                    with torch.no_grad():
                        if task.name == "line" and seed == 0:
                            curves[name, phase] = network(grid).squeeze(-1)
                        for seen, rows in enumerate(tests):
                            truth = task.target(rows)
                            error = (network(rows) - truth).square().mean() / truth.var(correction=0)
                            yield {
                                "task": task.name,
                                "network": name,
                                "seed": seed,
                                "after_phase": phase + 1,
                                "region": seen + 1,
                                "unexplained": float(error),
                            }


def summarise(table: pd.DataFrame) -> pd.DataFrame:
    """Unexplained share of the variance: right after a region's own phase, and of the first four at the very end."""
    fresh = table[table["after_phase"] == table["region"]]
    final = table[(table["after_phase"] == PHASES) & (table["region"] < PHASES)]
    by = ["task", "network"]
    return pd.DataFrame(
        {
            "runs": table.groupby(by, sort=False)["seed"].nunique(),
            "just_learnt": fresh.groupby(by, sort=False)["unexplained"].median(),
            "at_the_end": final.groupby(by, sort=False)["unexplained"].median(),
            "at_the_end_worst": final.groupby(by, sort=False)["unexplained"].max(),
        }
    ).reset_index()


def draw(table: pd.DataFrame, curves: dict[tuple[str, int], Tensor], path: Path) -> None:
    """The line after every phase, and how the first peak is forgotten in each task."""
    from matplotlib import style
    from matplotlib.figure import Figure

    names = list(dict.fromkeys(name for name, _ in curves))
    task = tasks()[0]
    grid = torch.linspace(-1, 1, 801, dtype=torch.float64).unsqueeze(-1)
    with style.context(FOLDER.parent / "paper.mplstyle"):
        figure = Figure(figsize=(7.4, 6.6))
        top, bottom = figure.subfigures(2, 1, height_ratios=(1.35, 1))
        panels = top.subplots(len(names), PHASES, sharex=True, sharey=True)
        for row, name in zip(panels, names, strict=True):
            row[0].set_ylabel(SHORT[name], fontsize=7.5)
            for phase, axes in enumerate(row):
                axes.plot(grid, task.target(grid), color="0.7", linewidth=0.8)
                axes.plot(grid, curves[name, phase], color="C0", linewidth=1)
                centre = float(task.centres[phase, 0])
                axes.axvspan(centre - 0.2, centre + 0.2, color="C4", alpha=0.18, linewidth=0)
                axes.set(ylim=(-0.6, 1.5), xticks=(-1, 0, 1))
        for phase, axes in enumerate(panels[0]):
            axes.set_title(f"after phase {phase + 1}")
        axes_below = bottom.subplots(1, 3, sharey=True)
        first = table[table["region"] == 1]
        for axes, (task_name, of_task) in zip(axes_below, first.groupby("task", sort=False), strict=True):
            for color, marker, name in zip(("C0", "C3", "C2", "C1"), "osD^", names, strict=True):
                lines = of_task[of_task["network"] == name].groupby("after_phase")["unexplained"]
                median = lines.median()
                axes.fill_between(median.index, lines.min(), lines.max(), color=color, alpha=0.15, linewidth=0)
                axes.plot(median, color=color, marker=marker, label=name)
            axes.set(title=task_name, yscale="log", xlabel="phases learnt", xticks=range(1, PHASES + 1))
        axes_below[0].set_ylabel("1 − R² on the first peak")
        bottom.legend(*axes_below[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
        figure.savefig(path)


def main() -> None:
    """Run, write the tables and the figure, and print the summary."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one seed, short phases")
    parser.add_argument("--large", action="store_true", help="twenty seeds, phases five times as long")
    parser.add_argument("--out", type=Path, default=FOLDER / "results", help="folder of the tables and the figure")
    arguments = parser.parse_args()
    setting = Setting()
    if arguments.quick:
        setting = Setting(seeds=1, steps=20, rows=100)
    elif arguments.large:
        setting = Setting(seeds=20, steps=1000)
    arguments.out.mkdir(parents=True, exist_ok=True)
    curves: dict[tuple[str, int], Tensor] = {}
    table = pd.DataFrame(runs(setting, curves))
    table.to_csv(arguments.out / "phases.csv", index=False, float_format="%.3g")
    summary = summarise(table)
    summary.to_csv(arguments.out / "summary.csv", index=False, float_format="%.3g")
    draw(table, curves, arguments.out / "peaks.png")
    print(summary.to_string(float_format="%.2g"))


if __name__ == "__main__":
    main()
