"""Goal: results leave the kernel without a copy, read-only, and outlive what made them; bulk work frees the GIL."""

from __future__ import annotations

import ctypes
import gc
import threading

import numpy as np
import pytest

import pumpcore

PLAN = {
    "actuator": {"step_uu": 50_000, "gap_us": 0, "grid_us": 0},
    "from_us": 0,
    "to_us": 86_400_000_000,
    "basal": [[0, 800_000]],
    "trains": [{"channel": "bolus", "start_us": 5, "duration_us": 80_000_000, "amount_uu": 2_000_000}],
}
COLUMNS = [("at_us", "Q", np.uint64), ("channel", "B", np.uint8), ("steps", "I", np.uint32)]


@pytest.mark.parametrize(("name", "code", "dtype"), COLUMNS)
def test_a_column_is_shared_read_only_memory(name: str, code: str, dtype: type) -> None:
    schedule = pumpcore.schedule(PLAN)
    view = getattr(schedule, name)
    array = np.asarray(view)
    assert (view.format, view.readonly, view.ndim, view.shape) == (code, True, 1, (len(schedule),))
    assert view.nbytes == len(schedule) * view.itemsize
    assert array.dtype == dtype
    assert not array.flags.owndata
    assert not array.flags.writeable
    # Two views show the same memory: nothing was copied.
    other = np.asarray(getattr(schedule, name))
    assert array.__array_interface__["data"][0] == other.__array_interface__["data"][0]
    assert array.tolist() == list(view)
    with pytest.raises(TypeError):
        view[0] = 1
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 1


# What Python's `object.h` calls PyBUF_SIMPLE, PyBUF_ND, PyBUF_STRIDES, and PyBUF_C_CONTIGUOUS and its kin.
SIMPLE, ND, STRIDES = 0, 0x08, 0x18
C_ORDER, FORTRAN_ORDER, ANY_ORDER = STRIDES | 0x20, STRIDES | 0x40, STRIDES | 0x80


def lends(view: memoryview, flags: int) -> bool:
    """Ask what a view shows for its memory, as a C program would."""
    room = ctypes.create_string_buffer(512)  # longer than any Py_buffer
    get = ctypes.pythonapi.PyObject_GetBuffer
    get.argtypes = [ctypes.py_object, ctypes.c_void_p, ctypes.c_int]
    try:
        get(view.obj, room, flags)
    except BufferError:
        return False
    ctypes.pythonapi.PyBuffer_Release(room)
    return True


def test_memory_is_lent_in_the_order_it_lies_in() -> None:
    totals = pumpcore.totals_many([PLAN, PLAN], edges_us=[0, 5, 10])
    assert totals.shape == (2, 2, 3)
    asked = (SIMPLE, ND, STRIDES, C_ORDER, FORTRAN_ORDER, ANY_ORDER)
    assert [flags for flags in asked if lends(totals, flags)] == [ND, STRIDES, C_ORDER, ANY_ORDER]
    # Of one dimension, both orders are one.
    assert all(lends(pumpcore.schedule(PLAN).at_us, flags) for flags in asked)
    writable = 1
    assert not lends(totals, C_ORDER | writable)


def test_a_view_outlives_its_schedule() -> None:
    views = [pumpcore.schedule(PLAN).at_us for _ in range(50)]
    gc.collect()
    assert len({view.tobytes() for view in views}) == 1
    assert views[0][0] == 2_000_005


def test_an_empty_column_is_empty() -> None:
    schedule = pumpcore.schedule(PLAN | {"basal": [], "trains": []})
    assert len(schedule) == 0
    assert np.asarray(schedule.at_us).tolist() == []
    assert list(schedule.steps) == []


def test_an_engines_pulses_are_columns_too() -> None:
    engine = pumpcore.Delivery(step_uu=50_000)
    engine.set_rate(1_000_000)
    train = engine.start_train("bolus", duration_us=4_000_000, amount_uu=100_000)
    pulses = engine.advance(180_000_000)
    columns = zip(pulses.at_us, pulses.channel, pulses.train, pulses.steps, strict=True)
    assert list(columns) == [(2_000_000, 2, train, 1), (4_000_000, 2, train, 1), (180_000_000, 0, 0, 1)]
    assert np.asarray(pulses.train).dtype == np.uint32
    assert pulses.missed == []


def test_bulk_work_frees_other_threads() -> None:
    # Ten million pulses take long enough that another thread, did it wait for the GIL, would count nothing meanwhile.
    fine = {"step_uu": 100, "gap_us": 0, "grid_us": 0}
    plan = pumpcore.Plan(PLAN | {"actuator": fine, "to_us": 3_600_000_000, "basal": [[0, 1_000_000_000]]})
    begun, done, counted = threading.Event(), threading.Event(), 0

    def work() -> None:
        begun.set()
        pumpcore.schedule(plan)
        done.set()

    thread = threading.Thread(target=work)
    thread.start()
    begun.wait()
    while not done.is_set():
        counted += 1
    thread.join()
    assert plan.due_steps == 10_020_000
    assert counted > 1_000


def test_a_prepared_plan_gives_the_same_every_time() -> None:
    plan = pumpcore.Plan(PLAN)
    first, second = pumpcore.schedule(plan), pumpcore.schedule(plan)
    assert first.at_us == second.at_us == pumpcore.schedule(PLAN).at_us
    assert plan.due_steps == len(first) == len(first.at_us) == len(first.channel) == len(first.steps)
