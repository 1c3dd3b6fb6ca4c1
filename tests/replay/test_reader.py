"""What the reader takes and what it refuses: other shapes of the same export, and damage.

Goal: a shape that users meet gives the same records as the plain one; damage gives one clear line. Method: one small
export, changed in one way per test.
"""

from __future__ import annotations

from dataclasses import replace as changed
from typing import TYPE_CHECKING

import pytest

from pumpcore.errors import RecordError
from pumpcore.records.carelink import read
from pumpcore.records.records import BasalStart, Bolus, Prime, Pumping, TempBasal
from pumpcore.records.replay import replay

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pumpcore.records.records import Record

LINES = """
    2/2/15 00:00:00 BasalProfileStart PATTERN_NAME=standard, RATE=1.025, START_TIME=0
    2/2/15 08:00:05 BolusSquare AMOUNT=2.15, CONCENTRATION=null, PROGRAMMED_AMOUNT=2.7, DURATION=5400000
    2/2/15 09:00:00 ChangeTempBasalPercent PERCENT_OF_RATE=125, DURATION=21600000
    2/2/15 12:00:00 Prime AMOUNT=0.4, PRIME_TYPE=fixed
    2/2/15 23:59:00 ChangeSuspendEnable ENABLE=user_suspend
"""


@pytest.fixture
def text(as_text: Callable[..., str]) -> str:
    return as_text(LINES)


@pytest.fixture
def load(tmp_path: Path) -> Callable[[str | bytes], tuple[Record, ...]]:
    def run(data: str | bytes) -> tuple[Record, ...]:
        path = tmp_path / "export.csv"
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return read(path).records

    return run


def plain(records: tuple[Record, ...]) -> list[Record]:
    """Records without what depends on where in the file they stand."""
    return [changed(record, line=0, seq=0) for record in records]


def test_values_are_exact(load: Callable[[str], tuple[Record, ...]], text: str) -> None:
    start, bolus, temp, prime, pumping = load(text)
    assert isinstance(start, BasalStart)
    assert (start.rate_uu_per_h, start.start_us, start.pattern) == (1_025_000, 0, "standard")
    assert start.at_us == 1_422_835_200_000_000
    assert start.line == 3
    assert isinstance(bolus, Bolus)
    assert (bolus.amount_uu, bolus.programmed_uu, bolus.duration_us) == (2_150_000, 2_700_000, 5_400_000_000)
    assert bolus.at_us - start.at_us == (8 * 3600 + 5) * 1_000_000
    assert isinstance(temp, TempBasal)
    assert (temp.rate_uu_per_h, temp.percent, temp.duration_us) == (None, 125, 21_600_000_000)
    assert isinstance(prime, Prime)
    assert prime.fixed
    assert isinstance(pumping, Pumping)
    assert pumping.state == "user_suspend"
    assert [record.seq for record in (start, bolus, temp, prime, pumping)] == [5, 4, 3, 2, 1]


def test_header_of_any_length(load: Callable[[str], tuple[Record, ...]], text: str) -> None:
    body = text.split("\n", 1)[1]
    long = "Data Export\nPATIENT INFO\nName,Ægir\n\nDEVICE INFO,,,,\n" + "Pump:,Paradigm,#0,,,\n" * 50
    assert plain(load(body)) == plain(load(text)) == plain(load(long + body))


def test_several_sections_with_columns_of_their_own(load: Callable[[str], tuple[Record, ...]], text: str) -> None:
    other = "Index,Raw-Values,Raw-Type,Timestamp\n1,ENABLE=normal_pumping,ChangeSuspendEnable,2/3/15 00:30:00\n"
    records = load(text + other)
    assert len(records) == 6
    assert isinstance(records[5], Pumping)
    assert records[5].device == records[0].device


def test_windows_text(load: Callable[[bytes], tuple[Record, ...]], text: str) -> None:
    expected = plain(load(text.encode()))
    assert plain(load(b"\xef\xbb\xbf" + text.encode())) == expected
    assert plain(load(text.replace("Hand-made", "37 °C").encode("cp1252"))) == expected
    assert plain(load(text.replace("\n", "\r\n").encode())) == expected


def test_repeated_uploads_count_once(load: Callable[[str], tuple[Record, ...]], text: str) -> None:
    header, columns, *rows = text.splitlines()
    again = [",".join(["9" + row.split(",")[0], *row.split(",")[1:]]) for row in rows]
    assert plain(load("\n".join([header, columns, *rows, *again, ""]))) == plain(load(text))


def test_rows_of_other_lengths_and_blank_cells(load: Callable[[str], tuple[Record, ...]], text: str) -> None:
    extra = "\n,,\n7\n8,2/2/15,10:00:00,2/2/15 10:00:00\n9,,,,ChangeSuspendEnable,ENABLE=user_suspend\n10,,,,,,,,,,,,\n"
    longer = text.replace(",Paradigm Revel - 523", ",Paradigm Revel - 523,,,")
    assert plain(load(longer + extra)) == plain(load(text))


def test_blank_device_takes_that_of_its_neighbours(load: Callable[[str], tuple[Record, ...]], text: str) -> None:
    rows = text.splitlines(keepends=True)
    for index in (2, 4):
        rows[index] = rows[index].replace(",Paradigm Revel - 523", ",")
    assert plain(load("".join(rows))) == plain(load(text))


