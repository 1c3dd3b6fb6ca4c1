"""Makes the example history that pumpcore ships: a synthetic CareLink export. No person and no pump is behind it.

The rule of this file: it shares no arithmetic with the replay. A small model of the pump (`example_pump`) walks through
the days second by second, in whole thousandths of a unit, and counts what it delivers; the record of its commands and
the totals that it counted are the export (`example_sheet`). So the replay agrees with the example only if both have the
same pump in mind.

The same seed gives the same bytes: the only chance is an integer generator of its own. To make the file anew:
`python -m pumpcore.records.example pumpcore/records/example.csv`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pumpcore.records.example_pump import STEP, ExamplePump
from pumpcore.records.example_sheet import CELLS, DAY_S, HOUR_S, SheetEntry, profile_row, sheet_text

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["PATH", "export"]

PATH: Final = Path(__file__).with_name("example.csv")
"""The shipped file."""

SEED: Final = 1
_DAYS: Final = 14
SLOT_S: Final = 1_800  # segments start on these


class _Chance:
    """A 64-bit linear congruential generator."""

    def __init__(self, seed: int) -> None:
        self.state = seed

    def among(self, least: int, largest: int) -> int:
        """Draw a whole number."""
        self.state = (self.state * 6_364_136_223_846_793_005 + 1_442_695_040_888_963_407) % 2**64
        return least + (self.state >> 33) % (largest - least + 1)


# What happens beside meals: day, time, deed.
_SCRIPT: Final = (
    (1, "09:10:20", "temp_percent", 130, 2 * HOUR_S),
    (2, "07:31:12", "suspend"),
    (2, "08:02:45", "resume"),
    (3, "18:31:07", "meal", 72, 141, 40, 2 * HOUR_S),
    (3, "19:50:10", "rewind"),
    (3, "19:51:40", "prime", 8_300),
    (3, "19:52:25", "fill"),
    (4, "15:20:05", "temp_rate", 400, 3 * HOUR_S),
    (4, "16:45:30", "temp_off"),
    (5, "22:40:30", "square", 3_000, 3 * HOUR_S),
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
    (10, "10:05:31", "clock", HOUR_S),
    (11, "21:10:00", "temp_percent", 70, 6 * HOUR_S),
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
    pump, chance = ExamplePump(), _Chance(seed)
    deeds: dict[int, list[tuple[str, tuple[int, ...]]]] = {}
    for day, at, deed, *numbers in _SCRIPT:
        hours, minutes, seconds = map(int, str(at).split(":"))
        at_s = int(day) * DAY_S + hours * HOUR_S + minutes * 60 + seconds
        deeds.setdefault(at_s, []).append((str(deed), tuple(map(int, numbers))))
    for at_s, meal in _meals(chance):
        deeds.setdefault(at_s, []).append(("meal", meal))
    glucose, sensor = 140, []
    while pump.wall_s < _DAYS * DAY_S + _READ_OUT_S:
        due = [*deeds.get(pump.wall_s, []), *((deed, ()) for at_s, deed in pump.later if at_s == pump.now_s)]
        # All else changes at a full half hour only.
        if due or pump.wall_s % SLOT_S == 0 or (pump.temp is not None and pump.temp[0] == pump.now_s):
            pump.tick()
            for deed, given in due:
                pump.act(deed, *given)
            pump.steps = pump.rate() // STEP
        if pump.wall_s % _SENSOR_S == 0 and _SENSOR_DAYS[0] <= pump.wall_s // DAY_S < _SENSOR_DAYS[1]:
            # A walk that is drawn back to the middle.
            glucose += chance.among(-9, 9) + (140 - glucose) // 24
            values = {"AMOUNT": str(glucose), "BACKFILL_INDICATOR": "false"}
            sensor.append(SheetEntry(pump.wall_s, "GlucoseSensorData", values, {CELLS["glucose"]: str(glucose)}))
        pump.deliver()
    _read_out(pump)
    return sheet_text(pump.entries, sensor)


def _meals(chance: _Chance) -> Iterator[tuple[int, tuple[int, ...]]]:
    for day in range(_DAYS):
        for start_s, least_g, most_g in _MEALS:
            at_s = day * DAY_S + start_s + chance.among(0, 1_500)
            glucose = chance.among(70, 240) if chance.among(0, 3) else 0
            dual = (30, 5_400) if chance.among(0, 5) == 0 else ()
            if (day, start_s) != _SCRIPTED_MEAL:
                yield at_s, (chance.among(least_g, most_g), glucose, *dual)


_SCRIPTED_MEAL: Final = (3, 66_600)


def _read_out(pump: ExamplePump) -> None:
    pump.log("CurrentPumpModelNumber", {"MODEL_NUMBER": "523"})
    head = pump.log("CurrentBasalProfilePattern", {"PATTERN_NAME": "standard", "NUM_PROFILES": str(len(pump.profile))})
    for index, (start_s, rate) in enumerate(pump.profile):
        pump.log("CurrentBasalProfile", {"PATTERN_DATUM": f"@{id(head)}", **profile_row(index, start_s, rate)})


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(export(), encoding="utf-8", newline="")
