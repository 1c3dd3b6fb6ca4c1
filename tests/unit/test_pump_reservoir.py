"""The reservoir and its change on a pump: what is left, low, empty, removed; every step of the change."""

# mypy takes what a step may change to stay as it was last seen.
# mypy: disable-error-code="comparison-overlap,unreachable"

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest
from pumps import DAY, MIN, SEC, Bench, H, U, is_refused, only, plan_of, those

from pumpcore.alarms import Kind, Priority
from pumpcore.devices import load
from pumpcore.pump import events
from pumpcore.pump.effects import FirePulse, PrimePulse, ReservoirChanged, StepsMissed
from pumpcore.pump.modes import State

if TYPE_CHECKING:
    from pumpcore.pump.events import Event

CHANGE: Final[tuple[Event, ...]] = (
    events.BeginChange(0, set_off_body=True),
    events.Rewound(0),
    events.ReservoirMeasured(0, 100 * U),
    events.Loaded(0),
    events.Prime(0, 8 * U),
    events.Primed(0),
    events.Prime(0, 300_000),
    events.Filled(0),
    events.Connected(0),
    events.Start(0),
)


@pytest.mark.req("RES-05", "STA-01", "STA-03")
def test_a_pump_begins_in_standby_and_starts_after_every_step_of_the_change() -> None:
    bench = Bench()
    assert (bench.status.state, bench.status.reservoir_uu) == (State.STANDBY, None)
    states = []
    for step in CHANGE:
        assert step == CHANGE[-1] or is_refused(bench.pump, events.Start(0))
        bench.do(step)
        states.append(bench.status.state)
    assert states == [
        State.REWIND,
        State.LOAD,
        State.LOAD,
        State.PRIME,
        State.PRIME,
        State.FILL,
        State.FILL,
        State.CONNECT,
        State.STANDBY,
        State.RUNNING,
    ]
    assert bench.status.reservoir_uu == 91_700_000


@pytest.mark.req("RES-05", "MOD-01")
@pytest.mark.parametrize("left_out", range(len(CHANGE) - 1))
def test_no_step_of_the_change_can_be_left_out(left_out: int) -> None:
    bench = Bench()
    optional = 6  # a cannula that needs no filling
    for index, step in enumerate(CHANGE):
        if index != left_out and is_refused(bench.pump, step):
            break
    assert (bench.status.state is State.RUNNING) is (left_out == optional)


@pytest.mark.req("RES-06")
def test_a_change_does_not_begin_with_the_set_on_the_body() -> None:
    assert is_refused(Bench().pump, events.BeginChange(0, set_off_body=False))
    bench = Bench().start()
    bench.do(events.Suspend(0))
    assert is_refused(bench.pump, events.BeginChange(0, set_off_body=False))
    bench.do(events.BeginChange(0, set_off_body=True))


@pytest.mark.req("RES-07", "DEL-12")
def test_priming_is_possible_in_its_two_steps_only() -> None:
    bench = Bench()
    possible = []
    for step in CHANGE:
        if not is_refused(bench.pump, events.Prime(0, 25_000)):
            possible.append(bench.status.state)
        bench.do(step)
    assert set(possible) == {State.PRIME, State.FILL}
    assert is_refused(bench.pump, events.Prime(0, 25_000))
    assert is_refused(bench.pump, events.BeginChange(0, set_off_body=True))
    bench.do(events.Suspend(0))
    assert is_refused(bench.pump, events.Prime(0, 25_000))


@pytest.mark.req("DEL-13", "RES-01")
def test_priming_insulin_is_not_therapy_insulin() -> None:
    bench = Bench().start()
    pulses = those(PrimePulse, bench.effects)
    assert [(pulse.amount_uu, pulse.steps) for pulse in pulses] == [(8 * U, 320), (300_000, 12)]
    assert bench.status.reservoir_uu == 150 * U - 8_300_000
    assert bench.status.on_board.counted_uu == 0
    assert bench.status.window_steps == (0, 0)
    bench.do(events.Suspend(0))
    bench.to(2 * H)
    bench.change(2 * H)
    assert bench.alarm(Kind.NO_DELIVERY_HIGH) is not None
    assert bench.status.without_insulin_us == 2 * H


@pytest.mark.req("LIM-01", "DEL-15")
@pytest.mark.parametrize("amount_uu", [0, -25_000, 12_500, 30_025_000])
def test_an_amount_that_cannot_be_primed_is_refused(amount_uu: int) -> None:
    bench = Bench()
    for step in CHANGE[:4]:
        bench.do(step)
    assert is_refused(bench.pump, events.Prime(0, amount_uu))


