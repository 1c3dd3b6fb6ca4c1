"""What a controller may ask for: requests, and the bounds that a person chose for them.

The rule of this file: a controller may ask for little, for a short time, and not at all until a person chose bounds.
What it asked for ends by itself, and then the profile applies.
"""

from __future__ import annotations

from typing import Final

from pumpcore.bounds import Range, within
from pumpcore.errors import TimeError
from pumpcore.frozen import dataclass
from pumpcore.limits import check
from pumpcore.therapy.glucose import READING_US_MAX
from pumpcore.units import US_PER_HOUR

__all__ = ["BolusRequest", "ControllerBounds", "RateRequest", "check_request"]

_DURATION_US: Final = Range(0, 2 * US_PER_HOUR)
_AGE_US: Final = Range(0, READING_US_MAX)


@dataclass(frozen=True, slots=True, kw_only=True)
class RateRequest:
    """A controller's request for a basal rate for a while; then the profile's rate applies again.

    Attributes:
        id: the controller's number for it, at least 1; a number that was seen is answered, never carried out again.
        at_us: when the controller decided.
        rate_uu_per_h: the rate, micro-units per hour; 0 stops basal delivery for the while.
        duration_us: how long it holds from when it is accepted.
    """

    id: int
    at_us: int
    rate_uu_per_h: int
    duration_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BolusRequest:
    """A controller's request for a small bolus.

    Attributes:
        id: as in `RateRequest`.
        at_us: when the controller decided.
        amount_uu: micro-units, at least 1.
    """

    id: int
    at_us: int
    amount_uu: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ControllerBounds:
    """What a person lets a controller ask for; nothing until the person chose.

    Attributes:
        max_rate_uu_per_h: largest rate.
        max_bolus_uu: largest bolus.
        max_duration_us: longest time for a rate, up to 2 hours.
        max_age_us: oldest decision that is still carried out, up to 12 minutes.

    Raises:
        QuantityError: a bound is not an integer.
        LimitError: a bound is outside its hard range.
    """

    max_rate_uu_per_h: int = 0
    max_bolus_uu: int = 0
    max_duration_us: int = 0
    max_age_us: int = 0

    def __post_init__(self) -> None:
        """Reject a bound outside its hard range."""
        check("max_temp_basal_uu_per_h", self.max_rate_uu_per_h, field="max_rate_uu_per_h")
        check("max_bolus_uu", self.max_bolus_uu)
        _DURATION_US.check(self.max_duration_us, name="max_duration_us", unit="us")
        _AGE_US.check(self.max_age_us, name="max_age_us", unit="us")


_REQUEST_ID: Final = Range(1, 2**32 - 1)


def check_request(request: RateRequest | BolusRequest, *, bounds: ControllerBounds, now_us: int) -> None:
    """Reject a controller's request that is old or outside its bounds.

    Whether the device has such a step, and the limits on all insulin, are checked again where it is carried out.

    Args:
        request: what the controller asks for.
        bounds: what a person allows.
        now_us: now.

    Raises:
        QuantityError: a figure is not an integer. Nothing is changed.
        LimitError: the decision is too old, or a figure is outside its bounds. Nothing is changed.
        TimeError: the decision is from the future. Nothing is changed.

    Example:
        >>> bounds = ControllerBounds(max_bolus_uu=500_000, max_age_us=60_000_000)
        >>> check_request(BolusRequest(id=1, at_us=0, amount_uu=600_000), bounds=bounds, now_us=0)
        Traceback (most recent call last):
        ...
        pumpcore.errors.LimitError: request.amount_uu: 600000 is above the largest allowed, 500000 uu
    """
    check("time_us", now_us, field="now_us")
    _REQUEST_ID.check(request.id, name="request.id", unit="")
    if now_us < check("time_us", request.at_us, field="request.at_us"):
        raise TimeError("now_us", now_us, request.at_us)
    within(now_us - request.at_us, 0, bounds.max_age_us, name="request age", unit="us")
    if isinstance(request, BolusRequest):
        within(request.amount_uu, 1, bounds.max_bolus_uu, name="request.amount_uu", unit="uu")
        return
    within(request.duration_us, 1, bounds.max_duration_us, name="request.duration_us", unit="us")
    within(request.rate_uu_per_h, 0, bounds.max_rate_uu_per_h, name="request.rate_uu_per_h", unit="uu/h")
