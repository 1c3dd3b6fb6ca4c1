"""A step is kept whole or not at all, whatever is raised on the way.

Goal: to find a state that is half changed. Method: an exception is raised at every line of pumpcore that a step runs
through, for steps of every kind, and the pump must be the one it was before or the one it is after; then it takes the
same event again. What could leak by being changed in place is looked for by walking every field of a busy pump's state.
"""

from __future__ import annotations

import sys
import threading
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from fractions import Fraction
from pathlib import Path
from types import FrameType, MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import pytest
from pumps import LIMITS, MIN, MONDAY, SEC, Bench, H, U, everything, plan_of

import pumpcore
from pumpcore._kernel import Delivery
from pumpcore.alarms import Kind
from pumpcore.errors import InvariantError, RequestError
from pumpcore.pump import Calculator, Pump, events
from pumpcore.pump.ledger import Ledger
from pumpcore.pump.modes import Mode, State
from pumpcore.pump.state import OWNED, PumpState
from pumpcore.therapy.envelope import ControllerBounds, RateRequest
from pumpcore.therapy.glucose import MgDl, Reading
from pumpcore.therapy.iob import Curve, Iob
from pumpcore.therapy.profile import Anchor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PACKAGE: Final = str(Path(pumpcore.__file__).parent)
BOUNDS: Final = ControllerBounds(max_rate_uu_per_h=3 * U, max_bolus_uu=U, max_duration_us=H, max_age_us=10 * MIN)
ADVICE: Final = Calculator(
    carb_ratio_mg_per_u=10_000, sensitivity=MgDl(50), target_low=MgDl(100), target_high=MgDl(120)
)


def busy() -> Bench:
    """A pump that does something of everything: boluses, a temp basal, proposals, an alarm, open outcomes."""
    bench = Bench(
        plan=plan_of((0, 2 * U), (6 * H, 1 * U)),
        suspend_policy="roche_pause",
        remote=True,
        controller=BOUNDS,
        calculator=ADVICE,
        meals=((7 * H, 8 * H),),
    ).start()
    bench.bolus(10 * MIN, fast_uu=2 * U, extended_uu=2 * U, extended_us=2 * H)
    bench.do(events.GlucoseMeasured(12 * MIN, Reading(12 * MIN, MgDl(180))))
    bench.do(events.ControllerAsks(13 * MIN, RateRequest(id=1, at_us=13 * MIN, rate_uu_per_h=3 * U, duration_us=H)))
    bench.do(events.StoreProfile(13 * MIN, replace(plan_of((0, U)).profiles()[0], name="other")))
    bench.do(events.ProposeTemp(14 * MIN, H, percent=150))
    bench.do(events.BatteryMeasured(14 * MIN, 20))
    bench.answers = False
    bench.to(16 * MIN)
    return bench


AT: Final = 17 * MIN
STEPS: Final[dict[str, Callable[[Bench], events.Event]]] = {
    "time passes": lambda _: events.Tick(AT + 5 * MIN),
    "time brings a fault to light": lambda _: events.Tick(AT + 3 * H),
    "a pulse is confirmed": lambda bench: events.PulseConfirmed(AT, min(bench.pump.ledger.orders)),
    "a pulse has failed": lambda bench: events.PulseFailed(AT, min(bench.pump.ledger.orders)),
    "a fault": lambda _: events.FaultDetected(AT, Kind.OCCLUSION_DETECTED),
    "a suspend": lambda _: events.Suspend(AT),
    "a proposal is confirmed": lambda bench: events.Confirm(AT, bench.status.proposals[0].id),
    "advice": lambda _: events.AskAdvice(AT, 60_000),
    "a command": lambda bench: events.Command(AT, 1, AT, bench.status.changes, events.ProposeBolus(AT, U)),
    "the clock": lambda _: events.ClockSet(AT, Anchor(AT, MONDAY), "Europe/Copenhagen"),
    "settings": lambda bench: bench.choosing(AT, curve=Curve.linear(240), limits=replace(LIMITS, max_bolus_uu=5 * U)),
    "a bolus is cancelled": lambda bench: events.CancelBolus(AT, bench.status.boluses[0].id),
}


class Injected(BaseException):
    """What a test raises: nothing in the package catches it."""


