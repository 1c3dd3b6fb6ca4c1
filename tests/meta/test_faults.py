"""Every seeded fault still fits the file that it changes: a stale row fails here in seconds, not after minutes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import pytest

from specs.faults import FOLDER, FaultError, apply, changed_files, edited, exchange, faults
from specs.requirements import stated
from specs.smt.goals import GROUPS, named, smt_lib

if TYPE_CHECKING:
    from pathlib import Path

NAMES: Final = sorted(path.stem for path in FOLDER.glob("*.toml"))

ROW: Final = """
[[fault]]
id = "a"
file = "f.txt"
old = "one"
new = "two"
found_by = ["X"]
"""


def test_there_are_as_many_faults_as_the_documents_say() -> None:
    seeds = {name: len(faults(name)) for name in NAMES}
    mutants = {name: seeds.pop(name) for name in NAMES if name.startswith("mutants-")}
    assert seeds == {"binary": 7, "conformance": 94, "coq": 18, "crosshair": 10, "planted": 36, "smt": 21, "tla": 74}
    assert sum(mutants.values()) == 258
    assert sum(len(fault.found_by) for fault in faults("crosshair")) == 14
    assert sum(len(fault.found_by) for fault in faults("smt")) == 38


@pytest.mark.parametrize("name", [name for name in NAMES if name != "smt"])
def test_every_fault_fits_in_exactly_one_place(root: Path, name: str) -> None:
    stale = []
    for fault in faults(name):
        try:
            changed = changed_files(root, fault)
        except (FaultError, OSError) as error:
            stale.append(f"{fault.id}: {error}")
        else:
            assert all(text != (root / file).read_text(encoding="utf-8") for file, text in changed.items())
    assert stale == []


def test_every_fault_on_machine_words_fits_in_exactly_one_definition() -> None:
    goals = {name: goal for group in GROUPS for name, goal in named(group).items()}
    for fault in faults("smt"):
        for name in fault.found_by:
            assert edited(smt_lib(goals[name]), fault) != smt_lib(goals[name])
    assert {name for fault in faults("smt") for name in fault.found_by} == set(goals)


def test_what_finds_a_fault_exists(root: Path) -> None:
    tla = {path.stem: path.read_text(encoding="utf-8") for path in (root / "specs" / "tla").iterdir()}
    for fault in faults("tla"):
        assert fault.model in tla
        assert all(rule.split()[-1] in tla or any(f"\n{rule} ==" in text for text in tla.values())
                   for rule in fault.found_by), fault.id  # fmt: skip
    assert {check for fault in faults("conformance") for check in fault.found_by} <= tla.keys()
    for fault in faults("coq"):
        for part, name in (each.split(".") for each in fault.found_by):
            proof = (root / "specs" / "coq" / f"{part}.v").read_text(encoding="utf-8")
            assert re.search(rf"^ *(Theorem|Lemma|Corollary) {name}\b", proof, re.MULTILINE), fault.id
    for fault in faults("crosshair"):
        for part, name in (each.split(".") for each in fault.found_by):
            contracts = (root / "specs" / "crosshair" / f"{part}.py").read_text(encoding="utf-8")
            assert f"\ndef {name}(" in contracts, fault.id
    for fault in (each for name in NAMES if name.startswith("mutants-") for each in faults(name)):
        assert all((root / tests).is_file() for tests in fault.found_by), fault.id
    ids = {row.id for row in stated((root / "specs" / "requirements.md").read_text(encoding="utf-8"))}
    assert {check for fault in faults("planted") for check in fault.found_by} <= ids


def test_a_fault_is_put_into_a_copy(tmp_path: Path) -> None:
    (tmp_path / "data.toml").write_text(
        ROW + '[[fault.also]]\nfile = "f.txt"\nold = "three"\nnew = ""\n', encoding="utf-8"
    )
    (tmp_path / "f.txt").write_text("one, three", encoding="utf-8")
    (fault,) = faults("data", tmp_path)
    apply(tmp_path, fault)
    assert (tmp_path / "f.txt").read_text(encoding="utf-8") == "two, "
    with pytest.raises(FaultError, match=r"a: f\.txt: must occur exactly once, occurs 0 times: one"):
        apply(tmp_path, fault)


@pytest.mark.parametrize("text", ["", "one one"])
def test_a_text_that_does_not_occur_exactly_once_is_refused(text: str) -> None:
    with pytest.raises(FaultError, match="must occur exactly once"):
        exchange(text, "one", "two", "here")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('new = "two"\n', "", "needs"),
        ("found_by", "finds", "needs"),
        ('new = "two"', 'new = "one"', "changes nothing"),
        ('old = "one"', 'old = ""', "changes nothing"),
        ('["X"]', "[]", "says neither"),
    ],
)
def test_a_malformed_row_is_refused(tmp_path: Path, old: str, new: str, says: str) -> None:
    assert old in ROW
    (tmp_path / "data.toml").write_text(ROW.replace(old, new), encoding="utf-8")
    with pytest.raises(FaultError, match=says):
        faults("data", tmp_path)


def test_two_rows_of_one_id_are_refused(tmp_path: Path) -> None:
    (tmp_path / "data.toml").write_text(ROW + ROW, encoding="utf-8")
    with pytest.raises(FaultError, match="not unique: a"):
        faults("data", tmp_path)
