"""Power cuts everywhere: short scenarios, and for each the power is cut at every write and at every effect.

The rules of this file: a scenario is a list of steps that a person, a part of the pump or time takes. Before each step
the whole bench is copied, once for each point at which the power can go in it: before a write is kept, after it is
kept, before an effect is carried out. The pump is then started again from what is durable, and the scenario goes on.
What must hold is checked by the same books as in a campaign.
"""

from __future__ import annotations

from collections import Counter
from copy import deepcopy
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from pumpcore.errors import RequestError
from pumpcore.frozen import dataclass, field
from pumpcore.journal import Bounds, MemoryStore
from pumpcore.pump import events
from pumpcore.pump.effects import FirePulse, PrimePulse, Proposed
from pumpcore.sim.books import Books, BrokenError
from pumpcore.sim.faults import PowerCutError
from pumpcore.sim.motor import IdealMotor
from pumpcore.sim.recording_journal import RecordingJournal
from pumpcore.units import US_PER_SECOND

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pumpcore.journal import Row
    from pumpcore.pump import Config, Pump
    from pumpcore.pump.effects import Effect
    from pumpcore.pump.events import Event

__all__ = ["CutBench", "CutScenario", "CutStep", "Cuts", "cut_everywhere", "cut_scenario"]

_BOUNDS: Final = Bounds(segment_rows=8, segments=2)  # so that checkpoints are cut too
_DOWN_US: Final = 7 * US_PER_SECOND
_GOES_ON: Final = 4  # steps after a restart; now and then, all that are left
_WHOLE_EVERY: Final = 25


class _Cutter:
    """Counts the points at which the power can go, and takes it at one of them."""

    def __init__(self, at: int | None = None) -> None:
        self.left = at
        self.points = 0

    def point(self) -> None:
        """Go on, unless it is the one."""
        self.points += 1
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                self.left = None
                raise PowerCutError


class _CutStore(MemoryStore):
    """A store in memory with a point before and one after each write."""

    def __init__(self, cutter: _Cutter, rows: Iterable[Row] = ()) -> None:
        super().__init__(rows)
        self.cutter = cutter

    def append(self, rows: Sequence[Row], *, drop_before: int = 0) -> None:
        """Keep rows."""
        self.cutter.point()
        super().append(rows, drop_before=drop_before)
        self.cutter.point()


class CutBench:
    """A pump with a journal, a motor that answers at once, and its books.

    Attributes:
        now_us: monotonic.
        answers: what the motor says to an order: an event's class, or None for nothing.
        journal: with the pump.
        books: what must hold.
    """

    def __init__(self, config: Config) -> None:
        """Begin with a new pump."""
        self.config = config
        self.now_us = 0
        self.answers: type[Event] | None = events.PulseConfirmed
        self.cutter = _Cutter()
        self.store = _CutStore(self.cutter)
        self.journal = RecordingJournal.begin(self.store, config, bounds=_BOUNDS)
        self.books = Books(config, 0)
        self.motor = IdealMotor()
        self.proposal = self.command = 0
        self.seen: set[str] = set()
        self._until_us: int | None = None
        self._writing: tuple[Event, bytes] | None = None

    @property
    def pump(self) -> Pump:
        """The pump as it is now."""
        return self.journal.pump

    def copy(self, cut_at: int) -> CutBench:
        """Make another bench that stands where this one does, with the power to be cut at a point ahead."""
        other = object.__new__(CutBench)
        other.__dict__.update(self.__dict__)
        other.cutter = _Cutter()
        other.store = _CutStore(other.cutter, self.store.kept)
        other.journal = RecordingJournal.reopen(other.store, bounds=_BOUNDS)
        other.books = deepcopy(self.books, {id(self.config): self.config, id(self.config.device): self.config.device})
        other.motor = IdealMotor()
        other.motor.log = list(self.motor.log)
        other.seen = self.seen.copy()
        other.cutter.left = cut_at
        return other

    def tell(self, kind: Callable[..., Event], *given: Any) -> bool:  # noqa: ANN401  # the fields of any event
        """Send the pump an event now, carry out its effects, and return whether it was accepted."""
        event = kind(self.now_us, *given)
        # Only where the power may go is it worth knowing how all was before.
        before = b"" if self.cutter.left is None else self.pump.snapshot()
        self._writing = event, before
        self.seen.add(type(event).__name__)
        try:
            answered = self.journal.step(event)
        except RequestError:
            self._writing = None
            same = not before or self.pump.snapshot() == before
            self.books.must("DEL-14", same, "a refused event has changed the pump", event)
            return False
        self._writing = None
        self._take(event, answered)
        return True

    def _take(self, event: Event, answered: tuple[Effect, ...]) -> None:
        for effect in self.books.watch(event, answered):
            if isinstance(effect, Proposed):
                self.proposal = effect.proposal.id
        for effect in answered:
            self.cutter.point()
            if isinstance(effect, (FirePulse, PrimePulse)):
                self._fire(effect)

    def _fire(self, order: FirePulse | PrimePulse) -> None:
        fired = {move.seq for move in self.motor.log}
        self.books.must("DEL-08", order.seq not in fired, "fired twice", order)
        self.motor.fire(order)
        self.books.moved([(order.seq, order.steps)])
        if self.answers is not None:
            self.tell(self.answers, order.seq)

    def to(self, span_us: int) -> bool:
        """Let time pass up to the next deadline; say whether the span goes on after it."""
        if self._until_us is None:
            self._until_us = self.now_us + span_us
        deadline_us = self.pump.next_deadline_us()
        # Without this a bug that leaves a deadline where it is would never come to an end.
        later = deadline_us is None or deadline_us > self.now_us
        self.books.must("TIM-06", later, "the next deadline is in the past", deadline_us, self.now_us)
        more = deadline_us is not None and deadline_us < self._until_us
        self.now_us = max(self.now_us, deadline_us if more and deadline_us is not None else self._until_us)
        if not more:
            self._until_us = None
        self.tell(events.Tick)
        return more

    def restart(self) -> None:
        """Start again from what is durable, after the power went."""
        writing, self._writing = self._writing, None
        before = self.pump.snapshot() if writing is None else writing[1]
        self.journal = RecordingJournal.reopen(self.store, bounds=_BOUNDS)
        now = self.pump.snapshot()
        if writing is None:
            self.books.must("PWR-03", now == before, "the restarted pump differs")
        elif now != before:
            self.books.kept(writing[0], before, self.pump)
        self._recover()

    def _recover(self) -> None:
        self.now_us += _DOWN_US
        self.journal.take()
        self.journal.recover(self.now_us)
        for event, answered in self.journal.take():
            self._take(event, answered)
        left = [seq for seq, order in self.books.orders.items() if order.fate == "outstanding"]
        answered_at_once = self.answers is not None
        self.books.must(
            "DEL-09", not (left and answered_at_once), "a pulse without a known outcome is still outstanding", left
        )
        self.books.compare(self.pump)


