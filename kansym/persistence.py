"""Fitted models as files ``*.kansym``: what they hold in JSON, their networks as arrays; no pickle involved.

A file from a stranger can name numbers, texts, functions of the library and the nodes of one fixed table; nothing in it
is executed, see :mod:`kansym.symbolic.serialization` for formulas and :mod:`kansym.archive` for the file itself.
"""

from __future__ import annotations

import itertools
import numbers
from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Any

import numpy as np
import sympy
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

import kansym
from kansym import validation
from kansym.archive import read_archive, write_archive
from kansym.discovery import Confidence, Discovery
from kansym.entries import entry, float_entry, integers, read_float, texts, write_float
from kansym.errors import FileFormatError, KansymError, ParameterError
from kansym.hints import quote
from kansym.library import Library, SymbolicFunction, default_library
from kansym.network import KAN
from kansym.regressor import KANRegressor
from kansym.symbolic.evaluation import count_constants
from kansym.symbolic.front import Formula, ParetoFront
from kansym.symbolic.serialization import from_tree, to_tree
from kansym.symbolic.uncertainty import Uncertainty

__all__ = ["load", "save"]

_FORMAT = "kansym model"
_VERSION = 2  # since 2: uncertainty in place of standard_errors
_STATIONS = ("network", "pruned_network", "symbolic_network")

Arrays = dict[str, NDArray[Any]]


def save(model: KANRegressor, path: str | PathLike[str]) -> None:
    """Write a fitted model to a file, whole or not at all.

    Parameters
    ----------
    model : KANRegressor
        Fitted. A ``random_state`` that is a generator is stored as None: its state is not part of the model.
    path : str or path-like
        By custom ``*.kansym``; an existing file is replaced.

    Raises
    ------
    ParameterError
        If the library, a formula or a network holds functions of the user's own: they are code, and files hold none.
    sklearn.exceptions.NotFittedError
        If the model is not fitted.
    OSError
        If the file cannot be written; an existing one is left as it was.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> model = KANRegressor(max_steps=1, random_state=0).fit([[1.0], [2.0], [3.0]], [2.0, 4.0, 6.0])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(model, pathlib.Path(folder, "line.kansym"))
    ...     load(pathlib.Path(folder, "line.kansym")).predict([[5.0]]) == model.predict([[5.0]])
    array([ True])
    """
    check_is_fitted(model, "fronts_")
    model._settings()  # what load would refuse
    arrays: Arrays = {"low": np.asarray(model._low, dtype=float), "high": np.asarray(model._high, dtype=float)}
    outputs = []
    for number, (name, discovery) in enumerate(zip(model.output_names_, model.discoveries_, strict=True)):
        outputs.append({"name": name, **_write_discovery(discovery, model.variables_, arrays, f"outputs/{number}")})
    names = getattr(model, "feature_names_in_", None)
    document = {
        "format": _FORMAT,
        "version": _VERSION,
        "kansym": kansym.__version__,
        "estimator": type(model).__name__,
        "parameters": {name: _write_parameter(name, value) for name, value in model.get_params(deep=False).items()},
        "n_features": len(model.variables_),
        "feature_names": None if names is None else [str(name) for name in names],
        "target_dimensions": int(model._y_ndim),
        "outputs": outputs,
    }
    write_archive(path, document, arrays)


def load(path: str | PathLike[str], kind: type[KANRegressor] = KANRegressor) -> KANRegressor:
    """Read a model that :func:`save` wrote; it predicts the same bits.

    Parameters
    ----------
    path : str or path-like
    kind : type
        The estimator that the file must hold.

    Returns
    -------
    KANRegressor
        Fitted.

    Raises
    ------
    FileFormatError
        If the file is missing, damaged, too large, not a model, a model of another kind, or written by a newer version.
    """
    try:
        document, arrays = read_archive(path)
        _check_format(document, kind)
        return _read_model(document, arrays, kind)
    except KansymError as error:
        raise FileFormatError(f"{path}: {error}") from error


def _check_format(document: Any, kind: type[KANRegressor]) -> None:
    if entry(document, "format", str) != _FORMAT:
        raise FileFormatError("must be a model that kansym saved, got another format")
    version = entry(document, "version", int)
    if version > _VERSION:
        writer = quote(entry(document, "kansym", str))
        raise FileFormatError(f"was written by a newer kansym, {writer}; this is {kansym.__version__}: upgrade kansym")
    estimator = entry(document, "estimator", str)
    if estimator != kind.__name__:
        raise FileFormatError(f"must hold a {kind.__name__}, got a {quote(estimator)}; load it with that class")


