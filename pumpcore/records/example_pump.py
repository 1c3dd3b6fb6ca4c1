"""The pump of the example history: a small model that walks through the days second by second.

The rule of this file: it shares no arithmetic with the replay. It counts in whole thousandths of a unit.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Final

from pumpcore.frozen import dataclass
from pumpcore.records.example_sheet import (
    CELLS,
    DAY_S,
    FIRST,
    HOUR_S,
    SheetEntry,
    amount_text,
    clock_text,
    profile_row,
    stamp_text,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["STEP", "ExamplePump"]

# Thousandths of a unit: of the pump's basal step, of a pulse of a bolus, of the least bolus that takes five minutes.
STEP: Final = 25
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
_ACTIVE_S: Final = 4 * HOUR_S

_BY_PUMP: Final = {"ACTION_REQUESTOR": "pump"}


@dataclass(slots=True)
class ExampleBolus:
    """A bolus under way. Pulse k is due at (origin + k * span) / pulses seconds; a normal one counts k from 1."""

    entry: SheetEntry
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


class ExamplePump:
    """The model of the pump. `now_s` runs on, `wall_s` is what its clock shows."""

    def __init__(self) -> None:
        """Begin on the first midnight, running, with nothing delivered."""
        self.now_s = self.wall_s = 0
        self.profile: _Profile = _PROFILE
        self.running = True
        self.temp: tuple[int, int | None, int | None] | None = None  # end, rate, percent
        self.boluses: list[ExampleBolus] = []
        self.free_s = 0  # when the normal bolus under way will be over
        self.total = 0
        self.entries: list[SheetEntry] = []
        self.steps = 0  # per hour, of basal
        self.given: list[tuple[int, int]] = []  # boluses, for the active insulin
        self.later: list[tuple[int, str]] = []  # what a running sequence does next: when, what

    def log(self, kind: str, values: Mapping[str, str] | None = None, **cells: str) -> SheetEntry:
        """Write an entry into the memory."""
        entry = SheetEntry(self.wall_s, kind, dict(values or {}), {CELLS[key]: text for key, text in cells.items()})
        self.entries.append(entry)
        return entry

    def segment(self) -> int:
        """Return the index of the segment in force."""
        return max(i for i, (start_s, _) in enumerate(self.profile) if start_s <= self.wall_s % DAY_S)

    def rate(self) -> int:
        """Return the rate in force; a percentage goes down to the pump's own step of rates."""
        base = self.profile[self.segment()][1]
        if self.temp is None:
            return base
        if self.temp[1] is not None:
            return self.temp[1]
        rate = base * (self.temp[2] or 0) // 100
        return rate - rate % (STEP if rate < _UNIT else 2 * STEP)

    def start_basal(self) -> None:
        """Run, and say which segment that starts."""
        self.running = True
        if self.temp is None:
            index = self.segment()
            start_s, rate = self.profile[index]
            self.log("BasalProfileStart", {"PATTERN_NAME": "standard", **profile_row(index, start_s, rate), **_BY_PUMP})

    def halt(self) -> None:
        """Stop; a bolus under way is lost."""
        self.running = False
        self.boluses.clear()
        self.free_s = self.now_s

    def tick(self) -> None:
        """Let the clock bring what it brings at this second."""
        if self.wall_s % DAY_S == 0 and self.now_s:
            self.close_day()
        if self.temp is not None and self.now_s >= self.temp[0]:
            self.temp = None
            if self.running:
                self.start_basal()
        elif self.temp is None and self.running and self.profile[self.segment()][0] == self.wall_s % DAY_S:
            self.start_basal()

    def deliver(self) -> None:
        """Turn the motor for one second."""
        if self.running:
            steps, second = self.steps, self.wall_s % HOUR_S
            # A pulse of the hour stands at every whole k * 3600 / steps seconds, k from 0 on.
            self.total += STEP * (-(-(second + 1) * steps // HOUR_S) + (-second * steps // HOUR_S))
        for bolus in self.boluses:
            self.turn(bolus)
        self.boluses = [bolus for bolus in self.boluses if bolus.given < bolus.pulses]
        self.now_s += 1
        self.wall_s += 1

    def turn(self, bolus: ExampleBolus) -> None:
        """Deliver the pulses of a bolus that are due within this second."""
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
            bolus.entry.values["AMOUNT"] = bolus.entry.cells[CELLS["delivered"]] = amount_text(amount)

    def close_day(self) -> None:
        """Write the day's total, under the day's own date."""
        day_s = (self.wall_s - 1) // DAY_S * DAY_S
        values = {"AMOUNT": amount_text(self.total), "CONCENTRATION": "null"}
        entry = self.log("ResultDailyTotal", values, total=amount_text(self.total))
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
            "BG_TARGET_HIGH": str(_HIGH), "BOLUS_ESTIMATE": amount_text(estimate),
            "CORRECTION_ESTIMATE": amount_text(correction), "FOOD_ESTIMATE": amount_text(food),
            "UNABSORBED_INSULIN_TOTAL": amount_text(active if off > 0 else 0),
        }  # fmt: skip
        self.log(
            "BolusWizardBolusEstimate", {**figures, **_BY_PUMP}, estimate=amount_text(estimate), carbs=str(carbs_g)
        )
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
                "PROGRAMMED_AMOUNT": amount_text(amount),
                **_BY_PUMP,
                **more,
                **dual,
            }
            entry = self.log(
                kind, values, bolus=kind.removeprefix("Bolus"), selected=amount_text(amount), delivered="0"
            )
            start_s = self.now_s + (length_s if duration_s else 0)
            entry.wall_s += start_s - self.now_s
            pulse = _PULSE if amount % _PULSE == 0 else STEP
            count, span = amount // pulse, duration_s or length_s
            scale = 2 * count if duration_s else count
            self.boluses.append(ExampleBolus(entry, start_s * scale, span, count, pulse, square=bool(duration_s)))
        self.free_s = max(self.free_s, self.now_s + length_s)

    def act(self, deed: str, *numbers: int) -> None:
        """Do what the user, or the world, does at this second."""
        getattr(self, f"do_{deed}")(*numbers)

    def do_meal(self, carbs_g: int, glucose: int, square_percent: int = 0, span_s: int = 0) -> None:
        """Use the calculator and accept its suggestion, all at once or partly extended."""
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
        values = {"RATE": amount_text(rate), "DURATION": str(span_s * 1000), **_BY_PUMP}
        self.log("ChangeTempBasal", values, temp=amount_text(rate), temp_kind="Rate", temp_span=clock_text(span_s))

    def do_temp_percent(self, percent: int, span_s: int) -> None:
        """Set a temp basal in percent."""
        self.temp = (self.now_s + span_s, None, percent)
        values = {"PERCENT_OF_RATE": str(percent), "DURATION": str(span_s * 1000), **_BY_PUMP}
        self.log("ChangeTempBasalPercent", values, temp=str(percent), temp_kind="Percent", temp_span=clock_text(span_s))

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
            "AMOUNT": amount_text(amount),
            "CONCENTRATION": "null",
            "PROGRAMMED_AMOUNT": amount_text(programmed),
            "PRIME_TYPE": kind,
        }
        self.log("Prime", {**values, **_BY_PUMP}, prime=kind.capitalize(), primed=amount_text(amount))

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
        ms = ((FIRST - date(1970, 1, 1)).days * DAY_S + new_s) * 1000
        self.log("ChangeTime", {"NEW_TIME": str(ms), **_BY_PUMP}, new_time=stamp_text(new_s))
        self.wall_s = new_s

    def do_edit(self) -> None:
        """Edit the basal profile; the memory keeps it as it was and as it is."""
        for kind, profile in (("Pre", self.profile), ("", _EDITED)):
            head = self.log(
                f"ChangeBasalProfilePattern{kind}", {"PATTERN_NAME": "standard", "NUM_PROFILES": str(len(profile))}
            )
            for index, (start_s, rate) in enumerate(profile):
                self.log(
                    f"ChangeBasalProfile{kind}", {"PATTERN_DATUM": f"@{id(head)}", **profile_row(index, start_s, rate)}
                )
        self.profile = _EDITED
        self.start_basal()


def _normal_s(amount: int) -> int:
    """Return how long a normal bolus takes: 0.75 U/min below 1 U, 1.5 U/min below 7.5 U, then five minutes."""
    per_u = 80 if amount < _UNIT else 40
    return 300 if amount >= _FAST else amount * per_u // _UNIT
