"""What basal rate is programmed at each instant: profiles, the weekday plan and temp basals, as rate segments.

The rule of this file: the reading of the local clock decides which profile segment is in force, at every instant and
by nothing else. So a day of 23 hours drops the local times that never were, a day of 25 hours repeats those that come
twice, and no insulin is made up or taken back for it. A temp basal lives on monotonic time: it ends by itself after its
duration, and then the rate for *that* local time applies. Nothing here reads a clock: where the wall clock stands is an
argument (`Anchor`), and after a change of the clock or of the zone the caller asks again with a new one.

All arithmetic is on integers; `_us` counts microseconds.
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, datetime, timedelta
from itertools import chain, pairwise
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from pumpcore.errors import LimitError, QuantityError
from pumpcore.frozen import dataclass, field
from pumpcore.limits import check
from pumpcore.units import US_PER_DAY

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from datetime import tzinfo

    from pumpcore.devices import Device
    from pumpcore.limits import Limits

__all__ = [
    "DAYS_PER_WEEK",
    "AbsoluteTemp",
    "Anchor",
    "BasalProfile",
    "PercentTemp",
    "Segment",
    "TempBasal",
    "WeekPlan",
    "check_room",
    "check_stored",
    "rate_segments",
    "utc_offset_us",
]


class Segment(NamedTuple):
    """A basal rate from a time of day on.

    Attributes:
        start_us: since midnight by the local clock, 0 to 86 399 999 999 us.
        rate_uu_per_h: micro-units per hour.
    """

    start_us: int
    rate_uu_per_h: int


@dataclass(frozen=True, slots=True)
class BasalProfile:
    """Give every time of day its basal rate.

    The first segment starts at midnight and each lasts until the next one or until midnight, so that a profile that
    exists covers 24 h without gap or overlap.

    Args:
        name: 1 to 40 characters.
        segments: 1 to 48, the first at 0, starts strictly increasing; plain pairs will do.

    Raises:
        QuantityError: the name is no text, or a start or a rate is no int.
        LimitError: anything else is wrong. Both name the segment: `segments[3].start_us`.

    Example:
        >>> night_and_day = BasalProfile("plain", (Segment(0, 800_000), Segment(21_600_000_000, 1_100_000)))
        >>> night_and_day.rate_uu_per_h_at(21_599_999_999), night_and_day.rate_uu_per_h_at(21_600_000_000)
        (800000, 1100000)
    """

    name: str
    segments: tuple[Segment, ...]

    def __post_init__(self) -> None:
        """Refuse what is no profile."""
        object.__setattr__(self, "segments", tuple(Segment(*pair) for pair in self.segments))
        if type(self.name) is not str:
            raise QuantityError("name", self.name, "is no text")
        check("profile_name_characters", len(self.name), field="name")
        check("profile_segments", len(self.segments), field="segments")
        for i, (start_us, rate_uu_per_h) in enumerate(self.segments):
            check("segment_start_us", start_us, field=f"segments[{i}].start_us")
            check("rate_uu_per_h", rate_uu_per_h, field=f"segments[{i}].rate_uu_per_h")
        if self.segments[0].start_us != 0:
            raise LimitError("segments[0].start_us", self.segments[0].start_us, 0, "us")
        for i, (before, here) in enumerate(pairwise(self.segments), start=1):
            if here.start_us <= before.start_us:
                raise LimitError(f"segments[{i}].start_us", here.start_us, before.start_us + 1, "us")

    def index_at(self, day_us: int) -> int:
        """Return the index of the segment in force when the local clock reads `day_us` since midnight."""
        return bisect_right(self.segments, day_us, key=lambda segment: segment.start_us) - 1

    def rate_uu_per_h_at(self, day_us: int) -> int:
        """Return the rate in force when the local clock reads `day_us`, microseconds since midnight."""
        return self.segments[self.index_at(day_us)].rate_uu_per_h

    def end_us(self, index: int) -> int:
        """Return when a segment ends, in microseconds since the midnight that began its day."""
        return self.segments[index + 1].start_us if index + 1 < len(self.segments) else US_PER_DAY

    def check(self, *, device: Device, limits: Limits) -> None:
        """Let the profile through that this device can run for this person.

        Args:
            device: what the pump can do.
            limits: what the person chose.

        Rounding:
            None: a rate between two steps of the device is refused.

        Raises:
            QuantityError: a start or a rate is on no step of the device. Nothing is changed.
            LimitError: too many segments for the device, or a rate outside its range or above the person's largest;
                the error names the segment. Nothing is changed.
        """
        if len(self.segments) > device.segments:
            raise LimitError("segments", len(self.segments), device.segments, "segments")
        for i, (start_us, rate_uu_per_h) in enumerate(self.segments):
            if start_us % device.segment_us:
                reason = f"is no whole multiple of {device.segment_us} us"
                raise QuantityError(f"segments[{i}].start_us", start_us, reason)
            device.check_rate(rate_uu_per_h, name=f"segments[{i}].rate_uu_per_h")
            limits.check("max_basal_uu_per_h", rate_uu_per_h, field=f"segments[{i}].rate_uu_per_h")


DAYS_PER_WEEK: Final = 7


@dataclass(frozen=True, slots=True)
class WeekPlan:
    """Give each weekday its profile; the plan switches by itself at local midnight.

    Args:
        days: seven profiles, Monday first.

    Raises:
        LimitError: there are not seven.
        QuantityError: two different profiles have one name.

    Example:
        >>> work = BasalProfile("work", (Segment(0, 800_000),))
        >>> rest = BasalProfile("rest", (Segment(0, 900_000),))
        >>> [profile.name for profile in WeekPlan.of(work, weekend=rest).days[4:]]
        ['work', 'rest', 'rest']
    """

    days: tuple[BasalProfile, ...]

    def __post_init__(self) -> None:
        """Refuse what is no week."""
        object.__setattr__(self, "days", tuple(self.days))
        if len(self.days) != DAYS_PER_WEEK:
            raise LimitError("days", len(self.days), DAYS_PER_WEEK, "profiles")
        profiles = self.profiles()
        if len({profile.name for profile in profiles}) < len(profiles):
            raise QuantityError("days", [profile.name for profile in profiles], "give two profiles one name")

    @classmethod
    def of(cls, profile: BasalProfile, *, weekend: BasalProfile | None = None) -> WeekPlan:
        """Make a plan of one profile for every day, or of one from Monday to Friday and one for the weekend."""
        return cls((profile,) * 5 + (profile if weekend is None else weekend,) * 2)

    def profiles(self) -> tuple[BasalProfile, ...]:
        """Return each profile of the plan once, in the order of the week."""
        return tuple(dict.fromkeys(self.days))

    def profile_at(self, utc_us: int, zone: tzinfo) -> BasalProfile:
        """Return the profile of the local day that it is at `utc_us`, microseconds since 1970-01-01 UTC."""
        day = (utc_us + utc_offset_us(zone, utc_us)) // US_PER_DAY
        return self.days[(day + _EPOCH_WEEKDAY) % DAYS_PER_WEEK]

    def check(self, *, device: Device, limits: Limits) -> None:
        """Let the plan through that this device can run for this person: see `BasalProfile.check`.

        Raises:
            QuantityError: as `BasalProfile.check`. Nothing is changed.
            LimitError: as `BasalProfile.check`, or more profiles than the device keeps. Nothing is changed.
        """
        profiles = self.profiles()
        if len(profiles) > device.profiles:
            raise LimitError("days", len(profiles), device.profiles, "profiles")
        for profile in profiles:
            profile.check(device=device, limits=limits)


def check_stored(
    profile: BasalProfile, stored: Mapping[str, BasalProfile], plan: WeekPlan | None, *, device: Device
) -> None:
    """Let a profile through that can be stored: the device has room for it, and it is not in force.

    Its rates are checked when a plan is made of it: limits may change in between.

    Args:
        profile: the one to store.
        stored: what is stored, by name; one of the same name makes way.
        plan: what is in force; its profiles take room too.
        device: what the pump can do.

    Raises:
        QuantityError: a profile of that name is in force, and another one. Nothing is changed.
        LimitError: there are too many. Nothing is changed.
    """
    in_force = {} if plan is None else {each.name: each for each in plan.profiles()}
    if in_force.get(profile.name, profile) != profile:
        raise QuantityError("profile", profile.name, "is in force: propose a plan with the new one instead")
    check_room({profile.name, *stored, *in_force}, device)


def check_room(names: Collection[str], device: Device) -> None:
    """Let so many profiles through as the device keeps, those in force and the stored ones together.

    Args:
        names: of all of them, each once.
        device: what the pump can do.

    Raises:
        LimitError: there are too many. Nothing is changed.
    """
    if len(names) > device.profiles:
        raise LimitError("profiles", len(names), device.profiles, "profiles")


@dataclass(frozen=True, slots=True)
class AbsoluteTemp:
    """Replace the programmed rate by another for a while; 0 stops basal delivery for that while.

    Args:
        start_us: monotonic time.
        duration_us: at least 1; a temp basal that was cancelled has lasted as long as it has lasted.
        rate_uu_per_h: micro-units per hour.

    Raises:
        QuantityError: an argument is no int.
        LimitError: an argument is outside the kernel's range.
    """

    start_us: int
    duration_us: int
    rate_uu_per_h: int

    def __post_init__(self) -> None:
        """Refuse what the kernel would refuse."""
        _check_span(self.start_us, self.duration_us)
        check("rate_uu_per_h", self.rate_uu_per_h)

    def over(self, rate_uu_per_h: int, device: Device) -> int:
        """Return the rate that runs where the profile has `rate_uu_per_h`: the temp basal's own, whatever that is."""
        del rate_uu_per_h, device
        return self.rate_uu_per_h

    def check(self, *, plan: WeekPlan, device: Device, limits: Limits) -> None:
        """Let the temp basal through, as asked for, that this device can run for this person.

        Raises:
            QuantityError: the device knows no absolute temp basal, or duration or rate are on none of its steps.
                Nothing is changed.
            LimitError: duration or rate are outside the device's or the person's bounds. Nothing is changed.
        """
        del plan
        _check_duration(self.duration_us, device)
        if device.temp_uu_per_h is None:
            raise QuantityError("rate_uu_per_h", self.rate_uu_per_h, f"is no temp basal that {device.id} knows")
        device.temp_uu_per_h.check(self.rate_uu_per_h, name="rate_uu_per_h", unit="uu/h")
        device.check_temp_rate(self.rate_uu_per_h, name="rate_uu_per_h")
        limits.check("max_temp_basal_uu_per_h", self.rate_uu_per_h)


