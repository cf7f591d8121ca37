"""Manual mode: a network whose edges are named one by one, every step a new value that can be undone and replayed."""

from kansym.workbench.bench import Workbench
from kansym.workbench.steps import Step

__all__ = ["Step", "Workbench"]
