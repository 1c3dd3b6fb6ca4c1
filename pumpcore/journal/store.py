"""Where rows are kept: what a journal needs of a store, and the store in memory.

The rule of this file: a store knows rows and nothing of pumps. Whatever goes wrong with it is a `JournalError`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from pumpcore.errors import JournalError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pumpcore.journal.rows import Row

__all__ = ["MemoryStore", "Store"]


class Store(Protocol):
    """Keeps the rows of one journal."""

    def append(self, rows: Sequence[Row], *, drop_before: int = 0) -> None:
        """Keep rows after all others, and drop old ones: all of it or nothing.

        When it returns, they are there after a power cut too.

        Args:
            rows: in order of their numbers.
            drop_before: rows with smaller numbers are dropped in the same breath.

        Raises:
            JournalError: it could not be done; whether it was done is known only once the store was opened anew.
        """

    def rows(self) -> Iterator[Row]:
        """Yield all rows in the order in which they were kept.

        Raises:
            JournalError: what is kept cannot be read, or rows that were kept are not there.
        """

    def close(self) -> None:
        """Let go of what it holds; rows stay."""


class MemoryStore:
    """A store for tests and simulations: durable only as long as this object is.

    Args:
        rows: what is kept already.

    Example:
        >>> from pumpcore.journal import seal
        >>> store = MemoryStore()
        >>> store.append([seal(1, 0, 1, b"", bytes(16))])
        >>> [row.seq for row in store.rows()]
        [1]
    """

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        """Keep `rows`."""
        self.kept: list[Row] = list(rows)

    def append(self, rows: Sequence[Row], *, drop_before: int = 0) -> None:
        """Keep rows after all others, and drop old ones."""
        first = self.kept[0].seq if self.kept else 0
        if rows and self.kept and rows[0].seq != self.kept[-1].seq + 1:
            raise JournalError(f"row {rows[0].seq} does not follow row {self.kept[-1].seq}")
        self.kept.extend(rows)
        if drop_before > first:
            del self.kept[: drop_before - first]

    def rows(self) -> Iterator[Row]:
        """Yield all rows."""
        yield from self.kept

    def close(self) -> None:
        """Do nothing: the rows live as long as this object."""
