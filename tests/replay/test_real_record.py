"""A real pump's record of 52 days against its own daily totals: the figures that the replay must reach.

The record belongs to its user and is no part of the project; without it these tests are skipped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pumpcore.records.replay import Replay, read, replay

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def record(shared_data: Path) -> Path:
    path = shared_data / "carelink-a.csv"
    if not path.is_file():
        pytest.skip(f"no record {path.name} in the shared data")
    return path


@pytest.fixture(scope="module")
def replayed(record: Path) -> Replay:
    return replay(read(record))


def test_few_days_are_flagged_and_each_for_what_the_record_shows(replayed: Replay) -> None:
    summary = replayed.summary
    assert summary.days == 52
    assert summary.flagged * 100 <= 8 * summary.days
    assert {day.date.isoformat(): day.flags for day in replayed.days if day.flags} == {
        "2015-02-06": ["first day is partial"],
        "2015-03-08": ["clock changed"],
    }


def test_unflagged_days_meet_the_pump_s_own_totals(replayed: Replay) -> None:
    summary = replayed.summary
    assert summary.compared == 50
    assert summary.within_0_10 * 100 >= 97 * summary.compared
    assert summary.within_0_05 * 100 >= 90 * summary.compared
    assert summary.median_uu is not None
    assert summary.median_uu <= 10_000


def test_every_whole_day_is_exact(replayed: Replay) -> None:
    # More than is asked for, and kept: each rule of the replay costs some of these days when it is taken away.
    assert [day.date.isoformat() for day in replayed.days if day.difference_uu] == ["2015-02-06"]


def test_days_without_any_event_are_exact(replayed: Replay) -> None:
    quiet = [day for day in replayed.days if not day.flags and not day.interruptions]
    assert len(quiet) >= 5
    assert {day.difference_uu for day in quiet} == {0}


def test_all_four_modes_are_walked_through(replayed: Replay) -> None:
    modes = {span.mode for day in replayed.days for span in day.modes}
    assert {"running", "suspended", "reservoir_change", "alarm"} <= modes


@pytest.mark.parametrize("lost", ["CurrentBasalProfile", "BasalProfileStart"])
def test_either_evidence_of_the_programme_is_nearly_enough(record: Path, tmp_path: Path, lost: str) -> None:
    path = tmp_path / "part.csv"
    rows = record.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(row for row in rows if f",{lost}" not in row), encoding="utf-8")
    summary = replay(read(path)).summary
    assert summary.within_0_05 == summary.compared == 50
    assert summary.exact >= 49
