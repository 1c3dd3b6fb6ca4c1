"""The book of boluses and temp basals: each was asked for, stays within the limits, and is recorded once.

The rule of this file: what the pump begins is compared with what the person or a controller asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pumpcore.pump import events
from pumpcore.sim.books.checks import BrokenError
from pumpcore.sim.books.orders import OrderBook
from pumpcore.sim.books.state import BookedTrain
from pumpcore.therapy.envelope import RateRequest
from pumpcore.therapy.profile import AbsoluteTemp, PercentTemp
from pumpcore.units import US_PER_HOUR

if TYPE_CHECKING:
    from pumpcore.pump import effects as said
    from pumpcore.pump.events import Event

__all__ = ["BolusBook"]


class BolusBook(OrderBook):
    """What was programmed on top of the profile."""

    def _temp(self, effect: said.TempStarted, event: Event) -> None:
        self._pass_to(effect.at_us)
        asked = self.asked.get(event.proposal_id) if isinstance(event, events.Confirm) else event
        duration_us: int
        rate: int | None
        percent: int | None = None
        if isinstance(asked, events.ControllerAsks) and isinstance(asked.request, RateRequest):
            duration_us, rate = asked.request.duration_us, asked.request.rate_uu_per_h
        elif isinstance(asked, events.ProposeTemp):
            duration_us, rate, percent = asked.duration_us, asked.rate_uu_per_h, asked.percent
        else:
            raise BrokenError("TMP-04", "a temp basal without a request", effect, event)
        same = (effect.until_us - effect.at_us, effect.rate_uu_per_h, effect.percent) == (duration_us, rate, percent)
        self.must("TMP-01", same, "the temp basal differs from the request", effect, asked)
        if percent is not None:
            self.programme.temp = PercentTemp(effect.at_us, duration_us, percent)
        else:
            self.programme.temp = AbsoluteTemp(effect.at_us, duration_us, rate or 0)
        if isinstance(event, events.ProposeTemp):
            adds = self.programme.rate() > self.programme.profile_rate()
            self.must("TMP-04", not adds, effect)
        now = self.programme.rate()
        self.must("LIM-09", now <= (self.limits.max_temp_basal_uu_per_h or 0), effect, now)

    def _begun(self, effect: said.BolusProgrammed, event: Event) -> None:
        bolus = effect.bolus
        if isinstance(event, events.Resume):
            bound = self.programme.missed + self.step_uu * US_PER_HOUR
            allowed = self.policy.makes_up_us and not self.began_low and bolus.programmed_uu * US_PER_HOUR <= bound
            self.must("SUS-05", allowed, effect, self.programme.missed)
        else:
            self.must("BOL-01", isinstance(event, (events.Confirm, events.ControllerAsks)), effect, event)
            self.must("LIM-02", bolus.programmed_uu <= (self.limits.max_bolus_uu or 0), effect)
            to_come_uu = sum(train.steps - train.done for train in self.trains.values()) * self.step_uu
            on_board_uu = self._fresh_uu() + to_come_uu + bolus.programmed_uu
            self.must("LIM-03", on_board_uu <= (self.limits.max_iob_uu or 0), effect, on_board_uu)
        self.must("BOL-03", bolus.id not in self.boluses, effect)
        self.boluses[bolus.id] = bolus.programmed_uu
        start_us = effect.at_us + self.device.bolus_start_delay_us
        if bolus.extended_uu:
            steps = bolus.extended_uu // self.step_uu
            self.trains[bolus.id, "extended"] = BookedTrain(start_us, bolus.extended_us, steps)
        if bolus.fast_uu:
            duration_us = self.device.bolus_duration_us(bolus.fast_uu, mode=bolus.speed)
            self.trains[bolus.id, "bolus"] = BookedTrain(start_us, duration_us, bolus.fast_uu // self.step_uu)

    def _ended(self, effect: said.BolusDelivered) -> None:
        bolus = effect.bolus
        delivered_uu = self.steps_of[bolus.id] * self.step_uu
        self.must("BOL-07", bolus.delivered_uu == delivered_uu, effect, delivered_uu)
        programmed_uu = self.boluses.get(bolus.id)
        whole = bolus.delivered_uu + bolus.not_delivered_uu == bolus.programmed_uu == programmed_uu
        self.must("DEL-06", whole, effect, programmed_uu)
        self.must("BOL-07", bolus.id not in self.recorded, effect, "is recorded twice")
        self.recorded.add(bolus.id)
        self._close(bolus.id)
