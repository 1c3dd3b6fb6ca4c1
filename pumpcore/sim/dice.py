"""Chance from a seed, in integers only: the same seed gives the same draws, in any process and on any machine.

The rule of this file: each part of a world has dice of its own, named after it, so that one more draw in one part moves
nothing in another. Nothing here is for secrets.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Dice"]

T = TypeVar("T")


class Dice:
    """Draws of one part of a world.

    Args:
        seed: of the world.
        name: of the part.

    Example:
        >>> Dice(7, "motor").between(1, 6) == Dice(7, "motor").between(1, 6)
        True
    """

    def __init__(self, seed: int, name: str) -> None:
        """Begin at the first draw."""
        # Text as a seed goes through SHA-512, whatever the hash seed of the process.
        self._random = random.Random(f"{name}/{seed}")  # noqa: S311  # it must be repeatable, and guards nothing

    def between(self, least: int, largest: int) -> int:
        """Draw a whole number, both ends included."""
        return self._random.randrange(least, largest + 1)

    def one_in(self, count: int) -> bool:
        """Return True once in `count` draws on average; never if `count` is 0."""
        return count > 0 and self._random.randrange(count) == 0

    def pick(self, choices: Sequence[T]) -> T:
        """Draw one of several; one that stands twice is twice as likely."""
        return choices[self._random.randrange(len(choices))]
