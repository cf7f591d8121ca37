import math
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, multinomial, norm

from kansym.comparison.intervals import mcnemar_p_value, paired_difference_interval, wilson_interval

counts = st.integers(0, 200)


@given(counts, counts, st.sampled_from([0.8, 0.95, 0.99]))
def test_wilson_against_its_textbook_form(successes, failures, confidence):
    trials = successes + failures
    low, high = wilson_interval(successes, trials, confidence)
    if trials == 0:
        assert math.isnan(low)
        assert math.isnan(high)
        return
    z, rate = norm.isf((1 - confidence) / 2), successes / trials
    centre = (rate + z**2 / (2 * trials)) / (1 + z**2 / trials)
    half = z * math.sqrt(rate * (1 - rate) / trials + z**2 / (4 * trials**2)) / (1 + z**2 / trials)
    assert low == pytest.approx(centre - half, abs=1e-12)
    assert high == pytest.approx(centre + half, abs=1e-12)


@pytest.mark.parametrize(
    ("table", "published"),
    [
        # Published with the R package contingencytables (Fagerland, Lydersen, Laake: Statistical Analysis of
        # Contingency Tables, 2017, chapter 8), which takes them from Bentur et al. 2009 and Cavo et al. 2012.
        ((1, 1, 7, 12), (-0.507, -0.026)),
        ((59, 6, 16, 80), (-0.1186, -0.0046)),
    ],
)
def test_newcombe_against_published_intervals(table, published):
    digits = len(str(published[0]).partition(".")[2])
    assert tuple(round(end, digits) for end in paired_difference_interval(*table)) == published


@given(counts, counts, counts, counts)
def test_newcombe_holds_the_difference_and_turns_its_sign_with_the_methods(both, first, second, neither):
    low, high = paired_difference_interval(both, first, second, neither)
    pairs = both + first + second + neither
    if pairs == 0:
        assert math.isnan(low)
        assert math.isnan(high)
        return
    assert -1 <= low <= (first - second) / pairs + 1e-12
    assert (first - second) / pairs - 1e-12 <= high <= 1
    mirrored = paired_difference_interval(both, second, first, neither)
    assert mirrored == pytest.approx((-high, -low), abs=1e-12)


def test_newcombe_has_a_width_when_the_methods_never_differ():
    low, high = paired_difference_interval(5, 0, 0, 7)
    assert low < 0 < high


@pytest.mark.parametrize("cells", [(0.25, 0.25, 0.25, 0.25), (0.5, 0.3, 0.05, 0.15), (0.1, 0.05, 0.05, 0.8)])
def test_newcombe_covers_the_true_difference(cells):
    # The exact probability that the interval holds the truth, summed over all tables of twelve pairs.
    pairs, difference = 12, cells[1] - cells[2]
    coverage = 0.0
    for both, first, second in product(range(pairs + 1), repeat=3):
        neither = pairs - both - first - second
        if neither >= 0:
            low, high = paired_difference_interval(both, first, second, neither)
            if low <= difference <= high:
                coverage += multinomial.pmf([both, first, second, neither], pairs, cells)
    assert 0.93 < coverage < 1


@given(counts, counts)
def test_mcnemar_against_twice_the_tail(first, second):
    expected = min(1.0, 2 * binom.cdf(min(first, second), first + second, 0.5)) if first + second else 1.0
    assert mcnemar_p_value(first, second) == pytest.approx(expected, rel=1e-9)


def test_mcnemar_against_a_published_value():
    assert mcnemar_p_value(6, 16) == pytest.approx(0.052479, abs=5e-7)  # Cavo et al. 2012, as above
