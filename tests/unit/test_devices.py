"""Presets say what their sources say, their reading is strict, and rounding is the device's own."""

from __future__ import annotations

import json
import re
from dataclasses import fields, replace
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import pytest

from pumpcore import devices
from pumpcore.devices import Band, Bands, Range, Speed
from pumpcore.errors import LimitError, QuantityError, RecordError
from pumpcore.units import US_PER_HOUR, US_PER_MINUTE, US_PER_SECOND, parse_u

if TYPE_CHECKING:
    from pathlib import Path

PARADIGMS = ["medtronic-522", "medtronic-523", "medtronic-723"]
MODELS = [
    *("animas-vibe", "medtronic-522", "medtronic-523", "medtronic-640g", "medtronic-723"),
    *("omnipod", "roche-combo", "roche-insight", "tandem-tslim-x2"),
]


def text_of(device_id: str) -> str:
    return files(devices).joinpath(f"{device_id}.toml").read_text(encoding="utf-8")


def u(text: str) -> int:
    return parse_u(text, field="test")


# Figures


def test_the_presets_there_are() -> None:
    assert set(devices.ids()) >= {"generic-0.05", *MODELS}  # a new one needs no line here


@pytest.mark.parametrize(
    ("device_id", "step", "reservoir", "bolus_least"),
    [
        ("generic-0.05", "0.05", "300", "0.05"),
        ("medtronic-522", "0.05", "176", "0.1"),
        ("medtronic-523", "0.025", "176", "0.025"),
        ("medtronic-723", "0.025", "300", "0.025"),
    ],
)
def test_figures(device_id: str, step: str, reservoir: str, bolus_least: str) -> None:
    device = devices.load(device_id)
    assert device.id == device_id
    assert (device.step_uu, device.reservoir_uu, device.bolus_uu.least) == (u(step), u(reservoir), u(bolus_least))
    assert (device.gap_us, device.grid_us) == (0, 0)
    assert (device.segments, device.segment_us) == (48, 30 * US_PER_MINUTE)
    assert device.temp_kinds == {"absolute", "percent"}
    assert device.temp_percent == Range(0, 200)
    assert device.temp_us == Range(30 * US_PER_MINUTE, 24 * US_PER_HOUR, step=30 * US_PER_MINUTE)
    assert device.extended_us == Range(30 * US_PER_MINUTE, 8 * US_PER_HOUR, step=30 * US_PER_MINUTE)
    assert device.low_reservoir_uu == Range(u("5"), u("50"), default=u("20"))
    assert device.low_reservoir_us == Range(2 * US_PER_HOUR, 24 * US_PER_HOUR, default=8 * US_PER_HOUR)
    assert device.auto_off_us == Range(US_PER_HOUR, 24 * US_PER_HOUR)


@pytest.mark.parametrize("device_id", PARADIGMS)
def test_medtronic_figures(device_id: str, shared_data: Path) -> None:
    """The figures of a public driver, as gathered for the project."""
    device = devices.load(device_id)
    constants = json.loads((shared_data / "vectors" / "pump_constants.json").read_text(encoding="utf-8"))["records"]
    facts: dict[str, Any] = next(row["facts"] for row in constants if row["id"] == "medtronic-minimedkit")
    x23 = device_id != "medtronic-522"
    assert device.step_uu * facts["strokes_per_u"]["x23_and_newer" if x23 else "x22_and_older"] == u("1")
    assert device.reservoir_uu == u(str(facts["reservoir_u"]["7xx" if device_id == "medtronic-723" else "5xx"]))
    bands = facts["basal_steps_x23" if x23 else "basal_steps_older"]
    assert [tuple(band) for band in device.basal_bands_uu_per_h.bands] == [(u(b["from"]), u(b["step"])) for b in bands]
    for band in bands:
        assert device.check_rate(u(band["to"]), name="rate") == u(band["to"])
    assert device.basal_uu_per_h == Range(0, u(str(facts["max_basal_u_per_h"])))
    assert device.bolus_uu.largest == u(str(facts["max_bolus_u"]))
    for band in facts["bolus_steps_x23"] if x23 else [{"to": "25", "step": facts["bolus_step_older"]}]:
        assert device.bolus_step_at(u(band["to"]) - 1) == u(band["step"])
    assert device.segments == facts["max_schedule_entries"]
    assert device.segment_us == facts["min_entry_min"] * US_PER_MINUTE


