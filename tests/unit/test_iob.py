"""Decay curves and the bins of insulin on board, by examples and refusals."""

from __future__ import annotations

import doctest
from dataclasses import replace
from decimal import Decimal, localcontext
from typing import TYPE_CHECKING

import pytest

from pumpcore.errors import JournalError, LimitError, QuantityError, TimeError
from pumpcore.therapy import curves
from pumpcore.therapy import iob as on_board
from pumpcore.therapy.iob import PPB, Curve, CurveKind, InsulinPart, Iob, OnBoard

if TYPE_CHECKING:
    from types import ModuleType

MINUTE_US = 60_000_000
CURVES = [
    Curve.exponential(360, 75),
    Curve.exponential(300, 55, delay_min=10),
    Curve.walsh(180),
    Curve.walsh(240),
    Curve.walsh(300),
    Curve.walsh(360),
    Curve.walsh(312, delay_min=10),
    Curve.bilinear(180),
    Curve.bilinear(240),
    Curve.linear(240),
]


@pytest.mark.parametrize(("module", "examples"), [(on_board, 6), (curves, 3)])
def test_the_examples_run(module: ModuleType, examples: int) -> None:
    result = doctest.testmod(module)
    assert result.attempted >= examples
    assert not result.failed


@pytest.mark.parametrize("curve", CURVES, ids=str)
def test_a_curve_goes_from_all_to_nothing(curve: Curve) -> None:
    assert curve.remaining(-1) == curve.remaining(curve.delay_min * MINUTE_US) == 1
    assert curve.remaining(curve.minutes * MINUTE_US) == curve.remaining(10**15) == 0
    assert curve.remaining_ppb(0) == curve.remaining_ppb(curve.delay_min * MINUTE_US) == PPB
    assert curve.remaining_ppb(curve.minutes * MINUTE_US) == curve.remaining_ppb(10**15) == 0
    assert curve.remaining_ppb((curve.minutes - 1) * MINUTE_US) > 0 or curve.kind is CurveKind.BILINEAR


@pytest.mark.parametrize("curve", CURVES, ids=str)
def test_the_table_is_close_above_the_curve_and_never_rises(curve: Curve) -> None:
    # The widest gap that the published fits need: OpenAPS jumps up by 4e-5 at its peak, Walsh's fits rise by 0.0025.
    slack = {CurveKind.WALSH: 2_500_000, CurveKind.BILINEAR: 40_000}.get(curve.kind, 1)
    before = PPB
    for minute in range(curve.minutes + 1):
        exact = min(max(curve.remaining(minute * MINUTE_US), Decimal(0)), Decimal(1)) * PPB
        table = curve.remaining_ppb(minute * MINUTE_US)
        assert exact <= table <= exact + slack, minute
        assert table <= before
        before = table


def test_the_age_is_rounded_down_to_a_minute() -> None:
    curve = Curve.linear(100)
    assert curve.remaining_ppb(2 * MINUTE_US - 1) == curve.remaining_ppb(MINUTE_US) == 990_000_000
    assert curve.remaining_ppb(2 * MINUTE_US) == 980_000_000


def test_the_part_is_rounded_up() -> None:
    assert Curve.linear(30).remaining_ppb(MINUTE_US) == 966_666_667  # 29/30
    assert Curve.linear(30).remaining_ppb(3 * MINUTE_US) == 900_000_000  # exact


@pytest.mark.req("IOB-01")
def test_the_published_figures_of_each_fit() -> None:
    at = 60 * MINUTE_US
    # By hand: -3.203e-9 60^4 + 1.354e-6 60^3 - 1.759e-4 60^2 + 9.255e-4 60 + 0.99951, and so on.
    assert Curve.walsh(180).remaining(at) == Decimal("0.67275312")
    assert Curve.walsh(240).remaining(at) == Decimal("0.79698224")
    assert Curve.walsh(300).remaining(at) == Decimal("0.8664288")
    assert Curve.walsh(360).remaining(at) == Decimal("0.916355872")
    assert Curve.bilinear(180).remaining(at) == Decimal("0.711088")  # x = 13
    assert Curve.bilinear(180).remaining(75 * MINUTE_US) == Decimal("0.55556")
    assert Curve.bilinear(180).remaining(100 * MINUTE_US) == Decimal("0.31747")  # x = 5


