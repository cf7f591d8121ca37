"""``compare``: problems × methods × seeds, with records on the disk as they come."""

from __future__ import annotations

import contextlib
import importlib.util
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

from joblib import cpu_count, effective_n_jobs

from kansym.comparison.methods.base import DEFAULT_OPERATORS, OPERATORS
from kansym.comparison.problems import Problem
from kansym.comparison.records import Record, append_record, read_records
from kansym.comparison.runner import Run, Settings, fingerprint_text, run_all
from kansym.comparison.suites import load_suite
from kansym.comparison.trial import check_method
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
    seeds: int | Sequence[int] = 1,
    noise: float = 0.0,
    rows: int | None = 1000,
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

    Every run has a process of its own, which is killed when it has exceeded its limit by a tenth and 5 s more
    (:func:`kansym.comparison.process.grace_of`); whatever a method does, crash, hang, print or eat memory, is a record
    and disturbs nothing else. Linux and macOS only.

    Parameters
    ----------
    suites : str, Problem or sequence of these
        Names from :func:`kansym.comparison.suites.suite_names`, or problems of your own, such as
        :func:`kansym.comparison.measured.table_problem` makes of a CSV file.
    methods : str or sequence of str
        Names from :func:`kansym.comparison.methods.method_names`, or ``"package.module:Class"`` for your own.
    time_limit : float
        Seconds for each fit; imports and warm-up do not count.
    seeds : int or sequence of int
        How many, from 0 on, or which: every problem is drawn and fitted with each; new rows and new noise each time.
    noise : float
        Standard deviation of normal noise on y, relative to its root mean square.
    rows : int or None
        Training rows; of measured data at most as many as there are. None for the rows that each problem's source
        prescribes, grids included (1000 where it prescribes none).
    dummies : int
        Columns without effect that are added.
    n_jobs : int or None
        Runs at a time, through joblib: ``joblib.parallel_config("dask")`` around the call spreads them over a cluster.
    threads : int or None
        Threads of each run, alike for all methods; by default the cores divided by the runs at a time. On a cluster,
        say how many: the cores here may not be those there. The same holds for ``memory_limit``.
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
        Called with each new record and the number of runs that this call makes.
    command : str, optional
        What to name in the report as the way to repeat it.

    Returns
    -------
    Comparison

    Raises
    ------
    ParameterError
        If a parameter has a wrong value, a name is unknown, or a package of the extra ``compare`` is not installed.
    FileFormatError
        If ``out`` holds records already and ``resume`` is not set, or they are of other settings; or if it cannot be
        written.

    Examples
    --------
    >>> found = compare("nguyen", ["linear"], problems=["Nguyen-1"], rows=50, time_limit=5)
    >>> found.records[["problem", "status", "recovered"]].to_dict("records")
    [{'problem': 'Nguyen-1', 'status': 'ok', 'recovered': False}]
    """
    _require_system()
    if n_jobs is not None and (not isinstance(n_jobs, Integral) or n_jobs == 0):
        raise ParameterError(f"n_jobs must be an integer other than 0, or None, got {n_jobs!r}")
    if resume and out is None:
        raise ParameterError("resume needs out, the folder to go on with, got none")
    jobs = effective_n_jobs(n_jobs)  # type: ignore[arg-type]
    settings = Settings(
        time_limit=_positive("time_limit", time_limit, "of seconds"),
        threads=max(cpu_count() // jobs, 1) if threads is None else _integer("threads", threads, 1),
        operators=_operators(operators),
        memory_limit=_memory_share(jobs) if memory_limit is None else _positive("memory_limit", memory_limit, "of MiB"),
        jobs=jobs,
    )
    runs = _runs(suites, problems, methods, seeds, noise, rows, dummies)
    folder = None if out is None else Path(out)
    done = {} if folder is None else _earlier(folder, settings, {run.key: run.problem for run in runs}, resume)
    missing = [run for run in runs if run.key not in done or done[run.key].status == "missing"]
    for record in run_all(missing, settings, n_jobs):
        if folder is not None:
            with _writing(folder / RECORDS):
                append_record(folder / RECORDS, record)
        done[record.key] = record
        if on_record is not None:
            on_record(record, len(missing))
    order = {run.key: position for position, run in enumerate(runs)}
    records = sorted(done.values(), key=lambda record: (order.get(record.key, len(order)), str(record.key)))
    # Records of earlier calls were made by other commands.
    comparison = Comparison(tuple(records), command if done.keys() <= order.keys() else None)
    if folder is not None and records:
        from kansym.archive import write_atomically

        table = comparison.summary().to_csv(index=False)
        with _writing(folder):
            write_atomically(folder / SUMMARY, table.encode("utf-8", "surrogatepass"))
            comparison.report(folder / REPORT)
    return comparison


def _runs(suites: Any, problems: Any, methods: Any, seeds: Any, noise: Any, rows: Any, dummies: Any) -> list[Run]:
    """Return the runs problem by problem, so that an interrupted comparison still compares."""
    if not _is_number(noise) or not 0 <= noise < float("inf"):
        raise ParameterError(f"noise must be a number >= 0, relative to the root mean square of y, got {noise!r}")
    sizes = None if rows is None else _integer("rows", rows, 1), _integer("dummies", dummies, 0)
    names = list(dict.fromkeys(_listed("methods", methods)))
    for name in names:
        check_method(name)
    chosen = _problems(suites, problems)
    return [
        Run(problem, name, seed, float(noise), *sizes)
        for seed in _seeds(seeds)
        for problem in chosen
        for name in names
    ]


def _seeds(given: Any) -> list[int]:
    if isinstance(given, str) or not isinstance(given, Iterable):
        return list(range(_integer("seeds", given, 1)))
    seeds = [_integer("each of the seeds", seed, 0) for seed in given]
    if not seeds:
        raise ParameterError("seeds must name at least one of the seeds, got none")
    return list(dict.fromkeys(seeds))


def _problems(suites: Any, kept: Any) -> list[Problem]:
    found: list[Problem] = []
    for entry in _listed("suites", suites, (str, Problem)):
        found += [entry] if isinstance(entry, Problem) else load_suite(entry)
    for problem in found:
        suite, name = getattr(problem, "suite", None), getattr(problem, "name", None)
        if not (isinstance(suite, str) and isinstance(name, str)):
            raise ParameterError(f"suite and name of a problem must be texts, got {suite!r} and {name!r}")
    if len({(problem.suite, problem.name) for problem in found}) < len(found):
        raise ParameterError("suites must name each problem once, got one of them twice")
    if kept is None:
        return found
    known = [problem.name for problem in found]
    names = _listed("problems", kept)
    for name in names:
        if name not in known:
            raise ParameterError(f"unknown problem {quote(name)}; {name_hint(name, known)}")
    return [problem for problem in found if problem.name in names]


def _operators(operators: Any) -> tuple[str, ...]:
    names = _listed("operators", operators)
    for name in names:
        if name not in OPERATORS:
            raise ParameterError(f"unknown operator {quote(name)}; {name_hint(name, OPERATORS)}")
    return tuple(name for name in OPERATORS if name in names)


def _earlier(
    folder: Path, settings: Settings, problems: Mapping[tuple[Any, ...], Problem], resume: bool
) -> dict[tuple[Any, ...], Record]:
    """Return the records of the folder, of the same settings and problems; make the folder if there is none."""
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
        problem = problems.get(record.key)
        if problem is not None and record.fingerprint is not None and record.fingerprint != fingerprint_text(problem):
            raise FileFormatError(
                f"{path}: problem {quote(problem.name)} must have the rows, columns and law of the earlier records to"
                " go on with them, got others; choose another folder"
            )
    return done


def _listed(parameter: str, given: Any, kinds: tuple[type, ...] = (str,)) -> list[Any]:
    """Return one value, or those of a sequence, as a list that is not empty."""
    values = [given] if isinstance(given, kinds) or not isinstance(given, Iterable) else list(given)
    for value in values:
        if not isinstance(value, kinds):
            wanted = "names or problems" if Problem in kinds else "names"
            raise ParameterError(f"{parameter} must be {wanted}, got {type(value).__name__}")
    if not values:
        raise ParameterError(f"{parameter} must name at least one of the {parameter}, got none")
    return values


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _integer(name: str, value: Any, least: int) -> int:
    if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
        raise ParameterError(f"{name} must be an integer >= {least}, got {value!r}")
    return int(value)


def _positive(name: str, value: Any, unit: str) -> float:
    if not _is_number(value) or not 0 < value < float("inf"):
        raise ParameterError(f"{name} must be a number {unit} > 0, got {value!r}")
    return float(value)


def _memory_share(jobs: int) -> float:
    import psutil

    return _MEMORY_SHARE * psutil.virtual_memory().available / 2**20 / jobs


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Turn an error of the system into one clear line that names the file."""
    try:
        yield
    except OSError as error:
        raise FileFormatError(f"{error.filename or path}: cannot be written: {error.strerror or error}") from None


def _require_system() -> None:
    """Say now what else would be an error after an hour."""
    if sys.platform == "win32":
        raise ParameterError("a comparison needs Linux or macOS to end the processes of its runs, got Windows")
    absent = [name for name in ("psutil", "zss", "jinja2", "matplotlib") if importlib.util.find_spec(name) is None]
    if absent:
        raise ParameterError(f"a comparison needs {', '.join(absent)}, not installed; pip install 'kansym[compare]'")
