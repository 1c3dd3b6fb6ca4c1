"""Goal: the kernel is raced against the law itself, and with plans that are the same everywhere.

Method: the rivals in pure Python, NumPy and Numba against the reference, on drawn days and on instants that collide.
"""

from __future__ import annotations

from importlib.util import find_spec
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest

from pumpcore import Cohort, totals_many
from pumpcore.bench.days import (
    DAY_US,
    STEP_UU,
    Dice,
    PlanDict,
    automatic_day,
    eight_segment_days,
    people,
    plain_day,
    plan,
    train,
)
from pumpcore.bench.groups import drive, pulses_of
from pumpcore.bench.rivals.compiled import NumbaDays
from pumpcore.bench.rivals.python import PythonEngine, python_schedule
from pumpcore.bench.rivals.simulators import iints_basal, micro, simglucose_basal
from pumpcore.bench.rivals.vector import NumpyEngine, NumpyTotals, numpy_schedule
from pumpcore.testing.reference import RANKS, reference_schedule
from pumpcore.units import US_PER_HOUR

if TYPE_CHECKING:
    from collections.abc import Callable

# Steps due together, at an edge, at a train's end and at the window's end; rates of zero; no steps at all.
BY_HAND: dict[str, PlanDict] = {
    "nothing": plan([]),
    "a rate of zero": plan([(0, 0), (US_PER_HOUR, 0)]),
    "a step at each edge": plan([(i * US_PER_HOUR, 50_000 * (1 + i % 3)) for i in range(24)]),
    "three channels on one instant": plan(
        [(0, 50_000)],
        [train("bolus", 0, DAY_US, 24 * STEP_UU), train("extended", 0, DAY_US, 24 * STEP_UU)],
    ),
    "a gap in the programme": plan([(0, 850_000), (US_PER_HOUR + 1, 0), (2 * US_PER_HOUR, 950_001)]),
    "one step in a microsecond": plan([(0, 1)], [train("bolus", 5, 1, STEP_UU)]),
    "two trains that begin together": plan(
        [], [train("bolus", 7, 1_000, 3 * STEP_UU), train("bolus", 7, 999, 3 * STEP_UU)]
    ),
}
DAYS: dict[str, PlanDict] = (
    BY_HAND
    | {"plain": plain_day(), "automatic": automatic_day(), "eight segments": eight_segment_days(1, seed=9)[0]}
    | {f"person {i}": day for i, day in enumerate(people(6, seed=3))}
)


def numba_schedule(day: PlanDict) -> object:
    if find_spec("numba") is None:
        pytest.skip("numba is not installed")
    return NumbaDays([day]).answer()


@pytest.mark.parametrize("answer", [python_schedule, numpy_schedule, numba_schedule])
@pytest.mark.parametrize("day", DAYS.values(), ids=DAYS.keys())
def test_a_rival_says_what_the_reference_says(day: PlanDict, answer: Callable[[PlanDict], object]) -> None:
    at_us, ranks = pulses_of(answer(day))
    expected = [(at, RANKS[channel]) for at, channel, _ in reference_schedule({**day})]
    assert list(zip(at_us.tolist(), ranks.tolist(), strict=True)) == expected


@pytest.mark.parametrize("make", [PythonEngine, NumpyEngine])
def test_an_engine_in_turns_says_what_the_plan_says(make: Callable[[int], PythonEngine]) -> None:
    def start(engine: object, one: object) -> None:
        assert isinstance(engine, PythonEngine)
        assert isinstance(one, dict)
        engine.start_train(one.pop("channel"), **one)

    day = automatic_day()
    turns = [pulses_of(turn) for turn in drive(lambda: make(STEP_UU), start, automatic_day())]
    at_us, ranks = (np.concatenate(column) for column in zip(*turns, strict=True))
    assert list(zip(at_us.tolist(), ranks.tolist(), strict=True)) == python_schedule(day)


def test_totals_in_closed_form_are_the_kernels() -> None:
    days = eight_segment_days(50, seed=4)
    assert np.array_equal(NumpyTotals(days).totals(), np.asarray(totals_many(days)))


def test_one_seed_gives_one_cohort_and_another_gives_another() -> None:
    assert people(3, seed=5) == people(3, seed=5) != people(3, seed=6)
    assert eight_segment_days(3, seed=5) != eight_segment_days(3, seed=6)
    assert people(3, seed=5) == people(4, seed=5)[:3]


def test_dice_reach_both_ends_and_nothing_beyond() -> None:
    dice = Dice(2)
    assert {dice.between(-1, 2) for _ in range(200)} == {-1, 0, 1, 2}
    assert {dice.between(7, 7) for _ in range(3)} == {7}


def test_people_live_days_that_people_live() -> None:
    days = people(300, seed=1)
    for day in days:
        assert 25_000 <= sum(one["amount_uu"] for one in day["trains"]) <= 200_000_000
        assert all(one["amount_uu"] % STEP_UU == 0 for one in day["trains"])
        assert all(rate % 25_000 == 0 and rate < 5_000_000 for _, rate in day["basal"])
        assert all(before < after for (before, _), (after, _) in pairwise(day["basal"]))
        assert day["basal"][0][0] == 0
    steps = Cohort(days).due_steps // len(days)
    assert 25_000_000 <= steps * STEP_UU <= 80_000_000
    assert any(len(day["basal"]) > 8 for day in days)
    assert any(rate == 0 for day in days for _, rate in day["basal"])
    assert {one["channel"] for day in days for one in day["trains"]} == {"extended", "bolus"}


def test_eight_segment_days_are_as_long_as_they_say() -> None:
    steps = Cohort(eight_segment_days(200)).due_steps // 200
    assert 620 <= steps <= 700


def test_a_simulators_amount_is_a_float_and_nothing_else() -> None:
    assert micro(0.1 + 0.2) == 300_000
    with pytest.raises(TypeError):
        micro(22_800_000)


def test_simglucoses_pump_delivers_a_day_to_a_millionth() -> None:
    pytest.importorskip("simglucose", reason="simglucose is not installed", exc_type=ImportError)
    assert abs(micro(simglucose_basal([800_000] * 1_440)()) - 19_200_000) < 100


def test_the_pump_of_iints_rounds_each_five_minutes() -> None:
    pytest.importorskip("iints", reason="iints is not installed", exc_type=ImportError)
    # 0.0667 U is nearest to one step of 0.05 U: a quarter of the day's basal is lost.
    assert micro(iints_basal([800_000] * 1_440, step_uu=STEP_UU)()) == 288 * STEP_UU
