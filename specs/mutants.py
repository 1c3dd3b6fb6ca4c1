"""Mistakes that somebody could make, put into a copy of the project one at a time: some test must fail.

The rules of this file: the mutants are data (`specs/faults/mutants-*.toml`), and each names the test file that must
fail; without a mutant that file must pass. A mutant counts as killed only if pytest ends with a failed test. One that
is not killed there is given to all tests of the pump; where none fails it has survived, and the row has to say why
nobody could see it.

`python -m specs.mutants [--write] [--jobs N] [NAME ...]` runs those whose file or id contains a NAME; `--write` renders
`docs/mutants.md` after a run of all.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from specs.faults import FOLDER, ROOT, apply, faults

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from specs.faults import SeededFault

__all__ = ["MUTANTS", "Verdict", "document"]

MUTANTS: Final = {path.stem: faults(path.stem) for path in sorted(FOLDER.glob("mutants-*.toml"))}
"""The mutants of each data file."""

DOCUMENT: Final = ROOT / "docs" / "mutants.md"
WIDELY: Final = (
    *(f"tests/unit/test_{name}" for name in ("pump_*.py", "mutants_pump.py", "alarms.py", "glucose.py", "advice.py")),
    *(f"tests/property/test_{name}" for name in ("pump_machine.py", "pump_machine_refuses.py")),
)
"""What a mutant is given to that the test file of its row lets live: the tests of the pump."""

FAILED: Final = 1
PASSED: Final = 0
MOST_S: Final = 300


class Verdict(NamedTuple):
    """What became of a mutant: the test file that failed, or how it ended otherwise."""

    mutant: SeededFault
    by: str | None
    says: str

    @property
    def right(self) -> bool:
        """Whether it is what the row says."""
        return self.by in self.mutant.found_by if self.mutant.found_by else self.by is None and not self.says


@contextmanager
def _copied() -> Iterator[Path]:
    """Copy the project into a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        place = Path(folder)
        unwanted = shutil.ignore_patterns("__pycache__")
        for name in ("pumpcore", "tests", "specs", "docs"):
            shutil.copytree(ROOT / name, place / name, ignore=unwanted)
        for name in ("pyproject.toml", "README.md"):
            shutil.copy2(ROOT / name, place)
        yield place


def unfit(mutants: Iterable[SeededFault]) -> list[str]:
    """Return the test files that fail without any mutant: nothing that they say of one would mean anything."""
    named = dict.fromkeys(tests for mutant in mutants for tests in mutant.found_by)
    with _copied() as place:
        return [tests for tests in named if _tested(place, tests) != PASSED]


def judged(mutant: SeededFault) -> Verdict:
    """Put a mutant into a copy of the project, and let the tests look at it."""
    with _copied() as place:
        apply(place, mutant)
        for tests in (*mutant.found_by, *_widely(place)):
            status = _tested(place, tests)
            if status == FAILED:
                return Verdict(mutant, tests, "")
            if status != PASSED:
                return Verdict(mutant, None, "does not end" if status is None else f"pytest ends with status {status}")
    return Verdict(mutant, None, "")


def _widely(place: Path) -> list[str]:
    return sorted(path.relative_to(place).as_posix() for pattern in WIDELY for path in place.glob(pattern))


def _tested(place: Path, tests: str) -> int | None:
    """Run some tests on a copy; return pytest's status, or None where it did not end in time."""
    shared = os.environ.get("PUMPCORE_SHARED", str(ROOT.parent / "shared"))
    surroundings = {**os.environ, "PYTHONPATH": str(place), "PUMPCORE_SHARED": shared, "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-m", "not dist"]
    command += ["--doctest-modules", tests] if tests.startswith("pumpcore/") else [tests]
    try:
        done = subprocess.run(  # noqa: S603 - no command but our own
            command, cwd=place, env=surroundings, capture_output=True, check=False, timeout=MOST_S
        )
    except subprocess.TimeoutExpired:
        return None
    return done.returncode


def document(verdicts: dict[str, list[Verdict]]) -> str:
    """Render `docs/mutants.md`."""
    every = [verdict for each in verdicts.values() for verdict in each]
    killed = [verdict for verdict in every if verdict.by is not None]
    made = Counter(verdict.mutant.edits[0].file for verdict in every)
    died = Counter(verdict.mutant.edits[0].file for verdict in killed)
    lines = [
        "# Mutants",
        "",
        "Rendered by `python -m specs.mutants --write`, which `make mutants` calls.",
        "",
        f"{len(every)} changes made by hand, each the kind of mistake that somebody could make. Each is put into a",
        "copy of the project, and the tests nearest to it are run until one fails, then those of the whole pump.",
        f"{len(killed)} were killed; the other {len(every) - len(killed)} change nothing that anybody could see, and",
        "the table says why. The changes themselves are in `specs/faults/mutants-*.toml`.",
        "",
        "| file | mutants | killed |",
        "|---|---|---|",
        *(f"| `{file.removeprefix('pumpcore/')}` | {made[file]} | {died[file]} |" for file in sorted(made)),
        f"| all | {len(every)} | {len(killed)} |",
    ]
    for name, each in verdicts.items():
        lines += ["", f"## {name.removeprefix('mutants-').capitalize()}", ""]
        lines += ["| file | what the mutant does | result |", "|---|---|---|"]
        lines += [
            f"| `{verdict.mutant.edits[0].file.removeprefix('pumpcore/')}` | {verdict.mutant.id} | {_result(verdict)} |"
            for verdict in each
        ]
    return "\n".join(lines) + "\n"


def _result(verdict: Verdict) -> str:
    return f"killed by `{verdict.by}`" if verdict.by else f"survives: {verdict.mutant.why_not or verdict.says}"


def main() -> int:
    """Run the mutants; 0 only if each was killed, or not, as its row says."""
    parser = argparse.ArgumentParser(prog="python -m specs.mutants", description=__doc__)
    parser.add_argument("names", nargs="*", help="only the mutants whose file or id contains one of these")
    parser.add_argument("--write", action="store_true", help="render docs/mutants.md")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    wanted = {
        name: [each for each in mutants if not options.names or any(n in name or n in each.id for n in options.names)]
        for name, mutants in MUTANTS.items()
    }
    if failing := unfit(each for mutants in wanted.values() for each in mutants):
        sys.stdout.write(f"without a mutant these fail too: {', '.join(failing)}\n")
        return 1
    verdicts: dict[str, list[Verdict]] = {}
    with ThreadPoolExecutor(options.jobs) as pool:
        for name, mutants in wanted.items():
            verdicts[name] = []
            for verdict in pool.map(judged, mutants):
                verdicts[name].append(verdict)
                mark = "" if verdict.right else "  <-- not as its row says"
                sys.stdout.write(f"{name}: {verdict.mutant.id}: {verdict.by or verdict.says or 'survives'}{mark}\n")
                sys.stdout.flush()
    wrong = sum(not verdict.right for each in verdicts.values() for verdict in each)
    if options.write and not options.names and not wrong:
        DOCUMENT.write_text(document(verdicts), encoding="utf-8")
    sys.stdout.write(f"{sum(map(len, verdicts.values()))} mutants, {wrong} not as their rows say\n")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
