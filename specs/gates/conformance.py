"""The specification of the pump and the real pump, compared in both directions; and faults, that each must find.

The rules of this file: the specification is TLC's, the comparison is that of `specs/conformance`. A mutant runs in a
folder of its own, on a copy of the package with one place changed; it counts as found only if the comparison says where
the two differ (direction 1) or TLC stops in the middle of a trace (direction 2).
"""

from __future__ import annotations

import re
import shutil
from functools import partial
from typing import TYPE_CHECKING, Final

from specs.conformance.corruptions import CORRUPTIONS
from specs.conformance.mutants import MUTANTS, models_of, runs_of
from specs.faults import apply
from specs.gates.gate import JAVA, PYTHON, ROOT, Gate, Output, Refused, last
from specs.gates.tla import MODELS, SPECIFICATION, claim_of, graph_of, tlc

if TYPE_CHECKING:
    from pathlib import Path

    from specs.faults import SeededFault
    from specs.gates.gate import Room

__all__ = ["GATES"]

RUNS: Final = tuple(sorted(path.stem for path in SPECIFICATION.glob("Trace*.cfg")))
TRACES, STEPS = 30, 60
TRACES_OF_A_MUTANT: Final = 30
DEADLOCK: Final = 11
AT: Final = re.compile(r"^/\\ at = (\d+)", re.MULTILINE)
PARTS: Final = 4


# Direction 1 ----------------------------------------------------------------------------------------------------------


def compared(room: Room, model: str, *, place: Path = ROOT, log: str) -> Output:
    """Walk a model's graph with the package that lies in `place`."""
    dump, config = graph_of(room, model), SPECIFICATION / f"{model}.cfg"
    table = model == "MCTable"
    module = "specs.conformance.table" if table else "specs.conformance.exhaustive"
    arguments = [str(dump)] if table else [str(config), str(dump)]
    return room.run([PYTHON, "-m", module, *arguments], log=log, cwd=place)


def specified_is_implemented(room: Room, model: str) -> str:
    """Compare every state and every event of a model with the pump."""
    done = compared(room, model, log=f"conformance-{model}")
    if done.status:
        raise Refused(last(done.text))
    return done.text.strip().removeprefix(f"{model}: ")


def rows(room: Room) -> str:
    """Change every row of the table of modes in every way, and compare it."""
    command = [PYTHON, "-m", "specs.conformance.rows", str(graph_of(room, "MCTable"))]
    return room.want(command, log="conformance-rows").strip()


# Direction 2 ----------------------------------------------------------------------------------------------------------


def followed(room: Room, run: str, name: str, data: str) -> Output:
    """Ask TLC whether traces are behaviours of the specification."""
    return tlc(room, name, f"{run}.cfg", "PumpTrace.tla", changed={"TraceData.tla": data})


def recorded(room: Room, run: str, *, place: Path = ROOT, name: str, traces: int) -> tuple[str, str]:
    """Run the pump of `place` freely; return what it counted, and its traces as a TLA+ module.

    Raises:
        Refused: the pump cannot even begin.
    """
    out = room.folder(f"traces/{name}") / "TraceData.tla"
    config = str(SPECIFICATION / f"{run}.cfg")
    figures = ["1", str(traces), str(STEPS)]
    command = [PYTHON, "-m", "specs.conformance.record", config, str(out), *figures]
    told = room.want(command, log=f"record-{name}", cwd=place)
    return told.strip(), out.read_text(encoding="utf-8")


def implemented_is_specified(room: Room, run: str) -> str:
    """Record free runs of the pump, and let TLC follow them."""
    told, data = recorded(room, run, name=run, traces=TRACES)
    done = followed(room, run, f"trace-{run}", data)
    if done.status or "No error has been found" not in done.text:
        raise Refused(f"a run of the pump is not specified (status {done.status}):\n{last(done.text)}")
    counted = re.search(r"(\d+) steps, (\d+) of them refused", told)
    if counted is None or int(counted[1]) - int(counted[2]) < TRACES:
        raise Refused(f"hardly a request was accepted: {told}")
    return told


def untrue_records(room: Room) -> str:
    """Show that a record that is not true is refused, at the very step that is not."""
    from specs.conformance.graph import constants  # noqa: PLC0415
    from specs.conformance.model import Model  # noqa: PLC0415 - the gates need no built kernel, this check does
    from specs.conformance.record import module, record  # noqa: PLC0415

    run = "TraceRunning"
    traces = record(Model(constants(SPECIFICATION / f"{run}.cfg")), 2, 12, STEPS)
    for corrupt in CORRUPTIONS:
        for trace in traces:
            try:
                untrue, place = corrupt(trace)
            except StopIteration:
                continue
            break
        else:
            raise Refused(f"no trace can be corrupted by {corrupt.__name__}")
        done = followed(room, run, f"untrue-{corrupt.__name__}", module([untrue]))
        stopped = AT.findall(done.text)
        if done.status != DEADLOCK or not stopped or int(stopped[-1]) < place:
            raise Refused(f"{corrupt.__name__} at {place} is not found there (status {done.status}, at {stopped[-1:]})")
        if corrupt.__name__ != "left_out" and int(stopped[-1]) != place:
            raise Refused(f"{corrupt.__name__} at {place} is found at {stopped[-1]}")
    return f"{len(CORRUPTIONS)} untrue records, each refused"


