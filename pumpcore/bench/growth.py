"""How time and memory grow: with steps, segments, trains, plans, threads and history.

The rule of this file: one quantity grows and all else stays. A curve says what it should be, a straight line or flat,
and how steep it is at its end: the exponent of its last stretch, which for a straight line is one. Floats are
exponents.
"""

from __future__ import annotations

import json
import subprocess
import sys
from functools import partial
from math import log
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pumpcore import Cohort, Delivery, Plan, Programme, schedule, schedule_many
from pumpcore.bench.days import DAY_US, STEP_UU, constant_run, eight_segment_days, plan, train
from pumpcore.bench.groups import fill, processors
from pumpcore.bench.timing import race
from pumpcore.errors import InvariantError
from pumpcore.frozen import dataclass
from pumpcore.units import US_PER_HOUR, US_PER_MINUTE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pumpcore.bench.days import PlanDict

__all__ = ["Curve", "curves"]

_SLACK: Final = 0.15
_BLOCK_STEPS: Final = 1_500_000
_TURNS: Final = 288
# An answer of up to 27 MB, for which memory is used again. The system must clear it for larger ones, and that takes
# longer than to fill it, whoever does: these are compared with such a filling.
_RUNS: Final = [10**3, 10**4, 10**5, 10**6, 3 * 10**6]
_LONG_RUNS: Final = [10**6, 3 * 10**6, 10**7, 3 * 10**7]


@dataclass(frozen=True, slots=True)
class Curve:
    """How one quantity grows with another.

    Attributes:
        name: what is done.
        along: what grows.
        unit: of what is measured: `ps` (one call), `bytes`, or `thousandths` of what it is compared with.
        should: the exponent that it should have at most: 1 for a straight line, 0 for flat.
        points: how much there is of what grows, and what was measured.
    """

    name: str
    along: str
    unit: str
    should: int
    points: tuple[tuple[int, int], ...]

    @property
    def exponent(self) -> float:
        """Return the exponent at the end of the curve.

        Returns:
            The exponent between the last point and the one two before it.

        Example:
            >>> Curve("a", "b", "ps", 1, ((1, 10), (10, 100), (100, 1000))).exponent
            1.0
        """
        (x, y), (x_end, y_end) = self.points[-3:][0], self.points[-1]
        return log(max(y_end, 1) / max(y, 1)) / log(x_end / x) if x_end > x else 0.0

    @property
    def too_steep(self) -> bool:
        """Return whether it grows faster than expected.

        Returns:
            Whether the exponent is more than 0.15 above what it should be.
        """
        return self.exponent > self.should + _SLACK

    def as_json(self) -> dict[str, object]:
        """Write it for JSON.

        Returns:
            A dict of texts, numbers and lists.
        """
        return {
            "name": self.name,
            "along": self.along,
            "unit": self.unit,
            "should": self.should,
            "exponent": round(self.exponent, 3),
            "too_steep": self.too_steep,
            "points": [list(point) for point in self.points],
        }


def curves(*, quick: bool = False) -> Iterator[Curve]:
    """Measure every curve.

    Args:
        quick: with the first points alone, to see that all runs.

    Yields:
        The curves.
    """

    def timed(
        name: str, along: str, should: int, sizes: list[int], make: Callable[[int], Callable[[], object]]
    ) -> Curve:
        rounds, sample_us = (1, 1) if quick else (15, 1_000)
        some = sizes[:3] if quick else sizes
        points = [(size, race([make(size)], rounds=rounds, sample_us=sample_us)[0].median_ps) for size in some]
        return Curve(name, along, "ps", should, tuple(points))

    def against_fill(sizes: list[int]) -> Iterator[tuple[int, int]]:
        rounds, sample_us = (1, 1) if quick else (9, 1_000)
        for size in sizes[:1] if quick else sizes:
            run, filled = race([scheduled(constant_run)(size), partial(fill, size)], rounds=rounds, sample_us=sample_us)
            yield size, run.median_ps * 1_000 // filled.median_ps

    def scheduled(make: Callable[[int], PlanDict]) -> Callable[[int], Callable[[], object]]:
        def prepared(size: int) -> Callable[[], object]:
            ready = Plan(make(size))
            return lambda: schedule(ready)

        return prepared

    yield timed("a run at one rate", "steps", 1, _RUNS, scheduled(constant_run))
    name = "a run at one rate against memory fill"
    yield Curve(name, "steps", "thousandths", 0, tuple(against_fill(_LONG_RUNS)))
    yield timed("days of eight rates, two trains each", "days", 1, [4**k for k in range(6)], scheduled(_days))
    yield timed("a day", "basal segments", 1, [8 * 4**k for k in range(6)], scheduled(_segments))
    yield timed("trains one after the other", "trains", 1, [4**k for k in range(1, 7)], scheduled(_trains_in_turn))
    yield timed("trains all at once", "trains", 1, [2**k for k in range(1, 8)], scheduled(_trains_at_once))
    yield timed("a cohort in blocks", "plans", 1, [10**k for k in range(1, 6)], _blocks)
    yield timed("3000 plans", "threads", 0, list(range(1, processors() + 1)), _threads)
    yield timed("a day in turns, after others", "turns before", 0, [10**k for k in range(1, 6)], _history)
    yield timed("a question to a programme", "days before", 0, [10**k for k in range(6)], _question)
    if Path("/proc/self/status").is_file():
        sizes = [10**6, 2 * 10**6, 5 * 10**6] if quick else [10**6 * k for k in (1, 2, 5, 10, 20, 50)]
        yield Curve("memory of a schedule", "steps", "bytes", 1, tuple((size, _memory_bytes(size)) for size in sizes))


