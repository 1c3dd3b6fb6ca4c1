"""`Pump`: one event in, effects out.

The rules of this file: a step works on a copy of the state and is kept by one assignment, so whatever is raised on the
way (a refusal, a bug, an interrupt, no memory), the pump is as it was. Time is an argument: a step first lets time pass
up to the event's instant, then does what the event says, then looks at what the person must know.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from pumpcore.alarms import WATCHED
from pumpcore.errors import InvariantError, QuantityError, RequestError, TimeError
from pumpcore.limits import HARD_LIMITS, check
from pumpcore.pump import snapshot
from pumpcore.pump.config import Config
from pumpcore.pump.events import PulseConfirmed, Request
from pumpcore.pump.handlers import HANDLERS
from pumpcore.pump.ledger import Fate
from pumpcore.pump.modes import ModeMachine
from pumpcore.pump.state import PumpState
from pumpcore.pump.status import Status, status_of
from pumpcore.pump.step import Step
from pumpcore.pump.step.alarms import causes_now, update_alarms
from pumpcore.pump.step.basal import refresh_profile_rate
from pumpcore.pump.step.time import pass_time
from pumpcore.units import NEVER_US

if TYPE_CHECKING:
    from collections.abc import Callable

    from pumpcore.alarms import Due
    from pumpcore.devices import Device
    from pumpcore.pump.effects import Effect
    from pumpcore.pump.events import Event
    from pumpcore.pump.ledger import Ledger

__all__ = ["Pump"]


_CONFIRMED: Final = Fate.CONFIRMED  # by its own name: every pulse looks it up


class _Kept(NamedTuple):
    """What a pump is between two steps: replaced by one assignment.

    Attributes:
        state: all that a snapshot holds.
        due: the causes of annunciations as the last step has derived them; None: to be derived anew.
    """

    state: PumpState
    due: Due | None


class Pump:
    """The core of an insulin pump, without a clock, a thread, a file or a motor.

    Give it events in the order of their instants; carry out the effects it answers; call it again with a `Tick` at
    `next_deadline_us()` at the latest.

    Args:
        config: what it is made with.
        at_us: where monotonic time stands.

    Raises:
        QuantityError, LimitError: `config` is not a `Config`, or `at_us` is outside the range of times.
    """

    def __init__(self, config: Config, *, at_us: int) -> None:
        """Begin in standby, with nothing delivered."""
        if type(config) is not Config:
            raise QuantityError("config", config, "must be a Config")
        check("time_us", at_us, field="at_us")
        if config.anchor is not None:
            check("wall_clock_us", config.anchor.utc_us(at_us), field="anchor")
        self._machine = ModeMachine()
        state = PumpState(config, at_us)
        refresh_profile_rate(state)
        self._kept = _Kept(state, None)
        self._broken: str | None = None
        # The step under way, if there is one; see `step`.
        self._under_way: dict[str, object] = {}

    # What one asks --------------------------------------------------------------------------------------------------

    @property
    def config(self) -> Config:
        """What it was made with."""
        return self._kept.state.config

    @property
    def status(self) -> Status:
        """What it can say of itself."""
        return status_of(self._kept.state)

    @property
    def ledger(self) -> Ledger:
        """Where every step of insulin is: a copy, for whoever keeps books beside the pump's."""
        return self._kept.state.ledger.copy()

    def next_deadline_us(self) -> int | None:
        """Return when it wants to be called at the latest, or None if it does not.

        Returns:
            Monotonic, later than the last event: the next pulse, change of rate, end of a temp basal or of a proposal,
            or news for the person.
        """
        s, due = self._kept
        if due is None:
            due = causes_now(s)
            self._kept = _Kept(s, due)
        board_us, facts_us = s.board.next_deadline_us(), due.next_us
        due_us, open_us = s.engine.next_due_us, s.ledger.open_since_us()
        candidates = [
            s.basal.edge_us,
            s.temp_until_us,
            s.suspension.until_us,
            NEVER_US if board_us is None else board_us,
            NEVER_US if facts_us is None else facts_us,
            NEVER_US if due_us is None else due_us,
            NEVER_US if open_us is None else open_us + s.config.unanswered_us,
        ]
        if s.proposals.open:
            candidates.extend(proposal.expires_us + 1 for proposal in s.proposals.open.values())
        first = max(min(candidates), s.seen_us + 1)
        return None if first > HARD_LIMITS["time_us"].largest else first

    def snapshot(self) -> bytes:
        """Write the pump down; equal pumps give equal bytes.

        Returns:
            Versioned bytes with a checksum, for `restore`.
        """
        return snapshot.write(self._kept.state)

    @classmethod
    def restore(cls, bytes_kept: bytes, *, device: Device | None = None) -> Pump:
        """Make the pump that was written down.

        Args:
            bytes_kept: from `snapshot`.
            device: the device, where it is not one of the presets.

        Raises:
            JournalError: the bytes are damaged, of another version, or hold what no pump writes.
        """
        state = snapshot.read(bytes_kept, device=device)
        pump = cls(state.config, at_us=0)
        pump._kept = _Kept(state, None)
        return pump

    # What one tells it ----------------------------------------------------------------------------------------------

    def step(
        self, event: Event, *, record: Callable[[Event, tuple[Effect, ...]], None] | None = None
    ) -> tuple[Effect, ...]:
        """Take an event and answer with what is to be done.

        Args:
            event: of `events`; its instant is now.
            record: makes event and effects durable, called when all is computed and nothing has changed yet. What it
                raises goes to the caller, and nothing at all has changed.

        Returns:
            Effects in the order in which they are to be carried out and recorded.

        Raises:
            RequestError: the event is refused, or a step is under way in another thread or in `record`. Nothing at all
                has changed.
            InvariantError: a bug; the pump delivers nothing from now on and refuses every further event.
        """
        token, under_way = object(), self._under_way
        try:
            try:
                if under_way.setdefault("step", token) is not token:
                    raise RequestError("the pump is in the middle of another step: call it from one thread at a time")
                if self._broken is not None:
                    raise InvariantError(self._broken)
                if type(event) not in HANDLERS:
                    raise QuantityError("event", event, "is not an event of pumpcore.events")
                state = self._kept.state
                if event.at_us < state.seen_us:
                    raise TimeError("at_us", event.at_us, state.seen_us)
                effects: tuple[Effect, ...] = ()
                if type(event) is PulseConfirmed and _changes_one_booking(state):
                    kept = self._confirmed(event)
                else:
                    kept, effects = self._computed(event)
                if record is not None:
                    record(event, effects)
                self._kept = kept
                return effects
            finally:
                if under_way.get("step") is token:
                    under_way.clear()
        finally:  # a second time: an interrupt may have come in the first
            if under_way and under_way.get("step") is token:
                under_way.clear()

    def _confirmed(self, event: PulseConfirmed) -> _Kept:
        """Compute what the good news that comes with every pulse leads to; no time needs to pass for it."""
        s, due = self._kept
        gap_us = s.settings.alarms.watch.medium_us
        ledger = s.ledger.copy()
        before_us = ledger.last_therapy_us(gap_us)
        ledger.settle(event.seq, _CONFIRMED)
        # A pulse that is alone counted as insulin before its outcome was known: then nothing is due that was not.
        if ledger.last_therapy_us(gap_us) != before_us:
            due = None
        return tuple.__new__(_Kept, (s.with_ledger(ledger, event.at_us), due))  # the same as its call, without one more

    def _computed(self, event: Event) -> tuple[_Kept, tuple[Effect, ...]]:
        """Compute the step that an event leads to, on a copy; only a bug leaves a mark on the pump itself."""
        step = Step(self._kept.state.copy(), event.at_us, self._machine)
        asked = False
        try:
            pass_time(step)
            asked = True
            HANDLERS[type(event)](event, step)
            asked = False
            s = step.state
            if isinstance(event, Request):
                s.person_us = event.at_us
            update_alarms(step)
            if step.bookings or step.returned:
                s.iob = s.iob.copy()
                for at_us, amount_uu, part in step.bookings:
                    s.iob.add(at_us, amount_uu, part)
                for at_us, amount_uu, part in step.returned:
                    s.iob.settle(at_us, amount_uu, part)
        except (MemoryError, RecursionError):
            raise  # nothing is wrong with the pump; the caller had no room for it
        except Exception as error:
            if asked and isinstance(error, RequestError):
                raise
            self._broken = f"{type(error).__name__}: {error}"
            raise InvariantError(self._broken) from error
        return _Kept(s, step.due), tuple(step.effects)


def _changes_one_booking(s: PumpState) -> bool:
    """Return whether a confirmation could end nothing: no bolus that waits for it, no alarm about missing insulin."""
    if s.boluses.ending:
        return False
    for each in s.board.active:  # noqa: SIM110 - every pulse asks this: a loop takes half the time of `any`
        if each.kind in WATCHED:
            return False
    return True
