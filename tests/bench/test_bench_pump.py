"""The pump itself: what a command and a confirmation cost, and a year with a temp basal issued every 5 minutes.

In that year the reservoir is changed every three days. Without timing, the year is a day. Every answer is checked:
nothing may be missed, and insulin is what was asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pumps import DAY, MIN, Bench, H, U

from pumpcore.devices import load
from pumpcore.pump import events
from pumpcore.pump.effects import FirePulse, StepsMissed, TempStarted

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

EVERY_US: Final = 5 * MIN
CHANGE_US: Final = 3 * DAY
RATE_UU_PER_H: Final = 700_000


def running() -> Bench:
    """A pump that runs 1 U/h in steps of 0.05 U, some hours into its day."""
    bench = Bench(device=load("medtronic-522")).start()
    bench.to(4 * H)
    bench.confirm_all(4 * H)
    return bench


def test_a_command(benchmark: BenchmarkFixture) -> None:
    """A temp basal that takes insulin away, which acts at once."""
    bench = running()
    command = events.ProposeTemp(bench.now_us, 30 * MIN, rate_uu_per_h=RATE_UU_PER_H)
    answer = benchmark(bench.pump.step, command)
    assert any(isinstance(effect, TempStarted) for effect in answer)


def test_a_confirmation(benchmark: BenchmarkFixture) -> None:
    """The good news that comes with every pulse, each of another pulse."""
    bench = running()

    def setup() -> tuple[tuple[events.PulseConfirmed], dict[str, object]]:
        pulse = bench.next_pulse()
        return (events.PulseConfirmed(pulse.at_us, pulse.seq),), {}

    rounds = 1 if benchmark.disabled else 1000
    answer = benchmark.pedantic(bench.pump.step, setup=setup, rounds=rounds)  # type: ignore[no-untyped-call]
    assert answer == ()
    assert bench.status.without_insulin_us == 0


def test_a_year_of_a_temp_basal_every_five_minutes(benchmark: BenchmarkFixture) -> None:
    days = 1 if benchmark.disabled else 365

    def year() -> tuple[int, int, int]:
        bench = running()
        pump = bench.pump
        start_us = at_us = pump.status.at_us
        commands = delivered_uu = 0
        while at_us < start_us + days * DAY:
            at_us += EVERY_US
            while (deadline_us := pump.next_deadline_us()) is not None and deadline_us <= at_us:
                for effect in pump.step(events.Tick(deadline_us)):
                    if isinstance(effect, FirePulse):
                        pump.step(events.PulseConfirmed(deadline_us, effect.seq))
                        delivered_uu += effect.amount_uu
                    assert not isinstance(effect, StepsMissed)
            if at_us % CHANGE_US == 0:
                bench.do(events.Suspend(at_us))
                bench.change(at_us).confirm_all(at_us)
                bench.do(events.Start(at_us))
            pump.step(events.ProposeTemp(at_us, 30 * MIN, rate_uu_per_h=RATE_UU_PER_H))
            commands += 1
        return commands, delivered_uu, pump.status.at_us - start_us

    commands, delivered_uu, span_us = benchmark.pedantic(year, rounds=1)  # type: ignore[no-untyped-call]
    assert commands == 288 * days
    # The first five minutes go at the profile's rate, and a step is there when it is whole.
    asked_uu = (RATE_UU_PER_H * (span_us - EVERY_US) + U * EVERY_US) // H
    assert abs(delivered_uu - asked_uu) < 50_000
