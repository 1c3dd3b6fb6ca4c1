"""What must hold, checked from outside: books of what goes into a pump and what comes out of it.

The rules of this file: `Books` sees events, effects and what a motor has really moved, and asks the pump itself only to
compare. It keeps whole steps and exact integers. Each check names a requirement of `specs/requirements.md`, is counted,
and raises `BrokenError` where the requirement does not hold.
"""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING, Final, NamedTuple

from pumpcore.alarms import TABLE, AnnunciationChanged, Clears, Kind, Priority, Sound, What
from pumpcore.alarms import Status as Answered
from pumpcore.devices.suspend import POLICIES
from pumpcore.errors import PumpcoreError
from pumpcore.frozen import dataclass
from pumpcore.pump import Pump, events
from pumpcore.pump import effects as said
from pumpcore.pump.modes import State
from pumpcore.sim.programme import Programme
from pumpcore.therapy.glucose import RateRequest
from pumpcore.therapy.iob import Curve
from pumpcore.therapy.profile import AbsoluteTemp, PercentTemp
from pumpcore.units import US_PER_DAY, US_PER_HOUR, US_PER_MINUTE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pumpcore.alarms import Annunciation
    from pumpcore.pump import Config
    from pumpcore.pump.effects import Effect
    from pumpcore.pump.events import Event

__all__ = ["Books", "BrokenError", "Order", "Window"]

_FRESH_US: Final = US_PER_HOUR
_CURVE: Final = Curve.exponential(360, 75)  # of what is younger than an hour it has three quarters on board, and more
_SILENT_US: Final = 4 * US_PER_MINUTE + 1  # two minutes between sounds, after an audio pause of two minutes
_ENDS_PRIMED: Final = (events.BeginChange, events.ReservoirRemoved)


class BrokenError(PumpcoreError):
    """A requirement does not hold.

    Attributes:
        requirement: its id.
        what: what contradicts it.
    """

    def __init__(self, requirement: str, *what: object) -> None:
        """Name the requirement and what contradicts it."""
        super().__init__(requirement, *what)
        self.requirement = requirement
        self.what = ", ".join(str(each) for each in what)

    def __str__(self) -> str:
        """One line: requirement, what."""
        return f"{self.requirement}: {self.what}"


class Window:
    """A sum over a sliding window of time.

    Args:
        span_us: how long it is; what was added exactly so long ago is no longer in it.

    Example:
        >>> window = Window(10)
        >>> window.add(0, 5), window.add(9, 1), window.add(10, 1)
        (5, 6, 2)
    """

    def __init__(self, span_us: int) -> None:
        """Begin with nothing in it."""
        self._span_us = span_us
        self._held: deque[tuple[int, int]] = deque()
        self._sum = 0

    def add(self, at_us: int, amount: int) -> int:
        """Add an amount at an instant that is not before the last one, and say what is in the window then."""
        self._held.append((at_us, amount))
        self._sum += amount
        return self.at(at_us)

    def at(self, at_us: int) -> int:
        """Say what is in the window that ends at an instant."""
        while self._held and self._held[0][0] <= at_us - self._span_us:
            self._sum -= self._held.popleft()[1]
        return self._sum


class Order(NamedTuple):
    """A pulse that was ordered and is open."""

    at_us: int
    bolus_id: int
    steps: int
    therapy: bool
    reservoir: int
    fate: str = "outstanding"


