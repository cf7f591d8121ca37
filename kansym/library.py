"""The functions that an edge of the network may become: one table for torch, numpy and sympy.

A :class:`SymbolicFunction` is written once against an array namespace (``xp`` is ``numpy`` or ``torch``), so its two
numeric forms cannot drift apart; its sympy form stands beside it. A :class:`Library` is an ordered choice of functions.
Every function is probed when it enters a library: its forms and its derivative must agree on its domain.
"""

from __future__ import annotations

import functools
import math
import numbers
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kansym.errors import ParameterError
from kansym.hints import brief, quote

if TYPE_CHECKING:
    import sympy
    import torch

__all__ = ["Domain", "Library", "SymbolicFunction", "default_library"]

_PROBE_POINTS = 41
_PROBE_TOLERANCE = 1e-9
_PROBE_SLOPE_TOLERANCE = 1e-5
_PROBE_EXPONENT = 1.7


@dataclass(frozen=True)
class Domain:
    """Where a function is real and finite: an interval, less isolated poles.

    Parameters
    ----------
    low, high : float
        Ends of the interval.
    low_closed, high_closed : bool
        Whether the end itself belongs to the domain.
    pole : float or None
        A point inside the interval where the function is infinite.
    period : float or None
        If given, the pole recurs with this period.

    Examples
    --------
    >>> Domain(low=0.0).contains(np.array([-1.0, 0.0, 1.0]))
    array([False, False,  True])
    """

    low: float = -math.inf
    high: float = math.inf
    low_closed: bool = False
    high_closed: bool = False
    pole: float | None = None
    period: float | None = None

    def contains(self, x: NDArray[np.float64], margin: float = 0.0) -> NDArray[np.bool_]:
        """Which of the points lie inside, at least ``margin`` away from an open end or a pole."""
        x = np.asarray(x, dtype=float)
        above = x >= self.low if self.low_closed else x > self.low + margin
        below = x <= self.high if self.high_closed else x < self.high - margin
        inside = above & below & np.isfinite(x)
        if self.pole is not None:
            distance = np.where(inside, x, 0.0) - self.pole  # infinity has none
            if self.period is not None:
                distance = distance - self.period * np.round(distance / self.period)
            inside &= np.abs(distance) > margin
        return inside

    def sample(self, count: int = _PROBE_POINTS) -> NDArray[np.float64]:
        """Points of the domain of moderate size, away from its open ends and poles."""
        low = max(self.low, -2.5) if math.isfinite(self.low) else -2.5
        high = min(self.high, 2.5) if math.isfinite(self.high) else 2.5
        points = np.linspace(low, high, count + 2)[1:-1]
        return points[self.contains(points, margin=0.05)]


