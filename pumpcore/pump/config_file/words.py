"""The words of a configuration or a scenario: how amounts, spans, glucose and local times are written.

The rule of this file: a word is exact or refused; it becomes an integer with its unit in the name, never a float. Times
are local times of the scenario's zone. One that the clock skips is refused; one that comes twice is the first of the
two, unless `again` stands behind it.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Final

from pumpcore.errors import QuantityError
from pumpcore.frozen import dataclass
from pumpcore.pump.config import zone_of
from pumpcore.therapy.glucose import Beyond, Glucose, MgDl, MmolL
from pumpcore.units import US_PER_HOUR, US_PER_MINUTE, US_PER_SECOND, parse_u

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

__all__ = [
    "Calendar",
    "Instant",
    "day_us",
    "glucose",
    "glucose_range",
    "grams",
    "instant",
    "local",
    "span",
    "utc_of",
    "whole",
]

_ONE_US: Final = timedelta(microseconds=1)
_UG_PER_MG: Final = 1_000


def span(text: str, *, field: str) -> int:
    """Read a span of time.

    Args:
        text: hours, minutes and seconds in this order, those that are there: `"2 h"`, `"90 min"`, `"1 h 30 min"`.
        field: the name that an error shall carry.

    Returns:
        Microseconds, at least 1 second.

    Raises:
        QuantityError: `text` is no such span.

    Example:
        >>> span("1 h 30 min", field="for")
        5400000000
    """
    parts = text.split(" ")
    numbers, units = parts[::2], parts[1::2]
    ordered = [unit for unit in _SPANS if unit in units]
    if units != ordered or len(numbers) != len(units) or not all(map(_COUNT.fullmatch, numbers)):
        raise QuantityError(field, text, "is not a duration; write it as 90 min, 2 h or 1 h 30 min")
    return sum(int(number) * _SPANS[unit] for number, unit in zip(numbers, units, strict=True))


_SPANS: Final = {"h": US_PER_HOUR, "min": US_PER_MINUTE, "s": US_PER_SECOND}
_COUNT: Final = re.compile("[1-9][0-9]{0,4}", re.ASCII)


def whole(text: str, *, field: str) -> int:
    """Read a count.

    Args:
        text: up to six digits.
        field: the name that an error shall carry.

    Raises:
        QuantityError: `text` is no count.

    Example:
        >>> whole("50", field="percent")
        50
    """
    if re.fullmatch("0|[1-9][0-9]{0,5}", text, re.ASCII) is None:
        raise QuantityError(field, text, "is not a whole number")
    return int(text)


def grams(text: str, *, field: str) -> int:
    """Read grams of carbohydrate.

    Returns:
        Milligrams.

    Rounding:
        None: a fourth decimal is refused.

    Raises:
        QuantityError: `text` is no exact decimal of grams.

    Example:
        >>> grams("12.5", field="carbs")
        12500
    """
    milligrams, rest = divmod(parse_u(text, field=field), _UG_PER_MG)
    if rest:
        raise QuantityError(field, text, "has more than three decimals")
    return milligrams


def glucose(text: str, *, field: str) -> Glucose:
    """Read a glucose value with its unit.

    Args:
        text: `"9.2 mmol/L"` or `"166 mg/dL"`.
        field: the name that an error shall carry.

    Raises:
        QuantityError: the text is no such value.
        LimitError: no meter shows it.

    Example:
        >>> str(glucose("9.2 mmol/L", field="glucose"))
        '9.2 mmol/L'
    """
    found = _GLUCOSE.fullmatch(text)
    if found is None:
        raise QuantityError(field, text, "is not a glucose value; write it as 9.2 mmol/L or 166 mg/dL")
    if found["mg"]:
        return MgDl(int(found["mg"]))
    return MmolL(int(found["mmol"]) * 10 + int(found["tenth"] or 0))


def measured(text: str, *, field: str) -> Glucose | Beyond:
    """Read what a meter or a sensor shows: a glucose value with its unit, or LO or HI.

    Raises:
        QuantityError: the text is neither.
        LimitError: no meter shows it.

    Example:
        >>> str(measured("LO", field="glucose")), str(measured("166 mg/dL", field="glucose"))
        ('LO', '166 mg/dL')
    """
    return Beyond[text] if text in Beyond.__members__ else glucose(text, field=field)


_GLUCOSE: Final = re.compile(
    r"(?:(?P<mmol>0|[1-9][0-9]?)(?:\.(?P<tenth>[0-9]))? mmol/L)|(?:(?P<mg>[1-9][0-9]{0,3}) mg/dL)", re.ASCII
)


def glucose_range(text: str, *, field: str) -> tuple[Glucose, Glucose]:
    """Read a target: one value, or two of them.

    Args:
        text: `"5.5 mmol/L"` or `"5.0 to 6.5 mmol/L"`.
        field: the name that an error shall carry.

    Returns:
        The lower and the upper end.

    Raises:
        QuantityError: the text is no such target.

    Example:
        >>> [str(end) for end in glucose_range("90 to 120 mg/dL", field="target")]
        ['90 mg/dL', '120 mg/dL']
    """
    low, found, high = text.partition(" to ")
    if not found:
        return glucose(text, field=field), glucose(text, field=field)
    unit = high.partition(" ")[2]
    return glucose(f"{low} {unit}", field=field), glucose(high, field=field)


# Local time -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Instant:
    """A local time as it is written.

    Attributes:
        day: the day of the scenario, from 1 on, or the date; None: that of the entry before.
        clock: the reading of the clock.
        again: whether the second of two such readings is meant.
    """

    day: int | date | None
    clock: time
    again: bool


def instant(text: str, *, field: str) -> tuple[Instant, str]:
    """Take the time off the front of an entry.

    Args:
        text: `"08:00 ..."`, `"day 2 07:30:15 ..."`, `"2026-10-25 02:30 again ..."`.
        field: the name that an error shall carry.

    Returns:
        The time, and what stands behind it.

    Raises:
        QuantityError: no time stands there.

    Example:
        >>> instant("day 2 07:00 suspend", field="events[0]")
        (Instant(day=2, clock=datetime.time(7, 0), again=False), 'suspend')
    """
    found = _INSTANT.match(text)
    if found is None:
        raise QuantityError(field, text, "does not start with a time: 08:00, day 2 08:00 or 2026-03-29 08:00")
    day = whole(found["day"], field=field) if found["day"] else None
    try:
        on = date.fromisoformat(found["date"]) if found["date"] else day
        clock = time.fromisoformat(found["clock"])
    except ValueError:
        raise QuantityError(field, found[0].strip(), "is not a time of day") from None
    return Instant(on, clock, bool(found["again"])), text[found.end() :]


_INSTANT: Final = re.compile(
    r"(?:day (?P<day>[0-9]+) |(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2}) )?(?P<clock>[0-9]{2}:[0-9]{2}(?::[0-9]{2})?)"
    r"(?P<again> again)?(?: (?=\S)|$)",
    re.ASCII,
)


def local(text: str, *, field: str) -> datetime:
    """Read a date and a time of day, without a zone.

    Raises:
        QuantityError: the text is no such pair.

    Example:
        >>> local("2026-03-29 03:00", field="clock set")
        datetime.datetime(2026, 3, 29, 3, 0)
    """
    found, rest = instant(text, field=field)
    if not isinstance(found.day, date) or found.again or rest:
        raise QuantityError(field, text, "is not a date and time; write it as 2026-03-29 03:00")
    return datetime.combine(found.day, found.clock)


def day_us(text: str, *, field: str) -> int:
    """Read a time of any day.

    Returns:
        Microseconds since local midnight.

    Raises:
        QuantityError: the text is no such time.

    Example:
        >>> day_us("06:30", field="segment")
        23400000000
    """
    found, rest = instant(text, field=field)
    if found.day is not None or found.again or rest:
        raise QuantityError(field, text, "is not a time of day; write it as 06:30")
    clock = timedelta(hours=found.clock.hour, minutes=found.clock.minute, seconds=found.clock.second)
    return clock // _ONE_US


def utc_of(reading: datetime, zone: ZoneInfo, *, again: bool = False, field: str) -> datetime:
    """Return the instant at which a local clock has a reading.

    Args:
        reading: date and time without a zone.
        zone: the rules of local time.
        again: whether the second of two such instants is meant.
        field: the name that an error shall carry.

    Raises:
        QuantityError: no clock ever shows it there, or it does not come twice.

    Example:
        >>> utc_of(datetime(2026, 3, 29, 2, 30), zone_of("Europe/Copenhagen"), field="events[0]")
        Traceback (most recent call last):
        ...
        pumpcore.errors.QuantityError: events[0]: '2026-03-29 02:30:00' is skipped by the clocks of Europe/Copenhagen
    """
    first, second = (reading.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if first.astimezone(zone).replace(tzinfo=None) != reading:
        raise QuantityError(field, str(reading), f"does not exist in {zone.key}: the clocks skip it")
    if again and first == second:
        raise QuantityError(field, str(reading), f"does not occur twice in {zone.key}")
    return second if again else first


@dataclass(frozen=True, slots=True)
class Calendar:
    """Where the local times of a scenario lie on monotonic time.

    Attributes:
        start: when monotonic time is 0, in UTC.
        zone: the rules of local time, an IANA name.
    """

    start: datetime
    zone: str

    def local(self, at_us: int) -> datetime:
        """Return the local time at an instant of monotonic time."""
        return (self.start + at_us * _ONE_US).astimezone(zone_of(self.zone))

    def us(self, utc: datetime) -> int:
        """Return the monotonic time of an instant; negative before the start."""
        return (utc - self.start) // _ONE_US

    def day_of(self, at_us: int) -> date:
        """Return the local day to which a pulse belongs: one at midnight is the last of the day that ends there."""
        return self.local(max(at_us - 1, 0)).date()

    def midnights(self, end_us: int) -> tuple[int, ...]:
        """Return each local midnight after the start and before `end_us`."""
        found: list[int] = []
        day = self.local(0).date()
        while True:
            day += timedelta(days=1)
            # A midnight that the clocks skip begins its day where they land.
            naive = datetime.combine(day, time()).replace(tzinfo=zone_of(self.zone))
            at_us = self.us(naive.astimezone(UTC))
            if at_us >= end_us:
                return tuple(found)
            found.append(at_us)

    def at_us(self, written: Instant, before: date, *, field: str) -> int:
        """Return the monotonic time of a written one.

        Args:
            written: the time.
            before: the day that holds where none is written.
            field: the name that an error shall carry.

        Raises:
            QuantityError: there is no such time.
        """
        if written.day is None:
            day = before
        elif isinstance(written.day, date):
            day = written.day
        else:
            day = self.local(0).date() + timedelta(days=written.day - 1)
        reading = datetime.combine(day, written.clock)
        return self.us(utc_of(reading, zone_of(self.zone), again=written.again, field=field))
