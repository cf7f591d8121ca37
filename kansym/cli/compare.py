"""``kansym compare``, ``kansym suites`` and ``kansym methods``: many methods on the same problems."""

from __future__ import annotations

import argparse
import contextlib
import shlex
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kansym.cli.common import DONE, integer_from, number_from, positive, positive_size
from kansym.hints import plain_number
from kansym.terminal import printable

if TYPE_CHECKING:
    from kansym.comparison.problems import Problem
    from kansym.comparison.records import Record

__all__ = ["add_compare", "add_methods", "add_suites"]

PRESCRIBED = "prescribed"
_ABOUT_COMPARE = """\
Give the same problems, operators and time to several methods and let one judge
say what they found. Every run has a process of its own; it is killed 5 s and a
tenth of its limit after its limit. Prints the rates at the end. DIR gets
records.jsonl, one line for each run as it ends, summary.csv and report.html;
--resume goes on with what is there.
"""
_ABOUT_SUITES = """\
List the suites of problems that compare --suite takes, one a line: name, number of problems, what they are, and where
they come from.
"""
_ABOUT_METHODS = """\
List the methods that compare --methods takes, whether they are installed, and how to install those that are not; at the
end the operators that all of them are given.
"""
_EXAMPLE = """\
examples:
  kansym compare --suite nguyen --methods kansym,operon,gplearn --out found
  kansym compare --data pendulum.csv --target period --methods kansym,operon
"""


