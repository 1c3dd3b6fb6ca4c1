"""What follows from each kind of annunciation, as a table.

The rules of this file: `ANNUNCIATIONS` is the truth, with one row for each kind. A row's priority is that of the first
rung of its ladder; unanswered, an annunciation climbs the ladder, and it never climbs down but by an answer. Whatever
stops delivery is of high priority. Whatever is of low priority or more clears only once its cause is gone (if it has
one that lasts) and the person has confirmed it; only information goes by itself.
"""

from __future__ import annotations

from enum import Enum, unique
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from pumpcore.alarms.kinds import Kind, Priority
from pumpcore.frozen import dataclass
from pumpcore.units import US_PER_HOUR, US_PER_MINUTE

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ANNUNCIATIONS", "AUDIO_PAUSE_US_LARGEST", "DETAIL_CHARACTERS_LARGEST", "AnnunciationRow", "Clears", "Rung"]

AUDIO_PAUSE_US_LARGEST: Final = 2 * US_PER_MINUTE
"""The longest audio pause. Source: own; two minutes are usual for patient monitors (remembered)."""

DETAIL_CHARACTERS_LARGEST: Final = 80
"""The longest detail of an annunciation. Source: own, one line of a small display."""


@unique
class Clears(Enum):
    """When an annunciation leaves the board."""

    GONE_AND_CONFIRMED = "cause gone and confirmed"
    CONFIRMED = "confirmed"  # it tells of something that happened once: there is no cause that could last
    GONE = "cause gone"


class Rung(NamedTuple):
    """One level of escalation.

    Attributes:
        after_us: how long the annunciation has then been unanswered, from becoming pending; microseconds.
        priority: its priority from then on.
        sound_every_us: time between two sounds; None: one sound on reaching the rung, and no more.
        siren: whether its sound is the loudest the pump can make.
    """

    after_us: int
    priority: Priority
    sound_every_us: int | None
    siren: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnunciationRow:
    """One row of the table.

    Attributes:
        kind: what is annunciated.
        ids_code: its annunciation type in the Insulin Delivery Service; None where the service has none.
        ladder: the levels of escalation, level 0 first.
        stops_delivery: whether nothing may be delivered while it is active.
        clears: when it leaves the board.
        again_after_us: time until it is pending again if it was confirmed with the cause still there; None: never.
        snooze_us_largest: the longest snooze; on a higher rung the bound of that priority holds if it is shorter.
        source: where the kind, with its code, comes from; priorities and times are pumpcore's own.
    """

    kind: Kind
    ids_code: int | None = None
    ladder: tuple[Rung, ...]
    stops_delivery: bool = False
    clears: Clears = Clears.GONE_AND_CONFIRMED
    again_after_us: int | None = None
    snooze_us_largest: int
    source: str

    @property
    def priority(self) -> Priority:
        """The priority it is raised with."""
        return self.ladder[0].priority

    def snooze_bound_us(self, level: int) -> int:
        """Return how long it may be snoozed at a level of escalation, in microseconds."""
        return min(self.snooze_us_largest, _SNOOZE_US[self.ladder[level].priority])


_IDS: Final = "Bluetooth Insulin Delivery Service 1.0.1, annunciation types"
_OWN: Final = "pumpcore"
_REMIND: Final = "Tandem, Omnipod: a reminder every 15 min while suspended"
_WATCH: Final = "pumpcore: the no-delivery watch"
_THIRD_DAY: Final = "patient leaflet: reservoir and infusion set are changed every third day"

_STOPPING_SNOOZE_US: Final = 10 * US_PER_MINUTE
_SNOOZE_US: Final = {
    Priority.HIGH: 15 * US_PER_MINUTE,
    Priority.MEDIUM: US_PER_HOUR,
    Priority.LOW: 4 * US_PER_HOUR,
    Priority.INFORMATION: 15 * US_PER_MINUTE,  # it asks for nothing that could be put off
}

