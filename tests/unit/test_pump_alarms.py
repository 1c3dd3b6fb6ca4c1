"""Alarms on a pump: what stops, what must be confirmed, the no-delivery watch, auto-off, battery."""

# mypy takes what a step may change to stay as it was last seen.
# mypy: disable-error-code="comparison-overlap,unreachable"

from __future__ import annotations

from typing import Final

import pytest
from pumps import MIN, SEC, Bench, H, U, is_refused, plan_of, those

from pumpcore.alarms import ANNUNCIATIONS, AlarmSettings, AnnunciationChanged, Kind, Priority, Sound, Watch, What
from pumpcore.pump import events
from pumpcore.pump.modes import State, TherapyControl

# What a part of the pump can report and what must stop delivery; the pump finds the other causes itself.
FAULTS: Final = (
    Kind.SYSTEM_ISSUE,
    Kind.MECHANICAL_ISSUE,
    Kind.OCCLUSION_DETECTED,
    Kind.INFUSION_SET_INCOMPLETE,
    Kind.INFUSION_SET_DETACHED,
    Kind.POWER_SOURCE_INSUFFICIENT,
    Kind.TEMPERATURE_OUT_OF_RANGE,
    Kind.AIR_PRESSURE_OUT_OF_RANGE,
    Kind.RECORD_DAMAGED,
)
FOUND_BY_THE_PUMP: Final = (Kind.RESERVOIR_ISSUE, Kind.RESERVOIR_EMPTY, Kind.BATTERY_EMPTY, Kind.AUTO_OFF)


def high(bench: Bench) -> bool:
    return any(each.priority is Priority.HIGH for each in bench.status.annunciations)


@pytest.mark.req("ALM-06", "MOD-07", "DEL-18")
@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_stops_delivery_and_puts_the_pump_into_alarm(kind: Kind) -> None:
    bench = Bench().start()
    bench.bolus(0, fast_uu=2 * U)
    bench.to(10 * SEC)
    effects = bench.do(events.FaultDetected(10 * SEC, kind))
    assert [each.priority for each in those(Sound, effects)] == [Priority.HIGH]
    assert (bench.status.state, bench.status.rate_uu_per_h, bench.status.boluses) == (State.ALARM, 0, ())
    assert bench.status.therapy_control is TherapyControl.STOP
    bench.to(5 * H)
    assert bench.pulses(since_us=10 * SEC) == []


@pytest.mark.req("MOD-04", "MOD-03", "ALM-03", "ALM-09")
@pytest.mark.parametrize("confirmed_first", [True, False])
def test_out_of_alarm_leads_only_cause_gone_and_confirmed_and_then_a_resume(*, confirmed_first: bool) -> None:
    bench = Bench().start()
    bench.do(events.FaultDetected(MIN, Kind.OCCLUSION_DETECTED))
    told = bench.alarm(Kind.OCCLUSION_DETECTED)
    assert told is not None
    steps: list[events.Event] = [
        events.ConfirmAlarm(2 * MIN, told.id),
        events.FaultGone(2 * MIN, Kind.OCCLUSION_DETECTED),
    ]
    for step in steps if confirmed_first else steps[::-1]:
        assert bench.status.state is State.ALARM
        assert is_refused(bench.pump, events.Resume(2 * MIN))
        assert is_refused(bench.pump, events.Start(2 * MIN))
        bench.do(step)
    assert bench.status.state is State.SUSPENDED
    bench.to(H)
    assert bench.status.state is State.SUSPENDED
    bench.do(events.Resume(H))
    assert bench.status.state is State.RUNNING


@pytest.mark.req("ALM-04", "MOD-04")
def test_of_two_faults_both_must_be_resolved() -> None:
    bench = Bench().start()
    bench.do(events.FaultDetected(0, Kind.OCCLUSION_DETECTED))
    bench.do(events.FaultDetected(0, Kind.MECHANICAL_ISSUE))
    bench.confirm_all(0)
    bench.do(events.FaultGone(0, Kind.OCCLUSION_DETECTED))
    assert bench.status.state is State.ALARM
    bench.do(events.FaultGone(0, Kind.MECHANICAL_ISSUE))
    assert bench.status.state is State.SUSPENDED


