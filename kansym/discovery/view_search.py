"""The search of one view: what is proposed for it, cheap and certain proposals first."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import sympy

from kansym.discovery.budget import Budget
from kansym.discovery.candidates import Candidates
from kansym.discovery.views import View
from kansym.library import Library
from kansym.symbolic.arrays import span_device
from kansym.symbolic.crossovers import crossovers
from kansym.symbolic.curve_laws import curve_laws
from kansym.symbolic.description import EXACT
from kansym.symbolic.dictionary import Dictionary
from kansym.symbolic.enumeration import enumerate_features
from kansym.symbolic.exponentials import sums_of_exponentials
from kansym.symbolic.fitted_quotients import fitted_quotients
from kansym.symbolic.inner_constants import laws_with_inner_constant
from kansym.symbolic.outer_constants import laws_of_outer_function, laws_with_outer_constant
from kansym.symbolic.quadratics import exact_roots_of_quadratics
from kansym.symbolic.read_once_laws import read_once_laws
from kansym.symbolic.relations import exact_quotients
from kansym.symbolic.rows import Rows
from kansym.symbolic.share_laws import laws_of_shares
from kansym.symbolic.single_variable import rational_formulas, transformed_snaps
from kansym.symbolic.snapping import snap_curve
from kansym.symbolic.span import TEMPLATES, Hit, Template, formulas_of, search_span
from kansym.symbolic.sums import DECAYS, POWERS, SPECTRA, sums_of_curves

__all__ = ["ViewSearch"]

_DICTIONARY_ROWS = 200
_DICTIONARY_SIZE = 30_000
_EXACT_ROWS = 800
_FORMULAS_OF_A_TEMPLATE, _FORMULAS_IN_ANY_CASE, _FORMULAS_OF_ALL = 30, 6, 60
_SHORT_DICTIONARY, _SHORT_DICTIONARY_OF_EXACT, _FORMULAS_OF_A_SHORT_SPAN = 1000, 5000, 2
_FIRST_SNAPS = 4
_EXACT_ON_SAMPLE = 1e-12
_CURVE_BITS = 4.5  # one of some twenty functions
_MONOMIAL_BITS = 4.0  # a product of powers needs few words to say
_SIMPLE_FEATURES = 30
_MOST_FREE_POWERS = 300  # a product of more has no place in a formula, and takes seconds in one piece


@dataclass(frozen=True, eq=False)
class ViewSearch:
    """Proposes formulas of views to the candidates, each in the user's variables.

    Attributes
    ----------
    candidates : Candidates
    library : Library
    budget : Budget
    seed : int
        Draws the rows that the dictionary is made on.
    noise : float
        See :func:`search_span`.
    device : {"auto", "cpu", "cuda", "mps"}
        See :func:`span_device`.
    """

    candidates: Candidates
    library: Library
    budget: Budget
    seed: int
    noise: float = 0.0
    device: str = "auto"
    templates: ClassVar[Sequence[Template]] = tuple(TEMPLATES.values())

    def dictionary(self, rows: Rows, size: int = _DICTIONARY_SIZE) -> Dictionary:
        """The features of a span search on these rows."""
        return enumerate_features(
            rows.columns,
            rows.variables,
            size=size,
            library=self.library,
            should_stop=self.budget.exhausted,
        )

    def constant(self, view: View) -> None:
        """Propose the factor of the view alone: what is left does not vary, or has no column to vary with."""
        self._propose_all(view, [(sympy.Float(view.rows.mean), _MONOMIAL_BITS)], "monomial")
        self.candidates.polish()

    def one_variable(self, view: View) -> None:
        """Propose the functions and laws of one variable, if the view has but one."""
        rows, library = view.rows, self.library
        if rows.n_variables != 1 or self.candidates.exact:
            return
        if self.candidates.enough > EXACT:
            # Many laws come as near as a target with an error allows: the shortest first, not the first that comes.
            error = self.candidates.enough * rows.variance
            laws = curve_laws(rows, error, library, should_stop=self.budget.exhausted)
            self._propose_all(view, ((law.expression, law.structure_bits) for law in laws), "law of one variable")
            self.candidates.polish()
            return
        snaps = snap_curve(rows.columns[:, 0], rows.target, weights=rows.weights, library=library)
        formulas = ((snap.sympy(rows.variables[0]), _CURVE_BITS) for snap in snaps[:_FIRST_SNAPS])
        self._propose_all(view, formulas, "function of one variable")
        self.candidates.polish()
        if not self.candidates.exact:
            self._propose_all(view, sums_of_exponentials(rows, library), "sum of exponentials")
            self.candidates.polish()
        # Three exponentials come within rounding of 1/sqrt(1 - x²/c²) where x is small.
        with self.candidates.short_exact_only():
            if not self.candidates.exact:
                self._propose_all(view, laws_of_shares(rows, library), "law of a share")
                self._propose_all(view, rational_formulas(rows), "quotient of polynomials")
                self.candidates.polish()
                self.quotients(view)
            if not self.candidates.exact:
                laws = transformed_snaps(rows, library, should_stop=self.budget.exhausted)
                self.propose(view, laws, "law of one variable")
            if not self.candidates.exact:
                self.propose(view, crossovers(rows, library), "law of one variable")

    def one_power(self, view: View) -> None:
        """Propose quotients and sums of exponentials of a power of the only variable: two rates of Arrhenius."""
        if not (self.candidates.exact or self.budget.exhausted()):
            self.quotients(view)
        if not (self.candidates.exact or self.budget.exhausted()):
            self.propose(view, sums_of_exponentials(view.rows, self.library), "sum of exponentials")

    def snaps_of_power(self, view: View) -> None:
        """Propose the laws of a power of the only variable: of tanh(√u)/√u no law of u is one."""
        if not (self.candidates.exact or self.budget.exhausted()):
            laws = transformed_snaps(view.rows, self.library, should_stop=self.budget.exhausted)
            self.propose(view, laws, "law of one variable")

    def decays(self, view: View) -> None:
        """Propose the sums of decays, if the view has but one variable."""
        self._sums(view, DECAYS)

    def powers(self, view: View) -> None:
        """Propose the sums of two powers, or of an exponential and a power, if the view has but one variable."""
        self._sums(view, POWERS)

    def spectra(self, view: View) -> None:
        """Propose the sums of peaks and of waves, if the view has but one variable."""
        self._sums(view, SPECTRA)

    def _sums(self, view: View, kinds: Any) -> None:
        if view.rows.n_variables == 1 and not self.candidates.exact:
            sums = sums_of_curves(view.rows, self.library, kinds, should_stop=self.budget.exhausted)
            self._propose_all(view, sums, "sum of curves")
            self.candidates.polish()

    def monomials(self, view: View) -> None:
        """Propose the products of powers and the exponential of one feature: a column, or any simple one of one column.

        So ``T^1.6·exp(−2100/T)`` costs one projection.
        """
        rows = view.rows
        if rows.n_variables > _MOST_FREE_POWERS:
            return
        size = rows.n_variables if rows.n_variables > 1 else _SIMPLE_FEATURES
        dictionary = enumerate_features(rows.columns, rows.variables, size=size, library=self.library)
        log_template = TEMPLATES["log|y|"]
        hits = search_span(dictionary, rows.columns, rows.target, log_template, row_weights=rows.weights, most=1)
        which = np.log2(max(len(dictionary) / rows.n_variables, 1.0))
        # Without a feature they are no member of that larger family, and cost less to name.
        for hit, bits in ((Hit.none(log_template), 0.0), *((hit, which) for hit in hits[:1])):
            formulas = formulas_of(hit, dictionary, rows.columns, rows.target, rows.weights)
            self._propose_all(view, ((formula, _MONOMIAL_BITS + bits) for formula in formulas), "monomial")
        self.candidates.polish()

    def read_once(self, view: View, noise: float) -> None:
        """Propose the formulas in which each of two to four columns appears once, every curve a law of its own.

        ``noise`` is a mean square in squared units of the user's target.
        """
        if self.candidates.exact or view.rows.is_constant:
            return
        noise, stop = noise / view.unit, self.budget.exhausted
        laws = read_once_laws(view.rows, self.library, noise=noise, seed=self.seed, should_stop=stop)
        self._propose_all(view, laws, "one curve of each column")
        self.candidates.polish()

    def quotients(self, view: View) -> None:
        """Propose quotients of polynomials, their logarithms and powers, and roots of quadratics: exact ones only."""
        rows, stop = self._exact_rows(view), self.budget.exhausted
        self._admit_exact(view, exact_quotients(rows, stop), "quotient of polynomials")
        self._admit_exact(view, exact_roots_of_quadratics(rows, stop), "root of a quadratic equation")
        self._admit_exact(view, laws_with_outer_constant(rows, self.library, stop), "law with an outer constant")

    def outer_functions(self, view: View) -> None:
        """Propose functions of quotients, with a factor in front or a constant beside them: exact ones only."""
        if not (view.rows.n_variables < 1 or view.rows.is_constant or self.candidates.exact):
            laws = laws_of_outer_function(self._exact_rows(view), self.library, self.budget.exhausted)
            self._admit_exact(view, laws, "function of a quotient")

    def fitted_quotients(self, view: View) -> None:
        """Propose the quotients of polynomials that describe rows with noise briefly."""
        if view.rows.n_variables > 1 and not self.candidates.exact:
            self.propose(
                view, fitted_quotients(self._exact_rows(view), self.budget.exhausted), "quotient of polynomials"
            )

    def quotients_of_roots(self, view: View) -> None:
        """Propose the quotients of polynomials in the square root of one column and in the others: exact ones only."""
        for place in np.flatnonzero(np.all(view.rows.columns > 0, axis=0)).tolist():
            if not self.candidates.exact and not self.budget.exhausted():
                root = view.in_power(sympy.S.Half, place)
                laws = exact_quotients(self._exact_rows(root), self.budget.exhausted)
                self._admit_exact(root, laws, "quotient of polynomials")

    def inner_constants(self, view: View) -> None:
        """Propose the laws with one function that holds a constant inside and that the rows obey up to rounding."""
        if view.rows.n_variables < 1 or view.rows.is_constant or self.candidates.exact:
            return
        laws = laws_with_inner_constant(self._exact_rows(view), self.library, self.budget.exhausted)
        self._admit_exact(view, laws, "law with an inner constant")

    def _exact_rows(self, view: View) -> Rows:
        """Rows enough to tell what is exact."""
        return view.rows.sample(_EXACT_ROWS, np.random.default_rng(self.seed))

    def _admit_exact(self, view: View, laws: Iterable[tuple[sympy.Expr, float]], origin: str) -> None:
        if not self.candidates.exact:
            self.candidates.admit_exact(self._lifted(view, laws), origin)

    def span(
        self,
        view: View,
        *,
        deep: bool = False,
        between: Callable[[], None] | None = None,
    ) -> None:
        """Propose what least squares makes of a few features of the dictionary, for each transform of the target.

        What is exact on the sample is looked at first, of whichever template it is; ``between`` is called before the
        others, which are many.
        """
        self.budget.spend()
        if self.budget.exhausted():
            return
        rows = view.rows.sample(_DICTIONARY_ROWS, np.random.default_rng(self.seed))
        stop = self.budget.exhausted
        dictionary = self.dictionary(rows)
        data, device = (rows.columns, rows.target), span_device(self.device, *dictionary.values.shape)
        options = {"row_weights": rows.weights, "deep": deep, "noise": self.noise, "device": device}
        others: list[Hit] = []
        for template in self.templates:
            if stop():
                return
            hits = search_span(dictionary, *data, template, should_stop=stop, **options)[:_FORMULAS_OF_A_TEMPLATE]
            exact = [hit for hit in hits if hit.unexplained < _EXACT_ON_SAMPLE]
            others += [hit for hit in hits if hit.unexplained >= _EXACT_ON_SAMPLE]
            if self._proposed(view, exact, dictionary, rows):
                return
        if between is not None:
            between()
        last = sorted(hit.bits for hit in others)[:_FORMULAS_OF_ALL][-1:]
        for _, group in itertools.groupby(others, key=lambda hit: hit.template.name):
            # The best of each in any case: a transform may promise little and fit well once all constants are free.
            worth = [hit for place, hit in enumerate(group) if place < _FORMULAS_IN_ANY_CASE or hit.bits <= last[0]]
            if self._proposed(view, worth, dictionary, rows):
                return

    def short_span(self, view: View, only_exact: bool = False) -> None:
        """Propose the best of the simplest features for each transform: most of a span search, in half a second.

        A search that ends before its span search has these. What is exact on the sample alone is quick,
        so that more features can be looked at.
        """
        self.budget.spend()
        if self.budget.exhausted() or self.candidates.exact:
            return
        rows = view.rows.sample(_DICTIONARY_ROWS, np.random.default_rng(self.seed))
        dictionary = self.dictionary(rows, _SHORT_DICTIONARY_OF_EXACT if only_exact else _SHORT_DICTIONARY)
        hits: list[Hit] = []
        for template in self.templates:
            if not self.budget.exhausted():
                found = search_span(
                    dictionary, rows.columns, rows.target, template, row_weights=rows.weights, noise=self.noise
                )
                hits += found[:_FORMULAS_OF_A_SHORT_SPAN]
        hits = [hit for hit in hits if not only_exact or hit.unexplained < _EXACT_ON_SAMPLE]
        self._proposed(view, sorted(hits, key=lambda hit: hit.bits), dictionary, rows)

    def _proposed(self, view: View, hits: list[Hit], dictionary: Dictionary, rows: Rows) -> bool:
        """Propose the formulas of hits and polish the best; whether the search of this view may end."""
        if self.candidates.exact or self.budget.exhausted():
            return True
        for hit in hits:
            formulas = formulas_of(hit, dictionary, rows.columns, rows.target, rows.weights)
            self._propose_all(view, ((formula, np.inf) for formula in formulas), f"span of {hit.template.name}")
            if hit.unexplained < _EXACT_ON_SAMPLE:
                self.candidates.polish()
            if self.candidates.exact or self.budget.exhausted():
                return True
        if hits:
            self.candidates.polish()
        return self.candidates.exact

    def propose(self, view: View, proposals: Iterable[tuple[sympy.Expr, float]], origin: str) -> None:
        """Propose formulas of the view with the bits that name them, and polish the best."""
        self._propose_all(view, proposals, origin)
        self.candidates.polish()

    def _propose_all(self, view: View, proposals: Iterable[tuple[sympy.Expr, float]], origin: str) -> None:
        self.candidates.propose_all(self._lifted(view, proposals), origin)

    def _lifted(
        self, view: View, proposals: Iterable[tuple[sympy.Expr, float]]
    ) -> Iterator[tuple[sympy.Expr, float]]:
        return ((view.lift(expression), view.bits + bits) for expression, bits in proposals)
