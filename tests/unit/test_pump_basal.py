"""Basal on a pump: profiles, the week, temp basals, and the wall clock that only chooses the segment."""

# mypy takes what a step may change to stay as it was last seen.
# mypy: disable-error-code="comparison-overlap,unreachable"

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final

import pytest
from pumps import DAY, LIMITS, MIN, MONDAY, SEC, Bench, H, U, everything, is_refused, only, plan_of, those

from pumpcore.alarms import Kind
from pumpcore.devices import load
from pumpcore.limits import HARD_LIMITS
from pumpcore.pump import events
from pumpcore.pump.effects import EndReason, Proposed, RateChanged, ReferenceTime, StepsMissed, TempEnded, TempStarted
from pumpcore.pump.modes import State
from pumpcore.therapy.profile import Anchor

DAY_AND_NIGHT: Final = plan_of((0, 800_000), (6 * H, 1_100_000), (22 * H, 600_000))
OF_A_DAY: Final = 6 * 800_000 + 16 * 1_100_000 + 2 * 600_000


@pytest.mark.req("DEL-01", "PRF-01", "PRF-02")
def test_a_day_of_the_profile_is_delivered_to_the_step() -> None:
    bench = Bench(plan=DAY_AND_NIGHT).start()
    bench.to(DAY)
    assert bench.insulin("basal") == OF_A_DAY
    assert [(each.at_us, each.rate_uu_per_h) for each in those(RateChanged, bench.effects)] == [
        (0, 800_000),
        (6 * H, 1_100_000),
        (22 * H, 600_000),
        (DAY, 800_000),
    ]


@pytest.mark.req("PRF-03")
def test_the_week_switches_by_itself_at_local_midnight() -> None:
    bench = Bench(plan=plan_of((0, 100_000), weekend=((0, 200_000),)), zone="Europe/Copenhagen").start()
    friday_midnight_us = 5 * DAY - H  # local midnight is an hour before that of UTC
    bench.to(friday_midnight_us - 1)
    assert (bench.status.profile, bench.status.rate_uu_per_h) == ("everyday", 100_000)
    bench.to(friday_midnight_us)
    assert (bench.status.profile, bench.status.rate_uu_per_h) == ("weekend", 200_000)
    bench.to(friday_midnight_us + 2 * DAY - 1)
    assert bench.status.rate_uu_per_h == 200_000
    bench.to(friday_midnight_us + 2 * DAY)
    assert (bench.status.profile, bench.status.rate_uu_per_h) == ("everyday", 100_000)


@pytest.mark.req("DEL-02")
@pytest.mark.parametrize("every_us", [MIN, 5 * MIN])
def test_a_temp_basal_that_is_issued_again_and_again_delivers_its_rate(every_us: int) -> None:
    bench = Bench().start()
    for at_us in range(0, 4 * H, every_us):
        bench.to(at_us)
        bench.do(events.ProposeTemp(at_us, 30 * MIN, rate_uu_per_h=700_000))
    bench.to(4 * H)
    assert bench.insulin("basal") == 2_800_000


@pytest.mark.req("TMP-01")
def test_a_temp_basal_ends_by_itself_and_then_the_rate_of_that_time_applies() -> None:
    bench = Bench(plan=DAY_AND_NIGHT).start()
    bench.to(5 * H)
    bench.do(events.ProposeTemp(5 * H, 2 * H, percent=50))
    assert (bench.status.rate_uu_per_h, bench.status.rate_reason) == (400_000, "temp")
    assert bench.status.temp_until_us == 7 * H
    bench.to(6 * H)
    assert bench.status.rate_uu_per_h == 550_000  # of the rate in force then
    bench.to(7 * H)
    assert (bench.status.rate_uu_per_h, bench.status.rate_reason) == (1_100_000, "profile")
    ended = only(TempEnded, bench.effects)
    assert (ended.at_us, ended.reason) == (7 * H, EndReason.OVER)
    assert bench.alarm(Kind.TBR_OVER) is not None
    assert bench.insulin(since_us=5 * H) == 400_000 + 550_000


@pytest.mark.req("TMP-01")
def test_a_temp_basal_that_ends_on_an_edge_of_the_profile_ends_with_the_new_rate() -> None:
    bench = Bench(plan=DAY_AND_NIGHT).start()
    bench.to(4 * H)
    bench.do(events.ProposeTemp(4 * H, 2 * H, percent=0))
    bench.to(6 * H)
    assert bench.status.rate_uu_per_h == 1_100_000
    bench.to(7 * H)
    assert bench.insulin(since_us=6 * H) == 1_100_000
    assert bench.insulin(since_us=4 * H) == 1_100_000


