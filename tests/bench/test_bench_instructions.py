"""The comparison of instruction counts sees growth, and what is written down names every path."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from bench.instructions import PATHS, grown

if TYPE_CHECKING:
    from pathlib import Path


def test_growth_over_five_percent_is_seen() -> None:
    assert grown({"day": 104.9}, {"day": 100.0}) == []
    assert grown({"day": 105.1}, {"day": 100.0}) == ["day"]
    assert grown({"new": 1.0}, {}) == ["new"]


def test_every_path_is_written_down(root: Path) -> None:
    written = json.loads((root / "specs" / "instructions.json").read_text(encoding="utf-8"))
    assert set(written["instructions"]) == set(PATHS)
    assert written["rustc"].startswith("rustc ")
