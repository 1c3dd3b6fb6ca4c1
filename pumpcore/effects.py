"""Effects, under the short path that an integrator imports: `pumpcore.pump.effects`."""

from __future__ import annotations

from pumpcore.pump.effects import *  # noqa: F403  # the same names, all of them
from pumpcore.pump.effects import __all__  # noqa: F401  # what the star stands for
