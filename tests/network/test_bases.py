"""Bases against scipy, against differences, and on awkward data."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import BSpline

from kansym.errors import ParameterError
from kansym.network import KANLayer
from kansym.network.bases import BASES, BSplineBasis, make_basis
from kansym.network.grids import breakpoints

POINTS = torch.tensor([[-1.0, -0.5, 0.1, 0.4, 2.0], [0.0, 1.0, 2.0, 3.0, 4.0]], dtype=torch.float64)


def inside(points: torch.Tensor, n: int = 200) -> torch.Tensor:
    share = torch.linspace(0, 1, n, dtype=points.dtype).unsqueeze(-1)
    return points[:, 0] + (points[:, -1] - points[:, 0]) * share


@pytest.mark.parametrize("order", [1, 2, 3, 4, 5])
def test_bspline_equals_scipy(order):
    basis = BSplineBasis(POINTS, order)
    x = inside(POINTS)
    oracles = [BSpline(basis.grid[i].numpy(), np.eye(basis.n_basis), order) for i in range(2)]
    for i, oracle in enumerate(oracles):
        at = x[:, i].numpy()
        np.testing.assert_allclose(basis.values(x)[:, i], oracle(at), atol=1e-13)
        # One-sided at the knots, where the last derivative of low orders jumps.
        off = np.min(np.abs(at[:, None] - POINTS[i].numpy()), axis=1) > 1e-9
        np.testing.assert_allclose(basis.derivatives(x)[off, i], oracle(at[off], nu=1), atol=1e-11)
        second = oracle(at[off], nu=2) if order > 1 else 0.0 * oracle(at[off])
        np.testing.assert_allclose(basis.second_derivatives(x)[off, i], second, atol=1e-9)


@pytest.mark.parametrize("order", [1, 3, 4])
def test_bspline_rows_sum_to_one_everywhere(order):
    basis = BSplineBasis(POINTS, order)
    x = inside(POINTS) * 3 - 2
    torch.testing.assert_close(basis.values(x).sum(-1), torch.ones_like(x), rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", ["bspline", "chebyshev"])
def test_linear_continuation_keeps_value_and_slope(name):
    basis = make_basis(name, POINTS, 3)
    low, high = POINTS[:, 0], POINTS[:, -1]
    for end, sign in ((low, -1.0), (high, 1.0)):
        for distance in (1e-9, 1.0, 10.0):
            expected = basis.values(end) + sign * distance * basis.derivatives(end)
            torch.testing.assert_close(basis.values(end + sign * distance), expected, rtol=1e-12, atol=1e-12)
            torch.testing.assert_close(basis.derivatives(end + sign * distance), basis.derivatives(end))
            assert not basis.second_derivatives(end + sign * distance).any()


@pytest.mark.parametrize("name", sorted(BASES))
def test_derivatives_equal_differences(name):
    basis = make_basis(name, POINTS, 3)
    # Points that no step carries over a knot: B-splines have a jump of the third derivative there.
    x, step = inside(POINTS, 57) * 1.3 + 0.0123, 1e-4
    first = (basis.values(x + step) - basis.values(x - step)) / (2 * step)
    second = (basis.derivatives(x + step) - basis.derivatives(x - step)) / (2 * step)
    torch.testing.assert_close(basis.derivatives(x), first, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(basis.second_derivatives(x), second, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("name", sorted(BASES))
def test_autograd_agrees_twice_and_on_the_boundary(name):
    basis = make_basis(name, POINTS, 3)
    x = torch.cat([inside(POINTS, 11), POINTS[:, 0] - torch.ones(1, 2), POINTS[:, -1] + torch.ones(1, 2)])
    x.requires_grad_()
    weights = torch.linspace(-1, 2, basis.n_basis, dtype=torch.float64)
    (first,) = torch.autograd.grad((basis.values(x) @ weights).sum(), x, create_graph=True)
    torch.testing.assert_close(first, basis.derivatives(x) @ weights)
    (second,) = torch.autograd.grad(first.sum(), x)
    torch.testing.assert_close(second, basis.second_derivatives(x) @ weights)


@pytest.mark.parametrize("name", ["bspline", "chebyshev"])
def test_constant_is_expressed(name):
    basis = make_basis(name, POINTS, 3)
    x = inside(POINTS) * 3
    one = basis.constant()
    assert one is not None
    torch.testing.assert_close(basis.values(x) @ one, torch.ones_like(x))


@pytest.mark.parametrize("name", ["rbf", "rswaf"])
def test_bumps_vanish_far_away(name):
    assert make_basis(name, POINTS, 3).values(torch.full((1, 2), 1e3, dtype=torch.float64)).abs().max() < 1e-12


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from([0.0, 1.0, 1.0 + 1e-13, -3.5, 1e9, 7e-12]), min_size=1, max_size=12),
    st.integers(1, 9),
    st.floats(0, 1),
)
def test_breakpoints_increase_on_ties_and_constants(column, grid_size, adaptivity):
    x = torch.tensor(column, dtype=torch.float64).unsqueeze(-1)
    points = breakpoints(torch.cat([x, x], dim=1), grid_size, adaptivity)
    assert points.shape == (2, grid_size + 1)
    gaps = torch.diff(points, dim=1)
    assert (gaps >= 0.04 * (points[:, -1:] - points[:, :1]) / grid_size).all()
    assert points[0, 0] <= x.min()
    assert points[0, -1] >= x.max()
    assert torch.isfinite(BSplineBasis(points, 3).values(torch.cat([x, x], dim=1))).all()


@pytest.mark.parametrize("adaptivity", [0.0, 1.0])
@pytest.mark.parametrize(
    ("dtype", "low", "width", "grid_size"),
    [
        (torch.float32, 1e4, 2.0, 200),
        (torch.bfloat16, 6.0, 8.0, 5),
        (torch.float16, 1.0, 0.9, 9),
        (torch.bfloat16, -1.0, 2.0, 5),
    ],
)
def test_breakpoints_of_few_digits_are_those_of_the_data(dtype, low, width, grid_size, adaptivity):
    x = (low + width * torch.linspace(0, 1, 400, dtype=torch.float64).unsqueeze(-1) ** 4).to(dtype)
    points = breakpoints(x, grid_size, adaptivity)
    assert points.dtype == dtype
    assert (torch.diff(points, dim=1) > 0).all()
    assert points[0, 0] == x.min()
    assert points[0, -1] == x.max()
    assert torch.isfinite(BSplineBasis(points, 3).values(x)).all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize("value", [0.0, 1.0, -100.0, 1e3, 6e4])
@pytest.mark.parametrize("grid_size", [1, 5, 20])
def test_constant_columns_of_few_digits_have_knots_apart(dtype, value, grid_size):
    points = breakpoints(torch.full((9, 1), value, dtype=dtype), grid_size, 1.0)
    assert torch.isfinite(points).all()
    assert (torch.diff(points, dim=1) > 0).all()
    assert float(points[0, 0]) < value < float(points[0, -1])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_layers_of_few_digits_have_the_grid_of_the_others(dtype):
    made = KANLayer(2, 1, dtype=dtype, grid_range=(0.0, 1.0)).basis.points
    torch.testing.assert_close(made.float(), KANLayer(2, 1, grid_range=(0.0, 1.0)).basis.points, rtol=0, atol=1e-2)


def test_adaptivity_one_follows_quantiles():
    x = torch.linspace(0, 1, 101, dtype=torch.float64).unsqueeze(-1) ** 2
    torch.testing.assert_close(breakpoints(x, 4, 1.0)[0], torch.tensor([0, 1, 4, 9, 16], dtype=torch.float64) / 16)


def test_unknown_basis_is_named():
    with pytest.raises(ParameterError, match="basis must be one of bspline, rbf, rswaf, chebyshev, got 'fourier'"):
        make_basis("fourier", POINTS, 3)
