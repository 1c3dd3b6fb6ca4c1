"""The journal on a store in memory: what is kept before what is handed out, restarts, failures, damage, bounds."""

from __future__ import annotations

import doctest
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, cast
from zlib import crc32

import pytest
from pumps import DAY, MIN, MONDAY, SEC, Bench, H, U, bench_of, config_of, everything, only, those

from pumpcore.alarms import AnnunciationChanged, Kind, What
from pumpcore.devices import ids, load
from pumpcore.errors import InvariantError, JournalError, QuantityError, RequestError, TimeError
from pumpcore.journal import Bounds, Damage, Entry, Journal, MemoryStore, Row, Walk, read_row, seal, sqlite, verify
from pumpcore.journal import journal as journal_module
from pumpcore.journal import store as store_module
from pumpcore.journal.replay import Replay, outstanding
from pumpcore.journal.row_codec import decode, encode
from pumpcore.journal.rows import ROWS_MOST
from pumpcore.journal.salvage import SKIPPED
from pumpcore.pump import Calculator, Pump, events
from pumpcore.pump import codec as plain
from pumpcore.pump.effects import (
    BolusCalculated,
    BolusDelivered,
    BolusProgrammed,
    Effect,
    EndReason,
    FirePulse,
    PrimePulse,
    StepsMissed,
    TempEnded,
    TempStarted,
)
from pumpcore.pump.ledger import Fate
from pumpcore.pump.modes import State
from pumpcore.therapy.envelope import RateRequest
from pumpcore.therapy.glucose import MgDl
from pumpcore.therapy.profile import Anchor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import ModuleType

    from pumpcore.pump.events import Event

ORDERS: Final = (FirePulse, PrimePulse)


def created(store: MemoryStore, *, bounds: Bounds | None = None, **changes: Any) -> Journal:  # noqa: ANN401
    return Journal.create(store, config_of(**changes), at_us=0, bounds=bounds)


def running(store: MemoryStore, *, bounds: Bounds | None = None, **changes: Any) -> tuple[Journal, Bench]:  # noqa: ANN401
    journal = created(store, bounds=bounds, **changes)
    return journal, bench_of(journal).start()


class Broken(MemoryStore):
    """A store that fails at one append: before it has kept the row, or after."""

    def __init__(self) -> None:
        super().__init__()
        self.fails: Callable[[Row], bool] = lambda _: False
        self.keeps = False
        self.error: Exception = JournalError("the disk is full")

    def append(self, rows: Sequence[Row], *, drop_before: int = 0) -> None:
        failing = self.fails(rows[-1])
        if not failing or self.keeps:
            super().append(rows, drop_before=drop_before)
        if failing:
            raise self.error


# What is kept ---------------------------------------------------------------------------------------------------------


@pytest.mark.req("JNL-01")
def test_a_step_is_kept_before_its_effects_are_handed_out() -> None:
    class Watching(MemoryStore):
        def append(self, rows: Sequence[Row], *, drop_before: int = 0) -> None:
            seen.append((everything(journal.pump) if started else None, rows[-1].seq))
            super().append(rows, drop_before=drop_before)

    seen: list[tuple[object, int]] = []
    started = False
    journal = created(Watching())
    bench = bench_of(journal).start()
    started = True
    before = everything(journal.pump)
    effects = bench.next_pulse()
    assert seen[-1] == (before, journal.head[0])
    assert effects.seq == journal.pump.ledger.next_seq - 1


@pytest.mark.req("JNL-01")
def test_a_row_says_what_was_told_and_what_was_answered() -> None:
    store = MemoryStore()
    journal, bench = running(store)
    pulse = bench.next_pulse()
    *_, last = journal.records()
    assert last.event == events.Tick(pulse.at_us)
    assert last.effects == (pulse,)
    assert last.entries == Entry.FACT | Entry.COMMANDED


@pytest.mark.req("JNL-01", "DEL-14")
@pytest.mark.parametrize(
    "event", [events.Resume(H), events.CancelBolus(H, 9), events.Confirm(H, 77), events.PulseConfirmed(H, 4711)]
)
def test_what_is_refused_writes_nothing(event: Event) -> None:
    store = MemoryStore()
    journal, bench = running(store)
    bench.to(30 * MIN)
    before, rows = everything(journal.pump), list(store.kept)
    with pytest.raises(RequestError):
        journal.step(event)
    assert (everything(journal.pump), store.kept) == (before, rows)


@pytest.mark.req("JNL-01", "JNL-08", "DEL-14")
@pytest.mark.parametrize("works", [True, False], ids=["the store works", "the store fails"])
@pytest.mark.parametrize(
    ("event", "error"),
    [
        (events.Resume(H), RequestError),
        (events.Tick(0), TimeError),
        (cast("Event", MIN), QuantityError),
    ],
    ids=["refused", "in the past", "no event"],
)
def test_what_is_refused_writes_nothing_and_drops_nothing_at_the_end_of_a_segment_either(
    event: Event, error: type[Exception], *, works: bool
) -> None:
    store = Broken()
    journal, _ = running(store, bounds=Bounds(segment_rows=10, segments=2))
    while journal.head[0] % 11:
        journal.step(events.Tick(MIN))
    assert sum(bool(row.entries & Entry.CHECKPOINT) for row in store.kept) == 2
    before, rows = everything(journal.pump), list(store.kept)
    store.fails = lambda _: not works
    with pytest.raises(error):
        journal.step(event)
    assert (everything(journal.pump), store.kept, journal.failure) == (before, rows, None)
    store.fails = lambda _: False
    journal.step(events.Tick(H))
    assert [bool(row.entries & Entry.CHECKPOINT) for row in store.kept[-2:]] == [True, False]
    assert store.kept[0].seq > rows[0].seq
    assert everything(Journal.open(store).pump) == everything(journal.pump)


@pytest.mark.req("JNL-05", "JNL-08")
def test_a_checkpoint_that_fails_at_the_end_of_a_segment_takes_the_step_back_with_it() -> None:
    store = Broken()
    journal, bench = running(store, bounds=Bounds(segment_rows=10))
    bench.to(MIN)
    while journal.head[0] % 11:
        journal.step(events.Tick(MIN))
    before, rows = journal.pump.ledger.therapy, list(store.kept)
    store.fails = lambda row: bool(row.entries & Entry.CHECKPOINT)
    with pytest.raises(JournalError, match="full"):
        journal.step(events.Tick(MIN + SEC))
    assert journal.failure is not None
    assert only_of(journal.failure.effects, Kind.RECORD_DAMAGED).what is What.RAISED
    assert (journal.pump.ledger.therapy.commanded, store.kept) == (before.commanded, rows)


