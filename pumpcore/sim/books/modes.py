"""The book of modes: delivery begins only when a person wants it and everything is ready; a stop ends what it must.

The rule of this file: the policy of the suspend says what survives a stop; nothing else is kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pumpcore.pump import events
from pumpcore.pump.modes import State
from pumpcore.sim.books.boluses import BolusBook
from pumpcore.units import US_PER_HOUR

if TYPE_CHECKING:
    from pumpcore.pump import effects as said
    from pumpcore.pump.events import Event

__all__ = ["ModeBook"]


class ModeBook(BolusBook):
    """In which mode the pump is, and why."""

    def _moved(self, change: said.ModeChanged, event: Event) -> None:
        self.must("MOD-01", change.before is self.state, change, self.state)
        after = change.after
        if after is State.RUNNING:
            self._begins(change, event)
        if self.state is State.RUNNING:
            self.paused = after is State.SUSPENDED
            self.programme.missed %= self.step_uu * US_PER_HOUR  # the part of a step is carried
            self.began_low = self.by_itself = self.paused and isinstance(event, events.GlucoseMeasured)
            if self.paused and self.policy.keeps_boluses:
                for train in self.trains.values():
                    train.loose = True
            else:
                self._close()
        elif after is not State.SUSPENDED:
            if after is not State.RUNNING:
                self._close()
            self.by_itself = self.paused = False
        self.state = after

    def _begins(self, change: said.ModeChanged, event: Event) -> None:
        asked = isinstance(event, (events.Start, events.Resume)) and change.at_us == event.at_us
        self.must("MOD-03", change.before in {State.STANDBY, State.SUSPENDED}, change)
        self.must("SUS-02", asked or self.by_itself, change, event)
        ready = (
            self.programme.anchor is not None
            and self.programme.plan is not None
            and not self.limits.unset()
            and self.primed
            and (self.reservoir_uu or 0) >= self.step_uu
            and not self._stopping()
        )
        self.must("STA-01", ready, change, event)
