"""Compares the `medtronic` policy with what a pump's own bolus wizard suggested, record by record.

The rules of this file: the pump's inputs are taken exactly as its record states them, and its three figures (for
carbohydrate, for glucose, in all) must each be met exactly. A glucose of 0, or an input left blank for which the pump
suggested nothing, was not entered; a record that lacks an input, a setting or a figure that the comparison needs is
counted apart and never as equal. The estimate of a record is not capped: a pump caps at max bolus afterwards (a MiniMed
530G recorded 42 U).

What an export states, as observed:

- glucose and sensitivity in mmol/L stand as mg/dL, a tenth of a mmol/L as 1.8016 mg/dL (6.0 mmol/L as 108.096): they
  are brought back to the tenths in which the pump counts; what is too small for mg/dL is taken as mmol/L as it stands;
- a decimal comma where the computer's language has one;
- exchanges of carbohydrate with the insulin for one exchange as their ratio (remembered);
- a MiniMed of the 600 series and later counts in 0.025 U where a Paradigm and a 530G count in tenths (from one record).
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from pumpcore.frozen import dataclass, replace
from pumpcore.therapy.calculator import CALCULATOR_POLICIES, Side, Terms, side_of
from pumpcore.units import UU_PER_U

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pumpcore.records.records import Wizard
    from pumpcore.therapy.calculator import CalculatorPolicy

__all__ = ["Comparison", "Difference", "Figures", "compare_records", "figures_of"]

_NUMBER: Final = re.compile(r"-?[0-9]{1,9}(\.[0-9]{1,9})?", re.ASCII)
_FINER: Final = re.compile(r"minimed\s+[67][0-9]{2}g", re.IGNORECASE)
_EXPORT_MG_DL_PER_MMOL_L: Final = Fraction(18_016, 1000)
_MMOL_L_END: Final = 34  # of a target in mmol/L; in mg/dL no pump has one below 60


@dataclass(frozen=True, slots=True)
class Figures:
    """What a bolus wizard suggests, in micro-units: for carbohydrate, for glucose, in all."""

    food_uu: Fraction
    correction_uu: Fraction
    bolus_uu: Fraction


@dataclass(frozen=True, slots=True)
class Difference:
    """A record that is not met."""

    record: Wizard
    ours: Figures
    theirs: Figures


@dataclass(frozen=True, slots=True)
class Comparison:
    """How the policy and the records compare.

    Attributes:
        records: records that state enough to be compared.
        equal: those of them of which all three figures are met exactly.
        differences: the others.
        incomplete: lines of records that do not state enough, with what they lack.
        policy: whose rule was compared.
    """

    records: int
    equal: int
    differences: tuple[Difference, ...]
    incomplete: tuple[tuple[int, str], ...]
    policy: str = "medtronic"

    def as_json(self) -> dict[str, int | str]:
        """Return the figures for a report."""
        return {"records": self.records, "equal": self.equal, "policy": self.policy}


def compare_records(found: Iterable[Wizard]) -> Comparison:
    """Compare the `medtronic` policy with a pump's own suggestions.

    Args:
        found: records of a reader of exports.

    Returns:
        How many there are, how many are met, and each one that is not.

    Rounding:
        That of the policy.

    Example:
        >>> from pumpcore.records.records import Wizard
        >>> raw = {"BG_INPUT": "83", "CARB_INPUT": "94", "CARB_RATIO": "13", "INSULIN_SENSITIVITY": "45",
        ...        "BG_TARGET_LOW": "106", "BG_TARGET_HIGH": "125", "UNABSORBED_INSULIN_TOTAL": "1",
        ...        "FOOD_ESTIMATE": "7.2", "CORRECTION_ESTIMATE": "-0.5", "BOLUS_ESTIMATE": "6.7"}
        >>> compare_records([Wizard(at_us=0, device="Paradigm 522", seq=0, upload="", line=1, raw=raw)]).as_json()
        {'records': 1, 'equal': 1, 'policy': 'medtronic'}
    """
    equal, differences, incomplete = 0, [], []
    for record in found:
        try:
            ours, theirs = figures_of(record), _stated(record.raw)
        except _Lacking as error:
            incomplete.append((record.line, str(error)))
            continue
        if ours == theirs:
            equal += 1
        else:
            differences.append(Difference(record, ours, theirs))
    return Comparison(equal + len(differences), equal, tuple(differences), tuple(incomplete))


class _Lacking(Exception):  # noqa: N818 - no error: caught and counted in this file
    """A record does not state what a comparison needs."""


def figures_of(record: Wizard) -> Figures:
    """Return what the `medtronic` policy suggests for the inputs of a record.

    Args:
        record: one record.

    Returns:
        Three figures; the sum not below 0 and not capped.

    Rounding:
        That of the policy, to the resolution of the pump's estimates.
    """
    raw = record.raw
    rule = _policy(record.device)
    side, correction_uu = _correction(raw)
    made = rule.estimate(
        Terms(
            side=side,
            food_uu=_food_uu(raw),
            correction_uu=correction_uu,
            iob_uu=max(_number(raw, "UNABSORBED_INSULIN_TOTAL") or Fraction(), Fraction()) * UU_PER_U,
        )
    )
    return Figures(made.food_uu, made.correction_uu, max(made.sum_uu, Fraction()))


def _policy(device: str) -> CalculatorPolicy:
    """Return the policy with the resolution of a pump's estimates."""
    rule = CALCULATOR_POLICIES["medtronic"]
    if _FINER.search(device):
        return replace(rule, food_step_uu=rule.stroke_uu, correction_step_uu=rule.stroke_uu)
    return rule


