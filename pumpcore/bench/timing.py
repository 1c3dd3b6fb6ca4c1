"""Times what it is given, in turns, so that what else a machine does falls on all alike.

The rule of this file: it alone reads a clock. Times are whole picoseconds of one call; what is timed was called before,
and the collector of garbage rests meanwhile.
"""

from __future__ import annotations

import gc
from datetime import UTC, datetime
from statistics import median_low
from time import perf_counter_ns
from typing import TYPE_CHECKING

from pumpcore.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Timed", "race", "today"]


@dataclass(frozen=True, slots=True)
class Timed:
    """How long one call took.

    Attributes:
        median_ps: the median of the rounds, picoseconds.
        least_ps: the shortest of the rounds, picoseconds.
        rounds: how many rounds there were.
        calls: how many calls a round has.
    """

    median_ps: int
    least_ps: int
    rounds: int
    calls: int


def race(calls: Sequence[Callable[[], object]], *, rounds: int, sample_us: int) -> list[Timed]:
    """Time calls against each other: each once in every round, as often as a sample needs.

    Args:
        calls: what to time.
        rounds: how many rounds, at least 1.
        sample_us: how long a sample lasts at least, microseconds.

    Returns:
        The times, in the order of the calls. Rounding: down.

    Example:
        >>> [timed] = race([lambda: None], rounds=3, sample_us=10)
        >>> timed.rounds, timed.least_ps <= timed.median_ps
        (3, True)
    """
    often = [_often(call, sample_us * 1_000) for call in calls]
    samples: list[list[int]] = [[] for _ in calls]
    collecting = gc.isenabled()
    gc.disable()
    try:
        for _ in range(rounds):
            for call, times, sample in zip(calls, often, samples, strict=True):
                sample.append(_elapsed_ns(call, times) * 1_000 // times)
    finally:
        if collecting:
            gc.enable()
    return [Timed(median_low(sample), min(sample), rounds, times) for sample, times in zip(samples, often, strict=True)]


def _often(call: Callable[[], object], sample_ns: int) -> int:
    """Return the number of calls per sample; the calls made to find it are the warm-up."""
    _elapsed_ns(call, 1)
    times = 1
    while (took_ns := _elapsed_ns(call, times)) < sample_ns:
        # At most ten times as many at once, because the first calls are slow.
        times = min(10 * times, 1 + times * sample_ns // max(took_ns, 1))
    return times


def _elapsed_ns(call: Callable[[], object], times: int) -> int:
    begin = perf_counter_ns()
    for _ in range(times):
        call()
    return perf_counter_ns() - begin


def today() -> str:
    """Return the date (UTC), to print beside the figures.

    Returns:
        The date as ISO 8601 has it.
    """
    return datetime.now(UTC).date().isoformat()
