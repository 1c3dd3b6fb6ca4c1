"""The delivery law: the kernel's `schedule` says what the reference says, to the microsecond, and keeps the promises.

Method: random plans in which instants collide, answered by the kernel and by `pumpcore.testing.reference`, which was
written from the text of the law alone. Then each promise of the law by itself, so that a mistake that kernel and
reference share still shows.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import assume, given, reject
from hypothesis import strategies as st

from pumpcore import CHANNELS, schedule
from pumpcore.errors import LimitError
from pumpcore.testing.programmes import ACTUATOR_MODES, DAY_US, TIME_US_MAX, plan, plans, train
from pumpcore.testing.reference import (
    HOUR_US,
    WAITING_MAX,
    Plan,
    RefusedError,
    count_basal,
    count_train,
    earned_basal,
    reference_schedule,
)

ANY_MODE = st.sampled_from(ACTUATOR_MODES).flatmap(plans)


def pulses(of: Plan) -> list[list[Any]]:
    """Ask the kernel, and write its answer as the reference does."""
    columns = schedule(of)
    return [
        [at_us, CHANNELS[code], steps]
        for at_us, code, steps in zip(columns.at_us, columns.channel, columns.steps, strict=True)
    ]


def either(of: Plan) -> list[list[Any]] | str:
    """Ask the kernel; a refusal for too many waiting steps is the answer "refused"."""
    try:
        return pulses(of)
    except LimitError as error:
        if error.bound != WAITING_MAX:
            raise
        return "refused"


def accepted(of: Plan) -> list[list[Any]]:
    """Ask the kernel about a plan that it takes; no other counts for the promise at hand."""
    answer = either(of)
    if isinstance(answer, str):
        reject()
    return answer


def expected(of: Plan) -> list[list[Any]] | str:
    """Ask the reference likewise."""
    try:
        return reference_schedule(of)
    except RefusedError:
        return "refused"


# Identical to the reference


@pytest.mark.req("DEL-01")
@given(plans("plain"))
def test_plain_release_is_the_reference(drawn: Plan) -> None:
    assert either(drawn) == expected(drawn)


@given(plans("gap"))
def test_release_with_a_gap_is_the_reference(drawn: Plan) -> None:
    assert either(drawn) == expected(drawn)


@given(plans("grid"))
def test_release_on_a_grid_is_the_reference(drawn: Plan) -> None:
    assert either(drawn) == expected(drawn)


@pytest.mark.parametrize("waiting", [99, 100, 101])
@pytest.mark.parametrize("cancelled", [False, True])
def test_a_hundred_steps_may_wait_and_no_more(waiting: int, cancelled: bool) -> None:  # noqa: FBT001 - a parameter
    """One step leaves at once and the others of the burst wait; those of a cancelled train do not exist."""
    burst = [train("bolus", 0, 1, 50_000 * (waiting + 1))]
    if cancelled:
        burst.append(train("bolus", 0, 1, 50_000 * 50, cancel_us=1))
    drawn = plan(gap_us=1_000_000, trains=burst)
    assert (expected(drawn) == "refused") == (waiting > 100)
    assert either(drawn) == expected(drawn)


@given(st.integers(2, 100), st.sampled_from([1, 100_000, 3_600_000, 999_999_937]), st.integers(0, 2**53))
def test_a_rate_issued_again_every_second_is_the_reference(times: int, rate_uu_per_h: int, from_us: int) -> None:
    drawn = plan(
        max(100, rate_uu_per_h // 10_000),  # no more than three steps a second
        from_us=from_us,
        to_us=from_us + times * 1_000_000,
        basal=[[from_us + i * 1_000_000, rate_uu_per_h] for i in range(times)],
    )
    assert pulses(drawn) == reference_schedule(drawn)


def test_the_largest_time_is_reached() -> None:
    drawn = plan(
        from_us=TIME_US_MAX - DAY_US,
        to_us=TIME_US_MAX,
        basal=[[0, 1_000_000]],
        trains=[train("extended", TIME_US_MAX - HOUR_US, HOUR_US, 1_000_000)],
    )
    assert pulses(drawn) == reference_schedule(drawn)
    assert pulses(drawn)[-2:] == [[TIME_US_MAX, "basal", 1], [TIME_US_MAX, "extended", 1]]


# Exactly on an edge


@pytest.mark.parametrize("beside_us", [-1, 0, 1])
def test_a_step_due_on_the_edge_of_a_segment(beside_us: int) -> None:
    """1 U/h on 0.05 U steps is due every 180 s; a stop on that instant, or a microsecond later, comes too late."""
    stop_us = 180_000_000 + beside_us
    drawn = plan(to_us=HOUR_US, basal=[[0, 1_000_000], [stop_us, 0]])
    assert pulses(drawn) == ([] if beside_us < 0 else [[180_000_000, "basal", 1]])


def test_a_remainder_crosses_a_stop() -> None:
    """What 179 s earned is kept over an hour at rate 0; one more second pays for the step."""
    drawn = plan(basal=[[0, 1_000_000], [179_000_000, 0], [HOUR_US, 1_000_000]], to_us=HOUR_US + 1_000_000)
    assert pulses(drawn) == [[HOUR_US + 1_000_000, "basal", 1]]


def test_a_step_due_on_the_ends_of_the_window() -> None:
    """From is outside, to is inside."""
    bolus = [train("bolus", 0, 30_000_000, 150_000)]
    drawn = plan(from_us=10_000_000, to_us=20_000_000, trains=bolus)
    assert pulses(drawn) == [[20_000_000, "bolus", 1]]
    assert pulses(drawn | {"to_us": 19_999_999}) == []
    assert len(pulses(drawn | {"from_us": 9_999_999})) == 2


def test_an_empty_window_is_empty() -> None:
    assert pulses(plan(from_us=5, to_us=5, basal=[[0, 1_000_000_000]])) == []


@pytest.mark.req("DEL-04")
@pytest.mark.parametrize(("cancel_us", "left"), [(9_999_999, 0), (10_000_000, 1), (10_000_001, 1)])
def test_a_step_due_on_the_cancel_is_delivered(cancel_us: int, left: int) -> None:
    drawn = plan(trains=[train("bolus", 0, 30_000_000, 150_000, cancel_us=cancel_us)])
    assert len(pulses(drawn)) == left


def test_a_step_due_at_midnight_belongs_to_the_day_before() -> None:
    """Windows are open on the left and closed on the right, so no step is in two days or in none."""
    two_days = [pulses(plan(from_us=d * DAY_US, to_us=(d + 1) * DAY_US, basal=[[0, 1_000_000]])) for d in (0, 1)]
    assert [day[-1][0] for day in two_days] == [DAY_US, 2 * DAY_US]
    assert [len(day) for day in two_days] == [480, 480]


def test_rate_zero_delivers_nothing_and_rate_one_a_step_in_its_time() -> None:
    """At 1 uu/h a step of 100 uu takes 100 hours."""
    assert pulses(plan(100, to_us=TIME_US_MAX, basal=[[0, 0]])) == []
    assert pulses(plan(100, to_us=200 * HOUR_US, basal=[[0, 1]])) == [
        [100 * HOUR_US, "basal", 1],
        [200 * HOUR_US, "basal", 1],
    ]


# What the law promises


@given(ANY_MODE, st.data())
def test_a_shorter_window_is_the_beginning_of_a_longer_one(drawn: Plan, data: st.DataObject) -> None:
    whole = accepted(drawn)
    cut_us = data.draw(st.integers(drawn["from_us"], drawn["to_us"]))
    assert pulses(drawn | {"to_us": cut_us}) == [p for p in whole if p[0] <= cut_us]


@pytest.mark.req("DEL-03")
@given(st.sampled_from(ACTUATOR_MODES).flatmap(lambda mode: plans(mode, basal=False)), st.data())
def test_windows_side_by_side_share_out_the_trains(drawn: Plan, data: st.DataObject) -> None:
    """Only trains: basal earns from the window's beginning, by definition of the batch form."""
    whole = accepted(drawn)
    cut_us = data.draw(st.integers(drawn["from_us"], drawn["to_us"]))
    assert pulses(drawn | {"to_us": cut_us}) + pulses(drawn | {"from_us": cut_us}) == whole


