"""The bolus calculator: what a maker's pump would suggest, with every term shown.

The rules of this file: arithmetic is exact and rounds once, at the end, down; what a maker's pump rounds on the way is
in its policy (`policies`). More carbohydrate never lowers a suggestion, more insulin on board never raises one, no
suggestion is negative or above max bolus. What cannot be answered is refused: glucose below the hard low (treat the low
first), glucose that is old, from the future or not fit for dosing, two units of glucose in one question.

A suggestion is not a bolus: it is proposed to a person, and checked again when that person confirms it.
"""

from __future__ import annotations

from enum import StrEnum, unique
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from pumpcore.bounds import Range, within
from pumpcore.errors import LimitError, QuantityError, TimeError
from pumpcore.frozen import dataclass
from pumpcore.limits import check
from pumpcore.therapy.glucose import READING_US_MAX, MgDl, Quality, Reading, exact_glucose
from pumpcore.therapy.policies import (
    CALCULATOR_POLICIES,
    CalculatorPolicy,
    Estimate,
    Side,
    Terms,
    floor_to,
    policy,
    side_of,
)
from pumpcore.units import UU_PER_U

if TYPE_CHECKING:
    from pumpcore.therapy.glucose import Glucose

__all__ = [
    "CALCULATOR_POLICIES",
    "Advice",
    "AdviceInputs",
    "AdviceLimits",
    "CalculatorPolicy",
    "Estimate",
    "LowGlucoseError",
    "MealRise",
    "Note",
    "Side",
    "Terms",
    "advise",
    "policy",
    "side_of",
]


class LowGlucoseError(LimitError):
    """Glucose is below the hard low: no bolus is suggested, the low has to be treated first."""

    def __str__(self) -> str:
        """One line: what is too low, and what to do."""
        return f"{super().__str__()}: treat the low first"


# Question and answer --------------------------------------------------------------------------------------------------

# Our own margins around what pumps take (Medtronic: up to 300 g, 1 to 200 g/U).
_CARBS_MG: Final = Range(0, 500_000)
_RATIO_MG: Final = Range(100, 500_000)
_IOB_UU: Final = 1_000_000_000
_AGE_US: Final = Range(0, READING_US_MAX)


@dataclass(frozen=True, slots=True)
class MealRise:
    """A rise above target that is left uncorrected for a while after a meal.

    Args:
        rise: how far glucose may be above the upper end of the target range, in the unit of the rest.
        meal_us: when the last bolus for a meal was given.
        acting_us: how long after that the rise is permitted, at least 1.

    Raises:
        QuantityError: an argument is of another type.
        LimitError: a time is outside the kernel's range.
    """

    rise: Glucose
    meal_us: int
    acting_us: int

    def __post_init__(self) -> None:
        """Reject an invalid rise."""
        check("time_us", self.meal_us, field="meal_us")
        check("duration_us", self.acting_us, field="acting_us")


@dataclass(frozen=True, slots=True, kw_only=True)
class AdviceInputs:
    """What a bolus is asked for.

    Attributes:
        now_us: now, monotonic.
        carbs_mg: carbohydrate in milligrams, 0 to 500 g.
        carb_ratio_mg_per_u: milligrams of carbohydrate that one unit covers, 0.1 to 500 g.
        glucose: the reading to correct; None: no correction.
        sensitivity: how far one unit lowers glucose.
        target_low: lower end of the target range.
        target_high: upper end, not below the lower one.
        iob_uu: insulin on board in all (`OnBoard.counted_uu`); negative counts as 0, so that missed basal insulin never
            raises a suggestion.
        meal_iob_uu: the part of it that was for meals, at least 0.
        correction_iob_uu: the part of it that was for corrections, at least 0.
        meal_rise: the rise that is permitted, for a policy that permits one.

    Raises:
        QuantityError: a figure is not an integer, two values of glucose have different units, or the target range is
            upside down.
        LimitError: a figure is outside its range.
    """

    now_us: int
    carbs_mg: int = 0
    carb_ratio_mg_per_u: int
    glucose: Reading | None = None
    sensitivity: Glucose
    target_low: Glucose
    target_high: Glucose
    iob_uu: int = 0
    meal_iob_uu: int = 0
    correction_iob_uu: int = 0
    meal_rise: MealRise | None = None

    def __post_init__(self) -> None:
        """Reject an invalid question."""
        check("time_us", self.now_us, field="now_us")
        _CARBS_MG.check(self.carbs_mg, name="carbs_mg", unit="mg")
        _RATIO_MG.check(self.carb_ratio_mg_per_u, name="carb_ratio_mg_per_u", unit="mg/U")
        within(self.iob_uu, -_IOB_UU, _IOB_UU, name="iob_uu", unit="uu")
        within(self.meal_iob_uu, 0, _IOB_UU, name="meal_iob_uu", unit="uu")
        within(self.correction_iob_uu, 0, _IOB_UU, name="correction_iob_uu", unit="uu")
        if self.glucose is not None and type(self.glucose) is not Reading:
            raise QuantityError("glucose", self.glucose, "must be a Reading")
        if self.meal_rise is not None and type(self.meal_rise) is not MealRise:
            raise QuantityError("meal_rise", self.meal_rise, "must be a MealRise")
        exact_glucose(self.sensitivity, field="sensitivity")
        for name, value in self._values().items():
            _same_unit(name, value, self.sensitivity)
        if _number(self.target_low) > _number(self.target_high):
            raise QuantityError(
                "target_low", str(self.target_low), f"must not be above target_high, {self.target_high}"
            )

    def _values(self) -> dict[str, Glucose]:
        """Return each glucose value of the question by its name."""
        values = {"target_low": self.target_low, "target_high": self.target_high}
        if self.glucose is not None:
            values["glucose"] = self.glucose.value
        if self.meal_rise is not None:
            values["meal_rise"] = self.meal_rise.rise
        return values


