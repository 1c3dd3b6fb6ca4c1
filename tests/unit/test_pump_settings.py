"""Settings are state: changed by an event, taken whole or refused whole, kept, and each of them does something.

Goal: to find a setting that changes nothing, and one that can be changed by half. Method: for each field of each class
of settings a short day, lived with two values of it; what the pumps answer must differ.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, Final

import pytest
from pumps import LIMITS, MIN, Bench, H, U, config_of, everything, is_refused, only, plan_of, those

from pumpcore.alarms import AlarmSettings, Kind, Watch
from pumpcore.devices import load
from pumpcore.errors import LimitError, ModeError, QuantityError, RequestError
from pumpcore.limits import Limits
from pumpcore.pump import Calculator, Config, Pump, Settings, events
from pumpcore.pump.effects import BolusCalculated, Proposed, SettingsChanged
from pumpcore.therapy.envelope import BolusRequest, ControllerBounds, RateRequest
from pumpcore.therapy.glucose import MgDl, Reading
from pumpcore.therapy.iob import Curve
from pumpcore.therapy.low_suspend import LOW_PRESETS, LowSettings

if TYPE_CHECKING:
    from collections.abc import Callable

ADVICE: Final = Calculator(
    carb_ratio_mg_per_u=10_000, sensitivity=MgDl(50), target_low=MgDl(100), target_high=MgDl(120)
)
LOW: Final = LowSettings(LOW_PRESETS["medtronic-530g"], MgDl(80))
OPEN: Final = ControllerBounds(max_rate_uu_per_h=3 * U, max_bolus_uu=U, max_duration_us=H, max_age_us=10 * MIN)


# What differs ---------------------------------------------------------------------------------------------------------


def answers(bench: Bench) -> object:
    """All that a pump has answered since the settings were chosen, and what it says of itself but for the settings."""
    status = replace(bench.status, settings=Settings())
    return [each for each in bench.effects if not isinstance(each, SettingsChanged)], status


def day(settings: Settings, *made: events.Event, reservoir_uu: int = 176 * U) -> object:
    """A pump that lives for an hour, is told some things, and lives on."""
    bench = Bench(plan=plan_of((0, 2 * U)), device=load("generic-0.05")).start(reservoir_uu=reservoir_uu)
    bench.effects.clear()
    bench.do(events.ChangeSettings(0, settings))
    for event in made:
        bench.to(event.at_us)
        known = replace(event, known=bench.status.changes) if isinstance(event, events.Command) else event
        try:
            bench.do(known)
        except RequestError:
            bench.effects.append(type(event))  # type: ignore[arg-type]  # a mark that this one was refused
    bench.to(max([H, *(event.at_us for event in made)]) + 4 * H)
    return answers(bench)


BASE: Final = Settings(limits=LIMITS, calculator=ADVICE, controller=OPEN)


def limits(**changes: int) -> Settings:
    return replace(BASE, limits=replace(LIMITS, **changes))


def alarms(**changes: Any) -> Settings:  # noqa: ANN401 - any field
    return replace(BASE, alarms=replace(AlarmSettings(), **changes))


def watch(**changes: int) -> Settings:
    return alarms(watch=replace(Watch(), **changes))


def advice(**changes: Any) -> Settings:  # noqa: ANN401 - any field
    return replace(BASE, calculator=replace(ADVICE, **changes))


def bounds(**changes: int) -> Settings:
    return replace(BASE, controller=replace(OPEN, **changes))


def reading(at_us: int, value: int) -> events.Event:
    return events.GlucoseMeasured(at_us, Reading(at_us, MgDl(value)))


BOLUS: Final = (events.ProposeBolus(0, 2 * U), events.Confirm(0, 1))
MEAL: Final = (reading(MIN, 200), events.AskAdvice(MIN, 60_000))
Case = tuple[Settings, tuple[events.Event, ...]]
CHANGES: Final[dict[str, Case]] = {
    "Settings.limits": (limits(max_bolus_uu=U), BOLUS),
    "Settings.calculator": (replace(BASE, calculator=None), MEAL),
    "Settings.curve": (replace(BASE, curve=Curve.linear(120)), BOLUS),
    "Settings.alarms": (alarms(reservoir_low_uu=50 * U), (events.ReservoirMeasured(0, 45 * U),)),
    "Settings.meals": (replace(BASE, meals=((H, 2 * H),)), ()),
    "Settings.low_suspend": (replace(BASE, low_suspend=LOW), (reading(0, 70),)),
    "Settings.controller": (
        replace(BASE, controller=ControllerBounds()),
        (events.ControllerAsks(0, BolusRequest(id=1, at_us=0, amount_uu=U)),),
    ),
    "Settings.remote": (replace(BASE, remote=True), (events.Command(MIN, 1, H, 0, events.ProposeBolus(MIN, U)),)),
    "Settings.suspend_policy": (
        replace(BASE, suspend_policy="roche_stop"),
        (events.ProposeTemp(0, 2 * H, percent=50), events.Suspend(MIN), events.Resume(2 * MIN)),
    ),
    "Limits.max_basal_uu_per_h": (limits(max_basal_uu_per_h=3 * U), (events.ProposePlan(0, plan_of((0, 4 * U))),)),
    "Limits.max_temp_basal_uu_per_h": (
        limits(max_temp_basal_uu_per_h=3 * U),
        (events.ProposeTemp(0, H, rate_uu_per_h=4 * U),),
    ),
    "Limits.max_temp_basal_percent": (limits(max_temp_basal_percent=110), (events.ProposeTemp(0, H, percent=120),)),
    "Limits.max_bolus_uu": (limits(max_bolus_uu=U), BOLUS),
    "Limits.max_iob_uu": (limits(max_iob_uu=U), BOLUS),
    "Limits.max_hour_uu": (limits(max_hour_uu=U), ()),
    "Limits.max_day_uu": (limits(max_day_uu=U), ()),
    "AlarmSettings.watch": (watch(reminder_us=30 * MIN), (events.Suspend(0),)),
    "AlarmSettings.reservoir_low_uu": (alarms(reservoir_low_uu=50 * U), (events.ReservoirMeasured(0, 45 * U),)),
    "AlarmSettings.reservoir_low_us": (alarms(reservoir_low_us=24 * H), (events.ReservoirMeasured(0, 40 * U),)),
    "AlarmSettings.battery_low_percent": (alarms(battery_low_percent=40), (events.BatteryMeasured(0, 35),)),
    "AlarmSettings.battery_empty_percent": (alarms(battery_empty_percent=5), (events.BatteryMeasured(0, 4),)),
    "AlarmSettings.battery_lead_us": (
        alarms(battery_lead_us=72 * H),
        (events.BatteryMeasured(0, 60, us_per_percent=H // 2),),
    ),
    "AlarmSettings.set_age_us": (alarms(set_age_us=24 * H), (events.Tick(25 * H),)),
    "AlarmSettings.reservoir_age_us": (alarms(reservoir_age_us=24 * H), (events.Tick(25 * H),)),
    "AlarmSettings.auto_off_us": (alarms(auto_off_us=2 * H), ()),
    "AlarmSettings.glucose_check_us": (alarms(glucose_check_us=H), BOLUS),
    "AlarmSettings.missed_meal_us": (
        replace(alarms(missed_meal_us=30 * MIN), meals=((H, 2 * H),)),
        (events.ConfirmAlarm(2 * H + 45 * MIN, 1),),
    ),
    "AlarmSettings.sensor_lost_us": (alarms(sensor_lost_us=10 * MIN), (reading(0, 120),)),
    "Watch.reminder_us": (watch(reminder_us=30 * MIN), (events.Suspend(0),)),
    "Watch.medium_us": (watch(medium_us=30 * MIN), (events.Suspend(0),)),
    "Watch.high_us": (watch(high_us=3 * H), (events.Suspend(0),)),
    "Watch.danger_us": (watch(danger_us=3 * H), (events.Suspend(0),)),
    "Calculator.policy": (advice(policy="roche"), MEAL),
    "Calculator.carb_ratio_mg_per_u": (advice(carb_ratio_mg_per_u=20_000), MEAL),
    "Calculator.sensitivity": (advice(sensitivity=MgDl(25)), MEAL),
    "Calculator.target_low": (advice(target_low=MgDl(110)), (reading(MIN, 90), events.AskAdvice(MIN, 60_000))),
    "Calculator.target_high": (advice(target_high=MgDl(150)), MEAL),
    "Calculator.hard_low": (advice(hard_low=MgDl(95)), (reading(MIN, 90), events.AskAdvice(MIN, 60_000))),
    "LowSettings.preset": (
        replace(BASE, low_suspend=LowSettings(LOW_PRESETS["medtronic-640g"], MgDl(80))),
        (reading(0, 130), reading(5 * MIN, 118), reading(10 * MIN, 106), reading(15 * MIN, 94)),
    ),
    "LowSettings.limit": (replace(BASE, low_suspend=replace(LOW, limit=MgDl(60))), (reading(0, 70),)),
    "ControllerBounds.max_rate_uu_per_h": (
        bounds(max_rate_uu_per_h=U),
        (events.ControllerAsks(0, RateRequest(id=1, at_us=0, rate_uu_per_h=2 * U + U // 2, duration_us=H)),),
    ),
    "ControllerBounds.max_bolus_uu": (
        bounds(max_bolus_uu=U // 2),
        (events.ControllerAsks(0, BolusRequest(id=1, at_us=0, amount_uu=U)),),
    ),
    "ControllerBounds.max_duration_us": (
        bounds(max_duration_us=30 * MIN),
        (events.ControllerAsks(0, RateRequest(id=1, at_us=0, rate_uu_per_h=3 * U, duration_us=H)),),
    ),
    "ControllerBounds.max_age_us": (
        bounds(max_age_us=MIN),
        (events.ControllerAsks(5 * MIN, BolusRequest(id=1, at_us=0, amount_uu=U)),),
    ),
}
FROM: Final[dict[str, Settings]] = {
    "AlarmSettings.missed_meal_us": replace(BASE, meals=((H, 2 * H),)),
    "LowSettings.preset": replace(BASE, low_suspend=LOW),
    "LowSettings.limit": replace(BASE, low_suspend=LOW),
}
"""Where a field shows only against settings other than `BASE`."""
CLASSES: Final = (Settings, Limits, AlarmSettings, Watch, Calculator, LowSettings, ControllerBounds)
ELSEWHERE: Final = {"Settings.language"}  # what a text says, in a test of its own


def test_each_field_has_its_day() -> None:
    there = {f"{cls.__name__}.{each.name}" for cls in CLASSES for each in fields(cls)}
    assert there == CHANGES.keys() | ELSEWHERE


@pytest.mark.req("SET-01")
@pytest.mark.parametrize("name", CHANGES)
def test_each_field_changes_what_a_pump_does(name: str) -> None:
    settings, made = CHANGES[name]
    before = FROM.get(name, BASE)
    assert settings.for_device(load("generic-0.05")) != before.for_device(load("generic-0.05"))
    assert day(settings, *made) != day(before, *made)


def test_the_language_is_that_of_the_texts() -> None:
    bench = Bench().start()
    bench.do(events.BatteryMeasured(0, 20))
    alarm = bench.alarm(Kind.BATTERY_LOW)
    assert alarm is not None
    english = bench.status.text(alarm)
    bench.do(bench.choosing(0, language="da"))
    danish = bench.status.text(alarm)
    assert (english.title, danish.title) == ("Battery low", "Batteri lavt")


# Whole or not at all --------------------------------------------------------------------------------------------------


@pytest.mark.req("SET-01", "SET-02")
def test_a_change_is_seen_in_the_status_recorded_and_kept() -> None:
    bench = Bench().start()
    curve, policy = Curve.linear(240), bench.status.settings.suspend_policy
    effect = only(SettingsChanged, bench.do(bench.choosing(MIN, curve=curve, remote=True)))
    assert effect.names == ("curve", "remote")
    assert (bench.status.settings.curve, bench.status.settings.remote) == (curve, True)
    assert bench.status.settings.suspend_policy == policy
    assert bench.pump.config.settings.remote is False  # what it was made with
    restored = Pump.restore(bench.pump.snapshot())
    assert everything(restored) == everything(bench.pump)


@pytest.mark.req("SET-01")
def test_a_refused_change_changes_nothing() -> None:
    bench = Bench().start()
    # The curve alone would do; the limit is below the plan's rate.
    bad = bench.choosing(MIN, curve=Curve.linear(240), limits=replace(LIMITS, max_basal_uu_per_h=100_000))
    assert is_refused(bench.pump, bad)
    assert is_refused(bench.pump, events.ChangeSettings(MIN, replace(bench.status.settings, suspend_policy="omnipod")))


@pytest.mark.req("SET-01")
def test_open_proposals_rest_on_the_old_settings_and_are_dropped() -> None:
    bench = Bench().start()
    proposal = bench.propose(events.ProposeBolus(MIN, U))
    bench.do(bench.choosing(MIN, curve=Curve.linear(240)))
    assert is_refused(bench.pump, events.Confirm(MIN, proposal))


@pytest.mark.req("IOB-01")
def test_another_curve_finds_all_insulin_that_it_counts() -> None:
    bench = Bench(curve=Curve.linear(120), plan=plan_of((0, 0))).start()
    bench.bolus(0, fast_uu=4 * U)
    bench.to(3 * H)
    assert bench.status.on_board.bolus_uu == 0
    bench.do(bench.choosing(3 * H, curve=Curve.linear(360)))
    assert 1_900_000 < bench.status.on_board.bolus_uu < 2_100_000


@pytest.mark.req("SUS-01")
def test_the_suspend_policy_does_not_change_while_something_is_suspended() -> None:
    bench = Bench(suspend_policy="medtronic").start()
    bench.do(events.Suspend(MIN))
    with pytest.raises(ModeError, match="cannot change the settings: the suspend policy can only change while"):
        bench.pump.step(bench.choosing(MIN, suspend_policy="omnipod"))
    bench.do(events.Resume(2 * MIN))
    bench.do(bench.choosing(2 * MIN, suspend_policy="omnipod"))
    assert bench.status.settings.suspend_policy == "omnipod"


@pytest.mark.req("GLU-04")
def test_to_turn_low_suspend_off_does_not_start_insulin_by_itself() -> None:
    bench = Bench(low_suspend=LOW).start()
    bench.do(reading(MIN, 60))
    low = bench.status.cause
    bench.do(bench.choosing(2 * MIN, low_suspend=None))
    assert (low, bench.status.cause) == (events.SuspendCause.LOW_GLUCOSE, events.SuspendCause.PERSON)
    bench.to(5 * H)
    assert bench.status.rate_uu_per_h == 0
    bench.do(events.Resume(5 * H))
    assert bench.status.rate_uu_per_h == U


@pytest.mark.req("GLU-01")
def test_low_suspend_that_is_turned_on_looks_at_the_reading_that_is_there() -> None:
    bench = Bench().start()
    bench.do(reading(MIN, 60))
    bench.do(bench.choosing(2 * MIN, low_suspend=LOW))
    assert bench.status.cause is events.SuspendCause.LOW_GLUCOSE


@pytest.mark.req("GLU-05")
def test_other_bounds_end_what_the_controller_asked_for() -> None:
    bench = Bench(controller=OPEN).start()
    bench.do(events.ControllerAsks(0, RateRequest(id=1, at_us=0, rate_uu_per_h=3 * U, duration_us=H)))
    assert bench.status.rate_uu_per_h == 3 * U
    bench.do(bench.choosing(MIN, controller=ControllerBounds()))
    assert bench.status.rate_uu_per_h == U
    assert bench.alarm(Kind.CONTROLLER_EXPIRED) is None


# A maker's own rules --------------------------------------------------------------------------------------------------


@pytest.mark.req("SET-03")
@pytest.mark.parametrize(
    ("device_id", "policy"),
    [
        ("medtronic-523", "medtronic"),
        ("medtronic-640g", "medtronic"),
        ("roche-combo", "roche_stop"),
        ("roche-insight", "roche_stop"),
        ("tandem-tslim-x2", "tandem"),
        ("omnipod", "omnipod"),
    ],
)
def test_a_device_runs_its_own_makers_suspend_policy(device_id: str, policy: str) -> None:
    config = Config(device=load(device_id))
    assert config.settings.suspend_policy == policy
    pump = Pump(config, at_us=0)
    assert pump.status.settings.suspend_policy == policy


@pytest.mark.req("SET-03")
def test_a_policy_that_the_device_does_not_offer_is_refused() -> None:
    with pytest.raises(QuantityError, match="suspend_policy: 'medtronic' is not offered by omnipod: it offers omnipod"):
        Config(device=load("omnipod"), settings=Settings(suspend_policy="medtronic"))


@pytest.mark.req("SET-03")
def test_the_calculator_follows_the_devices_own_policy() -> None:
    bench = Bench(device=load("roche-combo"), calculator=ADVICE).start()
    bench.do(reading(0, 200))
    assert only(BolusCalculated, bench.do(events.AskAdvice(0, 60_000))).advice.policy == "roche"
    assert those(Proposed, bench.effects)


# Wrong kinds ----------------------------------------------------------------------------------------------------------


@pytest.mark.req("SET-01", "DEL-15")
@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Settings(limits=None), "limits: None must be a Limits"),  # type: ignore[arg-type]
        (lambda: Settings(remote=1), "remote: 1 must be true or false"),  # type: ignore[arg-type]
        (lambda: Settings(meals=[(0, 1)]), "meals: .* must be a tuple of tuple"),  # type: ignore[arg-type]
        (lambda: Settings(language="tlh"), "language: 'tlh' must be one of en, da"),
        (lambda: Settings(suspend_policy="mine"), "suspend_policy: 'mine' must be one of medtronic, "),
        (lambda: Settings(suspend_policy=5), "suspend_policy: 5 must be text or None"),  # type: ignore[arg-type]
        (lambda: replace(ADVICE, carb_ratio_mg_per_u=True), "carb_ratio_mg_per_u: True must be an integer"),
        (lambda: replace(ADVICE, sensitivity=50), "sensitivity: 50 must be a MgDl or a MmolL"),  # type: ignore[arg-type]
        (lambda: Config(device="omnipod"), "device: 'omnipod' must be a Device"),  # type: ignore[arg-type]
        (lambda: config_of(profiles=[]), r"profiles: \[\] must be a tuple of BasalProfile"),
        (lambda: Pump({}, at_us=0), "config: {} must be a Config"),  # type: ignore[arg-type]
    ],
)
def test_a_wrong_kind_is_refused_by_name(make: Callable[[], object], text: str) -> None:
    with pytest.raises(QuantityError, match=text):
        make()


def test_meal_windows_are_within_the_day_and_have_some_time() -> None:
    with pytest.raises(LimitError, match=r"meals\[0\]\.to_us"):
        Settings(meals=((2 * H, 2 * H),))
    with pytest.raises(LimitError, match=r"meals\[0\]\.from_us"):
        Settings(meals=((25 * H, 26 * H),))
