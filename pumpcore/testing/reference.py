"""A second opinion on the delivery law: what DESIGN.md says, in the plainest Python, with integers only.

The rule of this file: it is written from the text of the law and never from the Rust kernel, it prefers the obvious to
the fast, and it has two routes to every answer. `reference_schedule` walks the plan (Python integers have no bound, so
nothing is rounded before the end); `brute_schedule` lives through every microsecond of a short plan and asks only the
earned fraction (`earned_basal`, `earned_train`) at each. `test_reference.py` holds the two against each other, so that
a mistake in the second opinion itself has to be made twice.

How the text of the law is read where it leaves room:

- basal earns from `from_us` on, a train from its own start even where that lies before `from_us`;
- step k of a train of N steps is due at `start_us + ceil(k * duration_us / N)`;
- steps are in order by (due, rank, start of the train, place in the list), with rank basal < extended < bolus;
- with a gap, each step leaves at `max(due, previous + gap_us)`, over the steps that exist; a step of a cancelled train
  that would leave after `cancel_us` does not exist and does not occupy the actuator;
- with a grid, each step leaves at its due time rounded up to the grid, and the steps of one channel name that leave
  together are one pulse; pulses are in order by (instant, rank);
- without either, each step is a pulse of its own;
- a step is in the answer when it leaves in `from_us < at <= to_us`, wherever it was due;
- a plan is refused when, at the due time of a step, more than `WAITING_MAX` steps, itself included, are
  still to leave.

Units: `_us` microseconds, `_uu` micro-units of insulin, `_uu_per_h` micro-units per hour. Rounding: due times up.
"""

from __future__ import annotations

from bisect import bisect_right
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from pumpcore.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

HOUR_US = 3_600_000_000
RANKS = {"basal": 0, "extended": 1, "bolus": 2}
WAITING_MAX = 100

Plan = dict[str, Any]
"""A plan as DESIGN.md's batch form gives it."""


class RefusedError(ValueError):
    """The law does not allow this plan; the text names the field."""


@dataclass(frozen=True, order=True)
class DueStep:
    """One step of insulin, ordered as the law orders steps."""

    due_us: int
    rank: int
    start_us: int
    place: int
    number: int
    channel: str
    cancel_us: int | None


