"""What a journal says was delivered: stretches of basal, and boluses, with the wall clock that they had.

The rule of this file: amounts come from the pulses that were commanded and did not fail, never from a rate times a
time, so their sum is what the ledger counts. Uncertain pulses count as delivered, and apart. A stretch is as long as
rate and kind stay the same, so a temp basal that is issued again and again is one. What is earlier than what was told
already belongs to an answer that is repeated, and tells nothing new.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from pumpcore.errors import JournalError
from pumpcore.frozen import dataclass, field
from pumpcore.journal.rows import snapshot_in
from pumpcore.pump import effects as said
from pumpcore.pump import events
from pumpcore.pump.config import zone_of
from pumpcore.pump.modes import State
from pumpcore.pump.snapshot import read
from pumpcore.therapy.profile import PercentTemp, utc_offset_us
from pumpcore.units import US_PER_MINUTE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pumpcore.devices import Device
    from pumpcore.journal.journal import Record
    from pumpcore.pump.effects import Effect, EndReason
    from pumpcore.pump.events import Event
    from pumpcore.pump.state import PumpState
    from pumpcore.therapy.bolus import Bolus

__all__ = ["BasalStretch", "DeliveredAmount", "DeliveredBolus", "Deliveries", "Local"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
Kind: TypeAlias = Literal["scheduled", "temp", "automated", "suspend"]


@dataclass(slots=True)
class DeliveredAmount:
    """Insulin of one purpose.

    Attributes:
        uu: commanded and not failed, micro-units.
        uncertain_uu: the part of it that nobody has confirmed.
    """

    uu: int = 0
    uncertain_uu: int = 0


@dataclass(slots=True)
class BasalStretch:
    """A stretch of time with one basal rate.

    Attributes:
        start_us: monotonic.
        end_us: monotonic; of the last stretch the last instant that the journal knows.
        kind: where the rate comes from.
        rate_uu_per_h: the rate in force.
        percent: of the profile's rate, where a temp basal says so.
        delivered: by its pulses.
    """

    start_us: int
    end_us: int
    kind: Kind
    rate_uu_per_h: int
    percent: int | None
    delivered: DeliveredAmount = field(default_factory=DeliveredAmount)


@dataclass(slots=True)
class DeliveredBolus:
    """A bolus.

    Attributes:
        bolus: as it was programmed.
        fast: delivered at the device's speed.
        extended: delivered over time.
        end_us: when it ended; None while it runs.
        reason: why it ended.
    """

    bolus: Bolus
    fast: DeliveredAmount = field(default_factory=DeliveredAmount)
    extended: DeliveredAmount = field(default_factory=DeliveredAmount)
    end_us: int | None = None
    reason: EndReason | None = None


@dataclass(frozen=True, slots=True)
class Local:
    """An instant on the wall clock.

    Attributes:
        utc: aware; to the microsecond.
        offset_min: of local time to UTC, whole minutes.
    """

    utc: datetime
    offset_min: int

    @property
    def utc_text(self) -> str:
        """ISO 8601 with milliseconds, rounded down."""
        return self.utc.strftime("%Y-%m-%dT%H:%M:%S.") + f"{self.utc.microsecond // 1000:03d}Z"

    @property
    def local_text(self) -> str:
        """Local time, without a zone, to the second, rounded down."""
        return (self.utc + timedelta(minutes=self.offset_min)).strftime("%Y-%m-%dT%H:%M:%S")


class Deliveries:
    """Reads records in order; everything else is asked afterwards.

    Attributes:
        basal: the stretches, in order.
        boluses: by number, in the order in which they began.
        changes: when reservoirs were loaded and infusion sets connected.

    Raises:
        JournalError: there is no checkpoint to begin with.
    """

    def __init__(self, records: Iterable[Record], *, device: Device | None = None) -> None:
        """Read the records of a journal."""
        self.basal: list[BasalStretch] = []
        self.boluses: dict[int, DeliveredBolus] = {}
        self.changes: list[tuple[int, Literal["reservoir", "set"]]] = []
        self._clocks: list[tuple[int, int, str]] = []
        self._orders: dict[int, tuple[DeliveredAmount, int]] = {}
        self._latest_us = 0
        self._rate = 0
        self._percent: int | None = None
        self._temp = self._automated = self._running = False
        state: PumpState | None = None
        for record in records:
            if state is None:
                state = read(snapshot_in(record.row)[1], device=device)
                self._begin(state)
            elif record.event is not None:
                self._read(record)
            self.basal[-1].end_us = record.row.at_us
        if state is None:
            raise JournalError("the journal has no rows")
        self.device = state.config.device
        for delivered, amount_uu in self._orders.values():
            delivered.uncertain_uu += amount_uu

    @property
    def total(self) -> DeliveredAmount:
        """All therapy insulin."""
        each = [stretch.delivered for stretch in self.basal]
        for bolus in self.boluses.values():
            each += [bolus.fast, bolus.extended]
        return DeliveredAmount(sum(one.uu for one in each), sum(one.uncertain_uu for one in each))

    def local(self, at_us: int) -> Local:
        """Return what the wall clock showed at a monotonic instant.

        Raises:
            JournalError: it was never set. Before it was first set, it is taken to have gone as it did then.
        """
        found = [clock for clock in self._clocks if clock[0] <= at_us] or self._clocks[:1]
        if not found:
            raise JournalError(f"the wall clock had not been set at {at_us} us, so this instant has no date")
        _, shift_us, zone = found[-1]
        utc_us = at_us + shift_us
        return Local(_EPOCH + timedelta(microseconds=utc_us), utc_offset_us(zone_of(zone), utc_us) // US_PER_MINUTE)

    # One record after the other -------------------------------------------------------------------------------------

    def _begin(self, s: PumpState) -> None:
        self._rate, self._running = s.engine.rate_uu_per_h, s.state is State.RUNNING
        self._temp, self._automated = s.basal.temp is not None, s.basal.by_controller
        self._percent = s.basal.temp.percent if isinstance(s.basal.temp, PercentTemp) else None
        self._latest_us = s.seen_us
        self.boluses = {bolus.id: DeliveredBolus(bolus) for bolus in s.boluses.active.values()}
        if s.local.anchor is not None:
            self._clocks.append((0, s.local.anchor.shift_us, s.local.zone))
        self.basal.append(self._stretch(s.seen_us))

    def _read(self, record: Record) -> None:
        event = record.event
        asked = event.request if isinstance(event, events.Command) else event
        for effect in record.effects:
            if isinstance(effect, said.FirePulse):
                self._order(effect)
            elif isinstance(effect, said.BolusProgrammed):
                self.boluses.setdefault(effect.bolus.id, DeliveredBolus(effect.bolus))
            elif isinstance(effect, said.BolusDelivered):
                self._end(effect)
            elif isinstance(effect, said.ReferenceTime):
                self._clocks.append((effect.at_us, effect.after_us, effect.zone))
            elif effect.at_us >= self._latest_us:
                self._follow(effect, automated=isinstance(asked, events.ControllerAsks))
        self._hear(event)

    def _hear(self, event: Event | None) -> None:
        """Take an outcome, or what a person has done."""
        if isinstance(event, events.PulseConfirmed):
            self._orders.pop(event.seq, None)
        elif isinstance(event, events.PulseFailed):
            delivered, amount_uu = self._orders.pop(event.seq, (DeliveredAmount(), 0))
            delivered.uu -= amount_uu
        elif isinstance(event, events.Loaded):
            self.changes.append((event.at_us, "reservoir"))
        elif isinstance(event, events.Connected):
            self.changes.append((event.at_us, "set"))

    def _order(self, order: said.FirePulse) -> None:
        if order.channel == "basal":
            delivered = self.basal[-1].delivered
        else:
            bolus = self.boluses[order.bolus_id]
            delivered = bolus.fast if order.channel == "bolus" else bolus.extended
        delivered.uu += order.amount_uu
        self._orders[order.seq] = (delivered, order.amount_uu)

    def _end(self, effect: said.BolusDelivered) -> None:
        bolus = self.boluses.get(effect.bolus.id)
        if bolus is not None and bolus.end_us is None:
            bolus.end_us, bolus.reason = effect.at_us, effect.reason

    def _follow(self, effect: Effect, *, automated: bool) -> None:
        """Begin another stretch where rate or kind changed."""
        match effect:
            case said.ModeChanged():
                self._running = effect.after is State.RUNNING
            case said.TempStarted():
                self._temp, self._automated, self._percent = True, automated, effect.percent
            case said.TempEnded():
                self._temp, self._automated, self._percent = False, False, None
            case said.RateChanged():
                self._rate = effect.rate_uu_per_h
            case _:
                return
        self._latest_us = effect.at_us
        last, fresh = self.basal[-1], self._stretch(effect.at_us)
        if last.start_us == effect.at_us and not last.delivered.uu and len(self.basal) > 1:
            # It lasted no time: one temp basal was followed by the next.
            self.basal.pop()
            last = self.basal[-1]
        last.end_us = effect.at_us
        if (last.kind, last.rate_uu_per_h, last.percent) != (fresh.kind, fresh.rate_uu_per_h, fresh.percent):
            self.basal.append(fresh)

    def _stretch(self, at_us: int) -> BasalStretch:
        kind: Kind = "scheduled"
        if not self._running:
            kind = "suspend"
        elif self._temp:
            kind = "automated" if self._automated else "temp"
        return BasalStretch(at_us, at_us, kind, self._rate, self._percent)
