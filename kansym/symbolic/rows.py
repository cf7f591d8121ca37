"""The rows a formula is judged on: columns, target, weights and the variables' symbols."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import sympy
from numpy.typing import NDArray

from kansym.symbolic.description import Evidence, evidence

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Rows"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Rows:
    """Validated data, all in the user's units.

    Parameters
    ----------
    columns : ndarray of shape (n_rows, n_variables)
    target : ndarray of shape (n_rows,)
    weights : ndarray of shape (n_rows,)
        Relative precision of each row, mean one.
    variables : tuple of sympy.Symbol
        Real symbols, one per column.
    """

    columns: Array
    target: Array
    weights: Array
    variables: tuple[sympy.Symbol, ...]

    @classmethod
    def from_arrays(
        cls, columns: Array, target: Array, weights: Array | None = None, names: Sequence[str] | None = None
    ) -> Rows:
        """Make rows from arrays; weights default to one, names to ``x0, x1, …``.

        Examples
        --------
        >>> Rows.from_arrays(np.zeros((3, 2)), np.arange(3.0)).variables
        (x0, x1)
        """
        columns = np.asarray(columns, dtype=float)
        target = np.asarray(target, dtype=float)
        weights = np.ones(len(target)) if weights is None else np.asarray(weights, dtype=float)
        names = names if names is not None else [f"x{i}" for i in range(columns.shape[1])]
        symbols = tuple(sympy.Symbol(name, real=True) for name in names)
        return cls(columns, target, weights / weights.mean(), symbols)

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.target)

    @property
    def n_variables(self) -> int:
        """Number of columns."""
        return self.columns.shape[1]

    @cached_property
    def mean(self) -> float:
        """Weighted mean of the target."""
        return float(np.average(self.target, weights=self.weights))

    @cached_property
    def variance(self) -> float:
        """Weighted variance of the target, in y units squared; the loss of the best constant."""
        return float(np.average((self.target - self.mean) ** 2, weights=self.weights))

    @cached_property
    def is_constant(self) -> bool:
        """Whether the target differs from a constant by rounding at most."""
        size = float(np.abs(self.target).max(initial=0.0))
        return float(np.ptp(self.target)) <= 4 * np.finfo(float).eps * size

    @property
    def evidence(self) -> Evidence:
        """What differences of losses on such rows say, in bits."""
        return evidence

    def loss(self, predicted: Array) -> float:
        """Weighted mean squared error in y units squared; infinite if any prediction is not finite."""
        with np.errstate(all="ignore"):
            loss = float(np.average((self.target - predicted) ** 2, weights=self.weights))
        return loss if np.isfinite(loss) else float("inf")

    def misfit(self, predicted: Array) -> float:
        """What the fit of constants minimises: the loss."""
        return self.loss(predicted)

    def take(self, index: NDArray[np.intp]) -> Self:
        """Return some of the rows."""
        return replace(self, columns=self.columns[index], target=self.target[index], weights=self.weights[index])

    def sample(self, count: int, generator: np.random.Generator) -> Self:
        """Return at most ``count`` rows, drawn without replacement and kept in order."""
        if len(self) <= count:
            return self
        return self.take(np.sort(generator.choice(len(self), count, replace=False)))

    def select(self, keep: Sequence[int]) -> Self:
        """Return the same rows with only the columns ``keep``."""
        keep = list(keep)
        return replace(self, columns=self.columns[:, keep], variables=tuple(self.variables[i] for i in keep))
