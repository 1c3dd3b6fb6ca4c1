"""Mutants of the pump that nobody has chosen: drawn at random from all places of its code, and given to each direction.

The rules of this file: the place, and what is done there, are drawn by a seed, from every place of the files in `FILES`
where something can be changed; none is left out because it is known to be out of reach. A direction finds a mutant as
the gates say (`specs.gates.conformance`). What neither finds is listed as it is, and explained by hand in
`drawn.toml`.

`python -m specs.conformance.drawn [--count N] [--seed N] [--jobs N]` prints the table as Markdown.
"""

from __future__ import annotations

import argparse
import ast
import random
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, NamedTuple

from specs.gates.conformance import DEADLOCK, RUNS, compared, copied, followed, recorded
from specs.gates.gate import ROOT, Refused, Room
from specs.gates.tla import MODELS, graph_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Change", "changes_of", "drawn"]

PACKAGE: Final = ROOT / "pumpcore"
FILES: Final = (
    *(PACKAGE / "pump" / f"{name}.py" for name in ("pump", "ledger", "modes", "snapshot", "state")),
    *sorted((PACKAGE / "pump" / "step").glob("*.py")),
    *sorted((PACKAGE / "pump" / "handlers").glob("*.py")),
)
COUNT: Final = 30
SEED: Final = 12
TRACES: Final = 30

OPERATORS: Final[dict[type[ast.AST], str]] = {
    ast.Lt: "<=",
    ast.LtE: "<",
    ast.Gt: ">=",
    ast.GtE: ">",
    ast.Eq: "!=",
    ast.NotEq: "==",
    ast.Is: "is not",
    ast.IsNot: "is",
    ast.In: "not in",
    ast.NotIn: "in",
    ast.Add: "-",
    ast.Sub: "+",
    ast.Mult: "+",
    ast.And: "or",
    ast.Or: "and",
}
"""What takes the place of an operator."""


class Change(NamedTuple):
    """One change of one file: the text from one offset to another is replaced."""

    file: str
    line: int
    kind: str
    old: str
    new: str
    start: int
    end: int

    def applied(self, text: str) -> str:
        """Return the file's text with the change in it."""
        return text[: self.start] + self.new + text[self.end :]


class _Places(ast.NodeVisitor):
    """Gathers every change of a module that keeps it a program."""

    def __init__(self, file: str, text: str) -> None:
        self.file, self.text = file, text
        self.starts = [0]
        for line in text.encode("utf-8").splitlines(keepends=True):
            self.starts.append(self.starts[-1] + len(line))
        self.bytes = text.encode("utf-8")
        self.found: list[Change] = []

    def offsets(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        """Return where a node begins and ends, in characters."""
        begin = self.starts[node.lineno - 1] + node.col_offset
        end = self.starts[(node.end_lineno or node.lineno) - 1] + (node.end_col_offset or node.col_offset)
        return len(self.bytes[:begin].decode("utf-8")), len(self.bytes[:end].decode("utf-8"))

    def add(self, kind: str, line: int, start: int, end: int, new: str) -> None:
        self.found.append(Change(self.file, line, kind, self.text[start:end], new, start, end))

    def between(self, left: ast.expr, right: ast.expr, operator: ast.AST) -> None:
        """Exchange the operator that stands between two operands."""
        start, end = self.offsets(left)[1], self.offsets(right)[0]
        new = OPERATORS.get(type(operator))
        if new is None:
            return
        old = self.text[start:end]
        word = next((each for each in ("not in", "is not", "<=", ">=", "==", "!=") if each in old), None)
        word = word or next((each for each in ("<", ">", "+", "-", "*", "and", "or", "in", "is") if each in old), None)
        if word is not None:
            at = start + old.index(word)
            self.add("operator", left.lineno, at, at + len(word), new)

    def visit_Compare(self, node: ast.Compare) -> None:
        operands = [node.left, *node.comparators]
        for left, right, operator in zip(operands, operands[1:], node.ops, strict=False):
            self.between(left, right, operator)
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        self.between(node.left, node.right, node.op)
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        for left, right in zip(node.values, node.values[1:], strict=False):
            self.between(left, right, node.op)
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, ast.Not):
            start, end = self.offsets(node)
            inner = self.offsets(node.operand)
            self.add("operator", node.lineno, start, end, self.text[inner[0] : inner[1]])
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        start, end = self.offsets(node)
        if isinstance(node.value, bool):
            self.add("constant", node.lineno, start, end, f"{not node.value}")
        elif isinstance(node.value, int):
            self.add("constant", node.lineno, start, end, f"{node.value + 1}")

    def visit_If(self, node: ast.If) -> None:
        if not (isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"):
            start, end = self.offsets(node.test)
            self.add("condition", node.lineno, start, end, "False")
            self.generic_visit(node)

    def dropped(self, node: ast.stmt) -> None:
        start, end = self.offsets(node)
        self.add("dropped statement", node.lineno, start, end, "pass")

    def visit_Expr(self, node: ast.Expr) -> None:
        if isinstance(node.value, ast.Call):
            self.dropped(node)
            self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        if all(isinstance(each, ast.Attribute | ast.Subscript) for each in node.targets):
            self.dropped(node)
        self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self.dropped(node)
        self.generic_visit(node)

    def visit_Return(self, node: ast.Return) -> None:
        if node.value is None:
            self.dropped(node)
        else:
            self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        for each in node.body:  # not the annotations: they are not run
            self.visit(each)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)


