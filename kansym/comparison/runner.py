"""The runs of a comparison: each in a process of its own, each a record, whatever a method does."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from joblib import Parallel, delayed, effective_n_jobs
from joblib.parallel import get_active_backend

from kansym.comparison import exchange
from kansym.comparison.judge import FRONT_SECONDS
from kansym.comparison.judging import write_case
from kansym.comparison.machine import describe_machine
from kansym.comparison.problems import Problem, Sample
from kansym.comparison.process import Limits, Outcome, grace_of, run_process
from kansym.comparison.records import Record
from kansym.errors import KansymError
from kansym.symbolic.parsing import expression_text

__all__ = ["JUDGE_LIMIT", "LOADING_LIMIT", "Run", "Settings", "execute", "fingerprint_text", "run_all"]

LOADING_LIMIT = 300.0
"""Seconds for importing and warming up a method: Julia compiles."""

JUDGE_LIMIT = 120.0
"""Seconds for what the numbers say about a formula; a few are plenty for any that a person would read."""

_SYMBOLIC_SECONDS = 10.0
_BATCHES = 4
_MAX_MESSAGE = 200


@dataclass(frozen=True)
class Settings:
    """What all runs of a comparison have in common.

    Attributes
    ----------
    time_limit : float
        Seconds for each fit.
    threads : int
    operators : tuple of str
    memory_limit : float
        MiB for each run.
    jobs : int
        How many runs share the machine at a time.
    """

    time_limit: float
    threads: int
    operators: tuple[str, ...]
    memory_limit: float
    jobs: int = 1


@dataclass(frozen=True)
class Run:
    """One method on one sample of one problem; no rows stands for those that the problem's source prescribes."""

    problem: Problem
    method: str
    seed: int
    noise: float
    rows: int | None
    dummies: int

    @property
    def key(self) -> tuple[Any, ...]:
        """The key of its record."""
        problem = self.problem
        return (problem.suite, problem.name, self.method, self.seed, self.noise, self.rows or 0, self.dummies)


def run_all(runs: Sequence[Run], settings: Settings, n_jobs: int | None = None) -> Iterator[Record]:
    """Execute runs through joblib, each record as soon as it is there.

    ``joblib.parallel_config("dask")`` or ``"ray"`` around it spreads them over a cluster. A backend of joblib that
    gives its results all at once gets a few runs for each of its workers at a time, and the next when these have ended.

    Parameters
    ----------
    runs : sequence of Run
    settings : Settings
    n_jobs : int or None
        How many at a time.
    """
    calls = [delayed(execute)(run, settings) for run in runs]
    backend: Any = get_active_backend()[0]
    if backend.supports_return_generator:
        yield from Parallel(n_jobs=n_jobs, return_as="generator_unordered", batch_size=1)(calls)  # type: ignore[misc]
        return
    # A backend that gives results back all at once is asked for a few at a time.
    size = _BATCHES * max(effective_n_jobs(n_jobs), 1)  # type: ignore[arg-type]
    for start in range(0, len(calls), size):
        yield from Parallel(n_jobs=n_jobs)(calls[start : start + size])  # type: ignore[misc]


def execute(run: Run, settings: Settings) -> Record:
    """Draw the sample, let the method fit in a child process, and have its answer judged in another.

    Whatever goes wrong with the problem, the method or its formula is a record.

    Parameters
    ----------
    run : Run
    settings : Settings
    """
    about: dict[str, Any] = {"n_variables": 0}
    try:
        about["fingerprint"] = fingerprint_text(run.problem)
        sample = _drawn(run)
        about |= {"n_variables": sample.X.shape[1], "n_rows": len(sample.X)}
        about["truth"] = None if sample.truth is None else expression_text(sample.truth)
    except (Exception, SystemExit) as error:  # a problem of the user's own may raise anything
        return _record(run, settings, about | {"status": "error", "error": f"no sample: {_described(error)}"})
    try:
        with tempfile.TemporaryDirectory(prefix="kansym-", ignore_cleanup_errors=True) as folder:
            return _record(run, settings, about | _attempted(run, settings, sample, Path(folder)))
    except Exception as error:  # a run that fills the disk leaves no room for its own answer
        return _record(run, settings, about | {"status": "error", "error": f"could not be run: {_described(error)}"})


def _drawn(run: Run) -> Sample:
    """Draw the sample, and see that it is one."""
    sample = run.problem.draw(rows=run.rows, noise=run.noise, dummies=run.dummies, seed=run.seed)
    if not isinstance(sample, Sample):
        raise TypeError(f"draw must return a Sample, got {type(sample).__name__}")
    if not (isinstance(sample.names, tuple) and all(isinstance(name, str) for name in sample.names)):
        raise TypeError(f"names of a Sample must be a tuple of texts, got {sample.names!r:.60}")
    return replace(sample, sigma=float(sample.sigma))


