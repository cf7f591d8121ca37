"""KANRegressor: the whole pipeline behind scikit-learn's interface."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted

from kansym import validation
from kansym.discovery import NetworkSettings, SearchSettings, discover_each
from kansym.discovery.budget import Budget
from kansym.errors import DataError, ParameterError
from kansym.library import Library, default_library
from kansym.network import check_device, join
from kansym.streaming import Stream
from kansym.symbolic.evaluation import compile_expression
from kansym.symbolic.front import select
from kansym.symbolic.printing import to_latex
from kansym.symbolic.rows import Rows
from kansym.tabulation import front_table

if TYPE_CHECKING:
    from os import PathLike

    from numpy.typing import ArrayLike, NDArray

    from kansym.discovery import Discovery, Progress
    from kansym.network import KAN
    from kansym.symbolic.front import Formula, ParetoFront

__all__ = ["KANRegressor"]

_NO_FORMULAS = "this %(name)s holds no formulas yet: call fit, or search after partial_fit"


class KANRegressor(RegressorMixin, BaseEstimator):
    """Find formulas in data with Kolmogorov–Arnold networks.

    The structure of the data is found in closed form and starts a spline network, which is trained, pruned, and snapped
    to symbolic functions; formulas from this and from searches over spans of features compete on one Pareto front of
    complexity and loss. ``predict`` evaluates the selected formula itself, in the units of the data.

    Parameters
    ----------
    hidden_widths : "auto" or tuple of int, default="auto"
        Nodes of the hidden layers. ``"auto"`` takes what the data ask for: one node where that explains the target,
        else five; no hidden layer for a single column. Nodes that are not needed are pruned.
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
        Where networks are trained; ``"auto"`` takes a CUDA device where there is one and it pays, see
        :func:`kansym.network.choose_device`. Fitted networks are always on the CPU.
    random_state : int, RandomState or None, default=None
        Seed of every random choice. No global state is touched; None draws a fresh seed.
    verbose : int, default=0
        1 logs the stages of the search to the logger ``kansym`` at level INFO; 2 with the best formula so far.

    Attributes
    ----------
    equations_ : DataFrame or list of DataFrame
        One row for each formula of the front: complexity, loss (mean squared error on the training rows, in squared
        units of y), gain, r2, equation (text), sympy_format. A list of them for several outputs.
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

    fronts_: tuple[ParetoFront, ...]
    discoveries_: tuple[Discovery, ...]
    network_: KAN | None
    pruned_network_: KAN | None
    symbolic_network_: KAN | None
    n_features_in_: int
    feature_names_in_: NDArray[Any]
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
        on_progress: Callable[[Progress], None] | None = None,
    ) -> KANRegressor:
        """Search formulas for y.

        Ctrl-C ends the search and keeps what was found.

        Parameters
        ----------
        X : array_like of shape (n_samples, n_features)
            Arrays or data frames of numbers.
        y : array_like of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array_like of shape (n_samples,), optional
            Relative precision of each row: the weight of its squared residual. Rows of weight zero are left out.
        on_progress : callable, optional
            Called with a :class:`kansym.discovery.Progress` after each stage.

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
        """
        settings = self._settings()
        self.__dict__.pop("_stream", None)
        rows = self._training_rows(X, y, sample_weight, reset=True)
        self._find(rows.columns, rows.targets, rows.weights, settings, on_progress)
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

    def search(self, *, on_progress: Callable[[Progress], None] | None = None) -> KANRegressor:
        """Search formulas for the sample that :meth:`partial_fit` keeps, as :meth:`fit` does for its rows.

        Raises
        ------
        ParameterError
            If no batch has come, or a parameter has a wrong value.
        """
        stream, settings = getattr(self, "_stream", None), self._settings()
        if stream is None:
            raise ParameterError("search must follow partial_fit, got no batch of rows; fit searches by itself")
        sample = stream.sample
        self._find(sample.columns, sample.targets, sample.weights, settings, on_progress)
        self._low, self._high = stream.low, stream.high
        return self

    def predict(self, X: ArrayLike, index: int | Sequence[int] | None = None) -> NDArray[np.float64]:
        """Evaluate the selected formula, or the ``index``-th of the front.

        Where a formula is not defined, such as the logarithm of a negative number, the prediction is NaN and a
        :class:`kansym.errors.FitWarning` says so.

        Parameters
        ----------
        X : array_like of shape (n_samples, n_features)
        index : int or sequence of int, optional
            Row of ``equations_``; one for each output if there are several.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
        """
        rows = self._checked(X)
        library = self._library()
        columns = [
            compile_expression(formula.expression, self.variables_, library)(rows) for formula in self._formulas(index)
        ]
        validation.warn_if_undefined(columns)
        return self._shaped(np.column_stack(columns))

    def predict_network(self, X: ArrayLike) -> NDArray[np.float64]:
        """Evaluate the spline network; outside the training rows its curves go on as straight lines, with a warning."""
        rows = self._checked(X)
        network = validation.require_station(self.network_, "network_")
        validation.warn_if_outside(rows, self._low, self._high)
        return self._shaped(network.evaluate(torch.from_numpy(rows)).numpy())

    @property
    def equations_(self) -> Any:
        """The front as a DataFrame, one row for each formula; a list of them for several outputs."""
        check_is_fitted(self, "fronts_", msg=_NO_FORMULAS)
        tables = [front_table(front) for front in self.fronts_]
        return tables[0] if len(tables) == 1 else tables

    def get_best(self) -> Any:
        """Return the selected row of ``equations_``; a list of them for several outputs."""
        tables = self.equations_
        selected = self.selected()
        if isinstance(tables, list):
            return [table.iloc[position] for table, position in zip(tables, selected, strict=True)]
        return tables.iloc[selected[0]]

    def selected(self) -> tuple[int, ...]:
        """Return the position on the front that ``model_selection`` chooses, for each output."""
        check_is_fitted(self, "fronts_", msg=_NO_FORMULAS)
        return tuple(select(front, self.model_selection) for front in self.fronts_)

    def sympy(self, index: int | Sequence[int] | None = None) -> Any:
        """Return the formula as a sympy expression in real symbols named as the columns; a list for several outputs."""
        expressions = [formula.expression for formula in self._formulas(index)]
        return expressions[0] if len(expressions) == 1 else expressions

    def latex(self, index: int | Sequence[int] | None = None, precision: int | None = None) -> Any:
        """Return the formula in LaTeX; a list for several outputs.

        Constants are written to ``precision`` significant digits, by default to as many as the written formula needs to
        fit as well, at least four.
        """
        texts = [to_latex(formula.expression, precision or formula.digits) for formula in self._formulas(index)]
        return texts[0] if len(texts) == 1 else texts

    def save(self, path: str | PathLike[str]) -> None:
        """Write the fitted model to a file: a zip of JSON and arrays, see :mod:`kansym.persistence`."""
        from kansym.persistence import save

        save(self, path)

    @classmethod
    def load(cls, path: str | PathLike[str]) -> KANRegressor:
        """Read a model that :meth:`save` wrote; nothing in the file is executed."""
        from kansym.persistence import load

        return load(path, cls)

    def _settings(self) -> SearchSettings:
        hidden = validation.checked_widths(self.hidden_widths)
        validation.check_choice("basis", self.basis, ("bspline", "rbf", "rswaf", "chebyshev"))
        validation.check_integer("grid_size", self.grid_size, 1)
        validation.check_integer("spline_order", self.spline_order, 1)
        validation.check_integer("max_complexity", self.max_complexity, 1)
        validation.check_choice("model_selection", self.model_selection, ("best", "accuracy", "simplest"))
        validation.check_positive("time_limit", self.time_limit)
        if self.max_steps is not None:
            validation.check_integer("max_steps", self.max_steps, 1)
        if self.n_jobs is not None and (not isinstance(self.n_jobs, int) or self.n_jobs == 0):
            raise ParameterError(f"n_jobs must be an integer other than 0, or None, got {self.n_jobs!r}")
        check_device(self.device)
        validation.check_integer("verbose", self.verbose, 0)
        network = NetworkSettings(hidden, self.basis, self.grid_size, self.spline_order, self.device)
        return SearchSettings(self._library(), network, self.max_complexity, self.model_selection)

    def _library(self) -> Library:
        if self.library is None:
            return default_library()
        return self.library if isinstance(self.library, Library) else Library(self.library)

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
        table: NDArray[np.float64],
        outputs: NDArray[np.float64],
        weights: NDArray[np.float64],
        settings: SearchSettings,
        on_progress: Callable[[Progress], None] | None,
    ) -> None:
        all_rows = [Rows(table, column, weights / weights.mean(), self.variables_) for column in outputs.T]
        self.discoveries_ = discover_each(
            all_rows,
            settings,
            validation.seeds(self.random_state, len(all_rows)),
            time_limit=self.time_limit,
            max_steps=self.max_steps,
            n_jobs=self.n_jobs,
            on_progress=validation.reporter(self.verbose, on_progress),
        )
        self._low, self._high = table.min(axis=0), table.max(axis=0)
        self.fronts_ = tuple(discovery.front for discovery in self.discoveries_)
        self._join_networks(table.shape[1])

    def _join_networks(self, n_features: int) -> None:
        relevant = [discovery.relevant for discovery in self.discoveries_]
        for station in ("network", "pruned_network", "symbolic_network"):
            networks: list[KAN | None] = [getattr(discovery, station) for discovery in self.discoveries_]
            there = [network for network in networks if network is not None]
            complete = len(there) == len(networks)
            setattr(self, f"{station}_", join(there, relevant, n_features) if complete else None)

    def _formulas(self, index: int | Sequence[int] | None) -> list[Formula]:
        positions = validation.positions(index, self.selected(), [len(front) for front in self.fronts_])
        return [front[position] for front, position in zip(self.fronts_, positions, strict=True)]

    def _checked(self, X: ArrayLike) -> NDArray[np.float64]:
        check_is_fitted(self, "n_features_in_")
        validation.check_table(X, "X")
        return np.ascontiguousarray(validation.validated(self, X, dtype=np.float64, reset=False))

    def _shaped(self, columns: NDArray[np.float64]) -> NDArray[np.float64]:
        return columns[:, 0] if self._y_ndim == 1 else columns

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn that several outputs are fine."""
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
