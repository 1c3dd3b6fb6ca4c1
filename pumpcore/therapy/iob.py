"""Insulin on board: how much of what was delivered has not acted yet.

The rules of this file: no float, and every rounding goes to the side on which a person gets less insulin.

- A `Curve` says what part of a dose remains after an age. `remaining` is the published formula as it stands, in
  decimals; `remaining_ppb` is what a pump asks: parts per billion out of a table with one entry for each minute, the
  age rounded down to a whole minute, the part rounded up, and never rising with age (the published Walsh and bilinear
  fits do rise a little in places).
- `Iob` keeps what was delivered in one bin for each minute of the curve's duration, and in three rows: insulin for a
  meal, insulin for a correction, and basal. Uncertain steps go in like delivered ones; `settle` takes them out again.
- Basal counts against the profile: each delivered step of basal insulin goes in positive, and each step that the
  profile by itself would have delivered goes in negative; in one minute the two cancel. A pump that runs its profile
  has no basal on board, a higher temp basal has some, and a zero temp basal or a suspension has less than none. So net
  insulin on board can be negative, down to the whole of the profile's insulin of one duration; insulin of boluses never
  is. `OnBoard.counted_uu` is what a bolus calculator and the limit for insulin on board shall use: never less than what
  is left of boluses, so that basal that was missed is never a reason to suggest more.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal, localcontext
from enum import IntEnum, unique
from functools import lru_cache
from itertools import accumulate
from typing import TYPE_CHECKING, Final

from pumpcore.devices import Range
from pumpcore.errors import JournalError, LimitError, QuantityError, RequestError, TimeError
from pumpcore.frozen import dataclass
from pumpcore.limits import check
from pumpcore.units import US_PER_MINUTE, exact_int

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["PPB", "Curve", "CurveKind", "Iob", "OnBoard", "Part"]

PPB: Final = 1_000_000_000
"""The whole of a dose in parts per billion."""

_DURATION_MIN: Final = Range(30, 720)  # pumps let a person choose 2 to 8 hours; our own margin around that
_DELAY_MIN: Final = Range(0, 60)
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
    """Say what part of a dose remains after an age.

    Use the constructors by name: `exponential`, `walsh`, `bilinear`, `linear`.

    Args:
        kind: the family.
        duration_min: duration of action without the delay, 30 to 720 minutes.
        peak_min: minutes to the peak of action, for the exponential curve; less than half of the duration.
        delay_min: minutes before anything acts, 0 to 60.

    Raises:
        QuantityError: an argument is no int, or a curve has a peak that knows none, or none that needs one.
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
        """Refuse what is no curve."""
        if type(self.kind) is not CurveKind:
            raise QuantityError("kind", self.kind, "is no kind of curve")
        _DURATION_MIN.check(self.duration_min, name="duration_min", unit="min")
        _DELAY_MIN.check(self.delay_min, name="delay_min", unit="min")
        if self.kind is not CurveKind.EXPONENTIAL:
            if self.peak_min is not None:
                raise QuantityError("peak_min", self.peak_min, f"is not for a {self.kind.name.lower()} curve")
            return
        # At half of the duration and above, the time constant of the formula is infinite or negative.
        Range(1, (self.duration_min - 1) // 2).check(self.peak_min or 0, name="peak_min", unit="min")

    @classmethod
    def exponential(cls, duration_min: int, peak_min: int, *, delay_min: int = 0) -> Curve:
        """Make the exponential curve of Loop, OpenAPS and AndroidAPS."""
        return cls(CurveKind.EXPONENTIAL, duration_min, peak_min, delay_min)

    @classmethod
    def walsh(cls, duration_min: int, *, delay_min: int = 0) -> Curve:
        """Make the polynomial fit of Walsh's curves, for 3, 4, 5 and 6 hours or scaled from the nearest of these."""
        return cls(CurveKind.WALSH, duration_min, None, delay_min)

    @classmethod
    def bilinear(cls, duration_min: int, *, delay_min: int = 0) -> Curve:
        """Make the curve of OpenAPS whose action rises to a peak and falls from it along straight lines."""
        return cls(CurveKind.BILINEAR, duration_min, None, delay_min)

    @classmethod
    def linear(cls, duration_min: int, *, delay_min: int = 0) -> Curve:
        """Make the curve that goes down at one pace."""
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
            QuantityError: `age_us` is no int.

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
            QuantityError: `age_us` is no int.
            LimitError: `age_us` is negative.

        Example:
            >>> [Curve.linear(240).remaining_ppb(minutes * 60_000_000) for minutes in (0, 119, 120, 240)]
            [1000000000, 504166667, 500000000, 0]
        """
        if exact_int(age_us, field="age_us") < 0:
            raise LimitError("age_us", age_us, 0, "us")
        upper = _upper(self)
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
def _upper(curve: Curve) -> tuple[int, ...]:
    """Return the least table that is never below the curve and never rises, in parts per billion by minute."""
    exact = [curve.remaining(minute * US_PER_MINUTE) for minute in range(curve.minutes + 1)]
    rounded = [_ppb(part, -_SLACK, ROUND_CEILING) for part in exact]
    # The largest of what is still to come: so a fit that rises has no effect, and no minute is below its own value.
    return tuple(accumulate(reversed(rounded), max))[::-1]


@lru_cache(maxsize=16)
def _lower(curve: Curve) -> tuple[int, ...]:
    """Return the greatest table that is never above the curve and never rises, in parts per billion by minute."""
    exact = [curve.remaining(minute * US_PER_MINUTE) for minute in range(curve.minutes + 1)]
    return tuple(accumulate((_ppb(part, _SLACK, ROUND_FLOOR) for part in exact), min))


def _ppb(part: Decimal, slack: Decimal, rounding: str) -> int:
    """Round a part to parts per billion, within none and all; what is exact but for `slack` counts as exact."""
    with localcontext(_CONTEXT):
        return min(max(int(((part + slack) * PPB).to_integral_value(rounding)), 0), PPB)


@unique
class Part(IntEnum):
    """What insulin was for; the values are written into snapshots."""

    MEAL = 0x33
    """A bolus for a meal (reason of the Insulin Delivery Service: meal)."""
    CORRECTION = 0x3C
    """A bolus for a correction, and every bolus of which nobody said what it was for."""
    BASAL = 0x55
    """Basal insulin, and with a minus what the profile would have delivered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OnBoard:
    """Insulin on board at an instant, in micro-units.

    Attributes:
        meal_uu: what is left of insulin for meals, at least 0, rounded up.
        correction_uu: what is left of insulin for corrections, at least 0, rounded up.
        basal_uu: what is left of basal insulin beyond the profile; negative where there was less; rounded up.

    Example:
        >>> OnBoard(meal_uu=1_500_000, correction_uu=0, basal_uu=-700_000).counted_uu
        1500000
    """

    meal_uu: int
    correction_uu: int
    basal_uu: int

    @property
    def bolus_uu(self) -> int:
        """What is left of boluses alone, at least 0: what most pumps show as active insulin."""
        return self.meal_uu + self.correction_uu

    @property
    def net_uu(self) -> int:
        """What is left of all insulin, against the profile; negative where more basal was missed than bolus is left."""
        return self.bolus_uu + self.basal_uu

    @property
    def counted_uu(self) -> int:
        """What a bolus calculator shall count: the larger of bolus and net, so at least 0.

        A temp basal above the profile counts, as every insulin that can still lower glucose. Basal that was missed does
        not: no maker's policy suggests more insulin for it, and the person may have had a reason.
        """
        return max(self.bolus_uu, self.net_uu)


_ROW: Final = {Part.MEAL: 0, Part.CORRECTION: 1, Part.BASAL: 2}
_VERSION: Final = 1
_HEAD: Final = 6  # integers in a snapshot before the bins
_BIN: Final = 4  # integers of one bin: minute, meal, correction, basal


class Iob:
    """Keep insulin on board, in a fixed number of bins.

    A bin holds one minute. Insulin in it counts as if delivered at the minute's last microsecond, and basal that the
    profile would have delivered as if at its first, so that nothing is counted as older than it is where that would say
    less than there is.

    Work and room: a bin for each minute of the curve, fixed; `add` and `settle` touch one bin (and clear, once each,
    the bins that time has passed); `at` goes through all bins.

    Args:
        curve: what part remains after an age.

    Example:
        >>> iob = Iob(Curve.linear(240))
        >>> for second in range(0, 40, 2):
        ...     iob.add(second * 1_000_000, 50_000, Part.MEAL)
        >>> iob.at(120 * 60_000_000).bolus_uu
        504167
        >>> iob.settle(38_000_000, 50_000, Part.MEAL)  # the last step turned out not to have been delivered
        >>> iob.at(120 * 60_000_000).bolus_uu
        478959
    """

    __slots__ = ("_bins", "_count", "_curve", "_last_us")

    def __init__(self, curve: Curve) -> None:
        """Begin with nothing on board."""
        self._curve = curve
        # Two more than the curve has minutes: the minute that has begun, and the one whose age is rounded down.
        self._count = curve.minutes + 2
        self._bins: list[list[int]] = [[0, 0, 0] for _ in range(self._count)]
        self._last_us = 0

    @property
    def curve(self) -> Curve:
        """What part remains after an age."""
        return self._curve

    def add(self, at_us: int, amount_uu: int, part: Part) -> None:
        """Book insulin that was delivered, for certain or not.

        Insulin that comes in late (an older `at_us`) finds its bin; what is older than the curve has no effect left.

        Args:
            at_us: when it was delivered, monotonic.
            amount_uu: at least 1; for `Part.BASAL` negative for what the profile would have delivered.
            part: what it was for.

        Rounding:
            None.

        Raises:
            QuantityError: an argument is no int or no `Part`. Nothing is changed.
            LimitError: the time is outside the kernel's range, the amount 0, above what one bolus may have at all, or
                negative without being basal. Nothing is changed.
        """
        row = self._checked(at_us, amount_uu, part)
        self._forward(at_us)
        if (found := self._bin(at_us)) is not None:
            found[row] += amount_uu

    def settle(self, at_us: int, amount_uu: int, part: Part) -> None:
        """Take out insulin that was booked as uncertain and turned out not to have been delivered.

        The counterpart of `add` with the same arguments, exact: after both, on board is what it was without both. What
        turned out to have been delivered needs no call.

        Args:
            at_us: when it was booked for.
            amount_uu: as it was booked.
            part: as it was booked.

        Rounding:
            None.

        Raises:
            QuantityError: an argument is no int or no `Part`. Nothing is changed.
            LimitError: as `add`; or `at_us` is later than all that was booked, or more is taken out of a bolus's bin
                than is in it. Nothing is changed.
        """
        row = self._checked(at_us, amount_uu, part)
        if at_us > self._last_us:
            raise LimitError("settle.at_us", at_us, self._last_us, "us")
        found = self._bin(at_us)
        if found is None:
            return
        if part is not Part.BASAL and amount_uu > found[row]:
            raise LimitError("settle.amount_uu", amount_uu, found[row], "uu")
        found[row] -= amount_uu

    def at(self, now_us: int) -> OnBoard:
        """Say what is on board.

        Args:
            now_us: monotonic, not before the latest insulin that was booked.

        Returns:
            What is left, by part.

        Rounding:
            Up: each minute's insulin is taken as young as it can be, its remaining part up, each sum up to a whole
            micro-unit. Where basal is negative in a minute, that minute is taken as old as it can be and its part down.

        Raises:
            QuantityError: `now_us` is no int. Nothing is changed.
            LimitError: `now_us` is outside the kernel's range. Nothing is changed.
            TimeError: `now_us` is before the latest insulin that was booked. Nothing is changed.
        """
        check("time_us", now_us, field="now_us")
        if now_us < self._last_us:
            raise TimeError("now_us", now_us, self._last_us)
        upper, lower = _upper(self._curve), _lower(self._curve)
        end = len(upper) - 1
        sums = [0, 0, 0]
        for minute, amounts in self._filled():
            begin_us = minute * US_PER_MINUTE
            youngest = min(max(now_us - begin_us - US_PER_MINUTE + 1, 0) // US_PER_MINUTE, end)
            oldest = min((now_us - begin_us) // US_PER_MINUTE + 1, end)
            for row, amount in enumerate(amounts):
                sums[row] += amount * (upper[youngest] if amount > 0 else lower[oldest])
        meal_uu, correction_uu, basal_uu = (-(-total // PPB) for total in sums)
        return OnBoard(meal_uu=meal_uu, correction_uu=correction_uu, basal_uu=basal_uu)

    def snapshot(self) -> tuple[int, ...]:
        """Return all there is to know as integers; the same bookings, in whatever order, give the same.

        Returns:
            Version, kind, duration, peak (0 for none), delay, time of the latest booking; then for each minute with
            insulin: minute, meal, correction, basal, oldest first.
        """
        curve = self._curve
        head = (_VERSION, int(curve.kind), curve.duration_min, curve.peak_min or 0, curve.delay_min, self._last_us)
        return head + tuple(number for minute, amounts in self._filled() for number in (minute, *amounts))

    @classmethod
    def restore(cls, snapshot: tuple[int, ...]) -> Iob:
        """Make it again from its snapshot.

        Args:
            snapshot: from `snapshot`.

        Raises:
            JournalError: it is damaged or of another version.

        Example:
            >>> iob = Iob(Curve.walsh(240))
            >>> iob.add(5_000_000, 2_000_000, Part.CORRECTION)
            >>> Iob.restore(iob.snapshot()).snapshot() == iob.snapshot()
            True
        """
        if len(snapshot) < _HEAD or (len(snapshot) - _HEAD) % _BIN or snapshot[0] != _VERSION:
            raise JournalError("insulin on board: the snapshot is of another version or cut off")
        if any(type(number) is not int for number in snapshot):
            raise JournalError("insulin on board: the snapshot holds what is no integer")
        _, kind, duration_min, peak_min, delay_min, last_us = snapshot[:_HEAD]
        try:
            made = cls(Curve(CurveKind(kind), duration_min, peak_min or None, delay_min))
            made._last_us = check("time_us", last_us)
            for index in range(_HEAD, len(snapshot), _BIN):
                made._put(*snapshot[index : index + _BIN])
        except (RequestError, ValueError) as error:
            raise JournalError(f"insulin on board: {error}") from error
        if made.snapshot() != snapshot:
            raise JournalError("insulin on board: the snapshot is not in its own order")
        return made

    def _put(self, minute: int, meal_uu: int, correction_uu: int, basal_uu: int) -> None:
        """Fill one bin from a snapshot; what is out of order shows when the snapshot is taken again."""
        found = self._bin(minute * US_PER_MINUTE) if minute >= 0 else None
        if found is None or min(meal_uu, correction_uu) < 0:
            raise QuantityError("bin", (minute, meal_uu, correction_uu, basal_uu), "is none of this time")
        found[:] = meal_uu, correction_uu, basal_uu

    def _checked(self, at_us: int, amount_uu: int, part: Part) -> int:
        """Return the row of a part, when all three arguments are right."""
        check("time_us", at_us, field="at_us")
        if type(part) is not Part:
            raise QuantityError("part", part, "is no part of insulin on board")
        size = -amount_uu if exact_int(amount_uu, field="amount_uu") < 0 and part is Part.BASAL else amount_uu
        if size < 1:
            raise LimitError("amount_uu", amount_uu, 1, "uu")
        check("max_bolus_uu", size, field="amount_uu")
        return _ROW[part]

    def _forward(self, at_us: int) -> None:
        """Clear the bins that begin to hold a later minute."""
        if at_us <= self._last_us:
            return
        last, now = self._last_us // US_PER_MINUTE, at_us // US_PER_MINUTE
        for minute in range(max(last + 1, now - self._count + 1), now + 1):
            self._bins[minute % self._count][:] = (0, 0, 0)
        self._last_us = at_us

    def _bin(self, at_us: int) -> list[int] | None:
        """Return the bin of a time, None where that is past the curve or still to come."""
        minute, last = at_us // US_PER_MINUTE, self._last_us // US_PER_MINUTE
        return self._bins[minute % self._count] if last - self._count < minute <= last else None

    def _filled(self) -> list[tuple[int, list[int]]]:
        """Return the minutes with insulin, oldest first."""
        last = self._last_us // US_PER_MINUTE
        minutes = range(max(0, last - self._count + 1), last + 1)
        return [(minute, amounts) for minute in minutes if any(amounts := self._bins[minute % self._count])]
