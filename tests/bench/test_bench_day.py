"""One day of an automatic pump, on the kernel, in pure Python and in NumPy, in one run.

The day: a new rate every five minutes, three meals, one of them with an extended bolus (288 segments: most of the time
from plain lists goes into reading them; the plain day has eight). Two ways to have it: all at once from a plan
(`schedule`), and driven five minutes at a time (`Delivery.advance`), as a controller does. All three
give the same pulses, which is checked before anything is timed. `make bench` times them and shows the ratios; elsewhere
each runs once and only the answers count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

import pytest
from bench.rivals import NumpyEngine, PythonEngine, numpy_schedule, python_schedule
from plans import DAY_US, plan, train
from reference import HOUR_US, RANKS, reference_schedule

from pumpcore import CHANNELS, Delivery, Plan, schedule

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_benchmark.fixture import BenchmarkFixture

STEP_UU: Final = 50_000
FIVE_MINUTES_US: Final = 300_000_000
# 0.05 to 2.4 U/h in a pattern without a short period.
RATES_UU_PER_H: Final = [(i * i * 7 % 48 + 1) * 50_000 for i in range(288)]
TRAINS: Final = [
    train("bolus", 7 * HOUR_US, 120 * 2_000_000, 120 * STEP_UU),
    train("bolus", 12 * HOUR_US, 90 * 2_000_000, 90 * STEP_UU),
    train("bolus", 19 * HOUR_US, 60 * 2_000_000, 60 * STEP_UU),
    train("extended", 19 * HOUR_US, 4 * HOUR_US, 80 * STEP_UU),
]
DAY: Final = plan(STEP_UU, basal=[[i * FIVE_MINUTES_US, rate] for i, rate in enumerate(RATES_UU_PER_H)], trains=TRAINS)
# As people without an automatic pump have it: eight rates a day, one meal with an extended bolus.
PLAIN_DAY: Final = plan(
    STEP_UU,
    basal=[[3 * i * HOUR_US, rate * 10_000] for i, rate in enumerate([80, 70, 90, 110, 100, 95, 120, 85])],
    trains=[
        train("extended", 12 * HOUR_US, 2 * HOUR_US, 60 * STEP_UU),
        train("bolus", 12 * HOUR_US, 40 * 2_000_000, 40 * STEP_UU),
    ],
)
PLAIN_EXPECTED: Final = [(at_us, RANKS[channel]) for at_us, channel, _ in reference_schedule(PLAIN_DAY)]
EXPECTED: Final = [(at_us, RANKS[channel]) for at_us, channel, _ in reference_schedule(DAY)]
CODES: Final = [RANKS[name] for name in CHANNELS]


class Engine(Protocol):
    """What the three engines have in common."""

    def set_rate(self, rate_uu_per_h: int, /) -> None:
        """Earn basal at this rate from now on."""

    def start_train(self, channel: Any, /, *, start_us: int, duration_us: int, amount_uu: int) -> Any:  # noqa: ANN401
        """Start a train."""

    def advance(self, to_us: int, /) -> Any:  # noqa: ANN401 - each has its own columns
        """Say what falls due."""


def drive(engine: Engine) -> list[Any]:
    """Run the day five minutes at a time."""
    starting: dict[int, list[dict[str, Any]]] = {}
    for one in TRAINS:
        starting.setdefault(one["start_us"] // FIVE_MINUTES_US, []).append(one)
    answers = []
    for i, rate_uu_per_h in enumerate(RATES_UU_PER_H):
        engine.set_rate(rate_uu_per_h)
        for one in starting.get(i, ()):
            engine.start_train(
                one["channel"],
                start_us=one["start_us"],
                duration_us=one["duration_us"],
                amount_uu=one["amount_uu"],
            )
        answers.append(engine.advance((i + 1) * FIVE_MINUTES_US))
    return answers


def pairs(columns: Any) -> list[tuple[int, int]]:  # noqa: ANN401 - the kernel's columns or NumPy's
    """Write any answer as (instant, rank of the channel) of each pulse."""
    if isinstance(columns, list):
        return columns
    if isinstance(columns, tuple):
        at_us, channel = columns
        return list(zip(at_us.tolist(), channel.tolist(), strict=True))
    return [(at_us, CODES[code]) for at_us, code in zip(columns.at_us, columns.channel, strict=True)]


@pytest.mark.benchmark(group="a day from a plan")
@pytest.mark.parametrize(
    "answer", [schedule, numpy_schedule, python_schedule], ids=["pumpcore", "numpy", "pure python"]
)
def test_a_day_from_a_plan(benchmark: BenchmarkFixture, answer: Callable[[Any], Any]) -> None:
    assert pairs(answer(DAY)) == EXPECTED
    benchmark(answer, DAY)


@pytest.mark.benchmark(group="a day from a plan")
def test_a_day_from_a_prepared_plan(benchmark: BenchmarkFixture) -> None:
    ready = Plan(DAY)
    assert pairs(schedule(ready)) == EXPECTED
    benchmark(schedule, ready)


@pytest.mark.benchmark(group="a plain day from a plan")
@pytest.mark.parametrize(
    "answer", [schedule, numpy_schedule, python_schedule], ids=["pumpcore", "numpy", "pure python"]
)
def test_a_plain_day_from_a_plan(benchmark: BenchmarkFixture, answer: Callable[[Any], Any]) -> None:
    assert pairs(answer(PLAIN_DAY)) == PLAIN_EXPECTED
    benchmark(answer, PLAIN_DAY)


@pytest.mark.benchmark(group="a plain day from a plan")
def test_a_plain_day_from_a_prepared_plan(benchmark: BenchmarkFixture) -> None:
    ready = Plan(PLAIN_DAY)
    assert pairs(schedule(ready)) == PLAIN_EXPECTED
    benchmark(schedule, ready)


@pytest.mark.benchmark(group="a day in steps of five minutes")
@pytest.mark.parametrize("make", [Delivery, NumpyEngine, PythonEngine], ids=["pumpcore", "numpy", "pure python"])
def test_a_day_in_steps_of_five_minutes(benchmark: BenchmarkFixture, make: Callable[..., Engine]) -> None:
    assert [pair for columns in drive(make(step_uu=STEP_UU)) for pair in pairs(columns)] == EXPECTED
    benchmark(lambda: drive(make(step_uu=STEP_UU)))


def test_the_day_is_a_day_worth_timing() -> None:
    assert len(EXPECTED) > 800
    assert EXPECTED[-1][0] <= DAY_US
