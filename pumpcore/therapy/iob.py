"""Insulin on board: how much of what was delivered has not acted yet.

The rules of this file: no float, and every rounding goes to the side on which a person gets less insulin.

- A `Curve` (`curves`) says what part of a dose remains after an age.
- `Iob` keeps what was delivered in one bin for each minute, and in three rows: insulin for a
  meal, insulin for a correction, and basal. Uncertain steps go in like delivered ones; `settle` takes them out again.
- Basal counts against the profile: each delivered step of basal insulin goes in positive, and each step that the
  profile by itself would have delivered goes in negative; in one minute the two cancel. A pump that runs its profile
  has no basal on board, a higher temp basal has some, and a zero temp basal or a suspension has less than none. So net
  insulin on board can be negative, down to the whole of the profile's insulin of one duration; insulin of boluses never
  is. `OnBoard.counted_uu` is what a bolus calculator and the limit for insulin on board use: never less than what
  is left of boluses, so that basal that was missed is never a reason to suggest more.
"""

from __future__ import annotations

from enum import IntEnum, unique
from itertools import chain
from typing import TYPE_CHECKING, Final, TypeAlias

from pumpcore.bounds import within
from pumpcore.errors import JournalError, QuantityError, RequestError, TimeError
from pumpcore.frozen import dataclass
from pumpcore.limits import HARD_LIMITS, check
from pumpcore.therapy.curves import MINUTES_LARGEST, PPB, Curve, CurveKind, lower_ppb, upper_ppb
from pumpcore.units import US_PER_HOUR, US_PER_MINUTE

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["PPB", "Curve", "CurveKind", "InsulinPart", "Iob", "OnBoard"]

_AMOUNT_UU_LARGEST: Final = HARD_LIMITS["max_bolus_uu"].largest


@unique
class InsulinPart(IntEnum):
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
        """What a bolus calculator counts: the larger of bolus and net, so at least 0.

        A temp basal above the profile counts, as every insulin that can still lower glucose. Basal that was missed does
        not: no maker's policy suggests more insulin for it, and the person may have had a reason.
        """
        return max(self.bolus_uu, self.net_uu)


_BASAL_ROW: Final = 2
_ROW: Final = {InsulinPart.MEAL: 0, InsulinPart.CORRECTION: 1, InsulinPart.BASAL: _BASAL_ROW}
_VERSION: Final = 2
_HEAD: Final = 6  # integers in a snapshot before the bins
_BIN: Final = 4  # integers of one bin: minute, meal, correction, basal
_HOUR: Final = 60  # minutes
_Amounts: TypeAlias = tuple[int, int, int]
_NOTHING: Final = (0, 0, 0)
_MINUTES_KEPT: Final = MINUTES_LARGEST + 2
"""Of the longest curve, with the minute that has begun and the one whose age is rounded down."""


