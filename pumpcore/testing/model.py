"""What a pump must do, said once more from the requirements: slow, plain, and knowing nothing of how the pump does it.

The rule of this file: a model watches events and effects and keeps its own books in whole steps and in exact integers
(`_fine`: what 1 uu/h earns in 1 us). Of `pumpcore.pump` it imports events and effects only. A state
is its name as text. `watch` takes an event that the pump has accepted and what it answered; whatever contradicts the
requirements is a `ContractError` that names one.

What it checks, by requirement: when each step is due and that none is ahead or behind (DEL-01), in which order and on
which instants pulses leave (DEL-05), lateness (DEL-07), numbers and outcomes (DEL-08), no pulse while stopped (DEL-12),
whole steps (DEL-15), caps and limits (LIM-02, LIM-04, LIM-05), temp basals (TMP-01, TMP-04), boluses and proposals
(BOL-01, BOL-03, BOL-07), suspend and its policies (SUS-01, SUS-02, SUS-03, SUS-05, SUS-07), reservoir and priming
(RES-01, RES-06, RES-07), modes (MOD-01, MOD-03, MOD-07), alarms that stop (ALM-09), the calculator (ADV-02, ADV-03,
ADV-04, ADV-07), low-glucose suspend and controllers (GLU-02, GLU-03, GLU-04, GLU-05, STA-02). What a pump says of
itself is held against these books in `machine` and `contract`, which name the requirements for that.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

from pumpcore.alarms import AnnunciationChanged, Kind, What
from pumpcore.frozen import dataclass, field
from pumpcore.pump import effects as said
from pumpcore.pump import events
from pumpcore.pump.events import SuspendCause
from pumpcore.testing.care import Care, Low, Readings, most_advised
from pumpcore.testing.errors import ContractError
from pumpcore.testing.wall import Clock
from pumpcore.therapy.glucose import BolusRequest, RateRequest
from pumpcore.therapy.profile import AbsoluteTemp, PercentTemp
from pumpcore.units import US_PER_DAY as DAY
from pumpcore.units import US_PER_HOUR as H

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pumpcore.devices import Device
    from pumpcore.limits import Limits
    from pumpcore.pump import Config
    from pumpcore.therapy.profile import TempBasal, WeekPlan

UNCERTAIN_MOST: Final = 100
BATTERY_EMPTY_PERCENT: Final = 2
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
CANCELS_TEMP: Final = {"roche_stop", "tandem", "omnipod"}
LOW_CAUSES: Final = {SuspendCause.LOW_GLUCOSE, SuspendCause.PREDICTED_LOW_GLUCOSE}
NEWS: Final = said.BolusProgrammed | said.TempStarted | said.TempEnded


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
    """A part of a bolus: `steps` from `start_us` on, over `duration_us`; those before a pause are `Part.due_before`."""

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
    """The books of a pump that was made with `config` at 0."""

    config: Config
    device: Device = field(init=False)
    policy: str = field(init=False)
    limits: Limits = field(init=False)
    caps: Limits = field(init=False)
    plan: WeekPlan | None = field(init=False)
    clock: Clock | None = field(init=False)
    readings: Readings = field(default_factory=Readings)
    care: Care = field(init=False)
    low: Low | None = field(init=False)
    now_us: int = 0
    state: str = "standby"
    cause: SuspendCause | None = None
    reservoir_uu: int | None = None
    reservoirs: int = 0
    primed: bool = False
    set_off_body: bool = False
    tubing_primed: bool = False
    begun_us: int | None = None
    suspended_us: int = 0
    began_low: bool = False  # the suspend began for low glucose: nothing of it is ever made up
    paused: bool = False  # suspended by a person or for glucose, not by a fault
    missed_fine: int = 0
    temp: TempBasal | None = None
    earned_fine: int = 0
    earned_grid_fine: int = 0  # of that, what was earned by the last instant of the actuator's grid
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
    asked_on: dict[int, tuple[int, tuple[object, ...], bool]] = field(default_factory=dict)
    changed: int = 0  # mode, limits, plan and clock, how often
    begun_boluses: int = 0
    controller_id: int = 0
    controller_done: set[int] = field(default_factory=set)
    was_ready: bool = False  # to resume, before the event
    raised_now: set[Kind] = field(default_factory=set)  # by this event
    could_end: bool = False  # a low-glucose suspend, before the event

    def __post_init__(self) -> None:
        """Take the config apart."""
        config = self.config
        self.device, self.policy, self.plan = config.device, config.suspend_policy, config.plan
        self.limits = self.caps = config.limits
        self.clock = None if config.anchor is None else Clock(config.zone, config.anchor.shift_us)
        self.care = Care(config.alarms, config.meals, self.readings)
        self.low = None if config.low_suspend is None else Low(config.low_suspend, self.readings)

    # What is so ----------------------------------------------------------------------------------------------------

    def facts(self) -> dict[str, bool]:
        """Answer what the modes ask (MOD-01, STA-01)."""
        left = self.reservoir_uu or 0
        return {
            "time_set": self.clock is not None,
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
        """Give the rate of the profile at an instant (PRF-03, TIM-01)."""
        return 0 if self.plan is None or self.clock is None else self.clock.rate(self.plan, at_us)

    def programmed_rate(self, at_us: int) -> int:
        """Give the rate that is programmed from an instant on, delivered or not (TMP-01)."""
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
        if self.plan is not None and self.clock is not None:
            found |= self.clock.edges(self.plan, self.now_us, to_us)
        return sorted(each for each in found if self.now_us < each <= to_us)

    def basis(self, *, by_advice: bool) -> tuple[object, ...]:
        """Give what a proposal rests on (BOL-04, ADV-07)."""
        latest = self.readings.latest
        return (self.changed, self.begun_boluses, latest) if by_advice else (self.changed,)

    def confirmable(self, number: int) -> bool:
        """Whether a proposal is neither expired nor overtaken."""
        if number not in self.asked_on or number in self.answered:
            return False
        until_us, basis, by_advice = self.asked_on[number]
        return self.now_us <= until_us and basis == self.basis(by_advice=by_advice)

    # Time ----------------------------------------------------------------------------------------------------------

    def pass_time(self, to_us: int) -> None:
        """Earn what is earned until then, in the state of now."""
        for edge_us in self.edges(to_us):
            rate = self.programmed_rate(self.now_us)
            earned, grid_us = rate * (edge_us - self.now_us), self.leaves_by(edge_us)
            if grid_us > self.now_us:
                in_force = rate if self.state == "running" else 0
                self.earned_grid_fine = self.earned_fine + in_force * (grid_us - self.now_us)
            if self.state == "running":
                self.earned_fine += earned
            elif self.state == "suspended" and self.paused:
                self.missed_fine += earned
            self.now_us = edge_us

    def leaves_by(self, at_us: int) -> int:
        """Give the last instant up to then at which the actuator moves: any, or one of its grid (DEL-05)."""
        return at_us - at_us % self.device.grid_us if self.device.grid_us else at_us

    def due(self) -> dict[tuple[int, str], int]:
        """Count what must have been ordered or missed by now, for each channel of each bolus and for basal (DEL-01).

        On a grid these are the steps that were earned by its last instant: so a step is late by less than one grid.
        """
        due = {(0, "basal"): self.earned_grid_fine // (self.device.step_uu * H)}
        for key, part in self.parts.items():
            due[key] = part.due_before
        for train in self.trains:
            due[train.bolus_id, train.channel] += train.due(self.leaves_by(self.now_us))
        return due

    def hold(self) -> None:
        """Take running trains out: their steps so far are counted, what is left waits with the time that is left."""
        for train in self.trains:
            if train.held:
                continue
            done = train.due(self.leaves_by(self.now_us))
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
                self.parts[train.bolus_id, train.channel].due_before += train.due(self.leaves_by(self.now_us))
        self.trains = [train for train in self.trains if bolus_id not in {None, train.bolus_id}]

    # Modes ---------------------------------------------------------------------------------------------------------

    def moved(self, change: said.ModeChanged, event: events.Event) -> None:
        """Follow a change of mode that the pump has told of, if the rules allow it."""
        if change.trigger in {"clear", "fault"}:
            self.settle_alarms()
        before, after = change.before.value, change.after.value
        if before != self.state or leads_to(before, change.trigger, self.facts()) != after:
            raise ContractError("MOD-01", change, self.state, self.facts())
        if change.trigger == "fault" and not self.causes:
            raise ContractError("MOD-07", change, event)
        if after == "running":
            self.may_run(change, event)
        self.changed += 1
        if self.low is not None:
            self.low.ends(change.at_us, by_hand=isinstance(event, events.Resume), by_itself=after == "running")
        if before == "running":
            self.stopped(after, event)
        elif after == "running":
            in_time = self.paused and self.now_us - self.suspended_us <= PAUSE_US
            for train in self.trains:
                train.held, train.start_us = False, self.now_us + self.device.bolus_start_delay_us
            if not in_time:
                self.drop()
            self.paused = False
        else:
            self.drop()
            self.paused = False
        self.follow_cause(after)
        self.state = after

    def may_run(self, change: said.ModeChanged, event: events.Event) -> None:
        """Let delivery begin where a person wants it, or where a low-glucose suspend ends by itself."""
        if change.trigger == "start" and not isinstance(event, events.Start):
            raise ContractError("MOD-03", change, event)
        if change.trigger == "resume" and not isinstance(event, events.Resume):
            if self.low is None or self.cause not in LOW_CAUSES:
                raise ContractError("SUS-02", change, event)
            if self.low.may_end(change.at_us) is False and not self.could_end:
                raise ContractError("GLU-02", "ends too early", change, self.low)

    def stopped(self, after: str, event: events.Event) -> None:
        """Follow delivery that stops: why, what is held, and what the policy ends."""
        self.suspended_us = self.now_us
        self.missed_fine %= self.device.step_uu * H  # the part of a step is carried
        self.paused = after == "suspended"
        self.began_low = self.paused and isinstance(event, events.GlucoseMeasured)
        if self.policy == "roche_pause" and self.paused:
            self.hold()
        else:
            self.drop()
        if not self.paused:
            return
        match event:
            case events.Suspend(_, cause):
                self.cause = cause
            case events.Disconnect(_, duration_us):
                self.cause = SuspendCause.DISCONNECT
                self.care.disconnected_until_us = self.now_us + duration_us
            case events.SetLimits():
                self.cause = SuspendCause.PERSON
            case events.GlucoseMeasured():
                if self.low is None:
                    raise ContractError("STA-02", event)
                if self.low.may_begin(self.now_us) is False:
                    raise ContractError("GLU-03 GLU-04", event, self.low)
                self.low.since_us, self.cause = self.now_us, SuspendCause.LOW_GLUCOSE
            case _:
                raise ContractError("SUS-01", "stops by itself", event)

    def follow_cause(self, after: str) -> None:
        """Say why it is suspended: only an alarm's cause lasts through its end."""
        if after == "alarm":
            self.cause = SuspendCause.ALARM
        elif after != "suspended":
            self.cause = None
        if self.cause is not SuspendCause.DISCONNECT:
            self.care.disconnected_until_us = None

    # What the pump answers -----------------------------------------------------------------------------------------

    def watch(self, event: events.Event, effects: Iterable[object]) -> None:
        """Follow an event that was accepted, with all that the pump answered to it."""
        found = list(effects)
        if self.is_again(event):  # the first answer once more: news, but nothing happens
            found = [each for each in found if self.is_by_time(each) or not isinstance(each, NEWS)]
        changes = [each for each in found if isinstance(each, said.ModeChanged)]
        self.raised_now = {
            each.annunciation.kind
            for each in found
            if isinstance(each, AnnunciationChanged) and each.what is What.RAISED
        }
        self.was_ready = leads_to(self.state, "resume", self.facts()) is not None
        for change in changes:  # what happens by itself on the way to the event
            if change.at_us < event.at_us:
                self.pass_time(change.at_us)
                self.ended_temps(found, change.at_us)
                self.moved(change, event)
        self.pass_time(event.at_us)
        self.unanswered()
        self.caps = self.limits
        self.could_end = self.low is not None and self.low.may_end(self.now_us) is not False
        late_us = event.at_us - self.config.lateness_us
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
        self.settle_low(event)

    def is_again(self, event: events.Event) -> bool:
        """Whether an event was carried out already and is only answered."""
        if isinstance(event, events.ControllerAsks):
            return event.request.id in self.controller_done
        return isinstance(event, events.Confirm) and event.proposal_id in self.answered

    @staticmethod
    def is_by_time(effect: object) -> bool:
        """Say whether an effect comes of time alone."""
        if isinstance(effect, said.StepsMissed):
            return effect.cause != "failed"
        return isinstance(effect, said.FirePulse) or (
            isinstance(effect, said.TempEnded) and effect.reason is said.EndReason.OVER
        )

    def unanswered(self) -> None:
        """Make a pulse uncertain whose outcome stays open for too long (DEL-11)."""
        for order in self.orders.values():
            if order.fate == "outstanding" and order.at_us + self.config.unanswered_us <= self.now_us:
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
            case events.ClockSet(_, anchor, zone):
                self.clock, self.changed = Clock(zone, anchor.shift_us), self.changed + 1
            case events.SetLimits(_, limits):
                self.limits, self.changed = limits, self.changed + 1
            case events.GlucoseMeasured(_, reading, _):
                self.readings.add(reading, self.now_us)
            case events.Suspend(_, cause) if self.state == "suspended":
                self.overlaid(cause)
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
                    self.plan, self.changed = request.plan, self.changed + 1
            case _:
                pass
        if isinstance(event, events.Request):
            self.care.person_us = self.now_us

    def effect(self, effect: object, event: events.Event, *, late: int) -> None:  # noqa: C901, PLR0912 - one rule for each
        """Follow one effect."""
        match effect:
            case said.FirePulse():
                self.fired(effect, late)
            case said.PrimePulse():
                if not isinstance(event, events.Prime) or effect.amount_uu != event.amount_uu:
                    raise ContractError("RES-07", effect, event)
                if self.state not in CHANGING[2:4]:
                    raise ContractError("RES-06", effect, self.state)
                self.take(effect.amount_uu)
                self.order(effect.seq, Order(effect.at_us, 0, effect.steps, therapy=False, reservoir=self.reservoirs))
                self.tubing_primed = True
            case said.StepsMissed():
                if effect.cause != "failed":
                    self.part(effect.bolus_id, effect.channel).missed += effect.steps
                if effect.cause == "late" and event.at_us - self.config.lateness_us < 0:
                    raise ContractError("DEL-07", effect)
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
                self.temp_ended(effect, event)
            case said.Proposed():
                self.proposed(effect, event)
            case said.BolusCalculated():
                self.calculated(effect, event)
            case _:
                pass

    def after(self, event: events.Event) -> None:
        """Take over what follows from the event once all is done: new states of the change, alarms."""
        match event:
            case events.Start() if self.begun_us is None:
                self.begun_us = event.at_us
            case events.ControllerAsks(_, request):
                self.controller_done.add(request.id)
                self.controller_id = max(self.controller_id, request.id)
            case events.BeginChange():
                self.primed = self.tubing_primed = False
            case events.Connected():
                self.primed, self.set_off_body = True, False
            case _:
                pass

    # Single rules --------------------------------------------------------------------------------------------------

    def part(self, bolus_id: int, channel: str) -> Part:
        """Give the books of one channel of one bolus, or of basal."""
        return self.basal if channel == "basal" else self.parts[bolus_id, channel]

    def take(self, amount_uu: int) -> None:
        """Take insulin out of the reservoir."""
        if self.reservoir_uu is None or amount_uu > self.reservoir_uu:
            raise ContractError("RES-01", amount_uu, self.reservoir_uu)
        self.reservoir_uu -= amount_uu

    def order(self, seq: int, order: Order) -> None:
        """Note an order under its number."""
        if seq in self.orders:
            raise ContractError("DEL-08", seq)
        self.orders[seq] = order

    def fired(self, pulse: said.FirePulse, late: int) -> None:
        """Follow a therapy pulse."""
        if self.device.grid_us and pulse.at_us % self.device.grid_us:
            raise ContractError("DEL-05", pulse, "is on no grid")
        if self.state != "running" and pulse.at_us > self.suspended_us:
            raise ContractError("DEL-12", pulse, self.state)
        if pulse.at_us <= late:
            raise ContractError("DEL-07", pulse, late)
        if pulse.at_us > self.now_us or (self.pulses and pulse.at_us < self.pulses[-1][0] + self.device.gap_us):
            raise ContractError("DEL-05", pulse, self.pulses[-1:])
        if pulse.amount_uu != pulse.steps * self.device.step_uu or pulse.steps < 1:
            raise ContractError("DEL-15", pulse)
        self.take(pulse.amount_uu)
        self.order(pulse.seq, Order(pulse.at_us, pulse.bolus_id, pulse.steps, therapy=True, reservoir=self.reservoirs))
        self.part(pulse.bolus_id, pulse.channel).ordered += pulse.steps
        self.pulses.append((pulse.at_us, pulse.amount_uu))
        for span_us, cap_uu, name in ((H, self.caps.max_hour_uu, "LIM-04"), (DAY, self.caps.max_day_uu, "LIM-05")):
            within = sum(uu for at_us, uu in self.pulses if at_us > pulse.at_us - span_us)
            if cap_uu is not None and within > cap_uu:
                raise ContractError(name, pulse, within, cap_uu)
        self.pulses = [each for each in self.pulses if each[0] > pulse.at_us - DAY]

    def outcome(self, seq: int, fate: str) -> None:
        """Follow the outcome of a pulse that the pump has accepted."""
        order = self.orders.get(seq)
        if order is None or order.fate in {"confirmed", "failed"} or order.fate == fate:
            raise ContractError("DEL-08", seq, order)
        order.fate = fate
        if fate == "failed" and self.reservoir_uu is not None and order.reservoir == self.reservoirs:
            self.reservoir_uu += order.steps * self.device.step_uu

    def raised(self, kind: Kind) -> None:
        """Note a stopping cause that nobody has confirmed."""
        self.causes[kind] = [True, False]

    def gone(self, kind: Kind) -> None:
        """Note that a stopping cause is gone."""
        if kind in self.causes:
            self.causes[kind][0] = False
            self.clear(kind)

    def confirmed(self, kind: Kind) -> None:
        """Note that the person has confirmed a stopping alarm."""
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
                raise ContractError("ALM-09", effect)
            self.raised(kind)

    def clear(self, kind: Kind) -> None:
        """End an alarm whose cause is gone and that was confirmed (ALM-03)."""
        if self.causes[kind] == [False, True]:
            del self.causes[kind]

    def begun(self, effect: said.BolusProgrammed, event: events.Event) -> None:
        """Follow a bolus that begins: only by a confirmation, or a pause that is made up."""
        bolus = effect.bolus
        if isinstance(event, events.Resume):
            if self.policy != "roche_pause" or self.began_low or bolus.programmed_uu * H > self.missed_fine:
                raise ContractError("SUS-05", effect, self.missed_fine)
        elif isinstance(event, events.ControllerAsks):
            self.controlled(event, effect)
        elif not isinstance(event, events.Confirm):
            raise ContractError("BOL-01", effect, event)
        else:
            request = self.asked[event.proposal_id]
            if not isinstance(request, events.ProposeBolus) or (request.fast_uu, request.extended_uu) != (
                bolus.fast_uu,
                bolus.extended_uu,
            ):
                raise ContractError("BOL-01", effect, request)
            if bolus.programmed_uu > (self.limits.max_bolus_uu or 0):
                raise ContractError("LIM-02", effect)
        if bolus.id in self.programmed:
            raise ContractError("BOL-03", effect)
        self.programmed[bolus.id] = bolus.programmed_uu
        self.begun_boluses += 1
        self.care.bolus_us = self.now_us
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
            raise ContractError("BOL-07", effect, counted)
        if bolus.id in self.recorded or bolus.programmed_uu != self.programmed[bolus.id]:
            raise ContractError("BOL-07", effect)
        self.recorded.add(bolus.id)

    def temp_begun(self, effect: said.TempStarted, event: events.Event) -> None:
        """Follow a temp basal: confirmed, or such that it takes nothing but away."""
        duration_us = effect.until_us - self.now_us
        if effect.percent is not None:
            self.temp = PercentTemp(self.now_us, duration_us, effect.percent)
        else:
            self.temp = AbsoluteTemp(self.now_us, duration_us, effect.rate_uu_per_h or 0)
        if isinstance(event, events.ControllerAsks):
            self.controlled(event, effect)
        elif not isinstance(event, events.Confirm):
            for at_us in (self.now_us, *(self.now_us + hours * H for hours in range(25))):
                if self.programmed_rate(at_us) > self.profile_rate(at_us):
                    raise ContractError("TMP-04", effect)

    def temp_ended(self, effect: said.TempEnded, event: events.Event) -> None:
        """Follow the end of a temp basal: by its time, by another one, by a person, or by a stop that ends it."""
        if effect.reason is said.EndReason.OVER:
            if self.temp is not None and effect.at_us != self.temp.start_us + self.temp.duration_us:
                raise ContractError("TMP-01", effect, self.temp)
        elif isinstance(event, events.CancelTemp | events.Confirm | events.ProposeTemp | events.ControllerAsks):
            pass
        elif self.state == "running" or (self.state == "suspended" and self.policy not in CANCELS_TEMP):
            raise ContractError("SUS-03", effect, event)
        self.temp = None

    def proposed(self, effect: said.Proposed, event: events.Event) -> None:
        """Follow a proposal."""
        proposal = effect.proposal
        if not isinstance(proposal.request, events.Event):
            raise ContractError("BOL-01", effect)
        self.asked[proposal.id] = proposal.request
        until_us = self.now_us + self.config.proposal_us
        self.asked_on[proposal.id] = until_us, self.basis(by_advice=proposal.by_advice), proposal.by_advice
        if isinstance(event, events.Resume):
            self.offered(proposal.amount_uu)
        elif proposal.by_advice != isinstance(event, events.AskAdvice):
            raise ContractError("ADV-07", effect, event)

    def calculated(self, effect: said.BolusCalculated, event: events.Event) -> None:
        """Follow what the bolus calculator says."""
        calculator, advice = self.config.calculator, effect.advice
        if calculator is None or not isinstance(event, events.AskAdvice):
            raise ContractError("STA-02", effect, event)
        value = self.readings.usable(self.now_us)
        if value is not None and value < calculator.hard_low.exact_mg_dl:
            raise ContractError("ADV-03", effect, value)
        if value is None and advice.correction_uu:
            raise ContractError("ADV-04", effect)
        ahead_uu = sum(train.steps - train.due(self.now_us) for train in self.trains) * self.device.step_uu
        bound_uu = Fraction(self.limits.max_bolus_uu or 0)
        most_uu = min(most_advised(calculator, event.carbs_mg, value, ahead_uu), bound_uu)
        if advice.suggested_uu > most_uu:
            raise ContractError("ADV-02", advice, most_uu)

    def controlled(self, event: events.ControllerAsks, effect: said.BolusProgrammed | said.TempStarted) -> None:
        """Follow what a controller has got: within the person's bounds, and what it asked for."""
        request, bounds = event.request, self.config.controller
        fits = 0 <= self.now_us - request.at_us <= bounds.max_age_us and request.id > self.controller_id
        if isinstance(request, RateRequest) and isinstance(effect, said.TempStarted):
            fits &= effect.rate_uu_per_h == request.rate_uu_per_h <= bounds.max_rate_uu_per_h
            fits &= request.rate_uu_per_h <= (self.limits.max_temp_basal_uu_per_h or 0)
            fits &= effect.until_us - self.now_us == request.duration_us <= bounds.max_duration_us
        elif isinstance(request, BolusRequest) and isinstance(effect, said.BolusProgrammed):
            fits &= effect.bolus.programmed_uu == request.amount_uu <= bounds.max_bolus_uu
            fits &= request.amount_uu <= (self.limits.max_bolus_uu or 0)
        else:
            fits = False
        if not fits:
            raise ContractError("GLU-05", event, effect)

    def overlaid(self, cause: SuspendCause, *, by_itself: bool = False) -> None:
        """Give a suspend another cause: a person's, whatever it was (SUS-02)."""
        self.cause = cause
        self.care.disconnected_until_us = None
        if self.low is not None:
            self.low.ends(self.now_us, by_itself=by_itself)

    def same_cause(self, cause: SuspendCause | None) -> bool:
        """Whether the pump knows why it is suspended."""
        taken = self.cause in LOW_CAUSES and cause is SuspendCause.PERSON and not self.was_ready
        # It may end by the trend of glucose, which this model does not know, but must not run.
        if taken and self.low is not None and self.low.may_end(self.now_us) is not False:
            self.overlaid(SuspendCause.PERSON, by_itself=True)
        return cause is self.cause or {cause, self.cause} <= LOW_CAUSES

    def offered(self, amount_uu: int) -> None:
        """Look that an offer after a return is at most what was missed (SUS-07)."""
        if amount_uu * H > self.missed_fine:
            raise ContractError("SUS-07", amount_uu, self.missed_fine)

    # After each step -----------------------------------------------------------------------------------------------

    def settle_alarms(self) -> None:
        """Derive the stopping causes that nobody reports."""
        derived = {
            Kind.RESERVOIR_EMPTY: self.state not in CHANGING
            and self.reservoir_uu is not None
            and self.reservoir_uu < self.device.step_uu,
            Kind.BATTERY_EMPTY: self.battery is not None and self.battery <= BATTERY_EMPTY_PERCENT,
            Kind.AUTO_OFF: self.care.auto_off(self.state, self.now_us),
        }
        for kind, there in derived.items():
            if there and not self.causes.get(kind, [False])[0]:
                self.raised(kind)
            elif not there:
                self.gone(kind)

    def settle_low(self, event: events.Event) -> None:
        """End a low-glucose suspend in time and without readings; where it must not go on to run, it is a person's."""
        if self.low is None:
            return
        if self.low.since_us is not None and self.low.may_end(self.now_us) is True:
            if self.was_ready:
                raise ContractError("GLU-02 GLU-04", "lasts too long", self.low, self.now_us)
            self.overlaid(SuspendCause.PERSON, by_itself=True)
        # This very reading may have ended one, by its trend.
        just_ended = bool(self.low.spans) and self.low.spans[-1][1] == self.now_us
        measured = isinstance(event, events.GlucoseMeasured) and self.state == "running"
        if measured and self.low.may_begin(self.now_us) and not just_ended:
            raise ContractError("GLU-02", "does not suspend", event, self.low)

    def reminders(self) -> dict[Kind, bool]:
        """Which reminders are due."""
        stopped = self.state in {"suspended", "alarm"} and self.begun_us is not None
        stopped_us = self.suspended_us if stopped else None
        return self.care.due(self.now_us, clock=self.clock, stopped_us=stopped_us, begun_us=self.begun_us)

    def check_due(self) -> None:
        """Look that what fell due was ordered or missed: never ahead, never behind (DEL-01).

        With a gap a step may wait: how far basal is behind is then not checked, nor a bolus that was once held up.
        """
        for key, due in self.due().items():
            part = self.part(*key)
            if part.ordered + part.missed > due:
                raise ContractError("DEL-01 ahead", key, part, due)
            if part.ordered + part.missed < due and not self.may_wait(part):
                raise ContractError("DEL-01 behind", key, part, due)

    def may_wait(self, part: Part) -> bool:
        """Say whether steps may wait for an actuator that needs a gap between pulses (DEL-05).

        One that is free lets the next step leave. But a raise of basal waits until what is under way allows it, and
        steps that wait when delivery stops, or a bolus ends, do not leave any more.
        """
        if not self.device.gap_us:
            return False
        if part is self.basal or part.due_before:
            return True
        return bool(self.pulses) and self.now_us < self.pulses[-1][0] + self.device.gap_us

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
