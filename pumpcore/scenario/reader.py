"""Read a scenario: a TOML file that says one thing only.

The rules of this file: amounts and rates are text and floats are refused; an unknown key is refused; every refusal is
one line with the file, the place in it, and what was expected. What is read has been checked as far as it can be
without running it: the pump's configuration is made, every entry is parsed and has its instant.
"""

from __future__ import annotations

import tomllib
from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, NoReturn

from pumpcore.alarms import AlarmSettings, Watch
from pumpcore.devices import load as load_device
from pumpcore.errors import QuantityError, RecordError, RequestError
from pumpcore.frozen import dataclass
from pumpcore.limits import Limits
from pumpcore.pump import Calculator, Config
from pumpcore.pump.config import zone_of
from pumpcore.scenario import words
from pumpcore.scenario.entries import Action, Entry, parse
from pumpcore.scenario.sensor import curve
from pumpcore.scenario.tables import Table
from pumpcore.therapy.glucose import LOW_PRESETS, ControllerBounds, LowSettings, MmolL, Reading
from pumpcore.therapy.iob import Curve
from pumpcore.therapy.profile import Anchor, BasalProfile, Segment, WeekPlan
from pumpcore.units import US_PER_DAY, US_PER_MINUTE, parse_u, parse_u_per_h

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date, datetime

__all__ = ["DAYS_MAX", "ENTRIES_MAX", "Scenario", "examples", "read", "read_text"]

BYTES_MAX: Final = 1024 * 1024
"""A scenario has at most this many bytes."""

DAYS_MAX: Final = 31
"""A scenario lasts at most so many days."""

ENTRIES_MAX: Final = 5_000
"""A scenario has at most so many entries."""

