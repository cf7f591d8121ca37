"""Any data and any parameters: no crash, no NaN without a warning, and a formula that says what ``predict`` gives."""

import gc
import os
import threading
import warnings

import numpy as np
import pytest
import sympy
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from kansym import KANRegressor
from kansym.errors import FitWarning, KansymError

PARAMETERS = st.fixed_dictionaries(
    {"max_steps": st.integers(1, 12), "random_state": st.integers(0, 3)},
    optional={
        "hidden_widths": st.sampled_from(["auto", (), (1,), (2, 1)]),
        "basis": st.sampled_from(["bspline", "rbf", "rswaf", "chebyshev"]),
        "grid_size": st.integers(1, 6),
        "spline_order": st.integers(1, 4),
        "library": st.sampled_from([None, ["x"], ["x", "x^2", "1/x"], ["x", "sin", "log", "sqrt"], ["exp", "x^n"]]),
        "max_complexity": st.integers(1, 40),
        "model_selection": st.sampled_from(["best", "accuracy", "simplest"]),
    },
)
SHAPES = st.tuples(st.sampled_from([1, 2, 3, 9, 10, 30, 45]), st.integers(1, 4))
NICE = st.integers(-3, 3).map(float) | st.sampled_from([0.5, 1e-3, 7.25])
ANY = st.floats(-1e149, 1e149, allow_subnormal=True) | NICE


@st.composite
def tables(draw):
    shape = draw(SHAPES)
    values = draw(st.sampled_from([NICE, ANY, st.floats(0.5, 2.0)]))
    X = draw(arrays(float, shape, elements=values, fill=values))
    if draw(st.booleans()):
        with np.errstate(all="ignore"):
            y = draw(st.sampled_from([np.square, np.exp, np.reciprocal, np.sin, np.positive]))(X[:, 0])
        y = np.where(np.abs(y) < 1e149, y, 0.0)
    else:
        y = draw(arrays(float, shape[0], elements=values, fill=values))
    return X, y


# Without shrinking, and few of them in every run: each fit takes a moment.
@settings(
    max_examples=15 if settings().derandomize else settings().max_examples,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(tables(), PARAMETERS, st.booleans())
def test_any_fit_gives_what_is_printed_or_one_sentence(data, parameters, is_weighted):
    X, y = data
    weights = np.linspace(0.0, 2.0, len(y)) if is_weighted and len(y) > 1 else None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            model = KANRegressor(**parameters).fit(X, y, sample_weight=weights)
        except KansymError:
            return
        assert [str(warning.message) for warning in caught] == []
        predicted = model.predict(X)
    undefined = ~np.isfinite(predicted)
    assert undefined.any() == any(issubclass(warning.category, FitWarning) for warning in caught)
    kept = np.ones(len(y), dtype=bool) if weights is None else weights > 0
    assert not undefined[kept].any()
    symbols = sympy.symbols(f"x0:{X.shape[1]}", real=True)
    formula = sympy.lambdify(symbols, model.sympy(), "mpmath")
    for row, value in zip(X[kept][:5].tolist(), predicted[kept][:5], strict=True):
        exact = complex(formula(*row))
        assert exact.imag == 0
        assert value == pytest.approx(exact.real, rel=1e-6, abs=1e-6 * float(np.abs(y).max()) + 1e-300)


def test_a_row_off_the_training_data_warns_once_and_only_of_the_network():
    X = np.random.default_rng(0).uniform(1, 2, (60, 2))
    model = KANRegressor(max_steps=20, random_state=0).fit(X, X[:, 0] * X[:, 1])
    outside = np.full((50, 2), 7.0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.predict(outside)  # a formula holds where it is defined
        model.predict_network(outside)
    assert len(caught) == 1
    assert "50 rows, the first at position 0 outside the training data" in str(caught[0].message)


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="counts files as Linux lists them")
def test_fits_leave_neither_files_nor_threads_nor_objects(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    X = np.random.default_rng(0).uniform(1, 2, (50, 2))
    y = np.sin(4 * X[:, 0]) + X[:, 1]

    def counts():
        gc.collect()
        kinds = [type(thing).__name__ for thing in gc.get_objects()]
        ours = sum(kinds.count(name) for name in ("KANRegressor", "Search", "Candidates", "Dictionary", "KAN", "Rows"))
        return len(os.listdir("/proc/self/fd")), threading.active_count(), ours

    for _ in range(2):
        KANRegressor(max_steps=25, random_state=0).fit(X, y)
    before = counts()
    for seed in range(6):
        KANRegressor(max_steps=25, random_state=seed).fit(X, y)
    assert counts() == before
    assert list(tmp_path.iterdir()) == []
