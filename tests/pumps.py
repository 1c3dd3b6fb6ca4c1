"""A pump on a bench: a host that calls at every deadline and an actuator that answers every pulse.

The rule of this file: nothing here knows what is right. `Bench` carries events in and effects out, in the order of a
host that does its work; tests say what should come of it.
"""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from pumpcore.devices import load
from pumpcore.devices.suspend import SUSPEND_POLICIES
from pumpcore.errors import RequestError
from pumpcore.limits import Limits
from pumpcore.pump import Config, Pump, Settings, events
from pumpcore.pump.effects import FirePulse, PrimePulse, Proposed
from pumpcore.therapy.profile import Anchor, BasalProfile, Segment, WeekPlan

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pumpcore.alarms import Annunciation, Kind
    from pumpcore.devices import Device
    from pumpcore.journal import Journal
    from pumpcore.pump import Status
    from pumpcore.pump.effects import Effect
    from pumpcore.pump.events import Event
    from pumpcore.therapy.bolus import Bolus

SEC: Final = 1_000_000
MIN: Final = 60 * SEC
H: Final = 60 * MIN
DAY: Final = 24 * H
U: Final = 1_000_000

MONDAY: Final = datetime(2026, 1, 5, tzinfo=UTC)

LIMITS: Final = Limits(
    max_basal_uu_per_h=35 * U,
    max_temp_basal_uu_per_h=35 * U,
    max_temp_basal_percent=200,
    max_bolus_uu=25 * U,
    max_iob_uu=60 * U,
    max_hour_uu=60 * U,
    max_day_uu=300 * U,
)
"""Wide limits: what is not about limits does not meet them."""

E = TypeVar("E")


def plan_of(*segments: tuple[int, int], weekend: tuple[tuple[int, int], ...] | None = None) -> WeekPlan:
    """One profile for every day, or one from Monday to Friday and another for the weekend."""
    other = None if weekend is None else BasalProfile("weekend", tuple(Segment(*each) for each in weekend))
    return WeekPlan.of(BasalProfile("everyday", tuple(Segment(*each) for each in segments)), weekend=other)


SETTINGS: Final = frozenset(each.name for each in fields(Settings))


def offering_all(device: Device) -> Device:
    """A device on which a person may choose any suspend policy, the device's own first."""
    return replace(device, suspend_policies=tuple(dict.fromkeys((*device.suspend_policies, *SUSPEND_POLICIES))))


def config_of(**changes: Any) -> Config:  # noqa: ANN401  # any field of Config or of Settings
    """A pump that is ready but for its reservoir: 1 U/h, the clock at a Monday's midnight UTC.

    A suspend policy that is asked for is one that the device offers.
    """
    chosen = {name: changes.pop(name) for name in SETTINGS & changes.keys()}
    device = changes.pop("device", None) or load("medtronic-523")
    if "suspend_policy" in chosen:
        device = offering_all(device)
    settings = replace(changes.pop("settings", None) or Settings(limits=LIMITS), **chosen)
    base: dict[str, Any] = {"plan": plan_of((0, 1 * U)), "anchor": Anchor(0, MONDAY)}
    return Config(device=device, settings=settings, **(base | changes))


