"""The search for the logit of a class: the labels' own noise is large, so a network shows first what to look for.

A label says at most one bit about the logit of its row, far too little for a search among thousands of forms. The
network of the logit gathers what neighbouring rows say; its curves and its values are what formulas are proposed for.
Every proposal is then fitted to the labels themselves by their log-loss, and the bits that it saves on them decide.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import sympy
import torch
from numpy.typing import NDArray

from kansym.discovery.candidates import Candidates
from kansym.discovery.logit_network import LogitStations, build_logit_network, logits_of
from kansym.discovery.networks import snapping_of
from kansym.discovery.search import Search
from kansym.discovery.view_search import ViewSearch
from kansym.discovery.views import View, reduced_views
from kansym.library import Library
from kansym.network import KAN
from kansym.network.surgery import used_inputs
from kansym.structure.relevance import relevant_columns
from kansym.structure.residuals import have_structure
from kansym.symbolic.description import tree_bits
from kansym.symbolic.dictionary import Dictionary
from kansym.symbolic.enumeration import enumerate_features
from kansym.symbolic.evaluation import compile_expression
from kansym.symbolic.labels import LabelledRows
from kansym.symbolic.logit_terms import sums_of_terms
from kansym.symbolic.rows import Rows
from kansym.symbolic.span import TEMPLATES

__all__ = ["LogitSearch"]

_WAVES = ("sin", "cos", "tan")
_TWO_TURNS = 4.0 * np.pi
_DICTIONARY_SIZE = 6000
_FEATURES_OF_SUMS, _MOST_TERMS = 1000, 8
# What the curves of a network gain on its own labels by chance.
_LUCK_OF_NETWORK = 4.0
_LEAST_INFORMATION = 0.02
_SPAN_ROWS = 200
# Each pair of columns that might be one is a smooth model of all.
_MOST_FOR_SYMMETRIES = 8


class _LogitCandidates(Candidates):
    """Formulas fitted to labels: many rows even for a quick fit, no wave that is seen only once, no pole inside."""

    n_quick_rows = 1000

    def admits(self, expression: sympy.Expr) -> bool:
        """Whether formulas of this kind are looked at.

        On less than two turns a wave is a step or a hump between two gaps, for which labels take it gladly. A pole in
        the gap between two classes tells them apart, too, and is ever surer of itself the less is known there.
        """
        if not super().admits(expression):
            return False
        waves: list[Any] = [node.args[0] for node in expression.atoms(sympy.sin, sympy.cos, sympy.tan)]
        divisors: list[Any] = [node.base for node in expression.atoms(sympy.Pow) if node.exp.is_negative]
        return all(bool(np.ptp(self._values(angle)) >= _TWO_TURNS) for angle in waves) and not any(
            bool(self._values(divisor).min() < 0.0 < self._values(divisor).max()) for divisor in divisors
        )

    def _values(self, expression: sympy.Expr) -> NDArray[np.float64]:
        rows = self.quick_rows
        return compile_expression(expression, rows.variables, self.library)(rows.columns)


class _LogitViews(ViewSearch):
    """Views of a denoised logit: fewer templates, and as many features as labels can tell apart."""

    # A logit crosses zero where the classes are even, so that its logarithm, inverse and roots are of no use. The odds
    # do not: they are the exponential of the logit.
    templates = tuple(TEMPLATES[name] for name in ("y", "y without constant", "exp(y)"))

    def dictionary(self, rows: Rows, size: int = _DICTIONARY_SIZE) -> Dictionary:
        """The features of a span search, with waves only where a column is long enough to show one."""
        long = bool(np.any(np.ptp(rows.columns, axis=0) >= _TWO_TURNS))
        functions = [function for function in self.library if long or function.name not in _WAVES]
        return enumerate_features(
            rows.columns,
            rows.variables,
            size=size,
            library=Library(functions),
            should_stop=self.budget.exhausted,
        )


class LogitSearch(Search):
    """A search over :class:`LabelledRows`."""

    candidates_of = _LogitCandidates
    views_of = _LogitViews

    stations: LogitStations | None = None

    def stages(self) -> Iterator[str]:
        """Work through the search; each stage gives its name when it is done."""
        if self.all_rows.is_constant or self.all_rows.n_variables == 0:
            return
        rows = self.candidates.rows
        self.relevant = relevant_columns(rows.columns, rows.target, rows.weights, seed=self.seed)
        yield "relevant columns"
        self._sums_of_columns()
        yield "sums of columns"
        self._sums_of_features()
        yield "sums of features"
        self._network()
        yield "network"
        if self.pruned is None or not (used := used_inputs(self.pruned).nonzero()[:, 0].tolist()):
            return
        seen = self.denoised.select(used)  # its logits do not depend on the other columns
        whole, self.of_view = View.of(seen), replace(self.of_view, noise=self.doubt)
        few = len(used) <= _MOST_FOR_SYMMETRIES
        self.views = reduced_views(seen, self.seed, self.budget.exhausted) if few else (whole,)
        self.budget.spend()
        for view in reversed(self.views[1:]):
            if view.rows.n_variables > 0 and not view.rows.is_constant:
                self.of_view.one_variable(view)
                self.of_view.span(view)
        yield "symmetries"
        for stage, work in (
            ("snapping", self._snap),
            ("laws of one variable", lambda: self.of_view.one_variable(whole)),
            ("span search", lambda: self.of_view.span(whole)),
            ("deep span search", lambda: self.of_view.span(whole, deep=True)),
        ):
            if not self.settled:
                work()
                yield stage

    @property
    def labelled(self) -> LabelledRows:
        """The rows of the search with only the relevant columns."""
        rows = self.rows
        assert isinstance(rows, LabelledRows)
        return rows

    @property
    def denoised(self) -> Rows:
        """The pruned network's logits as a target, each weighted by what its label tells about it."""
        rows = self.labelled
        assert self.pruned is not None
        logits = logits_of(self.pruned, rows)
        weights = np.maximum(rows.information(logits), _LEAST_INFORMATION * rows.weights)
        return Rows(rows.columns, logits, weights / weights.mean(), rows.variables)

    @property
    def doubt(self) -> float:
        """The share of the denoised logit that is not worth more than the labels say about it, for the ranking of hits.

        A formula that misses the share ``u`` of the logit's variance costs the labels ``½·n·I·u`` of that variance in
        nats, ``I`` the mean information of a row. The span search ranks by ``½·m·log(u + doubt)`` on its ``m`` rows,
        which rises as fast at ``u = 0`` where the doubt is ``m/(n·I·variance)``.
        """
        rows, denoised = self.labelled, self.denoised
        gain = float(np.sum(rows.information(denoised.target))) * denoised.variance
        return min(len(rows), _SPAN_ROWS) / max(gain, 1.0)

    def _sums_of_columns(self) -> None:
        """Linear logits, of one column, two and so on; the columns of the best one are relevant, whatever a test says.

        The test wants each column to tell something beside all others, which few of many that go together do.
        """
        rows = self.candidates.quick_rows
        self._propose_sums(rows.columns, rows.variables, np.full(rows.n_variables, np.log2(max(rows.n_variables, 2))))
        if self.best is not None:
            used = {i for i, variable in enumerate(rows.variables) if self.best.expression.has(variable)}
            self.relevant = sorted(used.union(self.relevant))

    def _sums_of_features(self) -> None:
        rows = self.candidates.quick_rows.select(self.relevant)
        features = self.of_view.dictionary(rows, _FEATURES_OF_SUMS)
        expressions = [features.expression(i) for i in range(len(features))]
        self._propose_sums(features.values.T, expressions, np.array([tree_bits(one) for one in expressions]))

    def _propose_sums(
        self, features: NDArray[np.float64], expressions: Sequence[sympy.Expr], costs: NDArray[np.float64]
    ) -> None:
        rows = self.candidates.quick_rows
        assert isinstance(rows, LabelledRows)
        for found in sums_of_terms(rows, features, costs, _MOST_TERMS, self.budget.exhausted):
            start, *slopes = found.constants.tolist()
            terms = [sympy.Float(slope) * expressions[i] for slope, i in zip(slopes, found.chosen, strict=True)]
            self.candidates.propose(sympy.Add(sympy.Float(start), *terms), "sum of terms", found.bits)
        self.candidates.polish()

    def _network(self) -> None:
        self.stations = build_logit_network(self.labelled, self.settings.network, self.seed, self.budget)
        self.network, self.pruned = self.stations.network, self.stations.pruned

    def _snap(self) -> None:
        if self.budget.exhausted() or self.pruned is None:
            return
        rows = self.denoised
        self.snapping = snapping_of(self.pruned, rows, self.settings.library, self.seed, self.budget.exhausted)
        self.budget.spend()
        self._take(self.snapping.in_context())

    @property
    def settled(self) -> bool:
        """Whether the best formula predicts as well as the network and its residuals know nothing of the columns."""
        best, stations = self.best, self.stations
        if best is None or stations is None or (best.loss - stations.loss) * len(self.rows) > _LUCK_OF_NETWORK:
            return False
        if best.expression not in self._structured:
            rows, columns = self.labelled, self.candidates.rows.columns
            logits = compile_expression(best.expression, self.candidates.rows.variables, self.settings.library)(columns)
            p = rows.probability(logits)
            precision = rows.weights / np.maximum(p * (1.0 - p), _LEAST_INFORMATION)
            self._structured[best.expression] = have_structure(rows.columns, rows.target - p, precision)
        return not self._structured[best.expression]

    def _to_learn(self, symbolic: KAN, rows: Rows) -> Rows:
        """The formula's own logits: labels would have the splines go on to certainty."""
        values = symbolic.evaluate(torch.tensor(rows.columns)).numpy()[:, 0]
        return Rows(rows.columns, values, rows.weights, rows.variables)
