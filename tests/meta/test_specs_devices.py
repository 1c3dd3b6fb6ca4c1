"""`specs/devices.md` says what the data files of `pumpcore.devices` say, and the command that renders it works."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from pumpcore.devices import Source, ids, load
from pumpcore.devices.document import document

if TYPE_CHECKING:
    from pathlib import Path


def section_of(device_id: str) -> list[str]:
    """The lines of one device."""
    _, _, rest = document().partition(f"\n## {device_id}\n")
    return rest.partition("\n## ")[0].splitlines()


def test_the_rendered_document_is_current(root: Path) -> None:
    done = subprocess.run([sys.executable, "-m", "pumpcore.devices"], capture_output=True, check=True, cwd=root)
    rendered = done.stdout.decode("utf-8")
    assert rendered == document()
    assert (root / "specs" / "devices.md").read_text(encoding="utf-8") == rendered, (
        "render it again: python -m pumpcore.devices > specs/devices.md"
    )


@pytest.mark.parametrize("device_id", ids())
def test_every_figure_is_in_it_with_its_source_and_how_sure_it_is(device_id: str) -> None:
    lines = section_of(device_id)
    sources: dict[str, str] = {}
    for line in lines:
        if line.startswith("- "):
            name, _, text = line.removeprefix("- ").partition(": ")
            sources[name] = text
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| ")][1:]
    shown: dict[str, Source] = {}
    for path, value, known, source in rows:
        assert value
        text = sources[f"{source} ({known})"].removesuffix(".")
        shown[path] = Source(text, known)  # type: ignore[arg-type]  # the comparison says which it is
    assert shown == dict(load(device_id).sources)


@pytest.mark.parametrize("device_id", ids())
def test_the_summary_counts_them(device_id: str) -> None:
    device = load(device_id)
    known = [source.known for source in device.sources.values()]
    counts = [str(known.count(each)) for each in ("read", "remembered", "own")]
    assert f"| {device_id} | {device.maker} | {' | '.join(counts)} |" in document().splitlines()


@pytest.mark.parametrize(
    ("device_id", "row"),
    [
        (
            "medtronic-523",
            "| basal.steps_u_per_h | by 0.025 from 0, by 0.05 from 1, by 0.1 from 10 | read | minimedkit |",
        ),
        (
            "medtronic-523",
            "| bolus.speeds_u | 80 s/U from 0, 40 s/U from 1, 300 s in all from 7.5 | read | minimedkit |",
        ),
        ("medtronic-640g", "| bolus.modes_u | quick: 4 s/U from 0 | remembered | remembered |"),
        ("medtronic-640g", "| carelink.models | 1511, 1512, 1711, 1712 | read | carelink |"),
        ("omnipod", "| extended_bolus.meal_part_only | yes | read | table |"),
        ("roche-combo", "| temp_basal.rate_percent | 0 to 250, by 10 | read | table |"),
        ("tandem-tslim-x2", "| auto_off.hours | 5 to 24, default 12 | read | guide |"),
    ],
)
def test_figures_are_written_as_a_person_reads_them(device_id: str, row: str) -> None:
    assert row in section_of(device_id)
