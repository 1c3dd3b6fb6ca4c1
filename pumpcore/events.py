"""Events, under the short path that an integrator imports: `pumpcore.pump.events`."""

from __future__ import annotations

from pumpcore.pump.events import *  # noqa: F403  # the same names, all of them
from pumpcore.pump.events import __all__  # noqa: F401  # what the star stands for
