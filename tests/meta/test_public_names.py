"""The public names of pumpcore: exactly these, each from one import line, none loaded before it is used."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

import pumpcore
import pumpcore.devices
import pumpcore.effects
import pumpcore.errors
import pumpcore.events
import pumpcore.pump.effects
import pumpcore.pump.events
import pumpcore.units

NAMES: Final = {
    "pumpcore._kernel": {
        "CHANNELS",
        "RANGES",
        "Cohort",
        "Delivery",
        "Plan",
        "Programme",
        "Progress",
        "Pulses",
        "Schedule",
        "Schedules",
        "schedule",
        "schedule_many",
        "totals_many",
    },
    "pumpcore.alarms": {"Kind", "text"},
    "pumpcore.devices": {"load"},
    "pumpcore.journal": {"Journal"},
    "pumpcore.limits": {"Limits"},
    "pumpcore.pump": {"Calculator", "Config", "Pump", "Status"},
    "pumpcore.pump.settings": {"Settings"},
    "pumpcore.therapy.glucose": {"MgDl", "MmolL", "Reading"},
    "pumpcore.therapy.profile": {"Anchor", "BasalProfile", "Segment", "WeekPlan"},
    "pumpcore": {"__version__", "effects", "events"},
}
ALL: Final = set().union(*NAMES.values())
# Until the settings of a pump have a module of their own.
ABSENT: Final = set() if Path(pumpcore.__path__[0], "pump", "settings.py").exists() else {"Settings"}
PRESENT: Final = sorted(ALL - ABSENT)


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_the_public_names_are_these() -> None:
    assert set(pumpcore.__all__) == ALL
    assert len(pumpcore.__all__) == len(ALL)


@pytest.mark.parametrize("name", PRESENT)
def test_each_name_is_imported_by_a_fresh_interpreter(name: str) -> None:
    assert run(f"from pumpcore import {name}; print({name} is __import__('pumpcore').{name})") == "True"


@pytest.mark.parametrize(
    ("module", "name"), [(m, n) for m, names in NAMES.items() for n in sorted(names) if n in PRESENT]
)
def test_each_name_is_the_object_of_its_module(module: str, name: str) -> None:
    assert getattr(pumpcore, name) is getattr(sys.modules[module], name)


def test_dir_lists_all_names_before_any_is_loaded() -> None:
    assert set(run("import pumpcore; print(*dir(pumpcore))").split()) >= ALL


def test_an_import_of_the_package_loads_none_of_its_modules() -> None:
    assert run("import sys, pumpcore; print(*(each for each in sys.modules if each.startswith('pumpcore.')))") == ""


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(AttributeError, match="module 'pumpcore' has no attribute 'pomp'"):
        pumpcore.pomp  # type: ignore[attr-defined]  # noqa: B018 - the look-up itself
    assert run("import pumpcore; print(hasattr(pumpcore, 'Pomp'))") == "False"


def test_modules_are_reached_by_their_short_paths() -> None:
    for module in (pumpcore.devices, pumpcore.errors, pumpcore.units):
        assert module is sys.modules[module.__name__]
    assert pumpcore.events is sys.modules["pumpcore.events"]
    assert pumpcore.events.Tick is pumpcore.pump.events.Tick
    assert pumpcore.effects.FirePulse is pumpcore.pump.effects.FirePulse


def test_the_command_line_starts_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pumpcore", "--version"], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == f"pumpcore {pumpcore.__version__}\n"
