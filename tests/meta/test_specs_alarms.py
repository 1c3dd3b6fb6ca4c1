"""`specs/alarms.md` says what the tables of `pumpcore.alarms` say, and the command that renders it works."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from pumpcore.alarms import SETTINGS, Kind
from pumpcore.alarms.document import document

if TYPE_CHECKING:
    from pathlib import Path


def test_the_rendered_document_is_current(root: Path) -> None:
    done = subprocess.run([sys.executable, "-m", "pumpcore.alarms"], capture_output=True, check=True, cwd=root)
    rendered = done.stdout.decode("utf-8")
    assert rendered == document()
    assert (root / "specs" / "alarms.md").read_text(encoding="utf-8") == rendered, (
        "render it again: python -m pumpcore.alarms > specs/alarms.md"
    )


def test_every_kind_and_every_setting_is_in_it() -> None:
    lines = document().splitlines()
    for kind in Kind:
        assert sum(line.startswith(f"| {kind.value} |") for line in lines) == 2  # its row and its texts
    for name in SETTINGS:
        assert sum(line.startswith(f"| {name} |") for line in lines) == 1
