"""``kansym predict``: evaluate a saved formula on a table."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kansym.cli.common import DONE, writing

if TYPE_CHECKING:
    import pandas as pd

    from kansym.estimator import FormulaEstimator

__all__ = ["add_predict"]

_ABOUT_PREDICT = """\
Evaluate the selected formula of a saved model on the rows of a table. Writes CSV with one column for each target, the
rows in the order of the table; a row where the formula is not defined gets nan. Of classes the columns are the most
probable one, and the probability of each.
"""


def add_predict(commands: Any) -> None:
    """Add the command to those of the program."""
    parser = commands.add_parser(
        "predict", help="evaluate a saved formula on a table", description=_ABOUT_PREDICT, allow_abbrev=False
    )
    add = parser.add_argument
    add("model", metavar="model.kansym", help="a model that kansym fit --out wrote")
    add("table", metavar="new.csv", help="a table with the columns that the model was fitted on")
    add("--out", type=Path, metavar="predictions.csv", help="where to write (default: standard output)")
    parser.set_defaults(command=_predict)


def _predict(arguments: argparse.Namespace) -> int:
    from kansym.archive import write_atomically
    from kansym.estimator import FormulaEstimator
    from kansym.persistence import load
    from kansym.tables import read_table, select_features

    model = load(arguments.model, FormulaEstimator)
    X = select_features(read_table(arguments.table), [variable.name for variable in model.variables_])
    table = _predictions(model, X if hasattr(model, "feature_names_in_") else X.to_numpy())
    text = table.to_csv(index=False, na_rep="nan")  # an empty line would be skipped by whoever reads one column
    if arguments.out is None:
        sys.stdout.write(text)
    else:
        with writing(arguments.out):
            write_atomically(arguments.out, text.encode("utf-8", "surrogateescape"))
    return DONE


def _predictions(model: FormulaEstimator, X: Any) -> pd.DataFrame:
    import pandas as pd

    from kansym import KANClassifier, KANRegressor

    if isinstance(model, KANClassifier):
        p = model.predict_proba(X)
        likeliest = pd.Series(model.classes_[p.argmax(axis=1)], dtype=object).where(~pd.isna(p).any(axis=1))
        columns = pd.Index([f"P({label})" for label in model.classes_])
        return pd.concat([likeliest.rename("class"), pd.DataFrame(p, columns=columns)], axis=1)
    assert isinstance(model, KANRegressor)
    return pd.DataFrame(model.predict(X).reshape(len(X), -1), columns=pd.Index(model.output_names_))
