"""What once went wrong, one test for each: ways through a pump that no single rule shows.

What belongs to one rule stands with that rule in the other files of this name; here is what needed an odd actuator, an
odd clock, or a way of several events.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

import pytest
from pumps import LIMITS, MIN, SEC, Bench, H, U, config_of, is_refused, only, plan_of, those

from pumpcore import events
from pumpcore.alarms import Kind
from pumpcore.devices import load
from pumpcore.effects import BolusProgrammed, FirePulse, ModeChanged, Proposed
from pumpcore.errors import RequestError
from pumpcore.glucose import LOW_PRESETS, LowSettings, MgDl, Reading
from pumpcore.modes import State
from pumpcore.profile import Anchor
from pumpcore.pump import Pump

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
    assert bench.pump._state.ledger.therapy.confirmed == 6  # noqa: SLF001 - the book itself


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
    bench.to(13 * MIN)  # without another reading it ends by itself
    assert [*states, bench.status.state] == [State.SUSPENDED, State.RUNNING]
    assert those(BolusProgrammed, bench.effects) == []
