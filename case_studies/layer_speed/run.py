"""Layer speed: forward and backward of kansym's layer, of the other KAN layers and of an MLP, in one run.

``python case_studies/layer_speed/run.py`` writes the times, their figure and the rounding under ``results/``;
``--quick`` does two small shapes in a few seconds. Layers that are not installed are named, with how to install them.
"""

from __future__ import annotations

import argparse
import copy
import statistics
import sys
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor, nn

from kansym.network import KANLayer

FOLDER = Path(__file__).parent
sys.path.insert(0, str(FOLDER.parent))

from common.figures import plain_ticks  # noqa: E402

RESULTS = FOLDER / "results"
# Inputs, outputs, rows, steps in one measurement.
SHAPES = ((4, 5, 1000, 20), (64, 64, 1024, 4), (256, 256, 1024, 1))
QUICK_SHAPES = ((4, 5, 1000, 2), (8, 8, 256, 2))
GRID_SIZE, SPLINE_ORDER = 5, 3
# Layers whose single step takes longer take part in every third pair of rounds.
SLOW_SECONDS = 0.3


def kansym_layer(n_in: int, n_out: int) -> nn.Module:
    """Exact cubic B-splines and a SiLU, 9 numbers an edge."""
    return KANLayer(n_in, n_out, grid_size=GRID_SIZE, spline_order=SPLINE_ORDER)


def kansym_rbf(n_in: int, n_out: int) -> nn.Module:
    """FastKAN's Gaussians in kansym, without its normalisation."""
    return KANLayer(n_in, n_out, basis="rbf", grid_size=GRID_SIZE, spline_order=SPLINE_ORDER)


def kansym_rswaf(n_in: int, n_out: int) -> nn.Module:
    """FasterKAN's switches in kansym, without its normalisation."""
    return KANLayer(n_in, n_out, basis="rswaf", grid_size=GRID_SIZE, spline_order=SPLINE_ORDER)


def kansym_chebyshev(n_in: int, n_out: int) -> nn.Module:
    """Chebyshev polynomials of degree up to 7 in kansym."""
    return KANLayer(n_in, n_out, basis="chebyshev", grid_size=GRID_SIZE, spline_order=SPLINE_ORDER)


def mlp(n_in: int, n_out: int) -> nn.Module:
    """One hidden layer, as many numbers as kansym's layer."""
    n_parameters = n_in * n_out * (GRID_SIZE + SPLINE_ORDER + 1)
    hidden = max(1, round((n_parameters - n_out) / (n_in + n_out + 1)))
    return nn.Sequential(nn.Linear(n_in, hidden), nn.SiLU(), nn.Linear(hidden, n_out))


