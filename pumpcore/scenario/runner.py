"""Run a scenario: play the host, the actuator, the sensor and the person around a pump.

The rules of this file: it decides nothing about insulin. It calls the pump at each deadline, confirms each pulse after
a stated time, and tells it what the entries say. At one instant the outcomes of pulses come first, then the pump's own
deadline, then what the sensor reads, then the entries in their order. What the pump refuses is written down with the
reason, and the day goes on. The same scenario always gives the same run.
"""

from __future__ import annotations

import heapq
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from pumpcore.alarms import AnnunciationStatus, Kind
from pumpcore.errors import InvariantError, QuantityError, RequestError
from pumpcore.frozen import dataclass
from pumpcore.pump import Pump, events
from pumpcore.pump.config import zone_of
from pumpcore.pump.config_file.words import utc_of
from pumpcore.pump.effects import FirePulse, PrimePulse, Proposed
from pumpcore.pump.modes import Mode, State
from pumpcore.scenario.timeline import Line, Log, Totals
from pumpcore.scenario.verbs import VERBS
from pumpcore.therapy.glucose import Reading
from pumpcore.therapy.profile import Anchor
from pumpcore.units import NEVER_US, US_PER_MINUTE, format_u

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date, datetime

    from pumpcore.pump import Status as PumpStatus
    from pumpcore.pump.effects import Effect
    from pumpcore.pump.events import Event
    from pumpcore.scenario.entries import Entry
    from pumpcore.scenario.reader import Scenario
    from pumpcore.scenario.timeline import Fate
    from pumpcore.therapy.envelope import BolusRequest, RateRequest
    from pumpcore.therapy.glucose import Beyond, Glucose

__all__ = ["Host", "Refusal", "Run", "run"]

_OUTCOME: Final = 0
_DEADLINE: Final = 1
_SENSOR: Final = 2
_ENTRY: Final = 3
_NEVER: Final = (NEVER_US, _ENTRY)

_MENDED: Final = frozenset({Kind.OCCLUSION_DETECTED, Kind.INFUSION_SET_INCOMPLETE, Kind.INFUSION_SET_DETACHED})
"""Causes of alarms that a new infusion set takes away."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Something that the pump did not do.

    Attributes:
        at_us: when it was asked, monotonic.
        where: the place in the file.
        asked: what was asked.
        error: the name of the error.
        why: its text.
    """

    at_us: int
    where: str
    asked: str
    error: str
    why: str


@dataclass(frozen=True, slots=True)
class Run:
    """What became of a scenario.

    Attributes:
        scenario: what was run.
        log: what happened.
        refusals: what was refused, in order.
        days: insulin by local day.
        totals: insulin in all.
        readings: of the sensor, as far as the pump was told of them.
        fingers: readings of a meter.
        status: of the pump at the end.
        steps: how often the pump was called.
    """

    scenario: Scenario
    log: Log
    refusals: tuple[Refusal, ...]
    days: Mapping[date, Totals]
    totals: Totals
    readings: tuple[Reading, ...]
    fingers: tuple[Reading, ...]
    status: PumpStatus
    steps: int


def run(scenario: Scenario) -> Run:
    """Run a scenario from its start to its end.

    Args:
        scenario: what is to happen.

    Returns:
        What happened.

    Raises:
        InvariantError: a bug in the pump, a refusal of the passing of time among them.

    Example:
        >>> from pumpcore.scenario.reader import read
        >>> run(read("ordinary_day")).status.mode.value
        'running'
    """
    return Host(scenario).run()


