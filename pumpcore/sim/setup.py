"""What a virtual world begins with: a pump's configuration and its surroundings, drawn from a seed.

The rule of this file: everything that is drawn is one that a person could choose; nothing is drawn twice.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Literal

from pumpcore.devices import load
from pumpcore.frozen import dataclass, replace
from pumpcore.limits import Limits
from pumpcore.pump import Calculator, Config, Settings
from pumpcore.sim.dice import Dice
from pumpcore.therapy.envelope import ControllerBounds
from pumpcore.therapy.glucose import MgDl
from pumpcore.therapy.low_suspend import LOW_PRESETS, LowSettings
from pumpcore.therapy.profile import Anchor, BasalProfile, Segment, WeekPlan
from pumpcore.units import US_PER_HOUR, US_PER_MINUTE, UU_PER_U

if TYPE_CHECKING:
    from pumpcore.devices import Device

__all__ = ["CALCULATOR", "CAMPAIGN_MODES", "USUAL_LIMITS", "CampaignMode", "WorldSetup", "draw_plan", "draw_setup"]

CampaignMode = Literal["safety", "liveness"]
CAMPAIGN_MODES: Final[tuple[CampaignMode, ...]] = ("safety", "liveness")

_DEVICES: Final = (
    "medtronic-523",
    "medtronic-523",
    "medtronic-640g",
    "omnipod",
    "omnipod",
    "generic-0.05",
    "roche-combo",
    "animas-vibe",
    "tandem-tslim-x2",
)
_ZONES: Final = ("UTC", "Europe/Copenhagen", "America/New_York", "Australia/Sydney")
_RATES: Final = (100_000, 100_000, 200_000, 200_000, 300_000, 400_000, 700_000, 1_100_000, 2_000_000)
_STARTS: Final = (
    datetime(2026, 1, 5, 7, 30, tzinfo=UTC),
    datetime(2026, 3, 28, 20, tzinfo=UTC),  # a day of 23 hours in Europe comes
    datetime(2026, 10, 24, 20, tzinfo=UTC),  # a day of 25
    datetime(2028, 2, 28, 12, tzinfo=UTC),
    datetime(2038, 1, 18, 12, tzinfo=UTC),  # 2**31 seconds end
)

USUAL_LIMITS: Final = Limits(
    max_basal_uu_per_h=5 * UU_PER_U,
    max_temp_basal_uu_per_h=10 * UU_PER_U,
    max_temp_basal_percent=200,
    max_bolus_uu=15 * UU_PER_U,
    max_iob_uu=25 * UU_PER_U,
    max_hour_uu=30 * UU_PER_U,
    max_day_uu=120 * UU_PER_U,
)
"""Limits that an ordinary day does not meet."""

CALCULATOR: Final = Calculator(
    policy="omnipod",
    carb_ratio_mg_per_u=10_000,
    sensitivity=MgDl(40),
    target_low=MgDl(90),
    target_high=MgDl(120),
)
"""A bolus calculator with the figures of one person."""

_NARROW: Final = (
    USUAL_LIMITS,
    USUAL_LIMITS,
    USUAL_LIMITS,
    replace(USUAL_LIMITS, max_bolus_uu=4 * UU_PER_U, max_iob_uu=6 * UU_PER_U),
    replace(USUAL_LIMITS, max_hour_uu=4 * UU_PER_U),
    replace(USUAL_LIMITS, max_day_uu=20 * UU_PER_U),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldSetup:
    """What a world begins with.

    Attributes:
        seed: all that is drawn comes from it.
        mode: whether faults go on to the end (safety), or end and everything must be well again (liveness).
        span_us: how long the world lasts.
        config: what the pump is made with.
        reservoir_uu: what the first reservoir holds.
        by_link: whether requests come as commands over a link.
        sensor: whether there is a glucose sensor.
        controller: whether there is an automatic controller.
    """

    seed: int
    mode: CampaignMode
    span_us: int
    config: Config
    reservoir_uu: int = 120 * UU_PER_U
    by_link: bool = False
    sensor: bool = True
    controller: bool = False


def draw_plan(dice: Dice, device: Device) -> WeekPlan:
    """Draw a week plan that the device can deliver."""

    def profile(name: str) -> BasalProfile:
        count = dice.between(1, 4)
        hours = sorted({0, *(dice.between(1, 23) for _ in range(count - 1))})
        return BasalProfile(name, tuple(Segment(hour * US_PER_HOUR, dice.pick(_RATES)) for hour in hours))

    other = device.profiles > 1 and dice.one_in(3)
    return WeekPlan.of(profile("everyday"), weekend=profile("weekend") if other else None)


def draw_setup(seed: int, *, mode: CampaignMode, hours: int) -> WorldSetup:
    """Draw what a world begins with.

    Args:
        seed: what to draw from.
        mode: of the world.
        hours: how long it lasts.

    Example:
        >>> draw_setup(1, mode="safety", hours=24) == draw_setup(1, mode="safety", hours=24)
        True
    """
    dice = Dice(seed, "setup")
    device = load(dice.pick(_DEVICES))
    sensor = dice.one_in(2)
    low = sensor and dice.one_in(3)
    controller = sensor and not low and dice.one_in(4)
    start = dice.pick(_STARTS)
    config = Config(
        device=device,
        plan=draw_plan(dice, device),
        anchor=Anchor(0, start),
        zone=dice.pick(_ZONES),
        settings=Settings(
            limits=dice.pick(_NARROW),
            suspend_policy=dice.pick(device.suspend_policies),
            low_suspend=LowSettings(LOW_PRESETS[dice.pick(("medtronic-640g", "medtronic-530g"))], MgDl(70))
            if low
            else None,
            controller=ControllerBounds(
                max_rate_uu_per_h=4 * UU_PER_U,
                max_bolus_uu=UU_PER_U,
                max_duration_us=2 * US_PER_HOUR,
                max_age_us=5 * US_PER_MINUTE,
            )
            if controller
            else ControllerBounds(),
            calculator=CALCULATOR if dice.one_in(3) else None,
            remote=True,
        ),
    )
    return WorldSetup(
        seed=seed,
        mode=mode,
        span_us=hours * US_PER_HOUR,
        config=config,
        reservoir_uu=dice.pick((15, 60, 120)) * UU_PER_U,
        by_link=dice.one_in(2),
        sensor=sensor,
        controller=controller,
    )
