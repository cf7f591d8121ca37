from typing import Any

import numpy as np
import pytest
import torch

import kansym.plots
from kansym.errors import DataError, ParameterError
from kansym.library import default_library
from kansym.network import KAN, train
from kansym.plots.partial_residuals import partial_residuals

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


def test_partial_residuals_of_a_sum_are_the_data_without_the_other_edges():
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (60, 2))
    y = np.sin(2 * X[:, 0]) + X[:, 1] ** 2 + rng.normal(0, 0.1, 60)
    network = KAN((2, 1), dtype=torch.float64).with_scaling(0.3, 2.0, 5.0, 4.0)
    axes = plot_edge(network, (0, 0, 1), X, y, function="x")
    dots = axes.lines[0]
    others = network.prune_edge((0, 0, 1)).evaluate(torch.tensor(X))[:, 0].numpy()
    assert dots.get_xdata() == pytest.approx((X[:, 1] - 0.3) / 2)
    assert dots.get_ydata() == pytest.approx((y - others) / 4)
    lower = next(other for other in axes.figure.axes if other is not axes)
    fit = axes.lines[1]
    left = dots.get_ydata() - np.interp(dots.get_xdata(), fit.get_xdata(), fit.get_ydata())
    assert lower.lines[-1].get_ydata() == pytest.approx(left, abs=1e-3)


def test_behind_hidden_layers_and_products_they_take_the_output_to_the_target():
    X = np.random.default_rng(0).uniform(-1, 1, (40, 2))
    generator = torch.Generator().manual_seed(3)
    network = KAN((2, 3, 2), product_nodes=(1, 0), dtype=torch.float64, generator=generator)
    rows, small, index = torch.tensor(X), 1e-6, (0, 2, 1)  # into a product
    wave = default_library()["sin"]
    network, nudged = (network.snap(index, wave, a=1.3, d=shift) for shift in (1.2, 1.2 + small))
    direction = (nudged.evaluate(rows) - network.evaluate(rows)) / small
    target = network.evaluate(rows) + 0.01 * direction  # what a step of 0.01 does, to first order
    at, values = partial_residuals(network, index, rows, target)
    assert 10 < len(at) <= 40
    assert values == pytest.approx(np.sin(1.3 * at) + 1.21, abs=1e-6)


def test_rows_and_targets_must_fit_the_network(trained):
    network, X = trained
    with pytest.raises(DataError, match=r"y must have 200 rows and 1 columns, as the network asks, got shape \(5, 1\)"):
        plot_edge(network, (0, 0, 0), X, X[:5])
    with pytest.raises(DataError, match=r"X must have 1 columns, as the network asks, got shape \(200, 2\)"):
        plot_edge(network, (0, 0, 0), np.hstack([X, X]))
