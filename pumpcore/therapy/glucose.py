"""Glucose: values with a unit, readings, the link to the sensor, the last 24 hours, and what may follow from them.

The rules of this file: everything is a pure function of frozen values, with the time as an argument.

- mg/dL and mmol/L are two types that neither compare nor mix; going from one to the other is a call that says how it
  rounds.
- The last 24 hours hold at most one reading for each minute. A second reading of the same minute is dropped; a late one
  goes to its place; one older than 24 hours is dropped; one from the future or in another unit is refused.
- Low-glucose suspend only ever takes insulin away, is off until a person turns it on, lasts at most 2 hours, and stays
  away after a resume by hand for as long as the preset says. Without a usable reading nothing is suspended, and a
  suspension that runs ends: delivery falls back to the profile.
- A controller may ask for little, for a short time, and not at all until a person chose bounds. What it asked for ends
  by itself, and then the profile applies.
"""

from __future__ import annotations

from bisect import bisect_left
from enum import IntEnum, StrEnum, unique
from fractions import Fraction
from itertools import pairwise
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeAlias

from pumpcore.devices import Range, Source
from pumpcore.errors import LimitError, QuantityError, TimeError
from pumpcore.frozen import dataclass, field
from pumpcore.limits import check
from pumpcore.units import US_PER_HOUR, US_PER_MINUTE, exact_int

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "LOW_PRESETS",
    "MG_DL_PER_MMOL_L",
    "READING_US_MAX",
    "BolusRequest",
    "ControllerBounds",
    "Glucose",
    "Kept",
    "Last24h",
    "Link",
    "LowDecision",
    "LowFacts",
    "LowPreset",
    "LowSettings",
    "LowWhy",
    "MgDl",
    "MmolL",
    "Quality",
    "RateRequest",
    "Reading",
    "Trend",
    "check_request",
    "link",
    "low_suspend",
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
        QuantityError: no int.
        LimitError: outside.

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
        """Refuse what no meter shows."""
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
        QuantityError: no int.
        LimitError: outside.

    Example:
        >>> str(MmolL(92))
        '9.2 mmol/L'
    """

    tenths: int

    def __post_init__(self) -> None:
        """Refuse what no meter shows."""
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
        value: the value.
        quality: how far it may be relied on.

    Raises:
        QuantityError: an argument is of another type.
        LimitError: the time is outside the kernel's range.
    """

    at_us: int
    value: Glucose
    quality: Quality = Quality.GOOD

    def __post_init__(self) -> None:
        """Refuse what is no reading."""
        check("time_us", self.at_us, field="at_us")
        if type(self.value) not in {MgDl, MmolL}:
            raise QuantityError("value", self.value, "is no glucose value with a unit")
        if type(self.quality) is not Quality:
            raise QuantityError("quality", self.quality, "is no quality")


# The link -------------------------------------------------------------------------------------------------------------


@unique
class Link(IntEnum):
    """Whether the sensor is heard; the values are written into records."""

    NEVER = 0x0F
    LOST = 0x33
    LINKED = 0x55


