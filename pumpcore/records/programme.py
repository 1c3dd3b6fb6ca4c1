"""What basal programme was in force, from every record that says something about it.

The rule of this file: a segment is believed where a record vouches for it. Edits of a profile cut the record into
versions. Within a version its segments are those of a whole list (what an upload found, what an edit left or found),
or, where there is none, those that the pump was seen to start both before and after the time in question, a side on
which the version is shorter than a day asking for nothing. The rate of a segment is the one seen nearest in time,
because the pump itself said so when it started the segment.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from pumpcore.records.records import BasalStart, ProfileHead, ProfileRow
from pumpcore.units import NEVER_US, US_PER_DAY

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pumpcore.records.records import Record

__all__ = ["RecordedProgramme", "Segment"]


class Segment(NamedTuple):
    """A segment of a day's basal programme; it runs to the next one's start."""

    start_us: int  # of the day
    rate_uu_per_h: int


class RecordedProgramme:
    """The basal profiles of one pump over elapsed time."""

    def __init__(self, events: Iterable[tuple[int, Record]]) -> None:
        """Gather the evidence.

        Args:
            events: elapsed time and record, in order of time.
        """
        known = list(events)
        self._ends = (known[0][0], known[-1][0]) if known else (0, 0)
        heads = {(r.kind, r.upload, r.datum): r for _, r in known if isinstance(r, ProfileHead)}
        self._edits: dict[str, list[int]] = defaultdict(list)
        for at_us, record in known:
            if isinstance(record, ProfileHead) and record.kind == "after":
                self._edits[record.pattern].append(at_us)
        # (pattern, version) -> start of segment -> [(seen at, rate)], and which of the versions have a whole list
        self._seen: dict[tuple[str, int], dict[int, list[tuple[int, int]]]] = defaultdict(lambda: defaultdict(list))
        self._whole: set[tuple[str, int]] = set()
        for at_us, record in known:
            if isinstance(record, BasalStart):
                self._see(self._key(record.pattern, at_us), at_us, record)
            elif isinstance(record, ProfileRow) and (head := heads.get((record.kind, record.upload, record.datum))):
                # What an edit found is what was in force until then.
                key = self._key(head.pattern, at_us - (record.kind == "before"))
                self._see(key, at_us, record)
                self._whole.add(key)
        for segments in self._seen.values():
            for sightings in segments.values():
                sightings.sort()

    def _key(self, pattern: str, at_us: int) -> tuple[str, int]:
        return pattern, bisect_right(self._edits.get(pattern, []), at_us)

    def _see(self, key: tuple[str, int], at_us: int, record: BasalStart | ProfileRow) -> None:
        if record.start_us is not None and record.rate_uu_per_h is not None:
            self._seen[key][record.start_us].append((at_us, record.rate_uu_per_h))

    def _rate(self, sightings: list[tuple[int, int]], at_us: int, key: tuple[str, int]) -> int | None:
        """Return the rate seen nearest in time, None where the segment is not vouched for."""
        after = bisect_right(sightings, (at_us, NEVER_US))
        edits = [self._ends[0], *self._edits.get(key[0], []), self._ends[1]]
        unseen_before = after == 0 and at_us - edits[key[1]] >= US_PER_DAY
        unseen_after = after == len(sightings) and edits[key[1] + 1] - at_us >= US_PER_DAY
        if key not in self._whole and (unseen_before or unseen_after):
            return None
        return min(sightings[max(after - 1, 0) : after + 1], key=lambda sighting: abs(sighting[0] - at_us))[1]

    def at(self, pattern: str, at_us: int, day_us: int) -> Segment | None:
        """Return the segment in force at a time of day.

        Args:
            pattern: name of the profile.
            at_us: elapsed time.
            day_us: time of day, wall clock.

        Returns:
            The segment, None where the record does not say.
        """
        segments = self._segments(pattern, at_us)
        started = [segment for segment in segments if segment.start_us <= day_us]
        return max(started or segments, default=None)

    def next_edge(self, pattern: str, at_us: int, day_us: int) -> int:
        """Return how long after `at_us` the next segment starts, microseconds; 2 days where none is known."""
        waits = [(segment.start_us - day_us - 1) % US_PER_DAY + 1 for segment in self._segments(pattern, at_us)]
        return min(waits, default=2 * US_PER_DAY)

    def _segments(self, pattern: str, at_us: int) -> list[Segment]:
        key = self._key(pattern, at_us)
        found = []
        for start_us, sightings in self._seen.get(key, {}).items():
            rate = self._rate(sightings, at_us, key)
            if rate is not None:
                found.append(Segment(start_us, rate))
        return found
