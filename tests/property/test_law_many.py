"""Many plans at once: `schedule_many` and `totals_many` say of each plan what `schedule` and the reference say of it.

Method: cohorts of random plans in every mode of the actuator, in both forms of input; long runs at the lengths at which
the kernel changes from one way of walking to another; crowds of trains that meet at the same instants; and questions to
a programme far away, answered by the law's integral in whole numbers.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pumpcore
from pumpcore import CHANNELS, Cohort, Programme, schedule_many, totals_many
from pumpcore.errors import LimitError
from pumpcore.testing.programmes import ACTUATOR_MODES, DAY_US, TIME_US_MAX, plan, plans, train
from pumpcore.testing.reference import HOUR_US, WAITING_MAX, Plan, RefusedError, count_basal, reference_schedule

TIMES_MANY = settings(max_examples=4 * settings.default.max_examples)  # type: ignore[union-attr] # a profile is loaded
# Runs of every length up to forty steps, and around the lengths of the kernel's stretches: 16, 64 and 256 steps.
RUN = st.integers(0, 40) | st.sampled_from([63, 64, 65, 66, 127, 128, 129, 255, 256, 257, 258, 512, 513])
RATE = st.sampled_from([1, 800_000, 1 << 20, 999_999_937, 1_000_000_000]) | st.integers(1, 1_000_000_000)


def expected(of: Plan) -> list[list[Any]] | None:
    """Ask the reference; None where it refuses."""
    try:
        return reference_schedule(of)
    except RefusedError:
        return None


def rows(answer: pumpcore.Schedules) -> list[list[list[Any]]]:
    """Write the pulses of each plan as the reference does."""
    columns = zip(answer.at_us, answer.channel, answer.steps, strict=True)
    flat = [[at_us, CHANNELS[code], steps] for at_us, code, steps in columns]
    offsets = list(answer.offsets)
    assert offsets[0] == 0
    assert offsets[-1] == len(flat)
    return [flat[a:b] for a, b in pairwise(offsets)]


def as_columns(some: list[Plan]) -> dict[str, Any]:
    """Write plans with one actuator as columns: arrays where they can be, else lists."""
    basal = [entry for one in some for entry in one["basal"]]
    trains = [one for each in some for one in each["trains"]]
    cancels = [one.get("cancel_us") for one in trains]
    return {
        "actuator": some[0]["actuator"],
        "from_us": np.array([one["from_us"] for one in some], dtype=np.uint64),
        "to_us": [one["to_us"] for one in some],
        "basal": {
            "offsets": np.cumsum([0, *(len(one["basal"]) for one in some)]),
            "start_us": np.array([start_us for start_us, _ in basal], dtype=np.int64),
            "rate_uu_per_h": np.array([rate for _, rate in basal], dtype=np.uint32),
        },
        "trains": {
            "offsets": np.cumsum([0, *(len(one["trains"]) for one in some)]).tolist(),
            "channel": bytes(CHANNELS.index(one["channel"]) for one in trains),
            "start_us": np.array([one["start_us"] for one in trains], dtype=np.int64),
            "duration_us": np.array([one["duration_us"] for one in trains], dtype=np.uint64),
            "amount_uu": np.array([one["amount_uu"] for one in trains], dtype=np.int32),
            "cancel_us": np.array([-1 if at_us is None else at_us for at_us in cancels], dtype=np.int64),
        },
    }


@TIMES_MANY
@given(st.sampled_from(ACTUATOR_MODES).flatmap(lambda mode: st.lists(plans(mode), max_size=4)))
def test_many_plans_are_each_of_them(some: list[Plan]) -> None:
    answers = [expected(one) for one in some]
    if None in answers:
        with pytest.raises(LimitError, match=f"allowed, {WAITING_MAX} "):
            schedule_many(some)
        return
    answer = schedule_many(some)
    assert rows(answer) == answers
    assert len(answer) == len(some)


@given(plans("plain"), st.integers(2, 4))
def test_columns_are_plans(drawn: Plan, times: int) -> None:
    """The same plan with another beginning, a few times over."""
    some = [drawn | {"from_us": min(drawn["from_us"] + i, drawn["to_us"])} for i in range(times)]
    assert rows(schedule_many(as_columns(some))) == [expected(one) for one in some]


@TIMES_MANY
@given(st.integers(100, 1_000_000), st.lists(st.tuples(RATE, RUN, st.integers(-1, 1)), max_size=4), RUN, st.data())
def test_a_run_of_any_length_is_the_reference(
    step_uu: int, runs: list[tuple[int, int, int]], steps: int, data: st.DataObject
) -> None:
    at_us, basal = 0, []
    for rate, length, beside_us in runs:
        basal.append([at_us, rate])
        at_us += max(1, -(-length * step_uu * HOUR_US // rate) + beside_us)
    steps = min(steps, 1_000_000_000 // step_uu)
    burst = train("bolus", 0, data.draw(st.integers(1, min(max(1, 2 * at_us), TIME_US_MAX))), steps * step_uu)
    drawn = plan(step_uu, to_us=min(at_us, TIME_US_MAX), basal=basal, trains=[burst] if steps else [])
    if at_us > TIME_US_MAX:
        drawn["basal"] = [[start_us, rate] for start_us, rate in basal if start_us <= TIME_US_MAX]
    assert rows(schedule_many([drawn])) == [reference_schedule(drawn)]


def crowd(count: int, late_us: int, early_us: int) -> list[dict[str, Any]]:
    """Write trains that begin and end so many microseconds apart, and step together where that is none."""
    trains = []
    for i in range(count):
        one = train("bolus" if i % 3 == 0 else "extended", i * late_us, 60_000_000 + i * (early_us - late_us), 400)
        trains.append(one | {"cancel_us": 30_000_000 + i // 7} if i % 5 == 4 else one)
    return trains


RELEASES = [{}, {"gap_us": 1}, {"gap_us": 50_000}, {"grid_us": 1}, {"grid_us": 7_000_000}]


def is_the_reference(drawn: Plan) -> None:
    """The kernel gives what the reference gives, or refuses with it what would wait."""
    answer = expected(drawn)
    if answer is None:
        with pytest.raises(LimitError, match=f"allowed, {WAITING_MAX} "):
            schedule_many([drawn])
    else:
        assert rows(schedule_many([drawn])) == [answer]


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("apart_us", [(0, 0), (1, 0), (0, 1), (20_000, 20_000)])
@pytest.mark.parametrize("count", [14, 15, 16, 17, 18, 40, 100, 300])
def test_a_crowd_of_trains_leaves_by_time_kind_and_start(
    count: int, apart_us: tuple[int, int], release: dict[str, int]
) -> None:
    trains = crowd(count, *apart_us)
    drawn = plan(100, to_us=63_000_000, basal=[[0, 96_000], [20_000_000, 0]], trains=trains, **release)
    is_the_reference(drawn)


@given(
    st.lists(
        st.builds(
            train,
            st.sampled_from(["extended", "bolus"]),
            st.sampled_from([0, 1, 5]) | st.integers(0, 1_000_000),
            st.sampled_from([1, 1_000_000, 999_999]) | st.integers(1, 2_000_000),
            st.sampled_from([100, 500, 1_000]),
        ),
        min_size=14,
        max_size=120,
    ),
    st.sampled_from(RELEASES),
    st.sampled_from([0, 1_000_000_000]),
    st.integers(0, 900_000),
)
def test_a_crowd_of_any_trains_is_the_reference(
    trains: list[dict[str, Any]], release: dict[str, int], rate: int, from_us: int
) -> None:
    drawn = plan(
        100, from_us=from_us, to_us=1_500_000, basal=[[0, rate], [100_000, rate // 3]], trains=trains, **release
    )
    is_the_reference(drawn)


@TIMES_MANY
@given(st.sampled_from(ACTUATOR_MODES).flatmap(lambda mode: st.lists(plans(mode), max_size=3)), st.data())
def test_totals_are_sums_of_pulses(some: list[Plan], data: st.DataObject) -> None:
    answers = [expected(one) for one in some]
    ends = sorted({one[key] for one in some for key in ("from_us", "to_us")} | {0, DAY_US})
    near = st.sampled_from(ends) | st.integers(0, ends[-1])
    edges = sorted(data.draw(st.lists(near, min_size=2, max_size=6)))
    if None in answers:
        with pytest.raises(LimitError, match=f"allowed, {WAITING_MAX} "):
            totals_many(some, edges_us=edges)
        return
    totals = totals_many(some, edges_us=edges)
    whole = totals_many(some)

    def sums(answer: list[list[Any]] | None, a_us: int, b_us: int) -> list[int]:
        assert answer is not None
        inside = [(channel, steps) for at_us, channel, steps in answer if a_us < at_us <= b_us]
        return [sum(steps for channel, steps in inside if channel == name) for name in CHANNELS]

    windows = list(pairwise(edges))
    assert totals.shape == (len(some), len(windows), 3)
    assert np.asarray(totals).tolist() == [[sums(answer, *window) for window in windows] for answer in answers]
    assert np.asarray(whole).tolist() == [[sums(answer, -1, TIME_US_MAX)] for answer in answers]


@given(st.sampled_from(ACTUATOR_MODES).flatmap(plans), st.data())
def test_a_count_is_the_sum_until_then(drawn: Plan, data: st.DataObject) -> None:
    answer = expected(drawn)
    if answer is None:
        return
    at_us = data.draw(st.integers(drawn["from_us"], drawn["to_us"]) | st.sampled_from([0, TIME_US_MAX]))
    left = [sum(steps for t_us, name, steps in answer if name == channel and t_us <= at_us) for channel in CHANNELS]
    assert list(pumpcore.Plan(drawn).count_at(at_us)) == left


@given(st.lists(plans("plain"), min_size=1, max_size=5), st.integers(0, 500))
def test_blocks_are_the_whole_in_pieces(some: list[Plan], steps_most: int) -> None:
    cohort = Cohort(some)
    blocks = cohort.blocks(steps_most=steps_most)
    assert [first for first, _ in blocks] == [0, *(stop for _, stop in blocks[:-1])]
    pieces = [schedule_many(cohort, first=first, stop=stop) for first, stop in blocks]
    assert all(len(piece.at_us) <= steps_most or len(piece) == 1 for piece in pieces)
    assert [pulses for piece in pieces for pulses in rows(piece)] == rows(schedule_many(cohort))


@given(
    st.integers(100, 1_000_000),
    st.lists(st.integers(0, 1_000_000_000), min_size=1, max_size=5),
    st.sampled_from([DAY_US, 7 * DAY_US]) | st.integers(5, DAY_US),
    st.integers(0, TIME_US_MAX),
    st.integers(0, TIME_US_MAX),
)
def test_a_programme_answers_for_any_time(
    step_uu: int, rates: list[int], period_us: int, from_us: int, at_us: int
) -> None:
    basal = [[i * period_us // len(rates), rate] for i, rate in enumerate(rates)]
    programme = Programme(basal, step_uu=step_uu, from_us=from_us, period_us=period_us)
    periods, into_us = divmod(max(0, at_us - from_us), period_us)
    # The law counted in the finest unit, so that nothing is rounded before the end.
    worth = step_uu * HOUR_US

    def earned(t_us: int) -> int:
        ends = [*(start_us for start_us, _ in basal[1:]), period_us]
        return sum(rate * max(0, min(end, t_us) - start) for (start, rate), end in zip(basal, ends, strict=True))

    count = (periods * earned(period_us) + earned(into_us)) // worth
    assert programme.count_at(at_us) == count
    next_us = programme.next_due_us(at_us)
    if next_us is None:
        assert programme.count_at(TIME_US_MAX) == count
    else:
        assert next_us > at_us
        assert programme.count_at(next_us - 1) == count < programme.count_at(next_us)
    if count:
        due_us = programme.due_at(count)
        assert due_us is not None
        assert due_us <= at_us
        assert programme.count_at(due_us) >= count > programme.count_at(due_us - 1)


@given(st.integers(100, 1_000_000), st.integers(0, 1_000_000_000), st.integers(0, DAY_US))
def test_a_programme_that_runs_once_is_the_reference(step_uu: int, rate: int, at_us: int) -> None:
    basal = [[5, rate], [HOUR_US, rate // 3]]
    assert Programme(basal, step_uu=step_uu).count_at(at_us) == count_basal(basal, 0, step_uu, at_us)
