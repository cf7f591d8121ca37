"""KANClassifier: scikit-learn's contract, probabilities of the printed logits, laws, awkward data, clear errors."""

import pickle
import subprocess
import sys
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sympy
import torch
from scipy.special import expit, softmax
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from kansym import KANClassifier, KANRegressor
from kansym.errors import DataError, ExtrapolationWarning, FileFormatError, FitWarning, ParameterError
from kansym.symbolic.description import constant_bits

EXPECTED_FAILURES = {
    "check_sample_weight_equivalence_on_dense_data": (
        "weights are relative, not repetition counts: the description length counts measured rows"
    ),
}


@parametrize_with_checks(
    [KANClassifier(max_steps=3, random_state=0)], expected_failed_checks=lambda _: EXPECTED_FAILURES
)
def test_scikit_learn_estimator_checks(estimator, check):
    with warnings.catch_warnings():
        # The checks predict rows on which some formulas of random data are not defined.
        warnings.simplefilter("ignore", FitWarning)
        check(estimator)


def labels_of(logits, seed=1):
    return (np.random.default_rng(seed).uniform(size=len(logits)) < expit(logits)).astype(int)


def three_classes(n_rows=240, seed=0):
    generator = np.random.default_rng(seed)
    X = generator.uniform(-2, 2, (n_rows, 2))
    logits = np.column_stack([np.zeros(n_rows), 4 * X[:, 0], -2 - 3 * X[:, 1]])
    codes = np.argmax(logits + generator.gumbel(size=logits.shape), axis=1)
    return X, np.array(["oak", "ash", "elm"])[codes]


def two_classes(n_rows=200):
    X = np.random.default_rng(0).uniform(-2, 2, (n_rows, 2))
    return X, np.where(labels_of(3 * X[:, 0] - 2 * X[:, 1]) == 1, "yes", "no")


@pytest.fixture(scope="module")
def binary():
    return KANClassifier(random_state=0, max_steps=20).fit(*two_classes())


@pytest.fixture(scope="module")
def ternary():
    return KANClassifier(random_state=0, max_steps=12).fit(*three_classes())


def values_of(expression, X):
    variables = sympy.symbols(f"x0:{X.shape[1]}", real=True)
    return sympy.lambdify(variables, expression, "numpy")(*X.T) * np.ones(len(X))


# ------------------------------------------------------------------------------------------------------- invariants


def test_probabilities_are_the_sigmoid_of_the_printed_formula(binary):
    X = np.random.default_rng(5).uniform(-2, 2, (100, 2))
    for position, expression in enumerate(binary.equations_["sympy_format"]):
        p = binary.predict_proba(X, index=position)
        np.testing.assert_allclose(p[:, 1], expit(values_of(expression, X)), rtol=0, atol=1e-10)
        np.testing.assert_allclose(p.sum(axis=1), 1.0, atol=1e-12)
    np.testing.assert_array_equal(binary.predict(X), binary.classes_[(binary.predict_proba(X)[:, 1] > 0.5).astype(int)])
    np.testing.assert_allclose(binary.decision_function(X), values_of(binary.sympy(), X), atol=1e-10)


def test_probabilities_are_the_softmax_of_the_printed_formulas(ternary):
    X = np.random.default_rng(5).uniform(-2, 2, (100, 2))
    logits = np.column_stack([values_of(expression, X) for expression in ternary.sympy()])
    p = ternary.predict_proba(X)
    np.testing.assert_allclose(p, softmax(logits, axis=1), rtol=0, atol=1e-10)
    np.testing.assert_allclose(p.sum(axis=1), 1.0, atol=1e-12)
    np.testing.assert_allclose(ternary.decision_function(X), logits, atol=1e-10)
    np.testing.assert_array_equal(ternary.predict(X), ternary.classes_[np.argmax(logits, axis=1)])


def test_the_losses_are_the_log_losses(binary, ternary):
    X, y = two_classes()
    for position, loss in enumerate(binary.equations_["loss"]):
        assert loss == pytest.approx(log_loss(y, binary.predict_proba(X, index=position)), rel=1e-9)
    X, y = three_classes()
    chosen = list(ternary.selected())
    for number, table in enumerate(ternary.equations_):
        for position, loss in enumerate(table["loss"]):
            index = [*chosen[:number], position, *chosen[number + 1 :]]
            assert loss == pytest.approx(log_loss(y, ternary.predict_proba(X, index=index)), rel=1e-9)


