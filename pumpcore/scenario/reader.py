"""Read a scenario: a TOML file that says one thing only.

The rules of this file: amounts and rates are text and floats are refused; an unknown key is refused; every refusal is
one line with the file, the place in it, and what was expected. What is read has been checked as far as it can be
without running it: the pump's configuration is made, every entry is parsed and has its instant.
"""

from __future__ import annotations

from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pumpcore.errors import QuantityError, RecordError, RequestError
from pumpcore.frozen import dataclass
from pumpcore.pump.config import zone_of
from pumpcore.pump.config_file import parsed, words
from pumpcore.pump.config_file.reader import ConfigReader
from pumpcore.pump.config_file.tables import Table
from pumpcore.scenario.entries import Action, Entry, parse
from pumpcore.scenario.sensor import curve
from pumpcore.units import US_PER_DAY, parse_u

if TYPE_CHECKING:
    from datetime import date, datetime

    from pumpcore.pump import Config
    from pumpcore.therapy.glucose import Reading
    from pumpcore.therapy.profile import BasalProfile

__all__ = ["DAYS_MAX", "ENTRIES_MAX", "Scenario", "examples", "read", "read_text"]

BYTES_MAX: Final = 1024 * 1024
"""Maximum size of a scenario file, in bytes."""

DAYS_MAX: Final = 31
"""Maximum length of a scenario, in days."""

ENTRIES_MAX: Final = 5_000
"""Maximum number of entries in a scenario."""

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
        raise RecordError(source, f"is longer than {BYTES_MAX} bytes")
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
        pumpcore.errors.RecordError: bad.toml: title: 1 must be text in quotes
    """
    return _Reader(name, parsed(text, name=name), text).scenario()


class _Reader(ConfigReader):
    """Takes a file apart, table by table."""

    def scenario(self) -> Scenario:
        """Read it all."""
        title = self.top.text("title")
        about = self.top.text("about", "")
        pump = Table(f"{self.name}: [pump]", self.top.take("pump", {}))
        calendar = self.calendar(pump)
        end_us = self._end_us(pump, calendar)
        profiles = self.profiles()
        config = self.config(pump, calendar, profiles)
        running = pump.text("begins", "running")
        if running not in {"running", "standby"}:
            pump.refuse(QuantityError("begins", running, "must be running or standby"))
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

    def _end_us(self, pump: Table, calendar: words.Calendar) -> int:
        """Read the end: a date and time, or a number of days after the start."""
        if pump.has("end") == pump.has("days"):
            raise RecordError(pump.where, "give either days or end, not both")
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
            raise RecordError(pump.where, f"the end must be after the start, by at most {DAYS_MAX} days")
        return end_us

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
                    raise QuantityError("time", str(calendar.local(entry.at_us)), "is earlier than the entry above it")
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


def _check_names(entry: Entry, profiles: dict[str, BasalProfile]) -> None:
    """Refuse an entry that names what is not there."""
    for action in entry.actions:
        if action.verb == "profile" and action.values["name"] not in profiles:
            raise QuantityError("profile", action.values["name"], f"is not one of {', '.join(profiles)}")
