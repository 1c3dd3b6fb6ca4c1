"""All books of one pump, kept from what goes into it and what comes out of it.

The rule of this file: an event is followed in one order: what time brought on the way, what the event says, what
follows from it; then everything must agree.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pumpcore.alarms import AnnunciationChanged, Kind, Sound
from pumpcore.pump import Pump, events
from pumpcore.pump import effects as said
from pumpcore.pump.modes import State
from pumpcore.sim.books.alarms import AlarmBook
from pumpcore.therapy.envelope import RateRequest
from pumpcore.units import US_PER_HOUR

if TYPE_CHECKING:
    from pumpcore.pump.effects import Effect
    from pumpcore.pump.events import Event

__all__ = ["Books"]

_ENDS_PRIMED: Final = (events.BeginChange, events.ReservoirRemoved)


class Books(AlarmBook):
    """The books of one pump, through all its restarts; attributes as in `BookState`."""

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
        self.must("CMD-01", not any(each in before for each in orders), "an order was handed out twice", event)
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
        self.must(
            "PWR-03",
            twin.snapshot() == pump.snapshot(),
            "the restarted pump matches neither state, before or after the event",
            event,
        )
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
        """Return whether an effect came from time alone, before the event."""
        if isinstance(effect, said.StepsMissed):
            return effect.cause != "failed"
        if isinstance(effect, (said.ModeChanged, said.TempEnded)) and effect.at_us < event.at_us:
            return True
        return isinstance(effect, said.FirePulse)

    @staticmethod
    def _by_then(found: tuple[Effect, ...], at: int) -> bool:
        """Return whether time alone ended a bolus, before this event reported that an uncertain pulse had failed."""
        rest = found[at:]
        return isinstance(rest[0], said.BolusDelivered) and any(
            isinstance(each, said.StepsMissed) and each.cause == "failed" for each in rest
        )

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
            case events.ChangeSettings(_, settings):
                self.limits = settings.limits
            case events.Suspend():
                self.by_itself = False
            case events.Confirm(_, number):
                request = self.asked.get(number)
                self.must("BOL-01", request is not None, "a confirmation without a proposal", event)
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
            self.must("GLU-05", event.request.rate_uu_per_h <= self.config.settings.controller.max_rate_uu_per_h, event)

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

    # What must hold after each step ---------------------------------------------------------------------------------

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
        self._agree_alarms(event)

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
        therapy = pump.ledger.therapy  # the book that these books check
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
