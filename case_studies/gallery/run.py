"""The pictures that kansym draws, of laws that everybody knows and of measured data.

    python case_studies/gallery/run.py            # a minute
    python case_studies/gallery/run.py --quick    # the first picture only; run by the tests

Writes ``results/*.svg``: vectors without scripts, letters as outlines, the same bytes for the same model.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from kansym import KANRegressor
from kansym.datasets import load_dataset
from kansym.plots import plot_front, plot_network, plot_predictions, plot_slices

RESULTS = Path(__file__).parent / "results"
STYLE = {"svg.hashsalt": "kansym", "svg.fonttype": "path", "font.size": 10}
ACCELERATIONS = {"log10_gbar": "dex", "log10_gobs": "dex"}
AIRFOIL = {
    "freq_Hz": "Hz", "alpha_deg": "°", "chord_m": "m", "U_inf_ms": "m/s", "delta_star_m": "m", "SPL_dB": "dB",
}  # fmt: skip


def article() -> Figure:
    """The article's example on its way: the trained splines, and the functions that they become."""
    X = pd.DataFrame(np.random.default_rng(0).uniform(-1, 1, (1000, 2)), columns=["x", "y"])
    model = fitted(X, pd.Series(np.exp(np.sin(np.pi * X["x"]) + X["y"] ** 2), name="z"), 40)
    figure = Figure(figsize=(8.2, 4.0), layout="constrained")
    left, right = figure.subplots(1, 2)
    plot_network(model, X, station="spline", ax=left)
    plot_network(model, X, station="symbolic", ax=right)
    left.set_title("splines, trained", fontsize="medium")
    right.set_title(f"functions: z = {model.get_best()['equation']}", fontsize="medium", parse_math=False)
    return figure


def sparc() -> Figure:
    """How the rotation of galaxies depends on their visible matter: 2,693 points of 153 galaxies."""
    model, X, y = measured("sparc_rar", "log10_gobs", ["log10_gbar"], 60)
    figure = Figure(figsize=(9.5, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    plot_slices(model, X, y, units=ACCELERATIONS, ax=left)
    plot_front(model, ax=right)
    return figure


def airfoil() -> list[Figure]:
    """The noise of an aerofoil in a wind tunnel: a network, its formula over the data, and the fit."""
    model, X, y = measured("airfoil_self_noise", "SPL_dB", None, 150)
    figures = [Figure(layout="constrained", figsize=size) for size in ((10, 6), (8, 5), (5, 5.4))]
    network, slices, fit = (figure.add_subplot() for figure in figures)
    plot_network(model, X, station="pruned", units=AIRFOIL, ax=network)
    plot_slices(model, X, y, units=AIRFOIL, ax=slices)
    plot_predictions(model, X, y, units=AIRFOIL, ax=fit)
    return figures


def fitted(X: pd.DataFrame, y: pd.Series, steps: int) -> KANRegressor:
    """A model after so many steps of the search, the same on any machine."""
    return KANRegressor(max_steps=steps, time_limit=None, random_state=0).fit(X, y)


def measured(
    name: str, target: str, features: list[str] | None, steps: int
) -> tuple[KANRegressor, pd.DataFrame, pd.Series]:
    """A model of a measured data set, and its rows."""
    table = load_dataset(name).frame
    X = table[features] if features else table.drop(columns=target)
    return fitted(X, table[target], steps), X, table[target]


def pictures(quick: bool) -> Iterator[tuple[str, Figure]]:
    """Each picture with its name, as soon as it is drawn."""
    yield "network", article()
    if not quick:
        yield "sparc", sparc()
        yield from zip(("airfoil_network", "airfoil_slices", "airfoil_fit"), airfoil(), strict=True)


def main() -> None:
    """Draw the pictures and say where they are."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="the first picture only")
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context(STYLE):
        for name, figure in pictures(arguments.quick):
            path = arguments.out / f"{name}.svg"
            figure.savefig(path, metadata={"Date": None, "Creator": None})
            print(path, flush=True)


if __name__ == "__main__":
    main()
