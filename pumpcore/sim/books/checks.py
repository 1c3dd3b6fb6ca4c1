"""How a check is made: counted, and refused by the requirement that it breaks.

The rule of this file: nothing here knows what a pump is.
"""

from __future__ import annotations

from collections import deque

from pumpcore.errors import PumpcoreError

__all__ = ["BrokenError", "Window"]


class BrokenError(PumpcoreError):
    """A requirement does not hold.

    Attributes:
        requirement: its id.
        what: what contradicts it.
    """

    def __init__(self, requirement: str, *what: object) -> None:
        """Name the requirement and what contradicts it."""
        super().__init__(requirement, *what)
        self.requirement = requirement
        self.what = ", ".join(str(each) for each in what)

    def __str__(self) -> str:
        """One line: requirement, what."""
        return f"{self.requirement}: {self.what}"


class Window:
    """A sum over a sliding window of time.

    Args:
        span_us: how long it is; what was added exactly so long ago is no longer in it.

    Example:
        >>> window = Window(10)
        >>> window.add(0, 5), window.add(9, 1), window.add(10, 1)
        (5, 6, 2)
    """

    def __init__(self, span_us: int) -> None:
        """Begin with nothing in it."""
        self._span_us = span_us
        self._held: deque[tuple[int, int]] = deque()
        self._sum = 0

    def add(self, at_us: int, amount: int) -> int:
        """Add an amount at an instant that is not before the last one, and say what is in the window then."""
        self._held.append((at_us, amount))
        self._sum += amount
        return self.at(at_us)

    def at(self, at_us: int) -> int:
        """Return the sum of the window that ends at an instant."""
        while self._held and self._held[0][0] <= at_us - self._span_us:
            self._sum -= self._held.popleft()[1]
        return self._sum
