"""Description length: how many bits it takes to say a formula and then the data.

The formula costs bits for its tree and its constants, the data cost bits for the residuals (Rissanen 1978, "Modeling by
shortest data description", Automatica 14; ``log2(n)/2`` bits a constant as in Schwarz 1978, Ann. Statist. 6; for few
rows the correction of Hurvich & Tsai 1989, Biometrika 76, eq. 4). Noise so sets the stopping point by itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import sympy

__all__ = [
    "EXACT",
    "Evidence",
    "constant_bits",
    "evidence",
    "label_evidence",
    "member_bits",
    "number_bits",
    "residual_bits",
    "tree_bits",
]

Evidence = Callable[[float, float, float, int, int], float]
"""Bits by which data speak for a formula: of a simpler one's loss, its own, the best constant's, rows, constants."""

EXACT = 1e-20
"""Relative loss (loss / variance of y) below which a formula is exact: what is left is rounding."""

_NODE_BITS = 3.0
_SIGN_BITS = 1.0
# Extra bits of functions that fewer laws contain than exp, log and powers.
_RARITY = {"sin": 1.0, "cos": 1.0, "tanh": 2.0, "Abs": 2.0}
_RARITY.update({"tan": 4.0, "sinh": 4.0, "cosh": 4.0, "asin": 4.0, "acos": 4.0, "atan": 4.0})


def residual_bits(loss: float, variance: float, n_rows: int, n_constants: int) -> float:
    """Bits for the residuals, against those of the best constant, and for fitting few rows with many constants.

    With ``k`` constants and the variance of the noise to be estimated from ``n`` rows, ``(k+1)(k+2)/(n−k−2)`` nats are
    what such a fit gains by chance.

    Parameters
    ----------
    loss, variance : float
        Mean squared error and variance of y, in y units squared.
    n_rows, n_constants : int

    Examples
    --------
    >>> round(residual_bits(0.25, 1.0, 1000, 0))
    -1000
    """
    freedom = n_rows - n_constants - 2
    if freedom <= 0 or not math.isfinite(loss):
        return math.inf
    if variance == 0:
        return 0.0 if loss == 0 else math.inf
    chance = (n_constants + 1) * (n_constants + 2) / freedom / math.log(2)
    return 0.5 * n_rows * math.log2(max(loss / variance, EXACT)) + chance


def evidence(simpler_loss: float, loss: float, variance: float, n_rows: int, n_constants: int) -> float:
    """Bits by which the data speak for a formula against a simpler one.

    Of all fits with ``ν = n_rows − n_constants`` degrees of freedom left, the share ``(loss ratio)^(ν/2)`` is so much
    better by chance, exactly so for two constants more: Λ has the density of Beta(ν/2, 1). With few rows a search over
    thousands of forms is sure to meet such luck.

    Examples
    --------
    >>> evidence(4.0, 1.0, 10.0, 12, 2)
    10.0
    """
    freedom = n_rows - n_constants
    if freedom <= 0 or not math.isfinite(loss):
        return -math.inf
    floor = max(EXACT * variance, 1e-300)
    return 0.5 * freedom * math.log2(max(simpler_loss, floor) / max(loss, floor))


def label_evidence(simpler_loss: float, loss: float, null_loss: float, n_rows: int, n_constants: int) -> float:
    """Bits by which labels speak for a formula against a simpler one; the losses are mean log-losses in nats.

    A code for labels that believes in probabilities p takes ``−Σ log2 p`` bits (Shannon), so the log-loss is a
    description length as it stands: no noise has to be estimated, and ``null_loss`` is not needed.

    Examples
    --------
    >>> round(label_evidence(math.log(2), 0.0, math.log(2), 102, 1))  # of 102 labels two pay for the constant
    100
    """
    freedom = n_rows - n_constants - 1
    if freedom <= 0 or not math.isfinite(loss):
        return -math.inf
    return freedom * (simpler_loss - loss) / math.log(2)


def constant_bits(n_rows: int, unexplained: float = 1.0) -> float:
    """Bits for one fitted constant: the digits that the data determine.

    A constant that moves the predictions by about their spread is known to one part in ``√(n/u)``, where ``u`` is what
    share of the variance is left as noise: the better a formula fits, the more it takes to say its constants (Rissanen
    1983, Ann. Statist. 11, sec. 3; Schwarz's ``log2(n)/2`` leaves ``u`` out).

    Examples
    --------
    >>> constant_bits(1024), constant_bits(1024, unexplained=2**-20)
    (5.0, 15.0)
    """
    return 0.5 * (math.log2(max(n_rows, 2)) - math.log2(min(max(unexplained, EXACT), 1.0)))


def tree_bits(expression: Any) -> float:
    """Bits for the tree and its exact numbers, without its fitted constants.

    A power is one word: ``x²`` costs a node for the power, one for x, and the bits of the exponent, but no node for it;
    a minus is a sign and no number.

    Examples
    --------
    >>> x = sympy.Symbol("x", real=True)
    >>> tree_bits(x) < tree_bits(x**2) < tree_bits(sympy.atan(x**2))
    True
    """
    if expression is sympy.S.NegativeOne:
        return _SIGN_BITS
    total = _NODE_BITS + _RARITY.get(expression.func.__name__, 0.0)
    if isinstance(expression, sympy.Rational):
        return total + number_bits(expression)
    if isinstance(expression, sympy.Pow) and isinstance(expression.exp, sympy.Rational):
        return total + number_bits(expression.exp) + tree_bits(expression.base)
    return total + sum(tree_bits(argument) for argument in expression.args)


def member_bits(proposed: sympy.Expr, written: sympy.Expr) -> float:
    """Bits for what a member of a family has beyond it: rare functions, constants made exact, columns left out.

    Parameters
    ----------
    proposed, written : sympy.Expr
        The formula as the family proposed it, and with its constants rounded: each exact number has to be said, and
        which of the columns are left where some exponents or factors became zero.

    Examples
    --------
    >>> x = sympy.Symbol("x", real=True)
    >>> member_bits(sympy.exp(2.2 * x**2), sympy.exp(2 * x**2))
    2.0
    """
    rare = sum(_RARITY.get(node.func.__name__, 0.0) for node in sympy.preorder_traversal(written))
    columns, kept = len(proposed.free_symbols), len(written.free_symbols & proposed.free_symbols)
    numbers = max(_all_number_bits(written) - _all_number_bits(proposed), 0.0)
    return rare + numbers + math.log2(math.comb(columns, kept))


def _all_number_bits(expression: sympy.Expr) -> float:
    nodes: Any = sympy.preorder_traversal(expression)
    return sum(number_bits(node) for node in nodes if isinstance(node, sympy.Rational))


def number_bits(number: Any) -> float:
    """Bits for an exact integer or rational beyond its node: −1 and 1 are free, 2 and 1/2 cost one or two."""
    numerator, denominator = abs(int(number.p)), int(number.q)
    return 2.0 * math.log2(max(numerator, 1)) + 2.0 * math.log2(denominator)
