"""Basal profiles and the weekday plan: what rate each local time of day has.

The rules of this file: a profile that exists covers 24 h without gap or overlap, and the reading of the local clock
decides which segment is in force. Whether a device can run a profile for a person is a check of its own. All arithmetic
is on integers; `_us` counts microseconds.

`temp_basal` has temp basals, `local_time` the clock on the wall, `rates` puts all of them together.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from pumpcore.bounds import multiple_of, within
from pumpcore.errors import QuantityError
from pumpcore.frozen import dataclass
from pumpcore.limits import check
from pumpcore.therapy.local_time import DAYS_PER_WEEK, Anchor, utc_offset_us, weekday
from pumpcore.therapy.rates import rate_segments
from pumpcore.therapy.temp_basal import AbsoluteTemp, PercentTemp, TempBasal
from pumpcore.units import US_PER_DAY

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
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
    """A basal rate for every time of day.

    The first segment starts at midnight and each lasts until the next one or until midnight, so that a profile that
    exists covers 24 h without gap or overlap.

    Args:
        name: 1 to 40 characters.
        segments: 1 to 48, the first at 0, starts strictly increasing; plain pairs will do.

    Raises:
        QuantityError: the name is not text, or a start or a rate is not an integer.
        LimitError: anything else is wrong. Both name the segment: `segments[3].start_us`.

    Example:
        >>> night_and_day = BasalProfile("plain", (Segment(0, 800_000), Segment(21_600_000_000, 1_100_000)))
        >>> night_and_day.rate_uu_per_h_at(21_599_999_999), night_and_day.rate_uu_per_h_at(21_600_000_000)
        (800000, 1100000)
    """

    name: str
    segments: tuple[Segment, ...]

    def __post_init__(self) -> None:
        """Reject an invalid profile."""
        object.__setattr__(self, "segments", tuple(Segment(*pair) for pair in self.segments))
        if type(self.name) is not str:
            raise QuantityError("name", self.name, "must be text")
        check("profile_name_characters", len(self.name), field="name")
        check("profile_segments", len(self.segments), field="segments")
        for i, (start_us, rate_uu_per_h) in enumerate(self.segments):
            check("segment_start_us", start_us, field=f"segments[{i}].start_us")
            check("rate_uu_per_h", rate_uu_per_h, field=f"segments[{i}].rate_uu_per_h")
        within(self.segments[0].start_us, 0, 0, name="segments[0].start_us", unit="us")
        for i, (before, here) in enumerate(pairwise(self.segments), start=1):
            within(here.start_us, before.start_us + 1, None, name=f"segments[{i}].start_us", unit="us")

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
        """Reject a profile that this device cannot run for this person.

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
        within(len(self.segments), 1, device.segments, name="segments", unit="segments")
        for i, (start_us, rate_uu_per_h) in enumerate(self.segments):
            multiple_of(device.segment_us, start_us, name=f"segments[{i}].start_us", unit="us")
            device.check_rate(rate_uu_per_h, name=f"segments[{i}].rate_uu_per_h")
            limits.check("max_basal_uu_per_h", rate_uu_per_h, field=f"segments[{i}].rate_uu_per_h")


@dataclass(frozen=True, slots=True)
class WeekPlan:
    """A profile for each weekday; the plan switches by itself at local midnight.

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
        """Reject an invalid week."""
        object.__setattr__(self, "days", tuple(self.days))
        within(len(self.days), DAYS_PER_WEEK, DAYS_PER_WEEK, name="days", unit="profiles")
        profiles = self.profiles()
        if len({profile.name for profile in profiles}) < len(profiles):
            raise QuantityError(
                "days", [profile.name for profile in profiles], "must have a different name for each profile"
            )

    @classmethod
    def of(cls, profile: BasalProfile, *, weekend: BasalProfile | None = None) -> WeekPlan:
        """Return a plan of one profile for every day, or of one from Monday to Friday and one for the weekend."""
        return cls((profile,) * 5 + (profile if weekend is None else weekend,) * 2)

    def profiles(self) -> tuple[BasalProfile, ...]:
        """Return each profile of the plan once, in the order of the week."""
        # Most days share one profile: the same object need not be hashed again.
        return tuple(dict.fromkeys({id(day): day for day in self.days}.values()))

    def profile_at(self, utc_us: int, zone: tzinfo) -> BasalProfile:
        """Return the profile of the local day that it is at `utc_us`, microseconds since 1970-01-01 UTC."""
        day = (utc_us + utc_offset_us(zone, utc_us)) // US_PER_DAY
        return self.days[weekday(day)]

    def check(self, *, device: Device, limits: Limits) -> None:
        """Reject a plan that this device cannot run for this person: see `BasalProfile.check`.

        Raises:
            QuantityError: as `BasalProfile.check`. Nothing is changed.
            LimitError: as `BasalProfile.check`, or more profiles than the device keeps. Nothing is changed.
        """
        profiles = self.profiles()
        within(len(profiles), 1, device.profiles, name="days", unit="profiles")
        for profile in profiles:
            profile.check(device=device, limits=limits)


def check_stored(
    profile: BasalProfile, stored: Mapping[str, BasalProfile], plan: WeekPlan | None, *, device: Device
) -> None:
    """Reject a profile that cannot be stored: the device has no room for it, or it is in force.

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
    """Reject more profiles than the device keeps, those in force and the stored ones together.

    Args:
        names: of all of them, each once.
        device: what the pump can do.

    Raises:
        LimitError: there are too many. Nothing is changed.
    """
    within(len(names), 0, device.profiles, name="profiles", unit="profiles")
