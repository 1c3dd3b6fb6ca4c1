"""The next deadline is the same whether it was remembered from the last step or is asked of the bare state."""

# mypy takes what a step may change to stay as it was last seen.
# mypy: disable-error-code="comparison-overlap,unreachable"

from __future__ import annotations

import pytest
from pumps import MIN, SEC, Bench, H, U

from pumpcore.alarms import Kind
from pumpcore.errors import TimeError
from pumpcore.pump import Pump, events


def restored_deadline_us(bench: Bench) -> int | None:
    """What a pump says that remembers nothing but its state."""
    return Pump.restore(bench.pump.snapshot()).next_deadline_us()


@pytest.mark.req("TIM-06")
def test_what_was_asked_for_before_a_step_is_asked_for_anew_after_it() -> None:
    bench = Bench().start()
    for event in (
        events.Suspend(MIN),
        events.Tick(2 * MIN),
        events.Resume(3 * MIN),
        events.ProposeTemp(3 * MIN, 5 * H, rate_uu_per_h=0),
        events.Tick(H),
    ):
        assert bench.pump.next_deadline_us() == restored_deadline_us(bench)
        bench.do(event)
    assert bench.pump.next_deadline_us() == restored_deadline_us(bench)


@pytest.mark.req("TIM-06")
def test_a_confirmation_on_the_short_way_leaves_the_deadline_of_the_long_one() -> None:
    bench = Bench(answers=False).start()
    for _ in range(3):
        pulse = bench.next_pulse()
        assert bench.pump.next_deadline_us() == restored_deadline_us(bench)
        bench.do(events.PulseConfirmed(pulse.at_us + SEC, pulse.seq))
        assert bench.pump.next_deadline_us() == restored_deadline_us(bench)


@pytest.mark.req("TIM-06")
def test_so_does_one_of_two_open_pulses_a_late_one_and_an_uncertain_one() -> None:
    bench = Bench(answers=False, unanswered_us=10 * MIN).start()
    first, second = bench.next_pulse(), bench.next_pulse()
    for pulse in (second, first):
        bench.do(events.PulseConfirmed(bench.now_us + 1, pulse.seq))
        assert bench.pump.next_deadline_us() == restored_deadline_us(bench)
    third = bench.next_pulse()
    bench.do(events.PulseUnknown(third.at_us, third.seq))
    assert bench.pump.next_deadline_us() == restored_deadline_us(bench)
    bench.confirm_all(third.at_us)
    bench.do(events.PulseConfirmed(third.at_us + 1, third.seq))
    assert bench.pump.next_deadline_us() == restored_deadline_us(bench)


@pytest.mark.req("TIM-06", "WCH-01")
def test_the_first_pulse_after_a_long_time_without_counts_only_once_it_is_confirmed() -> None:
    bench = Bench(answers=False, unanswered_us=10 * MIN).start()
    bench.do(events.ProposeTemp(0, 3 * H, rate_uu_per_h=0))
    bench.to(3 * H)
    bench.confirm_all(3 * H)
    pulse = bench.next_pulse()
    assert bench.pump.next_deadline_us() == restored_deadline_us(bench)
    bench.do(events.PulseConfirmed(pulse.at_us + 1, pulse.seq))
    assert bench.pump.next_deadline_us() == restored_deadline_us(bench)
    assert bench.status.without_insulin_us == 1
    assert pulse.at_us == 3 * H + 90 * SEC


@pytest.mark.req("TIM-06", "WCH-01")
def test_two_open_pulses_that_are_confirmed_leave_no_deadline_of_the_first_one() -> None:
    bench = Bench(unanswered_us=10 * MIN).start()
    first, second = bench.next_pulse(), bench.next_pulse()
    bench.do(events.ProposeTemp(second.at_us, 5 * H, rate_uu_per_h=0))  # nothing else is due for hours
    for pulse in (first, second):
        bench.do(events.PulseConfirmed(second.at_us + 1, pulse.seq))
        assert bench.pump.next_deadline_us() == restored_deadline_us(bench)
    assert bench.pump.next_deadline_us() == second.at_us + H


@pytest.mark.req("TIM-06", "WCH-01")
@pytest.mark.parametrize("beyond_us", [-1, 0, 1, 2])
def test_a_first_pulse_on_either_side_of_the_gap_leaves_the_deadline_of_insulin_that_came(beyond_us: int) -> None:
    bench = Bench(unanswered_us=10 * MIN).start(H - 90 * SEC + beyond_us)  # made at 0: H is the gap
    pulse = bench.next_pulse()
    assert pulse.at_us == H + beyond_us
    bench.do(events.ProposeTemp(pulse.at_us, 5 * H, rate_uu_per_h=0))
    bench.do(events.PulseConfirmed(pulse.at_us + 1, pulse.seq))
    assert bench.pump.next_deadline_us() == restored_deadline_us(bench) == pulse.at_us + H


@pytest.mark.req("TIM-04")
def test_a_confirmation_on_the_short_way_is_an_instant_like_any_other() -> None:
    bench = Bench().start()
    pulse = bench.next_pulse()
    bench.do(events.PulseConfirmed(pulse.at_us + SEC, pulse.seq))
    assert (bench.status.at_us, bench.status.without_insulin_us) == (pulse.at_us + SEC, SEC)
    with pytest.raises(TimeError):
        bench.do(events.Tick(pulse.at_us + SEC - 1))


@pytest.mark.req("TIM-06", "DEL-09")
def test_an_uncertain_pulse_that_is_confirmed_after_all_is_insulin_from_then_on() -> None:
    bench = Bench(unanswered_us=10 * MIN).start()
    pulse = bench.next_pulse()
    bench.do(events.ProposeTemp(pulse.at_us, 5 * H, rate_uu_per_h=0))
    bench.do(events.PulseUnknown(pulse.at_us, pulse.seq))
    bench.confirm_all(pulse.at_us)
    assert bench.pump.next_deadline_us() == restored_deadline_us(bench) == H  # as if it had not been
    bench.do(events.PulseConfirmed(pulse.at_us + 1, pulse.seq))
    assert bench.pump.next_deadline_us() == restored_deadline_us(bench) == pulse.at_us + H


@pytest.mark.req("TIM-06", "BOL-03")
def test_a_proposal_is_looked_at_when_it_can_no_longer_be_confirmed() -> None:
    bench = Bench().start()
    bench.do(events.ProposeTemp(0, 5 * H, rate_uu_per_h=0))
    bench.propose(events.ProposeBolus(0, U))
    assert bench.pump.next_deadline_us() == 5 * MIN + 1
    bench.to(5 * MIN)
    assert len(bench.status.proposals) == 1
    bench.to(5 * MIN + 1)
    assert bench.status.proposals == ()


@pytest.mark.req("WCH-01", "ALM-03")
def test_the_confirmation_of_the_pulse_that_ends_a_time_without_insulin_ends_its_alarm_in_the_same_step() -> None:
    bench = Bench(unanswered_us=10 * MIN).start()
    bench.do(events.ProposeTemp(0, 90 * MIN, rate_uu_per_h=0))
    bench.to(90 * MIN)
    bench.confirm_all(90 * MIN)
    pulse = bench.next_pulse()
    assert bench.alarm(Kind.NO_DELIVERY_MEDIUM) is not None  # read, and its cause still there
    bench.do(events.PulseConfirmed(pulse.at_us, pulse.seq))
    assert bench.alarm(Kind.NO_DELIVERY_MEDIUM) is None
