"""The one deadline of a search: wall clock, steps, or both; asked inside every loop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

__all__ = ["Budget"]

_SEARCHING_SHARE = 0.92  # the rest is for finishing the step in progress, the front and its networks
_STEP_SHARE = 0.97  # a step that goes on until then has not asked
_FINISHING_SHARE, _LEAST_FINISHING = 0.06, 0.2


class Budget:
    """How long a search may go on.

    Parameters
    ----------
    time_limit : float or None
        Seconds of wall clock from now.
    max_steps : int or None
        Search steps; a step is one formula fitted or one network trained or snapped, so a limit in steps gives the same
        result on any machine.
    clock : callable
        Monotonic seconds.
    is_interrupted : callable
        Whether the search is to end now, asked with the limits.

    Examples
    --------
    >>> budget = Budget(time_limit=None, max_steps=2)
    >>> budget.spend(), budget.exhausted()
    (None, False)
    >>> budget.spend(), budget.exhausted()
    (None, True)
    """

    def __init__(
        self,
        time_limit: float | None,
        max_steps: int | None = None,
        clock: Callable[[], float] = time.monotonic,
        is_interrupted: Callable[[], bool] = lambda: False,
    ) -> None:
        self._clock = clock
        self._start = clock()
        self._time_limit = time_limit
        self._max_steps = max_steps
        self.is_interrupted = is_interrupted
        self._ended = self._had_an_interrupt = False
        self._whole: Budget | None = None
        self.steps = 0

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return self._clock() - self._start

    def part(self, max_steps: int) -> Budget:
        """A budget of so many steps within this one, to which they count.

        Examples
        --------
        >>> whole = Budget(time_limit=None, max_steps=5)
        >>> part = whole.part(3)
        >>> part.spend(4)
        >>> part.exhausted(), whole.exhausted(), whole.steps
        (True, False, 4)
        """
        part = Budget(None, max_steps, self._clock, self.exhausted)
        part._whole = self
        return part

    def spend(self, steps: int = 1) -> None:
        """Count steps."""
        self.steps += steps
        if self._whole is not None:
            self._whole.spend(steps)

    @property
    def patience(self) -> float:
        """Seconds after which a step that has not ended by itself is interrupted; infinite without a time limit."""
        return math.inf if self._time_limit is None else _STEP_SHARE * self._time_limit - self.elapsed

    @property
    def grace(self) -> float:
        """Seconds for what is good to have beside the formulas; the limit is kept to a tenth, or to half a second."""
        if self._time_limit is None:
            return math.inf
        most = max(_FINISHING_SHARE * self._time_limit, _LEAST_FINISHING)
        return max(self._time_limit + most - self.elapsed, 0.0)

    def end(self) -> None:
        """Use up all that is left."""
        self._ended = True

    def interrupt(self) -> None:
        """Take note of Ctrl-C: the first one uses up all that is left.

        Raises
        ------
        KeyboardInterrupt
            If it is the second one, which ends at once.

        Examples
        --------
        >>> budget = Budget(time_limit=None)
        >>> budget.interrupt()
        >>> budget.exhausted(), budget.was_interrupted
        (True, True)
        """
        if self._had_an_interrupt:
            raise KeyboardInterrupt
        self._ended = self._had_an_interrupt = True

    @property
    def was_interrupted(self) -> bool:
        """Whether the search is to end for somebody, not for time or steps."""
        return self._had_an_interrupt or self.is_interrupted()

    def exhausted(self) -> bool:
        """Whether either limit is reached, or so near that it is time to finish, or the search is to end."""
        if self._ended or (self._max_steps is not None and self.steps >= self._max_steps):
            return True
        if self._time_limit is not None and self.elapsed >= _SEARCHING_SHARE * self._time_limit:
            return True
        return self.is_interrupted()
