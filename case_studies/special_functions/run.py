"""Fifteen special functions of two variables: error against parameters for KANs, found shapes, and MLPs.

    python case_studies/special_functions/run.py            # three seeds
    python case_studies/special_functions/run.py --quick    # two functions, few iterations
    python case_studies/special_functions/run.py --large    # ten seeds, grids to 100, larger MLPs

Writes ``runs.csv``, ``summary.csv`` and ``errors.png`` into ``results/`` or the folder of ``--out``. What is in
``runs.csv`` is not fitted again.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from joblib import Parallel, delayed
from numpy.typing import NDArray
from scipy import special
from torch import Tensor

from kansym.network import KAN, prune, train

FOLDER = Path(__file__).parent
sys.path.insert(0, str(FOLDER.parent))

from common.figures import plain_ticks  # noqa: E402
from common.least_squares import Perceptron, after  # noqa: E402

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Setting:
    """How large the study is."""

    seeds: int = 3
    rows: int = 1000
    iterations: int = 60
    grids: tuple[int, ...] = (3, 5, 10, 20)
    widths: tuple[tuple[int, ...], ...] = ((2, 5, 1), (2, 10, 1), (2, 10, 10, 1), (2, 20, 20, 1))


@dataclass(frozen=True)
class Function:
    """A function of two variables and the box in which it is learnt."""

    name: str
    values: Callable[[Array, Array], Array]
    box: tuple[tuple[float, float], tuple[float, float]]

    def draw(self, rows: int, generator: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Draw uniform rows and the values on them, scaled to deviation 1 over the box."""
        low, high = np.transpose(self.box)
        x = generator.uniform(low, high, (rows, 2))
        axes = [np.linspace(*ends, 50) for ends in self.box]
        scale = np.std(self.values(*np.meshgrid(*axes)))
        return torch.from_numpy(x), torch.from_numpy(self.values(*x.T) / scale).unsqueeze(-1)


def _harmonic(order: int, degree: int) -> Callable[[Array, Array], Array]:
    return lambda azimuth, polar: special.sph_harm_y(degree, order, polar, azimuth).real


ANGLES = ((0.0, 2 * np.pi), (0.0, np.pi))
FUNCTIONS = (
    Function("Jacobian elliptic sn", lambda u, m: special.ellipj(u, m)[0], ((0, 10), (0, 0.95))),
    Function("elliptic integral F", special.ellipkinc, ((0, 1.5), (0, 0.95))),
    Function("elliptic integral E", special.ellipeinc, ((0, 1.5), (0, 0.95))),
    Function("Bessel J", special.jv, ((0, 5), (0.5, 10))),
    Function("Bessel Y", special.yv, ((0, 2), (1, 10))),
    Function("Bessel K", special.kv, ((0, 2), (0.5, 5))),
    Function("Bessel I", special.iv, ((0, 2), (0.5, 5))),
    Function("Legendre, m = 0", lambda v, x: special.lpmv(0, v, x), ((0, 5), (-0.9, 0.9))),
    Function("Legendre, m = 1", lambda v, x: special.lpmv(1, v, x), ((0, 5), (-0.9, 0.9))),
    Function("Legendre, m = 2", lambda v, x: special.lpmv(2, v, x), ((0, 5), (-0.9, 0.9))),
    Function("harmonic m = 0, n = 1", _harmonic(0, 1), ANGLES),
    Function("harmonic m = 1, n = 1", _harmonic(1, 1), ANGLES),
    Function("harmonic m = 0, n = 2", _harmonic(0, 2), ANGLES),
    Function("harmonic m = 1, n = 2", _harmonic(1, 2), ANGLES),
    Function("harmonic m = 2, n = 2", _harmonic(2, 2), ANGLES),
)


# ------------------------------------------------------------------------------------------------------------ measuring


def fits(function: Function, seed: int, setting: Setting) -> Iterator[dict[str, object]]:
    """Fit one function with every network; errors are root mean squares on fresh rows, in its deviations."""
    torch.set_num_threads(1)
    generator = np.random.default_rng(seed)
    x, y = function.draw(setting.rows, generator)
    validation = function.draw(setting.rows, generator)
    x_test, y_test = function.draw(setting.rows, generator)

    def judged(outputs: Tensor, kind: str, shape: object, size: int, seconds: float) -> dict[str, object]:
        error = float((outputs - y_test).square().mean().sqrt())
        facts = {"function": function.name, "seed": seed, "kind": kind, "shape": str(shape), "parameters": size}
        return {**facts, "rmse": error, "seconds": round(seconds, 3)}

    for kind in ("KAN (2, 5, 1)", "KAN, pruned"):
        start = time.process_time()
        grid, *finer = setting.grids
        torch_generator = torch.Generator().manual_seed(seed)
        network = KAN((2, 5, 1), grid_size=grid, generator=torch_generator, dtype=torch.float64).fitted_to(x, y)
        network = train(network, x, y, max_iterations=setting.iterations).network
        if kind == "KAN, pruned":
            network = prune(network, x, y, validation=validation, tolerance=0.5).network
        for next_grid in (*finer, None):
            shape = f"{network.widths}, grid {network.layer(0).basis.grid_size}"
            seconds = time.process_time() - start
            yield judged(network.evaluate(x_test), kind, shape, network.n_parameters, seconds)
            if next_grid is not None:
                network = network.update_grids(x).refine(next_grid, x)
                network = train(network, x, y, max_iterations=setting.iterations).network
    low, high = x.amin(0), x.amax(0)
    for widths in setting.widths:
        start = time.process_time()
        mlp = Perceptron(widths)
        first, scaled = mlp.start(torch.Generator().manual_seed(seed)), 2 * (x - low) / (high - low) - 1
        theta = after(2 * setting.iterations, first, mlp.steps(first, scaled, y))
        seconds = time.process_time() - start
        outputs = mlp.values(theta, 2 * (x_test - low) / (high - low) - 1)
        yield judged(outputs, "MLP", widths, mlp.size, seconds)


