"""Turns the pump's wall clock into time that only runs forward, and back.

The rule of this file: the wall clock is what the records are stamped with and what the basal programme follows;
durations (a bolus, a temp basal) run on elapsed time. The two differ by an offset that each clock change moves; the
span between two changes is an era. Elapsed time is the wall clock of the first era, carried on.

The memory's order, not the time stamp, tells a record before a clock change from one after it, where the clock was set
back and a time of day came twice.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from pumpcore.frozen import dataclass
from pumpcore.records.records import ClockChange
from pumpcore.units import NEVER_US, US_PER_DAY

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pumpcore.records.records import Record

__all__ = ["Day", "Era", "RecordClock"]


class Era(NamedTuple):
    """A span of elapsed time in which the wall clock was not set: wall = elapsed + offset."""

    start_us: int
    end_us: int
    offset_us: int


class Day(NamedTuple):
    """A span of elapsed time that lies within one day of the wall clock."""

    start_us: int
    end_us: int
    offset_us: int
    number: int  # of days since 1970-01-01


@dataclass(frozen=True, slots=True)
class RecordClock:
    """The eras of one pump, and the changes between them."""

    eras: tuple[Era, ...]
    changes: tuple[ClockChange, ...]

    @classmethod
    def of(cls, records: Iterable[Record]) -> RecordClock:
        """Find the eras of one pump's records."""
        found = [record for record in records if isinstance(record, ClockChange)]
        # A repeated upload may number the same change anew.
        changes = list({(change.at_us, change.new_us): change for change in found}.values())
        if all(change.seq for change in changes) and len({change.upload for change in changes}) == 1:
            changes.sort(key=lambda change: -change.seq)
        else:
            changes.sort(key=lambda change: change.at_us)
        starts, offsets = [-NEVER_US], [0]
        for change in changes:
            starts.append(max(change.at_us - offsets[-1], starts[-1]))
            offsets.append(change.new_us - starts[-1])
        eras = tuple(Era(a, b, offset) for (a, b), offset in zip(pairwise([*starts, NEVER_US]), offsets, strict=True))
        return cls(eras, tuple(changes))

    def elapsed_us(self, record: Record) -> int:
        """Place a record on elapsed time."""
        if len(self.eras) == 1:
            return record.at_us
        fits = [
            index for index, era in enumerate(self.eras) if era.start_us <= record.at_us - era.offset_us <= era.end_us
        ]
        after = [record.seq and change.seq > record.seq for change in self.changes if change.upload == record.upload]
        index = sum(map(bool, after))
        if index not in fits and fits:
            index = fits[0]
        elif not record.seq and not fits:
            # A time that the clock jumped over: the record is taken to stand right before the jump.
            index = next(
                i
                for i, era in enumerate(self.eras)
                if record.at_us - era.offset_us <= era.end_us or i == len(self.changes)
            )
        era = self.eras[index]
        return min(max(record.at_us - era.offset_us, era.start_us), era.end_us)

    def offset_us(self, elapsed_us: int) -> int:
        """Return wall - elapsed at an instant; at a change, that after it."""
        return next(era.offset_us for era in reversed(self.eras) if era.start_us <= elapsed_us)

    def days(self, start_us: int, end_us: int) -> Iterator[Day]:
        """Cut a span of elapsed time at each midnight of the wall clock and at each clock change."""
        for era in self.eras:
            at_us, last_us = max(start_us, era.start_us), min(end_us, era.end_us)
            while at_us < last_us:
                number = (at_us + era.offset_us) // US_PER_DAY
                next_us = min((number + 1) * US_PER_DAY - era.offset_us, last_us)
                yield Day(at_us, next_us, era.offset_us, number)
                at_us = next_us