@dataclass(frozen=True, slots=True, kw_only=True)
class AdviceLimits:
    """What bounds a suggestion.

    Attributes:
        max_bolus_uu: the largest bolus that a person allows.
        step_uu: the step of the device's boluses.
        hard_low: below this nothing is suggested, in the unit of the rest; by common definition a low is below 70 mg/dL
            (3.9 mmol/L).
        max_age_us: the greatest age of a reading, up to 12 minutes.

    Raises:
        QuantityError: a figure is not an integer, or `hard_low` is not a glucose value.
        LimitError: a figure is outside its hard range.
    """

    max_bolus_uu: int
    step_uu: int
    hard_low: Glucose
    max_age_us: int = READING_US_MAX

    def __post_init__(self) -> None:
        """Reject a bound outside its hard range."""
        check("max_bolus_uu", self.max_bolus_uu)
        check("step_uu", self.step_uu)
        exact_glucose(self.hard_low, field="hard_low")
        # A pump that took glucose of more than ten minutes ago for current was recalled in 2020.
        _AGE_US.check(self.max_age_us, name="max_age_us", unit="us")


@unique
class Note(StrEnum):
    """Why a suggestion is as it is: keys of messages."""

    NO_GLUCOSE = "no_glucose"
    IOB_TAKEN = "iob_taken"
    IOB_LEFT = "iob_left"
    RISE_PERMITTED = "rise_permitted"
    NOT_BELOW_ZERO = "not_below_zero"
    MAX_BOLUS = "max_bolus"


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """A suggestion and everything that led to it, in micro-units.

    Attributes:
        policy: whose rule it is.
        side: where glucose is.
        food_uu: for the carbohydrate, rounded as the policy rounds it.
        correction_uu: for glucose, likewise; negative below the target range.
        rise_uu: what a permitted rise takes off.
        iob_uu: what insulin on board takes off.
        sum_uu: food + correction - rise - insulin on board; may be negative.
        exact_uu: the same without the policy's rounding, but not below 0.
        rounding_uu: what all rounding took (`exact_uu` less `uncapped_uu`); negative where a maker's rounding gives.
        uncapped_uu: the sum, not below 0, rounded down to a step of policy and device.
        suggested_uu: the suggestion: 0, or a whole number of steps up to max bolus.
        notes: why, as keys of messages.
    """

    policy: str
    side: Side
    food_uu: Fraction
    correction_uu: Fraction
    rise_uu: Fraction
    iob_uu: Fraction
    sum_uu: Fraction
    exact_uu: Fraction
    rounding_uu: Fraction
    uncapped_uu: int
    suggested_uu: int
    notes: tuple[Note, ...]

    @property
    def capped(self) -> bool:
        """Whether max bolus made it smaller."""
        return Note.MAX_BOLUS in self.notes