@pytest.mark.req("JNL-02")
def test_rows_are_numbered_by_one_and_not_by_any_clock() -> None:
    store = MemoryStore()
    journal, bench = running(store)
    bench.do(events.ClockSet(MIN, Anchor(0, MONDAY - timedelta(days=9)), "UTC"))
    bench.to(2 * H)
    assert [row.seq for row in store.kept] == list(range(1, journal.head[0] + 1))
    assert store.kept[-1].chain == journal.head[1]


@pytest.mark.req("JNL-02")
def test_entries_keep_programmed_commanded_confirmed_uncertain_failed_and_missed_apart() -> None:
    store = MemoryStore()
    journal, bench = running(store)
    bench.bolus(MIN, 1 * U)
    first = bench.next_pulse()
    second = bench.next_pulse()
    third = bench.next_pulse()
    now_us = bench.now_us
    journal.step(events.PulseConfirmed(now_us, first.seq))
    journal.step(events.PulseUnknown(now_us, second.seq))
    journal.step(events.PulseFailed(now_us, third.seq))

    def of(entry: Entry) -> list[Row]:
        return [row for row in store.kept if row.entries & entry]

    assert [decode(row.at_us, row.body)[0] for row in of(Entry.FAILED)] == [events.PulseFailed(now_us, third.seq)]
    assert of(Entry.UNCERTAIN)[0].body.startswith(b"[[3,%d]," % second.seq)
    assert of(Entry.CONFIRMED)[-1].body == b"[[1,%d],[]]" % first.seq
    assert of(Entry.MISSED)[-1] == of(Entry.FAILED)[0]
    assert all(those(FirePulse, decode(row.at_us, row.body)[1]) for row in of(Entry.COMMANDED))
    assert len(of(Entry.PRIMED)) == 2
    assert any(those(BolusProgrammed, decode(row.at_us, row.body)[1]) for row in of(Entry.PROGRAMMED))


@pytest.mark.req("JNL-02")
def test_a_pulse_that_nobody_answers_for_is_uncertain_in_the_record() -> None:
    store = MemoryStore()
    _, bench = running(store)
    pulse = bench.next_pulse()
    bench.to(pulse.at_us + MIN)
    rows = [row for row in store.kept if row.entries & Entry.UNCERTAIN]
    assert len(rows) == 1
    changed = those(AnnunciationChanged, decode(rows[0].at_us, rows[0].body)[1])
    assert [each.annunciation.detail for each in changed if each.annunciation.kind is Kind.PULSE_UNCERTAIN] == [
        f"{pulse.seq}"
    ]


def told() -> list[Event]:
    config = config_of()
    assert config.anchor is not None
    assert config.plan is not None
    return [
        events.Tick(5),
        events.PulseConfirmed(5, 1),
        events.PulseFailed(5, 1),
        events.PulseUnknown(5, 1),
        events.ControllerAsks(5, RateRequest(id=1, at_us=3, rate_uu_per_h=U, duration_us=H)),
        events.ClockSet(5, config.anchor, "Europe/Copenhagen"),
        events.ChangeSettings(5, config.settings),
        events.ProposePlan(5, config.plan),
        events.ProposeTemp(5, H, percent=50),
        events.FaultDetected(5, Kind.OCCLUSION_DETECTED),
    ]


@pytest.mark.parametrize("event", told(), ids=lambda event: type(event).__name__)
def test_what_is_written_down_is_read_back(event: Event) -> None:
    bench = Bench().start()
    alarm = bench.do(events.FaultDetected(0, Kind.OCCLUSION_DETECTED))
    effects: tuple[Effect, ...] = (
        FirePulse(3, 7, "extended", 2, 1, 50_000),
        PrimePulse(5, 8, 2, 100_000),
        StepsMissed(5, "bolus", 2, 1, 50_000, "cap"),
        TempStarted(5, 9, None, 50),
        TempStarted(5, 9, U, None),
        TempEnded(5, EndReason.CANCELED),
        *alarm,
    )
    assert {type(each).__name__ for each in alarm} >= {"AnnunciationChanged", "Sound", "RateChanged", "ModeChanged"}
    _, body = encode(event, effects)
    assert decode(5, body) == (event, effects)
    assert body.isascii()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"0",
        b"[0]",
        b"[0,0]",
        b"[[9,1],[]]",
        b"[[1],[]]",
        b"[[1,2,3],[]]",
        b"[0,[[9,0]]]",
        b"[0,[[0,0]]]",
        b"[0,[[0,0,1,7,0,1,1]]]",
        b'[["class","Nobody",[1]],[]]',
        b'[["class","Tick",[6]],[]]',
        b'[["class","Limits",[]],[]]',
        b'[["tuple",[]],[]]',
        b"[" * 100_000,
        b"\xff",
        b'[["fraction",1,0],[]]',
        b'[["class","Event",[5]],[]]',
        b'[["class","Fact",[5]],[]]',
        b'[["class","Request",[5]],[]]',
        b'[["class","ConfirmAlarm",[5]],[]]',
        b'[["class","ConfirmAlarm",[5,1,2]],[]]',
        b'[["class","ConfirmAlarm",{"at_us":5,"alarm_id":1}],[]]',
        b'[["class","ConfirmAlarm",[5,true]],[]]',
        b'[["class","ConfirmAlarm",[5,1.0]],[]]',
        b'[["class","PulseConfirmed",[5,1]],[]]',
        b'[["class","Tick",[5]],[]]',
        b"[[1,true],[]]",
        b"[[1,1.0],[]]",
        b"[[true,1],[]]",
        b"[[1,1e0],[]]",
        b"[false,[]]",
        b"[-0,[]]",
        b"[0.0,[]]",
        b"[NaN,[]]",
        b"[0, []]",
        b"[0,[]] ",
        b"[0,[],[]]",
        b"[0,{}]",
        "[0,[]]".encode("utf-16"),
        b"[0,[0]]",
        b'[0,[["class","Tick",[5]]]]',
        b'[0,[["class","Answer",[5]]]]',
        b'[0,[["class","ModeChanged",[null,null,null,null,null]]]]',
        b'[0,[["tuple",[]]]]',
        b"[0,[[0,0,1,-1,0,1,25000]]]",
        b"[0,[[0,0,1,3,0,1,25000]]]",
        b"[0,[[0,0,1,2,0,1.0,25000]]]",
        b"[0,[[0,0,[1],2,0,1,25000]]]",
        b'[0,[[0,0,"1",2,0,1,25000]]]',
        b"[0,[[0,0,true,2,0,1,25000]]]",
        b"[0,[[0,null,1,2,0,1,25000]]]",
        b"[0,[[false,0,1,2,0,1,25000]]]",
        b"[0,[[3,0,9,Infinity,null]]]",
        b"[0,[[4,0,true]]]",
        b"[0,[[5,0,2,0,1,25000,null]]]",
        b'[0,[[5,0,2,0,1,25000,"\\""]]]',
    ],
)
def test_a_body_that_nobody_writes_is_refused(body: bytes) -> None:
    with pytest.raises(JournalError):
        decode(5, body)


