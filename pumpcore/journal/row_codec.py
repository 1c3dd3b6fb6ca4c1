"""What a row says: an event and what the pump answered, as one line of JSON, and back.

The rule of this file: `[event, [effect, ...]]`. What comes with every pulse or every few minutes has a short form that
begins with a number (the tables below); everything else is written by `plain`, fields in the order of their class, and
begins with a word. The event's instant stands in the row; an effect's in a short form is how long before that it was.
There is one way to write each: what is read and would not be written the same is refused.

| event | is |
|---|---|
| `0` | Tick |
| `[1, seq]`, `[2, seq]`, `[3, seq]` | PulseConfirmed, PulseFailed, PulseUnknown |
| `[4, id, ago_us, rate_uu_per_h, duration_us]` | ControllerAsks for a rate |

| effect | is |
|---|---|
| `[0, ago_us, seq, channel, bolus_id, steps, amount_uu]` | FirePulse; channel 0, 1, 2 is basal, extended, bolus |
| `[1, ago_us, seq, steps, amount_uu]` | PrimePulse |
| `[2, ago_us, rate_uu_per_h, cause]` | RateChanged |
| `[3, ago_us, until_us, rate_uu_per_h, percent]` | TempStarted |
| `[4, ago_us, reason]` | TempEnded |
| `[5, ago_us, channel, bolus_id, steps, amount_uu, cause]` | StepsMissed |
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from pumpcore.alarms import AnnunciationChanged, Kind, Sound, What
from pumpcore.errors import JournalError
from pumpcore.journal.rows import Entry
from pumpcore.pump import effects as said
from pumpcore.pump import events
from pumpcore.pump.codec import UNREADABLE, Codec, parsed
from pumpcore.pump.effects import Effect
from pumpcore.therapy.envelope import RateRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pumpcore.pump.events import Event

__all__ = ["decode", "encode", "event_in"]

_CODEC: Final = Codec(by_name=False)
_CHANNELS: Final = ("basal", "extended", "bolus")
_CHANNEL_CODES: Final = {name: code for code, name in enumerate(_CHANNELS)}

# Plain ints, for an IntFlag takes microseconds to combine.
_FACT: Final = Entry.FACT.value
_REQUEST: Final = Entry.REQUEST.value
_COMMANDED: Final = Entry.COMMANDED.value
_PRIMED: Final = Entry.PRIMED.value
_MISSED: Final = Entry.MISSED.value
_PROGRAMMED: Final = Entry.PROGRAMMED.value
_ANNUNCIATION: Final = Entry.ANNUNCIATION.value
_UNCERTAIN: Final = Entry.UNCERTAIN.value

_OUTCOMES: Final[Mapping[type[Event], tuple[int, int]]] = {
    events.PulseConfirmed: (1, _FACT | Entry.CONFIRMED.value),
    events.PulseFailed: (2, _FACT | Entry.FAILED.value),
    events.PulseUnknown: (3, _FACT | _UNCERTAIN),
}
_OUTCOME_OF: Final = {code: kind for kind, (code, _) in _OUTCOMES.items()}

_ENTRIES: Final[Mapping[type, int]] = {
    said.ModeChanged: Entry.MODE.value,
    said.BolusProgrammed: _PROGRAMMED,
    said.BolusDelivered: _PROGRAMMED,
    said.ProfileActivated: _PROGRAMMED,
    said.SettingsChanged: _PROGRAMMED,
    said.BolusCalculated: Entry.CALCULATED.value,
    said.ReservoirChanged: Entry.RESERVOIR.value,
    said.ReferenceTime: Entry.TIME.value,
    AnnunciationChanged: _ANNUNCIATION,
    Sound: _ANNUNCIATION,
}


def encode(event: Event, effects: tuple[Effect, ...]) -> tuple[int, bytes]:
    """Encode an event and its effects as one line.

    Args:
        event: what the pump was told.
        effects: what it answered.

    Returns:
        The entries, bits of `Entry`, and the line.
    """
    entries, asked = _event(event)
    if not effects:
        return entries, f"[{asked},[]]".encode("ascii")
    at_us, answers = event.at_us, []
    for effect in effects:
        short = _SHORT.get(type(effect))
        if short is None:
            entry, text = _long_entry(effect), _long(effect)
        else:
            entry, text = short(effect, at_us - effect.at_us)
        entries |= entry
        answers.append(text)
    return entries, f"[{asked},[{','.join(answers)}]]".encode("ascii")


def _long(value: object) -> str:
    return json.dumps(_CODEC.plain(value), separators=(",", ":"), ensure_ascii=True)


def _long_entry(effect: Effect) -> int:
    return _ENTRIES.get(type(effect), 0) | (_UNCERTAIN if _uncertain(effect) else 0)


def _uncertain(effect: Effect) -> bool:
    """Return whether an effect reports that a pulse became uncertain."""
    return (
        type(effect) is AnnunciationChanged
        and effect.annunciation.kind is Kind.PULSE_UNCERTAIN
        and effect.what in {What.RAISED, What.AGAIN}
    )


def _event(event: Event) -> tuple[int, str]:
    kind = type(event)
    if kind is events.Tick:
        return _FACT, "0"
    outcome = _OUTCOMES.get(kind)
    if outcome is not None:
        return outcome[1], f"[{outcome[0]},{event.seq}]"  # type: ignore[attr-defined]  # those of `_OUTCOMES` have one
    if isinstance(event, events.ControllerAsks) and type(event.request) is RateRequest:
        asked = event.request
        ago_us = event.at_us - asked.at_us
        return _FACT, f"[4,{asked.id},{ago_us},{asked.rate_uu_per_h},{asked.duration_us}]"
    return _FACT if isinstance(event, events.Fact) else _REQUEST, _long(event)


def _fire(effect: said.FirePulse, ago_us: int) -> tuple[int, str]:
    code = _CHANNEL_CODES[effect.channel]
    return _COMMANDED, f"[0,{ago_us},{effect.seq},{code},{effect.bolus_id},{effect.steps},{effect.amount_uu}]"


def _prime(effect: said.PrimePulse, ago_us: int) -> tuple[int, str]:
    return _PRIMED, f"[1,{ago_us},{effect.seq},{effect.steps},{effect.amount_uu}]"


def _rate(effect: said.RateChanged, ago_us: int) -> tuple[int, str]:
    return _PROGRAMMED, f'[2,{ago_us},{effect.rate_uu_per_h},"{effect.cause.value}"]'


def _temp(effect: said.TempStarted, ago_us: int) -> tuple[int, str]:
    rate = "null" if effect.rate_uu_per_h is None else effect.rate_uu_per_h
    percent = "null" if effect.percent is None else effect.percent
    return _PROGRAMMED, f"[3,{ago_us},{effect.until_us},{rate},{percent}]"


def _temp_ended(effect: said.TempEnded, ago_us: int) -> tuple[int, str]:
    return _PROGRAMMED, f"[4,{ago_us},{effect.reason.value}]"


def _missed(effect: said.StepsMissed, ago_us: int) -> tuple[int, str]:
    code = _CHANNEL_CODES[effect.channel]
    return (
        _MISSED,
        f'[5,{ago_us},{code},{effect.bolus_id},{effect.steps},{effect.amount_uu},"{effect.cause}"]',
    )


_SHORT: Final[Mapping[type, Callable[[Any, int], tuple[int, str]]]] = {
    said.FirePulse: _fire,
    said.PrimePulse: _prime,
    said.RateChanged: _rate,
    said.TempStarted: _temp,
    said.TempEnded: _temp_ended,
    said.StepsMissed: _missed,
}


def decode(at_us: int, body: bytes) -> tuple[Event, tuple[Effect, ...]]:
    """Read what `encode` wrote.

    Args:
        at_us: the row's instant.
        body: the line.

    Raises:
        JournalError: it is no such line.
    """
    try:
        event, answers = _asked(at_us, body)
        effects = tuple(_built_effect(each, at_us) for each in answers)
        trouble = None
        if not all(isinstance(each, Effect) and type(each.at_us) is int for each in effects):
            trouble = "holds something that is not an effect"
        elif encode(event, effects)[1] != body:
            trouble = "is not in the form in which pumpcore writes it"
    except JournalError:
        raise
    except UNREADABLE as error:
        raise JournalError(f"{type(error).__name__}: {error}") from error
    if trouble is not None:
        raise JournalError(trouble)
    return event, effects


def event_in(at_us: int, body: bytes) -> Event:
    """Read only the event of what `encode` wrote, for a replay that compares the effects itself.

    Raises:
        JournalError: there is none.
    """
    try:
        return _asked(at_us, body)[0]
    except JournalError:
        raise
    except UNREADABLE as error:
        raise JournalError(f"{type(error).__name__}: {error}") from error


def _asked(at_us: int, body: bytes) -> tuple[Event, Any]:
    asked, answers = parsed(body)
    event = _built_event(asked, at_us)
    if not isinstance(event, events.Event) or event.at_us != at_us:
        raise JournalError("does not hold an event with the instant of its row")
    return event, answers


def _built_event(asked: Any, at_us: int) -> Any:  # noqa: ANN401  # whatever stands there; `decode` looks
    if asked == 0:
        return events.Tick(at_us)
    code = asked[0]
    if isinstance(code, str):
        return _CODEC.built(asked)
    if code == 4:  # noqa: PLR2004  # the code of the table
        _, number, ago_us, rate, duration_us = asked
        return events.ControllerAsks(
            at_us, RateRequest(id=number, at_us=at_us - ago_us, rate_uu_per_h=rate, duration_us=duration_us)
        )
    _, seq = asked
    return _OUTCOME_OF[code](at_us, seq)  # type: ignore[call-arg]  # those of `_OUTCOMES` take one


def _built_effect(answer: Any, at_us: int) -> Any:  # noqa: ANN401, PLR0911  # as `_built_event`; a line of the table each
    code, *rest = answer
    if isinstance(code, str):
        return _CODEC.built(answer)
    if not all(each is None or type(each) in {int, str} for each in rest):
        raise JournalError(f"holds an effect of code {code!r:.40} with a value that is not a number or a word")
    ago_us, *given = rest
    at_us -= ago_us
    match code, given:
        case 0, [seq, channel, bolus_id, steps, amount_uu]:
            return said.FirePulse(at_us, seq, _CHANNELS[channel], bolus_id, steps, amount_uu)
        case 1, [seq, steps, amount_uu]:
            return said.PrimePulse(at_us, seq, steps, amount_uu)
        case 2, [rate, cause]:
            return said.RateChanged(at_us, rate, said.RateCause(cause))
        case 3, [until_us, rate, percent]:
            return said.TempStarted(at_us, until_us, rate, percent)
        case 4, [reason]:
            return said.TempEnded(at_us, said.EndReason(reason))
        case 5, [channel, bolus_id, steps, amount_uu, cause]:
            return said.StepsMissed(at_us, _CHANNELS[channel], bolus_id, steps, amount_uu, cause)
    raise JournalError(f"holds an effect with the unknown code {code!r:.40}")
