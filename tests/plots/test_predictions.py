from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

import kansym.plots
from kansym import KANRegressor
from kansym.errors import DataError, ParameterError

plot_predictions: Any = kansym.plots.plot_predictions  # axes of matplotlib are typed for all they may be


def lower_of(axes):
    return next(other for other in axes.figure.axes if other is not axes)


def test_points_and_residuals_are_those_of_predict(noisy_line):
    model, X, y = noisy_line
    axes = plot_predictions(model, X, y, units={"y": "kg"})
    dots = axes.lines[0]
    assert np.array_equal(dots.get_xdata(), model.predict(X))
    assert np.array_equal(dots.get_ydata(), y)
    lower = lower_of(axes)
    assert np.array_equal(lower.lines[-1].get_ydata(), y - model.predict(X))
    assert lower.get_xlabel() == "y [kg], predicted"
    low, high = lower.get_ylim()
    assert low == -high
    assert f"R² = {model.score(X, y):.4f}" in axes.texts[0].get_text() or "R² = 1 −" in axes.texts[0].get_text()


def test_another_formula_of_the_front(noisy_line):
    model, X, y = noisy_line
    axes = plot_predictions(model, X, y, index=0)
    assert np.array_equal(axes.lines[0].get_xdata(), model.predict(X, index=0))
    with pytest.raises(ParameterError, match=r"index must be a row of equations_, 0 to \d+, got 99"):
        plot_predictions(model, X, y, index=99)


def test_several_outputs(motion):
    model, X, y = motion
    axes = plot_predictions(model, X, y, output="momentum")
    assert np.array_equal(axes.lines[0].get_ydata(), y["momentum"])


def test_of_many_rows_some_are_drawn_and_all_counted(noisy_line):
    model, _, _ = noisy_line
    X = np.linspace(1, 5, 5000)[:, None]
    y = model.predict(X)
    y[3] += 100  # not drawn, but in the sum
    axes = plot_predictions(model, X, y)
    assert len(axes.lines[0].get_xdata()) == 2000
    assert "2,000 of 5,000 rows drawn" in axes.texts[0].get_text()
    assert "RMS residual = 1.41" in axes.texts[0].get_text()


def test_rows_where_the_formula_is_not_defined_are_counted():
    x = np.linspace(1, 9, 50)
    model = KANRegressor(max_steps=10, time_limit=None, random_state=0).fit(x[:, None], np.sqrt(x))
    axes = plot_predictions(model, np.array([[-1.0], [4.0], [5.0]]), [1.0, 2.0, np.sqrt(5)])
    assert "not defined on 1 of 3 rows" in axes.texts[0].get_text()
    assert len(axes.lines[0].get_xdata()) == 2


def test_rows_that_do_not_fit_together_are_an_error(noisy_line):
    model, X, y = noisy_line
    with pytest.raises(DataError, match=r"y must have 60 rows and 1 columns, as X and the fit, got \(59, 1\)"):
        plot_predictions(model, X, y[:-1])


def test_axes_without_a_grid_are_divided_too(noisy_line):
    model, X, y = noisy_line
    figure = Figure()
    axes = figure.add_axes((0.1, 0.2, 0.5, 0.6))
    assert plot_predictions(model, X, y, ax=axes) is axes
    figure.canvas.draw()
    both = [part.get_position() for part in figure.axes]
    assert min(box.y0 for box in both) == pytest.approx(0.2)
    assert max(box.y1 for box in both) == pytest.approx(0.8)
    assert not both[0].overlaps(both[1])


def test_axes_of_a_grid_leave_their_neighbours_alone(noisy_line):
    model, X, y = noisy_line
    figure = Figure()
    left, right = figure.subplots(1, 2)
    before = right.get_position().bounds
    plot_predictions(model, X, y, ax=left)
    assert right.get_position().bounds == before


def test_names_of_the_user_are_no_formulas(tmp_path):
    X = pd.DataFrame({"a": np.arange(1.0, 20)})
    y = pd.Series(2 * X["a"], name=r"$\frac{")
    model = KANRegressor(max_steps=5, time_limit=None, random_state=0).fit(X, y)
    axes = plot_predictions(model, X, y)
    assert axes.get_ylabel() == r"$\frac{, measured"
    axes.figure.savefig(tmp_path / "fit.svg")
