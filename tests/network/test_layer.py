"""The layer: a torch module that drops in, and whose matrix product equals the sum over edges."""

import io

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from kansym.errors import DataError, ParameterError
from kansym.library import Library
from kansym.network import KAN, KANLayer
from kansym.network.products import product_of_others

seeds = st.integers(0, 10_000)


@settings(max_examples=30, deadline=None)
@given(seeds)
def test_nodes_are_sums_and_products_of_edges(random_network, rows, seed):
    layer = random_network(seed, (3, 4)).layer(0)
    x = rows(seed, 6, 3)
    edges = layer.edge_values(x)
    expected = torch.where(layer.product_mask, edges.prod(-1), edges.sum(-1))
    torch.testing.assert_close(layer(x), expected, rtol=1e-12, atol=1e-12)


@settings(max_examples=20, deadline=None)
@given(seeds)
def test_input_jacobian_equals_autograd(random_network, rows, seed):
    layer = random_network(seed, (3, 4)).layer(0)
    x = rows(seed, 5, 3)
    expected = torch.autograd.functional.jacobian(lambda z: layer(z).sum(0), x).transpose(0, 1)
    torch.testing.assert_close(layer.input_jacobian(x).detach(), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("base_function", ["silu", "identity", "none"])
@pytest.mark.parametrize("basis", ["bspline", "rbf", "rswaf", "chebyshev"])
def test_twice_differentiable(rows, basis, base_function, generator):
    layer = KANLayer(
        2, 3, basis=basis, base_function=base_function, product_nodes=1, generator=generator, dtype=torch.float64
    )
    x = rows(0, 4, 2).requires_grad_()
    assert torch.autograd.gradcheck(layer, x)
    assert torch.autograd.gradgradcheck(layer, x)


def test_any_batch_shape_and_default_dtype():
    layer = KANLayer(3, 2, product_nodes=1)
    assert layer.coef.dtype == torch.get_default_dtype()
    x = torch.rand(2, 5, 4, 3)
    torch.testing.assert_close(layer(x).reshape(-1, 2), layer(x.reshape(-1, 3)))
    assert layer(x[0, 0, 0]).shape == (2,)
    assert layer(x[:0]).shape == (0, 5, 4, 2)


def test_drops_into_a_torch_model(rows):
    model = nn.Sequential(nn.Linear(4, 3), KANLayer(3, 2), nn.Tanh(), KANLayer(2, 1)).double()
    optimiser = torch.optim.SGD(model.parameters(), lr=1e-2)
    x = rows(0, 50, 4)
    losses = []
    for _ in range(20):
        optimiser.zero_grad()
        loss = (model(x) - x[:, :1]).square().mean()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0]


def test_state_dict_round_trip_keeps_edge_kinds_without_pickled_code(random_network, rows):
    network = random_network(3, (3, 4, 2))
    file = io.BytesIO()
    torch.save(network.state_dict(), file)
    file.seek(0)
    fresh = KAN((3, 4, 2), dtype=torch.float64)
    fresh.load_state_dict(torch.load(file, weights_only=True))
    x = rows(0, 9, 3)
    assert torch.equal(fresh(x), network(x))
    assert [fresh.edge_state(index) for index in fresh.edges()] == [network.edge_state(i) for i in network.edges()]


def test_to_moves_everything(random_network, rows):
    network = random_network(1, (2, 3, 1)).to(torch.float32)
    assert network(rows(0, 4, 2).float()).dtype == torch.float32
    assert network.layer(0).basis.grid.dtype == torch.float32
    assert network.layer(0).spline_mask.dtype == torch.bool


def test_no_global_state_is_touched():
    before = torch.get_rng_state(), torch.get_default_dtype(), torch.get_num_threads()
    first, second = KAN((2, 3, 1)), KAN((2, 3, 1))
    assert torch.equal(before[0], torch.get_rng_state())
    assert before[1:] == (torch.get_default_dtype(), torch.get_num_threads())
    assert torch.equal(first.layer(0).coef, second.layer(0).coef)
    assert not torch.equal(first.layer(0).coef[0], first.layer(0).coef[1])


def test_pruned_node_is_neutral():
    layer = KAN((1, 2), product_nodes=(1,)).prune_edge((0, 0, 0)).prune_edge((0, 1, 0)).layer(0)
    torch.testing.assert_close(layer(torch.rand(3, 1)), torch.tensor([[0.0, 1.0]]).expand(3, 2))


