"""Clocks: one that stands where it was put, and one that is wrong.

The rule of this file: a clock answers with whole microseconds and is only ever read. No clock of the machine is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from pumpcore.sim.faults import Fault

if TYPE_CHECKING:
    from pumpcore.sim.faults import Injector

__all__ = ["ClockModel", "FaultyClock", "VirtualClock"]

_PPM: Final = 1_000_000
_DRIFT_PPM_LARGEST: Final = 500  # a bad oscillator
_BACK_US_LARGEST: Final = 2_000_000


class ClockModel(Protocol):
    """Anything that says what time it is."""

    def read_us(self) -> int:
        """Return the microseconds that have passed."""


class VirtualClock:
    """The time of a virtual world.

    Attributes:
        at_us: where it stands.
    """

    def __init__(self, at_us: int = 0) -> None:
        """Put it there."""
        self.at_us = at_us

    def read_us(self) -> int:
        """Return the true time."""
        return self.at_us


class FaultyClock:
    """A decorator around a clock: it runs fast or slow, and now and then reads an earlier instant.

    Args:
        clock: the one that is right.
        injector: decides on faults.

    Attributes:
        ppm: by how much it runs fast, parts per million; negative: slow.

    Rounding:
        Down to a microsecond.

    Example:
        >>> from pumpcore.sim.faults import Injector
        >>> right = VirtualClock()
        >>> clock = FaultyClock(right, Injector(1, kinds=frozenset()))
        >>> clock.drift(100)
        >>> right.at_us = 1_000_000
        >>> clock.read_us()
        1000100
    """

    def __init__(self, clock: ClockModel, injector: Injector) -> None:
        """Begin right."""
        self._clock = clock
        self._injector = injector
        self._right_us = self._shown_us = clock.read_us()
        self.ppm = 0

    def drift(self, ppm: int) -> None:
        """Run fast by this many parts per million from now on."""
        self._shown_us, self._right_us = self._steady_us(), self._clock.read_us()
        self.ppm = ppm

    def drift_by_chance(self) -> None:
        """Run at another speed from now on."""
        self.drift(self._injector.draw(Fault.CLOCK_DRIFT, -_DRIFT_PPM_LARGEST, _DRIFT_PPM_LARGEST))

    def read_us(self) -> int:
        """Return the time that it shows."""
        shown_us = self._steady_us()
        if self._injector.strikes(Fault.CLOCK_BACK):
            return max(shown_us - self._injector.draw(Fault.CLOCK_BACK, 1, _BACK_US_LARGEST), 0)
        return shown_us

    def wait_us(self, until_us: int) -> int:
        """Return the true time until it shows `until_us`, at its present speed, rounded up and at least 1."""
        return max(-((self._steady_us() - until_us) * _PPM // (_PPM + self.ppm)), 1)

    def _steady_us(self) -> int:
        passed_us = self._clock.read_us() - self._right_us
        return self._shown_us + passed_us * (_PPM + self.ppm) // _PPM
