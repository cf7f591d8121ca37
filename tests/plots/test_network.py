import itertools
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import sympy
import torch
from matplotlib import pyplot, style
from matplotlib.colors import to_hex, to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch

import kansym.plots
from kansym.errors import ParameterError
from kansym.network import KAN, attribute
from kansym.plots.drawing import BLUE
from kansym.plots.network import network_picture

plot_network: Any = kansym.plots.plot_network  # axes of matplotlib are typed for all they may be


def texts(axes):
    return [text.get_text() for text in axes.texts]


def boxes(axes):
    """Where the texts are, in pixels."""
    axes.figure.canvas.draw()
    renderer = axes.figure.canvas.get_renderer()
    return {text.get_text(): text.get_window_extent(renderer) for text in axes.texts if text.get_text()}


def wide_model(model, names, widths, generator=0):
    """The same model with a network of many inputs in place of its own."""
    import copy

    wide = copy.copy(model)
    wide.variables_ = tuple(sympy.Symbol(name, real=True) for name in names)
    wide._low, wide._high = -np.ones(len(names)), np.ones(len(names))
    wide.network_ = KAN(widths, generator=torch.Generator().manual_seed(generator), dtype=torch.float64)
    return wide


def test_inputs_functions_and_output_are_named(waves):
    model, X, _ = waves
    axes = plot_network(model, X, units={"x": "m", "z": "J"})
    assert {"x [m]", "y", "z [J]", "sin", "x²", "exp"} <= set(texts(axes))


def test_products_are_marked(motion):
    axes = plot_network(motion[0])
    assert sum(line.get_marker() == "x" for line in axes.lines) == 2
    assert not [line for line in axes.lines if line.get_marker() == "+"]


def test_sums_are_marked(waves):
    assert [line.get_marker() for line in plot_network(waves[0]).lines].count("+") == 1


def test_curves_are_those_of_the_edges(waves):
    model, X, _ = waves
    picture = network_picture(model, X)
    assert picture is not None
    (index,) = [index for index in picture.cards if picture.cards[index].caption == "exp"]
    card = picture.cards[index]
    curve = model.symbolic_network_.edge_curve(index, torch.tensor(X.to_numpy()))
    share = (curve.y - curve.y.min()) / np.ptp(curve.y)
    assert np.interp((curve.x - curve.x[0]) / np.ptp(curve.x), card.x, card.y) == pytest.approx(share, abs=2e-3)


def test_the_stronger_edge_has_more_ink(waves):
    model, X, _ = waves
    shares = attribute(model.symbolic_network_, torch.tensor(X.to_numpy())).edges[0].flatten().tolist()
    axes = plot_network(model, X)
    legs: list[Any] = [patch for patch in axes.patches if type(patch) is PathPatch]
    foot = {round(leg.get_path().vertices[0][0], 6): leg for leg in legs if leg.get_path().vertices[0][1] == 0}
    widths = [foot[place].get_linewidth() for place in sorted(foot)]
    opacities = [foot[place].get_alpha() for place in sorted(foot)]
    assert np.argsort(widths).tolist() == np.argsort(opacities).tolist() == np.argsort(shares).tolist()


def test_rows_are_not_needed(waves):
    model, X, _ = waves
    with_rows, without = network_picture(model, X), network_picture(model, None)
    assert with_rows is not None
    assert without is not None
    assert without.shares.keys() == with_rows.shares.keys()
    for index, share in with_rows.shares.items():
        assert without.shares[index] == pytest.approx(share, abs=0.1)


@pytest.mark.parametrize(("widths", "length"), [((30, 1), 5), ((30, 5, 1), 30), ((6, 3, 2, 1), 12), ((2, 1), 40)])
def test_names_do_not_overlap_and_are_inside(noisy_line, widths, length):
    names = [f"{k}_{'name' * 10}"[:length] for k in range(widths[0])]
    axes = plot_network(wide_model(noisy_line[0], names, widths), station="spline")
    found = boxes(axes)
    assert sum("na" in text for text in found) == widths[0]
    for one, other in itertools.combinations(found.values(), 2):
        assert not one.overlaps(other)
    for box in found.values():
        assert box.x0 >= -1
        assert box.x1 <= axes.figure.bbox.x1 + 1
        assert box.y0 >= -1
        assert box.y1 <= axes.figure.bbox.y1 + 1


