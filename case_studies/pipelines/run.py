"""kansym inside scikit-learn, and as the last step of an equation discovery for dynamical systems.

    python case_studies/pipelines/run.py            # all of it
    python case_studies/pipelines/run.py --quick    # small grids, one seed
    python case_studies/pipelines/run.py --large    # ten seeds, ten times the search steps

Writes ``drag.csv``, ``grid_search.csv``, ``equations.csv`` and ``dynamics.png`` into ``results/`` or the folder of
``--out``.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import sympy
from numpy.typing import NDArray
from scipy.integrate import solve_ivp
from scipy.interpolate import make_smoothing_spline
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV, KFold, cross_validate
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, PolynomialFeatures

from kansym import KANRegressor
from kansym.datasets import load_dataset

FOLDER = Path(__file__).parent
PREY, PREDATOR = (1.1, 0.4), (0.4, 0.1)  # growth and loss of the prey, loss and growth of the predator
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Setting:
    """How large the study is."""

    steps: int = 30
    growth_steps: int = 10
    folds: int = 3
    complexities: tuple[int, ...] = (15, 40)
    libraries: tuple[list[str] | None, ...] = (None, ["x", "x^2", "1/x", "exp", "log"])
    noises: tuple[float, ...] = (0.0, 0.01, 0.05, 0.1)
    seeds: int = 3


# ------------------------------------------------------------------------------------------------------- scikit-learn


def drag() -> tuple[pd.DataFrame, pd.Series]:
    """Drag coefficients of spheres and disks in one table with a column of text."""
    frames = [load_dataset(f"{body}_drag_roos_1971").frame.assign(body=body) for body in ("sphere", "disk")]
    table = pd.concat(frames, ignore_index=True)
    return table[["body", "Reynolds_number"]], table["Drag_coefficient"]


def pipeline(regressor: object) -> Pipeline:
    """Columns as they come to the regressor: the body as 0 or 1, the Reynolds number as its logarithm."""
    logarithm = FunctionTransformer(np.log10, feature_names_out=lambda _, names: [f"log_{name}" for name in names])
    columns = ColumnTransformer(
        [
            ("body", OneHotEncoder(drop="first", sparse_output=False), ["body"]),
            ("flow", logarithm, ["Reynolds_number"]),
        ],
        verbose_feature_names_out=False,
    ).set_output(transform="pandas")
    target = TransformedTargetRegressor(regressor, func=np.log10, inverse_func=_power_of_ten)
    return make_pipeline(columns, target)


def _power_of_ten(values: Array) -> Array:
    return 10.0**values


def in_pipelines(setting: Setting) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Cross-validated errors of four regressors in the same pipeline, and a grid search over two parameters."""
    X, y = drag()
    kan = KANRegressor(time_limit=None, max_steps=setting.steps, random_state=0)
    regressors = {
        "KANRegressor": kan,
        "gradient boosting": HistGradientBoostingRegressor(random_state=0, min_samples_leaf=5),
        "cubic polynomial": make_pipeline(PolynomialFeatures(3), LinearRegression()),
        "straight lines": LinearRegression(),
    }
    folds = KFold(setting.folds, shuffle=True, random_state=0)
    rows = []
    for name, regressor in regressors.items():
        scores = cross_validate(
            pipeline(regressor),
            X,
            y,
            cv=folds,
            scoring=("r2", "neg_mean_absolute_percentage_error"),
            return_estimator=True,
        )
        rows.append(
            {
                "regressor": name,
                "r2": scores["test_r2"].mean(),
                "r2_least": scores["test_r2"].min(),
                "relative_error": -scores["test_neg_mean_absolute_percentage_error"].mean(),
                "complexity": np.mean([last(fitted).get_best()["complexity"] for fitted in scores["estimator"]])
                if name == "KANRegressor"
                else None,
            }
        )
    search = GridSearchCV(
        pipeline(kan),
        {
            "transformedtargetregressor__regressor__max_complexity": setting.complexities,
            "transformedtargetregressor__regressor__library": setting.libraries,
        },
        cv=KFold(2, shuffle=True, random_state=0),
        scoring="neg_mean_absolute_percentage_error",
    ).fit(X, y)
    grid = pd.DataFrame(search.cv_results_["params"]).rename(columns=lambda name: name.rpartition("__")[2])
    grid["relative_error"] = -search.cv_results_["mean_test_score"]
    grid["chosen"] = np.arange(len(grid)) == search.best_index_
    grid["formula"] = np.where(grid["chosen"], last(search.best_estimator_).get_best()["equation"], "")
    return pd.DataFrame(rows), grid


def last(fitted: Pipeline) -> KANRegressor:
    """Return the fitted regressor behind the transformations."""
    return fitted[-1].regressor_


# --------------------------------------------------------------------------------------------------- dynamical systems


def lotka_volterra(_: float, state: Array) -> Array:
    """Rates of change of prey and predator."""
    prey, predator = state
    return np.array([prey * (PREY[0] - PREY[1] * predator), predator * (PREDATOR[1] * prey - PREDATOR[0])])


def simulated(noise: float, seed: int) -> pd.DataFrame:
    """Two hundred observations of four cycles, each population off by a random factor."""
    time = np.linspace(0, 40, 200)
    states = solve_ivp(lotka_volterra, (0, 40), [10.0, 5.0], t_eval=time, rtol=1e-10, atol=1e-10).y
    factors = np.exp(noise * np.random.default_rng(seed).standard_normal(states.shape))
    return pd.DataFrame({"time": time, "prey": (states * factors)[0], "predator": (states * factors)[1]})


