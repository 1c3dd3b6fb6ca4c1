"""The rules of the house, as tests: one direction of imports, no floats, no clock, no `assert`, no machine's paths.

Method: the sources are parsed, never imported, so a rule holds for code that no test runs. Each checker is shown code
that breaks its rule, so that a checker which sees nothing fails too.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# The layers of pumpcore, as docs/architecture.md shows them; modules on one line do not see each other. A module may
# import those before it.
ORDER: Final = (
    # ground
    {"frozen"},
    {"errors"},
    {"fields"},
    {"_kernel"},
    {"units"},
    {"bounds"},
    {"limits"},
    {"devices"},
    {"therapy"},
    {"alarms"},
    {"pump"},
    {"events", "effects"},  # short paths into the pump
    # around
    {"journal"},
    {"testing"},
    {"sim"},
    {"report"},
    {"scenario"},
    {"__init__"},  # what an integrator imports
    {"records"},
    {"bench"},
    {"cli"},
    {"__main__"},
)
RANK: Final = {module: rank for rank, modules in enumerate(ORDER) for module in modules}

# A drawing has no doses in it, and matplotlib speaks floats.
FLOATS_ALLOWED: Final = {
    "report/drawing.py",
    "records/plot.py",
    "scenario/plot.py",
    "bench/growth.py",  # quotients of times, and a simulator's own doses
    "bench/plot.py",
    "bench/report.py",
    "bench/rivals/simulators.py",
}
# Quotients of a Fraction or a Decimal, never of two ints; floats stay forbidden there.
QUOTIENTS_ALLOWED: Final = {
    "therapy/calculator.py",
    "therapy/curves.py",
    "therapy/glucose.py",
    "therapy/policies.py",
    "records/wizard.py",
}
# Only what measures time reads one.
CLOCKS_ALLOWED: Final = {"bench/timing.py"}
CLOCKS: Final = {"now", "utcnow", "today", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "time_ns"}

ROOT: Final = Path(__file__).resolve().parents[2]
PACKAGE: Final = ROOT / "pumpcore"
SOURCES: Final = sorted(PACKAGE.rglob("*.py"))
Finding = tuple[int, str]


def name_of(path: Path) -> str:
    """The path of a source inside the package."""
    return path.relative_to(PACKAGE).as_posix()


def module_of(path: Path) -> str:
    """The module of the table that a source belongs to."""
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def imported(tree: ast.Module, path: Path) -> Iterator[tuple[int, str]]:
    """Modules of the table that a source imports, with the line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:  # relative to a folder: `.` is the file's own
                folder = ("pumpcore", *path.relative_to(PACKAGE).parent.parts)
                base = ".".join([*folder[: len(folder) - node.level + 1], *filter(None, [base])])
            # `from pumpcore import units` names a module, `from pumpcore import schedule` the package.
            names = [f"{base}.{alias.name}" for alias in node.names] if base == "pumpcore" else [base]
        else:
            continue
        for name in names:
            package, _, rest = name.partition(".")
            if package == "pumpcore":
                first = rest.partition(".")[0]
                yield node.lineno, first if first in RANK else "__init__"


def upward(tree: ast.Module, path: Path) -> Iterator[Finding]:
    own = module_of(path)
    for line, other in imported(tree, path):
        if other != own and RANK[other] >= RANK[own]:
            yield line, f"{own} imports {other}"


def floats(tree: ast.Module, path: Path) -> Iterator[Finding]:
    if name_of(path) in FLOATS_ALLOWED:
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, float | complex):
            yield node.lineno, f"the float {node.value}"
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"float", "complex"}:
            yield node.lineno, f"{node.func.id}(...)"
        elif name_of(path) in QUOTIENTS_ALLOWED:
            continue
        elif isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div):
            operand = node.right if isinstance(node, ast.BinOp) else node.value
            # A path is joined with the same sign, and then the right side is text.
            if not (isinstance(operand, ast.JoinedStr) or isinstance(getattr(operand, "value", None), str)):
                yield node.lineno, "a true division"


def clocks(tree: ast.Module, path: Path) -> Iterator[Finding]:
    if name_of(path) in CLOCKS_ALLOWED:
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import) and any(alias.name == "time" for alias in node.names):
            yield node.lineno, "imports time"
        elif isinstance(node, ast.ImportFrom) and node.module == "time":
            yield node.lineno, "imports from time"
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CLOCKS:
            yield node.lineno, f"reads a clock: {node.func.attr}()"


def asserts(tree: ast.Module, path: Path) -> Iterator[Finding]:
    """`python -O` takes them out, and with them what they guard."""
    del path
    for node in ast.walk(tree):
        if isinstance(node, ast.Assert):
            yield node.lineno, "an assert statement"


@pytest.mark.parametrize("checker", [upward, floats, clocks, asserts])
def test_no_source_of_the_package_breaks_a_rule(checker: Callable[[ast.Module, Path], Iterator[Finding]]) -> None:
    assert SOURCES
    found = [
        f"pumpcore/{name_of(path)}:{line}: {what}"
        for path in SOURCES
        for line, what in checker(ast.parse(path.read_text(encoding="utf-8")), path)
    ]
    assert not found, "\n".join(found)


def test_every_module_has_its_place_in_the_order() -> None:
    assert {module_of(path) for path in SOURCES} <= RANK.keys()


