"""Other processes of this machine."""

from __future__ import annotations

import os

__all__ = ["may_run"]


def may_run(process: int) -> bool:
    """Whether there may be a process of this number; where the system does not tell, always.

    Examples
    --------
    >>> may_run(os.getpid())
    True
    """
    if os.name == "nt":  # where the signal 0 ends it
        return True
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return True
