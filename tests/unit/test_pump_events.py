"""What a pump does with events that it refuses, with what is no event, after a bug, and over a restart."""

# mypy takes what a step may change to stay as it was last seen.
# mypy: disable-error-code="comparison-overlap,unreachable"

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import pytest
from pumps import DAY, LIMITS, MIN, MONDAY, SEC, Bench, H, U, everything, is_refused, plan_of, those

from pumpcore.alarms import AlarmSettings, Kind
from pumpcore.devices import load
from pumpcore.devices.suspend import SUSPEND_POLICIES
from pumpcore.errors import InvariantError, JournalError, LimitError, QuantityError, RequestError
from pumpcore.limits import Limits
from pumpcore.pump import Calculator, Pump, Settings, events
from pumpcore.pump.effects import FirePulse
from pumpcore.pump.events import Event
from pumpcore.pump.handlers import HANDLERS
from pumpcore.pump.modes import State
from pumpcore.therapy.envelope import BolusRequest, ControllerBounds, RateRequest
from pumpcore.therapy.glucose import MgDl, Reading
from pumpcore.therapy.low_suspend import LOW_PRESETS, LowSettings
from pumpcore.therapy.profile import Anchor, BasalProfile, Segment

# What refused events leave behind -------------------------------------------------------------------------------------


def refused_at(at_us: int) -> list[Event]:
    """Events that a running pump with one bolus refuses, one for each reason."""
    return [
        events.Tick(at_us - 2),
        events.PulseConfirmed(at_us, 10**9),
        events.PulseFailed(at_us, 0),
        events.PulseUnknown(at_us, 1),
        events.ReservoirMeasured(at_us, 177 * U),
        events.FaultDetected(at_us, Kind.RESERVOIR_EMPTY),
        events.GlucoseMeasured(at_us, Reading(at_us + 1, MgDl(100))),
        events.ClockSet(at_us, Anchor(at_us, MONDAY), "Mars/Olympus"),
        events.ChangeSettings(at_us, Settings(limits=replace(LIMITS, max_basal_uu_per_h=100_000))),
        events.Start(at_us),
        events.Resume(at_us),
        events.Disconnect(at_us, 1),
        events.CancelBolus(at_us, 99),
        events.CancelTemp(at_us),
        events.BeginChange(at_us, set_off_body=True),
        events.Rewound(at_us),
        events.Loaded(at_us),
        events.Prime(at_us, 8 * U),
        events.Primed(at_us),
        events.Filled(at_us),
        events.Connected(at_us),
        events.AbortChange(at_us),
        events.ConfirmAlarm(at_us, 77),
        events.SnoozeAlarm(at_us, 77, MIN),
        events.PauseAudio(at_us, H),
        events.ProposeBolus(at_us, fast_uu=26 * U),
        events.ProposeTemp(at_us, H, percent=201),
        events.ProposePlan(at_us, plan_of((0, 36 * U))),
        events.Confirm(at_us, 99),
        events.Reject(at_us, 99),
        events.AskAdvice(at_us, 60_000),
        events.ControllerAsks(at_us, RateRequest(id=1, at_us=at_us, rate_uu_per_h=U, duration_us=H)),
        events.ControllerAsks(at_us, BolusRequest(id=1, at_us=at_us, amount_uu=U)),
        events.Suspend(at_us, events.SuspendCause.ALARM),
        events.StoreProfile(at_us, BasalProfile("everyday", (Segment(0, 2 * U),))),
        events.DeleteProfile(at_us, "everyday"),
        events.ProposeWeek(at_us, ("nobody knows it",)),
        events.Command(at_us, 1, at_us, 0, events.Resume(at_us)),
    ]


def test_every_event_that_can_be_refused_is_tried() -> None:
    never = {events.FaultGone, events.BatteryMeasured, events.ReservoirRemoved}
    assert {type(event) for event in refused_at(H)} == set(HANDLERS) - never


