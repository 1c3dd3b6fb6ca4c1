"""Glucose values, the last 24 hours, low-glucose suspend and the controller port, by examples and refusals."""

from __future__ import annotations

import doctest
from dataclasses import FrozenInstanceError, replace
from fractions import Fraction
from itertools import combinations
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumpcore.bounds import Range
from pumpcore.errors import LimitError, QuantityError, RequestError, TimeError
from pumpcore.therapy import envelope, glucose
from pumpcore.therapy import low_suspend as low
from pumpcore.therapy.envelope import BolusRequest, ControllerBounds, RateRequest, check_request
from pumpcore.therapy.glucose import (
    READING_US_MAX,
    READINGS_MOST,
    Beyond,
    Glucose,
    Kept,
    Last24h,
    Link,
    MgDl,
    MmolL,
    Quality,
    Reading,
    Trend,
    link,
    rate_at,
    trend,
)
from pumpcore.therapy.low_suspend import LOW_PRESETS, LowDecision, LowFacts, LowSettings, LowWhy, low_suspend

if TYPE_CHECKING:
    from types import ModuleType

    from pumpcore.therapy.low_suspend import LowPreset

MINUTE_US = 60_000_000
HOUR_US = 60 * MINUTE_US
LOST_US = 30 * MINUTE_US


@pytest.mark.parametrize(("module", "examples"), [(glucose, 10), (low, 5), (envelope, 2)])
def test_the_examples_run(module: ModuleType, examples: int) -> None:
    result = doctest.testmod(module)
    assert result.attempted >= examples
    assert not result.failed


# Values


@pytest.mark.parametrize(("mg_per_dl", "tenths"), [(18, 10), (54, 30), (70, 39), (100, 56), (180, 100), (400, 222)])
def test_conversion_as_on_a_display(mg_per_dl: int, tenths: int) -> None:
    assert MgDl(mg_per_dl).to_mmol_l() == MmolL(tenths)


@given(tenths=st.integers(1, 555))
def test_mmol_per_litre_survives_the_way_there_and_back(tenths: int) -> None:
    assert MmolL(tenths).to_mg_dl().to_mmol_l() == MmolL(tenths)


@given(mg_per_dl=st.integers(1, 999))
def test_the_nearest_tenth_is_at_most_a_twentieth_away(mg_per_dl: int) -> None:
    if mg_per_dl == 1:
        assert Fraction(mg_per_dl) / Fraction(180_156, 10_000) > Fraction(1, 20)
    assert abs(MgDl(mg_per_dl).to_mmol_l().exact_mg_dl - mg_per_dl) <= Fraction(180_156, 200_000)


@pytest.mark.req("ADV-05")
def test_the_units_do_not_mix() -> None:
    five: Glucose = MgDl(5)
    assert five != MmolL(5)
    for compare in (lambda a, b: a < b, lambda a, b: a >= b, lambda a, b: a - b):
        with pytest.raises(TypeError):
            compare(MgDl(100), MmolL(56))  # type: ignore[no-untyped-call]
    assert MgDl(99) < MgDl(100)
    assert MmolL(55) < MmolL(56)


@pytest.mark.parametrize(
    ("value", "error"),
    [(0, LimitError), (-5, LimitError), (5.6, QuantityError), ("100", QuantityError), (True, QuantityError)],
)
def test_what_is_no_value_is_refused(value: Any, error: type[RequestError]) -> None:  # noqa: ANN401 - anything at all
    for of in (MgDl, MmolL):
        with pytest.raises(error):
            of(value)


def test_the_largest_values() -> None:
    assert str(MgDl(1000)) == "1000 mg/dL"
    assert str(MmolL(555)) == "55.5 mmol/L"
    with pytest.raises(LimitError):
        MgDl(1001)
    with pytest.raises(LimitError):
        MmolL(556)
    with pytest.raises(FrozenInstanceError):
        MgDl(100).mg_per_dl = 101  # type: ignore[misc]


def test_a_reading_has_a_time_a_value_and_a_quality() -> None:
    assert Reading(0, MgDl(100)).quality is Quality.GOOD
    with pytest.raises(LimitError):
        Reading(-1, MgDl(100))
    with pytest.raises(QuantityError):
        Reading(0, 100)  # type: ignore[arg-type]
    with pytest.raises(QuantityError):
        Reading(0, MgDl(100), 0x33)  # type: ignore[arg-type]


