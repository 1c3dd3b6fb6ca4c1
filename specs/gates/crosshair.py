"""The reference model and the limits: contracts that CrossHair confirms over all paths, and some that it only searches.

The rule of this file: `confirmed` counts as many "Confirmed over all paths" as there are promises in the file, or
refuses; what is only searched is a gate of its own, and says so. A twin is the same contract on a copy with one fault:
each contract must find one, so that none holds because its conditions allow nothing.
"""

from __future__ import annotations

import os
import re
import shutil
from functools import partial
from typing import TYPE_CHECKING, Final

from specs.faults import apply, faults
from specs.gates.gate import ROOT, Gate, Refused, Room, last

if TYPE_CHECKING:
    from pathlib import Path

    from specs.faults import SeededFault
    from specs.gates.gate import Output

__all__ = ["GATES"]

HERE: Final = ROOT / "specs" / "crosshair"
ENOUGH_S: Final = 60
"""No promise that is confirmed takes nearly as long."""
SEARCH_S: Final = 8
SEARCHES: Final = 5
ALL: Final = "Confirmed over all paths."
NOT_ALL: Final = "Not confirmed."


FAULTS: Final = faults("crosshair")


def checked(room: Room, target: str, seconds: int, log: str, root: Path = ROOT) -> Output:
    """Run CrossHair on a file or a function, with the reference and the package below `root`."""
    searched = os.pathsep.join(map(str, (root, HERE)))
    limits = [f"--per_condition_timeout={seconds}", f"--per_path_timeout={seconds}"]
    return room.run(
        [str(room.python("crosshair")), "-B", "-m", "crosshair", "check", "--report_all", *limits, target],
        log=f"crosshair-{log}",
        cwd=room.folder("crosshair"),
        env={"PYTHONPATH": searched, "PYTHONDONTWRITEBYTECODE": "1"},
    )


def verdicts(said: Output, file: Path) -> dict[int, str]:
    """Read what was said of each promise of a file, by the promise's line.

    Raises:
        Refused: there is a counterexample, or not a verdict for each promise.
    """
    lines = file.read_text(encoding="utf-8").splitlines()
    promises = [number for number, line in enumerate(lines, 1) if re.match(r' +(""")?post: ', line)]
    found = {
        int(number): verdict
        for number, verdict in re.findall(rf"{re.escape(str(file))}:(\d+): info: (.*)$", said.text, re.MULTILINE)
    }
    if said.status or sorted(found) != promises:
        raise Refused(f"{file.name}: {len(found)} verdicts on {len(promises)} promises:\n{last(said.text)}")
    return found


def confirmed(room: Room, name: str) -> str:
    """Check that every promise of a file is confirmed."""
    file = HERE / f"{name}.py"
    said = checked(room, str(file), ENOUGH_S, name)
    found = verdicts(said, file)
    if open_ := [number for number, verdict in found.items() if verdict != ALL]:
        raise Refused(f"{file.name}: not confirmed: lines {open_}\n{last(said.text)}")
    return f"{len(found)} of {len(found)} promises confirmed over all paths"


def searched(room: Room) -> str:
    """Look for counterexamples."""
    found = verdicts(checked(room, str(HERE / "search.py"), SEARCH_S, "search"), HERE / "search.py")
    if set(found.values()) - {ALL, NOT_ALL}:
        raise Refused(f"search.py: {found}")
    sure = sum(verdict == ALL for verdict in found.values())
    return f"{len(found)} promises, {sure} confirmed over all paths, no counterexample"


def must_fail(room: Room) -> str:
    """Put faults into copies: contracts must find them."""
    wanted = {f"{name}.{function}" for name in ("law", "limits", "search") for function in contracts(name)}
    if missing := sorted(wanted - {contract for fault in FAULTS for contract in fault.found_by}):
        raise Refused(f"no fault shows that these can fail: {', '.join(missing)}")
    count = 0
    for fault in FAULTS:
        root = copied(room, fault)
        for contract in fault.found_by:
            function = contract.partition(".")[2]
            # What is only searched depends on the time it is given and on chance, so it may try again.
            for left in reversed(range(SEARCHES if contract.startswith("search.") else 1)):
                said = checked(room, contract, ENOUGH_S, "twin", root)
                if said.status == 1 and re.search(rf": error: .*\bwhen calling {function}\(", said.text):
                    break
                if not left:
                    raise Refused(f"{contract} does not find: {fault.id}:\n{last(said.text)}")
            count += 1
    return f"{len(FAULTS)} faults, {count} of {count} counterexamples"


def contracts(name: str) -> list[str]:
    """List the functions of a file that have a contract."""
    text = (HERE / f"{name}.py").read_text(encoding="utf-8")
    return re.findall(r'^def (\w+)\([^\n]*\n    """(?:pre|post): ', text, re.MULTILINE)


def copied(room: Room, fault: SeededFault) -> Path:
    """Copy what contracts are on, with a fault.

    Raises:
        FaultError: the replaced text does not occur exactly once.
    """
    root = room.folder("crosshair") / "copy"
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(ROOT / "pumpcore", root / "pumpcore", ignore=shutil.ignore_patterns("__pycache__"))
    apply(root, fault)
    return root


GATES: Final[tuple[Gate, ...]] = (
    Gate(
        name="crosshair-law",
        claim="the reference's due times are the least microseconds; the remainder is carried over an edge",
        bounds="all integers; trains of 1 to 4 steps, basal of 0 to 3 (two segments: 0 to 2), a gap with 3",
        run=partial(confirmed, name="law"),
    ),
    Gate(
        name="crosshair-limits",
        claim="a value passes exactly if it is within its bound; else the error names the bound",
        bounds="all integers, every row of the table; other types for one row",
        run=partial(confirmed, name="limits"),
    ),
    Gate(
        name="crosshair-search",
        claim="the reference counts the same by fractions and by due times",
        bounds=f"no proof: searched for {SEARCH_S} s a contract",
        run=searched,
    ),
    Gate(
        name="crosshair-must-fail",
        claim="every contract finds a counterexample to a fault",
        bounds=f"{len(FAULTS)} faults",
        run=must_fail,
    ),
)
