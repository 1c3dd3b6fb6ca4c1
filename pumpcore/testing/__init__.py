r'''Verification for integrators: pumpcore's own checks, pointed at your driver or at your pump.

Install with `pip install 'pumpcore[testing]'`. A contract is a Hypothesis state machine. It lives through hours of
faults, requests, restarts and bad links, draws the next thing that happens at random, and after each holds all books
against each other: an independent model of the pump, the pump's own ledger, and what the driver has really moved. What
contradicts a requirement of `specs/requirements.md` is a `ContractError` with its id, shown with the shortest way there
that was found. `DriverContract` does what reaches a driver; `PumpContract` does all that a pump can be told, for
whoever has changed, wrapped or replaced the pump.

Here is a driver with a mistake that has been made: when no answer comes in time it sends the order again, and the
motor, which had done the first one, does it twice. The subclass says how to make it, and what can go wrong with it:

    >>> from hypothesis import strategies as st
    >>> from hypothesis.stateful import rule
    >>> from pumpcore.testing import ContractError, DriverContract, Outcome, run_contract
    >>>
    >>> class Motor:
    ...     """Stands for the hardware: it turns, and its answer may get lost."""
    ...     def __init__(self):
    ...         self.turned, self.answers_get_lost = 0, False
    ...     def turn(self, steps):
    ...         self.turned += steps
    ...         return not self.answers_get_lost
    >>>
    >>> class Retrying:
    ...     """The driver under test."""
    ...     def __init__(self, motor):
    ...         self.motor = motor
    ...     def fire(self, pulse):
    ...         for _ in range(2):  # the mistake: nobody knows that the first one did nothing
    ...             if self.motor.turn(pulse.steps):
    ...                 return Outcome.CONFIRMED
    ...         return Outcome.UNKNOWN
    ...     def delivered_steps(self):
    ...         return self.motor.turned
    >>>
    >>> class RetryingContract(DriverContract):
    ...     def make_driver(self):
    ...         return Retrying(Motor())
    ...     @rule(lost=st.booleans())
    ...     def the_line_is_bad(self, lost):
    ...         self.driver.motor.answers_get_lost = lost
    >>>
    >>> try:
    ...     run_contract(RetryingContract, examples=1000, shrink=False)
    ... except ContractError as error:
    ...     print(error)
    DEL-08: pulse ... of ... steps: the driver says unknown, and ... steps moved

Without the second attempt it keeps the contract:

    >>> class Honest(Retrying):
    ...     def fire(self, pulse):
    ...         return Outcome.CONFIRMED if self.motor.turn(pulse.steps) else Outcome.UNKNOWN
    >>>
    >>> class HonestContract(RetryingContract):
    ...     def make_driver(self):
    ...         return Honest(Motor())
    >>>
    >>> run_contract(HonestContract, examples=5, steps=12)

Under pytest, write `def test_driver(pump_contract): pump_contract(RetryingContract)`, and say how thoroughly on the
command line: `pytest --pumpcore-examples 1000`.

| module | its one responsibility |
|---|---|
| errors | what a broken requirement is told with |
| reference, programmes | the delivery law once more, and random programmes for it in which instants collide |
| wall_clock, therapy_model, model | what a pump must do, worked out again from the requirements alone |
| driver | what a driver must do |
| setup, strategies | what to try it with; strategies for tests of your own |
| machine, driver_contract, pump_contract | the machine and its rules |
| contract | how it is run |
| plugin | pytest |
'''

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pumpcore.testing.contract import run_contract
    from pumpcore.testing.driver import Driver, IdealDriver, Outcome, Pulse, Telling
    from pumpcore.testing.driver_contract import DriverContract
    from pumpcore.testing.errors import ContractError
    from pumpcore.testing.machine import AnyPump
    from pumpcore.testing.model import PumpModel
    from pumpcore.testing.model import PumpModel as Model
    from pumpcore.testing.pump_contract import PumpContract
    from pumpcore.testing.setup import PumpSetup, setups
    from pumpcore.testing.setup import PumpSetup as Setup

__all__ = [
    "AnyPump",
    "ContractError",
    "Driver",
    "DriverContract",
    "IdealDriver",
    "Model",
    "Outcome",
    "Pulse",
    "PumpContract",
    "PumpModel",
    "PumpSetup",
    "Setup",
    "Telling",
    "run_contract",
    "setups",
]

# Loaded when asked for: the plugin lies in this package, and pytest loads it where Hypothesis may not be installed.
_PLACES: Final[Mapping[str, str]] = {
    "AnyPump": "machine",
    "ContractError": "errors",
    "Driver": "driver",
    "DriverContract": "driver_contract",
    "IdealDriver": "driver",
    "Outcome": "driver",
    "Pulse": "driver",
    "PumpContract": "pump_contract",
    "PumpModel": "model",
    "PumpSetup": "setup",
    "Telling": "driver",
    "run_contract": "contract",
    "setups": "setup",
}

# Names that integrators may still use for what has a longer one by now.
_OLD_NAMES: Final[Mapping[str, str]] = {"Model": "PumpModel", "Setup": "PumpSetup"}


def __getattr__(name: str) -> object:
    """Load what is asked for.

    Raises:
        AttributeError: there is no such name.
        ImportError: Hypothesis is not installed.
    """
    asked = _OLD_NAMES.get(name, name)
    if asked not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        import_module("hypothesis")
    except ImportError as error:
        raise ImportError(
            "pumpcore.testing: Hypothesis is not installed; install it with: pip install 'pumpcore[testing]'"
        ) from error
    return getattr(import_module(f"{__name__}.{_PLACES[asked]}"), asked)