def test_the_code_words() -> None:
    assert [quality.value for quality in Quality] == [0x33, 0x3C]
    assert [state.value for state in Link] == [0x0F, 0x33, 0x55]


@pytest.mark.parametrize("codes", [Quality, Link])
def test_code_words_differ_in_four_bits(codes: type[Quality | Link]) -> None:
    assert all((a.value ^ b.value).bit_count() >= 4 for a, b in combinations(codes, 2))


# Link


def test_the_link() -> None:
    assert link(None, 10**9, lost_us=1) is Link.NEVER
    assert link(5, 4 + LOST_US, lost_us=LOST_US) is Link.LINKED
    assert link(5, 5 + LOST_US, lost_us=LOST_US) is Link.LOST
    assert link(0, 0, lost_us=1) is Link.LINKED
    with pytest.raises(TimeError):
        link(6, 5, lost_us=LOST_US)
    with pytest.raises(LimitError):
        link(0, 0, lost_us=0)
    with pytest.raises(QuantityError):
        link(0, 1.0, lost_us=LOST_US)  # type: ignore[arg-type]


# The last 24 hours


def kept(day: Last24h, minute: int, value: int = 100, *, now: int | None = None) -> tuple[Last24h, Kept]:
    return day.with_reading(
        Reading(minute * MINUTE_US, MgDl(value)), now_us=(minute if now is None else now) * MINUTE_US
    )


