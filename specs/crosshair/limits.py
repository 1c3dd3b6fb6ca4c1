# ruff: noqa: INP001, D205, D400, D415 - read by CrossHair, where a docstring is a contract
"""Contracts on the checks of `pumpcore.limits`, each of which CrossHair confirms: for all integers.

The rule of this file: a contract takes the table as it stands and says for every row what the check must answer: the
value itself exactly where it lies in the range, and else an error that names the field, the value, the bound that was
broken and the unit.
"""

from __future__ import annotations

from typing import Final

from pumpcore.errors import LimitError, QuantityError
from pumpcore.limits import HARD_LIMITS, Limits, check

SETTINGS: Final = tuple(row.id for row in HARD_LIMITS.values() if row.setting)
Limits()  # its methods are compiled when they are first used, and CrossHair cannot watch that
Answer = int | tuple[str, int, int, str]


def hard_ranges(value: int) -> list[str]:
    """post: __return__ == []"""
    return [name for name in HARD_LIMITS if answer(name, value) != bounded(name, value, HARD_LIMITS[name].largest)]


def chosen(place: int, choice: int, value: int) -> tuple[Answer, Answer]:
    """pre: 0 <= place < len(SETTINGS)
    pre: HARD_LIMITS[SETTINGS[place]].least <= choice <= HARD_LIMITS[SETTINGS[place]].largest
    post: __return__[0] == __return__[1]
    """
    name = SETTINGS[place]
    return held(Limits(**{name: choice}), name, value), bounded(name, value, choice)


def not_chosen(place: int, value: int) -> tuple[Answer, Answer]:
    """pre: 0 <= place < len(SETTINGS)
    post: __return__[0] == __return__[1]
    """
    name = SETTINGS[place]
    return held(Limits(), name, value), bounded(name, value, HARD_LIMITS[name].least)


def choices(place: int, choice: int) -> tuple[Answer, Answer]:
    """pre: 0 <= place < len(SETTINGS)
    post: __return__[0] == __return__[1]
    """
    name = SETTINGS[place]
    try:
        limits = Limits(**{name: choice})
    except LimitError as error:
        return broken(error), bounded(name, choice, HARD_LIMITS[name].largest)
    return getattr(limits, name), bounded(name, choice, HARD_LIMITS[name].largest)


def no_other_type(value: int | bool | float | str | bytes | None) -> bool:  # noqa: FBT001, PYI041 - what is tried
    """post: __return__ == (type(value) is int)"""
    try:
        check("max_bolus_uu", value)
    except LimitError:
        return True
    except QuantityError:
        return False
    return True


def answer(name: str, value: int) -> Answer:
    """Return the answer of the check."""
    try:
        return check(name, value)
    except LimitError as error:
        return broken(error)


def held(limits: Limits, name: str, value: int) -> Answer:
    """Return the answer of the check against a choice."""
    try:
        return limits.check(name, value)
    except LimitError as error:
        return broken(error)


def broken(error: LimitError) -> Answer:
    """Take the data of an error."""
    return error.limit, error.value, error.bound, error.unit


def bounded(name: str, value: int, most: int) -> Answer:
    """Return the required answer if `most` is the largest allowed; above the hard range, that range is broken."""
    row = HARD_LIMITS[name]
    if value < row.least:
        return name, value, row.least, row.unit
    if value > most:
        return name, value, row.largest if value > row.largest else most, row.unit
    return value
