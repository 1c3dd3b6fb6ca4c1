"""Reads a CareLink export of a Medtronic pump into typed records.

The rule of this file: a value is read exactly or refused in one line; what a record leaves blank (an empty cell,
`null`) is None, never a guess. One pass, one row at a time. The `Index` row says where the columns are, nothing is
found by counting lines; so other header lengths, several sections, rows of other lengths and repeated uploads are no
matter.
"""

from __future__ import annotations

import csv
import os
import re
from datetime import date
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TypedDict

from pumpcore.errors import QuantityError, RecordError
from pumpcore.frozen import replace
from pumpcore.records.records import (
    ActiveProfile,
    Activity,
    Alarm,
    AlarmCleared,
    BasalStart,
    Battery,
    Bolus,
    ClockChange,
    DailyTotal,
    Export,
    Glucose,
    Prime,
    ProfileHead,
    ProfileRow,
    Pumping,
    Record,
    Rewind,
    Snapshot,
    TempBasal,
    Wizard,
)
from pumpcore.units import US_PER_DAY, US_PER_HOUR, US_PER_MINUTE, US_PER_SECOND, UU_PER_U, parse_u

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["read", "records"]


# Anything above these is no record of an insulin pump but damage; in U, U/h, percent, days.
_AMOUNT_U_MAX: Final = 500
_RATE_U_PER_H_MAX: Final = 100
_PERCENT_MAX: Final = 1000
_DURATION_DAYS_MAX: Final = 2
_YEARS: Final = (1990, 2099)
_NUMBER_DIGITS_MAX: Final = 18

_PROGRESS_BYTES: Final = 1 << 16
_NULL: Final = ("", "null")
_EPOCH: Final = date(1970, 1, 1).toordinal()


def read(path: str | os.PathLike[str], *, progress: Callable[[int, int], None] | None = None) -> Export:
    """Read a whole export.

    A record that several uploads brought is kept once. A blank device cell takes the device of the row before, the
    first rows that of the first named one.

    Args:
        path: the file.
        progress: called now and then with the bytes read so far and the bytes of the file.

    Returns:
        The export.

    Rounding:
        None, but for glucose in mmol/L (to the nearest mg/dL).

    Raises:
        RecordError: the file cannot be read, is no such export, is cut off, or holds a value that is none.

    Source:
        The shape of the export as observed; the meaning of its records in `docs/replay.md`.
    """
    kept = list(records(path, progress=progress))
    device = next((record.device for record in kept if record.device), "unknown pump")
    for index, record in enumerate(kept):
        if record.device:
            device = record.device
        else:
            kept[index] = replace(record, device=device)
    return Export(Path(path).name, tuple(kept))


def records(path: str | os.PathLike[str], *, progress: Callable[[int, int], None] | None = None) -> Iterator[Record]:
    """Yield the records of an export, each once, in the order of the file; see `read`."""
    where = Path(path).name
    try:
        with Path(path).open("rb") as file:
            yield from _records(_Lines(file, os.fstat(file.fileno()).st_size, where, progress), where)
    except OSError as error:
        raise RecordError(where, error.strerror or "cannot be read") from error


class _Lines:
    """The lines of the file as text, with the bytes read so far."""

    def __init__(
        self, file: Iterator[bytes], size: int, where: str, progress: Callable[[int, int], None] | None
    ) -> None:
        self.file, self.size, self.where, self.progress = file, size, where, progress
        self.done = self.told = self.number = 0
        self.complete = True

    def __iter__(self) -> Iterator[str]:
        for raw in self.file:
            self.number += 1
            self.done += len(raw)
            self.complete = raw.endswith(b"\n")
            if self.progress is not None and (self.done - self.told >= _PROGRESS_BYTES or self.done >= self.size):
                self.told = self.done
                self.progress(self.done, self.size)
            yield self._text(raw)

    @property
    def place(self) -> str:
        """The line that was read last, for errors."""
        return f"{self.where}, line {self.number}"

    def _text(self, raw: bytes) -> str:
        if b"\0" in raw or (self.number == 1 and raw.startswith((b"\xff\xfe", b"\xfe\xff"))):
            raise RecordError(self.place, "is not UTF-8 text; it may be UTF-16 or a binary file")
        for encoding in ("utf-8-sig" if self.number == 1 else "utf-8", "cp1252"):
            try:
                return raw.decode(encoding)
            except UnicodeDecodeError:
                continue  # the second encoding is tried, then the line is refused
        raise RecordError(self.place, "is neither UTF-8 nor Windows-1252 text")


