"""The bolus calculator by examples: each policy, each rounding, each refusal."""

from __future__ import annotations

import doctest
import pickle
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest

from pumpcore.errors import LimitError, QuantityError, RequestError, TimeError
from pumpcore.therapy import calculator, policies
from pumpcore.therapy.best_glucose import Guard, Measured
from pumpcore.therapy.calculator import (
    CALCULATOR_POLICIES,
    AdviceInputs,
    AdviceLimits,
    LowGlucoseError,
    MealRise,
    Note,
    Side,
    Terms,
    advise,
    policy,
    side_of,
)
from pumpcore.therapy.glucose import Beyond, MgDl, MmolL, Quality, Reading

if TYPE_CHECKING:
    from types import ModuleType

MINUTE_US = 60_000_000
NOW_US = 1_000 * MINUTE_US
U = 1_000_000
LIMITS = AdviceLimits(max_bolus_uu=10 * U, step_uu=25_000, hard_low=MgDl(70))


def asked(glucose: int | None = None, **changes: Any) -> AdviceInputs:  # noqa: ANN401 - any field
    """10 g/U, 50 mg/dL per U, target 90 to 120 mg/dL."""
    inputs = AdviceInputs(
        now_us=NOW_US,
        carb_ratio_mg_per_u=10_000,
        sensitivity=MgDl(50),
        target_low=MgDl(90),
        target_high=MgDl(120),
        glucose=None if glucose is None else Reading(NOW_US, MgDl(glucose)),
    )
    return replace(inputs, **changes)


def suggested(policy_id: str, inputs: AdviceInputs, limits: AdviceLimits = LIMITS) -> int:
    return advise(policy(policy_id), inputs, limits).suggested_uu


@pytest.mark.parametrize("module", [calculator, policies])
def test_the_examples_run(module: ModuleType) -> None:
    result = doctest.testmod(module)
    assert result.attempted > 2
    assert not result.failed


