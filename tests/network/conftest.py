"""Networks of every kind for the tests: random topologies with product nodes, symbolic, spline and pruned edges."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from kansym.library import Library
from kansym.network import KAN


def make_random_network(seed: int, widths: tuple[int, ...], *, prune_share: float = 0.2, **options: Any) -> KAN:
    """Return a float64 network whose edges are spline, symbolic or pruned at random, with nodes of both kinds."""
    generator = torch.Generator().manual_seed(seed)

    def draw(count: int) -> list[float]:
        return torch.rand(count, generator=generator, dtype=torch.float64).tolist()

    products = [int(draw(1)[0] * (width + 1)) for width in widths[1:]]
    network = KAN(widths, product_nodes=products, generator=generator, dtype=torch.float64, **options)
    functions = list(Library(["x", "x^2", "x^n", "exp", "sin", "tanh", "gaussian"]))
    for index in network.edges():
        kind, which, a, b, c, d, n = draw(7)
        if kind < prune_share:
            network = network.prune_edge(index)
        elif kind < prune_share + 0.3:
            function = functions[int(which * len(functions))]
            # x^n needs a positive argument, so its input is kept small beside the shift.
            a, b = (0.02 * a, 1.0 + b) if function.has_exponent else (a - 0.5, b - 0.5)
            exponent = 0.5 + 2.0 * n if function.has_exponent else None
            network = network.snap(index, function, a, b, c + 0.2, d - 0.5, exponent)
    n_in, n_out = widths[0], widths[-1]
    return network.with_scaling(draw(n_in), [0.5 + v for v in draw(n_in)], draw(n_out), [0.5 + v for v in draw(n_out)])


def make_rows(seed: int, n: int, columns: int) -> torch.Tensor:
    """Rows drawn from [-1, 1], float64."""
    generator = torch.Generator().manual_seed(1000 + seed)
    return torch.rand(n, columns, generator=generator, dtype=torch.float64) * 2 - 1


@pytest.fixture(autouse=True)
def same_draws_in_every_process() -> None:
    """Let what is drawn by torch's seed, which each process draws anew, be the same every time."""
    torch.default_generator.manual_seed(0)


@pytest.fixture(scope="session")
def random_network() -> Callable[..., KAN]:
    """Maker of random networks; a fixture because test files import nothing from each other."""
    return make_random_network


@pytest.fixture(scope="session")
def rows() -> Callable[[int, int, int], torch.Tensor]:
    """Maker of rows: ``rows(seed, n, columns)``."""
    return make_rows


@pytest.fixture
def generator() -> torch.Generator:
    """Return a generator of fixed seed."""
    return torch.Generator().manual_seed(0)
