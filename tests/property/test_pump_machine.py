"""Every kind of event in any order, refused ones included, against an independent model.

Goal: to find a way of events on which the pump breaks a requirement. Method: `pumpcore.testing.PumpContract`, as an
integrator runs it, on `pumpcore.Pump` itself. Ways on which it was wrong, or its model, are kept here by name.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import pytest
from hypothesis import settings

from pumpcore.alarms import AlarmSettings
from pumpcore.testing import PumpContract, PumpSetup
from pumpcore.therapy.envelope import ControllerBounds
from pumpcore.therapy.glucose import MgDl
from pumpcore.therapy.low_suspend import LOW_PRESETS, LowSettings

TestPumpMachine = pytest.mark.req(
    "DEL-01",
    "DEL-05",
    "DEL-06",
    "DEL-12",
    "DEL-14",
    "MOD-01",
    "MOD-06",
    "WCH-01",
    "PWR-03",
    "SUS-03",
    "SUS-04",
    "PRF-03",
    "TIM-02",
    "TIM-03",
    "ADV-07",
    "GLU-02",
    "GLU-03",
    "GLU-05",
    "GLU-06",
    "ALM-08",
    "ALM-10",
)(PumpContract.TestCase)
TestPumpMachine.settings = settings(stateful_step_count=30)

PLAIN: Final = PumpSetup(
    device="medtronic-523",
    policy="medtronic",
    plan=0,
    limits=0,
    low=None,
    alarms=AlarmSettings(),
    meals=False,
    controller=ControllerBounds(),
    calculator=None,
    night=("UTC", datetime(2026, 1, 5, tzinfo=UTC)),
    running=True,
    reservoir_uu=9_000_000,
)


def test_a_low_that_rises_does_not_begin_a_suspend_that_any_rise_ends() -> None:
    state = PumpContract()
    state.begin(setup=PLAIN._replace(low=LowSettings(LOW_PRESETS["tandem-basal-iq"], MgDl(80))))
    state.glucose_takes_its_course(by=-12, mg_per_dl=65, readings=3)
    state.glucose_takes_its_course(by=0, mg_per_dl=65, readings=3)
    assert state.pump.status.state.value == "running"