def minutes(day: Last24h) -> list[int]:
    return [reading.at_us // MINUTE_US for reading in day.readings]


def test_a_late_reading_goes_to_its_place_and_only_the_very_same_is_dropped() -> None:
    day = Last24h()
    for minute in (0, 10, 5, 20):
        day, what = kept(day, minute, now=20)
        assert what is Kept.KEPT
    assert minutes(day) == [0, 5, 10, 20]
    again, what = kept(day, 5, now=20)
    assert (again, what) == (day, Kept.REPEATED)
    more, what = kept(day, 5, 200, now=20)
    assert what is Kept.KEPT
    assert [each.value for each in more.readings if each.at_us == 5 * MINUTE_US] == [MgDl(100), MgDl(200)]
    assert day.latest == Reading(20 * MINUTE_US, MgDl(100))
    assert Last24h().latest is None


def test_the_latest_that_may_be_dosed_on_comes_before_a_later_one_that_may_not() -> None:
    good = Reading(MINUTE_US, Beyond.HI)
    day = Last24h((Reading(0, MgDl(90)), good, Reading(2 * MINUTE_US, MgDl(95), Quality.DOUBTFUL)))
    assert day.latest_usable == good
    assert Last24h(day.readings[2:]).latest_usable is None


def test_what_is_older_than_a_day_goes() -> None:
    day, _ = kept(Last24h(), 0)
    day, _ = kept(day, 1439)
    assert minutes(day) == [0, 1439]
    day, _ = kept(day, 1440)
    assert minutes(day) == [1439, 1440]
    day, what = kept(day, 0, now=1440)
    assert (minutes(day), what) == ([1439, 1440], Kept.TOO_OLD)
    day, what = kept(day, 1, now=1440)
    assert (minutes(day), what) == ([1, 1439, 1440], Kept.KEPT)
    day, what = kept(day, 5_000, now=10_000)
    assert (minutes(day), what) == ([], Kept.TOO_OLD)


def test_it_is_bounded_and_the_oldest_makes_way() -> None:
    full = Last24h(tuple(Reading(index, MgDl(100)) for index in range(READINGS_MOST)))
    day, what = full.with_reading(Reading(READINGS_MOST, MgDl(100)), now_us=READINGS_MOST)
    assert (len(day.readings), what) == (READINGS_MOST, Kept.FULL)
    assert (day.readings[0].at_us, day.readings[-1].at_us) == (1, READINGS_MOST)
    with pytest.raises(LimitError):
        Last24h((*full.readings, Reading(READINGS_MOST, MgDl(100))))


def test_what_cannot_be_kept_is_refused() -> None:
    day, _ = kept(Last24h(), 5)
    with pytest.raises(TimeError):
        kept(day, 7, now=6)
    with pytest.raises(QuantityError, match="must be oldest first"):
        Last24h((Reading(MINUTE_US, MgDl(1)), Reading(0, MgDl(1))))


def test_units_lo_and_hi_stand_beside_each_other() -> None:
    day = Last24h((Reading(0, MgDl(100)), Reading(1, MmolL(56)), Reading(2, Beyond.LO), Reading(2, Beyond.HI)))
    assert len(day.readings) == 4
    assert rate_at(day, 2) is None
    assert [str(each.value) for each in day.readings] == ["100 mg/dL", "5.6 mmol/L", "LO", "HI"]


@given(
    offers=st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 100), st.integers(1, 3)), max_size=60),
)
def test_against_a_list_of_all(offers: list[tuple[int, int, int]]) -> None:
    day, model, now = Last24h(), list[tuple[int, int]](), 0
    for at, later, value in offers:
        now = max(now, at) + later
        day, what = kept(day, at, value, now=now)
        model = [each for each in model if each[0] > now - 1440]
        if at <= now - 1440:
            assert what is Kept.TOO_OLD
        elif (at, value) in model:
            assert what is Kept.REPEATED
        else:
            assert what is Kept.KEPT
            model = sorted([*model, (at, value)], key=lambda each: each[0])
        assert [(each.at_us // MINUTE_US, each.value) for each in day.readings] == [
            (minute, MgDl(number)) for minute, number in model
        ]


# Trend


def line(*values: int, every: int = 5, end: int = 100, quality: Quality = Quality.GOOD) -> Last24h:
    """Readings at a pace, the last at minute `end`."""
    first = end - every * (len(values) - 1)
    return Last24h(
        tuple(Reading((first + every * index) * MINUTE_US, MgDl(value), quality) for index, value in enumerate(values))
    )


NOW_US = 100 * MINUTE_US


def test_the_slope_of_a_line_and_of_least_squares() -> None:
    assert rate_at(line(110, 105, 100), NOW_US) == Fraction(-1, MINUTE_US)
    assert rate_at(line(100, 100, 106), NOW_US) == Fraction(6, 10 * MINUTE_US)
    # Only the last 20 minutes count: -20, -15, -10, -5, 0.
    assert rate_at(line(900, 900, 100, 102, 104, 106, 108), NOW_US) == Fraction(2, 5 * MINUTE_US)


def test_the_slope_goes_twenty_minutes_back() -> None:
    assert rate_at(line(900, 100, 107, 114, every=7), NOW_US) == Fraction(1, MINUTE_US)  # not the one 21 minutes ago
    assert rate_at(line(80, 90, 100, every=10), NOW_US) == Fraction(1, MINUTE_US)  # but the one 20 minutes ago


def test_mmol_per_litre_has_a_slope_in_mg_per_dl() -> None:
    day = Last24h(
        tuple(Reading(minute * MINUTE_US, MmolL(tenths)) for minute, tenths in ((90, 60), (95, 65), (100, 70)))
    )
    assert rate_at(day, NOW_US) == Fraction(180_156, 10_000) / (10 * MINUTE_US)


def test_too_little_is_known() -> None:
    assert rate_at(Last24h(), NOW_US) is None
    assert rate_at(line(100, 105), NOW_US) is None
    assert rate_at(line(100, 105, 110, every=3), NOW_US) is None  # within 6 minutes
    assert rate_at(line(100, 105, 110, every=4), NOW_US) is not None
    assert rate_at(line(100, 105, 110, quality=Quality.DOUBTFUL), NOW_US) is None
    assert rate_at(line(100, 105, 110, every=4), NOW_US + READING_US_MAX) is not None
    assert rate_at(line(100, 105, 110, every=4), NOW_US + READING_US_MAX + 1) is None
    assert rate_at(line(100, 105, 110), NOW_US - 1) is None  # the third is still to come


@pytest.mark.parametrize(
    ("step", "arrow"),
    [
        (0, Trend.STEADY),
        (4, Trend.STEADY),
        (5, Trend.RISING),
        (9, Trend.RISING),
        (10, Trend.RISING_FAST),
        (-4, Trend.STEADY),
        (-5, Trend.FALLING),
        (-9, Trend.FALLING),
        (-10, Trend.FALLING_FAST),
    ],
)
def test_the_arrow(step: int, arrow: Trend) -> None:
    assert trend(line(100, 100 + step, 100 + 2 * step), NOW_US) is arrow
    assert trend(line(100), NOW_US) is Trend.UNKNOWN


# Low-glucose suspend

THRESHOLD = LowSettings(LOW_PRESETS["medtronic-530g"], MgDl(70))
PREDICTIVE = LowSettings(LOW_PRESETS["medtronic-640g"], MgDl(70))
BASAL_IQ = LowSettings(LOW_PRESETS["tandem-basal-iq"], MgDl(80))


def decide(settings: LowSettings | None, day: Last24h, now_us: int = NOW_US, **facts: Any) -> LowDecision:  # noqa: ANN401
    return low_suspend(settings, LowFacts(now_us=now_us, day=day, **facts))


def why(settings: LowSettings | None, day: Last24h, now_us: int = NOW_US, **facts: Any) -> LowWhy:  # noqa: ANN401
    decision = decide(settings, day, now_us, **facts)
    suspending = {LowWhy.LOW, LowWhy.PREDICTED_LOW, LowWhy.NOT_YET, LowWhy.STILL_LOW}
    assert decision.suspend == (decision.why in suspending) == (decision.until_us is not None)
    return decision.why


def test_it_is_off_until_somebody_turns_it_on() -> None:
    assert decide(None, line(40, 40, 40)) == LowDecision(suspend=False, why=LowWhy.OFF)
    assert decide(None, line(40, 40, 40), suspended_us=NOW_US) == LowDecision(suspend=False, why=LowWhy.OFF)


def test_every_preset_is_bounded_and_has_its_sources() -> None:
    assert set(LOW_PRESETS) == {"medtronic-530g", "medtronic-veo", "medtronic-640g", "tandem-basal-iq"}
    for name, preset in LOW_PRESETS.items():
        assert preset.id == name
        assert preset.most_us <= 2 * HOUR_US
        assert {source.known for source in preset.sources} == {"read", "remembered"}
        assert preset.limit.default is not None
    half_hour, two, four = HOUR_US // 2, 2 * HOUR_US, 4 * HOUR_US
    figures = {
        name: (p.limit, p.horizon_us, p.least_us, p.most_us, p.window_us, p.after_most_us, p.after_hand_us)
        for name, p in LOW_PRESETS.items()
    }
    assert figures == {
        "medtronic-530g": (Range(60, 90, default=60), 0, 0, two, 0, four, half_hour),
        "medtronic-veo": (Range(40, 110, default=60), 0, 0, two, 0, four, half_hour),
        "medtronic-640g": (Range(50, 90, default=60), half_hour, half_hour, two, 0, four, half_hour),
        "tandem-basal-iq": (Range(80, 80, default=80), half_hour, 0, two, 5 * half_hour, 0, 0),
    }
    preset = LOW_PRESETS["medtronic-640g"]
    for most_us, least_us in ((2 * HOUR_US + 1, 0), (0, 0), (HOUR_US, HOUR_US + 1)):
        with pytest.raises(LimitError):
            replace(preset, most_us=most_us, least_us=least_us)


def test_the_limit_is_within_the_makers_range_in_either_unit() -> None:
    preset = LOW_PRESETS["medtronic-530g"]
    LowSettings(preset, MgDl(90))
    LowSettings(preset, MmolL(50))
    for limit in (MgDl(59), MgDl(91), MmolL(32), MmolL(51)):
        with pytest.raises(LimitError):
            LowSettings(preset, limit)
    with pytest.raises(QuantityError):
        LowSettings(preset, 70)  # type: ignore[arg-type]


def test_a_threshold_suspends_at_or_below_the_limit() -> None:
    assert why(THRESHOLD, line(71)) is LowWhy.HIGH_ENOUGH
    assert why(THRESHOLD, line(90, 80, 71)) is LowWhy.HIGH_ENOUGH  # it does not predict
    assert decide(THRESHOLD, line(70)) == LowDecision(suspend=True, why=LowWhy.LOW, until_us=NOW_US + 2 * HOUR_US)
    in_mmol = Last24h((Reading(NOW_US, MmolL(38)),))
    assert why(THRESHOLD, in_mmol) is LowWhy.LOW
    assert why(THRESHOLD, Last24h((Reading(NOW_US, MmolL(39)),))) is LowWhy.HIGH_ENOUGH  # 70.26 mg/dL


def test_a_threshold_suspend_lasts_two_hours_whatever_glucose_does() -> None:
    now_us = 300 * MINUTE_US
    since = now_us - 2 * HOUR_US
    for value in (40, 300):
        assert why(THRESHOLD, line(value, end=300), now_us, suspended_us=since + 1) is LowWhy.STILL_LOW
        assert why(THRESHOLD, line(value, end=300), now_us, suspended_us=since) is LowWhy.LONGEST
    assert decide(THRESHOLD, line(40, end=300), now_us, suspended_us=since + 1).until_us == now_us + 1


def test_locked_out_after_a_resume_by_hand_and_after_the_longest() -> None:
    low = line(50)
    assert why(THRESHOLD, low, by_hand_us=NOW_US - 30 * MINUTE_US + 1) is LowWhy.LOCKED_OUT
    assert why(THRESHOLD, low, by_hand_us=NOW_US - 30 * MINUTE_US) is LowWhy.LOW
    assert why(THRESHOLD, low, ended_us=NOW_US - 90 * MINUTE_US) is LowWhy.LOCKED_OUT
    late = Last24h((Reading(5 * HOUR_US, MgDl(50)),))
    assert why(THRESHOLD, late, 5 * HOUR_US, ended_us=HOUR_US + 1) is LowWhy.LOCKED_OUT
    assert why(THRESHOLD, late, 5 * HOUR_US, ended_us=HOUR_US) is LowWhy.LOW
    # What happened before a suspension that runs does not end it.
    assert why(THRESHOLD, low, suspended_us=NOW_US - 1, by_hand_us=NOW_US - 2) is LowWhy.STILL_LOW


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((130, 125, 120), LowWhy.PREDICTED_LOW),  # 90 in half an hour, within 20 of the limit
        ((129, 125, 121), LowWhy.HIGH_ENOUGH),  # 97
        ((170, 155, 140), LowWhy.PREDICTED_LOW),  # 50, from 70 above the limit
        ((171, 156, 141), LowWhy.HIGH_ENOUGH),  # from more than 70 above
        ((90, 90, 90), LowWhy.PREDICTED_LOW),
        ((91, 91, 91), LowWhy.HIGH_ENOUGH),
        ((60, 65, 70), LowWhy.LOW),  # at the limit, though rising
        ((60, 65, 71), LowWhy.HIGH_ENOUGH),
    ],
)
def test_prediction(values: tuple[int, ...], expected: LowWhy) -> None:
    assert why(PREDICTIVE, line(*values)) is expected


