"""Formulas that were found: the hall of fame, the Pareto front, and which one to show."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import sympy
from numpy.typing import NDArray

from kansym.errors import ParameterError
from kansym.hints import brief
from kansym.symbolic.complexity import complexity
from kansym.symbolic.constants import Fit
from kansym.symbolic.description import EXACT, Evidence, constant_bits, evidence, label_evidence, tree_bits
from kansym.symbolic.evaluation import constants_of, count_constants
from kansym.symbolic.pickling import WithExpression
from kansym.symbolic.showing import formulas_html, formulas_text
from kansym.symbolic.uncertainty import Uncertainty

__all__ = ["SELECTIONS", "Formula", "HallOfFame", "ParetoFront", "advantage", "select"]

SELECTIONS = ("best", "accuracy", "simplest")
_SIMPLE_ENOUGH = 0.99
_WORTH_A_LOOK = 0.25
_ALIKE = 0.01


@dataclass(frozen=True)
class Formula(WithExpression):
    """An expression with its complexity, its loss and where it came from.

    Attributes
    ----------
    expression : sympy.Expr
        In the user's variables and units.
    complexity : int
        Nodes of the tree.
    loss : float
        Mean squared error in y units squared, on the rows of the fit; of a logit the mean log-loss in nats.
    r2 : float
        Share of the best constant's loss that is explained.
    left_out_loss : float
        The same of each row as predicted by the other rows: one that a constant serves alone speaks for nothing.
    structure_bits : float
        What the form costs: its tree, or less if it belongs to a family that is tried as a whole.
    uncertainty : Uncertainty
        Of the constants, in the order of evaluation.
    origin : str
        The part of the search that proposed it.
    digits : int
        Significant digits of the constants with which the written formula fits as well, see :func:`digits_needed`.
    """

    expression: sympy.Expr
    complexity: int
    loss: float
    r2: float
    left_out_loss: float
    structure_bits: float
    uncertainty: Uncertainty = field(compare=False, repr=False)
    origin: str = ""
    digits: int = 4

    @classmethod
    def from_fit(cls, fit: Fit, variance: float, origin: str = "", structure_bits: float = math.inf) -> Formula:
        """Make a formula of a fit; ``variance`` is that of the target on the same rows.

        ``structure_bits`` say which member of a small family of forms it is, such as the quotients of polynomials,
        where that takes fewer bits than its tree.
        """
        if variance > 0:
            r2 = 1.0 - fit.loss / variance
        else:
            r2 = 1.0 if fit.loss == 0 else 0.0
        size = complexity(fit.expression)
        structure = min(tree_bits(fit.expression), structure_bits)
        return cls(fit.expression, size, fit.loss, r2, fit.left_out_loss, structure, fit.uncertainty, origin)

    @property
    def n_constants(self) -> int:
        """Number of fitted constants."""
        return count_constants(self.expression)

    @property
    def constants(self) -> NDArray[np.float64]:
        """The fitted constants in the order of evaluation."""
        return np.array(constants_of(self.expression))

    @cached_property
    def information(self) -> NDArray[np.float64]:
        """How well the rows determine the constants, see :meth:`Uncertainty.information`."""
        return self.uncertainty.information(self.constants)

    @property
    def standard_errors(self) -> NDArray[np.float64]:
        """Standard errors of the constants, in their order; NaN where there are no more rows than constants."""
        return self.uncertainty.standard_errors

    def _repr_html_(self) -> str:
        """Show the formula and how good it is in a notebook."""
        return formulas_html([self])


@dataclass(frozen=True)
class HallOfFame:
    """The best formula ever seen at each complexity and number of constants; immutable.

    Both count: ``0.72·x⁴`` and ``0.77·x^3.86`` have trees of the same size, but the first needs less from the data.

    Attributes
    ----------
    variance : float
        Of the target; losses below 1e-20 of it are equal, since only rounding is left.
    n_rows : int
    best : dict
        From (complexity, number of constants) to formula.
    evidence : callable
        What a difference of losses says, in bits: :func:`kansym.symbolic.description.evidence` for squared errors,
        ``label_evidence`` for log-losses.
    """

    variance: float
    n_rows: int
    best: dict[tuple[int, int], Formula] = field(default_factory=dict)
    evidence: Evidence = evidence

    def add(self, formula: Formula) -> HallOfFame:
        """Return the hall of fame after one more formula; the order of additions does not matter."""
        key = (formula.complexity, formula.n_constants)
        known = self.best.get(key)
        if not math.isfinite(formula.loss) or (known is not None and self._rank(known) <= self._rank(formula)):
            return self
        return replace(self, best={**self.best, key: formula})

    def merge(self, other: HallOfFame) -> HallOfFame:
        """Return the better of two halls at each complexity."""
        merged = self
        for formula in other.best.values():
            merged = merged.add(formula)
        return merged

    def _rank(self, formula: Formula) -> tuple[float, float, str, float]:
        if self.evidence is label_evidence:
            # Labels hardly tell forms of one size apart by a bit or two: then the plainer form is the better one.
            saved = label_evidence(self.variance, formula.loss, self.variance, self.n_rows, formula.n_constants)
            return (formula.structure_bits - saved, formula.structure_bits, str(formula.expression), 0.0)
        # Losses that differ by rounding are equal.
        loss = float(f"{max(formula.loss, EXACT * self.variance):.6e}")
        return (loss, formula.structure_bits, str(formula.expression), formula.left_out_loss)

    def front(self) -> ParetoFront:
        """Formulas that are better than all simpler ones by more than luck, simplest first.

        A search over thousands of forms always finds one that fits a few rows a little better. A formula enters the
        front when the data pay for it as against the best constant, and for a quarter of what it costs beyond the
        last one before it: what is worth a look, a stricter rule then selects.
        """
        kept: list[Formula] = []
        for key in sorted(self.best):
            formula = self.best[key]
            while kept and self._says_more_briefly(formula, kept[-1]):
                kept.pop()
            if not kept or (self._pays(formula, None, 1.0) and self._pays(formula, kept[-1], _WORTH_A_LOOK)):
                kept.append(formula)
        return ParetoFront(tuple(kept), self.variance, self.n_rows, self.evidence)

    def _says_more_briefly(self, formula: Formula, smaller: Formula) -> bool:
        """Whether it is as good on the rows as one of a smaller tree and yet shorter to say.

        ``n1 - 7/3`` and ``1/n1²`` are multiples of each other where n1 is 1 or 2; the second needs no odd numbers.
        """
        floor = EXACT * self.variance
        alike = math.isclose(max(formula.loss, floor), max(smaller.loss, floor), rel_tol=_ALIKE)
        saved = smaller.structure_bits - formula.structure_bits - _constants_bits(formula, smaller, self)
        return alike and saved > max(_speaks_for(smaller, formula, self), 0.0)

    def _pays(self, formula: Formula, simpler: Formula | None, share: float) -> bool:
        """Whether the formula is better than a simpler one (or the best constant) by a share of what it costs."""
        speaks = _speaks_for(formula, simpler, self)
        bits = formula.structure_bits - (0.0 if simpler is None else simpler.structure_bits)
        return speaks > max(share * (bits + _constants_bits(formula, simpler, self)), 0.0)


@dataclass(frozen=True, repr=False)
class ParetoFront:
    """Formulas of rising complexity and falling loss, with the variance and number of the rows they were fitted to.

    ``evidence`` is that of :class:`HallOfFame`.
    """

    formulas: tuple[Formula, ...]
    variance: float
    n_rows: int
    evidence: Evidence = evidence

    def __len__(self) -> int:
        """Return the number of formulas."""
        return len(self.formulas)

    def __iter__(self) -> Iterator[Formula]:
        """Iterate from the simplest to the most accurate."""
        return iter(self.formulas)

    def __getitem__(self, index: int) -> Formula:
        """Return one formula."""
        return self.formulas[index]

    def __repr__(self) -> str:
        """Show the formulas as a table."""
        return formulas_text(self)

    def _repr_html_(self) -> str:
        """Show the formulas as a table in a notebook, the selected one in bold."""
        caption = f"Pareto front of {len(self)} on {self.n_rows:,} rows"
        return formulas_html(self, caption=caption, marked=select(self) if len(self) else None)

    @property
    def gains(self) -> tuple[float, ...]:
        """−Δ log loss / Δ complexity from each formula's predecessor; zero for the first."""
        gains = [0.0]
        for simpler, formula in zip(self.formulas, self.formulas[1:], strict=False):
            smallest = np.finfo(float).tiny
            drop = math.log(max(simpler.loss, smallest)) - math.log(max(formula.loss, smallest))
            gains.append(drop / max(formula.complexity - simpler.complexity, 1))
        return tuple(gains[: len(self.formulas)])


