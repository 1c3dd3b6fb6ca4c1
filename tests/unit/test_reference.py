"""The second opinion has a second opinion: the walking reference against brute force, microsecond by microsecond.

Worked examples come from the text of the law. The short plans use steps so small and rates so high that hundreds of
microseconds hold many steps; the kernel's ranges do not apply here.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumpcore.testing.reference import (
    HOUR_US,
    RefusedError,
    brute_schedule,
    count_basal,
    count_train,
    dues_basal,
    dues_train,
    earned_basal,
    earned_train,
    first_instant,
    reference_schedule,
)


def plan(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - any field of a plan
    """Make a plan of 1 uU steps from 0 to 100 us, without insulin, with the changes asked for."""
    actuator = {"step_uu": 1, "gap_us": changes.pop("gap_us", 0), "grid_us": changes.pop("grid_us", 0)}
    return {"actuator": actuator, "from_us": 0, "to_us": 100, "basal": [], "trains": []} | changes


def train(channel: str, start_us: int, duration_us: int, amount_uu: int, **more: int | None) -> dict[str, Any]:
    return {"channel": channel, "start_us": start_us, "duration_us": duration_us, "amount_uu": amount_uu} | more


@st.composite
def short_plans(draw: st.DrawFn) -> dict[str, Any]:
    """Plans of at most 120 us in which instants collide often."""
    instants = st.integers(0, 60)
    gap_us, grid_us = draw(
        st.sampled_from([(0, 0), (1, 0), (3, 0), (0, 1), (0, 7), (0, 10)]) | st.tuples(st.integers(1, 20), st.just(0)),
    )
    starts = draw(st.lists(instants, max_size=4, unique=True).map(sorted))
    rates = st.sampled_from([0, 1, HOUR_US // 10, HOUR_US // 3, HOUR_US, 2 * HOUR_US]) | st.integers(0, HOUR_US)
    trains = [
        train(
            draw(st.sampled_from(["extended", "bolus"])),
            draw(instants),
            draw(st.integers(1, 50)),
            draw(st.integers(1, 40) | st.integers(95, 120)),
            cancel_us=draw(st.none() | st.integers(0, 120)),
        )
        for _ in range(draw(st.integers(0, 3)))
    ]
    from_us = draw(instants)
    return plan(
        gap_us=gap_us,
        grid_us=grid_us,
        from_us=from_us,
        to_us=from_us + draw(st.integers(0, 60)),
        basal=[[start, draw(rates)] for start in starts],
        trains=trains,
    )


def answer(schedule: Any, of: dict[str, Any]) -> object:  # noqa: ANN401 - either route
    """Return the pulses, or the word "refused"."""
    try:
        return schedule(of)
    except RefusedError:
        return "refused"


@given(short_plans())
def test_walking_and_living_through_it_agree(short: dict[str, Any]) -> None:
    assert answer(reference_schedule, short) == answer(brute_schedule, short)


@pytest.mark.parametrize("waiting", [100, 101])
def test_both_routes_refuse_the_same_backlog(waiting: int) -> None:
    """The first step leaves at once; the rest of a burst waits. One more than a hundred is one too many."""
    burst = plan(gap_us=5, trains=[train("bolus", 0, 1, waiting + 1)])
    expected = "refused" if waiting > 100 else [[at, "bolus", 1] for at in range(1, 101, 5)]
    assert answer(reference_schedule, burst) == expected
    assert answer(brute_schedule, burst) == expected


def test_the_example_of_the_design_starts_where_it_must() -> None:
    """0.8 U/h on 0.05 U steps: one step every 225 s, the first when the first 0.05 U are earned."""
    example = {
        "actuator": {"step_uu": 50_000, "gap_us": 0, "grid_us": 0},
        "from_us": 0,
        "to_us": 86_400_000_000,
        "basal": [[0, 800_000], [21_600_000_000, 1_100_000]],
        "trains": [
            train("extended", 43_200_000_000, 7_200_000_000, 3_000_000, cancel_us=None),
            train("bolus", 43_200_000_000, 80_000_000, 2_000_000),
        ],
    }
    pulses = reference_schedule(example)
    assert pulses[:2] == [[225_000_000, "basal", 1], [450_000_000, "basal", 1]]
    assert len(pulses) == (6 * 800 + 18 * 1_100) // 50 + 60 + 40
    assert [at for at, channel, _ in pulses if channel == "bolus"] == [
        43_200_000_000 + k * 2_000_000 for k in range(1, 41)
    ]


def test_ties_go_basal_extended_bolus_then_by_start_then_by_place() -> None:
    """All steps are due at 20 us; with a gap the order shows as the order of leaving."""
    tied = plan(
        gap_us=1,
        to_us=40,
        basal=[[0, HOUR_US // 20]],
        trains=[train("bolus", 10, 10, 1), train("extended", 19, 1, 1), train("bolus", 0, 20, 1)],
    )
    pulses = [[20, "basal", 1], [21, "extended", 1], [22, "bolus", 1], [23, "bolus", 1], [40, "basal", 1]]
    assert reference_schedule(tied) == pulses
    # Which of the two boluses leaves first shows when the one that started later is cancelled before 23 us.
    tied["trains"][0]["cancel_us"] = 22
    assert reference_schedule(tied) == pulses[:3] + pulses[4:]
    tied["trains"][0]["cancel_us"] = None
    tied["trains"][2]["cancel_us"] = 22
    assert reference_schedule(tied) == pulses


def test_a_cancelled_step_does_not_occupy_the_actuator() -> None:
    cancelled = plan(gap_us=10, trains=[train("extended", 0, 3, 3, cancel_us=11), train("bolus", 0, 3, 1)])
    assert reference_schedule(cancelled) == [[1, "extended", 1], [11, "extended", 1], [21, "bolus", 1]]


def test_grid_gathers_steps_of_one_channel_even_of_two_trains() -> None:
    gathered = plan(
        grid_us=10,
        basal=[[0, HOUR_US // 5]],
        to_us=10,
        trains=[train("bolus", 0, 9, 2), train("bolus", 1, 9, 3)],
    )
    assert reference_schedule(gathered) == [[10, "basal", 2], [10, "bolus", 5]]


def test_window_takes_steps_by_when_they_leave() -> None:
    """Due before the window and leaving in it: in. Due in it and leaving after it: out. On its first instant: out."""
    queue = plan(gap_us=10, from_us=5, to_us=24, trains=[train("bolus", 0, 4, 4)])
    assert reference_schedule(queue) == [[11, "bolus", 1], [21, "bolus", 1]]
    assert reference_schedule(queue | {"from_us": 11}) == [[21, "bolus", 1]]


SEGMENTS = st.dictionaries(st.integers(0, 10**12), st.integers(0, 10**9), min_size=1, max_size=6).map(
    lambda rates: sorted(rates.items())
)


@given(
    SEGMENTS,
    st.integers(0, 10**11),
    st.integers(1, 10**6),
    st.integers(0, 10**12),
)
def test_basal_due_times_are_the_first_instants_that_count_them(
    segments: list[tuple[int, int]], from_us: int, step_uu: int, span_us: int
) -> None:
    """The inverse route: halve the time until the count reaches k."""
    to_us = from_us + span_us
    # Few enough steps to list: the step grows with what is earned.
    step_uu = max(step_uu, int(earned_basal(segments, from_us, to_us) / 200))
    dues = dues_basal(segments, from_us, step_uu, to_us)
    assert len(dues) == count_basal(segments, from_us, step_uu, to_us)
    for k, due_us in enumerate(dues, 1):
        assert due_us == first_instant(lambda t: count_basal(segments, from_us, step_uu, t), k, from_us, to_us)


@given(st.integers(1, 200), st.integers(0, 10**15), st.integers(1, 10**12), st.integers(1, 10**6))
def test_train_due_times_are_the_first_instants_that_count_them(
    steps: int, start_us: int, duration_us: int, step_uu: int
) -> None:
    amount_uu = steps * step_uu
    for k, due_us in enumerate(dues_train(steps, start_us, duration_us), 1):
        assert due_us == first_instant(
            lambda t: count_train(amount_uu, start_us, duration_us, step_uu, t), k, start_us, start_us + duration_us
        )


def test_earned_is_exact_and_never_ahead() -> None:
    segments = [[0, 1], [10, 2]]
    assert earned_basal(segments, 0, 20) == Fraction(10 * 1 + 10 * 2, HOUR_US)
    assert earned_basal(segments, 5, 12) == Fraction(5 * 1 + 2 * 2, HOUR_US)
    assert earned_train(7, 10, 3, 9) == 0
    assert earned_train(7, 10, 3, 11) == Fraction(7, 3)
    assert earned_train(7, 10, 3, 1_000) == 7


@pytest.mark.parametrize(
    "broken",
    [
        plan(gap_us=1, grid_us=1),
        plan(basal=[[0, 1], [0, 1]]),
        plan(basal=[[1, 1], [0, 1]]),
        plan(trains=[train("lunch", 0, 1, 1)]),
        plan(trains=[train("bolus", 0, 0, 1)]),
        plan(trains=[train("bolus", 0, 1, 1, colour=1)]),
        plan(colour=1),
        plan(actuator={"step_uu": 1, "gap_us": 0}),
        plan(actuator={"step_uu": 2, "gap_us": 0, "grid_us": 0}, trains=[train("bolus", 0, 1, 3)]),
    ],
)
def test_what_the_law_forbids_is_refused(broken: dict[str, Any]) -> None:
    with pytest.raises(RefusedError):
        reference_schedule(broken)
