"""The rules by which makers' bolus calculators suggest a bolus: terms, policies and what insulin on board takes off.

The rules of this file: arithmetic is exact (fractions of micro-units). A policy is data and one pure function that says
how much insulin on board takes off; where a maker's pump rounds on the way, that is a figure of its policy. More
carbohydrate never gives less insulin, and more insulin on board never gives more.
"""

from __future__ import annotations

from enum import StrEnum, unique
from fractions import Fraction
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from pumpcore.devices import Source
from pumpcore.errors import QuantityError
from pumpcore.frozen import dataclass, replace
from pumpcore.units import UU_PER_U

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["CALCULATOR_POLICIES", "CalculatorPolicy", "Estimate", "Side", "Terms", "floor_to", "policy", "side_of"]


@unique
class Side(StrEnum):
    """Where glucose is, seen from the target range."""

    ABOVE = "above"
    INSIDE = "inside"
    BELOW = "below"
    UNKNOWN = "unknown"


def side_of(glucose: Fraction | None, *, low: Fraction, high: Fraction, sensitivity: Fraction) -> tuple[Side, Fraction]:
    """Return on which side of the target range glucose is, and what would bring it back to the nearer end.

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
class CalculatorPolicy:
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
            >>> made = CALCULATOR_POLICIES["medtronic"].estimate(terms)
            >>> int(made.food_uu), int(made.correction_uu), int(made.sum_uu)
            (6600000, -500000, 6100000)
        """
        correction_uu = floor_to(_cut(terms.correction_uu, self.stroke_uu), self.correction_step_uu)
        used = replace(
            terms,
            food_uu=floor_to(terms.food_uu, self.food_step_uu),
            correction_uu=correction_uu,
            iob_uu=-floor_to(-terms.iob_uu, self.iob_step_uu),
            meal_iob_uu=-floor_to(-terms.meal_iob_uu, self.iob_step_uu),
            correction_iob_uu=-floor_to(-terms.correction_iob_uu, self.iob_step_uu),
            # What is permitted can only take off what would be given.
            rise_uu=min(terms.rise_uu, max(correction_uu, Fraction())) if self.permits_rise else Fraction(),
        )
        return Estimate(
            food_uu=used.food_uu, correction_uu=correction_uu, rise_uu=used.rise_uu, iob_uu=self.iob_taken(used)
        )

    def exact(self) -> CalculatorPolicy:
        """Return the same policy without any rounding."""
        return replace(self, food_step_uu=0, stroke_uu=0, correction_step_uu=0, iob_step_uu=0, dose_step_uu=0)


def floor_to(value: Fraction, step_uu: int) -> Fraction:
    """Round down, toward minus infinity, to a step; 0: not at all."""
    return Fraction(value // step_uu * step_uu) if step_uu else value


def _cut(value: Fraction, step_uu: int) -> Fraction:
    """Round toward zero to a step; 0: not at all."""
    return floor_to(value, step_uu) if value >= 0 else -floor_to(-value, step_uu)


def _up_to_the_correction(terms: Terms) -> Fraction:
    """Return at most what the correction would give; 0 inside, below and without glucose."""
    return min(terms.iob_uu, terms.correction_uu) if terms.side is Side.ABOVE else Fraction()


def _also_below(terms: Terms) -> Fraction:
    """Return at most the correction above the target range, and all insulin on board below it."""
    return terms.iob_uu if terms.side is Side.BELOW else _up_to_the_correction(terms)


def _by_part(terms: Terms) -> Fraction:
    """Return meal insulin up to the correction, and correction insulin up to the rest of correction and food."""
    if terms.side is Side.UNKNOWN:
        return Fraction()
    meal_uu = min(terms.meal_iob_uu, max(terms.correction_uu, Fraction()))
    left_uu = max(terms.food_uu + terms.correction_uu - meal_uu, Fraction())
    return meal_uu + min(terms.correction_iob_uu, left_uu)


def _all(terms: Terms) -> Fraction:
    """Return all insulin on board, whatever it is taken from."""
    return terms.iob_uu


def _correction_above_the_rise(terms: Terms) -> Fraction:
    """Return correction insulin up to what a permitted rise leaves of the correction."""
    if terms.side is not Side.ABOVE:
        return Fraction()
    return min(terms.correction_iob_uu, terms.correction_uu - terms.rise_uu)


_GUIDES: Final = "the maker's user guides, chapter on the bolus calculator"
_INSIDE: Final = Source(
    "inside the target range insulin on board takes nothing off; without glucose it takes nothing off", "remembered"
)

_ROWS: Final = (
    CalculatorPolicy(
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
    CalculatorPolicy(
        id="animas",
        iob_taken=_also_below,
        says="above: F where I >= C, else F + C - I; inside and without glucose: F; below: F + C - I",
        sources=(Source(f"Animas: {_GUIDES}", "read"), _INSIDE),
    ),
    CalculatorPolicy(
        id="tandem",
        iob_taken=_also_below,
        says="above: F + max(0, C - I); inside and without glucose: F; below: F + C - I",
        sources=(Source(f"Tandem: {_GUIDES}", "read"), _INSIDE),
    ),
    CalculatorPolicy(
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
    CalculatorPolicy(
        id="ypsomed",
        iob_taken=_all,
        says="F + C - I, on the whole and always",
        sources=(
            Source(f"Ypsomed: {_GUIDES}", "read"),
            Source("without glucose too: of two readings of the rule, the one that gives less", "own"),
        ),
    ),
    CalculatorPolicy(
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

CALCULATOR_POLICIES: Final[Mapping[str, CalculatorPolicy]] = MappingProxyType({row.id: row for row in _ROWS})
"""Every policy by its id. F: carbohydrate, C: correction, I: insulin on board. None goes below 0."""


def policy(policy_id: str) -> CalculatorPolicy:
    """Return a policy by its id.

    Raises:
        QuantityError: no policy has that name.

    Example:
        >>> policy("tandem").says
        'above: F + max(0, C - I); inside and without glucose: F; below: F + C - I'
    """
    found = CALCULATOR_POLICIES.get(policy_id) if type(policy_id) is str else None
    if found is None:
        raise QuantityError("policy", policy_id, f"must be one of {', '.join(CALCULATOR_POLICIES)}")
    return found
