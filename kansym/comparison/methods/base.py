"""What a method of the comparison is: it gets a task and a budget and gives back a formula, or predictions."""

from __future__ import annotations

import importlib.util
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kansym.errors import KansymError

if TYPE_CHECKING:
    import sympy

__all__ = ["DEFAULT_OPERATORS", "OPERATORS", "Answer", "Method", "MissingMethod", "Task"]

OPERATORS = (
    *("add", "sub", "mul", "div", "pow", "square", "cube", "sqrt", "exp", "log", "sin", "cos", "tan"),
    *("asin", "acos", "atan", "sinh", "cosh", "tanh", "abs"),
)
"""Every operator that a comparison can be told to allow."""

DEFAULT_OPERATORS = ("add", "sub", "mul", "div", "square", "sqrt", "exp", "log", "sin", "cos", "tanh", "asin")
"""What the laws of the Feynman suite are made of; every method that takes a set of operators gets the same one."""


class MissingMethod(KansymError):
    """A method cannot be loaded on this machine; the message says what is missing and how to get it."""


@dataclass(frozen=True, eq=False)
class Task:
    """One fit, as every method gets it.

    Attributes
    ----------
    X : ndarray of shape (n_rows, n_variables)
    y : ndarray of shape (n_rows,)
    time_limit : float
        Seconds for the fit. A method is told them where it can be; the runner ends it soon after in any case.
    seed : int
    threads : int
        How many threads the method may use.
    operators : tuple of str
        Names from :data:`OPERATORS`.
    """

    X: NDArray[np.float64]
    y: NDArray[np.float64]
    time_limit: float
    seed: int
    threads: int = 1
    operators: tuple[str, ...] = DEFAULT_OPERATORS

    @property
    def variables(self) -> tuple[sympy.Symbol, ...]:
        """Real symbols x0, x1, … for the columns: names that no rival changes or refuses."""
        import sympy

        return tuple(sympy.Symbol(f"x{column}", real=True) for column in range(self.X.shape[1]))


@dataclass(frozen=True, eq=False)
class Answer:
    """What a method found.

    Attributes
    ----------
    expression : sympy.Expr or None
        The formula that the method itself selects, in the variables of the task; None for methods without formulas.
    front : tuple of sympy.Expr
        Every formula that it offers, the selected one among them; empty if it offers one only.
    predict : callable or None
        From rows to predictions; only for methods without a formula, since formulas are evaluated by the judge.
    """

    expression: sympy.Expr | None
    front: tuple[sympy.Expr, ...] = ()
    predict: Callable[[NDArray[np.float64]], NDArray[np.float64]] | None = None


class Method(ABC):
    """One way from data to a formula.

    Attributes
    ----------
    name : str
        What the user types.
    modules : tuple of str
        Top-level modules that must be importable.
    packages : tuple of str
        Distributions whose versions go into the record.
    remedy : str
        How to install what is missing.
    about : str
        One line for ``kansym methods``.
    """

    name: str
    modules: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    remedy: str = "pip install 'kansym[compare]'"
    about: str = ""

    def missing(self) -> str | None:
        """Say what is not installed, without importing it; None if everything is there."""
        absent = [module for module in self.modules if importlib.util.find_spec(module) is None]
        return f"{', '.join(absent)} not installed; {self.remedy}" if absent else None

    def load(self) -> None:  # noqa: B027  (most methods have nothing to warm up)
        """Import and warm up whatever should not count as time of the fit.

        Raises
        ------
        MissingMethod
            If something is missing that :meth:`missing` could not see.
        """

    def warm_up(self, task: Task) -> None:  # noqa: B027  (most methods compile nothing)
        """Do once, on a tiny task with the operators and threads of the real one, what happens at a first fit only."""

    @abstractmethod
    def fit(self, task: Task) -> Answer:
        """Find a formula within the limits of the task."""
