"""Every specified behaviour is implemented, and nothing else: the whole state graph, walked with the real pump.

Goal: for each reachable state of the specification and each event of the alphabet, the pump accepts if and only if the
specification enables it, and is then in the specification's state. Method: a walk over the graph from its first state;
each state keeps the real pump that came there first, and every event is given to a copy of it. A refusal must change
nothing, and no event may change the pump that it was copied from: all that the pump is, is compared before and after.
Then the same event comes half a tick later, with no call in between: it must be taken or refused as at the tick,
answered alike, and lead to the same state; what was earned in that half a tick must be there to the last part.

`python -m specs.conformance.exhaustive CONFIG GRAPH` prints what it counted, or the first difference (status 1).
"""

from __future__ import annotations

import hashlib
import os
import pickle
import sys
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

from pumpcore.errors import PumpcoreError
from pumpcore.units import US_PER_HOUR
from specs.conformance.alphabet import events_of
from specs.conformance.bench import Bench
from specs.conformance.graph import Graph, constants, load, rendered
from specs.conformance.model import STEP_UU, Model, beyond

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Counted", "DifferenceError", "walk"]

DIFFERS: Final = 1


class DifferenceError(AssertionError):
    """The specification and the pump are not of one mind."""


@dataclass(slots=True)
class Counted:
    """What a walk has compared."""

    states: int = 0
    accepted: int = 0
    refused: int = 0
    beyond: int = 0
    halfway: int = 0

    def __str__(self) -> str:
        """Return it in a few words."""
        outside = f", {self.beyond} beyond the bounds" if self.beyond else ""
        between = f"; {self.halfway} again half a tick later"
        return f"{self.states} states, {self.accepted} accepted, {self.refused} refused{outside}{between}"


def walk(graph: Graph, model: Model) -> Counted:
    """Compare every state and every event.

    Raises:
        DifferenceError: the first difference, with the way that leads there.
    """
    (start,) = graph.first
    first = alike(graph)
    root = first[start]
    under_way = _Walk(graph, {root: Bench(model)}, first)
    under_way.same(start, under_way.reached[root].seen(), "")
    waiting = deque([root])
    while waiting:
        waiting.extend(under_way.look(waiting.popleft()))
    if len(under_way.compared) != len(graph.states):
        raise DifferenceError(f"{len(graph.states) - len(under_way.compared)} states were not reached")
    return under_way.counted


def alike(graph: Graph) -> dict[str, str]:
    """Return for each state the first one that differs from it only in what was said on the way there.

    Raises:
        DifferenceError: what follows depends on what was said; then one pump cannot stand for both.
    """
    first: dict[str, str] = {}
    found = {}
    for number, state in graph.states.items():
        found[number] = first.setdefault(rendered({**state["pump"], "said": ()}), number)
        if graph.edges[number] != graph.edges[found[number]]:
            raise DifferenceError(f"what follows depends on what was said: states {found[number]} and {number}")
    return found