CutStep: TypeAlias = "Callable[[CutBench], bool | None]"
"""Something that happens; it says whether it is to be called again, because it has not come to its end."""


@dataclass(frozen=True, slots=True)
class CutScenario:
    """A short way through a pump's life.

    Attributes:
        name: for a report.
        config: what the pump is made with.
        steps: what happens, in order.
    """

    name: str
    config: Config
    steps: tuple[CutStep, ...]


@dataclass(slots=True)
class Cuts:
    """What became of all the cuts.

    Attributes:
        scenarios: how many were cut.
        points: how often the power was cut.
        broken: what did not hold: scenario, step, point, requirement.
        states: of the mode machine in which it was cut.
        events: names of the events around which it was cut.
        checks: made, by requirement.
    """

    scenarios: int = 0
    points: int = 0
    broken: list[str] = field(default_factory=list)
    states: set[str] = field(default_factory=set)
    events: set[str] = field(default_factory=set)
    checks: Counter[str] = field(default_factory=Counter)

    def as_json(self) -> dict[str, object]:
        """Return it as plain data for JSON."""
        return {"scenarios": self.scenarios, "points": self.points, "broken": self.broken}


def cut_everywhere(scenarios: Iterable[CutScenario] | None = None) -> Cuts:
    """Cut the power at every point of these scenarios, or of all.

    Returns:
        How many points there were, and what did not hold.
    """
    cuts = Cuts()
    from pumpcore.sim.short_runs import all_short_runs  # noqa: PLC0415  # ways are made of this file's parts

    for scenario in all_short_runs() if scenarios is None else scenarios:
        cut_scenario(scenario, cuts)
    return cuts


def cut_scenario(scenario: CutScenario, cuts: Cuts) -> None:
    """Cut the power at every write and every effect of one scenario, one after the other."""
    cuts.scenarios += 1
    bench = CutBench(scenario.config)
    for index, step in enumerate(scenario.steps):
        more: bool | None = True
        while more:
            point = 0
            while _cut_once(scenario, bench, index, point, cuts):
                point += 1
            cuts.states.add(bench.pump.status.state.value)
            more = step(bench)
    bench.books.compare(bench.pump)
    cuts.events |= bench.seen
    cuts.checks.update(bench.books.checks)


def _cut_once(scenario: CutScenario, bench: CutBench, index: int, point: int, cuts: Cuts) -> bool:
    """Cut the power at one point of one step; say whether the step has such a point."""
    try:
        copy = bench.copy(point)
        try:
            scenario.steps[index](copy)
        except PowerCutError:
            copy.cutter.left = None
        else:
            return False
    except Exception as error:  # noqa: BLE001  # what is durable cannot even be opened
        cuts.broken.append(f"{scenario.name}, step {index}, point {point}: {type(error).__name__}: {error}")
        return False
    cuts.points += 1
    try:
        copy.restart()
        _go_on(scenario.steps[index:], copy, None if cuts.points % _WHOLE_EVERY == 0 else _GOES_ON)
        copy.books.compare(copy.pump)
        cuts.checks.update(copy.books.checks - bench.books.checks)
    except BrokenError as error:
        cuts.broken.append(f"{scenario.name}, step {index}, point {point}: {error}")
    except Exception as error:  # noqa: BLE001  # whatever it is, it is a bug
        cuts.broken.append(f"{scenario.name}, step {index}, point {point}: {type(error).__name__}: {error}")
    return True


def _go_on(steps: tuple[CutStep, ...], bench: CutBench, most: int | None) -> None:
    """Continue a run for `most` calls, or to its end."""
    done = 0
    for step in steps:
        more: bool | None = True
        while more:
            if done == most:
                return
            more = step(bench)
            done += 1
