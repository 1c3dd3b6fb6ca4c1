"""The delivery law by other means, to race against the kernel: pure Python, and NumPy.

The rule of this file: each rival is written as well as its means allow, exact to the microsecond, and the benchmark
checks that all give one answer before it times any. Plain release only: no gap, no grid, no cancel.

- Python: integers of any size, one due time after the other.
- NumPy: 64-bit integers, all due times of a segment in one expression, channels merged by a stable sort.
"""

from __future__ import annotations

from heapq import merge
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Column = NDArray[np.int64]

HOUR_US: Final = 3_600_000_000
RANKS: Final = {"basal": 0, "extended": 1, "bolus": 2}
NO_STEPS: Final = np.empty(0, dtype=np.int64)


class PythonBasal:
    """Basal in pure Python: the rate, and the remainder in micro-units per hour times microseconds."""

    def __init__(self, step_uu: int, at_us: int) -> None:
        """Start with nothing earned."""
        self.worth = step_uu * HOUR_US
        self.at_us = at_us
        self.rate_uu_per_h = 0
        self.carried = 0

    def advance(self, to_us: int) -> list[int]:
        """Due times up to and including `to_us`."""
        rate, worth, carried, at_us = self.rate_uu_per_h, self.worth, self.carried, self.at_us
        count, self.carried = divmod(carried + rate * (to_us - at_us), worth)
        self.at_us = to_us
        return [at_us - (carried - k * worth) // rate for k in range(1, count + 1)]


class PythonTrain:
    """A train in pure Python."""

    def __init__(self, steps: int, start_us: int, duration_us: int) -> None:
        """Start with no step delivered."""
        self.steps, self.start_us, self.duration_us = steps, start_us, duration_us
        self.done = 0

    def advance(self, to_us: int) -> list[int]:
        """Due times up to and including `to_us`."""
        into_us = min(max(to_us - self.start_us, 0), self.duration_us)
        begin, self.done = self.done, self.steps * into_us // self.duration_us
        return [self.start_us - -k * self.duration_us // self.steps for k in range(begin + 1, self.done + 1)]


class PythonEngine:
    """An engine in pure Python, driven as `pumpcore.Delivery` is."""

    def __init__(self, step_uu: int, at_us: int = 0) -> None:
        """Start at rate 0, without trains."""
        self.step_uu = step_uu
        self.basal = PythonBasal(step_uu, at_us)
        self.trains: list[tuple[int, int, PythonTrain]] = []

    def set_rate(self, rate_uu_per_h: int) -> None:
        """Earn basal at this rate from now on."""
        self.basal.rate_uu_per_h = rate_uu_per_h

    def start_train(self, channel: str, *, start_us: int, duration_us: int, amount_uu: int) -> None:
        """Start a train; they are kept in the order of the law's ties."""
        self.trains.append((RANKS[channel], start_us, PythonTrain(amount_uu // self.step_uu, start_us, duration_us)))
        self.trains.sort(key=itemgetter(0, 1))

    def advance(self, to_us: int) -> list[tuple[int, int]]:
        """Pulses up to and including `to_us`: (instant, rank of the channel)."""
        pulses = [(due_us, 0) for due_us in self.basal.advance(to_us)]
        for rank, _, train in self.trains:
            pulses += [(due_us, rank) for due_us in train.advance(to_us)]
        pulses.sort(key=itemgetter(0))  # stable: ties stay in the order of the lanes
        return pulses


def python_schedule(plan: dict[str, Any]) -> list[tuple[int, int]]:
    """Answer a plan: (instant, rank of the channel) of each pulse."""
    step_uu, to_us = plan["actuator"]["step_uu"], plan["to_us"]
    basal = PythonBasal(step_uu, plan["from_us"])
    dues: list[int] = []
    for start_us, rate_uu_per_h in plan["basal"]:
        dues += basal.advance(max(start_us, basal.at_us))
        basal.rate_uu_per_h = rate_uu_per_h
    dues += basal.advance(to_us)
    lanes = [[(due_us, 0) for due_us in dues]]
    for one in sorted(plan["trains"], key=lambda one: (RANKS[one["channel"]], one["start_us"])):
        train = PythonTrain(one["amount_uu"] // step_uu, one["start_us"], one["duration_us"])
        rank = RANKS[one["channel"]]
        lanes.append([(due_us, rank) for due_us in train.advance(to_us)])
    return list(merge(*lanes, key=itemgetter(0)))


class NumpyBasal(PythonBasal):
    """Basal in NumPy: all due times of a stretch at one rate in one expression.

    Exact in 64 bits as long as a stretch holds fewer than 2^63 / worth steps: 51 000 of 0.05 U.
    """

    def advance(self, to_us: int) -> Column:  # type: ignore[override] # a column where the other gives a list
        """Due times up to and including `to_us`."""
        rate, carried, at_us = self.rate_uu_per_h, self.carried, self.at_us
        count, self.carried = divmod(carried + rate * (to_us - at_us), self.worth)
        self.at_us = to_us
        if count == 0:
            return NO_STEPS
        k = np.arange(1, count + 1, dtype=np.int64)
        return at_us - (carried - k * self.worth) // rate


class NumpyTrain(PythonTrain):
    """A train in NumPy."""

    def advance(self, to_us: int) -> Column:  # type: ignore[override] # a column where the other gives a list
        """Due times up to and including `to_us`."""
        into_us = min(max(to_us - self.start_us, 0), self.duration_us)
        begin, self.done = self.done, self.steps * into_us // self.duration_us
        if begin == self.done:
            return NO_STEPS
        k = np.arange(begin + 1, self.done + 1, dtype=np.int64)
        return self.start_us - -k * self.duration_us // self.steps


def numpy_schedule(plan: dict[str, Any]) -> tuple[Column, Column]:
    """Answer a plan: a column of instants and one of ranks."""
    step_uu, to_us = plan["actuator"]["step_uu"], plan["to_us"]
    basal = NumpyBasal(step_uu, plan["from_us"])
    pieces = []
    for start_us, rate_uu_per_h in plan["basal"]:
        pieces.append(basal.advance(max(start_us, basal.at_us)))
        basal.rate_uu_per_h = rate_uu_per_h
    pieces.append(basal.advance(to_us))
    lanes, ranks = [np.concatenate(pieces)], [0]
    for one in sorted(plan["trains"], key=lambda one: (RANKS[one["channel"]], one["start_us"])):
        lanes.append(NumpyTrain(one["amount_uu"] // step_uu, one["start_us"], one["duration_us"]).advance(to_us))
        ranks.append(RANKS[one["channel"]])
    at_us = np.concatenate(lanes)
    channel = np.repeat(np.array(ranks), [len(lane) for lane in lanes])
    order = np.argsort(at_us, kind="stable")
    return at_us[order], channel[order]


class NumpyEngine:
    """An engine in NumPy, driven as `pumpcore.Delivery` is."""

    def __init__(self, step_uu: int, at_us: int = 0) -> None:
        """Start at rate 0, without trains."""
        self.step_uu = step_uu
        self.basal = NumpyBasal(step_uu, at_us)
        self.trains: list[tuple[int, int, NumpyTrain]] = []

    def set_rate(self, rate_uu_per_h: int) -> None:
        """Earn basal at this rate from now on."""
        self.basal.rate_uu_per_h = rate_uu_per_h

    def start_train(self, channel: str, *, start_us: int, duration_us: int, amount_uu: int) -> None:
        """Start a train; they are kept in the order of the law's ties."""
        self.trains.append((RANKS[channel], start_us, NumpyTrain(amount_uu // self.step_uu, start_us, duration_us)))
        self.trains.sort(key=itemgetter(0, 1))

    def advance(self, to_us: int) -> tuple[Column, Column]:
        """Pulses up to and including `to_us`: a column of instants and one of ranks."""
        lanes = [self.basal.advance(to_us), *(train.advance(to_us) for _, _, train in self.trains)]
        ranks = [0, *(rank for rank, _, _ in self.trains)]
        at_us = np.concatenate(lanes)
        channel = np.repeat(np.array(ranks), [len(lane) for lane in lanes])
        order = np.argsort(at_us, kind="stable")
        return at_us[order], channel[order]
