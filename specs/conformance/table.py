"""The mode machine of the code, compared with the one of the specification: every mode, trigger and set of facts.

`python -m specs.conformance.table GRAPH` prints what it counted, or the first difference (status 1).
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pumpcore.errors import ModeError
from pumpcore.pump import modes
from pumpcore.pump.modes import GuardFacts, ModeMachine, State, allowed
from specs.conformance.exhaustive import DifferenceError, read

if TYPE_CHECKING:
    from collections.abc import Mapping

    from specs.conformance.graph import Graph

__all__ = ["compare"]

REFUSED: Final = "refused"
STATES: Final = {state.value.rpartition(".")[2]: state for state in State}


def compare(graph: Graph) -> str:
    """Compare all of it.

    Raises:
        DifferenceError: the first difference.
    """
    if {state["mode"] for state in graph.states.values()} != STATES.keys():
        raise DifferenceError("modes that only one side knows")
    if len(graph.states) != len(STATES) * 2 ** len(GuardFacts.__dataclass_fields__):
        raise DifferenceError(f"{len(graph.states)} states with facts are not all")
    machine, moves, refusals = ModeMachine(), 0, 0
    for state in graph.states.values():
        for trigger, target in _leads(state).items():
            facts = GuardFacts(**state["facts"])
            machine.restore(STATES[state["mode"]])
            try:
                reached = machine.step(trigger, facts).value.rpartition(".")[2]
            except ModeError:
                reached = REFUSED if machine.state is STATES[state["mode"]] else "moved by a refusal"
            told = allowed(STATES[state["mode"]], trigger, facts)
            if reached != target or told is (target == REFUSED):
                held = ", ".join(name for name, holds in state["facts"].items() if holds) or "nothing"
                raise DifferenceError(f"{trigger} in {state['mode']} with {held}: specified as {target}, is {reached}")
            moves += target != REFUSED
            refusals += target == REFUSED
    return f"{len(graph.states)} states with facts, {moves} moves, {refusals} refusals"


def _leads(state: Mapping[str, Any]) -> dict[str, str]:
    """Where each trigger leads by the specification; a trigger that only one side knows is a difference."""
    leads: dict[str, str] = state["leads"]
    if leads.keys() != set(modes.TRIGGERS):
        only = ", ".join(sorted(leads.keys() ^ set(modes.TRIGGERS)))
        raise DifferenceError(f"triggers that only one side knows: {only}")
    if state["facts"].keys() != set(GuardFacts.__dataclass_fields__):
        raise DifferenceError("facts that only one side knows")
    return leads


def main(arguments: list[str]) -> int:
    """Compare the table."""
    try:
        counted = compare(read(Path(arguments[0])))
    except DifferenceError as difference:
        sys.stdout.write(f"DIFFERENCE MCTable: {difference}\n")
        return 1
    sys.stdout.write(f"{counted}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
