import numpy as np
import pytest
import torch

from kansym.network import KAN
from kansym.workbench import Workbench


def article_law(X):
    return np.exp(np.sin(np.pi * X[:, 0]) + X[:, 1] ** 2)


@pytest.fixture(scope="session")
def article_rows():
    X = np.random.default_rng(0).uniform(-1, 1, (300, 2))
    return X, article_law(X)


@pytest.fixture(scope="session")
def article_start(article_rows):
    """The article's network of widths (2, 5, 1), trained and pruned at the workbench."""
    X, y = article_rows
    network = KAN((2, 5, 1), generator=torch.Generator().manual_seed(0))
    return Workbench.from_network(network, X, y).refit(30, sparsity=1e-3).prune()


@pytest.fixture(scope="session")
def article_end(article_start):
    bench = article_start.snap((0, 0, 0), "sin").snap((0, 0, 1), "x^2").snap((1, 0, 0), "exp")
    return bench.refit()
