"""The world around a pump: latencies, sleep, faults and OK presses, one small scenario for each."""

from __future__ import annotations

from typing import Final

import pytest

from pumpcore.alarms import Kind, Priority, What
from pumpcore.errors import InvariantError, ModeError
from pumpcore.pump import Pump, events
from pumpcore.pump.effects import StepsMissed
from pumpcore.pump.modes import Mode, State
from pumpcore.scenario import Run, Totals, read_text, run
from pumpcore.scenario.timeline import AlarmSpan, minutes

MINUTE_US: Final = 60_000_000
HOUR_US: Final = 60 * MINUTE_US

HEAD: Final = """
title = "small"
[pump]
device = "generic-0.05"
start = "2026-03-02 00:00"
zone = "UTC"
end = "2026-03-02 06:00"
reservoir = "100"
"""
REST: Final = """
[limits]
max_basal = "3"
max_temp_basal = "4"
max_temp_percent = "200"
max_bolus = "12"
max_iob = "20"
max_hour = "15"
max_day = "90"
[[profile]]
name = "plain"
"00:00" = "1.00"
[[profile]]
name = "more"
"00:00" = "2.00"
[week]
all = "plain"
"""


def happen(*entries: str, pump: str = "", rest: str = "") -> Run:
    listed = "".join(f'"{entry}",\n' for entry in entries)
    return run(read_text(f"events = [{listed}]{HEAD}{pump}{REST}{rest}", name="small.toml"))


def lines(result: Run, topic: str) -> list[tuple[int, str]]:
    return [(line.at_us, line.text) for line in result.log.lines if line.topic == topic]


def refusals(result: Run) -> list[tuple[str, str]]:
    return [(each.asked, each.error) for each in result.refusals]


def test_a_running_pump_delivers_its_profile_and_nothing_else() -> None:
    result = happen()
    assert result.totals == Totals(basal_uu=6_000_000, priming_uu=10_300_000)
    assert result.status.reservoir_uu == 100_000_000 - 10_300_000 - 6_000_000
    assert {pulse.fate for pulse in result.log.pulses.values()} == {"confirmed"}
    assert [pulse.at_us for pulse in result.log.pulses.values()][2:4] == [3 * MINUTE_US, 6 * MINUTE_US]
    assert result.refusals == ()


def test_a_pump_in_standby_delivers_nothing_and_a_start_without_reservoir_is_refused() -> None:
    result = happen("01:00 start", pump='begins = "standby"')
    assert result.totals == Totals()
    assert [(each.at_us, each.where, each.asked, each.error) for each in result.refusals] == [
        (HOUR_US, "line 1, events[0]", "start", "ModeError")
    ]
    assert lines(result, "refused") == [(HOUR_US, f"start: {result.refusals[0].why}")]
    assert result.status.mode is Mode.STANDBY


