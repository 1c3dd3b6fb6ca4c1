"""What can hurt with `transitions` does not hurt here: each trap, shown as it bites, and shown not to reach ours.

Method: the trap is set on a machine of the library as anybody would build it, so that this file notices when the
library has changed; then the same is tried on ours.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any, Final

import pytest
from transitions import Machine, MachineError
from transitions.core import Event

from pumpcore.errors import ModeError
from pumpcore.pump import modes
from pumpcore.pump.modes import TRIGGERS, GuardFacts, ModeMachine, State

pytestmark = pytest.mark.req("MOD-09")

PACKAGE: Final = Path(modes.__file__).parent
ROWS: Final = [{"trigger": "go", "source": "a", "dest": "b"}]


class Model:
    """What a user of the library calls a model."""

    state: str
    seen: bool = False

    def on_enter_b(self, *_: object) -> None:
        message = "after the move"
        raise RuntimeError(message)


def library(model: object, **options: Any) -> Machine:  # noqa: ANN401 - whatever the library takes
    return Machine(model=model, states=["a", "b"], initial="a", **{"transitions": ROWS} | options)


def inside(machine: ModeMachine) -> tuple[Machine, Any]:
    """The library's machine in ours and its model, which only a test may look for."""
    kept = machine._ModeMachine__machine  # type: ignore[attr-defined]  # noqa: SLF001
    model = machine._ModeMachine__model  # type: ignore[attr-defined]  # noqa: SLF001
    return kept, model


def test_a_callback_that_raises_leaves_the_new_state() -> None:
    theirs = Model()
    library(theirs)
    with pytest.raises(RuntimeError, match="after the move"):
        theirs.go()  # type: ignore[attr-defined]
    assert theirs.state == "b"  # the trap

    machine, _ = inside(ModeMachine())
    for state in machine.states.values():
        assert state.on_enter == []
        assert state.on_exit == []
    for event in machine.events.values():
        for transition in (each for listed in event.transitions.values() for each in listed):
            assert transition.before == transition.after == transition.prepare == []
    for hook in ("before_state_change", "after_state_change", "prepare_event", "finalize_event", "on_final"):
        assert getattr(machine, hook) == [], hook


def test_on_exception_swallows_the_error_and_keeps_the_new_state() -> None:
    theirs = Model()
    library(theirs, on_exception=lambda *_: None)
    assert theirs.go() is False  # type: ignore[attr-defined]
    assert theirs.state == "b"  # the trap

    machine, _ = inside(ModeMachine())
    assert machine.on_exception == []


def test_a_queue_says_yes_to_a_refused_guard() -> None:
    theirs = Model()
    library(theirs, queued=True, transitions=[{**ROWS[0], "conditions": lambda: False}])
    assert theirs.go() is True  # type: ignore[attr-defined]  # the trap
    assert theirs.state == "a"

    ours = ModeMachine()
    assert inside(ours)[0].has_queue is False
    with pytest.raises(ModeError):
        ours.step("start", GuardFacts())
    assert ours.state is State.STANDBY


def test_automatic_moves_pass_every_guard() -> None:
    theirs = Model()
    library(theirs, transitions=[{**ROWS[0], "conditions": lambda: False}])
    with pytest.raises(RuntimeError):
        theirs.to_b()  # type: ignore[attr-defined]
    assert theirs.state == "b"  # the trap

    ours = ModeMachine()
    machine, _ = inside(ours)
    assert set(machine.events) == set(TRIGGERS)
    for state in State:
        for name in (f"to_{state.value}", f"to_{state.name.lower()}"):
            with pytest.raises(ModeError):
                ours.step(name, GuardFacts(**dict.fromkeys(GuardFacts.__slots__, True)))
    assert ours.state is State.STANDBY


def test_anybody_can_write_the_state_of_a_model() -> None:
    theirs = Model()
    library(theirs)
    theirs.state = "b"  # the trap
    with pytest.raises(MachineError):
        theirs.go()  # type: ignore[attr-defined]

    ours = ModeMachine()
    with pytest.raises(AttributeError):
        ours.state = State.RUNNING  # type: ignore[misc]
    with pytest.raises(AttributeError):
        ours.model = None  # type: ignore[attr-defined]
    assert [name for name in dir(ours) if not name.startswith("_")] == ["restore", "state", "step"]
    with pytest.raises(ValueError, match="paused"):
        ours.restore("paused")  # type: ignore[arg-type]
    assert ours.state is State.STANDBY


def test_text_as_a_callback_is_looked_up_and_imported() -> None:
    theirs = Model()
    library(theirs, transitions=[{**ROWS[0], "conditions": "os.path.exists"}])
    with pytest.raises(TypeError):  # it was imported and called, without its argument
        theirs.go()  # type: ignore[attr-defined]

    machine, _ = inside(ModeMachine())
    for event in machine.events.values():
        for transition in (each for listed in event.transitions.values() for each in listed):
            assert [type(condition.func).__name__ for condition in transition.conditions] == ["function"]
            assert [condition.target for condition in transition.conditions] == [True]


def test_a_guard_sees_nothing_but_the_facts_and_has_no_memory() -> None:
    ours = ModeMachine()
    full = GuardFacts(**dict.fromkeys(GuardFacts.__slots__, True))
    for _ in range(3):
        with pytest.raises(ModeError):
            ours.step("start", GuardFacts())
        ours.restore(State.STANDBY)
        assert ours.step("start", full) is State.RUNNING
        ours.restore(State.STANDBY)


def test_the_methods_that_the_library_adds_are_on_a_model_that_nobody_sees() -> None:
    ours = ModeMachine()
    _, model = inside(ours)
    assert hasattr(model, "may_start")  # the library has added its own
    assert not hasattr(ours, "may_start")
    assert not hasattr(ours, "trigger")
    assert not hasattr(ours, "__dict__")


def test_a_trigger_of_the_librarys_own_name_is_refused() -> None:
    for name in ("trigger", "may_trigger", "is_running", "state", "_fire"):
        ours = ModeMachine()
        with pytest.raises(ModeError):
            ours.step(name, GuardFacts())
        assert ours.state is State.STANDBY


def test_what_the_library_says_is_not_believed_beyond_its_word(monkeypatch: pytest.MonkeyPatch) -> None:
    """A library that refuses what the table allows is a refusal, and never a move."""
    ours = ModeMachine()
    monkeypatch.setattr(Event, "trigger", lambda *_args, **_kwargs: False)
    with pytest.raises(ModeError):
        ours.step("fault", GuardFacts())
    assert ours.state is State.STANDBY


def test_one_module_imports_it() -> None:
    importing = re.compile(r"^\s*(?:from|import)\s+transitions\b", re.MULTILINE)
    found = [path.name for path in PACKAGE.rglob("*.py") if importing.search(path.read_text(encoding="utf-8"))]
    assert found == ["modes.py"]


def test_it_is_not_asked_for_a_pulse() -> None:
    """The functions that order pulses never touch the machine."""
    tree = ast.parse((PACKAGE / "step" / "delivery.py").read_text(encoding="utf-8"))
    functions = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    assert not [
        node for node in ast.walk(functions["order"]) if isinstance(node, ast.Attribute) and node.attr == "machine"
    ]
