"""Goal: each error of the kernel reaches Python as one class, with its data, and changes nothing.

Method: one test for each way to be refused; the table at the end is every argument's type and range.
"""

from __future__ import annotations

import decimal
import pickle
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import pumpcore
from pumpcore import errors

if TYPE_CHECKING:
    from collections.abc import Callable

DAY_US = 86_400_000_000


def a_plan(**changed: object) -> dict[str, object]:
    """Return a good plan with some fields changed."""
    good: dict[str, object] = {
        "actuator": {"step_uu": 50_000, "gap_us": 0, "grid_us": 0},
        "from_us": 0,
        "to_us": DAY_US,
        "basal": [[0, 800_000]],
        "trains": [a_train()],
    }
    return good | changed


def a_train(**changed: object) -> dict[str, object]:
    """Return a good train with some fields changed."""
    return {"channel": "bolus", "start_us": 0, "duration_us": 80_000_000, "amount_uu": 2_000_000} | changed


def an_actuator(**changed: object) -> dict[str, object]:
    """Return a good actuator with some fields changed."""
    return {"step_uu": 50_000, "gap_us": 0, "grid_us": 0} | changed


LIMITS: list[tuple[str, Callable[[int], dict[str, object]], str]] = [
    ("from_us", lambda value: a_plan(from_us=value), "time_us"),
    ("to_us", lambda value: a_plan(to_us=value), "time_us"),
    ("actuator.step_uu", lambda value: a_plan(actuator=an_actuator(step_uu=value)), "step_uu"),
    ("actuator.gap_us", lambda value: a_plan(actuator=an_actuator(gap_us=value)), "gap_us"),
    ("actuator.grid_us", lambda value: a_plan(actuator=an_actuator(grid_us=value)), "grid_us"),
    ("basal[1].start_us", lambda value: a_plan(basal=[[0, 1], [value, 1]]), "time_us"),
    ("basal[1].rate_uu_per_h", lambda value: a_plan(basal=[[0, 1], [1, value]]), "rate_uu_per_h"),
    ("trains[1].start_us", lambda value: a_plan(trains=[a_train(), a_train(start_us=value)]), "time_us"),
    ("trains[1].duration_us", lambda value: a_plan(trains=[a_train(), a_train(duration_us=value)]), "duration_us"),
    ("trains[1].amount_uu", lambda value: a_plan(trains=[a_train(), a_train(amount_uu=value)]), "amount_uu"),
    ("trains[1].cancel_us", lambda value: a_plan(trains=[a_train(), a_train(cancel_us=value)]), "time_us"),
]


@pytest.mark.parametrize(("field", "plan_with", "row"), LIMITS, ids=[field for field, _, _ in LIMITS])
@pytest.mark.parametrize("far", [1, 2**63, 2**64, 10**30])
def test_a_number_beyond_its_range_is_a_limit_error(
    field: str, plan_with: Callable[[int], dict[str, object]], row: str, far: int
) -> None:
    least, largest, unit = pumpcore.RANGES[row]
    for value, bound in [(least - far, least), (largest + far, largest)]:
        with pytest.raises(errors.LimitError) as refusal:
            pumpcore.schedule(plan_with(value))
        error = refusal.value
        assert (error.limit, error.value, error.bound, error.unit) == (field, value, bound, unit)
        assert field in str(error)
        assert str(value) in str(error)
        assert str(bound) in str(error)


@pytest.mark.parametrize("wrong", [1.0, 5e1, float("nan"), True, "5", b"5", None, decimal.Decimal(5), [5]])
@pytest.mark.parametrize(("field", "plan_with", "_row"), LIMITS, ids=[field for field, _, _ in LIMITS])
def test_what_is_no_whole_number_is_a_quantity_error(
    field: str, plan_with: Callable[[Any], dict[str, object]], _row: str, wrong: object
) -> None:
    if wrong is None and field.endswith("cancel_us"):
        assert len(pumpcore.schedule(plan_with(wrong))) > 0
        return
    with pytest.raises(errors.QuantityError) as refusal:
        pumpcore.schedule(plan_with(wrong))
    assert refusal.value.field == field
    assert repr(wrong) in str(refusal.value)


def test_an_integer_of_an_array_is_a_whole_number() -> None:
    plan = a_plan(to_us=np.int64(DAY_US), basal=np.array([[0, 800_000]]))
    assert list(pumpcore.schedule(plan).at_us) == list(pumpcore.schedule(a_plan()).at_us)
    with pytest.raises(errors.QuantityError):
        pumpcore.schedule(a_plan(to_us=np.float64(DAY_US)))
    with pytest.raises(errors.QuantityError):
        pumpcore.schedule(a_plan(to_us=np.True_))


