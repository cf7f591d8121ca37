"""Mobility edges of three quasi-periodic chains, from simulated eigenstates to formulas.

    python case_studies/localization/run.py            # 400 pairs of chains of 610 sites a model
    python case_studies/localization/run.py --quick    # 60 pairs of chains of 233 sites, two models
    python case_studies/localization/run.py --large    # 1,000 pairs of chains of 1,597 sites

Writes ``edges.csv``, ``formulas.csv``, ``fronts.csv`` and ``edges.png`` into ``results/`` or the folder of ``--out``.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import sympy
from joblib import Parallel, delayed
from numpy.typing import NDArray

from kansym import KANRegressor

FOLDER = Path(__file__).parent
EXTENDED = 0.6  # fractal dimension above which a state counts as extended
SMALLEST_SHARE = 0.02  # of the states that each side of an edge must have, and at most that many on the wrong side
GOLDEN = (np.sqrt(5) - 1) / 2
WIDEST_GAP = 0.2  # between the last extended and the first localised level, in units of the hopping
BLUR = 0.02  # of an edge in a chain of finite length; added to what the gap leaves open
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Setting:
    """How large the study is."""

    chains: int = 400
    sites: int = 610
    steps: int = 400


@dataclass(frozen=True)
class Chain:
    """A family of Hamiltonians whose states change from extended to localised at an energy.

    ``side`` is 1 where the states above the edge are localised, -1 where those below are; ``energy`` maps a level to
    the number on which the edge is sought. ``truth`` is only used to judge what was found.
    """

    name: str
    box: dict[str, tuple[float, float]]
    hamiltonian: Callable[..., Array]
    energy: Callable[[Array], Array]
    side: int
    truth: str


@dataclass(frozen=True)
class Wave:
    """The quasi-periodic cosine on the sites of a chain: cos(2π·frequency·n + phase)."""

    sites: int
    frequency: float
    phase: float

    @classmethod
    def pair(cls, sites: int, generator: np.random.Generator) -> tuple[Wave, Wave]:
        """Draw a noble frequency 1/(k + 1/(m + golden ratio)) and two phases.

        The edge does not depend on the frequency, but the gaps of the spectrum that hide it do; a frequency near a
        simple fraction would need a longer chain to be told from it, and noble numbers are far from all of them.
        """
        k, m = generator.integers(1, 6, size=2)
        first, second = generator.uniform(0, 2 * np.pi, size=2)
        frequency = float(1 / (k + 1 / (m + GOLDEN)))
        return cls(sites, frequency, first), cls(sites, frequency, second)

    @property
    def n(self) -> Array:
        """Numbers of the sites."""
        return np.arange(1.0, self.sites + 1)

    @property
    def cosine(self) -> Array:
        """Values at the sites."""
        return np.cos(2 * np.pi * self.frequency * self.n + self.phase)


def nearest_neighbours(potential: Array) -> Array:
    """Hopping 1 between neighbours of an open chain."""
    ones = np.ones(len(potential) - 1)
    return np.diag(potential) + np.diag(ones, 1) + np.diag(ones, -1)


def mosaic(wave: Wave, period: int, strength: float) -> Array:
    """Y. Wang et al., Phys. Rev. Lett. 125 (2020) 196604: the potential 2λ·cos acts on every ``period``-th site."""
    return nearest_neighbours(np.where(wave.n % period == 0, 2 * strength * wave.cosine, 0.0))


def generalised(wave: Wave, strength: float, deformation: float) -> Array:
    """S. Ganeshan, J. Pixley, S. Das Sarma, Phys. Rev. Lett. 114 (2015) 146601: 2λ·cos/(1 − α·cos)."""
    return nearest_neighbours(2 * strength * wave.cosine / (1 - deformation * wave.cosine))


def long_range(wave: Wave, strength: float, decay: float) -> Array:
    """J. Biddle, S. Das Sarma, Phys. Rev. Lett. 104 (2010) 070601: hopping exp(−p·|m − n|), potential V·cos."""
    matrix = np.exp(-decay * np.abs(wave.n[:, None] - wave.n))
    np.fill_diagonal(matrix, strength * wave.cosine)
    return matrix


CHAINS = (
    Chain(
        "mosaic, every 2nd site",
        {"strength": (0.4, 3.0)},
        lambda wave, strength: mosaic(wave, 2, strength),
        np.abs,
        1,
        "1/strength",
    ),
    Chain(
        "mosaic, every 3rd site",
        {"strength": (0.4, 3.0)},
        lambda wave, strength: mosaic(wave, 3, strength),
        np.abs,
        1,
        "sqrt(1 + 1/strength)",
    ),
    Chain(
        "generalised Aubry-André",
        {"strength": (0.5, 1.5), "deformation": (0.1, 0.7)},
        generalised,
        np.asarray,
        1,
        "2*(1 - strength)/deformation",
    ),
    Chain(
        "modified Aubry-André",
        {"strength": (0.3, 1.6), "decay": (0.6, 1.6)},
        long_range,
        np.asarray,
        -1,
        "strength*cosh(decay) - 1",
    ),
)


def states(matrix: Array) -> tuple[Array, Array]:
    """Return energies and fractal dimensions −ln Σ|ψ|⁴/ln N of the states: near 1 extended, near 0 localised.

    States that live at the ends of the open chain are no states of the bulk, and are left out.
    """
    energies, vectors = np.linalg.eigh(matrix)
    margin = len(energies) // 20
    bulk = (vectors[margin:-margin] ** 2).sum(0) > 0.5
    dimensions = -np.log((vectors**4).sum(0)) / np.log(len(energies))
    return energies[bulk], dimensions[bulk]


def edge(energies: Array, dimensions: Array, side: int) -> tuple[float, float] | None:
    """Return where the states change, and the width of what the levels leave open; None if they do not change.

    The place is the middle of the energies that leave the fewest states on the wrong side.
    """
    order = np.argsort(side * energies)
    levels, extended = (side * energies)[order], dimensions[order] > EXTENDED
    wrong = np.concatenate([[0], np.cumsum(np.where(extended, -1, 1))]) + extended.sum()
    splits = np.flatnonzero(wrong == wrong.min())
    few = SMALLEST_SHARE * len(levels)
    if splits[0] < few or splits[-1] > len(levels) - few or wrong.min() > few:
        return None
    last, first = levels[splits[0] - 1], levels[splits[-1]]
    return side * float(last + first) / 2, float(first - last)


def edges(chain: Chain, setting: Setting) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Draw chains from the box; return the edges that were seen sharply, and a sample of all states for the figure."""
    generator = np.random.default_rng(0)
    rows, sample = [], []
    for _ in range(setting.chains):
        parameters = {name: generator.uniform(*ends) for name, ends in chain.box.items()}
        found = []
        for wave in Wave.pair(setting.sites, generator):
            energies, dimensions = states(chain.hamiltonian(wave, **parameters))
            position = chain.energy(energies)
            found.append(edge(position, dimensions, chain.side))
        shown = generator.choice(len(position), min(60, len(position)), replace=False)
        sample.append(pd.DataFrame({**parameters, "energy": position[shown], "dimension": dimensions[shown]}))
        if None in found:
            continue
        energy, gap = np.mean(found, axis=0)
        if gap <= WIDEST_GAP and np.ptp([place for place, _ in found]) <= max(gap, BLUR):
            rows.append({"model": chain.name, **parameters, "energy": energy, "gap": gap})
    return pd.DataFrame(rows), pd.concat(sample)


