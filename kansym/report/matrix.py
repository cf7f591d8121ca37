"""What became of each run, in one word and sign, and the table of problems by methods that shows it."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kansym.comparison.records import Record
from kansym.comparison.summary import ACCURATE_R2, is_recovered

__all__ = ["OUTCOMES", "Cell", "MatrixRow", "Outcome", "embedded", "matrix", "outcome"]

_DIGITS = 6
_EMBEDDED = (
    *("problem", "method", "seed", "status", "seconds", "time_limit", "peak_memory", "expression", "complexity"),
    *("front_size", "truth", "truth_complexity", "r2_test", "error_test", "error_wide", "recovered_by"),
    *("symbolic", "edit_distance", "error"),
)


@dataclass(frozen=True)
class Outcome:
    """One of the kinds of ends that a run can come to, from best to worst."""

    name: str
    sign: str
    word: str
    meaning: str


OUTCOMES = (
    Outcome("recovered", "✓", "law", "the selected formula is the law"),
    Outcome("front", "◐", "front", "the law was on the front, but another formula was selected"),
    Outcome("accurate", "≈", "fit", f"R² above {ACCURATE_R2} on test rows, but not the law, or no law is known"),
    Outcome("inaccurate", "○", "off", f"ended in time with R² of {ACCURATE_R2} or less"),
    Outcome("timeout", "◷", "late", "did not end in time"),
    Outcome("error", "✕", "error", "crashed, or gave something that is no formula"),
    Outcome("missing", "–", "none", "the method is not installed"),
)
_BY_NAME = {entry.name: entry for entry in OUTCOMES}


@dataclass(frozen=True)
class Cell:
    """The runs of one method on one problem.

    Attributes
    ----------
    method : str
    name : str
        The outcome of most runs; of equally many the worse one.
    text, label : str
        Signs for the eye, and words for the ear.
    runs : tuple of int
        Where the runs stand among the records.
    """

    method: str
    name: str
    text: str
    label: str
    runs: tuple[int, ...]


@dataclass(frozen=True)
class MatrixRow:
    """One problem, with a cell for each method or None where there was no run."""

    problem: str
    cells: tuple[Cell | None, ...]

    @property
    def differs(self) -> bool:
        """Whether the methods that were there came to different ends."""
        return len({cell.text for cell in self.cells if cell and cell.name != "missing"}) > 1


def outcome(record: Record) -> Outcome:
    """Say what became of a run.

    Examples
    --------
    >>> run = Record("nguyen", "nguyen-1", "operon", 0, 0.0, 300, 0, 1, 4.0, 1, ("add",), "timeout")
    >>> outcome(run).word
    'late'
    """
    if record.status != "ok":
        name = record.status
    elif is_recovered(record):
        name = "recovered"
    elif record.on_front:
        name = "front"
    else:
        accurate = record.r2_test is not None and record.r2_test > ACCURATE_R2
        name = "accurate" if accurate else "inaccurate"
    return _BY_NAME[name]


def matrix(numbered: Iterable[tuple[int, Record]], methods: Sequence[str]) -> list[MatrixRow]:
    """Arrange runs by problem and method.

    Parameters
    ----------
    numbered : iterable of (int, Record)
        The runs of one setting, each with its place among all records.
    methods : sequence of str
        The order of the columns.

    Returns
    -------
    list of MatrixRow
        In the natural order of the problems' names: nguyen-2 stands before nguyen-10.
    """
    runs: dict[str, dict[str, list[tuple[int, Record]]]] = {}
    for number, record in numbered:
        runs.setdefault(record.problem, {}).setdefault(record.method, []).append((number, record))
    return [
        MatrixRow(problem, tuple(_cell(method, runs[problem].get(method)) for method in methods))
        for problem in sorted(runs, key=_natural)
    ]


def embedded(records: Iterable[Record]) -> dict[str, Any]:
    """What the page's script shows of each run: names of fields, one list of values for each run, words for outcomes.

    Numbers are rounded to six digits, but an R² of nearly 1 keeps all of its own. Those that are not finite become
    null: JSON has no word for them.
    """
    rows = [
        [*(_plain(getattr(record, name)) for name in _EMBEDDED), outcome(record).name, _versions(record.versions)]
        for record in records
    ]
    outcomes = {entry.name: [f"{entry.sign} {entry.word}", entry.meaning] for entry in OUTCOMES}
    return {"fields": [*_EMBEDDED, "outcome", "versions"], "runs": rows, "outcomes": outcomes}


def _cell(method: str, numbered: list[tuple[int, Record]] | None) -> Cell | None:
    if not numbered:
        return None
    numbered = sorted(numbered, key=lambda pair: pair[1].seed)
    counts = Counter(outcome(record) for _, record in numbered)
    ends = sorted(counts, key=OUTCOMES.index)
    most = max(ends, key=lambda end: (counts[end], OUTCOMES.index(end)))
    if len(numbered) == 1:
        text, label = f"{most.sign} {most.word}", most.name
    else:
        text = " ".join(f"{end.sign}{counts[end]}" for end in ends)
        label = ", ".join(f"{counts[end]} {end.name}" for end in ends)
    return Cell(method, most.name, text, label, tuple(number for number, _ in numbered))


def _natural(name: str) -> tuple[list[int | str], str]:
    """Sort digits as numbers: a split text is letters, digits, letters, …, so that like meets like."""
    parts = re.split("([0-9]{1,18})", name)
    return [int(part) if place % 2 else part for place, part in enumerate(parts)], name


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        rounded = value if 0.999 < value < 1 else float(f"{value:.{_DIGITS}g}")
        return rounded if math.isfinite(value) else None
    return value


def _versions(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{package} {version}" for package, version in versions.items())