_CONFIRM_MS: Final = 100
_CONFIRM_MS_MAX: Final = 600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What is to happen to a pump.

    Attributes:
        name: of the file, without its ending.
        title: one line.
        about: what it shows, a sentence or two; may be empty.
        config: what the pump is made with.
        calendar: where local times lie.
        end_us: when it ends, monotonic; it begins at 0.
        running: whether it begins with a reservoir change and a start.
        reservoir_uu: what that reservoir holds.
        prime_uu: what a reservoir change moves into the tubing ...
        fill_uu: ... and into the cannula.
        battery_percent: what is measured at the start, or None.
        confirm_us: how long the actuator takes to confirm a pulse.
        profiles: the basal profiles by their names.
        readings: of the sensor, as its curve has them.
        entries: what happens, in order.
    """

    name: str
    title: str
    about: str
    config: Config
    calendar: words.Calendar
    end_us: int
    running: bool
    reservoir_uu: int
    prime_uu: int
    fill_uu: int
    battery_percent: int | None
    confirm_us: int
    profiles: dict[str, BasalProfile]
    readings: tuple[Reading, ...]
    entries: tuple[Entry, ...]


def examples() -> dict[str, str]:
    """List the scenarios that come with the package.

    Returns:
        Titles by name, in the order of the names.

    Example:
        >>> "ordinary_day" in examples()
        True
    """
    folder = files("pumpcore.scenario").joinpath("examples")
    names = sorted(each.name.removesuffix(".toml") for each in folder.iterdir() if each.name.endswith(".toml"))
    return {name: read(name).title for name in names}


def read(source: str) -> Scenario:
    """Read a scenario from a file.

    Args:
        source: a path ending in `.toml`, or the name of a shipped scenario.

    Returns:
        The scenario.

    Raises:
        RecordError: there is no such file, or it holds no scenario.
    """
    path = Path(source)
    shipped = files("pumpcore.scenario").joinpath("examples", f"{source}.toml")
    try:
        if path.suffix != ".toml" and path.name == source and shipped.is_file():
            return read_text(shipped.read_text(encoding="utf-8"), name=source)
        with path.open("rb") as file:
            data = file.read(BYTES_MAX + 1)
    except OSError as error:
        hint = "" if path.suffix == ".toml" else "; `pumpcore run --list` names those that come with pumpcore"
        raise RecordError(source, f"cannot be read: {error.strerror or error}{hint}") from error
    if len(data) > BYTES_MAX:
        raise RecordError(source, f"has more than {BYTES_MAX} bytes")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise RecordError(source, f"is not UTF-8: byte {error.start + 1} is 0x{data[error.start]:02x}") from error
    return read_text(text, name=path.name)


def read_text(text: str, *, name: str) -> Scenario:
    """Read a scenario from its text.

    Args:
        text: TOML.
        name: what to call it; an error carries it.

    Raises:
        RecordError: it is no TOML, has an unknown key, lacks one, or has a value that is not exact or not allowed.

    Example:
        >>> read_text("title = 1", name="bad.toml")
        Traceback (most recent call last):
        ...
        pumpcore.errors.RecordError: bad.toml: title: 1 is no text
    """
    try:
        data = tomllib.loads(text, parse_float=_refuse_float)
    except (tomllib.TOMLDecodeError, QuantityError) as error:
        raise RecordError(name, str(error)) from error
    except RecursionError as error:
        raise RecordError(name, "is nested too deeply") from error
    return _Reader(name, data, text).scenario()


def _refuse_float(text: str) -> NoReturn:
    raise QuantityError("TOML", text, 'is a float: write an amount as text ("0.8"), a count as a whole number')


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


class _Reader:
    """Takes a file apart, table by table."""

    def __init__(self, name: str, data: dict[str, object], source: str) -> None:
        self.name = name
        self.top = Table(name, data)
        self.lines = source.splitlines()

    def table(self, key: str, *, needed: bool = False) -> Table | None:
        """Take a table; where it is needed, an absent one is an empty one, whose keys are then missing."""
        if not needed and not self.top.has(key):
            return None
        return Table(f"{self.name}: [{key}]", self.top.take(key, {}))

    def scenario(self) -> Scenario:
        """Read it all."""
        title = self.top.text("title")
        about = self.top.text("about", "")
        pump = Table(f"{self.name}: [pump]", self.top.take("pump", {}))
        calendar = self._calendar(pump)
        end_us = self._end_us(pump, calendar)
        profiles = self._profiles()
        config = self._config(pump, calendar, profiles)
        running = pump.text("begins", "running")
        if running not in {"running", "standby"}:
            pump.refuse(QuantityError("begins", running, "is neither running nor standby"))
        battery = pump.count("battery", largest=100) if pump.has("battery") else None
        made = Scenario(
            name=self.name.removesuffix(".toml"),
            title=title,
            about=about,
            config=config,
            calendar=calendar,
            end_us=end_us,
            running=running == "running",
            reservoir_uu=pump.read("reservoir", parse_u),
            prime_uu=pump.read("prime", parse_u, "10.0"),
            fill_uu=pump.read("fill", parse_u, "0.3"),
            battery_percent=battery,
            confirm_us=1_000 * pump.count("confirm_ms", _CONFIRM_MS, largest=_CONFIRM_MS_MAX),
            profiles=profiles,
            readings=self._readings(calendar, end_us),
            entries=self._entries(calendar, end_us, profiles),
        )
        pump.done()
        self.top.done()
        return made

    def _calendar(self, pump: Table) -> words.Calendar:
        zone = pump.text("zone")
        start = pump.read("start", words.local)
        try:
            return words.Calendar(words.utc_of(start, zone_of(zone), field="start"), zone)
        except RequestError as error:
            pump.refuse(error)

    def _end_us(self, pump: Table, calendar: words.Calendar) -> int:
        """Read the end: a date and time, or so many days later at the same time of day."""
        if pump.has("end") == pump.has("days"):
            raise RecordError(pump.where, "either days or end must be given")
        if pump.has("end"):
            end: datetime = pump.read("end", words.local)
        else:
            days = pump.count("days", largest=DAYS_MAX)
            end = calendar.local(0).replace(tzinfo=None) + timedelta(days=days)
        try:
            end_us = calendar.us(words.utc_of(end, zone_of(calendar.zone), field="end"))
        except RequestError as error:
            pump.refuse(error)
        if not 0 < end_us <= DAYS_MAX * US_PER_DAY + US_PER_DAY // 12:
            raise RecordError(pump.where, f"the end is not after the start, or more than {DAYS_MAX} days after it")
        return end_us

    def _profiles(self) -> dict[str, BasalProfile]:
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
                raise RecordError(table.where, f"{name!r:.40} is given twice")
            profiles[name] = profile
        return profiles

    @staticmethod
    def _segment(key: str, value: object) -> Segment:
        if not isinstance(value, str):
            raise QuantityError(key, value, 'is no text: write the rate as "0.80"')
        return Segment(words.day_us(key, field="segment"), parse_u_per_h(value, field=key))

    def _week(self, profiles: dict[str, BasalProfile]) -> WeekPlan:
        """Read the plan; a profile alone needs none."""
        table = self.table("week")
        if table is None:
            if len(profiles) > 1:
                raise RecordError(self.name, "[week] is missing: which of the profiles holds on which day?")
            return WeekPlan.of(*profiles.values())
        chosen: dict[str, BasalProfile] = {}
        for key, days in (("all", _DAYS), ("weekdays", _DAYS[:5]), ("weekend", _DAYS[5:]), *((d, (d,)) for d in _DAYS)):
            if table.has(key):
                name = table.text(key)
                if name not in profiles:
                    table.refuse(QuantityError(key, name, f"is none of {', '.join(profiles)}"))
                chosen |= dict.fromkeys(days, profiles[name])
        table.done()
        for day in _DAYS:
            if day not in chosen:
                raise RecordError(table.where, f"{day} has no profile")
        return WeekPlan(tuple(chosen[day] for day in _DAYS))

    def _config(self, pump: Table, calendar: words.Calendar, profiles: dict[str, BasalProfile]) -> Config:
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
            return Config(
                device=device,
                limits=chosen,
                plan=plan,
                profiles=tuple(profile for profile in profiles.values() if profile not in plan.profiles()),
                anchor=Anchor(0, calendar.start),
                zone=calendar.zone,
                suspend_policy=pump.text("suspend", "medtronic"),
                curve=self._curve(),
                alarms=alarms,
                meals=meals,
                calculator=self._calculator(),
                low_suspend=self._low_suspend(),
                controller=self._controller(),
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
                raise QuantityError("curve", kind, f"is none of {', '.join(makers)}")
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
            policy=table.text("policy", "medtronic"),
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
            table.refuse(QuantityError("preset", preset, f"is none of {', '.join(LOW_PRESETS)}"))
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

    def _readings(self, calendar: words.Calendar, end_us: int) -> tuple[Reading, ...]:
        """Read the sensor's curve: points, and readings on the straight lines between them."""
        table = self.table("sensor")
        if table is None:
            return ()
        every_us = table.read("every", words.span, "5 min")
        unit = table.text("unit")
        points, before = [], calendar.local(0).date()
        try:
            for number, text in enumerate(table.texts("points")):
                field = f"points[{number}]"
                at, value = words.instant(text, field=field)
                at_us = calendar.at_us(at, before, field=field)
                before = calendar.local(at_us).date()
                points.append((at_us, words.glucose(f"{value} {unit}", field=field)))
            table.done()
            return tuple(curve(points, every_us, end_us))
        except RequestError as error:
            table.refuse(error)

    def _entries(self, calendar: words.Calendar, end_us: int, profiles: dict[str, BasalProfile]) -> tuple[Entry, ...]:
        texts = self.top.texts("events")
        if len(texts) > ENTRIES_MAX:
            raise RecordError(self.name, f"has more than {ENTRIES_MAX} events")
        entries: list[Entry] = []
        before, line = calendar.local(0).date(), 0
        for number, text in enumerate(texts):
            found = self._line(text, line)
            where = f"line {found}, events[{number}]" if found else f"events[{number}]"
            line = found or line
            try:
                entry = _entry(text, calendar, before, where)
                if not 0 <= entry.at_us <= end_us:
                    raise QuantityError("time", str(calendar.local(entry.at_us)), "is outside the scenario")
                if entries and entry.at_us < entries[-1].at_us:
                    raise QuantityError("time", str(calendar.local(entry.at_us)), "is before the entry above")
                _check_names(entry, profiles)
            except RequestError as error:
                raise RecordError(f"{self.name}: {where} {text!r:.60}", str(error)) from error
            before = calendar.local(entry.at_us).date()
            entries.append(entry)
        return tuple(entries)

    def _line(self, text: str, after: int) -> int:
        """Find the line of an entry behind that of the entry before; 0 where it is written in another way."""
        for number, line in enumerate(self.lines[after:], start=after + 1):
            if f'"{text}"' in line or f"'{text}'" in line:
                return number
        return 0


def _entry(text: str, calendar: words.Calendar, before: date, where: str) -> Entry:
    """Read one entry: a time, and actions with ", " between them."""
    at, rest = words.instant(text, field="time")
    actions = tuple(parse(each) for each in rest.split(", "))
    measured = [each for each in actions if each.verb == "glucose"]
    asked: list[Action] = [each for each in actions if each.verb != "glucose"]
    return Entry(calendar.at_us(at, before, field="time"), where, (*measured, *asked))


def _window(text: str) -> tuple[int, int]:
    """Read a window of the local day: `11:30 to 13:30`."""
    begin, _, end = text.partition(" to ")
    return words.day_us(begin, field="meals"), words.day_us(end, field="meals")


def _check_names(entry: Entry, profiles: dict[str, BasalProfile]) -> None:
    """Refuse an entry that names what is not there."""
    for action in entry.actions:
        if action.verb == "profile" and action.values["name"] not in profiles:
            raise QuantityError("profile", action.values["name"], f"is none of {', '.join(profiles)}")
