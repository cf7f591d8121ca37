"""What a comparison is about: problems, each of which draws a sample of rows with the truth beside them."""

from __future__ import annotations

import hashlib
import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import sympy
from numpy.typing import NDArray

from kansym.comparison.accuracy import root_mean_square
from kansym.comparison.evaluation import evaluate
from kansym.comparison.sampling import Variable, draw_rows, stream, stream_key
from kansym.errors import ParameterError
from kansym.symbolic.parsing import expression_text, parse_expression

__all__ = ["LawProblem", "Problem", "Sample"]

Array = NDArray[np.float64]

_DEFAULT_ROWS = 1000
_TEST_ROWS = 1000
_WIDE_ROWS = 1000


@dataclass(frozen=True, eq=False, repr=False)
class Sample:
    """Rows of a problem: those that methods see, and those that only the judge sees.

    Attributes
    ----------
    names : tuple of str
        Of the columns.
    variables : tuple of sympy.Symbol
        Real symbols of these names.
    X, y : ndarray of shape (n_rows, n_variables) and (n_rows,)
        Training rows, with noise on y.
    X_test, y_test : ndarray
        Fresh rows of the same ranges without noise; of a table, the rows that were held out.
    X_wide, y_wide : ndarray or None
        Fresh rows of ranges half as wide again, with the values of the truth; None where there is none.
    truth : sympy.Expr or None
        The law, in these variables.
    sigma : float
        Standard deviation of the noise on y, 0 without noise; of measured data, how far the law is from the rows.
    """

    names: tuple[str, ...]
    variables: tuple[sympy.Symbol, ...]
    X: Array
    y: Array
    X_test: Array
    y_test: Array
    X_wide: Array | None
    y_wide: Array | None
    truth: sympy.Expr | None
    sigma: float

    def __repr__(self) -> str:
        """Show the sizes and the truth, not the rows."""
        wide = 0 if self.X_wide is None else len(self.X_wide)
        return (
            f"Sample of {len(self.X)} training, {len(self.X_test)} test and {wide} wide rows"
            f" of {', '.join(self.names)}; truth {self.truth}, sigma {self.sigma:.3g}"
        )


class Problem(ABC):
    """One question to all methods.

    Attributes
    ----------
    suite, name : str
        Together they name the problem, and seed its streams of random numbers.
    """

    suite: str
    name: str

    @property
    def fingerprint(self) -> str | None:
        """Hexadecimal digits that differ when another problem goes by the same name; None where that is not told."""
        return None

    @abstractmethod
    def draw(self, rows: int | None = None, noise: float = 0.0, dummies: int = 0, seed: int = 0) -> Sample:
        """Draw a sample.

        Parameters
        ----------
        rows : int or None
            Training rows; None for what the source prescribes, else 1000. Of a table, at most as many as it has.
        noise : float
            Standard deviation of the normal noise that is added to y, relative to the root mean square of y.
        dummies : int
            Columns without effect, drawn from ranges like those of the problem's own, at random places among them.
        seed : int
            Training rows, noise, test rows and dummy columns are drawn from streams of their own: adding noise or
            dummy columns leaves the rows as they were, and so does any other problem.

        Raises
        ------
        ParameterError
            If a number is out of its range.
        DataError
            If the law is finite on too few rows.
        """


@dataclass(frozen=True)
class LawProblem(Problem):
    """A law and the ranges of its variables.

    Attributes
    ----------
    suite, name : str
    expression : sympy.Expr
        In the symbols of the variables; some of these need not occur.
    variables : tuple of Variable
    dummies : tuple of Variable
        Columns without effect that belong to the problem.
    noise : float
        Noise that belongs to the problem, relative to the root mean square of y.
    source : str

    Examples
    --------
    >>> x = Variable("x", 1.0, 2.0)
    >>> problem = LawProblem("mine", "square", x.symbol**2, (x,))
    >>> sample = problem.draw(rows=5, dummies=1, seed=0)
    >>> sorted(sample.names), sample.X.shape, sample.truth
    (['dummy1', 'x'], (5, 2), x**2)
    """

    suite: str
    name: str
    expression: sympy.Expr
    variables: tuple[Variable, ...]
    dummies: tuple[Variable, ...] = ()
    noise: float = 0.0
    source: str = ""

    def __reduce__(self) -> tuple[Any, ...]:
        """Go to other processes as text: unpickled by sympy, ``2*(x + 1)`` would come back as ``2*x + 2``."""
        law = expression_text(self.expression)
        return _from_text, (self.suite, self.name, law, self.variables, self.dummies, self.noise, self.source)

    @property
    def fingerprint(self) -> str:
        """Of the law, the ranges of its variables and the noise that belongs to it."""
        return fingerprint_of(repr((self.expression, self.variables, self.dummies, self.noise)))

    def law(self, X: Array) -> Array:
        """Values (n_rows,) of the law on rows of the variables, NaN where it is not finite."""
        return evaluate(self.expression, [variable.symbol for variable in self.variables], X)

    def draw(self, rows: int | None = None, noise: float = 0.0, dummies: int = 0, seed: int = 0) -> Sample:
        """Draw a sample, see :meth:`Problem.draw`."""
        check_draw(rows, noise, dummies, seed)
        key = stream_key(self.suite, self.name)
        X, y = self._training_rows(rows, stream(key, seed, "rows"))
        X_test, y_test = draw_rows(self.variables, _TEST_ROWS, stream(key, seed, "test"), self.law)
        wide = [variable.widened() for variable in self.variables]
        X_wide, y_wide = draw_rows(wide, _WIDE_ROWS, stream(key, seed, "wide"), self.law)
        sigma = math.hypot(self.noise, noise) * root_mean_square(y)
        sample = Sample(
            names=tuple(variable.name for variable in self.variables),
            variables=tuple(variable.symbol for variable in self.variables),
            X=X,
            y=add_noise(y, sigma, key, seed),
            X_test=X_test,
            y_test=y_test,
            X_wide=X_wide,
            y_wide=y_wide,
            truth=self.expression,
            sigma=sigma,
        )
        return add_dummies(sample, [*self.dummies, *dummy_variables(self.variables, dummies, key, seed)], key, seed)

    def _training_rows(self, rows: int | None, generator: np.random.Generator) -> tuple[Array, Array]:
        grids = [variable.points(variable.grid) for variable in self.variables if variable.grid is not None]
        if rows is None and len(grids) == len(self.variables):
            X = np.column_stack([axis.ravel() for axis in np.meshgrid(*grids, indexing="ij")])
            y = self.law(X)
            return X[np.isfinite(y)], y[np.isfinite(y)]
        prescribed = [variable.count for variable in self.variables if variable.count is not None]
        return draw_rows(self.variables, rows or max(prescribed, default=_DEFAULT_ROWS), generator, self.law)