def pykan_layer(n_in: int, n_out: int) -> nn.Module:
    """The layer of the KAN paper; its forward returns the output and three tables beside it."""
    from kan.KANLayer import KANLayer as Layer

    class FirstOutput(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = Layer(in_dim=n_in, out_dim=n_out, num=GRID_SIZE, k=SPLINE_ORDER)

        def forward(self, x: Tensor) -> Tensor:
            return self.layer(x)[0]

    return FirstOutput()


def efficient_kan(n_in: int, n_out: int) -> nn.Module:
    """B-splines by the recurrence over all functions, then a matrix product."""
    from efficient_kan import KANLinear

    return KANLinear(n_in, n_out, grid_size=GRID_SIZE, spline_order=SPLINE_ORDER)


def fastkan(n_in: int, n_out: int) -> nn.Module:
    """Gaussians behind a normalisation layer, 8 of them, and a SiLU."""
    from fastkan import FastKANLayer

    return FastKANLayer(n_in, n_out, num_grids=GRID_SIZE + SPLINE_ORDER)


def fasterkan(n_in: int, n_out: int) -> nn.Module:
    """Reflectional switches behind a normalisation layer, 8 of them, no base function."""
    from fasterkan.fasterkan_layers import FasterKANLayer

    return FasterKANLayer(n_in, n_out, num_grids=GRID_SIZE + SPLINE_ORDER)


def flashkan(n_in: int, n_out: int) -> nn.Module:
    """Cubic B-splines by truncated powers, compiled at the first call."""
    from flashkan import KANLayer as Layer

    return Layer(n_in, n_out, grid_size=GRID_SIZE, spline_order=SPLINE_ORDER)


def inkan(n_in: int, n_out: int) -> nn.Module:
    """Cubic B-splines by pieces, compiled at the first call."""
    from inkan import KANLayer as Layer

    return Layer(n_in, n_out, grid_size=GRID_SIZE, spline_order=SPLINE_ORDER)


# Name, maker, distribution, how to install.
LAYERS: tuple[tuple[str, Callable[[int, int], nn.Module], str, str], ...] = (
    ("kansym", kansym_layer, "kansym", ""),
    ("kansym rbf", kansym_rbf, "kansym", ""),
    ("kansym rswaf", kansym_rswaf, "kansym", ""),
    ("kansym chebyshev", kansym_chebyshev, "kansym", ""),
    ("MLP", mlp, "torch", ""),
    ("flashkan", flashkan, "flashkan", "pip install flashkan; needs a C++ compiler at run time"),
    ("inkan", inkan, "inkan", "pip install inkan; needs a C++ compiler at run time"),
    ("FasterKAN", fasterkan, "fasterkan", "put github.com/AthanasiosDelis/faster-kan on the path"),
    ("FastKAN", fastkan, "fastkan", "pip install git+https://github.com/ZiyaoLi/fast-kan"),
    ("efficient-kan", efficient_kan, "efficient_kan", "pip install git+https://github.com/Blealtan/efficient-kan"),
    ("pykan", pykan_layer, "pykan", "pip install pykan"),
)


# Time on the core leaves out what other processes take, but sees one thread only.
CLOCKS = {"wall": time.perf_counter, "core": time.thread_time}


def version_of(distribution: str) -> str:
    """Return the installed version; sources on the path have none."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "source"


def made_layers(n_in: int, n_out: int, device: str) -> dict[str, nn.Module]:
    """Return every layer that is installed."""
    made = {}
    for name, make, _, install in LAYERS:
        try:
            made[name] = make(n_in, n_out).to(device)
        except ImportError:
            print(f"missing: {name} ({install})")
    return made


def measured(
    layers: dict[str, nn.Module], x: Tensor, n_out: int, rounds: int, steps: int, clock_name: str
) -> dict[str, list[float]]:
    """Return milliseconds of one forward and backward, round by round, the layers in turn and in both orders."""
    clock = CLOCKS[clock_name]
    gradient = torch.randn(len(x), n_out, device=x.device)
    parameters = {name: list(layer.parameters()) for name, layer in layers.items()}
    found: dict[str, list[float]] = {name: [] for name in layers}

    def step(name: str) -> None:
        layers[name](x).backward(gradient)
        x.grad = None
        for parameter in parameters[name]:
            parameter.grad = None

    def finish() -> None:
        if x.is_cuda:
            torch.cuda.synchronize()

    slow = set()
    for name in layers:
        for attempt in range(3):  # the first call compiles
            start = clock()
            step(name)
            finish()
            if attempt and clock() - start > SLOW_SECONDS:
                slow.add(name)
                break
    for number in range(rounds):
        for name in list(layers) if number % 2 == 0 else list(layers)[::-1]:
            if name in slow and number % 6 > 1:  # a third of the rounds, in both orders
                continue
            finish()
            start = clock()
            for _ in range(steps):
                step(name)
            finish()
            found[name].append((clock() - start) / steps * 1e3)
    return found


def table(quick: bool, rounds: int, clock_name: str) -> pd.DataFrame:
    """Return one row for each device, shape, kind of gradient and layer."""
    rows = []
    for device in ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]:
        for n_in, n_out, n, steps in QUICK_SHAPES if quick else SHAPES:
            layers = made_layers(n_in, n_out, device)
            for in_x in (True, False):  # a hidden layer; a first layer, whose inputs are data
                x = (torch.rand(n, n_in, device=device) * 2 - 1).requires_grad_(in_x)
                for name, times in measured(layers, x, n_out, rounds, steps, clock_name).items():
                    low, median, high = statistics.quantiles(times, n=4)
                    distribution = next(entry[2] for entry in LAYERS if entry[0] == name)
                    rows.append(
                        {
                            "device": torch.cuda.get_device_name() if device == "cuda" else device,
                            "threads": torch.get_num_threads(),
                            "clock": clock_name,
                            "shape": f"{n_in}→{n_out}, {n} rows",
                            "gradient_in_x": in_x,
                            "layer": name,
                            "version": version_of(distribution),
                            "parameters": sum(p.numel() for p in layers[name].parameters() if p.requires_grad),
                            "rounds": len(times),
                            "median_ms": median,
                            "lower_quartile_ms": low,
                            "upper_quartile_ms": high,
                        }
                    )
                    if name.startswith("kansym"):  # numbers of symbolic edges lie ready and take no part
                        rows[-1]["parameters"] = n_in * n_out * (GRID_SIZE + SPLINE_ORDER + 1)
    return pd.DataFrame(rows)


def rounding(quick: bool) -> pd.DataFrame:
    """Return how far outputs and gradients in single precision are from those in double, relative to their norms."""
    rows = []
    for n_in, n_out, n, _ in QUICK_SHAPES[1:] if quick else SHAPES[:2]:
        for name, layer in made_layers(n_in, n_out, "cpu").items():
            found = []
            for dtype in (torch.float32, torch.float64):
                same = copy.deepcopy(layer).to(dtype)
                generator = torch.Generator().manual_seed(0)
                x = torch.rand(n, n_in, generator=generator) * 2 - 1
                gradient = torch.randn(n, n_out, generator=generator).to(dtype)
                x = x.to(dtype).requires_grad_()
                try:
                    y = same(x)
                    y.backward(gradient)
                except RuntimeError:  # a layer for single precision only
                    break
                of_parameters = [p.grad.flatten().double() for p in same.parameters() if p.grad is not None]
                assert x.grad is not None
                found.append((y.detach(), x.grad, torch.cat(of_parameters)))
            row: dict[str, str | float] = {"layer": name, "shape": f"{n_in}→{n_out}, {n} rows"}
            if len(found) == 2:
                for what, one, other in zip(("outputs", "gradients in x", "in parameters"), *found, strict=True):
                    row[what] = float((one - other).norm() / other.norm())
            rows.append(row)
    return pd.DataFrame(rows)


def draw(times: pd.DataFrame, path: Path) -> None:
    """Draw the medians of hidden layers and their quartiles, a panel for each shape."""
    from matplotlib import style
    from matplotlib.figure import Figure

    chosen = times[times["gradient_in_x"]]
    groups = list(chosen.groupby(["device", "shape"], sort=False))
    with style.context(FOLDER.parent / "paper.mplstyle"):
        figure = Figure(figsize=(2.7 * len(groups), 2.8))
        axes = figure.subplots(1, len(groups), squeeze=False)[0]
        for axis, ((device, shape), group) in zip(axes, groups, strict=True):
            group = group.sort_values("median_ms", ascending=False).reset_index()
            for place, layer in group.iterrows():
                color, marker = _look(layer["layer"])
                axis.plot(layer[["lower_quartile_ms", "upper_quartile_ms"]], [place, place], color=color)
                axis.plot(layer["median_ms"], place, marker, color=color)
            axis.set_yticks(range(len(group)), group["layer"])
            axis.set(xscale="log", title=f"{shape}\n{device}")
            plain_ticks(axis.xaxis)
        figure.supxlabel("milliseconds, forward and backward: median and quartiles", fontsize=9)
        figure.savefig(path)


def _look(layer: str) -> tuple[str, str]:
    """Colour and marker of kansym's layers, the MLP and the others."""
    if layer.startswith("kansym"):
        return "C0", "o"
    return ("C1", "^") if layer == "MLP" else ("0.4", "s")


def main() -> None:
    """Measure, and print the medians in milliseconds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="two small shapes")
    parser.add_argument("--rounds", type=int, default=None, help="measurements of each layer; by default 30, quick 4")
    parser.add_argument("--threads", type=int, default=None, help="threads of torch; by default its own choice")
    parser.add_argument("--clock", choices=CLOCKS, default="wall", help="core: time on the core, with --threads 1")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the times and the figure")
    arguments = parser.parse_args()
    if arguments.threads is not None:
        torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    arguments.out.mkdir(parents=True, exist_ok=True)
    times = table(arguments.quick, arguments.rounds or (4 if arguments.quick else 30), arguments.clock)
    times.to_csv(arguments.out / "times.csv", index=False, float_format="%.4g")
    draw(times, arguments.out / "times.png")
    errors = rounding(arguments.quick)
    errors.to_csv(arguments.out / "rounding.csv", index=False, float_format="%.2g")
    wide = times.pivot_table("median_ms", "layer", ["shape", "gradient_in_x"], sort=False)
    print(f"milliseconds, forward and backward, {torch.get_num_threads()} threads, {arguments.clock} time")
    print(wide.to_string(float_format="%.3g"))
    print("rounding in single precision, relative to double")
    print(errors.to_string(index=False, float_format="%.2g"))


if __name__ == "__main__":
    main()
