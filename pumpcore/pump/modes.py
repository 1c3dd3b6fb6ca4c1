"""The mode machine: what may happen now, as a table.

The rules of this file: `TABLE` is the truth. The machine is built from it, `specs/modes.md` and its diagram are
rendered from it, and the specification is compared with it. A row's guard is a list of facts that must all be true;
facts are plain data, and nothing here calls back. What is being delivered (a temp basal, boluses) is data of the pump,
no mode.

This is the only module that imports `transitions`, and it uses it in the one way in which it cannot hurt: no automatic
transitions, no queue, no callbacks but pure conditions, a model that nobody else sees, and a check that every trigger
and every state is one of the table's. A step returns the new state, or raises `ModeError` with the state unchanged.
A step costs microseconds: it is never on the path of a pulse.
"""

from __future__ import annotations

from enum import Enum, IntEnum, unique
from itertools import groupby
from typing import TYPE_CHECKING, Final, NamedTuple

from pumpcore.errors import InvariantError, ModeError
from pumpcore.frozen import dataclass, field_names

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "TABLE",
    "TRIGGERS",
    "GuardFacts",
    "Mode",
    "ModeMachine",
    "OperationalState",
    "State",
    "TherapyControl",
    "Transition",
    "allowed",
    "document",
]


@unique
class Mode(Enum):
    """What the pump is doing, for a person to read."""

    STANDBY = "standby"
    RUNNING = "running"
    SUSPENDED = "suspended"
    RESERVOIR_CHANGE = "reservoir_change"
    ALARM = "alarm"


@unique
class TherapyControl(IntEnum):
    """Therapy control states of the Bluetooth Insulin Delivery Service, with its code words."""

    UNDETERMINED = 0x0F
    STOP = 0x33
    PAUSE = 0x3C
    RUN = 0x55


@unique
class OperationalState(IntEnum):
    """Operational states of the Bluetooth Insulin Delivery Service, with its code words."""

    OFF = 0x33
    STANDBY = 0x3C
    PREPARING = 0x55
    PRIMING = 0x5A
    WAITING = 0x66
    READY = 0x96


@unique
class State(Enum):
    """A state of the machine: a mode, or a step of the reservoir change."""

    STANDBY = "standby"
    RUNNING = "running"
    SUSPENDED = "suspended"
    REWIND = "reservoir_change.rewind"
    LOAD = "reservoir_change.load"
    PRIME = "reservoir_change.prime"
    FILL = "reservoir_change.fill"
    CONNECT = "reservoir_change.connect"
    ALARM = "alarm"

    # Members are alone of their kind, and a name takes longer to hash than most steps of the pump take.
    __hash__ = object.__hash__

    @property
    def mode(self) -> Mode:
        """The mode it belongs to."""
        return _MODES[self]

    @property
    def operational(self) -> OperationalState:
        """Its projection on the operational states of the Insulin Delivery Service."""
        return _OPERATIONAL[self]

    def therapy(self, *, paused: bool = False) -> TherapyControl:
        """Project on the therapy control states of the Insulin Delivery Service.

        Args:
            paused: whether the suspend is a pause: the insulin missed is to be made up on return.
        """
        if self is State.RUNNING:
            return TherapyControl.RUN
        return TherapyControl.PAUSE if paused and self is State.SUSPENDED else TherapyControl.STOP