@pytest.mark.req("DEL-05")
@given(ANY_MODE)
def test_pulses_leave_in_order_inside_the_window(drawn: Plan) -> None:
    answer = accepted(drawn)
    ats = [at_us for at_us, _, _ in answer]
    assert all(drawn["from_us"] < at_us <= drawn["to_us"] for at_us in ats)
    least_us = drawn["actuator"]["gap_us"]
    assert all(b - a >= least_us for a, b in pairwise(ats))
    grid_us = drawn["actuator"]["grid_us"]
    assert not grid_us or all(at_us % grid_us == 0 for at_us in ats)


@given(st.sampled_from(ACTUATOR_MODES).flatmap(lambda mode: plans(mode, basal=False, trains_max=1)))
def test_a_train_delivers_its_amount_and_not_one_step_more(drawn: Plan) -> None:
    """Over all time a train comes to exactly its amount; cancelled, to what had left by then."""
    assume(bool(drawn["trains"]))
    (one,) = drawn["trains"]
    step_uu = drawn["actuator"]["step_uu"]
    whole = accepted(drawn | {"from_us": 0, "to_us": TIME_US_MAX})
    cancel_us = one.pop("cancel_us", None)
    uncancelled = accepted(drawn | {"from_us": 0, "to_us": TIME_US_MAX})
    assert sum(steps for _, _, steps in uncancelled) * step_uu == one["amount_uu"]
    assert whole == [p for p in uncancelled if cancel_us is None or p[0] <= cancel_us]


