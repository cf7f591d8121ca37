import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kansym.report.wording import listing, number, percent, points, r_squared


@given(st.floats(-1e300, 1e300).filter(lambda value: value == 0 or abs(value) > 1e-300), st.integers(1, 8))
def test_numbers_read_back_to_their_digits(value, digits):
    text = number(value, digits)
    assert "-" not in text  # a hyphen is not a minus
    assert float(text.replace("−", "-")) == pytest.approx(value, rel=10.0**-digits * 5.1)
    assert len(re.sub(r"e.*", "", text)) <= max(digits, 9) + 6


@pytest.mark.parametrize("write", [number, percent, r_squared])
def test_nothing_is_a_dash(write):
    assert write(math.nan) == "–"


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.9949, "99 %"), (0.9951, "99.5 %"), (0.99999, "99.9 %"), (1.0, "100 %"), (0.004, "0.4 %"), (0.0, "0 %")],
)
def test_a_rate_is_never_rounded_to_one_that_it_is_not(value, text):
    assert percent(value) == text


@given(st.floats(0, 1, exclude_max=True).map(lambda value: min(value, 1 - 1e-15)))
def test_only_a_perfect_r2_is_called_one(value):
    assert r_squared(value) != "1"


@given(st.floats(-1, 1))
def test_differences_have_their_sign(value):
    assert points(value)[0] == ("+" if value > 0 else "−" if value < 0 else points(value)[0])


def test_a_list_of_nothing():
    assert listing([]) == "–"


def test_a_generator_is_listed_too():
    assert listing(letter for letter in "abc") == "a, b and c"
    assert listing(letter for letter in "") == "–"