def test_the_share_explained_is_against_the_frequencies(binary):
    _, y = two_classes()
    share = np.mean(y == "yes")
    null = -(share * np.log(share) + (1 - share) * np.log(1 - share))
    best = binary.get_best()
    assert best["r2"] == pytest.approx(1 - best["loss"] / null)


def test_the_reference_has_the_logit_zero(ternary):
    _, y = three_classes()
    labels, counts = np.unique(y, return_counts=True)
    reference = int(np.argmax(counts))
    assert list(ternary.classes_) == list(labels)
    assert ternary.sympy()[reference] == 0
    assert [len(table) for table in ternary.equations_][reference] == 1
    assert all(expression != 0 for k, expression in enumerate(ternary.sympy()) if k != reference)


def test_fitted_together_the_probabilities_are_calibrated(ternary):
    # The likelihood equations of free intercepts: mean probabilities are the frequencies, but for the smoothing.
    X, y = three_classes()
    p = ternary.predict_proba(X)
    frequencies = np.array([np.mean(y == label) for label in ternary.classes_])
    np.testing.assert_allclose(p.mean(axis=0), frequencies, atol=0.03)


@pytest.mark.parametrize("names", [("no", "yes"), ("yes", "no"), (1, 0), (True, False)], ids=str)
def test_the_names_of_two_classes_change_nothing(binary, names):
    X, y = two_classes()
    renamed = np.array([names[int(label == "yes")] for label in y])
    model = KANClassifier(random_state=0, max_steps=20).fit(X, renamed)
    yes = list(model.classes_).index(names[1])
    np.testing.assert_array_equal(model.predict_proba(X)[:, yes], binary.predict_proba(X)[:, 1])
    network = model.predict_proba_network(X)[:, yes]
    np.testing.assert_allclose(network, binary.predict_proba_network(X)[:, 1], rtol=1e-12)


def test_the_names_of_three_classes_change_nothing(ternary):
    X, y = three_classes()
    renamed = pd.Series(y).map({"oak": 2, "ash": 1, "elm": 0}).to_numpy()
    model = KANClassifier(random_state=0, max_steps=12).fit(X, renamed)
    # classes_ of the first are ash, elm, oak
    np.testing.assert_array_equal(model.predict_proba(X)[:, [1, 0, 2]], ternary.predict_proba(X))


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_same_seed_same_model_for_any_number_of_jobs(ternary, n_jobs):
    X, y = three_classes()
    again = KANClassifier(random_state=0, max_steps=12, n_jobs=n_jobs).fit(X, y)
    assert again.sympy() == ternary.sympy()


def test_the_networks_are_logits(binary, ternary):
    X, y = two_classes()
    assert binary.network_.widths[-1] == 1
    assert log_loss(y, binary.predict_proba_network(X)) < 1.1 * binary.get_best()["loss"]
    symbolic = binary.symbolic_network_.evaluate(torch.from_numpy(X)).numpy()[:, 0]
    np.testing.assert_allclose(symbolic, binary.decision_function(X), atol=1e-9)
    X, y = three_classes()
    assert ternary.network_.widths[-1] == ternary.pruned_network_.widths[-1] == 3
    assert np.mean(ternary.predict_network(X) == y) > 0.7
    symbolic = ternary.symbolic_network_.evaluate(torch.from_numpy(X)).numpy()
    np.testing.assert_allclose(symbolic, ternary.decision_function(X), atol=1e-9)


# ------------------------------------------------------------------------------------------------------------- laws


def test_a_linear_logit_is_found():
    X = np.random.default_rng(0).uniform(-2, 2, (800, 3))
    model = KANClassifier(random_state=0, max_steps=60).fit(X, labels_of(3 * X[:, 0] - 2 * X[:, 1]))
    x0, x1 = sympy.symbols("x0 x1", real=True)
    slopes = sympy.Poly(model.sympy(), x0, x1)
    assert model.sympy().free_symbols == {x0, x1}
    assert slopes.total_degree() == 1
    assert float(slopes.coeff_monomial(x0)) == pytest.approx(3, rel=0.25)
    assert float(slopes.coeff_monomial(x1)) == pytest.approx(-2, rel=0.25)


