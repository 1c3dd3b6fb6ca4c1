"""Glucose, low-glucose suspend, the controller and the calculator on a pump."""

# mypy takes what a step may change to stay as it was last seen.
# mypy: disable-error-code="comparison-overlap,unreachable"

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import pytest
from pumps import DAY, LIMITS, MIN, Bench, H, U, is_refused, only, plan_of, those

from pumpcore.alarms import Kind
from pumpcore.errors import ModeError
from pumpcore.pump import Calculator, events
from pumpcore.pump.effects import BolusCalculated, BolusProgrammed, ModeChanged, Proposed, ReadingDropped, TempStarted
from pumpcore.pump.events import Activation, SuspendCause
from pumpcore.pump.modes import State
from pumpcore.therapy.best_glucose import Measured
from pumpcore.therapy.calculator import LowGlucoseError
from pumpcore.therapy.envelope import BolusRequest, ControllerBounds, RateRequest
from pumpcore.therapy.glucose import Beyond, Kept, Link, MgDl, MmolL, Quality, Reading
from pumpcore.therapy.low_suspend import LOW_PRESETS, LowSettings

THRESHOLD: Final = LowSettings(LOW_PRESETS["medtronic-530g"], MgDl(60))
PREDICTIVE: Final = LowSettings(LOW_PRESETS["medtronic-640g"], MgDl(60))
CALCULATOR: Final = Calculator(
    policy="tandem",
    carb_ratio_mg_per_u=10_000,
    sensitivity=MgDl(40),
    target_low=MgDl(90),
    target_high=MgDl(120),
)
BASAL_IQ: Final = LowSettings(LOW_PRESETS["tandem-basal-iq"], MgDl(80))


def reads(bench: Bench, at_us: int, mg_per_dl: int) -> None:
    """Go to an instant at which the sensor sends a reading."""
    bench.to(at_us)
    bench.do(events.GlucoseMeasured(at_us, Reading(at_us, MgDl(mg_per_dl))))


@pytest.mark.req("GLU-01")
def test_the_last_24_hours_and_the_link_are_shown_and_a_lost_link_is_told() -> None:
    bench = Bench(plan=plan_of((0, 50_000))).start()
    assert bench.status.sensor_link is Link.NEVER
    for at_us in range(0, 26 * H, 5 * MIN):
        reads(bench, at_us, 110)
    assert bench.status.sensor_link is Link.LINKED
    assert len(bench.status.last_24h.readings) == 288
    assert bench.status.last_24h.readings[0].at_us == 2 * H
    last_us = 26 * H - 5 * MIN
    bench.to(last_us + 30 * MIN - 1)
    assert bench.alarm(Kind.SENSOR_LINK_LOST) is None
    bench.to(last_us + 30 * MIN + 1)
    assert bench.alarm(Kind.SENSOR_LINK_LOST) is not None
    assert bench.status.sensor_link is Link.LOST


@pytest.mark.req("GLU-01")
def test_a_meter_is_no_sensor() -> None:
    bench = Bench().start()
    bench.do(events.GlucoseMeasured(0, Reading(0, MgDl(110)), by_meter=True))
    assert bench.status.sensor_link is Link.NEVER
    assert bench.status.last_24h.latest is None
    assert bench.status.meter_24h.latest == bench.status.glucose.reading is not None


@pytest.mark.req("GLU-01", "TIM-04")
def test_a_reading_from_the_future_or_in_another_unit_is_refused() -> None:
    bench = Bench().start()
    assert is_refused(bench.pump, events.GlucoseMeasured(0, Reading(1, MgDl(110))))


# Low-glucose suspend --------------------------------------------------------------------------------------------------


@pytest.mark.req("STA-02", "GLU-02")
def test_nothing_is_suspended_for_glucose_until_it_is_turned_on() -> None:
    bench = Bench().start()
    reads(bench, 0, 40)
    assert bench.status.state is State.RUNNING


