"""Every state, trigger and combination of facts, against the rules said once more.

Method: `expected` says the rules for a reader, in the order of the rules and not of the table, and never looks at
`TABLE`. The machine is then asked everything that can be asked. What follows for ways of many moves (never straight
from alarm to running, no priming out of running) is searched for on the machine itself, not on the table.
"""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields
from itertools import combinations, product
from typing import Final

import pytest

from pumpcore.errors import InvariantError, ModeError
from pumpcore.pump.modes import (
    TABLE,
    TRIGGERS,
    GuardFacts,
    Mode,
    ModeMachine,
    OperationalState,
    State,
    TherapyControl,
    Transition,
    _transition,
)

NAMES: Final = tuple(field.name for field in fields(GuardFacts))
ALL_FACTS: Final = tuple(
    GuardFacts(**dict(zip(NAMES, values, strict=True))) for values in product((False, True), repeat=9)
)
EVERYTHING: Final = GuardFacts(**dict.fromkeys(NAMES, True))
CHANGING: Final = {State.REWIND, State.LOAD, State.PRIME, State.FILL, State.CONNECT}
THE_TRIGGERS: Final = {
    "start",
    "suspend",
    "resume",
    "begin_change",
    "rewound",
    "loaded",
    "primed",
    "filled",
    "connected",
    "abort_change",
    "fault",
    "clear",
}


def may_deliver(facts: GuardFacts) -> bool:
    """Time, limits, profile, reservoir and priming are valid, and nothing is wrong."""
    return (
        facts.time_set
        and facts.limits_set
        and facts.profile_set
        and facts.reservoir_attached
        and facts.reservoir_filled
        and facts.primed
        and facts.no_stopping_alarm
    )


def expected(state: State, trigger: str, facts: GuardFacts) -> State | None:  # noqa: C901, PLR0911 - the rules, one by one
    """Where a trigger leads, or None where it is refused."""
    # A fault stops from anywhere.
    if trigger == "fault":
        return State.ALARM
    # Suspend is always accepted; it stops what runs and otherwise leaves all as it is.
    if trigger == "suspend":
        return State.SUSPENDED if state is State.RUNNING else state
    # Delivery begins from standby and goes on from a suspend, both explicitly, and never without all that it needs.
    if trigger == "start" and state is State.STANDBY and may_deliver(facts):
        return State.RUNNING
    if trigger == "resume" and state is State.SUSPENDED and may_deliver(facts):
        return State.RUNNING
    # From the alarm a way leads to suspended, once nothing that stops delivery is active.
    if trigger == "clear" and state is State.ALARM and facts.no_stopping_alarm:
        return State.SUSPENDED
    # A change begins while nothing runs, and only off the body; it goes step by step.
    if trigger == "begin_change" and facts.set_off_body and state in {State.STANDBY, State.SUSPENDED, State.ALARM}:
        return State.REWIND
    if trigger == "rewound" and state is State.REWIND:
        return State.LOAD
    if trigger == "loaded" and state is State.LOAD and facts.reservoir_attached and facts.reservoir_filled:
        return State.PRIME
    if trigger == "primed" and state is State.PRIME and facts.tubing_primed:
        return State.FILL
    if trigger == "filled" and state is State.FILL:
        return State.CONNECT
    if trigger == "connected" and state is State.CONNECT:
        return State.STANDBY
    # It can be left at any step.
    if trigger == "abort_change" and state in CHANGING:
        return State.STANDBY
    return None


def asked(machine: ModeMachine, state: State, trigger: str, facts: GuardFacts) -> State | None:
    """Where the machine goes, or None; a refusal leaves it where it was and says so."""
    machine.restore(state)
    try:
        reached = machine.step(trigger, facts)
    except ModeError as error:
        assert machine.state is state
        assert (error.mode, error.trigger) == (state.value, trigger)  # noqa: PT017 - a refusal is one of two good ways
        return None
    assert reached is machine.state
    return reached