@pytest.mark.parametrize(
    "body",
    [
        b"[0,[]]",
        b"[[1,1],[]]",
        b'[["class","ConfirmAlarm",[5,1]],[]]',
        b"[0,[[0,0,1,2,0,1,25000]]]",
        b"[0,[[3,0,9,null,50]]]",
        b"[0,[[4,0,51]]]",
        b'[0,[[5,0,2,0,1,25000,"cap"]]]',
    ],
)
def test_its_neighbours_are_read(body: bytes) -> None:
    assert encode(*decode(5, body))[1] == body


@pytest.mark.req("PWR-04")
@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (b'"now_us":0', b'"now_us":0.0', "a number with a fraction"),
        (b'"now_us":0', b'"now_us":NaN', "none at all"),
        (b'"begun_us":null', b'"begun_us":["fraction",1,0]', "ZeroDivisionError"),
        (b'"begun_us":null', b'"begun_us":5,"more":0', "fields that no pump writes"),
        (b'"begun_us":null', b'"begun_us":["class","AbsoluteTemp",[0,1,2,3]]', "ValueError"),
        (b'"begun_us":null', b'"begun_us":["class","AbsoluteTemp",[0]]', "ValueError"),
        (b'"begun_us":null', b'"begun_us":["class","Event",[0]]', "KeyError"),
        (b'"begun_us":null', b'"begun_us":[]', "ValueError"),
        (b'"begun_us":null', b'"begun_us":["kernel","00"]', "pump|snapshot"),
        (b'"begun_us":null', b'"begun_us":["device",[]]', "TypeError"),
        (b'"begun_us":null', b'"begun_us":["instant","2026-13-01"]', "ValueError"),
        (b'"begun_us":null', b'"begun_us":' + b"[" * 100_000, "RecursionError"),
        (b'"iob":["iob",[', b'"iob":["iob",[{},', "insulin on board"),
        (b'"begun_us":null', '"begun_us":"Å"'.encode(), "UnicodeDecodeError"),
        (b'"begun_us":null', b'"begun_us":["named","Account",[]]', "begun_us"),
        (b'"changes":0', b'"changes":["tuple",[]]', "changes"),
        (b'"battery":["class","Battery",{"percent":null,', b'"battery":["class","Battery",{"volts":null,', "TypeError"),
    ],
)
def test_a_snapshot_that_no_pump_writes_is_refused_though_its_checksum_is_right(
    old: bytes, new: bytes, why: str
) -> None:
    head, _, body = created(MemoryStore()).pump.snapshot().partition(b"\n")
    assert body.count(old) == 1

    def sealed(body: bytes) -> bytes:
        return head[:-8] + b"%08x\n" % crc32(body) + body

    Pump.restore(sealed(body))
    with pytest.raises(JournalError, match=why):
        Pump.restore(sealed(body.replace(old, new)))


# Restarts -------------------------------------------------------------------------------------------------------------


@pytest.mark.req("JNL-03")
@pytest.mark.parametrize("segment_rows", [1, 7, 10_000])
def test_opened_anew_it_is_the_same_pump_to_the_byte(segment_rows: int) -> None:
    store = MemoryStore()
    journal, bench = running(
        store, bounds=Bounds(segment_rows=segment_rows), device=load("generic-0.05"), suspend_policy="roche_pause"
    )
    bench.bolus(MIN, 2 * U, 1 * U, 30 * MIN)
    bench.to(10 * MIN)
    bench.do(events.Suspend(10 * MIN))
    bench.do(events.Resume(12 * MIN))
    bench.next_pulse()
    again = Journal.open(store)
    assert everything(again.pump) == everything(journal.pump)
    assert again.head == journal.head
    assert verify(store.kept, replayed=True)[1] is None


@pytest.mark.req("JNL-03", "PWR-03")
def test_after_a_restart_it_goes_on_as_if_nothing_had_been() -> None:
    stores = MemoryStore(), MemoryStore()
    (_, bench), (_, through) = (running(store, bounds=Bounds(segment_rows=25)) for store in stores)
    for each in (bench, through):
        each.bolus(MIN, 3 * U)
    for minute in range(2, 60, 3):
        through.to(minute * MIN)
        bench.to(minute * MIN)
        bench.pump = cast("Pump", Journal.open(stores[0], bounds=Bounds(segment_rows=25)))
    assert bench.effects == through.effects
    assert [row.body for row in stores[0].kept] == [row.body for row in stores[1].kept]


@pytest.mark.req("JNL-04")
def test_after_a_restart_an_open_pulse_is_uncertain_and_counts_as_delivered() -> None:
    store = MemoryStore()
    journal, bench = running(store)
    bench.bolus(MIN, 1 * U)
    pulse = bench.next_pulse()
    on_board = journal.status.on_board
    before = journal.pump.ledger.therapy
    again = Journal.open(store)
    assert outstanding(again.pump) == [pulse.seq]
    effects = again.recover(pulse.at_us)
    therapy = again.pump.ledger.therapy
    assert (therapy.outstanding, therapy.uncertain) == (0, pulse.steps)
    assert therapy.counted == before.counted
    assert again.status.on_board == on_board
    assert again.status.window_steps == journal.status.window_steps
    assert only_of(effects, Kind.PULSE_UNCERTAIN).annunciation.detail == f"{pulse.seq}"
    assert store.kept[-1].entries & Entry.UNCERTAIN
    again.step(events.PulseConfirmed(pulse.at_us, pulse.seq))
    assert again.pump.ledger.therapy.confirmed == before.confirmed + pulse.steps


def only_of(effects: Sequence[Effect], kind: Kind) -> AnnunciationChanged:
    (found,) = [each for each in those(AnnunciationChanged, effects) if each.annunciation.kind is kind]
    return found


@pytest.mark.req("JNL-04")
def test_recovery_hands_out_what_fell_due_meanwhile_and_does_not_call_it_uncertain() -> None:
    store = MemoryStore()
    journal, bench = running(store)
    bench.bolus(MIN, 1 * U)
    first = bench.next_pulse()
    again = Journal.open(store)
    effects = again.recover(first.at_us + 5 * SEC)
    fresh = those(FirePulse, effects)
    assert fresh
    assert all(each.seq > first.seq for each in fresh)
    assert outstanding(again.pump) == [each.seq for each in fresh]
    assert again.pump.ledger.order(first.seq).fate is Fate.UNCERTAIN
    assert journal.head != again.head


