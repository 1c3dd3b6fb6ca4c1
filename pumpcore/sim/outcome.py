"""What became of a world, as plain data.

The rule of this file: it can be sent from one process to another, and says all that a campaign adds up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pumpcore.frozen import dataclass, field

if TYPE_CHECKING:
    from pumpcore.sim.setup import CampaignMode

__all__ = ["Broken", "Outcome"]


@dataclass(frozen=True, slots=True)
class Broken:
    """A requirement that did not hold.

    Attributes:
        requirement: its id.
        what: what contradicts it.
        at_us: when, in virtual time.
    """

    requirement: str
    what: str
    at_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a world.

    Attributes:
        seed: it was drawn from.
        mode: of the campaign.
        span_us: virtual time that was lived through.
        digest: of all events, effects and moves; the same seed gives the same.
        steps: events that the pump was given.
        pulses: that the motor has really moved.
        restarts: after power cuts.
        faults: injected, by name of the kind.
        checks: made, by id of the requirement.
        broken: what did not hold, if anything.
    """

    seed: int
    mode: CampaignMode
    span_us: int
    digest: str
    steps: int
    pulses: int
    restarts: int
    faults: dict[str, int] = field(default_factory=dict)
    checks: dict[str, int] = field(default_factory=dict)
    broken: Broken | None = None
