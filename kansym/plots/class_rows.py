"""Rows of known classes beside what formulas say of them: probabilities, and how often they come true."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from kansym.errors import DataError
from kansym.hints import brief
from kansym.plots.drawing import predicted

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from kansym.classifier import KANClassifier

__all__ = ["ClassRows", "Reliability", "class_column", "codes_of", "scattered"]

_MOST_BINS, _LEAST_IN_BIN = 10, 8
_LEVEL = 0.95
_MOST_NAMED = 8


@dataclass(frozen=True, eq=False)
class Reliability:
    """How often a class occurs where a formula gives it some probability; one entry for each group of rows.

    Attributes
    ----------
    predicted : ndarray of shape (n_bins,)
        Means of the probabilities.
    observed, low, high : ndarray of shape (n_bins,)
        Share of the class, with its 95 % interval (Wilson 1927).
    at : ndarray of shape (n_bins,)
        Means of what the rows were ordered by.
    """

    predicted: NDArray[np.float64]
    observed: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    at: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ClassRows:
    """Rows, and one class among all.

    Attributes
    ----------
    logs : ndarray of shape (n_rows, n_classes)
        Logarithms of the probabilities; NaN in the rows where a formula is not defined.
    codes : ndarray of shape (n_rows,)
        Positions of the rows' classes in ``classes_``.
    column : int
        Position of the class that is looked at.
    """

    logs: NDArray[np.float64]
    codes: NDArray[np.intp]
    column: int

    @classmethod
    def of(
        cls, model: KANClassifier, rows: NDArray[np.float64], codes: NDArray[np.intp], place: int, position: int
    ) -> ClassRows:
        """Take one formula for the class of an output, and of the other classes the selected ones."""
        from scipy.special import log_softmax

        index = list(model.selected())
        index[place] = position
        logits = [predicted(model, rows, output, row) for output, row in enumerate(index)]
        if len(logits) == 1:  # the log-odds of the second class
            logits.insert(0, np.zeros(len(rows)))
        logs = log_softmax(np.column_stack(logits), axis=1)
        return cls(logs, codes, class_column(model, place))

    @property
    def probability(self) -> NDArray[np.float64]:
        """Of the class, for each row."""
        return np.exp(self.logs[:, self.column])

    @property
    def belongs(self) -> NDArray[np.bool_]:
        """Whether each row is of the class."""
        return self.codes == self.column

    @property
    def defined(self) -> NDArray[np.bool_]:
        """Whether the probabilities of each row are known."""
        return np.array(~np.isnan(self.logs).any(axis=1))

    @property
    def loss(self) -> float:
        """Mean log-loss in nats of all classes together, on the rows where it is defined."""
        own = self.logs[np.arange(len(self.codes)), self.codes]
        return -float(np.mean(own[self.defined])) if self.defined.any() else float("nan")

    @property
    def right(self) -> int:
        """How many rows are of the class that is most probable for them."""
        return int(np.trace(self.confusion()))

    def confusion(self) -> NDArray[np.intp]:
        """Count the rows of each class (lines) that are taken for each class (columns); undefined rows are left out."""
        counts = np.zeros((self.logs.shape[1],) * 2, dtype=np.intp)
        known = self.defined
        np.add.at(counts, (self.codes[known], np.argmax(self.logs[known], axis=1)), 1)
        return counts

    def reliability(self, over: NDArray[np.float64] | None = None) -> Reliability:
        """Group the defined rows, neighbours in ``over`` or in probability together, equally many in each group."""
        from scipy.stats import binomtest

        known = self.defined
        probability, belongs = self.probability[known], self.belongs[known]
        order_by = probability if over is None else over[known]
        count = min(max(len(probability) // _LEAST_IN_BIN, 1), _MOST_BINS)
        edges = np.unique(np.quantile(order_by, np.linspace(0, 1, count + 1))) if len(probability) else np.zeros(1)
        bins = np.searchsorted(edges[1:-1], order_by, side="right")
        groups = [bins == number for number in range(max(len(edges) - 1, 1)) if np.any(bins == number)]
        intervals = [
            binomtest(int(belongs[group].sum()), int(group.sum())).proportion_ci(_LEVEL, "wilson") for group in groups
        ]
        return Reliability(
            predicted=np.array([probability[group].mean() for group in groups]),
            observed=np.array([belongs[group].mean() for group in groups]),
            low=np.array([interval.low for interval in intervals]),
            high=np.array([interval.high for interval in intervals]),
            at=np.array([order_by[group].mean() for group in groups]),
        )


def class_column(model: KANClassifier, place: int) -> int:
    """Position in ``classes_`` of the class whose logit an output is."""
    return place if len(model.fronts_) > 1 else 1


def codes_of(model: KANClassifier, y: ArrayLike, n_rows: int) -> NDArray[np.intp]:
    """Positions of labels in ``classes_``.

    Raises
    ------
    DataError
        If they are not as many as the rows, or one is no class of the fit.
    """
    import pandas as pd

    labels: Any = np.asarray(y)
    if labels.shape not in ((n_rows,), (n_rows, 1)):
        raise DataError(f"y must have {n_rows} labels, one for each row of X, got shape {labels.shape}")
    labels = labels.reshape(-1)
    codes = np.asarray(pd.Index(model.classes_).get_indexer(pd.Index(labels)))
    if np.any(codes < 0):
        row = int(np.argmax(codes < 0))
        known = ", ".join(map(brief, model.classes_[:_MOST_NAMED].tolist()))
        more = ", …" if len(model.classes_) > _MOST_NAMED else ""
        label = brief(labels.tolist()[row])
        raise DataError(f"y must hold classes of the fit, {known}{more}, got {label} in row {row}")
    return codes


def scattered(count: int) -> NDArray[np.float64]:
    """Heights between −0.5 and 0.5 for dots that would lie on a line: apart, and always the same.

    Multiples of the golden ratio, whose fractional parts are spread most evenly.

    Examples
    --------
    >>> scattered(3).round(2).tolist()
    [-0.5, 0.12, -0.26]
    """
    return (np.arange(count) * (np.sqrt(5) - 1) / 2) % 1 - 0.5

