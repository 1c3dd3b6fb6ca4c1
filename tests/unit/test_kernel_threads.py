"""Work that is large enough for threads has the same answer, and the same error, for any number of them.

Method: a cohort of more steps than a thread takes alone, and more sums, in plain release and on a grid, whose walks
are put together in another way; then cohorts in which two plans are refused, of which the first must be named.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest

from pumpcore import Cohort, Plan, schedule, schedule_many, totals_many
from pumpcore.bench.days import DAY_US, eight_segment_days
from pumpcore.errors import LimitError
from pumpcore.units import US_PER_HOUR

if TYPE_CHECKING:
    from pumpcore.bench.days import PlanDict

ENOUGH_STEPS = 3 << 18


@pytest.fixture(scope="module")
def days() -> list[PlanDict]:
    return eight_segment_days(1_250, seed=11)


def with_gap(day: PlanDict, gap_us: int) -> PlanDict:
    return {**day, "actuator": {**day["actuator"], "gap_us": gap_us}}


@pytest.mark.parametrize("threads", [2, 3, 7])
def test_schedules_are_the_same_for_any_number_of_threads(days: list[PlanDict], threads: int) -> None:
    cohort = Cohort(days)
    assert cohort.due_steps > ENOUGH_STEPS
    alone, together = schedule_many(cohort, threads=1), schedule_many(cohort, threads=threads)
    for column in ("offsets", "at_us", "channel", "steps"):
        assert np.array_equal(getattr(alone, column), getattr(together, column)), column
    for index in (0, 617, 1_249):
        begin, end = together.offsets[index], together.offsets[index + 1]
        assert list(together.at_us[begin:end]) == list(schedule(days[index]).at_us)


@pytest.mark.parametrize("threads", [2, 16])
def test_schedules_on_a_grid_are_the_same_for_any_number_of_threads(days: list[PlanDict], threads: int) -> None:
    cohort = Cohort([{**day, "actuator": {**day["actuator"], "grid_us": 300_000_000}} for day in days])
    assert cohort.due_steps > ENOUGH_STEPS
    alone, together = schedule_many(cohort, threads=1), schedule_many(cohort, threads=threads)
    for column in ("offsets", "at_us", "channel", "steps"):
        assert np.array_equal(getattr(alone, column), getattr(together, column)), column
    assert int(np.asarray(alone.steps).sum()) == cohort.due_steps > len(alone.at_us)


@pytest.mark.parametrize("threads", [2, 3])
def test_totals_are_the_same_for_any_number_of_threads(days: list[PlanDict], threads: int) -> None:
    cohort = Cohort([Plan(day) for day in days] * 10)
    edges_us = [0, 7 * US_PER_HOUR, DAY_US]
    for edges in (None, edges_us):
        alone = np.asarray(totals_many(cohort, edges_us=edges, threads=1))
        assert np.array_equal(alone, totals_many(cohort, edges_us=edges, threads=threads))
        assert alone.sum() == cohort.due_steps


@pytest.mark.parametrize("edges_us", [[0, 5], [5, DAY_US], [0, DAY_US, DAY_US + 5], [DAY_US, DAY_US + 5]])
def test_sums_begin_where_the_window_does(days: list[PlanDict], edges_us: list[int]) -> None:
    late: PlanDict = {**days[0], "from_us": 5 * US_PER_HOUR + 1}
    pulses = np.asarray(schedule(late).at_us)
    sums = np.asarray(totals_many([late], edges_us=edges_us)).sum(axis=2)[0].tolist()
    assert sums == [int(((begin < pulses) & (pulses <= end)).sum()) for begin, end in pairwise(edges_us)]


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_what_one_plan_is_refused_for_the_cohort_is(days: list[PlanDict], threads: int) -> None:
    some = [with_gap(day, 1) for day in days]
    some[600] = with_gap(days[600], US_PER_HOUR)
    some[1_200] = with_gap(days[1_200], US_PER_HOUR)
    cohort = Cohort(some)
    assert cohort.due_steps > ENOUGH_STEPS
    with pytest.raises(LimitError) as refused:
        schedule_many(cohort, threads=threads)
    assert (refused.value.limit, refused.value.value) == ("plans[600].waiting_steps", 101)
    assert len(schedule_many(cohort, stop=600, threads=threads)) == 600
    with pytest.raises(LimitError) as refused:
        schedule_many(cohort, first=601, threads=threads)
    assert refused.value.limit == "plans[1200].waiting_steps"


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_what_one_plan_is_refused_for_the_sums_are(days: list[PlanDict], threads: int) -> None:
    some = [with_gap(day, 1) for day in days] * 4
    some[1_600] = with_gap(days[0], US_PER_HOUR)
    some[4_200] = with_gap(days[0], US_PER_HOUR)
    with pytest.raises(LimitError) as refused:
        totals_many(some, edges_us=[0, 1, 2, DAY_US], threads=threads)
    assert (refused.value.limit, refused.value.value) == ("plans[1600].waiting_steps", 101)
