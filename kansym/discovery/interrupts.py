"""Ctrl-C while searches run in other processes: a file tells them, and they return what they have."""

from __future__ import annotations

import contextlib
import signal
import tempfile
import threading
from collections.abc import Iterator
from multiprocessing import resource_tracker
from pathlib import Path
from types import FrameType

__all__ = ["interrupt_as_file", "interrupts_held_back", "interrupts_ignored"]


@contextlib.contextmanager
def interrupt_as_file() -> Iterator[Path]:
    """Make a file at the first Ctrl-C inside; a second one is as usual, and so is the first outside the main thread.

    Yields
    ------
    Path
        Where the file will be, in a private folder of its own.
    """
    with tempfile.TemporaryDirectory(prefix="kansym-", ignore_cleanup_errors=True) as folder:
        flag = Path(folder, "interrupted")
        if threading.current_thread() is not threading.main_thread():
            yield flag
            return
        usual = signal.getsignal(signal.SIGINT) or signal.SIG_DFL  # None: set by code that is not Python

        def note(number: int, frame: FrameType | None) -> None:
            signal.signal(signal.SIGINT, usual)
            flag.touch()

        signal.signal(signal.SIGINT, note)
        try:
            yield flag
        finally:
            signal.signal(signal.SIGINT, usual)


@contextlib.contextmanager
def interrupts_ignored() -> Iterator[None]:
    """Ignore Ctrl-C inside, where a thread can."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    usual = signal.signal(signal.SIGINT, signal.SIG_IGN) or signal.SIG_DFL
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)


@contextlib.contextmanager
def interrupts_held_back() -> Iterator[None]:
    """Let Ctrl-C wait until the end, where the system can; processes that start inside never get one."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # before: multiprocessing lets Ctrl-C through when it has started that
    with _interrupts_noted():  # another thread may take what this one blocks, and then asks the main one to act
        usual = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, usual)


@contextlib.contextmanager
def _interrupts_noted() -> Iterator[None]:
    """Raise at the end what came inside, where a thread can."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    noted: list[int] = []
    usual = signal.signal(signal.SIGINT, lambda number, frame: noted.append(number)) or signal.SIG_DFL
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)
        if noted:
            signal.raise_signal(signal.SIGINT)