@pytest.mark.req("JNL-04")
def test_a_pulse_that_is_overdue_at_the_restart_is_uncertain_once() -> None:
    store = MemoryStore()
    _, bench = running(store)
    pulse = bench.next_pulse()
    again = Journal.open(store)
    effects = again.recover(pulse.at_us + H)
    assert len([e for e in those(AnnunciationChanged, effects) if e.annunciation.kind is Kind.PULSE_UNCERTAIN]) == 1
    assert again.pump.ledger.therapy.uncertain == pulse.steps


@pytest.mark.req("JNL-04", "JNL-05")
def test_what_a_recovery_commanded_that_failed_halfway_is_handed_to_nobody_and_uncertain_after_the_next() -> None:
    store = Broken()
    _, bench = running(store)
    bench.bolus(MIN, 1 * U)
    pulse = bench.next_pulse()
    store.fails = lambda row: row.body.startswith(b"[[3,")  # the outcome of what was open
    journal = Journal.open(store)
    with pytest.raises(JournalError):
        journal.recover(pulse.at_us + 5 * SEC)
    fresh = [each.seq for each in orders_of(store.kept[-1])]
    assert fresh
    store.fails = lambda _: False
    again = Journal.open(store)
    effects = again.recover(pulse.at_us + 5 * SEC)
    assert not [each for each in effects if isinstance(each, ORDERS)]
    assert {seq: order.fate for seq, order in again.pump.ledger.orders.items()} == dict.fromkeys(
        [pulse.seq, *fresh], Fate.UNCERTAIN
    )


def test_recovery_refuses_an_instant_that_is_past() -> None:
    store = MemoryStore()
    _, bench = running(store)
    bench.to(H)
    with pytest.raises(TimeError):
        Journal.open(store).recover(H - 1)


def test_recovery_of_a_journal_without_open_pulses_only_lets_time_pass() -> None:
    store = MemoryStore()
    _, bench = running(store)
    bench.to(H)
    rows = len(store.kept)
    Journal.open(store).recover(H)
    assert len(store.kept) == rows + 1


# The store fails ------------------------------------------------------------------------------------------------------


@pytest.mark.req("JNL-05")
@pytest.mark.parametrize("keeps", [False, True], ids=["nothing kept", "kept and not said"])
@pytest.mark.parametrize("error", [JournalError("full"), OSError(28, "full"), ValueError("odd")], ids=repr)
def test_a_step_that_cannot_be_kept_is_taken_back_and_stops_delivery(*, keeps: bool, error: Exception) -> None:
    store = Broken()
    journal, bench = running(store)
    bench.bolus(MIN, 1 * U)
    bench.to(MIN + 10 * SEC)
    deadline_us = journal.next_deadline_us()
    assert deadline_us is not None
    before, rows = journal.pump.ledger, list(store.kept)
    store.fails, store.keeps, store.error = (lambda _: True), keeps, error
    with pytest.raises(JournalError):
        journal.step(events.Tick(deadline_us))
    after = journal.pump.ledger
    assert (after.therapy, after.next_seq) == (before.therapy, before.next_seq)
    assert journal.failure is not None
    raised = only_of(journal.failure.effects, Kind.RECORD_DAMAGED)
    assert raised.what is What.RAISED
    assert journal.status.state is State.ALARM
    assert len(store.kept) == len(rows) + keeps
    assert only(BolusDelivered, journal.failure.effects).reason is EndReason.ERROR_ABORT


@pytest.mark.req("JNL-05")
def test_once_the_record_has_failed_no_insulin_leaves_the_journal_whatever_is_asked() -> None:
    store = Broken()
    journal, bench = running(store)
    bench.bolus(MIN, 1 * U)
    bench.to(MIN + 5 * SEC)
    rows = len(store.kept)
    store.fails = lambda _: True
    with pytest.raises(JournalError):
        journal.step(events.Tick(MIN + 6 * SEC))
    store.fails = lambda _: False  # it works again, and that changes nothing
    bench.answers = False
    handed: list[Effect] = []
    for each in journal.status.annunciations:
        handed += journal.step(events.ConfirmAlarm(2 * MIN, each.id))
    for event in (
        events.Tick(3 * MIN),
        events.BeginChange(4 * MIN, set_off_body=True),
        events.Rewound(4 * MIN),
        events.ReservoirMeasured(4 * MIN, 100 * U),
        events.Loaded(4 * MIN),
        events.Prime(4 * MIN, 8 * U),
        events.Tick(5 * MIN),
    ):
        handed += journal.step(event)
    for asked in (events.Start(6 * MIN), events.Resume(6 * MIN), events.ProposeBolus(6 * MIN, fast_uu=U)):
        with pytest.raises(RequestError):
            journal.step(asked)
    with pytest.raises(JournalError, match="open the journal again"):
        journal.step(events.FaultGone(7 * MIN, Kind.RECORD_DAMAGED))
    assert not [each for each in handed if isinstance(each, ORDERS)]
    assert len(store.kept) == rows
    assert journal.pump.ledger.priming.failed > 0  # what was withheld is told to the pump
    assert bench_of(journal).alarm(Kind.RECORD_DAMAGED) is not None


def failed_in_a_bolus(*, late_us: int = 0) -> tuple[MemoryStore, BolusDelivered, int]:
    """A journal that failed in mid-bolus, what it told of the bolus, and when; the host may be late with outcomes."""
    store = Broken()
    journal, bench = running(store)
    bench.bolus(MIN, 5 * U)
    bench.to(MIN + 10 * SEC)
    pulse = bench.next_pulse()
    now_us = pulse.at_us + late_us
    bench.do(events.PulseConfirmed(now_us, pulse.seq))
    store.fails = lambda _: True
    with pytest.raises(JournalError):
        journal.step(events.Tick(now_us + SEC))
    assert journal.failure is not None
    return MemoryStore(store.kept), only(BolusDelivered, journal.failure.effects), now_us + SEC


