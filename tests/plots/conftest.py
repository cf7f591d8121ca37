import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from kansym import KANRegressor


@pytest.fixture(autouse=True)
def no_windows(monkeypatch):
    """Draw into memory, and fail if a picture asks for a window or changes a setting."""
    from matplotlib import pyplot

    pyplot.switch_backend("agg")
    monkeypatch.setattr(pyplot, "show", lambda *_, **__: pytest.fail("a window was asked for"))
    before = dict(mpl.rcParams)
    yield
    pyplot.close("all")
    assert dict(mpl.rcParams) == before


def fitted(X, y, steps=60):
    return KANRegressor(max_steps=steps, time_limit=None, random_state=0).fit(X, y), X, y


@pytest.fixture(scope="session")
def waves():
    """One formula of two columns: exp(sin(pi x) + y^2)."""
    X = pd.DataFrame(np.random.default_rng(0).uniform(-1, 1, (200, 2)), columns=["x", "y"])
    return fitted(X, pd.Series(np.exp(np.sin(np.pi * X.x) + X.y**2), name="z"))


@pytest.fixture(scope="session")
def motion():
    """Two outputs, both products."""
    X = pd.DataFrame(np.random.default_rng(0).uniform(0.5, 2, (100, 2)), columns=["m", "v"])
    return fitted(X, pd.DataFrame({"energy": X.m * X.v**2 / 2, "momentum": X.m * X.v}))


@pytest.fixture(scope="session")
def noisy_line():
    """One column and noise, as arrays without names."""
    rng = np.random.default_rng(0)
    x = rng.uniform(1, 5, (60, 1))
    return fitted(x, 2.5 * x[:, 0] + rng.normal(0, 0.1, 60), steps=20)
