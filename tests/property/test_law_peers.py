"""What other systems get wrong (DOMAIN.md 7), each as a day on the kernel.

Each is shown twice: as a plan, and as commands to the engine at the instants at which a controller sends them.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pumpcore import Delivery, schedule
from pumpcore.testing.programmes import DAY_US, plan
from pumpcore.testing.reference import HOUR_US

STEP_UU = 50_000
MINUTE_US = 60_000_000
Day = Callable[[list[list[int]]], int]


def planned(basal: list[list[int]]) -> int:
    """Micro-units that a day's plan delivers."""
    return len(schedule(plan(STEP_UU, basal=basal))) * STEP_UU


def commanded(basal: list[list[int]]) -> int:
    """Micro-units that the engine delivers in a day when the rate is set at each of these instants."""
    engine = Delivery(step_uu=STEP_UU)
    steps = 0
    for at_us, rate_uu_per_h in basal:
        steps += sum(engine.advance(at_us).steps)
        engine.set_rate(rate_uu_per_h)
    steps += sum(engine.advance(DAY_US).steps)
    return steps * STEP_UU


@pytest.mark.req("DEL-02")
@pytest.mark.parametrize("delivered", [planned, commanded])
def test_a_rate_issued_again_every_five_minutes(delivered: Day) -> None:
    """Loop and AndroidAPS on an Omnipod deliver 14.4 U here: each re-issue restarts the pulse clock (Loop#1015)."""
    assert delivered([[i * 5 * MINUTE_US, 700_000] for i in range(288)]) == 16_800_000


@pytest.mark.req("DEL-02")
@pytest.mark.parametrize("delivered", [planned, commanded])
def test_a_rate_issued_again_every_minute(delivered: Day) -> None:
    """AndroidAPS with one-minute glucose delivers no basal at all here (AndroidAPS#4158)."""
    assert delivered([[i * MINUTE_US, 100_000] for i in range(1440)]) == 2_400_000


@pytest.mark.parametrize("delivered", [planned, commanded])
def test_two_rates_in_turn_every_half_hour(delivered: Day) -> None:
    """A pump driver that drops the half pulse at each segment's edge delivers 408 steps here instead of 432."""
    assert delivered([[i * HOUR_US // 2, (850_000, 950_000)[i % 2]] for i in range(48)]) == 432 * STEP_UU


def test_a_step_that_is_due_is_not_lost_to_a_float() -> None:
    """0.15 U/h earns 0.05 U in 1200 s exactly; 0.15 * (1200 / 3600) / 0.05 in floats is not quite 1: 0 steps."""
    assert list(schedule(plan(STEP_UU, to_us=1_200_000_000, basal=[[0, 150_000]])).at_us) == [1_200_000_000]


def test_every_rate_delivers_its_day_exactly() -> None:
    """A float that adds up the insulin of a day is wrong for 31 of these 300 rates."""
    for tenths in range(1, 301):
        rate_uu_per_h = tenths * 100_000
        day = schedule(plan(STEP_UU, basal=[[0, rate_uu_per_h]]))
        assert len(day) == 24 * rate_uu_per_h // STEP_UU
        assert day.at_us[-1] == DAY_US


def test_no_interval_overflows_above_the_rate_that_breaks_sixteen_bits() -> None:
    """A driver with a 16-bit product computes a negative interval from 6.85 U/h on."""
    for rate_uu_per_h in range(6_750_000, 7_000_000, 25_000):
        first_us = schedule(plan(STEP_UU, basal=[[0, rate_uu_per_h]])).at_us[0]
        assert first_us == -(-STEP_UU * HOUR_US // rate_uu_per_h)


def test_small_steps_of_time_lose_nothing() -> None:
    """A simulator that floors the insulin of each minute delivers 0 of 24 U at 1 U/h."""
    engine = Delivery(step_uu=STEP_UU)
    engine.set_rate(1_000_000)
    assert sum(sum(engine.advance(i * MINUTE_US).steps) for i in range(1, 1441)) * STEP_UU == 24_000_000
