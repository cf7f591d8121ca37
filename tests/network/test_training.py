"""Training: the Jacobian against automatic differentiation, convergence to rounding, and safe endings."""

import itertools
import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kansym.errors import DataError, ParameterError
from kansym.library import Library
from kansym.network import KAN, train, train_restarts
from kansym.network.jacobian import forward_record, jacobian
from kansym.network.objective import Objective
from kansym.network.parameters import FreeParameters

FUNCTIONS = Library(["x", "x^2", "x^n", "sin", "exp", "log", "sqrt"])
topologies = st.lists(st.integers(1, 4), min_size=2, max_size=4).map(tuple)
seeds = st.integers(0, 10_000)


def target(x: torch.Tensor) -> torch.Tensor:
    return torch.exp(torch.sin(math.pi * x[:, :1]) + x[:, 1:] ** 2)


def relative_rms(loss: float, y: torch.Tensor) -> float:
    return math.sqrt(loss / float(y.var()))


@settings(max_examples=40, deadline=None)
@given(seeds, topologies, st.sampled_from(["bspline", "rbf", "chebyshev"]), st.sampled_from(["silu", "none"]))
def test_jacobian_equals_autograd(random_network, rows, seed, widths, basis, base_function):
    network = random_network(seed, widths, basis=basis, base_function=base_function)
    x, parameters = rows(seed, 5, widths[0]), FreeParameters.of(network)
    theta = parameters.read()
    if parameters.count == 0:
        return

    def outputs(name: str, value: torch.Tensor) -> torch.Tensor:
        return torch.func.functional_call(network, {name: value}, (x,))

    # Each parameter tensor's derivative, put into the flat order by writing unit vectors.
    expected = torch.zeros(5, widths[-1], parameters.count, dtype=torch.float64)
    tensors = {name: value.detach().clone() for name, value in network.named_parameters()}
    derivatives = {
        name: torch.func.jacrev(lambda v, name=name: outputs(name, v))(value).flatten(2)
        for name, value in tensors.items()
    }
    for column in range(parameters.count):
        parameters.write(theta + torch.eye(parameters.count, dtype=torch.float64)[column])
        for name, derivative in derivatives.items():
            direction = network.get_parameter(name).detach() - tensors[name]
            expected[:, :, column] += derivative @ direction.flatten()
    parameters.write(theta)
    actual = jacobian(network, forward_record(network, x), parameters)
    torch.testing.assert_close(actual, expected.detach(), rtol=1e-8, atol=1e-8)


@settings(max_examples=20, deadline=None)
@given(seeds, topologies)
def test_flat_vector_round_trip(random_network, rows, seed, widths):
    network, x = random_network(seed, widths), rows(seed, 5, widths[0])
    parameters, before = FreeParameters.of(network), network(x)
    assert parameters.count == network.n_parameters
    if parameters.count:
        theta = parameters.read()
        parameters.write(torch.zeros_like(theta))
        parameters.write(theta)
        assert torch.equal(network(x), before)


@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_snapped_sine_is_fitted_to_rounding(rows, sign):
    x = rows(0, 500, 1)
    y = 2e-5 * (2.0 * torch.sin(3.0 * sign * x + 1.0) + 0.5)
    network = KAN((1, 1), dtype=torch.float64).fitted_to(x, y).with_scaling(0.0, 1.0, 0.0, 1e-5)
    result = train(network.snap((0, 0, 0), FUNCTIONS["sin"], 2.7 * sign, 0.7, 3.0, 0.2), x, y)
    assert relative_rms(result.loss, y) < 1e-13
    assert result.reason == "converged: the loss is at rounding level"


