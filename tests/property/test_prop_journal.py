"""The journal for any life of a pump: whatever is told, in whatever order, with restarts, failures and damage anywhere.

Method: Hypothesis draws events, most of them legal, some not; a pump with a journal and a pump without one are told the
same. Then the journal is opened anew from any prefix of its rows, damaged at any row, or its store fails at any row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pumps import MIN, SEC, Bench, H, U, config_of, everything

from pumpcore import events
from pumpcore.alarms import Kind
from pumpcore.effects import FirePulse, PrimePulse
from pumpcore.errors import JournalError, RequestError
from pumpcore.events import SuspendCause
from pumpcore.journal import Bounds, Damage, Entry, Journal, MemoryStore, Row, Walk, read_row, seal, verify
from pumpcore.journal.book import decode, encode
from pumpcore.ledger import Fate
from pumpcore.modes import State
from pumpcore.pump import Pump
from pumpcore.pump.snapshot import read

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pumpcore.effects import Effect
    from pumpcore.events import Event

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
    ledger = read(journal.pump.snapshot())[0].ledger
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
    bench = Bench()
    bench.pump = cast("Pump", journal)
    known, failed = set[int](), False
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
    ledger, whole = (read(each.pump.snapshot())[0].ledger for each in (saved, journal))
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


@given(text=st.binary(max_size=60) | st.text(alphabet='[]{}",0123456789-:ae', max_size=60).map(str.encode))
def test_any_bytes_are_read_or_refused(text: bytes) -> None:
    try:
        event, effects = decode(5, text)
    except JournalError:
        return
    assert decode(5, encode(event, effects)[1]) == (event, effects)
