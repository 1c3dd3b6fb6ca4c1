"""Each kind of annunciation is raised by a pump: from events alone, with what a person or a driver would tell it.

Goal: to find a kind that is in the table and that no pump can ever raise. Method: one short story for each kind, and a
check that the stories are of all kinds there are.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import pytest
from pumps import LIMITS, MIN, Bench, H, U, plan_of

from pumpcore.alarms import AlarmSettings, Kind
from pumpcore.devices import load
from pumpcore.pump import events
from pumpcore.pump.handlers.facts import REPORTED
from pumpcore.therapy.envelope import ControllerBounds, RateRequest
from pumpcore.therapy.glucose import MgDl, Reading
from pumpcore.therapy.low_suspend import LOW_PRESETS, LowSettings

if TYPE_CHECKING:
    from collections.abc import Callable

BOUNDS: Final = ControllerBounds(max_rate_uu_per_h=3 * U, max_bolus_uu=U, max_duration_us=H, max_age_us=10 * MIN)


def told(*made: events.Event) -> Bench:
    """A running pump that is told these events."""
    bench = Bench().start()
    for event in made:
        bench.do(event)
    return bench


def readings(bench: Bench, *values: int) -> Bench:
    """A sensor that sends a value every five minutes."""
    for number, value in enumerate(values):
        at_us = number * 5 * MIN
        bench.to(at_us)
        bench.do(events.GlucoseMeasured(at_us, Reading(at_us, MgDl(value))))
    return bench


def suspended_for(span_us: int) -> Bench:
    bench = told(events.Suspend(0))
    bench.to(span_us)
    return bench


def untouched(settings: AlarmSettings, to_us: int) -> Bench:
    bench = Bench(alarms=settings, device=replace(load("medtronic-523"), auto_off_warning_us=30 * MIN)).start()
    bench.to(to_us)
    return bench


def bolus_then(*made: Callable[[int], events.Event]) -> Bench:
    bench = Bench().start()
    bench.bolus(0, fast_uu=5 * U)
    bench.to(MIN)
    for make in made:
        bench.do(make(MIN))
    return bench


def temp_to(at_us: int) -> Bench:
    bench = told(events.ProposeTemp(0, H, percent=50))
    bench.to(at_us)
    return bench


def capped() -> Bench:
    bench = Bench(plan=plan_of((0, 10 * U)), limits=replace(LIMITS, max_hour_uu=2 * U)).start()
    bench.to(H)
    return bench


def no_meal() -> Bench:
    bench = Bench(meals=((H, 2 * H),)).start()
    bench.to(3 * H)
    return bench


def checked_too_late() -> Bench:
    bench = Bench(alarms=AlarmSettings(glucose_check_us=H)).start()
    bench.bolus(0, fast_uu=U)
    bench.to(H)
    return bench


def forgotten() -> Bench:
    bench = told(events.ProposeBolus(0, U))
    bench.to(10 * MIN)
    return bench


def unanswered() -> Bench:
    bench = Bench().start()
    order = bench.next_pulse()
    bench.do(events.PulseUnknown(bench.now_us, order.seq))
    return bench


def controller_gone() -> Bench:
    bench = Bench(controller=BOUNDS).start()
    bench.do(events.ControllerAsks(0, RateRequest(id=1, at_us=0, rate_uu_per_h=2 * U, duration_us=H)))
    bench.to(2 * H)
    return bench


def many_boluses() -> Bench:
    bench = Bench(device=load("tandem-tslim-x2"), limits=replace(LIMITS, max_bolus_uu=4 * U)).start()
    for number in range(2):
        bench.bolus(number * 10 * MIN, fast_uu=4 * U)
        bench.to((number * 10 + 9) * MIN)
    return bench


def low(preset: str, *values: int) -> Bench:
    return readings(Bench(low_suspend=LowSettings(LOW_PRESETS[preset], MgDl(80))).start(), *values)


def aged() -> Bench:
    bench = Bench().start(reservoir_uu=176 * U)
    bench.to(73 * H)
    return bench


DERIVED: Final[dict[Kind, Callable[[], Bench]]] = {
    Kind.RESERVOIR_ISSUE: lambda: told(events.ReservoirRemoved(0)),
    Kind.RESERVOIR_EMPTY: lambda: told(events.ReservoirMeasured(0, 0)),
    Kind.RESERVOIR_LOW: lambda: told(events.ReservoirMeasured(0, 10 * U)),
    Kind.BATTERY_EMPTY: lambda: told(events.BatteryMeasured(0, 1)),
    Kind.BATTERY_LOW: lambda: told(events.BatteryMeasured(0, 20)),
    Kind.BATTERY_LEAD_TIME: lambda: told(events.BatteryMeasured(0, 30, us_per_percent=10 * MIN)),
    Kind.BOLUS_CANCELED: lambda: bolus_then(events.Suspend),
    Kind.TBR_OVER: lambda: temp_to(H),
    Kind.TBR_CANCELED: lambda: told(events.ProposeTemp(0, H, percent=50), events.CancelTemp(0)),
    Kind.MAX_DELIVERY: capped,
    Kind.NO_DELIVERY_REMINDER: lambda: suspended_for(15 * MIN),
    Kind.NO_DELIVERY_MEDIUM: lambda: suspended_for(H),
    Kind.NO_DELIVERY_HIGH: lambda: suspended_for(2 * H),
    Kind.NO_DELIVERY_DANGER: lambda: suspended_for(3 * H + 30 * MIN),
    Kind.DISCONNECT_OVER: lambda: _after(told(events.Disconnect(0, 10 * MIN)), 10 * MIN),
    Kind.AUTO_OFF_SOON: lambda: untouched(AlarmSettings(auto_off_us=2 * H), 2 * H - 20 * MIN),
    Kind.AUTO_OFF: lambda: untouched(AlarmSettings(auto_off_us=2 * H), 2 * H),
    Kind.STEPS_MISSED: lambda: told(events.Tick(H)),
    Kind.SET_AGE: aged,
    Kind.RESERVOIR_AGE: aged,
    Kind.GLUCOSE_LOW: lambda: low("medtronic-530g", 70),
    Kind.GLUCOSE_LOW_PREDICTED: lambda: low("medtronic-640g", 130, 118, 106, 94),
    Kind.GLUCOSE_UNKNOWN: lambda: _after(low("medtronic-530g", 70), H),
    Kind.GLUCOSE_CHECK: checked_too_late,
    Kind.MISSED_MEAL: no_meal,
    Kind.SENSOR_LINK_LOST: lambda: _after(readings(Bench().start(), 120), H),
    Kind.BOLUS_NOT_CONFIRMED: forgotten,
    Kind.PULSE_UNCERTAIN: unanswered,
    Kind.CONTROLLER_EXPIRED: controller_gone,
    Kind.BOLUS_HOUR: many_boluses,
}


def _after(bench: Bench, at_us: int) -> Bench:
    bench.to(at_us)
    return bench


def test_each_kind_has_a_story() -> None:
    assert DERIVED.keys() | REPORTED == set(Kind)
    assert not DERIVED.keys() & REPORTED


@pytest.mark.req("ALM-01", "PWR-01")
@pytest.mark.parametrize("kind", DERIVED)
def test_a_pump_raises_it(kind: Kind) -> None:
    assert Bench().start().alarm(kind) is None
    assert DERIVED[kind]().alarm(kind) is not None


@pytest.mark.req("ALM-01")
@pytest.mark.parametrize("kind", sorted(REPORTED, key=str))
def test_a_part_of_the_pump_reports_it_and_reports_that_it_is_gone(kind: Kind) -> None:
    bench = told(events.FaultDetected(0, kind))
    found = bench.alarm(kind)
    assert found is not None
    bench.do(events.FaultGone(0, kind))
    bench.do(events.ConfirmAlarm(0, found.id))
    assert bench.alarm(kind) is None
