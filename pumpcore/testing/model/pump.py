"""The whole model: an event is followed in one order.

The rule of this file: first what time brings by itself, then what the event says of the world, then what follows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pumpcore.alarms import AnnunciationChanged, Kind, What
from pumpcore.pump import effects as said
from pumpcore.pump import events
from pumpcore.testing.errors import ContractError
from pumpcore.testing.model.alarms import STOPPING
from pumpcore.testing.model.modes import CHANGING, leads_to
from pumpcore.testing.model.requests import RequestModel
from pumpcore.testing.model.state import ModelOrder
from pumpcore.testing.wall_clock import WallClockModel

if TYPE_CHECKING:
    from collections.abc import Iterable


NEWS: Final = said.BolusProgrammed | said.TempStarted | said.TempEnded


class PumpModel(RequestModel):
    """The books of a pump that was made with `config` at 0."""

    def watch(self, event: events.Event, effects: Iterable[object]) -> None:
        """Follow an event that was accepted, with all that the pump answered to it."""
        found = list(effects)
        if self.is_again(event):  # the first answer once more: news, but nothing happens
            found = [each for each in found if self.is_by_time(each) or not isinstance(each, NEWS)]
        changes = [each for each in found if isinstance(each, said.ModeChanged)]
        self.raised_now = {
            each.annunciation.kind
            for each in found
            if isinstance(each, AnnunciationChanged) and each.what is What.RAISED
        }
        self.was_ready = leads_to(self.state, "resume", self.facts()) is not None
        for change in changes:  # what happens by itself on the way to the event
            if change.at_us < event.at_us:
                self.pass_time(change.at_us)
                self.ended_temps(found, change.at_us)
                self.moved(change, event)
        self.pass_time(event.at_us)
        self.unanswered()
        self.caps = self.limits
        self.could_end = self.low is not None and self.low.may_end(self.now_us) is not False
        late_us = event.at_us - self.config.lateness_us
        # First what time brings by itself, then what the event says of the world, then what follows from it.
        by_time = [each for each in found if self.is_by_time(each)]
        for effect in by_time:
            self.effect(effect, event, late=late_us)
        self.before(event)
        for effect in found:
            if effect not in by_time:
                self.effect(effect, event, late=late_us)
        self.after(event)
        self.settle_alarms()
        self.settle_low(event)

    def is_again(self, event: events.Event) -> bool:
        """Whether an event was carried out already and is only answered."""
        if isinstance(event, events.ControllerAsks):
            return event.request.id in self.controller_done
        return isinstance(event, events.Confirm) and event.proposal_id in self.answered

    @staticmethod
    def is_by_time(effect: object) -> bool:
        """Return whether an effect comes from time alone."""
        if isinstance(effect, said.StepsMissed):
            return effect.cause != "failed"
        return isinstance(effect, said.FirePulse) or (
            isinstance(effect, said.TempEnded) and effect.reason is said.EndReason.OVER
        )

    def ended_temps(self, found: list[object], at_us: int) -> None:
        """Forget the temp basal where the pump has told of its end by an instant on the way."""
        if any(isinstance(each, said.TempEnded) and each.at_us <= at_us for each in found):
            self.temp = None

    def before(self, event: events.Event) -> None:  # noqa: C901, PLR0912 - one rule for each event
        """Take over what an event says of the world, or asks for, before its effects are looked at."""
        match event:
            case events.PulseConfirmed(_, seq):
                self.outcome(seq, "confirmed")
            case events.PulseUnknown(_, seq):
                self.outcome(seq, "uncertain")
            case events.PulseFailed(_, seq):
                self.outcome(seq, "failed")
                self.raised(Kind.MECHANICAL_ISSUE)
            case events.ReservoirRemoved():
                self.reservoir_uu, self.primed = None, False
                if self.state not in CHANGING[:2]:
                    self.raised(Kind.RESERVOIR_ISSUE)
            case events.ReservoirMeasured(_, amount_uu):
                self.reservoir_uu = amount_uu
                self.reservoirs += 1
                self.gone(Kind.RESERVOIR_ISSUE)
            case events.FaultDetected(_, kind):
                if kind in STOPPING:
                    self.raised(kind)
            case events.FaultGone(_, kind):
                self.gone(kind)
            case events.BatteryMeasured(_, percent):
                self.battery = percent
            case events.ClockSet(_, anchor, zone):
                self.clock, self.changed = WallClockModel(zone, anchor.shift_us), self.changed + 1
            case events.ChangeSettings(_, settings):
                self.settled(settings)
            case events.GlucoseMeasured(_, reading, by_meter):
                self.readings.add(reading, self.now_us, by_meter=by_meter)
            case events.Suspend(_, cause) if self.state == "suspended":
                self.overlaid(cause)
            case events.BeginChange(_, off):
                self.set_off_body = off
            case events.CancelBolus(_, bolus_id):
                self.drop(bolus_id)
            case events.CancelTemp():
                self.temp = None
            case events.Confirm(_, number) if number not in self.answered:
                request = self.asked[number]
                self.answered.add(number)
                if isinstance(request, events.ProposePlan):
                    self.plan, self.changed = request.plan, self.changed + 1
            case _:
                pass
        if isinstance(event, events.Request):
            self.reminders.person_us = self.now_us

    def effect(self, effect: object, event: events.Event, *, late: int) -> None:  # noqa: C901, PLR0912 - one rule for each
        """Follow one effect."""
        match effect:
            case said.FirePulse():
                self.fired(effect, late)
            case said.PrimePulse():
                if not isinstance(event, events.Prime) or effect.amount_uu != event.amount_uu:
                    raise ContractError("RES-07", effect, event)
                if self.state not in CHANGING[2:4]:
                    raise ContractError("RES-06", effect, self.state)
                self.take(effect.amount_uu)
                self.order(
                    effect.seq, ModelOrder(effect.at_us, 0, effect.steps, therapy=False, reservoir=self.reservoirs)
                )
                self.tubing_primed = True
            case said.StepsMissed():
                if effect.cause != "failed":
                    self.part(effect.bolus_id, effect.channel).missed += effect.steps
                if effect.cause == "late" and event.at_us - self.config.lateness_us < 0:
                    raise ContractError("DEL-07", effect)
            case AnnunciationChanged():
                self.told(effect)
            case said.ModeChanged():
                if effect.at_us == event.at_us:
                    self.moved(effect, event)
            case said.BolusProgrammed():
                self.begun(effect, event)
            case said.BolusDelivered():
                self.ended(effect)
            case said.TempStarted():
                self.temp_begun(effect, event)
            case said.TempEnded():
                self.temp_ended(effect, event)
            case said.Proposed():
                self.proposed(effect, event)
            case said.BolusCalculated():
                self.calculated(effect, event)
            case _:
                pass

    def after(self, event: events.Event) -> None:
        """Take over what follows from the event once all is done: new states of the change, alarms."""
        match event:
            case events.Start() if self.begun_us is None:
                self.begun_us = event.at_us
            case events.ControllerAsks(_, request):
                self.controller_done.add(request.id)
                self.controller_id = max(self.controller_id, request.id)
            case events.BeginChange():
                self.primed = self.tubing_primed = False
            case events.Connected():
                self.primed, self.set_off_body = True, False
            case _:
                pass


def places(model: PumpModel) -> dict[str, Any]:
    """Sum up therapy steps by place, as the ledger must have them."""
    sums = dict.fromkeys(("outstanding", "confirmed", "uncertain", "failed"), 0)
    for order in model.orders.values():
        if order.therapy:
            sums[order.fate] += order.steps
    return sums
