"""A classifier's formulas are logits, which nobody has measured: their probabilities are drawn beside the labels."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import calibration_curve
from sklearn.metrics import confusion_matrix, log_loss

import kansym.plots
from kansym import KANClassifier
from kansym.errors import DataError
from kansym.plots.class_rows import ClassRows, codes_of

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
    (axes,) = plots.plot_slices(model, X, labels)
    curve, above, below = axes.lines
    table = pd.DataFrame({"a": curve.get_xdata(), "b": 0.0})
    assert curve.get_ydata() == pytest.approx(model.decision_function(table))
    assert sorted(above.get_xdata()) == sorted(X["a"][labels == "up"])
    assert sorted(below.get_xdata()) == sorted(X["a"][labels == "down"])
    assert above.get_ydata().min() > 0.9 > 0.1 > below.get_ydata().max()  # shares of the height
    low, high = axes.get_ylim()
    share = (curve.get_ydata() - low) / (high - low)
    assert 0.1 < share.min() < share.max() < 0.9  # clear of the rows


def test_predictions_are_probabilities_beside_what_came_true(classifier):
    model, X, labels = classifier
    upper = plots.plot_predictions(model, X, labels)
    lower = upper.figure.axes[1]
    p = model.predict_proba(X)[:, 1]
    found = upper.containers[0].lines[0]
    assert found.get_xdata().mean() == pytest.approx(p.mean(), abs=0.01)
    assert found.get_ydata().mean() == pytest.approx(np.mean(labels == "up"), abs=0.01)
    assert sorted(lower.lines[0].get_xdata()) == pytest.approx(sorted(p[labels == "up"]))
    assert sorted(lower.lines[1].get_xdata()) == pytest.approx(sorted(p[labels == "down"]))
    right = int(np.sum(model.predict(X) == labels))
    assert upper.texts[0].get_text().startswith(f"{right} of 150 rows right\nlog-loss = 0.")
    assert lower.get_xlabel() == "probability of up, predicted"


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["up"] * 149 + ["sideways"], r"y must hold classes of the fit, 'down', 'up', got 'sideways' in row 149"),
        ([1] * 150, r"got 1 in row 0"),
        (["up"] * 3, r"y must have 150 labels, one for each row of X, got shape \(3,\)"),
    ],
)
def test_labels_are_checked(classifier, labels, message):
    model, X, _ = classifier
    for draw in (plots.plot_slices, plots.plot_predictions):
        with pytest.raises(DataError, match=message):
            draw(model, X, labels)


@pytest.fixture(scope="module")
def three():
    """Three classes on a line; the network of the reference is a constant."""
    x = np.random.default_rng(0).uniform(0, 3, (240, 1))
    blurred = np.clip(x[:, 0] + np.random.default_rng(1).normal(0, 0.3, 240), 0, 2.9)
    y = np.array(["low", "middle", "high"])[blurred.astype(int)]
    return KANClassifier(max_steps=10, time_limit=None, random_state=0).fit(x, y), x, y


def test_a_constant_logit_is_named_but_not_drawn(three):
    model, x, _ = three
    (reference,) = [name for name, front in zip(model.output_names_, model.fronts_, strict=True) if len(front) == 1]
    texts = [text.get_text() for text in model.plot(X=x).texts]
    assert f"constant: logit of {reference}" in texts
    assert f"logit of {reference}" not in texts
    assert sum(text.startswith("logit of") for text in texts) == 2


@pytest.mark.parametrize("place", [0, 1, 2])
def test_the_probabilities_of_several_classes_are_those_of_predict_proba(three, place):
    model, x, y = three
    codes = codes_of(model, y, len(x))
    rows = ClassRows.of(model, x, codes, place, model.selected()[place])
    p = model.predict_proba(x)
    assert rows.probability == pytest.approx(p[:, place])
    assert rows.loss == pytest.approx(log_loss(y, p, labels=model.classes_))
    assert rows.confusion().tolist() == confusion_matrix(y, model.predict(x), labels=model.classes_).tolist()
    assert rows.right == np.sum(model.predict(x) == y)


def test_groups_of_rows_have_the_shares_of_scikit_learn(classifier):
    model, X, labels = classifier
    rows = ClassRows.of(model, X.to_numpy(), codes_of(model, labels, len(X)), 0, model.selected()[0])
    found = rows.reliability()
    observed, predicted = calibration_curve(labels == "up", rows.probability, n_bins=10, strategy="quantile")
    assert found.predicted == pytest.approx(predicted)
    assert found.observed == pytest.approx(observed)
    assert np.all((found.low <= found.observed) & (found.observed <= found.high))


def test_a_formula_without_variables_has_one_group(classifier):
    model, X, labels = classifier
    found = ClassRows.of(model, X.to_numpy(), codes_of(model, labels, len(X)), 0, 0).reliability()
    assert found.observed.tolist() == [pytest.approx(np.mean(labels == "up"))]


def test_rows_where_a_logit_is_not_defined_are_left_out():
    logs = np.log([[0.2, 0.8], [np.nan, np.nan], [0.6, 0.4]])
    rows = ClassRows(logs, np.array([1, 1, 1]), 1)
    assert rows.confusion().tolist() == [[0, 0], [1, 1]]
    assert rows.loss == pytest.approx(-np.log([0.8, 0.4]).mean())
    assert rows.reliability().observed.tolist() == [1.0]
