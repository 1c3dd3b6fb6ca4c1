"""The bolus calculator: what a maker's pump would suggest, with every term shown.

The rules of this file: arithmetic is exact and rounds once, at the end, down; what a maker's pump rounds on the way is
in its policy (`policies`). More carbohydrate never lowers a suggestion, more insulin on board never raises one, no
suggestion is negative or above max bolus. What cannot be answered is refused: glucose below the hard low (treat the low
first), a low that is not known to be over, glucose that is old, from the future or not fit for dosing. Units of glucose
may differ within one question: values are compared exactly.

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
from pumpcore.therapy.best_glucose import Guard
from pumpcore.therapy.glucose import READING_US_MAX, Beyond, MgDl, Quality, Reading, exact_glucose
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
from pumpcore.units import US_PER_MINUTE, UU_PER_U

if TYPE_CHECKING:
    from collections.abc import Callable

    from pumpcore.therapy.best_glucose import Measured
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
    """Glucose is below the hard low, or was and is not known to be over it: the low has to be treated first.

    Attributes:
        reading: the low.
        by_meter: whether a meter has measured it.
        age_us: how long ago.
        hard_low: what it is below.
    """

    def __init__(self, reading: Reading, hard_low: Glucose, *, age_us: int = 0, by_meter: bool = False) -> None:
        """Name the low, how old it is and whose, and the bound."""
        shown = hard_low if isinstance(hard_low, MgDl) else hard_low.to_mg_dl()
        super().__init__("glucose", int(reading.value.exact_mg_dl), shown.mg_per_dl, "mg/dL")
        self.reading = reading
        self.by_meter = by_meter
        self.age_us = age_us
        self.hard_low = hard_low

    def __reduce__(self) -> tuple[Callable[..., LowGlucoseError], tuple[object, ...]]:
        """Be made again by the constructor, whose other figures are given by name."""
        return _low_error, (self.reading, self.hard_low, self.age_us, self.by_meter)

    def __str__(self) -> str:
        """One line: what was too low, when, and what to do."""
        value, whose = self.reading.value, "meter" if self.by_meter else "sensor"
        if self.age_us < US_PER_MINUTE:
            return f"glucose is {value}, below {self.hard_low}: treat the low first"
        minutes = self.age_us // US_PER_MINUTE
        return (
            f"glucose was {value} {minutes} min ago ({whose}), below {self.hard_low}, and no reading says that the low"
            " is over: treat it, then measure again"
        )


def _low_error(reading: Reading, hard_low: Glucose, age_us: int, by_meter: bool) -> LowGlucoseError:  # noqa: FBT001
    """Make a `LowGlucoseError` from its parts."""
    return LowGlucoseError(reading, hard_low, age_us=age_us, by_meter=by_meter)


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
        rise: how far glucose may be above the upper end of the target range.
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
        exact_glucose(self.rise, field="rise")
        check("time_us", self.meal_us, field="meal_us")
        check("duration_us", self.acting_us, field="acting_us")


@dataclass(frozen=True, slots=True, kw_only=True)
class AdviceInputs:
    """What a bolus is asked for.

    Attributes:
        now_us: now, monotonic.
        carbs_mg: carbohydrate in milligrams, 0 to 500 g.
        carb_ratio_mg_per_u: milligrams of carbohydrate that one unit covers, 0.1 to 500 g.
        glucose: the reading to correct; None: no correction. HI is not corrected: how high it is nobody knows.
        too_old: the latest reading where it is too old to be corrected, to be named.
        low: a low that is not known to be over.
        sensitivity: how far one unit lowers glucose.
        target_low: lower end of the target range.
        target_high: upper end, not below the lower one.
        iob_uu: insulin on board in all (`OnBoard.counted_uu`); negative counts as 0, so that missed basal insulin never
            raises a suggestion.
        meal_iob_uu: the part of it that was for meals, at least 0.
        correction_iob_uu: the part of it that was for corrections, at least 0.
        meal_rise: the rise that is permitted, for a policy that permits one.

    Raises:
        QuantityError: a figure is not an integer, or the target range is upside down.
        LimitError: a figure is outside its range.
    """

    now_us: int
    carbs_mg: int = 0
    carb_ratio_mg_per_u: int
    glucose: Reading | None = None
    too_old: Reading | None = None
    low: Guard | None = None
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
        if self.too_old is not None and type(self.too_old) is not Reading:
            raise QuantityError("too_old", self.too_old, "must be a Reading")
        if self.low is not None and type(self.low) is not Guard:
            raise QuantityError("low", self.low, "must be a Guard")
        if self.meal_rise is not None and type(self.meal_rise) is not MealRise:
            raise QuantityError("meal_rise", self.meal_rise, "must be a MealRise")
        for name in ("sensitivity", "target_low", "target_high"):
            exact_glucose(getattr(self, name), field=name)
        if self.target_low.exact_mg_dl > self.target_high.exact_mg_dl:
            raise QuantityError(
                "target_low", str(self.target_low), f"must not be above target_high, {self.target_high}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class AdviceLimits:
    """What bounds a suggestion.

    Attributes:
        max_bolus_uu: the largest bolus that a person allows.
        step_uu: the step of the device's boluses.
        hard_low: below this nothing is suggested; by common definition a low is below 70 mg/dL (3.9 mmol/L).
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
    GLUCOSE_TOO_OLD = "glucose_too_old"
    AFTER_LOW = "after_low"
    ABOVE_RANGE = "above_range"
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
        glucose: the reading that it rests on; where there is none, the latest, which is too old.
        low: the low that is not known to be over.
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
    glucose: Reading | None = None
    low: Measured | None = None

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
        LowGlucoseError: glucose is below the hard low, or a low of the last hour is not known to be over. Nothing is
            changed.
        LimitError: the reading is older than allowed. Nothing is changed.
        TimeError: the reading is from the future. Nothing is changed.
        QuantityError: the reading is not fit for dosing. Nothing is changed.

    Example:
        >>> asked = AdviceInputs(
        ...     now_us=0, carbs_mg=12_000, carb_ratio_mg_per_u=8_000, glucose=Reading(0, MgDl(368)), iob_uu=700_000,
        ...     sensitivity=MgDl(40), target_low=MgDl(90), target_high=MgDl(120))
        >>> given = advise(policy("medtronic"), asked, AdviceLimits(
        ...     max_bolus_uu=10_000_000, step_uu=25_000, hard_low=MgDl(70)))
        >>> given.suggested_uu, int(given.food_uu), int(given.correction_uu), int(given.iob_uu)
        (7000000, 1500000, 6200000, 700000)
    """
    if inputs.low is not None and inputs.now_us < inputs.low.until_us:
        low = inputs.low.low
        age_us = inputs.now_us - low.reading.at_us
        raise LowGlucoseError(low.reading, limits.hard_low, age_us=age_us, by_meter=low.by_meter)
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
        notes=tuple(_notes(inputs, terms, made, capped=suggested_uu < uncapped_uu)),
        glucose=inputs.glucose or inputs.too_old,
        low=None if inputs.low is None else inputs.low.low,
    )


def _check_reading(reading: Reading, now_us: int, limits: AdviceLimits) -> None:
    """Reject a reading that must not be dosed on."""
    if now_us < reading.at_us:
        raise TimeError("now_us", now_us, reading.at_us)
    within(now_us - reading.at_us, 0, limits.max_age_us, name="glucose age", unit="us")
    if reading.quality is not Quality.GOOD:
        raise QuantityError("glucose", reading.quality.name.lower(), "is not fit for dosing: it must be good")
    if reading.is_below(limits.hard_low):
        raise LowGlucoseError(reading, limits.hard_low)


def _terms(inputs: AdviceInputs) -> Terms:
    """Return the exact terms of a question."""
    sensitivity = inputs.sensitivity.exact_mg_dl
    side, correction_uu = side_of(
        _corrected(inputs),
        low=inputs.target_low.exact_mg_dl,
        high=inputs.target_high.exact_mg_dl,
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
        rise_uu=rise.rise.exact_mg_dl * UU_PER_U / sensitivity if rise is not None and rises else Fraction(),
    )


def _corrected(inputs: AdviceInputs) -> Fraction | None:
    """Return the value that is corrected: none after a low that is not known to be over, and none that is HI."""
    reading = inputs.glucose
    if reading is None or inputs.low is not None or reading.value is Beyond.HI:
        return None
    return reading.value.exact_mg_dl


def _steps_down(amount_uu: Fraction, rule: CalculatorPolicy, limits: AdviceLimits) -> int:
    """Round down to the policy's step, then to the device's."""
    return int(floor_to(floor_to(amount_uu, rule.dose_step_uu), limits.step_uu))


def _notes(inputs: AdviceInputs, terms: Terms, made: Estimate, *, capped: bool) -> list[Note]:
    """Return what a person should know about how the suggestion came about."""
    on_board = max(terms.iob_uu, terms.meal_iob_uu, terms.correction_iob_uu)
    says = {
        Note.NO_GLUCOSE: terms.side is Side.UNKNOWN,
        Note.GLUCOSE_TOO_OLD: inputs.glucose is None and inputs.too_old is not None,
        Note.AFTER_LOW: inputs.low is not None,
        Note.ABOVE_RANGE: inputs.glucose is not None and inputs.glucose.value is Beyond.HI,
        Note.IOB_TAKEN: made.iob_uu > 0,
        Note.IOB_LEFT: made.iob_uu < on_board,
        Note.RISE_PERMITTED: made.rise_uu > 0,
        Note.NOT_BELOW_ZERO: made.sum_uu < 0,
        Note.MAX_BOLUS: capped,
    }
    return [note for note, holds in says.items() if holds]
