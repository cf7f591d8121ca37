"""``kansym fit``: from a table to its front, on the terminal and in a folder."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kansym.cli.checkpoint import Checkpoint
from kansym.cli.classes import check_classify, names_of_logits, select_classes
from kansym.cli.common import DONE, INTERRUPTED, integer_from, make_folder, positive, writing
from kansym.errors import DataError, ParameterError
from kansym.hints import plain_number, quote
from kansym.terminal import closing_lines, data_line, equation, front_lines, live_line

if TYPE_CHECKING:
    import pandas as pd

    from kansym import KANClassifier, KANRegressor

__all__ = ["add_fit"]

_TIME_LIMIT = 60.0

_ABOUT_FIT = """\
Search formulas for one column of a table in terms of the others. Prints the best formula of each complexity, and the
one that explains the data in the fewest words. Ctrl-C ends the search and shows what was found. With --out, the model
is saved as it gets better: whatever ends the program, --resume goes on with what was found. With --classify the column
holds classes, and the formulas are their logits: the loss is the mean log-loss, R² the share of it that is explained.
"""


def add_fit(commands: Any) -> None:
    """Add the command to those of the program."""
    parser = commands.add_parser(
        "fit", help="search formulas for a column of a table", description=_ABOUT_FIT, allow_abbrev=False
    )
    add = parser.add_argument
    add("table", metavar="data.csv", help="a table with a header; commas, semicolons or tabs between the cells")
    add("--target", action="append", required=True, metavar="y", help="the column to predict; repeat it for several")
    add(
        "--features",
        action="append",
        metavar="a,b",
        help="the columns to predict from (default: all other columns of numbers); may be repeated",
    )
    add("--classify", action="store_true", help="the target holds classes: texts, whole numbers or booleans")
    add(
        "--time-limit",
        type=positive,
        metavar="SECONDS",
        help=f"of the search; a plain law takes less (default: {_TIME_LIMIT:g}, or none with --max-steps)",
    )
    add(
        "--max-steps",
        type=integer_from(1),
        metavar="N",
        help="a limit in steps instead of seconds: the same result on any machine",
    )
    add(
        "--max-complexity",
        type=integer_from(1),
        default=40,
        metavar="N",
        help="nodes of the largest formula (default: 40)",
    )
    add("--library", metavar="x,x^2,exp", help="functions that may occur on the network's edges (default: all)")
    add(
        "--selection",
        choices=("best", "accuracy", "simplest"),
        default="best",
        help="which formula to show and to predict with (default: best)",
    )
    add("--jobs", type=integer_from(1), metavar="N", help="processes, for several targets or classes (default: 1)")
    add("--seed", type=integer_from(0), default=0, metavar="N", help="of every random choice (default: 0)")
    add(
        "--out",
        type=Path,
        metavar="DIR",
        help="folder for model.kansym, equations.csv and report.html; one with a model needs --resume (default: write"
        " nothing)",
    )
    add("--resume", action="store_true", help="go on with the formulas in DIR; the front gets no worse")
    parser.set_defaults(command=_fit)


def _names(given: Sequence[str], columns: Sequence[str]) -> list[str]:
    """Read names of columns: as they stand where a column is called so, since names may hold commas, else as a list."""
    names: list[str] = []
    for text in given:
        names += [text] if text in columns else [part if part in columns else part.strip() for part in text.split(",")]
    return names


def _fit(arguments: argparse.Namespace) -> int:
    from kansym.tables import read_table

    if arguments.resume and arguments.out is None:
        raise ParameterError("--resume needs --out, the folder to go on with, got none")
    if arguments.classify:
        check_classify(arguments)
    checkpoint = None if arguments.out is None else Checkpoint(arguments.out)
    if checkpoint is not None:
        checkpoint.begin(arguments.resume)
    frame = read_table(arguments.table)
    X, y, left_out = _selected(frame, arguments)
    model = _estimator(arguments)
    start = None
    if checkpoint is not None and arguments.resume:
        start = checkpoint.earlier(X, y, type(model))
    make_folder(arguments.out)
    targets = [f"{name} ({y[name].nunique()} classes)" if arguments.classify else name for name in y.columns]
    print(data_line(Path(arguments.table).name, len(X), targets, list(X.columns), left_out), flush=True)
    name = None if arguments.classify or len(targets) > 1 else targets[0]
    with live_line(name, model.time_limit) as on_progress:
        keep = None if checkpoint is None else checkpoint.keep
        given: Any = {"on_progress": on_progress, "start": start, "on_improvement": keep}
        model.fit(X, y.iloc[:, 0] if y.shape[1] == 1 else y, **given)
    _show(model, list(X.columns))
    if checkpoint is not None:
        _save(model, checkpoint, arguments, X, y)
    interrupted = any(discovery.reason == "interrupted" for discovery in model.discoveries_)
    return INTERRUPTED if interrupted else DONE


def _estimator(arguments: argparse.Namespace) -> KANRegressor | KANClassifier:
    from kansym import KANClassifier, KANRegressor

    no_seconds = arguments.time_limit is None and arguments.max_steps is not None
    kind = KANClassifier if arguments.classify else KANRegressor
    return kind(
        library=arguments.library.split(",") if arguments.library else None,
        max_complexity=arguments.max_complexity,
        model_selection=arguments.selection,
        time_limit=None if no_seconds else arguments.time_limit or _TIME_LIMIT,
        max_steps=arguments.max_steps,
        n_jobs=arguments.jobs,
        random_state=arguments.seed,
    )


def _selected(frame: pd.DataFrame, arguments: argparse.Namespace) -> tuple[pd.DataFrame, pd.DataFrame, tuple[str, ...]]:
    """Return features, targets, and the names of the columns of text."""
    import pandas as pd

    from kansym.tables import select_columns

    columns = list(frame.columns)
    targets = _names(arguments.target, columns)
    features = None if arguments.features is None else _names(arguments.features, columns)
    if arguments.classify:
        return select_classes(frame, arguments.target[0], features)
    if len(set(targets)) < len(targets):
        raise DataError(f"--target must name each column once, got {', '.join(map(quote, targets))}")
    if both := sorted(set(targets) & set(features or [])):
        raise DataError(f"--features must not name a target, got {quote(both[0])} as both")
    selections = []
    for target in targets:
        others = list(set(targets) & set(columns) - {target})
        try:
            selections.append(select_columns(frame.drop(columns=others), target, features))
        except DataError as error:
            if target in columns and not pd.api.types.is_numeric_dtype(frame[target]):
                raise DataError(f"{error}; if it holds classes, add --classify") from None
            raise
    y = pd.concat([selection.target for selection in selections], axis=1)
    return selections[0].features, y, selections[0].left_out


def _show(model: KANRegressor | KANClassifier, features: Sequence[str]) -> None:
    from rich.console import Console

    from kansym.discovery import REFERENCE

    console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
    found = zip(_left_sides(model), model.discoveries_, model.selected(), strict=True)
    for name, discovery, selected in found:
        if discovery.front[selected].origin == REFERENCE:
            console.print(f"\n{equation(name, discovery.front[selected])}, the reference", style="bold green")
            continue
        console.print()
        for row, line in enumerate(front_lines(discovery.front, selected)):
            console.print(line, style="dim" if row == 0 else "bold" if row == selected + 1 else None)
        formula = discovery.front[selected]
        console.print(f"\n{equation(name, formula)}\n", style="bold green")
        for line in closing_lines(formula, discovery, features):
            console.print(line)


def _left_sides(model: KANRegressor | KANClassifier) -> Sequence[str]:
    """What each formula is for."""
    from kansym import KANRegressor

    names = model.output_names_
    return names if isinstance(model, KANRegressor) else names_of_logits(names)


def _save(
    model: KANRegressor | KANClassifier,
    checkpoint: Checkpoint,
    arguments: argparse.Namespace,
    X: pd.DataFrame,
    y: pd.DataFrame,
) -> None:
    from kansym.archive import write_atomically

    table_path, report_path = (checkpoint.path.with_name(name) for name in ("equations.csv", "report.html"))
    checkpoint.save(model)
    with writing(table_path.parent):
        write_atomically(table_path, _equations(model).to_csv(index=False).encode("utf-8", "surrogateescape"))
        model.report(report_path, X, y, command=_command(arguments))
    print(f"{'written':<12}{checkpoint.path}, {table_path}, {report_path}")


def _command(arguments: argparse.Namespace) -> str:
    """Return the command that makes such a model: every option that differs from its default."""
    parser = argparse.ArgumentParser()
    add_fit(parser.add_subparsers())
    usual = vars(parser.parse_args(["fit", "", "--target", ""]))
    words = ["kansym", "fit", Path(arguments.table).name]  # where a file lies is nobody's business
    for name, given in vars(arguments).items():
        if name in ("command", "table", "resume") or given == usual.get(name):
            continue
        if given is True:
            words.append(f"--{name}")
            continue
        for value in given if isinstance(given, list) else [given]:
            text = plain_number(value) if isinstance(value, float) else str(value)
            text = Path(text).absolute().name if name == "out" else text
            option = f"--{name.replace('_', '-')}"
            words += [f"{option}={text}"] if text.startswith("-") else [option, text]
    return shlex.join(words)


def _equations(model: KANRegressor | KANClassifier) -> pd.DataFrame:
    """Make one table of the fronts, formulas as text; its first column names the target if there are several."""
    import pandas as pd

    tables = model.equations_ if isinstance(model.equations_, list) else [model.equations_]
    parts = []
    for name, table, selected in zip(model.output_names_, tables, model.selected(), strict=True):
        table = table.assign(sympy_format=table["sympy_format"].map(str), selected=table.index == selected)
        table.insert(0, "index", table.index)
        if len(tables) > 1:
            table.insert(0, "target", name)
        parts.append(table)
    return pd.concat(parts, ignore_index=True)
