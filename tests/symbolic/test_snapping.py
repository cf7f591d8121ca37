"""Snapping finds the constants it was given, in any unit, and never mistakes rounding for evidence."""

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from kansym.errors import DataError, ParameterError
from kansym.library import Domain, Library, SymbolicFunction, default_library
from kansym.symbolic.curve import make_axis
from kansym.symbolic.projection import chart_at, kaufman_jacobian, projected
from kansym.symbolic.snapping import Snap, refine, scan, snap_curve, snap_many

LIBRARY = default_library()
TWINS = {"sin": "cos", "cos": "sin", "arcsin": "arccos", "arccos": "arcsin"}


def argument_range(function, rng):
    """Draw the values of ``a·x + b`` at the two ends of the data, inside the domain."""
    domain = function.domain
    if domain.period is not None:
        return np.sort(np.arcsin(rng.uniform(-0.97, 0.97, 2)))
    if np.isfinite(domain.low) and np.isfinite(domain.high):
        low = rng.uniform(-1.0, 0.5)
        return np.array([low, rng.uniform(low + 0.4, 1.0)])
    if np.isfinite(domain.low) or domain.pole is not None:
        near = 10 ** rng.uniform(-2, 1)
        ends = np.array([near, near + 2.0])
        return ends if rng.random() < 0.5 or np.isfinite(domain.low) else -ends[::-1]
    if function.name in ("sin", "cos"):
        return rng.uniform(-3, 3) + 10 ** rng.uniform(0.2, 2) * np.array([-1.0, 1.0])
    return 10 ** rng.uniform(-0.3, 0.6) * (np.array([-1.0, 1.0]) + rng.uniform(-0.8, 0.8))


def random_curve(function, seed, count=200):
    """Draw a curve of the function with random constants and a random range of x."""
    rng = np.random.default_rng([seed, *function.name.encode()])
    first = rng.uniform(-5, 5) * 10 ** rng.uniform(-2, 2)
    x = first + abs(first) * 10 ** rng.uniform(-1, 1) * np.concatenate(([0.0, 1.0], rng.uniform(0, 1, count - 2)))
    low, high = argument_range(function, rng)
    if rng.random() < 0.5 and not np.isfinite(function.domain.high):
        low, high = high, low
    z = np.clip(low + (high - low) * (x - x[0]) / (x[1] - x[0]), min(low, high), max(low, high))
    exponent = (rng.choice([-1, 1]) * rng.uniform(0.3, 6),) if function.has_exponent else ()
    c = rng.choice([-1, 1]) * 10 ** rng.uniform(-3, 3)
    return x, c * function.numpy(z, *exponent) + c * rng.normal()


def by_name(snaps):
    return {snap.function.name: snap for snap in snaps}


@pytest.mark.parametrize("name", LIBRARY.names)
@pytest.mark.parametrize("seed", range(3))
def test_own_function_is_exact_and_first(name, seed):
    x, y = random_curve(LIBRARY[name], seed)
    snaps = snap_curve(x, y)
    own = by_name(snaps)[name]
    assert own.unexplained < 1e-18
    np.testing.assert_allclose(own(x), y, atol=1e-8 * np.ptp(y))
    assert snaps[0].unexplained < 1e-18
    assert snaps[0].function.name in (name, TWINS.get(name)) or snaps[0].function.complexity <= own.function.complexity


@pytest.mark.parametrize("name", ["x", "x^2", "1/x", "exp", "log", "sin", "tanh", "gaussian", "abs", "arctan"])
def test_noise_leaves_its_share_unexplained(name):
    x, y = random_curve(LIBRARY[name], 1)
    y = y + 0.05 * y.std() * np.random.default_rng(0).normal(size=len(y))
    snaps = snap_curve(x, y)
    assert name in [snap.function.name for snap in snaps[:4]]
    assert by_name(snaps)[name].unexplained == pytest.approx(0.05**2, rel=0.5)


@settings(max_examples=12, deadline=None)
@given(st.sampled_from(["sin", "exp", "1/x", "x^n", "tanh"]), st.floats(-6, 6), st.floats(-9, 9))
def test_units_do_not_matter(name, log_height, log_width):
    x, y = random_curve(LIBRARY[name], 0, 80)
    y = y + 0.02 * y.std() * np.random.default_rng(1).normal(size=len(y))
    functions = ["x", "x^2", "1/x", "x^n", "exp", "sin", "tanh", "gaussian"]
    snaps = snap_curve(x, y, functions=functions)
    scaled = snap_curve(x * 10**log_width, y * 10**log_height, functions=functions)
    assert scaled[0].function is snaps[0].function
    assert scaled[0].unexplained == pytest.approx(snaps[0].unexplained, rel=1e-3)