def test_many_edges_keep_the_picture_small_and_say_so(noisy_line):
    model = wide_model(noisy_line[0], [f"x{k}" for k in range(30)], (30, 5, 1))
    axes = plot_network(model, station="spline")
    assert "130 edges of smaller shares without their curves" in texts(axes)
    assert axes.figure.get_size_inches()[0] < 13


def test_inputs_without_an_edge_are_listed(waves):
    wide = wide_model(waves[0], list("abcdefghijkl"), (12, 1))
    for source in range(1, 12):
        wide.network_ = wide.network_.prune_edge((0, 0, source))
    axes = plot_network(wide, station="spline")
    assert "without effect: b, c, d, e, f, g, h, i and 3 more" in [text.replace("\n", " ") for text in texts(axes)]
    assert "b" not in texts(axes)


def test_a_constant_is_a_picture_too(noisy_line):
    wide = wide_model(noisy_line[0], ["a"], (1, 1))
    wide.network_ = wide.network_.prune_edge((0, 0, 0))
    assert "constant: no input has an effect" in texts(plot_network(wide, station="spline"))


def test_without_a_network_the_formula_is_drawn(waves, monkeypatch):
    model = waves[0]
    for station in ("network_", "pruned_network_", "symbolic_network_"):
        monkeypatch.setattr(model, station, None)
    assert {"sin", "x²", "exp"} <= set(texts(plot_network(model)))
    with pytest.raises(ParameterError, match="station must be one that the search came to, got 'pruned'"):
        plot_network(model, station="pruned")


def test_a_formula_without_a_network_is_said_in_a_sentence(waves, monkeypatch):
    model = waves[0]
    for station in ("network_", "pruned_network_", "symbolic_network_"):
        monkeypatch.setattr(model, station, None)
    monkeypatch.setattr(model, "sympy", lambda: model.variables_[0] ** model.variables_[1])
    (sentence,) = texts(plot_network(model))
    assert sentence.startswith("The selected formula has no form as a network")


def test_an_unknown_station_is_an_error(waves):
    with pytest.raises(ParameterError, match="station must be one of 'symbolic', 'pruned', 'spline' or None, got 'x'"):
        plot_network(waves[0], station="x")


def test_given_axes_are_used_and_no_figure_made(waves):
    axes = Figure(figsize=(3, 3)).add_subplot()
    assert plot_network(waves[0], ax=axes) is axes
    assert waves[0].plot(ax=axes) is axes
    assert pyplot.get_fignums() == []


def test_ink_follows_the_style_of_the_user(waves):
    with style.context("dark_background"):
        axes = plot_network(waves[0])
        names = [text for text in axes.texts if text.get_text() in "xyz"]
        assert {to_hex(text.get_color()) for text in names} == {"#ffffff"}
        assert BLUE not in {to_hex(text.get_color()).upper() for text in axes.texts}
    colors = {to_hex(text.get_color()).upper() for text in plot_network(waves[0]).texts}
    assert BLUE in colors


def test_names_are_shown_as_they_stand(tmp_path):
    from kansym import KANRegressor

    names = ["$x^2$", r"\frac{", "漢 <b>&", "a\nb\x00\ud800"]
    X = pd.DataFrame(np.random.default_rng(0).uniform(1, 2, (60, 4)), columns=names)
    model = KANRegressor(max_steps=5, time_limit=None, random_state=0).fit(X, X.to_numpy().prod(axis=1))
    axes = plot_network(model)
    shown = texts(axes)
    assert names[:3] == [name for name in names if name in shown]
    assert "a\ufffdb\ufffd\ufffd" in shown
    with mpl.rc_context({"svg.fonttype": "none"}), pytest.warns(UserWarning, match="Glyph"):
        axes.figure.savefig(tmp_path / "network.svg")
    svg = (tmp_path / "network.svg").read_text(encoding="utf-8")
    assert "$x^2$" in svg
    assert "<b>" not in svg


def test_the_picture_is_made_of_vectors(waves, tmp_path):
    plot_network(waves[0]).figure.savefig(tmp_path / "network.svg")
    assert "<image" not in (tmp_path / "network.svg").read_text(encoding="utf-8")


