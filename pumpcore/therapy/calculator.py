"""The bolus calculator: what each maker's pump would suggest, with every term shown.

The rules of this file: arithmetic is exact (fractions of micro-units) and rounds once, at the end, down; where a
maker's pump rounds in between, that is a figure of its policy. A policy is data and one pure function that says how
much insulin on board takes off. More carbohydrate never lowers a suggestion, more insulin on board never raises one, no
suggestion is negative or above max bolus. What cannot be answered is refused: glucose below the hard low (treat the low
first), glucose that is old, from the future or not fit for dosing, two units of glucose in one question.

A suggestion is no bolus: it is proposed to a person, and checked again when that person confirms it.
"""

from __future__ import annotations

from enum import StrEnum, unique
from fractions import Fraction
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from pumpcore.devices import Range, Source
from pumpcore.errors import LimitError, QuantityError, TimeError
from pumpcore.frozen import dataclass, replace
from pumpcore.limits import check
from pumpcore.therapy.glucose import READING_US_MAX, MgDl, MmolL, Quality, Reading
from pumpcore.units import UU_PER_U, exact_int

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pumpcore.therapy.glucose import Glucose

__all__ = [
    "POLICIES",
    "Advice",
    "AdviceInputs",
    "AdviceLimits",
    "Estimate",
    "LowGlucoseError",
    "MealRise",
    "Note",
    "Policy",
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


# Terms and policies ---------------------------------------------------------------------------------------------------


@unique
class Side(StrEnum):
    """Where glucose is, seen from the target range."""

    ABOVE = "above"
    INSIDE = "inside"
    BELOW = "below"
    UNKNOWN = "unknown"


def side_of(glucose: Fraction | None, *, low: Fraction, high: Fraction, sensitivity: Fraction) -> tuple[Side, Fraction]:
    """Say on which side of the target range glucose is, and what would bring it back to the nearer end.

    Args:
        glucose: the value; None where there is none.
        low: lower end of the target range, in the same unit.
        high: upper end, not below `low`.
        sensitivity: how far one unit of insulin lowers glucose, in the same unit, above 0.

    Returns:
        The side, and the correction in micro-units: negative below, 0 inside and without glucose.

    Rounding:
        None.

    Example:
        >>> side_of(Fraction(68), low=Fraction(90), high=Fraction(120), sensitivity=Fraction(40))
        (<Side.BELOW: 'below'>, Fraction(-550000, 1))
    """
    if glucose is None:
        return Side.UNKNOWN, Fraction()
    if glucose > high:
        return Side.ABOVE, (glucose - high) * UU_PER_U / sensitivity
    if glucose < low:
        return Side.BELOW, (glucose - low) * UU_PER_U / sensitivity
    return Side.INSIDE, Fraction()


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a suggestion is made of, in micro-units.

    Attributes:
        side: where glucose is.
        food_uu: for the carbohydrate, at least 0.
        correction_uu: for glucose, negative below the target range.
        iob_uu: insulin on board in all, at least 0.
        meal_iob_uu: the part of it that was for meals, at least 0.
        correction_iob_uu: the part of it that was for corrections, at least 0.
        rise_uu: what would correct the rise that is permitted after a meal, at least 0.
    """

    side: Side
    food_uu: Fraction
    correction_uu: Fraction = Fraction()
    iob_uu: Fraction = Fraction()
    meal_iob_uu: Fraction = Fraction()
    correction_iob_uu: Fraction = Fraction()
    rise_uu: Fraction = Fraction()


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What a policy makes of terms, in micro-units.

    Attributes:
        food_uu: for the carbohydrate, rounded as the policy rounds it.
        correction_uu: for glucose, likewise.
        rise_uu: what a permitted rise takes off.
        iob_uu: what insulin on board takes off.
    """

    food_uu: Fraction
    correction_uu: Fraction
    rise_uu: Fraction
    iob_uu: Fraction

    @property
    def sum_uu(self) -> Fraction:
        """All terms together; may be negative."""
        return self.food_uu + self.correction_uu - self.rise_uu - self.iob_uu


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How one maker's calculator works.

    Attributes:
        id: its name.
        iob_taken: what insulin on board takes off, from terms as the policy rounds them.
        says: the rule in words.
        permits_rise: whether a rise after a meal is left uncorrected.
        food_step_uu: the carbohydrate term is rounded down to this; 0: not at all.
        stroke_uu: the correction is cut (toward zero) to this first; 0: not at all.
        correction_step_uu: then it is rounded down (toward minus infinity) to this; 0: not at all.
        iob_step_uu: each insulin on board is rounded up to this; 0: not at all.
        dose_step_uu: the sum is rounded down to this; 0: to the device's step only.
        sources: where the rule comes from, and what of it is only remembered.
    """

    id: str
    iob_taken: Callable[[Terms], Fraction]
    says: str
    permits_rise: bool = False
    food_step_uu: int = 0
    stroke_uu: int = 0
    correction_step_uu: int = 0
    iob_step_uu: int = 0
    dose_step_uu: int = 0
    sources: tuple[Source, ...]

    def estimate(self, terms: Terms) -> Estimate:
        """Apply the policy to terms, up to and without rounding the sum.

        Args:
            terms: exact terms.

        Returns:
            The terms as this policy uses them, and what it takes off.

        Rounding:
            As the attributes say; no further.

        Example:
            >>> terms = Terms(side=Side.BELOW, food_uu=Fraction(6_690_000), correction_uu=Fraction(-511_111))
            >>> made = POLICIES["medtronic"].estimate(terms)
            >>> int(made.food_uu), int(made.correction_uu), int(made.sum_uu)
            (6600000, -500000, 6100000)
        """
        correction_uu = _floor(_cut(terms.correction_uu, self.stroke_uu), self.correction_step_uu)
        used = replace(
            terms,
            food_uu=_floor(terms.food_uu, self.food_step_uu),
            correction_uu=correction_uu,
            iob_uu=-_floor(-terms.iob_uu, self.iob_step_uu),
            meal_iob_uu=-_floor(-terms.meal_iob_uu, self.iob_step_uu),
            correction_iob_uu=-_floor(-terms.correction_iob_uu, self.iob_step_uu),
            # What is permitted can only take off what would be given.
            rise_uu=min(terms.rise_uu, max(correction_uu, Fraction())) if self.permits_rise else Fraction(),
        )
        return Estimate(
            food_uu=used.food_uu, correction_uu=correction_uu, rise_uu=used.rise_uu, iob_uu=self.iob_taken(used)
        )

    def exact(self) -> Policy:
        """Return the same policy without any rounding."""
        return replace(self, food_step_uu=0, stroke_uu=0, correction_step_uu=0, iob_step_uu=0, dose_step_uu=0)


def _floor(value: Fraction, step_uu: int) -> Fraction:
    """Round down, toward minus infinity, to a step; 0 is no step."""
    return Fraction(value // step_uu * step_uu) if step_uu else value


def _cut(value: Fraction, step_uu: int) -> Fraction:
    """Round toward zero to a step; 0 is no step."""
    return _floor(value, step_uu) if value >= 0 else -_floor(-value, step_uu)


def _up_to_the_correction(terms: Terms) -> Fraction:
    """Take off at most what the correction would give: nothing inside, below and without glucose."""
    return min(terms.iob_uu, terms.correction_uu) if terms.side is Side.ABOVE else Fraction()


def _also_below(terms: Terms) -> Fraction:
    """Take off at most the correction above, and all of it below the target range."""
    return terms.iob_uu if terms.side is Side.BELOW else _up_to_the_correction(terms)


def _by_part(terms: Terms) -> Fraction:
    """Take meal insulin off the correction only, and correction insulin off what is left of correction and food."""
    if terms.side is Side.UNKNOWN:
        return Fraction()
    meal_uu = min(terms.meal_iob_uu, max(terms.correction_uu, Fraction()))
    left_uu = max(terms.food_uu + terms.correction_uu - meal_uu, Fraction())
    return meal_uu + min(terms.correction_iob_uu, left_uu)


def _all(terms: Terms) -> Fraction:
    """Take off all of it, whatever it is taken from."""
    return terms.iob_uu


def _correction_above_the_rise(terms: Terms) -> Fraction:
    """Take correction insulin off what a permitted rise leaves of the correction."""
    if terms.side is not Side.ABOVE:
        return Fraction()
    return min(terms.correction_iob_uu, terms.correction_uu - terms.rise_uu)


_GUIDES: Final = "the maker's user guides, chapter on the bolus calculator"
_INSIDE: Final = Source(
    "inside the target range insulin on board takes nothing off; without glucose it takes nothing off", "remembered"
)

_ROWS: Final = (
    Policy(
        id="medtronic",
        iob_taken=_up_to_the_correction,
        says="above: F + max(0, C - I); inside and without glucose: F; below: F + C",
        # All Paradigm pumps, those of 0.05 U steps (x15, x22) included: a stroke is 1/40 U, an estimate has tenths.
        food_step_uu=100_000,
        stroke_uu=25_000,
        correction_step_uu=100_000,
        dose_step_uu=100_000,
        sources=(
            Source("Medtronic MiniMed user guides, chapter Bolus Wizard", "read"),
            Source(
                "the rounding from records of real pumps: of a Paradigm 522 (github.com/bewest/decoding-carelink"
                " analysis/bewest-pump), at 45 mg/dL per U and a low target of 106 mg/dL, 83 mg/dL gave -0.5 U, which"
                " needs the cut, and 77 mg/dL gave -0.7 U, which a cut to 0.05 U would make -0.6 U; Paradigm 515, 523,"
                " 723 and MiniMed 530G records agree",
                "read",
            ),
        ),
    ),
    Policy(
        id="animas",
        iob_taken=_also_below,
        says="above: F where I >= C, else F + C - I; inside and without glucose: F; below: F + C - I",
        sources=(Source(f"Animas: {_GUIDES}", "read"), _INSIDE),
    ),
    Policy(
        id="tandem",
        iob_taken=_also_below,
        says="above: F + max(0, C - I); inside and without glucose: F; below: F + C - I",
        sources=(Source(f"Tandem: {_GUIDES}", "read"), _INSIDE),
    ),
    Policy(
        id="omnipod",
        iob_taken=_by_part,
        says="meal insulin takes off C only; correction insulin takes off C, then F; without glucose: F",
        iob_step_uu=50_000,
        dose_step_uu=50_000,
        sources=(
            Source(f"Insulet Omnipod: {_GUIDES}; dose down and insulin on board up to 0.05 U", "read"),
            Source("without glucose insulin on board takes nothing off", "remembered"),
        ),
    ),
    Policy(
        id="ypsomed",
        iob_taken=_all,
        says="F + C - I, on the whole and always",
        sources=(
            Source(f"Ypsomed: {_GUIDES}", "read"),
            Source("without glucose too: of two readings of the rule, the one that gives less", "own"),
        ),
    ),
    Policy(
        id="roche",
        iob_taken=_correction_above_the_rise,
        says="above: F + max(0, C - R - I for corrections), R the rise permitted after a meal; else: F + C",
        permits_rise=True,
        sources=(
            Source(f"Roche Accu-Chek: {_GUIDES}; a rise is permitted for the acting time after a meal", "read"),
            Source("correction insulin is taken off beside the rise, not only where it is larger: gives less", "own"),
        ),
    ),
)

POLICIES: Final[Mapping[str, Policy]] = MappingProxyType({row.id: row for row in _ROWS})
"""Every policy by its id. F: carbohydrate, C: correction, I: insulin on board. None goes below 0."""


def policy(policy_id: str) -> Policy:
    """Return a policy by its id.

    Raises:
        QuantityError: there is none of that name.

    Example:
        >>> policy("tandem").says
        'above: F + max(0, C - I); inside and without glucose: F; below: F + C - I'
    """
    found = POLICIES.get(policy_id) if type(policy_id) is str else None
    if found is None:
        raise QuantityError("policy", policy_id, f"is none of {', '.join(POLICIES)}")
    return found


# Question and answer --------------------------------------------------------------------------------------------------

# Our own margins around what pumps take (Medtronic: up to 300 g, 1 to 200 g/U).
_CARBS_MG: Final = Range(0, 500_000)
_RATIO_MG: Final = Range(100, 500_000)
_IOB_UU: Final = Range(0, 1_000_000_000)


@dataclass(frozen=True, slots=True)
class MealRise:
    """A rise above target that is left uncorrected for a while after a meal.

    Args:
        rise: how far glucose may be above the upper end of the target range, in the unit of the rest.
        meal_us: when the last bolus for a meal was given.
        acting_us: for how long after it, at least 1.

    Raises:
        QuantityError: an argument is of another type.
        LimitError: a time is outside the kernel's range.
    """

    rise: Glucose
    meal_us: int
    acting_us: int

    def __post_init__(self) -> None:
        """Refuse what is no rise."""
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
        QuantityError: a figure is no int, two values of glucose have different units, or the target range is upside
            down.
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
        """Refuse what is no question."""
        check("time_us", self.now_us, field="now_us")
        _CARBS_MG.check(self.carbs_mg, name="carbs_mg", unit="mg")
        _RATIO_MG.check(self.carb_ratio_mg_per_u, name="carb_ratio_mg_per_u", unit="mg/U")
        _IOB_UU.check(abs(exact_int(self.iob_uu, field="iob_uu")), name="iob_uu", unit="uu")
        _IOB_UU.check(self.meal_iob_uu, name="meal_iob_uu", unit="uu")
        _IOB_UU.check(self.correction_iob_uu, name="correction_iob_uu", unit="uu")
        if self.glucose is not None and type(self.glucose) is not Reading:
            raise QuantityError("glucose", self.glucose, "is no reading")
        if type(self.sensitivity) not in {MgDl, MmolL}:
            raise QuantityError("sensitivity", self.sensitivity, "is no glucose value with a unit")
        for name, value in self._values().items():
            _same_unit(name, value, self.sensitivity)
        if _number(self.target_low) > _number(self.target_high):
            raise QuantityError("target_low", str(self.target_low), f"is above target_high, {self.target_high}")

    def _values(self) -> dict[str, Glucose]:
        """Return each value of glucose that is there, by its name."""
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
        QuantityError: a figure is no int, or `hard_low` no glucose value.
        LimitError: a figure is outside its hard range.
    """

    max_bolus_uu: int
    step_uu: int
    hard_low: Glucose
    max_age_us: int = READING_US_MAX

    def __post_init__(self) -> None:
        """Refuse bounds that bound nothing."""
        check("max_bolus_uu", self.max_bolus_uu)
        check("step_uu", self.step_uu)
        if type(self.hard_low) not in {MgDl, MmolL}:
            raise QuantityError("hard_low", self.hard_low, "is no glucose value with a unit")
        # A pump that took glucose of more than ten minutes ago for current was recalled in 2020.
        Range(0, READING_US_MAX).check(self.max_age_us, name="max_age_us", unit="us")


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


def advise(rule: Policy, inputs: AdviceInputs, limits: AdviceLimits) -> Advice:
    """Suggest a bolus.

    Args:
        rule: a row of `POLICIES`.
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
    """Let a reading through that may be dosed on."""
    if now_us < reading.at_us:
        raise TimeError("now_us", now_us, reading.at_us)
    if now_us - reading.at_us > limits.max_age_us:
        raise LimitError("glucose age", now_us - reading.at_us, limits.max_age_us, "us")
    if reading.quality is not Quality.GOOD:
        raise QuantityError("glucose", reading.quality.name.lower(), "is not fit for dosing")
    _same_unit("glucose", reading.value, limits.hard_low)
    if (value := _number(reading.value)) < (bound := _number(limits.hard_low)):
        unit = "mg/dL" if isinstance(reading.value, MgDl) else "tenths of mmol/L"
        raise LowGlucoseError("glucose", value, bound, unit)


def _terms(inputs: AdviceInputs) -> Terms:
    """Turn a question into exact terms."""
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


def _steps_down(amount_uu: Fraction, rule: Policy, limits: AdviceLimits) -> int:
    """Round down to the policy's step, then to the device's."""
    return int(_floor(_floor(amount_uu, rule.dose_step_uu), limits.step_uu))


def _notes(terms: Terms, made: Estimate, *, capped: bool) -> list[Note]:
    """Say what a person should know about how the suggestion came about."""
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
        raise QuantityError(name, str(value), f"has not the unit of {other}")
