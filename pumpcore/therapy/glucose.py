"""Glucose: values with a unit, readings, the link to the sensor, the last 24 hours and the trend.

The rules of this file: everything is a pure function of frozen values, with the time as an argument.

- mg/dL and mmol/L are two types that neither compare nor mix by themselves; going from one to the other is a call that
  says how it rounds, and whoever compares them uses `exact_mg_dl`.
- LO and HI are readings too: glucose is below, or above, all that the meter or the sensor can measure.
- Sensor and meter have a record each, of the last 24 hours. Every reading is kept, in whatever unit; a late one goes to
  its place. What is not kept is said: the very same reading again, one older than 24 hours, the oldest where the record
  is full. One from the future is refused.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from enum import IntEnum, StrEnum, unique
from fractions import Fraction
from itertools import pairwise
from typing import Final, TypeAlias

from pumpcore.bounds import Range, within
from pumpcore.errors import QuantityError, TimeError
from pumpcore.frozen import dataclass
from pumpcore.limits import check
from pumpcore.units import US_PER_DAY, US_PER_MINUTE

__all__ = [
    "MG_DL_PER_MMOL_L",
    "READINGS_MOST",
    "READING_US_MAX",
    "Beyond",
    "Glucose",
    "Kept",
    "Last24h",
    "Link",
    "MgDl",
    "MmolL",
    "Quality",
    "Reading",
    "Trend",
    "exact_glucose",
    "link",
    "rate_at",
    "trend",
]

# Values ---------------------------------------------------------------------------------------------------------------

MG_DL_PER_MMOL_L: Final = Fraction(180_156, 10_000)
"""mg/dL in one mmol/L of glucose, exactly as used here.

Source:
    The molar mass of glucose, C6H12O6, 180.156 g/mol (PubChem CID 5793), in a tenth of a litre.
