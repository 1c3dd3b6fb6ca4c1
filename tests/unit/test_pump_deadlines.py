"""The next deadline is the same whether it was remembered from the last step or is asked of the bare state."""

# mypy takes what a step may change to stay as it was last seen.
# mypy: disable-error-code="comparison-overlap,unreachable"

from __future__ import annotations

import pytest
from pumps import MIN, SEC, Bench, H

from pumpcore import events
from pumpcore.pump import Pump


def restored_deadline_us(bench: Bench) -> int | None:
    """What a pump says that remembers nothing but its state."""
    return Pump.restore(bench.pump.snapshot()).next_deadline_us()


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
