"""The journal in a file: what is durable, one process at a time, and every way in which a file can be bad.

Method: a good journal is made once, as it lies after a clean end and as it lies after a power cut; each test breaks a
copy of it. Whatever is bad must be a `JournalError` in one line, and no byte of the file may have changed.
"""

from __future__ import annotations

import os
import random
import re
import resource
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Final

import pytest
from pumps import MIN, H, U, bench_of, config_of, everything, those

from pumpcore.alarms import Kind
from pumpcore.errors import JournalError
from pumpcore.journal import Bounds, Damage, Entry, Journal, MemoryStore, Row, read_row, seal, sqlite, verify
from pumpcore.journal.rows import CHAIN_START, begins, snapshot_in
from pumpcore.journal.sqlite import SqliteStore
from pumpcore.pump import events
from pumpcore.pump.effects import FirePulse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

FLIPS: Final = 1_000
FRAME: Final = 4096 + 24
COMPANIONS: Final = ("", "-wal", "-head")


def made(path: Path, *, bounds: Bounds | None = None) -> Journal:
    """A journal of an hour with a bolus, still open."""
    journal = Journal.create(SqliteStore.create(path), config_of(), at_us=0, bounds=bounds)
    bench = bench_of(journal).start()
    bench.bolus(MIN, 1 * U)
    bench.to(H)
    return journal


