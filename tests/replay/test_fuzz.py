"""Damage of any kind gives a replay or a refusal, never another exception.

Goal: no file makes the reader or the replay fall over. Method: a short export with every kind of record, cut at any
byte, with bits flipped, and with its records drawn at random; the seed is in the last line of the run.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumpcore.errors import QuantityError, RecordError
from pumpcore.records import example
from pumpcore.records.replay import Replay, read, replay

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

EXPORT: Final = example.PATH.read_bytes()
HEAD: Final = b"".join(EXPORT.splitlines(keepends=True)[:8])
# A few days with every kind of record, without the sensor's.
SHORT: Final = HEAD + b"".join(
    line for line in EXPORT.splitlines(keepends=True)[8:] if b"GlucoseSensorData" not in line and b"Wizard" not in line
)

VALUES: Final = {
    "BasalProfileStart": ("PATTERN_NAME={n}", "RATE={u}", "START_TIME={ms}"),
    "BolusNormal": ("AMOUNT={u}", "PROGRAMMED_AMOUNT={u}"),
    "BolusSquare": ("AMOUNT={u}", "PROGRAMMED_AMOUNT={u}", "DURATION={ms}"),
    "ChangeTempBasal": ("RATE={u}", "DURATION={ms}"),
    "ChangeTempBasalPercent": ("PERCENT_OF_RATE={n}", "DURATION={ms}"),
    "ChangeSuspendEnable": ("ENABLE={state}",),
    "AlarmPump": ("RAW_TYPE={n}",),
    "ClearAlarm": ("ALARM_TYPE={n}",),
    "Rewind": (),
    "Prime": ("PRIME_TYPE=fixed",),
    "ChangeBatteryEnable": ("ENABLE=true",),
    "ChangeTime": ("NEW_TIME=14228{n}000000",),
    "ChangeActiveBasalProfilePattern": ("PATTERN_NAME={n}",),
    "ChangeBasalProfilePattern": ("PATTERN_NAME={n}",),
    "ChangeBasalProfile": ("PATTERN_DATUM={n}", "RATE={u}", "START_TIME={ms}"),
    "CurrentBasalProfilePattern": ("PATTERN_NAME={n}",),
    "CurrentBasalProfile": ("PATTERN_DATUM={n}", "RATE={u}", "START_TIME={ms}"),
    "ResultDailyTotal": ("AMOUNT={u}",),
    "GlucoseSensorData": ("AMOUNT={n}",),
}
STATES: Final = ("user_suspend", "normal_pumping", "low_suspend_mode_1", "auto_resume_reduced", "null", "")


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Callable[[bytes], Replay | None]:
    """Replay bytes; None where they are refused."""
    path: Path = tmp_path_factory.mktemp("fuzz") / "export.csv"

    def run(data: bytes) -> Replay | None:
        path.write_bytes(data)
        try:
            done = replay(read(path))
        except (RecordError, QuantityError) as error:
            return None if "\n" not in str(error) else pytest.fail(f"more than one line: {error}")
        done.as_json()
        return done

    return run


def test_what_is_damaged_below_is_whole(outcome: Callable[[bytes], Replay | None]) -> None:
    done = outcome(SHORT)
    assert done is not None
    assert done.summary.exact == done.summary.compared == 13


@given(at=st.integers(0, len(SHORT)))
def test_cut_at_any_byte(outcome: Callable[[bytes], Replay | None], at: int) -> None:
    done = outcome(SHORT[:at])
    # What ends with a whole row, line end included, cannot be told from a shorter export.
    assert done is None or SHORT[at - 1 : at] == b"\n" or SHORT[at : at + 1] == b"\n"


@given(flips=st.lists(st.tuples(st.integers(0, len(SHORT) - 1), st.integers(0, 7)), min_size=1, max_size=8))
def test_bits_flipped(outcome: Callable[[bytes], Replay | None], flips: list[tuple[int, int]]) -> None:
    data = bytearray(SHORT)
    for at, bit in flips:
        data[at] ^= 1 << bit
    outcome(bytes(data))


@given(noise=st.binary(max_size=400), at=st.integers(0, len(SHORT)))
def test_bytes_put_in(outcome: Callable[[bytes], Replay | None], noise: bytes, at: int) -> None:
    outcome(noise)
    outcome(HEAD + noise)
    outcome(SHORT[:at] + noise + SHORT[at:])


@st.composite
def _rows(draw: st.DrawFn) -> bytes:
    rows = []
    for number in range(draw(st.integers(1, 40))):
        kind = draw(st.sampled_from(sorted(VALUES)))
        raw = ", ".join(VALUES[kind]).format(
            n=draw(st.integers(0, 99)),
            u=draw(st.sampled_from(("0", "0.025", "0.1", "1.15", "7.325", "30", "0.333", "null"))),
            ms=draw(st.sampled_from((0, 1, 1_800_000, 5_400_000, 36_000_000, 86_399_999))),
            state=draw(st.sampled_from(STATES)),
        )
        day, second = draw(st.integers(1, 6)), draw(st.integers(0, 86_399))
        stamp = f"2/{day}/15 {second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}"
        device = draw(st.sampled_from(("Paradigm 522", "Paradigm Revel - 523", "Pump X", "")))
        seq = draw(st.sampled_from(("", "7", "40")))
        rows.append(f'{number},{stamp},{kind},"{raw}",{draw(st.integers(0, 9))},{seq},{device}')
    columns = "Index,Timestamp,Raw-Type,Raw-Values,Raw-ID,Raw-Seq Num,Raw-Device Type"
    return "\n".join([columns, *rows, ""]).encode()


@given(rows=_rows())
def test_records_in_any_order(outcome: Callable[[bytes], Replay | None], rows: bytes) -> None:
    done = outcome(rows)
    if done is None:
        return
    for day in done.days:
        assert day.basal_uu >= 0
        assert day.bolus_uu >= 0
    assert [day.date for day in done.days] == sorted({day.date for day in done.days})


@given(seed=st.integers(0, 2**32))
def test_order_of_the_rows_does_not_matter(outcome: Callable[[bytes], Replay | None], seed: int) -> None:
    rows = SHORT[len(HEAD) :].splitlines(keepends=True)
    random.Random(seed).shuffle(rows)  # noqa: S311 - a shuffle that can be replayed is the point
    shuffled, plain = outcome(HEAD + b"".join(rows)), outcome(SHORT)
    assert shuffled is not None
    assert plain is not None
    assert shuffled.as_json() == plain.as_json()
