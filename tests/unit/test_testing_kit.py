"""The verification kit: its examples run, it names requirements that there are, and it finds what is planted."""

from __future__ import annotations

import ast
import doctest
import re
import subprocess
import sys
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import find
from hypothesis import strategies as st
from hypothesis.stateful import rule

from pumpcore import testing
from pumpcore.devices import load
from pumpcore.errors import RequestError
from pumpcore.pump import Pump, events
from pumpcore.pump.effects import FirePulse
from pumpcore.testing import ContractError, DriverContract, IdealDriver, Outcome, PumpContract, run_contract, setups
from pumpcore.testing import model as model_of
from pumpcore.testing.driver import DriverBook
from pumpcore.units import US_PER_MINUTE, US_PER_SECOND
from pumpcore.units import UU_PER_U as U
from specs.requirements import stated

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

    from pumpcore.pump import Config, Status
    from pumpcore.pump.effects import Effect
    from pumpcore.pump.events import Event
    from pumpcore.testing import Pulse, PumpSetup

GAP_US = 2 * US_PER_SECOND
IDS = re.compile(r"\b[A-Z]{3}-[0-9]{2}\b")
MODULES = ("", ".errors", ".driver", ".pump_contract")
BARE = "import sys; sys.modules['hypothesis'] = None; import pumpcore, pumpcore.testing, pumpcore.testing.plugin; "


def pulse(seq: int, steps: int = 2) -> FirePulse:
    return FirePulse(0, seq, "basal", 0, steps, 25_000 * steps)


class Scripted:
    """A driver that moves and says what it is told to."""

    def __init__(self, *answers: tuple[int, Outcome]) -> None:
        self.steps, self.answers = 0, list(answers)

    def fire(self, pulse: Pulse) -> Outcome:
        del pulse
        moved, said = self.answers.pop(0)
        self.steps += moved
        return said

    def delivered_steps(self) -> int:
        return self.steps


class Knowing(Scripted):
    """One that can say later what became of a pulse."""

    later = Outcome.FAILED

    def outcome_of(self, seq: int) -> Outcome:
        del seq
        return self.later


# What is said of the kit is so ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MODULES)
def test_examples_run_and_the_planted_mistake_is_found(name: str) -> None:
    result = doctest.testmod(import_module(f"pumpcore.testing{name}"), optionflags=doctest.ELLIPSIS)
    assert result.attempted
    assert not result.failed


def test_every_requirement_that_the_kit_names_is_one(root: Path) -> None:
    known = {each.id for each in stated((root / "specs" / "requirements.md").read_text(encoding="utf-8"))}
    named: set[str] = set()
    for path in (root / "pumpcore" / "testing").rglob("*.py"):
        named |= set(IDS.findall(path.read_text(encoding="utf-8")))
    assert len(named) > 50
    assert named <= known


def test_the_model_says_of_itself_what_it_checks() -> None:
    paths = Path(model_of.__file__).parent.glob("*.py")
    nodes = [node for path in paths for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))]
    texts = [each.value for each in nodes if isinstance(each, ast.Constant) and isinstance(each.value, str)]
    raised = {found for text in texts if IDS.match(text) for found in IDS.findall(text)}  # no docstring begins so
    assert len(raised) > 30
    assert set(IDS.findall(model_of.__doc__ or "")) == raised


def test_all_that_the_kit_offers_can_be_had_and_nothing_else() -> None:
    assert all(getattr(testing, name) is not None for name in testing.__all__)
    with pytest.raises(AttributeError, match="nonsense"):
        _ = testing.nonsense


@pytest.mark.parametrize("asked", ["from pumpcore.testing import PumpContract", "pumpcore.testing.run_contract"])
def test_without_hypothesis_one_line_says_what_to_install(asked: str) -> None:
    said = subprocess.run([sys.executable, "-c", BARE + asked], capture_output=True, text=True, check=False)
    last = said.stderr.strip().splitlines()[-1]
    assert last.endswith("Hypothesis is not installed; install it with: pip install 'pumpcore[testing]'")


def test_without_hypothesis_the_library_and_the_plugin_load() -> None:
    subprocess.run([sys.executable, "-c", BARE], check=True)


def test_an_error_knows_its_requirements() -> None:
    error = ContractError("GLU-02 GLU-04 too long", "seen", 3)
    assert error.ids == ("GLU-02", "GLU-04")
    assert error.seen == ("seen", 3)
    assert str(error) == "GLU-02 GLU-04 too long: seen, 3"


# What no driver may do ------------------------------------------------------------------------------------------------


@pytest.mark.req("DEL-06", "DEL-08")
@pytest.mark.parametrize(
    ("requirement", "moved", "said"),
    [
        ("DEL-08", 4, Outcome.CONFIRMED),
        ("DEL-08", 3, Outcome.UNKNOWN),
        ("DEL-08", 3, Outcome.SILENT),
        ("DEL-08", 3, Outcome.FAILED),
        ("DEL-06", 1, Outcome.CONFIRMED),
        ("DEL-06", 0, Outcome.CONFIRMED),
        ("DEL-06", 1, Outcome.FAILED),
        ("DEL-06", 2, Outcome.FAILED),
        ("DEL-06", -1, Outcome.UNKNOWN),
    ],
)
def test_an_answer_that_is_not_what_has_moved_is_refused(requirement: str, moved: int, said: Outcome) -> None:
    book = DriverBook(Scripted((moved, said)))
    with pytest.raises(ContractError, match=f"^{requirement}"):
        book.fire(pulse(1))


