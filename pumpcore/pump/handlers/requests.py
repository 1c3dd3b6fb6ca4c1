"""What a step does for each request that takes effect at once."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from pumpcore.errors import ModeError, QuantityError
from pumpcore.frozen import fields
from pumpcore.limits import check
from pumpcore.pump.effects import EndReason, ProfileDeleted, ProfileStored, SettingsChanged
from pumpcore.pump.events import SuspendCause
from pumpcore.pump.modes import State
from pumpcore.pump.state import with_item, without
from pumpcore.pump.step.basal import end_temp
from pumpcore.pump.step.boluses import end_bolus, take_back
from pumpcore.pump.step.low import follow_glucose, keep_suspended, suspended_low
from pumpcore.pump.step.proposals import something_changed
from pumpcore.pump.step.stopping import LOW_CAUSES, close_low, move
from pumpcore.therapy.profile import check_stored
from pumpcore.units import NEVER_US

if TYPE_CHECKING:
    from pumpcore.pump import events
    from pumpcore.pump.step import Step


def change_settings(event: events.ChangeSettings, step: Step) -> None:
    s, device = step.state, step.device
    before, after = s.settings, event.settings.for_device(device)
    changed = tuple(each.name for each in fields(after) if getattr(after, each.name) != getattr(before, each.name))
    if s.basal.plan is not None and not after.limits.unset():
        s.basal.plan.check(device=device, limits=after.limits)
    if "suspend_policy" in changed and s.state is State.SUSPENDED:
        reason = "the suspend policy can only change while delivery is not suspended"
        raise ModeError(s.state.value, "change_settings", reason=reason)
    s.settings = after
    something_changed(s)
    s.engine.set_caps(hour_cap_uu=after.limits.max_hour_uu, day_cap_uu=after.limits.max_day_uu)
    if "curve" in changed:
        s.iob = s.iob.with_curve(after.curve)
    step.say(SettingsChanged(event.at_us, changed))
    if "controller" in changed and s.basal.by_controller:
        end_temp(step, EndReason.CANCELED)  # it was asked for under other bounds
    if after.limits.unset() and s.state is State.RUNNING:
        move(step, "suspend", cause=SuspendCause.PERSON)
    if "low_suspend" in changed:
        if after.low_suspend is None and suspended_low(s):
            keep_suspended(s)  # to turn a guard off must not start insulin by itself
        follow_glucose(step)


def store_profile(event: events.StoreProfile, step: Step) -> None:
    s, profile = step.state, event.profile
    check_stored(profile, s.basal.profiles, s.basal.plan, device=step.device)
    s.basal = s.basal._replace(profiles=with_item(s.basal.profiles, profile.name, profile))
    step.say(ProfileStored(event.at_us, profile.name))


def delete_profile(event: events.DeleteProfile, step: Step) -> None:
    s = step.state
    if s.basal.plan is not None and event.name in {profile.name for profile in s.basal.plan.profiles()}:
        raise QuantityError("name", event.name, "cannot be deleted: the profile is in force")
    if event.name not in s.basal.profiles:
        raise QuantityError("name", event.name, "is not a stored profile")
    s.basal = s.basal._replace(profiles=MappingProxyType(dict(without(s.basal.profiles, event.name))))
    step.say(ProfileDeleted(event.at_us, event.name))


def start(event: events.Start, step: Step) -> None:
    move(step, "start")
    if step.state.begun_us is None:
        step.state.begun_us = event.at_us


def suspend(event: events.Suspend, step: Step) -> None:
    s = step.state
    if event.cause not in {SuspendCause.PERSON, SuspendCause.REMOTE}:
        raise QuantityError("cause", event.cause.value, "cannot be asked for: callers may only use person or remote")
    move(step, "suspend")
    if s.state is State.SUSPENDED:
        close_low(s)
        s.suspension = s.suspension._replace(cause=event.cause, until_us=NEVER_US)


def disconnect(event: events.Disconnect, step: Step) -> None:
    s = step.state
    check("disconnect_us", event.duration_us, field="duration_us")
    if s.state is not State.RUNNING:
        raise ModeError(s.state.value, "disconnect")
    move(step, "suspend", cause=SuspendCause.DISCONNECT, until_us=event.at_us + event.duration_us)


def resume(event: events.Resume, step: Step) -> None:
    s = step.state
    was_low = s.suspension.cause in LOW_CAUSES
    move(step, "resume")
    if was_low:
        s.sensor = s.sensor._replace(resumed_us=event.at_us)


def cancel_bolus(event: events.CancelBolus, step: Step) -> None:
    s = step.state
    if event.bolus_id not in s.boluses.active or event.bolus_id in s.boluses.ending:
        raise QuantityError("bolus_id", event.bolus_id, "is not a bolus that runs")
    for train, bolus_id in s.boluses.trains.items():
        if bolus_id == event.bolus_id:
            take_back(s, train)
    held = tuple(each for each in s.suspension.held if each[0] != event.bolus_id)
    s.suspension = s.suspension._replace(held=held)
    end_bolus(step, event.bolus_id, EndReason.CANCELED)


def cancel_temp(event: events.CancelTemp, step: Step) -> None:
    del event
    if step.state.basal.temp is None:
        raise ModeError(step.state.state.value, "cancel_temp", reason="none is running")
    end_temp(step, EndReason.CANCELED)


def confirm_alarm(event: events.ConfirmAlarm, step: Step) -> None:
    step.state.board, changes = step.state.board.confirmed(event.alarm_id, event.at_us)
    step.effects.extend(changes)


def snooze_alarm(event: events.SnoozeAlarm, step: Step) -> None:
    step.state.board, changes = step.state.board.snoozed(event.alarm_id, event.at_us, event.duration_us)
    step.effects.extend(changes)


def pause_audio(event: events.PauseAudio, step: Step) -> None:
    step.state.board, changes = step.state.board.audio_paused(event.at_us, event.duration_us)
    step.effects.extend(changes)
