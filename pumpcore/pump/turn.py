"""All that a step may change, and one step under way.

The rule of this file: a step works on a copy of `PumpState`; what it leaves behind (effects, bookings of insulin on
board) is in `Turn` and counts only when the step went well. Values are immutable or replaced as a whole, but for those
that `copy` copies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pumpcore._kernel import Delivery
from pumpcore.alarms import Board
from pumpcore.devices.suspend import POLICIES
from pumpcore.pump.effects import CHANGES
from pumpcore.pump.ledger import Ledger
from pumpcore.pump.modes import State
from pumpcore.therapy.glucose import Last24h

if TYPE_CHECKING:
    from pumpcore.alarms import Due
    from pumpcore.devices.suspend import Policy
    from pumpcore.pump.config import Config
    from pumpcore.pump.effects import Effect, EndReason
    from pumpcore.pump.events import SuspendCause
    from pumpcore.pump.modes import ModeMachine
    from pumpcore.therapy.bolus import Bolus, Part, Proposal
    from pumpcore.therapy.iob import Iob
    from pumpcore.therapy.iob import Part as IobPart
    from pumpcore.therapy.profile import TempBasal

__all__ = ["NEVER_US", "PumpState", "Turn"]

NEVER_US: Final = 1 << 62
"""An instant that never comes."""


class PumpState:
    """All that a step may change, and all that a snapshot holds: each attribute that `__init__` sets.

    Values are immutable or replaced as a whole, but for those that `copy` copies.
    """

    def __init__(self, config: Config, at_us: int) -> None:  # noqa: PLR0915  # one for each thing that may change
        """Begin in standby, with nothing delivered."""
        device, limits = config.device, config.limits
        self.config = config
        self.now_us = at_us
        # The latest event; later than `now_us` where an event needed no time to pass.
        self.seen_us = at_us
        self.engine = Delivery(
            step_uu=device.step_uu,
            gap_us=device.gap_us,
            grid_us=device.grid_us,
            at_us=at_us,
            hour_cap_uu=limits.max_hour_uu,
            day_cap_uu=limits.max_day_uu,
        )
        # What the profile alone would deliver: insulin on board is counted against it, and so is what a suspend misses.
        self.scheduled = Delivery(step_uu=device.step_uu, at_us=at_us)
        self.state = State.STANDBY
        self.cause: SuspendCause | None = None
        self.suspended_us = 0
        self.until_us = NEVER_US
        self.missed_uu = 0
        self.ledger = Ledger(at_us)
        self.limits = limits
        self.plan = config.plan
        self.anchor = config.anchor
        self.zone = config.zone
        # Stored by name; those of the plan are there besides.
        self.profiles = {profile.name: profile for profile in config.profiles}
        self.profile_rate = 0
        self.profile_edge_us = at_us
        self.temp: TempBasal | None = None
        self.boluses: dict[int, Bolus] = {}
        self.trains: dict[int, int] = {}
        self.held: tuple[tuple[int, Part], ...] = ()
        # What a suspend misses, as long as `misses`; its part of a step is carried from one suspend to the next.
        self.missing = Delivery(step_uu=device.step_uu, at_us=at_us)
        self.misses = False
        # Bolus by train, and when that train has earned all; boluses whose last outcome is awaited, with their reason.
        self.ends_us: dict[int, int] = {}
        self.ending: dict[int, EndReason] = {}
        self.proposals: dict[int, Proposal] = {}
        self.answers: dict[int, tuple[Effect, ...]] = {}
        self.next_bolus_id = 1
        self.next_proposal_id = 1
        self.basis = 0
        self.board = Board()
        self.reservoir_uu: int | None = None
        self.measured_seq = 1
        self.primed = self.tubing_primed = self.set_off_body = False
        self.connected_us: int | None = None
        self.loaded_us: int | None = None
        self.battery_percent: int | None = None
        self.person_us = at_us
        self.begun_us: int | None = None
        self.glucose = Last24h()
        self.sensor_us: int | None = None
        self.low_by_hand_us: int | None = None
        self.low_ended_us: int | None = None
        self.low_spans: tuple[tuple[int, int], ...] = ()
        self.bolus_us: int | None = None
        self.controller_id = 0
        self.controller_answers: dict[int, tuple[Effect, ...]] = {}
        self.controller_temp = False
        # What a sender must have known to command anything: counted, never set back.
        self.changes = 0
        self.command_id = 0
        self.command_answers: dict[int, tuple[Effect, ...]] = {}
        # Boluses that were confirmed within the last hour: when, and how much.
        self.hour_boluses: tuple[tuple[int, int], ...] = ()

    def copy(self) -> PumpState:
        """Return another state with the same content; neither knows of the other."""
        other = object.__new__(PumpState)
        other.__dict__.update(self.__dict__)
        other.engine, other.scheduled = self.engine.copy(), self.scheduled.copy()
        other.ledger = self.ledger.copy()
        other.boluses, other.trains = self.boluses.copy(), self.trains.copy()
        other.ends_us, other.ending = self.ends_us.copy(), self.ending.copy()
        other.missing = self.missing.copy()
        other.proposals, other.answers = self.proposals.copy(), self.answers.copy()
        other.controller_answers = self.controller_answers.copy()
        other.command_answers, other.profiles = self.command_answers.copy(), self.profiles.copy()
        return other

    @property
    def policy(self) -> Policy:
        """What a suspend does."""
        return POLICIES[self.config.suspend_policy]

    @property
    def temp_until_us(self) -> int:
        """When the temp basal ends; never, where there is none."""
        return NEVER_US if self.temp is None else self.temp.start_us + self.temp.duration_us


class Turn:
    """One step under way: the state it works on, and the effects and bookings that it will leave behind."""

    __slots__ = ("bookings", "capped", "due", "effects", "iob", "machine", "returned", "state", "stopping", "to_us")

    def __init__(self, state: PumpState, to_us: int, machine: ModeMachine, iob: Iob) -> None:
        """Begin a step that ends at `to_us`."""
        self.machine = machine
        self.iob = iob
        self.state = state
        self.to_us = to_us
        self.capped = False
        # The causes of annunciations at the end of the step; None where something has changed since.
        self.due: Due | None = None
        self.stopping = {each.id for each in state.board.active if each.row.stops_delivery}
        self.effects: list[Effect] = []
        self.bookings: list[tuple[int, int, IobPart]] = []
        self.returned: list[tuple[int, int, IobPart]] = []

    @property
    def config(self) -> Config:
        """What the pump was made with."""
        return self.state.config

    @property
    def policy(self) -> Policy:
        """What a suspend does."""
        return self.state.policy

    def say(self, effect: Effect) -> None:
        """Answer with one more effect."""
        self.effects.append(effect)
        if type(effect) in CHANGES:
            self.state.changes += 1