@pytest.mark.req("TMP-02")
def test_a_temp_basal_is_cancelled_and_the_profile_applies() -> None:
    bench = Bench().start()
    bench.do(events.ProposeTemp(0, 2 * H, percent=0))
    bench.to(30 * MIN)
    ended = only(TempEnded, bench.do(events.CancelTemp(30 * MIN)))
    assert ended.reason is EndReason.CANCELED
    assert bench.status.temp_until_us is None
    assert is_refused(bench.pump, events.CancelTemp(30 * MIN))
    bench.to(90 * MIN)
    assert bench.insulin() == U


@pytest.mark.req("TMP-02")
def test_a_later_temp_basal_takes_the_place_of_the_earlier_one_which_does_not_come_back() -> None:
    bench = Bench().start()
    bench.do(events.ProposeTemp(0, 4 * H, percent=0))
    bench.to(H)
    effects = bench.do(events.ProposeTemp(H, 30 * MIN, percent=50))
    assert only(TempEnded, effects).reason is EndReason.CANCELED
    assert only(TempStarted, effects).until_us == 90 * MIN
    bench.to(90 * MIN)
    assert (bench.status.rate_uu_per_h, bench.status.temp_until_us) == (U, None)


@pytest.mark.req("TMP-03", "WCH-02")
def test_a_temp_basal_of_nothing_delivers_nothing_and_is_watched() -> None:
    bench = Bench().start()
    bench.do(events.ProposeTemp(0, 12 * H, percent=0))
    bench.to(2 * H - 1)
    assert bench.alarm(Kind.NO_DELIVERY_HIGH) is None
    bench.to(12 * H - 1)
    assert bench.pulses() == []
    assert bench.status.state is State.RUNNING
    assert bench.alarm(Kind.NO_DELIVERY_DANGER) is not None


@pytest.mark.req("TMP-04")
@pytest.mark.parametrize(
    ("how", "acts"),
    [
        ({"percent": 100}, True),
        ({"percent": 101}, True),  # rounds down to the very rate of the profile, in every segment
        ({"percent": 110}, False),
        ({"percent": 0}, True),
        ({"rate_uu_per_h": 600_000}, True),
        ({"rate_uu_per_h": 625_000}, False),  # more than the night's rate
    ],
)
def test_a_temp_basal_that_could_add_insulin_is_proposed_first(how: dict[str, int], *, acts: bool) -> None:
    bench = Bench(plan=DAY_AND_NIGHT).start()
    effects = bench.do(events.ProposeTemp(0, 2 * H, **how))
    assert bool(those(TempStarted, effects)) is acts
    assert bool(those(Proposed, effects)) is not acts
    if not acts:
        assert bench.status.rate_reason == "profile"
        bench.to(MIN)
        bench.do(events.Confirm(MIN, 1))
        assert bench.status.temp_until_us == MIN + 2 * H  # it begins when it was confirmed
        bench.do(events.Confirm(MIN + 1, 1))
        assert bench.status.temp_until_us == MIN + 2 * H


@pytest.mark.req("LIM-09", "LIM-01")
@pytest.mark.parametrize(
    "request_",
    [
        events.ProposeTemp(0, H),
        events.ProposeTemp(0, H, rate_uu_per_h=U, percent=100),
        events.ProposeTemp(0, H, percent=201),
        events.ProposeTemp(0, H, percent=-1),
        events.ProposeTemp(0, H, rate_uu_per_h=2_050_000),
        events.ProposeTemp(0, H, rate_uu_per_h=12_500),
        events.ProposeTemp(0, H, rate_uu_per_h=-1),
        events.ProposeTemp(0, H, percent=190),  # 1.1 U/h times 1.9 is above the person's 2 U/h
        events.ProposeTemp(0, 0, percent=50),
        events.ProposeTemp(0, -H, percent=50),
        events.ProposeTemp(0, 20 * MIN, percent=50),
        events.ProposeTemp(0, 45 * MIN, percent=50),
        events.ProposeTemp(0, 25 * H, percent=50),
    ],
)
def test_a_temp_basal_out_of_bounds_is_refused(request_: events.ProposeTemp) -> None:
    limits = replace(LIMITS, max_temp_basal_uu_per_h=2 * U, max_temp_basal_percent=200)
    assert is_refused(Bench(plan=DAY_AND_NIGHT, limits=limits).start().pump, request_)