def test_medtronic_boluses_are_cut_to_the_scroll_step(shared_data: Path) -> None:
    vectors = json.loads((shared_data / "vectors" / "medtronic_minimedkit.json").read_text(encoding="utf-8"))["records"]
    boluses = [row for row in vectors if row["kind"] == "bolus_strokes"]
    assert boluses
    for row in boluses:
        device = devices.load("medtronic-523" if row["inputs"]["strokes_per_unit"] == 40 else "medtronic-522")
        rounded = device.bolus_bands_uu.round_down(u(row["inputs"]["units"]))
        assert rounded == u(row["expected"]["units_delivered"])


def test_523_and_723_differ_in_the_reservoir_only() -> None:
    small, large = devices.load("medtronic-523"), devices.load("medtronic-723")
    differ = {field.name for field in fields(small) if getattr(small, field.name) != getattr(large, field.name)}
    assert differ == {"id", "name", "carelink_models", "reservoir_uu"}
    assert small.sources == large.sources


@pytest.mark.parametrize("device_id", devices.ids())
def test_every_figure_has_its_source(device_id: str) -> None:
    device = devices.load(device_id)
    assert len(device.sources) == text_of(device_id).count('source = "')
    assert {source.known for source in device.sources.values()} <= {"read", "remembered", "own"}


def test_what_is_only_remembered_is_marked() -> None:
    assert devices.load("medtronic-523").sources["temp_basal.rate_percent"].known == "remembered"
    assert devices.load("medtronic-523").sources["actuator.step_u"].known == "read"
    assert devices.load("medtronic-523").sources["actuator.gap_ms"].known == "own"
    assert {source.known for source in devices.load("generic-0.05").sources.values()} == {"own"}


# CareLink names


@pytest.mark.parametrize(
    ("name", "device_id"),
    [
        ("Paradigm 512", "medtronic-522"),
        ("Paradigm 515", "medtronic-522"),
        ("Paradigm 522", "medtronic-522"),
        ("Paradigm 722", "medtronic-522"),
        ("Paradigm Revel - 523", "medtronic-523"),
        ("Paradigm Veo - 554", "medtronic-523"),
        ("MiniMed 530G - 551", "medtronic-523"),
        ("Paradigm Revel - 723", "medtronic-723"),
        ("Paradigm Veo - 754", "medtronic-723"),
        ("MiniMed 530G - 751", "medtronic-723"),
        ("MiniMed 640G - 1511/1711", "medtronic-640g"),
        ("MiniMed 640G - 1712", "medtronic-640g"),
        ("MMT-1511", "medtronic-640g"),
        ("Paradigm 1711 is not what Paradigm 523 is", "medtronic-523"),
        ("522 is not what Paradigm 723 is", "medtronic-723"),  # the last number is the model
    ],
)
def test_carelink_names(name: str, device_id: str) -> None:
    assert devices.for_carelink(name) is devices.load(device_id)


@pytest.mark.parametrize(
    "name",
    [
        *("", "null", "Paradigm", "Paradigm 999", "Paradigm 5230", "MiniMed 670G", "٥٢٣", "x" * 9999),
        *("MiniMed 640G", "MiniMed 670G - 1780", "MMT-17110"),
    ],
)
def test_an_unknown_carelink_name_is_refused(name: str) -> None:
    with pytest.raises(RecordError, match=r"^Raw-Device Type: .* is not a pump that pumpcore knows$") as refused:
        devices.for_carelink(name)
    assert len(str(refused.value)) < 200


def test_no_two_presets_claim_one_model() -> None:
    models = [model for device_id in devices.ids() for model in devices.load(device_id).carelink_models]
    assert len(models) == len(set(models))


@pytest.mark.parametrize("device_id", ["", "medtronic", "../limits", "MEDTRONIC-523", "medtronic-523.toml"])
def test_an_unknown_device_is_refused(device_id: str) -> None:
    known = re.escape(", ".join(devices.ids()))
    with pytest.raises(QuantityError, match=rf"^device: .* must be one of {known}"):
        devices.load(device_id)


# The device's own rounding