@dataclass(frozen=True)
class SymbolicFunction:
    """One univariate function with its numeric forms, its derivative, its sympy form and its domain.

    Parameters
    ----------
    name : str
        The name users type, such as ``"sin"`` or ``"x^2"``.
    value : callable
        ``value(xp, x)``, or ``value(xp, x, exponent)`` if ``has_exponent``; ``xp`` is numpy or torch.
    slope : callable
        The derivative in ``x``, with the same arguments.
    expression : callable
        ``expression(x)`` or ``expression(x, exponent)`` on sympy objects.
    domain : Domain
        Where the function is real and finite.
    complexity : int
        Nodes that the sympy form adds to its argument.
    has_exponent : bool
        Whether the function carries a free real exponent besides its argument.

    Examples
    --------
    >>> import sympy, torch
    >>> sine, power = default_library()["sin"], default_library()["x^n"]
    >>> sine.numpy(np.array([0.0])), sine.derivative(np.array([0.0]))
    (array([0.]), array([1.]))
    >>> sine.torch(torch.zeros(1)), sine.torch_derivative(torch.zeros(1))
    (tensor([0.]), tensor([1.]))
    >>> sine.sympy(sympy.Symbol("t"))
    sin(t)
    >>> sine.has_exponent, power.has_exponent, power.numpy(np.array([4.0]), 0.5)
    (False, True, array([2.]))
    """

    name: str
    value: Callable[..., Any]
    slope: Callable[..., Any]
    expression: Callable[..., Any]
    domain: Domain = field(default_factory=Domain)
    complexity: int = 1
    has_exponent: bool = False

    def __post_init__(self) -> None:
        """Check what can be checked without a call; :func:`probe` tries the function itself."""
        if not isinstance(self.name, str) or not self.name:
            raise ParameterError(f"name of a function must be a text that is not empty, got {brief(self.name)}")
        for part in ("value", "slope", "expression"):
            if not callable(getattr(self, part)):
                raise ParameterError(f"{part} of {self.name!r} must be callable, got {brief(getattr(self, part))}")
        if not isinstance(self.domain, Domain):
            raise ParameterError(f"domain of {self.name!r} must be a Domain, got {brief(self.domain)}")
        whole = isinstance(self.complexity, numbers.Integral) and not isinstance(self.complexity, bool)
        if not whole or self.complexity < 0:
            raise ParameterError(f"complexity of {self.name!r} must be an integer >= 0, got {brief(self.complexity)}")
        if not isinstance(self.has_exponent, bool):
            raise ParameterError(f"has_exponent of {self.name!r} must be a bool, got {brief(self.has_exponent)}")

    def numpy(self, x: NDArray[np.float64], *exponent: float) -> NDArray[np.float64]:
        """Values at ``x``; outside the domain they are NaN or infinite, without a warning."""
        with np.errstate(all="ignore"):
            return np.asarray(self.value(np, np.asarray(x, dtype=float), *exponent))

    def derivative(self, x: NDArray[np.float64], *exponent: float) -> NDArray[np.float64]:
        """First derivative at ``x``, as :meth:`numpy`."""
        with np.errstate(all="ignore"):
            return np.asarray(self.slope(np, np.asarray(x, dtype=float), *exponent))

    def torch(self, x: torch.Tensor, *exponent: Any) -> torch.Tensor:
        """Values of a tensor, differentiable."""
        import torch

        return self.value(torch, x, *exponent)

    def torch_derivative(self, x: torch.Tensor, *exponent: Any) -> torch.Tensor:
        """First derivative of a tensor, itself differentiable."""
        import torch

        return self.slope(torch, x, *exponent)

    def sympy(self, x: sympy.Expr, *exponent: Any) -> sympy.Expr:
        """The function applied to a sympy expression."""
        return self.expression(x, *exponent)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle functions of the table by name, so that their callables need not be pickled."""
        if _TABLE.get(self.name) is self:
            return (_builtin, (self.name,))
        return super().__reduce__()  # type: ignore[return-value]


class Library:
    """An ordered, immutable choice of functions, each probed on entry.

    Parameters
    ----------
    functions : iterable of str or SymbolicFunction
        Names from the default library, or functions of the user's own.

    Raises
    ------
    ParameterError
        If a name is unknown or appears twice, or the forms of a function disagree on its domain.

    Examples
    --------
    >>> Library(["x", "sin"]).names
    ('x', 'sin')
    >>> Library(["x", "sinus"])
    Traceback (most recent call last):
        ...
    kansym.errors.ParameterError: library must hold known function names, got 'sinus'; known are x, x^2, x^3, x^4, x^n,\
 1/x, 1/x^2, sqrt, 1/sqrt, exp, log, sin, cos, tan, tanh, sinh, cosh, arcsin, arccos, arctan, abs, gaussian
    """

    def __init__(self, functions: Iterable[str | SymbolicFunction]) -> None:
        if isinstance(functions, str):
            raise ParameterError(f"library must be a list of names or functions, got the text {quote(functions)}")
        if not isinstance(functions, Iterable):
            raise ParameterError(f"library must be a list of names or functions, got {brief(functions)}")
        table: dict[str, SymbolicFunction] = {}
        for function in functions:
            known = _builtin(function) if isinstance(function, str) else function
            if not isinstance(known, SymbolicFunction):
                raise ParameterError(f"library must hold names or functions only, got {brief(known)}")
            if known.name in table:
                raise ParameterError(f"library must name each function once, got {known.name!r} twice")
            probe(known)
            table[known.name] = known
        if not table:
            raise ParameterError("library must hold at least one function, got none")
        self._table = table

    @property
    def names(self) -> tuple[str, ...]:
        """Names in order.

        Examples
        --------
        >>> Library(["sin", "x"]).names
        ('sin', 'x')
        """
        return tuple(self._table)

    def __getitem__(self, name: str) -> SymbolicFunction:
        """Return the function of that name."""
        return self._table[name]

    def __contains__(self, name: object) -> bool:
        """Whether a function of that name is in the library."""
        return name in self._table

    def __iter__(self) -> Iterator[SymbolicFunction]:
        """Iterate over the functions in order."""
        return iter(self._table.values())

    def __len__(self) -> int:
        """Return the number of functions."""
        return len(self._table)

    def __eq__(self, other: object) -> bool:
        """Two libraries are equal when they hold the same functions in the same order."""
        return isinstance(other, Library) and list(self) == list(other)

    def __hash__(self) -> int:
        """Hash of the names."""
        return hash(self.names)

    def __repr__(self) -> str:
        """Show the names."""
        return f"Library({list(self.names)})"


@functools.cache
def default_library() -> Library:
    """Every function of the table.

    Examples
    --------
    >>> len(default_library())
    22
    """
    return Library(_TABLE)


@functools.cache
def probe(function: SymbolicFunction) -> None:
    """Check that the numpy and sympy forms of a function and its slope agree on sample points of its domain.

    The torch form is the same callable on another array namespace and is not compared here; nor is a function looked at
    whose domain has no point between -2.5 and 2.5.

    Raises
    ------
    ParameterError
        If one of the forms cannot be computed, sympy and numpy differ by more than 1e-9 relative, or the slope by more
        than 1e-5 from differences.
    """
    try:
        _compare_forms(function)
    except ParameterError:
        raise
    except Exception as error:  # whatever a user's callable raises
        reason = f"{type(error).__name__}: {quote(str(error))}"
        raise ParameterError(f"function {function.name!r} must be computable on its domain, got {reason}") from error


def _compare_forms(function: SymbolicFunction) -> None:
    import sympy

    exponent = (_PROBE_EXPONENT,) if function.has_exponent else ()
    points = function.domain.sample()
    values = function.numpy(points, *exponent)
    if not np.all(np.isfinite(values)):
        raise ParameterError(f"function {function.name!r} must be finite on its domain, got {values.tolist()}")
    symbol = sympy.Symbol("x", real=True)
    form = function.sympy(symbol, *exponent)
    exact = np.array([float(form.subs(symbol, sympy.Float(point)).evalf()) for point in points[::8]])
    if not np.allclose(values[::8], exact, rtol=_PROBE_TOLERANCE, atol=_PROBE_TOLERANCE):
        raise ParameterError(f"function {function.name!r} must have equal numpy and sympy forms, but they differ")
    step = 1e-6
    smooth = np.all([function.domain.contains(points + sign * step) for sign in (-1, 1)], axis=0)
    points = points[smooth & (np.abs(points) > 2 * step)]
    difference = (function.numpy(points + step, *exponent) - function.numpy(points - step, *exponent)) / (2 * step)
    slope = function.derivative(points, *exponent)
    if not np.allclose(slope, difference, rtol=_PROBE_SLOPE_TOLERANCE, atol=_PROBE_SLOPE_TOLERANCE):
        raise ParameterError(f"function {function.name!r} must have the derivative of its values as slope")


def _builtin(name: str) -> SymbolicFunction:
    try:
        return _TABLE[name]
    except KeyError:
        known = ", ".join(_TABLE)
        raise ParameterError(f"library must hold known function names, got {quote(name)}; known are {known}") from None


def _sympy_call(name: str) -> Callable[..., Any]:
    def call(x: Any) -> Any:
        import sympy

        return getattr(sympy, name)(x)

    return call


def _sympy_power(numerator: int, denominator: int = 1) -> Callable[..., Any]:
    def call(x: Any) -> Any:
        import sympy

        return x ** sympy.Rational(numerator, denominator)

    return call


def _make_table() -> dict[str, SymbolicFunction]:
    positive = Domain(low=0.0)
    nonzero = Domain(pole=0.0)
    unit = Domain(low=-1.0, high=1.0, low_closed=True, high_closed=True)
    half_turn = Domain(pole=math.pi / 2, period=math.pi)
    function = SymbolicFunction
    # ruff: noqa: E501  (one function a line reads as the table that it is)
    table = [
        function("x", lambda xp, x: x * 1.0, lambda xp, x: xp.ones_like(x), lambda x: x, complexity=0),
        function("x^2", lambda xp, x: x * x, lambda xp, x: 2.0 * x, _sympy_power(2), complexity=2),
        function("x^3", lambda xp, x: x * x * x, lambda xp, x: 3.0 * x * x, _sympy_power(3), complexity=2),
        function("x^4", lambda xp, x: (x * x) * (x * x), lambda xp, x: 4.0 * x * x * x, _sympy_power(4), complexity=2),
        function("x^n", lambda xp, x, n: x**n, lambda xp, x, n: n * x ** (n - 1.0), lambda x, n: x**n, positive, 2, has_exponent=True),
        function("1/x", lambda xp, x: 1.0 / x, lambda xp, x: -1.0 / (x * x), _sympy_power(-1), nonzero, 2),
        function("1/x^2", lambda xp, x: 1.0 / (x * x), lambda xp, x: -2.0 / (x * x * x), _sympy_power(-2), nonzero, 2),
        function("sqrt", lambda xp, x: xp.sqrt(x), lambda xp, x: 0.5 / xp.sqrt(x), _sympy_power(1, 2), Domain(low=0.0, low_closed=True), 2),
        function("1/sqrt", lambda xp, x: 1.0 / xp.sqrt(x), lambda xp, x: -0.5 / (x * xp.sqrt(x)), _sympy_power(-1, 2), positive, 2),
        function("exp", lambda xp, x: xp.exp(x), lambda xp, x: xp.exp(x), _sympy_call("exp")),
        function("log", lambda xp, x: xp.log(x), lambda xp, x: 1.0 / x, _sympy_call("log"), positive),
        function("sin", lambda xp, x: xp.sin(x), lambda xp, x: xp.cos(x), _sympy_call("sin")),
        function("cos", lambda xp, x: xp.cos(x), lambda xp, x: -xp.sin(x), _sympy_call("cos")),
        function("tan", lambda xp, x: xp.tan(x), lambda xp, x: 1.0 + xp.tan(x) ** 2, _sympy_call("tan"), half_turn),
        function("tanh", lambda xp, x: xp.tanh(x), lambda xp, x: 1.0 - xp.tanh(x) ** 2, _sympy_call("tanh")),
        function("sinh", lambda xp, x: xp.sinh(x), lambda xp, x: xp.cosh(x), _sympy_call("sinh")),
        function("cosh", lambda xp, x: xp.cosh(x), lambda xp, x: xp.sinh(x), _sympy_call("cosh")),
        function("arcsin", lambda xp, x: xp.arcsin(x), lambda xp, x: 1.0 / xp.sqrt(1.0 - x * x), _sympy_call("asin"), unit),
        function("arccos", lambda xp, x: xp.arccos(x), lambda xp, x: -1.0 / xp.sqrt(1.0 - x * x), _sympy_call("acos"), unit),
        function("arctan", lambda xp, x: xp.arctan(x), lambda xp, x: 1.0 / (1.0 + x * x), _sympy_call("atan")),
        function("abs", lambda xp, x: xp.abs(x), lambda xp, x: xp.sign(x), _sympy_call("Abs")),
        function("gaussian", lambda xp, x: xp.exp(-x * x), lambda xp, x: -2.0 * x * xp.exp(-x * x), lambda x: _sympy_call("exp")(-(x**2)), complexity=5),
    ]
    return {entry.name: entry for entry in table}


_TABLE = _make_table()
