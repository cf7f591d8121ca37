"""What a search is told, what it tells while it works, and what it leaves."""

from __future__ import annotations

from dataclasses import dataclass, field

from kansym.discovery.confidence import Confidence
from kansym.discovery.networks import NetworkSettings
from kansym.library import Library
from kansym.network import KAN
from kansym.symbolic.front import Formula, ParetoFront

__all__ = ["Discovery", "Progress", "SearchSettings"]


@dataclass(frozen=True)
class SearchSettings:
    """What a search is told; see :class:`kansym.KANRegressor` for the meanings."""

    library: Library
    network: NetworkSettings = field(default_factory=NetworkSettings)
    max_complexity: int = 40
    selection: str = "best"


@dataclass(frozen=True)
class Progress:
    """What a search tells while it works."""

    stage: str
    elapsed: float
    best: Formula | None


@dataclass(frozen=True)
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
