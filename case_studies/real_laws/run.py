"""Laws in measured data: what kansym reads out of eight sets, beside what is known and what trees and rivals predict.

    python case_studies/real_laws/run.py                   # three splits, five seconds a fit; goes on where it was
    python case_studies/real_laws/run.py --again kansym    # makes the runs of one method anew
    python case_studies/real_laws/run.py --quick           # two sets, one split, two seconds a fit

The fronts are of one more fit of the first split with a limit in steps, so that they are the same on any machine.

Writes ``records.jsonl`` and ``summary.csv`` (of ``kansym.compare``), ``errors.csv``, ``fronts.csv`` and ``fronts.svg``
into ``results/`` or the folder of ``--out``.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import curve_fit
from scipy.special import lambertw

from kansym import KANRegressor, compare
from kansym.comparison.measured import TableProblem
from kansym.datasets import load_dataset

FOLDER = Path(__file__).parent
SUITE = "real laws"
METHODS = ("kansym", "operon", "pysr", "gradient-boosting")
Array = NDArray[np.float64]


# ---------------------------------------------------------------------------------------------------- what is known


def radial_acceleration(log_baryonic: Array) -> Array:
    """McGaugh, Lelli and Schombert 2016, Phys. Rev. Lett. 117, 201101, equation 4, with their 1.2e-10 m/s²."""
    baryonic = 10.0**log_baryonic
    return np.log10(baryonic / (1.0 - np.exp(-np.sqrt(baryonic / 1.2e-10))))


def smooth_pipe(log_reynolds: Array) -> Array:
    """Darcy's factor: Poiseuille's 64/Re to Re = 2300, then Prandtl's 1/√f = 2 log10(Re √f) − 0.8, solved for f."""
    reynolds = 10.0**log_reynolds
    slope = 2.0 / np.log(10.0)
    inner = reynolds * 10.0**-0.4 / slope
    turbulent = 1.0 / (slope * np.real(lambertw(inner))) ** 2
    return np.log10(np.where(reynolds < 2300, 64.0 / reynolds, turbulent))


def wall_shear(log_reynolds: Array) -> Array:
    """The same as shear over ρU², an eighth of Darcy's factor."""
    return smooth_pipe(log_reynolds) - np.log10(8.0)


def sphere(log_reynolds: Array) -> Array:
    """Schiller and Naumann 1933: 24/Re (1 + 0.15 Re^0.687) to Re = 1000, then 0.44."""
    reynolds = 10.0**log_reynolds
    return np.log10(np.where(reynolds < 1000, 24.0 / reynolds * (1.0 + 0.15 * reynolds**0.687), 0.44))


def disk(log_reynolds: Array) -> Array:
    """Clift, Grace and Weber 1978, "Bubbles, drops, and particles": 64/(π Re)(1 + 0.138 Re^0.792) to 133, then 1.17."""
    reynolds = 10.0**log_reynolds
    slow = 64.0 / (np.pi * reynolds) * (1.0 + 0.138 * reynolds**0.792)
    return np.log10(np.where(reynolds < 133, slow, 1.17))


def abrams(mix: tuple[Array, Array, Array], start: float, growth: float, base: float) -> Array:
    """Abrams 1918: strength falls with a power of base, the water over the cement; it grows with the log of the age."""
    cement, water, age = mix
    return (start + growth * np.log(age)) * base ** (-water / cement)


def power_of_froude(froude: Array, size: float, exponent: float) -> Array:
    """No law of a line is known; that the resistance rises with a high power of the Froude number is."""
    return size * froude**exponent


# --------------------------------------------------------------------------------------------------------------- data