def test_without_a_slope_only_the_present_counts() -> None:
    assert why(PREDICTIVE, line(75)) is LowWhy.HIGH_ENOUGH
    assert why(PREDICTIVE, line(70)) is LowWhy.LOW
    assert why(PREDICTIVE, line(300), suspended_us=NOW_US - HOUR_US) is LowWhy.STILL_LOW


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((83, 87, 91), LowWhy.RECOVERED),  # 91 now, 115 predicted
        ((80, 85, 90), LowWhy.STILL_LOW),  # 120 predicted, but 90 is not above 90
        ((90, 90, 95), LowWhy.STILL_LOW),  # 95 now, but the 110 predicted are not above 110
        ((88, 89, 90), LowWhy.STILL_LOW),
        ((91, 92, 93), LowWhy.STILL_LOW),  # 99 predicted
        ((92, 92, 111), LowWhy.RECOVERED),
    ],
)
def test_a_predictive_suspend_ends_with_recovery_but_not_before_half_an_hour(
    values: tuple[int, ...], expected: LowWhy
) -> None:
    assert why(PREDICTIVE, line(*values), suspended_us=NOW_US - 30 * MINUTE_US) is expected
    assert why(PREDICTIVE, line(*values), suspended_us=NOW_US - 30 * MINUTE_US + 1) is LowWhy.NOT_YET
    assert why(PREDICTIVE, line(*values), suspended_us=NOW_US - 100 * MINUTE_US) is expected


