"""What one maker's pump does and another's does not: bolus speeds, meal-only extended boluses, alerts of their own."""

# mypy takes what a step may change to stay as it was last seen.
# mypy: disable-error-code="comparison-overlap,unreachable"

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest
from pumps import LIMITS, MIN, SEC, Bench, H, U, is_refused, those

from pumpcore.alarms import AlarmSettings, Kind, Priority
from pumpcore.devices import ids, load
from pumpcore.errors import QuantityError
from pumpcore.pump import Pump, events
from pumpcore.pump.effects import StepsMissed
from pumpcore.pump.modes import State

SPEEDS: Final = [(name, mode.name) for name in ids() for mode in load(name).bolus_modes]


@pytest.mark.req("BOL-11")
@pytest.mark.parametrize(("device", "speed"), SPEEDS)
def test_a_bolus_goes_at_the_speed_that_was_asked_for(device: str, speed: str) -> None:
    bench = Bench(device=load(device)).start()
    bench.bolus(0, fast_uu=2 * U, speed=speed)
    bench.to(4 * H)
    last_us = bench.pulses("bolus")[-1].at_us
    wanted_us = load(device).bolus_duration_us(2 * U, mode=speed) + load(device).bolus_start_delay_us
    assert wanted_us <= last_us <= wanted_us + load(device).grid_us
    assert wanted_us != load(device).bolus_duration_us(2 * U)
    assert bench.insulin("bolus") == 2 * U


@pytest.mark.req("BOL-11")
def test_a_speed_that_the_device_does_not_have_is_refused_and_so_is_one_for_nothing() -> None:
    bench = Bench(device=load("animas-vibe")).start()
    with pytest.raises(QuantityError, match="'crawl' is not a bolus speed of animas-vibe"):
        bench.do(events.ProposeBolus(0, U, speed="crawl"))
    with pytest.raises(QuantityError, match="needs an amount"):
        bench.do(events.ProposeBolus(0, extended_uu=U, extended_us=H, for_meal=True, speed="slow"))
    assert is_refused(Bench(device=load("omnipod")).start().pump, events.ProposeBolus(0, U, speed="slow"))


@pytest.mark.req("BOL-11", "SUS-06")
def test_a_slow_bolus_that_a_pause_interrupts_goes_on_slowly() -> None:
    bench = Bench(device=load("animas-vibe"), suspend_policy="roche_pause").start()
    bench.bolus(0, fast_uu=5 * U, speed="slow")  # 12 s a unit
    bench.to(24 * SEC)
    bench.do(events.Suspend(24 * SEC))
    bench.to(MIN)
    bench.do(events.Resume(MIN))
    bench.pump = Pump.restore(bench.pump.snapshot(), device=bench.pump.config.device)
    bench.to(2 * H)
    delivered = bench.pulses("bolus")
    missed_uu = sum(each.amount_uu for each in those(StepsMissed, bench.effects))
    assert sum(each.amount_uu for each in delivered) + missed_uu == 5 * U
    resumed = [each for each in delivered if each.at_us > MIN]
    rest_uu = sum(each.amount_uu for each in resumed)
    assert resumed[-1].at_us - MIN >= rest_uu * 12 * SEC // U - load("animas-vibe").grid_us


@pytest.mark.req("BOL-11", "SUS-06")
@pytest.mark.parametrize("speed", ["quick", None])
def test_after_a_pause_the_rest_of_a_bolus_takes_as_long_as_at_its_own_speed(speed: str | None) -> None:
    device = load("medtronic-640g")  # its pulses wait for no grid
    bench = Bench(device=device, suspend_policy="roche_pause").start()
    bench.bolus(0, fast_uu=10 * U, speed=speed)
    bench.to(20 * SEC)
    (running,) = bench.status.boluses
    assert running.speed == speed
    bench.do(events.Suspend(20 * SEC))
    bench.to(MIN)
    bench.do(events.Resume(MIN))
    bench.to(H)
    last = bench.pulses("bolus")[-1]
    assert last.at_us == MIN + device.bolus_duration_us(running.remaining_uu, mode=speed)
    assert device.bolus_duration_us(running.remaining_uu, mode="quick") < device.bolus_duration_us(running.remaining_uu)


@pytest.mark.req("BOL-11")
def test_where_a_device_waits_before_a_bolus_its_first_pulse_and_its_last_wait_with_it() -> None:
    pulses = []
    for delay_us in (0, 7 * SEC):
        bench = Bench(device=replace(load("medtronic-640g"), bolus_start_delay_us=delay_us)).start()
        bench.bolus(0, fast_uu=U)
        bench.to(H)
        pulses.append([each.at_us for each in bench.pulses("bolus")])
    assert pulses[1] == [at_us + 7 * SEC for at_us in pulses[0]]


