"""What torch traces, transforms or swaps the tensors of is the layer as it is now, not as it was."""

import copy
import pickle

import pytest
import torch
from torch.func import functional_call, grad, hessian, jacfwd, jacrev, stack_module_state, vmap

from kansym.network import KAN, KANLayer, load_quantised_state, quantised_state, stack

# Within torch's forward mode, which scripts its rules.
FORWARD_MODE = pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")


def edited(seed: int = 0) -> KAN:
    """Return a network with pruned edges and nodes of both kinds, which was never called."""
    generator = torch.Generator().manual_seed(seed)
    network = KAN((3, 4, 2), product_nodes=(2, 1), generator=generator, dtype=torch.float64)
    return network.prune_edge((0, 0, 0)).prune_edge((0, 3, 1)).prune_edge((1, 0, 2))


def loaded() -> KAN:
    network = KAN((3, 4, 2), dtype=torch.float64)
    network.load_state_dict(edited().state_dict())
    return network


def loaded_in_8_bits() -> KAN:
    network = KAN((3, 4, 2), dtype=torch.float64)
    load_quantised_state(network, quantised_state(edited()))
    return network


MAKERS = {
    "edited": edited,
    "snapped": lambda: edited().snap((0, 1, 1), "sin", a=2.0).snap((1, 1, 0), "x", c=0.5),
    "a state dict": loaded,
    "8 bits": loaded_in_8_bits,
    "a state": lambda: KAN.from_state(*edited().to_state()),
    "a pickle": lambda: pickle.loads(pickle.dumps(edited())),
    "a copy": lambda: edited().copy(),
    "stacked": lambda: stack([edited(), edited(1)]),
    "without dead nodes": lambda: edited().prune_edge((1, 0, 1)).prune_edge((1, 1, 1)).without_dead_nodes(),
}


