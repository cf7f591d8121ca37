"""A deadline that is kept whatever runs: an exception in the thread whose time is up.

Every loop of a search asks its budget. What does not ask, such as sympy at a polynomial that it would factor for hours,
is interrupted as by Ctrl-C. What has been found is kept in values that are replaced as a whole, so nothing is ever half
done. A call into compiled code ends before it is interrupted.
"""

from __future__ import annotations

import ctypes
import math
import threading
import time
from collections.abc import Callable
from typing import TypeVar

__all__ = ["TimeIsUp", "call_within"]

_AGAIN = 1.0  # where code that cannot be interrupted, such as a finaliser, has swallowed the first

Result = TypeVar("Result")


class TimeIsUp(BaseException):
    """A call took longer than it was given; no error, so that ``except Exception`` lets it pass."""


def call_within(seconds: float, function: Callable[[], Result]) -> Result:
    """Call a function and return its result; raise :class:`TimeIsUp` inside it when it takes too long.

    Parameters
    ----------
    seconds : float
        Infinite for no limit. A Python without C API has none either.
    function : callable
        Without arguments.

    Examples
    --------
    >>> call_within(10.0, lambda: 6 * 7)
    42
    >>> call_within(0.01, lambda: sum(range(10**12)) if [1 for _ in range(10**12)] else 0)
    Traceback (most recent call last):
        ...
    kansym.discovery.deadline.TimeIsUp
    """
    if not math.isfinite(seconds) or not hasattr(ctypes, "pythonapi"):
        return function()
    watch = _Watch(max(seconds, 0.0))
    try:
        watch.start()
        return function()
    finally:
        try:
            watch.end()
        except TimeIsUp:  # before its first step; another one would be a second away
            watch.end()


class _Watch:
    """Raises :class:`TimeIsUp` in the thread that made it, when its seconds are over."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._watched = ctypes.c_ulong(threading.get_ident())
        self._ended = threading.Event()
        self._raising = threading.Lock()
        self._has_raised = False
        self._thread = threading.Thread(target=self._run, name="kansym-deadline", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def end(self) -> None:
        """Stop to watch, whatever comes; an exception that is on its way comes here, or no more."""
        interrupt: KeyboardInterrupt | None = None
        is_last = False
        while True:
            try:
                with self._raising:
                    self._ended.set()
                if self._thread.ident is not None:
                    self._thread.join()
                if not self._has_raised:
                    break
                # One that is on its way is replaced, so that exactly one comes. Taking it back instead would leave
                # Python's note that one is to come, on which profilers and debuggers of Python 3.11 hang.
                is_last = True
                self._raise()
                time.sleep(_AGAIN)
            except TimeIsUp:
                if is_last:
                    break
            except KeyboardInterrupt as error:
                interrupt = error
        if interrupt is not None:
            raise interrupt

    def _run(self) -> None:
        wait = min(self._seconds, threading.TIMEOUT_MAX)
        while not self._ended.wait(wait):
            with self._raising:
                if not self._ended.is_set():
                    self._raise()
            wait = _AGAIN

    def _raise(self) -> None:
        """Have the exception raised at the next step of Python."""
        self._has_raised = True
        ctypes.pythonapi.PyThreadState_SetAsyncExc(self._watched, ctypes.py_object(TimeIsUp))
