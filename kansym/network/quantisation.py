"""Coefficients in 8 bits, and back: a quarter of the memory for a stated error."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from kansym.errors import FileFormatError
from kansym.network.checks import check_kind
from kansym.network.layer import KANLayer

__all__ = ["load_quantised_state", "quantised_state"]

_LARGEST = 127


def quantised_state(module: nn.Module) -> dict[str, Tensor]:
    """Return a state with the coefficients of every KAN layer as 8-bit integers and one scale an edge.

    Each coefficient comes back within 1/254 of the largest of its edge, and the rounding of its type. B-splines are not
    negative and sum to one, so within its grid no edge moves by more than that either, and a node that sums by no more
    than the sum over its edges. Scales are at least of single precision; an edge all below 1e-35 there may become 0.
    What else the module holds is stored as it is, but for the numbers of symbolic edges where a layer has none.

    Parameters
    ----------
    module : nn.Module
        A network, a layer, or any model that contains some.

    Returns
    -------
    dict of str to Tensor
        Like a ``state_dict``, fit for ``torch.save`` and ``safetensors``; names of functions on symbolic edges are
        not in it and stay those of the module that loads it.

    Examples
    --------
    >>> state = quantised_state(KANLayer(2, 3))
    >>> state["coef"].dtype, state["coef_scale"].shape
    (torch.int8, torch.Size([3, 2, 1]))
    """
    check_kind("module", module, nn.Module)
    state = {name: value for name, value in module.state_dict().items() if isinstance(value, Tensor)}
    for prefix, layer in _layers(module):
        coef = layer.coef.detach()
        coef = coef.float() if coef.dtype.itemsize < 4 else coef
        scale = coef.abs().amax(-1, keepdim=True) / _LARGEST
        scale = torch.where(scale >= torch.finfo(scale.dtype).tiny, scale, 0.0)  # below, a scale has too few digits
        levels = torch.where(scale > 0, coef / scale, 0.0).round_().clamp_(-_LARGEST, _LARGEST)
        state[f"{prefix}coef"], state[f"{prefix}coef_scale"] = levels.to(torch.int8), scale
        if not layer.functions:
            del state[f"{prefix}affine"]
    return state


def load_quantised_state(module: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Set a module of the same shape to a state of :func:`quantised_state`.

    Raises
    ------
    FileFormatError
        If the state lacks an entry, holds one too many or one of another shape, or has other symbolic edges.

    Examples
    --------
    >>> layer, other = KANLayer(2, 3), KANLayer(2, 3)
    >>> load_quantised_state(other, quantised_state(layer))
    >>> bool((other.coef - layer.coef).abs().max() <= layer.coef.abs().max() / 253)
    True
    """
    check_kind("module", module, nn.Module)
    plain = dict(check_kind("state", state, Mapping))
    for prefix, layer in _layers(module):
        scale, levels = plain.pop(f"{prefix}coef_scale", None), plain.get(f"{prefix}coef")
        if scale is None or levels is None or levels.dtype != torch.int8:
            raise FileFormatError(f"state must hold {prefix}coef in 8 bits and {prefix}coef_scale, got {sorted(state)}")
        if levels.shape != layer.coef.shape or scale.shape != (*levels.shape[:2], 1):
            expected, found = tuple(layer.coef.shape), (tuple(levels.shape), tuple(scale.shape))
            raise FileFormatError(f"state must fit the module: {prefix}coef must be {expected}, got {found}")
        symbolic = plain.get(f"{prefix}symbolic_mask")
        if symbolic is None or not torch.equal(symbolic.to(layer.symbolic_mask), layer.symbolic_mask):
            raise FileFormatError(f"state must have the module's symbolic edges, got others in {prefix}symbolic_mask")
        plain[f"{prefix}coef"] = levels.to(scale.dtype) * scale
        plain.setdefault(f"{prefix}affine", layer.affine.detach())
    others = {name: value for name, value in module.state_dict().items() if not isinstance(value, Tensor)}
    try:
        module.load_state_dict({**others, **plain})
    except RuntimeError as error:
        raise FileFormatError(f"state must fit the module: {error}") from error


def _layers(module: nn.Module) -> list[tuple[str, KANLayer]]:
    """Return the KAN layers of a module, each with the prefix of its entries in a state."""
    found = [(name, part) for name, part in module.named_modules() if isinstance(part, KANLayer)]
    return [(f"{name}." if name else "", layer) for name, layer in found]
