"""Changes of mode: what stops, why, and what it ends.

The rule of this file: the suspend policy decides what survives; a low-glucose suspend begins and ends by its preset.
"""

from __future__ import annotations

from typing import Final

from pumpcore.pump import effects as said
from pumpcore.pump import events
from pumpcore.pump.events import SuspendCause
from pumpcore.testing.errors import ContractError
from pumpcore.testing.model.alarms import AlarmModel
from pumpcore.testing.model.modes import leads_to
from pumpcore.units import US_PER_HOUR as H

PAUSE_US: Final = 15 * 60_000_000
CANCELS_TEMP: Final = {"roche_stop", "tandem", "omnipod"}

HOLDS_BOLUSES: Final = frozenset({"roche_pause"})
"""Policies under which boluses go on after a short suspend, and what it has missed is made up."""
LOW_CAUSES: Final = {SuspendCause.LOW_GLUCOSE, SuspendCause.PREDICTED_LOW_GLUCOSE}


class StopModel(AlarmModel):
    """In which mode the pump is, and why."""

    def moved(self, change: said.ModeChanged, event: events.Event) -> None:
        """Follow a change of mode that the pump has told of, if the rules allow it."""
        if change.trigger in {"clear", "fault"}:
            self.settle_alarms()
        before, after = change.before.value, change.after.value
        if before != self.state or leads_to(before, change.trigger, self.facts()) != after:
            raise ContractError("MOD-01", change, self.state, self.facts())
        if change.trigger == "fault" and not self.causes:
            raise ContractError("MOD-07", change, event)
        if after == "running":
            self.may_run(change, event)
        self.changed += 1
        if self.low is not None:
            self.low.ends(change.at_us, by_hand=isinstance(event, events.Resume), by_itself=after == "running")
        if before == "running":
            self.stopped(after, event)
        elif after == "running":
            in_time = self.paused and self.now_us - self.suspended_us <= PAUSE_US
            for train in self.trains:
                train.held, train.start_us = False, self.now_us + self.device.bolus_start_delay_us
            if not in_time:
                self.drop()
            self.paused = False
        else:
            self.drop()
            self.paused = False
        self.follow_cause(after)
        self.state = after

    def may_run(self, change: said.ModeChanged, event: events.Event) -> None:
        """Let delivery begin where a person wants it, or where a low-glucose suspend ends by itself."""
        if change.trigger == "start" and not isinstance(event, events.Start):
            raise ContractError("MOD-03", change, event)
        if change.trigger == "resume" and not isinstance(event, events.Resume):
            if self.low is None or self.cause not in LOW_CAUSES:
                raise ContractError("SUS-02", change, event)
            if self.low.may_end(change.at_us) is False and not self.could_end:
                raise ContractError("GLU-02", "the low-glucose suspend ended too early", change, self.low)

    def stopped(self, after: str, event: events.Event) -> None:
        """Follow delivery that stops: why, what is held, and what the policy ends."""
        self.suspended_us = self.now_us
        self.missed_fine %= self.device.step_uu * H  # the part of a step is carried
        self.paused = after == "suspended"
        self.began_low = self.paused and isinstance(event, events.GlucoseMeasured)
        if self.policy in HOLDS_BOLUSES and self.paused:
            self.hold()
        else:
            self.drop()
        if not self.paused:
            return
        match event:
            case events.Suspend(_, cause):
                self.cause = cause
            case events.Disconnect(_, duration_us):
                self.cause = SuspendCause.DISCONNECT
                self.reminders.disconnected_until_us = self.now_us + duration_us
            case events.ChangeSettings():
                self.cause = SuspendCause.PERSON
            case events.GlucoseMeasured(_, _, by_meter):
                if self.low is None or by_meter:
                    raise ContractError("STA-02", event)
                if self.low.may_begin(self.now_us) is False:
                    raise ContractError("GLU-03 GLU-04", event, self.low)
                self.low.since_us, self.cause = self.now_us, SuspendCause.LOW_GLUCOSE
            case _:
                raise ContractError("SUS-01", "stopped without a reason", event)

    def follow_cause(self, after: str) -> None:
        """Update why delivery is suspended: only an alarm's cause lasts through its end."""
        if after == "alarm":
            self.cause = SuspendCause.ALARM
        elif after != "suspended":
            self.cause = None
        if self.cause is not SuspendCause.DISCONNECT:
            self.reminders.disconnected_until_us = None

    def overlaid(self, cause: SuspendCause, *, by_itself: bool = False) -> None:
        """Replace the cause of a suspend: a person's cause replaces any other (SUS-02)."""
        self.cause = cause
        self.reminders.disconnected_until_us = None
        if self.low is not None:
            self.low.ends(self.now_us, by_itself=by_itself)

    def same_cause(self, cause: SuspendCause | None) -> bool:
        """Whether the pump knows why it is suspended."""
        taken = self.cause in LOW_CAUSES and cause is SuspendCause.PERSON and not self.was_ready
        # It may end by the trend of glucose, which this model does not know, but must not run.
        if taken and self.low is not None and self.low.may_end(self.now_us) is not False:
            self.overlaid(SuspendCause.PERSON, by_itself=True)
        return cause is self.cause or {cause, self.cause} <= LOW_CAUSES

    def settle_low(self, event: events.Event) -> None:
        """End a low-glucose suspend in time; where it must not go on to run, it is a person's."""
        if self.low is None:
            return
        if self.low.since_us is not None and self.low.may_end(self.now_us) is True:
            if self.was_ready:
                raise ContractError("GLU-02 GLU-04", "the low-glucose suspend lasts too long", self.low, self.now_us)
            self.overlaid(SuspendCause.PERSON, by_itself=True)
        # This very reading may have ended one, by its trend.
        just_ended = bool(self.low.spans) and self.low.spans[-1][1] == self.now_us
        measured = isinstance(event, events.GlucoseMeasured) and not event.by_meter and self.state == "running"
        if measured and self.low.may_begin(self.now_us) and not just_ended:
            raise ContractError("GLU-02", "did not suspend", event, self.low)
