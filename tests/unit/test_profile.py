"""Profiles, the week and temp basals as rate segments: the boundary cases, by hand and with their dates."""

from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta, timezone
from importlib.resources import files
from itertools import islice, pairwise
from typing import TYPE_CHECKING, cast
from zoneinfo import ZoneInfo, available_timezones

import pytest

from pumpcore import devices
from pumpcore.errors import LimitError, QuantityError
from pumpcore.limits import Limits
from pumpcore.therapy.profile import AbsoluteTemp, Anchor, BasalProfile, PercentTemp, Segment, WeekPlan, rate_segments
from pumpcore.units import US_PER_DAY, US_PER_HOUR, US_PER_MINUTE

if TYPE_CHECKING:
    from datetime import tzinfo

    from pumpcore.therapy.profile import TempBasal

H, M = US_PER_HOUR, US_PER_MINUTE
PARADIGM = devices.load("medtronic-523")
COPENHAGEN = ZoneInfo("Europe/Copenhagen")

HOURLY = WeekPlan.of(BasalProfile("hourly", tuple(Segment(h * H, 100_000 * (h + 1)) for h in range(24))))
"""At h o'clock the rate is h + 1 tenths: what runs tells the time."""

AMPLE = Limits(
    max_basal_uu_per_h=35_000_000,
    max_temp_basal_uu_per_h=35_000_000,
    max_temp_basal_percent=200,
    max_bolus_uu=25_000_000,
    max_hour_uu=100_000_000,
    max_day_uu=300_000_000,
)


def flat(name: str, rate_uu_per_h: int) -> BasalProfile:
    return BasalProfile(name, (Segment(0, rate_uu_per_h),))


def segments(
    plan: WeekPlan,
    start: datetime,
    span_us: int,
    *temps: TempBasal,
    zone: tzinfo = COPENHAGEN,
) -> list[tuple[int, int]]:
    """Rate segments from `start` on, which is monotonic 0."""
    window = {"from_us": 0, "to_us": span_us}
    return list(rate_segments(plan, temps, device=PARADIGM, zone=zone, anchor=Anchor(0, start), **window))


