"""From a symbolic network to the formula it computes, in the user's variables and units."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import sympy

from kansym.errors import ParameterError

if TYPE_CHECKING:
    from kansym.network import KAN

__all__ = ["network_expressions"]


def network_expressions(
    network: KAN, variables: Sequence[sympy.Symbol], *, name_splines: bool = False
) -> tuple[sympy.Expr, ...]:
    """Write a network whose edges are all symbolic or pruned as formulas.

    Parameters
    ----------
    network : KAN
        Its input and output scaling becomes part of the formulas.
    variables : sequence of sympy.Symbol
        One for each input.
    name_splines : bool
        Write the spline of edge ``(layer, output, input)`` as an unknown function ``f_layer_output_input`` of the node
        it reads; one that reads a variable takes its scaling into itself.

    Returns
    -------
    tuple of sympy.Expr
        One for each output; what :func:`kansym.symbolic.evaluation.compile_expression` makes of it agrees with the
        network's output to rounding.

    Raises
    ------
    ParameterError
        If an edge is a spline still and shall not be named: no formula says what it computes.

    Examples
    --------
    >>> import torch
    >>> from kansym.library import default_library
    >>> from kansym.network import KAN
    >>> network = KAN((1, 1), dtype=torch.float64).snap((0, 0, 0), default_library()["sin"], a=2.0, c=3.0)
    >>> network_expressions(network, [sympy.Symbol("t", real=True)])
    (3.0*sin(2.0*t),)
    """
    if len(variables) != network.widths[0]:
        raise ParameterError(f"variables must be {network.widths[0]} symbols, one an input, got {len(variables)}")
    shift, scale = network.input_shift.tolist(), network.input_scale.tolist()
    nodes: list[Any] = [
        _scaled(variable, 1.0 / s, -m / s) for variable, m, s in zip(variables, shift, scale, strict=True)
    ]
    for number in range(len(network.layers)):
        layer = network.layer(number)
        multiplies = layer.product_mask.tolist()
        incoming: list[list[Any]] = [[] for _ in range(layer.out_features)]
        for output in range(layer.out_features):
            for source, node in enumerate(nodes):
                index = (number, output, source)
                if name_splines and network.edge_state(index).kind == "spline":
                    unknown = sympy.Function("f_{}_{}_{}".format(*index), real=True)
                    edge: Any = unknown(variables[source] if number == 0 else node)
                else:
                    edge = _edge(network, index, node)
                if edge is not None:
                    incoming[output].append(edge)
        nodes = [
            sympy.Mul(*edges) if product else sympy.Add(*edges)
            for edges, product in zip(incoming, multiplies, strict=True)
        ]
    ends = zip(nodes, network.output_scale.tolist(), network.output_shift.tolist(), strict=True)
    return tuple(_scaled(node, scale, shift) for node, scale, shift in ends)


def _edge(network: KAN, index: tuple[int, int, int], node: Any) -> Any | None:
    state = network.edge_state(index)
    if state.kind == "pruned":
        return None
    if state.function is None:
        raise ParameterError(f"network must have symbolic edges only, but edge {index} is a spline; snap or prune it")
    exponent = () if state.exponent is None else (sympy.Float(state.exponent),)
    return _scaled(state.function.sympy(_scaled(node, state.a, state.b), *exponent), state.c, state.d)


def _scaled(node: Any, factor: float, shift: float) -> Any:
    product = node if factor == 1.0 else sympy.Float(factor) * node
    return product if shift == 0.0 else product + sympy.Float(shift)