@pytest.mark.parametrize(
    ("moved", "said"),
    [
        (2, Outcome.CONFIRMED),
        (0, Outcome.FAILED),
        (0, Outcome.UNKNOWN),
        (1, Outcome.UNKNOWN),
        (2, Outcome.UNKNOWN),
        (2, Outcome.SILENT),
    ],
)
def test_an_answer_that_is_no_lie_is_taken(moved: int, said: Outcome) -> None:
    book = DriverBook(Scripted((moved, said)))
    assert book.fire(pulse(1)) is said
    assert book.therapy_steps == moved


@pytest.mark.parametrize("said", [Outcome.CONFIRMED, Outcome.FAILED])
def test_what_is_settled_moves_no_more(said: Outcome) -> None:
    driver = Scripted((2 if said is Outcome.CONFIRMED else 0, said), (2, Outcome.CONFIRMED))
    book = DriverBook(driver)
    book.fire(pulse(1))
    driver.steps += 1
    with pytest.raises(ContractError, match=r"^DEL-08: 1 steps moved although no pulse was carried out"):
        book.fire(pulse(2))


def test_what_is_open_may_move_later_but_no_further_than_its_steps() -> None:
    driver = Scripted((0, Outcome.SILENT))
    book = DriverBook(driver)
    book.fire(pulse(1))
    driver.steps += 1
    assert book.ask(1) is Outcome.UNKNOWN
    driver.steps += 1
    assert book.ask(1) is Outcome.CONFIRMED
    driver.steps += 1
    with pytest.raises(ContractError, match=r"^DEL-08"):
        book.look()


def test_a_driver_that_says_later_that_nothing_moved_must_be_right() -> None:
    right, wrong = DriverBook(Knowing((0, Outcome.UNKNOWN))), DriverBook(Knowing((1, Outcome.UNKNOWN)))
    for book in (right, wrong):
        book.fire(pulse(1))
    assert right.ask(1) is Outcome.FAILED
    with pytest.raises(ContractError, match=r"^DEL-06: pulse 1 of 2 steps: the driver says failed, and 1 steps moved"):
        wrong.ask(1)


def test_a_pulse_that_never_reached_the_driver_did_not_move() -> None:
    book = DriverBook(Scripted())
    book.lose(pulse(1))
    assert book.ask(1) is Outcome.FAILED


# What a contract finds ------------------------------------------------------------------------------------------------


class Sticking(IdealDriver):
    """Its motor sticks at times; the driver looks at the time that the turn took and not at the encoder."""

    stuck = False

    def fire(self, pulse: Pulse) -> Outcome:
        return Outcome.CONFIRMED if self.stuck else super().fire(pulse)


class Queueing(IdealDriver):
    """Gives up on a pulse after a while, but leaves it in the queue of the motor."""

    slow = False

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[Pulse] = []

    def fire(self, pulse: Pulse) -> Outcome:
        if self.slow:
            self.waiting.append(pulse)
            return Outcome.FAILED
        return super().fire(pulse)

    def work(self) -> None:
        for each in self.waiting:
            super().fire(each)
        self.waiting = []


class StickingContract(DriverContract):
    def make_driver(self) -> Sticking:
        return Sticking()

    @rule(stuck=st.booleans())
    def the_motor_sticks(self, *, stuck: bool) -> None:
        self.driver.stuck = stuck


class QueueingContract(DriverContract):
    def make_driver(self) -> Queueing:
        return Queueing()

    def time_passes(self, now_us: int) -> None:
        del now_us
        self.driver.work()

    @rule(slow=st.booleans())
    def the_motor_is_slow(self, *, slow: bool) -> None:
        self.driver.slow = slow


class Wrapped:
    """A pump with a layer around it, as an integrator may have one."""

    def __init__(self, pump: Pump) -> None:
        self.pump = pump

    @property
    def status(self) -> Status:
        return self.pump.status

    def step(self, event: Event) -> tuple[Effect, ...]:
        return self.pump.step(event)

    def next_deadline_us(self) -> int | None:
        return self.pump.next_deadline_us()

    def snapshot(self) -> bytes:
        return self.pump.snapshot()


class Dropping(Wrapped):
    """Loses a pulse when two are due at once."""

    def step(self, event: Event) -> tuple[Effect, ...]:
        found = super().step(event)
        pulses = [each for each in found if isinstance(each, FirePulse)]
        return tuple(each for each in found if each not in pulses[1:])


class Ticking(Wrapped):
    """Lets time pass before it looks whether an event is refused."""

    def step(self, event: Event) -> tuple[Effect, ...]:
        try:
            return super().step(event)
        except RequestError:
            if event.at_us >= self.status.at_us:
                self.pump.step(events.ProposeTemp(event.at_us, 1_800_000_000, percent=50))
            raise


