"""Alarms that stop delivery, and reminders.

The rule of this file: an alarm ends when its cause is gone and a person has confirmed it, in either order.
"""

from __future__ import annotations

from typing import Final

from pumpcore.alarms import AnnunciationChanged, Kind, What
from pumpcore.testing.errors import ContractError
from pumpcore.testing.model.modes import CHANGING
from pumpcore.testing.model.orders import OrderModel

UNCERTAIN_MOST: Final = 100
BATTERY_EMPTY_PERCENT: Final = 2
STOPPING: Final = {
    Kind.SYSTEM_ISSUE,
    Kind.MECHANICAL_ISSUE,
    Kind.OCCLUSION_DETECTED,
    Kind.INFUSION_SET_DETACHED,
}
"""The faults that the machine reports; each stops."""


class AlarmModel(OrderModel):
    """The stopping causes, and which reminders are due."""

    def raised(self, kind: Kind) -> None:
        """Note a stopping cause that nobody has confirmed."""
        self.causes[kind] = [True, False]

    def gone(self, kind: Kind) -> None:
        """Note that a stopping cause is gone."""
        if kind in self.causes:
            self.causes[kind][0] = False
            self.clear(kind)

    def confirmed(self, kind: Kind) -> None:
        """Note that the person has confirmed a stopping alarm."""
        if kind in self.causes:
            self.causes[kind][1] = True
            self.clear(kind)

    def told(self, effect: AnnunciationChanged) -> None:
        """Follow what became of a stopping alarm: the person's answers, and that it is told again."""
        kind = effect.annunciation.kind
        if effect.what is What.CONFIRMED:
            self.confirmed(kind)
        elif effect.what is What.AGAIN and kind in self.causes:
            self.causes[kind][1] = False
        elif effect.what is What.RAISED and kind is Kind.MECHANICAL_ISSUE and kind not in self.causes:
            if sum(order.fate == "uncertain" for order in self.orders.values()) <= UNCERTAIN_MOST:
                raise ContractError("ALM-09", effect)
            self.raised(kind)

    def clear(self, kind: Kind) -> None:
        """End an alarm whose cause is gone and that was confirmed (ALM-03)."""
        if self.causes[kind] == [False, True]:
            del self.causes[kind]

    def settle_alarms(self) -> None:
        """Derive the stopping causes that nobody reports."""
        derived = {
            Kind.RESERVOIR_EMPTY: self.state not in CHANGING
            and self.reservoir_uu is not None
            and self.reservoir_uu < self.device.step_uu,
            Kind.BATTERY_EMPTY: self.battery is not None and self.battery <= BATTERY_EMPTY_PERCENT,
            Kind.AUTO_OFF: self.reminders.auto_off(self.state, self.now_us),
        }
        for kind, there in derived.items():
            if there and not self.causes.get(kind, [False])[0]:
                self.raised(kind)
            elif not there:
                self.gone(kind)

    def due_reminders(self) -> dict[Kind, bool]:
        """Which reminders are due."""
        stopped = self.state in {"suspended", "alarm"} and self.begun_us is not None
        stopped_us = self.suspended_us if stopped else None
        return self.reminders.due(self.now_us, clock=self.clock, stopped_us=stopped_us, begun_us=self.begun_us)
