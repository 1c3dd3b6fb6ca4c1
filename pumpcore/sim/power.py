"""Power cuts: at a write, between two events, and how the host comes up again.

The rule of this file: after a cut an event has happened as a whole or not at all, and what was under way is uncertain.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pumpcore.errors import JournalError, RequestError
from pumpcore.journal import Bounds, Journal
from pumpcore.sim.books import BrokenError
from pumpcore.sim.faults import PowerCutError
from pumpcore.sim.recording_journal import RecordingJournal
from pumpcore.units import US_PER_HOUR, US_PER_MINUTE, US_PER_SECOND

if TYPE_CHECKING:
    from pumpcore.pump.events import Event
    from pumpcore.sim.world import World

__all__ = ["BOUNDS", "FULL_US", "Power"]

_DOWN_US: Final = (US_PER_SECOND, 5 * US_PER_MINUTE)
FULL_US: Final = (10 * US_PER_SECOND, US_PER_HOUR)
"""How long a store stays full."""

BOUNDS: Final = Bounds(segment_rows=200, segments=2)  # short, so that a restart has little to replay


class Power:
    """The power of a world's host.

    Args:
        world: the one whose power it is.
    """

    def __init__(self, world: World) -> None:
        """Begin with the power on."""
        self._world = world

    def cut_at_write(self, event: Event) -> None:
        """Cut the power while this event is written: afterwards it has happened as a whole, or not at all."""
        before = self._world.pump.snapshot()
        self._world.store.cut_at_next()
        self._world.steps += 1
        try:
            self._world.journal.step(event)
        except PowerCutError:
            self.reopen()
        except RequestError:
            self._world.store.cut_at_next(armed=False)
            self.cut()
            return
        if self._world.pump.snapshot() != before:
            answered = self._world.books.kept(event, before, self._world.pump)
            self._world.digest.update(repr((event, answered, "not handed out")).encode())
            self._world.seen_us = event.at_us
        self.recover()

    def cut(self) -> None:
        """Cut the power between two events."""
        before = None if self._world.journal.failure is not None else self._world.pump.snapshot()
        self.reopen()
        self._world.books.must("PWR-03", before in {None, self._world.pump.snapshot()}, "the restarted pump differs")
        self.recover()

    def reopen(self) -> None:
        """Open the journal again: of the store, only what is durable is left."""
        self._world.agenda.life += 1
        self._world.promised_us = None
        self._world.restarts += 1
        if self._world.store.torn:
            self._must_not_open("a torn row went unnoticed")
            self._world.store.repair()
        if self._world.store.flip():
            self._must_not_open("a flipped bit went unnoticed")
            self._world.store.unflip()
        self._world.journal = RecordingJournal.reopen(self._world.store, bounds=BOUNDS)

    def _must_not_open(self, what: str) -> None:
        try:
            Journal.open(self._world.store, bounds=BOUNDS)
        except JournalError as error:
            self._world.books.must("PWR-04", str(error), what)
        else:
            raise BrokenError("PWR-04", what)

    def recover(self) -> None:
        """Let the host come up again: what was under way is uncertain."""
        self._world.clock.at_us += self._world.dice.between(*_DOWN_US)
        self._world.awake_us = self._world.clock.at_us
        at_us = self._world.now_us()
        open_ones = [seq for seq, order in self._world.books.orders.items() if order.fate == "outstanding"]
        try:
            self._world.journal.recover(at_us)
        except JournalError:
            self._world.after(self._world.dice.between(*FULL_US), self._world.after_failure)
        for event, answered in self._world.journal.take():
            self._world.digest.update(repr((event, answered)).encode())
            found = self._world.books.watch(event, answered)
            self._world.person.notice(found)
            self._world.seen_us = max(self._world.seen_us, event.at_us)
            self._world.carry_out(found)
        if self._world.journal.failure is not None:
            return
        orders = self._world.books.orders
        left = [seq for seq in open_ones if seq in orders and orders[seq].fate == "outstanding"]
        self._world.books.must("DEL-09", not left, "a pulse without a known outcome is still outstanding", left)
        self._world.check_counted()
        self._world.books.compare(self._world.pump)
