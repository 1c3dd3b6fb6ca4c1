"""Boluses and proposals on a pump: asked for, confirmed, delivered, stopped, refused."""

# mypy takes what a step may change to stay as it was last seen.
# mypy: disable-error-code="comparison-overlap,unreachable"

from __future__ import annotations

from dataclasses import replace

import pytest
from pumps import DAY, LIMITS, MIN, SEC, Bench, H, U, is_refused, only, plan_of, those

from pumpcore.alarms import Kind
from pumpcore.devices import load
from pumpcore.errors import LimitError, ModeError, QuantityError, RequestError
from pumpcore.limits import Limits
from pumpcore.pump import events
from pumpcore.pump.effects import (
    BolusDelivered,
    BolusProgrammed,
    EndReason,
    FirePulse,
    ProposalDropped,
    Proposed,
    StepsMissed,
)
from pumpcore.pump.modes import State
from pumpcore.therapy.profile import BasalProfile, Segment, WeekPlan


@pytest.mark.req("BOL-01")
def test_a_bolus_is_delivered_only_once_it_was_confirmed() -> None:
    bench = Bench().start()
    asked = only(Proposed, bench.do(events.ProposeBolus(MIN, fast_uu=2 * U)))
    assert (asked.proposal.amount_uu, asked.proposal.at_us) == (2 * U, MIN)
    assert bench.status.proposals == (asked.proposal,)
    bench.to(2 * MIN)
    assert bench.insulin("bolus") == 0
    begun = only(BolusProgrammed, bench.do(events.Confirm(2 * MIN, asked.proposal.id)))
    assert (begun.bolus.programmed_uu, begun.bolus.at_us) == (2 * U, 2 * MIN)
    assert bench.status.proposals == ()
    bench.to(10 * MIN)
    assert bench.insulin("bolus") == 2 * U
    ended = only(BolusDelivered, bench.effects)
    assert (ended.reason, ended.bolus.delivered_uu, ended.bolus.not_delivered_uu) == (EndReason.OVER, 2 * U, 0)
    assert ended.at_us == bench.pulses("bolus")[-1].at_us


@pytest.mark.req("BOL-01")
def test_pulses_of_a_bolus_come_at_the_devices_speed() -> None:
    bench = Bench().start()
    bench.bolus(MIN, fast_uu=2 * U)  # 40 s per unit: 80 steps of 0.025 U in 80 s
    bench.to(10 * MIN)
    assert [pulse.at_us - MIN for pulse in bench.pulses("bolus")] == [step * SEC for step in range(1, 81)]
    assert {(pulse.steps, pulse.amount_uu, pulse.bolus_id) for pulse in bench.pulses("bolus")} == {(1, 25_000, 1)}


@pytest.mark.req("BOL-03")
def test_a_second_confirmation_gives_the_first_answer_and_delivers_nothing() -> None:
    bench = Bench().start()
    proposal_id = bench.propose(events.ProposeBolus(MIN, fast_uu=2 * U))
    first = bench.do(events.Confirm(MIN, proposal_id))
    for later_us in (MIN, MIN + 1, 30 * MIN, 5 * H):
        bench.to(later_us - 1)
        again = bench.do(events.Confirm(later_us, proposal_id))
        assert those(BolusProgrammed, again) == those(BolusProgrammed, first)
        assert not those(FirePulse, again) or {pulse.channel for pulse in those(FirePulse, again)} == {"basal"}
    bench.to(6 * H)
    assert bench.insulin("bolus") == 2 * U


@pytest.mark.req("BOL-03")
def test_a_second_confirmation_after_the_bolus_was_cancelled_does_not_begin_it_again() -> None:
    bench = Bench().start()
    proposal_id = bench.propose(events.ProposeBolus(MIN, fast_uu=2 * U))
    bench.do(events.Confirm(MIN, proposal_id))
    bench.do(events.CancelBolus(MIN + 10 * SEC, 1))
    bench.do(events.Confirm(MIN + 11 * SEC, proposal_id))
    bench.to(H)
    assert bench.insulin("bolus") == 250_000


