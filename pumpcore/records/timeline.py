"""What the pump was told to do and what kept it from doing it: rates, stops, boluses, on elapsed time.

The rules of this file (evidence for each in `docs/replay.md`):

- A `BasalStart` is written when the pump starts a segment: at its edge while it runs, and at every restart. While a
  temp basal runs, or while the pump stands still for anything but a low-glucose suspend, none is written.
- It stops for: a suspend, an alarm of a stopping kind, a rewind or a prime, a battery out. It runs again at the next
  `BasalStart`, or at the resume. Clearing an alarm starts nothing. Under a temp basal a restart leaves no `BasalStart`;
  then what it did next (a bolus, a segment's edge, the end of that temp basal) says that it ran, from the clearing,
  priming or new battery on.
- A temp basal runs on while the pump stands still, and ends when its time is over, when it is ended or replaced, when a
  profile segment starts in spite of it, and when a low-glucose suspend ends by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from pumpcore.frozen import dataclass, field
from pumpcore.records.records import (
    ActiveProfile,
    Alarm,
    AlarmCleared,
    BasalStart,
    Battery,
    Bolus,
    Prime,
    ProfileHead,
    Pumping,
    Rewind,
    TempBasal,
)
from pumpcore.units import US_PER_DAY, US_PER_MINUTE, US_PER_SECOND

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pumpcore.devices import Device
    from pumpcore.records.clock import RecordClock
    from pumpcore.records.programme import RecordedProgramme
    from pumpcore.records.records import Record

__all__ = ["Rate", "RecordedMode", "Stop", "Timeline", "rebuild"]

RecordedMode = Literal["running", "suspended", "reservoir_change", "alarm", "standby"]


class Rate(NamedTuple):
    """The rate that was programmed for a span, whether or not the pump ran; never across a clock change."""

    start_us: int
    end_us: int
    rate_uu_per_h: int


@dataclass(slots=True)
class Stop:
    """A span without delivery, with the modes that it went through: `(since, mode)`, the first at its start."""

    start_us: int
    end_us: int
    modes: list[tuple[int, RecordedMode]]


@dataclass(slots=True)
class Timeline:
    """One pump's record, rebuilt.

    Attributes:
        rates: in order, without a gap from the first known rate on.
        stops: in order, disjoint.
        missing: spans in which segments started of which the record knows nothing, and records without their values.
    """

    rates: list[Rate] = field(default_factory=list)
    stops: list[Stop] = field(default_factory=list)
    missing: list[tuple[int, int]] = field(default_factory=list)


# Alarms after which the pump stands still, by code: battery out too long, no delivery, battery empty, auto off, resets,
# settings lost, reservoir empty. Others (weak battery, sensor, prime reminder) stop nothing by themselves.
_STOPPING: Final = frozenset({3, 4, 5, 6, 16, 17, 21, 61, 62})

_LOW_SUSPENDED: Final = frozenset(
    {"alarm_suspend", "low_suspend_mode_1", "low_suspend_no_response", "low_suspend_user_selected"}
)
_RESUMED: Final = frozenset({"normal_pumping", "user_restart_basal", "auto_resume_complete", "auto_resume_reduced"})

_SLACK_US: Final = 2 * US_PER_SECOND  # two records of one moment differ by a second now and then
_PRIME_US: Final = 15 * US_PER_SECOND  # from a prime's record to the restart: 14 to 17 s were seen
_SOON_US: Final = 2 * US_PER_MINUTE
_UNSEEN: Final = 2  # so many segments that started unseen are records missing; a single one may be a lost row


def rebuild(
    events: Sequence[tuple[int, Record]],
    *,
    clock: RecordClock,
    programme: RecordedProgramme,
    device: Device,
    end_us: int,
) -> Timeline:
    """Rebuild one pump's record.

    Args:
        events: elapsed time and record, in order.
        clock: of the same pump.
        programme: of the same pump.
        device: how it rounds a temp basal in percent.
        end_us: where the record ends, elapsed time.

    Returns:
        The rates and stops from the first event to `end_us`.

    Rounding:
        A temp basal in percent down to the device's step of rates.
    """
    builder = _Builder(events, clock, programme, device)
    for index, (at_us, record) in enumerate(events):
        builder.advance(at_us)
        builder.take(index, at_us, record)
    builder.advance(end_us)
    builder.note_missing(end_us)
    if builder.stop is not None:
        builder.restart(max(end_us, builder.stop.start_us))
    return builder.timeline


class _Builder:
    """The state of the pump at `now_us`, and what was found so far."""

    def __init__(
        self, events: Sequence[tuple[int, Record]], clock: RecordClock, programme: RecordedProgramme, device: Device
    ) -> None:
        self.events, self.clock, self.programme, self.device = events, clock, programme, device
        self.timeline = Timeline()
        self.now_us = events[0][0]
        self.pattern = next((r.pattern for _, r in events if isinstance(r, BasalStart)), "standard")
        self.base: int | None = None
        self.temp: TempBasal | None = None
        self.temp_end_us = self.now_us
        self.stop: Stop | None = None
        self.low_suspended = False
        self.heard_us = self.now_us  # the last record of the pump's memory
        self.unseen = 0
        self.logs_edges = any(self._at_edge(at_us, r) for at_us, r in events if isinstance(r, BasalStart))

    def take(self, index: int, at_us: int, record: Record) -> None:
        """Let one record act."""
        self.note_missing(at_us)
        match record:
            case BasalStart():
                self._basal_start(at_us, record)
            case TempBasal():
                self._temp_basal(at_us, record)
            case Bolus(amount_uu=None):
                self.timeline.missing.append((at_us, at_us))
            case Bolus() if self.stop is not None and record.amount_uu:
                self.restart(at_us)
            case ActiveProfile():
                self.pattern = record.pattern
                self._follow(at_us)
            case ProfileHead(kind="after", pattern=self.pattern):
                self._follow(at_us)
            case _:
                self._stop_or_restart(index, at_us, record)

    def _stop_or_restart(self, index: int, at_us: int, record: Record) -> None:
        match record:
            case Pumping():
                self._pumping(at_us, record.state)
            case Alarm() if record.code in _STOPPING or self._stops_after_all(index, record):
                self.halt(at_us, "alarm")
            case AlarmCleared():
                self._may_restart(index, at_us)
            case Rewind():
                self.halt(at_us, "reservoir_change")
            case Prime():
                self.halt(at_us, "reservoir_change")
                self._may_restart(index, at_us + _PRIME_US)
            case Battery(present=False):
                self.halt(at_us, "standby")
            case Battery() if self.stop is not None and self.stop.modes[-1][1] == "standby":
                self._may_restart(index, at_us)

    # --- the programme

    def advance(self, to_us: int) -> None:
        """Run the programme up to an instant: segment edges, the end of a temp basal, clock changes."""
        while self.now_us < to_us:
            edge_us = self._next_edge_us()
            next_us = min(to_us, edge_us)
            if self.temp is not None:
                next_us = min(next_us, max(self.temp_end_us, self.now_us))
            era_end_us = next(era.end_us for era in self.clock.eras if self.now_us < era.end_us)
            next_us = min(next_us, era_end_us)
            rate = self._rate()
            if rate is not None and next_us > self.now_us:
                self.timeline.rates.append(Rate(self.now_us, next_us, rate))
            self.now_us = next_us
            if self.temp is not None and self.temp_end_us <= next_us:
                self.temp = None
            elif next_us == edge_us < to_us and self.temp is None and self.stop is None:
                self.unseen += 1
            if next_us in (edge_us, era_end_us):
                self._follow(next_us)

    def _next_edge_us(self) -> int:
        return self.now_us + self.programme.next_edge(self.pattern, self.now_us, self._day_us(self.now_us))

    def _day_us(self, at_us: int) -> int:
        return (at_us + self.clock.offset_us(at_us)) % US_PER_DAY

    def _follow(self, at_us: int) -> None:
        """Take the rate that the programme has for this time, where the record vouches for one."""
        segment = self.programme.at(self.pattern, at_us, self._day_us(at_us))
        if segment is not None:
            self.base = segment.rate_uu_per_h

    def _rate(self) -> int | None:
        if self.base is None:
            self._follow(self.now_us)
        if self.temp is None:
            return self.base
        if self.temp.percent is None:
            return self.temp.rate_uu_per_h
        if self.base is None:
            return None
        return self.device.basal_bands_uu_per_h.round_down(self.base * self.temp.percent // 100)

    def note_missing(self, at_us: int) -> None:
        """Close the span since the last record; where several segments started in it unseen, records are missing."""
        if self.unseen >= _UNSEEN and self.logs_edges:
            self.timeline.missing.append((self.heard_us, at_us))
        self.heard_us, self.unseen = at_us, 0

    # --- the records

    def _basal_start(self, at_us: int, record: BasalStart) -> None:
        at_edge = self._at_edge(at_us, record)
        self.pattern = record.pattern or self.pattern
        if record.rate_uu_per_h is None:
            self._follow(at_us)
        else:
            self.base = record.rate_uu_per_h
        if self.low_suspended and at_edge:
            return
        if self.stop is not None:
            self.restart(at_us)
        self.temp = None

    def _at_edge(self, at_us: int, record: BasalStart) -> bool:
        return record.start_us == self._day_us(at_us)

    def _ran_before(self, at_us: int, record: BasalStart) -> bool:
        """Return whether the pump was running when it wrote this: at an edge, or when a temp basal was over."""
        return self._at_edge(at_us, record) or (self.temp is not None and abs(at_us - self.temp_end_us) <= _SLACK_US)

    def _temp_basal(self, at_us: int, record: TempBasal) -> None:
        if record.duration_us == 0:
            self.temp = None
            return
        if record.duration_us is None or (record.rate_uu_per_h is None and record.percent is None):
            self.timeline.missing.append((at_us, at_us))
            return
        if self.stop is not None and not self.low_suspended:
            self.restart(at_us)
        self.temp, self.temp_end_us = record, at_us + record.duration_us

    def _pumping(self, at_us: int, state: str) -> None:
        if state in _RESUMED:
            if state.startswith("auto") and self.low_suspended:
                self.temp = None
            if self.stop is not None:
                self.restart(at_us)
        elif state:
            self.halt(at_us, "suspended")
            self.low_suspended |= state in _LOW_SUSPENDED

    def halt(self, at_us: int, mode: RecordedMode) -> None:
        """Stop, or go from one cause of standing still to another."""
        if self.stop is None:
            self.stop = Stop(at_us, at_us, [(at_us, mode)])
        elif self.stop.modes[-1][1] != mode:
            self.stop.modes.append((at_us, mode))

    def restart(self, at_us: int) -> None:
        """Run again."""
        if self.stop is not None:
            self.stop.end_us = max(at_us, self.stop.start_us)
            self.timeline.stops.append(self.stop)
        self.stop = None
        self.low_suspended = False

    def _next_deed(self, index: int) -> tuple[int, Record] | None:
        """Return the next record that shows whether the pump ran."""
        for at_us, record in self.events[index + 1 : index + 1 + _LOOK_AHEAD]:
            if isinstance(record, (BasalStart, Rewind, Prime, TempBasal, Pumping, Battery)) or (
                isinstance(record, Bolus) and record.amount_uu
            ):
                return at_us, record
        return None

    def _may_restart(self, index: int, at_us: int) -> None:
        """Restart at `at_us` where the next deed of the pump shows that it ran by then without saying so."""
        deed = self._next_deed(index)
        if deed is None or self.stop is None:
            return
        deed_us, record = deed
        match record:
            case BasalStart():
                ran = self._ran_before(deed_us, record)
            case Bolus() | TempBasal():
                ran = True
            case Pumping():
                ran = self.temp is not None and self.temp_end_us > at_us and record.state not in _RESUMED
            case _:
                ran = False
        if ran:
            self.restart(min(at_us, deed_us))

    def _stops_after_all(self, index: int, alarm: Alarm) -> bool:
        """Return whether an alarm of another kind stopped the pump: it restarted basal right after the clearing."""
        cleared_us = next(
            (
                at_us
                for at_us, record in self.events[index + 1 : index + 1 + _LOOK_AHEAD]
                if isinstance(record, AlarmCleared) and record.code == alarm.code
            ),
            None,
        )
        deed = self._next_deed(index)
        if cleared_us is None or deed is None or not isinstance(deed[1], BasalStart):
            return False
        return 0 <= deed[0] - cleared_us <= _SOON_US and not self._ran_before(*deed)  # type: ignore[arg-type]  # narrowed above


_LOOK_AHEAD: Final = 200  # records; a bound on the work for damaged files
