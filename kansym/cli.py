"""The command line: ``kansym fit`` and ``kansym predict``; the only place that prints.

Everything heavy is imported inside the commands, so that ``kansym --help`` answers at once.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from kansym import __version__
from kansym.errors import DataError, ExtrapolationWarning, FileFormatError, FitWarning, KansymError
from kansym.hints import quote
from kansym.terminal import closing_lines, data_line, equation, front_lines, live_line, printable

if TYPE_CHECKING:
    import pandas as pd

    from kansym import KANRegressor

__all__ = ["main"]

_DONE, _WRONG_USE, _INTERRUPTED = 0, 2, 130
_TIME_LIMIT = 60.0

_EXAMPLE = """\
example:
  kansym fit planets.csv --target T_days --features a_AU --out found
  kansym predict found/model.kansym asteroids.csv --out periods.csv
"""

_ABOUT_FIT = """\
Search formulas for one column of a table in terms of the others. Prints the best formula of each complexity, and the
one that explains the data in the fewest words. Ctrl-C ends the search and shows what was found.
"""

_ABOUT_PREDICT = """\
Evaluate the selected formula of a saved model on the rows of a table. Writes CSV with one column for each target, the
rows in the order of the table; a row where the formula is not defined gets nan.
"""


class _UsageError(KansymError):
    """The command line itself is wrong."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Raise instead of printing the usage: one clear line is for :func:`main` to print."""
        raise _UsageError(f"{message}; see {self.prog} --help")


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments after the program's name; by default those of the process.

    Returns
    -------
    int
        0 done; 2 wrong use or bad input, with one line on standard error; 130 interrupted, with what was found printed
        and saved.
    """
    for stream in (sys.stdout, sys.stderr):  # a formula with π must not fail on a terminal that lacks the letter
        with contextlib.suppress(AttributeError, ValueError):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        arguments = _parser().parse_args(argv)
        with _warnings_in_one_line():
            code = arguments.command(arguments)
        sys.stdout.flush()
        return code
    except SystemExit:  # of --help and --version
        return _DONE
    except KansymError as error:
        print(f"kansym: {printable(str(error))}", file=sys.stderr)
        return _WRONG_USE
    except KeyboardInterrupt:
        print("kansym: interrupted", file=sys.stderr)
        return _INTERRUPTED
    except BrokenPipeError:  # the reader of our output, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _DONE


# ------------------------------------------------------------------------------------------------------------ arguments


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="kansym",
        description="Find equations in data with Kolmogorov-Arnold networks.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"kansym {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="command", required=True, parser_class=_Parser)
    _add_fit(commands)
    _add_predict(commands)
    return parser


def _add_fit(commands: Any) -> None:
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
    add(
        "--time-limit",
        type=_positive,
        metavar="SECONDS",
        help=f"of the search; a plain law takes less (default: {_TIME_LIMIT:g}, or none with --max-steps)",
    )
    add(
        "--max-steps",
        type=_integer_from(1),
        metavar="N",
        help="a limit in steps instead of seconds: the same result on any machine",
    )
    add(
        "--max-complexity",
        type=_integer_from(1),
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
    add("--jobs", type=_integer_from(1), metavar="N", help="processes, if there are several targets (default: 1)")
    add("--seed", type=_integer_from(0), default=0, metavar="N", help="of every random choice (default: 0)")
    add("--out", type=Path, metavar="DIR", help="folder for model.kansym and equations.csv (default: write nothing)")
    parser.set_defaults(command=_fit)


def _add_predict(commands: Any) -> None:
    parser = commands.add_parser(
        "predict", help="evaluate a saved formula on a table", description=_ABOUT_PREDICT, allow_abbrev=False
    )
    add = parser.add_argument
    add("model", metavar="model.kansym", help="a model that kansym fit --out wrote")
    add("table", metavar="new.csv", help="a table with the columns that the model was fitted on")
    add("--out", type=Path, metavar="predictions.csv", help="where to write (default: standard output)")
    parser.set_defaults(command=_predict)


def _positive(text: str) -> float:
    with contextlib.suppress(ValueError):
        if float(text) > 0:
            return float(text)
    raise argparse.ArgumentTypeError(f"must be a number of seconds > 0, got {text!r}")


def _integer_from(least: int) -> Callable[[str], int]:
    def integer(text: str) -> int:
        with contextlib.suppress(ValueError):
            if least <= int(text) < 2**32:
                return int(text)
        raise argparse.ArgumentTypeError(f"must be an integer >= {least}, got {text!r}")

    return integer


def _names(given: Sequence[str], columns: Sequence[str]) -> list[str]:
    """Read names of columns: as they stand where a column is called so, since names may hold commas, else as a list."""
    names: list[str] = []
    for text in given:
        names += [text] if text in columns else [part if part in columns else part.strip() for part in text.split(",")]
    return names


# ------------------------------------------------------------------------------------------------------------- commands


def _fit(arguments: argparse.Namespace) -> int:
    from kansym.tables import read_table

    frame = read_table(arguments.table)
    X, y, left_out = _selected(frame, arguments)
    _make_folder(arguments.out)
    targets, features = list(y.columns), list(X.columns)
    print(data_line(Path(arguments.table).name, len(X), targets, features, left_out), flush=True)
    from kansym import KANRegressor

    no_seconds = arguments.time_limit is None and arguments.max_steps is not None
    model = KANRegressor(
        library=arguments.library.split(",") if arguments.library else None,
        max_complexity=arguments.max_complexity,
        model_selection=arguments.selection,
        time_limit=None if no_seconds else arguments.time_limit or _TIME_LIMIT,
        max_steps=arguments.max_steps,
        n_jobs=arguments.jobs,
        random_state=arguments.seed,
    )
    with live_line(targets[0] if len(targets) == 1 else None) as on_progress:
        model.fit(X, y.iloc[:, 0] if len(targets) == 1 else y, on_progress=on_progress)
    _show(model, features)
    if arguments.out is not None:
        _save(model, arguments.out)
    interrupted = any(discovery.reason == "interrupted" for discovery in model.discoveries_)
    return _INTERRUPTED if interrupted else _DONE


def _selected(frame: pd.DataFrame, arguments: argparse.Namespace) -> tuple[pd.DataFrame, pd.DataFrame, tuple[str, ...]]:
    """Return features, targets, and the names of the columns of text."""
    import pandas as pd

    from kansym.tables import select_columns

    columns = list(frame.columns)
    targets = _names(arguments.target, columns)
    features = None if arguments.features is None else _names(arguments.features, columns)
    if len(set(targets)) < len(targets):
        raise DataError(f"--target must name each column once, got {', '.join(map(quote, targets))}")
    if both := sorted(set(targets) & set(features or [])):
        raise DataError(f"--features must not name a target, got {quote(both[0])} as both")
    selections = [
        select_columns(frame.drop(columns=list(set(targets) & set(columns) - {target})), target, features)
        for target in targets
    ]
    y = pd.concat([selection.target for selection in selections], axis=1)
    return selections[0].features, y, selections[0].left_out


def _show(model: KANRegressor, features: Sequence[str]) -> None:
    from rich.console import Console

    console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
    found = zip(model.output_names_, model.discoveries_, model.selected(), strict=True)
    for name, discovery, selected in found:
        console.print()
        for row, line in enumerate(front_lines(discovery.front, selected)):
            console.print(line, style="dim" if row == 0 else "bold" if row == selected + 1 else None)
        formula = discovery.front[selected]
        console.print(f"\n{equation(name, formula)}\n", style="bold green")
        for line in closing_lines(formula, discovery, features):
            console.print(line)


def _save(model: KANRegressor, folder: Path) -> None:
    from kansym.archive import write_atomically

    model_path, table_path = folder / "model.kansym", folder / "equations.csv"
    with _writing(folder):
        model.save(model_path)
        write_atomically(table_path, _equations(model).to_csv(index=False).encode("utf-8", "surrogateescape"))
    print(f"{'written':<12}{model_path}, {table_path}")


def _equations(model: KANRegressor) -> pd.DataFrame:
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
        with _writing(arguments.out):
            write_atomically(arguments.out, text.encode("utf-8", "surrogateescape"))
    return _DONE


# ---------------------------------------------------------------------------------------------------------------- files


def _make_folder(folder: Path | None) -> None:
    """Make the folder before the search, so that a wrong path costs no minute."""
    if folder is not None:
        if folder.exists() and not folder.is_dir():
            raise FileFormatError(f"{folder}: must be a folder, got a file")
        with _writing(folder):
            folder.mkdir(parents=True, exist_ok=True)


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise FileFormatError(f"{error.filename or path}: cannot be written: {error.strerror or error}") from None


@contextlib.contextmanager
def _warnings_in_one_line() -> Iterator[None]:
    """Print the warnings of kansym as one line each; all others as usual."""
    with warnings.catch_warnings():
        usual = warnings.showwarning

        def show(message: Any, category: type[Warning], *details: Any, **options: Any) -> None:
            if issubclass(category, FitWarning | ExtrapolationWarning):
                print(f"kansym: warning: {message}", file=sys.stderr)
            else:
                usual(message, category, *details, **options)

        warnings.showwarning = show
        yield