def advantage(challenger: Formula, champion: Formula, front: ParetoFront) -> float:
    """Bits by which a formula beats a simpler one: what the data say for it, less what it costs to say it."""
    costs = _constants_bits(challenger, champion, front) + challenger.structure_bits - champion.structure_bits
    return _speaks_for(challenger, champion, front) - costs


def _constants_bits(formula: Formula, simpler: Formula | None, among: HallOfFame | ParetoFront) -> float:
    """Bits for the constants of a formula beyond those of a simpler one (or the best constant).

    Each to the digits that the rows determine, with what the simpler one leaves as noise: the logarithm of the volume
    in which the constants may lie over that in which they do (Rissanen 1983, Ann. Statist. 11, sec. 3), and for each
    at least Schwarz's ``log2(n)/2``. So a fourth constant counts for more where three leave a millionth than where they
    leave half, and of two formulas with as many constants that one is shorter which needs them less exactly.
    """
    if among.evidence is label_evidence or among.variance == 0:
        more = formula.n_constants - (0 if simpler is None else simpler.n_constants)
        return more * constant_bits(among.n_rows)
    noise = max(among.variance if simpler is None else simpler.loss, EXACT * among.variance)
    bits = _digits(formula, noise, among.n_rows)
    return bits if simpler is None else bits - _digits(simpler, noise, among.n_rows)


