"""The methods of the comparison: one adapter per file, imported when it is asked for."""

from __future__ import annotations

import importlib
import inspect

from kansym.comparison.methods.base import Method
from kansym.errors import ParameterError
from kansym.hints import name_hint, quote

__all__ = ["find_method", "method_names"]

_BUILT_IN = {
    "kansym": "kansym.comparison.methods.kansym:Kansym",
    "pysr": "kansym.comparison.methods.pysr:PySR",
    "operon": "kansym.comparison.methods.operon:Operon",
    "gplearn": "kansym.comparison.methods.gplearn:Gplearn",
    "pse": "kansym.comparison.methods.pse:PSE",
    "pykan": "kansym.comparison.methods.pykan:Pykan",
    "linear": "kansym.comparison.methods.linear:Linear",
    "polynomial": "kansym.comparison.methods.polynomial:Polynomial",
    "mlp": "kansym.comparison.methods.mlp:MLP",
    "gradient-boosting": "kansym.comparison.methods.gradient_boosting:GradientBoosting",
}


def method_names() -> tuple[str, ...]:
    """Names of the built-in methods, formulas first, baselines without a formula last.

    Examples
    --------
    >>> method_names()[:3]
    ('kansym', 'pysr', 'operon')
    """
    return tuple(_BUILT_IN)


def find_method(name: str) -> Method:
    """Return the method of a name.

    Parameters
    ----------
    name : str
        A name from :func:`method_names`, or ``"package.module:Class"`` for a method of the user's own: a subclass of
        :class:`kansym.comparison.methods.base.Method` that is made without arguments.

    Returns
    -------
    Method
        Its packages need not be installed; see :meth:`kansym.comparison.methods.base.Method.missing`.

    Raises
    ------
    ParameterError
        If there is no such method.

    Examples
    --------
    >>> find_method("operon").name
    'operon'
    """
    place = _BUILT_IN.get(name, name)
    module_name, colon, class_name = place.partition(":")
    if not colon:
        raise ParameterError(
            f"method must be a known name, or 'package.module:Class' for your own, got {quote(name)};"
            f" {name_hint(name, method_names())}"
        )
    try:
        module = importlib.import_module(module_name)
    except Exception as error:  # the module is the user's: it may raise anything
        what = f"{type(error).__name__}: {error}"
        raise ParameterError(f"method {quote(name)} must name a module that can be imported, got {what}") from error
    found = getattr(module, class_name, None)
    if not (inspect.isclass(found) and issubclass(found, Method) and not inspect.isabstract(found)):
        raise ParameterError(
            f"method {quote(name)} must name a subclass of kansym.comparison.methods.base.Method with a fit method,"
            f" got {type(found).__name__ if not inspect.isclass(found) else found.__name__}"
        )
    return found()
