"""All that a step may change: the state of a pump, in parts.

The rule of this file: a part is immutable and replaced as a whole, so a refused step cannot leave a trace in it. What
is changed in place (the kernel's engines, the ledger) is named in `OWNED`, and `copy` copies exactly that. A test walks
every field of a busy pump and refuses anything else that could be changed in place.
"""

from __future__ import annotations

from operator import attrgetter
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeVar

from pumpcore._kernel import Delivery
from pumpcore.alarms import Board
from pumpcore.frozen import dataclass, field_names
from pumpcore.pump.ledger import Ledger
from pumpcore.pump.modes import State
from pumpcore.therapy.glucose import Last24h
from pumpcore.therapy.iob import Iob
from pumpcore.units import NEVER_US

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pumpcore.devices.suspend import SuspendPolicy
    from pumpcore.pump.config import Config
    from pumpcore.pump.effects import Effect, EndReason
    from pumpcore.pump.events import SuspendCause
    from pumpcore.therapy.bolus import Bolus, BolusPart, Proposal
    from pumpcore.therapy.profile import Anchor, BasalProfile, TempBasal, WeekPlan

__all__ = [
    "OWNED",
    "PARTS",
    "Answered",
    "Basal",
    "Battery",
    "Boluses",
    "LocalTime",
    "Proposals",
    "PumpState",
    "Reservoir",
    "Sensor",
    "Suspension",
    "with_item",
    "without",
]

K = TypeVar("K")
V = TypeVar("V")
P = TypeVar("P")

if TYPE_CHECKING:
    # What a type checker knows of a named tuple is what there is to know of a part: frozen fields, and `_replace`.
    from typing import NamedTuple as Part
else:

    class Part:
        """A part of the state: frozen fields in slots, which are read faster than those of a named tuple."""

        __slots__ = ()

        def _replace(self, **changes: object) -> Part:
            """Return another part with some fields changed."""
            cls = type(self)
            writes = cls._WRITE
            made = object.__new__(cls)
            for write, value in zip(writes.values(), cls._READ(self), strict=True):
                write(made, value)
            for name, value in changes.items():
                if name not in writes:
                    raise TypeError(f"{cls.__name__} has no field {name}")
                writes[name](made, value)
            return made


def part(cls: type[P]) -> type[P]:
    """Make a class a part of the state."""
    made = dataclass(frozen=True, slots=True)(cls)
    # How all fields are read in one go, and each is written: `_replace` is called with every pulse.
    names = field_names(made)
    if len(names) < 2:  # noqa: PLR2004 - one value alone would be read as it is, not in a tuple
        raise TypeError(f"{made.__name__}: a part has two fields or more")
    setattr(made, "_READ", staticmethod(attrgetter(*names)))  # noqa: B010
    setattr(made, "_WRITE", MappingProxyType({name: vars(made)[name].__set__ for name in names}))  # noqa: B010
    return made


def _map() -> Mapping[K, V]:
    """Return a mapping that is empty, and stays so."""
    return MappingProxyType({})


def with_item(there: Mapping[K, V], key: K, value: V) -> Mapping[K, V]:
    """Return the mapping with one item more, or another value for `key`; `there` is not modified."""
    return MappingProxyType({**there, key: value})


def without(there: Mapping[K, V], key: K) -> Mapping[K, V]:
    """Return the mapping without `key`, which must be there; `there` is not modified."""
    left = dict(there)
    del left[key]
    return MappingProxyType(left)


@part
class LocalTime(Part):
    """The wall clock.

    Attributes:
        anchor: where it stands; None until somebody has set it.
        zone: the rules of local time, an IANA name.
    """

    anchor: Anchor | None
    zone: str


@part
class Basal(Part):
    """What basal insulin is programmed.

    Attributes:
        plan: the week plan in force.
        profiles: stored profiles by name; those of the plan come on top.
        rate_uu_per_h: what the plan says now.
        edge_us: when the plan says another rate next.
        temp: the temp basal that runs.
        by_controller: whether an automatic controller asked for it.
    """

    plan: WeekPlan | None
    profiles: Mapping[str, BasalProfile]
    rate_uu_per_h: int
    edge_us: int
    temp: TempBasal | None = None
    by_controller: bool = False