def test_a_change_from_standby_starts_five_minutes_later() -> None:
    result = happen("01:00 reservoir change 50 U", pump='begins = "standby"')
    assert result.log.states[-1] == (HOUR_US + 5 * MINUTE_US, State.RUNNING)
    assert [at_us // MINUTE_US for at_us, _ in result.log.states[1:]] == [60, 61, 62, 63, 64, 65, 65]
    assert result.totals == Totals(basal_uu=4_900_000, priming_uu=10_300_000)  # 4 h 55 min, down to a step


def test_a_change_while_running_stops_first_and_one_that_is_refused_can_begin_anew() -> None:
    result = happen("01:00 reservoir change 400 U", "02:00 reservoir change 50 U")
    assert refusals(result) == [("reservoir change 400 U", "LimitError")]
    assert result.status.mode is Mode.RUNNING
    assert result.totals.basal_uu == 1_000_000 + 3_900_000  # until 01:00, and from 02:05 on


def test_pulses_are_confirmed_after_the_stated_time() -> None:
    result = happen(pump="confirm_ms = 20000")
    assert result.status.without_insulin_us == 0  # the last pulse, due at the end, is confirmed there
    late = happen(pump="confirm_ms = 31000")  # after the pump has given each of them up
    assert late.log.alarms
    assert {pulse.fate for pulse in late.log.pulses.values()} == {"confirmed"}
    assert not happen(pump="confirm_ms = 29000").log.alarms


def test_at_one_instant_the_outcome_comes_before_the_deadline() -> None:
    # The pump would give each pulse up at the very instant of its confirmation.
    assert not happen(pump="confirm_ms = 30000").log.alarms


def test_ok_twice_delivers_once() -> None:
    once = happen("01:00 bolus 2.0 U, confirm")
    twice = happen("01:00 bolus 2.0 U, confirm, confirm again", "01:02 confirm again")
    assert twice.totals == once.totals == Totals(basal_uu=6_000_000, bolus_uu=2_000_000, priming_uu=10_300_000)
    assert lines(twice, "bolus") == lines(once, "bolus")
    assert not twice.refusals


def test_ok_to_nothing_is_refused() -> None:
    result = happen("01:00 confirm", "01:01 reject", "01:02 confirm again", "01:03 cancel bolus", "01:04 cancel temp")
    assert refusals(result) == [
        ("confirm", "QuantityError"),
        ("reject", "QuantityError"),
        ("confirm again", "QuantityError"),
        ("cancel bolus", "QuantityError"),
        ("cancel temp", "ModeError"),
    ]


def test_ok_means_the_latest_proposal() -> None:
    result = happen("01:00 bolus 2.0 U", "01:01 bolus 3.0 U, confirm", "01:02 bolus 4.0 U, reject", "01:03 confirm")
    assert [bolus.fast_uu for bolus in result.log.begun.values()] == [3_000_000]
    assert refusals(result) == [("confirm", "QuantityError")]


def test_a_refused_request_leaves_nothing_to_confirm() -> None:
    result = happen("01:00 bolus 2.0 U", "01:01 bolus 30.0 U, confirm")
    assert refusals(result) == [("bolus 30.0 U", "LimitError"), ("confirm", "QuantityError")]
    assert not result.log.begun


def test_cancel_stops_every_bolus() -> None:
    result = happen("01:00 extended 4.0 U over 2 h, confirm", "01:30 bolus 2.0 U, confirm, cancel bolus")
    ended = {key: (bolus.delivered_uu, bolus.not_delivered_uu) for key, bolus in result.log.boluses.items()}
    assert ended == {1: (1_000_000, 3_000_000), 2: (0, 2_000_000)}
    assert result.totals.extended_uu == 1_000_000
    # The first one is over once the outcome of its last pulse is known.
    assert result.log.ended == {1: 90 * MINUTE_US + 100_000, 2: 90 * MINUTE_US}


def test_temp_basals() -> None:
    result = happen("01:00 temp 50 % for 1 h", "03:00 temp 2.0 U/h for 30 min, confirm", "04:00 temp 0 U/h for 30 min")
    assert [(at_us // MINUTE_US, rate) for at_us, rate in result.log.rates] == [
        (0, 1_000_000),
        (60, 500_000),
        (120, 1_000_000),
        (180, 2_000_000),
        (210, 1_000_000),
        (240, 0),
        (270, 1_000_000),
    ]
    assert result.totals.basal_uu == 6_000_000 - 500_000 + 500_000 - 500_000


def test_profiles_by_hand() -> None:
    result = happen("01:00 profile more, confirm", "02:00 week, confirm")
    assert result.totals.basal_uu == 7_000_000
    assert [text for _, text in lines(result, "settings")] == ["profiles in force: more", "profiles in force: plain"]


def test_a_sleeping_host_does_nothing_until_it_wakes() -> None:
    result = happen("01:00 host asleep 20 min", "01:10 suspend")
    missed = sum(amount_uu for _, amount_uu in result.log.missed)
    # Pulses are due each 3 min: those of 01:03 to 01:18 are too late at 01:20.
    assert missed == 6 * 50_000
    assert result.totals.missed_uu == missed
    assert result.log.states[-1] == (80 * MINUTE_US, State.SUSPENDED)
    assert [text for _, text in lines(result, "missed")] == ["basal: not delivered, the host came late: 0.300 U"]
    assert any(span.kind is Kind.STEPS_MISSED for span in result.log.alarms.values())


def test_the_next_pulse_fails() -> None:
    result = happen("01:00 pulse failed", "01:30 fault gone mechanical_issue, confirm alarms", "02:00 resume")
    (failed,) = [pulse for pulse in result.log.pulses.values() if pulse.fate == "failed"]
    assert (failed.at_us, failed.channel) == (63 * MINUTE_US, "basal")
    stopped = [(at_us, state) for at_us, state in result.log.states if at_us > 0]
    assert stopped == [
        (63 * MINUTE_US + 100_000, State.ALARM),
        (90 * MINUTE_US, State.SUSPENDED),
        (120 * MINUTE_US, State.RUNNING),
    ]
    # 63 minutes and a tenth of a second, and four hours, less the step that failed
    assert result.totals.basal_uu == 1_050_000 + 4_000_000 - 50_000
    assert result.totals.missed_uu == 50_000


@pytest.mark.parametrize(("entry", "after_us"), [("pulse unknown", 100_000), ("pulse unanswered", 30_000_000)])
def test_an_uncertain_pulse_counts_as_delivered_and_is_said(entry: str, after_us: int) -> None:
    result = happen(f"01:00 {entry}")
    assert result.totals == Totals(basal_uu=6_000_000, uncertain_uu=50_000, priming_uu=10_300_000)
    (span,) = result.log.alarms.values()
    assert span.raised_us == 63 * MINUTE_US + after_us


def test_a_fault_stops_and_lasts_until_it_is_gone_and_confirmed() -> None:
    result = happen("01:00 fault system_issue", "01:10 confirm alarms", "01:20 fault gone system_issue", "01:30 resume")
    (span,) = [each for each in result.log.alarms.values() if each.kind is Kind.SYSTEM_ISSUE]
    assert (span.raised_us, span.cleared_us) == (60 * MINUTE_US, 80 * MINUTE_US)
    assert result.totals.basal_uu == 1_000_000 + 4_500_000
    assert not result.refusals


def test_snooze_and_audio_pause() -> None:
    result = happen("01:00 suspend", "01:20 snooze alarms 10 min", "01:21 pause audio 2 min", "01:22 pause audio 3 min")
    (span, *_) = result.log.alarms.values()
    assert [(at_us // MINUTE_US, what) for at_us, what, _ in span.changes][:3] == [
        (75, What.RAISED),
        (80, What.SNOOZED),
        (90, What.AGAIN),
    ]
    assert refusals(result) == [("pause audio 3 min", "LimitError")]


def test_sensor() -> None:
    curve = '[sensor]\nunit = "mmol/L"\npoints = ["00:00 6.0", "06:00 6.0"]\n'
    result = happen("01:00 sensor lost", "02:00 sensor back", "03:01 sensor every 2 min: 5.0 5.1 mmol/L", rest=curve)
    heard = [reading.at_us // MINUTE_US for reading in result.readings]
    assert [minute for minute in heard if minute % 5] == [181, 183]
    # At 01:00 and 02:00 the reading comes before the entry.
    assert 60 in heard
    assert not [minute for minute in heard if 60 < minute <= 120]
    assert 125 in heard
    (span,) = result.log.alarms.values()
    assert (span.kind, span.raised_us) == (Kind.SENSOR_LINK_LOST, 90 * MINUTE_US)
    assert result.status.sensor_link.name == "LINKED"


def test_readings_too_close_are_refused() -> None:
    result = happen("01:00 sensor every 30 s: 5.0 5.1 mmol/L")
    assert refusals(result) == [("sensor every 30 s: 5.0 5.1 mmol/L", "QuantityError")]


def test_glucose_may_come_in_any_unit_and_as_lo_or_hi() -> None:
    result = happen("01:00 glucose 6.0 mmol/L", "01:05 glucose 110 mg/dL", "01:10 glucose LO")
    assert refusals(result) == []
    assert [str(reading.value) for reading in result.fingers] == ["6.0 mmol/L", "110 mg/dL", "LO"]
    sensor = happen("01:00 sensor every 5 min: 2.7 LO HI mmol/L")
    assert [str(reading.value) for reading in sensor.readings] == ["2.7 mmol/L", "LO", "HI"]
    assert [str(reading.value) for reading in happen("01:00 sensor every 5 min: LO HI").readings] == ["LO", "HI"]


def test_advice_without_a_calculator_is_refused() -> None:
    assert refusals(happen("01:00 bolus 60 g")) == [("bolus 60 g", "ModeError")]


def test_clock_and_zone_neither_make_nor_lose_insulin() -> None:
    result = happen(
        "01:00 clock set 2026-03-02 05:30",
        "02:00 zone Europe/Copenhagen",
        "03:00 clock set 2026-03-29 02:30",
        "04:00 clock set 2026-03-02 04:00",
    )
    assert result.totals.basal_uu == 6_000_000
    assert [text for _, text in lines(result, "clock")] == [
        "pump's clock moved forward by 4 h 30 min, zone UTC",
        "pump's clock not moved, zone Europe/Copenhagen",
        "pump's clock moved back by 5 h 30 min, zone Europe/Copenhagen",
    ]
    assert refusals(result) == [("clock set 2026-03-29 02:30", "QuantityError")]  # the clocks skip it


def test_a_controller_is_refused_until_it_is_allowed() -> None:
    entries = ("01:00 controller bolus 0.2 U", "02:00 controller 0.5 U/h for 30 min")
    off = happen(*entries)
    assert [error for _, error in refusals(off)] == ["LimitError", "LimitError"]
    allowed = '[controller]\nmax_rate = "1"\nmax_bolus = "0.3"\nmax_time = "1 h"\n'
    assert happen(*entries, rest=allowed).totals == Totals(5_750_000, 0, 200_000, 0, 0, 10_300_000)


def test_nothing_is_lost_between_the_reservoir_and_the_totals() -> None:
    result = happen("01:00 bolus 3.0 U, confirm", "02:00 extended 2.0 U over 1 h, confirm", "02:10 pulse unknown")
    used_uu = result.totals.total_uu + result.totals.priming_uu
    assert result.status.reservoir_uu == 100_000_000 - used_uu
    assert result.totals.total_uu == 11_000_000


def test_a_pump_that_refuses_the_passing_of_time_is_a_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    real = Pump.step

    def step(self: Pump, event: events.Event) -> object:
        if type(event) is events.Tick and event.at_us > HOUR_US:
            raise ModeError("running", "tick")
        return real(self, event)

    monkeypatch.setattr(Pump, "step", step)
    with pytest.raises(InvariantError, match="refuses that time passes: cannot tick in mode running"):
        happen()


def test_what_is_missed_one_after_the_other_is_one_line() -> None:
    log = happen().log
    log.lines.clear()
    log.take(StepsMissed(10, "basal", 0, 1, 50_000, "cap"))
    log.take(StepsMissed(20, "basal", 0, 2, 100_000, "cap"))
    log.take(StepsMissed(30, "bolus", 1, 4, 200_000, "cap"))
    assert [(line.text, line.amount_uu) for line in log.lines] == [
        ("basal: not delivered, a cap withheld it: 0.150 U", 150_000),
        ("bolus: not delivered, a cap withheld it: 0.200 U", 200_000),
    ]
    assert log.missed == [(10, 50_000), (20, 100_000), (30, 200_000)]


def test_alarm_span_knows_its_priority_at_every_instant() -> None:
    span = AlarmSpan(
        1, Kind.NO_DELIVERY_MEDIUM, [(10, What.RAISED, Priority.MEDIUM), (20, What.ESCALATED, Priority.HIGH)]
    )
    span.cleared_us = 30
    assert [span.priority_at(at_us) for at_us in (9, 10, 19, 20, 29, 30)] == [
        None,
        Priority.MEDIUM,
        Priority.MEDIUM,
        Priority.HIGH,
        Priority.HIGH,
        None,
    ]
    assert (span.raised_us, span.priority) == (10, Priority.HIGH)


def test_spans_are_written_in_hours_and_minutes() -> None:
    assert [minutes(at * MINUTE_US) for at in (0, 59, 60, 61, 1_500)] == ["0 min", "59 min", "1 h", "1 h 1 min", "25 h"]


@pytest.mark.req("DEL-12", "SUS-01")
def test_a_stop_between_two_instants_of_the_grid_stops_what_waits_for_the_next() -> None:
    text = f'events = ["01:01 suspend"]{HEAD}{REST}'.replace("generic-0.05", "roche-combo")
    result = run(read_text(text, name="small.toml"))
    therapy = [pulse.at_us for pulse in result.log.pulses.values() if pulse.channel != "priming"]
    assert max(therapy) == HOUR_US  # the grid is of three minutes