def _stated(raw: Mapping[str, str]) -> Figures:
    """Return the pump's own three figures."""
    return Figures(*(_needed(raw, f"{name}_ESTIMATE") * UU_PER_U for name in ("FOOD", "CORRECTION", "BOLUS")))


def _food_uu(raw: Mapping[str, str]) -> Fraction:
    carbs = _entered(raw, "CARB_INPUT", "FOOD_ESTIMATE")
    if not carbs:
        return Fraction()
    ratio = _needed(raw, "CARB_RATIO")
    if raw.get("CARB_UNITS", "").startswith("exch"):
        return carbs * ratio * UU_PER_U
    if ratio <= 0:
        raise _Lacking("CARB_RATIO")
    return carbs * UU_PER_U / ratio


def _correction(raw: Mapping[str, str]) -> tuple[Side, Fraction]:
    glucose = _entered(raw, "BG_INPUT", "CORRECTION_ESTIMATE")
    if not glucose:
        return Side.UNKNOWN, Fraction()
    low, high = _needed(raw, "BG_TARGET_LOW"), _needed(raw, "BG_TARGET_HIGH")
    sensitivity = _needed(raw, "INSULIN_SENSITIVITY")
    if raw.get("BG_UNITS", "").startswith("mmol") and high >= _MMOL_L_END:
        glucose, low, high, sensitivity = map(_tenths, (glucose, low, high, sensitivity))
    if sensitivity <= 0:
        raise _Lacking("INSULIN_SENSITIVITY")
    return side_of(glucose, low=low, high=high, sensitivity=sensitivity)


def _tenths(mg_dl: Fraction) -> Fraction:
    """Bring a value that was converted for the export back to tenths of a mmol/L, the nearest."""
    return Fraction(int(mg_dl * 10 / _EXPORT_MG_DL_PER_MMOL_L + Fraction(1, 2)))


def _entered(raw: Mapping[str, str], key: str, figure: str) -> Fraction | None:
    """Return an input, None where nothing was entered; blank beside a figure that is not 0, it was lost."""
    value = _number(raw, key)
    if value is None and _number(raw, figure):
        raise _Lacking(key)
    return value


def _needed(raw: Mapping[str, str], key: str) -> Fraction:
    value = _number(raw, key)
    if value is None:
        raise _Lacking(key)
    return value


def _number(raw: Mapping[str, str], key: str) -> Fraction | None:
    """Return a raw number, None where it is blank or no number."""
    text = raw.get(key, "").replace(" ", "").replace(",", ".")
    return Fraction(text) if _NUMBER.fullmatch(text) else None