@dataclass(frozen=True)
class Case:
    """A measured set: its columns, those taken as decimal logarithms, and the known law.

    The law is a function of the columns ``known_by`` and of constants; without ``starts`` it has none to be fitted.
    """

    dataset: str
    features: tuple[str, ...] = ()
    in_decades: bool = False
    law: Callable[..., Array] | None = None
    known_by: tuple[str, ...] = ()
    starts: tuple[float, ...] = ()

    def problem(self) -> TableProblem:
        """The rows with all columns that count; where sizes run over decades, their logarithms, as such data are drawn.

        The error of a logarithm is a relative one: else the least Reynolds numbers would decide alone.
        """
        data = load_dataset(self.dataset)
        names = self.features or tuple(data.frame.columns.drop(data.target))
        X, y = data.frame[list(names)].to_numpy(float), data.frame[data.target].to_numpy(float)
        if self.in_decades:
            names, X, y = tuple(f"log_{name}" for name in names), np.log10(X), np.log10(y)
        return TableProblem(SUITE, self.dataset, names, X, y, source=data.source)

    def unexplained_by_law(self, seed: int) -> float:
        """Share of the held-out variance that the known law leaves, its constants fitted to the training rows."""
        if self.law is None:
            return np.nan
        problem = self.problem()
        sample = problem.draw(seed=seed)
        places = [problem.names.index(name) for name in self.known_by] if self.known_by else [0]
        train, test = (tuple(X[:, k] for k in places) for X in (sample.X, sample.X_test))
        train, test = (train, test) if len(places) > 1 else (train[0], test[0])
        constants = curve_fit(self.law, train, sample.y, self.starts, maxfev=10_000)[0] if self.starts else ()
        return unexplained(sample.y_test, self.law(test, *constants))


CASES = (
    Case("sparc_rar", ("log10_gbar",), law=radial_acceleration),
    Case("oregon_smooth_pipe", in_decades=True, law=smooth_pipe),
    Case("stanton_pannell_1914_pipe", ("Reynolds_number",), in_decades=True, law=wall_shear),
    Case("sphere_drag_roos_1971", in_decades=True, law=sphere),
    Case("disk_drag_roos_1971", in_decades=True, law=disk),
    Case("airfoil_self_noise"),
    Case(
        "concrete_strength",
        law=abrams,
        known_by=("cement", "water", "age_day"),
        starts=(30.0, 10.0, 3.0),
    ),
    Case("yacht_hydrodynamics", law=power_of_froude, known_by=("Fr",), starts=(1e4, 6.0)),
)


def unexplained(truth: Array, predicted: Array) -> float:
    """1 − R²: squared errors over those of the mean; infinite where a prediction is not finite."""
    share = np.mean((truth - predicted) ** 2) / np.var(truth)
    return float(share) if np.isfinite(share) else np.inf


# ------------------------------------------------------------------------------------------------------------- results


def fronts(cases: tuple[Case, ...], steps: int) -> Iterator[dict[str, object]]:
    """Every formula of the front of the first split, judged on its held-out rows."""
    for case in cases:
        sample = case.problem().draw(seed=0)
        model = KANRegressor(time_limit=None, max_steps=steps, random_state=0)
        model.fit(pd.DataFrame(sample.X, columns=list(sample.names)), sample.y)
        X = pd.DataFrame(sample.X_test, columns=list(sample.names))
        for index, row in model.equations_.iterrows():
            yield {
                "data": case.dataset,
                "complexity": row["complexity"],
                "unexplained_training": 1.0 - row["r2"],
                "unexplained_held_out": unexplained(sample.y_test, model.predict(X, index=index)),
                "selected": index == model.get_best().name,
                "formula": row["equation"],
            }


def errors(cases: tuple[Case, ...], records: pd.DataFrame) -> pd.DataFrame:
    """One row for each set and method: the share of the held-out variance that is left, over the splits."""
    rows = []
    for case in cases:
        of_case = records[records["problem"] == case.dataset]
        for method, runs in of_case.groupby("method", sort=False):
            shares = 1.0 - runs["r2_test"].astype(float).fillna(-np.inf)
            rows.append(
                {
                    "data": case.dataset,
                    "method": method,
                    **_spread(shares if (runs["status"] != "missing").all() else shares * np.nan),
                    "complexity": runs["complexity"].astype(float).median(),
                    "seconds": runs["seconds"].astype(float).median(),
                    "status": ", ".join(runs["status"].unique()),
                    "error": next(iter(runs["error"].dropna()), ""),
                }
            )
        known = np.array([case.unexplained_by_law(seed) for seed in sorted(of_case["seed"].unique())])
        rows.append({"data": case.dataset, "method": "known law", **_spread(pd.Series(known)), "status": "ok"})
    return pd.DataFrame(rows)


