"""A cohort of days at once, against the same days one by one, and against filling the memory of the answer.

Method: seeded days of eight rates, one meal with a normal and an extended bolus (about 660 steps a day); each way gives
the same pulses, which is checked before it is timed. One round is 1 000 days, so that the answers stay in the cache;
what larger answers cost is in specs/speed.md.
"""

from __future__ import annotations

import random
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pytest
from bench.rivals import numpy_schedule
from plans import DAY_US, plan, train
from reference import HOUR_US

from pumpcore import Cohort, Plan, Programme, schedule, schedule_many, totals_many

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

DAYS: Final = 1_000


def day(dice: random.Random) -> dict[str, Any]:
    """One day of one person."""
    meal_us = dice.randrange(7, 20) * HOUR_US
    return plan(
        basal=[[3 * i * HOUR_US, dice.randrange(12, 36) * 50_000] for i in range(8)],
        trains=[
            train("extended", meal_us, 2 * HOUR_US, 3_000_000),
            train("bolus", meal_us, 80_000_000, 2_000_000),
        ],
    )


@pytest.fixture(scope="module")
def days() -> list[dict[str, Any]]:
    dice = random.Random(1)  # noqa: S311 - the same days every time
    return [day(dice) for _ in range(DAYS)]


@pytest.mark.benchmark(group="a thousand days")
@pytest.mark.parametrize("threads", [1, 2])
def test_days_as_a_cohort(benchmark: BenchmarkFixture, days: list[dict[str, Any]], threads: int) -> None:
    cohort = Cohort(days)
    answer = schedule_many(cohort, threads=threads)
    for (begin, end), one in zip(pairwise(answer.offsets), days, strict=True):
        at_us, channel = numpy_schedule(one)
        assert np.array_equal(np.asarray(answer.at_us)[begin:end], at_us)
        assert np.array_equal(np.asarray(answer.channel)[begin:end], channel)
    benchmark(schedule_many, cohort, threads=threads)


@pytest.mark.benchmark(group="a thousand days")
def test_days_one_by_one(benchmark: BenchmarkFixture, days: list[dict[str, Any]]) -> None:
    ready = [Plan(one) for one in days]
    benchmark(lambda: [len(schedule(one)) for one in ready])


@pytest.mark.benchmark(group="a thousand days")
def test_filling_the_same_memory(benchmark: BenchmarkFixture, days: list[dict[str, Any]]) -> None:
    steps = Cohort(days).due_steps
    benchmark(lambda: (np.full(steps, 7, dtype=np.uint64), np.full(steps, 1, dtype=np.uint8)))


@pytest.mark.benchmark(group="totals of a thousand days")
@pytest.mark.parametrize("windows", [1, 24])
def test_totals(benchmark: BenchmarkFixture, days: list[dict[str, Any]], windows: int) -> None:
    cohort = Cohort(days)
    edges_us = [i * DAY_US // windows for i in range(windows + 1)]
    totals = np.asarray(totals_many(cohort, edges_us=edges_us))
    assert totals.shape == (DAYS, windows, 3)
    assert totals.sum() == cohort.due_steps
    benchmark(totals_many, cohort, edges_us=edges_us, threads=1)


@pytest.mark.benchmark(group="a question 300 years out")
@pytest.mark.parametrize("question", ["count_at", "due_at", "next_due_us"])
def test_a_question_300_years_out(benchmark: BenchmarkFixture, question: str) -> None:
    programme = Programme([[3 * i * HOUR_US, 800_000 + i] for i in range(8)], step_uu=50_000, period_us=DAY_US)
    at_us = 300 * 365 * DAY_US
    count = programme.count_at(at_us)
    assert count == 300 * 365 * sum(3 * (800_000 + i) for i in range(8)) // 50_000
    due_us = programme.due_at(count + 1)
    assert due_us is not None
    assert programme.next_due_us(at_us) == due_us
    benchmark(getattr(programme, question), count if question == "due_at" else at_us)
