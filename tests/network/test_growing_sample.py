"""Levenberg-Marquardt on a growing sample: as good as on all rows, on fewer of them, and stoppable between chunks."""

import pytest
import torch

from kansym.network import KAN, train
from kansym.network.growing_sample import minimise_growing
from kansym.network.levenberg_marquardt import minimise
from kansym.network.objective import Objective
from kansym.network.parameters import FreeParameters


def law(x):
    return torch.exp(torch.sin(2 * x[:, :1]) + x[:, 1:] ** 2)


def test_a_sample_is_as_good_as_all_rows(rows, generator):
    x = rows(0, 20_000, 2)
    y = law(x) + 0.05 * torch.randn(20_000, 1, generator=generator, dtype=torch.float64)
    options = {"tolerance": 1e-3, "max_iterations": 200}
    starts = [KAN((2, 1, 1), generator=generator, dtype=torch.float64).fitted_to(x, y) for _ in range(5)]
    best = min(train(network, x, y, **options).loss for network in starts)
    enough = 0
    for network in starts:  # where a descent slows down is a matter of its start, and of rounding
        sampled = train(network, x, y, method="growing-sample", **options)
        if sampled.reason.startswith("converged: fresh rows are fitted as well as the ") and sampled.loss < 2 * best:
            used = int(sampled.reason.split()[-4].replace(",", ""))
            enough += used <= len(x) / 2
            # Both leave the noise and (1 + p/n) of it, for p numbers and n rows used.
            assert sampled.loss < (1.0 + 3.0 * network.n_parameters / used) * best
    assert enough


def test_few_rows_are_all_used(rows, generator):
    x = rows(1, 300, 2)
    network = KAN((2, 1, 1), generator=generator, dtype=torch.float64).fitted_to(x, law(x))
    options = {"max_iterations": 10, "tolerance": 1e-9}
    sampled = train(network, x, law(x), method="growing-sample", **options)
    assert sampled.reason == "reached max_iterations"
    assert sampled.loss == pytest.approx(train(network, x, law(x), **options).loss, rel=1e-3)


def test_rows_of_weight_zero_are_never_drawn(rows):
    x = rows(2, 3000, 1)
    y = torch.where(x > 0, x**2, torch.nan_to_num(x * 1e100))
    weight = (x[:, 0] > 0).double()
    result = train(KAN((1, 1), dtype=torch.float64), x, y, sample_weight=weight, method="growing-sample")
    assert result.loss < 1e-10


def test_objective_of_some_rows(rows):
    x = rows(3, 50, 2)
    objective = Objective.of(x, law(x), 1.0 + x[:, 0] ** 2, smoothing=1e-3)
    half = objective.take(torch.arange(25))
    assert float(half.weight.sum()) == pytest.approx(1.0)
    assert (half.scale, half.smoothing) == (objective.scale, objective.smoothing)
    network = KAN((2, 1), dtype=torch.float64)
    parts = [objective.take(torch.arange(25)), objective.take(torch.arange(25, 50))]
    shares = [float(objective.weight[:25].sum()), float(objective.weight[25:].sum())]
    total = sum(share * part.loss(network) for share, part in zip(shares, parts, strict=True))
    assert total == pytest.approx(objective.loss(network))


@pytest.mark.parametrize("search", [minimise, minimise_growing])
def test_the_clock_is_asked_between_chunks(rows, monkeypatch, search):
    monkeypatch.setattr("kansym.network.objective._NUMBERS_PER_CHUNK", 1)  # 64 rows a chunk
    x = rows(4, 1280, 2)
    network = KAN((2, 3, 1), dtype=torch.float64)
    before, asked = FreeParameters.of(network).read(), []

    def deadline() -> bool:
        asked.append(True)
        return len(asked) >= 3

    objective = Objective.of(x, law(x), None)
    assert search(network, objective, 1e-3, lambda loss, damping: None, deadline) == "stopped on request"
    assert len(asked) == 3
    assert torch.equal(FreeParameters.of(network).read(), before)


def test_spline_functions_are_found_to_rounding(rows):
    x = rows(5, 400, 2)
    network = KAN((2, 1), grid_size=4, base_function="none", dtype=torch.float64).fitted_to(x, x[:, :1])
    truth = KAN((2, 1), grid_size=4, base_function="none", dtype=torch.float64).fitted_to(x, x[:, :1])
    with torch.no_grad():
        truth.layer(0).coef.normal_(generator=torch.Generator().manual_seed(1))
    result = train(network, x, truth.evaluate(x), smoothing=0.0)
    assert (result.network.evaluate(x) - truth.evaluate(x)).abs().max() < 1e-12