class Polite(Wrapped):
    """Asks twice before it stops."""

    def step(self, event: Event) -> tuple[Effect, ...]:
        if isinstance(event, events.Suspend):
            raise RequestError("are you sure?")
        return super().step(event)


class WrappedContract(PumpContract):
    kind: type[Wrapped] = Wrapped

    def make_pump(self, config: Config, at_us: int) -> Wrapped:
        return self.kind(Pump(config, at_us=at_us))

    def restore_pump(self, snapshot: bytes) -> Wrapped:
        return self.kind(Pump.restore(snapshot))

    def setups(self) -> SearchStrategy[PumpSetup]:
        return setups("medtronic-523")


class DroppingContract(WrappedContract):
    kind = Dropping


class GapContract(WrappedContract):
    """Its actuator needs two seconds between pulses, so that steps wait; no preset has one like it."""

    def setups(self) -> SearchStrategy[PumpSetup]:
        return setups(replace(load("omnipod"), gap_us=GAP_US))


class DroppingGapContract(GapContract):
    kind = Dropping


class HastyGapContract(GapContract):
    """Its pump knows nothing of the gap."""

    def make_pump(self, config: Config, at_us: int) -> Wrapped:
        return super().make_pump(replace(config, device=replace(config.device, gap_us=0)), at_us)


class TickingContract(WrappedContract):
    kind = Ticking


class PoliteContract(WrappedContract):
    kind = Polite


class ForgetfulContract(WrappedContract):
    """Its restart loses what the pump was doing."""

    def restore_pump(self, snapshot: bytes) -> Wrapped:
        return Wrapped(Pump(Pump.restore(snapshot).config, at_us=0))


@pytest.mark.parametrize(
    ("contract", "requirement"),
    [
        (StickingContract, "DEL-06"),
        (QueueingContract, "DEL-08"),
        (DroppingContract, "DEL-01 behind"),
        (TickingContract, "DEL-14"),
        (PoliteContract, "SUS-01"),
        (ForgetfulContract, "PWR-03"),
    ],
)
def test_a_contract_finds_what_is_planted(contract: type[DriverContract], requirement: str) -> None:
    with pytest.raises(ContractError, match=f"^{requirement}"):
        run_contract(contract, examples=1000, shrink=False)


def test_what_is_found_is_shown_with_a_short_way_there() -> None:
    with pytest.raises(ContractError) as found:
        run_contract(StickingContract, examples=1000, steps=8)
    assert "state.the_motor_sticks(stuck=True)" in found.value.__notes__


def test_a_layer_that_changes_nothing_keeps_the_contract() -> None:
    run_contract(WrappedContract, examples=5, steps=10)


# An actuator that needs a gap -----------------------------------------------------------------------------------------


def with_a_bolus(contract: type[GapContract]) -> GapContract:
    """A pump that runs, with a bolus of which two steps are due at once after half a minute."""
    machine = contract()
    drawn = find(machine.setups(), lambda setup: setup.running and not setup.limits)
    machine.set_up(drawn._replace(reservoir_uu=100 * U))
    machine.a_bolus(U, 3 * U, 30 * US_PER_MINUTE, 0)
    machine.a_good_host(29 * US_PER_SECOND)
    assert len(machine.model.trains) == 2
    return machine


def test_a_step_that_waits_for_the_actuators_gap_is_not_behind() -> None:
    machine = with_a_bolus(GapContract)
    machine.a_late_host(US_PER_SECOND)
    assert any(machine.model.part(*key).ordered < due for key, due in machine.model.due().items())
    machine.a_good_host(US_PER_MINUTE)
    run_contract(GapContract, examples=30)


def test_a_step_that_does_not_leave_although_the_actuator_is_free_is_behind() -> None:
    machine = with_a_bolus(DroppingGapContract)
    with pytest.raises(ContractError, match=r"^DEL-01 behind"):
        machine.a_late_host(10 * US_PER_SECOND)


@pytest.mark.req("DEL-05")
def test_pulses_that_leave_closer_together_than_the_gap_are_refused() -> None:
    machine = with_a_bolus(HastyGapContract)
    with pytest.raises(ContractError, match=r"^DEL-05"):
        machine.a_good_host(US_PER_MINUTE)


class SlowContract(DriverContract):
    """Its driver answers after two seconds of the world's time, and so late that only the host's question gets it."""

    class Slow(IdealDriver):
        now_us = 0

        def fire(self, pulse: Pulse) -> Outcome:
            super().fire(pulse)
            return Outcome.SILENT

        def outcome_of(self, seq: int) -> Outcome:
            del seq
            return Outcome.CONFIRMED

    def make_driver(self) -> Slow:
        return self.Slow()

    def time_passes(self, now_us: int) -> None:
        assert now_us >= self.driver.now_us
        self.driver.now_us = now_us


def test_a_driver_that_answers_later_keeps_the_contract() -> None:
    run_contract(SlowContract, examples=10, steps=10)
