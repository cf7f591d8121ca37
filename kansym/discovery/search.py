"""The search: proposals from the rooms of structure and symbols, one budget, one front.

Cheap and certain proposals come first, and the search ends as soon as a formula is exact. The sequence of proposals
depends on the data and the seed only; the budget merely cuts it off.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import sympy

from kansym.discovery.budget import Budget
from kansym.discovery.candidates import Candidates
from kansym.discovery.network_stages import NetworkStages
from kansym.discovery.outcome import SearchSettings
from kansym.discovery.parts import Parts
from kansym.discovery.view_search import ViewSearch
from kansym.discovery.views import View, noise_of, reduced_views, views_of_waves
from kansym.structure.interpolation import held_out_error
from kansym.structure.relevance import relevant_columns
from kansym.structure.residuals import have_structure, noise_by_differences
from kansym.structure.spectral import one_node
from kansym.structure.surrogate import noise_error
from kansym.structure.waves import FUNCTIONS
from kansym.symbolic.constants import refit
from kansym.symbolic.description import EXACT
from kansym.symbolic.evaluation import compile_expression
from kansym.symbolic.front import Formula, HallOfFame, ParetoFront, select
from kansym.symbolic.rounding import digits_needed
from kansym.symbolic.rows import Rows

__all__ = ["Search"]

_ONE_NODE_ROWS = 1000
# Three features of thirty thousand take 45 bits to name: more than a few rows can say for them.
_ROWS_OF_A_DEEP_SPAN = 40
_FINAL_EVALUATIONS = 5
_FEW_COLUMNS, _MOST_COLUMNS = 2, 6
# Squares matter to quotients of polynomials alone: the library knows its functions of a square.
_SQUARE, _POWERS = sympy.Integer(2), (sympy.Integer(-1), sympy.S.Half, -sympy.S.Half)
_ONE_NODE_EXPLAINS = 1e-3
_ROUGHLY_FOLLOWED = 1e-2  # relative error of a smooth model beyond which two columns promise no exact law
_BARELY_FOLLOWED = 3e-4  # what is beyond may be noise of less than a percent
# Differences of neighbours, as a share of the variance, that no law makes; of many rows they are smaller.
_NOISY, _NOISY_OF_MANY, _MANY_ROWS = 1e-2, 1e-3, 100
# Relative error of the other half of a curve below which half of it tells that it may be an exact law.
_EXACT_CURVE = 1e-6
# Beyond one fitted constant there may be a shorter law that fits as well: x/(x + 1) beside x^0.56·exp(−0.1·x)/2; a span
# search finds it if it is of two features, beyond three constants a deep one if it is of three.
_CONSTANTS_OF_SHORT_LAWS = (1, 3)


class Search(NetworkStages):
    """The state of one search: its stages are generators that name what they have done."""

    candidates_of: type[Candidates] = Candidates
    views_of: type[ViewSearch] = ViewSearch

    def __init__(
        self, rows: Rows, settings: SearchSettings, budget: Budget, seed: int, known: Sequence[Formula] = ()
    ) -> None:
        self.all_rows, self.settings, self.budget, self.seed = rows, settings, budget, seed
        generator = np.random.default_rng(seed)
        self.relevant = list(range(rows.n_variables))
        self.candidates = self.candidates_of(rows, settings.library, settings.max_complexity, budget, generator)
        self.of_view = self.views_of(self.candidates, settings.library, budget, seed, device=settings.network.device)
        self.parts = Parts(self)
        self.noise = 0.0
        self._spans = 0  # one after a span search, two after a deep one
        self.is_part = False
        self._structured: dict[sympy.Expr, bool] = {}
        self.views: tuple[View, ...] = ()
        self._postponed: list[View] = []
        self._rough: list[View] = []
        self.candidates.admit_constant()
        self.candidates.admit_known(known)

    @property
    def best(self) -> Formula | None:
        """The formula that would be selected now."""
        front = self.candidates.hall.front()
        return front[select(front)] if len(front) else None

    @property
    def rows(self) -> Rows:
        """The rows of the search with only the relevant columns."""
        return self.candidates.rows.select(self.relevant)

    def stages(self) -> Iterator[str]:
        """Work through the search; each stage gives its name when it is done."""
        if self.all_rows.is_constant or self.all_rows.n_variables == 0:
            self.candidates.exact = True
        if self.candidates.exact:
            return
        rows = self.candidates.rows
        stop = self.budget.exhausted
        self.relevant = relevant_columns(rows.columns, rows.target, rows.weights, seed=self.seed, should_stop=stop)
        yield "relevant columns"
        self._linear()
        yield "linear formula"
        for stage, work in self._plan():
            if self.is_part and work == self._network:
                continue
            # Networks of the widths that the user asks for are trained in any case.
            if not self.settled or (work == self._network and self.settings.network.hidden_widths != "auto"):
                work()
                yield stage

    def _plan(self) -> Iterator[tuple[str, Callable[[], None]]]:
        """The stages after the linear formula, what costs little or finds most first; noise changes the order."""
        whole = View.of(self.rows)
        yield "monomials", lambda: self.of_view.monomials(whole)
        yield "laws of one variable", lambda: self._one_variable(whole)
        yield "symmetries", self._symmetries
        yield "quotients of polynomials", lambda: self._quotients(whole)
        yield "one curve of each column", lambda: self.of_view.read_once(whole, self.noise)
        if len(self.relevant) > 1 and not self.is_part:  # in parts steps are few
            yield "short span search", lambda: self._short_span(whole)
        yield "functions of quotients", lambda: self._outer_functions(whole)
        yield "waves inside", self._waves
        blocks = (
            ("varying coefficients", lambda: self.parts.varying_coefficients(self.views[0])),
            ("two blocks", self.parts.two_blocks),
            ("coefficient curves", lambda: self.parts.coefficient_curves(self._smallest)),
        )
        if self.noise == 0:
            yield from blocks
        yield "sums of decays", lambda: self.of_view.decays(whole if self._is_noisy else self._smallest)
        yield "sums of powers", lambda: self.of_view.powers(self._smallest) if not self._is_noisy else None
        # A spectrum with noise gives the span search nothing to hold on to.
        yield "sums of peaks and waves", lambda: self.of_view.spectra(whole) if self._is_noisy else None
        span, network = ("span search", lambda: self._span(whole)), ("network", self._network)
        deep, corrections = ("deep span search", self._deep_spans), ("corrections", self.parts.corrections)
        if self.noise > 0:
            # In noise no law of a part ends its search, and pairs of features are not told from triples. Networks that
            # the user asks for are not to wait for all that.
            asked_for = self.settings.network.hidden_widths != "auto"
            yield from (network, span, *blocks, deep) if asked_for else (span, *blocks, deep)
            if len(self.views) > 1:
                yield "span search of the smallest problem", lambda: self._span(self.views[-1])
            yield from (corrections,) if asked_for else (corrections, network)
        else:
            # The network first where one hidden node explains the target: then its curves say what the formula is.
            rough = ("quotients of rough data", self._rough_quotients)
            first = (network,) if self._one_node_explains() else ()
            yield from (*first, span, rough, corrections, *(() if first else (network,)))
        yield "inner constants", self._inner_constants_of_many
        yield "sums of curves of a smaller problem", self._sums_of_curves
        if self.noise == 0:
            yield deep
        yield "snapping in context", self._in_context
        yield "exact laws of inexact curves", self._postponed_laws

    @property
    def _smallest(self) -> View:
        """The smallest problem that the symmetries leave."""
        return self.views[-1] if self.views else View.of(self.rows)

    def _one_node_explains(self) -> bool:
        if len(self.relevant) < 2:
            return False
        rows = self.rows.sample(_ONE_NODE_ROWS, np.random.default_rng(self.seed))
        pairs = one_node(rows.columns, rows.target, rows.weights, seed=self.seed)
        return any(1.0 - pair.correlation**2 < _ONE_NODE_EXPLAINS for pair in pairs)

    def _linear(self) -> None:
        terms = [sympy.Float(1.0) * variable for variable in self.rows.variables]
        self.candidates.propose(sympy.Add(sympy.Float(self.rows.mean), *terms), "linear")
        self.candidates.polish()

    def _symmetries(self) -> None:
        """Solve the smallest problem that the symmetries of the data leave, then the larger ones on the way to it."""
        self.views = reduced_views(self.rows, self.seed, self.budget.exhausted, self._error)
        self.budget.spend()
        self.noise = noise_of(self.views)
        if self.noise == 0:
            self._search_smaller(self.views[1:])
        else:
            # Noise makes symmetries whose exponents are a little off, and such problems have no law.
            self._search_smaller(self.views[1:][-1:], span=False)

    @property
    def _error(self) -> float:
        """Relative error of a target that is itself the outcome of a fit; symmetries hold within it."""
        return float(np.sqrt(self.candidates.enough)) if self.candidates.enough > EXACT else 0.0

    def _waves(self) -> None:
        """Solve the problem with waves for the columns that make them, where the target is smoother in those."""
        functions = [name for name in FUNCTIONS if name in self.settings.library]
        # Symmetries that are read off a model too poor to show a wave may be none, so the whole problem comes first.
        for view in dict.fromkeys((*self.views[:1], *self.views[-1:])):
            views = views_of_waves(view, functions, self.seed, self.budget.exhausted, self._error)
            self.budget.spend()
            if views:
                self.noise = min(self.noise, noise_of((*self.views, *views)))
                self._search_smaller(views, constants=False)
                return

    def _search_smaller(self, views: Sequence[View], span: bool = True, constants: bool = True) -> None:
        """Search the smallest of some views in full, then the larger ones on the way to it."""
        for place, view in enumerate(reversed(views)):
            # The smallest problem is searched in full: a formula as good as any smooth one may still be a clumsy one.
            if self.candidates.exact or (place > 0 and self.settled) or self.budget.exhausted():
                return
            if view.rows.n_variables == 0 or view.rows.is_constant:
                self.of_view.constant(view)
                continue
            self.of_view.monomials(view)
            self._one_variable(view)
            self._quotients(view)
            self.of_view.read_once(view, self.noise)
            if place == 0 and self.noise == 0:
                self._outer_functions(view)
                self.parts.varying_coefficients(view)
            if span and not self.candidates.exact:
                self._span(view, constants)

    def part(self, rows: Rows, steps: int) -> Search:
        """The search of a smaller problem, with a part of the budget."""
        part = Search(rows, self.settings, self.budget.part(steps), self.seed)
        part.is_part = True
        return part

    def _one_variable(self, view: View) -> None:
        if view.rows.n_variables == 1:
            self.of_view.one_variable(view)
            if not self._is_noisy and not self.is_part:
                self.of_view.short_span(view, only_exact=True)
            # The shortest law of a target with an error is judged by its own variable.
            if not self._is_noisy and self.candidates.enough <= EXACT:
                if held_out_error(view.rows.columns[:, 0], view.rows.target) <= _EXACT_CURVE:
                    self._exact_laws(view)
                else:  # or too short to tell
                    self._postponed.append(view)

    def _exact_laws(self, view: View) -> None:
        """What takes long and finds little but exact laws of one variable, the quickest first."""
        if self.budget.exhausted():
            return
        powers = [view.in_power(power) for power in _POWERS] if np.all(view.rows.columns > 0) else []
        if powers:
            self.of_view.quotients(view.in_power(_SQUARE))
        for power in powers:
            self.of_view.one_power(power)
        self.of_view.powers(view)
        with self.candidates.short_exact_only():
            self.of_view.outer_functions(view)
            for power in powers[:1]:  # the reciprocal: of two columns any may be the divisor
                self.of_view.snaps_of_power(power)
            self._inner_constants(view)
            for power in powers[1:]:
                self.of_view.snaps_of_power(power)

    def _quotients(self, view: View) -> None:
        if view.rows.n_variables > 1:  # those of one variable are among its laws
            self.of_view.quotients(view)
            self.of_view.quotients_of_roots(view)
            # What no smooth model follows may be noisy all the same.
            if self.noise > 0 or self._error_of(view) > _ROUGHLY_FOLLOWED:
                self.of_view.fitted_quotients(view)
            elif self._error_of(view) > _BARELY_FOLLOWED:
                self._rough.append(view)

    def _rough_quotients(self) -> None:
        """Noise that no smooth model tells from its own error."""
        for view in self._rough:
            if not self.settled:
                self.of_view.fitted_quotients(view)

    def _error_of(self, view: View) -> float:
        """Relative error of a smooth model of the view, or else of the whole problem."""
        return view.error if np.isfinite(view.error) or not self.views else self.views[0].error

    def _short_span(self, view: View) -> None:
        self.of_view.short_span(view)
        if view.is_share:
            self.of_view.short_span(view.complement)

    def _span(self, view: View, constants: bool = True) -> None:
        """The span search, and that for inner constants inside it where it is quick, after it where it promises little.

        Two columns leave a smooth law to a model; where it does not follow, the data are rough or the law is none.
        """
        self._spans = max(self._spans, 1)
        few = constants and 1 < view.rows.n_variables <= _FEW_COLUMNS
        promising = few and self._error_of(view) < _ROUGHLY_FOLLOWED
        self.of_view.span(view, between=lambda: self._inner_constants(view) if promising else None)
        if few and not promising and not self.settled:
            self._inner_constants(view)

    def _outer_functions(self, view: View) -> None:
        if view.rows.n_variables > 1 and not self._is_noisy and self.candidates.enough <= EXACT:
            self.of_view.outer_functions(view)

    def _inner_constants(self, view: View) -> None:
        # Noise hides what this search looks for, and so does the error of a model.
        if not self._is_noisy and self.candidates.enough <= EXACT:
            self.of_view.inner_constants(view)

    def _sums_of_curves(self) -> None:
        if len(self.relevant) > 1 and self._is_noisy:
            self.of_view.decays(self._smallest)
        if (len(self.relevant) > 1 or not self._is_noisy) and not self.settled:
            self.of_view.spectra(self._smallest)

    @property
    def _is_noisy(self) -> bool:
        """Whether there is noise, be it under a curve of one column that no smooth model follows."""
        rows = self.rows
        if self.noise > 0 or rows.n_variables != 1 or len(rows) < 3:
            return self.noise > 0
        least = _NOISY_OF_MANY if len(rows) >= _MANY_ROWS else _NOISY
        return noise_by_differences(rows.columns[:, 0], rows.target) > least * rows.variance

    def _postponed_laws(self) -> None:
        for view in self._postponed:
            if not self.settled:
                self._exact_laws(view)

    def _inner_constants_of_many(self) -> None:
        for view in reversed(self.views):
            if _FEW_COLUMNS < view.rows.n_variables <= _MOST_COLUMNS and not self.settled:
                self._inner_constants(view)

    @property
    def settled(self) -> bool:
        """Whether the best formula is exact, or explains the data as well as any smooth function of the right columns.

        What is left then is noise, so that no formula can be better by more than luck, only shorter: one of several
        constants does not end the search. The noise is known to a tenth at best, so the residuals must know nothing of
        the columns either.
        """
        if self.candidates.exact:
            return True
        best = self.best
        if best is None or best.loss >= (1.0 + noise_error(len(self.rows))) * self.noise:
            return False
        if sum(best.n_constants > most for most in _CONSTANTS_OF_SHORT_LAWS) > self._spans:
            return False
        if best.expression not in self._structured:
            rows = self.rows
            predicted = compile_expression(best.expression, self.candidates.rows.variables, self.settings.library)(
                self.candidates.rows.columns
            )
            self._structured[best.expression] = have_structure(rows.columns, rows.target - predicted, rows.weights)
        return not self._structured[best.expression]

    def _deep_spans(self) -> None:
        if len(self.rows) < _ROWS_OF_A_DEEP_SPAN:
            self._spans = 2
            return
        views = self.views[::-1] if self.noise == 0 else dict.fromkeys((self.views[0], self.views[-1]))
        for view in views:
            if not self.settled and view.rows.n_variables > 0:
                self.of_view.span(view, deep=True)
        self._spans = 2

    def finished_front(self) -> ParetoFront:
        """The front on all rows: the search may have looked at a sample only."""
        front = self.candidates.hall.front()
        if len(self.candidates.rows) < len(self.all_rows):
            hall = HallOfFame(self.all_rows.variance, len(self.all_rows), evidence=self.all_rows.evidence)
            for formula in front:
                hall = hall.add(self._on_all_rows(formula))
            front = hall.front()
        return replace(front, formulas=tuple(self._readable(formula) for formula in front))

    def _readable(self, formula: Formula) -> Formula:
        rows, library = self.candidates.rows, self.settings.library
        return replace(formula, digits=digits_needed(formula.expression, formula.loss, rows, library=library))

    def _on_all_rows(self, formula: Formula) -> Formula:
        rows, library = self.all_rows, self.settings.library
        if self.budget.exhausted():
            loss = rows.loss(compile_expression(formula.expression, rows.variables, library)(rows.columns))
            left_out = loss * (formula.left_out_loss / formula.loss if formula.loss > 0 else 1.0)
            return replace(formula, loss=loss, r2=1.0 - loss / rows.variance, left_out_loss=left_out)
        fit = refit(formula.expression, rows, library=library, max_evaluations=_FINAL_EVALUATIONS)
        return Formula.from_fit(fit, rows.variance, formula.origin, formula.structure_bits)
