"""The table of functions: its forms agree on the domain (A17), and nothing enters a library unprobed."""

import math
import pickle

import numpy as np
import pytest
import scipy.special
import sympy
import torch

from kansym.errors import ParameterError
from kansym.library import Domain, Library, SymbolicFunction, default_library
from kansym.symbolic.complexity import complexity

FUNCTIONS = list(default_library())
EXPONENTS = (1.7, -2.5, 0.3)
X = sympy.Symbol("x", real=True)

every_function = pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.name)


def exponents(function):
    return [(n,) for n in EXPONENTS] if function.has_exponent else [()]


def domain_points(function):
    """Points all over the domain: moderate, large, and as near to its ends and poles as 1e-9."""
    near = [end + side * 1e-9 for end in (-1.0, 0.0, 1.0, math.pi / 2) for side in (-1, 1)]
    points = np.array([*np.linspace(-3, 3, 41), *near, -1.0, 0.0, 1.0, -20.0, 20.0, -300.0, 300.0])
    return points[function.domain.contains(points)]


def smooth_points(function):
    """Points where the function is differentiable and finite differences are accurate."""
    points = np.linspace(-2.97, 2.93, 60)
    return points[function.domain.contains(points, margin=0.03) & (np.abs(np.abs(points) - 1) > 0.02)]


def erf_function(**changes):
    parts = {
        "name": "erf",
        "value": lambda xp, x: scipy.special.erf(x) if xp is np else xp.erf(x),
        "slope": lambda xp, x: 2 / math.sqrt(math.pi) * xp.exp(-x * x),
        "expression": sympy.erf,
        **changes,
    }
    return SymbolicFunction(**parts)


# --- the table ------------------------------------------------------------------------------------------------------


@every_function
def test_numpy_and_torch_forms_agree(function):
    points = domain_points(function)
    for exponent in exponents(function):
        values = function.numpy(points, *exponent)
        tensor = function.torch(torch.tensor(points), *exponent)
        np.testing.assert_allclose(tensor.numpy(), values, rtol=1e-14)
        slopes = function.torch_derivative(torch.tensor(points), *exponent)
        np.testing.assert_allclose(slopes.numpy(), function.derivative(points, *exponent), rtol=1e-13)


@every_function
def test_sympy_form_agrees(function):
    points = domain_points(function)
    for exponent in exponents(function):
        form = function.sympy(X, *exponent)
        exact = [float(form.subs(X, sympy.Float(point, 40)).evalf(40)) for point in points]
        np.testing.assert_allclose(function.numpy(points, *exponent), exact, rtol=1e-13)


@every_function
def test_values_are_finite_on_the_domain(function):
    for exponent in exponents(function):
        assert np.all(np.isfinite(function.numpy(domain_points(function), *exponent)))


@every_function
def test_derivative_agrees_with_differences(function):
    points, step = smooth_points(function), 1e-4
    for exponent in exponents(function):
        left, middle, right = (function.numpy(points + k * step, *exponent) for k in (-1, 0, 1))
        slope = function.derivative(points, *exponent)
        assert np.all((slope - (right - left) / (2 * step)) ** 2 < 1e-9 * (1 + slope**2 + middle**2) * (1 + points**-4))


