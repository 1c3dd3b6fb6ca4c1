"""A virtual world around one pump: a host, a motor, a clock, a store, a sensor and a person, on virtual time.

The rules of this file: the same setup always gives the same world, event for event; what happens at one instant happens
in the order outcomes, deadline, everything else. All that is volatile is lost in a power cut: the pump object, the
reports under way, the host's deadline. `Books` sees everything and says what is broken.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Final

from pumpcore.errors import JournalError, RequestError, TimeError
from pumpcore.journal import MemoryStore
from pumpcore.pump import Pump, events
from pumpcore.pump.effects import FirePulse, PrimePulse, StepsMissed
from pumpcore.sim.agenda import DEADLINE, OTHER, REPORT, Agenda
from pumpcore.sim.books import Books, BrokenError
from pumpcore.sim.clock import FaultyClock, VirtualClock
from pumpcore.sim.dice import Dice
from pumpcore.sim.faults import Fault, Injector
from pumpcore.sim.motor import Cartridge, FaultyMotor, IdealMotor, Line
from pumpcore.sim.outcome import Broken, Outcome
from pumpcore.sim.person import Person
from pumpcore.sim.power import BOUNDS, FULL_US, Power
from pumpcore.sim.recording_journal import RecordingJournal
from pumpcore.sim.sensor import Sensor
from pumpcore.sim.store import FaultyStore
from pumpcore.sim.timed_faults import TimedFaults
from pumpcore.units import NEVER_US, US_PER_HOUR

if TYPE_CHECKING:
    from collections.abc import Callable

    from pumpcore.pump.effects import Effect
    from pumpcore.pump.events import Event
    from pumpcore.sim.motor import Report
    from pumpcore.sim.setup import WorldSetup

__all__ = ["World", "live"]


_COMPARED_EVERY: Final = 40  # events between two comparisons of all that the pump can say of itself
_RESTORED_EVERY: Final = 900
_OCCLUSION_UU: Final = 2_770_000
_RETOLD: Final = (events.FaultDetected, events.ReservoirRemoved, events.BatteryMeasured, events.PulseFailed)
_HEALED_US: Final = 4 * US_PER_HOUR
_SPIN_US: Final = 1000
_SPINS: Final = 500  # calls in a row that close together are no host's fault
_TRIES: Final = 100  # a full store lasts a few writes


def live(setup: WorldSetup) -> Outcome:
    """Live through a world.

    Args:
        setup: what it begins with.

    Returns:
        What became of it; a requirement that does not hold is in it and is not raised.

    Example:
        >>> from pumpcore.sim.setup import draw_setup
        >>> live(draw_setup(1, mode="safety", hours=2)).broken is None
        True
    """
    return World(setup).live()


class World:
    """One pump and what is around it.

    Attributes:
        setup: what it began with.
        clock: the right time.
        journal: with the pump, from the beginning of its life.
        pump: as it is after the last event or restart.
        books: what must hold.
        injector: what goes wrong.
    """

    def __init__(self, setup: WorldSetup, injector: Injector | None = None) -> None:
        """Make all that is around the pump; the pump itself begins with its life."""
        self.setup, self.config = setup, setup.config
        self.dice = Dice(setup.seed, "world")
        self.injector = Injector(setup.seed) if injector is None else injector
        self.clock = VirtualClock()
        self.shown = FaultyClock(self.clock, self.injector)
        self.ideal = IdealMotor()
        self.cartridge = Cartridge(self.ideal)
        self.line = Line(self.cartridge, self.config.device.occlusion_uu or _OCCLUSION_UU)
        self.motor = FaultyMotor(self.line, self.injector)
        self.store = FaultyStore(MemoryStore(), self.injector)
        self.books = Books(self.config, 0)
        self.person = Person(self)
        self.sensor = Sensor(self)
        self.power = Power(self)
        self.timed_faults = TimedFaults(self)
        self.agenda = Agenda()
        self.digest = blake2b(digest_size=16)
        self.steps = self.restarts = 0
        self.seen_us = 0
        self.fired = 0
        self.awake_us = 0
        self._facts: list[Event] = []
        self.promised_us: int | None = None
        self._called = 0

    def _begun(self) -> RecordingJournal:
        """Begin the journal; whoever finds the store full makes room and tries again."""
        last: JournalError | None = None
        for _ in range(_TRIES):
            try:
                return RecordingJournal.begin(self.store, self.config, bounds=BOUNDS)
            except JournalError as error:
                last = error
        raise BrokenError("DEL-16", "the journal cannot be created", last)

    @property
    def pump(self) -> Pump:
        """The pump as it is now."""
        return self.journal.pump

    # Time -----------------------------------------------------------------------------------------------------------

    def live(self) -> Outcome:
        """Live through it, to the end or to the first requirement that does not hold."""
        broken = None
        try:
            self._begin()
            end_us = self.setup.span_us
            if self.setup.mode == "safety":
                self._run(end_us)
            else:
                self._run(end_us // 2)
                self._heal()
            self._check_all()
        except BrokenError as error:
            broken = Broken(error.requirement, error.what, self.clock.at_us)
        except Exception as error:  # noqa: BLE001  # whatever it is, it is a bug of the pump or of its world
            broken = Broken("DEL-16", f"{type(error).__name__}: {error}", self.clock.at_us)
        return Outcome(
            seed=self.setup.seed,
            mode=self.setup.mode,
            span_us=self.clock.at_us,
            digest=self.digest.hexdigest(),
            steps=self.steps,
            pulses=len(self.ideal.log),
            restarts=self.restarts,
            faults={kind.name: count for kind, count in self.injector.counts.items()},
            checks=dict(self.books.checks),
            broken=broken,
        )

    def at(self, at_us: int, happen: Callable[[], None], *, rank: int = OTHER, volatile: bool = False) -> None:
        """Let something happen at an instant; what is volatile does not outlive a power cut."""
        self.agenda.add(at_us, happen, rank=rank, volatile=volatile)

    def after(self, span_us: int, happen: Callable[[], None]) -> None:
        """Let something happen after a while."""
        self.at(self.clock.at_us + span_us, happen)

    def _run(self, end_us: int) -> None:
        while True:
            deadline_us = self._deadline_us()
            head = self.agenda.first()
            at_us = min(deadline_us, max(head[0], self.clock.at_us))
            if at_us > end_us:
                break
            if head < (deadline_us, DEADLINE):
                happen = self.agenda.take(asleep_until_us=self.awake_us, now_us=at_us)
                if happen is not None:
                    self.clock.at_us = at_us
                    happen()
            else:
                self._called = self._called + 1 if at_us - self.clock.at_us < _SPIN_US else 0
                self.books.must("TIM-06", self._called < _SPINS, "the pump asks to be called in an endless loop", at_us)
                self.clock.at_us = at_us
                self.call()
        self.clock.at_us = end_us

    def _deadline_us(self) -> int:
        """Return when the host calls the pump next, in true time."""
        deadline_us = self.promised_us = self.pump.next_deadline_us()
        if deadline_us is None:
            return NEVER_US
        if deadline_us <= self.seen_us:
            return max(self.clock.at_us, self.awake_us)
        return max(self.clock.at_us + self.shown.wait_us(deadline_us), self.awake_us)

    def call(self) -> None:
        """Call the pump because it is time, or because the host happens to be awake."""
        self.tell(events.Tick)

    def now_us(self) -> int:
        """Read the host's clock; a host never lets time go back."""
        return max(self.shown.read_us(), self.seen_us)

    # The pump and its host ------------------------------------------------------------------------------------------

    def tell(self, kind: Callable[..., Event], *given: object, whole: bool = False) -> bool:
        """Send the pump an event at the host's time, and carry out its effects.

        Args:
            kind: of the event.
            given: its fields but for the instant.
            whole: whether a refusal is held against the whole state of the pump.

        Returns:
            Whether it was accepted; no, where the power was cut meanwhile.
        """
        read_us = self.shown.read_us()
        if read_us < self.seen_us:
            self._refused_as_past(kind(read_us, *given))
        event = kind(max(read_us, self.seen_us), *given)
        return self.give(event, whole=whole)

    def _refused_as_past(self, event: Event) -> None:
        before = self.pump.snapshot()
        try:
            self.journal.step(event)
        except TimeError:
            self.books.must("DEL-14", self.pump.snapshot() == before, "a refused event has changed the pump", event)
        else:
            raise BrokenError("TIM-04", event, self.seen_us)

    def give(self, event: Event, *, whole: bool = False) -> bool:
        """Send the pump an event, and carry out its effects; as `tell`."""
        if self.journal.failure is None and self.injector.strikes(Fault.CUT_AT_WRITE):
            self.power.cut_at_write(event)
            return False
        if self.journal.failure is not None:
            return self._without_record(event)
        before = self.pump.snapshot() if whole else b""
        self.steps += 1
        self.journal.take()
        try:
            answered = self.journal.step(event)
        except RequestError as error:
            self._refused(event, error, before)
            return False
        except JournalError:
            self._not_written(event)
            return False
        self._accepted(event, answered)
        return True

    def _accepted(self, event: Event, answered: tuple[Effect, ...]) -> None:
        self.digest.update(repr((event, answered)).encode())
        if isinstance(event, events.BatteryMeasured):  # older measurements are not so any more
            self._facts = [fact for fact in self._facts if not isinstance(fact, events.BatteryMeasured)]
        found = self.books.watch(event, answered)
        self._in_time(event, found)
        self.seen_us = event.at_us
        if self.store.slow_us:
            self.clock.at_us += self.store.slow_us
            self.store.slow_us = 0
        self.person.notice(found)
        cut_at = None
        if found and self.injector.strikes(Fault.CUT_AT_EFFECT):
            cut_at = self.injector.draw(Fault.CUT_AT_EFFECT, 0, len(found))
        self.carry_out(found, cut_at)
        if not self.steps % _COMPARED_EVERY:
            self.books.compare(self.pump)
        if not self.steps % _RESTORED_EVERY:
            self._restored()

    def _in_time(self, event: Event, found: tuple[Effect, ...]) -> None:
        """Check that a host that calls at the pump's deadline misses no step."""
        # A deadline that was over already when it was asked for is the very next instant, and nobody can keep to it.
        if self.promised_us is not None and self.seen_us + 1 < self.promised_us >= event.at_us:
            late = [each for each in found if isinstance(each, StepsMissed) and each.cause == "late"]
            self.books.must("TIM-06", not late, "steps are missed before the deadline", late, self.promised_us)
        self.promised_us = None

    def carry_out(self, effects: tuple[Effect, ...], cut_at: int | None = None) -> None:
        """Hand orders to the motor, in order; its reports come back after a while."""
        for index, effect in enumerate(effects):
            if index == cut_at:
                self.power.cut()
                return
            if isinstance(effect, (FirePulse, PrimePulse)):
                self._fire(effect)
        if cut_at == len(effects):  # all was handed out, and nothing of it is answered yet
            self.power.cut()

    def _fire(self, order: FirePulse | PrimePulse) -> None:
        first = len(self.ideal.log)
        reports = self.motor.fire(order)
        moves = self.ideal.log[first:]
        self.digest.update(repr(moves).encode())
        self.books.moved((move.seq, move.steps) for move in moves)
        self.books.must("DEL-08", order.seq > self.fired, "fired twice", order, self.fired)
        self.fired = order.seq
        for report in reports:
            self._report(report)

    def _report(self, report: Report) -> None:
        at_us = self.clock.at_us + report.after_us
        self.at(at_us, lambda: self._deliver(report), rank=REPORT, volatile=True)

    def _deliver(self, report: Report) -> None:
        self.tell(report.kind, report.value)

    def _refused(self, event: Event, error: RequestError, before: bytes) -> None:
        self.digest.update(repr((event, str(error))).encode())
        if before:
            self.books.must("DEL-14", self.pump.snapshot() == before, "a refused event has changed the pump", event)
        self.books.must("MOD-11", not isinstance(event, events.Tick), "a tick is refused", event, error)
        self.books.must("SUS-01", not isinstance(event, events.Suspend), "a suspend is refused", event, error)

    # Power and store ------------------------------------------------------------------------------------------------

    def _not_written(self, event: Event) -> None:
        """Take an event that could not be recorded as not happened, and open the journal anew after a while."""
        self.digest.update(repr((event, "not written")).encode())
        failure = self.journal.failure
        self.books.must("DEL-16", failure is not None, "the journal failed without reporting it", event)
        if failure is not None:
            self._no_orders(failure.effects)
        self._keep_fact(event)
        self.after(self.dice.between(*FULL_US), self.after_failure)

    def _without_record(self, event: Event) -> bool:
        """While nothing can be recorded nothing is delivered, whatever the pump is told."""
        self._keep_fact(event)
        try:
            self._no_orders(self.journal.step(event))
        except (RequestError, JournalError):
            return False
        return False

    def _no_orders(self, effects: tuple[Effect, ...]) -> None:
        orders = [each for each in effects if isinstance(each, (FirePulse, PrimePulse))]
        self.books.must("DEL-06", not orders, "an order that was not recorded", orders)

    def _keep_fact(self, event: Event) -> None:
        """Remember what is so, to tell it again."""
        if isinstance(event, _RETOLD):
            self._facts.append(event)

    def after_failure(self) -> None:
        """Open the journal anew, if a power cut has not done so; then tell again what is so."""
        if self.journal.failure is not None:
            self.power.reopen()
            self.power.recover()
        facts, self._facts = self._facts, []
        for fact in facts:
            given = [getattr(fact, name) for name in fact.__slots__ if name != "at_us"]
            self.tell(type(fact), *given)

    def _restored(self) -> None:
        """Hold the pump against what its snapshot gives: they are the same."""
        whole = self.pump.snapshot()
        self.books.must("PWR-03", Pump.restore(whole).snapshot() == whole, "a snapshot of a restored pump differs")

    # Beginning --------------------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        self.journal = self._begun()
        self.person.begin()
        self.sensor.begin()
        self.timed_faults.begin()

    # The end --------------------------------------------------------------------------------------------------------

    def _heal(self) -> None:
        """Let faults end: within a bounded time everything must be well again."""
        self.injector.active = False
        self.shown.drift(0)
        self.motor.mend()
        self.line.blocked = False
        self.awake_us = self.clock.at_us
        self.sensor.heal()
        self.person.heal()
        self._run(self.clock.at_us + _HEALED_US)
        self.person.check_well()

    def _check_all(self) -> None:
        self.injector.active = False
        self.after_failure()
        self.books.compare(self.pump)
        self._restored()
        self._check_moves()

    def _check_moves(self) -> None:
        """Hold all that the motor has ever moved against the record."""
        moved: dict[int, int] = {}
        for move in self.ideal.log:
            moved[move.seq] = moved.get(move.seq, 0) + 1
        for seq, times in moved.items():
            self.books.must("DEL-08", times == 1 + (seq in self.motor.doubled), "moved twice", seq, times)
        self.check_counted()

    def check_counted(self) -> None:
        """Hold the sum of what has moved against what counts as delivered."""
        doubled = self.motor.doubled
        moved = sum(move.steps for move in self.ideal.log if move.therapy)
        extra = sum(move.steps for move in self.ideal.log if move.therapy and move.seq in doubled) // 2
        counted = sum(self.books.counted[place] for place in ("outstanding", "confirmed", "uncertain"))
        self.books.must("DEL-09", moved - extra <= counted, "more has moved than is counted", moved, extra, counted)