@pytest.mark.req("LIM-09")
def test_a_plan_under_which_the_running_temp_basal_would_break_a_bound_is_refused() -> None:
    bench = Bench(limits=replace(LIMITS, max_temp_basal_uu_per_h=2 * U)).start()
    bench.do(events.Confirm(0, bench.propose(events.ProposeTemp(0, H, percent=200))))
    assert is_refused(bench.pump, events.ProposePlan(0, plan_of((0, 1_050_000))))
    bench.propose(events.ProposePlan(0, plan_of((0, U))))


def test_no_temp_basal_is_begun_while_delivery_is_stopped() -> None:
    bench = Bench().start()
    bench.do(events.Suspend(0))
    assert is_refused(bench.pump, events.ProposeTemp(0, H, percent=50))


# The clock ------------------------------------------------------------------------------------------------------------


@pytest.mark.req("TIM-02", "TIM-01")
@pytest.mark.parametrize("by_h", [-30, -5, 1, 12, 24 * 400])
def test_setting_the_clock_makes_and_swallows_no_insulin(by_h: int) -> None:
    bench = Bench().start()
    bench.bolus(0, extended_uu=2 * U, extended_us=2 * H)
    bench.do(events.ProposeTemp(0, 90 * MIN, percent=50))
    bench.to(H)
    before = bench.status
    at = Anchor(H, MONDAY + timedelta(hours=1 + by_h))
    told = only(ReferenceTime, bench.do(events.ClockSet(H, at, "UTC")))
    assert told.before_us is not None
    assert told.after_us - told.before_us == by_h * H
    after = bench.status
    assert after.boluses == before.boluses
    assert (after.on_board, after.reservoir_uu) == (before.on_board, before.reservoir_uu)
    assert (after.temp_until_us, after.rate_uu_per_h) == (90 * MIN, 500_000)
    bench.to(3 * H)
    assert bench.insulin("extended") == 2 * U
    assert bench.insulin("basal") == 750_000 + 1_500_000


@pytest.mark.req("TIM-01")
def test_the_clock_chooses_the_segment_from_then_on() -> None:
    bench = Bench(plan=DAY_AND_NIGHT).start()
    bench.to(H)
    bench.do(events.ClockSet(H, Anchor(H, MONDAY + timedelta(hours=21, minutes=30)), "UTC"))
    assert bench.status.rate_uu_per_h == 1_100_000
    bench.to(H + 30 * MIN)
    assert bench.status.rate_uu_per_h == 600_000
    bench.do(events.ClockSet(H + 30 * MIN, Anchor(H + 30 * MIN, MONDAY + timedelta(hours=22)), "Asia/Tokyo"))
    assert bench.status.rate_uu_per_h == 1_100_000  # seven in the morning there
    bench.to(2 * H + 30 * MIN)
    assert bench.insulin() == 800_000 + 550_000 + 1_100_000


@pytest.mark.req("TIM-03")
@pytest.mark.parametrize(
    ("day", "uu"),
    [(datetime(2026, 3, 28, 23, tzinfo=UTC), -800_000), (datetime(2026, 10, 24, 22, tzinfo=UTC), 800_000)],
)
def test_days_of_23_and_25_hours_have_the_rates_of_their_local_times(day: datetime, uu: int) -> None:
    bench = Bench(plan=DAY_AND_NIGHT, anchor=Anchor(0, day), zone="Europe/Copenhagen").start()
    hours = 24 + uu // 800_000
    bench.to(hours * H)
    assert bench.insulin() == OF_A_DAY + uu
    assert bench.status.rate_uu_per_h == 800_000
    assert those(StepsMissed, bench.effects) == []


@pytest.mark.req("TIM-03")
def test_a_year_in_a_zone_with_daylight_saving_loses_and_doubles_no_hour() -> None:
    bench = Bench(plan=plan_of((0, 500_000), (H, 550_000)), zone="America/New_York").start()
    edges = []
    for at_us in range(DAY, 400 * DAY, DAY):  # a host that calls once a day is late for its pulses, not for its rates
        edges += [each.at_us for each in those(RateChanged, bench.do(events.Tick(at_us)))]
    nights = [b - a for a, b in pairwise(edges)]
    assert sorted(set(nights)) == [H, 22 * H, 23 * H, 24 * H]
    assert (nights.count(22 * H), nights.count(24 * H)) == (1, 1)