def published(chain: Chain, table: pd.DataFrame) -> Array:
    """Return the published edge for the parameters of a table."""
    symbols = {name: sympy.Symbol(name, real=True) for name in chain.box}
    function = sympy.lambdify(list(symbols.values()), sympy.sympify(chain.truth, locals=symbols))
    return function(*(table[name].to_numpy() for name in chain.box))


def explain(chain: Chain, table: pd.DataFrame, setting: Setting) -> tuple[KANRegressor, dict[str, object]]:
    """Fit the edge as a formula of the parameters on three rows of four, and compare it with the published one."""
    train = np.arange(len(table)) % 4 > 0
    X, y = table[list(chain.box)], table["energy"]
    model = KANRegressor(time_limit=None, max_steps=setting.steps, random_state=0)
    model.fit(X[train], y[train], sample_weight=1 / (table["gap"] ** 2 / 12 + BLUR**2)[train])
    truth = published(chain, table)
    best = model.get_best()
    return model, {
        "model": chain.name,
        "edges": len(table),
        "published": chain.truth,
        "found": best["equation"],
        "complexity": best["complexity"],
        "rmse_found": float(np.sqrt(np.mean((model.predict(X) - y)[~train] ** 2))),
        "rmse_published": float(np.sqrt(np.mean((truth - y)[~train] ** 2))),
        "rms_difference": float(np.sqrt(np.mean((model.predict(X) - truth) ** 2))),
    }


