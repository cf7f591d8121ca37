r"""Finding equations in data with Kolmogorov–Arnold networks.

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

Names, and parts such as ``kansym.datasets``, are loaded when they are first used: importing kansym imports neither
torch nor sympy.

Task by task
------------
Find a law, here Kepler's third in ten measured orbits; the front has the best formula of each complexity:

>>> import numpy as np
>>> import pandas as pd
>>> from kansym import KANClassifier, KANRegressor
>>> from kansym.datasets import load_dataset
>>> planets = load_dataset("planets").frame
>>> X, y = planets[["a_AU"]], planets["T_days"]
>>> model = KANRegressor(max_steps=30, random_state=0).fit(X, y)
>>> model.equations_[["complexity", "equation"]].values.tolist()
[[1, '1.996e4'], [3, '2062.0·a_AU'], [5, '365.036·a_AU^(3/2)']]

Say how well its constants and its predictions are known, here for Ceres, whose year has 1680 days:

>>> model.latex(precision="uncertainty")
'365.0365(97) a_{\\mathrm{AU}}^{\\frac{3}{2}}'
>>> [limit.round(1).item() for limit in model.prediction_interval(pd.DataFrame({"a_AU": [2.767]}))]
[1673.3, 1687.0]

Look at it: :meth:`KANRegressor.plot` and the functions of :mod:`kansym.plots`. Show it: ``model.report("kepler.html",
X, y)`` writes one page that opens offline. Keep it: ``model.save("kepler.kansym")``. Take it along, as source, as a
function of numpy or as a module of torch whose constants can be trained:

>>> model.to_source(language="c", precision=7).splitlines()[-2].strip()
'return 365.0365*pow(a_AU, 1.5);'
>>> model.to_numpy()([[1.0]]).round(4), [constant.round(decimals=4).item() for constant in model.to_torch().constants]
(array([365.0365]), [365.0365])

Steer it by hand: each step is a new workbench, ``undo`` goes back, and ``script`` is Python that does it all again:

>>> bench = model.workbench().snap((0, 0, 0), "x^n").refit()
>>> bench.formula(rounded=True).n(6)
365.036*a_AU**1.5

Classes have formulas, too: the logarithms of their odds.

>>> x = np.linspace(-1, 1, 80)[:, None]
>>> labels = np.where(x[:, 0] + 0.4 * np.sin(40 * x[:, 0]) > 0, "yes", "no")
>>> KANClassifier(max_steps=10, random_state=0).fit(x, labels).get_best()["equation"]
'4.79·x0'

Rows that come in batches: :meth:`KANRegressor.partial_fit`. Functions of your own: :class:`Library`. Beside other
methods, on your problem or on published ones: :func:`compare`. On the command line: ``kansym --help``.
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
_ROOMS = (
    "comparison",
    "datasets",
    "discovery",
    "errors",
    "export",
    "library",
    "network",
    "plots",
    "report",
    "structure",
    "symbolic",
    "tables",
    "workbench",
)


def __getattr__(name: str) -> Any:
    """Load a public name, or a part of the package, on first use."""
    if name in _ROOMS:
        return importlib.import_module(f"kansym.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'kansym' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    """List the public names, and the parts of the package."""
    return [*__all__, *_ROOMS, "__version__"]
