"""`specs/limits.md` says what the table of limits says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pumpcore import limits

if TYPE_CHECKING:
    from pathlib import Path


def test_the_document_is_current(root: Path) -> None:
    """If it is not: `python -m pumpcore.limits > specs/limits.md`."""
    assert (root / "specs" / "limits.md").read_text(encoding="utf-8") == limits.document()


def test_every_limit_is_in_it() -> None:
    rows = [line for line in limits.document().splitlines() if line.startswith("| ")][1:]
    assert [row.split(" | ")[0].removeprefix("| ") for row in rows] == list(limits.HARD_LIMITS)
