"""Every way of every group of `pumpcore bench`, run once, and questions far out.

Method: each way's answer is checked before it is run as a benchmark. `make bench` times them all in one run; with
`pytest tests/bench --benchmark-only` the same ways are timed one by one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from pumpcore import Programme
from pumpcore.bench.days import DAY_US
from pumpcore.bench.groups import Absent, Group, Way, all_groups
from pumpcore.bench.report import difference
from pumpcore.units import US_PER_HOUR

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

WAYS: Final = [(group, way) for group in all_groups(quick=True) for way in group.ways]


@pytest.mark.parametrize(("group", "way"), WAYS, ids=[f"{group.name}: {way.name}" for group, way in WAYS])
def test_each_way_gives_the_answer_of_its_group(benchmark: BenchmarkFixture, group: Group, way: Way | Absent) -> None:
    if isinstance(way, Absent):
        pytest.skip(way.reason)
    benchmark.group = group.name
    answer = benchmark(way.call)
    if way.columns is not None:
        assert difference(way.columns(answer), group.expected) is None


def test_every_group_begins_with_the_kernel_and_has_a_rival() -> None:
    for group in {id(group): group for group, _ in WAYS}.values():
        first, *others = group.ways
        assert isinstance(first, Way)
        assert first.ours
        assert any(isinstance(way, Way) and not way.ours for way in others), group.name


@pytest.mark.benchmark(group="a question 300 years out")
@pytest.mark.parametrize("question", ["count_at", "due_at", "next_due_us"])
def test_a_question_300_years_out(benchmark: BenchmarkFixture, question: str) -> None:
    programme = Programme([[3 * i * US_PER_HOUR, 800_000 + i] for i in range(8)], step_uu=50_000, period_us=DAY_US)
    at_us = 300 * 365 * DAY_US
    count = programme.count_at(at_us)
    assert count == 300 * 365 * sum(3 * (800_000 + i) for i in range(8)) // 50_000
    due_us = programme.due_at(count + 1)
    assert due_us is not None
    assert programme.next_due_us(at_us) == due_us
    benchmark(getattr(programme, question), count if question == "due_at" else at_us)