@pytest.mark.parametrize("frequency", [15.0, 40.0, 300.0])
@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_fast_oscillations(frequency, noise):
    rng = np.random.default_rng(2)
    x = rng.uniform(-1, 1, 1000)
    y = np.sin(frequency * x) + noise * rng.normal(size=1000)
    sine = by_name(snap_curve(x, y, functions=["x", "sin", "cos", "tanh"]))["sin"]
    assert sine.a == pytest.approx(frequency, abs=0.1 * noise + 1e-9)
    assert sine.b == 0.0
    assert sine.unexplained == pytest.approx(noise**2 / (noise**2 + 0.5), rel=0.15, abs=1e-20)


def test_phase_is_the_smallest():
    x = np.linspace(-1, 1, 200)
    snaps = by_name(snap_curve(x, 2.0 * np.sin(7.0 * x + 2.5), functions=["sin", "cos"]))
    assert (snaps["sin"].b, snaps["sin"].c) == pytest.approx((2.5 - np.pi, -2.0))
    assert (snaps["cos"].b, snaps["cos"].c) == pytest.approx((2.5 - np.pi / 2, 2.0))


@pytest.mark.parametrize(
    ("x", "curve", "name", "constants"),
    [
        (np.linspace(1e3, 5e3, 200), lambda x: np.exp(-x / 2000), "exp", (-1 / 2000, 0, 1, 0)),
        (np.linspace(100, 101, 200), lambda x: 1 / x, "1/x", (1, 0, 1, 0)),
        (np.linspace(-1, 1, 200), lambda x: 1e-4 * np.exp(-((10 * x - 3) ** 2)) + 1e3, "gaussian", (10, -3, 1e-4, 1e3)),
        (np.linspace(1e-9, 3e-9, 200), lambda x: 4 / x, "1/x", (1, 0, 4, 0)),
        (np.linspace(-1, 1, 300), lambda x: 2 / (x - 0.3123) ** 2 + 5, "1/x^2", (1, -0.3123, 2, 5)),
        (np.linspace(-1, 1, 300), lambda x: np.tanh(150 * (x - 0.3)), "tanh", (150, -45, 1, 0)),
        (np.linspace(1, 4, 100), lambda x: np.sqrt(x - 1), "sqrt", (1, -1, 1, 0)),
        (np.linspace(-3, -1, 100), lambda x: np.log(-x), "log", (-1, 0, 1, 0)),
        (np.linspace(-1, 1, 100), lambda x: np.arccos(x), "arccos", (1, 0, 1, 0)),
        (np.linspace(0.9, 3, 100), lambda x: x**-12, "x^n", (1, 0, 1, 0)),
        (np.linspace(-1, 1, 100), lambda x: 3 * x - 1, "x", (1, 0, 3, -1)),
    ],
)
def test_known_constants(x, curve, name, constants):
    snap = by_name(snap_curve(x, curve(x)))[name]
    np.testing.assert_allclose((snap.a, snap.b, snap.c, snap.d), constants, rtol=1e-6, atol=1e-9)
    assert (snap.b == 0.0) == (constants[1] == 0)


def test_far_from_zero_keeps_the_shift():
    u = np.linspace(-1, 1, 100)
    best = snap_curve(1e9 + u, np.exp(3.0 * u))[0]
    assert best.function.name == "exp"
    assert best.a == pytest.approx(3.0, rel=1e-6)
    assert best.unexplained < 1e-12


@pytest.mark.parametrize("name", LIBRARY.names)
def test_sympy_equals_call(name):
    x, y = random_curve(LIBRARY[name], 5, 60)
    snap = by_name(snap_curve(x, y, functions=[name]))[name]
    symbol = sympy.Symbol("x")
    np.testing.assert_allclose(
        sympy.lambdify(symbol, snap.sympy(symbol), "numpy")(x), snap(x), rtol=1e-9, atol=1e-12 * np.ptp(y)
    )


