"""Run the gates, with a line for each and a table at the end: `python -m specs.gates [--quick] [NAME ...]`."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from rich.console import Console
from rich.table import Table

from specs.gates.gate import ROOT, Refused, Room

if TYPE_CHECKING:
    from specs.gates.gate import Gate

WIDTH: Final = 180  # of the table, wherever it is printed
PARTS: Final = ("tla", "conformance", "coq", "smt", "binary", "crosshair")
"""Modules of this package, each with its `GATES`, in the order of the table."""


class Verdict(NamedTuple):
    """What became of a gate: `open`, `closed` or `skipped`, with what it counted or why it was refused."""

    gate: Gate
    word: str
    says: str
    spent_s: float


def gates() -> list[Gate]:
    """Gather all gates."""
    return [gate for part in PARTS for gate in importlib.import_module(f"specs.gates.{part}").GATES]


def pass_through(gate: Gate, room: Room, *, may_skip: bool) -> Verdict:
    """Check one gate; any fault of the check itself closes it too."""
    began_s = time.monotonic()
    missing = gate.missing()
    if missing is not None:
        return Verdict(gate, "skipped" if may_skip else "closed", missing, 0)
    try:
        counted = gate.run(room)
    except Refused as refusal:
        return Verdict(gate, "closed", str(refusal), time.monotonic() - began_s)
    except Exception as error:  # noqa: BLE001 - a gate that breaks has shown nothing
        return Verdict(gate, "closed", f"{type(error).__name__}: {error}", time.monotonic() - began_s)
    return Verdict(gate, "open", counted, time.monotonic() - began_s)


def main(arguments: list[str] | None = None) -> int:
    """Run what is asked for; 0 only if no gate is closed."""
    parser = argparse.ArgumentParser(prog="python -m specs.gates", description=__doc__)
    parser.add_argument("names", nargs="*", help="only the gates whose name begins so")
    parser.add_argument("--quick", action="store_true", help="only those of every test run")
    parser.add_argument("--rest", action="store_true", help="all but those: where a test run has just passed them")
    parser.add_argument("--room", type=Path, default=ROOT / "target" / "spec", help="where they work")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="how many at a time")
    asked = parser.parse_args(arguments)
    chosen = [
        gate
        for gate in gates()
        if (gate.quick or not asked.quick)
        and not (gate.quick and asked.rest)
        and (not asked.names or gate.name.startswith(tuple(asked.names)))
    ]
    if not chosen:
        parser.error("no gate is called so")
    # A machine without Java can still run the tests, loudly; one that says it is continuous integration cannot.
    may_skip = asked.quick and os.environ.get("CI") != "true"
    room, console, began_s = (
        Room(asked.room.resolve()),
        Console(highlight=False, soft_wrap=True, width=WIDTH),
        time.monotonic(),
    )
    verdicts = []
    with ThreadPoolExecutor(asked.jobs) as pool:
        for done in as_completed([pool.submit(pass_through, gate, room, may_skip=may_skip) for gate in chosen]):
            verdict = done.result()
            verdicts.append(verdict)
            word = {"open": "open", "closed": "CLOSED", "skipped": "SKIPPED, NOTHING IS CHECKED"}[verdict.word]
            line = f"{verdict.gate.name:<32} {verdict.spent_s:7.1f} s  {word}: {verdict.says}"
            console.print(line, markup=False)
    table = Table("gate", "what it claims", "for", "counted", "s")
    for verdict in sorted(verdicts, key=lambda verdict: chosen.index(verdict.gate)):
        says = verdict.says if verdict.word == "open" else verdict.word
        table.add_row(verdict.gate.name, verdict.gate.claim, verdict.gate.bounds, says, f"{verdict.spent_s:.1f}")
    console.print(table)
    count = {word: sum(verdict.word == word for verdict in verdicts) for word in ("open", "closed", "skipped")}
    spent = f"{time.monotonic() - began_s:.0f} s"
    console.print(", ".join(f"{number} {word}" for word, number in count.items()) + f" in {spent}", markup=False)
    return 1 if count["closed"] else 0


if __name__ == "__main__":
    sys.exit(main())
