"""The delivery law, proved for every programme: the files of `specs/coq`, checked by Coq and by its second checker.

The rules of this file: what is proved is read from the sources (every `Theorem`), and compared with the list in
`Closed.v`, so that a theorem that is dropped, admitted or made an axiom closes the gate; the ranges in `Words.v` are
compared with the kernel's own table; and a seeded fault must break a proof, not the syntax.
"""

from __future__ import annotations

import os
import re
import shutil
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final

from specs.faults import changed_files, faults
from specs.gates.gate import ROOT, Gate, Refused

if TYPE_CHECKING:
    from specs.faults import SeededFault
    from specs.gates.gate import Output, Room

SOURCES: Final = ROOT / "specs" / "coq"
RANGES: Final = ROOT / "kernel-rs" / "core" / "src" / "range.rs"
PARTS: Final = ("Law", "Ramp", "Basal", "Segments", "Cycle", "Train", "Release", "Dues", "Caps", "Words")
"""In the order in which they need each other."""
VECTORS: Final = SOURCES / "vectors.txt"
CLOSED: Final = "Closed under the global context"
SEALED: Final = ("<none>", "Coq.ssr.ssrunder.Under_rel.")
"""What coqchk calls axioms in the standard library, which it does not check again: a sealed module, not used here."""
FORBIDDEN: Final = re.compile(
    r"\b(Admitted|admit|Axiom|Parameter|Conjecture|Abort|Unset Guard Checking|bypass_check)\b"
)
SYNTAX_FAILS: Final = re.compile(r"Syntax error|was not found|Lexer|Cannot find a physical path|Unknown interpretation")


RESTS_ON_AN_AXIOM: Final = """
Axiom wrong : False.
Theorem all : 1 = 2. Proof. destruct wrong. Qed.
Print Assumptions all.
"""
BUILDING: Final = threading.Lock()
"""Gates run side by side; what they share is made once."""

FAULTS: Final = faults("coq")


def proof(room: Room) -> str:
    """Check every proof, and that each theorem rests on nothing but the definitions."""
    if {path.stem for path in SOURCES.glob("*.v")} != {*PARTS, "Closed", "Vectors"}:
        raise Refused("a file of specs/coq is in no part")
    folder = built(room)
    named = theorems()
    listed = re.findall(r"^  (\w+\.\w+)[,)]", source("Closed"), re.MULTILINE)
    if sorted(named) != sorted(listed):
        raise Refused(f"Closed.v does not list every theorem once: {sorted(set(named) ^ set(listed))}")
    answers = coqc(room, folder, "Closed").text.splitlines()
    if answers != [CLOSED] * len(PARTS):
        raise Refused(f"{len(PARTS)} parts, but: {[line for line in answers if line != CLOSED][:10]}")
    return f"{len(named)} theorems closed, {compare_ranges()} ranges as the kernel has them"


def check(room: Room) -> str:
    """Run the second checker on the output of the first, and report the axioms."""
    folder = built(room)
    text = room.want(
        [
            "coqchk",
            "-silent",
            "-o",
            "-Q",
            ".",
            "Pump",
            *(word for part in PARTS for word in ("-norec", f"Pump.{part}")),
        ],
        log="coqchk",
        cwd=folder,
    )
    axioms = re.search(r"\* Axioms:(.*?)\n\s*\n\* ", text, re.DOTALL)
    rest = re.findall(r"^\* (?!Axioms|Theory)[^:]*: (.*)$", text, re.MULTILINE)
    if axioms is None or set(rest) != {"<none>"}:
        raise Refused(f"the answer of coqchk is not understood:\n{text[-2000:]}")
    if foreign := [name for name in axioms[1].split() if not name.startswith(SEALED)]:
        raise Refused(f"the proofs rest on {foreign}")
    return f"{len(PARTS)} modules checked again, no axiom"


def vectors(room: Room) -> str:
    """Compute the vectors anew and compare them with those in the project, byte for byte."""
    text = coqc(room, built(room), "Vectors").text
    if text.encode() != VECTORS.read_bytes():
        raise Refused(f"{VECTORS.name} is not what the proved definitions compute")
    return f"{len(text.encode())} bytes the same"


def must_fail(room: Room) -> str:
    """Seed each fault in a definition: a proof must break, for no other reason than the fault."""
    sound = built(room)
    for number, fault in enumerate(FAULTS):
        folder = room.folder(f"coq-fault-{number}")
        shutil.copytree(sound, folder, dirs_exist_ok=True)
        for file, text in changed_files(ROOT, fault).items():
            (folder / Path(file).name).write_text(text, encoding="utf-8")
        breaks(room, folder, fault)
    axiom = room.folder("coq-axiom")
    (axiom / "Axiom.v").write_text(RESTS_ON_AN_AXIOM, encoding="utf-8")
    done = compiled(room, axiom, "Axiom")
    if done.status or CLOSED in done.text or not FORBIDDEN.search(RESTS_ON_AN_AXIOM):
        raise Refused(f"a theorem that rests on an axiom is not told from one that does not:\n{done.text}")
    return f"{len(FAULTS)} seeded faults, {len(FAULTS)} proofs broken, an axiom is seen"


