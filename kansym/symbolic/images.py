"""Images of a dictionary's features in the complement of what is free: unit vectors, made in blocks, on a device."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kansym.symbolic.arrays import beside, blocks, empty, fetched, namespace
from kansym.symbolic.dictionary import Dictionary

if TYPE_CHECKING:
    import torch

__all__ = ["Images", "images_of"]

Array = NDArray[np.float64]

_LEAST_IMAGE = 1e-7
_DISTINCT_DIGITS = 8
# 4 MB, which a processor's caches hold: images are made in half the time that they take in one piece.
_NUMBERS_AT_ONCE = 1 << 19


@dataclass(frozen=True)
class Images:
    """Unit images of features, the simplest first.

    Attributes
    ----------
    directions : ndarray or Tensor of shape (n_images, n_rows)
        On the device they were made on.
    index : ndarray of int, shape (n_images,)
        The feature of the dictionary.
    logarithm : ndarray of bool, shape (n_images,)
        Whether the logarithm of its size is meant.
    costs : ndarray of shape (n_images,)
        Complexity of the feature.
    """

    directions: Any
    index: NDArray[np.intp]
    logarithm: NDArray[np.bool_]
    costs: Array

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.index)

    def features(self, places: Iterable[int]) -> tuple[tuple[int, bool], ...]:
        """Return the features of some images, each with whether its logarithm is meant."""
        return tuple((int(self.index[i]), bool(self.logarithm[i])) for i in places)


def images_of(
    dictionary: Dictionary,
    good: NDArray[np.bool_],
    weights: Array,
    basis: Array,
    *,
    logarithmic: bool,
    device: torch.device | None = None,
) -> Images:
    """Weight the features, take the free set out of them, and keep the simplest of those that are equal up to sign.

    Beside the dictionary's values this takes memory for one direction of each image, on the device, and for blocks of
    4 MB.

    Parameters
    ----------
    dictionary : Dictionary
    good : ndarray of bool, shape (n_dictionary_rows,)
        The rows that count.
    weights : ndarray of shape (n_rows,)
        Square roots of the good rows' weights.
    basis : ndarray of shape (n_rows, n_free)
        Orthonormal, of the weighted free set.
    logarithmic : bool
        Whether features enter as logarithms; those that are not transcendental, and powers, then enter as they are too.
    device : torch.device, optional
        By default the CPU, by numpy.
    """
    index, logarithm = _readings(dictionary, logarithmic)
    directions = empty((len(index), len(weights)), device)
    telling = np.random.default_rng(98765).normal(size=(len(weights), 2))
    weights, basis, telling = (beside(array, directions) for array in (weights, basis, telling))
    usable, marks, count = [], [], 0
    for block in blocks(len(index), len(good), _NUMBERS_AT_ONCE):
        values = dictionary.values[index[block]]
        values = beside(values if good.all() else np.ascontiguousarray(values[:, good]), directions)
        logs = beside(np.flatnonzero(logarithm[block]), directions)
        with np.errstate(all="ignore"):  # the logarithm of a zero is not finite, and left out
            values[logs] = namespace(values).log(abs(values[logs]))
            values *= weights
            before = (values**2).sum(1) ** 0.5
            values -= (values @ basis) @ basis.T
            after = (values**2).sum(1) ** 0.5
            kept = np.flatnonzero(fetched((after < np.inf) & (after > _LEAST_IMAGE * before)))
        places = beside(kept, directions)
        images = directions[count : count + len(kept)]
        images[:] = values[places] / after[places, None]
        marks.append(fetched(images @ telling))
        usable.append(kept + block.start)
        count += len(kept)
    # Features that differ by what is free are one: with free monomials, p and p·x are.
    fresh = _distinct(np.concatenate([np.empty((0, 2)), *marks]))
    for block in blocks(len(fresh), len(weights), _NUMBERS_AT_ONCE):
        directions[block] = directions[beside(fresh[block], directions)]
    chosen = np.concatenate([np.empty(0, dtype=np.intp), *usable])[fresh]
    index = index[chosen]
    return Images(directions[: len(fresh)], index, logarithm[chosen], dictionary.cost[index].astype(float))


def _readings(dictionary: Dictionary, logarithmic: bool) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Features in order of their cost, so that ties go to the simplest, and whether their logarithms are meant."""
    index = np.arange(len(dictionary))
    logarithm = np.zeros(len(index), dtype=bool)
    if logarithmic:
        plain = np.array([*np.flatnonzero(~dictionary.transcendental), *dictionary.powers], dtype=np.intp)
        index, logarithm = np.concatenate([index, plain]), np.repeat([True, False], [len(index), len(plain)])
    order = np.argsort(dictionary.cost[index], kind="stable")
    return index[order], logarithm[order]


def _distinct(marks: Array) -> NDArray[np.intp]:
    """The first of each group of directions whose marks are equal up to sign."""
    marks = np.round(marks * np.where(marks[:, :1] < 0, -1.0, 1.0), _DISTINCT_DIGITS)
    order = np.lexsort(marks.T)
    new = np.any(np.diff(marks[order], axis=0, prepend=np.nan) != 0, axis=1)
    return np.sort(order[new])
