"""What can go wrong around a pump, how likely it is, and how often it was.

The rule of this file: each fault is counted where it is injected, so that what a campaign claims to have tried is what
it has tried. One that strikes on an occasion is drawn and counted by `Injector.strikes`; one that comes with time is
drawn by `Injector.wait_us`, and whoever lets it happen calls `Injector.count`.
"""

from __future__ import annotations

from collections import Counter
from enum import Enum, unique
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from pumpcore.sim.dice import Dice
from pumpcore.units import US_PER_HOUR

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ODDS", "SPACING_US", "Fault", "Injector", "PowerCutError"]


@unique
class Fault(Enum):
    """A kind of fault, by the part that has it."""

    CLOCK_JUMP = "clock: the wall clock jumps"
    CLOCK_DRIFT = "clock: runs fast or slow"
    CLOCK_BACK = "clock: reads an earlier instant"
    HOST_SLEEP = "clock: the host sleeps past its deadlines"
    PULSE_MISSED = "motor: a pulse does not move"
    PULSE_DOUBLE = "motor: a pulse moves twice"
    PULSE_UNKNOWN = "motor: cannot say whether it moved"
    MOTOR_STALL = "motor: stalls"
    CONFIRM_LATE = "motor: confirms late"
    CONFIRM_LOST = "motor: never confirms"
    OCCLUSION = "line: occluded"
    RESERVOIR_REMOVED = "reservoir: taken out while running"
    RESERVOIR_EMPTY = "reservoir: runs dry"
    RESERVOIR_ESTIMATE = "reservoir: the estimate is wrong"
    BATTERY_STEP = "battery: falls by a step"
    SENSOR_GAP = "sensor: sends nothing for a while"
    SENSOR_STALE = "sensor: sends an old reading"
    SENSOR_DUPLICATE = "sensor: sends a reading twice"
    SENSOR_ORDER = "sensor: sends readings out of order"
    SENSOR_SPIKE = "sensor: sends a spike"
    COMMAND_DUPLICATE = "link: a command comes twice"
    COMMAND_ORDER = "link: commands come in another order"
    COMMAND_STALE = "link: a command rests on an older state"
    COMMAND_LATE = "link: a command comes after it has expired"
    COMMAND_FORGED = "link: a command with a forged id"
    DISK_FULL = "store: full"
    WRITE_TORN = "store: a cut leaves part of a write"
    WRITE_LOST = "store: a cut loses what was not yet synced"
    BIT_FLIP = "store: bits flip"
    WRITE_SLOW = "store: slow"
    CUT_AT_WRITE = "power: cut at a write"
    CUT_AT_EFFECT = "power: cut between effects"

    __hash__ = object.__hash__  # members are alone of their kind


ODDS: Final[Mapping[Fault, int]] = MappingProxyType(
    {
        Fault.CLOCK_BACK: 600,
        Fault.PULSE_MISSED: 300,
        Fault.PULSE_DOUBLE: 900,
        Fault.PULSE_UNKNOWN: 300,
        Fault.MOTOR_STALL: 900,
        Fault.CONFIRM_LATE: 250,
        Fault.CONFIRM_LOST: 250,
        Fault.SENSOR_STALE: 40,
        Fault.SENSOR_DUPLICATE: 40,
        Fault.SENSOR_ORDER: 40,
        Fault.SENSOR_SPIKE: 60,
        Fault.RESERVOIR_ESTIMATE: 2,
        Fault.COMMAND_DUPLICATE: 4,
        Fault.COMMAND_ORDER: 6,
        Fault.COMMAND_STALE: 6,
        Fault.COMMAND_LATE: 6,
        Fault.COMMAND_FORGED: 6,
        Fault.DISK_FULL: 1500,
        Fault.BIT_FLIP: 8,
        Fault.WRITE_SLOW: 300,
        Fault.CUT_AT_WRITE: 250,
        Fault.CUT_AT_EFFECT: 120,
        Fault.WRITE_TORN: 2,
        Fault.WRITE_LOST: 3,
    }
)
"""Once in how many occasions (a pulse, a reading, a command, a write, a cut) a fault strikes where a world has it."""

SPACING_US: Final[Mapping[Fault, int]] = MappingProxyType(
    {
        Fault.CLOCK_JUMP: 9 * US_PER_HOUR,
        Fault.CLOCK_DRIFT: 12 * US_PER_HOUR,
        Fault.HOST_SLEEP: 7 * US_PER_HOUR,
        Fault.OCCLUSION: 15 * US_PER_HOUR,
        Fault.RESERVOIR_REMOVED: 19 * US_PER_HOUR,
        Fault.RESERVOIR_EMPTY: 23 * US_PER_HOUR,
        Fault.BATTERY_STEP: 9 * US_PER_HOUR,
        Fault.SENSOR_GAP: 8 * US_PER_HOUR,
    }
)
"""How far apart faults that come with time are on average, in a world that has them."""

_HAS_IT: Final = 3  # a world has one kind in three, so that one kind does not hide another


class PowerCutError(BaseException):
    """The power is gone: all that is not in the store is lost. Raised out of a store or a motor under test.

    As an interrupt, it is nothing that a journal could catch and go on.
    """


class Injector:
    """Decide, count, and stop when told to.

    Attributes:
        counts: faults injected so far, by kind.
        kinds: those that this world has.
        active: whether faults still happen.

    Example:
        >>> injector = Injector(1, kinds=frozenset({Fault.SENSOR_SPIKE}))
        >>> any(injector.strikes(Fault.SENSOR_SPIKE) for _ in range(1000)), injector.strikes(Fault.BIT_FLIP)
        (True, False)
    """

    def __init__(self, seed: int, *, kinds: frozenset[Fault] | None = None) -> None:
        """Draw which kinds this world has, where they are not given."""
        self._dice = {kind: Dice(seed, kind.name) for kind in Fault}
        drawn = Dice(seed, "kinds")
        self.kinds = frozenset(kind for kind in Fault if drawn.one_in(_HAS_IT)) if kinds is None else kinds
        self.counts: Counter[Fault] = Counter()
        self.active = True

    def strikes(self, kind: Fault) -> bool:
        """Return whether a fault of this kind happens now, and count it if it does."""
        if not self.active or kind not in self.kinds or not self._dice[kind].one_in(ODDS[kind]):
            return False
        self.counts[kind] += 1
        return True

    def count(self, kind: Fault) -> None:
        """Count a fault that came with time."""
        self.counts[kind] += 1

    def wait_us(self, kind: Fault) -> int:
        """Draw how long it is until the next fault of a kind that comes with time."""
        return self._dice[kind].between(1, 2 * SPACING_US[kind])

    def draw(self, kind: Fault, least: int, largest: int) -> int:
        """Draw how bad a fault is."""
        return self._dice[kind].between(least, largest)
