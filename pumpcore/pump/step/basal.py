"""The basal rate in force: what the week plan says at this time of day, and a temp basal over it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pumpcore.alarms import Kind
from pumpcore.errors import LimitError, ModeError, QuantityError
from pumpcore.limits import HARD_LIMITS
from pumpcore.pump.config import zone_of
from pumpcore.pump.effects import EndReason, RateCause, RateChanged, TempEnded, TempStarted
from pumpcore.pump.modes import State
from pumpcore.therapy.profile import AbsoluteTemp, PercentTemp, rate_segments
from pumpcore.units import NEVER_US, US_PER_HOUR

if TYPE_CHECKING:
    from pumpcore.pump.events import ProposeTemp
    from pumpcore.pump.state import PumpState
    from pumpcore.pump.step import Step
    from pumpcore.therapy.profile import BasalProfile, TempBasal

__all__ = [
    "adds_insulin",
    "available_profiles",
    "check_temp",
    "end_temp",
    "follow_rate",
    "profile_name",
    "refresh_profile_rate",
    "start_temp",
]

LOOK_AHEAD_US: Final = 26 * US_PER_HOUR
"""Past the next midnight even on a day of 25 hours."""


def refresh_profile_rate(s: PumpState) -> None:
    """Ask the week plan which rate holds now, and until when.

    Where the wall clock is beyond the instants for which local time is known, the last rate goes on: a clock must never
    stop basal.
    """
    plan, anchor = s.basal.plan, s.local.anchor
    if plan is None or anchor is None:
        s.basal = s.basal._replace(rate_uu_per_h=0, edge_us=NEVER_US)
        return
    wall_us = HARD_LIMITS["wall_clock_us"].largest - anchor.shift_us
    until_us = min(s.now_us + LOOK_AHEAD_US, HARD_LIMITS["time_us"].largest, wall_us)
    if until_us <= s.now_us or anchor.utc_us(s.now_us) < 0:
        s.basal = s.basal._replace(edge_us=NEVER_US)
        return
    segments = rate_segments(
        plan,
        device=s.config.device,
        zone=zone_of(s.local.zone),
        anchor=anchor,
        from_us=s.now_us,
        to_us=until_us,
    )
    rate = next(segments, (s.now_us, 0))[1]
    edge_us = next(segments, (until_us, 0))[0]
    s.basal = s.basal._replace(rate_uu_per_h=rate, edge_us=edge_us)


def available_profiles(s: PumpState) -> dict[str, BasalProfile]:
    """Return the basal profiles that are in force or stored, by name."""
    plan = s.basal.plan
    in_force = {} if plan is None else {profile.name: profile for profile in plan.profiles()}
    return in_force | {name: profile for name, profile in s.basal.profiles.items() if name not in in_force}


def profile_name(s: PumpState) -> str | None:
    """Return the name of the profile of this weekday."""
    plan, anchor = s.basal.plan, s.local.anchor
    if plan is None or anchor is None:
        return None
    return plan.profile_at(anchor.utc_us(s.now_us), zone_of(s.local.zone)).name


def programmed_rate(s: PumpState) -> int:
    """Return the rate that is programmed now, whether it is delivered or not."""
    rate, temp = s.basal.rate_uu_per_h, s.basal.temp
    return rate if temp is None else temp.over(rate, s.config.device)


def follow_rate(step: Step, cause: RateCause) -> None:
    """Give the kernel the rate that is in force now.

    An actuator with a gap may have to work off a bolus first: then the lower rate goes on until a later step.
    """
    s = step.state
    s.scheduled.set_rate(s.basal.rate_uu_per_h)
    rate = programmed_rate(s)
    s.missing.set_rate(rate if s.suspension.misses else 0)
    if s.state is not State.RUNNING:
        rate = 0
    if rate == s.engine.rate_uu_per_h:
        return
    try:
        s.engine.set_rate(rate)
    except LimitError:
        if s.engine.rate_uu_per_h == 0:
            step.raise_alarm(Kind.MAX_DELIVERY)
        return
    step.say(RateChanged(s.now_us, rate, cause))


def check_temp(request: ProposeTemp, s: PumpState) -> TempBasal:
    """Return the temp basal that is asked for, if it may run from now on."""
    if s.state is not State.RUNNING or s.basal.plan is None:
        raise ModeError(s.state.value, "temp_basal")
    temp: TempBasal
    if (request.rate_uu_per_h is None) == (request.percent is None):
        raise QuantityError("rate_uu_per_h", request.rate_uu_per_h, "or percent must be given, and not both")
    if request.percent is None:
        temp = AbsoluteTemp(s.now_us, request.duration_us, request.rate_uu_per_h or 0)
    else:
        temp = PercentTemp(s.now_us, request.duration_us, request.percent)
    temp.check(plan=s.basal.plan, device=s.config.device, limits=s.settings.limits)
    return temp


def adds_insulin(temp: TempBasal, s: PumpState) -> bool:
    """Return whether a temp basal could deliver more than the plan at any time of any day."""
    profiles = s.basal.plan.profiles() if s.basal.plan else ()
    rates = [segment.rate_uu_per_h for profile in profiles for segment in profile.segments]
    return any(temp.over(rate, s.config.device) > rate for rate in rates)


def start_temp(step: Step, temp: TempBasal, *, by_controller: bool = False) -> None:
    """Begin a temp basal that was checked; one that runs makes way for it."""
    s = step.state
    if s.basal.temp is not None:
        step.say(TempEnded(s.now_us, EndReason.CANCELED))
    s.basal = s.basal._replace(temp=temp, by_controller=by_controller)
    absolute = temp.rate_uu_per_h if isinstance(temp, AbsoluteTemp) else None
    percent = temp.percent if isinstance(temp, PercentTemp) else None
    step.say(TempStarted(s.now_us, s.temp_until_us, absolute, percent))
    follow_rate(step, RateCause.CONTROLLER if by_controller else RateCause.TEMP_STARTED)


def end_temp(step: Step, reason: EndReason) -> None:
    """End the temp basal; the rate of the profile for this time of day applies."""
    s, by_controller = step.state, step.state.basal.by_controller
    s.basal = s.basal._replace(temp=None, by_controller=False)
    step.say(TempEnded(s.now_us, reason))
    if not by_controller:
        step.raise_alarm(Kind.TBR_OVER if reason is EndReason.OVER else Kind.TBR_CANCELED)
    elif reason is EndReason.OVER:
        step.raise_alarm(Kind.CONTROLLER_EXPIRED)
    follow_rate(step, RateCause.TEMP_OVER if reason is EndReason.OVER else RateCause.TEMP_CANCELED)
