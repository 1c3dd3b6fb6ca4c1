"""Exact quantities: the only place where decimal text becomes integers.

The rule of this file: nothing is rounded. A text either names a whole number of micro-units or is refused, and an
integer always has a text that parses back to it. A float is refused at the door; so is anything that a person or a
machine could read in two ways (`.5`, `5.`, `05`, `1e3`, `1_000`, `+1`, digits that are not ASCII).
"""

from __future__ import annotations

import re
from typing import Final

from pumpcore.errors import QuantityError

__all__ = [
    "NEVER_US",
    "US_PER_DAY",
    "US_PER_HOUR",
    "US_PER_MINUTE",
    "US_PER_SECOND",
    "UU_PER_U",
    "exact_int",
    "format_u",
    "format_u_per_h",
    "parse_u",
    "parse_u_per_h",
    "whole_steps",
]

UU_PER_U: Final = 1_000_000
"""Micro-units in one unit of insulin."""

US_PER_SECOND: Final = 1_000_000
US_PER_MINUTE: Final = 60 * US_PER_SECOND
US_PER_HOUR: Final = 60 * US_PER_MINUTE
US_PER_DAY: Final = 24 * US_PER_HOUR

NEVER_US: Final = 1 << 62
"""An instant that never comes."""

_DECIMALS_MAX: Final = 6
_WHOLE_DIGITS_MAX: Final = 14  # as many as the units of a u64 of micro-units
_UU_END: Final = 10 ** (_WHOLE_DIGITS_MAX + _DECIMALS_MAX)

# A second leading zero is refused because "05" is what remains of "0.5" when the point gets lost.
_DECIMAL: Final = re.compile(
    rf"(?P<whole>0|[1-9][0-9]{{0,{_WHOLE_DIGITS_MAX - 1}}})(?:\.(?P<fraction>[0-9]{{1,{_DECIMALS_MAX}}}))?", re.ASCII
)
_GRAMMAR: Final = (
    "is no exact amount: give digits with at most one point between digits, "
    f"at most {_WHOLE_DIGITS_MAX} before and {_DECIMALS_MAX} after it, as text"
)


def parse_u(text: str, *, field: str) -> int:
    """Turn decimal text into micro-units.

    More than six decimals are refused even where they are zeros: who writes them counts in another unit.

    Args:
        text: units of insulin, from `"0"` to `"99999999999999.999999"`.
        field: the name that an error shall carry.

    Returns:
        Micro-units, at least 0.

    Rounding:
        None.

    Raises:
        QuantityError: `text` is no such text (a float, a sign, an exponent, a leading or trailing point, ...).

    Example:
        >>> parse_u("0.025", field="basal")
        25000
        >>> parse_u(".5", field="bolus")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ...
        pumpcore.errors.QuantityError: bolus: '.5' is no exact amount: give digits with ...
    """
    # Asked with `type`, not `isinstance`, because a subclass of str may compare and slice as it likes.
    match = _DECIMAL.fullmatch(text) if type(text) is str else None
    if match is None:
        raise QuantityError(field, text, _GRAMMAR)
    return int(match["whole"]) * UU_PER_U + int((match["fraction"] or "").ljust(_DECIMALS_MAX, "0"))


def parse_u_per_h(text: str, *, field: str) -> int:
    """Turn decimal text into micro-units per hour, by the grammar of `parse_u`.

    Args:
        text: units per hour.
        field: the name that an error shall carry.

    Returns:
        Micro-units per hour, at least 0.

    Rounding:
        None.

    Raises:
        QuantityError: `text` is no such text.

    Example:
        >>> parse_u_per_h("1.1", field="segments[0].rate")
        1100000
    """
    return parse_u(text, field=field)


def format_u(uu: int, *, places: int = 3) -> str:
    """Write micro-units as the exact decimal of units.

    Args:
        uu: micro-units, of at most 20 digits; negative only for a difference, since `parse_u` takes no sign.
        places: decimals to write at least, 0 to 6; more are written only as far as they are not zero.

    Returns:
        Decimal text; `parse_u` of it gives `uu` back for every `uu` that is not negative.

    Rounding:
        None.

    Raises:
        QuantityError: `uu` or `places` is no int or out of range.

    Example:
        >>> format_u(1_200_000), format_u(25), format_u(-50_000), format_u(2_000_000, places=0)
        ('1.200', '0.000025', '-0.050', '2')
    """
    if not 0 <= exact_int(places, field="places") <= _DECIMALS_MAX:
        raise QuantityError("places", places, f"is not within 0 to {_DECIMALS_MAX}")
    if not -_UU_END < exact_int(uu, field="uu") < _UU_END:
        raise QuantityError("uu", uu, f"has more than {_WHOLE_DIGITS_MAX + _DECIMALS_MAX} digits")
    whole, fraction = divmod(abs(uu), UU_PER_U)
    decimals = f"{fraction:0{_DECIMALS_MAX}d}".rstrip("0").ljust(places, "0")
    return f"{'-' if uu < 0 else ''}{whole}{'.' if decimals else ''}{decimals}"


def format_u_per_h(uu_per_h: int, *, places: int = 3) -> str:
    """Write micro-units per hour as the exact decimal of units per hour, by the rules of `format_u`.

    Args:
        uu_per_h: micro-units per hour.
        places: decimals to write at least, 0 to 6.

    Returns:
        Decimal text.

    Rounding:
        None.

    Raises:
        QuantityError: as `format_u`.

    Example:
        >>> format_u_per_h(25_000)
        '0.025'
    """
    return format_u(uu_per_h, places=places)


def exact_int(value: object, *, field: str) -> int:
    """Let an int through and nothing else.

    Args:
        value: what was given; a bool is no int here, a float or `Decimal` never, whatever its value.
        field: the name that an error shall carry.

    Returns:
        `value`.

    Raises:
        QuantityError: `value` is no int.

    Example:
        >>> exact_int(50_000, field="step_uu")
        50000
        >>> exact_int(50_000.0, field="step_uu")
        Traceback (most recent call last):
        ...
        pumpcore.errors.QuantityError: step_uu: 50000.0 is no integer
    """
    if type(value) is not int:
        raise QuantityError(field, value, "is no integer")
    return value


def whole_steps(uu: int, step_uu: int, *, field: str) -> int:
    """Count the steps that make up an amount exactly.

    Args:
        uu: the amount, micro-units.
        step_uu: one step, micro-units, at least 1.
        field: the name of the amount, for an error.

    Returns:
        Steps, at least 1.

    Rounding:
        None: a part of a step is refused, and so is nothing at all (flooring to zero is a refusal, not a zero).

    Raises:
        QuantityError: `uu` is no whole number of steps, or less than one step; or one of both is no int.

    Example:
        >>> whole_steps(600_000, 25_000, field="bolus")
        24
        >>> whole_steps(1_230_000, 50_000, field="cap")
        Traceback (most recent call last):
        ...
        pumpcore.errors.QuantityError: cap: 1230000 is no whole number of steps of 50000 uu
    """
    if exact_int(step_uu, field="step_uu") < 1:
        raise QuantityError("step_uu", step_uu, "is less than 1 uu")
    steps, rest = divmod(exact_int(uu, field=field), step_uu)
    if steps < 1:
        raise QuantityError(field, uu, f"is less than one step of {step_uu} uu")
    if rest:
        raise QuantityError(field, uu, f"is no whole number of steps of {step_uu} uu")
    return steps
