"""Commands that come over a link: repeated, late, out of order, forged; each is carried out once or not at all."""

# mypy takes what a step may change to stay as it was last seen.
# mypy: disable-error-code="comparison-overlap,unreachable"

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pumps import LIMITS, MIN, Bench, H, U, is_refused, only

from pumpcore.alarms import AlarmSettings, Kind
from pumpcore.errors import LimitError, ModeError, QuantityError
from pumpcore.pump import Pump, events
from pumpcore.pump.effects import BolusProgrammed, PrimePulse, Proposed
from pumpcore.pump.events import Command
from pumpcore.pump.handlers.answers import ANSWERS_KEPT
from pumpcore.pump.modes import State
from pumpcore.therapy.envelope import BolusRequest, ControllerBounds


def remote(**changes: Any) -> Bench:  # noqa: ANN401
    return Bench(remote=True, **changes).start()


def sent(bench: Bench, number: int, request: Any, *, lasts_us: int = MIN) -> Command:  # noqa: ANN401
    return Command(request.at_us, number, request.at_us + lasts_us, bench.status.changes, request)


@pytest.mark.req("CMD-01")
def test_a_command_that_is_repeated_is_answered_and_not_carried_out_again() -> None:
    bench = remote()
    proposal = only(Proposed, bench.do(sent(bench, 1, events.ProposeBolus(MIN, fast_uu=U)))).proposal
    accept = sent(bench, 2, events.Confirm(MIN, proposal.id))
    first = bench.do(accept)
    for at_us in (MIN, 2 * MIN, 5 * H):  # long after its expiry too, and after all has changed
        bench.to(at_us)
        again = replace(accept, at_us=at_us, request=events.Confirm(at_us, proposal.id))
        assert bench.do(again)[-len(first) :] == first
    assert bench.insulin("bolus") == U


@pytest.mark.req("CMD-01")
def test_over_a_restart_a_repeated_command_is_still_known() -> None:
    bench = remote()
    ask = sent(bench, 7, events.ProposeTemp(MIN, H, percent=50))
    first = bench.do(ask)
    again = Pump.restore(bench.pump.snapshot())
    assert again.step(ask) == first
    assert again.snapshot() == bench.pump.snapshot()


@pytest.mark.req("CMD-02")
def test_a_command_is_taken_at_its_expiry_and_refused_after_it() -> None:
    bench = remote()
    known = bench.status.changes
    late = Command(MIN + 1, 1, MIN, known, events.ProposeBolus(MIN + 1, fast_uu=U))
    in_time = Command(MIN, 1, MIN, known, events.ProposeBolus(MIN, fast_uu=U))
    with pytest.raises(LimitError, match="expires_us: 60000000 is below the least allowed, 60000001 us"):
        bench.pump.step(late)
    only(Proposed, bench.do(in_time))


@pytest.mark.req("CMD-02")
@pytest.mark.parametrize(
    "between",
    [
        lambda bench: bench.bolus(MIN, fast_uu=U),
        lambda bench: bench.do(events.Suspend(MIN)),
        lambda bench: bench.do(events.ProposeTemp(MIN, H, percent=50)),
        lambda bench: bench.do(bench.choosing(MIN, limits=LIMITS)),
        lambda bench: bench.do(events.FaultDetected(MIN, Kind.OCCLUSION_DETECTED)),
    ],
)
def test_a_sender_that_missed_a_change_is_refused(between) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    bench = remote()
    stale = sent(bench, 1, events.ProposeBolus(MIN, fast_uu=U))
    between(bench)
    with pytest.raises(QuantityError, match="known"):
        bench.do(stale)


@pytest.mark.req("CMD-02")
def test_the_end_of_a_bolus_is_a_change_too() -> None:
    bench = remote()
    bench.bolus(0, fast_uu=U)
    before = bench.status.changes
    bench.to(H)
    assert bench.status.changes == before + 1
    assert is_refused(bench.pump, Command(H, 1, 2 * H, before, events.ProposeBolus(H, fast_uu=U)))
    only(Proposed, bench.do(Command(H, 1, 2 * H, before + 1, events.ProposeBolus(H, fast_uu=U))))


