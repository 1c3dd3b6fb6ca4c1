"""The journal for any life of a pump: whatever is told, in whatever order, with restarts, failures and damage anywhere.

Method: Hypothesis draws events, most of them legal, some not; a pump with a journal and a pump without one are told the
same. Then the journal is opened anew from any prefix of its rows, damaged at any row, or its store fails at any row.
"""

from __future__ import annotations

import json
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pumps import MIN, MONDAY, SEC, Bench, H, U, bench_of, config_of, everything, those

from pumpcore.alarms import Kind
from pumpcore.errors import JournalError, RequestError
from pumpcore.journal import Bounds, Damage, Entry, Journal, MemoryStore, Row, Walk, read_row, seal, verify
from pumpcore.journal.row_codec import decode, encode
from pumpcore.pump import Calculator, Pump, events
from pumpcore.pump import effects as effects_module
from pumpcore.pump.effects import FirePulse, PrimePulse, RateCause
from pumpcore.pump.events import SuspendCause
from pumpcore.pump.ledger import Fate
from pumpcore.pump.modes import State
from pumpcore.therapy.glucose import MgDl
from pumpcore.therapy.profile import Anchor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pumpcore.pump.effects import Effect
    from pumpcore.pump.events import Event

    Life: TypeAlias = Sequence[tuple[int, Callable[[int, int], Event], int, bool]]

ORDERS: Final = (FirePulse, PrimePulse)
REQUESTS: Final[tuple[Callable[[int, int], Event], ...]] = (
    lambda at, _: events.Tick(at),
    events.PulseConfirmed,
    events.PulseUnknown,
    events.PulseFailed,
    lambda at, n: events.ProposeBolus(at, fast_uu=n * 25_000),
    lambda at, n: events.ProposeBolus(at, fast_uu=n * 25_000, extended_uu=n * 25_000, extended_us=30 * MIN),
    events.Confirm,
    events.CancelBolus,
    lambda at, n: events.ProposeTemp(at, 30 * MIN, percent=10 * n),
    lambda at, _: events.CancelTemp(at),
    lambda at, _: events.Suspend(at, SuspendCause.PERSON),
    lambda at, _: events.Resume(at),
    lambda at, n: events.Disconnect(at, n * MIN),
    events.ConfirmAlarm,
    events.BatteryMeasured,
    lambda at, n: events.ReservoirMeasured(at, n * U),
    lambda at, _: events.FaultDetected(at, Kind.OCCLUSION_DETECTED),
    lambda at, _: events.FaultGone(at, Kind.OCCLUSION_DETECTED),
)

lives = st.lists(
    st.tuples(
        st.sampled_from([0, 1, SEC, 31 * SEC, MIN, 10 * MIN, H]),
        st.sampled_from(REQUESTS),
        st.integers(min_value=0, max_value=20),
        st.booleans(),
    ),
    max_size=25,
)
"""How long after the last event, what, with which number, and whether what is ordered is answered."""

bounds = st.builds(Bounds, segment_rows=st.integers(1, 40), segments=st.integers(1, 50))


def live(pump: Pump, life: Life) -> list[tuple[Effect, ...]]:
    """Tell a running pump all that happens; what it refuses is no part of the answer."""
    bench = Bench()
    bench.pump = pump
    bench.start(reservoir_uu=100 * U)
    answers = []
    for wait_us, make, number, answered in life:
        bench.answers = answered
        try:
            answers.append(bench.do(make(bench.now_us + wait_us, number)))
        except RequestError:
            answers.append(())
    return answers


def lived(store: MemoryStore, life: Life) -> Journal:
    journal = Journal.create(store, config_of(), at_us=0)
    live(cast("Pump", journal), life)
    return journal


