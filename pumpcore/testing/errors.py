"""The error for a requirement that does not hold."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["ContractError"]

_ID: Final = re.compile(r"[A-Z]{3}-[0-9]{2}")


class ContractError(AssertionError):
    """A requirement does not hold. pytest and Hypothesis show it as they show a failed `assert`.

    Args:
        requirement: its id, or several, as in `specs/requirements.md`; words may follow (`"DEL-01 ahead"`).
        what: what was seen.

    Attributes:
        ids: the ids that were named.
        seen: what was seen.

    Example:
        >>> raise ContractError("DEL-08", "pulse 3 has two outcomes")
        Traceback (most recent call last):
        ...
        pumpcore.testing.errors.ContractError: DEL-08: pulse 3 has two outcomes
    """

    def __init__(self, requirement: str, *what: object) -> None:
        """Name the requirement and what contradicts it."""
        super().__init__(f"{requirement}: {', '.join(map(str, what))}")
        self.ids: tuple[str, ...] = tuple(_ID.findall(requirement))
        self.seen = what
