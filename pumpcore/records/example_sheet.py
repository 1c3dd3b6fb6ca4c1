"""The sheet of the example history: its columns, its entries, and how figures are written in it.

The rule of this file: it writes as the export of a real pump does, and nothing here delivers anything.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

from pumpcore.frozen import dataclass, field

__all__ = [
    "CELLS",
    "DAY_S",
    "FIRST",
    "HOUR_S",
    "SheetEntry",
    "amount_text",
    "clock_text",
    "profile_row",
    "sheet_text",
    "stamp_text",
]

FIRST: Final = date(2024, 3, 21)
_DEVICE: Final = "Paradigm Revel - 523"
DAY_S: Final = 86_400
HOUR_S: Final = 3_600

_COLUMNS: Final = [
    "Index",
    "Date",
    "Time",
    "Timestamp",
    "New Device Time",
    "BG Reading (mg/dL)",
    "Linked BG Meter ID",
    "Temp Basal Amount (U/h)",
    "Temp Basal Type",
    "Temp Basal Duration (hh:mm:ss)",
    "Bolus Type",
    "Bolus Volume Selected (U)",
    "Bolus Volume Delivered (U)",
    "Programmed Bolus Duration (hh:mm:ss)",
    "Prime Type",
    "Prime Volume Delivered (U)",
    "Suspend",
    "Rewind",
    "BWZ Estimate (U)",
    "BWZ Target High BG (mg/dL)",
    "BWZ Target Low BG (mg/dL)",
    "BWZ Carb Ratio (grams)",
    "BWZ Insulin Sensitivity (mg/dL)",
    "BWZ Carb Input (grams)",
    "BWZ BG Input (mg/dL)",
    "BWZ Correction Estimate (U)",
    "BWZ Food Estimate (U)",
    "BWZ Active Insulin (U)",
    "Alarm",
    "Sensor Calibration BG (mg/dL)",
    "Sensor Glucose (mg/dL)",
    "ISIG Value",
    "Daily Insulin Total (U)",
    "Raw-Type",
    "Raw-Values",
    "Raw-ID",
    "Raw-Upload ID",
    "Raw-Seq Num",
    "Raw-Device Type",
]

# Columns of the report that an entry fills beside its raw values.
CELLS: Final = {
    "alarm": "Alarm",
    "calibration": "Sensor Calibration BG (mg/dL)",
    "carbs": "BWZ Carb Input (grams)",
    "delivered": "Bolus Volume Delivered (U)",
    "estimate": "BWZ Estimate (U)",
    "glucose": "Sensor Glucose (mg/dL)",
    "bolus": "Bolus Type",
    "new_time": "New Device Time",
    "prime": "Prime Type",
    "primed": "Prime Volume Delivered (U)",
    "rewind": "Rewind",
    "selected": "Bolus Volume Selected (U)",
    "suspend": "Suspend",
    "temp": "Temp Basal Amount (U/h)",
    "temp_kind": "Temp Basal Type",
    "temp_span": "Temp Basal Duration (hh:mm:ss)",
    "total": "Daily Insulin Total (U)",
}


@dataclass(slots=True)
class SheetEntry:
    """One record; its values may still change until the bolus that it is about has ended."""

    wall_s: int
    kind: str
    values: dict[str, str]
    cells: dict[str, str] = field(default_factory=dict)


def sheet_text(entries: list[SheetEntry], sensor: list[SheetEntry]) -> str:
    """Return the whole export as text: header lines, column names, one line per entry."""
    # A larger place in the memory is older; the sensor's entries are numbered apart.
    placed = [(entry, len(entries) - index) for index, entry in enumerate(entries)]
    placed += [(entry, len(entries) + len(sensor) - index) for index, entry in enumerate(sensor)]
    placed.sort(key=lambda pair: pair[0].wall_s)
    ids = {f"@{id(entry)}": str(number) for number, (entry, _) in enumerate(placed, 1)}
    lines = [
        "Medtronic Diabetes CareLink Personal Data Export File (v1.0.1)",
        "SYNTHETIC: made by pumpcore (pumpcore/records/example.py). No person and no pump is behind it.",
        "PATIENT INFO",
        "Name,Synthetic example",
        "DEVICE INFO",
        f"Pump:,{_DEVICE},#000000",
        f"DEVICE DATA ({len(placed)} records)",
        ",".join(_COLUMNS),
    ]
    for number, (entry, seq) in enumerate(placed, 1):
        stamp = stamp_text(entry.wall_s)
        day, time = stamp.split(" ")
        raw = ", ".join(f"{key}={ids.get(value, value)}" for key, value in entry.values.items())
        cells = entry.cells | {
            "Index": str(number), "Date": day, "Time": time, "Timestamp": stamp, "Raw-Type": entry.kind,
            "Raw-Values": f'"{raw}"' if "," in raw else raw, "Raw-ID": str(number), "Raw-Seq Num": str(seq),
            "Raw-Device Type": _DEVICE,
        }  # fmt: skip
        lines.append(",".join(cells.get(column, "") for column in _COLUMNS))
    return "".join(f"{line}\n" for line in lines)


def profile_row(index: int, start_s: int, rate: int) -> dict[str, str]:
    """Return the raw values of one segment of a profile."""
    return {"PROFILE_INDEX": str(index), "RATE": amount_text(rate), "START_TIME": str(start_s * 1000)}


def amount_text(thousandths: int) -> str:
    """Write thousandths of a unit as the pump does: no more decimals than needed."""
    sign, whole, part = "-" if thousandths < 0 else "", abs(thousandths) // 1_000, abs(thousandths) % 1_000
    return f"{sign}{whole}.{part:03d}".rstrip("0").rstrip(".")


def clock_text(seconds: int) -> str:
    """Return a span as `hh:mm:ss`."""
    return f"{seconds // HOUR_S:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def stamp_text(wall_s: int) -> str:
    """Return date and time as the export writes them."""
    day = FIRST + timedelta(days=wall_s // DAY_S)
    return f"{day.month}/{day.day}/{day.year % 100:02d} {clock_text(wall_s % DAY_S)}"
