"""The mode machine moves: what a stop ends or holds, and what a resume brings back, as the suspend policy says.

The rule of this file: a fault ends everything. Nothing here can refuse a stop, and nothing a resume that the table
allows: what cannot be brought back is ended, or proposed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pumpcore.alarms import Kind
from pumpcore.errors import LimitError
from pumpcore.limits import HARD_LIMITS
from pumpcore.pump.effects import EndReason, ModeChanged, RateCause
from pumpcore.pump.events import Activation, ProposeBolus, SuspendCause
from pumpcore.pump.modes import GuardFacts, State
from pumpcore.pump.step.basal import end_temp, follow_rate
from pumpcore.pump.step.boluses import end_bolus, rest_of, start_bolus, start_part, take_back
from pumpcore.pump.step.proposals import propose, something_changed
from pumpcore.therapy.bolus import BolusPart
from pumpcore.units import NEVER_US

if TYPE_CHECKING:
    from pumpcore.pump.state import PumpState
    from pumpcore.pump.step import Step

__all__ = ["LOW_CAUSES", "close_low", "guard_facts", "move"]

LOW_CAUSES: Final = frozenset({SuspendCause.LOW_GLUCOSE, SuspendCause.PREDICTED_LOW_GLUCOSE})


def guard_facts(s: PumpState) -> GuardFacts:
    """Return what the guards of the mode table may ask."""
    return GuardFacts(
        time_set=s.local.anchor is not None,
        limits_set=not s.settings.limits.unset(),
        profile_set=s.basal.plan is not None,
        reservoir_attached=s.reservoir.amount_uu is not None,
        reservoir_filled=(s.reservoir.amount_uu or 0) >= s.config.device.step_uu,
        primed=s.reservoir.primed,
        set_off_body=s.reservoir.set_off_body,
        tubing_primed=s.reservoir.tubing_primed,
        no_stopping_alarm=not s.board.stopping,
    )


def move(step: Step, trigger: str, *, cause: SuspendCause | None = None, until_us: int = NEVER_US) -> None:
    """Ask the mode machine; stop or start delivery as the new state demands.

    Args:
        step: the step under way.
        trigger: of the mode table.
        cause: why delivery is suspended, where it is suspended by this.
        until_us: when that suspend ends by itself.

    Raises:
        ModeError: the table does not allow it now.
    """
    s = step.state
    before = s.state
    step.machine.restore(before)
    s.state = step.machine.step(trigger, guard_facts(s))
    if s.state is before:
        return
    step.due = None
    step.say(ModeChanged(s.now_us, before, s.state, trigger))
    something_changed(s)
    if before is State.SUSPENDED:
        close_low(s)
    if before is State.RUNNING:
        stop(step)
    elif before is State.SUSPENDED and s.state is not State.RUNNING:
        end_suspended(step)
    if s.state is State.RUNNING:
        resume_delivery(step)
    elif s.state is State.SUSPENDED:
        if cause is not None:
            s.suspension = s.suspension._replace(cause=cause, until_us=until_us)
    else:
        cause = SuspendCause.ALARM if s.state is State.ALARM else None
        s.suspension = s.suspension._replace(cause=cause, until_us=NEVER_US)


def stop(step: Step) -> None:
    """End or hold what is running, as the suspend policy says; a fault ends it all."""
    s, policy = step.state, step.state.policy
    fault = s.state is State.ALARM
    s.suspension = s.suspension._replace(since_us=s.now_us, until_us=NEVER_US, missed_uu=0, misses=not fault)
    progress = {each.train: each for each in s.engine.progress}
    for train, bolus_id in s.boluses.trains.items():
        held = (*s.suspension.held, (bolus_id, rest_of(s, progress[train])))
        s.suspension = s.suspension._replace(held=held)
        take_back(s, train)
    if fault or not policy.keeps_boluses:
        end_held(step, EndReason.ERROR_ABORT if fault else EndReason.CANCELED)
    if s.basal.temp is not None and (fault or not policy.keeps_temp):
        end_temp(step, EndReason.ERROR_ABORT if fault else EndReason.CANCELED)
    if not policy.keeps_rest:
        s.engine.drop_rest()
    follow_rate(step, RateCause.STOPPED)


def close_low(s: PumpState) -> None:
    """Book a low-glucose suspend that ends now, or is overlaid: it counts toward the longest time that is allowed.

    What it has withheld is not made up, whatever becomes of it.
    """
    if s.suspension.cause in LOW_CAUSES:
        s.sensor = s.sensor._replace(spans=(*s.sensor.spans, (s.suspension.since_us, s.now_us)))
        s.suspension = s.suspension._replace(misses=False, missed_uu=0)


def end_suspended(step: Step) -> None:
    """End what a suspend has held: from here on nothing goes on by itself."""
    s = step.state
    reason = EndReason.ERROR_ABORT if s.state is State.ALARM else EndReason.CANCELED
    s.suspension = s.suspension._replace(misses=False, missed_uu=0)
    end_held(step, reason)
    if s.basal.temp is not None:
        end_temp(step, reason)


def end_held(step: Step, reason: EndReason) -> None:
    """End every bolus, and say so: nobody has cancelled just them. Nothing of them is with the kernel any more."""
    s = step.state
    s.suspension = s.suspension._replace(held=())
    for bolus_id in s.boluses.active:
        if bolus_id not in s.boluses.ending:
            end_bolus(step, bolus_id, reason)
            step.raise_alarm(Kind.BOLUS_CANCELED, f"{bolus_id}")


def resume_delivery(step: Step) -> None:
    """Begin, or resume: the profile's rate for this time of day applies, and what the policy brings back."""
    s, stopped, policy = step.state, step.state.suspension, step.state.policy
    s.suspension = stopped._replace(misses=False, missed_uu=0, cause=None, until_us=NEVER_US)
    follow_rate(step, RateCause.STARTED)
    in_time = s.now_us - stopped.since_us <= policy.makes_up_us and stopped.cause is not SuspendCause.ALARM
    if stopped.held and not in_time:
        end_held(step, EndReason.CANCELED)
    held = s.suspension.held
    s.suspension = s.suspension._replace(held=())
    for bolus_id, part in held:
        try:
            start_part(s, bolus_id, part)
        except LimitError:
            end_bolus(step, bolus_id, EndReason.CANCELED)
    # What was withheld because of low glucose is not made up.
    by_hand = stopped.cause in {SuspendCause.PERSON, SuspendCause.REMOTE}
    if stopped.missed_uu and in_time and policy.makes_up_us and by_hand:
        make_up(step, stopped.missed_uu)
    elif stopped.cause is SuspendCause.DISCONNECT:
        offer_missed(step, stopped.missed_uu)


def make_up(step: Step, missed_uu: int) -> None:
    """Deliver what a pause has missed, as its policy promises; propose it where the kernel has no room for it."""
    s = step.state
    part = BolusPart("extended", step.device.bolus_duration_us(missed_uu), missed_uu)
    if len(s.boluses.trains) < HARD_LIMITS["trains"].largest and missed_uu <= (s.reservoir.amount_uu or 0):
        try:
            s.engine.copy().start_train("extended", duration_us=part.duration_us, amount_uu=missed_uu)
        except LimitError:
            offer_missed(step, missed_uu)
        else:
            start_bolus(step, (part,), Activation.COMMANDED)
    else:
        offer_missed(step, missed_uu)


def offer_missed(step: Step, missed_uu: int) -> None:
    """Propose what a disconnect has missed, as far as the device can deliver it as a bolus; never automatic."""
    device, limits = step.device, step.settings.limits
    amount_uu = device.bolus_bands_uu.round_down(min(missed_uu, limits.max_bolus_uu or 0))
    if amount_uu >= device.bolus_uu.least:
        propose(step, ProposeBolus(step.to_us, fast_uu=amount_uu, activation=Activation.RECOMMENDED), amount_uu)
