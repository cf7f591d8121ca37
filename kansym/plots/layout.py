"""Where the nodes and the cards with curves of a network stand in its picture; pure geometry, in widths of a card."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from kansym.network import EdgeIndex

__all__ = ["NetworkLayout", "lay_out"]

Node = tuple[int, int]
"""Layer and number of a node, inputs in layer 0."""

_LEAST_WIDTH = 3.0
_GAP = 1.12  # from centre to centre of neighbouring cards
_NODE_GAP = 0.9
_RISE, _LEAST_RISE = 1.9, 1.4  # from row to row: a card and its legs
_MOST_FLATTENED, _MOST_STRETCHED = 0.6, 1.6


@dataclass(frozen=True)
class NetworkLayout:
    """Places in a picture.

    Attributes
    ----------
    nodes : dict of (int, int) to (float, float)
        Those nodes that an edge touches, and all outputs.
    cards : dict of EdgeIndex to (float, float)
        Centres of the cards, each one wide and one high.
    width, height : float
    """

    nodes: dict[Node, tuple[float, float]]
    cards: dict[EdgeIndex, tuple[float, float]]
    width: float
    height: float

    def inside(self, width: float, height: float) -> tuple[float, NetworkLayout]:
        """Return the width of a card for a place of some inches, and the layout that uses the place.

        In a flat place the legs of the edges are shortened, so that the cards can be larger, and drawn apart.

        Examples
        --------
        >>> unit, flat = lay_out((1, 1, 1), [(0, 0, 0), (1, 0, 0)], []).inside(9.0, 2.0)
        >>> round(flat.height, 6), round(unit * flat.height, 6)
        (2.8, 2.0)
        """
        depth = max(layer for layer, _ in self.nodes)
        least = min(max(_LEAST_RISE * depth / self.height, _MOST_FLATTENED), 1.0)
        unit = min(width / self.width, height / (least * self.height))
        up = min(height / (unit * self.height), 1.0)
        return unit, self._scaled(min(width / (unit * self.width), _MOST_STRETCHED), up)

    def _scaled(self, across: float, up: float) -> NetworkLayout:
        nodes = {node: (across * x, up * y) for node, (x, y) in self.nodes.items()}
        cards = {card: (across * x, up * y) for card, (x, y) in self.cards.items()}
        return NetworkLayout(nodes, cards, across * self.width, up * self.height)


def lay_out(widths: Sequence[int], edges: Sequence[EdgeIndex], cards: Sequence[EdgeIndex]) -> NetworkLayout:
    """Place inputs at the bottom in their order, and every later node near the middle of its sources.

    Parameters
    ----------
    widths : sequence of int
        Nodes of each layer.
    edges : sequence of EdgeIndex
        Those that are drawn.
    cards : sequence of EdgeIndex
        Those among them that show their curve.

    Examples
    --------
    >>> lay_out((2, 1), [(0, 0, 0), (0, 0, 1)], []).nodes[1, 0]
    (1.5, 1.9)
    """
    depth = len(widths) - 1
    touched = {(layer, source) for layer, _, source in edges} | {(layer + 1, output) for layer, output, _ in edges}
    if not any(layer == depth for layer, _ in touched):
        touched |= {(depth, output) for output in range(widths[-1])}
    rows = [[node for node in range(widths[layer]) if (layer, node) in touched] for layer in range(depth + 1)]
    most_cards = max((sum(card[0] == layer for card in cards) for layer in range(depth)), default=0)
    most_nodes = max(len(row) for row in rows)
    width = max(_LEAST_WIDTH, _GAP * most_cards, _NODE_GAP * most_nodes)
    rise = min(max(_RISE, 0.3 * width), 4.5)  # wide fans need height, else their lines lie flat
    across: dict[Node, float] = {}
    for layer, row in enumerate(rows):
        if layer == 0 or not row:
            across.update({(layer, node): (place + 0.5) * width / len(row) for place, node in enumerate(row)})
            continue
        wanted = {node: _middle(across, edges, (layer, node), width) for node in row}
        ordered = row if layer == depth else sorted(row, key=lambda node: (wanted[node], node))
        spread = _apart([wanted[node] for node in ordered], min(_NODE_GAP * 1.2, width / len(row)), width)
        across.update({(layer, node): float(x) for node, x in zip(ordered, spread, strict=True)})
    placed: dict[EdgeIndex, tuple[float, float]] = {}
    for layer in range(depth):
        own = [card for card in cards if card[0] == layer]
        middle = {card: (across[layer, card[2]] + across[layer + 1, card[1]]) / 2 for card in own}
        own.sort(key=lambda card: (middle[card], across[layer + 1, card[1]], card))
        spread = _apart([middle[card] for card in own], _GAP, width)
        placed.update({card: (float(x), (layer + 0.5) * rise) for card, x in zip(own, spread, strict=True)})
    nodes = {(layer, node): (x, layer * rise) for (layer, node), x in across.items()}
    return NetworkLayout(nodes, placed, width, depth * rise)


def _middle(across: dict[Node, float], edges: Sequence[EdgeIndex], node: Node, width: float) -> float:
    layer, output = node
    sources = [across[layer - 1, edge[2]] for edge in edges if edge[:2] == (layer - 1, output)]
    return float(np.mean(sources)) if sources else width / 2


def _apart(wanted: Sequence[float], gap: float, width: float) -> NDArray[np.float64] | list[float]:
    """The places nearest to those wanted, in their order, at least a gap apart and inside the width."""
    from scipy.optimize import isotonic_regression

    if not len(wanted):
        return []
    steps = gap * np.arange(len(wanted))
    room = max(width - gap - steps[-1], 0.0)
    first = (width - steps[-1] - room) / 2
    return np.clip(isotonic_regression(np.asarray(wanted) - steps).x, first, first + room) + steps