def test_a_slow_rise_from_a_low_does_not_toggle_with_every_reading() -> None:
    suspended_us: int | None = None
    turns = 0
    for shift in range(12):
        values = tuple(65 + 2 * each for each in range(shift, shift + 3))
        before = suspended_us
        suspends = why(BASAL_IQ, line(*values), suspended_us=suspended_us) in {LowWhy.LOW, LowWhy.STILL_LOW}
        suspended_us = NOW_US - 1 if suspends else None
        turns += (before is None) != (suspended_us is None)
    assert turns == 0
    assert why(BASAL_IQ, line(66, 65, 65)) is LowWhy.LOW


def test_basal_iq() -> None:
    assert why(BASAL_IQ, line(100, 95, 90)) is LowWhy.PREDICTED_LOW  # 60
    assert why(BASAL_IQ, line(90, 88, 92)) is LowWhy.HIGH_ENOUGH
    assert why(BASAL_IQ, line(70, 70, 70)) is LowWhy.LOW
    assert why(BASAL_IQ, line(71, 71, 71)) is LowWhy.PREDICTED_LOW
    assert why(BASAL_IQ, line(60, 65, 70)) is LowWhy.HIGH_ENOUGH  # it would end with the very same reading
    assert why(BASAL_IQ, line(60, 65, 71)) is LowWhy.HIGH_ENOUGH
    assert why(BASAL_IQ, line(60, 60, 61), suspended_us=NOW_US - 1) is LowWhy.RECOVERED  # the first rise
    assert why(BASAL_IQ, line(60, 60, 60), suspended_us=NOW_US - 1) is LowWhy.STILL_LOW
    assert why(BASAL_IQ, line(60, 60, 60), by_hand_us=NOW_US, ended_us=NOW_US) is LowWhy.LOW  # no refractory period
    # Two hours within two and a half, in pieces.
    assert decide(BASAL_IQ, line(60, 60, 60), used_us=HOUR_US).until_us == NOW_US + HOUR_US
    assert why(BASAL_IQ, line(60, 60, 60), used_us=2 * HOUR_US) is LowWhy.LONGEST
    assert why(BASAL_IQ, line(60, 60, 60), used_us=HOUR_US, suspended_us=NOW_US - HOUR_US) is LowWhy.LONGEST


