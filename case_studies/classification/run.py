"""Formulas of logits beside logistic regression, gradient boosting and a support vector machine.

    python case_studies/classification/run.py            # three splits, three draws of each law
    python case_studies/classification/run.py --quick    # iris and one law, one split

Writes ``scores.csv`` (one row for each fit), ``summary.csv``, ``formulas.csv`` and ``scores.svg`` into ``results/`` or
the folder of ``--out``. The search has a limit in steps and none in seconds: the same results on any machine.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import sympy
from numpy.typing import NDArray
from scipy.special import softmax
from sklearn.base import ClassifierMixin, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_breast_cancer, load_iris, load_wine
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from kansym import KANClassifier
from kansym.errors import ExtrapolationWarning, FitWarning

FOLDER = Path(__file__).parent
FORMULA, NETWORK, TRUTH = "formula", "its network", "the truth"
COLOURS = {FORMULA: "C0", NETWORK: "C5", "logistic regression": "C1", "gradient boosting": "C2", "SVM": "C3"}
MEASURED = {"iris": load_iris, "wine": load_wine, "breast cancer": load_breast_cancer}
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Law:
    """Logits of the classes but the first as functions of the columns, of which those beyond the law tell nothing.

    ``terms`` are what each logit is a sum of, but for constant factors and a constant; empty where constants stand
    inside functions.
    """

    logits: tuple[Callable[..., Array], ...]
    n_columns: int = 2
    low: float = -1.0
    high: float = 1.0
    terms: tuple[tuple[str, ...], ...] = ()

    def draw(self, n_rows: int, seed: int) -> tuple[pd.DataFrame, NDArray[np.int_], Array]:
        """Columns, labels drawn by the probabilities, and these."""
        generator = np.random.default_rng(seed)
        X = generator.uniform(self.low, self.high, (n_rows, self.n_columns))
        columns = list("xyzuvw")[: self.n_columns]
        logits = np.column_stack([np.zeros(n_rows), *(logit(*X.T) for logit in self.logits)])
        labels = np.argmax(logits + generator.gumbel(size=logits.shape), axis=1)
        return pd.DataFrame(X, columns=columns), labels, softmax(logits, axis=1)

    def is_form_of(self, model: KANClassifier) -> bool | None:
        """Whether each logit, against that of class 0, has the law's terms and no other; None where none are stated."""
        if not self.terms:
            return None
        expressions = model.sympy()
        if not isinstance(expressions, list):
            expressions = [sympy.S.Zero, expressions]
        found = [_terms(expression - expressions[0]) for expression in expressions[1:]]
        return found == [set(names) for names in self.terms]


def _terms(expression: sympy.Expr) -> set[str]:
    """The terms of a sum without their factors and without the constant, as text."""
    expanded = sympy.expand(sympy.expand_log(expression, force=True))
    return {str(sympy.nsimplify(term)) for term in expanded.as_coefficients_dict() if term.free_symbols}


LAWS = {
    "product": Law((lambda x, y: 6 * x * y,), terms=(("x*y",),)),
    "circle": Law((lambda x, y: 8 * (0.5 - x**2 - y**2),), terms=(("x**2", "y**2"),)),
    "dose": Law((lambda x, y: 4 * np.log(x) - 2 * y,), low=0.1, high=4.0, terms=(("log(x)", "y"),)),
    "four idle columns": Law((lambda x, y, *_: 5 * x * y - 2 * x,), 6, terms=(("x", "x*y"),)),
    "three classes": Law(
        (lambda x, y: 5 * x * y, lambda x, y: 6 * y**2 - 2), terms=(("x*y",), ("y**2",))
    ),
    "saturation": Law((lambda x, y: 10 * x / (0.5 + x) - 5 - 2 * y,), low=0.0, high=3.0),
    "wave": Law((lambda x, y: 4 * np.sin(4 * x) - 3 * y,), low=-2.0, high=2.0),
}


def rivals(seed: int) -> dict[str, ClassifierMixin]:
    """scikit-learn's classifiers at their defaults; the SVM's probabilities as its documentation recommends."""
    return {
        "logistic regression": make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
        "gradient boosting": HistGradientBoostingClassifier(random_state=seed),
        "SVM": make_pipeline(StandardScaler(), CalibratedClassifierCV(SVC(random_state=seed), ensemble=False)),
        "frequencies": DummyClassifier(),
    }


@dataclass(frozen=True)
class Split:
    """Rows to fit and rows to judge by; of a law also the probabilities of these."""

    X: pd.DataFrame
    y: NDArray[np.int_]
    X_test: pd.DataFrame
    y_test: NDArray[np.int_]
    truth: Array | None = None


def splits(name: str, n_splits: int, n_rows: int, n_test: int) -> Iterator[Split]:
    """Stratified halves of measured rows, again and again; fresh draws of a law."""
    for seed in range(n_splits):
        if name in MEASURED:
            X, y = MEASURED[name](return_X_y=True, as_frame=True)
            X.columns = [column.removesuffix(" (cm)").replace(" ", "_").replace("/", "_") for column in X.columns]
            parts = train_test_split(X, y.to_numpy(), test_size=0.5, stratify=y, random_state=seed)
            yield Split(parts[0], parts[2], parts[1], parts[3])
        else:
            X, y, p = LAWS[name].draw(n_rows + n_test, seed)
            yield Split(X[:n_rows], y[:n_rows], X[n_rows:], y[n_rows:], p[n_rows:])


