"""The contract of a pump: any events in any order, refused ones included, against the model.

The rules of this file: a rule of the machine is something that happens: time, a fact about the world, what a person or
a controller asks. Where the requirements say whether an event is accepted, the rule says so; where they leave it open,
it does not. Subclasses add rules of their own, above all what can go wrong with their driver.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from pumpcore.alarms import Kind
from pumpcore.pump import events
from pumpcore.testing.errors import ContractError
from pumpcore.testing.machine import must_hold
from pumpcore.testing.model import CHANGING, STOPPING
from pumpcore.testing.setup import LIMIT_SETS, NIGHTS, PLAN_TOO_FAST, PLANS, setups
from pumpcore.testing.wall_clock import EPOCH
from pumpcore.therapy.envelope import BolusRequest, RateRequest
from pumpcore.therapy.glucose import Beyond, MgDl, Quality, Reading
from pumpcore.therapy.profile import Anchor
from pumpcore.units import US_PER_DAY as DAY
from pumpcore.units import US_PER_HOUR as H
from pumpcore.units import US_PER_MINUTE as MIN
from pumpcore.units import UU_PER_U as U

if TYPE_CHECKING:
    from fractions import Fraction

    from pumpcore.testing.setup import Night, PumpSetup

from pumpcore.testing.driver_contract import NUMBERS, SPANS, DriverContract

__all__ = ["PumpContract"]

AMOUNTS: Final = st.sampled_from([0, 0, 50_000, 100_000, 500_000, U, U, 2 * U, 2 * U, 5 * U, 20 * U, 26 * U, 12_345])
DURATIONS: Final = st.sampled_from([2 * H, 30 * MIN, H, 2 * H, 8 * H, 45 * MIN, 0])
FIRST_NUMBERS: Final = 8  # beyond, the latest is meant


class PumpContract(DriverContract):
    """Hold a pump, and the driver that carries out its orders, against the requirements.

    A subclass gives `make_driver`, or `make_pump`, or both, and rules of its own. `run_contract` runs it; so does
    pytest, under `TestMine = MyContract.TestCase`.

    Example:
        >>> from pumpcore.testing import run_contract, setups
        >>> class OmnipodContract(PumpContract):
        ...     def setups(self):
        ...         return setups("omnipod")
        >>> run_contract(OmnipodContract, examples=2, steps=5)
    """

    def setups(self) -> st.SearchStrategy[PumpSetup]:
        """Return the pumps to try; `setups("omnipod")` tries one device only."""
        return setups()

    # Time ----------------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.model.state == "running")
    @rule(span_us=st.sampled_from([15 * MIN, H, 2 * H]), times=st.integers(1, 3))
    def a_quiet_while(self, span_us: int, times: int) -> None:
        """Let time pass while a person confirms each alarm."""
        for _ in range(times):
            self.confirm_all_alarms()
            self.a_good_host(span_us)

    @precondition(lambda self: self.now_us)
    @rule(back_us=st.integers(1, H))
    def time_does_not_go_back(self, back_us: int) -> None:
        """Send an event that is older than the last one (TIM-04)."""
        if back_us <= self.now_us:
            self.give(events.Suspend(self.now_us - back_us), must=False, by="TIM-04")

    # Facts ---------------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.patient())
    @rule(amount_uu=st.sampled_from([0, 24_999, U, 20 * U, 100 * U, 400 * U]))
    def the_reservoir_is_measured(self, amount_uu: int) -> None:
        """Report the amount in the reservoir (RES-01, RES-03)."""
        self.give(events.ReservoirMeasured(self.now_us, amount_uu), must=amount_uu <= self.model.device.reservoir_uu)

    @precondition(lambda self: self.patient())
    @rule(
        what=st.sampled_from(["removed", "battery", *sorted(STOPPING, key=str), Kind.PRIMING_ISSUE, Kind.TEMPERATURE]),
        percent=st.sampled_from([0, 2, 3, 20, 60]),
    )
    def something_goes_wrong(self, what: str | Kind, percent: int) -> None:
        """Report a fault, a reservoir that came out, or a battery that fell (MOD-07, RES-04, PWR-02)."""
        if isinstance(what, Kind):
            self.give(events.FaultDetected(self.now_us, what), must=True)
        elif what == "removed":
            self.give(events.ReservoirRemoved(self.now_us), must=True)
        else:
            self.give(events.BatteryMeasured(self.now_us, percent), must=True)

    @rule(kind=st.sampled_from([*sorted(STOPPING, key=str), Kind.PRIMING_ISSUE]))
    def a_fault_is_gone(self, kind: Kind) -> None:
        """Report that a fault is gone (ALM-03, ALM-09)."""
        self.give(events.FaultGone(self.now_us, kind), must=True)

    def measured(
        self, value: int | Beyond, late_us: int = 0, quality: Quality = Quality.GOOD, *, by_meter: bool = False
    ) -> None:
        """Report a reading of the sensor, or of a meter."""
        shown = value if isinstance(value, Beyond) else MgDl(value)
        reading = Reading(max(self.now_us - late_us, 0), shown, quality)
        self.give(events.GlucoseMeasured(self.now_us, reading, by_meter=by_meter), must=True)

    @rule(
        value=st.sampled_from([45, 65, 70, 75, 90, 120, 200, 350, *Beyond]),
        late_us=st.sampled_from([0, 0, 5 * MIN, 12 * MIN, 12 * MIN + 1]),
        quality=st.sampled_from([Quality.GOOD, Quality.GOOD, Quality.DOUBTFUL]),
    )
    def glucose_is_measured(self, value: int | Beyond, late_us: int, quality: Quality) -> None:
        """Measure glucose: low, high, late, doubtful (GLU-02, GLU-04)."""
        self.measured(value, late_us, quality)

    @rule(value=st.sampled_from([45, 69, 75, 90, 240, *Beyond]), late_us=st.sampled_from([0, 5 * MIN, 14 * MIN]))
    def a_finger_is_pricked(self, value: int | Beyond, late_us: int) -> None:
        """Measure glucose with a meter: it counts before the sensor, and for no trend (GLU-07, GLU-08)."""
        self.measured(value, late_us, by_meter=True)

    @rule(
        mg_per_dl=st.sampled_from([65, 85, 110, 130]),
        by=st.sampled_from([-12, -6, 0, 2, 8]),
        readings=st.sampled_from([3, 5, 9]),
    )
    def glucose_takes_its_course(self, mg_per_dl: int, by: int, readings: int) -> None:
        """Measure every five minutes: what predicts, and what lets a suspend end (GLU-02, GLU-03)."""
        for number in range(readings):
            self.measured(max(mg_per_dl + by * number, 40))
            self.a_good_host(5 * MIN)

    @rule(by_us=st.sampled_from([-3 * H, -1, 0, H, 12 * H, 3 * DAY]), zone=st.sampled_from([None, None, *NIGHTS]))
    def the_clock_is_set(self, by_us: int, zone: Night | None) -> None:
        """Put the clock forward or back, or into another zone (TIM-01, TIM-02)."""
        clock = self.model.clock
        if clock is None:
            raise ContractError("STA-01", "running without a clock")
        utc = EPOCH + timedelta(microseconds=self.now_us + clock.shift_us + by_us)
        self.give(
            events.ClockSet(self.now_us, Anchor(self.now_us, utc), clock.zone if zone is None else zone[0]), must=True
        )

    @rule(night=st.sampled_from(NIGHTS), hours=st.sampled_from([1, 3, 25]))
    def a_night(self, night: Night, hours: int) -> None:
        """Bring the clock to just before its zone changes it, and let time go over that (PRF-03, TIM-03)."""
        self.give(events.ClockSet(self.now_us, Anchor(self.now_us, night[1]), night[0]), must=True)
        for _ in range(4):
            self.a_good_host(hours * 15 * MIN)
        self.a_late_host(hours * H)

    @rule(
        rate_uu_per_h=st.sampled_from([None, 700_000, 0, 3 * U, 3 * U, 3 * U + 100_000]),
        amount_uu=st.sampled_from([100_000, 500_000, 550_000]),
        duration_us=st.sampled_from([30 * MIN, 30 * MIN, H, 2 * H, 0]),
        age_us=st.sampled_from([0, 0, 0, MIN, 5 * MIN, 5 * MIN + 1]),
        step=st.sampled_from([1, 1, 1, 3, 0, -1]),
    )
    def a_controller_asks(
        self, rate_uu_per_h: int | None, amount_uu: int, duration_us: int, age_us: int, step: int
    ) -> None:
        """Send a controller's request: within its bounds or outside, late, or twice (GLU-05, GLU-06)."""
        at_us, number = max(self.now_us - age_us, 0), max(self.controller_id + step, 1)
        request: RateRequest | BolusRequest = BolusRequest(id=number, at_us=at_us, amount_uu=amount_uu)
        if rate_uu_per_h is not None:
            request = RateRequest(id=number, at_us=at_us, rate_uu_per_h=rate_uu_per_h, duration_us=duration_us)
        model, bounds = self.model, self.model.settings.controller
        again = number in model.controller_done
        impossible = (
            model.state != "running"
            or number <= model.controller_id
            or self.now_us - at_us > bounds.max_age_us
            or (rate_uu_per_h is None and amount_uu > bounds.max_bolus_uu)
            or (rate_uu_per_h is not None and not 0 < duration_us <= bounds.max_duration_us)
            or (rate_uu_per_h or 0) > bounds.max_rate_uu_per_h
        )
        before = (len(model.programmed), model.temp)
        if self.give(
            events.ControllerAsks(self.now_us, request), must=True if again else False if impossible else None
        ):
            self.controller_id = max(self.controller_id, number)
        must_hold("GLU-06", not again or before == (len(model.programmed), model.temp), request)

    @precondition(lambda self: self.model.state == "running" and self.model.settings.controller.max_age_us)
    @rule(
        rate_uu_per_h=st.sampled_from([700_000, 0, 3 * U, None]),
        minutes=st.sampled_from([5, 29, 30, 45]),
        times=st.integers(1, 4),
    )
    def a_controller_at_work(self, rate_uu_per_h: int | None, minutes: int, times: int) -> None:
        """One request after another, the last of which may expire."""
        for _ in range(times):
            self.confirm_all_alarms()
            self.a_controller_asks(rate_uu_per_h, 100_000, 30 * MIN, 0, 1)
            self.a_good_host(minutes * MIN)

    # Requests ------------------------------------------------------------------------------------------------------

    @rule()
    def start(self) -> None:
        """Begin therapy (STA-01)."""
        self.give(events.Start(self.now_us), must=self.by_the_rules("start"))

    @rule(duration_us=st.sampled_from([MIN, 30 * MIN, 2 * H, 0, 3 * H]))
    def disconnect(self, duration_us: int) -> None:
        """Suspend for a stated time (SUS-07)."""
        must = self.model.state == "running" and MIN <= duration_us <= 2 * H
        self.give(events.Disconnect(self.now_us, duration_us), must=must)

    @rule(off=st.booleans())
    def begin_change(self, off: bool) -> None:  # noqa: FBT001
        """Begin a reservoir change, with the set on the body or off it (RES-06)."""
        must = off and self.model.state in {"standby", "suspended", "alarm"}
        self.give(events.BeginChange(self.now_us, set_off_body=off), must=must)

    @precondition(lambda self: self.model.state in CHANGING or self.patient())
    @rule(
        step=st.sampled_from(
            [
                (events.Rewound, "rewound"),
                (events.Loaded, "loaded"),
                (events.Primed, "primed"),
                (events.Filled, "filled"),
                (events.Connected, "connected"),
                (events.AbortChange, "abort_change"),
            ]
        )
    )
    def a_step_of_the_change(self, step: Any) -> None:  # noqa: ANN401
        """Take a step of the reservoir change, in its place or not (RES-05)."""
        self.give(step[0](self.now_us), must=self.by_the_rules(step[1]))

    @rule(amount_uu=AMOUNTS)
    def prime(self, amount_uu: int) -> None:
        """Prime, where it is possible and where not (RES-06, RES-07)."""
        place = self.model.state in CHANGING[2:4]
        there = 0 < amount_uu <= (self.model.reservoir_uu or 0) and amount_uu % self.model.device.step_uu == 0
        must = place and there and (None if amount_uu > U else True)
        self.give(events.Prime(self.now_us, amount_uu), must=must)

    @precondition(lambda self: self.patient())
    @rule(limits=st.integers(0, len(LIMIT_SETS) - 1))
    def set_limits(self, limits: int) -> None:
        """Choose limits, or take one away (LIM-07)."""
        self.give(self.choosing(LIMIT_SETS[limits]), must=True)

    @rule(number=NUMBERS)
    def confirm_alarm(self, number: int) -> None:
        """Confirm one alarm (ALM-03)."""
        active = self.pump.status.annunciations
        if number < len(active):
            self.give(events.ConfirmAlarm(self.now_us, active[number].id), must=True)

    @rule(number=NUMBERS, span_us=st.sampled_from([0, MIN, 10 * MIN, 5 * H]))
    def snooze(self, number: int, span_us: int) -> None:
        """Snooze an alarm (ALM-02)."""
        self.give(events.SnoozeAlarm(self.now_us, number, span_us), must=None if MIN <= span_us <= 10 * MIN else False)

    @rule(span_us=st.sampled_from([0, MIN, 2 * MIN, 3 * MIN]))
    def pause_audio(self, span_us: int) -> None:
        """Silence all sounds for a while (ALM-02)."""
        self.give(events.PauseAudio(self.now_us, span_us), must=0 < span_us <= 2 * MIN)

    @rule(fast_uu=AMOUNTS, extended_uu=AMOUNTS, extended_us=DURATIONS, at_once=st.booleans())
    def propose_bolus(self, fast_uu: int, extended_uu: int, extended_us: int, at_once: bool) -> None:  # noqa: FBT001
        """Propose any bolus, and sometimes confirm it (BOL-01, BOL-05)."""
        asked = events.ProposeBolus(
            self.now_us, fast_uu=fast_uu, extended_uu=extended_uu, extended_us=extended_us if extended_uu else 0
        )
        total_uu, model = fast_uu + extended_uu, self.model
        impossible = (
            model.state != "running"
            or not 0 < total_uu <= min(model.limits.max_bolus_uu or 0, model.reservoir_uu or 0)
            or total_uu > (model.limits.max_iob_uu or 0)
        )
        if self.give(asked, must=False if impossible else None) and at_once:
            self.give(events.Confirm(self.now_us, max(model.asked)))

    @precondition(lambda self: self.model.state == "running")
    @rule(away_us=SPANS, minutes=st.sampled_from([1, 0, 30, 120]), again=st.booleans())
    def a_break(self, away_us: int, minutes: int, again: bool) -> None:  # noqa: FBT001
        """Suspend (no minutes) or disconnect, let time pass, and return, sometimes twice (SUS-05, SUS-07)."""
        for _ in range(1 + again):
            if not minutes:
                self.give(events.Suspend(self.now_us), must=True)
            else:
                self.give(events.Disconnect(self.now_us, minutes * MIN), must=True)
            self.a_good_host(away_us)
            if not self.give(events.Resume(self.now_us), must=self.by_the_rules("resume")):
                break

    @rule(
        duration_us=st.sampled_from([30 * MIN, H, 12 * H, 45 * MIN, 0]),
        rate_uu_per_h=st.sampled_from([None, None, 0, 700_000, 2 * U, 12_345]),
        percent=st.sampled_from([None, 0, 50, 100, 120, 200, 201]),
    )
    def propose_temp(self, duration_us: int, rate_uu_per_h: int | None, percent: int | None) -> None:
        """Propose any temp basal (LIM-09)."""
        asked = events.ProposeTemp(self.now_us, duration_us, rate_uu_per_h, percent)
        impossible = self.model.state != "running" or (rate_uu_per_h is None) == (percent is None)
        self.give(asked, must=False if impossible else None)

    @rule(plan=st.integers(0, len(PLANS)))
    def propose_plan(self, plan: int) -> None:
        """Propose another week plan (PRF-02)."""
        asked = (*PLANS, PLAN_TOO_FAST)[plan]
        self.give(events.ProposePlan(self.now_us, asked), must=False if plan == len(PLANS) else None)

    @rule(which=NUMBERS)
    def confirm(self, which: int) -> None:
        """Confirm any proposal: of now, of before, again, or none (BOL-02, BOL-03, BOL-04)."""
        number = which + 1 if which < FIRST_NUMBERS else max(self.model.asked, default=0)
        answered = number in self.model.answered
        pending = {each.id for each in self.pump.status.proposals}
        must = True if answered else (None if number in pending and self.model.confirmable(number) else False)
        before = len(self.model.programmed)
        accepted = self.give(events.Confirm(self.now_us, number), must=must)
        must_hold("BOL-03", not answered or (accepted and len(self.model.programmed) == before), number)

    @rule(which=NUMBERS)
    def reject(self, which: int) -> None:
        """Drop a proposal (BOL-10)."""
        pending = {each.id for each in self.pump.status.proposals}
        self.give(events.Reject(self.now_us, which), must=which in pending)

    @rule()
    def cancel_temp(self) -> None:
        """End the temp basal (TMP-02)."""
        self.give(events.CancelTemp(self.now_us), must=self.model.temp is not None)

    def is_low(self, bound: Fraction) -> bool:
        """Say whether glucose is low, or was in the last hour and is not known to be over it (ADV-03, GLU-08)."""
        readings = self.model.readings
        value, age_us = readings.usable(self.now_us), readings.low(bound, self.now_us)
        return (value is not None and value < bound) or (age_us is not None and age_us < H)

    @rule(
        carbs_mg=st.sampled_from([0, 60_000, 12_345, 600_000]),
        mg_per_dl=st.sampled_from([None, 69, 100, 240]),
        then=st.sampled_from(["confirm", "wait", "measure", "bolus", "nothing"]),
    )
    def ask_advice(self, carbs_mg: int, mg_per_dl: int | None, then: str) -> None:
        """Request advice, and let something happen between the suggestion and its confirmation (ADV-02, ADV-07)."""
        if mg_per_dl is not None:
            self.measured(mg_per_dl)
        model, calculator = self.model, self.model.settings.calculator
        low = calculator is not None and self.is_low(calculator.hard_low.exact_mg_dl)
        before = len(model.asked)
        asked = self.give(events.AskAdvice(self.now_us, carbs_mg), must=False if calculator is None or low else None)
        if not asked or len(model.asked) == before:
            return
        number = max(model.asked)
        if then == "wait":
            self.a_good_host(model.config.proposal_us + 1)
        elif then == "measure":
            self.a_good_host(MIN)
            self.measured(150)
        elif then == "bolus":
            self.a_bolus(500_000, 0, 0, 0)
        if then != "nothing":
            self.give(events.Confirm(self.now_us, number), must=None if model.confirmable(number) else False)