@pytest.mark.parametrize(
    ("day", "now_us"),
    [
        (Last24h(), NOW_US),
        (line(50, 50, 50), NOW_US + READING_US_MAX + 1),
        (line(50, 50, 50, quality=Quality.DOUBTFUL), NOW_US),
        (line(50, 50, 50), NOW_US - 1),
    ],
)
def test_without_a_usable_reading_nothing_is_suspended(day: Last24h, now_us: int) -> None:
    for settings in (THRESHOLD, PREDICTIVE, BASAL_IQ):
        assert why(settings, day, now_us) is LowWhy.NO_READING
        begun = decide(settings, day, now_us, suspended_us=now_us - 1)
        assert (begun.suspend, begun.why) == (True, LowWhy.NO_READING)  # what says nothing ends nothing
        assert begun.until_us == now_us - 1 + settings.preset.most_us


def test_facts_from_the_future_are_refused() -> None:
    for name in ("suspended_us", "ended_us", "by_hand_us"):
        with pytest.raises(TimeError):
            LowFacts(now_us=5, **{name: 6})  # type: ignore[arg-type]
    with pytest.raises(LimitError):
        LowFacts(now_us=5, used_us=-1)
    with pytest.raises(LimitError):
        LowFacts(now_us=-1)


@given(
    values=st.lists(st.integers(40, 400), max_size=6),
    since=st.none() | st.integers(0, 200),
    used=st.integers(0, 130),
    by_hand=st.none() | st.integers(0, 200),
    settings=st.sampled_from([THRESHOLD, PREDICTIVE, BASAL_IQ]),
)
def test_never_longer_than_two_hours_and_never_while_locked_out(
    values: list[int], since: int | None, used: int, by_hand: int | None, settings: LowSettings
) -> None:
    now_us = 1_000 * MINUTE_US
    facts = LowFacts(
        now_us=now_us,
        day=line(*values, end=1_000) if values else Last24h(),
        suspended_us=None if since is None else now_us - since * MINUTE_US,
        used_us=used * MINUTE_US,
        by_hand_us=None if by_hand is None else now_us - by_hand * MINUTE_US,
    )
    decision = low_suspend(settings, facts)
    if decision.suspend:
        assert decision.until_us is not None
        begun_us = now_us if facts.suspended_us is None else facts.suspended_us
        assert now_us < decision.until_us == begun_us + 2 * HOUR_US - facts.used_us
        lockout_us = settings.preset.after_hand_us
        assert since is not None or facts.by_hand_us is None or now_us - facts.by_hand_us >= lockout_us


