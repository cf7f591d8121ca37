"""One search, in units in which its numbers are of ordinary size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from threadpoolctl import threadpool_limits

from kansym.discovery.budget import Budget
from kansym.discovery.confidence import assess_confidence
from kansym.discovery.logit_search import LogitSearch
from kansym.discovery.outcome import Discovery, Progress, SearchSettings
from kansym.discovery.search import Search
from kansym.discovery.units import Units
from kansym.library import Library
from kansym.symbolic.front import HallOfFame, select
from kansym.symbolic.labels import LabelledRows
from kansym.symbolic.rows import Rows

__all__ = ["discover"]


def discover(
    rows: Rows,
    settings: SearchSettings,
    budget: Budget,
    seed: int = 0,
    on_progress: Callable[[Progress], None] | None = None,
) -> Discovery:
    """Search a formula for the rows.

    There is always an answer, at least the best constant. An interrupt (Ctrl-C) ends the search with what was found.

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
    budget = search.budget
    reason = "every proposal was tried"
    try:
        for stage in search.stages():
            if on_progress is not None:
                on_progress(Progress(stage, budget.elapsed, search.best))
            if budget.exhausted():
                reason = "the budget was used up"
                break
        else:
            reason = "an exact formula was found" if search.candidates.exact else reason
    except KeyboardInterrupt:
        reason = "interrupted"
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
