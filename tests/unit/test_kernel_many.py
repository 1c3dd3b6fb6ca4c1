"""Goal: many plans at once are refused where one would be, with the place of what is wrong; answers are shared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import pumpcore
from pumpcore import RANGES, Cohort, Plan, Programme, schedule, schedule_many, totals_many
from pumpcore.errors import LimitError, QuantityError, RequestError, TimeError
from pumpcore.testing.programmes import DAY_US, TIME_US_MAX, plan, train
from pumpcore.testing.reference import HOUR_US

if TYPE_CHECKING:
    from collections.abc import Callable

ACTUATOR = {"step_uu": 50_000, "gap_us": 0, "grid_us": 0}
BOLUS = train("bolus", HOUR_US, 80_000_000, 2_000_000)


def place_of(error: RequestError) -> str:
    """Where the caller's mistake is."""
    return str(error.limit if isinstance(error, LimitError) else getattr(error, "field", ""))


def columns(**more: Any) -> dict[str, Any]:  # noqa: ANN401 - any field
    """Two plans: half a unit an hour for a day, and nothing but a bolus that is cancelled."""
    return {
        "actuator": ACTUATOR,
        "from_us": 0,
        "to_us": np.array([DAY_US, DAY_US]),
        "basal": {"offsets": [0, 1, 1], "start_us": [0], "rate_uu_per_h": [500_000]},
        "trains": {
            "offsets": [0, 0, 1],
            "channel": b"\2",
            "start_us": [HOUR_US],
            "duration_us": [80_000_000],
            "amount_uu": [2_000_000],
            "cancel_us": [HOUR_US + 40_000_000],
        },
    } | more


def changed(of: str, **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - any field
    """Change fields of one of the groups of columns."""
    return columns(**{of: columns()[of] | fields})


def test_columns_say_what_plans_say() -> None:
    answer = schedule_many(columns())
    assert len(answer) == 2
    assert list(answer.offsets) == [0, 240, 260]
    one = schedule(plan(basal=[[0, 500_000]]))
    other = schedule(plan(trains=[BOLUS | {"cancel_us": HOUR_US + 40_000_000}]))
    assert list(answer.at_us) == [*one.at_us, *other.at_us]
    assert list(answer.channel) == [0] * 240 + [2] * 20
    assert list(answer.steps) == [1] * 260


@pytest.mark.parametrize("cancels", [None, [None], np.array([-1])])
def test_a_train_need_not_be_cancelled(cancels: Any) -> None:  # noqa: ANN401 - any form
    assert list(schedule_many(changed("trains", cancel_us=cancels)).offsets) == [0, 240, 280]


def test_a_cohort_of_nothing_has_no_pulses() -> None:
    answer = schedule_many([])
    assert (len(answer), list(answer.offsets), list(answer.at_us)) == (0, [0], [])
    assert totals_many([]).shape == (0, 1, 3)
    assert Cohort([]).blocks(steps_most=1) == []


def test_a_cohort_mixes_plans_and_actuators() -> None:
    grid = plan(grid_us=300_000_000, basal=[[0, 800_000]])
    some: list[Plan | dict[str, Any]] = [Plan(plan(trains=[BOLUS])), grid, plan(gap_us=7, trains=[BOLUS])]
    answer = schedule_many(Cohort(some))
    assert list(answer.offsets) == [0, 40, 40 + len(schedule(grid)), 80 + len(schedule(grid))]
    assert max(answer.steps) == 2
    assert np.asarray(totals_many(some)).tolist() == [[[0, 0, 40]], [[384, 0, 0]], [[0, 0, 40]]]


def test_answers_are_shared_read_only_memory() -> None:
    answer = schedule_many(columns())
    for name, dtype in [("offsets", np.uint64), ("at_us", np.uint64), ("channel", np.uint8), ("steps", np.uint32)]:
        array = np.asarray(getattr(answer, name))
        assert array.dtype == dtype
        assert not array.flags.owndata
        assert not array.flags.writeable
    totals = totals_many(columns(), edges_us=[0, HOUR_US, 2 * HOUR_US])
    array = np.asarray(totals)
    assert array.dtype == np.uint64
    assert totals.shape == (2, 2, 3)
    assert array.tolist() == [[[10, 0, 0], [10, 0, 0]], [[0, 0, 0], [0, 0, 20]]]
    assert totals.readonly
    assert totals.c_contiguous


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        (columns(from_us=-1), "from_us"),
        (columns(to_us=[0]), "to_us"),
        (columns(to_us=[0, 1.0]), "to_us"),
        (changed("basal", offsets=[0, 1]), "trains.offsets"),
        (changed("basal", offsets=[0, 2, 1]), "basal.offsets"),
        (changed("basal", offsets=[1, 1, 1]), "basal.offsets"),
        (changed("basal", offsets=[]), "basal.offsets"),
        (changed("basal", offsets=np.array([0, -1, 1])), "basal.offsets"),
        (changed("basal", rate_uu_per_h=[]), "basal.rate_uu_per_h"),
        (changed("basal", rate_uu_per_h=np.array([1_000_000_001])), "basal.rate_uu_per_h"),
        (changed("basal", start_us=np.array([-1])), "basal.start_us"),
        (changed("basal", start_us=[0.0]), "basal.start_us"),
        (changed("basal", start_us=np.array([0.0])), "basal.start_us"),
        (changed("basal", start_us=5), "basal.start_us"),
        (changed("trains", channel=b"\0"), "trains.channel"),
        (changed("trains", channel=[3]), "trains.channel"),
        (changed("trains", amount_uu=[75_000]), "trains[0].amount_uu"),
        (changed("trains", cancel_us=np.array([TIME_US_MAX + 1])), "trains.cancel_us"),
        (changed("trains", cancel_us=np.array([[-1]])), "trains.cancel_us"),
        (changed("trains", cancel_us=np.array([[TIME_US_MAX + 1]])), "trains.cancel_us"),
        (changed("trains", cancel_us=[]), "trains.cancel_us"),
    ],
)
def test_columns_that_are_wrong_are_refused_by_name(wrong: dict[str, Any], field: str) -> None:
    with pytest.raises(RequestError) as caught:
        Cohort(wrong)
    assert place_of(caught.value) == field