def test_time_of_a_spreadsheet_that_lost_its_seconds(load: Callable[[str], tuple[Record, ...]], text: str) -> None:
    assert plain(load(text.replace(",2/2/15 08:00:05,", ",2/2/2015 8:00,"))) == plain(load(text))


def test_null_values_are_none(load: Callable[[str], tuple[Record, ...]], text: str) -> None:
    bolus, start = load(text.replace("AMOUNT=2.15", "AMOUNT=null"))[1], load(text.replace("RATE=1.025", "RATE="))[0]
    assert isinstance(bolus, Bolus)
    assert isinstance(start, BasalStart)
    assert bolus.amount_uu is None
    assert start.rate_uu_per_h is None


def test_progress_ends_at_the_size_of_the_file(tmp_path: Path, text: str) -> None:
    path = tmp_path / "long.csv"
    path.write_text(text + "\n" * 300_000, encoding="utf-8")
    told: list[tuple[int, int]] = []
    read(path, progress=lambda done, size: told.append((done, size)))
    size = path.stat().st_size
    assert told[-1] == (size, size)
    assert 2 < len(told) < 20
    assert told == sorted(set(told))


@pytest.mark.parametrize(
    "case",
    [
        ("RATE=1.025", "RATE=.5", 3, r"RATE: '\.5' is not an exact amount"),
        ("RATE=1.025", "RATE=-1", 3, "RATE: '-1' is not an exact amount"),
        ("RATE=1.025", "RATE=1e3", 3, "RATE: '1e3' is not an exact amount"),
        ("RATE=1.025", "RATE=101", 3, "RATE: '101' is not an amount from 0 to 100"),
        ("RATE=1.025", "RATE=1.0255", 3, "RATE: '1.0255' is not an amount from 0 to"),
        ("START_TIME=0", "START_TIME=86400000", 3, "START_TIME: '86400000' is not a whole number from 0 to 86399999"),
        ("AMOUNT=2.15", "AMOUNT=9223372036854775808", 4, "AMOUNT"),
        ("DURATION=5400000", "DURATION=5.4", 4, "DURATION: '5.4' is not a whole number"),
        (
            "DURATION=5400000",
            "DURATION=9223372036854775807",
            4,
            "DURATION: '9223372036854775807' is not a whole number",
        ),
        ("PERCENT_OF_RATE=125", "PERCENT_OF_RATE=-5", 5, "PERCENT_OF_RATE: '-5' is not a whole number"),
        (
            ",2/2/15 08:00:05,",
            ",2/30/15 08:00:05,",
            4,
            "Timestamp: '2/30/15 08:00:05' is not a time of the form M/D/YY HH:MM:SS",
        ),
        (",2/2/15 08:00:05,", ",28.2.15 08:00:05,", 4, "is not a time of the form M/D/YY"),
        (",2/2/15 08:00:05,", ",2/2/15 24:00:05,", 4, "is not a time of day"),
        (",2/2/15 08:00:05,", ",2/2/1715 08:00:05,", 4, "is not a time of the form M/D/YY"),
        (",4,Paradigm", ",four,Paradigm", 4, "Raw-Seq Num: 'four' is not a whole number"),
    ],
)
def test_value_that_is_none_is_refused_with_its_place(
    load: Callable[[str], tuple[Record, ...]], text: str, case: tuple[str, str, int, str]
) -> None:
    old, new, line, reason = case
    assert old in text
    with pytest.raises(RecordError, match=rf"^export\.csv, line {line}: .*{reason}") as caught:
        load(text.replace(old, new))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda _: b"", "no row that starts with 'Index'"),
        (lambda _: b"a,b\nc,d\n", "no row that starts with 'Index'"),
        (lambda data: data.decode().encode("utf-16"), "UTF-16 or a binary file"),
        (lambda data: data.replace(b"Hand", b"\x00\x01"), "UTF-16 or a binary file"),
        (lambda data: data.replace(b"Hand", b"\x81\x8d"), "neither UTF-8 nor Windows-1252"),
        (lambda data: data.replace(b"Raw-Type", b"Type"), "has no column 'Raw-Type'"),
        (lambda data: data.replace(b"Timestamp", b"When").replace(b"Date", b"Day"), "has no column 'Timestamp'"),
        (lambda data: data[:-30], "ends in the middle of a record"),
        (lambda data: data[:-2], "ends in the middle of a record"),
        (lambda data: data[: data.index(b"CONCENTRATION")], "is not valid CSV"),
        (lambda data: data.replace(b"PATTERN", b"P" * 200_000), "is not valid CSV"),
    ],
)
def test_damaged_file_is_refused_in_one_line(
    load: Callable[[bytes], tuple[Record, ...]], text: str, damage: Callable[[bytes], bytes], reason: str
) -> None:
    with pytest.raises(RecordError, match=rf"^export\.csv.*{reason}") as caught:
        load(damage(text.encode()))
    assert "\n" not in str(caught.value)


def test_missing_line_end_of_the_last_row_is_no_damage(load: Callable[[str], tuple[Record, ...]], text: str) -> None:
    assert plain(load(text.rstrip("\n"))) == plain(load(text))


def test_file_that_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent.csv"):
        with pytest.raises(RecordError, match=rf"^{path.name}: "):
            read(path)


def test_export_of_a_newer_kind_of_values_still_replays(tmp_path: Path, text: str) -> None:
    path = tmp_path / "unknown.csv"
    path.write_text(text.replace("Prime,", "SomethingNew,"), encoding="utf-8")
    assert replay(read(path)).days[0].interruptions == 1
