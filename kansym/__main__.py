"""``python -m kansym``, and the command ``kansym``."""

import signal
import sys
from typing import NoReturn

from kansym.cli import main


def run() -> NoReturn:
    """Run a command and end with its exit code."""
    code = main()
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # nothing is left to save, and nothing to say while Python ends
    sys.exit(code)


if __name__ == "__main__":
    run()
