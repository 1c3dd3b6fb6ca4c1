"""The examples in the docstrings of the virtual world run, and say what they say."""

from __future__ import annotations

import doctest
from importlib import import_module

import pytest

MODULES = ("books.checks", "campaign", "clock", "dice", "faults", "motor", "setup", "store", "world")


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_run(name: str) -> None:
    result = doctest.testmod(import_module(f"pumpcore.sim.{name}"))
    assert result.attempted > 0
    assert result.failed == 0
