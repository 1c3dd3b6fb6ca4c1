"""A store that fails: full, slow, cut in the middle of a write, with bits that flip.

The rule of this file: `FaultyStore` is a decorator around any store of `pumpcore.journal` and keeps that store's
promise: rows are kept as a whole or not at all, whatever happens, unless a fault is about exactly that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pumpcore.errors import JournalError
from pumpcore.sim.faults import Fault, PowerCutError
from pumpcore.units import US_PER_SECOND

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pumpcore.journal import Row, Store
    from pumpcore.sim.faults import Injector

__all__ = ["FaultyStore"]

_FULL_WRITES: Final = 6
_SLOW_US: Final = (US_PER_SECOND // 2, 20 * US_PER_SECOND)


class FaultyStore:
    """A decorator around a store.

    Attributes:
        slow_us: how long writes took beyond nothing, for the host to take into account.

    Example:
        >>> from pumpcore.journal import MemoryStore
        >>> from pumpcore.sim.faults import Injector
        >>> store = FaultyStore(MemoryStore(), Injector(1, kinds=frozenset()))
        >>> store.cut_at_next()
        >>> store.append([])
        Traceback (most recent call last):
        ...
        pumpcore.sim.faults.PowerCutError
    """

    def __init__(self, store: Store, injector: Injector) -> None:
        """Begin sound."""
        self._store = store
        self._injector = injector
        self._armed = False
        self._kept: bool | None = None
        self._torn: Row | None = None
        self._full = 0
        self._flip: tuple[int, int] | None = None
        self.slow_us = 0

    def cut_at_next(self, *, armed: bool = True, kept: bool | None = None) -> None:
        """Cut the power at the next write.

        Args:
            armed: whether to; no takes it back.
            kept: whether the rows of that write are there afterwards; by chance where it is None.
        """
        self._armed, self._kept = armed, kept

    @property
    def torn(self) -> bool:
        """Whether part of a row that was never whole stands at the end."""
        return self._torn is not None

    def repair(self) -> None:
        """Take away what is torn, as a store does that keeps its promise."""
        self._torn = None

    def _cut(self, rows: Sequence[Row], drop_before: int) -> None:
        lost = self._kept is False
        if self._kept is None and rows and self._injector.strikes(Fault.WRITE_TORN):
            self._torn = rows[0]._replace(body=rows[0].body[: len(rows[0].body) // 2])
        elif not lost and (self._kept or not self._injector.strikes(Fault.WRITE_LOST)):
            self._store.append(rows, drop_before=drop_before)
        raise PowerCutError

    def append(self, rows: Sequence[Row], *, drop_before: int = 0) -> None:
        """Keep rows, or fail.

        Raises:
            JournalError: it is full; nothing is kept.
            PowerCutError: the power is cut.
        """
        if self._armed:
            self._armed = False
            self._cut(rows, drop_before)
        if not self._full and self._injector.strikes(Fault.DISK_FULL):
            self._full = self._injector.draw(Fault.DISK_FULL, 1, _FULL_WRITES)
        if self._full and self._injector.active:
            self._full -= 1
            raise JournalError("the store is full")
        if self._injector.strikes(Fault.WRITE_SLOW):
            self.slow_us += self._injector.draw(Fault.WRITE_SLOW, *_SLOW_US)
        self._store.append(rows, drop_before=drop_before)

    def flip(self) -> bool:
        """Let a bit of what is kept be read wrongly from now on, by chance; say whether it is."""
        count = sum(1 for _ in self._store.rows())
        if not count or not self._injector.strikes(Fault.BIT_FLIP):
            return False
        draw = self._injector.draw
        self._flip = draw(Fault.BIT_FLIP, 0, count - 1), draw(Fault.BIT_FLIP, 0, 1 << 20)
        return True

    def unflip(self) -> None:
        """Read all as it is kept."""
        self._flip = None

    def rows(self) -> Iterator[Row]:
        """Yield all rows."""
        for index, row in enumerate(self._store.rows()):
            if self._flip is not None and index == self._flip[0]:
                where = self._flip[1] % (8 * len(row.body))
                body = bytearray(row.body)
                body[where // 8] ^= 1 << where % 8
                yield row._replace(body=bytes(body))
            else:
                yield row
        if self._torn is not None:
            yield self._torn

    def close(self) -> None:
        """Let go of what the store holds."""
        self._store.close()
