"""What is timed: groups of ways to have one answer, the kernel's ways first.

The rule of this file: a way says its answer as columns, and the expected answer of a group is that of pure Python,
which knows nothing of the kernel. What depends on a package that is not installed is named with the reason.
"""

from __future__ import annotations

import os
from functools import partial
from importlib.util import find_spec
from itertools import starmap
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

import numpy as np

from pumpcore import CHANNELS, Cohort, Delivery, Plan, schedule, schedule_many, totals_many
from pumpcore.bench.days import STEP_UU, automatic_day, constant_run, eight_segment_days, people, plain_day, plan
from pumpcore.bench.rivals.compiled import NumbaDays
from pumpcore.bench.rivals.python import RANKS, PythonEngine, python_schedule
from pumpcore.bench.rivals.simulators import MINUTES_A_DAY, iints_basal, micro, simglucose_basal
from pumpcore.bench.rivals.vector import NumpyEngine, NumpyTotals, numpy_schedule
from pumpcore.frozen import dataclass
from pumpcore.units import US_PER_HOUR, US_PER_MINUTE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from pumpcore.bench.days import PlanDict, TrainDict

Columns: TypeAlias = "tuple[NDArray[np.generic], ...]"

__all__ = ["Absent", "Columns", "Engine", "Group", "Way", "all_groups", "drive", "fill", "processors", "pulses_of"]


@dataclass(frozen=True)
class Way:
    """A way to have an answer.

    Attributes:
        name: what a reader calls it.
        call: what is timed.
        columns: writes what `call` returns as columns; None for a way that has no answer (memory fill).
        error_uu: writes what `call` returns as an amount too much, uu, for a way that has only a sum.
        ours: whether it is the kernel's.
    """

    name: str
    call: Callable[[], object]
    columns: Callable[[object], Columns] | None = None
    error_uu: Callable[[object], int] | None = None
    ours: bool = False


@dataclass(frozen=True)
class Absent:
    """A way that cannot be gone here.

    Attributes:
        name: what a reader calls it.
        reason: why, in one line.
    """

    name: str
    reason: str


@dataclass(frozen=True)
class Group:
    """Ways to have one answer.

    Attributes:
        name: what the answer is.
        unit: what a unit of work is, in the singular.
        units: how many units of work one call is.
        expected: the answer.
        ways: the ways; the first is the one that others are compared with.
    """

    name: str
    unit: str
    units: int
    expected: Columns
    ways: tuple[Way | Absent, ...]


class Engine(Protocol):
    """What the engines have in common."""

    def set_rate(self, rate_uu_per_h: int, /) -> None:
        """Earn basal at this rate from now on."""

    def advance(self, to_us: int, /) -> object:
        """Return what falls due."""


_STARTERS: TypeAlias = "Callable[[Engine, TrainDict], object]"


def processors() -> int:
    """Count the processors that this process may use.

    Returns:
        How many.
    """
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def pulses_of(answer: object) -> Columns:
    """Write the pulses of any way as a column of instants and one of ranks.

    Args:
        answer: what a kernel, a list of pairs or a pair of columns says.

    Returns:
        The columns.

    Example:
        >>> [column.tolist() for column in pulses_of([(5, 0), (7, 2)])]
        [[5, 7], [0, 2]]
    """
    if isinstance(answer, list):
        table = np.array(answer, dtype=np.int64).reshape(-1, 2)
        return table[:, 0], table[:, 1]
    if isinstance(answer, tuple):
        at_us, channel = answer
        return np.asarray(at_us), np.asarray(channel)
    ranks = np.array([RANKS[name] for name in CHANNELS])
    return np.asarray(getattr(answer, "at_us")), ranks[np.asarray(getattr(answer, "channel"))]  # noqa: B009 - of several


def _joined(answers: object) -> Columns:
    """Write the answers of plan after plan as one."""
    pieces = [pulses_of(answer) for answer in answers] if isinstance(answers, list) else []
    return tuple(np.concatenate(column) for column in zip(*pieces, strict=True))


