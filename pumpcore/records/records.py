"""The records of a pump's memory that a replay needs, in the shape of a CareLink export.

The rule of this file: facts as the export gives them, in exact integers; what a record left blank is None.

Times are the pump's own wall clock: microseconds since 1970-01-01 00:00 *of that clock*, without a zone (`clock`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pumpcore.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "ActiveProfile",
    "Activity",
    "Alarm",
    "AlarmCleared",
    "BasalStart",
    "Battery",
    "Bolus",
    "ClockChange",
    "DailyTotal",
    "Export",
    "Glucose",
    "Prime",
    "ProfileHead",
    "ProfileRow",
    "Pumping",
    "Record",
    "Rewind",
    "Snapshot",
    "TempBasal",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What every record has.

    Attributes:
        at_us: the pump's wall clock when it happened.
        device: the pump, in the words of the export; empty where the cell is blank.
        seq: place in the pump's memory; a larger number is older; 0 where it is blank.
        upload: the upload that brought it; places of two uploads cannot be compared.
        line: line of the file, from 1.
    """

    at_us: int
    device: str
    seq: int
    upload: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BasalStart(Record):
    """The pump began to deliver a segment of its basal profile: at the segment's edge, or after any interruption."""

    pattern: str
    start_us: int | None
    rate_uu_per_h: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TempBasal(Record):
    """A temp basal was set, in U/h or in percent, or ended (duration 0). All None: the record lost its values."""

    rate_uu_per_h: int | None
    percent: int | None
    duration_us: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pumping(Record):
    """The pump was suspended or resumed; `state` in the words of the export, empty where it is null."""

    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm(Record):
    """The pump raised an alarm."""

    code: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmCleared(Record):
    """The user cleared an alarm; delivery goes on only where a `BasalStart` says so."""

    code: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewind(Record):
    """The reservoir was taken out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prime(Record):
    """Tubing (manual) or cannula (fixed) was filled; priming is no therapy insulin."""

    fixed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Battery(Record):
    """The battery was taken out or put in."""

    present: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Bolus(Record):
    """A bolus that began at `at_us`. `duration_us` 0: a normal one.

    Attributes:
        amount_uu: what was delivered; None where the record lost it.
        programmed_uu: what was asked for.
        duration_us: of what was asked for.
    """

    amount_uu: int | None
    programmed_uu: int
    duration_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DailyTotal(Record):
    """The pump's own total of therapy insulin of the day of `at_us`."""

    amount_uu: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockChange(Record):
    """The user set the clock, from `at_us` to `new_us`."""

    new_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileHead(Record):
    """A basal profile: as an upload found it, or as an edit left it (`after`) or found it (`before`).

    Attributes:
        datum: what the rows of this profile name as theirs.
    """

    kind: Literal["current", "before", "after"]
    pattern: str
    datum: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileRow(Record):
    """One segment of a profile."""

    kind: Literal["current", "before", "after"]
    datum: str
    start_us: int | None
    rate_uu_per_h: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveProfile(Record):
    """The user chose another basal profile."""

    pattern: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Glucose(Record):
    """A glucose value: of the sensor, or of a drop of blood."""

    mg_per_dl: int
    sensor: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot(Record):
    """A setting as an upload found it: the pump was read out then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity(Record):
    """Any other entry of the pump's memory that shows that the memory reaches there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wizard(Activity):
    """What the pump's bolus wizard took and suggested, by its keys, as the export writes it."""

    raw: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Export:
    """A whole export.

    Attributes:
        where: the file's name, for errors.
        records: each once, in the order of the file.
    """

    where: str
    records: tuple[Record, ...]