_MODES: Final = {state: Mode(state.value.partition(".")[0]) for state in State}
_OPERATIONAL: Final = {
    State.STANDBY: OperationalState.STANDBY,
    State.RUNNING: OperationalState.READY,
    State.SUSPENDED: OperationalState.READY,
    State.REWIND: OperationalState.PREPARING,
    State.LOAD: OperationalState.PREPARING,
    State.PRIME: OperationalState.PRIMING,
    State.FILL: OperationalState.PRIMING,
    State.CONNECT: OperationalState.WAITING,
    State.ALARM: OperationalState.STANDBY,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardFacts:
    """What guards may ask. Every fact is about now, and false is the safe answer.

    Attributes:
        time_set: somebody has set the wall clock.
        limits_set: every limit that must be chosen has been chosen.
        profile_set: a basal profile is active.
        reservoir_attached: the reservoir is in its place, by the signal for it.
        reservoir_filled: there is insulin in it.
        primed: tubing and cannula are full since the last change.
        set_off_body: the person has said that the infusion set is off the body.
        tubing_primed: insulin was seen to come, in this change.
        no_stopping_alarm: no alarm that stops delivery is active.
    """

    time_set: bool = False
    limits_set: bool = False
    profile_set: bool = False
    reservoir_attached: bool = False
    reservoir_filled: bool = False
    primed: bool = False
    set_off_body: bool = False
    tubing_primed: bool = False
    no_stopping_alarm: bool = False


class Transition(NamedTuple):
    """One row of the table: in `source`, `trigger` leads to `target` if all facts named by `guard` are true."""

    trigger: str
    source: State
    target: State
    guard: tuple[str, ...] = ()


_CHANGING: Final = (State.REWIND, State.LOAD, State.PRIME, State.FILL, State.CONNECT)
_READY: Final = (
    "time_set",
    "limits_set",
    "profile_set",
    "reservoir_attached",
    "reservoir_filled",
    "primed",
    "no_stopping_alarm",
)

TABLE: Final[tuple[Transition, ...]] = (
    Transition("start", State.STANDBY, State.RUNNING, _READY),
    # Stopping is always accepted and never needs a confirmation.
    Transition("suspend", State.RUNNING, State.SUSPENDED),
    *(Transition("suspend", state, state) for state in State if state is not State.RUNNING),
    Transition("resume", State.SUSPENDED, State.RUNNING, _READY),
    # Insulin for priming is possible only off the body, and never while running.
    Transition("begin_change", State.STANDBY, State.REWIND, ("set_off_body",)),
    Transition("begin_change", State.SUSPENDED, State.REWIND, ("set_off_body",)),
    Transition("begin_change", State.ALARM, State.REWIND, ("set_off_body",)),
    Transition("rewound", State.REWIND, State.LOAD),
    Transition("loaded", State.LOAD, State.PRIME, ("reservoir_attached", "reservoir_filled")),
    Transition("primed", State.PRIME, State.FILL, ("tubing_primed",)),
    Transition("filled", State.FILL, State.CONNECT),
    Transition("connected", State.CONNECT, State.STANDBY),
    *(Transition("abort_change", state, State.STANDBY) for state in _CHANGING),
    # A fault stops from anywhere; from the alarm a way leads to suspended only, so that starting again is explicit.
    *(Transition("fault", state, State.ALARM) for state in State),
    Transition("clear", State.ALARM, State.SUSPENDED, ("no_stopping_alarm",)),
)

TRIGGERS: Final = tuple(dict.fromkeys(row.trigger for row in TABLE))
_FACTS: Final = frozenset(field_names(GuardFacts))


def allowed(state: State, trigger: str, facts: GuardFacts) -> bool:
    """Say whether `ModeMachine.step` would follow `trigger`, without a step.

    Example:
        >>> allowed(State.RUNNING, "suspend", GuardFacts()), allowed(State.ALARM, "start", GuardFacts())
        (True, False)
    """
    return any(row.trigger == trigger and row.source is state and _holds(row, facts) for row in TABLE)


def _holds(row: Transition, facts: GuardFacts) -> bool:
    return all(getattr(facts, fact) for fact in row.guard)


class _Model:
    """What `transitions` keeps its state in; nobody outside sees it."""

    state: str
    trigger: Callable[..., bool]


class ModeMachine:
    """The state, and the only way to change it.

    Example:
        >>> machine = ModeMachine()
        >>> machine.step("suspend", GuardFacts())
        <State.STANDBY: 'standby'>
        >>> ModeMachine(State.ALARM).step("start", GuardFacts(time_set=True))
        Traceback (most recent call last):
        ...
        pumpcore.errors.ModeError: cannot start in mode alarm
    """

    __slots__ = ("__machine", "__model")

    def __init__(self, state: State = State.STANDBY) -> None:
        """Begin in `state`."""
        from transitions import Machine  # noqa: PLC0415 - it brings logging along

        self.__model = _Model()
        self.__machine = Machine(
            model=self.__model,
            states=[each.value for each in State],
            transitions=[_transition(row) for row in TABLE],
            initial=State(state).value,
            auto_transitions=False,
            queued=False,
        )

    @property
    def state(self) -> State:
        """The state it is in."""
        return State(self.__model.state)

    def restore(self, state: State) -> None:
        """Put it into `state`: for a pump that was written down, or that takes a refused step back."""
        self.__model.state = State(state).value

    def step(self, trigger: str, facts: GuardFacts) -> State:
        """Follow the row of the table for `trigger`.

        Args:
            trigger: one of `TRIGGERS`.
            facts: what is true now.

        Returns:
            The new state.

        Raises:
            ModeError: there is no such trigger, no row for it in this state, or its guard does not hold. Nothing is
                changed.
        """
        from transitions import MachineError  # noqa: PLC0415 - it brings logging along

        before = self.state
        rows = [row for row in TABLE if row.trigger == trigger and row.source is before]
        if not rows:
            raise ModeError(before.value, trigger)
        try:
            moved = self.__model.trigger(trigger, facts)
        except MachineError as error:
            bug = f"the machine does not follow its table: {error}"
            raise InvariantError(bug) from error
        if not moved:
            missing = [fact for row in rows for fact in row.guard if not getattr(facts, fact)]
            raise ModeError(before.value, trigger, ", ".join(missing))
        return self.state


def _transition(row: Transition) -> dict[str, object]:
    """Turn a row into what `transitions` takes. Its guard becomes one pure function; a string would be looked up."""
    unknown = set(row.guard) - _FACTS
    if unknown:
        bug = f"guards name facts that do not exist: {sorted(unknown)}"
        raise InvariantError(bug)

    def holds(facts: GuardFacts) -> bool:
        return _holds(row, facts)

    return {"trigger": row.trigger, "source": row.source.value, "dest": row.target.value, "conditions": [holds]}


def document() -> str:
    """Render the table and its diagram as Markdown: `specs/modes.md`."""
    lines = [
        "# Modes",
        "",
        "Rendered from `pumpcore.pump.modes.TABLE` by `python -m pumpcore.pump`; a test keeps it current.",
        "",
        "| trigger | from | to | only if all hold |",
        "|---|---|---|---|",
        *(f"| {row.trigger} | {row.source.value} | {row.target.value} | {', '.join(row.guard)} |" for row in TABLE),
        "",
        "| state | mode | therapy control | operational state |",
        "|---|---|---|---|",
        *(
            f"| {s.value} | {s.mode.value} | {s.therapy().name.lower()} 0x{s.therapy():02X} |"
            f" {s.operational.name.lower()} 0x{s.operational:02X} |"
            for s in State
        ),
        "",
        "While suspended with the promise to make up what is missed, the therapy control state is pause 0x3C.",
        "",
        "```mermaid",
        "stateDiagram-v2",
        "    [*] --> standby",
        *_arrows(),
        "```",
    ]
    return "\n".join(lines) + "\n"


def _arrows() -> list[str]:
    """Draw each move once, the triggers of one arrow side by side; what stays in its state is only in the table."""
    moves = sorted(
        {(row.source.value, row.target.value, row.trigger) for row in TABLE if row.source is not row.target},
    )
    arrows = []
    for (source, target), group in groupby(moves, key=lambda move: move[:2]):
        triggers = ", ".join(trigger for _, _, trigger in group)
        arrows.append(f"    {_node(source)} --> {_node(target)}: {triggers}")
    return arrows


def _node(state: str) -> str:
    """Name a state as Mermaid takes it."""
    return state.replace(".", "_")
