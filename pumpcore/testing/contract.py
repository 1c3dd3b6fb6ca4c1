"""How a contract is run.

The rule of this file: what is tried comes from Hypothesis's profile if the caller does not say it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from pumpcore.testing.driver_contract import DriverContract
from pumpcore.testing.pump_contract import PumpContract

if TYPE_CHECKING:
    from pumpcore.testing.machine import Machine

__all__ = ["DriverContract", "PumpContract", "run_contract"]

STEPS: Final = 30
_PHASES: Final = frozenset(Phase) - {Phase.explain}  # which line was run says nothing here, and takes long


def run_contract(
    contract: type[Machine], *, examples: int | None = None, steps: int = STEPS, shrink: bool = True
) -> None:
    """Run a contract.

    Args:
        contract: a subclass of `DriverContract` or `PumpContract`.
        examples: how many ways are tried; as many as the Hypothesis profile says where it is None.
        steps: how many rules a way has at most.
        shrink: whether a shorter way to what was found is looked for, which may take minutes.

    Raises:
        ContractError: a requirement does not hold; its notes show the shortest way there that was found.
    """
    how = settings(
        max_examples=settings().max_examples if examples is None else examples,
        stateful_step_count=steps,
        deadline=None,
        phases=_PHASES if shrink else _PHASES - {Phase.shrink},
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(contract, settings=how)