@pytest.mark.req("DEL-14")
@pytest.mark.parametrize("index", range(len(refused_at(H))))
def test_a_refused_event_changes_nothing(index: int) -> None:
    """Neither what can be asked nor what comes afterwards: a twin that never had the event answers the same."""
    benches = [Bench().start() for _ in range(2)]
    for bench in benches:
        bench.bolus(0, fast_uu=U, extended_uu=2 * U, extended_us=2 * H)
        bench.propose(events.ProposeBolus(0, fast_uu=U))
        bench.to(H - 1)
    # Time would pass in the refused step, a pulse would leave and a proposal expire: all that is taken back.
    assert is_refused(benches[0].pump, refused_at(H)[index])
    for bench in benches:
        bench.do(events.BatteryMeasured(H, 20))
        bench.do(events.Suspend(H + 1))
        bench.to(2 * H)
        bench.do(events.Resume(2 * H))
        bench.to(3 * H)
    assert benches[0].effects == benches[1].effects
    assert everything(benches[0].pump) == everything(benches[1].pump)


@pytest.mark.req("DEL-14")
def test_an_event_that_is_refused_late_takes_back_the_time_that_it_would_have_passed() -> None:
    bench = Bench().start()
    assert is_refused(bench.pump, events.CancelBolus(5 * H, 99))
    bench.to(H)
    assert bench.insulin() == U


# What is no event -----------------------------------------------------------------------------------------------------

WRONG: Final[tuple[tuple[type[Event], tuple[Any, ...]], ...]] = (
    (events.Tick, (0.0,)),
    (events.Tick, (True,)),
    (events.Tick, ("0",)),
    (events.Tick, (None,)),
    (events.PulseConfirmed, (0, [])),
    (events.PulseFailed, (0, "1")),
    (events.PulseUnknown, (0, 1.0)),
    (events.ReservoirMeasured, (0, 100e6)),
    (events.ReservoirMeasured, (0, True)),
    (events.FaultDetected, (0, "occlusion_detected")),
    (events.FaultGone, (0, None)),
    (events.BatteryMeasured, (0, 50.0)),
    (events.BatteryMeasured, (0, None)),
    (events.GlucoseMeasured, (0, None)),
    (events.GlucoseMeasured, (0, 100)),
    (events.GlucoseMeasured, (0, Reading(0, MgDl(100)), 1)),
    (events.ClockSet, (0, None, "UTC")),
    (events.ClockSet, (0, Anchor(0, MONDAY), [])),
    (events.ChangeSettings, (0, None)),
    (events.ChangeSettings, (0, LIMITS)),
    (events.Suspend, (0, None)),
    (events.Suspend, (0, "person")),
    (events.Disconnect, (0, 1.5e9)),
    (events.CancelBolus, (0, [])),
    (events.BeginChange, (0, "yes")),
    (events.BeginChange, (0, 1)),
    (events.Prime, (0, 8e6)),
    (events.ConfirmAlarm, (0, None)),
    (events.SnoozeAlarm, (0, 1, 1.0)),
    (events.PauseAudio, (0, 1.0)),
    (events.ProposeBolus, (0, 2.0)),
    (events.ProposeBolus, (0, "2")),
    (events.ProposeBolus, (0, True)),
    (events.ProposeBolus, (0, U, 0, 0, "manual")),
    (events.ProposeTemp, (0, 1e9, None, 50)),
    (events.ProposeTemp, (0, H, 0.7)),
    (events.ProposeTemp, (0, H, None, 50.0)),
    (events.ProposePlan, (0, None)),
    (events.Confirm, (0, [])),
    (events.Reject, (0, {})),
    (events.AskAdvice, (0, 60.0)),
    (events.ControllerAsks, (0, None)),
    (events.StoreProfile, (0, None)),
    (events.DeleteProfile, (0, 1)),
    (events.ProposeWeek, (0, "everyday")),
    (events.ProposeBolus, (0, U, 0, 0, events.Activation.MANUAL, False, 1)),
    (events.Command, (0, 1, 0, 0, events.Suspend(0))),
    (events.Command, (0, 1, 0, 0, events.Tick(0))),
    (events.Command, (0, True, 0, 0, events.Resume(0))),
)


