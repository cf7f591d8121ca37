"""Our own method: KANRegressor with the functions that the operators of the comparison can express."""

from __future__ import annotations

from kansym.comparison.methods.base import Answer, Method, Task
from kansym.comparison.methods.edge_functions import edge_functions

__all__ = ["Kansym"]


class Kansym(Method):
    """:class:`kansym.KANRegressor` as a user gets it, but for library, time limit and seed.

    The library is cut down to :func:`kansym.comparison.methods.edge_functions.edge_functions`; the front is everything
    on the front of the fit.
    """

    name = "kansym"
    modules = ("kansym",)
    packages = ("kansym", "torch", "scipy", "sympy")
    about = "Kolmogorov-Arnold networks, structure search and span search; this package"

    def load(self) -> None:
        """Import the pipeline and run it once on a few rows, since torch and sympy set themselves up at first use."""
        import numpy as np

        from kansym.regressor import KANRegressor

        x = np.linspace(1.0, 2.0, 20).reshape(-1, 1)
        KANRegressor(max_steps=2, time_limit=1.0, random_state=0).fit(x, x[:, 0] ** 2)

    def fit(self, task: Task) -> Answer:
        """Search formulas."""
        from kansym.regressor import KANRegressor

        model = KANRegressor(
            library=edge_functions(task.operators), time_limit=task.time_limit, random_state=task.seed
        ).fit(task.X, task.y)
        (front,) = model.fronts_
        return Answer(model.sympy(), tuple(formula.expression for formula in front))