def all_fits(functions: tuple[Function, ...], setting: Setting, jobs: int, path: Path) -> pd.DataFrame:
    """Make the fits that are not yet in the table of that path, which grows with each function and seed."""
    table = pd.read_csv(path) if path.exists() else pd.DataFrame(columns=["function", "seed"])
    done = set(zip(table["function"], table["seed"], strict=True))
    pairs = [(function, seed) for seed in range(setting.seeds) for function in functions]
    missing = (delayed(_listed)(*pair, setting) for pair in pairs if (pair[0].name, pair[1]) not in done)
    for rows in Parallel(n_jobs=jobs, return_as="generator")(missing):
        table = pd.concat([table, pd.DataFrame(rows)], ignore_index=True) if len(table) else pd.DataFrame(rows)
        table.to_csv(path, index=False, float_format="%.4g")
    return table


def _listed(function: Function, seed: int, setting: Setting) -> list[dict[str, object]]:
    return list(fits(function, seed, setting))


def summarise(table: pd.DataFrame) -> pd.DataFrame:
    """For each function and kind the network of the least median error over the seeds, with its shape and size."""
    table = table.assign(step=table.groupby(["function", "seed", "kind"]).cumcount())
    medians = table.groupby(["function", "kind", "step"], sort=False).agg(
        {"rmse": "median", "parameters": "median", "seconds": "median", "shape": "first"}
    )
    best = medians.loc[medians.groupby(["function", "kind"], sort=False)["rmse"].idxmin()]
    return best.reset_index().drop(columns="step")


def draw(table: pd.DataFrame, path: Path) -> None:
    """Error against parameters of every function."""
    from matplotlib import style
    from matplotlib.figure import Figure

    functions = list(dict.fromkeys(table["function"]))
    looks = {"KAN (2, 5, 1)": ("C0", "o", "-"), "KAN, pruned": ("C2", "D", "-"), "MLP": ("C1", "^", "none")}
    with style.context(FOLDER.parent / "paper.mplstyle"):
        columns = min(5, len(functions))
        rows = -(-len(functions) // columns)
        figure = Figure(figsize=(1.65 * columns + 0.4, 1.6 * rows + 0.6))
        panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
        for axes, name in zip(panels.flat, functions, strict=False):
            for (kind, seed), group in table[table["function"] == name].groupby(["kind", "seed"]):
                color, marker, line = looks[kind]
                line_style = {"color": color, "linestyle": line, "linewidth": 0.8, "markersize": 3.5}
                label = kind if seed == 0 else None
                axes.plot(group["parameters"], group["rmse"], marker=marker, **line_style, label=label)
            axes.set(xscale="log", yscale="log")
            axes.tick_params(axis="x", labelsize=7)
            axes.set_title(name, fontsize=8)
            plain_ticks(axes.xaxis)
        for axes in panels.flat[len(functions) :]:
            axes.remove()
        figure.supxlabel("parameters", fontsize=9)
        figure.supylabel("error on fresh rows, in deviations", fontsize=9)
        figure.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
        figure.savefig(path)


def main() -> None:
    """Run, write the tables and the figure, and print the summary."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="two functions, few iterations")
    parser.add_argument("--large", action="store_true", help="ten seeds, grids to 100, larger MLPs")
    parser.add_argument("--jobs", type=int, default=1, help="functions at a time")
    parser.add_argument("--out", type=Path, default=FOLDER / "results", help="folder of the tables and the figure")
    arguments = parser.parse_args()
    setting, functions = Setting(), FUNCTIONS
    if arguments.quick:
        setting = Setting(seeds=1, rows=300, iterations=10, grids=(3, 5), widths=((2, 5, 1),))
        functions = (FUNCTIONS[1], FUNCTIONS[10])
    elif arguments.large:
        setting = replace(setting, seeds=10, rows=3000, iterations=200, grids=(3, 5, 10, 20, 50, 100))
        setting = replace(setting, widths=(*setting.widths, (2, 20, 20, 20, 1), (2, 40, 40, 1)))
    arguments.out.mkdir(parents=True, exist_ok=True)
    table = all_fits(functions, setting, arguments.jobs, arguments.out / "runs.csv")
    summary = summarise(table)
    summary.to_csv(arguments.out / "summary.csv", index=False, float_format="%.3g")
    draw(table, arguments.out / "errors.png")
    print(summary.to_string(float_format=lambda number: f"{number:.3g}"))


if __name__ == "__main__":
    main()
