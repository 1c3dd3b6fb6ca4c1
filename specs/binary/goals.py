# ruff: noqa: ANN401 - z3 carries no types
"""What is claimed of the compiled walking step.

In den-ths of a microsecond a ramp stands at `next_us den - over`: that is the exact instant at which its next step is
earned, and `over` is what was rounded up. With `0 <= over < den`, `next_us` is the least whole microsecond no earlier
(the lemma `least`). So it is enough that a ramp begins at the exact instant of its first step (`basal`, `train`), that
each step moves it by exactly `num = whole den + part` (`step`, `take`), and that what basal has earned of its next step
is carried over a change of rate without loss (`carry`, `basal`, the lemma `carried`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

import z3

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["PLACES", "STRUCTS", "Goal", "Ints", "Law", "Lemma", "lemmas", "ranges"]

NEVER: Final = 2**64 - 1
US_PER_HOUR: Final = 3_600_000_000
PLACES: Final = {"@it": 0x1000_0000, "@from": 0x2000_0000, "@answer": 0x3000_0000}
"""Arguments that are addresses: of what a door works on or makes, of what it reads, of where it writes its answer."""

Ints = dict[str, Any]
"""Integers by name: a symbol's before a door ran; after it, with a tick, what was returned and what memory holds."""

LANE: Final = "Lane<pumpcore_kernel::delivery::Book>"
STRUCTS: Final = ("Ramp", "Stream", "Train", "Delivery", LANE, "Actuator")
"""Of these it must be known where their fields lie."""
FREE: Final = 0
"""The number of `Release::Free`. With a gap the engine asks in a loop whether the queue has room."""

RAMP: Final = ("next_us", "over", "whole", "part", "den")


@dataclass(frozen=True, kw_only=True)
class Goal:
    """One claim about one door.

    Attributes:
        name: its name.
        door: the symbol that is executed.
        arguments: names of symbols or of `PLACES`, or numbers.
        returns: the register that holds what it returns: `rax`, `al`, or none.
        before: what memory holds, by place and offset, names or numbers; anything where nothing is said.
        after: what is looked at when it has returned, by place and offset.
        given: what is assumed of the inputs.
        claim: what must be true of inputs and outputs.
        dividends: what a dividend may be equal to; each is shown before it is used.
        cases: inputs for real executions, chosen by hand; more are drawn at random around them.
    """

    name: str
    door: str
    arguments: tuple[str | int, ...]
    returns: str = ""
    before: Mapping[tuple[str, int], str | int]
    after: Mapping[tuple[str, int], str]
    given: Callable[[Ints], list[Any]]
    claim: Callable[[Ints], list[Any]]
    dividends: Callable[[Ints], list[Any]] = lambda _: []
    cases: tuple[dict[str, int], ...]

    def inputs(self) -> list[str]:
        """Names of all inputs."""
        names = chain((name for name in self.arguments if name not in PLACES), self.before.values())
        return list(dict.fromkeys(name for name in names if isinstance(name, str)))


@dataclass(frozen=True)
class Lemma:
    """A claim about integers alone: what follows from goals."""

    name: str
    inputs: tuple[str, ...]
    given: Callable[[Ints], list[Any]]
    claim: Callable[[Ints], list[Any]]


def ranges(source: str) -> dict[str, tuple[int, int]]:
    """Read the kernel's table of ranges."""
    rows = re.findall(r"^ {4}(\w+) = \"\w+\", \"[^\"]*\", ([\d_]+), ([\d_]+);$", source, re.MULTILINE)
    return {name: (int(least), int(largest)) for name, least, largest in rows}


def ramp(next_us: int, over: int, whole: int, part: int, den: int) -> dict[str, int]:
    """One ramp."""
    return dict(zip(RAMP, (next_us, over, whole, part, den), strict=True))


