"""What an import brings along: on a small board every module counts, and an integrator asked for none of these.

No test here measures time. What takes time is named instead: modules that a pump does not need, and methods of value
types that are compiled before anybody uses them.
"""

from __future__ import annotations

import subprocess
import sys
from typing import Final

import pytest

# With what each of them brings along.
HEAVY: Final = (
    "click",
    "importlib.resources",  # zipfile, tempfile, urllib
    "json",
    "logging",
    "matplotlib",
    "numpy",
    "pathlib",  # fnmatch, urllib
    "random",
    "rich",
    "sqlite3",
    "tomllib",
    "transitions",  # logging, six
    "zoneinfo",
)
# Types whose instances are rows of tables: they are needed as soon as their table is there.
ROWS: Final = {
    "pumpcore.alarms.table.AnnunciationRow",
    "pumpcore.bounds.Range",
    "pumpcore.devices.figures.Source",
    "pumpcore.devices.suspend.SuspendPolicy",
    "pumpcore.limits.Limit",
    "pumpcore.therapy.low_suspend.LowPreset",
    "pumpcore.therapy.policies.CalculatorPolicy",
}
PUMP: Final = "from pumpcore import Pump"


def answer(code: str) -> set[str]:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def loaded(code: str) -> set[str]:
    """Run code in a fresh Python, and return which of the heavy modules it has then."""
    return answer(f"{code}\nimport sys\nprint(*(name for name in {HEAVY!r} if name in sys.modules))")


def test_the_question_can_be_answered_with_yes() -> None:
    assert loaded("import json, click") >= {"json", "click"}


@pytest.mark.parametrize("code", ["import pumpcore", "from pumpcore import schedule", PUMP])
def test_an_import_loads_nothing_heavy(code: str) -> None:
    assert not loaded(code)


def test_an_import_of_the_package_alone_loads_not_even_typing() -> None:
    assert "typing" not in answer("import sys, pumpcore\nprint(*sys.modules)")


def test_an_import_of_the_pump_compiles_rows_of_tables_only() -> None:
    done = answer(f"{PUMP}\nfrom pumpcore.frozen import compiled\nprint(*compiled())")
    assert done <= ROWS


def test_a_method_that_was_compiled_is_counted() -> None:
    code = "from pumpcore import events\nevents.Tick(1)\nfrom pumpcore.frozen import compiled\nprint(*compiled())"
    assert "pumpcore.pump.events.Tick" in answer(code)


@pytest.mark.parametrize("command", ["schedule", "--help", "--version"])
def test_the_command_line_loads_no_table_printer_for_what_prints_no_table(command: str) -> None:
    args = [command, "no-such-file"] if command == "schedule" else [command]
    assert not loaded(f"from pumpcore.cli import main\nmain({args!r})") & {"rich", "numpy", "matplotlib"}