@pytest.mark.parametrize(
    ("device_id", "exact", "rounded"),
    [
        ("medtronic-523", "0", "0"),
        ("medtronic-523", "0.024999", "0"),
        ("medtronic-523", "0.025", "0.025"),
        ("medtronic-523", "0.999999", "0.975"),
        ("medtronic-523", "1", "1"),
        ("medtronic-523", "1.049999", "1"),
        ("medtronic-523", "1.125", "1.1"),  # 125 % of 0.90
        ("medtronic-523", "1.1875", "1.15"),  # 125 % of 0.95
        ("medtronic-523", "9.999999", "9.95"),
        ("medtronic-523", "10", "10"),
        ("medtronic-523", "10.099999", "10"),
        ("medtronic-523", "35", "35"),
        ("medtronic-522", "0.049999", "0"),
        ("medtronic-522", "1.125", "1.1"),
        ("medtronic-522", "34.999999", "34.95"),
    ],
)
def test_rates_are_rounded_down_to_the_step_of_their_band(device_id: str, exact: str, rounded: str) -> None:
    assert devices.load(device_id).round_rate_down(u(exact)) == u(rounded)


@pytest.mark.parametrize("device_id", devices.ids())
def test_rounding_never_adds_is_monotone_and_keeps_what_the_device_knows(device_id: str) -> None:
    device = devices.load(device_id)
    last = 0
    for rate in range(0, device.basal_uu_per_h.largest + 1, 6_250):
        rounded = device.round_rate_down(rate)
        assert last <= rounded <= rate
        if rounded or not device.basal_uu_per_h.least:
            assert device.check_rate(rounded, name="rate") == rounded
        assert device.round_rate_down(rounded) == rounded
        assert rate - rounded < device.basal_bands_uu_per_h.step_at(rate)
        last = rounded


def test_a_rate_above_the_largest_is_refused_not_clamped() -> None:
    device = devices.load("medtronic-523")
    for rate, bound in ((35_000_001, 35_000_000), (-1, 0)):
        with pytest.raises(LimitError) as refused:
            device.round_rate_down(rate)
        assert (refused.value.value, refused.value.bound) == (rate, bound)
    with pytest.raises(QuantityError):
        device.round_rate_down(1.0)  # type: ignore[arg-type]


def test_below_the_least_rate_rounds_to_nothing() -> None:
    text = text_of("generic-0.05").replace(
        'least = "0", largest = "30", source', 'least = "0.1", largest = "30", source', 1
    )
    device = devices.parse(text, device_id="test")
    assert device.basal_uu_per_h.least == 100_000
    assert device.round_rate_down(99_999) == 0
    assert device.round_rate_down(100_000) == 100_000


@pytest.mark.parametrize(("rate", "error"), [(25_000, QuantityError), (35_050_000, LimitError), (-50_000, LimitError)])
def test_a_rate_the_device_does_not_know_is_refused(rate: int, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"^segments\[1\]\.rate: "):
        devices.load("medtronic-522").check_rate(rate, name="segments[1].rate")


def test_scroll_steps() -> None:
    device = devices.load("medtronic-523")
    assert [device.bolus_step_at(u(a)) for a in ("0.975", "1", "9.95", "10", "25")] == [
        25_000,
        50_000,
        50_000,
        100_000,
        100_000,
    ]
    assert devices.load("medtronic-522").bolus_step_at(u("0.1")) == 100_000


@pytest.mark.parametrize(
    ("device_id", "amount", "milliseconds"),
    [
        ("medtronic-523", "0.025", 2_000),
        ("medtronic-523", "0.975", 78_000),  # 0.75 U/min below 1 U
        ("medtronic-523", "1", 40_000),  # 1.5 U/min from 1 U
        ("medtronic-523", "7.5", 300_000),
        ("medtronic-523", "7.45", 298_000),
        ("medtronic-523", "25", 300_000),  # never longer than 5 min
        ("medtronic-522", "0.1", 4_000),
        ("medtronic-522", "25", 1_000_000),
        ("medtronic-522", "0", 0),
    ],
)
def test_bolus_speed(device_id: str, amount: str, milliseconds: int) -> None:
    assert devices.load(device_id).bolus_duration_us(u(amount)) == milliseconds * US_PER_SECOND // 1000


def test_another_bolus_speed_is_chosen_by_its_name() -> None:
    device = devices.load("animas-vibe")
    assert device.bolus_duration_us(u("2"), mode="slow") == 4 * device.bolus_duration_us(u("2"))
    for device_id in ("animas-vibe", "medtronic-523"):
        with pytest.raises(QuantityError, match=r"^mode: 'quick' is not a bolus speed of "):
            devices.load(device_id).bolus_duration_us(u("2"), mode="quick")


