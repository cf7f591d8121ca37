import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kansym.report.charts import Chart, axis_of, curve_path, dots_path

values = st.lists(st.floats(-1e12, 1e12, allow_subnormal=False), min_size=1, max_size=20)


@given(values, st.sampled_from([np.inf, 100.0]), st.booleans())
def test_axes_hold_all_values_and_have_a_few_ticks(numbers, logarithmic_from, symmetric):
    axis = axis_of("x", np.array(numbers), symmetric=symmetric, logarithmic_from=logarithmic_from)
    share = axis.share(numbers)
    assert np.all((share >= -1e-9) & (share <= 1 + 1e-9))
    assert 1 <= len(axis.ticks) <= 9
    places = axis.share([value for value, _ in axis.ticks])
    assert np.all((places >= -1e-9) & (places <= 1 + 1e-9))
    assert np.all(np.diff(places) > 0)
    if symmetric and not axis.logarithmic:
        assert axis.low == -axis.high


@given(st.floats(-1e6, 1e6, allow_subnormal=False), st.floats(1e-3, 1e6))
def test_labels_of_ticks_differ_and_say_their_value(low, reach):
    axis = axis_of("x", np.array([low, low + reach]))
    texts = [text for _, text in axis.ticks]
    assert len(set(texts)) == len(texts)
    for value, text in axis.ticks:
        assert float(text.replace("−", "-")) == pytest.approx(value, rel=1e-9, abs=1e-9 * reach)


def test_ends_are_where_they_belong():
    chart = Chart(axis_of("x", np.array([0.0, 1.0])), axis_of("y", np.array([0.0, 1.0])))
    assert chart.across(chart.x.low) == chart.left == 74
    assert chart.across(chart.x.high) == 390
    assert chart.down(chart.y.low) > chart.down(chart.y.high) == 10


def test_a_dot_for_each_row_that_has_a_place():
    chart = Chart(axis_of("x", np.array([0.0, 1.0])), axis_of("y", np.array([0.0, 1.0])))
    path = dots_path(chart, np.array([0.0, 0.5, np.nan]), np.array([1.0, np.nan, 0.0]))
    assert re.fullmatch(r"M[\d.]+ [\d.]+h0", path)


def test_curves_are_interrupted_where_they_are_not_defined():
    chart = Chart(axis_of("x", np.array([0.0, 3.0])), axis_of("y", np.array([0.0, 1.0])))
    path = curve_path(chart, np.arange(6.0), np.array([0.0, 1.0, np.nan, 1.0, 1e9, 0.0]))
    assert re.sub(r"[\d. ]", "", path) == "MLMM"


def test_values_that_are_not_finite_do_not_matter():
    assert axis_of("x", np.array([np.nan, np.inf, 1.0, 2.0])) == axis_of("x", np.array([1.0, 2.0]))
    assert len(axis_of("x", np.array([np.nan])).ticks) > 1
