# ruff: noqa: INP001, D205, D400, D415 - read by CrossHair, where a docstring is a contract
"""Contracts on the reference model of the law, pumpcore/testing/reference.py itself, each of which CrossHair confirms.

The rule of this file: an argument is any integer unless a `pre` says less, and only what makes the number of paths
finite (how many steps, how many segments, how wide a search) is bounded. What is claimed is said without the model's
own formulas: a due time is the least whole microsecond at which enough is earned, in products of whole numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pumpcore.testing.reference import HOUR_US, ceil_div, dues_basal, dues_train, first_instant, reference_schedule

if TYPE_CHECKING:
    from collections.abc import Callable


def rounded_up(a: int, b: int) -> int:
    """pre: b >= 1
    post: (__return__ - 1) * b < a <= __return__ * b
    """
    return ceil_div(a, b)


def train(steps: int, start_us: int, duration_us: int) -> list[int]:
    """pre: 1 <= steps <= 4 and duration_us >= 1
    post: len(__return__) == steps
    post: all((due - start_us) * steps >= k * duration_us for k, due in enumerate(__return__, 1))
    post: all((due - 1 - start_us) * steps < k * duration_us for k, due in enumerate(__return__, 1))
    post: __return__[-1] == start_us + duration_us
    """
    return dues_train(steps, start_us, duration_us)


def basal(step_uu: int, rate_uu_per_h: int, start_us: int, from_us: int, to_us: int) -> list[int]:
    """pre: step_uu >= 1 and rate_uu_per_h >= 0 and to_us >= max(start_us, from_us)
    pre: earned(rate_uu_per_h, max(start_us, from_us), to_us) < 4 * step_uu * HOUR_US
    post: len(__return__) == earned(rate_uu_per_h, max(start_us, from_us), to_us) // (step_uu * HOUR_US)
    post: is_least(__return__, step_uu, lambda at_us: earned(rate_uu_per_h, max(start_us, from_us), at_us))
    """
    return dues_basal([(start_us, rate_uu_per_h)], from_us, step_uu, to_us)


def carried(first_uu_per_h: int, second_uu_per_h: int, edge_us: int, to_us: int) -> list[int]:
    """pre: first_uu_per_h >= 0 and second_uu_per_h >= 0 and 0 <= edge_us <= to_us
    pre: earned_over(first_uu_per_h, second_uu_per_h, edge_us, to_us) < 3 * 50_000 * HOUR_US
    post: len(__return__) == earned_over(first_uu_per_h, second_uu_per_h, edge_us, to_us) // (50_000 * HOUR_US)
    post: is_least(__return__, 50_000, lambda at_us: earned_over(first_uu_per_h, second_uu_per_h, edge_us, at_us))
    """
    return dues_basal([(0, first_uu_per_h), (edge_us, second_uu_per_h)], 0, 50_000, to_us)


def halved(reached_us: int, low_us: int, width_us: int) -> int:
    """pre: low_us < reached_us <= low_us + width_us and width_us <= 64
    post: __return__ == reached_us
    """
    return first_instant(lambda at_us: 1 if at_us >= reached_us else 0, 1, low_us, low_us + width_us)


def gap(gap_us: int, start_us: int, duration_us: int, to_us: int) -> list[int]:
    """pre: gap_us >= 1 and start_us >= 0 and duration_us >= 1
    pre: to_us >= start_us + duration_us + 3 * gap_us
    post: len(__return__) == 3
    post: all(later - at >= gap_us for at, later in zip(__return__, __return__[1:]))
    post: __return__ == held_back(dues_train(3, start_us, duration_us), gap_us)
    """
    return instants(gap_us, 0, start_us, duration_us, to_us)


def earned(rate_uu_per_h: int, begin_us: int, at_us: int) -> int:
    """Return what a steady rate earns, in micro-units per hour times microseconds."""
    return rate_uu_per_h * (at_us - begin_us)


def earned_over(first_uu_per_h: int, second_uu_per_h: int, edge_us: int, at_us: int) -> int:
    """Return the same for a rate from 0 to an edge and another rate after it."""
    return first_uu_per_h * min(at_us, edge_us) + second_uu_per_h * max(0, at_us - edge_us)


def is_least(dues: list[int], step_uu: int, by: Callable[[int], int]) -> bool:
    """Return whether each step is paid for when it is due, and not one microsecond earlier."""
    return all(by(due) >= k * step_uu * HOUR_US > by(due - 1) for k, due in enumerate(dues, 1))


def instants(gap_us: int, grid_us: int, start_us: int, duration_us: int, to_us: int) -> list[int]:
    """Return when the three steps of a train leave."""
    train_ = {"channel": "bolus", "start_us": start_us, "duration_us": duration_us, "amount_uu": 150_000}
    actuator = {"step_uu": 50_000, "gap_us": gap_us, "grid_us": grid_us}
    plan = {"actuator": actuator, "from_us": -1, "to_us": to_us, "basal": [], "trains": [train_]}
    return [at_us for at_us, _, _ in reference_schedule(plan)]


def held_back(dues: list[int], gap_us: int) -> list[int]:
    """Return when each step leaves: when it is due, or one gap after the one before it."""
    ats: list[int] = []
    for due in dues:
        ats.append(max(due, ats[-1] + gap_us) if ats else due)
    return ats
