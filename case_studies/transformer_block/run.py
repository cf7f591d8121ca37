"""A small character-level transformer whose feed-forward blocks are MLPs or KAN layers of each basis.

    python case_studies/transformer_block/run.py            # three seeds
    python case_studies/transformer_block/run.py --quick    # one seed, a tiny model, few steps

Writes ``curves.csv``, ``summary.csv`` and ``losses.svg`` into ``results/`` or the folder of ``--out``. What is in
``curves.csv`` is not trained again. The text is Python's own help, which comes with Python.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from pydoc_data.topics import topics

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, scaled_dot_product_attention

from kansym.network import KANLayer

FOLDER = Path(__file__).parent
sys.path.insert(0, str(FOLDER.parent))

from common.memory import peak_bytes  # noqa: E402
from common.networks import size  # noqa: E402

SPLINE_ORDER = 3
GRID_RANGE = (-3.0, 3.0)  # what a block sees is normalised
REFERENCE = "MLP"


@dataclass(frozen=True)
class Setting:
    """How large the study is."""

    seeds: int = 3
    steps: int = 900
    report_every: int = 50  # steps between two looks at the validation text
    blocks: int = 2
    width: int = 64
    heads: int = 4
    context: int = 64
    batch: int = 8
    validation_batches: int = 16
    learning_rate: float = 3e-3


# ------------------------------------------------------------------------------------------------------------ the model


def mlp(width: int, generator: torch.Generator) -> nn.Module:
    """The usual block: four times as many hidden nodes as the width."""
    return nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))


def one_layer(basis: str) -> Callable[[int, torch.Generator], nn.Module]:
    """One KAN layer in place of both linear maps and the activation; 8 numbers an edge are as many as the MLP has."""

    def make(width: int, generator: torch.Generator) -> nn.Module:
        options = {"basis": basis, "grid_range": GRID_RANGE, "spline_order": SPLINE_ORDER}
        return KANLayer(width, width, grid_size=4, generator=generator, **options)

    return make


def two_layers(width: int, generator: torch.Generator) -> nn.Module:
    """Two layers of B-splines with half the width between them, as many numbers again."""
    options = {"grid_size": 4, "spline_order": SPLINE_ORDER, "grid_range": GRID_RANGE, "generator": generator}
    return nn.Sequential(KANLayer(width, width // 2, **options), KANLayer(width // 2, width, **options))


FEED_FORWARD: dict[str, Callable[[int, torch.Generator], nn.Module]] = {
    REFERENCE: mlp,
    "KAN, B-splines": one_layer("bspline"),
    "KAN, Gaussians": one_layer("rbf"),
    "KAN, switches": one_layer("rswaf"),
    "KAN, Chebyshev": one_layer("chebyshev"),
    "KAN, B-splines, two layers": two_layers,
}


class Block(nn.Module):
    """Causal attention and a feed-forward block, each behind a normalisation and beside a path that skips it."""

    def __init__(self, width: int, heads: int, feed_forward: nn.Module) -> None:
        super().__init__()
        self.heads = heads
        self.before_attention, self.before_feed_forward = nn.LayerNorm(width), nn.LayerNorm(width)
        self.queries_keys_values, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.feed_forward = feed_forward

    def forward(self, x: Tensor) -> Tensor:
        """Map (rows, time, width) to the same shape."""
        projected = self.queries_keys_values(self.before_attention(x))
        split = projected.unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        attended = scaled_dot_product_attention(*split, is_causal=True)
        x = x + self.out(attended.transpose(1, 2).flatten(-2))
        return x + self.feed_forward(self.before_feed_forward(x))


class Transformer(nn.Module):
    """Characters to logits of the next character."""

    def __init__(self, kind: str, n_characters: int, setting: Setting, seed: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.characters = nn.Embedding(n_characters, setting.width)
        self.places = nn.Embedding(setting.context, setting.width)
        blocks = [
            Block(setting.width, setting.heads, FEED_FORWARD[kind](setting.width, generator))
            for _ in range(setting.blocks)
        ]
        self.blocks = nn.Sequential(*blocks)
        self.logits = nn.Sequential(nn.LayerNorm(setting.width), nn.Linear(setting.width, n_characters))
        self._draw(generator)

    def _draw(self, generator: torch.Generator) -> None:
        """Draw torch's usual initial weights from a generator of this model; KAN layers have drawn theirs."""
        for module in self.modules():
            if isinstance(module, nn.Linear):
                for parameter in module.parameters():
                    bound = module.in_features**-0.5
                    nn.init.uniform_(parameter, -bound, bound, generator=generator)
            elif isinstance(module, nn.Embedding):
                nn.init.normal_(module.weight, std=0.1, generator=generator)

    def forward(self, x: Tensor) -> Tensor:
        """Map characters (rows, time) to logits (rows, time, n_characters)."""
        return self.logits(self.blocks(self.characters(x) + self.places.weight[: x.shape[1]]))