@pytest.mark.req("JNL-05")
@pytest.mark.parametrize("late_us", [0, 5 * SEC], ids=["in time", "with pulses that were due"])
@pytest.mark.parametrize("wait_us", [0, 30 * SEC, H])
def test_a_bolus_that_was_told_as_aborted_is_not_delivered_a_second_time_after_a_failure(
    wait_us: int, late_us: int
) -> None:
    store, told, failed_us = failed_in_a_bolus(late_us=late_us)
    assert told.reason is EndReason.ERROR_ABORT
    rows = len(store.kept)
    journal = Journal.open(store)
    before = journal.pump.ledger.therapy
    effects = journal.recover(failed_us + wait_us, after_failure=True)
    assert not [each for each in effects if isinstance(each, ORDERS)]
    assert only(BolusDelivered, effects) == told
    said = [e for e in those(AnnunciationChanged, effects) if e.annunciation.kind is Kind.RECORD_DAMAGED]
    assert said[0].what is What.RAISED
    after = journal.pump.ledger.therapy
    assert (after.confirmed, after.uncertain, after.outstanding) == (before.confirmed, before.uncertain, 0)
    assert bool(after.failed) is bool(late_us)
    bench = bench_of(journal)
    bench.to(failed_us + wait_us + 10 * MIN)
    assert not bench.pulses()
    again = Journal.open(store)  # and so it stands on record
    again.recover(failed_us + wait_us + H)
    assert again.status.state is State.ALARM
    assert bench_of(again).alarm(Kind.RECORD_DAMAGED) is not None
    assert store.kept[rows].at_us == store.kept[rows - 1].at_us


@pytest.mark.req("JNL-05")
def test_without_word_of_the_failure_the_bolus_goes_on() -> None:
    store, told, failed_us = failed_in_a_bolus()
    journal = Journal.open(store)
    bench = bench_of(journal)
    bench.effects += journal.recover(failed_us + 30 * SEC)
    assert bench.alarm(Kind.RECORD_DAMAGED) is None
    bench.to(failed_us + 10 * MIN)
    again = sum(each.amount_uu for each in bench.pulses() if each.bolus_id == told.bolus.id)
    assert 4 * U < again <= told.bolus.not_delivered_uu


@pytest.mark.req("JNL-05")
def test_after_a_failure_recovery_refuses_an_instant_that_is_past_and_writes_nothing() -> None:
    store, _, failed_us = failed_in_a_bolus()
    rows = list(store.kept)
    journal = Journal.open(store)
    before = everything(journal.pump)
    with pytest.raises(TimeError):
        journal.recover(failed_us - SEC - 1, after_failure=True)
    assert (everything(journal.pump), store.kept) == (before, rows)


@pytest.mark.req("JNL-05")
def test_a_recovery_that_is_cut_off_after_any_row_is_made_good_by_the_next() -> None:
    store, _, failed_us = failed_in_a_bolus(late_us=5 * SEC)
    rows = len(store.kept)
    Journal.open(store).recover(failed_us, after_failure=True)
    assert len(store.kept) > rows + 2
    for end in range(rows, len(store.kept) + 1):
        again = Journal.open(MemoryStore(store.kept[:end]))
        effects = again.recover(failed_us, after_failure=True)
        assert not [each for each in effects if isinstance(each, ORDERS)]
        assert again.status.state is State.ALARM
        assert again.pump.ledger.therapy.outstanding == 0


@pytest.mark.req("JNL-05")
def test_a_row_that_was_kept_and_not_said_is_uncertain_after_a_restart() -> None:
    store = Broken()
    journal, bench = running(store)
    bench.bolus(MIN, 1 * U)
    store.fails, store.keeps = (lambda row: bool(row.entries & Entry.COMMANDED)), True
    with pytest.raises(JournalError):
        bench.to(2 * MIN)
    store.fails = lambda _: False
    again = Journal.open(store)
    again.recover(2 * MIN)
    assert again.pump.ledger.therapy.uncertain == 1
    assert journal.pump.ledger.therapy.uncertain == 0


@pytest.mark.req("JNL-05")
def test_a_failure_between_two_pulses_that_share_a_step_hands_out_neither() -> None:
    store = Broken()
    journal, bench = running(store)
    bench.bolus(MIN, 1 * U)
    store.fails = lambda row: bool(row.entries & Entry.COMMANDED)
    with pytest.raises(JournalError):
        journal.step(events.Tick(MIN + 20 * SEC))
    assert journal.pump.ledger.therapy.commanded == 0


