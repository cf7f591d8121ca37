from typing import Any

import pytest
from matplotlib.figure import Figure
from sklearn.exceptions import NotFittedError

import kansym.plots
from kansym import KANRegressor
from kansym.errors import ParameterError
from kansym.plots.front import share_ticks

plot_front: Any = kansym.plots.plot_front  # axes of matplotlib are typed for all they may be


def test_points_are_the_formulas_and_the_mark_the_selected_one(noisy_line):
    model = noisy_line[0]
    axes = plot_front(model)
    _, points, mark = axes.lines
    front = model.fronts_[0]
    assert list(points.get_xdata()) == [formula.complexity for formula in front]
    assert points.get_ydata() == pytest.approx([1 - formula.r2 for formula in front], abs=1e-9)
    selected = front[model.selected()[0]]
    assert list(mark.get_xdata()) == [selected.complexity]
    assert mark.get_label() == "selected"


def test_the_mark_follows_the_selection(noisy_line, monkeypatch):
    model = noisy_line[0]
    monkeypatch.setattr(model, "model_selection", "accuracy")
    assert plot_front(model).lines[-1].get_xdata()[0] == model.fronts_[0][-1].complexity


def test_rounding_is_the_end_of_the_axis(waves):
    axes = plot_front(waves[0])
    assert min(axes.lines[1].get_ydata()) == 1e-16
    assert "≤ 10⁻¹⁶" in [label.get_text() for label in axes.get_yticklabels()]


@pytest.mark.parametrize("smallest", [0.97, 0.6, 0.2, 3e-2, 1e-3, 1e-7, 1e-12, 1e-16])
def test_ticks_are_few_and_enough(smallest):
    for shares in ([1.0, smallest], [smallest]):
        ticks = share_ticks(shares)
        assert 1 <= len(ticks) <= 8
        assert ticks[-1] == 1


def test_outputs_by_name_and_number(motion):
    model = motion[0]
    title = plot_front(model, output="momentum").get_title(loc="left")
    assert title == plot_front(model, output=1).get_title(loc="left") == "momentum = m·v"
    with pytest.raises(ParameterError, match="output must be 0 to 1 or a name of 'energy', 'momentum', got 'mass'"):
        plot_front(model, output="mass")
    with pytest.raises(ParameterError, match="got 2"):
        plot_front(model, output=2)


def test_given_axes_are_used(waves):
    axes = Figure().add_subplot()
    assert plot_front(waves[0], ax=axes) is axes


def test_a_model_must_be_fitted(tmp_path):
    for draw in (plot_front, lambda model: model.plot(), lambda model: model.report(tmp_path / "report.html")):
        with pytest.raises(NotFittedError, match="not fitted yet"):
            draw(KANRegressor())


def test_a_long_formula_is_written_whole(noisy_line, monkeypatch):
    import dataclasses

    import sympy

    from kansym.symbolic.printing import to_text
    from kansym.symbolic.uncertainty import Uncertainty

    model = noisy_line[0]
    (x,) = model.variables_
    long = sum((sympy.Float(k + 0.25) * sympy.sin(k * x) for k in range(1, 8)), sympy.Float(0.5))
    front = model.fronts_[0]
    unknown = Uncertainty.unknown(8)
    formulas = tuple(dataclasses.replace(formula, expression=long, uncertainty=unknown) for formula in front)
    monkeypatch.setattr(model, "fronts_", (dataclasses.replace(front, formulas=formulas),))
    axes = plot_front(model)
    written = axes.get_title(loc="left")
    assert written.count("\n") >= 1
    assert "".join(written.split()) == "".join(f"y = {to_text(long, front[0].digits)}".split())
    axes.figure.draw_without_rendering()
    box = axes._left_title.get_window_extent()
    assert 0 <= box.x0 <= box.x1 <= axes.figure.bbox.x1
    assert box.y1 <= axes.figure.bbox.y1
