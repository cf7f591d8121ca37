"""Sums of curves of one variable: decays, powers, peaks, steps and waves, found one after another.

Spectra are peaks on a background, relaxations sums of decays, potentials of powers, tides of waves. Such a sum is grown
by matching pursuit over families of curves with a continuous parameter (Pati, Rezaiifar & Krishnaprasad 1993; Jaggi et
al. 2013 for the refits between steps): the next curve is the one that explains most of what the sum leaves, once all
that a change of the sum's own constants could explain is taken out of both. Then all constants are fitted together, see
:mod:`kansym.symbolic.fitted_sums`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import sympy
from numpy.typing import NDArray

from kansym.library import Library
from kansym.symbolic.curve_families import (
    DECAY,
    GAUSSIAN,
    LORENTZIAN,
    POWER,
    RISE,
    SLOW_STEP,
    STEP,
    WAVE,
    CurveFamily,
)
from kansym.symbolic.description import EXACT, constant_bits, residual_bits
from kansym.symbolic.fitted_sums import Background, CurveSum, lengths, orthonormal
from kansym.symbolic.grammar import is_allowed
from kansym.symbolic.normal_form import normal_form
from kansym.symbolic.rows import Rows

__all__ = ["DECAYS", "POWERS", "SPECTRA", "sums_of_curves"]

Array = NDArray[np.float64]

_ROWS = 400
_BEAM = 2
_ROWS_PER_CONSTANT = 2
_FIRST_EVALUATIONS, _EVALUATIONS = 10, 50
# A kind of sum and its length are chosen among some fifty. In how many places a curve was looked for is counted with
# the digits of its constants: a frequency among four hundred has nine bits more than one that anything would do for.
_KIND_BITS = 6.0
_CURVE_BITS = 4.0  # to say one more, as of the terms of a sum of exponentials
_PATIENCE_BITS = 6.0  # a peak may need its neighbour before it pays
_COLLINEAR = 1e-9
_STARTS, _LOOKED_AT = 2, 200
_ALIKE = 0.97


@dataclass(frozen=True, eq=False)
class _Kind:
    """What is summed: one curve of a family, then curves of another, so many together at most."""

    first: CurveFamily
    then: CurveFamily
    most: int = 4

    def holds(self, total: CurveSum) -> bool:
        """Whether the first family has one curve; a sum with two, or none, is of another kind."""
        return self.first is self.then or sum(family is self.first for family, _ in total.curves) == 1


# What is summed in nature is of one family, but for the background of a spectrum, what rises from zero, and potentials
# that repel by an exponential and attract by a power.
_PEAKS = (GAUSSIAN, LORENTZIAN, STEP, SLOW_STEP)
DECAYS = _Kind(DECAY, DECAY), _Kind(RISE, RISE)
# More than two powers follow any smooth curve.
POWERS = _Kind(POWER, POWER, most=2), _Kind(DECAY, POWER, most=2)
SPECTRA = (
    _Kind(DECAY, GAUSSIAN),
    _Kind(WAVE, WAVE),
    _Kind(GAUSSIAN, GAUSSIAN),
    _Kind(DECAY, LORENTZIAN),
    _Kind(LORENTZIAN, LORENTZIAN),
    _Kind(STEP, STEP),
    _Kind(SLOW_STEP, SLOW_STEP),
)


def sums_of_curves(
    rows: Rows,
    library: Library,
    kinds: Sequence[_Kind] | None = None,
    *,
    should_stop: Callable[[], bool] | None = None,
) -> Iterator[tuple[sympy.Expr, float]]:
    """Propose sums of one to four curves, with and without a constant, and the bits that name them.

    Peaks and steps also on a straight line.

    Parameters
    ----------
    rows : Rows
        With one variable.
    library : Library
        Only curves made of its functions are proposed.
    kinds : sequence, optional
        ``DECAYS``, which take little time, ``POWERS``, or ``SPECTRA``, sums of peaks, of steps or of waves; all if left
        out.
    should_stop : callable, optional

    Examples
    --------
    >>> from kansym.library import default_library
    >>> from kansym.symbolic.constants import assess
    >>> x = np.linspace(0.0, 5.0, 80)
    >>> rows = Rows.from_arrays(x[:, None], 2 * np.exp(-3 * x) + np.exp(-0.5 * x))
    >>> formulas = [formula for formula, _ in sums_of_curves(rows, default_library(), DECAYS)]
    >>> any(assess(formula, rows).loss < 1e-20 for formula in formulas)
    True
    """
    sample = rows.sample(_ROWS, np.random.default_rng(0))
    variable = sample.variables[0]
    if np.ptp(sample.columns[:, 0]) == 0:
        return
    stop = should_stop or (lambda: False)
    kinds = [
        kind
        for kind in kinds or (*DECAYS, *POWERS, *SPECTRA)
        if all(is_allowed(normal_form(family.example(variable)), library) for family in (kind.first, kind.then))
    ]
    plain = [(kind, background) for kind in kinds for background in (Background.NONE, Background.LEVEL)]
    for kind, background in [*plain, *((kind, Background.LINE) for kind in kinds if kind.first in _PEAKS)]:
        for total, count in _sums_from(CurveSum.of((), background, sample), kind, sample, stop):
            yield normal_form(total.written(variable)), _KIND_BITS + _CURVE_BITS * count


def _sums_from(
    start: CurveSum, kind: _Kind, rows: Rows, stop: Callable[[], bool]
) -> Iterator[tuple[CurveSum, int]]:
    """Sums with one curve of the first family, then more and more of the other, and how many curves they have."""
    beam, least = [start], _description(start, rows)
    first, then = kind.first, kind.then
    for count in range(1, kind.most + 1):
        family = first if count == 1 else then
        beam = _converged([more for total in beam if not stop() for more in _grown(total, family, rows, _STARTS)], rows)
        if beam and count > 1:
            beam = _converged([*beam, *_exchanged(beam[0], kind, rows, stop)], rows)
        beam = [total for total in beam if total.is_sound(rows)][:_BEAM]
        if not beam:
            return
        length = _description(beam[0], rows)
        if length < least and (first is then or count > 1):
            yield beam[0], count
        if beam[0].loss <= EXACT * rows.variance or length > least + _PATIENCE_BITS:
            return
        least = min(least, length)


def _description(total: CurveSum, rows: Rows) -> float:
    """Bits of the residuals and constants, without the few that the kind of sum and its length take."""
    n_rows, n_constants = len(rows), total.n_constants
    residuals = residual_bits(total.loss, rows.variance, n_rows, n_constants)
    return residuals + n_constants * constant_bits(n_rows)


def _converged(totals: list[CurveSum], rows: Rows) -> list[CurveSum]:
    """Those of least loss, fitted to the end; of those with the same loss one.

    Unsound ones stay: of two curves that cancel, one is soon exchanged.
    """
    promising = sorted(totals, key=lambda total: total.loss)[: 2 * _BEAM]
    kept: dict[str, CurveSum] = {}
    for total in sorted((total.fitted(rows, _EVALUATIONS) for total in promising), key=lambda total: total.loss):
        kept.setdefault(f"{total.loss:.4e}", total)
    return list(kept.values())


def _exchanged(total: CurveSum, kind: _Kind, rows: Rows, stop: Callable[[], bool]) -> Iterator[CurveSum]:
    """The sum with each of its curves replaced by another one: what came first may not have been best."""
    for place in range(len(total.curves)):
        if stop():
            return
        for family in dict.fromkeys((kind.first, kind.then)):
            yield from (more for more in _grown(total.without(place, rows), family, rows, 1) if kind.holds(more))


def _grown(total: CurveSum, family: CurveFamily, rows: Rows, starts: int) -> Iterator[CurveSum]:
    """The sum with one more curve of a family, all constants fitted in a few steps, from so many starts."""
    x = rows.columns[:, 0]
    root = np.sqrt(rows.weights)
    grid = family.grid(x)
    with np.errstate(all="ignore"):
        curves = family.values(x, grid) * root[:, None, None]
    usable = np.all(np.isfinite(curves), axis=(0, 2))
    tangent = total.tangent(x)
    if not usable.any() or not np.all(np.isfinite(tangent)):
        return
    grid, curves = grid[usable], curves[:, usable]
    known = orthonormal(tangent * root[:, None])
    residual = rows.target * root
    residual = residual - known @ (known.T @ residual)
    for place in _peaks(_explained(curves, known, residual), curves, starts):
        more = CurveSum.of((*total.curves, (family, grid[place])), total.background, rows)
        if more.n_constants * _ROWS_PER_CONSTANT <= len(rows):
            found = more.fitted(rows, _FIRST_EVALUATIONS)
            if np.isfinite(found.loss):
                yield found


def _peaks(explained: Array, curves: Array, most: int) -> list[int]:
    """Places on the grid that explain most, unlike each other."""
    chosen: list[int] = []
    first = curves[:, :, 0] / lengths(curves[:, :, 0])
    for place in np.argsort(-explained)[:_LOOKED_AT]:
        if all(abs(first[:, place] @ first[:, other]) < _ALIKE for other in chosen):
            chosen.append(int(place))
        if len(chosen) == most:
            break
    return chosen


def _explained(curves: Array, known: Array, residual: Array) -> Array:
    """How much of the squared residual each curve of the grid explains beside what is known: (n_grid,)."""
    unit = curves / lengths(curves)
    unit = unit - np.einsum("nj,jkl->nkl", known, np.einsum("nj,nkl->jkl", known, unit))
    first = unit[:, :, 0]
    gain = _gain(first, residual)
    if unit.shape[2] == 2:
        norm = np.einsum("nk,nk->k", first, first)
        second = unit[:, :, 1] - first * (np.einsum("nk,nk->k", first, unit[:, :, 1]) / np.maximum(norm, _COLLINEAR))
        gain = gain + _gain(second, residual)
    return gain


def _gain(curves: Array, residual: Array) -> Array:
    norm = np.einsum("nk,nk->k", curves, curves)
    return np.where(norm > _COLLINEAR, (residual @ curves) ** 2 / np.maximum(norm, _COLLINEAR), 0.0)
