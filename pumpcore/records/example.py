"""Makes the example history that pumpcore ships: a synthetic CareLink export. No person and no pump is behind it.

The rule of this file: it shares no arithmetic with the replay. A small model of the pump walks through the days second
by second, in whole thousandths of a unit, and counts what it delivers; the record of what it was told and the totals
that it counted are the export. So the replay agrees with the example only where both have the same pump in mind.

The same seed gives the same bytes: the only chance is an integer generator of its own. To make the file anew:
`python -m pumpcore.records.example pumpcore/records/example.csv`.
"""

from __future__ import annotations

import sys
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pumpcore.frozen import dataclass, field

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["PATH", "export"]

PATH: Final = Path(__file__).with_name("example.csv")
"""The shipped file."""

SEED: Final = 1
_DAYS: Final = 14
_FIRST: Final = date(2024, 3, 21)
_DEVICE: Final = "Paradigm Revel - 523"
_DAY_S: Final = 86_400
_HOUR_S: Final = 3_600
_SLOT_S: Final = 1_800  # segments start on these

# Thousandths of a unit: of the pump's basal step, of a pulse of a bolus, of the least bolus that takes five minutes.
_STEP: Final = 25
_PULSE: Final = 50
_UNIT: Final = 1_000
_FAST: Final = 7_500

# Segments of the basal programme: start (s of the day), rate (thousandths of a unit per hour). Two start at half an
# hour with an odd number of steps per hour, where it matters which of the two halves gets the odd one.
_Profile = tuple[tuple[int, int], ...]
_PROFILE: Final[_Profile] = ((0, 850), (12_600, 950), (21_600, 1_100), (34_200, 725), (61_200, 800), (77_400, 900))
_EDITED: Final[_Profile] = (
    (0, 850),
    (12_600, 1_000),
    (21_600, 1_150),
    (34_200, 725),
    (48_600, 775),
    (61_200, 800),
    (77_400, 900),
)

# Bolus calculator of the synthetic person: g/U, mg/dL per U, mg/dL.
_RATIO, _SENSITIVITY, _LOW, _HIGH = 9, 40, 90, 120
_ACTIVE_S: Final = 4 * _HOUR_S

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


@dataclass(slots=True)
class _Entry:
    """One record; its values may still change until the bolus that it is about has ended."""

    wall_s: int
    kind: str
    values: dict[str, str]
    cells: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Bolus:
    """A bolus under way. Pulse k is due at (origin + k * span) / pulses seconds; a normal one counts k from 1."""

    entry: _Entry
    origin: int
    span_s: int
    pulses: int
    pulse: int
    square: bool
    given: int = 0

    def due(self) -> tuple[int, int]:
        """Return numerator and denominator of the second in which the next pulse is due."""
        if self.square:
            return self.origin + (2 * self.given + 1) * self.span_s, 2 * self.pulses
        return self.origin + (self.given + 1) * self.span_s, self.pulses


class _Chance:
    """A 64-bit linear congruential generator."""

    def __init__(self, seed: int) -> None:
        self.state = seed

    def among(self, least: int, largest: int) -> int:
        """Draw a whole number."""
        self.state = (self.state * 6_364_136_223_846_793_005 + 1_442_695_040_888_963_407) % 2**64
        return least + (self.state >> 33) % (largest - least + 1)