@pytest.mark.req("ALM-05", "ALM-02", "ALM-07", "TIM-06")
def test_what_nobody_answers_escalates_and_what_is_confirmed_but_not_resolved_is_told_again() -> None:
    bench = Bench().start()
    bench.do(events.FaultDetected(0, Kind.OCCLUSION_DETECTED))
    bench.to(10 * MIN)
    sounds = those(Sound, bench.effects)
    assert [sound.at_us // MIN for sound in sounds] == [0, 2, 4, 6, 8, 10]
    assert [sound.siren for sound in sounds] == [False] * 5 + [True]
    bench.confirm_all(10 * MIN)
    bench.to(40 * MIN - 1)
    assert Priority.HIGH not in {sound.priority for sound in those(Sound, bench.effects)[6:]}
    bench.to(40 * MIN)
    assert those(Sound, bench.effects)[-1].priority is Priority.HIGH


@pytest.mark.req("ALM-02")
def test_a_snooze_and_an_audio_pause_are_bounded_and_end_by_themselves() -> None:
    bench = Bench().start()
    bench.do(events.FaultDetected(0, Kind.OCCLUSION_DETECTED))
    told = bench.alarm(Kind.OCCLUSION_DETECTED)
    assert told is not None
    assert is_refused(bench.pump, events.SnoozeAlarm(0, told.id, 10 * MIN + 1))
    assert is_refused(bench.pump, events.SnoozeAlarm(0, told.id + 1, MIN))
    assert is_refused(bench.pump, events.PauseAudio(0, 2 * MIN + 1))
    bench.do(events.SnoozeAlarm(0, told.id, 10 * MIN))
    bench.to(10 * MIN)
    assert [sound.at_us for sound in those(Sound, bench.effects)] == [0, 10 * MIN]
    bench.do(events.PauseAudio(10 * MIN, 2 * MIN))
    bench.to(20 * MIN)
    assert [sound.at_us // MIN for sound in those(Sound, bench.effects)][2:5] == [12, 14, 16]


@pytest.mark.req("ALM-09", "MOD-07")
def test_every_kind_that_stops_is_reported_or_found_by_the_pump() -> None:
    assert {kind for kind, row in ANNUNCIATIONS.items() if row.stops_delivery} == {*FAULTS, *FOUND_BY_THE_PUMP}


@pytest.mark.req("ALM-09")
@pytest.mark.parametrize("kind", FOUND_BY_THE_PUMP)
def test_what_the_pump_finds_itself_is_not_taken_from_outside(kind: Kind) -> None:
    """It would take the cause away in the same step, and a confirmation would clear it."""
    bench = Bench().start()
    assert is_refused(bench.pump, events.FaultDetected(0, kind))
    assert is_refused(bench.pump, events.FaultGone(0, kind))


@pytest.mark.req("ALM-09", "ALM-03")
@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_keeps_its_cause_until_the_part_that_reported_it_says_it_is_gone(kind: Kind) -> None:
    bench = Bench().start()
    bench.do(events.FaultDetected(0, kind))
    bench.confirm_all(0)
    bench.to(H)
    bench.confirm_all(H)
    assert bench.status.state is State.ALARM
    bench.do(events.FaultGone(H, kind))
    assert bench.status.state is State.SUSPENDED


# The no-delivery watch ------------------------------------------------------------------------------------------------

WAYS: Final[dict[str, list[events.Event]]] = {
    "suspend": [events.Suspend(0)],
    "fault": [events.FaultDetected(0, Kind.OCCLUSION_DETECTED)],
    "disconnect": [events.Disconnect(0, 2 * H)],
    "temp basal of nothing": [events.ProposeTemp(0, 24 * H, percent=0)],
    "change": [events.Suspend(0), events.BeginChange(0, set_off_body=True)],
    "change left": [events.Suspend(0), events.BeginChange(0, set_off_body=True), events.AbortChange(0)],
    "reservoir removed": [events.ReservoirRemoved(0)],
    "battery": [events.BatteryMeasured(0, 0)],
}


@pytest.mark.req("WCH-01", "WCH-02", "WCH-03", "TIM-06")
@pytest.mark.parametrize("way", WAYS)
def test_no_time_without_insulin_goes_unsaid_whatever_the_cause(way: str) -> None:
    bench = Bench().start()
    for event in WAYS[way]:
        bench.do(event)
    stages: dict[Kind, int] = {}
    for minutes in range(0, 245, 5):
        bench.to(minutes * MIN)
        if bench.status.annunciations:
            bench.confirm_all(minutes * MIN)  # confirming does not hide it
        active = {each.kind for each in bench.status.annunciations}
        for kind in (Kind.NO_DELIVERY_MEDIUM, Kind.NO_DELIVERY_HIGH, Kind.NO_DELIVERY_DANGER):
            if kind in active:
                stages.setdefault(kind, minutes)
        if minutes >= 120:
            assert active & {Kind.NO_DELIVERY_HIGH, Kind.NO_DELIVERY_DANGER}
    assert stages == {Kind.NO_DELIVERY_MEDIUM: 60, Kind.NO_DELIVERY_HIGH: 120, Kind.NO_DELIVERY_DANGER: 210}


@pytest.mark.req("WCH-03")
def test_the_thresholds_are_the_persons() -> None:
    settings = AlarmSettings(watch=Watch(medium_us=30 * MIN, high_us=H, danger_us=2 * H))
    bench = Bench(alarms=settings).start()
    bench.do(events.Suspend(0))
    bench.to(H - 1)
    assert not high(bench)
    bench.to(H)
    assert high(bench)


@pytest.mark.req("WCH-02")
def test_before_the_first_start_there_is_nothing_to_watch_and_afterwards_it_never_ends() -> None:
    bench = Bench().change()
    bench.to(10 * H)
    assert bench.status.annunciations == ()
    bench.do(events.Start(10 * H))
    bench.do(events.Suspend(10 * H))
    bench.do(events.BeginChange(10 * H, set_off_body=True))
    bench.do(events.AbortChange(10 * H))
    bench.to(12 * H)
    assert bench.alarm(Kind.NO_DELIVERY_HIGH) is not None


@pytest.mark.req("WCH-02", "ALM-03")
def test_insulin_that_comes_again_ends_the_cause_and_the_person_the_alarm() -> None:
    bench = Bench().start()
    bench.do(events.Suspend(0))
    bench.to(2 * H)
    bench.do(events.Resume(2 * H))
    assert bench.alarm(Kind.NO_DELIVERY_HIGH) is not None
    bench.to(2 * H + 2 * MIN)
    bench.confirm_all(2 * H + 2 * MIN)
    assert bench.alarm(Kind.NO_DELIVERY_HIGH) is None


@pytest.mark.req("WCH-04")
@pytest.mark.parametrize("rate_uu_per_h", [25_000, 50_000, 1_000_000])
def test_a_legal_rate_raises_no_high_alarm(rate_uu_per_h: int) -> None:
    bench = Bench(plan=plan_of((0, rate_uu_per_h))).start()
    bench.to(12 * H)
    raised = [each for each in those(AnnunciationChanged, bench.effects) if each.what is What.RAISED]
    assert Priority.HIGH not in {each.annunciation.priority for each in raised}


@pytest.mark.req("WCH-04")
def test_the_lowest_rate_of_the_device_raises_no_alarm_at_all() -> None:
    bench = Bench(plan=plan_of((0, 25_000))).start()
    bench.to(12 * H)
    assert those(AnnunciationChanged, bench.effects) == []


# Auto-off -------------------------------------------------------------------------------------------------------------


@pytest.mark.req("ALM-08")
def test_a_person_who_touches_nothing_is_taken_as_unable_to() -> None:
    bench = Bench(alarms=AlarmSettings(auto_off_us=2 * H)).start()
    bench.to(H)
    bench.do(events.PauseAudio(H, SEC))  # a sign of life
    bench.to(3 * H - 1)
    assert bench.status.state is State.RUNNING
    bench.to(3 * H)
    assert bench.status.state is State.ALARM
    told = bench.alarm(Kind.AUTO_OFF)
    assert told is not None
    assert told.priority is Priority.HIGH
    bench.do(events.ConfirmAlarm(3 * H, told.id))
    assert bench.status.state is State.SUSPENDED
    bench.do(events.Resume(3 * H))
    bench.to(5 * H - 1)
    assert bench.status.state is State.RUNNING


@pytest.mark.req("ALM-08")
def test_what_happens_by_itself_is_no_sign_of_life() -> None:
    bench = Bench(alarms=AlarmSettings(auto_off_us=2 * H)).start()
    for minutes in range(10, 120, 10):
        bench.to(minutes * MIN)
        bench.do(events.BatteryMeasured(minutes * MIN, 80))
    bench.to(2 * H)
    assert bench.status.state is State.ALARM


@pytest.mark.req("ALM-08", "STA-02")
def test_auto_off_is_off_until_it_is_chosen() -> None:
    bench = Bench(plan=plan_of((0, 50_000))).start()
    bench.to(60 * H)
    assert bench.status.state is State.RUNNING


# Battery --------------------------------------------------------------------------------------------------------------


@pytest.mark.req("PWR-02", "ALM-06", "MOD-07")
def test_a_depleted_battery_is_a_safe_stop() -> None:
    bench = Bench().start()
    bench.do(events.BatteryMeasured(0, 26))
    assert bench.status.annunciations == ()
    assert bench.status.battery_percent == 26
    bench.do(events.BatteryMeasured(0, 25))
    assert bench.alarm(Kind.BATTERY_LOW) is not None
    assert bench.status.state is State.RUNNING
    bench.do(events.BatteryMeasured(0, 2))
    assert bench.status.state is State.ALARM
    bench.confirm_all(0)
    assert bench.status.state is State.ALARM
    bench.do(events.BatteryMeasured(0, 100))
    assert bench.status.state is State.SUSPENDED
    bench.confirm_all(0)
    assert bench.alarm(Kind.BATTERY_LOW) is None


@pytest.mark.req("MOD-07", "ALM-06", "STA-01")
def test_a_stopping_alarm_puts_a_suspended_pump_into_alarm_too() -> None:
    bench = Bench().start()
    bench.do(events.Suspend(0))
    bench.do(events.BatteryMeasured(0, 0))
    assert bench.status.state is State.ALARM


@pytest.mark.req("ALM-10")
def test_a_glucose_check_is_asked_for_after_a_bolus_when_it_is_set() -> None:
    bench = Bench(alarms=AlarmSettings(glucose_check_us=2 * H)).start()
    bench.bolus(0, fast_uu=U)
    bench.to(2 * H - 1)
    assert bench.alarm(Kind.GLUCOSE_CHECK) is None
    bench.to(2 * H)
    assert bench.alarm(Kind.GLUCOSE_CHECK) is not None


@pytest.mark.req("ALM-10", "TIM-06")
def test_a_missed_meal_is_asked_for_when_its_window_is_set() -> None:
    fed, hungry = (Bench(meals=((12 * H, 13 * H),)).start() for _ in range(2))
    fed.to(12 * H + 1)
    fed.bolus(12 * H + 1, fast_uu=U)
    for bench in (fed, hungry):
        bench.to(13 * H - 1)
        assert bench.alarm(Kind.MISSED_MEAL) is None
        bench.to(13 * H)
    assert fed.alarm(Kind.MISSED_MEAL) is None
    assert hungry.alarm(Kind.MISSED_MEAL) is not None


@pytest.mark.req("BOL-02", "ALM-10")
def test_a_bolus_that_was_asked_for_and_not_confirmed_is_told() -> None:
    bench = Bench().start()
    bench.propose(events.ProposeBolus(0, fast_uu=U))
    bench.to(6 * MIN)
    assert bench.alarm(Kind.BOLUS_NOT_CONFIRMED) is not None