@pytest.mark.req("GLU-02", "SUS-02", "WCH-02")
def test_a_low_suspends_and_after_two_hours_delivery_goes_on_by_itself() -> None:
    bench = Bench(low_suspend=THRESHOLD).start()
    for at_us in range(0, 3 * H, 5 * MIN):
        reads(bench, at_us, 55)
        expected = State.SUSPENDED if at_us < 2 * H else State.RUNNING
        assert bench.status.state is expected
        if at_us == 0:
            assert bench.status.cause is SuspendCause.LOW_GLUCOSE
            assert bench.alarm(Kind.GLUCOSE_LOW) is not None
    changes = those(ModeChanged, bench.effects)
    assert [each.at_us for each in changes[-2:]] == [0, 2 * H]
    assert bench.insulin(since_us=2 * H) > 0


@pytest.mark.req("GLU-03")
def test_after_the_longest_suspend_it_stays_away_for_four_hours() -> None:
    bench = Bench(low_suspend=THRESHOLD, plan=plan_of((0, 500_000))).start()
    states = {}
    for at_us in range(0, 7 * H, 5 * MIN):
        reads(bench, at_us, 55)
        states[at_us] = bench.status.state
    suspended = [at_us for at_us, state in states.items() if state is State.SUSPENDED]
    assert suspended == [*range(0, 2 * H, 5 * MIN), *range(6 * H, 7 * H, 5 * MIN)]


@pytest.mark.req("GLU-03", "SUS-02")
def test_after_a_resume_by_hand_it_stays_away_for_half_an_hour() -> None:
    bench = Bench(low_suspend=THRESHOLD).start()
    reads(bench, 0, 55)
    bench.to(10 * MIN)
    bench.do(events.Resume(10 * MIN))
    for at_us in range(15 * MIN, 40 * MIN, 5 * MIN):
        reads(bench, at_us, 55)
        assert bench.status.state is State.RUNNING
    reads(bench, 40 * MIN, 55)
    assert bench.status.state is State.SUSPENDED


@pytest.mark.req("GLU-03")
def test_after_a_recovery_it_does_not_stay_away() -> None:
    bench = Bench(low_suspend=PREDICTIVE).start()
    for minutes in range(0, 36, 5):
        reads(bench, minutes * MIN, 58 + 2 * minutes)
        assert bench.status.state is (State.SUSPENDED if minutes < 30 else State.RUNNING)
    reads(bench, 60 * MIN, 58)
    assert bench.status.state is State.SUSPENDED


