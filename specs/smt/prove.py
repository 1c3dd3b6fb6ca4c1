"""Prove the kernel's steps on exact machine words, with two solvers: `python -m specs.smt.prove GROUP [--faults]`.

The rules of this file: a goal is proved if both solvers find its negation unsatisfiable, and what it assumes
satisfiable (otherwise it would hold of nothing). With `--faults` each goal is asked with a definition changed, and both
solvers must find a counterexample. One line of JSON for each question that was asked. It is run by the Python that has
the solvers.
"""

from __future__ import annotations

import json
import sys
import time

import bitwuzla
import z3

from specs.faults import edited, faults
from specs.smt.goals import named, refuted, smt_lib

LIMIT_MS = 100_000


def ask_z3(question: str) -> str:
    """Ask the first solver."""
    solver = z3.SolverFor("QF_BV")
    solver.set("timeout", LIMIT_MS)
    solver.from_string(question)
    return str(solver.check())


def ask_bitwuzla(question: str) -> str:
    """Ask the second solver."""
    options = bitwuzla.Options()
    options.set(bitwuzla.Option.TIME_LIMIT_PER, LIMIT_MS)
    parser = bitwuzla.Parser(bitwuzla.TermManager(), options)
    parser.parse(question, True, False)  # noqa: FBT003 - the solver's own signature
    return str(parser.bitwuzla().check_sat()).rsplit(".", 1)[-1].lower()


SOLVERS = (("z3", ask_z3), ("bitwuzla", ask_bitwuzla))


def questions(group: str, *, with_faults: bool) -> list[tuple[str, str, str]]:
    """List name, text and wanted answer of each question of a group."""
    goals = named(group)
    asked = []
    if with_faults:
        for fault in faults("smt"):
            for name in fault.found_by:
                if name in goals:
                    wrong = edited(smt_lib(goals[name]), fault)
                    asked.append((f"{name}, but {fault.id}", f"{wrong}\n{refuted(goals[name])}", "sat"))
        return asked
    for name, goal in goals.items():
        asked.append((name, f"{smt_lib(goal)}\n{refuted(goal)}", "unsat"))
        asked.append((f"{name}: what is assumed can be", smt_lib(goal), "sat"))
    return asked


def main() -> None:
    """Ask every solver every question of a group."""
    for name, question, wanted in questions(sys.argv[1], with_faults="--faults" in sys.argv[2:]):
        for solver, ask in SOLVERS:
            began_s = time.monotonic()
            answer = ask(question)
            spent_s = round(time.monotonic() - began_s, 2)
            line = {"goal": name, "solver": solver, "answer": answer, "wanted": wanted, "s": spent_s}
            sys.stdout.write(f"{json.dumps(line)}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