def breaks(room: Room, folder: Path, fault: SeededFault) -> None:
    """Check that the named proof breaks first, in the part with the fault or in one that needs it.

    Raises:
        Refused: all proofs go through, another one breaks, or what breaks is not a proof.
    """
    changed = Path(fault.edits[0].file).stem
    for part in PARTS[PARTS.index(changed) :]:
        done = compiled(room, folder, part)
        if done.status == 0:
            continue
        at = re.search(r".*line (\d+)", done.text, re.DOTALL)  # the last one: warnings come before the error
        if at is None or SYNTAX_FAILS.search(done.text):
            raise Refused(f"{fault.id}: what breaks is not a proof:\n{done.text[-1000:]}")
        broken = proof_at((folder / f"{part}.v").read_text(encoding="utf-8"), int(at[1]))
        if broken is None:
            raise Refused(f"{fault.id}: it breaks outside a proof, in line {at[1]} of {part}.v")
        if f"{part}.{broken}" not in fault.found_by:
            raise Refused(f"{fault.id}: it breaks {part}.{broken}, not {', '.join(fault.found_by)}")
        return
    raise Refused(f"{fault.id}: every proof still goes through")


def proof_at(text: str, line: int) -> str | None:
    """Return the theorem or lemma whose proof a line is in, from `Proof.` to `Qed.`; None outside a proof."""
    opened, named = False, None
    for number, content in enumerate(text.splitlines(), start=1):
        if stated := re.match(r"\s*(?:Theorem|Lemma|Corollary|Fact|Remark) (\w+)", content):
            named = stated[1]
        opened = opened or "Proof." in content
        if number == line:
            return named if opened else None
        if "Qed." in content:
            opened = False
    return None


def built(room: Room) -> Path:
    """Compile all parts in a folder of the room, once for what stands in the sources."""
    with BUILDING:
        need_coq(room)
        folder = room.folder("coq")
        stamp = folder / "sources"
        now = "".join(source(part) for part in PARTS)
        if stamp.is_file() and stamp.read_text(encoding="utf-8") == now:
            return folder
        stamp.unlink(missing_ok=True)
        for old in folder.glob("*.v*"):  # what a part that is gone has left behind would still be found
            old.unlink()
        for part in PARTS:
            if found := FORBIDDEN.search(without_comments(source(part))):
                raise Refused(f"{part}.v says {found[0]}")
            coqc(room, folder, part)
        stamp.write_text(now, encoding="utf-8")
        return folder


def coqc(room: Room, folder: Path, part: str) -> Output:
    """Compile one file, which must go through."""
    (folder / f"{part}.v").write_text(source(part), encoding="utf-8")
    done = compiled(room, folder, part)
    if done.status:
        raise Refused(f"{part}.v does not go through:\n{done.text[-2000:]}")
    return done


def compiled(room: Room, folder: Path, part: str) -> Output:
    """Compile one file of a folder."""
    return room.run(
        ["coqc", "-q", "-Q", ".", "Pump", f"{part}.v"], log=f"{folder.name}-{part}", cwd=folder, timeout_s=300
    )


def need_coq(room: Room) -> None:
    """Find Coq, or install it where that is allowed.

    Raises:
        Refused: it is not there and cannot be installed.
    """
    if shutil.which("coqc") and shutil.which("coqchk"):
        return
    advice = "coqc is not there: install it (Debian: apt-get install --no-install-recommends coq libcoq-stdlib)"
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise Refused(advice)
    room.run(["apt-get", "update", "-qq"], log="apt-update")
    room.run(
        ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "coq", "libcoq-stdlib"],
        log="apt-coq",
        env={"DEBIAN_FRONTEND": "noninteractive"},
    )
    if not (shutil.which("coqc") and shutil.which("coqchk")):
        raise Refused(advice)


def source(part: str) -> str:
    """Read a file of the proof."""
    return (SOURCES / f"{part}.v").read_text(encoding="utf-8")


def without_comments(text: str) -> str:
    """Drop comments; none of ours lies in another."""
    return re.sub(r"\(\*.*?\*\)", "", text, flags=re.DOTALL)


def theorems() -> list[str]:
    """List every theorem of the sources, with its part."""
    pattern = re.compile(r"^\s*Theorem (\w+)", re.MULTILINE)
    return [f"{part}.{name}" for part in PARTS for name in pattern.findall(without_comments(source(part)))]


def kernel_ranges() -> dict[str, tuple[int, int]]:
    """Read the kernel's own table: least and largest by name."""
    row = r"(\w+) = \"\w+\", \"[^\"]*\", ([0-9_]+), ([0-9_]+);"
    return {name: (int(least), int(largest)) for name, least, largest in re.findall(row, RANGES.read_text("utf-8"))}


def compare_ranges() -> int:
    """Compare the ranges of the proof with the kernel's table; answer how many there are.

    Raises:
        Refused: a row is missing or says something else.
    """
    kernel = kernel_ranges()
    ours = re.findall(r"^Definition ([A-Z_]+) := \((\d+), (\d+)\)\.$", source("Words"), re.MULTILINE)
    for name, least, largest in ours:
        if kernel.get(name) != (int(least), int(largest)):
            raise Refused(f"{name} is {kernel.get(name)} in the kernel and ({least}, {largest}) in the proof")
    if not ours:
        raise Refused("Words.v has no ranges")
    return len(ours)


GATES: Final[tuple[Gate, ...]] = (
    Gate(
        name="coq-proof",
        claim="what the kernel computes, walking and in closed form, is the delivery law; no value leaves its word",
        bounds="every finite programme, step, cutting of time; words: the ranges of range.rs",
        run=proof,
    ),
    Gate(
        name="coq-check",
        claim="the proofs hold for a second checker, and rest on no axiom",
        bounds="all parts of the proof; the standard library is taken as checked",
        run=check,
    ),
    Gate(
        name="coq-vectors",
        claim="the vectors in the project are what the proved definitions compute",
        bounds="the vectors of Vectors.v",
        run=vectors,
    ),
    Gate(
        name="coq-must-fail",
        claim="a definition with a fault is refused by a proof",
        bounds=f"{len(FAULTS)} seeded faults",
        run=must_fail,
    ),
)