def _from_text(suite: str, name: str, law: str, variables: tuple[Variable, ...], *others: Any) -> LawProblem:
    return LawProblem(suite, name, parse_expression(law, [v.symbol for v in variables]), variables, *others)


def check_draw(rows: int | None, noise: float, dummies: int, seed: int) -> None:
    """Raise a ParameterError for options that no sample can have."""
    if rows is not None and not (_is_whole(rows) and rows >= 1):
        raise ParameterError(f"rows must be an integer >= 1, or None for what the problem prescribes, got {rows!r}")
    if not (isinstance(noise, int | float) and math.isfinite(noise) and noise >= 0):
        raise ParameterError(f"noise must be a finite number >= 0, relative to the size of y, got {noise!r}")
    for name, value in (("dummies", dummies), ("seed", seed)):
        if not (_is_whole(value) and value >= 0):
            raise ParameterError(f"{name} must be an integer >= 0, got {value!r}")


def _is_whole(value: object) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def add_noise(y: Array, sigma: float, key: tuple[int, ...], seed: int) -> Array:
    """Y with normal noise, from the stream of the problem's noise."""
    return y + sigma * stream(key, seed, "noise").standard_normal(len(y)) if sigma > 0 else y


def fingerprint_of(*parts: str | bytes) -> str:
    """Sixteen hexadecimal digits that stand for some texts or bytes.

    Examples
    --------
    >>> fingerprint_of("x", "y") == fingerprint_of("x", "y"), fingerprint_of("x", "y") == fingerprint_of("xy")
    (True, False)
    """
    digest = hashlib.sha256()
    for part in parts:
        digest.update(hashlib.sha256(part if isinstance(part, bytes) else part.encode()).digest())
    return digest.hexdigest()[:16]


def dummy_variables(variables: Sequence[Variable], number: int, key: tuple[int, ...], seed: int) -> list[Variable]:
    """So many variables with ranges like those of the given ones."""
    generator = stream(key, seed, "dummies")
    like = generator.integers(len(variables), size=number)
    return [replace(variables[position], distribution="uniform", count=None, grid=None) for position in like]


def add_dummies(sample: Sample, dummies: Sequence[Variable], key: tuple[int, ...], seed: int) -> Sample:
    """Put columns without effect among the columns of a sample, named dummy1, dummy2 and so on."""
    if not dummies:
        return sample
    free = (name for number in range(1, 10**6) if (name := f"dummy{number}") not in sample.names)
    renamed = [replace(variable, name=next(free)) for variable in dummies]
    columns = len(sample.names) + len(renamed)
    places = np.sort(stream(key, seed, "positions").choice(columns, size=len(renamed), replace=False))
    order = np.argsort(np.concatenate([np.delete(np.arange(columns), places), places]))

    def joined(X: Array, number: int, drawn_from: Sequence[Variable]) -> Array:
        generator = stream(key, seed, "dummies", number)
        drawn = [variable.draw(len(X), generator) for variable in drawn_from]
        return np.column_stack([X, *drawn])[:, order]

    names = (*sample.names, *(variable.name for variable in renamed))
    symbols = (*sample.variables, *(variable.symbol for variable in renamed))
    return replace(
        sample,
        names=tuple(names[position] for position in order),
        variables=tuple(symbols[position] for position in order),
        X=joined(sample.X, 1, renamed),
        X_test=joined(sample.X_test, 2, renamed),
        X_wide=None if sample.X_wide is None else joined(sample.X_wide, 3, [v.widened() for v in renamed]),
    )
