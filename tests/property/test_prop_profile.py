"""Rate segments against the local clock, read at each instant by `datetime` and nothing else.

The second opinion asks, for one instant, what the clock on the wall shows and looks that time of day up; it knows no
transition, no day and no edge. Windows are drawn close to jumps of the clock, where it matters.
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pumpcore import devices
from pumpcore.testing.reference import reference_schedule
from pumpcore.therapy.profile import AbsoluteTemp, Anchor, BasalProfile, PercentTemp, Segment, WeekPlan, rate_segments
from pumpcore.units import US_PER_DAY, US_PER_HOUR, US_PER_MINUTE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pumpcore.therapy.profile import TempBasal

PARADIGM = devices.load("medtronic-523")

JUMPS = [
    ("UTC", "2026-01-01T00:00"),
    ("Europe/Copenhagen", "2026-03-29T01:00"),
    ("Europe/Copenhagen", "2026-10-25T01:00"),
    ("Europe/Dublin", "2026-03-29T01:00"),  # winter time is the exception there
    ("America/New_York", "2026-03-08T07:00"),
    ("America/New_York", "2299-11-05T06:00"),
    ("America/St_Johns", "2006-10-29T02:31"),  # one minute past midnight, half an hour off
    ("America/Santiago", "2026-09-06T04:00"),  # at midnight
    ("Australia/Lord_Howe", "2026-10-03T15:30"),  # half an hour
    ("Australia/Lord_Howe", "2027-04-03T15:00"),
    ("Antarctica/Troll", "2026-03-29T01:00"),  # two hours
    ("Pacific/Apia", "2011-12-30T10:00"),  # a day
    ("Pacific/Kwajalein", "1993-08-21T12:00"),  # a day
    ("Asia/Pyongyang", "2015-08-14T15:00"),  # half an hour, for good
    ("Africa/Casablanca", "2026-02-15T02:00"),  # back for Ramadan
    ("Asia/Kathmandu", "1985-12-31T18:30"),  # a quarter of an hour
    ("UTC", "2038-01-19T03:14"),
    ("UTC", "2028-02-29T00:00"),
]


@pytest.mark.parametrize(("key", "jump"), [(key, jump) for key, jump in JUMPS if key != "UTC"])
def test_there_the_clock_jumps(key: str, jump: str) -> None:
    after = datetime.fromisoformat(jump).replace(tzinfo=UTC)
    before = after - timedelta(microseconds=1)
    assert before.astimezone(ZoneInfo(key)).utcoffset() != after.astimezone(ZoneInfo(key)).utcoffset()


class World(NamedTuple):
    """A plan, a zone and a window; monotonic time is that of the wall clock plus a constant."""

    plan: WeekPlan
    zone: ZoneInfo
    anchor: Anchor
    from_us: int
    to_us: int


@st.composite
def profiles(draw: st.DrawFn, name: str, grid_us: int) -> BasalProfile:
    starts = draw(st.sets(st.integers(1, US_PER_DAY // grid_us - 1), max_size=47))
    # Rates of the device up to half its largest, so that 200 % is always possible.
    rates = st.integers(0, 17_500_000).map(PARADIGM.round_rate_down)
    return BasalProfile(name, tuple(Segment(i * grid_us, draw(rates)) for i in sorted({0, *starts})))


@st.composite
def worlds(draw: st.DrawFn, grid_us: int = US_PER_MINUTE) -> World:
    key, jump = draw(st.sampled_from(JUMPS))
    kinds = [draw(profiles(name, grid_us)) for name in "abc"]
    plan = WeekPlan(tuple(draw(st.sampled_from(kinds)) for _ in range(7)))
    jump_us = draw(st.integers(4, 115_000)) * US_PER_DAY
    anchor_at = draw(st.integers(-3 * US_PER_DAY // grid_us, 3 * US_PER_DAY // grid_us)) * grid_us
    jump_utc = datetime.fromisoformat(jump).replace(tzinfo=UTC)
    anchor = Anchor(jump_us + anchor_at, jump_utc + timedelta(microseconds=anchor_at))
    from_us = jump_us + draw(st.integers(-US_PER_DAY // grid_us, US_PER_HOUR // grid_us)) * grid_us
    to_us = from_us + draw(st.integers(1, 2 * US_PER_DAY // grid_us)) * grid_us
    return World(plan, ZoneInfo(key), anchor, from_us, to_us)


@st.composite
def temp_basals(draw: st.DrawFn, world: World) -> list[TempBasal]:
    span_us = st.integers(1, 30 * US_PER_HOUR) | st.integers(1, 60).map(lambda minutes: minutes * 30 * US_PER_MINUTE)
    starts = st.integers(world.from_us - US_PER_DAY, world.to_us)
    temps: list[TempBasal] = []
    for start_us in sorted(draw(st.sets(starts, max_size=4))):
        if draw(st.booleans()):
            temps.append(PercentTemp(start_us, draw(span_us), draw(st.integers(0, 200))))
        else:
            temps.append(AbsoluteTemp(start_us, draw(span_us), draw(st.integers(0, 35_000_000))))
    return temps


def by_the_clock(world: World, at_us: int) -> int:
    """Read the clock on the wall at one instant and look its time of day up."""
    utc = world.anchor.utc.astimezone(UTC) + timedelta(microseconds=at_us - world.anchor.monotonic_us)
    local = utc.astimezone(world.zone)
    day_us = timedelta(
        hours=local.hour, minutes=local.minute, seconds=local.second, microseconds=local.microsecond
    ) // timedelta(microseconds=1)
    profile = world.plan.days[local.weekday()]
    return [segment.rate_uu_per_h for segment in profile.segments if segment.start_us <= day_us][-1]


def expected(world: World, temps: Sequence[TempBasal], at_us: int) -> int:
    """Say what runs at one instant: the latest temp basal begun, if it has not ended, or the profile."""
    rate = by_the_clock(world, at_us)
    begun = [temp for temp in temps if temp.start_us <= at_us]
    if not begun or at_us >= begun[-1].start_us + begun[-1].duration_us:
        return rate
    temp = begun[-1]
    if isinstance(temp, AbsoluteTemp):
        return temp.rate_uu_per_h
    exact = rate * temp.percent
    step = 100 * next(s for start, s in ((10**7, 100_000), (10**6, 50_000), (0, 25_000)) if exact >= 100 * start)
    return exact // step * step // 100


def found(world: World, temps: Sequence[TempBasal] = ()) -> list[tuple[int, int]]:
    window = {"from_us": world.from_us, "to_us": world.to_us}
    return list(rate_segments(world.plan, temps, device=PARADIGM, zone=world.zone, anchor=world.anchor, **window))


def rate_at(segments: Sequence[tuple[int, int]], at_us: int) -> int:
    return segments[bisect_right(segments, at_us, key=lambda segment: segment[0]) - 1][1]


@given(data=st.data(), world=worlds())
def test_at_every_instant_the_local_clock_decides(data: st.DataObject, world: World) -> None:
    temps = data.draw(temp_basals(world))
    segments = found(world, temps)
    assert segments[0][0] == world.from_us
    assert all(a < b < world.to_us for (a, _), (b, _) in pairwise(segments))
    assert all(a != b for (_, a), (_, b) in pairwise(segments))
    instants = {at + near for at, _ in segments for near in (-1, 0, 1)} | {world.to_us - 1}
    instants |= set(data.draw(st.lists(st.integers(world.from_us, world.to_us - 1), max_size=20)))
    for temp in temps:
        instants |= {temp.start_us, temp.start_us - 1, temp.start_us + temp.duration_us}
    for at_us in instants:
        if world.from_us <= at_us < world.to_us:
            assert rate_at(segments, at_us) == expected(world, temps, at_us)


@given(world=worlds(grid_us=30 * US_PER_MINUTE))
def test_no_time_is_lost_or_doubled(world: World) -> None:
    """Every rate runs for as long as the clock shows its times of day, minute by minute."""
    ends = [*found(world), (world.to_us, 0)]
    lasts: dict[int, int] = {}
    for (start, rate), (end, _) in pairwise(ends):
        lasts[rate] = lasts.get(rate, 0) + end - start
    shown: dict[int, int] = {}
    for at_us in range(world.from_us, world.to_us, US_PER_MINUTE):
        rate = by_the_clock(world, at_us)
        shown[rate] = shown.get(rate, 0) + US_PER_MINUTE
    assert lasts == shown


@given(data=st.data(), world=worlds())
def test_a_window_in_two_parts_is_the_same(data: st.DataObject, world: World) -> None:
    assume(world.to_us - world.from_us > 1)
    temps = data.draw(temp_basals(world))
    whole = found(world, temps)
    inside = st.integers(world.from_us + 1, world.to_us - 1)
    edges = [at for at, _ in whole[1:]]
    cut_us = data.draw(inside | st.sampled_from(edges) if edges else inside)
    first, second = found(world._replace(to_us=cut_us), temps), found(world._replace(from_us=cut_us), temps)
    if first[-1][1] == second[0][1]:
        second = second[1:]
    assert first + second == whole


@given(data=st.data(), world=worlds(), shift_us=st.integers(-US_PER_DAY, US_PER_DAY))
def test_where_the_anchor_is_does_not_matter(data: st.DataObject, world: World, shift_us: int) -> None:
    temps = data.draw(temp_basals(world))
    moved = Anchor(world.anchor.monotonic_us + shift_us, world.anchor.utc + timedelta(microseconds=shift_us))
    assert found(world._replace(anchor=moved), temps) == found(world, temps)


@given(world=worlds())
def test_a_second_plan_of_the_same_rates_makes_no_edge(world: World) -> None:
    """Edges at which the rate stays are left out, and the law gives the same pulses with them: nothing restarts."""
    same = {profile: BasalProfile(profile.name.upper(), refined(profile)) for profile in world.plan.profiles()}
    refined_world = world._replace(plan=WeekPlan(tuple(same[day] for day in world.plan.days)))
    segments = found(world)
    assert found(refined_world) == segments
    extra = {at: rate_at(segments, at) for at in range(world.from_us, world.to_us, 300 * 10**6 + 7)}
    reissued = sorted({**extra, **dict(segments)}.items())
    plan = {
        "actuator": {"step_uu": PARADIGM.step_uu * 10, "gap_us": 0, "grid_us": 0},
        "from_us": world.from_us,
        "to_us": world.to_us,
        "trains": [],
    }
    assert reference_schedule({**plan, "basal": segments}) == reference_schedule({**plan, "basal": reissued})


def refined(profile: BasalProfile) -> tuple[Segment, ...]:
    """Cut each segment in two, as far as 48 allow, without a change of rate."""
    cuts: list[Segment] = []
    for i, (start_us, rate) in enumerate(profile.segments):
        cuts.append(Segment(start_us, rate))
        if len(cuts) + len(profile.segments) - i - 1 < 48:
            cuts.append(Segment((start_us + profile.end_us(i)) // 2, rate))
    return tuple(cuts)


@given(exact=st.integers(0, 35_000_000), device_id=st.sampled_from(devices.ids()))
def test_rounding_a_rate_is_the_largest_that_the_device_knows(exact: int, device_id: str) -> None:
    device = devices.load(device_id)
    exact = min(exact, device.basal_uu_per_h.largest)
    bands = device.basal_bands_uu_per_h.bands
    known = [
        exact // band.step * band.step
        for band, end in zip(bands, [*(band.start for band in bands[1:]), None], strict=True)
        if band.start <= exact // band.step * band.step and (end is None or exact < end)
    ]
    assert device.round_rate_down(exact) == max(known)
