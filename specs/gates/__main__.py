"""Run the gates, with a line for each and a table at the end: `python -m specs.gates [--quick] [NAME ...]`."""

from __future__ import annotations

import argparse
import importlib
import sys
import time
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from specs.gates.gate import ROOT, Gate, Refused, Room

PARTS: Final = ("tla", "conformance", "coq", "smt", "binary", "crosshair")
"""Modules of this package, each with its `GATES`, in the order in which they run."""


def gates() -> list[Gate]:
    """Gather all gates."""
    return [gate for part in PARTS for gate in importlib.import_module(f"specs.gates.{part}").GATES]


def main(arguments: list[str] | None = None) -> int:
    """Run what is asked for; 0 only if every gate is open."""
    parser = argparse.ArgumentParser(prog="python -m specs.gates", description=__doc__)
    parser.add_argument("names", nargs="*", help="only the gates whose name begins so")
    parser.add_argument("--quick", action="store_true", help="only those of every test run")
    parser.add_argument("--room", type=Path, default=ROOT / "target" / "spec", help="where they work")
    asked = parser.parse_args(arguments)
    chosen = [
        gate
        for gate in gates()
        if (gate.quick or not asked.quick) and (not asked.names or gate.name.startswith(tuple(asked.names)))
    ]
    if not chosen:
        parser.error("no gate is called so")
    room = Room(asked.room.resolve())
    console = Console(highlight=False, soft_wrap=True)
    table = Table("gate", "what it claims", "for", "counted", "s")
    closed = 0
    began_s = time.monotonic()
    for gate in chosen:
        start_s = time.monotonic()
        try:
            counted, verdict = gate.run(room), "open"
        except Refused as refusal:
            counted, verdict = "refused", f"CLOSED\n{refusal}"
            closed += 1
        spent = f"{time.monotonic() - start_s:.1f}"
        console.print(f"{gate.name:<36} {spent:>6} s  {verdict}", markup=False)
        table.add_row(gate.name, gate.claim, gate.bounds, counted, spent)
    console.print(table)
    spent = f"{time.monotonic() - began_s:.0f} s"
    console.print(f"{len(chosen)} gates, {len(chosen) - closed} open, {closed} closed, {spent}", markup=False)
    return 1 if closed else 0


if __name__ == "__main__":
    sys.exit(main())
