"""`Journal`: a pump whose every step is on record before its effects leave the house.

The rules are those at the top of the package; this file is where they are kept.
"""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING, TypeAlias

from pumpcore.alarms import Kind
from pumpcore.errors import JournalError, QuantityError, TimeError
from pumpcore.frozen import dataclass
from pumpcore.journal.replay import Replay, outstanding
from pumpcore.journal.row_codec import decode, encode
from pumpcore.journal.rows import CHAIN_START, CHECKPOINT, ROWS_MOST, Damage, Entry, Walk, begins, seal
from pumpcore.journal.salvage import saved
from pumpcore.pump import Pump
from pumpcore.pump.effects import FirePulse, PrimePulse
from pumpcore.pump.events import FaultDetected, FaultGone, PulseFailed, PulseUnknown, Tick

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from pumpcore.devices import Device
    from pumpcore.journal.rows import Row
    from pumpcore.journal.salvage import Saved
    from pumpcore.journal.store import Store
    from pumpcore.pump import Config, Status
    from pumpcore.pump.effects import Effect
    from pumpcore.pump.events import Event

    Archive: TypeAlias = Callable[[Iterator[Row]], None]

__all__ = ["Bounds", "Failure", "Journal", "Record", "read_row", "verify"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How large a journal may grow.

    Attributes:
        segment_rows: after so many rows the next checkpoint begins a new segment: a restart replays no more than that.
        segments: of so many segments rows are kept; older ones are dropped. What is chosen here keeps more than a year
            in which a sensor reads and a controller issues a temp basal every 5 minutes.

    Raises:
        QuantityError: a bound is no int, or less than 1, or both make more than `rows.ROWS_MOST` rows.
    """

    segment_rows: int = 10_000
    segments: int = 100

    def __post_init__(self) -> None:
        """Refuse bounds that bound nothing, or too much."""
        for name in ("segment_rows", "segments"):
            value = getattr(self, name)
            if type(value) is not int or value < 1:
                raise QuantityError(name, value, "must be a whole number, at least 1")
        if self.segment_rows * self.segments > ROWS_MOST:
            raise QuantityError("segments", self.segments, f"of {self.segment_rows} rows make more than {ROWS_MOST}")


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a journal delivers nothing any more.

    Attributes:
        reason: what the store said.
        effects: what the pump in memory said to that, the alarm first of all: for the host to carry out at once. A
            bolus is told as aborted, with what was not delivered of it; a person may give the rest by hand. So whoever
            opens the journal anew calls `recover` with `after_failure=True`.
    """

    reason: str
    effects: tuple[Effect, ...]


@dataclass(frozen=True, slots=True)
class Record:
    """A row, read.

    Attributes:
        row: as it is kept.
        entries: what it tells of.
        event: what the pump was told; None in a checkpoint.
        effects: what it answered.
    """

    row: Row
    entries: Entry
    event: Event | None
    effects: tuple[Effect, ...]


class Journal:
    """A pump with a durable record: one pump, one journal, one store.

    Made by `create`, `open` or `salvage`.

    Example:
        >>> from pumpcore.devices import load
        >>> from pumpcore.pump.events import Tick
        >>> from pumpcore.journal import MemoryStore
        >>> from pumpcore.pump import Config
        >>> store = MemoryStore()
        >>> journal = Journal.create(store, Config(device=load("generic-0.05")), at_us=0)
        >>> journal.step(Tick(1_000_000))
        ()
        >>> journal.close()
        >>> again = Journal.open(store)
        >>> again.pump.snapshot() == journal.pump.snapshot(), again.head[0]
        (True, 2)
    """

    def __init__(self, store: Store, pump: Pump, *, bounds: Bounds | None, archive: Archive | None) -> None:
        """Take over a pump and the store that holds its rows; use `create`, `open` or `salvage`."""
        self._store = store
        self._pump = pump
        self._bounds = bounds or Bounds()
        self._archive = archive
        self._seq, self._chain = 0, CHAIN_START
        self._segments: list[int] = []
        self._failure: Failure | None = None
        self._saved: Saved | None = None

    # How one is made ------------------------------------------------------------------------------------------------

    @classmethod
    def create(
        cls, store: Store, config: Config, *, at_us: int, bounds: Bounds | None = None, archive: Archive | None = None
    ) -> Journal:
        """Begin the journal of a new pump.

        Args:
            store: an empty one.
            config: what the pump is made with.
            at_us: where monotonic time stands.
            bounds: how large it may grow.
            archive: is given the rows that are about to be dropped; what it raises is a failure of the store.

        Raises:
            QuantityError, LimitError: as `Pump`. Nothing is written.
            JournalError: the store is not empty, or cannot keep it.
        """
        return cls._begun(store, Pump(config, at_us=at_us), bounds, archive)

    @classmethod
    def open(
        cls,
        store: Store,
        *,
        device: Device | None = None,
        bounds: Bounds | None = None,
        archive: Archive | None = None,
    ) -> Journal:
        """Go on with a journal: check every row, and make the pump that it tells of.

        The pump is the one that was there after the last row, byte for byte in its snapshot. Call `recover` next.

        Args:
            store: what keeps it.
            device: the pump's device, where it is none of the presets.
            bounds: how large it may grow.
            archive: as `create`.

        Raises:
            JournalError: a row is damaged, or rows are missing; the text names the row and the check. Nothing is
                changed, and the store is still open; `salvage` is the way to go on.
        """
        walk, replay = Walk(store.rows()), Replay(device)
        for row in walk:
            replay.take(row)
        if walk.damage is not None:
            raise JournalError(str(walk.damage))
        pump, damage = replay.pump()
        if pump is None or damage is not None:
            raise JournalError(str(damage))
        journal = cls(store, pump, bounds=bounds, archive=archive)
        journal._seq, journal._chain, journal._segments = walk.seq, walk.chain, walk.segments
        return journal

    @classmethod
    def salvage(  # noqa: PLR0913  # both stores, and what `create` and `open` take
        cls,
        damaged: Store,
        into: Store,
        *,
        at_us: int,
        device: Device | None = None,
        bounds: Bounds | None = None,
        archive: Archive | None = None,
    ) -> Journal:
        """Go on after a damage, in a new journal: the pump begins in alarm, and all that came later is unknown.

        It begins with the newest state that can be vouched for. Pulses that were commanded later are counted as
        delivered and as uncertain, as far as a row can be read that says so; `RECORD_DAMAGED` is raised and stays until
        the host reports it gone and a person has confirmed it. The numbers of pulses go on beyond all that may have
        been used.

        Args:
            damaged: the journal; it is only read.
            into: an empty store.
            at_us: now.
            device: as `open`.
            bounds: as `open`.
            archive: as `create`.

        Raises:
            JournalError: nothing can be saved, or `into` cannot keep it. Nothing of `damaged` is changed.
            TimeError: `at_us` is earlier than the last event.
        """
        found = saved(damaged.rows(), at_us=at_us, device=device)
        return cls._begun(into, found.pump, bounds, archive, found)

    @classmethod
    def _begun(
        cls, store: Store, pump: Pump, bounds: Bounds | None, archive: Archive | None, found: Saved | None = None
    ) -> Journal:
        if next(store.rows(), None) is not None:
            raise JournalError("the store already holds a journal")
        journal = cls(store, pump, bounds=bounds, archive=archive)
        journal._saved = found
        journal._checkpoint()
        return journal

    # What one asks --------------------------------------------------------------------------------------------------

    @property
    def pump(self) -> Pump:
        """The pump, to be asked; what it is told goes through `step` of the journal."""
        return self._pump

    @property
    def status(self) -> Status:
        """What the pump can say of itself."""
        return self._pump.status

    @property
    def head(self) -> tuple[int, bytes]:
        """The number of the last row, and its chain: who keeps both elsewhere can tell later whether all is there."""
        return self._seq, self._chain

    @property
    def failure(self) -> Failure | None:
        """Why nothing is delivered any more; None as long as the store works."""
        return self._failure

    @property
    def saved(self) -> Saved | None:
        """What `salvage` found, with the alarm for the host to carry out; None where it was made otherwise."""
        return self._saved

    def next_deadline_us(self) -> int | None:
        """Return the latest instant at which the pump must be called, as `Pump.next_deadline_us`."""
        return self._pump.next_deadline_us()

    def records(self) -> Iterator[Record]:
        """Read all rows that are kept.

        Raises:
            JournalError: a row is damaged; those before it were yielded.
        """
        walk = Walk(self._store.rows())
        yield from map(read_row, walk)
        if walk.damage is not None:
            raise JournalError(str(walk.damage))

    # What one tells it ----------------------------------------------------------------------------------------------

    def step(self, event: Event) -> tuple[Effect, ...]:
        """Take an event, make it and its effects durable, and only then hand the effects out.

        Args:
            event: of `events`; its instant is now.

        Returns:
            Effects in the order in which they are to be carried out. An order to move insulin is handed out once: a
            pump that repeats an answer leaves it out.

        Raises:
            RequestError: the event is refused. Nothing at all has changed, and nothing is written.
            InvariantError: a bug of the pump. Nothing is written.
            JournalError: the record could not be made durable. Nothing of this step is kept or handed out, and from
                now on no insulin is; `failure` holds the alarm. Afterwards the pump goes on in memory alone.
        """
        if self._failure is not None:
            return self._in_memory(event)
        try:
            return self._pump.step(event, record=self._keep)
        except JournalError as error:
            self._fail(str(error), event.at_us)
            raise

    def recover(self, at_us: int, *, after_failure: bool = False) -> tuple[Effect, ...]:
        """Take every pulse whose outcome is open as uncertain; the first thing to do after a restart.

        Uncertain pulses count as delivered for limits and insulin on board until an event settles them.

        Args:
            at_us: now, on the monotonic time of the journal; at least the instant of its last event.
            after_failure: whether a journal of this pump may have failed before: the host knows that one has, or does
                not know that none did. What that one told as ended, in `Failure`, is then ended on record too, at the
                last instant that is on record, and the pump stands in alarm. Without it a bolus goes on which a person
                was told is over, and who gave the rest by hand gets it twice.

        Returns:
            All effects, in order. What fell due meanwhile is missed or commanded as `Pump` does with a late host;
            after a failure it is not commanded.

        Raises:
            TimeError: `at_us` is earlier than the last event. Nothing is changed.
            JournalError: as `step`. What earlier steps of this call commanded is on record and was handed to nobody;
                after the next restart it is uncertain like all that is open.
        """
        if at_us < self._pump.status.at_us:
            raise TimeError("at_us", at_us, self._pump.status.at_us)
        effects = self._stopped() if after_failure else []
        before = frozenset(outstanding(self._pump))
        effects += self.step(Tick(at_us))
        for seq in outstanding(self._pump):
            if seq in before:
                effects += self.step(PulseUnknown(at_us, seq))
        return tuple(effects)

    def checkpoint(self) -> None:
        """Begin a new segment now, before an upgrade or a power cut that one knows of: nothing is left to replay.

        Raises:
            JournalError: as `step`.
        """
        if self._failure is not None:
            raise JournalError(self._failure.reason)
        try:
            self._checkpoint()
        except JournalError as error:
            self._fail(str(error), self._pump.status.at_us)
            raise

    def close(self) -> None:
        """Let go of the store."""
        self._store.close()

    # How it is done -------------------------------------------------------------------------------------------------

    def _keep(self, event: Event, effects: tuple[Effect, ...]) -> None:
        """Make a step durable, or raise a `JournalError`; the pump still stands before it."""
        try:
            entries, body = encode(event, effects)
        except Exception as error:
            raise JournalError(f"{type(event).__name__} cannot be written down: {error!r}") from error
        if self._seq - self._segments[-1] >= self._bounds.segment_rows:
            self._checkpoint()
        self._append(event.at_us, entries, body)

    def _append(self, at_us: int, entries: int, body: bytes, *, drop_before: int = 0) -> None:
        row = seal(self._seq + 1, at_us, entries, body, self._chain)
        try:
            self._store.append((row,), drop_before=drop_before)
        except JournalError:
            raise
        except Exception as error:  # whatever a store raises, nobody knows that the row is there
            raise JournalError(f"row {row.seq} cannot be written: {error!r}") from error
        self._seq, self._chain = row.seq, row.chain

    def _checkpoint(self) -> None:
        """Write the whole pump, and drop the oldest segments."""
        segments = [*self._segments, self._seq + 1]
        kept = segments[-self._bounds.segments :]
        drop_before = kept[0] if len(kept) < len(segments) else 0
        if drop_before and self._archive is not None:
            try:
                self._archive(takewhile(lambda row: row.seq < drop_before, self._store.rows()))
            except Exception as error:
                raise JournalError(f"rows before {drop_before} cannot be archived: {error!r}") from error
        body = begins(self._chain) + self._pump.snapshot()
        self._append(self._pump.status.at_us, CHECKPOINT, body, drop_before=drop_before)
        self._segments = kept

    def _stopped(self) -> list[Effect]:
        """Record what `_fail` could only tell: the alarm at the last instant on record; what was due there has failed.

        What was due and is withheld counts among what the person was told is not delivered.
        """
        at_us = self._pump.status.at_us
        effects: list[Effect] = []
        for effect in self.step(FaultDetected(at_us, Kind.RECORD_DAMAGED)):
            if isinstance(effect, FirePulse | PrimePulse):
                effects += self.step(PulseFailed(at_us, effect.seq))
            else:
                effects.append(effect)
        return effects

    def _fail(self, reason: str, at_us: int) -> None:
        """Deliver nothing from now on: the alarm at the last instant that is on record, then time up to now."""
        self._failure = Failure(reason, ())
        effects = self._in_memory(FaultDetected(self._pump.status.at_us, Kind.RECORD_DAMAGED))
        self._failure = Failure(reason, effects + self._in_memory(Tick(at_us)))

    def _in_memory(self, event: Event) -> tuple[Effect, ...]:
        """Take a step that no record is kept of: whatever it commands is withheld, and so has certainly failed."""
        if isinstance(event, FaultGone) and event.kind is Kind.RECORD_DAMAGED:
            reason = "" if self._failure is None else self._failure.reason
            raise JournalError(f"the record can no longer be written; open the journal again ({reason})")
        effects: list[Effect] = []
        for effect in self._pump.step(event):
            if isinstance(effect, FirePulse | PrimePulse):
                effects += self._in_memory(PulseFailed(event.at_us, effect.seq))
            else:
                effects.append(effect)
        return tuple(effects)


def read_row(row: Row) -> Record:
    """Read a row that is good.

    Raises:
        JournalError: its body is none that this version writes; the text names the row.
    """
    if row.entries & CHECKPOINT:
        return Record(row, Entry(row.entries), None, ())
    try:
        event, effects = decode(row.at_us, row.body)
    except JournalError as error:
        raise JournalError(str(Damage(row.seq, "content", str(error)))) from error
    return Record(row, Entry(row.entries), event, effects)


def verify(rows: Iterable[Row], *, device: Device | None = None, replayed: bool = False) -> tuple[Walk, Damage | None]:
    """Check all rows, and that their contents can be read.

    Args:
        rows: of one journal.
        device: the pump's, where it is none of the presets.
        replayed: whether to replay every segment too, and compare the pump at its end with the next checkpoint; some
            50 us a row. Without it, the last segment is replayed.

    Returns:
        How far it came, and the first damage.
    """
    walk, replay, damage = Walk(rows), Replay(device), None
    for row in walk:
        if not row.entries & CHECKPOINT:
            damage = _unreadable(row)
        elif replayed:
            damage = _differs(replay, row)
        if damage is not None:
            break
        replay.take(row)
    # Only a replay shows what is wrong in the rows before the one at which it stopped.
    played = None if replay.checkpoint is None else replay.pump()[1]
    return walk, played or damage or walk.damage


def _unreadable(row: Row) -> Damage | None:
    try:
        decode(row.at_us, row.body)
    except JournalError as error:
        return Damage(row.seq, "content", str(error))
    return None


def _differs(replay: Replay, checkpoint: Row) -> Damage | None:
    """Return whether the segment before a checkpoint leads to a different pump."""
    if replay.checkpoint is None:
        return None
    pump, damage = replay.pump()
    if damage is None and (pump is None or not checkpoint.body.endswith(b"\n" + pump.snapshot())):
        return Damage(checkpoint.seq, "replay", "the rows before it lead to another state")
    return damage
