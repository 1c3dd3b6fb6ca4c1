"""Which rate a week plan has at an instant, said once more: the local clock is asked, and nothing else.

The rule of this file: local time is `zoneinfo`'s, asked at one instant. The rate is that of the segment which the clock
on the wall stands in, of the profile of the weekday that the calendar on the wall shows. Nothing here is taken from
`pumpcore.therapy.profile` but the frozen values.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from pumpcore.frozen import dataclass
from pumpcore.units import US_PER_DAY as DAY
from pumpcore.units import US_PER_HOUR as H
from pumpcore.units import US_PER_MINUTE as MIN

if TYPE_CHECKING:
    from pumpcore.therapy.profile import WeekPlan

QUARTER: Final = 15 * MIN
LOOK: Final = 6 * H  # no zone changes its offset twice within so long
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
THURSDAY: Final = 3
ONE_US: Final = timedelta(microseconds=1)


@lru_cache(maxsize=1 << 16)
def offset_us(zone: str, utc_us: int) -> int:
    """Local time less UTC."""
    offset = (EPOCH + utc_us * ONE_US).astimezone(ZoneInfo(zone)).utcoffset()
    if offset is None:
        raise LookupError(zone)
    return offset // ONE_US


@dataclass(frozen=True)
class WallClockModel:
    """A clock on the wall: its zone, and how far UTC is ahead of monotonic time."""

    zone: str
    shift_us: int

    def local_us(self, at_us: int) -> int:
        """Microseconds of local time since the local 1970-01-01."""
        utc_us = at_us + self.shift_us
        return utc_us + offset_us(self.zone, utc_us)

    def rate(self, plan: WeekPlan, at_us: int) -> int:
        """Return the rate of the segment in force by the wall clock (PRF-01, PRF-03)."""
        day, day_us = divmod(self.local_us(at_us), DAY)
        profile = plan.days[(day + THURSDAY) % 7]
        return [each.rate_uu_per_h for each in profile.segments if each.start_us <= day_us][-1]

    def changes(self, from_us: int, to_us: int) -> list[int]:
        """Instants, on monotonic time, at which the zone may change its offset: all of them are quarters of an hour."""
        if self.zone == "UTC":
            return []
        begin, end = from_us + self.shift_us, to_us + self.shift_us
        found: list[int] = []
        for before, after in pairwise([*range(begin, end, LOOK), end]):
            if offset_us(self.zone, before) != offset_us(self.zone, after):
                found += range(before // QUARTER * QUARTER, after + QUARTER, QUARTER)
        return [each - self.shift_us for each in found if begin < each <= end]

    def edges(self, plan: WeekPlan, from_us: int, to_us: int) -> set[int]:
        """Instants after the first and up to the second at which the rate may change; some at which it does not."""
        starts = {each.start_us for profile in plan.days for each in profile.segments}
        changes = self.changes(from_us, to_us)
        begin, end = from_us + self.shift_us, to_us + self.shift_us
        found = set(changes)
        for offset in {offset_us(self.zone, each + self.shift_us) for each in (from_us, to_us, *changes)}:
            ahead = offset + self.shift_us
            days = range((begin + offset) // DAY, (end + offset) // DAY + 1)
            found |= {day * DAY + start - ahead for day in days for start in starts}
        return {each for each in found if from_us < each <= to_us}