STEADY: Final = (
    ramp(1_034, 2, 33, 1, 3),
    ramp(1_067, 1, 33, 1, 3),  # over is part: it lands on a whole microsecond
    ramp(1_100, 0, 33, 1, 3),
    ramp(7, 0, 5, 0, 1),
    ramp(0, 0, 0, 0, 1),
    ramp(20_000_000_000_000_000, 999_999_999, 10_000_000_000_000_000, 999_999_999, 1_000_000_000),
    ramp(20_000_000_000_000_000, 999_999_998, 10_000_000_000_000_000, 999_999_999, 1_000_000_000),
    ramp(257_142_858, 600_000, 257_142_857, 100_000, 700_000),
)
"""Ramps chosen by hand: before, at and behind the boundary, and the largest."""


def walked(v: Ints) -> list[Any]:
    """Claim: one step further on the same stream, which is steady still."""
    num = v["whole"] * v["den"] + v["part"]
    return [
        v["next_us'"] * v["den"] - v["over'"] == v["next_us"] * v["den"] - v["over"] + num,
        *rounded_up(v, v["den"]),
        v["whole'"] == v["whole"],
        v["part'"] == v["part"],
        v["den'"] == v["den"],
    ]


def rounded_up(v: Ints, den: Any) -> list[Any]:
    """Claim: what was rounded up is less than a microsecond, and no time is near the end of a word."""
    return [v["over'"] >= 0, v["over'"] < den, v["next_us'"] >= 0, v["next_us'"] < 2**55]


def never(v: Ints) -> list[Any]:
    """Claim: a ramp that comes to no step."""
    return [v[f"{name}'"] == (NEVER if name == "next_us" else 0) for name in RAMP]


def is_never(v: Ints) -> list[Any]:
    """Assume the same before."""
    return [v[name] == (NEVER if name == "next_us" else 0) for name in RAMP]


def paced(v: Ints, num: Any, den: Any) -> list[Any]:
    """Claim: the ramp's pace is `num / den`."""
    return [v["whole'"] * v["den'"] + v["part'"] == num, v["part'"] >= 0, v["part'"] < den, v["den'"] == den]


def lemmas() -> list[Lemma]:
    """List what makes the goals one theorem."""
    standing = ("exact", "next_us", "over", "den", "m")
    earned = ("from_us", "rest", "k", "next_us", "over", "den", "step_fine", "at_us")
    return [
        Lemma(
            "least",
            standing,
            lambda v: [v["den"] >= 1, v["over"] >= 0, v["over"] < v["den"],
                       v["next_us"] * v["den"] - v["over"] == v["exact"]],
            lambda v: [z3.Implies(v["m"] >= v["next_us"], v["m"] * v["den"] >= v["exact"]),
                       z3.Implies(v["m"] < v["next_us"], v["m"] * v["den"] < v["exact"])],
        ),
        Lemma(
            "carried",
            earned,
            lambda v: [v["next_us"] * v["den"] - v["over"]
                       == v["from_us"] * v["den"] + v["k"] * v["step_fine"] - v["rest"]],
            lambda v: [v["rest"] + (v["at_us"] - v["from_us"]) * v["den"]
                       == (v["k"] - 1) * v["step_fine"]
                       + (v["step_fine"] + v["over"] - (v["next_us"] - v["at_us"]) * v["den"])],
        ),
    ]  # fmt: skip


