"""Handwritten digits: a small convolutional extractor with a KAN head of each basis or an MLP head, trained together.

    python case_studies/vision_head/run.py            # five seeds
    python case_studies/vision_head/run.py --quick    # one seed, five heads, few epochs

Writes ``runs.csv``, ``summary.csv`` and ``heads.svg`` into ``results/`` or the folder of ``--out``. What is in
``runs.csv`` is not trained again.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from kansym.network import KANLayer

FOLDER = Path(__file__).parent
sys.path.insert(0, str(FOLDER.parent))

from common.networks import drawn, mlp, size  # noqa: E402

N_CLASSES = 10
GRID_RANGE = (-2.0, 2.0)  # what a head sees is normalised
BASES = {"bspline": "B-splines", "rbf": "Gaussians", "rswaf": "switches"}


@dataclass(frozen=True)
class Setting:
    """How large the study is."""

    seeds: int = 5
    epochs: int = 25
    batch: int = 64
    rates: tuple[float, ...] = (3e-3, 1e-2)  # of which validation chooses for each head
    features: tuple[int, ...] = (64, 16)


@dataclass(frozen=True)
class Head:
    """What maps the features to the ten classes.

    Parameters
    ----------
    kind : str
        "MLP", or the basis of a KAN.
    hidden : int
        Nodes of the hidden layer; 0 for none, which makes an MLP a linear map.
    grid_size, spline_order : int
        Of a KAN, whose edges have one number more than their sum.
    """

    kind: str
    hidden: int
    grid_size: int = 3
    spline_order: int = 3

    @property
    def name(self) -> str:
        """What the tables call it."""
        if self.kind == "MLP":
            return f"MLP, {self.hidden} hidden" if self.hidden else "linear"
        hidden = f", {self.hidden} hidden" if self.hidden else ""
        return f"KAN, {self.grid_size + self.spline_order} {BASES[self.kind]}{hidden}"

    def build(self, n_in: int, generator: torch.Generator) -> nn.Module:
        """Return a new head whose numbers come from the generator."""
        widths = (n_in, self.hidden, N_CLASSES) if self.hidden else (n_in, N_CLASSES)
        if self.kind == "MLP":
            return mlp(widths, generator, nn.ReLU, torch.float32)
        options = {"basis": self.kind, "grid_size": self.grid_size, "spline_order": self.spline_order}
        layers = [KANLayer(*pair, grid_range=GRID_RANGE, generator=generator, **options) for pair in pairwise(widths)]
        return nn.Sequential(*layers)


HEADS = (
    *(Head("MLP", hidden) for hidden in (0, 4, 8, 16, 32)),
    *(Head(basis, hidden) for basis in BASES for hidden in (4, 8, 0)),
    *(Head(basis, 0, grid_size=1, spline_order=1) for basis in BASES),
)


def extractor(n_features: int, generator: torch.Generator) -> nn.Module:
    """Two convolutions: 16 channels of 2 × 2 places are 64 features, or their means over the places are 16."""
    return nn.Sequential(
        *(drawn(nn.Conv2d(1, 8, 3, padding=1), generator), nn.ReLU(), nn.MaxPool2d(2)),
        *(drawn(nn.Conv2d(8, 16, 3, padding=1), generator), nn.ReLU(), nn.MaxPool2d(2)),
        *((nn.AdaptiveAvgPool2d(1),) if n_features == 16 else ()),
        *(nn.Flatten(), nn.LayerNorm(n_features)),
    )


def splits(seed: int) -> list[tuple[Tensor, Tensor]]:
    """Images (n, 1, 8, 8) from 0 to 1 and digits: 1,000 to learn from, 200 to choose by, 597 to judge by."""
    digits = load_digits()
    rest, judged_by = train_test_split(np.arange(1797), train_size=1200, stratify=digits.target, random_state=seed)
    learnt, chosen_by = train_test_split(rest, train_size=1000, stratify=digits.target[rest], random_state=seed)
    images, target = torch.from_numpy(digits.images / 16).float().unsqueeze(1), torch.from_numpy(digits.target)
    return [(images[rows], target[rows]) for rows in (learnt, chosen_by, judged_by)]


class Run:
    """One extractor with its head, its optimiser and the core time of each epoch."""

    def __init__(self, n_features: int, head: Head, rate: float, seed: int, setting: Setting) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.head = head.build(n_features, torch.Generator().manual_seed(100 + seed))
        self.network = nn.Sequential(extractor(n_features, generator), self.head)
        self.optimiser = torch.optim.Adam(self.network.parameters(), lr=rate)
        steps = setting.epochs * -(-1000 // setting.batch)
        self.falling = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimiser, steps)
        self.order, self.batch = generator, setting.batch
        self.seconds: list[float] = []
        self.facts = {"features": n_features, "head": head.name, "kind": head.kind, "rate": rate, "seed": seed}

    def epoch(self, x: Tensor, y: Tensor) -> None:
        """Pass over the rows once."""
        begin = time.thread_time()
        for rows in torch.randperm(len(x), generator=self.order).split(self.batch):
            self.optimiser.zero_grad()
            cross_entropy(self.network(x[rows]), y[rows]).backward()
            self.optimiser.step()
            self.falling.step()
        self.seconds.append(time.thread_time() - begin)

    def accuracy(self, x: Tensor, y: Tensor) -> float:
        """Share of the images that are named right."""
        with torch.no_grad():
            return float((self.network(x).argmax(1) == y).double().mean())


def trained(n_features: int, seed: int, heads: tuple[Head, ...], setting: Setting) -> list[dict[str, object]]:
    """Train all heads at all rates, epoch by epoch in turn and in both orders, so that they share the hours."""
    learnt, chosen_by, judged_by = splits(seed)
    runs = [Run(n_features, head, rate, seed, setting) for rate in setting.rates for head in heads]
    for turn in range(setting.epochs):
        for run in runs if turn % 2 == 0 else reversed(runs):
            run.epoch(*learnt)
    return [
        {
            **run.facts,
            "parameters": size(run.head),
            "seconds_per_epoch": float(np.median(run.seconds)),
            "validation": run.accuracy(*chosen_by),
            "accuracy": run.accuracy(*judged_by),
        }
        for run in runs
    ]


def all_runs(heads: tuple[Head, ...], setting: Setting, path: Path) -> pd.DataFrame:
    """Train what is not yet in the table of that path, which grows with each extractor and seed."""
    table = pd.read_csv(path) if path.exists() else pd.DataFrame(columns=["features", "seed"])
    done = set(zip(table["features"], table["seed"], strict=True))
    for seed in range(setting.seeds):
        for n_features in setting.features:
            if (n_features, seed) not in done:
                rows = pd.DataFrame(trained(n_features, seed, heads, setting))
                table = pd.concat([table, rows], ignore_index=True) if len(table) else rows
                table.to_csv(path, index=False, float_format="%.5g")
    return table


def summarise(table: pd.DataFrame) -> pd.DataFrame:
    """Of every head the rate of the best mean validation accuracy, with the accuracies over the seeds."""
    head = ["features", "head", "kind", "parameters"]
    means = table.groupby([*head, "rate"], sort=False)["validation"].mean().reset_index()
    chosen = means.loc[means.groupby(head, sort=False)["validation"].idxmax(), [*head, "rate"]]
    accuracy = ("accuracy", "mean"), ("accuracy", "min"), ("accuracy", "max"), ("accuracy", "size")
    columns = dict(zip(("accuracy", "accuracy_least", "accuracy_most", "runs"), accuracy, strict=True))
    columns["seconds_per_epoch"] = ("seconds_per_epoch", "median")
    return chosen.merge(table).groupby([*head, "rate"], sort=False).agg(**columns).reset_index()


def draw(summary: pd.DataFrame, path: Path) -> None:
    """Accuracy against the parameters of the head and against seconds, a row for each extractor."""
    from matplotlib import style
    from matplotlib.figure import Figure

    looks = {"MLP": ("C1", "^"), "bspline": ("C0", "o"), "rbf": ("C2", "D"), "rswaf": ("C3", "s")}
    with style.context(FOLDER.parent / "paper.mplstyle"):
        extractors = list(summary.groupby("features", sort=False))
        figure = Figure(figsize=(7.2, 2.4 * len(extractors) + 0.5))
        panels = figure.subplots(len(extractors), 2, sharey="row", sharex="col", squeeze=False)
        for row, (n_features, of_extractor) in zip(panels, extractors, strict=True):
            for axes, cost in zip(row, ("parameters", "seconds_per_epoch"), strict=True):
                for kind, (color, marker) in looks.items():
                    group = of_extractor[of_extractor["kind"] == kind].sort_values(cost)
                    spread = group["accuracy"] - group["accuracy_least"], group["accuracy_most"] - group["accuracy"]
                    options = {"fmt": marker, "color": color, "elinewidth": 0.7, "markersize": 4}
                    label = "MLP and linear" if kind == "MLP" else f"KAN, {BASES[kind]}"
                    axes.errorbar(group[cost], 100 * group["accuracy"], yerr=[100 * s for s in spread], **options)
                    axes.lines[-1].set_label(label)
            # What lies below has learnt too little to be compared.
            row[0].set(xscale="log", ylim=(90, 100), ylabel=f"accuracy in %,\n{n_features} features")
        panels[-1, 0].set_xlabel("parameters of the head")
        panels[-1, 1].set_xlabel("seconds an epoch")
        handles = [line for line in panels[0, 0].lines if not line.get_label().startswith("_")]
        figure.legend(handles=handles, loc="outside upper center", ncols=4)
        figure.savefig(path, metadata={"Date": None})


def main() -> None:
    """Run, write the tables and the figure, and print the summary."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one seed, five heads, few epochs")
    parser.add_argument("--out", type=Path, default=FOLDER / "results", help="folder of the tables and the figure")
    arguments = parser.parse_args()
    setting, heads = Setting(), HEADS
    if arguments.quick:
        setting = Setting(seeds=1, epochs=8, rates=(1e-2,), features=(64,))
        heads = (Head("MLP", 0), Head("MLP", 32), *(Head(basis, 0) for basis in BASES))
    torch.set_num_threads(1)
    arguments.out.mkdir(parents=True, exist_ok=True)
    table = all_runs(heads, setting, arguments.out / "runs.csv")
    summary = summarise(table)
    summary.to_csv(arguments.out / "summary.csv", index=False, float_format="%.4g")
    draw(summary, arguments.out / "heads.svg")
    print(summary.to_string(float_format="%.4g"))


if __name__ == "__main__":
    main()