def scored(split: Split, seed: int, steps: int) -> tuple[list[dict[str, object]], KANClassifier]:
    """Log loss and accuracy of every method on the held-out rows of one split."""
    rows: list[dict[str, object]] = []

    def judge(method: str, p: Array, seconds: float) -> None:
        loss, accuracy = log_loss(split.y_test, p), accuracy_score(split.y_test, p.argmax(axis=1))
        rows.append({"method": method, "log_loss": loss, "accuracy": accuracy, "seconds": seconds})

    start = time.process_time()
    model = KANClassifier(time_limit=None, max_steps=steps, random_state=seed).fit(split.X, split.y)
    seconds = time.process_time() - start
    with warnings.catch_warnings():  # test rows beyond the training rows are usual here
        warnings.simplefilter("ignore", ExtrapolationWarning)
        warnings.simplefilter("error", FitWarning)
        judge(FORMULA, model.predict_proba(split.X_test), seconds)
        judge(NETWORK, model.predict_proba_network(split.X_test), np.nan)
    for name, rival in rivals(seed).items():
        start = time.process_time()
        fitted = clone(rival).fit(split.X, split.y)
        judge(name, fitted.predict_proba(split.X_test), time.process_time() - start)
    if split.truth is not None:
        judge(TRUTH, split.truth, np.nan)
    return rows, model


def equations(model: KANClassifier) -> str:
    """The selected logits, one after another."""
    best = model.get_best()
    pairs = zip(model.output_names_, best if isinstance(best, list) else [best], strict=True)
    return "; ".join(f"logit {label} = {row['equation']}" for label, row in pairs)


def run(names: list[str], n_splits: int, n_rows: int, n_test: int, steps: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Scores and formulas of every set or law."""
    scores, formulas = [], []
    for name in names:
        for seed, split in enumerate(splits(name, n_splits, n_rows, n_test)):
            rows, model = scored(split, seed, steps)
            scores += [{"data": name, "split": seed, **row} for row in rows]
            form = LAWS[name].is_form_of(model) if name in LAWS else None
            formulas.append({"data": name, "split": seed, "form_found": form, "formula": equations(model)})
            print(f"{name}, {seed}: {rows[0]['log_loss']:.3f}  {formulas[-1]['formula']}", flush=True)
    return pd.DataFrame(scores), pd.DataFrame(formulas)


def draw(scores: pd.DataFrame, path: Path) -> None:
    """Log loss of each split; of laws what is above the truth's."""
    from matplotlib import style
    from matplotlib.figure import Figure

    truth = scores[scores["method"] == TRUTH].set_index(["data", "split"])["log_loss"]
    keys = pd.MultiIndex.from_frame(scores[["data", "split"]])
    scores = scores.assign(excess=scores["log_loss"].to_numpy() - truth.reindex(keys).to_numpy())
    shown = scores[scores["method"].isin(COLOURS)]
    panels = [("measured: log loss", "log_loss", MEASURED),
              ("laws: log loss above the truth's", "excess", LAWS)]  # fmt: skip
    with style.context(FOLDER.parent / "paper.mplstyle"):
        figure = Figure(figsize=(8.4, 3.4))
        for axes, (title, column, among) in zip(figure.subplots(1, 2, width_ratios=(3, 6)), panels, strict=True):
            names = [name for name in scores["data"].unique() if name in among]
            for shift, (method, colour) in enumerate(COLOURS.items()):
                of_method = shown[(shown["method"] == method) & shown["data"].isin(names)]
                places = of_method["data"].map(names.index) + 0.15 * (shift - 2)
                axes.plot(places, of_method[column], "o", color=colour, markersize=3.5, alpha=0.7, label=method)
            axes.set(title=title)
            axes.set_xticks(range(len(names)), [name.replace(" ", "\n") for name in names])
            axes.grid(axis="x", visible=False)
        figure.axes[0].set(yscale="log", ylabel="nats a row, held out")
        figure.axes[1].set_yscale("symlog", linthresh=1e-3)  # a formula may be luckier than the truth
        figure.axes[1].set_ylim(min(-5e-4, 2 * shown["excess"].min()), 2 * shown["excess"].max())
        handles, labels = figure.axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
        figure.savefig(path, metadata={"Date": None, "Creator": None})


def write(scores: pd.DataFrame, formulas: pd.DataFrame, folder: Path) -> None:
    """Write the tables and the figure, and print the summary."""
    folder.mkdir(parents=True, exist_ok=True)
    summary = scores.groupby(["data", "method"], sort=False)[["log_loss", "accuracy", "seconds"]].agg(
        {"log_loss": ["mean", "std"], "accuracy": "mean", "seconds": "median"}
    )
    summary.columns = ["log_loss", "log_loss_std", "accuracy", "seconds"]
    scores.to_csv(folder / "scores.csv", index=False, float_format="%.4g")
    summary.reset_index().to_csv(folder / "summary.csv", index=False, float_format="%.4g")
    formulas.to_csv(folder / "formulas.csv", index=False)
    draw(scores, folder / "scores.svg")
    print(summary.to_string(float_format="%.3f"), end="\n\n")
    print(formulas.groupby("data", sort=False)["form_found"].agg(["sum", "size"]).to_string())


def main() -> None:
    """Run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="iris and one law, one split")
    parser.add_argument("--out", type=Path, default=FOLDER / "results", help="folder of the tables and the figure")
    arguments = parser.parse_args()
    if arguments.quick:
        scores, formulas = run(["iris", "product"], 1, 1000, 2000, 60)
    else:
        scores, formulas = run([*MEASURED, *LAWS], 3, 1000, 20_000, 200)
    write(scores, formulas, arguments.out)


if __name__ == "__main__":
    main()
