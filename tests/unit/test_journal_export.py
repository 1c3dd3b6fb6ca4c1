"""What leaves a journal: lines that read back, exports whose insulin is the ledger's, and the command line."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import pytest
from pumps import MIN, H, U, bench_of, config_of, plan_of

from pumpcore.cli import main
from pumpcore.errors import JournalError
from pumpcore.journal import Bounds, Journal, MemoryStore, seal
from pumpcore.journal.delivered import Deliveries
from pumpcore.journal.export import Exact, line, lines_of, nightscout, rows_in, tidepool
from pumpcore.journal.sqlite import SqliteStore
from pumpcore.pump import events
from pumpcore.pump.snapshot import read
from pumpcore.therapy.envelope import ControllerBounds, RateRequest
from pumpcore.therapy.profile import Anchor

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


STEP: Final = 25_000


def lived(store: MemoryStore, *, bounds: Bounds | None = None) -> Journal:
    """A day on which everything happens that moves insulin."""
    config = config_of(
        plan=plan_of((0, 1 * U), (6 * H, 700_000)),
        zone="Europe/Copenhagen",
        controller=ControllerBounds(max_rate_uu_per_h=3 * U, max_bolus_uu=2 * U, max_duration_us=H),
    )
    journal = Journal.create(store, config, at_us=0, bounds=bounds)
    bench = bench_of(journal).start()
    bench.bolus(MIN, 2 * U, 1 * U, 60 * MIN)
    bench.to(30 * MIN)
    bench.do(events.ProposeTemp(30 * MIN, H, percent=50))
    answered, lost = bench.next_pulse(), bench.next_pulse()
    bench.answers = True
    bench.do(events.PulseUnknown(lost.at_us, lost.seq))
    bench.do(events.PulseConfirmed(lost.at_us, answered.seq))
    bench.to(3 * H)
    cancelled = bench.bolus(3 * H, 1 * U, 2 * U, 2 * H)
    bench.to(3 * H + 20 * MIN)
    bench.do(events.CancelBolus(3 * H + 20 * MIN, cancelled))
    for step in range(12):
        at_us = 4 * H + 5 * MIN * step
        bench.to(at_us)
        bench.do(
            events.ControllerAsks(at_us, RateRequest(id=step + 1, at_us=at_us, rate_uu_per_h=2 * U, duration_us=H))
        )
    bench.to(7 * H)
    bench.do(events.Suspend(7 * H))
    bench.to(8 * H)
    bench.do(events.ClockSet(8 * H, Anchor(8 * H, datetime(2026, 3, 29, 0, 30, tzinfo=UTC)), "Europe/Copenhagen"))
    bench.do(events.Resume(8 * H))
    failed = bench.next_pulse()
    bench.answers = True
    bench.do(events.PulseFailed(bench.now_us, failed.seq))
    bench.to(12 * H)
    return journal


@pytest.fixture(scope="module")
def journal() -> Journal:
    return lived(MemoryStore())


def rows_of(journal: Journal) -> list[Any]:
    return [record.row for record in journal.records()]


def parsed(data: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Through text and back, with exact decimals."""
    return [json.loads(line(each), parse_float=Decimal, parse_int=Decimal) for each in data]


def units(steps: int) -> Decimal:
    return Decimal(steps * STEP) / 1_000_000


# Ours -----------------------------------------------------------------------------------------------------------------


@pytest.mark.req("JNL-10")
def test_lines_read_back_to_the_same_journal(journal: Journal) -> None:
    rows = rows_of(journal)
    assert list(rows_in(lines_of(rows))) == rows
    again = Journal.open(MemoryStore(rows_in(lines_of(rows))))
    assert again.pump.snapshot() == journal.pump.snapshot()
    assert again.head == journal.head


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("seq", "1"),
        ("seq", 1.0),
        ("at_us", None),
        ("entries", ["nothing"]),
        ("entries", 5),
        ("body", "é"),
        ("body", 5),
        ("crc", "xyz"),
        ("chain", "0"),
        ("more", 1),
    ],
)
def test_a_line_that_nobody_writes_is_refused(journal: Journal, key: str, value: object) -> None:
    first, second, *_ = lines_of(rows_of(journal))
    with pytest.raises(JournalError, match=r"^line 2: not a row: "):
        list(rows_in([first, json.dumps(json.loads(second) | {key: value})]))


@pytest.mark.parametrize("text", ["", "[]", "{}", "[" * 100_000])
def test_a_line_that_is_no_object_is_refused(text: str) -> None:
    with pytest.raises(JournalError, match=r"^line 1: not a row"):
        list(rows_in([text]))


