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
from pumpcore.therapy.glucose import Beyond, MgDl, Quality
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


def mg_per_dl(value: Glucose | Beyond) -> int:
    """Return the number of a value in mg/dL; the contracts use this unit only. LO and HI are beyond all others."""
    if isinstance(value, Beyond):
        return 0 if value is Beyond.LO else 100_000
    if not isinstance(value, MgDl):
        raise TypeError(value)
    return value.mg_per_dl


@dataclass
class Readings:
    """The readings of the last 24 hours, of the sensor and of a meter, each in the order of time; how many came."""

    sensor: list[Reading] = field(default_factory=list)
    meter: list[Reading] = field(default_factory=list)
    taken: int = 0

    def add(self, reading: Reading, now_us: int, *, by_meter: bool) -> None:
        """Keep a reading, unless it is there already."""
        record = self.meter if by_meter else self.sensor
        if reading not in record and reading.at_us > now_us - DAY:
            record.append(reading)
            self.taken += 1
        record[:] = sorted((each for each in record if each.at_us > now_us - DAY), key=lambda each: each.at_us)

    @property
    def latest_us(self) -> int | None:
        """When glucose was measured last."""
        return max((each.at_us for each in (*self.sensor, *self.meter)), default=None)

    def by_sensor(self, now_us: int) -> int | None:
        """Return the sensor's latest value that may be used for a decision, in mg/dL (GLU-04)."""
        found = self._fresh(self.sensor, now_us)
        return None if found is None else mg_per_dl(found.value)

    def usable(self, now_us: int) -> int | None:
        """Return the value that counts now, in mg/dL (ADV-04, GLU-07)."""
        sensor, meter = self._fresh(self.sensor, now_us), self._fresh(self.meter, now_us)
        if meter is None:
            return None if sensor is None else mg_per_dl(sensor.value)
        value = mg_per_dl(meter.value)
        if sensor is not None and sensor.at_us > meter.at_us and 10 * mg_per_dl(sensor.value) < 8 * value:
            return mg_per_dl(sensor.value)
        return value

    def low(self, bound: Fraction, now_us: int) -> int | None:
        """Return how long ago the low was of which nobody knows that it is over (GLU-08); None where there is none."""
        ages = []
        for record, wait_us in ((self.sensor, 0), (self.meter, 15 * MIN)):
            lows = [each.at_us for each in record if mg_per_dl(each.value) < bound]
            if not lows:
                continue
            well = [
                each.at_us >= lows[-1] + (wait_us if of_sensor else 0)
                for of_sensor, readings in ((True, self.sensor), (False, self.meter))
                for each in readings
                if each.at_us > lows[-1] and each.quality is Quality.GOOD and mg_per_dl(each.value) >= bound
            ]
            if not any(well):
                ages.append(now_us - lows[-1])
        return min(ages, default=None)

    @staticmethod
    def _fresh(record: list[Reading], now_us: int) -> Reading | None:
        good = [each for each in record if each.quality is Quality.GOOD]
        return good[-1] if good and now_us - good[-1].at_us <= READING_MOST_US else None


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
        preset, value = self.settings.preset, self.readings.by_sensor(now_us)
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
        return None if len(self.readings.sensor) >= a_trend_needs else False

    def falls(self, now_us: int) -> bool:
        """Return whether no reading of the last hour is above the one before it, so that no trend can rise."""
        last = [each for each in self.readings.sensor if each.at_us > now_us - 60 * MIN]
        return all(mg_per_dl(after.value) <= mg_per_dl(before.value) for before, after in pairwise(last))

    def may_end(self, now_us: int) -> bool | None:
        """Whether it ends now by itself; None where that hangs on the trend."""
        if self.since_us is None:
            return False
        preset, value = self.settings.preset, self.readings.by_sensor(now_us)
        if self.full(now_us):
            return True
        if value is None or now_us - self.since_us < preset.least_us or not preset.horizon_us:
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
        glucose_us = self.readings.latest_us
        unchecked = self.bolus_us is not None and (glucose_us is None or glucose_us < self.bolus_us)
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
