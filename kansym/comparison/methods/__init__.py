"""The methods of the comparison: one adapter per file, imported when it is asked for."""

from __future__ import annotations

import importlib
import inspect

from kansym.comparison.methods.base import Method
from kansym.errors import ParameterError
from kansym.hints import name_hint, quote

__all__ = ["find_method", "is_built_in", "method_names"]

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


def is_built_in(name: str) -> bool:
    """Whether a name is that of a built-in method; if not, it must at least have the form of a place in a module.

    Nothing is imported: what a module of the user's does when it is imported is its own affair, and that of a process
    that may end.

    Raises
    ------
    ParameterError
        If the name is neither known nor of the form ``"package.module:Class"``.

    Examples
    --------
    >>> is_built_in("operon"), is_built_in("my_package.methods:Mine")
    (True, False)
    """
    module_name, colon, class_name = name.partition(":")
    if name not in _BUILT_IN and not (colon and all(map(str.isidentifier, [*module_name.split("."), class_name]))):
        raise ParameterError(
            f"method must be a known name, or 'package.module:Class' for your own, got {quote(name)};"
            f" {name_hint(name, method_names())}"
        )
    return name in _BUILT_IN


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
    module_name, _, class_name = (_BUILT_IN[name] if is_built_in(name) else name).partition(":")
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
    try:
        return found()
    except Exception as error:
        what = f"{type(error).__name__}: {error}"
        raise ParameterError(f"method {quote(name)} must be made without arguments, got {what}") from error
