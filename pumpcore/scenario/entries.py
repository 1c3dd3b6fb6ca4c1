"""The entries of a scenario: what may happen at a time, as a table of forms.

The rule of this file: `FORMS` is the grammar. A form is the words as they are written, with a name in braces where a
value stands; `PLACES` says what each name takes. An entry is a time and one or more such actions with ", " between
them. What fits no form is refused, with the forms that begin with the same word.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from pumpcore.alarms import Kind
from pumpcore.errors import QuantityError
from pumpcore.frozen import dataclass
from pumpcore.pump.config import zone_of
from pumpcore.pump.config_file import words
from pumpcore.pump.handlers.facts import REPORTED
from pumpcore.therapy.glucose import Beyond
from pumpcore.units import parse_u, parse_u_per_h

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["FORMS", "PLACES", "Action", "Entry", "Form", "Place", "parse"]


class Place(NamedTuple):
    """What may stand at a name in braces.

    Attributes:
        pattern: how it is found; what it is worth is for `read` to say.
        read: text to value; refuses with the name of the place.
        says: what it takes, for the manual.
    """

    pattern: str
    read: Callable[..., object]
    says: str


def _name(text: str, *, field: str) -> str:
    """Take a name as it is; whether there is such a one is seen later."""
    del field
    return text


def _zone(text: str, *, field: str) -> str:
    """Take a zone that there is."""
    del field
    zone_of(text)
    return text


def _kind(text: str, *, field: str) -> Kind:
    """Take the kind of an annunciation that a part of the pump can report."""
    if text not in _FAULTS:
        raise QuantityError(field, text, f"is not one of {', '.join(sorted(_FAULTS))}")
    return Kind(text)


_FAULTS: Final = frozenset(kind.value for kind in REPORTED)


def _values(text: str, *, field: str) -> tuple[object, ...]:
    """Read glucose values with one unit behind them; LO and HI have none."""
    *numbers, unit = text.split(" ")
    if unit in Beyond.__members__:
        numbers, unit = [*numbers, unit], ""
    return tuple(
        words.measured(number if number in Beyond.__members__ else f"{number} {unit}", field=field)
        for number in numbers
    )


PLACES: Final[Mapping[str, Place]] = MappingProxyType(
    {
        "U": Place(r"\S+", parse_u, "units of insulin, an exact decimal: 3.0"),
        "later": Place(r"\S+", parse_u, "units of insulin, an exact decimal: 1.5"),
        "rate": Place(r"\S+", parse_u_per_h, "units per hour, an exact decimal: 0.4"),
        "g": Place(r"\S+", words.grams, "grams of carbohydrate, at most three decimals: 60"),
        "percent": Place(r"\S+", words.whole, "a whole number: 50"),
        "span": Place(r"\S.*", words.span, "hours, minutes, seconds: 2 h, 90 min, 1 h 30 min"),
        "glucose": Place(r"\S.*", words.measured, "9.2 mmol/L, 166 mg/dL, LO or HI"),
        "values": Place(r"\S.*", _values, "6.1 6.0 LO mmol/L, or in mg/dL"),
        "fault": Place(r"\S+", _kind, f"one of {', '.join(sorted(_FAULTS))}"),
        "local": Place(r"\S.*", words.local, "date and time on the pump's clock: 2026-03-29 03:00"),
        "zone": Place(r"\S+", _zone, "an IANA name: Europe/Copenhagen"),
        "speed": Place(r"\w+", _name, "the name of one of the device's bolus speeds"),
        "name": Place(r"\S.*", _name, "the name of a [[profile]]"),
    }
)
"""What each name in braces takes."""


class Form(NamedTuple):
    """One row of the grammar.

    Attributes:
        verb: what the runner does with it.
        words: how it is written.
        says: what it means, for the manual.
    """

    verb: str
    words: str
    says: str


FORMS: Final = (
    Form("bolus", "bolus {U} U", "ask for a normal bolus; delivered once `confirm` follows"),
    Form("bolus_at", "bolus {U} U {speed}", "the same at another speed of the device: `bolus 3.0 U slow`"),
    Form("advice", "bolus {g} g", "ask the bolus calculator about a meal; 0 g asks for a correction only"),
    Form("extended", "extended {U} U over {span}", "ask for an extended bolus"),
    Form("multiwave", "multiwave {U} U + {later} U over {span}", "ask for a part at once and a part extended"),
    Form("confirm", "confirm", "press OK on what was proposed last"),
    Form("confirm_again", "confirm again", "press OK once more on what was confirmed last: it must change nothing"),
    Form("reject", "reject", "refuse what was proposed last"),
    Form("cancel_bolus", "cancel bolus", "stop every bolus that runs"),
    Form("temp_percent", "temp {percent} % for {span}", "temp basal in percent; above 100 % it waits for `confirm`"),
    Form("temp_rate", "temp {rate} U/h for {span}", "temp basal as a rate; one that adds insulin waits for `confirm`"),
    Form("cancel_temp", "cancel temp", "end the temp basal"),
    Form("profile", "profile {name}", "ask for one basal profile on all days; waits for `confirm`"),
    Form("week", "week", "ask for the [week] plan again; waits for `confirm`"),
    Form("start", "start", "begin therapy from standby"),
    Form("suspend", "suspend", "stop basal and boluses"),
    Form("disconnect", "disconnect {span}", "suspend for a bath; the missed units are proposed at `resume`"),
    Form("resume", "resume", "go on after a suspend"),
    Form("change", "reservoir change {U} U", "change reservoir and set, a step each minute, and start"),
    Form("reservoir_out", "reservoir out", "the reservoir comes off"),
    Form("prime", "prime {U} U", "move insulin into the tubing or the cannula, outside of a change too"),
    Form("occlusion", "occlusion", "the pump detects an occlusion; a reservoir change mends it"),
    Form("fault", "fault {fault}", "a part of the pump reports a cause of an alarm"),
    Form("fault_gone", "fault gone {fault}", "the cause is no longer there"),
    Form("glucose", "glucose {glucose}", "a finger-stick reading; in an entry it is told before what is asked"),
    Form("sensor_every", "sensor every {span}: {values}", "readings of the sensor, the first one now"),
    Form("sensor_lost", "sensor lost", "readings of the sensor no longer arrive"),
    Form("sensor_back", "sensor back", "they arrive again; what was lost stays lost"),
    Form("battery", "battery {percent} %", "the battery is measured"),
    Form("clock_set", "clock set {local}", "somebody sets the pump's clock"),
    Form("zone", "zone {zone}", "somebody sets the pump's zone"),
    Form("confirm_alarms", "confirm alarms", "somebody reads and confirms all that is annunciated"),
    Form("snooze_alarms", "snooze alarms {span}", "somebody puts off all that is pending"),
    Form("pause_audio", "pause audio {span}", "somebody silences the sounds"),
    Form("asleep", "host asleep {span}", "the host does not call the pump during this time"),
    Form("pulse_failed", "pulse failed", "the actuator does not deliver the next pulse, and says so"),
    Form("pulse_unknown", "pulse unknown", "the actuator cannot say whether it delivers the next pulse"),
    Form("pulse_unanswered", "pulse unanswered", "the actuator says nothing about the next pulse"),
    Form("controller_bolus", "controller bolus {U} U", "an automatic controller asks for a small bolus"),
    Form("controller_rate", "controller {rate} U/h for {span}", "an automatic controller asks for a basal rate"),
)
"""The grammar. An action is read by the first form that it fits."""


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that happens.

    Attributes:
        verb: of which form it is.
        text: as it is written.
        values: what stands at the names of the form, in micro-units, microseconds, milligrams, ...
    """

    verb: str
    text: str
    values: Mapping[str, object]

    def number(self, name: str) -> int:
        """Return an integer that stands at a name."""
        value = self.values[name]
        if not isinstance(value, int):
            raise QuantityError(name, value, "must be a whole number")
        return value