def copied(path: Path, to: Path) -> Path:
    """Copy a journal with its companions."""
    to.mkdir(parents=True, exist_ok=True)
    for ending in COMPANIONS:
        source = path.with_name(path.name + ending)
        (to / source.name).unlink(missing_ok=True)
        if source.exists():
            shutil.copyfile(source, to / source.name)
    return to / path.name


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A journal after a clean end."""
    path = tmp_path_factory.mktemp("closed") / "pump.journal"
    made(path).close()
    return path


@pytest.fixture(scope="module")
def cut(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A journal after a power cut: most rows are in the write-ahead log only."""
    path = tmp_path_factory.mktemp("open") / "pump.journal"
    journal = made(path)
    left = copied(path, tmp_path_factory.mktemp("cut"))
    rows = [record.row for record in journal.records()]
    journal.close()
    assert rows_of(left) == rows
    # What is only room says nothing; without it, whatever is broken breaks something.
    wal = left.with_name("pump.journal-wal")
    frames = -(-(len(wal.read_bytes().rstrip(b"\0")) - 32) // FRAME)
    os.truncate(wal, 32 + frames * FRAME)
    assert frames > 100
    assert rows_of(left) == rows
    return left


@pytest.fixture(params=["closed", "cut"])
def good(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return copied(request.getfixturevalue(request.param), tmp_path)


def content(path: Path) -> dict[str, bytes]:
    """All files beside a journal, with what is in them."""
    return {each.name: each.read_bytes() for each in sorted(path.parent.iterdir()) if each.is_file()}


def refused(path: Path) -> str:
    """Open a journal that must be refused, with nothing changed; returns why."""
    before = content(path)
    with pytest.raises(JournalError) as caught, closing(SqliteStore.open(path)) as store:
        Journal.open(store)
    why = str(caught.value)
    assert "\n" not in why
    assert content(path) == before
    return why


def rows_of(path: Path) -> list[object]:
    store = SqliteStore.open(path, writes=False)
    try:
        return list(store.rows())
    finally:
        store.close()


def with_sql(path: Path, statement: str) -> None:
    """Do to a journal whatever somebody can do who has SQLite."""
    connection = sqlite3.connect(path)
    with connection:
        connection.execute(statement)
    connection.close()


def flipped(path: Path, bit: int, *, ending: str = "") -> None:
    """Exchange a bit of a file."""
    file = path.with_name(path.name + ending)
    data = bytearray(file.read_bytes())
    data[bit // 8] ^= 1 << bit % 8
    file.write_bytes(data)


def left_of(path: Path) -> list[Row]:
    """All rows that a salvage is given."""
    with closing(SqliteStore.open(path, writes=False, structure=False)) as store:
        return list(store.rows())


def salvaged(path: Path, at_us: int = 2 * H) -> Journal:
    with closing(SqliteStore.open(path, writes=False, structure=False)) as store:
        return Journal.salvage(store, MemoryStore(), at_us=at_us)


# What is durable ------------------------------------------------------------------------------------------------------


@pytest.mark.req("JNL-01", "JNL-03")
def test_opened_anew_it_is_the_same_pump_to_the_byte(tmp_path: Path) -> None:
    path = tmp_path / "pump.journal"
    journal = made(path, bounds=Bounds(segment_rows=50))
    left = copied(path, tmp_path / "cut")
    for each in (left, path):
        if each == path:
            journal.close()
        again = Journal.open(SqliteStore.open(each))
        assert everything(again.pump) == everything(journal.pump)
        assert again.head == journal.head
        again.step(events.Tick(2 * H))
        again.close()


@pytest.mark.req("JNL-01")
def test_each_commit_is_synced_before_it_returns(tmp_path: Path) -> None:
    journal = made(tmp_path / "pump.journal")
    writer = journal._store._writer  # type: ignore[attr-defined]  # noqa: SLF001  # what SQLite was told
    assert writer.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert writer.execute("PRAGMA synchronous").fetchone() == (2,)
    assert writer.execute("PRAGMA locking_mode").fetchone() == ("exclusive",)
    journal.close()


def test_a_query_tells_programmed_commanded_confirmed_and_uncertain_apart(closed: Path) -> None:
    with sqlite3.connect(f"file:{closed}?mode=ro&immutable=1", uri=True) as connection:
        count = {
            entry: connection.execute("SELECT count(*) FROM row WHERE entries & ?", (entry.value,)).fetchone()[0]
            for entry in (Entry.PROGRAMMED, Entry.COMMANDED, Entry.CONFIRMED, Entry.UNCERTAIN)
        }
    connection.close()
    assert count[Entry.COMMANDED] >= 40 + 20
    assert count[Entry.CONFIRMED] == 2 + 80  # priming, then a step at a time
    assert count[Entry.PROGRAMMED] >= 3
    assert count[Entry.UNCERTAIN] == 0


@pytest.mark.req("JNL-08")
def test_old_segments_are_dropped_and_the_file_does_not_grow(tmp_path: Path) -> None:
    path = tmp_path / "pump.journal"
    journal = Journal.create(SqliteStore.create(path), config_of(), at_us=0, bounds=Bounds(segment_rows=20, segments=2))
    bench = bench_of(journal).start()
    sizes = []
    for hour in range(1, 6):
        bench.to(hour * H)
        journal.checkpoint()
        sizes.append(path.stat().st_size + path.with_name("pump.journal-wal").stat().st_size)
    assert len(list(journal.records())) <= 2 * 21
    again = copied(path, tmp_path / "cut")
    assert everything(Journal.open(SqliteStore.open(again)).pump) == everything(journal.pump)
    journal.close()
    assert path.stat().st_size < 40 * 4096


def test_a_new_journal_takes_no_place_that_is_taken(good: Path) -> None:
    for name in (good.name, "other"):
        path = good.with_name(name)
        if name == "other":
            path.with_name("other-head").write_bytes(b"")
        before = content(good)
        with pytest.raises(JournalError, match="already exists"):
            SqliteStore.create(path)
        assert content(good) == before


def test_a_journal_cannot_be_made_where_there_is_no_folder(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="cannot be created: No such file"):
        SqliteStore.create(tmp_path / "nowhere" / "pump.journal")


# One process ----------------------------------------------------------------------------------------------------------


@pytest.mark.req("JNL-09")
def test_a_second_process_is_refused_and_may_read_once_the_first_has_ended(tmp_path: Path) -> None:
    path = tmp_path / "pump.journal"
    journal = made(path)
    code = (
        "import sys\n"
        "from pumpcore.journal.sqlite import SqliteStore\n"
        "for writes in (True, False):\n"
        "    try:\n"
        "        store = SqliteStore.open(sys.argv[1], writes=writes)\n"
        "        store.close()\n"
        "        print('taken')\n"
        "    except Exception as error:\n"
        "        print(error)\n"
    )

    def second() -> list[str]:
        done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
        return done.stdout.splitlines()

    assert second() == [f"{path}: is open in another process"] * 2
    journal.step(events.Tick(2 * H))  # the first is not disturbed
    journal.close()
    assert second() == ["taken"] * 2


@pytest.mark.req("JNL-09")
def test_readers_share_and_keep_a_writer_out(good: Path) -> None:
    readers = [SqliteStore.open(good, writes=False) for _ in range(2)]
    assert list(readers[0].rows()) == list(readers[1].rows())
    with pytest.raises(JournalError, match="is open in another process"):
        SqliteStore.open(good)
    with pytest.raises(JournalError, match="open read-only"):
        readers[0].append(())
    for each in readers:
        each.close()
    SqliteStore.open(good).close()


def test_reading_changes_nothing_and_leaves_nothing(good: Path) -> None:
    before = content(good)
    store = SqliteStore.open(good, writes=False)
    assert verify(store.rows(), replayed=True)[1] is None
    store.close()
    assert content(good) == before


# Bad files ------------------------------------------------------------------------------------------------------------


@pytest.mark.req("JNL-06")
@pytest.mark.parametrize("part", range(4))
@pytest.mark.parametrize("end", ["closed", "cut"])
def test_a_bit_that_flips_anywhere_is_found_or_changes_nothing_that_can_be_read(
    end: str, part: int, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    seed = f"{request.config.getoption('--hypothesis-seed')}-{end}-{part}"  # printed with every run
    draw = random.Random(seed)  # noqa: S311 - no secret
    source = request.getfixturevalue(end)
    rows = rows_of(source)
    found = 0
    for number in range(FLIPS // 8):
        path = copied(source, tmp_path)
        ending = draw.choice([each for each in COMPANIONS if path.with_name(path.name + each).exists()])
        file = path.with_name(path.name + ending)
        bit = draw.randrange(8 * file.stat().st_size)
        flipped(path, bit, ending=ending)
        before, where = content(path), f"flip {number}: bit {bit} of {file.name}"
        try:
            with closing(SqliteStore.open(path)) as store:
                Journal.open(store)
                assert list(store.rows()) == rows, where
        except JournalError as error:
            assert "\n" not in str(error)  # noqa: PT017  # both ways are right
            found += 1
        with suppress(JournalError):  # and nothing else comes out of a salvage
            salvaged(path)
        assert content(path) == before, where
    assert found > FLIPS // 8 // 5


@pytest.mark.req("JNL-06", "JNL-07")
def test_letters_that_are_none_in_the_names_of_the_database_are_no_other_error(closed: Path, tmp_path: Path) -> None:
    data, rows, found = closed.read_bytes(), rows_of(closed), 0
    end = data.index(b"CREATE TABLE row") + 250
    for byte in range(end - 290, end):
        path = copied(closed, tmp_path)
        flipped(path, 8 * byte + 7)
        try:
            assert rows_of(path) == rows
        except JournalError as error:
            assert "\n" not in str(error)  # noqa: PT017  # both ways are right
            found += 1
        with suppress(JournalError):
            salvaged(path)
    assert found > 100


@pytest.mark.req("JNL-06")
@pytest.mark.parametrize("part", [0, 1, 2, 3])
def test_a_database_that_was_cut_off_is_refused(closed: Path, tmp_path: Path, part: int) -> None:
    path = copied(closed, tmp_path)
    os.truncate(path, path.stat().st_size * part // 4)
    assert refused(path)


@pytest.mark.req("JNL-06")
@pytest.mark.parametrize("part", [0, 1, 2, 3])
def test_a_log_that_was_cut_off_is_refused(cut: Path, tmp_path: Path, part: int) -> None:
    path = copied(cut, tmp_path)
    wal = path.with_name(path.name + "-wal")
    os.truncate(wal, wal.stat().st_size * part // 4)
    assert "are missing" in refused(path) or part == 0


@pytest.mark.req("JNL-06")
def test_a_head_file_that_was_cut_off_is_refused_and_one_slot_is_enough(good: Path) -> None:
    head = good.with_name(good.name + "-head")
    os.truncate(head, 512)
    Journal.open(store := SqliteStore.open(good))
    store.close()
    os.truncate(head, 35)
    assert "not a valid head file" in refused(good)


def test_a_database_of_which_the_log_has_every_page_is_not_damaged_whatever_stands_there(
    cut: Path, tmp_path: Path
) -> None:
    path = copied(cut, tmp_path)
    path.write_bytes(b"x" * 5000)
    assert rows_of(path) == rows_of(cut)
    journal = Journal.open(SqliteStore.open(path))
    journal.step(events.Tick(2 * H))
    journal.close()
    assert len(rows_of(path)) == len(rows_of(cut)) + 1


@pytest.mark.req("JNL-06")
def test_rows_that_are_missing_at_the_end_are_missed(cut: Path, tmp_path: Path) -> None:
    path = copied(cut, tmp_path)
    wal = path.with_name(path.name + "-wal")
    with wal.open("r+b") as opened:
        opened.truncate(wal.stat().st_size - FRAME)  # the last frame, and so the last commit
    rows = len(rows_of(cut))
    assert f"rows {rows} to {rows} are missing at the end" in refused(path)


@pytest.mark.req("JNL-06")
def test_a_database_whose_structure_is_damaged_is_refused_though_every_row_can_be_read(
    closed: Path, tmp_path: Path
) -> None:
    path = copied(closed, tmp_path)
    rows = rows_of(path)
    with path.open("r+b") as file:
        file.seek(36)  # how many pages are free: none
        file.write((1).to_bytes(4, "big"))
    assert "its structure is damaged" in refused(path)
    with closing(SqliteStore.open(path, writes=False, structure=False)) as store:
        assert list(store.rows()) == rows


@pytest.mark.req("JNL-06")
@pytest.mark.parametrize(
    ("statement", "why"),
    [
        (
            "DELETE FROM row WHERE seq > 50",
            r"row 51: file: .*: rows 51 to \d+ are missing at the end",
        ),
        ("UPDATE row SET entries = entries | 16 WHERE seq = 33", "row 33: checksum: the CRC-32 does not match"),
        ("INSERT INTO row SELECT 0, at_us, entries, body, crc, chain FROM row WHERE seq = 1", "row 0: checksum: .*"),
        ("INSERT INTO row SELECT -9, at_us, entries, body, crc, chain FROM row WHERE seq = 1", "row -9: content: .*"),
        (
            "INSERT INTO row SELECT -1 << 63, at_us, entries, body, crc, chain FROM row WHERE seq = 1",
            "row -.*: content: .*",
        ),
    ],
)
def test_rows_that_were_deleted_changed_or_put_in_with_sql_are_named(good: Path, statement: str, why: str) -> None:
    with_sql(good, statement)
    assert re.fullmatch(why, refused(good))


@pytest.mark.req("JNL-06")
@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("empty", b""),
        ("text", b"This is no database, but it is longer than its header would be. " * 9),
        ("zeros", bytes(8192)),
        ("half a header", b"SQLite format 3\0" + bytes(40)),
    ],
)
def test_a_file_that_is_no_journal_is_refused(good: Path, name: str, data: bytes) -> None:
    for ending in ("", "-wal"):
        good.with_name(good.name + ending).unlink(missing_ok=True)
    good.write_bytes(data)
    assert "not a pumpcore journal" in refused(good), name


@pytest.mark.req("JNL-06")
def test_a_foreign_database_is_refused(good: Path) -> None:
    good.unlink()
    good.with_name(good.name + "-wal").unlink(missing_ok=True)
    with_sql(good, "CREATE TABLE notes (text)")
    assert refused(good).endswith("not a pumpcore journal")


@pytest.mark.req("JNL-06")
@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("PRAGMA user_version=2", "{}: has format version 2; this version of pumpcore reads version 1"),
        ("DROP TABLE row", "row 1: file: {}: cannot be read: no such table: row"),
    ],
)
def test_a_journal_of_another_version_or_without_its_table_is_refused(good: Path, statement: str, why: str) -> None:
    with_sql(good, statement)
    assert refused(good) == why.format(good)
    with pytest.raises(JournalError):
        salvaged(good)


def test_a_journal_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="file not found"):
        SqliteStore.open(tmp_path / "pump.journal")


@pytest.mark.req("JNL-06")
def test_without_its_head_file_a_journal_is_read_and_not_gone_on_with(good: Path) -> None:
    rows = rows_of(good)
    good.with_name(good.name + "-head").unlink()
    assert "is missing, so the last rows cannot be confirmed" in refused(good)
    store = SqliteStore.open(good, writes=False)
    assert (list(store.rows()), store.vouched) == (rows, False)
    store.close()


@pytest.mark.req("JNL-06")
def test_a_head_file_that_names_another_row_is_refused(good: Path, tmp_path: Path) -> None:
    further = copied(good, tmp_path / "further")
    journal = Journal.open(SqliteStore.open(further))
    last = journal.head[0]
    journal.step(events.Tick(H + 2))
    journal.close()
    shutil.copyfile(further.with_name("pump.journal-head"), good.with_name("pump.journal-head"))
    assert f"rows {last + 1} to {last + 1} are missing at the end" in refused(good)
    other = Journal.create(SqliteStore.create(tmp_path / "other"), config_of(), at_us=0)
    for _ in range(last - 1):
        other.step(events.Tick(1))
    assert other.head[0] == last
    other.close()
    shutil.copyfile(tmp_path / "other-head", good.with_name("pump.journal-head"))
    assert f"row {last} differs from the one named in the head file" in refused(good)


@pytest.mark.req("JNL-06")
@pytest.mark.skipif(os.geteuid() == 0, reason="root may write whatever the mode says")
def test_a_file_that_may_not_be_written_to_is_refused_and_can_be_read(good: Path) -> None:
    good.chmod(0o400)
    assert "cannot be written to" in refused(good)
    assert rows_of(good)


@pytest.mark.req("JNL-06")
def test_a_file_that_may_not_be_written_to_is_refused_whoever_asks(good: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert "cannot be written to" in refused(good)
    assert rows_of(good)


def test_a_failed_opening_lets_go_of_the_lock(closed: Path, tmp_path: Path) -> None:
    good = copied(closed, tmp_path)
    kept = good.read_bytes()
    good.write_bytes(b"x" * 5000)
    refused(good)
    good.write_bytes(kept)
    SqliteStore.open(good).close()


def test_where_there_is_no_room_for_a_journal_nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(JournalError, match=r"cannot be created: .*No space left on device"):
        SqliteStore.create(tmp_path / "pump.journal")
    assert not list(tmp_path.iterdir())


@pytest.mark.req("JNL-08")
def test_rows_are_archived_before_they_are_dropped(tmp_path: Path) -> None:
    put_away: list[Row] = []
    journal = Journal.create(
        SqliteStore.create(tmp_path / "pump.journal"),
        config_of(),
        at_us=0,
        bounds=Bounds(segment_rows=20, segments=2),
        archive=put_away.extend,
    )
    bench_of(journal).start().to(2 * H)
    whole = [*put_away, *(record.row for record in journal.records())]
    journal.close()
    assert put_away
    assert verify(whole, replayed=True)[1] is None
    assert [row.seq for row in whole] == list(range(1, len(whole) + 1))


# The disk fails -------------------------------------------------------------------------------------------------------


@pytest.fixture
def small_disk() -> Iterator[None]:
    """No file of this process grows beyond 64 KiB."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (65_536, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.req("JNL-05")
@pytest.mark.usefixtures("small_disk")
def test_a_full_disk_stops_delivery_and_loses_nothing_that_was_said(tmp_path: Path) -> None:
    path = tmp_path / "pump.journal"
    journal = Journal.create(SqliteStore.create(path), config_of(), at_us=0)
    bench = bench_of(journal)
    with pytest.raises(JournalError, match="cannot be written"):
        bench.start().to(H)
    assert journal.failure is not None
    assert bench.alarm(Kind.RECORD_DAMAGED) is not None
    last = journal.head
    left = copied(path, tmp_path / "cut")
    again = Journal.open(SqliteStore.open(left))
    assert again.head[0] in {last[0], last[0] + 1}
    assert not again.pump.status.annunciations
    again.close()


@pytest.mark.req("JNL-05")
def test_a_store_that_has_failed_takes_nothing_more(tmp_path: Path) -> None:
    store = SqliteStore.create(tmp_path / "pump.journal")
    journal = Journal.create(store, config_of(), at_us=0)
    store._writer.execute("PRAGMA max_page_count=1")  # type: ignore[union-attr]  # noqa: SLF001
    with pytest.raises(JournalError, match="full"):
        bench_of(journal).start().to(H)
    with pytest.raises(JournalError, match="full"):
        store.append(())
    journal.close()


# Salvage --------------------------------------------------------------------------------------------------------------


@pytest.mark.req("JNL-07")
def test_a_damaged_file_is_salvaged_into_a_new_one_and_stays_as_it_is(good: Path) -> None:
    with_sql(good, "UPDATE row SET body = x'00' WHERE seq = 60")
    before = content(good)
    into = good.with_name("new.journal")
    damaged = SqliteStore.open(good, writes=False, structure=False)
    journal = Journal.salvage(damaged, SqliteStore.create(into), at_us=2 * H)
    damaged.close()
    assert journal.status.at_us == 2 * H
    assert bench_of(journal).alarm(Kind.RECORD_DAMAGED) is not None
    journal.close()
    after = content(good)
    assert {name: after[name] for name in before} == before
    Journal.open(SqliteStore.open(into)).close()


def cell_of(path: Path, row: Row) -> range:
    """Where a row stands in a file of SQLite, byte for byte.

    That is: its size and number (2), the kinds of its columns (7), instant (4), entries (2), body, CRC-32 (4), chain.
    """
    data = path.read_bytes()
    assert data.count(row.body) == 1
    begin = data.index(row.body) - 15
    kinds = bytes([7, 0, 4, 2, 12 + 2 * len(row.body), 4, 12 + 2 * len(row.chain)])
    assert data[begin + 1 : begin + 9] == bytes([row.seq]) + kinds
    return range(begin, begin + 15 + len(row.body) + 4 + len(row.chain))


@pytest.mark.req("JNL-07")
def test_whatever_bit_of_a_row_flips_every_other_row_is_there_for_a_salvage(closed: Path, tmp_path: Path) -> None:
    rows = left_of(closed)
    bad, unreadable = rows[59], 0
    for bit in range(8 * cell_of(closed, bad).start, 8 * cell_of(closed, bad).stop):
        path = copied(closed, tmp_path)
        flipped(path, bit)
        left = left_of(path)
        assert [row for row in rows if row not in left] in ([], [bad]), f"bit {bit}"
        unreadable += Row(bad.seq, 0, 0, b"", 0, b"") in left
    assert unreadable > 8


@pytest.mark.req("JNL-07")
def test_insulin_of_rows_behind_one_that_cannot_be_read_is_counted_in_a_salvage(closed: Path, tmp_path: Path) -> None:
    path = copied(closed, tmp_path)
    bad = left_of(closed)[59]
    flipped(path, 8 * (cell_of(closed, bad).start + 5) + 1)  # the kind of its entries: nothing, where two bytes were
    assert "malformed" in refused(path)
    journal = salvaged(path)
    rows = [read_row(row) for row in left_of(closed)]
    assert journal.saved is not None
    assert journal.saved.damage == Damage(60, "checksum", "the CRC-32 does not match")
    assert journal.saved.lost == len(rows) - 59
    later = sum(order.amount_uu for each in rows[60:] for order in those(FirePulse, each.effects))
    assert later > U
    assert journal.saved.uncertain_uu == later


@pytest.mark.req("JNL-07")
def test_a_row_whose_bytes_are_taken_for_text_is_the_same_row(closed: Path, tmp_path: Path) -> None:
    path = copied(closed, tmp_path)
    rows = left_of(closed)
    flipped(path, 8 * (cell_of(closed, rows[59]).start + 6))  # the kind of its body: text, where bytes were
    with closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as connection:
        assert connection.execute("SELECT typeof(body) FROM row WHERE seq = 60").fetchone() == ("text",)
    assert left_of(path) == rows
    journal = salvaged(path)
    assert journal.saved is not None
    assert journal.saved.damage is None


def pages_of(path: Path, rows: list[Row]) -> dict[int, list[Row]]:
    """Which rows stand on which page; a checkpoint takes several and is not among them."""
    data, pages = path.read_bytes(), dict[int, list[Row]]()
    for row in rows:
        if not row.entries & Entry.CHECKPOINT:
            pages.setdefault(data.index(row.body) // 4096, []).append(row)
    return pages


@pytest.mark.req("JNL-07")
def test_a_page_that_cannot_be_read_costs_the_rows_of_no_other_page(closed: Path, tmp_path: Path) -> None:
    rows = left_of(closed)
    pages = pages_of(closed, rows)
    assert len(pages) >= 3
    for page, there in pages.items():
        path = copied(closed, tmp_path)
        flipped(path, 8 * 4096 * page)  # what the page is
        left = left_of(path)
        assert {row.seq for row in rows if row not in left} - {1} == {row.seq for row in there}
        assert [row.seq for row in left] == [row.seq for row in rows]


def renumbered(rows: Iterable[Row], by: int) -> Iterator[Row]:
    """The rows of the same life with larger numbers, as after many years."""
    chain = CHAIN_START
    for row in rows:
        body = begins(chain) + snapshot_in(row)[1] if row.entries & Entry.CHECKPOINT else row.body
        sealed = seal(row.seq + by, row.at_us, row.entries, body, chain)
        chain = sealed.chain
        yield sealed


@pytest.mark.req("JNL-07")
@pytest.mark.parametrize("numbers_from", [0, 10_000_000])
def test_a_first_page_that_cannot_be_read_costs_nothing_of_the_newest_segment(
    tmp_path: Path, numbers_from: int
) -> None:
    path = tmp_path / "pump.journal"
    memory = MemoryStore()
    journal = Journal.create(memory, config_of(), at_us=0, bounds=Bounds(segment_rows=100))
    bench_of(journal).start().to(3 * H)
    rows = list(renumbered(memory.kept, numbers_from))
    with closing(SqliteStore.create(path)) as store:
        store.append(rows)
    first = next(page for page, there in pages_of(path, rows).items() if rows[1] in there)
    flipped(path, 8 * 4096 * first)
    again, ledger = salvaged(path, 3 * H).saved, journal.pump.ledger
    assert again is not None
    assert (again.pump.ledger.therapy, again.pump.ledger.orders) == (ledger.therapy, ledger.orders)
    assert (again.damage, again.lost) == (None, 0)


@pytest.mark.req("JNL-07")
@pytest.mark.parametrize("vouched", [True, False], ids=["with its head file", "without"])
def test_of_a_table_of_which_no_page_can_be_found_nothing_is_saved(
    closed: Path, tmp_path: Path, *, vouched: bool
) -> None:
    path = copied(closed, tmp_path)
    flipped(path, 8 * 4096)  # the root of the table
    if not vouched:
        path.with_name(path.name + "-head").unlink()
        with pytest.raises(JournalError, match="malformed"):
            left_of(path)
    with pytest.raises(JournalError, match="nothing can be saved"):
        salvaged(path)


@pytest.mark.req("JNL-07")
@pytest.mark.parametrize("code", [sqlite3.SQLITE_IOERR_READ, sqlite3.SQLITE_BUSY])
def test_a_sector_that_cannot_be_read_is_damage_and_a_file_that_is_in_use_is_not(
    closed: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def failing(cursor: sqlite3.Cursor, *, least: int) -> Iterator[Row]:
        for row in whole(cursor, least=least):
            if row.seq == 60 and least == 1:
                raise error
            yield row

    whole, rows = sqlite._all, left_of(closed)  # noqa: SLF001
    error = sqlite3.OperationalError("made up")
    error.sqlite_errorcode = code
    monkeypatch.setattr(sqlite, "_all", failing)
    if code == sqlite3.SQLITE_BUSY:
        with pytest.raises(JournalError, match="made up"):
            left_of(closed)
    else:
        assert left_of(closed) == rows
