"""One search for each output of a table, one after another or side by side."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from concurrent.futures import BrokenExecutor
from dataclasses import replace

from joblib import effective_n_jobs

from kansym.discovery.budget import Budget
from kansym.discovery.interrupts import interrupt_as_file
from kansym.discovery.outcome import Discovery, Progress, SearchSettings
from kansym.discovery.side_by_side import Task, discover_side_by_side
from kansym.discovery.single import INTERRUPTED, discover, untried
from kansym.symbolic.front import Formula
from kansym.symbolic.rows import Rows

__all__ = ["discover_each"]


def discover_each(
    tables: Sequence[Rows],
    settings: SearchSettings,
    seeds: Sequence[int],
    *,
    time_limit: float | None = None,
    max_steps: int | None = None,
    begun: float | None = None,
    n_jobs: int | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    known: Sequence[Sequence[Formula]] | None = None,
    on_improvement: Callable[[tuple[Discovery, ...]], None] | None = None,
    is_interrupted: bool = False,
) -> tuple[Discovery, ...]:
    """Search every table with its own seed; the results do not depend on the number of jobs.

    Parameters
    ----------
    tables : sequence of Rows
    settings : SearchSettings
    seeds : sequence of int
        One for each table.
    time_limit : float or None
        Seconds for all: searches that wait for others get their share.
    max_steps : int or None
        For each search.
    begun : float or None
        When the seconds began to count, on the clock of ``time.monotonic``; by default now.
    n_jobs : int or None
        Processes of joblib's backend.
    on_progress : callable, optional
        Called after each stage, only where the searches run in this process.
    known : sequence of sequence of Formula, optional
        For each table, formulas that compete from the start.
    on_improvement : callable, optional
        Called with what would be the outcomes now, see :func:`discover`; while searches run in other processes, in a
        thread of its own.
    is_interrupted : bool
        Whether there was a Ctrl-C before: the searches end at once, with the best constants, and so they do at another.
    """
    old = [()] * len(tables) if known is None else known
    found = [untried(rows, settings, one) for rows, one in zip(tables, old, strict=True)] if on_improvement else []
    jobs = min(effective_n_jobs(n_jobs or 1), len(tables))
    spent = 0.0 if begun is None else time.monotonic() - begun
    limit = None if time_limit is None else max(time_limit - spent, 0.0) / math.ceil(len(tables) / jobs)
    if jobs > 1 and not is_interrupted:
        with interrupt_as_file() as flag:
            cases = zip(tables, seeds, old, strict=True)
            tasks = [Task(rows, settings, limit, max_steps, seed, one) for rows, seed, one in cases]
            try:
                return discover_side_by_side(jobs, tasks, flag, found, on_improvement)
            except BrokenExecutor:  # a process that was there before, and was importing kansym when Ctrl-C came
                if not flag.exists():
                    raise
                is_interrupted = True
    discoveries: list[Discovery] = []
    for position, (rows, seed, one) in enumerate(zip(tables, seeds, old, strict=True)):
        tell = None if on_improvement is None else _among(on_improvement, found, position)
        budget = Budget(limit, max_steps)
        if is_interrupted:
            budget.interrupt()
            on_progress = None  # one that asks for the end would ask again
        try:
            discovery = discover(rows, settings, budget, seed, on_progress, known=one, on_improvement=tell)
        except KeyboardInterrupt:
            budget.interrupt()  # raises, unless the search had not begun
            discovery = replace(untried(rows, settings, one), reason=INTERRUPTED)
        is_interrupted = is_interrupted or discovery.reason == INTERRUPTED
        discoveries.append(discovery)
        if found:
            found[position] = discovery
    return tuple(discoveries)


def _among(
    tell: Callable[[tuple[Discovery, ...]], None], found: Sequence[Discovery], position: int
) -> Callable[[Discovery], None]:
    """Return what tells of one outcome together with the others."""
    return lambda discovery: tell((*found[:position], discovery, *found[position + 1 :]))
