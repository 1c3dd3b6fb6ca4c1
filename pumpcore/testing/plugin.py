"""The pytest plugin: `pump_contract` runs a contract, `--pumpcore-examples` says how thoroughly.

The rule of this file: pytest loads it into every run of whoever has pumpcore installed, so it imports nothing but
pytest, and nothing of the kit before a test asks for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pumpcore.testing.machine import Machine

_OPTION = "--pumpcore-examples"
_FIXTURE = "pump_contract"
_MARK = "pumpcore: runs a contract of pumpcore.testing; set on whatever uses the fixture pump_contract"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    parser.getgroup("pumpcore").addoption(
        _OPTION,
        type=int,
        metavar="N",
        help="how many ways the fixture pump_contract tries; without it, as many as the Hypothesis profile says",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", _MARK)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what uses the fixture, so that `-m "not pumpcore"` leaves the slow ones out."""
    for item in items:
        if _FIXTURE in getattr(item, "fixturenames", ()):
            item.add_marker("pumpcore")


class RunsContract:
    """Runs contracts, as often as the command line says."""

    def __init__(self, examples: int | None) -> None:
        """Take over the option."""
        self._examples = examples

    def __call__(self, contract: type[Machine], *, steps: int = 30) -> None:
        """Run a contract.

        Args:
            contract: a subclass of `PumpContract`.
            steps: how many rules a way has at most.

        Raises:
            ContractError: a requirement does not hold.
        """
        from pumpcore.testing.contract import run_contract  # noqa: PLC0415  # slow to load, and an extra

        run_contract(contract, examples=self._examples, steps=steps)


@pytest.fixture
def pump_contract(pytestconfig: pytest.Config) -> RunsContract:
    """Return a function that runs a contract: `pump_contract(MyContract)`."""
    return RunsContract(pytestconfig.getoption(_OPTION))
