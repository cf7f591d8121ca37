"""A classifier's formulas are logits: they can be drawn, but nobody has measured them."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

import kansym.plots
from kansym import KANClassifier
from kansym.errors import ParameterError
from kansym.report.model import model_report

plots: Any = kansym.plots  # axes of matplotlib are typed for all they may be


@pytest.fixture(scope="module")
def classifier():
    """The log-odds 6 a, told by labels."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.uniform(-1, 1, (150, 2)), columns=["a", "b"])
    labels = np.where(rng.uniform(size=150) < 1 / (1 + np.exp(-6 * X["a"])), "up", "down")
    return KANClassifier(max_steps=10, time_limit=None, random_state=0).fit(X, labels), X, labels


def test_its_network_ends_in_the_logit(classifier):
    model, X, _ = classifier
    texts = [text.get_text() for text in model.plot(X=X).texts]
    assert "logit of up" in texts
    assert "a" in texts


def test_the_front_is_of_the_log_loss(classifier):
    model, _, _ = classifier
    axes = plots.plot_front(model)
    assert axes.get_title(loc="left").startswith("logit of up = ")
    assert axes.get_ylabel() == "unexplained share of the log-loss"
    assert axes.lines[1].get_ydata() == pytest.approx([1 - r2 for r2 in model.equations_["r2"]], abs=1e-9)


def test_slices_are_those_of_the_logit(classifier):
    model, X, labels = classifier
    (axes,) = plots.plot_slices(model, X)
    curve = axes.lines[-1]
    table = pd.DataFrame({"a": curve.get_xdata(), "b": 0.0})
    assert curve.get_ydata() == pytest.approx(model.decision_function(table))
    with pytest.raises(ParameterError, match=r"y is for a KANRegressor, got a KANClassifier: labels are no logits"):
        plots.plot_slices(model, X, labels)


def test_what_needs_measured_values_says_so(classifier, tmp_path):
    model, X, labels = classifier
    with pytest.raises(ParameterError, match="plot_predictions is for a KANRegressor, got a KANClassifier"):
        plots.plot_predictions(model, X, labels)
    with pytest.raises(ParameterError, match="a report is for a KANRegressor, got a KANClassifier"):
        model_report(model, tmp_path / "report.html")
    assert not list(tmp_path.iterdir())
