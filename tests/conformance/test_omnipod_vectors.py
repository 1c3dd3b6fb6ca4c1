"""Half-hour pulse counts of Omnipod drivers: schedules, temporary rates, extended and dual boluses.

The records are facts that other projects' own tests state (`../shared/data/vectors/`), many of them captures of the
maker's controller. A half hour is open on the left and closed on the right.

Not used, and counted here so that a change of the files does not go unseen:

- `temp_basal_timing` (6) and the three boluses without a table of half hours: they state how the protocol encodes
  tenths of a pulse and the interval between them, cut to whole microseconds for the wire, not when a pulse is
  delivered;
- in the records that are used, the fields on the state at an offset inside a half hour and on tenths, for that reason.
"""

from __future__ import annotations

import json
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import pytest

from pumpcore import CHANNELS, schedule
from pumpcore.testing.programmes import plan, train
from pumpcore.testing.reference import HOUR_US

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from pumpcore.testing.reference import Plan

HALF_HOUR_US: Final = HOUR_US // 2
USED: Final = {"omnipod_basal_schedule": 13, "omnipod_temp_basal": 7, "omnipod_bolus": 32}
NOT_USED: Final = {"omnipod_basal_schedule": 0, "omnipod_temp_basal": 6, "omnipod_bolus": 3}
TABLES: Final = ("half_hour_pulses", "extended_pulses_per_half_hour")


@pytest.fixture(scope="module", params=sorted(USED))
def records(request: pytest.FixtureRequest, shared_data: Path) -> tuple[str, list[dict[str, Any]]]:
    name: str = request.param
    return name, json.loads((shared_data / "vectors" / f"{name}.json").read_text(encoding="utf-8"))["records"]


def test_every_half_hour_has_the_pulses_that_the_record_states(records: tuple[str, list[dict[str, Any]]]) -> None:
    name, all_records = records
    used = [record for record in all_records if any(table in record["expected"] for table in TABLES)]
    assert (len(used), len(all_records) - len(used)) == (USED[name], NOT_USED[name])
    for record in used:
        for channel, of, expected in claims(record):
            assert half_hours(of, channel, len(expected)) == expected, record["id"]


def claims(record: dict[str, Any]) -> Iterator[tuple[str, Plan, list[int]]]:
    """For each channel of a record: its name, the plan, and the pulses of each half hour."""
    inputs, expected = record["inputs"], record["expected"]
    step_uu = micro(inputs["pulse_size_u"])
    if record["kind"] == "basal_schedule":
        basal = pod_schedule(inputs)
        yield "basal", plan(step_uu, basal=basal), expected["half_hour_pulses"]
    elif record["kind"].startswith("temp_basal"):
        basal = [[0, micro(inputs["rate_u_per_h"])], [inputs["duration_s"] * 1_000_000, 0]]
        yield "basal", plan(step_uu, basal=basal), expected["half_hour_pulses"]
    else:
        # The immediate part goes at one pulse each two seconds; the extended part begins with it.
        pulses = micro(inputs["immediate_u"]) // step_uu
        trains = [train("bolus", 0, pulses * 2_000_000, pulses * step_uu)] if pulses else []
        if micro(inputs["extended_u"]):
            duration_us = inputs["extended_duration_s"] * 1_000_000
            trains.append(train("extended", 0, duration_us, micro(inputs["extended_u"])))
        both = plan(step_uu, trains=trains)
        yield "bolus", both, [expected["immediate_pulses"]]
        yield "extended", both, expected["extended_pulses_per_half_hour"]


def pod_schedule(inputs: dict[str, Any]) -> list[list[int]]:
    """Bring a schedule into the form a pod takes, which two records put to the test.

    A pod has one rate for each half hour, the one in force at its beginning: an entry at 16 h 18 min begins at 16 h
    30 min. A rate is rounded down to a multiple of 0.05 U/h, and an Eros pod has no rate of zero in its schedule.
    """
    least = micro("0.05") if inputs["pump_variant"] == "eros" else 0
    entries = [(entry["start_s"], micro(entry["rate"])) for entry in inputs["rates_u_per_h"]]
    rates = [[rate for start_s, rate in entries if start_s <= i * 1800][-1] for i in range(48)]
    return [[i * HALF_HOUR_US, max(rate - rate % micro("0.05"), least)] for i, rate in enumerate(rates)]


def micro(units: str) -> int:
    """Turn decimal text in units into micro-units, exactly."""
    exact = Decimal(units) * 1_000_000
    assert exact == int(exact)
    return int(exact)


def half_hours(of: Plan, channel: str, count: int) -> list[int]:
    """Count the pulses of a channel in each of so many half hours; nothing may be left for later."""
    pulses = schedule(of)
    ats = [at_us for at_us, code in zip(pulses.at_us, pulses.channel, strict=True) if CHANNELS[code] == channel]
    edges: Sequence[int] = [i * HALF_HOUR_US for i in range(count + 1)]
    assert all(at_us <= edges[-1] for at_us in ats)
    return [sum(begin < at_us <= end for at_us in ats) for begin, end in pairwise(edges)]
