"""Operations that change which nodes a network has: drop dead ones, stack networks side by side."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from kansym.errors import ParameterError
from kansym.library import Library
from kansym.network.bases import Basis
from kansym.network.checks import check_kinds
from kansym.network.edges import edge_function
from kansym.network.editing import set_kind
from kansym.network.layer import KANLayer

if TYPE_CHECKING:
    from kansym.network.kan import KAN

__all__ = ["stack"]


# --- dead nodes -----------------------------------------------------------------------------------------------------


def without_dead_nodes(network: KAN) -> KAN:
    """See :meth:`KAN.without_dead_nodes`."""
    return compacted(network)[0]


def compacted(network: KAN) -> tuple[KAN, list[list[int]]]:
    """Return the network without dead nodes, and for each layer of nodes which of the old ones are left."""
    result = network.copy()
    _fold_constants(result)
    kept = _live_nodes(result)
    return _keep_nodes(result, kept), kept


def active(layer: KANLayer) -> Tensor:
    """Which edges are not pruned, bool (out, in)."""
    return layer.spline_mask | layer.symbolic_mask


def _fold_constants(network: KAN) -> None:
    """Move what constant nodes send into the other edges of their receivers, or into ``output_shift``."""
    constant = torch.zeros(network.widths[0], dtype=torch.bool, device=network.input_shift.device)
    # A constant node has the same value on every row, so any row tells it.
    values = network.node_values(network.input_shift.unsqueeze(0))
    for number in range(len(network.layers)):
        layer, z = network.layer(number), values[number]
        receives = active(layer)
        for output, source in (receives & constant).nonzero().tolist():
            varying = (active(layer)[output] & ~constant).nonzero().flatten().tolist()
            sent = edge_function(layer, output, source, z[:, source])
            if any(absorb(layer, (output, other), sent) for other in varying):
                set_kind(layer, (output, source), "pruned")
        constant = ~(receives & ~constant).any(dim=1)
    last = network.layer(len(network.layers) - 1)
    with torch.no_grad():
        for output in constant.nonzero().flatten().tolist():
            value = last(values[-1])[0, output]
            neutral = 1.0 if bool(last.product_mask[output]) else 0.0
            network.output_shift[output] += (value - neutral) * network.output_scale[output]
            for source in range(last.in_features):
                set_kind(last, (output, source), "pruned")


def absorb(layer: KANLayer, edge: tuple[int, int], sent: Tensor) -> bool:
    """Add a constant to an edge of a sum node, or multiply one of a product node by it; False if the edge cannot."""
    spline, multiplies = bool(layer.spline_mask[edge]), bool(layer.product_mask[edge[0]])
    one = layer.basis.constant()
    with torch.no_grad():
        value = sent.reshape(())
        if multiplies and spline:
            layer.coef[edge] *= value
            layer.base_weight[edge] *= value
        elif multiplies:
            layer.affine[edge][2:4] *= value
        elif not spline:
            layer.affine[edge][3] += value
        elif one is not None:
            layer.coef[edge] += value * one.to(layer.coef)
        else:
            return False
    return True


def negated(network: KAN) -> KAN:
    """Return the network of one output whose value is the negative one.

    Examples
    --------
    >>> from kansym.network import KAN
    >>> network, x = KAN((2, 1)), torch.rand(5, 2)
    >>> bool((negated(network)(x) == -network(x)).all())
    True
    """
    result = network.copy()
    last = result.layer(len(result.layers) - 1)
    with torch.no_grad():
        result.output_shift.neg_()
        for output, source in active(last).nonzero().tolist():
            last.coef[output, source] *= -1.0
            last.base_weight[output, source] *= -1.0
            last.affine[output, source, 2:4] *= -1.0
            if bool(last.product_mask[output]):
                break  # one factor of a product
    return result


def _live_nodes(network: KAN) -> list[list[int]]:
    """Nodes of each layer, inputs first, that reach an output; all inputs, all outputs, at least one a layer."""
    live = [list(range(network.widths[-1]))]
    for number in reversed(range(len(network.layers))):
        layer = network.layer(number)
        reaching = active(layer)[live[0]].any(dim=0).nonzero().flatten().tolist()
        live.insert(0, reaching if number and reaching else [0] if number else list(range(layer.in_features)))
    return live


def _keep_nodes(network: KAN, kept: Sequence[list[int]]) -> KAN:
    layers = []
    for number, (sources, outputs) in enumerate(itertools.pairwise(kept)):
        layer = network.layer(number)
        smaller = blank_layer(layer, len(sources), len(outputs))
        place(layer, smaller, outputs, sources, range(len(outputs)), range(len(sources)))
        layers.append(smaller)
    return with_scaling_of(network, type(network).from_layers(layers))


def reaches_inputs(network: KAN) -> Tensor:
    """Which outputs have a path of active edges to an input, bool (n_out,)."""
    reached = torch.ones(network.widths[0], dtype=torch.bool, device=network.input_shift.device)
    for number in range(len(network.layers)):
        reached = (active(network.layer(number)) & reached).any(dim=1)
    return reached


def used_inputs(network: KAN) -> Tensor:
    """Which inputs have a path of active edges to an output, bool (n_in,).

    Examples
    --------
    >>> used_inputs(blank_network((2, 1), (0,)))
    tensor([False, False])
    """
    used = torch.ones(network.widths[-1], dtype=torch.bool, device=network.input_shift.device)
    for number in reversed(range(len(network.layers))):
        used = (active(network.layer(number)) & used[:, None]).any(dim=0)
    return used


def blank_network(widths: Sequence[int], product_nodes: Sequence[int]) -> KAN:
    """Return a float64 network of that shape with all edges pruned, ready to be snapped edge by edge.

    Examples
    --------
    >>> blank_network((2, 1), (1,)).edges()
    []
    """
    from kansym.network.kan import KAN

    network = KAN(widths, product_nodes=product_nodes, dtype=torch.float64)
    for number in range(len(network.layers)):
        network.layer(number).spline_mask.fill_(False)
    return network


# --- stacking -------------------------------------------------------------------------------------------------------


def stack(networks: Sequence[KAN]) -> KAN:
    """Return one network with the same inputs and the outputs of all, hidden nodes side by side.

    Edges between the parts are pruned. B-spline grids of unequal size are refined to the largest. Where the input
    scaling or the first grids differ, a first layer of identity edges hands every part its own copy of the inputs.

    Parameters
    ----------
    networks : sequence of KAN
        At least one, of equal depth, inputs, basis, spline order and base function.

    Raises
    ------
    ParameterError
        If the networks are not alike as stated.

    Examples
    --------
    >>> from kansym.network import KAN
    >>> stack([KAN((2, 3, 1)), KAN((2, 4, 2))]).widths
    (2, 7, 3)
    """
    from kansym.network.kan import KAN

    networks = _aligned(check_kinds("networks", networks, KAN))
    first = networks[0]
    same_scale = all(
        torch.equal(first.input_shift, other.input_shift) and torch.equal(first.input_scale, other.input_scale)
        for other in networks
    )
    shared = _shared_points([network.layer(0) for network in networks]) if same_scale else None
    layers = [] if shared is not None else [_copying_layer(networks)]
    for number in range(len(first.layers)):
        parts = [network.layer(number) for network in networks]
        layers.append(_side_by_side(parts, shared if number == 0 else None))
    result = type(first).from_layers(layers)
    if shared is not None:
        result.input_shift.copy_(first.input_shift)
        result.input_scale.copy_(first.input_scale)
    result.output_shift.copy_(torch.cat([network.output_shift for network in networks]))
    result.output_scale.copy_(torch.cat([network.output_scale for network in networks]))
    return result


def _aligned(networks: Sequence[KAN]) -> list[KAN]:
    """Check that networks can be stacked and bring them to one grid size."""

    def traits(network: KAN) -> tuple[object, ...]:
        layer = network.layer(0)
        return (len(network.layers), network.widths[0], layer.basis_name, layer.basis.spline_order, layer.base_function)

    dtypes = {network.layer(0).coef.dtype for network in networks}
    if len(dtypes) > 1:
        raise ParameterError(f"networks must have one dtype, got {', '.join(sorted(map(str, dtypes)))}")
    if len({traits(network) for network in networks}) > 1:
        described = [traits(network) for network in networks]
        raise ParameterError(f"networks must agree in depth, inputs, basis, order and base function, got {described}")
    sizes = {network.layer(0).basis.grid_size for network in networks}
    if len(sizes) > 1 and networks[0].layer(0).basis_name != "bspline":
        raise ParameterError(f"networks must have one grid_size unless their basis is bspline, got {sorted(sizes)}")
    return [network.refine(max(sizes), network.input_shift.unsqueeze(0)) for network in networks]


def _shared_points(layers: Sequence[KANLayer]) -> Tensor | None:
    """Breakpoints that serve every layer's splines, or None if two of them use different ones for an input."""
    points = layers[0].basis.points.clone()
    owned = layers[0].spline_mask.any(dim=0)
    for layer in layers[1:]:
        uses = layer.spline_mask.any(dim=0)
        agrees = (layer.basis.points == points).all(dim=1)
        if bool((uses & owned & ~agrees).any()):
            return None
        adopted = uses & ~owned
        points[adopted] = layer.basis.points[adopted]
        owned |= uses
    return points


