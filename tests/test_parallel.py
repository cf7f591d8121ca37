"""Searches side by side, by every backend of joblib that is there, and inside a search over parameters."""

import os
import subprocess
import sys
from pathlib import Path

import joblib
import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV

from kansym import KANRegressor

ROOT = Path(__file__).parents[1]
NUMBERS = np.random.default_rng(0)
X = NUMBERS.uniform(1.0, 2.0, (60, 2))
Y = np.stack([X[:, 0] * X[:, 1], X[:, 0] / X[:, 1]], axis=1)


def equations(n_jobs):
    model = KANRegressor(random_state=0, max_steps=5, time_limit=None, n_jobs=n_jobs).fit(X, Y)
    return [list(front["equation"]) for front in model.equations_]


THREADS = """
import joblib, numpy, torch
from kansym import KANRegressor

def threads_of_a_fit():
    X = numpy.linspace(1.0, 2.0, 60)[:, None]
    KANRegressor(random_state=0, max_steps=2, time_limit=None).fit(X, 3 * X[:, 0])
    return torch.get_num_threads()

if __name__ == "__main__":
    print(max(joblib.Parallel(n_jobs=2)(joblib.delayed(threads_of_a_fit)() for _ in range(2))))
    print(max(joblib.cpu_count() // 2, 1))
"""


@pytest.fixture(params=["threading", "dask", "ray"])
def backend(request):
    """A backend beside loky, of which test_regressor.py knows."""
    if request.param == "ray":
        ray_joblib = pytest.importorskip("ray.util.joblib")
        ray_joblib.register_ray()
    if request.param != "dask":
        with joblib.parallel_config(backend=request.param, n_jobs=2):
            yield request.param
        return
    distributed = pytest.importorskip("distributed")
    local = {"n_workers": 1, "threads_per_worker": 2, "processes": False, "dashboard_address": None}
    with (
        distributed.LocalCluster(**local, silence_logs=50) as cluster,
        distributed.Client(cluster),
        joblib.parallel_config(backend="dask"),
    ):
        yield request.param


def test_every_backend_finds_the_same(backend):
    assert equations(n_jobs=2) == equations(n_jobs=1)


def test_processes_side_by_side_share_the_threads():
    """In a process of its own: the tests have one thread each, and so have the processes that they start."""
    limits = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    free = {name: value for name, value in os.environ.items() if name not in limits}
    command = [sys.executable, "-c", THREADS]
    run = subprocess.run(command, env=free, cwd=ROOT, capture_output=True, text=True, timeout=200, check=True)
    most, share = map(int, run.stdout.split())
    assert most <= share


def test_a_grid_search_over_processes_finds_the_same():
    grid = {"max_complexity": [5, 20]}
    estimator = KANRegressor(random_state=0, max_steps=5, time_limit=None)
    one, two = (GridSearchCV(estimator, grid, cv=2, n_jobs=jobs).fit(X, Y[:, 0]) for jobs in (1, 2))
    np.testing.assert_array_equal(one.cv_results_["mean_test_score"], two.cv_results_["mean_test_score"])
    assert two.best_score_ > 0.9