class Bench:
    """A pump, its host and its actuator.

    Attributes:
        pump: the pump.
        effects: all that it ever answered.
        answers: whether the actuator confirms each pulse at once.
    """

    def __init__(self, *, at_us: int = 0, answers: bool = True, **changes: Any) -> None:  # noqa: ANN401
        """Put a pump on the bench, of `config_of(**changes)`."""
        self.pump = Pump(config_of(**changes), at_us=at_us)
        self.effects: list[Effect] = []
        self.answers = answers

    @property
    def status(self) -> Status:
        return self.pump.status

    @property
    def now_us(self) -> int:
        return self.pump.status.at_us

    def do(self, event: Event) -> tuple[Effect, ...]:
        """Give the pump an event; the actuator answers what it orders."""
        effects = self.pump.step(event)
        self.effects.extend(effects)
        if self.answers:
            for order in effects:
                if isinstance(order, FirePulse | PrimePulse):
                    self.do(events.PulseConfirmed(self.now_us, order.seq))
        return effects

    def to(self, at_us: int) -> None:
        """Call at every deadline up to `at_us`, and then."""
        while (deadline_us := self.pump.next_deadline_us()) is not None and deadline_us <= at_us:
            self.do(events.Tick(deadline_us))
        if self.now_us < at_us:
            self.do(events.Tick(at_us))

    def change(self, at_us: int = 0, *, reservoir_uu: int = 150 * U) -> Bench:
        """Put in a reservoir of `reservoir_uu`, prime 8 U, fill 0.3 U and connect."""
        self.do(events.BeginChange(at_us, set_off_body=True))
        self.do(events.Rewound(at_us))
        self.do(events.ReservoirMeasured(at_us, reservoir_uu))
        self.do(events.Loaded(at_us))
        self.do(events.Prime(at_us, 8 * U))
        self.do(events.Primed(at_us))
        self.do(events.Prime(at_us, 300_000))
        self.do(events.Filled(at_us))
        self.do(events.Connected(at_us))
        return self

    def start(self, at_us: int = 0, *, reservoir_uu: int = 150 * U) -> Bench:
        """Change the reservoir and begin therapy."""
        self.change(at_us, reservoir_uu=reservoir_uu)
        self.do(events.Start(at_us))
        return self

    def choosing(self, at_us: int, **changes: Any) -> events.ChangeSettings:  # noqa: ANN401  # any field of Settings
        """The event with which a person changes some settings."""
        return events.ChangeSettings(at_us, replace(self.status.settings, **changes))

    def propose(self, request: Event) -> int:
        """Ask for something that adds insulin, and return the proposal's id."""
        return only(Proposed, self.do(request)).proposal.id

    def bolus(self, at_us: int, fast_uu: int = 0, extended_uu: int = 0, extended_us: int = 0, **more: Any) -> int:  # noqa: ANN401
        """Ask for a bolus, confirm it, and return its id."""
        request = events.ProposeBolus(at_us, fast_uu, extended_uu, extended_us, **more)
        self.do(events.Confirm(at_us, self.propose(request)))
        return self.status.boluses[-1].id

    def running(self, bolus_id: int) -> Bolus:
        """What the pump says of a bolus that runs."""
        return next(each for each in self.status.boluses if each.id == bolus_id)

    def alarm(self, kind: Kind) -> Annunciation | None:
        """The active annunciation of a kind."""
        return next((each for each in self.status.annunciations if each.kind is kind), None)

    def confirm_all(self, at_us: int) -> None:
        """The person confirms every annunciation."""
        for each in self.status.annunciations:
            self.do(events.ConfirmAlarm(at_us, each.id))

    def pulses(self, *channels: str, since_us: int = -1) -> list[FirePulse]:
        """The therapy pulses that were ordered after `since_us`, of some channels or of all."""
        return [
            each
            for each in those(FirePulse, self.effects)
            if each.at_us > since_us and (not channels or each.channel in channels)
        ]

    def insulin(self, *channels: str, since_us: int = -1) -> int:
        """How much therapy insulin was ordered after `since_us`."""
        return sum(each.amount_uu for each in self.pulses(*channels, since_us=since_us))

    def next_pulse(self) -> FirePulse:
        """Call at deadlines until a therapy pulse is ordered that the actuator does not answer, and return it."""
        self.answers = False
        for _ in range(1000):
            deadline_us = self.pump.next_deadline_us()
            if deadline_us is None:
                break
            found = those(FirePulse, self.do(events.Tick(deadline_us)))
            if found:
                return found[0]
        message = "no pulse comes"
        raise LookupError(message)


def bench_of(journal: Journal, *, answers: bool = True) -> Bench:
    """A host and an actuator for the pump of a journal."""
    bench = Bench(answers=answers)
    bench.pump = cast("Pump", journal)
    return bench


def those(kind: type[E], effects: Iterable[object]) -> list[E]:
    """The effects of one kind."""
    return [each for each in effects if isinstance(each, kind)]


def only(kind: type[E], effects: Iterable[object]) -> E:
    """The one effect of a kind."""
    (found,) = those(kind, effects)
    return found


def everything(pump: Pump) -> tuple[object, ...]:
    """All that a pump can be asked, with its whole state: two equal ones can be told apart by nothing."""
    return pump.status, pump.next_deadline_us(), pump.snapshot()


def is_refused(pump: Pump, event: Event) -> bool:
    """Give the pump an event and say whether it refuses it; where it does, nothing at all may have changed."""
    before = everything(pump)
    try:
        pump.step(event)
    except RequestError:
        if everything(pump) != before:
            message = f"a refused {type(event).__name__} has changed the pump"
            raise AssertionError(message) from None
        return True
    return False
