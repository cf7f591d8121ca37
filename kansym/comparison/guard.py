"""A process beside each run that ends what the run has started when the one who asked for it is gone.

A thread of the child could not: it would wait for code that does not let go of the interpreter, and what the child has
started would live on. The child's group could not be killed by it either, since anything may leave the group.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from typing import TYPE_CHECKING

from kansym.comparison.custody import end_family

if TYPE_CHECKING:
    import psutil

__all__ = ["MARK", "end_marked", "main"]

MARK = "KANSYM_RUN"
"""The variable in the environment of all that a run has started."""

_ROUNDS = 50


def main(mark: str, folder: str) -> None:
    """Wait for what the parent says; if it dies without a word, end the run and remove its folder."""
    if os.fork() > 0:  # whoever kills the parent with all its descendants must not find the guard among them
        os._exit(0)
    if not sys.stdin.buffer.read():
        end_marked(mark)
        shutil.rmtree(folder, ignore_errors=True)


def end_marked(mark: str) -> None:
    """Kill every process that carries a mark, all their descendants, and those that they start meanwhile."""
    import psutil

    marked = {process.pid: process for process in psutil.process_iter() if _carries(process, mark)}
    for process in marked.values():
        with contextlib.suppress(psutil.Error):
            if process.ppid() not in marked:
                end_family(process)
    for _ in range(_ROUNDS):
        found = False
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                if _carries(process, mark):
                    process.kill()
                    found = True
        if not found:
            break


def _carries(process: psutil.Process, mark: str) -> bool:
    import psutil

    try:
        return process.environ().get(MARK) == mark
    except (psutil.Error, OSError):
        return False
