"""What is known of glucose from sensor and meter together, and the low that is not known to be over."""

from __future__ import annotations

import doctest
from typing import Final

import pytest

from pumpcore.therapy import best_glucose as best
from pumpcore.therapy.best_glucose import Best, Guard, Measured, Word, after_low, best_glucose
from pumpcore.therapy.glucose import Beyond, Glucose, Last24h, MgDl, MmolL, Quality, Reading

MIN: Final = 60_000_000
NOW: Final = 100 * MIN
LOW: Final = MgDl(70)


def day(*readings: tuple[int, Glucose | Beyond] | tuple[int, Glucose | Beyond, Quality]) -> Last24h:
    """Readings by minutes before now, the oldest first."""
    return Last24h(tuple(Reading(NOW - ago * MIN, *what) for ago, *what in readings))


def test_the_examples_run() -> None:
    result = doctest.testmod(best)
    assert result.attempted > 5
    assert not result.failed


@pytest.mark.req("GLU-07")
@pytest.mark.parametrize(
    ("sensor", "meter", "value", "word"),
    [
        (day((1, MmolL(80))), day((2, MmolL(32))), MmolL(32), Word.METER),
        (day((1, MmolL(80))), day((12, MmolL(75))), MmolL(75), Word.METER),
        (day((1, MmolL(60))), day((2, MmolL(75))), MmolL(75), Word.METER),  # exactly 20 % lower
        (day((1, MmolL(59))), day((2, MmolL(75))), MmolL(59), Word.SENSOR_LOWER),
        (day((3, MmolL(59))), day((2, MmolL(75))), MmolL(75), Word.METER),  # earlier than the meter's
        (day((1, Beyond.LO)), day((2, MgDl(100))), Beyond.LO, Word.SENSOR_LOWER),
        (day((1, MgDl(79))), day((2, MmolL(56))), MgDl(79), Word.SENSOR_LOWER),  # units mix
        (day((1, MgDl(50), Quality.DOUBTFUL)), day((2, MgDl(100))), MgDl(100), Word.METER),
        (day((6, MgDl(90)), (1, MgDl(50), Quality.DOUBTFUL)), day(), MgDl(90), Word.SENSOR),
        (day((1, Beyond.HI)), day(), Beyond.HI, Word.SENSOR),
        (day((1, MgDl(150))), day((13, MgDl(90))), MgDl(150), Word.SENSOR),
    ],
)
def test_whose_reading_counts(sensor: Last24h, meter: Last24h, value: object, word: Word) -> None:
    found = best_glucose(sensor, meter, NOW)
    assert found.reading is not None
    assert (found.reading.value, found.word, found.too_old) == (value, word, None)


@pytest.mark.req("GLU-07", "ADV-04")
def test_what_is_too_old_is_named() -> None:
    sensor, meter = day((13, MgDl(90))), day((20, MgDl(60)))
    assert best_glucose(sensor, meter, NOW) == Best(None, None, sensor.latest)
    assert best_glucose(day(), meter, NOW) == Best(None, None, meter.latest)
    assert best_glucose(day(), day((1, MgDl(90), Quality.DOUBTFUL)), NOW) == Best(None, None, None)


@pytest.mark.req("GLU-08")
@pytest.mark.parametrize(
    ("sensor", "meter", "ago", "by_meter"),
    [
        (day((10, MgDl(69))), day(), 10, False),
        (day((10, MgDl(69)), (5, MgDl(70))), day(), None, False),
        (day((10, MgDl(69)), (5, MgDl(120), Quality.DOUBTFUL)), day(), 10, False),
        (day((10, MgDl(45), Quality.DOUBTFUL)), day(), 10, False),  # by anybody's word
        (day((10, Beyond.LO)), day((4, MgDl(80))), None, False),
        (day((10, MgDl(69))), day((10, MgDl(90))), 10, False),  # not later
        (day((5, MgDl(90))), day((10, MmolL(38))), 10, True),  # the sensor, too soon
        (day((5, MgDl(90))), day((20, MmolL(38))), None, True),
        (day((6, MgDl(90))), day((20, MmolL(38))), 20, True),
        (day((5, MgDl(90), Quality.DOUBTFUL)), day((20, MmolL(38))), 20, True),
        (day(), day((10, MmolL(38)), (9, MmolL(39))), None, True),
        (
            day((10, MgDl(60)), (3, MgDl(90))),
            day((12, Beyond.LO)),
            12,
            True,
        ),  # the sensor's low is over, the meter's not
        (day((1, Beyond.HI)), day((70, MmolL(38))), None, True),
        (day(), day(), None, False),
    ],
)
def test_a_low_is_over_when_a_later_reading_says_so(
    sensor: Last24h, meter: Last24h, ago: int | None, *, by_meter: bool
) -> None:
    found = after_low(sensor, meter, LOW)
    if ago is None:
        assert found is None
        return
    reading = next(each for each in (meter if by_meter else sensor).readings if each.at_us == NOW - ago * MIN)
    assert found == Guard(Measured(reading, by_meter), NOW - ago * MIN + 60 * MIN)


@pytest.mark.req("GLU-08")
def test_of_two_lows_the_later_one_holds_longest() -> None:
    found = after_low(day((10, MgDl(60))), day((20, MgDl(60))), LOW)
    assert found is not None
    assert found.until_us == NOW + 50 * MIN
