"""The formulas a search has seen: fitted quickly on a few rows first, polished on all if they are worth it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import sympy

from kansym.discovery.budget import Budget
from kansym.library import Library
from kansym.symbolic.complexity import complexity
from kansym.symbolic.constants import Fit, assess, refit
from kansym.symbolic.description import EXACT, member_bits
from kansym.symbolic.front import Formula, HallOfFame
from kansym.symbolic.grammar import is_allowed
from kansym.symbolic.normal_form import normal_form, skeleton
from kansym.symbolic.polishing import polish
from kansym.symbolic.rows import Rows
from kansym.symbolic.signs import resolve_signs

__all__ = ["Candidates", "known_on"]

_POLISHING_ROWS = 4000
_QUICK_EVALUATIONS = 15
_POLISHED_AT_ONCE = 6
_FRONT_AT_ONCE = 6
_SHORT, _FEW_CONSTANTS = 16, 4  # nodes or fitted constants of a law that no other is looked for beside


def known_on(formula: Formula, rows: Rows, library: Library) -> Formula:
    """Return a formula as it fits other rows, its constants as they are; its loss is infinite where it has no value."""
    fit = assess(formula.expression, rows, library=library)
    return Formula.from_fit(fit, rows.variance, formula.origin, formula.structure_bits)


class Candidates:
    """Collects proposals and turns the good ones into formulas.

    Parameters
    ----------
    rows : Rows
        Where formulas are judged.
    library : Library
    max_complexity : int
        Larger formulas are dropped after polishing.
    budget : Budget
        Each quick fit and each polish is a step.
    generator : numpy.random.Generator
        Draws the rows of the quick fits.

    Attributes
    ----------
    enough : float
        Share of the variance at which a formula ends the search: rounding, or the error of a target that is itself the
        outcome of a fit.
    exact : bool
        Whether there is such a formula.
    """

    n_quick_rows = 250

    def __init__(
        self, rows: Rows, library: Library, max_complexity: int, budget: Budget, generator: np.random.Generator
    ) -> None:
        self.rows = rows.sample(_POLISHING_ROWS, generator)
        self.quick_rows = self.rows.sample(self.n_quick_rows, generator)
        self.library, self.max_complexity, self.budget = library, max_complexity, budget
        self.hall = HallOfFame(self.rows.variance, len(self.rows), evidence=self.rows.evidence)
        self.enough = EXACT
        self.exact = False
        self.on_better: Callable[[], None] = lambda: None
        self._pool: dict[Any, tuple[Fit, str, float]] = {}
        self._done: set[Any] = set()

    @contextmanager
    def short_exact_only(self) -> Iterator[None]:
        """Go on where an exact formula is too long for a law: it may be a smooth neighbour of a shorter one.

        After the block it counts as exact again.
        """
        found, floor = self.exact, self.enough * self.rows.variance
        self.exact = found and any(
            formula.loss <= floor and (formula.complexity <= _SHORT or formula.n_constants <= _FEW_CONSTANTS)
            for formula in self.hall.best.values()
        )
        try:
            yield
        finally:
            self.exact = self.exact or found

    def _suffices(self, fit: Fit, rows: Rows) -> bool:
        """Whether no better fit is looked for: what is left is rounding, or no more than ``enough``."""
        return bool(np.isfinite(fit.loss)) and fit.loss <= self.enough * rows.variance

    def admits(self, expression: sympy.Expr) -> bool:
        """Whether formulas of this kind are looked at."""
        return is_allowed(expression, self.library)

    def _is_short(self, expression: sympy.Expr) -> bool:
        return complexity(expression) <= self.max_complexity

    def propose(self, expression: sympy.Expr, origin: str, family_bits: float = np.inf) -> Fit | None:
        """Fit a formula quickly and remember it; None if it is undefined somewhere, too large, not allowed or known."""
        fit = self._quick_fit(expression)
        if fit is None:
            return None
        key = skeleton(fit.expression)
        if key in self._done or (key in self._pool and self._pool[key][0].loss <= fit.loss):
            return None
        self._pool[key] = (fit, origin, family_bits)
        return fit

    def _quick_fit(self, expression: sympy.Expr) -> Fit | None:
        if self.budget.exhausted() or complexity(expression) > 3 * self.max_complexity:
            return None
        if expression.has(sympy.Abs):
            expression = resolve_signs(expression, self.quick_rows, self.library)
        if not self.admits(expression):
            return None
        self.budget.spend()
        fit = refit(normal_form(expression), self.quick_rows, library=self.library, max_evaluations=_QUICK_EVALUATIONS)
        return fit if np.isfinite(fit.loss) else None

    def propose_all(self, proposals: Iterable[tuple[sympy.Expr, float]], origin: str) -> None:
        """Propose a stream of formulas with the bits that name them; end early when one is exact and short enough."""
        for expression, family_bits in proposals:
            fit = self.propose(expression, origin, family_bits)
            if self.budget.exhausted():
                break
            if fit is not None and self._suffices(fit, self.quick_rows) and self._is_short(fit.expression):
                break

    def admit_exact(self, proposals: Iterable[tuple[sympy.Expr, float]], origin: str) -> None:
        """Polish and add the first formula of a stream that is exact; the others are forgotten."""
        for expression, family_bits in proposals:
            fit = self._quick_fit(expression)
            if fit is not None and self._suffices(fit, self.quick_rows):
                self.admit(fit.expression, origin, family_bits)
            if self.exact or self.budget.exhausted():
                break

    def polish(self) -> None:
        """Fit the best of the pool on all rows, round their constants, and add them to the hall of fame."""
        for key in self._worth_polishing():
            if self.budget.exhausted():
                return
            fit, origin, family_bits = self._pool.pop(key)
            self._done.add(key)
            self.budget.spend()
            self.admit(fit.expression, origin, family_bits)
            if self.exact:
                return

    def admit(self, expression: sympy.Expr, origin: str, family_bits: float = np.inf) -> None:
        """Polish one formula and add it to the hall of fame."""
        polished = polish(expression, self.rows, library=self.library, should_stop=self.budget.exhausted)
        if polished is None:
            return
        is_better_than_none = polished.loss <= self.rows.variance
        if is_better_than_none and self._is_short(polished.expression) and self.admits(polished.expression):
            structure_bits = family_bits + member_bits(expression, polished.expression)
            formula = Formula.from_fit(polished, self.rows.variance, origin, structure_bits)
            before, self.hall = self.hall, self.hall.add(formula)
            self.exact = self.exact or self._suffices(polished, self.rows)
            if self.hall is not before:
                self.on_better()

    def admit_known(self, formulas: Iterable[Formula]) -> None:
        """Add formulas of an earlier search, their constants as they are."""
        for formula in formulas:
            known = known_on(formula, self.rows, self.library)
            self.hall = self.hall.add(known)
            self.exact = self.exact or known.loss <= EXACT * self.rows.variance

    def admit_constant(self) -> None:
        """Add the mean, so that there is always an answer."""
        value = float(self.rows.target[0]) if self.rows.is_constant else self.rows.mean
        fit = assess(sympy.Float(value), self.rows)
        self.hall = self.hall.add(Formula.from_fit(fit, self.rows.variance, "constant"))

    def _worth_polishing(self) -> list[Any]:
        """The shortest descriptions of the pool, and those that could enter the front."""
        # Ties go to what was proposed first: the pool keeps the order of the proposals.
        ranked = sorted(self._pool, key=lambda key: self._pool[key][0].bits)
        chosen = ranked[:_POLISHED_AT_ONCE]
        by_size = sorted(self._pool, key=lambda key: complexity(self._pool[key][0].expression))
        best, front = np.inf, []
        for key in by_size:
            loss = self._pool[key][0].loss
            if loss < 0.9 * best:
                best = loss
                front.append(key)
        return chosen + [key for key in front if key not in chosen][:_FRONT_AT_ONCE]
