"""Fitted models as files ``*.kansym``: what they hold in JSON, their networks as arrays; no pickle involved.

A file from a stranger can name numbers, texts, functions of the library and the nodes of one fixed table; nothing in it
is executed, see :mod:`kansym.symbolic.serialization` for formulas and :mod:`kansym.archive` for the file itself.
"""

from __future__ import annotations

import numbers
from collections.abc import Mapping, Sequence
from dataclasses import replace
from os import PathLike
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

import kansym
from kansym import validation
from kansym.archive import read_archive, write_archive
from kansym.classifier import KANClassifier
from kansym.entries import entry, float_entry, integers, read_float, texts, write_float
from kansym.errors import FileFormatError, KansymError, ParameterError
from kansym.estimator import FormulaEstimator
from kansym.hints import quote
from kansym.library import Library, SymbolicFunction
from kansym.persisted_discovery import check_builtin, read_discovery, write_discovery
from kansym.regressor import KANRegressor
from kansym.symbolic.description import evidence, label_evidence

__all__ = ["load", "save"]

_FORMAT = "kansym model"
_VERSION = 2  # since 2: uncertainty in place of standard_errors
_LABELS: dict[str, type] = {"U": str, "i": int, "u": int, "f": float, "b": bool}

Arrays = dict[str, NDArray[Any]]
Estimator = TypeVar("Estimator", bound=FormulaEstimator)


