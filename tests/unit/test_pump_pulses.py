"""What becomes of pulses: confirmed, failed, unknown, unanswered, late, withheld; the ledger, reservoir and alarms."""

# mypy takes what a step may change to stay as it was last seen.
# mypy: disable-error-code="comparison-overlap,unreachable"

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest
from pumps import DAY, LIMITS, MIN, SEC, Bench, H, U, is_refused, only, plan_of, those

from pumpcore.alarms import Kind, Priority
from pumpcore.limits import Limits
from pumpcore.pump import events
from pumpcore.pump.effects import BolusDelivered, FirePulse, StepsMissed
from pumpcore.pump.modes import State

STEP: Final = 25_000


def account(bench: Bench) -> dict[str, int]:
    """Steps of therapy insulin by place, as the snapshot of the pump has them."""
    therapy = bench.pump.ledger.therapy
    return {name: getattr(therapy, name) for name in ("outstanding", "confirmed", "uncertain", "failed", "missed")}


@pytest.mark.req("RES-01", "DEL-06")
def test_a_pulse_is_booked_when_it_is_commanded_and_again_when_it_is_confirmed() -> None:
    bench = Bench().start()
    before_uu = bench.status.reservoir_uu
    assert before_uu is not None
    pulse = bench.next_pulse()
    assert pulse.at_us == 90 * SEC == bench.now_us
    assert bench.status.reservoir_uu == before_uu - STEP
    assert account(bench) == {"outstanding": 1, "confirmed": 0, "uncertain": 0, "failed": 0, "missed": 0}
    assert bench.status.without_insulin_us == 90 * SEC
    bench.do(events.PulseConfirmed(91 * SEC, pulse.seq))
    bench.do(events.Tick(91 * SEC))
    assert account(bench) == {"outstanding": 0, "confirmed": 1, "uncertain": 0, "failed": 0, "missed": 0}
    assert bench.status.without_insulin_us == SEC
    assert bench.status.reservoir_uu == before_uu - STEP


@pytest.mark.req("DEL-08")
def test_an_outcome_counts_once() -> None:
    bench = Bench().start()
    pulse = bench.next_pulse()
    bench.do(events.PulseConfirmed(bench.now_us, pulse.seq))
    for outcome in (events.PulseConfirmed, events.PulseFailed, events.PulseUnknown):
        assert is_refused(bench.pump, outcome(bench.now_us, pulse.seq))
        assert is_refused(bench.pump, outcome(bench.now_us, pulse.seq + 1))


@pytest.mark.req("DEL-08")
def test_numbers_are_never_used_twice() -> None:
    bench = Bench().start()
    bench.bolus(0, fast_uu=2 * U)
    bench.to(2 * H)
    numbers = [pulse.seq for pulse in bench.pulses()]
    assert len(set(numbers)) == len(numbers) == 160


@pytest.mark.req("DEL-10", "DEL-18", "ALM-06")
def test_a_failed_pulse_stops_delivery_and_is_given_back() -> None:
    bench = Bench().start()
    bench.bolus(0, fast_uu=2 * U)
    bench.to(30 * SEC)
    board = bench.status.on_board
    reservoir_uu = bench.status.reservoir_uu
    pulse = bench.next_pulse()
    assert pulse.channel == "bolus"
    assert bench.status.on_board.bolus_uu > board.bolus_uu
    effects = bench.do(events.PulseFailed(bench.now_us, pulse.seq))
    missed = only(StepsMissed, effects)
    assert (missed.cause, missed.channel, missed.bolus_id, missed.steps, missed.amount_uu) == (
        "failed",
        "bolus",
        1,
        1,
        STEP,
    )
    assert bench.status.state is State.ALARM
    assert bench.alarm(Kind.MECHANICAL_ISSUE) is not None
    assert bench.status.reservoir_uu == reservoir_uu
    assert bench.status.on_board == board
    ended = only(BolusDelivered, effects)
    assert (ended.bolus.delivered_uu, ended.bolus.not_delivered_uu) == (30 * STEP, 2 * U - 30 * STEP)
    bench.to(H)
    assert bench.pulses(since_us=31 * SEC) == []


@pytest.mark.req("DEL-09", "IOB-02")
def test_an_unknown_pulse_counts_as_delivered_and_is_told_until_it_is_settled() -> None:
    bench = Bench().start()
    bench.bolus(0, fast_uu=2 * U)
    pulse = bench.next_pulse()
    with_it = bench.status.on_board
    bench.do(events.PulseUnknown(bench.now_us, pulse.seq))
    assert (bench.status.on_board, bench.status.state) == (with_it, State.RUNNING)
    assert bench.running(1).uncertain_uu == bench.running(1).delivered_uu == STEP
    assert bench.alarm(Kind.PULSE_UNCERTAIN) is not None
    bench.do(events.PulseConfirmed(bench.now_us, pulse.seq))
    assert (bench.running(1).uncertain_uu, bench.running(1).delivered_uu) == (0, STEP)
    assert account(bench)["confirmed"] == 1


