"""``kansym predict``: evaluate a saved formula on a table."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from kansym.cli.common import DONE, writing

__all__ = ["add_predict"]

_ABOUT_PREDICT = """\
Evaluate the selected formula of a saved model on the rows of a table. Writes CSV with one column for each target, the
rows in the order of the table; a row where the formula is not defined gets nan.
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
    import pandas as pd

    from kansym import KANRegressor
    from kansym.archive import write_atomically
    from kansym.tables import read_table, select_features

    model = KANRegressor.load(arguments.model)
    X = select_features(read_table(arguments.table), [variable.name for variable in model.variables_])
    named = hasattr(model, "feature_names_in_")
    predicted = model.predict(X if named else X.to_numpy())
    table = pd.DataFrame(predicted.reshape(len(X), -1), columns=pd.Index(model.output_names_))
    text = table.to_csv(index=False, na_rep="nan")  # an empty line would be skipped by whoever reads one column
    if arguments.out is None:
        sys.stdout.write(text)
    else:
        with writing(arguments.out):
            write_atomically(arguments.out, text.encode("utf-8", "surrogateescape"))
    return DONE
