"""Sums of curves of one variable: decays, powers, peaks, steps and waves, found one after another.

Spectra are peaks on a background, relaxations sums of decays, potentials of powers, tides of waves. Such a sum is grown
by matching pursuit over families of curves with a continuous parameter (Pati, Rezaiifar & Krishnaprasad 1993; Jaggi et
al. 2013 for the refits between steps): the next curve is the one that explains most of what the sum leaves, once all
that a change of the sum's own constants could explain is taken out of both. Then all constants are fitted together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy
from numpy.typing import NDArray

from kansym.library import Library
from kansym.symbolic.constants import Fit, assess, refit
from kansym.symbolic.description import EXACT, constant_bits, residual_bits
from kansym.symbolic.evaluation import compile_expression, count_constants
from kansym.symbolic.grammar import is_allowed
from kansym.symbolic.normal_form import normal_form, one_wave
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
_RATES, _CENTRES, _WIDTHS = 61, 41, 12
_EXPONENTS = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 12.0)
_FASTEST = 40.0  # e-folds over the range of x
_NARROWEST = 0.01  # of that range
_COLLINEAR = 1e-9
_STARTS, _LOOKED_AT = 2, 200
_ALIKE = 0.97


@dataclass(frozen=True, eq=False)
class _Family:
    """Curves that differ by their parameters: a grid of these, their values, and how they are written.

    ``values`` gives one or two columns for each line of the grid: (n_rows, n_grid, n_columns).
    """

    grid: Callable[[Array], Array]
    values: Callable[[Array, Array], Array]
    written: Callable[[Any, Array, Array], Any]


@dataclass(frozen=True, eq=False)
class _Kind:
    """What is summed: one curve of a family, then curves of another, so many together at most."""

    first: _Family
    then: _Family
    most: int = 4


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
    >>> x = np.linspace(0.0, 5.0, 80)
    >>> rows = Rows.from_arrays(x[:, None], 2 * np.exp(-3 * x) + np.exp(-0.5 * x))
    >>> formulas = [formula for formula, _ in sums_of_curves(rows, default_library(), DECAYS)]
    >>> any(assess(formula, rows).loss < 1e-20 for formula in formulas)
    True
    """
    sample = rows.sample(_ROWS, np.random.default_rng(0))
    x = sample.columns[:, 0]
    if np.ptp(x) == 0:
        return
    stop = should_stop or (lambda: False)
    starts = [assess(sympy.S.Zero, sample), assess(sympy.Float(sample.mean), sample)]
    slope, level = np.polyfit(x, sample.target, 1, w=np.sqrt(sample.weights))
    line = assess(sympy.Float(float(slope)) * sample.variables[0] + sympy.Float(float(level)), sample)
    kinds = [
        kind
        for kind in kinds or (*DECAYS, *POWERS, *SPECTRA)
        if all(is_allowed(_example(family, sample.variables[0]), library) for family in (kind.first, kind.then))
    ]
    for kind in kinds:
        for start in starts:
            yield from _sums_from(start, kind, sample, stop)
    for kind in kinds:
        if kind.first in _PEAKS:
            yield from _sums_from(line, kind, sample, stop)


def _sums_from(
    start: Fit, kind: _Kind, rows: Rows, stop: Callable[[], bool]
) -> Iterator[tuple[sympy.Expr, float]]:
    """Sums with one curve of the first family, then more and more of the other."""
    beam, least = [start], _description(start, rows)
    first, then = kind.first, kind.then
    for count in range(1, kind.most + 1):
        family = first if count == 1 else then
        beam = _converged([more for fit in beam if not stop() for more in _grown(fit, family, rows, _STARTS)], rows)
        if beam and count > 1:
            beam = _converged([*beam, *_exchanged(beam[0], first, then, rows, stop)], rows)
        if not beam:
            return
        length = _description(beam[0], rows)
        if length < least and (first is then or count > 1):
            yield beam[0].expression, _KIND_BITS + _CURVE_BITS * count
        if beam[0].loss <= EXACT * rows.variance or length > least + _PATIENCE_BITS:
            return
        least = min(least, length)


def _description(fit: Fit, rows: Rows) -> float:
    """Bits of the residuals and constants, without the few that the kind of sum and its length take."""
    n_rows, n_constants = len(rows), len(fit.constants)
    residuals = residual_bits(fit.loss, rows.variance, n_rows, n_constants)
    return residuals + n_constants * constant_bits(n_rows)


