"""The real pump of a model, and its host.

`Bench.give` does one event as the specification means it (a tick is a host that calls at every deadline) and says
if the pump took it; `Bench.seen` is the state of the specification that the real pump is in.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from pumpcore import Delivery
from pumpcore.errors import RequestError
from pumpcore.pump import Pump, events
from pumpcore.pump.effects import FirePulse, PrimePulse
from pumpcore.pump.ledger import Ledger
from pumpcore.pump.state import PumpState
from pumpcore.therapy.iob import Iob
from specs.conformance.alphabet import ALPHABET
from specs.conformance.model import FULL_UU, STEP_UU
from specs.conformance.said import Listener
from specs.conformance.seen import Seen

if TYPE_CHECKING:
    from pumpcore.pump.effects import Effect
    from specs.conformance.model import Model

__all__ = ["Bench"]

CALLS_MOST: Final = 1000
"""Calls within a tick: sounds, pulses and deadlines need some dozens."""


class Bench:
    """The real pump of a model, and its host.

    Attributes:
        model: the model.
        pump: the pump; None while it has no power.
        kept: what a pump without power has left behind.
        dark: the pump that this makes, once somebody has looked at it.
        listener: who hears what it answers.
        spins: whether it wanted to be called again and again within a tick; no state of the specification is like that.
    """

    spins = False

    def __init__(self, model: Model) -> None:
        """Make the pump and bring it to where the model begins."""
        self.model = model
        self.kept = b""
        self.dark: Pump | None = None
        # Readings of before the beginning have a time too.
        at_us = 2 * model.tick_us
        self.pump: Pump | None = Pump(model.config(), at_us=at_us)
        begins = model.constants["Begins"]
        if begins in {"ready", "running"}:
            for event in (
                events.BeginChange(at_us, set_off_body=True),
                events.Rewound(at_us),
                events.ReservoirMeasured(at_us, FULL_UU),
                events.Loaded(at_us),
                events.Prime(at_us, STEP_UU),
                events.PulseConfirmed(at_us, 1),
                events.Primed(at_us),
                events.Filled(at_us),
                events.Connected(at_us),
            ):
                self.pump.step(event)
        if begins == "running":
            self.pump.step(events.Start(at_us))
        self.listener = Listener(model, self.state)

    # What it is -----------------------------------------------------------------------------------------------------

    @property
    def state(self) -> PumpState:
        """Give all that the pump knows. The comparison looks at it as it is, not at what the pump says of itself."""
        return self.shown._kept.state  # noqa: SLF001

    @property
    def shown(self) -> Pump:
        """Give the pump to look at: without power, the one that would come back."""
        if self.pump is not None:
            return self.pump
        if self.dark is None:
            self.dark = self.restored()
        return self.dark

    def restored(self) -> Pump:
        """Give the pump that was kept."""
        return Pump.restore(self.kept, device=self.model.device())

    def copy(self) -> Bench:
        """Return another bench with an equal pump; `mark` shows that what is done to one leaves the other alone."""
        other = object.__new__(Bench)
        other.model, other.kept, other.dark = self.model, self.kept, self.dark
        other.pump, other.spins = None, self.spins
        other.listener = self.listener
        if self.pump is not None:
            other.pump = object.__new__(Pump)
            vars(other.pump).update(vars(self.pump))
        return other

    def mark(self) -> tuple[object, ...]:
        """Give all that the pump is, to tell whether something has changed it."""
        if self.pump is None:
            return (self.kept,)
        return (_mark(self.state),)

    # What one does to it --------------------------------------------------------------------------------------------

    def give(self, event: str, *, later_us: int = 0) -> bool:
        """Do one event of the specification; say whether the pump took it.

        Args:
            event: its name.
            later_us: how long after the last call it comes, with no call in between. A tick takes its own time.

        Raises:
            PumpcoreError: the pump found a bug in itself, or refused what only follows from the event.
        """
        before, self.listener = self.listener, self.listener.copy()
        taken = self._given(event, later_us)
        if not taken:
            self.listener = before
        return taken

    def _given(self, event: str, later_us: int) -> bool:
        if event == "Restart":
            return self._restart()
        if self.pump is None:
            return False
        if event == "PowerLoss":
            self.kept, self.dark, self.pump = self.pump.snapshot(), None, None
            return True
        if event == "Tick":
            self._tick()
            return True
        made = ALPHABET[event](self.state, self.model)
        try:
            for plain in made if isinstance(made, tuple) else (made,):
                each = _later(plain, later_us) if later_us else plain
                answered = self.pump.step(each)
                if isinstance(each, events.Confirm):
                    self.listener.hear_numbered("confirmation", each.proposal_id, answered)
                elif isinstance(each, events.Command):
                    self.listener.hear_numbered("command", each.id, answered)
                else:
                    self.listener.hear(answered)
                self._confirm(answered)
        except RequestError:
            return False
        return True

    def _answer(self, effects: tuple[Effect, ...]) -> None:
        """Listen, and let the actuator confirm at once, if it does."""
        self.listener.hear(effects)
        self._confirm(effects)

    def _confirm(self, effects: tuple[Effect, ...]) -> None:
        """Let the actuator confirm at once, if it does."""
        if self.pump is not None and self.model.constants["AutoConfirm"]:
            for effect in effects:
                if isinstance(effect, FirePulse | PrimePulse):
                    self.listener.hear(self.pump.step(events.PulseConfirmed(self.state.seen_us, effect.seq)))

    def _tick(self) -> None:
        """Let a host call at every deadline, and at the end of the tick."""
        if self.pump is None:
            return
        end_us = self.state.seen_us + self.model.tick_us
        for _ in range(CALLS_MOST):
            deadline_us = self.pump.next_deadline_us()
            if deadline_us is None or deadline_us >= end_us:
                break
            self._answer(self.pump.step(events.Tick(deadline_us)))
        else:
            self.spins = True
        self._answer(self.pump.step(events.Tick(end_us)))

    def _restart(self) -> bool:
        """Bring power back: the pump is what was kept, and of pulses in flight nobody knows."""
        if self.pump is not None:
            return False
        self.pump = self.restored()
        for seq, order in list(self.state.ledger.orders.items()):
            if order.fate.name == "OUTSTANDING":
                self.listener.hear(self.pump.step(events.PulseUnknown(self.state.seen_us, seq)))
        return True

    def seen(self, *, within: tuple[int, int] = (0, 0)) -> dict[str, Any]:
        """Return the state of the specification that the pump is in; `within` is explained in `Seen`."""
        seen = Seen(self.model, self.shown, on=self.pump is not None and not self.spins, within=within).all()
        return {**seen, "said": self.listener.bag(self.state), "new": ()}


def _later(event: events.Event, by_us: int) -> events.Event:
    """Return an event, and what it carries, that comes later by so much."""
    if isinstance(event, events.Command):
        request: Any = _later(event.request, by_us)
        return replace(event, at_us=event.at_us + by_us, expires_us=event.expires_us + by_us, request=request)
    return replace(event, at_us=event.at_us + by_us)


def _mark(value: object) -> object:
    """Say what a part of the pump is: what can be changed in place as a copy, all else as it is."""
    if isinstance(value, Delivery | Iob):
        return value.snapshot()
    if isinstance(value, dict):
        return dict(value)
    if isinstance(value, PumpState | Ledger):
        names = getattr(type(value), "__slots__", None) or vars(value)
        return tuple(_mark(getattr(value, name)) for name in sorted(names))
    return value