def _records(lines: _Lines, where: str) -> Iterator[Record]:
    rows = csv.reader(iter(lines), strict=True)
    columns: dict[str, int] = {}
    seen: set[tuple[str, ...]] = set()
    devices: set[str] = set()
    cut = False
    while True:
        try:
            row = next(rows, None)
        except csv.Error as error:
            raise RecordError(lines.place, f"is not valid CSV ({error}); the file may be cut off or damaged") from error
        if row is None:
            break
        if row and row[0].strip() == "Index":
            columns = _columns(row, lines.place)
        elif columns and row:
            cells = _Row(row, columns, lines.place, lines.number)
            device = cells["Raw-Device Type"]
            # The device is the last cell, so a cut within it gives a name that no row before had.
            cut = len(row) < max(columns.values()) + 1 or device not in devices
            devices.add(device)
            handler = _handler(cells["Raw-Type"])
            # The time stays text here, so that a repeated row costs no parsing.
            key = (*(cells[name] for name in _IDENTITY),)
            if handler is not None and key not in seen:
                seen.add(key)
                record = handler(cells)
                if record is not None:
                    yield record
    if not columns:
        raise RecordError(where, "has no row that starts with 'Index': not a CareLink export")
    if cut and not lines.complete:
        raise RecordError(lines.place, "ends in the middle of a record: the file is cut off")


_IDENTITY: Final = ("Timestamp", "Date", "Time", "Raw-Type", "Raw-Values", "Raw-Device Type")
_NEEDED: Final = ("Raw-Type", "Raw-Values")


def _columns(row: list[str], where: str) -> dict[str, int]:
    columns = {name.strip(): index for index, name in reversed(list(enumerate(row)))}
    for name in _NEEDED:
        if name not in columns:
            raise RecordError(where, f"has no column {name!r}: not an export with raw values")
    if "Timestamp" not in columns and not {"Date", "Time"} <= columns.keys():
        raise RecordError(where, "has no column 'Timestamp'")
    return columns


class _Head(TypedDict):
    """The attributes of `Record`, to pass on."""

    at_us: int
    device: str
    seq: int
    upload: str
    line: int


