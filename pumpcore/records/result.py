"""What a replay says: each day, and how well they agree with the pump's own totals.

The rule of this file: data and its decimal text, no reckoning about insulin. Times of day are those of the pump's wall
clock, in microseconds from midnight.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from pumpcore.frozen import dataclass, field
from pumpcore.units import format_u

if TYPE_CHECKING:
    from datetime import date

    from pumpcore.records.timeline import RecordedMode
    from pumpcore.records.wizard import Comparison

__all__ = ["BolusMark", "DayResult", "GlucoseMark", "ModeSpan", "RateSpan", "Replay", "Summary"]

_WITHIN_UU: Final = 50_000


class ModeSpan(NamedTuple):
    """A span of one day in one mode; times of day on the wall clock, microseconds."""

    start_us: int
    end_us: int
    mode: RecordedMode


class RateSpan(NamedTuple):
    """A span of one day in which basal was delivered at one rate; times of day on the wall clock, microseconds."""

    start_us: int
    end_us: int
    rate_uu_per_h: int


class BolusMark(NamedTuple):
    """What was delivered of a bolus, on the day on which it began; times in microseconds; duration 0: a normal one."""

    start_us: int
    duration_us: int
    amount_uu: int


class GlucoseMark(NamedTuple):
    """A glucose value; time of day on the wall clock, microseconds."""

    at_us: int
    mg_per_dl: int
    sensor: bool


@dataclass(slots=True)
class DayResult:
    """One day.

    Attributes:
        date: of the pump's wall clock.
        basal_uu: basal insulin delivered by the replay.
        bolus_uu: bolus insulin delivered by the replay.
        recorded_uu: the pump's own total, None where it recorded none.
        interruptions: how many spans without delivery touch the day.
        flags: why the day cannot be compared, each in two or three words; empty for nearly all days.
        modes: from the first record of the day on, in order of time gone by.
        rates: in order of delivery.
        boluses: begun on this day, in order.
        glucose: in order.
    """

    date: date
    basal_uu: int = 0
    bolus_uu: int = 0
    recorded_uu: int | None = None
    interruptions: int = 0
    flags: list[str] = field(default_factory=list)
    modes: list[ModeSpan] = field(default_factory=list)
    rates: list[RateSpan] = field(default_factory=list)
    boluses: list[BolusMark] = field(default_factory=list)
    glucose: list[GlucoseMark] = field(default_factory=list)

    @property
    def total_uu(self) -> int:
        """Insulin delivered by the replay."""
        return self.basal_uu + self.bolus_uu

    @property
    def difference_uu(self) -> int | None:
        """Replay minus pump, None where the pump recorded none."""
        return None if self.recorded_uu is None else self.total_uu - self.recorded_uu

    def as_json(self) -> dict[str, object]:
        """Return the day as the command line prints it; amounts as decimal text."""
        return {
            "date": self.date.isoformat(),
            "basal_u": format_u(self.basal_uu),
            "bolus_u": format_u(self.bolus_uu),
            "total_u": format_u(self.total_uu),
            "recorded_u": None if self.recorded_uu is None else format_u(self.recorded_uu),
            "difference_u": None if self.difference_uu is None else format_u(self.difference_uu),
            "interruptions": self.interruptions,
            "flags": list(self.flags),
        }


class Summary(NamedTuple):
    """How well replay and pump agree.

    Attributes:
        days: all days.
        flagged: days with a flag.
        compared: days without a flag for which the pump recorded a total; the rest counts these.
        exact: difference 0.
        within_0_05: difference at most 0.05 U.
        within_0_10: difference at most 0.10 U.
        median_uu: median of the absolute differences; of an even number of days the mean of the two in the middle,
            rounded down; None without a day.
        largest_uu: largest absolute difference; None without a day.
    """

    days: int
    flagged: int
    compared: int
    exact: int
    within_0_05: int
    within_0_10: int
    median_uu: int | None
    largest_uu: int | None

    def as_json(self) -> dict[str, object]:
        """Return the summary as the command line prints it; amounts as decimal text."""
        return {
            "days": self.days,
            "flagged": self.flagged,
            "compared": self.compared,
            "exact": self.exact,
            "within_0.05_u": self.within_0_05,
            "within_0.10_u": self.within_0_10,
            "median_difference_u": None if self.median_uu is None else format_u(self.median_uu),
            "largest_difference_u": None if self.largest_uu is None else format_u(self.largest_uu),
        }


@dataclass(frozen=True, slots=True)
class Replay:
    """The replay of an export.

    Attributes:
        device: the pump in the words of the export; of several pumps all, in order, joined by a comma.
        days: in order of date.
        advice: how the pump's own bolus suggestions compare with ours.
    """

    device: str
    days: tuple[DayResult, ...]
    advice: Comparison

    @property
    def summary(self) -> Summary:
        """How well replay and pump agree."""
        differences = sorted(
            abs(day.difference_uu) for day in self.days if not day.flags and day.difference_uu is not None
        )
        count = len(differences)
        middle = differences[(count - 1) // 2 : count // 2 + 1]
        return Summary(
            days=len(self.days),
            flagged=sum(bool(day.flags) for day in self.days),
            compared=count,
            exact=sum(difference == 0 for difference in differences),
            within_0_05=sum(difference <= _WITHIN_UU for difference in differences),
            within_0_10=sum(difference <= 2 * _WITHIN_UU for difference in differences),
            median_uu=sum(middle) // len(middle) if middle else None,
            largest_uu=max(differences, default=None),
        )

    def as_json(self) -> dict[str, object]:
        """Return the whole replay as the command line prints it."""
        return {
            "device": self.device,
            "days": [day.as_json() for day in self.days],
            "summary": self.summary.as_json(),
            "advice": self.advice.as_json(),
        }
