"""The power is cut at every write and at every effect of short ways through a pump's life; nothing is lost or doubled.

Method: see `pumpcore.sim.cuts`. That all is cut that can be is shown by counting: every state, every event, thousands
of points. That a cut can fail is shown with a journal that forgets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pumpcore.pump import Pump, events
from pumpcore.pump.handlers import HANDLERS
from pumpcore.pump.modes import State
from pumpcore.sim.books import BrokenError
from pumpcore.sim.cuts import CutBench, Cuts, CutScenario, cut_everywhere, cut_scenario
from pumpcore.sim.recording_journal import RecordingJournal
from pumpcore.sim.short_runs import all_short_runs

if TYPE_CHECKING:
    from collections.abc import Callable

WAYS = all_short_runs()


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_the_power_may_go_at_any_point(way: CutScenario) -> None:
    cuts = Cuts()
    cut_scenario(way, cuts)
    assert not cuts.broken, "\n".join(cuts.broken[:5])
    # Each step is one write at least, and each write two points.
    assert cuts.points > 2 * len(way.steps)
    assert cuts.checks["PWR-03"] > len(way.steps)


def walk(way: CutScenario) -> CutBench:
    """Go a way without a cut."""
    bench = CutBench(way.config)
    states = set()
    for step in way.steps:
        while step(bench):
            pass
        states.add(bench.pump.status.state.value)
    bench.seen |= states
    return bench


def test_the_ways_pass_through_every_state_and_give_every_event() -> None:
    seen = set().union(*(walk(way).seen for way in WAYS))
    assert {each.__name__ for each in HANDLERS} <= seen
    assert {each.value for each in State} <= seen


def test_there_are_thousands_of_points(record_property: Callable[[str, object], None]) -> None:
    points = sum(walk(way).cutter.points for way in WAYS)
    record_property("told", f"the power is cut at {points} points")
    assert points > 2_500


def test_a_restart_that_takes_open_pulses_as_not_delivered_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def recover(self: RecordingJournal, at_us: int) -> tuple[object, ...]:
        self.step(events.Tick(at_us))
        return ()

    monkeypatch.setattr(RecordingJournal, "recover", recover)
    cuts = cut_everywhere([WAYS[0]])
    assert any("DEL-09" in each for each in cuts.broken), cuts.broken[:3]


def test_a_journal_that_forgets_a_row_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    keep = RecordingJournal._keep  # noqa: SLF001  # the fault is planted there

    def forget(self: RecordingJournal, event: events.Event, effects: tuple[object, ...]) -> None:
        if not isinstance(event, events.Tick):
            keep(self, event, effects)  # type: ignore[arg-type]  # effects as they came

    monkeypatch.setattr(RecordingJournal, "_keep", forget)
    cuts = cut_everywhere([WAYS[0]])
    assert any("PWR-03" in each or "JournalError" in each for each in cuts.broken), cuts.broken[:3]


def test_a_deadline_that_is_over_is_found_and_nothing_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Pump, "next_deadline_us", lambda pump: pump.status.at_us)
    with pytest.raises(BrokenError, match="TIM-06: the next deadline is in the past"):
        walk(WAYS[0])
