"""One search, in units in which its numbers are of ordinary size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from sympy.core.cache import clear_cache
from threadpoolctl import threadpool_limits

from kansym.discovery.budget import Budget
from kansym.discovery.confidence import assess_confidence
from kansym.discovery.deadline import TimeIsUp, call_within
from kansym.discovery.logit_search import LogitSearch
from kansym.discovery.outcome import Discovery, Progress, SearchSettings
from kansym.discovery.search import Search
from kansym.discovery.units import Units
from kansym.library import Library
from kansym.symbolic.front import HallOfFame, select
from kansym.symbolic.labels import LabelledRows
from kansym.symbolic.rows import Rows

__all__ = ["INTERRUPTED", "discover"]

INTERRUPTED, USED_UP = "interrupted", "the budget was used up"


def discover(
    rows: Rows,
    settings: SearchSettings,
    budget: Budget,
    seed: int = 0,
    on_progress: Callable[[Progress], None] | None = None,
) -> Discovery:
    """Search a formula for the rows.

    There is always an answer, at least the best constant. An interrupt (Ctrl-C) ends the search with what was found, a
    second one at once and without. A step that is still at work when the time is up is interrupted, too.

    Parameters
    ----------
    rows : Rows
        Finite values only. Of :class:`LabelledRows` the formula is the logit.
    settings : SearchSettings
    budget : Budget
    seed : int
    on_progress : callable, optional
        Called with a :class:`Progress` after each stage.
    """
    units = Units.of(rows)
    search_of = LogitSearch if isinstance(rows, LabelledRows) else Search
    # One thread: the matrices are small, and results do not depend on the number of cores.
    with threadpool_limits(limits=1):
        if units.are_ordinary:
            return _discover(search_of(rows, settings, budget, seed), on_progress)
        tell = None if on_progress is None else _in_user_units(on_progress, units, rows, settings.library)
        found = _discover(search_of(units.scaled(rows), settings, budget, seed), tell)
        return _restored(found, units, rows, settings.library, budget)


def _in_user_units(
    on_progress: Callable[[Progress], None], units: Units, rows: Rows, library: Library
) -> Callable[[Progress], None]:
    def tell(progress: Progress) -> None:
        best = progress.best
        on_progress(progress if best is None else replace(progress, best=units.formula(best, rows, library)))

    return tell


def _restored(found: Discovery, units: Units, rows: Rows, library: Library, budget: Budget) -> Discovery:
    """What was found in other units, in the user's."""
    hall = HallOfFame(rows.variance, len(rows), evidence=rows.evidence)
    for formula in found.front:
        hall = hall.add(units.formula(formula, rows, library, budget.exhausted))
    own = units.select(found.relevant)
    stations = (found.network, found.pruned_network, found.symbolic_network)
    network, pruned, symbolic = (None if station is None else own.network(station) for station in stations)
    return replace(found, front=hall.front(), network=network, pruned_network=pruned, symbolic_network=symbolic)


def _discover(search: Search, on_progress: Callable[[Progress], None] | None) -> Discovery:
    reason = _searched(search, on_progress)
    try:
        return _finished(search, reason)
    except KeyboardInterrupt:
        if reason == INTERRUPTED:  # the second one ends at once
            raise
        search.budget.end()
        return _finished(search, INTERRUPTED)


def _searched(search: Search, on_progress: Callable[[Progress], None] | None) -> str:
    """Work through the stages and say why they ended."""
    try:
        return call_within(search.budget.patience, lambda: _through_the_stages(search, on_progress))
    except (KeyboardInterrupt, TimeIsUp) as interruption:
        search.budget.end()
        clear_cache()  # a question that sympy was at is noted there as one without an answer
        return INTERRUPTED if isinstance(interruption, KeyboardInterrupt) else USED_UP


def _through_the_stages(search: Search, on_progress: Callable[[Progress], None] | None) -> str:
    budget = search.budget
    for stage in search.stages():
        if on_progress is not None:
            on_progress(Progress(stage, budget.elapsed, search.best))
        if budget.exhausted():
            return USED_UP
    return "an exact formula was found" if search.candidates.exact else "every proposal was tried"


def _finished(search: Search, reason: str) -> Discovery:
    """Make the front and its networks; quick where the budget is used up."""
    budget = search.budget
    front = search.finished_front()
    search.make_networks_of(front[select(front, search.settings.selection)])
    confidence = assess_confidence(front, search.candidates.quick_rows, search.settings.library, search.seed, budget)
    return Discovery(
        front,
        search.network,
        search.pruned,
        search.symbolic,
        tuple(search.relevant),
        confidence,
        reason,
        budget.steps,
        budget.elapsed,
    )