@pytest.mark.req("DEL-17", "DEL-15")
@pytest.mark.parametrize(("kind", "arguments"), WRONG)
def test_a_field_of_a_wrong_type_is_refused_where_the_event_is_made(
    kind: type[Event], arguments: tuple[Any, ...]
) -> None:
    with pytest.raises(QuantityError):
        kind(*arguments)


@pytest.mark.req("DEL-17")
@pytest.mark.parametrize("kind", [each for each in HANDLERS if len(each.__slots__) or each is events.Tick])
def test_an_instant_that_is_none_is_refused(kind: type[Event]) -> None:
    rest = next((arguments[1:] for each, arguments in WRONG if each is kind), ())
    for at_us, error in ((-1, LimitError), (2**63, LimitError), (1.0, QuantityError)):
        with pytest.raises(RequestError) as refused:
            kind(at_us, *rest)  # type: ignore[arg-type]
        assert type(refused.value) in {error, QuantityError}


@pytest.mark.req("DEL-17")
@pytest.mark.parametrize("make", [lambda: Event(0), lambda: events.Request(0), lambda: events.Fact(0)])
def test_what_is_no_event_of_ours_is_refused_and_the_pump_works_on(make: Any) -> None:  # noqa: ANN401
    bench = Bench().start()
    assert is_refused(bench.pump, make())
    bench.to(H)
    assert bench.insulin() == U


def test_an_event_is_frozen() -> None:
    with pytest.raises(AttributeError):
        events.Prime(0, 8 * U).amount_uu = 9 * U  # type: ignore[misc]


# After a bug ----------------------------------------------------------------------------------------------------------


@pytest.mark.req("DEL-16")
def test_after_a_bug_nothing_is_delivered_and_every_event_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench().start()
    bench.to(H)

    def buggy(*_: object) -> None:
        message = "a bug"
        raise ZeroDivisionError(message)

    monkeypatch.setitem(HANDLERS, events.BatteryMeasured, buggy)
    with pytest.raises(InvariantError, match="ZeroDivisionError: a bug"):
        bench.pump.step(events.BatteryMeasured(H, 50))
    monkeypatch.undo()
    for event in (events.Tick(2 * H), events.Suspend(2 * H), events.BatteryMeasured(2 * H, 50)):
        with pytest.raises(InvariantError, match="a bug"):
            bench.pump.step(event)


@pytest.mark.req("DEL-16")
def test_a_refusal_out_of_what_is_no_request_is_a_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench().start()

    def refuses(*_: object, **__: object) -> None:
        raise LimitError("x", 2, 1, "uu")

    monkeypatch.setattr("pumpcore.pump.pump.pass_time", refuses)
    with pytest.raises(InvariantError, match="LimitError"):
        bench.pump.step(events.Tick(H))


