"""How sure the predictions of a fitted regressor are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from kansym import parameters, validation
from kansym.symbolic.prediction import QUANTITIES, predict_with_deviation

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from kansym.symbolic.front import Formula

__all__ = ["IntervalMixin"]


class IntervalMixin:
    """Intervals and standard deviations of predictions, to first order in the errors of the constants."""

    _checked: Any
    _formulas: Any
    _library: Any
    _shaped: Any
    variables_: Any

    def prediction_interval(
        self,
        X: ArrayLike,
        level: float = 0.95,
        of: str = "observation",
        index: int | Sequence[int] | None = None,
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Intervals by Student's distribution, exact for formulas linear in their constants, else to first order.

        Parameters
        ----------
        X : array_like of shape (n_samples, n_features)
        level : float, default=0.95
            Share of such intervals that hold what they are for.
        of : {"observation", "mean"}, default="observation"
            A new measurement of mean weight, or the curve itself.
        index : int or sequence of int, optional

        Returns
        -------
        lower, upper : ndarray of shape (n_samples,) or (n_samples, n_outputs)

        Examples
        --------
        >>> from kansym import KANRegressor
        >>> X, y = [[1.0], [2.0], [3.0], [4.0]], [2.1, 3.9, 6.1, 7.9]
        >>> model = KANRegressor(max_steps=30, random_state=0).fit(X, y)
        >>> low, high = model.prediction_interval([[5.0]])
        >>> low.round(2), high.round(2)
        (array([9.72]), array([10.28]))
        """
        parameters.check_share("level", level)
        parameters.check_choice("of", of, QUANTITIES)
        values, deviations, formulas = self._with_deviation(X, index, of)
        half = deviations * np.squeeze([formula.uncertainty.quantile(level) for formula in formulas])
        return values - half, values + half

    def _with_deviation(
        self, X: ArrayLike, index: int | Sequence[int] | None, of: str
    ) -> tuple[Any, Any, list[Formula]]:
        rows, library, formulas = self._checked(X), self._library(), self._formulas(index)
        pairs = [predict_with_deviation(formula, rows, self.variables_, library, of) for formula in formulas]
        values, deviations = (list(columns) for columns in zip(*pairs, strict=True))
        validation.warn_if_undefined(values)
        return self._shaped(np.column_stack(values)), self._shaped(np.column_stack(deviations)), formulas