class Iob:
    """Insulin on board, in a fixed number of bins.

    A bin holds one minute. Insulin in it counts as if delivered at the minute's last microsecond, and basal that the
    profile would have delivered as if at its first, so that nothing is counted as older than it is where that would say
    less than there is.

    Work and room: a bin for each minute of the longest curve there is, whatever the curve now, so that another curve
    finds all that it counts; `add` and `settle` touch one bin (and drop, once each, the bins that time has passed);
    `at` goes through all bins, `copy` copies them.

    Args:
        curve: what part remains after an age.

    Example:
        >>> iob = Iob(Curve.linear(240))
        >>> for second in range(0, 40, 2):
        ...     iob.add(second * 1_000_000, 50_000, InsulinPart.MEAL)
        >>> iob.at(120 * 60_000_000).bolus_uu
        504167
        >>> iob.settle(38_000_000, 50_000, InsulinPart.MEAL)  # the last step turned out not to have been delivered
        >>> iob.at(120 * 60_000_000).bolus_uu
        478959
    """

    __slots__ = ("_curve", "_hours", "_last_us", "_own")

    def __init__(self, curve: Curve) -> None:
        """Begin with nothing on board."""
        self._curve = curve
        # Minutes with insulin, by hour, each with its amounts by part. Hours that are not its own are shared with the
        # original, and copied before they are changed.
        self._hours: dict[int, dict[int, _Amounts]] = {}
        self._own: set[int] = set()
        self._last_us = 0

    @property
    def curve(self) -> Curve:
        """What part remains after an age."""
        return self._curve

    def copy(self) -> Iob:
        """Return another with the same bookings; what is booked in one is not seen in the other."""
        return self.with_curve(self._curve)

    def with_curve(self, curve: Curve) -> Iob:
        """Return another with the same bookings and another curve.

        Example:
            >>> iob = Iob(Curve.linear(60))
            >>> iob.add(0, 1_000_000, InsulinPart.MEAL)
            >>> iob.at(7_200_000_000).bolus_uu, iob.with_curve(Curve.linear(240)).at(7_200_000_000).bolus_uu
            (0, 504167)
        """
        other = object.__new__(Iob)
        other._curve, other._hours, other._last_us = curve, self._hours.copy(), self._last_us
        # From now on neither may change an hour that both know.
        self._own, other._own = set(), set()
        return other

    def add(self, at_us: int, amount_uu: int, part: InsulinPart) -> None:
        """Book insulin that was delivered, for certain or not.

        Insulin that comes in late (an older `at_us`) finds its bin; what is older than any curve has no effect left.

        Args:
            at_us: when it was delivered, monotonic.
            amount_uu: at least 1; for `InsulinPart.BASAL` negative for what the profile would have delivered.
            part: what it was for.

        Rounding:
            None.

        Raises:
            QuantityError: an argument is not an integer or not an `InsulinPart`. Nothing is changed.
            LimitError: the time is outside the kernel's range, the amount 0, above what one bolus may have at all, or
                negative without being basal. Nothing is changed.
        """
        row = self._checked(at_us, amount_uu, part)
        if at_us > self._last_us:
            self._forward(at_us)
        minute = at_us // US_PER_MINUTE
        if self._last_us // US_PER_MINUTE - minute < _MINUTES_KEPT:
            self._put(minute, row, amount_uu)

    def settle(self, at_us: int, amount_uu: int, part: InsulinPart) -> None:
        """Remove insulin that was booked as uncertain and turned out not to have been delivered.

        The counterpart of `add` with the same arguments, exact: after both, on board is what it was without both. What
        turned out to have been delivered needs no call.

        Args:
            at_us: when it was booked for.
            amount_uu: as it was booked.
            part: as it was booked.

        Rounding:
            None.

        Raises:
            QuantityError: an argument is not an integer or not an `InsulinPart`. Nothing is changed.
            LimitError: as `add`; or `at_us` is later than all that was booked, or more is taken out of a bolus's bin
                than is in it. Nothing is changed.
        """
        row = self._checked(at_us, amount_uu, part)
        within(at_us, 0, self._last_us, name="settle.at_us", unit="us")
        minute = at_us // US_PER_MINUTE
        if not self._keeps(minute):
            return
        there_uu = self._hours.get(minute // _HOUR, {}).get(minute, _NOTHING)[row]
        if part is not InsulinPart.BASAL:
            within(amount_uu, 1, there_uu, name="settle.amount_uu", unit="uu")
        self._put(minute, row, -amount_uu)

    def at(self, now_us: int) -> OnBoard:
        """Return what is on board.

        Args:
            now_us: monotonic, not before the latest insulin that was booked.

        Returns:
            What is left, by part.

        Rounding:
            Up: each minute's insulin is taken as young as it can be, its remaining part up, each sum up to a whole
            micro-unit. Where basal is negative in a minute, that minute is taken as old as it can be and its part down.

        Raises:
            QuantityError: `now_us` is not an integer. Nothing is changed.
            LimitError: `now_us` is outside the kernel's range. Nothing is changed.
            TimeError: `now_us` is before the latest insulin that was booked. Nothing is changed.
        """
        check("time_us", now_us, field="now_us")
        if now_us < self._last_us:
            raise TimeError("now_us", now_us, self._last_us)
        upper, lower = upper_ppb(self._curve), lower_ppb(self._curve)
        end = len(upper) - 1
        oldest_minute = now_us // US_PER_MINUTE - end - 1
        meal = correction = basal = 0
        for minute, (meal_uu, correction_uu, basal_uu) in self._filled():
            if minute < oldest_minute:
                continue
            begin_us = minute * US_PER_MINUTE
            part = upper[min(max(now_us - begin_us - US_PER_MINUTE + 1, 0) // US_PER_MINUTE, end)]
            meal += meal_uu * part
            correction += correction_uu * part
            if basal_uu < 0:
                part = lower[min((now_us - begin_us) // US_PER_MINUTE + 1, end)]
            basal += basal_uu * part
        return OnBoard(meal_uu=-(-meal // PPB), correction_uu=-(-correction // PPB), basal_uu=-(-basal // PPB))

    def snapshot(self) -> tuple[int, ...]:
        """Return all there is to know as integers; the same bookings, in whatever order, give the same.

        Returns:
            Version, kind, duration, peak (0 for none), delay, time of the latest booking; then for each minute with
            insulin: minute, meal, correction, basal, oldest first.
        """
        curve = self._curve
        head = (_VERSION, int(curve.kind), curve.duration_min, curve.peak_min or 0, curve.delay_min, self._last_us)
        kept = sorted(item for item in self._filled() if self._keeps(item[0]))
        return head + tuple(number for minute, amounts in kept for number in (minute, *amounts))

    @classmethod
    def restore(cls, snapshot: tuple[int, ...]) -> Iob:
        """Make it again from its snapshot.

        Args:
            snapshot: from `snapshot`.

        Raises:
            JournalError: it is damaged or of another version.

        Example:
            >>> iob = Iob(Curve.walsh(240))
            >>> iob.add(5_000_000, 2_000_000, InsulinPart.CORRECTION)
            >>> Iob.restore(iob.snapshot()).snapshot() == iob.snapshot()
            True
        """
        if len(snapshot) < _HEAD or (len(snapshot) - _HEAD) % _BIN or snapshot[0] != _VERSION:
            raise JournalError("insulin on board: the snapshot is of another version or cut off")
        if any(type(number) is not int for number in snapshot):
            raise JournalError("insulin on board: the snapshot holds something other than integers")
        _, kind, duration_min, peak_min, delay_min, last_us = snapshot[:_HEAD]
        try:
            made = cls(Curve(CurveKind(kind), duration_min, peak_min or None, delay_min))
            made._last_us = check("time_us", last_us)
        except (RequestError, ValueError) as error:
            raise JournalError(f"insulin on board: {error}") from error
        for index in range(_HEAD, len(snapshot), _BIN):
            minute, meal_uu, correction_uu, basal_uu = snapshot[index : index + _BIN]
            if min(meal_uu, correction_uu) < 0 or not made._keeps(minute):
                raise JournalError(f"insulin on board: the bin of minute {minute} cannot be of this time")
            if (meal_uu, correction_uu, basal_uu) != _NOTHING:
                made._hours.setdefault(minute // _HOUR, {})[minute] = (meal_uu, correction_uu, basal_uu)
        if made.snapshot() != snapshot:
            raise JournalError("insulin on board: the snapshot is not in its own order")
        return made

    def _put(self, minute: int, row: int, amount_uu: int) -> None:
        """Add to one amount of one bin; an empty bin is dropped."""
        hour = minute // _HOUR
        bins = self._hours.get(hour)
        if bins is None:
            bins = self._hours[hour] = {}
            self._own.add(hour)
        elif hour not in self._own:
            bins = self._hours[hour] = bins.copy()
            self._own.add(hour)
        meal_uu, correction_uu, basal_uu = bins.get(minute, _NOTHING)
        if row == _BASAL_ROW:
            basal_uu += amount_uu
        elif row:
            correction_uu += amount_uu
        else:
            meal_uu += amount_uu
        if meal_uu or correction_uu or basal_uu:
            bins[minute] = (meal_uu, correction_uu, basal_uu)
        else:
            bins.pop(minute, None)

    def _filled(self) -> Iterator[tuple[int, _Amounts]]:
        """Return the minutes with insulin; those that are too old may still be among them."""
        return chain.from_iterable(bins.items() for bins in self._hours.values())

    def _checked(self, at_us: int, amount_uu: int, part: InsulinPart) -> int:
        """Return the row of a part, when all three arguments are right."""
        check("time_us", at_us, field="at_us")
        if type(part) is not InsulinPart:
            raise QuantityError("part", part, "must be an InsulinPart")
        size = amount_uu
        if part is InsulinPart.BASAL and type(amount_uu) is int and amount_uu < 0:
            size = -amount_uu
        within(size, 1, _AMOUNT_UU_LARGEST, name="amount_uu", unit="uu")
        return _ROW[part]

    def _forward(self, at_us: int) -> None:
        """Drop the hours that time has passed."""
        hour = at_us // US_PER_HOUR
        if hour != self._last_us // US_PER_HOUR:
            oldest = hour - _MINUTES_KEPT // _HOUR - 1
            for passed in [each for each in self._hours if each < oldest]:
                del self._hours[passed]
        self._last_us = at_us

    def _keeps(self, minute: int) -> bool:
        """Return whether a minute is neither past the longest curve nor still to come."""
        last = self._last_us // US_PER_MINUTE
        return last - _MINUTES_KEPT < minute <= last and minute >= 0
