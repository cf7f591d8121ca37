from typing import Any

import matplotlib as mpl
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from kansym.plots.lettering import ems, inches_of, label, lines_of, short_names, shortened, title

texts = st.text(st.characters(categories=["L", "N", "P", "Zs"], max_codepoint=0x17F), max_size=120)
LONG = "a target with a name that is as long as those of some tables in some archives, and then a bit"


@given(texts, st.integers(4, 40))
def test_shortened_keeps_both_ends(text, most):
    short = shortened(text, most)
    assert len(short) == min(len(text), most)
    start, mark, end = short.partition("…") if len(text) > most else (text, "", "")
    assert text.startswith(start)
    assert text.endswith(end)
    assert bool(mark) == (len(text) > most)


@given(st.lists(texts, unique=True, min_size=2, max_size=8), st.integers(4, 12))
def test_different_names_look_different(names, most):
    cut = [name for name in names if len(name) > most]
    shown = [short for short, name in zip(short_names(names, most), names, strict=True) if name in cut]
    assert len(set(shown)) == len(cut)


@given(st.text("abcmW ·+", max_size=80), st.integers(6, 30))
def test_lines_are_no_longer_than_their_room_and_keep_the_text(text, room):
    lines = lines_of(text, float(room), 1000).split("\n")
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert all(ems(line) <= 1.05 * room for line in lines)


def test_what_does_not_fit_is_cut_with_a_mark():
    assert lines_of("one two three four", 4.0, 2).count("\n") == 1
    assert lines_of("one two three four", 4.0, 2).endswith("…")


@pytest.mark.parametrize("layout", [None, "constrained"])
@pytest.mark.parametrize("size", [(2.4, 2.0), (5.0, 3.6)])
def test_titles_and_labels_stay_inside_of_the_figure(layout, size):
    figure = Figure(size, layout=layout)
    axes = figure.add_axes((0.3, 0.35, 0.6, 0.3)) if layout is None else figure.add_subplot()
    label((axes, LONG, "x"), (axes, LONG, "y"))
    title(axes, LONG.replace(" ", "·"), "R² = 0.5", most=2)
    figure.draw_without_rendering()
    written = [axes.xaxis.label, axes.yaxis.label, axes._left_title]  # type: ignore[attr-defined]
    for text in written:
        box = text.get_window_extent()
        across = (box.x0, box.x1) if text is not axes.yaxis.label else (box.y0, box.y1)
        whole = figure.bbox.width if text is not axes.yaxis.label else figure.bbox.height
        assert across[0] >= -2
        assert across[1] <= whole + 2


def test_axes_are_measured_in_a_part_of_a_figure_too():
    left = Figure((6.0, 2.0)).subfigures(1, 2, squeeze=False)[0, 0]
    assert inches_of(left.add_axes((0.0, 0.0, 0.5, 1.0))) == pytest.approx((1.5, 2.0))


def test_the_font_of_the_user_is_measured():
    before = ems("iiiiii")
    with mpl.rc_context({"font.family": "monospace"}):
        assert ems("iiiiii") > 1.5 * before


def test_long_names_of_a_model_fit_into_its_pictures():
    from matplotlib import pyplot

    from kansym import KANRegressor, plots

    names = [f"a rather long name of column {k}" for k in range(3)]
    rows = [[1.0, 2.0, 1.0], [2.0, 1.0, 3.0], [3.0, 5.0, 2.0], [4.0, 1.5, 7.0], [5.5, 2.5, 2.0]]
    X = pd.DataFrame(rows, columns=names)
    y = pd.Series(X.sum(axis=1), name=LONG)
    model = KANRegressor(max_steps=10, time_limit=None, random_state=0).fit(X, y)
    upper: Any = plots.plot_predictions(model, X, y)
    upper.figure.draw_without_rendering()
    for axes in upper.figure.axes:
        for text in (axes.xaxis.label, axes.yaxis.label):
            box = text.get_window_extent()
            assert box.x0 >= -1
            assert box.y0 >= -1
            assert box.x1 <= upper.figure.bbox.x1 + 1
            assert box.y1 <= upper.figure.bbox.y1 + 1
    slices: list = plots.plot_slices(model, X, y).tolist()
    assert len({axes.get_xlabel() for axes in slices}) == len(slices)
    pyplot.close("all")
