"""Bugs that are planted on purpose: each must be found by `pumpcore verify`, or the campaign is not worth its time.

Method: a planted bug is a row of `specs/faults/planted.toml`. The package is copied into a folder, the bug is put into
the copy, and a process of its own runs worlds of the campaign from seed 1 on, as `pumpcore verify --seed 1` does, until
one of them breaks. The table of `docs/verify.md` says how many worlds that takes; `PYTHONPATH=. python
tests/sim/test_planted_bugs.py FOLDER` measures the rows that the table does not have.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from specs.faults import apply, faults

if TYPE_CHECKING:
    from specs.faults import SeededFault

ROOT: Final = Path(__file__).resolve().parents[2]
PACKAGE: Final = ROOT / "pumpcore"
DOCUMENT: Final = ROOT / "docs" / "verify.md"
BEGIN: Final = "| planted bug | file | found as | worlds needed |"
IDS: Final = re.compile(r"\b[A-Z]{3}-[0-9]{2}\b")
MOST: Final = 140
"""No planted bug may need more worlds than this."""


BUGS: Final = faults("planted")
"""Those that are `quick` run with every test run; the others with the profile `deep`."""

DEEP: Final = pytest.mark.skipif(
    os.environ.get("HYPOTHESIS_PROFILE") != "deep", reason="minutes: HYPOTHESIS_PROFILE=deep runs it"
)

PROBE: Final = """
import json, sys
from pumpcore.sim.campaign import run_task, tasks
for number, task in enumerate(tasks(seed=1, runs=int(sys.argv[1]), hours=24, mode="both"), 1):
    outcome = run_task(task)
    if outcome.broken is not None:
        print(json.dumps([number, outcome.broken.requirement, outcome.broken.what]))
        break
else:
    print("null")
"""


def plant(planted: SeededFault | None, folder: Path) -> None:
    """Copy the package into a folder, with a bug in it."""
    shutil.copytree(PACKAGE, folder / "pumpcore", ignore=shutil.ignore_patterns("__pycache__"))
    if planted is not None:
        apply(folder, planted)


def worlds_needed(planted: SeededFault | None, folder: Path, most: int) -> tuple[int, str, str] | None:
    """Run worlds until one breaks: how many that were, and what broke; None: none did."""
    plant(planted, folder)
    ran = subprocess.run(
        [sys.executable, "-c", PROBE, str(most)],
        check=True,
        capture_output=True,
        text=True,
        timeout=600,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
    )
    answer = json.loads(ran.stdout.splitlines()[-1])
    return None if answer is None else (answer[0], answer[1], answer[2])


def rows() -> dict[str, tuple[str, int]]:
    """The table of the document: by bug, the requirement that broke, and how many worlds that took."""
    found = {}
    lines = DOCUMENT.read_text(encoding="utf-8").splitlines()
    for line in lines[lines.index(BEGIN) + 2 :]:
        if not line.startswith("|"):
            break
        name, _, requirement, worlds = (cell.strip() for cell in line.strip("|").split("|"))
        found[name] = requirement, int(worlds)
    return found


def test_the_table_names_every_planted_bug() -> None:
    assert {name: (requirement,) for name, (requirement, _) in rows().items()} == {
        each.id: each.found_by for each in BUGS
    }
    assert list(rows()) == [each.id for each in BUGS]
    assert len(BUGS) >= 15
    assert sum(each.quick for each in BUGS) >= 8
    assert max(worlds for _, worlds in rows().values()) <= MOST


def test_the_table_is_as_this_file_writes_it() -> None:
    assert written(rows()) == DOCUMENT.read_text(encoding="utf-8")


def test_what_the_document_says_must_hold_is_what_worlds_check() -> None:
    text = DOCUMENT.read_text(encoding="utf-8").partition("## What must hold\n")[2].partition("\n## ")[0]
    checked = {each for path in (PACKAGE / "sim").rglob("*.py") for each in IDS.findall(path.read_text("utf-8"))}
    assert len(checked) > 40
    assert set(IDS.findall(text)) == checked


def test_without_a_bug_nothing_is_found(tmp_path: Path) -> None:
    assert worlds_needed(None, tmp_path, 12) is None


@pytest.mark.parametrize("planted", [pytest.param(each, id=each.id, marks=() if each.quick else DEEP) for each in BUGS])
def test_a_planted_bug_is_found_as_the_table_says(planted: SeededFault, tmp_path: Path) -> None:
    found = worlds_needed(planted, tmp_path, MOST)
    assert found is not None
    assert (found[1], found[0]) == rows()[planted.id], found


def main() -> int:
    """Measure those that the table does not have, and write it; a row that is taken out is measured anew."""
    folder, known = Path(sys.argv[1]), rows()
    unknown = [each for each in BUGS if each.id not in known]

    def measure(planted: SeededFault) -> tuple[int, str, str] | None:
        place = folder / str(BUGS.index(planted))
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        return worlds_needed(planted, place, MOST)

    with ThreadPoolExecutor(2) as pool:
        for planted, found in zip(unknown, pool.map(measure, unknown), strict=True):
            sys.stdout.write(f"{planted.id}: {found}\n")
            sys.stdout.flush()
            if found is not None:
                known[planted.id] = found[1], found[0]
                DOCUMENT.write_text(written(known), encoding="utf-8")
    return len(BUGS) - len(known)


def written(known: dict[str, tuple[str, int]]) -> str:
    """Return the document with this table in it."""
    lines = [BEGIN, "|---|---|---|---|"]
    for planted in BUGS:
        if planted.id in known:
            requirement, worlds = known[planted.id]
            files = ", ".join(file.removeprefix("pumpcore/") for file in planted.files)
            lines.append(f"| {planted.id} | {files} | {requirement} | {worlds} |")
    text = DOCUMENT.read_text(encoding="utf-8").splitlines()
    begin = text.index(BEGIN)
    end = next((at for at in range(begin, len(text)) if not text[at].startswith("|")), len(text))
    return "\n".join([*text[:begin], *lines, *text[end:]]) + "\n"


if __name__ == "__main__":
    sys.exit(main())