def add_compare(commands: Any) -> None:
    """Add ``compare`` to the commands of the program."""
    parser = commands.add_parser(
        "compare",
        help="run several methods on the same problems",
        description=_ABOUT_COMPARE,
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--suite", action="append", metavar="a,b", help="suites of problems; see kansym suites")
    add("--problems", action="append", metavar="a,b", help="only these problems of the suites")
    add("--data", metavar="data.csv", help="a table of your own instead of a suite")
    add("--target", metavar="y", help="the column of the table to predict")
    add("--features", metavar="a,b", help="the columns to predict from (default: all others of numbers)")
    add("--law", metavar="FORMULA", help="the law of the table, if you know it, such as 'b1*x**b2'")
    add("--methods", action="append", metavar="a,b", help="see kansym methods (default: kansym)")
    add("--time-limit", type=positive, default=30.0, metavar="SECONDS", help="of each fit (default: 30)")
    seeds = parser.add_mutually_exclusive_group()
    seeds.add_argument("--seeds", type=integer_from(1), metavar="N", help="samples of each (default: 1)")
    seeds.add_argument("--seed", type=_seed_list, metavar="a,b", help="these seeds, instead of 0, 1, …")
    add("--noise", type=number_from(0.0), default=0.0, metavar="SHARE", help="of the RMS of y (default: 0)")
    add(
        "--rows",
        type=_rows,
        default=1000,
        metavar="N",
        help="training rows (default: 1000), or prescribed: the source's",
    )
    add("--dummies", type=integer_from(0), default=0, metavar="N", help="columns without effect to add (default: 0)")
    add("--jobs", type=integer_from(1), default=1, metavar="N", help="runs at a time (default: 1)")
    add("--threads", type=integer_from(1), metavar="N", help="of each run (default: cores / jobs)")
    add("--operators", metavar="a,b", help="for all methods that take a set (default: see kansym methods)")
    add("--memory-limit", type=positive_size, metavar="MIB", help="of each run (default: a fair share)")
    add("--out", type=Path, metavar="DIR", help="folder for records, summary and report (default: write nothing)")
    add("--resume", action="store_true", help="go on with the records in DIR")
    parser.set_defaults(command=_compare)


def add_suites(commands: Any) -> None:
    """Add ``suites`` to the commands of the program."""
    parser = commands.add_parser(
        "suites",
        help="list the suites of problems",
        description=_ABOUT_SUITES,
        allow_abbrev=False,
    )
    parser.set_defaults(command=_suites)


def add_methods(commands: Any) -> None:
    """Add ``methods`` to the commands of the program."""
    parser = commands.add_parser(
        "methods",
        help="list the methods, and how to install them",
        description=_ABOUT_METHODS,
        allow_abbrev=False,
    )
    parser.set_defaults(command=_methods)


def _compare(arguments: argparse.Namespace) -> int:
    from kansym.comparison.compare import compare
    from kansym.comparison.methods.base import DEFAULT_OPERATORS

    with _resumable(arguments.out), _live_bar() as on_record:
        comparison = compare(
            _problems(arguments),
            _split(arguments.methods) or ["kansym"],
            time_limit=arguments.time_limit,
            seeds=arguments.seed or arguments.seeds or 1,
            noise=arguments.noise,
            rows=None if arguments.rows == PRESCRIBED else arguments.rows,
            dummies=arguments.dummies,
            n_jobs=arguments.jobs,
            threads=arguments.threads,
            operators=_split([arguments.operators]) if arguments.operators else DEFAULT_OPERATORS,
            problems=_split(arguments.problems) or None,
            memory_limit=arguments.memory_limit,
            out=arguments.out,
            resume=arguments.resume,
            on_record=on_record,
            command=_command(arguments),
        )
    print("\n".join(_summary_lines(comparison.summary())))
    if arguments.out is not None:
        print(f"\nwritten     {arguments.out / 'records.jsonl'}, summary.csv, report.html")
    return DONE


def _rows(text: str) -> int | str:
    if text == PRESCRIBED:
        return text
    try:
        return integer_from(1)(text)
    except argparse.ArgumentTypeError as error:
        raise argparse.ArgumentTypeError(f"{error}; or write {PRESCRIBED!r} for those of each source") from None


def _seed_list(text: str) -> list[int]:
    return [integer_from(0)(part.strip()) for part in text.split(",")]


@contextlib.contextmanager
def _resumable(folder: Path | None) -> Iterator[None]:
    """Tell who interrupts a comparison how to go on with it."""
    try:
        yield
    except KeyboardInterrupt:
        if folder is not None:
            print(f"kansym: what was done is in {printable(str(folder))}; --resume goes on with it", file=sys.stderr)
        raise


def _command(arguments: argparse.Namespace) -> str:
    """Return the command that would make these records: every option that differs from its default."""
    parser = argparse.ArgumentParser()
    add_compare(parser.add_subparsers())
    usual = vars(parser.parse_args(["compare"]))
    words = ["kansym", "compare"]
    for name, value in vars(arguments).items():
        if name in ("command", "resume") or value == usual.get(name):
            continue
        option, text = f"--{name.replace('_', '-')}", _text(name, value)
        words += [f"{option}={text}"] if text.startswith("-") else [option, text]
    return shlex.join(words)


def _text(name: str, value: Any) -> str:
    if isinstance(value, list):
        return ",".join(map(str, value))
    if isinstance(value, float):
        return plain_number(value)
    return value.absolute().name if name == "out" else str(value)  # where the folder lies is nobody's business


def _problems(arguments: argparse.Namespace) -> list[str | Problem]:
    from kansym.errors import ParameterError

    problems: list[str | Problem] = [*_split(arguments.suite)]
    if arguments.data is not None:
        from kansym.comparison.measured import table_problem

        if arguments.target is None:
            raise ParameterError("--target must name the column of --data to predict, got none")
        features = None if arguments.features is None else _split([arguments.features])
        problems.append(table_problem(arguments.data, arguments.target, features, arguments.law))
    for name in ("target", "features", "law"):
        if arguments.data is None and getattr(arguments, name) is not None:
            raise ParameterError(f"--{name} belongs to --data, got it without a table")
    if not problems:
        raise ParameterError("compare needs --suite or --data; kansym suites lists the suites")
    return problems


def _split(given: list[str] | None) -> list[str]:
    return [part.strip() for text in given or [] for part in text.split(",") if part.strip()]


@contextlib.contextmanager
def _live_bar() -> Iterator[Callable[[Record, int], None] | None]:
    """Show a bar with the tally of each method on standard error, if that is a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
    from rich.table import Column

    console = Console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    recovered: Counter[str] = Counter()
    runs: Counter[str] = Counter()
    text = TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis"))
    columns = (MofNCompleteColumn(), BarColumn(bar_width=20), TimeElapsedColumn(), text)
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("starting", total=None)

        def show(record: Record, total: int) -> None:
            runs[record.method] += 1
            recovered[record.method] += record.status == "ok" and record.recovered
            tally = ", ".join(f"{printable(name)} {recovered[name]}/{count}" for name, count in runs.items())
            bar.update(task, total=total, advance=1, description=tally)

        yield show


def _summary_lines(summary: Any) -> list[str]:
    """Write the rates as an aligned table, one line for each suite and method."""
    cells = [("suite", "method", "runs", "recovered", "rate", "95 % interval", "on front", "median R²", "median s")]
    for row in summary.to_dict("records"):
        rated = row["rated"] > 0
        cells.append(
            (
                printable(str(row["suite"])),
                printable(str(row["method"])),
                str(row["runs"]),
                f"{row['recovered']} of {row['rated']}" if rated else "–",
                f"{100 * row['rate']:.0f} %" if rated else "missing" if row["missing"] == row["runs"] else "–",
                f"{100 * row['rate_low']:.0f} to {100 * row['rate_high']:.0f} %" if rated else "–",
                f"{row['on_front_only']} more" if rated else "–",
                f"{row['r2_median']:.6f}" if row["ok"] else "–",
                f"{row['seconds_median']:.2f}" if row["ok"] else "–",
            )
        )
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]


def _suites(arguments: argparse.Namespace) -> int:
    from kansym.comparison.suites import list_suites

    suites = list_suites()
    width = max(len(suite.name) for suite in suites)
    for suite in suites:
        print(f"{suite.name:<{width}}  {suite.problems:>3}  {suite.what}; {suite.source}")
    return DONE


def _methods(arguments: argparse.Namespace) -> int:
    from kansym.comparison.methods import find_method, method_names
    from kansym.comparison.methods.base import DEFAULT_OPERATORS

    names = method_names()
    width = max(map(len, names))
    for name in names:
        method = find_method(name)
        state = method.missing()
        print(f"{name:<{width}}  {'installed' if state is None else 'missing  '}  {method.about}")
        if state is not None:
            print(f"{'':<{width}}  {'':<9}  {state}")
    print(f"\noperators   {','.join(DEFAULT_OPERATORS)}, unless --operators says otherwise")
    sys.stdout.flush()
    return DONE
