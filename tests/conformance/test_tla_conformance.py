"""The comparison of pump and specification, as far as it needs no TLC: reading, writing, the driver, and its data.

Goal: what the gates rest on is right before they run. Method: each reader is shown a small text that it must read and
one that it must refuse; the driver makes its traces twice; every fault to be seeded must fit in exactly one place.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pumpcore.pump.modes import TABLE, TRIGGERS, GuardFacts, State
from specs.conformance import mutants
from specs.conformance.alphabet import ALPHABET
from specs.conformance.bench import Bench
from specs.conformance.exhaustive import DifferenceError, walk
from specs.conformance.graph import Graph, GraphError, constants, load, rendered, value_of
from specs.conformance.model import Model
from specs.conformance.record import module, record
from specs.conformance.rows import Change, changes, found
from specs.conformance.table import STATES, compare

ROOT = Path(__file__).resolve().parents[2]
MODES = ROOT / "specs" / "tla" / "MCModes.cfg"

DUMP = r"""strict digraph DiskGraph {
1 [label="/\\ pump = [ mode |-> \"standby\",\n  left |-> -1,\n  boluses |-> << >> ]",style = filled]
1 -> 2 [label="Start",color="black",fontcolor="black"];
2 [label="/\\ pump = [mode |-> \"running\", left |-> 3, boluses |-> <<[size |-> 1]>>]"];
2 -> 2 [label="Tick",color="black",fontcolor="black"];
{rank = same; 1;}
}
"""


def graph_of(tmp_path: Path, text: str) -> Graph:
    path = tmp_path / "graph.dot"
    path.write_text(text, encoding="utf-8")
    return load(path)


def test_a_dump_is_read_with_its_states_and_its_edges(tmp_path: Path) -> None:
    graph = graph_of(tmp_path, DUMP)
    assert graph.first == ("1",)
    assert graph.states["1"] == {"pump": {"mode": "standby", "left": -1, "boluses": ()}}
    assert graph.states["2"] == {"pump": {"mode": "running", "left": 3, "boluses": ({"size": 1},)}}
    assert graph.edges == {"1": {"Start": "2"}, "2": {"Tick": "2"}}
    assert graph.size == (2, 2)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (",style = filled", ""),
        ('2 -> 2 [label="Tick"', '2 -> 1 [label="Tick"];\n2 -> 2 [label="Tick"'),
        ("left |-> 3", "left |-> ?"),
        ('1 -> 2 [label="Start"', "1 -> 2 [nothing"),
    ],
    ids=["no initial state", "one action to two states", "no value", "no label"],
)
def test_a_dump_that_is_none_is_refused(tmp_path: Path, old: str, new: str) -> None:
    assert old in DUMP
    with pytest.raises(GraphError):
        graph_of(tmp_path, DUMP.replace(old, new, 1))


def test_values_are_written_as_they_are_read() -> None:
    value = {"a": (1, -2, True, False), "b": "x y", "c": {"d": ((), ("e",))}}
    assert value_of(rendered(value)) == value
    with pytest.raises(GraphError):
        rendered(1.5)


def test_constants_are_read_over_several_lines() -> None:
    read = constants(MODES)
    assert read["Begins"] == "new"
    assert read["AutoConfirm"] is True
    assert {"Start", "ReadReservoirEmpty"} <= read["Events"]
    assert read["Kinds"] == {"occlusion_detected", "reservoir_issue", "reservoir_empty"}


@pytest.mark.parametrize("path", sorted((ROOT / "specs" / "tla").glob("*.cfg")), ids=lambda path: path.stem)
def test_every_event_of_a_model_is_one_that_the_driver_can_give(path: Path) -> None:
    if path.stem != "MCTable":
        assert set(constants(path)["Events"]) <= ALPHABET.keys() | {"Tick", "PowerLoss", "Restart"}


def test_the_driver_gives_the_same_runs_for_the_same_seed() -> None:
    model = Model(constants(ROOT / "specs" / "tla" / "TraceNew.cfg"))
    first = module(record(model, 7, 2, 12))
    assert first == module(record(model, 7, 2, 12))
    assert first != module(record(model, 8, 2, 12))
    assert first.startswith("---- MODULE TraceData ----\nEXTENDS Integers\n")


def test_a_walk_finds_what_is_not_specified(tmp_path: Path) -> None:
    model = Model({**constants(MODES), "Events": {"Suspend", "Start"}})
    seen = rendered(Bench(model).seen()).replace('"', r"\"")
    node = f'1 [label="/\\\\ pump = {seen}",style = filled]\n'
    suspend = '1 -> 1 [label="Suspend",color="black"];\n'
    counted = walk(graph_of(tmp_path, node + suspend), model)
    assert (counted.states, counted.accepted) == (1, 1)
    with pytest.raises(DifferenceError, match="Suspend: not enabled, and the pump accepts it"):
        walk(graph_of(tmp_path, node), model)
    with pytest.raises(DifferenceError, match="Start: enabled, and the pump refuses it"):
        walk(graph_of(tmp_path, node + suspend + suspend.replace("Suspend", "Start")), model)
    with pytest.raises(DifferenceError, match="mode is specified as running and is standby"):
        walk(graph_of(tmp_path, (node + suspend).replace("standby", "running")), model)


def test_a_mutant_that_one_direction_does_not_find_says_why() -> None:
    for mutant in mutants.MUTANTS:
        assert (mutants.models_of(mutant) and mutants.runs_of(mutant)) or mutant.why_not, mutant.id
        assert set(mutant.found_by) == {*mutants.models_of(mutant), *mutants.runs_of(mutant)}, mutant.id


def test_the_list_of_mutants_is_current() -> None:
    document = ROOT / "specs" / "conformance" / "mutants.md"
    assert document.read_text(encoding="utf-8") == mutants.document(), "python -m specs.conformance.mutants"


def test_a_table_that_leaves_out_a_mode_or_a_set_of_facts_is_no_whole_table() -> None:
    facts = dict.fromkeys(GuardFacts.__dataclass_fields__, False)
    some: dict[str, dict[str, Any]] = {mode: {"mode": mode, "facts": facts, "leads": {}} for mode in STATES}
    with pytest.raises(DifferenceError, match=f"{len(STATES)} states with facts are not all"):
        compare(Graph(some, (), {}))
    some.popitem()
    with pytest.raises(DifferenceError, match="modes that only one side knows"):
        compare(Graph(some, (), {}))


def test_a_change_of_a_row_is_found_and_none_is_not() -> None:
    names = tuple(GuardFacts.__dataclass_fields__)
    states: dict[str, dict[str, Any]] = {}
    for mode, state in STATES.items():
        rows = {row.trigger: row for row in TABLE if row.source is state}
        for number in range(2 ** len(names)):
            facts = {name: bool(number >> place & 1) for place, name in enumerate(names)}
            leads = dict.fromkeys(TRIGGERS, "refused")
            open_ = (row for row in rows.values() if all(facts[fact] for fact in row.guard))
            leads |= {row.trigger: row.target.value.rpartition(".")[2] for row in open_}
            states[f"{mode} {number}"] = {"mode": mode, "facts": facts, "leads": leads}
    graph = Graph(states, (), {})
    assert found(Change("none", 0, TABLE[0]), graph) is None
    assert found(Change("target", 0, TABLE[0]._replace(target=State.ALARM)), graph) is not None
    assert found(Change("without the row", 0, None), graph) is not None
    assert compare(graph)
    assert len({change.place for change in changes()}) == len(TABLE)