@pytest.mark.req("BOL-02")
def test_a_proposal_can_be_confirmed_up_to_its_last_microsecond() -> None:
    bench = Bench(proposal_us=90 * SEC).start()
    proposal_id = bench.propose(events.ProposeBolus(MIN, fast_uu=U))
    bench.to(MIN + 90 * SEC - 1)
    bench.do(events.Confirm(MIN + 90 * SEC, proposal_id))
    assert len(bench.status.boluses) == 1


@pytest.mark.req("BOL-02", "TIM-06")
def test_a_proposal_expires_by_itself() -> None:
    bench = Bench(proposal_us=90 * SEC).start()
    proposal_id = bench.propose(events.ProposeBolus(MIN, fast_uu=U))
    bench.to(MIN + 90 * SEC + 1)
    dropped = only(ProposalDropped, bench.effects)
    assert (dropped.proposal_id, dropped.reason, dropped.at_us) == (proposal_id, "expired", MIN + 90 * SEC + 1)
    assert bench.status.proposals == ()
    assert is_refused(bench.pump, events.Confirm(MIN + 90 * SEC + 1, proposal_id))
    bench.to(H)
    assert bench.insulin("bolus") == 0


@pytest.mark.req("BOL-02")
def test_a_confirmation_that_comes_too_late_is_refused_even_without_a_call_at_the_deadline() -> None:
    bench = Bench().start()
    proposal_id = bench.propose(events.ProposeBolus(MIN, fast_uu=U))
    with pytest.raises(QuantityError, match="not an open proposal"):
        bench.pump.step(events.Confirm(MIN + 5 * MIN + 1, proposal_id))


@pytest.mark.req("BOL-10")
def test_a_proposal_can_be_rejected_once() -> None:
    bench = Bench().start()
    proposal_id = bench.propose(events.ProposeBolus(MIN, fast_uu=U))
    assert only(ProposalDropped, bench.do(events.Reject(MIN, proposal_id))).reason == "rejected"
    assert bench.status.proposals == ()
    assert is_refused(bench.pump, events.Reject(MIN, proposal_id))
    assert is_refused(bench.pump, events.Confirm(MIN, proposal_id))


OTHER_PLAN = plan_of((0, 2 * U))


@pytest.mark.req("BOL-04")
@pytest.mark.parametrize("what", ["mode", "limits", "clock", "plan"])
def test_a_proposal_whose_inputs_have_changed_is_refused(what: str) -> None:
    bench = Bench().start()
    anchor = bench.pump.config.anchor
    assert anchor is not None
    proposal_id = bench.propose(events.ProposeBolus(MIN, fast_uu=U))
    if what == "mode":
        bench.do(events.Suspend(MIN))
        bench.do(events.Resume(MIN))
    elif what == "limits":
        bench.do(bench.choosing(MIN, limits=replace(LIMITS, max_bolus_uu=20 * U)))
    elif what == "clock":
        bench.do(events.ClockSet(MIN, anchor, "UTC"))
    else:
        bench.do(events.Confirm(MIN, bench.propose(events.ProposePlan(MIN, OTHER_PLAN))))
    assert is_refused(bench.pump, events.Confirm(MIN, proposal_id))
    bench.to(H)
    assert bench.insulin("bolus") == 0


@pytest.mark.req("BOL-05")
def test_what_is_confirmed_is_checked_again_against_the_reservoir() -> None:
    bench = Bench().start()
    proposal_id = bench.propose(events.ProposeBolus(MIN, fast_uu=5 * U))
    bench.do(events.ReservoirMeasured(MIN, 4_975_000))
    with pytest.raises(LimitError, match="reservoir_uu"):
        bench.pump.step(events.Confirm(MIN, proposal_id))


@pytest.mark.req("BOL-05", "LIM-03")
def test_what_is_confirmed_is_checked_again_against_what_was_confirmed_meanwhile() -> None:
    bench = Bench(limits=replace(LIMITS, max_iob_uu=6 * U)).start()
    first = bench.propose(events.ProposeBolus(MIN, fast_uu=4 * U))
    second = bench.propose(events.ProposeBolus(MIN, fast_uu=4 * U))
    bench.do(events.Confirm(MIN, first))
    with pytest.raises(RequestError):
        bench.pump.step(events.Confirm(MIN, second))
    bench.to(H)
    assert bench.insulin("bolus") == 4 * U


