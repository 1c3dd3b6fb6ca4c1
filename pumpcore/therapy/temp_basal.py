"""Temp basals: another rate, or a percentage of the programmed rate, for a while.

The rules of this file: a temp basal lives on monotonic time and ends by itself after its duration; then the rate for
*that* local time applies. A rate above a bound is refused, never clamped; a percentage is rounded down to the device's
step.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, TypeAlias

from pumpcore.errors import QuantityError
from pumpcore.frozen import dataclass
from pumpcore.limits import check

if TYPE_CHECKING:
    from pumpcore.devices import Device
    from pumpcore.limits import Limits
    from pumpcore.therapy.profile import WeekPlan

__all__ = ["AbsoluteTemp", "PercentTemp", "TempBasal"]


@dataclass(frozen=True, slots=True)
class AbsoluteTemp:
    """Replace the programmed rate by another for a while; 0 stops basal delivery for that while.

    Args:
        start_us: monotonic time.
        duration_us: at least 1; a temp basal that was cancelled has lasted as long as it has lasted.
        rate_uu_per_h: micro-units per hour.

    Raises:
        QuantityError: an argument is not an integer.
        LimitError: an argument is outside the kernel's range.
    """

    start_us: int
    duration_us: int
    rate_uu_per_h: int

    def __post_init__(self) -> None:
        """Reject what the kernel would reject."""
        _check_span(self.start_us, self.duration_us)
        check("rate_uu_per_h", self.rate_uu_per_h)

    def over(self, rate_uu_per_h: int, device: Device) -> int:
        """Return the rate that runs where the profile has `rate_uu_per_h`: the temp basal's own, whatever that is."""
        del rate_uu_per_h, device
        return self.rate_uu_per_h

    def check(self, *, plan: WeekPlan, device: Device, limits: Limits) -> None:
        """Reject a temp basal, as asked for, that this device cannot run for this person.

        Raises:
            QuantityError: the device has no absolute temp basal, or duration or rate are on none of its steps.
                Nothing is changed.
            LimitError: duration or rate are outside the device's or the person's bounds. Nothing is changed.
        """
        del plan
        _check_duration(self.duration_us, device)
        if device.temp_uu_per_h is None:
            raise QuantityError(
                "rate_uu_per_h", self.rate_uu_per_h, f"is not possible: {device.id} has no temp basal in U/h"
            )
        device.temp_uu_per_h.check(self.rate_uu_per_h, name="rate_uu_per_h", unit="uu/h")
        device.check_temp_rate(self.rate_uu_per_h, name="rate_uu_per_h")
        limits.check("max_temp_basal_uu_per_h", self.rate_uu_per_h)


@dataclass(frozen=True, slots=True)
class PercentTemp:
    """Run a percentage of the rate in force, segment by segment, for a while; 0 stops basal delivery for that while.

    Args:
        start_us: monotonic time.
        duration_us: at least 1; a temp basal that was cancelled has lasted as long as it has lasted.
        percent: 100 is the profile itself.

    Raises:
        QuantityError: an argument is not an integer.
        LimitError: an argument is outside its hard range.

    Example:
        >>> from pumpcore.devices import load
        >>> PercentTemp(0, 3_600_000_000, 125).over(950_000, load("medtronic-523"))
        1150000
    """

    start_us: int
    duration_us: int
    percent: int

    def __post_init__(self) -> None:
        """Reject what the kernel would reject, and absurd percentages."""
        _check_span(self.start_us, self.duration_us)
        check("max_temp_basal_percent", self.percent, field="percent")

    def over(self, rate_uu_per_h: int, device: Device) -> int:
        """Return the rate that runs where the profile has `rate_uu_per_h`.

        Args:
            rate_uu_per_h: the profile's rate, micro-units per hour.
            device: whose steps the result has.

        Returns:
            Micro-units per hour.

        Rounding:
            Down to the device's step, so that a small percentage of a small rate can be 0, as on the pump.

        Raises:
            LimitError: the result is above the device's largest rate: refused, not clamped. Nothing is changed.
        """
        return device.round_rate_down(rate_uu_per_h * self.percent // 100)

    def check(self, *, plan: WeekPlan, device: Device, limits: Limits) -> None:
        """Reject a temp basal, as asked for, that this device cannot run for this person.

        It is checked against every rate of the plan, so that no later segment can make it run above a bound.

        Raises:
            QuantityError: the device has no temp basal in percent, or duration or percent are on none of its steps.
                Nothing is changed.
            LimitError: duration, percent or a rate that follows is outside the device's or the person's bounds.
                Nothing is changed.
        """
        _check_duration(self.duration_us, device)
        if device.temp_percent is None:
            raise QuantityError("percent", self.percent, f"is not possible: {device.id} has no temp basal in percent")
        device.temp_percent.check(self.percent, name="percent", unit="%")
        limits.check("max_temp_basal_percent", self.percent)
        for segment in chain.from_iterable(profile.segments for profile in plan.profiles()):
            limits.check("max_temp_basal_uu_per_h", self.over(segment.rate_uu_per_h, device))


TempBasal: TypeAlias = AbsoluteTemp | PercentTemp


def _check_span(start_us: int, duration_us: int) -> None:
    check("time_us", start_us, field="start_us")
    check("duration_us", duration_us)


def _check_duration(duration_us: int, device: Device) -> None:
    if device.temp_us is None:
        raise QuantityError("duration_us", duration_us, f"is not possible: {device.id} has no temp basal")
    check("temp_basal_us", duration_us, field="duration_us")
    device.temp_us.check(duration_us, name="duration_us", unit="us")
