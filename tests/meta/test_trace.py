"""From hazard to requirement, property, code and test, and back: nothing stands alone, and the document is current."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from specs import trace

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT: Final = Path(__file__).resolve().parents[2]


def test_nothing_is_an_orphan() -> None:
    assert trace.orphans(trace.read()) == []


def test_the_document_is_current() -> None:
    written = (ROOT / "specs" / "trace.md").read_text(encoding="utf-8")
    assert written == trace.document(trace.read()), "render it again: python -m specs.trace"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda t: t.stated.__setitem__("DEL-99", "a new one"), "DEL-99 stands against no hazard"),
        (lambda t: t.stated.__setitem__("DEL-99", "a new one"), "DEL-99 has no test and no property"),
        (lambda t: t.code.__setitem__("DEL-01", []), "DEL-01 is met by no code"),
        (lambda t: t.hazards.__setitem__("HAZ-99", ("harm", [])), "HAZ-99 has no requirement"),
        (lambda t: t.properties.__setitem__("DEL-98", ["Pump.tla: X"]), "DEL-98 is named"),
        (lambda t: t.code["DEL-01"].append("pumpcore/nowhere.py"), "pumpcore/nowhere.py is not there"),
        (lambda t: t.modules.discard("limits"), "pumpcore/limits is in no requirement's code"),
    ],
)
def test_an_orphan_is_seen(change: Callable[[trace.Trace], object], says: str) -> None:
    read = trace.read()
    read.code["DEL-99"] = ["pumpcore/pump/ledger.py"]
    change(read)
    assert any(line.startswith(says) for line in trace.orphans(read))


def test_ids_are_read_one_by_one_as_ranges_and_as_families() -> None:
    assert list(trace.ids_in("SUS-03 to SUS-05, and BOL-01..02")) == ["SUS-03", "SUS-04", "SUS-05", "BOL-01", "BOL-02"]
    assert list(trace.ids_in("ALM", ["ALM-01", "LIM-01", "ALM-02"])) == ["ALM-01", "ALM-02"]
    assert list(trace.ids_in("nothing of the kind")) == []


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("DEL-01 to DEL-03", ["DEL-01", "DEL-02", "DEL-03"]),
        ("RES-01 to 20 units", ["RES-01"]),
        ("DEL-01 to LIM-03", ["DEL-01", "LIM-03"]),
        ("SHA-256, DEL-1", []),
    ],
)
def test_what_only_looks_like_an_id_or_a_range_is_none(text: str, ids: list[str]) -> None:
    assert list(trace.ids_in(text)) == ids


def test_a_property_has_the_ids_of_its_comment_its_line_and_its_name_and_none_of_a_heading(tmp_path: Path) -> None:
    (tmp_path / "tla").mkdir()
    (tmp_path / "tla" / "X.tla").write_text(
        "(* A heading.  DEL-01 *)\n\nNothing == 1\n"
        "\\* DEL-02: above it.\nAbove == 1\nOn == 1 \\* DEL-03\nDEL_04_Named == 1\n",
        encoding="utf-8",
    )
    assert trace.properties(tmp_path) == {
        "DEL-02": ["tla/X.tla: Above"],
        "DEL-03": ["tla/X.tla: On"],
        "DEL-04": ["tla/X.tla: DEL_04_Named"],
    }
