"""Which basal rate is programmed when: the week plan and its temp basals as one list of rates.

The rule of this file: the reading of the local clock decides which profile segment is in force, at every instant and by
nothing else. So a day of 23 hours drops the local times that never were, a day of 25 hours repeats those that come
twice, and no insulin is made up or taken back for it.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from pumpcore.bounds import within
from pumpcore.limits import check
from pumpcore.therapy.local_time import offsets, weekday
from pumpcore.units import US_PER_DAY

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import tzinfo

    from pumpcore.devices import Device
    from pumpcore.therapy.local_time import Anchor
    from pumpcore.therapy.profile import WeekPlan
    from pumpcore.therapy.temp_basal import TempBasal

__all__ = ["rate_segments"]


def rate_segments(  # noqa: PLR0913  # each is another fact, and all but two have a name at the call
    plan: WeekPlan,
    temps: Sequence[TempBasal] = (),
    *,
    device: Device,
    zone: tzinfo,
    anchor: Anchor,
    from_us: int,
    to_us: int,
) -> Iterator[tuple[int, int]]:
    """Return which rate is programmed when: the `basal` list of a plan for the kernel.

    A temp basal that starts while another one runs takes its place, and the other one does not come back.

    Args:
        plan: the profiles of the week.
        temps: temp basals, starts strictly increasing.
        device: whose steps a temp basal in percent is rounded to.
        zone: the rules of local time.
        anchor: where the wall clock stands.
        from_us: where the window begins, monotonic.
        to_us: where it ends, monotonic; not before `from_us`.

    Returns:
        Lazily, `(start_us, rate_uu_per_h)` with strictly increasing starts, the first at `from_us`, all before `to_us`,
        each in force until the next; neighbours have different rates. Work is bounded by the days, profile segments
        and temp basals in the window.

    Rounding:
        A temp basal in percent: down to the device's step. Nothing else is rounded.

    Raises:
        QuantityError: a time is not an integer. Nothing is changed.
        LimitError: a time is outside its range, `to_us` is before `from_us`, the starts of the temp basals do not
            increase; or, where the window reaches it, a temp basal in percent goes above the device's largest rate.
            Nothing is changed.

    Example:
        >>> from datetime import UTC, datetime
        >>> from pumpcore.devices import load
        >>> from pumpcore.therapy.profile import Anchor, BasalProfile, Segment, WeekPlan
        >>> from zoneinfo import ZoneInfo
        >>> plan = WeekPlan.of(BasalProfile("plain", (Segment(0, 800_000), Segment(9_000_000_000, 1_100_000))))
        >>> night = Anchor(0, datetime(2026, 3, 28, 23, tzinfo=UTC))  # midnight in Copenhagen; 02:00 will be 03:00
        >>> window = {"anchor": night, "from_us": 0, "to_us": 86_400_000_000}
        >>> list(rate_segments(plan, device=load("medtronic-523"), zone=ZoneInfo("Europe/Copenhagen"), **window))
        [(0, 800000), (7200000000, 1100000), (82800000000, 800000)]
    """
    check("time_us", from_us, field="from_us")
    check("time_us", to_us, field="to_us")
    within(to_us, from_us, None, name="to_us", unit="us")
    check("wall_clock_us", anchor.utc_us(from_us), field="from_us by the wall clock")
    check("wall_clock_us", anchor.utc_us(to_us), field="to_us by the wall clock")
    for i, (before, here) in enumerate(pairwise(temps), start=1):
        within(here.start_us, before.start_us + 1, None, name=f"temps[{i}].start_us", unit="us")
    programmed = _programmed(plan, zone, anchor, from_us, to_us)
    return _coalesced(_with_temps(programmed, temps, device))


class _Piece(NamedTuple):
    """One rate over one stretch of monotonic time, never empty."""

    start_us: int
    end_us: int
    rate_uu_per_h: int


def _programmed(plan: WeekPlan, zone: tzinfo, anchor: Anchor, from_us: int, to_us: int) -> Iterator[_Piece]:
    """Yield what the week plan says, piece by piece, for the whole window."""
    for start_us, end_us, offset_us in offsets(zone, anchor.utc_us(from_us), anchor.utc_us(to_us)):
        at_us = start_us
        while at_us < end_us:
            day, day_us = divmod(at_us + offset_us, US_PER_DAY)
            profile = plan.days[weekday(day)]
            index = profile.index_at(day_us)
            # Later than at_us, because a segment ends after every time of day that it holds.
            next_us = min(end_us, at_us - day_us + profile.end_us(index))
            rate = profile.segments[index].rate_uu_per_h
            yield _Piece(at_us - anchor.shift_us, next_us - anchor.shift_us, rate)
            at_us = next_us


def _with_temps(pieces: Iterable[_Piece], temps: Sequence[TempBasal], device: Device) -> Iterator[tuple[int, int]]:
    """Yield (start, rate) where a piece or a temp basal begins or ends."""
    index = -1  # of the latest temp basal that has started
    for piece in pieces:
        at_us = piece.start_us
        while at_us < piece.end_us:
            while index + 1 < len(temps) and temps[index + 1].start_us <= at_us:
                index += 1
            until_us = piece.end_us
            if index + 1 < len(temps):
                until_us = min(until_us, temps[index + 1].start_us)
            rate = piece.rate_uu_per_h
            if index >= 0 and at_us < (temp := temps[index]).start_us + temp.duration_us:
                until_us = min(until_us, temp.start_us + temp.duration_us)
                rate = temp.over(rate, device)
            yield at_us, rate
            at_us = until_us


def _coalesced(edges: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Drop the edges at which the rate stays what it was."""
    last = -1
    for start_us, rate in edges:
        if rate != last:
            yield start_us, rate
            last = rate