@pytest.mark.req("LIM-02", "LIM-01")
@pytest.mark.parametrize(("fast_uu", "extended_uu"), [(5_050_000, 0), (0, 5_050_000), (3 * U, 2_050_000)])
def test_the_largest_bolus_binds_all_parts_together(fast_uu: int, extended_uu: int) -> None:
    bench = Bench(limits=replace(LIMITS, max_bolus_uu=5 * U)).start()
    extended_us = H if extended_uu else 0
    with pytest.raises(LimitError, match="max_bolus_uu"):
        bench.pump.step(events.ProposeBolus(MIN, fast_uu=fast_uu, extended_uu=extended_uu, extended_us=extended_us))
    just = extended_uu and extended_uu - 50_000
    bench.propose(
        events.ProposeBolus(MIN, fast_uu=fast_uu if extended_uu else 5 * U, extended_uu=just, extended_us=extended_us)
    )


@pytest.mark.req("LIM-03")
def test_insulin_on_board_binds_with_what_is_still_to_come() -> None:
    bench = Bench(limits=replace(LIMITS, max_iob_uu=6 * U)).start()
    bench.bolus(MIN, extended_uu=4 * U, extended_us=2 * H)
    assert is_refused(bench.pump, events.ProposeBolus(MIN, fast_uu=2_050_000))
    bench.propose(events.ProposeBolus(MIN, fast_uu=2 * U))
    bench.to(H)  # half of it is delivered and has begun to act: a little more goes now
    left_uu = 6 * U - bench.status.on_board.counted_uu - bench.running(1).remaining_uu
    assert 2 * U < left_uu < 3 * U
    allowed_uu = left_uu - left_uu % 50_000
    assert is_refused(bench.pump, events.ProposeBolus(H, fast_uu=allowed_uu + 50_000))
    bench.propose(events.ProposeBolus(H, fast_uu=allowed_uu))


@pytest.mark.req("LIM-03")
def test_insulin_on_board_wears_off() -> None:
    bench = Bench(limits=replace(LIMITS, max_iob_uu=4 * U)).start()
    bench.bolus(MIN, fast_uu=4 * U)
    bench.to(H)
    assert is_refused(bench.pump, events.ProposeBolus(H, fast_uu=4 * U))
    bench.to(8 * H)
    bench.propose(events.ProposeBolus(8 * H, fast_uu=4 * U))


@pytest.mark.req("BOL-06")
def test_a_bolus_larger_than_what_is_left_less_what_runs_is_refused() -> None:
    bench = Bench().start(reservoir_uu=18_300_000)
    assert bench.status.reservoir_uu == 10 * U
    bench.bolus(0, extended_uu=4 * U, extended_us=2 * H)
    with pytest.raises(LimitError) as refused:
        bench.pump.step(events.ProposeBolus(0, fast_uu=6_050_000))
    assert (refused.value.limit, refused.value.bound) == ("reservoir_uu", 6 * U)
    bench.propose(events.ProposeBolus(0, fast_uu=6 * U))


@pytest.mark.req("LIM-01", "DEL-15")
@pytest.mark.parametrize(
    "request_",
    [
        events.ProposeBolus(MIN),
        events.ProposeBolus(MIN, fast_uu=12_500),
        events.ProposeBolus(MIN, fast_uu=1_025_000),
        events.ProposeBolus(MIN, fast_uu=-25_000),
        events.ProposeBolus(MIN, fast_uu=25_050_000),
        events.ProposeBolus(MIN, fast_uu=U, extended_us=H),
        events.ProposeBolus(MIN, extended_uu=U),
        events.ProposeBolus(MIN, extended_uu=U, extended_us=29 * MIN),
        events.ProposeBolus(MIN, extended_uu=U, extended_us=45 * MIN),
        events.ProposeBolus(MIN, extended_uu=U, extended_us=9 * H),
        events.ProposeBolus(MIN, fast_uu=U, extended_uu=-U, extended_us=H),
    ],
)
def test_what_the_device_cannot_deliver_exactly_is_refused(request_: events.ProposeBolus) -> None:
    assert is_refused(Bench().start().pump, request_)