# Peers turn an unanswered alarm into a siren after 10 minutes, and an unanswered alert into an alarm by levels of 30.
_HIGH: Final = (
    Rung(0, Priority.HIGH, 2 * US_PER_MINUTE),
    Rung(10 * US_PER_MINUTE, Priority.HIGH, US_PER_MINUTE, siren=True),
)
_MEDIUM: Final = (
    Rung(0, Priority.MEDIUM, 5 * US_PER_MINUTE),
    Rung(30 * US_PER_MINUTE, Priority.HIGH, 2 * US_PER_MINUTE),
    Rung(40 * US_PER_MINUTE, Priority.HIGH, US_PER_MINUTE, siren=True),
)
# What has time must not wake anybody with a siren at night.
_LOW: Final = (Rung(0, Priority.LOW, 30 * US_PER_MINUTE),)
# Whoever hears it needs only touch a button; it lasts for minutes at most.
_WARNING: Final = (Rung(0, Priority.INFORMATION, US_PER_MINUTE),)
_ONCE: Final = (Rung(0, Priority.INFORMATION, None),)
_REMINDER: Final = (Rung(0, Priority.INFORMATION, 15 * US_PER_MINUTE),)


def _row(  # noqa: PLR0913  # one for each column of the table
    kind: Kind,
    ladder: tuple[Rung, ...],
    ids_code: int | None = None,
    *,
    again_after_us: int | None = None,
    clears: Clears = Clears.GONE_AND_CONFIRMED,
    source: str = _IDS,
) -> AnnunciationRow:
    """Return a row that does not stop delivery; it may be snoozed as long as its priority allows."""
    return AnnunciationRow(
        kind=kind,
        ids_code=ids_code,
        ladder=ladder,
        clears=clears,
        again_after_us=again_after_us,
        snooze_us_largest=_SNOOZE_US[ladder[0].priority],
        source=source,
    )


def _stopping(kind: Kind, ids_code: int | None = None, *, source: str = _IDS) -> AnnunciationRow:
    """Return a row that stops delivery."""
    return AnnunciationRow(
        kind=kind,
        ids_code=ids_code,
        ladder=_HIGH,
        stops_delivery=True,
        again_after_us=30 * US_PER_MINUTE,
        snooze_us_largest=_STOPPING_SNOOZE_US,
        source=source,
    )