def hours(plan: WeekPlan, start: datetime, count: int, *temps: TempBasal, zone: tzinfo = COPENHAGEN) -> list[int]:
    """Tenths of U/h that run at the start of each hour from `start` on."""
    found = segments(plan, start, count * H, *temps, zone=zone)
    return [next(rate for at, rate in reversed(found) if at <= hour * H) // 100_000 for hour in range(count)]


# Profiles


@pytest.mark.parametrize(
    ("pairs", "field"),
    [
        ([], "segments"),
        ([(h * M, 0) for h in range(49)], "segments"),
        ([(1, 0)], "segments[0].start_us"),
        ([(-1, 0)], "segments[0].start_us"),
        ([(0, 0), (0, 1)], "segments[1].start_us"),
        ([(0, 0), (5, 1), (4, 2)], "segments[2].start_us"),
        ([(0, 0), (US_PER_DAY, 1)], "segments[1].start_us"),
        ([(0, -1)], "segments[0].rate_uu_per_h"),
        ([(0, 0), (1, 10**9 + 1)], "segments[1].rate_uu_per_h"),
    ],
)
def test_what_is_no_profile_is_refused_by_segment(pairs: list[tuple[int, int]], field: str) -> None:
    with pytest.raises(LimitError) as refused:
        BasalProfile("x", tuple(Segment(*pair) for pair in pairs))
    assert refused.value.limit == field


@pytest.mark.parametrize(
    ("pair", "field"),
    [((0.0, 1), "segments[0].start_us"), ((0, 1.0), "segments[0].rate_uu_per_h"), ((False, 1), "segments[0].start_us")],
)
def test_floats_in_a_profile_are_refused(pair: tuple[int, int], field: str) -> None:
    with pytest.raises(QuantityError) as refused:
        BasalProfile("x", (Segment(*pair),))
    assert refused.value.field == field


def test_names() -> None:
    assert flat("n" * 40, 0).name == "n" * 40
    for name in ("", "n" * 41):
        with pytest.raises(LimitError, match=r"^name: "):
            flat(name, 0)
    with pytest.raises(QuantityError, match=r"^name: "):
        flat(1, 0)  # type: ignore[arg-type]


@pytest.mark.req("PRF-01")
def test_a_profile_covers_its_day_to_the_last_microsecond() -> None:
    profile = BasalProfile("x", (Segment(0, 1), Segment(1, 2), Segment(US_PER_DAY - 1, 3)))
    assert [profile.rate_uu_per_h_at(t) for t in (0, 1, US_PER_DAY - 2, US_PER_DAY - 1)] == [1, 2, 2, 3]
    assert [profile.end_us(i) for i in range(3)] == [1, US_PER_DAY - 1, US_PER_DAY]


@pytest.mark.req("PRF-01")
def test_48_half_hours_fit() -> None:
    profile = BasalProfile("x", tuple(Segment(i * 30 * M, 50_000 * i) for i in range(48)))
    profile.check(device=PARADIGM, limits=AMPLE)
    assert [profile.rate_uu_per_h_at(i * 30 * M) for i in range(48)] == [50_000 * i for i in range(48)]


def test_pairs_and_lists_become_segments() -> None:
    profile = BasalProfile("x", [(0, 5)])  # type: ignore[arg-type]
    assert profile == flat("x", 5)
    assert hash(profile) == hash(flat("x", 5))
    assert WeekPlan([profile] * 7) == WeekPlan.of(flat("x", 5))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("pairs", "limits", "error", "field"),
    [
        ([(0, 35_000_000)], AMPLE, None, ""),
        ([(0, 0)], Limits(), None, ""),  # nothing chosen: nothing runs
        ([(0, 25_000)], Limits(), LimitError, "segments[0].rate_uu_per_h"),
        ([(0, 0), (30 * M, 1_000_000)], Limits(max_basal_uu_per_h=975_000), LimitError, "segments[1].rate_uu_per_h"),
        ([(0, 1_000_000)], Limits(max_basal_uu_per_h=1_000_000), None, ""),
        ([(0, 35_100_000)], AMPLE, LimitError, "segments[0].rate_uu_per_h"),
        ([(0, 0), (M, 1)], AMPLE, QuantityError, "segments[1].start_us"),
        ([(0, 0), (30 * M, 1_025_000)], AMPLE, QuantityError, "segments[1].rate_uu_per_h"),
    ],
)
def test_what_this_pump_may_run_for_this_person(
    pairs: list[tuple[int, int]], limits: Limits, error: type[Exception] | None, field: str
) -> None:
    plan = WeekPlan.of(BasalProfile("x", tuple(Segment(*pair) for pair in pairs)))
    if error is None:
        plan.check(device=PARADIGM, limits=limits)
    else:
        with pytest.raises(error) as refused:
            plan.check(device=PARADIGM, limits=limits)
        assert str(refused.value).startswith(f"{field}: ")


def test_a_device_that_keeps_fewer_segments_refuses_more() -> None:
    text = files(devices).joinpath("generic-0.05.toml").read_text(encoding="utf-8")
    device = devices.parse(text.replace("segments = { value = 48", "segments = { value = 24"), device_id="test")
    profile = BasalProfile("x", tuple(Segment(i * 30 * M, 0) for i in range(25)))
    with pytest.raises(LimitError, match=r"^segments: 25 is above the largest allowed, 24"):
        profile.check(device=device, limits=AMPLE)


# The week


def test_a_week_has_seven_days() -> None:
    for count in (0, 6, 8):
        with pytest.raises(LimitError, match=r"^days: "):
            WeekPlan((flat("x", 0),) * count)


def test_one_name_is_one_profile() -> None:
    with pytest.raises(QuantityError, match=r"^days: "):
        WeekPlan.of(flat("x", 0), weekend=flat("x", 1))
    assert WeekPlan.of(flat("x", 0), weekend=flat("x", 0)).profiles() == (flat("x", 0),)


def test_more_profiles_than_the_pump_keeps_are_refused() -> None:
    plan = WeekPlan(tuple(flat(str(i % 4), 0) for i in range(7)))
    with pytest.raises(LimitError, match=r"^days: 4 is above the largest allowed, 3 profiles$"):
        plan.check(device=PARADIGM, limits=AMPLE)
    WeekPlan(tuple(flat(str(i % 3), 0) for i in range(7))).check(device=PARADIGM, limits=AMPLE)


@pytest.mark.req("PRF-03")
def test_the_week_switches_by_itself_at_local_midnight() -> None:
    week = WeekPlan(tuple(flat(name, 100_000 * (i + 1)) for i, name in enumerate("mtwTfsS")))
    friday = datetime(2026, 7, 3, 12, tzinfo=COPENHAGEN)
    assert segments(week, friday, 4 * US_PER_DAY) == [
        (0, 500_000),
        (12 * H, 600_000),
        (36 * H, 700_000),
        (60 * H, 100_000),
        (84 * H, 200_000),
    ]


