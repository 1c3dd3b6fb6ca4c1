"""The book of orders: each pulse is earned, numbered, on time, within the caps, and has one outcome.

The rule of this file: whole steps only. A step is ordered, missed or stopped; an ordered one is outstanding, confirmed,
uncertain or failed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pumpcore.pump.modes import State
from pumpcore.sim.books.state import BookedOrder, BookState

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pumpcore.pump import effects as said

__all__ = ["OrderBook"]


class OrderBook(BookState):
    """What was ordered, and what became of it."""

    def _unanswered(self, now_us: int) -> None:
        for seq, order in self.orders.items():
            if order.fate == "outstanding" and order.at_us + self.config.unanswered_us <= now_us:
                self._move(seq, order, "uncertain")

    def _fired(self, pulse: said.FirePulse, late_us: int) -> None:
        at_us = pulse.at_us
        self.must("DEL-12", self.state is State.RUNNING, pulse, self.state)
        self.must("ALM-06", not self._stopping(), pulse, self._stopping())
        self.must("DEL-07", at_us > late_us, pulse, late_us)
        self.must("DEL-05", self.last_pulse_us <= at_us <= self.seen_us, pulse, self.last_pulse_us, self.seen_us)
        self.must("DEL-15", pulse.steps >= 1 and pulse.amount_uu == pulse.steps * self.step_uu, pulse)
        self.last_pulse_us = at_us
        self._advance(pulse.bolus_id, pulse.channel, pulse.steps)
        self._ordered(pulse, pulse.bolus_id, therapy=True)
        for requirement, window, cap_uu in (
            ("LIM-04", self.hour, self.caps.max_hour_uu),
            ("LIM-05", self.day, self.caps.max_day_uu),
        ):
            within_uu = window.add(at_us, pulse.amount_uu)
            self.must(requirement, cap_uu is not None and within_uu <= cap_uu, pulse, within_uu, cap_uu)
        if pulse.bolus_id:
            self.fresh.add(at_us, pulse.amount_uu)
            self.steps_of[pulse.bolus_id] += pulse.steps

    def _advance(self, bolus_id: int, channel: str, steps: int) -> None:
        """Book steps that fell due."""
        if channel == "basal":
            self.basal += steps
            return
        train = self.trains.get((bolus_id, channel))
        self.must("DEL-04", train is not None, "steps of a bolus that is not running", bolus_id, channel)
        if train is not None:
            train.done += steps
            self.must("DEL-01", train.done <= train.due(self.seen_us), "ahead", bolus_id, channel, train)

    def _ordered(self, pulse: said.FirePulse | said.PrimePulse, bolus_id: int, *, therapy: bool) -> None:
        self.must("DEL-08", pulse.seq == self.next_seq, pulse, self.next_seq)
        left_uu = self.reservoir_uu
        self.must("RES-01", left_uu is not None and left_uu >= pulse.amount_uu, pulse, left_uu)
        self.reservoir_uu = (left_uu or 0) - pulse.amount_uu
        self.next_seq += 1
        self.orders[pulse.seq] = BookedOrder(pulse.at_us, bolus_id, pulse.steps, therapy, self.reservoirs)
        if therapy:
            self.counted["outstanding"] += pulse.steps

    def _outcome(self, seq: int, fate: str) -> None:
        order = self.orders.get(seq)
        self.must(
            "DEL-08", order is not None and order.fate != fate, "an outcome for a pulse that is not open", seq, fate
        )
        if order is None:
            return
        self._move(seq, order, fate)
        if fate == "uncertain":
            return
        del self.orders[seq]
        if fate == "confirmed" and order.therapy:
            self.confirmed_us = max(self.confirmed_us, order.at_us)
        if fate == "failed":
            self.steps_of[order.bolus_id] -= order.steps
            if order.reservoir == self.reservoirs and self.reservoir_uu is not None:
                most_uu = self.device.reservoir_uu
                self.reservoir_uu = min(self.reservoir_uu + order.steps * self.step_uu, most_uu)

    def _move(self, seq: int, order: BookedOrder, fate: str) -> None:
        if order.therapy:
            self.counted[order.fate] -= order.steps
            self.counted[fate] += order.steps
        self.orders[seq] = order._replace(fate=fate)

    def moved(self, moves: Iterable[tuple[int, int]]) -> None:
        """Hold what a motor has really moved against the record: each pulse was ordered.

        Raises:
            BrokenError: something moved that is in no record.
        """
        for seq, steps in moves:
            self.must("DEL-09", seq < self.next_seq, "a pulse that moved was not recorded", seq, steps)
