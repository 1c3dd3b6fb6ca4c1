# ruff: noqa: INP001 - a script, run by the Python that has the solvers
"""Prove the kernel's steps on exact machine words, with two solvers: `prove.py GROUP [--faults]`.

The rules of this file: a goal is SMT-LIB text over bit vectors; its definitions spell the source's operations one by
one, each modulo 2^64 as the machine has it. A goal is proved if both solvers find its negation unsatisfiable, and
what it assumes satisfiable (else it would hold of nothing). A fault takes the place of one definition, and both solvers
must then find a counterexample. One line of JSON for each question that was asked.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass

import bitwuzla
import z3

# The largest of the kernel's ranges; the gate compares them with its table.
TIME_US = 10_000_000_000_000_000
RATE = 1_000_000_000
STEPS = 10_000_000
FINE = 3_600_000_000_000_000
LIMIT_MS = 100_000


@dataclass(frozen=True, slots=True)
class Goal:
    """One claim.

    Attributes:
        name: what is claimed.
        declared: variables and their widths.
        defined: names, widths and terms, in order: the source's operations.
        assumed: what holds before.
        claimed: what must hold after.
        faults: names of definitions with a wrong term each.
    """

    name: str
    declared: tuple[tuple[str, int], ...]
    defined: tuple[tuple[str, int, str], ...]
    assumed: tuple[str, ...]
    claimed: tuple[str, ...]
    faults: tuple[tuple[str, str], ...] = ()


def c(value: int, width: int = 64) -> str:
    """Write a constant."""
    return f"(_ bv{value} {width})"


def wide(term: str, more: int = 64) -> str:
    """Give a term more bits, so that nothing wraps."""
    return f"((_ zero_extend {more}) {term})"


RAMP = tuple((name, 64) for name in ("next", "over", "whole", "part", "den", "all"))
WALK = (
    ("short", 64, "(bvsub over (bvand part all))"),
    ("late", 64, f"(bvlshr short {c(63)})"),
    ("over2", 64, f"(bvadd short (bvand den (bvsub {c(0)} late)))"),
    ("next2", 64, "(bvadd (bvadd next (bvand whole all)) late)"),
)


def sound(den_most: int) -> tuple[str, ...]:
    """Say what holds of a ramp at a step that is due within the range of times."""
    return (
        f"(bvuge den {c(1)})",
        f"(bvule den {c(den_most)})",
        "(bvult over den)",
        "(bvult part den)",
        f"(bvule next {c(2 * TIME_US)})",
        f"(bvule whole {c(TIME_US)})",
    )


ALL = f"(= all (bvnot {c(0)}))"
# den (next2 - next) = whole den + part + over2 - over, said without a product: late is 0 or 1, and over2 goes with it.
BORROWED = f"(ite (= late {c(1)}) {wide('den', 2)} {c(0, 66)})"
EXACT = (
    f"(bvule late {c(1)})",
    f"(= {wide('next2', 2)} (bvadd {wide('next', 2)} {wide('whole', 2)} {wide('late', 2)}))",
    f"(= (bvadd {wide('over2', 2)} {wide('part', 2)}) (bvadd {wide('over', 2)} {BORROWED}))",
)
WALK_FAULTS = (
    ("late", f"(bvlshr (bvsub short {c(1)}) {c(63)})"),
    ("short", "over"),
    ("over2", "short"),
    ("next2", "(bvadd next (bvand whole all))"),
)


def walk_goals(den_most: int) -> tuple[Goal, ...]:
    """State one walk of a ramp of at most so large a denominator."""
    return (
        Goal(
            "the remainder stays below the denominator",
            RAMP,
            WALK,
            (*sound(den_most), ALL),
            ("(bvult over2 den)",),
            WALK_FAULTS[:1] + WALK_FAULTS[2:3],
        ),
        Goal("a walk is exact, no sum wraps", RAMP, WALK, (*sound(den_most), ALL), EXACT, WALK_FAULTS[1:]),
        Goal(
            "the next due time is below 2^55",
            RAMP,
            WALK,
            (*sound(den_most), ALL),
            (f"(bvult next2 {c(2**55)})", "(bvuge next2 next)"),
            (("next2", "(bvadd (bvadd next (bvshl whole late)) (bvsub late over))"),),
        ),
        Goal(
            "with the mask zero nothing moves",
            RAMP,
            WALK,
            (*sound(den_most), f"(= all {c(0)})"),
            ("(= over2 over)", "(= next2 next)"),
            (("short", "(bvsub over part)"),),
        ),
        Goal(
            "the step before is found again",
            RAMP,
            (*WALK, ("back", 64, f"(ite (bvuge (bvadd over2 part) den) {c(1)} {c(0)})")),
            (*sound(den_most), ALL),
            ("(= (bvsub (bvsub next2 whole) back) next)",),
            (("back", f"(ite (bvugt (bvadd over2 part) den) {c(1)} {c(0)})"),),
        ),
    )


# A rate change at `now`, before the next step. `product` is (next - now) den, which Coq proves to fit (rest_fits).
REISSUE = Goal(
    "the rest taken at a rate change is exact, and the same rate gives the same remainder",
    (("product", 64), ("over", 64), ("den", 64), ("step", 64)),
    (
        ("rest", 64, "(bvsub (bvadd step over) product)"),
        ("to_go", 64, "(bvsub step rest)"),
        ("over2", 64, "(bvsub product to_go)"),
    ),
    (
        f"(bvuge den {c(1)})",
        f"(bvule den {c(RATE)})",
        "(bvult over den)",
        f"(bvule step {c(FINE)})",
        "(bvule product (bvadd step over))",
        "(bvugt product over)",
    ),
    ("(bvult rest step)", "(= over2 over)", "(bvule to_go step)", "(= (bvadd to_go over) product)"),
    (("rest", "(bvsub step product)"), ("rest", c(0)), ("over2", "(bvsub to_go product)")),
)

# The first step of a train: whole and part are what one division gives.
FIRST = Goal(
    "a train's first step is due at start + ceil(d / n)",
    (("start", 64), ("num", 64), ("den", 64), ("whole", 64), ("part", 64)),
    (
        ("late", 64, f"(ite (bvugt part {c(0)}) {c(1)} {c(0)})"),
        ("next", 64, "(bvadd (bvadd start whole) late)"),
        ("over", 64, f"(ite (bvugt part {c(0)}) (bvsub den part) {c(0)})"),
    ),
    (
        f"(bvule start {c(TIME_US)})",
        f"(bvule num {c(TIME_US)})",
        f"(bvuge den {c(1)})",
        f"(bvule den {c(STEPS)})",
        f"(bvule whole {c(TIME_US)})",
        "(bvult part den)",
        f"(= {wide('num')} (bvadd (bvmul {wide('whole')} {wide('den')}) {wide('part')}))",
    ),
    (
        "(bvult over den)",
        f"(bvule next {c(2 * TIME_US + 1)})",
        f"(= (bvadd {wide('over', 2)} {wide('part', 2)}) (ite (= late {c(1)}) {wide('den', 2)} {c(0, 66)}))",
    ),
    (("over", "(bvsub den part)"), ("late", c(1))),
)


def dues_goal(width: int, num_bits: int, den_bits: int, most: int) -> Goal:
    """State the fixed point of a stretch of `most` steps, for narrow numbers, all sums in `width` bits."""
    w = width

    def up(value: str) -> str:
        return f"(bvudiv (bvsub (bvadd (bvshl {value} shift) den) {c(1, w)}) den)"

    shift = c(0, w)
    units = f"(bvsub (bvadd (bvmul den {c(most, w)}) den) {c(1, w)})"
    for bit in range(den_bits + most.bit_length() + 1):
        shift = f"(ite (bvuge {units} {c(1 << bit, w)}) {c(bit + 1, w)} {shift})"
    return Goal(
        f"a stretch of {most} in fixed point is exact: pace below 2^{num_bits}, denominator below 2^{den_bits}",
        (("num", w), ("den", w), ("rest", w), ("k", w)),
        (
            ("shift", w, shift),
            ("pace", w, up("num")),
            ("begin", w, up("rest")),
            ("fixed", w, "(bvlshr (bvadd begin (bvmul k pace)) shift)"),
            ("exact", w, "(bvudiv (bvadd (bvmul k num) rest) den)"),
        ),
        (
            f"(bvult num {c(1 << num_bits, w)})",
            f"(bvuge den {c(1, w)})",
            f"(bvult den {c(1 << den_bits, w)})",
            "(bvult rest den)",
            f"(bvule k {c(most, w)})",
        ),
        ("(= fixed exact)",),
        (("pace", "(bvudiv (bvshl num shift) den)"), ("shift", f"(bvsub {shift} {c(2, w)})")),
    )


# The shift is what `bits` digits are: 2^shift > (most + 1) den - 1, for every denominator and stretch of the kernel.
SHIFT = Goal(
    "the shift covers (most + 1) den, is at most 38, and no larger than needed",
    (("den", 64), ("most", 64), ("z", 64)),
    (
        ("units", 64, f"(bvsub (bvadd (bvmul den most) den) {c(1)})"),
        ("shift", 64, f"(bvsub {c(64)} z)"),
        ("power", 64, f"(bvshl {c(1)} shift)"),
    ),
    (
        f"(bvuge den {c(1)})",
        f"(bvule den {c(RATE)})",
        f"(or (= most {c(256)}) (= most {c(64)}) (= most {c(16)}))",
        f"(bvult z {c(64)})",
        # z is the number of leading zeros of units.
        f"(= (bvlshr units (bvsub {c(63)} z)) {c(1)})",
    ),
    ("(bvugt power units)", f"(bvule shift {c(38)})", f"(bvule (bvlshr power {c(1)}) units)"),
    (("shift", f"(bvsub {c(63)} z)"),),
)


def caps_goals(length: int) -> tuple[Goal, ...]:
    """State what one bucket of so many does: `held` is the one at hand, `others` the sum of all others."""
    full = c(2**32 - 1)
    declared = (("others", 64), ("held", 64), ("total", 64), ("steps", 64), ("most", 64))
    before = (
        f"(bvule others {c((length - 1) * (2**32 - 1))})",
        f"(bvule held {full})",
        "(= total (bvadd others held))",
        f"(bvule most {c(240_000_000)})",
        "(bvule total most)",
        f"(bvule steps {full})",
    )
    room = ("room", 64, f"(ite (bvuge most total) (bvsub most total) {c(0)})")
    taken = ("taken", 64, "(ite (bvule steps room) steps room)")
    more = ("more", 64, f"(ite (bvugt (bvadd held taken) {full}) {full} (bvadd held taken))")
    return (
        Goal(
            f"emptying one of {length} buckets keeps the total exact",
            declared,
            (("total2", 64, f"(ite (bvuge total held) (bvsub total held) {c(0)})"),),
            before,
            ("(= total2 others)", "(bvule total2 most)"),
            (("total2", "total"), ("total2", "held")),
        ),
        Goal(
            f"booking in one of {length} buckets what the room allows keeps the total exact, and at or below the cap",
            declared,
            (room, taken, more, ("total2", 64, "(bvadd total taken)")),
            before,
            ("(= total2 (bvadd others more))", "(bvule total2 most)", "(bvule taken steps)", f"(bvult more {full})"),
            (("taken", "steps"), ("total2", "total"), ("room", "most"), ("more", "held")),
        ),
    )


GROUPS = {
    "walk": (*walk_goals(RATE), REISSUE),
    "train": (*walk_goals(STEPS), FIRST),
    "dues": (SHIFT, dues_goal(24, 8, 4, 4), dues_goal(24, 6, 4, 8)),
    "caps": (*caps_goals(61), *caps_goals(145)),
}


def text(goal: Goal, asked: tuple[str, ...], fault: tuple[str, str] | None = None) -> str:
    """Write a question in SMT-LIB, with one definition exchanged if a fault is given."""
    lines = ["(set-logic QF_BV)", *(f"(declare-const {name} (_ BitVec {width}))" for name, width in goal.declared)]
    for name, width, term in goal.defined:
        right = fault[1] if fault is not None and fault[0] == name else term
        lines.append(f"(define-fun {name} () (_ BitVec {width}) {right})")
    lines += [f"(assert {one})" for one in (*goal.assumed, *asked)]
    return "\n".join(lines)


def ask_z3(question: str) -> str:
    """Ask the first solver."""
    solver = z3.SolverFor("QF_BV")
    solver.set("timeout", LIMIT_MS)
    solver.from_string(question)
    return str(solver.check())


def ask_bitwuzla(question: str) -> str:
    """Ask the second solver."""
    options = bitwuzla.Options()
    options.set(bitwuzla.Option.TIME_LIMIT_PER, LIMIT_MS)
    parser = bitwuzla.Parser(bitwuzla.TermManager(), options)
    parser.parse(question, True, False)  # noqa: FBT003 - the solver's own signature
    return str(parser.bitwuzla().check_sat()).rsplit(".", 1)[-1].lower()


SOLVERS = (("z3", ask_z3), ("bitwuzla", ask_bitwuzla))


def questions(group: str, *, faults: bool) -> list[tuple[str, str, str]]:
    """List name, text and wanted answer of each question of a group."""
    asked = []
    for goal in GROUPS[group]:
        refuted = (f"(not (and {' '.join(goal.claimed)} true))",)
        if faults:
            asked += [(f"{goal.name}, but {f[0]} is wrong", text(goal, refuted, f), "sat") for f in goal.faults]
        else:
            asked.append((goal.name, text(goal, refuted), "unsat"))
            asked.append((f"{goal.name}: what is assumed can be", text(goal, ()), "sat"))
    return asked


def main() -> None:
    """Ask every solver every question of a group."""
    for name, question, wanted in questions(sys.argv[1], faults="--faults" in sys.argv[2:]):
        for solver, ask in SOLVERS:
            began_s = time.monotonic()
            answer = ask(question)
            spent_s = round(time.monotonic() - began_s, 2)
            line = {"goal": name, "solver": solver, "answer": answer, "wanted": wanted, "s": spent_s}
            sys.stdout.write(f"{json.dumps(line)}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
