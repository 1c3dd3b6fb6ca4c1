"""A journal that also says which step gave which effects.

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

__all__ = ["ToldJournal"]


class ToldJournal(Journal):
    """A journal that keeps the steps of its last call.

    Attributes:
        told: events with their effects, since it was last emptied.
    """

    told: list[tuple[Event, tuple[Effect, ...]]]

    @classmethod
    def begin(cls, store: Store, config: Config, *, bounds: Bounds) -> ToldJournal:
        """Begin the journal of a new pump, as `create` at the instant 0."""
        journal = cast("ToldJournal", cls.create(store, config, at_us=0, bounds=bounds))
        journal.told = []
        return journal

    @classmethod
    def go_on(cls, store: Store, *, bounds: Bounds) -> ToldJournal:
        """Go on with a journal, as `open`."""
        journal = cast("ToldJournal", cls.open(store, bounds=bounds))
        journal.told = []
        return journal

    def step(self, event: Event) -> tuple[Effect, ...]:
        """Take an event, as any journal."""
        effects = super().step(event)
        self.told.append((event, effects))
        return effects

    def take(self) -> list[tuple[Event, tuple[Effect, ...]]]:
        """Give the steps since the last time, and forget them."""
        told, self.told = self.told, []
        return told
