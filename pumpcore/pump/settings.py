"""What a person may choose, and change at any time: part of the pump's state.

The rule of this file: `Settings` is taken whole or refused whole. What a person leaves open is taken from the device,
so that a device never runs another maker's rules.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pumpcore.alarms import LANGUAGES, AlarmSettings
from pumpcore.devices.suspend import SUSPEND_POLICIES, SuspendPolicy
from pumpcore.errors import LimitError, QuantityError
from pumpcore.fields import check_fields
from pumpcore.frozen import dataclass, field, replace
from pumpcore.limits import Limits, check
from pumpcore.therapy.calculator import policy
from pumpcore.therapy.envelope import ControllerBounds
from pumpcore.therapy.glucose import MgDl, MmolL
from pumpcore.therapy.iob import Curve
from pumpcore.therapy.low_suspend import LowSettings

if TYPE_CHECKING:
    from pumpcore.devices import Device

__all__ = ["Calculator", "Settings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Calculator:
    """What the bolus calculator needs to know of a person.

    Attributes:
        policy: the rule it follows, of `therapy.calculator`; None: the device's own.
        carb_ratio_mg_per_u: milligrams of carbohydrate that one unit covers.
        sensitivity: how far one unit lowers glucose.
        target_low: from below, a correction leads up to here.
        target_high: from above, a correction leads down to here.
        hard_low: below this there is no suggestion: the low is to be treated first.

    Raises:
        QuantityError: a field is of a wrong type, or there is no such policy.
    """

    policy: str | None = None
    carb_ratio_mg_per_u: int
    sensitivity: MgDl | MmolL
    target_low: MgDl | MmolL
    target_high: MgDl | MmolL
    hard_low: MgDl | MmolL = field(default_factory=lambda: MgDl(70))

    def __post_init__(self) -> None:
        """Refuse fields of a wrong type, and a policy that does not exist."""
        check_fields(self)
        if self.policy is not None:
            policy(self.policy)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All that a person may choose.

    Attributes:
        limits: the largest rates and amounts; while one is not chosen, nothing is delivered.
        calculator: the figures of the bolus calculator, if it is on.
        curve: how insulin on board decays.
        alarms: alarm settings, those of the no-delivery watch among them.
        meals: windows of the local day, (from, to) in us since midnight, in which a bolus is to be expected.
        low_suspend: suspend on low glucose, if it is on.
        controller: what an automatic controller may ask for; nothing until a person has chosen.
        remote: whether commands that come over a link are taken.
        suspend_policy: what a suspend does, where the device offers a choice; None: the device's first.
        language: of the texts that `Status.text` gives.

    Raises:
        QuantityError: a field is of a wrong type, or names a policy or language that does not exist.
        LimitError: a meal window ends before it begins, or outside the day.

    Example:
        >>> from pumpcore.devices import load
        >>> Settings().for_device(load("omnipod")).suspend_policy
        'omnipod'
    """

    limits: Limits = field(default_factory=Limits)
    calculator: Calculator | None = None
    curve: Curve = field(default_factory=lambda: Curve.exponential(360, 75))
    alarms: AlarmSettings = field(default_factory=AlarmSettings)
    meals: tuple[tuple[int, int], ...] = ()
    low_suspend: LowSettings | None = None
    controller: ControllerBounds = field(default_factory=ControllerBounds)
    remote: bool = False
    suspend_policy: str | None = None
    language: str = "en"

    def __post_init__(self) -> None:
        """Refuse what no pump can follow."""
        check_fields(self)
        if self.suspend_policy is not None and self.suspend_policy not in SUSPEND_POLICIES:
            raise QuantityError("suspend_policy", self.suspend_policy, f"must be one of {', '.join(SUSPEND_POLICIES)}")
        if self.language not in LANGUAGES:
            raise QuantityError("language", self.language, f"must be one of {', '.join(LANGUAGES)}")
        for index, window in enumerate(self.meals):
            name = f"meals[{index}]"
            if len(window) != 2:  # noqa: PLR2004 - from and to
                raise QuantityError(name, window, "must be a pair of from_us and to_us")
            from_us = check("segment_start_us", window[0], field=f"{name}.from_us")
            to_us = check("segment_start_us", window[1], field=f"{name}.to_us")
            if to_us <= from_us:
                raise LimitError(f"{name}.to_us", to_us, from_us + 1, "us")

    def for_device(self, device: Device) -> Settings:
        """Return the settings with what the person has left open filled in from the device.

        Args:
            device: what the pump can do.

        Raises:
            QuantityError: the device does not offer the suspend policy.
        """
        chosen, calculator = self.suspend_policy, self.calculator
        if chosen is None:
            chosen = device.suspend_policies[0]
        elif chosen not in device.suspend_policies:
            offered = ", ".join(device.suspend_policies)
            raise QuantityError("suspend_policy", chosen, f"is not offered by {device.id}: it offers {offered}")
        if calculator is not None and calculator.policy is None:
            calculator = replace(calculator, policy=device.calculator_policy)
        if chosen == self.suspend_policy and calculator is self.calculator:
            return self
        return replace(self, suspend_policy=chosen, calculator=calculator)

    @property
    def policy(self) -> SuspendPolicy:
        """What a suspend does; `for_device` has chosen it."""
        return SUSPEND_POLICIES[self.suspend_policy or ""]
