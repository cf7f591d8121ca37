"""A network as a JSON-able description and named arrays, and back with every entry checked; no pickle involved."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from kansym.errors import FileFormatError, KansymError
from kansym.hints import brief
from kansym.library import Library, SymbolicFunction, default_library
from kansym.network.layer import KANLayer

if TYPE_CHECKING:
    from kansym.network.kan import KAN

__all__: list[str] = []

_FORMAT = 1
_FLOATS = (torch.float32, torch.float64, torch.bfloat16, torch.float16)
_DTYPES = {str(dtype).removeprefix("torch."): dtype for dtype in _FLOATS}
# Of a layer; one entry where all layers agree, else a list with one for each.
_OPTIONS = ("basis", "grid_size", "spline_order", "base_function")
_SCALING = ("input_shift", "input_scale", "output_shift", "output_scale")
_MASKS = ("spline_mask", "symbolic_mask", "product_mask")
_NUMBERS = ("coef", "base_weight", "affine")


def to_state(network: KAN) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """See :meth:`KAN.to_state`."""
    layers = [network.layer(number) for number in range(len(network.layers))]
    description = {
        "format": _FORMAT,
        "widths": list(network.widths),
        "dtype": str(layers[0].coef.dtype).removeprefix("torch."),
    }
    for name, values in zip(_OPTIONS, zip(*map(_options, layers), strict=True), strict=True):
        description[name] = values[0] if len({*values}) == 1 else list(values)
    description["functions"] = [layer.get_extra_state() for layer in layers]
    arrays = {name: _numpy(getattr(network, name)) for name in _SCALING}
    for number, layer in enumerate(layers):
        arrays[f"layers.{number}.grid"] = _numpy(layer.basis.grid)
        for name in (*_NUMBERS, *_MASKS):
            arrays[f"layers.{number}.{name}"] = _numpy(getattr(layer, name))
    return description, arrays


def from_state(
    kind: type[KAN], description: dict[str, Any], arrays: dict[str, Any], library: Library | None = None
) -> KAN:
    """See :meth:`KAN.from_state`."""
    network = _blank_network(kind, description)
    functions = description.get("functions")
    if not isinstance(functions, list) or len(functions) != len(network.layers):
        raise FileFormatError(f"functions must be a list of {len(network.layers)} tables, got {brief(functions)}")
    for name in _SCALING:
        _fill(getattr(network, name), arrays, name)
    for name in ("input_scale", "output_scale"):
        if not bool((getattr(network, name) > 0).all()):
            raise FileFormatError(f"array {name} must be positive")
    for number, table in enumerate(functions):
        layer = network.layer(number)
        _fill(layer.basis.grid, arrays, f"layers.{number}.grid")
        if not bool((torch.diff(layer.basis.grid, dim=1) > 0).all()):
            raise FileFormatError(f"array layers.{number}.grid must increase along each row")
        for name in (*_NUMBERS, *_MASKS):
            _fill(getattr(layer, name), arrays, f"layers.{number}.{name}")
        layer.functions = _functions(layer, table, number, library)
        layer.note_edges()
    return network


def _blank_network(kind: type[KAN], description: dict[str, Any]) -> KAN:
    if not isinstance(description, dict) or description.get("format") != _FORMAT:
        found = description.get("format") if isinstance(description, dict) else description
        raise FileFormatError(f"network format must be {_FORMAT}, got {brief(found)}; did a newer kansym write it?")
    dtype = description.get("dtype")
    if not isinstance(dtype, str) or dtype not in _DTYPES:
        raise FileFormatError(f"dtype must be one of {', '.join(_DTYPES)}, got {brief(dtype)}")
    try:
        widths, options = description["widths"], {name: description[name] for name in _OPTIONS}
        if not any(isinstance(value, list) for value in options.values()):
            return kind(widths, dtype=_DTYPES[dtype], **options)
        count = len(widths) - 1
        rows = {name: value if isinstance(value, list) else [value] * count for name, value in options.items()}
        for name, row in rows.items():
            if len(row) != count:
                raise FileFormatError(f"{name} must hold {count} entries, one a layer, got {brief(row)}")
        pairs = zip(itertools.pairwise(widths), zip(*rows.values(), strict=True), strict=True)
        return kind.from_layers(
            KANLayer(*sizes, dtype=_DTYPES[dtype], **dict(zip(rows, own, strict=True))) for sizes, own in pairs
        )
    except KeyError as error:
        raise FileFormatError(f"network description must hold {error}, which is missing") from error
    except (KansymError, TypeError) as error:
        raise FileFormatError(f"network description is not valid: {error}") from error


def _fill(tensor: torch.Tensor, arrays: dict[str, Any], name: str) -> None:
    """Copy the array of that name into a tensor of a new network, its shape, type and finiteness checked."""
    if name not in arrays:
        raise FileFormatError(f"array {name} is missing")
    array = np.asarray(arrays[name])
    kinds = "b" if tensor.dtype == torch.bool else "f"
    if array.shape != tuple(tensor.shape) or array.dtype.kind not in kinds:
        expected = f"{'bool' if kinds == 'b' else 'floating'} of shape {tuple(tensor.shape)}"
        raise FileFormatError(f"array {name} must be {expected}, got {array.dtype} of shape {array.shape}")
    with torch.no_grad():
        tensor.copy_(torch.from_numpy(np.array(array)))
    if kinds == "f" and not bool(torch.isfinite(tensor).all()):
        raise FileFormatError(f"array {name} must be finite in {str(tensor.dtype).removeprefix('torch.')}")


def _functions(
    layer: KANLayer, table: object, number: int, library: Library | None
) -> dict[tuple[int, int], SymbolicFunction]:
    """Return the functions of a layer's symbolic edges, which must be exactly those of its mask."""
    edges = [(int(output), int(source)) for output, source in layer.symbolic_mask.nonzero()]
    if not isinstance(table, dict) or set(table) != {f"{output},{source}" for output, source in edges}:
        wanted = f"must name those of its symbolic edges {brief(edges)}"
        raise FileFormatError(f"functions of layer {number} {wanted}, got {brief(table)}")
    if bool((layer.symbolic_mask & layer.spline_mask).any()):
        raise FileFormatError(f"an edge of layer {number} must be spline or symbolic, not both")
    if not edges:
        return {}
    known = default_library() if library is None else library
    for name in table.values():
        if name not in known:
            raise FileFormatError(f"function {brief(name)} of layer {number} must be in the library {known.names}")
    return {(output, source): known[table[f"{output},{source}"]] for output, source in edges}


def _options(layer: KANLayer) -> tuple[str, int, int, str]:
    return layer.basis_name, layer.basis.grid_size, layer.basis.spline_order, layer.base_function


def _numpy(tensor: torch.Tensor) -> NDArray[Any]:
    # numpy has no bfloat16; in single precision its numbers are the same.
    tensor = tensor.detach().cpu()
    return np.array((tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy())