@pytest.mark.req("JNL-01", "JNL-03", "DEL-14")
@given(life=lives, limits=bounds)
def test_a_pump_with_a_journal_is_the_same_pump_and_so_is_the_one_that_is_opened_anew(
    life: Life, limits: Bounds
) -> None:
    store = MemoryStore()
    journal = Journal.create(store, config_of(), at_us=0, bounds=limits)
    plain = Pump(config_of(), at_us=0)
    with_it, without = live(cast("Pump", journal), life), live(plain, life)
    fired = [each for answer in with_it for each in answer if isinstance(each, ORDERS)]
    assert len({each.seq for each in fired}) == len(fired)
    assert fired == [each for answer in without for each in answer if isinstance(each, ORDERS)]
    assert everything(journal.pump) == everything(plain)
    assert everything(Journal.open(store).pump) == everything(plain)
    assert verify(store.kept, replayed=True)[1] is None
    assert sum(bool(row.entries & Entry.CHECKPOINT) for row in store.kept) <= limits.segments
    assert len(store.kept) <= limits.segments * (limits.segment_rows + 1)


@pytest.mark.req("JNL-03", "CMD-02")
@given(
    ways=st.lists(
        st.tuples(st.sampled_from(["new", "again", "restart", "checkpoint", "confirmed"]), st.integers(1, 9)),
        max_size=30,
    )
)
def test_however_often_commands_come_again_each_order_is_handed_out_once(ways: list[tuple[str, int]]) -> None:
    store = MemoryStore()
    journal = Journal.create(store, config_of(remote=True), at_us=0)
    sent: list[events.Command] = []
    handed: list[PrimePulse] = []
    for event in (
        events.BeginChange(0, set_off_body=True),
        events.Rewound(0),
        events.ReservoirMeasured(0, 150 * U),
        events.Loaded(0),
    ):
        journal.step(event)
    for way, number in [("new", 1), *ways, ("again", 1)]:
        match way:
            case "new":
                request = events.Prime(0, 100_000 * number)
                sent.append(events.Command(0, len(sent) + 1, H, journal.status.changes, request))
                handed += those(PrimePulse, journal.step(sent[-1]))
            case "again":
                assert not those(PrimePulse, journal.step(sent[number % len(sent)]))
            case "restart":
                journal = Journal.open(store)
                assert not those(PrimePulse, journal.recover(0))
            case "checkpoint":
                journal.checkpoint()
            case "confirmed" if number <= len(handed):
                with suppress(RequestError):  # it has come before
                    journal.step(events.PulseConfirmed(0, handed[-number].seq))
    assert len({each.seq for each in handed}) == len(handed) == len(sent)
    assert [each for row in store.kept if not row.entries & Entry.CHECKPOINT for each in orders_in(row)] == handed
    assert verify(store.kept, replayed=True)[1] is None


@pytest.mark.req("JNL-03", "JNL-04", "DEL-06")
@given(life=lives, data=st.data())
def test_cut_off_after_any_row_it_recovers_with_every_pulse_in_one_place(life: Life, data: st.DataObject) -> None:
    store = MemoryStore()
    lived(store, life)
    rows = store.kept[: data.draw(st.integers(1, len(store.kept)), label="rows that are there")]
    journal = Journal.open(MemoryStore(rows))
    told = [read_row(row) for row in rows]
    commanded = [order for each in told for order in each.effects if isinstance(order, FirePulse)]
    effects = journal.recover(journal.status.at_us + data.draw(st.sampled_from([0, SEC, MIN, 4 * H]), label="pause"))
    commanded += [order for order in effects if isinstance(order, FirePulse)]
    ledger = journal.pump.ledger
    assert ledger.therapy.commanded == sum(order.steps for order in commanded)
    assert len({order.seq for order in commanded}) == len(commanded)
    fresh = {order.seq for order in effects if isinstance(order, ORDERS)}
    assert {seq for seq, order in ledger.orders.items() if order.fate is Fate.OUTSTANDING} <= fresh


