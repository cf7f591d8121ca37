"""``compare``: problems × methods × seeds, with records on the disk as they come."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from joblib import effective_n_jobs

from kansym.comparison.methods import find_method
from kansym.comparison.methods.base import DEFAULT_OPERATORS, OPERATORS
from kansym.comparison.problems import Problem
from kansym.comparison.records import Record, append_record, read_records
from kansym.comparison.runner import Run, Settings, run_all
from kansym.comparison.suites import load_suite
from kansym.errors import FileFormatError, ParameterError
from kansym.hints import name_hint, quote

if TYPE_CHECKING:
    from os import PathLike

    import pandas as pd

__all__ = ["Comparison", "compare"]

RECORDS, SUMMARY, REPORT = "records.jsonl", "summary.csv", "report.html"
_MEMORY_SHARE = 0.8


@dataclass(frozen=True, eq=False, repr=False)
class Comparison:
    """Records of a comparison.

    Attributes
    ----------
    runs : tuple of Record
        One for each problem, method and seed, in the order of these; failures included.
    command : str or None
        What made them, for the report.
    """

    runs: tuple[Record, ...]
    command: str | None = field(default=None)

    def __repr__(self) -> str:
        """Count the runs."""
        methods = list(dict.fromkeys(record.method for record in self.runs))
        return f"Comparison of {', '.join(methods)}: {len(self.runs)} runs"

    @property
    def records(self) -> pd.DataFrame:
        """One row for each run; columns are the fields of :class:`kansym.comparison.records.Record`."""
        import pandas as pd

        return pd.DataFrame([vars(record) for record in self.runs])

    def summary(self) -> pd.DataFrame:
        """Rates, intervals, accuracy and time of each method; see :func:`kansym.comparison.summary.summarise`."""
        from kansym.comparison.summary import summarise

        return summarise(self.runs)

    def report(self, path: str | PathLike[str]) -> None:
        """Write one HTML file that shows everything; see :func:`kansym.report.comparison.comparison_report`."""
        from kansym.comparison.process import grace_of
        from kansym.report.comparison import comparison_report

        graces = {grace_of(record.time_limit) for record in self.runs}
        comparison_report(self.runs, path, command=self.command, grace=graces.pop() if len(graces) == 1 else None)


def compare(
    suites: str | Problem | Sequence[str | Problem],
    methods: str | Sequence[str] = ("kansym",),
    *,
    time_limit: float = 30.0,
    seeds: int = 1,
    noise: float = 0.0,
    rows: int = 1000,
    dummies: int = 0,
    n_jobs: int | None = None,
    threads: int | None = None,
    operators: Sequence[str] = DEFAULT_OPERATORS,
    problems: Sequence[str] | None = None,
    memory_limit: float | None = None,
    out: str | PathLike[str] | None = None,
    resume: bool = False,
    on_record: Callable[[Record, int], None] | None = None,
    command: str | None = None,
) -> Comparison:
    """Give the same problems, operators and time to several methods, and judge what they find by the same rules.

    Every run has a process of its own, which is killed a stated grace after its limit; whatever a method does, crash,
    hang, print or eat memory, is a record and disturbs nothing else.

    Parameters
    ----------
    suites : str, Problem or sequence of these
        Names from :func:`kansym.comparison.suites.suite_names`, or problems of your own, such as
        :func:`kansym.comparison.measured.table_problem` makes of a CSV file.
    methods : str or sequence of str
        Names from :func:`kansym.comparison.methods.method_names`, or ``"package.module:Class"`` for your own.
    time_limit : float
        Seconds for each fit; imports and warm-up do not count.
    seeds : int
        Every problem is drawn and fitted with the seeds 0, 1, …; new rows and new noise each time.
    noise : float
        Standard deviation of normal noise on y, relative to its root mean square.
    rows : int
        Training rows; of measured data at most as many as there are.
    dummies : int
        Columns without effect that are added.
    n_jobs : int or None
        Runs at a time, through joblib: ``joblib.parallel_config("dask")`` around the call spreads them over a cluster.
    threads : int or None
        Threads of each run, alike for all methods; by default the cores divided by the runs at a time.
    operators : sequence of str
        From :data:`kansym.comparison.methods.base.OPERATORS`; for every method that takes a set.
    problems : sequence of str, optional
        Only the problems of these names.
    memory_limit : float or None
        MiB of each run; by default four fifths of the memory that is free, divided by the runs at a time.
    out : path, optional
        Folder for records.jsonl, to which each run is appended when it ends, summary.csv and report.html.
    resume : bool
        Go on with the records of ``out``: what is done is not done again, but for methods that were missing.
    on_record : callable, optional
        Called with each new record and the number of runs of the whole comparison.
    command : str, optional
        What to name in the report as the way to repeat it.

    Returns
    -------
    Comparison

    Raises
    ------
    ParameterError
        If a parameter has a wrong value, or a name is unknown.
    FileFormatError
        If ``out`` holds records already and ``resume`` is not set, or they are of other settings.

    Examples
    --------
    >>> found = compare("nguyen", ["linear"], problems=["Nguyen-1"], rows=50, time_limit=5)
    >>> found.records[["problem", "status", "recovered"]].to_dict("records")
    [{'problem': 'Nguyen-1', 'status': 'ok', 'recovered': False}]
    """
    _check(time_limit=time_limit, seeds=seeds, rows=rows, dummies=dummies, noise=noise, memory_limit=memory_limit)
    _require_extra()
    chosen = _problems(suites, problems)
    names = list(dict.fromkeys([methods] if isinstance(methods, str) else methods))
    if not names:
        raise ParameterError("methods must name at least one method, got none")
    for name in names:
        find_method(name)
    jobs = effective_n_jobs(n_jobs or 1)
    settings = Settings(
        float(time_limit), _threads(threads, jobs), _operators(operators), memory_limit or _memory_share(jobs)
    )
    # Problem by problem, so that an interrupted comparison still compares.
    runs = [
        Run(problem, name, seed, float(noise), rows, dummies)
        for seed in range(seeds)
        for problem in chosen
        for name in names
    ]
    folder = None if out is None else Path(out)
    done = {} if folder is None else _earlier(folder, settings, resume)
    missing = [run for run in runs if run.key not in done or done[run.key].status == "missing"]
    for record in run_all(missing, settings, n_jobs):
        if folder is not None:
            append_record(folder / RECORDS, record)
        done[record.key] = record
        if on_record is not None:
            on_record(record, len(runs))
    order = {run.key: position for position, run in enumerate(runs)}
    records = sorted(done.values(), key=lambda record: (order.get(record.key, len(order)), str(record.key)))
    comparison = Comparison(tuple(records), command)
    if folder is not None and records:
        from kansym.archive import write_atomically

        write_atomically(folder / SUMMARY, comparison.summary().to_csv(index=False).encode())
        comparison.report(folder / REPORT)
    return comparison


def _problems(suites: str | Problem | Sequence[str | Problem], kept: Sequence[str] | None) -> list[Problem]:
    given = [suites] if isinstance(suites, (str, Problem)) else list(suites)
    found: list[Problem] = []
    for entry in given:
        found += [entry] if isinstance(entry, Problem) else load_suite(entry)
    if len({(problem.suite, problem.name) for problem in found}) < len(found):
        raise ParameterError("suites must name each problem once, got one of them twice")
    if kept is not None:
        known = [problem.name for problem in found]
        for name in kept:
            if name not in known:
                raise ParameterError(f"unknown problem {quote(name)}; {name_hint(name, known)}")
        found = [problem for problem in found if problem.name in kept]
    if not found:
        raise ParameterError("suites must name at least one problem, got none")
    return found


def _operators(operators: Sequence[str]) -> tuple[str, ...]:
    for name in operators:
        if name not in OPERATORS:
            raise ParameterError(f"unknown operator {quote(name)}; {name_hint(name, OPERATORS)}")
    if not operators:
        raise ParameterError("operators must name at least one operator, got none")
    return tuple(name for name in OPERATORS if name in operators)


def _earlier(folder: Path, settings: Settings, resume: bool) -> dict[tuple[Any, ...], Record]:
    """Return the records of the folder, which must be of the same settings; make the folder if there is none."""
    if folder.exists() and not folder.is_dir():
        raise FileFormatError(f"{folder}: must be a folder, got a file")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileFormatError(f"{folder}: cannot be made: {error.strerror or error}") from None
    path = folder / RECORDS
    if not path.exists() or path.stat().st_size == 0:
        return {}
    if not resume:
        raise FileFormatError(f"{path}: holds records already; go on with them by resume, or choose another folder")
    done = {record.key: record for record in read_records(path)}
    for record in done.values():
        for name in ("time_limit", "threads", "operators"):
            before, now = getattr(record, name), getattr(settings, name)
            if before != now:
                raise FileFormatError(
                    f"{path}: {name} must be that of the earlier records to go on with them, {before!r}, got {now!r}"
                )
    return done


def _check(
    *, time_limit: float, seeds: int, rows: int, dummies: int, noise: float, memory_limit: float | None
) -> None:
    for name, value, least in (("seeds", seeds, 1), ("rows", rows, 1), ("dummies", dummies, 0)):
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise ParameterError(f"{name} must be an integer >= {least}, got {value!r}")
    if not 0 < time_limit < float("inf"):
        raise ParameterError(f"time_limit must be a number of seconds > 0, got {time_limit!r}")
    if not 0 <= noise < float("inf"):
        raise ParameterError(f"noise must be a number >= 0, relative to the root mean square of y, got {noise!r}")
    if memory_limit is not None and not memory_limit > 0:
        raise ParameterError(f"memory_limit must be a number of MiB > 0, or None, got {memory_limit!r}")


def _threads(threads: int | None, jobs: int) -> int:
    if threads is None:
        return max((os.cpu_count() or 1) // jobs, 1)
    if not isinstance(threads, int) or threads < 1:
        raise ParameterError(f"threads must be an integer >= 1, or None, got {threads!r}")
    return threads


def _memory_share(jobs: int) -> float:
    import psutil

    return _MEMORY_SHARE * psutil.virtual_memory().available / 2**20 / jobs


def _require_extra() -> None:
    import importlib.util

    absent = [name for name in ("psutil", "zss", "jinja2", "matplotlib") if importlib.util.find_spec(name) is None]
    if absent:
        raise ParameterError(f"a comparison needs {', '.join(absent)}; pip install 'kansym[compare]'")
