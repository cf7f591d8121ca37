"""Where two spaces that depend on a few constants share a direction: the dip of their smallest angle.

A law that is linear in all constants but a few says that two spaces of functions share a direction where those few are
right: there the smallest angle between the spaces falls from its usual size to rounding. The angle costs a millisecond,
a grid and a line search some fifty of them. This is variable projection (Golub & Pereyra 1973, SIAM J. Numer. Anal. 10,
413) with a common direction in the place of a residual.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import qr
from scipy.optimize import least_squares

__all__ = ["Spaces"]

Array = NDArray[np.float64]

_INDEPENDENT = 1e-9
_DEEP = 1e-9
_DIP = 1e-3
_MINIMA = 3
_BEYOND = 1.5  # times the largest start: an exponential of more e-folds counts on a row or two, and closes any angle
_MACHINE = float(np.finfo(float).eps)
_FIRST_EVALUATIONS, _FALLING = 4, 0.3  # near a zero four steps of Newton's leave less than this of the angle
_EVALUATIONS = 20  # a true zero is reached in ten; what takes longer is an angle that closes as a constant vanishes


@dataclass(frozen=True, eq=False)
class Spaces:
    """Two spaces, each spanned by the columns of a matrix, that depend on some constants.

    Attributes
    ----------
    of : callable
        From the constants, shape (n_constants,), to the two matrices of the same number of rows; None where they are
        not finite.
    grid : ndarray of shape (n_starts, n_constants)
        Where the constants may be.

    Examples
    --------
    >>> x = np.linspace(0.0, 2.0, 50)
    >>> powers = np.column_stack([np.ones(50), np.exp(-0.7 * x)])
    >>> spaces = Spaces(lambda k: (powers, np.exp(k[0] * x)[:, None]), np.array([[-3.0], [-1.0], [-0.5]]))
    >>> spaces.dip().round(9)
    array([-0.7])
    """

    of: Callable[[Array], tuple[Array, Array] | None]
    grid: Array

    def angle(self, constants: Array) -> float:
        """Sine of the smallest angle; one where the functions are not finite."""
        return float(np.linalg.norm(self._direction(constants)[1]))

    def dip(self, others: Sequence[int] = ()) -> Array | None:
        """Constants at which the angle vanishes as it does nowhere else; None if there are none.

        It is looked for from the lowest points of the grid, and from those at the places ``others``.
        """
        angles = np.array([self.angle(constants) for constants in self.grid])
        usual, largest = float(np.median(angles)), _BEYOND * np.abs(self.grid).max(axis=0)
        for place in dict.fromkeys((*_minima(angles)[:_MINIMA], *others)):
            if angles[place] >= 1.0:  # nothing to follow: not finite there, or at right angles
                continue
            found = self._refined(self.grid[place])
            angle = self.angle(found)
            if angle < _DEEP and angle < _DIP * usual and np.all(np.abs(found) <= largest):
                return found
        return None

    @np.errstate(all="ignore")
    def _direction(self, constants: Array) -> tuple[Array, Array]:
        """The unit vector of the second space that is closest to the first, and what that leaves of it."""
        matrices = self.of(constants)
        if matrices is None:
            return np.ones(1), np.ones(1)
        first, second = map(_orthonormal, matrices)
        if second.shape[1] == 0:
            return np.ones(1), np.ones(1)
        left = second - first @ (first.T @ second)
        closest = np.linalg.svd(left, full_matrices=False)[2][-1]
        return second @ closest, left @ closest

    def _refined(self, start: Array) -> Array:
        """Follow the common direction's residual, a smooth function of the constants, to where it vanishes."""
        direction, before = self._direction(start)
        unit = max(float(np.linalg.norm(before)), _MACHINE)

        def residual(ratios: Array) -> Array:
            shared, left = self._direction(ratios * start)
            if len(shared) != len(direction):
                return np.full(len(direction), 1.0 / unit)
            return (left if shared @ direction >= 0 else -left) / unit

        ratios = np.ones(len(start))
        for evaluations in (_FIRST_EVALUATIONS * (1 + len(start)), _EVALUATIONS):
            found = least_squares(
                residual,
                ratios,
                method="lm",
                xtol=_MACHINE,
                ftol=_MACHINE,
                gtol=_MACHINE,
                max_nfev=evaluations,
            )
            ratios = found.x
            if 2.0 * found.cost > _FALLING**2:
                break
        return np.asarray(ratios * start)


def _minima(angles: Array) -> list[int]:
    """Places of local minima of a line of angles, the smallest first."""
    padded = np.concatenate([[np.inf], angles, [np.inf]])
    places = np.flatnonzero((angles <= padded[:-2]) & (angles <= padded[2:]))
    return sorted(places.tolist(), key=lambda place: angles[place])


def _orthonormal(matrix: Array) -> Array:
    """An orthonormal basis of the columns; those that depend on the others are left out."""
    lengths = np.linalg.norm(matrix, axis=0)
    if not np.any(lengths > 0):
        return np.empty((len(matrix), 0))
    basis, triangle, _ = cast(
        "tuple[Array, Array, Array]",
        qr(matrix[:, lengths > 0] / lengths[lengths > 0], mode="economic", pivoting=True),
    )
    return basis[:, np.abs(np.diag(triangle)) > _INDEPENDENT * abs(triangle[0, 0])]