# ------------------------------------------------------------------------------------------------------------- the text


def texts() -> tuple[Tensor, Tensor, int]:
    """Python's help topics as numbers of characters: nine tenths to learn from, the rest to judge by."""
    text = "\n".join(topics[name] for name in sorted(topics))
    alphabet = {character: number for number, character in enumerate(sorted(set(text)))}
    numbers = torch.tensor([alphabet[character] for character in text])
    cut = 9 * len(numbers) // 10
    return numbers[:cut], numbers[cut:], len(alphabet)


def batch(text: Tensor, setting: Setting, generator: torch.Generator) -> Tensor:
    """Draw pieces of the text, one character longer than the context."""
    first = torch.randint(len(text) - setting.context, (setting.batch, 1), generator=generator)
    return text[first + torch.arange(setting.context + 1)]


def loss_of(model: nn.Module, rows: Tensor) -> Tensor:
    """Mean nats of the next character."""
    return cross_entropy(model(rows[:, :-1]).flatten(0, 1), rows[:, 1:].flatten())


# ------------------------------------------------------------------------------------------------------------ measuring


class Run:
    """One model with its optimiser and the core time that its steps have taken."""

    def __init__(self, kind: str, seed: int, setting: Setting, source: tuple[Tensor, Tensor, int]) -> None:
        self.text, held_out, n_characters = source
        self.setting = setting
        self.model = Transformer(kind, n_characters, setting, seed)
        self.optimiser = torch.optim.Adam(self.model.parameters(), lr=setting.learning_rate)
        self.warm_up = torch.optim.lr_scheduler.LinearLR(self.optimiser, 0.1, total_iters=max(1, setting.steps // 20))
        self.batches = torch.Generator().manual_seed(1000 + seed)  # the same for all kinds
        judging = torch.Generator().manual_seed(0)
        self.judged_by = [batch(held_out, setting, judging) for _ in range(setting.validation_batches)]
        self.facts = {"feed_forward": kind, "seed": seed}
        self.seconds, self.steps = 0.0, 0

    def train(self) -> dict[str, object]:
        """Take the steps up to the next report and return it."""
        begin = time.thread_time()
        for _ in range(self.setting.report_every):
            self.optimiser.zero_grad()
            loss_of(self.model, batch(self.text, self.setting, self.batches)).backward()
            nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            self.optimiser.step()
            self.warm_up.step()
        self.seconds += time.thread_time() - begin
        self.steps += self.setting.report_every
        with torch.no_grad():
            loss = sum(float(loss_of(self.model, rows)) for rows in self.judged_by) / len(self.judged_by)
        return {**self.facts, "steps": self.steps, "seconds": round(self.seconds, 3), "loss": loss}


def curves(setting: Setting, path: Path) -> pd.DataFrame:
    """Train what is not yet in the table of that path, all kinds of a seed in turn, so that they share the hours."""
    table = pd.read_csv(path) if path.exists() else pd.DataFrame(columns=["seed"])
    source = texts()
    for seed in range(setting.seeds):
        if seed in set(table["seed"]):
            continue
        runs = [Run(kind, seed, setting, source) for kind in FEED_FORWARD]
        rows = []
        for turn in range(setting.steps // setting.report_every):
            rows += [run.train() for run in (runs if turn % 2 == 0 else reversed(runs))]
        table = pd.concat([table, pd.DataFrame(rows)], ignore_index=True) if len(table) else pd.DataFrame(rows)
        table.to_csv(path, index=False, float_format="%.5g")
    return table


def bytes_of(kind: str, source: tuple[Tensor, Tensor, int], setting: Setting) -> int:
    """What a model holds, and the most that two steps of training add to it."""
    run = Run(kind, 0, replace(setting, report_every=2, validation_batches=1), source)
    return peak_bytes(run.model, run.train)


def summarise(table: pd.DataFrame, setting: Setting) -> pd.DataFrame:
    """Medians over the seeds: loss after all steps, loss when the reference's time is over, speed and memory."""
    source = texts()
    last = table[table["steps"] == table["steps"].max()].set_index(["feed_forward", "seed"])
    rows = []
    for kind, of_kind in table.groupby("feed_forward", sort=False):
        model = Transformer(str(kind), source[2], setting, 0)
        at_time = []
        for seed, curve in of_kind.groupby("seed"):
            end = math.log(last.loc[(REFERENCE, seed), "seconds"])
            at_time.append(np.interp(end, np.log(curve["seconds"]), curve["loss"]))
        ended = last.loc[kind]
        tokens = setting.batch * setting.context * of_kind["steps"].max() / ended["seconds"]
        rows.append(
            {
                "feed_forward": kind,
                "parameters_of_blocks": sum(size(block.feed_forward) for block in model.blocks),
                "parameters": size(model),
                "runs": len(ended),
                "loss": ended["loss"].median(),
                "loss_least": ended["loss"].min(),
                "loss_most": ended["loss"].max(),
                "loss_at_equal_time": float(np.median(at_time)),
                "tokens_a_second": tokens.median(),
                "bytes": bytes_of(str(kind), source, setting),
            }
        )
    return pd.DataFrame(rows)


def draw(table: pd.DataFrame, path: Path) -> None:
    """Loss against steps and against seconds, medians and spans over the seeds."""
    from matplotlib import style
    from matplotlib.figure import Figure
    from matplotlib.ticker import NullFormatter

    with style.context(FOLDER.parent / "paper.mplstyle"):
        figure = Figure(figsize=(7.2, 3.4))
        panels = figure.subplots(1, 2, sharey=True)
        colors = ("C6", "C0", "C2", "C3", "C4", "C5")
        for color, (kind, group) in zip(colors, table.groupby("feed_forward", sort=False), strict=True):
            reports = group.groupby("steps")[["seconds", "loss"]].agg(["median", "min", "max"])
            loss = reports["loss"]
            for axes, x in zip(panels, (loss.index, reports["seconds", "median"]), strict=True):
                axes.fill_between(x, loss["min"], loss["max"], color=color, alpha=0.15, linewidth=0)
                axes.plot(x, loss["median"], color=color, label=kind)
        for axes, label in zip(panels, ("steps", "seconds of one core"), strict=True):
            axes.set(xlabel=label, yscale="log")
            axes.yaxis.set_minor_formatter(NullFormatter())
            axes.set_yticks([1.5, 2, 2.5, 3], ["1.5", "2", "2.5", "3"])
        panels[0].set_ylabel("nats a character, validation text")
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
        figure.savefig(path, metadata={"Date": None})


def main() -> None:
    """Run, write the tables and the figure, and print the summary."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one seed, a tiny model, few steps")
    parser.add_argument("--out", type=Path, default=FOLDER / "results", help="folder of the tables and the figure")
    arguments = parser.parse_args()
    setting = Setting()
    if arguments.quick:
        setting = Setting(seeds=1, steps=100, report_every=20, blocks=1, width=16, heads=2, context=32)
    torch.set_num_threads(1)
    arguments.out.mkdir(parents=True, exist_ok=True)
    table = curves(setting, arguments.out / "curves.csv")
    summary = summarise(table, setting)
    summary.to_csv(arguments.out / "summary.csv", index=False, float_format="%.4g")
    draw(table, arguments.out / "losses.svg")
    print(summary.to_string(float_format="%.4g"))


if __name__ == "__main__":
    main()
