"""Suspend and resume differ by maker: named policies, as data.

The rule of this file: `SUSPEND_POLICIES` is the truth, and the pump follows a row without knowing whose it is. Whatever
the policy, a suspend stops basal and boluses at once, resuming is explicit, and nothing is made up without a bound.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from pumpcore.frozen import dataclass
from pumpcore.units import US_PER_MINUTE

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["SUSPEND_POLICIES", "SuspendPolicy"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SuspendPolicy:
    """What a suspend does, and what a resume brings back.

    Attributes:
        id: its name.
        keeps_temp: the temp basal goes on after the resume if its time is not over.
        keeps_boluses: boluses are held and go on after the resume; otherwise they are cancelled.
        makes_up_us: insulin missed for no longer than this is made up on resume; 0: none is.
        keeps_rest: what basal has earned of a step is kept; otherwise it is dropped (always less than one step).
        source: where this is said.
    """

    id: str
    keeps_temp: bool = False
    keeps_boluses: bool = False
    makes_up_us: int = 0
    keeps_rest: bool = True
    source: str


SUSPEND_POLICIES: Final[Mapping[str, SuspendPolicy]] = MappingProxyType(
    {
        policy.id: policy
        for policy in (
            SuspendPolicy(
                id="medtronic",
                keeps_temp=True,
                source="a bolus is lost at suspend, a temp basal goes on if its time is not over, missed basal is not"
                " made up: records of a Paradigm 523",
            ),
            SuspendPolicy(id="roche_stop", source="Accu-Chek STOP: bolus and temp basal are cancelled"),
            SuspendPolicy(
                id="roche_pause",
                keeps_temp=True,
                keeps_boluses=True,
                makes_up_us=15 * US_PER_MINUTE,
                source="Insulin Delivery Service 1.0, therapy control state Pause: insulin missed is made up on return,"
                " minutes only; the bound of 15 min is our own",
            ),
            SuspendPolicy(id="tandem", source="t:slim: bolus and temp basal are cancelled, nothing resumes by itself"),
            SuspendPolicy(
                id="omnipod", source="Omnipod: bolus and temp basal are cancelled, nothing resumes by itself"
            ),
        )
    }
)
"""Each policy by its name."""
