"""What one looks at and works on once a model is fitted: its picture, its report, its workbench."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kansym import validation

if TYPE_CHECKING:
    from os import PathLike

    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike

    from kansym.workbench import Workbench

__all__ = ["InspectionMixin", "WorkbenchMixin"]


class InspectionMixin:
    """What people look at once an estimator is fitted."""

    def plot(self: Any, ax: Axes | None = None, **options: Any) -> Axes:
        """Draw the network with its curves in its edges; see :func:`kansym.plots.plot_network` for the options.

        Other pictures are functions of :mod:`kansym.plots`. After ``partial_fit`` alone the spline network is drawn.

        Examples
        --------
        >>> import matplotlib
        >>> from kansym import KANRegressor
        >>> matplotlib.use("agg")
        >>> model = KANRegressor(max_steps=3, random_state=0).fit([[1.0], [2.0], [3.0], [4.0]], [2.0, 4.0, 6.0, 8.0])
        >>> [text.get_text() for text in model.plot().texts]
        ['x', 'x0', 'y']
        """
        from kansym.plots import plot_network

        return plot_network(self, ax=ax, **options)

    def report(
        self: Any, path: str | PathLike[str], X: ArrayLike | None = None, y: ArrayLike | None = None, **options: Any
    ) -> None:
        """Write a self-contained HTML file; the rows are optional, see :func:`kansym.report.model.model_report`.

        Examples
        --------
        >>> import pathlib, tempfile
        >>> from kansym import KANRegressor
        >>> X, y = [[1.0], [2.0], [3.0], [4.0]], [2.0, 4.0, 6.0, 8.0]
        >>> page = pathlib.Path(tempfile.mkdtemp(), "report.html")
        >>> KANRegressor(max_steps=3, random_state=0).fit(X, y).report(page, X, y)
        >>> "Cite and reproduce" in page.read_text(encoding="utf-8")
        True
        """
        from kansym.report.model import model_report

        model_report(self, path, X, y, **options)


class WorkbenchMixin:
    """The manual mode of a fitted regressor."""

    def workbench(
        self: Any,
        X: ArrayLike | None = None,
        y: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        *,
        output: int | str | None = None,
        station: str = "pruned_network",
    ) -> Workbench:
        """Start the manual mode: snap, prune and refit the network's edges by hand.

        Parameters
        ----------
        X, y, sample_weight : array_like, optional
            Rows to work on, as in :meth:`fit`. Without them, those of the fit, of which the model keeps a sample of at
            most 2,000; models that were loaded from a file have none.
        output : int or str, optional
            Position or name of the target, if there are several: a workbench has one.
        station : {"pruned_network", "network", "symbolic_network"}
            The network to start from. If the search ended before it had any, one is trained now.

        Examples
        --------
        >>> import numpy as np
        >>> from kansym import KANRegressor
        >>> X = np.random.default_rng(0).uniform(-1, 1, (200, 2))
        >>> model = KANRegressor(max_steps=50, random_state=0).fit(X, X[:, 0] + X[:, 1] ** 2)
        >>> bench = model.workbench().snap((0, 0, 0), "x").snap((0, 0, 1), "x^2").refit()
        >>> bench.formula(rounded=True)
        x0 + x1**2
        """
        from kansym.workbench.opening import open_workbench

        validation.require_formulas(self)
        return open_workbench(self, X, y, sample_weight, output, station)
