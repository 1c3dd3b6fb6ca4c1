"""The kinds of figures that a device has, and where each comes from.

The rule of this file: a figure is data with its own check; what a device does with it is in `model`.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import pairwise
from typing import Literal, NamedTuple

from pumpcore.bounds import multiple_of
from pumpcore.errors import QuantityError
from pumpcore.frozen import dataclass

__all__ = ["Band", "Bands", "Known", "Source", "Speed", "SpeedMode"]

Known = Literal["read", "remembered", "own"]
"""How sure a figure is: read at its source, remembered and to be checked, or our own choice."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a figure comes from.

    Attributes:
        text: the source, precise enough to find the figure again.
        known: how sure the figure is.
    """

    text: str
    known: Known


class Band(NamedTuple):
    """From this value on, the device takes whole multiples of this step."""

    start: int
    step: int


@dataclass(frozen=True, slots=True)
class Bands:
    """The resolution of a device for one quantity, finer for small values; the unit is that of the attribute.

    Attributes:
        bands: in rising order, the first from 0 on. A band's start is a whole multiple of its own step and of the step
            before, so that rounding down never leaves the band and it does not matter which of the two has the edge.
    """

    bands: tuple[Band, ...]

    def __post_init__(self) -> None:
        """Reject bands with a gap, an overlap or an edge that is not on a step."""
        if (
            not self.bands
            or self.bands[0].start != 0
            or any(band.step < 1 for band in self.bands)
            or any(a.start >= b.start or b.start % a.step or b.start % b.step for a, b in pairwise(self.bands))
        ):
            raise QuantityError("bands", self.bands, "must rise from 0 on, with edges on their steps")

    def step_at(self, value: int) -> int:
        """Return the step of the band that `value`, at least 0, lies in."""
        return self.bands[bisect_right(self.bands, value, key=lambda band: band.start) - 1].step

    def round_down(self, value: int) -> int:
        """Return the largest value on a step that is not above `value`, at least 0."""
        return value - value % self.step_at(value)

    def check(self, value: int, *, name: str, unit: str) -> int:
        """Return `value` if it is on a step.

        Args:
            value: what was asked for, at least 0, in the unit of the bands.
            name: the name that an error carries.
            unit: the unit that an error carries.

        Returns:
            `value`.

        Rounding:
            None.

        Raises:
            QuantityError: `value` is not on a step. Nothing is changed.

        Example:
            >>> Bands((Band(0, 5), Band(20, 10))).check(25, name="amount", unit="uu")
            Traceback (most recent call last):
            ...
            pumpcore.errors.QuantityError: amount: 25 must be a whole multiple of 10 uu
        """
        return multiple_of(self.step_at(value), value, name=name, unit=unit)


class Speed(NamedTuple):
    """How fast a bolus of `start_uu` or more runs: a time per unit, or one time for the whole bolus."""

    start_uu: int
    us_per_u: int | None
    us_in_all: int | None


class SpeedMode(NamedTuple):
    """Another speed of a bolus that a person can choose, by its name: how long it takes, in rising order of amount."""

    name: str
    speeds: tuple[Speed, ...]
