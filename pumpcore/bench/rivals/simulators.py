"""The pump models of two diabetes simulators, given a day's basal to deliver: no pulses, amounts in floats.

The rule of this file: a model is asked as its own simulator asks it, at its own interval, and what it delivers is
added up. It has no instants to compare, so its error is stated: what it delivered less what was programmed. The floats
are theirs.
"""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from pumpcore.units import UU_PER_U

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["MINUTES_A_DAY", "iints_basal", "micro", "simglucose_basal"]

MINUTES_A_DAY: Final = 24 * 60
_IINTS_MINUTES: Final = 5


def simglucose_basal(rates_uu_per_h: Sequence[int]) -> Callable[[], float]:
    """Set up simglucose's pump model to deliver a day's basal, a minute at a time.

    Args:
        rates_uu_per_h: the rate of each minute, uu/h.

    Returns:
        What delivers the day and says how much it was, U.

    Raises:
        ImportError: simglucose, or a part of what it needs, is not installed.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it imports what is on its way out
        pump: Any = import_module("simglucose.actuator.pump").InsulinPump.withName("Insulet")
    rates = [rate / UU_PER_U / 60 for rate in rates_uu_per_h]

    def deliver() -> float:
        return float(sum(pump.basal(rate) for rate in rates))

    return deliver


def iints_basal(rates_uu_per_h: Sequence[int], *, step_uu: int) -> Callable[[], float]:
    """Set up the IINTS SDK's pump model to deliver a day's basal, five minutes at a time.

    Args:
        rates_uu_per_h: the rate of each minute, uu/h.
        step_uu: the step that it delivers in.

    Returns:
        What delivers the day and says how much it was, U.

    Raises:
        ImportError: the SDK is not installed.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pump: Any = import_module("iints.core.devices.models").PumpModel(quantization_units=step_uu / UU_PER_U)
    doses = [
        sum(rates_uu_per_h[begin : begin + _IINTS_MINUTES]) / UU_PER_U / 60
        for begin in range(0, len(rates_uu_per_h), _IINTS_MINUTES)
    ]

    def deliver() -> float:
        return float(sum(pump.deliver(dose, float(_IINTS_MINUTES)).delivered_units for dose in doses))

    return deliver


def micro(delivered_u: object) -> int:
    """Write what a model delivered as micro-units, to the nearest.

    Args:
        delivered_u: units, a float.

    Returns:
        Micro-units.

    Raises:
        TypeError: it is no float.

    Example:
        >>> micro(22.8)
        22800000
    """
    if not isinstance(delivered_u, float):
        raise TypeError(type(delivered_u).__name__)
    return round(delivered_u * UU_PER_U)
