"""What is known of glucose now, from sensor and meter together; and whether a low forbids a bolus.

The rules of this file: pure functions of two records and the time.

- A reading that may be dosed on comes before a later one that may not. One of the meter comes before the sensor's while
  it is fresh; but where the sensor has said since that glucose is more than 20 % lower, the sensor's.
- A low counts by anybody's word: of the sensor or the meter, LO, a doubtful reading. After it nothing is suggested
  until a later reading that may be dosed on is not low: after a low of the sensor any such reading; after one of the
  meter another of the meter, or one that the sensor has measured at least 15 minutes later. With neither, nothing for
  an hour after the low, and then for food only.
- What is too old is not used, and is named with its age.
"""

from __future__ import annotations

from enum import StrEnum, unique
from typing import TYPE_CHECKING, Final, NamedTuple

from pumpcore.therapy.glucose import READING_US_MAX
from pumpcore.units import US_PER_HOUR, US_PER_MINUTE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pumpcore.therapy.glucose import Glucose, Last24h, Reading

__all__ = ["AFTER_LOW_US", "Best", "Guard", "Measured", "Word", "after_low", "best_glucose"]

_LOWER_PERCENT: Final = 20
_SENSOR_AFTER_US: Final = 15 * US_PER_MINUTE
"""The glucose under the skin, which a sensor measures, follows that of the blood by some minutes."""

AFTER_LOW_US: Final = US_PER_HOUR
"""How long after a low nothing is suggested without a reading that says that it is over."""


@unique
class Word(StrEnum):
    """Whose reading it is, and why it is the one that counts."""

    METER = "meter"
    SENSOR = "sensor"
    SENSOR_LOWER = "sensor_lower"
    """The sensor's, although there is a fresh one of the meter: it is later, and more than 20 % lower."""


class Measured(NamedTuple):
    """A reading and whose it is.

    Attributes:
        reading: the reading.
        by_meter: whether a meter has measured it; otherwise the sensor has.
    """

    reading: Reading
    by_meter: bool


class Best(NamedTuple):
    """What is known of glucose now.

    Attributes:
        reading: the one that counts; None: there is none that may be dosed on and is not too old.
        word: whose it is, and why; None where there is none.
        too_old: where there is none: the latest one that might have counted.
    """

    reading: Reading | None
    word: Word | None
    too_old: Reading | None = None


def best_glucose(sensor: Last24h, meter: Last24h, now_us: int) -> Best:
    """Return the reading that counts now.

    Args:
        sensor: the sensor's last 24 hours.
        meter: the meter's.
        now_us: now.

    Returns:
        Of each source the latest that may be dosed on, if it is at most 12 minutes old, LO and HI included; of two the
        meter's, unless the sensor's is later and more than 20 % lower.

    Example:
        >>> from pumpcore.therapy.glucose import Last24h, MmolL, Reading
        >>> sensor, meter = Last24h((Reading(0, MmolL(80)),)), Last24h((Reading(0, MmolL(32)),))
        >>> best_glucose(sensor, meter, 60_000_000).word.value
        'meter'
        >>> best_glucose(sensor, Last24h(), 12 * 60_000_000 + 1)
        Best(reading=None, word=None, too_old=Reading(at_us=0, value=MmolL(tenths=80), quality=<Quality.GOOD: 51>))
    """
    by_sensor, by_meter = sensor.latest_usable, meter.latest_usable
    fresh_sensor, fresh_meter = _fresh(by_sensor, now_us), _fresh(by_meter, now_us)
    if fresh_meter is not None:
        if fresh_sensor is not None and _later_and_far_below(fresh_sensor, fresh_meter):
            return Best(fresh_sensor, Word.SENSOR_LOWER)
        return Best(fresh_meter, Word.METER)
    if fresh_sensor is not None:
        return Best(fresh_sensor, Word.SENSOR)
    known = [each for each in (by_sensor, by_meter) if each is not None]
    return Best(None, None, max(known, key=lambda each: each.at_us, default=None))


def _fresh(reading: Reading | None, now_us: int) -> Reading | None:
    return reading if reading is not None and 0 <= now_us - reading.at_us <= READING_US_MAX else None


def _later_and_far_below(lower: Reading, reading: Reading) -> bool:
    far_below = lower.value.exact_mg_dl * 100 < reading.value.exact_mg_dl * (100 - _LOWER_PERCENT)
    return lower.at_us > reading.at_us and far_below


class Guard(NamedTuple):
    """A low of which nobody knows that it is over.

    Attributes:
        low: the reading, and whose it is.
        until_us: until then nothing is suggested; afterwards for food only.
    """

    low: Measured
    until_us: int


def after_low(sensor: Last24h, meter: Last24h, hard_low: Glucose) -> Guard | None:
    """Return the low that is not known to be over, if there is one; the later of two.

    Args:
        sensor: the sensor's last 24 hours.
        meter: the meter's.
        hard_low: below this it is a low.

    Returns:
        The low, and until when nothing is suggested; None where there was none, or it is over.

    Example:
        >>> from pumpcore.therapy.glucose import Beyond, Last24h, MgDl, Reading
        >>> low = Last24h((Reading(0, Beyond.LO),))
        >>> after_low(Last24h(), low, MgDl(70)).until_us
        3600000000
        >>> after_low(Last24h((Reading(14 * 60_000_000, MgDl(90)),)), low, MgDl(70)) is None
        False
        >>> after_low(Last24h((Reading(15 * 60_000_000, MgDl(90)),)), low, MgDl(70)) is None
        True
    """
    guards = []
    for record, by_meter in ((sensor, False), (meter, True)):
        low = next((each for each in reversed(record.readings) if each.is_below(hard_low)), None)
        if low is None:
            continue
        sensor_from_us = low.at_us + (_SENSOR_AFTER_US if by_meter else 1)
        if not (_over(meter.readings, hard_low, low.at_us + 1) or _over(sensor.readings, hard_low, sensor_from_us)):
            guards.append(Guard(Measured(low, by_meter), low.at_us + AFTER_LOW_US))
    return max(guards, key=lambda each: each.until_us, default=None)


def _over(readings: Iterable[Reading], hard_low: Glucose, from_us: int) -> bool:
    """Return whether a reading that may be dosed on, of that instant or later, is not low."""
    return any(each.usable and each.at_us >= from_us and not each.is_below(hard_low) for each in readings)