def _days(days: int) -> PlanDict:
    basal, trains = [], []
    for day, one in enumerate(eight_segment_days(days)):
        basal += [(day * DAY_US + start_us, rate) for start_us, rate in one["basal"]]
        for each in one["trains"]:
            start_us = day * DAY_US + each["start_us"]
            trains.append(train(each["channel"], start_us, each["duration_us"], each["amount_uu"]))
    return plan(basal, trains, to_us=days * DAY_US)


def _segments(segments: int) -> PlanDict:
    return plan([(i * DAY_US // segments, 900_000 + i % 5 * 50_000) for i in range(segments)])


def _trains_in_turn(trains: int) -> PlanDict:
    each_us = DAY_US // trains
    return plan([(0, 0)], [train("bolus", i * each_us, each_us, 20 * STEP_UU) for i in range(trains)])


def _trains_at_once(trains: int) -> PlanDict:
    return plan([(0, 0)], [train("extended", i, DAY_US - 7 * i, 20 * STEP_UU) for i in range(trains)])


def _blocks(plans: int) -> Callable[[], object]:
    ready = [Plan(day) for day in eight_segment_days(min(plans, 1_000))]
    cohort = Cohort(ready * (plans // len(ready)))
    blocks = cohort.blocks(steps_most=_BLOCK_STEPS)

    def answer() -> None:
        for first, stop in blocks:
            schedule_many(cohort, first=first, stop=stop, threads=1)

    return answer


def _threads(threads: int) -> Callable[[], object]:
    cohort = Cohort([Plan(day) for day in eight_segment_days(1_000)] * 3)
    return lambda: schedule_many(cohort, threads=threads)


def _history(turns: int) -> Callable[[], object]:
    def turn(engine: Delivery, number: int) -> None:
        engine.set_rate((number * number * 7 % 48 + 1) * 50_000)
        engine.advance(engine.now_us + 5 * US_PER_MINUTE)

    before = Delivery(step_uu=STEP_UU)
    for number in range(turns):
        turn(before, number)

    def a_day_more() -> None:
        engine = before.copy()
        for number in range(_TURNS):
            turn(engine, number)

    return a_day_more


def _question(days: int) -> Callable[[], object]:
    basal = [(3 * i * US_PER_HOUR, 800_000 + i) for i in range(8)]
    programme = Programme(basal, step_uu=STEP_UU, period_us=DAY_US)
    return lambda: programme.count_at(days * DAY_US)


# In a process of its own, where nothing else comes and goes.
_PROBE: Final = """
import json, sys
from pumpcore import Plan, schedule

def most_kib():
    lines = open("/proc/self/status", encoding="ascii").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))

ready = Plan(json.load(sys.stdin))
before = most_kib()
answer = schedule(ready)
print((most_kib() - before) * 1024)
"""


def _memory_bytes(steps: int) -> int:
    """Measure how much more memory a process has resident at its most, when it holds a schedule."""
    done = subprocess.run(  # noqa: S603 - this Python, and the lines above
        [sys.executable, "-c", _PROBE],
        input=json.dumps(constant_run(steps)),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise InvariantError(f"the probe of memory failed: {done.stderr.strip()[-200:]}")
    return int(done.stdout)