def changes_of(path: Path) -> list[Change]:
    """Return every change that may be drawn of a file."""
    text = path.read_text(encoding="utf-8")
    places = _Places(path.relative_to(ROOT).as_posix(), text)
    places.visit(ast.parse(text))
    return [each for each in places.found if _compiles(each.applied(text))]


def _compiles(text: str) -> bool:
    try:
        compile(text, "mutant", "exec")
    except SyntaxError:
        return False
    return True


def drawn(count: int, seed: int) -> list[Change]:
    """Draw changes, no two of them on one line."""
    places = [each for path in FILES for each in changes_of(path)]
    random.Random(seed).shuffle(places)  # noqa: S311 - drawn to be repeated, nothing is kept secret
    taken: dict[tuple[str, int], Change] = {}
    for each in places:
        taken.setdefault((each.file, each.line), each)
    return list(taken.values())[:count]


# Given to each direction ----------------------------------------------------------------------------------------------


def walked(room: Room, place: Path, name: str) -> str | None:
    """Return the first model whose walk finds what was changed in `place`."""
    by_size = sorted(MODELS, key=lambda model: graph_of(room, model).stat().st_size)
    for model in by_size:
        try:
            done = compared(room, model, place=place, log=f"drawn-{name}-{model}")
        except Refused:
            return model  # it does not come to an end
        if done.status:
            return model
    return None


def run(room: Room, place: Path, name: str) -> str | None:
    """Return the first kind of free runs in which what was changed in `place` is found."""
    for each in RUNS:
        try:
            _, data = recorded(room, each, place=place, name=f"drawn-{name}", traces=TRACES)
        except Refused:
            return each  # the pump itself breaks
        if followed(room, each, f"drawn-{name}", data).status == DEADLOCK:
            return each
    return None


def judged(room: Room, number: int, change: Change) -> tuple[str | None, str | None]:
    """Give a mutant to each direction."""
    place = copied(room, f"drawn-{number}", None)
    target = place / change.file
    target.write_text(change.applied(target.read_text(encoding="utf-8")), encoding="utf-8")
    try:
        return walked(room, place, f"{number}"), run(room, place, f"{number}")
    finally:
        shutil.rmtree(place)


def lines(changes: list[Change], verdicts: list[tuple[str | None, str | None]]) -> Iterator[str]:
    """Render what was found."""
    by_walking = sum(walk is not None for walk, _ in verdicts)
    by_following = sum(follow is not None for _, follow in verdicts)
    either = sum(verdict != (None, None) for verdict in verdicts)
    yield f"{len(changes)} drawn: {by_walking} found by walking, {by_following} by following, {either} by either"
    yield ""
    yield "| file and line | what | found by walking | found by following |"
    yield "|---|---|---|---|"
    for change, (walk, follow) in zip(changes, verdicts, strict=True):
        old = " ".join(change.old.split()).replace("|", "\\|")
        place = f"{change.file.removeprefix('pumpcore/pump/')}:{change.line}"
        yield f"| {place} | {change.kind}: `{old}` becomes `{change.new}` | {walk or 'no'} | {follow or 'no'} |"


def main() -> int:
    """Draw, judge, print."""
    parser = argparse.ArgumentParser(prog="python -m specs.conformance.drawn", description=__doc__)
    parser.add_argument("--count", type=int, default=COUNT)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args()
    room = Room(ROOT / "target" / "spec")
    changes = drawn(options.count, options.seed)
    with ThreadPoolExecutor(options.jobs) as pool:
        verdicts = list(pool.map(lambda each: judged(room, *each), enumerate(changes)))
    sys.stdout.write("\n".join(lines(changes, verdicts)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
