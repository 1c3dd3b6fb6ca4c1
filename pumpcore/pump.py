"""The pump: the order in which the parts of the house are asked, and nothing else.

The rules of this file: `step` takes an event and answers with effects, or raises a `RequestError` and nothing at all has
changed. It works on a copy of the state and keeps it only when all went well. Time is an argument: a step first lets time
pass up to the event's instant (rates change, trains go on, deadlines are met), then does what the event says, then looks
at what the person must know. Nothing here computes when a step of insulin is due: that is the kernel's.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import singledispatchmethod
from typing import TYPE_CHECKING, Final, Literal

from pumpcore._kernel import CHANNELS, Delivery
from pumpcore.alarms import AlarmSettings, Board, Kind, Watch, stops_delivery, watch, watch_deadline_us
from pumpcore.bolus import Bolus, Part, Proposal, parts_of
from pumpcore.effects import (
    BolusDelivered,
    BolusProgrammed,
    Effect,
    EndReason,
    FirePulse,
    LimitsChanged,
    ModeChanged,
    PrimePulse,
    ProfileActivated,
    ProposalDropped,
    Proposed,
    RateCause,
    RateChanged,
    ReferenceTime,
    ReservoirChanged,
    StepsMissed,
    TempEnded,
    TempStarted,
)
from pumpcore.errors import InvariantError, LimitError, ModeError, PumpcoreError, QuantityError, RequestError, TimeError
from pumpcore.events import (
    AbortChange,
    BatteryMeasured,
    BeginChange,
    CancelBolus,
    CancelTemp,
    ClockSet,
    Confirm,
    ConfirmAlarm,
    Connected,
    Disconnect,
    Event,
    FaultDetected,
    FaultGone,
    Filled,
    Loaded,
    PauseAudio,
    Prime,
    Primed,
    ProposeBolus,
    ProposePlan,
    ProposeTemp,
    PulseConfirmed,
    PulseFailed,
    PulseUnknown,
    Reject,
    Request,
    ReservoirMeasured,
    ReservoirRemoved,
    Resume,
    Rewound,
    SetLimits,
    SnoozeAlarm,
    Start,
    Suspend,
    SuspendCause,
    Tick,
)
from pumpcore.iob import Curve, Iob
from pumpcore.iob import Part as IobPart
from pumpcore.ledger import Fate, Ledger
from pumpcore.limits import Limits, check
from pumpcore.modes import Facts, Mode, ModeMachine, State
from pumpcore.profile import AbsoluteTemp, PercentTemp, rate_segments
from pumpcore.suspend import POLICIES
from pumpcore.units import US_PER_DAY, US_PER_MINUTE, US_PER_SECOND

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pumpcore.devices import Device
    from pumpcore.iob import OnBoard
    from pumpcore.modes import OperationalState, TherapyControl
    from pumpcore.profile import Anchor, TempBasal, WeekPlan
    from pumpcore.suspend import Policy

__all__ = ["Config", "Pump", "Status"]

NEVER_US: Final = 1 << 62
_ANSWERS_KEPT: Final = 64
_PROPOSALS_KEPT: Final = 8
_LOOK_AHEAD_US: Final = 26 * 3_600 * US_PER_SECOND  # past the next midnight even on a day of 25 hours


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What a pump is made with.

    Attributes:
        device: what it can do.
        limits: what the person chose; while one is not chosen, nothing is delivered.
        plan: the basal profiles of the week, if they are set.
        anchor: where the wall clock stands, if it is set.
        zone: the rules of local time, an IANA name.
        suspend_policy: a key of `suspend.POLICIES`.
        curve: how insulin on board decays.
        alarms: the person's alarm settings.
        watch: when the no-delivery watch speaks up.
        lateness_us: a step that is later than this when the host comes is missed, not delivered.
        proposal_us: how long a proposal can be confirmed.
        unanswered_us: a pulse whose outcome stays open for longer becomes uncertain.

    Raises:
        QuantityError: a value is of a wrong kind, or there is no such policy.
        LimitError: a value is outside its range; or, where all limits are chosen, the plan does not keep to them.
    """

    device: Device
    limits: Limits = Limits()
    plan: WeekPlan | None = None
    anchor: Anchor | None = None
    zone: str = "UTC"
    suspend_policy: str = "medtronic"
    curve: Curve = Curve.exponential(360, 75)
    alarms: AlarmSettings = AlarmSettings()
    watch: Watch = Watch()
    lateness_us: int = 30 * US_PER_SECOND
    proposal_us: int = 5 * US_PER_MINUTE
    unanswered_us: int = 30 * US_PER_SECOND

    def __post_init__(self) -> None:
        """Refuse what no pump can be made with."""
        if self.suspend_policy not in POLICIES:
            raise QuantityError("suspend_policy", self.suspend_policy, f"must be one of {', '.join(POLICIES)}")
        for name in ("lateness_us", "proposal_us", "unanswered_us"):
            check(name, getattr(self, name))
        _zone(self.zone)
        if self.plan is not None and not self.limits.unset():
            self.plan.check(device=self.device, limits=self.limits)