def advise(rule: CalculatorPolicy, inputs: AdviceInputs, limits: AdviceLimits) -> Advice:
    """Suggest a bolus.

    Args:
        rule: a row of `CALCULATOR_POLICIES`.
        inputs: the question.
        limits: what bounds the answer.

    Returns:
        The suggestion with every term.

    Rounding:
        Once, the sum down to the policy's and the device's step; before that only as the policy's attributes say. Max
        bolus is rounded down to the step too.

    Raises:
        LowGlucoseError: glucose is below the hard low. Nothing is changed.
        LimitError: the reading is older than allowed. Nothing is changed.
        TimeError: the reading is from the future. Nothing is changed.
        QuantityError: the reading is not fit for dosing, or `hard_low` has another unit. Nothing is changed.

    Example:
        >>> asked = AdviceInputs(
        ...     now_us=0, carbs_mg=12_000, carb_ratio_mg_per_u=8_000, glucose=Reading(0, MgDl(368)), iob_uu=700_000,
        ...     sensitivity=MgDl(40), target_low=MgDl(90), target_high=MgDl(120))
        >>> given = advise(policy("medtronic"), asked, AdviceLimits(
        ...     max_bolus_uu=10_000_000, step_uu=25_000, hard_low=MgDl(70)))
        >>> given.suggested_uu, int(given.food_uu), int(given.correction_uu), int(given.iob_uu)
        (7000000, 1500000, 6200000, 700000)
    """
    _same_unit("hard_low", limits.hard_low, inputs.sensitivity)
    if inputs.glucose is not None:
        _check_reading(inputs.glucose, inputs.now_us, limits)
    terms = _terms(inputs)
    made, exact = rule.estimate(terms), rule.exact().estimate(terms)
    exact_uu = max(exact.sum_uu, Fraction())
    uncapped_uu = _steps_down(max(made.sum_uu, Fraction()), rule, limits)
    suggested_uu = min(uncapped_uu, _steps_down(Fraction(limits.max_bolus_uu), rule, limits))
    return Advice(
        policy=rule.id,
        side=terms.side,
        food_uu=made.food_uu,
        correction_uu=made.correction_uu,
        rise_uu=made.rise_uu,
        iob_uu=made.iob_uu,
        sum_uu=made.sum_uu,
        exact_uu=exact_uu,
        rounding_uu=exact_uu - uncapped_uu,
        uncapped_uu=uncapped_uu,
        suggested_uu=suggested_uu,
        notes=tuple(_notes(terms, made, capped=suggested_uu < uncapped_uu)),
    )


def _check_reading(reading: Reading, now_us: int, limits: AdviceLimits) -> None:
    """Reject a reading that must not be dosed on."""
    if now_us < reading.at_us:
        raise TimeError("now_us", now_us, reading.at_us)
    within(now_us - reading.at_us, 0, limits.max_age_us, name="glucose age", unit="us")
    if reading.quality is not Quality.GOOD:
        raise QuantityError("glucose", reading.quality.name.lower(), "is not fit for dosing: it must be good")
    _same_unit("glucose", reading.value, limits.hard_low)
    if (value := _number(reading.value)) < (bound := _number(limits.hard_low)):
        unit = "mg/dL" if isinstance(reading.value, MgDl) else "tenths of mmol/L"
        raise LowGlucoseError("glucose", value, bound, unit)


def _terms(inputs: AdviceInputs) -> Terms:
    """Return the exact terms of a question."""
    sensitivity = Fraction(_number(inputs.sensitivity))
    side, correction_uu = side_of(
        None if inputs.glucose is None else Fraction(_number(inputs.glucose.value)),
        low=Fraction(_number(inputs.target_low)),
        high=Fraction(_number(inputs.target_high)),
        sensitivity=sensitivity,
    )
    rise = inputs.meal_rise
    rises = rise is not None and 0 <= inputs.now_us - rise.meal_us < rise.acting_us
    return Terms(
        side=side,
        food_uu=Fraction(inputs.carbs_mg * UU_PER_U, inputs.carb_ratio_mg_per_u),
        correction_uu=correction_uu,
        iob_uu=Fraction(max(inputs.iob_uu, 0)),
        meal_iob_uu=Fraction(inputs.meal_iob_uu),
        correction_iob_uu=Fraction(inputs.correction_iob_uu),
        rise_uu=_number(rise.rise) * UU_PER_U / sensitivity if rise is not None and rises else Fraction(),
    )


def _steps_down(amount_uu: Fraction, rule: CalculatorPolicy, limits: AdviceLimits) -> int:
    """Round down to the policy's step, then to the device's."""
    return int(floor_to(floor_to(amount_uu, rule.dose_step_uu), limits.step_uu))


def _notes(terms: Terms, made: Estimate, *, capped: bool) -> list[Note]:
    """Return what a person should know about how the suggestion came about."""
    on_board = max(terms.iob_uu, terms.meal_iob_uu, terms.correction_iob_uu)
    says = {
        Note.NO_GLUCOSE: terms.side is Side.UNKNOWN,
        Note.IOB_TAKEN: made.iob_uu > 0,
        Note.IOB_LEFT: made.iob_uu < on_board,
        Note.RISE_PERMITTED: made.rise_uu > 0,
        Note.NOT_BELOW_ZERO: made.sum_uu < 0,
        Note.MAX_BOLUS: capped,
    }
    return [note for note, holds in says.items() if holds]


def _number(value: Glucose) -> int:
    """Return a value of glucose in the steps of its own unit."""
    return value.mg_per_dl if isinstance(value, MgDl) else value.tenths


def _same_unit(name: str, value: Glucose, other: Glucose) -> None:
    if type(value) is not type(other):
        raise QuantityError(name, str(value), f"must be in the same unit as {other}")
