"""Faults that come with time: the world is struck at random instants, each kind at its own pace.

The rule of this file: what strikes, and what it does to the parts of the world; how the pump takes it is for the books.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pumpcore.pump import events
from pumpcore.sim.faults import SPACING_US, Fault
from pumpcore.units import US_PER_HOUR, US_PER_SECOND

if TYPE_CHECKING:
    from collections.abc import Callable

    from pumpcore.sim.world import World

__all__ = ["TimedFaults"]

_SLEEP_US: Final = (20 * US_PER_SECOND, 5 * US_PER_HOUR)


class TimedFaults:
    """Strikes a world until its injector is no longer active.

    Args:
        world: the one that is struck.
    """

    def __init__(self, world: World) -> None:
        """Plan nothing yet."""
        self._world = world

    def begin(self) -> None:
        """Plan the first strike of each kind."""
        for kind in SPACING_US:
            if kind in self._world.injector.kinds:
                self._plan(kind)

    def _plan(self, kind: Fault) -> None:
        self._world.after(self._world.injector.wait_us(kind), lambda: self._strike(kind))

    def _strike(self, kind: Fault) -> None:
        if not self._world.injector.active:
            return
        self._faults()[kind]()
        self._plan(kind)

    def _faults(self) -> dict[Fault, Callable[[], None]]:
        return {
            Fault.CLOCK_JUMP: self._world.person.clock_jumps,
            Fault.CLOCK_DRIFT: self._drift,
            Fault.HOST_SLEEP: self._sleep,
            Fault.OCCLUSION: self._occlude,
            Fault.RESERVOIR_REMOVED: self._remove,
            Fault.RESERVOIR_EMPTY: self._run_dry,
            Fault.BATTERY_STEP: self._world.person.battery_falls,
            Fault.SENSOR_GAP: self._world.sensor.fall_silent,
        }

    def _drift(self) -> None:
        self._world.injector.count(Fault.CLOCK_DRIFT)
        self._world.shown.drift_by_chance()

    def _sleep(self) -> None:
        self._world.injector.count(Fault.HOST_SLEEP)
        self._world.awake_us = self._world.clock.at_us + self._world.injector.draw(Fault.HOST_SLEEP, *_SLEEP_US)

    def _occlude(self) -> None:
        self._world.injector.count(Fault.OCCLUSION)
        self._world.line.blocked = True

    def _remove(self) -> None:
        if self._world.cartridge.left_uu is None:
            return
        self._world.injector.count(Fault.RESERVOIR_REMOVED)
        self._world.cartridge.left_uu = None
        self._world.tell(events.ReservoirRemoved)

    def _run_dry(self) -> None:
        if self._world.cartridge.left_uu is None:
            return
        self._world.injector.count(Fault.RESERVOIR_EMPTY)
        self._world.cartridge.left_uu = 0