@pytest.mark.req("CMD-03")
def test_an_older_id_that_was_never_carried_out_is_refused() -> None:
    bench = remote()
    first, second = (sent(bench, number, events.ProposeBolus(MIN, fast_uu=number * U)) for number in (1, 2))
    bench.do(second)
    with pytest.raises(QuantityError, match="is older than the last one, 2"):
        bench.do(first)


@pytest.mark.req("CMD-03")
def test_an_answer_that_was_forgotten_leaves_a_refusal_and_never_a_second_dose() -> None:
    bench = remote()
    first = sent(bench, 1, events.ProposeTemp(MIN, H, percent=50))
    bench.do(first)
    for number in range(2, ANSWERS_KEPT + 2):
        bench.do(sent(bench, number, events.ProposeTemp(MIN, H, percent=50)))
    assert is_refused(bench.pump, first)
    only_known = sent(bench, 2, events.ProposeTemp(MIN, H, percent=50))
    assert bench.pump.step(only_known)


@pytest.mark.req("CMD-01")
def test_a_command_that_was_refused_has_used_no_id() -> None:
    bench = remote()
    assert is_refused(bench.pump, sent(bench, 1, events.ProposeBolus(MIN, fast_uu=26 * U)))
    only(Proposed, bench.do(sent(bench, 1, events.ProposeBolus(MIN, fast_uu=U))))


@pytest.mark.req("CMD-04", "STA-02")
def test_no_command_is_taken_until_a_person_has_allowed_it_and_stopping_needs_none() -> None:
    bench = Bench().start()
    with pytest.raises(ModeError, match="remote control is off"):
        bench.do(sent(bench, 1, events.ProposeBolus(MIN, fast_uu=U)))
    with pytest.raises(QuantityError, match="request"):
        sent(bench, 1, events.Suspend(MIN))  # it travels as it is
    bench.do(events.Suspend(MIN, events.SuspendCause.REMOTE))
    assert bench.status.state is State.SUSPENDED


@pytest.mark.req("CMD-04")
def test_a_command_carries_the_instant_of_its_request() -> None:
    with pytest.raises(QuantityError, match=r"request\.at_us"):
        Command(MIN, 1, H, 0, events.Resume(MIN - 1))
    for number, expires_us, known in ((0, H, 0), (1, -1, 0), (1, H, -1)):
        with pytest.raises(LimitError):
            Command(MIN, number, expires_us, known, events.Resume(MIN))


@pytest.mark.req("ALM-08")
def test_a_persons_command_is_a_sign_of_life_and_its_repetition_is_none() -> None:
    bench = remote(alarms=AlarmSettings(auto_off_us=H))
    ask = sent(bench, 1, events.ProposeTemp(30 * MIN, 2 * H, percent=50))
    bench.to(30 * MIN)
    bench.do(ask)
    bench.to(80 * MIN)
    bench.do(replace(ask, at_us=80 * MIN, request=events.ProposeTemp(80 * MIN, 2 * H, percent=50)))
    bench.to(90 * MIN - 1)
    assert bench.status.state is State.RUNNING
    bench.to(90 * MIN)
    assert bench.alarm(Kind.AUTO_OFF) is not None


@pytest.mark.req("GLU-05", "CMD-01")
def test_a_controllers_request_can_travel_in_a_command() -> None:
    bench = remote(controller=ControllerBounds(max_rate_uu_per_h=U, max_bolus_uu=U, max_duration_us=H, max_age_us=MIN))
    asked = events.ControllerAsks(MIN, BolusRequest(id=1, at_us=MIN, amount_uu=U))
    command = Command(MIN, 1, H, bench.status.changes, asked)
    assert only(BolusProgrammed, bench.do(command)).bolus.programmed_uu == U
    bench.do(command)
    bench.to(H)
    assert bench.insulin("bolus") == U


@pytest.mark.req("CMD-01", "DEL-08")
def test_a_priming_order_that_is_repeated_moves_nothing_a_second_time() -> None:
    bench = Bench(remote=True, answers=False)
    bench.do(events.BeginChange(0, set_off_body=True))
    bench.do(events.Rewound(0))
    bench.do(events.ReservoirMeasured(0, 150 * U))
    bench.do(events.Loaded(0))
    command = Command(0, 1, MIN, bench.status.changes, events.Prime(0, 8 * U))
    only(PrimePulse, bench.do(command))
    assert bench.do(command) == ()
    assert bench.status.reservoir_uu == 142 * U
