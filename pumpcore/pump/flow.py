"""What a step does whatever the event: time passes, insulin is ordered and booked, modes and alarms follow.

The rule of this file: each function takes the step under way (`Turn`) and changes its state, or takes the state and
only answers. When a step of insulin is due is the kernel's business, how much at most that of the limits, what may
happen now that of the mode table, and what a person must know that of the alarms; here they are asked in order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from pumpcore import alarms
from pumpcore._kernel import CHANNELS
from pumpcore.alarms import Kind
from pumpcore.errors import LimitError, ModeError, QuantityError
from pumpcore.frozen import replace
from pumpcore.limits import TABLE
from pumpcore.pump.config import zone_of
from pumpcore.pump.effects import (
    BolusDelivered,
    BolusProgrammed,
    EndReason,
    FirePulse,
    ModeChanged,
    ProposalDropped,
    Proposed,
    RateCause,
    RateChanged,
    StepsMissed,
    TempEnded,
)
from pumpcore.pump.events import Activation, ProposeBolus, SuspendCause
from pumpcore.pump.ledger import Account, Fate
from pumpcore.pump.modes import Facts, Mode, State, allowed
from pumpcore.pump.turn import NEVER_US
from pumpcore.therapy.bolus import Bolus, Part, Proposal, parts_of
from pumpcore.therapy.glucose import READING_US_MAX, LowFacts, LowWhy, low_suspend
from pumpcore.therapy.iob import Part as IobPart
from pumpcore.therapy.profile import rate_segments, utc_offset_us
from pumpcore.units import US_PER_DAY, US_PER_HOUR

if TYPE_CHECKING:
    from pumpcore._kernel import Progress
    from pumpcore.pump.events import Request
    from pumpcore.pump.turn import PumpState, Turn
    from pumpcore.therapy.profile import BasalProfile

Channel = Literal["basal", "extended", "bolus"]
Cause = Literal["late", "cap", "empty", "failed", "stopped"]

PROPOSALS_KEPT: Final = 8
UNCERTAIN_MOST: Final = 100  # pulses of which nobody knows; then the actuator counts as faulty
LOW_CAUSES: Final = frozenset({SuspendCause.LOW_GLUCOSE, SuspendCause.PREDICTED_LOW_GLUCOSE})
ENDS_WITH: Final = {
    Kind.DISCONNECT_OVER: SuspendCause.DISCONNECT,
    Kind.GLUCOSE_LOW: SuspendCause.LOW_GLUCOSE,
    Kind.GLUCOSE_LOW_PREDICTED: SuspendCause.PREDICTED_LOW_GLUCOSE,
}
"""Annunciations whose cause is a suspend: gone with it, however it ends or by what it is overlaid."""
LOOK_AHEAD_US: Final = 26 * US_PER_HOUR  # past the next midnight even on a day of 25 hours


def pass_time(turn: Turn) -> None:
    """Deliver up to the event's instant, through all that changes by itself on the way. Never refused."""
    s = turn.state
    s.seen_us = turn.to_us
    late_us = turn.to_us - turn.config.lateness_us
    follow_rate(turn, RateCause.PROFILE)  # a raise that had to wait for the actuator may be possible now
    while True:
        stale = stale_us(s)
        edge_us = min(turn.to_us, s.profile_edge_us, s.temp_until_us, s.until_us, stale)
        deliver(turn, edge_us, late_us)
        if edge_us == s.temp_until_us:
            end_temp(turn, EndReason.OVER)
        if edge_us == s.profile_edge_us:
            look_up(s)
            follow_rate(turn, RateCause.PROFILE)
        if edge_us == s.until_us:
            end_wait(turn)
        if edge_us == stale:
            follow_glucose(turn)
        if edge_us == turn.to_us:
            break
    expire(turn)


def expire(turn: Turn) -> None:
    """Drop proposals whose time is over, and take pulses that nobody answers for as uncertain."""
    s = turn.state
    for proposal in [each for each in s.proposals.values() if each.expires_us < turn.to_us]:
        del s.proposals[proposal.id]
        turn.say(ProposalDropped(turn.to_us, proposal.id, "expired"))
        if isinstance(proposal.request, ProposeBolus):
            announce(turn, Kind.BOLUS_NOT_CONFIRMED, f"{proposal.id}")
    for seq in [seq for seq, order in s.ledger.orders.items() if is_overdue(order.at_us, turn)]:
        if s.ledger.order(seq).fate is Fate.OUTSTANDING:
            settle(turn, seq, Fate.UNCERTAIN)
    if len(s.ledger.boluses) > len(s.boluses) + 1:
        s.ledger.prune(s.boluses)