@dataclass(slots=True)
class _Walk:
    """A walk under way.

    Attributes:
        graph: where it goes.
        reached: the pumps of states that were reached and not looked at yet.
        first: for each state the one that stands for all that differ only in what was said.
        compared: the states that a pump was in, what it had said included.
        ways: from which state, by which event, each state was reached first.
        counted: what was compared.
    """

    graph: Graph
    reached: dict[str, Bench]
    first: Mapping[str, str]
    compared: set[str] = field(default_factory=set)
    ways: dict[str, tuple[str, str]] = field(default_factory=dict)
    counted: Counted = field(default_factory=Counted)

    def look(self, here: str) -> Iterator[str]:
        """Step the pump of a state with every event, and yield the states that were not known before."""
        bench = self.reached.pop(here)
        before = bench.mark()
        within = halfway(bench)
        for event in events_of(bench.model):
            target = self.graph.edges[here].get(event)
            after = self.given(bench, here, event, target)
            if within is not None and event not in PASSING:
                self.given_halfway(bench, here, event, target, within)
            if after is None or target is None:
                continue
            shown = self.first[target]
            if shown not in self.ways and self.first[self.graph.first[0]] != shown:
                self.ways[shown], self.reached[shown] = (here, event), after
                yield shown
        if bench.mark() != before:
            self.differ(here, "", "an event has changed a pump that it was not given to")
        self.counted.states += 1

    def given(self, bench: Bench, here: str, event: str, target: str | None) -> Bench | None:
        """Step a copy with one event, and compare; return the copy if the event was accepted."""
        after = bench.copy()
        try:
            seen = after.seen() if after.give(event) else None
        except PumpcoreError as error:
            self.differ(here, event, f"{type(error).__name__}: {error}")
        if seen is None:
            if target is not None:
                self.differ(here, event, "enabled, and the pump refuses it")
            if after.pump is not None and after.state is not bench.state and after.mark() != bench.mark():
                self.differ(here, event, "refused, and it has changed the pump")
            self.counted.refused += 1
            return None
        if target is None:
            if not beyond(seen, bench.model):
                self.differ(here, event, "not enabled, and the pump accepts it")
            self.counted.beyond += 1
            return None
        self.same(target, seen, event, here)
        self.counted.accepted += 1
        return after

    def given_halfway(self, bench: Bench, here: str, event: str, target: str | None, within: tuple[int, int]) -> None:
        """Step a copy with an event that comes half a tick later, and compare it as if it came at the tick."""
        after, called = bench.copy(), f"{event}, half a tick later"
        try:
            taken = after.give(event, later_us=bench.model.tick_us // 2)
            stands = taken and event in CONFIRMATIONS and after.state.now_us == bench.state.now_us
            seen = after.seen(within=(0, 0) if stands else within) if taken else None
        except PumpcoreError as error:
            self.differ(here, called, f"{type(error).__name__}: {error}")
        if seen is None:
            if target is not None:
                self.differ(here, called, "enabled, and the pump refuses it")
        elif target is None:
            if not beyond(seen, bench.model):
                self.differ(here, called, "not enabled, and the pump accepts it")
        elif (specified := self.graph.states[target]["pump"]) != seen:
            self.differ(here, called, "; ".join(_differing(specified, seen)))
        self.counted.halfway += 1

    def same(self, target: str, seen: Mapping[str, Any], event: str, here: str | None = None) -> None:
        """Compare the state that is specified with the one that is seen."""
        specified = self.graph.states[target]["pump"]
        if specified != seen:
            self.differ(here or target, event, "; ".join(_differing(specified, seen)))
        self.compared.add(target)

    def differ(self, here: str, event: str, what: str) -> NoReturn:
        """Raise an error for a difference, with the events that lead to it."""
        events = [event] if event else []
        while here in self.ways:
            here, before = self.ways[here]
            events.append(before)
        raise DifferenceError(f"{' '.join(reversed(events)) or 'at the beginning'}: {what}")


PASSING: Final = frozenset({"Tick", "PowerLoss", "Restart"})
"""Events that take their own time, or none."""
CONFIRMATIONS: Final = frozenset({"ConfirmedFirst", "ConfirmedSecond"})
"""They change a booking and nothing else, so a pump need not let time pass for them; it may."""


def halfway(bench: Bench) -> tuple[int, int] | None:
    """Return what basal, and what a suspend withholds, earn in half a tick, as the kernel counts it.

    Returns:
        None where the state is another in the middle of the tick: something ends at its very beginning, an annunciation
        grows more urgent within it, or a step of basal falls due within it and waits for the end.
    """
    if bench.pump is None:
        return None
    constants, s = bench.model.constants, bench.state
    seen = bench.seen()
    in_time = constants["MakesUp"] and seen["mode"] == "suspended" and seen["stopped"] == constants["MakesUp"]
    if in_time or any(offer["age"] == constants["OfferTicks"] for offer in seen["offers"]):
        return None
    if any((s.seen_us - each.status_since_us) % bench.model.tick_us for each in s.board.active):
        return None
    half_us, step_fine = bench.model.tick_us // 2, STEP_UU * US_PER_HOUR
    withheld = s.missing.rate_uu_per_h * half_us if s.suspension.misses else 0
    within = s.engine.rate_uu_per_h * half_us, withheld
    if s.engine.rest_fine + within[0] >= step_fine or s.missing.rest_fine + within[1] >= step_fine:
        return None
    return within


def _differing(specified: Mapping[str, Any], seen: Mapping[str, Any]) -> Iterator[str]:
    """List the fields that differ, the specified value first."""
    for name in sorted(specified.keys() | seen.keys()):
        if specified.get(name) != seen.get(name):
            if name == "alarms":
                yield from _differing(specified[name], seen[name])
            else:
                yield f"{name} is specified as {specified.get(name)} and is {seen.get(name)}"


def read(path: Path) -> Graph:
    """Read a graph, and keep it in a form that is read quickly the next time, under the hash of what it was made of."""
    kept = path.with_name(f"{path.stem}-{hashlib.sha256(path.read_bytes()).hexdigest()[:16]}.pickle")
    if kept.is_file():
        graph: Graph = pickle.loads(kept.read_bytes())  # noqa: S301 - written below
        return graph
    graph = load(path)
    for old in path.parent.glob(f"{path.stem}-*.pickle"):
        old.unlink(missing_ok=True)
    # Another process may be reading it.
    fresh = kept.with_suffix(f".{os.getpid()}")
    fresh.write_bytes(pickle.dumps(graph))
    fresh.replace(kept)
    return graph


def main(arguments: list[str]) -> int:
    """Compare one model."""
    config, dump = map(Path, arguments)
    try:
        counted = walk(read(dump), Model(constants(config)))
    except DifferenceError as difference:
        sys.stdout.write(f"DIFFERENCE {config.stem}: {difference}\n")
        return DIFFERS
    sys.stdout.write(f"{config.stem}: {counted}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
