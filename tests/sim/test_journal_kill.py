"""A pump with a journal on a real disk, killed for real, at any instant.

Method: a child process runs the pump: each pulse that the journal hands out goes to the motor, which is a second
file, appended to and synced, and then its outcome goes to the journal. The parent kills the child with SIGKILL after a
random time, opens the journal, and holds it against the motor's file; then the next child goes on where that one
stopped. A fifth of the children may be killed while they open and recover. What a kill cannot show, the loss of what
the disk's own cache had not written, is SQLite's and the file system's promise.
"""

from __future__ import annotations

import os
import random
import signal
import time
import warnings
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, cast

import pytest
from pumps import LIMITS, SEC, U, bench_of, config_of

from pumpcore.alarms import Kind
from pumpcore.journal import Bounds, Entry, Journal, MemoryStore, verify
from pumpcore.journal.sqlite import SqliteStore
from pumpcore.pump import events
from pumpcore.pump.effects import FirePulse, PrimePulse
from pumpcore.pump.ledger import Fate

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from pumpcore.pump.effects import Effect
    from pumpcore.pump.events import Event

KILLS: Final = 300
KILLS_PER_JOURNAL: Final = 50  # each leaves a pulse uncertain at most, and with more than 100 of them the pump stops
LIFE_US: Final = 40_000
BOUNDS: Final = Bounds(segment_rows=40, segments=5)  # so that segments begin and go while children are killed
CONFIG: Final = config_of(limits=LIMITS)


def begun(path: Path) -> Journal:
    """A journal of a pump that runs."""
    journal = Journal.create(SqliteStore.create(path), CONFIG, at_us=0, bounds=BOUNDS)
    bench_of(journal).start()
    return journal


def reopened(path: Path) -> Journal:
    return Journal.open(SqliteStore.open(path), bounds=BOUNDS)


def carried_out(journal: Journal, effects: Iterable[object], motor: int) -> None:
    """Fire what was ordered, and tell what became of it."""
    for order in effects:
        if isinstance(order, FirePulse | PrimePulse):
            os.write(motor, b"%d %d\n" % (order.seq, order.amount_uu))
            with suppress(OSError):  # of the null device
                os.fsync(motor)
            carried_out(journal, journal.step(events.PulseConfirmed(journal.status.at_us, order.seq)), motor)


class Hasty(Journal):
    """A journal that fires before the intent is durable: what the whole test must find."""

    motor: int

    def _keep(self, event: Event, effects: tuple[Effect, ...]) -> None:
        for order in effects:
            if isinstance(order, FirePulse):
                os.write(self.motor, b"%d %d\n" % (order.seq, order.amount_uu))
                os.fsync(self.motor)
        super()._keep(event, effects)