def end_wait(turn: Turn) -> None:
    """Do what a timed suspend does at its end: remind of a disconnect; end a low-glucose suspend, if it may."""
    s = turn.state
    s.until_us = NEVER_US
    if s.cause is SuspendCause.DISCONNECT:
        announce(turn, Kind.DISCONNECT_OVER)
    elif s.cause in LOW_CAUSES:
        end_low(turn, longest=True)


def stale_us(s: PumpState) -> int:
    """Say when the latest reading grows too old for a low-glucose suspend to go on by it."""
    latest = s.glucose.latest
    if s.state is not State.SUSPENDED or s.cause not in LOW_CAUSES or latest is None:
        return NEVER_US
    stale = latest.at_us + READING_US_MAX + 1
    return stale if stale > s.now_us else NEVER_US


def follow_glucose(turn: Turn) -> None:
    """Suspend on low glucose, or end such a suspend, as the person has set it up."""
    s, settings = turn.state, turn.config.low_suspend
    suspended = s.state is State.SUSPENDED and s.cause in LOW_CAUSES
    if settings is None or not (suspended or s.state is State.RUNNING):
        return
    window_us = settings.preset.window_us
    s.low_spans = tuple(span for span in s.low_spans if span[1] > s.now_us - window_us)
    facts = LowFacts(
        now_us=s.now_us,
        day=s.glucose,
        suspended_us=s.suspended_us if suspended else None,
        used_us=sum(end - max(begin, s.now_us - window_us) for begin, end in s.low_spans),
        ended_us=s.low_ended_us,
        by_hand_us=s.low_by_hand_us,
    )
    decision = low_suspend(settings, facts)
    if decision.suspend and not suspended:
        predicted = decision.why is LowWhy.PREDICTED_LOW
        s.cause = SuspendCause.PREDICTED_LOW_GLUCOSE if predicted else SuspendCause.LOW_GLUCOSE
        announce(turn, Kind.GLUCOSE_LOW_PREDICTED if predicted else Kind.GLUCOSE_LOW)
        move(turn, "suspend")
    if decision.suspend:
        s.until_us = NEVER_US if decision.until_us is None else decision.until_us
        return
    if suspended:
        end_low(turn, longest=decision.why is LowWhy.LONGEST)


def end_low(turn: Turn, *, longest: bool) -> None:
    """Resume from a low-glucose suspend; where that may not be, it stays suspended until the person resumes."""
    s = turn.state
    if longest:
        s.low_ended_us = s.now_us
    if allowed(s.state, "resume", facts(s)):
        move(turn, "resume")
    else:
        close_low(s)
        s.cause, s.until_us = SuspendCause.PERSON, NEVER_US


def close_low(s: PumpState) -> None:
    """Book a low-glucose suspend that ends now, or is overlaid: it counts toward the longest time that is allowed.

    What it has withheld is not made up, whatever becomes of it.
    """
    if s.cause in LOW_CAUSES:
        s.low_spans = (*s.low_spans, (s.suspended_us, s.now_us))
        s.misses, s.missed_uu = False, 0


def is_overdue(at_us: int, turn: Turn) -> bool:
    """Say whether the outcome of a pulse has stayed open for too long."""
    return at_us + turn.config.unanswered_us <= turn.to_us


def deliver(turn: Turn, to_us: int, late_us: int) -> None:
    """Let the kernel run to `to_us`: what fell due up to `late_us` is missed, the rest commanded."""
    s = turn.state
    s.now_us = to_us
    if s.state is not State.RUNNING:
        # Steps that fell due before the stop and still waited for the grid or the gap do not leave any more.
        skip(turn, to_us, "stopped")
    else:
        late_to_us = min(to_us, late_us)
        if late_to_us > s.engine.now_us and skip(turn, late_to_us, "late"):
            announce(turn, Kind.STEPS_MISSED)
        deliver_now(turn, to_us)
    if s.trains:
        running = {progress.train for progress in s.engine.progress}
        for train in [train for train in s.trains if train not in running]:
            end_train(turn, train)
    follow_schedule(turn, to_us)


