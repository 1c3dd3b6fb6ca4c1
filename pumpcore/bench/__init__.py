"""What the kernel is raced against, and how long each way takes: `pumpcore bench`.

The rule of this package: in one run, on the same plans, every way's answer is checked before it is timed. It needs
NumPy, which the rest of pumpcore does not; so nothing is loaded before `check_ready` has said that it is there.
"""

from __future__ import annotations

from importlib.util import find_spec

from pumpcore.errors import RequestError

__all__ = ["check_ready"]


def check_ready() -> None:
    """Refuse to measure where what it needs is missing.

    Raises:
        RequestError: NumPy is not installed.
    """
    if find_spec("numpy") is None:
        raise RequestError("bench: NumPy is not installed; install it with: pip install 'pumpcore[bench]'")
