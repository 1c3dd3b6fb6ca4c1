"""What happened: effects as lines for a person, spans for a drawing, and insulin by channel and day.

The rules of this file: it keeps what the pump answered and decides nothing. Every pulse is kept with what became of it,
so that totals are sums of whole steps; a pulse at midnight is the last of the day that ends there. Sounds are counted,
not listed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from pumpcore.alarms import AnnunciationChanged, Priority, Sound, What, text
from pumpcore.frozen import dataclass, field, replace
from pumpcore.pump import effects
from pumpcore.pump.modes import State
from pumpcore.therapy.calculator import Note
from pumpcore.units import US_PER_MINUTE, format_u, format_u_per_h

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date

    from pumpcore.alarms import Kind
    from pumpcore.pump.config_file.words import Calendar
    from pumpcore.pump.effects import Effect
    from pumpcore.therapy.bolus import Bolus

__all__ = ["AlarmSpan", "Line", "Log", "Pulse", "Totals", "What"]

Topic = Literal[
    "entry", "refused", "mode", "basal", "temp", "bolus", "calculator", "proposal", "alarm", "reservoir", "clock",
    "settings", "missed", "glucose",
]  # fmt: skip
Fate = Literal["outstanding", "confirmed", "uncertain", "failed"]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the timeline.

    Attributes:
        at_us: when, monotonic.
        topic: what it is about.
        text: for a person.
        kind: of the annunciation, where it is about one.
        what: what became of that.
        amount_uu: the insulin it is about, where it is about an amount.
    """

    at_us: int
    topic: Topic
    text: str
    kind: Kind | None = None
    what: What | None = None
    amount_uu: int | None = None


@dataclass(frozen=True, slots=True)
class Pulse:
    """A pulse that was commanded."""

    at_us: int
    channel: Literal["basal", "extended", "bolus", "priming"]
    amount_uu: int
    fate: Fate = "outstanding"


@dataclass(slots=True)
class AlarmSpan:
    """An annunciation from its raising to its clearing.

    Attributes:
        id: its number on the board.
        kind: what it is about.
        changes: instants with what became of it and the priority since then, oldest first.
        cleared_us: when it left the board, or None.
    """

    id: int
    kind: Kind
    changes: list[tuple[int, What, Priority]]
    cleared_us: int | None = None

    @property
    def raised_us(self) -> int:
        """When it was raised."""
        return self.changes[0][0]

    @property
    def priority(self) -> Priority:
        """The most urgent priority that it had."""
        return min((priority for _, _, priority in self.changes), key=lambda each: each.rank)

    def priority_at(self, at_us: int) -> Priority | None:
        """Return its priority at an instant, or None where it was not active."""
        if at_us < self.raised_us or (self.cleared_us is not None and at_us >= self.cleared_us):
            return None
        return next(priority for since_us, _, priority in reversed(self.changes) if since_us <= at_us)


@dataclass(frozen=True, slots=True)
class Totals:
    """Insulin by channel, in micro-units; uncertain pulses count as delivered.

    Attributes:
        basal_uu: basal, temp basals included.
        extended_uu: extended parts of boluses.
        bolus_uu: the other parts.
        uncertain_uu: what of these three is uncertain.
        missed_uu: what fell due and was not delivered: late, withheld by a cap, no insulin left, or failed.
        priming_uu: into tubing and cannula; no therapy insulin.
    """

    basal_uu: int = 0
    extended_uu: int = 0
    bolus_uu: int = 0
    uncertain_uu: int = 0
    missed_uu: int = 0
    priming_uu: int = 0

    @property
    def total_uu(self) -> int:
        """All therapy insulin."""
        return self.basal_uu + self.extended_uu + self.bolus_uu

    def plus(self, name: str, amount_uu: int) -> Totals:
        """Add to one of the sums."""
        changed: Totals = replace(self, **{name: getattr(self, name) + amount_uu})
        return changed


