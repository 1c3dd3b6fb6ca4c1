"""All that the books remember of one pump, and what can be read from it at once.

The rule of this file: state and questions about it; what an event or an effect changes is in the books built on it.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple

from pumpcore.alarms import ANNUNCIATIONS
from pumpcore.frozen import dataclass
from pumpcore.pump.modes import State
from pumpcore.sim.books.basal import BasalBook
from pumpcore.sim.books.checks import BrokenError, Window
from pumpcore.therapy.iob import Curve
from pumpcore.units import US_PER_DAY, US_PER_HOUR

if TYPE_CHECKING:
    from pumpcore.alarms import Annunciation, Kind
    from pumpcore.pump import Config
    from pumpcore.pump.effects import Effect
    from pumpcore.pump.events import Event

__all__ = ["BookState", "BookedOrder", "BookedTrain"]

_FRESH_US: Final = US_PER_HOUR
_CURVE: Final = Curve.exponential(360, 75)  # of what is younger than an hour it has three quarters on board, and more


class BookedOrder(NamedTuple):
    """A pulse that was ordered and is open."""

    at_us: int
    bolus_id: int
    steps: int
    therapy: bool
    reservoir: int
    fate: str = "outstanding"


@dataclass(slots=True)
class BookedTrain:
    """A part of a bolus that runs: it can only be held against its time while nothing has held it up."""

    start_us: int
    duration_us: int
    steps: int
    loose: bool = False
    done: int = 0

    def due(self, at_us: int) -> int:
        """Whole steps earned by an instant."""
        if self.loose:
            return self.steps
        return min(max(self.steps * (at_us - self.start_us) // self.duration_us, 0), self.steps)


class BookState:
    """What is known of one pump, through all its restarts.

    Attributes:
        checks: how often each requirement was checked.
        state: of the mode machine, as the pump reported it.
        orders: pulses whose outcome is open, by number.
        active: annunciations on the board, as the pump reported them.
        counted: therapy steps by place.
    """

    def __init__(self, config: Config, at_us: int) -> None:
        """Begin in standby, with nothing delivered."""
        self.config = config
        self.device, self.step_uu = config.device, config.device.step_uu
        self.policy = config.settings.policy
        self.checks: Counter[str] = Counter()
        self.programme = BasalBook(config.device, config.plan, config.anchor, config.zone, at_us)
        self.seen_us = at_us
        self.limits = self.caps = config.settings.limits
        self.state = State.STANDBY
        self.primed = False
        self.begun_us: int | None = None
        self.by_itself = self.began_low = self.paused = False
        self.next_seq = 1
        self.orders: dict[int, BookedOrder] = {}
        self.counted: Counter[str] = Counter()
        self.basal = 0
        self.trains: dict[tuple[int, str], BookedTrain] = {}
        self.boluses: dict[int, int] = {}
        self.recorded: set[int] = set()
        self.steps_of: Counter[int] = Counter()
        self.asked: dict[int, Event] = {}
        self.answers: dict[tuple[str, int], tuple[Effect, ...]] = {}
        self.reservoir_uu: int | None = None
        self.reservoirs = 0
        self.confirmed_us = at_us
        self.last_pulse_us = at_us
        self.last_sound_us = at_us
        self.hour, self.day, self.fresh = Window(US_PER_HOUR), Window(US_PER_DAY), Window(_FRESH_US)
        self.active: dict[Kind, Annunciation] = {}
        self.causes: set[Kind] = set()
        self.confirmed: set[int] = set()
        self.battery: int | None = None

    def must(self, requirement: str, holds: object, *what: object) -> None:
        """Count a check, and refuse what breaks it.

        Raises:
            BrokenError: it does not hold.
        """
        self.checks[requirement] += 1
        if not holds:
            raise BrokenError(requirement, *what)

    def _pass_to(self, to_us: int) -> None:
        running = self.state is State.RUNNING
        self.programme.follow(to_us, delivering=running, missing=self.paused)

    def _close(self, bolus_id: int | None = None) -> None:
        """Let no more pulses of a bolus through, or of any."""
        self.trains = {key: train for key, train in self.trains.items() if bolus_id not in {None, key[0]}}

    def _stopping(self) -> list[str]:
        return sorted(kind.value for kind in self.active if ANNUNCIATIONS[kind].stops_delivery)

    def _fresh_uu(self) -> int:
        """Return a lower bound of the bolus insulin on board; 0 after a failed pulse, which is not on board."""
        if self.counted["failed"] or self.config.settings.curve != _CURVE:
            return 0
        return self.fresh.at(self.seen_us) * 3 // 4
