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
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from specs.gates.gate import ROOT, Gate, Refused, seeded

if TYPE_CHECKING:
    from pathlib import Path

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


@dataclass(frozen=True, slots=True)
class Fault:
    """A definition with a mistake in it, which must break a proof.

    Attributes:
        name: what is wrong, in a few words.
        part: the file it is seeded in.
        right: the text of the definition, found exactly once.
        wrong: what stands there instead.
    """

    name: str
    part: str
    right: str
    wrong: str


RESTS_ON_AN_AXIOM: Final = """
Axiom wrong : False.
Theorem all : 1 = 2. Proof. destruct wrong. Qed.
Print Assumptions all.
"""
BUILDING: Final = threading.Lock()
"""Gates run side by side; what they share is made once."""

FAULTS: Final = (
    Fault(
        "a step paid for exactly is not due",
        "Ramp",
        "if next r <=? until\n      then match run fuel",
        "if next r <? until\n      then match run fuel",
    ),
    Fault("the borrow of the walk is off by one", "Ramp", "  if short <? 0\n", "  if short <=? 0\n"),
    Fault("the walk forgets the part", "Ramp", "let short := over r - part r in\n  if", "let short := over r in\n  if"),
    Fault(
        "the remainder is reset at an edge",
        "Basal",
        "else Going (basal now step rate (rest_at step now s))",
        "else Going (basal now step rate 0)",
    ),
    Fault(
        "the remainder is lost while the rate is zero",
        "Basal",
        "then Idle (rest_at step now s)",
        "then Idle 0",
    ),
    Fault(
        "a segment is in force one microsecond late",
        "Segments",
        "if start <=? u then rate_in",
        "if start <? u then rate_in",
    ),
    Fault(
        "a knot at the instant itself is overlooked",
        "Segments",
        "(fun k => start k <=? t) l",
        "(fun k => start k <? t) l",
    ),
    Fault(
        "a period loses what is left over",
        "Cycle",
        "span / period * period_fine +",
        "span / period * (period_fine / step * step) +",
    ),
    Fault("a train earns one microsecond too long", "Train", "(u <? start + d) then", "(u <=? start + d) then"),
    Fault("a train is short of its last step", "Train", "elapsed =? d then n", "elapsed =? d then n - 1"),
    Fault("the pace is rounded down", "Dues", "(Z.shiftl value shift - 1) / den + 1.", "Z.shiftl value shift / den."),
    Fault("the shift is one too small", "Dues", "else Z.log2 x + 1.", "else Z.log2 x."),
    Fault(
        "a pulse may leave while the actuator is busy",
        "Release",
        "at_ :: gaps gap (at_ + gap) more",
        "at_ :: gaps gap at_ more",
    ),
    Fault(
        "the grid goes on by more than it may", "Release", "if at_ + grid <? due then", "if at_ + grid <=? due + 1 then"
    ),
    Fault(
        "the oldest bucket is emptied too early",
        "Caps",
        "let passed := Z.max 0 (now - newest w) in",
        "let passed := Z.max 0 (now - newest w + 1) in",
    ),
    Fault(
        "a full bucket stops the count", "Caps", "Z.min U64_MAX (total r + steps)", "Z.min U32_MAX (total r + steps)"
    ),
    Fault("the hour has 60 buckets", "Caps", "HOUR_LEN := 61.", "HOUR_LEN := 60."),
)


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
    """Let the second checker go over what the first one wrote, and say what it rests on."""
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
        text = seeded(source(fault.part), fault.right, fault.wrong, f"{fault.part}.v")
        (folder / f"{fault.part}.v").write_text(text, encoding="utf-8")
        breaks(room, folder, fault)
    axiom = room.folder("coq-axiom")
    (axiom / "Axiom.v").write_text(RESTS_ON_AN_AXIOM, encoding="utf-8")
    done = compiled(room, axiom, "Axiom")
    if done.status or CLOSED in done.text or not FORBIDDEN.search(RESTS_ON_AN_AXIOM):
        raise Refused(f"a theorem that rests on an axiom is not told from one that does not:\n{done.text}")
    return f"{len(FAULTS)} seeded faults, {len(FAULTS)} proofs broken, an axiom is seen"


def breaks(room: Room, folder: Path, fault: Fault) -> None:
    """Check that a proof breaks, in the part with the fault or in one that needs it.

    Raises:
        Refused: all proofs go through, or what breaks is no proof.
    """
    for part in PARTS[PARTS.index(fault.part) :]:
        done = compiled(room, folder, part)
        if done.status == 0:
            continue
        at = re.search(r".*line (\d+)", done.text, re.DOTALL)  # the last one: warnings come before the error
        if at is None or SYNTAX_FAILS.search(done.text):
            raise Refused(f"{fault.name}: what breaks is no proof:\n{done.text[-1000:]}")
        if not in_proof((folder / f"{part}.v").read_text(encoding="utf-8"), int(at[1])):
            raise Refused(f"{fault.name}: it breaks outside a proof, in line {at[1]} of {part}.v")
        return
    raise Refused(f"{fault.name}: every proof still goes through")


def in_proof(text: str, line: int) -> bool:
    """Say whether a line lies between `Proof.` and `Qed.`, both included."""
    opened = False
    for number, content in enumerate(text.splitlines(), start=1):
        opened = opened or "Proof." in content
        if number == line:
            return opened
        if "Qed." in content:
            opened = False
    return False


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
    """Name every theorem of the sources, with its part."""
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