def _digits(formula: Formula, noise: float, n_rows: int) -> float:
    with np.errstate(all="ignore"):
        parts = np.clip(formula.information / noise, n_rows, 1.0 / EXACT)
    # What nothing is known of costs what it costs at least.
    unknown = formula.n_constants - len(parts)
    return 0.5 * float(np.sum(np.log2(np.maximum(parts, 2.0)))) + unknown * constant_bits(n_rows)


def _speaks_for(formula: Formula, simpler: Formula | None, among: HallOfFame | ParetoFront) -> float:
    """Bits by which the data speak for a formula against a simpler one (or the best constant).

    No more than they do when every row is predicted by the others: with few rows a pole or a wiggle between two of them
    removes the residual of one, and would be lost without it. The mean of all other rows is ``n/(n−1)`` times as far
    from a row as that of all.
    """
    variance, n_rows = among.variance, among.n_rows
    of_mean = variance if among.evidence is label_evidence else variance * (n_rows / max(n_rows - 1, 1)) ** 2
    before = (variance, of_mean) if simpler is None else (simpler.loss, simpler.left_out_loss)
    after = (formula.loss, formula.left_out_loss)
    return min(among.evidence(b, a, variance, n_rows, formula.n_constants) for b, a in zip(before, after, strict=True))


def select(front: ParetoFront, rule: str = "best") -> int:
    """Return the position of the formula to show.

    Parameters
    ----------
    front : ParetoFront
        Not empty.
    rule : {"best", "accuracy", "simplest"}
        ``"best"``: the shortest description, found by going from the simplest formula to the most complex and changing
        over whenever the data say more for a formula than it costs. ``"accuracy"``: the lowest loss. ``"simplest"``:
        the simplest that explains 99 % of the variance that the most accurate one explains.

    Raises
    ------
    ParameterError
        If the rule is unknown.
    """
    if not isinstance(rule, str) or rule not in SELECTIONS:
        raise ParameterError(f"model_selection must be one of {', '.join(SELECTIONS)}, got {brief(rule)}")
    if rule == "best":
        champion = 0
        for position in range(1, len(front)):
            if advantage(front[position], front[champion], front) > 0:
                champion = position
        return champion
    if rule == "accuracy":
        return len(front) - 1
    enough = _SIMPLE_ENOUGH * front[len(front) - 1].r2
    return next(i for i, formula in enumerate(front) if formula.r2 >= enough)
