"""One layer: every pair of input and output is joined by an edge that is a spline, symbolic or pruned."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch._C._functorch import is_functorch_wrapped_tensor

from kansym.errors import DataError, ParameterError
from kansym.hints import brief
from kansym.library import Library, SymbolicFunction
from kansym.network import checks
from kansym.network.base_functions import BASE_FUNCTIONS, base_slopes, base_values
from kansym.network.bases import BASES, Basis, BSplineBasis, make_basis
from kansym.network.edge_sum import edge_sum
from kansym.network.grids import breakpoints
from kansym.network.nodes import Nodes
from kansym.network.products import product_of_others
from kansym.network.remembered import Remembered
from kansym.network.symbolic_edges import SymbolicGroup, functions_by_name, grouped

__all__ = ["KANLayer"]

_MOST_COEFFICIENTS = 2**36  # half a terabyte: more is a slip
_INITIAL_NOISE = 0.1


class KANLayer(nn.Module):
    """A layer of edges ``(output, input)`` whose nodes add or multiply what arrives.

    A spline edge is ``base_weight·base(x) + Σ_k coef_k·B_k(x)``, a symbolic edge ``c·f(a·x + b) + d``; a pruned edge
    contributes nothing: 0 to a sum, factor 1 to a product.

    Parameters
    ----------
    in_features, out_features : int
        Numbers of inputs and outputs, >= 1.
    basis : {"bspline", "rbf", "rswaf", "chebyshev"}
        Family of the spline edges.
    grid_size, spline_order : int
        Number of intervals and polynomial degree, >= 1; their sum is ``n_basis``.
    grid_range : tuple of float
        Range of the initial uniform grid of every input.
    product_nodes : int
        How many of the last outputs multiply their edges; the others sum.
    base_function : {"silu", "identity", "none"}
        Function added to the basis, with one weight an edge.
    normalise : bool
        Put a layer normalisation in front of the basis, as FastKAN and FasterKAN do; needs two inputs. An edge then
        depends on all inputs at once, so that the layer has no edge functions and no formula, and a :class:`KAN`
        refuses it; in other torch models it works.
    generator : torch.Generator, optional
        Source of the initial coefficients. The default is a fresh one with torch's seed; no global state advances.
    dtype : torch.dtype, optional
        torch's default floating type, unless given.
    device : torch.device, optional
        Where the tensors live.

    Attributes
    ----------
    coef : Parameter of shape (out, in, n_basis)
    base_weight : Parameter of shape (out, in)
    affine : Parameter of shape (out, in, 5)
        a, b, c, d and the exponent n of each symbolic edge; without gradient in a layer that has none.
    spline_mask, symbolic_mask : bool buffers of shape (out, in)
        Kind of each edge; pruned where both are false.
    product_mask : bool buffer of shape (out,)
        Which nodes multiply.

    Notes
    -----
    An unpruned layer of splines has ``out · in · (grid_size + spline_order + 1)`` free numbers, ``out · in`` fewer
    without base function, ``2 · in`` more with the normalisation; ``affine`` lies ready for symbolic edges.

    Raises
    ------
    ParameterError
        If a size or a name is not as stated.

    References
    ----------
    Z. Liu et al., *KAN: Kolmogorov-Arnold Networks*, arXiv:2404.19756, eqs. (2.10)-(2.12).

    Examples
    --------
    >>> layer = KANLayer(3, 2, product_nodes=1)
    >>> layer(torch.zeros(7, 5, 3)).shape
    torch.Size([7, 5, 2])

    A node is the sum of its edges, or their product; with the features at hand it is a matrix product.

    >>> x = torch.linspace(-1, 1, 12).view(4, 3)
    >>> edges = layer.edge_values(x)
    >>> torch.allclose(layer(x), torch.stack([edges[:, 0].sum(-1), edges[:, 1].prod(-1)], dim=-1), atol=1e-6)
    True
    >>> features = layer.features(x)
    >>> features.shape, layer.weights().shape, layer.n_parameters
    (torch.Size([4, 3, 9]), torch.Size([2, 3, 9]), 54)
    >>> torch.allclose(layer.combine(features, x), layer(x), atol=1e-6)
    True

    The derivative of a sum is that of its edges:

    >>> torch.equal(layer.input_jacobian(x)[:, 0], layer.edge_slopes(x)[:, 0])
    True

    ``reset_parameters`` starts again, in place:

    >>> layer.reset_parameters(torch.Generator().manual_seed(1))
    >>> torch.equal(layer.features(x), features), torch.equal(layer.edge_values(x), edges)
    (True, False)
    """

    spline_mask: Tensor
    symbolic_mask: Tensor
    product_mask: Tensor

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        basis: str = "bspline",
        grid_size: int = 5,
        spline_order: int = 3,
        grid_range: tuple[float, float] = (-1.0, 1.0),
        product_nodes: int = 0,
        base_function: str = "silu",
        normalise: bool = False,
        generator: torch.Generator | None = None,
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
    ) -> None:
        super().__init__()
        self.in_features = checks.check_integer("in_features", in_features, 1)
        self.out_features = checks.check_integer("out_features", out_features, 1)
        self.basis_name = checks.check_choice("basis", basis, tuple(BASES))
        self.base_function = checks.check_choice("base_function", base_function, BASE_FUNCTIONS)
        size = checks.check_integer("grid_size", grid_size, 1) + checks.check_integer("spline_order", spline_order, 1)
        if checks.check_integer("product_nodes", product_nodes, 0) > out_features:
            raise ParameterError(f"product_nodes must be at most out_features = {out_features}, got {product_nodes}")
        if not isinstance(normalise, bool):
            raise ParameterError(f"normalise must be a bool, got {brief(normalise)}")
        if normalise and in_features == 1:
            raise ParameterError("normalise must be False for in_features = 1, whose normalised value is always 0")
        low, high = checks.check_range("grid_range", grid_range)
        size *= self.in_features * self.out_features
        if size > _MOST_COEFFICIENTS:
            raise ParameterError(f"a layer must have at most {_MOST_COEFFICIENTS:,} coefficients, got {size:,}")
        dtype = checks.check_dtype(dtype)
        checks.check_torch_device(device)
        ends = torch.tensor((low, high), dtype=dtype).unsqueeze(-1).expand(2, in_features)
        self.basis: Basis = make_basis(basis, breakpoints(ends, grid_size), spline_order)
        self.normalisation = nn.LayerNorm(in_features, dtype=dtype) if normalise else None
        shape = (out_features, in_features)
        self.coef = nn.Parameter(torch.zeros(*shape, self.basis.n_basis, dtype=dtype))
        self.base_weight = nn.Parameter(torch.zeros(shape, dtype=dtype), requires_grad=base_function != "none")
        affine = torch.tensor([1.0, 0.0, 1.0, 0.0, 1.0], dtype=dtype).repeat(*shape, 1)
        self.affine = nn.Parameter(affine, requires_grad=False)
        self.register_buffer("spline_mask", torch.ones(shape, dtype=torch.bool))
        self.register_buffer("symbolic_mask", torch.zeros(shape, dtype=torch.bool))
        self.register_buffer("product_mask", torch.arange(out_features) >= out_features - product_nodes)
        self.functions: dict[tuple[int, int], SymbolicFunction] = {}
        self._remembered, self._has_symbolic_edges = Remembered(Nodes.of), False
        self.register_load_state_dict_post_hook(_note_edges)
        self.reset_parameters(checks.local_generator(generator))
        self.note_edges()
        self.to(device)

    def reset_parameters(self, generator: torch.Generator) -> None:
        """Draw small coefficients and variance-preserving base weights; factors of products start around 1."""
        with torch.no_grad():
            drawn = {"generator": generator, "dtype": self.coef.dtype, "device": generator.device}
            noise = torch.randn(self.coef.shape, **drawn)
            self.coef.copy_(noise * (_INITIAL_NOISE / math.sqrt(self.in_features)))
            weight = torch.randn(self.base_weight.shape, **drawn)
            if self.base_function != "none":
                self.base_weight.copy_(weight / math.sqrt(self.in_features))
            one = self.basis.constant()
            if one is not None:
                self.coef.add_(one.to(self.coef) * self.product_mask.view(-1, 1, 1))

    # --- evaluation -------------------------------------------------------------------------------------------------

    def forward(self, x: Tensor) -> Tensor:
        """Map ``x`` of shape (..., in_features) to (..., out_features)."""
        x, nodes, basis, coef = checks.check_columns(x, self.in_features), self._nodes(), self.basis, self.coef
        if x.dtype != coef.dtype and not _is_autocast(x):
            raise DataError(f"x must be of the layer's dtype {coef.dtype}, got {x.dtype}; x.to(layer.coef.dtype) is")
        if not isinstance(basis, BSplineBasis) or len(nodes.multiplying) or not self._derivative_by_hand(x, coef.dtype):
            return self.combine(self.features(x), x)
        base_weight = self.base_weight if self.base_function != "none" else None
        if not nodes.all_splines:
            coef = coef * self.spline_mask.unsqueeze(-1)
            base_weight = None if base_weight is None else base_weight * self.spline_mask
        rows = x if x.ndim == 2 else x.reshape(-1, self.in_features)
        total = edge_sum(rows, coef, base_weight, self.base_function, basis)
        return self._with_symbolic_edges(total if x.ndim == 2 else total.view(*x.shape[:-1], self.out_features), x)

    def _derivative_by_hand(self, x: Tensor, dtype: torch.dtype) -> bool:
        """Whether ``edge_sum`` serves; compilers, exporters and autocast are given operations that they know.

        So is a transform that has the grids of several layers in one tensor, of which nothing can be looked up.
        """
        return (
            x.dtype == dtype in (torch.float32, torch.float64)
            and self.normalisation is None
            and not torch.compiler.is_compiling()
            and not x.is_meta
            and not _is_autocast(x)
            and not is_functorch_wrapped_tensor(self.basis.grid)
        )

    def features(self, x: Tensor) -> Tensor:
        """Return base function and basis at ``x``: shape (..., in, n_features), what spline edges are linear in."""
        values = self.basis.values(x if self.normalisation is None else self.normalisation(x))
        if self.base_function == "none":
            return values
        return torch.cat([base_values(x, self.base_function).unsqueeze(-1), values], dim=-1)

    def feature_slopes(self, x: Tensor) -> Tensor:
        """Return the derivatives of :meth:`features` in ``x``."""
        self._refuse_normalisation()
        slopes = self.basis.derivatives(x)
        if self.base_function == "none":
            return slopes
        return torch.cat([base_slopes(x, self.base_function).unsqueeze(-1), slopes], dim=-1)

    def weights(self) -> Tensor:
        """Weights of the features, (out, in, n_features); zero where the edge is no spline."""
        weights = self.coef
        if self.base_function != "none":
            weights = torch.cat([self.base_weight.unsqueeze(-1), weights], dim=-1)
        return weights if self._nodes().all_splines else weights * self.spline_mask.unsqueeze(-1)

    def combine(self, features: Tensor, x: Tensor) -> Tensor:
        """Node values from ``features(x)``: one matrix product, then the symbolic edges, then the products."""
        total = self._with_symbolic_edges(features.flatten(-2) @ self.weights().flatten(1).T, x)
        multiplying = self._nodes().multiplying
        if not len(multiplying):
            return total
        products = self._edge_values(features, x, multiplying).prod(-1).to(total.dtype)  # under autocast
        return total.index_copy(-1, multiplying, products)

    def _with_symbolic_edges(self, total: Tensor, x: Tensor) -> Tensor:
        for group in self.symbolic_groups():
            total = total.index_add(-1, group.outputs, group.values(self.affine, x).to(total.dtype))  # under autocast
        return total

    def _nodes(self) -> Nodes:
        """Return what the masks say.

        While torch traces, or has the masks of several layers in one tensor, nothing can be looked up: those of edges
        then enter the computation as they are, and the nodes that multiply are those last noted.
        """
        masks = self.spline_mask, self.product_mask
        if torch.compiler.is_compiling() or any(map(is_functorch_wrapped_tensor, masks)):
            return Nodes(all_splines=False, multiplying=self._noted.multiplying.to(self.product_mask.device))
        return self._remembered(*masks)

    def note_edges(self) -> None:
        """Note which nodes multiply and whether an edge has affine numbers, after masks or functions were set in place.

        Edits and ``load_state_dict`` do so. Without, compiled and exported layers could have other product nodes.
        Layers that :func:`torch.func.stack_module_state` stacks must multiply at the same nodes.
        """
        self._noted = self._nodes()
        if bool(self.functions) != self._has_symbolic_edges:  # else whoever froze or freed them is right
            self._has_symbolic_edges = bool(self.functions)
            self.affine.requires_grad_(self._has_symbolic_edges)

    def edge_values(self, x: Tensor, outputs: Tensor | None = None) -> Tensor:
        """Contribution of every edge at ``x``, (..., out, in), or of those to some outputs, (..., len(outputs), in).

        A pruned edge gives 0 to a sum and 1 to a product.
        """
        self._refuse_normalisation()
        if outputs is None:
            outputs = torch.arange(self.out_features, device=x.device)
        return self._edge_values(self.features(x), x, outputs)

    def edge_slopes(self, x: Tensor) -> Tensor:
        """Return the derivative of every edge in its input: (..., out, in)."""
        slopes = torch.einsum("...ik,oik->...oi", self.feature_slopes(x), self.weights())
        for group in self.symbolic_groups():
            place = group.outputs * self.in_features + group.inputs
            slope = group.slopes(self.affine, x).to(slopes.dtype)
            slopes = slopes.flatten(-2).index_add(-1, place, slope).unflatten(-1, (-1, self.in_features))
        return slopes

    def edge_factors(self, features: Tensor, x: Tensor) -> Tensor | None:
        """Return the derivative of each node in its edges, (..., out, in): 1 in sums, the other factors in products.

        None stands for ones everywhere, where the layer has no product.
        """
        multiplying = self._nodes().multiplying
        if not len(multiplying):
            return None
        others = product_of_others(self._edge_values(features, x, multiplying))
        ones = others.new_ones((*x.shape[:-1], self.out_features, self.in_features))
        return ones.index_copy(-2, multiplying, others)

    def input_jacobian(self, x: Tensor) -> Tensor:
        """Return the derivative of every node in every input: (..., out, in)."""
        factors = self.edge_factors(self.features(x), x)
        slopes = self.edge_slopes(x)
        return slopes if factors is None else slopes * factors

    def edge_deviations(self, x: Tensor) -> Tensor:
        """Standard deviation over rows ``x`` (n, in) of what each spline edge sends, (out, in); 0 for other edges.

        Summed it is the group penalty of sparse networks. It is a quadratic form of the weights in the covariance of
        the features, so that nothing of size n × out × in is formed; its gradient at an edge that is 0 is 0.

        Examples
        --------
        >>> KANLayer(3, 2).edge_deviations(torch.rand(50, 3)).shape
        torch.Size([2, 3])
        """
        self._refuse_normalisation()
        features = self.features(x)
        features = features - features.mean(0)
        covariance = torch.einsum("nik,nil->ikl", features, features) / len(x)
        weights = self.weights()
        variance = torch.einsum("oik,ikl,oil->oi", weights, covariance, weights)
        # The root has no slope at 0; where the variance is lost in rounding nothing is to be shrunk.
        lost = variance <= torch.finfo(x.dtype).eps * torch.einsum("oik,ikk->oi", weights.square(), covariance)
        return torch.where(lost, 1.0, variance).sqrt() * ~lost

    @property
    def n_parameters(self) -> int:
        """Free numbers of the edges that are not pruned, and of the normalisation."""
        count = (self.basis.n_basis + (self.base_function != "none")) * int(self.spline_mask.sum())
        count += sum(group.n_affine * len(group.inputs) for group in self.symbolic_groups())
        return count if self.normalisation is None else count + 2 * self.in_features

    def _refuse_normalisation(self) -> None:
        if self.normalisation is not None:
            raise ParameterError("normalise must be False for edge functions: behind it an edge depends on all inputs")

    def symbolic_groups(self) -> list[SymbolicGroup]:
        """Symbolic edges, gathered by function so that each function is called once."""
        return grouped(self.functions, self.affine.device) if self.functions else []

    def _edge_values(self, features: Tensor, x: Tensor, outputs: Tensor) -> Tensor:
        edges = torch.einsum("...ik,oik->...oi", features, self.weights()[outputs])
        position = torch.full((self.out_features,), -1, device=x.device)
        position[outputs] = torch.arange(len(outputs), device=x.device)
        for group in self.symbolic_groups():
            group = group.of(position[group.outputs] >= 0)
            place = position[group.outputs] * self.in_features + group.inputs
            values = group.values(self.affine, x).to(edges.dtype)
            edges = edges.flatten(-2).index_add(-1, place, values)
            edges = edges.unflatten(-1, (-1, self.in_features))
        neutral = self.product_mask.unsqueeze(-1) & ~(self.spline_mask | self.symbolic_mask)
        return edges + neutral[outputs]

    # --- state ------------------------------------------------------------------------------------------------------

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take the state of a copy or a pickle, whose memory is empty."""
        super().__setstate__(state)
        self._noted = self._nodes()

    def get_extra_state(self) -> dict[str, str]:
        """Names of the functions on symbolic edges, keyed ``"output,input"``."""
        return {f"{o},{i}": function.name for (o, i), function in self.functions.items()}

    def set_extra_state(self, state: dict[str, str], library: Library | None = None) -> None:
        """Restore the functions by name, from those on the layer, the library given, or the default library."""
        known = functions_by_name(state.values(), self.functions.values(), library)
        ends = {edge: edge.partition(",") for edge in state}
        self.functions = {(int(output), int(at)): known[state[edge]] for edge, (output, _, at) in ends.items()}
        self.note_edges()

    def extra_repr(self) -> str:
        """Show the sizes and the kinds of edges."""
        kinds = f"splines={int(self.spline_mask.sum())}, symbolic={int(self.symbolic_mask.sum())}"
        return f"{self.in_features}, {self.out_features}, {kinds}, products={int(self.product_mask.sum())}"


def _is_autocast(x: Tensor) -> bool:
    return not x.is_meta and torch.is_autocast_enabled(x.device.type)


def _note_edges(layer: KANLayer, keys: object) -> None:
    """What a layer does after ``load_state_dict``; a function by itself, which a pickle can name."""
    layer.note_edges()
