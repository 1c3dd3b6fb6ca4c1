"""What a pump is made with, and what it can say of itself."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Literal

from pumpcore.alarms import AlarmSettings
from pumpcore.devices.suspend import POLICIES
from pumpcore.errors import LimitError, QuantityError
from pumpcore.frozen import dataclass, field
from pumpcore.limits import Limits, check
from pumpcore.therapy.calculator import policy
from pumpcore.therapy.glucose import ControllerBounds, MgDl
from pumpcore.therapy.iob import Curve
from pumpcore.therapy.profile import check_stored
from pumpcore.units import US_PER_MINUTE, US_PER_SECOND

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from pumpcore.alarms import Annunciation
    from pumpcore.devices import Device
    from pumpcore.pump.events import SuspendCause
    from pumpcore.pump.modes import Mode, OperationalState, State, TherapyControl
    from pumpcore.therapy.bolus import Bolus, Proposal
    from pumpcore.therapy.glucose import Glucose, Last24h, Link, LowSettings
    from pumpcore.therapy.iob import OnBoard
    from pumpcore.therapy.profile import Anchor, BasalProfile, WeekPlan

__all__ = ["Calculator", "Config", "Status", "zone_of"]


@cache
def zone_of(name: str) -> ZoneInfo:
    """Return the rules of local time by their IANA name.

    Raises:
        QuantityError: no such zone is known.
    """
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # noqa: PLC0415 - a pump without a zone needs none

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, TypeError, OSError) as error:  # a folder of zones, a name too long
        raise QuantityError("zone", name, "is no time zone that is known") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Calculator:
    """What the bolus calculator needs to know of a person.

    Attributes:
        policy: the rule it follows, of `advice`.
        carb_ratio_mg_per_u: milligrams of carbohydrate that one unit covers.
        sensitivity: how far one unit lowers glucose.
        target_low: from below, a correction leads up to here.
        target_high: from above, a correction leads down to here.
        hard_low: below this there is no suggestion: the low is to be treated first.
    """

    policy: str
    carb_ratio_mg_per_u: int
    sensitivity: Glucose
    target_low: Glucose
    target_high: Glucose
    hard_low: Glucose = field(default_factory=lambda: MgDl(70))


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What a pump is made with.

    Attributes:
        device: what it can do.
        limits: what the person chose; while one is not chosen, nothing is delivered.
        plan: the basal profiles of the week, if they are set.
        profiles: further basal profiles that are stored by their names; a week plan can be made of them.
        anchor: where the wall clock stands, if it is set.
        zone: the rules of local time, an IANA name.
        suspend_policy: a key of `suspend.POLICIES`.
        curve: how insulin on board decays.
        alarms: the person's alarm settings, those of the no-delivery watch among them.
        calculator: the person's figures for the bolus calculator, if it is on.
        low_suspend: suspend on low glucose, if it is on.
        controller: what an automatic controller may ask for; nothing until a person has chosen.
        remote: whether commands that come over a link are taken; off until a person has chosen.
        meals: windows of the local day, (from, to) in us since midnight, in which a bolus is to be expected.
        lateness_us: a step that is later than this when the host comes is missed, not delivered.
        proposal_us: how long a proposal can be confirmed.
        unanswered_us: a pulse whose outcome stays open for longer becomes uncertain.

    Raises:
        QuantityError: a value is of a wrong kind, or there is no such policy.
        LimitError: a value is outside its range; or, where all limits are chosen, the plan does not keep to them.
    """

    device: Device
    limits: Limits = field(default_factory=Limits)
    plan: WeekPlan | None = None
    profiles: tuple[BasalProfile, ...] = ()
    anchor: Anchor | None = None
    zone: str = "UTC"
    suspend_policy: str = "medtronic"
    curve: Curve = field(default_factory=lambda: Curve.exponential(360, 75))
    alarms: AlarmSettings = field(default_factory=AlarmSettings)
    calculator: Calculator | None = None
    low_suspend: LowSettings | None = None
    controller: ControllerBounds = field(default_factory=ControllerBounds)
    remote: bool = False
    meals: tuple[tuple[int, int], ...] = ()
    lateness_us: int = 30 * US_PER_SECOND
    proposal_us: int = 5 * US_PER_MINUTE
    unanswered_us: int = 30 * US_PER_SECOND

    def __post_init__(self) -> None:
        """Refuse what no pump can be made with."""
        if self.suspend_policy not in POLICIES:
            raise QuantityError("suspend_policy", self.suspend_policy, f"must be one of {', '.join(POLICIES)}")
        for name in ("lateness_us", "proposal_us", "unanswered_us"):
            check(name, getattr(self, name))
        zone_of(self.zone)
        if self.calculator is not None:
            policy(self.calculator.policy)
        for index, (from_us, to_us) in enumerate(self.meals):
            check("segment_start_us", from_us, field=f"meals[{index}].from_us")
            check("segment_start_us", to_us, field=f"meals[{index}].to_us")
            if to_us <= from_us:
                raise LimitError(f"meals[{index}].to_us", to_us, from_us + 1, "us")
        if self.plan is not None and not self.limits.unset():
            self.plan.check(device=self.device, limits=self.limits)
        stored: dict[str, BasalProfile] = {}
        for profile in self.profiles:
            if profile.name in stored:
                raise QuantityError("profiles", profile.name, "stands for two profiles")
            check_stored(profile, stored, self.plan, device=self.device)
            stored[profile.name] = profile


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What a pump can say of itself, at the instant of its last event.

    Attributes:
        at_us: that instant.
        state: of the mode machine; `mode`, `therapy_control` and `operational` are its projections.
        cause: why it is suspended, if it is.
        rate_uu_per_h: the basal rate in force.
        rate_reason: what the rate comes from.
        profile: the name of the basal profile of this weekday.
        profiles: all that are stored or in force, by name.
        temp_until_us: when the temp basal ends, if one runs.
        boluses: those that run, with what is delivered and what remains.
        proposals: those that wait for a confirmation.
        on_board: insulin on board.
        sensor_link: whether readings of the sensor come.
        last_24h: the readings of the last 24 hours.
        reservoir_uu: what is left, or None where nobody knows.
        battery_percent: what was measured last, or None.
        set_age_us: since the infusion set was connected, or None.
        reservoir_age_us: since the reservoir was loaded, or None.
        annunciations: those that are active, the most urgent first.
        without_insulin_us: time since therapy insulin was last confirmed.
        window_steps: steps commanded in the last hour and the last day, as the caps count them.
        changes: how many changes there were that whoever commands insulin must know of: see `events.Command`.
    """

    at_us: int
    state: State
    mode: Mode
    therapy_control: TherapyControl
    operational: OperationalState
    cause: SuspendCause | None
    rate_uu_per_h: int
    rate_reason: Literal["stopped", "profile", "temp"]
    profile: str | None
    profiles: tuple[BasalProfile, ...]
    temp_until_us: int | None
    boluses: tuple[Bolus, ...]
    proposals: tuple[Proposal, ...]
    on_board: OnBoard
    sensor_link: Link
    last_24h: Last24h
    reservoir_uu: int | None
    battery_percent: int | None
    set_age_us: int | None
    reservoir_age_us: int | None
    annunciations: tuple[Annunciation, ...]
    without_insulin_us: int
    window_steps: tuple[int, int]
    changes: int