@every_function
def test_torch_derivative_agrees_with_autograd(function):
    points = torch.tensor(smooth_points(function), requires_grad=True)
    for exponent in exponents(function):
        (expected,) = torch.autograd.grad(function.torch(points, *exponent).sum(), points)
        slope = function.torch_derivative(points, *exponent)
        torch.testing.assert_close(slope, expected, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("function", [f for f in FUNCTIONS if f.name not in ("x", "abs")], ids=lambda f: f.name)
def test_torch_derivative_is_itself_differentiable(function):
    points = torch.tensor(smooth_points(function), requires_grad=True)
    for exponent in exponents(function):
        (second,) = torch.autograd.grad(function.torch_derivative(points, *exponent).sum(), points)
        assert bool(torch.isfinite(second).all())


def test_the_exponent_is_differentiable():
    n = torch.tensor(1.3, dtype=torch.float64, requires_grad=True)
    default_library()["x^n"].torch(torch.tensor([2.0], dtype=torch.float64), n).sum().backward()
    assert n.grad is not None
    assert float(n.grad) == pytest.approx(2**1.3 * math.log(2))


@every_function
def test_nan_outside_the_domain_and_no_warning(function):
    outside = np.array([-np.inf, -5.0, -1.0 - 1e-9, 0.0, 1.0 + 1e-9, math.pi / 2, 7.0, 1e9, np.inf, np.nan])
    for exponent in exponents(function):
        values = function.numpy(outside, *exponent)
        function.derivative(outside, *exponent)
        assert values.dtype == np.float64
        assert values.shape == outside.shape
        assert np.isnan(values[-1])


@pytest.mark.parametrize(
    ("name", "point"),
    [("log", -1.0), ("sqrt", -1e-9), ("1/sqrt", -1.0), ("arcsin", 1.001), ("arccos", -1.001)],
)
def test_nothing_is_protected(name, point):
    assert np.isnan(default_library()[name].numpy(np.array([point]))).all()


@pytest.mark.parametrize("name", ["1/x", "1/x^2", "1/sqrt", "log"])
def test_poles_are_infinite(name):
    assert np.isinf(default_library()[name].numpy(np.array([0.0]))).all()


@every_function
def test_complexity_is_what_the_sympy_form_adds(function):
    form = function.sympy(X, *exponents(function)[0])
    assert function.complexity == complexity(form) - complexity(X)


@every_function
def test_pickle_gives_the_same_object(function):
    assert pickle.loads(pickle.dumps(function)) is function


def test_names_are_those_of_the_table():
    library = default_library()
    assert library is default_library()
    assert library.names == tuple(function.name for function in library)
    assert all(library[name].name == name and name in library for name in library.names)
    assert "sinus" not in library


# --- domains --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("domain", "inside", "outside"),
    [
        (Domain(), [-1e300, 0.0, 1e300], [math.inf, -math.inf, math.nan]),
        (Domain(low=0.0), [1e-300], [0.0, -1e-300]),
        (Domain(low=0.0, low_closed=True), [0.0], [-1e-300]),
        (Domain(low=-1.0, high=1.0, low_closed=True, high_closed=True), [-1.0, 1.0], [1.0 + 1e-15, -1.0 - 1e-15]),
        (Domain(high=2.0), [-9.0, 1.999], [2.0]),
        (Domain(pole=0.0), [-1e-300, 1e-300], [0.0]),
        (Domain(pole=1.0, period=2.0), [0.0, 2.0, -4.0], [-3.0, -1.0, 1.0, 5.0]),
    ],
)
def test_domain_contains(domain, inside, outside):
    assert domain.contains(np.array(inside)).all()
    assert not domain.contains(np.array(outside)).any()


def test_domain_margin_keeps_off_open_ends_and_poles_only():
    assert not Domain(low=0.0).contains(np.array([0.05]), margin=0.1).any()
    assert Domain(low=0.0, low_closed=True).contains(np.array([0.05]), margin=0.1).all()
    assert not Domain(pole=0.0).contains(np.array([-0.05, 0.05]), margin=0.1).any()


@every_function
def test_domain_samples_lie_inside(function):
    sample = function.domain.sample()
    assert len(sample) > 10
    assert function.domain.contains(sample).all()


# --- libraries ------------------------------------------------------------------------------------------------------


def test_library_keeps_order_and_is_a_value():
    library = Library(["sin", "x", "exp"])
    assert library.names == ("sin", "x", "exp")
    assert [function.name for function in library] == ["sin", "x", "exp"]
    assert len(library) == 3
    assert library == Library(["sin", "x", "exp"]) != Library(["x", "sin", "exp"])
    assert hash(library) == hash(Library(["sin", "x", "exp"]))
    assert pickle.loads(pickle.dumps(library)) == library
    assert repr(library) == "Library(['sin', 'x', 'exp'])"


def test_a_function_of_the_users_own_is_admitted():
    erf = erf_function()
    library = Library(["x", erf])
    assert library["erf"] is erf
    assert library["erf"].numpy(np.array([0.5])) == pytest.approx(math.erf(0.5), rel=1e-14)


def test_a_function_with_an_exponent_of_the_users_own_is_admitted():
    function = SymbolicFunction(
        "|x|^n",
        lambda xp, x, n: xp.abs(x) ** n,
        lambda xp, x, n: n * xp.sign(x) * xp.abs(x) ** (n - 1.0),
        lambda x, n: sympy.Abs(x) ** n,
        Domain(pole=0.0),
        3,
        has_exponent=True,
    )
    assert Library([function])["|x|^n"].numpy(np.array([-2.0]), 2.0) == pytest.approx(4.0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"expression": sympy.tanh}, "'erf' must have equal numpy and sympy forms"),
        ({"expression": lambda x: sympy.erf(x) * (1 + 1e-8)}, "must have equal numpy and sympy forms"),
        ({"slope": lambda xp, x: xp.exp(-x * x)}, "must have the derivative of its values as slope"),
        ({"value": lambda xp, x: xp.log(x), "expression": sympy.log}, "'erf' must be finite on its domain"),
        ({"domain": Domain(low=-2.0), "value": lambda xp, x: 1 / (x - x)}, "must be finite on its domain"),
    ],
)
def test_a_function_whose_forms_disagree_is_refused(changes, message):
    with pytest.raises(ParameterError, match=message):
        Library([erf_function(**changes)])


@pytest.mark.parametrize(
    ("functions", "message"),
    [
        (["x", "sinus"], "known function names, got 'sinus'; known are x, "),
        (["x", "sin", "x"], "each function once, got 'x' twice"),
        ("sin", "list of names or functions, got the text 'sin'"),
        ([], "at least one function, got none"),
    ],
)
def test_wrong_libraries_are_refused(functions, message):
    with pytest.raises(ParameterError, match=message):
        Library(functions)