# What was delivered ---------------------------------------------------------------------------------------------------


@pytest.mark.req("JNL-10")
def test_insulin_of_all_lines_is_what_the_ledger_counts(journal: Journal) -> None:
    therapy = journal.pump.ledger.therapy
    assert therapy.failed
    assert therapy.uncertain
    deliveries = Deliveries(journal.records())
    assert (deliveries.total.uu, deliveries.total.uncertain_uu) == (therapy.counted * STEP, therapy.uncertain * STEP)
    treatments, data = parsed(nightscout(deliveries)), parsed(tidepool(deliveries))
    zero = Decimal(0)
    assert sum(each.get("insulin", zero) + each.get("amount", zero) for each in treatments) == units(therapy.counted)
    assert sum(each.get("uncertain", zero) for each in treatments) == units(therapy.uncertain)
    parts = [each.get("normal", zero) + each.get("extended", zero) for each in data]
    basal = [each["payload"].get("deliveredUnits", zero) for each in data]
    assert sum(parts) + sum(basal) == units(therapy.counted)
    assert sum(each["payload"].get("uncertainUnits", zero) for each in data) == units(therapy.uncertain)


@pytest.mark.req("JNL-10")
def test_of_a_journal_that_dropped_its_beginning_it_is_what_was_counted_since() -> None:
    store = MemoryStore()
    bounds = Bounds(segment_rows=60, segments=2)
    journal = lived(store, bounds=bounds)
    first = read(store.kept[0].body.partition(b"\n")[2]).ledger.therapy
    deliveries = Deliveries(journal.records())
    assert store.kept[0].seq > 1
    assert deliveries.total.uu == (journal.pump.ledger.therapy.counted - first.counted) * STEP