@pytest.mark.parametrize("amount_uu", [100, 49_999, 50_001, 75_000])
def test_a_part_of_a_step_is_a_quantity_error(amount_uu: int) -> None:
    with pytest.raises(errors.QuantityError) as refusal:
        pumpcore.schedule(a_plan(trains=[a_train(amount_uu=amount_uu)]))
    assert (refusal.value.field, refusal.value.value) == ("trains[0].amount_uu", amount_uu)
    assert "50000" in refusal.value.reason


def test_times_out_of_order_are_time_errors() -> None:
    with pytest.raises(errors.TimeError) as refusal:
        pumpcore.schedule(a_plan(basal=[[0, 1], [5, 1], [5, 2]]))
    assert (refusal.value.field, refusal.value.value_us, refusal.value.earliest_us) == ("basal[2].start_us", 5, 6)
    with pytest.raises(errors.TimeError) as refusal:
        pumpcore.schedule(a_plan(from_us=9, to_us=8))
    assert (refusal.value.field, refusal.value.value_us, refusal.value.earliest_us) == ("to_us", 8, 9)


def test_a_gap_and_a_grid_are_a_quantity_error() -> None:
    with pytest.raises(errors.QuantityError) as refusal:
        pumpcore.schedule(a_plan(actuator=an_actuator(gap_us=7, grid_us=11)))
    assert (refusal.value.field, refusal.value.value) == ("actuator.grid_us", 11)
    assert "7" in refusal.value.reason


def test_too_many_waiting_steps_are_a_limit_error() -> None:
    # The first step leaves when it falls due, so of 101 steps 100 wait, and of 102 one too many.
    gap = an_actuator(gap_us=1_000_000)
    fine = a_plan(actuator=gap, basal=[], trains=[a_train(duration_us=1, amount_uu=101 * 50_000)])
    assert len(pumpcore.schedule(fine)) == 101
    with pytest.raises(errors.LimitError) as refusal:
        pumpcore.schedule(a_plan(actuator=gap, basal=[], trains=[a_train(duration_us=1, amount_uu=102 * 50_000)]))
    assert (refusal.value.limit, refusal.value.value, refusal.value.bound) == ("waiting_steps", 101, 100)


def test_too_long_a_schedule_is_a_limit_error_before_any_memory_is_taken() -> None:
    most = pumpcore.RANGES["schedule_steps"][1]
    with pytest.raises(errors.LimitError) as refusal:
        pumpcore.Plan(
            a_plan(actuator=an_actuator(step_uu=100), to_us=10**16, basal=[[0, 1_000_000_000]], trains=[a_train()])
        )
    assert (refusal.value.limit, refusal.value.bound) == ("schedule_steps", most)


@pytest.mark.parametrize(
    ("plan", "field", "named"),
    [
        (a_plan(extra=1), "plan", "'extra'"),
        ({key: value for key, value in a_plan().items() if key != "basal"}, "plan", "basal"),
        (a_plan(actuator={"step_uu": 50_000, "gap_us": 0}), "actuator", "grid_us"),
        (a_plan(actuator=an_actuator(step=5)), "actuator", "'step'"),
        (a_plan(actuator=[50_000, 0, 0]), "actuator", "mapping"),
        (a_plan(basal="[[0, 1]]"), "basal", "list"),
        (a_plan(basal={0: 1}), "basal", "list"),
        (a_plan(basal=5), "basal", "list"),
        (a_plan(basal=[[0]]), "basal[0]", "pair"),
        (a_plan(basal=[[0, 1, 2]]), "basal[0]", "pair"),
        (a_plan(basal=[5]), "basal[0]", "list"),
        (a_plan(trains=None), "trains", "list"),
        (a_plan(trains=[[0, 1]]), "trains[0]", "mapping"),
        (a_plan(trains=[a_train(canceled_us=5)]), "trains[0]", "'canceled_us'"),
        (a_plan(trains=[a_train(channel="basal")]), "trains[0].channel", "'basal'"),
        (a_plan(trains=[a_train(channel=2)]), "trains[0].channel", "2"),
        (a_plan(trains=[{"channel": "bolus"}]), "trains[0]", "start_us"),
        ([], "plan", "mapping"),
    ],
)
def test_a_plan_of_another_shape_is_a_quantity_error(
    plan: Any,  # noqa: ANN401 - whatever a caller may hand in
    field: str,
    named: str,
) -> None:
    with pytest.raises(errors.QuantityError) as refusal:
        pumpcore.schedule(plan)
    assert refusal.value.field == field
    assert named in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_an_error_text_is_one_short_line_whatever_was_given() -> None:
    with pytest.raises(errors.QuantityError) as refusal:
        pumpcore.schedule(a_plan(to_us="x" * 10_000))
    assert len(str(refusal.value)) < 200
    with pytest.raises(errors.LimitError) as refused:
        pumpcore.schedule(a_plan(to_us=10**5_000))
    assert len(str(refused.value)) < 200


