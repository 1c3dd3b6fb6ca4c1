"""Drivers: what a contract asks of whatever turns a motor, and the books in which it checks it.

The rule of this file: a driver is judged by what has really moved (`Driver.delivered_steps`), never by what it says.
Between two questions only a pulse that is still open may move; while a pulse is carried out, nothing else may. A pulse
that was confirmed has moved exactly its steps, one that has failed none, and none ever more than its steps.
"""

from __future__ import annotations

from enum import Enum, unique
from typing import TYPE_CHECKING, Protocol, TypeAlias, runtime_checkable

from pumpcore.frozen import dataclass, field
from pumpcore.pump.effects import FirePulse
from pumpcore.testing.errors import ContractError

if TYPE_CHECKING:
    from pumpcore.pump.effects import PrimePulse

__all__ = ["Driver", "DriverBook", "IdealDriver", "Moved", "Outcome", "Pulse", "Telling"]

Pulse: TypeAlias = "FirePulse | PrimePulse"
"""An order to move insulin: `seq`, `steps`, `amount_uu`."""


@unique
class Outcome(Enum):
    """What a driver says of a pulse; the host tells the pump."""

    CONFIRMED = "confirmed"
    """All of it moved: `PulseConfirmed`."""

    FAILED = "failed"
    """Certainly nothing of it moved, nor ever will: `PulseFailed`."""

    UNKNOWN = "unknown"
    """Nobody can say, yet: `PulseUnknown`. It counts as delivered until it is settled (DEL-09)."""

    SILENT = "silent"
    """No answer has come. The pump waits for a bounded time and then takes it for unknown (DEL-11)."""


class Driver(Protocol):
    """Whatever carries out pulses, on a bench where one can see what has moved."""

    def fire(self, pulse: Pulse) -> Outcome:
        """Move `pulse.steps` steps, and say what became of them. It is called once for each pulse."""

    def delivered_steps(self) -> int:
        """Count all steps that have really moved so far: the truth, of an encoder, a scale or a simulated motor."""


@runtime_checkable
class Telling(Protocol):
    """A driver that can say later what became of a pulse, as after a lost connection has come back."""

    def outcome_of(self, seq: int) -> Outcome:
        """Return what is known by now about a pulse that was neither confirmed nor failed."""


class IdealDriver:
    """Moves what it is told, and says so.

    Example:
        >>> driver = IdealDriver()
        >>> driver.fire(FirePulse(0, 1, "basal", 0, 2, 50_000)), driver.delivered_steps()
        (<Outcome.CONFIRMED: 'confirmed'>, 2)
    """

    def __init__(self) -> None:
        """Begin with nothing moved."""
        self._steps = 0

    def fire(self, pulse: Pulse) -> Outcome:
        """Move it."""
        self._steps += pulse.steps
        return Outcome.CONFIRMED

    def delivered_steps(self) -> int:
        """Count what has moved."""
        return self._steps


@dataclass
class Moved:
    """A pulse that was ordered, and what has really moved of it.

    Attributes:
        seq: its number.
        steps: how many were ordered.
        therapy: whether they were meant for the body.
        moved: how many have moved.
        said: what the driver says of it.
    """

    seq: int
    steps: int
    therapy: bool
    moved: int = 0
    said: Outcome = Outcome.SILENT

    @property
    def is_open(self) -> bool:
        """Whether it is neither confirmed nor failed."""
        return self.said in {Outcome.UNKNOWN, Outcome.SILENT}

    @property
    def truth(self) -> Outcome:
        """What an honest answer would be now: a pulse of which a part moved is neither delivered nor failed."""
        return {0: Outcome.FAILED, self.steps: Outcome.CONFIRMED}.get(self.moved, Outcome.UNKNOWN)


@dataclass
class DriverBook:
    """Watch a driver, and compare each answer with what has moved.

    Attributes:
        driver: the one that is watched.
        pulses: all pulses so far, by their numbers.
        therapy_steps: steps that have really moved and were meant for the body.
    """

    driver: Driver
    pulses: dict[int, Moved] = field(default_factory=dict)
    therapy_steps: int = 0
    _steps: int = field(init=False)

    def __post_init__(self) -> None:
        """Take what has moved before as the beginning."""
        self._steps = self.driver.delivered_steps()

    def fire(self, pulse: Pulse) -> Outcome:
        """Let the driver carry out a pulse.

        Raises:
            ContractError: what it says is not what has moved (DEL-06), or it has moved too much (DEL-08).
        """
        self.look()
        mine = self.pulses[pulse.seq] = Moved(pulse.seq, pulse.steps, isinstance(pulse, FirePulse))
        said = self.driver.fire(pulse)
        new = self._new_steps()
        self._steps += new
        self._moved(mine, new)
        self._answered(mine, said)
        return said

    def lose(self, pulse: Pulse) -> None:
        """Note a pulse that never reaches the driver: nothing of it moves."""
        self.look()
        lost = Moved(pulse.seq, pulse.steps, isinstance(pulse, FirePulse), said=Outcome.FAILED)
        self.pulses[pulse.seq] = lost

    def ask(self, seq: int) -> Outcome:
        """Find out what became of a pulse: from the driver if it is `Telling`, otherwise from what has moved.

        Raises:
            ContractError: what it says is not what has moved (DEL-06).
        """
        self.look()
        mine = self.pulses[seq]
        if not mine.is_open or not isinstance(self.driver, Telling):
            return mine.truth
        self._answered(mine, self.driver.outcome_of(seq))
        return mine.said

    def look(self) -> None:
        """See what has moved since the last look: only pulses that are open may.

        Raises:
            ContractError: more has moved than is open (DEL-08), or what had moved has come back (DEL-06).
        """
        new = self._new_steps()
        self._steps += new
        for each in self.pulses.values() if new else ():
            if each.is_open:
                part = min(new, each.steps - each.moved)
                self._moved(each, part)
                new -= part
        if new:
            still = [each.seq for each in self.pulses.values() if each.is_open]
            raise ContractError(
                "DEL-08", f"{new} steps moved although no pulse was carried out; pulses without outcome: {still}"
            )

    def _moved(self, mine: Moved, steps: int) -> None:
        mine.moved += steps
        self.therapy_steps += steps * mine.therapy

    def _new_steps(self) -> int:
        new = self.driver.delivered_steps() - self._steps
        if new < 0:
            raise ContractError("DEL-06", f"delivered_steps fell by {-new}; it must never fall")
        return new

    @staticmethod
    def _answered(mine: Moved, said: Outcome) -> None:
        """Compare what is said with what has moved."""
        mine.said = said
        seen = f"pulse {mine.seq} of {mine.steps} steps: the driver says {said.value}, and {mine.moved} steps moved"
        if mine.moved > mine.steps:
            raise ContractError("DEL-08", seen)
        if not mine.is_open and said is not mine.truth:
            raise ContractError("DEL-06", seen)
