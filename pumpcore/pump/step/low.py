"""Low-glucose suspends: they begin and end by readings and by time, as the person has set them up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pumpcore.alarms import Kind
from pumpcore.pump.events import SuspendCause
from pumpcore.pump.modes import State, allowed
from pumpcore.pump.step.stopping import LOW_CAUSES, close_low, guard_facts, move
from pumpcore.therapy.low_suspend import LowFacts, LowWhy, low_suspend
from pumpcore.units import NEVER_US

if TYPE_CHECKING:
    from pumpcore.pump.state import PumpState
    from pumpcore.pump.step import Step

__all__ = ["end_low", "follow_glucose", "keep_suspended", "suspended_low"]


def suspended_low(s: PumpState) -> bool:
    """Return whether delivery is suspended for low glucose."""
    return s.state is State.SUSPENDED and s.suspension.cause in LOW_CAUSES


def follow_glucose(step: Step) -> None:
    """Suspend on low glucose, or end such a suspend."""
    s, settings = step.state, step.settings.low_suspend
    suspended = suspended_low(s)
    if settings is None or not (suspended or s.state is State.RUNNING):
        return
    window_us = settings.preset.window_us
    spans = tuple(span for span in s.sensor.spans if span[1] > s.now_us - window_us)
    s.sensor = s.sensor._replace(spans=spans)
    facts = LowFacts(
        now_us=s.now_us,
        day=s.sensor.last_24h,
        suspended_us=s.suspension.since_us if suspended else None,
        used_us=sum(end - max(begin, s.now_us - window_us) for begin, end in spans),
        ended_us=s.sensor.longest_us,
        by_hand_us=s.sensor.resumed_us,
    )
    decision = low_suspend(settings, facts)
    if decision.suspend:
        if not suspended:
            predicted = decision.why is LowWhy.PREDICTED_LOW
            step.raise_alarm(Kind.GLUCOSE_LOW_PREDICTED if predicted else Kind.GLUCOSE_LOW)
            move(
                step,
                "suspend",
                cause=SuspendCause.PREDICTED_LOW_GLUCOSE if predicted else SuspendCause.LOW_GLUCOSE,
            )
        until_us = NEVER_US if decision.until_us is None else decision.until_us
        s.suspension = s.suspension._replace(until_us=until_us)
    elif suspended:
        end_low(step, longest=decision.why is LowWhy.LONGEST)


def end_low(step: Step, *, longest: bool) -> None:
    """Resume from a low-glucose suspend; where that may not be, it stays suspended until the person resumes."""
    s = step.state
    if longest:
        s.sensor = s.sensor._replace(longest_us=s.now_us)
    if allowed(s.state, "resume", guard_facts(s)):
        move(step, "resume")
    else:
        keep_suspended(s)


def keep_suspended(s: PumpState) -> None:
    """Make a low-glucose suspend the person's: only the person ends it."""
    close_low(s)
    s.suspension = s.suspension._replace(cause=SuspendCause.PERSON, until_us=NEVER_US)