@pytest.mark.parametrize(
    ("logit", "form"),
    [
        (lambda x, y: 5 * x * y, lambda x, y: x * y),
        (lambda x, y: 6 * (0.5 - x**2 - y**2), lambda x, y: x**2 + y**2),
    ],
    ids=["product", "circle"],
)
def test_the_form_of_a_logit_is_found(logit, form):
    X = np.random.default_rng(0).uniform(-1, 1, (1000, 2))
    model = KANClassifier(random_state=0, time_limit=None, max_steps=150).fit(X, labels_of(logit(*X.T)))
    variables = sympy.symbols("x0 x1", real=True)
    for x in variables:
        ratio = sympy.diff(model.sympy(), x) / sympy.diff(form(*variables), x)
        assert not sympy.simplify(ratio).free_symbols  # the same form, up to constants


# ------------------------------------------------------------------------------------------------------ awkward data


def test_separable_classes_have_finite_logits():
    X = np.r_[np.linspace(0, 1, 40), np.linspace(3, 4, 40)][:, None]
    y = np.repeat([0, 1], 40)
    model = KANClassifier(random_state=0, max_steps=20).fit(X, y)
    assert model.score(X, y) == 1.0
    p = model.predict_proba(X)
    assert 0 < p.min() < 0.1
    assert np.all(np.isfinite(model.decision_function(X)))


@pytest.mark.parametrize(
    ("X", "y"),
    [
        (np.array([[0.0], [1.0]]), ["a", "b"]),
        (np.arange(6.0)[:, None], [0, 0, 1, 1, 2, 2]),
        (np.column_stack([np.arange(20.0), np.ones(20)]), np.arange(20) > 9),
        (np.ones((12, 1)), np.arange(12) % 2),
        (1e9 + np.arange(30.0)[:, None], np.arange(30) % 7 > 3),
        (np.random.default_rng(0).normal(size=(200, 2)), np.arange(200) < 3),
    ],
    ids=["two rows", "six rows of three", "constant column", "constant X", "large numbers", "three of 200"],
)
def test_awkward_data_give_probabilities(X, y):
    model = KANClassifier(random_state=0, max_steps=8).fit(X, y)
    p = model.predict_proba(X)
    assert np.all((p > 0) & (p < 1))
    assert set(model.predict(X)) <= set(np.unique(y))


def test_noise_has_no_law():
    X = np.random.default_rng(0).normal(size=(300, 3))
    y = np.random.default_rng(1).uniform(size=300) < 0.3
    model = KANClassifier(random_state=0, max_steps=40).fit(X, y)
    assert not model.sympy().free_symbols
    assert model.predict_proba(X)[0, 1] == pytest.approx(y.mean(), abs=0.01)


def test_weights_count():
    X, y = two_classes()
    spoiled = y.copy()
    spoiled[::3] = "no"
    weights = np.ones(len(y))
    weights[::3] = 0.0
    model = KANClassifier(random_state=0, max_steps=12).fit(X, spoiled, sample_weight=weights)
    kept = weights > 0
    only = KANClassifier(random_state=0, max_steps=12).fit(X[kept], y[kept])
    assert model.sympy() == only.sympy()
    heavy = KANClassifier(random_state=0, max_steps=12, class_weight={"no": 20.0, "yes": 1.0}).fit(X, y)
    assert np.mean(heavy.predict(X) == "no") > np.mean(y == "no") + 0.1


def test_balanced_classes_weigh_alike():
    X = np.random.default_rng(0).normal(size=(300, 1))
    y = labels_of(X[:, 0] - 3)
    plain, balanced = (
        KANClassifier(random_state=0, max_steps=12, class_weight=weight).fit(X, y) for weight in (None, "balanced")
    )
    assert balanced.predict_proba(X)[:, 1].mean() > 2 * plain.predict_proba(X)[:, 1].mean()


