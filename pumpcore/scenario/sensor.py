"""The curve of a sensor: readings on the straight lines between points.

The rule of this file: integers only. A reading is rounded down to the last digit of its unit.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from pumpcore.errors import QuantityError
from pumpcore.therapy.glucose import MmolL, Reading
from pumpcore.units import US_PER_MINUTE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pumpcore.therapy.glucose import Glucose

__all__ = ["curve"]


def curve(points: list[tuple[int, Glucose]], every_us: int, end_us: int) -> Iterator[Reading]:
    """Lay readings on the straight lines between points.

    Args:
        points: instants, rising, with values of one unit.
        every_us: how far the readings lie apart, at least a minute.
        end_us: the last instant.

    Yields:
        Readings from the first point to the last one.

    Rounding:
        Down, to the unit's last digit.

    Raises:
        QuantityError: the instants do not rise, or the readings lie too close.
    """
    if every_us < US_PER_MINUTE:
        raise QuantityError("every", every_us, "us is below the minimum of 1 min")
    for number, (earlier, later) in enumerate(pairwise(points), start=1):
        if later[0] <= earlier[0]:
            raise QuantityError(f"points[{number}]", later[0], "us is not later than the previous point")
    if not points or points[0][0] < 0:
        raise QuantityError(
            "points", len(points), "points given; at least one is needed, and none may be before the start"
        )
    at_us, index = points[0][0], 0
    while at_us <= min(points[-1][0], end_us):
        while index + 1 < len(points) and points[index + 1][0] <= at_us:
            index += 1
        (a_us, a), (b_us, b) = points[index], points[min(index + 1, len(points) - 1)]
        x, y = _number(a), _number(b)
        value = x if b_us == a_us else x + (y - x) * (at_us - a_us) // (b_us - a_us)
        yield Reading(at_us, type(a)(value))
        at_us += every_us


def _number(value: Glucose) -> int:
    return value.tenths if isinstance(value, MmolL) else value.mg_per_dl
