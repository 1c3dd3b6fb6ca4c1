"""The table of limits is complete and holds; what a person chose binds; nothing is clamped."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields, replace

import pytest

from pumpcore._kernel import RANGES
from pumpcore.errors import LimitError, QuantityError
from pumpcore.limits import HARD_LIMITS, Limits, check

SETTINGS = [row.id for row in HARD_LIMITS.values() if row.setting]


def test_the_kernels_ranges_are_taken_over() -> None:
    for name, (least, largest, unit) in RANGES.items():
        assert (HARD_LIMITS[name].least, HARD_LIMITS[name].largest, HARD_LIMITS[name].unit) == (least, largest, unit)
    for name, range_id in (("max_hour_uu", "hour_cap_uu"), ("max_day_uu", "day_cap_uu")):
        assert (HARD_LIMITS[name].least, HARD_LIMITS[name].largest, HARD_LIMITS[name].unit) == RANGES[range_id]


def test_the_settings_of_the_table_are_the_fields_of_limits() -> None:
    assert [field.name for field in fields(Limits)] == SETTINGS
    assert {field.name: field.default for field in fields(Limits)} == {
        name: HARD_LIMITS[name].default for name in SETTINGS
    }


@pytest.mark.req("LIM-08")
@pytest.mark.parametrize("row", HARD_LIMITS.values(), ids=lambda row: row.id)
def test_each_row_is_a_range_with_words(row: object) -> None:
    limit = HARD_LIMITS[getattr(row, "id")]  # noqa: B009  # rows are shown by their id only
    assert 0 <= limit.least <= limit.largest
    assert limit.bounds
    assert limit.source


@pytest.mark.parametrize("limit_id", HARD_LIMITS)
def test_the_ends_are_inside_and_their_neighbours_are_not(limit_id: str) -> None:
    row = HARD_LIMITS[limit_id]
    assert check(limit_id, row.least) == row.least
    assert check(limit_id, row.largest) == row.largest
    for value, bound in ((row.least - 1, row.least), (row.largest + 1, row.largest)):
        with pytest.raises(LimitError) as refused:
            check(limit_id, value, field="here")
        error = refused.value
        assert (error.limit, error.value, error.bound, error.unit) == ("here", value, bound, row.unit)


@pytest.mark.parametrize("value", [1.0, True, "1", None])
def test_no_float_passes(value: object) -> None:
    with pytest.raises(QuantityError, match=r"^max_bolus_uu: "):
        check("max_bolus_uu", value)
    with pytest.raises(QuantityError, match=r"^max_bolus_uu: "):
        Limits(max_bolus_uu=10_000_000).check("max_bolus_uu", value)


def test_an_unknown_limit_is_a_bug_of_the_caller() -> None:
    with pytest.raises(KeyError):
        check("max_coffee", 1)
    with pytest.raises(KeyError):
        Limits().check("time_us", 1)  # a row of the table, and not a setting


def test_the_table_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        HARD_LIMITS["max_bolus_uu"] = HARD_LIMITS["max_day_uu"]  # type: ignore[index]
    with pytest.raises(FrozenInstanceError):
        HARD_LIMITS["max_bolus_uu"].largest = 0  # type: ignore[misc]


@pytest.mark.req("LIM-07")
@pytest.mark.parametrize("limit_id", SETTINGS)
def test_not_chosen_means_nothing_is_allowed(limit_id: str) -> None:
    assert Limits().check(limit_id, 0) == 0
    with pytest.raises(LimitError) as refused:
        Limits().check(limit_id, 1)
    assert (refused.value.limit, refused.value.bound) == (limit_id, 0)


@pytest.mark.parametrize("limit_id", SETTINGS)
def test_what_was_chosen_binds(limit_id: str) -> None:
    limits = replace(Limits(), **{limit_id: 100})
    assert limits.check(limit_id, 100) == 100
    with pytest.raises(LimitError) as refused:
        limits.check(limit_id, 101, field="here")
    assert (refused.value.limit, refused.value.value, refused.value.bound) == ("here", 101, 100)
    with pytest.raises(LimitError):
        limits.check(limit_id, -1)
    assert limits.unset() == tuple(name for name in SETTINGS if name != limit_id)


@pytest.mark.parametrize("limit_id", SETTINGS)
def test_a_choice_outside_the_hard_range_is_refused(limit_id: str) -> None:
    row = HARD_LIMITS[limit_id]
    assert replace(Limits(), **{limit_id: row.largest}).check(limit_id, row.largest) == row.largest
    for value in (row.least - 1, row.largest + 1):
        with pytest.raises(LimitError):
            replace(Limits(), **{limit_id: value})
    for value_of_no_int in (1.0, 0.0, False, "1"):
        with pytest.raises(QuantityError):
            replace(Limits(), **{limit_id: value_of_no_int})  # type: ignore[arg-type]


@pytest.mark.req("LIM-01")
def test_a_cap_of_1_23_never_becomes_1_25() -> None:
    """A peer clamps to the cap and then rounds to the nearest step, above the cap."""
    limits = Limits(max_bolus_uu=1_230_000)
    assert limits.max_bolus_uu == 1_230_000
    assert limits.check("max_bolus_uu", 1_200_000) == 1_200_000
    with pytest.raises(LimitError):
        limits.check("max_bolus_uu", 1_250_000)


def test_all_chosen() -> None:
    assert Limits().unset() == tuple(SETTINGS)
    assert replace(Limits(), **dict.fromkeys(SETTINGS, 1)).unset() == ()
