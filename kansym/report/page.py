"""From a template and values to one HTML file that needs nothing else, and nothing from the network."""

from __future__ import annotations

import base64
import hashlib
import importlib
from collections.abc import Sequence
from importlib.resources import files
from os import PathLike
from typing import Any

from kansym.archive import write_atomically
from kansym.errors import KansymError

__all__ = ["need", "render_page", "write_page"]

_PACKAGE = "kansym.report"


def need(module: str) -> Any:
    """Import an optional package.

    Raises
    ------
    KansymError
        If it is not installed; the message says how to install it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise KansymError(f"a report needs {package}, which is not installed; pip install {package}") from error


def render_page(template: str, script: str, *, styles: Sequence[str] = ("page.css",), **values: Any) -> str:
    """Fill a template of this package.

    Every value is escaped. The page's policy allows one script, told by its hash, and no requests: even a name that
    slipped through could neither run nor call home.

    Parameters
    ----------
    template, script : str
        Files in ``kansym/report/templates``.
    styles : sequence of str
        Style sheets beside them.
    **values
        What the template shows; only SVG of our own comes as safe markup.

    Returns
    -------
    str
        HTML.

    Raises
    ------
    KansymError
        If jinja2 is not installed.
    """
    jinja2 = need("jinja2")
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader(_PACKAGE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    code = _read(script)
    digest = base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
    return environment.get_template(template).render(
        style="\n".join(map(_read, styles)), script=code, script_hash=f"sha256-{digest}", **values
    )


def write_page(path: str | PathLike[str], page: str) -> None:
    """Write HTML as UTF-8, whole or not at all; halves of surrogate pairs, which UTF-8 lacks, become question marks.

    Raises
    ------
    OSError
        If the file cannot be written; what was there before is left as it was.
    """
    write_atomically(path, page.encode("utf-8", "replace"))


def _read(name: str) -> str:
    return (files(_PACKAGE) / "templates" / name).read_text(encoding="utf-8")
