"""What a person may set about alarms, each within a hard range.

The rules of this file: `SETTINGS` is the truth; each row is a field of `Watch` or of `AlarmSettings`, with its range,
default and source. A value outside is refused, never clamped. The no-delivery watch cannot be turned off, and its last
threshold lies before the four hours after which ketoacidosis threatens; only what says so may be None, which is off.
"""

from __future__ import annotations

from itertools import pairwise
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from pumpcore.bounds import within
from pumpcore.errors import InvariantError, QuantityError
from pumpcore.frozen import dataclass, field, fields
from pumpcore.limits import Limit
from pumpcore.units import US_PER_HOUR, US_PER_MINUTE, UU_PER_U

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["OPTIONAL", "SETTINGS", "AlarmSettings", "Watch"]

_OWN: Final = "pumpcore"
_LEAFLET: Final = "patient leaflet: every third day"

_ROWS: Final = (
    Limit(
        id="reminder_us",
        unit="us",
        least=5 * US_PER_MINUTE,
        largest=30 * US_PER_MINUTE,
        default=15 * US_PER_MINUTE,
        bounds="time suspended until the reminder",
        source="Tandem, Omnipod: every 15 min while suspended",
    ),
    Limit(
        id="medium_us",
        unit="us",
        least=30 * US_PER_MINUTE,
        largest=90 * US_PER_MINUTE,
        default=US_PER_HOUR,
        bounds="time without therapy insulin until medium priority",
        source=_OWN,
    ),
    Limit(
        id="high_us",
        unit="us",
        least=US_PER_HOUR,
        largest=3 * US_PER_HOUR,
        default=2 * US_PER_HOUR,
        bounds="time without therapy insulin until high priority",
        source=_OWN,
    ),
    Limit(
        id="danger_us",
        unit="us",
        least=2 * US_PER_HOUR,
        largest=4 * US_PER_HOUR - 15 * US_PER_MINUTE,
        default=3 * US_PER_HOUR + 30 * US_PER_MINUTE,
        bounds="time without therapy insulin until danger of ketoacidosis",
        source="patient leaflet: danger of ketoacidosis after more than four hours without insulin",
    ),
    Limit(
        id="reservoir_low_uu",
        unit="uu",
        least=5 * UU_PER_U,
        largest=50 * UU_PER_U,
        default=20 * UU_PER_U,
        bounds="reservoir low: raised at or below this amount, again at half of it and at 5 U",
        source="Medtronic: 5 to 50 U, default 20 U; Tandem: again at 5 U",
    ),
    Limit(
        id="reservoir_low_us",
        unit="us",
        least=2 * US_PER_HOUR,
        largest=24 * US_PER_HOUR,
        default=8 * US_PER_HOUR,
        bounds="reservoir low: raised when the rest lasts for this time or less",
        source="Medtronic: 2 to 24 h, default 8 h",
    ),
    Limit(
        id="battery_low_percent",
        unit="%",
        least=10,
        largest=50,
        default=25,
        bounds="battery low: raised at or below this percentage",
        source=_OWN,
    ),
    Limit(
        id="battery_empty_percent",
        unit="%",
        least=1,
        largest=5,
        default=2,
        bounds="battery empty: raised at or below this percentage; delivery stops while there is power for it",
        source=_OWN,
    ),
    Limit(
        id="battery_lead_us",
        unit="us",
        least=US_PER_HOUR,
        largest=72 * US_PER_HOUR,
        default=10 * US_PER_HOUR,
        bounds="promised time from battery low to battery empty",
        source="pumpcore: a night and the way to a shop",
    ),
    Limit(
        id="set_age_us",
        unit="us",
        least=24 * US_PER_HOUR,
        largest=168 * US_PER_HOUR,
        default=72 * US_PER_HOUR,
        bounds="age at which the infusion set is to be changed",
        source=_LEAFLET,
    ),
    Limit(
        id="reservoir_age_us",
        unit="us",
        least=24 * US_PER_HOUR,
        largest=168 * US_PER_HOUR,
        default=72 * US_PER_HOUR,
        bounds="age at which the reservoir is to be changed",
        source=_LEAFLET,
    ),
    Limit(
        id="auto_off_us",
        unit="us",
        least=US_PER_HOUR,
        largest=24 * US_PER_HOUR,
        bounds="auto-off: delivery stops after this time without any input from the person",
        source="Medtronic: off, or 1 to 24 h",
    ),
    Limit(
        id="glucose_check_us",
        unit="us",
        least=30 * US_PER_MINUTE,
        largest=5 * US_PER_HOUR,
        bounds="glucose check: time after a bolus without a glucose measurement since",
        source=_OWN,
    ),
    Limit(
        id="missed_meal_us",
        unit="us",
        least=30 * US_PER_MINUTE,
        largest=4 * US_PER_HOUR,
        default=2 * US_PER_HOUR,
        bounds="time after a meal's window during which a missed bolus is asked for",
        source=_OWN,
    ),
    Limit(
        id="sensor_lost_us",
        unit="us",
        least=10 * US_PER_MINUTE,
        largest=4 * US_PER_HOUR,
        default=30 * US_PER_MINUTE,
        bounds="time without a sensor reading after which the link is lost",
        source="Medtronic x23, factory setting (CareLink record CurrentSensorMissedDataTime, 1800000 ms)",
    ),
)