@pytest.mark.parametrize(
    ("device_id", "rate", "error"),
    [
        ("omnipod", "0.025", QuantityError),
        ("omnipod", "30.05", LimitError),
        ("medtronic-523", "1.025", QuantityError),
        ("medtronic-523", "35.1", LimitError),
        ("tandem-tslim-x2", "1", QuantityError),  # which knows no absolute temp basal
    ],
)
def test_a_temp_basal_that_the_device_does_not_know_is_refused(
    device_id: str, rate: str, error: type[Exception]
) -> None:
    with pytest.raises(error, match=r"^temp: "):
        devices.load(device_id).check_temp_rate(u(rate), name="temp")


def test_a_temp_basal_may_be_zero_where_a_profile_may_not() -> None:
    device = devices.load("omnipod")
    assert [device.check_temp_rate(u(rate), name="temp") for rate in ("0", "0.05", "30")] == [0, u("0.05"), u("30")]
    with pytest.raises(LimitError, match=r"^rate: 0 is below"):
        device.check_rate(0, name="rate")


def test_a_bolus_duration_is_rounded_up() -> None:
    device = replace(devices.load("generic-0.05"), bolus_speeds=(Speed(0, 3, None),))
    assert [device.bolus_duration_us(amount) for amount in (1, 333_333, 333_334, 1_000_000)] == [1, 1, 2, 3]


# Ranges and bands


@pytest.mark.parametrize(
    ("least", "largest", "step", "default"),
    [(2, 1, 1, None), (-1, 1, 1, None), (0, 10, 3, None), (1, 9, 3, None), (0, 9, 0, None), (0, 9, 3, 4), (3, 9, 3, 0)],
)
def test_a_range_that_contradicts_itself_is_refused(least: int, largest: int, step: int, default: int | None) -> None:
    with pytest.raises(QuantityError):
        Range(least, largest, step, default)


def test_a_range_lets_its_own_values_through() -> None:
    taken = Range(30, 90, step=30)
    assert [taken.check(value, name="x", unit="min") for value in (30, 60, 90)] == [30, 60, 90]
    for value, error in ((29, LimitError), (0, LimitError), (91, LimitError), (120, LimitError), (45, QuantityError)):
        with pytest.raises(error, match=r"^x: "):
            taken.check(value, name="x", unit="min")
    with pytest.raises(QuantityError):
        taken.check(60.0, name="x", unit="min")


@pytest.mark.parametrize(
    "bands",
    [
        [],
        [(1, 1)],
        [(0, 0)],
        [(0, 2), (0, 4)],
        [(0, 2), (4, 4), (4, 8)],
        [(0, 3), (4, 4)],  # 4 is on no step of the band before
        [(0, 2), (6, 4)],  # 6 is on no step of its own band
    ],
)
def test_bands_with_an_edge_on_no_step_are_refused(bands: list[tuple[int, int]]) -> None:
    with pytest.raises(QuantityError, match=r"^bands: "):
        Bands(tuple(Band(*band) for band in bands))


# Strict reading


