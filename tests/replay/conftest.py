"""Hand-made exports: a record per line, `M/D/YY HH:MM:SS Kind KEY=value, KEY=value`, oldest first.

`; device` at the end of a line names another pump than the default. A line's place is its place in the pump's memory.
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Final

import pytest

from pumpcore.records.replay import Replay, read, replay

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

COLUMNS: Final = (
    "Index",
    "Date",
    "Time",
    "Timestamp",
    "Raw-Type",
    "Raw-Values",
    "Raw-ID",
    "Raw-Seq Num",
    "Raw-Device Type",
)
DEVICE: Final = "Paradigm Revel - 523"


def export_text(lines: str, *, device: str = DEVICE) -> str:
    """Write the lines as an export."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["Hand-made"])
    writer.writerow(COLUMNS)
    records = [line.strip() for line in lines.strip().splitlines() if line.strip()]
    for number, line in enumerate(records, 1):
        record, _, pump = line.partition(";")
        day, time, kind, *values = record.split(maxsplit=3)
        raw = values[0].strip() if values else ""
        writer.writerow(
            [number, day, time, f"{day} {time}", kind, raw, number, len(records) - number + 1, pump.strip() or device]
        )
    return out.getvalue()


@pytest.fixture
def replayed(tmp_path: Path) -> Callable[..., Replay]:
    """Replay hand-made lines."""

    def run(lines: str, *, device: str = DEVICE) -> Replay:
        path = tmp_path / "export.csv"
        path.write_text(export_text(lines, device=device), encoding="utf-8")
        return replay(read(path))

    return run


@pytest.fixture
def as_text() -> Callable[..., str]:
    """Write hand-made lines as an export."""
    return export_text


@pytest.fixture
def basal(replayed: Callable[..., Replay]) -> Callable[..., int]:
    """Replay 2 February 2015 at a flat rate with some lines of its own, and return its basal in steps of 0.025 U."""

    def run(lines: str, *, rate: str = "1", device: str = DEVICE) -> int:
        done = replayed(
            f"""
            2/2/15 00:00:00 BasalProfileStart PATTERN_NAME=standard, RATE={rate}, START_TIME=0
            {lines}
            2/2/15 23:59:00 SelfTest
            """,
            device=device,
        )
        assert [day.date.isoformat() for day in done.days] == ["2015-02-02"]
        steps, rest = divmod(done.days[0].basal_uu, 25_000)
        assert rest == 0
        return steps

    return run
