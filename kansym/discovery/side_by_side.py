"""Searches in processes of their own: a file tells them of Ctrl-C, and by files they tell what they have so far."""

from __future__ import annotations

import contextlib
import os
import pickle
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from joblib import Parallel, delayed
from joblib.parallel import BACKENDS, get_active_backend

from kansym.archive import write_atomically
from kansym.discovery.budget import Budget
from kansym.discovery.interrupts import interrupts_held_back, interrupts_ignored
from kansym.discovery.outcome import Discovery, SearchSettings
from kansym.discovery.single import discover
from kansym.processes import may_run
from kansym.symbolic.front import Formula
from kansym.symbolic.rows import Rows

__all__ = ["Task", "discover_side_by_side"]

_LOOK_EVERY = 0.2
_CALM = 19.0
# A disk that is full and functions of the user's that have no name do not end a search.
_UNTOLD = (OSError, pickle.PicklingError, AttributeError, TypeError)


@dataclass(frozen=True, eq=False)
class Task:
    """What a process needs for a search; see :func:`kansym.discovery.several.discover_each`."""

    rows: Rows
    settings: SearchSettings
    time_limit: float | None
    max_steps: int | None
    seed: int
    known: Sequence[Formula]


def discover_side_by_side(
    jobs: int,
    tasks: Sequence[Task],
    flag: Path,
    outcomes: Sequence[Discovery] = (),
    on_improvement: Callable[[tuple[Discovery, ...]], None] | None = None,
) -> tuple[Discovery, ...]:
    """Work through searches in processes of joblib's backend.

    Parameters
    ----------
    jobs : int
    tasks : sequence of Task
    flag : Path
        The searches end when there is such a file; its folder is private and empty.
    outcomes : sequence of Discovery
        What would be the outcomes before the searches have begun.
    on_improvement : callable, optional
        Called in a thread of its own with what would be the outcomes now. If it raises, the searches end, and so does
        this function with what was raised.
    """
    backend: Any = get_active_backend()[0]
    of_this_machine = tuple(BACKENDS[name] for name in ("loky", "multiprocessing") if name in BACKENDS)
    asking = os.getpid() if isinstance(backend, of_this_machine) else None
    notes = [None if on_improvement is None else flag.with_name(str(number)) for number in range(len(tasks))]
    calls = [delayed(_within)(task, flag, note, asking) for task, note in zip(tasks, notes, strict=True)]
    watching = contextlib.nullcontext() if on_improvement is None else _watching(flag, outcomes, on_improvement)
    with watching:
        if backend.supports_return_generator:
            with interrupts_held_back():  # while processes start
                found: Any = Parallel(n_jobs=jobs, return_as="generator")(calls)
        else:
            found = Parallel(n_jobs=jobs)(calls)
        return tuple(found)


def _within(task: Task, flag: Path, note: Path | None, asking: int | None) -> Discovery:
    """Search with a budget that starts in this process: the time it took to start does not count."""
    is_child = os.getppid() == asking

    def is_alone() -> bool:
        """Whether the process that asked is gone; a child then has another parent at once."""
        return asking is not None and (os.getppid() != asking if is_child else not may_run(asking))

    def tell(discovery: Discovery) -> None:
        assert note is not None
        with contextlib.suppress(*_UNTOLD):
            write_atomically(note, pickle.dumps(discovery))

    budget = Budget(task.time_limit, task.max_steps, is_interrupted=lambda: flag.exists() or is_alone())
    with interrupts_ignored():  # Ctrl-C goes to all processes of a terminal; the one that was asked for the fit tells
        found = discover(
            task.rows,
            task.settings,
            budget,
            task.seed,
            known=task.known,
            on_improvement=None if note is None else tell,
        )
    if is_alone():
        shutil.rmtree(flag.parent, ignore_errors=True)
    return found


@contextlib.contextmanager
def _watching(
    flag: Path, outcomes: Sequence[Discovery], on_improvement: Callable[[tuple[Discovery, ...]], None]
) -> Iterator[None]:
    """Tell of what the searches write, as often as takes a twentieth of the time."""
    is_over = threading.Event()

    def watch() -> None:
        now, seen = list(outcomes), [b""] * len(outcomes)
        pause = _LOOK_EVERY
        while not is_over.wait(pause):
            start = time.monotonic()
            if _updated(now, seen, flag.parent):
                try:
                    on_improvement(tuple(now))
                except BaseException:
                    flag.touch()
                    raise
            pause = max(_LOOK_EVERY, _CALM * (time.monotonic() - start))

    with ThreadPoolExecutor(1) as pool:
        watcher = pool.submit(watch)
        try:
            yield
        finally:
            is_over.set()
        watcher.result()


def _updated(now: list[Discovery], seen: list[bytes], folder: Path) -> bool:
    """Read what is new into the outcomes; tell whether there was something."""
    is_new = False
    for position, before in enumerate(seen):
        with contextlib.suppress(FileNotFoundError):
            content = (folder / str(position)).read_bytes()
            if content != before:
                now[position], seen[position], is_new = pickle.loads(content), content, True
    return is_new
