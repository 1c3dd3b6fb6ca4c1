"""The words of a scenario: what they become, and what is refused."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest

from pumpcore.errors import LimitError, QuantityError, RequestError
from pumpcore.pump.config_file import words
from pumpcore.therapy.glucose import MgDl, MmolL

COPENHAGEN = ZoneInfo("Europe/Copenhagen")
MINUTE_US = 60_000_000


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("2 h", 7_200), ("90 min", 5_400), ("1 h 30 min", 5_400), ("45 s", 45), ("2 h 5 s", 7_205), ("1 min 1 s", 61)],
)
def test_span(text: str, seconds: int) -> None:
    assert words.span(text, field="for") == seconds * 1_000_000


@pytest.mark.parametrize(
    "text",
    ["", "90", "0 min", "05 min", "1.5 h", "90min", "90 min ", "30 min 1 h", "1 h30 min", "-5 min", "1 day", "90 Min"],
)
def test_no_span(text: str) -> None:
    with pytest.raises(QuantityError, match="is not a duration"):
        words.span(text, field="for")


def test_glucose_has_its_unit() -> None:
    assert words.glucose("9.2 mmol/L", field="g") == MmolL(92)
    assert words.glucose("9 mmol/L", field="g") == MmolL(90)
    assert words.glucose("166 mg/dL", field="g") == MgDl(166)


@pytest.mark.parametrize(
    "text", ["9.2", "9,2 mmol/L", "9.25 mmol/L", ".9 mmol/L", "166.5 mg/dL", "09 mmol/L", "9.2 mmol/l", "-1 mmol/L"]
)
def test_no_glucose(text: str) -> None:
    with pytest.raises(QuantityError, match="is not a glucose value"):
        words.glucose(text, field="g")


def test_glucose_that_no_meter_shows_is_refused() -> None:
    with pytest.raises(LimitError):
        words.glucose("0.0 mmol/L", field="g")


def test_target() -> None:
    assert words.glucose_range("5.0 to 6.5 mmol/L", field="t") == (MmolL(50), MmolL(65))
    assert words.glucose_range("110 mg/dL", field="t") == (MgDl(110), MgDl(110))
    with pytest.raises(QuantityError):
        words.glucose_range("5.0 mmol/L to 6.5 mmol/L", field="t")


def test_grams() -> None:
    assert words.grams("60", field="c") == 60_000
    assert words.grams("0.125", field="c") == 125
    with pytest.raises(QuantityError, match="three decimals"):
        words.grams("0.1255", field="c")


@pytest.mark.parametrize(
    ("text", "day", "again", "rest"),
    [
        ("08:00 suspend", None, False, "suspend"),
        ("day 2 08:00 suspend", 2, False, "suspend"),
        ("2026-10-25 08:00 again suspend", date(2026, 10, 25), True, "suspend"),
        ("08:00", None, False, ""),
    ],
)
def test_instant(text: str, day: int | date | None, again: bool, rest: str) -> None:  # noqa: FBT001 - a column
    assert words.instant(text, field="f") == (words.Instant(day, time(8), again), rest)


@pytest.mark.parametrize("text", ["8:00 x", "24:00 x", "08:60 x", "day 08:00 x", "2026-02-30 08:00 x", "08:00x", "x"])
def test_no_instant(text: str) -> None:
    with pytest.raises(QuantityError):
        words.instant(text, field="f")


def test_local_time_that_the_clock_skips_is_refused() -> None:
    with pytest.raises(QuantityError, match="does not exist in Europe/Copenhagen: the clocks skip it"):
        words.utc_of(datetime(2026, 3, 29, 2, 59), COPENHAGEN, field="f")  # noqa: DTZ001 - a reading has no zone


def test_local_time_that_comes_twice() -> None:
    reading = datetime(2026, 10, 25, 2, 30)  # noqa: DTZ001 - a reading has no zone
    assert words.utc_of(reading, COPENHAGEN, field="f") == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert words.utc_of(reading, COPENHAGEN, again=True, field="f") == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    with pytest.raises(QuantityError, match="does not occur twice"):
        words.utc_of(reading.replace(hour=4), COPENHAGEN, again=True, field="f")


def test_calendar_counts_a_short_day() -> None:
    calendar = words.Calendar(datetime(2026, 3, 28, 23, tzinfo=UTC), "Europe/Copenhagen")
    at, _ = words.instant("03:00", field="f")
    assert calendar.at_us(at, date(2026, 3, 29), field="f") == 120 * MINUTE_US
    assert calendar.midnights(48 * 60 * MINUTE_US) == (23 * 60 * MINUTE_US, 47 * 60 * MINUTE_US)
    assert calendar.midnights(23 * 60 * MINUTE_US) == ()


def test_pulse_at_midnight_is_the_last_of_its_day() -> None:
    calendar = words.Calendar(datetime(2026, 3, 2, tzinfo=UTC), "UTC")
    midnight_us = 24 * 60 * MINUTE_US
    assert calendar.day_of(midnight_us) == date(2026, 3, 2)
    assert calendar.day_of(midnight_us + 1) == date(2026, 3, 3)
    assert calendar.day_of(0) == date(2026, 3, 2)


@pytest.mark.parametrize("text", ["25:00", "06:30 ", "day 2 06:30", "06:30 again", "6:30"])
def test_no_time_of_day(text: str) -> None:
    with pytest.raises(RequestError):
        words.day_us(text, field="segment")


def test_count() -> None:
    assert words.whole("50", field="p") == 50
    for text in ("050", "5.0", "-1", "", "1234567"):
        with pytest.raises(QuantityError):
            words.whole(text, field="p")
