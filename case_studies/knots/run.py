"""Knots: the signature from the geometry of the complement, which of it matters, and what else obeys a formula.

    python case_studies/knots/run.py            # all knots whose cusp KnotInfo has, three splits
    python case_studies/knots/run.py --quick    # a quarter of them, one split, a few steps of search
    python case_studies/knots/run.py --large    # ten splits, ten times the search steps

Needs the package ``database-knotinfo`` (``pip install 'kansym[studies]'``). Writes ``relations.csv``,
``signature.csv``, ``front.csv``, ``attribution.csv`` and ``knots.png`` into ``results/`` or the folder of ``--out``.
"""

from __future__ import annotations

import argparse
import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from kansym import KANRegressor
from kansym.network import KAN, attribute, train

FOLDER = Path(__file__).parent
GEOMETRY = [
    *("cusp_volume", "meridian_length", "chern_simons", "volume", "longitude"),
    *("meridian_re", "meridian_im", "volume_im"),
]
FREE = ["volume", "longitude", "meridian_re", "meridian_im", "chern_simons"]  # what the relations leave
TOP_THREE = ["longitude", "meridian_re", "meridian_im"]
OBEYS = 1e-6  # of a column's deviation: an error below it is one of the ten printed digits


@dataclass(frozen=True)
class Setting:
    """How large the study is."""

    share: float = 1.0
    splits: int = 3
    searches: int = 1
    relation_steps: int = 30
    steps: int = 60


def knots() -> pd.DataFrame:
    """Signature and geometric invariants of the knots for which KnotInfo has the shape of the cusp.

    The table lists a knot without regard to its mirror image: the real part of the meridian is never negative, so only
    the size of the signature can be asked for, and of the Chern-Simons invariant.
    """
    try:
        from database_knotinfo import link_list
    except ImportError:
        raise SystemExit("this study needs the package database-knotinfo: pip install 'kansym[studies]'") from None
    table = pd.DataFrame(link_list()[1:])
    table = table[table["meridian_translation"].str.startswith("(")]
    meridian = pd.DataFrame(table["meridian_translation"].map(ast.literal_eval).tolist(), index=table.index)
    longitude = pd.DataFrame(table["longitude_translation"].map(ast.literal_eval).tolist(), index=table.index)
    number = table[["volume", "maximum_cusp_volume", "meridian_length", "chern_simons_invariant"]].astype(float)
    return pd.DataFrame(
        {
            "name": table["name"],
            "volume": number["volume"],
            "cusp_volume": number["maximum_cusp_volume"],
            "longitude": longitude[0],
            "meridian_re": meridian[0],
            "meridian_im": meridian[1],
            "meridian_length": number["meridian_length"],
            "chern_simons": number["chern_simons_invariant"],
            "volume_im": table["volume_imaginary_part"].astype(float),
            "signature": table["signature"].astype(float).abs(),
        }
    ).reset_index(drop=True)