def _converged(fits: list[Fit], rows: Rows) -> list[Fit]:
    """Those of least loss, fitted to the end; of those with the same loss one."""
    promising = sorted(fits, key=lambda fit: fit.loss)[: 2 * _BEAM]
    kept: dict[str, Fit] = {}
    for fit in sorted(
        (refit(fit.expression, rows, max_evaluations=_EVALUATIONS) for fit in promising), key=lambda fit: fit.loss
    ):
        kept.setdefault(f"{fit.loss:.4e}", fit)
    return list(kept.values())[:_BEAM]


def _exchanged(fit: Fit, first: _Family, then: _Family, rows: Rows, stop: Callable[[], bool]) -> Iterator[Fit]:
    """The sum with each of its curves replaced by another one: what came first may not have been best."""
    terms = sympy.Add.make_args(fit.expression)
    for term in terms:
        if term.free_symbols and not stop():
            rest = assess(sympy.Add(*[other for other in terms if other is not term]), rows)
            for family in dict.fromkeys((first, then)):
                # A sum that would have two of the first family, or none, is of another kind.
                yield from (more for more in _grown(rest, family, rows, 1) if len(more.constants) == len(fit.constants))


def _grown(fit: Fit, family: _Family, rows: Rows, starts: int) -> Iterator[Fit]:
    """The sum with one more curve of a family, all constants fitted in a few steps, from so many starts."""
    x = rows.columns[:, 0]
    root = np.sqrt(rows.weights)
    predicted, tangent = compile_expression(fit.expression, rows.variables).value_and_jacobian(rows.columns)
    grid = family.grid(x)
    with np.errstate(all="ignore"):
        curves = family.values(x, grid) * root[:, None, None]
    usable = np.all(np.isfinite(curves), axis=(0, 2))
    if not usable.any() or not np.all(np.isfinite(tangent)):
        return
    grid, curves = grid[usable], curves[:, usable]
    known = _orthonormal(tangent * root[:, None])
    residual = (rows.target - predicted) * root
    residual = residual - known @ (known.T @ residual)
    for place in _peaks(_explained(curves, known, residual), curves, starts):
        design = np.column_stack([known, curves[:, place]])
        outer = np.linalg.lstsq(design, residual, rcond=None)[0][known.shape[1] :]
        more = one_wave(normal_form(fit.expression + family.written(rows.variables[0], grid[place], outer)))
        if count_constants(more) * _ROWS_PER_CONSTANT <= len(rows):
            found = refit(more, rows, max_evaluations=_FIRST_EVALUATIONS)
            if np.isfinite(found.loss):
                yield found


def _peaks(explained: Array, curves: Array, most: int) -> list[int]:
    """Places on the grid that explain most, unlike each other."""
    chosen: list[int] = []
    first = curves[:, :, 0] / np.maximum(np.linalg.norm(curves[:, :, 0], axis=0), np.finfo(float).tiny)
    for place in np.argsort(-explained)[:_LOOKED_AT]:
        if all(abs(first[:, place] @ first[:, other]) < _ALIKE for other in chosen):
            chosen.append(int(place))
        if len(chosen) == most:
            break
    return chosen


def _explained(curves: Array, known: Array, residual: Array) -> Array:
    """How much of the squared residual each curve of the grid explains beside what is known: (n_grid,)."""
    size = np.linalg.norm(curves, axis=0)
    unit = curves / np.where(size > 0, size, 1.0)
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


def _orthonormal(design: Array) -> Array:
    size = np.linalg.norm(design, axis=0)
    left, singular, _ = np.linalg.svd(design / np.where(size > 0, size, 1.0), full_matrices=False)
    return left[:, singular > 1e-10 * singular.max(initial=0.0)]


def _example(family: _Family, variable: sympy.Symbol) -> Any:
    grid = family.grid(np.array([1.0, 2.0, 3.0]))
    return normal_form(family.written(variable, grid[0], np.ones(family.values(np.ones(1), grid).shape[2])))


# ------------------------------------------------------------------------------------------------------------- families