@pytest.mark.req("DEL-01")
@given(plans("plain", trains_max=0))
def test_basal_is_never_ahead_and_less_than_a_step_and_a_microsecond_behind(drawn: Plan) -> None:
    """The inverse: at each step's instant the count reaches it, and a microsecond earlier it does not."""
    segments, from_us, step_uu = drawn["basal"], drawn["from_us"], drawn["actuator"]["step_uu"]
    answer = pulses(drawn)
    for k, (at_us, _, _) in enumerate(answer, 1):
        assert count_basal(segments, from_us, step_uu, at_us) == k
        assert count_basal(segments, from_us, step_uu, at_us - 1) == k - 1
    behind = earned_basal(segments, from_us, drawn["to_us"]) - len(answer) * step_uu
    assert 0 <= behind < step_uu


@given(plans("plain", basal=False, trains_max=1))
def test_each_step_of_a_train_is_due_when_it_is_earned(drawn: Plan) -> None:
    assume(bool(drawn["trains"]))
    (one,) = drawn["trains"]
    one["cancel_us"] = None
    shape = (one["amount_uu"], one["start_us"], one["duration_us"], drawn["actuator"]["step_uu"])
    for k, (at_us, _, _) in enumerate(pulses(drawn | {"from_us": 0, "to_us": TIME_US_MAX}), 1):
        assert count_train(*shape, at_us) >= k > count_train(*shape, at_us - 1)


@given(plans("plain", trains_max=0), st.data())
def test_a_higher_rate_never_delivers_less(drawn: Plan, data: st.DataObject) -> None:
    """Monotone: raise one segment's rate, and each step is due no later."""
    assume(bool(drawn["basal"]))
    which = data.draw(st.integers(0, len(drawn["basal"]) - 1))
    raised = [list(segment) for segment in drawn["basal"]]
    raised[which][1] = data.draw(st.integers(raised[which][1], min(1_000_000_000, 2 * raised[which][1] + 1)))
    before, after = pulses(drawn), pulses(drawn | {"basal": raised})
    assert len(after) >= len(before)
    assert all(late[0] <= early[0] for early, late in zip(before, after, strict=False))


@given(ANY_MODE, st.integers(-(2**53), 2**53))
def test_the_law_does_not_know_what_time_it_is(drawn: Plan, by_us: int) -> None:
    """Shift all instants, and the pulses shift; on a grid by whole multiples of it."""
    by_us -= by_us % (drawn["actuator"]["grid_us"] or 1)
    starts = [drawn["from_us"], *(s for s, _ in drawn["basal"]), *(t["start_us"] for t in drawn["trains"])]
    cancels = [t["cancel_us"] for t in drawn["trains"] if t.get("cancel_us") is not None]
    assume(min(starts + cancels) + by_us >= 0)
    ends = [drawn["to_us"], *(t["start_us"] + t["duration_us"] for t in drawn["trains"])]
    assume(max(starts + cancels + ends) + by_us <= TIME_US_MAX)
    shifted = drawn | {
        "from_us": drawn["from_us"] + by_us,
        "to_us": drawn["to_us"] + by_us,
        "basal": [[start_us + by_us, rate] for start_us, rate in drawn["basal"]],
        "trains": [
            one | {key: one[key] + by_us for key in ("start_us", "cancel_us") if one.get(key) is not None}
            for one in drawn["trains"]
        ],
    }
    answer = either(drawn)
    if not isinstance(answer, str):
        answer = [[at_us + by_us, channel, steps] for at_us, channel, steps in answer]
    assert either(shifted) == answer


@pytest.mark.req("DEL-02")
@given(plans("plain"), st.data())
def test_a_rate_issued_again_changes_nothing(drawn: Plan, data: st.DataObject) -> None:
    """Cut segments wherever you like: the remainder is carried over each cut."""
    assume(bool(drawn["basal"]))
    cuts = data.draw(st.lists(st.integers(drawn["basal"][0][0], max(drawn["to_us"], drawn["basal"][0][0])), max_size=5))
    edges: dict[int, int] = {}
    for cut_us in cuts:
        edges[cut_us] = [rate for start_us, rate in drawn["basal"] if start_us <= cut_us][-1]
    edges.update(map(tuple, drawn["basal"]))
    assert pulses(drawn | {"basal": [list(edge) for edge in sorted(edges.items())]}) == pulses(drawn)


@given(ANY_MODE)
def test_nothing_is_due_the_moment_it_begins(drawn: Plan) -> None:
    """No zero delay: time must pass before a first step is earned."""
    answer = accepted(drawn)
    firsts = {channel: at_us for at_us, channel, _ in reversed(answer)}
    for channel, at_us in firsts.items():
        starts = [one["start_us"] for one in drawn["trains"] if one["channel"] == channel]
        starts += [start_us for start_us, _ in drawn["basal"][:1] if channel == "basal"]
        assert at_us > min(starts)