@pytest.mark.req("DEL-09", "DEL-10", "IOB-02")
def test_an_unknown_pulse_that_turns_out_to_have_failed_is_given_back_long_after() -> None:
    bench = Bench().start()
    bench.bolus(0, fast_uu=STEP)
    pulse = bench.next_pulse()
    bench.do(events.PulseUnknown(bench.now_us, pulse.seq))
    bench.answers = True
    bench.to(2 * H)
    assert bench.status.on_board.bolus_uu > 0
    before_uu = bench.status.reservoir_uu
    assert before_uu is not None
    bench.do(events.PulseFailed(2 * H, pulse.seq))
    assert bench.status.on_board.bolus_uu == 0
    assert bench.status.reservoir_uu == before_uu + STEP
    assert bench.status.state is State.ALARM


@pytest.mark.req("DEL-11", "TIM-06")
def test_a_pulse_that_nobody_answers_becomes_uncertain_in_time() -> None:
    bench = Bench(unanswered_us=20 * SEC).start()
    pulse = bench.next_pulse()
    assert bench.pump.next_deadline_us() == pulse.at_us + 20 * SEC
    bench.to(pulse.at_us + 20 * SEC - 1)
    assert account(bench)["uncertain"] == 0
    bench.to(pulse.at_us + 20 * SEC)
    assert (account(bench)["uncertain"], account(bench)["outstanding"]) == (1, 0)
    assert bench.alarm(Kind.PULSE_UNCERTAIN) is not None
    bench.do(events.PulseConfirmed(bench.now_us, pulse.seq))
    assert account(bench)["confirmed"] == 1


@pytest.mark.req("DEL-11", "WCH-02")
def test_an_actuator_that_never_answers_is_not_trusted_for_ever() -> None:
    bench = Bench(answers=False, plan=plan_of((0, 10 * U)))
    bench.answers = True
    bench.start()
    bench.answers = False
    bench.to(12 * H)
    assert len(bench.pump.ledger.orders) <= 1000


@pytest.mark.req("DEL-06")
def test_the_ledger_keeps_no_account_of_a_bolus_that_has_ended_and_is_settled() -> None:
    bench = Bench().start()
    for at_us in range(MIN, 21 * MIN, MIN):
        bench.to(at_us)
        bench.bolus(at_us, fast_uu=STEP)
    bench.to(H)
    assert set(bench.pump.ledger.boluses) == {0}


@pytest.mark.req("WCH-02", "WCH-01")
@pytest.mark.parametrize("unanswered_us", [SEC, 30 * SEC, 10 * MIN])
def test_pulses_that_are_never_confirmed_are_no_insulin_for_the_watch(unanswered_us: int) -> None:
    bench = Bench(unanswered_us=unanswered_us, plan=plan_of((0, 500_000))).start()
    bench.to(H)
    bench.answers = False
    bench.to(3 * H - 1)
    assert bench.alarm(Kind.NO_DELIVERY_HIGH) is None
    for at_us in range(3 * H + unanswered_us, 4 * H, 20 * SEC):
        bench.to(at_us)
        bench.confirm_all(at_us)
        assert bench.alarm(Kind.NO_DELIVERY_HIGH) is not None


@pytest.mark.req("BOL-07")
def test_the_record_of_a_bolus_is_right_when_its_last_pulse_fails() -> None:
    bench = Bench().start()
    bench.bolus(0, fast_uu=2 * STEP)
    good = bench.next_pulse()
    bench.do(events.PulseConfirmed(good.at_us, good.seq))
    bad = bench.next_pulse()
    assert those(BolusDelivered, bench.effects) == []  # nobody knows yet
    bench.do(events.PulseFailed(bad.at_us, bad.seq))
    last = only(BolusDelivered, bench.effects)
    assert (last.bolus.delivered_uu, last.bolus.not_delivered_uu) == (STEP, STEP)


@pytest.mark.req("DEL-10", "RES-01")
def test_a_failed_pulse_goes_back_only_into_the_reservoir_that_it_came_from() -> None:
    bench = Bench().start()
    pulse = bench.next_pulse()
    bench.do(events.ReservoirMeasured(bench.now_us + 1, 100 * U))
    bench.do(events.PulseFailed(bench.now_us, pulse.seq))
    assert bench.status.reservoir_uu == 100 * U