@pytest.mark.req("RES-01", "BOL-06")
def test_no_more_is_primed_than_there_is() -> None:
    bench = Bench()
    for step in (*CHANGE[:2], events.ReservoirMeasured(0, 5 * U), events.Loaded(0)):
        bench.do(step)
    assert is_refused(bench.pump, events.Prime(0, 5_025_000))
    bench.do(events.Prime(0, 5 * U))
    assert bench.status.reservoir_uu == 0


@pytest.mark.req("RES-05")
@pytest.mark.parametrize("steps", range(1, 9))
def test_a_change_that_is_left_at_any_step_leaves_a_pump_that_does_not_start(steps: int) -> None:
    bench = Bench().start()
    bench.do(events.Suspend(0))
    for step in CHANGE[:steps]:
        bench.do(step)
    bench.do(events.AbortChange(0))
    assert bench.status.state is State.STANDBY
    assert is_refused(bench.pump, events.Start(0))
    bench.start(0)
    assert bench.status.state is State.RUNNING


@pytest.mark.req("RES-05")
def test_an_empty_reservoir_is_not_loaded() -> None:
    bench = Bench()
    for step in (*CHANGE[:2], events.ReservoirMeasured(0, 24_999)):
        bench.do(step)
    assert is_refused(bench.pump, events.Loaded(0))
    bench.do(events.ReservoirRemoved(0))
    assert is_refused(bench.pump, events.Loaded(0))


@pytest.mark.req("RES-04", "ALM-06", "DEL-18")
def test_a_reservoir_that_is_removed_while_running_stops_at_once() -> None:
    bench = Bench().start()
    bench.bolus(0, fast_uu=2 * U)
    bench.to(10 * SEC)
    effects = bench.do(events.ReservoirRemoved(10 * SEC))
    assert only(ReservoirChanged, effects).amount_uu is None
    assert (bench.status.state, bench.status.reservoir_uu) == (State.ALARM, None)
    assert bench.alarm(Kind.RESERVOIR_ISSUE) is not None
    bench.to(H)
    assert bench.pulses(since_us=10 * SEC) == []


@pytest.mark.req("RES-04", "RES-05", "MOD-03")
def test_a_reservoir_that_comes_back_needs_a_change_before_running() -> None:
    bench = Bench().start()
    bench.do(events.ReservoirRemoved(0))
    bench.do(events.ReservoirMeasured(0, 100 * U))
    bench.confirm_all(0)
    assert bench.status.state is State.SUSPENDED
    assert is_refused(bench.pump, events.Resume(0))
    bench.start(0)
    assert bench.status.state is State.RUNNING


@pytest.mark.req("RES-04")
def test_taking_the_reservoir_out_for_a_change_is_no_fault() -> None:
    bench = Bench().start()
    bench.do(events.Suspend(0))
    for step in (events.BeginChange(0, set_off_body=True), events.ReservoirRemoved(0), events.Rewound(0)):
        bench.do(step)
    bench.do(events.ReservoirRemoved(0))
    assert bench.status.state is State.LOAD
    assert bench.status.annunciations == ()


@pytest.mark.req("RES-04", "MOD-07")
@pytest.mark.parametrize("steps", [4, 6, 8])
def test_a_reservoir_that_is_removed_later_in_the_change_is_one(steps: int) -> None:
    bench = Bench()
    for step in CHANGE[:steps]:
        bench.do(step)
    bench.do(events.ReservoirRemoved(0))
    assert bench.status.state is State.ALARM


@pytest.mark.req("RES-02")
def test_low_is_told_at_each_mark() -> None:
    bench = Bench(plan=plan_of((0, 2 * U))).start(reservoir_uu=30_300_000)
    assert bench.status.reservoir_uu == 22 * U
    bench.to(H - 1)
    assert bench.alarm(Kind.RESERVOIR_LOW) is None
    told = []
    for hours in range(1, 11):
        bench.to(hours * H)
        low = bench.alarm(Kind.RESERVOIR_LOW)
        assert low is not None
        told.append(low.detail)
        bench.confirm_all(hours * H)
    assert told == ["20 U"] * 5 + ["10 U"] * 3 + ["5 U"] * 2


@pytest.mark.req("RES-02")
def test_low_is_told_by_the_time_that_is_left() -> None:
    bench = Bench(plan=plan_of((0, 5 * U))).start(reservoir_uu=53_300_000)
    bench.to(H - 1)
    assert bench.alarm(Kind.RESERVOIR_LOW) is None
    bench.to(H)  # 40 U last 8 h
    assert bench.alarm(Kind.RESERVOIR_LOW) is not None


