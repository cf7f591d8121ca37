"""From a formula to the network that computes it: its topology, product nodes and symbolic edges.

The inverse of :mod:`kansym.symbolic.expression`. Sums and products become nodes; each function with the scale and shift
around it, ``c·f(a·u + b) + d``, becomes an edge; what a deeper layer needs from an earlier one is handed on by edges of
the identity.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import sympy

from kansym.errors import ParameterError
from kansym.library import Library, SymbolicFunction, default_library
from kansym.network import KAN, blank_network
from kansym.symbolic.evaluation import function_table

__all__ = ["network_of"]

_POWERS = {2: "x^2", 3: "x^3", 4: "x^4", -1: "1/x", -2: "1/x^2", sympy.S.Half: "sqrt", -sympy.S.Half: "1/sqrt"}


@dataclass(frozen=True)
class _Edge:
    """``c·f(a·source + b) + d``."""

    source: Any
    function: SymbolicFunction
    a: float = 1.0
    b: float = 0.0
    c: float = 1.0
    d: float = 0.0
    exponent: float | None = None


@dataclass
class _Node:
    multiplies: bool
    edges: list[_Edge]
    level: int


@dataclass
class _Graph:
    """Nodes by the expression they compute."""

    variables: Sequence[sympy.Symbol]
    library: Library | None
    nodes: dict[Any, _Node] = field(default_factory=dict)

    def level(self, key: Any) -> int:
        return 0 if key in self.variables else self.nodes[key].level

    def node(self, expression: Any) -> Any:
        """The node that computes an expression, made if need be; variables are nodes of level 0."""
        if expression in self.variables or expression in self.nodes:
            return expression
        if isinstance(expression, sympy.Add):
            constant, rest = expression.as_coeff_Add()
            terms = rest.args if isinstance(rest, sympy.Add) else (rest,)
            edges = [self.edge(term) for term in terms]
            edges[0] = _shifted(edges[0], float(constant))
        elif isinstance(expression, sympy.Mul):
            coefficient, rest = expression.as_coeff_Mul()
            factors = rest.args if isinstance(rest, sympy.Mul) else (rest,)
            edges = [self.edge(factor) for factor in factors]
            edges[0] = _scaled(edges[0], float(coefficient))
        else:
            edges = [self.edge(expression)]
        edges = self._from_different_sources(edges)
        level = 1 + max(self.level(edge.source) for edge in edges)
        self.nodes[expression] = _Node(isinstance(expression, sympy.Mul) and len(edges) > 1, edges, level)
        return expression

    def _from_different_sources(self, edges: list[_Edge]) -> list[_Edge]:
        """Two functions of one source cannot be one edge: all but the first get a node of their own."""
        seen: set[Any] = set()
        result = []
        for edge in edges:
            if edge.source in seen:
                key = sympy.Dummy()
                self.nodes[key] = _Node(False, [edge], self.level(edge.source) + 1)
                edge = _Edge(key, default_library()["x"])
            seen.add(edge.source)
            result.append(edge)
        return result

    def edge(self, expression: Any) -> _Edge:
        """The edge that ends in an expression: as much of it as one function with its affine constants can carry."""
        constant, rest = expression.as_coeff_Add()
        if isinstance(rest, sympy.Add):
            return _Edge(self.node(expression), default_library()["x"])
        coefficient, term = rest.as_coeff_Mul()
        return _shifted(_scaled(self._plain_edge(term), float(coefficient)), float(constant))

    def _plain_edge(self, term: Any) -> _Edge:
        if isinstance(term, sympy.Mul) or term in self.variables:
            return _Edge(self.node(term), default_library()["x"])
        if isinstance(term, sympy.Pow):
            base, exponent = term.args
            if not exponent.is_Number:
                raise ParameterError(f"formula must have numbers as exponents to become a network, got {term}")
            name = _POWERS.get(exponent, "x^n")
            return self._with_argument(
                base, default_library()[name], float(exponent) if name == "x^n" else None
            )
        function = function_table(self.library).get(term.func)
        if function is None:
            raise ParameterError(f"formula must be made of library functions to become a network, got {term}")
        return self._with_argument(term.args[0], function, None)

    def _with_argument(self, argument: Any, function: SymbolicFunction, exponent: float | None) -> _Edge:
        shift, rest = argument.as_coeff_Add()
        if isinstance(rest, sympy.Add):
            return _Edge(self.node(argument), function, exponent=exponent)
        slope, source = rest.as_coeff_Mul()
        return _Edge(self.node(source), function, float(slope), float(shift), exponent=exponent)


def _shifted(edge: _Edge, shift: float) -> _Edge:
    return _Edge(edge.source, edge.function, edge.a, edge.b, edge.c, edge.d + shift, edge.exponent)


def _scaled(edge: _Edge, factor: float) -> _Edge:
    return _Edge(edge.source, edge.function, edge.a, edge.b, edge.c * factor, edge.d * factor, edge.exponent)


def network_of(expression: sympy.Expr, variables: Sequence[sympy.Symbol], library: Library | None = None) -> KAN:
    """Build the symbolic network that computes a formula.

    Parameters
    ----------
    expression : sympy.Expr
        Of the variables and functions of the library.
    variables : sequence of sympy.Symbol
        The inputs, in order; those that do not occur have pruned edges.
    library : Library, optional
        For functions beyond the default ones.

    Returns
    -------
    KAN
        In float64, with identity scaling; its output agrees with the formula to rounding.

    Raises
    ------
    ParameterError
        If the formula has a variable exponent or a function that no library holds.

    Examples
    --------
    >>> x, y = sympy.symbols("x y", real=True)
    >>> network = network_of(sympy.exp(sympy.sin(sympy.pi * x) + y**2), (x, y))
    >>> network.widths
    (2, 1, 1)
    >>> network_of(x * y, (x, y)).layer(0).product_mask
    tensor([True])
    """
    graph = _Graph(tuple(variables), library)
    floats: Any = expression.replace(_is_composite_number, lambda part: sympy.Float(part.evalf()))
    if not expression.free_symbols:
        network = blank_network((len(variables), 1), (0,))
        return network.with_scaling(0.0, 1.0, float(expression), 1.0)
    root = floats if isinstance(floats, (sympy.Add, sympy.Mul)) else _root(floats, graph)
    root = graph.node(root)
    layers = _layers(graph, root)
    widths = [len(variables), *[len(layer) for layer in layers]]
    products = [sum(node.multiplies for node in layer.values()) for layer in layers]
    network = blank_network(widths, products)
    places = {variable: position for position, variable in enumerate(variables)}
    for number, layer in enumerate(layers):
        for output, node in enumerate(layer.values()):
            for edge in node.edges:
                index = (number, output, places[edge.source])
                network = network.snap(index, edge.function, edge.a, edge.b, edge.c, edge.d, edge.exponent)
        places = {key: position for position, key in enumerate(layer)}
    return network


def _is_composite_number(part: Any) -> bool:
    return isinstance(part, sympy.Expr) and bool(part.is_number) and not part.is_Number


def _root(expression: Any, graph: _Graph) -> Any:
    """A formula that is one function, or one variable, ends in an output node of one edge."""
    if expression in graph.variables:
        copied = sympy.Symbol("output")
        graph.nodes[copied] = _Node(False, [_Edge(expression, default_library()["x"])], 1)
        return copied
    return expression


def _layers(graph: _Graph, root: Any) -> list[dict[Any, _Node]]:
    """Nodes layer by layer, sums before products; what a later layer needs is handed on."""
    depth = graph.level(root)
    layers: list[dict[Any, _Node]] = [{} for _ in range(depth)]
    layers[-1][root] = graph.nodes[root]
    for level in range(depth, 1, -1):
        for node in list(layers[level - 1].values()):
            for edge in node.edges:
                if edge.source in layers[level - 2]:
                    continue
                own = graph.level(edge.source) == level - 1
                handed_on = _Node(False, [_Edge(edge.source, default_library()["x"])], level - 1)
                layers[level - 2][edge.source] = graph.nodes[edge.source] if own else handed_on
    return [dict(sorted(layer.items(), key=lambda entry: entry[1].multiplies)) for layer in layers]
