"""The programmed basal rate, worked out once more: what was earned is what an independent reader of the plan says.

The rule of this file: nothing of the pump and nothing of `profile.rate_segments` is used. The wall clock is asked, an
instant at a time, from one instant at which the rate may change to the next.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pumpcore.testing.wall_clock import WallClockModel
from pumpcore.therapy.profile import AbsoluteTemp
from pumpcore.units import NEVER_US, US_PER_DAY

if TYPE_CHECKING:
    from pumpcore.devices import Device
    from pumpcore.therapy.profile import Anchor, TempBasal, WeekPlan

__all__ = ["BasalBook"]


class BasalBook:
    """What is programmed, and how much of it was earned.

    Attributes:
        now_us: up to where it was followed.
        plan: the basal profiles of the week.
        anchor: where the wall clock stands.
        zone: the rules of local time.
        temp: the temp basal that runs.
        earned: basal earned while delivering, in uu times us per hour.
        missed: basal that a suspend has missed so far, in the same unit.
    """

    def __init__(self, device: Device, plan: WeekPlan | None, anchor: Anchor | None, zone: str, at_us: int) -> None:
        """Begin with nothing earned."""
        self._device = device
        self.now_us = at_us
        self.plan, self.anchor, self.zone = plan, anchor, zone
        self.temp: TempBasal | None = None
        self.earned = self.missed = 0
        self._rate = 0
        self._until_us = at_us

    def changed(self) -> None:
        """Look the rate up anew: plan, clock or zone is another one."""
        self._until_us = self.now_us

    def rate(self) -> int:
        """Return the rate that is programmed now."""
        rate = self.profile_rate()
        if self.temp is None:
            return rate
        if isinstance(self.temp, AbsoluteTemp):
            return self.temp.rate_uu_per_h
        return self._device.round_rate_down(rate * self.temp.percent // 100)

    def temp_end_us(self) -> int:
        """Return when the temp basal ends; `NEVER_US` if none is running."""
        return NEVER_US if self.temp is None else self.temp.start_us + self.temp.duration_us

    def follow(self, to_us: int, *, delivering: bool, missing: bool) -> None:
        """Earn up to `to_us`, or miss it."""
        while self.now_us < to_us:
            rate = self.rate()
            edge_us = min(to_us, self._until_us, self.temp_end_us())
            earned = rate * (edge_us - self.now_us)
            if delivering:
                self.earned += earned
            elif missing:
                self.missed += earned
            self.now_us = edge_us
            if edge_us >= self.temp_end_us():
                self.temp = None

    def profile_rate(self) -> int:
        """Return the rate of the plan at the present local time."""
        if self.now_us >= self._until_us:
            self._look()
        return self._rate

    def _look(self) -> None:
        if self.plan is None or self.anchor is None:
            self._rate, self._until_us = 0, NEVER_US
            return
        clock = WallClockModel(self.zone, self.anchor.shift_us)
        self._rate = clock.rate(self.plan, self.now_us)
        # Within a day there is one edge at the least: each profile begins at midnight.
        self._until_us = min(clock.edges(self.plan, self.now_us, self.now_us + US_PER_DAY))
