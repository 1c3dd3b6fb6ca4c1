"""A journal that also keeps which effects each step had.

The rule of this file: it is a journal in everything else. `Journal.recover` takes several steps and answers with all
their effects; who checks each step needs them one by one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from pumpcore.journal import Journal

if TYPE_CHECKING:
    from pumpcore.journal import Bounds, Store
    from pumpcore.pump import Config
    from pumpcore.pump.effects import Effect
    from pumpcore.pump.events import Event

__all__ = ["RecordingJournal"]


class RecordingJournal(Journal):
    """A journal that keeps the steps of its last call.

    Attributes:
        recorded: events with their effects, since it was last emptied.
    """

    recorded: list[tuple[Event, tuple[Effect, ...]]]

    @classmethod
    def begin(cls, store: Store, config: Config, *, bounds: Bounds) -> RecordingJournal:
        """Create the journal of a new pump, at the instant 0."""
        journal = cast("RecordingJournal", cls.create(store, config, at_us=0, bounds=bounds))
        journal.recorded = []
        return journal

    @classmethod
    def reopen(cls, store: Store, *, bounds: Bounds) -> RecordingJournal:
        """Open an existing journal, as `open` does."""
        journal = cast("RecordingJournal", cls.open(store, bounds=bounds))
        journal.recorded = []
        return journal

    def step(self, event: Event) -> tuple[Effect, ...]:
        """Carry out one step, as any journal does, and keep it."""
        effects = super().step(event)
        self.recorded.append((event, effects))
        return effects

    def take(self) -> list[tuple[Event, tuple[Effect, ...]]]:
        """Return the steps since the last call, and forget them."""
        recorded, self.recorded = self.recorded, []
        return recorded