@pytest.mark.req("DEL-06")
def test_a_failed_pulse_of_an_extended_bolus_is_told_as_such() -> None:
    bench = Bench(plan=plan_of((0, 0))).start()
    bench.bolus(0, extended_uu=U, extended_us=H)
    pulse = bench.next_pulse()
    missed = only(StepsMissed, bench.do(events.PulseFailed(bench.now_us, pulse.seq)))
    assert missed.channel == "extended"


# A late host ----------------------------------------------------------------------------------------------------------


@pytest.mark.req("DEL-07")
def test_a_host_that_is_late_within_the_tolerance_gets_the_pulses_with_their_own_times() -> None:
    bench = Bench().start()
    bench.do(events.Tick(90 * SEC + 30 * SEC - 1))
    assert [(pulse.at_us, pulse.steps) for pulse in bench.pulses()] == [(90 * SEC, 1)]
    assert those(StepsMissed, bench.effects) == []


@pytest.mark.req("DEL-07", "DEL-06")
@pytest.mark.parametrize("late_us", [30 * SEC, 10 * MIN, H, DAY])
def test_a_late_host_causes_no_burst_and_what_is_missed_is_booked_and_alarmed(late_us: int) -> None:
    bench = Bench().start()
    bench.bolus(0, fast_uu=2 * U)
    at_us = 90 * SEC + late_us
    effects = bench.do(events.Tick(at_us))
    assert {pulse.at_us > at_us - 30 * SEC for pulse in those(FirePulse, effects)} <= {True}
    due = at_us // (90 * SEC) + 80
    missed = those(StepsMissed, effects)
    assert {each.cause for each in missed} == {"late"}
    assert {each.channel for each in missed} == {"basal", "bolus"}
    assert sum(each.steps for each in missed) + len(those(FirePulse, effects)) == due
    assert account(bench)["missed"] == sum(each.steps for each in missed)
    told = bench.alarm(Kind.STEPS_MISSED)
    assert told is not None
    assert told.priority is Priority.MEDIUM if late_us < H else told.priority.rank <= Priority.MEDIUM.rank
    ended = only(BolusDelivered, bench.effects)
    assert ended.bolus.delivered_uu + ended.bolus.not_delivered_uu == 2 * U
    bench.to(at_us + H)
    assert bench.insulin(since_us=at_us) == U  # nothing is made up