def draw(results: list[tuple[Chain, pd.DataFrame, pd.DataFrame, KANRegressor]], path: Path) -> None:
    """States coloured by fractal dimension against the energy over the edge found, and the edges over the published."""
    from matplotlib import style
    from matplotlib.figure import Figure

    with style.context(FOLDER.parent / "paper.mplstyle"):
        figure = Figure(figsize=(1.9 * len(results) + 0.4, 3.9))
        panels = figure.subplots(2, len(results), squeeze=False)
        for column, (chain, table, sample, model) in enumerate(results):
            upper, lower = panels[:, column]
            offset = sample["energy"] - model.predict(sample[list(chain.box)])
            dots = upper.scatter(offset, sample["dimension"], c=sample["dimension"], s=2, vmin=0, vmax=1, linewidths=0)
            upper.axvline(0, color="C1", linewidth=1)
            title = chain.name.replace(", ", ",\n").replace(" Aubry", "\nAubry")
            upper.set(title=title, xlabel="E − edge found", xlim=(-1.5, 1.5), ylim=(0, 1))
            truth, found = published(chain, table), model.predict(table[list(chain.box)])
            bars = {"yerr": table["gap"] / 2, "fmt": ".", "color": "0.6", "elinewidth": 0.6}
            lower.errorbar(truth, table["energy"], **bars, label="seen in the states")
            lower.plot(truth, found, "x", color="C1", markersize=3, label="formula found", zorder=3)
            ends = [truth.min(), truth.max()]
            lower.plot(ends, ends, color="black", linewidth=0.8, linestyle="--", label="published formula", zorder=4)
            lower.set(xlabel="published edge")
        panels[0, 0].set_ylabel("fractal dimension")
        panels[1, 0].set_ylabel("edge")
        figure.legend(*panels[1, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
        figure.colorbar(dots, ax=panels[0, -1], label="fractal dimension")
        figure.savefig(path)


def main() -> None:
    """Run, write the tables and the figure, and print the formulas."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="60 chains of 233 sites, two models")
    parser.add_argument("--large", action="store_true", help="1,000 chains of 1,597 sites")
    parser.add_argument("--out", type=Path, default=FOLDER / "results", help="folder of the tables and the figure")
    parser.add_argument("--jobs", type=int, default=1, help="models simulated at a time")
    arguments = parser.parse_args()
    setting, chains = Setting(), CHAINS
    if arguments.quick:
        setting, chains = Setting(chains=60, sites=233, steps=20), (CHAINS[0], CHAINS[2])
    elif arguments.large:
        setting = Setting(chains=1000, sites=1597, steps=2000)
    arguments.out.mkdir(parents=True, exist_ok=True)
    results, formulas, fronts = [], [], []
    seen = Parallel(n_jobs=arguments.jobs)(delayed(edges)(chain, setting) for chain in chains)
    for chain, (table, sample) in zip(chains, seen, strict=True):
        model, facts = explain(chain, table, setting)
        results.append((chain, table, sample, model))
        formulas.append(facts)
        fronts.append(model.equations_[["complexity", "loss", "equation"]].assign(model=chain.name))
    pd.concat([table for table, _ in seen]).to_csv(arguments.out / "edges.csv", index=False, float_format="%.6g")
    pd.concat(fronts).to_csv(arguments.out / "fronts.csv", index=False, float_format="%.4g")
    summary = pd.DataFrame(formulas)
    summary.to_csv(arguments.out / "formulas.csv", index=False, float_format="%.3g")
    draw(results, arguments.out / "edges.png")
    print(summary.to_string(float_format="%.3g"))


if __name__ == "__main__":
    main()
