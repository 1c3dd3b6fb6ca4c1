"""A machine that lacks something is told so in one line, before anything is started or written.

Method: the Makefile alone in a folder, and a PATH that holds what it needs but for one tool, which is missing or too
old.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
NEEDED: Final = ("sh", "make", "cat", "head", "sed", "test", "find", "expand", "cargo", "rustc", "cc")
REAL_PYTHON: Final = f'exec "{sys.executable}" "$@"'
OLD_PYTHON: Final = 'case "$1" in -V) echo "Python 3.9.2";; *) exit 1;; esac'
BARE_PYTHON: Final = f'case "$2" in *ensurepip*) exit 1;; *) {REAL_PYTHON};; esac'


def script(path: Path, body: str) -> None:
    path.unlink(missing_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    path.chmod(0o755)


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A folder with the Makefile, and a folder `bin` with all it needs."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    binaries = tmp_path / "bin"
    binaries.mkdir()
    for name in NEEDED:
        found = shutil.which(name)
        assert found, name
        (binaries / name).symlink_to(found)
    script(binaries / "python3", REAL_PYTHON)
    return tmp_path


def make(machine: Path, *goals: str) -> subprocess.CompletedProcess[str]:
    ours = {"PYTHON", "MAKEFLAGS", "MAKELEVEL"}  # of a make that runs this test
    environment = {name: value for name, value in os.environ.items() if name not in ours}
    return subprocess.run(
        [str(machine / "bin" / "make"), *goals],
        cwd=machine,
        env=environment | {"PATH": str(machine / "bin")},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("goal", ["run", "test"])
@pytest.mark.parametrize(
    ("tool", "body", "words"),
    [
        ("python3", None, "Python 3.11 or later is needed, and 'python3' is not there"),
        ("python3", OLD_PYTHON, "Python 3.11 or later is needed, and 'python3' is Python 3.9.2"),
        ("python3", BARE_PYTHON, "Python's venv and ensurepip are needed"),
        ("cargo", None, "Rust 1.88 or later is needed, and cargo or rustc is not there"),
        ("rustc", None, "Rust 1.88 or later is needed, and cargo or rustc is not there"),
        (
            "rustc",
            "echo 'rustc 1.87.0 (17067e9ac 2025-05-09)'",
            "1.88 or later is needed, and rustc is rustc 1.87",
        ),
        ("rustc", "echo no default toolchain >&2; exit 1", "Rust 1.88 or later is needed, and rustc is no default"),
        ("cc", None, "A C compiler is needed"),
    ],
)
def test_what_is_missing_is_said_in_one_line(machine: Path, goal: str, tool: str, body: str | None, words: str) -> None:
    if body is None:
        (machine / "bin" / tool).unlink()
    else:
        script(machine / "bin" / tool, body)
    done = make(machine, goal)
    assert done.returncode != 0
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert words in done.stderr
    assert {path.name for path in machine.iterdir()} == {"Makefile", "bin"}


def test_what_checks_form_is_asked_for_only_where_form_is_checked(machine: Path) -> None:
    script(machine / "bin" / "cargo", 'case "$1" in fmt|clippy) exit 1;; esac')
    assert "rustfmt and clippy are needed" in make(machine, "lint").stderr
    assert "rustfmt" not in make(machine, "--dry-run", "run").stderr


@pytest.mark.parametrize("version", ["1.88.0", "1.100.3", "2.0.0"])
def test_a_new_enough_rust_is_taken(machine: Path, version: str) -> None:
    script(machine / "bin" / "rustc", f"echo 'rustc {version} (17067e9ac 2025-05-09)'")
    assert "Rust" not in make(machine, "--dry-run", "run").stderr


def test_help_needs_nothing(machine: Path) -> None:
    for name in ("python3", "cargo", "rustc", "cc"):
        (machine / "bin" / name).unlink()
    done = make(machine)
    assert done.returncode == 0
    assert "make test" in done.stdout