@pytest.mark.parametrize(("duration", "fit"), [(120, 180), (209, 180), (210, 240), (330, 360), (420, 360)])
def test_walsh_is_scaled_from_the_nearest_fit(duration: int, fit: int) -> None:
    assert Curve.walsh(duration).remaining(duration * MINUTE_US // 2) == Curve.walsh(fit).remaining(
        fit * MINUTE_US // 2
    )


def test_the_callers_decimal_context_changes_nothing() -> None:
    expected = [curve.remaining(45 * MINUTE_US) for curve in CURVES]
    with localcontext() as context:
        context.prec = 3
        assert [curve.remaining(45 * MINUTE_US) for curve in CURVES] == expected
        # A curve of which no table is kept yet.
        assert Curve.linear(719).remaining_ppb(MINUTE_US) == 998_609_180


def make(  # the constructor, with the types open
    kind: object = CurveKind.LINEAR, duration_min: object = 240, peak_min: object = None, delay_min: object = 0
) -> Curve:
    return Curve(kind, duration_min, peak_min, delay_min)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"kind": 0x5A}, "kind"),
        ({"duration_min": 240.0}, "duration_min"),
        ({"delay_min": True}, "delay_min"),
        ({"peak_min": 75}, "peak_min"),
        ({"kind": CurveKind.EXPONENTIAL, "peak_min": 75.0}, "peak_min"),
    ],
)
def test_what_is_no_curve_is_refused(arguments: dict[str, object], field: str) -> None:
    with pytest.raises(QuantityError) as refused:
        make(**arguments)
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("arguments", "bound"),
    [
        ({"duration_min": 29}, 30),
        ({"duration_min": 721}, 720),
        ({"delay_min": -1}, 0),
        ({"delay_min": 61}, 60),
        ({"kind": CurveKind.EXPONENTIAL}, 1),
        ({"kind": CurveKind.EXPONENTIAL, "peak_min": 120}, 119),  # at half the formula divides by zero
        ({"kind": CurveKind.EXPONENTIAL, "duration_min": 241, "peak_min": 121}, 120),
    ],
)
def test_a_curve_outside_its_range_is_refused(arguments: dict[str, object], bound: int) -> None:
    with pytest.raises(LimitError) as refused:
        make(**arguments)
    assert refused.value.bound == bound


def test_no_float_and_no_negative_age() -> None:
    with pytest.raises(QuantityError):
        CURVES[0].remaining(1.0)  # type: ignore[arg-type]
    with pytest.raises(QuantityError):
        CURVES[0].remaining_ppb(1.0)  # type: ignore[arg-type]
    with pytest.raises(LimitError):
        CURVES[0].remaining_ppb(-1)


# The bins


def test_each_part_has_its_own_row() -> None:
    iob = Iob(Curve.linear(100))
    iob.add(0, 1_000_000, InsulinPart.MEAL)
    iob.add(0, 2_000_000, InsulinPart.CORRECTION)
    iob.add(0, 500_000, InsulinPart.BASAL)
    assert iob.at(0) == OnBoard(meal_uu=1_000_000, correction_uu=2_000_000, basal_uu=500_000)
    assert iob.at(0).bolus_uu == 3_000_000
    assert iob.at(0).net_uu == iob.at(0).counted_uu == 3_500_000


def test_basal_as_the_profile_leaves_nothing_and_a_zero_temp_less_than_nothing() -> None:
    steady, stopped = Iob(Curve.linear(100)), Iob(Curve.linear(100))
    for minute in range(0, 60, 3):
        for iob in (steady, stopped):
            iob.add(minute * MINUTE_US, -50_000, InsulinPart.BASAL)
        steady.add(minute * MINUTE_US, 50_000, InsulinPart.BASAL)
    assert steady.at(60 * MINUTE_US).net_uu == 0
    stopped.add(60 * MINUTE_US, 300_000, InsulinPart.MEAL)
    left = stopped.at(60 * MINUTE_US)
    assert left.basal_uu < -500_000
    assert (left.bolus_uu, left.counted_uu) == (300_000, 300_000)
    assert left.net_uu == 300_000 + left.basal_uu < 0


def test_the_least_net_is_the_profiles_insulin_of_one_duration() -> None:
    iob = Iob(Curve.linear(60))
    for minute in range(600):  # ten hours of a suspension
        iob.add(minute * MINUTE_US, -10_000, InsulinPart.BASAL)
    assert -60 * 10_000 < iob.at(600 * MINUTE_US).net_uu < 0


