"""The mutants of the pump, from `specs/faults/conformance.toml`, and the document that lists them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from specs.faults import faults

if TYPE_CHECKING:
    from specs.faults import SeededFault

__all__ = ["MUTANTS", "document", "models_of", "runs_of"]

MUTANTS: Final = faults("conformance")
MODE_TABLE: Final = "pumpcore/pump/modes.py"


def models_of(mutant: SeededFault) -> tuple[str, ...]:
    """Return the bounded models whose walk must find a mutant."""
    return tuple(name for name in mutant.found_by if name.startswith("MC"))


def runs_of(mutant: SeededFault) -> tuple[str, ...]:
    """Return the free runs that must find a mutant."""
    return tuple(name for name in mutant.found_by if name.startswith("Trace"))


def document() -> str:
    """Render the mutants as Markdown: `specs/conformance/mutants.md`."""
    walked = sum(bool(models_of(mutant)) for mutant in MUTANTS)
    followed = sum(bool(runs_of(mutant)) for mutant in MUTANTS)
    in_table = sum(mutant.files == (MODE_TABLE,) for mutant in MUTANTS)
    rows = (
        f"| {mutant.id} | {', '.join(file.removeprefix('pumpcore/') for file in mutant.files)}"
        f" | {' '.join(models_of(mutant)) or 'no'} | {' '.join(runs_of(mutant)) or 'no'} | {mutant.why_not} |"
        for mutant in MUTANTS
    )
    lines = [
        "# Mutants of the pump that the comparison with the specification finds",
        "",
        "Rendered from `specs/faults/conformance.toml` by `python -m specs.conformance.mutants`; a test keeps it",
        "current.",
        "",
        f"There are {len(MUTANTS)} mutants; {in_table} of them change a single row of the mode table. {walked} must be",
        f"found by walking the state graphs (direction 1) and {followed} by following free runs (direction 2). The",
        "`conformance-mutants` gates close if a mutant is not found where this table says so.",
        "",
        "| mutant | file | found by walking | found by following | where not, and why |",
        "|---|---|---|---|---|",
        *rows,
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(document())
