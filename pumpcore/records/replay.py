"""Replays a CareLink export through the kernel and compares each day with the pump's own total.

The rule of this file: insulin belongs to the day of the pump's wall clock in which its pulse falls, a pulse at midnight
to the new day. What the pump did is rebuilt in `timeline`, delivered in `delivery`, told in `result`.

A day is flagged only for what the record itself shows.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from datetime import date
from typing import TYPE_CHECKING, Final

from pumpcore import devices
from pumpcore.errors import RecordError
from pumpcore.records.carelink import read
from pumpcore.records.clock import RecordClock
from pumpcore.records.delivery import basal_uu, by_day, normal, square
from pumpcore.records.programme import RecordedProgramme
from pumpcore.records.records import (
    BasalStart,
    Bolus,
    DailyTotal,
    Export,
    Glucose,
    ProfileHead,
    ProfileRow,
    Pumping,
    Record,
    Rewind,
    Snapshot,
    TempBasal,
    Wizard,
)
from pumpcore.records.result import BolusMark, DayResult, GlucoseMark, ModeSpan, RateSpan, Replay
from pumpcore.records.timeline import Stop, rebuild
from pumpcore.records.wizard import compare_records
from pumpcore.units import NEVER_US, US_PER_DAY, US_PER_MINUTE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pumpcore.devices import Device
    from pumpcore.records.clock import Day
    from pumpcore.records.timeline import Rate, Timeline

__all__ = ["Export", "Replay", "read", "replay"]

CLOCK_CHANGED: Final = "clock changed"
FIRST_DAY: Final = "first day is partial"
LAST_DAY: Final = "last day is partial"
RECORDS_MISSING: Final = "records missing"
TWO_PUMPS: Final = "two pumps"

# A change of the clock by less is followed like any other, but it leaves the day a day: no flag.
_CLOCK_FLAG_US: Final = 15 * US_PER_MINUTE
# A longer silence of the pump's memory is the end of one record and the start of another.
_SILENCE_US: Final = 2 * US_PER_DAY
# The last day is whole where the record reaches this near to its end.
_DAY_END_US: Final = US_PER_DAY - 15 * US_PER_MINUTE

_EPOCH: Final = date(1970, 1, 1).toordinal()


def replay(export: Export, *, device: str | None = None) -> Replay:
    """Replay an export.

    Args:
        export: what `read` returned.
        device: only this pump, in the words of the export; None: all, each by itself, their days in one list.

    Returns:
        The days.

    Rounding:
        As the pump's: whole steps, by the rules at the top of `delivery`.

    Raises:
        RecordError: no pump in the export, or not the one asked for.

    Source:
        `docs/replay.md`.
    """
    pumps: dict[str, list[Record]] = defaultdict(list)
    for record in export.records:
        pumps[record.device].append(record)
    # Meters and sensors are devices of the export too; a pump is what delivers insulin.
    names = [name for name, records in pumps.items() if any(isinstance(r, _THERAPY) for r in records)]
    if device is not None and device not in names:
        raise RecordError(
            export.where, f"has no records of the pump {device!r}; it has records of {', '.join(names) or 'none'}"
        )
    if not names:
        raise RecordError(export.where, "has no records of insulin delivery")
    names = names if device is None else [device]
    days: dict[int, DayResult] = {}
    for name in names:
        for number, day in _Pump(name, pumps[name]).days().items():
            days[number] = _sum(days[number], day, TWO_PUMPS) if number in days else day
    for record in export.records:
        day_number, at_us = divmod(record.at_us, US_PER_DAY)
        if isinstance(record, Glucose) and day_number in days:
            days[day_number].glucose.append(GlucoseMark(at_us, record.mg_per_dl, record.sensor))
    for day in days.values():
        day.glucose = sorted(set(day.glucose))
        day.flags.sort()
    wizards = (record for name in names for record in pumps[name] if isinstance(record, Wizard))
    return Replay(", ".join(names), tuple(days[number] for number in sorted(days)), compare_records(wizards))


_THERAPY: Final = (BasalStart, Bolus, TempBasal, Pumping, Rewind)
# What is no entry of the pump's memory at that time, and so says nothing about how far the memory reaches.
_NO_MEMORY: Final = (DailyTotal, Glucose, Snapshot, ProfileRow)


def _sum(a: DayResult, b: DayResult, *flags: str) -> DayResult:
    """Add up two parts of a day: two pumps, or one before and after a silence of its memory."""
    recorded = [day.recorded_uu for day in (a, b) if day.recorded_uu is not None]
    return DayResult(
        date=a.date,
        basal_uu=a.basal_uu + b.basal_uu,
        bolus_uu=a.bolus_uu + b.bolus_uu,
        recorded_uu=sum(recorded) if recorded else None,
        interruptions=a.interruptions + b.interruptions,
        flags=[*dict.fromkeys([*a.flags, *b.flags, *flags])],
        modes=sorted(a.modes + b.modes),
        rates=sorted(a.rates + b.rates),
        boluses=sorted(a.boluses + b.boluses),
    )


class _Pump:
    """One pump's record."""

    def __init__(self, name: str, records: Sequence[Record]) -> None:
        self.records = records
        self.device = _device(name, records)
        self.clock = RecordClock.of(records)
        placed = [
            (self.clock.elapsed_us(record), -record.seq, record.line, record)
            for record in records
            if not isinstance(record, (Glucose, DailyTotal))
        ]
        placed.sort(key=lambda entry: entry[:3])
        self.events = [(at_us, record) for at_us, _, _, record in placed]
        self.programme = RecordedProgramme(self.events)
        # A day is covered to its end where the pump closed it with a total, since an export holds whole days of what
        # was read out, and where the sensor or the other entries reach the day's last minutes.
        self.covered = {
            record.at_us // US_PER_DAY
            for record in records
            if isinstance(record, DailyTotal) or record.at_us % US_PER_DAY >= _DAY_END_US
        }
        self.memory = [
            (at_us, record)
            for at_us, record in self.events
            if not isinstance(record, _NO_MEMORY) and not (isinstance(record, ProfileHead) and record.kind == "current")
        ]

    def days(self) -> dict[int, DayResult]:
        """Replay the pump, one unbroken stretch of its memory after another."""
        result: dict[int, DayResult] = {}
        for events in _stretches(self.memory):
            for number, day in self._stretch(events).items():
                result[number] = _sum(result[number], day) if number in result else day
        for record in self.records:
            if isinstance(record, DailyTotal) and (found := result.get(record.at_us // US_PER_DAY)):
                # A clock set back across midnight closes a day twice; the day is flagged then.
                found.recorded_uu = max(record.amount_uu, found.recorded_uu or 0)
        for change in self.clock.changes:
            numbers = {change.at_us // US_PER_DAY, change.new_us // US_PER_DAY}
            if len(numbers) > 1 or abs(change.new_us - change.at_us) >= _CLOCK_FLAG_US:
                for number in numbers & result.keys():
                    _flag(result[number], CLOCK_CHANGED)
        return result

    def _stretch(self, events: Sequence[tuple[int, Record]]) -> dict[int, DayResult]:
        start_us, last_us = events[0][0], events[-1][0]
        last_day = next(iter(self.clock.days(last_us, last_us + 1)))
        whole = last_day.number in self.covered
        midnight_us = (last_day.number + 1) * US_PER_DAY - last_day.offset_us
        end_us = midnight_us if whole else last_us + 1
        timeline = rebuild(events, clock=self.clock, programme=self.programme, device=self.device, end_us=end_us)
        pieces = list(self.clock.days(start_us, end_us))
        days = {piece.number: DayResult(date.fromordinal(piece.number + _EPOCH)) for piece in pieces}
        self._deliver_basal(timeline, pieces, days)
        self._deliver_boluses(events, pieces, days)
        _mark_modes(timeline, pieces, days)
        if not any(isinstance(r, BasalStart) and r.at_us % US_PER_DAY == 0 for at, r in events if at == start_us):
            _flag(days[pieces[0].number], FIRST_DAY)
        if not whole:
            _flag(days[pieces[-1].number], LAST_DAY)
        for a_us, b_us in timeline.missing:
            for piece in self.clock.days(a_us, b_us + 1):
                if piece.number in days:
                    _flag(days[piece.number], RECORDS_MISSING)
        return days

    def _deliver_basal(self, timeline: Timeline, pieces: Sequence[Day], days: dict[int, DayResult]) -> None:
        for piece, rate in _overlaps(pieces, list(_running(timeline))):
            start_us, end_us = (at_us + piece.offset_us for at_us in (rate.start_us, rate.end_us))
            day, day_us = days[piece.number], piece.number * US_PER_DAY
            day.basal_uu += basal_uu(start_us, end_us, rate.rate_uu_per_h, self.device.step_uu)
            day.rates.append(RateSpan(start_us - day_us, end_us - day_us, rate.rate_uu_per_h))

    def _deliver_boluses(
        self, events: Sequence[tuple[int, Record]], pieces: Sequence[Day], days: dict[int, DayResult]
    ) -> None:
        boluses = [(at_us, r, r.amount_uu) for at_us, r in events if isinstance(r, Bolus) and r.amount_uu]
        busy = [
            (at_us, at_us + self._normal_us(bolus, amount_uu))
            for at_us, bolus, amount_uu in boluses
            if not bolus.duration_us
        ]
        for at_us, bolus, amount_uu in boluses:
            during = busy[bisect_right(busy, (at_us, NEVER_US)) : bisect_right(busy, (at_us + _LATEST_US, 0))]
            trains = (
                square(at_us, amount_uu, bolus.programmed_uu, bolus.duration_us, during)
                if bolus.duration_us
                else [normal(at_us, amount_uu, self._normal_us(bolus, amount_uu))]
            )
            for train in trains:
                for piece, uu in by_day(train, pieces):
                    days[piece.number].bolus_uu += uu
            piece = pieces[bisect_right(pieces, at_us, key=lambda piece: piece.start_us) - 1]
            day_us = (at_us + piece.offset_us) % US_PER_DAY
            lasted_us = bolus.duration_us * amount_uu // bolus.programmed_uu
            days[piece.number].boluses.append(BolusMark(day_us, lasted_us, amount_uu))

    def _normal_us(self, bolus: Bolus, amount_uu: int) -> int:
        """Return how long what was delivered of a normal bolus took: its share of the whole one's time."""
        return self.device.bolus_duration_us(bolus.programmed_uu) * amount_uu // bolus.programmed_uu


def _running(timeline: Timeline) -> Iterator[Rate]:
    """Yield the rates less the stops."""
    stops = iter([*timeline.stops, Stop(NEVER_US, NEVER_US, [])])
    stop = next(stops)
    for rate in timeline.rates:
        at_us = rate.start_us
        while stop.start_us < rate.end_us:
            if at_us < stop.start_us:
                yield rate._replace(start_us=at_us, end_us=stop.start_us)
            at_us = max(at_us, stop.end_us)
            if stop.end_us > rate.end_us:
                break
            stop = next(stops)
        if at_us < rate.end_us:
            yield rate._replace(start_us=at_us)


_LATEST_US: Final = 4 * US_PER_DAY  # no square bolus lasts so long, waiting included


def _overlaps(pieces: Sequence[Day], rates: Sequence[Rate]) -> Iterator[tuple[Day, Rate]]:
    """Cut rates at the edges of the days."""
    index = 0
    for rate in rates:
        while pieces[index].end_us <= rate.start_us:
            index += 1
        for piece in pieces[index:]:
            if piece.start_us >= rate.end_us:
                break
            yield (
                piece,
                rate._replace(start_us=max(rate.start_us, piece.start_us), end_us=min(rate.end_us, piece.end_us)),
            )


def _mark_modes(timeline: Timeline, pieces: Sequence[Day], days: dict[int, DayResult]) -> None:
    """Note for each day what mode the pump was in, and count the interruptions."""
    stops, index = timeline.stops, 0
    for piece in pieces:
        day, to_day_us = days[piece.number], piece.offset_us - piece.number * US_PER_DAY
        at_us = piece.start_us
        while index < len(stops) and stops[index].end_us <= piece.start_us:
            index += 1
        for stop in stops[index : bisect_left(stops, piece.end_us, key=lambda stop: stop.start_us)]:
            day.interruptions += 1
            if at_us < stop.start_us:
                day.modes.append(ModeSpan(at_us + to_day_us, stop.start_us + to_day_us, "running"))
            ends_us = [since_us for since_us, _ in stop.modes[1:]] + [stop.end_us]
            for (since_us, mode), until_us in zip(stop.modes, ends_us, strict=True):
                a_us, b_us = max(since_us, piece.start_us), min(until_us, piece.end_us)
                if a_us < b_us:
                    day.modes.append(ModeSpan(a_us + to_day_us, b_us + to_day_us, mode))
            at_us = min(stop.end_us, piece.end_us)
        if at_us < piece.end_us:
            day.modes.append(ModeSpan(at_us + to_day_us, piece.end_us + to_day_us, "running"))


def _flag(day: DayResult, flag: str) -> None:
    if flag not in day.flags:
        day.flags.append(flag)


def _stretches(memory: Sequence[tuple[int, Record]]) -> Iterator[list[tuple[int, Record]]]:
    """Cut a pump's memory where it is silent for too long."""
    stretch: list[tuple[int, Record]] = []
    for event in memory:
        if stretch and event[0] - stretch[-1][0] > _SILENCE_US:
            yield stretch
            stretch = []
        stretch.append(event)
    if stretch:
        yield stretch


def _device(name: str, records: Sequence[Record]) -> Device:
    """Find the pump's preset; a model without one is taken for the class whose steps its record needs."""
    try:
        return devices.for_carelink(name)
    except RecordError:
        amounts = [r.amount_uu or 0 for r in records if isinstance(r, (Bolus, DailyTotal))]
        amounts += [r.rate_uu_per_h or 0 for r in records if isinstance(r, (BasalStart, ProfileRow, TempBasal))]
        fine = any(amount % _COARSE_UU for amount in amounts)
        return devices.load("medtronic-523" if fine else "medtronic-522")


_COARSE_UU: Final = 50_000
