"""What a step does for each event: one function for each, and the table of them.

The rule of this file: a refusal is an exception, and the step is then taken back as a whole. What an event asks for
stands in the docstring of its class.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pumpcore.alarms import Kind
from pumpcore.errors import InvariantError, LimitError, ModeError, QuantityError
from pumpcore.limits import check
from pumpcore.pump import events
from pumpcore.pump.config import zone_of
from pumpcore.pump.effects import (
    BolusCalculated,
    EndReason,
    FirePulse,
    LimitsChanged,
    PrimePulse,
    ProfileActivated,
    ProfileDeleted,
    ProfileStored,
    ProposalDropped,
    RateCause,
    ReferenceTime,
    ReservoirChanged,
    TempEnded,
    TempStarted,
)
from pumpcore.pump.events import Activation, ProposeBolus, ProposePlan, ProposeTemp, ProposeWeek, SuspendCause
from pumpcore.pump.flow import (
    LOW_CAUSES,
    announce,
    available,
    basis,
    check_bolus,
    close_low,
    end_bolus,
    end_temp,
    end_with_kernel,
    follow_glucose,
    follow_rate,
    look_up,
    move,
    propose,
    settle,
    start_bolus,
    to_come_uu,
    vanish,
)
from pumpcore.pump.ledger import Fate
from pumpcore.pump.modes import State
from pumpcore.pump.turn import NEVER_US
from pumpcore.therapy.calculator import AdviceInputs, AdviceLimits, advise, policy
from pumpcore.therapy.glucose import READING_US_MAX, Quality, RateRequest, check_request
from pumpcore.therapy.profile import DAYS_PER_WEEK, AbsoluteTemp, PercentTemp, WeekPlan, check_room, check_stored
from pumpcore.units import whole_steps

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pumpcore.pump.effects import Effect
    from pumpcore.pump.turn import PumpState, Turn
    from pumpcore.therapy.profile import TempBasal

ANSWERS_KEPT: Final = 64

HARDWARE: Final = frozenset(
    {
        Kind.SYSTEM_ISSUE,
        Kind.MECHANICAL_ISSUE,
        Kind.OCCLUSION_DETECTED,
        Kind.PRIMING_ISSUE,
        Kind.INFUSION_SET_INCOMPLETE,
        Kind.INFUSION_SET_DETACHED,
        Kind.POWER_SOURCE_INSUFFICIENT,
        Kind.TEMPERATURE_OUT_OF_RANGE,
        Kind.AIR_PRESSURE_OUT_OF_RANGE,
        Kind.TEMPERATURE,
        Kind.DATE_TIME_ISSUE,
        Kind.RECORD_DAMAGED,
    }
)
"""What a part of the pump can report; everything else the pump derives itself."""


def tick(event: events.Tick, turn: Turn) -> None:
    del event, turn  # what time does by itself is done already


def pulse_confirmed(event: events.PulseConfirmed, turn: Turn) -> None:
    settle(turn, event.seq, Fate.CONFIRMED)


def pulse_failed(event: events.PulseFailed, turn: Turn) -> None:
    settle(turn, event.seq, Fate.FAILED)


def pulse_unknown(event: events.PulseUnknown, turn: Turn) -> None:
    settle(turn, event.seq, Fate.UNCERTAIN)


def reservoir_removed(event: events.ReservoirRemoved, turn: Turn) -> None:
    s = turn.state
    s.reservoir_uu = None
    s.primed = False
    turn.say(ReservoirChanged(event.at_us, None))
    if s.state not in {State.REWIND, State.LOAD}:
        announce(turn, Kind.RESERVOIR_ISSUE)


def reservoir_measured(event: events.ReservoirMeasured, turn: Turn) -> None:
    s = turn.state
    if event.amount_uu < 0:
        raise LimitError("amount_uu", event.amount_uu, 0, "uu")
    if event.amount_uu > turn.config.device.reservoir_uu:
        raise LimitError("amount_uu", event.amount_uu, turn.config.device.reservoir_uu, "uu")
    s.reservoir_uu, s.measured_seq = event.amount_uu, s.ledger.next_seq
    vanish(turn, Kind.RESERVOIR_ISSUE)
    turn.say(ReservoirChanged(event.at_us, event.amount_uu))


def fault_detected(event: events.FaultDetected, turn: Turn) -> None:
    if event.kind not in HARDWARE:
        raise QuantityError("kind", event.kind.value, "is nothing that a part of the pump reports")
    announce(turn, event.kind)


def fault_gone(event: events.FaultGone, turn: Turn) -> None:
    if event.kind not in HARDWARE:
        raise QuantityError("kind", event.kind.value, "is nothing that a part of the pump reports")
    vanish(turn, event.kind)


def battery_measured(event: events.BatteryMeasured, turn: Turn) -> None:
    check("battery_percent", event.percent, field="percent")
    turn.state.battery_percent = event.percent


def clock_set(event: events.ClockSet, turn: Turn) -> None:
    s = turn.state
    zone_of(event.zone)
    check("wall_clock_us", event.anchor.utc_us(event.at_us), field="anchor")
    before_us = None if s.anchor is None else s.anchor.shift_us
    s.anchor, s.zone = event.anchor, event.zone
    s.basis += 1
    look_up(s)
    turn.say(ReferenceTime(event.at_us, before_us, event.anchor.shift_us, event.zone))
    follow_rate(turn, RateCause.CLOCK)


def set_limits(event: events.SetLimits, turn: Turn) -> None:
    s = turn.state
    if s.plan is not None and not event.limits.unset():
        s.plan.check(device=turn.config.device, limits=event.limits)
    s.limits = event.limits
    s.basis += 1
    s.engine.set_caps(hour_cap_uu=event.limits.max_hour_uu, day_cap_uu=event.limits.max_day_uu)
    turn.say(LimitsChanged(event.at_us))
    if event.limits.unset() and s.state is State.RUNNING:
        move(turn, "suspend")
        s.cause = SuspendCause.PERSON


def store_profile(event: events.StoreProfile, turn: Turn) -> None:
    s, profile = turn.state, event.profile
    check_stored(profile, s.profiles, s.plan, device=turn.config.device)
    s.profiles[profile.name] = profile
    turn.say(ProfileStored(event.at_us, profile.name))


def delete_profile(event: events.DeleteProfile, turn: Turn) -> None:
    s = turn.state
    if s.plan is not None and event.name in {profile.name for profile in s.plan.profiles()}:
        raise QuantityError("name", event.name, "is in force")
    if s.profiles.pop(event.name, None) is None:
        raise QuantityError("name", event.name, "is no profile that is stored")
    turn.say(ProfileDeleted(event.at_us, event.name))


def start(event: events.Start, turn: Turn) -> None:
    move(turn, "start")
    if turn.state.begun_us is None:
        turn.state.begun_us = event.at_us


def suspend(event: events.Suspend, turn: Turn) -> None:
    s = turn.state
    if event.cause not in {SuspendCause.PERSON, SuspendCause.REMOTE}:
        raise QuantityError("cause", event.cause.value, "is no cause that somebody can give")
    move(turn, "suspend")
    if s.state is State.SUSPENDED:
        close_low(s)
        s.cause, s.until_us = event.cause, NEVER_US


def disconnect(event: events.Disconnect, turn: Turn) -> None:
    s = turn.state
    check("disconnect_us", event.duration_us, field="duration_us")
    if s.state is not State.RUNNING:
        raise ModeError(s.state.value, "disconnect")
    move(turn, "suspend")
    s.cause = SuspendCause.DISCONNECT
    s.until_us = event.at_us + event.duration_us


def resume(event: events.Resume, turn: Turn) -> None:
    s = turn.state
    was_low = s.cause in LOW_CAUSES
    move(turn, "resume")
    if was_low:
        s.low_by_hand_us = event.at_us


def cancel_bolus(event: events.CancelBolus, turn: Turn) -> None:
    s = turn.state
    if event.bolus_id not in s.boluses or event.bolus_id in s.ending:
        raise QuantityError("bolus_id", event.bolus_id, "is no bolus that runs")
    for train in [train for train, bolus_id in s.trains.items() if bolus_id == event.bolus_id]:
        end_with_kernel(s, train)
    s.held = tuple(held for held in s.held if held[0] != event.bolus_id)
    end_bolus(turn, event.bolus_id, EndReason.CANCELED)


def cancel_temp(event: events.CancelTemp, turn: Turn) -> None:
    if turn.state.temp is None:
        raise ModeError(turn.state.state.value, "cancel_temp", "a temp basal runs")
    del event
    end_temp(turn, EndReason.CANCELED)


def begin_change(event: events.BeginChange, turn: Turn) -> None:
    s = turn.state
    s.set_off_body = event.set_off_body
    move(turn, "begin_change")
    s.primed = s.tubing_primed = False
    s.connected_us = s.loaded_us = None


def rewound(event: events.Rewound, turn: Turn) -> None:
    del event
    move(turn, "rewound")


def loaded(event: events.Loaded, turn: Turn) -> None:
    move(turn, "loaded")
    turn.state.loaded_us = event.at_us


def prime(event: events.Prime, turn: Turn) -> None:
    s = turn.state
    if s.state not in {State.PRIME, State.FILL}:
        raise ModeError(s.state.value, "prime")
    check("prime_uu" if s.state is State.PRIME else "fill_uu", event.amount_uu, field="amount_uu")
    steps = whole_steps(event.amount_uu, turn.config.device.step_uu, field="amount_uu")
    if event.amount_uu > (s.reservoir_uu or 0):
        raise LimitError("reservoir_uu", event.amount_uu, s.reservoir_uu or 0, "uu")
    s.reservoir_uu = (s.reservoir_uu or 0) - event.amount_uu
    seq = s.ledger.command(event.at_us, 0, steps, channel="prime", part=None)
    s.tubing_primed = True
    turn.say(PrimePulse(event.at_us, seq, steps, event.amount_uu))


def primed(event: events.Primed, turn: Turn) -> None:
    del event
    move(turn, "primed")


def filled(event: events.Filled, turn: Turn) -> None:
    del event
    move(turn, "filled")


def connected(event: events.Connected, turn: Turn) -> None:
    s = turn.state
    move(turn, "connected")
    s.primed, s.set_off_body, s.connected_us = True, False, event.at_us
    s.ledger.file_uncertain()


def abort_change(event: events.AbortChange, turn: Turn) -> None:
    del event
    move(turn, "abort_change")


def confirm_alarm(event: events.ConfirmAlarm, turn: Turn) -> None:
    turn.state.board, changes = turn.state.board.confirmed(event.alarm_id, event.at_us)
    turn.effects.extend(changes)


def snooze_alarm(event: events.SnoozeAlarm, turn: Turn) -> None:
    turn.state.board, changes = turn.state.board.snoozed(event.alarm_id, event.at_us, event.duration_us)
    turn.effects.extend(changes)


def pause_audio(event: events.PauseAudio, turn: Turn) -> None:
    turn.state.board, changes = turn.state.board.audio_paused(event.at_us, event.duration_us)
    turn.effects.extend(changes)


def propose_bolus(event: ProposeBolus, turn: Turn) -> None:
    check_bolus(turn, event)
    propose(turn, event, event.fast_uu + event.extended_uu)


def propose_temp(event: ProposeTemp, turn: Turn) -> None:
    temp = check_temp(event, turn.state)
    if adds(temp, turn.state):
        propose(turn, event, 0)
    else:
        start_temp(turn, temp)


def propose_plan(event: ProposePlan, turn: Turn) -> None:
    check_plan(event, turn.state)
    propose(turn, event, 0)


def propose_week(event: ProposeWeek, turn: Turn) -> None:
    profiles = available(turn.state)
    names = event.days * DAYS_PER_WEEK if len(event.days) == 1 else event.days
    for i, name in enumerate(names):
        if name not in profiles:
            known = ", ".join(profiles) or "nothing yet"
            raise QuantityError(f"days[{i}]", name, f"is no profile that is stored: there is {known}")
    propose_plan(ProposePlan(event.at_us, WeekPlan(tuple(profiles[name] for name in names))), turn)


def confirm(event: events.Confirm, turn: Turn) -> None:
    s = turn.state
    if event.proposal_id in s.answers:
        turn.effects.extend(s.answers[event.proposal_id])
        return
    proposal = s.proposals.get(event.proposal_id)
    if proposal is None:
        raise QuantityError("proposal_id", event.proposal_id, "is no proposal that can be confirmed")
    if proposal.basis != basis(s, by_advice=proposal.by_advice):
        raise QuantityError("proposal_id", event.proposal_id, "was computed from what has changed since")
    del s.proposals[proposal.id]
    before = len(turn.effects)
    request = proposal.request
    if isinstance(request, ProposeBolus):
        parts = check_bolus(turn, request)
        start_bolus(turn, parts, request.activation, for_meal=request.for_meal, speed=request.speed)
    elif isinstance(request, ProposeTemp):
        start_temp(turn, check_temp(request, s))
    elif isinstance(request, ProposePlan):
        check_plan(request, s)
        keep_profiles(s, request.plan)
        s.plan = request.plan
        s.basis += 1
        look_up(s)
        turn.say(ProfileActivated(event.at_us, tuple(profile.name for profile in s.plan.profiles())))
        follow_rate(turn, RateCause.PROFILE)
    else:
        raise InvariantError(f"a proposal of {type(request).__name__}")
    keep_answer(s.answers, proposal.id, turn.effects[before:])


def reject(event: events.Reject, turn: Turn) -> None:
    if turn.state.proposals.pop(event.proposal_id, None) is None:
        raise QuantityError("proposal_id", event.proposal_id, "is no proposal")
    turn.say(ProposalDropped(event.at_us, event.proposal_id, "rejected"))


def check_temp(request: ProposeTemp, s: PumpState) -> TempBasal:
    """Let a temp basal through that may run from now on."""
    if s.state is not State.RUNNING or s.plan is None:
        raise ModeError(s.state.value, "temp_basal")
    temp: TempBasal
    if (request.rate_uu_per_h is None) == (request.percent is None):
        raise QuantityError("rate_uu_per_h", request.rate_uu_per_h, "or percent must be given, and not both")
    if request.percent is None:
        temp = AbsoluteTemp(s.now_us, request.duration_us, request.rate_uu_per_h or 0)
    else:
        temp = PercentTemp(s.now_us, request.duration_us, request.percent)
    temp.check(plan=s.plan, device=s.config.device, limits=s.limits)
    return temp


def adds(temp: TempBasal, s: PumpState) -> bool:
    """Say whether a temp basal could deliver more than the plan at any time of any day."""
    rates = [segment.rate_uu_per_h for profile in s.plan.profiles() for segment in profile.segments] if s.plan else []
    return any(temp.over(rate, s.config.device) > rate for rate in rates)


def start_temp(turn: Turn, temp: TempBasal, cause: RateCause = RateCause.TEMP_STARTED) -> None:
    s = turn.state
    s.controller_temp = False
    if s.temp is not None:
        turn.say(TempEnded(s.now_us, EndReason.CANCELED))
    s.temp = temp
    absolute = temp.rate_uu_per_h if isinstance(temp, AbsoluteTemp) else None
    percent = temp.percent if isinstance(temp, PercentTemp) else None
    turn.say(TempStarted(s.now_us, s.temp_until_us, absolute, percent))
    follow_rate(turn, cause)


def check_plan(request: ProposePlan, s: PumpState) -> None:
    request.plan.check(device=s.config.device, limits=s.limits)
    check_room({profile.name for profile in request.plan.profiles()} | s.profiles.keys(), s.config.device)
    if s.temp is not None:
        s.temp.check(plan=request.plan, device=s.config.device, limits=s.limits)


def keep_profiles(s: PumpState, plan: WeekPlan) -> None:
    """Keep the profiles of the plan that goes, as far as the device has room; one of the same name makes way for it."""
    coming = {profile.name: profile for profile in plan.profiles()}
    most = s.config.device.profiles
    going = () if s.plan is None else s.plan.profiles()
    for profile in going:
        if profile.name not in coming and len(coming.keys() | s.profiles.keys() | {profile.name}) <= most:
            s.profiles[profile.name] = profile


def ask_advice(event: events.AskAdvice, turn: Turn) -> None:
    s, calculator = turn.state, turn.config.calculator
    if calculator is None:
        raise ModeError(s.state.value, "advice", "the bolus calculator is set up")
    latest = s.glucose.latest
    fresh = latest is not None and latest.quality is Quality.GOOD and s.now_us - latest.at_us <= READING_US_MAX
    on_board, ahead_uu = turn.iob.at(s.now_us), to_come_uu(s)
    inputs = AdviceInputs(
        now_us=s.now_us,
        carbs_mg=event.carbs_mg,
        carb_ratio_mg_per_u=calculator.carb_ratio_mg_per_u,
        glucose=latest if fresh else None,
        sensitivity=calculator.sensitivity,
        target_low=calculator.target_low,
        target_high=calculator.target_high,
        iob_uu=on_board.counted_uu + ahead_uu,
        meal_iob_uu=on_board.meal_uu,
        correction_iob_uu=on_board.correction_uu + ahead_uu,
    )
    device = turn.config.device
    bounds = AdviceLimits(max_bolus_uu=s.limits.max_bolus_uu or 0, step_uu=device.step_uu, hard_low=calculator.hard_low)
    answer = advise(policy(calculator.policy), inputs, bounds)
    turn.say(BolusCalculated(event.at_us, answer))
    amount_uu = device.bolus_bands_uu.round_down(answer.suggested_uu)
    if amount_uu >= device.bolus_uu.least:
        request = ProposeBolus(
            event.at_us, fast_uu=amount_uu, activation=Activation.RECOMMENDED, for_meal=bool(event.carbs_mg)
        )
        check_bolus(turn, request)
        propose(turn, request, amount_uu, by_advice=True)


def glucose_measured(event: events.GlucoseMeasured, turn: Turn) -> None:
    s = turn.state
    s.glucose, _ = s.glucose.with_reading(event.reading, now_us=event.at_us)
    if not event.by_meter:
        s.sensor_us = max(s.sensor_us or 0, event.reading.at_us)
    follow_glucose(turn)


def controller_asks(event: events.ControllerAsks, turn: Turn) -> None:
    s, request = turn.state, event.request
    if request.id in s.controller_answers:
        turn.effects.extend(s.controller_answers[request.id])
        return
    if request.id <= s.controller_id:
        raise QuantityError("request.id", request.id, f"is older than the last one, {s.controller_id}")
    check_request(request, bounds=turn.config.controller, now_us=event.at_us)
    before = len(turn.effects)
    if isinstance(request, RateRequest):
        asked = ProposeTemp(event.at_us, request.duration_us, rate_uu_per_h=request.rate_uu_per_h)
        start_temp(turn, check_temp(asked, s), RateCause.CONTROLLER)
        s.controller_temp = True
    else:
        bolus = ProposeBolus(event.at_us, fast_uu=request.amount_uu, activation=Activation.COMMANDED)
        start_bolus(turn, check_bolus(turn, bolus), bolus.activation)
    s.controller_id = request.id
    keep_answer(s.controller_answers, request.id, turn.effects[before:])


def command(event: events.Command, turn: Turn) -> None:
    s = turn.state
    if event.id in s.command_answers:
        turn.effects.extend(s.command_answers[event.id])
        return
    if not turn.config.remote:
        raise ModeError(s.state.value, "command", "remote control is on")
    if event.id <= s.command_id:
        raise QuantityError("id", event.id, f"is older than the last one, {s.command_id}")
    if event.at_us > event.expires_us:
        raise LimitError("expires_us", event.expires_us, event.at_us, "us")
    if event.known != s.changes:
        raise QuantityError("known", event.known, f"is not what is so: {s.changes} changes have happened")
    before = len(turn.effects)
    HANDLERS[type(event.request)](event.request, turn)
    s.command_id = event.id
    if isinstance(event.request, events.Request):
        s.person_us = event.at_us
    keep_answer(s.command_answers, event.id, turn.effects[before:])


def keep_answer(answers: dict[int, tuple[Effect, ...]], number: int, effects: list[Effect]) -> None:
    """Remember what was answered, so that the same number is answered again and never carried out again.

    An order is given once: it is no part of what is said again.
    """
    answers[number] = tuple(effect for effect in effects if not isinstance(effect, FirePulse | PrimePulse))
    while len(answers) > ANSWERS_KEPT:
        del answers[next(iter(answers))]


HANDLERS: Final[Mapping[type[events.Event], Callable[..., None]]] = {
    events.Tick: tick,
    events.PulseConfirmed: pulse_confirmed,
    events.PulseFailed: pulse_failed,
    events.PulseUnknown: pulse_unknown,
    events.ReservoirRemoved: reservoir_removed,
    events.ReservoirMeasured: reservoir_measured,
    events.FaultDetected: fault_detected,
    events.FaultGone: fault_gone,
    events.BatteryMeasured: battery_measured,
    events.GlucoseMeasured: glucose_measured,
    events.ClockSet: clock_set,
    events.SetLimits: set_limits,
    events.StoreProfile: store_profile,
    events.DeleteProfile: delete_profile,
    events.Start: start,
    events.Suspend: suspend,
    events.Disconnect: disconnect,
    events.Resume: resume,
    events.CancelBolus: cancel_bolus,
    events.CancelTemp: cancel_temp,
    events.BeginChange: begin_change,
    events.Rewound: rewound,
    events.Loaded: loaded,
    events.Prime: prime,
    events.Primed: primed,
    events.Filled: filled,
    events.Connected: connected,
    events.AbortChange: abort_change,
    events.ConfirmAlarm: confirm_alarm,
    events.SnoozeAlarm: snooze_alarm,
    events.PauseAudio: pause_audio,
    events.ProposeBolus: propose_bolus,
    events.ProposeTemp: propose_temp,
    events.ProposePlan: propose_plan,
    events.ProposeWeek: propose_week,
    events.Confirm: confirm,
    events.Reject: reject,
    events.AskAdvice: ask_advice,
    events.ControllerAsks: controller_asks,
    events.Command: command,
}
"""What to do for each event."""
