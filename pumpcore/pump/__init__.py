"""The pump: the order in which the parts of the house are asked, and nothing else.

The rules of this package: `step` takes an event and answers with effects, or raises a `RequestError` and nothing at
all has changed. It works on a copy of the state and keeps it only when all went well. Time is an argument: a step first
lets time pass up to the event's instant (`flow`: rates change, trains go on, deadlines are met), then does what the
event says (`requests`), then looks at what the person must know. Nothing here computes when a step of insulin is due:
that is the kernel's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pumpcore.alarms import WATCHED
from pumpcore.errors import InvariantError, PumpcoreError, QuantityError, RequestError, TimeError
from pumpcore.limits import TABLE, check
from pumpcore.pump.config import Calculator, Config, Status
from pumpcore.pump.events import PulseConfirmed, Request, SuspendCause
from pumpcore.pump.flow import available, bolus_now, due, look_around, look_up, pass_time, profile_name, stale_us
from pumpcore.pump.ledger import Fate
from pumpcore.pump.modes import ModeMachine, State
from pumpcore.pump.requests import HANDLERS
from pumpcore.pump.turn import NEVER_US, PumpState, Turn
from pumpcore.therapy.glucose import link
from pumpcore.therapy.iob import Iob

if TYPE_CHECKING:
    from collections.abc import Callable

    from pumpcore.alarms import Due
    from pumpcore.devices import Device
    from pumpcore.pump.effects import Effect
    from pumpcore.pump.events import Event
    from pumpcore.pump.ledger import Ledger

__all__ = ["Calculator", "Config", "Pump", "Status"]


class Pump:
    """The core of an insulin pump, without a clock, a thread, a file or a motor.

    Give it events in the order of their instants; carry out the effects it answers; call it again with a `Tick` at
    `next_deadline_us()` at the latest.

    Args:
        config: what it is made with.
        at_us: where monotonic time stands.

    Raises:
        QuantityError, LimitError: as `Config`, or `at_us` is no instant.
    """

    def __init__(self, config: Config, *, at_us: int) -> None:
        """Begin in standby, with nothing delivered."""
        self._machine = ModeMachine()
        self._state = PumpState(config, check("time_us", at_us, field="at_us"))
        if config.anchor is not None:
            check("wall_clock_us", config.anchor.utc_us(at_us), field="anchor")
        self._iob = Iob(config.curve)
        self._broken: str | None = None
        # Asked for once a step: it is the same for as long as the state is.
        self._due: Due | None = None
        look_up(self._state)

    # What one asks --------------------------------------------------------------------------------------------------

    @property
    def config(self) -> Config:
        """What it was made with."""
        return self._state.config

    @property
    def status(self) -> Status:
        """What it can say of itself."""
        s = self._state
        weekday = s.plan is not None and s.anchor is not None
        return Status(
            at_us=s.seen_us,
            state=s.state,
            mode=s.state.mode,
            therapy_control=s.state.therapy(
                paused=s.cause is not SuspendCause.ALARM and 0 <= s.seen_us - s.suspended_us < s.policy.makes_up_us
            ),
            operational=s.state.operational,
            cause=s.cause,
            rate_uu_per_h=s.engine.rate_uu_per_h,
            rate_reason="stopped" if s.state is not State.RUNNING else "temp" if s.temp else "profile",
            profile=profile_name(s) if weekday else None,
            profiles=tuple(available(s).values()),
            temp_until_us=None if s.temp is None else s.temp_until_us,
            boluses=tuple(bolus_now(s, bolus) for bolus in s.boluses.values()),
            proposals=tuple(s.proposals.values()),
            on_board=self._iob.at(s.seen_us),
            sensor_link=link(s.sensor_us, s.seen_us, lost_us=s.config.alarms.sensor_lost_us),
            last_24h=s.glucose,
            reservoir_uu=s.reservoir_uu,
            battery_percent=s.battery_percent,
            set_age_us=None if s.connected_us is None else s.seen_us - s.connected_us,
            reservoir_age_us=None if s.loaded_us is None else s.seen_us - s.loaded_us,
            annunciations=s.board.active,
            without_insulin_us=max(s.seen_us - s.ledger.confirmed_us, 0),
            window_steps=s.engine.window_steps,
            changes=s.changes,
        )

    @property
    def ledger(self) -> Ledger:
        """Where every step of insulin is: a copy, for whoever keeps books beside the pump's."""
        return self._state.ledger.copy()

    def next_deadline_us(self) -> int | None:
        """Say when it wants to be called at the latest, or None if it does not.

        Returns:
            Monotonic, later than the last event: the next pulse, change of rate, end of a temp basal or of a proposal,
            or news for the person.
        """
        s = self._state
        if self._due is None:
            self._due = due(s)
        board_us, facts_us = s.board.next_deadline_us(), self._due.next_us
        due_us, open_us = s.engine.next_due_us, s.ledger.open_since_us()
        candidates = [
            s.profile_edge_us,
            s.temp_until_us,
            s.until_us,
            stale_us(s),
            *(proposal.expires_us + 1 for proposal in s.proposals.values()),
            NEVER_US if board_us is None else board_us,
            NEVER_US if facts_us is None else facts_us,
            NEVER_US if due_us is None else due_us,
            NEVER_US if open_us is None else open_us + s.config.unanswered_us,
        ]
        first = min(candidates)
        first = max(first, s.seen_us + 1)
        return None if first > TABLE["time_us"].largest else first

    def snapshot(self) -> bytes:
        """Write the pump down; equal pumps give equal bytes.

        Returns:
            Versioned bytes with a checksum, for `restore`.
        """
        from pumpcore.pump import snapshot  # noqa: PLC0415 - a pump that is never written down needs no codec

        return snapshot.write(self._state, self._iob)

    @classmethod
    def restore(cls, bytes_kept: bytes, *, device: Device | None = None) -> Pump:
        """Make the pump that was written down.

        Args:
            bytes_kept: from `snapshot`.
            device: the device, where it is none of the presets.

        Raises:
            JournalError: the bytes are damaged, of another version, or hold what no pump writes.
        """
        from pumpcore.pump import snapshot  # noqa: PLC0415 - a pump that is never written down needs no codec

        state, iob = snapshot.read(bytes_kept, device=device)
        pump = cls(state.config, at_us=0)
        pump._state, pump._iob, pump._due = state, iob, None
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
            RequestError: the event is refused, and nothing at all has changed.
            InvariantError: a bug; the pump delivers nothing from now on and refuses every further event.
        """
        if self._broken is not None:
            raise InvariantError(self._broken)
        if type(event) not in HANDLERS:
            raise QuantityError("event", event, "is no event that a pump knows")
        if event.at_us < self._state.seen_us:
            raise TimeError("at_us", event.at_us, self._state.seen_us)
        if type(event) is PulseConfirmed and self._changes_one_booking():
            self._state.ledger.order(event.seq)  # refused before anything is recorded
            if record is not None:
                record(event, ())
            self._confirm(event)
            return ()
        turn = self._turn(event)
        effects = tuple(turn.effects)
        if record is not None:
            record(event, effects)
        self._keep(turn)
        return effects

    def _changes_one_booking(self) -> bool:
        """Say whether a confirmation could end nothing: no bolus that waits for it, no alarm about missing insulin."""
        active = self._state.board.active
        return not self._state.ending and (not active or not any(each.kind in WATCHED for each in active))

    def _confirm(self, event: PulseConfirmed) -> None:
        """Take the good news that comes with every pulse; no time needs to pass for it."""
        ledger = self._state.ledger
        gap_us = self.config.alarms.watch.medium_us
        before_us = ledger.last_therapy_us(gap_us)
        ledger.settle(event.seq, Fate.CONFIRMED)
        # A pulse that is alone counted as insulin before its outcome was known: then nothing is due that was not.
        if ledger.last_therapy_us(gap_us) != before_us:
            self._due = None
        self._state.seen_us = event.at_us

    def _keep(self, turn: Turn) -> None:
        """Keep what a step has left behind."""
        try:
            for at_us, amount_uu, part in turn.bookings:
                self._iob.add(at_us, amount_uu, part)
            for at_us, amount_uu, part in turn.returned:
                self._iob.settle(at_us, amount_uu, part)
        except PumpcoreError as error:
            self._broken = f"{type(error).__name__}: {error}"
            raise InvariantError(self._broken) from error
        self._state, self._due = turn.state, turn.due

    def _turn(self, event: Event) -> Turn:
        """Make the step that an event leads to, on a copy; only a bug leaves a mark on the pump itself."""
        turn = Turn(self._state.copy(), event.at_us, self._machine, self._iob)
        asked = False
        try:
            pass_time(turn)
            asked = True
            HANDLERS[type(event)](event, turn)
            asked = False
            if isinstance(event, Request):
                turn.state.person_us = event.at_us
            look_around(turn)
        except Exception as error:
            if asked and isinstance(error, RequestError):
                raise
            self._broken = f"{type(error).__name__}: {error}"
            raise InvariantError(self._broken) from error
        return turn
