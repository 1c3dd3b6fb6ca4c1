"""What a person may set about alarms, each within a hard range.

The rules of this file: `SETTINGS` is the truth; each row is a field of `Watch` or of `AlarmSettings`, with its range,
default and source. A value outside is refused, never clamped. The no-delivery watch cannot be turned off, and its last
threshold lies before the four hours after which ketoacidosis threatens; only what says so may be None, which is off.
"""

from __future__ import annotations

from itertools import pairwise
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from pumpcore.errors import InvariantError, LimitError, QuantityError
from pumpcore.frozen import dataclass, field, fields
from pumpcore.limits import Limit
from pumpcore.units import US_PER_HOUR, US_PER_MINUTE, UU_PER_U, exact_int

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
        bounds="suspended so long: reminder",
        source="Tandem, Omnipod: every 15 min while suspended",
    ),
    Limit(
        id="medium_us",
        unit="us",
        least=30 * US_PER_MINUTE,
        largest=90 * US_PER_MINUTE,
        default=US_PER_HOUR,
        bounds="without therapy insulin so long: medium priority",
        source=_OWN,
    ),
    Limit(
        id="high_us",
        unit="us",
        least=US_PER_HOUR,
        largest=3 * US_PER_HOUR,
        default=2 * US_PER_HOUR,
        bounds="without therapy insulin so long: high priority",
        source=_OWN,
    ),
    Limit(
        id="danger_us",
        unit="us",
        least=2 * US_PER_HOUR,
        largest=4 * US_PER_HOUR - 15 * US_PER_MINUTE,
        default=3 * US_PER_HOUR + 30 * US_PER_MINUTE,
        bounds="without therapy insulin so long: danger of ketoacidosis",
        source="patient leaflet: danger of ketoacidosis after more than four hours without insulin",
    ),
    Limit(
        id="reservoir_low_uu",
        unit="uu",
        least=5 * UU_PER_U,
        largest=50 * UU_PER_U,
        default=20 * UU_PER_U,
        bounds="so much or less is left: reservoir low; told again at half of it and at 5 U",
        source="Medtronic: 5 to 50 U, default 20 U; Tandem: again at 5 U",
    ),
    Limit(
        id="reservoir_low_us",
        unit="us",
        least=2 * US_PER_HOUR,
        largest=24 * US_PER_HOUR,
        default=8 * US_PER_HOUR,
        bounds="what is left lasts so long or less: reservoir low",
        source="Medtronic: 2 to 24 h, default 8 h",
    ),
    Limit(
        id="battery_low_percent",
        unit="%",
        least=10,
        largest=50,
        default=25,
        bounds="so much or less is left: battery low",
        source=_OWN,
    ),
    Limit(
        id="battery_empty_percent",
        unit="%",
        least=1,
        largest=5,
        default=2,
        bounds="so much or less is left: battery empty, delivery stops while there is power to do so and to say it",
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
        bounds="the infusion set is so old: change it",
        source=_LEAFLET,
    ),
    Limit(
        id="reservoir_age_us",
        unit="us",
        least=24 * US_PER_HOUR,
        largest=168 * US_PER_HOUR,
        default=72 * US_PER_HOUR,
        bounds="the reservoir is so old: change it",
        source=_LEAFLET,
    ),
    Limit(
        id="auto_off_us",
        unit="us",
        least=US_PER_HOUR,
        largest=24 * US_PER_HOUR,
        bounds="the person has touched nothing for so long: delivery stops",
        source="Medtronic: off, or 1 to 24 h",
    ),
    Limit(
        id="glucose_check_us",
        unit="us",
        least=30 * US_PER_MINUTE,
        largest=5 * US_PER_HOUR,
        bounds="so long after a bolus, with no glucose measured since: check it",
        source=_OWN,
    ),
    Limit(
        id="missed_meal_us",
        unit="us",
        least=30 * US_PER_MINUTE,
        largest=4 * US_PER_HOUR,
        default=2 * US_PER_HOUR,
        bounds="how long after a meal's window it is asked for",
        source=_OWN,
    ),
    Limit(
        id="sensor_lost_us",
        unit="us",
        least=10 * US_PER_MINUTE,
        largest=4 * US_PER_HOUR,
        default=30 * US_PER_MINUTE,
        bounds="no reading of the sensor for so long: link lost",
        source="Medtronic x23, factory setting (CareLink record CurrentSensorMissedDataTime, 1800000 ms)",
    ),
)

SETTINGS: Final[Mapping[str, Limit]] = MappingProxyType({row.id: row for row in _ROWS})
"""Every setting of alarms by its id, the name of a field of `Watch` or of `AlarmSettings`."""

OPTIONAL: Final = frozenset({"auto_off_us", "glucose_check_us"})
"""The settings that may be None, which is off."""


def _default(name: str) -> int:
    """Give the default of a setting that has one."""
    default = SETTINGS[name].default
    if default is None:
        bug = f"{name} has no default"
        raise InvariantError(bug)
    return default


def _check_all(settings: Watch | AlarmSettings) -> None:
    """Refuse each field that is outside the range of its row."""
    for each in fields(settings):
        if each.name not in SETTINGS:
            continue
        value, row = getattr(settings, each.name), SETTINGS[each.name]
        if value is None and each.name in OPTIONAL:
            continue
        if exact_int(value, field=row.id) < row.least:
            raise LimitError(row.id, value, row.least, row.unit)
        if value > row.largest:
            raise LimitError(row.id, value, row.largest, row.unit)


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """Set the no-delivery watch: after how long without therapy insulin it says what.

    Attributes:
        reminder_us: while suspended, from this on a reminder.
        medium_us: from this on medium priority.
        high_us: from this on high priority.
        danger_us: from this on "danger of ketoacidosis".

    Raises:
        QuantityError: a value is no int, or the four do not rise.
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
        """Refuse what lies outside the hard ranges, and thresholds that do not rise."""
        _check_all(self)
        for lower, upper in pairwise(each.name for each in fields(self)):
            if getattr(self, lower) >= getattr(self, upper):
                raise QuantityError(upper, getattr(self, upper), f"is not above {lower}, {getattr(self, lower)} us")


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmSettings:
    """Set what is derived from facts; what each field bounds says the row of `SETTINGS`.

    Raises:
        QuantityError: a value is no int.
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
        """Refuse what lies outside the hard ranges."""
        if not isinstance(self.watch, Watch):
            raise QuantityError("watch", self.watch, "is no setting of the no-delivery watch")
        _check_all(self)