def test_curves_near_a_pole_stay_in_their_cards(waves):
    from kansym.plots.network_picture import _in_square

    x = np.linspace(-1, 1, 81)
    with np.errstate(divide="ignore"):
        _, y = _in_square(1 / x)
    inside = y[np.isfinite(y)]
    assert 40 < len(inside) < 81
    assert np.ptp(inside) > 0.8
    assert np.all((inside >= -0.001) & (inside <= 1.001))
    assert np.all(_in_square(np.full(9, 3.0))[1] == 0.5)
    assert len(_in_square(np.full(9, np.nan))[0]) == 0


def test_edges_have_colours_that_can_be_seen_on_their_paper(waves):
    for name in ("default", "dark_background"):
        with style.context(name):
            axes = plot_network(waves[0])
            behind = np.array(to_rgba(axes.get_facecolor())[:3])
            for text in axes.texts:
                assert np.abs(np.array(to_rgba(text.get_color())[:3]) - behind).max() > 0.5


@pytest.mark.parametrize(
    ("units", "message"),
    [
        ("m", "units must be a mapping of names to texts, such as {'a': 'AU'}, got 'm'"),
        ({"x": 1}, "units must be a mapping of names to texts"),
        ({"x": "m", "t": "s"}, "units must be of 'x', 'y', 'z', got 't'; leave out other columns"),
    ],
)
def test_units_are_checked(waves, units, message):
    with pytest.raises(ParameterError, match=message):
        plot_network(waves[0], units=units)


@pytest.mark.parametrize("layout", [None, "constrained"])
@pytest.mark.parametrize("size", [(1.6, 2.2), (2.5, 2.5), (9.0, 1.9), (1.8, 6.0)])
def test_small_pictures_name_their_functions(waves, size, layout):
    figure = pyplot.figure(figsize=size, layout=layout)
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0)) if layout is None else figure.add_subplot()
    plot_network(waves[0], ax=axes)
    assert {"sin", "x²", "exp", "x", "y", "z"} <= set(texts(axes))
    for text, box in boxes(axes).items():
        assert box.x0 >= -1, text
        assert box.y0 >= -1, text
        assert box.x1 <= figure.bbox.x1 + 1, text
        assert box.y1 <= figure.bbox.y1 + 1, text


def test_a_picture_that_is_too_small_for_names_says_so(waves):
    axes = Figure((4.0, 0.8)).add_axes((0.0, 0.0, 1.0, 1.0))
    plot_network(waves[0], ax=axes)
    assert "too small for the names of functions" in texts(axes)
    assert "sin" not in texts(axes)


def test_flat_axes_are_used_better(waves):
    from kansym.plots.layout import lay_out

    layout = lay_out((2, 1, 1), [(0, 0, 0), (0, 0, 1), (1, 0, 0)], [(0, 0, 0), (0, 0, 1), (1, 0, 0)])
    unit, flat = layout.inside(9.0, 1.9)
    assert unit > 1.9 / layout.height
    assert flat.width > layout.width
    assert unit * flat.height == pytest.approx(1.9)
    same, high = layout.inside(3.0, 30.0)
    assert (same * high.width, high.height) == (pytest.approx(3.0), layout.height)


def test_names_that_are_alike_when_cut_can_be_told_apart(noisy_line):
    names = [f"a name that is rather long {k} and more of it" for k in range(3)]
    axes = plot_network(wide_model(noisy_line[0], names, (3, 1)), station="spline")
    shown = [text for text in texts(axes) if text.startswith("a name")]
    assert len(set(shown)) == 3


def test_after_partial_fit_the_network_is_drawn(tmp_path):
    from sklearn.exceptions import NotFittedError

    from kansym import KANRegressor

    X = pd.DataFrame(np.random.default_rng(0).uniform(1, 2, (60, 1)), columns=["a"])
    model = KANRegressor(random_state=0).partial_fit(X, X["a"] ** 2)
    assert "a" in texts(model.plot())
    path = tmp_path / "out"
    picture: Any = kansym.plots.plot_front
    for use in (lambda: model.report(path), lambda: model.save(path), model.workbench, lambda: picture(model)):
        with pytest.raises(NotFittedError, match=r"holds no formulas yet, only a network: call search\(\)"):
            use()
    assert not path.exists()
