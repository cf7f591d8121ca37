"""The schedule from coarse to fine grids: exact where splines are, early where nothing is gained, and stoppable."""

import pytest
import torch

from kansym.errors import ParameterError
from kansym.network import KAN, train_schedule


def starts(count, widths=(2, 1, 1), grid_size=3):
    generators = [torch.Generator().manual_seed(seed) for seed in range(count)]
    return [
        KAN(widths, grid_size=grid_size, base_function="none", generator=generator, dtype=torch.float64)
        for generator in generators
    ]


def test_a_function_of_the_spline_space_is_found_to_rounding(rows):
    x = rows(0, 300, 2)
    y = x[:, :1] ** 3 - 2.0 * x[:, :1] + 0.5 * x[:, 1:] ** 2
    networks = [network.fitted_to(x, y) for network in starts(1, (2, 1), grid_size=2)]
    held = (x[240:], y[240:])
    result = train_schedule(networks, x[:240], y[:240], validation=held, first_smoothing=0.0, grid_sizes=(2, 4))
    fresh = rows(1, 200, 2)
    truth = fresh[:, :1] ** 3 - 2.0 * fresh[:, :1] + 0.5 * fresh[:, 1:] ** 2
    inside = (fresh >= x.amin(0)).all(1) & (fresh <= x.amax(0)).all(1)
    assert (result.network.evaluate(fresh) - truth)[inside].abs().max() < 1e-12


def test_each_stage_gains_and_drops_half_of_the_starts(rows):
    x = rows(2, 400, 2)
    y = torch.exp(torch.sin(3 * x[:, :1]) + x[:, 1:] ** 2)
    networks = [network.fitted_to(x, y) for network in starts(4)]
    before = networks[0].layer(0).coef.clone()
    seen = []
    result = train_schedule(
        networks, x[:300], y[:300], validation=(x[300:], y[300:]), grid_sizes=(3, 5, 10), on_stage=seen.append
    )
    assert [len(stage.results) for stage in result.stages] == [4, 2, 1]
    assert [stage.grid_size for stage in result.stages] == [3, 5, 10]
    assert seen == list(result.stages)
    losses = [[result.validation_loss or 0.0 for result in stage.results] for stage in result.stages]
    assert losses[0][0] > 3 * losses[1][0] > 9 * losses[2][0] > 0
    assert all(own == sorted(own) for own in losses)
    assert torch.equal(networks[0].layer(0).coef, before)
    assert result.loss < 1e-6 * float(y.var())


def test_curves_keep_their_shape_where_no_row_speaks(rows):
    x = rows(7, 200, 1)
    x = x[(x.abs() < 0.8).flatten()]
    networks = [network.fitted_to(x, x**2) for network in starts(1, (1, 1))]
    domain = torch.tensor([[-1.0], [1.0]], dtype=torch.float64)
    held = (x[::5], x[::5] ** 2)
    result = train_schedule(networks, x, x**2, validation=held, grid_sizes=(3, 6, 24), domain=domain)
    low, high = (result.network.standardise(domain).flatten() * 1.0).tolist()
    assert result.network.layer(0).basis.points[0, [0, -1]].tolist() == pytest.approx([low, high])
    # Off the rows a parabola goes on: straight lines, or curves smoothed anew, would be off by 0.04.
    assert (result.network.evaluate(domain) - 1.0).abs().max() < 2e-3


def test_noise_ends_the_schedule_early(rows, generator):
    x = rows(3, 200, 1)
    y = torch.sin(2 * x) + 0.3 * torch.randn(200, 1, generator=generator, dtype=torch.float64)
    networks = [network.fitted_to(x, y) for network in starts(1, (1, 1))]
    result = train_schedule(networks, x[:150], y[:150], validation=(x[150:], y[150:]), grid_sizes=(3, 5, 10, 20, 50))
    assert result.reason == "stopped early: finer grids gain nothing on the held-out rows"
    assert len(result.stages) == 3
    assert result.network.layer(0).basis.grid_size <= 10


def test_interpolated_rows_end_the_schedule(rows):
    x = rows(4, 300, 40)  # with forty columns of six functions or more each, the rows are met exactly
    y = torch.sin(torch.pi / 2 * x).square().mean(1, keepdim=True)
    networks = [network.fitted_to(x, y) for network in starts(1, (40, 1))]
    sizes = (3, 10, 20, 50)
    result = train_schedule(networks, x[:240], y[:240], validation=(x[240:], y[240:]), grid_sizes=sizes)
    last = result.stages[-1].best
    assert result.reason.startswith("stopped early: the training rows are interpolated")
    assert len(result.stages) < len(sizes)
    assert last.loss < 1e-6 * last.validation_loss


def test_a_deadline_ends_the_schedule_with_the_best_network(rows):
    x = rows(4, 100, 1)
    y = torch.sin(5 * x)
    now = iter(range(1000))  # a clock that ticks each time it is asked
    networks = [network.fitted_to(x, y) for network in starts(2, (1, 1))]
    result = train_schedule(
        networks, x[:80], y[:80], validation=(x[80:], y[80:]), should_stop=lambda: next(now) >= 4, max_iterations=50
    )
    assert result.reason == "stopped on request"
    assert next(now) <= 10
    assert torch.isfinite(result.network.evaluate(x)).all()


@pytest.mark.parametrize("sizes", [(), (5, 3)])
def test_wrong_grids(rows, sizes):
    x = rows(5, 20, 1)
    with pytest.raises(ParameterError, match="grid_sizes must hold increasing integers"):
        train_schedule(starts(1, (1, 1)), x, x, validation=(x, x), grid_sizes=sizes)


def test_grid_larger_than_the_first_stage(rows):
    x = rows(6, 20, 1)
    with pytest.raises(ParameterError, match="grid_size must be at least the present 8 to refine, got 3"):
        train_schedule(starts(1, (1, 1), grid_size=8), x, x, validation=(x, x))
