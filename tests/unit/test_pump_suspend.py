"""Suspend and resume on a pump: each policy, the disconnect, and who may end what."""

# mypy takes what a step may change to stay as it was last seen.
# mypy: disable-error-code="comparison-overlap,unreachable"

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Final

import pytest
from pumps import LIMITS, MIN, SEC, Bench, H, U, is_refused, only, plan_of, those

from pumpcore.alarms import Kind
from pumpcore.devices import load
from pumpcore.devices.suspend import SUSPEND_POLICIES
from pumpcore.pump import events
from pumpcore.pump.effects import (
    BolusDelivered,
    BolusProgrammed,
    EndReason,
    ModeChanged,
    Proposed,
    RateChanged,
    StepsMissed,
    TempEnded,
)
from pumpcore.pump.events import SuspendCause
from pumpcore.pump.modes import State, TherapyControl

CANCELLING: Final = ("medtronic", "roche_stop", "tandem", "omnipod")


def test_there_are_no_other_policies() -> None:
    assert set(SUSPEND_POLICIES) == {*CANCELLING, "roche_pause"}


@pytest.mark.req("SUS-01", "DEL-12")
@pytest.mark.parametrize("policy", SUSPEND_POLICIES)
def test_a_suspend_stops_basal_and_boluses_at_once(policy: str) -> None:
    bench = Bench(suspend_policy=policy).start()
    bench.bolus(0, fast_uu=2 * U, extended_uu=2 * U, extended_us=2 * H)
    bench.to(30 * SEC)
    effects = bench.do(events.Suspend(30 * SEC))
    assert only(ModeChanged, effects).after is State.SUSPENDED
    assert only(RateChanged, effects).rate_uu_per_h == 0
    assert (bench.status.state, bench.status.cause) == (State.SUSPENDED, SuspendCause.PERSON)
    bench.to(10 * H)
    assert bench.pulses(since_us=30 * SEC) == []
    assert bench.status.state is State.SUSPENDED


@pytest.mark.req("SUS-01", "DEL-12", "DEL-18", "DEL-06")
@pytest.mark.parametrize(
    "how",
    ["suspend", "fault", "removed"],
)
@pytest.mark.parametrize("device", ["roche-combo", "tandem-tslim-x2", "animas-vibe"])
def test_steps_that_wait_for_the_grid_do_not_leave_after_a_stop(device: str, how: str) -> None:
    bench = Bench(device=load(device), plan=plan_of((0, 10 * U))).start()
    at_us = H + 100 * SEC
    bench.to(at_us)
    stops: dict[str, events.Event] = {
        "suspend": events.Suspend(at_us),
        "fault": events.FaultDetected(at_us, Kind.OCCLUSION_DETECTED),
        "removed": events.ReservoirRemoved(at_us),
    }
    bench.do(stops[how])
    bench.to(3 * H)
    assert bench.pulses(since_us=at_us) == []
    missed_uu = sum(each.amount_uu for each in those(StepsMissed, bench.effects))
    due_uu = at_us * 10 * U // H
    assert bench.insulin() + missed_uu == due_uu - due_uu % bench.pump.config.device.step_uu


@pytest.mark.req("SUS-01")
def test_a_suspend_is_accepted_in_every_state() -> None:
    bench = Bench()
    seen = {bench.status.state}

    def suspend() -> None:
        before = bench.status.state
        bench.do(events.Suspend(0))
        assert bench.status.state is (State.SUSPENDED if before is State.RUNNING else before)
        seen.add(before)

    steps = [
        events.BeginChange(0, set_off_body=True),
        events.Rewound(0),
        events.ReservoirMeasured(0, 100 * U),
        events.Loaded(0),
        events.Prime(0, 8 * U),
        events.Primed(0),
        events.Filled(0),
        events.Connected(0),
        events.Start(0),
        events.FaultDetected(0, Kind.OCCLUSION_DETECTED),
    ]
    for step in steps:
        suspend()
        bench.do(step)
        suspend()
        if bench.status.state is State.SUSPENDED:
            suspend()
            bench.do(events.Resume(0))
    assert seen == set(State)


@pytest.mark.req("SUS-02")
def test_nothing_resumes_by_itself() -> None:
    for policy in SUSPEND_POLICIES:
        bench = Bench(suspend_policy=policy).start()
        bench.do(events.Suspend(MIN))
        bench.to(24 * H)
        assert bench.status.state is State.SUSPENDED, policy


