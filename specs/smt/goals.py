"""The kernel's steps on exact machine words, as SMT-LIB text over bit vectors.

The rule of this file: the definitions of a goal spell the source's operations one by one, each modulo 2^64 as the
machine has it. `specs/faults/smt.toml` holds changes of that text, each of which must have a counterexample.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["GROUPS", "Goal", "named", "refuted", "smt_lib"]

# The largest of the kernel's ranges; the gate compares them with its table.
TIME_US = 10_000_000_000_000_000
RATE = 1_000_000_000
STEPS = 10_000_000
FINE = 3_600_000_000_000_000


@dataclass(frozen=True, slots=True)
class Goal:
    """One claim.

    Attributes:
        name: what is claimed.
        declared: variables and their widths.
        defined: names, widths and terms, in order: the source's operations.
        assumed: what holds before.
        claimed: what must hold after.
    """

    name: str
    declared: tuple[tuple[str, int], ...]
    defined: tuple[tuple[str, int, str], ...]
    assumed: tuple[str, ...]
    claimed: tuple[str, ...]


def c(value: int, width: int = 64) -> str:
    """Write a constant."""
    return f"(_ bv{value} {width})"


def wide(term: str, more: int = 64) -> str:
    """Return a term with more bits, so that nothing wraps."""
    return f"((_ zero_extend {more}) {term})"


RAMP = tuple((name, 64) for name in ("next", "over", "whole", "part", "den", "all"))
WALK = (
    ("short", 64, "(bvsub over (bvand part all))"),
    ("late", 64, f"(bvlshr short {c(63)})"),
    ("over2", 64, f"(bvadd short (bvand den (bvsub {c(0)} late)))"),
    ("next2", 64, "(bvadd (bvadd next (bvand whole all)) late)"),
)


def sound(den_most: int) -> tuple[str, ...]:
    """Return what holds of a ramp at a step that is due within the range of times."""
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


def walk_goals(den_most: int) -> tuple[Goal, ...]:
    """State one walk of a ramp whose denominator is at most `den_most`."""
    return (
        Goal(
            "the remainder stays below the denominator",
            RAMP,
            WALK,
            (*sound(den_most), ALL),
            ("(bvult over2 den)",),
        ),
        Goal("a walk is exact, no sum wraps", RAMP, WALK, (*sound(den_most), ALL), EXACT),
        Goal(
            "the next due time is below 2^55",
            RAMP,
            WALK,
            (*sound(den_most), ALL),
            (f"(bvult next2 {c(2**55)})", "(bvuge next2 next)"),
        ),
        Goal(
            "with the mask zero nothing moves",
            RAMP,
            WALK,
            (*sound(den_most), f"(= all {c(0)})"),
            ("(= over2 over)", "(= next2 next)"),
        ),
        Goal(
            "the step before is found again",
            RAMP,
            (*WALK, ("back", 64, f"(ite (bvuge (bvadd over2 part) den) {c(1)} {c(0)})")),
            (*sound(den_most), ALL),
            ("(= (bvsub (bvsub next2 whole) back) next)",),
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
)


def caps_goals(length: int) -> tuple[Goal, ...]:
    """State what one bucket of `length` does: `held` is its content, `others` the sum of all others.

    The total may be above the cap, as after the cap was lowered: then nothing is booked until enough has gone.
    """
    full = c(2**32 - 1)
    declared = (("others", 64), ("held", 64), ("total", 64), ("steps", 64), ("most", 64))
    before = (
        f"(bvule others {c((length - 1) * (2**32 - 1))})",
        f"(bvule held {full})",
        "(= total (bvadd others held))",
        f"(bvule most {c(240_000_000)})",
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
            ("(= total2 others)", "(bvule total2 total)"),
        ),
        Goal(
            f"booking in one of {length} buckets what the room allows keeps the total exact, and exceeds no cap",
            declared,
            (room, taken, more, ("total2", 64, "(bvadd total taken)")),
            before,
            (
                "(= total2 (bvadd others more))",
                f"(ite (bvule total most) (bvule total2 most) (= taken {c(0)}))",
                "(bvule taken steps)",
                "(= more (bvadd held taken))",
            ),
        ),
    )


GROUPS = {
    "walk": (*walk_goals(RATE), REISSUE),
    "train": (*walk_goals(STEPS), FIRST),
    "dues": (SHIFT, dues_goal(24, 8, 4, 4), dues_goal(24, 6, 4, 8)),
    "caps": (*caps_goals(61), *caps_goals(145)),
}


def named(group: str) -> dict[str, Goal]:
    """Return the goals of a group by name, the group included."""
    return {f"{group}: {goal.name}": goal for goal in GROUPS[group]}


def smt_lib(goal: Goal) -> str:
    """Write what a goal defines and assumes in SMT-LIB."""
    lines = ["(set-logic QF_BV)", *(f"(declare-const {name} (_ BitVec {width}))" for name, width in goal.declared)]
    lines += [f"(define-fun {name} () (_ BitVec {width}) {term})" for name, width, term in goal.defined]
    return "\n".join([*lines, *(f"(assert {one})" for one in goal.assumed)])


def refuted(goal: Goal) -> str:
    """Write the negation of what a goal claims in SMT-LIB."""
    return f"(assert (not (and {' '.join(goal.claimed)} true)))"
