"""The kernel's steps on exact machine words: `specs/smt/prove.py`, asked of two solvers.

The rules of this file: a goal counts only if every solver proves it and finds its assumptions satisfiable; "unknown"
and a time limit are refusals; and each row of `specs/faults/smt.toml` must have a counterexample in every goal that it
names.
"""

from __future__ import annotations

import json
import re
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from specs.faults import faults
from specs.gates.coq import kernel_ranges
from specs.gates.gate import ROOT, Gate, Refused

if TYPE_CHECKING:
    from specs.gates.gate import Room

GOALS: Final = ROOT / "specs" / "smt" / "goals.py"
GROUPS: Final = ("walk", "train", "dues", "caps")
US_PER_HOUR: Final = 3_600_000_000
SOLVERS: Final = {"z3", "bitwuzla"}
FAULTS: Final = sum(len(fault.found_by) for fault in faults("smt"))
"""One for each goal that a fault is seeded into."""


def prove(group: str, room: Room) -> str:
    """Prove each goal of a group with both solvers, and show that its assumptions are satisfiable."""
    answers = ask(room, group)
    goals = sum(answer["wanted"] == "unsat" for answer in answers) // len(SOLVERS)
    return f"{goals} goals proved, {goals} assumptions satisfiable, by {len(SOLVERS)} solvers"


def must_fail(room: Room) -> str:
    """Find a counterexample for each fault of each group, with both solvers."""
    answers = [answer for group in GROUPS for answer in ask(room, group, "--faults")]
    if any(answer["wanted"] != "sat" for answer in answers):
        raise Refused("a fault is to be proved")
    if len(answers) != len(SOLVERS) * FAULTS:
        raise Refused(f"{len(answers)} answers to {FAULTS} faults")
    return f"{len(answers) // len(SOLVERS)} faults refuted by {len(SOLVERS)} solvers"


def ask(room: Room, group: str, *more: str) -> list[dict[str, Any]]:
    """Return the answers for a group, each of which must be the wanted one.

    Raises:
        Refused: one is not, or a solver did not answer.
    """
    compare_ranges()
    python = room.python("smt")
    text = room.want([str(python), "-B", "-m", "specs.smt.prove", group, *more], log=f"smt-{group}{''.join(more)}")
    answers: list[dict[str, Any]] = [json.loads(line) for line in text.splitlines()]
    for answer in answers:
        if answer["answer"] != answer["wanted"]:
            raise Refused(f"{answer['solver']} says {answer['answer']}, not {answer['wanted']}: {answer['goal']}")
    asked = {
        answer["goal"]: {other["solver"] for other in answers if other["goal"] == answer["goal"]} for answer in answers
    }
    if not asked or any(solvers != SOLVERS for solvers in asked.values()):
        raise Refused(f"{group}: not every question was answered by {sorted(SOLVERS)}")
    return answers


def compare_ranges() -> None:
    """Compare the bounds of the goals with the kernel's table.

    Raises:
        Refused: one is not what the kernel has.
    """
    kernel = kernel_ranges()
    wanted = {
        "TIME_US": kernel["TIME_US"][1],
        "RATE": kernel["RATE_UU_PER_H"][1],
        "STEPS": kernel["AMOUNT_UU"][1] // kernel["STEP_UU"][0],
        "FINE": kernel["STEP_UU"][1] * US_PER_HOUR,
    }
    stated = {
        name: int(value)
        for name, value in re.findall(r"^([A-Z_]+) = ([0-9_]+)$", GOALS.read_text("utf-8"), re.MULTILINE)
    }
    if wanted.items() - stated.items():
        raise Refused(
            f"bounds of the goals: {sorted(wanted.items() - stated.items())} in the kernel, not so in {GOALS.name}"
        )


def gate(group: str, claim: str, bounds: str) -> Gate:
    """Make the gate of a group."""
    return Gate(name=f"smt-{group}", claim=claim, bounds=bounds, run=partial(prove, group))


GATES: Final[tuple[Gate, ...]] = (
    gate("walk", "a basal walk and a rate change on 64-bit words are exact", "all words in the ranges of range.rs"),
    gate("train", "a train's walk and its first step on 64-bit words are exact", "all words in the ranges of range.rs"),
    gate(
        "dues",
        "the fixed point of a stretch is exact",
        "shift: all denominators; whole stretches: pace below 2^8, denominator below 2^4 (Coq: all)",
    ),
    gate(
        "caps",
        "one bucket emptied or booked keeps the total exact, and exceeds no cap, lowered or not",
        "61 and 145 buckets of 32 bits",
    ),
    Gate(
        name="smt-must-fail",
        claim="a step with a fault has a counterexample",
        bounds=f"{FAULTS} seeded faults",
        run=must_fail,
    ),
)
