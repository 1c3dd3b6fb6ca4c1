"""Insulin curves: what part of a dose remains after an age.

The rules of this file: no float, and every rounding goes to the side on which a person gets less insulin.
`Curve.remaining` is the published formula as it stands, in decimals; `Curve.remaining_ppb` is what a pump asks: parts
per billion out of a table with one entry for each minute, the age rounded down to a whole minute, the part rounded up,
and never rising with age (the published Walsh and bilinear fits do rise a little in places).
"""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal, localcontext
from enum import IntEnum, unique
from functools import lru_cache
from itertools import accumulate
from typing import TYPE_CHECKING, Final

from pumpcore.bounds import Range, within
from pumpcore.errors import QuantityError
from pumpcore.frozen import dataclass
from pumpcore.units import US_PER_MINUTE, exact_int

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["MINUTES_LARGEST", "PPB", "Curve", "CurveKind", "lower_ppb", "upper_ppb"]

PPB: Final = 1_000_000_000
"""The whole of a dose in parts per billion."""

_DURATION_MIN: Final = Range(30, 720)  # pumps let a person choose 2 to 8 hours; our own margin around that
_DELAY_MIN: Final = Range(0, 60)
MINUTES_LARGEST: Final = _DURATION_MIN.largest + _DELAY_MIN.largest
"""Of the longest curve, its delay included."""
_CONTEXT: Final = Context(prec=40, rounding=ROUND_HALF_EVEN)
# Beyond what `_CONTEXT` can lose in the few operations of a formula, and far below one part per billion.
_SLACK: Final = Decimal("1e-30")


@unique
class CurveKind(IntEnum):
    """The family of a curve; the values are written into snapshots."""

    EXPONENTIAL = 0x33
    WALSH = 0x3C
    BILINEAR = 0x55
    LINEAR = 0x5A


