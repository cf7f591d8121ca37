"""Rows whose target is a label: a formula is their logit, and its loss the log-loss."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from kansym.symbolic.description import Evidence, label_evidence
from kansym.symbolic.rows import Rows

__all__ = ["LabelledRows", "cross_entropy", "null_loss", "smoothed_shares"]

Array = NDArray[np.float64]

_NEWTON_STEPS = 50


def smoothed_shares(codes: NDArray[np.intp], weights: Array, n_classes: int) -> Array:
    """The shares of the classes (n_rows, n_classes) that fits aim at: nearly one for a row's own class.

    Of ``N`` rows of a class one more may be of any class: its own share is ``(N + 1)/(N + K)``, the others have
    ``1/(N + K)`` (Laplace's rule of succession; for two classes the targets of Platt 1999, "Probabilistic outputs for
    support vector machines", section 2.2). So the best logits of classes that can be told apart without error are
    finite, about ``log N``, whatever the form of the formula and the units of its columns.

    Parameters
    ----------
    codes : ndarray of shape (n_rows,)
        Classes as integers from 0.
    weights : ndarray of shape (n_rows,)
        Mean one.
    n_classes : int

    Examples
    --------
    >>> smoothed_shares(np.array([0, 0, 1]), np.ones(3), 2)
    array([[0.75      , 0.25      ],
           [0.75      , 0.25      ],
           [0.33333333, 0.66666667]])
    """
    counts = np.bincount(codes, weights=weights, minlength=n_classes)[codes]
    shares = np.repeat(1.0 / (counts + n_classes)[:, None], n_classes, axis=1)
    shares[np.arange(len(codes)), codes] *= counts + 1.0
    return shares


def null_loss(codes: NDArray[np.intp], weights: Array) -> float:
    """Mean log-loss of the classes' shares, in nats: the entropy of the labels.

    Examples
    --------
    >>> round(null_loss(np.array([0, 1, 0, 1]), np.ones(4)), 4)
    0.6931
    """
    counts = np.bincount(codes, weights=weights)
    shares = counts[counts > 0] / counts.sum()
    return float(-np.sum(shares * np.log(shares)))


def cross_entropy(share: Array, logits: Array) -> Array:
    """Nats of each row: ``−share·log p − (1 − share)·log(1 − p)`` with ``p`` the sigmoid of its logit.

    Examples
    --------
    >>> cross_entropy(np.array([1.0, 0.5]), np.zeros(2)).round(4)
    array([0.6931, 0.6931])
    """
    with np.errstate(all="ignore"):  # what is not finite gives no number, and no finite loss
        return np.logaddexp(0.0, logits) - share * logits


@dataclass(frozen=True, eq=False)
class LabelledRows(Rows):
    """Rows of one class (target 1) against others (target 0).

    A formula ``z`` of such rows stands for the probability ``p = 1/(1 + exp(−(z + offset)))`` of the class. With more
    than two classes ``offset`` is ``−log Σ exp`` of the other classes' logits, given which the softmax is just this;
    ``rest`` completes the log-loss of the row to that of all classes.

    Parameters
    ----------
    goal : ndarray of shape (n_rows,)
        The smoothed target that fits aim at, see :func:`smoothed_shares`.
    offset, rest : ndarray of shape (n_rows,)
        Zero for two classes.
    null_loss : float
        Mean log-loss of the classes' shares, the best that knows no column.
    """

    goal: Array
    offset: Array
    rest: Array
    null_loss: float

    @classmethod
    def binary(
        cls, columns: Array, codes: NDArray[np.intp], weights: Array, variables: tuple[Any, ...]
    ) -> LabelledRows:
        """Rows of two classes, 0 and 1; the formula is the logit of class 1.

        Examples
        --------
        >>> import sympy
        >>> rows = LabelledRows.binary(np.ones((4, 1)), np.array([0, 1, 1, 1]), np.ones(4), sympy.symbols("x,"))
        >>> round(rows.mean, 4), round(rows.loss(np.zeros(4)), 4)
        (0.7691, 0.6931)
        """
        goal = smoothed_shares(codes, weights, 2)[:, 1]
        nothing = np.zeros(len(codes))
        return cls(columns, codes.astype(float), weights, variables, goal, nothing, nothing, null_loss(codes, weights))

    @property
    def evidence(self) -> Evidence:
        """What differences of log-losses say, in bits."""
        return label_evidence

    @cached_property
    def mean(self) -> float:
        """The best constant logit, by Newton's method on the smoothed log-loss, which is convex."""
        value = float(logit(self._average(self.goal)) - self._average(self.offset))
        for _ in range(_NEWTON_STEPS):
            p = self.probability(np.full(len(self), value))
            step = float(np.clip(self._average(self.goal - p) / max(self._average(p * (1.0 - p)), 1e-12), -1.0, 1.0))
            value += step
            if abs(step) < 1e-12:
                break
        return value

    @cached_property
    def variance(self) -> float:
        """The loss that formulas are measured against: that of the classes' shares."""
        return self.null_loss

    def probability(self, predicted: Array) -> Array:
        """Of the class, given the formula's values."""
        return np.asarray(expit(predicted + self.offset))

    def information(self, predicted: Array) -> Array:
        """Fisher's information of each row about its logit, weighted: ``w·p·(1 − p)``."""
        p = self.probability(predicted)
        return self.weights * p * (1.0 - p)

    def loss(self, predicted: Array) -> float:
        """Weighted mean log-loss of the labels in nats; infinite if any prediction is not finite."""
        return self._nats(cross_entropy(self.target, predicted + self.offset) + self.rest)

    def misfit(self, predicted: Array) -> float:
        """What the fit of constants minimises: the log-loss of the smoothed targets."""
        return self._nats(cross_entropy(self.goal, predicted + self.offset))

    def _nats(self, nats: Array) -> float:
        mean = self._average(nats)
        return mean if np.isfinite(mean) else float("inf")

    def _average(self, values: Array) -> float:
        with np.errstate(all="ignore"):
            return float(np.average(values, weights=self.weights))

    def take(self, index: NDArray[np.intp]) -> LabelledRows:
        """Return some of the rows."""
        names = ("columns", "target", "weights", "goal", "offset", "rest")
        return replace(self, **{name: getattr(self, name)[index] for name in names})