@pytest.mark.parametrize("name", ["x^n", "tanh", "arcsin", "log", "tan", "gaussian"])
def test_jacobian_equals_differences_where_the_fit_is_exact(name):
    function = LIBRARY[name]
    axis = make_axis(np.linspace(-1, 1, 30))
    start = (
        np.array([1.0, 2.5, 1.7])
        if np.isfinite(function.domain.low) and name != "arcsin"
        else np.array([0.6, 0.2, 0.0])
    )
    chart = chart_at(function, start)
    curve = projected(function, chart.unfold(chart.origin)[0], axis)
    assert curve is not None
    target = 3.0 * curve
    jacobian = kaufman_jacobian(function, chart, chart.origin, axis, target)

    def residual(free):
        curve = projected(function, chart.unfold(free)[0], axis)
        assert curve is not None
        return target - curve * (curve @ target)

    for row, step in zip(jacobian, 1e-6 * np.eye(len(chart.origin)), strict=True):
        difference = (residual(chart.origin + step) - residual(chart.origin - step)) / 2e-6
        np.testing.assert_allclose(row, difference, atol=1e-8)


def test_order_and_zero_weights_do_not_matter():
    rng = np.random.default_rng(3)
    x = rng.uniform(0.5, 2, 120)
    y = np.log(x + 0.3) + 0.01 * rng.normal(size=120)
    weights = (rng.random(120) < 0.7).astype(float)
    spoiled = np.where(weights > 0, y, 1e6)
    kept = weights > 0
    shuffled = rng.permutation(kept.sum())
    expected = snap_curve(x[kept][shuffled], y[kept][shuffled])[0]
    found = snap_curve(x, spoiled, weights=weights)[0]
    assert found.function is expected.function
    assert (found.a, found.b, found.c) == pytest.approx((expected.a, expected.b, expected.c), rel=1e-5)


def test_weights_count_as_repetitions():
    rng = np.random.default_rng(4)
    x, times = rng.uniform(-1, 1, 60), rng.integers(1, 4, 60)
    y = np.tanh(3 * x) + 0.1 * rng.normal(size=60)
    weighted = snap_curve(x, y, weights=times, functions=["tanh"])[0]
    repeated = snap_curve(np.repeat(x, times), np.repeat(y, times), functions=["tanh"])[0]
    assert weighted.unexplained == pytest.approx(repeated.unexplained, rel=1e-9)


def test_unexplained_is_that_of_the_returned_values():
    x, y = random_curve(LIBRARY["cosh"], 2)
    for snap in snap_curve(x, y):
        assert snap.unexplained == pytest.approx(
            ((y - snap(x)) ** 2).sum() / ((y - y.mean()) ** 2).sum(), rel=1e-6, abs=1e-28
        )
        assert snap.r2 == 1 - snap.unexplained


@pytest.mark.parametrize(
    ("x", "y", "value", "unexplained"),
    [
        (np.arange(10.0), np.full(10, 7.5), 7.5, 0.0),
        (np.full(10, 3.0), np.arange(10.0), 4.5, 1.0),
        ([1.0], [2.0], 2.0, 0.0),
    ],
)
def test_nothing_to_tell(x, y, value, unexplained):
    (snap,) = snap_curve(x, y)
    assert (snap.c, snap.d, snap.unexplained) == (0.0, pytest.approx(value), unexplained)
    np.testing.assert_allclose(snap(x), value)
    assert float(snap.sympy(sympy.Symbol("x"))) == pytest.approx(value)


def test_a_lone_spike_between_the_points_looked_at():
    y = np.zeros(10_000)
    y[1234] = 1.0
    assert 0.0 <= snap_curve(np.arange(10_000.0), y)[0].unexplained <= 1.0
    assert np.all(scan(np.arange(10_000.0), [y]).unexplained <= 1.0)


@pytest.mark.parametrize("distinct", [2, 3])
def test_few_distinct_points_allow_a_line_only(distinct):
    x = np.arange(30) % distinct
    (snap,) = snap_curve(x, np.sin(np.arange(30.0)))
    assert snap.function.name == "x"


@pytest.mark.parametrize("size", [1e-300, 1e-150, 1e150, 1e300])
def test_extreme_units_are_finite(size):
    x = np.linspace(-1, 1, 50)
    best = snap_curve(x * size, x**3 * size, functions=["x", "x^3", "1/x", "exp", "log"])[0]
    assert best.function.name == "x^3"
    assert best.unexplained < 1e-20


def test_many_points():
    rng = np.random.default_rng(5)
    x = rng.uniform(-1, 1, 100_000)
    best = snap_curve(x, np.tanh(3 * x + 0.3) + 0.05 * rng.normal(size=len(x)), functions=["x", "tanh", "sin", "log"])[
        0
    ]
    assert (best.function.name, best.a, best.b) == ("tanh", pytest.approx(3, rel=0.02), pytest.approx(0.3, rel=0.05))