def test_undefined_and_outside_rows_are_warned_about():
    X = np.random.default_rng(0).uniform(0.02, 4, (1000, 1))
    model = KANClassifier(random_state=0, max_steps=60, library=["x", "log"]).fit(X, labels_of(2 * np.log(X[:, 0])))
    logarithms = [i for i, formula in enumerate(model.equations_["sympy_format"]) if formula.has(sympy.log)]
    with pytest.warns(FitWarning, match="not defined on 1 row, the first at position 1"):
        assert np.isnan(model.predict_proba([[2.0], [-1.0]], index=logarithms[0])[1]).all()
    with pytest.warns(ExtrapolationWarning, match="1 row, the first at position 1 outside the training data"):
        model.predict_proba_network([[2.0], [9.0]])


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.zeros(30), "y must hold at least two classes, got only one class: 0"),
        (np.linspace(0, 1, 30), "Unknown label type: continuous"),
        (np.full(30, np.nan), "contains NaN"),
        (np.zeros(29), "inconsistent numbers of samples"),
        (np.zeros((30, 2)), "y should be a 1d array"),
    ],
)
def test_bad_labels_are_named(y, message):
    with pytest.raises(DataError, match=message):
        KANClassifier().fit(np.random.default_rng(0).normal(size=(30, 2)), y)


def test_one_class_of_positive_weight_is_named():
    with pytest.raises(DataError, match="got only one class in the rows of positive weight: b"):
        KANClassifier().fit([[1.0], [2.0]], ["a", "b"], sample_weight=[0, 1])


@pytest.mark.parametrize(
    ("parameter", "value", "message"),
    [
        ("class_weight", "heavy", "class_weight must be one of 'balanced', got 'heavy'"),
        ("class_weight", {"no": -1.0, "yes": 1.0}, "class_weight must hold finite numbers >= 0"),
        ("grid_size", 0, "grid_size must be an integer >= 1, got 0"),
        ("model_selection", "nicest", "model_selection must be one of .* got 'nicest'"),
    ],
)
def test_bad_parameters_are_named(parameter, value, message):
    with pytest.raises(ParameterError, match=message):
        KANClassifier(**{parameter: value}).fit(*two_classes(30))


def test_index_needs_one_row_for_each_class(ternary):
    with pytest.raises(ParameterError, match="index must be 3 rows of equations_, one for each class, got 0"):
        ternary.predict(np.zeros((1, 2)), index=0)


# ----------------------------------------------------------------------------------------- scikit-learn's other tools


def test_clone_and_pickle(ternary):
    copy: Any = clone(ternary)
    assert copy.get_params() == ternary.get_params()
    X, _ = three_classes()
    copied = pickle.loads(pickle.dumps(ternary))
    np.testing.assert_array_equal(copied.predict_proba(X), ternary.predict_proba(X))


@pytest.mark.parametrize("names", [("no", "yes"), ("yes", "no"), None])
def test_formulas_that_are_known_compete_from_the_start(names):
    """Whichever class appears first, and however few steps are left."""
    X, y = three_classes() if names is None else two_classes()
    if names is not None:
        y = np.where(y == "yes", *names)
    earlier = KANClassifier(max_steps=30, random_state=0).fit(X, y)
    later = KANClassifier(max_steps=1, random_state=1).fit(X, y, start=earlier)
    assert bits(later, X, y) <= bits(earlier, X, y) + 1e-6
    fresh = KANClassifier(max_steps=1, random_state=1).fit(X, y)
    assert bits(later, X, y) < bits(fresh, X, y)


def bits(model, X, y):
    """Of the labels by the selected formulas, and of these."""
    chosen = [front[position] for front, position in zip(model.fronts_, model.selected(), strict=True)]
    formulas = sum(formula.structure_bits + constant_bits(len(y)) * formula.n_constants for formula in chosen)
    return len(y) * log_loss(y, model.predict_proba(X)) / np.log(2) + formulas


def test_what_is_known_must_be_of_the_same_classes(binary):
    with pytest.raises(DataError, match="start must be a model of the same outputs, got one of 'yes' for 'ash', 'elm'"):
        KANClassifier(max_steps=1).fit(*three_classes(), start=binary)


@pytest.mark.parametrize("data", [two_classes, three_classes])
def test_at_any_improvement_the_model_is_whole(data, tmp_path):
    X, y = data()
    told = []

    def keep(model):
        model.save(tmp_path / "a.kansym")
        loaded = KANClassifier.load(tmp_path / "a.kansym")
        np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
        told.append(log_loss(y, model.predict_proba(X)))

    watched = KANClassifier(max_steps=25, random_state=0).fit(X, y, on_improvement=keep)
    plain = KANClassifier(max_steps=25, random_state=0).fit(X, y)
    assert told
    assert np.isfinite(told).all()
    for one, other in zip(watched.fronts_, plain.fronts_, strict=True):
        assert [formula.expression for formula in one] == [formula.expression for formula in other]


