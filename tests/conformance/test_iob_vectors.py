"""Insulin on board as other projects' own tests state it (`../shared/data/vectors/`).

Used, with the number asserted so that a change of the files does not go unseen:

- `loop_iob_curves`: all 15 records, 572 points, to 1e-6 of a unit (Loop's exponential and Walsh curves);
- `androidaps`: 5 values of its exponential curve, and 2 relations (an extended bolus, a temp basal of 200 %);
- `oref0`: 8 bounds on its curves, and 5 on net insulin on board of temp basals.

Not used, of the records on insulin on board: the bounds on activity, which we do not compute; `oref0-iob-min-dia-5h`, a
rule of theirs that lengthens a duration the person chose; `oref0-no-duration`, a record without a meaning. The groups
`suspend_equivalence` and `wizard_relation` are in `test_dose_vectors.py`.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import pytest

from pumpcore.therapy.iob import PPB, Curve, InsulinPart, Iob

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

SECOND_US: Final = 1_000_000
MINUTE_US: Final = 60 * SECOND_US
TOLERANCE: Final = Decimal("1e-6")


@pytest.fixture(scope="module")
def load(shared_data: Path) -> Callable[[str], list[dict[str, Any]]]:
    def loader(name: str) -> list[dict[str, Any]]:
        text = (shared_data / "vectors" / f"{name}.json").read_text(encoding="utf-8")
        records: list[dict[str, Any]] = json.loads(text, parse_float=Decimal)["records"]
        return records

    return loader


def loop_curve(inputs: dict[str, Any]) -> Curve:
    if inputs["model"] == "walsh":
        return Curve.walsh(inputs["action_duration_min"], delay_min=inputs["delay_min"])
    return Curve.exponential(inputs["action_duration_min"], inputs["peak_min"], delay_min=inputs["delay_min"])


@pytest.mark.req("IOB-01")
def test_loops_curves_to_a_millionth_of_a_unit(load: Callable[[str], list[dict[str, Any]]]) -> None:
    records = load("loop_iob_curves")
    kinds = [record["kind"] for record in records]
    assert (kinds.count("iob_curve"), kinds.count("iob_fraction"), len(kinds)) == (9, 6, 15)
    points = 0
    for record in records:
        curve = loop_curve(record["inputs"])
        for age_us, bolus_u, expected in claims(record):
            points += 1
            assert abs(bolus_u * curve.remaining(age_us) - expected) <= TOLERANCE, (record["id"], age_us)
    assert points == 572


def claims(record: dict[str, Any]) -> Iterable[tuple[int, Decimal, Decimal]]:
    """Age, dose and what is left of it; before the dose Loop says 0, since nothing is delivered yet."""
    inputs, expected = record["inputs"], record["expected"]
    if record["kind"] == "iob_fraction":
        yield inputs["t_min"] * MINUTE_US, Decimal(1), Decimal(expected["fraction_remaining"])
        return
    for point in expected["points"]:
        seconds = Decimal(point["t_s"])
        bolus_u = Decimal(inputs["bolus_u"]) if seconds >= 0 else Decimal(0)
        yield int(seconds * SECOND_US), bolus_u, Decimal(point["iob_u"])


def test_the_table_lies_on_the_safe_side_of_every_point(load: Callable[[str], list[dict[str, Any]]]) -> None:
    compared = 0
    for record in load("loop_iob_curves"):
        curve = loop_curve(record["inputs"])
        for age_us, bolus_u, expected in claims(record):
            if age_us >= 0:
                compared += 1
                # The Walsh fit is above the dose itself near the beginning; nothing can be more than the dose.
                assert bolus_u * curve.remaining_ppb(age_us) / PPB >= min(expected, bolus_u) - TOLERANCE
    assert compared == 572 - 8 - 1  # but those before the dose


@pytest.mark.req("IOB-01")
@pytest.mark.parametrize(
    ("minutes", "expected"),
    [
        (30, "0.929521"),
        (60, "0.779296"),
        (120, "0.449752"),
        (180, "0.208171"),
        (240, "0.072666"),
        (300, "0.013918"),
        (360, "0.000000"),
    ],
)
def test_the_exponential_curve_of_six_hours(minutes: int, expected: str) -> None:
    assert round(Curve.exponential(360, 75).remaining(minutes * MINUTE_US), 6) == Decimal(expected)


def test_values_of_androidaps(load: Callable[[str], list[dict[str, Any]]]) -> None:
    records = [record for record in load("androidaps") if record["kind"] == "iob_value"]
    assert len(records) == 5
    for record in records:
        inputs, expected = record["inputs"], record["expected"]
        curve = Curve.exponential(int(inputs["dia_h"] * 60), inputs["peak_min"])
        left = inputs["bolus_u"] * curve.remaining(inputs["t_h"] * 60 * MINUTE_US)
        assert abs(left - expected["iob_u"]) <= expected["tolerance"], record["id"]


def oref0_curve(inputs: dict[str, Any]) -> Curve:
    duration = inputs["dia_h"] * 60
    return (
        Curve.bilinear(duration) if inputs["curve"] == "bilinear" else Curve.exponential(duration, inputs["peak_min"])
    )


def within(value: Decimal, bounds: dict[str, Any]) -> bool:
    return bool(bounds.get("gt", value - 1) < value < bounds.get("lt", value + 1))


def test_bounds_of_oref0(load: Callable[[str], list[dict[str, Any]]]) -> None:
    records = [record for record in load("oref0") if record["kind"] == "iob_bounds"]
    assert len(records) == 8
    checked = 0
    for record in records:
        inputs, expected = record["inputs"], record["expected"]
        curve = oref0_curve(inputs)
        iob = Iob(curve)
        iob.add(0, inputs["bolus_u"] * 1_000_000, InsulinPart.MEAL)
        assert curve.remaining(0) * inputs["bolus_u"] == expected["iob_at_0"]
        assert curve.remaining(inputs["dia_h"] * 60 * MINUTE_US) == expected["iob_at_dia"] == 0
        for key in expected.keys() & {"iob_at_60min", "iob_at_180min"}:
            checked += 1
            minutes = int(key.removeprefix("iob_at_").removesuffix("min"))
            assert within(inputs["bolus_u"] * curve.remaining(minutes * MINUTE_US), expected[key]), record["id"]
            # One minute for the bin, one for the age.
            exact, younger = (curve.remaining((minutes - less) * MINUTE_US) * 1_000_000 for less in (0, 2))
            assert exact <= Decimal(iob.at(minutes * MINUTE_US).bolus_uu) / inputs["bolus_u"] <= younger + 1
    assert checked == 8


def net(temps: list[tuple[int, int, Decimal]], schedule: list[tuple[int, Decimal]], at_min: int) -> Decimal:
    """Net insulin on board with a duration of three hours, of temp basals (from, to, rate) over a schedule by minute of
    the day, each minute's insulin delivered in its middle; minutes may be negative."""
    iob, offset = Iob(Curve.bilinear(180)), 1440
    for begin, end, rate in temps:
        for minute in range(begin, end):
            usual = [scheduled for start, scheduled in schedule if start <= minute % 1440][-1]
            at_us = (minute + offset) * MINUTE_US + MINUTE_US // 2
            for sign, per_hour in ((1, rate), (-1, usual)):
                # Carried from minute to minute, so that an hour is a whole hour's insulin.
                so_far, before = (int(per_hour * 1_000_000 * m / 60) for m in (minute + offset + 1, minute + offset))
                if so_far > before:
                    iob.add(at_us, sign * (so_far - before), InsulinPart.BASAL)
    return Decimal(iob.at((at_min + offset) * MINUTE_US).net_uu) / 1_000_000


