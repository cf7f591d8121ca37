"""The features of a dictionary, enumerated by complexity: what laws hold most often first."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import numpy as np
import sympy
from numpy.typing import NDArray

from kansym.library import Library
from kansym.symbolic.dictionary import BINARY, UNARY, Dictionary, Operation
from kansym.symbolic.grammar import is_allowed

__all__ = ["enumerate_features"]

Array = NDArray[np.float64]

_LEAST_SPREAD = 1e-6
_LARGEST_VALUE = 1e100  # columns may be in any unit, and squares of features are still numbers
_LARGEST_EXPONENTIAL = 1e12  # in a wider one hardly more than a row has a say
_DIGITS = 9
_BLOCK = 2_000_000
_SUMMED_POWERS = (2, 3, 4, 6)
_MOST_FOR_POWERS = 3
_MOST_FOR_SUMMED_SQUARES = 8
_SHARE_OF_PRODUCTS = 8
_MOST_FOR_SQUARES = 4
_MOST_FOR_FULL_MONOMIALS = 6
_POWERS = (-12, -8, -6, -5, -4, -3, 2, 3, 4, 5, 6, 8, 12)
_MOST_FOR_PRODUCTS_WITH_FUNCTIONS = 8


def enumerate_features(
    columns: Array,
    variables: tuple[sympy.Symbol, ...],
    *,
    size: int = 30_000,
    library: Library | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Dictionary:
    """Enumerate expressions until ``size`` are found: common parts of laws first, then all, level by level.

    Features that are not finite on every row, nearly constant, or proportional to an earlier one are left out; of
    several proportional ones the least complex stays. Waves that the rows do not resolve are left out, too. A
    transcendental function is never put inside another.

    Parameters
    ----------
    columns : ndarray of shape (n_rows, n_variables)
        A few hundred rows.
    variables : tuple of sympy.Symbol
    size : int
        The number of features at which enumeration ends.
    library : Library, optional
        Only its functions are used inside features.
    should_stop : callable, optional
        Asked between blocks; what was found so far is returned.

    Examples
    --------
    >>> x, y = sympy.symbols("x y", real=True)
    >>> rows = np.random.default_rng(0).uniform(1, 2, (50, 2))
    >>> found = enumerate_features(rows, (x, y), size=500)
    >>> sympy.sqrt(x * y) in [found.expression(i) for i in range(len(found))]
    True
    """
    growing = _Growing(columns, variables, size)
    unary = {name: operation for name, operation in UNARY.items() if library is None or _is_known(operation, library)}
    growing.add_leaves()
    growing.add_products_with_functions(unary)
    level = 2
    while not growing.full and level <= 2 * growing.largest_cost + 4:
        for name, operation in unary.items():
            growing.add_unary(name, operation, level)
        for name, operation in BINARY.items():
            if should_stop is not None and should_stop():
                return growing.finish()
            growing.add_binary(name, operation, level)
        level += 1
    return growing.finish()


def _is_known(operation: Operation, library: Library) -> bool:
    return is_allowed(operation.expression(sympy.Symbol("u", real=True)), library)


def _are_resolved(angles: Array) -> NDArray[np.bool_]:
    """Whether each line has more than one value in a half wave; with fewer a sine is a table of random numbers."""
    steps = np.diff(np.sort(angles, axis=1), axis=1)
    return steps.sum(axis=1) < np.pi * (steps > 0).sum(axis=1)


def _monomials(n_variables: int) -> Iterator[tuple[int, tuple[tuple[int, int], ...]]]:
    """Cost and ``(variable, exponent)`` pairs of products of powers, cheapest first: a hundred columns have a million.

    ``count`` factors cost a node each, the products between them another, and every power but the first two more.
    """
    largest = 2 if n_variables <= _MOST_FOR_SQUARES else 1
    together = n_variables if n_variables <= _MOST_FOR_FULL_MONOMIALS else 3
    exponents = [k for k in range(-largest, largest + 1) if k]
    for cost in range(3, 4 * together, 2):
        for count in range(2, together + 1):
            other = (cost - (2 * count - 1)) // 2  # factors with an exponent other than one
            if not 0 <= other <= count:
                continue
            patterns = [
                powers
                for powers in itertools.product(exponents, repeat=count)
                if sum(power != 1 for power in powers) == other
            ]
            for chosen in itertools.combinations(range(n_variables), count):
                for powers in patterns:
                    yield cost, tuple(zip(chosen, powers, strict=True))


class _Growing:
    """A dictionary in the making."""

    def __init__(self, columns: Array, variables: tuple[sympy.Symbol, ...], size: int) -> None:
        self.columns, self.variables, self.size = columns, variables, size
        self.blocks: list[Array] = []
        self.recipes: list[tuple] = []
        self.costs: list[int] = []
        self.transcendentals: list[bool] = []
        self.seen: set[tuple[float, float]] = set()
        # Fixed directions tell features apart; the choice is part of the method, not of the user's seed.
        generator = np.random.default_rng(12345)
        self.directions = generator.normal(size=(len(columns), 2))
        self.levels: dict[int, list[int]] = {}

    @property
    def full(self) -> bool:
        return len(self.recipes) >= self.size

    @property
    def largest_cost(self) -> int:
        return max(self.costs, default=1)

    def add_leaves(self) -> None:
        n_variables = len(self.variables)
        self._admit(self.columns.T.copy(), [("variable", i) for i in range(n_variables)], 1, [False] * n_variables)
        self._add_monomials()
        if n_variables <= _MOST_FOR_SUMMED_SQUARES:
            with np.errstate(all="ignore"):
                for power in _POWERS if n_variables <= _MOST_FOR_POWERS else (2,):
                    self._admit(
                        self.columns.T ** float(power),
                        [("power", i, power) for i in range(n_variables)],
                        3,
                        [False] * n_variables,
                    )
            self._add_sums_of_powers()

    def _add_monomials(self) -> None:
        """Products and quotients of several variables: the commonest parts of laws, before their size is reached."""
        found = itertools.islice(_monomials(len(self.variables)), self.size // 4)
        for cost, group in itertools.groupby(found, key=lambda entry: entry[0]):
            factors = [recipe for _, recipe in group]
            with np.errstate(all="ignore"):
                values = [np.prod([self.columns[:, i] ** float(k) for i, k in recipe], axis=0) for recipe in factors]
            self._admit(np.array(values), [("monomial", recipe) for recipe in factors], cost, [False] * len(factors))

    def _add_sums_of_powers(self) -> None:
        """Sums and differences of two equal powers and sums of three squares: distances, energies, Rydberg's terms.

        Laws hold them far more often than other trees of their size.
        """
        for power in _SUMMED_POWERS:
            alike = [i for i, recipe in enumerate(self.recipes) if recipe[0] == "power" and recipe[2] == power]
            for i, j in itertools.combinations(alike, 2):
                values = self._values([i, j])
                both = np.vstack([values[0] + values[1], values[0] - values[1]])
                self._admit(both, [("plus", i, j), ("minus", i, j)], 7, [False, False])
            if power == 2:
                squares = set(alike)
                pairs = [
                    (place, recipe)
                    for place, recipe in enumerate(self.recipes)
                    if recipe[0] == "plus" and squares.issuperset(recipe[1:])
                ]
                triples = [("plus", place, k) for place, (_, i, j) in pairs for k in alike if k > max(i, j)]
                for triple in triples:
                    self._admit(self._values(list(triple[1:])).sum(axis=0)[None, :], [triple], 11, [False])

    def add_products_with_functions(self, unary: dict[str, Operation]) -> None:
        """Products of a few columns and a function of one: amplitudes, components, dampings."""
        if len(self.variables) > _MOST_FOR_PRODUCTS_WITH_FUNCTIONS:
            return
        functions: list[int] = []
        for name, operation in unary.items():
            if operation.transcendental:
                before = len(self.recipes)
                self.add_unary(name, operation, 1 + operation.cost)
                functions += range(before, len(self.recipes))
        plain = [
            i
            for i, (kind, *content) in enumerate(self.recipes)
            if kind == "variable" or (kind == "monomial" and all(abs(k) == 1 for _, k in content[0]))
        ]
        pairs = sorted(itertools.product(plain, functions), key=lambda pair: self.costs[pair[0]] + self.costs[pair[1]])
        for cost, group in itertools.groupby(
            pairs[: self.size // _SHARE_OF_PRODUCTS], key=lambda pair: self.costs[pair[0]] + self.costs[pair[1]] + 1
        ):
            places = list(group)
            with np.errstate(all="ignore"):
                values = self._values([i for i, _ in places]) * self._values([j for _, j in places])
            self._admit(values, [("times", i, j) for i, j in places], cost, [True] * len(places))

    def add_unary(self, name: str, operation: Operation, level: int) -> None:
        inputs = [
            i
            for i in self.levels.get(level - operation.cost, [])
            if not (operation.transcendental and self.transcendentals[i])
        ]
        if not inputs or self.full:
            return
        arguments = self._values(inputs)
        if operation.periodic:
            resolved = _are_resolved(arguments)
            inputs, arguments = [inputs[i] for i in np.flatnonzero(resolved)], arguments[resolved]
        with np.errstate(all="ignore"):
            values = operation.values(arguments)
        flags = [operation.transcendental or self.transcendentals[i] for i in inputs]
        largest = _LARGEST_EXPONENTIAL if operation.transcendental else _LARGEST_VALUE
        self._admit(values, [(name, i) for i in inputs], level, flags, largest)

    def add_binary(self, name: str, operation: Operation, level: int) -> None:
        total = level - operation.cost
        for left_cost in range(1, total):
            right_cost = total - left_cost
            if operation.commutative and left_cost < right_cost:
                continue
            left, right = self.levels.get(left_cost, []), self.levels.get(right_cost, [])
            if not left or not right:
                continue
            right_values = self._values(right)
            rows_at_once = max(1, _BLOCK // (len(right) * len(self.columns)))
            for start in range(0, len(left), rows_at_once):
                if self.full:
                    return
                some = left[start : start + rows_at_once]
                with np.errstate(all="ignore"):
                    values = operation.values(self._values(some)[:, None, :], right_values[None, :, :])
                recipes = [(name, i, j) for i in some for j in right]
                flags = [self.transcendentals[i] or self.transcendentals[j] for i in some for j in right]
                self._admit(values.reshape(-1, len(self.columns)), recipes, level, flags)

    def finish(self) -> Dictionary:
        count = min(len(self.recipes), self.size)
        values = np.vstack(self.blocks)[:count] if self.blocks else np.empty((0, len(self.columns)))
        return Dictionary(
            self.variables,
            values,
            self.recipes[:count],
            np.array(self.costs[:count], dtype=np.int64),
            np.array(self.transcendentals[:count], dtype=bool),
        )

    def _values(self, indices: list[int]) -> Array:
        everything = np.vstack(self.blocks)
        self.blocks = [everything]
        return everything[indices]

    def _admit(
        self,
        values: Array,
        recipes: list[tuple],
        cost: int,
        flags: list[bool],
        largest: float = _LARGEST_VALUE,
    ) -> None:
        with np.errstate(all="ignore"):
            size = np.abs(values).max(axis=1)
            spread = values.max(axis=1) - values.min(axis=1)
            usable = np.isfinite(size) & (size < largest) & (size > 1.0 / largest)
            usable &= spread > _LEAST_SPREAD * size
            images = (values @ self.directions) / np.linalg.norm(values, axis=1)[:, None]
            images = np.round(images * np.sign(images[:, :1]), _DIGITS)
        fresh = []
        for index in np.flatnonzero(usable):
            key = (float(images[index, 0]), float(images[index, 1]))
            if key not in self.seen:
                self.seen.add(key)
                fresh.append(int(index))
        if not fresh:
            return
        start = len(self.recipes)
        self.blocks.append(values[fresh])
        self.recipes.extend(recipes[i] for i in fresh)
        self.costs.extend([cost] * len(fresh))
        self.transcendentals.extend(flags[i] for i in fresh)
        self.levels.setdefault(cost, []).extend(range(start, len(self.recipes)))