@pytest.mark.req("RES-03", "RES-01", "ALM-06", "DEL-06")
def test_an_empty_reservoir_stops_and_alarms() -> None:
    bench = Bench().start(reservoir_uu=9_300_000)
    bench.to(H)
    assert bench.status.reservoir_uu == 0
    assert bench.status.state is State.ALARM
    told = bench.alarm(Kind.RESERVOIR_EMPTY)
    assert told is not None
    assert told.priority is Priority.HIGH
    assert bench.insulin() == U
    bench.to(2 * H)
    assert bench.insulin() == U
    bench.confirm_all(2 * H)
    assert bench.status.state is State.ALARM
    bench.start(2 * H)
    assert bench.alarm(Kind.RESERVOIR_EMPTY) is None or bench.status.state is State.RUNNING


@pytest.mark.req("RES-03")
@pytest.mark.parametrize("device", ["roche-combo", "tandem-tslim-x2", "omnipod", "animas-vibe"])
def test_a_reservoir_that_cannot_fill_the_next_pulse_stops_and_alarms(device: str) -> None:
    bench = Bench(device=load(device), plan=plan_of((0, 10 * U))).start(reservoir_uu=9_410_000 // 50_000 * 50_000)
    bench.to(H)
    assert bench.status.state is State.ALARM
    assert bench.alarm(Kind.RESERVOIR_EMPTY) is not None
    left_uu = bench.status.reservoir_uu
    assert left_uu is not None
    step_uu = bench.pump.config.device.step_uu
    assert 0 <= left_uu < step_uu
    assert {each.cause for each in those(StepsMissed, bench.effects)} <= {"empty"}
    missed_uu = sum(each.amount_uu for each in those(StepsMissed, bench.effects))
    due_uu = bench.pulses()[-1].at_us * 10 * U // H
    assert missed_uu + bench.insulin() == due_uu - due_uu % step_uu


@pytest.mark.req("RES-01")
def test_what_is_left_is_never_negative_and_falls_with_each_command() -> None:
    bench = Bench(plan=plan_of((0, 3 * U))).start(reservoir_uu=10_300_000)
    left_uu = 2 * U
    while bench.status.state is State.RUNNING:
        deadline_us = bench.pump.next_deadline_us()
        assert deadline_us is not None
        fired = those(FirePulse, bench.do(events.Tick(deadline_us)))
        left_uu -= sum(pulse.amount_uu for pulse in fired)
        assert bench.status.reservoir_uu == left_uu >= 0
    assert left_uu == 0


@pytest.mark.req("RES-01", "LIM-01", "DEL-15")
@pytest.mark.parametrize("amount_uu", [-1, 176_000_001, 10**18])
def test_a_measurement_of_what_cannot_be_there_is_refused(amount_uu: int) -> None:
    assert is_refused(Bench().start().pump, events.ReservoirMeasured(0, amount_uu))


@pytest.mark.req("RES-08")
def test_the_age_of_set_and_reservoir_is_shown_and_told_every_third_day() -> None:
    bench = Bench(plan=plan_of((0, 50_000)))
    assert (bench.status.set_age_us, bench.status.reservoir_age_us) == (None, None)
    bench.start()
    bench.to(3 * DAY - 1)
    assert (bench.status.set_age_us, bench.status.reservoir_age_us) == (3 * DAY - 1, 3 * DAY - 1)
    assert bench.alarm(Kind.SET_AGE) is bench.alarm(Kind.RESERVOIR_AGE) is None
    bench.to(3 * DAY)
    assert bench.alarm(Kind.SET_AGE) is not None
    assert bench.alarm(Kind.RESERVOIR_AGE) is not None
    bench.do(events.Suspend(3 * DAY))
    bench.start(3 * DAY)
    bench.confirm_all(3 * DAY)
    assert bench.alarm(Kind.SET_AGE) is bench.alarm(Kind.RESERVOIR_AGE) is None
    assert bench.status.set_age_us == 0


@pytest.mark.req("RES-03", "ALM-03")
def test_a_measurement_does_not_hide_what_the_person_has_not_confirmed() -> None:
    bench = Bench().start()
    bench.do(events.ReservoirRemoved(MIN))
    bench.do(events.ReservoirMeasured(2 * MIN, 100 * U))
    assert bench.status.state is State.ALARM
    bench.confirm_all(2 * MIN)
    assert bench.status.state is State.SUSPENDED