@pytest.mark.req("SUS-03", "SUS-04", "DEL-04")
@pytest.mark.parametrize("policy", CANCELLING)
def test_these_policies_cancel_boluses(policy: str) -> None:
    bench = Bench(suspend_policy=policy).start()
    bench.bolus(0, fast_uu=2 * U)
    bench.bolus(0, extended_uu=2 * U, extended_us=2 * H)
    bench.to(40 * SEC)
    ended = those(BolusDelivered, bench.do(events.Suspend(40 * SEC)))
    assert [(each.bolus.id, each.reason, each.bolus.delivered_uu, each.bolus.not_delivered_uu) for each in ended] == [
        (1, EndReason.CANCELED, U, U),
        (2, EndReason.CANCELED, 0, 2 * U),
    ]
    assert bench.status.boluses == ()
    bench.do(events.Resume(MIN))
    bench.to(5 * H)
    assert bench.insulin("bolus", "extended", since_us=MIN) == 0


@pytest.mark.req("SUS-03", "SUS-05", "SUS-06")
@pytest.mark.parametrize("policy", ["medtronic", "roche_pause"])
def test_with_these_policies_the_temp_basal_goes_on_if_its_time_is_not_over(policy: str) -> None:
    bench = Bench(suspend_policy=policy).start()
    bench.do(events.ProposeTemp(0, H, percent=50))
    bench.do(events.Suspend(10 * MIN))
    assert bench.status.temp_until_us == H
    bench.to(20 * MIN)
    bench.do(events.Resume(20 * MIN))
    assert (bench.status.rate_uu_per_h, bench.status.rate_reason) == (500_000, "temp")
    bench.to(H)
    assert bench.status.rate_uu_per_h == U


@pytest.mark.req("SUS-03", "TMP-01")
def test_a_temp_basal_whose_time_is_over_in_a_suspend_ends_there() -> None:
    bench = Bench().start()
    bench.do(events.ProposeTemp(0, H, percent=50))
    bench.do(events.Suspend(30 * MIN))
    bench.to(2 * H)
    assert only(TempEnded, bench.effects).at_us == H
    bench.do(events.Resume(2 * H))
    assert (bench.status.rate_uu_per_h, bench.status.rate_reason) == (U, "profile")


@pytest.mark.req("SUS-04")
@pytest.mark.parametrize("policy", ["roche_stop", "tandem", "omnipod"])
def test_these_policies_cancel_the_temp_basal(policy: str) -> None:
    bench = Bench(suspend_policy=policy).start()
    bench.do(events.ProposeTemp(0, H, percent=50))
    ended = only(TempEnded, bench.do(events.Suspend(10 * MIN)))
    assert ended.reason is EndReason.CANCELED
    bench.do(events.Resume(10 * MIN))
    assert (bench.status.rate_uu_per_h, bench.status.temp_until_us) == (U, None)


@pytest.mark.req("SUS-03", "SUS-04")
@pytest.mark.parametrize("policy", CANCELLING)
def test_these_policies_make_nothing_up_and_offer_nothing(policy: str) -> None:
    bench = Bench(suspend_policy=policy, plan=plan_of((0, 4 * U))).start()
    bench.to(H)
    bench.do(events.Suspend(H))
    bench.to(H + 14 * MIN)
    effects = bench.do(events.Resume(H + 14 * MIN))
    assert those(BolusProgrammed, effects) == those(Proposed, effects) == []
    bench.to(2 * H)
    assert bench.insulin(since_us=H) == 46 * 4 * U // 60 // 25_000 * 25_000


@pytest.mark.req("DEL-02", "SUS-03")
def test_what_is_earned_of_a_step_is_kept_over_a_suspend() -> None:
    bench = Bench().start()  # a step every 90 s
    bench.to(80 * SEC)
    bench.do(events.Suspend(80 * SEC))
    bench.to(H)
    bench.do(events.Resume(H))
    bench.to(H + 10 * SEC)
    assert [pulse.at_us for pulse in bench.pulses()] == [H + 10 * SEC]


# Pause ----------------------------------------------------------------------------------------------------------------


