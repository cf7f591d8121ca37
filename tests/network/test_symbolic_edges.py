"""Groups of symbolic edges: slopes against automatic differentiation; functions by name."""

import pytest
import torch

from kansym.errors import ParameterError
from kansym.library import Library, default_library
from kansym.network.symbolic_edges import SymbolicGroup, functions_by_name, grouped


@pytest.mark.parametrize("function", list(default_library()), ids=lambda function: function.name)
def test_slopes_equal_automatic_ones(function):
    numbers = torch.Generator().manual_seed(0)
    affine = 0.5 + torch.rand(2, 3, 5, generator=numbers, dtype=torch.float64)
    group = SymbolicGroup(function, torch.tensor([0, 1]), torch.tensor([2, 0]))
    # The first three numbers keep every argument within (0, 1), where all functions are smooth.
    affine[..., 0], affine[..., 1] = 0.3, 0.2 + 0.1 * affine[..., 1]
    x = torch.rand(7, 3, generator=numbers, dtype=torch.float64)
    for of_x, found in ((True, group.slopes(affine, x)), (False, group.number_slopes(affine, x))):
        at, numbers_at = x.clone().requires_grad_(of_x), affine.clone().requires_grad_(not of_x)
        values = group.values(numbers_at, at)
        for edge, ends in enumerate(((0, 2), (1, 0))):
            for row in range(7):
                (expected,) = torch.autograd.grad(values[row, edge], at if of_x else numbers_at, retain_graph=True)
                part = expected[row, ends[1]] if of_x else expected[ends][: group.n_affine]
                torch.testing.assert_close(found[row, edge], part, rtol=1e-9, atol=1e-12)


def test_edges_of_one_function_are_one_group():
    sine, cube = Library(["sin"])["sin"], Library(["x^3"])["x^3"]
    groups = grouped({(0, 1): sine, (1, 0): cube, (1, 1): sine}, torch.device("cpu"))
    assert [(group.function.name, group.outputs.tolist(), group.inputs.tolist()) for group in groups] == [
        ("sin", [0, 1], [1, 1]),
        (cube.name, [1], [0]),
    ]
    kept = groups[0].of(torch.tensor([False, True]))
    assert (kept.outputs.tolist(), kept.inputs.tolist()) == ([1], [1])


def test_functions_are_looked_up_among_the_known_first():
    sine = Library(["sin"])["sin"]
    assert functions_by_name(["sin"], [sine], Library(["cos"]))["sin"] is sine
    assert functions_by_name([], [], Library(["cos"])) == {}
    with pytest.raises(ParameterError, match=r"library must hold .*sin.*, got .*cos"):
        functions_by_name(["sin"], [], Library(["cos"]))
