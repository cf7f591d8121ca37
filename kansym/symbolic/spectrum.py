"""The spectrum of curves sampled at uneven points, where sinusoids of any frequency start.

For each frequency the curve is regressed on a sine, a cosine and a constant (Lomb 1976; Scargle 1982; with the
constant: Zechmeister & Kürster 2009, "floating mean"). All of it is one matrix product for any number of curves.

References
----------
N. R. Lomb, "Least-squares frequency analysis of unequally spaced data", Astrophys. Space Sci. 39 (1976) 447.
J. D. Scargle, "Studies in astronomical time series analysis. II", Astrophys. J. 263 (1982) 835.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kansym.library import SymbolicFunction
from kansym.symbolic.curve import Axis, FloatArray

__all__ = ["Spectrum", "make_spectrum"]

# Frequencies are in radians over the frame, whose length is 2: two of them are resolved when pi apart.
_STEP = np.pi / 5.0
_SLOWEST = (0.1, 0.2)
_FASTEST = 1000.0
_COLLINEAR = 1e-10


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Orthonormal sine–cosine pairs of many frequencies on one axis.

    Parameters
    ----------
    frequencies : ndarray of shape (n_frequencies,)
        Angular frequencies in the frame of the axis, increasing.
    pairs : ndarray of shape (2, n_frequencies, n_points)
        Weighted and centred cosine, and what is left of the sine; orthonormal.
    mixing : ndarray of shape (3, n_frequencies)
        Size of the cosine, the sine's share of it, size of the rest: turns amplitudes on the pairs into amplitudes
        of cosine and sine.
    phase : float
        Phase of the function against a sine.
    """

    frequencies: FloatArray
    pairs: FloatArray
    mixing: FloatArray
    phase: float

    def unexplained(self, targets: FloatArray) -> FloatArray:
        """Share of each standardised target that no sinusoid of that frequency explains.

        Parameters
        ----------
        targets : ndarray of shape (n_curves, n_points)
            Standardised curves times the square roots of the weights.

        Returns
        -------
        ndarray of shape (n_frequencies, n_curves)
        """
        return np.maximum(1.0 - ((self.pairs @ targets.T) ** 2).sum(axis=0), 0.0)

    def start(self, indices: NDArray[np.intp], targets: FloatArray) -> FloatArray:
        """Constants ``(a, b, n)`` of the best sinusoid of one frequency for each target; n is unused.

        Parameters
        ----------
        indices : ndarray of shape (n_curves,)
            Which frequency for which target.
        targets : ndarray of shape (n_curves, n_points)
            As for :meth:`unexplained`.

        Returns
        -------
        ndarray of shape (n_curves, 3)
        """
        first, second = np.einsum("pcn,cn->pc", self.pairs[:, indices], targets)
        cosine_size, share, rest_size = self.mixing[:, indices]
        sine = second / rest_size
        cosine = (first - sine * share) / cosine_size
        phases = np.arctan2(cosine, sine) - self.phase
        return np.stack((self.frequencies[indices], phases, np.zeros_like(phases)), axis=1)

    def best(self, target: FloatArray, count: int) -> tuple[FloatArray, FloatArray]:
        """Return the ``count`` highest peaks of one curve: their constants (count, 3) and shares left (count,)."""
        left = self.unexplained(target[None])[:, 0]
        padded = np.concatenate(([np.inf], left, [np.inf]))
        peaks = np.flatnonzero((left <= padded[:-2]) & (left <= padded[2:]))
        peaks = peaks[np.argsort(left[peaks], kind="stable")][:count]
        return self.start(peaks, np.broadcast_to(target, (len(peaks), len(target)))), left[peaks]


def make_spectrum(function: SymbolicFunction, axis: Axis, n_distinct: int) -> Spectrum:
    """Prepare the spectrum of an axis up to the mean Nyquist frequency of its distinct points.

    Parameters
    ----------
    function : SymbolicFunction
        A sinusoid of unit frequency: any mixture of sine and cosine.
    axis : Axis
        Points at which the curves will be given; a thinned axis may be used up to the full Nyquist frequency, since
        its points are uneven.
    n_distinct : int
        Number of distinct points of the full axis.
    """
    fastest = min(0.5 * np.pi * max(n_distinct - 1, 2), _FASTEST)
    count = int(fastest / _STEP)
    frequencies = np.concatenate((_SLOWEST, _STEP * np.arange(1, count + 1)))
    turns = np.exp(1j * np.outer(frequencies, axis.u))
    turns = (turns - (turns @ axis.weights)[:, None]) * axis.root_weights
    cosine, sine = turns.real, turns.imag
    cosine_size = np.linalg.norm(cosine, axis=1)
    cosine = cosine / np.maximum(cosine_size, _COLLINEAR)[:, None]
    share = np.einsum("fn,fn->f", cosine, sine)
    sine = sine - share[:, None] * cosine
    rest_size = np.linalg.norm(sine, axis=1)
    usable = (cosine_size > _COLLINEAR) & (rest_size > _COLLINEAR)
    sine = sine / np.maximum(rest_size, _COLLINEAR)[:, None]
    at_zero = np.zeros(1)
    phase = float(np.arctan2(function.numpy(at_zero)[0], function.derivative(at_zero)[0]))
    mixing = np.stack((cosine_size, share, rest_size))
    return Spectrum(frequencies[usable], np.stack((cosine, sine))[:, usable], mixing[:, usable], phase)
