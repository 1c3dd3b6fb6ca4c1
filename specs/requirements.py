"""Requirement ids: those that `specs/requirements.md` states, and those that tests carry.

Method: both are read as text and as syntax trees; nothing is imported, so that a mark counts wherever it stands.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

VERIFICATIONS: Final = ("test", "proof", "inspection")
_CELLS: Final = 5
_ID: Final = re.compile(r"[A-Z]{3}-[0-9]{2}")


class Requirement(NamedTuple):
    """One row of the document."""

    id: str
    shall: str
    rationale: str
    source: str
    verification: str


def stated(text: str) -> list[Requirement]:
    """List the rows of all tables of the document, in order; a malformed row is an error."""
    rows = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.startswith("|") or line.startswith(("|---", "| id |")):
            continue
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) != _CELLS or not all(cells) or not _ID.fullmatch(cells[0]):
            message = f"line {number} is not a requirement: {line}"
            raise ValueError(message)
        rows.append(Requirement(*cells))
    return rows


def marked(source: str) -> Iterator[str]:
    """Find the ids in `pytest.mark.req(...)`, as decorators, on parameters or for a whole file."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.req":
            for argument in node.args:
                if not isinstance(argument, ast.Constant) or not isinstance(argument.value, str):
                    message = f"line {node.lineno}: an id must be written out"
                    raise TypeError(message)
                yield argument.value


def marks_in(folder: Path) -> dict[str, list[str]]:
    """List for each id the files that carry it."""
    found: dict[str, list[str]] = {}
    for path in sorted(folder.rglob("test_*.py")):
        for each in dict.fromkeys(marked(path.read_text(encoding="utf-8"))):
            found.setdefault(each, []).append(path.relative_to(folder).as_posix())
    return found