class _Pump:
    """The model of the pump. `now_s` runs on, `wall_s` is what its clock shows."""

    def __init__(self) -> None:
        self.now_s = self.wall_s = 0
        self.profile: _Profile = _PROFILE
        self.running = True
        self.temp: tuple[int, int | None, int | None] | None = None  # end, rate, percent
        self.boluses: list[_Bolus] = []
        self.free_s = 0  # when the normal bolus under way will be over
        self.total = 0
        self.entries: list[_Entry] = []
        self.steps = 0  # per hour, of basal
        self.given: list[tuple[int, int]] = []  # boluses, for the active insulin
        self.later: list[tuple[int, str]] = []  # what a running sequence does next: when, what

    def log(self, kind: str, values: Mapping[str, str] | None = None, **cells: str) -> _Entry:
        """Write an entry into the memory."""
        entry = _Entry(self.wall_s, kind, dict(values or {}), {_CELLS[key]: text for key, text in cells.items()})
        self.entries.append(entry)
        return entry

    def segment(self) -> int:
        """Return the index of the segment in force."""
        return max(i for i, (start_s, _) in enumerate(self.profile) if start_s <= self.wall_s % _DAY_S)

    def rate(self) -> int:
        """Return the rate in force; a percentage goes down to the pump's own step of rates."""
        base = self.profile[self.segment()][1]
        if self.temp is None:
            return base
        if self.temp[1] is not None:
            return self.temp[1]
        rate = base * (self.temp[2] or 0) // 100
        return rate - rate % (_STEP if rate < _UNIT else 2 * _STEP)

    def start_basal(self) -> None:
        """Run, and say which segment that starts."""
        self.running = True
        if self.temp is None:
            index = self.segment()
            start_s, rate = self.profile[index]
            self.log("BasalProfileStart", {"PATTERN_NAME": "standard", **_row(index, start_s, rate), **_BY_PUMP})

    def halt(self) -> None:
        """Stop; a bolus under way is lost."""
        self.running = False
        self.boluses.clear()
        self.free_s = self.now_s

    def tick(self) -> None:
        """Let the clock bring what it brings at this second."""
        if self.wall_s % _DAY_S == 0 and self.now_s:
            self.close_day()
        if self.temp is not None and self.now_s >= self.temp[0]:
            self.temp = None
            if self.running:
                self.start_basal()
        elif self.temp is None and self.running and self.profile[self.segment()][0] == self.wall_s % _DAY_S:
            self.start_basal()

    def deliver(self) -> None:
        """Turn the motor for one second."""
        if self.running:
            steps, second = self.steps, self.wall_s % _HOUR_S
            # A pulse of the hour stands at every whole k * 3600 / steps seconds, k from 0 on.
            self.total += _STEP * (-(-(second + 1) * steps // _HOUR_S) + (-second * steps // _HOUR_S))
        for bolus in self.boluses:
            self.turn(bolus)
        self.boluses = [bolus for bolus in self.boluses if bolus.given < bolus.pulses]
        self.now_s += 1
        self.wall_s += 1

    def turn(self, bolus: _Bolus) -> None:
        """Give the pulses of a bolus that are due within this second."""
        while bolus.given < bolus.pulses:
            due, per_s = bolus.due()
            if bolus.square and due < self.free_s * per_s and self.now_s < self.free_s:
                # It waits for the normal bolus, and the later ones with it.
                bolus.origin += self.free_s * per_s - due
                continue
            if due >= (self.now_s + 1) * per_s:
                return
            bolus.given += 1
            self.total += bolus.pulse
            amount = bolus.given * bolus.pulse
            bolus.entry.values["AMOUNT"] = bolus.entry.cells[_CELLS["delivered"]] = _u(amount)

    def close_day(self) -> None:
        """Write the day's total, under the day's own date."""
        day_s = (self.wall_s - 1) // _DAY_S * _DAY_S
        values = {"AMOUNT": _u(self.total), "CONCENTRATION": "null"}
        entry = self.log("ResultDailyTotal", values, total=_u(self.total))
        entry.wall_s, self.total = day_s, 0

    def suggest(self, carbs_g: int, glucose: int) -> int:
        """Log a finger-stick and the bolus calculator's suggestion; return the suggestion."""
        active = sum(
            uu * (_ACTIVE_S - self.now_s + at_s) // _ACTIVE_S
            for at_s, uu in self.given
            if self.now_s < at_s + _ACTIVE_S
        )
        active -= active % 100
        if glucose:
            self.log("CalBGForPH", {"AMOUNT": str(glucose), **_BY_PUMP}, calibration=str(glucose))
        food = carbs_g * 1_000 // _RATIO // 100 * 100
        off = glucose - _HIGH if glucose > _HIGH else min(glucose - _LOW, 0) if glucose else 0
        # Toward zero to 0.025 U, then down to 0.1 U: what the pump was seen to do.
        fine = abs(off) * 1_000 // _SENSITIVITY // 25 * 25 * (1 if off >= 0 else -1)
        correction = fine // 100 * 100
        estimate = max(food + (max(correction - active, 0) if off > 0 else correction), 0)
        figures = {
            "BG_INPUT": str(glucose), "BG_UNITS": "mg dl", "CARB_INPUT": str(carbs_g), "CARB_UNITS": "grams",
            "CARB_RATIO": str(_RATIO), "INSULIN_SENSITIVITY": str(_SENSITIVITY), "BG_TARGET_LOW": str(_LOW),
            "BG_TARGET_HIGH": str(_HIGH), "BOLUS_ESTIMATE": _u(estimate), "CORRECTION_ESTIMATE": _u(correction),
            "FOOD_ESTIMATE": _u(food), "UNABSORBED_INSULIN_TOTAL": _u(active if off > 0 else 0),
        }  # fmt: skip
        self.log("BolusWizardBolusEstimate", {**figures, **_BY_PUMP}, estimate=_u(estimate), carbs=str(carbs_g))
        return estimate

    def bolus(self, normal: int, square: int = 0, span_s: int = 0) -> None:
        """Start a bolus: a normal one, a square one, or both parts of a dual one."""
        dual = {"IS_DUAL_COMPONENT": str(bool(normal and square)).lower()}
        length_s = _normal_s(normal) if normal else 0
        self.given.append((self.now_s, normal + square))
        parts = [] if not square else [("BolusSquare", square, span_s, {"DURATION": str(span_s * 1000)})]
        parts += [] if not normal else [("BolusNormal", normal, 0, {"ENABLE": "true"})]
        for kind, amount, duration_s, more in parts:
            values = {
                "AMOUNT": "0",
                "CONCENTRATION": "null",
                "PROGRAMMED_AMOUNT": _u(amount),
                **_BY_PUMP,
                **more,
                **dual,
            }
            entry = self.log(kind, values, bolus=kind.removeprefix("Bolus"), selected=_u(amount), delivered="0")
            start_s = self.now_s + (length_s if duration_s else 0)
            entry.wall_s += start_s - self.now_s
            pulse = _PULSE if amount % _PULSE == 0 else _STEP
            count, span = amount // pulse, duration_s or length_s
            scale = 2 * count if duration_s else count
            self.boluses.append(_Bolus(entry, start_s * scale, span, count, pulse, square=bool(duration_s)))
        self.free_s = max(self.free_s, self.now_s + length_s)

    def act(self, deed: str, *numbers: int) -> None:
        """Do what the user, or the world, does at this second."""
        getattr(self, f"do_{deed}")(*numbers)

    def do_meal(self, carbs_g: int, glucose: int, square_percent: int = 0, span_s: int = 0) -> None:
        """Ask the calculator and take its suggestion, all at once or partly spread."""
        estimate = self.suggest(carbs_g, glucose)
        square = estimate * square_percent // 100 // 100 * 100
        if estimate:
            self.bolus(estimate - square, square, span_s)

    def do_square(self, amount: int, span_s: int) -> None:
        """Start a square bolus without the calculator."""
        self.bolus(0, amount, span_s)

    def do_temp_rate(self, rate: int, span_s: int) -> None:
        """Set a temp basal in units per hour."""
        self.temp = (self.now_s + span_s, rate, None)
        values = {"RATE": _u(rate), "DURATION": str(span_s * 1000), **_BY_PUMP}
        self.log("ChangeTempBasal", values, temp=_u(rate), temp_kind="Rate", temp_span=_clock(span_s))

    def do_temp_percent(self, percent: int, span_s: int) -> None:
        """Set a temp basal in percent."""
        self.temp = (self.now_s + span_s, None, percent)
        values = {"PERCENT_OF_RATE": str(percent), "DURATION": str(span_s * 1000), **_BY_PUMP}
        self.log("ChangeTempBasalPercent", values, temp=str(percent), temp_kind="Percent", temp_span=_clock(span_s))

    def do_temp_off(self) -> None:
        """End a temp basal."""
        self.temp = None
        self.log("ChangeTempBasalPercent", {"PERCENT_OF_RATE": "100", "DURATION": "0", **_BY_PUMP})
        self.start_basal()

    def do_suspend(self) -> None:
        """Suspend by hand."""
        self.halt()
        self.log(
            "ChangeSuspendEnable", {"ENABLE": "user_suspend", **_BY_PUMP, "PRE_ENABLE": "null"}, suspend="Suspended"
        )

    def do_resume(self) -> None:
        """Resume by hand."""
        self.start_basal()
        self.log(
            "ChangeSuspendEnable",
            {"ENABLE": "normal_pumping", **_BY_PUMP, "PRE_ENABLE": "null"},
            suspend="Normal Pumping",
        )

    def do_alarm(self) -> None:
        """Find the tubing blocked."""
        self.halt()
        self.log("AlarmPump", {"RAW_TYPE": "4", "RAW_MODULE": "18", "LINE_NUM": "3102"}, alarm="No Delivery (4)")

    def do_clear(self) -> None:
        """Clear the alarm, which starts nothing."""
        self.log("ClearAlarm", {"ALARM_TYPE": "4", **_BY_PUMP})

    def do_rewind(self) -> None:
        """Take the reservoir out. The temp basal is over with it."""
        self.halt()
        self.temp = None
        self.log("Rewind", _BY_PUMP, rewind="Rewind")

    def do_prime(self, amount: int) -> None:
        """Fill the tubing."""
        self.prime("manual", amount, 0)

    def do_fill(self) -> None:
        """Fill the cannula; basal starts 14 seconds later."""
        self.prime("fixed", 400, 400)
        self.later.append((self.now_s + 14, "start"))

    def prime(self, kind: str, amount: int, programmed: int) -> None:
        """Log a prime: no therapy insulin."""
        values = {
            "AMOUNT": _u(amount),
            "CONCENTRATION": "null",
            "PROGRAMMED_AMOUNT": _u(programmed),
            "PRIME_TYPE": kind,
        }
        self.log("Prime", {**values, **_BY_PUMP}, prime=kind.capitalize(), primed=_u(amount))

    def do_start(self) -> None:
        """Start basal after a prime."""
        self.start_basal()

    def do_battery(self, present: int) -> None:
        """Take the battery out, or put one in."""
        self.log("ChangeBatteryEnable", {"ENABLE": "true" if present else "false"})
        if present:
            self.start_basal()
        else:
            self.halt()

    def do_clock(self, ahead_s: int) -> None:
        """Set the clock ahead, to a full minute."""
        new_s = (self.wall_s + ahead_s) // 60 * 60
        ms = ((_FIRST - date(1970, 1, 1)).days * _DAY_S + new_s) * 1000
        self.log("ChangeTime", {"NEW_TIME": str(ms), **_BY_PUMP}, new_time=_stamp(new_s))
        self.wall_s = new_s

    def do_edit(self) -> None:
        """Edit the basal profile; the memory keeps it as it was and as it is."""
        for kind, profile in (("Pre", self.profile), ("", _EDITED)):
            head = self.log(
                f"ChangeBasalProfilePattern{kind}", {"PATTERN_NAME": "standard", "NUM_PROFILES": str(len(profile))}
            )
            for index, (start_s, rate) in enumerate(profile):
                self.log(f"ChangeBasalProfile{kind}", {"PATTERN_DATUM": f"@{id(head)}", **_row(index, start_s, rate)})
        self.profile = _EDITED
        self.start_basal()


_BY_PUMP: Final = {"ACTION_REQUESTOR": "pump"}

# Columns of the report that an entry fills beside its raw values.
_CELLS: Final = {
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

# What happens beside meals: day, time, deed.
_SCRIPT: Final = (
    (1, "09:10:20", "temp_percent", 130, 2 * _HOUR_S),
    (2, "07:31:12", "suspend"),
    (2, "08:02:45", "resume"),
    (3, "18:31:07", "meal", 72, 141, 40, 2 * _HOUR_S),
    (3, "19:50:10", "rewind"),
    (3, "19:51:40", "prime", 8_300),
    (3, "19:52:25", "fill"),
    (4, "15:20:05", "temp_rate", 400, 3 * _HOUR_S),
    (4, "16:45:30", "temp_off"),
    (5, "22:40:30", "square", 3_000, 3 * _HOUR_S),
    (5, "23:20:11", "meal", 20, 0),
    (6, "20:15:33", "edit"),
    (7, "23:51:20", "suspend"),
    (8, "00:14:05", "resume"),
    (8, "13:22:00", "meal", 45, 0),
    (8, "13:22:41", "alarm"),
    (8, "13:25:10", "clear"),
    (8, "14:03:00", "rewind"),
    (8, "14:04:20", "prime", 7_100),
    (8, "14:05:20", "fill"),
    (9, "21:44:10", "battery", 0),
    (9, "21:44:39", "battery", 1),
    (10, "10:05:31", "clock", _HOUR_S),
    (11, "21:10:00", "temp_percent", 70, 6 * _HOUR_S),
    (11, "23:05:00", "suspend"),
    (11, "23:21:30", "resume"),
    (12, "17:02:44", "rewind"),
    (12, "17:03:50", "prime", 9_400),
    (12, "17:04:31", "fill"),
)  # fmt: skip
_MEALS: Final = ((25_500, 30, 55), (44_700, 35, 70), (66_600, 40, 80))  # s of the day, g at least, g at most
_SENSOR_DAYS: Final = (5, 9)
_SENSOR_S: Final = 300
_READ_OUT_S: Final = 600  # after the last midnight


def export(seed: int = SEED) -> str:
    """Make the example.

    Args:
        seed: of the meals and of the glucose.

    Returns:
        The text of the export; the same for the same seed.

    Example:
        >>> export().splitlines()[1]
        'SYNTHETIC: made by pumpcore (pumpcore/records/example.py). No person and no pump is behind it.'
    """
    pump, chance = _Pump(), _Chance(seed)
    deeds: dict[int, list[tuple[str, tuple[int, ...]]]] = {}
    for day, at, deed, *numbers in _SCRIPT:
        hours, minutes, seconds = map(int, str(at).split(":"))
        at_s = int(day) * _DAY_S + hours * _HOUR_S + minutes * 60 + seconds
        deeds.setdefault(at_s, []).append((str(deed), tuple(map(int, numbers))))
    for at_s, meal in _meals(chance):
        deeds.setdefault(at_s, []).append(("meal", meal))
    glucose, sensor = 140, []
    while pump.wall_s < _DAYS * _DAY_S + _READ_OUT_S:
        due = [*deeds.get(pump.wall_s, []), *((deed, ()) for at_s, deed in pump.later if at_s == pump.now_s)]
        # All else changes at a full half hour only.
        if due or pump.wall_s % _SLOT_S == 0 or (pump.temp is not None and pump.temp[0] == pump.now_s):
            pump.tick()
            for deed, given in due:
                pump.act(deed, *given)
            pump.steps = pump.rate() // _STEP
        if pump.wall_s % _SENSOR_S == 0 and _SENSOR_DAYS[0] <= pump.wall_s // _DAY_S < _SENSOR_DAYS[1]:
            # A walk that is drawn back to the middle.
            glucose += chance.among(-9, 9) + (140 - glucose) // 24
            values = {"AMOUNT": str(glucose), "BACKFILL_INDICATOR": "false"}
            sensor.append(_Entry(pump.wall_s, "GlucoseSensorData", values, {_CELLS["glucose"]: str(glucose)}))
        pump.deliver()
    _read_out(pump)
    return _text(pump.entries, sensor)


def _meals(chance: _Chance) -> Iterator[tuple[int, tuple[int, ...]]]:
    for day in range(_DAYS):
        for start_s, least_g, most_g in _MEALS:
            at_s = day * _DAY_S + start_s + chance.among(0, 1_500)
            glucose = chance.among(70, 240) if chance.among(0, 3) else 0
            dual = (30, 5_400) if chance.among(0, 5) == 0 else ()
            if (day, start_s) != _SCRIPTED_MEAL:
                yield at_s, (chance.among(least_g, most_g), glucose, *dual)


_SCRIPTED_MEAL: Final = (3, 66_600)


def _read_out(pump: _Pump) -> None:
    pump.log("CurrentPumpModelNumber", {"MODEL_NUMBER": "523"})
    head = pump.log("CurrentBasalProfilePattern", {"PATTERN_NAME": "standard", "NUM_PROFILES": str(len(pump.profile))})
    for index, (start_s, rate) in enumerate(pump.profile):
        pump.log("CurrentBasalProfile", {"PATTERN_DATUM": f"@{id(head)}", **_row(index, start_s, rate)})


def _text(entries: list[_Entry], sensor: list[_Entry]) -> str:
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
        stamp = _stamp(entry.wall_s)
        day, time = stamp.split(" ")
        raw = ", ".join(f"{key}={ids.get(value, value)}" for key, value in entry.values.items())
        cells = entry.cells | {
            "Index": str(number), "Date": day, "Time": time, "Timestamp": stamp, "Raw-Type": entry.kind,
            "Raw-Values": f'"{raw}"' if "," in raw else raw, "Raw-ID": str(number), "Raw-Seq Num": str(seq),
            "Raw-Device Type": _DEVICE,
        }  # fmt: skip
        lines.append(",".join(cells.get(column, "") for column in _COLUMNS))
    return "".join(f"{line}\n" for line in lines)


def _row(index: int, start_s: int, rate: int) -> dict[str, str]:
    return {"PROFILE_INDEX": str(index), "RATE": _u(rate), "START_TIME": str(start_s * 1000)}


def _normal_s(amount: int) -> int:
    """Return how long a normal bolus takes: 0.75 U/min below 1 U, 1.5 U/min below 7.5 U, then five minutes."""
    per_u = 80 if amount < _UNIT else 40
    return 300 if amount >= _FAST else amount * per_u // _UNIT


def _u(thousandths: int) -> str:
    """Write thousandths of a unit as the pump does: no more decimals than needed."""
    sign, whole, part = "-" if thousandths < 0 else "", abs(thousandths) // 1_000, abs(thousandths) % 1_000
    return f"{sign}{whole}.{part:03d}".rstrip("0").rstrip(".")


def _clock(seconds: int) -> str:
    return f"{seconds // _HOUR_S:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def _stamp(wall_s: int) -> str:
    day = _FIRST + timedelta(days=wall_s // _DAY_S)
    return f"{day.month}/{day.day}/{day.year % 100:02d} {_clock(wall_s % _DAY_S)}"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(export(), encoding="utf-8", newline="")
