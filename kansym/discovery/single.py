"""One search, in units in which its numbers are of ordinary size."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from sympy.core.cache import clear_cache
from threadpoolctl import threadpool_limits

from kansym.discovery.budget import Budget
from kansym.discovery.candidates import known_on
from kansym.discovery.confidence import Confidence, assess_confidence
from kansym.discovery.deadline import TimeIsUp, call_within
from kansym.discovery.logit_search import LogitSearch
from kansym.discovery.outcome import Discovery, Progress, SearchSettings
from kansym.discovery.search import Search
from kansym.discovery.units import Units
from kansym.library import Library
from kansym.symbolic.front import Formula, HallOfFame, select
from kansym.symbolic.labels import LabelledRows
from kansym.symbolic.rows import Rows

__all__ = ["INTERRUPTED", "discover", "untried"]

INTERRUPTED, UNFINISHED, USED_UP = "interrupted", "not ended yet", "the budget was used up"
_CALM = 19.0


def discover(
    rows: Rows,
    settings: SearchSettings,
    budget: Budget,
    seed: int = 0,
    on_progress: Callable[[Progress], None] | None = None,
    *,
    known: Sequence[Formula] = (),
    on_improvement: Callable[[Discovery], None] | None = None,
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
    known : sequence of Formula
        Of an earlier search, in the same variables: they compete from the start, so that the front gets no worse.
    on_improvement : callable, optional
        Called with what would be the outcome now, without networks, when there are better formulas; as often as takes a
        twentieth of the time.
    """
    units = Units.of(rows)
    known = _admissible(known, rows, settings)
    scaled = rows if units.are_ordinary else units.scaled(rows)
    inside = known if units.are_ordinary else [units.inverse.formula(one, scaled, settings.library) for one in known]
    search = _kind(rows)(scaled, settings, budget, seed, inside)
    if on_improvement is not None:
        restored = _now(search, units, rows, known)
        search.candidates.on_better = _Seldom(lambda: on_improvement(restored()))
    tell = on_progress
    if on_progress is not None and not units.are_ordinary:
        tell = _in_user_units(on_progress, units, rows, settings.library)
    # One thread: the matrices are small, and results do not depend on the number of cores.
    with threadpool_limits(limits=1):
        reason = _searched(search, tell)
        found = _despite_an_interrupt(budget, lambda: _finished(search, reason))
        if units.are_ordinary:
            return _with_known(found, known, rows)
        return _despite_an_interrupt(
            budget, lambda: _with_known(_restored(found, units, rows, settings.library, budget), known, rows)
        )


def untried(rows: Rows, settings: SearchSettings, known: Sequence[Formula] = ()) -> Discovery:
    """Return the outcome of a search that has not begun: the best constant, and what is known."""
    known = _admissible(known, rows, settings)
    search = _kind(rows)(rows, settings, Budget(None), 0)
    return _now(search, Units((0,) * rows.n_variables, 0), rows, known)()


def _kind(rows: Rows) -> type[Search]:
    return LogitSearch if isinstance(rows, LabelledRows) else Search


def _admissible(known: Sequence[Formula], rows: Rows, settings: SearchSettings) -> list[Formula]:
    """Formulas of an earlier search on these rows, as far as the settings allow them."""
    return [known_on(formula, rows, settings.library) for formula in known if settings.allow(formula)]


class _Seldom:
    """Calls a function at most as often as takes a twentieth of the time."""

    def __init__(self, function: Callable[[], None]) -> None:
        self._function, self._next = function, 0.0

    def __call__(self) -> None:
        start = time.monotonic()
        if start >= self._next:
            self._function()
            now = time.monotonic()
            self._next = now + _CALM * (now - start)


def _now(search: Search, units: Units, rows: Rows, known: Sequence[Formula]) -> Callable[[], Discovery]:
    """Return what tells the outcome of a search as it would be now, in the user's units and on all rows."""
    library = search.settings.library

    def tell() -> Discovery:
        hall = HallOfFame(rows.variance, len(rows), evidence=rows.evidence)
        for formula in search.candidates.hall.front():
            expression = formula.expression if units.are_ordinary else units.expression(formula.expression, rows)
            hall = hall.add(known_on(replace(formula, expression=expression), rows, library))
        confidence = Confidence(float("nan"), 0, float("inf"), False)
        relevant, budget = tuple(search.relevant), search.budget
        found = Discovery(
            hall.front(), None, None, None, relevant, confidence, UNFINISHED, budget.steps, budget.elapsed
        )
        return _with_known(found, known, rows)

    return tell


def _with_known(found: Discovery, known: Sequence[Formula], rows: Rows) -> Discovery:
    """Let formulas of an earlier search compete on all rows: the search itself may have judged them by some."""
    if not known:
        return found
    hall = HallOfFame(rows.variance, len(rows), evidence=rows.evidence)
    for formula in (*found.front, *known):
        hall = hall.add(formula)
    return found.with_front(hall.front())


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
    found = found.with_front(hall.front())
    return replace(found, network=network, pruned_network=pruned, symbolic_network=symbolic)


def _despite_an_interrupt(budget: Budget, finish: Callable[[], Discovery]) -> Discovery:
    """What becomes of what was found: made anew, and quickly, if an interrupt comes; a second one ends at once."""
    try:
        return finish()
    except KeyboardInterrupt:
        budget.interrupt()
        return replace(finish(), reason=INTERRUPTED)


def _searched(search: Search, on_progress: Callable[[Progress], None] | None) -> str:
    """Work through the stages and say why they ended."""
    try:
        return call_within(search.budget.patience, lambda: _through_the_stages(search, on_progress))
    except (KeyboardInterrupt, TimeIsUp) as interruption:
        clear_cache()  # a question that sympy was at is noted there as one without an answer
        if isinstance(interruption, KeyboardInterrupt):
            search.budget.interrupt()
            return INTERRUPTED
        search.budget.end()
        return USED_UP


def _through_the_stages(search: Search, on_progress: Callable[[Progress], None] | None) -> str:
    budget = search.budget
    for stage in search.stages():
        if on_progress is not None:
            on_progress(Progress(stage, budget.elapsed, search.best))
        if budget.exhausted():
            return INTERRUPTED if budget.was_interrupted else USED_UP
    return "an exact formula was found" if search.candidates.exact else "every proposal was tried"


def _finished(search: Search, reason: str) -> Discovery:
    """Make the front and its networks; quick where the budget is used up."""
    budget = search.budget
    front = search.finished_front()
    try:
        call_within(budget.grace, lambda: search.make_networks_of(front[select(front, search.settings.selection)]))
    except TimeIsUp:  # the formulas are what the search is for
        clear_cache()
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