def test_deep_symbolic_network_with_products_and_exponent_is_fitted_to_rounding(rows):
    x = rows(1, 400, 2)
    y = (x[:, :1] + 1.5) ** 1.7 * torch.exp(-0.8 * x[:, 1:]) + 0.3
    network = KAN((2, 1, 1), product_nodes=(1, 0), dtype=torch.float64)
    network = network.snap((0, 0, 0), FUNCTIONS["x^n"], 1.0, 1.6, 1.0, 0.0, exponent=1.5)
    network = network.snap((0, 0, 1), FUNCTIONS["exp"], -0.7).snap((1, 0, 0), FUNCTIONS["x"], d=0.1)
    result = train(network, x, y, tolerance=1e-9)
    assert relative_rms(result.loss, y) < 1e-12
    assert result.network.edge_state((0, 0, 0)).exponent == pytest.approx(1.7, rel=1e-9)


def test_mixed_network_with_several_outputs(rows, generator):
    x = rows(2, 300, 2)
    y = torch.cat([torch.sin(2 * x[:, :1]), x[:, 1:] ** 2, x[:, :1] * x[:, 1:]], dim=1)
    network = KAN((2, 3, 3), product_nodes=(1, 0), generator=generator, dtype=torch.float64).fitted_to(x, y)
    result = train(network, x, y, max_iterations=60)
    assert result.loss < 1e-4 * float(y.var())
    losses = [step.loss for step in result.history]
    assert losses[-1] == pytest.approx(result.loss, rel=1e-9)
    assert np.all(np.diff(losses) < 1e-12)


@pytest.mark.parametrize("basis", ["bspline", "rbf", "rswaf", "chebyshev"])
def test_every_basis_learns(rows, generator, basis):
    x = rows(3, 500, 2)
    y = target(x)
    network = KAN((2, 3, 1), basis=basis, generator=generator, dtype=torch.float64).fitted_to(x, y)
    assert relative_rms(train(network, x, y, max_iterations=40).loss, y) < 0.02


def test_chunks_give_the_same_normal_equations(rows, generator, monkeypatch):
    x = rows(4, 400, 2)
    network = KAN((2, 3, 1), generator=generator, dtype=torch.float64).fitted_to(x, target(x))
    whole = train(network, x, target(x), max_iterations=3).loss
    monkeypatch.setattr("kansym.network.objective._NUMBERS_PER_CHUNK", 1000)
    assert train(network, x, target(x), max_iterations=3).loss == pytest.approx(whole, rel=1e-6)


@pytest.mark.parametrize(("method", "limit"), [("lbfgs", 0.3), ("adam", 0.3)])
def test_first_order_methods_learn(rows, generator, method, limit):
    x = rows(5, 500, 2)
    y = target(x)
    network = KAN((2, 4, 1), generator=generator, dtype=torch.float32).fitted_to(x, y)
    result = train(network, x, y, method=method, max_iterations=80)
    assert relative_rms(result.loss, y) < limit
    assert result.network.layer(0).coef.dtype == torch.float32


def test_loss_is_scale_equivariant(rows, generator):
    x = rows(6, 300, 2)
    losses = []
    for factor in (1.0, 1e-9, 1e9):
        y = factor * target(x)
        network = KAN((2, 3, 1), generator=torch.Generator().manual_seed(0), dtype=torch.float64).fitted_to(x, y)
        losses.append(train(network, x, y, max_iterations=10, sparsity=1e-4).loss / factor**2)
    assert losses[1:] == pytest.approx(losses[:1] * 2, rel=1e-5)


