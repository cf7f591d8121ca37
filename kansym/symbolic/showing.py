"""How formulas and fronts show themselves: as aligned text at a prompt, as HTML in a notebook."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from kansym.display import explained_text, html_table, text_table
from kansym.symbolic.printing import to_text

if TYPE_CHECKING:
    from kansym.symbolic.front import Formula

__all__ = ["formulas_html", "formulas_text"]

_HEADER = ("complexity", "loss", "R²", "formula")


def formulas_text(formulas: Iterable[Formula]) -> str:
    """Write formulas as an aligned table, one a line."""
    return text_table(_HEADER, [_cells(formula) for formula in formulas])


def formulas_html(formulas: Iterable[Formula], *, caption: str = "", marked: int | None = None) -> str:
    """Write formulas as a table in HTML, one of them marked."""
    return html_table(_HEADER, [_cells(formula) for formula in formulas], caption=caption, marked=marked)


def _cells(formula: Formula) -> tuple[str, str, str, str]:
    text = to_text(formula.expression, formula.digits)
    return (str(formula.complexity), f"{formula.loss:.4g}", explained_text(1.0 - formula.r2), text)
