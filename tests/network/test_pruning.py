"""Pruning: attribution sums up, needless parts go, needed ones stay, and pruning twice is pruning once."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kansym.network import KAN, attribute, prune, pruning, train
from kansym.network.surgery import reaches_inputs


def target(x: torch.Tensor) -> torch.Tensor:
    return torch.exp(torch.sin(math.pi * x[:, :1]) + x[:, 1:2] ** 2)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.lists(st.integers(1, 4), min_size=2, max_size=4).map(tuple))
def test_attribution_is_shared_out(random_network, rows, seed, widths):
    network = random_network(seed, widths, prune_share=0.1)
    result = attribute(network, rows(seed, 50, widths[0]))
    assert [tuple(nodes.shape) for nodes in result.nodes] == [(width,) for width in widths]
    assert torch.equal(result.nodes[-1], torch.ones(widths[-1], dtype=torch.float64))
    for edges, receiving, sending in zip(result.edges, result.nodes[1:], result.nodes[:-1], strict=True):
        assert (edges >= 0).all()
        assert (edges.sum(1) <= receiving + 1e-12).all()
        torch.testing.assert_close(edges.sum(0), sending)


def test_attribution_ignores_units_and_sees_products(rows):
    x = rows(0, 500, 3)
    network = KAN((3, 1), product_nodes=(1,), dtype=torch.float64)
    network = network.with_edge_curve((0, 0, 2), np.linspace(-1.0, 1.0, 50), np.full(50, 3.0))
    shares = attribute(network, x).edges[0][0]
    assert shares[2] < 1e-12
    assert shares.sum() == pytest.approx(1.0)
    scaled = network.with_scaling(0.0, 1.0, 5.0, 1e6)
    torch.testing.assert_close(attribute(scaled, x).edges[0][0], shares)


@pytest.fixture(scope="module")
def solution() -> tuple[KAN, torch.Tensor, torch.Tensor]:
    """Return a (2, 5, 1) network with the true solution in node 0 and little elsewhere, and its rows."""
    generator = torch.Generator().manual_seed(3)
    x = torch.rand(1000, 2, generator=generator, dtype=torch.float64) * 2 - 1
    y = target(x)
    network = KAN((2, 5, 1), generator=generator, dtype=torch.float64).fitted_to(x, y)
    with torch.no_grad():
        for number in range(2):
            network.layer(number).coef.mul_(0.05)
            network.layer(number).base_weight.mul_(0.02)
    z = network.standardise(x).numpy()
    inner = np.sin(np.pi * x[:, 0].numpy()), x[:, 1].numpy() ** 2
    network = network.with_edge_curve((0, 0, 0), z[:, 0], inner[0]).with_edge_curve((0, 0, 1), z[:, 1], inner[1])
    network = network.update_grids(x)
    standardised = ((y - network.output_shift) / network.output_scale)[:, 0].numpy()
    return network.with_edge_curve((1, 0, 0), inner[0] + inner[1], standardised), x, y


def test_prunes_to_the_solution_quickly_and_once(solution, monkeypatch):
    network, x, y = solution
    trainings = []
    monkeypatch.setattr(pruning, "train", lambda *data, **options: trainings.append(1) or train(*data, **options))
    result = prune(network, x, y)
    assert result.network.widths == (2, 1, 1)
    assert len(result.network.edges()) == 3
    assert len(result.removed) == 12
    assert all(index[1] != 0 or index[0] == 1 for index in result.removed)
    assert result.loss_after < 1e-4 * float(y.var())
    assert len(trainings) <= 6  # what is not needed goes together
    again = prune(result.network, x, y)
    assert again.removed == ()
    torch.testing.assert_close(again.network(x), result.network(x))


def test_noise_columns_go(rows, generator):
    x = rows(1, 400, 5)
    y = target(x) + 0.05 * torch.randn(400, 1, generator=generator, dtype=torch.float64)
    network = KAN((5, 2, 1), generator=generator, dtype=torch.float64).fitted_to(x[:300], y[:300])
    trained = train(network, x[:300], y[:300], validation=(x[300:], y[300:]), max_iterations=30).network
    result = prune(trained, x[:300], y[:300], validation=(x[300:], y[300:]))
    assert result.network.widths[0] == 5
    used = {index[2] for index in result.network.edges() if index[0] == 0}
    assert used == {0, 1}


def test_no_output_is_cut_off(rows):
    x = rows(2, 100, 2)
    y = torch.cat([x[:, :1] ** 2, 0 * x[:, :1]], dim=1)
    network = train(KAN((2, 3, 2), dtype=torch.float64).fitted_to(x, y), x, y, max_iterations=20).network
    result = prune(network, x, y)
    assert result.network.widths[-1] == 2
    assert reaches_inputs(result.network).all()


def test_stops_on_request_and_keeps_dtype(solution):
    network, x, y = solution
    result = prune(network.copy().float(), x.float(), y.float(), should_stop=lambda: True)
    assert result.reason == "stopped on request"
    assert result.removed == ()
    assert result.network.layer(0).coef.dtype == torch.float32