_ROWS: Final = (
    _stopping(Kind.SYSTEM_ISSUE, 0x000F),
    _stopping(Kind.MECHANICAL_ISSUE, 0x0033),
    _stopping(Kind.OCCLUSION_DETECTED, 0x003C),
    _stopping(Kind.RESERVOIR_ISSUE, 0x0055),
    _stopping(Kind.RESERVOIR_EMPTY, 0x005A),
    # Told again by its level (half, last units), not by the clock.
    _row(Kind.RESERVOIR_LOW, _LOW, 0x0066),
    # The reservoir change itself keeps delivery from starting; the person is at hand.
    _row(Kind.PRIMING_ISSUE, _MEDIUM, 0x0069, again_after_us=30 * US_PER_MINUTE),
    _stopping(Kind.INFUSION_SET_INCOMPLETE, 0x0096),
    _stopping(Kind.INFUSION_SET_DETACHED, 0x0099),
    _stopping(Kind.POWER_SOURCE_INSUFFICIENT, 0x00A5),
    _stopping(Kind.BATTERY_EMPTY, 0x00AA),
    _row(Kind.BATTERY_LOW, _LOW, 0x00C3, again_after_us=4 * US_PER_HOUR),
    _row(Kind.BATTERY_MEDIUM, _ONCE, 0x00CC, clears=Clears.GONE),
    _row(Kind.BATTERY_FULL, _ONCE, 0x00F0, clears=Clears.GONE),
    _stopping(Kind.TEMPERATURE_OUT_OF_RANGE, 0x00FF),
    _stopping(Kind.AIR_PRESSURE_OUT_OF_RANGE, 0x0303),
    # A meal may be without its insulin now.
    _row(Kind.BOLUS_CANCELED, _MEDIUM, 0x030C, clears=Clears.CONFIRMED),
    _row(Kind.TBR_OVER, _ONCE, 0x0330, clears=Clears.CONFIRMED),
    _row(Kind.TBR_CANCELED, _LOW, 0x033F, clears=Clears.CONFIRMED),
    # The cap itself withholds what is beyond it; to stop the rest as well would add a danger.
    _row(Kind.MAX_DELIVERY, _HIGH, 0x0356, again_after_us=30 * US_PER_MINUTE),
    # A lost clock must not stop basal.
    _row(Kind.DATE_TIME_ISSUE, _MEDIUM, 0x0359, again_after_us=US_PER_HOUR),
    _row(Kind.TEMPERATURE, _LOW, 0x0365, again_after_us=4 * US_PER_HOUR),
    _row(Kind.NO_DELIVERY_REMINDER, _REMINDER, again_after_us=15 * US_PER_MINUTE, clears=Clears.GONE, source=_REMIND),
    _row(Kind.NO_DELIVERY_MEDIUM, _MEDIUM, again_after_us=30 * US_PER_MINUTE, source=_WATCH),
    _row(Kind.NO_DELIVERY_HIGH, _HIGH, again_after_us=30 * US_PER_MINUTE, source=_WATCH),
    _row(Kind.NO_DELIVERY_DANGER, _HIGH, again_after_us=15 * US_PER_MINUTE, source=_WATCH),
    _row(Kind.DISCONNECT_OVER, _MEDIUM, again_after_us=15 * US_PER_MINUTE, source=_OWN),
    _row(Kind.AUTO_OFF_SOON, _WARNING, clears=Clears.GONE, source="Omnipod: 15 min of beeps; Tandem: 30 s"),
    _stopping(Kind.AUTO_OFF, source="Medtronic, Omnipod, Tandem: auto-off; Roche, Animas too (remembered)"),
    _row(Kind.STEPS_MISSED, _MEDIUM, clears=Clears.CONFIRMED, source=_OWN),
    # With a damaged record nobody knows what was delivered, so nothing more is until a person has looked.
    _stopping(Kind.RECORD_DAMAGED, source=_OWN),
    _row(Kind.BATTERY_LEAD_TIME, _MEDIUM, again_after_us=US_PER_HOUR, source=_OWN),
    _row(Kind.SET_AGE, _LOW, again_after_us=12 * US_PER_HOUR, source=_THIRD_DAY),
    _row(Kind.RESERVOIR_AGE, _LOW, again_after_us=12 * US_PER_HOUR, source=_THIRD_DAY),
    _row(Kind.GLUCOSE_LOW, _HIGH, again_after_us=30 * US_PER_MINUTE, source=_OWN),
    _row(Kind.GLUCOSE_LOW_PREDICTED, _LOW, source=_OWN),
    # Insulin stays stopped without anybody knowing whether glucose is still low: the person has to find out.
    _row(Kind.GLUCOSE_UNKNOWN, _MEDIUM, again_after_us=30 * US_PER_MINUTE, source=_OWN),
    _row(Kind.GLUCOSE_CHECK, _LOW, source=_OWN),
    _row(Kind.MISSED_MEAL, _LOW, source=_OWN),
    _row(Kind.SENSOR_LINK_LOST, _LOW, again_after_us=4 * US_PER_HOUR, source=_OWN),
    _row(Kind.BOLUS_NOT_CONFIRMED, _LOW, clears=Clears.CONFIRMED, source=_OWN),
    # Insulin may or may not have gone in: whoever doses again should know.
    _row(Kind.PULSE_UNCERTAIN, _MEDIUM, clears=Clears.CONFIRMED, source=_OWN),
    _row(Kind.CONTROLLER_EXPIRED, _LOW, clears=Clears.CONFIRMED, source=_OWN),
    _row(Kind.BOLUS_HOUR, _LOW, clears=Clears.CONFIRMED, source="Tandem: above 1.5 x max bolus in 60 min"),
)

ANNUNCIATIONS: Final[Mapping[Kind, AnnunciationRow]] = MappingProxyType({row.kind: row for row in _ROWS})
"""The row of each kind."""