SETTINGS: Final[Mapping[str, Limit]] = MappingProxyType({row.id: row for row in _ROWS})
"""Every setting of alarms by its id, the name of a field of `Watch` or of `AlarmSettings`."""

OPTIONAL: Final = frozenset({"auto_off_us", "glucose_check_us"})
"""The settings that may be None, which is off."""


def _default(name: str) -> int:
    """Return the default of a setting that has one."""
    default = SETTINGS[name].default
    if default is None:
        bug = f"{name} has no default"
        raise InvariantError(bug)
    return default


def _check_all(settings: Watch | AlarmSettings) -> None:
    """Reject a field outside the range of its row."""
    for each in fields(settings):
        if each.name not in SETTINGS:
            continue
        value, row = getattr(settings, each.name), SETTINGS[each.name]
        if value is None and each.name in OPTIONAL:
            continue
        within(value, row.least, row.largest, name=row.id, unit=row.unit)


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """Thresholds of the no-delivery watch: times without therapy insulin.

    Attributes:
        reminder_us: a reminder, while suspended.
        medium_us: medium priority.
        high_us: high priority.
        danger_us: "danger of ketoacidosis".

    Raises:
        QuantityError: a value is not an integer, or the four do not rise.
        LimitError: a value is outside the range of its row.

    Example:
        >>> Watch(danger_us=4 * 3_600_000_000)
        Traceback (most recent call last):
        ...
        pumpcore.errors.LimitError: danger_us: 14400000000 is above the largest allowed, 13500000000 us
    """

    reminder_us: int = _default("reminder_us")
    medium_us: int = _default("medium_us")
    high_us: int = _default("high_us")
    danger_us: int = _default("danger_us")

    def __post_init__(self) -> None:
        """Reject a value outside its hard range, and thresholds that do not rise."""
        _check_all(self)
        for lower, upper in pairwise(each.name for each in fields(self)):
            if getattr(self, lower) >= getattr(self, upper):
                raise QuantityError(upper, getattr(self, upper), f"must be above {lower}, {getattr(self, lower)} us")


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmSettings:
    """Settings of the alarms that are derived from facts; the row of `SETTINGS` says what each field bounds.

    Raises:
        QuantityError: a value is not an integer.
        LimitError: a value is outside the range of its row.

    Example:
        >>> AlarmSettings(auto_off_us=12 * 3_600_000_000).set_age_us
        259200000000
    """

    watch: Watch = field(default_factory=Watch)
    reservoir_low_uu: int = _default("reservoir_low_uu")
    reservoir_low_us: int = _default("reservoir_low_us")
    battery_low_percent: int = _default("battery_low_percent")
    battery_empty_percent: int = _default("battery_empty_percent")
    battery_lead_us: int = _default("battery_lead_us")
    set_age_us: int = _default("set_age_us")
    reservoir_age_us: int = _default("reservoir_age_us")
    auto_off_us: int | None = None
    glucose_check_us: int | None = None
    missed_meal_us: int = _default("missed_meal_us")
    sensor_lost_us: int = _default("sensor_lost_us")

    def __post_init__(self) -> None:
        """Reject a value outside its hard range."""
        if type(self.watch) is not Watch:
            raise QuantityError("watch", self.watch, "must be a Watch")
        _check_all(self)
