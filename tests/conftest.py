"""What all tests share: Hypothesis profiles and the seed, and where the shared data is.

Hypothesis profiles, chosen with HYPOTHESIS_PROFILE or --hypothesis-profile:

- dev (default): 100 examples of everything, for the edit-and-run loop;
- ci: three times as many, for `.ci/run`;
- deep: a hundred times as many, by hand, before a release or after a change of the law.

No profile is derandomized: each run draws a new seed and prints it, so that what failed on another machine is replayed
with `--hypothesis-seed=SEED`. No profile has a deadline: a busy machine is not a fault of the code.

What a test wants every reader to see, it tells with `record_property("told", ...)`; it stands at the end of the run.
"""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, settings

ROOT: Final = Path(__file__).resolve().parent.parent
"""The top of the project."""

_BASE: Final = settings(deadline=None, print_blob=True, derandomize=False)
settings.register_profile("dev", _BASE, max_examples=100)
settings.register_profile("ci", _BASE, max_examples=300)
settings.register_profile("deep", _BASE, max_examples=10_000, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))


@pytest.hookimpl(tryfirst=True)  # before Hypothesis reads the option
def pytest_configure(config: pytest.Config) -> None:
    """Draw a seed unless one was given; the workers of pytest-xdist inherit their controller's."""
    if config.getoption("--hypothesis-seed") is None:
        config.option.hypothesis_seed = str(random.SystemRandom().randrange(2**32))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests tell of themselves, and the seed, where no option hides it."""
    reports = [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]
    for name, told in (each for report in reports for each in report.user_properties):
        if name == "told":  # by `record_property`, which workers of pytest-xdist hand on
            terminalreporter.write_line(f"{told}")
    seed = terminalreporter.config.getoption("--hypothesis-seed")
    terminalreporter.write_line(
        f"hypothesis profile {settings.get_current_profile_name()}, replay with --hypothesis-seed={seed}"
    )


@pytest.fixture(scope="session")
def root() -> Path:
    """Where the project is."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Where the shared records are (`data/` of the folder `shared` beside the project, or of PUMPCORE_SHARED).

    They belong to other people and are no part of the project; a test that needs them is skipped without them.
    """
    data = Path(os.environ.get("PUMPCORE_SHARED", ROOT.parent / "shared")) / "data"
    if not data.is_dir():
        pytest.skip(f"no shared data at {data}: set PUMPCORE_SHARED to the folder that holds it")
    return data