def test_rounding_is_up_on_both_signs() -> None:
    iob = Iob(Curve.linear(100))
    iob.add(
        59_999_999, 1_000_001, InsulinPart.MEAL
    )  # at the end of its minute, so exactly as old as its bin is taken for
    assert iob.at(30 * MINUTE_US + 59_999_999).meal_uu == 700_001  # of 700 000.7
    assert iob.at(30 * MINUTE_US + 59_999_998).meal_uu == 710_001
    iob = Iob(Curve.linear(100))
    iob.add(0, -1_000_001, InsulinPart.BASAL)
    assert iob.at(29 * MINUTE_US + 1).basal_uu == -700_000  # taken as 30 minutes old, of -700 000.7


def test_an_age_within_the_bin_is_never_taken_for_more() -> None:
    iob = Iob(Curve.linear(100))
    iob.add(59_999_999, 1_000_000, InsulinPart.MEAL)
    assert iob.at(60_000_000).meal_uu == 1_000_000  # a microsecond old, in the next minute


def test_nothing_is_left_after_the_duration_and_the_bins_are_used_again() -> None:
    iob = Iob(Curve.linear(30))
    for hour in range(0, 1000, 14):
        now_us = hour * 60 * MINUTE_US
        assert iob.at(now_us).bolus_uu == 0
        iob.add(now_us, 1_000_000, InsulinPart.MEAL)
        assert iob.at(now_us).bolus_uu == 1_000_000
    assert len(iob.snapshot()) == 6 + 4


def test_insulin_that_comes_in_late_finds_its_minute() -> None:
    on_time, late = Iob(Curve.walsh(180)), Iob(Curve.walsh(180))
    for at in (5, 90):
        on_time.add(at * MINUTE_US, 400_000, InsulinPart.MEAL)
    for at in (90, 5):
        late.add(at * MINUTE_US, 400_000, InsulinPart.MEAL)
    assert late.snapshot() == on_time.snapshot()
    late.add(1_000 * MINUTE_US, 50_000, InsulinPart.MEAL)
    before = late.snapshot()
    late.add(90 * MINUTE_US, 9_000_000, InsulinPart.MEAL)  # of which nothing is left
    assert late.snapshot() == before


def test_settling_is_exact() -> None:
    iob = Iob(Curve.exponential(360, 75))
    iob.add(10 * MINUTE_US, 1_000_000, InsulinPart.MEAL)
    before = [iob.at(minute * MINUTE_US) for minute in range(10, 400)]
    iob.add(10 * MINUTE_US + 5, 50_000, InsulinPart.MEAL)
    assert iob.at(20 * MINUTE_US).meal_uu > before[10].meal_uu
    iob.settle(10 * MINUTE_US + 5, 50_000, InsulinPart.MEAL)
    assert [iob.at(minute * MINUTE_US) for minute in range(10 + 1, 400)] == before[1:]


def test_settling_what_is_not_there_is_refused_and_changes_nothing() -> None:
    iob = Iob(Curve.linear(60))
    iob.add(10 * MINUTE_US, 100_000, InsulinPart.MEAL)
    before = iob.snapshot()
    for at_us, amount_uu, part in (
        (10 * MINUTE_US, 100_001, InsulinPart.MEAL),
        (10 * MINUTE_US, 1, InsulinPart.CORRECTION),
        (9 * MINUTE_US, 1, InsulinPart.MEAL),
        (11 * MINUTE_US, 1, InsulinPart.MEAL),
    ):
        with pytest.raises(LimitError, match=r"^settle"):
            iob.settle(at_us, amount_uu, part)
        assert iob.snapshot() == before


def test_settling_what_has_acted_long_ago_does_nothing() -> None:
    iob = Iob(Curve.linear(60))
    iob.add(0, 100_000, InsulinPart.MEAL)
    iob.add(900 * MINUTE_US, 200_000, InsulinPart.MEAL)
    before = iob.snapshot()
    iob.settle(0, 100_000, InsulinPart.MEAL)
    assert iob.snapshot() == before


