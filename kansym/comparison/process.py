"""One child process and all that it starts: watched while it runs, and gone afterwards.

What a child may do, and what follows:

* It takes too long, or too much memory: it is killed.
* It crashes: its exit code and the last of what it printed are all that is left.
* It prints without end: what it prints is read and forgotten, but for the last lines.
* It leaves processes behind: they are killed, by their group, by a mark in their environment, or as descendants of the
  process that has it in custody. (Elsewhere than on Linux a process that leaves its parents, its group and its
  environment gets away.)
* Its parent dies, by whatever: a guard kills it and all that it has started.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from kansym.comparison.custody import end_family
from kansym.comparison.guard import MARK, end_marked

__all__ = ["Abandoned", "Limits", "Outcome", "grace_of", "run_process"]

_POLL = 0.05
_TAIL = 2000
_MAX_WORDS = 200
_BLOCK = 65_536
_THREAD_VARIABLES = (
    *("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "BLIS_NUM_THREADS"),
    *("NUMEXPR_NUM_THREADS", "NUMBA_NUM_THREADS", "TBB_NUM_THREADS", "RAYON_NUM_THREADS", "LOKY_MAX_CPU_COUNT"),
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


class Abandoned(BaseException):
    """Nobody waits for the outcome of a process any more: no error of the run, and nothing to go on from."""


@dataclass(frozen=True)
class Outcome:
    """How a child ended.

    Attributes
    ----------
    ended : str
        "itself", "time", "loading" or "memory": by itself, or by us for what it used too much of.
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

    @property
    def exit(self) -> str:
        """The exit code in words.

        Examples
        --------
        >>> Outcome("itself", -11, 1.0, 1.0, "").exit, Outcome("itself", 3, 1.0, 1.0, "").exit
        ('ended by SIGSEGV', 'ended without an answer, exit code 3')
        """
        if self.code >= 0:
            return f"ended without an answer, exit code {self.code}"
        try:
            return f"ended by {signal.Signals(-self.code).name}"
        except ValueError:
            return f"ended by signal {-self.code}"

    @property
    def last_words(self) -> str:
        """The last line that it printed, after a colon, if any."""
        words = [line.strip() for line in self.tail.splitlines() if line.strip()]
        return f": {words[-1][:_MAX_WORDS]}" if words else ""


def grace_of(time_limit: float) -> float:
    """Seconds that a run may exceed its limit before it is killed: 5 s and a tenth of the limit.

    Its end is seen within a twentieth of a second, and killing it may take a moment more.

    Examples
    --------
    >>> grace_of(10.0)
    6.0
    """
    return _GRACE_SECONDS + _GRACE_SHARE * time_limit


def run_process(module: str, folder: Path, working: Path, limits: Limits, is_loaded: Callable[[], bool]) -> Outcome:
    """Call ``main(folder)`` of a module in a process of its own; come back when all that it started has ended.

    The Python is that of the caller, and modules are found where the caller finds them.

    Parameters
    ----------
    module : str
    folder : Path
        The argument of its ``main``, as a text. It is removed if the caller dies meanwhile.
    working : Path
        Working directory of the child, and its folder for temporary files.
    limits : Limits
    is_loaded : callable
        Asked again and again until it is true: from then on ``limits.seconds`` count.
    """
    mark = uuid.uuid4().hex
    tail = bytearray()
    with subprocess.Popen(
        _call("kansym.comparison.guard", mark, str(folder)),
        stdin=subprocess.PIPE,  # its end tells the guard that we have gone
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as guard:
        child = subprocess.Popen(
            _call(module, str(folder), custody=True),
            cwd=working,
            env=_environment(os.environ, limits.threads, mark, working),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        reader = threading.Thread(target=_keep_tail, args=(child.stdout, tail), daemon=True)
        reader.start()
        family = _Family(child.pid)
        try:
            ended, seconds, peak = _watch(child, family, limits, is_loaded)
        finally:
            _end(child, family, mark)
            guard.communicate(b"done")
    reader.join(1.0)  # it ends with the last process that could print
    return Outcome(ended, child.returncode, seconds, peak, tail.decode("utf-8", "replace"))


def _call(module: str, *arguments: str, custody: bool = False) -> list[str]:
    path = [entry or os.getcwd() for entry in sys.path]
    code = f"from {module} import main; main(*{arguments!r})"
    if custody:
        code = f"from kansym.comparison.custody import in_custody; in_custody(); {code}"
    code = f"import sys; sys.path[:] = {path!r}; {code}"
    return [sys.executable, "-c", code]


class _Family:
    """A process and all its descendants that were ever seen."""

    def __init__(self, pid: int) -> None:
        import psutil

        self.head = psutil.Process(pid)
        self._seen = {self.head}

    def memory(self) -> float:
        """Resident memory in MiB of those that live; looks for new ones."""
        import psutil

        with contextlib.suppress(psutil.Error):
            self._seen.update(self.head.children(recursive=True))
        total = 0
        for member in tuple(self._seen):
            try:
                total += member.memory_info().rss if member.is_running() else 0
            except psutil.Error:
                self._seen.discard(member)
        return total / 2**20

    def kill(self) -> None:
        """Kill those that live; another process that has got the number of one that does not is spared."""
        import psutil

        for member in self._seen:
            with contextlib.suppress(psutil.Error):
                member.kill()


def _watch(
    child: subprocess.Popen[bytes], family: _Family, limits: Limits, is_loaded: Callable[[], bool]
) -> tuple[str, float, float]:
    start, loaded, peak = time.monotonic(), False, 0.0
    while True:
        ended = child.poll() is not None
        if not loaded and is_loaded():
            start, loaded = time.monotonic(), True
        elapsed = time.monotonic() - start
        if ended:
            return "itself", elapsed, peak
        left = (limits.seconds if loaded else limits.loading) - elapsed
        if left <= 0:
            return "time" if loaded else "loading", elapsed, peak
        memory = family.memory()
        peak = max(peak, memory)
        if memory > limits.memory:
            return "memory", elapsed, peak
        if _is_orphan():
            raise Abandoned("the process that asked for this run has gone")
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(min(_POLL, left))


def _is_orphan() -> bool:
    """Whether this is a worker whose parent is gone: it would go on with what it has been given."""
    parent = multiprocessing.parent_process()
    return parent is not None and parent.pid != os.getppid()


def _environment(given: Mapping[str, str], threads: int, mark: str, working: Path) -> dict[str, str]:
    pinned = dict.fromkeys(_THREAD_VARIABLES, str(threads))
    temporary = dict.fromkeys(("TMPDIR", "TEMP", "TMP", "JOBLIB_TEMP_FOLDER"), str(working))
    settings = {"PYTHONUNBUFFERED": "1", "PYTHONHASHSEED": "0", "MPLBACKEND": "Agg"}
    return {**given, **pinned, **temporary, **settings, MARK: mark}


def _end(child: subprocess.Popen[bytes], family: _Family, mark: str) -> None:
    """Kill the child's descendants, its group and every process that carries its mark, and wait for the child."""
    if child.poll() is None:
        end_family(family.head)
    family.kill()
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    child.kill()
    child.wait()
    end_marked(mark)


def _keep_tail(printed: IO[Any], tail: bytearray) -> None:
    """Read whatever is printed, so that nobody waits for it to be read, and keep the end."""
    with printed:
        while part := os.read(printed.fileno(), _BLOCK):
            tail += part
            del tail[:-_TAIL]
