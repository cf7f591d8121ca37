"""The picture of a network: its curves in its edges, the more ink the more variance they carry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted

from kansym.errors import ParameterError
from kansym.network import join
from kansym.plots.drawing import BLUE, axes_or_new, checked_units, ink, paper, shade, target_name
from kansym.plots.lettering import PLAIN, inches_of, with_unit
from kansym.plots.network_picture import CARD, CLEAR, REMARK_SIZE, Caption, Frame, Lettering, NetworkPicture
from kansym.symbolic.topology import network_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike

    from kansym.estimator import FormulaEstimator
    from kansym.network import KAN, EdgeIndex

__all__ = ["draw_network", "network_picture", "plot_network"]

STATIONS = ("symbolic", "pruned", "spline")

_BOX_ROWS = 400
_LEAST_SHARE = 1e-4


def plot_network(
    model: FormulaEstimator,
    X: ArrayLike | None = None,
    *,
    station: str | None = None,
    units: Mapping[str, str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw a network with its curves in its edges.

    Inputs stand at the bottom under their names, outputs on top. Each edge leads through a card with its curve over the
    data, every curve to its own scale; a card of a snapped edge is blue and names its function f in ``c·f(a·x + b) +
    d``. Width and opacity of an edge follow the share of the outputs' variance that it carries. Nodes that add or
    multiply several edges bear + or ×. Inputs without an edge and outputs that are constant are listed below; of layers
    with more than 20 edges those with the largest shares have cards.

    Parameters
    ----------
    model : KANRegressor or KANClassifier
        Fitted; after ``partial_fit`` alone its spline network is drawn.
    X : array_like of shape (n_samples, n_features), optional
        Rows that say where the curves are drawn and what variance they carry. By default a sample of the box between
        the least and the largest values of the fit: the model keeps no rows.
    station : {"symbolic", "pruned", "spline"}, optional
        Which network; by default the last one that the search came to. Where it came to none, the network that
        computes the selected formula is drawn.
    units : mapping of str to str, optional
        Units of inputs and outputs by name.
    ax : Axes, optional
        Where to draw; by default on a new figure.

    Returns
    -------
    Axes

    Raises
    ------
    ParameterError
        If the station is unknown, or the search did not come to it, or the units are not as stated.

    References
    ----------
    Z. Liu et al., *KAN: Kolmogorov-Arnold Networks*, arXiv:2404.19756, figure 0.1, for the way to draw a network; the
    shares are those of :func:`kansym.network.attribute`.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> from kansym import KANRegressor
    >>> model = KANRegressor(max_steps=3, random_state=0).fit([[1.0], [2.0], [3.0], [4.0]], [2.0, 4.0, 6.0, 8.0])
    >>> axes = plot_network(model, units={"x0": "m"})
    >>> [text.get_text() for text in axes.texts if "[m]" in text.get_text()]
    ['x0 [m]']
    """
    picture = network_picture(model, X, station=station, units=units)
    if ax is not None:
        draw_network(picture, ax)
        return ax
    frame = None if picture is None else picture.frame()
    ax = axes_or_new(None, (5.0, 2.0) if frame is None else frame.size)
    draw_network(picture, ax, frame)
    return ax


def network_picture(
    model: FormulaEstimator, X: ArrayLike | None, *, station: str | None = None, units: Mapping[str, str] | None = None
) -> NetworkPicture | None:
    """Return what :func:`plot_network` draws, which knows its size; None where no network can be drawn."""
    check_is_fitted(model, "network_")
    units = checked_units(model, units)
    network = _network(model, station)
    if network is None:
        return None
    inputs = [with_unit(variable.name, units) for variable in model.variables_]
    outputs = [target_name(model, place, units) for place in range(len(model.output_names_))]
    return NetworkPicture.of(network, _rows(model, X), inputs, outputs)


def draw_network(picture: NetworkPicture | None, ax: Axes, frame: Frame | None = None) -> None:
    """Draw a picture, or the sentence that stands for one; axes without a frame are measured."""
    if picture is None:
        _say(ax, "The selected formula has no form as a network: a power in it has a variable exponent.")
    else:
        _Pen(ax, picture, frame or picture.frame(inches_of(ax))).draw()


def _network(model: FormulaEstimator, station: str | None) -> KAN | None:
    attributes = ("symbolic_network_", "pruned_network_", "network_")  # after partial_fit there is the last one only
    stations = {name: getattr(model, attribute, None) for name, attribute in zip(STATIONS, attributes, strict=True)}
    if station is not None:
        if station not in stations:
            raise ParameterError(f"station must be one of {', '.join(map(repr, STATIONS))} or None, got {station!r}")
        if stations[station] is None:
            raise ParameterError(f"station must be one that the search came to, got {station!r}; raise time_limit")
        return stations[station]
    found = next((network for network in stations.values() if network is not None), None)
    return _network_of_formulas(model) if found is None else found


def _network_of_formulas(model: FormulaEstimator) -> KAN | None:
    formulas = model.sympy()
    columns = range(len(model.variables_))
    try:
        networks = [
            network_of(formula, model.variables_, model._library())
            for formula in (formulas if isinstance(formulas, list) else [formulas])
        ]
    except ParameterError:
        return None
    return join(networks, [columns] * len(networks), len(columns))


def _rows(model: FormulaEstimator, X: ArrayLike | None) -> torch.Tensor:
    if X is None:
        share = np.random.default_rng(0).uniform(size=(_BOX_ROWS, len(model.variables_)))
        return torch.from_numpy(model._low + share * (model._high - model._low))
    return torch.tensor(model._checked(X))  # a copy: the user's may be read-only


