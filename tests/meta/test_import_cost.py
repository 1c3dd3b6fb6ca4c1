"""What an import brings along: on a small board every module counts, and an integrator asked for none of these."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("click", "rich", "numpy", "matplotlib", "json", "zoneinfo")


def loaded(code: str) -> set[str]:
    """Run code in a fresh Python, and say which of the heavy modules it has then."""
    ask = f"{code}\nimport sys\nprint(*(name for name in {HEAVY!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_the_question_can_be_answered_with_yes() -> None:
    assert loaded("import json, click") >= {"json", "click"}


def test_importing_pumpcore_loads_no_other_package() -> None:
    assert not loaded("import pumpcore") & {"click", "rich", "numpy", "matplotlib"}


@pytest.mark.parametrize("command", ["schedule", "--help", "--version"])
def test_the_command_line_loads_no_table_printer_for_what_prints_no_table(command: str) -> None:
    args = [command, "no-such-file"] if command == "schedule" else [command]
    assert not loaded(f"from pumpcore.cli import main\nmain({args!r})") & {"rich", "numpy", "matplotlib"}