def _rates(x: Array) -> Array:
    steepest = _FASTEST / np.ptp(x)
    rates = np.geomspace(0.02 / np.ptp(x), steepest, _RATES // 2)
    return np.concatenate([-rates[::-1], rates])[:, None]


def _rising(x: Array) -> Array:
    """Rates of curves that start at zero: they need an x that does not change sign."""
    rates = _rates(x)
    return rates[rates[:, 0] < 0] if x.min() >= 0 else np.empty((0, 1))


def _exponents(x: Array) -> Array:
    """Exponents, and the middle of an x that has to be positive."""
    if x.min() <= 0:
        return np.empty((0, 2))
    middle = float(np.exp(np.log(x).mean()))
    return np.array([(sign * exponent, middle) for sign in (-1.0, 1.0) for exponent in _EXPONENTS])


def _places(x: Array) -> Array:
    centres = np.linspace(x.min(), x.max(), _CENTRES)
    widths = np.geomspace(_NARROWEST * np.ptp(x), np.ptp(x), _WIDTHS)
    return np.array([(centre, width) for centre in centres for width in widths])


def _frequencies(x: Array) -> Array:
    """Frequencies a fifth of a resolved step apart, up to the highest that the rows can tell from a lower one."""
    distinct = len(np.unique(x))
    step = np.pi / 5 / (float(np.ptp(x)) / 2)
    return np.arange(1.0, max(int(2.5 * distinct), 2))[:, None] * float(step)


def _column(curves: Array) -> Array:
    return curves[:, :, None]


def _exponent(x: Array, grid: Array) -> Array:
    return grid[:, 0] * x[:, None]


def _distance(x: Array, grid: Array) -> Array:
    return (x[:, None] - grid[:, 0]) / grid[:, 1]


def _phase(x: Array, grid: Array) -> Array:
    return np.stack([np.cos(grid[:, 0] * x[:, None]), np.sin(grid[:, 0] * x[:, None])], axis=2)


def _write_wave(variable: Any, parameters: Array, outer: Array) -> Any:
    angle = sympy.Float(parameters[0]) * variable
    return sympy.Float(outer[0]) * sympy.cos(angle) + sympy.Float(outer[1]) * sympy.sin(angle)


def _scaled(variable: Any, parameters: Array) -> Any:
    return sympy.Float(1.0 / parameters[1]) * variable - sympy.Float(parameters[0] / parameters[1])


def _squared(variable: Any, parameters: Array) -> Any:
    return sympy.Float(parameters[1] ** -2.0) * (variable - sympy.Float(parameters[0])) ** 2


_DECAY, _RISE, _POWER, _GAUSSIAN, _LORENTZIAN, _STEP, _SLOW_STEP, _WAVE = (
    _Family(
        _rates,
        lambda x, grid: _column(np.exp(_exponent(x, grid))),
        lambda u, p, outer: sympy.Float(outer[0]) * sympy.exp(sympy.Float(p[0]) * u),
    ),
    _Family(
        _rising,
        lambda x, grid: _column(-np.expm1(_exponent(x, grid))),
        # sympy alone would multiply out, and one constant would be two.
        lambda u, p, outer: sympy.Mul(sympy.Float(outer[0]), 1 - sympy.exp(sympy.Float(p[0]) * u), evaluate=False),
    ),
    _Family(
        _exponents,
        lambda x, grid: _column((x[:, None] / grid[:, 1]) ** grid[:, 0]),
        lambda u, p, outer: sympy.Float(outer[0] * p[1] ** -p[0]) * u ** sympy.Float(p[0]),
    ),
    _Family(
        _places,
        lambda x, grid: _column(np.exp(-(_distance(x, grid) ** 2))),
        lambda u, p, outer: sympy.Float(outer[0]) * sympy.exp(-_squared(u, p)),
    ),
    _Family(
        _places,
        lambda x, grid: _column(1.0 / (1.0 + _distance(x, grid) ** 2)),
        lambda u, p, outer: sympy.Float(outer[0]) / (1 + _squared(u, p)),
    ),
    _Family(
        _places,
        lambda x, grid: _column(np.tanh(_distance(x, grid))),
        lambda u, p, outer: sympy.Float(outer[0]) * sympy.tanh(_scaled(u, p)),
    ),
    _Family(
        _places,
        lambda x, grid: _column(np.arctan(_distance(x, grid))),
        lambda u, p, outer: sympy.Float(outer[0]) * sympy.atan(_scaled(u, p)),
    ),
    _Family(_frequencies, _phase, _write_wave),
)

# What is summed in nature is of one family, but for the background of a spectrum, what rises from zero, and potentials
# that repel by an exponential and attract by a power.
_PEAKS = (_GAUSSIAN, _LORENTZIAN, _STEP, _SLOW_STEP)
DECAYS = _Kind(_DECAY, _DECAY), _Kind(_RISE, _RISE)
# More than two powers follow any smooth curve.
POWERS = _Kind(_POWER, _POWER, most=2), _Kind(_DECAY, _POWER, most=2)
SPECTRA = (
    _Kind(_DECAY, _GAUSSIAN),
    _Kind(_WAVE, _WAVE),
    _Kind(_GAUSSIAN, _GAUSSIAN),
    _Kind(_DECAY, _LORENTZIAN),
    _Kind(_LORENTZIAN, _LORENTZIAN),
    _Kind(_STEP, _STEP),
    _Kind(_SLOW_STEP, _SLOW_STEP),
)
