"""The rows that a report is given, checked: a model keeps none, and can be handed on without them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kansym import KANClassifier, validation
from kansym.errors import DataError
from kansym.plots.class_rows import ClassRows, codes_of
from kansym.plots.drawing import measured, predicted

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from kansym.estimator import FormulaEstimator

__all__ = ["Data", "data_of"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Data:
    """The rows a report is given.

    Parameters
    ----------
    columns : ndarray of shape (n_rows, n_features)
    targets : ndarray of shape (n_rows, n_outputs)
        For a classifier one column: the positions of the labels in ``classes_``.
    """

    columns: Array
    targets: Array

    def fingerprint(self) -> str:
        """SHA-256 of the numbers, by which two people can see that they have the same rows."""
        digest = hashlib.sha256()
        for array in (self.columns, self.targets):
            digest.update(np.ascontiguousarray(array, dtype="<f8").tobytes())
        return digest.hexdigest()

    def class_rows(self, model: KANClassifier, place: int, position: int) -> ClassRows:
        """The rows beside what a formula of a classifier says of them."""
        return ClassRows.of(model, self.columns, self.targets[:, 0].astype(np.intp), place, position)

    def predictions(self, model: FormulaEstimator, place: int, position: int) -> Array:
        """Values of a formula; of a classifier the probabilities of its class. NaN where it is not defined."""
        if isinstance(model, KANClassifier):
            return self.class_rows(model, place, position).probability
        return predicted(model, self.columns, place, position)


def data_of(model: FormulaEstimator, X: ArrayLike | None, y: ArrayLike | None) -> Data | None:
    """Check the rows; None if there are none.

    Raises
    ------
    DataError
        If they cannot be used, or only one of X and y is given.
    """
    if X is None and y is None:
        return None
    if X is None or y is None:
        raise DataError(f"X and y must be given together or not at all, got {'y' if X is None else 'X'} alone")
    columns = model._checked(X)
    if isinstance(model, KANClassifier):
        return Data(columns, codes_of(model, y, len(columns)).astype(float)[:, None])
    validation.check_table(y, "y")
    count = len(model.output_names_)
    return Data(columns, np.column_stack([measured(y, place, count, len(columns)) for place in range(count)]))