def test_what_cannot_be_written_down_is_a_failure_too(monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryStore()
    journal, bench = running(store)
    bench.to(MIN)
    monkeypatch.setattr("pumpcore.journal.journal.encode", lambda *_: int("no number"))
    with pytest.raises(JournalError, match="cannot be written down"):
        journal.step(events.Tick(2 * MIN))
    assert journal.failure is not None


def test_a_bug_of_the_pump_writes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryStore()
    journal, bench = running(store, bounds=Bounds(segment_rows=1))
    bench.to(MIN)
    rows = len(store.kept)
    monkeypatch.setattr("pumpcore.pump.pump.update_alarms", lambda step: 1 // (step.to_us - step.to_us))
    with pytest.raises(InvariantError):
        journal.step(events.Tick(2 * MIN))
    assert len(store.kept) == rows


def test_a_checkpoint_that_cannot_be_kept_is_a_failure() -> None:
    store = Broken()
    journal, _ = running(store)
    store.fails = lambda row: bool(row.entries & Entry.CHECKPOINT)
    with pytest.raises(JournalError, match="full"):
        journal.checkpoint()
    assert journal.failure is not None
    with pytest.raises(JournalError, match="full"):
        journal.checkpoint()


def primed_by_command(store: MemoryStore) -> tuple[Journal, events.Command, tuple[Effect, ...]]:
    """A journal whose pump was told once to prime, the command, and what was answered."""
    journal = created(store, remote=True)
    bench = bench_of(journal)
    for event in (
        events.BeginChange(0, set_off_body=True),
        events.Rewound(0),
        events.ReservoirMeasured(0, 100 * U),
        events.Loaded(0),
    ):
        bench.do(event)
    command = events.Command(0, 1, H, journal.status.changes, events.Prime(0, 8 * U))
    return journal, command, journal.step(command)


@pytest.mark.req("JNL-03", "CMD-02")
@pytest.mark.parametrize("between", ["nothing", "a restart", "a checkpoint", "both", "a replay", "a failure"])
def test_an_order_is_handed_out_once_however_often_its_command_comes_again(between: str) -> None:
    store = Broken()
    journal, command, first = primed_by_command(store)
    order = only(PrimePulse, first)
    without = tuple(each for each in first if not isinstance(each, ORDERS))
    if between == "a failure":
        store.fails = lambda _: True
        with pytest.raises(JournalError):
            journal.step(events.Tick(0))
    for _ in range(3):
        if between in {"a checkpoint", "both"}:
            journal.checkpoint()
        if between in {"a restart", "both"}:
            journal = Journal.open(store)
        if between == "a replay":
            pump, damage = replayed(store.kept).pump()
            assert (damage, pump and pump.step(command)) == (None, without)
        assert journal.step(command) == without
        if journal.failure is None:
            journal = Journal.open(store)
            assert not [each for each in journal.recover(0) if isinstance(each, ORDERS)]
    ordered = [each for row in store.kept if not row.entries & Entry.CHECKPOINT for each in orders_of(row)]
    assert ordered == [order]
    assert journal.pump.ledger.priming.commanded == order.steps
    assert verify(store.kept, replayed=True)[1] is None


def replayed(rows: Sequence[Row]) -> Replay:
    replay = Replay()
    for row in rows:
        replay.take(row)
    return replay


def orders_of(row: Row) -> list[FirePulse | PrimePulse]:
    return [each for each in read_row(row).effects if isinstance(each, ORDERS)]


@pytest.mark.req("JNL-03")
def test_a_command_whose_answer_holds_advice_or_an_alarm_is_written_down_and_survives_a_restart() -> None:
    store = MemoryStore()
    calculator = Calculator(
        policy="medtronic",
        carb_ratio_mg_per_u=10_000,
        sensitivity=MgDl(40),
        target_low=MgDl(90),
        target_high=MgDl(110),
    )
    journal, bench = running(store, remote=True, calculator=calculator)
    asked = events.Command(MIN, 1, H, journal.status.changes, events.AskAdvice(MIN, 35_000))
    answered = journal.step(asked)
    assert only(BolusCalculated, answered).advice.suggested_uu == 3_500_000
    bench.do(events.FaultDetected(MIN, Kind.DATE_TIME_ISSUE))
    again = Journal.open(store)
    assert everything(again.pump) == everything(journal.pump)
    assert only(BolusCalculated, again.step(asked)) == only(BolusCalculated, answered)
    again.checkpoint()
    assert everything(Journal.open(store).pump) == everything(again.pump)


@pytest.mark.req("JNL-03", "PWR-03")
def test_a_bolus_whose_answer_holds_an_alarm_is_written_down_and_survives_a_restart() -> None:
    store = MemoryStore()
    journal, bench = running(store, device=load("tandem-tslim-x2"), suspend_policy="tandem")
    for minute in range(1, 4):
        bench.bolus(minute * MIN, 15 * U)
    assert any(b"bolus_hour" in row.body and b"BolusProgrammed" in row.body for row in store.kept)
    journal.checkpoint()
    assert everything(Journal.open(store).pump) == everything(journal.pump)


# Damage ---------------------------------------------------------------------------------------------------------------


def change(row: Row, name: str) -> Row:
    match name:
        case "body":
            return row._replace(body=row.body[:-3] + bytes([row.body[-3] ^ 1]) + row.body[-2:])
        case "chain":
            return row._replace(chain=bytes([row.chain[0] ^ 1]) + row.chain[1:])
    return row._replace(**{name: getattr(row, name) ^ 1})


@pytest.mark.req("JNL-06")
@pytest.mark.parametrize(
    ("name", "check"),
    [
        ("seq", "order"),
        ("at_us", "checksum"),
        ("entries", "checksum"),
        ("body", "checksum"),
        ("crc", "checksum"),
        ("chain", "chain"),
    ],
)
@pytest.mark.parametrize("index", [0, 10, -1])
def test_a_changed_row_is_named_with_the_check_that_found_it(name: str, check: str, index: int) -> None:
    store = MemoryStore()
    _, bench = running(store)
    bench.to(H)
    index %= len(store.kept)
    damaged = MemoryStore(store.kept)
    damaged.kept[index] = change(store.kept[index], name)
    # The first row's number is whatever it says, and its checksum knows better.
    row, check = (0, "checksum") if (name, index) == ("seq", 0) else (index + 1, check)
    kept = list(damaged.kept)
    with pytest.raises(JournalError, match=f"^row {row}: {check}: "):
        Journal.open(damaged)
    assert damaged.kept == kept
    assert len(list(readable(damaged))) == index


def readable(store: MemoryStore) -> Iterator[object]:
    """What is yielded before the damage."""
    yield from map(read_row, Walk(store.rows()))


@pytest.mark.req("JNL-06")
@pytest.mark.parametrize("what", ["taken out", "put in", "exchanged", "from another journal", "sealed anew"])
def test_a_row_that_is_whole_but_not_the_next_is_found(what: str) -> None:
    stores = MemoryStore(), MemoryStore()
    for store, units in zip(stores, (1, 2), strict=True):
        _, bench = running(store)
        bench.bolus(MIN, units * U)
        bench.to(H)
    rows, others = stores[0].kept, stores[1].kept
    match what:
        case "taken out":
            del rows[20]
        case "put in":
            rows.insert(20, rows[20])
        case "exchanged":
            rows[20], rows[21] = rows[21], rows[20]
        case "from another journal":
            rows[20:] = others[20:]
        case "sealed anew":
            rows[20] = seal(21, rows[20].at_us, rows[20].entries, b"[0,[]]", rows[19].chain)
    with pytest.raises(JournalError, match=r"^row 2[12]: (order|chain): "):
        Journal.open(stores[0])


@pytest.mark.req("JNL-06")
def test_a_journal_that_another_pump_would_have_answered_otherwise_is_refused() -> None:
    store = MemoryStore()
    _, bench = running(store)
    pulse = bench.next_pulse()
    last = store.kept[-1]
    for event, effects, reason in (
        (events.Tick(pulse.at_us), (replace(pulse, steps=2),), "is answered otherwise"),
        (events.Resume(pulse.at_us), (), "is refused"),
    ):
        entries, body = encode(event, effects)
        store.kept[-1] = seal(last.seq, last.at_us, entries, body, store.kept[-2].chain)
        with pytest.raises(JournalError, match=rf"^row {last.seq}: replay: .*{reason}"):
            Journal.open(store)


def resealed(rows: list[Row], number: int, entries: int, body: bytes) -> list[Row]:
    """The same rows with another of that number, and every seal right."""
    chain, sealed = rows[number - 2].chain, rows[: number - 1]
    for row in rows[number - 1 :]:
        kept = (entries, body) if row.seq == number else (row.entries, row.body)
        sealed.append(seal(row.seq, row.at_us, *kept, chain))
        chain = sealed[-1].chain
    return sealed


@pytest.mark.req("JNL-06")
@pytest.mark.parametrize("replayed", [False, True])
@pytest.mark.parametrize("later", ["checksum", "content"])
def test_of_two_damages_the_first_is_named(later: str, *, replayed: bool) -> None:
    store = MemoryStore()
    _, bench = running(store)
    bench.to(H)
    otherwise = resealed(store.kept, 22, int(Entry.FACT), b"[0,[]]")
    for rows, number, check in ((store.kept, 31, later), (otherwise, 22, "replay")):
        both = resealed(rows, 31, int(Entry.FACT), b"[8,[]]")
        if later == "checksum":
            both[30] = change(both[30], "body")
        found = verify(both, replayed=replayed)[1]
        assert found is not None
        assert (found.row, found.check) == (number, check)


@pytest.mark.req("JNL-06")
@pytest.mark.parametrize("what", ["entries", "as it is written"])
def test_a_row_that_says_the_same_in_other_words_is_not_the_row_that_was_written(what: str) -> None:
    store = MemoryStore()
    _, bench = running(store)
    bench.next_pulse()
    last = store.kept[-1]
    if what == "entries":
        store.kept = resealed(store.kept, last.seq, last.entries | Entry.UNCERTAIN, last.body)
        check = "replay"
    else:
        store.kept = resealed(store.kept, last.seq, last.entries, last.body + b" ")
        check = "content"
        with pytest.raises(
            JournalError, match=f"^row {last.seq}: content: is not in the form in which pumpcore writes it"
        ):
            list(map(read_row, store.kept))
    with pytest.raises(JournalError, match=f"^row {last.seq}: {check}: "):
        Journal.open(store)
    found = verify(store.kept)[1]
    assert found is not None
    assert (found.row, found.check) == (last.seq, check)


@pytest.mark.req("JNL-06")
def test_a_row_that_says_nothing_is_named_by_whoever_reads_it() -> None:
    store = MemoryStore()
    journal, bench = running(store)
    bench.to(H)
    store.kept = resealed(store.kept, 20, int(Entry.FACT), b'[["class","Nobody",[]],[]]')
    records = journal.records()
    assert [next(records).row.seq for _ in range(19)] == list(range(1, 20))
    with pytest.raises(JournalError, match=r"^row 20: content: KeyError: 'Nobody'$"):
        next(records)


@pytest.mark.req("JNL-06")
def test_a_checkpoint_that_its_rows_do_not_lead_to_is_found_by_a_full_check() -> None:
    store = MemoryStore()
    journal, bench = running(store)
    bench.to(H)
    other, _ = running(MemoryStore())
    row = store.kept[-1]
    other._seq, other._chain = row.seq, row.chain  # noqa: SLF001  # a forger of checkpoints
    other._store = store  # noqa: SLF001
    other.checkpoint()
    assert verify(store.kept)[1] is None
    found = verify(store.kept, replayed=True)[1]
    assert found is not None
    assert (found.row, found.check) == (row.seq + 1, "replay")
    assert journal.head[0] == row.seq


def test_an_empty_store_is_no_journal_and_one_with_rows_takes_no_other() -> None:
    with pytest.raises(JournalError, match="the journal has no rows"):
        Journal.open(MemoryStore())
    store = MemoryStore()
    created(store)
    with pytest.raises(JournalError, match="already holds a journal"):
        created(store)


# Salvage --------------------------------------------------------------------------------------------------------------


@pytest.mark.req("JNL-07")
def test_salvage_goes_on_in_alarm_from_the_state_before_the_damage() -> None:
    store = MemoryStore()
    _, bench = running(store)
    bench.bolus(MIN, 1 * U)
    bench.to(MIN + 20 * SEC)
    bad = len(store.kept) - 6
    state = Journal.open(MemoryStore(store.kept[:bad])).pump
    store.kept[bad] = change(store.kept[bad], "body")
    kept, into = list(store.kept), MemoryStore()
    with pytest.raises(JournalError, match=f"^row {bad + 1}: checksum"):
        Journal.open(store)
    saved = Journal.salvage(store, into, at_us=H)
    assert store.kept == kept
    assert saved.status.state is State.ALARM
    assert saved.status.at_us == H
    alarms = {each.kind for each in saved.status.annunciations}
    assert Kind.RECORD_DAMAGED in alarms
    assert saved.saved is not None
    assert (saved.saved.damage, saved.saved.lost) == (Damage(bad + 1, "checksum", "the CRC-32 does not match"), 6)
    told = those(AnnunciationChanged, saved.saved.effects)[0]
    assert (told.annunciation.kind, told.what) == (Kind.RECORD_DAMAGED, What.RAISED)
    assert not [each for each in saved.saved.effects if isinstance(each, ORDERS)]
    lost = [read_row(row) for row in kept[bad + 1 :]]
    ordered = [order for each in lost for order in those(FirePulse, each.effects)]
    assert ordered
    before, after = state.ledger, saved.pump.ledger
    open_before = sum(order.steps for order in before.orders.values())
    assert after.therapy.uncertain == open_before + sum(order.steps for order in ordered)
    assert after.therapy.confirmed == before.therapy.confirmed
    assert after.next_seq == ordered[-1].seq + 1 + SKIPPED
    assert after.therapy.outstanding == 0
    assert everything(Journal.open(into).pump) == everything(saved.pump)
    assert not [each for each in saved.step(events.Tick(2 * H)) if isinstance(each, ORDERS)]


@pytest.mark.req("JNL-07")
def test_a_pulse_that_was_open_before_the_damage_is_uncertain_whatever_its_lost_outcome_was() -> None:
    store = MemoryStore()
    journal, bench = running(store)
    pulse = bench.next_pulse()
    journal.step(events.PulseConfirmed(pulse.at_us, pulse.seq))
    store.kept[-1] = change(store.kept[-1], "body")
    saved = Journal.salvage(store, MemoryStore(), at_us=pulse.at_us)
    therapy = saved.pump.ledger.therapy
    assert (therapy.uncertain, therapy.outstanding, therapy.confirmed) == (pulse.steps, 0, 0)
    assert saved.saved is not None
    assert only_of(saved.saved.effects, Kind.PULSE_UNCERTAIN).annunciation.detail == f"{pulse.seq}"


@pytest.mark.req("JNL-07")
def test_what_was_commanded_after_the_damage_is_on_board() -> None:
    store = MemoryStore()
    _, bench = running(store)
    bench.bolus(MIN, 1 * U)
    bench.to(10 * MIN)
    good = Journal.open(MemoryStore(store.kept)).status
    index = next(i for i, row in enumerate(store.kept) if b"BolusProgrammed" in row.body)
    store.kept[index] = change(store.kept[index], "body")
    saved = Journal.salvage(store, MemoryStore(), at_us=10 * MIN)
    assert saved.status.on_board.counted_uu >= good.on_board.counted_uu > 0
    assert saved.status.reservoir_uu == good.reservoir_uu
    assert saved.saved is not None
    assert saved.saved.uncertain_uu >= U
    assert saved.pump.ledger.therapy.uncertain * 25_000 == saved.saved.uncertain_uu


@pytest.mark.req("JNL-07")
def test_a_damage_before_the_last_checkpoint_costs_nothing_of_what_came_after() -> None:
    store = MemoryStore()
    journal, bench = running(store, bounds=Bounds(segment_rows=20))
    bench.to(2 * H)
    store.kept[5] = change(store.kept[5], "body")
    with pytest.raises(JournalError, match=r"^row 6: checksum"):
        Journal.open(store)
    saved = Journal.salvage(store, MemoryStore(), at_us=2 * H)
    assert saved.pump.ledger.therapy == journal.pump.ledger.therapy
    assert Kind.RECORD_DAMAGED in {each.kind for each in saved.status.annunciations}


@pytest.mark.req("JNL-07")
def test_a_checkpoint_that_is_damaged_is_gone_back_behind() -> None:
    store = MemoryStore()
    _, bench = running(store, bounds=Bounds(segment_rows=40))
    bench.to(H)
    last = max(i for i, row in enumerate(store.kept) if row.entries & Entry.CHECKPOINT)
    assert last
    store.kept[last] = change(store.kept[last], "body")
    saved = Journal.salvage(store, MemoryStore(), at_us=H)
    commanded = sum(o.steps for row in store.kept if not row.entries & 1 for o in orders_in(row))
    assert saved.pump.ledger.therapy.commanded == commanded


def orders_in(row: Row) -> list[FirePulse]:
    return those(FirePulse, read_row(row).effects)


@pytest.mark.req("JNL-07")
def test_an_old_segment_that_is_met_again_after_newer_rows_is_not_gone_back_to() -> None:
    store = MemoryStore()
    journal, bench = running(store, bounds=Bounds(segment_rows=40))
    bench.to(H)
    commanded = journal.pump.ledger.therapy.commanded
    last = max(i for i, row in enumerate(store.kept) if row.entries & Entry.CHECKPOINT)
    assert last > 40
    # After good rows, and after rows that are whole though what they follow on is not.
    for bad in (None, last):
        kept = [change(row, "body") if i == bad else row for i, row in enumerate(store.kept)]
        saved = Journal.salvage(MemoryStore([*kept, *kept[:30]]), MemoryStore(), at_us=H)
        assert saved.pump.ledger.therapy.commanded == commanded
        assert saved.saved is not None
        assert saved.saved.lost == 30 + (0 if bad is None else len(kept) - last)
    with pytest.raises(JournalError, match="nothing can be saved"):
        Journal.salvage(MemoryStore([*store.kept[last + 1 :], *store.kept[:30]]), MemoryStore(), at_us=H)


def test_where_nothing_can_be_vouched_for_nothing_is_saved() -> None:
    store = MemoryStore()
    running(store)
    store.kept[0] = change(store.kept[0], "body")
    into = MemoryStore()
    with pytest.raises(JournalError, match="nothing can be saved"):
        Journal.salvage(store, into, at_us=H)
    assert into.kept == []


# Bounds ---------------------------------------------------------------------------------------------------------------


@pytest.mark.req("JNL-08")
def test_a_journal_is_bounded_and_its_chain_goes_through() -> None:
    store = MemoryStore()
    bounds = Bounds(segment_rows=30, segments=3)
    put_away: list[Row] = []
    journal = Journal.create(store, config_of(), at_us=0, bounds=bounds, archive=put_away.extend)
    bench = bench_of(journal).start()
    bench.to(DAY // 4)
    assert len(store.kept) <= 3 * 31
    assert store.kept[0].seq > 100
    assert store.kept[0].entries == Entry.CHECKPOINT
    assert everything(Journal.open(store, bounds=bounds).pump) == everything(journal.pump)
    whole = MemoryStore([*put_away, *store.kept])
    assert [row.seq for row in whole.kept] == list(range(1, journal.head[0] + 1))
    assert verify(whole.kept, replayed=True)[1] is None


@pytest.mark.req("JNL-08")
def test_rows_that_cannot_be_put_away_are_not_dropped() -> None:
    def full(rows: Iterator[Row]) -> None:
        raise OSError(28, f"no room for row {next(rows).seq}")

    store = MemoryStore()
    journal = Journal.create(store, config_of(), at_us=0, bounds=Bounds(segment_rows=10, segments=2), archive=full)
    bench = bench_of(journal).start()
    with pytest.raises(JournalError, match=r"no room for row 1"):
        bench.to(H)
    assert store.kept[0].seq == 1
    assert journal.failure is not None


def test_a_checkpoint_by_hand_leaves_nothing_to_replay() -> None:
    store = MemoryStore()
    journal, bench = running(store)
    bench.to(H)
    journal.checkpoint()
    assert store.kept[-1].entries == Entry.CHECKPOINT
    assert everything(Journal.open(store).pump) == everything(journal.pump)


@pytest.mark.parametrize("bad", [0, -1, True, 1.0, "9"])
def test_bounds_that_bound_nothing_are_refused(bad: Any) -> None:  # noqa: ANN401  # of any kind
    with pytest.raises(QuantityError, match="segment_rows"):
        Bounds(segment_rows=bad)
    with pytest.raises(QuantityError, match="segments"):
        Bounds(segments=bad)


def test_bounds_that_bound_too_much_for_a_salvage_are_refused() -> None:
    assert Bounds(segment_rows=ROWS_MOST, segments=1).segments == 1
    assert Bounds(segment_rows=1, segments=ROWS_MOST).segments == ROWS_MOST
    for segment_rows, segments in ((ROWS_MOST + 1, 1), (1, ROWS_MOST + 1), (ROWS_MOST // 100, 101)):
        with pytest.raises(QuantityError, match=f"segments: {segments} of {segment_rows} rows make more than"):
            Bounds(segment_rows=segment_rows, segments=segments)


def test_after_rows_that_nobody_can_read_no_number_is_given_out_that_a_row_could_have_given_out() -> None:
    steps = max(device.reservoir_uu // device.step_uu for device in map(load, ids()))
    assert steps == 300_000
    assert ROWS_MOST * steps < SKIPPED


@pytest.mark.parametrize("module", [plain, journal_module, sqlite, store_module], ids=lambda module: module.__name__)
def test_its_examples_run(module: ModuleType) -> None:
    result = doctest.testmod(module)
    assert result.attempted
    assert not result.failed