@pytest.mark.req("MOD-01", "MOD-02", "MOD-04", "MOD-05", "STA-01", "RES-05", "RES-06", "RES-07", "SUS-01")
@pytest.mark.parametrize("state", State)
def test_every_trigger_with_every_combination_of_facts(state: State) -> None:
    machine = ModeMachine()
    for trigger in sorted(THE_TRIGGERS):
        wrong = [
            facts for facts in ALL_FACTS if asked(machine, state, trigger, facts) is not expected(state, trigger, facts)
        ]
        assert wrong == [], (state, trigger)


def test_there_are_no_other_triggers_and_no_other_states() -> None:
    assert set(TRIGGERS) == THE_TRIGGERS
    assert len(State) == 9
    assert len(ALL_FACTS) == 2 ** len(NAMES)


@pytest.mark.req("MOD-01")
def test_the_table_has_one_row_for_a_state_and_a_trigger() -> None:
    assert len({(row.trigger, row.source) for row in TABLE}) == len(TABLE)


@pytest.mark.req("MOD-01")
@pytest.mark.parametrize("trigger", ["", "to_running", "trigger", "START", "start ", "get_triggers", "may_start"])
@pytest.mark.parametrize("state", State)
def test_an_unknown_trigger_is_refused(state: State, trigger: str) -> None:
    assert asked(ModeMachine(), state, trigger, EVERYTHING) is None


@pytest.mark.req("MOD-01")
def test_a_refusal_names_the_facts_that_are_missing_and_only_these() -> None:
    machine = ModeMachine()
    with pytest.raises(ModeError) as refused:
        machine.step("start", GuardFacts(time_set=True, profile_set=True, reservoir_attached=True, primed=True))
    assert refused.value.guard == "limits_set, reservoir_filled, no_stopping_alarm"
    with pytest.raises(ModeError) as no_row:
        machine.step("resume", EVERYTHING)
    assert no_row.value.guard is None


def moves(facts: tuple[GuardFacts, ...] = ALL_FACTS) -> dict[tuple[State, str], set[State]]:
    """Where the machine can be made to go from each state by each trigger."""
    machine = ModeMachine()
    found: dict[tuple[State, str], set[State]] = {}
    for state, trigger in product(State, TRIGGERS):
        reached = {asked(machine, state, trigger, each) for each in facts}
        found[state, trigger] = {each for each in reached if each is not None}
    return found


def reachable(
    start: State, ways: dict[tuple[State, str], set[State]], without: frozenset[str] = frozenset()
) -> set[State]:
    """All states that can be reached from one, without some triggers."""
    seen, new = {start}, [start]
    while new:
        state = new.pop()
        for trigger in THE_TRIGGERS - without:
            for target in ways[state, trigger] - seen:
                seen.add(target)
                new.append(target)
    return seen


@pytest.mark.req("MOD-06")
def test_every_state_can_be_reached_and_running_from_every_state() -> None:
    ways = moves()
    assert reachable(State.STANDBY, ways) == set(State)
    for state in State:
        assert State.RUNNING in reachable(state, ways), state


@pytest.mark.req("MOD-03", "SUS-02")
def test_nothing_gets_from_alarm_to_running_without_an_explicit_start_or_resume() -> None:
    ways = moves()
    for trigger in THE_TRIGGERS:
        assert State.RUNNING not in ways[State.ALARM, trigger]
    explicit = frozenset({"start", "resume"})
    assert State.RUNNING not in reachable(State.ALARM, ways, without=explicit)
    assert State.RUNNING not in reachable(State.SUSPENDED, ways, without=explicit)


@pytest.mark.req("MOD-05", "RES-07")
def test_out_of_running_lead_only_a_suspend_and_a_fault() -> None:
    ways = moves()
    out = {(trigger, target) for trigger in THE_TRIGGERS for target in ways[State.RUNNING, trigger]}
    assert out == {("suspend", State.SUSPENDED), ("fault", State.ALARM)}


@pytest.mark.req("RES-06")
def test_no_state_of_the_change_is_reached_while_the_set_is_on_the_body() -> None:
    on_the_body = tuple(facts for facts in ALL_FACTS if not facts.set_off_body)
    assert not reachable(State.STANDBY, moves(on_the_body)) & CHANGING
    assert not reachable(State.ALARM, moves(on_the_body)) & CHANGING