# Mutants --------------------------------------------------------------------------------------------------------------


def copied(room: Room, name: str, mutant: SeededFault | None) -> Path:
    """Copy the package and the comparison into a folder, with the fault in it.

    Raises:
        FaultError: the replaced text does not occur exactly once.
    """
    folder = room.path / "mutants" / name
    shutil.rmtree(folder, ignore_errors=True)
    unwanted = shutil.ignore_patterns("__pycache__", "*.so", "*.pyd")
    shutil.copytree(ROOT / "pumpcore", folder / "pumpcore", ignore=unwanted)
    shutil.copytree(ROOT / "specs" / "conformance", folder / "specs" / "conformance", ignore=unwanted)
    shutil.copy2(ROOT / "specs" / "__init__.py", folder / "specs")
    for kernel in (*(ROOT / "pumpcore").glob("_kernel*.so"), *(ROOT / "pumpcore").glob("_kernel*.pyd")):
        shutil.copy2(kernel, folder / "pumpcore")
    if mutant is not None:
        apply(folder, mutant)
    return folder


def found_by_walking(room: Room, mutant: SeededFault, place: Path, name: str) -> list[str]:
    """Return the models whose walk finds a mutant."""
    found = []
    for model in models_of(mutant):
        done = compared(room, model, place=place, log=f"mutant-{name}-{model}")
        if done.status != 1 or not done.text.startswith("DIFFERENCE"):
            raise Refused(f"{mutant.id}: not found in {model} (status {done.status}):\n{last(done.text, 6)}")
        found.append(model)
    return found


def found_by_following(room: Room, mutant: SeededFault, place: Path, name: str) -> list[str]:
    """Return the free runs in which TLC finds a mutant."""
    found = []
    for run in runs_of(mutant):
        _, data = recorded(room, run, place=place, name=f"mutant-{name}", traces=TRACES_OF_A_MUTANT)
        done = followed(room, run, f"mutant-{name}", data)
        if done.status != DEADLOCK:
            raise Refused(f"{mutant.id}: not found in {run} (status {done.status}):\n{last(done.text, 6)}")
        found.append(run)
    return found


def mutants(room: Room, part: int) -> str:
    """Show that each direction finds the mutants in its reach; a part of them."""
    if part == 0:
        place = copied(room, "control", None)
        done = compared(room, "MCAlarms", place=place, log="mutant-control")
        if done.status:
            raise Refused(f"without a fault it differs too:\n{last(done.text)}")
    walked = followed_ = 0
    missed = []
    for number, mutant in enumerate(MUTANTS):
        if number % PARTS != part:
            continue
        place = copied(room, f"{number}", mutant)
        try:
            walked += bool(found_by_walking(room, mutant, place, f"{number}"))
            followed_ += bool(found_by_following(room, mutant, place, f"{number}"))
        except Refused as refusal:
            missed.append(str(refusal))
        shutil.rmtree(place)
    if missed:
        raise Refused("\n".join(missed))
    return f"{len(MUTANTS[part::PARTS])} mutants: {walked} found by walking, {followed_} by following"


# Gates ----------------------------------------------------------------------------------------------------------------


def _walk_of(model: str) -> Gate:
    return Gate(
        name=f"conformance-{model.removeprefix('MC').lower()}",
        claim=f"The pump does what is specified, and nothing else. {claim_of(model)}",
        bounds=f"every state and event of {model}.cfg",
        run=partial(specified_is_implemented, model=model),
        quick=True,
        needs=(JAVA,),
    )


def _run_of(run: str) -> Gate:
    return Gate(
        name=f"conformance-{run.lower()}",
        claim=f"What the pump does is specified. {claim_of(run)}",
        bounds=f"{TRACES} seeded runs of up to {STEPS} steps, constants of {run}.cfg",
        run=partial(implemented_is_specified, run=run),
        quick=True,
        needs=(JAVA,),
    )


GATES: Final[tuple[Gate, ...]] = (
    *map(_walk_of, MODELS),
    Gate(
        name="conformance-rows-must-fail",
        claim="Any change of one row of the table of modes (guard, target, trigger, or none) is found",
        bounds="every row, one change at a time",
        run=rows,
        quick=True,
        needs=(JAVA,),
    ),
    *map(_run_of, RUNS),
    Gate(
        name="conformance-untrue-must-fail",
        claim="A record of a run that is not true is refused where it is not",
        bounds=f"{len(CORRUPTIONS)} ways to corrupt a record",
        run=untrue_records,
        needs=(JAVA,),
    ),
    *(
        Gate(
            name=f"conformance-mutants-{part + 1}",
            claim="A pump with a fault is found by each direction in whose reach the fault lies",
            bounds=f"{len(MUTANTS[part::PARTS])} of {len(MUTANTS)} mutants",
            run=partial(mutants, part=part),
            needs=(JAVA,),
        )
        for part in range(PARTS)
    ),
)
