"""The shipped scenarios: what each of them is there to show, and that each gives the same answer every time.

Method: what a scenario delivers is computed once more from its text, by hand and with plain integers: stretches of
minutes at a rate. A stretch in which nothing is delivered is a rate of 0. Nothing of pumpcore is used for that.
"""

from __future__ import annotations

import json
from datetime import date
from functools import cache
from typing import Final

import pytest

from pumpcore.alarms import WATCHED, Kind, Priority, What
from pumpcore.pump.modes import Mode, State
from pumpcore.scenario import AlarmSpan, Run, examples, read, run
from pumpcore.scenario.as_json import as_json
from pumpcore.therapy.glucose import MmolL

MINUTE_US: Final = 60_000_000
HOUR_US: Final = 60 * MINUTE_US

Stretches = list[tuple[int, int]]
"""Minutes and uu/h."""


@cache
def done(name: str) -> Run:
    return run(read(name))


def steps_uu(stretches: Stretches, step_uu: int) -> int:
    """Insulin earned in these stretches, down to a whole step."""
    return sum(minutes * rate for minutes, rate in stretches) // 60 // step_uu * step_uu


def h(hours: int, minutes: int = 0) -> int:
    return hours * 60 + minutes


def at(result: Run, text: str) -> int:
    """The monotonic time at which the local clock comes to a reading such as `2026-01-16 06:50`."""
    local = result.scenario.calendar.local
    low, high = 0, result.scenario.end_us
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if f"{local(middle):%Y-%m-%d %H:%M}" < text else (low, middle)
    return low


def spans(result: Run, kind: Kind) -> list[AlarmSpan]:
    return [span for span in result.log.alarms.values() if span.kind is kind]


def modes(result: Run) -> list[tuple[str, str]]:
    """Local time and mode, where the mode changes after the start."""
    found, before = [], Mode.RUNNING
    for at_us, state in result.log.states:
        if at_us and state.mode is not before:
            found.append((f"{result.scenario.calendar.local(at_us):%d %H:%M}", state.mode.value))
            before = state.mode
    return found


def refused(result: Run) -> list[tuple[str, str, str]]:
    local = result.scenario.calendar.local
    return [(f"{local(each.at_us):%d %H:%M}", each.asked, each.error) for each in result.refusals]


ALL: Final = sorted(examples())


@pytest.mark.parametrize("name", ALL)
def test_the_same_scenario_gives_the_same_bytes(name: str) -> None:
    first, second = (json.dumps(as_json(each)) for each in (done(name), run(read(name))))
    assert first == second
    assert len(first) > 1_000


@pytest.mark.req("DEL-06")
@pytest.mark.parametrize("name", ALL)
def test_insulin_is_conserved(name: str) -> None:
    result = done(name)
    by_channel = {"basal": 0, "extended": 0, "bolus": 0, "priming": 0}
    for pulse in result.log.pulses.values():
        if pulse.fate != "failed":
            by_channel[pulse.channel] += pulse.amount_uu
    totals = result.totals
    assert by_channel == {
        "basal": totals.basal_uu,
        "extended": totals.extended_uu,
        "bolus": totals.bolus_uu,
        "priming": totals.priming_uu,
    }
    # What began as a bolus was delivered, was not, or is still to come.
    running = {bolus.id: bolus.remaining_uu for bolus in result.status.boluses}
    ended = result.log.boluses
    assert sum(bolus.programmed_uu for bolus in result.log.begun.values()) == (
        totals.bolus_uu
        + totals.extended_uu
        + sum(bolus.not_delivered_uu for bolus in ended.values())
        + sum(running.values())
    )
    assert all(pulse.fate != "outstanding" for pulse in result.log.pulses.values())