@pytest.mark.req("BOL-12")
def test_an_omnipod_extends_what_is_for_a_meal_and_nothing_else() -> None:
    bench = Bench(device=load("omnipod")).start()
    with pytest.raises(QuantityError, match="extends only meal boluses"):
        bench.do(events.ProposeBolus(0, extended_uu=2 * U, extended_us=H))
    bench.bolus(0, extended_uu=2 * U, extended_us=H, for_meal=True)
    bench.to(2 * H)
    assert bench.insulin("extended") == 2 * U
    other = Bench(device=load("tandem-tslim-x2")).start()
    other.bolus(0, extended_uu=2 * U, extended_us=H)


@pytest.mark.req("BOL-13")
def test_boluses_above_half_as_much_again_as_the_largest_within_an_hour_are_told_of() -> None:
    bench = Bench(device=load("tandem-tslim-x2")).start()  # the largest bolus is 25 U here: told above 37.5 U
    bench.bolus(0, fast_uu=25 * U)
    bench.bolus(H - 1, fast_uu=12_500_000)
    assert bench.alarm(Kind.BOLUS_HOUR) is None  # exactly so many is not above
    bench.bolus(H - 1, fast_uu=50_000)
    told = bench.alarm(Kind.BOLUS_HOUR)
    assert told is not None
    assert told.priority is Priority.LOW
    bench.do(events.ConfirmAlarm(H, told.id))
    assert bench.alarm(Kind.BOLUS_HOUR) is None


@pytest.mark.req("BOL-13")
def test_an_hour_is_a_sliding_window_and_other_devices_say_nothing() -> None:
    bench = Bench(device=load("tandem-tslim-x2")).start()
    bench.bolus(0, fast_uu=25 * U)
    bench.bolus(H, fast_uu=12_550_000)
    assert bench.alarm(Kind.BOLUS_HOUR) is None
    other = Bench(limits=LIMITS).start()
    other.bolus(0, fast_uu=25 * U)
    other.bolus(MIN, fast_uu=20 * U)
    assert other.alarm(Kind.BOLUS_HOUR) is None


@pytest.mark.req("BOL-13")
def test_what_is_extended_counts_whole_in_the_hour_in_which_it_was_confirmed() -> None:
    bench = Bench(device=load("tandem-tslim-x2")).start()
    bench.bolus(0, fast_uu=5 * U, extended_uu=20 * U, extended_us=4 * H)
    bench.bolus(MIN, fast_uu=12_500_000)
    assert bench.alarm(Kind.BOLUS_HOUR) is None
    bench.bolus(MIN, fast_uu=50_000)
    assert bench.alarm(Kind.BOLUS_HOUR) is not None


@pytest.mark.req("ALM-08")
@pytest.mark.parametrize("device", [name for name in ids() if load(name).auto_off_warning_us])
def test_before_auto_off_the_pump_warns_for_as_long_as_its_maker_says(device: str) -> None:
    warning_us = load(device).auto_off_warning_us
    assert warning_us is not None
    for touched in (False, True):
        bench = Bench(device=load(device), alarms=AlarmSettings(auto_off_us=6 * H)).start()
        bench.to(6 * H - warning_us - 1)
        assert bench.alarm(Kind.AUTO_OFF_SOON) is None
        bench.to(6 * H - warning_us)
        warned = bench.alarm(Kind.AUTO_OFF_SOON)
        assert warned is not None
        if touched:
            bench.do(events.PauseAudio(bench.now_us, MIN))  # any button
            assert bench.alarm(Kind.AUTO_OFF_SOON) is None
        bench.to(6 * H)
        assert bench.alarm(Kind.AUTO_OFF_SOON) is None
        assert (bench.alarm(Kind.AUTO_OFF) is None, bench.status.state is State.RUNNING) == (touched, touched)


@pytest.mark.req("RES-02")
def test_the_reservoir_is_told_of_again_at_the_mark_of_the_device() -> None:
    bench = Bench(device=load("tandem-tslim-x2"), alarms=AlarmSettings(reservoir_low_uu=40 * U)).start()
    details = []
    for left_uu in (41 * U, 40 * U, 20 * U, 5 * U + 1000, 5 * U, 4 * U):
        bench.do(events.ReservoirMeasured(0, left_uu))
        told = bench.alarm(Kind.RESERVOIR_LOW)
        details.append(None if told is None else told.detail)
    assert details == [None, "40 U", "20 U", "20 U", "5 U", "5 U"]


@pytest.mark.req("RES-02")
def test_a_mark_of_the_device_other_than_five_units_is_told_in_its_place() -> None:
    device = replace(load("tandem-tslim-x2"), low_reservoir_again_uu=8 * U)
    bench = Bench(device=device, alarms=AlarmSettings(reservoir_low_uu=40 * U)).start()
    details = []
    for left_uu in (8 * U + 1000, 8 * U, 5 * U):
        bench.do(events.ReservoirMeasured(0, left_uu))
        told = bench.alarm(Kind.RESERVOIR_LOW)
        details.append(None if told is None else told.detail)
    assert details == ["20 U", "8 U", "8 U"]