@pytest.mark.req("GLU-02")
def test_in_its_window_no_more_than_its_longest_is_suspended() -> None:
    bench = Bench(low_suspend=BASAL_IQ, plan=plan_of((0, 500_000))).start()
    spans: list[tuple[int, State]] = []
    for at_us in range(0, 16 * H, 5 * MIN):
        reads(bench, at_us, 60 if at_us // (5 * MIN) % 20 else 90)
        spans.append((at_us, bench.status.state))
    for end in range(30, len(spans)):
        window = spans[end - 30 : end]
        assert sum(5 for _, state in window if state is State.SUSPENDED) <= 125


@pytest.mark.req("GLU-04", "TIM-06")
@pytest.mark.parametrize("then", [None, Quality.DOUBTFUL, "meter"])
def test_a_suspend_goes_on_without_readings_to_its_longest_time_and_says_so(then: object) -> None:
    bench = Bench(low_suspend=THRESHOLD).start()
    reads(bench, 0, 55)
    bench.to(5 * MIN)
    if then is not None:
        good = Quality.GOOD if then == "meter" else Quality.DOUBTFUL
        bench.do(events.GlucoseMeasured(5 * MIN, Reading(5 * MIN, MgDl(150), good), by_meter=then == "meter"))
    bench.to(12 * MIN)
    assert (bench.status.state, bench.alarm(Kind.GLUCOSE_UNKNOWN)) == (State.SUSPENDED, None)
    bench.to(12 * MIN + 1)
    told = bench.alarm(Kind.GLUCOSE_UNKNOWN)
    assert bench.status.state is State.SUSPENDED
    assert told is not None
    bench.to(2 * H)
    assert bench.status.state is State.RUNNING
    bench.confirm_all(2 * H)
    assert bench.alarm(Kind.GLUCOSE_UNKNOWN) is None


@pytest.mark.req("GLU-04", "GLU-07")
def test_a_meter_neither_suspends_nor_bends_the_trend() -> None:
    bench = Bench(low_suspend=PREDICTIVE).start()
    for minutes in range(0, 31, 5):
        reads(bench, minutes * MIN, 144)
        at_us = (minutes + 1) * MIN
        bench.to(at_us)
        bench.do(events.GlucoseMeasured(at_us, Reading(at_us, MgDl(86 if minutes == 15 else 45)), by_meter=True))
        assert bench.status.state is State.RUNNING


@pytest.mark.req("GLU-07", "GLU-08", "ADV-03")
def test_a_low_finger_stick_beside_a_sensor_is_not_overlooked() -> None:
    bench = Bench(calculator=CALCULATOR).start()
    bench.do(events.GlucoseMeasured(5, Reading(5, MmolL(80))))
    bench.to(MIN // 2)
    bench.do(events.GlucoseMeasured(MIN // 2, Reading(MIN // 2, MmolL(32)), by_meter=True))
    with pytest.raises(LowGlucoseError, match=r"glucose is 3\.2 mmol/L"):
        bench.do(events.AskAdvice(MIN // 2, 60_000))
    reads(bench, 5 * MIN, 150)  # the sensor, too soon after
    with pytest.raises(LowGlucoseError, match=r"glucose was 3\.2 mmol/L 4 min ago \(meter\), below 70 mg/dL"):
        bench.do(events.AskAdvice(5 * MIN, 60_000))
    bench.to(14 * MIN)
    with pytest.raises(LowGlucoseError, match=r"glucose was 3\.2 mmol/L 13 min ago \(meter\)"):
        bench.do(events.AskAdvice(14 * MIN, 60_000))
    reads(bench, 16 * MIN, 150)
    assert only(BolusCalculated, bench.do(events.AskAdvice(16 * MIN, 60_000))).advice.suggested_uu > 0


@pytest.mark.req("GLU-08")
def test_after_an_hour_without_a_reading_food_alone_is_counted_and_the_low_is_named() -> None:
    bench = Bench(calculator=CALCULATOR).start()
    low = Reading(0, Beyond.LO)
    bench.do(events.GlucoseMeasured(0, low))
    bench.to(H - 1)
    assert is_refused(bench.pump, events.AskAdvice(H - 1, 60_000))
    bench.to(H)
    advice = only(BolusCalculated, bench.do(events.AskAdvice(H, 60_000))).advice
    assert (advice.correction_uu, advice.low) == (0, Measured(low, by_meter=False))
    assert advice.suggested_uu == 6 * U


@pytest.mark.req("GLU-09")
def test_no_reading_is_dropped_without_a_word() -> None:
    bench = Bench().start()
    bench.to(DAY)
    reading = Reading(DAY, MgDl(100))
    assert those(ReadingDropped, bench.do(events.GlucoseMeasured(DAY, reading))) == []
    again = only(ReadingDropped, bench.do(events.GlucoseMeasured(DAY, reading)))
    assert (again.reading, again.by_meter, again.reason) == (reading, False, Kept.REPEATED)
    assert those(ReadingDropped, bench.do(events.GlucoseMeasured(DAY, reading, by_meter=True))) == []
    old = only(ReadingDropped, bench.do(events.GlucoseMeasured(DAY, Reading(0, MgDl(60)), by_meter=True)))
    assert (old.reading.value, old.by_meter, old.reason) == (MgDl(60), True, Kept.TOO_OLD)
    assert len(bench.status.meter_24h.readings) == len(bench.status.last_24h.readings) == 1


@pytest.mark.req("GLU-04")
def test_a_reading_that_is_not_for_dosing_suspends_nothing() -> None:
    bench = Bench(low_suspend=THRESHOLD).start()
    bench.do(events.GlucoseMeasured(0, Reading(0, MgDl(45), Quality.DOUBTFUL)))
    assert bench.status.state is State.RUNNING


@pytest.mark.req("SUS-02", "MOD-03", "GLU-02")
@pytest.mark.parametrize("what", ["suspend", "fault", "change"])
def test_what_a_person_or_a_fault_has_overlaid_does_not_end_by_itself(what: str) -> None:
    bench = Bench(low_suspend=PREDICTIVE).start()
    reads(bench, 0, 58)
    assert bench.status.state is State.SUSPENDED
    if what == "suspend":
        bench.do(events.Suspend(MIN))
    elif what == "fault":
        bench.do(events.FaultDetected(MIN, Kind.OCCLUSION_DETECTED))
        bench.do(events.FaultGone(MIN, Kind.OCCLUSION_DETECTED))
        bench.confirm_all(MIN)
    else:
        bench.change(MIN)
    for minutes in range(5, 200, 5):
        reads(bench, minutes * MIN, min(58 + minutes, 200))
        assert bench.status.state is (State.STANDBY if what == "change" else State.SUSPENDED)


@pytest.mark.req("MOD-11", "WCH-01", "GLU-02")
@pytest.mark.parametrize("what", ["fault", "removed", "limits", "change", "battery"])
def test_the_end_of_a_low_glucose_suspend_never_refuses_a_fact(what: str) -> None:
    bench = Bench(low_suspend=THRESHOLD).start()
    reads(bench, 0, 55)
    happens: dict[str, events.Event] = {
        "fault": events.FaultDetected(MIN, Kind.OCCLUSION_DETECTED),
        "removed": events.ReservoirRemoved(MIN),
        "limits": bench.choosing(MIN, limits=type(LIMITS)()),
        "change": events.BeginChange(MIN, set_off_body=True),
        "battery": events.BatteryMeasured(MIN, 0),
    }
    bench.do(happens[what])
    for minutes in range(5, 240, 5):
        reads(bench, minutes * MIN, 55 + minutes // 4)
        assert bench.status.state is not State.RUNNING
    assert bench.alarm(Kind.NO_DELIVERY_DANGER) is not None


@pytest.mark.req("ALM-03")
def test_the_alarm_of_a_low_ends_when_glucose_is_no_longer_low() -> None:
    bench = Bench(low_suspend=PREDICTIVE).start()
    for minutes, value in ((0, 58), (10, 70), (20, 90), (31, 120), (36, 150), (41, 180)):
        reads(bench, minutes * MIN, value)
    bench.confirm_all(41 * MIN)
    assert bench.alarm(Kind.GLUCOSE_LOW) is None


# The controller -------------------------------------------------------------------------------------------------------

BOUNDS: Final = ControllerBounds(max_rate_uu_per_h=3 * U, max_bolus_uu=500_000, max_duration_us=H, max_age_us=5 * MIN)


def rate(number: int, at_us: int = 0, **changes: int) -> RateRequest:
    return replace(RateRequest(id=number, at_us=at_us, rate_uu_per_h=2 * U, duration_us=30 * MIN), **changes)


def bolus(number: int, at_us: int = 0, amount_uu: int = 500_000) -> BolusRequest:
    return BolusRequest(id=number, at_us=at_us, amount_uu=amount_uu)


@pytest.mark.req("STA-02", "GLU-05")
@pytest.mark.parametrize("request_", [rate(1), bolus(1), rate(1, rate_uu_per_h=0)])
def test_a_controller_may_ask_for_nothing_until_a_person_has_chosen(request_: RateRequest | BolusRequest) -> None:
    assert is_refused(Bench().start().pump, events.ControllerAsks(0, request_))


@pytest.mark.req("GLU-05", "TMP-01")
def test_what_a_controller_asked_for_expires_and_then_the_profile_applies() -> None:
    bench = Bench(controller=BOUNDS).start()
    started = only(TempStarted, bench.do(events.ControllerAsks(0, rate(1))))
    assert (started.until_us, started.rate_uu_per_h) == (30 * MIN, 2 * U)
    bench.to(30 * MIN)
    assert (bench.status.rate_uu_per_h, bench.status.rate_reason) == (U, "profile")
    assert bench.insulin() == U
    bench.to(H)
    assert bench.insulin() == 1_500_000


@pytest.mark.req("GLU-05", "LIM-01")
@pytest.mark.parametrize(
    "request_",
    [
        rate(1, rate_uu_per_h=3_050_000),
        rate(1, duration_us=H + 30 * MIN),
        rate(1, duration_us=0),
        rate(0),
        bolus(1, amount_uu=525_000),
        bolus(1, amount_uu=0),
        bolus(1, at_us=10 * MIN + 1),
        bolus(1, at_us=5 * MIN - 1),
    ],
)
def test_a_request_out_of_bounds_is_refused(request_: RateRequest | BolusRequest) -> None:
    bench = Bench(controller=BOUNDS).start()
    bench.to(10 * MIN)
    assert is_refused(bench.pump, events.ControllerAsks(10 * MIN, request_))


@pytest.mark.req("GLU-06", "BOL-03")
def test_a_request_that_was_seen_is_answered_and_not_carried_out_again() -> None:
    bench = Bench(controller=BOUNDS).start()
    first = bench.do(events.ControllerAsks(0, bolus(7)))
    bench.to(MIN)
    again = bench.do(events.ControllerAsks(MIN, bolus(7)))
    assert those(BolusProgrammed, again) == those(BolusProgrammed, first)
    bench.to(H)
    late = bench.do(events.ControllerAsks(H, bolus(7)))
    assert those(BolusProgrammed, late) == those(BolusProgrammed, first)
    assert is_refused(bench.pump, events.ControllerAsks(H, bolus(6, H)))  # older than the last
    bench.to(2 * H)
    assert bench.insulin("bolus") == 500_000
    assert only(BolusProgrammed, first).bolus.activation == Activation.COMMANDED


@pytest.mark.req("GLU-05", "LIM-02", "LIM-03", "DEL-12")
def test_the_limits_bind_a_controller_too() -> None:
    bench = Bench(controller=BOUNDS, limits=replace(LIMITS, max_iob_uu=800_000)).start()
    bench.do(events.ControllerAsks(0, bolus(1)))
    assert is_refused(bench.pump, events.ControllerAsks(0, bolus(2)))
    bench.do(events.Suspend(0))
    with pytest.raises(ModeError):
        bench.pump.step(events.ControllerAsks(0, rate(3)))


@pytest.mark.req("ALM-08")
def test_a_controller_is_no_sign_of_life() -> None:
    bench = Bench(controller=BOUNDS).start()
    assert not isinstance(events.ControllerAsks(0, rate(1)), events.Request)
    bench.do(events.ControllerAsks(0, rate(1)))


# The calculator -------------------------------------------------------------------------------------------------------

FIGURES: Final = Calculator(
    policy="tandem", carb_ratio_mg_per_u=10_000, sensitivity=MgDl(40), target_low=MgDl(90), target_high=MgDl(120)
)


def calculator(**changes: Any) -> Bench:  # noqa: ANN401
    return Bench(calculator=replace(FIGURES, **changes)).start()


@pytest.mark.req("STA-02")
def test_without_figures_there_is_no_advice() -> None:
    assert is_refused(Bench().start().pump, events.AskAdvice(0, 60_000))


@pytest.mark.req("ADV-01", "ADV-06", "ADV-07", "BOL-01")
def test_advice_is_a_proposal_with_every_term() -> None:
    bench = calculator()
    reads(bench, 0, 200)
    effects = bench.do(events.AskAdvice(0, 60_000))
    advice = only(BolusCalculated, effects).advice
    assert (advice.food_uu, advice.correction_uu, advice.iob_uu, advice.suggested_uu) == (6 * U, 2 * U, 0, 8 * U)
    proposal = only(Proposed, effects).proposal
    assert proposal.amount_uu == 8 * U
    bench.to(MIN)
    assert bench.insulin("bolus") == 0
    bench.do(events.Confirm(MIN, proposal.id))
    bench.do(events.Confirm(MIN, proposal.id))
    bench.to(H)
    assert bench.insulin("bolus") == 8 * U


@pytest.mark.req("ADV-03")
def test_below_the_hard_low_there_is_no_suggestion() -> None:
    bench = calculator()
    reads(bench, 0, 69)
    assert is_refused(bench.pump, events.AskAdvice(0, 60_000))


@pytest.mark.req("ADV-04")
@pytest.mark.parametrize(("age_us", "uu"), [(12 * MIN, 8 * U), (12 * MIN + 1, 6 * U)])
def test_glucose_of_more_than_twelve_minutes_ago_is_not_dosed_on(age_us: int, uu: int) -> None:
    bench = calculator()
    reads(bench, 0, 200)
    bench.to(age_us)
    effects = bench.do(events.AskAdvice(age_us, 60_000))
    assert only(BolusCalculated, effects).advice.suggested_uu == uu


@pytest.mark.req("ADV-07", "BOL-04")
def test_a_suggestion_is_refused_once_glucose_has_changed() -> None:
    bench = calculator()
    reads(bench, 0, 200)
    proposal = only(Proposed, bench.do(events.AskAdvice(0, 60_000))).proposal
    reads(bench, MIN, 75)
    assert is_refused(bench.pump, events.Confirm(MIN, proposal.id))


@pytest.mark.req("ADV-07", "BOL-04")
def test_a_suggestion_is_refused_once_another_bolus_has_begun() -> None:
    bench = calculator()
    reads(bench, 0, 200)
    one, two = (only(Proposed, bench.do(events.AskAdvice(0, 60_000))).proposal for _ in range(2))
    bench.do(events.Confirm(0, one.id))
    assert is_refused(bench.pump, events.Confirm(0, two.id))


@pytest.mark.req("ADV-08", "IOB-04")
def test_what_a_running_bolus_is_still_to_deliver_counts() -> None:
    bench = calculator()
    reads(bench, 0, 280)
    bench.bolus(0, extended_uu=4 * U, extended_us=2 * H)
    advice = only(BolusCalculated, bench.do(events.AskAdvice(0, 0))).advice
    assert advice.iob_uu == 4 * U
    assert advice.suggested_uu == 0


@pytest.mark.req("IOB-04", "IOB-02")
def test_extended_boluses_and_temp_basals_are_on_board_as_they_are_delivered() -> None:
    bench = Bench().start()
    bench.bolus(0, extended_uu=4 * U, extended_us=2 * H)
    bench.to(H)
    on_board = bench.status.on_board
    assert U < on_board.bolus_uu < 2 * U
    assert on_board.basal_uu == 0
    bench.do(events.Confirm(H, bench.propose(events.ProposeTemp(H, H, percent=200))))
    bench.to(2 * H)
    assert 800_000 < bench.status.on_board.basal_uu < U
    bench.to(2 * DAY)
    assert bench.status.on_board.counted_uu == 0


@pytest.mark.req("IOB-02", "IOB-04")
def test_a_suspend_is_basal_that_was_not_delivered() -> None:
    bench = Bench().start()
    bench.do(events.Suspend(0))
    bench.to(H)
    assert -U < bench.status.on_board.basal_uu < -800_000
    assert bench.status.on_board.counted_uu == 0