def test_the_day_before_1970_has_its_weekday() -> None:
    """Local time can be before the epoch where UTC is not: 1969-12-31 was a Wednesday."""
    week = WeekPlan(tuple(flat(name, 100_000 * (i + 1)) for i, name in enumerate("mtwTfsS")))
    west = timezone(timedelta(hours=-1))
    assert segments(week, datetime(1970, 1, 1, tzinfo=UTC), 2 * H, zone=west) == [(0, 300_000), (H, 400_000)]


# The local clock


def test_an_ordinary_day_reads_the_clock() -> None:
    assert hours(HOURLY, datetime(2026, 6, 1, tzinfo=COPENHAGEN), 25) == [*range(1, 25), 1]


@pytest.mark.req("TIM-03")
def test_a_day_of_23_hours_drops_the_hour_that_never_was() -> None:
    """02:00 to 03:00 of 29 March 2026 is missing in Copenhagen (Loop#220, AndroidAPS#1538 lose or double it)."""
    start = datetime(2026, 3, 29, tzinfo=COPENHAGEN)
    assert hours(HOURLY, start, 24) == [1, 2, *range(4, 25), 1]
    assert segments(HOURLY, start, 23 * H)[1:3] == [(H, 200_000), (2 * H, 400_000)]


def test_a_day_of_25_hours_repeats_the_hour_that_comes_twice() -> None:
    start = datetime(2026, 10, 25, tzinfo=COPENHAGEN)
    assert hours(HOURLY, start, 26) == [1, 2, 3, 3, *range(4, 25), 1]


def test_a_rate_edge_exactly_at_the_jump() -> None:
    """An edge at 02:00 or 03:00 takes effect at the very microsecond of the jump, one inside the gap as well."""
    jump_us = 2 * H
    start = datetime(2026, 3, 29, tzinfo=COPENHAGEN)
    for edge_us in (2 * H, 2 * H + 30 * M, 3 * H):
        plan = WeekPlan.of(BasalProfile("x", (Segment(0, 1), Segment(edge_us, 2))))
        assert segments(plan, start, 12 * H) == [(0, 1), (jump_us, 2)]
    after = WeekPlan.of(BasalProfile("x", (Segment(0, 1), Segment(3 * H + 1, 2))))
    assert segments(after, start, 12 * H) == [(0, 1), (jump_us + 1, 2)]


def test_a_rate_edge_in_the_repeated_hour_comes_twice() -> None:
    """At 03:00 summer time the clock reads 02:00 again, so that the rate before 02:30 runs a second time."""
    plan = WeekPlan.of(BasalProfile("x", (Segment(0, 1), Segment(2 * H + 30 * M, 2))))
    start = datetime(2026, 10, 25, tzinfo=COPENHAGEN)
    assert segments(plan, start, 12 * H) == [(0, 1), (2 * H + 30 * M, 2), (3 * H, 1), (3 * H + 30 * M, 2)]


def test_half_an_hour_of_daylight_saving() -> None:
    """Lord Howe goes from +10:30 to +11 at 02:00 on 4 October 2026, and back at 02:00 on 4 April 2027."""
    zone = ZoneInfo("Australia/Lord_Howe")
    plan = WeekPlan.of(BasalProfile("x", (Segment(0, 1), Segment(2 * H, 2), Segment(2 * H + 30 * M, 3))))
    forth = segments(plan, datetime(2026, 10, 4, tzinfo=zone), 12 * H, zone=zone)
    assert forth == [(0, 1), (2 * H, 3)]
    back = segments(plan, datetime(2027, 4, 4, tzinfo=zone), 12 * H, zone=zone)
    assert back == [(0, 1), (2 * H + 30 * M, 2), (3 * H, 3)]
    hour = WeekPlan.of(BasalProfile("x", (Segment(0, 1), Segment(H + 45 * M, 2))))
    again = segments(hour, datetime(2027, 4, 4, tzinfo=zone), 12 * H, zone=zone)
    assert again == [(0, 1), (H + 45 * M, 2), (2 * H, 1), (2 * H + 15 * M, 2)]


def test_a_jump_at_midnight() -> None:
    """In Santiago the day of 6 September 2026 begins at 01:00, so the day before lasts until then."""
    zone = ZoneInfo("America/Santiago")
    week = WeekPlan.of(flat("work", 7), weekend=BasalProfile("rest", (Segment(0, 1), Segment(H, 2), Segment(2 * H, 3))))
    assert segments(week, datetime(2026, 9, 5, 23, tzinfo=zone), 3 * H, zone=zone) == [(0, 3), (H, 2), (2 * H, 3)]