@pytest.mark.req("DEL-12", "RES-07")
@pytest.mark.parametrize("name", ALL)
def test_no_pulse_leaves_but_while_running_and_priming_never_does(name: str) -> None:
    result = done(name)
    states = result.log.states
    for pulse in result.log.pulses.values():
        if pulse.channel == "priming":
            # At the start all steps of a change are one instant; later each step ends with the order to prime.
            at_once = {state for at_us, state in states if at_us == pulse.at_us}
            before = {state for at_us, state in states if at_us < pulse.at_us and pulse.at_us - at_us == MINUTE_US}
            assert (at_once | before) & {State.PRIME, State.FILL}
        else:
            assert next(state for at_us, state in reversed(states) if at_us < pulse.at_us) is State.RUNNING


@pytest.mark.req("WCH-01", "WCH-02")
@pytest.mark.parametrize("name", ALL)
def test_no_two_hours_without_insulin_go_by_without_a_high_alarm(name: str) -> None:
    result = done(name)
    pulses = result.log.pulses.values()
    therapy = [each.at_us for each in pulses if each.channel != "priming" and each.fate == "confirmed"]
    high_us = result.scenario.config.settings.alarms.watch.high_us
    urgent = [span for span in result.log.alarms.values() if span.kind in WATCHED]
    ends = [*therapy[1:], result.scenario.end_us]
    for last_us, next_us in zip(therapy, ends, strict=True):
        for at_us in range(last_us + high_us, next_us, MINUTE_US):
            assert Priority.HIGH in {span.priority_at(at_us) for span in urgent}


# An ordinary day ------------------------------------------------------------------------------------------------------


