"""Every row of every table of ranges, at its edges, and with values that are not integers.

Method: each row is asked through the door that a caller uses (`limits.check`, `Limits.check`, the constructors of the
alarm settings, `Range.check` of each device and preset); what it must say is computed from the row alone.
"""

from __future__ import annotations

import doctest
from contextlib import nullcontext
from dataclasses import fields
from itertools import product
from typing import TYPE_CHECKING, Any, Final

import pytest

from pumpcore import bounds, limits
from pumpcore.alarms import SETTINGS, AlarmSettings, Watch
from pumpcore.bounds import Range, multiple_of, within
from pumpcore.devices import ids, load
from pumpcore.errors import LimitError, QuantityError
from pumpcore.therapy.low_suspend import LOW_PRESETS

if TYPE_CHECKING:
    from collections.abc import Callable

    from pumpcore.limits import Limit


class Whole(int):
    """An integer that says of itself that it is small."""

    def __gt__(self, other: object) -> bool:
        return False


NOT_INTEGERS: Final = (1.0, True, "1", Whole(1), None, b"1")

Door = tuple[Any, "Callable[[Any], object]"]
"""A row, and how a caller asks it."""


def of_limit(row: Limit) -> Door:
    return row, lambda value: limits.check(row.id, value)


def of_choice(row: Limit) -> Door:
    return row, lambda value: limits.Limits(**{row.id: value})


def of_setting(owner: type[Watch | AlarmSettings], name: str) -> Door:
    return SETTINGS[name], lambda value: owner(**{name: value})


def of_range(found: Range) -> Door:
    return found, lambda value: found.check(value, name="x", unit="u")


ROWS: Final[dict[str, Door]] = {
    **{f"limits.{row.id}": of_limit(row) for row in limits.HARD_LIMITS.values()},
    **{f"chosen.{row.id}": of_choice(row) for row in limits.HARD_LIMITS.values() if row.setting},
    **{
        f"{owner.__name__}.{each.name}": of_setting(owner, each.name)
        for owner in (Watch, AlarmSettings)
        for each in fields(owner)
        if each.name in SETTINGS
    },
    **{
        f"{device}.{each.name}": of_range(found)
        for device in ids()
        for each in fields(load(device))
        if isinstance(found := getattr(load(device), each.name), Range)
    },
    **{f"{preset.id}.limit": of_range(preset.limit) for preset in LOW_PRESETS.values()},
}


def test_the_examples_run() -> None:
    result = doctest.testmod(bounds)
    assert result.attempted >= 4
    assert not result.failed


def test_there_are_rows_of_every_table() -> None:
    assert {row.id for row in limits.HARD_LIMITS.values()} <= {name.removeprefix("limits.") for name in ROWS}
    assert SETTINGS.keys() <= {name.partition(".")[2] for name in ROWS}
    assert len(ROWS) > 140


def too_near(name: str, value: int) -> bool:
    """Whether a threshold of the watch would not be above the one before, or below the one after."""
    owner, _, field = name.partition(".")
    if owner != "Watch":
        return False
    values = [value if each.name == field else getattr(Watch(), each.name) for each in fields(Watch)]
    return values != sorted(set(values))


@pytest.mark.parametrize("name", ROWS)
def test_the_ends_are_within_and_the_next_value_is_not(name: str) -> None:
    row, ask = ROWS[name]
    step = getattr(row, "step", 1)
    for inside in (row.least, row.largest):
        # Thresholds of the watch must rise too, so one of them alone cannot always be at its ends: not for its range.
        rises = pytest.raises(QuantityError, match="must be above") if too_near(name, inside) else nullcontext()
        with rises:
            ask(inside)
    for outside, bound in ((row.least - 1, row.least), (row.largest + 1, row.largest), (row.least - step, row.least)):
        with pytest.raises(LimitError) as refused:
            ask(outside)
        assert (refused.value.value, refused.value.bound) == (outside, bound)
        assert refused.value.unit == getattr(row, "unit", "u")
        assert refused.value.limit == getattr(row, "id", "x")


@pytest.mark.parametrize("name", ROWS)
def test_only_an_exact_integer_is_taken(name: str) -> None:
    row, ask = ROWS[name]
    optional = name.startswith("chosen.") or name in {"AlarmSettings.auto_off_us", "AlarmSettings.glucose_check_us"}
    for value in (*NOT_INTEGERS, float(row.least), str(row.least), Whole(row.least)):
        if value is None and optional:
            ask(value)
            continue
        with pytest.raises(QuantityError, match="must be an integer") as refused:
            ask(value)
        assert refused.value.value is value
        assert refused.value.field == getattr(row, "id", "x")


def test_what_nobody_chose_allows_the_least_alone() -> None:
    nothing = limits.Limits()
    for row in limits.HARD_LIMITS.values():
        if row.setting:
            assert nothing.check(row.id, row.least) == row.least
            with pytest.raises(LimitError) as refused:
                nothing.check(row.id, row.least + 1, field="f")
            assert (refused.value.limit, refused.value.bound, refused.value.unit) == ("f", row.least, row.unit)


def test_a_value_above_all_is_held_against_the_hard_range() -> None:
    row = limits.HARD_LIMITS["max_bolus_uu"]
    with pytest.raises(LimitError) as refused:
        limits.Limits(max_bolus_uu=1).check("max_bolus_uu", row.largest + 1)
    assert refused.value.bound == row.largest


def test_bounds_without_room_let_nothing_through_and_name_the_largest() -> None:
    for value in range(-1, 4):
        with pytest.raises(LimitError) as refused:
            within(value, 2, 0, name="n", unit="u")
        assert refused.value.bound == (0 if value > 0 else 2)


def test_a_bound_may_be_missing_above() -> None:
    assert within(10**30, 0, None, name="n", unit="u") == 10**30
    with pytest.raises(LimitError, match=r"^n: -1 is below the least allowed, 0 u$"):
        within(-1, 0, None, name="n", unit="u")


def test_a_step_is_whole_or_refused() -> None:
    for step, value in product(range(1, 8), range(30)):
        if value % step:
            with pytest.raises(QuantityError, match=f"^n: {value} must be a whole multiple of {step} u$"):
                multiple_of(step, value, name="n", unit="u")
        else:
            assert multiple_of(step, value, name="n", unit="u") == value


@pytest.mark.parametrize(
    "ends", [(2, 1), (-1, 1), (0, 10, 3), (0, 10, 0), (0, 10, 5, 11), (0, 10, 5, 6), (False, 1), (0, 1.0)]
)
def test_a_range_that_contradicts_itself_is_refused(ends: tuple[Any, ...]) -> None:
    with pytest.raises(QuantityError, match=r"^range: .* contradicts itself$"):
        Range(*ends)