@pytest.mark.req("TIM-05")
@pytest.mark.parametrize(
    "start",
    [
        datetime(2015, 12, 31, 12, tzinfo=UTC),
        datetime(2028, 2, 28, 12, tzinfo=UTC),
        datetime(2038, 1, 19, tzinfo=UTC),
        datetime(2100, 2, 28, 12, tzinfo=UTC),
        datetime(2106, 2, 7, tzinfo=UTC),
        datetime(1970, 1, 1, tzinfo=UTC),
    ],
)
def test_no_date_stops_basal(start: datetime) -> None:
    bench = Bench(anchor=Anchor(0, start), zone="America/New_York" if start.year > 1970 else "UTC").start()
    bench.to(2 * DAY)
    assert bench.insulin() == 48 * U


@pytest.mark.req("TIM-05")
@pytest.mark.parametrize("before_us", [27 * H, 40 * H])
def test_the_end_of_the_calendar_does_not_stop_basal(before_us: int) -> None:
    bench = Bench().start()
    end = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=HARD_LIMITS["wall_clock_us"].largest - before_us)
    is_refused(bench.pump, events.ClockSet(0, Anchor(0, end), "UTC"))  # or it is taken; basal goes on either way
    bench.to(2 * DAY)
    assert bench.insulin() == 48 * U


@pytest.mark.req("TIM-05", "TIM-01")
def test_monotonic_time_past_2_to_the_32_milliseconds_and_microseconds_is_as_good_as_any() -> None:
    for begin_us in (2**32 * 1000 - H, 2**32 - MIN, 2**53 - H):
        bench = Bench(at_us=begin_us, anchor=Anchor(begin_us, MONDAY))
        bench.start(begin_us)
        bench.to(begin_us + 3 * H)
        assert bench.insulin() == 3 * U
        assert [pulse.at_us - begin_us for pulse in bench.pulses()][:2] == [90 * SEC, 180 * SEC]


@pytest.mark.req("TIM-05")
def test_the_end_of_monotonic_time_is_no_crash() -> None:
    end_us = HARD_LIMITS["time_us"].largest
    bench = Bench(at_us=end_us - H, anchor=Anchor(end_us - H, MONDAY)).start(end_us - H)
    bench.to(end_us)
    assert bench.insulin() == U
    deadline_us = bench.pump.next_deadline_us()
    assert deadline_us is None or deadline_us <= end_us


@pytest.mark.req("TIM-04")
def test_an_event_that_is_older_than_the_last_is_refused() -> None:
    bench = Bench().start()
    bench.to(H)
    for event in (events.Tick(H - 1), events.Suspend(H - 1), events.BatteryMeasured(0, 50)):
        assert is_refused(bench.pump, event)
    bench.do(events.Tick(H))


@pytest.mark.req("TIM-04")
def test_an_event_that_is_older_than_a_confirmation_is_refused() -> None:
    bench = Bench().start()
    pulse = bench.next_pulse()
    bench.do(events.PulseConfirmed(pulse.at_us + 5, pulse.seq))
    assert bench.now_us == pulse.at_us + 5
    assert is_refused(bench.pump, events.Tick(pulse.at_us + 4))


@pytest.mark.req("TIM-06")
def test_after_a_confirmation_that_comes_later_than_the_next_pulse_the_deadline_still_lies_ahead() -> None:
    bench = Bench().start()
    pulse = bench.next_pulse()
    bench.do(events.PulseConfirmed(pulse.at_us + 200 * SEC, pulse.seq))
    assert bench.pump.next_deadline_us() == pulse.at_us + 200 * SEC + 1


@pytest.mark.req("TIM-06")
def test_the_deadline_lies_ahead_and_asking_for_it_changes_nothing() -> None:
    bench = Bench(plan=DAY_AND_NIGHT)
    bench.start()
    bench.bolus(0, fast_uu=U)
    for _ in range(300):
        before = everything(bench.pump)
        deadline_us = bench.pump.next_deadline_us()
        assert everything(bench.pump) == before
        assert deadline_us is not None
        assert deadline_us > bench.now_us
        bench.do(events.Tick(deadline_us))


@pytest.mark.req("DEL-03", "TIM-06")
@pytest.mark.parametrize("every_us", [7 * SEC, 29 * SEC])
def test_a_host_that_calls_more_often_sees_the_same_pulses(every_us: int) -> None:
    benches = [Bench(plan=DAY_AND_NIGHT, device=load("medtronic-523")) for _ in range(2)]
    for bench in benches:
        bench.start()
        bench.bolus(0, fast_uu=U, extended_uu=U, extended_us=H)
    benches[0].to(2 * H)
    for at_us in range(every_us, 2 * H, every_us):
        benches[1].do(events.Tick(at_us))
    benches[1].do(events.Tick(2 * H))
    at = [[(pulse.at_us, pulse.channel, pulse.steps) for pulse in bench.pulses()] for bench in benches]
    assert at[0] == at[1]