def test_scan_points_at_the_function_and_refine_finishes():
    x = np.linspace(0.5, 3.0, 150)
    curves = np.stack([np.exp(-1.3 * x), np.log(x), np.sin(9 * x + 1), np.full_like(x, 2.0), 1 / (x + 0.7)])
    table = scan(x, curves)
    assert table.unexplained.shape == (5, 22)
    assert table.starts.shape == (5, 22, 3)
    assert np.all(table.unexplained[3] == 0.0)
    for curve, name in ((0, "exp"), (1, "log"), (2, "sin"), (4, "1/x")):
        column = [function.name for function in table.functions].index(name)
        assert table.unexplained[curve, column] < 0.05
        snap = refine(LIBRARY[name], x, curves[curve], start=table.starts[curve, column])
        assert snap is not None
        assert snap.unexplained < 1e-20


def test_snap_many_equals_snap_curve():
    x = np.linspace(-1, 1, 60)
    curves = [np.exp(x), np.cos(5 * x)]
    assert snap_many(x, curves, functions=["exp", "cos"]) == tuple(
        snap_curve(x, y, functions=["exp", "cos"]) for y in curves
    )


def test_stop_returns_at_least_one():
    x = np.linspace(-1, 1, 60)
    assert len(snap_curve(x, np.exp(x), should_stop=lambda: True)) == 1


def test_users_own_functions():
    logistic = SymbolicFunction(
        "logistic",
        lambda xp, x: 1 / (1 + xp.exp(-x)),
        lambda xp, x: xp.exp(-x) / (1 + xp.exp(-x)) ** 2,
        lambda x: 1 / (1 + sympy.exp(-x)),
        complexity=5,
    )
    entropy = SymbolicFunction(
        "x log x",
        lambda xp, x: x * xp.log(x),
        lambda xp, x: xp.log(x) + 1,
        lambda x: x * sympy.log(x),
        Domain(low=0.0),
        complexity=3,
    )
    library = Library(["x", logistic, entropy])
    x = np.linspace(0.1, 4, 100)
    for y, function in ((3 / (1 + np.exp(2 - 3 * x)), logistic), ((x + 0.2) * np.log(x + 0.2), entropy)):
        best = snap_curve(x, y, library=library)[0]
        assert best.function is function
        assert best.unexplained < 1e-18


@pytest.mark.parametrize(
    ("x", "y", "weights", "message"),
    [
        ([], [], None, "x must be a one-dimensional array"),
        ([[1.0, 2.0]], [1.0, 2.0], None, "x must be a one-dimensional array"),
        ([1.0, np.nan], [1.0, 2.0], None, "x must be finite, got nan in row 1"),
        ([1.0, 2.0], [1.0, np.inf], None, "y must be finite, got inf in row 1"),
        ([1.0, 2.0], [1.0, 2.0, 3.0], None, "y must have one value for each of the 2 points"),
        ([1.0, 2.0], [1.0, 2.0], [1.0], "weights must have as many values as x"),
        ([1.0, 2.0], [1.0, 2.0], [1.0, -1.0], "weights must not be negative, got .* in row 1"),
        ([1.0, 2.0], [1.0, 2.0], [0.0, 0.0], "weights must hold a positive value"),
    ],
)
def test_wrong_data(x, y, weights, message):
    with pytest.raises(DataError, match=message):
        snap_curve(x, y, weights=weights)


def test_wrong_parameters():
    with pytest.raises(ParameterError, match="functions must be names in the library, got 'sinus'"):
        snap_curve([1.0, 2.0], [1.0, 2.0], functions=["sinus"])
    with pytest.raises(ParameterError, match="functions must name at least one"):
        snap_curve([1.0, 2.0], [1.0, 2.0], functions=[])
    with pytest.raises(ParameterError, match="start must begin with a slope"):
        refine(LIBRARY["sin"], [1.0, 2.0], [1.0, 2.0], start=(0.0, 1.0))


def test_snap_is_a_value():
    first = Snap(LIBRARY["x"], 1.0, 0.0, 2.0, 1.0, None, 0.0)
    assert first == Snap(LIBRARY["x"], 1.0, 0.0, 2.0, 1.0, None, 0.0)
    assert str(first.sympy(sympy.Symbol("t"))) == "2.0*t + 1.0"
