"""Local time: where the wall clock stands, and what the local clock shows.

The rule of this file: nothing here reads a clock. Where the wall clock stands is an argument (`Anchor`), and after a
change of the clock or of the zone the caller makes a new one. A day is counted from 1970-01-01.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from pumpcore.errors import QuantityError
from pumpcore.frozen import dataclass, field
from pumpcore.limits import check
from pumpcore.units import US_PER_DAY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import tzinfo

__all__ = ["DAYS_PER_WEEK", "Anchor", "offsets", "utc_offset_us", "weekday"]

DAYS_PER_WEEK: Final = 7
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_WEEKDAY: Final = _EPOCH.weekday()
_ONE_US: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Anchor:
    """Where the wall clock stands in monotonic time: at `monotonic_us` it was `utc`.

    Args:
        monotonic_us: an instant of monotonic time.
        utc: the same instant as an aware datetime, of any zone.

    Raises:
        QuantityError: `monotonic_us` is not an integer, or `utc` has no time zone.
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
        """Reject a datetime without a time zone."""
        check("time_us", self.monotonic_us, field="monotonic_us")
        if not isinstance(self.utc, datetime):
            raise QuantityError("utc", self.utc, "must be a datetime with a time zone")
        if self.utc.utcoffset() is None:
            raise QuantityError("utc", self.utc, "must be a datetime with a time zone")
        # Exact: a difference of two aware datetimes is a whole number of microseconds, and so is the quotient.
        wall_us = check("wall_clock_us", (self.utc - _EPOCH) // _ONE_US, field="utc")
        object.__setattr__(self, "shift_us", wall_us - self.monotonic_us)

    def utc_us(self, monotonic_us: int) -> int:
        """Return what the wall clock reads at a monotonic instant, in microseconds since 1970-01-01 UTC."""
        return monotonic_us + self.shift_us


def weekday(day: int) -> int:
    """Return the weekday, 0 for Monday, of a day counted from 1970-01-01."""
    return (day + _EPOCH_WEEKDAY) % DAYS_PER_WEEK


def offsets(zone: tzinfo, from_us: int, to_us: int) -> Iterator[tuple[int, int, int]]:
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
