"""Random plans for the delivery law, as the tests import them: those of `pumpcore.testing.programmes`."""

from __future__ import annotations

from pumpcore.testing.programmes import DAY_US, MODES, STEPS_MAX, TIME_US_MAX, Mode, plan, plans, train

__all__ = ["DAY_US", "MODES", "STEPS_MAX", "TIME_US_MAX", "Mode", "plan", "plans", "train"]
