import subprocess
import sys
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

matplotlib = pytest.importorskip("matplotlib", reason="figures need matplotlib")

from kansym.report.figures import (  # noqa: E402  (after the skip)
    Spread,
    legend_key,
    method_styles,
    pareto_plot,
    solved_plot,
    spread,
    undominated,
    unexplained,
)

METHODS = [f"method-{k}" for k in range(12)]
STYLES = method_styles(METHODS)
POINT = Spread(1.0, 2.0, 3.0)


def pareto(cost="complexity", name="figure", **points):
    return pareto_plot(points or {"method-0": (POINT, POINT)}, method_styles(points or METHODS), cost, name)


def test_no_two_of_twelve_methods_look_alike():
    assert len(set(STYLES.values())) == 12
    assert len({style.marker for style in list(STYLES.values())[:10]}) == 10


def test_styles_do_not_depend_on_the_order_of_methods():
    assert method_styles(reversed(METHODS)) == STYLES


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=12))
def test_undominated_points_are_those_that_no_other_beats(points):
    def beaten(point):
        return any(other != point and other[0] <= point[0] and other[1] <= point[1] for other in points)

    assert undominated(points) == sorted({point for point in points if not beaten(point)})


def test_spread_of_nothing_is_nothing():
    assert spread([]) is None
    assert unexplained([]) is None


def test_failed_runs_count_as_useless():
    found = unexplained([None, float("nan"), None, 1.0])
    assert found is not None
    assert (found.median, found.upper) == (10.0, 10.0)


def test_unexplained_shares_stay_on_the_axis():
    assert unexplained([1.0]) == pytest.approx(Spread(1e-16, 1e-16, 1e-16))
    assert unexplained([-1e300]) == pytest.approx(Spread(10, 10, 10))


@pytest.mark.parametrize(
    "svg",
    [
        pareto(),
        pareto("seconds", a=(POINT, POINT), b=(Spread(0.5, 0.5, 0.5), POINT)),
        solved_plot(
            {"method-0": [(0.0, 0.0)], "method-1": [(0.0, 0.0), (0.0, 0.5), (9.0, 1.0)]}, STYLES, 5.0, "figure"
        ),
        legend_key(STYLES["method-3"]),
    ],
    ids=["complexity", "seconds", "solved", "key"],
)
def test_svg_is_clean(svg):
    root = ET.fromstring(svg)
    assert root.tag.endswith("}svg")
    assert root.get("viewBox")
    assert root.get("width") is None
    assert not [node for node in root.iter() if node.tag.endswith(("}style", "}metadata", "}script", "}image"))]
    assert "#010203" not in svg  # the ink has become the page's
    assert "currentColor" in svg
    assert "font-family" not in svg
    ids = [identifier for node in root.iter() if (identifier := node.get("id"))]
    assert all(f"#{identifier}" in svg for identifier in ids)


def test_text_stays_text():
    assert "median complexity of the formula" in pareto()


def test_ids_of_two_figures_never_meet():
    one, other = (
        {node.get("id") for node in ET.fromstring(svg).iter()} - {None} for svg in (pareto(name="a"), pareto(name="b"))
    )
    assert one
    assert not one & other


def test_a_legend_key_has_no_ids_since_it_is_shown_many_times():
    assert " id=" not in legend_key(STYLES["method-0"])


def test_the_same_figure_has_the_same_bytes():
    assert pareto() == pareto()


def test_the_settings_of_the_user_are_neither_used_nor_changed():
    plain = pareto()
    mine = {"font.size": 40, "axes.facecolor": "red", "text.usetex": True, "svg.fonttype": "path"}
    with matplotlib.rc_context(mine):
        assert pareto() == plain
        assert {name: matplotlib.rcParams[name] for name in mine} == mine


def test_pyplot_is_not_imported_and_no_window_system_chosen():
    code = (
        "import sys, matplotlib\n"
        "before = dict.__getitem__(matplotlib.rcParams, 'backend')\n"
        "from kansym.report.figures import legend_key, method_styles\n"
        "legend_key(method_styles('a')['a'])\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
        "assert dict.__getitem__(matplotlib.rcParams, 'backend') is before"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=600)
