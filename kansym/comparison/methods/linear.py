"""A baseline: the hyperplane of least squares."""

from __future__ import annotations

from kansym.comparison.methods.base import Answer, Method, Task

__all__ = ["Linear"]


class Linear(Method):
    """scikit-learn's ``LinearRegression``; accuracy only."""

    name = "linear"
    modules = ("sklearn",)
    packages = ("scikit-learn",)
    about = "baseline without a formula: linear least squares (scikit-learn)"

    def load(self) -> None:
        """Import scikit-learn's linear models."""
        import sklearn.linear_model  # noqa: F401

    def fit(self, task: Task) -> Answer:
        """Solve the least-squares problem."""
        from sklearn.linear_model import LinearRegression

        return Answer(None, predict=LinearRegression().fit(task.X, task.y).predict)
