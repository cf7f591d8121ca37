from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

import kansym.plots

plot_slices: Any = kansym.plots.plot_slices  # axes of matplotlib are typed for all they may be



def test_curves_are_the_formula_with_one_variable_moved(waves):
    model, X, y = waves
    for column, axes in enumerate(plot_slices(model, X, y)):
        assert axes.get_xlabel() == X.columns[column]
        thick = max(axes.lines, key=lambda line: line.get_linewidth() if line.get_marker() == "None" else 0)
        for line in [line for line in axes.lines if line.get_marker() == "None"]:
            grid = line.get_xdata()
            assert (grid[0], grid[-1]) == (X.iloc[:, column].min(), X.iloc[:, column].max())
            # Some row, with this column moved, gives the curve.
            candidates = np.repeat(X.to_numpy(), 1, axis=0)
            candidates[:, column] = grid[50]
            values = model.predict(type(X)(candidates, columns=X.columns))
            assert np.abs(values - line.get_ydata()[50]).min() == pytest.approx(0, abs=1e-12)
        assert thick.get_linewidth() == 2


def test_dots_are_the_rows(waves):
    model, X, y = waves
    axes = plot_slices(model, X, y)[0]
    dots = next(line for line in axes.lines if line.get_marker() == ".")
    assert np.array_equal(dots.get_xdata(), X["x"])
    assert np.array_equal(dots.get_ydata(), y)
    assert all(line.get_marker() == "None" for line in plot_slices(model, X)[0].lines)


def test_only_variables_of_the_formula_have_a_plot(waves):
    model, X, _ = waves
    constant = plot_slices(model, X, index=0)
    assert len(constant) == 1
    assert len(plot_slices(model, X)) == 2


def test_plots_share_their_height(waves):
    model, X, y = waves
    assert len({axes.get_ylim() for axes in plot_slices(model, X, y)}) == 1


def test_given_axes_are_divided(motion):
    model, X, y = motion
    figure = Figure()
    axes = figure.add_subplot()
    parts = plot_slices(model, X, y, output="momentum", units={"m": "kg"}, ax=axes)
    assert parts[0] is axes
    assert [part.get_xlabel() for part in parts] == ["m [kg]", "v"]
    assert figure.axes == list(parts)