@pytest.mark.parametrize(
    ("wrong", "error", "field"),
    [
        (plan(from_us=-1), LimitError, "from_us"),
        (plan(trains=[BOLUS | {"amount_uu": 75_000}]), QuantityError, "trains[0].amount_uu"),
        (5, QuantityError, "plan"),
    ],
)
@pytest.mark.parametrize("call", [Cohort, schedule_many, totals_many])
def test_a_plan_that_is_wrong_is_refused_and_named(
    wrong: Any,  # noqa: ANN401 - any form
    error: type[RequestError],
    field: str,
    call: Callable[[list[Any]], object],
) -> None:
    with pytest.raises(error) as caught:
        call([plan(), plan(), wrong, plan(from_us=-1)])
    assert place_of(caught.value) == field
    assert caught.value.__notes__ == ["plans[2]"]


def test_what_is_no_list_of_plans_is_refused() -> None:
    with pytest.raises(TimeError):
        Cohort([plan(), plan(from_us=DAY_US, to_us=0)])
    with pytest.raises(QuantityError):
        Cohort(5)  # type: ignore[arg-type]
    doubled = {"offsets": [0, 2, 2], "start_us": [0, 0], "rate_uu_per_h": [1, 2]}
    with pytest.raises(TimeError):
        Cohort(columns(basal=doubled))


def test_a_plan_of_columns_that_is_wrong_is_named() -> None:
    with pytest.raises(TimeError) as caught:
        Cohort(columns(to_us=[DAY_US, 4], from_us=5))
    assert caught.value.field == "plans[1].to_us"


@pytest.mark.parametrize("name", ["first", "stop"])
@pytest.mark.parametrize("wrong", [-1, 2**64, True, 1.0, "1"])
def test_what_is_no_place_in_a_cohort_is_refused(name: str, wrong: Any) -> None:  # noqa: ANN401 - any form
    with pytest.raises(RequestError) as caught:
        schedule_many([plan()] * 3, **{name: wrong})
    assert place_of(caught.value) == name


@pytest.mark.parametrize(
    ("first", "stop", "plans"),
    [
        (None, None, 3),
        (1, None, 2),
        (None, 2, 2),
        (2, 1, 0),
        (0, 7, 3),
        (7, None, 0),
        (np.int64(1), 2, 1),
        (2**63, 0, 0),
    ],
)
def test_places_beyond_the_last_plan_are_the_end(first: int | None, stop: int | None, plans: int) -> None:
    assert len(schedule_many([plan()] * 3, first=first, stop=stop)) == plans


def test_what_is_too_much_for_one_call_is_taken_in_blocks() -> None:
    fine = plan(100, to_us=3 * HOUR_US, basal=[[0, 1_000_000_000]])
    cohort = Cohort([fine] * 4)
    assert cohort.due_steps == 120_000_000 > RANGES["schedule_steps"][1]
    with pytest.raises(LimitError) as caught:
        schedule_many(cohort)
    assert place_of(caught.value) == "schedule_steps"
    assert cohort.blocks(steps_most=60_000_000) == [(0, 2), (2, 4)]
    assert np.asarray(totals_many(cohort)).tolist() == [[[30_000_000, 0, 0]]] * 4


@pytest.mark.parametrize("edges", [[], [5], [5, 4], [0, -1], [0, 1.0], 5])
def test_edges_are_two_instants_or_more_in_order(edges: Any) -> None:  # noqa: ANN401 - any form
    with pytest.raises(RequestError) as caught:
        totals_many([plan()], edges_us=edges)
    assert place_of(caught.value) == "edges_us"


@pytest.mark.parametrize("threads", [0, -1, 1025, 1.0])
def test_threads_are_at_least_one(threads: Any) -> None:  # noqa: ANN401 - any form
    with pytest.raises(RequestError) as caught:
        schedule_many([plan()], threads=threads)
    assert place_of(caught.value) == "threads"


def test_a_programme_refuses_what_a_plan_refuses() -> None:
    with pytest.raises(LimitError):
        Programme([[0, 1]], step_uu=99)
    with pytest.raises(TimeError):
        Programme([[0, 1], [0, 2]], step_uu=100)
    with pytest.raises(LimitError):
        Programme([[0, 1]], step_uu=100, period_us=0)
    day = Programme([[0, 1_000_000]], step_uu=50_000, period_us=DAY_US)
    with pytest.raises(LimitError):
        day.due_at(0)
    with pytest.raises(QuantityError):
        day.count_at(1.0)  # type: ignore[arg-type]
    assert repr(day) == "<Programme from 0 us, each 86400000000 us>"


def test_three_hundred_years_out() -> None:
    day = Programme([[0, 1_030_000]], step_uu=50_000, period_us=DAY_US)
    years_us = 300 * 365 * DAY_US
    assert day.count_at(years_us) == 300 * 365 * 24 * 1_030_000 // 50_000
    assert day.due_at(day.count_at(years_us)) == years_us
    assert day.next_due_us(TIME_US_MAX) is None
    assert day.due_at(2**64 - 1) is None
    assert pumpcore.Plan(plan(basal=[[0, 500_000]])).count_at(12 * HOUR_US) == (120, 0, 0)