@dataclass
class Log:
    """What happened so far.

    Attributes:
        calendar: where local times lie.
        step_uu: one step of the actuator.
        lines: the timeline.
        pulses: every pulse by its number.
        missed: instants and amounts of what was missed.
        alarms: every annunciation that was active, by its number.
        rates: instants at which the basal rate in force changed, with the rate.
        states: instants at which the state changed, with the state.
        boluses: every bolus that has ended, as it ended ...
        ended: ... and when.
        begun: every bolus that has begun, as programmed.
        sounds: how many sounds of each priority came.
    """

    calendar: Calendar
    step_uu: int
    lines: list[Line] = field(default_factory=list)
    pulses: dict[int, Pulse] = field(default_factory=dict)
    missed: list[tuple[int, int]] = field(default_factory=list)
    alarms: dict[int, AlarmSpan] = field(default_factory=dict)
    rates: list[tuple[int, int]] = field(default_factory=list)
    states: list[tuple[int, State]] = field(default_factory=lambda: [(0, State.STANDBY)])
    boluses: dict[int, Bolus] = field(default_factory=dict)
    ended: dict[int, int] = field(default_factory=dict)
    begun: dict[int, Bolus] = field(default_factory=dict)
    sounds: dict[Priority, int] = field(default_factory=lambda: dict.fromkeys(Priority, 0))

    def say(self, at_us: int, topic: Topic, line: str) -> None:
        """Add a line."""
        self.lines.append(Line(at_us, topic, line))

    def take(self, effect: Effect) -> None:
        """Keep an effect."""
        taker = _TAKERS.get(type(effect))
        if taker is not None:
            taker(self, effect)

    def settled(self, seq: int, fate: Fate) -> None:
        """Note what became of a pulse."""
        self.pulses[seq] = replace(self.pulses[seq], fate=fate)

    def by_day(self, end_us: int) -> dict[date, Totals]:
        """Sum up each local day that the scenario touches."""
        days = {
            self.calendar.day_of(at_us): Totals() for at_us in (1, *(m + 1 for m in self.calendar.midnights(end_us)))
        }
        for pulse in self.pulses.values():
            if pulse.fate == "failed":
                continue
            day = self.calendar.day_of(pulse.at_us)
            days[day] = days[day].plus(f"{pulse.channel}_uu", pulse.amount_uu)
            if pulse.fate == "uncertain":
                days[day] = days[day].plus("uncertain_uu", pulse.amount_uu)
        for at_us, amount_uu in self.missed:
            day = self.calendar.day_of(at_us)
            days[day] = days[day].plus("missed_uu", amount_uu)
        return days


# Effects as lines -----------------------------------------------------------------------------------------------------

_ENDS: Final = {
    effects.EndReason.OVER: "over",
    effects.EndReason.CANCELED: "cancelled",
    effects.EndReason.ERROR_ABORT: "ended by a fault",
}
_MISSED: Final = {
    "late": "the host came late",
    "cap": "a cap withheld it",
    "empty": "no insulin left",
    "stopped": "stopped while they waited for the actuator",
    "failed": "failed",
}