@pytest.mark.req("SUS-05")
def test_a_pause_of_minutes_is_made_up_on_return() -> None:
    bench = Bench(suspend_policy="roche_pause", plan=plan_of((0, 4 * U))).start()
    bench.to(H)
    bench.do(events.Suspend(H))
    bench.to(H + 15 * MIN)
    made_up = only(BolusProgrammed, bench.do(events.Resume(H + 15 * MIN)))
    assert made_up.bolus.programmed_uu == U
    bench.to(2 * H)
    assert bench.insulin() == 8 * U


@pytest.mark.req("SUS-05")
def test_a_longer_pause_is_not_made_up() -> None:
    bench = Bench(suspend_policy="roche_pause", plan=plan_of((0, 4 * U))).start()
    bench.do(events.Suspend(0))
    bench.to(15 * MIN + 1)
    assert those(BolusProgrammed, bench.do(events.Resume(15 * MIN + 1))) == []
    bench.to(H)
    assert bench.insulin() == 3 * U - 25_000  # 45 minutes less a microsecond


@pytest.mark.req("SUS-05")
def test_what_is_made_up_is_what_was_programmed_with_its_temp_basal() -> None:
    bench = Bench(suspend_policy="roche_pause", plan=plan_of((0, 4 * U))).start()
    bench.do(events.ProposeTemp(0, 2 * H, percent=0))
    bench.to(20 * MIN)
    bench.do(events.Suspend(20 * MIN))
    bench.to(30 * MIN)
    bench.do(events.Resume(30 * MIN))
    bench.to(H)
    assert bench.insulin() == 0


@pytest.mark.req("SUS-06")
def test_boluses_go_on_after_a_pause_with_the_time_that_they_had_left() -> None:
    bench = Bench(suspend_policy="roche_pause", plan=plan_of((0, 0))).start()
    bench.bolus(0, fast_uu=2 * U, extended_uu=4 * U, extended_us=2 * H)
    bench.to(40 * SEC)
    bench.do(events.Suspend(40 * SEC))
    assert [bolus.remaining_uu for bolus in bench.status.boluses] == [5 * U]
    bench.to(10 * MIN)
    bench.do(events.Resume(10 * MIN))
    bench.to(10 * MIN + 40 * SEC)
    assert bench.insulin("bolus") == 2 * U
    bench.to(2 * H + 9 * MIN)
    assert bench.insulin("extended") < 4 * U
    bench.to(2 * H + 10 * MIN)
    assert bench.insulin("extended") == 4 * U
    assert only(BolusDelivered, bench.effects).reason is EndReason.OVER


@pytest.mark.req("SUS-06", "DEL-01")
def test_boluses_go_on_after_many_pauses_and_never_all_at_once() -> None:
    bench = Bench(suspend_policy="roche_pause", plan=plan_of((0, 0))).start()
    bench.bolus(0, extended_uu=4 * U, extended_us=2 * H)  # a step every 45 s
    at_us = 0
    for _ in range(8):
        at_us += 14 * MIN
        bench.to(at_us)
        bench.do(events.Suspend(at_us))
        at_us += 14 * MIN
        bench.to(at_us)
        bench.do(events.Resume(at_us))
    bench.to(6 * H)
    assert bench.insulin("extended") == 4 * U
    times = [pulse.at_us for pulse in bench.pulses("extended")]
    assert min(b - a for a, b in pairwise(times)) > 40 * SEC


@pytest.mark.req("SUS-06")
def test_boluses_do_not_go_on_after_a_longer_pause() -> None:
    bench = Bench(suspend_policy="roche_pause").start()
    bench.bolus(0, fast_uu=2 * U, extended_uu=4 * U, extended_us=2 * H)
    bench.to(40 * SEC)
    bench.do(events.Suspend(40 * SEC))
    bench.to(5 * H)
    bench.do(events.Resume(5 * H))
    bench.to(10 * H)
    assert bench.insulin("bolus", "extended", since_us=40 * SEC) == 0
    (ended,) = those(BolusDelivered, bench.effects)
    assert (ended.reason, ended.bolus.delivered_uu) == (EndReason.CANCELED, U)


