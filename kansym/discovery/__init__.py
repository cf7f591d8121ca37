"""The search for a formula: budget, candidates, networks, and the stages that bring them together."""

from kansym.discovery.budget import Budget
from kansym.discovery.classes import REFERENCE, discover_classes
from kansym.discovery.confidence import Confidence
from kansym.discovery.networks import NetworkSettings
from kansym.discovery.outcome import Discovery, Progress, SearchSettings
from kansym.discovery.several import discover_each
from kansym.discovery.single import discover

__all__ = [
    "REFERENCE",
    "Budget",
    "Confidence",
    "Discovery",
    "NetworkSettings",
    "Progress",
    "SearchSettings",
    "discover",
    "discover_classes",
    "discover_each",
]
