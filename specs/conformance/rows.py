"""Every change of one row of the mode table is found by its comparison with the specification.

`python -m specs.conformance.rows GRAPH` changes one thing of one row at a time (a fact of its guard more or less, its
target, its trigger, or the row is gone), compares the table so changed, and prints how many changes were found, or
which were not (status 1).
"""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from pumpcore.pump import modes
from pumpcore.pump.modes import TABLE, TRIGGERS, GuardFacts, State, Transition
from specs.conformance.exhaustive import DifferenceError, read
from specs.conformance.table import STATES, compare

if TYPE_CHECKING:
    from collections.abc import Iterator

    from specs.conformance.graph import Graph

__all__ = ["Change", "changes", "found"]

FACTS: Final = tuple(GuardFacts.__dataclass_fields__)


class Change(NamedTuple):
    """One thing of one row that is other than it should be."""

    what: str
    place: int
    row: Transition | None


def changes() -> Iterator[Change]:
    """Yield each change of each row: guard, target, trigger, and the row removed."""
    for place, row in enumerate(TABLE):
        for fact in FACTS:
            without = tuple(each for each in row.guard if each != fact)
            yield Change(
                "of a guard", place, row._replace(guard=(*row.guard, fact) if without == row.guard else without)
            )
        for state in State:
            if state is not row.target:
                yield Change("of a target", place, row._replace(target=state))
        for trigger in TRIGGERS:
            if trigger != row.trigger:
                yield Change("of a trigger", place, row._replace(trigger=trigger))
        yield Change("without the row", place, None)


def found(change: Change, graph: Graph) -> str | None:
    """Compare the table with this change: the difference, or None if there is none."""
    source = TABLE[change.place].source
    # Where the change is at work is looked at first: it only saves time.
    states = sorted(graph.states.items(), key=lambda item: STATES[item[1]["mode"]] is not source)
    rows = () if change.row is None else (change.row,)
    modes.TABLE = (*TABLE[: change.place], *rows, *TABLE[change.place + 1 :])  # type: ignore[misc]
    modes.TRIGGERS = tuple(dict.fromkeys(row.trigger for row in modes.TABLE))  # type: ignore[misc]
    try:
        compare(replace(graph, states=dict(states)))
    except DifferenceError as difference:
        return str(difference)
    finally:
        modes.TABLE, modes.TRIGGERS = TABLE, TRIGGERS  # type: ignore[misc]
    return None


def main(arguments: list[str]) -> int:
    """Try every change."""
    graph = read(Path(arguments[0]))
    compare(graph)  # unchanged it agrees
    tried: Counter[str] = Counter()
    missed = []
    for change in changes():
        tried[change.what] += 1
        if found(change, graph) is None:
            missed.append(f"{change.what} of row {change.place}: {TABLE[change.place]} as {change.row}")
    if missed:
        sys.stdout.write("\n".join(["NOT FOUND", *missed]) + "\n")
        return 1
    kinds = ", ".join(f"{count} {what}" for what, count in tried.items())
    sys.stdout.write(f"{len(TABLE)} rows, {tried.total()} changes, each found: {kinds}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
