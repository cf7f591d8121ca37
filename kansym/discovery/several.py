"""One search for each output of a table, one after another or side by side."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import Any

from joblib import Parallel, delayed, effective_n_jobs

from kansym.discovery.budget import Budget
from kansym.discovery.outcome import Discovery, Progress, SearchSettings
from kansym.discovery.single import INTERRUPTED, discover
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
    """
    jobs = min(effective_n_jobs(n_jobs or 1), len(tables))
    spent = 0.0 if begun is None else time.monotonic() - begun
    limit = None if time_limit is None else max(time_limit - spent, 0.0) / math.ceil(len(tables) / jobs)
    if jobs > 1:
        pairs = zip(tables, seeds, strict=True)
        searches = (delayed(_within)(rows, settings, limit, max_steps, seed) for rows, seed in pairs)
        found: Any = Parallel(n_jobs=jobs)(searches)
        return tuple(found)
    discoveries: list[Discovery] = []
    for rows, seed in zip(tables, seeds, strict=True):
        interrupted = any(discovery.reason == INTERRUPTED for discovery in discoveries)
        budget = Budget(limit, 1 if interrupted else max_steps)
        discoveries.append(discover(rows, settings, budget, seed, on_progress))
    return tuple(discoveries)


def _within(rows: Rows, settings: SearchSettings, limit: float | None, max_steps: int | None, seed: int) -> Discovery:
    """Search with a budget that starts in this process: the time it took to start does not count."""
    return discover(rows, settings, Budget(limit, max_steps), seed)
