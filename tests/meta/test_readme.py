"""What README and the pages of docs/ show runs, and their links lead somewhere.

Rules for these pages: a block marked `python` is a program of its own; a block marked `json` is the file `plan.json` of
the commands of its page; in blocks marked `sh` each line is a command, of which those of `pumpcore` are run as they
stand, in a folder that holds what a clone holds, and `make` targets must exist. Everything else (`text`, `mermaid`, an
indented block) is for the reader. CONTRIBUTING and SECURITY have commands that change the clone: only their `make`
targets and links are checked.
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
LINK: Final = re.compile(r"\]\((?!\w+:)([^)\s]+)\)")


def titles(pages: list[Path]) -> list[str]:
    return [page.relative_to(ROOT).as_posix() for page in pages]


def blocks(page: str, kind: str) -> list[str]:
    text = (ROOT / page).read_text(encoding="utf-8")
    return [body for language, body in BLOCK.findall(text) if language == kind]


def commands(page: str) -> list[str]:
    lines = "".join(blocks(page, "sh")).replace("\\\n", " ").splitlines()
    return [line.strip().removeprefix("$ ").removeprefix(".venv/bin/") for line in lines if line.strip()]


RUN: Final = titles([ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))])
ALL: Final = [*RUN, "CONTRIBUTING.md", "SECURITY.md"]
PROGRAMS: Final = [(page, number) for page in RUN for number in range(len(blocks(page, "python")))]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder with what a clone holds, in which a command may leave its files."""
    for path in ROOT.iterdir():
        if path.name not in {".git", "target"}:
            (tmp_path / path.name).symlink_to(path)
    return tmp_path


def test_the_pages_are_found() -> None:
    assert {"README.md", "docs/README.md", "docs/architecture.md", "docs/glossary.md"} <= set(RUN)
    assert {"README.md", "docs/architecture.md"} <= {page for page, _ in PROGRAMS}


@pytest.mark.parametrize(("page", "number"), PROGRAMS)
def test_programs_run(page: str, number: int, tmp_path: Path) -> None:
    program = blocks(page, "python")[number]
    subprocess.run([sys.executable, "-W", "error", "-c", program], cwd=tmp_path, check=True, timeout=60)


@pytest.mark.parametrize("page", RUN)
def test_commands_run(page: str, clone: Path) -> None:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    ours = [command for command in commands(page) if command.startswith("pumpcore ") or "| pumpcore " in command]
    assert ours or page != "README.md"
    for body in blocks(page, "json"):
        (clone / "plan.json").write_text(body, encoding="utf-8")
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
    named = {word for page in ALL for line in commands(page) for word in re.findall(r"^make ([a-z-]+)", line)}
    assert {"run", "test"} <= named
    assert named <= targets


@pytest.mark.parametrize("page", ALL)
def test_links_lead_to_files_and_headings(page: str) -> None:
    path = ROOT / page
    dead = []
    for target in LINK.findall(path.read_text(encoding="utf-8")):
        file, _, heading = target.partition("#")
        where = (path.parent / file).resolve() if file else path
        if not where.exists() or (heading and heading not in headings(where)):
            dead.append(target)
    assert not dead


def test_every_page_is_reached_from_the_index() -> None:
    seen, open_ = set(), [ROOT / "docs" / "README.md"]
    while open_:
        page = open_.pop()
        if page in seen or page.suffix != ".md":
            continue
        seen.add(page)
        links = (target.partition("#")[0] for target in LINK.findall(page.read_text(encoding="utf-8")))
        open_ += [(page.parent / file).resolve() for file in links if file]
    assert {ROOT / page for page in RUN} <= seen


def headings(page: Path) -> set[str]:
    """The anchors of a page, as forges make them."""
    lines = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", line.lower()).replace(" ", "-") for line in lines}
