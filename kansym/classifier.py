"""KANClassifier: formulas of the logits of classes behind scikit-learn's interface."""

from __future__ import annotations

import numbers
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from scipy.special import expit, softmax
from sklearn.base import ClassifierMixin
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d

from kansym import parameters, validation
from kansym.discovery import discover_classes
from kansym.errors import DataError, ParameterError
from kansym.estimator import FormulaEstimator
from kansym.symbolic.evaluation import compile_expression
from kansym.symbolic.rows import Rows

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from kansym.discovery import Discovery, Progress
    from kansym.library import Library
    from kansym.symbolic.front import Formula

__all__ = ["KANClassifier"]


class KANClassifier(ClassifierMixin, FormulaEstimator):
    """Find formulas of the logits of classes with Kolmogorov–Arnold networks.

    A spline network is trained on the labels and pruned by the log-loss of held-out rows. Its values and its curves are
    what formulas are proposed for; the constants of every formula are then fitted to the labels themselves, and the
    selected one has the shortest description of formula and labels, in bits. ``predict_proba`` is the sigmoid (of
    several logits the softmax) of what is printed.

    With two classes there is one formula, the log-odds of ``classes_[1]`` against ``classes_[0]``. With K classes there
    is a logit for each; since a softmax knows differences only, the most frequent class is the reference with the
    logit 0, and the logit of every other class is its log-odds against the reference.

    Where classes can be told apart without error, the likelihood knows no largest logit. Fits therefore aim at
    probabilities of nearly one, ``(N + 1)/(N + K)`` for a class of N rows (Platt 1999): logits end near ``log N``, and
    a formula is never surer of itself than its rows allow.

    Parameters
    ----------
    hidden_widths : "auto" or tuple of int, default="auto"
        Nodes of the hidden layers. ``"auto"`` takes five nodes where they predict held-out labels clearly better than
        a sum of curves does.
    basis : {"bspline", "rbf", "rswaf", "chebyshev"}, default="bspline"
        Basis of the edges' curves.
    grid_size : int, default=5
        Intervals of each edge's grid.
    spline_order : int, default=3
        Degree of the pieces.
    library : Library, list of str or None, default=None
        Functions that an edge may become. None takes all of :func:`kansym.library.default_library`.
    max_complexity : int, default=40
        Nodes of the largest formula that is kept, for each class.
    model_selection : {"best", "accuracy", "simplest"}, default="best"
        Which formula of the front is used, as for :class:`kansym.KANRegressor`, by log-loss. May be changed after
        ``fit``; with more than two classes the constants were fitted together for the rule of the fit.
    class_weight : dict, "balanced" or None, default=None
        Factors on the weights of the rows of each class, as in scikit-learn. Probabilities then speak of the weighted
        classes.
    time_limit : float or None, default=60.0
        Seconds of wall clock for ``fit``, all classes together.
    max_steps : int or None, default=None
        A budget in search steps instead of, or beside, seconds, for each class: the same result on any machine.
    n_jobs : int or None, default=None
        Processes for the searches of more than two classes; the result does not depend on it.
    device : {"auto", "cpu", "cuda", "mps"}, default="auto"
        Where networks are trained; ``"auto"`` is the CPU: the network of a logit is small, its rows at most 2,000.
    random_state : int, RandomState or None, default=None
        Seed of every random choice. No global state is touched; None draws a fresh seed.
    verbose : int, default=0
        1 logs the stages of the search to the logger ``kansym`` at level INFO; 2 with the best formula so far.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    target_name_ : str
        Name of ``y``, or ``"y"``.
    equations_ : DataFrame or list of DataFrame
        One row for each formula of the front: with the columns that :class:`kansym.KANRegressor` has. ``loss`` is
        the mean log-loss in nats on the training rows, with more than two classes that of all classes together, this
        formula beside the selected ones of the others; ``r2`` is the share of the loss of the classes' frequencies that
        is explained (McFadden 1974; scikit-learn's ``d2_log_loss_score``). With more than two classes a list in the
        order of ``classes_``; the reference's table holds the formula 0.
    fronts_, discoveries_, network_, pruned_network_, symbolic_network_, n_features_in_, feature_names_in_
        As for :class:`kansym.KANRegressor`; the networks' outputs are logits.

    Examples
    --------
    >>> import numpy as np
    >>> generator = np.random.default_rng(0)
    >>> X = generator.uniform(-1, 1, (600, 2))
    >>> logit = 8 * X[:, 0] * X[:, 1]
    >>> y = np.where(generator.uniform(size=600) < 1 / (1 + np.exp(-logit)), "like", "unlike")
    >>> model = KANClassifier(random_state=0, max_steps=100).fit(X, y)
    >>> model.get_best()["equation"]
    '-7.004·x0·x1'
    """

    classes_: NDArray[Any]
    target_name_: str
    output_names_: tuple[str, ...]

    def __init__(
        self,
        hidden_widths: str | Sequence[int] = "auto",
        basis: str = "bspline",
        grid_size: int = 5,
        spline_order: int = 3,
        library: Library | Sequence[str] | None = None,
        max_complexity: int = 40,
        model_selection: str = "best",
        class_weight: Mapping[Any, float] | str | None = None,
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
        self.class_weight = class_weight
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
        start: KANClassifier | None = None,
        on_improvement: Callable[[KANClassifier], None] | None = None,
    ) -> KANClassifier:
        """Search formulas for the logits of the classes of y.

        Ctrl-C ends the search and keeps what was found.

        Parameters
        ----------
        X : array_like of shape (n_samples, n_features)
            Arrays or data frames of numbers.
        y : array_like of shape (n_samples,)
            Labels: texts, integers or booleans.
        sample_weight : array_like of shape (n_samples,), optional
            Factors on the log-loss of each row, up to a common one. Rows of weight zero are left out.
        on_progress : callable, optional
            Called with a :class:`kansym.discovery.Progress` after each stage.
        start, on_improvement
            As for :meth:`kansym.KANRegressor.fit`. The constants of more than two classes were fitted together, so that
            the front of one class alone may change; the selected ones say the labels no worse.

        Returns
        -------
        KANClassifier
            Itself.

        Raises
        ------
        DataError
            If X holds NaN, infinity or text, y holds numbers that are no labels or fewer than two classes, or their
            lengths differ.
        ParameterError
            If a parameter has a wrong value.

        Examples
        --------
        >>> x = np.linspace(-1, 1, 80)[:, None]
        >>> y = np.where(x[:, 0] + 0.4 * np.sin(40 * x[:, 0]) > 0, "yes", "no")
        >>> model = KANClassifier(max_steps=10, random_state=0).fit(x, y)
        >>> model.get_best()["equation"]
        '4.79·x0'
        """
        begun = time.monotonic()
        settings = self._settings()
        parameters.check_callable("on_progress", on_progress)
        parameters.check_callable("on_improvement", on_improvement)
        validation.check_table(X, "X")
        try:
            table, labels = validation.validated(self, X, y, dtype=np.float64, y_numeric=False)
            labels = column_or_1d(labels)
            check_classification_targets(labels)
        except (TypeError, ValueError) as error:
            raise DataError(f"X must be a table of numbers and y its labels: {error}") from error
        self.classes_, codes = np.unique(labels, return_inverse=True)
        weights = validation.checked_weights(sample_weight, len(labels)) * self._class_weights(labels)
        validation.checked_classes(labels, weights)
        kept = weights > 0
        self.classes_, codes = np.unique(labels[kept], return_inverse=True)
        self.variables_, self.target_name_ = validation.symbols(self), validation.output_names(y)[0]
        self.output_names_ = tuple(map(str, self.classes_[-1:] if len(self.classes_) == 2 else self.classes_))
        self._low, self._high = table.min(axis=0), table.max(axis=0)
        rows = Rows(table[kept], codes.astype(float), weights[kept] / weights[kept].mean(), self.variables_)
        known = None if start is None else validation.known_formulas(start, self.variables_, self.output_names_)
        (seed,) = validation.seeds(self.random_state, 1)
        left = None if self.time_limit is None else max(self.time_limit - (time.monotonic() - begun), 0.0)

        def improved(discoveries: tuple[Discovery, ...]) -> None:
            if on_improvement is not None:
                self._keep(discoveries)
                on_improvement(self)

        found = discover_classes(
            rows,
            settings,
            seed,
            time_limit=left,
            max_steps=self.max_steps,
            n_jobs=self.n_jobs,
            on_progress=validation.reporter(self.verbose, on_progress),
            known=known,
            on_improvement=None if on_improvement is None else improved,
        )
        self._keep(found)
        return self

    @property
    def _is_flat(self) -> bool:
        """Whether there is one logit, as for two classes."""
        return len(self.fronts_) == 1

    def decision_function(self, X: ArrayLike, index: int | Sequence[int] | None = None) -> NDArray[np.float64]:
        """Evaluate the selected logits, or those of the rows ``index`` of ``equations_``.

        Where a formula is not defined, the value is NaN and a :class:`kansym.errors.FitWarning` says so.

        Parameters
        ----------
        X : array_like of shape (n_samples, n_features)
        index : int or sequence of int, optional
            With more than two classes one row for each class.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
            Of two classes the logit of ``classes_[1]``.

        Examples
        --------
        >>> x = np.linspace(-1, 1, 80)[:, None]
        >>> y = np.where(x[:, 0] + 0.4 * np.sin(40 * x[:, 0]) > 0, "yes", "no")
        >>> model = KANClassifier(max_steps=10, random_state=0).fit(x, y)
        >>> model.decision_function([[0.5]]).round(2)
        array([2.39])
        """
        rows = self._checked(X)
        library = self._library()
        columns = [
            compile_expression(formula.expression, self.variables_, library)(rows) for formula in self._formulas(index)
        ]
        validation.warn_if_undefined(columns)
        return columns[0] if len(columns) == 1 else np.column_stack(columns)

    def predict_proba(self, X: ArrayLike, index: int | Sequence[int] | None = None) -> NDArray[np.float64]:
        """Probabilities of the classes (n_samples, n_classes): sigmoid or softmax of :meth:`decision_function`.

        Examples
        --------
        >>> x = np.linspace(-1, 1, 80)[:, None]
        >>> y = np.where(x[:, 0] + 0.4 * np.sin(40 * x[:, 0]) > 0, "yes", "no")
        >>> model = KANClassifier(max_steps=10, random_state=0).fit(x, y)
        >>> model.predict_proba([[0.5]]).round(2)
        array([[0.08, 0.92]])
        """
        return _probabilities(self.decision_function(X, index))

    def predict(self, X: ArrayLike, index: int | Sequence[int] | None = None) -> NDArray[Any]:
        """The most probable class of each row; where a formula is not defined, ``classes_[0]`` with a warning.

        Examples
        --------
        >>> x = np.linspace(-1, 1, 80)[:, None]
        >>> y = np.where(x[:, 0] + 0.4 * np.sin(40 * x[:, 0]) > 0, "yes", "no")
        >>> model = KANClassifier(max_steps=10, random_state=0).fit(x, y)
        >>> model.predict([[-0.5], [0.5]]).tolist()
        ['no', 'yes']
        """
        return self._likeliest(self.decision_function(X, index))

    def predict_proba_network(self, X: ArrayLike) -> NDArray[np.float64]:
        """Probabilities of the spline network; outside the training rows its curves go on as straight lines.

        Examples
        --------
        >>> x = np.linspace(-1, 1, 80)[:, None]
        >>> y = np.where(x[:, 0] + 0.4 * np.sin(40 * x[:, 0]) > 0, "yes", "no")
        >>> model = KANClassifier(max_steps=10, random_state=0).fit(x, y)
        >>> model.predict_proba_network([[0.5]]).round(1)
        array([[0., 1.]])
        """
        rows = self._checked(X)
        network = validation.require_station(self.network_, "network_")
        validation.warn_if_outside(rows, self._low, self._high)
        logits = network.evaluate(torch.tensor(rows)).numpy()
        return _probabilities(logits[:, 0] if logits.shape[1] == 1 else logits)

    def predict_network(self, X: ArrayLike) -> NDArray[Any]:
        """The class that is most probable for the spline network.

        Examples
        --------
        >>> x = np.linspace(-1, 1, 80)[:, None]
        >>> y = np.where(x[:, 0] + 0.4 * np.sin(40 * x[:, 0]) > 0, "yes", "no")
        >>> model = KANClassifier(max_steps=10, random_state=0).fit(x, y)
        >>> model.predict_network([[-0.5], [0.5]]).tolist()
        ['no', 'yes']
        """
        return self._likeliest(np.log(self.predict_proba_network(X)))

    def _likeliest(self, logits: NDArray[np.float64]) -> NDArray[Any]:
        logits = np.nan_to_num(logits, nan=-np.inf, posinf=np.inf, neginf=-np.inf)
        positions = (logits > 0).astype(int) if logits.ndim == 1 else np.argmax(logits, axis=1)
        return self.classes_[positions]

    def _class_weights(self, labels: NDArray[Any]) -> NDArray[np.float64]:
        if self.class_weight is not None and not isinstance(self.class_weight, Mapping):
            parameters.check_choice("class_weight", self.class_weight, ("balanced",))
        try:
            weights = compute_sample_weight(self.class_weight, labels)
        except ValueError as error:
            raise ParameterError(f"class_weight must hold a weight for classes of y: {error}") from error
        if not np.all(np.isfinite(weights)) or np.any(weights < 0):
            raise ParameterError(f"class_weight must hold finite numbers >= 0, got {self.class_weight!r}")
        return np.asarray(weights, dtype=float)

    def _formulas(self, index: int | Sequence[int] | None) -> list[Formula]:
        if isinstance(index, numbers.Integral) and len(self.fronts_) > 1:
            raise ParameterError(
                f"index must be {len(self.fronts_)} rows of equations_, one for each class, got {index!r}"
            )
        return super()._formulas(index)


def _probabilities(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    if logits.ndim == 1:
        return np.column_stack([expit(-logits), expit(logits)])
    return np.asarray(softmax(logits, axis=1))
