"""Every kind of event in any order, refused ones included, against an independent model.

Goal: to find a way of events on which the pump breaks a requirement. Method: a stateful machine drives a pump, a host
(at its deadlines, or late) and an actuator (that confirms, fails, says nothing, or does not know), and `pump_model`
keeps its own books from what goes in and what comes out. After each step all books must agree, and a refusal must have
changed nothing. Restarts are put in anywhere: the pump is replaced by what its snapshot gives.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from pump_model import CANCELS_TEMP, CHANGING, STOPPING, Model, leads_to, places
from pump_rules_time import EPOCH
from pumps import DAY, LIMITS, MIN, MONDAY, SEC, H, U, config_of, everything, plan_of

from pumpcore import events
from pumpcore.advice import POLICIES as ADVICE
from pumpcore.alarms import TABLE, AlarmSettings, Kind, Priority, Watch
from pumpcore.devices import load
from pumpcore.effects import FirePulse, PrimePulse
from pumpcore.errors import RequestError
from pumpcore.events import Event, SuspendCause
from pumpcore.glucose import (
    LOW_PRESETS,
    BolusRequest,
    ControllerBounds,
    LowSettings,
    MgDl,
    Quality,
    RateRequest,
    Reading,
)
from pumpcore.limits import Limits
from pumpcore.modes import State
from pumpcore.profile import Anchor, BasalProfile, Segment, WeekPlan
from pumpcore.pump import Calculator, Pump
from pumpcore.suspend import POLICIES

WEEK: Final = tuple(
    BasalProfile(name, tuple(Segment(start_us, rate) for start_us, rate in segments))
    for name, segments in (
        ("early", ((0, U), (2 * H, 300_000), (3 * H, 2 * U), (23 * H, 100_000))),
        ("late", ((0, 100_000), (H, 3 * U), (2 * H, 500_000), (12 * H, 1_500_000))),
        ("free", ((0, 2 * U), (H, 400_000))),
    )
)
PLANS: Final = (
    plan_of((0, U)),
    plan_of((0, 400_000), (6 * H, 1_300_000), (12 * H, 100_000), (13 * H, 2 * U)),
    plan_of((0, 100_000), weekend=((0, 3 * U), (H, 700_000))),
    plan_of((0, 10 * U)),
    WeekPlan((WEEK[0], WEEK[1], WEEK[0], WEEK[1], WEEK[2], WEEK[1], WEEK[0])),
)
# Clocks that are about to be put forward or back, that pass midnight into another weekday, or lose a whole day.
NIGHTS: Final = (
    ("UTC", MONDAY),
    ("UTC", datetime(2026, 1, 9, 22, tzinfo=UTC)),
    ("Europe/Copenhagen", datetime(2026, 3, 28, 23, 30, tzinfo=UTC)),
    ("Europe/Copenhagen", datetime(2026, 10, 24, 23, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 4, 4, 14, 10, tzinfo=UTC)),
    ("America/Santiago", datetime(2026, 9, 6, 3, 30, tzinfo=UTC)),
    ("Pacific/Apia", datetime(2011, 12, 30, 8, tzinfo=UTC)),
    ("Antarctica/Troll", datetime(2026, 3, 29, 0, 30, tzinfo=UTC)),
)
LOWS: Final = (
    LowSettings(LOW_PRESETS["medtronic-530g"], MgDl(70)),
    LowSettings(LOW_PRESETS["medtronic-veo"], MgDl(65)),
    LowSettings(LOW_PRESETS["medtronic-640g"], MgDl(70)),
    LowSettings(LOW_PRESETS["tandem-basal-iq"], MgDl(80)),
)
ALARM_SETS: Final = (
    AlarmSettings(),
    AlarmSettings(auto_off_us=3 * H, glucose_check_us=30 * MIN, missed_meal_us=H),
    AlarmSettings(auto_off_us=5 * H, glucose_check_us=2 * H, watch=Watch(reminder_us=5 * MIN, high_us=H + MIN)),
)
MEALS: Final = ((0, 30 * MIN), (2 * H, 2 * H + 30 * MIN), (12 * H, 13 * H), (23 * H, 24 * H - 1))
BOUNDS: Final = (
    ControllerBounds(),
    ControllerBounds(max_rate_uu_per_h=3 * U, max_bolus_uu=500_000, max_duration_us=H, max_age_us=5 * MIN),
    ControllerBounds(max_rate_uu_per_h=30 * U, max_duration_us=2 * H, max_age_us=0),
)


def calculator_of(policy: str) -> Calculator:
    return Calculator(
        policy=policy,
        carb_ratio_mg_per_u=12_000,
        sensitivity=MgDl(45),
        target_low=MgDl(90),
        target_high=MgDl(120),
    )


class Setup(NamedTuple):
    """What a pump of the machine is made with, and how far it has come."""

    device: str
    policy: str
    plan: int
    limits: int
    low: LowSettings | None
    alarms: AlarmSettings
    meals: bool
    controller: ControllerBounds
    calculator: str | None
    night: tuple[str, datetime]
    running: bool
    reservoir_uu: int


DEVICES: Final = ("medtronic-523", "medtronic-523", "omnipod", "roche-combo", "tandem-tslim-x2", "roche-insight")
SETUPS: Final = st.builds(
    Setup,
    device=st.sampled_from(DEVICES),
    policy=st.sampled_from(sorted(POLICIES)),
    plan=st.integers(0, len(PLANS) - 1),
    limits=st.integers(0, 5),
    low=st.sampled_from([None, *LOWS]),
    alarms=st.sampled_from(ALARM_SETS),
    meals=st.booleans(),
    controller=st.sampled_from([BOUNDS[1], *BOUNDS]),
    calculator=st.sampled_from([None, *sorted(ADVICE)]),
    night=st.sampled_from(NIGHTS),
    running=st.sampled_from([True, True, True, False]),
    reservoir_uu=st.sampled_from([9 * U, 20 * U, 100 * U]),
)
LIMIT_SETS: Final = (
    LIMITS,
    LIMITS,
    replace(LIMITS, max_bolus_uu=3 * U, max_iob_uu=6 * U),
    replace(LIMITS, max_hour_uu=4 * U, max_day_uu=30 * U),
    replace(LIMITS, max_bolus_uu=None),
    Limits(),
)
SPANS: Final = st.one_of(
    st.sampled_from([0, 1, SEC, 30 * SEC, MIN, 5 * MIN, 15 * MIN, 15 * MIN + 1, 30 * MIN, H, 2 * H, 5 * H]),
    st.integers(0, 3 * H),
)
AMOUNTS: Final = st.sampled_from([0, 0, 50_000, 100_000, 500_000, U, U, 2 * U, 2 * U, 5 * U, 20 * U, 26 * U, 12_345])
DURATIONS: Final = st.sampled_from([2 * H, 30 * MIN, H, 2 * H, 8 * H, 45 * MIN, 0])
NUMBERS: Final = st.integers(0, 12)
CALLS_MOST: Final = 30
TWIN_STEPS: Final = 4


class PumpMachine(RuleBasedStateMachine):
    """A pump under way, and its model."""

    pump: Pump
    model: Model

    @initialize(setup=SETUPS)
    def begin(self, setup: Setup) -> None:
        """Make a pump, and mostly bring it to running."""
        zone, utc = setup.night
        config = config_of(
            device=load(setup.device),
            suspend_policy=setup.policy,
            plan=PLANS[setup.plan],
            limits=LIMIT_SETS[setup.limits],
            low_suspend=setup.low,
            alarms=setup.alarms,
            meals=MEALS if setup.meals else (),
            controller=setup.controller,
            calculator=None if setup.calculator is None else calculator_of(setup.calculator),
            anchor=Anchor(0, utc),
            zone=zone,
        )
        self.pump = Pump(config, at_us=0)
        self.twin: Pump | None = None
        self.twin_steps = 0
        self.model = Model(config)
        self.now_us = self.given = self.controller_id = 0
        self.actuator = "confirms"
        if setup.running:
            for event in self.change_of(setup.reservoir_uu):
                self.give(event, must=True)
            self.start()

    def change_of(self, reservoir_uu: int) -> list[Event]:
        """A whole reservoir change now."""
        at_us = self.now_us
        return [
            events.BeginChange(at_us, set_off_body=True),
            events.Rewound(at_us),
            events.ReservoirMeasured(at_us, reservoir_uu),
            events.Loaded(at_us),
            events.Prime(at_us, 8 * U),
            events.Primed(at_us),
            events.Filled(at_us),
            events.Connected(at_us),
        ]

    # The one way in ------------------------------------------------------------------------------------------------

    def give(self, event: Event, *, must: bool | None = None) -> bool:
        """Give the pump an event, and the model what came of it; say whether it was accepted.

        Where `must` is no None, the requirements say whether it is accepted.
        """
        self.given += 1
        before = None if must else everything(self.pump)
        twin = self.step_twin(event)
        try:
            answered = self.pump.step(event)
        except RequestError as refused:
            self.same_as_twin(event, twin, type(refused))
            if must:
                message = f"{event} was refused: {refused}"
                raise AssertionError(message) from refused
            assert everything(self.pump) == before, f"a refused {event} has changed the pump"
            return False
        assert must is not False, f"{event} was accepted"
        self.same_as_twin(event, twin, answered)
        self.now_us = event.at_us
        self.model.watch(event, answered)
        self.agree()
        for order in answered:
            if isinstance(order, FirePulse | PrimePulse):
                self.answer(order)
        return True

    def step_twin(self, event: Event) -> object:
        """What the pump from before the last restart answers, for a few steps, or how it refuses (PWR-03)."""
        if self.twin is None:
            return None
        self.twin_steps -= 1
        if self.twin_steps < 0:
            self.twin = None
            return None
        try:
            return self.twin.step(event)
        except RequestError as refused:
            return type(refused)

    def same_as_twin(self, event: Event, twin: object, answered: object) -> None:
        """A restart has changed nothing (PWR-03)."""
        if self.twin is not None:
            assert twin == answered, event
            assert self.twin.next_deadline_us() == self.pump.next_deadline_us(), event
            # Writing it all down is slow: once, at the end.
            assert self.twin_steps or everything(self.twin) == everything(self.pump), event

    def answer(self, order: FirePulse | PrimePulse) -> None:
        """What the actuator says to an order."""
        kinds = {"confirms": events.PulseConfirmed, "fails": events.PulseFailed, "unsure": events.PulseUnknown}
        if self.actuator in kinds:
            self.give(kinds[self.actuator](self.now_us, order.seq), must=None if self.actuator == "unsure" else True)

    # What must hold after each step --------------------------------------------------------------------------------

    def agree(self) -> None:
        """All books agree."""
        model, status = self.model, self.pump.status
        model.check_due()
        assert status.state.value == model.state, (status.state, model.state)
        assert status.reservoir_uu == model.reservoir_uu
        running = status.state is State.RUNNING
        assert status.rate_uu_per_h == (model.programmed_rate(self.now_us) if running else 0)
        stopping = {each.kind for each in status.annunciations if TABLE[each.kind].stops_delivery}
        assert stopping == set(model.causes), (stopping, model.causes)
        assert not (running and stopping), stopping
        deadline_us = self.pump.next_deadline_us()
        assert deadline_us is None or deadline_us > self.now_us
        self.agree_on_care()
        held = status.state is State.SUSPENDED and model.policy == "roche_pause"
        for bolus in status.boluses:
            assert running or held or not bolus.remaining_uu, bolus
            assert min(bolus.delivered_uu, bolus.not_delivered_uu, bolus.remaining_uu) >= 0, bolus
            assert bolus.programmed_uu == model.programmed[bolus.id]
            assert bolus.uncertain_uu <= bolus.delivered_uu
        assert {train.bolus_id for train in model.trains if train.due(self.now_us) < train.steps} <= {
            bolus.id for bolus in status.boluses
        }
        therapy = self.pump._state.ledger.therapy  # noqa: SLF001 - the book that the model checks
        mine = places(model)
        assert therapy.confirmed == mine["confirmed"]
        assert therapy.failed == mine["failed"]
        assert therapy.outstanding + therapy.uncertain == mine["outstanding"] + mine["uncertain"]
        assert therapy.missed == sum(part.missed for part in (model.basal, *model.parts.values()))
        assert 0 <= status.on_board.bolus_uu <= 1 + sum(uu for at_us, uu in model.pulses if at_us > self.now_us - DAY)
        watch = model.config.alarms.watch
        if model.without_us() >= watch.high_us + max(model.config.unanswered_us, watch.medium_us):
            assert Priority.HIGH in {each.priority for each in status.annunciations}, "WCH-01"

    def agree_on_care(self) -> None:
        """What the person is told of, why it is suspended, and what waits for an answer."""
        model, status = self.model, self.pump.status
        active = {each.kind for each in status.annunciations}
        due = model.reminders()
        assert {kind for kind, there in due.items() if there} <= active, (due, active)
        for kind in model.raised_now & {Kind.GLUCOSE_CHECK, Kind.MISSED_MEAL}:
            assert due[kind], ("ALM-10", kind)
        assert model.same_cause(status.cause), (status.cause, model.cause)
        assert (status.temp_until_us is None) == (model.temp is None)
        if model.temp is not None:
            assert status.temp_until_us == model.temp.start_us + model.temp.duration_us
            assert status.state is State.RUNNING or (
                status.state is State.SUSPENDED and model.policy not in CANCELS_TEMP
            ), "SUS-04"
        for proposal in status.proposals:
            assert model.confirmable(proposal.id), ("BOL-02 BOL-04 ADV-07", proposal)

    # Time ----------------------------------------------------------------------------------------------------------

    @rule(span_us=SPANS)
    def a_good_host(self, span_us: int) -> None:
        to_us = self.now_us + span_us
        for _ in range(CALLS_MOST):
            deadline_us = self.pump.next_deadline_us()
            if deadline_us is None or deadline_us > to_us:
                break
            self.give(events.Tick(deadline_us), must=True)
        else:
            to_us = self.now_us
        self.give(events.Tick(to_us), must=True)

    @precondition(lambda self: self.model.state == "running")
    @rule(span_us=st.sampled_from([15 * MIN, H, 2 * H]), times=st.integers(1, 3))
    def a_quiet_while(self, span_us: int, times: int) -> None:
        """A person who is there and answers each alarm."""
        for _ in range(times):
            self.confirm_all_alarms()
            self.a_good_host(span_us)

    @rule(span_us=SPANS)
    def a_late_host(self, span_us: int) -> None:
        self.give(events.Tick(self.now_us + span_us), must=True)

    @precondition(lambda self: self.now_us)
    @rule(back_us=st.integers(1, H))
    def time_does_not_go_back(self, back_us: int) -> None:
        if back_us <= self.now_us:
            self.give(events.Suspend(self.now_us - back_us), must=False)

    @rule()
    def a_restart(self) -> None:
        whole = self.pump.snapshot()
        restored = Pump.restore(whole)
        assert everything(restored) == everything(self.pump)
        self.twin, self.twin_steps = self.pump, TWIN_STEPS
        self.pump = restored

    # Facts ---------------------------------------------------------------------------------------------------------

    @rule(how=st.sampled_from(["confirms", "confirms", "confirms", "confirms", "silent", "unsure", "fails"]))
    def another_actuator(self, how: str) -> None:
        self.actuator = how

    @rule(
        kind=st.sampled_from([events.PulseConfirmed, events.PulseFailed, events.PulseUnknown]),
        which=st.integers(0, 30),
    )
    def an_outcome(self, kind: Any, which: int) -> None:  # noqa: ANN401
        open_ones = [seq for seq, each in self.model.orders.items() if each.fate in {"outstanding", "uncertain"}]
        if which < len(open_ones):
            self.give(kind(self.now_us, open_ones[which]), must=None if kind is events.PulseUnknown else True)
        else:
            settled = [seq for seq, each in self.model.orders.items() if each.fate in {"confirmed", "failed"}]
            self.give(kind(self.now_us, settled[which % len(settled)] if settled else 10**6), must=False)

    def patient(self) -> bool:
        """Say whether it is time again for what stops delivery: otherwise nothing else would ever be tried."""
        return self.given % 5 == 0

    @precondition(lambda self: self.patient())
    @rule(amount_uu=st.sampled_from([0, 24_999, U, 20 * U, 100 * U, 400 * U]))
    def the_reservoir_is_measured(self, amount_uu: int) -> None:
        self.give(events.ReservoirMeasured(self.now_us, amount_uu), must=amount_uu <= self.model.device.reservoir_uu)

    @precondition(lambda self: self.patient())
    @rule(
        what=st.sampled_from(["removed", "battery", *sorted(STOPPING, key=str), Kind.PRIMING_ISSUE, Kind.TEMPERATURE]),
        percent=st.sampled_from([0, 2, 3, 20, 60]),
    )
    def something_goes_wrong(self, what: str | Kind, percent: int) -> None:
        if isinstance(what, Kind):
            self.give(events.FaultDetected(self.now_us, what), must=True)
        elif what == "removed":
            self.give(events.ReservoirRemoved(self.now_us), must=True)
        else:
            self.give(events.BatteryMeasured(self.now_us, percent), must=True)

    @rule(kind=st.sampled_from([*sorted(STOPPING, key=str), Kind.PRIMING_ISSUE]))
    def a_fault_is_gone(self, kind: Kind) -> None:
        self.give(events.FaultGone(self.now_us, kind), must=True)

    @precondition(lambda self: self.model.state != "running")
    @rule(reservoir_uu=st.sampled_from([9 * U, 20 * U, 100 * U]), change=st.booleans())
    def all_is_put_right(self, reservoir_uu: int, change: bool) -> None:  # noqa: FBT001
        """The person and the parts of the pump do all that brings it back to running, from wherever it is (MOD-06)."""
        self.actuator = "confirms"
        for seq in [seq for seq, each in self.model.orders.items() if each.fate in {"outstanding", "uncertain"}]:
            self.give(events.PulseConfirmed(self.now_us, seq), must=True)
        for kind in sorted(STOPPING, key=str):
            self.give(events.FaultGone(self.now_us, kind), must=True)
        self.give(events.BatteryMeasured(self.now_us, 100), must=True)
        self.give(events.SetLimits(self.now_us, LIMITS), must=True)
        if self.model.state in CHANGING:
            self.give(events.AbortChange(self.now_us), must=True)
        if change or not self.model.primed:
            for event in self.change_of(reservoir_uu):
                self.give(event, must=True)
        self.confirm_all_alarms()
        trigger = "resume" if self.model.state == "suspended" else "start"
        back = events.Resume(self.now_us) if trigger == "resume" else events.Start(self.now_us)
        empty = (self.model.reservoir_uu or 0) < self.model.device.step_uu
        self.give(back, must=None if empty else True)

    def measured(self, mg_per_dl: int, late_us: int = 0, quality: Quality = Quality.GOOD) -> None:
        reading = Reading(max(self.now_us - late_us, 0), MgDl(mg_per_dl), quality)
        self.give(events.GlucoseMeasured(self.now_us, reading), must=True)

    @rule(
        mg_per_dl=st.sampled_from([45, 65, 70, 75, 90, 120, 200, 350]),
        late_us=st.sampled_from([0, 0, 5 * MIN, 12 * MIN, 12 * MIN + 1]),
        quality=st.sampled_from([Quality.GOOD, Quality.GOOD, Quality.DOUBTFUL]),
    )
    def glucose_is_measured(self, mg_per_dl: int, late_us: int, quality: Quality) -> None:
        self.measured(mg_per_dl, late_us, quality)

    @rule(
        mg_per_dl=st.sampled_from([65, 85, 110, 130]),
        by=st.sampled_from([-12, -6, 0, 2, 8]),
        readings=st.sampled_from([3, 5, 9]),
    )
    def glucose_takes_its_course(self, mg_per_dl: int, by: int, readings: int) -> None:
        """Readings five minutes apart: what predicts, and what lets a suspend end."""
        for number in range(readings):
            self.measured(max(mg_per_dl + by * number, 40))
            self.a_good_host(5 * MIN)

    @rule(by_us=st.sampled_from([-3 * H, -1, 0, H, 12 * H, 3 * DAY]), zone=st.sampled_from([None, None, *NIGHTS]))
    def the_clock_is_set(self, by_us: int, zone: tuple[str, datetime] | None) -> None:
        clock = self.model.clock
        assert clock is not None
        utc = EPOCH + timedelta(microseconds=self.now_us + clock.shift_us + by_us)
        self.give(
            events.ClockSet(self.now_us, Anchor(self.now_us, utc), clock.zone if zone is None else zone[0]), must=True
        )

    @rule(night=st.sampled_from(NIGHTS), hours=st.sampled_from([1, 3, 25]))
    def a_night(self, night: tuple[str, datetime], hours: int) -> None:
        """The clock is brought to just before the zone changes it, and time goes over that."""
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
        at_us, number = max(self.now_us - age_us, 0), max(self.controller_id + step, 1)
        request: RateRequest | BolusRequest = BolusRequest(id=number, at_us=at_us, amount_uu=amount_uu)
        if rate_uu_per_h is not None:
            request = RateRequest(id=number, at_us=at_us, rate_uu_per_h=rate_uu_per_h, duration_us=duration_us)
        model, bounds = self.model, self.model.config.controller
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
        assert not again or before == (len(model.programmed), model.temp), "GLU-06"

    @precondition(lambda self: self.model.state == "running" and self.model.config.controller.max_age_us)
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

    def by_the_rules(self, trigger: str) -> bool:
        return leads_to(self.model.state, trigger, self.model.facts()) is not None

    @precondition(lambda self: self.patient())
    @rule(cause=st.sampled_from([SuspendCause.PERSON, *SuspendCause]))
    def suspend(self, cause: SuspendCause) -> None:
        known = cause in {SuspendCause.PERSON, SuspendCause.REMOTE}
        self.give(events.Suspend(self.now_us, cause), must=known)

    @rule()
    def start(self) -> None:
        self.give(events.Start(self.now_us), must=self.by_the_rules("start"))

    @rule()
    def resume(self) -> None:
        self.give(events.Resume(self.now_us), must=self.by_the_rules("resume"))

    @rule(duration_us=st.sampled_from([MIN, 30 * MIN, 2 * H, 0, 3 * H]))
    def disconnect(self, duration_us: int) -> None:
        must = self.model.state == "running" and MIN <= duration_us <= 2 * H
        self.give(events.Disconnect(self.now_us, duration_us), must=must)

    @rule(off=st.booleans())
    def begin_change(self, off: bool) -> None:  # noqa: FBT001
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
        self.give(step[0](self.now_us), must=self.by_the_rules(step[1]))

    @rule(amount_uu=AMOUNTS)
    def prime(self, amount_uu: int) -> None:
        place = self.model.state in CHANGING[2:4]
        there = 0 < amount_uu <= (self.model.reservoir_uu or 0) and amount_uu % self.model.device.step_uu == 0
        must = place and there and (None if amount_uu > U else True)
        self.give(events.Prime(self.now_us, amount_uu), must=must)

    @precondition(lambda self: self.patient())
    @rule(limits=st.integers(0, len(LIMIT_SETS) - 1))
    def set_limits(self, limits: int) -> None:
        self.give(events.SetLimits(self.now_us, LIMIT_SETS[limits]), must=True)

    @rule(number=NUMBERS)
    def confirm_alarm(self, number: int) -> None:
        active = self.pump.status.annunciations
        if number < len(active):
            self.give(events.ConfirmAlarm(self.now_us, active[number].id), must=True)

    @rule()
    def confirm_all_alarms(self) -> None:
        for each in self.pump.status.annunciations:
            self.give(events.ConfirmAlarm(self.now_us, each.id), must=True)

    @rule(number=NUMBERS, span_us=st.sampled_from([0, MIN, 10 * MIN, 5 * H]))
    def snooze(self, number: int, span_us: int) -> None:
        self.give(events.SnoozeAlarm(self.now_us, number, span_us), must=None if MIN <= span_us <= 10 * MIN else False)

    @rule(span_us=st.sampled_from([0, MIN, 2 * MIN, 3 * MIN]))
    def pause_audio(self, span_us: int) -> None:
        self.give(events.PauseAudio(self.now_us, span_us), must=0 < span_us <= 2 * MIN)

    @rule(fast_uu=AMOUNTS, extended_uu=AMOUNTS, extended_us=DURATIONS, at_once=st.booleans())
    def propose_bolus(self, fast_uu: int, extended_uu: int, extended_us: int, at_once: bool) -> None:  # noqa: FBT001
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
    @rule(
        fast_uu=st.sampled_from([0, 500_000, U, 3 * U]),
        extended_uu=st.sampled_from([500_000, 0, U, 3 * U]),
        extended_us=st.sampled_from([30 * MIN, 2 * H, 8 * H]),
        then_us=st.sampled_from([0, 10 * SEC, 5 * MIN]),
    )
    def a_bolus(self, fast_uu: int, extended_uu: int, extended_us: int, then_us: int) -> None:
        """One that may well be possible, confirmed a little later."""
        asked = events.ProposeBolus(self.now_us, fast_uu, extended_uu, extended_us if extended_uu else 0)
        if fast_uu + extended_uu and self.give(asked):
            number = max(self.model.asked)
            self.a_good_host(then_us)
            if self.give(events.Confirm(self.now_us, number)):
                self.give(events.Confirm(self.now_us, number), must=True)

    @precondition(lambda self: self.model.state == "running")
    @rule(percent=st.sampled_from([0, 50, 100, 120, 200]), duration_us=st.sampled_from([30 * MIN, H, 12 * H]))
    def a_temp_basal(self, percent: int, duration_us: int) -> None:
        """One that may well be possible, confirmed at once where it has to be."""
        before = len(self.model.asked)
        if self.give(events.ProposeTemp(self.now_us, duration_us, percent=percent)) and len(self.model.asked) > before:
            self.give(events.Confirm(self.now_us, max(self.model.asked)), must=True)

    @precondition(lambda self: self.model.state == "running")
    @rule(away_us=SPANS, minutes=st.sampled_from([1, 10, 30, 120]), again=st.booleans())
    def a_break(self, away_us: int, minutes: int, again: bool) -> None:  # noqa: FBT001
        """A suspend or a disconnect, time, and the return, sometimes at once another."""
        for _ in range(1 + again):
            if minutes == 10:
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
        asked = events.ProposeTemp(self.now_us, duration_us, rate_uu_per_h, percent)
        impossible = self.model.state != "running" or (rate_uu_per_h is None) == (percent is None)
        self.give(asked, must=False if impossible else None)

    @rule(plan=st.integers(0, len(PLANS)))
    def propose_plan(self, plan: int) -> None:
        asked = (*PLANS, plan_of((0, 36 * U)))[plan]
        self.give(events.ProposePlan(self.now_us, asked), must=False if plan == len(PLANS) else None)

    @rule(which=NUMBERS)
    def confirm(self, which: int) -> None:
        number = which + 1 if which < 8 else max(self.model.asked, default=0)
        answered = number in self.model.answered
        pending = {each.id for each in self.pump.status.proposals}
        must = True if answered else (None if number in pending and self.model.confirmable(number) else False)
        before = len(self.model.programmed)
        accepted = self.give(events.Confirm(self.now_us, number), must=must)
        assert not answered or len(self.model.programmed) == before, "BOL-03"
        assert accepted or not answered

    @rule(which=NUMBERS)
    def reject(self, which: int) -> None:
        pending = {each.id for each in self.pump.status.proposals}
        self.give(events.Reject(self.now_us, which), must=which in pending)

    @rule(which=NUMBERS)
    def cancel_bolus(self, which: int) -> None:
        running = any(each.bolus_id == which and each.due(self.now_us) < each.steps for each in self.model.trains)
        self.give(events.CancelBolus(self.now_us, which), must=True if running else None)

    @rule()
    def cancel_temp(self) -> None:
        self.give(events.CancelTemp(self.now_us), must=self.model.temp is not None)

    @rule(
        carbs_mg=st.sampled_from([0, 60_000, 12_345, 600_000]),
        mg_per_dl=st.sampled_from([None, 69, 100, 240]),
        then=st.sampled_from(["confirm", "wait", "measure", "bolus", "nothing"]),
    )
    def ask_advice(self, carbs_mg: int, mg_per_dl: int | None, then: str) -> None:
        """A question, and what may come between a suggestion and the person's yes (ADV-07)."""
        if mg_per_dl is not None:
            self.measured(mg_per_dl)
        model, calculator = self.model, self.model.config.calculator
        value = model.readings.usable(self.now_us)
        low = calculator is not None and value is not None and value < calculator.hard_low.exact_mg_dl
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


TestPumpMachine = pytest.mark.req(
    "DEL-01",
    "DEL-05",
    "DEL-06",
    "DEL-12",
    "DEL-14",
    "MOD-01",
    "MOD-06",
    "WCH-01",
    "PWR-03",
    "SUS-03",
    "SUS-04",
    "PRF-03",
    "TIM-02",
    "TIM-03",
    "ADV-07",
    "GLU-02",
    "GLU-03",
    "GLU-05",
    "GLU-06",
    "ALM-08",
    "ALM-10",
)(PumpMachine.TestCase)
TestPumpMachine.settings = settings(stateful_step_count=30)