@part
class Suspension(Part):
    """The latest stop of delivery.

    Attributes:
        cause: why delivery is suspended; None while it is not.
        since_us: when it stopped last.
        until_us: when a timed suspend ends; `NEVER_US` for any other.
        misses: whether the basal missed now is counted.
        missed_uu: the basal missed so far.
        held: boluses that go on after the suspend: bolus id, and the part that is left of it.
    """

    cause: SuspendCause | None = None
    since_us: int = 0
    until_us: int = NEVER_US
    misses: bool = False
    missed_uu: int = 0
    held: tuple[tuple[int, BolusPart], ...] = ()


@part
class Boluses(Part):
    """Boluses that were confirmed and are not recorded as ended.

    Attributes:
        active: by bolus id.
        trains: bolus id by train of the kernel.
        ends_us: when each train has earned all of its amount.
        ending: boluses that are over but for an outcome that is awaited, with the reason of their end.
        next_id: the id of the next bolus.
        last_us: when the latest bolus began.
        recent: boluses of the last hour: when, and how much.
    """

    active: Mapping[int, Bolus]
    trains: Mapping[int, int]
    ends_us: Mapping[int, int]
    ending: Mapping[int, EndReason]
    next_id: int = 1
    last_us: int | None = None
    recent: tuple[tuple[int, int], ...] = ()


@part
class Proposals(Part):
    """What waits for a confirmation.

    Attributes:
        open: by proposal id, oldest first.
        answers: what was answered to each confirmation, for one that is repeated.
        next_id: the id of the next proposal.
        basis: the number of the last change of what proposals are computed from.
    """

    open: Mapping[int, Proposal]
    answers: Mapping[int, tuple[Effect, ...]]
    next_id: int = 1
    basis: int = 0


@part
class Answered(Part):
    """What was answered to another system's requests.

    Attributes:
        answers: by id, for one that is repeated.
        last_id: the largest id so far.
    """

    answers: Mapping[int, tuple[Effect, ...]]
    last_id: int = 0


@part
class Battery(Part):
    """The battery, as it was measured last.

    Attributes:
        percent: what is left; None until it was measured.
        us_per_percent: how long one percent lasts at the least; None where that is not known.
    """

    percent: int | None = None
    us_per_percent: int | None = None


@part
class Reservoir(Part):
    """The reservoir and the way from it to the person.

    Attributes:
        amount_uu: what is left; None where no reservoir is in its place.
        measured_seq: pulses from this number on are not in `amount_uu` as it was measured.
        primed: tubing and cannula are full since the last change.
        tubing_primed: insulin was moved into the tubing in this change.
        set_off_body: the person has said that the infusion set is off the body.
        connected_us: when the infusion set was connected.
        loaded_us: when the reservoir was put in.
    """

    amount_uu: int | None = None
    measured_seq: int = 1
    primed: bool = False
    tubing_primed: bool = False
    set_off_body: bool = False
    connected_us: int | None = None
    loaded_us: int | None = None


@part
class Sensor(Part):
    """What is known of glucose, and of low-glucose suspends.

    Attributes:
        last_24h: the readings of the sensor.
        meter_24h: those of a meter.
        taken: how many readings were taken so far, of both.
        heard_us: the time of the sensor's latest reading.
        resumed_us: when a person last resumed from a low-glucose suspend.
        longest_us: when a low-glucose suspend last ended because of its longest time.
        spans: low-glucose suspends that still count: from, to.
    """

    last_24h: Last24h
    meter_24h: Last24h
    taken: int = 0
    heard_us: int | None = None
    resumed_us: int | None = None
    longest_us: int | None = None
    spans: tuple[tuple[int, int], ...] = ()


PARTS: Final = (Battery, LocalTime, Basal, Suspension, Boluses, Proposals, Answered, Reservoir, Sensor)
"""The classes of the parts, for the codec."""

