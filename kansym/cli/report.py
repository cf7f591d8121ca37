"""``kansym report``: a saved model as one HTML file."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kansym.cli.classes import select_classes
from kansym.cli.common import DONE, writing
from kansym.errors import ParameterError

if TYPE_CHECKING:
    from kansym.estimator import FormulaEstimator

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
    from kansym.estimator import FormulaEstimator
    from kansym.persistence import load

    if arguments.target is not None and arguments.data is None:
        raise ParameterError("--target belongs to --data, got it without a table")
    model = load(arguments.model, FormulaEstimator)
    X, y = (None, None) if arguments.data is None else _rows(model, arguments)
    with writing(arguments.out):
        model.report(arguments.out, X, y)
    print(f"{'written':<12}{arguments.out}")
    return DONE


def _rows(model: FormulaEstimator, arguments: argparse.Namespace) -> tuple[Any, Any]:
    from kansym import KANClassifier
    from kansym.tables import read_table, select_features

    table = read_table(arguments.data)
    columns = [variable.name for variable in model.variables_]
    is_class = isinstance(model, KANClassifier)
    targets = arguments.target or ([model.target_name_] if is_class else list(model.output_names_))
    if len(targets) != (count := 1 if is_class else len(model.output_names_)):
        what = "the column of classes" if is_class else f"{count} columns, one for each target of the fit"
        raise ParameterError(f"--target must name {what}, got {len(targets)}")
    if is_class:
        X, y, _ = select_classes(table, targets[0], columns)
    else:
        X, y = select_features(table, columns), select_features(table, targets, "target")
    return X if hasattr(model, "feature_names_in_") else X.to_numpy(), y.to_numpy()
