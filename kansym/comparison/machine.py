"""What a run ran on."""

from __future__ import annotations

import os
import platform

import joblib

__all__ = ["describe_machine"]


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


def _memory() -> str:
    """Physical memory, where the system tells it."""
    try:
        size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf
        return ""
    return f"{size / 2**30:.1f} GiB"
