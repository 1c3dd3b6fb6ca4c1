"""What a step does for each request that adds insulin: it is proposed, and begun once it is confirmed."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from pumpcore.errors import InvariantError, ModeError, QuantityError
from pumpcore.pump.effects import BolusCalculated, ProfileActivated, ProposalDropped, RateCause
from pumpcore.pump.events import Activation, ProposeBolus, ProposePlan, ProposeTemp
from pumpcore.pump.handlers.answers import with_answer
from pumpcore.pump.state import without
from pumpcore.pump.step.basal import (
    adds_insulin,
    available_profiles,
    check_temp,
    follow_rate,
    refresh_profile_rate,
    start_temp,
)
from pumpcore.pump.step.boluses import check_bolus, start_bolus, to_come_uu
from pumpcore.pump.step.proposals import basis_of, propose, something_changed
from pumpcore.therapy.best_glucose import after_low, best_glucose
from pumpcore.therapy.calculator import AdviceInputs, AdviceLimits, advise, policy
from pumpcore.therapy.profile import DAYS_PER_WEEK, WeekPlan, check_room

if TYPE_CHECKING:
    from pumpcore.pump import events
    from pumpcore.pump.state import PumpState
    from pumpcore.pump.step import Step


def propose_bolus(event: events.ProposeBolus, step: Step) -> None:
    check_bolus(step, event)
    propose(step, event, event.fast_uu + event.extended_uu)


def propose_temp(event: events.ProposeTemp, step: Step) -> None:
    temp = check_temp(event, step.state)
    if adds_insulin(temp, step.state):
        propose(step, event, 0)
    else:
        start_temp(step, temp)


def propose_plan(event: events.ProposePlan, step: Step) -> None:
    check_plan(event, step.state)
    propose(step, event, 0)


def propose_week(event: events.ProposeWeek, step: Step) -> None:
    profiles = available_profiles(step.state)
    names = event.days * DAYS_PER_WEEK if len(event.days) == 1 else event.days
    for i, name in enumerate(names):
        if name not in profiles:
            known = ", ".join(profiles) or "none yet"
            raise QuantityError(f"days[{i}]", name, f"is not a stored profile; stored: {known}")
    propose_plan(ProposePlan(event.at_us, WeekPlan(tuple(profiles[name] for name in names))), step)


def confirm(event: events.Confirm, step: Step) -> None:
    s = step.state
    if event.proposal_id in s.proposals.answers:
        step.effects.extend(s.proposals.answers[event.proposal_id])
        return
    proposal = s.proposals.open.get(event.proposal_id)
    if proposal is None:
        raise QuantityError("proposal_id", event.proposal_id, "is not an open proposal")
    if proposal.basis != basis_of(s, by_advice=proposal.by_advice):
        raise QuantityError("proposal_id", event.proposal_id, "cannot be confirmed: what it rests on has changed")
    s.proposals = s.proposals._replace(open=without(s.proposals.open, proposal.id))
    before = len(step.effects)
    request = proposal.request
    if isinstance(request, ProposeBolus):
        parts = check_bolus(step, request)
        start_bolus(step, parts, request.activation, for_meal=request.for_meal, speed=request.speed)
    elif isinstance(request, ProposeTemp):
        start_temp(step, check_temp(request, s))
    elif isinstance(request, ProposePlan):
        activate_plan(request, step)
    else:
        raise InvariantError(f"a proposal of {type(request).__name__}")
    answers = with_answer(s.proposals.answers, proposal.id, step.effects[before:])
    s.proposals = s.proposals._replace(answers=answers)


def reject(event: events.Reject, step: Step) -> None:
    s = step.state
    if event.proposal_id not in s.proposals.open:
        raise QuantityError("proposal_id", event.proposal_id, "is not an open proposal")
    s.proposals = s.proposals._replace(open=without(s.proposals.open, event.proposal_id))
    step.say(ProposalDropped(event.at_us, event.proposal_id, "rejected"))


def check_plan(request: ProposePlan, s: PumpState) -> None:
    """Refuse a plan that device, limits, or the temp basal that runs do not allow."""
    device, limits = s.config.device, s.settings.limits
    request.plan.check(device=device, limits=limits)
    check_room({profile.name for profile in request.plan.profiles()} | s.basal.profiles.keys(), device)
    if s.basal.temp is not None:
        s.basal.temp.check(plan=request.plan, device=device, limits=limits)


def activate_plan(request: ProposePlan, step: Step) -> None:
    """Put a plan in force; the profiles of the plan that goes are kept as far as the device has room."""
    s = step.state
    check_plan(request, s)
    coming = {profile.name: profile for profile in request.plan.profiles()}
    kept = dict(s.basal.profiles)
    for profile in () if s.basal.plan is None else s.basal.plan.profiles():
        # One of the same name makes way for what comes.
        if profile.name not in coming and len(coming.keys() | kept.keys() | {profile.name}) <= step.device.profiles:
            kept[profile.name] = profile
    s.basal = s.basal._replace(plan=request.plan, profiles=MappingProxyType(kept))
    something_changed(s)
    refresh_profile_rate(s)
    step.say(ProfileActivated(step.to_us, tuple(coming)))
    follow_rate(step, RateCause.PROFILE)


def ask_advice(event: events.AskAdvice, step: Step) -> None:
    s, calculator, device = step.state, step.settings.calculator, step.device
    if calculator is None:
        raise ModeError(s.state.value, "ask_advice", reason="the bolus calculator is not configured")
    sensor, meter = s.sensor.last_24h, s.sensor.meter_24h
    best = best_glucose(sensor, meter, s.now_us)
    on_board, ahead_uu = s.iob.at(s.now_us), to_come_uu(s)
    inputs = AdviceInputs(
        now_us=s.now_us,
        carbs_mg=event.carbs_mg,
        carb_ratio_mg_per_u=calculator.carb_ratio_mg_per_u,
        glucose=best.reading,
        too_old=best.too_old,
        low=after_low(sensor, meter, calculator.hard_low),
        sensitivity=calculator.sensitivity,
        target_low=calculator.target_low,
        target_high=calculator.target_high,
        iob_uu=on_board.counted_uu + ahead_uu,
        meal_iob_uu=on_board.meal_uu,
        correction_iob_uu=on_board.correction_uu + ahead_uu,
    )
    max_bolus_uu = step.settings.limits.max_bolus_uu or 0
    bounds = AdviceLimits(max_bolus_uu=max_bolus_uu, step_uu=device.step_uu, hard_low=calculator.hard_low)
    advice = advise(policy(calculator.policy or device.calculator_policy), inputs, bounds)
    step.say(BolusCalculated(event.at_us, advice))
    amount_uu = device.bolus_bands_uu.round_down(advice.suggested_uu)
    if amount_uu >= device.bolus_uu.least:
        request = ProposeBolus(
            event.at_us, fast_uu=amount_uu, activation=Activation.RECOMMENDED, for_meal=bool(event.carbs_mg)
        )
        check_bolus(step, request)
        propose(step, request, amount_uu, by_advice=True)
