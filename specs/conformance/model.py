"""What a bounded model of the specification is for the real pump: device, settings and limits, from its constants.

The rule of this file: a model is made from the constants of a configuration of TLC and nothing else. Figures that the
specification has too (how long an alarm waits, how old is old) are written here again, not taken from the code.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from pumpcore.alarms import AlarmSettings, Watch
from pumpcore.devices import Range, Speed, load
from pumpcore.limits import Limits
from pumpcore.pump import Config, Settings
from pumpcore.therapy.glucose import MgDl
from pumpcore.therapy.low_suspend import LowPreset, LowSettings
from pumpcore.therapy.profile import Anchor, BasalProfile, Segment, WeekPlan
from pumpcore.units import US_PER_HOUR

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pumpcore.devices import Device

__all__ = ["FULL_UU", "MEANT", "MINUTE", "MONDAY", "NEVER_AGAIN", "OTHER_PLAN", "PLAN", "STEP_UU", "Model", "beyond"]

MINUTE: Final = 60_000_000
STEP_UU: Final = 50_000
FULL_UU: Final = 300_000_000
PLAN: Final = "everyday"
OTHER_PLAN: Final = "other"
MONDAY: Final = datetime(2026, 1, 5, tzinfo=UTC)
LOW_MG_DL: Final = 60

MEANT: Final = {"doubtful": 40, "low": 50, "falling": 70, "fine": 140}
"""The least value of a reading that means this, in mg/dL; those just above it mean the same."""

HIGH: Final = frozenset(
    {
        "occlusion_detected",
        "mechanical_issue",
        "reservoir_issue",
        "reservoir_empty",
        "battery_empty",
        "auto_off",
        "no_delivery_high",
        "no_delivery_danger",
        "glucose_low",
    }
)
MEDIUM: Final = frozenset(
    {"no_delivery_medium", "disconnect_over", "priming_issue", "bolus_canceled", "glucose_unknown", "pulse_uncertain"}
)
NEVER_AGAIN: Final = frozenset(
    {
        "bolus_canceled",
        "tbr_over",
        "tbr_canceled",
        "bolus_not_confirmed",
        "pulse_uncertain",
        "reservoir_low",
        "auto_off_soon",
        "glucose_low_predicted",
    }
)
SUSPEND_POLICIES: Final = {
    (True, False, 0): "medtronic",
    (False, False, 0): "tandem",
    (True, True, 15): "roche_pause",
}
"""By whether a temp basal and boluses are kept, and the minutes that are made up."""


@dataclass(frozen=True, slots=True)
class Model:
    """The constants of one bounded model, with what they mean for the real pump."""

    constants: Mapping[str, Any]

    @property
    def tick_us(self) -> int:
        """Give the span of one tick."""
        return int(self.constants["Minutes"]) * MINUTE

    @property
    def kinds(self) -> tuple[str, ...]:
        """Name the annunciations it looks at."""
        return tuple(sorted(self.constants["Kinds"]))

    @property
    def dry_most(self) -> int:
        """Say how many ticks without insulin it counts."""
        return self.ticks(120) if any(kind.startswith("no_delivery") for kind in self.kinds) else 0

    @property
    def stopped_most(self) -> int:
        """Say how many ticks since the stop it counts."""
        pause = int(self.constants["MakesUp"])
        return max(pause + 1 if pause else 0, self.ticks(15) if "no_delivery_reminder" in self.kinds else 0)

    @property
    def heard_most(self) -> int:
        """Say how many ticks without the sensor it counts: with the last of them the link is lost."""
        return self.ticks(24) if "sensor_link_lost" in self.kinds else 0

    def ticks(self, minutes: int) -> int:
        """Say how many ticks a span is, rounded up."""
        return -(-minutes // int(self.constants["Minutes"]))

    def oldest(self, kind: str) -> int:
        """Say how long a pending annunciation grows more urgent, in ticks."""
        return self.ticks(10) if kind in HIGH else self.ticks(40) if kind in MEDIUM else 0

    def device(self) -> Device:
        """Give a pump whose pulses leave at ticks: one step of each part of a bolus in one tick."""
        plain = load("generic-0.05")
        spans = Range(self.tick_us, 30 * self.tick_us, step=self.tick_us)
        return replace(
            plain,
            grid_us=self.tick_us,
            bolus_speeds=(Speed(0, self.tick_us * 20, None),),
            temp_us=spans,
            extended_us=spans,
            auto_off_warning_us=self.tick_us,
        )

    def config(self) -> Config:
        """Say what the real pump is made with."""
        constants, new = self.constants, self.constants["Begins"] == "new"
        minutes, whole_ticks = 15 if constants["MakesUp"] else 0, int(constants["MakesUp"])
        if whole_ticks != minutes // int(constants["Minutes"]):
            raise ValueError(f"no policy makes up {whole_ticks} ticks")
        policy = SUSPEND_POLICIES[constants["KeepsTemp"], constants["KeepsBoluses"], minutes]
        return Config(
            device=self.device(),
            settings=Settings(
                limits=Limits() if new else self.limits(),
                suspend_policy=policy,
                alarms=self.alarms(),
                low_suspend=self.low_suspend(),
            ),
            plan=None if new and "ProposePlan" in constants["Events"] else self.plan(),
            anchor=None if new else Anchor(0, MONDAY),
            lateness_us=MINUTE,
            proposal_us=int(constants["OfferTicks"]) * self.tick_us,
            unanswered_us=10 * MINUTE,
        )

    def alarms(self) -> AlarmSettings:
        """Give the thresholds of the watch, of a lost link and of auto-off."""
        auto_off = int(self.constants["AutoOff"])
        return AlarmSettings(
            watch=Watch(reminder_us=15 * MINUTE, medium_us=30 * MINUTE, high_us=60 * MINUTE, danger_us=120 * MINUTE),
            sensor_lost_us=24 * MINUTE,
            auto_off_us=auto_off * self.tick_us if auto_off else None,
        )

    def low_suspend(self) -> LowSettings | None:
        """Give a preset that suspends at the limit alone, or before it too; then it ends well above it.

        It predicts for an instant only, so that what a reading means hangs on no slope; but it needs to have one.
        """
        longest, after, by_hand = (int(self.constants[name]) for name in ("LowMost", "LowAway", "LowAwayHand"))
        if not longest:
            return None
        preset = LowPreset(
            id="model",
            limit=Range(LOW_MG_DL, LOW_MG_DL),
            horizon_us=int(self.constants["LowPredicts"]),
            predicted_above=20,
            now_below=0,
            resume_above=20,
            resume_predicted_above=40,
            most_us=longest * self.tick_us,
            after_most_us=after * self.tick_us,
            after_hand_us=by_hand * self.tick_us,
            sources=(),
        )
        return LowSettings(preset, MgDl(LOW_MG_DL))

    def limits(self) -> Limits:
        """Give limits that are met by a bolus that is too large, and by nothing else."""
        return Limits(
            max_basal_uu_per_h=10_000_000,
            max_temp_basal_uu_per_h=10_000_000,
            max_temp_basal_percent=200,
            max_bolus_uu=int(self.constants["MaxBolus"]) * STEP_UU,
            max_iob_uu=60_000_000,
            max_hour_uu=60_000_000,
            max_day_uu=300_000_000,
        )

    def rate(self, parts: int) -> int:
        """Give the rate that earns so many parts of a step in a tick."""
        rate, rest = divmod(parts * STEP_UU * US_PER_HOUR, int(self.constants["Parts"]) * self.tick_us)
        if rest:
            raise ValueError(f"no rate earns {parts} parts of a step in a tick")
        return rate

    def parts(self, fine: int) -> int:
        """Count the parts of a step in what the kernel has earned of one, or in a rate for a tick.

        Returns:
            -1 where it is no whole number of them: nothing in the specification is like that.
        """
        parts, rest = divmod(fine * int(self.constants["Parts"]), STEP_UU * US_PER_HOUR)
        return -1 if rest else parts

    @property
    def flat_uu_per_h(self) -> int:
        """Give the rate of the absolute temp basal."""
        return self.rate(2 * int(self.constants["Rate"]))

    def plan(self, name: str = PLAN) -> WeekPlan:
        """Give the same rate all week; the other plan has twice the rate."""
        rate = int(self.constants["Rate"]) * (2 if name == OTHER_PLAN else 1)
        return WeekPlan.of(BasalProfile(name, (Segment(0, self.rate(rate)),)))


def beyond(seen: Mapping[str, Any], model: Model) -> bool:
    """Say whether a state lies outside the bounds of the model, where the specification does not look."""
    bounds = {"boluses": "MostBoluses", "offers": "MostOffers", "pulses": "MostPulses"}
    return any(len(seen[name]) > int(model.constants[bound]) for name, bound in bounds.items())
