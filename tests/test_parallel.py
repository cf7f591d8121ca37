"""Searches side by side, by every backend of joblib that is there, and inside a search over parameters."""

import joblib
import numpy as np
import pytest
import torch
from joblib import Parallel, delayed
from joblib.externals.loky import get_reusable_executor
from sklearn.model_selection import GridSearchCV

from kansym import KANRegressor

NUMBERS = np.random.default_rng(0)
X = NUMBERS.uniform(1.0, 2.0, (60, 2))
Y = np.stack([X[:, 0] * X[:, 1], X[:, 0] / X[:, 1]], axis=1)


def equations(n_jobs):
    model = KANRegressor(random_state=0, max_steps=5, time_limit=None, n_jobs=n_jobs).fit(X, Y)
    return [list(front["equation"]) for front in model.equations_]


def threads_of_a_fit():
    KANRegressor(random_state=0, max_steps=2, time_limit=None).fit(X, Y[:, 0])
    return torch.get_num_threads()


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


def test_a_grid_search_over_processes_gives_each_its_share_of_the_threads(monkeypatch):
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.delenv(variable)  # with them each process would have one thread anyway
    get_reusable_executor().shutdown(wait=True)  # that of earlier tests has one thread a process
    share = max(joblib.cpu_count() // 2, 1)
    assert set(Parallel(n_jobs=2)(delayed(threads_of_a_fit)() for _ in range(2))) <= set(range(1, share + 1))
    grid = {"max_complexity": [5, 20]}
    estimator = KANRegressor(random_state=0, max_steps=5, time_limit=None)
    one, two = (GridSearchCV(estimator, grid, cv=2, n_jobs=jobs).fit(X, Y[:, 0]) for jobs in (1, 2))
    np.testing.assert_array_equal(one.cv_results_["mean_test_score"], two.cv_results_["mean_test_score"])
    assert two.best_score_ > 0.9
