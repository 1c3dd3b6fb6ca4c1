"""Time passes up to the event, through all that changes by itself on the way. This is never refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pumpcore.alarms import Kind
from pumpcore.pump.effects import EndReason, ProposalDropped, RateCause
from pumpcore.pump.events import ProposeBolus, SuspendCause
from pumpcore.pump.ledger import Fate
from pumpcore.pump.state import without
from pumpcore.pump.step.alarms import follow_alarms
from pumpcore.pump.step.basal import end_temp, follow_rate, refresh_profile_rate
from pumpcore.pump.step.delivery import deliver, is_overdue, settle
from pumpcore.pump.step.low import end_low
from pumpcore.pump.step.stopping import LOW_CAUSES
from pumpcore.units import NEVER_US

if TYPE_CHECKING:
    from pumpcore.pump.step import Step

__all__ = ["pass_time"]


def pass_time(step: Step) -> None:
    """Deliver up to the event's instant, edge by edge, and drop what has expired."""
    s = step.state
    s.seen_us = step.to_us
    late_us = step.to_us - step.config.lateness_us
    follow_rate(step, RateCause.PROFILE)  # a raise that had to wait for the actuator may be possible now
    while True:
        temp_until_us = s.temp_until_us
        edge_us = min(step.to_us, s.basal.edge_us, temp_until_us, s.suspension.until_us)
        deliver(step, edge_us, late_us)
        if edge_us == temp_until_us:
            end_temp(step, EndReason.OVER)
        if edge_us == s.basal.edge_us:
            refresh_profile_rate(s)
            follow_rate(step, RateCause.PROFILE)
        if edge_us == s.suspension.until_us:
            end_wait(step)
        if edge_us == step.to_us:
            expire(step)
        if step.stop_raised:
            follow_alarms(step)  # what came to light at this edge stops delivery here
        if edge_us == step.to_us:
            break


def end_wait(step: Step) -> None:
    """Do what a timed suspend does at its end: remind of a disconnect; end a low-glucose suspend, if it may."""
    s = step.state
    s.suspension = s.suspension._replace(until_us=NEVER_US)
    if s.suspension.cause is SuspendCause.DISCONNECT:
        step.raise_alarm(Kind.DISCONNECT_OVER)
    elif s.suspension.cause in LOW_CAUSES:
        end_low(step, longest=True)


def expire(step: Step) -> None:
    """Drop proposals whose time is over, and take pulses that nobody answers for as uncertain."""
    s = step.state
    open_now = s.proposals.open
    for proposal in [each for each in open_now.values() if each.expires_us < step.to_us] if open_now else ():
        s.proposals = s.proposals._replace(open=without(s.proposals.open, proposal.id))
        step.say(ProposalDropped(step.to_us, proposal.id, "expired"))
        if isinstance(proposal.request, ProposeBolus):
            step.raise_alarm(Kind.BOLUS_NOT_CONFIRMED, f"{proposal.id}")
    for seq in [seq for seq, order in s.ledger.orders.items() if is_overdue(order.at_us, step)]:
        if s.ledger.order(seq).fate is Fate.OUTSTANDING:
            settle(step, seq, Fate.UNCERTAIN)
    if len(s.ledger.boluses) > len(s.boluses.active) + 1:
        s.ledger.prune(s.boluses.active)
