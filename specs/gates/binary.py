"""The compiled kernel: no panic can be reached, and the walking step does what the law says.

The rule of this file: what is checked is kernel-rs/core as it lies there, through the doors of specs/binary; a twin is
the same check on a copy with one fault, and must refuse it for that fault and for nothing else.
"""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING, Final

from specs.faults import apply, faults
from specs.gates.gate import ROOT, Gate, Refused, Room, last

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from specs.faults import SeededFault
    from specs.gates.gate import Output

__all__ = ["GATES"]

KERNEL: Final = "kernel-rs/core/src"
LINK: Final = ("-nostdlib", "-lc", "-Wl,-z,defs")
"""Nothing of std; C's library for copying memory; every symbol must be there."""
MISSING: Final = "a_panic_can_be_reached"
PROOFS: Final = (
    "least",
    "carried",
    "step",
    "step-never",
    "take",
    "take-last",
    "carry",
    "carry-never",
    "basal",
    "basal-zero",
    "train",
    "set-rate-off",
    "set-rate-again",
)
"""What specs/binary/prove.py says, line by line."""
WALKED: Final = tuple(name for name in PROOFS if not name.startswith("set-rate"))
"""What it is asked of a copy with a fault."""


FAULTS: Final = faults("binary")
PANICS: Final = tuple(fault for fault in FAULTS if fault.found_by == ("no-panic",))
"""Faults that let a panic be reached."""
WALKS: Final = tuple(fault for fault in FAULTS if fault not in PANICS)
"""Faults of the walking step."""


def built(room: Room, root: Path, log: str) -> tuple[Output, Path]:
    """Build the doors of the kernel below `root`; give what the compiler said, and where the library lies."""
    target = room.folder("binary") / "target" / log
    command = ["cargo", "rustc", "--quiet", "--release", "--locked", "--offline", "--"]
    link = [option for argument in LINK for option in ("-C", f"link-arg={argument}")]
    said = room.run(
        [*command, *link], log=f"binary-{log}", cwd=root / "specs" / "binary", env={"CARGO_TARGET_DIR": str(target)}
    )
    return said, target / "release" / "libpumpcore_binary.so"


def kernel(room: Room) -> Path:
    """Build the doors of the kernel that ships.

    Raises:
        Refused: it does not link.
    """
    said, library = built(room, ROOT, "kernel")
    if said.status:
        raise Refused(f"the kernel does not link without a panic:\n{last(said.text)}")
    return library


def copied(room: Room, fault: SeededFault, place: str) -> Path:
    """Copy the kernel and its doors, with a fault.

    Raises:
        FaultError: the replaced text does not occur exactly once.
    """
    root = room.folder("binary") / place
    shutil.rmtree(root, ignore_errors=True)
    for name in ("kernel-rs/core", "specs/binary"):
        shutil.copytree(ROOT / name, root / name)
    shutil.copy(ROOT / "Cargo.toml", root)
    apply(root, fault)
    return root


def doors() -> Iterator[str]:
    """List the doors of all public functions of the kernel: module, type where it is not the module's own, name."""
    for file in sorted((ROOT / KERNEL).glob("*.rs")):
        of = ""
        for line in file.read_text(encoding="utf-8").splitlines():
            if line.startswith("impl") and line.endswith("{"):
                of = "" if " for " in line else re.split(r"[<\s]", re.sub(r"<[^<>]*>\s*{$|\s*{$", "", line))[-1].lower()
            elif line == "}":
                of = ""
            elif named := re.match(r" *pub (?:const )?fn (\w+)", line):
                own = of in {"", file.stem}
                yield "_".join([file.stem, *([] if own else [of]), named[1]])


def no_panic(room: Room) -> str:
    """Link the kernel so that a panic would be missing."""
    library = kernel(room)
    listed = room.want(["nm", "--dynamic", "--defined-only", str(library)], log="binary-doors")
    there = {line.split()[-1] for line in listed.splitlines()}
    wanted = set(doors())
    if missing := sorted(wanted - there):
        raise Refused(f"public functions without a door: {', '.join(missing)}")
    return f"{len(there)} doors, all {len(wanted)} public functions among them"


