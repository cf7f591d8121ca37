"""``python -m kansym``: the same as the command ``kansym``."""

import sys

from kansym.cli import main

sys.exit(main())