def _copying_layer(networks: Sequence[KAN]) -> KANLayer:
    """Return a layer of identity edges from raw inputs to each network's own standardised inputs."""
    like, n_in = networks[0].layer(0), networks[0].widths[0]
    layer = blank_layer(like, n_in, n_in * len(networks))
    identity = Library(["x"])["x"]
    with torch.no_grad():
        for number, network in enumerate(networks):
            for source in range(n_in):
                edge = (number * n_in + source, source)
                set_kind(layer, edge, "symbolic", identity)
                layer.affine[edge][2] = 1.0 / network.input_scale[source]
                layer.affine[edge][3] = -network.input_shift[source] / network.input_scale[source]
    return layer


def _side_by_side(parts: Sequence[KANLayer], shared: Tensor | None) -> KANLayer:
    """Block-diagonal layer of the parts, or, on shared inputs with the given breakpoints, parts above each other."""
    like = parts[0]
    n_in = like.in_features if shared is not None else sum(part.in_features for part in parts)
    layer = blank_layer(like, n_in, sum(part.out_features for part in parts))
    output = source = 0
    for part in parts:
        outputs = range(output, output + part.out_features)
        sources = range(source, source + part.in_features)
        place(part, layer, range(part.out_features), range(part.in_features), outputs, sources)
        output += part.out_features
        source += part.in_features if shared is None else 0
    if shared is not None:
        kind: type[Basis] = type(like.basis)
        layer.basis = kind(shared, like.basis.spline_order)
    return layer


