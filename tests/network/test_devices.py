"""Devices: chosen where they pay, refused where they are not, and no tensor of a training made without one."""

import numpy as np
import pytest
import torch
from torch.overrides import TorchFunctionMode

from kansym import KANRegressor
from kansym.errors import ParameterError
from kansym.network import KAN, check_device, choose_device, train, train_on, train_restarts

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")

FACTORIES = {
    *(torch.zeros, torch.ones, torch.full, torch.empty, torch.eye, torch.tensor),
    *(torch.arange, torch.linspace, torch.rand, torch.randn, torch.randperm),
}


class DeviceWatch(TorchFunctionMode):
    """Collects the calls that make a tensor without saying where."""

    def __init__(self):
        super().__init__()
        self.careless = []

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func in FACTORIES and (kwargs or {}).get("device") is None:
            self.careless.append(getattr(func, "__name__", str(func)))
        return func(*args, **(kwargs or {}))


def problem(rows):
    x = rows(0, 80, 2)
    y = torch.exp(torch.sin(2 * x[:, :1]) + x[:, 1:] ** 2)
    network = KAN((2, 2, 1), product_nodes=(1, 0), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return network.fitted_to(x, y), x, y


def test_the_watch_sees_what_it_is_for():
    with DeviceWatch() as watch:
        torch.zeros(3)
        torch.zeros(3, device="cpu")
    assert watch.careless == ["zeros"]


@pytest.mark.parametrize("method", ["levenberg-marquardt", "growing-sample", "lbfgs", "adam"])
def test_training_says_where_every_tensor_lives(rows, method):
    network, x, y = problem(rows)
    with DeviceWatch() as watch:
        train(network, x, y, method=method, max_iterations=2, sparsity=1e-3, validation=(x, y))
    assert not watch.careless


def test_training_together_says_where_every_tensor_lives(rows):
    network, x, y = problem(rows)
    with DeviceWatch() as watch:
        train_restarts([network, network.copy()], x, y, max_iterations=2, validation=(x, y))
    assert not watch.careless


def test_grids_say_where_every_tensor_lives(rows):
    network, x, _ = problem(rows)
    with DeviceWatch() as watch:
        network.refine(9, x).update_grids(x, adaptivity=0.5)
        network.input_gradient(x)
    assert not watch.careless


@pytest.mark.parametrize(
    ("there", "n_rows", "n_parameters", "expected"),
    [(True, 2000, 200, "cpu"), (True, 2000, 2000, "cuda"), (True, 1_000_000, 100, "cuda"), (False, 10**6, 2000, "cpu")],
)
def test_auto_takes_a_gpu_where_it_pays(monkeypatch, there, n_rows, n_parameters, expected):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there)
    assert choose_device("auto", n_rows, n_parameters).type == expected
    assert choose_device("cpu", n_rows, n_parameters).type == "cpu"


@pytest.mark.parametrize("device", ["cuda", "mps"])
def test_a_device_that_is_not_there_is_refused(monkeypatch, device):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    message = f"device must be one that torch finds, got '{device}', which is not; use 'auto' or 'cpu'"
    with pytest.raises(ParameterError, match=message):
        check_device(device)
    with pytest.raises(ParameterError, match=message):
        KANRegressor(device=device).fit([[1.0], [2.0]], [1.0, 2.0])


def test_training_moves_to_the_device_and_back(rows, monkeypatch):
    network, x, y = problem(rows)
    seen = []

    def fake(network, X, y, **options):
        seen.append(network.input_shift.device.type)
        return train(KAN((2, 1), dtype=torch.float64), torch.zeros(3, 2), torch.zeros(3, 1), max_iterations=0)

    monkeypatch.setattr("kansym.network.devices.train", fake)
    monkeypatch.setattr("kansym.network.devices.choose_device", lambda *_: torch.device("meta"))
    assert train_on("cuda", network, x, y).network.input_shift.device.type == "cpu"
    assert seen == ["meta"]
    assert network.input_shift.device.type == "cpu"


@pytest.mark.gpu
@needs_cuda
def test_cuda_gives_the_same_network(rows):
    network, x, y = problem(rows)
    for method in ("levenberg-marquardt", "growing-sample", "lbfgs"):
        options = {"method": method, "max_iterations": 8, "sparsity": 1e-4}
        here, there = (train_on(device, network, x, y, **options) for device in ("cpu", "cuda"))
        assert there.network.input_shift.device.type == "cpu"
        assert there.loss == pytest.approx(here.loss, rel=1e-2)
    starts = [network, network.prune_edge((0, 0, 0)).unsnap((0, 0, 0), x)]
    here = train_restarts(starts, x, y, max_iterations=5)
    there = train_restarts([start.to("cuda") for start in starts], x, y, max_iterations=5)
    for one, other in zip(here, there, strict=True):
        assert other.loss == pytest.approx(one.loss, rel=1e-2)
        assert other.network.input_shift.device.type != "cpu"


@pytest.mark.gpu
@needs_cuda
def test_cuda_edits_networks(rows):
    network, x, y = problem(rows)
    there, x_there = network.copy().to("cuda"), x.to("cuda")
    refined = there.refine(9, x_there).update_grids(x_there, adaptivity=0.5)
    expected = network.refine(9, x).update_grids(x, adaptivity=0.5)
    torch.testing.assert_close(refined(x_there).cpu(), expected(x), rtol=1e-8, atol=1e-8)
    torch.testing.assert_close(there.input_gradient(x_there).cpu(), network.input_gradient(x))
    assert there.fitted_to(x_there, y.to("cuda")).edge_curve((0, 0, 0), x_there).x.shape == (len(x),)


@pytest.mark.gpu
@needs_cuda
def test_cuda_behind_the_estimator():
    X = np.random.default_rng(0).uniform(-1, 1, (300, 2))
    model = KANRegressor(device="cuda", random_state=0, max_steps=30, time_limit=None)
    model.partial_fit(X, X[:, 0] * X[:, 1])
    assert model.network_ is not None
    assert model.network_.input_shift.device.type == "cpu"
    assert np.abs(model.predict_network(X) - X[:, 0] * X[:, 1]).max() < 0.05
    assert model.fit(X, X[:, 0] * X[:, 1]).score(X, X[:, 0] * X[:, 1]) > 0.999
