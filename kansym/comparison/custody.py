"""A process that has a run in custody: it waits for the run, and kills whatever the run has started and left."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psutil

__all__ = ["end_family", "in_custody"]

_ROUNDS = 50
_PAUSE, _PATIENCE = 0.02, 5.0
_NAMES = ("SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGALRM")
_MEANT_FOR_THE_CHILD = tuple(getattr(signal, name) for name in _NAMES if hasattr(signal, name))
_SET_CHILD_SUBREAPER = 36  # of linux/prctl.h


def in_custody() -> None:
    """Go on as a child of this process, which waits, kills all that the child has left, and ends as the child did.

    It is the parent of all descendants whose own parents have ended, so that none gets away by detaching itself. Only
    Linux knows of such a thing; elsewhere nothing is done.
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    child = os.fork()
    if child == 0:
        return
    for number in _MEANT_FOR_THE_CHILD:  # a signal to the group
        signal.signal(number, signal.SIG_IGN)
    ended, status = os.waitpid(-1, 0)
    while ended != child:
        ended, status = os.waitpid(-1, 0)
    _end_descendants()
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        import resource  # which not every system has

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        with contextlib.suppress(OSError):  # of SIGKILL, which needs none
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    os._exit(os.waitstatus_to_exitcode(status))


def _end_descendants() -> None:
    """Kill all descendants, and those that they start meanwhile."""
    import psutil

    for _ in range(_ROUNDS):
        left = psutil.Process().children(recursive=True)
        for process in left:
            with contextlib.suppress(psutil.Error):
                process.kill()
        if not left:
            return
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        time.sleep(_PAUSE)


def end_family(head: psutil.Process) -> None:
    """Kill the descendants of a process that has them in custody until it has ended, as it does when its child has.

    It comes last: without it, those that have detached themselves would be nobody's.
    """
    import psutil

    end = time.monotonic() + _PATIENCE
    with contextlib.suppress(psutil.Error):
        while head.is_running() and head.status() != psutil.STATUS_ZOMBIE and time.monotonic() < end:
            for process in head.children(recursive=True):
                with contextlib.suppress(psutil.Error):
                    process.kill()
            time.sleep(_PAUSE)