def lynx_and_hare() -> pd.DataFrame:
    """Pelts of the Hudson's Bay Company, in thousands a year."""
    table = load_dataset("hudson_bay_lynx_hare").frame
    return pd.DataFrame({"time": table["year"] - 1900.0, "prey": table["hare_k"], "predator": table["lynx_k"]})


def smooth(table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Populations and their growth per head, d ln x/dt, from smoothing splines through the logarithms.

    The smoothness is that of the least generalised cross-validation error; a spline's ends are left out, as its slope
    there hangs on a few observations.
    """
    time = table["time"].to_numpy(float)
    splines = {name: make_smoothing_spline(time, np.log(table[name].to_numpy())) for name in ("prey", "predator")}
    kept = time[len(time) // 20 : len(time) - len(time) // 20]
    states = pd.DataFrame({name: np.exp(spline(kept)) for name, spline in splines.items()})
    growth = pd.DataFrame({name: spline.derivative()(kept) for name, spline in splines.items()})
    return states, growth


def discover(table: pd.DataFrame, setting: Setting) -> tuple[KANRegressor, pd.DataFrame]:
    """One formula for each equation: the growth per head of both populations from their sizes."""
    states, growth = smooth(table)
    model = KANRegressor(time_limit=None, max_steps=setting.growth_steps, model_selection="simplest", random_state=0)
    return model.fit(states, growth), states


def is_lotka_volterra(expressions: list[sympy.Expr]) -> bool:
    """Whether each growth is a straight line in the other population, and in nothing else."""
    prey, predator = (sympy.Symbol(name, real=True) for name in ("prey", "predator"))
    pairs = zip(expressions, (predator, prey), strict=True)
    return all(
        expression.free_symbols == {other} and expression.diff(other).is_number is True for expression, other in pairs
    )


def trajectory(model: KANRegressor, states: pd.DataFrame, time: Array) -> Array:
    """Populations (n, 2) by integrating the formulas from the first smoothed state; NaN from where they fail."""

    def rates(_: float, logarithms: Array) -> Array:
        return model.predict(pd.DataFrame(np.exp(logarithms)[None], columns=states.columns))[0]

    solution = solve_ivp(rates, (time[0], time[-1]), np.log(states.iloc[0]), t_eval=time, rtol=1e-6)
    found = np.full((len(time), 2), np.nan)
    found[: solution.y.shape[1]] = np.exp(solution.y.T)
    return found


def equations(setting: Setting, drawn: list[tuple[str, pd.DataFrame, Array, Array]]) -> Iterator[dict[str, object]]:
    """Discover the equations of every series; those of seed 0 are integrated and go into ``drawn``."""
    series = [("simulated", noise, seed) for noise in setting.noises for seed in range(setting.seeds if noise else 1)]
    for name, noise, seed in [*series, ("lynx and hare", np.nan, 0)]:
        table = simulated(noise, seed) if name == "simulated" else lynx_and_hare()
        model, states = discover(table, setting)
        yield {
            "series": name,
            "noise": noise,
            "seed": seed,
            "prey": model.get_best()[0]["equation"],
            "r2_prey": model.get_best()[0]["r2"],
            "predator": model.get_best()[1]["equation"],
            "r2_predator": model.get_best()[1]["r2"],
            "lotka_volterra": is_lotka_volterra(model.sympy()),
        }
        if seed == 0 and (name != "simulated" or noise == setting.noises[-1]):
            time = table["time"].to_numpy(float)[len(table) // 20 :]
            fine = np.linspace(time[0], time[-1], 400)
            label = name if name != "simulated" else f"{name}, {100 * noise:g} % noise"
            drawn.append((label, table, fine, trajectory(model, states, fine)))


def draw(drawn: list[tuple[str, pd.DataFrame, Array, Array]], path: Path) -> None:
    """Observations, and the populations that the found equations give."""
    from matplotlib import style
    from matplotlib.figure import Figure

    with style.context(FOLDER.parent / "paper.mplstyle"):
        figure = Figure(figsize=(7.2, 2.9))
        for axes, (label, table, time, found) in zip(figure.subplots(1, len(drawn)), drawn, strict=True):
            for color, k, name in (("C0", 0, "prey"), ("C1", 1, "predator")):
                dots = {"color": color, "markersize": 4, "alpha": 0.6, "label": f"{name}, observed"}
                axes.plot(table["time"], table[name], ".", **dots)
                axes.plot(time, found[:, k], color=color, label=f"{name}, from the formulas")
            axes.set(title=label, xlabel="time" if "simulated" in label else "years since 1900")
        figure.axes[0].set_ylabel("population")
        figure.axes[-1].set_ylabel("thousand pelts")
        figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
        figure.savefig(path)


def main() -> None:
    """Run, write the tables and the figure, and print them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small grids, one seed")
    parser.add_argument("--large", action="store_true", help="ten seeds, ten times the search steps")
    parser.add_argument("--out", type=Path, default=FOLDER / "results", help="folder of the tables and the figure")
    arguments = parser.parse_args()
    setting = Setting()
    if arguments.quick:
        setting = Setting(steps=4, growth_steps=4, folds=2, complexities=(20,), noises=(0.01,), seeds=1)
    elif arguments.large:
        setting = Setting(steps=300, growth_steps=100, folds=10, seeds=10)
    arguments.out.mkdir(parents=True, exist_ok=True)
    scores, grid = in_pipelines(setting)
    drawn: list[tuple[str, pd.DataFrame, Array, Array]] = []
    found = pd.DataFrame(equations(setting, drawn))
    for name, table in (("drag", scores), ("grid_search", grid), ("equations", found)):
        table.to_csv(arguments.out / f"{name}.csv", index=False, float_format="%.4g")
        print(table.to_string(float_format="%.4g"), end="\n\n")
    draw(drawn, arguments.out / "dynamics.png")


if __name__ == "__main__":
    main()