def skip(turn: Turn, to_us: int, cause: Cause) -> bool:
    """Let the kernel run to `to_us` and command nothing; say whether steps were missed by that."""
    missed = turn.state.engine.skip(to_us)
    for channel, train, steps in missed:
        miss(turn, channel, train, steps, cause)
    return bool(missed)


def deliver_now(turn: Turn, to_us: int) -> None:
    """Let the kernel run to `to_us` and command what leaves until then."""
    s = turn.state
    # An alarm about what came late may have stopped it.
    if s.state is not State.RUNNING or to_us <= s.engine.now_us:
        return
    pulses = s.engine.advance(to_us)
    if pulses:
        columns = zip(pulses.at_us, pulses.channel, pulses.train, pulses.steps, strict=True)
        for at_us, code, train, steps in columns:
            command(turn, at_us, CHANNELS[code], train, steps)
    for name, train, steps in pulses.missed:
        miss(turn, name, train, steps, "cap")
        turn.capped = True
        announce(turn, Kind.MAX_DELIVERY)


def follow_schedule(turn: Turn, to_us: int) -> None:
    """Let the profile alone run to `to_us`: insulin on board counts against it, and a suspend misses it."""
    s = turn.state
    if to_us > s.scheduled.now_us:
        baseline = s.scheduled.advance(to_us)
        if baseline:
            step_uu = turn.config.device.step_uu
            turn.bookings.extend((at_us, -step_uu, IobPart.BASAL) for at_us in baseline.at_us)
    if to_us > s.missing.now_us:
        s.missed_uu += len(s.missing.advance(to_us)) * turn.config.device.step_uu


