"""A glucose sensor, and a controller that follows it.

The rule of this file: readings come every five minutes; what a person has eaten has no part in them, for nothing here
depends on it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pumpcore.pump import events
from pumpcore.sim.dice import Dice
from pumpcore.sim.faults import Fault
from pumpcore.therapy.envelope import RateRequest
from pumpcore.therapy.glucose import MgDl, Reading
from pumpcore.units import US_PER_HOUR, US_PER_MINUTE

if TYPE_CHECKING:
    from pumpcore.sim.world import World

__all__ = ["Sensor"]

_EVERY_US: Final = 5 * US_PER_MINUTE
_STALE_US: Final = 20 * US_PER_MINUTE
_GAP_US: Final = (15 * US_PER_MINUTE, 2 * US_PER_HOUR)
_LOW, _HIGH, _STEP = 45, 300, 12
_SPIKES: Final = (40, 400)


class Sensor:
    """Sends readings to the pump, rightly or not.

    Args:
        world: that it is in.
    """

    def __init__(self, world: World) -> None:
        """Begin at an ordinary value."""
        self._world = world
        self._dice = Dice(world.setup.seed, "sensor")
        self._value = 130
        self._silent_us = 0
        self._steady = False
        self._late: Reading | None = None
        self._request = 0

    def begin(self) -> None:
        """Send readings from now on, if there is a sensor."""
        if self._world.setup.sensor:
            self._world.after(_EVERY_US, self._read)

    def heal(self) -> None:
        """From now on glucose is as it should be."""
        self._value, self._silent_us, self._steady = 130, 0, True

    def fall_silent(self) -> None:
        """Send nothing for a while."""
        self._world.injector.count(Fault.SENSOR_GAP)
        self._silent_us = self._world.clock.at_us + self._world.injector.draw(Fault.SENSOR_GAP, *_GAP_US)

    def _read(self) -> None:
        world, strikes = self._world, self._world.injector.strikes
        world.after(_EVERY_US, self._read)
        if not self._steady:
            self._value = min(max(self._value + self._dice.between(-_STEP, _STEP), _LOW), _HIGH)
        if world.clock.at_us < self._silent_us or world.clock.at_us < world.awake_us:
            return
        value, at_us = self._value, world.now_us()
        if strikes(Fault.SENSOR_SPIKE):
            value = self._dice.pick(_SPIKES)
        if strikes(Fault.SENSOR_STALE):
            at_us = max(at_us - _STALE_US, 0)
        reading = Reading(at_us, MgDl(value))
        if self._late is None and strikes(Fault.SENSOR_ORDER):
            self._late = reading
            return
        self._send(reading)
        if strikes(Fault.SENSOR_DUPLICATE):
            self._send(reading)
        if self._late is not None:
            late, self._late = self._late, None
            self._send(late)
        if world.setup.controller:
            self._control(value)

    def _send(self, reading: Reading) -> None:
        self._world.tell(events.GlucoseMeasured, reading)

    def _control(self, value: int) -> None:
        """Request a rate that depends on the value, every five minutes, as automatic controllers do."""
        world = self._world
        rate = world.config.device.round_rate_down(max(value - 80, 0) * 10_000)
        self._request += 1
        asked = RateRequest(id=self._request, at_us=world.seen_us, rate_uu_per_h=rate, duration_us=30 * US_PER_MINUTE)
        world.tell(events.ControllerAsks, asked)