def traced(pump: Pump, event: events.Event, *, raises: type[BaseException] | None = None, at: int = 0) -> list[str]:
    """Give the pump an event; raise at the `at`-th line of the package, and return the lines that were run through."""
    lines: list[str] = []

    def watch(frame: FrameType, what: str, _: object) -> Any:  # noqa: ANN401 - a trace function returns itself
        if not frame.f_code.co_filename.startswith(PACKAGE):
            return None
        if what == "line":
            lines.append(f"{frame.f_code.co_filename}:{frame.f_lineno}")
            if raises is not None and len(lines) == at + 1:
                raise raises
        return watch

    before = sys.gettrace()
    sys.settrace(watch)
    try:
        pump.step(event)
    except BaseException as error:
        # An interrupt may be taken for what was going wrong with something else; a bug of the package may not.
        if raises is None or isinstance(error, InvariantError):
            raise
    finally:
        sys.settrace(before)
    return lines


def places(lines: list[str]) -> list[int]:
    """Where to raise: at each line, the first time and the last time that it is run through."""
    first = {line: index for index, line in reversed(list(enumerate(lines)))}
    last = {line: index for index, line in enumerate(lines)}
    return sorted({*first.values(), *last.values()})


def twin(pump: Pump) -> Pump:
    """Another pump with the very state of this one: steps leave a state as it is, which is what is tested."""
    other = Pump(pump.config, at_us=0)
    other._kept = pump._kept  # noqa: SLF001 - the assignment by which a step is kept
    return other


@pytest.mark.req("DEL-16")
@pytest.mark.parametrize("raises", [KeyboardInterrupt, MemoryError])
@pytest.mark.parametrize("kind", STEPS)
def test_whatever_is_raised_at_any_line_the_step_is_kept_whole_or_not_at_all(
    kind: str, raises: type[BaseException]
) -> None:
    bench = busy()
    event = STEPS[kind](bench)
    before, begin = everything(bench.pump), bench.pump._kept  # noqa: SLF001
    done = twin(bench.pump)
    done.step(event)
    after = everything(done)
    assert after != before
    lines = traced(twin(bench.pump), event)
    assert len(lines) > 20
    tried = places(lines)[:: 1 if raises is KeyboardInterrupt else 5]
    for at in tried:
        pump = twin(bench.pump)
        traced(pump, event, raises=raises, at=at)
        if pump._kept is begin:  # noqa: SLF001
            if at % 25 == 0:
                pump.step(event)
                assert everything(pump) == after, lines[at]
            else:
                assert not pump._under_way, lines[at]  # noqa: SLF001 - the next step may come
        else:
            assert everything(pump) == after, lines[at]
    assert everything(bench.pump) == before


@pytest.mark.req("DEL-16")
@pytest.mark.parametrize("kind", STEPS)
def test_a_bug_at_any_place_leaves_the_state_as_it_was(kind: str) -> None:
    bench = busy()
    event, before = STEPS[kind](bench), bench.pump.snapshot()
    lines = traced(twin(bench.pump), event)
    for at in places(lines)[::20]:
        pump = twin(bench.pump)
        with pytest.raises((InvariantError, ZeroDivisionError)):
            traced_bug(pump, event, at)
        assert pump.snapshot() in {before, done_by(bench, event)}
    assert bench.pump.snapshot() == before


def traced_bug(pump: Pump, event: events.Event, at: int) -> None:
    """Raise what no code of the package raises on purpose."""
    count = 0

    def watch(frame: FrameType, what: str, _: object) -> Any:  # noqa: ANN401 - as above
        nonlocal count
        if not frame.f_code.co_filename.startswith(PACKAGE):
            return None
        if what == "line":
            count += 1
            if count == at + 1:
                raise ZeroDivisionError
        return watch

    before = sys.gettrace()
    sys.settrace(watch)
    try:
        pump.step(event)
    finally:
        sys.settrace(before)


def done_by(bench: Bench, event: events.Event) -> bytes:
    """What the pump is after the event."""
    pump = twin(bench.pump)
    pump.step(event)
    return pump.snapshot()


# What could leak ------------------------------------------------------------------------------------------------------

LEAVES: Final = (int, str, bytes, bool, type(None), Enum, Fraction)


def changeable(value: object, path: str) -> Iterator[str]:
    """Where a part of the state could be changed in place."""
    if isinstance(value, LEAVES) or value is None:
        return
    if isinstance(value, MappingProxyType):
        for key, each in value.items():
            yield from changeable(each, f"{path}[{key!r}]")
    elif isinstance(value, tuple):
        for index, each in enumerate(value):
            yield from changeable(each, f"{path}[{index}]")
    elif is_dataclass(value) and getattr(type(value), "__dataclass_params__").frozen:  # noqa: B009 - of any dataclass
        for each in fields(value):
            yield from changeable(getattr(value, each.name), f"{path}.{each.name}")
    elif type(value).__module__ in {"datetime", "zoneinfo"}:
        return
    else:
        yield f"{path}: {type(value).__name__}"


