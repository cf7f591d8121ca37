"""Trees of sums and products in which each leaf appears once."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Node", "partitions", "trees"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Node:
    """A sum or a product of columns' curves and other nodes.

    Attributes
    ----------
    is_product : bool
    parts : tuple of int or Node
        An int is the curve of that column; parts of a sum are no sums, parts of a product no products.
    constant : bool
        Whether a constant is added: only at the root, to a product; in a sum the curves have it.
    """

    is_product: bool
    parts: tuple[int | Node, ...]
    constant: bool = False

    def combine(self, leaves: list[Array]) -> tuple[Array, list[Array]]:
        """Return the values of the tree, and their derivatives in each leaf's values (zero for those of other nodes).

        Examples
        --------
        >>> tree = Node(True, (0, Node(False, (1, 2))))
        >>> value, slopes = tree.combine([np.array([2.0]), np.array([3.0]), np.array([4.0])])
        >>> value, slopes[0], slopes[1]
        (array([14.]), array([7.]), array([2.]))
        """
        zero = np.zeros_like(leaves[0])
        parts = [
            (leaves[part], [zero + 1.0 if k == part else zero for k in range(len(leaves))])
            if isinstance(part, int)
            else part.combine(leaves)
            for part in self.parts
        ]
        if not self.is_product:
            value = sum((value for value, _ in parts), zero)
            slopes = [sum((slope[k] for _, slope in parts), zero) for k in range(len(leaves))]
            return value, slopes
        value, slopes = zero + 1.0, [zero] * len(leaves)
        for place, (factor, _) in enumerate(parts):
            value = value * factor
            others = math.prod((other for at, (other, _) in enumerate(parts) if at != place), start=zero + 1.0)
            slopes = [known + others * own for known, own in zip(slopes, parts[place][1], strict=True)]
        return value, slopes


def trees(n_columns: int) -> list[Node]:
    """All trees in which each of so many columns appears once, and all products with a constant added.

    Examples
    --------
    >>> len(trees(2)), len(trees(3))
    (3, 12)
    """
    plain = [tree for tree in _trees(tuple(range(n_columns))) if isinstance(tree, Node)]
    return plain + [Node(True, tree.parts, constant=True) for tree in plain if tree.is_product]


def _trees(columns: tuple[int, ...]) -> list[int | Node]:
    if len(columns) == 1:
        return [columns[0]]
    found: list[int | Node] = []
    for groups in partitions(columns):
        if len(groups) > 1:
            for is_product in (False, True):
                choices = [
                    [tree for tree in _trees(group) if isinstance(tree, int) or tree.is_product != is_product]
                    for group in groups
                ]
                found += [Node(is_product, parts) for parts in itertools.product(*choices)]
    return found


def partitions(columns: tuple[int, ...]) -> Iterator[list[tuple[int, ...]]]:
    """All ways to divide the columns into groups."""
    if not columns:
        yield []
        return
    first, rest = columns[0], columns[1:]
    for size in range(len(rest) + 1):
        for chosen in itertools.combinations(rest, size):
            left = tuple(column for column in rest if column not in chosen)
            yield from ([(first, *chosen), *groups] for groups in partitions(left))
