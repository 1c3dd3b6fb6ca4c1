"""Text and integers are two forms of one quantity: round trips, and `Fraction` as the second opinion."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumpcore.errors import QuantityError
from pumpcore.units import format_u, parse_u, whole_steps

AMOUNTS = st.integers(0, 10**20 - 1)


@given(uu=AMOUNTS, places=st.integers(0, 6))
def test_parse_undoes_format(uu: int, places: int) -> None:
    assert parse_u(format_u(uu, places=places), field="x") == uu


@given(uu=st.integers(1 - 10**20, 10**20 - 1), places=st.integers(0, 6))
def test_format_writes_the_very_number(uu: int, places: int) -> None:
    text = format_u(uu, places=places)
    assert Fraction(text) == Fraction(uu, 10**6)
    decimals = len(text.partition(".")[2])
    assert decimals >= places
    assert decimals == places or not text.endswith("0")


@given(text=st.from_regex(r"\A[0-9]{1,16}(\.[0-9]{1,8})?\Z", fullmatch=True))
def test_parse_reads_the_very_number_or_refuses(text: str) -> None:
    whole, _, fraction = text.partition(".")
    clean = whole == str(int(whole)) and len(whole) <= 14 and len(fraction) <= 6
    if clean:
        assert parse_u(text, field="x") == Fraction(text) * 10**6
    else:
        with pytest.raises(QuantityError):
            parse_u(text, field="x")


@given(text=st.text(alphabet=st.sampled_from("0123456789.-+e_ ,٣\n"), max_size=8) | st.text(max_size=8))
def test_whatever_parses_is_plain_digits(text: str) -> None:
    try:
        uu = parse_u(text, field="x")
    except QuantityError as refused:
        assert refused.field == "x"  # noqa: PT017  # either way is a pass, and says something
    else:
        assert set(text) <= set("0123456789.")
        assert Fraction(text) * 10**6 == uu


@given(steps=st.integers(1, 10**12), step_uu=st.integers(1, 10**6), rest=st.integers(1, 10**6))
def test_whole_steps_counts_or_refuses(steps: int, step_uu: int, rest: int) -> None:
    assert whole_steps(steps * step_uu, step_uu, field="x") == steps
    if rest % step_uu:
        with pytest.raises(QuantityError):
            whole_steps(steps * step_uu + rest, step_uu, field="x")
