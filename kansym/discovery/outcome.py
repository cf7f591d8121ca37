"""What a search is told, what it tells while it works, and what it leaves."""

from __future__ import annotations

import html
from dataclasses import dataclass, field, replace

from kansym.discovery.confidence import Confidence
from kansym.discovery.networks import NetworkSettings
from kansym.library import Library
from kansym.network import KAN, widen_inputs
from kansym.symbolic.front import Formula, ParetoFront
from kansym.symbolic.grammar import is_allowed
from kansym.symbolic.normal_form import skeleton

__all__ = ["Discovery", "Progress", "SearchSettings"]


@dataclass(frozen=True)
class SearchSettings:
    """What a search is told; see :class:`kansym.KANRegressor` for the meanings."""

    library: Library
    network: NetworkSettings = field(default_factory=NetworkSettings)
    max_complexity: int = 40
    selection: str = "best"

    def allow(self, formula: Formula) -> bool:
        """Whether a formula of an earlier search is one that this search might find."""
        return formula.complexity <= self.max_complexity and is_allowed(formula.expression, self.library)


@dataclass(frozen=True)
class Progress:
    """What a search tells while it works."""

    stage: str
    elapsed: float
    best: Formula | None


@dataclass(frozen=True, repr=False)
class Discovery:
    """The outcome of a search for one target.

    Attributes
    ----------
    front : ParetoFront
    network, pruned_network, symbolic_network : KAN or None
        The stations of the pipeline that the budget allowed; the symbolic one may keep spline edges.
    relevant : tuple of int
        Columns that were searched.
    confidence : Confidence
    reason : str
        Why the search ended.
    steps : int
    seconds : float
    """

    front: ParetoFront
    network: KAN | None
    pruned_network: KAN | None
    symbolic_network: KAN | None
    relevant: tuple[int, ...]
    confidence: Confidence
    reason: str
    steps: int
    seconds: float

    def with_front(self, front: ParetoFront) -> Discovery:
        """The same with another front, of which formulas of the same form have the confidence that they had.

        Examples
        --------
        >>> import numpy as np
        >>> from kansym import KANRegressor
        >>> x = np.linspace(1.0, 3.0, 30)[:, None]
        >>> found = KANRegressor(max_steps=30, random_state=0).fit(x, 2 * x[:, 0]).discoveries_[0]
        >>> shorter = replace(found.front, formulas=found.front.formulas[1:])
        >>> found.confidence.shares, found.with_front(shorter).confidence.shares
        ((0.0, 1.0), (1.0,))
        """
        before = zip(self.front, self.confidence.shares, strict=False)
        known = {skeleton(formula.expression): share for formula, share in before}
        shares = tuple(known.get(skeleton(formula.expression), float("nan")) for formula in front) if known else ()
        return replace(self, front=front, confidence=replace(self.confidence, shares=shares))

    def with_columns(self, columns: tuple[int, ...]) -> Discovery:
        """The same with networks of more columns, in which the new ones have no effect.

        Examples
        --------
        >>> import numpy as np
        >>> from kansym import KANRegressor
        >>> x = np.linspace(1.0, 3.0, 30)[:, None]
        >>> found = KANRegressor(max_steps=30, random_state=0).fit(x, 2 * x[:, 0]).discoveries_[0]
        >>> wider = found.with_columns((0, 2))
        >>> wider.relevant, wider.symbolic_network.widths
        ((0, 2), (2, 1))
        """
        if columns == self.relevant:
            return self
        places = [columns.index(column) for column in self.relevant]
        stations = (self.network, self.pruned_network, self.symbolic_network)
        wider = [None if one is None else widen_inputs(one, places, len(columns)) for one in stations]
        network, pruned, symbolic = wider
        return replace(self, network=network, pruned_network=pruned, symbolic_network=symbolic, relevant=columns)

    def __repr__(self) -> str:
        """Show the front, how sure the search is, and why it ended."""
        return f"{self.front!r}\n{self._summary()}"

    def _repr_html_(self) -> str:
        """Show the same in a notebook."""
        return f"<div>{self.front._repr_html_()}<p>{html.escape(self._summary())}</p></div>"

    def _summary(self) -> str:
        end = f"{self.reason}; {self.steps:,} steps in {self.seconds:.1f} s"
        return f"confidence: {self.confidence.sentence()}; ended: {end}"
