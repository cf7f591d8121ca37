"""Poisson's equation by a KAN and by MLPs: errors in L² and H¹, parameters and seconds, two optimisers for both.

    python case_studies/pde/run.py            # three seeds, every network
    python case_studies/pde/run.py --quick    # one seed, two small networks, few steps
    python case_studies/pde/run.py --large    # ten seeds, the article's 10,000 points, 2,000 steps
    python case_studies/pde/run.py --points 10000 --seeds 1 --out FOLDER    # the article's points, fewer steps

Writes ``runs.csv``, ``summary.csv`` and ``errors.png`` into ``results/`` or the folder of ``--out``. Runs that are in
``runs.csv`` are not made again.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from pathlib import Path

import pandas as pd
import torch
from joblib import Parallel, delayed
from torch import Tensor, nn
from torch.func import functional_call, grad, jvp, vmap
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from kansym.network import KAN

FOLDER = Path(__file__).parent
sys.path.insert(0, str(FOLDER.parent))

from common.least_squares import after, levenberg_marquardt  # noqa: E402
from common.networks import free, mlp, size  # noqa: E402

INTERIOR_WEIGHT = 0.01  # the article's α
GRID_UPDATES = (0.1, 0.2, 0.4)  # shares of a grid's steps after which it is laid over the nodes anew


@dataclass(frozen=True)
class Setting:
    """How large the study is."""

    seeds: int = 3
    n_interior: int = 1000
    n_boundary: int = 200
    lbfgs_steps: int = 500
    newton_steps: int = 60
    largest_newton: int = 1000  # parameters up to which Levenberg-Marquardt is run


@dataclass(frozen=True)
class Candidate:
    """A network to be compared: widths, and if it is a KAN the grid sizes through which it is refined."""

    widths: tuple[int, ...]
    grids: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        """What the tables call it."""
        shape = ", ".join(map(str, self.widths))
        return f"KAN ({shape}), grid {', '.join(map(str, self.grids))}" if self.grids else f"MLP ({shape})"

    def build(self, seed: int) -> nn.Module:
        """Return a new network in double precision; MLPs have tanh nodes and torch's own initial weights."""
        generator = torch.Generator().manual_seed(seed)
        if self.grids:
            return KAN(self.widths, grid_size=self.grids[0], generator=generator, dtype=torch.float64)
        return mlp(self.widths, generator)


CANDIDATES = (
    Candidate((2, 5, 1), (5,)),
    Candidate((2, 10, 1), (5,)),
    Candidate((2, 10, 1), (10,)),
    Candidate((2, 10, 1), (20,)),
    Candidate((2, 10, 1), (5, 10)),
    Candidate((2, 10, 1), (5, 10, 20)),
    Candidate((2, 10, 10, 1)),
    Candidate((2, 20, 20, 1)),
    Candidate((2, 10, 10, 10, 1)),
    Candidate((2, 20, 20, 20, 1)),
    Candidate((2, 100, 100, 100, 1)),
)


# --------------------------------------------------------------------------------------------------------- the problem


def solution(x: Tensor) -> Tensor:
    """The manufactured solution u = sin πx · sin πy, which is zero on the border of [-1, 1]²."""
    return torch.sin(math.pi * x).prod(-1)


def source(x: Tensor) -> Tensor:
    """Its Laplacian."""
    return -2 * math.pi**2 * solution(x)