@pytest.mark.req("JNL-05")
@given(life=lives, at=st.integers(0, 60), keeps=st.booleans())
def test_whenever_the_store_fails_nothing_is_handed_out_from_then_on_that_moves_insulin(
    life: Life,
    at: int,
    keeps: bool,  # noqa: FBT001  # drawn
) -> None:
    class Failing(MemoryStore):
        def append(self, rows: Sequence[Row], *, drop_before: int = 0) -> None:
            if rows[-1].seq < 13 + at or keeps:
                super().append(rows, drop_before=drop_before)
            if rows[-1].seq >= 13 + at:
                raise OSError(28, "full")

    store = Failing()
    journal = Journal.create(store, config_of(), at_us=0)
    bench, failed = bench_of(journal), False
    try:
        bench.start(reservoir_uu=100 * U)
    except JournalError:
        failed = True
    for wait_us, make, number, answered in life:
        bench.answers = answered and not failed
        before = journal.failure
        try:
            effects = bench.do(make(bench.now_us + wait_us, number))
        except RequestError:
            continue
        except JournalError:
            assert before is None
            failed = True
            assert journal.status.state is State.ALARM
            continue
        if failed:
            assert not [each for each in effects if isinstance(each, ORDERS)]
            assert journal.status.state is not State.RUNNING
    known = {order.seq for row in store.kept if not row.entries & Entry.CHECKPOINT for order in orders_in(row)}
    assert {order.seq for order in bench.effects if isinstance(order, ORDERS)} <= known
    if not failed:
        assert journal.failure is None


def orders_in(row: Row) -> list[FirePulse | PrimePulse]:
    return [each for each in read_row(row).effects if isinstance(each, ORDERS)]


@pytest.mark.req("JNL-06", "JNL-07")
@given(life=lives, data=st.data())
def test_wherever_a_byte_is_changed_the_row_is_named_and_what_stands_before_it_is_salvaged(
    life: Life, data: st.DataObject
) -> None:
    store = MemoryStore()
    journal = lived(store, life)
    number = data.draw(st.integers(1, len(store.kept)), label="row")
    row = store.kept[number - 1]
    at, mask = data.draw(st.integers(0, len(row.body) - 1)), data.draw(st.integers(1, 255))
    body = row.body[:at] + bytes([row.body[at] ^ mask]) + row.body[at + 1 :]
    kept = [*store.kept[: number - 1], row._replace(body=body), *store.kept[number:]]
    walk = Walk(kept)
    good = list(walk)
    assert good == store.kept[: number - 1]
    assert walk.damage == Damage(number, "checksum", "the CRC-32 does not match")
    if number == 1:
        with pytest.raises(JournalError, match="nothing can be saved"):
            Journal.salvage(MemoryStore(kept), MemoryStore(), at_us=journal.status.at_us)
        return
    saved = Journal.salvage(MemoryStore(kept), MemoryStore(), at_us=journal.status.at_us)
    assert saved.status.state is State.ALARM
    ledger, whole = saved.pump.ledger, journal.pump.ledger
    lost = sum(order.steps for order in orders_in(row) if isinstance(order, FirePulse))
    assert ledger.therapy.commanded >= whole.therapy.commanded - lost
    assert ledger.next_seq > whole.next_seq
    assert ledger.therapy.outstanding == 0


@pytest.mark.req("JNL-06")
@given(
    rows=st.lists(st.tuples(st.integers(0, 2**63 - 1), st.binary(max_size=40)), min_size=1, max_size=8), data=st.data()
)
def test_no_other_order_of_rows_is_taken_for_the_journal(rows: list[tuple[int, bytes]], data: st.DataObject) -> None:
    chain, sealed = bytes(16), []
    for number, (at_us, body) in enumerate(rows, start=1):
        entries, written = (1, b"pumpcore journal 1 " + b"0" * 32 + b"\n" + body) if number == 1 else (2, body)
        sealed.append(seal(number, at_us, entries, written, chain))
        chain = sealed[-1].chain
    assert list(Walk(sealed)) == sealed
    other = data.draw(st.permutations(sealed))
    if other != sealed:
        walk = Walk(other)
        assert len(list(walk)) < len(sealed)
        assert walk.damage is not None


