"""What a pump does for a person and tells them, said once more: low-glucose suspend, the calculator, reminders.

The rule of this file: as in `model`, nothing is taken from the modules that decide. The figures of a preset and of
the settings are data; what follows from them is said here again, as far as it is certain from them alone.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from pumpcore.alarms import Kind
from pumpcore.frozen import dataclass, field
from pumpcore.therapy.glucose import MgDl, Quality
from pumpcore.units import US_PER_DAY as DAY
from pumpcore.units import US_PER_MINUTE as MIN

if TYPE_CHECKING:
    from pumpcore.alarms import AlarmSettings
    from pumpcore.pump import Calculator
    from pumpcore.testing.wall_clock import WallClockModel
    from pumpcore.therapy.glucose import Glucose, Reading
    from pumpcore.therapy.low_suspend import LowSettings

READING_MOST_US: Final = 12 * MIN
"""ADV-04."""


def mg_per_dl(value: Glucose) -> int:
    """Return the number of a value in mg/dL; the contracts use this unit only."""
    if not isinstance(value, MgDl):
        raise TypeError(value)
    return value.mg_per_dl


@dataclass
class Readings:
    """The readings, the first one of each minute."""

    by_minute: dict[int, Reading] = field(default_factory=dict)

    def add(self, reading: Reading, now_us: int) -> None:
        """Keep a reading of the last 24 hours."""
        oldest = now_us // MIN - DAY // MIN + 1
        self.by_minute = {minute: each for minute, each in self.by_minute.items() if minute >= oldest}
        if reading.at_us // MIN >= oldest:
            self.by_minute.setdefault(reading.at_us // MIN, reading)

    @property
    def latest(self) -> Reading | None:
        """The latest."""
        return self.by_minute[max(self.by_minute)] if self.by_minute else None

    def usable(self, now_us: int) -> int | None:
        """Return the latest value in mg/dL if it may be used for a decision, otherwise None (ADV-04, GLU-04)."""
        latest = self.latest
        if latest is None or latest.quality is not Quality.GOOD or now_us - latest.at_us > READING_MOST_US:
            return None
        return mg_per_dl(latest.value)


@dataclass
class LowSuspendModel:
    """Low-glucose suspend while it is turned on: when it began, who ended it, how much of its time is used."""

    settings: LowSettings
    readings: Readings
    since_us: int | None = None
    spans: list[tuple[int, int]] = field(default_factory=list)
    by_hand_us: int | None = None
    longest_us: int | None = None

    def used_us(self, now_us: int) -> int:
        """How long it has suspended within the preset's window, the suspend of now included."""
        window_us = self.settings.preset.window_us
        spans = self.spans if window_us else []
        if self.since_us is not None:
            spans = [*spans, (self.since_us, now_us)]
        first_us = now_us - window_us if window_us else -DAY
        return sum(end - max(begin, first_us) for begin, end in spans if end > first_us)

    def full(self, now_us: int) -> bool:
        """Whether it has lasted its longest."""
        return self.used_us(now_us) >= self.settings.preset.most_us

    def locked_out(self, now_us: int) -> bool:
        """GLU-03: whether a resume by hand or a longest suspend is too recent."""
        preset = self.settings.preset
        pairs = ((self.by_hand_us, preset.after_hand_us), (self.longest_us, preset.after_most_us))
        return any(at_us is not None and now_us - at_us < wait_us for at_us, wait_us in pairs)

    def may_begin(self, now_us: int) -> bool | None:
        """Whether a suspend begins now by the latest reading; None where that hangs on the trend."""
        preset, value = self.settings.preset, self.readings.usable(now_us)
        if value is None or self.full(now_us) or self.locked_out(now_us):
            return False
        above = value - mg_per_dl(self.settings.limit)
        if not preset.horizon_us:
            return above <= 0
        if preset.now_below is not None and above <= -preset.now_below:
            # A suspend that any rise ends does not begin in one: the next reading would end it again.
            return True if preset.resume_above is not None or self.falls(now_us) else None
        if preset.gate_above is not None and above > preset.gate_above:
            return False
        a_trend_needs = 3
        return None if len(self.readings.by_minute) >= a_trend_needs else False

    def falls(self, now_us: int) -> bool:
        """Return whether no reading of the last hour is above the one before it, so that no trend can rise."""
        last = [each for _, each in sorted(self.readings.by_minute.items()) if each.at_us > now_us - 60 * MIN]
        return all(mg_per_dl(after.value) <= mg_per_dl(before.value) for before, after in pairwise(last))

    def may_end(self, now_us: int) -> bool | None:
        """Whether it ends now by itself; None where that hangs on the trend."""
        if self.since_us is None:
            return False
        preset, value = self.settings.preset, self.readings.usable(now_us)
        if value is None or self.full(now_us):
            return True
        if now_us - self.since_us < preset.least_us or not preset.horizon_us:
            return False
        low_still = preset.resume_above is not None and value - mg_per_dl(self.settings.limit) <= preset.resume_above
        return False if low_still else None

    def ends(self, now_us: int, *, by_hand: bool = False, by_itself: bool = False) -> None:
        """End a suspend for low glucose, or make another suspend of it."""
        if self.since_us is None:
            return
        if by_hand:
            self.by_hand_us = now_us
        if by_itself and self.full(now_us):
            self.longest_us = now_us
        self.spans.append((self.since_us, now_us))
        self.since_us = None


