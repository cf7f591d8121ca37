from typing import Any

import pytest
import torch

import kansym.plots
from kansym.errors import ParameterError
from kansym.network import KAN, TrainingResult, train

plot_history: Any = kansym.plots.plot_history  # axes of matplotlib are typed for all they may be

X = torch.rand(60, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
Y = X[:, :1] * X[:, 1:]


def trained(validation):
    network = KAN((2, 1), generator=torch.Generator().manual_seed(0), dtype=torch.float64).fitted_to(X, Y)
    return train(network, X, Y, max_iterations=5, validation=(X[:20], Y[:20]) if validation else None)


def test_the_curve_is_the_history():
    training = trained(False)
    axes = plot_history(training)
    (line,) = axes.lines
    assert line.get_ydata() == pytest.approx([step.loss for step in training.history])
    assert axes.get_title(loc="left") == training.reason


def test_what_was_kept_is_marked():
    training = trained(True)
    _, held, kept = plot_history(training).lines
    losses: list[Any] = [step.validation_loss for step in training.history]
    assert held.get_ydata() == pytest.approx(losses)
    assert kept.get_ydata() == pytest.approx([min(losses)])


def test_an_empty_history_is_an_error():
    with pytest.raises(ParameterError, match="training must have a history of at least one step, got none"):
        plot_history(TrainingResult(KAN((1, 1)), 0.5, (), "stopped on request"))
