"""`python -m pumpcore.pump` renders the mode table: `specs/modes.md`."""

from __future__ import annotations

import sys

from pumpcore.pump.modes import document

sys.stdout.write(document())