def command(turn: Turn, at_us: int, channel: Channel, train: int, steps: int) -> None:
    """Order one pulse, as far as there is insulin for it."""
    s, step_uu = turn.state, turn.config.device.step_uu
    there = min(steps, (s.reservoir_uu or 0) // step_uu)
    if there < steps:
        miss(turn, channel, train, steps - there, "empty")
    if not there:
        return
    amount_uu = there * step_uu
    s.reservoir_uu = (s.reservoir_uu or 0) - amount_uu
    bolus_id = s.trains.get(train, 0)
    part = part_of(s, bolus_id)
    seq = s.ledger.command(at_us, bolus_id, there, channel=channel, part=part)
    turn.bookings.append((at_us, amount_uu, part))
    turn.say(FirePulse(at_us, seq, channel, bolus_id, there, amount_uu))


def part_of(s: PumpState, bolus_id: int) -> IobPart:
    """Say what insulin of a bolus, or of basal (0), is for."""
    if not bolus_id:
        return IobPart.BASAL
    return IobPart.MEAL if s.boluses[bolus_id].for_meal else IobPart.CORRECTION


def miss(turn: Turn, channel: Channel, train: int, steps: int, cause: Cause) -> None:
    """Book steps that fell due and will not be delivered, and say so."""
    bolus_id = turn.state.trains.get(train, 0)
    turn.state.ledger.miss(bolus_id, steps)
    amount_uu = steps * turn.config.device.step_uu
    turn.say(StepsMissed(turn.to_us, channel, bolus_id, steps, amount_uu, cause))


def look_up(s: PumpState) -> None:
    """Ask the week plan which rate holds now, and until when.

    Where the wall clock is beyond the instants for which local time is known, the last rate goes on: a clock must never
    stop basal.
    """
    if s.plan is None or s.anchor is None:
        s.profile_rate, s.profile_edge_us = 0, NEVER_US
        return
    wall_us = TABLE["wall_clock_us"].largest - s.anchor.shift_us
    until_us = min(s.now_us + LOOK_AHEAD_US, TABLE["time_us"].largest, wall_us)
    if until_us <= s.now_us or s.anchor.utc_us(s.now_us) < 0:
        s.profile_edge_us = NEVER_US
        return
    segments = rate_segments(
        s.plan,
        device=s.config.device,
        zone=zone_of(s.zone),
        anchor=s.anchor,
        from_us=s.now_us,
        to_us=until_us,
    )
    s.profile_rate = next(segments, (s.now_us, 0))[1]
    s.profile_edge_us = next(segments, (until_us, 0))[0]


def available(s: PumpState) -> dict[str, BasalProfile]:
    """List the basal profiles that are in force or stored, by name."""
    in_force = {} if s.plan is None else {profile.name: profile for profile in s.plan.profiles()}
    return in_force | {name: profile for name, profile in s.profiles.items() if name not in in_force}


def profile_name(s: PumpState) -> str | None:
    """Say which profile holds on this weekday."""
    if s.plan is None or s.anchor is None:
        return None
    return s.plan.profile_at(s.anchor.utc_us(s.now_us), zone_of(s.zone)).name


def programmed_rate(s: PumpState) -> int:
    """Say which rate is programmed now, whether it is delivered or not."""
    return s.profile_rate if s.temp is None else s.temp.over(s.profile_rate, s.config.device)


def follow_rate(turn: Turn, cause: RateCause) -> None:
    """Give the kernel the rate that is in force now.

    An actuator with a gap may have to work off a bolus first: then the lower rate goes on until a later step.
    """
    s = turn.state
    s.scheduled.set_rate(s.profile_rate)
    rate = programmed_rate(s)
    s.missing.set_rate(rate if s.misses else 0)
    if s.state is not State.RUNNING:
        rate = 0
    if rate == s.engine.rate_uu_per_h:
        return
    try:
        s.engine.set_rate(rate)
    except LimitError:
        if s.engine.rate_uu_per_h == 0:
            announce(turn, Kind.MAX_DELIVERY)
        return
    turn.say(RateChanged(s.now_us, rate, cause))


def end_temp(turn: Turn, reason: EndReason) -> None:
    """End the temp basal; the rate of the profile for this time of day applies."""
    s, by_controller = turn.state, turn.state.controller_temp
    s.temp, s.controller_temp = None, False
    turn.say(TempEnded(s.now_us, reason))
    if not by_controller:
        announce(turn, Kind.TBR_OVER if reason is EndReason.OVER else Kind.TBR_CANCELED)
    elif reason is EndReason.OVER:
        announce(turn, Kind.CONTROLLER_EXPIRED)
    follow_rate(turn, RateCause.TEMP_OVER if reason is EndReason.OVER else RateCause.TEMP_CANCELED)


def bolus_now(s: PumpState, bolus: Bolus) -> Bolus:
    """Say what became of a bolus so far; once it is ending, what is not delivered will not be."""
    account, step_uu = s.ledger.boluses[bolus.id], s.config.device.step_uu
    delivered_uu = account.counted * step_uu
    lost_uu = (account.missed + account.failed) * step_uu
    return replace(
        bolus,
        delivered_uu=delivered_uu,
        not_delivered_uu=bolus.programmed_uu - delivered_uu if bolus.id in s.ending else lost_uu,
        uncertain_uu=account.uncertain * step_uu,
    )


def end_train(turn: Turn, train: int) -> None:
    """Take a train as done; its bolus is over with its last one."""
    s = turn.state
    bolus_id = s.trains.pop(train)
    del s.ends_us[train]
    if bolus_id not in s.trains.values():
        end_bolus(turn, bolus_id, EndReason.OVER)


def end_bolus(turn: Turn, bolus_id: int, reason: EndReason) -> None:
    """End a bolus: it is recorded once the outcome of its last pulse is known, so that the record is true."""
    turn.state.ending.setdefault(bolus_id, reason)
    record_bolus(turn, bolus_id)


def record_bolus(turn: Turn, bolus_id: int) -> None:
    """Record a bolus that is ending, if no outcome is awaited: delivered and not delivered are all of it."""
    s = turn.state
    if bolus_id not in s.ending or s.ledger.boluses[bolus_id].outstanding:
        return
    ended = bolus_now(s, s.boluses[bolus_id])
    reason = s.ending.pop(bolus_id)
    del s.boluses[bolus_id]
    turn.say(BolusDelivered(s.now_us, ended, reason))


def start_bolus(
    turn: Turn, parts: tuple[Part, ...], activation: int, *, for_meal: bool = False, speed: str | None = None
) -> None:
    """Begin a bolus that was checked."""
    s = turn.state
    by_channel = {part.channel: part for part in parts}
    fast, extended = by_channel.get("bolus"), by_channel.get("extended")
    bolus = Bolus(
        id=s.next_bolus_id,
        at_us=s.now_us,
        fast_uu=fast.amount_uu if fast else 0,
        extended_uu=extended.amount_uu if extended else 0,
        extended_us=extended.duration_us if extended else 0,
        activation=activation,
        for_meal=for_meal,
        speed=speed,
    )
    s.bolus_us = s.now_us
    watch_hour(turn, bolus.programmed_uu)
    s.next_bolus_id += 1
    s.boluses[bolus.id] = bolus
    s.ledger.boluses[bolus.id] = Account()
    for part in parts:
        start_part(s, bolus.id, part)
    turn.say(BolusProgrammed(s.now_us, bolus))


def watch_hour(turn: Turn, amount_uu: int) -> None:
    """Tell of boluses that are many for one hour, where the device does so."""
    s, percent = turn.state, turn.config.device.hour_alert_percent
    if percent is None:
        return
    recent = (*(each for each in s.hour_boluses if each[0] > s.now_us - US_PER_HOUR), (s.now_us, amount_uu))
    s.hour_boluses = recent
    if sum(each for _, each in recent) * 100 > (s.limits.max_bolus_uu or 0) * percent:
        announce(turn, Kind.BOLUS_HOUR)


def start_part(s: PumpState, bolus_id: int, part: Part) -> None:
    """Give one part of a bolus to the kernel."""
    start_us = s.now_us + s.config.device.bolus_start_delay_us
    train = s.engine.start_train(
        part.channel, duration_us=part.duration_us, amount_uu=part.amount_uu, start_us=start_us
    )
    s.trains[train] = bolus_id
    s.ends_us[train] = start_us + part.duration_us


def to_come_uu(s: PumpState) -> int:
    """Sum up what running boluses have still to deliver."""
    return sum(bolus_now(s, bolus).remaining_uu for bolus in s.boluses.values())


def check_bolus(turn: Turn, request: ProposeBolus) -> tuple[Part, ...]:
    """Let a bolus through that may be delivered now: by mode, device, limits, reservoir and insulin on board."""
    s, config = turn.state, turn.config
    if s.state is not State.RUNNING:
        raise ModeError(s.state.value, "bolus")
    if request.extended_uu and config.device.extended_meal_only and not request.for_meal:
        raise QuantityError("for_meal", request.for_meal, f"must be true: {config.device.id} extends only meal boluses")
    parts = parts_of(
        request.fast_uu,
        request.extended_uu,
        request.extended_us,
        device=config.device,
        limits=s.limits,
        speed=request.speed,
    )
    amount_uu, ahead_uu = request.fast_uu + request.extended_uu, to_come_uu(s)
    left_uu = max((s.reservoir_uu or 0) - ahead_uu, 0)
    if amount_uu > left_uu:
        raise LimitError("reservoir_uu", amount_uu, left_uu, "uu")
    # What this step itself has commanded counts in full.
    fresh_uu = sum(amount for _, amount, part in turn.bookings if part is not IobPart.BASAL)
    on_board_uu = turn.iob.at(s.now_us).counted_uu + fresh_uu
    s.limits.check("max_iob_uu", on_board_uu + ahead_uu + amount_uu)
    # A bolus that a cap would cut short is refused before it begins.
    hour_steps, day_steps = s.engine.window_steps
    within_hour_uu = request.fast_uu + -(-request.extended_uu * US_PER_HOUR // max(request.extended_us, US_PER_HOUR))
    s.limits.check("max_hour_uu", hour_steps * config.device.step_uu + ahead_uu + within_hour_uu)
    s.limits.check("max_day_uu", day_steps * config.device.step_uu + ahead_uu + amount_uu)
    return parts


def facts(s: PumpState) -> Facts:
    """Gather what the guards of the mode table may ask."""
    return Facts(
        time_set=s.anchor is not None,
        limits_set=not s.limits.unset(),
        profile_set=s.plan is not None,
        reservoir_attached=s.reservoir_uu is not None,
        reservoir_filled=(s.reservoir_uu or 0) >= s.config.device.step_uu,
        primed=s.primed,
        set_off_body=s.set_off_body,
        tubing_primed=s.tubing_primed,
        no_stopping_alarm=not s.board.stopping,
    )


def move(turn: Turn, trigger: str) -> None:
    """Ask the mode machine; stop or start delivery as the new state demands."""
    s = turn.state
    before = s.state
    turn.machine.restore(before)
    s.state = turn.machine.step(trigger, facts(s))
    if s.state is before:
        return
    turn.due = None
    turn.say(ModeChanged(s.now_us, before, s.state, trigger))
    s.basis += 1
    if before is State.SUSPENDED:
        close_low(s)
    if before is State.RUNNING:
        stop(turn)
    elif before is State.SUSPENDED and s.state is not State.RUNNING:
        give_up(turn)
    if s.state is State.RUNNING:
        go_on(turn)
    elif s.state is not State.SUSPENDED:
        s.cause, s.until_us = SuspendCause.ALARM if s.state is State.ALARM else None, NEVER_US


def stop(turn: Turn) -> None:
    """End or hold what is running, as the suspend policy says; a fault ends it all."""
    s, policy = turn.state, turn.policy
    s.suspended_us, s.missed_uu, s.until_us = s.now_us, 0, NEVER_US
    fault = s.state is State.ALARM
    s.misses = not fault
    progress = {each.train: each for each in s.engine.progress}
    for train, bolus_id in list(s.trains.items()):
        s.held += ((bolus_id, rest_of(s, progress[train])),)
        end_with_kernel(s, train)
    if fault or not policy.keeps_boluses:
        end_held(turn, EndReason.ERROR_ABORT if fault else EndReason.CANCELED)
    if s.temp is not None and (fault or not policy.keeps_temp):
        end_temp(turn, EndReason.ERROR_ABORT if fault else EndReason.CANCELED)
    if not policy.keeps_rest:
        s.engine.drop_rest()
    follow_rate(turn, RateCause.STOPPED)


def end_with_kernel(s: PumpState, train: int) -> None:
    """Take a train back from the kernel."""
    s.engine.cancel(train)
    del s.trains[train]
    del s.ends_us[train]


def give_up(turn: Turn) -> None:
    """End what a suspend has held: from here on nothing goes on by itself."""
    reason = EndReason.ERROR_ABORT if turn.state.state is State.ALARM else EndReason.CANCELED
    turn.state.misses, turn.state.missed_uu = False, 0
    end_held(turn, reason)
    if turn.state.temp is not None:
        end_temp(turn, reason)


def end_held(turn: Turn, reason: EndReason) -> None:
    """End every bolus, and say so: nobody has cancelled just them. Nothing of them is with the kernel any more."""
    turn.state.held = ()
    for bolus_id in [each for each in turn.state.boluses if each not in turn.state.ending]:
        end_bolus(turn, bolus_id, reason)
        announce(turn, Kind.BOLUS_CANCELED, f"{bolus_id}")


def rest_of(s: PumpState, progress: Progress) -> Part:
    """Say what is left of a train: its remaining steps over its remaining time."""
    remaining_uu = progress.remaining_steps * s.config.device.step_uu
    if progress.channel == "bolus":
        speed = s.boluses[s.trains[progress.train]].speed
        return Part("bolus", s.config.device.bolus_duration_us(remaining_uu, mode=speed), remaining_uu)
    return Part("extended", max(s.ends_us[progress.train] - s.now_us, 1), remaining_uu)


def go_on(turn: Turn) -> None:
    """Begin, or resume: the profile's rate for this time of day applies, and what the policy brings back.

    Nothing here can refuse the resume: what cannot be brought back is ended, or offered.
    """
    s = turn.state
    missed_uu, cause = s.missed_uu, s.cause
    s.misses, s.missed_uu, s.cause, s.until_us = False, 0, None, NEVER_US
    follow_rate(turn, RateCause.STARTED)
    in_time = s.now_us - s.suspended_us <= turn.policy.makes_up_us and cause is not SuspendCause.ALARM
    if s.held and not in_time:
        end_held(turn, EndReason.CANCELED)
    held, s.held = s.held, ()
    for bolus_id, part in held:
        try:
            start_part(s, bolus_id, part)
        except LimitError:
            end_bolus(turn, bolus_id, EndReason.CANCELED)
    # What was withheld because of low glucose is not made up.
    if missed_uu and in_time and turn.policy.makes_up_us and cause in {SuspendCause.PERSON, SuspendCause.REMOTE}:
        make_up(turn, missed_uu)
    elif cause is SuspendCause.DISCONNECT:
        offer_missed(turn, missed_uu)


def make_up(turn: Turn, missed_uu: int) -> None:
    """Deliver what a pause has missed, as its policy promises; offer it where the kernel has no room for it."""
    part = Part("extended", turn.config.device.bolus_duration_us(missed_uu), missed_uu)
    if len(turn.state.trains) < TABLE["trains"].largest and missed_uu <= (turn.state.reservoir_uu or 0):
        try:
            turn.state.engine.copy().start_train("extended", duration_us=part.duration_us, amount_uu=missed_uu)
        except LimitError:
            offer_missed(turn, missed_uu)
        else:
            start_bolus(turn, (part,), Activation.COMMANDED)
    else:
        offer_missed(turn, missed_uu)


def offer_missed(turn: Turn, missed_uu: int) -> None:
    """Propose what a disconnect has missed, as far as the device can deliver it as a bolus; never automatic."""
    device = turn.config.device
    amount_uu = device.bolus_bands_uu.round_down(min(missed_uu, turn.state.limits.max_bolus_uu or 0))
    if amount_uu >= device.bolus_uu.least:
        propose(turn, ProposeBolus(turn.to_us, fast_uu=amount_uu, activation=Activation.RECOMMENDED), amount_uu)


def propose(turn: Turn, request: Request, amount_uu: int, *, by_advice: bool = False) -> None:
    """Offer something that adds insulin; where too many offers are open, the oldest makes way."""
    s = turn.state
    if len(s.proposals) >= PROPOSALS_KEPT:
        oldest = next(iter(s.proposals))
        del s.proposals[oldest]
        turn.say(ProposalDropped(turn.to_us, oldest, "replaced"))
    until_us = turn.to_us + turn.config.proposal_us
    basis_now = basis(s, by_advice=by_advice)
    proposal = Proposal(s.next_proposal_id, turn.to_us, until_us, request, basis_now, amount_uu, by_advice)
    s.next_proposal_id += 1
    s.proposals[proposal.id] = proposal
    turn.say(Proposed(turn.to_us, proposal))


def basis(s: PumpState, *, by_advice: bool) -> tuple[object, ...]:
    """Name what a proposal was computed from.

    Mode, clock, limits and plan by the number of their last change; a suggestion also from the latest reading and from
    all boluses before it.
    """
    if by_advice:
        latest = s.glucose.latest
        return (s.basis, s.next_bolus_id, None if latest is None else latest.at_us)
    return (s.basis,)


def announce(turn: Turn, kind: Kind, detail: str = "") -> None:
    """Put an annunciation on the board; one that stops delivery stops it now."""
    s = turn.state
    s.board, changes = s.board.raised(kind, s.now_us, detail)
    turn.effects.extend(changes)
    if alarms.TABLE[kind].stops_delivery:
        move(turn, "fault")


def vanish(turn: Turn, kind: Kind) -> None:
    """Note that the cause of an annunciation is no longer there."""
    turn.state.board, changes = turn.state.board.gone(kind, turn.state.now_us)
    turn.effects.extend(changes)


def settle(turn: Turn, seq: int, fate: Fate) -> None:
    """Book what became of a pulse, and say so where it is no good news."""
    s, step_uu = turn.state, turn.config.device.step_uu
    order = s.ledger.settle(seq, fate)
    amount_uu = order.steps * step_uu
    if fate is Fate.FAILED:
        # A reservoir that was measured since does not have it back twice.
        if s.reservoir_uu is not None and seq >= s.measured_seq:
            s.reservoir_uu = min(s.reservoir_uu + amount_uu, turn.config.device.reservoir_uu)
        if order.part is not None and order.channel != "prime":
            turn.say(StepsMissed(turn.to_us, order.channel, order.bolus_id, order.steps, amount_uu, "failed"))
            turn.returned.append((order.at_us, amount_uu, IobPart(order.part)))
    if order.bolus_id in s.boluses:
        record_bolus(turn, order.bolus_id)
    if fate is Fate.UNCERTAIN:
        announce(turn, Kind.PULSE_UNCERTAIN, f"{seq}")
        if s.ledger.count(Fate.UNCERTAIN) > UNCERTAIN_MOST:
            announce(turn, Kind.MECHANICAL_ISSUE, "the actuator does not answer")
    elif fate is Fate.FAILED:
        announce(turn, Kind.MECHANICAL_ISSUE, f"{seq}")


def look_around(turn: Turn) -> None:
    """Derive what the person must know now, and let sounds and escalations take their course."""
    s = turn.state
    observe(turn)
    if not turn.capped:
        vanish(turn, Kind.MAX_DELIVERY)
    s.board, changes = s.board.at(s.now_us)
    turn.effects.extend(changes)
    stopping = {each.id for each in s.board.active if each.row.stops_delivery}
    if stopping - turn.stopping and s.state is not State.ALARM:
        move(turn, "fault")
    elif s.state is State.ALARM and not stopping:
        move(turn, "clear")
    if turn.due is None:  # it has moved, and that may be news of its own
        observe(turn)
    for proposal in [each for each in s.proposals.values() if each.basis != basis(s, by_advice=each.by_advice)]:
        del s.proposals[proposal.id]
        turn.say(ProposalDropped(turn.to_us, proposal.id, "changed"))


def observe(turn: Turn) -> None:
    """Tell the board which causes are there now."""
    s = turn.state
    turn.due = due(s)
    s.board, changes = s.board.observed(turn.due.causes, alarms.DERIVED, s.now_us)
    turn.effects.extend(changes)
    for each in s.board.active:
        if s.cause is not ENDS_WITH.get(each.kind, s.cause):
            vanish(turn, each.kind)


def due(s: PumpState) -> alarms.Due:
    """Ask which causes of annunciations are there."""
    rate = s.engine.rate_uu_per_h
    left_us = None if s.reservoir_uu is None or not rate else s.reservoir_uu * US_PER_HOUR // rate
    state = s.state
    stopped = state is State.SUSPENDED or state is State.ALARM
    meal = meal_window(s)
    facts = alarms.Facts(
        last_therapy_us=None
        if s.begun_us is None
        else max(s.ledger.last_therapy_us(s.config.alarms.watch.medium_us), s.begun_us),
        suspended_since_us=s.suspended_us if stopped and s.begun_us is not None else None,
        reservoir_uu=s.reservoir_uu if state.mode is not Mode.RESERVOIR_CHANGE else None,
        reservoir_left_us=left_us,
        reservoir_again_uu=s.config.device.low_reservoir_again_uu,
        step_uu=s.config.device.step_uu,
        battery_percent=s.battery_percent,
        set_since_us=s.connected_us,
        reservoir_since_us=s.loaded_us,
        person_us=s.person_us if state is State.RUNNING else None,
        auto_off_warning_us=s.config.device.auto_off_warning_us,
        bolus_us=s.bolus_us,
        meal_from_us=meal[0],
        meal_to_us=meal[1],
        glucose_us=None if s.glucose.latest is None else s.glucose.latest.at_us,
        sensor_us=s.sensor_us,
    )
    return alarms.derived(s.config.alarms, facts, s.now_us)


def meal_window(s: PumpState) -> tuple[int, int] | tuple[None, None]:
    """Say when the meal window that began last begins and ends, on monotonic time.

    Its edges are those that the local clock shows with today's offset from UTC.
    """
    if not s.config.meals or s.anchor is None or s.begun_us is None:
        return None, None
    utc_us = s.anchor.utc_us(s.now_us)
    midnight_us = s.now_us - (utc_us + utc_offset_us(zone_of(s.zone), utc_us)) % US_PER_DAY
    windows = [
        (day_us + from_us, day_us + to_us)
        for day_us in (midnight_us - US_PER_DAY, midnight_us)
        for from_us, to_us in s.config.meals
    ]
    return max((window for window in windows if s.begun_us <= window[0] <= s.now_us), default=(None, None))
