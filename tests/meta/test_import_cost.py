"""What an import brings along: on a small board every module counts, and an integrator asked for none of these.

No test here measures time. What takes time is named instead: modules that a pump does not need, and methods of value
types that are compiled before anybody uses them.
"""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Final

import pytest

# With what each of them brings along.
HEAVY: Final = (
    "click",
    "dataclasses",
    "importlib.resources",  # zipfile, tempfile, urllib
    "inspect",  # ast, dis, tokenize
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
PUMP: Final = "from pumpcore import Pump"


def answer(code: str) -> set[str]:
    # A measurement of coverage would follow into the new Python, and bring modules of its own.
    env = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env)
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


def test_an_import_of_the_pump_compiles_no_methods() -> None:
    assert not answer(f"{PUMP}\nfrom pumpcore.frozen import compiled\nprint(*compiled())")


def test_a_method_that_was_compiled_is_counted() -> None:
    code = "from pumpcore import events\nrepr(events.Tick(1))\nfrom pumpcore.frozen import compiled\nprint(*compiled())"
    assert "pumpcore.pump.events.Tick" in answer(code)


@pytest.mark.parametrize("command", ["schedule", "--help", "--version"])
def test_the_command_line_loads_no_table_printer_for_what_prints_no_table(command: str) -> None:
    args = [command, "no-such-file"] if command == "schedule" else [command]
    assert not loaded(f"from pumpcore.cli import main\nmain({args!r})") & {"rich", "numpy", "matplotlib"}