def test_stretches_of_basal_have_no_gap_and_say_where_their_rate_comes_from(journal: Journal) -> None:
    deliveries = Deliveries(journal.records())
    assert [each.end_us for each in deliveries.basal[:-1]] == [each.start_us for each in deliveries.basal[1:]]
    lasting = [each for each in deliveries.basal if each.end_us > each.start_us]
    assert [(each.start_us // MIN, each.kind, each.rate_uu_per_h, each.percent) for each in lasting] == [
        (0, "scheduled", 1 * U, None),
        (30, "temp", 500_000, 50),
        (90, "scheduled", 1 * U, None),
        (240, "automated", 2 * U, None),  # issued again every 5 minutes
        (355, "scheduled", 700_000, None),
        (420, "suspend", 0, None),
        (480, "scheduled", 1 * U, None),  # the clock was set back to the night
        (480, "suspend", 0, None),  # the actuator has failed
    ]


def test_boluses_say_what_was_programmed_and_what_was_delivered(journal: Journal) -> None:
    dual, cancelled = [each for each in parsed(tidepool(Deliveries(journal.records()))) if each["type"] == "bolus"]
    assert (dual["subType"], dual["normal"], dual["extended"], dual["duration"]) == ("dual/square", 2, 1, 3_600_000)
    assert "expectedNormal" not in dual
    assert cancelled["normal"] == 1
    assert cancelled["expectedExtended"] == 2 > cancelled["extended"] > 0
    assert (cancelled["duration"], cancelled["expectedDuration"]) == (1_200_000, 7_200_000)
    first, second = [each for each in parsed(nightscout(Deliveries(journal.records()))) if "Bolus" in each["eventType"]]
    assert (first["eventType"], first["insulin"], first["amount"], first["splitNow"]) == ("Combo Bolus", 2, 1, 66)
    assert (second["enteredinsulin"], second["amount"], second["duration"]) == (3, cancelled["extended"], 20)


def test_times_are_those_of_the_wall_clock_that_was_set(journal: Journal) -> None:
    data = parsed(tidepool(Deliveries(journal.records())))
    assert (data[0]["time"], data[0]["deviceTime"], data[0]["timezoneOffset"]) == (
        "2026-01-05T00:00:00.000Z",
        "2026-01-05T01:00:00",
        60,
    )
    resumed = next(each for each in data if each["time"] == "2026-03-29T00:30:00.000Z")
    assert (resumed["deviceTime"], resumed["timezoneOffset"]) == ("2026-03-29T01:30:00", 60)
    assert Deliveries(journal.records()).local(9 * H).offset_min == 120  # summer time began at 01:00 UTC


def test_without_a_wall_clock_nobody_can_say_when() -> None:
    journal = Journal.create(MemoryStore(), config_of(anchor=None), at_us=0)
    journal.step(events.Tick(H))
    with pytest.raises(JournalError, match="the wall clock had not been set"):
        list(nightscout(Deliveries(journal.records())))


def test_of_nothing_nothing_can_be_said() -> None:
    with pytest.raises(JournalError, match="the journal has no rows"):
        Deliveries(())


def test_numbers_are_exact_decimals_as_text_and_no_floats() -> None:
    assert line({"a": Exact("0.1"), "b": [Exact("12345678901234.000001"), "0.1", None, True]}) == (
        '{"a":0.1,"b":[12345678901234.000001,"0.1",null,true]}'
    )


def test_an_answer_that_is_repeated_tells_nothing_twice() -> None:
    store = MemoryStore()
    journal = Journal.create(store, config_of(), at_us=0)
    bench = bench_of(journal).start()
    proposal = bench.propose(events.ProposeBolus(MIN, fast_uu=1 * U))
    bench.do(events.Confirm(MIN, proposal))
    bench.to(2 * MIN)
    bench.do(events.Confirm(2 * MIN, proposal))
    bench.to(5 * MIN)
    deliveries = Deliveries(journal.records())
    assert len(deliveries.boluses) == 1
    assert deliveries.total.uu == journal.pump.ledger.therapy.counted * STEP


def test_a_temp_basal_that_is_confirmed_again_after_its_end_does_not_begin_again() -> None:
    journal = Journal.create(MemoryStore(), config_of(), at_us=0)
    bench = bench_of(journal).start()
    proposal = bench.propose(events.ProposeTemp(MIN, 30 * MIN, percent=150))
    bench.do(events.Confirm(MIN, proposal))
    bench.to(H)
    bench.do(events.Confirm(H, proposal))
    bench.to(2 * H)
    lasting = [each for each in Deliveries(journal.records()).basal if each.end_us > each.start_us]
    assert [(each.start_us // MIN, each.kind, each.percent) for each in lasting] == [
        (0, "scheduled", None),
        (1, "temp", 150),
        (31, "scheduled", None),
    ]


# The command line -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def file(journal: Journal, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cli") / "pump.journal"
    with closing(SqliteStore.create(path)) as store:
        store.append(rows_of(journal))
    return path


def run(capsys: pytest.CaptureFixture[str], *args: object) -> tuple[int, str, str]:
    status = main(["journal", *map(str, args)])
    said = capsys.readouterr()
    return status, said.out, said.err


def damaged(file: Path, to: Path, row: int, *, check: str = "checksum") -> Path:
    """A copy in which a row is damaged; where that is found by what it says, it is the last."""
    with closing(SqliteStore.open(file, writes=False)) as store:
        rows = list(store.rows())
    bad, before = rows[row - 1], rows[row - 2]
    if check == "checksum":
        rows[row - 1] = bad._replace(crc=bad.crc ^ 1)
    else:
        rows[row - 1 :] = [seal(row, bad.at_us, bad.entries, b'[["class","Nobody",[]],[]]', before.chain)]
    with closing(SqliteStore.create(to / "bad.journal")) as store:
        store.append(rows)
    return to / "bad.journal"


@pytest.mark.req("JNL-11")
def test_show_prints_a_table_and_lines(capsys: pytest.CaptureFixture[str], file: Path, journal: Journal) -> None:
    status, out, err = run(capsys, "show", file, "--last", 3)
    assert (status, err) == (0, "")
    assert f" {journal.head[0]} " in out
    status, out, _ = run(capsys, "show", file, "--json", "--first", 10)
    shown = [json.loads(each, parse_float=Decimal) for each in out.splitlines()]
    assert [each["seq"] for each in shown] == list(range(10, journal.head[0] + 1))
    assert {"is": "FirePulse", "amount_u": Decimal("0.025")}.items() <= next(
        effect for each in shown for effect in each["effects"] if effect["is"] == "FirePulse"
    ).items()
    status, out, _ = run(capsys, "show", file)
    assert status == 0
    assert "the whole pump" in out
    assert "amount_u=0.025" in out


@pytest.mark.req("JNL-11")
def test_verify_prints_rows_segments_and_the_head_of_the_chain(
    capsys: pytest.CaptureFixture[str], file: Path, journal: Journal
) -> None:
    seq, chain = journal.head
    expected = f"{seq} rows, 1 to {seq}, in 1 segments: all good\nchain head {chain.hex()}\n"
    for options in ((), ("--replay",)):
        assert run(capsys, "verify", file, *options) == (0, expected, "")
    status, out, _ = run(capsys, "verify", file, "--json")
    assert (status, json.loads(out)["chain"]) == (0, chain.hex())


@pytest.mark.req("JNL-11")
def test_verify_says_when_nobody_vouches_for_the_end(
    capsys: pytest.CaptureFixture[str], file: Path, tmp_path: Path
) -> None:
    (tmp_path / "alone").write_bytes(file.read_bytes())
    status, out, _ = run(capsys, "verify", tmp_path / "alone")
    assert status == 0
    assert out.endswith("the head file is missing, so the last rows cannot be confirmed\n")


WHY: Final = {"checksum": "the CRC-32 does not match", "content": "KeyError: 'Nobody'"}


@pytest.mark.req("JNL-11")
@pytest.mark.parametrize("check", ["checksum", "content"])
@pytest.mark.parametrize("args", [("verify",), ("show",), ("show", "--json"), ("export", "--format", "jsonl")])
def test_damage_is_one_line_that_names_the_row_with_status_2(
    capsys: pytest.CaptureFixture[str], file: Path, tmp_path: Path, args: tuple[str, ...], check: str
) -> None:
    path = damaged(file, tmp_path, 40, check=check)
    status, out, err = run(capsys, args[0], path, *args[1:])
    if (args[0], check) == ("export", "content"):  # rows as they are: what they say is not asked
        assert (status, err) == (0, "")
    else:
        assert (status, err) == (2, f"pumpcore: {path}: row 40: {check}: {WHY[check]}\n")
    if args[0] != "verify":
        assert "FirePulse" in out or '"seq":39' in out  # what stands before it is readable


@pytest.mark.req("JNL-11")
@pytest.mark.parametrize("check", ["checksum", "content"])
def test_half_of_what_was_delivered_is_not_exported(
    capsys: pytest.CaptureFixture[str], file: Path, tmp_path: Path, check: str
) -> None:
    path = damaged(file, tmp_path, 40, check=check)
    for kind in ("nightscout", "tidepool"):
        status, out, err = run(capsys, "export", path, "--format", kind)
        assert (status, out) == (2, "")
        assert err == f"pumpcore: {path}: row 40: {check}: {WHY[check]}\n"


def test_a_row_that_is_not_in_ascii_has_no_line() -> None:
    with pytest.raises(JournalError, match=r"^row 7: content: "):
        list(lines_of([seal(7, 0, 1, b"\xff", bytes(16))]))


@pytest.mark.req("JNL-10")
def test_an_export_is_restored_to_the_same_journal(
    capsys: pytest.CaptureFixture[str], file: Path, tmp_path: Path, journal: Journal
) -> None:
    _, out, _ = run(capsys, "export", file)
    lines = tmp_path / "rows.jsonl"
    lines.write_text(out, "ascii")
    new = tmp_path / "new.journal"
    status, said, _ = run(capsys, "restore", lines, new)
    assert (status, said) == (0, f"{journal.head[0]} rows, 1 to {journal.head[0]}\n")
    with closing(SqliteStore.open(new)) as store:
        again = Journal.open(store)
        assert again.head == journal.head
        assert again.pump.snapshot() == journal.pump.snapshot()
    assert run(capsys, "restore", lines, new)[0] == 2
    lines.write_text(out.replace('"at_us":3600000000', '"at_us":3600000001', 1), "ascii")
    status, _, err = run(capsys, "restore", lines, tmp_path / "other")
    assert status == 2
    assert "checksum" in err
    assert not (tmp_path / "other").exists()
    assert run(capsys, "restore", tmp_path / "nowhere", tmp_path / "other")[0] == 2


@pytest.mark.req("JNL-10")
@pytest.mark.parametrize("kind", ["nightscout", "tidepool"])
def test_an_export_is_a_line_of_json_for_each(capsys: pytest.CaptureFixture[str], file: Path, kind: str) -> None:
    status, out, err = run(capsys, "export", file, "--format", kind)
    assert (status, err) == (0, "")
    assert len([json.loads(each) for each in out.splitlines()]) > 8


@pytest.mark.req("JNL-11")
@pytest.mark.parametrize("what", ["show", "verify", "export"])
def test_a_file_that_is_no_journal_is_one_line_with_status_2(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, what: str
) -> None:
    (tmp_path / "text").write_text("no journal")
    status, out, err = run(capsys, what, tmp_path / "text")
    assert (status, out) == (2, "")
    assert err.count("\n") == 1
    assert "not a pumpcore journal" in err
