"""A process beside each run that ends what the run has started when the one who asked for it is gone.

A thread of the child could not: it would wait for code that does not let go of the interpreter, and what the child has
started would live on. The child's group could not be killed by it either, since anything may leave the group.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import shutil
import signal
import sys

__all__ = ["MARK", "end_marked", "in_custody", "main"]

MARK = "KANSYM_RUN"
"""The variable in the environment of all that a run has started."""

_ROUNDS = 10
_SET_CHILD_SUBREAPER = 36  # of linux/prctl.h


def main(mark: str, folder: str) -> None:
    """Wait for what the parent says; if it dies without a word, end the run and remove its folder."""
    if os.fork() > 0:  # whoever kills the parent with all its descendants must not find the guard among them
        os._exit(0)
    if not sys.stdin.buffer.read():
        end_marked(mark)
        shutil.rmtree(folder, ignore_errors=True)


def in_custody() -> None:
    """Go on as a child of this process, which waits, kills all that the child has left, and ends as the child did.

    On Linux it is the parent of all descendants whose own parents have ended, so that none gets away by detaching
    itself; elsewhere those stay that have not.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    child = os.fork()
    if child == 0:
        return
    _, status = os.waitpid(child, 0)
    _end_descendants()
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        signal.signal(number, signal.SIG_DFL) if number != signal.SIGKILL else None
        os.kill(os.getpid(), number)
    os._exit(os.waitstatus_to_exitcode(status))


def _end_descendants() -> None:
    """Kill all descendants, and those that they start meanwhile."""
    import psutil

    while left := psutil.Process().children(recursive=True):
        for process in left:
            with contextlib.suppress(psutil.Error):
                process.kill()
        with contextlib.suppress(ChildProcessError):
            os.waitpid(-1, 0)


def end_marked(mark: str) -> None:
    """Kill every process that carries a mark, and those that they start meanwhile."""
    import psutil

    for _ in range(_ROUNDS):
        found = False
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                if process.environ().get(MARK) == mark:
                    process.kill()
                    found = True
        if not found:
            break
