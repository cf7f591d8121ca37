"""Tables that notebooks and terminals show: plain text with aligned columns, and HTML with everything escaped."""

from __future__ import annotations

import html
from collections.abc import Sequence

__all__ = ["explained_text", "html_table", "text_table"]

_CLOSE_TO_ONE = 1e-4


def explained_text(unexplained: float) -> str:
    """Write one minus a share so that only a perfect fit reads 1; close to one it is the unexplained share that counts.

    Examples
    --------
    >>> explained_text(0.25), explained_text(3e-9), explained_text(0.0)
    ('0.7500', '1 − 3.0e-09', '1')
    """
    if unexplained == 0.0:
        return "1"
    if 0.0 < unexplained < _CLOSE_TO_ONE:
        return f"1 − {unexplained:.1e}"
    return f"{1.0 - unexplained:.4f}".replace("-0.0000", "0.0000")


def text_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Align columns of text, the last one to the left and all others to the right.

    Examples
    --------
    >>> print(text_table(["size", "formula"], [["1", "x"], ["12", "x + y"]]))
    size  formula
       1  x
      12  x + y
    """
    lines = [list(header), *map(list, rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join([*(cell.rjust(width) for cell, width in zip(line[:-1], widths, strict=False)), line[-1]])
        for line in lines
    )


def html_table(
    header: Sequence[str], rows: Sequence[Sequence[str]], *, caption: str = "", marked: int | None = None
) -> str:
    """Write a table in HTML, its caption above it, row ``marked`` in bold.

    Examples
    --------
    >>> html_table(["a<b"], [["1"]])
    '<table><thead><tr><th>a&lt;b</th></tr></thead><tbody><tr><td>1</td></tr></tbody></table>'
    """
    style = "text-align: left; white-space: nowrap"
    above = f'<caption style="{style}">{html.escape(caption)}</caption>' if caption else ""
    head = "".join(f"<th>{html.escape(cell)}</th>" for cell in header)
    body = ""
    for position, row in enumerate(rows):
        bold = ' style="font-weight: bold"' if position == marked else ""
        body += f"<tr{bold}>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>"
    return f"<table>{above}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
