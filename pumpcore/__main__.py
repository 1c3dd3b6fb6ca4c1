"""The command line, as `python -m pumpcore`."""

from __future__ import annotations

import sys

from pumpcore.cli import main

if __name__ == "__main__":
    sys.exit(main())
