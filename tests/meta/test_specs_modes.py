"""`specs/modes.md` says what the table of `pumpcore.pump.modes` says, and the command that renders it works."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from pumpcore.pump.modes import TABLE, State, document

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.req("MOD-10")
def test_the_rendered_document_is_current(root: Path) -> None:
    done = subprocess.run([sys.executable, "-m", "pumpcore.pump"], capture_output=True, check=True, cwd=root)
    rendered = done.stdout.decode("utf-8")
    assert rendered == document()
    assert (root / "specs" / "modes.md").read_text(encoding="utf-8") == rendered, (
        "render it again: python -m pumpcore.pump > specs/modes.md"
    )


@pytest.mark.req("MOD-10")
def test_every_row_every_state_and_every_move_is_in_it() -> None:
    lines = document().splitlines()
    for row in TABLE:
        guard = ", ".join(row.guard)
        assert f"| {row.trigger} | {row.source.value} | {row.target.value} | {guard} |" in lines
        if row.source is not row.target:
            arrow = f"    {row.source.value} --> {row.target.value}: ".replace(".", "_")
            (found,) = [line for line in lines if line.startswith(arrow)]
            assert row.trigger in found.removeprefix(arrow).split(", ")
    for state in State:
        assert sum(line.startswith(f"| {state.value} | {state.mode.value} |") for line in lines) == 1