@pytest.mark.req("SUS-07", "BOL-01", "BOL-02", "BOL-03")
def test_ordinary_day() -> None:
    result = done("ordinary_day")
    basal = [
        (h(3), 800_000),
        (h(3), 950_000),
        (h(4), 1_200_000),
        (h(7), 900_000),
        (h(3, 15), 1_050_000),
        (30, 0),  # in the bath
        (h(1, 15), 1_050_000),
        (h(2), 850_000),
    ]
    assert sum(minutes for minutes, _ in basal) == h(24)
    assert result.totals.basal_uu == steps_uu(basal, 25_000) == 22_775_000
    boluses = {bolus.at_us // MINUTE_US: bolus.fast_uu for bolus in result.log.begun.values()}
    # By the wizard's rule: 60 g / 10 + (7.9 - 6.5) / 2.2; 75 g / 10 inside the target; ...
    assert boluses[h(7, 30)] == 6_600_000
    assert boluses[h(12, 30)] == 7_500_000
    # ... 20:15 to 20:45 at 1.05 U/h is 0.525 U, offered at the resume and confirmed.
    assert boluses[h(20, 45)] == 525_000
    assert boluses.keys() == {h(7, 30), h(12, 30), h(15, 40), h(18, 30), h(20, 45)}
    assert result.totals.bolus_uu == sum(boluses.values())
    assert modes(result) == [("02 20:15", "suspended"), ("02 20:45", "running")]
    assert refused(result) == [("02 10:15", "bolus 25.0 U", "LimitError"), ("02 12:35", "prime 5.0 U", "ModeError")]
    assert spans(result, Kind.NO_DELIVERY_REMINDER)[0].raised_us == at(result, "2026-03-02 20:30")
    assert spans(result, Kind.DISCONNECT_OVER)[0].raised_us == at(result, "2026-03-02 20:45")
    assert spans(result, Kind.BOLUS_NOT_CONFIRMED)[0].raised_us == at(result, "2026-03-02 23:05") + 1
    assert result.status.battery_percent == 62
    assert len(result.status.last_24h.readings) == 288


@pytest.mark.req("TMP-01", "TMP-02", "TMP-03", "TMP-04")
def test_exercise_day() -> None:
    result = done("exercise_day")
    basal = [
        (h(4), 700_000),
        (h(5), 900_000),
        (h(1), 400_000),  # 50 % of 0.80
        (h(1, 30), 200_000),  # 25 %, cancelled at 11:30
        (h(2, 30), 800_000),
        (h(1), 0),
        (h(3), 800_000),
        (h(2, 1), 850_000),
        (h(2), 1_000_000),  # 120 % is 1.02, down to the device's step
        (h(1, 59), 850_000),
    ]
    assert sum(minutes for minutes, _ in basal) == h(24)
    assert result.totals.basal_uu == steps_uu(basal, 50_000) == 17_800_000
    assert [entry for entry in refused(result) if entry[2] != "LimitError"] == [
        ("20 16:00", "temp 33 % for 2 h", "QuantityError"),
        ("20 16:00", "temp 50 % for 45 min", "QuantityError"),
    ]
    assert ("20 16:00", "temp 50 % for 13 h", "LimitError") in refused(result)
    assert len(result.refusals) == 3
    # A zero temp basal ends by itself, and the watch counts it: nothing since the pulse at 14:00.
    assert [span.raised_us for span in spans(result, Kind.TBR_OVER)] == [h(15) * MINUTE_US, h(22, 1) * MINUTE_US]
    assert [span.raised_us for span in spans(result, Kind.NO_DELIVERY_MEDIUM)] == [h(15) * MINUTE_US]
    assert modes(result) == []


@pytest.mark.req("BOL-07", "BOL-08", "SUS-05", "SUS-06")
def test_pizza_evening() -> None:
    result = done("pizza_evening")
    basal = [(h(3), 1_100_000), (h(4, 45), 1_000_000), (10, 0), (5, 1_000_000), (h(4), 900_000)]
    assert sum(minutes for minutes, _ in basal) == h(12)
    assert result.totals.basal_uu == steps_uu(basal, 10_000) == 11_730_000
    first, pizza, made_up, late = result.log.begun.values()
    assert (first.kind, pizza.kind, made_up.kind, late.kind) == ("fast", "multiwave", "extended", "extended")
    assert (pizza.fast_uu, pizza.extended_uu, pizza.extended_us) == (3_000_000, 4_000_000, 3 * HOUR_US)
    # The pause of 10 min at 1.00 U/h is made up, and the multiwave bolus ends so much later, on the grid of 3 min.
    assert made_up.extended_uu in {160_000, 170_000}
    assert result.log.boluses[pizza.id].delivered_uu == 7_000_000
    last_us = max(
        pulse.at_us for pulse in result.log.pulses.values() if pulse.channel == "extended" and pulse.at_us < late.at_us
    )
    assert at(result, "2026-05-08 21:40") <= last_us <= at(result, "2026-05-08 21:43")
    # Half of the last one was due when it was stopped, but for the start delay of five seconds.
    assert result.log.boluses[late.id].delivered_uu in {740_000, 750_000}
    assert modes(result) == [("08 19:45", "suspended"), ("08 19:55", "running")]
    assert refused(result) == [
        ("08 19:00", "extended 3.0 U over 20 min", "QuantityError"),
        ("08 23:00", "cancel bolus", "QuantityError"),
    ]
    grid = {pulse.at_us % (3 * MINUTE_US) for pulse in result.log.pulses.values() if pulse.channel != "priming"}
    assert grid == {0}


# The failed pump night ------------------------------------------------------------------------------------------------


@pytest.mark.req("MOD-03", "RES-05")
def test_failed_pump_night() -> None:
    result = done("failed_pump_night")
    before = [(h(5, 50), 950_000)]
    after = [(h(3, 10), 1_150_000)]
    assert result.days[date(2026, 1, 15)].basal_uu == steps_uu(before, 25_000) == 5_525_000
    assert result.totals.basal_uu == steps_uu(before + after, 25_000) == 9_175_000
    extended = next(bolus for bolus in result.log.boluses.values() if bolus.extended_uu)
    assert extended.delivered_uu + extended.not_delivered_uu == 2_000_000
    assert extended.delivered_uu == 20 * 2_000_000 // 240 // 25_000 * 25_000
    assert modes(result) == [
        ("15 23:50", "alarm"),
        ("16 06:30", "reservoir_change"),
        ("16 06:45", "standby"),
        ("16 06:45", "reservoir_change"),
        ("16 06:50", "standby"),
        ("16 06:50", "running"),
    ]
    assert refused(result) == [
        ("16 06:20", "resume", "ModeError"),
        ("16 06:25", "bolus 3.0 U", "ModeError"),
        ("16 06:32", "reservoir change 180 U", "LimitError"),
    ]
    assert result.log.boluses[3].fast_uu == 5_300_000  # (20.4 - 7.0) / 2.5 is 5.36: cut to a stroke, down to a tenth
    assert not result.status.annunciations


@pytest.mark.req("WCH-01", "WCH-03", "ALM-05")
def test_four_hours_without_insulin_do_not_pass_unalarmed() -> None:
    result = done("failed_pump_night")
    stop_us, start_us = at(result, "2026-01-15 23:50"), at(result, "2026-01-16 06:50")
    therapy = [pulse.at_us for pulse in result.log.pulses.values() if pulse.channel != "priming"]
    last_us = max(at_us for at_us in therapy if at_us <= stop_us)
    next_us = min(at_us for at_us in therapy if at_us > stop_us)
    assert next_us > start_us > last_us + 4 * HOUR_US  # it is what the scenario is about
    (occlusion,) = spans(result, Kind.OCCLUSION_DETECTED)
    assert (occlusion.raised_us, occlusion.cleared_us) == (stop_us, start_us)
    assert occlusion.changes[1] == (stop_us + 10 * MINUTE_US, What.ESCALATED, Priority.HIGH)
    thresholds = {
        Kind.NO_DELIVERY_MEDIUM: last_us + HOUR_US,
        Kind.NO_DELIVERY_HIGH: last_us + 2 * HOUR_US,
        Kind.NO_DELIVERY_DANGER: last_us + 3 * HOUR_US + 30 * MINUTE_US,
    }
    assert {kind: spans(result, kind)[0].raised_us for kind in thresholds} == thresholds
    # At no instant from two hours on is there none of high priority, and from four hours on it is the danger itself.
    watched = [span for span in result.log.alarms.values() if span.kind in WATCHED]
    danger = spans(result, Kind.NO_DELIVERY_DANGER)[0]
    instants = {us for span in watched for us, _, _ in span.changes} | set(range(last_us, next_us, MINUTE_US))
    for us in sorted(each for each in instants if last_us + 2 * HOUR_US <= each < next_us):
        assert Priority.HIGH in {span.priority_at(us) for span in watched}
        assert us < last_us + 4 * HOUR_US or danger.priority_at(us) is Priority.HIGH
    assert danger.cleared_us is not None
    assert danger.cleared_us >= next_us
    assert result.log.sounds[Priority.HIGH] > 300


# Clocks and calendars -------------------------------------------------------------------------------------------------


@pytest.mark.req("TIM-02", "TIM-03", "TMP-01")
def test_dst_weekend() -> None:
    result = done("dst_weekend")
    saturday = [
        (h(2), 700_000),
        (h(1), 1_200_000),
        (h(11), 900_000),
        (h(5), 1_000_000),
        (h(2), 800_000),
        (h(3), 600_000),
    ]
    sunday = [
        (h(1), 700_000),
        (h(1), 350_000),  # 50 % from 01:00
        (h(1), 450_000),  # 02:00 is 03:00, and it lasts until 04:00
        (h(8), 900_000),
        (h(3), 900_000),  # London: 11:00 to 14:00
        (h(1), 800_000),  # the clock says 20:00
        (h(4), 1_000_000),  # and 15:00 again
        (h(2), 800_000),
        (h(2), 600_000),
    ]
    assert (sum(m for m, _ in saturday), sum(m for m, _ in sunday)) == (h(24), h(23))
    days = result.days
    assert result.scenario.end_us == 47 * HOUR_US
    assert days[date(2026, 3, 28)].basal_uu == steps_uu(saturday, 50_000) == 20_900_000
    assert result.totals.basal_uu == steps_uu(saturday + sunday, 50_000) == 39_900_000
    assert days[date(2026, 3, 29)].basal_uu == 19_000_000
    assert result.totals.bolus_uu == 2 * (5_000_000 + 6_500_000)
    assert [span.raised_us for span in spans(result, Kind.TBR_OVER)] == [27 * HOUR_US]
    assert (result.refusals, modes(result)) == ((), [])
    # The rate of 02:00, which Sunday has not, is never in force on it.
    assert [rate for at_us, rate in result.log.rates if at_us > 24 * HOUR_US].count(1_200_000) == 0
    assert result.status.profile == "every day"


@pytest.mark.req("PRF-03", "RES-08")
def test_work_week() -> None:
    result = done("work_week")
    weekday = [(h(4, 30), 700_000), (h(4, 30), 1_125_000), (h(13), 850_000), (h(2), 750_000)]
    weekend = [(h(7), 725_000), (h(5), 1_050_000), (h(11, 30), 900_000), (30, 750_000)]
    change = [(5, -1_050_000)]  # Saturday, 08:00 to 08:05
    week = [weekday, weekday, weekday, weekend, weekday, weekend + change, weekend]
    before, delivered = 0, []
    for number in range(1, 8):
        until = steps_uu([stretch for day in week[:number] for stretch in day], 1_000)
        delivered.append(until - before)
        before = until
    assert [totals.basal_uu for totals in result.days.values()] == delivered
    assert result.totals.basal_uu == before == 146_112_000
    assert [totals.bolus_uu for totals in result.days.values()] == [
        *[12_500_000] * 3,
        13_500_000,
        12_500_000,
        *[14_000_000] * 2,
    ]
    assert refused(result) == [("29 21:00", "profile illness", "LimitError")]
    assert [line.text for line in result.log.lines if line.topic == "settings"] == [
        "profiles in force: weekend",
        "profiles in force: weekday, weekend",
    ]
    assert spans(result, Kind.SET_AGE)[0].raised_us == 5 * 24 * HOUR_US
    assert modes(result)[0] == ("02 08:00", "suspended")
    assert modes(result)[-1] == ("02 08:05", "running")


# Reservoir, sensor, host ----------------------------------------------------------------------------------------------


@pytest.mark.req("RES-02", "RES-03", "RES-04", "RES-08", "BOL-06")
def test_reservoir_change_day() -> None:
    result = done("reservoir_change_day")
    day = [(h(6), 600_000), (h(16), 800_000), (h(2), 650_000)]
    # 90 U, less 9.5 for priming, three days and three boluses, leave 3.4 U: at 0.60 U/h until 05:40.
    left_uu = 90_000_000 - 9_500_000 - steps_uu(day * 3, 50_000) - 3 * 8_000_000
    assert left_uu == 3_400_000
    fourth = [(h(5, 40), 600_000), (h(3, 57), 800_000), (h(9, 40), 800_000), (h(2), 650_000)]
    assert [totals.basal_uu for totals in result.days.values()][:3] == [17_700_000] * 3
    assert result.totals.basal_uu == steps_uu(day * 3 + fourth, 50_000)
    assert result.totals.priming_uu == 3 * 9_500_000
    empty = spans(result, Kind.RESERVOIR_EMPTY)[0]
    assert empty.raised_us == at(result, "2026-09-04 05:40")
    low = spans(result, Kind.RESERVOIR_LOW)[0]
    assert [what for _, what, _ in low.changes][:3] == [What.RAISED, What.AGAIN, What.AGAIN]  # 20 U, 10 U, 5 U
    third_day_us = 3 * 24 * HOUR_US
    for kind in (Kind.SET_AGE, Kind.RESERVOIR_AGE):
        (span,) = spans(result, kind)
        assert (span.raised_us, span.cleared_us) == (third_day_us, at(result, "2026-09-04 08:00"))
    assert ("03 18:00", "bolus 9.0 U", "LimitError") in refused(result)
    assert [asked for _, asked, _ in refused(result)] == ["bolus 9.0 U", "start", "resume"]
    (removed,) = spans(result, Kind.RESERVOIR_ISSUE)
    assert removed.raised_us == at(result, "2026-09-04 12:02")
    # Two minutes of a bolus of 40 s per unit.
    assert result.days[date(2026, 9, 4)].bolus_uu == 3_000_000
    assert [span.kind for span in result.log.alarms.values() if span.kind is Kind.BATTERY_LOW] == [Kind.BATTERY_LOW]
    assert result.status.reservoir_uu is not None
    assert result.status.reservoir_uu == 150_000_000 - 9_500_000 - sum(
        pulse.amount_uu
        for pulse in result.log.pulses.values()
        if pulse.channel != "priming" and pulse.at_us > at(result, "2026-09-04 12:20")
    )
    assert modes(result)[:2] == [("04 05:40", "alarm"), ("04 08:00", "reservoir_change")]


@pytest.mark.req("GLU-04", "GLU-07", "GLU-08", "ADV-03")
def test_low_finger_stick() -> None:
    result = done("low_finger_stick")
    assert refused(result) == [
        ("03 08:00", "bolus 60 g", "LowGlucoseError"),
        ("03 08:10", "bolus 60 g", "LowGlucoseError"),
        ("03 13:00", "bolus 20 g", "LowGlucoseError"),
    ]
    assert "glucose was 3.2 mmol/L 10 min ago (meter)" in result.refusals[1].why
    assert "glucose was LO 30 min ago (sensor)" in result.refusals[2].why
    assert result.totals.bolus_uu == 5_800_000  # 60 g, less 0.2 U for 0.4 mmol/L below target
    assert modes(result) == [("03 12:05", "suspended"), ("03 14:05", "running")]
    (unread,) = spans(result, Kind.GLUCOSE_UNKNOWN)
    assert f"{result.scenario.calendar.local(unread.raised_us):%H:%M}" == "12:42"
    assert result.totals.basal_uu == steps_uu([(h(5, 5), 800_000), (h(1, 55), 800_000)], 25_000)


@pytest.mark.req("GLU-01", "GLU-02", "GLU-05")
def test_low_glucose_night() -> None:
    result = done("low_glucose_night")
    basal = [
        (h(3), 900_000),
        (5, 800_000),
        (h(1, 20), 0),  # suspended before low, and resumed by itself
        (h(1, 55), 800_000),
        (h(1), 0),  # again, and resumed by hand
        (40, 800_000),
        (h(1, 30), 1_000_000),
        (30, 400_000),  # by the controller
        (h(2), 1_000_000),
    ]
    assert sum(minutes for minutes, _ in basal) == h(12)
    assert result.totals.basal_uu == steps_uu(basal, 25_000) == 8_525_000
    assert modes(result) == [
        ("11 00:05", "suspended"),
        ("11 01:25", "running"),
        ("11 03:20", "suspended"),
        ("11 04:20", "running"),
    ]
    assert (
        min(reading.value.exact_mg_dl for reading in result.readings) > MmolL(36).exact_mg_dl
    )  # it never came to that
    assert refused(result) == [
        ("11 07:20", "controller 2.5 U/h for 30 min", "LimitError"),
        ("11 07:25", "controller bolus 1.0 U", "LimitError"),
    ]
    (lost,) = spans(result, Kind.SENSOR_LINK_LOST)
    assert lost.raised_us == at(result, "2026-02-11 05:30")  # 30 min after the reading of 05:00
    assert lost.cleared_us == at(result, "2026-02-11 06:05")
    (over,) = spans(result, Kind.CONTROLLER_EXPIRED)
    assert over.raised_us == at(result, "2026-02-11 07:00")
    assert result.totals.bolus_uu == 4_400_000 + 200_000 + 5_000_000


@pytest.mark.req("DEL-07", "DEL-09", "DEL-10", "LIM-04")
def test_unreliable_host() -> None:
    result = done("unreliable_host")
    # 1 U/h for eight hours, but for the time from the failed pulse (and its tenth of a second) to the resume at 04:05.
    earned_uu = (8 * 3_600 * 10 - (32 * 60 * 10 - 1)) * 1_000_000 // 36_000 // 50_000 * 50_000
    lost = {line.text.split(":")[0]: 0 for line in result.log.lines if line.topic == "missed"}
    for line in result.log.lines:
        if line.topic == "missed":
            lost[line.text.split(":")[0]] += line.amount_uu or 0
    assert result.totals.basal_uu + lost["basal"] == earned_uu == 7_450_000
    # Twenty minutes of sleep in a bolus of 40 s per unit that had run for one: half is lost, none comes in a burst.
    assert result.log.boluses[1].delivered_uu == result.log.boluses[1].not_delivered_uu == 1_500_000
    wake_us = at(result, "2026-10-01 01:21")
    burst = [pulse for pulse in result.log.pulses.values() if wake_us - 30_000_000 <= pulse.at_us <= wake_us]
    assert len(burst) <= 1
    assert result.totals.uncertain_uu == 2 * 50_000
    assert sum(1 for pulse in result.log.pulses.values() if pulse.fate == "failed") == 1
    assert modes(result) == [("01 03:33", "alarm"), ("01 04:00", "suspended"), ("01 04:05", "running")]
    assert refused(result) == [("01 05:10", "bolus 9.0 U", "LimitError"), ("01 05:20", "bolus 4.0 U", "LimitError")]
    (limit,) = spans(result, Kind.MAX_DELIVERY)
    assert limit.cleared_us == at(result, "2026-10-01 06:30")
    # No more than 10 U in any hour, whatever was asked for.
    pulses = sorted(
        (pulse.at_us, pulse.amount_uu) for pulse in result.log.pulses.values() if pulse.channel != "priming"
    )
    for at_us, _ in pulses:
        assert sum(amount_uu for us, amount_uu in pulses if at_us - HOUR_US < us <= at_us) <= 10_000_000


# The leaflet ----------------------------------------------------------------------------------------------------------


def test_the_scenarios_show_every_function_of_the_leaflet() -> None:
    """Each line is a function that the patient's leaflet names, and where it is to be seen."""
    day, week, night = done("ordinary_day"), done("work_week"), done("low_glucose_night")
    change, pizza, failed = done("reservoir_change_day"), done("pizza_evening"), done("failed_pump_night")
    shown = {
        "programmable basal": len({rate for _, rate in day.log.rates}) >= 6,
        "weekdays and weekends": week.days[date(2026, 5, 1)].basal_uu != week.days[date(2026, 5, 3)].basal_uu,
        "temporary basal": any(line.topic == "temp" for line in done("exercise_day").log.lines),
        "bolus suggested, then approved": any(line.topic == "calculator" for line in day.log.lines),
        "extended bolus": pizza.totals.extended_uu > 0,
        "reservoir, with the amount left": day.status.reservoir_uu is not None,
        "infusion set changed every third day": bool(spans(change, Kind.SET_AGE)),
        "disconnecting for a bath": bool(spans(day, Kind.DISCONNECT_OVER)),
        "battery status": day.status.battery_percent is not None and bool(spans(change, Kind.BATTERY_LOW)),
        "sensor link": bool(spans(night, Kind.SENSOR_LINK_LOST)),
        "24 hours of glucose": len(day.status.last_24h.readings) == 288,
        "alarm after hours without insulin": bool(spans(failed, Kind.NO_DELIVERY_DANGER)),
        "delivery stopped and raised by itself": any("suspend" in state.value for _, state in night.log.states),
    }
    assert [name for name, seen in shown.items() if not seen] == []
