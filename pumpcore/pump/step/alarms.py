"""What the person must know after an event, and the one place where an alarm stops delivery.

The rule of this file: annunciations follow from facts. Raising one only records it; `follow_alarms` alone looks at what
is raised, and enters or leaves the alarm mode. It runs at each edge of time and once the event is handled, and never in
the middle of either.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pumpcore import alarms
from pumpcore.alarms import Kind
from pumpcore.errors import InvariantError
from pumpcore.pump.config import zone_of
from pumpcore.pump.events import SuspendCause
from pumpcore.pump.modes import Mode, State
from pumpcore.pump.step.low import suspended_low
from pumpcore.pump.step.proposals import drop_outdated
from pumpcore.pump.step.stopping import move
from pumpcore.therapy.profile import utc_offset_us
from pumpcore.units import US_PER_DAY, US_PER_HOUR

if TYPE_CHECKING:
    from pumpcore.pump.state import PumpState
    from pumpcore.pump.step import Step

__all__ = ["causes_now", "follow_alarms", "update_alarms"]

ENDS_WITH: Final = {
    Kind.DISCONNECT_OVER: SuspendCause.DISCONNECT,
    Kind.GLUCOSE_LOW: SuspendCause.LOW_GLUCOSE,
    Kind.GLUCOSE_LOW_PREDICTED: SuspendCause.PREDICTED_LOW_GLUCOSE,
}
"""Annunciations whose cause is a suspend: gone with it, however it ends or by what it is overlaid."""

MOVES_MOST: Final = 4
"""Into the alarm mode and out of it, each at most twice in one step."""


_STOPPED: Final = (State.SUSPENDED, State.ALARM)


def update_alarms(step: Step) -> None:
    """Derive what the person must know now; stop delivery where that demands it; let sounds and escalations go on."""
    s = step.state
    if step.stop_raised:
        follow_alarms(step)
    derive(step)
    moves = 0
    while (s.board.active or s.state is State.ALARM) and follow_alarms(step):
        derive(step)  # the mode has changed, and that may be news of its own
        moves += 1
        if moves > MOVES_MOST:
            raise InvariantError("the alarm mode is entered and left again and again in one step")
    if not step.capped and s.board.active:
        step.clear_cause(Kind.MAX_DELIVERY)
    deadline_us = s.board.next_deadline_us()
    if deadline_us is not None and deadline_us <= s.now_us:
        s.board, changes = s.board.at(s.now_us)
        step.effects.extend(changes)
    drop_outdated(step)


def follow_alarms(step: Step) -> bool:
    """Enter the alarm mode, which stops delivery, or leave it, and say whether it has: nothing else does.

    An annunciation that stops delivery does so when it is raised, again too, as in a reservoir change that was begun to
    mend it; while it only lasts, the change goes on.
    """
    s = step.state
    before, stopping = s.state, s.board.stopping_ids
    if before is State.ALARM:
        if step.due is not None and not stopping:
            move(step, "clear")
    elif step.stop_raised or not stopping <= step.stopping:
        move(step, "fault")
    # What was raised in this step has acted.
    step.stop_raised, step.stopping = False, stopping
    return s.state is not before


def derive(step: Step) -> None:
    """Tell the board which causes are there now."""
    s = step.state
    step.due = causes_now(s)
    s.board, changes = s.board.observed(step.due.causes, alarms.DERIVED, s.now_us)
    step.effects.extend(changes)
    for each in s.board.active:
        if s.suspension.cause is not ENDS_WITH.get(each.kind, s.suspension.cause):
            step.clear_cause(each.kind)


def causes_now(s: PumpState) -> alarms.Due:
    """Return the causes of annunciations that are there, and when that changes if nothing else does."""
    rate, reservoir, settings = s.engine.rate_uu_per_h, s.reservoir, s.settings.alarms
    left_us = None if reservoir.amount_uu is None or not rate else reservoir.amount_uu * US_PER_HOUR // rate
    state, begun_us = s.state, s.begun_us
    stopped = state in _STOPPED
    last_therapy_us = None
    if begun_us is not None:
        last_therapy_us = max(s.ledger.last_therapy_us(settings.watch.medium_us), begun_us)
    meal = meal_window(s)
    readings = (s.sensor.last_24h.latest, s.sensor.meter_24h.latest)
    glucose_us = max((each.at_us for each in readings if each is not None), default=None)
    low_read = s.sensor.last_24h.latest_usable if suspended_low(s) else None
    facts = alarms.AlarmFacts(
        last_therapy_us=last_therapy_us,
        suspended_since_us=s.suspension.since_us if stopped and begun_us is not None else None,
        reservoir_uu=reservoir.amount_uu if state.mode is not Mode.RESERVOIR_CHANGE else None,
        reservoir_left_us=left_us,
        reservoir_again_uu=s.config.device.low_reservoir_again_uu,
        step_uu=s.config.device.step_uu,
        battery_percent=s.battery.percent,
        battery_us_per_percent=s.battery.us_per_percent,
        set_since_us=reservoir.connected_us,
        reservoir_since_us=reservoir.loaded_us,
        person_us=s.person_us if state is State.RUNNING else None,
        auto_off_warning_us=s.config.device.auto_off_warning_us,
        bolus_us=s.boluses.last_us,
        meal_from_us=meal[0],
        meal_to_us=meal[1],
        glucose_us=glucose_us,
        sensor_us=s.sensor.heard_us,
        low_read_us=None if low_read is None else low_read.at_us,
    )
    return alarms.derived(settings, facts, s.now_us)


def meal_window(s: PumpState) -> tuple[int, int] | tuple[None, None]:
    """Return when the meal window that began last begins and ends, on monotonic time.

    Its edges are those that the local clock shows with today's offset from UTC.
    """
    meals, anchor = s.settings.meals, s.local.anchor
    if not meals or anchor is None or s.begun_us is None:
        return None, None
    utc_us = anchor.utc_us(s.now_us)
    midnight_us = s.now_us - (utc_us + utc_offset_us(zone_of(s.local.zone), utc_us)) % US_PER_DAY
    windows = [
        (day_us + from_us, day_us + to_us)
        for day_us in (midnight_us - US_PER_DAY, midnight_us)
        for from_us, to_us in meals
    ]
    return max((window for window in windows if s.begun_us <= window[0] <= s.now_us), default=(None, None))
