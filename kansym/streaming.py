"""Rows that come in batches: a bounded uniform sample of all of them, and a network that is trained further on it.

The sample is the whole memory. Unlike a summary of past batches (their normal equations, say) it does not go stale
when the network moves, it does not mind batches that are sorted, and the search for formulas can use it, too. It costs
little: a network of p numbers fitted to k of N noisy rows has an excess error of p/k instead of p/N of the noise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits
from torch import Tensor

from kansym.discovery import NetworkSettings
from kansym.network import KAN, train_on, train_restarts

__all__ = ["LARGEST_SAMPLE", "RowSample", "Stream"]

Array = NDArray[np.float64]

LARGEST_SAMPLE = 10_000
_AUTO_WIDTH = 5
_STARTS = 4
_ROWS_OF_A_START, _ITERATIONS = 1000, 20
_FEWEST_FOR_VALIDATION = 50
_SMOOTHING = 1e-8


@dataclass(frozen=True, eq=False)
class RowSample:
    """A uniform sample without replacement of the rows seen so far, all of them while they are few.

    Every row draws a number from [0, 1) when it comes, and those with the smallest numbers stay.

    Parameters
    ----------
    columns : ndarray of shape (k, n_columns)
    targets : ndarray of shape (k, n_outputs)
    weights : ndarray of shape (k,)
    keys : ndarray of shape (k,)
        The numbers drawn, increasing.
    n_seen : int
        Rows that came.

    References
    ----------
    J. S. Vitter, *Random sampling with a reservoir*, ACM Trans. Math. Softw. 11 (1985) 37; the keys make it one step
    for a whole batch.

    Examples
    --------
    >>> column, generator = np.arange(7.0)[:, None], np.random.default_rng(0)
    >>> sample = RowSample.empty(1, 1).with_batch(column, column, np.ones(7), generator, size=5)
    >>> len(sample), sample.n_seen
    (5, 7)
    """

    columns: Array
    targets: Array
    weights: Array
    keys: Array
    n_seen: int

    @classmethod
    def empty(cls, n_columns: int, n_outputs: int) -> RowSample:
        """Return the sample of no rows."""
        return cls(np.empty((0, n_columns)), np.empty((0, n_outputs)), np.empty(0), np.empty(0), 0)

    def __len__(self) -> int:
        """Return the number of rows kept."""
        return len(self.keys)

    def with_batch(
        self, columns: Array, targets: Array, weights: Array, generator: np.random.Generator, size: int
    ) -> RowSample:
        """Return the sample of the rows so far and those of a batch, at most ``size`` of them."""
        keys = generator.random(len(columns))
        few = np.flatnonzero(keys <= np.partition(keys, size)[size]) if len(keys) > size else np.arange(len(keys))
        both = np.concatenate([self.keys, keys[few]])
        kept = np.argsort(both, kind="stable")[:size]
        return RowSample(
            np.concatenate([self.columns, columns[few]])[kept],
            np.concatenate([self.targets, targets[few]])[kept],
            np.concatenate([self.weights, weights[few]])[kept],
            both[kept],
            self.n_seen + len(columns),
        )

    @property
    def held_out(self) -> NDArray[np.bool_]:
        """A fifth of the rows, the same ones as long as they stay: they judge the network."""
        held: NDArray[np.bool_] = np.floor(self.keys * 2**40) % 5 == 0
        return held if len(self) >= _FEWEST_FOR_VALIDATION else np.zeros(len(self), dtype=bool)


@dataclass(frozen=True, eq=False)
class Stream:
    """Where a training in batches stands.

    Parameters
    ----------
    sample : RowSample
    low, high : ndarray of shape (n_columns,)
        Range of all rows that came.
    seed : int
    network : KAN or None
        On the CPU, in float64; None before the first batch.

    Examples
    --------
    >>> x = np.random.default_rng(0).uniform(-1, 1, (200, 1))
    >>> stream = Stream.new(1, 1, seed=0).continued(x, np.sin(3 * x), np.ones(200), NetworkSettings())
    >>> stream.network.widths
    (1, 1)
    """

    sample: RowSample
    low: Array
    high: Array
    seed: int
    network: KAN | None = None

    @classmethod
    def new(cls, n_columns: int, n_outputs: int, seed: int) -> Stream:
        """Return the stream before its first batch."""
        ends = np.full(n_columns, np.inf), np.full(n_columns, -np.inf)
        return cls(RowSample.empty(n_columns, n_outputs), *ends, seed)

    def continued(
        self,
        columns: Array,
        targets: Array,
        weights: Array,
        settings: NetworkSettings,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> Stream:
        """Return the stream after a batch, its network trained further on the sample.

        The first batch fixes the scaling of the network; its grids grow with the range of the sample. One thread works,
        as in a fit: the matrices are small, and the result does not depend on the number of cores.
        """
        generator = np.random.default_rng([self.seed, self.sample.n_seen])
        sample = self.sample.with_batch(columns, targets, weights, generator, LARGEST_SAMPLE)
        low, high = np.minimum(self.low, columns.min(axis=0)), np.maximum(self.high, columns.max(axis=0))
        with threadpool_limits(limits=1):
            network = self._trained(sample, settings, should_stop)
        return replace(self, sample=sample, low=low, high=high, network=network)

    def _trained(self, sample: RowSample, settings: NetworkSettings, should_stop: Callable[[], bool]) -> KAN:
        held = torch.from_numpy(sample.held_out)
        # Copies, which torch aligns: sums over unaligned arrays of numpy differ from run to run in the last digit.
        X, y, weight = (torch.tensor(part) for part in (sample.columns, sample.targets, sample.weights))
        rows = (X[~held], y[~held], weight[~held])
        validation = (X[held], y[held]) if bool(held.any()) else None
        if self.network is None:
            present = self._best_start(*rows, settings, should_stop)
        else:
            present = self.network.update_grids(X)
        trained = train_on(
            settings.device,
            present,
            *rows[:2],
            sample_weight=rows[2],
            validation=validation,
            smoothing=_SMOOTHING,
            max_iterations=_ITERATIONS,
            should_stop=should_stop,
        )
        return trained.network

    def _best_start(
        self, X: Tensor, y: Tensor, weight: Tensor, settings: NetworkSettings, should_stop: Callable[[], bool]
    ) -> KAN:
        some = slice(0, _ROWS_OF_A_START)
        results = train_restarts(
            [network.fitted_to(X, y) for network in self._starts(settings)],
            X[some],
            y[some],
            sample_weight=weight[some],
            smoothing=_SMOOTHING,
            max_iterations=_ITERATIONS,
            should_stop=should_stop,
        )
        return min(results, key=lambda result: result.loss).network

    def _starts(self, settings: NetworkSettings) -> list[KAN]:
        n_inputs, n_outputs = self.sample.columns.shape[1], self.sample.targets.shape[1]
        auto = () if n_inputs == 1 else (_AUTO_WIDTH,)
        hidden = auto if isinstance(settings.hidden_widths, str) else settings.hidden_widths
        return [
            KAN(
                (n_inputs, *hidden, n_outputs),
                basis=settings.basis,
                grid_size=settings.grid_size,
                spline_order=settings.spline_order,
                generator=torch.Generator().manual_seed(self.seed + start),
                dtype=torch.float64,
            )
            for start in range(_STARTS)
        ]