def _read_model(document: Mapping[str, Any], arrays: Arrays, kind: type[KANRegressor]) -> KANRegressor:
    model = kind(**_read_parameters(entry(document, "parameters", dict), kind))
    model._settings()  # raises for wrong values
    n_features = entry(document, "n_features", int)
    model._low, model._high = (_checked_range(arrays, name, n_features) for name in ("low", "high"))
    fitted = vars(model)  # of what scikit-learn sets, the class knows nothing
    fitted["n_features_in_"] = n_features
    if entry(document, "feature_names", list, type(None)) is not None:
        fitted["feature_names_in_"] = np.array(texts(document, "feature_names"), dtype=object)
        if len(fitted["feature_names_in_"]) != n_features:
            raise FileFormatError(f"feature_names must be {n_features} texts, got {len(fitted['feature_names_in_'])}")
    model.variables_ = validation.symbols(model)
    outputs = entry(document, "outputs", list)
    model._y_ndim = entry(document, "target_dimensions", int)
    if model._y_ndim not in (1, 2) or not outputs or (model._y_ndim == 1 and len(outputs) > 1):
        raise FileFormatError(f"outputs must fit a target of one or two dimensions, got {len(outputs)}")
    model.n_outputs_ = len(outputs)
    model.output_names_ = tuple(entry(output, "name", str) for output in outputs)
    model.discoveries_ = tuple(
        _read_discovery(output, model.variables_, arrays, f"outputs/{number}") for number, output in enumerate(outputs)
    )
    model.fronts_ = tuple(discovery.front for discovery in model.discoveries_)
    model._join_networks(n_features)
    return model


def _checked_range(arrays: Arrays, name: str, n_features: int) -> NDArray[np.float64]:
    array = arrays.get(name)
    if array is None or array.shape != (n_features,) or array.dtype != float or not np.all(np.isfinite(array)):
        raise FileFormatError(f"array {name} must hold {n_features} finite floats, one a column, but does not")
    return array


# ---------------------------------------------------------------------------------------------------------- parameters


def _write_parameter(name: str, value: Any) -> Any:
    if name == "random_state" and not isinstance(value, numbers.Integral):
        return None
    if name == "library" and isinstance(value, Library | Sequence):
        functions: list[str | SymbolicFunction] = list(value)
        _check_builtin("library", functions)
        names = [function if isinstance(function, str) else function.name for function in functions]
        return {"Library": names} if isinstance(value, Library) else names
    if isinstance(value, np.ndarray | list | tuple):
        return [_write_parameter(name, entry) for entry in value]
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return write_float(value)
    raise ParameterError(f"{name} must be a number, a text or a list of them to be saved, got {value!r:.80}")


def _read_parameters(written: Mapping[str, Any], kind: type[KANRegressor]) -> dict[str, Any]:
    """Parameters of a new estimator; those that an older version did not know keep their defaults."""
    unknown = set(written) - set(kind().get_params(deep=False))
    if unknown:
        raise FileFormatError(f"parameters must be those of {kind.__name__}, got {quote(min(unknown))}")
    parameters = dict(written)
    if isinstance(written.get("library"), dict):
        parameters["library"] = Library(texts(written["library"], "Library"))
    elif written.get("library") is not None:
        parameters["library"] = texts(written, "library")
    if isinstance(written.get("hidden_widths"), list):
        parameters["hidden_widths"] = tuple(integers(written, "hidden_widths"))
    if isinstance(written.get("time_limit"), str):
        parameters["time_limit"] = float_entry(written, "time_limit")
    for name, value in parameters.items():
        if isinstance(value, dict | list) and name != "library":
            raise FileFormatError(f"parameter {quote(name)} must be a number or a text, got {type(value).__name__}")
    return parameters


def _check_builtin(where: str, functions: Sequence[str | SymbolicFunction]) -> None:
    known = default_library()
    own = [
        function.name
        for function in functions
        if not isinstance(function, str) and (function.name not in known or known[function.name] is not function)
    ]
    if own:
        raise ParameterError(
            f"{where} must hold built-in functions only for the model to be saved, got the user's own"
            f" {', '.join(map(repr, own))}: a file holds no code; fit with a library without them"
        )


# ---------------------------------------------------------------------------------------------------------- discoveries


def _write_discovery(
    discovery: Discovery, variables: Sequence[sympy.Symbol], arrays: Arrays, prefix: str
) -> dict[str, Any]:
    confidence, front = discovery.confidence, discovery.front
    return {
        "formulas": [_write_formula(formula, variables) for formula in front],
        "variance": write_float(front.variance),
        "n_rows": front.n_rows,
        "relevant": [int(column) for column in discovery.relevant],
        "confidence": {
            "agreement": write_float(confidence.agreement),
            "resamples": confidence.resamples,
            "margin": write_float(confidence.margin),
            "exact": bool(confidence.exact),
        },
        "reason": discovery.reason,
        "steps": discovery.steps,
        "seconds": write_float(discovery.seconds),
        **{name: _write_network(getattr(discovery, name), arrays, f"{prefix}/{name}") for name in _STATIONS},
    }


