# ruff: noqa: ANN401 - angr and its kin carry no types
"""Machine words as integers without end: what symbolic execution says of bits, said of integers.

The rule of this file: every fact that is noted is true of the machine's operation, so whatever follows from the facts
holds of the machine; where less is said than is true (of a bitwise `or`), a proof may fail but never lie. `prove.py`
shows for real executions that they satisfy the facts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import reduce
from itertools import count
from typing import TYPE_CHECKING, Any, Final

import claripy
import z3

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Unbounded", "Undecided"]

SAME: Final[Mapping[str, Callable[..., Any]]] = {
    "BVV": lambda value, _: z3.IntVal(value),
    "BoolV": z3.BoolVal,
    "__eq__": lambda a, b: a == b,
    "__ne__": lambda a, b: a != b,
    "ULE": lambda a, b: a <= b,
    "ULT": lambda a, b: a < b,
    "UGE": lambda a, b: a >= b,
    "UGT": lambda a, b: a > b,
    "And": z3.And,
    "Or": z3.Or,
    "Not": z3.Not,
    "If": z3.If,
    "ZeroExt": lambda _, a: a,
}
"""What is of integers what it is of unsigned words."""


class Undecided(Exception):  # noqa: N818 - no verdict
    """The prover cannot say."""


@dataclass(frozen=True)
class Division:
    """`num = quotient den + rest`, with `0 <= rest < den`."""

    num: Any
    den: Any
    quotient: Any
    rest: Any


@dataclass
class Unbounded:
    """Translates, and notes the facts.

    A division by something other than a constant costs a product; it is kept apart from the facts, so that its dividend
    can be found without it.
    """

    facts: list[Any] = field(default_factory=list)
    divisions: list[Division] = field(default_factory=list)
    known: dict[int, tuple[Any, Any]] = field(default_factory=dict)
    shared: dict[tuple[int, int], Division] = field(default_factory=dict)
    names: Any = field(default_factory=count)

    def of(self, ast: Any) -> Any:
        """Return the integer, or the truth value, of these bits."""
        if not isinstance(ast, claripy.ast.Base):
            return ast
        if ast.hash() not in self.known:
            self.known[ast.hash()] = (ast, self.made(ast))
        return self.known[ast.hash()][1]

    def made(self, ast: Any) -> Any:
        """Make what is not known yet."""
        if ast.op in SAME:
            return SAME[ast.op](*map(self.of, ast.args))
        maker = getattr(self, f"of_{ast.op.strip('_').lower()}", None)
        if maker is None:
            raise Undecided(f"no integer for {ast.op}")
        return maker(ast, *ast.args)

    def of_bvs(self, ast: Any, name: str, *_: Any) -> Any:
        """Name a word that may be any."""
        symbol = z3.Int(name)
        self.facts += [symbol >= 0, symbol < 2**ast.length]
        return symbol

    def of_extract(self, _: Any, high: int, low: int, bits: Any) -> Any:
        """Take some of the bits: without those below, and without those above."""
        above = self.shifted(self.of(bits), low)
        return self.divided(above, z3.IntVal(2 ** (high - low + 1))).rest

    def of_concat(self, _: Any, *parts: Any) -> Any:
        """Put words side by side, the highest first."""
        joined = z3.IntVal(0)
        for part in parts:
            joined = joined * 2**part.length + self.of(part)
        return joined

    def of_add(self, ast: Any, *terms: Any) -> Any:
        """Add; it may wrap."""
        return self.wrapped(z3.Sum(*map(self.signed, terms)), ast.length)

    def of_sub(self, ast: Any, a: Any, b: Any) -> Any:
        """Subtract; it may wrap."""
        return self.wrapped(self.of(a) - self.of(b), ast.length)

    def of_mul(self, ast: Any, *terms: Any) -> Any:
        """Multiply; it may wrap."""
        return self.wrapped(reduce(lambda a, b: a * b, map(self.signed, terms)), ast.length)

    def of_floordiv(self, _: Any, a: Any, b: Any) -> Any:
        """Return the quotient; the machine stops at a division by zero, and no path continues."""
        return self.divided(self.of(a), self.of(b)).quotient

    def of_mod(self, _: Any, a: Any, b: Any) -> Any:
        """Return the remainder."""
        return self.divided(self.of(a), self.of(b)).rest

    def of_lshr(self, _: Any, a: Any, by: Any) -> Any:
        """Shift to the right."""
        return self.shifted(self.of(a), self.constant(by))

    def of_rshift(self, ast: Any, a: Any, by: Any) -> Any:
        """Shift to the right and keep the sign."""
        bits = self.of(a)
        signed = z3.If(bits >= 2 ** (ast.length - 1), bits - 2**ast.length, bits)
        return self.wrapped(self.shifted(signed, self.constant(by)), ast.length)

    def of_invert(self, ast: Any, a: Any) -> Any:
        """Turn all bits round."""
        return 2**ast.length - 1 - self.of(a)

    def of_or(self, ast: Any, *parts: Any) -> Any:
        """Join bits: no less than either, no more than both; exact where one is all zeros or all ones."""
        return reduce(lambda a, b: self.either(a, b, 2**ast.length - 1), map(self.of, parts))

    def of_and(self, ast: Any, *parts: Any) -> Any:
        """Take the bits that all have."""
        ones = 2**ast.length - 1
        return ones - reduce(lambda a, b: self.either(a, b, ones), (ones - self.of(part) for part in parts))

    def either(self, a: Any, b: Any, ones: int) -> Any:
        """Join two words, as `of_or` does."""
        bits = self.fresh()
        self.facts += [bits >= a, bits >= b, bits <= a + b, bits <= ones]
        self.facts += [z3.Implies(a == 0, bits == b), z3.Implies(b == 0, bits == a)]
        return bits

    def signed(self, part: Any) -> Any:
        """Read a term of what may wrap: a constant near 2^n is a small negative one."""
        if part.op == "BVV" and part.args[0] >> (part.length - 1):
            return z3.IntVal(part.args[0] - 2**part.length)
        return self.of(part)

    def constant(self, by: Any) -> int:
        """Read by how many places to shift."""
        if by.op != "BVV":
            raise Undecided("a shift by something other than a constant")
        return int(by.args[0])

    def shifted(self, a: Any, by: int) -> Any:
        """Drop the last `by` places."""
        return self.divided(a, z3.IntVal(2**by)).quotient if by else a

    def divided(self, num: Any, den: Any) -> Division:
        """Divide; the same answer for the same division."""
        key = (num.get_id(), den.get_id())
        if key not in self.shared:
            self.shared[key] = made = Division(num, den, self.fresh(), self.fresh())
            self.facts += [made.rest >= 0, made.rest < den]
            if z3.is_int_value(den):
                self.facts.append(num == made.quotient * den + made.rest)
            else:
                self.divisions.append(made)
        return self.shared[key]

    def wrapped(self, exact: Any, bits: int) -> Any:
        """Keep what `bits` bits hold of an exact result."""
        held, times = self.fresh(), self.fresh()
        self.facts += [exact == held + times * 2**bits, held >= 0, held < 2**bits]
        return held

    def fresh(self) -> Any:
        """Name a new integer."""
        return z3.Int(f"_{next(self.names)}")
