"""The command line: `pumpcore schedule` and `pumpcore replay`.

The rule of this package: it reads strictly, calls the library and prints; it decides nothing about insulin. A command
has its whole answer before it prints the first character of it. `rich` and the record readers are imported by the
commands that need them, so that `schedule` stays quick on a small board.
"""

from pumpcore.cli.app import main

__all__ = ["main"]
