"""Which functions an edge of a network may become when a comparison allows a set of operators."""

from __future__ import annotations

from collections.abc import Collection

__all__ = ["edge_functions"]

_SAME = {
    **{name: name for name in ("exp", "log", "sin", "cos", "tan", "tanh", "sinh", "cosh")},
    **{f"a{name}": f"arc{name}" for name in ("sin", "cos", "tan")},
    "abs": "abs",
}


def edge_functions(operators: Collection[str]) -> tuple[str, ...]:
    """Names from :func:`kansym.library.default_library` that the operators can express.

    Networks hold one function per edge where trees hold operators, so the same set means:

    - the identity always, since sums and the affine maps of the edges are what a network is made of;
    - x², x³ and x⁴ with ``mul`` or ``pow``, or with ``square`` (x², x⁴) and ``cube`` (x³) alone;
    - 1/x with ``div`` or ``pow``, and 1/x² if there is x² as well;
    - √x with ``sqrt`` or ``pow``, 1/√x if there is 1/x as well;
    - xⁿ with a free exponent with ``pow``, or with both ``exp`` and ``log``;
    - the Gaussian exp(−x²) with ``exp`` if there is x²;
    - every other function only with the operator of its name: cosines are not derived from sines, nor tanh from exp.

    Parameters
    ----------
    operators : collection of str
        Names from :data:`kansym.comparison.methods.base.OPERATORS`.

    Returns
    -------
    tuple of str
        In the order of the library.

    Examples
    --------
    >>> edge_functions(["add", "mul", "div", "exp"])
    ('x', 'x^2', 'x^3', 'x^4', '1/x', '1/x^2', 'exp', 'gaussian')
    """
    given = set(operators)
    any_power = "pow" in given
    square = any_power or not given.isdisjoint({"mul", "square"})
    inverse = any_power or "div" in given
    root = any_power or "sqrt" in given
    allowed = {
        "x": True,
        "x^2": square,
        "x^3": any_power or not given.isdisjoint({"mul", "cube"}),
        "x^4": square,
        "x^n": any_power or given.issuperset({"exp", "log"}),
        "1/x": inverse,
        "1/x^2": inverse and square,
        "sqrt": root,
        "1/sqrt": inverse and root,
        **{function: operator in given for operator, function in _SAME.items()},
        "gaussian": "exp" in given and square,
    }
    return tuple(function for function, is_allowed in allowed.items() if is_allowed)