# The controller port

BOUNDS = ControllerBounds(
    max_rate_uu_per_h=2_000_000, max_bolus_uu=500_000, max_duration_us=30 * MINUTE_US, max_age_us=5 * MINUTE_US
)
RATE = RateRequest(id=7, at_us=0, rate_uu_per_h=1_000_000, duration_us=30 * MINUTE_US)
BOLUS = BolusRequest(id=8, at_us=0, amount_uu=500_000)


def test_a_request_within_bounds_passes() -> None:
    for request in (
        RATE,
        replace(RATE, rate_uu_per_h=0, duration_us=1),
        replace(RATE, rate_uu_per_h=2_000_000, id=2**32 - 1),
        BOLUS,
        replace(BOLUS, amount_uu=1, id=1),
    ):
        check_request(request, bounds=BOUNDS, now_us=0)
        check_request(request, bounds=BOUNDS, now_us=5 * MINUTE_US)
        check_request(replace(request, at_us=MINUTE_US), bounds=BOUNDS, now_us=6 * MINUTE_US)


@pytest.mark.parametrize(
    ("request_", "now_us", "limit"),
    [
        (BOLUS, 5 * MINUTE_US + 1, "request age"),
        (RATE, 5 * MINUTE_US + 1, "request age"),
        (replace(BOLUS, amount_uu=500_001), 0, "request.amount_uu"),
        (replace(BOLUS, amount_uu=0), 0, "request.amount_uu"),
        (replace(RATE, rate_uu_per_h=2_000_001), 0, "request.rate_uu_per_h"),
        (replace(RATE, rate_uu_per_h=-1), 0, "request.rate_uu_per_h"),
        (replace(RATE, duration_us=30 * MINUTE_US + 1), 0, "request.duration_us"),
        (replace(RATE, duration_us=0), 0, "request.duration_us"),
        (replace(RATE, id=0), 0, "request.id"),
        (replace(RATE, id=2**32), 0, "request.id"),
    ],
)
def test_a_request_outside_is_refused(request_: RateRequest | BolusRequest, now_us: int, limit: str) -> None:
    with pytest.raises(LimitError) as refused:
        check_request(request_, bounds=BOUNDS, now_us=now_us)
    assert refused.value.limit == limit


def test_a_request_from_the_future_is_refused() -> None:
    with pytest.raises(TimeError):
        check_request(replace(BOLUS, at_us=1), bounds=BOUNDS, now_us=0)


@pytest.mark.parametrize("change", [{"amount_uu": 0.5}, {"amount_uu": True}, {"amount_uu": "1"}, {"id": 8.0}])
def test_no_float_passes(change: dict[str, Any]) -> None:
    with pytest.raises(QuantityError):
        check_request(replace(BOLUS, **change), bounds=BOUNDS, now_us=0)


@pytest.mark.req("STA-02")
def test_until_somebody_chose_nothing_may_be_asked_for() -> None:
    for request in (RATE, BOLUS, replace(RATE, rate_uu_per_h=0), replace(BOLUS, amount_uu=1)):
        with pytest.raises(LimitError):
            check_request(request, bounds=ControllerBounds(), now_us=0)


@pytest.mark.parametrize(
    "change",
    [
        {"max_rate_uu_per_h": 50_000_001},
        {"max_bolus_uu": 75_000_001},
        {"max_duration_us": 2 * HOUR_US + 1},
        {"max_age_us": READING_US_MAX + 1},
        {"max_age_us": -1},
    ],
)
def test_bounds_have_bounds(change: dict[str, int]) -> None:
    with pytest.raises(LimitError):
        replace(BOUNDS, **change)


@pytest.mark.parametrize("preset", [None, "medtronic-530g", LOW_PRESETS])
def test_low_settings_take_a_preset_alone(preset: object) -> None:
    with pytest.raises(QuantityError, match=r"^preset: .* must be a LowPreset$"):
        LowSettings(cast("LowPreset", preset), MgDl(60))
