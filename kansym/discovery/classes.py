"""One logit for each class: searched class by class, then fitted together.

With K classes the probabilities are the softmax of K logits, which knows only their differences. One class is the
reference and has the logit 0 (baseline-category logits, Agresti 2013, "Categorical Data Analysis", section 8.1). Each
other logit is then a function of its own: the log-odds of its class against the reference, whatever other classes there
are. Given the logits of all others, a class against the rest is a problem of two classes with an offset; networks give
the offsets of the searches, and the selected formulas those of the final fits.

Classes are numbered in the order in which they appear in the rows: their names and the order of these change nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import sympy
from numpy.typing import NDArray
from scipy.special import logsumexp
from threadpoolctl import threadpool_limits

from kansym.discovery.budget import Budget
from kansym.discovery.confidence import Confidence
from kansym.discovery.logit_network import build_logit_network, logits_of
from kansym.discovery.outcome import Discovery, Progress, SearchSettings
from kansym.discovery.several import discover_each
from kansym.discovery.single import INTERRUPTED
from kansym.library import Library
from kansym.network.surgery import negated
from kansym.symbolic.complexity import complexity
from kansym.symbolic.constants import assess, refit
from kansym.symbolic.description import constant_bits, label_evidence
from kansym.symbolic.evaluation import compile_expression
from kansym.symbolic.front import Formula, HallOfFame, ParetoFront, select
from kansym.symbolic.labels import LabelledRows, null_loss, smoothed_shares
from kansym.symbolic.normal_form import normal_form
from kansym.symbolic.rows import Rows
from kansym.symbolic.topology import network_of

__all__ = ["REFERENCE", "discover_classes"]

Array = NDArray[np.float64]

REFERENCE = "reference"
"""The origin of the formula 0 of the reference."""

_SWEEPS = 2
_NETWORK_SHARE = 0.4
_JOINT_SHARE = 0.1
_SEARCHED_ROWS, _FEWEST_OF_A_CLASS = 10_000, 100
_LEAST_SECONDS = 0.1
_JOINT_ROUNDS = 30
_JOINT_EVALUATIONS = 10
_CONVERGED = 1e-10
_EVEN = 1e-6


def discover_classes(
    rows: Rows,
    settings: SearchSettings,
    seed: int = 0,
    *,
    time_limit: float | None = None,
    max_steps: int | None = None,
    n_jobs: int | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    known: Sequence[Sequence[Formula]] | None = None,
    on_improvement: Callable[[tuple[Discovery, ...]], None] | None = None,
) -> tuple[Discovery, ...]:
    """Search the logits of the classes of some rows.

    Parameters
    ----------
    rows : Rows
        The target holds classes as integers from 0, each of which occurs.
    settings : SearchSettings
    seed : int
    time_limit, max_steps, n_jobs, on_progress
        As in :func:`discover_each`, each class a table.
    known : sequence of sequence of Formula, optional
        For each outcome, formulas that compete from the start. If, of three or more classes, those selected of them say
        labels and formulas in fewer bits than what is found, they stay.
    on_improvement : callable, optional
        As in :func:`discover_each`, with the outcomes as they would be now.

    Returns
    -------
    tuple of Discovery
        One for two classes, the logit of class 1; else one for each class, that of the reference being 0. The reference
        is the class of most weight, of equals the first to appear.
    """
    codes = rows.target.astype(int)
    _, first = np.unique(codes, return_index=True)
    order = np.argsort(first)  # from the number by appearance to the class
    number = np.argsort(order)
    appearing = replace(rows, target=number[codes].astype(float))
    limits: dict[str, Any] = {"max_steps": max_steps, "n_jobs": n_jobs, "on_progress": on_progress}
    is_binary, is_turned = len(order) == 2, order[1] == 0

    def as_asked(found: tuple[Discovery, ...]) -> tuple[Discovery, ...]:
        """In the order of the classes."""
        if is_binary:
            return (_negated(found[0]),) if is_turned else found
        return tuple(found[k] for k in number)

    limits["on_improvement"] = None if on_improvement is None else lambda found: on_improvement(as_asked(found))
    if not is_binary:
        inside = None if known is None else [known[k] for k in order]
        return as_asked(_Classes(appearing).discover(settings, seed, time_limit, limits, inside))
    inside = known
    if known is not None and is_turned:
        inside = [[_of_the_other(formula) for formula in known[0]]]
    labelled = LabelledRows.binary(rows.columns, number[codes], rows.weights, rows.variables)
    return as_asked(discover_each([labelled], settings, [seed], time_limit=time_limit, known=inside, **limits))


def _of_the_other(formula: Formula) -> Formula:
    """The logit of the other one of two classes."""
    expression = normal_form(-formula.expression)
    return replace(formula, expression=expression, complexity=complexity(expression))


def _negated(found: Discovery) -> Discovery:
    """The discovery for the other one of two classes."""
    stations = (found.network, found.pruned_network, found.symbolic_network)
    network, pruned, symbolic = (None if station is None else negated(station) for station in stations)
    front = replace(found.front, formulas=tuple(_of_the_other(formula) for formula in found.front))
    return replace(found, front=front, network=network, pruned_network=pruned, symbolic_network=symbolic)


@dataclass(frozen=True, eq=False)
class _Classes:
    """Rows of three or more classes, numbered by appearance."""

    rows: Rows

    @property
    def codes(self) -> NDArray[np.intp]:
        return self.rows.target.astype(int)

    @property
    def counts(self) -> Array:
        return np.bincount(self.codes, weights=self.rows.weights).astype(float)

    def given(self, number: int, logits: Array) -> LabelledRows:
        """The rows of one class against the rest, given the logits (n_rows, K) of all others."""
        rows, codes = self.rows, self.codes
        own = codes == number
        others: Any = logsumexp(np.delete(logits, number, axis=1), axis=1)
        goal = smoothed_shares(codes, rows.weights, logits.shape[1])[:, number]
        rest = np.where(own, 0.0, others - logits[np.arange(len(codes)), codes])
        loss = null_loss(codes, rows.weights)
        return LabelledRows(rows.columns, own.astype(float), rows.weights, rows.variables, goal, -others, rest, loss)

    def sample(self, seed: int) -> _Classes:
        """Rows enough for the searches, whose networks would take seconds for a million; all if a class is rare."""
        sample = _Classes(self.rows.sample(_SEARCHED_ROWS, np.random.default_rng(seed)))
        present = np.bincount(sample.codes, minlength=len(self.counts))
        return sample if present.min() >= _FEWEST_OF_A_CLASS else self

    def discover(
        self,
        settings: SearchSettings,
        seed: int,
        time_limit: float | None,
        limits: dict[str, Any],
        known: Sequence[Sequence[Formula]] | None = None,
    ) -> tuple[Discovery, ...]:
        """Search on some of the rows; the formulas found are fitted to all."""
        counts, some = self.counts, self.sample(seed)
        reference = int(np.argmax(counts))
        searched = [number for number in range(len(counts)) if number != reference]
        budget, networks_budget = Budget(time_limit), Budget(_share(time_limit, _NETWORK_SHARE), limits["max_steps"])
        with threadpool_limits(limits=1):
            logits = some._network_logits(searched, reference, settings, seed, networks_budget)
        limits["is_interrupted"] = networks_budget.was_interrupted
        tables = [some.given(number, logits) for number in searched]
        left = None
        if time_limit is not None:
            left = max((1.0 - _JOINT_SHARE) * time_limit - budget.elapsed, _LEAST_SECONDS * len(tables))

        def together(found: Sequence[Discovery], should_stop: Callable[[], bool]) -> tuple[Discovery, ...]:
            of_class = dict(zip(searched, found, strict=True))
            fitted = self._fitted_together(of_class, reference, settings, should_stop)
            return fitted if known is None else self._no_worse(fitted, of_class, known, reference, settings)

        if (tell := limits["on_improvement"]) is not None:
            limits["on_improvement"] = lambda found: tell(together(found, lambda: True))
        old = None if known is None else [known[number] for number in searched]
        seeds = [seed] * len(tables)
        discoveries = discover_each(tables, settings, seeds, time_limit=left, known=old, **limits)
        try:
            return together(discoveries, budget.exhausted)
        except KeyboardInterrupt:
            if any(discovery.reason == INTERRUPTED for discovery in discoveries):
                raise  # the second one ends at once
            return together([replace(discovery, reason=INTERRUPTED) for discovery in discoveries], lambda: True)

    def _network_logits(
        self, searched: Sequence[int], reference: int, settings: SearchSettings, seed: int, budget: Budget
    ) -> Array:
        """The logits of networks, each trained given the others, in turns."""
        counts = self.counts
        logits = np.tile(np.log(counts / counts[reference]), (len(self.rows), 1))
        for number in [*searched] * _SWEEPS:
            if budget.exhausted():
                break
            table = self.given(number, logits)
            try:
                stations = build_logit_network(table, settings.network, seed, budget)
                logits[:, number] = logits_of(stations.pruned, table)
            except KeyboardInterrupt:
                budget.interrupt()
        return logits

    def _fitted_together(
        self, found: dict[int, Discovery], reference: int, settings: SearchSettings, should_stop: Callable[[], bool]
    ) -> tuple[Discovery, ...]:
        """Fit the constants of every front anew, given the selected formulas of the other classes, until they agree.

        Each fit is a valid state, so the rounds may end after any; from then on constants stay as they are.
        """
        fronts = {number: self._defined(discovery.front, settings.library) for number, discovery in found.items()}
        logits = np.zeros((len(self.rows), len(found) + 1))
        for number, front in fronts.items():
            logits[:, number] = self._values(front[select(front, settings.selection)], settings.library)
        before = np.inf
        for _ in range(_JOINT_ROUNDS):
            for number in fronts:
                if should_stop():
                    break
                front, chosen = fronts[number], select(fronts[number], settings.selection)
                table = self.given(number, logits)
                fit = refit(
                    front[chosen].expression, table, library=settings.library, max_evaluations=_JOINT_EVALUATIONS
                )
                # An even class has the logit 0, which a fit reaches up to rounding only.
                even = fit.expression.is_Float and abs(fit.expression) < _EVEN
                expression = sympy.S.Zero if even else fit.expression
                fitted = replace(front[chosen], expression=expression, uncertainty=fit.uncertainty)
                formulas = [fitted if i == chosen else formula for i, formula in enumerate(front)]
                fronts[number] = replace(front, formulas=tuple(formulas))
                logits[:, number] = self._values(fitted, settings.library)
            loss = self.given(reference, logits).misfit(logits[:, reference])
            if should_stop() or before - loss <= _CONVERGED * loss:
                break
            before = loss
        return tuple(
            self._reference(found, logits, reference)
            if number == reference
            else self._with_front(
                found[number], self._front(fronts[number], number, logits, settings, should_stop), settings
            )
            for number in range(len(found) + 1)
        )

    def _no_worse(
        self,
        fitted: tuple[Discovery, ...],
        found: dict[int, Discovery],
        known: Sequence[Sequence[Formula]],
        reference: int,
        settings: SearchSettings,
    ) -> tuple[Discovery, ...]:
        """What is found, unless the selected ones of known formulas say labels and formulas in fewer bits.

        Each search judges known formulas beside the networks of the other classes; only together do they mean the same.
        """
        fronts = {}
        for number, discovery in found.items():
            allowed = tuple(formula for formula in known[number] if settings.allow(formula))
            front = replace(discovery.front, formulas=allowed, n_rows=len(self.rows))
            fronts[number] = self._defined(front, settings.library)
        if not all(len(front) for front in fronts.values()):
            return fitted
        earlier = {number: discovery.with_front(fronts[number]) for number, discovery in found.items()}
        before = self._fitted_together(earlier, reference, settings, lambda: True)
        return min(fitted, before, key=lambda one: self._bits(one, settings))

    def _bits(self, discoveries: tuple[Discovery, ...], settings: SearchSettings) -> float:
        """Bits of the labels by the selected formulas, and of these."""
        chosen = [discovery.front[select(discovery.front, settings.selection)] for discovery in discoveries]
        logits = np.column_stack([self._values(formula, settings.library) for formula in chosen])
        labels = len(self.rows) * self.given(0, logits).loss(logits[:, 0]) / math.log(2.0)
        constants = constant_bits(len(self.rows)) * sum(formula.n_constants for formula in chosen)
        return labels + constants + sum(formula.structure_bits for formula in chosen)

    def _front(
        self,
        front: ParetoFront,
        number: int,
        logits: Array,
        settings: SearchSettings,
        should_stop: Callable[[], bool],
    ) -> ParetoFront:
        """The front of a class given the others' selected formulas: constants fitted anew but for the selected one."""
        table, chosen = self.given(number, logits), select(front, settings.selection)
        hall = HallOfFame(table.variance, len(table), evidence=label_evidence)
        for i, formula in enumerate(front):
            judged = assess if i == chosen or should_stop() else refit
            fit = judged(formula.expression, table, library=settings.library)
            fitted = Formula.from_fit(fit, table.variance, formula.origin, formula.structure_bits)
            hall = hall.add(replace(fitted, digits=formula.digits))
        return hall.front()

    def _with_front(self, found: Discovery, front: ParetoFront, settings: SearchSettings) -> Discovery:
        chosen = front[select(front, settings.selection)]
        # Beside the others' formulas another one may be selected, with columns that the search had put aside.
        used = (i for i, variable in enumerate(self.rows.variables) if variable in chosen.expression.free_symbols)
        found = found.with_columns(tuple(sorted({*found.relevant, *used})))
        network = network_of(chosen.expression, [self.rows.variables[i] for i in found.relevant], settings.library)
        return replace(found.with_front(front), symbolic_network=network)

    def _reference(self, found: dict[int, Discovery], logits: Array, reference: int) -> Discovery:
        """What there is to say of the reference: its logit is 0."""
        table = self.given(reference, logits)
        fit = assess(sympy.S.Zero, table)
        front = ParetoFront(
            (Formula.from_fit(fit, table.variance, REFERENCE),), table.variance, len(table), label_evidence
        )
        network = network_of(sympy.S.Zero, self.rows.variables[:1])
        certain = Confidence(1.0, 0, float("inf"), exact=False)
        seconds = max(discovery.seconds for discovery in found.values())
        return Discovery(front, network, network, network, (0,), certain, "the reference has the logit 0", 0, seconds)

    def _defined(self, front: ParetoFront, library: Library) -> ParetoFront:
        """The formulas that have a value on every row: the search may have looked at some of the rows only."""
        kept = tuple(formula for formula in front if np.all(np.isfinite(self._values(formula, library))))
        return replace(front, formulas=kept)

    def _values(self, formula: Formula, library: Library) -> Array:
        return compile_expression(formula.expression, self.rows.variables, library)(self.rows.columns)


def _share(limit: float | None, share: float) -> float | None:
    return None if limit is None else share * limit
