"""The kernel's own algorithm in Numba: the walking form, one addition and one comparison a step, compiled for this CPU.

The rule of this file: the functions are plain Python that Numba compiles; `_compiled` does so, where it is installed.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from pumpcore.bench.rivals.python import RANKS
from pumpcore.units import US_PER_HOUR

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from pumpcore.bench.days import PlanDict

    Column = NDArray[np.int64]
    Answer = tuple[NDArray[np.uint64], NDArray[np.uint8]]

__all__ = ["NumbaDays"]

_NEVER_US: Final = 2**62


def _count(basal: Column, trains: Column, worth: int, to_us: int) -> int:
    """Count the steps of a day: they say how much memory to ask for."""
    earned = 0
    for row in range(len(basal)):
        end_us = basal[row + 1, 0] if row + 1 < len(basal) else to_us
        earned += (end_us - basal[row, 0]) * basal[row, 1]
    return int(earned // worth + trains[:, 2].sum())


def _walk(  # noqa: C901, PLR0913, PLR0917 - one loop for the compiler, which knows no classes
    basal: Column, trains: Column, worth: int, to_us: int, at_us: NDArray[np.uint64], channel: NDArray[np.uint8]
) -> int:
    """Write the pulses of a day: from one step to the next, the earliest of the channels each time."""
    lanes = len(trains) + 1
    due, over, left = np.zeros(lanes, np.int64), np.zeros(lanes, np.int64), np.zeros(lanes, np.int64)
    whole, part, den = np.zeros(lanes, np.int64), np.zeros(lanes, np.int64), np.zeros(lanes, np.int64)
    due[0] = _NEVER_US
    for lane in range(1, lanes):
        start_us, duration_us, steps = trains[lane - 1, 0], trains[lane - 1, 1], trains[lane - 1, 2]
        whole[lane], part[lane], den[lane] = duration_us // steps, duration_us % steps, steps
        first_us = (duration_us + steps - 1) // steps
        due[lane], over[lane], left[lane] = start_us + first_us, first_us * steps - duration_us, steps
    used, edge, carried, since_us, rate = 0, 0, 0, 0, 0
    while True:
        best, best_us = 0, due[0]
        for lane in range(1, lanes):
            if due[lane] < best_us:
                best, best_us = lane, due[lane]
        edge_us = basal[edge, 0] if edge < len(basal) else _NEVER_US
        if edge_us < best_us and edge_us <= to_us:
            carried = (carried + rate * (edge_us - since_us)) % worth
            since_us, rate, edge = edge_us, basal[edge, 1], edge + 1
            due[0] = _NEVER_US
            if rate > 0:
                span_us = (worth - carried + rate - 1) // rate
                due[0], over[0] = edge_us + span_us, span_us * rate - (worth - carried)
                whole[0], part[0], den[0] = worth // rate, worth % rate, rate
            continue
        if best_us > to_us:
            return used
        at_us[used] = best_us
        channel[used] = 0 if best == 0 else trains[best - 1, 3]
        used += 1
        over[best] -= part[best]
        due[best] += whole[best]
        if over[best] < 0:
            over[best] += den[best]
            due[best] += 1
        if best > 0:
            left[best] -= 1
            if left[best] == 0:
                due[best] = _NEVER_US


class NumbaDays:
    """Days, prepared for the compiled walk.

    Args:
        days: plans of one step and one window from 0, whose trains all end in it; without gap, grid or cancel.

    Raises:
        ImportError: Numba is not installed.
    """

    _made: Callable[..., Answer] | None = None

    def __init__(self, days: Sequence[PlanDict]) -> None:
        """Put the days into arrays, and compile the walk the first time."""
        self.basal = np.array([pair for day in days for pair in day["basal"]], dtype=np.int64).reshape(-1, 2)
        rows = [_rows(day) for day in days]
        self.trains = np.array([row for of_day in rows for row in of_day], dtype=np.int64).reshape(-1, 4)
        ends = [(len(day["basal"]), len(of_day)) for day, of_day in zip(days, rows, strict=True)]
        self.ends = np.cumsum(np.array([(0, 0), *ends], dtype=np.int64), axis=0)
        self.worth, self.to_us = days[0]["actuator"]["step_uu"] * US_PER_HOUR, days[0]["to_us"]
        if NumbaDays._made is None:
            NumbaDays._made = _compiled()
        self.walk = NumbaDays._made

    def answer(self) -> Answer:
        """Answer the days.

        Returns:
            A column of instants (us) and one of ranks, one day after the other.
        """
        return self.walk(self.basal, self.trains, self.ends, self.worth, self.to_us)


def _rows(day: PlanDict) -> list[tuple[int, int, int, int]]:
    step_uu = day["actuator"]["step_uu"]
    ordered = sorted(day["trains"], key=lambda one: (RANKS[one["channel"]], one["start_us"]))
    return [
        (one["start_us"], one["duration_us"], one["amount_uu"] // step_uu, RANKS[one["channel"]]) for one in ordered
    ]


def _compiled() -> Callable[..., Answer]:
    numba: Any = import_module("numba")
    count, walk = numba.njit(_count), numba.njit(_walk)

    def answer(basal: Column, trains: Column, ends: Column, worth: int, to_us: int) -> Answer:
        steps = 0
        for day in range(len(ends) - 1):
            rows = basal[ends[day, 0] : ends[day + 1, 0]]
            steps += count(rows, trains[ends[day, 1] : ends[day + 1, 1]], worth, to_us)
        at_us, channel = np.empty(steps, np.uint64), np.empty(steps, np.uint8)
        used = 0
        for day in range(len(ends) - 1):
            rows, trains_of = basal[ends[day, 0] : ends[day + 1, 0]], trains[ends[day, 1] : ends[day + 1, 1]]
            used += walk(rows, trains_of, worth, to_us, at_us[used:], channel[used:])
        return at_us[:used], channel[:used]

    made: Callable[..., Answer] = numba.njit(answer)
    return made
