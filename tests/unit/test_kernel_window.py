"""The window of a schedule is open at its beginning and closed at its end, for each release, to the microsecond."""

from __future__ import annotations

import pytest

from pumpcore import schedule

SECOND_US = 1_000_000


@pytest.mark.req("DEL-01")
@pytest.mark.parametrize(("gap_us", "grid_us"), [(0, 0), (SECOND_US, 0), (0, SECOND_US)])
def test_a_pulse_at_the_beginning_is_outside_and_one_at_the_end_inside(gap_us: int, grid_us: int) -> None:
    """A train from before the window has a pulse at each whole second."""
    train = {"channel": "bolus", "start_us": 0, "duration_us": 4 * SECOND_US, "amount_uu": 200_000}
    window = {"from_us": 2 * SECOND_US, "to_us": 3 * SECOND_US, "basal": [], "trains": [train]}
    actuator = {"step_uu": 50_000, "gap_us": gap_us, "grid_us": grid_us}
    assert list(schedule({"actuator": actuator, **window}).at_us) == [3 * SECOND_US]
