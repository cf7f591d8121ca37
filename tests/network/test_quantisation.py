"""Coefficients in 8 bits come back within the stated error."""

import io

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from kansym.errors import FileFormatError
from kansym.network import KAN, KANLayer, load_quantised_state, quantised_state

DTYPES = (torch.float32, torch.float64, torch.float16, torch.bfloat16)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), size=st.sampled_from([1e-30, 1e-3, 1.0, 1e20]), dtype=st.sampled_from(DTYPES))
def test_no_coefficient_and_no_edge_moves_by_more_than_stated(seed, size, dtype):
    generator = torch.Generator().manual_seed(seed)
    layer, back = KANLayer(3, 4, dtype=dtype), KANLayer(3, 4, dtype=dtype)
    if dtype == torch.float16:
        size = min(max(size, 1e-3), 1e2)  # of its range
    with torch.no_grad():
        layer.coef.copy_(torch.randn(layer.coef.shape, generator=generator, dtype=torch.float64) ** 3 * size)
        layer.coef[1, 2] = 0.0
    load_quantised_state(back, quantised_state(layer))
    largest = layer.coef.detach().double().abs().amax(-1)
    own = torch.finfo(dtype)
    bound = largest * (1 / 254 * (1 + 1e-4) + own.eps / 2) + own.smallest_normal * own.eps
    assert ((back.coef.double() - layer.coef.double()).detach().abs().amax(-1) <= bound).all()
    assert not back.coef[1, 2].any()
    if dtype.itemsize < 4:
        return  # the rounding of the curves is larger
    x = torch.rand(60, 3, generator=generator, dtype=dtype) * 2 - 1
    rounding = 1e-5 * (largest + 1.0 * layer.base_weight.detach().abs())
    assert ((back.edge_values(x) - layer.edge_values(x)).detach().abs().amax(0) <= bound + rounding).all()
    assert ((back(x) - layer(x)).detach().abs().amax(0) <= (bound + rounding).sum(1)).all()


def test_a_model_takes_a_quarter_and_survives_a_file():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(4, 20), KANLayer(20, 30, base_function="none"), KAN((30, 2), basis="rbf"))
        x = torch.rand(9, 4)
    file = io.BytesIO()
    torch.save(quantised_state(model), file)
    file.seek(0)
    state = torch.load(file, weights_only=True)
    assert state["1.coef"].dtype == state["2.layers.0.coef"].dtype == torch.int8
    other = nn.Sequential(nn.Linear(4, 20), KANLayer(20, 30, base_function="none"), KAN((30, 2), basis="rbf"))
    load_quantised_state(other, state)
    assert torch.equal(other[0](x), model[0](x))
    assert (other(x) - model(x)).std() < 0.05 * model(x).std()


def test_symbolic_edges_keep_their_numbers(random_network, rows):
    network = random_network(3, (3, 4, 2))
    other = network.copy()
    with torch.no_grad():
        for number in range(2):
            other.layer(number).coef.zero_()
            other.layer(number).affine.zero_()
    load_quantised_state(other, quantised_state(network))
    assert network.layer(1).functions
    assert torch.equal(other.layer(1).affine, network.layer(1).affine)
    x = rows(0, 20, 3)
    assert (other(x) - network(x)).abs().max() < 0.05 * network(x).abs().max()


def test_other_symbolic_edges_are_refused():
    plain, snapped = KAN((2, 3, 1)), KAN((2, 3, 1)).snap((0, 0, 0), "sin", a=2.0)
    for module, source in ((plain, snapped), (snapped, plain)):
        before = module(torch.ones(1, 2))
        with pytest.raises(FileFormatError, match=r"state must have the module's symbolic edges, got others in \w"):
            load_quantised_state(module, quantised_state(source))
        assert torch.equal(module(torch.ones(1, 2)), before)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: state.pop("coef_scale"), "state must hold coef in 8 bits and coef_scale"),
        (lambda state: state.update(coef=state["coef"].float()), "state must hold coef in 8 bits"),
        (lambda state: state.pop("base_weight"), "state must fit the module"),
        (lambda state: state.update(coef=state["coef"][:, :1]), "state must fit"),
    ],
)
def test_a_wrong_state_is_refused(change, message):
    state = quantised_state(KANLayer(2, 3))
    change(state)
    with pytest.raises(FileFormatError, match=message):
        load_quantised_state(KANLayer(2, 3), state)