@dataclass(frozen=True)
class _Pen:
    """Draws a picture into axes; lengths are widths of a card, letters are points."""

    ax: Axes
    picture: NetworkPicture
    frame: Frame

    def draw(self) -> None:
        layout, frame = self.frame.layout, self.frame
        self.ax.set_axis_off()
        self.ax.set_aspect("equal")
        for index in sorted(self.picture.shares, key=self.picture.shares.__getitem__):
            self._edge(index, frame.unit)
        for index in self.picture.cards:
            self._card(index, frame.unit)
        for node in layout.nodes:
            self._node(node, frame.unit)
        self._names()
        self.ax.set_xlim(0, layout.width)
        self.ax.set_ylim(-frame.below / frame.unit, layout.height + frame.above / frame.unit)

    def _edge(self, index: EdgeIndex, unit: float) -> None:
        from matplotlib.patches import PathPatch
        from matplotlib.path import Path

        layer, output, source = index
        nodes = self.frame.layout.nodes
        ends = [nodes[layer, source], nodes[layer + 1, output]]
        card = self.frame.layout.cards.get(index)
        half = CARD / 2
        legs = [ends] if card is None else [
            [ends[0], (card[0], card[1] - half)],
            [(card[0], card[1] + half), ends[1]],
        ]  # fmt: skip
        strength = np.sqrt(max(self.picture.shares[index], _LEAST_SHARE))
        for (x0, y0), (x1, y1) in legs:
            bend = 0.5 * (y1 - y0)
            curve = Path([(x0, y0), (x0, y0 + bend), (x1, y1 - bend), (x1, y1)], [1, 4, 4, 4])
            self.ax.add_patch(
                PathPatch(
                    curve,
                    facecolor="none",
                    edgecolor=self._color(index),
                    linewidth=(0.9 + 2.7 * strength) * min(1.0, 0.35 + 0.65 * unit),
                    alpha=0.45 + 0.55 * strength,
                    capstyle="butt",
                    zorder=1 + strength,
                )
            )

    def _color(self, index: EdgeIndex) -> Any:
        return shade(self.ax, BLUE) if index in self.picture.symbolic else ink(self.ax)

    def _card(self, index: EdgeIndex, unit: float) -> None:
        from matplotlib.patches import FancyBboxPatch

        x, y = self.frame.layout.cards[index]
        card, side = self.picture.cards[index], CARD
        left, bottom = x - side / 2, y - side / 2
        strength = np.sqrt(max(self.picture.shares[index], _LEAST_SHARE))
        frame = {"facecolor": paper(self.ax), "edgecolor": self._color(index), "zorder": 3}
        box = FancyBboxPatch((left, bottom), side, side, boxstyle="round,pad=0,rounding_size=0.07", **frame)
        box.set_linewidth(0.5 + 0.7 * strength)
        self.ax.add_patch(box)
        caption = None if card.caption is None else Caption.of(card.caption, unit)
        lift = 0.0 if caption is None else caption.lift
        margin = 0.13 * side
        self.ax.plot(
            left + margin + (side - 2 * margin) * card.x,
            bottom + lift + margin + (side - lift - 2 * margin) * card.y,
            color=self._color(index),
            linewidth=min(1.6, 0.8 + 0.8 * unit),
            alpha=0.45 + 0.55 * strength,
            solid_capstyle="round",
            zorder=4,
        )
        if caption is not None and card.caption is not None:
            self.ax.text(
                x,
                bottom + 0.6 * lift,
                card.caption,
                horizontalalignment="center",
                verticalalignment="center",
                fontsize=caption.size,
                color=self._color(index),
                usetex=False,
                zorder=5,
            ).set_in_layout(False)

    def _node(self, node: tuple[int, int], unit: float) -> None:
        x, y = self.frame.layout.nodes[node]
        sign = self.picture.signs.get(node)
        size = min(1.0, 0.45 + 0.55 * unit)
        color = ink(self.ax)
        if sign is None:
            self.ax.plot([x], [y], "o", color=color, markersize=5 * size, zorder=5)
            return
        self.ax.plot([x], [y], "o", mfc=paper(self.ax), mec=color, mew=1.1 * size, markersize=14 * size, zorder=5)
        marker = "x" if sign == "×" else "+"
        length = (6 if sign == "×" else 8) * size
        self.ax.plot([x], [y], marker, color=color, mew=1.4 * size, markersize=length, zorder=6)

    def _names(self) -> None:
        layout, frame = self.frame.layout, self.frame
        inputs, outputs = self.picture.inputs, self.picture.outputs
        top = max(layer for layer, _ in layout.nodes)
        for (layer, node), (x, y) in layout.nodes.items():
            if layer == top:
                self._text((x, y + CLEAR / frame.unit), outputs[node], "bottom", frame.outputs)
            elif layer == 0:
                self._text((x, y - CLEAR / frame.unit), inputs[node], "top", frame.inputs)
        if frame.remark:
            place = (layout.width / 2, -frame.below / frame.unit)
            self._text(place, frame.remark, "bottom", Lettering(REMARK_SIZE, False), alpha=0.75)

    def _text(self, place: tuple[float, float], text: str, side: str, letters: Lettering, **options: Any) -> None:
        self.ax.text(
            *place,
            text,
            horizontalalignment="center",
            verticalalignment=side,
            rotation=90 if letters.upright else 0,
            fontsize=letters.size,
            color=ink(self.ax),
            zorder=6,
            **PLAIN,
            **options,
        ).set_in_layout(False)  # there is room for it inside of the axes


def _say(ax: Axes, text: str) -> None:
    ax.set_axis_off()
    ax.text(0.5, 0.5, text, transform=ax.transAxes, ha="center", va="center", wrap=True, color=ink(ax), **PLAIN)