# --- parts of layers ------------------------------------------------------------------------------------------------


def blank_layer(like: KANLayer, n_in: int, n_out: int) -> KANLayer:
    """Return a layer of that size, all edges pruned, of the same kind as another."""
    layer = KANLayer(
        n_in,
        n_out,
        basis=like.basis_name,
        grid_size=like.basis.grid_size,
        spline_order=like.basis.spline_order,
        base_function=like.base_function,
        dtype=like.coef.dtype,
        device=like.coef.device,
    )
    layer.spline_mask.fill_(False)
    return layer


def place(
    source: KANLayer,
    target: KANLayer,
    from_outputs: Sequence[int],
    from_inputs: Sequence[int],
    to_outputs: Sequence[int],
    to_inputs: Sequence[int],
) -> None:
    """Copy edges, node kinds and grids of some nodes of one layer to places in another that the caller owns."""
    rows, columns = torch.tensor(from_outputs).unsqueeze(-1), torch.tensor(from_inputs)
    to_rows, to_columns = torch.tensor(to_outputs).unsqueeze(-1), torch.tensor(to_inputs)
    with torch.no_grad():
        for name in ("coef", "base_weight", "affine", "spline_mask", "symbolic_mask"):
            getattr(target, name)[to_rows, to_columns] = getattr(source, name)[rows, columns]
        target.product_mask[to_rows.flatten()] = source.product_mask[rows.flatten()]
        target.basis.grid[to_columns] = source.basis.grid[columns]
    new_row = dict(zip(from_outputs, to_outputs, strict=True))
    new_column = dict(zip(from_inputs, to_inputs, strict=True))
    for (output, column), function in source.functions.items():
        if output in new_row and column in new_column:
            target.functions[new_row[output], new_column[column]] = function
    target.note_edges()


def with_scaling_of(network: KAN, result: KAN) -> KAN:
    """Give ``result``, which the caller owns, the scaling of ``network``."""
    for name in ("input_shift", "input_scale", "output_shift", "output_scale"):
        getattr(result, name).copy_(getattr(network, name))
    return result
