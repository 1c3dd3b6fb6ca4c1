"""Every implemented behaviour is specified: the real pump runs freely, and what it did becomes a TLA+ module.

Goal: to find a run of the pump that the specification does not allow. Method: a seeded driver gives events of the whole
alphabet at once, refused ones among them, in each mode those that were given least often there, over many ticks and
with wider bounds than those of the models that are walked exhaustively; each step is written down with the state that
the specification would see. TLC decides.

`python -m specs.conformance.record CONFIG MODULE SEED TRACES STEPS` writes `TraceData.tla`.
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from pathlib import Path
from typing import Any, Final

from pumpcore.pump.events import SuspendCause
from specs.conformance.alphabet import events_of
from specs.conformance.bench import Bench
from specs.conformance.graph import constants, rendered
from specs.conformance.model import Model, beyond

__all__ = ["Step", "module", "record"]

Step = tuple[str, bool, dict[str, Any]]
"""An event, whether the pump took it, and the state after it."""

TICKS_IN_TEN: Final = 3
TRIES: Final = 3
KEEP_REFUSED: Final = 0.4
LEAD_ON: Final = 0.25
FORWARD: Final = {
    "standby": ("BeginChange", "ClockSet", "LimitsSet", "ProposePlan", "ConfirmOne", "Start", "Start"),
    "running": (
        "ProposeTwo",
        "ProposeExtended",
        "ConfirmOne",
        "ConfirmAgain",
        "TempNothing",
        "Suspend",
        "FaultOcclusion",
        "GlucoseLow",
        "GlucoseFalling",
    ),
    "suspended": ("Resume", "BeginChange"),
    "rewind": ("Rewound",),
    "load": ("MeasuredPlenty", "MeasuredFew", "Loaded", "Loaded"),
    "prime": ("PrimeStep", "Primed", "Primed"),
    "fill": ("Filled",),
    "connect": ("Connected",),
    "alarm": ("GoneOcclusion", "GoneMechanical", "ReadOcclusion", "ReadMechanical", "BatteryGood", "BeginChange"),
}
"""What a person would do next in each mode: events drawn blindly seldom finish a reservoir change."""
WHILE_LOW: Final = ("GlucoseLow", "GlucoseFalling", "GlucoseFine", "Suspend", "Tick", "Tick", "Tick")
"""And while suspended for low glucose: left alone it seldom lasts."""
TICKS_MOST: Final = 90
"""So that no trace reaches midnight, at which a real pump looks its plan up anew."""


def record(model: Model, seed: int, traces: int, steps: int) -> list[list[Step]]:
    """Let the pump run.

    Args:
        model: its constants.
        seed: of the driver; the same seed gives the same traces.
        traces: how many.
        steps: of each, at most: a trace ends before it leaves the bounds of the model.
    """
    given: Counter[tuple[str, str]] = Counter()
    chances = (random.Random(f"{seed}-{number}") for number in range(traces))  # noqa: S311 - no secret
    return [_run(model, chance, given, steps) for chance in chances]


def _run(model: Model, chance: random.Random, given: Counter[tuple[str, str]], steps: int) -> list[Step]:
    """One trace."""
    bench, log, ticks = Bench(model), list[Step](), 0
    while len(log) < steps and ticks < TICKS_MOST:
        step = _step(bench, model, chance, given)
        if step is None:
            break
        bench, done = step
        ticks += done[0] == "Tick"
        log.append(done)
    return log


def _step(
    bench: Bench, model: Model, chance: random.Random, given: Counter[tuple[str, str]]
) -> tuple[Bench, Step] | None:
    """One event that is taken, or now and then one that is refused; None where it leads out of the bounds."""
    for attempt in range(TRIES):
        event = _drawn(bench, model, chance, given)
        after = bench.copy()
        accepted = after.give(event)
        if not accepted:
            if attempt == TRIES - 1 or chance.random() < KEEP_REFUSED:
                return bench, (event, False, after.seen())
            continue
        seen = after.seen()
        if not beyond(seen, model):
            return after, (event, True, seen)
    return None


def _drawn(bench: Bench, model: Model, chance: random.Random, given: Counter[tuple[str, str]]) -> str:
    """Draw the next event: onward, time, or what was given least often in this mode."""
    if bench.pump is None and chance.random() < KEEP_REFUSED:
        return "Restart"
    mode = bench.state.state.value.rpartition(".")[2]
    low = bench.state.suspension.cause in {SuspendCause.LOW_GLUCOSE, SuspendCause.PREDICTED_LOW_GLUCOSE}
    onward = [event for event in (WHILE_LOW if low else FORWARD.get(mode, ())) if event in events_of(model)]
    if onward and chance.random() < LEAD_ON:
        return chance.choice(onward)
    if chance.randrange(10) < TICKS_IN_TEN:
        return "Tick"
    rarest = min(events_of(model), key=lambda event: (given[mode, event], chance.random()))
    given[mode, rarest] += 1
    return rarest


def module(traces: list[list[Step]]) -> str:
    """Write traces as TLA+ reads them; each state stands there once."""
    places: dict[str, int] = {}
    lines = []
    for trace in traces:
        steps = []
        for event, accepted, seen in trace:
            place = places.setdefault(rendered(seen), len(places) + 1)
            steps.append(rendered((event, accepted, place)))
        lines.append("<<" + ", ".join(steps) + ">>")
    states = ",\n    ".join(places)
    body = ",\n    ".join(lines)
    return (
        "---- MODULE TraceData ----\nEXTENDS Integers\n"
        f"States == <<\n    {states}\n>>\nTraces == <<\n    {body}\n>>\n====\n"
    )


def main(arguments: list[str]) -> int:
    """Record the traces of one model."""
    config, out, *figures = arguments
    seed, count, steps = map(int, figures)
    traces = record(Model(constants(Path(config))), seed, count, steps)
    Path(out).write_text(module(traces), encoding="utf-8")
    given = [step for trace in traces for step in trace]
    refused = sum(not accepted for _, accepted, _ in given)
    sys.stdout.write(f"{len(traces)} traces, {len(given)} steps, {refused} of them refused\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
