"""One step of the pump, a file for each part of it.

| file | what it does |
|---|---|
| `time` | lets time pass up to the event, through all that changes by itself on the way |
| `delivery` | orders insulin that is due, and books what became of each order |
| `basal` | the rate in force: profile, temp basal |
| `boluses` | boluses: checked, begun, ended, recorded |
| `proposals` | what waits for a confirmation |
| `stopping` | the mode machine: what a stop ends or holds, what a resume brings back |
| `low` | low-glucose suspends |
| `alarms` | what the person must know; the one place where an alarm stops delivery |

The rule of this folder: a function takes the step under way and changes its state, or takes a state and only answers.
When insulin is due is computed by the kernel, how much is allowed by the limits, what may happen now by the mode table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pumpcore.alarms import ANNUNCIATIONS
from pumpcore.pump.effects import CHANGES

if TYPE_CHECKING:
    from pumpcore.alarms import Due, Kind
    from pumpcore.devices import Device
    from pumpcore.pump.config import Config
    from pumpcore.pump.effects import Effect
    from pumpcore.pump.modes import ModeMachine
    from pumpcore.pump.settings import Settings
    from pumpcore.pump.state import PumpState
    from pumpcore.therapy.iob import InsulinPart

__all__ = ["Step"]


class Step:
    """One step under way: the state it works on, and what it leaves behind.

    Attributes:
        state: the state it works on, a copy of the pump's.
        to_us: the instant of the event.
        machine: the mode machine.
        effects: what is answered.
        bookings: insulin on board to be added: when, how much, of which part.
        returned: insulin on board to be taken out again.
        capped: whether a cap has withheld insulin in this step.
        stopping: annunciations that stop delivery and were active before the step, by id.
        stop_raised: whether one that stops delivery was raised in this step.
        due: the causes of annunciations as they stand now; None where something has changed since they were derived.
    """

    __slots__ = (
        "bookings",
        "capped",
        "config",
        "device",
        "due",
        "effects",
        "machine",
        "returned",
        "state",
        "stop_raised",
        "stopping",
        "to_us",
    )

    def __init__(self, state: PumpState, to_us: int, machine: ModeMachine) -> None:
        """Begin a step that ends at `to_us`."""
        self.machine = machine
        self.state = state
        self.config: Config = state.config
        self.device: Device = state.config.device
        self.to_us = to_us
        self.capped = False
        self.due: Due | None = None
        self.stopping = state.board.stopping_ids
        self.stop_raised = False
        self.effects: list[Effect] = []
        self.bookings: list[tuple[int, int, InsulinPart]] = []
        self.returned: list[tuple[int, int, InsulinPart]] = []

    @property
    def settings(self) -> Settings:
        """What the person has chosen."""
        return self.state.settings

    def say(self, effect: Effect) -> None:
        """Answer with one more effect."""
        self.effects.append(effect)
        if type(effect) in CHANGES:
            self.state.changes += 1

    def raise_alarm(self, kind: Kind, detail: str = "") -> None:
        """Put an annunciation on the board. It never acts by itself: `alarms.follow_alarms` stops delivery."""
        state = self.state
        state.board, changes = state.board.raised(kind, state.now_us, detail)
        self.effects.extend(changes)
        if ANNUNCIATIONS[kind].stops_delivery:
            self.stop_raised = True

    def clear_cause(self, kind: Kind) -> None:
        """Note that the cause of an annunciation is no longer there."""
        state = self.state
        state.board, changes = state.board.gone(kind, state.now_us)
        self.effects.extend(changes)
