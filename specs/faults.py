"""Seeded faults: changes of one place that a check must find, read from the data files in `specs/faults/`.

The rules of this file: a fault is data, and every data file has the same form. A row is:

    [[fault]]
    id = "a proposal never expires"       what the fault is; unique in its file
    file = "pumpcore/pump/step/time.py"   the file that is changed, from the project's root
    old = 'each.expires_us < step.to_us'  the exact text that is replaced; it occurs exactly once
    new = 'each.expires_us < 0'           the text that replaces it; may be empty
    found_by = ["TIM-06"]                 each check that must find it: a rule, theorem, requirement, goal, model or run

and, where they apply, `also` (further changes of the same fault, each with `file`, `old`, `new`), `model` (the bounded
model that it is checked in), `why_not` (why a check that could be expected to find it does not) and `quick` (it is part
of every test run). The comment at the top of each data file says what its `found_by` names.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

__all__ = [
    "FOLDER",
    "ROOT",
    "Edit",
    "FaultError",
    "SeededFault",
    "apply",
    "changed_files",
    "edited",
    "exchange",
    "faults",
]

ROOT: Final = Path(__file__).resolve().parents[1]
FOLDER: Final = Path(__file__).resolve().parent / "faults"
_REQUIRED: Final = frozenset({"id", "file", "old", "new", "found_by"})
_OPTIONAL: Final = frozenset({"also", "model", "why_not", "quick"})


class FaultError(ValueError):
    """A row of a data file is malformed, or no longer fits the file that it changes."""


@dataclass(frozen=True, slots=True)
class Edit:
    """One replacement in one file.

    Attributes:
        file: path from the project's root.
        old: the text that is replaced; it occurs exactly once in the file.
        new: the text that replaces it.
    """

    file: str
    old: str
    new: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SeededFault:
    """One fault.

    Attributes:
        id: what the fault is, in a few words; unique in its data file.
        edits: the changes that make it, at least one.
        found_by: the checks that must find it, at least one, unless `why_not` says why there is none.
        model: the bounded model that it is checked in, where the specification is changed.
        why_not: why a check that could be expected to find it does not; empty where all do.
        quick: whether it is part of every test run.
    """

    id: str
    edits: tuple[Edit, ...]
    found_by: tuple[str, ...]
    model: str = ""
    why_not: str = ""
    quick: bool = False

    @property
    def files(self) -> tuple[str, ...]:
        """The files that it changes, each once."""
        return tuple(dict.fromkeys(edit.file for edit in self.edits))


def faults(name: str, folder: Path = FOLDER) -> tuple[SeededFault, ...]:
    """Read the faults of one data file, in its order.

    Args:
        name: the file's name without `.toml`.
        folder: where the file is.

    Raises:
        FaultError: a row is malformed, or two have the same id.
    """
    rows = tomllib.loads((folder / f"{name}.toml").read_text(encoding="utf-8")).get("fault", [])
    read = tuple(_fault(row, f"{name}.toml, row {number}") for number, row in enumerate(rows, start=1))
    ids = [fault.id for fault in read]
    if doubled := sorted({each for each in ids if ids.count(each) > 1}):
        raise FaultError(f"{name}.toml: not unique: {', '.join(doubled)}")
    return read


def _fault(row: dict[str, Any], where: str) -> SeededFault:
    if not row.keys() >= _REQUIRED or row.keys() - _REQUIRED - _OPTIONAL:
        raise FaultError(f"{where}: needs {sorted(_REQUIRED)} and may have {sorted(_OPTIONAL)}, not {sorted(row)}")
    edits = tuple(Edit(each["file"], each["old"], each["new"]) for each in (row, *row.get("also", ())))
    if any(not edit.old or edit.old == edit.new for edit in edits):
        raise FaultError(f"{where}: changes nothing: {row['id']}")
    if not row["found_by"] and not row.get("why_not"):
        raise FaultError(f"{where}: says neither what finds it nor why nothing does: {row['id']}")
    return SeededFault(
        id=row["id"],
        edits=edits,
        found_by=tuple(row["found_by"]),
        model=row.get("model", ""),
        why_not=row.get("why_not", ""),
        quick=row.get("quick", False),
    )


def exchange(text: str, old: str, new: str, where: str) -> str:
    """Replace the only occurrence of `old`.

    Raises:
        FaultError: `old` does not occur exactly once.
    """
    if text.count(old) != 1:
        raise FaultError(f"{where}: must occur exactly once, occurs {text.count(old)} times: {old}")
    return text.replace(old, new)


def edited(text: str, fault: SeededFault) -> str:
    """Return a text with all changes of a fault, for text that is not a file of its own.

    Raises:
        FaultError: a replaced text does not occur exactly once.
    """
    for edit in fault.edits:
        text = exchange(text, edit.old, edit.new, fault.id)
    return text


def changed_files(root: Path, fault: SeededFault) -> dict[str, str]:
    """Return the files that a fault changes as they are with the fault, by path from `root`; nothing is written.

    Raises:
        FaultError: a replaced text does not occur exactly once in its file.
    """
    texts: dict[str, str] = {}
    for edit in fault.edits:
        if edit.file not in texts:
            texts[edit.file] = (root / edit.file).read_text(encoding="utf-8")
        texts[edit.file] = exchange(texts[edit.file], edit.old, edit.new, f"{fault.id}: {edit.file}")
    return texts


def apply(root: Path, fault: SeededFault) -> None:
    """Put a fault into a copy of the project.

    Args:
        root: the folder of the copy; only the files that the fault changes need to be in it.
        fault: the fault.

    Raises:
        FaultError: a replaced text does not occur exactly once in its file; nothing is changed.
    """
    for file, text in changed_files(root, fault).items():
        (root / file).write_text(text, encoding="utf-8")