def pumping(path: Path, motor_path: Path, ready: int, *, hasty: bool = False) -> None:
    """Open, recover, and give boluses until killed."""
    motor = os.open(motor_path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    journal = reopened(path)
    if hasty:
        journal.__class__ = Hasty
        cast("Hasty", journal).motor, motor = motor, os.open(os.devnull, os.O_WRONLY)
    carried_out(journal, journal.recover(journal.status.at_us + SEC), motor)
    fired = {seq for seq, _ in fired_in(motor_path)}
    for seq in fired & {seq for seq, order in journal.pump.ledger.orders.items() if order.fate is Fate.UNCERTAIN}:
        journal.step(events.PulseConfirmed(journal.status.at_us, seq))  # somebody has looked at the motor
    os.write(ready, b".")
    while True:
        status = journal.status
        for each in status.annunciations:
            if not each.confirmed:
                carried_out(journal, journal.step(events.ConfirmAlarm(status.at_us, each.id)), motor)
        if not status.boluses:
            carried_out(journal, journal.step(events.ProposeBolus(status.at_us, fast_uu=2 * U)), motor)
            carried_out(journal, journal.step(events.Confirm(status.at_us, journal.status.proposals[-1].id)), motor)
        deadline_us = journal.next_deadline_us()
        carried_out(journal, journal.step(events.Tick(deadline_us or status.at_us + SEC)), motor)


def killed(path: Path, motor_path: Path, *, waits: bool, after_us: int, hasty: bool = False) -> bool:
    """Start a child, kill it some time after it has recovered (or after its start); was it still there?"""
    ready, told = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of threads: the child uses none of the parent's
        child = os.fork()
    if not child:
        try:
            pumping(path, motor_path, told, hasty=hasty)
        finally:
            os._exit(1)  # whatever it was, the child must not go on with the parent's tests
    os.close(told)
    if waits:
        os.read(ready, 1)
    time.sleep(after_us / 1_000_000)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    os.close(ready)
    return os.WIFSIGNALED(status)


@dataclass
class Books:
    """What all rows of a journal have said so far, also those that were dropped since."""

    seq: int = 0
    intents: dict[int, FirePulse | PrimePulse] = field(default_factory=dict)
    outcomes: set[int] = field(default_factory=set)
    twice: list[int] = field(default_factory=list)

    def read(self, journal: Journal) -> None:
        for record in journal.records():
            if record.row.seq <= self.seq:
                continue
            assert record.row.seq == self.seq + 1 or not self.seq, "rows were dropped before they were read"
            self.seq = record.row.seq
            for effect in record.effects:
                if isinstance(effect, FirePulse | PrimePulse):
                    self.twice += [effect.seq] * (effect.seq in self.intents)
                    self.intents[effect.seq] = effect
            if isinstance(record.event, events.PulseConfirmed | events.PulseFailed):
                self.outcomes.add(record.event.seq)

    def therapy_uu(self) -> int:
        return sum(each.amount_uu for each in self.intents.values() if isinstance(each, FirePulse))


def contradictions(fired: Sequence[tuple[int, int]], books: Books) -> list[str]:
    """What the motor's file says that the journal does not know."""
    numbers = [seq for seq, _ in fired]
    found = [f"pulse {seq} was fired twice" for seq in sorted({each for each in numbers if numbers.count(each) > 1})]
    for seq, amount_uu in fired:
        intent = books.intents.get(seq)
        if intent is None:
            found.append(f"pulse {seq} was fired without a durable intent")
        elif intent.amount_uu != amount_uu:
            found.append(f"pulse {seq} was fired with {amount_uu} uu for {intent.amount_uu} uu")
    found += [f"pulse {seq} has an outcome and was not fired" for seq in sorted(books.outcomes - {*numbers})]
    return found + [f"pulse {seq} was commanded twice" for seq in books.twice]


def fired_in(motor_path: Path) -> list[tuple[int, int]]:
    """The motor's file; a last line that was cut off is a pulse that was begun."""
    if not motor_path.exists():
        return []
    return [(int(seq), int(uu)) for seq, uu in (line.split() for line in motor_path.read_text("ascii").splitlines())]


def held_against(path: Path, motor_path: Path, books: Books, *, replayed: bool = True) -> int:
    """Read what a killed child left, and compare; returns how many pulses were uncertain because of the kill."""
    file = SqliteStore.open(path, writes=False)
    rows = list(file.rows())
    file.close()
    _, damage = verify(rows, replayed=replayed)
    assert damage is None, str(damage)
    journal = Journal.open(MemoryStore(rows))  # what comes next is tried out, and not kept
    books.read(journal)
    fired = fired_in(motor_path)
    assert contradictions(fired, books) == []
    before = journal.pump.ledger
    unanswered = {seq for seq, order in before.orders.items() if order.fate is Fate.OUTSTANDING}
    journal.recover(journal.status.at_us)
    after, step_uu = journal.pump.ledger, CONFIG.device.step_uu
    assert after.count(Fate.OUTSTANDING) == 0
    assert {seq for seq, order in after.orders.items() if order.fate is Fate.UNCERTAIN} == (
        books.intents.keys() - books.outcomes
    )
    assert after.therapy.commanded * step_uu == books.therapy_uu()
    assert after.therapy.counted == before.therapy.counted
    if unanswered:
        assert any(each.kind is Kind.PULSE_UNCERTAIN for each in journal.status.annunciations)
    return len(unanswered)


@pytest.mark.req("JNL-01", "JNL-03", "JNL-04")
@pytest.mark.parametrize("number", range(KILLS // KILLS_PER_JOURNAL))
def test_no_kill_at_any_instant_loses_or_doubles_a_pulse(
    number: int, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    seed = f"{request.config.getoption('--hypothesis-seed')}-{number}"  # printed with every run
    draw = random.Random(seed)  # noqa: S311 - no secret
    path, motor_path, books = tmp_path / "pump.journal", tmp_path / "motor", Books()
    journal = begun(path)
    books.read(journal)
    journal.close()
    motor_path.write_text("".join(f"{seq} {each.amount_uu}\n" for seq, each in books.intents.items()), "ascii")
    before, uncertain = len(books.intents), 0
    for kill in range(KILLS_PER_JOURNAL):
        alive = killed(path, motor_path, waits=draw.random() < 0.8, after_us=draw.randrange(LIFE_US))
        assert alive, "the child stopped by itself"
        uncertain += held_against(path, motor_path, books, replayed=kill % 5 == 0)
    # A run in which nothing happened shows nothing.
    assert len(fired_in(motor_path)) - before > KILLS_PER_JOURNAL // 4
    assert uncertain > KILLS_PER_JOURNAL // 10
    assert books.seq > BOUNDS.segment_rows


def test_a_journal_that_fires_too_early_is_found_out(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    draw = random.Random(request.config.getoption("--hypothesis-seed"))  # noqa: S311 - no secret
    path, motor_path, books = tmp_path / "pump.journal", tmp_path / "motor", Books()
    journal = begun(path)
    books.read(journal)
    journal.close()
    motor_path.write_text("".join(f"{seq} {each.amount_uu}\n" for seq, each in books.intents.items()), "ascii")

    def many() -> None:
        for _ in range(KILLS):
            assert killed(path, motor_path, waits=True, after_us=draw.randrange(LIFE_US), hasty=True)
            held_against(path, motor_path, books)

    with pytest.raises(AssertionError, match="was fired without a durable intent"):
        many()


@pytest.mark.parametrize(
    ("fired", "finding"),
    [
        ([(1, 5), (2, 5), (3, 5)], "pulse 3 was fired without a durable intent"),
        ([(1, 5), (2, 5), (2, 5)], "pulse 2 was fired twice"),
        ([(1, 5), (2, 6)], "pulse 2 was fired with 6 uu for 5 uu"),
        ([(2, 5)], "pulse 1 has an outcome and was not fired"),
    ],
)
def test_the_comparison_sees_what_it_must_refuse(fired: list[tuple[int, int]], finding: str) -> None:
    books = Books()
    books.intents = {seq: FirePulse(0, seq, "bolus", 1, 1, 5) for seq in (1, 2)}
    books.outcomes = {1}
    assert contradictions([(1, 5)], books) == []
    assert contradictions(fired, books) == [finding]


def test_the_comparison_sees_a_pulse_that_is_commanded_twice(tmp_path: Path) -> None:
    journal = begun(tmp_path / "pump.journal")
    books = Books()
    books.read(journal)
    assert books.twice == []
    books.seq = 0
    books.read(journal)
    assert books.twice
    assert any(record.entries & Entry.PRIMED for record in journal.records())
    journal.close()
