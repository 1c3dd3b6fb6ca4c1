"""`python -m pumpcore.devices` prints `specs/devices.md`."""

from __future__ import annotations

import sys

from pumpcore.devices.document import document

if __name__ == "__main__":
    sys.stdout.write(document())
