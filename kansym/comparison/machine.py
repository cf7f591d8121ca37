"""What a run ran on: the machine, and which kansym."""

from __future__ import annotations

import hashlib
import os
import platform
from importlib.resources import files
from pathlib import Path

import joblib

__all__ = ["describe_machine", "source_fingerprint"]


def describe_machine() -> str:
    """Say in one line what this process runs on: system, processor, usable processors and memory.

    Examples
    --------
    >>> "CPU" in describe_machine()
    True
    """
    count = joblib.cpu_count()  # those that affinity and the limits of a container leave
    processors = f"{count} CPU{'s' if count > 1 else ''}"
    facts = (f"{platform.system()} {platform.release()}", platform.machine(), processors, _memory())
    return ", ".join(fact for fact in facts if fact)


def source_fingerprint() -> str:
    """Twelve hexadecimal digits of kansym's own Python files: another state of the source has others.

    Examples
    --------
    >>> len(source_fingerprint())
    12
    """
    folder = Path(str(files("kansym")))
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


def _memory() -> str:
    """Physical memory, where the system tells it."""
    try:
        size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf
        return ""
    return f"{size / 2**30:.1f} GiB"
