"""A front as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kansym.symbolic.printing import to_text

if TYPE_CHECKING:
    import pandas as pd

    from kansym.symbolic.front import ParetoFront

__all__ = ["front_table"]


def front_table(front: ParetoFront, shares: Sequence[float] = ()) -> pd.DataFrame:
    """One row for each formula.

    Its columns are complexity, loss, gain, r2, equation, sympy_format, constants and standard_errors, which are tuples
    of floats, in the order of ``sympy.preorder_traversal(sympy_format)``, and confidence. Exact constants, such as 2 or
    π, are not among the constants. ``shares`` are the confidences, one for each formula; NaN where there are none.
    """
    import pandas as pd

    known = len(shares) == len(front)
    return pd.DataFrame(
        {
            "complexity": [formula.complexity for formula in front],
            "loss": [formula.loss for formula in front],
            "gain": list(front.gains),
            "r2": [formula.r2 for formula in front],
            "equation": [to_text(formula.expression, formula.digits) for formula in front],
            "sympy_format": [formula.expression for formula in front],
            "constants": [tuple(formula.constants.tolist()) for formula in front],
            "standard_errors": [tuple(formula.standard_errors.tolist()) for formula in front],
            "confidence": list(shares) if known else [float("nan")] * len(front),
        }
    )