@pytest.mark.parametrize(
    ("checker", "where", "code"),
    [
        (upward, "units.py", "from pumpcore.limits import HARD_LIMITS"),
        (upward, "units.py", "import pumpcore.therapy.profile"),
        (upward, "therapy/profile.py", "from pumpcore import schedule"),
        (upward, "units.py", "from pumpcore import pump"),
        (upward, "units.py", "def late():\n    from . import cli"),
        (upward, "devices/__init__.py", "from ..therapy.profile import BasalProfile"),
        (upward, "records/carelink.py", "from ..cli import app"),
        (upward, "pump/events.py", "from pumpcore.journal import Journal"),
        (floats, "units.py", "half = 0.5"),
        (floats, "units.py", "x = float(text)"),
        (floats, "units.py", "x = amount_uu / step_uu"),
        (floats, "units.py", "x = 1\nx /= 2"),
        (floats, "therapy/curves.py", "x = 2 * 0.5 / y"),
        (clocks, "units.py", "import time"),
        (clocks, "units.py", "from time import time"),
        (clocks, "units.py", "import datetime\nat = datetime.datetime.now()"),
        (clocks, "bench/__init__.py", "from time import perf_counter_ns"),
        (asserts, "units.py", "assert True"),
    ],
)
def test_each_checker_sees_what_it_forbids(
    checker: Callable[[ast.Module, Path], Iterator[Finding]], where: str, code: str
) -> None:
    assert list(checker(ast.parse(code), PACKAGE / where))


@pytest.mark.parametrize(
    ("checker", "where", "code"),
    [
        (upward, "therapy/profile.py", "from pumpcore.units import micro\nfrom pumpcore._kernel import schedule"),
        (upward, "records/carelink.py", "from .records import Record\nfrom pumpcore import schedule"),
        (floats, "devices/__init__.py", 'path = folder / "generic.json"\nx = a // b'),
        (floats, "records/plot.py", "x = 0.5 / 2"),
        (clocks, "units.py", "from datetime import time, timedelta"),
        (clocks, "bench/timing.py", "from time import perf_counter_ns"),
    ],
)
def test_no_checker_forbids_what_is_right(
    checker: Callable[[ast.Module, Path], Iterator[Finding]], where: str, code: str
) -> None:
    assert not list(checker(ast.parse(code), PACKAGE / where))


# Anybody's machine will do

UNTRACKED: Final = {".git", ".venv", "target", "dist", "build", "__pycache__", ".hypothesis", ".benchmarks"}
HOMES: Final = re.compile(r"/(?:work|root|(?:home|Users)/\w+)/")  # which does not match itself


def files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.name in UNTRACKED or path.name.endswith("_cache"):
            continue
        if path.is_dir():
            yield from files(path)
        elif path.suffix not in {".so", ".pyd", ".png", ".pyc"} and not path.name.startswith(".coverage"):
            yield path


def test_no_file_knows_the_machine_it_was_written_on() -> None:
    seen, found = 0, []
    for path in files(ROOT):
        seen += 1
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if HOMES.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}")
    assert seen > 20
    assert not found, "\n".join(found)
    assert HOMES.search("see /home/{}/notes".format("someone"))


# One place for a maker

MAKERS: Final = re.compile(r"medtronic|minimed|roche|accu|animas|omnipod|insulet|tandem", re.IGNORECASE)


def makers(tree: ast.Module, path: Path) -> Iterator[Finding]:
    """What differs by maker is data of a device: a condition that names a maker is refused."""
    if name_of(path).startswith("devices/"):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            for each in ast.walk(node):
                if isinstance(each, ast.Constant) and isinstance(each.value, str) and MAKERS.search(each.value):
                    yield node.lineno, f"a condition names {each.value!r}"
        elif isinstance(node, ast.MatchValue) and isinstance(node.value, ast.Constant):
            case = node.value.value
            if isinstance(case, str) and MAKERS.search(case):
                yield node.value.lineno, f"a case names {case!r}"


def test_no_condition_names_a_maker() -> None:
    found = [
        f"pumpcore/{name_of(path)}:{line}: {what}"
        for path in SOURCES
        for line, what in makers(ast.parse(path.read_text(encoding="utf-8")), path)
    ]
    assert not found, "\n".join(found)
    assert list(makers(ast.parse('if policy == "roche_pause": pass'), PACKAGE / "pump/pump.py"))
    assert list(makers(ast.parse('match x:\n    case "omnipod": pass'), PACKAGE / "pump/pump.py"))
    assert not list(makers(ast.parse('device = load("omnipod")'), PACKAGE / "pump/pump.py"))


# Short files

LINES_MOST: Final = 500
LONGER: Final = {"kernel-rs/core/src/walk.rs", "kernel-rs/core/src/delivery.rs", "kernel-rs/py/src/many.rs"}
"""The kernel's files are split together with its release by channel. This list only shrinks."""


def test_no_source_is_long() -> None:
    places = [ROOT / "pumpcore", ROOT / "specs", ROOT / "kernel-rs"]
    sources = [path for place in places for path in files(place) if path.suffix in {".py", ".rs"}]
    sources = [path for path in sources if "tests" not in path.relative_to(ROOT).parts]
    assert len(sources) > 200
    long = {
        path.relative_to(ROOT).as_posix()
        for path in sources
        if len(path.read_text(encoding="utf-8").splitlines()) > LINES_MOST
    }
    assert long == LONGER
