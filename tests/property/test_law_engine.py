"""The engine `Delivery` keeps the delivery law when it is driven: commands at any instants, time in any slices.

Method: a random list of commands is given to the engine as time goes on, and written down as a plan at the same time;
the pulses must be those that the reference gives for the plan. What the engine refuses has changed nothing, so it is
not written down. (With a gap the engine refuses on a proof that looks ahead and is a little stricter than the law, so
what it accepts is what counts.)
"""

from __future__ import annotations

from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumpcore import CHANNELS, Delivery
from pumpcore.errors import LimitError
from pumpcore.testing.programmes import DAY_US, ActuatorMode, plan, train
from pumpcore.testing.reference import HOUR_US, Plan, reference_schedule

Command = tuple[Any, ...]

ACTUATORS: Final[dict[ActuatorMode, list[tuple[int, int]]]] = {
    "plain": [(0, 0)],
    "gap": [(1, 0), (2_000_000, 0), (30_000_000, 0)],
    "grid": [(0, 180_000_000), (0, 300_000_000), (0, 7_000_001)],
}
RATES: Final = st.sampled_from([0, 1, 100_000, 700_000, 850_000, 950_000, 35_000_000]) | st.integers(0, 35_000_000)
WAITS: Final = st.sampled_from([0, 1, 1_000_000, 60_000_000, 300_000_000, HOUR_US]) | st.integers(0, HOUR_US)

ANY_ACTUATOR: Final = st.sampled_from([actuator for some in ACTUATORS.values() for actuator in some])

COMMANDS: Final = st.lists(
    st.tuples(st.just("wait"), WAITS)
    | st.tuples(st.just("rate"), RATES)
    | st.tuples(
        st.just("train"),
        st.sampled_from(["extended", "bolus"]),
        st.sampled_from([1, 2_000_000, 80_000_000]) | st.integers(1, 2 * HOUR_US),
        st.integers(1, 60),
    )
    | st.tuples(st.just("cancel"), st.integers(0, 20)),
    max_size=30,
)


class Driven:
    """An engine, what it has emitted, and the plan that says the same."""

    def __init__(self, actuator: tuple[int, int], at_us: int) -> None:
        gap_us, grid_us = actuator
        self.plan: Plan = plan(gap_us=gap_us, grid_us=grid_us, from_us=at_us, to_us=at_us)
        self.engine = Delivery(step_uu=50_000, gap_us=gap_us, grid_us=grid_us, at_us=at_us)
        self.pulses: list[list[Any]] = []
        self.ids: list[int] = []

    def do(self, command: Command) -> None:
        """Carry out one command, unless the engine refuses it."""
        now_us: int = self.plan["to_us"]
        try:
            match command:
                case ["wait", us]:
                    self.wait(us)
                case ["rate", rate_uu_per_h]:
                    self.engine.set_rate(rate_uu_per_h)
                    self.plan["basal"] = [s for s in self.plan["basal"] if s[0] < now_us] + [[now_us, rate_uu_per_h]]
                case ["train", channel, duration_us, steps]:
                    one = train(channel, now_us, duration_us, steps * 50_000)
                    self.ids.append(
                        self.engine.start_train(channel, duration_us=duration_us, amount_uu=one["amount_uu"])
                    )
                    self.plan["trains"].append(one)
                case ["cancel", which] if self.ids:
                    self.cancel(which % len(self.ids), now_us)
        except LimitError:
            assert self.engine.now_us == now_us

    def wait(self, us: int) -> None:
        """Let time go on, and keep what falls due."""
        self.plan["to_us"] += us
        out = self.engine.advance(self.plan["to_us"])
        self.pulses += [
            [at_us, CHANNELS[code], steps] for at_us, code, steps in zip(out.at_us, out.channel, out.steps, strict=True)
        ]

    def cancel(self, which: int, now_us: int) -> None:
        """Cancel a train that still has steps to deliver."""
        one = self.plan["trains"][which]
        if one.get("cancel_us") is None and now_us < one["start_us"] + one["duration_us"]:
            self.engine.cancel(self.ids[which])
            one["cancel_us"] = now_us


def by_channel(pulses: list[list[Any]]) -> list[list[Any]]:
    """Put trains of one channel together: on a grid the engine gives each its own pulse, the plan form one for all."""
    together: list[list[Any]] = []
    for at_us, channel, steps in pulses:
        if together and together[-1][:2] == [at_us, channel]:
            together[-1][2] += steps
        else:
            together.append([at_us, channel, steps])
    return together


@pytest.mark.req("DEL-01", "DEL-04")
@given(ANY_ACTUATOR, COMMANDS, st.integers(0, 2**53))
def test_what_is_commanded_is_what_the_plan_says(
    actuator: tuple[int, int], commands: list[Command], at_us: int
) -> None:
    driven = Driven(actuator, at_us)
    for command in commands:
        driven.do(command)
    driven.wait(DAY_US)
    pulses = by_channel(driven.pulses) if actuator[1] else driven.pulses
    assert pulses == reference_schedule(driven.plan)


@pytest.mark.req("DEL-03")
@given(
    ANY_ACTUATOR,
    COMMANDS,
    st.lists(st.integers(0, 6 * HOUR_US), max_size=40),
)
def test_time_may_be_sliced_anyhow(actuator: tuple[int, int], commands: list[Command], cuts: list[int]) -> None:
    """advance(a) then advance(b) is advance(b), whatever is running."""
    whole, sliced = Driven(actuator, 0), Driven(actuator, 0)
    for command in commands:
        whole.do(command)
        sliced.do(command)
    now_us, before = whole.engine.now_us, len(whole.pulses)
    assert sliced.engine.now_us == now_us
    for cut_us in sorted(cuts):
        sliced.wait(max(0, now_us + cut_us - sliced.engine.now_us))
    for driven in (whole, sliced):
        driven.wait(now_us + 7 * HOUR_US - driven.engine.now_us)
    assert sliced.pulses[before:] == whole.pulses[before:]


@given(ANY_ACTUATOR, COMMANDS)
def test_the_next_due_time_is_when_the_next_pulse_leaves(actuator: tuple[int, int], commands: list[Command]) -> None:
    """The engine's answer to "when shall I be called?" is neither late nor early, and never now."""
    driven = Driven(actuator, 0)
    for command in commands:
        driven.do(command)
    for _ in range(5):
        next_us, now_us = driven.engine.next_due_us, driven.engine.now_us
        if next_us is None:
            assert len(driven.engine.advance(now_us + DAY_US)) == 0
            return
        assert next_us > now_us
        assert len(driven.engine.advance(next_us - 1)) == 0
        assert set(driven.engine.advance(next_us).at_us) == {next_us}
