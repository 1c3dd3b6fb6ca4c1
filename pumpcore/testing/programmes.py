"""Random plans for the delivery law, drawn so that instants collide.

The rule of this file: a plan is drawn inside the kernel's ranges, then edges, the window's ends and cancels are snapped
onto instants at which a step is due, or one microsecond beside. Plans hold a few hundred steps at most, so that the
plain reference can answer them.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Final, Literal

from hypothesis import strategies as st

from pumpcore.testing.reference import HOUR_US, Plan, all_steps

ActuatorMode = Literal["plain", "gap", "grid"]

ACTUATOR_MODES: Final[tuple[ActuatorMode, ...]] = ("plain", "gap", "grid")
DAY_US: Final = 24 * HOUR_US
TIME_US_MAX: Final = 10_000_000_000_000_000
STEPS_MAX: Final = 300

_STEP_UU: Final = st.sampled_from([50_000, 25_000, 10_000, 100, 1_000_000]) | st.integers(100, 1_000_000)
_RATES: Final = st.sampled_from(
    [0, 1, 100_000, 700_000, 850_000, 950_000, 6_850_000, 30_000_000, 999_999_999, 1_000_000_000]
) | st.integers(0, 1_000_000_000)
_ORIGIN_US: Final = st.sampled_from([0, DAY_US, 2**32, 2**53, TIME_US_MAX - 1_000 * DAY_US]) | st.integers(0, 2**53)
_GAP_US: Final = st.sampled_from([1, 2_000_000, 3_600_000_000]) | st.integers(1, 10_000_000)
_GRID_US: Final = st.sampled_from([1, 180_000_000, 300_000_000, DAY_US]) | st.integers(1, 1_000_000_000)
_DURATION_US: Final = st.sampled_from([1, 80_000_000, HOUR_US])
_BESIDE: Final = st.sampled_from([-1, 0, 0, 0, 1])


def train(channel: str, start_us: int, duration_us: int, amount_uu: int, **more: int | None) -> Plan:
    """Write a train as the batch form has it."""
    return {"channel": channel, "start_us": start_us, "duration_us": duration_us, "amount_uu": amount_uu} | more


def plan(step_uu: int = 50_000, gap_us: int = 0, grid_us: int = 0, **more: Any) -> Plan:  # noqa: ANN401 - any field
    """Write a plan as the batch form has it: one day without insulin, but for the fields given."""
    actuator = {"step_uu": step_uu, "gap_us": gap_us, "grid_us": grid_us}
    return {"actuator": actuator, "from_us": 0, "to_us": DAY_US, "basal": [], "trains": []} | more


@st.composite
def plans(draw: st.DrawFn, mode: ActuatorMode, *, trains_max: int = 4, basal: bool = True) -> Plan:
    """Draw a plan in one mode of the actuator."""
    step_uu, origin_us = draw(_STEP_UU), draw(_ORIGIN_US)
    rates = draw(_rates()) if basal else []
    span_us = draw(_span(max(rates, default=0), step_uu))
    near = _near(span_us)
    starts = draw(st.lists(near, min_size=len(rates), max_size=len(rates), unique=True).map(sorted))
    segments = [[origin_us + start_us, rate] for start_us, rate in zip(starts, rates, strict=True)]
    for before, after in pairwise(segments):
        if draw(st.booleans()):  # a rate issued again
            after[1] = before[1]
    from_us = origin_us + draw(st.just(0) | st.integers(0, span_us // 3))
    trains_min = 0 if rates else min(1, trains_max)
    drawn = plan(
        step_uu,
        draw(_GAP_US) if mode == "gap" else 0,
        draw(_GRID_US | st.integers(1, min(span_us, DAY_US))) if mode == "grid" else 0,
        from_us=from_us,
        to_us=from_us + span_us,
        basal=segments,
        trains=draw(st.lists(_train(origin_us, span_us, step_uu), min_size=trains_min, max_size=trains_max)),
    )
    return draw(_snapped(drawn))


def _rates() -> st.SearchStrategy[list[int]]:
    """Up to eight rates, most of one size, so that none of them is lost beside a far larger one."""

    def around(rate_uu_per_h: int) -> st.SearchStrategy[list[int]]:
        some = [rate_uu_per_h, rate_uu_per_h * 95 // 85, rate_uu_per_h // 2, rate_uu_per_h // 3, 0, 1]
        one = st.sampled_from(some).map(lambda rate: min(rate, 1_000_000_000)) | st.integers(0, rate_uu_per_h)
        return st.lists(one, max_size=7).map(lambda others: [rate_uu_per_h, *others])

    return st.just([]) | _RATES.flatmap(around) | _RATES.flatmap(around)


def _span(fastest_uu_per_h: int, step_uu: int) -> st.SearchStrategy[int]:
    """How long a window is: no rate of the plan comes to more than STEPS_MAX steps in it."""
    if fastest_uu_per_h == 0:
        return st.integers(1, DAY_US)
    steps = st.sampled_from([10, 50, STEPS_MAX]) | st.integers(0, STEPS_MAX)
    return steps.map(lambda n: min(n * step_uu * HOUR_US // fastest_uu_per_h + 1, 400 * DAY_US))


def _near(span_us: int) -> st.SearchStrategy[int]:
    """Instants inside a window, often close together or at round ones."""
    return st.integers(0, 8).map(lambda part: part * span_us // 9) | st.integers(0, 20) | st.integers(0, span_us)


@st.composite
def _train(draw: st.DrawFn, origin_us: int, span_us: int, step_uu: int) -> Plan:
    # Around a hundred steps in a burst: the largest backlog that a gap allows.
    largest = 1_000_000_000 // step_uu
    steps = min(draw(st.integers(1, 30) | st.integers(98, 103)), largest)
    duration_us = draw(_DURATION_US | st.integers(1, span_us))
    start_us = max(0, origin_us + draw(st.sampled_from([1, 1, -1])) * draw(_near(span_us)))
    return train(draw(st.sampled_from(["extended", "bolus"])), start_us, duration_us, steps * step_uu)


@st.composite
def _snapped(draw: st.DrawFn, drawn: Plan) -> Plan:
    """Move edges, the window's ends and cancels onto due instants, and add a segment edge on one."""
    dues = sorted({step.due_us for step in all_steps(drawn)})
    if not dues:
        return drawn

    def instant() -> int:
        return max(0, draw(st.sampled_from(dues)) + draw(_BESIDE))

    for one in drawn["trains"]:
        choice = draw(st.sampled_from(["never", "null", "due", "other"]))
        if choice == "null":
            one["cancel_us"] = None
        elif choice == "due":
            one["cancel_us"] = instant()
        elif choice == "other":
            one["cancel_us"] = one["start_us"] + draw(st.integers(0, one["duration_us"]))
    if drawn["basal"] and draw(st.booleans()):
        edges = dict(drawn["basal"])
        # No faster than what was there, so that the plan does not grow.
        edges[instant()] = draw(st.sampled_from([rate for _, rate in drawn["basal"]] + [0, 1]))
        drawn["basal"] = [[start_us, rate] for start_us, rate in sorted(edges.items())]
    if draw(st.integers(0, 3)) == 1:
        drawn["from_us"] = min(instant(), drawn["to_us"])
    if draw(st.integers(0, 3)) == 1:
        drawn["to_us"] = max(instant(), drawn["from_us"])
    return drawn