KINDS: Final = ("class", "named", "enum", "tuple", "dict", "instant", "fraction", "kernel", "ledger", "device")
CLASSES: Final = sorted(
    {name for module in (events, effects_module) for name, each in vars(module).items() if isinstance(each, type)}
)
WORDS: Final = (*KINDS, *CLASSES, *(each.value for kinds in (Kind, RateCause, SuspendCause) for each in kinds))
trees = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-2, 9)
    | st.sampled_from([1.0, 5, 25_000, 2**63, [], {}])
    | st.sampled_from(WORDS),
    lambda inner: (
        st.lists(inner, max_size=8)
        | st.tuples(st.sampled_from(["class", "enum", "named"]), st.sampled_from(CLASSES), inner).map(list)
        | st.tuples(st.sampled_from(KINDS), inner, inner).map(list)
        | st.dictionaries(st.sampled_from(WORDS), inner, max_size=3)
    ),
    max_leaves=15,
)
"""What JSON can say in the words of the codec."""


def places(tree: Any) -> Iterator[tuple[list[Any], int]]:  # noqa: ANN401  # of JSON's kinds
    """Every place in lists of lists."""
    if isinstance(tree, list):
        for index, each in enumerate(tree):
            yield tree, index
            yield from places(each)


@cache
def written() -> tuple[tuple[int, bytes], ...]:
    """Instant and body of one row for every set of kinds that a short life has."""
    store, found = MemoryStore(), dict[tuple[type, ...], tuple[int, bytes]]()
    calculator = Calculator(
        policy="medtronic",
        carb_ratio_mg_per_u=10_000,
        sensitivity=MgDl(40),
        target_low=MgDl(90),
        target_high=MgDl(110),
    )
    journal = Journal.create(store, config_of(calculator=calculator), at_us=0)
    bench = bench_of(journal).start()
    bench.bolus(MIN, 2 * U, 1 * U, 30 * MIN)
    bench.do(events.ProposeTemp(MIN, H, percent=50))
    bench.do(events.AskAdvice(MIN, 35_000))
    bench.do(events.ClockSet(MIN, Anchor(MIN, MONDAY), "Europe/Copenhagen"))
    bench.do(events.FaultDetected(2 * MIN, Kind.OCCLUSION_DETECTED))
    for row in store.kept[1:]:
        record = read_row(row)
        found.setdefault((type(record.event), *map(type, record.effects)), (row.at_us, row.body))
    return tuple(found.values())


def is_read_or_refused(at_us: int, text: bytes) -> bool:
    """Whatever is read is written the same."""
    try:
        event, effects = decode(at_us, text)
    except JournalError:
        return False
    assert encode(event, effects)[1] == text
    assert event.at_us == at_us
    return True


@pytest.mark.req("JNL-06")
@given(text=st.binary(max_size=60) | st.text(alphabet='[]{}",0123456789-:ae', max_size=60).map(str.encode))
def test_any_bytes_are_read_or_refused(text: bytes) -> None:
    is_read_or_refused(5, text)


@pytest.mark.req("JNL-06")
@given(asked=trees, answers=st.lists(trees, max_size=2) | trees)
def test_whatever_is_said_in_the_words_of_the_codec_is_read_or_refused(asked: object, answers: object) -> None:
    is_read_or_refused(5, json.dumps([asked, answers], separators=(",", ":")).encode("ascii"))


@pytest.mark.req("JNL-06")
@given(data=st.data(), other=trees)
def test_a_body_of_which_a_part_is_exchanged_is_read_or_refused(data: st.DataObject, other: object) -> None:
    at_us, body = data.draw(st.sampled_from(written()), label="row")
    assert is_read_or_refused(at_us, body)
    tree = json.loads(body)
    where, index = data.draw(st.sampled_from(list(places(tree))), label="place")
    where[index] = other
    is_read_or_refused(at_us, json.dumps(tree, separators=(",", ":")).encode("ascii"))
