"""Products by whichever library, against plain ones."""

import pytest
import torch

from kansym.network import matrix_product


@pytest.mark.parametrize("shape", [(3, 4, 5), (64, 600, 256)], ids=["small", "large"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_equals_plain_products(shape, dtype):
    m, k, n = shape
    numbers = torch.Generator().manual_seed(0)
    first, second = torch.randn(m, k, generator=numbers, dtype=dtype), torch.randn(k, n, generator=numbers, dtype=dtype)
    expected = (first.double() @ second.double()).to(dtype)
    tolerance = {"rtol": 0, "atol": 200 * torch.finfo(dtype).eps * k**0.5}
    for left, right in (
        (first, second),
        (first.T.contiguous().T, second),
        (first, second.T.contiguous().T),
        (torch.cat([first, first], dim=1)[:, :k], torch.cat([second, second], dim=1)[:, :n]),
    ):
        torch.testing.assert_close(matrix_product.product(left, right), expected, **tolerance)
        total = torch.ones(m, n, dtype=dtype)
        assert matrix_product.add_product(total, left, right) is total
        torch.testing.assert_close(total, expected + 1.0, **tolerance)


def test_gradients_that_repeat_one_number_are_multiplied_too():
    # What a sum sends back is one number with strides 0.
    ones = torch.ones(()).expand(256, 64)
    second = torch.rand(64, 512)
    torch.testing.assert_close(matrix_product.product(ones, second), second.sum(0).expand(256, -1))
    torch.testing.assert_close(matrix_product.product(second.T, ones.T), second.sum(0).unsqueeze(1).expand(-1, 256))


def test_onednn_gets_no_matrix_that_it_would_take_number_by_number(monkeypatch):
    # Its fallback takes seconds where the kernel takes milliseconds.
    strides = []

    def noted(first, second_transposed, *others):
        strides.append((first.stride(), second_transposed.stride()))
        return first @ second_transposed.T

    monkeypatch.setattr(matrix_product, "_BY_ONEDNN", noted)
    first, second = torch.rand(256, 256), torch.rand(256, 512)
    for left, right in (
        (torch.ones(()).expand(256, 256), torch.rand(512).expand(256, 512)),
        (torch.rand(256, 1).expand(256, 256), torch.ones(()).expand(256, 512)),
        (torch.rand(512, 512)[::2, ::2], torch.rand(512, 1024)[::2, ::2]),
    ):
        torch.testing.assert_close(matrix_product.product(left, right), left @ right)
    assert strides == [((256, 1), (1, 512))] * 3
    matrix_product.product(first.T, second)  # as they lie
    assert strides[-1] == ((1, 256), (1, 512))


def test_without_onednn_it_is_torchs_own(monkeypatch):
    monkeypatch.setattr(matrix_product, "_BY_ONEDNN", None)
    first, second = torch.rand(64, 300), torch.rand(300, 256)
    assert torch.equal(matrix_product.product(first, second), first @ second)
