"""Reading a scenario: every refusal is one line with the file, the place and what was expected."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from pumpcore.errors import RecordError, RequestError
from pumpcore.scenario import examples, read, read_text
from pumpcore.scenario.sensor import curve
from pumpcore.therapy.envelope import ControllerBounds
from pumpcore.therapy.glucose import MgDl, MmolL, Reading
from pumpcore.therapy.iob import Curve
from pumpcore.therapy.low_suspend import LOW_PRESETS, LowSettings

if TYPE_CHECKING:
    from pathlib import Path

MINUTE_US = 60_000_000
HOUR_US = 60 * MINUTE_US

PUMP = """\
[pump]
device = "medtronic-523"
start = "2026-03-28 00:00"
zone = "Europe/Copenhagen"
days = 2
reservoir = "150"
"""
LIMITS = """\
[limits]
max_basal = "3"
max_temp_basal = "4"
max_temp_percent = "200"
max_bolus = "12"
max_iob = "20"
max_hour = "15"
max_day = "90"
"""
PROFILE = """\
[[profile]]
name = "plain"
"00:00" = "0.80"
"""
PLAIN = f'title = "t"\nevents = []\n{PUMP}{LIMITS}{PROFILE}'


def refused(text: str) -> str:
    with pytest.raises(RecordError) as caught:
        read_text(text, name="my.toml")
    line = str(caught.value)
    assert line.startswith("my.toml: ")
    assert "\n" not in line
    return line.removeprefix("my.toml: ")


def with_events(*events: str) -> str:
    lines = "".join(f'    "{event}",\n' for event in events)
    return PLAIN.replace("events = []", f"events = [\n{lines}]")


def test_defaults() -> None:
    made = read_text(PLAIN, name="my.toml")
    assert (made.name, made.title, made.about, made.running) == ("my", "t", "", True)
    assert made.end_us == 47 * HOUR_US  # two days, of which one has 23 hours
    assert (made.reservoir_uu, made.prime_uu, made.fill_uu) == (150_000_000, 10_000_000, 300_000)
    assert (made.confirm_us, made.battery_percent, made.readings, made.entries) == (100_000, None, (), ())
    config = made.config
    assert config.anchor is not None
    assert config.anchor.utc == datetime(2026, 3, 27, 23, tzinfo=UTC)
    assert (config.settings.suspend_policy, config.settings.curve, config.zone) == (
        "medtronic",
        Curve.exponential(360, 75),
        "Europe/Copenhagen",
    )
    assert (config.settings.calculator, config.settings.low_suspend, config.settings.controller) == (
        None,
        None,
        ControllerBounds(),
    )
    assert config.settings.limits.max_bolus_uu == 12_000_000


def test_every_table() -> None:
    text = (
        PLAIN.replace('"00:00" = "0.80"', '"00:00" = "0.80"\n"06:30" = "1.1"')
        + """
