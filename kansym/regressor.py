"""KANRegressor: the whole pipeline behind scikit-learn's interface."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from sklearn.base import RegressorMixin

from kansym import parameters, validation
from kansym.discovery import discover_each
from kansym.discovery.budget import Budget
from kansym.errors import DataError, ParameterError
from kansym.estimator import FormulaEstimator
from kansym.inspection import WorkbenchMixin
from kansym.intervals import IntervalMixin
from kansym.streaming import RowSample, Stream
from kansym.symbolic.evaluation import compile_expression
from kansym.symbolic.prediction import QUANTITIES
from kansym.symbolic.rows import Rows

if TYPE_CHECKING:

    from numpy.typing import ArrayLike, NDArray

    from kansym.discovery import Discovery, Progress, SearchSettings
    from kansym.library import Library
    from kansym.symbolic.front import Formula

__all__ = ["KANRegressor"]

_KEPT_ROWS = 2000


class KANRegressor(WorkbenchMixin, IntervalMixin, RegressorMixin, FormulaEstimator):
    """Find formulas in data with Kolmogorov–Arnold networks.

    The structure of the data is found in closed form and starts a spline network, which is trained, pruned, and snapped
    to symbolic functions; formulas from this and from searches over spans of features compete on one Pareto front of
    complexity and loss. ``predict`` evaluates the selected formula itself, in the units of the data.

    Parameters
    ----------
    hidden_widths : "auto" or tuple of int, default="auto"
        Nodes of the hidden layers. ``"auto"`` takes what the data ask for: one node where that explains the target,
        else five, or one for more than 100 columns; no hidden layer for a single column. Nodes that are not needed are
        pruned.
    basis : {"bspline", "rbf", "rswaf", "chebyshev"}, default="bspline"
        Basis of the edges' curves.
    grid_size : int, default=5
        Intervals of each edge's grid.
    spline_order : int, default=3
        Degree of the pieces; cubic curves have continuous curvature.
    library : Library, list of str or None, default=None
        Functions that an edge may become, such as ``["x", "x^2", "exp", "sin"]``. None takes all of
        :func:`kansym.library.default_library`.
    max_complexity : int, default=40
        Nodes of the largest formula that is kept.
    model_selection : {"best", "accuracy", "simplest"}, default="best"
        Which formula of the front ``predict`` uses: the shortest description of formula and data together, the lowest
        loss, or the simplest that explains nearly as much as the most accurate. May be changed after ``fit``.
    time_limit : float or None, default=60.0
        Seconds of wall clock for ``fit``. Easy problems end much earlier.
    max_steps : int or None, default=None
        A budget in search steps instead of, or beside, seconds: the same result on any machine.
    n_jobs : int or None, default=None
        Processes for several outputs, which are searched side by side; the result does not depend on it.
    device : {"auto", "cpu", "cuda", "mps"}, default="auto"
        Where networks are trained and where the span search makes its products; all else runs on the CPU, and fitted
        networks are there. ``"auto"`` takes a CUDA device where there is one and it pays: for networks see
        :func:`kansym.network.choose_device`; for the span search it never does, as the dictionary of a fit has at most
        6e6 values, and ``"cuda"`` moves it. ``"mps"`` has no float64: networks begin there and end on the CPU, and the
        span search stays on the CPU.
    random_state : int, RandomState or None, default=None
        Seed of every random choice. No global state is touched; None draws a fresh seed.
    verbose : int, default=0
        1 logs the stages of the search to the logger ``kansym`` at level INFO; 2 with the best formula so far. To see
        them, ``logging.basicConfig(level=logging.INFO)``: kansym itself installs no handler.

    Attributes
    ----------
    equations_ : DataFrame or list of DataFrame
        One row for each formula of the front: complexity, loss (mean squared error on the training rows, in squared
        units of y), gain, r2, equation (text), sympy_format, constants and their standard_errors (tuples, in the order
        of ``sympy.preorder_traversal``), and confidence: the share of up to 20 resamples of the rows in which the
        formula is selected, 1 for an exact one, NaN where there was no time for any. A list of tables for several
        outputs.
    fronts_ : tuple of ParetoFront
        The same as objects, one for each output.
    discoveries_ : tuple of Discovery
        Everything the searches return: relevant columns, confidence, reason for the end, steps, seconds.
    network_, pruned_network_, symbolic_network_ : KAN or None
        Stations of the pipeline, with all outputs. The symbolic network computes the formula that was selected at the
        fit; where no network had been trained before the search ended, the spline network has that formula's topology.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Only if the columns of X had names.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).uniform(-1, 1, (300, 2))
    >>> y = np.exp(np.sin(np.pi * X[:, 0]) + X[:, 1] ** 2)
    >>> model = KANRegressor(random_state=0).fit(X, y)
    >>> model.sympy()
    exp(x1**2 + sin(pi*x0))
    >>> round(model.score(X, y), 12)
    1.0
    """

    _stream: Stream

    def __init__(
        self,
        hidden_widths: str | Sequence[int] = "auto",
        basis: str = "bspline",
        grid_size: int = 5,
        spline_order: int = 3,
        library: Library | Sequence[str] | None = None,
        max_complexity: int = 40,
        model_selection: str = "best",
        time_limit: float | None = 60.0,
        max_steps: int | None = None,
        n_jobs: int | None = None,
        device: str = "auto",
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.hidden_widths = hidden_widths
        self.basis = basis
        self.grid_size = grid_size
        self.spline_order = spline_order
        self.library = library
        self.max_complexity = max_complexity
        self.model_selection = model_selection
        self.time_limit = time_limit
        self.max_steps = max_steps
        self.n_jobs = n_jobs
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        on_progress: Callable[[Progress], object] | None = None,
        start: KANRegressor | None = None,
        on_improvement: Callable[[KANRegressor], None] | None = None,
    ) -> KANRegressor:
        """Search formulas for y.

        Ctrl-C ends the search and keeps what was found; a second one ends at once.

        Parameters
        ----------
        X : array_like of shape (n_samples, n_features)
            Arrays or data frames of numbers.
        y : array_like of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array_like of shape (n_samples,), optional
            Relative precision of each row: the weight of its squared residual. Rows of weight zero are left out.
        on_progress : callable, optional
            Called with a :class:`kansym.discovery.Progress` after each stage, unless the outputs are searched in
            processes of their own. If it returns something true, the search ends as by Ctrl-C; what it raises is
            raised. :func:`kansym.terminal.live_line` makes one that shows the best formula so far on a terminal.
        start : KANRegressor, optional
            Fitted to the same columns, such as a model that was saved before a search was broken off: its formulas,
            with their constants, compete from the start, so that the front gets no worse.
        on_improvement : callable, optional
            Called with this estimator, fitted as if the search had ended, when better formulas were found; to save it,
            for one. While ``n_jobs`` has several outputs searched in other processes, it is called in a thread.

        Returns
        -------
        KANRegressor
            Itself.

        Raises
        ------
        DataError
            If X or y hold NaN, infinity or text, have no rows or unequal lengths; names the column and the row.
        ParameterError
            If a parameter has a wrong value.

        Examples
        --------
        >>> X, y = [[1.0], [2.0], [3.0], [4.0]], [2.1, 3.9, 6.1, 7.9]
        >>> KANRegressor(max_steps=30, random_state=0).fit(X, y).sympy()
        2*x0
        """
        begun = time.monotonic()
        settings = self._settings()
        parameters.check_callable("on_progress", on_progress)
        parameters.check_callable("on_improvement", on_improvement)
        self.__dict__.pop("_stream", None)
        rows = self._training_rows(X, y, sample_weight, reset=True)
        parameters.check_network_size(settings.network, rows.columns.shape[1])
        known = None if start is None else validation.known_formulas(start, self.variables_, rows.names)
        self._find(rows, settings, begun, on_progress, known, on_improvement)
        return self

    def partial_fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> KANRegressor:
        """Train the network further on a batch of rows: for data that do not fit into memory, or are still coming.

        The first call fixes the columns and their scaling. The model keeps a uniform sample of at most 10,000 of all
        rows so far, and each call trains ``network_`` on it for a few steps, within ``time_limit``. Formulas take
        longer: :meth:`search` looks for them when enough rows have come, and a further batch discards them. ``fit``
        starts anew, and :meth:`save` leaves the sample out. Parameters and errors are those of :meth:`fit`; each batch
        must have the columns of the first.

        Examples
        --------
        >>> import numpy as np
        >>> X = np.random.default_rng(0).uniform(1, 2, (600, 2))
        >>> model = KANRegressor(random_state=0)
        >>> for batch in np.split(X, 3):
        ...     model = model.partial_fit(batch, batch[:, 0] / batch[:, 1])
        >>> bool(np.abs(model.predict_network(X) - X[:, 0] / X[:, 1]).max() < 1e-2)
        True
        >>> model.search().sympy()
        x0/x1
        """
        settings, budget = self._settings(), Budget(self.time_limit)
        stream = getattr(self, "_stream", None)
        rows = self._training_rows(X, y, sample_weight, reset=stream is None)
        if stream is None:
            stream = Stream.new(*rows.shape, *validation.seeds(self.random_state, 1))
        self._stream = stream.continued(rows.columns, rows.targets, rows.weights, settings.network, budget.exhausted)
        self.network_ = self._stream.network
        self._low, self._high = self._stream.low, self._stream.high
        for name in ("fronts_", "discoveries_", "pruned_network_", "symbolic_network_"):
            self.__dict__.pop(name, None)
        return self

    def search(self, *, on_progress: Callable[[Progress], object] | None = None) -> KANRegressor:
        """Search formulas for the sample that :meth:`partial_fit` keeps, as :meth:`fit` does for its rows.

        Raises
        ------
        ParameterError
            If no batch has come, or a parameter has a wrong value.

        Examples
        --------
        >>> X = np.linspace(1, 2, 100)[:, None]
        >>> model = KANRegressor(max_steps=30, random_state=0).partial_fit(X[:50], 3 / X[:50, 0])
        >>> model.partial_fit(X[50:], 3 / X[50:, 0]).search().sympy()
        3/x0
        """
        stream, settings = getattr(self, "_stream", None), self._settings()
        if stream is None:
            raise ParameterError("search must follow partial_fit, got no batch of rows; fit searches by itself")
        self._find(stream.sample, settings, time.monotonic(), on_progress)
        self._low, self._high = stream.low, stream.high
        return self

    def predict(
        self, X: ArrayLike, index: int | Sequence[int] | None = None, return_std: bool | str = False
    ) -> Any:
        """Evaluate the selected formula, or the ``index``-th of the front.

        Where a formula is not defined, such as the logarithm of a negative number, the prediction is NaN and a
        :class:`kansym.errors.FitWarning` says so.

        Parameters
        ----------
        X : array_like of shape (n_samples, n_features)
        index : int or sequence of int, optional
            Row of ``equations_``; one for each output if there are several.
        return_std : bool or {"mean", "observation"}, default=False
            True or ``"mean"``: also the standard deviation of the fitted curve, from the errors of the constants and
            their correlations. ``"observation"``: that of a new measurement of mean weight, its noise included. The
            form of the formula counts as given.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            With ``return_std`` a pair of these. A standard deviation is NaN where the rows of the fit were no more than
            the constants, and infinite where they do not determine the value.

        Examples
        --------
        >>> X, y = [[1.0], [2.0], [3.0], [4.0]], [2.1, 3.9, 6.1, 7.9]
        >>> model = KANRegressor(max_steps=30, random_state=0).fit(X, y)
        >>> model.predict([[5.0]])
        array([10.])
        >>> values, deviations = model.predict([[5.0]], index=0, return_std=True)  # the constant 5, from four rows
        >>> deviations.round(3)
        array([1.266])
        """
        if return_std is not False:
            of = "mean" if return_std is True else return_std
            parameters.check_choice("return_std", of, QUANTITIES)
            return self._with_deviation(X, index, of)[:2]
        rows = self._checked(X)
        library = self._library()
        columns = [
            compile_expression(formula.expression, self.variables_, library)(rows) for formula in self._formulas(index)
        ]
        validation.warn_if_undefined(columns)
        return self._shaped(np.column_stack(columns))

    def predict_network(self, X: ArrayLike) -> NDArray[np.float64]:
        """Evaluate the spline network; outside the training rows its curves go on as straight lines, with a warning.

        Examples
        --------
        >>> X, y = [[1.0], [2.0], [3.0], [4.0]], [2.1, 3.9, 6.1, 7.9]
        >>> model = KANRegressor(max_steps=30, random_state=0).fit(X, y)
        >>> model.predict_network([[2.5]]).round(1)
        array([5.])
        """
        rows = self._checked(X)
        network = validation.require_station(self.network_, "network_")
        validation.warn_if_outside(rows, self._low, self._high)
        return self._shaped(network.evaluate(torch.tensor(rows)).numpy())

    def _training_rows(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None, reset: bool
    ) -> validation.TrainingRows:
        rows = validation.training_rows(self, X, y, sample_weight, reset)
        if reset:
            self.variables_, self.output_names_ = validation.symbols(self), rows.names
            self.n_outputs_, self._y_ndim = rows.targets.shape[1], rows.y_ndim
        elif rows.targets.shape[1] != self.n_outputs_:
            raise DataError(f"y must have {self.n_outputs_} columns as the first batch, got {rows.targets.shape[1]}")
        return rows

    def _find(
        self,
        rows: validation.TrainingRows | RowSample,
        settings: SearchSettings,
        begun: float,
        on_progress: Callable[[Progress], object] | None,
        known: Sequence[Sequence[Formula]] | None = None,
        on_improvement: Callable[[KANRegressor], None] | None = None,
    ) -> None:
        weights = rows.weights / rows.weights.mean()
        # Contiguous: sums over a column of a table differ in the last bit from those over a copy in another process.
        targets = [np.ascontiguousarray(column) for column in rows.targets.T]
        all_rows = [Rows(rows.columns, target, weights, self.variables_) for target in targets]
        sampled = [table.sample(_KEPT_ROWS, np.random.default_rng(0)) for table in all_rows]
        self._kept_rows = tuple(sampled)  # for the workbench: a model of a million rows shall stay small
        self._low, self._high = rows.columns.min(axis=0), rows.columns.max(axis=0)

        def improved(discoveries: tuple[Discovery, ...]) -> None:
            if on_improvement is not None:
                self._keep(discoveries)
                on_improvement(self)

        found = discover_each(
            all_rows,
            settings,
            validation.seeds(self.random_state, len(all_rows)),
            time_limit=self.time_limit,
            max_steps=self.max_steps,
            begun=begun,
            n_jobs=self.n_jobs,
            on_progress=validation.reporter(self.verbose, on_progress),
            known=known,
            on_improvement=None if on_improvement is None else improved,
        )
        self._keep(found)

    @property
    def _is_flat(self) -> bool:
        return self._y_ndim == 1

    def _shaped(self, columns: NDArray[np.float64]) -> NDArray[np.float64]:
        return columns[:, 0] if self._is_flat else columns

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn that several outputs are fine."""
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