NET: Final[dict[str, tuple[list[tuple[int, int, int]], list[tuple[int, int | str]], int]]] = {
    "oref0-net-temp-iob-two-temps-at-2x-basal": ([(-60, -30, 2), (-30, 0, 2)], [(0, 1)], 0),
    "oref0-net-temp-iob-temps-across-basal-step": ([(30, 60, 2), (60, 90, 2)], [(0, 2), (60, 1)], 90),
    "oref0-net-temp-iob-temps-across-midnight": ([(-15, 15, 2), (15, 45, 2)], [(0, 2), (15, 1), (45, "0.5")], 45),
    "oref0-net-temp-iob-one-60-min-temp-across-midnight": (
        [(-15, 45, 2)],
        [(0, 2), (15, "0.1"), (30, 2), (45, "0.1")],
        45,
    ),
    "oref0-net-temp-iob-temps-below-basal": ([(-90, -60, 1), (-60, -30, 1)], [(0, 2)], 0),
}
"""The records' temp basals and schedules, their clock times as minutes of the day."""


def test_net_insulin_of_temp_basals_of_oref0(load: Callable[[str], list[dict[str, Any]]]) -> None:
    records = {record["id"]: record for record in load("oref0") if record["kind"] == "net_temp_iob_bounds"}
    assert records.keys() - NET.keys() == {"oref0-no-duration"}
    for name, (temps, schedule, at_min) in NET.items():
        rates = [(begin, end, Decimal(rate)) for begin, end, rate in temps]
        left = net(rates, [(start, Decimal(rate)) for start, rate in schedule], at_min)
        assert within(left, records[name]["expected"]["iob"]), (name, left)


def test_relations_of_androidaps(load: Callable[[str], list[dict[str, Any]]]) -> None:
    records = {record["id"]: record for record in load("androidaps") if record["kind"] == "iob_relations"}
    assert records.keys() == {"aaps-extended-iob-1u-1h", "aaps-temp200-iob-1h"}
    for name, prefix in (("aaps-extended-iob-1u-1h", ""), ("aaps-temp200-iob-1h", "net_")):
        expected = records[name]["expected"]
        iob = Iob(Curve.exponential(420, 45))
        assert abs(iob.at(0).net_uu) <= expected[f"{prefix}iob_at_start"]["tolerance"] * 1_000_000
        for step in range(1, 21):  # 1 U in steps of 0.05 U over an hour, beside or above the profile's 1 U/h
            at_us = step * 3 * MINUTE_US
            if prefix:
                iob.add(at_us, 100_000, InsulinPart.BASAL)
                iob.add(at_us, -50_000, InsulinPart.BASAL)
            else:
                iob.add(at_us, 50_000, InsulinPart.MEAL)
        for hours, key in ((1, "60min"), (6, "6h")):
            left = Decimal(iob.at(hours * 60 * MINUTE_US).net_uu) / 1_000_000
            assert within(left, expected[f"{prefix}iob_at_{key}"]), (name, key, left)
        # Ours ends seven hours after the last step, theirs after the first: at 8 h and a minute nothing is left.
        assert iob.at(8 * 60 * MINUTE_US + MINUTE_US).net_uu == expected[f"{prefix}iob_at_8h"] == 0