@pytest.mark.parametrize(
    ("old", "new", "names"),
    [
        ('step_u = { value = "0.025"', "step_u = { value = 0.025", "0.025.*float"),
        ('step_u = { value = "0.025"', 'step_u = { value = ".025"', "actuator.step_u"),
        ('step_u = { value = "0.025"', "step_u = { value = 25000", "actuator.step_u"),
        ('step_u = { value = "0.025"', 'step_u = { value = "0"', "actuator"),
        ('step_u = { value = "0.025"', 'step_u = { value = "0.05"', "whole steps of the actuator"),
        ('step_u = { value = "0.025", source = "minimedkit" }', 'step_u = "0.025"', "actuator.step_u"),
        ('step_u = { value = "0.025", source = "minimedkit" }', "", "actuator.step_u"),
        (
            'step_u = { value = "0.025", source = "minimedkit" }',
            'step_u = { value = "0.025" }',
            "actuator.step_u.source",
        ),
        ('value = "0.025", source = "minimedkit"', 'value = "0.025", source = "hearsay"', "hearsay"),
        ('value = "0.025", source', 'value = "0.025", comment = "x", source', "actuator.step_u.comment"),
        ('value = "0.025", source', "source", "actuator.step_u.value.*missing"),
        ("gap_ms = { value = 0", "gap_ms = { value = -1", "actuator.gap_ms"),
        ("gap_ms = { value = 0", "gap_ms = { value = true", "actuator.gap_ms"),
        ("gap_ms = { value = 0", 'gap_ms = { value = "0"', "actuator.gap_ms"),
        (
            'gap_ms = { value = 0, source = "own" }\ngrid_ms = { value = 0',
            'gap_ms = { value = 1, source = "own" }\ngrid_ms = { value = 1',
            "actuator",
        ),
        ("[actuator]", "[actuator]\nweight = 1", "actuator.weight"),
        ("[actuator]", "[motor]\n[actuator]", "motor"),
        ("[actuator]", "[[actuator]]", "actuator"),
        ('maker = "Medtronic"', 'maker = "Medtronic"\ncolour = "blue"', "colour"),
        ('maker = "Medtronic"', "maker = 1", "maker"),
        ('maker = "Medtronic"', "", "maker"),
        ('maker = "Medtronic"', 'maker = ""', "maker"),
        ('"0.025" }, { from = "1"', '"0.025" }, { from = "1.01"', "bands"),
        (
            'steps_u_per_h = { bands = [{ from = "0"',
            'steps_u_per_h = { bands = [{ from = "0", to = "1"',
            "basal.steps_u_per_h.to",
        ),
        (
            'steps_u_per_h = { bands = [{ from = "0", step',
            "steps_u_per_h = { bands = [{ step",
            "basal.steps_u_per_h.from",
        ),
        ("bands = [\n", "bands = [\n1,", "bolus.speeds_u"),
        ("seconds_per_u = 80", "seconds_per_u = 80, seconds_in_all = 1", "bolus.speeds_u.seconds_in_all"),
        ("seconds_per_u = 80", "minutes = 1", "bolus.speeds_u.seconds_in_all"),
        ('{ from = "0", seconds_per_u = 80 },', "", "bolus.speeds_u"),
        ('{ from = "1", seconds_per_u', '{ from = "0", seconds_per_u', "bolus.speeds_u"),
        ("least = 30, largest = 1440", "least = 30, largest = 1441", "range"),
        ("least = 0, largest = 200", "least = 0, largest = 200, middle = 100", "temp_basal.rate_percent.middle"),
        ('duration_minutes = { least = 30, largest = 1440, step = 30, source = "androidaps" }', "", "temp_basal"),
        ('models = { value = ["523"', "models = { value = [523", "carelink.models"),
        ("models = { value = [", 'models = { value = "523", x = [', "carelink.models"),
        ('models = { value = ["523", "530", "540", "551", "554"]', 'models = { value = "523"', "carelink.models"),
        ('known = "own"', 'known = "certain"', "sources.own.known"),
        ('known = "own"', "", "sources.own.known"),
        ('known = "own"', 'known = "own"\nyear = 2020', "sources.own.year"),
        (
            "[sources.own]",
            '[sources.rumour]\ntext = "x"\nknown = "own"\n[sources.own]',
            "rumour.*must be cited by a figure",
        ),
        ("[sources.own]", "[sources]\nowner = 1\n[sources.own]", "sources"),
        ("[actuator]", "[actuator", "at line"),
        (
            'suspend = { value = ["medtronic"]',
            'suspend = { value = ["pause"]',
            "policies.suspend: 'pause' must be one of",
        ),
        ('suspend = { value = ["medtronic"]', 'suspend = { value = "medtronic"', "policies.suspend"),
        ('suspend = { value = ["medtronic"]', "suspend = { value = []", "policies.suspend.*at least one"),
        (
            'suspend = { value = ["medtronic"]',
            'suspend = { value = ["medtronic", "medtronic"]',
            "policies.suspend.*once",
        ),
        ('suspend = { value = ["medtronic"], source = "suspend_rule" }', "", "policies.suspend"),
        ('calculator = { value = "medtronic", source = "wizard" }', "", "policies.calculator"),
        ('calculator = { value = "medtronic"', 'calculator = { value = ["medtronic"]', "policies.calculator"),
        ('value = ["medtronic-530g", "medtronic-veo"]', 'value = ["a", "a"]', "policies.low_suspend.*once"),
    ],
)
def test_a_data_file_that_is_not_right_is_refused_in_one_line(old: str, new: str, names: str) -> None:
    text = text_of("medtronic-523")
    assert old in text
    with pytest.raises(RecordError, match=names) as refused:
        devices.parse(text.replace(old, new, 1), device_id="mine")
    assert refused.value.where == "mine.toml"
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("device_id", "old", "new", "names"),
    [
        ("animas-vibe", 'name = "slow", bands', "name = 1, bands", "bolus.modes_u"),
        ("animas-vibe", '{ name = "slow", bands', '{ name = "slow", fast = 1, bands', "bolus.modes_u.fast"),
        ("animas-vibe", '{ name = "slow", bands', "{ bands", "bolus.modes_u.name.*missing"),
        ("animas-vibe", "modes = [", "modes = [1,", "bolus.modes_u: 1 must be a table"),
        ("animas-vibe", 'from = "0", seconds_per_u = 12', 'from = "1", seconds_per_u = 12', "bolus.modes_u.*rising"),
        (
            "animas-vibe",
            "modes = [",
            'modes = [{ name = "slow", bands = [{ from = "0", seconds_per_u = 9 }] }, ',
            "bolus.modes_u.*a different name",
        ),
        (
            "animas-vibe",
            'least = "0.05", largest = "35"',
            'least = "0.05", largest = "35.01"',
            "bolus.amount_u.*on a step",
        ),
        (
            "animas-vibe",
            'least = "0.05", largest = "35"',
            'least = "0.01", largest = "35"',
            "bolus.amount_u.*on a step",
        ),
        ("animas-vibe", 'least = "0.025"', 'least = "0.02"', "basal.rate_u_per_h.*on a step"),
        (
            "roche-combo",
            "start_delay_seconds = { value = 5",
            "start_delay_seconds = { value = -5",
            "start_delay_seconds",
        ),
        ("omnipod", "value = true", "value = 1", "meal_part_only: 1 must be true or false"),
        ("omnipod", "value = true", 'value = "yes"', "meal_part_only: 'yes' must be true or false"),
        (
            "omnipod",
            'duration_minutes = { least = 30, largest = 480, step = 30, source = "androidaps" }',
            "",
            "extended_bolus",
        ),
        (
            "omnipod",
            'hours = { least = 1, largest = 24, source = "remembered" }',
            "",
            "policies.auto_off_warning_seconds",
        ),
        ("omnipod", 'largest = "30", default = "3"', 'largest = "30.05", default = "3"', "limits.max_basal_u_per_h"),
        ("omnipod", 'largest = "30", default = "10"', 'largest = "31", default = "10"', "limits.max_bolus_u"),
        ("omnipod", 'largest = "30", default = "10"', 'largest = "30", default = "31"', "range"),
        (
            "tandem-tslim-x2",
            'duration_minutes = { least = 15, largest = 480, step = 15, source = "androidaps" }',
            "",
            "extended_bolus",
        ),
        (
            "tandem-tslim-x2",
            'low_reservoir_again_u = { value = "5"',
            'low_reservoir_again_u = { value = "11"',
            "policies.low_reservoir_again_u",
        ),
        (
            "tandem-tslim-x2",
            'low_u = { least = "10", largest = "40", default = "20", source = "guide" }',
            "",
            "policies.low_reservoir_again_u",
        ),
        ("tandem-tslim-x2", "hour_alert_percent = { value = 150", "hour_alert_percent = { value = true", "hour_alert"),
        ("tandem-tslim-x2", 'step_u = { value = "0.001"', 'step_u = { value = "0.004"', "whole steps of the actuator"),
    ],
)
def test_figures_that_not_every_device_has_are_read_as_strictly(device_id: str, old: str, new: str, names: str) -> None:
    text = text_of(device_id)
    assert text.count(old) == 1
    with pytest.raises(RecordError, match=names) as refused:
        devices.parse(text.replace(old, new), device_id="mine")
    assert "\n" not in str(refused.value)


def test_a_bolus_mode_does_not_hide_what_is_missing() -> None:
    text = text_of("animas-vibe")
    with pytest.raises(RecordError, match=r"bolus\.speeds_u"):
        devices.parse(text.replace("speeds_u =", "speed_u =", 1), device_id="mine")


def test_a_data_file_without_sources_is_refused() -> None:
    text = text_of("generic-0.05")
    with pytest.raises(RecordError, match="sources"):
        devices.parse(text[: text.index("[sources.own]")], device_id="mine")


def test_what_a_pump_lacks_may_be_left_out() -> None:
    text = text_of("generic-0.05")
    start, end = text.index("[temp_basal]"), text.index("[bolus]")
    device = devices.parse(text[:start] + text[end:], device_id="mine")
    assert device.temp_kinds == frozenset()
    assert (device.temp_us, device.occlusion_uu, device.carelink_models) == (None, None, ())
