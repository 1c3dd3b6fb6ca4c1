# ruff: noqa: ANN401 - angr and its kin carry no types
"""Prove the compiled walking step: `python -m specs.binary.prove LIBRARY RANGES_RS [GOAL ...]`.

The library is the one of this folder; the Python is the one that has angr.

Each door is executed from its machine code, with symbols for its arguments and for all memory, until it returns, along
every path that exists; then, for each path, it is shown that the claim's negation has no solution, and that the paths
together cover every input given. Nothing is sampled and no loop is cut short: the doors have none.

The rules of this file: what is assumed of an input stands in its goal's `given`, with bounds from the kernel's own
table; where a field lies is read from the library's debug information; claims are of integers without end, so a wrap
cannot hide; and each goal is shown real executions too: what symbolic execution says of them is what the processor
answers, and they satisfy every fact that the proof used, so that it proves nothing from a contradiction.

Prints a line for each goal, `proved NAME ...` or `REFUTED NAME ...` with an execution that breaks it; ends with 1 where
one is refuted, and with 2 where one cannot be decided.
"""

from __future__ import annotations

import ctypes
import logging
import random
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

logging.disable(logging.CRITICAL)

import angr  # noqa: E402 - angr speaks while it is imported
import claripy  # noqa: E402
import z3  # noqa: E402
from elftools.elf.elffile import ELFFile  # noqa: E402

from specs.binary.goals import PLACES, STRUCTS, Goal, Ints, Law, Lemma, lemmas, ranges  # noqa: E402
from specs.binary.unbounded import Unbounded, Undecided  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

RETURN: Final = 0x7FFF_0000
BLOCKS_MOST: Final = 200
"""More blocks than any path of a door without loops has."""
ENOUGH_MS: Final = 60_000
DRAWS: Final = 60
WORDS: Final = 512
"""More memory than any struct has."""


@dataclass(frozen=True)
class Ended:
    """One way through a door: when it is taken, and what it leaves, by name with a tick."""

    taken: Any
    left: dict[str, Any]


def word(name: str) -> Any:
    """Any 64 bits."""
    return claripy.BVS(name, 64, explicit_name=True)


EXECUTED: Final[dict[Any, list[Ended]]] = {}


def executed(project: Any, goal: Goal) -> list[Ended]:
    """Execute a door along all its paths, once for all goals that ask the same of it."""
    key = (goal.door, goal.arguments, *goal.before.items(), *goal.after.items())
    if key not in EXECUTED:
        EXECUTED[key] = all_paths(project, goal)
    return EXECUTED[key]


def all_paths(project: Any, goal: Goal) -> list[Ended]:
    """Execute a door along all its paths.

    Raises:
        Undecided: there is no such door, or a path does not return.
    """
    symbol = project.loader.find_symbol(goal.door)
    if symbol is None:
        raise Undecided(f"{goal.name}: no door {goal.door}")
    arguments = [name if isinstance(name, int) else PLACES.get(name) or word(name) for name in goal.arguments]
    # Nobody asks on the way whether a path can be taken: of one that cannot, all claims hold.
    lazy = {angr.options.LAZY_SOLVES}
    state = project.factory.call_state(symbol.rebased_addr, *arguments, ret_addr=RETURN, add_options=lazy)
    for (place, offset), name in goal.before.items():
        held = claripy.BVV(name, 64) if isinstance(name, int) else word(name)
        state.memory.store(PLACES[place] + offset, held, endness="Iend_LE")
    manager = project.factory.simgr(state, save_unconstrained=True)
    for _ in range(BLOCKS_MOST):
        if not manager.active:
            break
        manager.step()
        manager.move("active", "done", lambda ended: ended.addr == RETURN)
    lost = [*manager.active, *manager.errored, *manager.unconstrained, *manager.deadended]
    done = manager.stashes.get("done", [])
    if lost or not done:
        raise Undecided(f"{goal.name}: {len(lost)} paths do not return")
    return [Ended(claripy.And(claripy.true(), *end.solver.constraints), left_by(end, goal)) for end in done]


def left_by(end: Any, goal: Goal) -> dict[str, Any]:
    """Read what a path leaves behind."""
    left = {f"{name}'": end.memory.load(PLACES[at] + offset, 8, endness="Iend_LE")
            for (at, offset), name in goal.after.items()}  # fmt: skip
    return {**({f"{goal.returns}'": getattr(end.regs, goal.returns)} if goal.returns else {}), **left}


def solver(*facts: Any) -> z3.Solver:
    """Make a solver that gives up in the end."""
    made = z3.SimpleSolver()
    made.set("timeout", ENOUGH_MS)
    made.add(*facts)
    return made


