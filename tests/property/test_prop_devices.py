"""What holds for every preset and every amount, rate and duration that somebody may ask for.

Method: a device is any data file there is, a question any integer near what it takes; the answer is held against the
plainest statement of the rule, and what is accepted is run through the kernel.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from hypothesis import assume, given
from hypothesis import strategies as st

from pumpcore import CHANNELS, schedule
from pumpcore.devices import Band, Bands, Device, Range, ids, load
from pumpcore.errors import LimitError, QuantityError
from pumpcore.limits import Limits
from pumpcore.testing.programmes import plan, train
from pumpcore.testing.reference import earned_basal
from pumpcore.therapy.bolus import parts_of
from pumpcore.units import US_PER_DAY, US_PER_HOUR

if TYPE_CHECKING:
    from collections.abc import Callable

DEVICES: Final = st.sampled_from(ids()).map(load)
AMPLE: Final = Limits(max_bolus_uu=75_000_000)
SPANS: Final = st.integers(1, 2 * US_PER_HOUR)


def taken(question: Callable[[], object]) -> bool:
    try:
        question()
    except (LimitError, QuantityError):
        return False
    return True


def on_a_step(value: int, bands: Bands) -> bool:
    """Said without looking a band up: the last band that begins at or below the value has the step."""
    step = 1
    for band in bands.bands:
        if band.start <= value:
            step = band.step
    return value % step == 0


@st.composite
def values(draw: st.DrawFn, ends: Range, bands: Bands) -> int:
    """Draw what a device takes, or what lies close beside it."""
    edge = draw(st.sampled_from([ends.least, ends.largest, *(band.start for band in bands.bands)]))
    near = edge + draw(st.integers(-3, 3)) * draw(st.sampled_from([1, *(band.step for band in bands.bands)]))
    value = draw(st.just(near) | st.integers(0, ends.largest * 2))
    return max(0, bands.round_down(value) if draw(st.booleans()) and value >= 0 else value)


@st.composite
def boluses(draw: st.DrawFn) -> tuple[Device, int]:
    """Draw a device and an amount that it takes."""
    device = draw(DEVICES)
    amount = device.bolus_bands_uu.round_down(draw(st.integers(device.bolus_uu.least, device.bolus_uu.largest)))
    return device, max(amount, device.bolus_uu.least)


@st.composite
def rates(draw: st.DrawFn, device: Device) -> int:
    """Draw a rate that a profile of the device may have."""
    most = draw(st.sampled_from([device.basal_uu_per_h.largest, 2_000_000]))
    rate = device.round_rate_down(draw(st.integers(device.basal_uu_per_h.least, most)))
    return max(rate, device.basal_uu_per_h.least)


@given(st.data())
def test_a_bolus_is_taken_exactly_where_it_is_in_range_and_on_a_step(data: st.DataObject) -> None:
    device = data.draw(DEVICES)
    amount = data.draw(values(device.bolus_uu, device.bolus_bands_uu))
    right = device.bolus_uu.least <= amount <= device.bolus_uu.largest and on_a_step(amount, device.bolus_bands_uu)
    assert taken(lambda: parts_of(amount, 0, 0, device=device, limits=AMPLE)) == right


@given(st.data())
def test_a_rate_is_taken_exactly_where_it_is_in_range_and_on_a_step(data: st.DataObject) -> None:
    device = data.draw(DEVICES)
    rate = data.draw(values(device.basal_uu_per_h, device.basal_bands_uu_per_h))
    steps = on_a_step(rate, device.basal_bands_uu_per_h)
    ends = device.basal_uu_per_h
    assert taken(lambda: device.check_rate(rate, name="rate")) == (steps and ends.least <= rate <= ends.largest)
    temp = device.temp_uu_per_h
    right = temp is not None and steps and temp.least <= rate <= temp.largest
    assert taken(lambda: device.check_temp_rate(rate, name="rate")) == right


@given(bolus=boluses())
def test_what_is_taken_is_a_whole_number_of_steps(bolus: tuple[Device, int]) -> None:
    device, amount = bolus
    for mode in (None, *(each.name for each in device.bolus_modes)):
        assert device.bolus_duration_us(amount, mode=mode) >= 1
    assert amount % device.step_uu == 0


@given(bolus=boluses(), more=boluses())
def test_no_larger_bolus_in_one_stretch_of_speed_is_over_sooner(
    bolus: tuple[Device, int], more: tuple[Device, int]
) -> None:
    """Within a stretch; between two of them a maker may be faster with more (x23: 1 U is, against 0.975 U)."""
    device, amount = bolus
    larger = max(amount, min(more[1], device.bolus_uu.largest))
    for speeds in (device.bolus_speeds, *(mode.speeds for mode in device.bolus_modes)):
        assume(not any(amount < speed.start_uu <= larger for speed in speeds))
    for mode in (None, *(each.name for each in device.bolus_modes)):
        assert device.bolus_duration_us(amount, mode=mode) <= device.bolus_duration_us(larger, mode=mode)


@given(st.data())
def test_the_kernel_delivers_any_bolus_over_any_basal_exactly(data: st.DataObject) -> None:
    """Whatever a device takes leaves whole, on its grid, and basal is never ahead and less than a step behind."""
    device, amount = data.draw(boluses())
    edges = data.draw(st.lists(st.integers(1, US_PER_DAY // 8 - 1), max_size=4, unique=True).map(sorted))
    basal = [[start_us, data.draw(rates(device))] for start_us in (0, *edges)]
    start_us = data.draw(st.integers(0, 2 * US_PER_HOUR)) + device.bolus_start_delay_us
    (part,) = parts_of(amount, 0, 0, device=device, limits=AMPLE)
    span_us = data.draw(SPANS)
    drawn = plan(
        device.step_uu,
        device.gap_us,
        device.grid_us,
        basal=basal,
        trains=[
            train(part.channel, start_us, part.duration_us, part.amount_uu),
            train("extended", start_us, span_us, amount),
        ],
        to_us=8 * US_PER_HOUR,
    )
    done = dict.fromkeys(CHANNELS, 0)
    columns = schedule(drawn)
    for at_us, code, steps in zip(columns.at_us, columns.channel, columns.steps, strict=True):
        done[CHANNELS[code]] += steps
        assert device.grid_us == 0 or at_us % device.grid_us == 0
        assert at_us > start_us or CHANNELS[code] == "basal"
    assert done["bolus"] * device.step_uu == done["extended"] * device.step_uu == amount
    assert done["basal"] == earned_basal(basal, 0, 8 * US_PER_HOUR) // Fraction(device.step_uu)


@given(
    ends=st.tuples(st.integers(0, 50), st.integers(0, 50), st.integers(1, 9)),
    value=st.integers(-5, 600),
)
def test_a_range_takes_its_multiples_and_nothing_else(ends: tuple[int, int, int], value: int) -> None:
    least, more, step = ends
    one = Range(least * step, (least + more) * step, step)
    right = value in range(least * step, (least + more) * step + 1, step)
    assert taken(lambda: one.check(value, name="x", unit="u")) == right


@st.composite
def bands(draw: st.DrawFn) -> list[tuple[int, int]]:
    """Draw bands, most of them right."""
    steps = draw(st.lists(st.sampled_from([1, 2, 3, 4, 6, 12]), min_size=1, max_size=4))
    starts = [0, *draw(st.lists(st.integers(1, 10).map(lambda n: n * 12) | st.integers(1, 99), max_size=3))]
    return list(zip(starts, steps, strict=False))


@given(drawn=bands(), values_=st.tuples(st.integers(0, 200), st.integers(0, 200)))
def test_rounding_down_never_leaves_the_band_and_never_turns_back(
    drawn: list[tuple[int, int]], values_: tuple[int, int]
) -> None:
    try:
        steps = Bands(tuple(Band(*band) for band in drawn))
    except QuantityError:
        right = all(a[0] < b[0] and b[0] % a[1] == 0 == b[0] % b[1] for a, b in pairwise(drawn))
        assert not right
        return
    low, high = sorted(values_)
    assert steps.round_down(low) <= steps.round_down(high)
    for value in values_:
        rounded = steps.round_down(value)
        assert rounded <= value < rounded + steps.step_at(value)
        assert steps.round_down(rounded) == rounded
        assert on_a_step(rounded, steps)
        assert steps.step_at(rounded) == steps.step_at(value)


def test_there_are_devices_to_draw() -> None:
    some: list[Any] = [load(device_id) for device_id in ids()]
    assert any(device.grid_us for device in some)
    assert any(device.bolus_modes for device in some)
    assert any(len(device.bolus_bands_uu.bands) > 1 for device in some)
