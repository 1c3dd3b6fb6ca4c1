"""The delivery law in pure Python: integers of any size, one due time after the other."""

from __future__ import annotations

from heapq import merge
from operator import itemgetter
from typing import TYPE_CHECKING, ClassVar, Final

from pumpcore.units import US_PER_HOUR

if TYPE_CHECKING:
    from pumpcore.bench.days import PlanDict

__all__ = ["RANKS", "PythonBasal", "PythonEngine", "PythonTrain", "python_schedule"]

RANKS: Final = {"basal": 0, "extended": 1, "bolus": 2}


class PythonBasal:
    """Basal: the rate, and the remainder in micro-units per hour times microseconds."""

    def __init__(self, step_uu: int, at_us: int) -> None:
        """Start with nothing earned."""
        self.worth = step_uu * US_PER_HOUR
        self.at_us = at_us
        self.rate_uu_per_h = 0
        self.carried = 0

    def advance(self, to_us: int) -> list[int]:
        """Return the due times up to and including `to_us`.

        Args:
            to_us: until when, no earlier than before.

        Returns:
            The due times, us.
        """
        rate, worth, carried, at_us = self.rate_uu_per_h, self.worth, self.carried, self.at_us
        count, self.carried = divmod(carried + rate * (to_us - at_us), worth)
        self.at_us = to_us
        return [at_us - (carried - k * worth) // rate for k in range(1, count + 1)]


class PythonTrain:
    """A train."""

    def __init__(self, steps: int, start_us: int, duration_us: int) -> None:
        """Start with no step delivered."""
        self.steps, self.start_us, self.duration_us = steps, start_us, duration_us
        self.done = 0

    def advance(self, to_us: int) -> list[int]:
        """Return the due times up to and including `to_us`.

        Args:
            to_us: until when, no earlier than before.

        Returns:
            The due times, us.
        """
        into_us = min(max(to_us - self.start_us, 0), self.duration_us)
        begin, self.done = self.done, self.steps * into_us // self.duration_us
        return [self.start_us - -k * self.duration_us // self.steps for k in range(begin + 1, self.done + 1)]


class PythonEngine:
    """An engine, driven as `pumpcore.Delivery` is."""

    basal_of: ClassVar[type[PythonBasal]] = PythonBasal
    train_of: ClassVar[type[PythonTrain]] = PythonTrain

    def __init__(self, step_uu: int, at_us: int = 0) -> None:
        """Start at rate 0, without trains."""
        self.step_uu = step_uu
        self.basal = self.basal_of(step_uu, at_us)
        self.trains: list[tuple[int, int, PythonTrain]] = []

    def set_rate(self, rate_uu_per_h: int, /) -> None:
        """Earn basal at this rate from now on.

        Args:
            rate_uu_per_h: the rate, uu/h.
        """
        self.basal.rate_uu_per_h = rate_uu_per_h

    def start_train(self, channel: str, /, *, start_us: int, duration_us: int, amount_uu: int) -> None:
        """Start a train; they are kept in the order of the law's ties.

        Args:
            channel: `extended` or `bolus`.
            start_us: when it starts.
            duration_us: how long it lasts.
            amount_uu: how much it is.
        """
        self.trains.append((RANKS[channel], start_us, self.train_of(amount_uu // self.step_uu, start_us, duration_us)))
        self.trains.sort(key=itemgetter(0, 1))

    def advance(self, to_us: int, /) -> list[tuple[int, int]]:
        """Return the pulses up to and including `to_us`.

        Args:
            to_us: until when.

        Returns:
            The instant (us) and the rank of the channel, of each.
        """
        pulses = [(due_us, 0) for due_us in self.basal.advance(to_us)]
        for rank, _, train in self.trains:
            pulses += [(due_us, rank) for due_us in train.advance(to_us)]
        pulses.sort(key=itemgetter(0))  # stable: ties stay in the order of the lanes
        return pulses


def python_schedule(plan: PlanDict) -> list[tuple[int, int]]:
    """Answer a plan.

    Args:
        plan: the plan, without gap, grid or cancel.

    Returns:
        The instant (us) and the rank of the channel, of each pulse.

    Example:
        >>> from pumpcore.bench.days import plain_day
        >>> python_schedule(plain_day())[:2]
        [(225000000, 0), (450000000, 0)]
    """
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
