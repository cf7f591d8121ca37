"""Finding equations in data with Kolmogorov–Arnold networks.

The pipeline, every arrow a function that returns a new value::

    X, y → structure → network → pruned network → symbolic network → formula → Pareto front

* ``kansym.structure``: which columns matter, and the network with one hidden node in closed form.
* ``kansym.network``: networks of splines in torch, trained with exact Jacobians, pruned; ``KAN`` and ``KANLayer`` drop
  into any torch model.
* ``kansym.symbolic``: curves snapped to functions, formulas, their constants, complexity and front.
* ``kansym.discovery``: the search that brings them together under one budget.
* ``kansym.comparison``: the same problems, time and judge for many methods; :func:`compare`.
* ``kansym.workbench``: the same by hand, edge after edge, with undo and a script that replays it.
* :class:`KANRegressor`: all of it behind scikit-learn's interface; ``kansym fit`` on the command line.
* :class:`KANClassifier`: the same for classes; its formulas are their logits.

Names are loaded when they are first used: importing kansym imports neither torch nor sympy.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kansym.classifier import KANClassifier
    from kansym.comparison.compare import compare
    from kansym.library import Library, SymbolicFunction, default_library
    from kansym.regressor import KANRegressor

__all__ = ["KANClassifier", "KANRegressor", "Library", "SymbolicFunction", "compare", "default_library"]

__version__ = "0.1.0"

_HOMES = {
    "KANClassifier": "kansym.classifier",
    "KANRegressor": "kansym.regressor",
    "Library": "kansym.library",
    "SymbolicFunction": "kansym.library",
    "compare": "kansym.comparison.compare",
    "default_library": "kansym.library",
}


def __getattr__(name: str) -> Any:
    """Load a public name from its module on first use."""
    if name not in _HOMES:
        raise AttributeError(f"module 'kansym' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    """List the public names."""
    return [*__all__, "__version__"]
