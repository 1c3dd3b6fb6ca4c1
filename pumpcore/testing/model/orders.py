"""Pulses and their outcomes, once more.

The rule of this file: a pulse is numbered, on time, within the caps, and paid for by the reservoir; it has one outcome.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pumpcore.testing.errors import ContractError
from pumpcore.testing.model.dues import DueModel
from pumpcore.testing.model.state import ModelOrder
from pumpcore.units import US_PER_DAY as DAY
from pumpcore.units import US_PER_HOUR as H

if TYPE_CHECKING:
    from pumpcore.pump import effects as said


class OrderModel(DueModel):
    """What was ordered, and what became of it."""

    def unanswered(self) -> None:
        """Make a pulse uncertain whose outcome stays open for too long (DEL-11)."""
        for order in self.orders.values():
            if order.fate == "outstanding" and order.at_us + self.config.unanswered_us <= self.now_us:
                order.fate = "uncertain"

    def take(self, amount_uu: int) -> None:
        """Take insulin out of the reservoir."""
        if self.reservoir_uu is None or amount_uu > self.reservoir_uu:
            raise ContractError("RES-01", amount_uu, self.reservoir_uu)
        self.reservoir_uu -= amount_uu

    def order(self, seq: int, order: ModelOrder) -> None:
        """Note an order under its number."""
        if seq in self.orders:
            raise ContractError("DEL-08", seq)
        self.orders[seq] = order

    def fired(self, pulse: said.FirePulse, late: int) -> None:
        """Follow a therapy pulse."""
        if self.device.grid_us and pulse.at_us % self.device.grid_us:
            raise ContractError("DEL-05", pulse, "is not on the grid")
        if self.state != "running" and pulse.at_us > self.suspended_us:
            raise ContractError("DEL-12", pulse, self.state)
        if pulse.at_us <= late:
            raise ContractError("DEL-07", pulse, late)
        if pulse.at_us > self.now_us or (self.pulses and pulse.at_us < self.pulses[-1][0] + self.device.gap_us):
            raise ContractError("DEL-05", pulse, self.pulses[-1:])
        if pulse.amount_uu != pulse.steps * self.device.step_uu or pulse.steps < 1:
            raise ContractError("DEL-15", pulse)
        self.take(pulse.amount_uu)
        self.order(
            pulse.seq, ModelOrder(pulse.at_us, pulse.bolus_id, pulse.steps, therapy=True, reservoir=self.reservoirs)
        )
        self.part(pulse.bolus_id, pulse.channel).ordered += pulse.steps
        self.pulses.append((pulse.at_us, pulse.amount_uu))
        for span_us, cap_uu, name in ((H, self.caps.max_hour_uu, "LIM-04"), (DAY, self.caps.max_day_uu, "LIM-05")):
            within = sum(uu for at_us, uu in self.pulses if at_us > pulse.at_us - span_us)
            if cap_uu is not None and within > cap_uu:
                raise ContractError(name, pulse, within, cap_uu)
        self.pulses = [each for each in self.pulses if each[0] > pulse.at_us - DAY]

    def outcome(self, seq: int, fate: str) -> None:
        """Follow the outcome of a pulse that the pump has accepted."""
        order = self.orders.get(seq)
        if order is None or order.fate in {"confirmed", "failed"} or order.fate == fate:
            raise ContractError("DEL-08", seq, order)
        order.fate = fate
        if fate == "failed" and self.reservoir_uu is not None and order.reservoir == self.reservoirs:
            self.reservoir_uu += order.steps * self.device.step_uu
