"""How sure the search is of the formula it selects."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from kansym.discovery.budget import Budget
from kansym.library import Library
from kansym.symbolic.constants import refit
from kansym.symbolic.description import EXACT
from kansym.symbolic.front import Formula, ParetoFront, advantage, select
from kansym.symbolic.rows import Rows

__all__ = ["Confidence", "assess_confidence"]

_RESAMPLES = 20
_RIVALS = 6


@dataclass(frozen=True)
class Confidence:
    """Agreement of resamples on the selected formula.

    Attributes
    ----------
    agreement : float
        Share of bootstrap resamples of the rows in which the same formula of the front has the shortest description
        after its constants are fitted anew; NaN if there was no time for any.
    resamples : int
        How many were drawn; none are needed where the formula is exact.
    margin : float
        Bits by which the next best formula of the front is longer; infinite without one.
    exact : bool
        Whether only rounding is left unexplained.
    shares : tuple of float
        For each formula of the front the share of the resamples in which it is selected, none for those far from the
        selected one; one and zeros where resamples are not needed; empty where there was no time for any.
    """

    agreement: float
    resamples: int
    margin: float
    exact: bool
    shares: tuple[float, ...] = ()

    def sentence(self) -> str:
        """Say it in words."""
        if self.exact:
            return "exact: what the formula leaves unexplained is rounding"
        if self.resamples == 0 and not np.isfinite(self.margin):
            return "not known: there is no second formula to compare with"
        if self.resamples == 0:
            return "not known: no time was left to resample the rows"
        words = "high" if self.agreement >= 0.9 else "moderate" if self.agreement >= 0.6 else "low"
        chosen = round(self.agreement * self.resamples)
        margin = f"; the next best formula is {self.margin:.1f} bits longer" if np.isfinite(self.margin) else ""
        return f"{words}: selected again in {chosen} of {self.resamples} resamples of the rows{margin}"


def assess_confidence(front: ParetoFront, rows: Rows, library: Library, seed: int, budget: Budget) -> Confidence:
    """Resample the rows, fit the constants of the best formulas anew, and count how often the same one is selected."""
    selected = select(front)
    others = [i for i in range(len(front)) if i != selected]
    margin = min((abs(advantage(*_ordered(front, i, selected), front)) for i in others), default=np.inf)
    exact = front[selected].loss <= EXACT * rows.variance
    if exact or len(front) == 1:
        return Confidence(1.0, 0, float(margin), exact, tuple(float(i == selected) for i in range(len(front))))
    around = sorted(range(len(front)), key=lambda i: abs(i - selected))[:_RIVALS]
    places = sorted(around)
    rivals = [front[i] for i in places]
    generator = np.random.default_rng(seed)
    counts, drawn = np.zeros(len(front)), 0
    for _ in range(_RESAMPLES):
        if budget.exhausted():
            break
        resample = rows.take(np.sort(generator.integers(0, len(rows), len(rows))))
        fits = [refit(rival.expression, resample, library=library, max_evaluations=8) for rival in rivals]
        refitted = [replace(rival, loss=fit.loss) for rival, fit in zip(rivals, fits, strict=True)]
        drawn += 1
        resampled = replace(front, formulas=tuple(refitted), variance=rows.variance, n_rows=len(rows))
        counts[places[select(resampled)]] += 1
    shares = tuple((counts / drawn).tolist()) if drawn else ()
    return Confidence(shares[selected] if drawn else float("nan"), drawn, float(margin), exact, shares)


def _ordered(front: ParetoFront, first: int, second: int) -> tuple[Formula, Formula]:
    return front[max(first, second)], front[min(first, second)]
