"""A baseline: gradient-boosted trees."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kansym.comparison.methods.base import Answer, Method, Task
from kansym.comparison.methods.choosing import choose

__all__ = ["GradientBoosting"]

_SETTINGS = ((0.1, 31, 300), (0.1, 8, 600), (0.05, 31, 800), (0.03, 16, 1500))  # rate, leaves, trees


class GradientBoosting(Method):
    """scikit-learn's ``HistGradientBoostingRegressor``; accuracy only.

    Learning rate, leaves and trees are chosen from four settings by cross-validation, the default setting with more
    trees first; the time limit may end the choice earlier.
    """

    name = "gradient-boosting"
    modules = ("sklearn",)
    packages = ("scikit-learn",)
    about = "baseline without a formula: gradient-boosted trees, settings by cross-validation (scikit-learn)"

    def load(self) -> None:
        """Import scikit-learn's ensembles."""
        import sklearn.ensemble  # noqa: F401

    def fit(self, task: Task) -> Answer:
        """Choose a setting."""
        return Answer(None, predict=choose(_models(task), task).predict)


def _models(task: Task) -> Iterator[Any]:
    from sklearn.ensemble import HistGradientBoostingRegressor

    for rate, leaves, trees in _SETTINGS:
        yield HistGradientBoostingRegressor(
            learning_rate=rate,
            max_leaf_nodes=leaves,
            max_iter=trees,
            min_samples_leaf=min(20, max(len(task.y) // 50, 1)),
            random_state=task.seed,
        )
