"""What a step does for each event of a reservoir change, in the order of the change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pumpcore.errors import LimitError, ModeError
from pumpcore.limits import check
from pumpcore.pump.effects import PrimePulse
from pumpcore.pump.modes import State
from pumpcore.pump.step.stopping import move
from pumpcore.units import whole_steps

if TYPE_CHECKING:
    from pumpcore.pump import events
    from pumpcore.pump.step import Step


def begin_change(event: events.BeginChange, step: Step) -> None:
    s = step.state
    s.reservoir = s.reservoir._replace(set_off_body=event.set_off_body)
    move(step, "begin_change")
    s.reservoir = s.reservoir._replace(primed=False, tubing_primed=False, connected_us=None, loaded_us=None)


def rewound(event: events.Rewound, step: Step) -> None:
    del event
    move(step, "rewound")


def loaded(event: events.Loaded, step: Step) -> None:
    move(step, "loaded")
    step.state.reservoir = step.state.reservoir._replace(loaded_us=event.at_us)


def prime(event: events.Prime, step: Step) -> None:
    s = step.state
    if s.state not in {State.PRIME, State.FILL}:
        raise ModeError(s.state.value, "prime")
    check("prime_uu" if s.state is State.PRIME else "fill_uu", event.amount_uu, field="amount_uu")
    steps = whole_steps(event.amount_uu, step.device.step_uu, field="amount_uu")
    left_uu = s.reservoir.amount_uu or 0
    if event.amount_uu > left_uu:
        raise LimitError("reservoir_uu", event.amount_uu, left_uu, "uu")
    s.reservoir = s.reservoir._replace(amount_uu=left_uu - event.amount_uu, tubing_primed=True)
    seq = s.ledger.command(event.at_us, 0, steps, channel="prime", part=None)
    step.say(PrimePulse(event.at_us, seq, steps, event.amount_uu))


def primed(event: events.Primed, step: Step) -> None:
    del event
    move(step, "primed")


def filled(event: events.Filled, step: Step) -> None:
    del event
    move(step, "filled")


def connected(event: events.Connected, step: Step) -> None:
    s = step.state
    move(step, "connected")
    s.reservoir = s.reservoir._replace(primed=True, set_off_body=False, connected_us=event.at_us)
    s.ledger.file_uncertain()


def abort_change(event: events.AbortChange, step: Step) -> None:
    del event
    move(step, "abort_change")
