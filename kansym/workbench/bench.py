"""The workbench: a network and its rows, edited step by step into a formula."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from threadpoolctl import threadpool_limits

from kansym.display import explained_text
from kansym.errors import ParameterError
from kansym.library import Library, SymbolicFunction, default_library
from kansym.network import KAN, EdgeIndex, prune, train
from kansym.network.pruning import without_edges
from kansym.network.surgery import reaches_inputs
from kansym.symbolic.in_context import snapped
from kansym.symbolic.snapping import snap_curve
from kansym.workbench.data import checked_rows
from kansym.workbench.state import BenchState
from kansym.workbench.steps import Step

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from kansym.regressor import KANRegressor

__all__ = ["Workbench"]

_CURVE_POINTS = 200
_SMOOTHING = 1e-8
_TOLERANCE = 1e-9


class Workbench(BenchState):
    """A network on its rows, turned into a formula by hand: each edge snapped, pruned, locked or left a spline.

    Every action returns a new workbench and leaves this one as it is; :meth:`undo` gives the former one back, and
    :meth:`script` writes all steps as a Python script. Edges are named ``(layer, output, input)``, as everywhere.

    Start from a fitted model by :meth:`kansym.KANRegressor.workbench`, or from a network by :meth:`from_network`; what
    it holds is said at :class:`kansym.workbench.state.BenchState`.

    References
    ----------
    Z. Liu et al., *KAN: Kolmogorov-Arnold Networks*, arXiv:2404.19756, section 2.5.1 and figure 2.4.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).uniform(0.5, 2.0, (200, 1))
    >>> bench = Workbench.from_network(KAN((1, 1)), x, 3 * np.log(x[:, 0])).refit().snap((0, 0, 0), "log").refit()
    >>> bench.formula(rounded=True)
    3*log(x0)
    >>> [str(step) for step in bench.history]
    ['refit()', "snap((0, 0, 0), 'log')", 'refit()']
    """

    @classmethod
    def from_network(
        cls,
        network: KAN,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        library: Library | None = None,
    ) -> Workbench:
        """Start from a network, trained or not, and rows.

        Parameters
        ----------
        network : KAN
            With one output; it is copied as it is. A new one does best when :meth:`kansym.network.KAN.fitted_to` has
            laid it over the data.
        X : array_like of shape (n_rows, n_inputs)
            All of these rows are used by :meth:`refit`; a few thousand are enough for most formulas.
        y : array_like of shape (n_rows,)
        sample_weight : array_like of shape (n_rows,), optional
            Relative precision of each row.
        library : Library, optional
            Functions that an edge may become; all by default.

        Raises
        ------
        DataError
            If X or y hold NaN, infinity or text, have unequal lengths, or y is constant.
        ParameterError
            If the network has not as many inputs as X has columns, or more than one output.

        Examples
        --------
        >>> x = torch.linspace(10, 20, 50).unsqueeze(-1)
        >>> network = KAN((1, 1)).fitted_to(x, x**2)
        >>> Workbench.from_network(network, x, x**2).refit().r2 > 0.999
        True
        """
        rows = checked_rows(X, y, sample_weight)
        if not isinstance(network, KAN):
            raise ParameterError(f"network must be a kansym.network.KAN, got {type(network).__name__}")
        if network.widths[-1] != 1:
            raise ParameterError(f"network must have one output, got {network.widths[-1]}: a workbench has one target")
        if network.widths[0] != rows.n_variables:
            raise ParameterError(
                f"network must have as many inputs as X has columns, got {network.widths[0]} and {rows.n_variables}"
            )
        names = getattr(y, "columns", [getattr(y, "name", None)])
        target = "y" if names[0] is None else str(names[0])
        return cls(network.copy().double(), rows, target, library or default_library())

    def snap(self, edge: EdgeIndex, function: str | SymbolicFunction) -> Workbench:
        """Make an edge ``c·f(a·x + b) + d`` with the constants that fit its curve best.

        The other edges stay as they are: :meth:`refit` fits all of them together.

        Parameters
        ----------
        edge : (layer, output, input)
        function : str or SymbolicFunction
            One of the library.

        Raises
        ------
        ParameterError
            If there is no such edge, it is pruned or locked, the function is not in the library, its domain does not
            hold the curve, or the model would not be defined on every row.

        Examples
        --------
        >>> import numpy as np
        >>> x = np.linspace(0.1, 3, 50)[:, None]
        >>> bench = Workbench.from_network(KAN((1, 1)), x, np.log(x[:, 0])).refit()
        >>> bench.snap((0, 0, 0), "log").edges()["kind"].iloc[0]
        'symbolic'
        """
        edge = self._edge(edge, "snapped")
        name = function.name if isinstance(function, SymbolicFunction) else function
        if not isinstance(name, str) or name not in self.library:
            raise ParameterError(f"function must be one of {', '.join(self.library.names)}, got {name!r}")
        curve = self.network.edge_curve(edge, self.tensors[0], _CURVE_POINTS)
        fits = snap_curve(curve.x, curve.y, library=self.library, functions=[name])
        if not fits:
            raise ParameterError(f"function must be defined along the curve of edge {edge}, but {name!r} is not")
        changed = snapped(self.network, edge, fits[0])
        self._check_defined(changed, f"{name!r} on edge {edge}")
        note = f"R² {explained_text(fits[0].unexplained)} on the curve"
        return self._next(Step("snap", (edge, name), note=note), network=changed)

    def unsnap(self, edge: EdgeIndex) -> Workbench:
        """Make a symbolic edge a spline again, near the same curve.

        Examples
        --------
        >>> import numpy as np
        >>> x = np.linspace(0.1, 3, 50)[:, None]
        >>> bench = Workbench.from_network(KAN((1, 1)), x, np.log(x[:, 0])).refit().snap((0, 0, 0), "log")
        >>> bench.unsnap((0, 0, 0)).splines
        ((0, 0, 0),)
        """
        edge = self._edge(edge, "made a spline")
        if self.network.edge_state(edge).kind == "spline":
            raise ParameterError(f"edge {edge} must be symbolic to become a spline, but it is one")
        X = self.tensors[0]
        network = self.network if _covers(self.network, edge, X) else self.network.update_grids(X)
        return self._next(Step("unsnap", (edge,)), network=network.unsnap(edge, X))

    def prune(self, *edges: EdgeIndex, floor: float = 1e-4) -> Workbench:
        """Remove edges; without any named, all that the data do not need.

        Parameters
        ----------
        *edges : (layer, output, input)
            Each is replaced by its mean; the numbering of the others stays.
        floor : float
            Without edges named: rise of the loss, in variances of y, that is never held against a removal. The default
            is what splines on a coarse grid leave unexplained of noise-free data. Nodes without edges are dropped, so
            the others are numbered anew.

        Raises
        ------
        ParameterError
            If an edge is locked or pruned, or its removal would leave the output without any input.

        Examples
        --------
        >>> import numpy as np
        >>> x = np.random.default_rng(0).uniform(-1, 1, (200, 2))
        >>> bench = Workbench.from_network(KAN((2, 1)), x, x[:, 0] ** 2).refit()
        >>> bench.prune().edges()["edge"].to_list(), bench.prune((0, 0, 0)).r2 < 0.1
        ([(0, 0, 0)], True)
        """
        X, y, weights = self.tensors
        if not edges:
            if self.locked:
                raise ParameterError(
                    f"edges must be named while some are locked, got none: nodes are numbered anew; unlock"
                    f" {', '.join(map(str, sorted(self.locked)))} or name the edges to prune"
                )
            with threadpool_limits(limits=1):
                result = prune(self.network, X, y, sample_weight=weights, floor=floor, smoothing=_SMOOTHING)
            note = f"removed {len(result.removed)} edges, now widths {result.network.widths}"
            options = {} if floor == 1e-4 else {"floor": float(floor)}
            return self._next(Step("prune", (), options, note), network=result.network)
        named = tuple(self._edge(edge, "pruned") for edge in edges)
        smaller, cut = without_edges(self.network, named, X), ", ".join(map(str, named))
        if not bool(reaches_inputs(smaller).all()):
            raise ParameterError(f"the output must keep a path to an input, but without {cut} it has none")
        self._check_defined(smaller, f"{cut} pruned")
        return self._next(Step("prune", named), network=smaller)

    def lock(self, *edges: EdgeIndex) -> Workbench:
        """Keep edges as they are, their constants included, in all that follows.

        Examples
        --------
        >>> import numpy as np
        >>> x = np.linspace(0.1, 3, 50)[:, None]
        >>> bench = Workbench.from_network(KAN((1, 1)), x, np.log(x[:, 0])).refit().snap((0, 0, 0), "log")
        >>> locked = bench.lock((0, 0, 0))
        >>> locked.refit().loss == locked.loss
        True
        """
        named = frozenset(self._edge(edge) for edge in _some(edges))
        return self._next(Step("lock", tuple(sorted(named))), locked=self.locked | named)

    def unlock(self, *edges: EdgeIndex) -> Workbench:
        """Let edges be changed again.

        Examples
        --------
        >>> import numpy as np
        >>> x = np.linspace(0.1, 3, 50)[:, None]
        >>> bench = Workbench.from_network(KAN((1, 1)), x, np.log(x[:, 0])).refit().snap((0, 0, 0), "log")
        >>> bench.lock((0, 0, 0)).unlock((0, 0, 0)).locked
        frozenset()
        """
        named = frozenset(self._edge(edge) for edge in _some(edges))
        if named - self.locked:
            raise ParameterError(f"edges must be locked to be unlocked, but {min(named - self.locked)} is not")
        return self._next(Step("unlock", tuple(sorted(named))), locked=self.locked - named)

    def refit(self, max_iterations: int = 100, sparsity: float = 0.0) -> Workbench:
        """Fit all edges together that are not locked, splines and functions alike, by Levenberg-Marquardt.

        Parameters
        ----------
        max_iterations : int
            The fit ends earlier where it converges.
        sparsity : float
            Weight of a penalty on the spread of spline edges, relative to the variance of y. For a network that starts
            from random splines, 1e-3 makes needless edges flat, so that :meth:`prune` finds them.

        Examples
        --------
        >>> import numpy as np
        >>> x = np.linspace(-1, 1, 50)[:, None]
        >>> bench = Workbench.from_network(KAN((1, 1)), x, x[:, 0] ** 3)
        >>> bench.refit().loss < bench.loss
        True
        """
        X, y, weights = self.tensors
        with threadpool_limits(limits=1):
            result = train(
                self.network,
                X,
                y,
                sample_weight=weights,
                max_iterations=max_iterations,
                sparsity=sparsity,
                smoothing=_SMOOTHING,
                tolerance=_TOLERANCE,
                fixed=self.locked,
            )
        defaults = {"max_iterations": (max_iterations, 100), "sparsity": (sparsity, 0.0)}
        options = {name: value for name, (value, default) in defaults.items() if value != default}
        return self._next(Step("refit", (), options, result.reason), network=result.network)

    def undo(self) -> Workbench:
        """Return the workbench before the last step.

        Examples
        --------
        >>> import numpy as np
        >>> x = np.linspace(0.1, 3, 50)[:, None]
        >>> bench = Workbench.from_network(KAN((1, 1)), x, np.log(x[:, 0])).refit().snap((0, 0, 0), "log")
        >>> bench.undo().splines
        ((0, 0, 0),)
        """
        if self.former is None:
            raise ParameterError("there must be a step to undo, but this is the start")
        return self.former

    def add_to(self, model: KANRegressor) -> KANRegressor:
        """Return a copy of a model whose front holds the rounded formula, if that is better than all simpler ones.

        Parameters
        ----------
        model : KANRegressor
            Fitted to the same rows; its front and its choice follow the same rules as ever.

        Raises
        ------
        ParameterError
            If an edge is a spline, or the model was fitted to other rows, columns or targets.

        Warns
        -----
        FitWarning
            If a formula of the front is as good and no larger, so that this one does not enter it.

        Examples
        --------
        >>> import numpy as np
        >>> from kansym import KANRegressor
        >>> x = np.linspace(0.1, 3, 50)[:, None]
        >>> y = 2 * np.log(x[:, 0] + 1)
        >>> model = KANRegressor(max_steps=1, random_state=0).fit(x, y)
        >>> bench = Workbench.from_network(KAN((1, 1)), x, y).refit().snap((0, 0, 0), "log").refit()
        >>> bench.add_to(model).equations_["equation"].to_list()
        ['1.746', '2·log(x0 + 1)']
        """
        from kansym.workbench.adoption import with_formula

        return with_formula(model, self._rounded, self.rows, self.target)

    def _next(self, step: Step, **changes: Any) -> Workbench:
        return replace(self, step=step, former=self, **changes)

    def _check_defined(self, network: KAN, what: str) -> None:
        values = network.evaluate(self.tensors[0])[:, 0]
        bad = torch.nonzero(~torch.isfinite(values)).flatten()
        if len(bad):
            raise ParameterError(
                f"the model must be defined on every row, but with {what} it is not on {len(bad)}, the first at"
                f" position {int(bad[0])}"
            )


def _covers(network: KAN, edge: EdgeIndex, X: torch.Tensor) -> bool:
    """Whether the grid of an edge's input reaches over the node's values and is not much wider."""
    number, _, source = edge
    z = network.node_values(X)[number][:, source]
    points = network.layer(number).basis.points[source]
    low, high, width = float(points[0]), float(points[-1]), float(points[-1] - points[0])
    return low <= float(z.min()) and float(z.max()) <= high and width <= 2.0 * float(z.max() - z.min())


def _some(edges: Iterable[EdgeIndex]) -> Iterable[EdgeIndex]:
    named = tuple(edges)
    if not named:
        raise ParameterError("edges must be named, such as lock((0, 0, 0)), got none")
    return named