def test_a_day_that_never_was() -> None:
    """Samoa had no Friday 30 December 2011."""
    zone = ZoneInfo("Pacific/Apia")
    week = WeekPlan(tuple(flat(name, 100_000 * (i + 1)) for i, name in enumerate("mtwTfsS")))
    assert segments(week, datetime(2011, 12, 29, tzinfo=zone), 3 * US_PER_DAY, zone=zone) == [
        (0, 400_000),
        (24 * H, 600_000),
        (48 * H, 700_000),
    ]


def test_a_week_of_daylight_saving() -> None:
    """Recife had summer time from 8 to 15 October 2000 only, the shortest of all zones; days have 23 and 25 hours."""
    zone = ZoneInfo("America/Recife")
    plan = WeekPlan(tuple(flat(name, 100_000 * (i + 1)) for i, name in enumerate("mtwTfsS")))
    found = segments(plan, datetime(2000, 10, 7, tzinfo=zone), 10 * US_PER_DAY, zone=zone)
    days = [(b - a) // H for (a, _), (b, _) in pairwise(found)]
    assert [rate // 100_000 for _, rate in found] == [6, 7, 1, 2, 3, 4, 5, 6, 7, 1]
    assert days == [24, 23, 24, 24, 24, 24, 24, 25, 24]


def test_a_leap_day() -> None:
    plan = WeekPlan(tuple(flat(name, 100_000 * (i + 1)) for i, name in enumerate("mtwTfsS")))
    monday = datetime(2028, 2, 28, tzinfo=UTC)
    assert hours(plan, monday, 73, zone=UTC)[::24] == [1, 2, 3, 4]
    not_in_2100 = datetime(2100, 2, 28, tzinfo=UTC)  # a Sunday, and the next day is 1 March
    assert hours(plan, not_in_2100, 25, zone=UTC)[::24] == [7, 1]


@pytest.mark.req("TIM-05")
@pytest.mark.parametrize(
    "start",
    [
        datetime(2038, 1, 19, 3, tzinfo=UTC),  # 32 bits of seconds end at 03:14:07
        datetime(2015, 12, 31, 23, tzinfo=UTC),  # a pump stopped for good
        datetime(2036, 2, 7, 6, tzinfo=UTC),  # NTP's era ends at 06:28:16
        datetime(2106, 2, 7, 6, tzinfo=UTC),  # unsigned 32 bits end at 06:28:15
        datetime(2299, 12, 31, 23, tzinfo=UTC),
    ],
)
def test_dates_at_which_others_stopped(start: datetime) -> None:
    assert hours(HOURLY, start, 30, zone=UTC) == [(start.hour + i) % 24 + 1 for i in range(30)]


def test_daylight_saving_in_the_year_2299() -> None:
    """The rule of today goes on: the last Sunday of March 2299 is the 26th."""
    start = datetime(2299, 3, 26, tzinfo=COPENHAGEN)
    assert hours(HOURLY, start, 4) == [1, 2, 4, 5]


def test_a_century_is_read_lazily() -> None:
    """The first entries of a window of 274 years come without the rest."""
    anchor = Anchor(0, datetime(2026, 6, 1, tzinfo=UTC))
    found = rate_segments(HOURLY, device=PARADIGM, zone=UTC, anchor=anchor, from_us=0, to_us=100_000 * US_PER_DAY)
    assert list(islice(found, 3)) == [(0, 100_000), (H, 200_000), (2 * H, 300_000)]


def test_274_years_in_full() -> None:
    """One edge a day, each at the local 06:00, to the end of the year 2299."""
    plan = WeekPlan.of(flat("work", 1), weekend=flat("rest", 2))
    start = datetime(2026, 1, 5, tzinfo=COPENHAGEN)  # a Monday
    span_us = (datetime(2299, 12, 31, tzinfo=COPENHAGEN) - start) // timedelta(microseconds=1)
    found = segments(plan, start, span_us)
    days = (datetime(2299, 12, 31, tzinfo=UTC) - datetime(2026, 1, 5, tzinfo=UTC)).days
    assert len(found) == 2 * (days // 7) + 1 + (days % 7 > 5)
    for at, rate in found:
        local = (start.astimezone(UTC) + timedelta(microseconds=at)).astimezone(COPENHAGEN)
        assert (local.weekday(), local.time().isoformat(), rate) in {(0, "00:00:00", 1), (5, "00:00:00", 2)}


def test_no_zone_changes_twice_within_a_day() -> None:
    """What `_offsets` counts on, read from the tz database itself: its closest two changes are 167 h apart."""
    closest_s, zones = 10**9, 0
    for key in sorted(available_timezones()):
        path = files("tzdata").joinpath("zoneinfo", *key.split("/"))
        if not path.is_file():
            continue
        zones += 1
        changes = changes_s(path.read_bytes())
        closest_s = min([closest_s, *(b - a for a, b in pairwise(changes))])
    assert zones > 400
    assert closest_s > 2 * 24 * 3600


def changes_s(data: bytes) -> list[int]:
    """Instants at which the offset changes, from the 64-bit block of a TZif file (RFC 9636)."""

    def counts(at: int) -> tuple[int, ...]:
        assert data[at : at + 4] == b"TZif"
        return struct.unpack(">6l", data[at + 20 : at + 44])

    is_ut, is_std, leap, times, types, letters = counts(0)
    second = 44 + times * 5 + types * 6 + letters + leap * 8 + is_std + is_ut
    times, types = counts(second)[3:5]
    at = second + 44
    instants = struct.unpack(f">{times}q", data[at : at + 8 * times])
    kinds = data[at + 8 * times : at + 9 * times]
    offsets = [struct.unpack_from(">l", data, at + 9 * times + 6 * i)[0] for i in range(types)]
    before = [0, *kinds]
    return [t for t, old, new in zip(instants, before, kinds, strict=False) if offsets[old] != offsets[new]]


# Temp basals


@pytest.mark.req("TMP-01")
def test_a_temp_basal_ends_by_itself_and_then_that_time_of_day_applies() -> None:
    start = datetime(2026, 6, 1, 6, tzinfo=COPENHAGEN)
    assert hours(HOURLY, start, 6, AbsoluteTemp(H, 3 * H, 5_000_000)) == [7, 50, 50, 50, 11, 12]


def test_a_temp_basal_of_nothing() -> None:
    start = datetime(2026, 6, 1, 6, tzinfo=COPENHAGEN)
    for nothing in (AbsoluteTemp(H, 2 * H, 0), PercentTemp(H, 2 * H, 0)):
        assert segments(HOURLY, start, 4 * H, nothing) == [(0, 700_000), (H, 0), (3 * H, 1_000_000)]


def test_a_temp_basal_that_ends_exactly_on_an_edge() -> None:
    start = datetime(2026, 6, 1, 6, tzinfo=COPENHAGEN)
    exact = segments(HOURLY, start, 3 * H, AbsoluteTemp(30 * M, 30 * M, 5_000_000))
    assert exact == [(0, 700_000), (30 * M, 5_000_000), (H, 800_000), (2 * H, 900_000)]
    early = segments(HOURLY, start, 2 * H, AbsoluteTemp(30 * M, 30 * M - 1, 5_000_000))
    assert early == [(0, 700_000), (30 * M, 5_000_000), (H - 1, 700_000), (H, 800_000)]
    late = segments(HOURLY, start, 2 * H, AbsoluteTemp(30 * M, 30 * M + 1, 5_000_000))
    assert late == [(0, 700_000), (30 * M, 5_000_000), (H + 1, 800_000)]


def test_percent_is_of_the_rate_in_force_in_each_segment_and_rounded_down() -> None:
    """125 % of 0.90, 0.95 and 0.875 U/h on an x23: what daily totals of a real one show."""
    plan = WeekPlan.of(BasalProfile("x", (Segment(0, 900_000), Segment(4 * H, 950_000), Segment(5 * H, 875_000))))
    start = datetime(2015, 2, 7, tzinfo=UTC)
    assert segments(plan, start, 8 * H, PercentTemp(0, 6 * H, 125), zone=UTC) == [
        (0, 1_100_000),
        (4 * H, 1_150_000),
        (5 * H, 1_050_000),
        (6 * H, 875_000),
    ]


def test_percent_of_a_rate_on_no_step_is_rounded_down_once() -> None:
    """99 % of 0.050505 U/h is 0.04999995 U/h: just less than a step, and so is the result."""
    assert PercentTemp(0, H, 99).over(50_505, PARADIGM) == 25_000


def test_100_percent_changes_nothing() -> None:
    start = datetime(2026, 3, 28, 12, tzinfo=COPENHAGEN)
    assert segments(HOURLY, start, 30 * H, PercentTemp(H, 24 * H, 100)) == segments(HOURLY, start, 30 * H)


def test_a_temp_basal_of_24_h_across_daylight_saving_lasts_24_h() -> None:
    """From 12:00 on the day before, it ends at 13:00: 24 hours have passed, and the clock has jumped one."""
    start = datetime(2026, 3, 28, 12, tzinfo=COPENHAGEN)
    found = segments(HOURLY, start, 25 * H, AbsoluteTemp(0, 24 * H, 0))
    assert found == [(0, 0), (24 * H, 1_400_000)]
    autumn = datetime(2026, 10, 24, 12, tzinfo=COPENHAGEN)
    assert segments(HOURLY, autumn, 25 * H, AbsoluteTemp(0, 24 * H, 0)) == [(0, 0), (24 * H, 1_200_000)]


def test_percent_follows_the_clock_across_daylight_saving() -> None:
    start = datetime(2026, 3, 29, tzinfo=COPENHAGEN)
    assert hours(HOURLY, start, 5, PercentTemp(0, 24 * H, 200)) == [2, 4, 8, 10, 12]


def test_a_later_temp_basal_takes_the_place_of_an_earlier_one_which_does_not_come_back() -> None:
    start = datetime(2026, 6, 1, 6, tzinfo=COPENHAGEN)
    temps = (AbsoluteTemp(0, 5 * H, 5_000_000), PercentTemp(H, H, 0))
    assert hours(HOURLY, start, 4, *temps) == [50, 0, 9, 10]
    reissued = [AbsoluteTemp(i * 5 * M, 30 * M, 700_000) for i in range(12)]
    assert segments(HOURLY, start, 3 * H, *reissued) == [(0, 700_000), (85 * M, 800_000), (2 * H, 900_000)]


def test_a_temp_basal_from_before_the_window_still_runs() -> None:
    anchor = Anchor(10 * H, datetime(2026, 6, 1, 6, tzinfo=COPENHAGEN))
    temps = (AbsoluteTemp(2 * H, H, 1), AbsoluteTemp(9 * H, 2 * H, 5_000_000), AbsoluteTemp(20 * H, H, 2))
    found = rate_segments(HOURLY, temps, device=PARADIGM, zone=COPENHAGEN, anchor=anchor, from_us=10 * H, to_us=12 * H)
    assert list(found) == [(10 * H, 5_000_000), (11 * H, 800_000)]


def test_percent_above_the_largest_rate_is_refused_where_the_window_reaches_it() -> None:
    plan = WeekPlan.of(BasalProfile("x", (Segment(0, 1_000_000), Segment(6 * H, 20_000_000))))
    start = datetime(2026, 6, 1, tzinfo=UTC)
    temp = PercentTemp(0, 8 * H, 200)
    assert segments(plan, start, 6 * H, temp, zone=UTC) == [(0, 2_000_000)]
    with pytest.raises(LimitError, match="40000000 is above the largest allowed, 35000000 uu/h"):
        segments(plan, start, 6 * H + 1, temp, zone=UTC)


@pytest.mark.parametrize("temp", [AbsoluteTemp, PercentTemp])
@pytest.mark.parametrize(
    ("start_us", "duration_us", "how_much", "error"),
    [
        (-1, 1, 0, LimitError),
        (0, 0, 0, LimitError),
        (0, -1, 0, LimitError),
        (0, 10**17, 0, LimitError),
        (10**17, 1, 0, LimitError),
        (0, 1, -1, LimitError),
        (0, 1, 10**10, LimitError),
        (0.0, 1, 0, QuantityError),
        (0, 1.0, 0, QuantityError),
        (0, 1, 0.5, QuantityError),
        (0, 1, True, QuantityError),
    ],
)
def test_what_is_no_temp_basal_is_refused(
    temp: type[TempBasal], start_us: int, duration_us: int, how_much: int, error: type[Exception]
) -> None:
    with pytest.raises(error):
        temp(start_us, duration_us, how_much)


@pytest.mark.parametrize(
    ("temp", "limits", "error", "field"),
    [
        (AbsoluteTemp(0, 30 * M, 0), Limits(), None, ""),
        (AbsoluteTemp(0, 24 * H, 35_000_000), AMPLE, None, ""),
        (AbsoluteTemp(0, 30 * M, 25_000), Limits(), LimitError, "max_temp_basal_uu_per_h"),
        (AbsoluteTemp(0, 30 * M, 35_100_000), AMPLE, LimitError, "rate_uu_per_h"),
        (AbsoluteTemp(0, 30 * M, 1_025_000), AMPLE, QuantityError, "rate_uu_per_h"),
        (AbsoluteTemp(0, 29 * M, 0), AMPLE, LimitError, "duration_us"),
        (AbsoluteTemp(0, 45 * M, 0), AMPLE, QuantityError, "duration_us"),
        (AbsoluteTemp(0, 24 * H + 30 * M, 0), AMPLE, LimitError, "duration_us"),
        (AbsoluteTemp(0, 1, 0), AMPLE, LimitError, "duration_us"),
        (PercentTemp(0, 30 * M, 0), Limits(), None, ""),
        (PercentTemp(0, 30 * M, 200), AMPLE, None, ""),
        (PercentTemp(0, 30 * M, 201), AMPLE, LimitError, "percent"),
        (PercentTemp(0, 30 * M, 1), Limits(), LimitError, "max_temp_basal_percent"),
        (
            PercentTemp(0, 30 * M, 150),
            Limits(max_temp_basal_percent=149, max_temp_basal_uu_per_h=35_000_000),
            LimitError,
            "max_temp_basal_percent",
        ),
        (
            PercentTemp(0, 30 * M, 150),  # of 2.4 U/h at 23:00, long after its end
            Limits(max_temp_basal_percent=200, max_temp_basal_uu_per_h=3_599_999),
            LimitError,
            "max_temp_basal_uu_per_h",
        ),
        (
            PercentTemp(0, 30 * M, 150),
            Limits(max_temp_basal_percent=200, max_temp_basal_uu_per_h=3_600_000),
            None,
            "",
        ),
    ],
)
def test_which_temp_basal_this_pump_may_run_for_this_person(
    temp: TempBasal, limits: Limits, error: type[Exception] | None, field: str
) -> None:
    if error is None:
        temp.check(plan=HOURLY, device=PARADIGM, limits=limits)
    else:
        with pytest.raises(error) as refused:
            temp.check(plan=HOURLY, device=PARADIGM, limits=limits)
        assert str(refused.value).startswith(f"{field}: ")


def test_percent_that_the_pump_cannot_run_is_refused_beforehand() -> None:
    plan = WeekPlan.of(flat("x", 20_000_000))
    with pytest.raises(LimitError, match="40000000 is above the largest allowed, 35000000 uu/h"):
        PercentTemp(0, 30 * M, 200).check(plan=plan, device=PARADIGM, limits=AMPLE)


def test_the_pumps_own_bounds_for_a_temp_basal_hold_beside_those_for_basal_and_ours() -> None:
    text = files(devices).joinpath("generic-0.05.toml").read_text(encoding="utf-8")
    at = text.index("[temp_basal]")
    slow = devices.parse(text[:at] + text[at:].replace('largest = "30"', 'largest = "10"', 1), device_id="test")
    AbsoluteTemp(0, H, 10_000_000).check(plan=HOURLY, device=slow, limits=AMPLE)
    with pytest.raises(LimitError, match=r"^rate_uu_per_h: 10050000 is above the largest allowed, 10000000 uu/h$"):
        AbsoluteTemp(0, H, 10_050_000).check(plan=HOURLY, device=slow, limits=AMPLE)
    long = devices.parse(text.replace("largest = 1440", "largest = 14400"), device_id="test")
    AbsoluteTemp(0, 72 * H, 0).check(plan=HOURLY, device=long, limits=AMPLE)
    with pytest.raises(LimitError, match=r"^duration_us: "):
        AbsoluteTemp(0, 72 * H + 30 * M, 0).check(plan=HOURLY, device=long, limits=AMPLE)


def test_a_kind_that_the_pump_does_not_know_is_refused() -> None:
    text = files(devices).joinpath("generic-0.05.toml").read_text(encoding="utf-8")
    lines = text.splitlines(keepends=True)
    absolute = devices.parse("".join(line for line in lines if not line.startswith("rate_percent")), device_id="test")
    with pytest.raises(QuantityError, match=r"^percent: 50 is not possible: test has no temp basal in percent$"):
        PercentTemp(0, 30 * M, 50).check(plan=HOURLY, device=absolute, limits=AMPLE)
    head, tail = text.index("rate_u_per_h", text.index("[temp_basal]")), text.index("rate_percent")
    percent = devices.parse(text[:head] + text[tail:], device_id="test")
    with pytest.raises(QuantityError, match=r"^rate_uu_per_h: 50000 is not possible: test has no temp basal in U/h$"):
        AbsoluteTemp(0, 30 * M, 50_000).check(plan=HOURLY, device=percent, limits=AMPLE)
    start, end = text.index("[temp_basal]"), text.index("[bolus]")
    none = devices.parse(text[:start] + text[end:], device_id="test")
    for temp in (AbsoluteTemp(0, 30 * M, 0), PercentTemp(0, 30 * M, 0)):
        with pytest.raises(QuantityError, match=r"^duration_us: "):
            temp.check(plan=HOURLY, device=none, limits=AMPLE)


# The anchor and the window


def test_an_anchor_without_a_zone_is_refused() -> None:
    with pytest.raises(QuantityError, match=r"^utc: .* must be a datetime with a time zone$"):
        Anchor(0, datetime(2026, 1, 1))  # noqa: DTZ001  # the case


@pytest.mark.parametrize(
    ("monotonic_us", "utc"),
    [
        (-1, datetime(2026, 1, 1, tzinfo=UTC)),
        (10**17, datetime(2026, 1, 1, tzinfo=UTC)),
        (0, datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC)),
        (0, datetime(2400, 1, 1, 0, 0, 1, tzinfo=UTC)),
        (0, datetime.max.replace(tzinfo=UTC)),
    ],
)
def test_an_anchor_out_of_range_is_refused(monotonic_us: int, utc: datetime) -> None:
    with pytest.raises(LimitError):
        Anchor(monotonic_us, utc)


def test_an_anchor_takes_any_zone_and_keeps_every_microsecond() -> None:
    far = datetime(2299, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)  # a float of seconds cannot hold this
    assert Anchor(5, far).utc_us(5) % 1_000_000 == 999_999
    assert Anchor(5, far).utc_us(6) % 1_000_000 == 0
    assert Anchor(5, far) == Anchor(5, far.astimezone(COPENHAGEN))


def test_monotonic_time_before_the_anchor_is_as_good_as_after() -> None:
    at_ten = Anchor(10 * H, datetime(2026, 3, 29, 10, tzinfo=COPENHAGEN))
    at_one = Anchor(2 * H, datetime(2026, 3, 29, 1, tzinfo=COPENHAGEN))
    both = [
        list(rate_segments(HOURLY, device=PARADIGM, zone=COPENHAGEN, anchor=anchor, from_us=0, to_us=30 * H))
        for anchor in (at_ten, at_one)
    ]
    assert both[0] == both[1]


@pytest.mark.parametrize(
    ("from_us", "to_us", "error", "field"),
    [
        (5, 4, LimitError, "to_us"),
        (-1, 4, LimitError, "from_us"),
        (0, 10**17, LimitError, "to_us"),
        (0.0, 4, QuantityError, "from_us"),
        (0, 4.0, QuantityError, "to_us"),
        (0, 10**16, LimitError, "to_us by the wall clock"),
    ],
)
def test_a_window_that_is_none_is_refused_at_once(from_us: int, to_us: int, error: type[Exception], field: str) -> None:
    anchor = Anchor(0, datetime(2200, 1, 1, tzinfo=UTC))
    with pytest.raises(error) as refused:
        rate_segments(HOURLY, device=PARADIGM, zone=UTC, anchor=anchor, from_us=from_us, to_us=to_us)
    assert str(refused.value).startswith(f"{field}: ")


def test_a_window_before_the_wall_clock_began_is_refused() -> None:
    anchor = Anchor(H, datetime(1970, 1, 1, tzinfo=UTC))
    with pytest.raises(LimitError, match=r"^from_us by the wall clock: "):
        rate_segments(HOURLY, device=PARADIGM, zone=UTC, anchor=anchor, from_us=0, to_us=2 * H)


def test_an_empty_window_is_empty() -> None:
    assert segments(HOURLY, datetime(2026, 1, 1, tzinfo=UTC), 0) == []
    assert segments(HOURLY, datetime(2026, 1, 1, tzinfo=UTC), 1) == [(0, 200_000)]


@pytest.mark.parametrize("starts", [(0, 0), (5, 4)])
def test_temp_basals_out_of_order_are_refused_at_once(starts: tuple[int, int]) -> None:
    temps = [AbsoluteTemp(start, 1, 0) for start in starts]
    anchor = Anchor(0, datetime(2026, 1, 1, tzinfo=UTC))
    with pytest.raises(LimitError, match=r"^temps\[1\]\.start_us: "):
        rate_segments(HOURLY, temps, device=PARADIGM, zone=UTC, anchor=anchor, from_us=0, to_us=9)


def test_an_anchor_takes_a_datetime_alone() -> None:
    with pytest.raises(QuantityError, match=r"^utc: '2026' must be a datetime with a time zone$"):
        Anchor(0, cast("datetime", "2026"))
