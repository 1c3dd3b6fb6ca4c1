"""Count the kernel's instructions for each unit of work of each path, and compare with what is written down.

`python tests/bench/instructions.py` runs the example `instructions` of the kernel under callgrind and compares with
specs/instructions.json: growth over 5 % fails. `--write` writes the file anew. Each path runs at two numbers of rounds,
and the difference is counted, so start-up is not in it; the figures are the same every time on one compiler.

`--python` counts calls from Python instead, Python's own work in them included, and prints them: these differ from one
Python to another, so none is written down.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
WRITTEN: Final = ROOT / "specs" / "instructions.json"
PROGRAM: Final = ROOT / "target" / "release" / "examples" / "instructions"
PLANS: Final = ("constant", "merged", "day", "day_gap", "day_grid", "trains_10", "trains_100", "trains_1000")
PATHS: Final = (*PLANS, "day_sums", "count_at", "due_at", "online")
FEW, MANY = 4, 12
PYTHON_FEW, PYTHON_MANY = 20, 60
GROWTH_MAX: Final = 1.05

# A call from Python, how many units of work it is, and of what.
CALLS: Final = {
    "prepared": ("schedule(ready)", "1", "plain day"),
    "lists": ("schedule(day)", "1", "plain day"),
    "automatic": ("schedule(automatic)", "1", "automatic one"),
    "cohort": ("schedule_many(cohort, threads=1)", "cohort.due_steps", "step"),
    "totals": ("totals_many(cohort, threads=1)", "len(cohort)", "day"),
    "make": ("Cohort(days)", "len(days)", "day"),
}
SETTING: Final = """
import sys
from pumpcore import Cohort, Plan, schedule, schedule_many, totals_many
from pumpcore.bench.days import automatic_day, eight_segment_days, plain_day
day, automatic, days = plain_day(), automatic_day(), eight_segment_days(100)
ready, cohort = Plan(day), Cohort(days)
"""


def said(*command: str) -> subprocess.CompletedProcess[str]:
    """Run a command that must succeed."""
    # One seed for the hashes of Python, or two starts would not be alike.
    environment = os.environ | {"PYTHONHASHSEED": "0"}
    return subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True)


def counted_program(*program: str) -> int:
    """Instructions of a program, start-up included."""
    out = "--callgrind-out-file=/dev/null"
    done = said("valgrind", "--tool=callgrind", out, *program)
    found = re.search(r"Collected : (\d+)", done.stderr)
    if found is None:
        raise ValueError(done.stderr)
    return int(found[1])


def counted(path: str, rounds: int) -> int:
    """Instructions of so many rounds, start-up included."""
    return counted_program(str(PROGRAM), path, str(rounds))


def measured() -> dict[str, float]:
    """Instructions for each unit of work, to a tenth."""
    figures = {}
    for path in PATHS:
        units = int(said(str(PROGRAM), path, "1").stdout)
        per_round = (counted(path, MANY) - counted(path, FEW)) / (MANY - FEW)
        figures[path] = round(per_round / units, 1)
    return figures


def through_python() -> dict[str, float]:
    """Instructions for each unit of work of each call from Python, to a tenth."""
    figures = {}
    for name, (call, units, unit) in CALLS.items():
        units_of_one = int(said(sys.executable, "-c", f"{SETTING}print({units})").stdout)
        few, many = (
            counted_program(sys.executable, "-c", f"{SETTING}for _ in range({n}): {call}")
            for n in (PYTHON_FEW, PYTHON_MANY)
        )
        figures[f"{name} (a {unit})"] = round((many - few) / (PYTHON_MANY - PYTHON_FEW) / units_of_one, 1)
    return figures


def grown(now: dict[str, float], before: dict[str, float]) -> list[str]:
    """Paths that have grown by more than 5 %, or are not written down."""
    return [path for path, figure in now.items() if figure > GROWTH_MAX * before.get(path, 0)]


def main() -> int:
    """Measure, compare, and say so."""
    if "--python" in sys.argv[1:]:
        sys.stdout.writelines(f"{name:<28}{figure:>12}\n" for name, figure in through_python().items())
        return 0
    said("cargo", "build", "--release", "--locked", "--package", "pumpcore-kernel", "--example", "instructions")
    rustc, now = said("rustc", "--version").stdout.strip(), measured()
    if "--write" in sys.argv[1:]:
        WRITTEN.write_text(json.dumps({"rustc": rustc, "instructions": now}, indent=2) + "\n", encoding="utf-8")
        return 0
    written = json.loads(WRITTEN.read_text(encoding="utf-8"))
    before, worse = written["instructions"], grown(now, written["instructions"])
    lines = [f"{'path':<12}{'written':>10}{'now':>10}"]
    for path, figure in now.items():
        lines.append(f"{path:<12}{before.get(path, 0):>10}{figure:>10}{'  grown' if path in worse else ''}")
    if rustc != written["rustc"]:
        lines.append(f"written with {written['rustc']}, now {rustc}")
    sys.stdout.write("\n".join([*lines, ""]))
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())
