"""What a pump must do, said once more from the requirements: slow, plain, and knowing nothing of how the pump does it.

The rule of this file: a model watches events and effects and keeps its own books in whole steps and in exact integers
(`_fine`: what 1 uu/h earns in 1 us). It never imports `pumpcore.pump`, `pumpcore.modes` or `pumpcore.ledger`. A state
is its name as text. `watch` takes an event that the pump has accepted and what it answered; whatever contradicts the
requirements is a `BrokenError` that names one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from pumpcore import effects as said
from pumpcore import events
from pumpcore.alarms import AnnunciationChanged, Kind, What
from pumpcore.profile import AbsoluteTemp, PercentTemp

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pumpcore.devices import Device
    from pumpcore.limits import Limits
    from pumpcore.profile import TempBasal, WeekPlan

H: Final = 3_600_000_000
DAY: Final = 24 * H
UNCERTAIN_MOST: Final = 100
PAUSE_US: Final = 15 * 60_000_000
CHANGING: Final = tuple(f"reservoir_change.{step}" for step in ("rewind", "load", "prime", "fill", "connect"))
READY: Final = (
    "time_set",
    "limits_set",
    "profile_set",
    "reservoir_attached",
    "reservoir_filled",
    "primed",
    "no_stopping_alarm",
)
TRIGGERS: Final = (
    "start",
    "suspend",
    "resume",
    "begin_change",
    "rewound",
    "loaded",
    "primed",
    "filled",
    "connected",
    "abort_change",
    "fault",
    "clear",
)
CANCELS_TEMP: Final = {"roche_stop", "tandem", "omnipod"}


class BrokenError(AssertionError):
    """A requirement does not hold."""

    def __init__(self, requirement: str, *what: object) -> None:
        """Name the requirement and what contradicts it."""
        super().__init__(f"{requirement}: {', '.join(map(str, what))}")


def leads_to(state: str, trigger: str, facts: Mapping[str, bool]) -> str | None:  # noqa: PLR0911 - the rules, one by one
    """Where a trigger leads, or None where it is refused."""
    ready = all(facts[name] for name in READY)
    # A fault stops from anywhere.
    if trigger == "fault":
        return "alarm"
    # Suspend is always accepted; it stops what runs and otherwise leaves all as it is.
    if trigger == "suspend":
        return "suspended" if state == "running" else state
    # Delivery begins from standby and goes on from a suspend, both explicitly, and never without all that it needs.
    if (trigger, state) in {("start", "standby"), ("resume", "suspended")} and ready:
        return "running"
    # From the alarm a way leads to suspended, once nothing that stops delivery is active.
    if trigger == "clear" and state == "alarm" and facts["no_stopping_alarm"]:
        return "suspended"
    # A change begins while nothing runs, and only off the body; it goes step by step.
    if trigger == "begin_change" and facts["set_off_body"] and state in {"standby", "suspended", "alarm"}:
        return CHANGING[0]
    step = CHANGING.index(state) if state in CHANGING else None
    if trigger == "loaded" and not (facts["reservoir_attached"] and facts["reservoir_filled"]):
        return None
    if trigger == "primed" and not facts["tubing_primed"]:
        return None
    steps = ("rewound", "loaded", "primed", "filled", "connected")
    if step is not None and trigger == steps[step]:
        return (*CHANGING, "standby")[step + 1]
    # It can be left at any step.
    return "standby" if trigger == "abort_change" and step is not None else None


@dataclass
class Train:
    """A part of a bolus: `steps` from `start_us` on, over `duration_us`; what it had before a pause is `before`."""

    bolus_id: int
    channel: str
    start_us: int
    duration_us: int
    steps: int
    held: bool = False

    def due(self, at_us: int) -> int:
        """Whole steps earned by an instant."""
        if self.held or at_us <= self.start_us:
            return 0
        return min(self.steps, self.steps * (at_us - self.start_us) // self.duration_us)


@dataclass
class Order:
    """A pulse that was ordered."""

    at_us: int
    bolus_id: int
    steps: int
    therapy: bool
    reservoir: int
    fate: str = "outstanding"


@dataclass
class Part:
    """One channel of one bolus, or basal: steps that fell due, were ordered, and were missed."""

    due_before: int = 0
    ordered: int = 0
    missed: int = 0


@dataclass
class Model:
    """The books."""

    device: Device
    policy: str
    limits: Limits
    caps: Limits
    plan: WeekPlan | None
    shift_us: int | None
    now_us: int
    lateness_us: int
    unanswered_us: int
    high_us: int
    low_suspend: bool = False
    state: str = "standby"
    reservoir_uu: int | None = None
    reservoirs: int = 0
    primed: bool = False
    set_off_body: bool = False
    tubing_primed: bool = False
    begun_us: int | None = None
    suspended_us: int = 0
    by_itself: bool = False  # suspended for low glucose, and nobody and nothing has overlaid it
    began_low: bool = False  # the suspend began for low glucose: nothing of it is ever made up
    paused: bool = False  # suspended by a person or for glucose, not by a fault
    missed_fine: int = 0
    temp: TempBasal | None = None
    earned_fine: int = 0
    basal: Part = field(default_factory=Part)
    parts: dict[tuple[int, str], Part] = field(default_factory=dict)
    trains: list[Train] = field(default_factory=list)
    programmed: dict[int, int] = field(default_factory=dict)
    recorded: set[int] = field(default_factory=set)
    orders: dict[int, Order] = field(default_factory=dict)
    pulses: list[tuple[int, int]] = field(default_factory=list)
    causes: dict[Kind, list[bool]] = field(default_factory=dict)  # stopping kinds: cause there, confirmed
    battery: int | None = None
    answered: set[int] = field(default_factory=set)
    asked: dict[int, events.Event] = field(default_factory=dict)

    # What is so ----------------------------------------------------------------------------------------------------

    def facts(self) -> dict[str, bool]:
        """What the mode rules ask."""
        left = self.reservoir_uu or 0
        return {
            "time_set": self.shift_us is not None,
            "limits_set": not self.limits.unset(),
            "profile_set": self.plan is not None,
            "reservoir_attached": self.reservoir_uu is not None,
            "reservoir_filled": left >= self.device.step_uu,
            "primed": self.primed,
            "set_off_body": self.set_off_body,
            "tubing_primed": self.tubing_primed,
            "no_stopping_alarm": not self.causes,
        }

    def profile_rate(self, at_us: int) -> int:
        """The rate of the profile at an instant; the model's zone is UTC."""
        if self.plan is None or self.shift_us is None:
            return 0
        days, day_us = divmod(at_us + self.shift_us, DAY)
        profile = self.plan.days[(days + 3) % 7]  # 1970-01-01 was a Thursday
        return max(each for each in profile.segments if each.start_us <= day_us).rate_uu_per_h

    def programmed_rate(self, at_us: int) -> int:
        """The rate that is programmed from an instant on, delivered or not."""
        rate = self.profile_rate(at_us)
        if self.temp is None or at_us >= self.temp.start_us + self.temp.duration_us:
            return rate
        if isinstance(self.temp, AbsoluteTemp):
            return self.temp.rate_uu_per_h
        return self.device.round_rate_down(rate * self.temp.percent // 100)

    def edges(self, to_us: int) -> list[int]:
        """Instants after now and up to `to_us` at which the programmed rate may change."""
        found = {to_us}
        if self.temp is not None:
            found.add(self.temp.start_us + self.temp.duration_us)
        if self.plan is not None and self.shift_us is not None:
            starts = {each.start_us for profile in self.plan.days for each in profile.segments}
            first, last = (self.now_us + self.shift_us) // DAY, (to_us + self.shift_us) // DAY
            found |= {day * DAY + start - self.shift_us for day in range(first, last + 1) for start in starts}
        return sorted(each for each in found if self.now_us < each <= to_us)

    # Time ----------------------------------------------------------------------------------------------------------

    def pass_time(self, to_us: int) -> None:
        """Earn what is earned until then, in the state of now."""
        for edge_us in self.edges(to_us):
            earned = self.programmed_rate(self.now_us) * (edge_us - self.now_us)
            if self.state == "running":
                self.earned_fine += earned
            elif self.state == "suspended" and self.paused:
                self.missed_fine += earned
            self.now_us = edge_us

    def due(self) -> dict[tuple[int, str], int]:
        """Steps that must have been ordered or missed by now, for each channel of each bolus and for basal."""
        due = {(0, "basal"): self.earned_fine // (self.device.step_uu * H)}
        for key, part in self.parts.items():
            due[key] = part.due_before
        for train in self.trains:
            due[train.bolus_id, train.channel] += train.due(self.now_us)
        return due

    def hold(self) -> None:
        """Take running trains out: their steps so far are counted, what is left waits with the time that is left."""
        for train in self.trains:
            if train.held:
                continue
            done = train.due(self.now_us)
            self.parts[train.bolus_id, train.channel].due_before += done
            left_us = max(train.start_us + train.duration_us - self.now_us, 1)
            if train.channel == "bolus":
                left_us = self.device.bolus_duration_us(max(train.steps - done, 1) * self.device.step_uu)
            train.steps, train.duration_us, train.held = train.steps - done, left_us, True
        self.trains = [train for train in self.trains if train.steps]

    def drop(self, bolus_id: int | None = None) -> None:
        """End one bolus, or all: what is due is counted and the rest does not exist any more."""
        for train in self.trains:
            if bolus_id in {None, train.bolus_id}:
                self.parts[train.bolus_id, train.channel].due_before += train.due(self.now_us)
        self.trains = [train for train in self.trains if bolus_id not in {None, train.bolus_id}]

    # Modes ---------------------------------------------------------------------------------------------------------

    def moved(self, change: said.ModeChanged, event: events.Event) -> None:  # noqa: C901 - one rule for each way
        """Follow a change of mode that the pump has told of, if the rules allow it."""
        if change.trigger == "clear":
            self.settle_alarms()
        before, after = change.before.value, change.after.value
        if before != self.state or leads_to(before, change.trigger, self.facts()) != after:
            raise BrokenError("MOD-01", change, self.state, self.facts())
        if after == "running" and change.trigger == "resume" and not isinstance(event, events.Resume):
            if not self.by_itself:
                raise BrokenError("SUS-02", change, event)
        elif after == "running" and not isinstance(event, events.Start | events.Resume):
            raise BrokenError("MOD-03", change, event)
        if before == "running":
            self.suspended_us = self.now_us
            self.missed_fine %= self.device.step_uu * H  # the part of a step is carried
            self.paused = after == "suspended"
            if self.policy == "roche_pause" and after == "suspended":
                self.hold()
            else:
                self.drop()
            self.began_low = self.by_itself = after == "suspended" and isinstance(event, events.GlucoseMeasured)
        elif after == "running":
            in_time = self.paused and self.now_us - self.suspended_us <= PAUSE_US
            for train in self.trains:
                train.held, train.start_us = False, self.now_us + self.device.bolus_start_delay_us
            if not in_time:
                self.drop_held()
            self.by_itself = self.paused = False
        else:
            self.drop_held()
            self.by_itself = self.paused = False
        self.state = after

    def drop_held(self) -> None:
        """End what was held."""
        self.trains = []

    # What the pump answers -----------------------------------------------------------------------------------------

    def watch(self, event: events.Event, effects: Iterable[object]) -> None:
        """Follow an event that was accepted, with all that the pump answered to it."""
        found = list(effects)
        again = isinstance(event, events.Confirm) and event.proposal_id in self.answered
        if again:  # the first answer once more: news, but nothing happens
            news = said.BolusProgrammed | said.TempStarted | said.TempEnded
            found = [each for each in found if self.is_by_time(each) or not isinstance(each, news)]
        changes = [each for each in found if isinstance(each, said.ModeChanged)]
        for change in changes:  # what happens by itself on the way to the event
            if change.at_us < event.at_us:
                self.pass_time(change.at_us)
                self.ended_temps(found, change.at_us)
                self.moved(change, event)
        self.pass_time(event.at_us)
        self.unanswered()
        self.caps = self.limits
        late_us = event.at_us - self.lateness_us
        # First what time brings by itself, then what the event says of the world, then what follows from it.
        by_time = [each for each in found if self.is_by_time(each)]
        for effect in by_time:
            self.effect(effect, event, late=late_us)
        self.before(event)
        for effect in found:
            if effect not in by_time:
                self.effect(effect, event, late=late_us)
        self.after(event)
        self.settle_alarms()

    @staticmethod
    def is_by_time(effect: object) -> bool:
        """Say whether an effect comes of time alone."""
        if isinstance(effect, said.StepsMissed):
            return effect.cause != "failed"
        return isinstance(effect, said.FirePulse) or (
            isinstance(effect, said.TempEnded) and effect.reason is said.EndReason.OVER
        )

    def unanswered(self) -> None:
        """A pulse whose outcome stays open for too long is uncertain."""
        for order in self.orders.values():
            if order.fate == "outstanding" and order.at_us + self.unanswered_us <= self.now_us:
                order.fate = "uncertain"

    def ended_temps(self, found: list[object], at_us: int) -> None:
        """Forget the temp basal where the pump has told of its end by an instant on the way."""
        if any(isinstance(each, said.TempEnded) and each.at_us <= at_us for each in found):
            self.temp = None

    def before(self, event: events.Event) -> None:  # noqa: C901, PLR0912 - one rule for each event
        """Take over what an event says of the world, or asks for, before its effects are looked at."""
        match event:
            case events.PulseConfirmed(_, seq):
                self.outcome(seq, "confirmed")
            case events.PulseUnknown(_, seq):
                self.outcome(seq, "uncertain")
            case events.PulseFailed(_, seq):
                self.outcome(seq, "failed")
                self.raised(Kind.MECHANICAL_ISSUE)
            case events.ReservoirRemoved():
                self.reservoir_uu, self.primed = None, False
                if self.state not in CHANGING[:2]:
                    self.raised(Kind.RESERVOIR_ISSUE)
            case events.ReservoirMeasured(_, amount_uu):
                self.reservoir_uu = amount_uu
                self.reservoirs += 1
                self.gone(Kind.RESERVOIR_ISSUE)
            case events.FaultDetected(_, kind):
                if kind in STOPPING:
                    self.raised(kind)
            case events.FaultGone(_, kind):
                self.gone(kind)
            case events.BatteryMeasured(_, percent):
                self.battery = percent
            case events.ClockSet(_, anchor, _):
                self.shift_us = anchor.shift_us
            case events.SetLimits(_, limits):
                self.limits = limits
            case events.BeginChange(_, off):
                self.set_off_body = off
            case events.CancelBolus(_, bolus_id):
                self.drop(bolus_id)
            case events.CancelTemp():
                self.temp = None
            case events.Confirm(_, number) if number not in self.answered:
                request = self.asked[number]
                self.answered.add(number)
                if isinstance(request, events.ProposePlan):
                    self.plan = request.plan
            case _:
                pass

    def effect(self, effect: object, event: events.Event, *, late: int) -> None:  # noqa: C901, PLR0912 - one rule for each
        """Follow one effect."""
        match effect:
            case said.FirePulse():
                self.fired(effect, late)
            case said.PrimePulse():
                if not isinstance(event, events.Prime) or effect.amount_uu != event.amount_uu:
                    raise BrokenError("RES-07", effect, event)
                if self.state not in CHANGING[2:4]:
                    raise BrokenError("RES-06", effect, self.state)
                self.take(effect.amount_uu)
                self.order(effect.seq, Order(effect.at_us, 0, effect.steps, therapy=False, reservoir=self.reservoirs))
                self.tubing_primed = True
            case said.StepsMissed():
                if effect.cause != "failed":
                    self.part(effect.bolus_id, effect.channel).missed += effect.steps
                if effect.cause == "late" and event.at_us - self.lateness_us < 0:
                    raise BrokenError("DEL-07", effect)
            case AnnunciationChanged():
                self.told(effect)
            case said.ModeChanged():
                if effect.at_us == event.at_us:
                    self.moved(effect, event)
            case said.BolusProgrammed():
                self.begun(effect, event)
            case said.BolusDelivered():
                self.ended(effect)
            case said.TempStarted():
                self.temp_begun(effect, event)
            case said.TempEnded():
                if effect.reason is said.EndReason.CANCELED or effect.at_us <= event.at_us:
                    self.temp = None
            case said.Proposed():
                self.asked[effect.proposal.id] = effect.proposal.request  # type: ignore[assignment]
                if effect.proposal.request is not event and isinstance(event, events.Resume):
                    self.offered(effect.proposal.amount_uu)
            case _:
                pass

    def after(self, event: events.Event) -> None:
        """Take over what follows from the event once all is done: new states of the change, alarms."""
        match event:
            case events.Start() if self.begun_us is None:
                self.begun_us = event.at_us
            case events.BeginChange():
                self.primed = self.tubing_primed = False
            case events.Connected():
                self.primed, self.set_off_body = True, False
            case _:
                pass

    # Single rules --------------------------------------------------------------------------------------------------

    def part(self, bolus_id: int, channel: str) -> Part:
        """The books of one channel of one bolus, or of basal."""
        return self.basal if channel == "basal" else self.parts[bolus_id, channel]

    def take(self, amount_uu: int) -> None:
        """Take insulin out of the reservoir."""
        if self.reservoir_uu is None or amount_uu > self.reservoir_uu:
            raise BrokenError("RES-01", amount_uu, self.reservoir_uu)
        self.reservoir_uu -= amount_uu

    def order(self, seq: int, order: Order) -> None:
        """Note an order under its number."""
        if seq in self.orders:
            raise BrokenError("DEL-08", seq)
        self.orders[seq] = order

    def fired(self, pulse: said.FirePulse, late: int) -> None:
        """Follow a therapy pulse."""
        if self.state != "running" and pulse.at_us > self.suspended_us:
            raise BrokenError("DEL-12", pulse, self.state)
        if pulse.at_us <= late:
            raise BrokenError("DEL-07", pulse, late)
        if pulse.at_us > self.now_us or (self.pulses and pulse.at_us < self.pulses[-1][0]):
            raise BrokenError("DEL-05", pulse, self.pulses[-1:])
        if pulse.amount_uu != pulse.steps * self.device.step_uu or pulse.steps < 1:
            raise BrokenError("DEL-15", pulse)
        self.take(pulse.amount_uu)
        self.order(pulse.seq, Order(pulse.at_us, pulse.bolus_id, pulse.steps, therapy=True, reservoir=self.reservoirs))
        self.part(pulse.bolus_id, pulse.channel).ordered += pulse.steps
        self.pulses.append((pulse.at_us, pulse.amount_uu))
        for span_us, cap_uu, name in ((H, self.caps.max_hour_uu, "LIM-04"), (DAY, self.caps.max_day_uu, "LIM-05")):
            within = sum(uu for at_us, uu in self.pulses if at_us > pulse.at_us - span_us)
            if cap_uu is not None and within > cap_uu:
                raise BrokenError(name, pulse, within, cap_uu)
        self.pulses = [each for each in self.pulses if each[0] > pulse.at_us - DAY]

    def outcome(self, seq: int, fate: str) -> None:
        """Follow the outcome of a pulse that the pump has accepted."""
        order = self.orders.get(seq)
        if order is None or order.fate in {"confirmed", "failed"} or order.fate == fate:
            raise BrokenError("DEL-08", seq, order)
        order.fate = fate
        if fate == "failed" and self.reservoir_uu is not None and order.reservoir == self.reservoirs:
            self.reservoir_uu += order.steps * self.device.step_uu

    def raised(self, kind: Kind) -> None:
        """A stopping cause is there, and nobody has confirmed it."""
        self.causes[kind] = [True, False]

    def gone(self, kind: Kind) -> None:
        """A stopping cause is gone."""
        if kind in self.causes:
            self.causes[kind][0] = False
            self.clear(kind)

    def confirmed(self, kind: Kind) -> None:
        """The person has confirmed a stopping alarm."""
        if kind in self.causes:
            self.causes[kind][1] = True
            self.clear(kind)

    def told(self, effect: AnnunciationChanged) -> None:
        """Follow what became of a stopping alarm: the person's answers, and that it is told again."""
        kind = effect.annunciation.kind
        if effect.what is What.CONFIRMED:
            self.confirmed(kind)
        elif effect.what is What.AGAIN and kind in self.causes:
            self.causes[kind][1] = False
        elif effect.what is What.RAISED and kind is Kind.MECHANICAL_ISSUE and kind not in self.causes:
            if sum(order.fate == "uncertain" for order in self.orders.values()) <= UNCERTAIN_MOST:
                raise BrokenError("ALM-09", effect)
            self.raised(kind)

    def clear(self, kind: Kind) -> None:
        """An alarm is over once its cause is gone and it was confirmed."""
        if self.causes[kind] == [False, True]:
            del self.causes[kind]

    def begun(self, effect: said.BolusProgrammed, event: events.Event) -> None:
        """Follow a bolus that begins: only by a confirmation, or a pause that is made up."""
        bolus = effect.bolus
        if isinstance(event, events.Resume):
            if self.policy != "roche_pause" or self.began_low or bolus.programmed_uu * H > self.missed_fine:
                raise BrokenError("SUS-05", effect, self.missed_fine)
        elif not isinstance(event, events.Confirm):
            raise BrokenError("BOL-01", effect, event)
        else:
            request = self.asked[event.proposal_id]
            if not isinstance(request, events.ProposeBolus) or (request.fast_uu, request.extended_uu) != (
                bolus.fast_uu,
                bolus.extended_uu,
            ):
                raise BrokenError("BOL-01", effect, request)
            if bolus.programmed_uu > (self.limits.max_bolus_uu or 0):
                raise BrokenError("LIM-02", effect)
        if bolus.id in self.programmed:
            raise BrokenError("BOL-03", effect)
        self.programmed[bolus.id] = bolus.programmed_uu
        start_us = self.now_us + self.device.bolus_start_delay_us
        for channel, amount_uu, duration_us in (
            ("extended", bolus.extended_uu, bolus.extended_us),
            ("bolus", bolus.fast_uu, self.device.bolus_duration_us(bolus.fast_uu) if bolus.fast_uu else 0),
        ):
            if amount_uu:
                self.parts[bolus.id, channel] = Part()
                steps = amount_uu // self.device.step_uu
                self.trains.append(Train(bolus.id, channel, start_us, duration_us, steps))

    def ended(self, effect: said.BolusDelivered) -> None:
        """Follow the record of a bolus: it must say what was ordered and has not failed."""
        bolus, step_uu = effect.bolus, self.device.step_uu
        mine = [order for order in self.orders.values() if order.bolus_id == bolus.id]
        counted = sum(order.steps for order in mine if order.fate != "failed") * step_uu
        if bolus.delivered_uu != counted or bolus.delivered_uu + bolus.not_delivered_uu != bolus.programmed_uu:
            raise BrokenError("BOL-07", effect, counted)
        if bolus.id in self.recorded or bolus.programmed_uu != self.programmed[bolus.id]:
            raise BrokenError("BOL-07", effect)
        self.recorded.add(bolus.id)

    def temp_begun(self, effect: said.TempStarted, event: events.Event) -> None:
        """Follow a temp basal: confirmed, or such that it takes nothing but away."""
        duration_us = effect.until_us - self.now_us
        if effect.percent is not None:
            self.temp = PercentTemp(self.now_us, duration_us, effect.percent)
        else:
            self.temp = AbsoluteTemp(self.now_us, duration_us, effect.rate_uu_per_h or 0)
        if not isinstance(event, events.Confirm):
            for at_us in (self.now_us, *(self.now_us + hours * H for hours in range(25))):
                if self.programmed_rate(at_us) > self.profile_rate(at_us):
                    raise BrokenError("TMP-04", effect)

    def offered(self, amount_uu: int) -> None:
        """An offer after a return is at most what was missed."""
        if amount_uu * H > self.missed_fine:
            raise BrokenError("SUS-07", amount_uu, self.missed_fine)

    # After each step -----------------------------------------------------------------------------------------------

    def settle_alarms(self) -> None:
        """Derive the stopping causes that nobody reports."""
        derived = {
            Kind.RESERVOIR_EMPTY: self.state not in CHANGING
            and self.reservoir_uu is not None
            and self.reservoir_uu < self.device.step_uu,
            Kind.BATTERY_EMPTY: self.battery is not None and self.battery <= 2,
        }
        for kind, there in derived.items():
            if there and not self.causes.get(kind, [False])[0]:
                self.raised(kind)
            elif not there:
                self.gone(kind)

    def check_due(self) -> None:
        """What fell due was ordered or missed, and nothing else: never ahead, never behind."""
        for key, due in self.due().items():
            part = self.part(*key)
            if part.ordered + part.missed > due:
                raise BrokenError("DEL-01 ahead", key, part, due)
            if part.ordered + part.missed < due and not self.device.grid_us:
                raise BrokenError("DEL-01 behind", key, part, due)

    def without_us(self) -> int:
        """Time since therapy insulin was last confirmed, or since the first start."""
        if self.begun_us is None:
            return 0
        confirmed = [each.at_us for each in self.orders.values() if each.therapy and each.fate == "confirmed"]
        return self.now_us - max([self.begun_us, *confirmed])


STOPPING: Final = {
    Kind.SYSTEM_ISSUE,
    Kind.MECHANICAL_ISSUE,
    Kind.OCCLUSION_DETECTED,
    Kind.INFUSION_SET_DETACHED,
}
"""The faults that the machine reports; each stops."""


def places(model: Model) -> dict[str, Any]:
    """Sum up therapy steps by place, as the ledger must have them."""
    sums = dict.fromkeys(("outstanding", "confirmed", "uncertain", "failed"), 0)
    for order in model.orders.values():
        if order.therapy:
            sums[order.fate] += order.steps
    return sums