def test_product_of_others_with_zeros():
    factors = torch.tensor([[2.0, 3.0, 4.0], [0.0, 3.0, 4.0], [0.0, 0.0, 4.0]])
    expected = torch.tensor([[12.0, 8.0, 6.0], [12.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    assert torch.equal(product_of_others(factors), expected)


def test_unknown_function_in_state_is_named():
    layer = KANLayer(1, 1)
    with pytest.raises(ParameterError, match="library must hold"):
        layer.set_extra_state({"0,0": "cube"}, Library(["sin"]))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"grid_size": 0}, "grid_size must be an integer >= 1, got 0"),
        ({"spline_order": 2.5}, "spline_order must be an integer >= 1, got 2.5"),
        ({"basis": "wavelet"}, "basis must be one of"),
        ({"base_function": "relu"}, "base_function must be one of"),
        ({"product_nodes": 3}, "product_nodes must be at most out_features = 1, got 3"),
        ({"grid_range": (1.0, -1.0)}, "grid_range must be"),
    ],
)
def test_wrong_parameters(options, message):
    with pytest.raises(ParameterError, match=message):
        KANLayer(2, 1, **options)


def test_wrong_columns():
    with pytest.raises(DataError, match=r"x must be a tensor of shape \(\.\.\., 2\), got \(5, 3\)"):
        KANLayer(2, 1)(torch.rand(5, 3))


@pytest.mark.parametrize(("options", "per_edge", "per_input"), [
    ({}, 9, 0),
    ({"base_function": "none", "grid_size": 7}, 10, 0),
    ({"basis": "rbf", "normalise": True}, 9, 2),
])  # fmt: skip
def test_parameter_count_is_the_formula(options, per_edge, per_input):
    layer = KANLayer(4, 5, **options)
    assert layer.n_parameters == 4 * 5 * per_edge + 4 * per_input
    trained = [p for name, p in layer.named_parameters() if name != "affine" and p.requires_grad]
    assert sum(p.numel() for p in trained) == layer.n_parameters


@pytest.mark.parametrize("basis", ["rbf", "rswaf"])
def test_normalisation_is_that_of_torch_and_has_no_edges(basis):
    layer, plain = KANLayer(3, 2, basis=basis, normalise=True), KANLayer(3, 2, basis=basis)
    x = torch.rand(6, 3)
    normalised = nn.functional.layer_norm(x, (3,))
    features = torch.cat([nn.functional.silu(x).unsqueeze(-1), plain.basis.values(normalised)], dim=-1)
    torch.testing.assert_close(layer(x), plain.combine(features, x))
    # Moving one input changes what every edge sends.
    assert bool((layer.features(x + torch.tensor([1.0, 0.0, 0.0]))[:, 1:, 1:] != layer.features(x)[:, 1:, 1:]).any())
    for ask in (layer.edge_values, layer.edge_slopes, layer.input_jacobian):
        with pytest.raises(ParameterError, match="normalise must be False for edge functions"):
            ask(x)
    with pytest.raises(ParameterError, match="normalise must be False in a KAN"):
        KAN((3, 2), basis=basis, normalise=True)
    with pytest.raises(ParameterError, match="normalise must be False for in_features = 1"):
        KANLayer(1, 2, basis=basis, normalise=True)


@pytest.mark.parametrize("basis", ["bspline", "rswaf"])
def test_edge_deviations_are_those_of_the_edge_values(rows, basis, generator):
    layer = KANLayer(3, 4, basis=basis, generator=generator, dtype=torch.float64)
    with torch.no_grad():
        layer.coef[0, 0] = 0.0
        layer.base_weight[0, 0] = 0.0
    layer.spline_mask[2, 1] = False
    x = rows(0, 300, 3)
    expected = layer.edge_values(x).std(0, correction=0)
    torch.testing.assert_close(layer.edge_deviations(x), expected, rtol=1e-9, atol=1e-12)
    layer.edge_deviations(x).sum().backward()
    assert layer.coef.grad is not None
    assert torch.isfinite(layer.coef.grad).all()
    assert not layer.coef.grad[0, 0].any()


def test_edge_deviations_form_nothing_of_rows_times_edges():
    sizes = []

    class Sizes(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, function, types, args=(), kwargs=None):
            result = function(*args, **(kwargs or {}))
            sizes.append(result.numel() if isinstance(result, torch.Tensor) else 0)
            return result

    layer, x = KANLayer(6, 50), torch.rand(400, 6)
    with Sizes():
        layer.edge_deviations(x)
    assert max(sizes) <= 400 * 6 * 9