@pytest.mark.req("DEL-16")
def test_a_booking_that_fails_after_all_was_computed_is_a_bug_too(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench().start()

    def refuses(*_: object) -> None:
        raise LimitError("x", 2, 1, "uu")

    monkeypatch.setattr("pumpcore.pump.state.Iob.add", refuses)
    with pytest.raises(InvariantError, match="LimitError"):
        bench.to(H)
    with pytest.raises(InvariantError, match="LimitError"):
        bench.pump.step(events.Tick(2 * H))


# Over a restart -------------------------------------------------------------------------------------------------------


def eventful(policy: str, device: str) -> list[tuple[int, Event]]:
    """A day with something of everything, by the clock."""
    del policy, device
    return [
        (MIN, events.ProposeBolus(MIN, fast_uu=2 * U, extended_uu=2 * U, extended_us=2 * H, for_meal=True)),
        (2 * MIN, events.Confirm(2 * MIN, 1)),
        (2 * MIN, events.ProposeTemp(2 * MIN, 2 * H, percent=120)),
        (3 * MIN, events.Confirm(3 * MIN, 2)),
        (20 * MIN, events.Suspend(20 * MIN)),
        (25 * MIN, events.Resume(25 * MIN)),
        (H, events.GlucoseMeasured(H, Reading(H, MgDl(210)))),
        (H, events.AskAdvice(H, 30_000)),
        (H + MIN, events.Confirm(H + MIN, 3)),
        (H + 2 * MIN, events.BatteryMeasured(H + 2 * MIN, 20)),
        (2 * H, events.ClockSet(2 * H, Anchor(2 * H, MONDAY), "Europe/Copenhagen")),
        (3 * H, events.Disconnect(3 * H, 30 * MIN)),
        (4 * H, events.Resume(4 * H)),
        (5 * H, events.GlucoseMeasured(5 * H, Reading(5 * H, MgDl(55)))),
        (5 * H + 5 * MIN, events.Suspend(5 * H + 5 * MIN)),
        (8 * H, events.Resume(8 * H)),
        (9 * H, events.ControllerAsks(9 * H, RateRequest(id=3, at_us=9 * H, rate_uu_per_h=U, duration_us=30 * MIN))),
        (10 * H, events.FaultDetected(10 * H, Kind.OCCLUSION_DETECTED)),
        (10 * H + MIN, events.PauseAudio(10 * H + MIN, MIN)),
        (11 * H, events.FaultGone(11 * H, Kind.OCCLUSION_DETECTED)),
    ]


def everything_on(policy: str, device: str) -> Bench:
    return Bench(
        device=load(device),
        suspend_policy=policy,
        plan=plan_of((0, 800_000), (6 * H, U), weekend=((0, 600_000),)),
        zone="America/New_York",
        alarms=AlarmSettings(auto_off_us=12 * H, glucose_check_us=2 * H),
        calculator=Calculator(
            policy="omnipod",
            carb_ratio_mg_per_u=10_000,
            sensitivity=MgDl(40),
            target_low=MgDl(90),
            target_high=MgDl(120),
        ),
        low_suspend=LowSettings(LOW_PRESETS["medtronic-640g"], MgDl(60)),
        controller=ControllerBounds(max_rate_uu_per_h=2 * U, max_duration_us=H, max_age_us=MIN),
        meals=((7 * H, 8 * H),),
    ).start()


@pytest.mark.req("PWR-03", "IOB-02", "DEL-08")
@pytest.mark.parametrize(
    ("policy", "device"),
    [
        *((policy, "medtronic-523") for policy in SUSPEND_POLICIES),
        ("medtronic", "roche-combo"),
        ("roche_pause", "omnipod"),
    ],
)
def test_a_pump_that_is_restored_after_every_step_is_the_same_pump(policy: str, device: str) -> None:
    stays, restarts = (everything_on(policy, device) for _ in range(2))
    for at_us, event in eventful(policy, device):
        for bench in (stays, restarts):
            bench.to(at_us - 1)
            bench.answers = event.at_us % (2 * MIN) == 0  # some pulses stay open over the restart
            try:
                bench.do(event)
            except RequestError as refused:
                bench.effects.append(refused)  # type: ignore[arg-type]
            bench.answers = True
        restarts.pump = Pump.restore(restarts.pump.snapshot(), device=restarts.pump.config.device)
        assert everything(restarts.pump) == everything(stays.pump)
    for bench in (stays, restarts):
        bench.to(13 * H)
    assert list(map(repr, stays.effects)) == list(map(repr, restarts.effects))
    assert len(those(FirePulse, stays.effects)) > 100
    assert stays.status.state is State.ALARM


@pytest.mark.req("PWR-03")
def test_a_pump_is_restored_in_every_state() -> None:
    bench = Bench()
    seen = set()
    for step in (
        events.BeginChange(0, set_off_body=True),
        events.Rewound(0),
        events.ReservoirMeasured(0, 100 * U),
        events.Loaded(0),
        events.Prime(0, 8 * U),
        events.Primed(0),
        events.Filled(0),
        events.Connected(0),
        events.Start(0),
        events.Suspend(0),
        events.FaultDetected(0, Kind.OCCLUSION_DETECTED),
    ):
        restored = Pump.restore(bench.pump.snapshot())
        assert everything(restored) == everything(bench.pump)
        assert restored.config == bench.pump.config
        seen.add(restored.status.state)
        bench.pump = restored
        bench.do(step)
    assert seen | {State.ALARM} == set(State)


@pytest.mark.req("PWR-03", "BOL-03", "GLU-06")
def test_answers_that_were_given_are_remembered_over_a_restart() -> None:
    bench = Bench(controller=ControllerBounds(max_bolus_uu=U, max_age_us=MIN)).start()
    proposal_id = bench.propose(events.ProposeBolus(0, fast_uu=U))
    first = bench.do(events.Confirm(0, proposal_id))
    asked = bench.do(events.ControllerAsks(0, BolusRequest(id=5, at_us=0, amount_uu=U)))
    bench.pump = Pump.restore(bench.pump.snapshot())
    assert bench.do(events.Confirm(0, proposal_id)) == first
    assert bench.do(events.ControllerAsks(0, BolusRequest(id=5, at_us=0, amount_uu=U))) == asked
    bench.to(H)
    assert bench.insulin("bolus") == 2 * U


@pytest.mark.req("PWR-04")
def test_a_damaged_snapshot_is_refused() -> None:
    bench = everything_on("medtronic", "medtronic-523")
    bench.to(MIN)
    whole = bench.pump.snapshot()
    Pump.restore(whole)
    for place in range(0, len(whole), 97):
        for bit in (0, 5):
            damaged = bytearray(whole)
            damaged[place] ^= 1 << bit
            with pytest.raises(JournalError):
                Pump.restore(bytes(damaged))
    for length in (0, 1, 15, 25, len(whole) // 2, len(whole) - 1):
        with pytest.raises(JournalError):
            Pump.restore(whole[:length])
    with pytest.raises(JournalError):
        Pump.restore(whole + b" ")


@pytest.mark.req("PWR-03")
def test_equal_pumps_give_equal_bytes_and_others_do_not() -> None:
    one, other = Bench().start(), Bench().start()
    assert one.pump.snapshot() == other.pump.snapshot()
    one.to(MIN)
    assert one.pump.snapshot() != other.pump.snapshot()


@pytest.mark.req("STA-03", "LIM-07")
def test_a_pump_without_any_setting_can_be_made_asked_and_written_down_and_delivers_nothing() -> None:
    bench = Bench(limits=Limits(), plan=None, anchor=None).change()
    assert is_refused(bench.pump, events.Start(0))
    bench.do(bench.choosing(0, limits=LIMITS))
    assert is_refused(bench.pump, events.Start(0))
    bench.do(events.ClockSet(0, Anchor(0, MONDAY), "UTC"))
    assert is_refused(bench.pump, events.Start(0))
    bench.do(events.Confirm(0, bench.propose(events.ProposePlan(0, plan_of((0, U))))))
    assert Pump.restore(bench.pump.snapshot()).status == bench.status
    bench.do(events.Start(0))
    bench.to(H)
    assert bench.insulin() == U


@pytest.mark.req("TIM-06", "DEL-03")
def test_a_day_of_everything_shifted_in_monotonic_time_is_the_same_day() -> None:
    """What the pump does depends on how much time has passed, not on what the monotonic clock reads."""
    by_us = 7 * DAY + 3 * SEC
    at_zero, later = Bench(), Bench(at_us=by_us, anchor=Anchor(by_us, MONDAY))
    at_zero.start()
    later.start(by_us)
    for bench, base in ((at_zero, 0), (later, by_us)):
        bench.bolus(base, fast_uu=U, extended_uu=U, extended_us=H)
        bench.to(base + 3 * H)
        bench.do(events.Suspend(base + 3 * H))
        bench.to(base + 6 * H)
        bench.do(events.Resume(base + 6 * H))
        bench.to(base + 8 * H)
    assert [(each.at_us + by_us, each.channel, each.seq) for each in at_zero.pulses()] == [
        (each.at_us, each.channel, each.seq) for each in later.pulses()
    ]
    assert [type(each) for each in at_zero.effects] == [type(each) for each in later.effects]