@pytest.mark.req("SUS-06", "DEL-18")
@pytest.mark.parametrize("policy", SUSPEND_POLICIES)
def test_a_fault_holds_nothing_whatever_the_policy(policy: str) -> None:
    bench = Bench(suspend_policy=policy).start()
    bench.bolus(0, fast_uu=2 * U, extended_uu=2 * U, extended_us=2 * H)
    bench.do(events.ProposeTemp(0, 2 * H, percent=50))
    bench.to(40 * SEC)
    effects = bench.do(events.FaultDetected(40 * SEC, Kind.OCCLUSION_DETECTED))
    assert only(BolusDelivered, effects).reason is EndReason.ERROR_ABORT
    assert only(TempEnded, effects).reason is EndReason.ERROR_ABORT
    assert (bench.status.boluses, bench.status.temp_until_us) == ((), None)
    bench.do(events.FaultGone(MIN, Kind.OCCLUSION_DETECTED))
    bench.confirm_all(MIN)
    bench.do(events.Resume(MIN))
    bench.to(3 * H)
    assert bench.insulin("bolus", "extended", since_us=40 * SEC) == 0
    assert bench.status.rate_uu_per_h == U


@pytest.mark.req("SUS-06", "DEL-18")
def test_a_fault_in_a_pause_ends_what_was_held() -> None:
    bench = Bench(suspend_policy="roche_pause").start()
    bench.bolus(0, fast_uu=2 * U)
    bench.do(events.Suspend(40 * SEC))
    effects = bench.do(events.FaultDetected(41 * SEC, Kind.OCCLUSION_DETECTED))
    assert only(BolusDelivered, effects).reason is EndReason.ERROR_ABORT
    assert bench.status.boluses == ()


@pytest.mark.req("SUS-06", "BOL-07")
def test_a_bolus_that_is_held_can_be_cancelled() -> None:
    bench = Bench(suspend_policy="roche_pause").start()
    bench.bolus(0, fast_uu=2 * U)
    bench.to(40 * SEC)
    bench.do(events.Suspend(40 * SEC))
    assert only(BolusDelivered, bench.do(events.CancelBolus(MIN, 1))).bolus.not_delivered_uu == U
    bench.do(events.Resume(MIN))
    bench.to(H)
    assert bench.insulin("bolus") == U


@pytest.mark.req("SUS-08", "BOL-08")
def test_a_pause_with_seven_boluses_can_be_resumed() -> None:
    bench = Bench(suspend_policy="roche_pause").start()
    for _ in range(7):
        bench.bolus(0, extended_uu=U, extended_us=2 * H)
    bench.do(events.Suspend(MIN))
    bench.to(11 * MIN)
    bench.do(events.Resume(11 * MIN))
    assert bench.status.state is State.RUNNING


@pytest.mark.req("MOD-08")
def test_a_pause_is_a_pause_for_the_service_and_a_stop_is_a_stop() -> None:
    for policy, expected in (("roche_pause", TherapyControl.PAUSE), ("roche_stop", TherapyControl.STOP)):
        bench = Bench(suspend_policy=policy).start()
        assert bench.status.therapy_control is TherapyControl.RUN
        bench.do(events.Suspend(MIN))
        assert bench.status.therapy_control is expected


@pytest.mark.req("MOD-08")
def test_what_will_not_be_made_up_any_more_is_no_pause() -> None:
    bench = Bench(suspend_policy="roche_pause").start()
    bench.do(events.Suspend(0))
    bench.to(16 * MIN)
    assert bench.status.therapy_control is TherapyControl.STOP


# Disconnect -----------------------------------------------------------------------------------------------------------


@pytest.mark.req("SUS-07")
@pytest.mark.parametrize("policy", CANCELLING)
def test_a_disconnect_reminds_at_its_end_and_offers_what_was_missed(policy: str) -> None:
    bench = Bench(suspend_policy=policy).start()
    bench.to(H)
    bench.do(events.Disconnect(H, 30 * MIN))
    assert (bench.status.state, bench.status.cause) == (State.SUSPENDED, SuspendCause.DISCONNECT)
    bench.to(H + 30 * MIN - 1)
    assert bench.alarm(Kind.DISCONNECT_OVER) is None
    bench.to(H + 30 * MIN)
    assert bench.alarm(Kind.DISCONNECT_OVER) is not None
    assert bench.status.state is State.SUSPENDED
    bench.to(H + 36 * MIN)
    offered = only(Proposed, bench.do(events.Resume(H + 36 * MIN)))
    assert offered.proposal.amount_uu == 600_000
    bench.to(H + 40 * MIN)
    assert bench.insulin("bolus") == 0
    bench.do(events.Confirm(H + 40 * MIN, offered.proposal.id))
    bench.to(2 * H)
    assert bench.insulin("bolus") == 600_000


