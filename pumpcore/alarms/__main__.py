"""`python -m pumpcore.alarms` prints `specs/alarms.md`."""

from __future__ import annotations

import sys

from pumpcore.alarms.document import document

if __name__ == "__main__":
    sys.stdout.write(document())
