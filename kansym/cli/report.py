"""``kansym report``: a saved model as one HTML file."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from kansym.cli.common import DONE, writing
from kansym.errors import ParameterError

__all__ = ["add_report"]

_ABOUT_REPORT = """\
Write a page that shows a saved model whole: its front as a chart, each formula as LaTeX, Python and C, the network. It
opens offline. A model holds no rows: --data gives those for the pictures of fit and residuals.
"""


def add_report(commands: Any) -> None:
    """Add the command to those of the program."""
    parser = commands.add_parser(
        "report", help="show a saved model as one HTML file", description=_ABOUT_REPORT, allow_abbrev=False
    )
    add = parser.add_argument
    add("model", metavar="model.kansym", help="a model that kansym fit --out wrote")
    add("--data", metavar="data.csv", help="rows to show, best those of the fit")
    add("--target", action="append", metavar="y", help="column of --data with the target (default: as at the fit)")
    add("--out", type=Path, required=True, metavar="report.html", help="where to write")
    parser.set_defaults(command=_report)


def _report(arguments: argparse.Namespace) -> int:
    from kansym import KANRegressor

    if arguments.target is not None and arguments.data is None:
        raise ParameterError("--target belongs to --data, got it without a table")
    model = KANRegressor.load(arguments.model)
    X, y = (None, None) if arguments.data is None else _rows(model, arguments)
    with writing(arguments.out):
        model.report(arguments.out, X, y)
    print(f"{'written':<12}{arguments.out}")
    return DONE


def _rows(model: Any, arguments: argparse.Namespace) -> tuple[Any, Any]:
    from kansym.tables import read_table, select_features

    targets = arguments.target or list(model.output_names_)
    if len(targets) != len(model.output_names_):
        count = len(model.output_names_)
        raise ParameterError(f"--target must name {count} columns, one for each target of the fit, got {len(targets)}")
    table = read_table(arguments.data)
    X = select_features(table, [variable.name for variable in model.variables_])
    named = hasattr(model, "feature_names_in_")
    return X if named else X.to_numpy(), select_features(table, targets, "target").to_numpy()