def halves(table: pd.DataFrame, split: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Three quarters of the knots to learn from, and a quarter to judge on."""
    order = np.random.default_rng(split).permutation(len(table))
    return table.iloc[order[len(table) // 4 :]], table.iloc[order[: len(table) // 4]]


# ----------------------------------------------------------------------------------------------- unsupervised relations


def relations(table: pd.DataFrame, setting: Setting) -> Iterator[dict[str, object]]:
    """Ask of each column whether the others determine it; one that they determine is set aside."""
    train_rows, test_rows = halves(table, 0)
    columns = list(GEOMETRY)
    for target in GEOMETRY:
        others = [column for column in columns if column != target]
        model = KANRegressor(time_limit=None, max_steps=setting.relation_steps, random_state=0)
        model.fit(train_rows[others], train_rows[target])
        error = np.abs(model.predict(test_rows[others]) - test_rows[target]) / table[target].std()
        obeyed = float(np.mean(error < OBEYS))
        if obeyed > 0.95:
            columns = others
        yield {
            "column": target,
            "formula": model.get_best()["equation"],
            "r2": model.score(test_rows[others], test_rows[target]),
            "obeyed": obeyed,
        }


# -------------------------------------------------------------------------------------------------------- the signature


def accuracy(predicted: NDArray[np.float64], truth: pd.Series) -> float:
    """Share of knots whose signature is the nearest even number, as all signatures are even."""
    return float(np.mean(2 * np.round(np.asarray(predicted) / 2) == truth))


def half_slope(rows: pd.DataFrame) -> NDArray[np.float64]:
    """Half the natural slope, Re(longitude/meridian)/2, which Davies et al. found to be close to the signature."""
    shape = rows["longitude"] / (rows["meridian_re"] + 1j * rows["meridian_im"])
    return np.real(shape.to_numpy()) / 2


def trained_network(rows: pd.DataFrame, columns: list[str], seed: int) -> KAN:
    """The article's shape, one hidden node, on the columns; the best state on a fifth of the rows held back."""
    X, y = (torch.tensor(rows[names].to_numpy()) for names in (columns, ["signature"]))
    network = KAN((len(columns), 1, 1), grid_size=5, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    cut = len(X) // 5
    network = network.fitted_to(X[cut:], y[cut:])
    return train(network, X[cut:], y[cut:], validation=(X[:cut], y[:cut]), max_iterations=200, smoothing=1e-4).network


def signature(table: pd.DataFrame, setting: Setting) -> Iterator[tuple[str, dict[str, object]]]:
    """Learn the signature with every method and split; rows for the tables signature, front and attribution."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    for split in range(setting.splits):
        train_rows, test_rows = halves(table, split)
        truth = test_rows["signature"]

        def judged(method: str, predicted: NDArray[np.float64], size: object, split=split, truth=truth) -> tuple:
            error = float(np.sqrt(np.mean((predicted - truth) ** 2)))
            facts = {"method": method, "split": split, "accuracy": accuracy(predicted, truth), "rmse": error}
            return "signature", {**facts, "size": size}

        common = np.full(len(truth), train_rows["signature"].mode().iloc[0])
        yield judged("most frequent", common, 1)
        yield judged("half the natural slope", half_slope(test_rows), 3)
        for name, columns in (("all five", FREE), ("top three", TOP_THREE)):
            boosting = HistGradientBoostingRegressor(random_state=split)
            boosting.fit(train_rows[columns], train_rows["signature"])
            yield judged(f"gradient boosting, {name}", boosting.predict(test_rows[columns]), None)
            network = trained_network(train_rows, columns, split)
            rows = torch.tensor(test_rows[columns].to_numpy())
            yield judged(f"spline network, {name}", network.evaluate(rows).numpy()[:, 0], network.n_parameters)
            if columns is FREE:
                shares = attribute(network, rows).nodes[0].tolist()
                yield "attribution", {"split": split, **dict(zip(columns, shares, strict=True))}
            if split >= setting.searches:
                continue
            model = KANRegressor(time_limit=None, max_steps=setting.steps, random_state=split)
            model.fit(train_rows[columns], train_rows["signature"])
            selected = model.selected()[0]
            yield judged(f"formula, {name}", model.predict(test_rows[columns]), int(model.get_best()["complexity"]))
            for index, row in model.equations_.iterrows():
                yield (
                    "front",
                    {
                        "columns": name,
                        "split": split,
                        "complexity": row["complexity"],
                        "accuracy": accuracy(model.predict(test_rows[columns], index=index), truth),
                        "selected": index == selected,
                        "formula": row["equation"],
                    },
                )


def draw(table: pd.DataFrame, found: dict[str, pd.DataFrame], path: Path) -> None:
    """Signature against slope, attribution, and accuracy against complexity."""
    from matplotlib import style
    from matplotlib.figure import Figure

    with style.context(FOLDER.parent / "paper.mplstyle"):
        figure = Figure(figsize=(7.4, 2.9))
        left, middle, right = figure.subplots(1, 3)
        jitter = np.random.default_rng(0).uniform(-0.35, 0.35, len(table))
        left.plot(half_slope(table), table["signature"] + jitter, ".", markersize=2, alpha=0.4)
        left.plot([0, 9], [0, 9], color="black", linewidth=0.8, linestyle="--")
        left.set(xlabel="half the natural slope", ylabel="|signature|, spread by ±0.35", yticks=range(0, 9, 2))
        shares = found["attribution"].drop(columns="split")
        shares = shares[shares.mean().sort_values().index]
        middle.barh(range(shares.shape[1]), shares.mean(), color="C2")
        for place, column in enumerate(shares):
            middle.plot(shares[column], np.full(len(shares), place), "|", color="black", markersize=7)
        labels = {"meridian_re": "Re meridian", "meridian_im": "Im meridian", "chern_simons": "|Chern-Simons|"}
        middle.set_yticks(range(shares.shape[1]), [labels.get(column, column) for column in shares])
        middle.set(xlabel="share of the network's variance", xlim=(0, None))
        mean = found["signature"].groupby("method")["accuracy"].mean()
        for color, (name, front) in zip(("C0", "C1"), found["front"].groupby("columns"), strict=True):
            label = f"formulas, {name}"
            right.plot(front["complexity"], front["accuracy"], "o", color=color, markersize=3.5, label=label)
        methods = ("spline network, all five", "gradient boosting, all five", "half the natural slope")
        for method, line in zip(methods, ("-", "--", ":"), strict=True):
            right.axhline(mean[method], color="black", linewidth=0.9, linestyle=line, label=method.split(",")[0])
        right.set(xlabel="complexity", ylabel="accuracy on held-out knots", xlim=(0, None))
        figure.legend(*right.get_legend_handles_labels(), loc="outside lower right", ncols=3)
        figure.savefig(path)


def main() -> None:
    """Run, write the tables and the figure, and print them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a quarter of the knots, one split, short searches")
    parser.add_argument("--large", action="store_true", help="ten splits, ten times the search steps")
    parser.add_argument("--out", type=Path, default=FOLDER / "results", help="folder of the tables and the figure")
    arguments = parser.parse_args()
    setting = Setting()
    if arguments.quick:
        setting = Setting(share=0.25, splits=1, relation_steps=15, steps=4)
    elif arguments.large:
        setting = Setting(splits=10, searches=10, relation_steps=300, steps=1000)
    table = knots()
    table = table.sample(frac=setting.share, random_state=0).reset_index(drop=True)
    arguments.out.mkdir(parents=True, exist_ok=True)
    found = {"relations": pd.DataFrame(relations(table, setting))}
    rows: dict[str, list[dict[str, object]]] = {"signature": [], "front": [], "attribution": []}
    for kind, row in signature(table.assign(chern_simons=table["chern_simons"].abs()), setting):
        rows[kind].append(row)
    found.update({kind: pd.DataFrame(lines) for kind, lines in rows.items()})
    for name, frame in found.items():
        frame.to_csv(arguments.out / f"{name}.csv", index=False, float_format="%.4g")
    draw(table, found, arguments.out / "knots.png")
    print(f"{len(table)} knots", found["relations"].to_string(), sep="\n")
    summary = found["signature"].groupby("method", sort=False)[["accuracy", "rmse", "size"]].mean()
    print(summary.to_string(float_format="%.3f"), found["attribution"].mean().to_string(), sep="\n")


if __name__ == "__main__":
    main()