@pytest.mark.req("BOL-08", "DEL-05")
def test_a_multiwave_bolus_is_a_fast_and_an_extended_part() -> None:
    bench = Bench().start()
    bolus_id = bench.bolus(0, fast_uu=3 * U, extended_uu=2 * U, extended_us=2 * H)
    bench.to(2 * MIN + SEC)
    assert bench.insulin("bolus") == 3 * U
    now = bench.running(bolus_id)
    assert (now.kind, now.programmed_uu, now.delivered_uu + now.remaining_uu) == ("multiwave", 5 * U, 5 * U)
    bench.to(2 * H)
    assert bench.insulin("extended") == 2 * U
    assert [pulse.at_us for pulse in bench.pulses("extended")] == [step * 90 * SEC for step in range(1, 81)]
    assert {pulse.bolus_id for pulse in bench.pulses("bolus", "extended")} == {bolus_id}
    assert only(BolusDelivered, bench.effects).bolus.delivered_uu == 5 * U


@pytest.mark.req("BOL-08", "BOL-07", "DEL-04")
def test_of_several_boluses_one_is_cancelled_and_the_others_go_on() -> None:
    bench = Bench().start()
    one = bench.bolus(0, extended_uu=2 * U, extended_us=2 * H)
    two = bench.bolus(0, extended_uu=4 * U, extended_us=2 * H)
    bench.bolus(0, fast_uu=U)
    bench.to(H)
    ended = only(BolusDelivered, bench.do(events.CancelBolus(H, one)))
    assert (ended.bolus.id, ended.reason) == (one, EndReason.CANCELED)
    assert (ended.bolus.delivered_uu, ended.bolus.not_delivered_uu) == (U, U)
    assert bench.running(two).delivered_uu == 2 * U
    bench.to(3 * H)
    sums = {each: sum(pulse.amount_uu for pulse in bench.pulses() if pulse.bolus_id == each) for each in (1, 2, 3)}
    assert sums == {one: U, two: 4 * U, 3: U}
    assert bench.status.boluses == ()


@pytest.mark.req("BOL-07", "DEL-04")
@pytest.mark.parametrize(("beside_us", "steps"), [(-1, 39), (0, 40), (1, 40)])
def test_a_pulse_on_the_very_instant_of_the_cancel_was_delivered(beside_us: int, steps: int) -> None:
    bench = Bench().start()
    bench.bolus(0, extended_uu=2 * U, extended_us=2 * H)  # a step every 90 s
    at_us = 40 * 90 * SEC + beside_us
    bench.to(at_us - 1)
    bench.do(events.CancelBolus(at_us, 1))
    ended = only(BolusDelivered, bench.effects)
    assert ended.bolus.delivered_uu == steps * 25_000
    assert ended.bolus.delivered_uu + ended.bolus.not_delivered_uu == 2 * U


@pytest.mark.req("BOL-07")
def test_a_bolus_that_is_not_there_cannot_be_cancelled() -> None:
    bench = Bench().start()
    bench.bolus(0, fast_uu=25_000)
    for bolus_id in (0, 2, -1):
        assert is_refused(bench.pump, events.CancelBolus(SEC, bolus_id))
    bench.to(MIN)
    assert is_refused(bench.pump, events.CancelBolus(MIN, 1))


@pytest.mark.req("BOL-07", "ALM-03")
def test_a_bolus_that_was_cut_short_is_told() -> None:
    bench = Bench().start()
    bench.bolus(0, fast_uu=2 * U)
    bench.do(events.Suspend(10 * SEC))
    told = bench.alarm(Kind.BOLUS_CANCELED)
    assert told is not None
    bench.do(events.ConfirmAlarm(11 * SEC, told.id))
    assert bench.alarm(Kind.BOLUS_CANCELED) is None


@pytest.mark.req("BOL-08")
def test_seven_boluses_run_and_the_eighth_is_refused() -> None:
    bench = Bench().start()
    for _ in range(7):
        bench.bolus(0, extended_uu=U, extended_us=2 * H)
    assert len(bench.status.boluses) == 7
    proposal_id = bench.propose(events.ProposeBolus(0, fast_uu=U))
    assert is_refused(bench.pump, events.Confirm(0, proposal_id))
    bench.to(2 * H)
    assert bench.insulin("extended") == 7 * U


