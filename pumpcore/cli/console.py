"""Where tables are printed.

The rule of this file: a table that goes into a file or a pipe has no terminal's width to keep to. It loads what prints
tables, which takes its time: commands import it where they print.
"""

from __future__ import annotations

import sys
from typing import Final

from rich.console import Console

__all__ = ["new_console"]

_WIDTH_OF_A_FILE: Final = 160


def new_console() -> Console:
    """Make a console on standard output, as it stands now: as wide as the terminal, or as a table in a file."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else _WIDTH_OF_A_FILE)
