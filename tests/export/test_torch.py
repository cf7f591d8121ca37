"""The torch module: shapes, precision, derivatives, training, state."""

import copy
import io
import pickle

import numpy as np
import pytest
import sympy
import torch

from kansym.errors import ParameterError
from kansym.export.numpy import numpy_function
from kansym.export.torch import torch_module

X, Y = sympy.symbols("x y", real=True)
LAW = sympy.Mul(2.5, sympy.exp(-0.7 * X) + 1.5, evaluate=False) + Y ** sympy.Float(1.3) / sympy.pi


def points(*shape, dtype=torch.float64):
    return torch.rand(*shape, 2, dtype=dtype, generator=torch.Generator().manual_seed(0)) + 0.5


@pytest.mark.parametrize("shape", [(), (3,), (0,), (4, 3), (2, 1, 5)])
def test_any_leading_shape(shape):
    x = points(*shape)
    module, function = torch_module([LAW], [X, Y]), numpy_function([LAW], [X, Y])
    assert module(x).shape == shape
    np.testing.assert_allclose(module(x).detach().numpy(), function(x.numpy()), rtol=1e-13)
    both = torch_module([LAW, X + sympy.Integer(1)], [X, Y])
    assert both(x).shape == (*shape, 2)
    np.testing.assert_allclose(both(x).detach().numpy(), numpy_function([LAW, X + 1], [X, Y])(x.numpy()), rtol=1e-13)


def test_precision_is_that_of_parameters_and_input():
    module = torch_module([LAW], [X, Y])
    assert module(points(3)).dtype == torch.float64
    single = copy.deepcopy(module).float()
    assert single(points(3, dtype=torch.float32)).dtype == torch.float32
    torch.testing.assert_close(single(points(3).float()).double(), module(points(3)), rtol=1e-5, atol=1e-6)
    assert module(torch.ones(2, 2, dtype=torch.int64)).dtype == torch.float64


def test_derivatives_of_first_and_second_order():
    module = torch_module([LAW], [X, Y])
    x = points(4).requires_grad_()
    assert torch.autograd.gradcheck(module, x)
    assert torch.autograd.gradgradcheck(module, x)
    value = module(x).sum()
    (slope,) = torch.autograd.grad(value, x, create_graph=True)
    exact = numpy_function([sympy.diff(LAW, X), sympy.diff(LAW, Y)], [X, Y])(x.detach().numpy())
    np.testing.assert_allclose(slope.detach().numpy(), exact, rtol=1e-12)
    (curvature,) = torch.autograd.grad(slope[:, 1].sum(), x)
    exact = numpy_function([sympy.diff(LAW, Y, 2)], [X, Y])(x.detach().numpy())
    np.testing.assert_allclose(curvature[:, 1].numpy(), exact, rtol=1e-12)


def test_constants_are_trained_and_read_back():
    x = points(200)
    target = 3.0 * torch.exp(-0.5 * x[:, 0]) + 0.25
    module = torch_module([2.5 * sympy.exp(-0.7 * X) + 0.5], [X, Y])
    optimiser = torch.optim.LBFGS(module.parameters(), 1.0, 200, tolerance_change=1e-14, line_search_fn="strong_wolfe")

    def loss():
        optimiser.zero_grad()
        value = torch.mean((module(x) - target) ** 2)
        value.backward()
        return value

    optimiser.step(loss)
    assert sorted(module.constants[0].tolist()) == pytest.approx([-0.5, 0.25, 3.0], rel=1e-4)
    (trained,) = module.sympy()
    np.testing.assert_allclose(numpy_function([trained], [X, Y])(x.numpy()), module(x).detach().numpy(), rtol=1e-14)


def test_state_and_copies():
    module = torch_module([LAW, 1.5 * X], [X, Y])
    assert list(module.state_dict()) == ["constants.0", "constants.1"]
    other = torch_module([LAW, 2.5 * X], [X, Y])
    other.load_state_dict(module.state_dict())
    x = points(5)
    assert torch.equal(other(x), module(x))
    for copied in (copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        assert torch.equal(copied(x), module(x))
        assert copied.sympy() == module.sympy()
    buffer = io.BytesIO()
    torch.save(module.state_dict(), buffer)
    buffer.seek(0)
    assert list(torch.load(buffer, weights_only=True)) == ["constants.0", "constants.1"]
    assert "2.5·(1.5 + exp(-0.7·x))" in repr(module)


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning")
def test_vmap_and_jacobians():
    module, x = torch_module([LAW], [X, Y]), points(4)
    torch.testing.assert_close(torch.func.vmap(module)(x), module(x))
    assert torch.func.vmap(torch.func.hessian(module))(x).shape == (4, 2, 2)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_other_devices():
    module, x = torch_module([LAW, sympy.Integer(3)], [X, Y]), points(5)
    on_device = copy.deepcopy(module).cuda()(x.cuda())
    assert on_device.is_cuda
    torch.testing.assert_close(on_device.cpu(), module(x))


def test_wrong_shapes_are_refused():
    with pytest.raises(ParameterError, match=r"x must have 2 columns, x, y, got shape \(4, 3\)"):
        torch_module([LAW], [X, Y])(torch.zeros(4, 3))
    with pytest.raises(ParameterError, match=r"X must have 2 columns, x, y, got \(4, 3\)"):
        numpy_function([LAW], [X, Y])(np.zeros((4, 3)))


def test_the_numpy_function_is_pickled_to_the_bit():
    function = numpy_function([LAW], [X, Y])
    copied = pickle.loads(pickle.dumps(function))
    rows = points(50).numpy()
    assert np.array_equal(copied(rows), function(rows))
    assert repr(copied) == repr(function)
