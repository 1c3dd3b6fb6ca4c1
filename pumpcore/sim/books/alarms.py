"""The book of alarms: each cause is on the board, sounds until it is answered, and leaves when it may.

The rule of this file: an alarm whose cause is there stays; one that must be confirmed stays until a person has done so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pumpcore.alarms import ANNUNCIATIONS, AnnunciationChanged, Clears, Kind, Priority, What
from pumpcore.alarms import AnnunciationStatus as Answered
from pumpcore.pump import events
from pumpcore.sim.books.modes import ModeBook
from pumpcore.units import US_PER_MINUTE

if TYPE_CHECKING:
    from pumpcore.pump.events import Event

__all__ = ["AlarmBook"]

_SILENT_US: Final = 4 * US_PER_MINUTE + 1  # two minutes between sounds, after an audio pause of two minutes


class AlarmBook(ModeBook):
    """What is annunciated, and why."""

    def _annunciated(self, change: AnnunciationChanged, event: Event) -> None:
        said_now, kind = change.annunciation, change.annunciation.kind
        if change.what is What.CLEARED:
            row = ANNUNCIATIONS[kind]
            self.must("ALM-09", kind not in self.causes, change, "its cause is still present")
            if row.clears is not Clears.GONE:
                self.must("ALM-03", said_now.id in self.confirmed, change, "it was not confirmed")
            self.active.pop(kind, None)
            return
        if change.what is What.AGAIN:
            self.confirmed.discard(said_now.id)
        elif change.what is What.CONFIRMED:
            by_hand = isinstance(event, events.ConfirmAlarm) and event.alarm_id == said_now.id
            self.must("ALM-03", by_hand, change, "confirmed without a request", event)
            self.confirmed.add(said_now.id)
        self.active[kind] = said_now

    def _heard(self, now_us: int) -> None:
        """Check that what is of high priority and not answered sounds."""
        for each in self.active.values():
            if each.priority is Priority.HIGH and each.status is Answered.PENDING:
                silent_us = now_us - max(self.last_sound_us, each.status_since_us)
                self.must("ALM-02", silent_us <= _SILENT_US, "silent", each, silent_us)

    def _agree_alarms(self, event: Event) -> None:
        """Check that all that is wrong is annunciated, and sounds."""
        now_us = event.at_us
        for kind in self.causes:
            self.must("ALM-09", kind in self.active, "a fault without an alarm", kind, event)
        if self.battery is not None and self.battery <= self.config.settings.alarms.battery_empty_percent:
            self.must("PWR-02", Kind.BATTERY_EMPTY in self.active, "an empty battery", self.battery)
        watch = self.config.settings.alarms.watch
        without_us = 0 if self.begun_us is None else now_us - max(self.confirmed_us, self.begun_us)
        if without_us >= watch.high_us + max(self.config.unanswered_us, watch.medium_us):
            high = any(each.priority is Priority.HIGH for each in self.active.values())
            self.must("WCH-01", high, "no insulin delivered and no alarm", without_us, event)