def save(model: FormulaEstimator, path: str | PathLike[str]) -> None:
    """Write a fitted model to a file, whole or not at all.

    Parameters
    ----------
    model : KANRegressor or KANClassifier
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
    validation.require_formulas(model)
    model._settings()  # what load would refuse
    arrays: Arrays = {"low": np.asarray(model._low, dtype=float), "high": np.asarray(model._high, dtype=float)}
    outputs = []
    for number, (name, discovery) in enumerate(zip(model.output_names_, model.discoveries_, strict=True)):
        outputs.append({"name": name, **write_discovery(discovery, model.variables_, arrays, f"outputs/{number}")})
    names = getattr(model, "feature_names_in_", None)
    document = {
        "format": _FORMAT,
        "version": _VERSION,
        "kansym": kansym.__version__,
        "estimator": type(model).__name__,
        "parameters": {name: _write_parameter(name, value) for name, value in model.get_params(deep=False).items()},
        "n_features": len(model.variables_),
        "feature_names": None if names is None else [str(name) for name in names],
        **_write_target(model),
        "outputs": outputs,
    }
    write_archive(path, document, arrays)


def load(path: str | PathLike[str], kind: type[Estimator] = KANRegressor) -> Estimator:
    """Read a model that :func:`save` wrote; it predicts the same bits.

    Parameters
    ----------
    path : str or path-like
    kind : type
        The estimator that the file must hold; :class:`kansym.estimator.FormulaEstimator` for either.

    Returns
    -------
    kind
        Fitted.

    Raises
    ------
    FileFormatError
        If the file is missing, damaged, too large, not a model, a model of another kind, or written by a newer version.
    """
    try:
        document, arrays = read_archive(path)
        return _read_model(document, arrays, _kind_of(document, kind))
    except KansymError as error:
        raise FileFormatError(f"{path}: {error}") from error


def _kind_of(document: Any, kind: type[Estimator]) -> type[Estimator]:
    """The class of the model in a file of this format."""
    if entry(document, "format", str) != _FORMAT:
        raise FileFormatError("must be a model that kansym saved, got another format")
    version = entry(document, "version", int)
    if version > _VERSION:
        writer = quote(entry(document, "kansym", str))
        raise FileFormatError(f"was written by a newer kansym, {writer}; this is {kansym.__version__}: upgrade kansym")
    estimator = entry(document, "estimator", str)
    kinds = {one.__name__: one for one in (KANRegressor, KANClassifier) if issubclass(one, kind)}
    if estimator not in kinds:
        raise FileFormatError(f"must hold a {' or '.join(kinds)}, got a {quote(estimator)}; load it with that class")
    return kinds[estimator]


def _read_model(document: Mapping[str, Any], arrays: Arrays, kind: type[Estimator]) -> Estimator:
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
    model.output_names_ = tuple(entry(output, "name", str) for output in outputs)
    _read_target(model, document, len(outputs))
    evidence_of = label_evidence if isinstance(model, KANClassifier) else evidence
    discoveries = (
        read_discovery(output, model.variables_, arrays, f"outputs/{number}") for number, output in enumerate(outputs)
    )
    model.discoveries_ = tuple(
        replace(discovery, front=replace(discovery.front, evidence=evidence_of)) for discovery in discoveries
    )
    model.fronts_ = tuple(discovery.front for discovery in model.discoveries_)
    model._join_networks(n_features)
    return model


def _write_target(model: FormulaEstimator) -> dict[str, Any]:
    """What the target was like: its dimensions, or its classes with their type."""
    if isinstance(model, KANClassifier):
        kind, labels = model.classes_.dtype.kind, model.classes_.tolist()
        if kind == "O" and all(type(label) is str for label in labels):
            kind = "U"
        if kind not in _LABELS:
            raise ParameterError(f"classes must be texts, numbers or booleans to be saved, got {labels[0]!r:.60}")
        written = [write_float(label) if kind == "f" else label for label in labels]
        return {"target": model.target_name_, "labels": _LABELS[kind].__name__, "classes": written}
    assert isinstance(model, KANRegressor)
    return {"target_dimensions": int(model._y_ndim)}


def _read_target(model: FormulaEstimator, document: Mapping[str, Any], n_outputs: int) -> None:
    if isinstance(model, KANClassifier):
        kinds = {kind.__name__: kind for kind in _LABELS.values()}
        name, labels = entry(document, "labels", str), entry(document, "classes", list)
        if name not in kinds:
            raise FileFormatError(f"labels must be one of {', '.join(sorted(kinds))}, got {quote(name)}")
        if name == "float":
            labels = [read_float(label, "classes") for label in labels]
        if not all(type(label) is kinds[name] for label in labels):
            raise FileFormatError(f"classes must all be {name}, got something else among them")
        if n_outputs != (1 if len(labels) == 2 else len(labels)) or len(labels) < 2:
            raise FileFormatError(f"classes must fit {n_outputs} outputs, got {len(labels)}")
        if sorted(set(labels)) != labels:
            raise FileFormatError("classes must differ and be sorted, but are not")
        model.classes_ = np.array(labels)
        model.target_name_ = entry(document, "target", str) if "target" in document else "y"  # older files lack it
        return
    assert isinstance(model, KANRegressor)
    model._y_ndim = entry(document, "target_dimensions", int)
    if model._y_ndim not in (1, 2) or not n_outputs or (model._y_ndim == 1 and n_outputs > 1):
        raise FileFormatError(f"outputs must fit a target of one or two dimensions, got {n_outputs}")
    model.n_outputs_ = n_outputs


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
        check_builtin("library", functions)
        names = [function if isinstance(function, str) else function.name for function in functions]
        return {"Library": names} if isinstance(value, Library) else names
    if name == "class_weight" and isinstance(value, Mapping):
        return [[_label(label), write_float(weight)] for label, weight in value.items()]
    if isinstance(value, np.ndarray | list | tuple):
        return [_write_parameter(name, entry) for entry in value]
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return write_float(value)
    raise ParameterError(f"{name} must be a number, a text or a list of them to be saved, got {value!r:.80}")


def _read_parameters(written: Mapping[str, Any], kind: type[FormulaEstimator]) -> dict[str, Any]:
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
    if isinstance(written.get("class_weight"), list):
        parameters["class_weight"] = dict(_read_weight(pair) for pair in written["class_weight"])
    for name, value in parameters.items():
        if isinstance(value, dict | list) and name not in ("library", "class_weight"):
            raise FileFormatError(f"parameter {quote(name)} must be a number or a text, got {type(value).__name__}")
    return parameters


def _label(label: Any) -> Any:
    plain = label.item() if isinstance(label, np.generic) else label
    if type(plain) not in _LABELS.values():
        raise ParameterError(f"class_weight must have texts, numbers or booleans as classes to be saved, got {label!r}")
    return plain


def _read_weight(pair: Any) -> tuple[Any, float]:
    if not isinstance(pair, list) or len(pair) != 2 or type(pair[0]) not in _LABELS.values():
        raise FileFormatError("entry 'class_weight' must hold pairs of a class and its weight, got something else")
    return pair[0], read_float(pair[1], "class_weight")


# ---------------------------------------------------------------------------------------------------------- discoveries