@pytest.mark.req("RES-05")
def test_after_a_change_has_begun_running_is_reached_only_through_every_step_or_an_abort() -> None:
    ways = moves()
    for step in ("rewound", "loaded", "primed", "filled", "connected"):
        reached = reachable(State.REWIND, ways, without=frozenset({step, "abort_change", "fault"}))
        assert State.RUNNING not in reached, step


@pytest.mark.req("MOD-07", "DEL-18")
@pytest.mark.parametrize("state", State)
def test_a_fault_leads_to_alarm_whatever_the_facts(state: State) -> None:
    machine = ModeMachine()
    assert {asked(machine, state, "fault", facts) for facts in ALL_FACTS} == {State.ALARM}


@pytest.mark.req("MOD-08")
def test_states_have_their_modes() -> None:
    assert {state: state.mode for state in State} == {
        State.STANDBY: Mode.STANDBY,
        State.RUNNING: Mode.RUNNING,
        State.SUSPENDED: Mode.SUSPENDED,
        State.REWIND: Mode.RESERVOIR_CHANGE,
        State.LOAD: Mode.RESERVOIR_CHANGE,
        State.PRIME: Mode.RESERVOIR_CHANGE,
        State.FILL: Mode.RESERVOIR_CHANGE,
        State.CONNECT: Mode.RESERVOIR_CHANGE,
        State.ALARM: Mode.ALARM,
    }


@pytest.mark.req("MOD-08")
def test_code_words_are_those_of_the_service_and_differ_in_four_bits() -> None:
    assert {each.name: int(each) for each in TherapyControl} == {
        "UNDETERMINED": 0x0F,
        "STOP": 0x33,
        "PAUSE": 0x3C,
        "RUN": 0x55,
    }
    assert {each.name: int(each) for each in OperationalState} == {
        "OFF": 0x33,
        "STANDBY": 0x3C,
        "PREPARING": 0x55,
        "PRIMING": 0x5A,
        "WAITING": 0x66,
        "READY": 0x96,
    }
    for words in (TherapyControl, OperationalState):
        assert all((a ^ b).bit_count() >= 4 for a, b in combinations(words, 2))


@pytest.mark.req("MOD-08")
def test_projections_on_the_service() -> None:
    assert {state for state in State if state.therapy() is TherapyControl.RUN} == {State.RUNNING}
    assert {state for state in State if state.therapy(paused=True) is TherapyControl.PAUSE} == {State.SUSPENDED}
    assert State.RUNNING.therapy(paused=True) is TherapyControl.RUN
    assert {state.therapy() for state in State if state is not State.RUNNING} == {TherapyControl.STOP}
    assert {state.operational for state in (State.PRIME, State.FILL)} == {OperationalState.PRIMING}
    assert {state.operational for state in (State.REWIND, State.LOAD)} == {OperationalState.PREPARING}
    assert {state.operational for state in (State.RUNNING, State.SUSPENDED)} == {OperationalState.READY}
    assert {state.operational for state in (State.STANDBY, State.ALARM)} == {OperationalState.STANDBY}
    assert State.CONNECT.operational is OperationalState.WAITING


def test_a_machine_begins_where_it_is_put() -> None:
    assert ModeMachine().state is State.STANDBY
    assert {ModeMachine(state).state for state in State} == set(State)


def test_two_machines_know_nothing_of_each_other() -> None:
    one, other = ModeMachine(), ModeMachine()
    one.step("fault", GuardFacts())
    assert other.state is State.STANDBY


def test_facts_are_frozen_and_false_until_somebody_knows() -> None:
    assert GuardFacts() == GuardFacts(**dict.fromkeys(NAMES, False))
    with pytest.raises(FrozenInstanceError):
        GuardFacts().primed = True  # type: ignore[misc]


def test_a_guard_on_a_fact_that_does_not_exist_is_a_bug() -> None:
    with pytest.raises(InvariantError, match="ready_to_go"):
        _transition(Transition("start", State.STANDBY, State.RUNNING, ("ready_to_go",)))