@pytest.mark.parametrize(
    ("at_us", "amount_uu", "part", "error"),
    [
        (0, 0, InsulinPart.MEAL, LimitError),
        (0, -1, InsulinPart.MEAL, LimitError),
        (0, -1, InsulinPart.CORRECTION, LimitError),
        (0, 0, InsulinPart.BASAL, LimitError),
        (0, 75_000_001, InsulinPart.MEAL, LimitError),
        (0, -75_000_001, InsulinPart.BASAL, LimitError),
        (-1, 1, InsulinPart.MEAL, LimitError),
        (10**16 + 1, 1, InsulinPart.MEAL, LimitError),
        (0.0, 1, InsulinPart.MEAL, QuantityError),
        (0, 1.0, InsulinPart.MEAL, QuantityError),
        (0, 1, 0x33, QuantityError),
    ],
)
def test_what_cannot_be_booked_changes_nothing(at_us: object, amount_uu: object, part: object, error: type) -> None:
    iob = Iob(Curve.linear(60))
    iob.add(0, 100_000, InsulinPart.MEAL)
    before = iob.snapshot()
    for call in (iob.add, iob.settle):
        with pytest.raises(error):
            call(at_us, amount_uu, part)  # type: ignore[arg-type]
    assert iob.snapshot() == before


def test_time_does_not_go_back() -> None:
    iob = Iob(Curve.linear(60))
    iob.add(10 * MINUTE_US, 100_000, InsulinPart.MEAL)
    with pytest.raises(TimeError) as refused:
        iob.at(10 * MINUTE_US - 1)
    assert refused.value.earliest_us == 10 * MINUTE_US
    with pytest.raises(QuantityError):
        iob.at(1.0)  # type: ignore[arg-type]
    with pytest.raises(LimitError):
        iob.at(10**16 + 1)


def test_a_snapshot_is_the_whole_of_it() -> None:
    iob = Iob(Curve.exponential(300, 55, delay_min=10))
    iob.add(3 * MINUTE_US, 1_500_000, InsulinPart.MEAL)
    iob.add(3 * MINUTE_US, -50_000, InsulinPart.BASAL)
    iob.add(40 * MINUTE_US + 7, 250_000, InsulinPart.CORRECTION)
    taken = iob.snapshot()
    assert taken == (2, 0x33, 300, 55, 10, 40 * MINUTE_US + 7, 3, 1_500_000, 0, -50_000, 40, 0, 250_000, 0)
    again = Iob.restore(taken)
    assert again.curve == iob.curve
    assert again.snapshot() == taken
    assert [again.at(m * MINUTE_US) for m in range(41, 400)] == [iob.at(m * MINUTE_US) for m in range(41, 400)]
    again.add(41 * MINUTE_US, 1, InsulinPart.MEAL)
    assert iob.snapshot() == taken


GOOD = (2, 0x5A, 60, 0, 0, 600_000_000, 3, 5, 6, 7, 10, 1, 0, 0)


@pytest.mark.parametrize(
    "bad",
    [
        (),
        GOOD[:5],
        GOOD[:-1],
        (1, *GOOD[1:]),
        (2, 0x5B, *GOOD[2:]),
        (1, 0x5A, 9999, *GOOD[3:]),
        (*GOOD[:3], 75, *GOOD[4:]),
        (*GOOD[:5], -1, *GOOD[6:]),
        (*GOOD[:6], -3, *GOOD[7:]),
        (*GOOD[:7], -5, *GOOD[8:]),
        (*GOOD[:10], 11, *GOOD[11:]),  # a minute to come
        (*GOOD[:10], 3, *GOOD[11:]),  # twice the same minute
        (*GOOD[:6], *GOOD[10:], *GOOD[6:10]),  # not oldest first
        (*GOOD, 9, 0, 0, 0),
        (*GOOD[:-1], 0.0),
        (*GOOD[:-1], False),
    ],
)
def test_a_damaged_snapshot_is_refused(bad: tuple[int, ...]) -> None:
    assert Iob.restore(GOOD).snapshot() == GOOD
    with pytest.raises(JournalError, match=r"^insulin on board: "):
        Iob.restore(bad)


def test_the_code_words() -> None:
    assert [kind.value for kind in CurveKind] == [0x33, 0x3C, 0x55, 0x5A]
    assert [part.value for part in InsulinPart] == [0x33, 0x3C, 0x55]


def test_equal_curves_are_equal() -> None:
    assert replace(Curve.walsh(180), duration_min=240) == Curve.walsh(240)
