"""What one pump model can do, and the checks that follow from it.

The rules of this file: it knows no model and no maker. A device is one frozen value whose figures do not contradict
each other; what differs by maker beyond figures is the name of a policy. A value that the device does not take is
refused, never rounded, unless the name of the function says so.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from pumpcore.bounds import within
from pumpcore.devices.suspend import SUSPEND_POLICIES
from pumpcore.errors import QuantityError
from pumpcore.frozen import dataclass, field
from pumpcore.units import UU_PER_U

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pumpcore.bounds import Range
    from pumpcore.devices.figures import Bands, Source, Speed, SpeedMode

__all__ = ["Device"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """What one pump model can do. None means that the model lacks the function or that the figure is not known.

    Attributes:
        id: the name of the data file.
        name: the model, as people call it.
        maker: who makes it.
        carelink_models: the model numbers under which CareLink exports name this class of pump.
        step_uu: one step of the actuator (a pulse, a stroke).
        gap_us: time that the actuator needs between two pulses; 0: none.
        grid_us: pulses leave only at whole multiples of this; 0: at any time.
        basal_uu_per_h: least and largest basal rate; 0 is always possible where the least is 0.
        basal_bands_uu_per_h: the rates that the device can run, by their steps.
        profiles: how many basal profiles it keeps.
        segments: how many segments a profile has at most.
        segment_us: segments start at whole multiples of this.
        temp_uu_per_h: rates of a temp basal in U/h, on the basal bands.
        temp_percent: temp basal in percent of the rate in force.
        temp_us: duration of a temp basal.
        bolus_uu: least and largest bolus.
        bolus_bands_uu: the amounts that the device can deliver, by their steps.
        bolus_speeds: how long a bolus takes as delivered by the maker, in rising order of amount.
        bolus_modes: other speeds that a person can choose.
        bolus_start_delay_us: how long after the confirmation a bolus starts; 0: at once.
        extended_us: duration of an extended bolus.
        extended_least_uu: the least bolus, all its parts together, of which a part may be extended.
        extended_meal_only: whether only what covers a meal may be extended, never a correction.
        max_basal_uu_per_h: setting of a person's largest basal rate.
        max_bolus_uu: setting of a person's largest bolus.
        hour_alert_percent: alert when boluses in the last 60 minutes exceed this percentage of the maximum bolus.
        reservoir_uu: what a full reservoir holds.
        low_reservoir_uu: setting of the low-reservoir alert by amount.
        low_reservoir_us: setting of the low-reservoir alert by time left.
        low_reservoir_again_uu: the amount left at which it is alerted once more, whatever the setting.
        occlusion_uu: insulin missed, on average, before an occlusion is detected.
        occlusion_most_uu: insulin missed, at most, before an occlusion is detected.
        auto_off_us: setting of the automatic stop when no button is pressed; it can always be off.
        auto_off_warning_us: how long the pump warns before it stops.
        suspend_policies: ids of the policies of `suspend` that the device offers; the first is the default.
        calculator_policy: id of the bolus calculator's policy (`therapy.policies.CALCULATOR_POLICIES`).
        low_presets: ids of the presets of low-glucose suspend that the device has (`therapy.low_suspend.LOW_PRESETS`).
        sources: where each figure comes from, by its place in the data file (`"basal.rate_u_per_h"`).
    """

    id: str
    name: str
    maker: str
    carelink_models: tuple[str, ...]
    step_uu: int
    gap_us: int
    grid_us: int
    basal_uu_per_h: Range
    basal_bands_uu_per_h: Bands
    profiles: int
    segments: int
    segment_us: int
    temp_uu_per_h: Range | None
    temp_percent: Range | None
    temp_us: Range | None
    bolus_uu: Range
    bolus_bands_uu: Bands
    bolus_speeds: tuple[Speed, ...]
    bolus_modes: tuple[SpeedMode, ...]
    bolus_start_delay_us: int
    extended_us: Range | None
    extended_least_uu: int | None
    extended_meal_only: bool
    max_basal_uu_per_h: Range | None
    max_bolus_uu: Range | None
    hour_alert_percent: int | None
    reservoir_uu: int
    low_reservoir_uu: Range | None
    low_reservoir_us: Range | None
    low_reservoir_again_uu: int | None
    occlusion_uu: int | None
    occlusion_most_uu: int | None
    auto_off_us: Range | None
    auto_off_warning_us: int | None
    suspend_policies: tuple[str, ...]
    calculator_policy: str
    low_presets: tuple[str, ...]
    sources: Mapping[str, Source] = field(compare=False, repr=False)

    def __post_init__(self) -> None:
        """Reject a device whose figures contradict each other."""
        if self.step_uu < 1 or (self.gap_us and self.grid_us):
            raise QuantityError(
                "actuator",
                (self.step_uu, self.gap_us, self.grid_us),
                "must have a step, and a gap or a grid but not both",
            )
        if any(band.step % self.step_uu for band in self.bolus_bands_uu.bands):
            raise QuantityError("bolus.steps_u", self.bolus_bands_uu, "must be whole steps of the actuator")
        for name, taken, bands in (
            ("basal.rate_u_per_h", self.basal_uu_per_h, self.basal_bands_uu_per_h),
            ("bolus.amount_u", self.bolus_uu, self.bolus_bands_uu),
        ):
            if any(end % bands.step_at(end) for end in (taken.least, taken.largest)):
                raise QuantityError(name, (taken.least, taken.largest), "must begin and end on a step")
        modes = (("bolus.modes_u", mode.speeds) for mode in self.bolus_modes)
        for name, speeds in (("bolus.speeds_u", self.bolus_speeds), *modes):
            starts = [speed.start_uu for speed in speeds]
            if starts[:1] != [0] or starts != sorted(set(starts)):
                raise QuantityError(name, starts, "must be rising amounts from 0 on")
        if len({mode.name for mode in self.bolus_modes}) < len(self.bolus_modes):
            raise QuantityError(
                "bolus.modes_u", [mode.name for mode in self.bolus_modes], "must have a different name for each mode"
            )
        self._check_optional()
        self._check_policies()

    def _check_optional(self) -> None:
        """Reject a figure that qualifies what is not there, or that the whole of it contradicts."""
        if (self.temp_us is None) != (self.temp_uu_per_h is None and self.temp_percent is None):
            raise QuantityError("temp_basal", self.temp_us, "needs a duration and a kind, or neither")
        if self.extended_us is None and (self.extended_least_uu is not None or self.extended_meal_only):
            raise QuantityError("extended_bolus", self.extended_us, "needs a duration")
        if self.auto_off_us is None and self.auto_off_warning_us is not None:
            raise QuantityError(
                "policies.auto_off_warning_seconds",
                self.auto_off_warning_us,
                "needs auto_off.hours: there is nothing to warn of",
            )
        again_uu, low_uu = self.low_reservoir_again_uu, self.low_reservoir_uu
        if again_uu is not None and (low_uu is None or again_uu > low_uu.least):
            raise QuantityError(
                "policies.low_reservoir_again_u", again_uu, "must be below every setting of the first alert"
            )
        for name, setting, taken in (
            ("limits.max_basal_u_per_h", self.max_basal_uu_per_h, self.basal_uu_per_h),
            ("limits.max_bolus_u", self.max_bolus_uu, self.bolus_uu),
        ):
            if setting is not None and setting.largest > taken.largest:
                raise QuantityError(name, setting.largest, "must not be more than the pump delivers")

    def _check_policies(self) -> None:
        """Reject names of policies that do not exist, twice, or not at all."""
        if not self.suspend_policies:
            raise QuantityError("policies.suspend", self.suspend_policies, "must name at least one policy")
        for policy in self.suspend_policies:
            if policy not in SUSPEND_POLICIES:
                raise QuantityError("policies.suspend", policy, f"must be one of {', '.join(SUSPEND_POLICIES)}")
        for key, names in (("suspend", self.suspend_policies), ("low_suspend", self.low_presets)):
            if len(set(names)) < len(names):
                raise QuantityError(f"policies.{key}", names, "must name each policy once")

    @property
    def temp_kinds(self) -> frozenset[str]:
        """The kinds of temp basal that the device has: `"absolute"` (U/h), `"percent"`."""
        ranges = {"absolute": self.temp_uu_per_h, "percent": self.temp_percent}
        return frozenset(kind for kind, taken in ranges.items() if taken is not None)

    def check_rate(self, rate_uu_per_h: int, *, name: str) -> int:
        """Return a basal rate if the device can run it.

        Args:
            rate_uu_per_h: micro-units per hour.
            name: the name that an error carries.

        Returns:
            `rate_uu_per_h`.

        Rounding:
            None: a rate between two steps is refused.

        Raises:
            QuantityError: the rate is not an integer or not on a step of the device. Nothing is changed.
            LimitError: the rate is outside the device's range. Nothing is changed.

        Example:
            >>> from pumpcore.devices import load
            >>> load("medtronic-522").check_rate(25_000, name="rate")
            Traceback (most recent call last):
            ...
            pumpcore.errors.QuantityError: rate: 25000 must be a whole multiple of 50000 uu/h
        """
        self.basal_uu_per_h.check(rate_uu_per_h, name=name, unit="uu/h")
        return self.basal_bands_uu_per_h.check(rate_uu_per_h, name=name, unit="uu/h")

    def check_temp_rate(self, rate_uu_per_h: int, *, name: str) -> int:
        """Return the rate of an absolute temp basal if the device can run it; 0 may be allowed here alone.

        Args:
            rate_uu_per_h: micro-units per hour.
            name: the name that an error carries.

        Returns:
            `rate_uu_per_h`.

        Rounding:
            None: a rate between two steps is refused.

        Raises:
            QuantityError: the device has no absolute temp basal, or the rate is not an integer or not on a step.
                Nothing is changed.
            LimitError: the rate is outside the device's range for temp basals. Nothing is changed.

        Example:
            >>> from pumpcore.devices import load
            >>> load("omnipod").check_temp_rate(0, name="rate")
            0
            >>> load("omnipod").check_rate(0, name="rate")
            Traceback (most recent call last):
            ...
            pumpcore.errors.LimitError: rate: 0 is below the least allowed, 50000 uu/h
        """
        if self.temp_uu_per_h is None:
            raise QuantityError(name, rate_uu_per_h, f"is not possible: {self.id} has no temp basal in U/h")
        self.temp_uu_per_h.check(rate_uu_per_h, name=name, unit="uu/h")
        return self.basal_bands_uu_per_h.check(rate_uu_per_h, name=name, unit="uu/h")

    def round_rate_down(self, rate_uu_per_h: int) -> int:
        """Round a rate as the device does where a calculation, not a person, names it (a temp basal in percent).

        Args:
            rate_uu_per_h: micro-units per hour, 0 to the device's largest rate.

        Returns:
            Micro-units per hour, on a step of the device.

        Rounding:
            Down to the step of the band that the rate lies in; to 0 below the device's least rate.

        Raises:
            QuantityError: the rate is not an integer. Nothing is changed.
            LimitError: the rate is negative or above the device's largest: refused, not clamped. Nothing is changed.

        Source:
            Paradigm 523: 125 % of 0.90 U/h runs at 1.10 and of 0.95 U/h at 1.15, by the daily totals of a real record.

        Example:
            >>> from pumpcore.devices import load
            >>> load("medtronic-523").round_rate_down(1_125_000)
            1100000
        """
        within(rate_uu_per_h, 0, self.basal_uu_per_h.largest, name="rate_uu_per_h", unit="uu/h")
        rounded = self.basal_bands_uu_per_h.round_down(rate_uu_per_h)
        return rounded if rounded >= self.basal_uu_per_h.least else 0

    def bolus_step_at(self, amount_uu: int) -> int:
        """Return the step, in micro-units, that a bolus of this amount (micro-units, at least 0) must be a multiple of.

        Example:
            >>> from pumpcore.devices import load
            >>> load("medtronic-523").bolus_step_at(10_000_000)
            100000
        """
        return self.bolus_bands_uu.step_at(amount_uu)

    def bolus_duration_us(self, amount_uu: int, *, mode: str | None = None) -> int:
        """Return how long the device takes to deliver a normal bolus.

        Args:
            amount_uu: micro-units, at least 0.
            mode: the name of one of `bolus_modes`; None for the speed as delivered by the maker.

        Returns:
            Microseconds.

        Rounding:
            Up to a microsecond.

        Raises:
            QuantityError: the device has no such mode.

        Example:
            >>> from pumpcore.devices import load
            >>> load("medtronic-523").bolus_duration_us(2_000_000)
            80000000
            >>> load("medtronic-640g").bolus_duration_us(2_000_000, mode="quick")
            8000000
        """
        speeds = self.bolus_speeds
        if mode is not None:
            speeds = next((each.speeds for each in self.bolus_modes if each.name == mode), ())
        if not speeds:
            raise QuantityError("mode", mode, f"is not a bolus speed of {self.id}")
        speed = speeds[bisect_right(speeds, amount_uu, key=lambda speed: speed.start_uu) - 1]
        if speed.us_in_all is not None:
            return speed.us_in_all
        return -(-amount_uu * (speed.us_per_u or 0) // UU_PER_U)
