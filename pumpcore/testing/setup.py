"""What the pump of a contract is made with: a few devices, plans, clocks and settings where things go wrong.

The rule of this file: data, and how one pump is drawn of it. Plans have edges close together, clocks stand just before
they are put forward or back, limits are wide, tight, or missing. Random ones of any kind are in `strategies`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final, NamedTuple

from hypothesis import strategies as st

from pumpcore.alarms import AlarmSettings, Watch
from pumpcore.devices import Device, load
from pumpcore.devices.suspend import SUSPEND_POLICIES
from pumpcore.frozen import replace
from pumpcore.limits import Limits
from pumpcore.pump import Calculator, Config, Settings
from pumpcore.therapy.calculator import CALCULATOR_POLICIES as ADVICE
from pumpcore.therapy.envelope import ControllerBounds
from pumpcore.therapy.glucose import MgDl
from pumpcore.therapy.low_suspend import LOW_PRESETS, LowSettings
from pumpcore.therapy.profile import Anchor, BasalProfile, Segment, WeekPlan
from pumpcore.units import US_PER_HOUR as H
from pumpcore.units import US_PER_MINUTE as MIN
from pumpcore.units import UU_PER_U as U

__all__ = [
    "DEVICES",
    "LIMIT_SETS",
    "NIGHTS",
    "PLANS",
    "PLAN_TOO_FAST",
    "WIDE_LIMITS",
    "Night",
    "PumpSetup",
    "config_of",
    "setups",
]

Night = tuple[str, datetime]
"""A zone, and what its clocks show in UTC."""

WIDE_LIMITS: Final = Limits(
    max_basal_uu_per_h=35 * U,
    max_temp_basal_uu_per_h=35 * U,
    max_temp_basal_percent=200,
    max_bolus_uu=25 * U,
    max_iob_uu=60 * U,
    max_hour_uu=60 * U,
    max_day_uu=300 * U,
)
"""Wide limits: what is not about limits does not meet them."""


def _plan(*segments: tuple[int, int], weekend: tuple[tuple[int, int], ...] | None = None) -> WeekPlan:
    other = None if weekend is None else BasalProfile("weekend", tuple(Segment(*each) for each in weekend))
    return WeekPlan.of(BasalProfile("everyday", tuple(Segment(*each) for each in segments)), weekend=other)


_EARLY, _LATE, _FREE = (
    BasalProfile(name, tuple(Segment(start_us, rate) for start_us, rate in segments))
    for name, segments in (
        ("early", ((0, U), (2 * H, 300_000), (3 * H, 2 * U), (23 * H, 100_000))),
        ("late", ((0, 100_000), (H, 3 * U), (2 * H, 500_000), (12 * H, 1_500_000))),
        ("free", ((0, 2 * U), (H, 400_000))),
    )
)
PLANS: Final = (
    _plan((0, U)),
    _plan((0, 400_000), (6 * H, 1_300_000), (12 * H, 100_000), (13 * H, 2 * U)),
    _plan((0, 100_000), weekend=((0, 3 * U), (H, 700_000))),
    _plan((0, 10 * U)),
    WeekPlan((_EARLY, _LATE, _EARLY, _LATE, _FREE, _LATE, _EARLY)),
)
"""Plans that any of `DEVICES` can run."""

PLAN_TOO_FAST: Final = _plan((0, 36 * U))
"""A plan that no person's limits allow."""

NIGHTS: Final[tuple[Night, ...]] = (
    ("UTC", datetime(2026, 1, 5, tzinfo=UTC)),
    ("UTC", datetime(2026, 1, 9, 22, tzinfo=UTC)),
    ("Europe/Copenhagen", datetime(2026, 3, 28, 23, 30, tzinfo=UTC)),
    ("Europe/Copenhagen", datetime(2026, 10, 24, 23, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 4, 4, 14, 10, tzinfo=UTC)),
    ("America/Santiago", datetime(2026, 9, 6, 3, 30, tzinfo=UTC)),
    ("Pacific/Apia", datetime(2011, 12, 30, 8, tzinfo=UTC)),
    ("Antarctica/Troll", datetime(2026, 3, 29, 0, 30, tzinfo=UTC)),
)
"""Clocks that are about to be put forward or back, that pass midnight into another weekday, or lose a whole day."""

