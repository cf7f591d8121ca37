"""What the picture of a network shows, before any ink: places, shares, curves, names, and how large all is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from kansym.network import attribute
from kansym.plots.layout import NetworkLayout, lay_out
from kansym.plots.lettering import ems, lines_of, short_names, shortened

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kansym.network import KAN, EdgeIndex

__all__ = ["CARD", "CLEAR", "Caption", "Card", "Frame", "Lettering", "NetworkPicture"]

_MOST_CARDS = 20  # in a layer; more would be too small to be read
_CURVE_POINTS = 81
_WIDEST = 10.0  # inches of a picture of its own
_NAME_SIZE, REMARK_SIZE, _LEAST_SIZE, _LEAST_CAPTION = 10.0, 8.5, 6.0, 4.5  # points
CLEAR = 0.13  # inches between a node and its name
_MOST_NAMED, _MOST_LINES = 8, 8
_FITTINGS = 4
CARD = 0.92  # side of a card, in widths of its place
_CAPTION = 0.27  # share of a card that the name of its function takes, if it can
_MOST_CAPTION = 0.6
_WRITTEN = {
    "x^2": "x²", "x^3": "x³", "x^4": "x⁴", "1/x^2": "1/x²", "sqrt": "√x", "1/sqrt": "1/√x", "abs": "|x|",
    "gaussian": "gauss",
}  # fmt: skip


@dataclass(frozen=True)
class Card:
    """What a card shows: the curve in a square of side one, and the name of its function."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    caption: str | None


