"""The network: layers of edges between nodes that add or multiply, in the user's units at both ends."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from kansym.errors import ParameterError
from kansym.hints import brief
from kansym.library import Library, SymbolicFunction
from kansym.network import edges, editing, regridding, state, surgery
from kansym.network.checks import check_columns, check_integer, check_kinds, check_table, check_tuple, local_generator
from kansym.network.chunks import in_chunks
from kansym.network.layer import KANLayer
from kansym.network.records import EdgeCurve, EdgeIndex, EdgeState

__all__ = ["KAN"]


class KAN(nn.Module):
    """A Kolmogorov-Arnold network ``y = output_scale·L_k(… L_1((x − input_shift)/input_scale)) + output_shift``.

    No method changes the network: those that edit return a new one. Only ``torch`` optimisers and ``load_state_dict``
    write to its parameters.

    Parameters
    ----------
    widths : sequence of int
        Nodes per layer with input and output, such as ``(2, 5, 1)``.
    product_nodes : sequence of int, optional
        For each layer after the input, how many of its last nodes multiply; by default none.
    generator : torch.Generator, optional
        Source of the initial coefficients. The default is a fresh one with torch's seed; no global state advances.
    dtype : torch.dtype, optional
        torch's default floating type, unless given.
    device : torch.device, optional
        Where the tensors live.
    **options : Any
        ``basis``, ``grid_size``, ``spline_order``, ``grid_range``, ``base_function`` of :class:`KANLayer`.

    Attributes
    ----------
    input_shift, input_scale : buffers of shape (n_in,)
    output_shift, output_scale : buffers of shape (n_out,)

    Raises
    ------
    ParameterError
        If ``widths`` has fewer than two entries, a size is not a positive integer, or a layer normalises.

    References
    ----------
    Z. Liu et al., *KAN: Kolmogorov-Arnold Networks*, arXiv:2404.19756, eq. (2.7); product nodes: *KAN 2.0*,
    arXiv:2408.10205, section 2.

    Examples
    --------
    Look at it: sizes, layers, edges, and what the nodes of each layer hold.

    >>> network, x = KAN((2, 5, 1), product_nodes=(2, 0)), torch.linspace(-1, 1, 100).view(50, 2)
    >>> network.widths, network.n_parameters, len(network.edges()), network.layer(0).out_features
    ((2, 5, 1), 135, 15, 5)
    >>> network(x).shape, [nodes.shape[1] for nodes in network.node_values(x)]
    (torch.Size([50, 1]), [2, 5])

    Edit it, each time into a new network:

    >>> edited = network.snap((0, 0, 1), "sin", a=2.0).prune_edge((0, 1, 1))
    >>> [edited.edge_state((0, output, 1)).kind for output in range(3)]
    ['symbolic', 'pruned', 'spline']
    >>> edited.unsnap((0, 0, 1), x).edge_state((0, 0, 1)).kind, edited.copy() is edited
    ('spline', False)
    >>> network.prune_edge((1, 0, 2)).without_dead_nodes().widths
    (2, 4, 1)
    >>> line = KAN((1, 1)).with_edge_curve((0, 0, 0), np.linspace(-1, 1, 50), np.linspace(-3, 3, 50))
    >>> line.with_scaling(0, 1, 10, 2).evaluate(torch.tensor([[0.5]])).round()  # 2·(3·0.5) + 10
    tensor([[13.]])

    Lay it over data, and give its curves more intervals or fewer:

    >>> bool(network.fitted_to(100 * x, x[:, :1]).standardise(100 * x).abs().max() < 2)
    True
    >>> finer = network.update_grids(x).refine(10, x)
    >>> finer.layer(0).basis.grid_size, finer.coarsen(4, x).layer(0).basis.grid_size
    (10, 4)

    Keep it: a description and arrays.

    >>> description, arrays = network.to_state()
    >>> description["widths"], arrays["layers.0.coef"].shape
    ([2, 5, 1], (5, 2, 8))
    """

    input_shift: Tensor
    input_scale: Tensor
    output_shift: Tensor
    output_scale: Tensor
    layers: nn.ModuleList

    def __init__(
        self,
        widths: Sequence[int],
        *,
        product_nodes: Sequence[int] | None = None,
        generator: torch.Generator | None = None,
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
        **options: Any,
    ) -> None:
        super().__init__()
        wanted = "numbers of nodes, such as (2, 5, 1)"
        widths = tuple(check_integer("widths", width, 1) for width in check_tuple("widths", widths, wanted))
        if len(widths) < 2:
            raise ParameterError(f"widths must hold inputs and outputs, such as (2, 5, 1), got {widths}")
        none = (0,) * (len(widths) - 1)
        products = none if product_nodes is None else check_tuple("product_nodes", product_nodes, "one count a layer")
        if len(products) != len(widths) - 1:
            raise ParameterError(f"product_nodes must hold {len(widths) - 1} counts, one a layer, got {products}")
        generator = local_generator(generator)
        layers = [
            KANLayer(n_in, n_out, product_nodes=count, generator=generator, dtype=dtype, device=device, **options)
            for n_in, n_out, count in zip(widths[:-1], widths[1:], products, strict=True)
        ]
        self._assemble(layers)

    @classmethod
    def from_layers(cls, layers: Iterable[KANLayer]) -> KAN:
        """Return a network of the given layers, not copied, with identity scaling.

        Examples
        --------
        >>> KAN.from_layers([KANLayer(2, 3), KANLayer(3, 1)]).widths
        (2, 3, 1)
        """
        network = cls.__new__(cls)
        nn.Module.__init__(network)
        network._assemble(list(check_kinds("layers", layers, KANLayer)))
        return network

    def _assemble(self, layers: list[KANLayer]) -> None:
        if any(layer.normalisation is not None for layer in layers):
            raise ParameterError("normalise must be False in a KAN: behind it no edge has a function of its own")
        sizes = [(layer.in_features, layer.out_features) for layer in layers]
        if any(before[1] != after[0] for before, after in itertools.pairwise(sizes)):
            raise ParameterError(f"layers must each take what the one before gives, got (in, out) of {sizes}")
        if len(dtypes := {str(layer.coef.dtype) for layer in layers}) > 1:
            raise ParameterError(f"layers must have one dtype, got {' and '.join(sorted(dtypes))}")
        self.layers = nn.ModuleList(layers)
        like = layers[0].coef.detach()
        for side, count in (("input", layers[0].in_features), ("output", layers[-1].out_features)):
            self.register_buffer(f"{side}_shift", like.new_zeros(count))
            self.register_buffer(f"{side}_scale", like.new_ones(count))

    # --- looking ----------------------------------------------------------------------------------------------------

    @property
    def widths(self) -> tuple[int, ...]:
        """Nodes per layer, with input and output."""
        return (self.layer(0).in_features, *(layer.out_features for layer in self._layers()))

    @property
    def n_parameters(self) -> int:
        """Free numbers on the edges that are not pruned."""
        return sum(layer.n_parameters for layer in self._layers())

    def layer(self, index: int) -> KANLayer:
        """Return the layer of that index, typed; negative ones count from the end."""
        try:
            layer = self.layers[index]
        except (IndexError, TypeError):
            layer = None
        if not isinstance(layer, KANLayer):
            raise ParameterError(f"index must be that of one of {len(self.layers)} layers, got {brief(index)}")
        return layer

    def _layers(self) -> list[KANLayer]:
        return [self.layer(index) for index in range(len(self.layers))]

    def forward(self, x: Tensor) -> Tensor:
        """Map ``x`` of shape (..., n_in) to ``y`` of shape (..., n_out), both in the user's units."""
        z = self.standardise(x)
        for layer in self.layers:
            z = layer(z)
        return z * self.output_scale + self.output_shift

    def standardise(self, x: Tensor) -> Tensor:
        """Return the inputs of the first layer, ``(x − input_shift)/input_scale``."""
        x = check_columns(x, len(self.input_shift)).to(self.input_shift.dtype)
        return (x - self.input_shift) / self.input_scale

    def node_values(self, x: Tensor) -> list[Tensor]:
        """Values of the input nodes of each layer on rows ``x`` (n, n_in), standardised; no gradient is recorded."""
        with torch.no_grad():
            nodes = [self.standardise(x)]
            for layer in self._layers()[:-1]:
                nodes.append(in_chunks(layer, nodes[-1]))
            return nodes

    def evaluate(self, x: Tensor) -> Tensor:
        """Return the outputs for rows ``x`` (n, n_in) without gradients, in chunks that bound the memory.

        Examples
        --------
        >>> KAN((2, 1)).evaluate(torch.zeros(100_000, 2)).shape
        torch.Size([100000, 1])
        """
        with torch.no_grad():
            return in_chunks(self, check_columns(x, len(self.input_shift)))

    def input_gradient(self, x: Tensor) -> Tensor:
        """Exact derivative of every output in every input, (n, n_out, n_in), in y units per x unit.

        Examples
        --------
        >>> KAN((3, 2)).input_gradient(torch.zeros(4, 3)).shape
        torch.Size([4, 2, 3])
        """
        with torch.no_grad():
            nodes = self.node_values(check_table("x", x, len(self.input_shift)))
            gradient = torch.diag(self.output_scale).expand(len(x), -1, -1)
            for layer, z in zip(reversed(self._layers()), reversed(nodes), strict=True):
                gradient = gradient @ layer.input_jacobian(z)
            return gradient / self.input_scale

    def edges(self) -> list[EdgeIndex]:
        """Return the indices ``(layer, output, input)`` of the edges that are not pruned, in order."""
        return [
            (index, int(output), int(source))
            for index, layer in enumerate(self._layers())
            for output, source in (layer.spline_mask | layer.symbolic_mask).nonzero()
        ]

    def edge_state(self, index: EdgeIndex) -> EdgeState:
        """Return what the edge is.

        Raises
        ------
        ParameterError
            If there is no such edge.
        """
        return edges.edge_state(self, index)

    def edge_curve(self, index: EdgeIndex, x: Tensor, n_points: int | None = None) -> EdgeCurve:
        """Sample one edge on rows ``x`` (n, n_in), at evenly spaced ranks if ``n_points`` is below n.

        Examples
        --------
        >>> KAN((1, 1)).edge_curve((0, 0, 0), torch.rand(50, 1), n_points=11).x.shape
        (11,)
        """
        return edges.edge_curve(self, index, x, n_points)

    def _repr_html_(self) -> str:
        """Show what the edges are in a notebook, the first thirty of them."""
        return edges.edge_table(self)

    # --- editing: each returns a new network ------------------------------------------------------------------------

    def with_scaling(self, input_shift: Any, input_scale: Any, output_shift: Any, output_scale: Any) -> KAN:
        """Return a copy with other shifts and scales, each a number or one an input or output.

        Raises
        ------
        ParameterError
            If a shift is not finite, or a scale not finite and positive.
        """
        return editing.with_scaling(self, input_shift, input_scale, output_shift, output_scale)

    def fitted_to(self, x: Tensor, y: Tensor, adaptivity: float = 0.0) -> KAN:
        """Return a copy scaled to mean 0 and deviation 1 of the data at both ends, its grids laid over the data.

        Constant columns keep the scale ``max(1, |value|)``. Raises ``DataError`` if the rows are not equally many.
        """
        return editing.fitted_to(self, x, y, adaptivity)

    def with_edge_curve(self, index: EdgeIndex, x: NDArray[np.float64], y: NDArray[np.float64]) -> KAN:
        """Return a copy whose edge is the spline nearest to the points ``(x, y)``, regularised least squares."""
        return editing.with_edge_curve(self, index, x, y)

    def snap(
        self,
        index: EdgeIndex,
        function: SymbolicFunction | str,
        a: float = 1.0,
        b: float = 0.0,
        c: float = 1.0,
        d: float = 0.0,
        exponent: float | None = None,
    ) -> KAN:
        """Return a copy whose edge is ``c·f(a·x + b) + d``, in the standardised units of its input node.

        A function is one of your own, or the name of one of :func:`kansym.default_library`.

        Raises
        ------
        ParameterError
            If there is no such function, a number is not finite, or an exponent is given to a function without one.

        Examples
        --------
        >>> KAN((1, 1)).snap((0, 0, 0), "sin", a=2.0).evaluate(torch.tensor([[0.25]]))
        tensor([[0.4794]])
        """
        return editing.snap(self, index, function, (a, b, c, d), exponent)

    def unsnap(self, index: EdgeIndex, x: Tensor) -> KAN:
        """Return a copy whose symbolic edge is a spline again, near the same curve on rows ``x`` (n, n_in)."""
        return editing.unsnap(self, index, x)

    def prune_edge(self, index: EdgeIndex) -> KAN:
        """Return a copy whose edge contributes nothing: 0 to a sum, factor 1 to a product."""
        return editing.prune_edge(self, index)

    def without_dead_nodes(self) -> KAN:
        """Return the smaller network of the nodes that matter; the function stays the same.

        Hidden nodes that reach no output are dropped; those that no input reaches are constants, folded into another
        edge or into ``output_shift``. Inputs and outputs are never dropped, and a layer keeps at least one node. Edges
        of bases that cannot express a constant (rbf, rswaf) absorb none; there the constant node stays.
        """
        return surgery.without_dead_nodes(self)

    def refine(self, grid_size: int, x: Tensor) -> KAN:
        """Return a copy with a larger grid and the same curves.

        B-spline grids gain knots inside their widest intervals, so that their curves stay exactly; the other bases are
        refitted by least squares on the node values of rows ``x`` (n, n_in).

        Raises
        ------
        ParameterError
            If ``grid_size`` is below the present one.
        """
        return regridding.refine(self, grid_size, x)

    def coarsen(self, grid_size: int, x: Tensor) -> KAN:
        """Return a copy with a smaller grid and nearly the same curves.

        B-spline grids lose one breakpoint after the other, each time the one that an input's edges notice least; on
        what is left the curves are least-squares fits of the present ones on the node values of rows ``x`` (n, n_in)
        and on points of every interval. So what :meth:`refine` added goes without a trace. The other bases are
        refitted in the same way.

        Raises
        ------
        ParameterError
            If ``grid_size`` is above the present one.
        """
        return regridding.coarsen(self, grid_size, x)

    def update_grids(self, x: Tensor, adaptivity: float = 0.0) -> KAN:
        """Return a copy whose grids span the node values of rows ``x`` (n, n_in), curves kept by least squares."""
        return regridding.update_grids(self, x, adaptivity)

    def copy(self) -> KAN:
        """Return an independent copy."""
        return copy.deepcopy(self)

    # --- files ------------------------------------------------------------------------------------------------------

    def to_state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return the network as a description fit for JSON and arrays by name; functions appear by name only."""
        return state.to_state(self)

    @classmethod
    def from_state(cls, description: dict[str, Any], arrays: dict[str, Any], library: Library | None = None) -> KAN:
        """Rebuild a network from :meth:`to_state`; functions are looked up in ``library`` or the default one.

        Raises
        ------
        FileFormatError
            If an entry is missing, has a wrong shape or type, or names an unknown function.

        Examples
        --------
        >>> network = KAN((2, 3, 1))
        >>> KAN.from_state(*network.to_state()).widths
        (2, 3, 1)
        """
        return state.from_state(cls, description, arrays, library)
