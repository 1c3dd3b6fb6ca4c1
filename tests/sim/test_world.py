"""A virtual world: the same seed gives the same bytes, each kind of fault does what it says, and the parts stand alone.

Method: worlds are short and drawn from fixed seeds; digests are compared within a process and with another process that
hashes text otherwise. Each decorator is also used by itself, as an integrator would.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from pumps import LIMITS, MIN, MONDAY, SEC, H, U, config_of, plan_of

from pumpcore.alarms import Kind
from pumpcore.devices import load
from pumpcore.errors import JournalError
from pumpcore.journal import Journal, MemoryStore
from pumpcore.pump import events
from pumpcore.pump.config import zone_of
from pumpcore.pump.effects import BolusDelivered, FirePulse
from pumpcore.sim import (
    Books,
    BrokenError,
    Cartridge,
    Dice,
    Fault,
    FaultyClock,
    FaultyMotor,
    FaultyStore,
    IdealMotor,
    Injector,
    Line,
    PowerCutError,
    VirtualClock,
    World,
    draw_setup,
    live,
    run_task,
    tasks,
)
from pumpcore.sim.books import Window
from pumpcore.sim.books.basal import BasalBook
from pumpcore.sim.faults import ODDS, SPACING_US
from pumpcore.sim.recording_journal import RecordingJournal
from pumpcore.sim.setup import draw_plan
from pumpcore.therapy.profile import AbsoluteTemp, Anchor, rate_segments

if TYPE_CHECKING:
    from pumpcore.devices import Device
    from pumpcore.pump.events import Event
    from pumpcore.therapy.profile import WeekPlan


def pulse(seq: int, steps: int = 1) -> FirePulse:
    return FirePulse(0, seq, "basal", 0, steps, steps * 25_000)


def always(kind: Fault) -> Injector:
    """An injector with one kind of fault, that strikes each time."""

    class Always(Injector):
        def strikes(self, asked: Fault) -> bool:
            if asked is kind:
                self.counts[kind] += 1
            return asked is kind

    return Always(1, kinds=frozenset({kind}))


NEVER = Injector(1, kinds=frozenset())


# The same seed, the same bytes

DIGESTS = """
from pumpcore.sim import run_task, tasks
print(*[run_task(each).digest for each in tasks(seed=11, runs=4, hours=12, mode="both")])
"""


@pytest.mark.parametrize("hash_seed", ["0", "4711"])
def test_the_same_seed_gives_the_same_bytes_in_another_process(hash_seed: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", DIGESTS],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
    )
    here = [run_task(each).digest for each in tasks(seed=11, runs=4, hours=12, mode="both")]
    assert ran.stdout.split() == here
    assert len(set(here)) == 4


def test_another_seed_gives_another_world() -> None:
    assert live(draw_setup(1, mode="safety", hours=6)).digest != live(draw_setup(2, mode="safety", hours=6)).digest


def test_dice_of_one_part_do_not_move_those_of_another() -> None:
    one, other = Dice(5, "motor"), Dice(5, "sensor")
    alone = [Dice(5, "motor").between(0, 10**6) for _ in range(1)]
    for _ in range(10):
        other.between(0, 6)
    assert [one.between(0, 10**6)] == alone
    assert {Dice(5, "x").between(1, 3) for _ in range(3)} <= {1, 2, 3}
    assert not any(Dice(5, "x").one_in(0) for _ in range(100))


def test_every_kind_of_fault_has_its_odds_or_its_spacing() -> None:
    assert set(ODDS) | set(SPACING_US) == set(Fault)
    assert not set(ODDS) & set(SPACING_US)


# Motors


def test_the_log_of_an_ideal_motor_is_the_truth() -> None:
    motor = IdealMotor()
    (report,) = motor.fire(pulse(7, 2))
    assert (report.kind, report.value) == (events.PulseConfirmed, 7)
    assert [(each.seq, each.steps, each.therapy) for each in motor.log] == [(7, 2, True)]


@pytest.mark.parametrize(
    ("kind", "moves", "said"),
    [
        (Fault.PULSE_DOUBLE, 2, {events.PulseConfirmed, events.FaultDetected}),
        (Fault.PULSE_UNKNOWN, 1, {events.PulseUnknown}),
        (Fault.CONFIRM_LOST, 1, set()),
        (Fault.CONFIRM_LATE, 1, {events.PulseConfirmed}),
        (Fault.MOTOR_STALL, 0, {events.PulseFailed}),
    ],
)
def test_a_faulty_motor_does_what_the_fault_says(kind: Fault, moves: int, said: set[type]) -> None:
    ideal, injector = IdealMotor(), always(kind)
    reports = FaultyMotor(ideal, injector).fire(pulse(1))
    assert len(ideal.log) == moves
    assert {each.kind for each in reports} == said
    assert injector.counts[kind] == 1
    if kind is Fault.CONFIRM_LATE:
        assert reports[0].after_us > 30 * SEC


def test_a_missed_pulse_never_moves_whatever_is_said_of_it() -> None:
    ideal = IdealMotor()
    motor = FaultyMotor(ideal, always(Fault.PULSE_MISSED))
    said = {each.kind for seq in range(60) for each in motor.fire(pulse(seq))}
    assert not ideal.log
    assert said == {events.PulseFailed, events.PulseUnknown, events.PulseConfirmed}


def test_a_motor_that_was_mended_turns_again() -> None:
    ideal = IdealMotor()
    motor = FaultyMotor(ideal, NEVER)
    motor.stalled = 3
    motor.fire(pulse(1))
    assert not ideal.log
    motor.mend()
    motor.fire(pulse(2))
    assert [each.seq for each in ideal.log] == [2]


def test_a_cartridge_runs_dry_and_moves_nothing_then() -> None:
    ideal = IdealMotor()
    cartridge = Cartridge(ideal, 60_000)
    kinds = [{each.kind for each in cartridge.fire(pulse(seq))} for seq in (1, 2, 3)]
    assert kinds[:2] == [{events.PulseConfirmed}] * 2
    assert kinds[2] == {events.PulseFailed, events.ReservoirMeasured}
    assert (len(ideal.log), cartridge.left_uu) == (2, 10_000)
    cartridge.left_uu = None
    assert {each.kind for each in cartridge.fire(pulse(4))} == {events.PulseFailed}


def test_an_occlusion_is_noticed_once_enough_is_trapped() -> None:
    line = Line(IdealMotor(), 75_000)
    line.fire(pulse(1))
    line.blocked = True
    noticed = [any(each.value is Kind.OCCLUSION_DETECTED for each in line.fire(pulse(seq))) for seq in (2, 3, 4)]
    assert (noticed, line.trapped_uu) == ([False, False, True], 75_000)
    line.renew()
    assert (line.blocked, line.trapped_uu) == (False, 0)


# Clocks


@pytest.mark.parametrize(("ppm", "shown"), [(0, H), (500, H + 1_800_000), (-500, H - 1_800_000)])
def test_a_clock_drifts_by_parts_per_million(ppm: int, shown: int) -> None:
    right = VirtualClock()
    clock = FaultyClock(right, NEVER)
    clock.drift(ppm)
    right.at_us = H
    assert clock.read_us() == shown
    assert FaultyClock(right, NEVER).read_us() == H


@pytest.mark.parametrize("ppm", [-500, -1, 0, 1, 499])
def test_after_the_wait_a_drifting_clock_shows_what_was_waited_for(ppm: int) -> None:
    right = VirtualClock(12_345)
    clock = FaultyClock(right, NEVER)
    clock.drift(ppm)
    right.at_us += clock.wait_us(MIN)
    assert clock.read_us() >= MIN
    right.at_us -= 1
    assert clock.read_us() <= MIN


def test_a_clock_that_reads_an_earlier_instant_never_reads_before_zero() -> None:
    clock = FaultyClock(VirtualClock(3), always(Fault.CLOCK_BACK))
    assert {clock.read_us() for _ in range(20)} == {0}


# Stores


def test_a_full_store_keeps_nothing_and_says_so() -> None:
    inner = MemoryStore()
    store = FaultyStore(inner, NEVER)
    journal = Journal.create(store, config_of(), at_us=0)
    journal.step(events.Tick(1))
    full = FaultyStore(inner, always(Fault.DISK_FULL))
    with pytest.raises(JournalError, match="full"):
        full.append([])
    assert len(inner.kept) == 2


@pytest.mark.parametrize(("kept", "rows"), [(True, 2), (False, 1)])
def test_a_cut_at_a_write_keeps_it_as_a_whole_or_not_at_all(*, kept: bool, rows: int) -> None:
    inner = MemoryStore()
    store = FaultyStore(inner, NEVER)
    journal = Journal.create(store, config_of(), at_us=0)
    store.cut_at_next(kept=kept)
    with pytest.raises(PowerCutError):
        journal.step(events.Tick(1))
    assert len(inner.kept) == rows
    assert Journal.open(store).pump.status.at_us == (1 if kept else 0)


def test_a_torn_row_and_a_flipped_bit_are_noticed() -> None:
    store = FaultyStore(MemoryStore(), always(Fault.WRITE_TORN))
    journal = Journal.create(store, config_of(), at_us=0)
    store.cut_at_next()
    with pytest.raises(PowerCutError):
        journal.step(events.Tick(1))
    assert store.torn
    with pytest.raises(JournalError):
        Journal.open(store)
    store.repair()
    assert Journal.open(store).pump.status.at_us == 0
    flipping = FaultyStore(MemoryStore(), always(Fault.BIT_FLIP))
    Journal.create(flipping, config_of(), at_us=0)
    assert flipping.flip()
    with pytest.raises(JournalError):
        Journal.open(flipping)
    flipping.unflip()
    Journal.open(flipping)


# The second opinion


def earned_by_programme(device: Device, plan: WeekPlan, anchor: Anchor, zone: str, end_us: int = 72 * H) -> int:
    programme, step_us = BasalBook(device, plan, anchor, zone, 0), 17 * MIN + 1
    for at_us in [*range(step_us, end_us, step_us), end_us]:
        programme.follow(at_us, delivering=True, missing=False)
    return programme.earned


def earned_by_segments(device: Device, plan: WeekPlan, anchor: Anchor, zone: str, end_us: int = 72 * H) -> int:
    found = rate_segments(plan, device=device, zone=zone_of(zone), anchor=anchor, from_us=0, to_us=end_us)
    whole = sum(rate * (after - at) for (at, rate), (after, _) in pairwise([*found, (end_us, 0)]))
    assert whole > 0
    return whole


@pytest.mark.parametrize("zone", ["UTC", "Europe/Copenhagen", "America/New_York", "Australia/Sydney"])
@pytest.mark.parametrize("seed", range(6))
def test_the_programme_earns_what_the_segments_of_the_profile_say(zone: str, seed: int) -> None:
    setup = draw_setup(seed, mode="safety", hours=24)
    config = replace(setup.config, plan=draw_plan(Dice(seed, "other"), setup.config.device))
    plan, anchor = config.plan, config.anchor
    assert plan is not None
    assert anchor is not None
    assert earned_by_programme(config.device, plan, anchor, zone) == earned_by_segments(
        config.device, plan, anchor, zone
    )


@pytest.mark.parametrize(
    ("first", "hours"),
    [
        (datetime(2026, 10, 3, 13, tzinfo=UTC), 72),  # half an hour is left out, and 02:15 with it
        (datetime(2026, 4, 4, 13, tzinfo=UTC), 72),  # half an hour comes twice
        (datetime(2026, 10, 3, 15, 29, 59, tzinfo=UTC), 1),  # a second before half past the hour of UTC
    ],
)
def test_the_programme_follows_a_clock_that_goes_forward_by_half_an_hour_at_half_past(
    first: datetime, hours: int
) -> None:
    device, zone, anchor = load("generic-0.05"), "Australia/Lord_Howe", Anchor(0, first)
    plan = plan_of((0, U), (2 * H + 15 * MIN, 2 * U), (3 * H, 500_000))
    by_segments = earned_by_segments(device, plan, anchor, zone, hours * H)
    assert earned_by_programme(device, plan, anchor, zone, hours * H) == by_segments


def test_the_programme_ends_a_temp_basal_at_its_microsecond() -> None:
    config = config_of(plan=plan_of((0, U)))
    programme = BasalBook(config.device, config.plan, Anchor(0, MONDAY), "UTC", 0)
    programme.temp = AbsoluteTemp(0, 30 * MIN, 2 * U)
    programme.follow(H, delivering=True, missing=False)
    assert programme.earned == (2 * U + U) * 30 * MIN
    assert programme.temp is None


def test_a_window_holds_what_is_younger_than_its_span() -> None:
    window = Window(10)
    assert [window.add(0, 5), window.add(9, 1), window.add(10, 1), window.at(19), window.at(20)] == [5, 6, 2, 1, 0]


# The books refuse what is wrong


def test_the_books_refuse_a_pulse_that_nobody_earned() -> None:
    books = Books(config_of(), 0)
    with pytest.raises(BrokenError, match="DEL-12"):
        books.watch(events.Tick(1), (FirePulse(1, 1, "basal", 0, 1, 25_000),))


def started(**changes: object) -> tuple[Books, Journal]:
    """A pump that runs, with its books."""
    config = config_of(limits=LIMITS, **changes)
    books, journal = Books(config, 0), Journal.create(MemoryStore(), config, at_us=0)
    for event in (
        events.BeginChange(0, set_off_body=True),
        events.Rewound(0),
        events.ReservoirMeasured(0, 100 * U),
        events.Loaded(0),
        events.Prime(0, 2 * U),
        events.Primed(0),
        events.Filled(0),
        events.Connected(0),
        events.Start(0),
    ):
        books.watch(event, journal.step(event))
    books.watch(events.PulseConfirmed(0, 1), journal.step(events.PulseConfirmed(0, 1)))
    return books, journal


@pytest.mark.parametrize(
    ("effect", "requirement"),
    [
        (FirePulse(SEC, 2, "basal", 0, 1, 25_000), "DEL-01"),  # a minute and a half too early
        (FirePulse(SEC, 9, "basal", 0, 1, 25_000), "DEL-08"),  # another number than the next
        (FirePulse(SEC, 2, "bolus", 1, 1, 25_000), "DEL-04"),  # of a bolus that does not run
        (FirePulse(SEC, 2, "basal", 0, 1, 50_000), "DEL-15"),  # more than its steps
        (FirePulse(2 * SEC, 2, "basal", 0, 1, 25_000), "DEL-05"),  # in the future
    ],
)
def test_the_books_refuse_a_pulse_that_is_wrong(effect: FirePulse, requirement: str) -> None:
    books, _ = started()
    with pytest.raises(BrokenError, match=requirement):
        books.watch(events.Tick(SEC), (effect,))


def test_the_books_refuse_a_pulse_that_does_not_come() -> None:
    books, journal = started()
    with pytest.raises(BrokenError, match="DEL-02"):
        books.watch(events.Tick(5 * MIN), ())
    books.compare(journal.pump)


def test_the_books_refuse_what_moved_without_a_record() -> None:
    books, _ = started()
    books.moved([(1, 1)])
    with pytest.raises(BrokenError, match="DEL-09"):
        books.moved([(2, 1)])


def test_the_books_refuse_a_pump_that_says_otherwise() -> None:
    books, journal = started()
    books.compare(journal.pump)
    journal.step(events.Suspend(0))
    with pytest.raises(BrokenError, match="MOD-08"):
        books.compare(journal.pump)


@pytest.mark.req("BOL-07")
def test_the_books_refuse_a_bolus_that_is_recorded_twice() -> None:
    books, journal = started()
    bolus = 300_000

    def give(event: Event) -> list[BolusDelivered]:
        answered = books.watch(event, journal.step(event))
        seqs = [each.seq for each in answered if isinstance(each, FirePulse)]
        told = [each for seq in seqs for each in give(events.PulseConfirmed(event.at_us, seq))]
        return [*(each for each in answered if isinstance(each, BolusDelivered)), *told]

    give(events.ProposeBolus(0, bolus))
    give(events.Confirm(0, 1))
    (record,) = give(events.Tick(30 * SEC))
    assert record.bolus.delivered_uu == bolus
    with pytest.raises(BrokenError, match=r"BOL-07: .* is recorded twice"):
        books.watch(events.Tick(30 * SEC), (record,))


@pytest.mark.req("BOL-07")
def test_a_bolus_of_which_there_is_no_record_breaks_a_world_that_healed() -> None:
    world = World(draw_setup(3, mode="liveness", hours=24))
    assert world.live().broken is None
    world.person.check_well()
    world.books.recorded.remove(max(world.books.boluses))
    with pytest.raises(BrokenError, match="BOL-07: boluses without a final record"):
        world.person.check_well()


# Whole worlds


def test_a_world_without_faults_delivers_a_day_and_restarts_never() -> None:
    setup = replace(draw_setup(4, mode="safety", hours=24), sensor=False, controller=False)
    outcome = World(setup, Injector(4, kinds=frozenset())).live()
    assert (outcome.broken, outcome.restarts, outcome.faults) == (None, 0, {})
    assert outcome.pulses > 20
    assert outcome.checks["DEL-01"] > 100


@pytest.mark.parametrize("kind", list(Fault), ids=[each.name for each in Fault])
def test_each_kind_of_fault_alone_is_survived_and_counted(kind: Fault) -> None:
    cut = {Fault.WRITE_TORN, Fault.WRITE_LOST, Fault.BIT_FLIP}
    companions: set[Fault] = {Fault.CUT_AT_WRITE} if kind in cut else set()
    count = 0
    for seed in range(6):
        setup = replace(draw_setup(seed, mode="safety", hours=30), by_link=True, sensor=True)
        outcome = World(setup, Injector(seed, kinds=frozenset({kind} | companions))).live()
        assert outcome.broken is None, outcome
        assert set(outcome.faults) <= {kind.name} | {each.name for each in companions}
        count += outcome.faults.get(kind.name, 0)
        if count > 1:
            break
    assert count


def test_in_a_world_that_healed_the_pump_runs_again() -> None:
    for seed in (3, 8, 15):
        outcome = live(draw_setup(seed, mode="liveness", hours=24))
        assert outcome.broken is None
        assert outcome.checks["MOD-06"] == 1


def test_a_store_that_is_full_before_there_is_a_journal_ends_no_world() -> None:
    outcome = live(draw_setup(1076, mode="safety", hours=1))
    assert outcome.faults["DISK_FULL"] > 0
    assert outcome.broken is None


def test_a_store_that_takes_no_journal_for_ever_breaks_the_world_and_does_not_hang(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object, **__: object) -> RecordingJournal:
        reason = "the store is gone"
        raise JournalError(reason)

    monkeypatch.setattr(RecordingJournal, "begin", refuse)
    broken = live(draw_setup(1, mode="safety", hours=1)).broken
    assert broken is not None
    assert broken.requirement == "DEL-16"
    assert "the store is gone" in broken.what


def test_a_bolus_that_time_has_ended_is_recorded_before_a_failure_that_is_told_late() -> None:
    # The host sleeps for four hours, until its pulse has long been taken as uncertain, and tells then that it failed.
    assert live(draw_setup(6374, mode="safety", hours=24)).broken is None


def test_a_battery_that_was_measured_since_is_not_told_again() -> None:
    # The host could not record that the battery was empty, and told it again hours after a new one was put in.
    assert live(draw_setup(710178655, mode="liveness", hours=24)).broken is None
