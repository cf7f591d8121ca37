"""What a law consists of: blocks, coefficients, corrections. Each is a smaller problem with a search of its own."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from kansym.discovery.views import View
from kansym.symbolic.coefficient_curve_laws import laws_of_coefficient_curves
from kansym.symbolic.curve_laws import CurveLaw
from kansym.symbolic.evaluation import compile_expression
from kansym.symbolic.front import Formula
from kansym.symbolic.read_once_laws import laws_of_two_blocks
from kansym.symbolic.rows import Rows
from kansym.symbolic.varying_coefficient_laws import laws_of_varying_coefficients

if TYPE_CHECKING:
    from kansym.discovery.search import Search

__all__ = ["Parts"]

_COLUMNS_OF_TWO_BLOCKS = 3
_WITHIN_ERROR = 4.0
_ROUGHEST_BLOCK = 1e-3
_ROUGH = 1e-6
_STEPS, _STEPS_OF_A_ROUGH_BLOCK = 400, 100  # under noise a block has no law that ends its search
_LAWS_OF_A_BLOCK = 2
_LEADING = 0.05
_LAST_OF_A_CORRECTION = "waves inside"


class Parts:
    """The stages of a search that put a law together from the laws of its parts."""

    def __init__(self, search: Search) -> None:
        self.search = search

    def two_blocks(self) -> None:
        """Solve the two problems that the columns fall into, if they do."""
        search = self.search
        rough = search.is_part and search.candidates.enough > _ROUGH
        if search.candidates.exact or search.rows.n_variables < _COLUMNS_OF_TWO_BLOCKS or rough:
            return
        laws = laws_of_two_blocks(
            search.rows,
            search.settings.library,
            self._laws_of_block,
            noise=search.noise,
            seed=search.seed,
            should_stop=search.budget.exhausted,
        )
        search.candidates.propose_all(laws, "two blocks")
        search.candidates.polish()

    def varying_coefficients(self, view: View) -> None:
        """Solve the problems of the coefficients, where the target of a view is linear in a column."""
        search = self.search
        if search.candidates.exact or search.is_part:
            return
        laws = laws_of_varying_coefficients(
            view.rows,
            search.settings.library,
            self._laws_of_block,
            noise=search.noise / view.unit,
            seed=search.seed,
            should_stop=search.budget.exhausted,
        )
        search.of_view.propose(view, laws, "varying coefficients")

    def coefficient_curves(self, view: View) -> None:
        """Solve the curves of one column that a view's target is made of, each times a function of the others."""
        search = self.search
        if search.candidates.exact or search.is_part:
            return
        laws = laws_of_coefficient_curves(
            view.rows,
            search.settings.library,
            noise=search.noise / view.unit,
            seed=search.seed,
            should_stop=search.budget.exhausted,
        )
        search.of_view.propose(view, laws, "coefficient curves")

    def corrections(self) -> None:
        """Look for what the leading formula leaves, and for what it has to be multiplied by.

        A small term beside a large one is lost in it, and a column that occurs there alone seems to have no effect.
        """
        search, leading = self.search, self._leading()
        if leading is None or search.is_part or search.settled:
            return
        rows = search.candidates.rows
        predicted = compile_expression(leading.expression, rows.variables, search.settings.library)(rows.columns)
        if rows.n_variables < 2 or not np.any(predicted):  # the laws of one column are searched as sums of curves
            return
        data = rows, leading.expression, predicted
        views = [view for view in (View.without(*data), View.divided(*data)) if view.is_finite]
        # Both at once, stage by stage: the cheap proposals of either before the expensive ones.
        for _ in itertools.zip_longest(*(self._corrected(view) for view in views)):
            search.candidates.polish()
            if search.candidates.exact or search.budget.exhausted():
                return

    def _corrected(self, view: View) -> Iterator[None]:
        """Propose what the search of a correction finds, after each of its cheaper stages."""
        search, part, known = self.search, self.search.part(view.rows, _STEPS), set()
        for name in part.stages():
            found = {view.lift(one.expression): None for one in part.candidates.hall.front()}
            search.candidates.propose_all(((one, np.inf) for one in found if one not in known), "correction")
            known.update(found)
            yield
            if name == _LAST_OF_A_CORRECTION or part.candidates.exact or part.budget.exhausted():
                return

    def _leading(self) -> Formula | None:
        """The formula of the front that gains most for its size, if it explains nearly everything."""
        front = self.search.candidates.hall.front()
        explaining = [
            (gain, place)
            for place, gain in enumerate(front.gains)
            if place and front[place].loss <= _LEADING * self.search.candidates.rows.variance
        ]
        return front[max(explaining)[1]] if explaining else None

    def _laws_of_block(self, rows: Rows, error: float) -> list[CurveLaw]:
        enough = min(_WITHIN_ERROR * error / max(rows.variance, np.finfo(float).tiny), _ROUGHEST_BLOCK)
        part = self.search.part(rows, _STEPS if enough <= _ROUGH else _STEPS_OF_A_ROUGH_BLOCK)
        part.candidates.enough = max(part.candidates.enough, enough)
        for _ in part.stages():
            if part.candidates.exact or part.budget.exhausted():
                break
        good = [one for one in part.candidates.hall.front() if one.loss <= part.candidates.enough * rows.variance]
        return [CurveLaw(one.expression, one.structure_bits, one.structure_bits) for one in good[:_LAWS_OF_A_BLOCK]]
