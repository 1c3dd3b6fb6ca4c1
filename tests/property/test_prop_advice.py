"""What holds for every policy and every question.

The second opinion is written from the makers' rules as sentences, case by case, without the terms of the module.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumpcore.therapy.calculator import CALCULATOR_POLICIES, AdviceInputs, AdviceLimits, MealRise, advise
from pumpcore.therapy.glucose import Beyond, MgDl, MmolL, Reading

if TYPE_CHECKING:
    from collections.abc import Callable

NOW_US = 10**12
U = 1_000_000
LOWEST = 60

Question = tuple[AdviceInputs, AdviceLimits]
IOB = st.integers(0, 15 * U) | st.sampled_from([0, 25_000, 50_000, 100_000])


@st.composite
def questions(draw: st.DrawFn, *, known: bool = False) -> tuple[AdviceInputs, AdviceLimits]:
    """In either unit; the numbers are those of mg/dL or of tenths of a mmol/L."""
    of: Callable[[int], MgDl | MmolL] = MgDl if draw(st.booleans()) else MmolL
    low = draw(st.integers(LOWEST, 140))
    glucose = draw(st.integers(LOWEST, 500) if known else st.none() | st.integers(LOWEST, 500))
    inputs = AdviceInputs(
        now_us=NOW_US,
        carbs_mg=draw(st.integers(0, 200).map(lambda grams: grams * 1000) | st.integers(0, 200_000)),
        carb_ratio_mg_per_u=draw(st.integers(1_000, 60_000)),
        glucose=None if glucose is None else Reading(NOW_US - draw(st.integers(0, 720_000_000)), of(glucose)),
        sensitivity=of(draw(st.integers(5, 250))),
        target_low=of(low),
        target_high=of(low + draw(st.integers(0, 60))),
        iob_uu=draw(IOB | st.integers(-10 * U, 0)),
        meal_iob_uu=draw(IOB),
        correction_iob_uu=draw(IOB),
        meal_rise=draw(
            st.none()
            | st.builds(MealRise, st.integers(1, 100).map(of), st.integers(NOW_US - 10**10, NOW_US), st.just(10**10))
        ),
    )
    limits = AdviceLimits(
        max_bolus_uu=draw(st.integers(0, 30 * U)),
        step_uu=draw(st.sampled_from([10_000, 25_000, 50_000, 100_000])),
        hard_low=of(LOWEST),
    )
    return inputs, limits


def suggested(question: Question) -> list[int]:
    """What each policy suggests, in the order of the table."""
    return [advise(row, *question).suggested_uu for row in CALCULATOR_POLICIES.values()]


@pytest.mark.req("ADV-02")
@given(question=questions(), more=st.integers(0, 100_000))
def test_more_carbohydrate_never_lowers_it(question: Question, more: int) -> None:
    inputs, limits = question
    fuller = suggested((replace(inputs, carbs_mg=inputs.carbs_mg + more), limits))
    assert all(a >= b for a, b in zip(fuller, suggested(question), strict=True))


@pytest.mark.req("ADV-02")
@given(question=questions(), total=IOB, meal=IOB, correction=IOB)
def test_more_insulin_on_board_never_raises_it(question: Question, total: int, meal: int, correction: int) -> None:
    inputs, limits = question
    more = replace(
        inputs,
        iob_uu=inputs.iob_uu + total,
        meal_iob_uu=inputs.meal_iob_uu + meal,
        correction_iob_uu=inputs.correction_iob_uu + correction,
    )
    assert all(a <= b for a, b in zip(suggested((more, limits)), suggested(question), strict=True))


@given(question=questions())
def test_it_is_a_whole_number_of_steps_between_nothing_and_max_bolus(question: Question) -> None:
    inputs, limits = question
    for row in CALCULATOR_POLICIES.values():
        made = advise(row, inputs, limits)
        assert 0 <= made.suggested_uu <= min(limits.max_bolus_uu, made.uncapped_uu)
        assert made.suggested_uu % limits.step_uu == 0
        assert made.capped == (made.suggested_uu < made.uncapped_uu)


@given(question=questions())
def test_the_terms_add_up(question: Question) -> None:
    for row in CALCULATOR_POLICIES.values():
        made = advise(row, *question)
        assert made.sum_uu == made.food_uu + made.correction_uu - made.rise_uu - made.iob_uu
        assert made.exact_uu - made.rounding_uu == made.uncapped_uu <= max(made.sum_uu, Fraction())
        assert min(made.food_uu, made.rise_uu, made.iob_uu) >= 0


@given(question=questions(known=True), lower=st.integers(1, 400))
def test_lower_glucose_never_raises_it(question: Question, lower: int) -> None:
    inputs, limits = question
    reading = inputs.glucose
    assert reading is not None
    value = type(reading.value)(max(number(reading.value) - lower, LOWEST))
    less = suggested((replace(inputs, glucose=replace(reading, value=value)), limits))
    assert all(a <= b for a, b in zip(less, suggested(question), strict=True))


@given(question=questions(), shift_us=st.integers(0, 10**12))
def test_shifting_all_times_changes_nothing(question: Question, shift_us: int) -> None:
    inputs, limits = question
    reading, rise = inputs.glucose, inputs.meal_rise
    later = replace(
        inputs,
        now_us=inputs.now_us + shift_us,
        glucose=reading and replace(reading, at_us=reading.at_us + shift_us),
        meal_rise=rise and replace(rise, meal_us=rise.meal_us + shift_us),
    )
    for row in CALCULATOR_POLICIES.values():
        assert replace(advise(row, later, limits), glucose=None) == replace(advise(row, inputs, limits), glucose=None)


@given(question=questions())
def test_against_the_rules_as_sentences(question: Question) -> None:
    inputs, limits = question
    for policy_id, made in zip(CALCULATOR_POLICIES, suggested(question), strict=True):
        maker_step = {"medtronic": 100_000, "omnipod": 50_000}.get(policy_id, 1)
        cap = limits.max_bolus_uu // maker_step * maker_step
        assert made == min(sentence(policy_id, inputs), cap) // limits.step_uu * limits.step_uu, policy_id


def number(value: MgDl | MmolL | Beyond) -> int:
    if isinstance(value, Beyond):
        raise TypeError(value)
    return value.mg_per_dl if isinstance(value, MgDl) else value.tenths


NONE = Fraction(0)


def sentence(policy_id: str, inputs: AdviceInputs) -> int:
    """What a maker's rule suggests before max bolus and the device's step, in micro-units."""
    food, iob = Fraction(inputs.carbs_mg * U, inputs.carb_ratio_mg_per_u), max(inputs.iob_uu, 0)
    per_u, low, high = number(inputs.sensitivity), number(inputs.target_low), number(inputs.target_high)
    glucose = None if inputs.glucose is None else number(inputs.glucose.value)
    over = 0 if glucose is None else max(glucose - high, 0)
    under = 0 if glucose is None else max(low - glucose, 0)
    up, down = Fraction(over * U, per_u), Fraction(under * U, per_u)
    if policy_id == "medtronic":
        strokes = int(down // 25_000)  # towards zero, then away from it to tenths
        tenths = int(food // 100_000) - -(-strokes // 4)
        return max(int((tenths * 100_000 + max(up // 100_000 * 100_000 - iob, 0)) // 100_000 * 100_000), 0)
    if policy_id in {"animas", "tandem"}:
        return int(max(food - down - iob if down else food + max(up - iob, NONE), NONE))
    if policy_id == "ypsomed":
        return int(max(food + up - down - iob, NONE))
    if policy_id == "omnipod":
        if glucose is None:
            return int(food) // 50_000 * 50_000
        meal, correction = (-(-part // 50_000) * 50_000 for part in (inputs.meal_iob_uu, inputs.correction_iob_uu))
        return max(int((food + max(up - meal, NONE) - down - correction) // 50_000 * 50_000), 0)
    assert policy_id == "roche"
    permitted = inputs.meal_rise
    rises = permitted is not None and inputs.now_us < permitted.meal_us + permitted.acting_us
    rise = number(permitted.rise) if permitted is not None and rises else 0
    above = Fraction(max(over - rise, 0) * U, per_u)
    return int(max(food + max(above - inputs.correction_iob_uu, NONE) - down, NONE))