@dataclass(slots=True)
class Train:
    """A part of a bolus that runs: it can only be held against its time while nothing has held it up."""

    start_us: int
    duration_us: int
    steps: int
    loose: bool = False
    done: int = 0

    def due(self, at_us: int) -> int:
        """Whole steps earned by an instant."""
        if self.loose:
            return self.steps
        return min(max(self.steps * (at_us - self.start_us) // self.duration_us, 0), self.steps)


class Books:
    """The books of one pump, through all its restarts.

    Attributes:
        checks: how often each requirement was held against what happened.
        state: of the mode machine, as the pump has told.
        orders: pulses whose outcome is open, by number.
        active: annunciations on the board, as the pump has told.
        counted: therapy steps by place.
    """

    def __init__(self, config: Config, at_us: int) -> None:
        """Begin in standby, with nothing delivered."""
        self.config = config
        self.device, self.step_uu = config.device, config.device.step_uu
        self.policy = POLICIES[config.suspend_policy]
        self.checks: Counter[str] = Counter()
        self.programme = Programme(config.device, config.plan, config.anchor, config.zone, at_us)
        self.seen_us = at_us
        self.limits = self.caps = config.limits
        self.state = State.STANDBY
        self.primed = False
        self.begun_us: int | None = None
        self.by_itself = self.began_low = self.paused = False
        self.next_seq = 1
        self.orders: dict[int, Order] = {}
        self.counted: Counter[str] = Counter()
        self.basal = 0
        self.trains: dict[tuple[int, str], Train] = {}
        self.boluses: dict[int, int] = {}
        self.recorded: set[int] = set()
        self.steps_of: Counter[int] = Counter()
        self.asked: dict[int, Event] = {}
        self.answers: dict[tuple[str, int], tuple[Effect, ...]] = {}
        self.reservoir_uu: int | None = None
        self.reservoirs = 0
        self.confirmed_us = at_us
        self.last_pulse_us = at_us
        self.last_sound_us = at_us
        self.hour, self.day, self.fresh = Window(US_PER_HOUR), Window(US_PER_DAY), Window(_FRESH_US)
        self.active: dict[Kind, Annunciation] = {}
        self.causes: set[Kind] = set()
        self.confirmed: set[int] = set()
        self.battery: int | None = None

    def must(self, requirement: str, holds: object, *what: object) -> None:
        """Count a check, and refuse what breaks it.

        Raises:
            BrokenError: it does not hold.
        """
        self.checks[requirement] += 1
        if not holds:
            raise BrokenError(requirement, *what)

    # What the pump has accepted -------------------------------------------------------------------------------------

    def watch(self, event: Event, answered: tuple[Effect, ...]) -> tuple[Effect, ...]:
        """Follow an event that the pump has accepted, with all that it answered.

        Returns:
            What is new of the answer: a request that is repeated is answered as the first time, and that is not to be
            carried out again.

        Raises:
            BrokenError: a requirement does not hold.
        """
        self.must("TIM-04", event.at_us >= self.seen_us, event, self.seen_us)
        self.seen_us = event.at_us
        asked = event.request if isinstance(event, events.Command) else event
        keys = self._keys(event)
        again = any(key in self.answers for key in keys)
        before = [each for key in keys for each in self.answers.get(key, ())]
        found = tuple(each for each in answered if each not in before)
        orders = [each for each in answered if isinstance(each, (said.FirePulse, said.PrimePulse))]
        self.must("CMD-01", not any(each in before for each in orders), "an order that is handed out again", event)
        if isinstance(event, events.PulseConfirmed) and not found:
            self._outcome(event.seq, "confirmed")  # it needs no time to pass
            return found
        self._unanswered(event.at_us)
        late_us = event.at_us - self.config.lateness_us
        # First what time brought on the way, then what the event says, then what follows from it.
        by_time = [each for at, each in enumerate(found) if self._by_time(each, event) or self._by_then(found, at)]
        for effect in by_time:
            self._effect(effect, asked, late_us)
        self._pass_to(event.at_us)
        if not again:
            self._told(asked)
        for effect in found:
            if effect not in by_time:
                self._effect(effect, asked, late_us)
        self._after(asked, again=again)
        for key in keys:
            self.answers.setdefault(key, found)
        self._agree(event)
        return found

    def kept(self, event: Event, before: bytes, pump: Pump) -> tuple[Effect, ...]:
        """Follow an event that was kept while the power went: nothing of what it led to was handed out.

        Args:
            event: the last one that is durable.
            before: a snapshot of the pump that it was given to.
            pump: the one that was started again.

        Returns:
            What the pump had answered, had it not lost its power.

        Raises:
            BrokenError: a requirement does not hold.
        """
        twin = Pump.restore(before)
        # Orders that were handed out before are no answer to this event.
        answered = tuple(each for each in twin.step(event) if getattr(each, "seq", self.next_seq) >= self.next_seq)
        self.must("PWR-03", twin.snapshot() == pump.snapshot(), "a restart gives a pump that never was", event)
        self.watch(event, answered)
        return answered

    @staticmethod
    def _keys(event: Event) -> list[tuple[str, int]]:
        """Name what an event could be a repetition of."""
        keys = []
        if isinstance(event, events.Command):
            keys.append(("command", event.id))
            event = event.request
        if isinstance(event, events.Confirm):
            keys.append(("confirm", event.proposal_id))
        elif isinstance(event, events.ControllerAsks):
            keys.append(("controller", event.request.id))
        return keys

    @staticmethod
    def _by_time(effect: Effect, event: Event) -> bool:
        """Say whether an effect came of time alone, on the way to the event."""
        if isinstance(effect, said.StepsMissed):
            return effect.cause != "failed"
        if isinstance(effect, (said.ModeChanged, said.TempEnded)) and effect.at_us < event.at_us:
            return True
        return isinstance(effect, said.FirePulse)

    @staticmethod
    def _by_then(found: tuple[Effect, ...], at: int) -> bool:
        """Say whether a bolus was recorded by time alone, before this event told that an uncertain pulse has failed."""
        rest = found[at:]
        return isinstance(rest[0], said.BolusDelivered) and any(
            isinstance(each, said.StepsMissed) and each.cause == "failed" for each in rest
        )

    def _pass_to(self, to_us: int) -> None:
        running = self.state is State.RUNNING
        self.programme.follow(to_us, delivering=running, missing=self.paused)

    def _unanswered(self, now_us: int) -> None:
        for seq, order in self.orders.items():
            if order.fate == "outstanding" and order.at_us + self.config.unanswered_us <= now_us:
                self._move(seq, order, "uncertain")

    # What the event says --------------------------------------------------------------------------------------------

    def _told(self, event: Event) -> None:  # noqa: C901, PLR0912  # one rule for each event
        match event:
            case events.PulseConfirmed(_, seq):
                self._outcome(seq, "confirmed")
            case events.PulseUnknown(_, seq):
                self._outcome(seq, "uncertain")
            case events.PulseFailed(_, seq):
                self._outcome(seq, "failed")
                self.causes.add(Kind.MECHANICAL_ISSUE)
            case events.ReservoirRemoved():
                self.reservoir_uu = None
                if self.state not in {State.REWIND, State.LOAD}:
                    self.causes.add(Kind.RESERVOIR_ISSUE)
            case events.ReservoirMeasured(_, amount_uu):
                self.reservoir_uu = amount_uu
                self.reservoirs += 1
                self.causes.discard(Kind.RESERVOIR_ISSUE)
            case events.FaultDetected(_, kind):
                self.causes.add(kind)
            case events.FaultGone(_, kind):
                self.causes.discard(kind)
            case events.BatteryMeasured(_, percent):
                self.battery = percent
            case events.ClockSet(_, anchor, zone):
                self.programme.anchor, self.programme.zone = anchor, zone
                self.programme.changed()
            case events.SetLimits(_, limits):
                self.limits = limits
            case events.Suspend():
                self.by_itself = False
            case events.Confirm(_, number):
                request = self.asked.get(number)
                self.must("BOL-01", request is not None, "a confirmation of nothing", event)
                if isinstance(request, events.ProposePlan):
                    self.programme.plan = request.plan
                    self.programme.changed()
            case _:
                pass
        if isinstance(event, _ENDS_PRIMED):
            self.primed = False

    def _after(self, event: Event, *, again: bool) -> None:
        self.caps = self.limits
        if again:
            return
        if isinstance(event, events.Start) and self.begun_us is None:
            self.begun_us = event.at_us
        elif isinstance(event, events.Connected):
            self.primed = True
            self.orders = {seq: order for seq, order in self.orders.items() if order.fate != "uncertain"}
        elif isinstance(event, events.CancelBolus):
            self._close(event.bolus_id)
        elif isinstance(event, events.ControllerAsks) and isinstance(event.request, RateRequest):
            self.must("GLU-05", event.request.rate_uu_per_h <= self.config.controller.max_rate_uu_per_h, event)

    def _close(self, bolus_id: int | None = None) -> None:
        """Let no more pulses of a bolus through, or of any."""
        self.trains = {key: train for key, train in self.trains.items() if bolus_id not in {None, key[0]}}

    # What the pump answers ------------------------------------------------------------------------------------------

    def _effect(self, effect: Effect, event: Event, late_us: int) -> None:  # noqa: C901, PLR0912  # one rule for each
        match effect:
            case said.FirePulse():
                self._fired(effect, late_us)
            case said.PrimePulse():
                self.must("RES-06", self.state in {State.PRIME, State.FILL}, effect, self.state)
                self.must("DEL-13", isinstance(event, events.Prime) and event.amount_uu == effect.amount_uu, effect)
                self._ordered(effect, 0, therapy=False)
            case said.StepsMissed():
                self.counted["missed"] += effect.steps * (effect.cause != "failed")
                if effect.cause != "failed":
                    self._advance(effect.bolus_id, effect.channel, effect.steps)
            case said.ModeChanged():
                self._pass_to(effect.at_us)
                self._moved(effect, event)
            case said.TempStarted():
                self._temp(effect, event)
            case said.TempEnded():
                self._pass_to(effect.at_us)
                if effect.reason is not said.EndReason.OVER:
                    self.programme.temp = None
                self.must("TMP-01", self.programme.temp is None, effect, self.programme.temp)
            case said.Proposed():
                self.asked[effect.proposal.id] = effect.proposal.request  # type: ignore[assignment]
                self.must("BOL-02", effect.proposal.expires_us == event.at_us + self.config.proposal_us, effect)
            case said.BolusProgrammed():
                self._begun(effect, event)
            case said.BolusDelivered():
                self._ended(effect)
            case AnnunciationChanged():
                self._annunciated(effect, event)
            case Sound():
                self.last_sound_us = effect.at_us
            case _:
                pass

    def _fired(self, pulse: said.FirePulse, late_us: int) -> None:
        at_us = pulse.at_us
        self.must("DEL-12", self.state is State.RUNNING, pulse, self.state)
        self.must("ALM-06", not self._stopping(), pulse, self._stopping())
        self.must("DEL-07", at_us > late_us, pulse, late_us)
        self.must("DEL-05", self.last_pulse_us <= at_us <= self.seen_us, pulse, self.last_pulse_us, self.seen_us)
        self.must("DEL-15", pulse.steps >= 1 and pulse.amount_uu == pulse.steps * self.step_uu, pulse)
        self.last_pulse_us = at_us
        self._advance(pulse.bolus_id, pulse.channel, pulse.steps)
        self._ordered(pulse, pulse.bolus_id, therapy=True)
        for requirement, window, cap_uu in (
            ("LIM-04", self.hour, self.caps.max_hour_uu),
            ("LIM-05", self.day, self.caps.max_day_uu),
        ):
            within_uu = window.add(at_us, pulse.amount_uu)
            self.must(requirement, cap_uu is not None and within_uu <= cap_uu, pulse, within_uu, cap_uu)
        if pulse.bolus_id:
            self.fresh.add(at_us, pulse.amount_uu)
            self.steps_of[pulse.bolus_id] += pulse.steps

    def _advance(self, bolus_id: int, channel: str, steps: int) -> None:
        """Book steps that fell due."""
        if channel == "basal":
            self.basal += steps
            return
        train = self.trains.get((bolus_id, channel))
        self.must("DEL-04", train is not None, "steps of a bolus that does not run", bolus_id, channel)
        if train is not None:
            train.done += steps
            self.must("DEL-01", train.done <= train.due(self.seen_us), "ahead", bolus_id, channel, train)

    def _ordered(self, pulse: said.FirePulse | said.PrimePulse, bolus_id: int, *, therapy: bool) -> None:
        self.must("DEL-08", pulse.seq == self.next_seq, pulse, self.next_seq)
        left_uu = self.reservoir_uu
        self.must("RES-01", left_uu is not None and left_uu >= pulse.amount_uu, pulse, left_uu)
        self.reservoir_uu = (left_uu or 0) - pulse.amount_uu
        self.next_seq += 1
        self.orders[pulse.seq] = Order(pulse.at_us, bolus_id, pulse.steps, therapy, self.reservoirs)
        if therapy:
            self.counted["outstanding"] += pulse.steps

    def _outcome(self, seq: int, fate: str) -> None:
        order = self.orders.get(seq)
        self.must("DEL-08", order is not None and order.fate != fate, "an outcome that nobody waits for", seq, fate)
        if order is None:
            return
        self._move(seq, order, fate)
        if fate == "uncertain":
            return
        del self.orders[seq]
        if fate == "confirmed" and order.therapy:
            self.confirmed_us = max(self.confirmed_us, order.at_us)
        if fate == "failed":
            self.steps_of[order.bolus_id] -= order.steps
            if order.reservoir == self.reservoirs and self.reservoir_uu is not None:
                most_uu = self.device.reservoir_uu
                self.reservoir_uu = min(self.reservoir_uu + order.steps * self.step_uu, most_uu)

    def _move(self, seq: int, order: Order, fate: str) -> None:
        if order.therapy:
            self.counted[order.fate] -= order.steps
            self.counted[fate] += order.steps
        self.orders[seq] = order._replace(fate=fate)

    def _moved(self, change: said.ModeChanged, event: Event) -> None:
        self.must("MOD-01", change.before is self.state, change, self.state)
        after = change.after
        if after is State.RUNNING:
            self._begins(change, event)
        if self.state is State.RUNNING:
            self.paused = after is State.SUSPENDED
            self.programme.missed %= self.step_uu * US_PER_HOUR  # the part of a step is carried
            self.began_low = self.by_itself = self.paused and isinstance(event, events.GlucoseMeasured)
            if self.paused and self.policy.keeps_boluses:
                for train in self.trains.values():
                    train.loose = True
            else:
                self._close()
        elif after is not State.SUSPENDED:
            if after is not State.RUNNING:
                self._close()
            self.by_itself = self.paused = False
        self.state = after

    def _begins(self, change: said.ModeChanged, event: Event) -> None:
        asked = isinstance(event, (events.Start, events.Resume)) and change.at_us == event.at_us
        self.must("MOD-03", change.before in {State.STANDBY, State.SUSPENDED}, change)
        self.must("SUS-02", asked or self.by_itself, change, event)
        ready = (
            self.programme.anchor is not None
            and self.programme.plan is not None
            and not self.limits.unset()
            and self.primed
            and (self.reservoir_uu or 0) >= self.step_uu
            and not self._stopping()
        )
        self.must("STA-01", ready, change, event)

    def _temp(self, effect: said.TempStarted, event: Event) -> None:
        self._pass_to(effect.at_us)
        asked = self.asked.get(event.proposal_id) if isinstance(event, events.Confirm) else event
        duration_us: int
        rate: int | None
        percent: int | None = None
        if isinstance(asked, events.ControllerAsks) and isinstance(asked.request, RateRequest):
            duration_us, rate = asked.request.duration_us, asked.request.rate_uu_per_h
        elif isinstance(asked, events.ProposeTemp):
            duration_us, rate, percent = asked.duration_us, asked.rate_uu_per_h, asked.percent
        else:
            raise BrokenError("TMP-04", "a temp basal that nobody has asked for", effect, event)
        same = (effect.until_us - effect.at_us, effect.rate_uu_per_h, effect.percent) == (duration_us, rate, percent)
        self.must("TMP-01", same, "another temp basal than was asked for", effect, asked)
        if percent is not None:
            self.programme.temp = PercentTemp(effect.at_us, duration_us, percent)
        else:
            self.programme.temp = AbsoluteTemp(effect.at_us, duration_us, rate or 0)
        if isinstance(event, events.ProposeTemp):
            adds = self.programme.rate() > self.programme.profile_rate()
            self.must("TMP-04", not adds, effect)
        now = self.programme.rate()
        self.must("LIM-09", now <= (self.limits.max_temp_basal_uu_per_h or 0), effect, now)

    def _begun(self, effect: said.BolusProgrammed, event: Event) -> None:
        bolus = effect.bolus
        if isinstance(event, events.Resume):
            bound = self.programme.missed + self.step_uu * US_PER_HOUR
            allowed = self.policy.makes_up_us and not self.began_low and bolus.programmed_uu * US_PER_HOUR <= bound
            self.must("SUS-05", allowed, effect, self.programme.missed)
        else:
            self.must("BOL-01", isinstance(event, (events.Confirm, events.ControllerAsks)), effect, event)
            self.must("LIM-02", bolus.programmed_uu <= (self.limits.max_bolus_uu or 0), effect)
            to_come_uu = sum(train.steps - train.done for train in self.trains.values()) * self.step_uu
            on_board_uu = self._fresh_uu() + to_come_uu + bolus.programmed_uu
            self.must("LIM-03", on_board_uu <= (self.limits.max_iob_uu or 0), effect, on_board_uu)
        self.must("BOL-03", bolus.id not in self.boluses, effect)
        self.boluses[bolus.id] = bolus.programmed_uu
        start_us = effect.at_us + self.device.bolus_start_delay_us
        if bolus.extended_uu:
            steps = bolus.extended_uu // self.step_uu
            self.trains[bolus.id, "extended"] = Train(start_us, bolus.extended_us, steps)
        if bolus.fast_uu:
            duration_us = self.device.bolus_duration_us(bolus.fast_uu, mode=bolus.speed)
            self.trains[bolus.id, "bolus"] = Train(start_us, duration_us, bolus.fast_uu // self.step_uu)

    def _ended(self, effect: said.BolusDelivered) -> None:
        bolus = effect.bolus
        delivered_uu = self.steps_of[bolus.id] * self.step_uu
        self.must("BOL-07", bolus.delivered_uu == delivered_uu, effect, delivered_uu)
        programmed_uu = self.boluses.get(bolus.id)
        whole = bolus.delivered_uu + bolus.not_delivered_uu == bolus.programmed_uu == programmed_uu
        self.must("DEL-06", whole, effect, programmed_uu)
        self.must("BOL-07", bolus.id not in self.recorded, effect, "is recorded twice")
        self.recorded.add(bolus.id)
        self._close(bolus.id)

    def _annunciated(self, change: AnnunciationChanged, event: Event) -> None:
        said_now, kind = change.annunciation, change.annunciation.kind
        if change.what is What.CLEARED:
            row = TABLE[kind]
            self.must("ALM-09", kind not in self.causes, change, "its cause is there")
            if row.clears is not Clears.GONE:
                self.must("ALM-03", said_now.id in self.confirmed, change, "nobody has confirmed it")
            self.active.pop(kind, None)
            return
        if change.what is What.AGAIN:
            self.confirmed.discard(said_now.id)
        elif change.what is What.CONFIRMED:
            by_hand = isinstance(event, events.ConfirmAlarm) and event.alarm_id == said_now.id
            self.must("ALM-03", by_hand, change, "confirmed by nobody", event)
            self.confirmed.add(said_now.id)
        self.active[kind] = said_now

    # What must hold after each step ---------------------------------------------------------------------------------

    def _stopping(self) -> list[str]:
        return sorted(kind.value for kind in self.active if TABLE[kind].stops_delivery)

    def _fresh_uu(self) -> int:
        """Say how much bolus insulin is on board at the least; nothing where something has failed, and is not."""
        if self.counted["failed"] or self.config.curve != _CURVE:
            return 0
        return self.fresh.at(self.seen_us) * 3 // 4

    def _agree(self, event: Event) -> None:
        now_us = event.at_us
        due = self.programme.earned // (self.step_uu * US_PER_HOUR)
        self.must("DEL-01", self.basal <= due, "basal is ahead", self.basal, due)
        exact = not self.device.grid_us and not self.device.gap_us
        if exact and self.state is State.RUNNING:
            self.must("DEL-02", self.basal == due, "basal is behind", self.basal, due, event)
            for key, train in self.trains.items():
                self.must("DEL-01", train.loose or train.done == train.due(now_us), "behind", key, train)
        if self.active:
            stopping = self._stopping()
            self.must("ALM-06", self.state is not State.RUNNING or not stopping, self.state, stopping)
            self._heard(now_us)
        held = self.state is State.SUSPENDED and self.policy.keeps_temp
        ended = self.programme.temp is None or self.state is State.RUNNING or held
        self.must("SUS-03" if self.policy.keeps_temp else "SUS-04", ended, "a temp basal goes on", self.state)
        for kind in self.causes:
            self.must("ALM-09", kind in self.active, "a fault that nobody is told of", kind, event)
        if self.battery is not None and self.battery <= self.config.alarms.battery_empty_percent:
            self.must("PWR-02", Kind.BATTERY_EMPTY in self.active, "an empty battery", self.battery)
        watch = self.config.alarms.watch
        without_us = 0 if self.begun_us is None else now_us - max(self.confirmed_us, self.begun_us)
        if without_us >= watch.high_us + max(self.config.unanswered_us, watch.medium_us):
            high = any(each.priority is Priority.HIGH for each in self.active.values())
            self.must("WCH-01", high, "without insulin, and no alarm", without_us, event)

    def _heard(self, now_us: int) -> None:
        """Check that what is of high priority and not answered sounds."""
        for each in self.active.values():
            if each.priority is Priority.HIGH and each.status is Answered.PENDING:
                silent_us = now_us - max(self.last_sound_us, each.status_since_us)
                self.must("ALM-02", silent_us <= _SILENT_US, "silent", each, silent_us)

    def compare(self, pump: Pump) -> None:
        """Hold the pump's own answers against the books.

        Raises:
            BrokenError: a requirement does not hold.
        """
        status = pump.status
        running = self.state is State.RUNNING
        self.must("MOD-08", status.state is self.state, status.state, self.state)
        self.must("RES-01", status.reservoir_uu == self.reservoir_uu, status.reservoir_uu, self.reservoir_uu)
        active = {each.kind for each in status.annunciations}
        self.must("ALM-04", active == set(self.active), active, self.active.keys())
        deadline_us = pump.next_deadline_us()
        self.must("TIM-06", deadline_us is None or deadline_us > status.at_us, deadline_us, status.at_us)
        if self.programme.now_us == status.at_us and not self.device.gap_us:
            rate = self.programme.rate() if running else 0
            self.must("TMP-01", status.rate_uu_per_h == rate, status.rate_uu_per_h, rate)
        therapy = pump._state.ledger.therapy  # noqa: SLF001  # the book that these books check
        for place in ("outstanding", "confirmed", "uncertain", "failed", "missed"):
            mine, its = self.counted[place], getattr(therapy, place)
            self.must("DEL-06", mine == its, place, mine, its)
        hour_steps, day_steps = status.window_steps
        for requirement, window, steps in (("LIM-04", self.hour, hour_steps), ("LIM-05", self.day, day_steps)):
            within_uu = window.at(status.at_us)
            self.must(requirement, steps * self.step_uu >= within_uu, "under-counted", steps, within_uu)
        for bolus in status.boluses:
            whole = min(bolus.delivered_uu, bolus.not_delivered_uu, bolus.remaining_uu, bolus.uncertain_uu) >= 0
            self.must("DEL-06", whole and bolus.programmed_uu == self.boluses.get(bolus.id), bolus)
        least_uu = self._fresh_uu()
        self.must("IOB-03", status.on_board.bolus_uu >= least_uu, status.on_board, least_uu)

    def moved(self, moves: Iterable[tuple[int, int]]) -> None:
        """Hold what a motor has really moved against the record: each pulse was ordered.

        Raises:
            BrokenError: something moved that is in no record.
        """
        for seq, steps in moves:
            self.must("DEL-09", seq < self.next_seq, "a pulse that moved is in no record", seq, steps)
