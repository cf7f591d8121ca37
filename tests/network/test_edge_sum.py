"""The sum of spline edges against plain operations and scipy; what is remembered; compilers and exporters."""

import copy
import pickle
import shutil

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import BSpline
from torch import Tensor, nn
from torch.autograd import forward_ad

from kansym.network import KAN, KANLayer, edge_sum
from kansym.network import spline_tables as spline_tables_module
from kansym.network.bases import BSplineBasis
from kansym.network.cardinal_splines import CardinalSplines
from kansym.network.power_splines import PowerSplines
from kansym.network.remembered import Remembered
from kansym.network.spline_tables import spline_tables

UNEVEN = torch.tensor([[-1.0, -0.5, 0.1, 0.4, 2.0], [0.0, 1.0, 2.0, 3.0, 4.0]], dtype=torch.float64)
EVEN = torch.tensor([[0.0, 1.0, 2.0, 3.0, 4.0], [1e3, 1000.5, 1001.0, 1001.5, 1002.0]], dtype=torch.float64)


def points_in(points: Tensor, n: int, beyond: float = 0.0) -> Tensor:
    share = torch.linspace(-beyond, 1 + beyond, n, dtype=points.dtype).unsqueeze(-1)
    return points[:, 0] + (points[:, -1] - points[:, 0]) * share


