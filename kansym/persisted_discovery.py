"""Discoveries in files: formulas as trees, uncertainties as tables, networks as arrays."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import sympy
from numpy.typing import NDArray

from kansym.discovery import Confidence, Discovery
from kansym.entries import entry, float_entry, integers, read_float, write_float
from kansym.errors import FileFormatError, ParameterError
from kansym.library import SymbolicFunction, default_library
from kansym.network import KAN
from kansym.symbolic.evaluation import count_constants
from kansym.symbolic.front import Formula, ParetoFront
from kansym.symbolic.serialization import from_tree, to_tree
from kansym.symbolic.uncertainty import Uncertainty

__all__ = ["check_builtin", "read_discovery", "write_discovery"]

_STATIONS = ("network", "pruned_network", "symbolic_network")

Arrays = dict[str, NDArray[Any]]


def write_discovery(
    discovery: Discovery, variables: Sequence[sympy.Symbol], arrays: Arrays, prefix: str
) -> dict[str, Any]:
    """Describe a discovery for JSON; the arrays of its networks join ``arrays``, their names begin with ``prefix``."""
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
            "shares": [write_float(share) for share in confidence.shares],
        },
        "reason": discovery.reason,
        "steps": discovery.steps,
        "seconds": write_float(discovery.seconds),
        **{name: _write_network(getattr(discovery, name), arrays, f"{prefix}/{name}") for name in _STATIONS},
    }


def read_discovery(written: Any, variables: Sequence[sympy.Symbol], arrays: Arrays, prefix: str) -> Discovery:
    """Rebuild what :func:`write_discovery` described, each entry checked."""
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
            _read_shares(confidence.get("shares", []), len(formulas)),
        ),
        reason=entry(written, "reason", str),
        steps=entry(written, "steps", int),
        seconds=float_entry(written, "seconds"),
    )


def _read_shares(written: Any, n_formulas: int) -> tuple[float, ...]:
    """One for each formula, or none: files of earlier versions have none."""
    if not isinstance(written, list) or len(written) not in (0, n_formulas):
        raise FileFormatError(f"shares must be a list of {n_formulas} numbers or of none, got {written!r:.60}")
    return tuple(float_entry({"share": share}, "share") for share in written)


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
        check_builtin("the network", list(network.layer(number).functions.values()))
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


def check_builtin(where: str, functions: Sequence[str | SymbolicFunction]) -> None:
    """Raise where a function is not one of the default library: a file can name functions, not hold them."""
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
