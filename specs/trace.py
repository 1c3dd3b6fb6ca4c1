"""From hazard to test and back: renders `specs/trace.md`, and finds what is an orphan.

The rules of this file: everything is read where it is written (hazards, requirements, properties, tests), so that the
table cannot say what is not so. A property counts for a requirement when the comment above it, on its line, or its own
name (`ALM_06_...`) has the id.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from specs.requirements import marks_in, stated

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).resolve().parents[1]
SPECS: Final = ROOT / "specs"
_ID: Final = re.compile(r"\b([A-Z]{3})-([0-9]{2})\b(?:(?:\.\.| to \1-)([0-9]{2})\b)?")
_DEFINED: Final = {
    ".tla": re.compile(r"^([A-Z]\w*)(?:\([^)]*\))? *== *", re.MULTILINE),
    ".v": re.compile(r"^ *(?:Theorem|Lemma|Corollary) (\w+)", re.MULTILINE),
}


class Trace(NamedTuple):
    """All that is written, by id.

    Attributes:
        stated: requirements, by id, with what they say.
        hazards: hazards, by id, with the harm and the ids of their requirements.
        code: code by requirement.
        properties: specified and proved properties by requirement.
        tests: test files by requirement.
        modules: parts of pumpcore that some requirement stands on, or that are said to hold nothing.
    """

    stated: dict[str, str]
    hazards: dict[str, tuple[str, list[str]]]
    code: dict[str, list[str]]
    properties: dict[str, list[str]]
    tests: dict[str, list[str]]
    modules: set[str]


def ids_in(text: str, known: list[str] | None = None) -> Iterator[str]:
    """Find the ids in a text, ranges and whole families (where `known` are given) included."""
    if known is not None and re.fullmatch("[A-Z]{3}", text):
        yield from (each for each in known if each.startswith(text))
    for family, first, last in _ID.findall(text):
        yield from (f"{family}-{number:02}" for number in range(int(first), int(last or first) + 1))


def properties(folder: Path = SPECS) -> dict[str, list[str]]:
    """Find the definitions of the specifications and proofs whose comments name a requirement."""
    found: dict[str, list[str]] = {}
    for path in sorted([*folder.glob("tla/*.tla"), *folder.glob("coq/*.v")]):
        text, comment = path.read_text(encoding="utf-8"), ""
        for line in text.splitlines():
            defined = _DEFINED[path.suffix].match(line)
            if defined:
                named = re.sub(r"^([A-Z]{3})_([0-9]{2})_", r"\1-\2 ", line)
                for each in dict.fromkeys(ids_in(comment + named)):
                    found.setdefault(each, []).append(f"{path.relative_to(folder)}: {defined[1]}")
                comment = ""
            elif re.match(r"\s*(\\\*|\(\*|[^=]*\*\)$)", line) or (comment and path.suffix == ".v" and line.strip()):
                comment += line + "\n"
            elif not line.strip():
                comment = ""
    return found


def read() -> Trace:
    """Read all of it."""
    said = {row.id: row.shall for row in stated((SPECS / "requirements.md").read_text(encoding="utf-8"))}
    plain = tomllib.loads((SPECS / "hazards.toml").read_text(encoding="utf-8"))
    known = list(said)
    hazards: dict[str, tuple[str, list[str]]] = {}
    for row in plain["hazard"]:
        meant = {text: list(ids_in(text, known)) for text in row["requirements"]}
        if nothing := [text for text, ids in meant.items() if not ids]:
            raise ValueError(f"{row['id']}: nothing is called {', '.join(nothing)}")
        hazards[row["id"]] = (row["harm"], [each for ids in meant.values() for each in ids])
    code = {each: plain["code"].get(each) or plain["code"].get(each[:3], []) for each in said}
    parts = {path.split("/")[1].removesuffix(".py") for paths in code.values() for path in paths if "pumpcore/" in path}
    return Trace(said, hazards, code, properties(), marks_in(ROOT / "tests"), parts | set(plain["nothing"]))


def orphans(trace: Trace) -> list[str]:
    """Return a line for each orphan."""
    of_hazards = {each for _, ids in trace.hazards.values() for each in ids}
    modules = {path.stem for path in (ROOT / "pumpcore").iterdir() if path.suffix in {".py", ""}} - {
        "__init__",
        "__main__",
        "__pycache__",
    }
    return [
        *(f"{hazard} has no requirement" for hazard, (_, ids) in trace.hazards.items() if not ids),
        *(f"{each} stands against no hazard" for each in trace.stated if each not in of_hazards),
        *(f"{each} is met by no code" for each in trace.stated if not trace.code[each]),
        *(
            f"{each} has no test and no property"
            for each in trace.stated
            if each not in trace.tests.keys() | trace.properties.keys()
        ),
        *(
            f"{each} is named in hazards.toml, a specification or a test, and is not a requirement"
            for each in sorted((of_hazards | trace.properties.keys() | trace.tests.keys()) - trace.stated.keys())
        ),
        *(f"{path} is not there" for path in _paths(trace) if not (ROOT / path).exists()),
        *(f"pumpcore/{module} is in no requirement's code" for module in sorted(modules - trace.modules)),
    ]


def _paths(trace: Trace) -> list[str]:
    return sorted({path for paths in trace.code.values() for path in paths})


_SPECIFIED: Final = ("tla/", "")
_CHECKED: Final = ("tla/", r": [A-Z]{3}_[0-9]{2}_")
_PROVED: Final = ("coq/", "")


def _where(trace: Trace, folder: str, pattern: str) -> dict[str, list[str]]:
    """Return the properties of one folder, by requirement, as far as there are any."""
    return {
        each: kept
        for each, names in trace.properties.items()
        if (kept := [name for name in names if name.startswith(folder) and re.search(pattern, name)])
    }


def document(trace: Trace) -> str:
    """Render `specs/trace.md`."""
    checked, written, proved = (_where(trace, *kind) for kind in (_CHECKED, _SPECIFIED, _PROVED))
    only_tested = trace.stated.keys() - written.keys() - proved.keys()
    lines = [
        "# From hazard to test",
        "",
        "Rendered by `python -m specs.trace` from hazards.toml, requirements.md, the properties in tla/ and coq/ whose",
        "comments name a requirement, and the tests that carry its id; a test keeps it current and refuses an orphan.",
        "",
        f"Of {len(trace.stated)} requirements {len(written)} are in the TLA+ specification, {len(checked)} of them as",
        f"a rule that TLC checks (its name begins with the id). {len(proved)} are in the Coq proofs.",
        f"{len(only_tested)} are only tested.",
        "What a solver or CrossHair shows is listed in `faults/smt.toml` and `faults/crosshair.toml`, not here.",
        "",
    ]
    for hazard, (harm, ids) in trace.hazards.items():
        lines += [
            f"## {hazard}: {harm}",
            "",
            "| requirement | specified | proved | code | tests |",
            "|---|---|---|---|---|",
        ]
        for each in dict.fromkeys(ids):
            cells = (
                f"{each} {trace.stated.get(each, '?')}",
                "<br>".join(written.get(each, [])),
                "<br>".join(proved.get(each, [])) or ("" if each in written else "only tested"),
                "<br>".join(trace.code.get(each, [])),
                "<br>".join(trace.tests.get(each, [])),
            )
            lines.append("| " + " | ".join(cells) + " |")
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    (SPECS / "trace.md").write_text(document(read()), encoding="utf-8")
    trouble = orphans(read())
    sys.stdout.writelines(f"{line}\n" for line in trouble)
    sys.exit(bool(trouble))
