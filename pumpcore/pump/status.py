"""What a pump can say of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pumpcore.alarms import text
from pumpcore.frozen import dataclass
from pumpcore.pump.events import SuspendCause
from pumpcore.pump.modes import State
from pumpcore.pump.step.basal import available_profiles, profile_name
from pumpcore.pump.step.boluses import bolus_now
from pumpcore.therapy.best_glucose import best_glucose
from pumpcore.therapy.glucose import link

if TYPE_CHECKING:
    from pumpcore.alarms import Annunciation, Text
    from pumpcore.pump.modes import Mode, OperationalState, TherapyControl
    from pumpcore.pump.settings import Settings
    from pumpcore.pump.state import PumpState
    from pumpcore.therapy.best_glucose import Best
    from pumpcore.therapy.bolus import Bolus, Proposal
    from pumpcore.therapy.glucose import Last24h, Link
    from pumpcore.therapy.iob import OnBoard
    from pumpcore.therapy.profile import Anchor, BasalProfile

__all__ = ["Status", "status_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What a pump can say of itself, at the instant of its last event.

    Attributes:
        at_us: that instant.
        state: of the mode machine; `mode`, `therapy_control` and `operational` are its projections.
        cause: why it is suspended, if it is.
        settings: what the person has chosen, as it stands now.
        anchor: where the wall clock stands, if it is set.
        zone: the rules of local time, an IANA name.
        rate_uu_per_h: the basal rate in force.
        rate_reason: what the rate comes from.
        profile: the name of the basal profile of this weekday.
        profiles: all that are stored or in force, by name.
        temp_until_us: when the temp basal ends, if one runs.
        boluses: those that run, with what is delivered and what remains.
        proposals: those that wait for a confirmation.
        on_board: insulin on board.
        sensor_link: whether readings of the sensor come.
        last_24h: the readings of the sensor in the last 24 hours.
        meter_24h: those of a meter.
        glucose: the reading that counts now, and whose it is.
        reservoir_uu: what is left, or None where nobody knows.
        battery_percent: what was measured last, or None.
        set_age_us: since the infusion set was connected, or None.
        reservoir_age_us: since the reservoir was loaded, or None.
        annunciations: those that are active, the most urgent first.
        without_insulin_us: time since therapy insulin was last confirmed.
        window_steps: steps ordered in the last hour and the last day, as the caps count them.
        changes: how many changes there were that whoever commands insulin must know of: see `events.Command`.
    """

    at_us: int
    state: State
    mode: Mode
    therapy_control: TherapyControl
    operational: OperationalState
    cause: SuspendCause | None
    settings: Settings
    anchor: Anchor | None
    zone: str
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
    meter_24h: Last24h
    glucose: Best
    reservoir_uu: int | None
    battery_percent: int | None
    set_age_us: int | None
    reservoir_age_us: int | None
    annunciations: tuple[Annunciation, ...]
    without_insulin_us: int
    window_steps: tuple[int, int]
    changes: int

    def text(self, annunciation: Annunciation) -> Text:
        """Return what an annunciation says, in the person's language."""
        return text(annunciation.kind, self.settings.language)


def status_of(s: PumpState) -> Status:
    """Return what a pump can say of itself."""
    suspension, reservoir = s.suspension, s.reservoir
    paused = suspension.cause is not SuspendCause.ALARM and 0 <= s.seen_us - suspension.since_us < s.policy.makes_up_us
    return Status(
        at_us=s.seen_us,
        state=s.state,
        mode=s.state.mode,
        therapy_control=s.state.therapy(paused=paused),
        operational=s.state.operational,
        cause=suspension.cause,
        settings=s.settings,
        anchor=s.local.anchor,
        zone=s.local.zone,
        rate_uu_per_h=s.engine.rate_uu_per_h,
        rate_reason="stopped" if s.state is not State.RUNNING else "temp" if s.basal.temp else "profile",
        profile=profile_name(s),
        profiles=tuple(available_profiles(s).values()),
        temp_until_us=None if s.basal.temp is None else s.temp_until_us,
        boluses=tuple(bolus_now(s, bolus) for bolus in s.boluses.active.values()),
        proposals=tuple(s.proposals.open.values()),
        on_board=s.iob.at(s.seen_us),
        sensor_link=link(s.sensor.heard_us, s.seen_us, lost_us=s.settings.alarms.sensor_lost_us),
        last_24h=s.sensor.last_24h,
        meter_24h=s.sensor.meter_24h,
        glucose=best_glucose(s.sensor.last_24h, s.sensor.meter_24h, s.seen_us),
        reservoir_uu=reservoir.amount_uu,
        battery_percent=s.battery.percent,
        set_age_us=None if reservoir.connected_us is None else s.seen_us - reservoir.connected_us,
        reservoir_age_us=None if reservoir.loaded_us is None else s.seen_us - reservoir.loaded_us,
        annunciations=s.board.active,
        without_insulin_us=max(s.seen_us - s.ledger.confirmed_us, 0),
        window_steps=s.engine.window_steps,
        changes=s.changes,
    )