@pytest.mark.req("SUS-07", "ALM-03")
def test_the_reminder_of_a_disconnect_ends_with_the_return() -> None:
    bench = Bench().start()
    bench.do(events.Disconnect(0, 30 * MIN))
    bench.to(40 * MIN)
    bench.do(events.Resume(40 * MIN))
    bench.confirm_all(40 * MIN)
    assert bench.alarm(Kind.DISCONNECT_OVER) is None


@pytest.mark.req("SUS-07", "ALM-03")
def test_the_reminder_of_a_disconnect_ends_with_a_return_through_a_reservoir_change() -> None:
    bench = Bench().start()
    bench.do(events.Disconnect(0, 30 * MIN))
    bench.to(40 * MIN)
    bench.start(40 * MIN)
    bench.confirm_all(40 * MIN)
    assert bench.alarm(Kind.DISCONNECT_OVER) is None


@pytest.mark.req("SUS-07", "LIM-02")
def test_what_a_disconnect_offers_is_at_most_the_largest_bolus() -> None:
    bench = Bench(plan=plan_of((0, 10 * U)), limits=replace(LIMITS, max_bolus_uu=1_240_000)).start()
    bench.do(events.Disconnect(0, 30 * MIN))
    bench.to(30 * MIN)
    assert only(Proposed, bench.do(events.Resume(30 * MIN))).proposal.amount_uu == 1_200_000


@pytest.mark.req("SUS-07")
@pytest.mark.parametrize("duration_us", [0, -1, MIN - 1, 2 * H + 1])
def test_a_disconnect_out_of_bounds_is_refused(duration_us: int) -> None:
    assert is_refused(Bench().start().pump, events.Disconnect(0, duration_us))


@pytest.mark.req("SUS-07")
def test_a_disconnect_begins_only_out_of_running() -> None:
    assert is_refused(Bench().pump, events.Disconnect(0, H))
    bench = Bench().start()
    bench.do(events.Suspend(0))
    assert is_refused(bench.pump, events.Disconnect(0, H))


@pytest.mark.req("SUS-07")
def test_what_a_disconnect_offers_is_what_was_programmed() -> None:
    bench = Bench(plan=plan_of((0, 4 * U))).start()
    bench.do(events.ProposeTemp(0, 2 * H, percent=0))
    bench.do(events.Disconnect(MIN, 30 * MIN))
    bench.to(31 * MIN)
    assert those(Proposed, bench.do(events.Resume(31 * MIN))) == []


# Who may end what -----------------------------------------------------------------------------------------------------


@pytest.mark.req("SUS-02")
def test_a_resume_needs_a_suspend() -> None:
    assert is_refused(Bench().pump, events.Resume(0))
    assert is_refused(Bench().start().pump, events.Resume(0))


@pytest.mark.req("SUS-08")
def test_after_each_policy_a_resume_follows_as_often_as_one_likes() -> None:
    for policy in SUSPEND_POLICIES:
        bench = Bench(suspend_policy=policy).start()
        for minute in range(1, 40, 2):
            bench.to(minute * MIN)
            bench.do(events.Suspend(minute * MIN))
            bench.to((minute + 1) * MIN)
            bench.do(events.Resume((minute + 1) * MIN))
        assert bench.status.state is State.RUNNING


@pytest.mark.req("WCH-03")
def test_a_suspend_reminds_every_quarter_of_an_hour() -> None:
    bench = Bench().start()
    bench.to(MIN)
    bench.do(events.Suspend(MIN))
    bench.to(16 * MIN - 1)
    assert bench.alarm(Kind.NO_DELIVERY_REMINDER) is None
    bench.to(16 * MIN)
    assert bench.alarm(Kind.NO_DELIVERY_REMINDER) is not None
    bench.do(events.Resume(16 * MIN))
    assert bench.alarm(Kind.NO_DELIVERY_REMINDER) is None


@pytest.mark.req("SUS-02")
@pytest.mark.parametrize(
    "cause", [each for each in SuspendCause if each not in {SuspendCause.PERSON, SuspendCause.REMOTE}]
)
def test_a_requester_cannot_pass_for_the_pump_itself(cause: SuspendCause) -> None:
    """A suspend that says it is for low glucose would end by itself."""
    assert is_refused(Bench().start().pump, events.Suspend(0, cause))
