"""The kit's pytest plugin, as an integrator's pytest loads it: by its entry point, in a process of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

THEIRS = """
import sys

LOADED = sorted(name for name in sys.modules if name.startswith("pumpcore."))


def test_the_plugin_is_light():
    assert LOADED == ["pumpcore.testing", "pumpcore.testing.plugin"]


def test_a_driver(pump_contract):
    from pumpcore.testing import DriverContract

    begun = []

    class Mine(DriverContract):
        def set_up(self, setup):
            begun.append(setup)
            super().set_up(setup)

    pump_contract(Mine, steps=3)
    assert begun
    print("begun", len(begun))
"""


@pytest.fixture
def integrator(tmp_path: Path, root: Path) -> Path:
    """Make a project that has pumpcore installed, with its entry points as they are declared."""
    declared = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["entry-points"]
    info = tmp_path / "installed" / "pumpcore_kit-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: pumpcore-kit\nVersion: 1\n", encoding="utf-8")
    lines = [f"{name} = {target}" for name, target in declared["pytest11"].items()]
    (info / "entry_points.txt").write_text("\n".join(["[pytest11]", *lines, ""]), encoding="utf-8")
    (tmp_path / "test_theirs.py").write_text(THEIRS, encoding="utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\naddopts = --strict-markers\n")
    return tmp_path


def run(integrator: Path, *options: str) -> subprocess.CompletedProcess[str]:
    searched = [str(integrator / "installed"), *filter(None, sys.path)]
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rA", "--rootdir=.", *options],
        cwd=integrator,
        env=env | {"PYTHONPATH": os.pathsep.join(searched)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_runs_a_contract_as_often_as_it_is_told(integrator: Path) -> None:
    said = run(integrator, "--pumpcore-examples=3")
    assert said.returncode == 0, said.stdout + said.stderr
    assert "2 passed" in said.stdout
    begun = re.search(r"^begun ([0-9]+)$", said.stdout, re.MULTILINE)
    assert begun is not None
    assert 3 <= int(begun[1]) <= 10  # Hypothesis does not count ways that come to nothing


def test_contracts_can_be_left_out(integrator: Path) -> None:
    said = run(integrator, "-m", "not pumpcore")
    assert said.returncode == 0, said.stdout + said.stderr
    assert "1 passed, 1 deselected" in said.stdout


def test_it_is_no_hindrance_to_coverage_and_warnings_that_are_errors(integrator: Path) -> None:
    said = run(integrator, "-W", "error", "--cov=pumpcore", "--cov-report=term", "-k", "light")
    assert said.returncode == 0, said.stdout + said.stderr
    assert "1 passed" in said.stdout
    assert "TOTAL" in said.stdout


def test_it_says_its_option_and_its_marker(integrator: Path) -> None:
    assert "--pumpcore-examples=N" in run(integrator, "--help").stdout
    assert "@pytest.mark.pumpcore: runs a contract" in run(integrator, "--markers").stdout
