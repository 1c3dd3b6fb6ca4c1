"""What happens when: the instants of a world, in order.

The rule of this file: of two things at one instant the lower rank comes first, then what was planned first.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Final

from pumpcore.units import NEVER_US

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["DEADLINE", "OTHER", "REPORT", "Agenda"]

REPORT: Final = 0
DEADLINE: Final = 1
OTHER: Final = 2


class Agenda:
    """What is planned.

    Attributes:
        life: how often the power was cut; what is volatile happens only in the life in which it was planned.
    """

    def __init__(self) -> None:
        """Begin with nothing planned."""
        self.life = 0
        self._order = 0
        self._queue: list[tuple[int, int, int, int, Callable[[], None]]] = []

    def add(self, at_us: int, happen: Callable[[], None], *, rank: int = OTHER, volatile: bool = False) -> None:
        """Plan something for an instant."""
        self._order += 1
        heapq.heappush(self._queue, (at_us, rank, self._order, self.life if volatile else -1, happen))

    def first(self) -> tuple[int, int]:
        """Return instant and rank of what comes first; never, if nothing is planned."""
        return self._queue[0][:2] if self._queue else (NEVER_US, OTHER)

    def take(self, *, asleep_until_us: int, now_us: int) -> Callable[[], None] | None:
        """Take what comes first.

        Args:
            asleep_until_us: a report that comes earlier waits until then, because nobody listens.
            now_us: the instant of now.

        Returns:
            What happens; None if it waits, or did not outlive a power cut.
        """
        _, rank, order, life, happen = heapq.heappop(self._queue)
        if life not in {-1, self.life}:
            return None
        if rank == REPORT and asleep_until_us > now_us:
            heapq.heappush(self._queue, (asleep_until_us, rank, order, life, happen))
            return None
        return happen
