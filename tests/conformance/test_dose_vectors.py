"""What other projects' own tests state about doses (`../shared/data/vectors/`), against ours.

The records are facts. `GROUPS` names every group of every file with its size: where its records are used, or why none
can be. A group that is not in the table, or has another size, fails a test. A record that disagrees with our rule
stands in `DISAGREES` with what it does instead; the test that uses its group then shows what ours does.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import pytest
from pumps import LIMITS, MIN, MONDAY, SEC, Bench, H, U, is_refused, plan_of, those

from pumpcore import CHANNELS, schedule
from pumpcore.devices import Band, Bands, Range, load
from pumpcore.errors import RequestError
from pumpcore.pump import events
from pumpcore.pump.effects import BolusDelivered, FirePulse, PrimePulse
from pumpcore.testing.programmes import plan, train
from pumpcore.therapy.bolus import parts_of
from pumpcore.therapy.calculator import AdviceInputs, AdviceLimits, advise, policy
from pumpcore.therapy.glucose import MmolL, Reading
from pumpcore.therapy.profile import Anchor, BasalProfile, Segment, WeekPlan, rate_segments

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pumpcore.testing.reference import Plan

    Records = Callable[[str, str], list[dict[str, Any]]]

Record = dict[str, Any]

HERE: Final = "test_dose_vectors.py"
IOB: Final = "test_iob_vectors.py"
OMNIPOD: Final = "test_omnipod_vectors.py"
DEVICES: Final = "tests/unit/test_devices.py and test_device_rows.py"
WIRE: Final = "no dose: how the protocol writes a figure, which is a driver's business"

GROUPS: Final[dict[tuple[str, str], tuple[int, str]]] = {
    ("androidaps", "round_to_step"): (10, HERE),
    ("androidaps", "floor_to_step"): (3, HERE),
    ("androidaps", "ceil_to_step"): (3, HERE),
    ("androidaps", "iob_value"): (5, IOB),
    ("androidaps", "iob_relations"): (2, IOB),
    ("androidaps", "profile_to_slots"): (2, HERE),
    ("androidaps", "profile_invalid"): (4, HERE),
    ("androidaps", "dst_window"): (
        5,
        "no dose: a controller's window of caution around a change of the clock; rates follow local time (TIM-03)",
    ),
    ("androidaps", "extended_as_temp"): (1, HERE),
    ("androidaps", "wizard_relation"): (3, HERE),
    ("loop_iob_curves", "iob_curve"): (9, IOB),
    ("loop_iob_curves", "iob_fraction"): (6, IOB),
    ("medtronic_minimedkit", "bolus_strokes"): (5, HERE),
    ("medtronic_minimedkit", "temp_basal_strokes"): (3, HERE),
    ("medtronic_minimedkit", "read_temp_basal"): (3, WIRE),
    ("medtronic_minimedkit", "reservoir"): (2, WIRE),
    ("medtronic_minimedkit", "max_basal"): (5, HERE),
    ("medtronic_minimedkit", "max_bolus"): (6, HERE),
    ("medtronic_minimedkit", "basal_schedule_decode"): (1, HERE),
    ("medtronic_minimedkit", "basal_schedule_encode"): (1, HERE),
    ("medtronic_minimedkit", "bolus_event"): (1, WIRE),
    ("omnipod_basal_schedule", "basal_schedule"): (13, OMNIPOD),
    ("omnipod_bolus", "bolus"): (35, OMNIPOD),
    ("omnipod_temp_basal", "temp_basal"): (2, OMNIPOD),
    ("omnipod_temp_basal", "temp_basal_half_hours"): (5, OMNIPOD),
    ("omnipod_temp_basal", "temp_basal_timing"): (6, OMNIPOD),
    ("oref0", "round_basal"): (10, HERE),
    ("oref0", "temp_basal_limits"): (11, HERE),
    ("oref0", "schedule_max"): (1, HERE),
    ("oref0", "schedule_lookup"): (2, HERE),
    ("oref0", "bolus_merge"): (
        1,
        "no dose: two boluses of a history are shown as one; here each has its number and is recorded by itself",
    ),
    ("oref0", "iob_bounds"): (8, IOB),
    ("oref0", "iob_equal"): (1, IOB),
    ("oref0", "net_temp_iob_bounds"): (6, IOB),
    ("oref0", "suspend_equivalence"): (4, HERE),
    ("pump_constants", "facts"): (37, DEVICES),
    ("tidepool_sim_and_service_kit", "pulse_accumulator"): (3, HERE),
    ("tidepool_sim_and_service_kit", "temp_reissue_loses_fraction"): (6, HERE),
    ("tidepool_sim_and_service_kit", "temp_validation"): (4, HERE),
    ("tidepool_sim_and_service_kit", "delivery_accounting"): (5, HERE),
    ("tidepool_sim_and_service_kit", "prime_accounting"): (2, HERE),
    ("tidepool_sim_and_service_kit", "cancel_temp"): (2, HERE),
    ("tidepool_sim_and_service_kit", "cancel_bolus"): (1, HERE),
    ("tidepool_sim_and_service_kit", "reservoir_refill"): (
        1,
        "no dose: a total that begins anew with each refill; we keep totals by time only, which no refill resets",
    ),
    ("tidepool_sim_and_service_kit", "schedule_lookup"): (4, HERE),
    ("tidepool_sim_and_service_kit", "schedule_span"): (1, HERE),
}

NEAREST: Final = "rounds to the nearest step, here upward; ours never rounds up"
UPWARD: Final = "rounds up; ours never does"
CLAMPED: Final = "is clamped to a bound; ours is refused"
CUT: Final = "is cut to a step; ours is refused at the door"
RESET: Final = "loses what was earned of a step with each command; ours carries it"

DISAGREES: Final[dict[str, str]] = {
    "aaps-roundTo-0.54-0.05": NEAREST,
    "aaps-roundTo--3.2553715764602713-0.01": "rounds a negative amount away from zero; ours refuses it",
    "aaps-roundTo-0.8156666666666667-0.001": NEAREST,
    "aaps-roundTo-0.0016960652144170627-0.0001": NEAREST,
    "aaps-ceilTo-0.54-0.1": UPWARD,
    "aaps-ceilTo-1.49999-1.0": UPWARD,
    "aaps-dash-rounds-0.04": UPWARD,
    "aaps-wizard-in-range": NEAREST,
    "minimed-temp-1.442-65.5min": CUT,
    "minimed-maxbasal-9.115": CUT,
    "minimed-maxbolus-522-2.25": CUT,
    "minimed-maxbolus-523-2.25": "is cut to a tenth of a unit by the message; the pump has steps of 0.05 U there",
    "oref0-round-0.025-None": UPWARD,
    "oref0-round-0.025-522": UPWARD,
    "oref0-round-0.025-HelloThisIsntAPumpModel": UPWARD,
    "oref0-round-0.83-None": NEAREST,
    "oref0-round-1.83-None": NEAREST,
    "oref0-round-10.86-None": NEAREST,
    "oref0-settemp-cancel": "means a cancel by a duration of 0; ours has an event of its own, and 0 is refused",
    "oref0-settemp-cap-max-basal": CLAMPED,
    "oref0-settemp-cap-3x-daily": CLAMPED,
    "oref0-settemp-cap-4x-current": CLAMPED,
    "oref0-settemp-negative": CLAMPED,
    "oref0-settemp-cap-4x-daily-override": CLAMPED,
    "oref0-settemp-cap-5x-current-override": CLAMPED,
    "oref0-skip-neutral-cancels-running": "cancels a temp basal that equals the profile; ours runs what was asked for",
    "oref0-suspend-suspend-surrounding": "counts temp basals that began while suspended; ours are refused then",
    "tidepool-missing-pulses-0.3": RESET,
    "tidepool-missing-pulses-0.7": RESET,
    "tidepool-missing-pulses-0.9": RESET,
    "tidepool-missing-pulses-1.1": RESET,
    "idsk-temp-8uh-1h": "counts a temp basal only once it has ended; ours counts each pulse",
}
"""Each record that disagrees with our rule, and how."""

GENERIC: Final = load("generic-0.05")


@pytest.fixture(scope="module")
def files(shared_data: Path) -> dict[str, list[Record]]:
    return {
        path.stem: json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)["records"]
        for path in sorted((shared_data / "vectors").glob("*.json"))
    }


@pytest.fixture
def of(files: dict[str, list[Record]]) -> Records:
    def records(file: str, kind: str) -> list[Record]:
        found = [record for record in files[file] if record["kind"] == kind]
        assert (len(found), GROUPS[file, kind][1]) == (GROUPS[file, kind][0], HERE)
        return found

    return records


def micro(units: object) -> int:
    """Turn units into micro-units, exactly."""
    exact = Decimal(str(units)) * U
    assert exact == int(exact)
    return int(exact)


def minutes(value: object) -> int:
    """Turn minutes into microseconds, exactly."""
    exact = Decimal(str(value)) * MIN
    assert exact == int(exact)
    return int(exact)


def agrees(record: Record) -> bool:
    return record["id"] not in DISAGREES


def bench_of(*, rate: object = 1, reservoir: object = 150) -> Bench:
    """A pump of 0.05 U steps that runs, with so much in its reservoir after priming."""
    bench = Bench(device=GENERIC, plan=plan_of((0, micro(rate)))).start()
    bench.do(events.ReservoirMeasured(0, micro(reservoir)))
    return bench


def profile_of(schedule_of: list[Record]) -> BasalProfile:
    return BasalProfile("theirs", tuple(Segment(minutes(each["start_min"]), rate_of(each)) for each in schedule_of))


def rate_of(entry: Record) -> int:
    return micro(entry.get("rate", entry.get("rate_u_per_h")))


# Every group is used or explained ------------------------------------------------------------------------------------


def unexplained(files: dict[str, list[Record]]) -> set[tuple[str, str, int]]:
    """The groups whose place or size is not as the table says, either way."""
    sizes = Counter((name, record.get("kind", "facts")) for name, records in files.items() for record in records)
    return {(*key, size) for key, size in sizes.items()} ^ {(*key, size) for key, (size, _) in GROUPS.items()}


def test_every_group_of_every_file_is_used_or_explained(files: dict[str, list[Record]]) -> None:
    assert unexplained(files) == set()


def test_a_group_that_is_new_or_has_grown_is_noticed(files: dict[str, list[Record]]) -> None:
    first = files["oref0"][0]
    assert unexplained(files | {"another": [first]}) == {("another", "round_basal", 1)}
    assert unexplained(files | {"oref0": [*files["oref0"], first]}) == {
        ("oref0", "round_basal", 10),
        ("oref0", "round_basal", 11),
    }


def test_every_record_that_disagrees_is_there_and_in_a_group_that_is_used_here(files: dict[str, list[Record]]) -> None:
    places = {
        record["id"]: (name, record.get("kind", "facts")) for name, records in files.items() for record in records
    }
    assert {name for name in DISAGREES if GROUPS[places[name]][1] != HERE} == set()
    assert len(DISAGREES) == 32


# Rounding ------------------------------------------------------------------------------------------------------------


def rounded_down(value: Decimal, step: Decimal) -> Decimal:
    """What our bands make of it, in units of 10**-20."""
    fine = 10**20
    return Decimal(Bands((Band(0, int(step * fine)),)).round_down(int(value * fine))) / fine


@pytest.mark.req("LIM-01", "DEL-15")
def test_amounts_are_rounded_down_and_never_to_the_nearest(of: Records) -> None:
    for kind in ("round_to_step", "floor_to_step", "ceil_to_step"):
        for record in of("androidaps", kind):
            value, step = (Decimal(record["inputs"][name]) for name in ("x", "step"))
            theirs = Decimal(record["expected"]["value"])
            if value >= 0:
                ours = rounded_down(value, step)
                assert ours <= value < ours + step
                assert (ours == theirs) == agrees(record), record["id"]
                assert ours in {theirs, theirs - step}
            else:
                bench = bench_of()
                assert is_refused(bench.pump, events.ProposeBolus(0, fast_uu=int(value * U)))
                assert not agrees(record)


@pytest.mark.req("DEL-15")
def test_rates_are_rounded_down_to_the_pumps_step(of: Records) -> None:
    for record in of("oref0", "round_basal"):
        device = load("medtronic-523" if record["inputs"]["model"] == "554" else "medtronic-522")
        asked, theirs = micro(record["inputs"]["rate_u_per_h"]), micro(record["expected"]["rate_u_per_h"])
        ours = device.round_rate_down(asked)
        assert (ours == theirs) == agrees(record), record["id"]
        assert ours <= min(asked, theirs)


# Boluses -------------------------------------------------------------------------------------------------------------


@pytest.mark.req("DEL-04")
def test_a_bolus_is_so_many_strokes(of: Records) -> None:
    for record in of("medtronic_minimedkit", "bolus_strokes"):
        inputs, expected = record["inputs"], record["expected"]
        device = load("medtronic-523" if inputs["strokes_per_unit"] == 40 else "medtronic-522")
        asked, given = micro(inputs["units"]), micro(expected["units_delivered"])
        assert device.bolus_bands_uu.round_down(asked) == given
        bench = Bench(device=device).start()
        assert asked == given or is_refused(bench.pump, events.ProposeBolus(0, fast_uu=asked))
        bench.bolus(0, fast_uu=given)
        bench.to(H)
        steps = sum(each.steps for each in bench.pulses("bolus"))
        # The older pumps have strokes of 0.05 U, and messages in tenths.
        assert steps * device.step_uu * inputs["strokes_per_unit"] == expected["strokes"] * U, record["id"]
        assert agrees(record)


@pytest.mark.req("LIM-02")
def test_the_largest_bolus(of: Records) -> None:
    for record in of("medtronic_minimedkit", "max_bolus"):
        device, asked = load(f"medtronic-{record['inputs']['model']}"), micro(record["inputs"]["units"])
        limits = replace(LIMITS, max_bolus_uu=micro(record["inputs"]["limit_u"]))
        if not record["expected"]["accepted"] or (not agrees(record) and record["inputs"]["model"] == "522"):
            with pytest.raises(RequestError):
                parts_of(asked, 0, 0, device=device, limits=limits)
            continue
        (part,) = parts_of(asked, 0, 0, device=device, limits=limits)
        assert part.amount_uu == asked
        assert (asked == micro(Decimal(record["expected"]["tenths"]) / 10)) == agrees(record), record["id"]


@pytest.mark.req("DEL-04", "BOL-07")
def test_a_bolus_that_is_cancelled_in_its_middle(of: Records) -> None:
    (record,) = of("tidepool_sim_and_service_kit", "cancel_bolus")
    inputs = record["inputs"]
    amount_uu = micro(inputs["bolus_u"])
    duration_us = amount_uu * MIN // micro(inputs["rate_u_per_min"])
    cancel_us = inputs["cancel_after_s"] * SEC
    of_it = plan(50_000, trains=[train("bolus", 0, duration_us, amount_uu, cancel_us=cancel_us)])
    assert insulin(of_it, "bolus", 50_000) == micro(record["expected"]["delivered_u"])


def insulin(of_it: Plan, channel: str, step_uu: int, to_us: int | None = None) -> int:
    """What the kernel delivers of a plan in a channel."""
    pulses = schedule(of_it)
    columns = zip(pulses.at_us, pulses.channel, pulses.steps, strict=True)
    ours = [steps for at_us, code, steps in columns if CHANNELS[code] == channel and (to_us is None or at_us <= to_us)]
    return sum(ours) * step_uu


@pytest.mark.req("BOL-08")
def test_an_extended_bolus_comes_on_top_of_basal(of: Records) -> None:
    (record,) = of("androidaps", "extended_as_temp")
    inputs = record["inputs"]
    amount_uu, duration_us = micro(inputs["extended_bolus_u"]), minutes(inputs["duration_min"])
    bench = bench_of(rate="0.8")
    bench.bolus(0, extended_uu=amount_uu, extended_us=duration_us)
    bench.to(duration_us)
    assert bench.insulin() == amount_uu * H // duration_us + micro("0.8")


# Temp basals ---------------------------------------------------------------------------------------------------------


@pytest.mark.req("LIM-01", "LIM-09")
def test_a_temp_basal_is_so_many_strokes_an_hour(of: Records) -> None:
    for record in of("medtronic_minimedkit", "temp_basal_strokes"):
        inputs, expected = record["inputs"], record["expected"]
        bench = Bench(device=load("medtronic-523"), plan=plan_of((0, 10 * U))).start()
        rate, duration_us = micro(inputs["rate_u_per_h"]), minutes(inputs["duration_min"])
        asked = events.ProposeTemp(0, duration_us, rate_uu_per_h=rate)
        if not agrees(record):
            assert is_refused(bench.pump, asked)
            assert expected["strokes_per_h"] == rate * inputs["strokes_per_unit"] // U
            continue
        bench.do(asked)
        bench.to(duration_us)
        assert duration_us == expected["half_hours"] * H // 2
        assert sum(each.steps for each in bench.pulses()) * 2 == expected["strokes_per_h"] * expected["half_hours"]


@pytest.mark.req("DEL-01")
def test_pulses_of_a_rate(of: Records) -> None:
    for record in of("tidepool_sim_and_service_kit", "pulse_accumulator"):
        to_us = minutes(record["inputs"]["minutes"])
        of_it = plan(50_000, basal=[[0, micro(record["inputs"]["rate_u_per_h"])]])
        assert insulin(of_it, "basal", 50_000, to_us) == micro(record["expected"]["delivered_u"]), record["id"]
        assert agrees(record)


@pytest.mark.req("DEL-02")
def test_a_temp_basal_that_is_issued_again_and_again_loses_nothing(of: Records) -> None:
    for record in of("tidepool_sim_and_service_kit", "temp_reissue_loses_fraction"):
        inputs, expected = record["inputs"], record["expected"]
        bench = Bench(device=load("omnipod"), plan=plan_of((0, 2 * U))).start()
        assert bench.pump.config.device.step_uu == micro(inputs["pulse_size_u"])
        for minute in range(0, inputs["minutes"], inputs["reissue_every_min"]):
            bench.to(minute * MIN)
            bench.do(events.ProposeTemp(minute * MIN, H // 2, rate_uu_per_h=micro(inputs["temp_rate_u_per_h"])))
        bench.to(minutes(inputs["minutes"]))
        assert bench.insulin() == micro(expected["delivered_u_if_fraction_carried"]), record["id"]
        assert (bench.insulin() == micro(expected["delivered_u_with_forgotten_fraction"])) == agrees(record)


@pytest.mark.req("LIM-01", "LIM-09")
def test_temp_basals_that_a_pod_takes(of: Records) -> None:
    for record in of("tidepool_sim_and_service_kit", "temp_validation"):
        rate, _, lasts = record["inputs"]["request"].partition("/")
        duration_us = minutes(lasts.removesuffix("min") or 30)
        bench = Bench(device=load("omnipod"), plan=plan_of((0, 2 * U))).start()
        asked = events.ProposeTemp(0, duration_us, rate_uu_per_h=micro(rate))
        assert is_refused(bench.pump, asked) != record["expected"]["accepted"], record["id"]
        assert agrees(record)


@pytest.mark.req("LIM-01", "LIM-09")
def test_a_temp_basal_beyond_a_bound_is_refused_and_not_clamped(of: Records) -> None:
    for record in of("oref0", "temp_basal_limits"):
        inputs, expected = record["inputs"], record["expected"]
        theirs, asked = micro(expected["rate"]), micro(inputs.get("requested_rate", 0))
        # Their bound is the least of three, two of them multiples of rates; ours is one that the person has chosen.
        bound = min(
            micro(inputs.get("max_basal", "35")),
            micro(inputs.get("max_daily_basal", "35")) * inputs.get("max_daily_safety_multiplier", 3),
            micro(inputs["current_basal"]) * inputs.get("current_basal_safety_multiplier", 4),
        )
        limits = replace(LIMITS, max_temp_basal_uu_per_h=bound)
        basal = load("medtronic-523").round_rate_down(micro(inputs["current_basal"]))
        bench = Bench(device=load("medtronic-523"), plan=plan_of((0, basal)), limits=limits).start()
        lasts_us = minutes(inputs["minutes"])
        if is_refused(bench.pump, events.ProposeTemp(0, lasts_us, asked)):
            assert not agrees(record), record["id"]
        else:
            assert ((asked, lasts_us) == (theirs, minutes(expected["minutes"]))) == agrees(record), record["id"]
        if DISAGREES.get(record["id"]) == CLAMPED:
            assert theirs == max(min(asked, bound), 0)
            assert not is_refused(bench.pump, events.ProposeTemp(0, H // 2, theirs))


@pytest.mark.req("TMP-02", "RES-01")
def test_a_temp_basal_that_is_cancelled_in_its_middle(of: Records) -> None:
    for record in of("tidepool_sim_and_service_kit", "cancel_temp"):
        inputs, expected = record["inputs"], record["expected"]
        bench = bench_of(rate=5, reservoir=inputs.get("reservoir_start_u", 100))
        bench.do(events.ProposeTemp(0, inputs["duration_s"] * SEC, rate_uu_per_h=micro(inputs["rate_u_per_h"])))
        cancel_us = inputs["cancel_after_s"] * SEC
        bench.to(cancel_us)
        bench.do(events.CancelTemp(cancel_us))
        assert bench.insulin() == micro(expected["delivered_u"])
        assert bench.status.rate_uu_per_h == 5 * U
        assert bench.status.reservoir_uu == micro(expected.get("reservoir_u", 98))
        assert cancel_us == expected.get("ran_s", 1800) * SEC


# A suspend is a temp basal of nothing ---------------------------------------------------------------------------------


def run(steps: list[Record], since_min: int) -> Bench:
    """Play what a record says, in minutes before now, and then up to now."""
    device = replace(load("medtronic-523"), temp_us=Range(15 * MIN, H, step=15 * MIN))
    bench = Bench(device=device).start()
    todo: list[tuple[int, Any]] = []
    for step in steps:
        if "temp" in step:
            todo.append((step["start_min_ago"], step))
        todo += [(step[name], name) for name in ("suspend_min_ago", "resume_min_ago") if name in step]
    for ago, what in todo:
        at_us = (since_min - ago) * MIN
        bench.to(at_us)
        if what == "suspend_min_ago":
            bench.do(events.Suspend(at_us))
        elif what == "resume_min_ago":
            bench.do(events.Resume(at_us))
        else:
            asked = events.ProposeTemp(at_us, what["minutes"] * MIN, rate_uu_per_h=what["temp"] * U)
            if what["temp"]:
                bench.do(events.Confirm(at_us, bench.propose(asked)))
            else:
                bench.do(asked)
    bench.to(since_min * MIN)
    return bench


@pytest.mark.req("SUS-03", "IOB-04")
def test_a_suspend_counts_as_a_temp_basal_of_nothing(of: Records) -> None:
    for record in of("oref0", "suspend_equivalence"):
        inputs = record["inputs"]
        if not agrees(record):
            bench = run(inputs["with_suspend"][:2], 90)
            assert is_refused(bench.pump, events.ProposeTemp(90 * MIN, 15 * MIN, rate_uu_per_h=2 * U))
            continue
        with_suspend, without = run(inputs["with_suspend"], 90), run(inputs["equivalent_without_suspend"], 90)
        pulses = [[(each.at_us, each.steps) for each in bench.pulses()] for bench in (with_suspend, without)]
        assert pulses[0] == pulses[1], record["id"]
        assert len(pulses[0]) > 30
        assert with_suspend.status.on_board.net_uu == without.status.on_board.net_uu


# Profiles ------------------------------------------------------------------------------------------------------------


@pytest.mark.req("PRF-01")
def test_the_rate_by_time_of_day(of: Records) -> None:
    records = of("oref0", "schedule_lookup") + of("tidepool_sim_and_service_kit", "schedule_lookup")
    for record in records:
        inputs = record["inputs"]
        minute = inputs["minute_of_day"] if "minute_of_day" in inputs else inputs["hour"] * 60
        ours = profile_of(inputs["schedule"]).rate_uu_per_h_at(minutes(minute))
        assert ours == micro(record["expected"]["rate"]), record["id"]
        assert agrees(record)


@pytest.mark.req("PRF-03")
def test_rates_across_midnights(of: Records) -> None:
    (record,) = of("tidepool_sim_and_service_kit", "schedule_span")
    inputs, expected = record["inputs"], record["expected"]
    hour, minute = map(int, inputs["start"].split(":"))
    to_us = minutes(Decimal(str(inputs["span_h"])) * 60)
    pieces = list(
        rate_segments(
            WeekPlan.of(profile_of(inputs["schedule"])),
            device=GENERIC,
            zone=UTC,
            anchor=Anchor(0, MONDAY + timedelta(hours=hour, minutes=minute)),
            from_us=0,
            to_us=to_us,
        )
    )
    ends = [*(start_us for start_us, _ in pieces[1:]), to_us]
    lasts = [(rate, end_us - start_us) for (start_us, rate), end_us in zip(pieces, ends, strict=True)]
    assert len(lasts) == expected["segments"]
    for name, found in (("first", lasts[0]), ("last", lasts[-1])):
        assert found == (micro(expected[name]["rate"]), minutes(expected[name]["minutes"]))


@pytest.mark.req("LIM-01")
def test_the_largest_rate_of_a_profile_is_what_is_checked(of: Records) -> None:
    (record,) = of("oref0", "schedule_max")
    device = replace(GENERIC, segment_us=15 * MIN)
    largest = micro(record["expected"]["max_rate"])
    profile = profile_of(record["inputs"]["schedule"])
    profile.check(device=device, limits=replace(LIMITS, max_basal_uu_per_h=largest))
    with pytest.raises(RequestError):
        profile.check(device=device, limits=replace(LIMITS, max_basal_uu_per_h=largest - 50_000))


@pytest.mark.req("LIM-01")
def test_the_largest_basal_rate(of: Records) -> None:
    device = load("medtronic-523")
    for record in of("medtronic_minimedkit", "max_basal"):
        rate, strokes = micro(record["inputs"]["rate_u_per_h"]), record["expected"].get("strokes")
        if not record["expected"]["accepted"] or not agrees(record):
            with pytest.raises(RequestError):
                device.check_rate(rate, name="rate")
        else:
            assert device.check_rate(rate, name="rate") == strokes * device.step_uu
        assert agrees(record) or rate // device.step_uu == strokes


@pytest.mark.req("PRF-01")
def test_a_schedule_of_half_hours(of: Records) -> None:
    (record,) = of("medtronic_minimedkit", "basal_schedule_decode")
    profile = profile_of(record["expected"]["entries"])
    profile.check(device=load("medtronic-523"), limits=LIMITS)
    raw = bytes.fromhex(record["inputs"]["bytes_le16_strokes_plus_slot"])
    entries = [raw[at : at + 3] for at in range(0, len(raw), 3)]
    assert len(entries) == len(profile.segments)
    # What the pump's own message says in strokes an hour is what the schedule delivers in each half hour.
    basal = [[segment.start_us, segment.rate_uu_per_h] for segment in profile.segments]
    edges = [insulin(plan(25_000, basal=basal), "basal", 1, slot * H // 2) for slot in range(len(entries) + 1)]
    earned = 0
    for slot, entry in enumerate(entries):
        earned += int.from_bytes(entry[:2], "little")
        assert (edges[slot + 1], entry[2]) == (earned // 2, slot)


@pytest.mark.req("PRF-01")
def test_strokes_an_hour_of_a_schedule(of: Records) -> None:
    (record,) = of("medtronic_minimedkit", "basal_schedule_encode")
    profile = profile_of(record["inputs"]["entries"])
    raw = bytes.fromhex(record["expected"]["bytes_prefix"])
    basal = [[segment.start_us, segment.rate_uu_per_h] for segment in profile.segments]
    for index, segment in enumerate(profile.segments):
        strokes, slot = int.from_bytes(raw[3 * index : 3 * index + 2], "little"), raw[3 * index + 2]
        assert segment.start_us == slot * H // 2
        until, before = (
            insulin(plan(25_000, basal=basal), "basal", 1, segment.start_us + span_us) for span_us in (H, 0)
        )
        assert until - before == strokes


@pytest.mark.req("PRF-01", "LIM-01")
def test_profiles_in_slots_of_half_hours(of: Records) -> None:
    for record in of("androidaps", "profile_to_slots"):
        entries = [Segment(each["start_s"] * SEC, micro(each["rate"])) for each in record["inputs"]["profile"]]
        profile = BasalProfile("theirs", tuple(entries))
        for each in record["expected"]["segments"]:
            for slot in range(each["start_slot"], each["end_slot"]):
                ours = profile.rate_uu_per_h_at(slot * H // 2)
                assert (ours == each["hundredths_u_per_h"] * 10_000) == agrees(record), record["id"]
        if agrees(record):
            profile.check(device=load("omnipod"), limits=LIMITS)
        else:
            with pytest.raises(RequestError):
                profile.check(device=load("omnipod"), limits=LIMITS)


@pytest.mark.req("PRF-01", "PRF-02")
def test_profiles_that_are_none(of: Records) -> None:
    for record in of("androidaps", "profile_invalid"):
        entries = [(each["start_s"] * SEC, micro(each["rate"])) for each in record["inputs"]["profile"]]
        assert record["expected"]["rejected"]
        with pytest.raises(RequestError):
            BasalProfile("theirs", tuple(Segment(*each) for each in entries))


# Books ---------------------------------------------------------------------------------------------------------------


@pytest.mark.req("RES-01", "DEL-06")
def test_what_is_delivered_and_what_is_left(of: Records) -> None:
    for record in of("tidepool_sim_and_service_kit", "delivery_accounting"):
        inputs, expected = record["inputs"], record["expected"]
        hours = inputs.get("hours", inputs.get("hours_total", 1))
        bench = bench_of(rate=inputs.get("basal_u_per_h", "0.05"), reservoir=inputs["reservoir_start_u"])
        if "temp_u_per_h" in inputs:
            lasts_us = minutes(inputs.get("temp_minutes", inputs.get("minutes")))
            asked = events.ProposeTemp(0, lasts_us, rate_uu_per_h=micro(inputs["temp_u_per_h"]))
            bench.do(events.Confirm(0, bench.propose(asked)))
        if "bolus_u" in inputs:
            assert bench.insulin("bolus") == 0
            bench.bolus(0, fast_uu=micro(inputs["bolus_u"]))
        bench.to(H // 2)
        halfway_uu = bench.insulin("basal")
        bench.to(hours * H)
        basal_uu, bolus_uu = bench.insulin("basal"), bench.insulin("bolus")
        delivered_uu = basal_uu + bolus_uu
        told = {
            "basal_delivered_u": basal_uu,
            "bolus_delivered_u": bolus_uu,
            "total_u": delivered_uu,
            "delivered_u": delivered_uu,
            "delivered_at_60min_u": basal_uu,
            "of_temp_u": halfway_uu,
            "of_basal_u": basal_uu - halfway_uu,
        }
        if record["id"] == "idsk-bolus-2u":  # without basal; ours has some
            told |= {"after_u": bolus_uu, "before_start_u": 0}
            assert bench.status.reservoir_uu == micro(expected["reservoir_u"]) - basal_uu
        else:
            assert bench.status.reservoir_uu == micro(expected["reservoir_u"]), record["id"]
        assert (halfway_uu == micro(expected.get("delivered_at_30min_u", Decimal(halfway_uu) / U))) == agrees(record)
        known = expected.keys() - {"reservoir_u", "delivered_at_30min_u"}
        assert {key: told[key] for key in known} == {key: micro(expected[key]) for key in known}, record["id"]


@pytest.mark.req("DEL-13", "RES-01")
def test_what_primes_is_not_delivered(of: Records) -> None:
    for record in of("tidepool_sim_and_service_kit", "prime_accounting"):
        amount_uu = micro(record["inputs"]["prime_u"])
        bench = Bench(device=GENERIC)
        for event in (
            events.BeginChange(0, set_off_body=True),
            events.Rewound(0),
            events.ReservoirMeasured(0, micro(record["inputs"]["reservoir_start_u"])),
            events.Loaded(0),
            events.Prime(0, amount_uu),
        ):
            bench.do(event)
        assert sum(each.amount_uu for each in those(PrimePulse, bench.effects)) == micro(record["expected"]["primed_u"])
        assert those(FirePulse, bench.effects) == []
        assert those(BolusDelivered, bench.effects) == []
        assert bench.status.reservoir_uu == micro(record["expected"]["reservoir_u"])


# The bolus calculator ------------------------------------------------------------------------------------------------


@pytest.mark.req("ADV-02")
def test_a_higher_glucose_never_gives_less(of: Records) -> None:
    """Food, correction to a target of 8.0 mmol/L in both directions, steps of 0.1 U: as their tests are set up."""

    def suggested(inputs: Record, glucose: Decimal) -> int:
        asked = AdviceInputs(
            now_us=0,
            carbs_mg=inputs["carbs_g"] * 1000,
            carb_ratio_mg_per_u=inputs["ic"] * 1000,
            glucose=Reading(0, MmolL(int(glucose * 10))),
            sensitivity=MmolL(inputs["isf"] * 10),
            target_low=MmolL(80),
            target_high=MmolL(80),
        )
        limits = AdviceLimits(max_bolus_uu=10 * U, step_uu=micro(inputs["bolus_step"]), hard_low=MmolL(35))
        return advise(policy("ypsomed"), asked, limits).suggested_uu

    for record in of("androidaps", "wizard_relation"):
        inputs, expected = record["inputs"], record["expected"]
        first, second = suggested(inputs, inputs["bg_a"]), suggested(inputs, inputs["bg_b"])
        theirs = {
            "bolus_a_equals_b_within": first == second,
            "a_greater_than_b": first > second,
            "a_less_than_b": first < second,
        }
        (claim,) = expected
        assert theirs[claim] == agrees(record), (record["id"], first, second)
        assert (first <= second) == (inputs["bg_a"] <= inputs["bg_b"])
