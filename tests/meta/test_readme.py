"""What README shows runs.

Rules for README: a block marked `python` is a program of its own; a block marked `json` is the file `plan.json` of the
commands; in blocks marked `sh` each line is a command, of which those of `pumpcore` are run as they stand, in a folder
that holds what a clone holds, and `make` targets must exist. Everything else is for the reader's eye.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
BLOCK: Final = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def blocks(kind: str) -> list[str]:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return [body for language, body in BLOCK.findall(text) if language == kind]


def commands() -> list[str]:
    lines = "".join(blocks("sh")).replace("\\\n", " ").splitlines()
    return [line.strip().removeprefix("$ ").removeprefix(".venv/bin/") for line in lines if line.strip()]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder with what a clone holds, in which a command may leave its files."""
    for path in ROOT.iterdir():
        if path.name not in {".git", "target"}:
            (tmp_path / path.name).symlink_to(path)
    for body in blocks("json"):
        (tmp_path / "plan.json").write_text(body, encoding="utf-8")
    return tmp_path


def test_programs_run(tmp_path: Path) -> None:
    programs = blocks("python")
    assert programs
    for program in programs:
        subprocess.run([sys.executable, "-W", "error", "-c", program], cwd=tmp_path, check=True, timeout=60)


def test_commands_run(clone: Path) -> None:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    ours = [command for command in commands() if command.startswith("pumpcore ") or "| pumpcore " in command]
    assert ours
    for command in ours:
        done = subprocess.run(
            ["bash", "-c", command],  # noqa: S607 - the reader's shell
            cwd=clone,
            env=os.environ | {"PATH": path},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, f"{command}\n{done.stderr}"


def test_make_targets_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {word for line in commands() for word in re.findall(r"^make ([a-z-]+)", line)}
    assert {"run", "test"} <= named
    assert named <= targets