def _spread(shares: pd.Series) -> dict[str, float]:
    return {"unexplained": shares.median(), "least": shares.min(), "most": shares.max()}


def draw(front: pd.DataFrame, table: pd.DataFrame, path: Path) -> None:
    """Held-out error against complexity for each set; lines for what has no complexity."""
    from matplotlib import style
    from matplotlib.figure import Figure

    names = list(front["data"].unique())
    n_columns = min(4, len(names))
    n_rows = -(-len(names) // n_columns)
    with style.context(FOLDER.parent / "paper.mplstyle"):
        figure = Figure(figsize=(2.4 * n_columns, 2.2 * n_rows + 0.5))
        for axes, name in zip(figure.subplots(n_rows, n_columns, squeeze=False).flat, names, strict=False):
            of_data, found = front[front["data"] == name], table[table["data"] == name].set_index("method")
            shown = of_data[np.isfinite(of_data["unexplained_held_out"])]
            axes.plot(shown["complexity"], shown["unexplained_held_out"], ".-", color="C0", label="kansym's front")
            chosen = shown[shown["selected"]]
            ring = {"markersize": 9, "markerfacecolor": "none"}
            axes.plot(chosen["complexity"], chosen["unexplained_held_out"], "o", color="C0", label="selected", **ring)
            if "operon" in found.index:
                axes.plot(found.loc["operon", "complexity"], found.loc["operon", "unexplained"], "D", color="C1",
                          label="Operon, selected")  # fmt: skip
            for method, color, kind in (("gradient-boosting", "C2", "--"), ("known law", "C6", ":")):
                axes.axhline(found.loc[method, "unexplained"], color=color, linestyle=kind, label=method)
            axes.set(yscale="log", title=name, xlabel="complexity")
        for axes in figure.axes[::n_columns]:
            axes.set_ylabel("1 − R², held out")
        handles, labels = figure.axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
        figure.savefig(path, metadata={"Date": None, "Creator": None})


def forget(method: str, path: Path) -> None:
    """Take the records of one method out of the file, so that its runs are made anew."""
    kept = [line for line in path.read_text(encoding="utf-8").splitlines() if json.loads(line)["method"] != method]
    path.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")


def main() -> None:
    """Run, write the tables and the figure, and print them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="two sets, one split, two seconds a fit")
    parser.add_argument("--again", choices=METHODS, help="a method whose runs are made anew")
    parser.add_argument("--out", type=Path, default=FOLDER / "results", help="folder of the tables and the figure")
    arguments = parser.parse_args()
    records = arguments.out / "records.jsonl"
    if arguments.again is not None and records.exists():
        forget(arguments.again, records)
    cases, seconds, splits, steps = (CASES[3:4] + CASES[-1:], 2.0, 1, 20) if arguments.quick else (CASES, 5.0, 3, 120)
    arguments.out.mkdir(parents=True, exist_ok=True)
    found = compare(
        [case.problem() for case in cases],
        METHODS,
        time_limit=seconds,
        seeds=splits,
        rows=None,
        n_jobs=2,
        threads=1,
        out=arguments.out,
        resume=True,
    )
    table, front = errors(cases, found.records), pd.DataFrame(fronts(cases, steps))
    table.to_csv(arguments.out / "errors.csv", index=False, float_format="%.4g")
    front.to_csv(arguments.out / "fronts.csv", index=False, float_format="%.4g")
    draw(front, table, arguments.out / "fronts.svg")
    print(table.drop(columns="error").to_string(float_format="%.3g"), end="\n\n")
    print(front[front["selected"]][["data", "complexity", "formula"]].to_string())


if __name__ == "__main__":
    main()