@dataclass(frozen=True)
class NetworkPicture:
    """All that is drawn, before any ink: what an input reaches, since the rest of a network is a constant."""

    layout: NetworkLayout
    shares: dict[EdgeIndex, float]
    cards: dict[EdgeIndex, Card]
    symbolic: frozenset[EdgeIndex]
    signs: dict[tuple[int, int], str]
    unused: tuple[int, ...]
    constant: tuple[int, ...]
    left_out: int
    inputs: list[str]
    outputs: list[str]

    def remark(self, room: float, unit: float) -> str:
        """What is left out where a card's place has so many inches, in lines of so many sizes of the font."""
        remarks = []
        if not self.shares:
            remarks.append("constant: no input has an effect")
        elif self.unused:
            names = short_names(self.inputs, 18)
            unused = [names[column] for column in self.unused]
            more = len(unused) - _MOST_NAMED
            named = ", ".join(unused[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
            remarks.append(f"without effect: {named}")
        if self.shares and self.constant:
            remarks.append(f"constant: {', '.join(self.outputs[output] for output in self.constant)}")
        if self.left_out:
            remarks.append(f"{self.left_out} edges of smaller shares without their curves")
        captions = [card.caption for card in self.cards.values() if card.caption is not None]
        if any(Caption.of(caption, unit) is None for caption in captions):
            remarks.append("too small for the names of functions")
        return "\n".join(lines_of(text, max(room, 12.0), _MOST_LINES) for text in remarks)

    @classmethod
    def of(cls, network: KAN, rows: torch.Tensor, inputs: list[str], outputs: list[str]) -> NetworkPicture:
        """Look at a network on some rows."""
        dtype = network.layer(0).coef.dtype
        rows = rows.to(dtype)
        attributed = attribute(network, rows).edges
        edges = _reached(network.edges())
        shares = {index: min(float(torch.nan_to_num(attributed[index[0]][index[1:]])), 1.0) for index in edges}
        kept: list[EdgeIndex] = []
        for layer in range(len(network.layers)):
            own = sorted((index for index in edges if index[0] == layer), key=lambda index: -shares[index])
            kept += sorted(own[:_MOST_CARDS])
        cards = _cards(network, rows, kept)
        used = {source for layer, _, source in edges if layer == 0}
        depth = len(network.widths) - 1
        varying = {output for layer, output, _ in edges if layer == depth - 1}
        return cls(
            layout=lay_out(network.widths, edges, kept),
            shares=shares,
            cards=cards,
            symbolic=frozenset(index for index in edges if network.edge_state(index).kind == "symbolic"),
            signs=_signs(network, edges),
            unused=tuple(column for column in range(network.widths[0]) if column not in used),
            constant=tuple(output for output in range(network.widths[-1]) if output not in varying),
            left_out=len(edges) - len(kept),
            inputs=short_names(inputs),
            outputs=short_names(outputs),
        )

    def frame(self, inside: tuple[float, float] | None = None) -> Frame:
        """Say how large the picture is, by itself or inside of so many inches."""
        return Frame.of(self, inside)


def _reached(edges: Sequence[EdgeIndex]) -> list[EdgeIndex]:
    """The edges that an input reaches."""
    reached: list[EdgeIndex] = []
    nodes: set[tuple[int, int]] = set()
    for layer, output, source in sorted(edges):
        if layer == 0 or (layer, source) in nodes:
            reached.append((layer, output, source))
            nodes.add((layer + 1, output))
    return reached


def _signs(network: KAN, edges: list[EdgeIndex]) -> dict[tuple[int, int], str]:
    """Which nodes add or multiply more than one edge."""
    targets = [(layer + 1, output) for layer, output, _ in edges]
    return {
        (layer, output): "×" if bool(network.layer(layer - 1).product_mask[output]) else "+"
        for layer, output in set(targets)
        if targets.count((layer, output)) > 1
    }


def _cards(network: KAN, rows: torch.Tensor, kept: list[EdgeIndex]) -> dict[EdgeIndex, Card]:
    cards = {}
    nodes = network.node_values(rows)
    for layer in sorted({index[0] for index in kept}):
        grids = []
        for column in nodes[layer].T:
            finite = column[torch.isfinite(column)]
            low, high = (finite.min(), finite.max()) if len(finite) else (column.new_zeros(()), column.new_ones(()))
            grids.append(torch.lerp(low, high, torch.linspace(0, 1, _CURVE_POINTS, dtype=column.dtype)))
        with torch.no_grad():
            values = network.layer(layer).edge_values(torch.stack(grids, dim=1)).double().numpy()
        for index in kept:
            if index[0] == layer:
                state = network.edge_state(index)
                cards[index] = Card(*_in_square(values[:, index[1], index[2]]), _caption(state))
    return cards


def _in_square(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A curve in a square; what shoots out of sight near a pole is cut off."""
    x = np.linspace(0, 1, len(values))
    finite = values[np.isfinite(values)]
    if not len(finite):
        return x[:0], x[:0]
    low, high = finite.min(), finite.max()
    inner_low, inner_high = np.quantile(finite, (0.05, 0.95))
    if high - low > 20 * (inner_high - inner_low) > 0:
        low, high = inner_low, inner_high
    if not high - low > 1e-9 * max(abs(low), abs(high)):  # a constant, but for rounding
        return x, np.full(len(x), 0.5)
    y = (values - low) / (high - low)
    return x, np.where((y >= -0.001) & (y <= 1.001), y, np.nan)


def _caption(state: Any) -> str | None:
    if state.function is None:
        return None
    name = state.function.name
    if name == "x^n":
        return f"$x^{{{state.exponent:.3g}}}$"
    return _WRITTEN.get(name, shortened(name, 8))


@dataclass(frozen=True)
class Caption:
    """The name of a function in its card: the size of its letters in points, and the share of the card it takes."""

    size: float
    lift: float

    @classmethod
    def of(cls, text: str, unit: float) -> Caption | None:
        """For a card's place of so many inches; None where the name would be too small to be read."""
        width = ems(text.translate(str.maketrans("", "", "$^{}")))
        size = max(13.0 * unit, _LEAST_SIZE)
        size = min(size, 10.0, 72 * unit / width)  # it may reach the edge of the card
        lift = max(_CAPTION * CARD, 1.25 * size / (72 * unit))
        return cls(size, lift) if size >= _LEAST_CAPTION and lift <= _MOST_CAPTION * CARD else None


@dataclass(frozen=True)
class Lettering:
    """Size of names in points, and whether they stand upright."""

    size: float
    upright: bool

    @classmethod
    def of(cls, names: list[str], room: float) -> Lettering:
        """Names side by side, each with so many inches; upright where they would run into their neighbours."""
        if max((_inches_of(name, _NAME_SIZE) for name in names), default=0.0) <= room:
            return cls(_NAME_SIZE, False)
        return cls(min(_NAME_SIZE, max(_LEAST_SIZE, 72 * room / 1.3)), True)

    def height(self, names: list[str]) -> float:
        """Inches that some names take."""
        if not self.upright:
            return 1.3 * self.size / 72
        return max(_inches_of(name, self.size) for name in names)


@dataclass(frozen=True)
class Frame:
    """How large a picture is: inches of a card's place, and what names and remarks take above and below.

    Attributes
    ----------
    layout : NetworkLayout
        The picture's own, or one that uses the place better.
    unit, above, below : float
    inputs, outputs : Lettering
    remark : str
    """

    layout: NetworkLayout
    unit: float
    above: float
    below: float
    inputs: Lettering
    outputs: Lettering
    remark: str

    @property
    def size(self) -> tuple[float, float]:
        """Inches of width and height of the whole."""
        return self.unit * self.layout.width, self.unit * self.layout.height + self.below + self.above

    @classmethod
    def of(cls, picture: NetworkPicture, inside: tuple[float, float] | None) -> Frame:
        """Frame of a picture by itself, or inside of so many inches."""
        layout = picture.layout
        if inside is None:
            unit = min(1.0, max(_WIDEST / layout.width, 0.42))
            return cls._at(picture, layout, unit, unit * layout.width)
        width, height = inside
        frames = [cls._at(picture, layout, width / layout.width, width)]
        # A low place makes the cards small, and small cards may have to turn the names.
        for _ in range(_FITTINGS):
            room = max(height - frames[-1].below - frames[-1].above, 0.4 * height)
            unit, fitted = layout.inside(width, room)
            frames.append(cls._at(picture, fitted, unit, width))
        fitting = [frame for frame in frames if frame.size[1] <= 1.001 * height]
        return max(fitting, key=lambda frame: frame.unit, default=frames[-1])

    @classmethod
    def _at(cls, picture: NetworkPicture, layout: NetworkLayout, unit: float, width: float) -> Frame:
        """A picture of that unit; its remark has so many inches, which may be more than the picture itself needs."""
        drawn = [picture.inputs[node] for layer, node in layout.nodes if layer == 0]
        below = Lettering.of(drawn, unit * layout.width / max(len(drawn), 1))
        top = max(layer for layer, _ in layout.nodes)
        places = sorted(x for (layer, _), (x, _) in layout.nodes.items() if layer == top)
        above = Lettering.of(picture.outputs, unit * min(np.diff(places), default=layout.width))
        remark = picture.remark(0.95 * 72 * width / REMARK_SIZE, unit)
        lines = 1 + remark.count("\n") if remark else 0
        depth = 0.05 + CLEAR + (below.height(drawn) if drawn else 0.0)
        if lines:
            depth += 0.12 + lines * 1.35 * REMARK_SIZE / 72
        height = CLEAR + above.height(picture.outputs) + 0.04
        return cls(layout, unit, height, depth, below, above, remark)


def _inches_of(name: str, size: float) -> float:
    return (ems(name) + 0.6) * size / 72