[[profile]]
name = "rest"
"00:00" = "0.9"
[week]
all = "plain"
weekend = "rest"
friday = "rest"
[calculator]
policy = "tandem"
grams_per_u = "12.5"
sensitivity = "40 mg/dL"
target = "90 to 120 mg/dL"
[low_suspend]
preset = "medtronic-530g"
limit = "60 mg/dL"
[controller]
max_rate = "1.5"
max_bolus = "0.3"
max_time = "1 h"
[insulin_on_board]
curve = "walsh"
lasts = "4 h"
[alarms]
no_delivery_high = "90 min"
reservoir_low = "30"
battery_low = "30"
auto_off = "12 h"
meals = ["11:30 to 13:30"]
[sensor]
every = "10 min"
unit = "mg/dL"
points = ["00:00 100", "00:30 130"]
"""
    )
    config = (made := read_text(text, name="my.toml")).config
    assert config.plan is not None
    assert [profile.name for profile in config.plan.days] == [*["plain"] * 4, *["rest"] * 3]
    assert config.plan.days[0].segments == ((0, 800_000), (6 * HOUR_US + 30 * MINUTE_US, 1_100_000))
    assert config.settings.calculator is not None
    assert (config.settings.calculator.policy, config.settings.calculator.carb_ratio_mg_per_u) == ("tandem", 12_500)
    assert (config.settings.calculator.target_low, config.settings.calculator.hard_low) == (MgDl(90), MgDl(70))
    assert config.settings.low_suspend == LowSettings(LOW_PRESETS["medtronic-530g"], MgDl(60))
    assert config.settings.controller.max_duration_us == HOUR_US
    assert config.settings.controller.max_age_us == 5 * MINUTE_US
    assert config.settings.curve == Curve.walsh(240)
    assert (config.settings.alarms.watch.high_us, config.settings.alarms.watch.medium_us) == (90 * MINUTE_US, HOUR_US)
    assert (config.settings.alarms.reservoir_low_uu, config.settings.alarms.battery_low_percent) == (30_000_000, 30)
    assert config.settings.alarms.auto_off_us == 12 * HOUR_US
    assert config.settings.meals == ((11 * HOUR_US + 30 * MINUTE_US, 13 * HOUR_US + 30 * MINUTE_US),)
    values = [(reading.at_us // MINUTE_US, reading.value) for reading in made.readings]
    assert values == [(0, MgDl(100)), (10, MgDl(110)), (20, MgDl(120)), (30, MgDl(130))]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('title = "t"', 'titel = "t"', "title is missing"),
        ('title = "t"', 'title = "t"\ncolour = "red"', "colour is an unknown key"),
        ("days = 2", "", "[pump]: give either days or end, not both"),
        ("days = 2", 'days = 2\nend = "2026-03-29 00:00"', "[pump]: give either days or end, not both"),
        ("days = 2", "days = 32", "[pump]: days: 32 must be from 0 to 31"),
        ("days = 2", "days = 0", "[pump]: the end must be after the start"),
        ("days = 2", "days = true", "[pump]: days: True must be an integer"),
        ("days = 2", 'end = "2026-03-27 00:00"', "[pump]: the end must be after the start"),
        ("days = 2", 'end = "tomorrow"', "[pump]: end: 'tomorrow' does not start with a time"),
        (
            'start = "2026-03-28 00:00"',
            'start = "2026-03-29 02:30"',
            "[pump]: start: '2026-03-29 02:30:00' does not exist",
        ),
        ('start = "2026-03-28 00:00"', "start = 2026-03-28T00:00:00", "[pump]: start: datetime.datetime"),
        ("Europe/Copenhagen", "Nowhere", "[pump]: zone: 'Nowhere' is not a time zone"),
        ("medtronic-523", "medtronic-1", "[pump]: device: 'medtronic-1' must be one of"),
        ('reservoir = "150"', "reservoir = 150", "[pump]: reservoir: 150 must be text in quotes"),
        ('reservoir = "150"', "reservoir = 150.5", "TOML: '150.5' is a float"),
        ('reservoir = "150"', 'reservoir = ".5"', "[pump]: reservoir: '.5' is not an exact amount"),
        (
            'reservoir = "150"',
            'reservoir = "9"\nbegins = "asleep"',
            "[pump]: begins: 'asleep' must be running or standby",
        ),
        ('reservoir = "150"', 'reservoir = "9"\nsuspend = "mine"', "suspend_policy: 'mine' must be one of"),
        ('reservoir = "150"', 'reservoir = "9"\nbattery = 101', "[pump]: battery: 101 must be from 0 to 100"),
        ('reservoir = "150"', 'reservoir = "9"\nconfirm_ms = -1', "[pump]: confirm_ms: -1 must be from 0"),
        ('max_iob = "20"\n', "", "[limits]: max_iob is missing"),
        ('max_iob = "20"', 'max_iob = "2000"', "[limits]: max_iob_uu: 2000000000 is above the largest"),
        ('max_basal = "3"', 'max_basal = "0.5"', "segments[0].rate_uu_per_h: 800000 is above the largest"),
        ('"00:00" = "0.80"', '"00:00" = "0.81"', "segments[0].rate_uu_per_h: 810000 must be a whole multiple"),
        ('"00:00" = "0.80"', '"01:00" = "0.80"', "[[profile]] 1: segments[0].start_us"),
        ('"00:00" = "0.80"', '"00:00" = 1', "[[profile]] 1: 00:00: 1 must be text in quotes"),
        ('"00:00" = "0.80"', '"0:00" = "0.80"', "[[profile]] 1: segment: '0:00' does not start with a time"),
        (PROFILE, "", "[[profile]] is missing"),
        (PROFILE, PROFILE + PROFILE, "[[profile]] 2: 'plain' is defined twice"),
        (PROFILE, PROFILE + PROFILE.replace("plain", "other"), "[week] is missing"),
        (PROFILE, PROFILE + '[week]\nall = "other"', "[week]: all: 'other' is not one of plain"),
        (PROFILE, PROFILE + '[week]\nweekdays = "plain"', "[week]: saturday has no profile"),
        (PROFILE, PROFILE + '[week]\nall = "plain"\nholiday = "plain"', "[week]: holiday is an unknown key"),
        (PROFILE, PROFILE + '[alarms]\nno_delivery_danger = "4 h"', "[alarms]: danger_us: 14400000000 is above"),
        (PROFILE, PROFILE + "[alarms]\nmeals = [1]", "[alarms]: meals[0]: 1 must be text in quotes"),
        (PROFILE, PROFILE + '[alarms]\nmeals = ["11:30"]', "[alarms]: meals: '' does not start with a time"),
        (PROFILE, PROFILE + '[insulin_on_board]\ncurve = "straight"\nlasts = "4 h"', "[insulin_on_board]: curve: "),
        (PROFILE, PROFILE + '[insulin_on_board]\ncurve = "exponential"\nlasts = "4 h"', "peak is missing"),
        (
            PROFILE,
            PROFILE + '[low_suspend]\npreset = "x"\nlimit = "60 mg/dL"',
            "[low_suspend]: preset: 'x' is not one of",
        ),
        (PROFILE, PROFILE + '[low_suspend]\npreset = "medtronic-veo"\nlimit = "30 mg/dL"', "[low_suspend]: limit: 30"),
        (PROFILE, PROFILE + '[controller]\nmax_rate = "1"\nmax_bolus = "1"\nmax_time = "9 h"', "max_duration_us"),
        (PROFILE, PROFILE + '[calculator]\ngrams_per_u = "10"', "[calculator]: target is missing"),
        (PROFILE, PROFILE + '[sensor]\nunit = "mmol/L"\npoints = ["00:00 6,1"]', "[sensor]: points[0]: '6,1 mmol/L'"),
        (PROFILE, PROFILE + '[sensor]\nunit = "mmol/L"\npoints = ["01:00 6", "01:00 7"]', "points[1]: 3600000000 us"),
        (
            PROFILE,
            PROFILE + '[sensor]\nunit = "mmol/L"\nevery = "30 s"\npoints = ["01:00 6"]',
            "below the minimum of 1 min",
        ),
        (PROFILE, PROFILE + '[sensor]\nunit = "mmol/L"', "[sensor]: points: 0 points given"),
        ("[limits]", "[limits", "Expected ']'"),
        ("events = []", 'events = "08:00 suspend"', "events: '08:00 suspend' must be a list"),
        ("events = []", "events = [8]", "events[0]: 8 must be text in quotes"),
    ],
)
def test_what_is_no_scenario_is_refused_in_one_line(old: str, new: str, says: str) -> None:
    assert old in PLAIN
    assert says in refused(PLAIN.replace(old, new))


@pytest.mark.parametrize(
    ("events", "says"),
    [
        (["08:00 suspend", "09:00 dance"], "line 4, events[1] '09:00 dance': action: 'dance' is not understood"),
        (
            ["08:00 suspend", "07:00 resume"],
            "line 4, events[1] '07:00 resume': time: '2026-03-28 07:00:00+01:00' is earlier",
        ),
        (["2026-03-29 02:30 suspend"], "line 3, events[0]"),
        (["2026-03-29 02:30 suspend"], "does not exist in Europe/Copenhagen"),
        (["day 4 08:00 suspend"], "is outside the scenario"),
        (["2026-03-27 23:59 suspend"], "is outside the scenario"),
        (["08:00 suspend,resume"], "action: 'suspend,resume' is not understood"),
        (["08:00"], "action: '' is not understood"),
        (["08:00 profile holiday"], "profile: 'holiday' is not one of plain"),
        (["08:00 bolus 1.2345678 U"], "U: '1.2345678' is not an exact amount"),
    ],
)
def test_what_is_no_entry_is_refused_with_its_line(events: list[str], says: str) -> None:
    assert says in refused(with_events(*events))


def test_two_equal_entries_have_their_own_lines() -> None:
    made = read_text(with_events("08:00 suspend", "08:00 suspend", "08:00 resume"), name="my.toml")
    assert [entry.where for entry in made.entries] == ["line 3, events[0]", "line 4, events[1]", "line 5, events[2]"]


def test_entries_on_one_line_are_told_by_their_number() -> None:
    text = PLAIN.replace("events = []", 'events = ["08:00 suspend", "09:00 dance"]')
    assert refused(text).startswith("events[1] '09:00 dance'")


def test_a_time_without_a_day_is_on_the_day_of_the_entry_before() -> None:
    made = read_text(with_events("08:00 suspend", "day 2 03:00 resume", "04:00 suspend", "05:00 resume"), name="m")
    assert [entry.at_us // HOUR_US for entry in made.entries] == [8, 26, 27, 28]


def test_what_is_measured_comes_before_what_is_asked() -> None:
    made = read_text(with_events("08:00 bolus 60 g, glucose 9.2 mmol/L, confirm"), name="m")
    assert [action.verb for action in made.entries[0].actions] == ["glucose", "advice", "confirm"]


def test_too_many_entries_are_refused() -> None:
    assert "more than 5000 events" in refused(with_events(*["08:00 suspend"] * 5_001))


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "my.toml"
    path.write_text(PLAIN, encoding="utf-8")
    assert read(str(path)).name == "my"
    with pytest.raises(RecordError, match="cannot be read"):
        read(str(tmp_path / "absent.toml"))
    with pytest.raises(RecordError, match="--list"):
        read("no_such_day")
    path.write_bytes(b"title = '\xff'")
    with pytest.raises(RecordError, match="is not UTF-8: byte 10 is 0xff"):
        read(str(path))
    path.write_bytes(b"#" * (1024 * 1024 + 1))
    with pytest.raises(RecordError, match="longer than 1048576 bytes"):
        read(str(path))


def test_a_name_of_a_shipped_scenario_is_no_way_out_of_its_folder() -> None:
    with pytest.raises(RecordError, match="cannot be read"):
        read("../examples/ordinary_day")


def test_every_shipped_scenario_has_a_title() -> None:
    assert len(examples()) >= 6
    assert all(title and "\n" not in title for title in examples().values())


def test_curve_is_straight_between_points_and_rounds_down() -> None:
    points = [(0, MmolL(60)), (15 * MINUTE_US, MmolL(50)), (25 * MINUTE_US, MmolL(51))]
    readings = list(curve([*points], 5 * MINUTE_US, 100 * MINUTE_US))
    # 60 - 10/3 = 56.67, 60 - 20/3 = 53.33: down; then 50.5: down
    assert readings == [
        Reading(minute * MINUTE_US, MmolL(tenths))
        for minute, tenths in ((0, 60), (5, 56), (10, 53), (15, 50), (20, 50), (25, 51))
    ]
    assert len(list(curve([*points], 5 * MINUTE_US, 12 * MINUTE_US))) == 3
    with pytest.raises(RequestError):
        list(curve([(-1, MmolL(60))], 5 * MINUTE_US, MINUTE_US))
