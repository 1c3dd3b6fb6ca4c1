"""The words of annunciations: what may be annunciated, how urgent it is, and where it stands.

The rule of this file: names and code words only; what follows from a kind is in `table`. The first kinds are those of
the Bluetooth Insulin Delivery Service (IDS) 1.0, the others are ours.
"""

from __future__ import annotations

from enum import Enum, IntEnum, unique
from typing import Final

__all__ = ["AnnunciationStatus", "Kind", "Priority"]


@unique
class Kind(Enum):
    """What a person is told of."""

    SYSTEM_ISSUE = "system_issue"
    MECHANICAL_ISSUE = "mechanical_issue"
    OCCLUSION_DETECTED = "occlusion_detected"
    RESERVOIR_ISSUE = "reservoir_issue"
    RESERVOIR_EMPTY = "reservoir_empty"
    RESERVOIR_LOW = "reservoir_low"
    PRIMING_ISSUE = "priming_issue"
    INFUSION_SET_INCOMPLETE = "infusion_set_incomplete"
    INFUSION_SET_DETACHED = "infusion_set_detached"
    POWER_SOURCE_INSUFFICIENT = "power_source_insufficient"
    BATTERY_EMPTY = "battery_empty"
    BATTERY_LOW = "battery_low"
    BATTERY_MEDIUM = "battery_medium"
    BATTERY_FULL = "battery_full"
    TEMPERATURE_OUT_OF_RANGE = "temperature_out_of_range"
    AIR_PRESSURE_OUT_OF_RANGE = "air_pressure_out_of_range"
    BOLUS_CANCELED = "bolus_canceled"
    TBR_OVER = "tbr_over"
    TBR_CANCELED = "tbr_canceled"
    MAX_DELIVERY = "max_delivery"
    DATE_TIME_ISSUE = "date_time_issue"
    TEMPERATURE = "temperature"
    # Ours
    NO_DELIVERY_REMINDER = "no_delivery_reminder"
    NO_DELIVERY_MEDIUM = "no_delivery_medium"
    NO_DELIVERY_HIGH = "no_delivery_high"
    NO_DELIVERY_DANGER = "no_delivery_danger"
    DISCONNECT_OVER = "disconnect_over"
    AUTO_OFF_SOON = "auto_off_soon"
    AUTO_OFF = "auto_off"
    STEPS_MISSED = "steps_missed"
    RECORD_DAMAGED = "record_damaged"
    BATTERY_LEAD_TIME = "battery_lead_time"
    SET_AGE = "set_age"
    RESERVOIR_AGE = "reservoir_age"
    GLUCOSE_LOW = "glucose_low"
    GLUCOSE_LOW_PREDICTED = "glucose_low_predicted"
    GLUCOSE_UNKNOWN = "glucose_unknown"
    GLUCOSE_CHECK = "glucose_check"
    MISSED_MEAL = "missed_meal"
    SENSOR_LINK_LOST = "sensor_link_lost"
    BOLUS_NOT_CONFIRMED = "bolus_not_confirmed"
    PULSE_UNCERTAIN = "pulse_uncertain"
    CONTROLLER_EXPIRED = "controller_expired"
    BOLUS_HOUR = "bolus_hour"

    # Members are alone of their kind, and hashing their names costs a step of the pump more than anything else.
    __hash__ = object.__hash__


@unique
class Priority(Enum):
    """How soon a person must act, by IEC 60601-1-8: at once, promptly, when there is time; information asks nothing."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFORMATION = "information"

    @property
    def rank(self) -> int:
        """Its place, 0 for the most urgent."""
        return _RANKS[self]


_RANKS: Final = {priority: rank for rank, priority in enumerate(Priority)}


@unique
class AnnunciationStatus(IntEnum):
    """What a person has answered, with the code words of the IDS (pairwise Hamming distance 4)."""

    PENDING = 0x33
    SNOOZED = 0x3C
    CONFIRMED = 0x55
