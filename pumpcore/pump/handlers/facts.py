"""What a step does for each fact. A fact is never refused for the mode that the pump is in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pumpcore.alarms import Kind
from pumpcore.bounds import within
from pumpcore.errors import QuantityError
from pumpcore.limits import check
from pumpcore.pump.config import zone_of
from pumpcore.pump.effects import RateCause, ReadingDropped, ReferenceTime, ReservoirChanged
from pumpcore.pump.ledger import Fate
from pumpcore.pump.modes import State
from pumpcore.pump.state import Battery, LocalTime
from pumpcore.pump.step.basal import follow_rate, refresh_profile_rate
from pumpcore.pump.step.delivery import settle
from pumpcore.pump.step.low import follow_glucose
from pumpcore.pump.step.proposals import something_changed
from pumpcore.therapy.glucose import Kept

if TYPE_CHECKING:
    from pumpcore.pump import events
    from pumpcore.pump.step import Step

REPORTED: Final = frozenset(
    {
        Kind.SYSTEM_ISSUE,
        Kind.MECHANICAL_ISSUE,
        Kind.OCCLUSION_DETECTED,
        Kind.PRIMING_ISSUE,
        Kind.INFUSION_SET_INCOMPLETE,
        Kind.INFUSION_SET_DETACHED,
        Kind.POWER_SOURCE_INSUFFICIENT,
        Kind.TEMPERATURE_OUT_OF_RANGE,
        Kind.AIR_PRESSURE_OUT_OF_RANGE,
        Kind.TEMPERATURE,
        Kind.DATE_TIME_ISSUE,
        Kind.RECORD_DAMAGED,
        Kind.BATTERY_MEDIUM,
        Kind.BATTERY_FULL,
    }
)
"""What a part of the pump can report; everything else the pump derives itself."""

_NOT_REPORTED: Final = "cannot be reported: the pump derives it from what it knows"


def tick(event: events.Tick, step: Step) -> None:
    del event, step  # what time does by itself is done already


def pulse_confirmed(event: events.PulseConfirmed, step: Step) -> None:
    settle(step, event.seq, Fate.CONFIRMED)


def pulse_failed(event: events.PulseFailed, step: Step) -> None:
    settle(step, event.seq, Fate.FAILED)


def pulse_unknown(event: events.PulseUnknown, step: Step) -> None:
    settle(step, event.seq, Fate.UNCERTAIN)


def reservoir_removed(event: events.ReservoirRemoved, step: Step) -> None:
    s = step.state
    s.reservoir = s.reservoir._replace(amount_uu=None, primed=False)
    step.say(ReservoirChanged(event.at_us, None))
    if s.state not in {State.REWIND, State.LOAD}:
        step.raise_alarm(Kind.RESERVOIR_ISSUE)


def reservoir_measured(event: events.ReservoirMeasured, step: Step) -> None:
    s = step.state
    amount_uu = within(event.amount_uu, 0, step.device.reservoir_uu, name="amount_uu", unit="uu")
    s.reservoir = s.reservoir._replace(amount_uu=amount_uu, measured_seq=s.ledger.next_seq)
    step.clear_cause(Kind.RESERVOIR_ISSUE)
    step.say(ReservoirChanged(event.at_us, amount_uu))


def fault_detected(event: events.FaultDetected, step: Step) -> None:
    if event.kind not in REPORTED:
        raise QuantityError("kind", event.kind.value, _NOT_REPORTED)
    step.raise_alarm(event.kind)


def fault_gone(event: events.FaultGone, step: Step) -> None:
    if event.kind not in REPORTED:
        raise QuantityError("kind", event.kind.value, _NOT_REPORTED)
    step.clear_cause(event.kind)


def battery_measured(event: events.BatteryMeasured, step: Step) -> None:
    check("battery_percent", event.percent, field="percent")
    if event.us_per_percent is not None:
        check("time_us", event.us_per_percent, field="us_per_percent")
    step.state.battery = Battery(event.percent, event.us_per_percent)


def glucose_measured(event: events.GlucoseMeasured, step: Step) -> None:
    s, reading, by_meter = step.state, event.reading, event.by_meter
    before = s.sensor.meter_24h if by_meter else s.sensor.last_24h
    after, kept = before.with_reading(reading, now_us=event.at_us)
    if kept is not Kept.KEPT:
        gone = before.readings[0] if kept is Kept.FULL else reading
        step.say(ReadingDropped(event.at_us, gone, by_meter, kept))
    taken = s.sensor.taken + (kept in {Kept.KEPT, Kept.FULL})
    if by_meter:
        s.sensor = s.sensor._replace(meter_24h=after, taken=taken)
    else:
        heard_us = max(s.sensor.heard_us or 0, reading.at_us)
        s.sensor = s.sensor._replace(last_24h=after, taken=taken, heard_us=heard_us)
        follow_glucose(step)


def clock_set(event: events.ClockSet, step: Step) -> None:
    s = step.state
    zone_of(event.zone)
    check("wall_clock_us", event.anchor.utc_us(event.at_us), field="anchor")
    before_us = None if s.local.anchor is None else s.local.anchor.shift_us
    s.local = LocalTime(event.anchor, event.zone)
    something_changed(s)
    refresh_profile_rate(s)
    step.say(ReferenceTime(event.at_us, before_us, event.anchor.shift_us, event.zone))
    follow_rate(step, RateCause.CLOCK)