@pytest.mark.req("ADV-01")
def test_the_six_policies() -> None:
    assert list(CALCULATOR_POLICIES) == ["medtronic", "animas", "tandem", "omnipod", "ypsomed", "roche"]
    for name, row in CALCULATOR_POLICIES.items():
        assert row.id == name
        assert row.says
        assert row.sources
    with pytest.raises(QuantityError, match="must be one of medtronic, "):
        policy("loop")
    with pytest.raises(QuantityError):
        policy(None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("policy_id", "above", "above_much_iob", "inside", "below", "unknown"),
    [
        # F is 4 U; C is +2 U, +2 U, 0, -0.4 U; insulin on board is 1 U, but 3 U in the second, half for each reason.
        ("medtronic", 5 * U, 4 * U, 4 * U, 3_600_000, 4 * U),
        ("animas", 5 * U, 4 * U, 4 * U, 2_600_000, 4 * U),
        ("tandem", 5 * U, 4 * U, 4 * U, 2_600_000, 4 * U),
        ("omnipod", 5 * U, 3 * U, 3_500_000, 3_100_000, 4 * U),
        ("ypsomed", 5 * U, 3 * U, 3 * U, 2_600_000, 3 * U),
        ("roche", 5_500_000, 4_500_000, 4 * U, 3_600_000, 4 * U),
    ],
)
def test_what_each_policy_does_with_insulin_on_board(  # noqa: PLR0913, PLR0917 - a table
    policy_id: str, above: int, above_much_iob: int, inside: int, below: int, unknown: int
) -> None:
    for glucose, iob_uu, expected in (
        (220, U, above),
        (220, 3 * U, above_much_iob),
        (100, U, inside),
        (70, U, below),
        (None, U, unknown),
    ):
        inputs = asked(glucose, carbs_mg=40_000, iob_uu=iob_uu, meal_iob_uu=iob_uu // 2, correction_iob_uu=iob_uu // 2)
        assert suggested(policy_id, inputs) == expected, (glucose, iob_uu)


def test_omnipod_by_part() -> None:
    only_c = asked(220, carbs_mg=40_000, meal_iob_uu=9 * U)
    assert suggested("omnipod", only_c) == 4 * U
    both = asked(220, carbs_mg=40_000, correction_iob_uu=5 * U)
    assert suggested("omnipod", both) == U
    nothing_left = asked(220, carbs_mg=40_000, correction_iob_uu=50 * U)
    assert suggested("omnipod", nothing_left) == 0
    # 0.01 U on board counts as 0.05 U.
    assert suggested("omnipod", asked(220, correction_iob_uu=10_000)) == 1_950_000
    assert suggested("omnipod", asked(220, meal_iob_uu=10_000)) == 1_950_000
    # And the dose goes down to 0.05 U where the device could do 0.025 U.
    assert suggested("omnipod", asked(carbs_mg=10_990)) == 1_050_000


def test_roche_permits_a_rise_for_the_acting_time_after_a_meal() -> None:
    rise = MealRise(MgDl(50), NOW_US - 60 * MINUTE_US, 240 * MINUTE_US)
    inputs = asked(220, meal_rise=rise)
    given = advise(policy("roche"), inputs, LIMITS)
    assert given.suggested_uu == given.rise_uu == U
    assert given.correction_uu == 2 * U
    assert Note.RISE_PERMITTED in given.notes
    assert suggested("roche", asked(150, meal_rise=rise)) == 0  # all of it within the rise
    assert suggested("roche", asked(220, meal_rise=rise, correction_iob_uu=400_000)) == 600_000
    assert suggested("roche", asked(220, meal_rise=rise, correction_iob_uu=9 * U)) == 0
    assert suggested("roche", asked(220, meal_rise=rise, carbs_mg=10_000, correction_iob_uu=9 * U)) == U
    for minutes, expected in ((0, U), (239, U), (240, 2 * U), (-1, 2 * U)):  # over; the meal is still to come
        other = replace(rise, meal_us=NOW_US - minutes * MINUTE_US)
        assert suggested("roche", asked(220, meal_rise=other)) == expected
    assert suggested("medtronic", inputs) == 2 * U


@pytest.mark.parametrize(
    ("correction_uu", "rounded_uu"),
    [
        (5_775_000, 5_700_000),  # of 351 mg/dL in the shared record
        (-550_000, -600_000),  # of 68 mg/dL in the shared record
        (-511_111, -500_000),  # a Paradigm 522 at 83 mg/dL: without the cut it would be -0.6
        (-644_444, -700_000),  # and at 77 mg/dL: with a cut to 0.05 U it would be -0.6
        (-177_777, -200_000),
        (-24_999, 0),
        (-25_000, -100_000),
        (99_999, 0),
        (0, 0),
    ],
)
def test_medtronic_rounds_the_correction_twice(correction_uu: int, rounded_uu: int) -> None:
    side = Side.ABOVE if correction_uu > 0 else Side.BELOW
    made = policy("medtronic").estimate(Terms(side=side, food_uu=Fraction(0), correction_uu=Fraction(correction_uu)))
    assert made.correction_uu == rounded_uu


def test_medtronic_rounds_food_down_to_a_tenth() -> None:
    assert advise(policy("medtronic"), asked(carbs_mg=9_990), LIMITS).food_uu == 900_000
    assert advise(policy("tandem"), asked(carbs_mg=9_990), LIMITS).food_uu == 999_000


@pytest.mark.req("ADV-06")
def test_every_term_is_shown() -> None:
    given = advise(policy("tandem"), asked(205, carbs_mg=12_340, iob_uu=333_333), LIMITS)
    assert given.policy == "tandem"
    assert given.side is Side.ABOVE
    assert given.food_uu == 1_234_000
    assert given.correction_uu == 1_700_000
    assert given.iob_uu == 333_333
    assert given.sum_uu == given.exact_uu == 2_600_667
    assert (given.uncapped_uu, given.suggested_uu) == (2_600_000, 2_600_000)
    assert given.rounding_uu == 667
    assert given.notes == (Note.IOB_TAKEN,)
    assert not given.capped


def test_a_makers_rounding_may_give() -> None:
    inputs = replace(asked(83, carbs_mg=94_000), carb_ratio_mg_per_u=13_000, sensitivity=MgDl(45), target_low=MgDl(106))
    inputs = replace(inputs, target_high=MgDl(125))
    given = advise(policy("medtronic"), inputs, LIMITS)
    assert given.exact_uu == Fraction(94 * U, 13) - Fraction(23 * U, 45)
    assert given.suggested_uu == 6_700_000  # as the Paradigm 522 recorded
    assert given.rounding_uu == given.exact_uu - 6_700_000


def test_notes() -> None:
    def notes(policy_id: str, inputs: AdviceInputs, limits: AdviceLimits = LIMITS) -> tuple[Note, ...]:
        return advise(policy(policy_id), inputs, limits).notes

    assert notes("medtronic", asked(carbs_mg=10_000)) == (Note.NO_GLUCOSE,)
    assert notes("medtronic", asked(carbs_mg=10_000, iob_uu=U)) == (Note.NO_GLUCOSE, Note.IOB_LEFT)
    assert notes("medtronic", asked(220, iob_uu=3 * U)) == (Note.IOB_TAKEN, Note.IOB_LEFT)
    assert notes("medtronic", asked(70)) == (Note.NOT_BELOW_ZERO,)
    assert notes("medtronic", asked(100)) == ()
    assert notes("tandem", asked(carbs_mg=200_000)) == (Note.NO_GLUCOSE, Note.MAX_BOLUS)


def test_nothing_below_zero() -> None:
    given = advise(policy("ypsomed"), asked(70, carbs_mg=1_000, iob_uu=5 * U), LIMITS)
    assert given.sum_uu == -5_300_000
    assert given.suggested_uu == given.uncapped_uu == given.exact_uu == given.rounding_uu == 0


def test_max_bolus_caps_and_is_itself_rounded_down() -> None:
    limits = replace(LIMITS, max_bolus_uu=1_230_000, step_uu=50_000)
    given = advise(policy("tandem"), asked(carbs_mg=13_000), limits)
    assert given.capped
    assert (given.suggested_uu, given.uncapped_uu) == (1_200_000, 1_300_000)
    given = advise(policy("tandem"), asked(carbs_mg=12_300), limits)
    assert not given.capped
    assert given.suggested_uu == 1_200_000
    assert suggested("tandem", asked(carbs_mg=13_000), replace(LIMITS, max_bolus_uu=0)) == 0


def test_missed_basal_never_raises_a_suggestion() -> None:
    for policy_id in CALCULATOR_POLICIES:
        assert suggested(policy_id, asked(220, iob_uu=-5 * U)) == suggested(policy_id, asked(220)) == 2 * U


def test_mmol_per_litre() -> None:
    inputs = replace(
        asked(carbs_mg=60_000),
        glucose=Reading(NOW_US, MmolL(92)),
        sensitivity=MmolL(25),
        target_low=MmolL(45),
        target_high=MmolL(60),
    )
    given = advise(policy("medtronic"), inputs, replace(LIMITS, hard_low=MmolL(39)))
    assert given.food_uu == 6 * U
    assert given.correction_uu == 1_200_000  # of 1.28
    assert given.suggested_uu == 7_200_000


def test_targets_are_inside() -> None:
    for glucose, side in ((89, Side.BELOW), (90, Side.INSIDE), (120, Side.INSIDE), (121, Side.ABOVE)):
        assert advise(policy("medtronic"), asked(glucose), LIMITS).side is side
    assert side_of(None, low=Fraction(1), high=Fraction(2), sensitivity=Fraction(1)) == (Side.UNKNOWN, Fraction(0))


# Refusals


@pytest.mark.req("ADV-03")
def test_below_the_hard_low_nothing_is_suggested() -> None:
    with pytest.raises(LowGlucoseError, match="treat the low first") as refused:
        advise(policy("medtronic"), asked(69, carbs_mg=60_000), LIMITS)
    assert (refused.value.value, refused.value.bound, refused.value.unit) == (69, 70, "mg/dL")
    assert isinstance(refused.value, RequestError)
    assert suggested("medtronic", asked(70, carbs_mg=60_000)) == 5_600_000
    inputs = replace(
        asked(), glucose=Reading(NOW_US, MmolL(38)), sensitivity=MmolL(25), target_low=MmolL(45), target_high=MmolL(60)
    )
    with pytest.raises(LowGlucoseError, match=r"^glucose is 3\.8 mmol/L, below 3\.9 mmol/L: treat the low first$"):
        advise(policy("roche"), inputs, replace(LIMITS, hard_low=MmolL(39)))


@pytest.mark.req("ADV-03", "ADV-05", "GLU-07")
def test_lo_is_low_and_hi_is_not_corrected() -> None:
    with pytest.raises(LowGlucoseError, match=r"^glucose is LO, below 70 mg/dL: treat the low first$"):
        advise(policy("medtronic"), replace(asked(), glucose=Reading(NOW_US, Beyond.LO)), LIMITS)
    high = advise(policy("medtronic"), replace(asked(), glucose=Reading(NOW_US, Beyond.HI), carbs_mg=12_000), LIMITS)
    food = advise(policy("medtronic"), replace(asked(), carbs_mg=12_000), LIMITS)
    assert high.suggested_uu == food.suggested_uu > 0
    assert high.correction_uu == 0
    assert Note.ABOVE_RANGE in high.notes
    assert Note.NO_GLUCOSE in high.notes


@pytest.mark.req("GLU-08")
def test_after_a_low_that_is_not_known_to_be_over_nothing_is_suggested_for_an_hour_then_food_only() -> None:
    low = Guard(Measured(Reading(NOW_US - 5 * MINUTE_US, MmolL(32)), by_meter=True), NOW_US + 1)
    inputs = replace(asked(220), carbs_mg=12_000, low=low)
    with pytest.raises(LowGlucoseError) as refused:
        advise(policy("tandem"), inputs, LIMITS)
    assert str(refused.value) == (
        "glucose was 3.2 mmol/L 5 min ago (meter), below 70 mg/dL, and no reading says that the low is over: treat it,"
        " then measure again"
    )
    again = pickle.loads(pickle.dumps(refused.value))  # noqa: S301 - written on the same line
    assert (str(again), again.age_us) == (str(refused.value), 5 * MINUTE_US)
    later = advise(policy("tandem"), replace(inputs, low=low._replace(until_us=NOW_US)), LIMITS)
    assert later.correction_uu == 0
    assert later.suggested_uu == suggested("tandem", replace(asked(), carbs_mg=12_000)) > 0
    assert later.low == low.low
    assert Note.AFTER_LOW in later.notes


@pytest.mark.req("ADV-04")
def test_glucose_that_is_too_old_is_named_and_not_corrected() -> None:
    old = Reading(NOW_US - 13 * MINUTE_US, MgDl(220))
    given = advise(policy("tandem"), replace(asked(), too_old=old), LIMITS)
    assert given.glucose == old
    assert not given.correction_uu
    assert Note.GLUCOSE_TOO_OLD in given.notes


@pytest.mark.req("ADV-05")
def test_units_may_differ_and_are_compared_exactly() -> None:
    mixed = replace(asked(), glucose=Reading(NOW_US, MmolL(122)))
    exact = Fraction(122, 10) * Fraction(180_156, 10_000)
    given = advise(policy("tandem"), mixed, replace(LIMITS, hard_low=MmolL(39)))
    assert given.correction_uu == (exact - 120) * U / 50


@pytest.mark.req("ADV-04")
def test_glucose_of_more_than_twelve_minutes_ago_is_refused() -> None:
    for age_us in (0, 12 * MINUTE_US):
        assert suggested("tandem", asked(glucose=None, carbs_mg=0)) == 0
        inputs = replace(asked(), glucose=Reading(NOW_US - age_us, MgDl(220)))
        assert suggested("tandem", inputs) == 2 * U
    with pytest.raises(LimitError, match=r"^glucose age: ") as refused:
        advise(policy("tandem"), replace(asked(), glucose=Reading(NOW_US - 12 * MINUTE_US - 1, MgDl(220))), LIMITS)
    assert refused.value.bound == 12 * MINUTE_US
    with pytest.raises(LimitError):
        AdviceLimits(max_bolus_uu=U, step_uu=25_000, hard_low=MgDl(70), max_age_us=12 * MINUTE_US + 1)
    with pytest.raises(LimitError):
        advise(
            policy("tandem"), replace(asked(), glucose=Reading(NOW_US - 1, MgDl(220))), replace(LIMITS, max_age_us=0)
        )


def test_glucose_from_the_future_is_refused() -> None:
    with pytest.raises(TimeError) as refused:
        advise(policy("tandem"), replace(asked(), glucose=Reading(NOW_US + 1, MgDl(220))), LIMITS)
    assert (refused.value.value_us, refused.value.earliest_us) == (NOW_US, NOW_US + 1)


def test_a_reading_that_is_not_for_dosing_is_refused() -> None:
    with pytest.raises(QuantityError, match="is not fit for dosing"):
        advise(policy("tandem"), replace(asked(), glucose=Reading(NOW_US, MgDl(220), Quality.DOUBTFUL)), LIMITS)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"target_low": MmolL(67)}, "target_low"),
        ({"low": Reading(NOW_US, MgDl(60))}, "low"),
        ({"too_old": 60}, "too_old"),
        ({"sensitivity": 50}, "sensitivity"),
        ({"target_low": 90}, "target_low"),
        ({"glucose": 220}, "glucose"),
        ({"glucose": MgDl(220)}, "glucose"),
        ({"target_low": MgDl(121)}, "target_low"),
        ({"carbs_mg": 40.0}, "carbs_mg"),
        ({"carb_ratio_mg_per_u": "10"}, "carb_ratio_mg_per_u"),
        ({"iob_uu": 1.0}, "iob_uu"),
        ({"meal_iob_uu": True}, "meal_iob_uu"),
        ({"correction_iob_uu": None}, "correction_iob_uu"),
        ({"now_us": 1.0}, "now_us"),
    ],
)
def test_what_is_not_exact_is_refused(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(QuantityError) as refused:
        replace(asked(), **changes)
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("changes", "limit", "bound"),
    [
        ({"carbs_mg": -1}, "carbs_mg", 0),
        ({"carbs_mg": 500_001}, "carbs_mg", 500_000),
        ({"carb_ratio_mg_per_u": 99}, "carb_ratio_mg_per_u", 100),
        ({"carb_ratio_mg_per_u": 500_001}, "carb_ratio_mg_per_u", 500_000),
        ({"iob_uu": 10**9 + 1}, "iob_uu", 10**9),
        ({"meal_iob_uu": -1}, "meal_iob_uu", 0),
        ({"correction_iob_uu": -1}, "correction_iob_uu", 0),
        ({"now_us": -1}, "now_us", 0),
    ],
)
def test_what_is_out_of_range_is_refused(changes: dict[str, Any], limit: str, bound: int) -> None:
    with pytest.raises(LimitError) as refused:
        asked(**changes)
    assert (refused.value.limit, refused.value.bound) == (limit, bound)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"max_bolus_uu": 75 * U + 1}, LimitError),
        ({"max_bolus_uu": -1}, LimitError),
        ({"max_bolus_uu": 1.0}, QuantityError),
        ({"step_uu": 0}, LimitError),
        ({"hard_low": 70}, QuantityError),
        ({"max_age_us": -1}, LimitError),
    ],
)
def test_bounds_that_bound_nothing_are_refused(changes: dict[str, Any], error: type[RequestError]) -> None:
    with pytest.raises(error):
        replace(LIMITS, **changes)


@pytest.mark.parametrize(("meal_us", "acting_us"), [(-1, 1), (0, 0)])
def test_a_rise_without_a_time_is_refused(meal_us: int, acting_us: int) -> None:
    with pytest.raises(LimitError):
        MealRise(MgDl(50), meal_us, acting_us)


@pytest.mark.parametrize("rise", [MgDl(50), 50, "50 mg/dL"])
def test_a_rise_after_a_meal_is_a_meal_rise(rise: object) -> None:
    with pytest.raises(QuantityError, match=r"^meal_rise: .* must be a MealRise$"):
        asked(100, meal_rise=rise)