_LOWS: Final = (
    LowSettings(LOW_PRESETS["medtronic-530g"], MgDl(70)),
    LowSettings(LOW_PRESETS["medtronic-veo"], MgDl(65)),
    LowSettings(LOW_PRESETS["medtronic-640g"], MgDl(70)),
    LowSettings(LOW_PRESETS["tandem-basal-iq"], MgDl(80)),
)
_ALARMS: Final = (
    AlarmSettings(),
    AlarmSettings(auto_off_us=3 * H, glucose_check_us=30 * MIN, missed_meal_us=H),
    AlarmSettings(auto_off_us=5 * H, glucose_check_us=2 * H, watch=Watch(reminder_us=5 * MIN, high_us=H + MIN)),
)
_MEALS: Final = ((0, 30 * MIN), (2 * H, 2 * H + 30 * MIN), (12 * H, 13 * H), (23 * H, 24 * H - 1))
_BOUNDS: Final = (
    ControllerBounds(),
    ControllerBounds(max_rate_uu_per_h=3 * U, max_bolus_uu=500_000, max_duration_us=H, max_age_us=5 * MIN),
    ControllerBounds(max_rate_uu_per_h=30 * U, max_duration_us=2 * H, max_age_us=0),
)
LIMIT_SETS: Final = (
    WIDE_LIMITS,
    WIDE_LIMITS,
    replace(WIDE_LIMITS, max_bolus_uu=3 * U, max_iob_uu=6 * U),
    replace(WIDE_LIMITS, max_hour_uu=4 * U, max_day_uu=30 * U),
    replace(WIDE_LIMITS, max_bolus_uu=None),
    Limits(),
)
"""Wide limits (more often than others), tight ones, and ones that nobody has chosen."""

DEVICES: Final[tuple[str, ...]] = (
    "medtronic-523",
    "generic-0.05",  # offers every suspend policy
    "generic-0.05",
    "omnipod",
    "roche-combo",
    "tandem-tslim-x2",
    "roche-insight",
)
"""Without a grid, and with each; no preset has a gap."""


class PumpSetup(NamedTuple):
    """What a pump of a contract is made with, and how far it has come.

    Attributes:
        device: the id of a preset, or a device of one's own.
        policy: of suspend; where the device does not offer it, the device's own.
        plan: a place in `PLANS`.
        limits: a place in `LIMIT_SETS`.
        low: low-glucose suspend, if it is on.
        alarms: the person's alarm settings.
        meals: whether boluses are expected at meals.
        controller: what an automatic controller may do.
        calculator: the policy of the bolus calculator, if it is on.
        night: the clock on the wall.
        running: whether it is brought to running first.
        reservoir_uu: what is in the reservoir that it is brought to running with.
    """

    device: str | Device
    policy: str
    plan: int
    limits: int
    low: LowSettings | None
    alarms: AlarmSettings
    meals: bool
    controller: ControllerBounds
    calculator: str | None
    night: Night
    running: bool
    reservoir_uu: int


def config_of(setup: PumpSetup) -> Config:
    """Make the config of a pump that begins at 0."""
    zone, utc = setup.night
    calculator = None
    if setup.calculator is not None:
        calculator = Calculator(
            policy=setup.calculator,
            carb_ratio_mg_per_u=12_000,
            sensitivity=MgDl(45),
            target_low=MgDl(90),
            target_high=MgDl(120),
        )
    device = load(setup.device) if isinstance(setup.device, str) else setup.device
    settings = Settings(
        limits=LIMIT_SETS[setup.limits],
        suspend_policy=setup.policy if setup.policy in device.suspend_policies else None,
        low_suspend=setup.low,
        alarms=setup.alarms,
        meals=_MEALS if setup.meals else (),
        controller=setup.controller,
        calculator=calculator,
    )
    return Config(
        device=device,
        settings=settings,
        plan=PLANS[setup.plan],
        anchor=Anchor(0, utc),
        zone=zone,
    )


def setups(*devices: str | Device) -> st.SearchStrategy[PumpSetup]:
    """Draw setups.

    Args:
        devices: presets by their ids, or devices of one's own that can run `PLANS`; `DEVICES` where none is given.

    Returns:
        A strategy for `PumpContract.setups`.
    """
    return st.builds(
        PumpSetup,
        device=st.sampled_from(devices or DEVICES),
        policy=st.sampled_from(sorted(SUSPEND_POLICIES)),
        plan=st.integers(0, len(PLANS) - 1),
        limits=st.integers(0, len(LIMIT_SETS) - 1),
        low=st.sampled_from([None, *_LOWS]),
        alarms=st.sampled_from(_ALARMS),
        meals=st.booleans(),
        controller=st.sampled_from([_BOUNDS[1], *_BOUNDS]),
        calculator=st.sampled_from([None, *sorted(ADVICE)]),
        night=st.sampled_from(NIGHTS),
        running=st.sampled_from([True, True, True, False]),
        reservoir_uu=st.sampled_from([9 * U, 20 * U, 100 * U]),
    )
