r"""A front as a table for a paper."""

from __future__ import annotations

import math

from kansym.symbolic.front import Formula, ParetoFront
from kansym.symbolic.printing import latex_name, latex_number, to_latex
from kansym.symbolic.uncertainty import round_to_uncertainty

__all__ = ["formula_latex", "latex_table"]

_NEARLY_ONE = 1e-4


def formula_latex(formula: Formula, precision: int | str | None = None) -> str:
    r"""Write one formula in LaTeX.

    Parameters
    ----------
    formula : Formula
    precision : int, "uncertainty" or None
        Significant digits of the constants. ``"uncertainty"`` writes each to its standard error, with that of the last
        digits in parentheses, as ``365.036(12)``. None takes as many as the written formula needs to fit as well.

    Examples
    --------
    >>> import numpy as np, sympy
    >>> from kansym.symbolic.constants import refit
    >>> from kansym.symbolic.rows import Rows
    >>> noise = 0.1 * np.cos(np.arange(20.0))
    >>> rows = Rows.from_arrays(np.linspace(1, 2, 20)[:, None], 2.5 * np.linspace(1, 2, 20) + noise)
    >>> fit = refit(2.0 * rows.variables[0], rows)
    >>> formula_latex(Formula.from_fit(fit, rows.variance), "uncertainty")
    '2.504(11) x_{0}'
    """
    if isinstance(precision, str):
        rounded = round_to_uncertainty(formula.constants, formula.uncertainty)
        texts = dict(zip(map(abs, formula.constants.tolist()), rounded.texts, strict=True))
        return to_latex(formula.expression, texts=texts)
    return to_latex(formula.expression, precision or formula.digits)


def latex_table(
    front: ParetoFront,
    target: str = "y",
    *,
    selected: int | None = None,
    precision: int | str | None = None,
) -> str:
    r"""Write a front as a table of LaTeX, with the rules of the package ``booktabs``.

    Parameters
    ----------
    front : ParetoFront
    target : str
        Name of what the formulas are equal to.
    selected : int, optional
        The row that an arrow marks.
    precision : int, "uncertainty" or None
        As in :func:`formula_latex`.

    Returns
    -------
    str
        A ``tabular``; everything in it that came from outside is escaped.

    Examples
    --------
    >>> import sympy
    >>> from kansym.symbolic.uncertainty import Uncertainty
    >>> a = sympy.Symbol("a", real=True)
    >>> formula = Formula(2.5 * sympy.sqrt(a), 5, 0.01, 0.99, 0.01, 9.0, Uncertainty.unknown(1))
    >>> print(latex_table(ParetoFront((formula,), 1.0, 20), "T", selected=0))
    \begin{tabular}{lrrrl}
    \toprule
     & complexity & loss & $R^2$ & formula \\
    \midrule
    $\rightarrow$ & $5$ & $0.01$ & $0.9900$ & $T = 2.5 \sqrt{a}$ \\
    \bottomrule
    \end{tabular}
    """
    lines = [r"\begin{tabular}{lrrrl}", r"\toprule", r" & complexity & loss & $R^2$ & formula \\", r"\midrule"]
    for position, formula in enumerate(front):
        mark = r"$\rightarrow$" if position == selected else ""
        law = f"{latex_name(target)} = {formula_latex(formula, precision)}"
        lines.append(
            rf"{mark} & ${formula.complexity}$ & ${latex_number(formula.loss, 4)}$ & ${_r2(formula.r2)}$ & ${law}$ \\"
        )
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}"])


def _r2(r2: float) -> str:
    """Four digits, or how much is missing where these would read as one."""
    missing = 1.0 - r2
    if 0 < missing < _NEARLY_ONE:
        return f"1 - {latex_number(missing, 2)}"
    return f"{r2:.4f}" if math.isfinite(r2) and missing else "1" if missing == 0 else r"-\infty"