@pytest.mark.parametrize("make", MAKERS.values(), ids=list(MAKERS))
def test_traced_before_any_call_it_is_the_network(rows, make):
    torch.compiler.reset()
    network, x = make(), rows(0, 6, 3)
    expected = copy.deepcopy(network)(x)
    program = torch.export.export(network, (x,)).module()
    compiled = torch.compile(make(), backend="eager", fullgraph=True)
    torch.testing.assert_close(program(x), expected, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(compiled(x), expected, rtol=1e-12, atol=1e-12)


def test_compiled_it_follows_what_is_loaded_later(rows):
    torch.compiler.reset()
    network, x = KAN((3, 4, 2), dtype=torch.float64), rows(0, 6, 3)
    compiled = torch.compile(network, backend="eager")
    compiled(x)
    network.load_state_dict(edited().state_dict())
    torch.testing.assert_close(compiled(x), edited()(x), rtol=1e-12, atol=1e-12)


@FORWARD_MODE
def test_derivatives_can_be_taken_again_and_again(rows):
    network, x = edited(), rows(0, 6, 3)
    found = [vmap(hessian(lambda v: network(v)[1]))(x) for _ in range(2)]
    again = x.clone().requires_grad_()
    (slope,) = torch.autograd.grad(network(again)[:, 1].sum(), again, create_graph=True)
    columns = [torch.autograd.grad(slope[:, i].sum(), again, retain_graph=True)[0] for i in range(3)]
    for hessians in found:
        torch.testing.assert_close(hessians, torch.stack(columns, dim=1))


@FORWARD_MODE
@pytest.mark.parametrize("derivative", [jacrev, jacfwd])
def test_the_grid_of_the_call_counts_not_that_of_the_module(rows, derivative):
    layer = KANLayer(3, 2, dtype=torch.float64)
    other = KANLayer(3, 2, grid_range=(-2.0, 2.0), dtype=torch.float64)
    state = {name: value for name, value in other.state_dict().items() if isinstance(value, torch.Tensor)}
    x = rows(0, 6, 3)
    found = vmap(derivative(lambda v: functional_call(layer, state, (v,))))(x)
    torch.testing.assert_close(found, other.input_jacobian(x).detach())
    again = x.clone().requires_grad_()
    called = functional_call(layer, state, (again,))
    (slope,) = torch.autograd.grad(called.sum(), again, create_graph=True)
    torch.testing.assert_close(slope.detach(), other.input_jacobian(x).sum(1).detach())


def test_the_product_nodes_of_the_call_count_not_those_of_the_module(rows):
    layer, x = KANLayer(3, 2, dtype=torch.float64), rows(0, 6, 3)
    other = KANLayer(3, 2, product_nodes=1, dtype=torch.float64)
    state = {name: value for name, value in other.state_dict().items() if isinstance(value, torch.Tensor)}
    for _ in range(2):
        found = vmap(jacrev(lambda v: functional_call(layer, state, (v,))))(x)
        torch.testing.assert_close(found, other.input_jacobian(x).detach())
        torch.testing.assert_close(functional_call(layer, state, (x,)), other(x))
        torch.testing.assert_close(vmap(jacrev(layer))(x), layer.input_jacobian(x).detach())
    torch.compiler.reset()
    program = torch.export.export(layer, (x,)).module()
    torch.testing.assert_close(program(x), layer(x))


def test_shapes_are_told_without_numbers():
    layer = KANLayer(3, 2, product_nodes=1)
    with torch.no_grad():
        assert layer.to("meta")(torch.rand(5, 3, device="meta")).shape == (5, 2)


def test_a_grid_written_to_before_the_derivative_is_an_error(rows):
    layer, x = KANLayer(3, 2, dtype=torch.float64), rows(0, 6, 3).requires_grad_()
    total = layer(x).sum()
    layer.basis.grid.mul_(2.0)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        total.backward()


def test_many_networks_in_one_call(rows):
    x = rows(0, 20, 3)
    networks = [edited(seed).prune_edge((0, 1, seed)).update_grids(x * (1 + seed)) for seed in range(3)]
    base, (parameters, buffers) = networks[0].copy(), stack_module_state(networks)  # type: ignore[arg-type]

    def loss(own, rest):
        return functional_call(base, (own, rest), (x,)).square().mean()

    found = vmap(lambda own, rest: functional_call(base, (own, rest), (x,)))(parameters, buffers)
    torch.testing.assert_close(found, torch.stack([network(x) for network in networks]))
    gradients = vmap(grad(loss))(parameters, buffers)
    for place, network in enumerate(networks):
        network(x).square().mean().backward()
        for name in ("layers.0.coef", "layers.1.base_weight"):
            torch.testing.assert_close(gradients[name][place], network.get_parameter(name).grad)


def test_autocast_takes_symbolic_edges_too(rows):
    network = edited().float().snap((0, 0, 1), "sin")
    layer, x = network.layer(0), rows(0, 6, 3).float()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = layer(x)
    assert (mixed - layer(x)).abs().max() < 0.05


def test_layers_are_made_on_the_meta_device_and_filled():
    with torch.device("meta"):
        layer = KANLayer(3, 2, product_nodes=1)
    assert layer.coef.is_meta
    source = KANLayer(3, 2, product_nodes=1)
    layer = layer.to_empty(device="cpu")
    layer.load_state_dict(source.state_dict())
    x = torch.rand(5, 3)
    assert torch.equal(layer(x), source(x))


def test_only_what_takes_part_wants_a_gradient():
    layer = KANLayer(4, 3)
    assert sum(own.numel() for own in layer.parameters() if own.requires_grad) == layer.n_parameters
    layer(torch.rand(5, 4)).sum().backward()
    assert all(own.grad is not None for own in layer.parameters() if own.requires_grad)
    snapped = KAN((2, 1)).snap((0, 0, 0), "sin")
    assert snapped.layer(0).affine.requires_grad
    back = snapped.unsnap((0, 0, 0), torch.rand(9, 2))
    assert not back.layer(0).affine.requires_grad
    back.load_state_dict(snapped.state_dict())
    assert back.layer(0).affine.requires_grad
