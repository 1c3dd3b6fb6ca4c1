"""When the pulses of a bolus fall, and so to which day they belong: one hand-made record per rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from pumpcore.records.replay import Replay

START = "2/2/15 00:00:00 BasalProfileStart PATTERN_NAME=standard, RATE=0, START_TIME=0\n"
END = "\n2/3/15 23:59:00 SelfTest"


def boluses(replayed: Callable[..., Replay], lines: str, *, device: str = "Paradigm Revel - 523") -> tuple[int, ...]:
    return tuple(day.bolus_uu for day in replayed(START + lines + END, device=device).days)


def test_square_bolus_stands_in_the_middle_of_its_shares(replayed: Callable[..., Replay]) -> None:
    # 60 pulses of 0.05 U, one a minute, the first after half a minute: started 22:30:30 before midnight, pulse 90 would
    # stand at midnight; the pulses at 23:31:00 and later that the amount leaves are none.
    line = "2/2/15 {at} BolusSquare AMOUNT=3, PROGRAMMED_AMOUNT=3, DURATION=3600000"
    assert boluses(replayed, line.format(at="23:30:00")) == (1_500_000, 1_500_000)
    # One second later, the pulse that stood 30 s before midnight stands 29 s before it; 30 s later, at midnight.
    assert boluses(replayed, line.format(at="23:30:29")) == (1_500_000, 1_500_000)
    assert boluses(replayed, line.format(at="23:30:30")) == (1_450_000, 1_550_000)
    assert boluses(replayed, line.format(at="23:59:29")) == (50_000, 2_950_000)
    assert boluses(replayed, line.format(at="23:59:30")) == (0, 3_000_000)


def test_square_bolus_of_an_odd_amount_goes_in_fine_pulses(replayed: Callable[..., Replay]) -> None:
    line = "2/2/15 23:30:00 BolusSquare AMOUNT=0.075, PROGRAMMED_AMOUNT=0.075, DURATION=3600000"
    # At 23:40, 00:00 and 00:20.
    assert boluses(replayed, line) == (25_000, 50_000)


def test_square_bolus_that_was_cut_short_keeps_the_distance_of_the_whole_one(replayed: Callable[..., Replay]) -> None:
    line = "2/2/15 23:55:00 BolusSquare AMOUNT=0.5, PROGRAMMED_AMOUNT=3, DURATION=3600000"
    assert boluses(replayed, line) == (250_000, 250_000)


def test_square_pulse_waits_for_a_normal_bolus_and_the_later_ones_with_it(replayed: Callable[..., Replay]) -> None:
    # Ten pulses, one in 6 min: 23:33, 23:39, 23:45, 23:51, 23:57, ... A bolus of 7 U takes 4 min 40 s.
    square = "2/2/15 23:30:00 BolusSquare AMOUNT=0.5, PROGRAMMED_AMOUNT=0.5, DURATION=3600000\n"
    normal = "2/2/15 {at} BolusNormal AMOUNT=7, PROGRAMMED_AMOUNT=7\n"
    alone = boluses(replayed, square)
    assert alone == (250_000, 250_000)
    waited = boluses(replayed, square + normal.format(at="23:38:50"))
    # The pulse of 23:39 waits until 23:43:30, and the one of 23:57 comes after midnight.
    assert waited == (250_000 - 50_000 + 7_000_000, 300_000)
    # None is due from 23:40:00 to 23:44:40: nothing waits.
    between = boluses(replayed, square + normal.format(at="23:40:00"))
    assert between == (250_000 + 7_000_000, 250_000)


def test_normal_bolus_across_midnight_belongs_to_both_days(replayed: Callable[..., Replay]) -> None:
    line = "2/2/15 23:59:00 BolusNormal AMOUNT=3, PROGRAMMED_AMOUNT=3"
    # 0.05 U every 2 s: 29 pulses before midnight, one at it, 30 after it.
    assert boluses(replayed, line) == (1_450_000, 1_550_000)


@pytest.mark.parametrize(
    ("amount", "device", "before_uu"),
    [
        ("0.5", "Paradigm Revel - 523", 350_000),  # 0.75 U/min below 1 U: 4 s a pulse
        ("0.5", "Paradigm 722", 500_000),  # 1.5 U/min for every amount
        ("10", "Paradigm Revel - 523", 950_000),  # in five minutes from 7.5 U on: 1.5 s a pulse
        ("10", "Paradigm 722", 700_000),
    ],
)
def test_normal_bolus_runs_at_the_speed_of_its_pump(
    replayed: Callable[..., Replay], amount: str, device: str, before_uu: int
) -> None:
    line = f"2/2/15 23:59:30 BolusNormal AMOUNT={amount}, PROGRAMMED_AMOUNT={amount}"
    assert boluses(replayed, line, device=device)[0] == before_uu


def test_bolus_that_was_cut_short_counts_as_far_as_it_came(replayed: Callable[..., Replay]) -> None:
    line = "2/2/15 08:00:00 BolusNormal AMOUNT=2.25, PROGRAMMED_AMOUNT=7.5"
    assert boluses(replayed, line) == (2_250_000, 0)


def test_bolus_of_nothing_is_none(replayed: Callable[..., Replay]) -> None:
    line = "2/2/15 08:00:00 BolusSquare AMOUNT=0, PROGRAMMED_AMOUNT=0, DURATION=0"
    assert boluses(replayed, line) == (0, 0)


def test_priming_is_no_therapy_insulin(replayed: Callable[..., Replay]) -> None:
    lines = """
        2/2/15 08:00:00 Rewind
        2/2/15 08:01:00 Prime AMOUNT=8.1, PRIME_TYPE=manual
        2/2/15 08:02:00 Prime AMOUNT=0.4, PRIME_TYPE=fixed
        2/2/15 08:02:14 BasalProfileStart PATTERN_NAME=standard, RATE=0, START_TIME=0"""
    days = replayed(START + lines + END).days
    assert [day.total_uu for day in days] == [0, 0]
    assert [day.interruptions for day in days] == [1, 0]