@pytest.mark.req("DEL-07")
def test_the_tolerance_is_what_was_chosen() -> None:
    for lateness_us, ordered in ((0, []), (MIN, [80, 81, 82])):
        bench = Bench(lateness_us=lateness_us, plan=plan_of((0, 0))).start()
        bench.bolus(0, fast_uu=3 * U)  # a step each second
        effects = bench.do(events.Tick(82 * SEC + 500_000))
        assert [pulse.at_us // SEC for pulse in those(FirePulse, effects)][-3:] == ordered
        assert len(those(FirePulse, effects)) <= (lateness_us // SEC) + 1


@pytest.mark.req("DEL-07", "TIM-06")
def test_a_late_host_finds_rates_and_temp_basals_where_they_belong() -> None:
    bench = Bench(plan=plan_of((0, U), (6 * H, 2 * U))).start()
    bench.do(events.ProposeTemp(0, 2 * H, percent=0))
    effects = bench.do(events.Tick(8 * H))
    assert sum(each.steps for each in those(StepsMissed, effects)) * STEP + bench.insulin() == 4 * U + 4 * U
    assert (bench.status.rate_uu_per_h, bench.status.rate_reason) == (2 * U, "profile")


@pytest.mark.req("DEL-07", "WCH-02")
def test_a_host_that_was_away_for_hours_finds_the_alarm() -> None:
    bench = Bench().start()
    bench.do(events.Tick(5 * H))
    assert bench.alarm(Kind.NO_DELIVERY_DANGER) is not None
    assert bench.alarm(Kind.STEPS_MISSED) is not None


# Caps -----------------------------------------------------------------------------------------------------------------


@pytest.mark.req("LIM-04", "LIM-06", "DEL-06")
def test_the_hour_cap_binds_in_every_window_and_what_it_withholds_is_missed() -> None:
    bench = Bench(limits=replace(LIMITS, max_hour_uu=3 * U), plan=plan_of((0, 2 * U))).start()
    for at_us in (50 * MIN, 130 * MIN):
        bench.to(at_us)
        bench.bolus(at_us, fast_uu=U)
    bench.to(4 * H)
    times = [pulse.at_us for pulse in bench.pulses()]
    sums = [sum(STEP for at_us in times if end - H < at_us <= end) for end in times]
    assert max(sums) == 3 * U
    missed = those(StepsMissed, bench.effects)
    assert {each.cause for each in missed} == {"cap"}
    assert bench.insulin() + sum(each.amount_uu for each in missed) == 8 * U + 2 * U
    told = bench.alarm(Kind.MAX_DELIVERY)
    assert told is not None
    assert told.priority is Priority.HIGH


@pytest.mark.req("LIM-05")
def test_the_day_cap_binds_across_midnight() -> None:
    bench = Bench(limits=replace(LIMITS, max_day_uu=20 * U), plan=plan_of((0, 800_000))).start()
    bench.to(22 * H)
    bench.bolus(22 * H, fast_uu=2 * U)
    bench.to(30 * H)
    times = [pulse.at_us for pulse in bench.pulses()]
    sums = [sum(STEP for at_us in times if end - DAY < at_us <= end) for end in times]
    assert max(sums) == 20 * U
    assert sum(STEP for at_us in times if at_us > 24 * H) < 6 * 800_000  # midnight has given nothing back
    assert bench.alarm(Kind.MAX_DELIVERY) is not None


@pytest.mark.req("LIM-04", "LIM-05")
@pytest.mark.parametrize(("name", "at_us"), [("max_hour_uu", H), ("max_day_uu", 3 * H)])
def test_a_bolus_that_a_cap_would_cut_short_is_refused(name: str, at_us: int) -> None:
    bench = Bench(limits=replace(LIMITS, **{name: 5 * U})).start()
    bench.to(at_us)
    left_uu = 5 * U - at_us // H * U
    assert is_refused(bench.pump, events.ProposeBolus(at_us, fast_uu=left_uu + 50_000))
    bench.bolus(at_us, fast_uu=left_uu)
    assert is_refused(bench.pump, events.ProposeBolus(at_us, fast_uu=25_000))


@pytest.mark.req("LIM-06", "ALM-03")
def test_the_alarm_of_a_cap_ends_once_it_is_confirmed_and_nothing_is_withheld() -> None:
    bench = Bench(limits=replace(LIMITS, max_hour_uu=2 * U), plan=plan_of((0, 4 * U))).start()
    bench.to(45 * MIN)
    assert bench.alarm(Kind.MAX_DELIVERY) is not None
    bench.do(events.ProposeTemp(45 * MIN, H, percent=0))
    bench.to(46 * MIN)
    assert bench.alarm(Kind.MAX_DELIVERY) is not None  # nobody has confirmed it
    bench.confirm_all(46 * MIN)
    assert bench.alarm(Kind.MAX_DELIVERY) is None


@pytest.mark.req("LIM-04", "DEL-13")
def test_priming_is_not_in_the_caps() -> None:
    bench = Bench(limits=replace(LIMITS, max_hour_uu=2 * U)).start()
    assert bench.status.window_steps == (0, 0)
    bench.to(H)
    assert bench.insulin() == U


@pytest.mark.req("LIM-04")
def test_a_cap_that_is_lowered_counts_what_was_delivered_before() -> None:
    bench = Bench(plan=plan_of((0, 4 * U))).start()
    bench.to(H)
    bench.do(bench.choosing(H, limits=replace(LIMITS, max_hour_uu=2 * U)))
    bench.to(90 * MIN)
    assert bench.insulin(since_us=H) == 0
    bench.to(2 * H)
    assert bench.insulin(since_us=H) <= 2 * U


@pytest.mark.req("LIM-07", "STA-01")
@pytest.mark.parametrize("name", Limits.__slots__)
def test_while_one_limit_is_not_chosen_nothing_is_delivered(name: str) -> None:
    bench = Bench(limits=replace(LIMITS, **{name: None})).change()
    assert is_refused(bench.pump, events.Start(0))
    bench.do(bench.choosing(0, limits=LIMITS))
    bench.do(events.Start(0))
    bench.to(H)
    bench.do(bench.choosing(H, limits=replace(LIMITS, **{name: None})))
    assert bench.status.state is State.SUSPENDED
    assert is_refused(bench.pump, events.Resume(H))
    bench.to(3 * H)
    assert bench.insulin() == U
    bench.do(bench.choosing(3 * H, limits=LIMITS))
    bench.do(events.Resume(3 * H))
    assert bench.status.state is State.RUNNING


@pytest.mark.req("LIM-01")
def test_limits_that_the_plan_does_not_keep_to_are_refused() -> None:
    bench = Bench().start()
    assert is_refused(bench.pump, bench.choosing(0, limits=replace(LIMITS, max_basal_uu_per_h=950_000)))
    bench.do(bench.choosing(0, limits=replace(LIMITS, max_basal_uu_per_h=U)))
