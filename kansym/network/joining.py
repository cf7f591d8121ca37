"""Networks of several outputs as one, over all columns of a table."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from kansym.errors import ParameterError
from kansym.hints import brief
from kansym.library import Library
from kansym.network.checks import check_integer, check_kind, check_kinds, check_tuple
from kansym.network.editing import set_kind
from kansym.network.kan import KAN
from kansym.network.surgery import blank_layer, place, stack, with_scaling_of

__all__ = ["deepen", "join", "widen_inputs"]


def join(networks: Sequence[KAN], columns: Sequence[Sequence[int]], n_inputs: int) -> KAN:
    """Put networks side by side, each on its own choice of columns.

    Parameters
    ----------
    networks : sequence of KAN
        One for each output.
    columns : sequence of sequence of int
        Which columns of the table are the inputs of each network.
    n_inputs : int
        Columns of the table.

    Returns
    -------
    KAN
        With ``n_inputs`` inputs and the outputs of all networks, of the depth of the deepest.

    Examples
    --------
    >>> join([KAN((1, 1)), KAN((2, 3, 1))], [[1], [0, 2]], 3).widths[-1]
    2
    """
    networks = check_kinds("networks", networks, KAN)
    columns = check_tuple("columns", columns, "a sequence of the columns of each network")
    if len(columns) != len(networks):
        raise ParameterError(f"columns must hold one choice for each of {len(networks)} networks, got {len(columns)}")
    widened = [widen_inputs(network, chosen, n_inputs) for network, chosen in zip(networks, columns, strict=True)]
    if len(widened) == 1:
        return widened[0]
    depth = max(len(network.layers) for network in widened)
    return stack([deepen(network, depth) for network in widened])


def widen_inputs(network: KAN, columns: Sequence[int], n_inputs: int) -> KAN:
    """Return the same function of a wider table: the other columns have pruned edges and identity scaling.

    Parameters
    ----------
    network : KAN
    columns : sequence of int
        Which column of the table each input is, all different.
    n_inputs : int
        Columns of the table.

    Raises
    ------
    ParameterError
        If the columns are not as stated.

    Examples
    --------
    >>> widen_inputs(KAN((1, 1)), [2], 3).edges()
    [(0, 0, 2)]
    """
    first = check_kind("network", network, KAN).layer(0)
    check_integer("n_inputs", n_inputs, first.in_features)
    wanted = f"{first.in_features} different columns of {n_inputs}, one for each input of the network"
    columns = [check_integer("columns", column, 0) for column in check_tuple("columns", columns, wanted)]
    if len({*columns}) != len(columns) or len(columns) != first.in_features or max(columns) >= n_inputs:
        raise ParameterError(f"columns must be {wanted}, got {brief(columns)}")
    if columns == list(range(n_inputs)):
        return network
    wider = blank_layer(first, n_inputs, first.out_features)
    place(first, wider, range(first.out_features), range(first.in_features), range(first.out_features), columns)
    result = KAN.from_layers([wider, *(network.copy().layer(i) for i in range(1, len(network.layers)))])
    chosen = torch.tensor(columns)
    with torch.no_grad():
        result.input_shift[chosen] = network.input_shift
        result.input_scale[chosen] = network.input_scale
        result.output_shift.copy_(network.output_shift)
        result.output_scale.copy_(network.output_scale)
    return result


def deepen(network: KAN, depth: int) -> KAN:
    """Return the same function with layers at the end that hand their inputs on.

    Examples
    --------
    >>> deepen(KAN((2, 1)), 3).widths
    (2, 1, 1, 1)
    """
    layers = [network.copy().layer(number) for number in range(len(network.layers))]
    identity = Library(["x"])["x"]
    while len(layers) < depth:
        outputs = layers[-1].out_features
        passing = blank_layer(layers[-1], outputs, outputs)
        for node in range(outputs):
            set_kind(passing, (node, node), "symbolic", identity)
        layers.append(passing)
    return with_scaling_of(network, KAN.from_layers(layers))
