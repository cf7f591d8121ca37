"""The runs of a comparison: each in a process of its own, each a record, whatever a method does."""

from __future__ import annotations

import json
import shutil
import signal
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import sympy
from joblib import Parallel, delayed
from joblib.parallel import get_active_backend

from kansym.comparison import child
from kansym.comparison.judge import Judgement, judge, judge_predictions
from kansym.comparison.problems import Problem, Sample
from kansym.comparison.process import Limits, Outcome, grace_of, run_process
from kansym.comparison.records import Record
from kansym.symbolic.parsing import expression_text, parse_expression

__all__ = ["LOADING_LIMIT", "Run", "Settings", "execute", "run_all"]

LOADING_LIMIT = 300.0
"""Seconds for importing and warming up a method: Julia compiles."""

_SYMBOLIC_SECONDS = 10.0
_BATCHES = 4


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
    """

    time_limit: float
    threads: int
    operators: tuple[str, ...]
    memory_limit: float


@dataclass(frozen=True)
class Run:
    """One method on one sample of one problem."""

    problem: Problem
    method: str
    seed: int
    noise: float
    rows: int
    dummies: int

    @property
    def key(self) -> tuple[Any, ...]:
        """The key of its record."""
        problem = self.problem
        return (problem.suite, problem.name, self.method, self.seed, self.noise, self.rows, self.dummies)


def run_all(runs: Sequence[Run], settings: Settings, n_jobs: int | None = None) -> Iterator[Record]:
    """Execute runs through joblib, each record as soon as it is there.

    ``joblib.parallel_config("dask")`` or ``"ray"`` around it spreads them over a cluster.

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
    size = _BATCHES * max(backend.effective_n_jobs(n_jobs or 1), 1)
    for start in range(0, len(calls), size):
        yield from Parallel(n_jobs=n_jobs)(calls[start : start + size])  # type: ignore[misc]


def execute(run: Run, settings: Settings) -> Record:
    """Draw the sample, let the method fit in a child process, and judge what it answers; never raises for a method.

    Parameters
    ----------
    run : Run
    settings : Settings
    """
    sample = run.problem.draw(rows=run.rows, noise=run.noise, dummies=run.dummies, seed=run.seed)
    folder = Path(tempfile.mkdtemp(prefix="kansym-"))
    try:
        facts = _attempted(run, settings, sample, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    suite, problem, *rest = run.key
    method, seed, noise, rows, dummies = rest
    return Record(
        suite=suite,
        problem=problem,
        method=method,
        seed=seed,
        noise=noise,
        rows=rows,
        dummies=dummies,
        n_variables=sample.X.shape[1],
        n_rows=len(sample.X),
        time_limit=settings.time_limit,
        threads=settings.threads,
        operators=settings.operators,
        truth=None if sample.truth is None else expression_text(sample.truth),
        **facts,
    )


def _attempted(run: Run, settings: Settings, sample: Sample, folder: Path) -> dict[str, Any]:
    """Facts for the record: how the child ended, and the judgement of its answer."""
    exchange, working = folder / "exchange", folder / "work"
    exchange.mkdir()
    working.mkdir()
    _write_task(run, settings, sample, exchange)
    grace = grace_of(settings.time_limit)
    outcome = run_process(
        ["-m", "kansym.comparison.child", str(exchange)],
        working,
        folder / "output",
        Limits(settings.time_limit + grace, LOADING_LIMIT, settings.memory_limit, settings.threads),
        (exchange / child.LOADED).exists,
    )
    facts: dict[str, Any] = {"peak_memory": round(outcome.peak_memory, 1)}
    answer = _read_answer(exchange)
    if outcome.ended != "itself" or answer is None:
        seconds = round(outcome.seconds, 3) if (exchange / child.LOADED).exists() else None
        return facts | {"seconds": seconds, **_failure(outcome, settings, grace)}
    facts |= {name: answer.get(name) for name in ("seconds", "error", "versions", "machine")}
    if answer["status"] != "ok":
        return facts | {"status": answer["status"]}
    if answer["seconds"] > settings.time_limit + grace:
        message = f"took {answer['seconds']:.1f} s, more than its limit of {settings.time_limit:g} s and {grace:g} s"
        return facts | {"status": "timeout", "error": message}
    try:
        return facts | {"status": "ok", **_judged(answer, sample, exchange)}
    except Exception as error:  # whatever a formula of a rival does to the judge is a record, too
        return facts | {"status": "error", "error": f"cannot be judged: {type(error).__name__}: {error}"[:300]}


def _write_task(run: Run, settings: Settings, sample: Sample, exchange: Path) -> None:
    task = {
        "method": run.method,
        "seed": run.seed,
        "time_limit": settings.time_limit,
        "threads": settings.threads,
        "operators": list(settings.operators),
    }
    (exchange / child.TASK).write_text(json.dumps(task), encoding="utf-8")
    # The rows of the judge go along for methods that can only predict; their values of y do not.
    arrays = {"X": sample.X, "y": sample.y, "X_test": sample.X_test}
    if sample.X_wide is not None:
        arrays["X_wide"] = sample.X_wide
    np.savez(exchange / child.ROWS, **arrays)  # type: ignore[arg-type]


def _read_answer(exchange: Path) -> dict[str, Any] | None:
    try:
        answer = json.loads((exchange / child.ANSWER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return answer if isinstance(answer, dict) else None


def _failure(outcome: Outcome, settings: Settings, grace: float) -> dict[str, Any]:
    match outcome.ended:
        case "time":
            message = f"killed {grace:g} s after its limit of {settings.time_limit:g} s"
            return {"status": "timeout", "error": message}
        case "loading":
            return {"status": "error", "error": f"loading took more than {LOADING_LIMIT:g} s"}
        case "memory":
            return {"status": "error", "error": f"used more than its {settings.memory_limit:,.0f} MiB of memory"}
        case "output":
            return {"status": "error", "error": "printed more than 20 MB"}
    words = [line.strip() for line in outcome.tail.splitlines() if line.strip()]
    said = f": {words[-1][:200]}" if words else ""
    return {"status": "error", "error": f"{_exit(outcome.code)}{said}"}


def _exit(code: int) -> str:
    if code >= 0:
        return f"ended without an answer, exit code {code}"
    try:
        return f"ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"ended by signal {-code}"


def _judged(answer: dict[str, Any], sample: Sample, exchange: Path) -> dict[str, Any]:
    if answer["expression"] is None:
        with np.load(exchange / child.PREDICTIONS, allow_pickle=False) as predictions:
            wide = predictions["X_wide"] if "X_wide" in predictions else None
            return asdict(judge_predictions(predictions["X_test"], wide, sample))
    plain: list[Any] = [sympy.Symbol(f"x{i}", real=True) for i in range(len(sample.variables))]
    named = dict(zip(plain, sample.variables, strict=True))
    expression: Any = parse_expression(answer["expression"], plain).xreplace(named)
    front: list[Any] = [parse_expression(text, plain).xreplace(named) for text in answer["front"]]
    judgement: Judgement = judge(expression, front, sample, symbolic_seconds=_SYMBOLIC_SECONDS)
    return {**asdict(judgement), "expression": expression_text(expression), "front_size": max(len(front), 1)}
