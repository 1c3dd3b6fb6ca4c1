"""Boluses: checked, begun, ended, and recorded once nothing of them is open any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pumpcore.alarms import Kind
from pumpcore.errors import LimitError, ModeError, QuantityError
from pumpcore.frozen import replace
from pumpcore.pump.effects import BolusDelivered, BolusProgrammed, EndReason
from pumpcore.pump.ledger import Account
from pumpcore.pump.modes import State
from pumpcore.pump.state import with_item, without
from pumpcore.therapy.bolus import Bolus, BolusPart, parts_of
from pumpcore.therapy.iob import InsulinPart
from pumpcore.units import US_PER_HOUR

if TYPE_CHECKING:
    from pumpcore._kernel import Progress
    from pumpcore.pump.events import ProposeBolus
    from pumpcore.pump.state import PumpState
    from pumpcore.pump.step import Step

__all__ = [
    "bolus_now",
    "check_bolus",
    "end_bolus",
    "end_finished",
    "part_of",
    "record_bolus",
    "rest_of",
    "start_bolus",
    "start_part",
    "take_back",
    "to_come_uu",
]


def part_of(s: PumpState, bolus_id: int) -> InsulinPart:
    """Return what insulin of a bolus, or of basal (0), is for."""
    if not bolus_id:
        return InsulinPart.BASAL
    return InsulinPart.MEAL if s.boluses.active[bolus_id].for_meal else InsulinPart.CORRECTION


def bolus_now(s: PumpState, bolus: Bolus) -> Bolus:
    """Return what became of a bolus so far; once it is ending, what is not delivered will not be."""
    account, step_uu = s.ledger.boluses[bolus.id], s.config.device.step_uu
    delivered_uu = account.counted * step_uu
    lost_uu = (account.missed + account.failed) * step_uu
    return replace(
        bolus,
        delivered_uu=delivered_uu,
        not_delivered_uu=bolus.programmed_uu - delivered_uu if bolus.id in s.boluses.ending else lost_uu,
        uncertain_uu=account.uncertain * step_uu,
    )


def to_come_uu(s: PumpState) -> int:
    """Return what running boluses have still to deliver."""
    return sum(bolus_now(s, bolus).remaining_uu for bolus in s.boluses.active.values())


def check_bolus(step: Step, request: ProposeBolus) -> tuple[BolusPart, ...]:
    """Return the parts of a bolus, if mode, device, limits, reservoir and insulin on board allow it now."""
    s, device = step.state, step.device
    limits = s.settings.limits
    if s.state is not State.RUNNING:
        raise ModeError(s.state.value, "bolus")
    if request.extended_uu and device.extended_meal_only and not request.for_meal:
        raise QuantityError("for_meal", request.for_meal, f"must be true: {device.id} extends only meal boluses")
    parts = parts_of(
        request.fast_uu,
        request.extended_uu,
        request.extended_us,
        device=device,
        limits=limits,
        speed=request.speed,
    )
    amount_uu, ahead_uu = request.fast_uu + request.extended_uu, to_come_uu(s)
    left_uu = max((s.reservoir.amount_uu or 0) - ahead_uu, 0)
    if amount_uu > left_uu:
        raise LimitError("reservoir_uu", amount_uu, left_uu, "uu")
    # What this step itself has ordered counts in full.
    fresh_uu = sum(amount for _, amount, part in step.bookings if part is not InsulinPart.BASAL)
    on_board_uu = s.iob.at(s.now_us).counted_uu + fresh_uu
    limits.check("max_iob_uu", on_board_uu + ahead_uu + amount_uu)
    # A bolus that a cap would cut short is refused before it begins.
    hour_steps, day_steps = s.engine.window_steps
    within_hour_uu = request.fast_uu + -(-request.extended_uu * US_PER_HOUR // max(request.extended_us, US_PER_HOUR))
    limits.check("max_hour_uu", hour_steps * device.step_uu + ahead_uu + within_hour_uu)
    limits.check("max_day_uu", day_steps * device.step_uu + ahead_uu + amount_uu)
    return parts


def start_bolus(
    step: Step, parts: tuple[BolusPart, ...], activation: int, *, for_meal: bool = False, speed: str | None = None
) -> None:
    """Begin a bolus that was checked."""
    s = step.state
    by_channel = {part.channel: part for part in parts}
    fast, extended = by_channel.get("bolus"), by_channel.get("extended")
    bolus = Bolus(
        id=s.boluses.next_id,
        at_us=s.now_us,
        fast_uu=fast.amount_uu if fast else 0,
        extended_uu=extended.amount_uu if extended else 0,
        extended_us=extended.duration_us if extended else 0,
        activation=activation,
        for_meal=for_meal,
        speed=speed,
    )
    watch_hour(step, bolus.programmed_uu)
    active = with_item(s.boluses.active, bolus.id, bolus)
    s.boluses = s.boluses._replace(active=active, next_id=bolus.id + 1, last_us=s.now_us)
    s.ledger.boluses[bolus.id] = Account()
    for part in parts:
        start_part(s, bolus.id, part)
    step.say(BolusProgrammed(s.now_us, bolus))


def watch_hour(step: Step, amount_uu: int) -> None:
    """Alert when the boluses of the last hour are large, where the device does so."""
    s, percent = step.state, step.device.hour_alert_percent
    if percent is None:
        return
    recent = (*(each for each in s.boluses.recent if each[0] > s.now_us - US_PER_HOUR), (s.now_us, amount_uu))
    s.boluses = s.boluses._replace(recent=recent)
    if sum(each for _, each in recent) * 100 > (s.settings.limits.max_bolus_uu or 0) * percent:
        step.raise_alarm(Kind.BOLUS_HOUR)


def start_part(s: PumpState, bolus_id: int, part: BolusPart) -> None:
    """Give one part of a bolus to the kernel."""
    start_us = s.now_us + s.config.device.bolus_start_delay_us
    train = s.engine.start_train(
        part.channel, duration_us=part.duration_us, amount_uu=part.amount_uu, start_us=start_us
    )
    trains = with_item(s.boluses.trains, train, bolus_id)
    s.boluses = s.boluses._replace(
        trains=trains, ends_us=with_item(s.boluses.ends_us, train, start_us + part.duration_us)
    )


def rest_of(s: PumpState, progress: Progress) -> BolusPart:
    """Return what is left of a train: its remaining steps over its remaining time."""
    remaining_uu = progress.remaining_steps * s.config.device.step_uu
    if progress.channel == "bolus":
        speed = s.boluses.active[s.boluses.trains[progress.train]].speed
        return BolusPart("bolus", s.config.device.bolus_duration_us(remaining_uu, mode=speed), remaining_uu)
    return BolusPart("extended", max(s.boluses.ends_us[progress.train] - s.now_us, 1), remaining_uu)


def take_back(s: PumpState, train: int) -> None:
    """Take a train back from the kernel."""
    s.engine.cancel(train)
    forget_train(s, train)


def forget_train(s: PumpState, train: int) -> None:
    """Forget a train that the kernel does not have any more."""
    trains, ends_us = without(s.boluses.trains, train), without(s.boluses.ends_us, train)
    s.boluses = s.boluses._replace(trains=trains, ends_us=ends_us)


def end_finished(step: Step) -> None:
    """End the trains that the kernel has finished; a bolus is over with its last one."""
    s = step.state
    running = {progress.train for progress in s.engine.progress}
    for train, bolus_id in s.boluses.trains.items():
        if train not in running:
            forget_train(s, train)
            if bolus_id not in s.boluses.trains.values():
                end_bolus(step, bolus_id, EndReason.OVER)


def end_bolus(step: Step, bolus_id: int, reason: EndReason) -> None:
    """End a bolus: it is recorded once the outcome of its last pulse is known, so that the record is true."""
    s = step.state
    if bolus_id not in s.boluses.ending:
        s.boluses = s.boluses._replace(ending=with_item(s.boluses.ending, bolus_id, reason))
    record_bolus(step, bolus_id)


def record_bolus(step: Step, bolus_id: int) -> None:
    """Record a bolus that is ending, if no outcome is awaited: delivered and not delivered are all of it."""
    s = step.state
    if bolus_id not in s.boluses.ending or s.ledger.boluses[bolus_id].outstanding:
        return
    ended = bolus_now(s, s.boluses.active[bolus_id])
    reason = s.boluses.ending[bolus_id]
    ending, active = without(s.boluses.ending, bolus_id), without(s.boluses.active, bolus_id)
    s.boluses = s.boluses._replace(ending=ending, active=active)
    step.say(BolusDelivered(s.now_us, ended, reason))
