"""What adds insulin is proposed first, and dropped when what it was computed from has changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pumpcore.pump.effects import ProposalDropped, Proposed
from pumpcore.pump.state import with_item, without
from pumpcore.therapy.bolus import Proposal

if TYPE_CHECKING:
    from pumpcore.pump.events import Request
    from pumpcore.pump.state import PumpState
    from pumpcore.pump.step import Step

__all__ = ["basis_of", "drop_outdated", "propose", "something_changed"]

PROPOSALS_KEPT: Final = 8


def propose(step: Step, request: Request, amount_uu: int, *, by_advice: bool = False) -> None:
    """Offer something that adds insulin; where too many offers are open, the oldest makes way."""
    s = step.state
    if len(s.proposals.open) >= PROPOSALS_KEPT:
        oldest = next(iter(s.proposals.open))
        s.proposals = s.proposals._replace(open=without(s.proposals.open, oldest))
        step.say(ProposalDropped(step.to_us, oldest, "replaced"))
    until_us = step.to_us + step.config.proposal_us
    basis = basis_of(s, by_advice=by_advice)
    proposal = Proposal(s.proposals.next_id, step.to_us, until_us, request, basis, amount_uu, by_advice)
    open_now = with_item(s.proposals.open, proposal.id, proposal)
    s.proposals = s.proposals._replace(open=open_now, next_id=proposal.id + 1)
    step.say(Proposed(step.to_us, proposal))


def basis_of(s: PumpState, *, by_advice: bool) -> tuple[object, ...]:
    """Return what a proposal is computed from.

    Mode, clock, settings and plan by the number of their last change; a suggestion also from all readings and
    boluses before it.
    """
    if by_advice:
        return (s.proposals.basis, s.boluses.next_id, s.sensor.taken)
    return (s.proposals.basis,)


def something_changed(s: PumpState) -> None:
    """Note that mode, clock, settings or plan have changed: open proposals rest on the old ones."""
    s.proposals = s.proposals._replace(basis=s.proposals.basis + 1)


def drop_outdated(step: Step) -> None:
    """Drop the proposals whose basis has changed."""
    s = step.state
    if not s.proposals.open:
        return
    for proposal in s.proposals.open.values():
        if proposal.basis != basis_of(s, by_advice=proposal.by_advice):
            s.proposals = s.proposals._replace(open=without(s.proposals.open, proposal.id))
            step.say(ProposalDropped(step.to_us, proposal.id, "changed"))
