"""Several networks at once: the same numbers as each alone, in outputs, Jacobian, normal equations and training."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kansym.errors import DataError, ParameterError
from kansym.library import Library
from kansym.network import KAN, train, train_restarts
from kansym.network.jacobian import forward_record, jacobian
from kansym.network.network_stack import NetworkStack
from kansym.network.parameters import FreeParameters

topologies = st.lists(st.integers(1, 3), min_size=2, max_size=4).map(tuple)


def starts(widths, x, y, count=3, **options):
    """Networks of one topology whose grids, scalings and coefficients differ; one edge of each is pruned."""
    networks = []
    for seed in range(count):
        generator = torch.Generator().manual_seed(seed)
        network = KAN(widths, generator=generator, dtype=torch.float64, **options)
        network = network.fitted_to(x * (1.0 + 0.1 * seed), y, adaptivity=0.5)
        networks.append(network.prune_edge((0, 0, 0)) if widths[0] > 1 else network)
    return networks


@settings(max_examples=25, deadline=None)
@given(
    topologies,
    st.sampled_from(["bspline", "rbf", "rswaf", "chebyshev"]),
    st.sampled_from(["silu", "identity", "none"]),
    st.booleans(),
)
def test_outputs_and_jacobian_equal_those_of_each_network(rows, widths, basis, base_function, products):
    x, y = rows(0, 7, widths[0]), rows(1, 7, widths[-1])
    product_nodes = [width // 2 if products else 0 for width in widths[1:]]
    networks = starts(widths, x, y, basis=basis, base_function=base_function, product_nodes=product_nodes)
    parameters = [FreeParameters.of(network) for network in networks]
    theta = torch.stack([own.read() for own in parameters])
    stack = NetworkStack.of(networks)
    outputs, slopes = stack.outputs_and_jacobian(theta, x)
    torch.testing.assert_close(stack.outputs(theta, x), outputs)
    some = stack.select(torch.tensor([2, 0]))
    torch.testing.assert_close(some.outputs(theta[[2, 0]], x), outputs[[2, 0]])
    for place, (network, own) in enumerate(zip(networks, parameters, strict=True)):
        record = forward_record(network, x)
        torch.testing.assert_close(outputs[place], record.outputs.detach(), rtol=1e-10, atol=1e-10)
        torch.testing.assert_close(slopes[place], jacobian(network, record, own), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("chunk", [4_000_000, 1000])
@pytest.mark.parametrize("validated", [False, True])
def test_training_together_equals_training_each_alone(rows, monkeypatch, chunk, validated):
    monkeypatch.setattr("kansym.network.objective._NUMBERS_PER_CHUNK", chunk)
    x = rows(2, 200, 2)
    y = torch.exp(torch.sin(3 * x[:, :1]) + x[:, 1:] ** 2)
    valid = (x[150:], y[150:]) if validated else None
    networks = starts((2, 3, 1), x, y, product_nodes=(1, 0))
    options = {"max_iterations": 12, "smoothing": 1e-6, "validation": valid, "sample_weight": 0.5 + x[:, 0] ** 2}
    together = train_restarts(networks, x, y, **options)
    for network, result in zip(networks, together, strict=True):
        alone = train(network, x, y, **options)
        assert result.reason == alone.reason
        assert [step.damping for step in result.history] == pytest.approx([step.damping for step in alone.history])
        losses = [step.loss for step in result.history]
        assert losses == pytest.approx([step.loss for step in alone.history], rel=1e-4)
        assert result.loss == pytest.approx(alone.loss, rel=1e-4)
        assert (result.validation_loss is not None) == validated
        if validated:
            assert result.validation_loss == pytest.approx(alone.validation_loss, rel=1e-4)
        torch.testing.assert_close(result.network(x), alone.network(x), rtol=1e-3, atol=1e-3)


def test_every_start_ends_by_itself(rows):
    x = rows(3, 60, 1)
    y = x**2
    done = train(KAN((1, 1), dtype=torch.float64), x, y, tolerance=1e-9).network
    fresh = KAN((1, 1), dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    first, second = train_restarts([done, fresh], x, y, tolerance=1e-9)
    assert len(first.history) < len(second.history)
    assert first.reason.startswith("converged")
    assert second.loss < 1e-10


def test_networks_given_are_unchanged_and_their_types_kept(rows):
    x = rows(4, 50, 1)
    networks = [KAN((1, 1)), KAN((1, 1), dtype=torch.float64)]
    before = [network.layer(0).coef.clone() for network in networks]
    results = train_restarts(networks, x, x**2, max_iterations=3)
    assert [result.network.layer(0).coef.dtype for result in results] == [torch.float32, torch.float64]
    assert all(torch.equal(network.layer(0).coef, coef) for network, coef in zip(networks, before, strict=True))
    stopped = train_restarts(networks, x, x**2, should_stop=lambda: True)
    assert [result.reason for result in stopped] == ["stopped on request"] * 2


def test_a_deadline_is_kept_within_a_pass_over_the_rows(rows, monkeypatch):
    monkeypatch.setattr("kansym.network.objective._NUMBERS_PER_CHUNK", 1000)
    x = rows(3, 20_000, 2)
    y = x[:, :1] * x[:, 1:]
    asked = []

    def should_stop():
        asked.append(1)
        return len(asked) > 3

    networks = starts((2, 3, 1), x, y)
    results = train_restarts(networks, x, y, should_stop=should_stop)
    assert len(asked) == 4  # of hundreds of chunks
    assert [result.reason for result in results] == ["stopped on request"] * 3
    for network, result in zip(networks, results, strict=True):
        assert result.loss == pytest.approx(float((network(x) - y).square().mean().detach()))


def test_wrong_use(rows):
    x = rows(5, 20, 1)
    with pytest.raises(ParameterError, match="networks must hold at least one network, got none"):
        train_restarts([], x, x)
    with pytest.raises(ParameterError, match="networks must have equal widths, bases, product nodes"):
        train_restarts([KAN((1, 1)), KAN((1, 2, 1))], x, x)
    with pytest.raises(ParameterError, match="networks must have spline and pruned edges only"):
        train_restarts([KAN((1, 1)).snap((0, 0, 0), Library(["sin"])["sin"])], x, x)
    with pytest.raises(DataError, match="X must be a tensor of shape"):
        train_restarts([KAN((2, 1))], x, x)