"""

_MG_DL: Final = Range(1, 1000)
_MMOL_L_TENTHS: Final = Range(1, 555)


@dataclass(frozen=True, slots=True, order=True)
class MgDl:
    """A glucose value, or a difference of two, in whole mg/dL.

    Args:
        mg_per_dl: 1 to 1000.

    Raises:
        QuantityError: it is not an integer.
        LimitError: it is outside.

    Example:
        >>> MgDl(100) < MgDl(180), MgDl(100) == MmolL(56)
        (True, False)
        >>> MgDl(100) < MmolL(56)
        Traceback (most recent call last):
        ...
        TypeError: '<' not supported between instances of 'MgDl' and 'MmolL'
    """

    mg_per_dl: int

    def __post_init__(self) -> None:
        """Reject what no meter shows."""
        _MG_DL.check(self.mg_per_dl, name="glucose", unit="mg/dL")

    def __str__(self) -> str:
        """Write value and unit."""
        return f"{self.mg_per_dl} mg/dL"

    @property
    def exact_mg_dl(self) -> Fraction:
        """The value in mg/dL, for comparisons across units."""
        return Fraction(self.mg_per_dl)

    def to_mmol_l(self) -> MmolL:
        """Convert to mmol/L.

        Rounding:
            To the nearest tenth of a mmol/L, halves up, as a display does.

        Raises:
            LimitError: it rounds to less than 0.1 mmol/L.

        Example:
            >>> str(MgDl(100).to_mmol_l())
            '5.6 mmol/L'
        """
        return MmolL(_nearest(self.exact_mg_dl * 10 / MG_DL_PER_MMOL_L))


@dataclass(frozen=True, slots=True, order=True)
class MmolL:
    """A glucose value, or a difference of two, in tenths of a mmol/L.

    Args:
        tenths: 1 to 555.

    Raises:
        QuantityError: it is not an integer.
        LimitError: it is outside.

    Example:
        >>> str(MmolL(92))
        '9.2 mmol/L'
    """

    tenths: int

    def __post_init__(self) -> None:
        """Reject what no meter shows."""
        _MMOL_L_TENTHS.check(self.tenths, name="glucose", unit="tenths of mmol/L")

    def __str__(self) -> str:
        """Write value and unit."""
        return f"{self.tenths // 10}.{self.tenths % 10} mmol/L"

    @property
    def exact_mg_dl(self) -> Fraction:
        """The value in mg/dL, for comparisons across units."""
        return Fraction(self.tenths, 10) * MG_DL_PER_MMOL_L

    def to_mg_dl(self) -> MgDl:
        """Convert to mg/dL.

        Rounding:
            To the nearest mg/dL, halves up, as a display does.

        Example:
            >>> str(MmolL(92).to_mg_dl())
            '166 mg/dL'
        """
        return MgDl(_nearest(self.exact_mg_dl))


Glucose: TypeAlias = MgDl | MmolL


@unique
class Beyond(IntEnum):
    """Glucose that cannot be measured, because it is too low or too high; the values are written into records.

    Example:
        >>> str(Beyond.LO), Beyond.LO.exact_mg_dl < MgDl(1).exact_mg_dl, Beyond.HI.exact_mg_dl > MgDl(1000).exact_mg_dl
        ('LO', True, True)
    """

    LO = 0x33
    HI = 0x55

    def __str__(self) -> str:
        """Write what a meter shows."""
        return self.name

    @property
    def exact_mg_dl(self) -> Fraction:
        """A value in mg/dL that stands below, or above, every one that can be measured; for comparisons only."""
        return Fraction(0 if self is Beyond.LO else _MG_DL.largest + 1)


def exact_glucose(value: Glucose, *, field: str) -> Glucose:
    """Return `value` if it is a glucose value with a unit.

    Raises:
        QuantityError: it is not; `field` is the name that the error carries.
    """
    if type(value) not in {MgDl, MmolL}:
        raise QuantityError(field, value, "must be a glucose value with a unit")
    return value


def _nearest(value: Fraction) -> int:
    """Round a value that is not negative to the nearest integer, halves up."""
    return int(value + Fraction(1, 2))


@unique
class Quality(IntEnum):
    """How far a reading may be relied on; the values are written into records."""

    GOOD = 0x33
    """May be dosed on."""
    DOUBTFUL = 0x3C
    """To be shown, not to be dosed on: out of the sensor's range, before calibration, in warm-up."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A glucose value at an instant.

    Args:
        at_us: when it was measured, monotonic.
        value: the value; `Beyond` where glucose is outside what can be measured.
        quality: how far it may be relied on.

    Raises:
        QuantityError: an argument is of another type.
        LimitError: the time is outside the kernel's range.
    """

    at_us: int
    value: Glucose | Beyond
    quality: Quality = Quality.GOOD

    def __post_init__(self) -> None:
        """Reject an invalid reading."""
        check("time_us", self.at_us, field="at_us")
        if not isinstance(self.value, Beyond):
            exact_glucose(self.value, field="value")
        if type(self.quality) is not Quality:
            raise QuantityError("quality", self.quality, "must be a Quality")

    @property
    def usable(self) -> bool:
        """Whether it may be dosed on, LO and HI included: what they allow is another question."""
        return self.quality is Quality.GOOD

    def is_below(self, bound: Glucose) -> bool:
        """Return whether glucose is below a bound, in whatever unit; LO is below every one.

        Example:
            >>> Reading(0, MmolL(39)).is_below(MgDl(70)), Reading(0, Beyond.LO, Quality.DOUBTFUL).is_below(MgDl(1))
            (False, True)
        """
        return self.value.exact_mg_dl < bound.exact_mg_dl


# The link -------------------------------------------------------------------------------------------------------------


@unique
class Link(IntEnum):
    """Whether the sensor is heard; the values are written into records."""

    NEVER = 0x0F
    LOST = 0x33
    LINKED = 0x55


def link(last_us: int | None, now_us: int, *, lost_us: int) -> Link:
    """Return whether the sensor is heard.

    Args:
        last_us: when the latest reading came, None where none ever did.
        now_us: now, not before that.
        lost_us: time without a reading after which the link is lost, at least 1.

    Raises:
        QuantityError: a time is not an integer.
        LimitError: a time is outside its range.
        TimeError: `now_us` is before `last_us`.

    Example:
        >>> link(0, 9, lost_us=10).name, link(0, 10, lost_us=10).name, link(None, 0, lost_us=10).name
        ('LINKED', 'LOST', 'NEVER')
    """
    check("time_us", now_us, field="now_us")
    check("duration_us", lost_us, field="lost_us")
    if last_us is None:
        return Link.NEVER
    if now_us < check("time_us", last_us, field="last_us"):
        raise TimeError("now_us", now_us, last_us)
    return Link.LOST if now_us - last_us >= lost_us else Link.LINKED


# The last 24 hours ----------------------------------------------------------------------------------------------------

READINGS_MOST: Final = 2 * 24 * 60
"""How many readings a record keeps: two for each minute. A sensor sends one every 5 minutes, or every minute."""


@unique
class Kept(StrEnum):
    """What became of a reading that was offered to a record."""

    KEPT = "kept"
    REPEATED = "repeated"
    TOO_OLD = "too_old"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Last24h:
    """The readings of the last 24 hours of one source, oldest first; 2880 at most.

    Args:
        readings: oldest first; those of one instant in the order in which they came.

    Raises:
        QuantityError: they are not oldest first.
        LimitError: more than 2880.

    Example:
        >>> day, kept = Last24h().with_reading(Reading(0, MgDl(100)), now_us=0)
        >>> day, second = day.with_reading(Reading(5_000_000, MmolL(56)), now_us=60_000_000)
        >>> day, again = day.with_reading(Reading(5_000_000, MmolL(56)), now_us=60_000_000)
        >>> kept.value, second.value, again.value, len(day.readings)
        ('kept', 'kept', 'repeated', 2)
    """

    readings: tuple[Reading, ...] = ()

    def __post_init__(self) -> None:
        """Reject an invalid day of readings."""
        object.__setattr__(self, "readings", tuple(self.readings))
        within(len(self.readings), 0, READINGS_MOST, name="readings", unit="readings")
        if any(later.at_us < earlier.at_us for earlier, later in pairwise(self.readings)):
            raise QuantityError("readings", self.readings, "must be oldest first")

    @property
    def latest(self) -> Reading | None:
        """The latest reading, if there is one."""
        return self.readings[-1] if self.readings else None

    @property
    def latest_usable(self) -> Reading | None:
        """The latest reading that may be dosed on, if there is one."""
        return next((each for each in reversed(self.readings) if each.usable), None)

    def with_reading(self, reading: Reading, *, now_us: int) -> tuple[Last24h, Kept]:
        """Return the last 24 hours with one more reading, and what became of it.

        Work: one pass over at most 2880 readings.

        Args:
            reading: the new one.
            now_us: now; readings of 24 hours ago and earlier go.

        Returns:
            The readings; and `KEPT`, `REPEATED` where the very same one is there already, `TOO_OLD`, or `FULL` where it
            was kept and the oldest one had to go for it.

        Raises:
            TimeError: the reading is from the future. Nothing is changed.
            LimitError: `now_us` is outside the kernel's range. Nothing is changed.
        """
        check("time_us", now_us, field="now_us")
        if now_us < reading.at_us:
            raise TimeError("now_us", now_us, reading.at_us)
        begin_us = now_us - US_PER_DAY + 1
        current = self.readings[bisect_left(self.readings, begin_us, key=_instant) :]
        place = bisect_right(current, reading.at_us, key=_instant)
        if reading.at_us < begin_us:
            return Last24h(current), Kept.TOO_OLD
        if reading in current[bisect_left(current, reading.at_us, key=_instant) : place]:
            return Last24h(current), Kept.REPEATED
        after = (*current[:place], reading, *current[place:])
        if len(after) > READINGS_MOST:
            return Last24h(after[1:]), Kept.FULL
        return Last24h(after), Kept.KEPT


def _instant(reading: Reading) -> int:
    return reading.at_us


# Trend ----------------------------------------------------------------------------------------------------------------

READING_US_MAX: Final = 12 * US_PER_MINUTE
"""The greatest age of a reading that a decision may rest on: two of a 5-minute sensor may be missing."""

_SLOPE_US: Final = 20 * US_PER_MINUTE
_SLOPE_READINGS: Final = 3
_SLOPE_SPAN_US: Final = 8 * US_PER_MINUTE


def rate_at(day: Last24h, now_us: int) -> Fraction | None:
    """Return how fast glucose changes: the slope of the line of least squares through the last 20 minutes.

    Args:
        day: readings of the sensor; only good values up to `now_us` count, LO and HI not.
        now_us: now.

    Returns:
        mg/dL per microsecond, exact, in either unit of the readings; None with fewer than 3 good readings, with less
        than 8 minutes between first and last, or when the latest is older than 12 minutes.

    Rounding:
        None.

    Example:
        >>> day = Last24h(tuple(Reading(m * 60_000_000, MgDl(100 - 2 * m)) for m in (0, 5, 10)))
        >>> rate_at(day, 600_000_000) * 60_000_000  # for each minute
        Fraction(-2, 1)
    """
    points = _points(day, now_us)
    if len(points) < _SLOPE_READINGS or points[-1][0] - points[0][0] < _SLOPE_SPAN_US:
        return None
    if now_us - points[-1][0] > READING_US_MAX:
        return None
    count = len(points)
    mean_us = Fraction(sum(at for at, _ in points), count)
    mean = sum((value for _, value in points), Fraction()) / count
    above = sum(((at - mean_us) * (value - mean) for at, value in points), Fraction())
    return above / sum(((at - mean_us) ** 2 for at, _ in points), Fraction())


def _points(day: Last24h, now_us: int) -> list[tuple[int, Fraction]]:
    """Return time and exact mg/dL of the good readings of the last 20 minutes, oldest first."""
    found = []
    for reading in reversed(day.readings):
        if reading.at_us < now_us - _SLOPE_US:
            break
        if reading.at_us <= now_us and reading.usable and not isinstance(reading.value, Beyond):
            found.append((reading.at_us, reading.value.exact_mg_dl))
    return found[::-1]


@unique
class Trend(StrEnum):
    """The arrow beside a glucose value."""

    UNKNOWN = "unknown"
    FALLING_FAST = "falling_fast"
    FALLING = "falling"
    STEADY = "steady"
    RISING = "rising"
    RISING_FAST = "rising_fast"


# Remembered of sensors with arrows: one arrow from 1 mg/dL a minute on, two from 2 on.
_RISING: Final = Fraction(1, US_PER_MINUTE)
_RISING_FAST: Final = Fraction(2, US_PER_MINUTE)


def trend(day: Last24h, now_us: int) -> Trend:
    """Return the arrow to show.

    Returns:
        Steady below 1 mg/dL a minute in either direction, fast from 2 on; unknown where `rate_at` is None.

    Example:
        >>> trend(Last24h(tuple(Reading(m * 60_000_000, MgDl(100 + m)) for m in (0, 5, 10))), 600_000_000).value
        'rising'
    """
    rate = rate_at(day, now_us)
    if rate is None:
        return Trend.UNKNOWN
    if abs(rate) < _RISING:
        return Trend.STEADY
    if rate < 0:
        return Trend.FALLING_FAST if rate <= -_RISING_FAST else Trend.FALLING
    return Trend.RISING_FAST if rate >= _RISING_FAST else Trend.RISING
