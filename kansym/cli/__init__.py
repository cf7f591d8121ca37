"""The command line: one file for each group of commands; the only place that prints.

Everything heavy is imported inside the commands, so that ``kansym --help`` answers at once.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

from kansym import __version__
from kansym.cli.common import DONE, INTERRUPTED, WRONG_USE
from kansym.cli.compare import add_compare, add_methods, add_suites
from kansym.cli.fit import add_fit
from kansym.cli.predict import add_predict
from kansym.cli.report import add_report
from kansym.errors import ExtrapolationWarning, FitWarning, KansymError
from kansym.terminal import printable

__all__ = ["main"]

_EXAMPLE = """\
example:
  kansym fit planets.csv --target T_days --features a_AU --out found
  kansym predict found/model.kansym asteroids.csv --out periods.csv
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
        return DONE
    except KansymError as error:
        print(f"kansym: {printable(str(error))}", file=sys.stderr)
        return WRONG_USE
    except KeyboardInterrupt:
        print("kansym: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output, such as head, has seen enough
        _give_up_output()
        return DONE
    except OSError as error:  # such as standard output on a full disk
        _give_up_output()
        where = "standard output" if error.filename is None else str(error.filename)
        print(f"kansym: {printable(where)}: {error.strerror or error}", file=sys.stderr)
        return WRONG_USE


def _give_up_output() -> None:
    """Send what is still to be written to nowhere, or the interpreter would fail once more at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


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
    add_fit(commands)
    add_predict(commands)
    add_report(commands)
    add_compare(commands)
    add_suites(commands)
    add_methods(commands)
    return parser


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