def _read_discovery(written: Any, variables: Sequence[sympy.Symbol], arrays: Arrays, prefix: str) -> Discovery:
    relevant = integers(written, "relevant")
    if len(set(relevant) & set(range(len(variables)))) < len(relevant):
        raise FileFormatError(f"relevant must hold different columns, 0 to {len(variables) - 1}, got something else")
    formulas = tuple(_read_formula(formula, variables) for formula in entry(written, "formulas", list))
    if not formulas:
        raise FileFormatError("formulas must hold at least one, got none")
    confidence = entry(written, "confidence", dict)
    return Discovery(
        ParetoFront(formulas, float_entry(written, "variance"), entry(written, "n_rows", int)),
        *(_read_network(written, name, arrays, f"{prefix}/{name}", len(relevant)) for name in _STATIONS),
        relevant=tuple(relevant),
        confidence=Confidence(
            float_entry(confidence, "agreement"),
            entry(confidence, "resamples", int),
            float_entry(confidence, "margin"),
            entry(confidence, "exact", bool),
        ),
        reason=entry(written, "reason", str),
        steps=entry(written, "steps", int),
        seconds=float_entry(written, "seconds"),
    )


def _write_formula(formula: Formula, variables: Sequence[sympy.Symbol]) -> dict[str, Any]:
    return {
        "expression": to_tree(formula.expression, variables),
        "complexity": formula.complexity,
        "loss": write_float(formula.loss),
        "r2": write_float(formula.r2),
        "left_out_loss": write_float(formula.left_out_loss),
        "structure_bits": write_float(formula.structure_bits),
        "uncertainty": _write_uncertainty(formula.uncertainty),
        "origin": formula.origin,
        "digits": formula.digits,
    }


def _read_formula(written: Any, variables: Sequence[sympy.Symbol]) -> Formula:
    expression = from_tree(entry(written, "expression", list), variables)
    return Formula(
        expression,
        entry(written, "complexity", int),
        float_entry(written, "loss"),
        float_entry(written, "r2"),
        float_entry(written, "left_out_loss" if "left_out_loss" in written else "loss"),
        float_entry(written, "structure_bits"),
        _read_uncertainty(written.get("uncertainty"), count_constants(expression)),
        entry(written, "origin", str),
        min(max(entry(written, "digits", int), 1), 17),
    )


def _write_uncertainty(uncertainty: Uncertainty) -> dict[str, Any]:
    tables = {name: getattr(uncertainty, name) for name in ("factor", "undetermined")}
    return {
        **{name: [[write_float(value) for value in row] for row in table] for name, table in tables.items()},
        "noise": write_float(uncertainty.noise),
        "degrees_of_freedom": uncertainty.degrees_of_freedom,
    }


def _read_uncertainty(written: Any, n_constants: int) -> Uncertainty:
    if written is None:  # a file of version 1 holds no correlations
        return Uncertainty.unknown(n_constants)
    factor, undetermined = (_read_table(written, name, n_constants) for name in ("factor", "undetermined"))
    return Uncertainty(factor, undetermined, float_entry(written, "noise"), entry(written, "degrees_of_freedom", int))


def _read_table(written: Any, name: str, n_rows: int) -> NDArray[np.float64]:
    """Rows of equally many numbers, at most as many as there are rows."""
    rows = entry(written, name, list)
    width = len(rows[0]) if rows and isinstance(rows[0], list) else 0
    if len(rows) != n_rows or width > n_rows or not all(isinstance(row, list) and len(row) == width for row in rows):
        raise FileFormatError(f"{name} must be a table of {n_rows} rows, one a constant, got something else")
    return np.array([[read_float(value, name) for value in row] for row in rows], dtype=float).reshape(n_rows, width)


def _write_network(network: KAN | None, arrays: Arrays, prefix: str) -> dict[str, Any] | None:
    if network is None:
        return None
    for number in range(len(network.layers)):
        _check_builtin("the network", list(network.layer(number).functions.values()))
    description, its_arrays = network.to_state()
    arrays.update({f"{prefix}/{name}": array for name, array in its_arrays.items()})
    # Their order is that of the snapping; equal networks shall make equal files.
    functions = [dict(sorted(table.items())) for table in description["functions"]]
    return {**description, "functions": functions}


def _read_network(written: Any, name: str, arrays: Arrays, prefix: str, n_inputs: int) -> KAN | None:
    description = entry(written, name, dict, type(None))
    if description is None:
        return None
    own = {key.removeprefix(f"{prefix}/"): array for key, array in arrays.items() if key.startswith(f"{prefix}/")}
    _check_sizes(description, own, n_inputs)
    try:
        return KAN.from_state(description, own)
    except TypeError as error:
        raise FileFormatError(f"network description is not valid: {error}") from error


def _check_sizes(description: Mapping[str, Any], arrays: Arrays, n_inputs: int) -> None:
    """Raise unless the arrays are as large as the description says: memory is taken by the description."""
    widths = integers(description, "widths")
    n_basis = entry(description, "grid_size", int) + entry(description, "spline_order", int)
    if widths[:1] != [n_inputs] or widths[-1:] != [1]:
        raise FileFormatError(f"widths must lead from {n_inputs} inputs to one output, got something else")
    for number, (inputs, outputs) in enumerate(itertools.pairwise(widths)):
        array = arrays.get(f"layers.{number}.coef")
        if array is None or array.shape != (outputs, inputs, n_basis):
            raise FileFormatError(f"array layers.{number}.coef must have shape {(outputs, inputs, n_basis)}")
