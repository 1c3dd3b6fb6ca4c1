"""What once went wrong, one test for each: ways through a pump that no single rule shows.

What belongs to one rule stands with that rule in the other files of this name; here is what needed an odd actuator, an
odd clock, or a way of several events.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from pumps import DAY, LIMITS, MIN, MONDAY, SEC, Bench, H, U, config_of, is_refused, only, plan_of, those

from pumpcore.alarms import AlarmSettings, Kind
from pumpcore.devices import load
from pumpcore.errors import QuantityError, RequestError
from pumpcore.pump import Calculator, Pump, events
from pumpcore.pump.effects import BolusProgrammed, FirePulse, ModeChanged, Proposed, StepsMissed
from pumpcore.pump.events import SuspendCause
from pumpcore.pump.modes import State
from pumpcore.therapy.envelope import BolusRequest, ControllerBounds, RateRequest
from pumpcore.therapy.glucose import READING_US_MAX, Link, MgDl, Reading
from pumpcore.therapy.low_suspend import LOW_PRESETS, LowSettings
from pumpcore.therapy.profile import Anchor, BasalProfile, Segment, WeekPlan

WITH_A_GAP: Final = replace(load("omnipod"), gap_us=2 * SEC)
"""An actuator that needs two seconds between pulses; no preset states one."""

FAST: Final = replace(LIMITS, max_basal_uu_per_h=30 * U, max_temp_basal_uu_per_h=30 * U)


def with_a_gap(plan: tuple[tuple[int, int], ...], policy: str = "medtronic") -> Bench:
    bench = Bench(device=WITH_A_GAP, plan=plan_of(*plan), limits=FAST, suspend_policy=policy)
    return bench.start(reservoir_uu=190 * U)


# An actuator with a gap ----------------------------------------------------------------------------------------------


@pytest.mark.req("DEL-05", "DEL-16", "MOD-11")
def test_a_higher_rate_in_the_middle_of_a_bolus_does_not_break_a_pump_whose_actuator_is_busy() -> None:
    bench = with_a_gap(((0, 50_000), (H, 30 * U)))
    bench.to(H - MIN)
    bench.bolus(H - MIN, fast_uu=25 * U)
    bench.to(2 * H)
    assert bench.status.state is State.RUNNING
    assert bench.status.rate_uu_per_h == 30 * U
    assert bench.insulin("bolus") == 25 * U


@pytest.mark.req("DEL-05", "DEL-16", "TMP-01")
def test_the_end_of_a_temp_basal_in_the_middle_of_a_bolus_does_not_break_it_either() -> None:
    bench = with_a_gap(((0, 30 * U),))
    bench.to(H - MIN)
    bench.do(events.ProposeTemp(H - MIN, 30 * MIN, percent=0))
    bench.to(H + 27 * MIN)
    bench.bolus(H + 27 * MIN, fast_uu=20 * U)
    bench.to(2 * H)
    assert bench.status.temp_until_us is None
    assert bench.insulin("bolus") == 20 * U


@pytest.mark.req("SUS-08", "SUS-05")
def test_a_pause_can_be_resumed_where_the_actuator_has_no_time_to_make_it_up() -> None:
    bench = with_a_gap(((0, 30 * U),), "roche_pause")
    bench.to(H)
    bench.bolus(H, fast_uu=3 * U)
    bench.to(H + 10 * SEC)
    bench.do(events.Suspend(H + 10 * SEC))
    bench.to(H + 14 * MIN)
    bench.do(events.Resume(H + 14 * MIN))
    assert bench.status.state is State.RUNNING


@pytest.mark.req("DEL-12", "SUS-01")
def test_steps_that_wait_for_the_gap_do_not_leave_after_a_stop() -> None:
    bench = with_a_gap(((0, 30 * U),))
    bench.to(H)
    bench.bolus(H, fast_uu=3 * U)
    at_us = H + 61 * SEC
    bench.to(at_us)
    bench.do(events.Suspend(at_us))
    bench.to(2 * H)
    assert bench.pulses(since_us=at_us) == []


# An actuator that never answers --------------------------------------------------------------------------------------


@pytest.mark.req("DEL-11", "MOD-06", "MOD-04")
def test_after_an_actuator_that_never_answered_there_is_a_way_back() -> None:
    bench = Bench(plan=plan_of((0, 10 * U))).start()
    bench.answers = False
    bench.to(2 * H)
    assert (bench.status.state, bench.alarm(Kind.MECHANICAL_ISSUE) is None) == (State.ALARM, False)
    bench.answers = True
    bench.do(events.FaultGone(2 * H, Kind.MECHANICAL_ISSUE))
    bench.confirm_all(2 * H)
    states = [bench.status.state]
    bench.start(2 * H + MIN)
    assert [*states, bench.status.state] == [State.SUSPENDED, State.RUNNING]
    bench.to(3 * H)
    assert bench.insulin(since_us=2 * H + MIN) > 9 * U


@pytest.mark.req("RES-01", "DEL-10")
def test_a_failed_pulse_of_the_very_instant_of_a_measurement_is_not_put_back_twice() -> None:
    bench = Bench().start()
    pulse = bench.next_pulse()
    bench.do(events.ReservoirMeasured(pulse.at_us, 100 * U))
    bench.do(events.PulseFailed(pulse.at_us, pulse.seq))
    assert bench.status.reservoir_uu == 100 * U


# Clocks --------------------------------------------------------------------------------------------------------------


@pytest.mark.req("TIM-05", "STA-01")
def test_a_wall_clock_before_1970_is_refused_and_does_not_stop_basal() -> None:
    before = Anchor(10 * H, datetime(1970, 1, 1, tzinfo=UTC))
    with pytest.raises(RequestError):
        Pump(config_of(anchor=before), at_us=0)
    bench = Bench().start()
    assert is_refused(bench.pump, events.ClockSet(0, before, "UTC"))
    bench.to(20 * H)
    assert bench.insulin() == 20 * U


@pytest.mark.req("TIM-03", "PRF-03", "TIM-05")
@pytest.mark.parametrize(
    ("zone", "noon", "rates"),
    [
        # Samoa went from Thursday to Saturday; Troll is put forward by two hours at once, Lord Howe by half an hour.
        ("Pacific/Apia", datetime(2011, 12, 29, 22, tzinfo=UTC), [4] * 12 + [6] * 24),
        ("Antarctica/Troll", datetime(2026, 3, 28, 12, tzinfo=UTC), [6] * 12 + [7] * 22 + [1] * 2),
        ("Australia/Lord_Howe", datetime(2026, 10, 3, 1, 30, tzinfo=UTC), [6] * 12 + [7] * 23 + [4] + [1]),
    ],
)
def test_a_day_that_is_short_or_not_there_has_the_rates_of_its_weekday(
    zone: str, noon: datetime, rates: list[int]
) -> None:
    """One rate for each weekday, so many steps an hour as its number; half of a Sunday's and of a Monday's make 4."""
    days = tuple(BasalProfile(f"day {number}", (Segment(0, number * 50_000),)) for number in range(1, 8))
    bench = Bench(device=load("generic-0.05"), plan=WeekPlan(days), anchor=Anchor(0, noon), zone=zone).start()
    for hour, rate in enumerate(rates, start=1):
        before = bench.insulin()
        bench.to(hour * H)
        assert bench.insulin() - before == rate * 50_000, hour


@pytest.mark.req("TIM-02", "ALM-10")
def test_a_clock_that_is_set_back_over_midnight_neither_doubles_nor_loses_insulin() -> None:
    bench = Bench(anchor=Anchor(0, MONDAY - timedelta(minutes=1)), zone="America/Santiago").start()
    for hours in range(1, 7):
        bench.to(hours * H)
        back = Anchor(hours * H, MONDAY - timedelta(hours=hours))
        bench.do(events.ClockSet(hours * H, back, "Australia/Lord_Howe" if hours % 2 else "Europe/Copenhagen"))
    assert bench.insulin() == 6 * U


@pytest.mark.req("ALM-10")
@pytest.mark.parametrize("bolus", [True, False])
def test_a_meal_late_in_the_evening_is_missed_after_midnight(*, bolus: bool) -> None:
    bench = Bench(anchor=Anchor(0, MONDAY - timedelta(hours=2)), meals=((23 * H, DAY - 1),)).start()
    bench.to(90 * MIN)
    if bolus:
        bench.bolus(90 * MIN, fast_uu=U)
    missed = []
    for at_us in (2 * H - 2, 2 * H - 1, 2 * H + 30 * MIN):
        bench.to(at_us)
        missed.append(bench.alarm(Kind.MISSED_MEAL) is not None)
        bench.confirm_all(at_us)  # what is confirmed stays only as long as its cause
    assert missed == [False, not bolus, not bolus]


# A grid --------------------------------------------------------------------------------------------------------------


@pytest.mark.req("DEL-05", "DEL-06", "SUS-01")
@pytest.mark.parametrize(("name", "grid_us"), [("roche-combo", 3 * MIN), ("tandem-tslim-x2", 5 * MIN)])
@pytest.mark.parametrize("back_in_time", [True, False])
def test_steps_that_wait_for_the_grid_at_a_stop_leave_with_it_or_are_missed(
    name: str, grid_us: int, *, back_in_time: bool
) -> None:
    bench = Bench(device=load(name), plan=plan_of((0, 6 * U)), suspend_policy="omnipod").start()
    bench.to(H)
    at_us = H + grid_us - 1
    bench.do(events.Suspend(at_us))
    earned_uu = 6 * U * (grid_us - 1) // H
    earned_uu -= earned_uu % bench.pump.config.device.step_uu
    if back_in_time:
        bench.do(events.Resume(at_us))
    bench.to(H + grid_us)
    missed_uu = sum(each.amount_uu for each in those(StepsMissed, bench.effects))
    delivered_uu = bench.insulin(since_us=H)
    one_more_uu = 6 * U * grid_us // H - earned_uu  # the last microsecond may earn the step that was under way
    assert (delivered_uu, missed_uu) == ((earned_uu + one_more_uu, 0) if back_in_time else (0, earned_uu))


@pytest.mark.req("DEL-04", "BOL-07")
def test_steps_that_wait_for_the_grid_do_not_exist_any_more_when_their_bolus_is_cancelled() -> None:
    bench = Bench(device=load("roche-combo"), plan=plan_of((0, U))).start()
    bench.to(6 * MIN)
    bolus_id = bench.bolus(6 * MIN, fast_uu=5 * U)
    bench.do(events.CancelBolus(9 * MIN - 1, bolus_id))
    bench.to(30 * MIN)
    assert bench.insulin("bolus") == 0
    assert those(StepsMissed, bench.effects) == []


# Low glucose, controller, calculator ----------------------------------------------------------------------------------


@pytest.mark.req("GLU-02", "GLU-04", "SUS-02", "LIM-07")
def test_a_low_glucose_suspend_that_must_not_end_by_itself_waits_for_the_person() -> None:
    low = LowSettings(LOW_PRESETS["medtronic-veo"], MgDl(70))
    bench = Bench(low_suspend=low).start()
    bench.do(events.GlucoseMeasured(0, Reading(0, MgDl(60))))
    bench.do(bench.choosing(MIN, limits=replace(LIMITS, max_day_uu=None)))
    bench.to(2 * H - 1)
    assert (bench.status.state, bench.status.cause) == (State.SUSPENDED, SuspendCause.LOW_GLUCOSE)
    bench.to(2 * H)
    assert (bench.status.state, bench.status.cause) == (State.SUSPENDED, SuspendCause.PERSON)
    bench.do(bench.choosing(2 * H + MIN, limits=LIMITS))
    bench.to(3 * H)
    states = [bench.status.state]
    bench.do(events.Resume(3 * H))
    assert [*states, bench.status.state] == [State.SUSPENDED, State.RUNNING]


@pytest.mark.req("GLU-04")
def test_a_reading_of_the_very_microsecond_at_which_the_last_one_is_too_old_changes_nothing() -> None:
    low = LowSettings(LOW_PRESETS["medtronic-530g"], MgDl(70))
    bench = Bench(low_suspend=low).start()
    bench.do(events.GlucoseMeasured(0, Reading(0, MgDl(60))))
    stale_us = READING_US_MAX + 1
    effects = bench.do(events.GlucoseMeasured(stale_us, Reading(stale_us, MgDl(60))))
    assert those(ModeChanged, effects) == []
    assert bench.alarm(Kind.GLUCOSE_UNKNOWN) is None


@pytest.mark.req("GLU-05", "GLU-06", "SUS-04", "TMP-01")
@pytest.mark.parametrize("policy", ["medtronic", "roche_pause", "tandem"])
def test_what_a_controller_asked_for_ends_in_time_through_a_suspend(policy: str) -> None:
    bounds = ControllerBounds(max_rate_uu_per_h=3 * U, max_bolus_uu=U, max_duration_us=H, max_age_us=5 * MIN)
    bench = Bench(suspend_policy=policy, controller=bounds).start()
    asked = RateRequest(id=7, at_us=0, rate_uu_per_h=3 * U, duration_us=H)
    bench.do(events.ControllerAsks(0, asked))
    bench.to(30 * MIN)
    bench.do(events.Suspend(30 * MIN))
    assert is_refused(bench.pump, events.ControllerAsks(30 * MIN, BolusRequest(id=8, at_us=30 * MIN, amount_uu=U)))
    bench.do(events.Resume(30 * MIN))
    assert bench.status.rate_uu_per_h == (U if policy == "tandem" else 3 * U)
    bench.to(31 * MIN)
    bench.do(events.ControllerAsks(31 * MIN, asked))  # again: the first answer, and nothing else
    assert bench.status.temp_until_us == (None if policy == "tandem" else H)
    assert is_refused(bench.pump, events.ControllerAsks(31 * MIN, replace(asked, id=6, at_us=31 * MIN)))
    bench.to(2 * H)
    assert bench.status.rate_uu_per_h == U
    assert bench.insulin() == (3 * U if policy == "tandem" else 4 * U)


@pytest.mark.req("ADV-07")
@pytest.mark.parametrize(("value", "stands"), [(160, True), (159, False), (90, False)])
def test_a_suggestion_falls_with_the_next_reading_that_is_kept(value: int, *, stands: bool) -> None:
    """The very same reading once more changes nothing that the suggestion rests on; any other does."""
    calculator = Calculator(
        policy="tandem",
        carb_ratio_mg_per_u=10_000,
        sensitivity=MgDl(40),
        target_low=MgDl(90),
        target_high=MgDl(120),
    )
    bench = Bench(calculator=calculator).start()
    bench.do(events.GlucoseMeasured(0, Reading(0, MgDl(160))))
    offered = only(Proposed, bench.do(events.AskAdvice(0, 30_000))).proposal
    assert offered.amount_uu == 4 * U
    bench.do(events.GlucoseMeasured(0, Reading(0, MgDl(value))))
    assert is_refused(bench.pump, events.Confirm(0, offered.id)) != stands


@pytest.mark.req("ALM-08", "GLU-05")
def test_a_controller_that_asks_is_no_sign_of_life() -> None:
    bounds = ControllerBounds(max_rate_uu_per_h=3 * U, max_duration_us=H, max_age_us=0)
    bench = Bench(controller=bounds, alarms=AlarmSettings(auto_off_us=2 * H)).start()
    for number in range(1, 5):
        at_us = number * 29 * MIN
        bench.to(at_us)
        request = RateRequest(id=number, at_us=at_us, rate_uu_per_h=U, duration_us=H)
        bench.do(events.ControllerAsks(at_us, request))
    bench.to(2 * H)
    assert bench.alarm(Kind.AUTO_OFF) is not None
    bench.to(DAY)
    assert (bench.status.state, bench.insulin(since_us=2 * H)) == (State.ALARM, 0)


# Ways of several events ----------------------------------------------------------------------------------------------


@pytest.mark.req("SUS-05", "DEL-02")
def test_many_short_pauses_lose_no_insulin() -> None:
    bench = Bench(suspend_policy="roche_pause").start()
    at_us = 0
    for turn in range(60):
        at_us += 37 * SEC + turn * 1_000_003
        bench.to(at_us)
        bench.do(events.Suspend(at_us))
        at_us += 100 * SEC + turn * 777_777
        bench.to(at_us)
        bench.do(events.Resume(at_us))
    bench.to(at_us + H)
    programmed = (at_us + H) * U // H
    assert programmed - 2 * 25_000 < bench.insulin() <= programmed


@pytest.mark.req("SUS-07", "DEL-02")
def test_two_short_disconnects_offer_together_what_neither_of_them_has_missed_alone() -> None:
    bench = Bench().start()
    for minutes in (1, 3):
        bench.to(minutes * MIN)
        bench.do(events.Disconnect(minutes * MIN, MIN))
        bench.to((minutes + 1) * MIN)
        effects = bench.do(events.Resume((minutes + 1) * MIN))
        # 0.0167 U each: less than a step of 0.025 U, and together one.
        assert [each.proposal.amount_uu for each in those(Proposed, effects)] == ([] if minutes == 1 else [25_000])


@pytest.mark.req("SUS-07", "ADV-07")
def test_the_offer_of_a_disconnect_outlives_the_next_reading_of_the_sensor() -> None:
    bench = Bench().start()
    bench.do(events.Disconnect(0, 30 * MIN))
    bench.to(36 * MIN)
    offered = only(Proposed, bench.do(events.Resume(36 * MIN))).proposal
    bench.do(events.GlucoseMeasured(37 * MIN, Reading(37 * MIN, MgDl(110))))
    begun = only(BolusProgrammed, bench.do(events.Confirm(37 * MIN, offered.id)))
    assert begun.bolus.programmed_uu == offered.amount_uu == 600_000


@pytest.mark.req("GLU-02")
@pytest.mark.parametrize("how", ["fault", "suspend"])
def test_a_low_glucose_suspend_that_something_else_has_ended_counts_in_its_window(how: str) -> None:
    bench = Bench(low_suspend=LowSettings(LOW_PRESETS["tandem-basal-iq"], MgDl(80))).start()
    for minutes in range(0, 120, 5):
        bench.to(minutes * MIN)
        bench.do(events.GlucoseMeasured(minutes * MIN, Reading(minutes * MIN, MgDl(60))))
    assert bench.status.state is State.SUSPENDED
    at_us = 119 * MIN
    bench.to(at_us)
    if how == "fault":
        bench.do(events.FaultDetected(at_us, Kind.OCCLUSION_DETECTED))
        bench.do(events.FaultGone(at_us, Kind.OCCLUSION_DETECTED))
        bench.confirm_all(at_us)
    else:
        bench.do(events.Suspend(at_us))
    bench.do(events.Resume(at_us))
    bench.do(events.GlucoseMeasured(120 * MIN, Reading(120 * MIN, MgDl(60))))
    bench.to(150 * MIN)
    spans = [(each.at_us, each.after) for each in those(ModeChanged, bench.effects) if each.at_us >= 120 * MIN]
    suspended = [at for at, after in spans if after is State.SUSPENDED]
    resumed = [at for at, after in spans if after is State.RUNNING]
    assert sum(resumed) - sum(suspended) <= MIN  # of the two hours one minute was left


@pytest.mark.req("BOL-03", "TMP-02")
def test_a_confirmation_that_is_repeated_after_another_temp_basal_began_does_not_bring_the_first_one_back() -> None:
    bench = Bench().start()
    proposal_id = bench.propose(events.ProposeTemp(0, 2 * H, percent=200))
    bench.do(events.Confirm(0, proposal_id))
    bench.do(events.ProposeTemp(MIN, 2 * H, percent=0))
    bench.do(events.Confirm(2 * MIN, proposal_id))
    assert (bench.status.rate_uu_per_h, bench.status.temp_until_us) == (0, MIN + 2 * H)


@pytest.mark.req("DEL-18", "DEL-06")
def test_pulses_of_one_step_in_which_a_fault_comes_to_light_are_all_booked() -> None:
    """The host comes late with a failed pulse: what was ordered in the same step stays in the books."""
    bench = Bench(plan=plan_of((0, 30 * U))).start()
    pulse = bench.next_pulse()
    effects = bench.do(events.PulseFailed(pulse.at_us + 20 * SEC, pulse.seq))
    fired = those(FirePulse, effects)
    assert len(fired) == 6
    assert bench.status.state is State.ALARM
    for each in fired:
        bench.do(events.PulseConfirmed(bench.now_us, each.seq))
    assert bench.pump.ledger.therapy.confirmed == 6


@pytest.mark.req("SUS-05", "BOL-01")
@pytest.mark.parametrize("disconnect", [True, False])
def test_a_pause_that_became_a_reservoir_change_is_not_made_up(*, disconnect: bool) -> None:
    bench = Bench(suspend_policy="roche_pause").start()
    bench.do(events.Disconnect(0, 30 * MIN) if disconnect else events.Suspend(0))
    bench.to(5 * MIN)
    bench.start(5 * MIN)
    assert those(BolusProgrammed, bench.effects) == []


@pytest.mark.req("GLU-02", "SUS-05", "BOL-01")
@pytest.mark.parametrize("by_hand", [True, False])
def test_what_a_low_glucose_suspend_has_withheld_is_never_made_up(*, by_hand: bool) -> None:
    low = LowSettings(LOW_PRESETS["medtronic-640g"], MgDl(70))
    bench = Bench(suspend_policy="roche_pause", plan=plan_of((0, 4 * U)), low_suspend=low).start()
    bench.do(events.GlucoseMeasured(0, Reading(0, MgDl(60))))
    bench.to(12 * MIN)
    states = [bench.status.state]
    if by_hand:
        bench.do(events.Resume(12 * MIN))
    bench.to(13 * MIN if by_hand else 2 * H)  # without another reading it ends by its longest time
    assert [*states, bench.status.state] == [State.SUSPENDED, State.RUNNING]
    assert those(BolusProgrammed, bench.effects) == []


@pytest.mark.req("TIM-06", "WCH-03")
def test_a_reminder_that_a_derived_fault_makes_due_is_told_with_it() -> None:
    bench = Bench().start()
    bench.to(30 * MIN)
    bench.do(events.Suspend(30 * MIN))
    bench.change(31 * MIN)
    bench.to(3 * H)
    bench.do(events.ReservoirMeasured(3 * H, 0))
    assert bench.alarm(Kind.RESERVOIR_EMPTY) is not None
    assert bench.alarm(Kind.NO_DELIVERY_REMINDER) is not None


@pytest.mark.req("SUS-05", "GLU-02")
def test_what_a_low_withheld_is_not_made_up_though_a_person_suspended_meanwhile() -> None:
    settings = LowSettings(LOW_PRESETS["medtronic-530g"], MgDl(60))
    bench = Bench(suspend_policy="roche_pause", low_suspend=settings, plan=plan_of((0, 6 * U))).start()
    bench.to(H)
    bench.do(events.GlucoseMeasured(H, Reading(H, MgDl(45))))
    bench.to(H + 10 * MIN)
    bench.do(events.Suspend(H + 10 * MIN))
    bench.to(H + 11 * MIN)
    assert those(BolusProgrammed, bench.do(events.Resume(H + 11 * MIN))) == []
    bench.to(2 * H)
    assert bench.insulin("extended", "bolus") == 0


@pytest.mark.req("SUS-05", "GLU-02")
def test_what_a_low_withheld_is_not_made_up_though_it_could_not_end_by_itself() -> None:
    settings = LowSettings(LOW_PRESETS["medtronic-530g"], MgDl(60))
    bench = Bench(suspend_policy="roche_pause", low_suspend=settings, plan=plan_of((0, 6 * U))).start()
    bench.to(H)
    bench.do(events.GlucoseMeasured(H, Reading(H, MgDl(45))))
    bench.do(bench.choosing(H, limits=replace(LIMITS, max_day_uu=None)))
    bench.to(3 * H)
    assert (bench.status.state, bench.status.cause) == (State.SUSPENDED, SuspendCause.PERSON)
    bench.do(bench.choosing(3 * H + MIN, limits=LIMITS))
    assert those(BolusProgrammed, bench.do(events.Resume(3 * H + MIN))) == []
    bench.to(4 * H)
    assert bench.insulin("extended", "bolus") == 0


@pytest.mark.req("ALM-03", "GLU-02")
@pytest.mark.parametrize("how", ["resume", "suspend", "longest", "change", "battery"])
def test_the_alarm_of_a_low_is_cleared_once_it_is_read_and_the_suspend_is_over_though_no_reading_follows(
    how: str,
) -> None:
    settings = LowSettings(LOW_PRESETS["medtronic-530g"], MgDl(60))
    bench = Bench(low_suspend=settings).start()
    for at_us in range(0, 2 * H, 10 * MIN):
        bench.to(at_us)
        bench.do(events.GlucoseMeasured(at_us, Reading(at_us, MgDl(45))))
    now_us = 2 * H - 10 * MIN
    happens: dict[str, events.Event] = {
        "resume": events.Resume(now_us),
        "suspend": events.Suspend(now_us),
        "longest": events.Tick(2 * H),
        "change": events.BeginChange(now_us, set_off_body=True),
        "battery": events.BatteryMeasured(now_us, 0),
    }
    bench.do(happens[how])
    told = bench.alarm(Kind.GLUCOSE_LOW)
    assert told is not None
    assert not told.cause_present
    bench.do(events.ConfirmAlarm(2 * H, told.id))
    assert bench.alarm(Kind.GLUCOSE_LOW) is None
    bench.to(3 * H)
    assert bench.alarm(Kind.GLUCOSE_LOW) is None


@pytest.mark.req("GLU-01")
def test_the_link_is_shown_as_lost_from_the_very_instant_at_which_its_loss_is_told() -> None:
    bench = Bench(alarms=AlarmSettings(sensor_lost_us=20 * MIN)).start()
    bench.do(events.GlucoseMeasured(0, Reading(0, MgDl(110))))
    told = []
    for at_us in (20 * MIN - 1, 20 * MIN):
        bench.to(at_us)
        told.append((bench.status.sensor_link, bench.alarm(Kind.SENSOR_LINK_LOST) is not None))
    assert told == [(Link.LINKED, False), (Link.LOST, True)]


@pytest.mark.req("SUS-07", "ALM-03")
def test_the_reminder_to_connect_again_ends_in_the_very_step_in_which_a_fault_ends_the_disconnect() -> None:
    bench = Bench().start()
    bench.do(events.Disconnect(0, 30 * MIN))
    bench.to(30 * MIN)
    bench.do(events.BatteryMeasured(30 * MIN, 0))
    told = bench.alarm(Kind.DISCONNECT_OVER)
    assert told is not None
    assert not told.cause_present


@pytest.mark.req("DEL-14", "TIM-02")
@pytest.mark.parametrize("zone", ["Europe", "x" * 300, "", "../etc", "Mars/Olympus", "\0"])
def test_a_zone_that_is_a_folder_or_too_long_a_name_is_refused_and_the_pump_goes_on(zone: str) -> None:
    bench = Bench().start()
    before = bench.pump.snapshot()
    with pytest.raises(QuantityError, match=r"zone: .*not a time zone that is known"):
        bench.do(events.ClockSet(H, Anchor(H, MONDAY), zone))
    assert bench.pump.snapshot() == before
    bench.to(2 * H)
    assert bench.status.state is State.RUNNING