def decided(made: z3.Solver, what: str) -> bool:
    """Return whether there is a solution.

    Raises:
        Undecided: the solver gave up.
    """
    answer = made.check()
    if answer == z3.unknown:
        raise Undecided(f"{what}: {made.reason_unknown()}")
    return bool(answer == z3.sat)


@dataclass(frozen=True)
class Said:
    """What is known of one path, in integers."""

    names: Ints
    facts: list[Any]

    @classmethod
    def of(cls, goal: Goal, path: Ended) -> Said | None:
        """Translate a path; None for one that nothing given takes."""
        into = Unbounded()
        names = {name: into.of(word(name)) for name in goal.inputs()}
        names |= {name: into.of(bits) for name, bits in path.left.items()}
        known = [*goal.given(names), into.of(path.taken)]
        if not decided(solver(*known, *into.facts), f"{goal.name}: a path"):
            return None
        for division in into.divisions:
            num, den = division.num, division.den
            same = (
                maybe for maybe in goal.dividends(names)
                if not decided(solver(*known, *into.facts, num != maybe), f"{goal.name}: a dividend")
            )  # fmt: skip
            known.append(next(same, num) == division.quotient * den + division.rest)
        return cls(names, [*known, *into.facts])


def prove(project: Any, library: Path, goal: Goal) -> str:
    """Prove a goal, and say so in a line.

    Raises:
        Refuted: it does not hold.
        Undecided: nobody knows.
    """
    paths = executed(project, goal)
    said = {place: of for place, path in enumerate(paths) if (of := Said.of(goal, path)) is not None}
    claims = 0
    for of in said.values():
        for claim in goal.claim(of.names):
            attempt = solver(*of.facts, z3.Not(claim))
            if decided(attempt, f"{goal.name}: {claim}"):
                raise Refuted(broken(goal, paths, attempt.model(), claim))
            claims += 1
    cover(goal, [paths[place] for place in said])
    ran = shown(library, goal, paths, said)
    return f"proved {goal.name} paths={len(paths)} taken={len(said)} claims={claims} executions={ran}"


class Refuted(Exception):  # noqa: N818 - a verdict
    """A goal does not hold; the text has an execution that breaks it."""


def cover(goal: Goal, paths: list[Ended]) -> None:
    """Show that no input takes none of the paths.

    Raises:
        Undecided: one does.
    """
    into = Unbounded()
    names = {name: into.of(word(name)) for name in goal.inputs()}
    none = [z3.Not(into.of(path.taken)) for path in paths]
    if decided(solver(*goal.given(names), *none, *into.facts), f"{goal.name}: cover"):
        raise Undecided(f"{goal.name}: an input takes no path")


def valued(paths: list[Ended], values: Mapping[str, int]) -> tuple[int, dict[str, int]]:
    """Return the index of the path that an input takes, and what it leaves, in bits, by symbolic execution.

    Raises:
        Undecided: it takes none, or more than one, or what it leaves hangs on something else too.
    """
    known = {word(name).hash(): claripy.BVV(value, 64) for name, value in values.items()}
    taken = [place for place, path in enumerate(paths) if claripy.replace_dict(path.taken, dict(known)).is_true()]
    if len(taken) != 1:
        raise Undecided(f"{len(taken)} paths for {values}")
    left = {name: claripy.replace_dict(bits, dict(known)) for name, bits in paths[taken[0]].left.items()}
    if any(bits.op != "BVV" for bits in left.values()):
        raise Undecided(f"{values} do not say all of {left}")
    return taken[0], {name: bits.args[0] for name, bits in left.items()}


def broken(goal: Goal, paths: list[Ended], model: Any, claim: Any) -> str:
    """Show, in bits, that an input breaks a claim.

    Raises:
        Undecided: it does not: the facts said too little.
    """
    values = {name: model.eval(z3.Int(name), model_completion=True).as_long() for name in goal.inputs()}
    _, left = valued(paths, values)
    names = {name: z3.IntVal(value) for name, value in {**values, **left}.items()}
    if all(z3.is_true(z3.simplify(one)) for one in goal.claim(names)):
        raise Undecided(f"{goal.name}: {claim} has no proof, and {values} does not break it")
    return f"REFUTED {goal.name} {values} gives {left}"


def shown(library: Path, goal: Goal, paths: list[Ended], said: dict[int, Said]) -> int:
    """Execute a door on the processor, and compare with what was said of it; give the number of executions.

    Raises:
        Undecided: they differ.
    """
    ran = 0
    for values in (*goal.cases, *drawn(goal)):
        place, left = valued(paths, values)
        answered = native(library, goal, values)
        if any(left[name] != value for name, value in answered.items()):
            raise Undecided(f"{goal.name}: the processor answers {answered} to {values}, not {left}")
        if place not in said:
            raise Undecided(f"{goal.name}: {values} take a path that nothing given takes")
        of = said[place]
        same = [of.names[name] == value for name, value in {**values, **left}.items()]
        if not decided(solver(*of.facts, *same), f"{goal.name}: an execution"):
            raise Undecided(f"{goal.name}: {values} does not satisfy what is said of it")
        ran += 1
    return ran


