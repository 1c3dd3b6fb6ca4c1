"""The kit's strategies: what they draw is what they say, boundaries among it, and a pump survives any of it."""

from __future__ import annotations

import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st

from pumpcore.devices import Device, ids, load
from pumpcore.errors import RequestError
from pumpcore.limits import HARD_LIMITS, Limits
from pumpcore.pump import Config, Pump
from pumpcore.testing import strategies as kit
from pumpcore.testing.setup import DEVICES, PLANS, config_of
from pumpcore.units import US_PER_DAY, exact_int

DEVICE = [load(each) for each in ids()]


@given(kit.instants(), kit.spans())
def test_instants_and_spans_are_in_range(at_us: int, span_us: int) -> None:
    assert HARD_LIMITS["time_us"].least <= at_us <= HARD_LIMITS["time_us"].largest
    assert 0 <= span_us <= US_PER_DAY


@pytest.mark.parametrize("device", DEVICE, ids=ids())
@given(data=st.data())
def test_rates_and_amounts_are_those_that_the_device_knows(device: Device, data: st.DataObject) -> None:
    device.check_rate(data.draw(kit.basal_rates(device)), name="rate")
    amount_uu = data.draw(kit.bolus_amounts(device))
    device.bolus_uu.check(amount_uu, name="amount", unit="uu")
    device.bolus_bands_uu.check(amount_uu, name="amount", unit="uu")


@pytest.mark.parametrize("device", DEVICE, ids=ids())
def test_ends_and_edges_are_drawn(device: Device) -> None:
    for drawn, taken in (
        (kit.basal_rates(device), device.basal_uu_per_h),
        (kit.bolus_amounts(device), device.bolus_uu),
    ):
        for wanted in (taken.least, taken.largest):
            assert find(drawn, wanted.__eq__) == wanted


@given(st.data())
def test_a_device_can_run_the_plans_that_are_drawn_for_it(data: st.DataObject) -> None:
    device = data.draw(kit.devices())
    plan = data.draw(kit.week_plans(device))
    assert len(plan.profiles()) <= device.profiles
    for profile in plan.profiles():
        assert len(profile.segments) <= device.segments
        for start_us, rate_uu_per_h in profile.segments:
            assert start_us % device.segment_us == 0
            device.check_rate(rate_uu_per_h, name="rate")


@pytest.mark.parametrize("device", DEVICES)
def test_every_device_of_the_contract_can_run_every_plan_of_it(device: str) -> None:
    drawn = find(kit.setups(device), lambda _: True)
    for number in range(len(PLANS)):
        assert config_of(drawn._replace(plan=number)).plan is PLANS[number]


@given(kit.limits(unset=False))
def test_limits_are_all_chosen_where_none_may_be_open(limits: Limits) -> None:
    assert not limits.unset()


@given(kit.no_quantities())
def test_what_is_no_quantity_is_refused(value: object) -> None:
    with pytest.raises(RequestError):
        exact_int(value, field="value")


@pytest.mark.req("DEL-14", "DEL-17", "STA-03")
@settings(max_examples=50)  # each is a pump's whole evening
@given(data=st.data())
def test_any_events_are_taken_or_refused_and_nothing_else(data: st.DataObject) -> None:
    config: Config = data.draw(kit.configs())
    at_us = 0
    pump = Pump(config, at_us=at_us)
    assert pump.status.state.value == "standby"
    for _ in range(10):
        at_us += data.draw(kit.spans(4 * 3_600_000_000))
        numbers = [
            *(each.id for each in pump.status.proposals),
            *(each.id for each in pump.status.annunciations),
        ]
        before = pump.snapshot()
        event = data.draw(kit.events_at(config, at_us, numbers=numbers))
        try:
            pump.step(event)
        except RequestError:
            assert pump.snapshot() == before