@dataclass(frozen=True, slots=True)
class Curve:
    """What part of a dose remains after an age.

    Use the constructors by name: `exponential`, `walsh`, `bilinear`, `linear`.

    Args:
        kind: the family.
        duration_min: duration of action without the delay, 30 to 720 minutes.
        peak_min: minutes to the peak of action, for the exponential curve; less than half of the duration.
        delay_min: minutes before anything acts, 0 to 60.

    Raises:
        QuantityError: an argument is not an integer, or a curve without a peak is given one.
        LimitError: an argument is outside its range.

    Source:
        Stated with the formula of each family, below.

    Example:
        >>> Curve.exponential(360, 75).remaining_ppb(120 * 60_000_000)
        449752313
    """

    kind: CurveKind
    duration_min: int
    peak_min: int | None = None
    delay_min: int = 0

    def __post_init__(self) -> None:
        """Reject an invalid curve."""
        if type(self.kind) is not CurveKind:
            raise QuantityError("kind", self.kind, "must be a CurveKind")
        _DURATION_MIN.check(self.duration_min, name="duration_min", unit="min")
        _DELAY_MIN.check(self.delay_min, name="delay_min", unit="min")
        if self.kind is not CurveKind.EXPONENTIAL:
            if self.peak_min is not None:
                raise QuantityError("peak_min", self.peak_min, f"must be None for a {self.kind.name.lower()} curve")
            return
        # At half of the duration and above, the time constant of the formula is infinite or negative.
        within(self.peak_min or 0, 1, (self.duration_min - 1) // 2, name="peak_min", unit="min")

    @classmethod
    def exponential(cls, duration_min: int, peak_min: int, *, delay_min: int = 0) -> Curve:
        """Return the exponential curve of Loop, OpenAPS and AndroidAPS."""
        return cls(CurveKind.EXPONENTIAL, duration_min, peak_min, delay_min)

    @classmethod
    def walsh(cls, duration_min: int, *, delay_min: int = 0) -> Curve:
        """Return the polynomial fit of Walsh's curves, for 3, 4, 5 and 6 hours or scaled from the nearest of these."""
        return cls(CurveKind.WALSH, duration_min, None, delay_min)

    @classmethod
    def bilinear(cls, duration_min: int, *, delay_min: int = 0) -> Curve:
        """Return the curve of OpenAPS whose action rises to a peak and falls from it along straight lines."""
        return cls(CurveKind.BILINEAR, duration_min, None, delay_min)

    @classmethod
    def linear(cls, duration_min: int, *, delay_min: int = 0) -> Curve:
        """Return the curve that goes down at one pace."""
        return cls(CurveKind.LINEAR, duration_min, None, delay_min)

    @property
    def minutes(self) -> int:
        """Minutes after which nothing is left: delay and duration."""
        return self.delay_min + self.duration_min

    def remaining(self, age_us: int) -> Decimal:
        """Return the part of a dose that remains, by the formula as published.

        Args:
            age_us: time since the dose; what is not yet delivered (negative) remains whole.

        Returns:
            1 up to the end of the delay, 0 from the end of the duration on; in between the published Walsh curve is a
            little above 1 near the beginning.

        Rounding:
            40 significant digits.

        Raises:
            QuantityError: `age_us` is not an integer.

        Example:
            >>> round(Curve.exponential(360, 75).remaining(30 * 60_000_000), 6)
            Decimal('0.929521')
        """
        acting_us = exact_int(age_us, field="age_us") - self.delay_min * US_PER_MINUTE
        if acting_us <= 0:
            return Decimal(1)
        if acting_us >= self.duration_min * US_PER_MINUTE:
            return Decimal(0)
        with localcontext(_CONTEXT):
            return _FORMULAS[self.kind](self, Decimal(acting_us) / US_PER_MINUTE)

    def remaining_ppb(self, age_us: int) -> int:
        """Return the part of a dose that remains, in parts per billion, on the safe side.

        Args:
            age_us: time since the dose, at least 0.

        Returns:
            0 to 1 000 000 000; never rises with age, never below `remaining` (within 0 to 1).

        Rounding:
            The age down to a whole minute, the part up.

        Raises:
            QuantityError: `age_us` is not an integer.
            LimitError: `age_us` is negative.

        Example:
            >>> [Curve.linear(240).remaining_ppb(minutes * 60_000_000) for minutes in (0, 119, 120, 240)]
            [1000000000, 504166667, 500000000, 0]
        """
        within(age_us, 0, None, name="age_us", unit="us")
        upper = upper_ppb(self)
        return upper[min(age_us // US_PER_MINUTE, len(upper) - 1)]


def _exponential(curve: Curve, minutes: Decimal) -> Decimal:
    """Return what remains by the exponential formula.

    Source:
        github.com/LoopKit/Loop issue 388, comment 317938473 (D. Maksimovic).
    """
    end, peak = Decimal(curve.duration_min), Decimal(curve.peak_min or 0)
    tau = peak * (1 - peak / end) / (1 - 2 * peak / end)
    rise = 2 * tau / end
    scale = 1 / (1 - rise + (1 + rise) * (-end / tau).exp())
    shape = (minutes**2 / (tau * end * (1 - rise)) - minutes / tau - 1) * (-minutes / tau).exp() + 1
    return 1 - scale * (1 - rise) * shape


_WALSH: Final[Mapping[int, Sequence[Decimal]]] = {
    180: tuple(map(Decimal, ("0.99951", "9.255e-4", "-1.759e-4", "1.354e-6", "-3.203e-9"))),
    240: tuple(map(Decimal, ("0.99950", "-9.086e-4", "-5.510e-5", "2.530e-7", "-3.310e-10"))),
    300: tuple(map(Decimal, ("0.99300", "4.490e-4", "-5.550e-5", "2.320e-7", "-2.950e-10"))),
    360: tuple(map(Decimal, ("0.99700", "6.365e-4", "-4.095e-5", "1.413e-7", "-1.493e-10"))),
}
"""Coefficients by duration in minutes, for the minutes since the dose, constant first.

Source:
    Fits of fourth order to the curves of J. Walsh, from GlucoDyn (github.com/kenstack/GlucoDyn), as
    github.com/LoopKit/Loop InsulinKit/InsulinMath.swift states them too.
"""
_MINUTES_PER_HOUR: Final = 60


def _walsh(curve: Curve, minutes: Decimal) -> Decimal:
    """Return what remains by the fits to Walsh's curves; a duration without a fit is scaled from the nearest one.

    Source:
        The scaling as in github.com/LoopKit/LoopKit LoopKit/InsulinKit/WalshInsulinModel.swift: 3 h below 3 h, 6 h
        above 6 h, else the nearest hour, halves up.
    """
    hours = (2 * curve.duration_min + _MINUTES_PER_HOUR) // (2 * _MINUTES_PER_HOUR)
    fitted = min(max(hours, 3), 6) * _MINUTES_PER_HOUR
    scaled = minutes * fitted / curve.duration_min
    total = Decimal(0)
    for coefficient in reversed(_WALSH[fitted]):
        total = total * scaled + coefficient
    return total


def _bilinear(curve: Curve, minutes: Decimal) -> Decimal:
    """Return what remains by the two parabolas of OpenAPS, which hold for 3 hours and are scaled to any other duration.

    Source:
        github.com/openaps/oref0 lib/iob/calculate.js at 02e1f0b4edb13e2aa14dfbc150873aa44fd53165: peak at 75 of 180
        minutes, coefficients for steps of 5 minutes.
    """
    scaled = minutes * 180 / curve.duration_min
    if scaled < 75:  # noqa: PLR2004 - the peak that the source states
        x = scaled / 5 + 1
        return Decimal("-0.001852") * x * x + Decimal("0.001852") * x + 1
    x = (scaled - 75) / 5
    return Decimal("0.001323") * x * x - Decimal("0.054233") * x + Decimal("0.55556")


def _linear(curve: Curve, minutes: Decimal) -> Decimal:
    """Return what remains where the same amount acts each minute."""
    return 1 - minutes / curve.duration_min


_FORMULAS: Final[Mapping[CurveKind, Callable[[Curve, Decimal], Decimal]]] = {
    CurveKind.EXPONENTIAL: _exponential,
    CurveKind.WALSH: _walsh,
    CurveKind.BILINEAR: _bilinear,
    CurveKind.LINEAR: _linear,
}


@lru_cache(maxsize=16)
def upper_ppb(curve: Curve) -> tuple[int, ...]:
    """Return the least table that is never below the curve and never rises, in parts per billion by minute."""
    exact = [curve.remaining(minute * US_PER_MINUTE) for minute in range(curve.minutes + 1)]
    rounded = [_ppb(part, -_SLACK, ROUND_CEILING) for part in exact]
    # The largest of what is still to come: so a fit that rises has no effect, and no minute is below its own value.
    return tuple(accumulate(reversed(rounded), max))[::-1]


@lru_cache(maxsize=16)
def lower_ppb(curve: Curve) -> tuple[int, ...]:
    """Return the greatest table that is never above the curve and never rises, in parts per billion by minute."""
    exact = [curve.remaining(minute * US_PER_MINUTE) for minute in range(curve.minutes + 1)]
    return tuple(accumulate((_ppb(part, _SLACK, ROUND_FLOOR) for part in exact), min))


def _ppb(part: Decimal, slack: Decimal, rounding: str) -> int:
    """Round a part to parts per billion, within none and all; what is exact but for `slack` counts as exact."""
    with localcontext(_CONTEXT):
        return min(max(int(((part + slack) * PPB).to_integral_value(rounding)), 0), PPB)