@dataclass(frozen=True, slots=True)
class Entry:
    """What happens at one instant.

    Attributes:
        at_us: when, monotonic.
        where: the place in the file, for a message.
        actions: what happens, in order; what is measured comes first.
    """

    at_us: int
    where: str
    actions: tuple[Action, ...]


def _pattern(form: Form) -> re.Pattern[str]:
    """Turn a form into a pattern: words as they are, and a group for each name in braces."""
    parts = re.split(r"\{(\w+)\}", form.words)
    return re.compile(
        "".join(f"(?P<{part}>{PLACES[part].pattern})" if odd % 2 else re.escape(part) for odd, part in enumerate(parts))
    )


_PATTERNS: Final = tuple((form, _pattern(form)) for form in FORMS)


def parse(text: str) -> Action:
    """Read one action.

    Args:
        text: as a form of `FORMS` has it.

    Raises:
        QuantityError: it fits no form, or a value in it is not exact.
        LimitError: a value in it is outside its range.

    Example:
        >>> action = parse("temp 50 % for 90 min")
        >>> action.verb, dict(action.values)
        ('temp_percent', {'percent': 50, 'span': 5400000000})
    """
    for form, pattern in _PATTERNS:
        found = pattern.fullmatch(text)
        if found is not None:
            values = {name: PLACES[name].read(word, field=name) for name, word in found.groupdict().items()}
            return Action(form.verb, text, MappingProxyType(values))
    first = text.split(" ", 1)[0]
    near = [form.words for form in FORMS if form.words.split(" ", 1)[0] == first] or ["one of: " + _beginnings()]
    raise QuantityError("action", text, f"is not understood; expected {' or '.join(near)}")


def _beginnings() -> str:
    return ", ".join(dict.fromkeys(form.words.split(" ", 1)[0] for form in FORMS))
