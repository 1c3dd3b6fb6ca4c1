"""Count the kernel's instructions for each unit of work of each path, and compare with what is written down.

`python tests/bench/instructions.py` runs the example `instructions` of the kernel under callgrind and compares with
specs/instructions.json: growth over 5 % fails. `--write` writes the file anew. Each path runs at two numbers of rounds,
and the difference is counted, so start-up is not in it; the figures are the same every time on one compiler.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
WRITTEN: Final = ROOT / "specs" / "instructions.json"
PROGRAM: Final = ROOT / "target" / "release" / "examples" / "instructions"
PATHS: Final = ("constant", "merged", "day", "day_gap", "day_grid", "day_sums", "count_at", "due_at", "online")
FEW, MANY = 4, 12
GROWTH_MAX: Final = 1.05


def said(*command: str) -> subprocess.CompletedProcess[str]:
    """Run a command that must succeed."""
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)


def counted(path: str, rounds: int) -> int:
    """Instructions of so many rounds, start-up included."""
    out = "--callgrind-out-file=/dev/null"
    done = said("valgrind", "--tool=callgrind", out, str(PROGRAM), path, str(rounds))
    found = re.search(r"Collected : (\d+)", done.stderr)
    if found is None:
        raise ValueError(done.stderr)
    return int(found[1])


def measured() -> dict[str, float]:
    """Instructions for each unit of work, to a tenth."""
    figures = {}
    for path in PATHS:
        units = int(said(str(PROGRAM), path, "1").stdout)
        per_round = (counted(path, MANY) - counted(path, FEW)) / (MANY - FEW)
        figures[path] = round(per_round / units, 1)
    return figures


def grown(now: dict[str, float], before: dict[str, float]) -> list[str]:
    """Paths that have grown by more than 5 %, or are not written down."""
    return [path for path, figure in now.items() if figure > GROWTH_MAX * before.get(path, 0)]


def main() -> int:
    """Measure, compare, and say so."""
    said("cargo", "build", "--release", "--locked", "--package", "pumpcore-kernel", "--example", "instructions")
    rustc, now = said("rustc", "--version").stdout.strip(), measured()
    if "--write" in sys.argv[1:]:
        WRITTEN.write_text(json.dumps({"rustc": rustc, "instructions": now}, indent=2) + "\n", encoding="utf-8")
        return 0
    written = json.loads(WRITTEN.read_text(encoding="utf-8"))
    before, worse = written["instructions"], grown(now, written["instructions"])
    lines = [f"{'path':<10}{'written':>10}{'now':>10}"]
    for path, figure in now.items():
        lines.append(f"{path:<10}{before.get(path, 0):>10}{figure:>10}{'  grown' if path in worse else ''}")
    if rustc != written["rustc"]:
        lines.append(f"written with {written['rustc']}, now {rustc}")
    sys.stdout.write("\n".join([*lines, ""]))
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())
