"""Insulin that is due is ordered, and what became of each order is booked.

The rule of this file: a step is in the ledger before it is ordered; what will not be ordered is booked as missed, and
said.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from pumpcore._kernel import CHANNELS
from pumpcore.alarms import Kind
from pumpcore.pump.effects import FirePulse, StepsMissed
from pumpcore.pump.ledger import Fate
from pumpcore.pump.modes import State
from pumpcore.pump.step.boluses import end_finished, part_of, record_bolus
from pumpcore.therapy.iob import InsulinPart

if TYPE_CHECKING:
    from pumpcore.pump.step import Step

__all__ = ["deliver", "is_overdue", "settle"]

Channel = Literal["basal", "extended", "bolus"]
Cause = Literal["late", "cap", "empty", "failed", "stopped"]

UNCERTAIN_MOST: Final = 100
"""Pulses of which nobody knows; with one more the actuator counts as faulty."""


def deliver(step: Step, to_us: int, late_us: int) -> None:
    """Let the kernel run to `to_us`: what fell due up to `late_us` is missed, the rest ordered."""
    s = step.state
    s.now_us = to_us
    if s.state is not State.RUNNING:
        # Steps that fell due before the stop and still waited for the grid or the gap do not leave any more.
        skip(step, to_us, "stopped")
    else:
        late_to_us = min(to_us, late_us)
        if late_to_us > s.engine.now_us and skip(step, late_to_us, "late"):
            step.raise_alarm(Kind.STEPS_MISSED)
        order_due(step, to_us)
    if s.boluses.trains:
        end_finished(step)
    follow_schedule(step, to_us)


def skip(step: Step, to_us: int, cause: Cause) -> bool:
    """Let the kernel run to `to_us` and order nothing; say whether steps were missed by that."""
    missed = step.state.engine.skip(to_us)
    for channel, train, steps in missed:
        miss(step, channel, train, steps, cause)
    return bool(missed)


def order_due(step: Step, to_us: int) -> None:
    """Let the kernel run to `to_us` and order what leaves until then."""
    s = step.state
    if to_us <= s.engine.now_us:
        return
    pulses = s.engine.advance(to_us)
    if pulses:
        columns = zip(pulses.at_us, pulses.channel, pulses.train, pulses.steps, strict=True)
        for at_us, code, train, steps in columns:
            order(step, at_us, CHANNELS[code], train, steps)
    for name, train, steps in pulses.missed:
        miss(step, name, train, steps, "cap")
        step.capped = True
        step.raise_alarm(Kind.MAX_DELIVERY)


def order(step: Step, at_us: int, channel: Channel, train: int, steps: int) -> None:
    """Order one pulse, as far as there is insulin for it."""
    s, step_uu = step.state, step.device.step_uu
    left_uu = s.reservoir.amount_uu or 0
    there = min(steps, left_uu // step_uu)
    if there < steps:
        miss(step, channel, train, steps - there, "empty")
    if not there:
        return
    amount_uu = there * step_uu
    s.reservoir = s.reservoir._replace(amount_uu=left_uu - amount_uu)
    bolus_id = s.boluses.trains.get(train, 0)
    part = part_of(s, bolus_id)
    seq = s.ledger.command(at_us, bolus_id, there, channel=channel, part=part)
    step.bookings.append((at_us, amount_uu, part))
    step.say(FirePulse(at_us, seq, channel, bolus_id, there, amount_uu))


def miss(step: Step, channel: Channel, train: int, steps: int, cause: Cause) -> None:
    """Book steps that fell due and will not be delivered, and say so."""
    bolus_id = step.state.boluses.trains.get(train, 0)
    step.state.ledger.miss(bolus_id, steps)
    amount_uu = steps * step.device.step_uu
    step.say(StepsMissed(step.to_us, channel, bolus_id, steps, amount_uu, cause))


def follow_schedule(step: Step, to_us: int) -> None:
    """Let the profile alone run to `to_us`: insulin on board counts against it, and a suspend misses it."""
    s, step_uu = step.state, step.device.step_uu
    if to_us > s.scheduled.now_us:
        baseline = s.scheduled.advance(to_us)
        if baseline:
            step.bookings.extend((at_us, -step_uu, InsulinPart.BASAL) for at_us in baseline.at_us)
    if to_us > s.missing.now_us:
        missed = len(s.missing.advance(to_us))
        if missed:
            s.suspension = s.suspension._replace(missed_uu=s.suspension.missed_uu + missed * step_uu)


def is_overdue(at_us: int, step: Step) -> bool:
    """Return whether the outcome of a pulse has stayed open for too long."""
    return at_us + step.config.unanswered_us <= step.to_us


def settle(step: Step, seq: int, fate: Fate) -> None:
    """Book what became of a pulse, and say so where it is not good news."""
    s, step_uu = step.state, step.device.step_uu
    ordered = s.ledger.settle(seq, fate)
    amount_uu = ordered.steps * step_uu
    if fate is Fate.FAILED:
        # A reservoir that was measured since does not have it back twice.
        left_uu = s.reservoir.amount_uu
        if left_uu is not None and seq >= s.reservoir.measured_seq:
            s.reservoir = s.reservoir._replace(amount_uu=min(left_uu + amount_uu, step.device.reservoir_uu))
        if ordered.part is not None and ordered.channel != "prime":
            step.say(StepsMissed(step.to_us, ordered.channel, ordered.bolus_id, ordered.steps, amount_uu, "failed"))
            step.returned.append((ordered.at_us, amount_uu, InsulinPart(ordered.part)))
    if ordered.bolus_id in s.boluses.active:
        record_bolus(step, ordered.bolus_id)
    if fate is Fate.UNCERTAIN:
        step.raise_alarm(Kind.PULSE_UNCERTAIN, f"{seq}")
        if s.ledger.count(Fate.UNCERTAIN) > UNCERTAIN_MOST:
            step.raise_alarm(Kind.MECHANICAL_ISSUE, "the actuator does not answer")
    elif fate is Fate.FAILED:
        step.raise_alarm(Kind.MECHANICAL_ISSUE, f"{seq}")
