"""Levenberg-Marquardt on a random sample of the rows that grows until fresh rows are fitted as well as those in it.

The normal equations of a few rows point nearly the same way as those of all of them, and cost as much less. Far from
the answer nothing more is needed; near it the sample grows, and with it the agreement: a network of p numbers fitted to
n noisy rows leaves about (1 + 2p/n) times its loss on rows it has not seen.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from kansym.network.checks import local_generator
from kansym.network.kan import KAN
from kansym.network.levenberg_marquardt import minimise
from kansym.network.objective import Objective
from kansym.network.parameters import NO_PARAMETERS

__all__ = ["minimise_growing"]

_FEWEST_ROWS = 500
_ROWS_PER_NUMBER = 4
_GROWTH = 4
_AS_GOOD = 1.05  # loss on fresh rows over that on the sample


def minimise_growing(
    network: KAN,
    objective: Objective,
    tolerance: float,
    report: Callable[[float, float], str | None],
    should_stop: Callable[[], bool] = lambda: False,
    generator: torch.Generator | None = None,
) -> str:
    """Improve a float64 network in place; return the reason why it ended.

    Parameters
    ----------
    network : KAN
        Owned by the caller and changed in place.
    objective : Objective
        All rows, float64; those of weight zero are never drawn.
    tolerance, report, should_stop
        As in :func:`kansym.network.levenberg_marquardt.minimise`; the losses reported are those on the sample.
    generator : torch.Generator, optional
        Order in which rows enter; by default one with torch's seed.

    References
    ----------
    R. H. Byrd, G. M. Chin, J. Nocedal, Y. Wu, *Sample size selection in optimization methods for machine learning*,
    Math. Program. 134 (2012) 127; M. P. Friedlander, M. Schmidt, SIAM J. Sci. Comput. 34 (2012) A1380.

    Examples
    --------
    >>> x = torch.linspace(-1, 1, 100_000, dtype=torch.float64).unsqueeze(-1)
    >>> network = KAN((1, 1), dtype=torch.float64)
    >>> reason = minimise_growing(network, Objective.of(x, torch.sin(9 * x), None), 1e-3, lambda loss, damping: None)
    >>> reason.startswith("converged: fresh rows are fitted as well as the ")
    True
    """
    generator = local_generator(generator)
    usable = objective.weight.nonzero().flatten()
    order = usable[torch.randperm(len(usable), generator=generator, device=generator.device).to(usable.device)]
    size = min(len(order), max(_FEWEST_ROWS, _ROWS_PER_NUMBER * network.n_parameters))
    while True:
        sample = objective.take(order[:size])
        reason = minimise(network, sample, tolerance, report, should_stop)
        if size == len(order) or not reason.startswith("converged") or reason == NO_PARAMETERS:
            return reason
        fresh = objective.take(order[size : 2 * size])
        if fresh.loss(network) <= _AS_GOOD * sample.loss(network):
            return f"converged: fresh rows are fitted as well as the {size:,} of the sample"
        size = min(len(order), _GROWTH * size)