def most_advised(calculator: Calculator, carbs_mg: int, value: int | None, ahead_uu: int) -> Fraction:
    """Bound every suggestion: food and correction in full, less what one policy takes off in any case (ADV-02)."""
    food_uu = Fraction(carbs_mg * 1_000_000, calculator.carb_ratio_mg_per_u)
    sensitivity, low, high = map(mg_per_dl, (calculator.sensitivity, calculator.target_low, calculator.target_high))
    correction = 0 if value is None else max(value - high, 0) + min(value - low, 0)
    taken_uu = ahead_uu if calculator.policy == "ypsomed" else 0
    return max(food_uu + Fraction(correction * 1_000_000, sensitivity) - taken_uu, Fraction())


def meal_is_missed(  # noqa: PLR0913, PLR0917 - each is another fact
    clock: WallClockModel,
    meals: tuple[tuple[int, int], ...],
    span_us: int,
    begun_us: int,
    bolus_us: int | None,
    now_us: int,
) -> bool:
    """ALM-10: whether the last meal's window went by without a bolus, not long ago."""
    midnight_us = now_us - clock.local_us(now_us) % DAY
    windows = [(day_us + begin, day_us + end) for day_us in (midnight_us - DAY, midnight_us) for begin, end in meals]
    begun = [window for window in windows if begun_us <= window[0] <= now_us]
    if not begun:
        return False
    from_us, to_us = max(begun)
    return to_us <= now_us < to_us + span_us and not (bolus_us is not None and bolus_us >= from_us)


@dataclass
class ReminderModel:
    """What the person is reminded of, and the facts that it follows from."""

    settings: AlarmSettings
    meals: tuple[tuple[int, int], ...]
    readings: Readings
    person_us: int = 0
    bolus_us: int | None = None
    disconnected_until_us: int | None = None

    def due(
        self, now_us: int, *, clock: WallClockModel | None, stopped_us: int | None, begun_us: int | None
    ) -> dict[Kind, bool]:
        """Whether the cause of each reminder is there; `stopped_us` is since when delivery is stopped after a start."""
        glucose = self.readings.latest
        unchecked = self.bolus_us is not None and (glucose is None or glucose.at_us < self.bolus_us)
        check_us = self.settings.glucose_check_us
        missed = (
            clock is not None
            and begun_us is not None
            and meal_is_missed(clock, self.meals, self.settings.missed_meal_us, begun_us, self.bolus_us, now_us)
        )
        return {
            Kind.GLUCOSE_CHECK: unchecked and check_us is not None and now_us >= (self.bolus_us or 0) + check_us,
            Kind.MISSED_MEAL: missed,
            Kind.DISCONNECT_OVER: self.disconnected_until_us is not None and now_us >= self.disconnected_until_us,
            Kind.NO_DELIVERY_REMINDER: stopped_us is not None
            and now_us - stopped_us >= self.settings.watch.reminder_us,
        }

    def auto_off(self, state: str, now_us: int) -> bool:
        """ALM-08: whether the person has touched nothing for too long."""
        after_us = self.settings.auto_off_us
        return state == "running" and after_us is not None and now_us >= self.person_us + after_us