def _sums(answer: object) -> Columns:
    return (np.asarray(answer),)


def fill(pulses: int) -> Columns:
    """Write as many bytes as an answer has, and nothing else: no way that makes an answer is faster.

    Args:
        pulses: how many pulses the answer has.

    Returns:
        The columns.
    """
    return np.full(pulses, 7, dtype=np.uint64), np.full(pulses, 1, dtype=np.uint8)


def _fill(pulses: int) -> Way:
    return Way("filling the same memory", partial(fill, pulses))


def _numba(days: Sequence[PlanDict]) -> Way | Absent:
    name = "Numba, from prepared arrays"
    if find_spec("numba") is None:
        return Absent(name, "not installed: pip install numba")
    return Way(name, NumbaDays(days).answer, pulses_of)


def _one_plan(name: str, day: PlanDict) -> Group:
    ready = Plan(day)
    expected = pulses_of(python_schedule(day))
    ways = (
        Way("pumpcore, from a prepared plan", lambda: schedule(ready), pulses_of, ours=True),
        Way("pumpcore, from lists", lambda: schedule(day), pulses_of, ours=True),
        Way("NumPy", lambda: numpy_schedule(day), pulses_of),
        Way("pure Python", lambda: python_schedule(day), pulses_of),
        _numba([day]),
        _fill(ready.due_steps),
    )
    return Group(name, "step", ready.due_steps, expected, ways)


def drive(make: Callable[[], Engine], start: _STARTERS, day: PlanDict) -> list[object]:
    """Run a day from one rate to the next, as a controller does.

    Args:
        make: makes the engine.
        start: starts a train on it.
        day: the plan; a train starts where a rate does.

    Returns:
        What each turn said.
    """
    starting: dict[int, list[TrainDict]] = {}
    for one in day["trains"]:
        starting.setdefault(one["start_us"], []).append(one)
    engine, answers = make(), []
    ends = [start_us for start_us, _ in day["basal"][1:]] + [day["to_us"]]
    for (start_us, rate_uu_per_h), end_us in zip(day["basal"], ends, strict=True):
        engine.set_rate(rate_uu_per_h)
        for one in starting.get(start_us, ()):
            start(engine, one)
        answers.append(engine.advance(end_us))
    return answers


def _start(engine: Engine, one: TrainDict) -> int | None:
    if not isinstance(engine, Delivery | PythonEngine):
        raise TypeError(type(engine).__name__)
    times = {"start_us": one["start_us"], "duration_us": one["duration_us"], "amount_uu": one["amount_uu"]}
    if isinstance(engine, Delivery):
        return engine.start_train("bolus" if one["channel"] == "bolus" else "extended", **times)
    engine.start_train(one["channel"], **times)
    return None


def _turns() -> Group:
    day = automatic_day()
    makers: dict[str, Callable[[], Engine]] = {
        "pumpcore": lambda: Delivery(step_uu=STEP_UU),
        "NumPy": lambda: NumpyEngine(STEP_UU),
        "pure Python": lambda: PythonEngine(STEP_UU),
    }

    def way(name: str, make: Callable[[], Engine]) -> Way:
        return Way(name, lambda: drive(make, _start, day), _joined, ours=name == "pumpcore")

    expected = pulses_of(python_schedule(day))
    return Group(
        "an automatic day in turns of five minutes", "turn", 288, expected, tuple(starmap(way, makers.items()))
    )


def _days(name: str, days: Sequence[PlanDict]) -> Group:
    cohort, ready, threads = Cohort(days), [Plan(day) for day in days], processors()
    expected = _joined([python_schedule(day) for day in days])
    ways = (
        Way("pumpcore, one thread", lambda: schedule_many(cohort, threads=1), pulses_of, ours=True),
        Way(f"pumpcore, {threads} threads", lambda: schedule_many(cohort, threads=threads), pulses_of, ours=True),
        Way("pumpcore, plan after plan", lambda: [schedule(one) for one in ready], _joined, ours=True),
        Way("NumPy, plan after plan", lambda: [numpy_schedule(day) for day in days], _joined),
        _numba(days),
        _fill(cohort.due_steps),
    )
    return Group(name, "step", cohort.due_steps, expected, ways)