def numbers(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@pytest.mark.parametrize("with_slopes", [False, True])
@pytest.mark.parametrize("points", [EVEN, UNEVEN], ids=["even", "uneven"])
@pytest.mark.parametrize("order", [1, 2, 3, 4, 5, 6])
def test_tables_equal_scipy_and_their_slopes_too(points, order, with_slopes, monkeypatch):
    monkeypatch.setattr(spline_tables_module, "_NUMBERS_PER_BLOCK", 500)
    basis = BSplineBasis(points, order)
    splines, x = basis.splines(), points_in(points, 203)
    assert isinstance(splines, CardinalSplines) == (points is EVEN and order in CardinalSplines.ORDERS)
    functions, slopes = spline_tables(splines, x.T, with_slopes)
    assert (slopes is not None) == with_slopes
    for i in range(2):
        oracle = BSpline(basis.grid[i].numpy(), np.eye(basis.n_basis), order)
        np.testing.assert_allclose(functions[i].T, oracle(x[:, i].numpy()), atol=1e-11)
        if slopes is not None:
            off = (x[:, i : i + 1] - points[i]).abs().amin(1) > 1e-9
            found = slopes[i].T[off] * splines.slope_scale[i]
            np.testing.assert_allclose(found, oracle(x[off, i].numpy(), nu=1), atol=1e-10)


@pytest.mark.parametrize("points", [EVEN, UNEVEN], ids=["even", "uneven"])
@pytest.mark.parametrize("order", [1, 2, 3, 4, 5, 6])
@pytest.mark.parametrize("with_slopes", [False, True])
def test_tables_continue_linearly(points, order, with_slopes):
    splines, low, high = BSplineBasis(points, order).splines(), points[:, :1], points[:, -1:]
    ends, end_slopes = spline_tables(splines, torch.cat([low, high], dim=1), True)
    assert end_slopes is not None
    beyond, _ = spline_tables(splines, torch.cat([low - 0.7, high + 0.7], dim=1), with_slopes)
    away = torch.tensor([-0.7, 0.7], dtype=torch.float64)
    torch.testing.assert_close(beyond, ends + end_slopes * splines.slope_scale * away, rtol=0, atol=1e-9)


def powers_of(basis: BSplineBasis) -> PowerSplines | None:
    splines = basis.splines()
    return splines.powers if isinstance(splines, CardinalSplines) else None


@pytest.fixture(params=["by the basis", "by powers"])
def way(request, monkeypatch):
    """Both ways to the same sum, whatever the sizes."""
    monkeypatch.setattr(edge_sum, "_suits_powers", lambda x, coef: request.param == "by powers")
    return request.param


@pytest.mark.parametrize("with_slopes", [False, True])
@pytest.mark.parametrize("beyond", [0.0, 0.3])
@pytest.mark.parametrize("grid_size", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("order", PowerSplines.ORDERS)
def test_powers_span_the_same_splines(order, grid_size, beyond, with_slopes, monkeypatch):
    monkeypatch.setattr(spline_tables_module, "_NUMBERS_PER_BLOCK", 500)
    points = torch.linspace(-1, 2, grid_size + 1, dtype=torch.float64) * torch.tensor([[1.0], [1e3]]).double()
    basis, x = BSplineBasis(points, order), points_in(points, 203, beyond)
    powers = powers_of(basis)
    assert powers is not None
    functions, slopes = spline_tables(powers, x.T, with_slopes)
    functions[:, 0] = 1.0
    expected = basis.values(x).permute(1, 2, 0)
    torch.testing.assert_close(powers.to_powers @ functions, expected, rtol=0, atol=1e-13)
    assert (slopes is not None) == with_slopes
    if slopes is not None:
        constant, linear = torch.zeros_like(slopes[:, :1]), torch.ones_like(slopes[:, :1])
        found = powers.to_powers @ (torch.cat([constant, linear, slopes], dim=1) * powers.slope_scale.unsqueeze(-1))
        torch.testing.assert_close(found, basis.derivatives(x).permute(1, 2, 0), rtol=0, atol=1e-12)


def test_powers_are_left_where_digits_would_be_lost():
    def basis_of(grid_size: int, order: int) -> BSplineBasis:
        return BSplineBasis(torch.linspace(-1, 1, grid_size + 1).expand(1, -1), order)

    assert powers_of(basis_of(6, 3)) is None
    assert powers_of(basis_of(5, 4)) is None
    x = torch.linspace(-1, 1, 4001)
    for order in PowerSplines.ORDERS:
        basis, powers = basis_of(5, order), powers_of(basis_of(5, order))
        assert powers is not None
        functions, _ = spline_tables(powers, x[None], False)
        functions[:, 0] = 1.0
        oracle = BSpline(basis.grid[0].double().numpy(), np.eye(5 + order), order)(x.double().numpy())
        found = (powers.to_powers @ functions[0]).T
        assert np.abs(found.numpy() - oracle).max() < 25 * torch.finfo(torch.float32).eps


@pytest.fixture
def taken(monkeypatch) -> list[str]:
    """What made the sums."""
    taken: list[str] = []
    for name in ("sum_by_basis", "sum_by_powers"):
        function = getattr(edge_sum, name)
        monkeypatch.setattr(edge_sum, name, lambda *a, f=function, n=name: taken.append(n) or f(*a))
    return taken


def test_which_way_is_taken(taken, monkeypatch):
    for rows, grid_size in ((1000, 5), (1000, 6), (40, 5)):  # many rows; a longer grid; a small table
        KANLayer(32, 8, grid_size=grid_size)(numbers(rows, 32, dtype=torch.float32).clamp(-1, 1).requires_grad_())
    KANLayer(300, 8)(numbers(31, 300, dtype=torch.float32).clamp(-1, 1).requires_grad_())
    monkeypatch.setattr(edge_sum, "_NUMBERS_SAVED", 2**17)  # too large to be kept
    KANLayer(32, 8)(numbers(1000, 32, dtype=torch.float32).clamp(-1, 1).requires_grad_())
    assert taken == ["sum_by_powers", "sum_by_basis", "sum_by_basis", "sum_by_basis", "sum_by_basis"]


def in_single_and_double(layer: KANLayer, x: Tensor) -> list[list[Tensor]]:
    """Outputs and gradients in rows, coefficients and base weights, of the layer and of the same in float64."""
    found = []
    for dtype in (torch.float32, torch.float64):
        same, rows = copy.deepcopy(layer).to(dtype), x.to(dtype).requires_grad_()
        out = same(rows)
        outer = numbers(*out.shape, seed=7, dtype=torch.float32).to(dtype)
        found.append([out.detach(), *torch.autograd.grad(out, [rows, same.coef, same.base_weight], outer)])
    return found


@pytest.mark.parametrize(("low", "high"), [(-1.0, 1.0), (1000.0, 1001.7), (-1e-9, 1e-9), (1e9, 1e9 + 2e6)])
def test_powers_in_single_precision(low, high, taken):
    layer = KANLayer(16, 8, grid_range=(low, high), generator=torch.Generator().manual_seed(0))
    x = low + (high - low) * torch.rand(1500, 16, generator=torch.Generator().manual_seed(0))
    single, double = in_single_and_double(layer, x)
    assert taken[0] == "sum_by_powers"
    for one, other, most in zip(single, double, (2e-6, 3e-6, 3e-5, 2e-6), strict=True):
        assert float((one - other).norm() / other.norm()) < most * (8 if low == 1000.0 else 1)


def test_where_no_row_is_a_coefficient_stays(taken):
    # Adam would take a step of its usual length after any gradient that is not 0, as rounding leaves.
    share = torch.rand(1500, 16, generator=torch.Generator().manual_seed(0))
    apart = torch.where(share < 0.5, share * 0.3 - 1, share * 0.3 + 0.7)
    for order, x in ((3, 0.68 + 0.3 * share), (3, -0.98 + 0.3 * share), (2, apart)):
        layer = KANLayer(16, 8, spline_order=order)
        (gradient,) = torch.autograd.grad(layer(x).sum(), layer.coef)
        expected = layer.basis.values(x).sum(0)
        assert bool((expected == 0).any())
        assert torch.equal(gradient[0] == 0, expected == 0)
    assert taken == ["sum_by_powers"] * 3


@pytest.mark.parametrize("far", [1e2, -1e6, torch.nan, torch.inf])
def test_a_row_far_beyond_the_range_costs_the_others_no_digits(far, taken):
    layer, x = KANLayer(16, 8), torch.rand(1500, 16, generator=torch.Generator().manual_seed(0))
    near = layer(x)
    x[3, 2] = far
    torch.testing.assert_close(layer(x)[:3], near[:3])
    assert taken == ["sum_by_powers", "sum_by_powers", "sum_by_basis"]


@pytest.mark.parametrize("needed", range(1, 8))
def test_whatever_is_frozen_the_others_get_their_gradients(needed, way):
    layer, x = KANLayer(3, 2, dtype=torch.float64), numbers(40, 3).clamp(-1.1, 1.1)
    tensors = [tensor for place, tensor in enumerate((x, layer.coef, layer.base_weight)) if needed >> place & 1]
    layer.requires_grad_(False)
    for tensor in tensors:
        tensor.requires_grad_()
    found = torch.autograd.grad(layer(x).square().sum(), tensors)
    expected = torch.autograd.grad(layer.combine(layer.features(x), x).square().sum(), tensors)
    torch.testing.assert_close(found, expected)


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning")  # torch, forward mode
def test_derivatives_against_differences(way):
    layer, x = KANLayer(3, 2, dtype=torch.float64), numbers(9, 3).clamp(-1.1, 1.1).requires_grad_()
    tensors = (x, layer.coef.detach().requires_grad_(), layer.base_weight.detach().requires_grad_())

    assert isinstance(layer.basis, BSplineBasis)
    basis = layer.basis

    def function(x: Tensor, coef: Tensor, base_weight: Tensor) -> Tensor:
        return edge_sum.edge_sum(x, coef, base_weight, "silu", basis)

    assert torch.autograd.gradcheck(function, tensors, check_batched_grad=True, check_forward_ad=True)
    assert torch.autograd.gradgradcheck(function, tensors)
    value = torch.func.jvp(lambda rows: function(rows, *tensors[1:]), (x,), (torch.ones_like(x),))[0]
    (found,) = torch.autograd.grad(value.sum(), x)
    torch.testing.assert_close(found, torch.autograd.grad(function(*tensors).sum(), x)[0])


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning")  # torch, forward mode
def test_what_a_transform_leaves_behind_keeps_its_derivative(way):
    layer, x, kept = KANLayer(3, 2, dtype=torch.float64), numbers(9, 3).requires_grad_(), []

    def function(rows: Tensor) -> Tensor:
        kept.append(rows * 2)
        return rows.sum()

    torch.func.grad(function)(x)
    (found,) = torch.autograd.grad(layer(kept[0]).sum(), x)
    torch.testing.assert_close(found, torch.autograd.grad(layer(2 * x).sum(), x)[0])


@pytest.mark.parametrize("order", [2, 3, 5])
def test_float32_is_exact_to_rounding(order):
    basis = BSplineBasis(torch.linspace(-1, 1, 6).expand(1, -1), order)
    x = torch.linspace(-1, 1, 4001)
    oracle = BSpline(basis.grid[0].double().numpy(), np.eye(5 + order), order)(x.double().numpy())
    functions = spline_tables(basis.splines(), x[None], with_slopes=False)[0][0]
    assert np.abs(functions.T.numpy() - oracle).max() < 1e-6
    torch.testing.assert_close(functions.sum(0), torch.ones(4001), rtol=0, atol=1e-6)


@settings(max_examples=80, deadline=None)
@given(
    st.integers(1, 4), st.integers(1, 3), st.integers(1, 7), st.integers(1, 4), st.booleans(),
    st.sampled_from(["silu", "identity", "none"]), st.booleans(), st.booleans(),
)  # fmt: skip
def test_equals_plain_operations(n_in, n_out, grid_size, order, even, base_function, in_parts, in_powers):
    gaps = torch.ones(n_in, grid_size, dtype=torch.float64) if even else 0.2 + numbers(n_in, grid_size).abs()
    points = torch.cumsum(torch.cat([numbers(n_in, 1), gaps], dim=1), dim=1)
    basis = BSplineBasis(points, order)
    # No point on a knot, where the slope of a polygon is a matter of rounding.
    x = (points_in(points, 23, beyond=0.1 if in_powers else 0.5) + 1e-4).requires_grad_()
    coef = numbers(n_out, n_in, basis.n_basis, seed=1).requires_grad_()
    base_weight = None if base_function == "none" else numbers(n_out, n_in, seed=2).requires_grad_()
    wanted = [x, coef] if base_weight is None else [x, coef, base_weight]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(edge_sum, "_suits_powers", lambda x, coef: in_powers)
        if in_parts:
            patch.setattr(edge_sum, "_NUMBERS_SAVED", 0)
            patch.setattr(edge_sum, "_NUMBERS_PER_PART", 5 * n_in * basis.n_basis)
        fast = edge_sum.edge_sum(x, coef, base_weight, base_function, basis)
        plain = edge_sum.edge_sum_by_operations(x, coef, base_weight, base_function, basis)
        torch.testing.assert_close(fast, plain, rtol=1e-10, atol=1e-10)
        outer = numbers(*plain.shape, seed=3)
        found = torch.autograd.grad(fast, wanted, outer)
        torch.testing.assert_close(found, torch.autograd.grad(plain, wanted, outer), rtol=1e-9, atol=1e-9)


def test_residual_of_a_differential_equation_equals_the_written_out_one(way):
    # u'' + u' u of a network of two layers: by the layer's own derivatives, and by the chain rule on edge curves.
    network = KAN((1, 3, 1), dtype=torch.float64)
    x = points_in(torch.tensor([[-1.4, 1.3]], dtype=torch.float64), 40).requires_grad_()
    u = network(x)
    (first,) = torch.autograd.grad(u.sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), x, create_graph=True)
    residual = second + first * u
    hidden = network.layer(0)(x.detach())
    step = 1e-5
    inner = network.layer(0).edge_slopes(x.detach())[..., 0]
    outer = network.layer(1).edge_slopes(hidden)[:, 0]
    inner_second = (
        network.layer(0).edge_slopes(x.detach() + step) - network.layer(0).edge_slopes(x.detach() - step)
    )[..., 0] / (2 * step)
    outer_second = (
        network.layer(1).edge_slopes(hidden + step) - network.layer(1).edge_slopes(hidden - step)
    )[:, 0] / (2 * step)
    expected = (outer_second * inner**2 + outer * inner_second).sum(1, keepdim=True)
    expected = expected + (outer * inner).sum(1, keepdim=True) * u
    torch.testing.assert_close(residual, expected, rtol=1e-5, atol=1e-5)
    parameters = [network.layer(0).coef, network.layer(1).coef]
    assert all(bool(part.any()) for part in torch.autograd.grad(residual.square().mean(), parameters))


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning")  # torch, forward mode
def test_function_transforms_see_the_same_layer(way):
    layer = KANLayer(2, 3, dtype=torch.float64)
    x = points_in(torch.tensor([[-1.0, 1.0], [-1.0, 1.0]], dtype=torch.float64), 5, beyond=0.2)
    expected = layer.input_jacobian(x)
    torch.testing.assert_close(torch.func.vmap(torch.func.jacrev(layer))(x), expected)
    torch.testing.assert_close(torch.func.vmap(layer)(x.unsqueeze(1)).squeeze(1), layer(x))
    torch.testing.assert_close(torch.func.grad(lambda rows: layer(rows).sum())(x), expected.sum(1))
    torch.testing.assert_close(torch.func.vmap(torch.func.jacfwd(layer))(x), expected)
    second = torch.func.hessian(lambda row: layer(row).sum())(x[2])
    torch.testing.assert_close(second, torch.autograd.functional.hessian(lambda row: layer(row).sum(), x[2]))


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning")  # torch, forward mode
def test_derivatives_along_directions_in_all_arguments(way):
    layer = KANLayer(2, 3, dtype=torch.float64)
    start, along = dict(layer.named_parameters()), {name: numbers(*p.shape) for name, p in layer.named_parameters()}
    x, move = numbers(6, 2, seed=4), numbers(6, 2, seed=5)

    def at(step: float) -> Tensor:
        moved = {name: value.detach() + step * along[name] for name, value in start.items()}
        return torch.func.functional_call(layer, moved, (x + step * move,))

    found = torch.func.jvp(at, (torch.zeros((), dtype=torch.float64),), (torch.ones((), dtype=torch.float64),))[1]
    torch.testing.assert_close(found, (at(1e-6) - at(-1e-6)) / 2e-6, rtol=1e-6, atol=1e-6)


def test_only_what_needs_a_gradient_gets_one(way):
    layer, x = KANLayer(2, 3), torch.rand(5, 2)
    layer(x).sum().backward()
    assert x.grad is None
    assert layer.coef.grad is not None
    layer.requires_grad_(False)
    x.requires_grad_()
    layer(x).sum().backward()
    assert x.grad is not None
    assert not layer(x.detach()).requires_grad


@pytest.mark.parametrize("base_function", ["silu", "identity", "none"])
def test_parameters_get_the_same_gradients_whether_or_not_the_rows_need_one(base_function, way):
    layer, x = KANLayer(3, 2, base_function=base_function, dtype=torch.float64), numbers(40, 3)
    parameters = [p for p in (layer.coef, layer.base_weight) if p.requires_grad]
    found = []
    for rows in (x, x.clone().requires_grad_()):
        out = layer(rows)
        first = torch.autograd.grad(out.pow(3).sum(), parameters, create_graph=True)
        size = torch.cat([one.flatten() for one in first]).square().sum()
        found.append((out, *first, *torch.autograd.grad(size, parameters)))
    torch.testing.assert_close(*found)


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning")  # torch, forward mode
def test_a_direction_in_the_rows_alone_is_followed(way):
    layer, x, along = KANLayer(3, 2, dtype=torch.float64), numbers(20, 3), numbers(20, 3, seed=1)
    with forward_ad.dual_level():
        tangent = forward_ad.unpack_dual(layer(forward_ad.make_dual(x, along))).tangent
    torch.testing.assert_close(tangent, (layer.input_jacobian(x) * along.unsqueeze(1)).sum(-1))


@pytest.mark.parametrize("rows", [0, 1])
def test_few_rows(rows, way):
    layer, x = KANLayer(3, 2), torch.rand(rows, 3, requires_grad=True)
    before = x.detach().clone()
    layer(x).sum().backward()
    assert x.grad is not None
    assert x.grad.shape == (rows, 3)
    assert torch.equal(x.detach(), before)


@pytest.mark.parametrize("columns", [1, 3])
def test_the_rows_are_not_written_to(columns, way):
    layer, x = KANLayer(columns, 2), torch.rand(7, columns)
    before = x.clone()
    layer(x)
    assert torch.equal(x, before)


def test_infinite_rows_do_not_hide(way):
    layer = KANLayer(2, 1)
    assert not torch.isfinite(layer(torch.tensor([[torch.nan, 0.0]]))).any()
    assert not torch.isfinite(layer(torch.tensor([[torch.inf, 0.0]]))).any()


def test_a_new_grid_and_a_pruned_edge_are_noticed(way):
    layer, x = KANLayer(2, 1, dtype=torch.float64), numbers(9, 2)
    layer(x)
    with torch.no_grad():
        layer.basis.grid[1, 5] += 0.05
        layer.spline_mask[0, 0] = False
    expected = layer.combine(layer.features(x), x)
    torch.testing.assert_close(layer(x), expected)
    assert not torch.equal(layer(x), KANLayer(2, 1, dtype=torch.float64)(x))
    layer.spline_mask[0, 0] = True
    layer.load_state_dict(KANLayer(2, 1, dtype=torch.float64).state_dict())
    assert torch.equal(layer(x), KANLayer(2, 1, dtype=torch.float64)(x))


def test_a_memory_counts_writes_and_is_empty_in_copies():
    looks = []

    def look(tensor: Tensor) -> float:
        looks.append(1)
        return float(tensor.sum())

    memory, tensor = Remembered(look), torch.ones(2)
    assert [memory(tensor), memory(tensor), len(looks)] == [2.0, 2.0, 1]
    tensor += 1
    assert [memory(tensor), len(looks)] == [4.0, 2]
    assert [copy.deepcopy(memory)(tensor), len(looks)] == [4.0, 3]
    assert memory(torch.ones(2)) == 2.0
    with torch.inference_mode():
        uncounted = torch.ones(2)
    assert memory(uncounted) == 2.0
    layer = pickle.loads(pickle.dumps(KANLayer(2, 1)))
    assert layer(torch.zeros(1, 2)).shape == (1, 1)


def test_bfloat16_and_autocast_run_near():
    layer, x = KANLayer(3, 2), torch.rand(50, 3) * 2 - 1
    exact = layer(x)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = layer(x)
    assert mixed.dtype == torch.bfloat16
    mixed.float().sum().backward()
    assert (mixed.float() - exact).abs().max() < 0.02
    low = copy.deepcopy(layer).bfloat16()(x.bfloat16())
    assert low.dtype == torch.bfloat16
    assert (low.float() - exact).abs().max() < 0.05


@pytest.mark.parametrize("basis", ["bspline", "rswaf"])
def test_exports(basis):
    model = nn.Sequential(KANLayer(3, 4, basis=basis), KANLayer(4, 2, basis=basis, product_nodes=1))
    x = torch.rand(7, 3)
    program = torch.export.export(model, (x,), dynamic_shapes=({0: torch.export.Dim("rows")},))
    torch.testing.assert_close(program.module()(torch.cat([x, x])), model(torch.cat([x, x])))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of torch, within inductor
@pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")
def test_compiled_it_gives_the_same():
    torch.compiler.reset()
    layer, x = KANLayer(3, 2), torch.rand(7, 3) * 3 - 1.5
    with torch.no_grad():
        torch.testing.assert_close(torch.compile(layer, fullgraph=True)(x), layer(x))


@pytest.mark.slow
def test_traced_in_one_piece_with_derivatives():
    torch.compiler.reset()
    model = nn.Sequential(KANLayer(3, 4), KANLayer(4, 2, basis="rbf"), KANLayer(2, 1, product_nodes=1))
    x = (torch.rand(7, 3) * 3 - 1.5).requires_grad_()
    compiled = torch.compile(model, backend="aot_eager", fullgraph=True)
    torch.testing.assert_close(compiled(x), model(x))
    (found,), (expected,) = (torch.autograd.grad(run(x).square().sum(), x) for run in (compiled, model))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")  # of torch, within its exporter
@pytest.mark.parametrize("basis", ["bspline", "rbf", "rswaf", "chebyshev"])
def test_exports_to_onnx(basis):
    reference = pytest.importorskip("onnx.reference")
    pytest.importorskip("onnxscript")
    layers = KANLayer(3, 4, basis=basis), KANLayer(4, 2, basis=basis, product_nodes=1)
    model, x = nn.Sequential(*layers).eval(), numbers(7, 3, dtype=torch.float32).clamp(-1.5, 1.5)
    rows = torch.export.Dim("rows")
    program = torch.onnx.export(model, (x,), dynamo=True, verbose=False, dynamic_shapes=({0: rows},))
    assert program is not None
    session, more = reference.ReferenceEvaluator(program.model_proto), torch.cat([x, -x])
    (found,) = session.run(None, {session.input_names[0]: more.numpy()})
    np.testing.assert_allclose(found, model(more).detach().numpy(), rtol=1e-5, atol=1e-4)  # of numbers up to 50


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("basis", ["bspline", "rbf", "rswaf", "chebyshev"])
@pytest.mark.parametrize("rows", [300, 2000])
def test_the_same_on_a_gpu(basis, rows):
    layer = KANLayer(5, 4, basis=basis, dtype=torch.float64)
    x = numbers(rows, 5).requires_grad_()
    there = copy.deepcopy(layer).to("cuda")
    moved = x.detach().to("cuda").requires_grad_()
    layer(x).square().sum().backward()
    there(moved).square().sum().backward()
    torch.testing.assert_close(there(moved).cpu(), layer(x))
    assert moved.grad is not None
    torch.testing.assert_close(moved.grad.cpu(), x.grad)
    assert there.coef.grad is not None
    torch.testing.assert_close(there.coef.grad.cpu(), layer.coef.grad)