@pytest.mark.parametrize("together", [False, True])
def test_one_step_of_gauss_newton_solves_what_is_linear(rows, together):
    x, y = rows(0, 300, 2), rows(1, 300, 1)
    network = KAN((2, 1), dtype=torch.float64, generator=torch.Generator().manual_seed(0)).fitted_to(x, y)
    options = {"method": "gauss-newton", "max_iterations": 1, "smoothing": 1e-8}
    (result,) = train_restarts([network], x, y, **options) if together else (train(network, x, y, **options),)
    objective = Objective.of(x, y, None, smoothing=1e-8)
    parameters = FreeParameters.of(result.network)
    (form,) = objective.quadratic(result.network, parameters)
    penalty = torch.block_diag(*form)
    design = jacobian(network, forward_record(network, x), parameters)[:, 0]
    solution = torch.linalg.solve(design.T @ design / len(x) + penalty, design.T @ (y[:, 0] - y.mean()) / len(x))
    torch.testing.assert_close(design @ solution + y.mean(), result.network(x)[:, 0].detach(), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("together", [False, True])
def test_gauss_newton_shortens_steps_that_go_too_far(rows, together):
    x = rows(0, 200, 1)
    y = torch.sin(4 * x)
    networks = [
        KAN((1, 2, 1), dtype=torch.float64, generator=torch.Generator().manual_seed(seed)).fitted_to(x, y)
        for seed in range(3)
    ]
    options = {"method": "gauss-newton", "max_iterations": 30}
    results = train_restarts(networks, x, y, **options) if together else [train(n, x, y, **options) for n in networks]
    for result in results:
        losses = [step.loss for step in result.history]
        assert len(losses) > 2
        # The objective falls; the smoothing within it may take from the loss what is about its own size.
        assert all(after <= before + 1e-8 for before, after in itertools.pairwise(losses))
    assert min(result.loss for result in results) < 1e-6


@pytest.mark.parametrize("method", ["levenberg-marquardt", "gauss-newton", "growing-sample", "lbfgs", "adam"])
def test_frozen_numbers_stay(rows, method):
    x = rows(0, 100, 2)
    network = KAN((2, 3, 1), dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for parameter in network.layer(0).parameters():
        parameter.requires_grad_(False)
    result = train(network, x, target(x), method=method, max_iterations=3)
    assert torch.equal(result.network.layer(0).coef, network.layer(0).coef)
    assert not torch.equal(result.network.layer(1).coef, network.layer(1).coef)
    for parameter in network.parameters():
        parameter.requires_grad_(False)
    many = rows(1, 2000, 2)
    assert train(network, many, target(many), method=method, max_iterations=3).reason == "converged: no free parameters"


@pytest.mark.parametrize("method", ["levenberg-marquardt", "gauss-newton", "growing-sample", "lbfgs", "adam"])
def test_frozen_numbers_of_symbolic_edges_stay(rows, method):
    x = rows(0, 100, 2)
    start = KAN((2, 2, 1), dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    network = start.snap((0, 0, 0), "sin", a=2.0)
    network.layer(0).affine.requires_grad_(False)
    assert not network.copy().layer(0).affine.requires_grad
    options = {"method": method, "max_iterations": 3, "validation": (x[50:], target(x[50:]))}
    frozen = train(network, x, target(x), **options).network
    assert torch.equal(frozen.layer(0).affine, network.layer(0).affine)
    assert not frozen.layer(0).affine.requires_grad
    network.layer(0).affine.requires_grad_(True)
    free = train(network, x, target(x), **options).network
    assert not torch.equal(free.layer(0).affine, network.layer(0).affine)


def test_an_unused_base_weight_frees_nothing(rows):
    x = rows(0, 100, 2)
    network = KAN((2, 2, 1), base_function="none", dtype=torch.float64).requires_grad_(True)
    network.layer(0).coef.requires_grad_(False)
    result = train(network, x, target(x), max_iterations=3).network
    assert torch.equal(result.layer(0).coef, network.layer(0).coef)


def test_half_frozen_layers_are_for_first_order_methods(rows):
    x = rows(0, 100, 2)
    network = KAN((2, 1), dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    network.layer(0).base_weight.requires_grad_(False)
    with pytest.raises(ParameterError, match="must both require a gradient or neither for method='levenberg"):
        train(network, x, target(x))
    with pytest.raises(ParameterError, match="trained together must require gradients"):
        train_restarts([network], x, target(x))
    result = train(network, x, target(x), method="lbfgs", max_iterations=5).network
    assert torch.equal(result.layer(0).base_weight, network.layer(0).base_weight)
    assert not torch.equal(result.layer(0).coef, network.layer(0).coef)


def test_sample_weights_choose_rows(rows):
    x = rows(7, 200, 1)
    y = torch.where(x > 0, x, 100.0 * torch.ones_like(x))
    weight = (x[:, 0] > 0).double()
    network = KAN((1, 1), dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    weighted = train(network, x, y, sample_weight=7.0 * weight)
    alone = train(network, x[weight > 0], y[weight > 0])
    assert weighted.loss < 1e-12
    at = x[weight > 0]
    torch.testing.assert_close(weighted.network(at), alone.network(at), rtol=1e-4, atol=1e-4)


def test_rows_of_weight_zero_are_as_if_they_were_not_there(rows):
    x = rows(0, 150, 2)
    weight = torch.where(torch.arange(150) % 3 == 0, 0.0, 1.0 + x[:, 0].square())
    network = KAN((2, 3, 1), dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    kept, penalties = weight > 0, []
    for some, own in ((slice(None), weight), (kept, weight[kept])):
        objective = Objective.of(x[some], target(x[some]), own, sparsity=0.1)
        parameters = FreeParameters.of(network)
        forms = objective.quadratic(network, parameters)
        penalties.append([objective.penalty(network, parameters), *forms])
    for every, without in zip(*penalties, strict=True):
        torch.testing.assert_close(every, without)
    losses = [
        train(network, x[some], target(x[some]), sample_weight=own, sparsity=0.1, max_iterations=5).loss
        for some, own in ((slice(None), weight), (kept, weight[kept]))
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-9)


def test_sparsity_empties_needless_edges(rows, generator):
    x = rows(8, 400, 3)
    y = torch.sin(2 * x[:, :1])
    network = KAN((3, 1), generator=generator, dtype=torch.float64).fitted_to(x, y)
    trained = train(network, x, y, sparsity=1e-3).network
    spread = trained.layer(0).edge_values(trained.node_values(x)[0]).std(0)[0]
    assert spread[1:].max() < 1e-3 * spread[0]


def test_step_out_of_the_domain_is_rejected(rows):
    x = rows(9, 100, 1) + 1.0
    network = KAN((1, 1), dtype=torch.float64).snap((0, 0, 0), FUNCTIONS["log"], 1.0, 0.01)
    result = train(network, x, torch.exp(3.0 * x))
    assert math.isfinite(result.loss)
    assert torch.isfinite(result.network(x)).all()
    bad = KAN((1, 1), dtype=torch.float64).snap((0, 0, 0), FUNCTIONS["log"], 1.0, -10.0)
    assert train(bad, x, x).reason == "failed: the loss is not finite at the start"


def test_validation_keeps_the_best_state(rows, generator):
    x = rows(10, 40, 2)
    noise = torch.randn(40, 1, generator=generator, dtype=torch.float64)
    valid = rows(11, 200, 2)
    network = KAN((2, 5, 1), generator=generator, dtype=torch.float64).fitted_to(x, target(x))
    result = train(network, x, target(x) + noise, validation=(valid, target(valid)), max_iterations=60)
    best = min(step.validation_loss for step in result.history if step.validation_loss is not None)
    assert Objective.of(valid, target(valid), None).loss(result.network) == pytest.approx(best, rel=1e-9)


@pytest.mark.parametrize("method", ["levenberg-marquardt", "lbfgs", "adam"])
def test_endings(rows, method):
    x = rows(12, 50, 1)
    before = torch.get_rng_state()
    network = KAN((1, 1), dtype=torch.float64)
    assert train(network, x, x, method=method, should_stop=lambda: True).reason == "stopped on request"
    assert train(network, x, x**2, method=method, max_iterations=1).reason == "reached max_iterations"
    unchanged = train(network, x, x**2, method=method, max_iterations=0)
    assert torch.equal(unchanged.network.layer(0).coef, network.layer(0).coef)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("method", ["levenberg-marquardt", "gauss-newton", "growing-sample", "lbfgs", "adam"])
def test_a_time_limit_ends_every_method(rows, monkeypatch, method):
    clock = iter(range(10_000))
    monkeypatch.setattr("kansym.network.stopping.time", SimpleNamespace(monotonic=lambda: next(clock)))
    x = rows(0, 5000, 2)
    network = KAN((2, 2, 1), dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    options = {"method": method, "max_iterations": 1000, "tolerance": 0.0}
    result = train(network, x, target(x), time_limit=12, **options)
    assert result.reason == "stopped on request"
    assert 1 < len(result.history) <= 13
    at_once = train(network, x, target(x), time_limit=0, **options)
    assert len(at_once.history) == 1
    assert result.loss < at_once.loss
    with pytest.raises(ParameterError, match="time_limit must be a number in"):
        train(network, x, target(x), time_limit=-1, **options)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_network_given_is_unchanged_and_its_dtype_kept(rows, dtype):
    x = rows(13, 100, 2)
    network = KAN((2, 3, 1), dtype=dtype).fitted_to(x, target(x))
    before = network(x)
    result = train(network, x, target(x), max_iterations=10)
    assert result.network(x).dtype == dtype
    assert torch.equal(network(x), before)
    at_float = Objective.of(x, target(x), None).loss(result.network.copy().double())
    assert at_float == pytest.approx(result.loss, rel=1e-2)


def test_nothing_free_and_constant_targets():
    x = torch.ones(20, 1, dtype=torch.float64)
    assert train(KAN((1, 1)).prune_edge((0, 0, 0)), x, x).reason == "converged: no free parameters"
    network = KAN((1, 2, 1), dtype=torch.float64).fitted_to(x, 0 * x)
    assert train(network, x, 0 * x).loss < 1e-10


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"method": "sgd"}, ParameterError, "method must be one of levenberg-marquardt, gauss-newton, growing"),
        ({"max_iterations": -1}, ParameterError, "max_iterations must be an integer >= 0, got -1"),
        ({"tolerance": 2}, ParameterError, "tolerance must be a number"),
        ({"sparsity": -1}, ParameterError, "sparsity must be a number"),
        ({"sample_weight": -torch.ones(5)}, DataError, "sample_weight must be 5 finite non-negative numbers"),
        ({"validation": (torch.ones(5, 2), torch.ones(5, 1))}, DataError, "X of validation must be a tensor of"),
    ],
)
def test_wrong_use(options, error, message):
    with pytest.raises(error, match=message):
        train(KAN((1, 1)), torch.ones(5, 1), torch.ones(5, 1), **options)


def test_wrong_rows():
    with pytest.raises(DataError, match=r"y must be a tensor of shape \(n, 1\), got \(5,\)"):
        train(KAN((1, 1)), torch.ones(5, 1), torch.ones(5))
    with pytest.raises(DataError, match="equal numbers of rows, got 4 and 5"):
        train(KAN((1, 1)), torch.ones(4, 1), torch.ones(5, 1))


@settings(max_examples=20, deadline=None)
@given(seeds, st.sets(st.sampled_from([(0, 0, 0), (0, 1, 0), (0, 1, 1), (1, 0, 0), (1, 0, 1)]), max_size=4))
def test_fixed_edges_keep_their_numbers_and_the_others_learn(rows, seed, fixed):
    generator = torch.Generator().manual_seed(seed)
    network = KAN((2, 2, 1), generator=generator, dtype=torch.float64)
    network = network.snap((0, 0, 0), FUNCTIONS["sin"], a=2.0).snap((1, 0, 1), FUNCTIONS["x^2"])
    x = rows(seed, 40, 2)
    trained = train(network, x, target(x), max_iterations=4, fixed=fixed)
    assert trained.loss < train(network, x, target(x), max_iterations=0).loss
    for layer, output, source in network.edges():
        before, after = network.layer(layer), trained.network.layer(layer)
        same = [
            torch.equal(getattr(before, name)[output, source], getattr(after, name)[output, source])
            for name in ("coef", "base_weight", "affine")
        ]
        assert all(same) == ((layer, output, source) in fixed)


def test_fixed_edges_need_levenberg_marquardt():
    x = torch.rand(9, 1)
    with pytest.raises(ParameterError, match=r"trained around by 'levenberg-marquardt' or .*'adam'"):
        train(KAN((1, 1)), x, x, method="adam", fixed=[(0, 0, 0)])
