# ruff: noqa: INP001, D205, D400, D415 - read by CrossHair, where a docstring is a contract
"""Contracts on the reference of the law that CrossHair cannot confirm: it looks for a counterexample as long as it may.

Fractions are why: their greatest common divisor is a loop whose length hangs on the values, so paths have no end.
"""

from __future__ import annotations

from pumpcore.testing.reference import (
    HOUR_US,  # noqa: F401 - a contract uses it
    count_basal,
    dues_basal,
    earned_train,
)


def basal_both_ways(rate_uu_per_h: int, edge_us: int, at_us: int) -> tuple[int, int]:
    """pre: 0 <= rate_uu_per_h <= 10**9 and 0 <= edge_us <= at_us
    pre: rate_uu_per_h * at_us < 4 * 100 * HOUR_US
    post: __return__[0] == __return__[1]
    """
    segments = [(0, rate_uu_per_h), (edge_us, 0)]
    return count_basal(segments, 0, 100, at_us), len(dues_basal(segments, 0, 100, at_us))


def all_at_the_end(amount_uu: int, start_us: int, duration_us: int) -> int:
    """pre: amount_uu >= 0 and duration_us >= 1
    post: __return__ == amount_uu
    """
    return int(earned_train(amount_uu, start_us, duration_us, start_us + duration_us))