def _totals(count: int) -> Group:
    days = eight_segment_days(count)
    cohort, threads, closed = Cohort(days), processors(), NumpyTotals(days)
    pulses = [pulses_of(python_schedule(day))[1] for day in days[: min(count, 100)]]
    some = np.array([[np.bincount(channel.astype(np.int64), minlength=3)] for channel in pulses])

    def first(answer: object) -> Columns:
        return (np.asarray(answer)[: len(some)],)

    ways = (
        Way("pumpcore, one thread", lambda: totals_many(cohort, threads=1), first, ours=True),
        Way(f"pumpcore, {threads} threads", lambda: totals_many(cohort, threads=threads), first, ours=True),
        Way("NumPy, in closed form, from prepared arrays", closed.totals, first),
    )
    return Group(f"totals of {count} days", "day", count, (some,), ways)


def _constant(pulses: int) -> Group:
    """Time a run at one rate."""
    day = constant_run(pulses)
    ready, step_uu, ((_, rate_uu_per_h),) = Plan(day), day["actuator"]["step_uu"], day["basal"]
    k = np.arange(1, ready.due_steps + 1, dtype=np.int64)  # exact up to 2^63 / 3.6e11: 25 million steps
    expected = (-(-k * step_uu * US_PER_HOUR // rate_uu_per_h), np.zeros(len(k), dtype=np.int64))
    ways = (
        Way("pumpcore", lambda: schedule(ready), pulses_of, ours=True),
        _numba([day]),
        _fill(ready.due_steps),
    )
    return Group(f"a run of {pulses} steps at one rate", "step", ready.due_steps, expected, ways)


def _basal_of_a_day() -> Group:
    """Make what the pump models of simulators can be asked: how much basal is it in a day."""
    day = plan(plain_day()["basal"])
    ready, minutes = Plan(day), [at * US_PER_MINUTE for at in range(MINUTES_A_DAY)]
    rates = [next(rate for start_us, rate in reversed(day["basal"]) if start_us <= at_us) for at_us in minutes]
    programmed_uu = sum(rates) // 60

    def error_uu(delivered_u: object) -> int:
        return micro(delivered_u) - programmed_uu

    ways: list[Way | Absent] = [
        Way("pumpcore, each pulse", lambda: schedule(ready), pulses_of, ours=True),
        Way("pure Python, each pulse", lambda: python_schedule(day), pulses_of),
    ]
    makers: dict[str, Callable[[], Callable[[], float]]] = {
        "simglucose's pump, each minute": lambda: simglucose_basal(rates),
        "iints's pump, each five minutes": lambda: iints_basal(rates, step_uu=STEP_UU),
    }
    packages = {"simglucose": "simglucose", "iints": "iints-sdk-python35"}
    for name, make in makers.items():
        package = packages[name.partition("'")[0]]
        try:
            ways.append(Way(name, make(), error_uu=error_uu))
        except ImportError as error:
            ways.append(Absent(name, f"not installed: pip install {package} ({error})"))
    return Group("a day's basal", "day", 1, pulses_of(python_schedule(day)), tuple(ways))


_MANY: Final = 1_000


def all_groups(*, quick: bool = False) -> Iterator[Group]:
    """Make the groups, one after the other: some take a while to make.

    Args:
        quick: with fewer days and shorter runs, to try the ways and not to time them.

    Yields:
        The groups.
    """
    days = 20 if quick else _MANY
    yield _one_plan("a plain day", plain_day())
    yield _one_plan("an automatic day", automatic_day())
    yield _turns()
    yield _days(f"{days} days of eight rates and two trains", eight_segment_days(days))
    yield _days(f"{days} days of people", people(days))
    yield _totals(days * 20)
    yield _constant(2_000 if quick else 100_000)
    yield _constant(20_000 if quick else 10_000_000)
    yield _basal_of_a_day()