class _Row:
    """One row by column name, and its raw values by key."""

    def __init__(self, row: list[str], columns: Mapping[str, int], where: str, line: int) -> None:
        self.row, self.columns, self.where, self.line = row, columns, where, line
        self.raw: dict[str, str] = {}

    def __getitem__(self, name: str) -> str:
        index = self.columns.get(name, len(self.row))
        return self.row[index].strip() if index < len(self.row) else ""

    def parse(self) -> None:
        """Take the raw values apart: `KEY=value, KEY=value`."""
        for pair in self["Raw-Values"].split(","):
            key, _, value = pair.partition("=")
            self.raw[key.strip()] = value.strip()

    def head(self) -> _Head:
        """Return what every record has."""
        seq = self["Raw-Seq Num"]
        if seq and not _is_number(seq):
            raise RecordError(self.where, f"Raw-Seq Num: {seq[:40]!r} is not a whole number")
        return {
            "at_us": self.time(),
            "device": self["Raw-Device Type"],
            "seq": int(seq or 0),
            "upload": self["Raw-Upload ID"],
            "line": self.line,
        }

    def time(self) -> int:
        """Return the wall clock; of `Date` and `Time` where `Timestamp` is blank or has no seconds."""
        stamp, parts = self["Timestamp"], f"{self['Date']} {self['Time']}"
        if stamp.count(":") < _COLONS <= parts.count(":"):
            stamp = parts
        match = _STAMP.fullmatch(stamp or parts)
        day_us = _day_us(match["date"]) if match else None
        if match is None or day_us is None:
            raise RecordError(
                self.where, f"Timestamp: {(stamp or parts)[:40]!r} is not a time of the form M/D/YY HH:MM:SS"
            )
        hour, minute, second = (int(match[name] or 0) for name in ("hour", "minute", "second"))
        if hour >= _HOURS or minute >= _SIXTY or second >= _SIXTY:
            raise RecordError(self.where, f"Timestamp: {stamp[:40]!r} is not a time of day")
        return day_us + hour * US_PER_HOUR + minute * US_PER_MINUTE + second * US_PER_SECOND

    def timed(self) -> bool:
        """Return whether the row has a time; one without cannot be placed and is left out."""
        return bool(self["Timestamp"] or (self["Date"] and self["Time"]))

    def text(self, key: str) -> str:
        """Return a raw value, empty where there is none."""
        value = self.raw.get(key, "")
        return "" if value in _NULL else value

    def number(self, key: str, *, largest: int) -> int | None:
        """Return a raw whole number."""
        value = self.text(key)
        if not value:
            return None
        if not _is_number(value) or int(value) > largest:
            raise RecordError(self.where, f"{key}: {value[:40]!r} is not a whole number from 0 to {largest}")
        return int(value)

    def units(self, key: str, *, largest_u: int) -> int | None:
        """Return a raw amount (U) or rate (U/h) in micro-units (per hour)."""
        value = self.text(key)
        if not value:
            return None
        try:
            uu = parse_u(value, field=key)
        except QuantityError as error:
            raise RecordError(self.where, str(error)) from error
        if uu > largest_u * UU_PER_U or uu % _FINEST_UU:
            raise RecordError(
                self.where, f"{key}: {value[:40]!r} is not an amount from 0 to {largest_u} with at most 3 decimals"
            )
        return uu

    def span(self, key: str, *, largest_us: int) -> int | None:
        """Return a raw span or time of day, given in milliseconds, in microseconds."""
        ms = self.number(key, largest=largest_us // 1000)
        return None if ms is None else ms * 1000


_STAMP: Final = re.compile(
    r"(?P<date>\d{1,2}/\d{1,2}/(?:\d{4}|\d{2})) +(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d))?", re.ASCII
)
_COLONS: Final = 2
_HOURS: Final = 24
_SIXTY: Final = 60
_CENTURY: Final = 2000
_FINEST_UU: Final = 1000  # no pump of the family writes more than three decimals


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _NUMBER_DIGITS_MAX


@cache
def _day_us(text: str) -> int | None:
    """Return the midnight of a date M/D/YY, None where there is no such date."""
    month, day, year = map(int, text.split("/"))
    year += _CENTURY if year < _CENTURY // 20 else 0
    if not _YEARS[0] <= year <= _YEARS[1]:
        return None
    try:
        return (date(year, month, day).toordinal() - _EPOCH) * US_PER_DAY
    except ValueError:
        return None


def _basal_start(row: _Row) -> Record:
    return BasalStart(
        **row.head(),
        pattern=row.text("PATTERN_NAME"),
        start_us=row.span("START_TIME", largest_us=US_PER_DAY - 1000),
        rate_uu_per_h=row.units("RATE", largest_u=_RATE_U_PER_H_MAX),
    )


def _temp_basal(row: _Row) -> Record:
    return TempBasal(
        **row.head(),
        rate_uu_per_h=row.units("RATE", largest_u=_RATE_U_PER_H_MAX),
        percent=row.number("PERCENT_OF_RATE", largest=_PERCENT_MAX),
        duration_us=row.span("DURATION", largest_us=_DURATION_DAYS_MAX * US_PER_DAY),
    )


def _pumping(row: _Row) -> Record:
    return Pumping(**row.head(), state=row.text("ENABLE"))


def _alarm(row: _Row) -> Record:
    return Alarm(**row.head(), code=row.number("RAW_TYPE", largest=0xFFFF))


def _alarm_cleared(row: _Row) -> Record:
    return AlarmCleared(**row.head(), code=row.number("ALARM_TYPE", largest=0xFFFF))


def _rewind(row: _Row) -> Record:
    return Rewind(**row.head())


def _prime(row: _Row) -> Record:
    return Prime(**row.head(), fixed=row.text("PRIME_TYPE") == "fixed")


def _battery(row: _Row) -> Record | None:
    state = row.text("ENABLE")
    return Battery(**row.head(), present=state == "true") if state else None


def _bolus(row: _Row) -> Record:
    amount_uu = row.units("AMOUNT", largest_u=_AMOUNT_U_MAX)
    programmed_uu = row.units("PROGRAMMED_AMOUNT", largest_u=_AMOUNT_U_MAX) or 0
    return Bolus(
        **row.head(),
        amount_uu=amount_uu,
        # A bolus cannot deliver more than was asked for; where the two contradict, delivered insulin is the fact.
        programmed_uu=max(programmed_uu, amount_uu or 0),
        duration_us=row.span("DURATION", largest_us=_DURATION_DAYS_MAX * US_PER_DAY) or 0,
    )


def _daily_total(row: _Row) -> Record | None:
    amount_uu = row.units("AMOUNT", largest_u=_AMOUNT_U_MAX)
    return None if amount_uu is None else DailyTotal(**row.head(), amount_uu=amount_uu)


def _clock_change(row: _Row) -> Record | None:
    new_ms = row.number("NEW_TIME", largest=_day_end_ms())
    return None if new_ms is None else ClockChange(**row.head(), new_us=new_ms * 1000)


def _day_end_ms() -> int:
    return (date(_YEARS[1], 12, 31).toordinal() - _EPOCH) * (US_PER_DAY // 1000)


def _active(row: _Row) -> Record | None:
    pattern = row.text("PATTERN_NAME")
    return ActiveProfile(**row.head(), pattern=pattern) if pattern else None


_MMOL_TENTHS_OF_MG: Final = 180  # 1 mmol/L of glucose is 18.0 mg/dL, to the accuracy of the display


def _glucose(row: _Row) -> Record | None:
    text = row.text("AMOUNT")
    whole, point, part = text.partition(".")
    if not _is_number(whole or "0") or (point and not _is_number(part)) or len(text) > _GLUCOSE_DIGITS_MAX:
        raise RecordError(row.where, f"AMOUNT: {text[:40]!r} is not a glucose value")
    # A sensor value has no decimals in mg/dL, so one with decimals is in mmol/L.
    mg = (int(whole + part[0]) * _MMOL_TENTHS_OF_MG + 50) // 100 if part else int(whole or 0)
    sensor = row["Raw-Type"].startswith("GlucoseSensor")
    return Glucose(**row.head(), mg_per_dl=mg, sensor=sensor) if mg else None


_GLUCOSE_DIGITS_MAX: Final = 8


def _activity(row: _Row) -> Record:
    return Activity(**row.head())


# A computer whose decimals have a comma writes `KEY=0,5, KEY=7`.
_PAIRS: Final = re.compile(r",\s*(?=[A-Z_]+=)")


def _wizard(row: _Row) -> Record:
    pairs = (pair.partition("=") for pair in _PAIRS.split(row["Raw-Values"]))
    return Wizard(**row.head(), raw={key.strip(): value.strip() for key, _, value in pairs})


def _snapshot(row: _Row) -> Record:
    return Snapshot(**row.head())


def _profile_head(kind: Literal["current", "before", "after"]) -> Callable[[_Row], Record]:
    return lambda row: ProfileHead(
        **row.head(),
        kind=kind,
        pattern=row.text("PATTERN_NAME"),
        datum=row["Raw-ID"],
    )


def _profile_row(kind: Literal["current", "before", "after"]) -> Callable[[_Row], Record]:
    return lambda row: ProfileRow(
        **row.head(),
        kind=kind,
        datum=row.text("PATTERN_DATUM"),
        start_us=row.span("START_TIME", largest_us=US_PER_DAY - 1000),
        rate_uu_per_h=row.units("RATE", largest_u=_RATE_U_PER_H_MAX),
    )


_HANDLERS: Final[Mapping[str, Callable[[_Row], Record | None]]] = {
    "AlarmPump": _alarm,
    "BasalProfileStart": _basal_start,
    "BolusNormal": _bolus,
    "BolusSquare": _bolus,
    "BolusWizardBolusEstimate": _wizard,
    "CalBGForPH": _glucose,
    "ChangeActiveBasalProfilePattern": _active,
    "ChangeBasalProfile": _profile_row("after"),
    "ChangeBasalProfilePattern": _profile_head("after"),
    "ChangeBasalProfilePatternPre": _profile_head("before"),
    "ChangeBasalProfilePre": _profile_row("before"),
    "ChangeBatteryEnable": _battery,
    "ChangeSuspendEnable": _pumping,
    "ChangeTempBasal": _temp_basal,
    "ChangeTempBasalPercent": _temp_basal,
    "ChangeTime": _clock_change,
    "ClearAlarm": _alarm_cleared,
    "CurrentBasalProfile": _profile_row("current"),
    "CurrentBasalProfilePattern": _profile_head("current"),
    "GlucoseSensorData": _glucose,
    "JournalEntryPumpLowBattery": _activity,
    "JournalEntryPumpLowReservoir": _activity,
    "Prime": _prime,
    "ResultDailyTotal": _daily_total,
    "Rewind": _rewind,
    "SelfTest": _activity,
}


def _handler(kind: str) -> Callable[[_Row], Record | None] | None:
    handler = _HANDLERS.get(kind) or (_snapshot if kind.startswith("Current") else None)
    if handler is None:
        return None

    def parsed(row: _Row) -> Record | None:
        if not row.timed():
            return None
        row.parse()
        return handler(row)

    return parsed
