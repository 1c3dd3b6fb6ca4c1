"""What each event of the specification is for the real pump.

The rule of this file: `ALPHABET` is the truth; an event of the specification is one event of the pump, or several at
once. A tick, a loss of power and a restart are done by the bench itself.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from pumpcore.alarms import Kind
from pumpcore.limits import Limits
from pumpcore.pump import events
from pumpcore.therapy.glucose import MgDl, Quality, Reading
from pumpcore.therapy.profile import Anchor
from specs.conformance.model import FULL_UU, MEANT, MINUTE, MONDAY, OTHER_PLAN, STEP_UU

if TYPE_CHECKING:
    from collections.abc import Callable

    from pumpcore.alarms import Annunciation
    from pumpcore.pump.state import PumpState
    from specs.conformance.model import Model

__all__ = ["ALPHABET", "REFUSED_ALWAYS", "events_of"]

SKIPPED: Final = 10
"""Numbers of commands are given in steps of so many: those between were passed over."""

MESSAGES_MOST: Final = 9
"""So many messages of one meaning have different values."""

BACKFILL: Final = (0, 4, 8)
"""How many minutes old the readings of one message are, the latest first: as many as a slope needs."""


def first_of(active: tuple[Annunciation, ...], kind: str) -> int | None:
    """Give the number of the active annunciation of a kind."""
    return next((each.id for each in active if each.kind.value == kind), None)


def offer_id(s: PumpState, index: int) -> int:
    """Give the number of the n-th proposal; where there are fewer, one that is of none any more, or never was."""
    numbers = list(s.proposals.open)
    if index < len(numbers):
        return numbers[index]
    gone = [
        each
        for each in range(1, s.proposals.next_id)
        if each not in s.proposals.open and each not in s.proposals.answers
    ]
    return gone[-1] if gone else s.proposals.next_id


def answered_id(s: PumpState) -> int:
    """Give the number of the proposal that was answered last, or of none."""
    return list(s.proposals.answers)[-1] if s.proposals.answers else s.proposals.next_id


def bolus_id_at(s: PumpState, index: int) -> int:
    """Give the number of the n-th bolus, or of none yet."""
    numbers = sorted(s.boluses.active)
    return numbers[index] if index < len(numbers) else s.boluses.next_id


def seq_at(s: PumpState, index: int) -> int:
    """Give the number of the n-th open pulse, or of none yet."""
    numbers = list(s.ledger.orders)
    return numbers[index] if index < len(numbers) else s.ledger.next_seq


def alarm_id(s: PumpState, kind: str) -> int:
    """Give the number of an annunciation, or of none yet."""
    return first_of(s.board.active, kind) or s.board.next_id


def _glucose(name: str, *, by_meter: bool = False) -> Callable[..., tuple[events.Event, ...]]:
    """Make the readings of one message, the latest first: that is too old at the very end of a tick.

    Each message has another value, however soon it comes: the very same reading again would be dropped.
    """
    least = MEANT[name]

    def made(s: PumpState, _: Model) -> tuple[events.Event, ...]:
        quality = Quality.DOUBTFUL if name == "doubtful" else Quality.GOOD
        value = MgDl(least + s.sensor.taken // len(BACKFILL) % MESSAGES_MOST)
        readings = (Reading(s.seen_us - 1 - minutes * MINUTE, value, quality) for minutes in BACKFILL)
        return tuple(events.GlucoseMeasured(s.seen_us, reading, by_meter=by_meter) for reading in readings)

    return made


def _plain(kind: Callable[..., events.Event], *arguments: object, **named: object) -> Callable[..., events.Event]:
    return lambda s, _: kind(s.seen_us, *arguments, **named)


def _choose(s: PumpState, **changes: Any) -> events.Event:  # noqa: ANN401 - any setting
    return events.ChangeSettings(s.seen_us, replace(s.settings, **changes))


def _temp(percent: int | None) -> Callable[..., events.Event]:
    """Ask for a temp basal in percent, or for the absolute one."""

    def made(s: PumpState, model: Model) -> events.Event:
        rate = model.flat_uu_per_h if percent is None else None
        return events.ProposeTemp(s.seen_us, model.ticks(30) * model.tick_us, percent=percent, rate_uu_per_h=rate)

    return made


def _command(
    request: Callable[..., events.Event],
    *,
    again: bool = False,
    old: bool = False,
    late: bool = False,
    aware: bool = True,
) -> Callable[..., events.Event]:
    """Send a request over a link; `again` and `old` come too late too, where no command came before them."""

    def made(s: PumpState, model: Model) -> events.Event:
        last = s.commands.last_id
        number = last if again and last else last - SKIPPED + 1 if old and last else last + SKIPPED
        too_late = late or again or (old and not last)
        known = s.changes if aware else s.changes - 1 if s.changes else 1
        asked: Any = request(s, model)  # what may be in a command says the command itself
        return events.Command(s.seen_us, number, s.seen_us - too_late, known, asked)

    return made


def _bolus(fast: int, extended: int) -> Callable[..., events.Event]:
    return lambda s, model: events.ProposeBolus(s.seen_us, fast * STEP_UU, extended * STEP_UU, extended * model.tick_us)


def _read(kind: str) -> Callable[..., events.Event]:
    return lambda s, _: events.ConfirmAlarm(s.seen_us, alarm_id(s, kind))


def _snooze(kind: str) -> Callable[..., events.Event]:
    return lambda s, model: events.SnoozeAlarm(s.seen_us, alarm_id(s, kind), min(10 * MINUTE, model.tick_us - MINUTE))


def _pulse(kind: Callable[..., events.Event], index: int) -> Callable[..., events.Event]:
    return lambda s, _: kind(s.seen_us, seq_at(s, index))


NAMES: Final = {
    "Occlusion": "occlusion_detected",
    "Mechanical": "mechanical_issue",
    "ReservoirIssue": "reservoir_issue",
    "ReservoirEmpty": "reservoir_empty",
    "ReservoirLow": "reservoir_low",
    "BatteryEmpty": "battery_empty",
    "BatteryLow": "battery_low",
    "Priming": "priming_issue",
    "Reminder": "no_delivery_reminder",
    "Medium": "no_delivery_medium",
    "High": "no_delivery_high",
    "Danger": "no_delivery_danger",
    "DisconnectOver": "disconnect_over",
    "BolusCanceled": "bolus_canceled",
    "TempOver": "tbr_over",
    "TempCanceled": "tbr_canceled",
    "NotConfirmed": "bolus_not_confirmed",
    "Uncertain": "pulse_uncertain",
    "AutoOff": "auto_off",
    "AutoOffSoon": "auto_off_soon",
    "Low": "glucose_low",
    "LowPredicted": "glucose_low_predicted",
    "LinkLost": "sensor_link_lost",
    "NoReading": "glucose_unknown",
}

REFUSED_ALWAYS: Final[dict[str, Callable[..., events.Event]]] = {
    "SuspendByAlarm": _plain(events.Suspend, events.SuspendCause.ALARM),
    "BeginChangeOnBody": _plain(events.BeginChange, set_off_body=False),
    "PrimeNothing": _plain(events.Prime, 0),
    "ProposeNothing": _bolus(0, 0),
    "ProposeTooMuch": _bolus(40, 0),
    "DisconnectForNoTime": _plain(events.Disconnect, 0),
    "ConfirmUnknown": lambda s, _: events.Confirm(s.seen_us, s.proposals.next_id),
    "RejectUnknown": lambda s, _: events.Reject(s.seen_us, s.proposals.next_id),
    "CancelUnknown": lambda s, _: events.CancelBolus(s.seen_us, s.boluses.next_id),
    "ReadUnknown": lambda s, _: events.ConfirmAlarm(s.seen_us, s.board.next_id),
    "ConfirmUnknownPulse": lambda s, _: events.PulseConfirmed(s.seen_us, s.ledger.next_seq),
    "FaultThatNoPartReports": _plain(events.FaultDetected, Kind.RESERVOIR_EMPTY),
    "MeasuredTooMuch": _plain(events.ReservoirMeasured, FULL_UU + STEP_UU),
    "AskController": _plain(events.AskAdvice, 10_000),
}
"""Requests that no state takes: none of them is in the specification."""

ALPHABET: Final[dict[str, Callable[..., events.Event | tuple[events.Event, ...]]]] = {
    "Start": _plain(events.Start),
    "Suspend": _plain(events.Suspend),
    "SuspendRemote": _plain(events.Suspend, events.SuspendCause.REMOTE),
    "Disconnect1": lambda s, model: events.Disconnect(s.seen_us, model.tick_us),
    "Disconnect2": lambda s, model: events.Disconnect(s.seen_us, 2 * model.tick_us),
    "Resume": _plain(events.Resume),
    "BeginChange": _plain(events.BeginChange, set_off_body=True),
    "Rewound": _plain(events.Rewound),
    "Loaded": _plain(events.Loaded),
    "PrimeStep": _plain(events.Prime, STEP_UU),
    "Primed": _plain(events.Primed),
    "Filled": _plain(events.Filled),
    "Connected": _plain(events.Connected),
    "AbortChange": _plain(events.AbortChange),
    "ReservoirRemoved": _plain(events.ReservoirRemoved),
    "MeasuredEmpty": _plain(events.ReservoirMeasured, 0),
    "MeasuredFew": lambda s, model: events.ReservoirMeasured(s.seen_us, int(model.constants["Few"]) * STEP_UU),
    "MeasuredPlenty": _plain(events.ReservoirMeasured, FULL_UU),
    "BatteryGood": _plain(events.BatteryMeasured, 90),
    "BatteryLow": _plain(events.BatteryMeasured, 20),
    "BatteryEmpty": _plain(events.BatteryMeasured, 1),
    "FaultOcclusion": _plain(events.FaultDetected, Kind.OCCLUSION_DETECTED),
    "GoneOcclusion": _plain(events.FaultGone, Kind.OCCLUSION_DETECTED),
    "FaultPriming": _plain(events.FaultDetected, Kind.PRIMING_ISSUE),
    "GonePriming": _plain(events.FaultGone, Kind.PRIMING_ISSUE),
    "GoneMechanical": _plain(events.FaultGone, Kind.MECHANICAL_ISSUE),
    "ClockSet": lambda s, _: events.ClockSet(s.seen_us, Anchor(0, MONDAY), "UTC"),
    "LimitsSet": lambda s, model: _choose(s, limits=model.limits()),
    "GlucoseLow": _glucose("low"),
    "GlucoseFalling": _glucose("falling"),
    "GlucoseFine": _glucose("fine"),
    "GlucoseDoubtful": _glucose("doubtful"),
    "MeterLow": _glucose("low", by_meter=True),
    "MeterFine": _glucose("fine", by_meter=True),
    "LimitsUnset": lambda s, _: _choose(s, limits=Limits()),
    "ProposeOne": _bolus(1, 0),
    "ProposeTwo": _bolus(2, 0),
    "ProposeExtended": _bolus(0, 2),
    "ProposeMultiwave": _bolus(1, 2),
    "ProposeFour": _bolus(4, 0),
    "TempNothing": _temp(0),
    "TempHalf": _temp(50),
    "TempDouble": _temp(200),
    "TempFlat": _temp(None),
    "CancelTemp": _plain(events.CancelTemp),
    "ProposePlan": lambda s, model: events.ProposePlan(s.seen_us, model.plan()),
    "ProposeOther": lambda s, model: events.ProposePlan(s.seen_us, model.plan(OTHER_PLAN)),
    "ConfirmOne": lambda s, _: events.Confirm(s.seen_us, offer_id(s, 0)),
    "ConfirmTwo": lambda s, _: events.Confirm(s.seen_us, offer_id(s, 1)),
    "ConfirmAgain": lambda s, _: events.Confirm(s.seen_us, answered_id(s)),
    "RejectOne": lambda s, _: events.Reject(s.seen_us, offer_id(s, 0)),
    "CancelBolusOne": lambda s, _: events.CancelBolus(s.seen_us, bolus_id_at(s, 0)),
    "CancelBolusTwo": lambda s, _: events.CancelBolus(s.seen_us, bolus_id_at(s, 1)),
    "AllowRemote": lambda s, _: _choose(s, remote=True),
    "ForbidRemote": lambda s, _: _choose(s, remote=False),
    "CommandTemp": _command(_temp(0)),
    "CommandTwo": _command(_bolus(2, 0)),
    "CommandConfirm": _command(lambda s, _: events.Confirm(s.seen_us, offer_id(s, 0))),
    "CommandResume": _command(_plain(events.Resume)),
    "CommandAgain": _command(_temp(0), again=True),
    "CommandLate": _command(_temp(0), late=True),
    "CommandUnaware": _command(_temp(0), aware=False),
    "CommandOld": _command(_temp(0), old=True),
    "ConfirmedFirst": _pulse(events.PulseConfirmed, 0),
    "ConfirmedSecond": _pulse(events.PulseConfirmed, 1),
    "FailedFirst": _pulse(events.PulseFailed, 0),
    "FailedSecond": _pulse(events.PulseFailed, 1),
    "UnknownFirst": _pulse(events.PulseUnknown, 0),
    "UnknownSecond": _pulse(events.PulseUnknown, 1),
    **{f"Read{name}": _read(kind) for name, kind in NAMES.items()},
    **{f"Snooze{name}": _snooze(kind) for name, kind in NAMES.items()},
    **REFUSED_ALWAYS,
}
"""What the specification's events are for the pump, one event or several at once; a tick, a loss of power and a restart
are others.
"""


def events_of(model: Model) -> tuple[str, ...]:
    """Return the alphabet of a model: its own events, and those that no state may ever take."""
    return (*sorted(model.constants["Events"]), *sorted(REFUSED_ALWAYS))
