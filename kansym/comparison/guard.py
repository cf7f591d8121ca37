"""A process beside each run that ends what the run has started when the one who asked for it is gone.

A thread of the child could not: it would wait for code that does not let go of the interpreter, and what the child has
started would live on. The child's group could not be killed by it either, since anything may leave the group.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import sys

__all__ = ["MARK", "adopt_orphans", "end_marked", "main"]

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


def adopt_orphans() -> None:
    """Become the parent of descendants whose own parents end, where the system knows of such a thing: on Linux.

    Processes that detach themselves so stay in the family that is watched.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


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
