"""Each preset of a maker is a row: its figures, written here once more and never read back from the data file.

Method: a row says what a maker's pump is known to do. Each figure of a preset is held against its row, each amount and
rate at an edge goes through the functions that a pump asks (`parts_of`, `BasalProfile.check`, the temp basals), and the
delivery style is run through the kernel for a day: exact to one step, on the grid, and equal to the plain reference.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

import pytest

from pumpcore import CHANNELS, Delivery, schedule
from pumpcore.devices import Band, Device, Range, ids, load
from pumpcore.devices.suspend import SUSPEND_POLICIES as SUSPEND
from pumpcore.errors import LimitError, QuantityError
from pumpcore.limits import Limits
from pumpcore.testing.programmes import plan, train
from pumpcore.testing.reference import earned_basal, reference_schedule
from pumpcore.therapy.bolus import parts_of
from pumpcore.therapy.low_suspend import LOW_PRESETS
from pumpcore.therapy.policies import CALCULATOR_POLICIES as CALCULATOR
from pumpcore.therapy.profile import BasalProfile, PercentTemp, Segment, WeekPlan
from pumpcore.units import US_PER_DAY, US_PER_HOUR, US_PER_MINUTE, US_PER_SECOND, parse_u

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

Ends = tuple[str, str]
"""Least and largest."""

Steps = tuple[tuple[str, str], ...]
"""From this value on, multiples of that."""

REFUSED: Final = (LimitError, QuantityError)
AMPLE: Final = Limits(
    max_basal_uu_per_h=50_000_000,
    max_temp_basal_uu_per_h=50_000_000,
    max_temp_basal_percent=500,
    max_bolus_uu=75_000_000,
)


@dataclass(frozen=True, kw_only=True)
class Row:
    """What one pump does, in U, U/h, minutes and seconds as its maker says them.

    A pair is the least and the largest value; a third figure is the step, or the default where there is no step.
    """

    device: str
    step: str
    grid_s: int = 0
    basal: Ends
    basal_steps: Steps
    rates_taken: tuple[str, ...]
    rates_refused: tuple[str, ...]
    profiles: int
    segments: int
    segment_min: int
    temp_rate: Ends | None
    temp_percent: tuple[int, int, int]
    percents_refused: tuple[int, ...]
    temp_min: tuple[int, int, int]
    minutes_refused: tuple[int, ...]
    bolus: Ends
    bolus_steps: Steps
    boluses_taken: tuple[str, ...]
    boluses_refused: tuple[str, ...]
    seconds: tuple[int, int, int]
    """How long 0.5, 2 and 10 U take."""
    modes: tuple[tuple[str, tuple[int, int, int]], ...] = ()
    delay_s: int = 0
    extended_min: tuple[int, int, int]
    extended_least: str | None = None
    meal_only: bool = False
    max_basal: tuple[str, str, str] | None = None
    max_bolus: tuple[str, str, str] | None = None
    hour_alert: int | None = None
    reservoir: str
    low: tuple[str, str, str]
    low_hours: tuple[int, int, int] | None = None
    low_again: str | None = None
    missed: str | None = None
    missed_most: str | None = None
    auto_off: tuple[int, int, int | None]
    auto_off_warning_s: int | None = None
    style: tuple[str, int, int]
    """At this rate, so many pulses a day of so many steps each."""
    day: tuple[str, str, str, str]
    """Rates of a day, six hours each."""
    not_read: frozenset[str] = frozenset()
    """Figures that are remembered or our own, other than gap and grid of a pump without a grid."""

    def __str__(self) -> str:
        return self.device


PARADIGM_STEPS: Final = (("0", "0.025"), ("1", "0.05"), ("10", "0.1"))
X23: Final[dict[str, Any]] = {
    "step": "0.025",
    "basal": ("0", "35"),
    "basal_steps": PARADIGM_STEPS,
    "rates_taken": ("0", "0.025", "0.975", "1", "1.05", "9.95", "10", "10.1", "35"),
    "rates_refused": ("0.01", "0.99", "1.025", "9.975", "10.05", "34.95", "35.1"),
    "segments": 48,
    "segment_min": 30,
    "temp_rate": ("0", "35"),
    "temp_percent": (0, 200, 1),
    "percents_refused": (201, 250),
    "temp_min": (30, 1440, 30),
    "minutes_refused": (15, 45, 1470),
    "bolus": ("0.025", "25"),
    "extended_min": (30, 480, 30),
    "low": ("5", "50", "20"),
    "low_hours": (2, 24, 8),
    "missed": "2.77",
    "auto_off": (1, 24, None),
    "style": ("1", 960, 1),
    "day": ("0.825", "0.975", "1.15", "10.1"),
}
PARADIGM: Final[dict[str, Any]] = X23 | {
    "profiles": 3,
    "bolus_steps": PARADIGM_STEPS,
    "boluses_taken": ("0.025", "0.975", "1", "1.05", "9.95", "10", "10.1", "24.9", "25"),
    "boluses_refused": ("0", "0.01", "0.99", "1.025", "9.975", "10.05", "24.95", "25.1"),
    "seconds": (40, 80, 300),
    "not_read": frozenset({"temp_basal.rate_percent"}),
}
ROCHE: Final[dict[str, Any]] = {
    "step": "0.01",
    "grid_s": 180,
    "profiles": 5,
    "segments": 24,
    "segment_min": 60,
    "temp_rate": None,
    "temp_percent": (0, 250, 10),
    "percents_refused": (5, 101, 255, 260),
    "temp_min": (15, 1440, 15),
    "minutes_refused": (10, 20, 1455),
    "seconds": (3, 10, 50),  # 2.5 s for 0.5 U, which no maker states
    "delay_s": 5,
    "low": ("5", "50", "20"),
    "missed_most": "3.5",
    "auto_off": (1, 24, None),
    "style": ("1", 480, 5),
    "not_read": frozenset({"basal.rate_u_per_h", "bolus.speeds_u", "reservoir.low_u", "auto_off.hours"}),
}

ROWS: Final = (
    Row(
        **PARADIGM
        | {
            "device": "medtronic-522",
            "step": "0.05",
            "basal_steps": (("0", "0.05"),),
            "rates_taken": ("0", "0.05", "1.05", "10.05", "34.95", "35"),
            "rates_refused": ("0.025", "0.06", "10.01", "35.05"),
            "bolus": ("0.1", "25"),
            "bolus_steps": (("0", "0.1"),),
            "boluses_taken": ("0.1", "0.2", "9.9", "10", "10.1", "24.9", "25"),
            "boluses_refused": ("0", "0.05", "0.15", "1.05", "24.95", "25.1"),
            "seconds": (20, 80, 400),
            "reservoir": "176",
            "style": ("1", 480, 1),
            "day": ("0.85", "0.95", "1.15", "10.05"),
            "not_read": frozenset(
                {"temp_basal.rate_percent", "reservoir.low_u", "reservoir.low_hours", "occlusion.missed_u"}
            ),
        }
    ),
    Row(device="medtronic-523", reservoir="176", **PARADIGM),
    Row(device="medtronic-723", reservoir="300", **PARADIGM),
    Row(
        **X23
        | {
            "device": "medtronic-640g",
            "profiles": 8,
            "bolus_steps": (("0", "0.025"),),
            "boluses_taken": ("0.025", "0.975", "1.025", "3.425", "9.975", "10.025", "24.975", "25"),
            "boluses_refused": ("0", "0.01", "0.99", "3.43", "10.01", "25.025"),
            "seconds": (20, 80, 400),
            "modes": (("quick", (2, 8, 40)),),
            "reservoir": "300",
            "not_read": frozenset(
                {
                    *("profile.profiles", "bolus.modes_u", "reservoir.low_u", "reservoir.low_hours"),
                    *("occlusion.missed_u", "auto_off.hours"),
                }
            ),
        }
    ),
    Row(
        **ROCHE
        | {
            "device": "roche-combo",
            "basal": ("0.05", "50"),
            "basal_steps": (("0", "0.05"), ("0.05", "0.01"), ("1", "0.05"), ("10", "0.1")),
            "rates_taken": ("0.05", "0.06", "0.99", "1", "1.05", "9.95", "10", "10.1", "50"),
            "rates_refused": ("0", "0.01", "0.04", "0.055", "1.01", "10.05", "50.1"),
            "bolus": ("0.1", "25"),
            "bolus_steps": (("0", "0.1"),),
            "boluses_taken": ("0.1", "0.2", "1.1", "24.9", "25"),
            "boluses_refused": ("0", "0.05", "0.15", "24.95", "25.1"),
            "extended_min": (15, 720, 15),
            "reservoir": "315",
            "day": ("0.83", "0.97", "1.15", "10.1"),
        }
    ),
    Row(
        **ROCHE
        | {
            "device": "roche-insight",
            "basal": ("0.02", "25"),
            "basal_steps": (("0", "0.02"), ("0.02", "0.01"), ("5", "0.1")),
            "rates_taken": ("0.02", "0.03", "1.01", "4.99", "5", "5.1", "25"),
            "rates_refused": ("0", "0.01", "0.025", "5.05", "25.1"),
            "bolus": ("0.05", "25"),
            "bolus_steps": (("0", "0.05"), ("2", "0.1"), ("5", "0.2"), ("10", "0.5")),
            "boluses_taken": ("0.05", "1.95", "2", "2.1", "4.9", "5", "5.2", "9.8", "10", "10.5", "24.5", "25"),
            "boluses_refused": ("0", "0.01", "1.99", "2.05", "4.95", "5.1", "9.9", "10.1", "10.2", "24.8", "25.5"),
            "extended_min": (15, 1440, 15),
            "reservoir": "200",
            "day": ("0.83", "0.97", "1.01", "10.1"),
            "not_read": ROCHE["not_read"] | {"reservoir.size_u"},
        }
    ),
    Row(
        device="animas-vibe",
        step="0.01",
        grid_s=180,
        basal=("0.025", "25"),
        basal_steps=(("0", "0.025"),),
        rates_taken=("0.025", "0.05", "24.975", "25"),
        rates_refused=("0", "0.01", "0.03", "25.025"),
        profiles=4,
        segments=12,
        segment_min=30,
        temp_rate=None,
        temp_percent=(10, 300, 10),  # -90 % to +200 % of the rate in force
        percents_refused=(0, 5, 101, 310),
        temp_min=(30, 1440, 30),
        minutes_refused=(15, 45, 1470),
        bolus=("0.05", "35"),
        bolus_steps=(("0", "0.05"),),
        boluses_taken=("0.05", "0.1", "10.05", "34.95", "35"),
        boluses_refused=("0", "0.01", "0.06", "34.96", "35.05"),
        seconds=(2, 6, 30),  # 1.5 s for 0.5 U
        modes=(("slow", (6, 24, 120)),),
        extended_min=(30, 720, 30),
        reservoir="200",
        low=("10", "50", "20"),
        auto_off=(1, 24, None),
        style=("1", 480, 5),
        day=("0.825", "0.975", "1.025", "10.1"),
        not_read=frozenset(
            {
                *("actuator.step_u", "actuator.gap_ms", "actuator.grid_ms", "basal.rate_u_per_h"),
                *("basal.steps_u_per_h", "profile.profiles", "profile.segments", "profile.segment_minutes"),
                *("bolus.amount_u", "bolus.speeds_u", "bolus.modes_u", "reservoir.low_u", "auto_off.hours"),
            }
        ),
    ),
    Row(
        device="omnipod",
        step="0.05",
        basal=("0.05", "30"),
        basal_steps=(("0", "0.05"),),
        rates_taken=("0.05", "0.1", "29.95", "30"),
        rates_refused=("0", "0.025", "0.06", "30.05"),
        profiles=7,
        segments=24,
        segment_min=30,
        temp_rate=("0", "30"),
        temp_percent=(0, 195, 5),
        percents_refused=(1, 196, 200),
        temp_min=(30, 720, 30),
        minutes_refused=(15, 45, 750),
        bolus=("0.05", "30"),
        bolus_steps=(("0", "0.05"),),
        boluses_taken=("0.05", "0.1", "10.05", "29.95", "30"),
        boluses_refused=("0", "0.01", "0.06", "30.05"),
        seconds=(20, 80, 400),  # a pulse of 0.05 U every 2 s
        extended_min=(30, 480, 30),
        meal_only=True,
        max_basal=("0.05", "30", "3"),
        max_bolus=("0.05", "30", "10"),
        reservoir="200",
        low=("1", "50", "10"),
        missed_most="5",
        auto_off=(1, 24, None),
        auto_off_warning_s=15 * 60,
        style=("1", 480, 1),
        day=("0.7", "0.95", "1.15", "6.85"),
        not_read=frozenset({"profile.profiles", "temp_basal.rate_percent", "auto_off.hours"}),
    ),
    Row(
        device="tandem-tslim-x2",
        step="0.001",
        grid_s=300,
        basal=("0.1", "15"),
        basal_steps=(("0", "0.1"), ("0.1", "0.001")),
        rates_taken=("0.1", "0.101", "1.001", "14.999", "15"),
        rates_refused=("0", "0.05", "0.099", "0.1005", "15.001"),
        profiles=6,
        segments=16,
        segment_min=1,
        temp_rate=None,
        temp_percent=(0, 250, 1),
        percents_refused=(251,),
        temp_min=(15, 72 * 60, 1),
        minutes_refused=(14, 4321),
        bolus=("0.05", "25"),
        bolus_steps=(("0", "0.01"),),
        boluses_taken=("0.05", "0.06", "1.01", "24.99", "25"),
        boluses_refused=("0", "0.04", "0.055", "24.995", "25.01"),
        seconds=(21, 84, 420),
        extended_min=(15, 480, 15),
        extended_least="0.4",
        max_bolus=("1", "25", "10"),
        hour_alert=150,
        reservoir="300",
        low=("10", "40", "20"),
        low_again="5",
        auto_off=(5, 24, 12),
        auto_off_warning_s=30,
        style=("1.2", 288, 100),
        day=("0.333", "0.777", "1.013", "2.5"),
        not_read=frozenset(
            {
                *("actuator.gap_ms", "actuator.grid_ms", "profile.segment_minutes", "bolus.speeds_u"),
                "limits.max_bolus_u",
            }
        ),
    ),
)
every_row: Final = pytest.mark.parametrize("row", ROWS, ids=str)


def u(text: str) -> int:
    return parse_u(text, field="test")


def u_range(figures: tuple[str, str, str] | None) -> Range | None:
    return None if figures is None else Range(u(figures[0]), u(figures[1]), default=u(figures[2]))


def u_or_none(text: str | None) -> int | None:
    return None if text is None else u(text)


def bands(steps: Steps) -> tuple[Band, ...]:
    return tuple(Band(u(start), u(step)) for start, step in steps)


def minutes(figures: tuple[int, int, int]) -> Range:
    least, largest, step = figures
    return Range(least * US_PER_MINUTE, largest * US_PER_MINUTE, step=step * US_PER_MINUTE)


def hours(figures: tuple[int, int, int | None] | None) -> Range | None:
    if figures is None:
        return None
    least, largest, default = figures
    return Range(least * US_PER_HOUR, largest * US_PER_HOUR, default=None if default is None else default * US_PER_HOUR)


def flat(rate: str) -> BasalProfile:
    return BasalProfile("flat", (Segment(0, u(rate)),))


# Figures


def test_every_preset_of_a_maker_has_its_row() -> None:
    assert sorted(row.device for row in ROWS) == [name for name in ids() if name != "generic-0.05"]


@every_row
def test_actuator(row: Row) -> None:
    device = load(row.device)
    assert (device.step_uu, device.gap_us, device.grid_us) == (u(row.step), 0, row.grid_s * US_PER_SECOND)


@every_row
def test_basal(row: Row) -> None:
    device = load(row.device)
    assert device.basal_uu_per_h == Range(u(row.basal[0]), u(row.basal[1]))
    assert device.basal_bands_uu_per_h.bands == bands(row.basal_steps)
    assert (device.profiles, device.segments) == (row.profiles, row.segments)
    assert device.segment_us == row.segment_min * US_PER_MINUTE


@every_row
def test_temp_basal(row: Row) -> None:
    device = load(row.device)
    rates = None if row.temp_rate is None else Range(u(row.temp_rate[0]), u(row.temp_rate[1]))
    assert device.temp_uu_per_h == rates
    assert device.temp_percent == Range(row.temp_percent[0], row.temp_percent[1], step=row.temp_percent[2])
    assert device.temp_us == minutes(row.temp_min)
    assert device.temp_kinds == {"percent"} | ({"absolute"} if rates else set())


@every_row
def test_bolus(row: Row) -> None:
    device = load(row.device)
    assert device.bolus_uu == Range(u(row.bolus[0]), u(row.bolus[1]))
    assert device.bolus_bands_uu.bands == bands(row.bolus_steps)
    assert device.bolus_start_delay_us == row.delay_s * US_PER_SECOND
    assert device.extended_us == minutes(row.extended_min)
    assert device.extended_least_uu == u_or_none(row.extended_least)
    assert device.extended_meal_only is row.meal_only


@every_row
def test_speeds(row: Row) -> None:
    device = load(row.device)
    assert [mode.name for mode in device.bolus_modes] == [name for name, _ in row.modes]
    for mode, seconds in ((None, row.seconds), *row.modes):
        spans = [device.bolus_duration_us(u(amount), mode=mode) for amount in ("0.5", "2", "10")]
        assert [-(-span // US_PER_SECOND) for span in spans] == list(seconds)
        assert spans[1] == seconds[1] * US_PER_SECOND


def test_the_longest_boluses_are_as_long_as_their_makers_say() -> None:
    assert load("medtronic-523").bolus_duration_us(u("25")) == 300 * US_PER_SECOND  # in 5 min in all
    assert load("medtronic-522").bolus_duration_us(u("25")) == 1_000 * US_PER_SECOND
    assert load("medtronic-640g").bolus_duration_us(u("25"), mode="quick") == 100 * US_PER_SECOND
    tandem = load("tandem-tslim-x2")
    assert tandem.bolus_duration_us(u("2.5")) == 105 * US_PER_SECOND  # 1 min 45 s
    assert tandem.bolus_duration_us(u("25")) == 506 * US_PER_SECOND  # 8 min 26 s
    assert tandem.bolus_duration_us(u("12.04")) < 506 * US_PER_SECOND


@every_row
def test_reservoir_and_alerts(row: Row) -> None:
    device = load(row.device)
    assert device.reservoir_uu == u(row.reservoir)
    assert device.low_reservoir_uu == u_range(row.low)
    assert device.low_reservoir_us == hours(row.low_hours)
    assert device.low_reservoir_again_uu == u_or_none(row.low_again)
    assert device.occlusion_uu == u_or_none(row.missed)
    assert device.occlusion_most_uu == u_or_none(row.missed_most)
    assert device.auto_off_us == hours(row.auto_off)
    warning_s = row.auto_off_warning_s
    assert device.auto_off_warning_us == (None if warning_s is None else warning_s * US_PER_SECOND)


@every_row
def test_settings_of_the_person(row: Row) -> None:
    device = load(row.device)
    assert device.max_basal_uu_per_h == u_range(row.max_basal)
    assert device.max_bolus_uu == u_range(row.max_bolus)
    assert device.hour_alert_percent == row.hour_alert


@every_row
def test_what_was_not_read_at_a_source_says_so(row: Row) -> None:
    device = load(row.device)
    own = set() if row.grid_s else {"actuator.gap_ms", "actuator.grid_ms"}
    named = {"policies.suspend", "policies.calculator", "policies.low_suspend"}
    assert {name for name, source in device.sources.items() if source.known != "read"} - named == row.not_read | own


NAMED: Final = {
    "animas-vibe": (("tandem",), "animas", ()),
    "medtronic-522": (("medtronic",), "medtronic", ()),
    "medtronic-523": (("medtronic",), "medtronic", ("medtronic-530g", "medtronic-veo")),
    "medtronic-723": (("medtronic",), "medtronic", ("medtronic-530g", "medtronic-veo")),
    "medtronic-640g": (("medtronic",), "medtronic", ("medtronic-640g",)),
    "omnipod": (("omnipod",), "omnipod", ()),
    "roche-combo": (("roche_stop", "roche_pause"), "roche", ()),
    "roche-insight": (("roche_stop", "roche_pause"), "roche", ()),
    "tandem-tslim-x2": (("tandem",), "tandem", ("tandem-basal-iq",)),
    "generic-0.05": (tuple(SUSPEND), "medtronic", tuple(LOW_PRESETS)),
}
"""The policies of each device: suspend, the default first; bolus calculator; low-glucose suspend."""


@pytest.mark.parametrize("name", ids())
def test_a_device_names_its_policies_and_all_of_them_exist(name: str) -> None:
    device = load(name)
    assert (device.suspend_policies, device.calculator_policy, device.low_presets) == NAMED[name]
    assert set(device.suspend_policies) <= SUSPEND.keys()
    assert device.calculator_policy in CALCULATOR
    assert set(device.low_presets) <= LOW_PRESETS.keys()
    assert device.sources["policies.suspend"].known == SAID[name]


SAID: Final[Mapping[str, str]] = defaultdict(
    lambda: "remembered",
    {"medtronic-523": "read", "medtronic-723": "read", "animas-vibe": "own", "generic-0.05": "own"},
)
"""How sure the suspend policy is."""


def peer(shared_data: Path, name: str) -> dict[str, Any]:
    records = json.loads((shared_data / "vectors" / "pump_constants.json").read_text(encoding="utf-8"))["records"]
    facts: dict[str, Any] = next(record["facts"] for record in records if record["id"] == name)
    return facts


@pytest.mark.parametrize(
    ("device_id", "name", "basal_steps", "bolus_steps"),
    [
        ("medtronic-640g", "aaps-medtronic_640g", "MedtronicVeoBasal", None),
        ("roche-combo", "aaps-accu_chek_combo", "ComboBasal", None),
        ("roche-insight", "aaps-accu_chek_insight", "InsightBasal", "InsightBolus"),
        ("animas-vibe", "aaps-animas_vibe", None, None),
        ("omnipod", "aaps-omnipod_eros", None, None),
        ("omnipod", "aaps-omnipod_dash", None, None),
        ("tandem-tslim-x2", "aaps-tandem_t_slim", None, None),
    ],
)
def test_what_a_peer_says_of_the_steps(
    device_id: str, name: str, basal_steps: str | None, bolus_steps: str | None, shared_data: Path
) -> None:
    """Where the presets follow AndroidAPS; a least rate above 0 is a band of its own with us."""
    device, facts = load(device_id), peer(shared_data, name)
    text = (shared_data / "vectors" / "pump_constants.json").read_text(encoding="utf-8")
    special = json.loads(text)["special_steps"]
    for steps, told, least in (
        (basal_steps, device.basal_bands_uu_per_h, device.basal_uu_per_h.least),
        (bolus_steps, device.bolus_bands_uu, 0),
    ):
        if steps is not None:
            expected = [(u(start), u(step)) for start, _, step in special[steps]]
            assert [band for band in told.bands if band.start > least] == expected[1:]
            assert told.step_at(least) == expected[0][1]
    if bolus_steps is None:
        assert device.bolus_step_at(0) == u(facts["bolusSize"])
    extended, temp = facts["extendedBolusSettings"], facts["tbrSettings"]
    assert device.extended_us is not None
    assert device.extended_us.step == int(extended["duration_step_min"]) * US_PER_MINUTE
    assert device.extended_us.largest == int(extended["max_duration_min"]) * US_PER_MINUTE
    if facts["pumpTempBasalType"] == "Percent":
        assert device.temp_percent is not None
        assert device.temp_percent.step * 10 == int(temp["step"].replace(".", ""))


def test_what_a_peer_says_of_the_pod(shared_data: Path) -> None:
    device, facts = load("omnipod"), peer(shared_data, "omnipod-eros-omnikit")
    for figures, taken in (
        (facts["basal_rates_u_per_h"], device.basal_uu_per_h),
        (facts["temp_rates_u_per_h"], device.temp_uu_per_h),
    ):
        assert taken == Range(u(figures["min"]), u(figures["max"]))
        assert device.basal_bands_uu_per_h.bands == (Band(0, u(figures["step"])),)
    assert device.step_uu == u(facts["pulse_u"])
    assert device.bolus_duration_us(device.step_uu) == facts["s_per_bolus_pulse"] * US_PER_SECOND
    assert device.bolus_uu.largest == u(facts["max_bolus_u"])
    assert device.reservoir_uu == u(str(facts["reservoir_capacity_u"]))
    temp = facts["temp_duration_min"]
    assert device.temp_us == minutes((temp["min"], temp["max"], temp["step"]))
    assert (device.segments, device.segment_us) == (
        facts["max_schedule_entries"],
        facts["min_entry_min"] * US_PER_MINUTE,
    )


# What a device takes and what it refuses


@every_row
def test_rates_at_the_edges(row: Row) -> None:
    device = load(row.device)
    for rate in row.rates_taken:
        flat(rate).check(device=device, limits=AMPLE)
    for rate in row.rates_refused:
        with pytest.raises(REFUSED, match=r"^segments\[0\]\.rate_uu_per_h: "):
            flat(rate).check(device=device, limits=AMPLE)


@every_row
def test_below_the_least_rate_a_calculation_gives_nothing(row: Row) -> None:
    device = load(row.device)
    least = device.basal_uu_per_h.least
    assert device.round_rate_down(least) == least
    assert device.round_rate_down(max(least - 1, 0)) == 0


@every_row
def test_segments_at_the_edges(row: Row) -> None:
    device = load(row.device)
    edge_us, rate = device.segment_us, u(row.day[0])
    full = tuple(Segment(i * edge_us, rate) for i in range(device.segments))
    BasalProfile("full", full).check(device=device, limits=AMPLE)
    with pytest.raises(QuantityError, match=r"^segments\[1\]\.start_us: "):
        BasalProfile("off", (full[0], Segment(edge_us + 1, rate))).check(device=device, limits=AMPLE)
    if device.segments < 48 and device.segments * edge_us < US_PER_DAY:
        more = (*full, Segment(device.segments * edge_us, rate))
        with pytest.raises(LimitError, match=r"^segments: "):
            BasalProfile("more", more).check(device=device, limits=AMPLE)


@every_row
def test_temp_basals_at_the_edges(row: Row) -> None:
    device, week = load(row.device), WeekPlan.of(flat("1"))
    least, largest, step = row.temp_percent
    some_us = row.temp_min[0] * US_PER_MINUTE
    for percent in (least, least + step, 100, largest - step, largest):
        PercentTemp(0, some_us, percent).check(plan=week, device=device, limits=AMPLE)
    for percent in row.percents_refused:
        with pytest.raises(REFUSED, match=r"^percent: "):
            PercentTemp(0, some_us, percent).check(plan=week, device=device, limits=AMPLE)
    for span in (row.temp_min[0], row.temp_min[0] + row.temp_min[2], row.temp_min[1]):
        PercentTemp(0, span * US_PER_MINUTE, 100).check(plan=week, device=device, limits=AMPLE)
    for span in row.minutes_refused:
        with pytest.raises(REFUSED, match=r"^duration_us: "):
            PercentTemp(0, span * US_PER_MINUTE, 100).check(plan=week, device=device, limits=AMPLE)


@every_row
def test_boluses_at_the_edges(row: Row) -> None:
    device = load(row.device)
    hours_us = 2 * US_PER_HOUR
    for amount in row.boluses_taken:
        (fast,) = parts_of(u(amount), 0, 0, device=device, limits=AMPLE)
        assert (fast.amount_uu, fast.amount_uu % device.step_uu) == (u(amount), 0)
        assert fast.duration_us == device.bolus_duration_us(u(amount)) > 0
        if u(amount) < (device.extended_least_uu or 0):
            with pytest.raises(LimitError, match="amount_uu: "):
                parts_of(0, u(amount), hours_us, device=device, limits=AMPLE)
            continue
        (extended,) = parts_of(0, u(amount), hours_us, device=device, limits=AMPLE)
        assert (extended.amount_uu, extended.duration_us) == (u(amount), hours_us)
    for amount in row.boluses_refused:
        for parts in ((u(amount), 0, 0), (0, u(amount), hours_us if amount != "0" else 0)):
            with pytest.raises(REFUSED, match=r"_uu: "):
                parts_of(*parts, device=device, limits=AMPLE)


@every_row
def test_extended_durations_at_the_edges(row: Row) -> None:
    device = load(row.device)
    least, largest, step = row.extended_min
    for span in (least, least + step, largest - step, largest):
        (part,) = parts_of(0, u("2"), span * US_PER_MINUTE, device=device, limits=AMPLE)
        assert part.duration_us == span * US_PER_MINUTE
    for span_us in (
        (least - step) * US_PER_MINUTE,
        least * US_PER_MINUTE + 1,
        (least + 1) * US_PER_MINUTE,
        (largest + step) * US_PER_MINUTE,
    ):
        with pytest.raises(REFUSED, match=r"^extended_us: "):
            parts_of(0, u("2"), span_us, device=device, limits=AMPLE)


# The delivery style, run through the kernel for a day


def pulses_of(drawn: dict[str, Any]) -> list[list[Any]]:
    columns = schedule(drawn)
    names = [CHANNELS[code] for code in columns.channel]
    return [list(pulse) for pulse in zip(columns.at_us, names, columns.steps, strict=True)]


def plan_for(device: Device, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - any field of a plan
    return plan(device.step_uu, device.gap_us, device.grid_us, **more)


def basal_of(row: Row) -> list[list[int]]:
    """A day whose rates the device knows."""
    profile = BasalProfile("day", tuple(Segment(i * 6 * US_PER_HOUR, u(rate)) for i, rate in enumerate(row.day)))
    profile.check(device=load(row.device), limits=AMPLE)
    return [list(segment) for segment in profile.segments]


@every_row
def test_a_steady_rate_leaves_as_the_maker_says(row: Row) -> None:
    rate, count, steps = row.style
    every_us = US_PER_DAY // count
    if row.grid_s:
        assert every_us == row.grid_s * US_PER_SECOND
    expected = [[(i + 1) * every_us, "basal", steps] for i in range(count)]
    assert pulses_of(plan_for(load(row.device), basal=[[0, u(rate)]])) == expected


@every_row
def test_a_day_is_exact_to_one_step_at_every_pulse(row: Row) -> None:
    device, basal = load(row.device), basal_of(row)
    pulses = pulses_of(plan_for(device, basal=basal))
    done = 0
    for at_us, channel, steps in pulses:
        done += steps
        assert channel == "basal"
        assert done == earned_basal(basal, 0, at_us) // device.step_uu
    programmed = sum(u(rate) for rate in row.day) * 6
    assert 0 <= programmed - done * device.step_uu < device.step_uu
    if device.grid_us:
        assert all(at_us % device.grid_us == 0 for at_us, _, _ in pulses)
        assert len({at_us for at_us, _, _ in pulses}) == len(pulses)
    else:
        assert {steps for _, _, steps in pulses} == {1}


@every_row
def test_a_day_with_boluses_is_what_the_reference_says(row: Row) -> None:
    device = load(row.device)
    trains = []
    for at_us, parts, cancel_us in (
        (8 * US_PER_HOUR + 1, (u("2"), 0, 0), None),
        (12 * US_PER_HOUR, (u("2"), u("3"), 2 * US_PER_HOUR), None),  # a multiwave
        (18 * US_PER_HOUR + 7, (0, u("3"), 4 * US_PER_HOUR), 20 * US_PER_HOUR),  # ended halfway
    ):
        trains += [
            train(
                part.channel, at_us + device.bolus_start_delay_us, part.duration_us, part.amount_uu, cancel_us=cancel_us
            )
            for part in parts_of(*parts, device=device, limits=AMPLE)
        ]
    drawn = plan_for(device, basal=basal_of(row), trains=trains)
    pulses = pulses_of(drawn)
    assert pulses == reference_schedule(drawn)
    given = {name: sum(steps for _, channel, steps in pulses if channel == name) for name in CHANNELS}
    assert given["bolus"] * device.step_uu == u("4")
    assert u("4") < given["extended"] * device.step_uu < u("5")
    if device.grid_us:
        assert all(at_us % device.grid_us == 0 for at_us, _, _ in pulses)


@every_row
def test_all_at_its_most_is_not_refused_by_the_kernel(row: Row) -> None:
    """The largest rate, the largest bolus at each of its speeds and the largest extended bolus, all at once."""
    device = load(row.device)
    rate, amount = device.basal_uu_per_h.largest, device.bolus_uu.largest
    assert device.extended_us is not None
    for mode in (None, *(each.name for each in device.bolus_modes)):
        spans = {"bolus": device.bolus_duration_us(amount, mode=mode), "extended": device.extended_us.largest}
        trains = [train(channel, 0, span_us, amount) for channel, span_us in spans.items()]
        columns = schedule(plan_for(device, basal=[[0, rate]], trains=trains))
        engine = Delivery(step_uu=device.step_uu, gap_us=device.gap_us, grid_us=device.grid_us)
        engine.set_rate(rate)
        for one in trains:
            engine.start_train(one["channel"], duration_us=one["duration_us"], amount_uu=amount)
        lived = engine.advance(US_PER_DAY)
        for pulses in (columns, lived):
            total = Fraction(sum(pulses.steps) * device.step_uu)
            assert 0 <= rate * 24 + 2 * amount - total < device.step_uu
        assert list(columns.at_us) == list(lived.at_us)
