"""Boluses: what a normal, extended or multiwave bolus is on a device, and the proposal that comes before each.

The rule of this file: nothing here delivers. A bolus is checked whole, against the device and the limits of the person,
before it becomes one or two trains of the kernel; an amount that it cannot deliver exactly is refused, never rounded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from pumpcore.bounds import multiple_of, within
from pumpcore.errors import QuantityError
from pumpcore.frozen import dataclass
from pumpcore.units import exact_int

if TYPE_CHECKING:
    from pumpcore.devices import Device
    from pumpcore.limits import Limits

__all__ = ["Bolus", "BolusPart", "Proposal", "parts_of"]


class BolusPart(NamedTuple):
    """One train of a bolus."""

    channel: Literal["extended", "bolus"]
    duration_us: int
    amount_uu: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Bolus:
    """A bolus that was confirmed.

    Attributes:
        id: the number that the pump gave it; never used twice.
        at_us: when it began.
        fast_uu: the part at the device's speed.
        extended_uu: the part spread over `extended_us`.
        extended_us: 0 where there is no such part.
        activation: how it came about, an `events.Activation` code word.
        for_meal: whether it is for a meal or for a correction.
        speed: which of the device's other bolus speeds the fast part has; None: the usual one.
        delivered_uu: commanded and not known to have failed.
        not_delivered_uu: what will not be delivered any more: missed, failed or, once it has ended, cancelled.
        uncertain_uu: the part of `delivered_uu` that may not have been delivered.
    """

    id: int
    at_us: int
    fast_uu: int
    extended_uu: int
    extended_us: int
    activation: int
    for_meal: bool = False
    speed: str | None = None
    delivered_uu: int = 0
    not_delivered_uu: int = 0
    uncertain_uu: int = 0

    @property
    def programmed_uu(self) -> int:
        """All of it."""
        return self.fast_uu + self.extended_uu

    @property
    def remaining_uu(self) -> int:
        """What is still to come."""
        return self.programmed_uu - self.delivered_uu - self.not_delivered_uu

    @property
    def kind(self) -> Literal["fast", "extended", "multiwave"]:
        """The Insulin Delivery Service's word for it."""
        if not self.extended_uu:
            return "fast"
        return "multiwave" if self.fast_uu else "extended"


@dataclass(frozen=True, slots=True)
class Proposal:
    """What somebody asked for and nobody has confirmed yet.

    Attributes:
        id: its number; never used twice.
        at_us: when it was made.
        expires_us: the last instant at which it can be confirmed.
        request: what was asked for, an event of `events`.
        basis: what it was computed from; where that has changed, it cannot be confirmed any more.
        amount_uu: insulin that it would add at once, for a person to read; 0 where that is no single amount.
        by_advice: whether the bolus calculator suggested it, from the latest glucose and all boluses before it.
    """

    id: int
    at_us: int
    expires_us: int
    request: object
    basis: tuple[object, ...]
    amount_uu: int
    by_advice: bool = False


def parts_of(  # noqa: PLR0913  # what a bolus is, and what it is checked against
    fast_uu: int,
    extended_uu: int,
    extended_us: int,
    *,
    device: Device,
    limits: Limits,
    speed: str | None = None,
) -> tuple[BolusPart, ...]:
    """Return the trains that deliver a bolus.

    Args:
        fast_uu: micro-units at the device's speed, 0 for none.
        extended_uu: micro-units spread over `extended_us`, 0 for none.
        extended_us: microseconds, 0 where nothing is extended.
        device: what the pump can do.
        limits: what the person chose.
        speed: one of the device's other speeds for the fast part; None: the usual one.

    Returns:
        The extended train and the fast one, as far as there are both.

    Rounding:
        None: what is not on a step of the device is refused.

    Raises:
        QuantityError: an amount is not an integer or not on a step of the device; a duration is not on a step of the
            device, or there is no amount to spread over it; the device has no such speed. Nothing is changed.
        LimitError: an amount or the duration is outside the device's or the person's bounds. Nothing is changed.

    Example:
        >>> from pumpcore.devices import load
        >>> from pumpcore.limits import Limits
        >>> parts_of(2_000_000, 0, 0, device=load("medtronic-523"), limits=Limits(max_bolus_uu=5_000_000))
        (Part(channel='bolus', duration_us=80000000, amount_uu=2000000),)
    """
    for name, amount_uu in (("fast_uu", fast_uu), ("extended_uu", extended_uu)):
        within(amount_uu, 0, None, name=name, unit="uu")
        multiple_of(device.bolus_step_at(amount_uu), amount_uu, name=name, unit="uu")
    least_uu = device.bolus_uu.least
    if extended_uu:
        least_uu = max(least_uu, device.extended_least_uu or 0)
    total_uu = fast_uu + extended_uu
    within(total_uu, least_uu, device.bolus_uu.largest, name="amount_uu", unit="uu")
    limits.check("max_bolus_uu", total_uu)
    _check_extended(extended_uu, extended_us, device)
    extended = (BolusPart("extended", extended_us, extended_uu),) if extended_uu else ()
    if speed is not None and not fast_uu:
        raise QuantityError("speed", speed, "needs an amount at the device's speed")
    fast = (BolusPart("bolus", device.bolus_duration_us(fast_uu, mode=speed), fast_uu),) if fast_uu else ()
    return extended + fast


def _check_extended(extended_uu: int, extended_us: int, device: Device) -> None:
    """Reject a duration that does not go with the extended amount."""
    if not extended_uu:
        if exact_int(extended_us, field="extended_us"):
            raise QuantityError("extended_us", extended_us, "needs an extended amount")
    elif device.extended_us is None:
        raise QuantityError("extended_uu", extended_uu, f"is not possible: {device.id} has no extended bolus")
    else:
        device.extended_us.check(extended_us, name="extended_us", unit="us")
