"""When a training is to end before it has converged."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from kansym.network.checks import check_callable, check_number

__all__ = ["stopping"]


def stopping(should_stop: Callable[[], bool] | None, time_limit: float | None) -> Callable[[], bool]:
    """Return what says whether to stop: on request, or when so many seconds of wall clock from now are over.

    Raises
    ------
    ParameterError
        If ``should_stop`` is no function, or ``time_limit`` no number >= 0.

    Examples
    --------
    >>> stopping(None, None)(), stopping(None, 0.0)(), stopping(lambda: True, 60.0)()
    (False, True, True)
    """
    check_callable("should_stop", should_stop)
    limit = math.inf if time_limit is None else check_number("time_limit", time_limit, 0.0, math.inf)
    end = time.monotonic() + limit
    return lambda: time.monotonic() >= end or (should_stop is not None and bool(should_stop()))