def minutes(span_us: int) -> str:
    """Write a span in hours and minutes, rounded down: `1 h 30 min`.

    Example:
        >>> minutes(5_400_000_000), minutes(59_000_000)
        ('1 h 30 min', '0 min')
    """
    hours, rest = divmod(span_us // 60_000_000, 60)
    return " ".join([*([f"{hours} h"] if hours else []), *([f"{rest} min"] if rest or not hours else [])])


def _pulse(log: Log, effect: effects.FirePulse) -> None:
    log.pulses[effect.seq] = Pulse(effect.at_us, effect.channel, effect.amount_uu)


def _prime(log: Log, effect: effects.PrimePulse) -> None:
    log.pulses[effect.seq] = Pulse(effect.at_us, "priming", effect.amount_uu)
    where = f"priming {format_u(effect.amount_uu)} U"
    log.lines.append(Line(effect.at_us, "reservoir", where, amount_uu=effect.amount_uu))


def _missed(log: Log, effect: effects.StepsMissed) -> None:
    """Add to the line before where it says the same."""
    log.missed.append((effect.at_us, effect.amount_uu))
    why = f"{effect.channel}: not delivered, {_MISSED[effect.cause]}"
    amount_uu = effect.amount_uu
    last = log.lines[-1] if log.lines else None
    if last is not None and last.topic == "missed" and last.text.startswith(why) and last.amount_uu is not None:
        log.lines.pop()
        amount_uu += last.amount_uu
    log.lines.append(Line(effect.at_us, "missed", f"{why}: {format_u(amount_uu)} U", amount_uu=amount_uu))


def _rate(log: Log, effect: effects.RateChanged) -> None:
    log.rates.append((effect.at_us, effect.rate_uu_per_h))
    cause = effect.cause.value.replace("_", " ")
    log.say(effect.at_us, "basal", f"{format_u_per_h(effect.rate_uu_per_h)} U/h ({cause})")


def _mode(log: Log, effect: effects.ModeChanged) -> None:
    log.states.append((effect.at_us, effect.after))
    log.say(effect.at_us, "mode", f"{effect.before.value} to {effect.after.value}")


def _proposed(log: Log, effect: effects.Proposed) -> None:
    proposal = effect.proposal
    what = f"{format_u(proposal.amount_uu)} U" if proposal.amount_uu else _asked(proposal.request)
    line = f"proposal {proposal.id}: {what}; waits for OK"
    log.lines.append(Line(effect.at_us, "proposal", line, amount_uu=proposal.amount_uu or None))


def _asked(request: object) -> str:
    return type(request).__name__.removeprefix("Propose").lower()


def _reading_dropped(log: Log, effect: effects.ReadingDropped) -> None:
    whose, why = "meter" if effect.by_meter else "sensor", effect.reason.value.replace("_", " ")
    log.say(effect.at_us, "glucose", f"reading of the {whose} not kept, {effect.reading.value}: {why}")


def _dropped(log: Log, effect: effects.ProposalDropped) -> None:
    log.say(effect.at_us, "proposal", f"proposal {effect.proposal_id}: {effect.reason}")


def _calculated(log: Log, effect: effects.BolusCalculated) -> None:
    advice = effect.advice
    # Down to a thousandth, because a term may have no end; the suggestion itself is exact.
    terms = [
        f"{name} {format_u(int(amount) // 1_000 * 1_000)}"
        for name, amount in (
            ("food", advice.food_uu),
            ("correction", advice.correction_uu),
            ("less insulin on board", advice.iob_uu),
            ("less permitted rise", advice.rise_uu),
        )
        if amount
    ]
    line = f"{advice.policy}: {', '.join(terms) or 'nothing'}; suggests {format_u(advice.suggested_uu)} U"
    if advice.low is not None:
        ago = (effect.at_us - advice.low.reading.at_us) // US_PER_MINUTE
        line += (
            f"; for food only: glucose was {advice.low.reading.value} {ago} min ago, and nothing says that it is over"
        )
    elif Note.GLUCOSE_TOO_OLD in advice.notes and advice.glucose is not None:
        ago = (effect.at_us - advice.glucose.at_us) // US_PER_MINUTE
        line += f"; without glucose: the latest, {advice.glucose.value}, is {ago} min old"
    elif Note.ABOVE_RANGE in advice.notes:
        line += "; HI is not corrected: measure ketones first"
    log.lines.append(Line(effect.at_us, "calculator", line, amount_uu=advice.suggested_uu))


def _programmed(log: Log, effect: effects.BolusProgrammed) -> None:
    log.begun[effect.bolus.id] = effect.bolus
    log.lines.append(Line(effect.at_us, "bolus", _bolus(effect.bolus), amount_uu=effect.bolus.programmed_uu))


def _bolus(bolus: Bolus) -> str:
    parts = []
    if bolus.fast_uu:
        parts.append(f"{format_u(bolus.fast_uu)} U")
    if bolus.extended_uu:
        parts.append(f"{format_u(bolus.extended_uu)} U over {minutes(bolus.extended_us)}")
    return f"bolus {bolus.id} begins: {' + '.join(parts)} ({bolus.kind})"


def _delivered(log: Log, effect: effects.BolusDelivered) -> None:
    bolus = effect.bolus
    log.boluses[bolus.id], log.ended[bolus.id] = bolus, effect.at_us
    rest = f", {format_u(bolus.not_delivered_uu)} U not" if bolus.not_delivered_uu else ""
    line = f"bolus {bolus.id} {_ENDS[effect.reason]}: {format_u(bolus.delivered_uu)} U delivered{rest}"
    log.lines.append(Line(effect.at_us, "bolus", line, amount_uu=bolus.delivered_uu))


def _temp_started(log: Log, effect: effects.TempStarted) -> None:
    what = f"{effect.percent} %"
    if effect.rate_uu_per_h is not None:
        what = f"{format_u_per_h(effect.rate_uu_per_h)} U/h"
    log.say(effect.at_us, "temp", f"temp basal {what} for {minutes(effect.until_us - effect.at_us)}")


def _temp_ended(log: Log, effect: effects.TempEnded) -> None:
    log.say(effect.at_us, "temp", f"temp basal {_ENDS[effect.reason]}")


def _plan(log: Log, effect: effects.ProfileActivated) -> None:
    log.say(effect.at_us, "settings", f"profiles in force: {', '.join(effect.names)}")


def _settings(log: Log, effect: effects.SettingsChanged) -> None:
    names = ", ".join(name.replace("_", " ") for name in effect.names) or "nothing"
    log.say(effect.at_us, "settings", f"settings changed: {names}")


def _reservoir(log: Log, effect: effects.ReservoirChanged) -> None:
    what = "out" if effect.amount_uu is None else f"{format_u(effect.amount_uu)} U"
    log.lines.append(Line(effect.at_us, "reservoir", f"reservoir {what}", amount_uu=effect.amount_uu))


def _clock(log: Log, effect: effects.ReferenceTime) -> None:
    moved_us = effect.after_us - (effect.before_us if effect.before_us is not None else effect.after_us)
    side = "back" if moved_us < 0 else "forward"
    moved = f"moved {side} by {minutes(abs(moved_us))}" if moved_us else "not moved"
    log.say(effect.at_us, "clock", f"pump's clock {moved}, zone {effect.zone}")


def _alarm(log: Log, effect: AnnunciationChanged) -> None:
    each, what = effect.annunciation, effect.what
    span = log.alarms.get(each.id)
    if span is None:
        log.alarms[each.id] = AlarmSpan(each.id, each.kind, [(effect.at_us, what, each.priority)])
    elif what is What.CLEARED:
        span.cleared_us = effect.at_us
    else:
        span.changes.append((effect.at_us, what, each.priority))
    log.lines.append(Line(effect.at_us, "alarm", f"{each.priority.value} {what.value}", each.kind, what))


def _sound(log: Log, effect: Sound) -> None:
    log.sounds[effect.priority] += 1


def alarm_text(line: Line, language: str) -> str:
    """Write the line of an annunciation in a language; where it comes up, with what to do."""
    if line.kind is None:
        return line.text
    shown = text(line.kind, language)
    to_do = f". {shown.instruction}" if line.what in {What.RAISED, What.AGAIN, What.ESCALATED} else ""
    return f"{line.text}: {shown.title}{to_do}"


_TAKERS: Final[Mapping[type, Callable[..., None]]] = {
    effects.FirePulse: _pulse,
    effects.PrimePulse: _prime,
    effects.StepsMissed: _missed,
    effects.RateChanged: _rate,
    effects.ModeChanged: _mode,
    effects.Proposed: _proposed,
    effects.ProposalDropped: _dropped,
    effects.BolusCalculated: _calculated,
    effects.ReadingDropped: _reading_dropped,
    effects.BolusProgrammed: _programmed,
    effects.BolusDelivered: _delivered,
    effects.TempStarted: _temp_started,
    effects.TempEnded: _temp_ended,
    effects.ProfileActivated: _plan,
    effects.SettingsChanged: _settings,
    effects.ReservoirChanged: _reservoir,
    effects.ReferenceTime: _clock,
    AnnunciationChanged: _alarm,
    Sound: _sound,
}