def drawn(goal: Goal) -> list[dict[str, int]]:
    """Draw inputs that the goal allows: those chosen by hand, each value moved a little or a lot; none twice."""
    dice = random.Random(goal.name)  # noqa: S311 - no secret
    found: list[dict[str, int]] = []
    for _ in range(DRAWS):
        values = {
            name: max(0, dice.choice([value, value + dice.randint(-2, 2), dice.randint(0, max(1, 2 * value))])) % 2**64
            for name, value in dice.choice(goal.cases).items()
        }
        names = {name: z3.IntVal(value) for name, value in values.items()}
        allowed = all(z3.is_true(z3.simplify(one)) for one in goal.given(names))
        if allowed and values not in found and values not in goal.cases:
            found.append(values)
    return found


def native(library: Path, goal: Goal, values: Mapping[str, int]) -> dict[str, int]:
    """Call a door on this machine's processor."""
    memory = {place: (ctypes.c_uint64 * WORDS)() for place in PLACES}
    for (place, offset), name in goal.before.items():
        memory[place][offset // 8] = name if isinstance(name, int) else values[name]
    call = ctypes.CDLL(str(library))[goal.door]
    call.restype = ctypes.c_uint64
    rax = call(*(argument(name, memory, values) for name in goal.arguments))
    returned = {"rax": rax, "al": rax & 0xFF, "": 0}[goal.returns]
    left = {f"{name}'": memory[place][offset // 8] for (place, offset), name in goal.after.items()}
    return {**left, **({f"{goal.returns}'": returned} if goal.returns else {})}


def argument(name: str | int, memory: Mapping[str, Any], values: Mapping[str, int]) -> Any:
    """Make an argument of a real call."""
    if isinstance(name, str) and name in memory:
        return ctypes.c_void_p(ctypes.addressof(memory[name]))
    return ctypes.c_uint64(name if isinstance(name, int) else values[name])


def layout(library: Path, name: str) -> dict[str, int]:
    """Read where the fields of a struct lie, as the compiler wrote it down.

    Raises:
        Undecided: it did not, or not once only.
    """
    found = set()
    with library.open("rb") as file:
        for unit in ELFFile(file).get_dwarf_info().iter_CUs():
            for die in unit.iter_DIEs():
                named = die.attributes.get("DW_AT_name")
                if die.tag == "DW_TAG_structure_type" and named is not None and named.value == name.encode():
                    found.add(tuple(sorted(members(die))))
    if len(found) != 1:
        raise Undecided(f"{name} has {len(found)} layouts")
    return dict(found.pop())


def members(die: Any) -> Iterable[tuple[str, int]]:
    """Fields of a struct with their offsets."""
    for child in die.iter_children():
        if child.tag == "DW_TAG_member":
            yield child.attributes["DW_AT_name"].value.decode(), child.attributes["DW_AT_data_member_location"].value


def follows(lemma: Lemma) -> str:
    """Prove a lemma, and say so in a line.

    Raises:
        Undecided: there is no proof.
    """
    names = {name: z3.Int(name) for name in lemma.inputs}
    claims = lemma.claim(names)
    for claim in claims:
        if decided(solver(*lemma.given(names), z3.Not(claim)), lemma.name):
            raise Undecided(f"{lemma.name}: {claim} does not follow")
    return f"proved {lemma.name} claims={len(claims)}"


def main(library: Path, source: Path, names: list[str]) -> int:
    """Prove everything, or what is named; 0 if it holds, 1 if something does not, 2 if something is not known."""
    project = angr.Project(str(library), auto_load_libs=False)
    lies = {name: layout(library, name) for name in STRUCTS}
    law = Law(ranges(source.read_text(encoding="utf-8")), lies)
    status = 0
    proofs: list[tuple[str, Callable[[], str]]] = [
        *((lemma.name, partial(follows, lemma)) for lemma in lemmas()),
        *((goal.name, partial(prove, project, library, goal)) for goal in law.goals()),
    ]
    for name, proof in proofs:
        if names and name not in names:
            continue
        try:
            line = proof()
        except Refuted as refuted:
            line, status = str(refuted), max(status, 1)
        except Undecided as undecided:
            line, status = f"UNDECIDED {undecided}", 2
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
    return status


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]))
