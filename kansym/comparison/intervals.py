"""How sure a rate is, and a difference of two rates on the same problems."""

from __future__ import annotations

import math

__all__ = ["CONFIDENCE", "mcnemar_p_value", "paired_difference_interval", "wilson_interval"]

CONFIDENCE = 0.95
"""Of every interval of the comparison."""


def wilson_interval(successes: int, trials: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Wilson's score interval of a rate; (nan, nan) without trials.

    References
    ----------
    E. B. Wilson, Journal of the American Statistical Association 22 (1927) 209–212.

    Examples
    --------
    >>> low, high = wilson_interval(8, 10)
    >>> round(low, 3), round(high, 3)
    (0.49, 0.943)
    """
    from scipy.stats import binomtest

    if trials == 0:
        return math.nan, math.nan
    low, high = binomtest(successes, trials).proportion_ci(confidence, method="wilson")
    return float(low), float(high)


def paired_difference_interval(
    both: int, only_first: int, only_second: int, neither: int, confidence: float = CONFIDENCE
) -> tuple[float, float]:
    """Interval of (rate of the first) − (rate of the second) when both were tried on the same problems.

    Newcombe's method 10 joins the Wilson intervals of the two rates by their correlation. Wald's interval, the common
    one, has no width at all when the two methods never differ.

    Parameters
    ----------
    both, only_first, only_second, neither : int
        How many problems were solved by whom.
    confidence : float

    Returns
    -------
    tuple of float
        Lower and upper end, within [−1, 1]; (nan, nan) without problems.

    References
    ----------
    R. G. Newcombe, "Improved confidence intervals for the difference between binomial proportions based on paired
    data", Statistics in Medicine 17 (1998) 2635–2650, method 10.

    Examples
    --------
    >>> low, high = paired_difference_interval(both=59, only_first=6, only_second=16, neither=80)
    >>> round(low, 4), round(high, 4)
    (-0.1186, -0.0046)
    """
    pairs = both + only_first + only_second + neither
    if pairs == 0:
        return math.nan, math.nan
    first, second = both + only_first, both + only_second
    rate_first, rate_second = first / pairs, second / pairs
    low_first, high_first = wilson_interval(first, pairs, confidence)
    low_second, high_second = wilson_interval(second, pairs, confidence)
    phi = _correlation(both, only_first, only_second, neither)

    def joined(a: float, b: float) -> float:
        return math.sqrt(max(a * a - 2 * phi * a * b + b * b, 0.0))

    difference = rate_first - rate_second
    low = difference - joined(rate_first - low_first, high_second - rate_second)
    high = difference + joined(high_first - rate_first, rate_second - low_second)
    return max(low, -1.0), min(high, 1.0)


def _correlation(both: int, only_first: int, only_second: int, neither: int) -> float:
    """Newcombe's corrected phi: a positive one is lessened as if half a pair of each kind were less."""
    margins = (both + only_first) * (only_second + neither) * (both + only_second) * (only_first + neither)
    if margins == 0:
        return 0.0
    excess = both * neither - only_first * only_second
    if excess > 0:
        excess = max(excess - (both + only_first + only_second + neither) / 2, 0)
    return excess / math.sqrt(margins)


def mcnemar_p_value(only_first: int, only_second: int) -> float:
    """McNemar's exact test: how likely so uneven a split is if either method wins each differing problem by chance.

    Two-sided; 1 if the methods never differ.

    References
    ----------
    Q. McNemar, Psychometrika 12 (1947) 153–157; the binomial form.

    Examples
    --------
    >>> mcnemar_p_value(0, 6)
    0.03125
    """
    from scipy.stats import binomtest

    differing = only_first + only_second
    return float(binomtest(only_first, differing).pvalue) if differing else 1.0
