"""What can be saved of a damaged journal.

The rule of this file: the damaged journal is only read. What counts is the newest stretch of rows that begins with a
checkpoint and is good; the state at its end is where the new journal begins. Of what follows nothing is believed but
one thing, to be on the safe side: a pulse that a readable row says was commanded may have been delivered, so it is
booked as uncertain and counts as delivered; and no number of a pulse is given out a second time. The kernel's caps know
only of what it commanded itself: they do not count the pulses that are booked here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pumpcore.alarms import Kind
from pumpcore.errors import JournalError, TimeError
from pumpcore.frozen import dataclass
from pumpcore.journal.replay import Replay, outstanding
from pumpcore.journal.row_codec import decode
from pumpcore.journal.rows import CHECKPOINT, Damage, Entry, Row, Walk, is_whole
from pumpcore.pump import Pump
from pumpcore.pump.effects import FirePulse, PrimePulse
from pumpcore.pump.events import FaultDetected, PulseUnknown, Tick
from pumpcore.pump.ledger import Fate
from pumpcore.pump.snapshot import read, write
from pumpcore.therapy.iob import InsulinPart

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pumpcore.devices import Device
    from pumpcore.pump.effects import Effect
    from pumpcore.pump.ledger import Channel
    from pumpcore.pump.state import PumpState

__all__ = ["SKIPPED", "Saved", "saved"]

SKIPPED: Final = 10**12
"""So many numbers of pulses are left out after rows that nobody can read.

More than all rows of a journal command: those are `ROWS_MOST`, and no row commands more than a reservoir holds, which
is 300,000 steps where they are smallest.
"""


@dataclass(frozen=True, slots=True)
class Saved:
    """What was saved.

    Attributes:
        pump: the state that can be vouched for, brought to now in alarm, with what is uncertain booked.
        damage: where the damage after that state begins; None where the newest rows are good.
        lost: how many rows after that were seen, readable or not; those that could not even be found do not count.
        uncertain_uu: therapy insulin that readable rows among them say was commanded.
        effects: the alarm, for the host to carry out.
    """

    pump: Pump
    damage: Damage | None
    lost: int
    uncertain_uu: int
    effects: tuple[Effect, ...]


def saved(rows: Iterable[Row], *, at_us: int, device: Device | None = None) -> Saved:
    """Find the newest state that can be vouched for, and bring it to now, in alarm.

    Args:
        rows: of the damaged journal.
        at_us: now.
        device: the pump's, where it is none of the presets.

    Raises:
        JournalError: there is no such state.
        TimeError: `at_us` is earlier than its last event.
    """
    replay, later, damage = _newest(rows, device)
    pump, broken = replay.pump()
    if pump is None:
        raise JournalError(f"nothing can be saved: {broken or damage}")
    if broken is not None:
        later = [*(row for row in replay.after if row.seq >= broken.row), *later]
        damage = broken
    known = pump.ledger.next_seq
    effects = _stopped(pump, at_us)
    state = read(pump.snapshot(), device=pump.config.device)
    before = state.ledger.therapy.uncertain
    if damage is not None:
        # What stopping has commanded and nobody fired is uncertain, and may bear the numbers of what was fired.
        for order in _orders(later):
            if order.seq >= known:
                known = order.seq + 1
                _book(state, order)
        state.ledger.next_seq = max(known, state.ledger.next_seq) + SKIPPED
    uncertain_uu = (state.ledger.therapy.uncertain - before) * state.config.device.step_uu
    made = Pump.restore(write(state), device=state.config.device)
    return Saved(made, damage, len(later), uncertain_uu, effects)


def _stopped(pump: Pump, at_us: int) -> tuple[Effect, ...]:
    """Stop a pump at the last instant that is known, so that nothing falls due after it, and let time pass up to now.

    What it commands on the way is fired by nobody, and uncertain with all that was open.
    """
    if at_us < pump.status.at_us:
        raise TimeError("at_us", at_us, pump.status.at_us)
    effects = [*pump.step(FaultDetected(pump.status.at_us, Kind.RECORD_DAMAGED)), *pump.step(Tick(at_us))]
    for seq in outstanding(pump):
        effects += pump.step(PulseUnknown(at_us, seq))
    return tuple(each for each in effects if not isinstance(each, FirePulse | PrimePulse))


def _newest(rows: Iterable[Row], device: Device | None) -> tuple[Replay, list[Row], Damage | None]:
    """Find the newest good stretch that begins with a checkpoint, the rows after it, and what is wrong there.

    A file that leads astray may show an old segment again: a checkpoint counts only where no row before it is newer.
    """
    replay, walk, last, newest = Replay(device), None, 0, 0
    later: list[Row] = []
    damage: Damage | None = None
    try:
        for row in rows:
            last = row.seq
            if walk is not None and walk.take(row):
                replay.take(row)
                newest = row.seq
                continue
            damage = damage or (None if walk is None else walk.damage)
            walk = Walk()
            if row.entries & CHECKPOINT and row.seq > newest and walk.take(row):
                replay, later, damage = Replay(device), [], None
                replay.take(row)
            else:
                walk = None
                later.append(row)
            if is_whole(row):
                newest = max(newest, row.seq)
    except JournalError as error:
        damage = damage or Damage(last + 1, "file", str(error))
    return replay, later, damage


def _orders(rows: Iterable[Row]) -> Iterator[FirePulse | PrimePulse]:
    """Find the pulses that were commanded, in rows that by themselves are whole."""
    for row in rows:
        if row.entries & (Entry.COMMANDED | Entry.PRIMED) and is_whole(row):
            try:
                _, effects = decode(row.at_us, row.body)
            except JournalError:  # whole, and yet of another version: it tells nothing
                continue
            yield from (each for each in effects if isinstance(each, FirePulse | PrimePulse))


def _book(state: PumpState, order: FirePulse | PrimePulse) -> None:
    """Book a pulse as commanded and uncertain."""
    channel: Channel = "prime" if isinstance(order, PrimePulse) else order.channel
    bolus_id = 0 if isinstance(order, PrimePulse) else order.bolus_id
    part = None if channel == "prime" else _part(state, bolus_id)
    if order.seq in state.ledger.orders:
        return
    after, state.ledger.next_seq = state.ledger.next_seq, order.seq
    state.ledger.command(order.at_us, bolus_id, order.steps, channel=channel, part=part)
    state.ledger.settle(order.seq, Fate.UNCERTAIN)
    state.ledger.next_seq = max(after, order.seq + 1)
    if part is not None:
        state.iob.add(min(order.at_us, state.seen_us), order.amount_uu, part)
    left_uu = state.reservoir.amount_uu
    if left_uu is not None:
        state.reservoir = state.reservoir._replace(amount_uu=max(left_uu - order.amount_uu, 0))


def _part(state: PumpState, bolus_id: int) -> InsulinPart:
    """Return the purpose of insulin; an unknown bolus counts as a correction."""
    if not bolus_id:
        return InsulinPart.BASAL
    bolus = state.boluses.active.get(bolus_id)
    return InsulinPart.MEAL if bolus is not None and bolus.for_meal else InsulinPart.CORRECTION