def ceil_div(a: int, b: int) -> int:
    """Divide, rounded up."""
    return -(-a // b)


# What is earned, and how many steps that makes


def earned_basal(segments: Sequence[Sequence[int]], from_us: int, t_us: int) -> Fraction:
    """Micro-units of basal earned from `from_us` to `t_us`: the integral of the rate, exact."""
    total = Fraction(0)
    for i, (start_us, rate_uu_per_h) in enumerate(segments):
        end_us = segments[i + 1][0] if i + 1 < len(segments) else t_us
        begin, end = max(start_us, from_us), min(end_us, t_us)
        if begin < end:
            total += Fraction(rate_uu_per_h * (end - begin), HOUR_US)
    return total


def earned_train(amount_uu: int, start_us: int, duration_us: int, t_us: int) -> Fraction:
    """Micro-units of a train earned by `t_us`: spread evenly over its duration, all of it from the end on."""
    into_us = min(max(t_us - start_us, 0), duration_us)
    return Fraction(amount_uu * into_us, duration_us)


def count_basal(segments: Sequence[Sequence[int]], from_us: int, step_uu: int, t_us: int) -> int:
    """Count the steps of basal due by `t_us`, rounded down."""
    return earned_basal(segments, from_us, t_us) // step_uu


def count_train(amount_uu: int, start_us: int, duration_us: int, step_uu: int, t_us: int) -> int:
    """Count the steps of a train due by `t_us`, rounded down."""
    return earned_train(amount_uu, start_us, duration_us, t_us) // step_uu


# When each step is due


def dues_basal(segments: Sequence[Sequence[int]], from_us: int, step_uu: int, to_us: int) -> list[int]:
    """Due times of the basal steps up to and including `to_us`; the remainder is carried over every edge."""
    dues: list[int] = []
    worth = step_uu * HOUR_US  # what a step costs, in micro-units per hour times microseconds
    carried = 0  # earned and not yet due, in the same unit, always below `worth`
    for i, (start_us, rate_uu_per_h) in enumerate(segments):
        begin = max(start_us, from_us)
        end = min(segments[i + 1][0], to_us) if i + 1 < len(segments) else to_us
        if begin >= end or rate_uu_per_h == 0:
            continue
        earned = carried + rate_uu_per_h * (end - begin)
        dues.extend(begin + ceil_div(k * worth - carried, rate_uu_per_h) for k in range(1, earned // worth + 1))
        carried = earned % worth
    return dues


def dues_train(steps: int, start_us: int, duration_us: int) -> list[int]:
    """Due times of all steps of a train."""
    return [start_us + ceil_div(k * duration_us, steps) for k in range(1, steps + 1)]


def first_instant(count: Callable[[int], int], k: int, low_us: int, high_us: int) -> int:
    """Find the least instant in (low_us, high_us] at which `count` reaches k, by halving: the inverse route."""
    while high_us - low_us > 1:
        middle = (low_us + high_us) // 2
        if count(middle) >= k:
            high_us = middle
        else:
            low_us = middle
    return high_us


# The whole plan


def reference_schedule(plan: Plan) -> list[list[Any]]:
    """List the pulses of a plan as `[at_us, channel, steps]`.

    Raises:
        RefusedError: the plan breaks a rule of the law (not: a range of the kernel).
    """
    check_plan(plan)
    actuator = plan["actuator"]
    gap_us, grid_us = actuator["gap_us"], actuator["grid_us"]
    leaving: list[tuple[int, DueStep]] = []
    free_us = 0  # from when on the actuator is free
    for step in sorted(all_steps(plan)):
        if gap_us:
            at_us = max(step.due_us, free_us)
        elif grid_us:
            at_us = ceil_div(step.due_us, grid_us) * grid_us
        else:
            at_us = step.due_us
        if step.cancel_us is not None and at_us > step.cancel_us:
            continue
        free_us = at_us + gap_us
        leaving.append((at_us, step))
    if gap_us:
        refuse_backlog(leaving)
    return pulses_of(leaving, plan)


def all_steps(plan: Plan) -> Iterator[DueStep]:
    """Every step of the plan that is due by `to_us`, in no order, cancelled or not."""
    step_uu, to_us = plan["actuator"]["step_uu"], plan["to_us"]
    for number, due_us in enumerate(dues_basal(plan["basal"], plan["from_us"], step_uu, to_us)):
        yield DueStep(due_us, RANKS["basal"], 0, -1, number, "basal", None)
    for place, train in enumerate(plan["trains"]):
        start_us, channel = train["start_us"], train["channel"]
        for number, due_us in enumerate(dues_train(train["amount_uu"] // step_uu, start_us, train["duration_us"])):
            if due_us <= to_us:
                yield DueStep(due_us, RANKS[channel], start_us, place, number, channel, train.get("cancel_us"))


def refuse_backlog(leaving: Sequence[tuple[int, DueStep]]) -> None:
    """Refuse a plan under which too many steps wait for the actuator; `leaving` has the steps that exist, in order."""
    ats = [at_us for at_us, _ in leaving]
    for i, (_, step) in enumerate(leaving):
        gone = bisect_right(ats, step.due_us, 0, i + 1)
        if i + 1 - gone > WAITING_MAX:
            msg = f"gap_us: {i + 1 - gone} steps wait at {step.due_us} us"
            raise RefusedError(msg)


def pulses_of(leaving: Iterable[tuple[int, DueStep]], plan: Plan) -> list[list[Any]]:
    """Turn steps with the instant they leave into the pulses inside the window."""
    inside = [(at_us, step) for at_us, step in leaving if plan["from_us"] < at_us <= plan["to_us"]]
    if not plan["actuator"]["grid_us"]:
        return [[at_us, step.channel, 1] for at_us, step in inside]
    together: dict[tuple[int, int], list[Any]] = {}
    for at_us, step in inside:
        together.setdefault((at_us, step.rank), [at_us, step.channel, 0])[2] += 1
    return [together[key] for key in sorted(together)]


# The same by brute force


def brute_schedule(plan: Plan) -> list[list[Any]]:
    """List the pulses of a short plan by living through every microsecond of it.

    Nothing here computes a due time: a step is due at the microsecond at which the earned amount first pays for it.
    """
    check_plan(plan)
    actuator, from_us, to_us = plan["actuator"], plan["from_us"], plan["to_us"]
    step_uu, gap_us, grid_us = actuator["step_uu"], actuator["gap_us"], actuator["grid_us"]
    waiting: list[DueStep] = []
    leaving: list[tuple[int, DueStep]] = []
    last_us: int | None = None
    for t_us in range(min([from_us, *(train["start_us"] for train in plan["trains"])]), to_us + 1):
        waiting.extend(sorted(_newly_due(plan, step_uu, t_us)))
        waiting = [s for s in waiting if s.cancel_us is None or t_us <= s.cancel_us]
        while waiting:
            if gap_us and last_us is not None and t_us < last_us + gap_us:
                break
            if grid_us and t_us % grid_us:
                break
            leaving.append((t_us, waiting.pop(0)))
            last_us = t_us
    if gap_us:
        _refuse_backlog_the_long_way(leaving, waiting, to_us, gap_us)
    return pulses_of(leaving, plan)


def _refuse_backlog_the_long_way(
    leaving: Sequence[tuple[int, DueStep]], waiting: Iterable[DueStep], to_us: int, gap_us: int
) -> None:
    """Let what still waits at the end leave too, then count for every step who waits with it."""
    leaving = list(leaving)
    for step in waiting:
        at_us = max(to_us + 1, leaving[-1][0] + gap_us) if leaving else to_us + 1
        if step.cancel_us is None or at_us <= step.cancel_us:
            leaving.append((at_us, step))
    for _, step in leaving:
        if sum(other <= step and at_us > step.due_us for at_us, other in leaving) > WAITING_MAX:
            msg = f"gap_us: too many steps wait at {step.due_us} us"
            raise RefusedError(msg)


def _newly_due(plan: Plan, step_uu: int, t_us: int) -> Iterator[DueStep]:
    """List the steps that are due at `t_us` and were not one microsecond earlier."""
    segments, from_us = plan["basal"], plan["from_us"]
    before, now = (count_basal(segments, from_us, step_uu, t) for t in (t_us - 1, t_us))
    for number in range(before, now):
        yield DueStep(t_us, RANKS["basal"], 0, -1, number, "basal", None)
    for place, train in enumerate(plan["trains"]):
        shape = (train["amount_uu"], train["start_us"], train["duration_us"], step_uu)
        before, now = (count_train(*shape, t) for t in (t_us - 1, t_us))
        for number in range(before, now):
            rank = RANKS[train["channel"]]
            yield DueStep(t_us, rank, train["start_us"], place, number, train["channel"], train.get("cancel_us"))


# What no plan may be, whatever the kernel's ranges are

PLAN_KEYS = {"actuator", "from_us", "to_us", "basal", "trains"}
ACTUATOR_KEYS = {"step_uu", "gap_us", "grid_us"}
TRAIN_KEYS = {"channel", "start_us", "duration_us", "amount_uu"}


def check_plan(plan: Plan) -> None:
    """Refuse a plan that the text of the law forbids."""
    _keys("", plan, PLAN_KEYS)
    _keys("actuator", plan["actuator"], ACTUATOR_KEYS)
    actuator = plan["actuator"]
    if actuator["gap_us"] and actuator["grid_us"]:
        msg = "grid_us: together with gap_us"
        raise RefusedError(msg)
    starts = [start_us for start_us, _ in plan["basal"]]
    if any(a >= b for a, b in pairwise(starts)):
        msg = "basal: not strictly increasing"
        raise RefusedError(msg)
    for place, train in enumerate(plan["trains"]):
        _keys(f"trains[{place}]", {k: v for k, v in train.items() if k != "cancel_us"}, TRAIN_KEYS)
        if train["channel"] not in RANKS:
            msg = f"trains[{place}].channel: {train['channel']!r}"
            raise RefusedError(msg)
        if train["duration_us"] < 1 or train["amount_uu"] % actuator["step_uu"]:
            msg = f"trains[{place}]: duration below 1, or not a whole number of steps"
            raise RefusedError(msg)


def _keys(where: str, table: Plan, keys: set[str]) -> None:
    if table.keys() != keys:
        msg = f"{where}: keys {sorted(table)}, not {sorted(keys)}"
        raise RefusedError(msg)