def link(last_us: int | None, now_us: int, *, lost_us: int) -> Link:
    """Say whether the sensor is heard.

    Args:
        last_us: when the latest reading came, None where none ever did.
        now_us: now, not before that.
        lost_us: after so long without a reading the link is lost, at least 1.

    Raises:
        QuantityError: a time is no int.
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

_MINUTES_KEPT: Final = 24 * 60


@unique
class Kept(StrEnum):
    """What became of a reading that was offered to the last 24 hours."""

    KEPT = "kept"
    DUPLICATE = "duplicate"
    TOO_OLD = "too_old"


@dataclass(frozen=True, slots=True)
class Last24h:
    """Hold the readings of the last 24 hours: one for each minute at most, so 1440 at most (288 from a sensor that
    measures every 5 minutes), oldest first.

    Args:
        readings: from `snapshot` of the caller; `with_reading` keeps them in order.

    Raises:
        QuantityError: two of them have different units or one minute, or they are not oldest first.
        LimitError: more than 1440.

    Example:
        >>> day, kept = Last24h().with_reading(Reading(0, MgDl(100)), now_us=0)
        >>> day, again = day.with_reading(Reading(59_000_000, MgDl(101)), now_us=60_000_000)
        >>> kept.value, again.value, len(day.readings)
        ('kept', 'duplicate', 1)
    """  # noqa: D205 - the bound belongs to the first sentence

    readings: tuple[Reading, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what is no day of readings."""
        object.__setattr__(self, "readings", tuple(self.readings))
        if len(self.readings) > _MINUTES_KEPT:
            raise LimitError("readings", len(self.readings), _MINUTES_KEPT, "readings")
        if len({type(reading.value) for reading in self.readings}) > 1:
            raise QuantityError("readings", self.readings, "have two units")
        minutes = [_minute(reading) for reading in self.readings]
        if any(later <= earlier for earlier, later in pairwise(minutes)):
            raise QuantityError("readings", self.readings, "are not oldest first, one for each minute")

    @property
    def latest(self) -> Reading | None:
        """The latest reading, if there is one."""
        return self.readings[-1] if self.readings else None

    def with_reading(self, reading: Reading, *, now_us: int) -> tuple[Last24h, Kept]:
        """Return the last 24 hours with one more reading, and what became of it.

        The first reading of a minute stays. Work: one pass over at most 1440 readings.

        Args:
            reading: the new one.
            now_us: now; readings of minutes that began 24 hours ago and earlier go.

        Raises:
            TimeError: the reading is from the future. Nothing is changed.
            QuantityError: its unit is not that of the others. Nothing is changed.
            LimitError: `now_us` is outside the kernel's range. Nothing is changed.
        """
        check("time_us", now_us, field="now_us")
        if now_us < reading.at_us:
            raise TimeError("now_us", now_us, reading.at_us)
        if self.readings and type(reading.value) is not type(self.readings[0].value):
            raise QuantityError("reading.value", str(reading.value), "has another unit than the readings before")
        begin = now_us // US_PER_MINUTE - _MINUTES_KEPT + 1
        current = self.readings[bisect_left(self.readings, begin, key=_minute) :]
        minute = _minute(reading)
        place = bisect_left(current, minute, key=_minute)
        if minute < begin:
            return Last24h(current), Kept.TOO_OLD
        if place < len(current) and _minute(current[place]) == minute:
            return Last24h(current), Kept.DUPLICATE
        return Last24h((*current[:place], reading, *current[place:])), Kept.KEPT


def _minute(reading: Reading) -> int:
    return reading.at_us // US_PER_MINUTE


# Trend ----------------------------------------------------------------------------------------------------------------

READING_US_MAX: Final = 12 * US_PER_MINUTE
"""The greatest age of a reading that a decision may rest on: two of a 5-minute sensor may be missing."""

_SLOPE_US: Final = 20 * US_PER_MINUTE
_SLOPE_READINGS: Final = 3
_SLOPE_SPAN_US: Final = 8 * US_PER_MINUTE


