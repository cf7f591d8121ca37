import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kansym.report.points import apart, points_of

places = st.lists(st.tuples(st.floats(60, 390), st.floats(10, 230)), min_size=1, max_size=12).map(sorted)


@given(places, st.floats(1, 20))
def test_points_are_apart_and_keep_their_order_and_height(points, gap):
    x, y = map(list, zip(*points, strict=True))
    moved = apart(x, y, gap)
    for i, j in itertools.combinations(range(len(x)), 2):
        assert np.hypot(moved[i] - moved[j], y[i] - y[j]) >= gap * (1 - 1e-9)
        if abs(y[i] - y[j]) < gap:
            assert moved[i] < moved[j] or abs(y[i] - y[j]) > gap * (1 - 1e-9)


@given(st.lists(st.floats(10, 230), min_size=1, max_size=20), st.floats(8, 20))
def test_points_that_are_apart_stay(y, gap):
    x = [60 + gap * k for k in range(len(y))]
    assert np.allclose(apart(x, y, 0.999 * gap), x)


@given(places, st.floats(1, 40))
def test_what_can_be_hit_never_overlaps_and_nothing_covers_a_centre(points, step):
    x, y = map(list, zip(*points, strict=True))
    found = points_of(x, y, step)
    for one, other in itertools.combinations(found, 2):
        distance = np.hypot(one.x - other.x, one.y - other.y)
        assert one.reach + other.reach <= distance + 1e-9
        assert max(one.size, other.size) < distance
