"""Decimal text in, integers, decimal text out: the boundary cases by hand."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest

from pumpcore import devices
from pumpcore.errors import QuantityError
from pumpcore.units import (
    US_PER_DAY,
    US_PER_HOUR,
    US_PER_MINUTE,
    US_PER_SECOND,
    UU_PER_U,
    exact_int,
    format_u,
    format_u_per_h,
    parse_u,
    parse_u_per_h,
    whole_steps,
)


@pytest.mark.parametrize(
    ("text", "uu"),
    [
        ("0", 0),
        ("0.0", 0),
        ("0.000001", 1),
        ("0.025", 25_000),
        ("0.6", 600_000),
        ("5", 5_000_000),
        ("1.230000", 1_230_000),
        ("18446744073709.551615", 2**64 - 1),
        ("99999999999999.999999", 10**20 - 1),
    ],
)
def test_parse_is_exact(text: str, uu: int) -> None:
    assert parse_u(text, field="x") == uu
    assert parse_u_per_h(text, field="x") == uu


@pytest.mark.req("DEL-15")
@pytest.mark.parametrize(
    "text",
    [
        ".5",  # read as 5 by a pump in 2023
        "5.",
        "05",  # what is left of 0.5 without its point
        "00",
        "-1",
        "+1",
        "-0",
        "1e3",
        "1E-3",
        " 1",
        "1 ",
        "1\n",
        "1_000",
        "1,5",
        "1.2.3",
        "1.0000000",  # seven decimals, all zero, are still seven
        "0.0000001",
        "100000000000000",
        "9" * 5000,  # more digits than int() takes
        "",
        ".",
        "١",  # noqa: RUF001  # an Arabic-Indic one
        "²",
        "nan",
        "inf",
        "0x10",
        "None",
        "1\0",
    ],
)
def test_parse_refuses_what_can_be_read_in_two_ways(text: str) -> None:
    for parse in (parse_u, parse_u_per_h):
        with pytest.raises(QuantityError, match=r"^bolus: ") as refused:
            parse(text, field="bolus")
        assert refused.value.value == text
        assert "\n" not in str(refused.value)


@pytest.mark.parametrize("value", [0.5, 1, True, None, Decimal("0.5"), Fraction(1, 2), b"0.5", float("nan"), ["1"]])
def test_parse_takes_text_only(value: object) -> None:
    with pytest.raises(QuantityError):
        parse_u(value, field="bolus")  # type: ignore[arg-type]


def test_a_text_that_only_pretends_to_be_text_is_refused() -> None:
    class Text(str):
        __slots__ = ()

    with pytest.raises(QuantityError):
        parse_u(Text("1"), field="bolus")


@pytest.mark.parametrize(
    ("uu", "places", "text"),
    [
        (0, 3, "0.000"),
        (0, 0, "0"),
        (1, 3, "0.000001"),
        (1_200_000, 3, "1.200"),
        (1_200_000, 0, "1.2"),
        (1_200_000, 6, "1.200000"),
        (52_500_000, 3, "52.500"),
        (69_837_500, 3, "69.8375"),
        (-50_000, 3, "-0.050"),
        (10**20 - 1, 3, "99999999999999.999999"),
    ],
)
def test_format_is_exact_and_no_longer_than_needed(uu: int, places: int, text: str) -> None:
    assert format_u(uu, places=places) == text
    assert format_u_per_h(uu, places=places) == text


@pytest.mark.parametrize(
    ("uu", "places"), [(1.2, 3), (True, 3), (10**20, 3), (-(10**20), 3), (1, 7), (1, -1), (1, 2.0), (1, None), ("1", 3)]
)
def test_format_refuses_what_is_no_int(uu: object, places: object) -> None:
    with pytest.raises(QuantityError):
        format_u(uu, places=places)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [True, False, 1.0, "1", Decimal(1), Fraction(1), None, 1j])
def test_exact_int_takes_nothing_but_int(value: object) -> None:
    with pytest.raises(QuantityError, match=r"^n: .* must be an integer$"):
        exact_int(value, field="n")


@pytest.mark.parametrize("value", [0, -1, 2**64, -(2**64)])
def test_exact_int_takes_every_int(value: int) -> None:
    assert exact_int(value, field="n") == value


@pytest.mark.parametrize("device_id", devices.ids())
def test_every_multiple_of_every_step_survives(device_id: str) -> None:
    """Peers make 0.575 of 0.6 (decoding-carelink#198) and lose a pulse of 5362 amounts."""
    device = devices.load(device_id)
    for steps in range(1, device.bolus_uu.largest // device.step_uu + 1):
        uu = steps * device.step_uu
        assert parse_u(format_u(uu), field="bolus") == uu
        assert parse_u(format_u(uu, places=0), field="bolus") == uu
        assert whole_steps(uu, device.step_uu, field="bolus") == steps


@pytest.mark.parametrize(
    ("uu", "step_uu"),
    [(0, 50_000), (-50_000, 50_000), (49_999, 50_000), (50_001, 50_000), (1_230_000, 50_000), (1, 0), (1, -1)],
)
def test_a_part_of_a_step_is_refused_not_rounded(uu: int, step_uu: int) -> None:
    with pytest.raises(QuantityError):
        whole_steps(uu, step_uu, field="bolus")


@pytest.mark.parametrize(("uu", "step_uu"), [(50_000.0, 50_000), (50_000, 50_000.0), (True, 1), ("50000", 50_000)])
def test_whole_steps_refuses_floats(uu: object, step_uu: object) -> None:
    with pytest.raises(QuantityError, match="must be an integer"):
        whole_steps(uu, step_uu, field="bolus")  # type: ignore[arg-type]


def test_whole_steps_names_what_is_at_fault() -> None:
    with pytest.raises(QuantityError, match=r"^trains\[0\]: 1 must be at least one step of 100 uu$"):
        whole_steps(1, 100, field="trains[0]")
    with pytest.raises(QuantityError, match=r"^trains\[0\]: 101 must be a whole number of steps of 100 uu$"):
        whole_steps(101, 100, field="trains[0]")
    with pytest.raises(QuantityError, match=r"^step_uu: 0 must be at least 1 uu$"):
        whole_steps(1, 0, field="trains[0]")


def test_constants() -> None:
    assert UU_PER_U == 10**6
    assert (US_PER_SECOND, US_PER_MINUTE, US_PER_HOUR, US_PER_DAY) == (10**6, 6 * 10**7, 36 * 10**8, 864 * 10**8)