def an_engine(*, gap_us: int = 0) -> pumpcore.Delivery:
    """Return an engine with a running bolus."""
    engine = pumpcore.Delivery(step_uu=50_000, gap_us=gap_us)
    engine.start_train("bolus", duration_us=80_000_000, amount_uu=2_000_000)
    engine.advance(1_000_000)
    return engine


ENGINE: list[tuple[str, Callable[[pumpcore.Delivery], object], type[errors.PumpcoreError]]] = [
    ("rate", lambda engine: engine.set_rate(1_000_000_001), errors.LimitError),
    ("float rate", lambda engine: engine.set_rate(0.7), errors.QuantityError),  # type: ignore[arg-type]
    ("past", lambda engine: engine.advance(999_999), errors.TimeError),
    ("past skip", lambda engine: engine.skip(999_999), errors.TimeError),
    ("far", lambda engine: engine.advance(10**16 + 1), errors.LimitError),
    ("past start", lambda e: e.start_train("bolus", duration_us=1, amount_uu=50_000, start_us=5), errors.TimeError),
    ("part", lambda engine: engine.start_train("bolus", duration_us=1, amount_uu=50_001), errors.QuantityError),
    ("none", lambda engine: engine.start_train("bolus", duration_us=0, amount_uu=50_000), errors.LimitError),
    ("kind", lambda e: e.start_train("basal", duration_us=1, amount_uu=50_000), errors.QuantityError),  # type: ignore[arg-type]
    ("unknown", lambda engine: engine.cancel(2), errors.QuantityError),
    ("zero", lambda engine: engine.cancel(0), errors.LimitError),
    ("huge", lambda engine: engine.cancel(2**32), errors.LimitError),
]


@pytest.mark.parametrize(("_name", "ask", "expected"), ENGINE, ids=[name for name, _, _ in ENGINE])
def test_an_engine_refuses_and_is_unchanged(
    _name: str, ask: Callable[[pumpcore.Delivery], object], expected: type[errors.PumpcoreError]
) -> None:
    engine = an_engine()
    before = engine.snapshot()
    with pytest.raises(expected) as refusal:
        ask(engine)
    assert type(refusal.value) is expected
    assert engine.snapshot() == before


def test_the_eighth_train_is_a_limit_error() -> None:
    engine = an_engine()
    for _ in range(6):
        engine.start_train("extended", duration_us=3_600_000_000, amount_uu=1_000_000)
    before = engine.snapshot()
    with pytest.raises(errors.LimitError) as refusal:
        engine.start_train("extended", duration_us=3_600_000_000, amount_uu=1_000_000)
    assert (refusal.value.limit, refusal.value.value, refusal.value.bound) == ("trains", 8, 7)
    assert engine.snapshot() == before


def test_an_overloaded_actuator_is_a_limit_error() -> None:
    engine = an_engine(gap_us=2_000_000)
    with pytest.raises(errors.LimitError) as refusal:
        engine.set_rate(90_000_001)
    assert refusal.value.limit == "waiting_steps"


def test_a_damaged_snapshot_is_a_journal_error() -> None:
    good = an_engine().snapshot()
    damaged = [b"", b"x" * len(good), good[:-1], good + b"\0", good[:50] + bytes([good[50] ^ 1]) + good[51:]]
    for snapshot in damaged:
        with pytest.raises(errors.JournalError, match="snapshot: "):
            pumpcore.Delivery.restore(snapshot)


def test_every_error_survives_a_pickle() -> None:
    raised: list[errors.PumpcoreError] = [
        errors.QuantityError("f", 1, "must be exact"),
        errors.LimitError("l", 3, 2, "us"),
        errors.TimeError("t_us", 1, 2),
        errors.ModeError("running", "resume", "is_stopped"),
        errors.ModeError("running", "resume"),
        errors.ModeError("running", "cancel_temp", reason="none is running"),
        errors.RecordError("file:3", "no such thing"),
    ]
    for error in raised:
        again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
        assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))
