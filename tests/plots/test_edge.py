from typing import Any

import numpy as np
import pytest
import torch

import kansym.plots
from kansym.errors import ParameterError
from kansym.network import KAN, train

plot_edge: Any = kansym.plots.plot_edge  # axes of matplotlib are typed for all they may be


@pytest.fixture(scope="module")
def trained():
    x = torch.linspace(0, 3, 200, dtype=torch.float64)[:, None]
    network = KAN((1, 1), dtype=torch.float64, generator=torch.Generator().manual_seed(0)).fitted_to(x, torch.exp(-x))
    return train(network, x, torch.exp(-x)).network, x.numpy()


def test_data_fit_and_residual(trained):
    network, X = trained
    axes = plot_edge(network, (0, 0, 0), X, function="exp")
    curve = network.edge_curve((0, 0, 0), torch.tensor(X))
    dots, fit = axes.lines
    assert np.array_equal(dots.get_ydata(), curve.y)
    lower = next(other for other in axes.figure.axes if other is not axes)
    residual = lower.lines[-1].get_ydata()
    assert np.interp(curve.x, fit.get_xdata(), fit.get_ydata()) + residual == pytest.approx(curve.y, abs=1e-4)
    assert np.abs(residual).max() < 0.02 * np.ptp(curve.y)
    assert "exp" in axes.get_title(loc="left")
    assert "R² = 1 − " in axes.get_title(loc="left")


def test_the_best_function_is_chosen(trained):
    network, X = trained
    chosen = plot_edge(network, (0, 0, 0), X).get_legend_handles_labels()[1]
    assert chosen != ["x"]


def test_a_poor_function_can_be_asked_for(trained):
    network, X = trained
    title = plot_edge(network, (0, 0, 0), X, function="x").get_title(loc="left")
    assert "R² = 0." in title


def test_there_must_be_such_an_edge_and_function(trained):
    network, X = trained
    with pytest.raises(ParameterError, match=r"index must be \(layer, output, input\) of an edge"):
        plot_edge(network, (0, 1, 0), X)
    with pytest.raises(ParameterError, match="sinus"):
        plot_edge(network, (0, 0, 0), X, function="sinus")