@pytest.mark.req("BOL-01", "DEL-12")
def test_no_bolus_is_proposed_or_confirmed_while_delivery_is_stopped() -> None:
    fresh = Bench()
    with pytest.raises(ModeError):
        fresh.pump.step(events.ProposeBolus(0, fast_uu=U))
    bench = Bench().start()
    proposal_id = bench.propose(events.ProposeBolus(0, fast_uu=U))
    bench.do(events.Suspend(0))
    assert is_refused(bench.pump, events.Confirm(0, proposal_id))
    assert is_refused(bench.pump, events.ProposeBolus(0, fast_uu=U))


@pytest.mark.req("BOL-09")
def test_proposals_are_bounded_in_number_and_the_oldest_makes_way() -> None:
    bench = Bench().start()
    for _ in range(8):
        bench.propose(events.ProposeBolus(0, fast_uu=U))
    effects = bench.do(events.ProposeBolus(0, fast_uu=U))
    dropped = only(ProposalDropped, effects)
    assert (dropped.proposal_id, dropped.reason) == (1, "replaced")
    assert [each.id for each in bench.status.proposals] == [2, 3, 4, 5, 6, 7, 8, 9]
    assert is_refused(bench.pump, events.Confirm(0, 1))


@pytest.mark.req("BOL-09", "SUS-08")
def test_a_full_list_of_proposals_does_not_hinder_a_resume() -> None:
    bench = Bench(plan=plan_of((0, 10 * U))).start()
    for _ in range(8):
        bench.propose(events.ProposeBolus(0, fast_uu=U))
    bench.do(events.Disconnect(0, 30 * MIN))
    bench.to(3 * MIN)
    bench.do(events.Resume(3 * MIN))
    assert bench.status.state is State.RUNNING


@pytest.mark.req("PRF-02", "BOL-01")
def test_a_plan_is_proposed_and_then_taken_as_a_whole() -> None:
    bench = Bench().start()
    proposal_id = bench.propose(events.ProposePlan(0, OTHER_PLAN))
    bench.to(MIN)
    assert bench.status.rate_uu_per_h == U
    bench.do(events.Confirm(MIN, proposal_id))
    assert bench.status.rate_uu_per_h == 2 * U
    bench.do(events.Confirm(MIN, proposal_id))
    assert bench.status.rate_uu_per_h == 2 * U


@pytest.mark.req("PRF-02", "LIM-01", "LIM-07")
def test_a_plan_that_breaks_a_bound_anywhere_is_refused_as_a_whole() -> None:
    bench = Bench(limits=replace(LIMITS, max_basal_uu_per_h=3 * U)).start()
    good = BasalProfile("good", (Segment(0, U),))
    bad = BasalProfile("bad", (Segment(0, U), Segment(23 * H, 3_050_000)))
    assert is_refused(bench.pump, events.ProposePlan(0, WeekPlan((good,) * 6 + (bad,))))
    between = BasalProfile("between", (Segment(0, 1_025_000),))
    assert is_refused(bench.pump, events.ProposePlan(0, WeekPlan.of(between)))
    bench.do(bench.choosing(0, limits=Limits()))
    assert is_refused(bench.pump, events.ProposePlan(0, WeekPlan.of(good)))


@pytest.mark.req("DEL-01", "DEL-05")
@pytest.mark.parametrize("device", ["omnipod", "roche-combo", "medtronic-522", "tandem-tslim-x2"])
def test_a_bolus_over_basal_is_delivered_whole_on_every_class_of_device(device: str) -> None:
    bench = Bench(device=load(device), plan=plan_of((0, 700_000))).start()
    bench.to(H)
    bench.bolus(H, fast_uu=2 * U)
    bench.to(DAY)
    assert bench.insulin("bolus") == 2 * U
    step_uu = bench.pump.config.device.step_uu
    assert bench.insulin("basal") == 24 * 700_000 // step_uu * step_uu
    assert [pulse.at_us for pulse in bench.pulses()] == sorted(pulse.at_us for pulse in bench.pulses())
    assert those(StepsMissed, bench.effects) == []
