"""Expressions through a pickle with their shape kept: sympy multiplies ``2.5·(x + 1.5)`` out when it unpickles."""

from __future__ import annotations

import pickle
from typing import Any

from sympy.core.parameters import distribute

__all__ = ["WithExpression"]


class WithExpression:
    """A record with a field ``expression`` whose constants must stay as they are: they have values and errors.

    Examples
    --------
    >>> import sympy
    >>> from kansym.symbolic.evaluation import compile_expression
    >>> x = sympy.Symbol("x", real=True)
    >>> product = sympy.Mul(2.5, x + 1.5, evaluate=False)
    >>> pickle.loads(pickle.dumps(product)), pickle.loads(pickle.dumps(compile_expression(product, [x]))).expression
    (2.5*x + 3.75, 2.5*(x + 1.5))
    """

    def __getstate__(self) -> dict[str, Any]:
        """The fields, the expression as bytes of its own."""
        state = dict(vars(self))
        return {**state, "expression": pickle.dumps(state["expression"])}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Read the fields, the expression without multiplying it out."""
        with distribute(False):
            expression = pickle.loads(state["expression"])
        vars(self).update(state, expression=expression)
