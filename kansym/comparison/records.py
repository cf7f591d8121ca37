"""The record of a run, and the file of records: JSON lines, appended and flushed one by one."""

from __future__ import annotations

import json
import os
from dataclasses import MISSING, asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, BinaryIO

from kansym.errors import FileFormatError

__all__ = ["STATUSES", "Record", "append_record", "read_records"]

STATUSES = ("ok", "timeout", "error", "missing")
_BLOCK = 65_536
_KIND_NAMES: dict[Any, str] = {str: "a text", int: "an integer", (int, float): "a number", list: "a list"}
_KINDS: dict[str, Any] = {
    **dict.fromkeys(("suite", "problem", "method", "status"), str),
    **dict.fromkeys(("seed", "rows", "dummies"), int),
    **dict.fromkeys(("noise", "time_limit"), (int, float)),
    "operators": list,
}


@dataclass(frozen=True)
class Record:
    """One run and its judgement: method × problem × seed.

    Attributes
    ----------
    suite, problem, method : str
    seed : int
    noise : float
        Standard deviation of the added noise, relative to the root mean square of y.
    rows, dummies, n_variables : int
        Training rows that were asked for, 0 for what the problem's source prescribes; added columns without effect;
        columns in all.
    time_limit : float
        Seconds that the fit was given.
    threads : int
    operators : tuple of str
        What the method was allowed to use.
    status : str
        One of :data:`STATUSES`. A run that did not end in time is a "timeout" even if it left a formula.
    seconds : float or None
        Wall clock of the fit, without imports and warm-up.
    peak_memory : float or None
        Largest resident memory of the run's processes, in MiB.
    expression : str or None
        The selected formula in the problem's variable names, as sympy text.
    complexity : int or None
    front_size : int
    truth : str or None
        The law, if it is known.
    truth_complexity : int or None
    r2_test, error_test, error_wide : float or None
        R² on fresh rows; relative errors there and on the widened ranges.
    recovered : bool
        Whether the judge calls the selected formula the law; False where no law is known.
    recovered_by : str or None
        "exact", "constants" or "error": the rule that was met.
    symbolic : bool or None
        Whether sympy showed difference or ratio to be constant; False without asking it where the values differ by more
        than such a constant; None if it could not tell in time, or no law is known.
    on_front : bool
        Whether some formula that the method offers, selected or not, is the law.
    edit_distance : float or None
        Tree edit distance to the law, over the law's nodes, at most 1.
    error : str or None
        What went wrong, in one line.
    versions : dict of str
        Of Python, kansym and the method's packages; "kansym source" is a fingerprint of kansym's own files, which tell
        apart what was run between two releases.
    n_rows : int or None
        Training rows that there were: measured data have no more than they have.
    fingerprint : str or None
        Of the problem: another problem of the same name has another.
    machine : str or None
        What the run ran on, in one line; see :func:`kansym.comparison.machine.describe_machine`.
    jobs : int or None
        How many runs shared the machine at a time.
    memory_limit : float or None
        MiB that the run was given.
    """

    suite: str
    problem: str
    method: str
    seed: int
    noise: float
    rows: int
    dummies: int
    n_variables: int
    time_limit: float
    threads: int
    operators: tuple[str, ...]
    status: str
    seconds: float | None = None
    peak_memory: float | None = None
    expression: str | None = None
    complexity: int | None = None
    front_size: int = 0
    truth: str | None = None
    truth_complexity: int | None = None
    r2_test: float | None = None
    error_test: float | None = None
    error_wide: float | None = None
    recovered: bool = False
    recovered_by: str | None = None
    symbolic: bool | None = None
    on_front: bool = False
    edit_distance: float | None = None
    error: str | None = None
    versions: dict[str, str] = field(default_factory=dict)
    n_rows: int | None = None
    fingerprint: str | None = None
    machine: str | None = None
    jobs: int | None = None
    memory_limit: float | None = None

    @property
    def key(self) -> tuple[Any, ...]:
        """What makes two records those of the same run."""
        return (self.suite, self.problem, self.method, self.seed, self.noise, self.rows, self.dummies)


def append_record(path: Path, record: Record) -> None:
    """Write one line, whole and on the disk before returning; a line that an earlier crash cut off is removed first."""
    line = json.dumps(asdict(record), ensure_ascii=False, allow_nan=False) + "\n"
    with path.open("a+b") as file:
        _remove_torn_line(file)
        file.write(line.encode("utf-8", "surrogatepass"))
        file.flush()
        os.fsync(file.fileno())


def read_records(path: Path) -> list[Record]:
    """Read the records of a file, the last one of each run; a last line that was cut off is left out.

    Parameters
    ----------
    path : Path
        Lines as :func:`append_record` writes them.

    Raises
    ------
    FileFormatError
        If the file cannot be read, or a line is not a record; the message names the line.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "records.jsonl"
    >>> append_record(path, Record("s", "p", "m", 0, 0.0, 10, 0, 1, 1.0, 1, ("add",), "ok", 0.5))
    >>> [record.seconds for record in read_records(path)]
    [0.5]
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise FileFormatError(f"{path}: cannot be read: {error.strerror or error}") from None
    found: dict[tuple[Any, ...], Record] = {}
    *whole, _torn = content.split(b"\n")
    for number, line in enumerate(whole, start=1):
        record = _record_of(line, f"{path}, line {number}")
        found[record.key] = record
    return list(found.values())


def _remove_torn_line(file: BinaryIO) -> None:
    end = file.seek(0, os.SEEK_END)
    start = end
    while start > 0:
        size = min(_BLOCK, start)
        file.seek(start - size)
        place = file.read(size).rfind(b"\n")
        if place >= 0:
            start = start - size + place + 1
            break
        start -= size
    if start < end:
        file.truncate(start)


def _record_of(line: bytes, where: str) -> Record:
    try:
        values = json.loads(line)
    except (ValueError, RecursionError):  # of JSON or of the encoding
        raise FileFormatError(f"{where}: must be a record in JSON, got {line[:40]!r}") from None
    names = {entry.name for entry in fields(Record)}
    needed = {entry.name for entry in fields(Record) if entry.default is MISSING and entry.default_factory is MISSING}
    if not isinstance(values, dict) or not needed <= values.keys():
        absent = sorted(needed - values.keys()) if isinstance(values, dict) else ["suite"]
        raise FileFormatError(f"{where}: must be a record, got one without {absent[0]!r}")
    for name, kinds in _KINDS.items():
        if not isinstance(values[name], kinds) or isinstance(values[name], bool):
            raise FileFormatError(f"{where}: {name} must be {_KIND_NAMES[kinds]}, got {values[name]!r:.40}")
    if values["status"] not in STATUSES:
        raise FileFormatError(f"{where}: status must be one of {', '.join(STATUSES)}, got {values['status']!r:.40}")
    # Fields of a newer version are left out rather than refused.
    record = Record(**{name: value for name, value in values.items() if name in names})
    return replace(record, operators=tuple(record.operators))