@pytest.mark.req("DEL-16")
def test_a_state_holds_nothing_that_is_changed_in_place_but_what_it_copies() -> None:
    state = busy().pump._kept.state  # noqa: SLF001
    found = {name: list(changeable(value, name)) for name, value in vars(state).items()}
    in_place = {name for name, value in vars(state).items() if isinstance(value, Delivery | Ledger)}
    assert in_place == set(OWNED)
    # Insulin on board is copied by the step that books something; see the next test.
    assert {name for name, what in found.items() if what} == in_place | {"iob"}
    for part in (state.boluses, state.basal, state.proposals, state.controller, state.commands, state.suspension):
        assert part  # a busy pump has something in each


def test_the_walk_sees_what_can_be_changed_in_place() -> None:
    assert list(changeable((1, {"a": 1}), "x")) == ["x[1]: dict"]
    assert list(changeable(MappingProxyType({1: [2]}), "x")) == ["x[1]: list"]
    assert list(changeable((1, "a", MappingProxyType({1: (2,)})), "x")) == []


@pytest.mark.req("DEL-16")
def test_a_copy_shares_nothing_that_is_changed_in_place() -> None:
    state = busy().pump._kept.state  # noqa: SLF001
    copy = state.copy()
    assert set(vars(copy)) == set(vars(state))
    for name, value in vars(state).items():
        assert (vars(copy)[name] is value) == (name not in OWNED)
    assert isinstance(copy, PumpState)
    for name in Ledger.__slots__:
        mine, other = getattr(state.ledger, name), getattr(copy.ledger, name)
        assert mine == other
        assert not isinstance(mine, dict) or mine is not other


@pytest.mark.req("DEL-16")
@pytest.mark.parametrize("kind", STEPS)
def test_a_step_leaves_the_state_before_it_as_it_was(kind: str) -> None:
    bench = busy()
    kept, before = bench.pump._kept, everything(bench.pump)  # noqa: SLF001
    iob: Iob = kept.state.iob
    on_board = iob.snapshot()
    bench.pump.step(STEPS[kind](bench))
    assert bench.pump._kept is not kept  # noqa: SLF001
    assert iob.snapshot() == on_board
    bench.pump._kept = kept  # noqa: SLF001
    assert everything(bench.pump) == before


# One at a time --------------------------------------------------------------------------------------------------------


@pytest.mark.req("DEL-17")
def test_a_step_within_a_step_is_refused_and_the_first_one_goes_on() -> None:
    bench = busy()
    seen: list[BaseException] = []

    def record(event: events.Event, effects: tuple[object, ...]) -> None:
        del event, effects
        with pytest.raises(RequestError, match="in the middle of another step") as refused:
            bench.pump.step(events.Tick(AT + SEC))
        seen.append(refused.value)

    bench.pump.step(events.Tick(AT), record=record)
    assert len(seen) == 1
    assert bench.now_us == AT
    bench.pump.step(events.Tick(AT + SEC))


@pytest.mark.req("DEL-17")
def test_a_step_from_another_thread_is_refused_while_one_is_under_way() -> None:
    bench = busy()
    recording, go_on = threading.Event(), threading.Event()

    def record(event: events.Event, effects: tuple[object, ...]) -> None:
        del event, effects
        recording.set()
        go_on.wait(30)

    thread = threading.Thread(target=bench.pump.step, args=(events.Tick(AT),), kwargs={"record": record})
    thread.start()
    assert recording.wait(30)
    with pytest.raises(RequestError, match="in the middle of another step"):
        bench.pump.step(events.Tick(AT))
    go_on.set()
    thread.join(30)
    assert bench.now_us == AT


# One place enters the alarm mode --------------------------------------------------------------------------------------


@pytest.mark.req("MOD-07")
def test_a_fault_that_is_still_there_and_comes_again_in_the_reservoir_change_stops_it() -> None:
    """FaultOcclusion, BeginChange, FaultOcclusion: the annunciation is active before, with the same id."""
    bench = Bench().start()
    bench.do(events.FaultDetected(MIN, Kind.OCCLUSION_DETECTED))
    bench.do(events.BeginChange(MIN, set_off_body=True))
    assert bench.status.state is State.REWIND
    bench.do(events.Tick(2 * MIN))
    assert bench.status.state is State.REWIND  # it only lasts: the change goes on
    bench.do(events.FaultDetected(2 * MIN, Kind.OCCLUSION_DETECTED))
    assert bench.status.mode is Mode.ALARM