def test_it_works_in_pipelines_and_searches():
    X, y = two_classes(80)
    pipeline = make_pipeline(StandardScaler(), KANClassifier(random_state=0, max_steps=3))
    search = GridSearchCV(pipeline, {"kanclassifier__max_complexity": [1, 40]}, cv=2, scoring="neg_log_loss")
    assert search.fit(X, y).best_params_ == {"kanclassifier__max_complexity": 40}


@pytest.mark.parametrize("labels", [["b", "a", "c"], [3, 1, 2], [1.0, 2.0, 3.0], [True, False, None]], ids=str)
def test_a_saved_model_predicts_the_same(tmp_path, labels):
    X, y = (two_classes if labels[2] is None else three_classes)(60)
    _, codes = np.unique(y, return_inverse=True)
    model = KANClassifier(random_state=0, max_steps=3).fit(X, np.array([labels[k] for k in codes]))
    model.save(tmp_path / "model.kansym")
    loaded = KANClassifier.load(tmp_path / "model.kansym")
    assert loaded.classes_.tolist() == model.classes_.tolist()
    assert loaded.classes_.dtype.kind == model.classes_.dtype.kind
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
    np.testing.assert_array_equal(loaded.predict_proba_network(X), model.predict_proba_network(X))
    assert loaded.selected() == model.selected()
    assert loaded.fronts_[0].evidence is model.fronts_[0].evidence


def test_a_saved_model_loads_in_a_fresh_process(tmp_path, binary):
    path = tmp_path / "model.kansym"
    binary.save(path)
    code = f"from kansym import KANClassifier; print(*KANClassifier.load({str(path)!r}).predict([[2, -2], [-2, 2]]))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["yes", "no"]
    with pytest.raises(FileFormatError, match=r"must hold a KANRegressor, got a .*KANClassifier"):
        KANRegressor.load(path)


def test_class_weights_are_saved(tmp_path):
    X, y = two_classes(40)
    model = KANClassifier(random_state=0, max_steps=3, class_weight={"no": 2, "yes": 1.5}).fit(X, y)
    model.save(tmp_path / "model.kansym")
    assert KANClassifier.load(tmp_path / "model.kansym").class_weight == {"no": 2.0, "yes": 1.5}


def test_a_time_limit_ends_the_search():
    X = np.random.default_rng(0).normal(size=(300, 4))
    y = np.argmax(X[:, :3] + np.random.default_rng(1).gumbel(size=(300, 3)), axis=1)
    model = KANClassifier(random_state=0, time_limit=0.1).fit(X, y)
    assert "the budget was used up" in [discovery.reason for discovery in model.discoveries_]
    assert np.all(np.isfinite(model.predict_proba(X)))


def test_an_interrupt_keeps_what_was_found():
    def interrupt(progress):
        if progress.stage == "sums of columns":
            raise KeyboardInterrupt

    X, y = two_classes(60)
    model = KANClassifier(random_state=0).fit(X, y, on_progress=interrupt)
    assert model.discoveries_[0].reason == "interrupted"
    assert model.score(X, y) > 0.7


def test_even_classes_without_a_law_have_logits_of_exactly_zero():
    X = np.random.default_rng(3).normal(size=(90, 2))
    model = KANClassifier(random_state=0, max_steps=12).fit(X, np.arange(90) % 3)
    assert model.sympy() == [0, 0, 0]
    np.testing.assert_allclose(model.predict_proba(X), 1 / 3)


# ------------------------------------------------------------------------------------------------------- many columns


def test_thirty_columns_that_go_together_give_a_short_logit():
    X, y = load_breast_cancer(return_X_y=True)
    parts = train_test_split(X, y, test_size=0.5, stratify=y, random_state=0)
    model = KANClassifier(random_state=0, time_limit=None, max_steps=40).fit(parts[0], parts[2])
    assert 1 < len(model.sympy().free_symbols) < 8
    p = model.predict_proba(parts[1])
    assert log_loss(parts[3], p) < 0.16  # logistic regression of all thirty: 0.09; the frequencies: 0.66
    assert np.mean(p.argmax(axis=1) == parts[3]) > 0.93


def test_rows_that_cannot_be_written_to_are_no_matter(binary):
    X = two_classes(20)[0]
    X.flags.writeable = False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(binary.predict_proba_network(X)) == 20