def no_panic_must_fail(room: Room) -> str:
    """Put a panic into a copy: it must not link, and only for that reason."""
    for fault in PANICS:
        said, _ = built(room, copied(room, fault, "panics"), "panics")
        undefined = set(re.findall(r"undefined (?:symbol:|reference to) `?(\w+)", said.text))
        if not said.status or undefined != {MISSING}:
            raise Refused(f"{fault.id} was not refused for its panic: {sorted(undefined)}\n{last(said.text)}")
    return f"{len(PANICS)} of {len(PANICS)} panics refused"


def proved(room: Room, library: Path, log: str, goals: tuple[str, ...] = PROOFS) -> tuple[Output, dict[str, str]]:
    """Run the prover; give its verdict on each goal."""
    command = [
        str(room.python("angr")),
        "-B",
        "-m",
        "specs.binary.prove",
        str(library),
        str(ROOT / KERNEL / "range.rs"),
        *goals,
    ]
    said = room.run(command, log=f"binary-{log}", cwd=room.folder("binary"), env={"PYTHONPATH": str(ROOT)})
    return said, {
        name: word for word, name in re.findall(r"^(proved|REFUTED|UNDECIDED) ([\w-]+)", said.text, re.MULTILINE)
    }


def walk(room: Room) -> str:
    """Prove the walking step of the kernel that ships."""
    said, verdicts = proved(room, kernel(room), "walk")
    if said.status or verdicts != dict.fromkeys(PROOFS, "proved"):
        raise Refused(f"not all {len(PROOFS)} goals were proved:\n{last(said.text)}")
    sums = {name: sum(map(int, re.findall(rf"{name}=(\d+)", said.text))) for name in ("paths", "claims", "executions")}
    return f"{len(PROOFS)} goals, " + ", ".join(f"{total} {name}" for name, total in sums.items())


def walk_must_fail(room: Room) -> str:
    """Prove copies with a fault: the goals that it breaks must be refuted by an execution, and no other refuted."""
    for fault in WALKS:
        built_, library = built(room, copied(room, fault, "walks"), "walks")
        if built_.status:
            raise Refused(f"{fault.id} does not build:\n{last(built_.text)}")
        said, verdicts = proved(room, library, "walk-twin", WALKED)
        refuted = {name for name, verdict in verdicts.items() if verdict == "REFUTED"}
        # Of another machine code the prover may not be able to decide every goal that holds.
        if not said.status or refuted != set(fault.found_by):
            raise Refused(f"{fault.id} was not refuted in {', '.join(fault.found_by)} alone:\n{last(said.text)}")
    return f"{len(WALKS)} of {len(WALKS)} faults refuted"


EVERYTHING: Final = "all arguments and all fields that their types can hold; x86-64, this compiler, opt-level 3"

GATES: Final[tuple[Gate, ...]] = (
    Gate(
        name="binary-no-panic",
        claim="no panic can be reached through any public function of the kernel, overflow checks on",
        bounds=EVERYTHING,
        run=no_panic,
    ),
    Gate(
        name="binary-no-panic-must-fail",
        claim="a kernel in which one can be reached does not link",
        bounds=f"{len(PANICS)} faults",
        run=no_panic_must_fail,
    ),
    Gate(
        name="binary-walk",
        claim="compiled: each step is due at the least whole microsecond, and nothing earned is lost",
        bounds="all inputs in the kernel's ranges: begin of basal and train, step, end, carry, rate to and from 0",
        run=walk,
    ),
    Gate(
        name="binary-walk-must-fail",
        claim="an off-by-one is refuted by an execution",
        bounds=f"{len(WALKS)} faults",
        run=walk_must_fail,
    ),
)