def rate_at(day: Last24h, now_us: int) -> Fraction | None:
    """Return how fast glucose changes: the slope of the line of least squares through the last 20 minutes.

    Args:
        day: readings; only good ones up to `now_us` count.
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
        if reading.at_us <= now_us and reading.quality is Quality.GOOD:
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
        Steady below 1 mg/dL a minute in either direction, fast from 2 on; unknown where `rate_at` knows nothing.

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


# Low-glucose suspend --------------------------------------------------------------------------------------------------

_SUSPEND_US: Final = Range(1, 2 * US_PER_HOUR)  # two hours at most, whatever a preset says


@dataclass(frozen=True, slots=True, kw_only=True)
class LowPreset:
    """How a maker's pump suspends for low glucose. Glucose figures are in mg/dL, as the makers state them.

    Attributes:
        id: its name.
        limit: the low limits that a person may choose.
        horizon_us: how far ahead it predicts; 0: it does not, and suspends at or below the limit.
        predicted_above: suspends when at most this much above the limit is predicted within the horizon ...
        gate_above: ... and glucose is at most this much above the limit now; None: wherever it is now.
        now_below: suspends at once when glucose is this much or more below the limit; None: no such rule.
        resume_above: resumes when glucose is more than this above the limit ...
        resume_predicted_above: ... and more than this above it is predicted; None for both: as soon as glucose rises.
        least_us: not before it has been suspended for so long.
        most_us: longest suspension, up to 2 hours.
        window_us: `most_us` counts all suspensions within this time; 0: each by itself.
        after_most_us: not again for so long after a suspension that lasted its longest.
        after_hand_us: not again for so long after a resume by hand.
        sources: where the figures come from, and which are only remembered.
    """

    id: str
    limit: Range
    horizon_us: int = 0
    predicted_above: int = 0
    gate_above: int | None = None
    now_below: int | None = None
    resume_above: int | None = None
    resume_predicted_above: int | None = None
    least_us: int = 0
    most_us: int = 2 * US_PER_HOUR
    window_us: int = 0
    after_most_us: int
    after_hand_us: int
    sources: tuple[Source, ...]

    def __post_init__(self) -> None:
        """Refuse a preset that could suspend for longer than 2 hours, or never end."""
        _SUSPEND_US.check(self.most_us, name="most_us", unit="us")
        Range(0, self.most_us).check(self.least_us, name="least_us", unit="us")


_PRESETS: Final = (
    LowPreset(
        id="medtronic-530g",
        limit=Range(60, 90, default=60),
        after_most_us=4 * US_PER_HOUR,
        after_hand_us=30 * US_PER_MINUTE,
        sources=(
            Source(
                "medtronicdiabetes.com/loop-blog/how-to-use-the-threshold-suspend-feature: off by default, 60 to 90"
                " mg/dL, at or below, two hours",
                "read",
            ),
            Source("asweetlife.org, MiniMed 530G with Enlite Trial: then four hours of basal insulin", "read"),
            Source("default of 60 mg/dL; no rule by glucose for an earlier end; lock-out after a resume", "remembered"),
        ),
    ),
    LowPreset(
        id="medtronic-veo",
        limit=Range(40, 110, default=60),
        after_most_us=4 * US_PER_HOUR,
        after_hand_us=30 * US_PER_MINUTE,
        sources=(
            Source("MiniMed Veo user guide, Setting the Low Glucose Suspend: off, 40 to 110, default 60 mg/dL", "read"),
            Source("two hours, then four hours of basal insulin; lock-out after a resume", "remembered"),
        ),
    ),
    LowPreset(
        id="medtronic-640g",
        limit=Range(50, 90, default=60),
        horizon_us=30 * US_PER_MINUTE,
        predicted_above=20,
        gate_above=70,
        now_below=0,
        resume_above=20,
        resume_predicted_above=40,
        least_us=30 * US_PER_MINUTE,
        after_most_us=4 * US_PER_HOUR,
        after_hand_us=30 * US_PER_MINUTE,
        sources=(
            Source(
                "Medtronic MiniMed (MMT-1700 class) guide, chapter Suspend before low, examples: at or within 20 mg/dL"
                " above the limit within 30 min, from 70 mg/dL above on; unavailable for 30 min after a resume by hand",
                "read",
            ),
            Source(
                "limit of 50 to 90 mg/dL; resume above 20 and predicted above 40 mg/dL above the limit, not before"
                " 30 min; two hours; four hours until the next",
                "remembered",
            ),
        ),
    ),
    LowPreset(
        id="tandem-basal-iq",
        limit=Range(80, 80, default=80),
        horizon_us=30 * US_PER_MINUTE,
        now_below=10,
        window_us=150 * US_PER_MINUTE,
        after_most_us=0,
        after_hand_us=0,
        sources=(
            Source(
                "tandemdiabetes.com/providers/basal-iq: 30 minutes ahead, resumes with the first rise, no refractory"
                " period, two hours within any 2.5 hours",
                "read",
            ),
            Source("predicted below 80 mg/dL, or below 70 mg/dL now", "remembered"),
        ),
    ),
)

LOW_PRESETS: Final[Mapping[str, LowPreset]] = MappingProxyType({preset.id: preset for preset in _PRESETS})
"""Every preset by its id. None is in force until a person chooses one."""


@dataclass(frozen=True, slots=True)
class LowSettings:
    """What a person turned on: a preset and a low limit.

    Args:
        preset: how to suspend.
        limit: the low limit; its exact value in mg/dL within the preset's range, to the display's accuracy.

    Raises:
        QuantityError: not of these types.
        LimitError: the limit is outside the preset's range.

    Example:
        >>> LowSettings(LOW_PRESETS["medtronic-530g"], MgDl(55))
        Traceback (most recent call last):
        ...
        pumpcore.errors.LimitError: limit: 55 is below the least allowed, 60 mg/dL
    """

    preset: LowPreset
    limit: Glucose

    def __post_init__(self) -> None:
        """Refuse a limit that the maker does not allow."""
        if type(self.limit) not in {MgDl, MmolL}:
            raise QuantityError("limit", self.limit, "is no glucose value with a unit")
        shown = self.limit if isinstance(self.limit, MgDl) else self.limit.to_mg_dl()
        self.preset.limit.check(shown.mg_per_dl, name="limit", unit="mg/dL")


@dataclass(frozen=True, slots=True, kw_only=True)
class LowFacts:
    """What low-glucose suspend decides on.

    Attributes:
        now_us: now.
        day: the last 24 hours.
        suspended_us: since when it suspends now; None where it does not.
        used_us: how long it has suspended within the preset's window before that; only for a preset with a window.
        ended_us: when a suspension that lasted its longest ended last; None where none did.
        by_hand_us: when a person last resumed out of a suspension; None where nobody did.
    """

    now_us: int
    day: Last24h = field(default_factory=Last24h)
    suspended_us: int | None = None
    used_us: int = 0
    ended_us: int | None = None
    by_hand_us: int | None = None

    def __post_init__(self) -> None:
        """Refuse facts from the future."""
        check("time_us", self.now_us, field="now_us")
        for name in ("suspended_us", "ended_us", "by_hand_us"):
            at_us = getattr(self, name)
            if at_us is not None and self.now_us < check("time_us", at_us, field=name):
                raise TimeError("now_us", self.now_us, at_us)
        check("time_us", self.used_us, field="used_us")


@unique
class LowWhy(StrEnum):
    """Why low-glucose suspend decides as it does."""

    OFF = "off"
    NO_READING = "no_reading"
    HIGH_ENOUGH = "high_enough"
    LOW = "low"
    PREDICTED_LOW = "predicted_low"
    NOT_YET = "not_yet"
    STILL_LOW = "still_low"
    RECOVERED = "recovered"
    LONGEST = "longest"
    LOCKED_OUT = "locked_out"


@dataclass(frozen=True, slots=True)
class LowDecision:
    """What low-glucose suspend decides.

    Attributes:
        suspend: whether insulin shall be suspended now.
        why: the reason.
        until_us: when the suspension ends at the latest, whatever is read until then; None where there is none.
    """

    suspend: bool
    why: LowWhy
    until_us: int | None = None


def low_suspend(settings: LowSettings | None, facts: LowFacts) -> LowDecision:
    """Decide whether insulin shall be suspended for low glucose.

    Ask at each reading, at `until_us`, and when the latest reading grows older than 12 minutes.

    Args:
        settings: what a person turned on; None: nothing.
        facts: as of now.

    Returns:
        The decision. Suspended time, with what the window has used, never exceeds the preset's longest.

    Rounding:
        None: prediction is exact, the latest good reading plus the slope of `rate_at` times the horizon.

    Example:
        >>> low = LowSettings(LOW_PRESETS["medtronic-530g"], MgDl(60))
        >>> day = Last24h((Reading(0, MgDl(58)),))
        >>> low_suspend(low, LowFacts(now_us=0, day=day))
        LowDecision(suspend=True, why=<LowWhy.LOW: 'low'>, until_us=7200000000)
        >>> low_suspend(None, LowFacts(now_us=0, day=day)).suspend
        False
    """
    if settings is None:
        return LowDecision(suspend=False, why=LowWhy.OFF)
    preset, since_us, now_us = settings.preset, facts.suspended_us, facts.now_us
    until_us = (now_us if since_us is None else since_us) + preset.most_us - facts.used_us
    if until_us <= now_us:
        return LowDecision(suspend=False, why=LowWhy.LONGEST)
    if since_us is None and _locked_out(preset, facts):
        return LowDecision(suspend=False, why=LowWhy.LOCKED_OUT)
    latest = facts.day.latest
    if latest is None or latest.quality is not Quality.GOOD or not 0 <= now_us - latest.at_us <= READING_US_MAX:
        return LowDecision(suspend=False, why=LowWhy.NO_READING)
    above = latest.value.exact_mg_dl - settings.limit.exact_mg_dl
    rate = rate_at(facts.day, now_us)
    begun_for_us = None if since_us is None else now_us - since_us
    if begun_for_us is not None:
        why = _go_on(preset, above, rate, begun_for_us)
    else:
        why = _begin(preset, above, rate)
        # What the same reading would end does not begin: otherwise a slow rise toggles it with every reading.
        if why in _SUSPENDING and _go_on(preset, above, rate, preset.least_us) is LowWhy.RECOVERED:
            why = LowWhy.HIGH_ENOUGH
    suspend = why in _SUSPENDING
    return LowDecision(suspend=suspend, why=why, until_us=until_us if suspend else None)


_SUSPENDING: Final = {LowWhy.LOW, LowWhy.PREDICTED_LOW, LowWhy.NOT_YET, LowWhy.STILL_LOW}


def _locked_out(preset: LowPreset, facts: LowFacts) -> bool:
    """Say whether a resume by hand or a longest suspension is too recent for another one."""
    pairs = ((facts.by_hand_us, preset.after_hand_us), (facts.ended_us, preset.after_most_us))
    return any(at_us is not None and facts.now_us - at_us < wait_us for at_us, wait_us in pairs)


def _begin(preset: LowPreset, above: Fraction, rate: Fraction | None) -> LowWhy:
    """Say whether a suspension begins, `above` being the distance of glucose above the limit."""
    if not preset.horizon_us:
        return LowWhy.LOW if above <= 0 else LowWhy.HIGH_ENOUGH
    if preset.now_below is not None and above <= -preset.now_below:
        return LowWhy.LOW
    gated = preset.gate_above is not None and above > preset.gate_above
    if rate is None or gated or above + rate * preset.horizon_us > preset.predicted_above:
        return LowWhy.HIGH_ENOUGH
    return LowWhy.PREDICTED_LOW


def _go_on(preset: LowPreset, above: Fraction, rate: Fraction | None, for_us: int) -> LowWhy:
    """Say whether a suspension that has lasted `for_us` goes on."""
    if for_us < preset.least_us:
        return LowWhy.NOT_YET
    # A threshold suspend ends by hand or by time, never by glucose.
    if not preset.horizon_us or rate is None:
        return LowWhy.STILL_LOW
    if preset.resume_above is None or preset.resume_predicted_above is None:
        return LowWhy.RECOVERED if rate > 0 else LowWhy.STILL_LOW
    predicted = above + rate * preset.horizon_us
    recovered = above > preset.resume_above and predicted > preset.resume_predicted_above
    return LowWhy.RECOVERED if recovered else LowWhy.STILL_LOW


# The controller port --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class RateRequest:
    """Ask for a basal rate for a while; then the profile's rate applies again.

    Attributes:
        id: the controller's number for it, at least 1; a number that was seen is answered, never carried out again.
        at_us: when the controller decided.
        rate_uu_per_h: the rate, micro-units per hour; 0 stops basal delivery for the while.
        duration_us: how long it holds from when it is accepted.
    """

    id: int
    at_us: int
    rate_uu_per_h: int
    duration_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BolusRequest:
    """Ask for a small bolus.

    Attributes:
        id: as in `RateRequest`.
        at_us: when the controller decided.
        amount_uu: micro-units, at least 1.
    """

    id: int
    at_us: int
    amount_uu: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ControllerBounds:
    """What a person lets a controller ask for; until somebody chose, nothing.

    Attributes:
        max_rate_uu_per_h: largest rate.
        max_bolus_uu: largest bolus.
        max_duration_us: longest time for a rate, up to 2 hours.
        max_age_us: oldest decision that is still carried out, up to 12 minutes.

    Raises:
        QuantityError: a bound is no int.
        LimitError: a bound is outside its hard range.
    """

    max_rate_uu_per_h: int = 0
    max_bolus_uu: int = 0
    max_duration_us: int = 0
    max_age_us: int = 0

    def __post_init__(self) -> None:
        """Refuse bounds that bound nothing."""
        check("max_temp_basal_uu_per_h", self.max_rate_uu_per_h, field="max_rate_uu_per_h")
        check("max_bolus_uu", self.max_bolus_uu)
        Range(0, _SUSPEND_US.largest).check(self.max_duration_us, name="max_duration_us", unit="us")
        Range(0, READING_US_MAX).check(self.max_age_us, name="max_age_us", unit="us")


_REQUEST_ID: Final = Range(1, 2**32 - 1)


def check_request(request: RateRequest | BolusRequest, *, bounds: ControllerBounds, now_us: int) -> None:
    """Let a controller's request through that is fresh and within bounds.

    Whether the device has such a step, and the limits on all insulin, are checked again where it is carried out.

    Args:
        request: what the controller asks for.
        bounds: what a person allows.
        now_us: now.

    Raises:
        QuantityError: a figure is no int. Nothing is changed.
        LimitError: the decision is too old, or a figure is outside its bounds. Nothing is changed.
        TimeError: the decision is from the future. Nothing is changed.

    Example:
        >>> bounds = ControllerBounds(max_bolus_uu=500_000, max_age_us=60_000_000)
        >>> check_request(BolusRequest(id=1, at_us=0, amount_uu=600_000), bounds=bounds, now_us=0)
        Traceback (most recent call last):
        ...
        pumpcore.errors.LimitError: request.amount_uu: 600000 is above the largest allowed, 500000 uu
    """
    check("time_us", now_us, field="now_us")
    _REQUEST_ID.check(request.id, name="request.id", unit="")
    if now_us < check("time_us", request.at_us, field="request.at_us"):
        raise TimeError("now_us", now_us, request.at_us)
    Range(0, bounds.max_age_us).check(now_us - request.at_us, name="request age", unit="us")
    if isinstance(request, BolusRequest):
        _at_most(request.amount_uu, 1, bounds.max_bolus_uu, "request.amount_uu", "uu")
        return
    _at_most(request.duration_us, 1, bounds.max_duration_us, "request.duration_us", "us")
    _at_most(request.rate_uu_per_h, 0, bounds.max_rate_uu_per_h, "request.rate_uu_per_h", "uu/h")


def _at_most(value: int, least: int, largest: int, name: str, unit: str) -> None:
    """Let a value through between two bounds; where the largest is below the least, nothing passes."""
    if exact_int(value, field=name) > largest:
        raise LimitError(name, value, largest, unit)
    Range(least, max(least, largest)).check(value, name=name, unit=unit)
