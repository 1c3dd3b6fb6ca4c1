"""Every range check of pumpcore: a value is an exact integer within its bounds, or it is refused with its data.

The rules of this file: `within` is the only place that compares a value with a least and a largest and raises
`LimitError`; all tables (`limits`, the settings of alarms, the ranges of devices) go through it. An integer is exactly
an `int`: no bool, no float, no subclass, because a subclass may compare as it likes. Nothing is clamped or rounded.
"""

from __future__ import annotations

from pumpcore.errors import LimitError, QuantityError
from pumpcore.frozen import dataclass
from pumpcore.units import exact_int

__all__ = ["Range", "multiple_of", "within"]


def within(value: object, least: int, largest: int | None, *, name: str, unit: str) -> int:
    """Return `value` if it is within its bounds.

    Args:
        value: what was asked for.
        least: the least value allowed.
        largest: the largest value allowed; None: there is none. Below `least`, nothing is allowed.
        name: the name that an error carries.
        unit: the unit of all three, for an error.

    Returns:
        `value`.

    Rounding:
        None: nothing is clamped.

    Raises:
        QuantityError: `value` is not an integer. Nothing is changed.
        LimitError: `value` is outside. Nothing is changed.

    Example:
        >>> within(30, 1, 60, name="minutes", unit="min")
        30
        >>> within(61, 1, 60, name="minutes", unit="min")
        Traceback (most recent call last):
        ...
        pumpcore.errors.LimitError: minutes: 61 is above the largest allowed, 60 min
    """
    if type(value) is int and value >= least and (largest is None or value <= largest):
        return value
    number = exact_int(value, field=name)
    if largest is not None and number > largest:
        raise LimitError(name, number, largest, unit)
    if number < least:
        raise LimitError(name, number, least, unit)
    return number


def multiple_of(step: int, value: int, *, name: str, unit: str) -> int:
    """Return `value` if it is a whole multiple of a step.

    Args:
        step: at least 1.
        value: an integer, in the same unit.
        name: the name that an error carries.
        unit: the unit of both, for an error.

    Returns:
        `value`.

    Rounding:
        None: what lies between two steps is refused.

    Raises:
        QuantityError: `value` is not on a step. Nothing is changed.

    Example:
        >>> multiple_of(30, 45, name="duration", unit="min")
        Traceback (most recent call last):
        ...
        pumpcore.errors.QuantityError: duration: 45 must be a whole multiple of 30 min
    """
    if value % step:
        raise QuantityError(name, value, f"must be a whole multiple of {step} {unit}")
    return value


@dataclass(frozen=True, slots=True)
class Range:
    """The values that are allowed for one quantity; the unit is that of the attribute that holds the range.

    Attributes:
        least: the least value, at least 0.
        largest: the largest value.
        step: values are whole multiples of this.
        default: the factory setting, where there is one.
    """

    least: int
    largest: int
    step: int = 1
    default: int | None = None

    def __post_init__(self) -> None:
        """Reject a range that contradicts itself."""
        ends = (self.least, self.largest, *(() if self.default is None else (self.default,)))
        if (
            any(type(each) is not int for each in (*ends, self.step))
            or self.step < 1
            or not 0 <= self.least <= self.largest
            or any(end % self.step or not self.least <= end <= self.largest for end in ends)
        ):
            raise QuantityError("range", (*ends, self.step), "contradicts itself")

    def check(self, value: object, *, name: str, unit: str) -> int:
        """Return `value` if it is within the range and on a step.

        Args:
            value: what was asked for, in the unit of the range.
            name: the name that an error carries.
            unit: the unit that an error carries.

        Returns:
            `value`.

        Rounding:
            None.

        Raises:
            QuantityError: `value` is not an integer or not a whole multiple of the step. Nothing is changed.
            LimitError: `value` is outside. Nothing is changed.

        Example:
            >>> Range(30, 1440, step=30).check(45, name="duration", unit="min")
            Traceback (most recent call last):
            ...
            pumpcore.errors.QuantityError: duration: 45 must be a whole multiple of 30 min
        """
        if type(value) is int and self.least <= value <= self.largest and not value % self.step:
            return value
        return multiple_of(
            self.step, within(value, self.least, self.largest, name=name, unit=unit), name=name, unit=unit
        )