def fingerprint_text(problem: Problem) -> str | None:
    """The fingerprint of a problem as records have it, whatever a problem of the user's own gives."""
    fingerprint: Any = problem.fingerprint
    return None if fingerprint is None else str(fingerprint)


def _described(error: BaseException) -> str:
    text = str(error) if isinstance(error, KansymError) else f"{type(error).__name__}: {error}"
    return " ".join(text.split())[:_MAX_MESSAGE]


def _record(run: Run, settings: Settings, facts: dict[str, Any]) -> Record:
    return Record(
        suite=run.problem.suite,
        problem=run.problem.name,
        method=run.method,
        seed=run.seed,
        noise=run.noise,
        rows=run.rows or 0,
        dummies=run.dummies,
        time_limit=settings.time_limit,
        threads=settings.threads,
        operators=settings.operators,
        machine=describe_machine(),
        jobs=settings.jobs,
        memory_limit=round(settings.memory_limit, 1),
        **facts,
    )


def _attempted(run: Run, settings: Settings, sample: Sample, folder: Path) -> dict[str, Any]:
    """Facts for the record: how the child ended, and the judgement of its answer."""
    working = folder / "work"
    working.mkdir()
    _write_task(run, settings, sample, folder)
    grace = grace_of(settings.time_limit)
    limits = Limits(settings.time_limit + grace, LOADING_LIMIT, settings.memory_limit, settings.threads)
    loaded = folder / exchange.LOADED
    outcome = run_process("kansym.comparison.child", folder, working, limits, loaded.exists)
    facts: dict[str, Any] = {"peak_memory": round(outcome.peak_memory, 1), **(exchange.read_json(loaded) or {})}
    answer = exchange.read_json(folder / exchange.ANSWER)
    shutil.rmtree(working, ignore_errors=True)  # the judge may need the room that the method has filled
    in_time = answer is not None and answer.get("seconds", 0.0) <= settings.time_limit + grace
    # What is left to be ended after an answer takes its own time.
    if answer is None or (outcome.ended != "itself" and not (outcome.ended == "time" and in_time)):
        seconds = round(outcome.seconds, 3) if loaded.exists() else None
        return facts | {"seconds": seconds, **_failure(outcome, settings, grace)}
    facts |= {name: answer[name] for name in ("seconds", "error", "versions") if name in answer}
    if answer["status"] != "ok":
        return facts | {"status": answer["status"]}
    if answer["seconds"] > settings.time_limit + grace:
        message = f"took {answer['seconds']:.1f} s, more than its limit of {settings.time_limit:g} s and {grace:g} s"
        return facts | {"status": "timeout", "error": message}
    return facts | _judged(answer, settings, sample, folder)


def _write_task(run: Run, settings: Settings, sample: Sample, folder: Path) -> None:
    task = {
        "method": run.method,
        "seed": run.seed,
        "time_limit": settings.time_limit,
        "threads": settings.threads,
        "operators": settings.operators,
    }
    exchange.write_json(folder / exchange.TASK, task)
    # The rows of the judge go along for methods that can only predict; their values of y do not.
    arrays = {"X": sample.X, "y": sample.y, "X_test": sample.X_test}
    if sample.X_wide is not None:
        arrays["X_wide"] = sample.X_wide
    np.savez(folder / exchange.ROWS, **arrays)  # type: ignore[arg-type]


def _failure(outcome: Outcome, settings: Settings, grace: float) -> dict[str, Any]:
    match outcome.ended:
        case "time":
            message = f"killed {grace:g} s after its limit of {settings.time_limit:g} s"
            return {"status": "timeout", "error": message}
        case "loading":
            return {"status": "error", "error": f"loading took more than {LOADING_LIMIT:g} s"}
        case "memory":
            return {"status": "error", "error": f"used more than its {settings.memory_limit:,.0f} MiB of memory"}
    return {"status": "error", "error": f"{outcome.exit}{outcome.last_words}"}


def _judged(answer: dict[str, Any], settings: Settings, sample: Sample, folder: Path) -> dict[str, Any]:
    """Have the answer judged; without a judgement by numbers the run is an error, without one by sympy it is not."""
    write_case(folder, answer, sample)
    numeric = folder / exchange.NUMERIC
    limits = Limits(_SYMBOLIC_SECONDS + FRONT_SECONDS, JUDGE_LIMIT, settings.memory_limit, settings.threads)
    outcome = run_process("kansym.comparison.judging", folder, folder, limits, numeric.exists)
    found = exchange.read_json(numeric)
    if found is None:
        reasons = {"loading": f" within {JUDGE_LIMIT:g} s", "memory": f" within {settings.memory_limit:,.0f} MiB"}
        reason = reasons.get(outcome.ended) or outcome.last_words
        return {"status": "error", "error": f"the formula could not be judged{reason}"}
    return {"status": "ok", **found, "symbolic": exchange.read_json(folder / exchange.SYMBOLIC)}