@dataclass(frozen=True)
class Points:
    """Where the equation and the border condition are asked for."""

    interior: Tensor
    boundary: Tensor

    @classmethod
    def draw(cls, setting: Setting, seed: int) -> Points:
        """Draw uniform points inside, and spread equal ones along the four sides."""
        generator = torch.Generator().manual_seed(1000 + seed)
        inside = 2 * torch.rand(setting.n_interior, 2, generator=generator, dtype=torch.float64) - 1
        side = torch.linspace(-1, 1, setting.n_boundary // 4, dtype=torch.float64)
        ones = torch.ones_like(side)
        sides = [torch.stack(pair, -1) for pair in ((side, ones), (side, -ones), (ones, side), (-ones, side))]
        return cls(inside, torch.cat(sides))

    def residual(self, laplacian: Tensor, border: Tensor) -> Tensor:
        """Return the vector whose sum of squares is the loss: α·mean (Δu − f)² + mean u² on the border."""
        inside = (laplacian - source(self.interior)) * math.sqrt(INTERIOR_WEIGHT / len(self.interior))
        return torch.cat([inside, border / math.sqrt(len(self.boundary))])


def first_derivatives(network: nn.Module, x: Tensor, create_graph: bool = False) -> tuple[Tensor, Tensor]:
    """The points as they carry gradients, and ∇u there."""
    x = x.clone().requires_grad_()
    return x, torch.autograd.grad(network(x).sum(), x, create_graph=create_graph)[0]


def residual(network: nn.Module, points: Points) -> Tensor:
    """The residual of a network, ready to be differentiated in its parameters."""
    x, slope = first_derivatives(network, points.interior, create_graph=True)
    seconds = [torch.autograd.grad(slope[:, k].sum(), x, create_graph=True)[0][:, k] for k in range(2)]
    return points.residual(seconds[0] + seconds[1], network(points.boundary).squeeze(-1))


# ---------------------------------------------------------------------------------------------------------- optimisers


def lbfgs(network: nn.Module, points: Points, steps: int) -> None:
    """Minimise in place by L-BFGS with a strong Wolfe line search."""
    optimiser = torch.optim.LBFGS(
        free(network).values(),
        max_iter=steps,
        max_eval=5 * steps,
        history_size=50,
        tolerance_grad=0,
        tolerance_change=0,
        line_search_fn="strong_wolfe",
    )

    def closure() -> Tensor:
        optimiser.zero_grad()
        loss = residual(network, points).square().sum()
        loss.backward()
        return loss

    optimiser.step(closure)


def newton(network: nn.Module, points: Points, steps: int) -> None:
    """Minimise in place by Levenberg-Marquardt."""
    parameters = list(free(network).values())

    def residual_at(theta: Tensor) -> Tensor:
        vector_to_parameters(theta, parameters)
        return residual(network, points).detach()

    def jacobian_at(theta: Tensor) -> Tensor:
        vector_to_parameters(theta, parameters)
        return jacobian(network, points)

    start = parameters_to_vector(parameters).detach()
    vector_to_parameters(after(steps, start, levenberg_marquardt(start, residual_at, jacobian_at)), parameters)


def jacobian(network: nn.Module, points: Points) -> Tensor:
    """Derivatives of the residual in the free parameters, (n_interior + n_boundary, count), point by point."""
    numbers = {name: parameter.detach() for name, parameter in free(network).items()}

    def value(numbers: dict[str, Tensor], x: Tensor) -> Tensor:
        return functional_call(network, numbers, (x,)).squeeze(-1)

    def laplacian(numbers: dict[str, Tensor], x: Tensor) -> Tensor:
        total = x.new_zeros(())
        for axis in torch.eye(2, dtype=x.dtype):
            slope = partial(_slope, partial(value, numbers), axis)
            total = total + _slope(slope, axis, x)
        return total

    weighted = (
        (laplacian, points.interior, math.sqrt(INTERIOR_WEIGHT / len(points.interior))),
        (value, points.boundary, 1 / math.sqrt(len(points.boundary))),
    )
    rows = []
    for function, x, weight in weighted:
        columns = vmap(grad(function), in_dims=(None, 0))(numbers, x).values()
        rows.append(weight * torch.cat([column.flatten(1) for column in columns], dim=1))
    return torch.cat(rows)


def _slope(function: Callable[[Tensor], Tensor], direction: Tensor, x: Tensor) -> Tensor:
    return jvp(function, (x,), (direction,))[1]


# ------------------------------------------------------------------------------------------------------------ measuring


def solve(candidate: Candidate, optimiser: Callable[..., None], steps: int, points: Points, seed: int) -> nn.Module:
    """Train a new network; a KAN's steps are shared by its grids, which follow its nodes and are refined."""
    network = candidate.build(seed)
    if not isinstance(network, KAN):
        optimiser(network, points, steps)
        return network
    rows = torch.cat([points.interior, points.boundary])
    share = steps / len(candidate.grids)
    for grid_size in candidate.grids:
        network = network.refine(grid_size, rows)
        for begin, end in pairwise((0.0, *GRID_UPDATES, 1.0)):
            network = network.update_grids(rows)
            optimiser(network, points, round(end * share) - round(begin * share))
    return network


def errors(network: nn.Module) -> tuple[float, float]:
    """Mean squared error of u, and that plus the mean squared error of ∇u, on a fine grid."""
    axis = torch.linspace(-1, 1, 201, dtype=torch.float64)
    x = torch.cartesian_prod(axis, axis)
    with torch.no_grad():
        squared = float((network(x).squeeze(-1) - solution(x)).square().mean())
    _, slope = first_derivatives(network, x)
    _, true_slope = first_derivatives(_Function(), x)
    return squared, squared + float((slope - true_slope).square().sum(-1).mean())


class _Function(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return solution(x)


def run(candidate: Candidate, optimiser: str, seed: int, setting: Setting) -> dict[str, object]:
    """Solve once, on one processor, and measure."""
    torch.set_num_threads(1)
    points = Points.draw(setting, seed)
    minimise, steps = (lbfgs, setting.lbfgs_steps)
    if optimiser == "Levenberg-Marquardt":
        minimise, steps = newton, setting.newton_steps
    start = time.process_time()
    network = solve(candidate, minimise, steps, points, seed)
    seconds = time.process_time() - start
    squared, sobolev = errors(network)
    return {
        "network": candidate.name,
        "kind": candidate.name[:3],
        "parameters": size(network),
        "optimiser": optimiser,
        "seed": seed,
        "loss": float(residual(network, points).square().sum().detach()),
        "l2": squared,
        "h1": sobolev,
        "seconds": round(seconds, 2),
    }


def all_runs(setting: Setting, candidates: tuple[Candidate, ...], jobs: int, path: Path) -> pd.DataFrame:
    """Make the runs that are not yet in the table of that path, which grows with every one."""
    table = pd.read_csv(path) if path.exists() else pd.DataFrame(columns=["network", "optimiser", "seed"])
    done = set(zip(table["network"], table["optimiser"], table["seed"], strict=True))
    settings = [
        (candidate, optimiser, seed)
        for seed in range(setting.seeds)
        for candidate in candidates
        for optimiser in ("L-BFGS", "Levenberg-Marquardt")
        if optimiser == "L-BFGS" or size(candidate.build(seed)) <= setting.largest_newton
    ]
    missing = (delayed(run)(*one, setting) for one in settings if (one[0].name, *one[1:]) not in done)
    for row in Parallel(n_jobs=jobs, return_as="generator")(missing):
        table = pd.concat([table, pd.DataFrame([row])], ignore_index=True) if len(table) else pd.DataFrame([row])
        table.to_csv(path, index=False, float_format="%.4g")
    order = {candidate.name: place for place, candidate in enumerate(candidates)}
    return table.sort_values(["network", "optimiser", "seed"], key=lambda column: column.replace(order))


def draw(summary: pd.DataFrame, path: Path) -> None:
    """Both errors against parameters and against seconds; bars from the least to the largest of the seeds."""
    from matplotlib import style
    from matplotlib.figure import Figure

    with style.context(FOLDER.parent / "paper.mplstyle"):
        figure = Figure(figsize=(7.2, 5.2))
        panels = figure.subplots(2, 2, sharex="col", sharey="row")
        for row, (error, meaning) in zip(panels, (("l2", "u"), ("h1", "u and ∇u")), strict=True):
            for axes, cost in zip(row, ("parameters", "seconds"), strict=True):
                for (kind, optimiser), group in summary.groupby(["kind", "optimiser"]):
                    color = {"KAN": "C0", "MLP": "C1"}[kind]
                    marker, inside = {"L-BFGS": ("o", color), "Levenberg-Marquardt": ("s", "white")}[optimiser]
                    axes.errorbar(
                        group[cost],
                        group[error],
                        yerr=[group[error] - group[f"{error}_least"], group[f"{error}_most"] - group[error]],
                        fmt=marker,
                        color=color,
                        markerfacecolor=inside,
                        elinewidth=0.8,
                        label=f"{kind}, {optimiser}",
                    )
                axes.set(xscale="log", yscale="log")
                if error == "h1":
                    axes.set_xlabel({"seconds": "seconds of one processor"}.get(cost, cost))
            row[0].set_ylabel(f"mean squared error of {meaning}")
        figure.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=4)
        figure.savefig(path)


def main() -> None:
    """Run, write the tables and the figure, and print the summary."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one seed, two small networks, few steps")
    parser.add_argument("--large", action="store_true", help="ten seeds and the article's number of points")
    parser.add_argument("--points", type=int, help="points inside the square; 8 in a hundred as many lie on its border")
    parser.add_argument("--seeds", type=int, help="how many")
    parser.add_argument("--out", type=Path, default=FOLDER / "results", help="folder of the tables and the figure")
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time")
    arguments = parser.parse_args()
    setting, candidates = Setting(), CANDIDATES
    if arguments.quick:
        setting = Setting(seeds=1, n_interior=200, n_boundary=80, lbfgs_steps=60, newton_steps=20)
        candidates = (Candidate((2, 5, 1), (5,)), Candidate((2, 10, 10, 1)))
    elif arguments.large:
        setting = replace(setting, seeds=10, n_interior=10_000, n_boundary=800, lbfgs_steps=2000, newton_steps=100)
    if arguments.points is not None:
        setting = replace(setting, n_interior=arguments.points, n_boundary=4 * round(arguments.points / 50))
    if arguments.seeds is not None:
        setting = replace(setting, seeds=arguments.seeds)
    arguments.out.mkdir(parents=True, exist_ok=True)
    table = all_runs(setting, candidates, arguments.jobs, arguments.out / "runs.csv")
    columns = {"runs": ("l2", "size"), "seconds": ("seconds", "median")}
    for error in ("l2", "h1"):
        columns |= {error: (error, "median"), f"{error}_least": (error, "min"), f"{error}_most": (error, "max")}
    by = ["network", "kind", "parameters", "optimiser"]
    summary = table.groupby(by, sort=False).agg(**columns).reset_index()
    summary.to_csv(arguments.out / "summary.csv", index=False, float_format="%.4g")
    draw(summary, arguments.out / "errors.png")
    print(summary.to_string(float_format="%.2e"))


if __name__ == "__main__":
    main()