OWNED: Final = ("engine", "scheduled", "missing", "ledger")
"""The fields that are changed in place; everything else is immutable and is replaced."""


class PumpState:
    """All that a step may change, and all that a snapshot holds: each attribute that `__init__` sets.

    Attributes:
        config: what the pump was made with.
        settings: what the person has chosen, as it stands now.
        now_us: how far time has passed.
        seen_us: the latest event; later than `now_us` where an event needed no time to pass.
        state: of the mode machine.
        engine: the kernel's engine that delivers.
        scheduled: what the profile alone would deliver: insulin on board is counted against it.
        missing: what a suspend misses; the fraction of a step is carried from one suspend to the next.
        ledger: where every step is.
        iob: insulin on board.
        local: the wall clock.
        basal: what basal insulin is programmed.
        suspension: the latest stop.
        boluses: boluses under way.
        proposals: what waits for a confirmation.
        controller: what was answered to the automatic controller.
        commands: what was answered to commands over a link.
        board: the annunciations.
        reservoir: the reservoir and the way from it to the person.
        battery: what was measured last.
        person_us: when the person last did something.
        begun_us: when therapy began first.
        sensor: what is known of glucose.
        changes: how many changes there were that whoever commands insulin must know of; never set back.
    """

    def __init__(self, config: Config, at_us: int) -> None:
        """Begin in standby, with nothing delivered."""
        device, limits = config.device, config.settings.limits
        self.config = config
        self.settings = config.settings
        self.now_us = at_us
        self.seen_us = at_us
        self.state = State.STANDBY
        self.engine = Delivery(
            step_uu=device.step_uu,
            gap_us=device.gap_us,
            grid_us=device.grid_us,
            at_us=at_us,
            hour_cap_uu=limits.max_hour_uu,
            day_cap_uu=limits.max_day_uu,
        )
        self.scheduled = Delivery(step_uu=device.step_uu, at_us=at_us)
        self.missing = Delivery(step_uu=device.step_uu, at_us=at_us)
        self.ledger = Ledger(at_us)
        self.iob = Iob(config.settings.curve)
        self.local = LocalTime(config.anchor, config.zone)
        profiles = MappingProxyType({profile.name: profile for profile in config.profiles})
        self.basal = Basal(config.plan, profiles, 0, at_us)
        self.suspension = Suspension()
        self.boluses = Boluses(active=_map(), trains=_map(), ends_us=_map(), ending=_map())
        self.proposals = Proposals(open=_map(), answers=_map())
        self.controller = Answered(answers=_map())
        self.commands = Answered(answers=_map())
        self.board = Board()
        self.reservoir = Reservoir()
        self.battery = Battery()
        self.person_us = at_us
        self.begun_us: int | None = None
        self.sensor = Sensor(Last24h(), Last24h())
        self.changes = 0

    def copy(self) -> PumpState:
        """Return another state with the same content; what is done to one is not seen in the other."""
        fields = dict(self.__dict__)
        for name in OWNED:
            fields[name] = fields[name].copy()
        return _state_of(fields)

    def with_ledger(self, ledger: Ledger, seen_us: int) -> PumpState:
        """Return a state with another ledger and nothing else changed; it shares all the rest."""
        fields = self.__dict__.copy()
        fields["ledger"] = ledger
        fields["seen_us"] = seen_us
        return _state_of(fields)

    @property
    def policy(self) -> SuspendPolicy:
        """What a suspend does."""
        return self.settings.policy

    @property
    def temp_until_us(self) -> int:
        """When the temp basal ends; never, where there is none."""
        temp = self.basal.temp
        return NEVER_US if temp is None else temp.start_us + temp.duration_us


def _state_of(fields: dict[str, object]) -> PumpState:
    """Return a state with these attributes.

    The dict becomes the state's own: attributes are read more slowly where its first, shared one is filled instead.
    """
    state = object.__new__(PumpState)
    state.__dict__ = fields
    return state
