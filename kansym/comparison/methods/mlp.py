"""A baseline: a multilayer perceptron."""

from __future__ import annotations

import copy
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kansym.comparison.methods.base import Answer, Method, Task

__all__ = ["MLP"]

_HIDDEN = (64, 64)
_HELD_BACK = 0.1
_PATIENCE = 200
_MAX_EPOCHS = 20_000


class MLP(Method):
    """scikit-learn's ``MLPRegressor`` with two hidden layers of 64 nodes; accuracy only.

    Columns and y are standardised. Adam runs epoch by epoch until the error on a tenth of the rows, held back, has not
    improved for 200 epochs, or the time is used up; the weights of the best epoch are kept.
    """

    name = "mlp"
    modules = ("sklearn",)
    packages = ("scikit-learn",)
    about = "baseline without a formula: multilayer perceptron with early stopping (scikit-learn)"

    def load(self) -> None:
        """Import scikit-learn's networks."""
        import sklearn.neural_network  # noqa: F401

    def fit(self, task: Task) -> Answer:
        """Train until the held-back rows are predicted no better."""
        from sklearn.neural_network import MLPRegressor
        from sklearn.preprocessing import StandardScaler

        deadline = time.monotonic() + task.time_limit
        inputs = StandardScaler().fit(task.X)
        mean, deviation = float(task.y.mean()), float(task.y.std()) or 1.0
        X, y = np.asarray(inputs.transform(task.X)), (task.y - mean) / deviation
        order = np.random.default_rng(task.seed).permutation(len(y))
        held_back = max(int(_HELD_BACK * len(y)), 1)
        test, train = order[:held_back], order[held_back:] if len(y) > 1 else order
        network = MLPRegressor(hidden_layer_sizes=_HIDDEN, random_state=task.seed)
        best = _train(network, (X[train], y[train]), (X[test], y[test]), deadline)

        def predict(rows: NDArray[np.float64]) -> NDArray[np.float64]:
            return mean + deviation * best.predict(np.asarray(inputs.transform(rows)))

        return Answer(None, predict=predict)


def _train(network: Any, train: tuple[Any, Any], test: tuple[Any, Any], deadline: float) -> Any:
    best, least, waited = network, np.inf, 0
    for _ in range(_MAX_EPOCHS):
        network.partial_fit(*train)
        error = float(np.mean((network.predict(test[0]) - test[1]) ** 2))
        waited += 1
        if error < least:
            best, least, waited = copy.deepcopy(network), error, 0
        if waited > _PATIENCE or time.monotonic() > deadline:
            break
    return best
