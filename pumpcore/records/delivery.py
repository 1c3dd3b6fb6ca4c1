"""Delivers rates and boluses through the kernel, with this family of pumps' own habits about when a pulse is due.

The rules of this file (evidence for each in `docs/replay.md`):

- Basal: the pump keeps the pulses of a rate to its wall clock. In each hour they stand at the hour and at every n-th
  part of it, n being the steps of an hour at that rate. What falls into a stop is not delivered and not made up; a rate
  that starts within the hour takes up its own places. So a rate is a kernel plan that begins at a full hour before it,
  of which the pulses within the rate's span count, its start included and its end not.
- A normal bolus is a train from its start. A square one is spread over its duration in pulses of 0.05 U where the
  amount allows, each in the middle of its share of the time. A square pulse that is due during a normal bolus waits for
  its end, and the later ones follow it at the old distance. What was cut short just ends.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, Final, NamedTuple

from pumpcore._kernel import schedule
from pumpcore.units import US_PER_HOUR

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pumpcore._kernel import Schedule
    from pumpcore.records.clock import Day

__all__ = ["RecordedTrain", "basal_uu", "by_day", "normal", "square"]

# Pulses of a bolus; a finer one only where the amount is no whole number of those before it.
_STROKES_UU: Final = (50_000, 25_000, 5_000, 1_000)


class RecordedTrain(NamedTuple):
    """Pulse k of `pulses`, from 1 on, is due at `start_us` + k / `pulses` of `duration_us`."""

    start_us: int
    duration_us: int
    pulses: int
    pulse_uu: int


def basal_uu(start_us: int, end_us: int, rate_uu_per_h: int, step_uu: int) -> int:
    """Deliver a basal rate over a span of the wall clock within one day.

    Args:
        start_us: first instant of the span, wall clock.
        end_us: first instant after it.
        rate_uu_per_h: the rate.
        step_uu: one step of the pump.

    Returns:
        Micro-units.

    Rounding:
        Whole steps, each at its place in the hour.
    """
    # From a full hour before, so that the pulse at the span's own hour is there.
    origin_us = (start_us // US_PER_HOUR - 1) * US_PER_HOUR
    pulses = schedule(
        {
            "actuator": {"step_uu": step_uu, "gap_us": 0, "grid_us": 0},
            "from_us": 0,
            "to_us": end_us - origin_us,
            "basal": [[0, rate_uu_per_h]],
            "trains": [],
        }
    )
    return _steps(pulses, start_us - origin_us, end_us - origin_us) * step_uu


def normal(at_us: int, amount_uu: int, duration_us: int) -> RecordedTrain:
    """Spread a normal bolus evenly over the time that the pump takes for it."""
    pulse_uu = _pulse_uu(amount_uu)
    return RecordedTrain(at_us, max(duration_us, 1), amount_uu // pulse_uu, pulse_uu)


def square(
    at_us: int, amount_uu: int, programmed_uu: int, duration_us: int, busy: Iterable[tuple[int, int]]
) -> Iterator[RecordedTrain]:
    """Spread what a square bolus delivered.

    Args:
        at_us: its start.
        amount_uu: what it delivered.
        programmed_uu: what it was to deliver, at least that.
        duration_us: over how long.
        busy: when normal boluses ran, from and to, in order.

    Yields:
        Trains, one after the other.

    Rounding:
        Due times down to a microsecond.
    """
    pulse_uu = _pulse_uu(amount_uu)
    left, programmed = amount_uu // pulse_uu, max(programmed_uu // pulse_uu, 1)
    start_us = at_us - duration_us // (2 * programmed)
    for busy_us, free_us in busy:
        if busy_us <= at_us:
            continue
        before = (busy_us - start_us) * programmed // duration_us
        waits_us = start_us + (before + 1) * duration_us // programmed
        if before < left and waits_us < free_us:
            if before > 0:
                yield RecordedTrain(start_us, max(before * duration_us // programmed, 1), before, pulse_uu)
            left -= before
            start_us = free_us - duration_us // programmed
    yield RecordedTrain(start_us, max(left * duration_us // programmed, 1), left, pulse_uu)


def _pulse_uu(amount_uu: int) -> int:
    return next(pulse_uu for pulse_uu in _STROKES_UU if amount_uu % pulse_uu == 0)


def by_day(train: RecordedTrain, days: Sequence[Day]) -> Iterator[tuple[Day, int]]:
    """Deliver a train and say how much of it falls into each day.

    Args:
        train: what to deliver, elapsed time.
        days: in order; what falls outside them all is left out.

    Yields:
        Day and micro-units.
    """
    pulses = schedule(
        {
            "actuator": {"step_uu": train.pulse_uu, "gap_us": 0, "grid_us": 0},
            "from_us": 0,
            "to_us": train.duration_us,
            "basal": [],
            "trains": [
                {
                    "channel": "bolus",
                    "start_us": 0,
                    "duration_us": train.duration_us,
                    "amount_uu": train.pulses * train.pulse_uu,
                }
            ],
        }
    )
    first = max(bisect_right(days, train.start_us, key=lambda day: day.start_us) - 1, 0)
    for day in days[first:]:
        if day.start_us > train.start_us + train.duration_us:
            break
        yield day, _steps(pulses, day.start_us - train.start_us, day.end_us - train.start_us) * train.pulse_uu


def _steps(pulses: Schedule, start_us: int, end_us: int) -> int:
    first, end = bisect_left(pulses.at_us, start_us), bisect_left(pulses.at_us, end_us)
    return sum(pulses.steps[first:end])
