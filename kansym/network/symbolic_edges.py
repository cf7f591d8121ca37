"""Edges that are library functions: c·f(a·x + b) + d, gathered by function so that each is called once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from kansym.errors import ParameterError
from kansym.hints import brief
from kansym.library import Library, SymbolicFunction, default_library

__all__ = ["SymbolicGroup", "functions_by_name", "grouped"]


@dataclass(frozen=True)
class SymbolicGroup:
    """The symbolic edges of a layer that share one function.

    Parameters
    ----------
    function : SymbolicFunction
        The function ``f`` in ``c·f(a·x + b) + d``.
    outputs, inputs : Tensor of shape (m,), integer
        Ends of the edges.

    Examples
    --------
    >>> group = SymbolicGroup(Library(["sin"])["sin"], torch.tensor([0]), torch.tensor([1]))
    >>> affine = torch.tensor([[[0.0] * 5, [2.0, 0.0, 3.0, 1.0, 1.0]]])
    >>> group.values(affine, torch.tensor([[9.0, 0.0]])), group.slopes(affine, torch.tensor([[9.0, 0.0]]))
    (tensor([[1.]]), tensor([[6.]]))
    """

    function: SymbolicFunction
    outputs: Tensor
    inputs: Tensor

    @property
    def n_affine(self) -> int:
        """Free numbers of each edge: a, b, c, d, and the exponent if the function has one."""
        return 5 if self.function.has_exponent else 4

    def of(self, kept: Tensor) -> SymbolicGroup:
        """Return the group of some of the edges, a mask (m,)."""
        return SymbolicGroup(self.function, self.outputs[kept], self.inputs[kept])

    def values(self, affine: Tensor, x: Tensor) -> Tensor:
        """Values of the edges at ``x`` (..., in), with the numbers ``affine`` (out, in, 5) of the layer: (..., m)."""
        a, b, c, d, exponent = self._numbers(affine)
        return c * self.function.torch(a * x[..., self.inputs] + b, *exponent) + d

    def slopes(self, affine: Tensor, x: Tensor) -> Tensor:
        """Return the derivatives of the edges in their inputs, (..., m)."""
        a, b, c, _, exponent = self._numbers(affine)
        return c * a * self.function.torch_derivative(a * x[..., self.inputs] + b, *exponent)

    def number_slopes(self, affine: Tensor, x: Tensor) -> Tensor:
        """Return the derivatives of the edges in a, b, c, d and the exponent, at rows (n, in): (n, m, n_affine)."""
        a, b, c, _, exponent = self._numbers(affine)
        x = x[:, self.inputs]
        argument = a * x + b
        value = self.function.torch(argument, *exponent)
        slope = c * self.function.torch_derivative(argument, *exponent)
        slopes = [slope * x, slope, value, torch.ones_like(x)]
        if exponent:
            slopes.append(c * self._exponent_slope(argument, *exponent))
        return torch.stack(slopes, dim=-1)

    def _numbers(self, affine: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, tuple[Tensor, ...]]:
        """Return a, b, c, d of the edges, each (m,), and the exponent if the function has one."""
        a, b, c, d, exponent = affine[self.outputs, self.inputs].unbind(-1)
        return a, b, c, d, (exponent,) if self.function.has_exponent else ()

    def _exponent_slope(self, argument: Tensor, exponent: Tensor) -> Tensor:
        """Return the derivative in the exponent, which the library does not state, by automatic differentiation."""
        with torch.enable_grad():
            own = exponent.expand_as(argument).clone().requires_grad_()
            (slope,) = torch.autograd.grad(self.function.torch(argument, own).sum(), own)
        return slope


def grouped(functions: Mapping[tuple[int, int], SymbolicFunction], device: torch.device) -> list[SymbolicGroup]:
    """Return the groups of edges ``(output, input)`` that share a function.

    Examples
    --------
    >>> grouped({}, torch.device("cpu"))
    []
    """
    ends: dict[SymbolicFunction, list[tuple[int, int]]] = {}
    for edge, function in functions.items():
        ends.setdefault(function, []).append(edge)
    return [SymbolicGroup(function, *torch.tensor(edges, device=device).unbind(-1)) for function, edges in ends.items()]


def functions_by_name(
    names: Iterable[str], known: Iterable[SymbolicFunction], library: Library | None
) -> dict[str, SymbolicFunction]:
    """Return the functions of some names: of those known, else of the library, which by default is the default one.

    Raises
    ------
    ParameterError
        If the library lacks one.

    Examples
    --------
    >>> functions_by_name(["sin"], [], None)["sin"].name
    'sin'
    """
    found = {function.name: function for function in known}
    missing = set(names) - set(found)
    if missing:
        source = default_library() if library is None else library
        if missing - set(source.names):
            lacking = brief(sorted(missing - set(source.names)))
            raise ParameterError(f"library must hold {lacking}, got {source.names}")
        found.update({name: source[name] for name in missing})
    return found
