"""What one edge is and what it does: frozen records that leave the network as numbers.

Examples
--------
>>> from kansym.network import KAN
>>> index: EdgeIndex = (0, 0, 1)
>>> KAN((2, 1)).prune_edge(index).edge_state(index)
EdgeState(kind='pruned', function=None, a=1.0, b=0.0, c=1.0, d=0.0, exponent=None)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kansym.library import SymbolicFunction

__all__ = ["EdgeCurve", "EdgeIndex", "EdgeState"]

EdgeIndex = tuple[int, int, int]
"""Where an edge is: ``(layer, output, input)``."""


@dataclass(frozen=True)
class EdgeCurve:
    """One edge sampled on the data, in the network's internal standardised units.

    Parameters
    ----------
    x : ndarray of shape (n,)
        Values of the input node, sorted.
    y : ndarray of shape (n,)
        Contribution of the edge at ``x``.

    Examples
    --------
    >>> curve = EdgeCurve(np.array([0.0, 1.0]), np.array([0.0, 2.0]))
    >>> curve.y.max()
    np.float64(2.0)
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]


@dataclass(frozen=True)
class EdgeState:
    """What an edge is: a spline, ``c·f(a·x + b) + d``, or pruned.

    Parameters
    ----------
    kind : {"spline", "symbolic", "pruned"}
        What the edge is.
    function : SymbolicFunction or None
        ``f`` of a symbolic edge.
    a, b, c, d : float
        Affine numbers of a symbolic edge; 1, 0, 1, 0 elsewhere.
    exponent : float or None
        The free exponent, if the function has one.

    Examples
    --------
    >>> EdgeState("pruned").function is None
    True
    """

    kind: str
    function: SymbolicFunction | None = None
    a: float = 1.0
    b: float = 0.0
    c: float = 1.0
    d: float = 0.0
    exponent: float | None = None
