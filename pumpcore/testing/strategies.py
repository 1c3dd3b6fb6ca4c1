"""Hypothesis strategies for what pumpcore takes: quantities, profiles, week plans, limits, configs, programmes, events.

The rule of this file: what is drawn is valid by construction for the device or config it is drawn for, so that no draw
is thrown away; boundaries (least, largest, the edges of a device's bands, colliding instants) come up often, because a
uniform draw misses them. Only `events_at` draws what may be refused, and `no_quantities` what must be.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hypothesis import strategies as st

from pumpcore.alarms import Kind
from pumpcore.devices import Device, ids, load
from pumpcore.frozen import replace
from pumpcore.limits import HARD_LIMITS, Limits
from pumpcore.pump import Config, events
from pumpcore.pump.events import Activation, SuspendCause
from pumpcore.testing.programmes import plans as programmes
from pumpcore.testing.setup import PumpSetup, config_of, setups
from pumpcore.therapy.envelope import BolusRequest, RateRequest
from pumpcore.therapy.glucose import Beyond, MgDl, Quality, Reading
from pumpcore.therapy.profile import BasalProfile, Segment, WeekPlan
from pumpcore.units import US_PER_DAY, US_PER_HOUR, US_PER_MINUTE, UU_PER_U

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pumpcore.devices import Bands, Range
    from pumpcore.pump.events import Event

__all__ = [
    "PumpSetup",
    "basal_rates",
    "bolus_amounts",
    "configs",
    "devices",
    "events_at",
    "instants",
    "limits",
    "no_quantities",
    "profiles",
    "programmes",
    "setups",
    "spans",
    "steps",
    "week_plans",
]

_TIME: Final = HARD_LIMITS["time_us"]
_SETTINGS: Final = tuple(row for row in HARD_LIMITS.values() if row.setting)
_SEGMENTS_MOST: Final = 8
_NUMBERS: Final = st.integers(0, 12)


def devices() -> st.SearchStrategy[Device]:
    """Draw one of the presets."""
    return st.sampled_from(ids()).map(load)


def instants() -> st.SearchStrategy[int]:
    """Draw an instant, monotonic microseconds: 0, the largest, 32 and 53 bits, midnights, and any."""
    marked = [0, 1, 2**31, 2**32, 2**53, US_PER_DAY - 1, US_PER_DAY, _TIME.largest]
    return st.sampled_from(marked) | st.integers(_TIME.least, _TIME.largest)


def spans(most_us: int = US_PER_DAY) -> st.SearchStrategy[int]:
    """Draw how long something takes, 0 to `most_us` microseconds, often a round time or one microsecond beside."""
    round_ones = [0, US_PER_MINUTE, 5 * US_PER_MINUTE, 15 * US_PER_MINUTE, US_PER_HOUR, 4 * US_PER_HOUR, most_us]
    beside = {each + by for each in round_ones for by in (-1, 0, 1)}
    return st.sampled_from(sorted(each for each in beside if 0 <= each <= most_us)) | st.integers(0, most_us)


def steps(taken: Range, bands: Bands | None = None) -> st.SearchStrategy[int]:
    """Draw a value that a device takes for a quantity: in the range and on a step, often at an end or a band's edge.

    Args:
        taken: the range.
        bands: the steps, where they are finer for small values; those of the range where it is None.
    """

    def snapped(value: int) -> int:
        down = value - value % taken.step if bands is None else bands.round_down(value)
        return max(down, taken.least)

    starts = () if bands is None else (band.start for band in bands.bands)
    marked = {taken.least, taken.largest, *starts}
    marked |= {each + by for each in set(marked) for by in (-1, 1)}
    inside = sorted({snapped(each) for each in marked if taken.least <= each <= taken.largest})
    return st.sampled_from(inside) | st.integers(taken.least, taken.largest).map(snapped)


def basal_rates(device: Device) -> st.SearchStrategy[int]:
    """Draw a basal rate that the device knows, micro-units per hour."""
    return steps(device.basal_uu_per_h, device.basal_bands_uu_per_h)


def bolus_amounts(device: Device) -> st.SearchStrategy[int]:
    """Draw an amount that the device knows for a bolus, micro-units."""
    return steps(device.bolus_uu, device.bolus_bands_uu)


def no_quantities() -> st.SearchStrategy[object]:
    """Draw what no quantity is (DEL-15): floats, texts, bools, fractions of nothing, and nothing."""
    return st.one_of(st.floats(), st.booleans(), st.text(max_size=5), st.none(), st.decimals(), st.fractions())


@st.composite
def profiles(draw: st.DrawFn, device: Device, name: str = "drawn") -> BasalProfile:
    """Draw a basal profile that the device can run, of up to eight segments."""
    last = (US_PER_DAY - 1) // device.segment_us
    most = min(device.segments, _SEGMENTS_MOST, last + 1)
    edges = draw(st.sets(st.integers(1, last) | st.sampled_from([1, last]), max_size=most - 1)) if last else set()
    rates = basal_rates(device)
    return BasalProfile(name, tuple(Segment(each * device.segment_us, draw(rates)) for each in (0, *sorted(edges))))


@st.composite
def week_plans(draw: st.DrawFn, device: Device) -> WeekPlan:
    """Draw a week plan that the device can run: of one profile, or of as many as it keeps."""
    count = draw(st.integers(1, min(device.profiles, 7)))
    some = [draw(profiles(device, name=f"drawn {number}")) for number in range(count)]
    return WeekPlan(tuple(draw(st.sampled_from(some)) for _ in range(7)))


def limits(*, unset: bool = True) -> st.SearchStrategy[Limits]:
    """Draw what a person may choose, boundaries often.

    Args:
        unset: whether limits may also be left open; then a pump delivers nothing (LIM-07).
    """

    def chosen(least: int, largest: int) -> st.SearchStrategy[int | None]:
        value = st.sampled_from([least, largest]) | st.integers(least, largest)
        return value | st.none() if unset else value

    return st.builds(Limits, **{row.id: chosen(row.least, row.largest) for row in _SETTINGS})


def _wide(device: Device) -> Limits:
    """Limits that are met by none of what the device can do."""
    del device
    return Limits(**{row.id: row.largest for row in _SETTINGS})


@st.composite
def configs(draw: st.DrawFn, *some: Device) -> Config:
    """Draw what a pump can be made with: settings as a contract's, with any plan of the device and any limits.

    Args:
        draw: given by Hypothesis.
        some: the devices to draw from; every preset where none is given.
    """
    device = draw(st.sampled_from(some)) if some else draw(devices())
    drawn = config_of(draw(setups("medtronic-523")))
    chosen = draw(st.just(_wide(device)) | limits())
    plan = draw(st.none() | week_plans(device))
    fits = chosen.unset() or (plan is not None and _fastest(plan) <= (chosen.max_basal_uu_per_h or 0))
    return Config(
        device=device,
        settings=replace(
            drawn.settings,
            limits=chosen if fits else _wide(device),
            suspend_policy=draw(st.none() | st.sampled_from(device.suspend_policies)),
        ),
        plan=plan,
        anchor=draw(st.just(drawn.anchor) | st.none()),
        zone=drawn.zone,
    )


def _fastest(plan: WeekPlan) -> int:
    return max(segment.rate_uu_per_h for profile in plan.profiles() for segment in profile.segments)


def events_at(config: Config, at_us: int, *, numbers: Iterable[int] = ()) -> st.SearchStrategy[Event]:
    """Draw any event at an instant: facts, requests that a pump may refuse, outcomes of pulses, answers to proposals.

    Args:
        config: of the pump: amounts and rates are on its device's steps as often as not.
        at_us: when, monotonic.
        numbers: of pulses, proposals, boluses or alarms that there are, beside small ones.

    Returns:
        A strategy. A pump may take each of these events or raise a `RequestError`; nothing else may come of it.
    """
    device, number = config.device, st.sampled_from([*numbers, 10**6]) | _NUMBERS
    amount = st.sampled_from([0, 1, 50_000, UU_PER_U]) | bolus_amounts(device)
    rate, span = st.sampled_from([0, 12_345]) | basal_rates(device), spans()
    percent = st.sampled_from([0, 50, 100, 150, 200, 501])
    value, at = st.integers(20, 600).map(MgDl) | st.sampled_from(Beyond), st.just(at_us)
    reading = st.builds(Reading, st.integers(max(at_us - US_PER_HOUR, 0), at_us), value, st.sampled_from(Quality))
    decided = st.integers(max(at_us - 15 * US_PER_MINUTE, 0), at_us)
    asked = st.one_of(
        st.builds(RateRequest, id=st.integers(1, 12), at_us=decided, rate_uu_per_h=rate, duration_us=span),
        st.builds(BolusRequest, id=st.integers(1, 12), at_us=decided, amount_uu=amount),
    )
    kind = st.sampled_from(Kind)
    return st.one_of(
        *(
            st.builds(each, at)
            for each in (
                events.Tick,
                events.ReservoirRemoved,
                events.Start,
                events.Resume,
                events.CancelTemp,
                events.Rewound,
                events.Loaded,
                events.Primed,
                events.Filled,
                events.Connected,
                events.AbortChange,
            )
        ),
        *(
            st.builds(each, at, number)
            for each in (
                events.PulseConfirmed,
                events.PulseFailed,
                events.PulseUnknown,
                events.CancelBolus,
                events.ConfirmAlarm,
                events.Confirm,
                events.Reject,
            )
        ),
        st.builds(events.ReservoirMeasured, at, amount | st.just(device.reservoir_uu)),
        *(st.builds(each, at, kind) for each in (events.FaultDetected, events.FaultGone)),
        st.builds(events.BatteryMeasured, at, st.integers(0, 100)),
        st.builds(events.GlucoseMeasured, at, reading, st.booleans()),
        st.builds(events.ChangeSettings, at, limits().map(lambda chosen: replace(config.settings, limits=chosen))),
        st.builds(events.StoreProfile, at, profiles(device)),
        st.builds(events.DeleteProfile, at, st.sampled_from(["drawn", "drawn 0"])),
        st.builds(events.Suspend, at, st.sampled_from(SuspendCause)),
        *(st.builds(each, at, span) for each in (events.Disconnect, events.PauseAudio)),
        st.builds(events.BeginChange, at, st.booleans()),
        st.builds(events.Prime, at, amount),
        st.builds(events.SnoozeAlarm, at, number, span),
        st.builds(events.ProposeBolus, at, amount, amount, span, st.sampled_from(Activation), st.booleans()),
        st.builds(events.ProposeTemp, at, span, st.none() | rate, st.none() | percent),
        st.builds(events.ProposePlan, at, week_plans(device)),
        st.builds(events.ProposeWeek, at, st.just(("drawn",)) | st.just(("drawn 0",) * 7)),
        st.builds(events.AskAdvice, at, st.integers(0, 200_000)),
        st.builds(events.ControllerAsks, at, asked),
    )
