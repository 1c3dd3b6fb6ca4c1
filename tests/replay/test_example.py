"""The history that ships: what it is, that it is what its generator makes, and that the replay agrees with it.

The totals in it come from a model of the pump that shares nothing with the kernel (`pumpcore/records/example.py`), so
an exact agreement on every whole day says that two independent reckonings have the same pump in mind.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from pumpcore.records import example
from pumpcore.records.replay import Replay, read, replay

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def replayed() -> Replay:
    return replay(read(example.PATH))


def _values(kind: str) -> Iterator[dict[str, str]]:
    with example.PATH.open(encoding="utf-8", newline="") as file:
        for row in csv.reader(file):
            if kind in row:
                yield dict(re.findall(r"(\w+)=([^,]*)", row[34]))


def test_generator_gives_the_same_bytes() -> None:
    assert example.export().encode() == example.PATH.read_bytes()


def test_another_seed_gives_other_days_that_the_replay_agrees_with(tmp_path_factory: pytest.TempPathFactory) -> None:
    text = example.export(seed=2)
    assert text != example.export()
    path = tmp_path_factory.mktemp("example") / "other.csv"
    path.write_text(text, encoding="utf-8")
    summary = replay(read(path)).summary
    assert summary.exact == summary.compared == 13


def test_it_says_that_it_is_synthetic() -> None:
    assert example.PATH.read_text(encoding="utf-8").splitlines()[1].startswith("SYNTHETIC")
    assert example.PATH.stat().st_size < 400_000


def test_replay_agrees_exactly_with_every_whole_day(replayed: Replay) -> None:
    assert [day.difference_uu for day in replayed.days] == [0] * 14 + [None]
    assert {day.date.isoformat(): day.flags for day in replayed.days if day.flags} == {
        "2024-03-31": ["clock changed"],
        "2024-04-04": ["last day is partial"],
    }


def test_it_holds_one_of_everything(replayed: Replay) -> None:
    modes = {span.mode for day in replayed.days for span in day.modes}
    assert modes == {"running", "suspended", "reservoir_change", "alarm", "standby"}
    assert sum(day.interruptions > 0 for day in replayed.days) == 7
    cut = [v for v in (*_values("BolusNormal"), *_values("BolusSquare")) if v["AMOUNT"] != v["PROGRAMMED_AMOUNT"]]
    assert len(cut) >= 2
    assert any(mark.start_us + mark.duration_us > 24 * 3_600_000_000 for day in replayed.days for mark in day.boluses)
    assert [len(list(_values(kind))) for kind in ("ChangeTempBasal", "ChangeTempBasalPercent", "ChangeTime")] == [
        1,
        3,
        1,
    ]
    assert Counter(v["PATTERN_DATUM"] for v in _values("ChangeBasalProfile")).total() == 7
    assert sum(len(day.glucose) for day in replayed.days) > 1_000


def test_its_bolus_calculator_is_the_medtronic_policy() -> None:
    seen = 0
    for v in _values("BolusWizardBolusEstimate"):
        carbs, ratio, glucose, per_u = (
            int(v[k]) for k in ("CARB_INPUT", "CARB_RATIO", "BG_INPUT", "INSULIN_SENSITIVITY")
        )
        low, high = int(v["BG_TARGET_LOW"]), int(v["BG_TARGET_HIGH"])
        food, correction, active, estimate = (
            round(float(v[key]) * 1000)
            for key in ("FOOD_ESTIMATE", "CORRECTION_ESTIMATE", "UNABSORBED_INSULIN_TOTAL", "BOLUS_ESTIMATE")
        )
        assert food == 100 * (10 * carbs // ratio)
        if glucose > high:
            assert correction == 100 * (10 * (glucose - high) // per_u)
            assert estimate == food + max(correction - active, 0)
        elif 0 < glucose < low:
            steps = (low - glucose) * 40 // per_u
            assert correction == -100 * -(-steps * 25 // 100)
            assert estimate == max(food + correction, 0)
        else:
            assert correction == 0
            assert estimate == food
        seen += 1
    assert seen > 40
