"""Read what a pump is made with: device, limits, profiles, and the person's settings.

The rule of this file: a table is read by itself and refused by its own name; what several say together is checked by
`Config`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from pumpcore.alarms import AlarmSettings, Watch
from pumpcore.devices import load as load_device
from pumpcore.errors import QuantityError, RecordError, RequestError
from pumpcore.limits import Limits
from pumpcore.pump.config import Config, zone_of
from pumpcore.pump.config_file import words
from pumpcore.pump.config_file.tables import Table
from pumpcore.pump.settings import Calculator, Settings
from pumpcore.therapy.envelope import ControllerBounds
from pumpcore.therapy.glucose import MmolL
from pumpcore.therapy.iob import Curve
from pumpcore.therapy.low_suspend import LOW_PRESETS, LowSettings
from pumpcore.therapy.profile import Anchor, BasalProfile, Segment, WeekPlan
from pumpcore.units import US_PER_MINUTE, parse_u, parse_u_per_h

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ConfigReader"]


class _Setting(NamedTuple):
    """A key of [alarms]: which setting it is, and how it is written."""

    setting: str
    read: Callable[..., int]


_ALARMS: Final = {
    "reminder": _Setting("reminder_us", words.span),
    "no_delivery_medium": _Setting("medium_us", words.span),
    "no_delivery_high": _Setting("high_us", words.span),
    "no_delivery_danger": _Setting("danger_us", words.span),
    "reservoir_low": _Setting("reservoir_low_uu", parse_u),
    "reservoir_lasts": _Setting("reservoir_low_us", words.span),
    "battery_low": _Setting("battery_low_percent", words.whole),
    "battery_empty": _Setting("battery_empty_percent", words.whole),
    "battery_lead": _Setting("battery_lead_us", words.span),
    "set_age": _Setting("set_age_us", words.span),
    "reservoir_age": _Setting("reservoir_age_us", words.span),
    "auto_off": _Setting("auto_off_us", words.span),
    "glucose_check": _Setting("glucose_check_us", words.span),
    "missed_meal": _Setting("missed_meal_us", words.span),
    "sensor_lost": _Setting("sensor_lost_us", words.span),
}

_LIMITS: Final = {
    "max_basal": ("max_basal_uu_per_h", parse_u_per_h),
    "max_temp_basal": ("max_temp_basal_uu_per_h", parse_u_per_h),
    "max_temp_percent": ("max_temp_basal_percent", words.whole),
    "max_bolus": ("max_bolus_uu", parse_u),
    "max_iob": ("max_iob_uu", parse_u),
    "max_hour": ("max_hour_uu", parse_u),
    "max_day": ("max_day_uu", parse_u),
}

_DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class ConfigReader:
    """Takes the tables of a pump apart."""

    def __init__(self, name: str, data: dict[str, object], source: str) -> None:
        """Take over the parsed file and its text."""
        self.name = name
        self.top = Table(name, data)
        self.lines = source.splitlines()

    def table(self, key: str, *, needed: bool = False) -> Table | None:
        """Take a table; where it is needed, an absent one is an empty one, whose keys are then missing."""
        if not needed and not self.top.has(key):
            return None
        return Table(f"{self.name}: [{key}]", self.top.take(key, {}))

    def config_alone(self) -> Config:
        """Read a file that holds a pump's configuration and nothing else."""
        pump = Table(f"{self.name}: [pump]", self.top.take("pump", {}))
        calendar = self.calendar(pump) if pump.has("start") else None
        zone = "UTC" if calendar is not None else pump.text("zone", "UTC")
        config = self.config(pump, calendar, self.profiles(), zone=zone)
        pump.done()
        self.top.done()
        return config

    def calendar(self, pump: Table) -> words.Calendar:
        """Read where local time stands at the start."""
        zone = pump.text("zone")
        start = pump.read("start", words.local)
        try:
            return words.Calendar(words.utc_of(start, zone_of(zone), field="start"), zone)
        except RequestError as error:
            pump.refuse(error)

    def profiles(self) -> dict[str, BasalProfile]:
        """Read the basal profiles, by name."""
        rows = self.top.take("profile", [])
        if not isinstance(rows, list) or not rows:
            raise RecordError(self.name, "[[profile]] is missing: at least one basal profile is needed")
        profiles: dict[str, BasalProfile] = {}
        for number, row in enumerate(rows, start=1):
            table = Table(f"{self.name}: [[profile]] {number}", row)
            name = table.text("name")
            try:
                segments = tuple(self._segment(key, value) for key, value in table.rest())
                profile = BasalProfile(name, segments)
            except RequestError as error:
                table.refuse(error)
            if name in profiles:
                raise RecordError(table.where, f"{name!r:.40} is defined twice")
            profiles[name] = profile
        return profiles

    @staticmethod
    def _segment(key: str, value: object) -> Segment:
        if not isinstance(value, str):
            raise QuantityError(key, value, 'must be text in quotes: write the rate as "0.80"')
        return Segment(words.day_us(key, field="segment"), parse_u_per_h(value, field=key))

    def _week(self, profiles: dict[str, BasalProfile]) -> WeekPlan:
        """Read the plan; a profile alone needs none."""
        table = self.table("week")
        if table is None:
            if len(profiles) > 1:
                raise RecordError(
                    self.name, "[week] is missing: with more than one profile, it says which one applies on which day"
                )
            return WeekPlan.of(*profiles.values())
        chosen: dict[str, BasalProfile] = {}
        for key, days in (("all", _DAYS), ("weekdays", _DAYS[:5]), ("weekend", _DAYS[5:]), *((d, (d,)) for d in _DAYS)):
            if table.has(key):
                name = table.text(key)
                if name not in profiles:
                    table.refuse(QuantityError(key, name, f"is not one of {', '.join(profiles)}"))
                chosen |= dict.fromkeys(days, profiles[name])
        table.done()
        for day in _DAYS:
            if day not in chosen:
                raise RecordError(table.where, f"{day} has no profile")
        return WeekPlan(tuple(chosen[day] for day in _DAYS))

    def config(
        self, pump: Table, calendar: words.Calendar | None, profiles: dict[str, BasalProfile], *, zone: str = "UTC"
    ) -> Config:
        """Read the device, the limits and the settings; `calendar` says where the clock stands, if it is set."""
        try:
            device = load_device(pump.text("device"))
        except RequestError as error:
            pump.refuse(error)
        limits = Table(f"{self.name}: [limits]", self.top.take("limits", {}))
        try:
            chosen = Limits(**{name: limits.read(key, reader) for key, (name, reader) in _LIMITS.items()})
        except RequestError as error:
            limits.refuse(error)
        limits.done()
        alarms, meals = self._alarms()
        plan = self._week(profiles)
        try:
            settings = Settings(
                limits=chosen,
                suspend_policy=pump.text("suspend") if pump.has("suspend") else None,
                curve=self._curve(),
                alarms=alarms,
                meals=meals,
                calculator=self._calculator(),
                low_suspend=self._low_suspend(),
                controller=self._controller(),
                language=pump.text("language", "en"),
            )
            return Config(
                device=device,
                settings=settings,
                plan=plan,
                profiles=tuple(profile for profile in profiles.values() if profile not in plan.profiles()),
                anchor=None if calendar is None else Anchor(0, calendar.start),
                zone=zone if calendar is None else calendar.zone,
            )
        except RequestError as error:
            raise RecordError(self.name, str(error)) from error

    def _curve(self) -> Curve:
        table = self.table("insulin_on_board")
        if table is None:
            return Curve.exponential(360, 75)
        kind = table.text("curve")
        minutes = table.read("lasts", words.span) // US_PER_MINUTE
        peak = table.read("peak", words.span) // US_PER_MINUTE if kind == "exponential" else 0
        table.done()
        makers = {
            "exponential": lambda: Curve.exponential(minutes, peak),
            "walsh": lambda: Curve.walsh(minutes),
            "bilinear": lambda: Curve.bilinear(minutes),
            "linear": lambda: Curve.linear(minutes),
        }
        try:
            if kind not in makers:
                raise QuantityError("curve", kind, f"is not one of {', '.join(makers)}")
            return makers[kind]()
        except RequestError as error:
            table.refuse(error)

    def _alarms(self) -> tuple[AlarmSettings, tuple[tuple[int, int], ...]]:
        """Read the person's alarm settings, and when meals are to be expected."""
        table = self.table("alarms")
        if table is None:
            return AlarmSettings(), ()
        given = {row.setting: table.read(key, row.read) for key, row in _ALARMS.items() if table.has(key)}
        try:
            meals = tuple(_window(text) for text in table.texts("meals"))
        except RequestError as error:
            table.refuse(error)
        table.done()
        watch = {name: value for name, value in given.items() if name in Watch.__slots__}
        try:
            return AlarmSettings(watch=Watch(**watch), **{k: v for k, v in given.items() if k not in watch}), meals
        except RequestError as error:
            table.refuse(error)

    def _calculator(self) -> Calculator | None:
        table = self.table("calculator")
        if table is None:
            return None
        low, high = table.read("target", words.glucose_range)
        made = Calculator(
            policy=table.text("policy") if table.has("policy") else None,
            carb_ratio_mg_per_u=table.read("grams_per_u", words.grams),
            sensitivity=table.read("sensitivity", words.glucose),
            target_low=low,
            target_high=high,
            hard_low=table.read("hard_low", words.glucose, "3.9 mmol/L" if isinstance(low, MmolL) else "70 mg/dL"),
        )
        table.done()
        return made

    def _low_suspend(self) -> LowSettings | None:
        table = self.table("low_suspend")
        if table is None:
            return None
        preset = table.text("preset")
        if preset not in LOW_PRESETS:
            table.refuse(QuantityError("preset", preset, f"is not one of {', '.join(LOW_PRESETS)}"))
        limit = table.read("limit", words.glucose)
        table.done()
        try:
            return LowSettings(LOW_PRESETS[preset], limit)
        except RequestError as error:
            table.refuse(error)

    def _controller(self) -> ControllerBounds:
        table = self.table("controller")
        if table is None:
            return ControllerBounds()
        bounds = {
            "max_rate_uu_per_h": table.read("max_rate", parse_u_per_h),
            "max_bolus_uu": table.read("max_bolus", parse_u),
            "max_duration_us": table.read("max_time", words.span),
            "max_age_us": table.read("max_age", words.span, "5 min"),
        }
        table.done()
        try:
            return ControllerBounds(**bounds)
        except RequestError as error:
            table.refuse(error)


def _window(text: str) -> tuple[int, int]:
    """Read a window of the local day: `11:30 to 13:30`."""
    begin, _, end = text.partition(" to ")
    return words.day_us(begin, field="meals"), words.day_us(end, field="meals")
