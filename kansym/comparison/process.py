"""One child process and all that it starts: watched while it runs, and gone afterwards."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

__all__ = ["Limits", "Outcome", "grace_of", "run_process"]

_POLL = 0.05
_MARK = "KANSYM_RUN"
_TAIL = 2000
_LARGEST_OUTPUT = 20_000_000
_THREAD_VARIABLES = (
    *("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "BLIS_NUM_THREADS"),
    *("NUMEXPR_NUM_THREADS", "NUMBA_NUM_THREADS", "TBB_NUM_THREADS", "LOKY_MAX_CPU_COUNT"),
    *("JULIA_NUM_THREADS", "PYTHON_JULIACALL_THREADS"),
)
_GRACE_SHARE, _GRACE_SECONDS = 0.1, 5.0


@dataclass(frozen=True)
class Limits:
    """What a child may use.

    Attributes
    ----------
    seconds : float
        From the moment when loading is done, grace included.
    loading : float
        Seconds until then.
    memory : float
        MiB of resident memory of the child and all that it starts.
    threads : int
        For every library that reads a number of threads from the environment.
    """

    seconds: float
    loading: float
    memory: float
    threads: int


@dataclass(frozen=True)
class Outcome:
    """How a child ended.

    Attributes
    ----------
    ended : str
        "itself", "time", "loading", "memory" or "output": by itself, or by us for what it used too much of.
    code : int
        Exit code; negative for a signal.
    seconds : float
        From the end of loading, or from the start if it never ended loading.
    peak_memory : float
        MiB, as seen every twentieth of a second.
    tail : str
        The last of what it printed.
    """

    ended: str
    code: int
    seconds: float
    peak_memory: float
    tail: str


def grace_of(time_limit: float) -> float:
    """Seconds that a run may exceed its limit before it is killed: 5 s and a tenth of the limit.

    Examples
    --------
    >>> grace_of(10.0)
    6.0
    """
    return _GRACE_SECONDS + _GRACE_SHARE * time_limit


def run_process(
    arguments: list[str], working: Path, output: Path, limits: Limits, is_loaded: Callable[[], bool]
) -> Outcome:
    """Run Python with the arguments and come back when it, and all that it started, has ended.

    Parameters
    ----------
    arguments : list of str
        For the Python that runs this.
    working : Path
        Working directory of the child.
    output : Path
        File for what it prints.
    limits : Limits
    is_loaded : callable
        Asked again and again until it is true: from then on ``limits.seconds`` count.
    """
    mark = uuid.uuid4().hex
    with output.open("wb") as sink:
        child = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=working,
            env=_environment(os.environ, limits.threads, mark),
            stdin=subprocess.PIPE,  # its end tells the child that its parent has gone
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            ended, seconds, peak = _watch(child, limits, output, is_loaded)
        finally:
            _end(child, mark)
    return Outcome(ended, child.returncode, seconds, peak, _tail(output))


def _watch(
    child: subprocess.Popen[bytes], limits: Limits, output: Path, is_loaded: Callable[[], bool]
) -> tuple[str, float, float]:
    start, loaded, peak = time.monotonic(), False, 0.0
    while True:
        ended = child.poll() is not None
        if not loaded and is_loaded():
            start, loaded = time.monotonic(), True
        elapsed = time.monotonic() - start
        if ended:
            return "itself", elapsed, peak
        memory = _memory(child.pid)
        peak = max(peak, memory)
        if memory > limits.memory:
            return "memory", elapsed, peak
        if elapsed > (limits.seconds if loaded else limits.loading):
            return "time" if loaded else "loading", elapsed, peak
        if output.stat().st_size > _LARGEST_OUTPUT:
            return "output", elapsed, peak
        try:
            child.wait(_POLL)
        except subprocess.TimeoutExpired:
            continue


def _environment(given: Mapping[str, str], threads: int, mark: str) -> dict[str, str]:
    pinned = dict.fromkeys(_THREAD_VARIABLES, str(threads))
    # The child works elsewhere: modules that were found relative to this directory must still be found.
    path = os.pathsep.join(entry for entry in (os.getcwd(), given.get("PYTHONPATH", "")) if entry)
    return {**given, **pinned, _MARK: mark, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1", "MPLBACKEND": "Agg"}


def _memory(pid: int) -> float:
    """Resident memory of a process and its descendants in MiB."""
    total = 0
    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
    except psutil.Error:
        return 0.0
    for member in family:
        try:
            total += member.memory_info().rss
        except psutil.Error:
            continue
    return total / 2**20


def _end(child: subprocess.Popen[bytes], mark: str) -> None:
    """Kill the child's session and every process that carries its mark, and wait for the child."""
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
    child.kill()
    child.wait()
    if child.stdin is not None:
        child.stdin.close()
    for process in psutil.process_iter():
        try:
            if process.environ().get(_MARK) == mark:
                process.kill()
        except (psutil.Error, OSError):
            continue


def _tail(output: Path) -> str:
    with output.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(size - _TAIL, 0))
        return file.read().decode("utf-8", "replace")