@dataclass(frozen=True)
class Law:
    """The goals, with the bounds of one kernel and the layout of one library."""

    bounds: Mapping[str, tuple[int, int]]
    lies: Mapping[str, Mapping[str, int]]

    def goals(self) -> list[Goal]:
        """List all of them."""
        carry = (self.carry(), self.carry_never())
        return [
            self.step(),
            self.step_never(),
            self.take(),
            self.take_last(),
            *carry,
            *self.begins(),
            self.begins_train(),
            *self.set_rate(),
        ]

    def within(self, value: Any, row: str, unit: int = 1) -> list[Any]:
        """Assume a quantity in its range."""
        least, largest = self.bounds[row]
        return [value >= least * unit, value <= largest * unit]

    def steps_most(self) -> int:
        """Return the largest number of steps of a train."""
        return self.bounds["AMOUNT_UU"][1] // self.bounds["STEP_UU"][0]

    def steady(self, v: Ints) -> list[Any]:
        """Assume the invariants of a ramp that comes to a step.

        No step is due later than a train may end: it starts no later than the largest time, and lasts no longer.
        """
        den_most = max(self.bounds["RATE_UU_PER_H"][1], self.steps_most())
        whole_most = max(self.bounds["STEP_UU"][1] * US_PER_HOUR, self.bounds["DURATION_US"][1])
        time_most = self.bounds["TIME_US"][1] + self.bounds["DURATION_US"][1]
        return [
            v["den"] >= 1, v["den"] <= den_most, v["over"] >= 0, v["over"] < v["den"], v["part"] >= 0,
            v["part"] < v["den"], v["whole"] >= 0, v["whole"] <= whole_most, v["next_us"] >= 0,
            v["next_us"] <= time_most,
        ]  # fmt: skip

    def on_ramp(self, offset: int = 0) -> dict[tuple[str, int], str]:
        """Place the fields of a ramp."""
        return {("@it", offset + at): name for name, at in self.lies["Ramp"].items()}

    def on_stream(self, offset: int = 0) -> dict[tuple[str, int], str]:
        """Place the fields of a stream."""
        stream = self.lies["Stream"]
        return {**self.on_ramp(offset + stream["ramp"]), ("@it", offset + stream["left_steps"]): "left"}

    def on_engine(self) -> dict[tuple[str, int], str]:
        """Place the fields of an engine that a change of rate has to do with."""
        engine, basal = self.lies["Delivery"], self.lies[LANE]["stream"]
        own = {"now_us": "now_us", "rate_uu_per_h": "rate", "idle_rest_fine": "idle"}
        step = engine["actuator"] + self.lies["Actuator"]["step_uu"]
        fields = {("@it", engine[name]): symbol for name, symbol in own.items()}
        return {**fields, ("@it", step): "step_uu", **self.on_stream(engine["channels"] + basal)}

    def step(self) -> Goal:
        """Make the goal: a step of a steady ramp."""
        memory = self.on_ramp()
        return Goal(
            name="step", door="ramp_step", arguments=("@it",), before=memory, after=memory,
            given=self.steady, claim=walked, cases=STEADY,
        )  # fmt: skip

    def step_never(self) -> Goal:
        """Make the goal: a step where there is none."""
        memory = self.on_ramp()
        return Goal(
            name="step-never", door="ramp_step", arguments=("@it",), before=memory, after=memory,
            given=is_never, claim=never, cases=(ramp(NEVER, 0, 0, 0, 0),),
        )  # fmt: skip

    def take(self) -> Goal:
        """Make the goal: a stream's step that is not its last."""
        memory = self.on_stream()
        return Goal(
            name="take", door="ramp_stream_take", arguments=("@it",), returns="rax", before=memory, after=memory,
            given=lambda v: [*self.steady(v), v["left"] > 1],
            claim=lambda v: [v["rax'"] == v["next_us"], v["left'"] == v["left"] - 1, *walked(v)],
            cases=tuple({**one, "left": left} for one in STEADY for left in (2, 3, 2**64 - 1)),
        )  # fmt: skip

    def take_last(self) -> Goal:
        """Make the goal: a stream's last step, and one after it."""
        memory = self.on_stream()
        return Goal(
            name="take-last", door="ramp_stream_take", arguments=("@it",), returns="rax", before=memory, after=memory,
            given=lambda v: [v["left"] >= 0, v["left"] <= 1],
            claim=lambda v: [v["rax'"] == v["next_us"], v["left'"] == 0, *never(v)],
            cases=tuple({**one, "left": left} for one in STEADY for left in (0, 1)),
        )  # fmt: skip

    def carry(self) -> Goal:
        """Make the goal: what basal has earned of its next step, at an instant between the last step and the next."""

        def to_go(v: Ints) -> Any:
            return (v["next_us"] - v["at_us"]) * v["den"] - v["over"]

        return Goal(
            name="carry", door="ramp_rest_fine", arguments=("@it", "step_fine", "at_us", "@answer"), returns="al",
            before=self.on_ramp(), after={("@answer", 0): "rest"},
            given=lambda v: [
                *self.steady(v), *self.within(v["step_fine"], "STEP_UU", US_PER_HOUR),
                *self.within(v["at_us"], "TIME_US"),
                v["at_us"] < v["next_us"], to_go(v) <= v["step_fine"],
            ],
            claim=lambda v: [
                v["al'"] == 1, v["rest'"] == v["step_fine"] - to_go(v), v["rest'"] >= 0, v["rest'"] < v["step_fine"],
            ],
            cases=(
                {**ramp(257_142_858, 600_000, 257_142_857, 100_000, 700_000), "step_fine": 180 * 10**12, "at_us": 1},
                {**ramp(360, 0, 360, 0, 10**9), "step_fine": 360 * 10**9, "at_us": 0},
                {**ramp(360, 0, 360, 0, 10**9), "step_fine": 360 * 10**9, "at_us": 359},
                {**ramp(36 * 10**14, 0, 36 * 10**14, 0, 1), "step_fine": 36 * 10**14, "at_us": 0},
            ),
        )  # fmt: skip

    def carry_never(self) -> Goal:
        """Make the goal: at rate zero a ramp knows nothing: the engine keeps what was earned."""
        memory = self.on_ramp()
        return Goal(
            name="carry-never", door="ramp_rest_fine", arguments=("@it", "step_fine", "at_us", "@answer"), returns="al",
            before=memory, after=memory, given=is_never, claim=lambda v: [v["al'"] == 0, *never(v)],
            cases=({**ramp(NEVER, 0, 0, 0, 0), "step_fine": 180 * 10**12, "at_us": 5},),
        )  # fmt: skip

    def begins(self) -> tuple[Goal, Goal]:
        """Make the goals: a basal stream begins, at a rate and at rate zero."""
        arguments = ("@it", "now_us", "step_fine", "rate", "rest")
        after = self.on_ramp()

        def given(v: Ints) -> list[Any]:
            fine = self.within(v["step_fine"], "STEP_UU", US_PER_HOUR)
            return [*self.within(v["now_us"], "TIME_US"), *fine, v["rest"] >= 0, v["rest"] < v["step_fine"]]

        def first(v: Ints) -> list[Any]:
            exact = v["now_us"] * v["rate"] + v["step_fine"] - v["rest"]
            stands = v["next_us'"] * v["rate"] - v["over'"] == exact
            return [stands, *rounded_up(v, v["rate"]), *paced(v, v["step_fine"], v["rate"])]

        cases = tuple(
            {"now_us": now_us, "step_fine": step_uu * US_PER_HOUR, "rate": rate, "rest": rest}
            for now_us in (0, 10**16)
            for step_uu in (100, 50_000, 10**6)
            for rate in (1, 700_000, 10**9)
            for rest in (0, step_uu * US_PER_HOUR - rate, step_uu * US_PER_HOUR - 1)
        )
        return (
            Goal(
                name="basal", door="ramp_basal", arguments=arguments, before={}, after=after,
                given=lambda v: [*given(v), *self.within(v["rate"], "RATE_UU_PER_H"), v["rate"] >= 1], claim=first,
                dividends=lambda v: [v["step_fine"] - v["rest"], v["step_fine"]], cases=cases,
            ),
            Goal(
                name="basal-zero", door="ramp_basal", arguments=arguments, before={}, after=after,
                given=lambda v: [*given(v), v["rate"] == 0], claim=never,
                cases=tuple({**case, "rate": 0} for case in cases),
            ),
        )  # fmt: skip

    def begins_train(self) -> Goal:
        """Make the goal: a train stands before its first step."""

        def first(v: Ints) -> list[Any]:
            exact = v["start_us"] * v["steps"] + v["duration_us"]
            stands = v["next_us'"] * v["steps"] - v["over'"] == exact
            return [stands, *rounded_up(v, v["steps"]), *paced(v, v["duration_us"], v["steps"])]

        shapes = (
            (0, 1, 1),
            (1_000, 100, 3),
            (10**16, 10**16, 10**7),
            (10**16, 1, 10**7),
            (5, 10**7 + 1, 10**7),
            (0, 99, 33),
        )
        return Goal(
            name="train", door="ramp_train", arguments=("@it", "@from", 1),
            before={("@from", at): name for name, at in self.lies["Train"].items() if name != "kind"},
            after=self.on_ramp(),
            given=lambda v: [
                *self.within(v["start_us"], "TIME_US"), *self.within(v["duration_us"], "DURATION_US"),
                v["steps"] >= 1, v["steps"] <= self.steps_most(),
            ],
            claim=first, dividends=lambda v: [v["duration_us"]],
            cases=tuple(dict(zip(("start_us", "duration_us", "steps"), shape, strict=True)) for shape in shapes),
        )  # fmt: skip

    def set_rate(self) -> tuple[Goal, Goal]:
        """Make the goals: an engine sets its rate to zero, and from zero to another.

        From one rate to another the compiled function has a product in a dividend, which the solver does not decide; it
        is made of what `carry` and `basal` are about.
        """
        memory = self.on_engine()
        # The ramp's `den` is the rate: one symbol for both.
        before = {place: "rate" if name == "den" else name for place, name in memory.items()}
        tag = ("@it", self.lies["Delivery"]["actuator"] + self.lies["Actuator"]["release"])

        def step_fine(v: Ints) -> Any:
            return v["step_uu"] * US_PER_HOUR

        def to_go(v: Ints) -> Any:
            return (v["next_us"] - v["now_us"]) * v["rate"] - v["over"]

        def given(v: Ints) -> list[Any]:
            rates = [*self.within(v["new"], "RATE_UU_PER_H"), *self.within(v["rate"], "RATE_UU_PER_H")]
            return [*rates, *self.within(v["step_uu"], "STEP_UU"), *self.within(v["now_us"], "TIME_US")]

        def runs(v: Ints) -> list[Any]:
            between = [v["now_us"] < v["next_us"], to_go(v) <= step_fine(v)]
            return [*given(v), *self.steady({**v, "den": v["rate"]}), v["idle"] == 0, *between]

        def rests(v: Ints) -> list[Any]:
            return [*given(v), *is_never({**v, "den": v["rate"]}), v["idle"] >= 0, v["idle"] < step_fine(v)]

        def changed(v: Ints, idle: Any) -> list[Any]:
            same = [v["now_us'"] == v["now_us"], v["step_uu'"] == v["step_uu"], v["left'"] == NEVER]
            return [v["rate'"] == v["new"], v["idle'"] == idle, *same]

        def begun(v: Ints) -> list[Any]:
            exact = v["now_us"] * v["new"] + step_fine(v) - v["idle"]
            stands = v["next_us'"] * v["new"] - v["over'"] == exact
            return [stands, *rounded_up(v, v["new"]), *paced(v, step_fine(v), v["new"]), *changed(v, 0)]

        at = {"step_uu": 50_000, "left": NEVER}
        run = {**at, "next_us": 257_142_858, "over": 600_000, "whole": 257_142_857, "part": 100_000, "rate": 700_000}
        rest = {"next_us": NEVER, "over": 0, "whole": 0, "part": 0, "rate": 0, **at}
        return (
            Goal(
                name="set-rate-off", door="delivery_set_rate", arguments=("@answer", "@it", "new"),
                before={**before, tag: FREE}, after=memory, given=lambda v: [*runs(v), v["new"] == 0],
                claim=lambda v: [*never(v), *changed(v, step_fine(v) - to_go(v))],
                cases=tuple({**run, "idle": 0, "now_us": at_us, "new": 0} for at_us in (1, 10**8, 257_142_857)),
            ),
            Goal(
                name="set-rate-again", door="delivery_set_rate", arguments=("@answer", "@it", "new"),
                before={**before, tag: FREE}, after=memory, given=lambda v: [*rests(v), v["new"] >= 1], claim=begun,
                dividends=lambda v: [step_fine(v) - v["idle"], step_fine(v)],
                cases=tuple(
                    {**rest, "idle": idle, "now_us": now_us, "new": new}
                    for now_us in (0, 10**16) for idle in (0, 50_000 * US_PER_HOUR - 1) for new in (1, 700_000, 10**9)
                ),
            ),
        )  # fmt: skip