@dataclass(frozen=True, slots=True)
class PercentTemp:
    """Run a percentage of the rate in force, segment by segment, for a while; 0 stops basal delivery for that while.

    Args:
        start_us: monotonic time.
        duration_us: at least 1; a temp basal that was cancelled has lasted as long as it has lasted.
        percent: 100 is the profile itself.

    Raises:
        QuantityError: an argument is no int.
        LimitError: an argument is outside its hard range.

    Example:
        >>> from pumpcore.devices import load
        >>> PercentTemp(0, 3_600_000_000, 125).over(950_000, load("medtronic-523"))
        1150000
    """

    start_us: int
    duration_us: int
    percent: int

    def __post_init__(self) -> None:
        """Refuse what the kernel would refuse, and absurd percentages."""
        _check_span(self.start_us, self.duration_us)
        check("max_temp_basal_percent", self.percent, field="percent")

    def over(self, rate_uu_per_h: int, device: Device) -> int:
        """Return the rate that runs where the profile has `rate_uu_per_h`.

        Args:
            rate_uu_per_h: the profile's rate, micro-units per hour.
            device: whose steps the result has.

        Returns:
            Micro-units per hour.

        Rounding:
            Down to the device's step, so that a small percentage of a small rate can be 0, as on the pump.

        Raises:
            LimitError: the result is above the device's largest rate: refused, not clamped. Nothing is changed.
        """
        return device.round_rate_down(rate_uu_per_h * self.percent // 100)

    def check(self, *, plan: WeekPlan, device: Device, limits: Limits) -> None:
        """Let the temp basal through, as asked for, that this device can run for this person.

        It is checked against every rate of the plan, so that no later segment can make it run above a bound.

        Raises:
            QuantityError: the device knows no temp basal in percent, or duration or percent are on none of its steps.
                Nothing is changed.
            LimitError: duration, percent or a rate that follows is outside the device's or the person's bounds.
                Nothing is changed.
        """
        _check_duration(self.duration_us, device)
        if device.temp_percent is None:
            raise QuantityError("percent", self.percent, f"is no temp basal that {device.id} knows")
        device.temp_percent.check(self.percent, name="percent", unit="%")
        limits.check("max_temp_basal_percent", self.percent)
        for segment in chain.from_iterable(profile.segments for profile in plan.profiles()):
            limits.check("max_temp_basal_uu_per_h", self.over(segment.rate_uu_per_h, device))


TempBasal: TypeAlias = AbsoluteTemp | PercentTemp


def _check_span(start_us: int, duration_us: int) -> None:
    check("time_us", start_us, field="start_us")
    check("duration_us", duration_us)


def _check_duration(duration_us: int, device: Device) -> None:
    if device.temp_us is None:
        raise QuantityError("duration_us", duration_us, f"is no temp basal that {device.id} knows")
    check("temp_basal_us", duration_us, field="duration_us")
    device.temp_us.check(duration_us, name="duration_us", unit="us")


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_WEEKDAY: Final = _EPOCH.weekday()
_ONE_US: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Anchor:
    """Pin the wall clock to monotonic time: at `monotonic_us` it was `utc`.

    Args:
        monotonic_us: an instant of monotonic time.
        utc: the same instant as an aware datetime, of any zone.

    Raises:
        QuantityError: `monotonic_us` is no int, or `utc` has no zone.
        LimitError: the instant is outside the range of monotonic time or of `wall_clock_us`.

    Example:
        >>> Anchor(0, datetime(2026, 3, 29, tzinfo=UTC)).utc_us(3_600_000_000)
        1774746000000000
    """

    monotonic_us: int
    utc: datetime
    shift_us: int = field(init=False, repr=False)
    """Wall clock since 1970-01-01 UTC less monotonic time."""

    def __post_init__(self) -> None:
        """Refuse a datetime of which nobody can say when it is."""
        check("time_us", self.monotonic_us, field="monotonic_us")
        if self.utc.utcoffset() is None:
            raise QuantityError("utc", self.utc, "has no zone")
        # Exact: a difference of two aware datetimes is a whole number of microseconds, and so is the quotient.
        wall_us = check("wall_clock_us", (self.utc - _EPOCH) // _ONE_US, field="utc")
        object.__setattr__(self, "shift_us", wall_us - self.monotonic_us)

    def utc_us(self, monotonic_us: int) -> int:
        """Return what the wall clock reads at a monotonic instant, in microseconds since 1970-01-01 UTC."""
        return monotonic_us + self.shift_us


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
    """Say which rate is programmed when: the `basal` list of a plan for the kernel.

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
        QuantityError: a time is no int. Nothing is changed.
        LimitError: a time is outside its range, `to_us` is before `from_us`, the starts of the temp basals do not
            increase; or, where the window reaches it, a temp basal in percent goes above the device's largest rate.
            Nothing is changed.

    Example:
        >>> from pumpcore.devices import load
        >>> from zoneinfo import ZoneInfo
        >>> plan = WeekPlan.of(BasalProfile("plain", (Segment(0, 800_000), Segment(9_000_000_000, 1_100_000))))
        >>> night = Anchor(0, datetime(2026, 3, 28, 23, tzinfo=UTC))  # midnight in Copenhagen; 02:00 will be 03:00
        >>> window = {"anchor": night, "from_us": 0, "to_us": 86_400_000_000}
        >>> list(rate_segments(plan, device=load("medtronic-523"), zone=ZoneInfo("Europe/Copenhagen"), **window))
        [(0, 800000), (7200000000, 1100000), (82800000000, 800000)]
    """
    check("time_us", from_us, field="from_us")
    check("time_us", to_us, field="to_us")
    if to_us < from_us:
        raise LimitError("to_us", to_us, from_us, "us")
    check("wall_clock_us", anchor.utc_us(from_us), field="from_us by the wall clock")
    check("wall_clock_us", anchor.utc_us(to_us), field="to_us by the wall clock")
    for i, (before, here) in enumerate(pairwise(temps), start=1):
        if here.start_us <= before.start_us:
            raise LimitError(f"temps[{i}].start_us", here.start_us, before.start_us + 1, "us")
    programmed = _programmed(plan, zone, anchor, from_us, to_us)
    return _coalesced(_with_temps(programmed, temps, device))


class _Piece(NamedTuple):
    """One rate over one stretch of monotonic time, never empty."""

    start_us: int
    end_us: int
    rate_uu_per_h: int


def _programmed(plan: WeekPlan, zone: tzinfo, anchor: Anchor, from_us: int, to_us: int) -> Iterator[_Piece]:
    """Yield what the week plan says, piece by piece, for the whole window."""
    for start_us, end_us, offset_us in _offsets(zone, anchor.utc_us(from_us), anchor.utc_us(to_us)):
        at_us = start_us
        while at_us < end_us:
            day, day_us = divmod(at_us + offset_us, US_PER_DAY)
            profile = plan.days[(day + _EPOCH_WEEKDAY) % DAYS_PER_WEEK]
            index = profile.index_at(day_us)
            # Later than at_us, because a segment ends after every time of day that it holds.
            next_us = min(end_us, at_us - day_us + profile.end_us(index))
            rate = profile.segments[index].rate_uu_per_h
            yield _Piece(at_us - anchor.shift_us, next_us - anchor.shift_us, rate)
            at_us = next_us


def _offsets(zone: tzinfo, from_us: int, to_us: int) -> Iterator[tuple[int, int, int]]:
    """Yield (start, end, offset of local time), in wall-clock microseconds, for the whole window; the end can be empty.

    `zoneinfo` has no list of transitions, so the offset is asked for once a day and a change is then searched for. That
    finds every one, because no zone changes its offset twice within a day: the closest two in the tz database are
    nearly a week apart, which a test checks.
    """
    start_us, offset_us = from_us, utc_offset_us(zone, from_us)
    at_us = from_us
    while at_us < to_us:
        next_us = min(at_us + US_PER_DAY, to_us)
        next_offset_us = utc_offset_us(zone, next_us)
        if next_offset_us != offset_us:
            change_us = _change_us(zone, at_us, next_us)
            yield start_us, change_us, offset_us
            start_us, offset_us = change_us, next_offset_us
        at_us = next_us
    yield start_us, to_us, offset_us


def _change_us(zone: tzinfo, before_us: int, after_us: int) -> int:
    """Find the first instant with the new offset, knowing that `before_us` has the old one and `after_us` the new."""
    old_us = utc_offset_us(zone, before_us)
    while after_us - before_us > 1:
        middle_us = (before_us + after_us) // 2
        if utc_offset_us(zone, middle_us) == old_us:
            before_us = middle_us
        else:
            after_us = middle_us
    return after_us


def utc_offset_us(zone: tzinfo, wall_us: int) -> int:
    """Return local time less UTC at an instant."""
    local = (_EPOCH + timedelta(microseconds=wall_us)).astimezone(zone)
    return (local.replace(tzinfo=UTC) - _EPOCH) // _ONE_US - wall_us


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
