"""What the command line shows: a front as lines of text, one search in a few lines, a live line while it works.

Lines are never wrapped or cut, so that a formula can be copied; nothing here prints but the live line, which a terminal
alone gets to see.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from kansym.display import explained_text

if TYPE_CHECKING:
    from kansym.discovery import Discovery, Progress
    from kansym.symbolic.front import Formula, ParetoFront

__all__ = ["closing_lines", "data_line", "equation", "front_lines", "live_line", "printable", "r2_text"]

_MARK = "→"
_MAX_NAMES = 12
_BAR_WIDTH = 10


def printable(text: str) -> str:
    r"""Escape what would move the cursor or colour the screen, such as a line break inside a column's name.

    Examples
    --------
    >>> printable("a\n(m) → b")
    'a\\n(m) → b'
    """
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)


def equation(target: str | None, formula: Formula) -> str:
    """Write a formula as an equation for the target, in one line; None leaves the left side away."""
    from kansym.symbolic.printing import to_text

    text = to_text(formula.expression, formula.digits)
    return printable(text if target is None else f"{target} = {text}")


def r2_text(formula: Formula, variance: float) -> str:
    """Write the explained share of the variance so that only a perfect fit reads 1.

    The loss has more digits of what is unexplained than R² has.
    """
    return explained_text(formula.loss / variance if variance > 0 else 1.0 - formula.r2)


def data_line(file: str, n_rows: int, targets: Sequence[str], features: Sequence[str], left_out: Sequence[str]) -> str:
    """Say which data the search is given, in one line."""
    rows = "1 row" if n_rows == 1 else f"{n_rows:,} rows"
    line = f"{printable(file)}: {rows}, {_listed(targets)} from {_listed(features)}"
    return f"{line}; left out, as they hold text: {_listed(left_out)}" if left_out else line


def front_lines(front: ParetoFront, selected: int) -> list[str]:
    """Write a front as an aligned table with a header, the selected formula marked."""
    from kansym.symbolic.printing import to_text

    cells = [("", "complexity", "loss", "R²", "formula")]
    for position, formula in enumerate(front):
        mark = _MARK if position == selected else ""
        r2, text = r2_text(formula, front.variance), printable(to_text(formula.expression, formula.digits))
        cells.append((mark, str(formula.complexity), f"{formula.loss:.4g}", r2, text))
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        f"{mark:>{widths[0]}} {size:>{widths[1]}}  {loss:>{widths[2]}}  {r2:<{widths[3]}}  {text}"
        for mark, size, loss, r2, text in cells
    ]


def closing_lines(formula: Formula, discovery: Discovery, features: Sequence[str]) -> list[str]:
    """Say how sure the search is, what it did not use, why it ended, and how long it took."""
    used = {str(symbol) for symbol in formula.expression.free_symbols}
    unused = [name for name in features if name not in used]
    facts = [("confidence", discovery.confidence.sentence())]
    if unused:
        facts.append(("not used", _listed(unused)))
    facts.append(("ended", f"{discovery.reason}; {discovery.steps:,} steps in {discovery.seconds:.1f} s"))
    return [f"{name:<12}{value}" for name, value in facts]


@contextlib.contextmanager
def live_line(
    target: str | None, time_limit: float | None = None
) -> Iterator[Callable[[Progress], None] | None]:
    """Show a line with the time, the stage and the best formula so far on standard error, if that is a terminal.

    Parameters
    ----------
    target : str or None
        What the formula is for; None if there are several, since the search does not say which it is at.
    time_limit : float, optional
        Seconds that the search may take: a bar shows how much of them is gone. Most searches end before.

    Yields
    ------
    callable or None
        To be called with each :class:`kansym.discovery.Progress`; None if nobody looks.

    Examples
    --------
    In a script of your own, as ``kansym fit`` does it:

    >>> from kansym import KANRegressor
    >>> with live_line("y", time_limit=60) as show:
    ...     model = KANRegressor(random_state=0).fit([[1.0], [2.0], [3.0]], [2.0, 4.0, 6.0], on_progress=show)
    """
    from rich.console import Console
    from rich.progress import Progress as Bar
    from rich.progress import ProgressColumn, SpinnerColumn, Task, TextColumn, TimeElapsedColumn
    from rich.progress_bar import ProgressBar
    from rich.table import Column

    console = Console(stderr=True)
    if not console.is_terminal:
        yield None
        return

    class TimeUsed(ProgressColumn):
        """A bar of the time limit, which moves between the stages as well."""

        def render(self, task: Task) -> ProgressBar:
            return ProgressBar(total=time_limit, completed=task.elapsed or 0.0, width=_BAR_WIDTH)

    limited = [] if time_limit is None else [TimeUsed()]
    column = Column(ratio=1, no_wrap=True, overflow="ellipsis")  # what is left beside the bar
    text = TextColumn("{task.description}", markup=False, table_column=column)
    with Bar(SpinnerColumn(), TimeElapsedColumn(), *limited, text, console=console, transient=True, expand=True) as bar:
        task = bar.add_task("looking at the data")

        def show(progress: Progress) -> None:
            best = "" if progress.best is None else f"best so far: {equation(target, progress.best)}, "
            bar.update(task, description=f"{best}done: {progress.stage}")

        yield show


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(printable(name) for name in names[:_MAX_NAMES])
    more = len(names) - _MAX_NAMES
    return f"{shown} and {more:,} more" if more > 0 else shown