class Host:
    """The world around one pump."""

    def __init__(self, scenario: Scenario) -> None:
        """Make the pump, and let nothing have happened yet."""
        self.scenario = scenario
        self.pump = Pump(scenario.config, at_us=0)
        self.log = Log(scenario.calendar, scenario.config.device.step_uu)
        self.refusals: list[Refusal] = []
        self.queue: list[tuple[int, int, int, Callable[[], None]]] = []
        self.order = 0
        self.now_us: int = 0
        self.awake_us = 0
        self.steps = 0
        self.asking = ("start", "start")
        self.fates: list[Fate] = []
        self.proposal: int | None = None
        self.confirmed: int | None = None
        self.answer: tuple[Effect, ...] = ()
        self.answer_to_ok: tuple[Effect, ...] = ()
        self.sensor_lost = False
        self.readings: list[Reading] = []
        self.fingers: list[Reading] = []
        self.controller_id = 0
        # Where the pump's own clock stands: it read `clock` when monotonic time was `clock_us`.
        self.zone, self.clock, self.clock_us = scenario.calendar.zone, scenario.calendar.start, 0

    # The world ------------------------------------------------------------------------------------------------------

    def run(self) -> Run:
        """Live through it."""
        scenario = self.scenario
        if scenario.battery_percent is not None:
            self.tell(events.BatteryMeasured(0, scenario.battery_percent))
        if scenario.running:
            self.change(scenario.reservoir_uu, step_us=0)
            self.shorten()
        for reading in scenario.readings:
            self.at(reading.at_us, _SENSOR, partial(self.sense, reading))
        for entry in scenario.entries:
            self.at(entry.at_us, _ENTRY, partial(self.enter, entry))
        self.live(scenario.end_us)
        days = self.log.by_day(scenario.end_us)
        totals = Totals()
        for day in days.values():
            for name in Totals.__slots__:
                totals = totals.plus(name, getattr(day, name))
        return Run(
            scenario=scenario,
            log=self.log,
            refusals=tuple(self.refusals),
            days=days,
            totals=totals,
            readings=tuple(self.readings),
            fingers=tuple(self.fingers),
            status=self.pump.status,
            steps=self.steps,
        )

    def shorten(self) -> None:
        """Summarise the setup in one line (primed and running); refusals are kept."""
        if self.pump.status.state is State.RUNNING:
            primed_uu = self.scenario.prime_uu + self.scenario.fill_uu
            self.log.lines = [line for line in self.log.lines if line.topic == "basal"]
            line = f"begins with {format_u(self.scenario.reservoir_uu)} U, {format_u(primed_uu)} U of them for priming"
            self.log.lines.insert(0, Line(0, "reservoir", line, amount_uu=self.scenario.reservoir_uu))

    def live(self, end_us: int) -> None:
        """Let time pass to the end; outcomes that are still open then come in at the end."""
        while True:
            deadline_us = self.pump.next_deadline_us()
            deadline = _NEVER if deadline_us is None else (deadline_us, _DEADLINE)
            head = self.queue[0][:2] if self.queue else _NEVER
            at_us = max(min(deadline, head)[0], self.awake_us)
            if at_us > end_us:
                break
            self.now_us = max(at_us, self.now_us)
            if head < deadline:
                heapq.heappop(self.queue)[3]()
            else:
                self.time_passes()
        self.now_us = end_us
        self.time_passes()
        while self.queue:
            _, rank, _, happen = heapq.heappop(self.queue)
            if rank == _OUTCOME:
                happen()

    def at(self, at_us: int, rank: int, happen: Callable[[], None]) -> None:
        """Let something happen at an instant."""
        self.order += 1
        heapq.heappush(self.queue, (at_us, rank, self.order, happen))

    def time_passes(self) -> None:
        """Call the pump, as it wanted to be called; it may never refuse that."""
        try:
            self.take(self.pump.step(events.Tick(self.now_us)))
        except RequestError as error:
            bug = f"at {self.now_us} us the pump refuses that time passes: {error}"
            raise InvariantError(bug) from error

    def tell(self, event: Event) -> bool:
        """Send the pump an event, and return whether it was accepted; a refusal is recorded."""
        try:
            answer = self.pump.step(event)
        except RequestError as error:
            self.refused(error)
            return False
        # What the first OK was answered is not carried out and not written down once more.
        again = isinstance(event, events.Confirm) and event.proposal_id == self.confirmed
        self.answer = tuple(each for each in answer if not (again and each in self.answer_to_ok))
        self.take(self.answer)
        return True

    def refused(self, error: RequestError) -> None:
        """Write a refusal down."""
        where, asked = self.asking
        self.refusals.append(Refusal(self.now_us, where, asked, type(error).__name__, str(error)))
        self.log.say(self.now_us, "refused", f"{asked}: {error}")

    def take(self, answer: tuple[Effect, ...]) -> None:
        """Carry out what the pump orders, and keep what it says."""
        self.steps += 1
        for effect in answer:
            self.log.take(effect)
            if isinstance(effect, FirePulse | PrimePulse):
                fate = self.fates.pop(0) if self.fates else "confirmed"
                after_us = max(effect.at_us, self.now_us) + self.scenario.confirm_us
                self.at(after_us, _OUTCOME, partial(self.settle, effect.seq, fate))
            elif isinstance(effect, Proposed):
                self.proposal = effect.proposal.id

    def settle(self, seq: int, fate: Fate) -> None:
        """Let the actuator say what became of a pulse."""
        outcomes: dict[Fate, type[events.PulseConfirmed | events.PulseFailed | events.PulseUnknown]] = {
            "confirmed": events.PulseConfirmed,
            "failed": events.PulseFailed,
            "uncertain": events.PulseUnknown,
        }
        self.asking = ("actuator", f"pulse {seq} {fate}")
        if fate not in outcomes:  # it says nothing, and after a while the pump takes it as uncertain
            self.log.settled(seq, "uncertain")
        elif self.tell(outcomes[fate](self.now_us, seq)):
            self.log.settled(seq, fate)

    def sense(self, reading: Reading) -> None:
        """Let the sensor send a reading, if it is heard."""
        if not self.sensor_lost:
            self.asking = ("sensor", f"glucose {reading.value}")
            if self.tell(events.GlucoseMeasured(self.now_us, reading)):
                self.readings.append(reading)

    def enter(self, entry: Entry) -> None:
        """Do what an entry says."""
        for action in entry.actions:
            self.asking = (entry.where, action.text)
            self.log.say(self.now_us, "entry", action.text)
            try:
                VERBS[action.verb](self, action)
            except QuantityError as error:  # the world's own: there is nothing to confirm, no such local time, ...
                self.refused(error)

    def change(self, amount_uu: int, *, step_us: int) -> None:
        """Change reservoir and set, one step after the other; at the first refusal it stays where it is."""
        rank, asking = _ENTRY, self.asking
        steps = (self._begin, self._rewind, lambda: self._load(amount_uu), self._prime, self._fill, self._connect)

        def go_on(index: int) -> None:
            self.asking = asking
            if not steps[index]() or index + 1 == len(steps):
                return
            if step_us:
                self.at(self.now_us + step_us, rank, lambda: go_on(index + 1))
            else:
                go_on(index + 1)

        go_on(0)

    def _begin(self) -> bool:
        if self.pump.status.state is State.RUNNING:
            self.tell(events.Suspend(self.now_us))
        elif self.pump.status.mode is Mode.RESERVOIR_CHANGE:  # one that was not finished
            self.tell(events.AbortChange(self.now_us))
        return self.tell(events.BeginChange(self.now_us, set_off_body=True))

    def _rewind(self) -> bool:
        return self.tell(events.ReservoirRemoved(self.now_us)) and self.tell(events.Rewound(self.now_us))

    def _load(self, amount_uu: int) -> bool:
        measured = events.ReservoirMeasured(self.now_us, amount_uu)
        return self.tell(measured) and self.tell(events.Loaded(self.now_us))

    def _prime(self) -> bool:
        prime = events.Prime(self.now_us, self.scenario.prime_uu)
        return self.tell(prime) and self.tell(events.Primed(self.now_us))

    def _fill(self) -> bool:
        fill = events.Prime(self.now_us, self.scenario.fill_uu)
        return self.tell(fill) and self.tell(events.Filled(self.now_us))

    def _connect(self) -> bool:
        """Connect, confirm what is annunciated, and start: the old set's fault went with the old set."""
        if not self.tell(events.Connected(self.now_us)):
            return False
        for kind in [each.kind for each in self.pump.status.annunciations if each.kind in _MENDED]:
            self.tell(events.FaultGone(self.now_us, kind))
        self.confirm_alarms()
        return self.tell(events.Start(self.now_us))

    def confirm_alarms(self) -> None:
        """Confirm all that is not confirmed."""
        for each in self.pump.status.annunciations:
            if not each.confirmed:
                self.tell(events.ConfirmAlarm(self.now_us, each.id))

    # What the verbs of an entry do ----------------------------------------------------------------------------------

    def ask(self, request: Event) -> None:
        """Send a request; its proposal is the one that the next `confirm` accepts."""
        self.proposal = None
        self.tell(request)

    def confirm(self) -> None:
        """Press OK."""
        if self.proposal is None:
            raise QuantityError("proposals", 0, "are waiting for a confirmation")
        waiting, self.proposal = self.proposal, None
        if self.tell(events.Confirm(self.now_us, waiting)):
            self.confirmed, self.answer_to_ok = waiting, self.answer

    def confirm_again(self) -> None:
        """Press OK once more."""
        if self.confirmed is None:
            raise QuantityError("proposals", 0, "have been confirmed")
        self.tell(events.Confirm(self.now_us, self.confirmed))

    def reject(self) -> None:
        """Refuse what was proposed last."""
        if self.proposal is None:
            raise QuantityError("proposals", 0, "are waiting for a confirmation")
        waiting, self.proposal = self.proposal, None
        self.tell(events.Reject(self.now_us, waiting))

    def cancel_bolus(self) -> None:
        """Stop every bolus that runs."""
        running = self.pump.status.boluses
        if not running:
            raise QuantityError("boluses", 0, "are running")
        for bolus in running:
            self.tell(events.CancelBolus(self.now_us, bolus.id))

    def snooze_alarms(self, span_us: int) -> None:
        """Put off all that is pending."""
        for each in self.pump.status.annunciations:
            if each.status is AnnunciationStatus.PENDING:
                self.tell(events.SnoozeAlarm(self.now_us, each.id, span_us))

    def sensor_every(self, span_us: int, values: tuple[Glucose | Beyond, ...]) -> None:
        """Let the sensor read these values from now on."""
        if span_us < US_PER_MINUTE:
            raise QuantityError("every", span_us, "us is below the minimum of 1 min")
        for number, value in enumerate(values):
            reading = Reading(self.now_us + number * span_us, value)
            self.at(reading.at_us, _SENSOR, partial(self.sense, reading))

    def set_clock(self, local: datetime) -> None:
        """Set the pump's clock to a local time of its own zone."""
        utc = utc_of(local, zone_of(self.zone), field="clock set")
        if self.tell(events.ClockSet(self.now_us, Anchor(self.now_us, utc), self.zone)):
            self.clock, self.clock_us = utc, self.now_us

    def set_zone(self, zone: str) -> None:
        """Set the pump's zone; what its clock is set to stays the same instant."""
        anchor = Anchor(self.now_us, self.clock + (self.now_us - self.clock_us) * timedelta(microseconds=1))
        if self.tell(events.ClockSet(self.now_us, anchor, zone)):
            self.zone, self.clock, self.clock_us = zone, anchor.utc, self.now_us

    def controller(self, request: Callable[[int], RateRequest | BolusRequest]) -> None:
        """Let an automatic controller ask, with a number of its own."""
        self.controller_id += 1
        self.tell(events.ControllerAsks(self.now_us, request(self.controller_id)))
