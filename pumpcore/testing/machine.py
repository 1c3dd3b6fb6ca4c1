"""A pump, its host and its driver on a bench, with a model that hears all that is said: the ground of `PumpContract`.

The rules of this file: there is one way in, `Machine.give`. It tells the pump an event, holds the answer against the
model's, looks that a refusal has changed nothing, and carries out what was ordered. Whatever contradicts a requirement
is a `ContractError`. Restarts may be put in anywhere: for a few steps the pump from before goes along, and must answer
the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias

from hypothesis.stateful import RuleBasedStateMachine

from pumpcore.alarms import ANNUNCIATIONS, Kind, Priority
from pumpcore.errors import RequestError
from pumpcore.pump import Pump, events
from pumpcore.pump.effects import FirePulse, PrimePulse
from pumpcore.pump.modes import State
from pumpcore.testing.driver import Driver, DriverBook, IdealDriver, Outcome
from pumpcore.testing.errors import ContractError
from pumpcore.testing.model import CANCELS_TEMP, HOLDS_BOLUSES, PumpModel, leads_to, places
from pumpcore.testing.setup import config_of, setups
from pumpcore.units import US_PER_DAY, UU_PER_U

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hypothesis import strategies as st

    from pumpcore.pump import Config, Status
    from pumpcore.pump.effects import Effect
    from pumpcore.pump.events import Event
    from pumpcore.pump.ledger import Account
    from pumpcore.testing.driver import Pulse
    from pumpcore.testing.setup import PumpSetup

__all__ = ["OUTCOMES", "AnyPump", "Machine"]

_TWIN_STEPS: Final = 4
_PRIME_UU: Final = 8 * UU_PER_U

Whole: TypeAlias = tuple[object, ...]
"""All that a pump can be asked, with its whole state: two equal ones can be told apart by nothing."""


class AnyPump(Protocol):
    """A pump that a contract can be run against: `pumpcore.Pump`, a wrapper around it, or another implementation."""

    @property
    def status(self) -> Status:
        """What it says of itself."""

    def step(self, event: Event) -> tuple[Effect, ...]:
        """Take an event and answer, or raise a `RequestError` and change nothing."""

    def next_deadline_us(self) -> int | None:
        """Return the latest instant at which the pump must be called."""

    def snapshot(self) -> Any:  # noqa: ANN401  # whatever `PumpContract.restore_pump` takes
        """Write it down; equal pumps give equal snapshots."""


OUTCOMES: Final[Mapping[Outcome, type[events.PulseConfirmed | events.PulseFailed | events.PulseUnknown]]] = {
    Outcome.CONFIRMED: events.PulseConfirmed,
    Outcome.FAILED: events.PulseFailed,
    Outcome.UNKNOWN: events.PulseUnknown,
}
"""How a host tells the pump what a driver has said; where it says nothing, nothing is told."""

_BY: Final[Mapping[type[Event], str]] = {
    events.Tick: "MOD-11",
    events.PulseConfirmed: "DEL-08",
    events.PulseFailed: "DEL-08",
    events.PulseUnknown: "DEL-08",
    events.ReservoirMeasured: "MOD-11 LIM-01",
    events.ClockSet: "MOD-11 TIM-02",
    events.ChangeSettings: "SET-01",
    events.Start: "STA-01 MOD-01",
    events.Suspend: "SUS-01",
    events.Disconnect: "SUS-07",
    events.Resume: "SUS-02 SUS-08",
    events.CancelBolus: "BOL-07",
    events.CancelTemp: "TMP-02",
    events.BeginChange: "RES-06",
    events.Loaded: "RES-05 MOD-01",
    events.Prime: "RES-06 RES-07",
    events.Primed: "RES-05 MOD-01",
    events.Filled: "RES-05 MOD-01",
    events.Connected: "RES-05 MOD-01",
    events.AbortChange: "MOD-06",
    events.ConfirmAlarm: "ALM-03",
    events.SnoozeAlarm: "ALM-02",
    events.PauseAudio: "ALM-02",
    events.ProposeBolus: "BOL-05 LIM-02",
    events.ProposeTemp: "LIM-09",
    events.ProposePlan: "PRF-02 LIM-01",
    events.Confirm: "BOL-03 BOL-04",
    events.Reject: "BOL-10",
    events.AskAdvice: "ADV-03 STA-02",
    events.ControllerAsks: "GLU-05 GLU-06",
}
"""What says whether an event is accepted or refused; for other facts it is that no fact is refused (MOD-11)."""


def everything(pump: AnyPump) -> Whole:
    """Read everything that a pump shows of itself."""
    return pump.status, pump.next_deadline_us(), pump.snapshot()


def must_hold(requirement: str, holds: object, *seen: object) -> None:
    """Raise where something does not hold.

    Raises:
        ContractError: it does not.
    """
    if not holds:
        raise ContractError(requirement, *seen)


class Machine(RuleBasedStateMachine):
    """A pump under way, its driver, and their books.

    Attributes:
        pump: the pump.
        model: what it must do, worked out from the requirements alone.
        driver: whatever `make_driver` has given.
        book: what has really moved.
        now_us: the instant of the last event.
        link: how the host and the driver hear each other: `"hears"`, or `"silent"`, `"unsure"` (the order arrives and
            the answer does not), `"lost"` (nothing arrives, and nobody knows), `"fails"` (nothing arrives for certain).
    """

    pump: AnyPump
    model: PumpModel
    driver: Any
    book: DriverBook

    # What an integrator gives ---------------------------------------------------------------------------------------

    def make_pump(self, config: Config, at_us: int) -> AnyPump:
        """Make the pump that is held against the model.

        Args:
            config: what it is made with.
            at_us: where monotonic time stands.

        Returns:
            A pump in standby; `pumpcore.Pump` unless a subclass says otherwise.
        """
        return Pump(config, at_us=at_us)

    def restore_pump(self, snapshot: Any) -> AnyPump:  # noqa: ANN401  # whatever the pump has written
        """Make the pump that a snapshot was taken of, as after a restart."""
        return Pump.restore(snapshot)

    def make_driver(self) -> Driver:
        """Make the driver that carries out the pump's orders; one that does all it is told, unless a subclass has one.

        It is also `self.driver`, for the subclass's own rules: a broken line, a stalled motor.
        """
        return IdealDriver()

    def setups(self) -> st.SearchStrategy[PumpSetup]:
        """Return the pumps to try; `setups("omnipod")` tries one device only."""
        return setups()

    def time_passes(self, now_us: int) -> None:
        """Take notice that it is `now_us`, as a driver with time-outs must; nothing unless a subclass does."""

    def ledger_of(self, pump: AnyPump) -> Account | None:
        """Return the book of therapy insulin, to check that every step is in one place (DEL-06); None: unknown."""
        return pump.ledger.therapy if isinstance(pump, Pump) else None  # the book that is checked

    # The beginning --------------------------------------------------------------------------------------------------

    def set_up(self, setup: PumpSetup) -> None:
        """Make a pump and its driver, and mostly bring it to running."""
        config = config_of(setup)
        self.pump = self.make_pump(config, 0)
        self.twin: AnyPump | None = None
        self.twin_steps = 0
        self.model = PumpModel(config)
        self.driver = self.make_driver()
        self.book = DriverBook(self.driver)
        self.now_us = self.given = self.controller_id = 0
        self.link = "hears"
        must_hold("STA-03", self.pump.status.state is State.STANDBY, self.pump.status)
        if setup.running:
            self.change_reservoir(setup.reservoir_uu)
            self.give(events.Start(self.now_us), must=self.by_the_rules("start"))

    def change_reservoir(self, reservoir_uu: int) -> None:
        """Change the reservoir, all of it, now."""
        at_us = self.now_us
        for event in (
            events.BeginChange(at_us, set_off_body=True),
            events.Rewound(at_us),
            events.ReservoirMeasured(at_us, reservoir_uu),
            events.Loaded(at_us),
            events.Prime(at_us, _PRIME_UU),
            events.Primed(at_us),
            events.Filled(at_us),
            events.Connected(at_us),
        ):
            self.give(event, must=True)

    def by_the_rules(self, trigger: str) -> bool:
        """Whether the modes let a trigger through."""
        return leads_to(self.model.state, trigger, self.model.facts()) is not None

    # The one way in -------------------------------------------------------------------------------------------------

    def give(self, event: Event, *, must: bool | None = None, by: str | None = None) -> bool:
        """Send the pump an event, and let the model follow it.

        Args:
            event: what it is told.
            must: whether the requirements say that it is accepted (True) or refused (False); None: they leave it open.
            by: the requirement that says so, where it is not the usual one of this event.

        Returns:
            Whether it was accepted.

        Raises:
            ContractError: a requirement does not hold.
        """
        self.given += 1
        by = by or _BY.get(type(event), "MOD-11")
        before = None if must else everything(self.pump)
        twin = self._step_twin(event)
        try:
            answered = self.pump.step(event)
        except RequestError as refused:
            self._same_as_twin(event, twin, type(refused))
            if must:
                raise ContractError(by, f"{event} was refused: {refused}") from refused
            must_hold("DEL-14", everything(self.pump) == before, f"a refused {event} has changed the pump")
            return False
        must_hold(by, must is not False, f"{event} was accepted")
        self._same_as_twin(event, twin, answered)
        self.now_us = event.at_us
        self.time_passes(self.now_us)
        self.model.watch(event, answered)
        self.agree()
        for order in answered:
            if isinstance(order, FirePulse | PrimePulse):
                self._carry_out(order)
        self._nothing_is_lost()
        return True

    def restart(self) -> None:
        """Put in the pump's place what its snapshot gives (PWR-03)."""
        restored = self.restore_pump(self.pump.snapshot())
        must_hold("PWR-03", everything(restored) == everything(self.pump), "the restored pump differs")
        self.twin, self.twin_steps = self.pump, _TWIN_STEPS
        self.pump = restored

    def _step_twin(self, event: Event) -> object:
        """Step the pump from before the last restart too, for a few events; return its answer or its refusal."""
        if self.twin is None:
            return None
        self.twin_steps -= 1
        if self.twin_steps < 0:
            self.twin = None
            return None
        try:
            return self.twin.step(event)
        except RequestError as refused:
            return type(refused)

    def _same_as_twin(self, event: Event, twin: object, answered: object) -> None:
        """Hold the answers of before and after a restart against each other."""
        if self.twin is None:
            return
        must_hold("PWR-03", twin == answered, event, "before a restart", twin, "after it", answered)
        deadlines = self.twin.next_deadline_us(), self.pump.next_deadline_us()
        must_hold("PWR-03", deadlines[0] == deadlines[1], event, deadlines)
        # Writing it all down is slow: once, at the end.
        must_hold("PWR-03", self.twin_steps or everything(self.twin) == everything(self.pump), event)

    # The driver -----------------------------------------------------------------------------------------------------

    def _carry_out(self, order: Pulse) -> None:
        """Send an order to the driver, over a link that may be bad, and report the outcome to the pump."""
        if self.link in {"lost", "fails"}:
            self.book.lose(order)
            said = {"lost": Outcome.SILENT, "fails": Outcome.FAILED}[self.link]
        else:
            said = self.book.fire(order)
            if self.link != "hears":
                said = {"silent": Outcome.SILENT, "unsure": Outcome.UNKNOWN}[self.link]
        if said in OUTCOMES:
            self.tell(order.seq, said)

    def tell(self, seq: int, said: Outcome) -> bool:
        """Report the outcome of a pulse to the pump; one that settles it must be accepted."""
        return self.give(OUTCOMES[said](self.now_us, seq), must=None if said is Outcome.UNKNOWN else True)

    def settle(self, seq: int) -> None:
        """Find out what became of a pulse, and tell the pump; where nobody can say, it stays uncertain and counts."""
        said = self.book.ask(seq)
        if said in {Outcome.CONFIRMED, Outcome.FAILED}:
            self.tell(seq, said)

    def open_pulses(self) -> list[int]:
        """List the pulses that the pump has no outcome of."""
        return [seq for seq, each in self.model.orders.items() if each.fate in {"outstanding", "uncertain"}]

    def _nothing_is_lost(self) -> None:
        """Hold what has really moved against what was confirmed and what counts as delivered."""
        self.book.look()
        ledger = self.ledger_of(self.pump)
        if ledger is None:
            return
        moved, least = self.book.therapy_steps, ledger.confirmed
        most = least + ledger.outstanding + ledger.uncertain
        must_hold(
            "DEL-06 DEL-09", least <= moved <= most, f"{moved} steps moved; counted are {least} to {most}", ledger
        )

    # What must hold after each step ---------------------------------------------------------------------------------

    def agree(self) -> None:
        """Hold all books against each other.

        Raises:
            ContractError: they do not.
        """
        model, status = self.model, self.pump.status
        model.check_due()
        must_hold("MOD-01", status.state.value == model.state, status.state, model.state)
        must_hold("RES-01", status.reservoir_uu == model.reservoir_uu, status.reservoir_uu, model.reservoir_uu)
        rate = model.programmed_rate(self.now_us) if status.state is State.RUNNING else 0
        # An actuator with a gap may have to work off a bolus before a rate can rise.
        waits = model.device.gap_us > 0 and status.rate_uu_per_h < rate
        must_hold("PRF-03 TMP-01", waits or status.rate_uu_per_h == rate, status.rate_uu_per_h, rate)
        stopping = {each.kind for each in status.annunciations if ANNUNCIATIONS[each.kind].stops_delivery}
        must_hold("ALM-03 MOD-07", stopping == set(model.causes), stopping, model.causes)
        must_hold("ALM-06", not (status.state is State.RUNNING and stopping), stopping)
        deadline_us = self.pump.next_deadline_us()
        must_hold("TIM-06", deadline_us is None or deadline_us > self.now_us, deadline_us, self.now_us)
        self._agree_on_care(status)
        self._agree_on_boluses(status)
        self._agree_on_insulin(status)

    def _agree_on_boluses(self, status: Status) -> None:
        """Hold each bolus against what was programmed; it runs only where delivery runs or is held."""
        model = self.model
        held = status.state is State.SUSPENDED and model.policy in HOLDS_BOLUSES
        for bolus in status.boluses:
            stopped = not (status.state is State.RUNNING or held)
            must_hold("SUS-01 SUS-06", not (stopped and bolus.remaining_uu), status.state, bolus)
            least_uu = min(bolus.delivered_uu, bolus.not_delivered_uu, bolus.remaining_uu)
            must_hold("BOL-07", least_uu >= 0 and bolus.programmed_uu == model.programmed.get(bolus.id), bolus)
            must_hold("DEL-09", bolus.uncertain_uu <= bolus.delivered_uu, bolus)
        running = {train.bolus_id for train in model.trains if train.due(self.now_us) < train.steps}
        must_hold("BOL-08", running <= {bolus.id for bolus in status.boluses}, running, status.boluses)

    def _agree_on_insulin(self, status: Status) -> None:
        """Look that every step is in one place, on board only what was ordered, and a time without insulin told."""
        model, ledger, mine = self.model, self.ledger_of(self.pump), places(self.model)
        if ledger is not None:
            counted = mine["outstanding"] + mine["uncertain"]
            missed = sum(part.missed for part in (model.basal, *model.parts.values()))
            must_hold("DEL-06", ledger.confirmed == mine["confirmed"], ledger, mine)
            must_hold("DEL-10", ledger.failed == mine["failed"], ledger, mine)
            must_hold("DEL-09", ledger.outstanding + ledger.uncertain == counted, ledger, mine)
            must_hold("DEL-06", ledger.missed == missed, ledger, missed)
        # What is on board is rounded up, by less than one micro-unit.
        day_uu = sum(uu for at_us, uu in model.pulses if at_us > self.now_us - US_PER_DAY)
        must_hold("IOB-02", 0 <= status.on_board.bolus_uu <= 1 + day_uu, status.on_board, day_uu)
        watch = model.settings.alarms.watch
        if model.without_us() >= watch.high_us + max(model.config.unanswered_us, watch.medium_us):
            told = {each.priority for each in status.annunciations}
            must_hold("WCH-01", Priority.HIGH in told, model.without_us(), status.annunciations)

    def _agree_on_care(self, status: Status) -> None:
        """Hold against the model what the person is told of, why it is suspended, and what waits for an answer."""
        model = self.model
        active = {each.kind for each in status.annunciations}
        due = model.due_reminders()
        missing = {kind for kind, there in due.items() if there} - active
        must_hold("WCH-03 ALM-10 SUS-07", not missing, missing, active)
        for kind in model.raised_now & {Kind.GLUCOSE_CHECK, Kind.MISSED_MEAL}:
            must_hold("ALM-10", due[kind], kind)
        must_hold("SUS-02", model.same_cause(status.cause), status.cause, model.cause)
        until_us = None if model.temp is None else model.temp.start_us + model.temp.duration_us
        must_hold("TMP-01", status.temp_until_us == until_us, status.temp_until_us, until_us)
        goes_on = status.state is State.SUSPENDED and model.policy not in CANCELS_TEMP
        must_hold("SUS-04", until_us is None or status.state is State.RUNNING or goes_on, status.state, model.policy)
        for proposal in status.proposals:
            must_hold("BOL-02 BOL-04 ADV-07", model.confirmable(proposal.id), proposal)
